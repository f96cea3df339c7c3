// SPDX-License-Identifier: Apache-2.0
// Simulated events as text: CSV or NDJSON, without printf, because millions of lines are written.
// May use base/, model/, ingest/simulate_*.
#ifndef DS_INGEST_SIMULATE_TEXT_H
#define DS_INGEST_SIMULATE_TEXT_H

#include "base/buf.h"
#include "ingest/simulate_event.h"

// Room that one line needs at most.
#define DS_SIM_LINE_BYTES_MAX 2048u

// What of the events is written.
typedef struct ds_sim_text {
  uint64_t seed; // part of the ids
  ds_sim_kind kind;
  bool basic; // only customer, event, time and value
} ds_sim_text;

// Appends the first line of a CSV file.
void ds_sim_put_csv_head(const ds_sim_text *text, ds_buf *out);

// Writes one line; returns its end.
char *ds_sim_put_csv(const ds_sim_text *text, char *at, uint64_t customer,
                     const ds_sim_event *event);
char *ds_sim_put_ndjson(const ds_sim_text *text, char *at, uint64_t customer,
                        const ds_sim_event *event);

#endif
