// SPDX-License-Identifier: Apache-2.0
// What a store knows of the events in its parts: the table of subjects, the filters, and both
// together in appends, compared with a plain set of (subject, id) over random lives of a store.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "long_run.h"
#include "store/id_filter.h"
#include "store/known.h"
#include "store/state.h"
#include "store/subject_table.h"

static uint64_t next_random(uint64_t *state) {
  *state += 0x9e3779b97f4a7c15u;
  uint64_t z = *state;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static void ok(ds_code code) { assert_int_equal(code, DS_OK); }

// Every number that was added under a hash comes back, and no number that never was.
static void test_table(void **state) {
  (void)state;
  enum { SUBJECTS_COUNT = 20000, PARTITION = 7 };
  static uint64_t hashes[SUBJECTS_COUNT];
  ds_subject_table table = {.slot = NULL};
  uint64_t dice = 3;
  uint32_t cursor = 0, number = 0;
  assert_false(ds_subject_table_next(&table, (uint64_t)PARTITION << 56, &cursor, &number));
  for (uint32_t i = 0; i < SUBJECTS_COUNT; i++) {
    // A quarter of them shares their hash with the one before: several numbers are then possible.
    hashes[i] = i % 4 == 1 ? hashes[i - 1]
                           : (uint64_t)PARTITION << 56 | next_random(&dice) >> 8;
    if (i % 1000 == 999) // The hardest: all bits set.
      hashes[i] = (uint64_t)PARTITION << 56 | UINT64_MAX >> 8;
    const uint32_t own = PARTITION << 24 | (i % 1000 == 999 ? 0xFFFFFF - i / 1000 : i);
    assert_true(ds_subject_table_add(&table, hashes[i], own));
    assert_true(ds_subject_table_add(&table, hashes[i], own)); // once
  }
  assert_int_equal(table.count, SUBJECTS_COUNT);
  for (uint32_t i = 0; i < SUBJECTS_COUNT; i++) {
    const uint32_t own = PARTITION << 24 | (i % 1000 == 999 ? 0xFFFFFF - i / 1000 : i);
    bool found = false;
    for (cursor = 0; ds_subject_table_next(&table, hashes[i], &cursor, &number);)
      found = found || number == own;
    assert_true(found);
  }
  uint32_t guesses = 0;
  for (uint32_t i = 0; i < SUBJECTS_COUNT; i++) {
    cursor = 0;
    guesses += ds_subject_table_next(&table, (uint64_t)PARTITION << 56 | next_random(&dice) >> 8,
                                     &cursor, &number);
  }
  assert_true(guesses <= 2);
  assert_true(ds_subject_table_bytes(&table) <= (size_t)22 * SUBJECTS_COUNT);
  ds_subject_table_done(&table);
}

// No key that was added is denied, and few others are not.
static void test_filter(void **state) {
  (void)state;
  static const uint32_t sizes[] = {1, 2, 4, 5, 6, 9, 100, 4097, 65536};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    ds_id_filter filter;
    uint64_t *memory = malloc(ds_id_filter_bytes(sizes[s]));
    assert_non_null(memory);
    memset(memory, 0xff, ds_id_filter_bytes(sizes[s]));
    ds_id_filter_place(&filter, sizes[s], memory);
    uint64_t dice = s;
    for (uint32_t i = 0; i < sizes[s]; i++) // The worst distribution, too: keys of zeros and ones.
      ds_id_filter_add(&filter, i == 0 ? 0 : i == 1 ? UINT64_MAX : next_random(&dice));
    dice = s;
    for (uint32_t i = 0; i < sizes[s]; i++)
      assert_true(
          ds_id_filter_may_hold(&filter, i == 0 ? 0 : i == 1 ? UINT64_MAX : next_random(&dice)));
    uint32_t maybe = 0;
    for (uint32_t i = 0; i < 200000; i++)
      maybe += ds_id_filter_may_hold(&filter, next_random(&dice));
    assert_true(maybe < 40); // 12 are expected of a full one
    assert_true(ds_id_filter_bytes(sizes[s]) <= sizes[s] * 33 / 10 + 64);
    free(memory);
  }
}

enum { SUBJECTS = 400, IDS = 60, LOG = 0x7fffffff };

// A store on a simulated machine, and beside it which events it must hold: 0 = not, LOG = appended,
// else the import that brought it.
typedef struct life {
  ds_io_sim *sim;
  ds_store *store;
  size_t memory_bytes;
  bool jobs;
  uint64_t dice;
  uint32_t owner[SUBJECTS][IDS];
  uint32_t last_import;
  uint64_t subjects_most, filters_most, taken_most;
  ds_space space;
} life;

