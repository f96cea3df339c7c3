// SPDX-License-Identifier: Apache-2.0
// Simulated events as rows for a store, as an import of the same events as a file makes them: what
// is personal is sealed, and what identifies a customer beside the account gives a fact of
// identity. May use base/, model/, store/vault.h, ingest/simulate_*.
#ifndef DS_INGEST_SIMULATE_ROWS_H
#define DS_INGEST_SIMULATE_ROWS_H

#include "ingest/simulate_event.h"
#include "model/event.h"
#include "store/vault.h"

// How names of one kind of simulation are coded in a space.
typedef struct ds_sim_codes {
  uint16_t key[DS_SIM_KEYS];
  uint16_t property[DS_SIM_PROPERTIES];
  uint8_t word_size[W_COUNT]; // in bytes
  uint16_t seen, with;        // of facts of identity
  ds_vault *vault;
  uint32_t import; // what every row carries
  uint64_t arrival;
  uint64_t seed;
} ds_sim_codes;

// The first event of a customer's account with each of its identifiers; zero at the beginning.
enum { DS_SIM_DEVICES = 3, DS_SIM_OTHERS = DS_SIM_DEVICES + 2 };
typedef struct ds_sim_seen {
  const ds_sim_event *first[DS_SIM_OTHERS]; // devices, e-mail, loyalty number
} ds_sim_seen;

// Fills an empty space with the names of a kind; vault, import, arrival and seed are the caller's.
DS_CHECKED ds_code ds_sim_codes_init(ds_sim_codes *codes, ds_sim_kind kind, ds_space *space,
                                     ds_error *err);

// The subject of an event, "customer_id=C17" or "anonymous_id=A68", written to `at` (64 bytes).
ds_str ds_sim_subject(char *at, uint64_t customer, const ds_sim_event *event);

// Appends the row; adds to *personal what was sealed, in `sealed`, which is scratch.
DS_CHECKED ds_code ds_sim_encode(const ds_sim_codes *codes, uint64_t customer, ds_str subject,
                                 const ds_sim_event *event, ds_buf *out, ds_buf *sealed,
                                 uint64_t *personal, ds_error *err);

// Notes the identifiers of an event.
void ds_sim_see(ds_sim_seen *seen, uint64_t customer, const ds_sim_event *event);

// Appends the facts that follow, under the account `subject`; *ret_facts rows.
DS_CHECKED ds_code ds_sim_facts(const ds_sim_codes *codes, const ds_sim_seen *seen,
                                uint64_t customer, ds_str subject, ds_buf *out,
                                uint32_t *ret_facts, ds_error *err);

#endif
