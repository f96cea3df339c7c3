// SPDX-License-Identifier: Apache-2.0
// The kernel of `quality`: one pass over whole customers that counts what there is (census.h) and
// what is odd about it. Private to question/. May use base/ to scan/. Invariant: every figure is a
// sum over events or journeys, every example the least of its kind, so none depends on blocks or
// threads.
#ifndef DS_QUESTION_QUALITY_KERNEL_H
#define DS_QUESTION_QUALITY_KERNEL_H

#include "question/calendar.h"
#include "question/census.h"

// An event that arrives this long after it happened is late.
#define QUALITY_LATE_MS DS_DAY_MS

// What is odd about single events and customers; quality.c says more of each.
typedef enum quality_kind {
  QUALITY_EQUAL_TIMES, QUALITY_DUPLICATES, QUALITY_OUT_OF_ORDER, QUALITY_WITHOUT_CASE,
  QUALITY_LATE, QUALITY_EARLY, QUALITY_FUTURE, QUALITY_UNIDENTIFIED, QUALITY_HEAVY,
  QUALITY_KINDS
} quality_kind;

// Of a customer's identifier in an example.
enum { QUALITY_SUBJECT_BYTES = 96 };

// The earliest event of a kind, of equal times that of the least subject, of its own the first.
typedef struct quality_example {
  bool any;
  int64_t time_ms;
  uint32_t touchpoint;
  uint32_t subject_size;
  char subject[QUALITY_SUBJECT_BYTES];
} quality_example;

// Counts and example of one kind.
typedef struct quality_count {
  uint64_t count;
  quality_example example;
} quality_count;

// The hashes of the values of one case key, one for each customer that has it.
typedef struct quality_hashes {
  uint64_t *hash;
  uint64_t count;
  uint64_t capacity;
  bool overflow; // did not fit: nothing is kept
} quality_hashes;

// What the kernel is told; read-only while it runs.
typedef struct quality_context {
  census_context census;
  const ds_calendar *days;
  const uint8_t *stage;    // by touchpoint: 0 = takes no part in the order of stages
  const bool *key_is_kind; // by case key of the space: customers are called by it alone
  const ds_names *keys;    // of the space
  uint32_t order_key;      // position of the only key that orders are judged by; DS_NONE = all
  int64_t now_ms;
  uint64_t heavy_events;   // a customer with more events is heavy
  size_t hash_bytes_max;   // per case key and state
} quality_context;

// One touchpoint, beside the census.
typedef struct quality_touchpoint {
  uint32_t *days; // events per day of the calendar; NULL: none yet
  uint64_t out_of_order;
  uint64_t late;
  uint64_t midnight; // at exactly 00:00, UTC or in the store's zone
} quality_touchpoint;

// What a walk over journeys works with; zeroed at first.
typedef struct quality_walk {
  uint8_t *reached;   // the latest stage of each value of the journey, key after key
  uint32_t *reached_at; // by key: where its values begin
  uint32_t reached_capacity;
  uint32_t keys_capacity;
  ds_map64 seen;      // events of a journey that share their time
} quality_walk;

// Takes event e of journey j, which is odd in the way `kind`.
typedef ds_code (*quality_take)(void *to, quality_kind kind, const ds_block *block, uint32_t j,
                                uint32_t e, ds_error *err);

// Calls `take` for all that is odd about journey j: what counting and listing have in common.
DS_CHECKED ds_code ds_quality_walk(const quality_context *context, quality_walk *walk,
                                   const ds_block *block, uint32_t j, quality_take take, void *to,
                                   ds_error *err);
void ds_quality_walk_done(void *walk);

// Whether an instant of that day of the calendar is exactly 00:00, UTC or in the days' zone.
static inline bool quality_is_midnight(const ds_calendar *days, uint32_t day, int64_t time_ms) {
  return time_ms % DS_DAY_MS == 0 || (day != DS_NONE && time_ms == days->start[day]);
}

// One thread's counts, or the merged ones.
typedef struct quality_state {
  census_state census;
  const quality_context *context;
  quality_count kind[QUALITY_KINDS];
  quality_touchpoint *touchpoint;
  quality_hashes *hashes; // by position of the key in the plan
  quality_walk walk;
} quality_state;

// The row of the kernel table.
extern const ds_kernel ds_quality_kernel;

#endif