static void open_store(life *own) {
  ds_store_options options;
  ds_store_options_init(&options);
  options.io = ds_io_sim_io(own->sim);
  options.write = options.create = true;
  options.threads = 2;
  // Logs are soon full, and jobs committed some appends later.
  options.compact = own->jobs;
  options.log_bytes = own->jobs ? 20000 : options.log_bytes;
  options.job_delay = own->jobs ? 2 : 0;
  ok(ds_store_open("store", &options, &own->store, NULL));
  // Snapshots need more than the budgets that are tried here.
  own->store->known = ds_known_new(own->memory_bytes, 2);
  assert_non_null(own->store->known);
}

static uint32_t roll(life *own, uint32_t sides) {
  return (uint32_t)(next_random(&own->dice) % sides);
}

// One random event; some subjects are met far more often than others.
static void add_event(life *own, uint32_t import, uint64_t arrival, uint32_t *ret_subject,
                      uint32_t *ret_id, ds_buf *rows) {
  *ret_subject = roll(own, 4) == 0 ? roll(own, 5) : roll(own, SUBJECTS);
  *ret_id = roll(own, IDS);
  char text[32];
  snprintf(text, sizeof text, "customer_id=%u", *ret_subject);
  const ds_event event = {.has_id = true,
                          .id = *ret_id * 0x9e3779b97f4a7c15u,
                          .time_ms = 1600000000000 + roll(own, 1000000),
                          .import = import,
                          .arrival = arrival,
                          .subject = ds_str_of(text)};
  ok(ds_event_encode(&event, rows, NULL));
}

static void append(life *own) {
  const uint32_t events = 1 + roll(own, roll(own, 2) == 0 ? 5 : 300);
  ds_buf rows;
  ds_buf_init(&rows, 1u << 24);
  uint64_t expected = 0, duplicates = 0;
  for (uint32_t i = 0; i < events; i++) {
    uint32_t subject, id;
    add_event(own, 0, 0, &subject, &id, &rows);
    expected += own->owner[subject][id] != 0;
    if (own->owner[subject][id] == 0)
      own->owner[subject][id] = LOG;
  }
  ok(ds_store_append(own->store, &own->space, &rows, &duplicates, NULL));
  assert_int_equal(duplicates, expected);
  ds_buf_done(&rows);
}

static void import(life *own) {
  ds_import_scope scope;
  ok(ds_store_import_begin(own->store, &scope, NULL));
  ds_buf rows[DS_PARTITIONS];
  for (uint32_t p = 0; p < DS_PARTITIONS; p++)
    ds_buf_init(&rows[p], 1u << 20);
  const uint32_t events = 1 + roll(own, 400);
  for (uint32_t i = 0; i < events; i++) {
    ds_buf row;
    ds_buf_init(&row, 1u << 10);
    uint32_t subject, id;
    add_event(own, scope.id, scope.arrival, &subject, &id, &row);
    ds_row head;
    ds_row_open(row.data, &head);
    ds_buf_append(&rows[ds_subject_partition(ds_subject_hash(head.subject))], row.data, row.size);
    ds_buf_done(&row);
    if (own->owner[subject][id] == 0)
      own->owner[subject][id] = scope.id;
  }
  const ds_build_options options = {.io = ds_store_io(own->store), .directory = scope.directory,
                                    .next = &scope.next_part, .space = &own->space,
                                    .places = scope.places, .places_count = scope.places_count,
                                    .dedupe = true};
  ds_builder *builder;
  ok(ds_builder_new(&options, &builder, NULL));
  for (uint32_t p = 0; p < DS_PARTITIONS; p++) {
    const uint8_t *row[512];
    uint32_t count = 0, size;
    for (size_t at = 0; at < rows[p].size; at += size) {
      row[count++] = rows[p].data + at;
      memcpy(&size, rows[p].data + at, sizeof size);
    }
    ok(ds_builder_add(builder, p, row, count, NULL));
    ds_buf_done(&rows[p]);
  }
  const ds_part_info *parts;
  uint32_t count;
  ok(ds_builder_finish(builder, &parts, &count, NULL));
  const ds_import_info info = {.mapping = "", .files = "f", .fingerprint = scope.id};
  ok(ds_store_import_commit(own->store, &scope, parts, count, &info, NULL));
  ds_builder_free(builder);
  own->last_import = scope.id;
}

static void undo(life *own) {
  if (own->last_import == 0)
    return;
  const uint32_t id = 1 + roll(own, own->last_import);
  uint64_t events = 0, expected = 0;
  const ds_code code = ds_store_undo_import(own->store, id, &events, NULL);
  assert_true(code == DS_OK || code == DS_INPUT); // undone before
  for (uint32_t s = 0; s < SUBJECTS; s++)
    for (uint32_t i = 0; i < IDS; i++)
      if (own->owner[s][i] == id) {
        own->owner[s][i] = 0;
        expected++;
      }
  assert_int_equal(events, expected);
}

