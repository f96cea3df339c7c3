// SPDX-License-Identifier: Apache-2.0
// Simulated events as rows for a store: the codes of their names, and what the gate leaves out:
// e-mail addresses and review texts, which are personal and are counted. May use base/, model/,
// ingest/simulate_*.
#ifndef DS_INGEST_SIMULATE_ROWS_H
#define DS_INGEST_SIMULATE_ROWS_H

#include "ingest/simulate_event.h"
#include "model/event.h"

// How names of one kind of simulation are coded in a space.
typedef struct ds_sim_codes {
  uint16_t key[DS_SIM_KEYS];
  uint16_t property[DS_SIM_PROPERTIES];
  uint8_t word_size[W_COUNT]; // in bytes
  uint32_t import; // what every row carries
  uint64_t arrival;
  uint64_t seed;
} ds_sim_codes;

// Fills an empty space with the names of a kind; import, arrival and seed are the caller's.
DS_CHECKED ds_code ds_sim_codes_init(ds_sim_codes *codes, ds_sim_kind kind, ds_space *space,
                                     ds_error *err);

// The subject of an event, "customer_id=C17" or "anonymous_id=A68", written to `at` (64 bytes).
ds_str ds_sim_subject(char *at, uint64_t customer, const ds_sim_event *event);

// Appends the row; adds to *personal what was left out.
DS_CHECKED ds_code ds_sim_encode(const ds_sim_codes *codes, uint64_t customer, ds_str subject,
                                 const ds_sim_event *event, ds_buf *out, uint64_t *personal,
                                 ds_error *err);

#endif
