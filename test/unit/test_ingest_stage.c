// SPDX-License-Identifier: Apache-2.0
// Staging: many rows through spill and several runs come out once, in order, whatever the memory
// and the threads; a disk that fills up or an import given up leaves the store as it was.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "ingest/stage.h"

enum { BIG_EVENTS = 90000, EVENTS = 150000, CUSTOMERS = 500 };

static ds_store *store_new(ds_io *io) {
  ds_store *store;
  ds_error err = {0};
  ds_store_options options;
  ds_store_options_init(&options);
  options.io = io;
  options.write = options.create = true;
  if (ds_store_open("s", &options, &store, &err) != DS_OK)
    fail_msg("%s", err.message);
  return store;
}

static void space_fill(ds_space *space) {
  ds_error err;
  uint32_t code;
  ds_space_init(space);
  assert_int_equal(ds_names_add(&space->touchpoints, ds_str_of("viewed"), &code, &err), DS_OK);
  assert_int_equal(ds_names_add(&space->touchpoints, ds_str_of("bought"), &code, &err), DS_OK);
  assert_int_equal(ds_names_add(&space->sources, ds_str_of("test"), &code, &err), DS_OK);
  assert_int_equal(ds_names_add(&space->properties, ds_str_of("note"), &code, &err), DS_OK);
}

// Stages event n: customer 0 has BIG_EVENTS of them, so that its partition outgrows its share;
// every eighth event equals another, and some rows are longer than a shelf.
static ds_code stage_event(ds_stage_area *stage, uint32_t n, ds_error *err) {
  static char text[9000];
  char subject[32];
  ds_buf row;
  memset(text, 'x', sizeof text);
  const bool big = n < BIG_EVENTS;
  snprintf(subject, sizeof subject, "customer_id=C%u", big ? 0 : n % CUSTOMERS + 1);
  const uint32_t same = n - n % 8 / 7;
  ds_event_property note = {.name = 0, .value = {.type = DS_TYPE_STRING}};
  note.value.text = (ds_str){text, n % 1000 == 999 ? sizeof text : big ? 20 : 3};
  const ds_event event = {
      .touchpoint = (uint16_t)(same % 2),
      .import = ds_stage_scope(stage)->id,
      .arrival = ds_stage_scope(stage)->arrival,
      .time_ms = 1700000000000 + (int64_t)(same * 7919u % 100000u) * 1000,
      .subject = ds_str_of(subject),
      .properties = &note,
      .properties_count = 1,
  };
  ds_buf_init(&row, 1 << 20);
  ds_code code = ds_event_encode(&event, &row, err);
  if (code == DS_OK)
    code = ds_stage_row(stage, ds_subject_hash(event.subject), row.data, (uint32_t)row.size, err);
  ds_buf_done(&row);
  return code;
}

static ds_code import_all(ds_store *store, uint32_t threads, size_t memory_bytes,
                          ds_build_stats *stats, ds_error *err) {
  ds_space space;
  ds_stage_area *stage = NULL;
  space_fill(&space);
  ds_code code = ds_stage_new(store, &space, threads, memory_bytes, NULL, &stage, err);
  for (uint32_t n = 0; code == DS_OK && n < EVENTS; n++)
    code = stage_event(stage, n, err);
  ds_import_info info = {.mapping = "", .files = "test", .when_ms = 1, .rows = EVENTS};
  if (code == DS_OK)
    info.id = ds_stage_scope(stage)->id;
  if (code == DS_OK)
    code = ds_stage_finish(stage, &info, stats, err);
  ds_stage_free(stage);
  ds_space_done(&space);
  return code;
}

// A figure of all events that does not depend on parts: counts, and times in order per customer.
static uint64_t digest(ds_store *store) {
  ds_snapshot *snapshot;
  ds_error err = {0};
  assert_int_equal(ds_store_snapshot(store, &snapshot, &err), DS_OK);
  ds_block_reader *reader = ds_block_reader_new();
  const ds_columns columns = {.want = DS_WANT_TIME | DS_WANT_TOUCHPOINT | DS_WANT_SUBJECT};
  uint64_t sum = 0;
  for (uint32_t p = 0; p < snapshot->places_count; p++)
    for (uint32_t b = 0; b < ds_part_get_info(snapshot->places[p].part)->blocks; b++) {
      ds_block block;
      assert_int_equal(
          ds_part_read_block(&snapshot->places[p], b, &columns, reader, &block, &err), DS_OK);
      for (uint32_t j = 0; j < block.journeys; j++)
        for (uint32_t e = block.offset[j]; e < block.offset[j + 1]; e++) {
          assert_true(e == block.offset[j] || block.time_ms[e] >= block.time_ms[e - 1]);
          const uint64_t parts[] = {ds_subject_hash(block.subject[j]), (uint64_t)block.time_ms[e],
                                    block.touchpoint[e]};
          sum += ds_subject_hash((ds_str){(const char *)parts, sizeof parts});
        }
    }
  assert_int_equal(snapshot->events, EVENTS);
  ds_block_reader_free(reader);
  ds_snapshot_free(snapshot);
  return sum;
}

static void test_any_memory_any_threads(void **state) {
  (void)state;
  static const struct {
    uint32_t threads;
    size_t memory;
  } rows[] = {{1, (size_t)1 << 30}, {3, (size_t)1 << 30}, {1, 1 << 20}, {2, 1 << 20}};
  uint64_t first = 0;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ds_io_sim *sim = ds_io_sim_new(3);
    ds_error err = {0};
    ds_build_stats stats = {0};
    ds_store *store = store_new(ds_io_sim_io(sim));
    if (import_all(store, rows[i].threads, rows[i].memory, &stats, &err) != DS_OK)
      fail_msg("%s", err.message);
    assert_int_equal(stats.events, EVENTS);
    assert_int_equal(stats.duplicates, 0);
    const uint64_t sum = digest(store);
    assert_true(i == 0 || sum == first);
    first = sum;
    // The same rows again are all duplicates.
    assert_int_equal(import_all(store, rows[i].threads, rows[i].memory, &stats, &err), DS_OK);
    assert_int_equal(stats.duplicates, EVENTS);
    assert_true(digest(store) == first);
    ds_store_close(store);
    assert_int_equal(ds_io_sim_open_files(sim), 0);
    ds_io_sim_free(sim);
  }
}

// The disk fills up at one operation after the other: the import fails, nothing of it stays.
static void test_full_disk(void **state) {
  (void)state;
  for (uint64_t after = 1; after < 400; after += 57) {
    ds_io_sim *sim = ds_io_sim_new(after);
    ds_error err = {0};
    ds_build_stats stats;
    ds_store *store = store_new(ds_io_sim_io(sim));
    ds_io_sim_fail_at(sim, after, DS_FULL, true);
    const ds_code code = import_all(store, 1, 1 << 20, &stats, &err);
    if (code != DS_OK)
      assert_true(code == DS_FULL || code == DS_READONLY);
    ds_store_close(store);
    ds_io_sim_power_loss(sim, DS_LOSS_ALL);
    ds_io_sim_fail_at(sim, UINT64_MAX / 2, DS_FULL, false);
    store = store_new(ds_io_sim_io(sim));
    ds_snapshot *snapshot;
    assert_int_equal(ds_store_snapshot(store, &snapshot, &err), DS_OK);
    assert_true(snapshot->events == 0 || (code == DS_OK && snapshot->events == EVENTS));
    ds_snapshot_free(snapshot);
    ds_store_close(store);
    ds_io_sim_free(sim);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_any_memory_any_threads),
      cmocka_unit_test(test_full_disk),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