static void expect_size(life *own) {
  uint64_t expected = 0;
  for (uint32_t s = 0; s < SUBJECTS; s++)
    for (uint32_t i = 0; i < IDS; i++)
      expected += own->owner[s][i] != 0;
  ds_snapshot *snapshot;
  ok(ds_store_snapshot(own->store, &snapshot, NULL));
  assert_int_equal(snapshot->events, expected);
  ds_snapshot_free(snapshot);
  const ds_known_stats stats = ds_known_get_stats(own->store->known);
  assert_true(stats.table_bytes <= own->memory_bytes / 2);
  assert_true(stats.filter_bytes <= own->memory_bytes / 2);
  own->subjects_most = own->subjects_most > stats.subjects ? own->subjects_most : stats.subjects;
  own->taken_most =
      own->taken_most > stats.filters_taken ? own->taken_most : stats.filters_taken;
  own->filters_most = own->filters_most > stats.filters ? own->filters_most : stats.filters;
}

static void live(life *own, uint32_t steps) {
  for (uint32_t i = 0; i < steps; i++) {
    const uint32_t what = roll(own, 40);
    if (what == 39)
      ok(ds_store_warm(own->store, NULL));
    else if (what < 6)
      ok(ds_store_seal(own->store, NULL));
    else if (what < 9)
      import(own);
    else if (what < 11)
      undo(own);
    else if (what < 12)
      ok(ds_store_compact(own->store, NULL, NULL));
    else if (what < 13) {
      ds_store_close(own->store);
      open_store(own);
    } else
      append(own);
    if (i % 10 == 0)
      expect_size(own);
  }
}

// Whether filters were made, or taken from jobs, as often as is to be tried.
static bool is_tried(const life *own) {
  return (own->jobs ? own->taken_most : own->filters_most) > 5;
}

static void one_life(uint64_t seed, size_t memory_bytes, bool jobs, uint32_t steps) {
  life *own = calloc(1, sizeof *own);
  own->sim = ds_io_sim_new(seed);
  own->dice = seed;
  own->memory_bytes = memory_bytes;
  own->jobs = jobs;
  uint32_t index;
  ds_space_init(&own->space);
  ok(ds_names_add(&own->space.touchpoints, ds_str_of("delivered"), &index, NULL));
  ok(ds_names_add(&own->space.sources, ds_str_of("test"), &index, NULL));
  open_store(own);
  live(own, steps);
  // A life that sealed so little, or merged so late, that this was not tried goes on.
  for (uint32_t more = 0; more < 20 && memory_bytes >= 1u << 20 && !is_tried(own); more++)
    live(own, steps);
  expect_size(own);
  assert_true(memory_bytes < 1u << 20 || own->subjects_most > 300);
  assert_true(memory_bytes < 1u << 20 || is_tried(own));
  ds_store_close(own->store);
  ds_space_done(&own->space);
  ds_io_sim_free(own->sim);
  free(own);
}

// With all the memory it wants; with too little for the tables; for most filters; for anything;
// each with and without jobs.
static void test_lives(void **state) {
  (void)state;
  static const size_t budgets[] = {(size_t)1 << 30, 80000, 6000, 128};
#ifdef __SANITIZE_THREAD__
  const uint64_t usual = 1; // Slowest of all there.
#else
  const uint64_t usual = 2;
#endif
  const uint64_t seeds = long_run() ? 40 : usual;
  for (uint64_t seed = 1; seed <= seeds; seed++)
    for (size_t b = 0; b < sizeof budgets / sizeof *budgets; b++)
      one_life(seed * 10 + b, budgets[b], (seed + b) % 2 != 0, 150);
}

// An append that finds a store without parts readies what the first seal's filters are given to.
static void test_first_part(void **state) {
  (void)state;
  life *own = calloc(1, sizeof *own);
  uint32_t index;
  own->sim = ds_io_sim_new(5);
  own->dice = 5;
  own->memory_bytes = (size_t)1 << 30;
  own->jobs = true;
  ds_space_init(&own->space);
  ok(ds_names_add(&own->space.touchpoints, ds_str_of("delivered"), &index, NULL));
  ok(ds_names_add(&own->space.sources, ds_str_of("test"), &index, NULL));
  open_store(own);
  ds_known_free(own->store->known);
  own->store->known = NULL;
  for (uint32_t i = 0; i < 100 && own->store->view.parts_count == 0; i++)
    append(own);
  assert_int_equal(own->store->view.parts_count, 1);
  append(own);
  assert_true(ds_known_get_stats(own->store->known).filters_taken > 0);
  ds_store_close(own->store);
  ds_space_done(&own->space);
  ds_io_sim_free(own->sim);
  free(own);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_filter),
      cmocka_unit_test(test_lives),
      cmocka_unit_test(test_first_part),
  };
  return cmocka_run_group_tests_name("store known", tests, NULL, NULL);
}
