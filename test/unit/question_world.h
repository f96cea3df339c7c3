// SPDX-License-Identifier: Apache-2.0
// Random small worlds for the tests of scan and question: events with ties, nulls and several case
// keys, split into several parts, and a brute-force process map over the same events that shares
// no code with the program. Checks end the test by cmocka's asserts.
#ifndef DS_TEST_QUESTION_WORLD_H
#define DS_TEST_QUESTION_WORLD_H

#include "question/question.h"

enum { QW_EVENTS_MAX = 400, QW_NAMES_MAX = 8, QW_KEYS_MAX = 3 };

// One event as the world knows it; -1 = absent.
typedef struct qw_event {
  uint32_t customer;
  uint32_t touchpoint;
  int64_t time_ms;
  uint32_t batch;
  uint32_t orders[QW_KEYS_MAX];
  uint32_t orders_count;
  int color;    // string property
  int value;    // number property
  bool has_day; // date property
  int64_t day;
} qw_event;

// What is asked, and the same as option texts.
typedef struct qw_question {
  bool by_case;
  bool attach;
  int where; // -1 = none, else which of the world's filters
  bool has_from, has_to;
  int64_t from_ms, to_ms;
  int range;
  bool by;
  uint32_t top;
  int level; // 0 basic, 1 cases, 2 all; below 0: not asked
} qw_question;

typedef struct qw_world {
  qw_event events[QW_EVENTS_MAX];
  uint32_t count;
  uint32_t batches;
  uint32_t touchpoints;
  uint32_t customers;
  uint64_t seed;
} qw_world;

// Events of a case, in order, as indexes into the world.
typedef struct qw_case {
  uint32_t events[QW_EVENTS_MAX];
  uint32_t count;
} qw_case;

// The cases that a question about journeys is about, found by brute force, and the group of each;
// the caller frees both arrays. Returns how many.
uint32_t qw_cases(const qw_world *world, const qw_question *question, qw_case **ret_cases,
                  const char ***ret_groups);

// A quantile of sorted values, type 7.
double qw_quantile(const double *sorted, uint32_t count, double p);

// A row of the brute-force answer; nodes use `to`, starts, ends.
typedef struct qw_row {
  char group[32];
  uint32_t from, to;
  uint64_t occurrences, cases, starts, ends;
  double mean, median, p90, min, max, total;
} qw_row;

typedef struct qw_answer {
  qw_row *nodes;
  qw_row *edges;
  uint32_t nodes_count, edges_count;
} qw_answer;

uint64_t qw_random(uint64_t *seed);
void qw_make(qw_world *world, uint64_t seed);
void qw_ask(qw_question *question, uint64_t *seed, const qw_world *world);

// The world as a snapshot: batches in `parts` parts (1 = all in one).
ds_snapshot *qw_snapshot(const qw_world *world, bool one_part);
void qw_snapshot_free(ds_snapshot *snapshot);

// Rows for a part; those of one customer in the order of arrival. A zeroed one is empty.
typedef struct qw_rows {
  ds_buf bytes;
  size_t *start;
  uint8_t *partition;
  uint32_t count;
  uint32_t capacity;
} qw_rows;

void qw_rows_put(qw_rows *rows, const ds_event *event);
void qw_rows_done(qw_rows *rows);

// An empty snapshot, and a part of such rows as one more place of it (none when there are no
// rows). Event ids already in the snapshot are dropped.
ds_snapshot *qw_snapshot_new(void);
void qw_part_add(ds_snapshot *snapshot, const ds_space *space, const qw_rows *rows);

// The same in small blocks.
void qw_part_add_sparse(ds_snapshot *snapshot, const ds_space *space, const qw_rows *rows);

// Names of one kind: code i is texts[i].
void qw_names(ds_names *names, const char *const *texts, uint32_t count);

// The brute-force answer, and its release.
void qw_solve(const qw_world *world, const qw_question *question, qw_answer *answer);
void qw_answer_done(qw_answer *answer);

// Option texts of a question, in `arena`; returns how many.
uint32_t qw_options(const qw_question *question, ds_option_value *values, ds_arena *arena);

// Every row of the result is in the answer with the same figures, and the other way round.
void qw_compare(const qw_answer *answer, const qw_question *question, const ds_result *result);

const char *qw_touchpoint(uint32_t code);

// The shipped catalogue in which touchpoints of worlds ask and answer as well: order_placed is
// answered by viewed, viewed by delivered and order_placed.
const ds_catalogue *qw_catalogue(ds_arena *arena);

#endif
