// SPDX-License-Identifier: Apache-2.0
// A simulated shop or subscription software. Seeded: the same seed gives the same bytes on any
// machine and any number of threads. Every effect and its size is stated in docs/simulator.md, from
// simulate_parameters.inc.h. May use base/, io/, model/, store/.
// Never question/.
#ifndef DS_INGEST_SIMULATE_H
#define DS_INGEST_SIMULATE_H

#include "base/progress.h"
#include "ingest/stage.h"

// Filled by ds_simulate_options_init.
typedef struct ds_simulate_options {
  size_t struct_size;
  uint64_t orders; // or subscriptions; about 15 events each, or 115
  uint64_t seed;
  const char *kind; // "shop" or "saas"
  bool milliseconds; // false: times at whole seconds
  bool basic;        // only customer, event, time and value, each event once, by time
  uint32_t threads;
  ds_progress *progress;
} ds_simulate_options;

// 20,000 orders of the shop, seed 1, one thread.
void ds_simulate_options_init(ds_simulate_options *options);

// What `orders` counts in a kind of simulation: "orders", "subscriptions".
const char *ds_simulate_counted(const char *kind_name);

// Writes all events, by customer, in the order of coming in, as NDJSON ("ndjson") or CSV ("csv",
// without duplicates) through `write`, a chunk at a time.
DS_CHECKED ds_code ds_simulate_text(const ds_simulate_options *options, const char *format,
                                    ds_code (*write)(void *context, const void *data, size_t size,
                                                     ds_error *err),
                                    void *context, ds_error *err);

// Puts all events into `store` (open to write) as one import named "simulate".
DS_CHECKED ds_code ds_simulate_store(const ds_simulate_options *options, ds_store *store,
                                     ds_build_stats *ret_stats, ds_error *err);

#endif
