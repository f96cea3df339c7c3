// SPDX-License-Identifier: Apache-2.0
// What there is, counted in one pass: events and journeys per touchpoint, values per property and
// touchpoint with their range or most frequent texts, values per case key. Private to question/;
// the kernel of schema and a part of quality's. May use base/ to scan/. Invariant: no figure or
// example depends on blocks, threads or their order.
#ifndef DS_QUESTION_CENSUS_H
#define DS_QUESTION_CENSUS_H

#include "question/question.h"

// Distinct texts are counted up to CENSUS_TEXTS_MAX; beyond, only the least texts are kept.
enum { CENSUS_TEXTS_MAX = 4096, CENSUS_LEAST = 3, CENSUS_LEAST_BYTES = 48 };

// What to count; the plan's columns say which properties and keys, and touchpoints when there are
// times. Read-only while scanning.
typedef struct census_context {
  const ds_plan *plan;
  uint32_t touchpoints;
  bool examples; // ranges and texts too
} census_context;

// One touchpoint.
typedef struct census_touchpoint {
  uint64_t events;
  uint64_t journeys;
  int64_t first_ms;
  int64_t last_ms;
  uint64_t last_journey; // number of the latest journey counted
} census_touchpoint;

// The least distinct texts, cut.
typedef struct census_least {
  uint32_t count;
  uint32_t size[CENSUS_LEAST];
  char text[CENSUS_LEAST][CENSUS_LEAST_BYTES];
} census_least;

// One property in the type in which it is read.
typedef struct census_property {
  ds_type type;
  uint64_t values;
  uint64_t *of_touchpoint; // NULL: none yet
  double min_number, max_number;
  int64_t min_i, max_i;
  ds_names texts;
  uint64_t *text_values; // of CENSUS_TEXTS_MAX texts; NULL: none yet
  bool many_texts; // more than CENSUS_TEXTS_MAX
  census_least least;
} census_property;

// One case key; with regrouped journeys there are none.
typedef struct census_key {
  uint64_t events;  // that carry it
  uint64_t values;  // pairs of journey and value
  census_least least;
  uint64_t *used;   // of the latest block: bits of the values that some event carries
  uint32_t used_words;
} census_key;

// One thread's counts, or the merged ones.
typedef struct census_state {
  const census_context *context;
  ds_arena *arena;
  uint64_t events;
  uint64_t journeys;
  census_touchpoint *touchpoint;
  census_property *property; // by position in the plan
  census_key *key;
} census_state;

// The functions of a kernel over that state, as in scan.h.
DS_CHECKED ds_code ds_census_init(census_state *state, const census_context *context,
                               ds_arena *arena, ds_error *err);
DS_CHECKED ds_code ds_census_add(census_state *state, const ds_block *block, ds_error *err);
DS_CHECKED ds_code ds_census_merge(census_state *into, const census_state *from, ds_error *err);
void ds_census_done(census_state *state);

// The same as a row of the kernel table; the context is a census_context.
extern const ds_kernel ds_census_kernel;

// The plan and the context of counting what events carry, their properties alone, with ranges and
// texts (`examples`) or without. It is asked of each event by itself, so customers are put together
// only where they are chosen as a whole. Both live as long as `arena`; the context points to
// *ret_plan.
DS_CHECKED ds_code ds_census_values(const ds_request *request, bool examples, ds_arena *arena,
                                    ds_plan *ret_plan, census_context *ret_context,
                                    ds_error *err);

// Examples of a property in words: "1.5 to 20", or its most frequent texts; of a key: some values.
// Appended to `out`.
void ds_census_examples(const census_property *property, ds_buf *out);
void ds_census_key_examples(const census_key *key, ds_buf *out);

#endif
