// SPDX-License-Identifier: Apache-2.0
// Jobs beside the owner of a store: frozen logs, seals and compactions on threads and put off, the
// bound of write amplification, jobs that fail, pause, retention against brute force.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "store/levels.h"
#include "store_sweep.h"

static void ok(ds_code code) { assert_int_equal(code, DS_OK); }

static void small_logs(ds_store_options *options) { options->log_bytes = 300; }

static void put_off(ds_store_options *options) {
  options->log_bytes = 300;
  options->job_delay = 3;
}

static void compacting(ds_store_options *options) {
  options->log_bytes = 300;
  options->compact = true;
}

static void threaded(ds_store_options *options) {
  compacting(options);
  options->background = true;
}

static ds_upkeep upkeep_of(const ds_store *store, ds_arena *arena) {
  ds_upkeep upkeep;
  ok(ds_store_upkeep(store, arena, &upkeep, NULL));
  return upkeep;
}

static uint64_t events_of(ds_store *store) {
  ds_snapshot *snapshot;
  ok(ds_store_snapshot(store, &snapshot, NULL));
  const uint64_t events = snapshot->events;
  ds_snapshot_free(snapshot);
  return events;
}

// While jobs are put off, MANIFEST names several logs: readers and the next writer replay all.
static void test_several_logs(void **state) {
  store_world *world = *state;
  world->tune = put_off;
  ds_arena arena;
  ds_arena_init(&arena, 1u << 20);
  ds_store *store = world_open_ok(world, true);
  uint32_t most = 0;
  for (uint32_t i = 0; i < 12; i++) {
    ok(world_append(world, store, 3));
    const ds_upkeep upkeep = upkeep_of(store, &arena);
    most = upkeep.logs > most ? upkeep.logs : most;
    world_expect(world, store);
    ds_store *reader = world_open_ok(world, false);
    world_expect(world, reader);
    world_check(reader);
    ds_store_close(reader);
  }
  assert_true(most >= 3);
  ds_store_close(store);
  store = world_open_ok(world, true);
  sweep_expect_sound(world, store);
  ok(ds_store_seal(store, NULL));
  assert_int_equal(upkeep_of(store, &arena).logs, 1);
  assert_int_equal(upkeep_of(store, &arena).taken_events, 36);
  sweep_expect_sound(world, store);
  ds_store_close(store);
  ds_arena_done(&arena);
}

// An event that lies in a frozen log is known there.
static void test_duplicates_of_frozen(void **state) {
  store_world *world = *state;
  world->tune = put_off;
  ds_store *store = world_open_ok(world, true);
  for (uint32_t i = 0; i < 3; i++)
    ok(world_append(world, store, 4));
  ds_buf rows;
  ds_buf_init(&rows, 1u << 20);
  for (uint32_t i = 0; i < 3; i++)
    world_rows(world, i, 0, 0, &rows);
  for (uint32_t i = 0; i < 8; i++) {
    uint64_t duplicates = 0;
    ok(ds_store_append(store, &world->space, &rows, &duplicates, NULL));
    assert_int_equal(duplicates, 12);
  }
  ds_buf_done(&rows);
  ok(ds_store_seal(store, NULL));
  world_expect(world, store);
  world_check(store);
  ds_store_close(store);
}

static int read_beside(store_world *world, ds_store *reader, uint64_t *last_events) {
  world_content content;
  world_read(world, reader, &content);
  for (uint32_t i = 0; i < world->batches; i++)
    assert_true(content.counts[i] == 0 || content.counts[i] == world->sizes[i]); // I4
  assert_true(content.events >= *last_events); // I1
  *last_events = content.events;
  return 0;
}

// Jobs on threads: nothing is lost, a reader beside sees whole batches, all parts become few runs.
static void test_on_threads(void **state) {
  store_world *world = *state;
  world->tune = threaded;
  ds_store *store = world_open_ok(world, true);
  ds_store *reader = world_open_ok(world, false);
  uint64_t seen = 0;
  for (uint32_t i = 0; i < WORLD_BATCHES_MAX - 2; i++) {
    ok(world_append(world, store, 1 + i % 9));
    (void)read_beside(world, reader, &seen);
    if (i % 16 == 15)
      ok(ds_store_finish(store, NULL, NULL));
  }
  ds_store_pause(store, true);
  ok(world_append(world, store, 9));
  ds_store_pause(store, false);
  ok(ds_store_finish(store, NULL, NULL));
  assert_int_equal(ds_store_trouble(store)->code, DS_OK);
  ds_arena arena;
  ds_arena_init(&arena, 1u << 20);
  const ds_upkeep upkeep = upkeep_of(store, &arena);
  assert_int_equal(upkeep.runs_due, 0);
  assert_true(upkeep.compactions > 3 && upkeep.runs_count <= 5);
  ds_arena_done(&arena);
  world_expect(world, store);
  world_check(store);
  ok(world_append(world, store, 1));
  ds_store_close(store); // Beside a job, perhaps.
  world_expect(world, reader);
  ds_store_close(reader);
  store = world_open_ok(world, true);
  world_expect(world, store);
  world_check(store);
  ds_store_close(store);
}

// While it is paused, none starts; what a stopped one has written is gone.
static void test_pause_and_stop(void **state) {
  store_world *world = *state;
  world->tune = threaded;
  ds_arena arena;
  ds_arena_init(&arena, 1u << 20);
  ds_store *store = world_open_ok(world, true);
  ds_store_pause(store, true);
  for (uint32_t i = 0; i < 24; i++)
    ok(world_append(world, store, 5));
  ok(ds_store_finish(store, NULL, NULL));
  assert_int_equal(upkeep_of(store, &arena).compactions, 0);
  assert_true(upkeep_of(store, &arena).runs_due > 1);
  ds_store_pause(store, false);
  ds_progress stopped = {.report = NULL};
  atomic_init(&stopped.stop, 1);
  ok(ds_store_finish(store, &stopped, NULL));
  world_check(store);
  world_expect(world, store);
  ok(ds_store_finish(store, NULL, NULL));
  assert_true(upkeep_of(store, &arena).compactions > 0);
  assert_int_equal(upkeep_of(store, &arena).runs_due, 0);
  world_check(store);
  world_expect(world, store);
  ds_store_close(store);
  ds_arena_done(&arena);
}

// A writer that ends leaves a small log as it is, and seals a large one, because whoever asks reads
// it anew.
static void test_what_is_left(void **state) {
  store_world *world = *state;
  ds_arena arena;
  ds_arena_init(&arena, 1u << 20);
  ds_store *store = world_open_ok(world, true);
  ok(world_append(world, store, 100));
  ok(ds_store_finish(store, NULL, NULL));
  assert_int_equal(upkeep_of(store, &arena).taken_events, 0);
  uint64_t events = 100;
  for (; upkeep_of(store, &arena).log_bytes <= DS_LOG_BYTES_LEFT; events += 4000)
    ok(world_append(world, store, 4000));
  assert_int_equal(upkeep_of(store, &arena).taken_events, 0);
  ok(ds_store_finish(store, NULL, NULL));
  assert_int_equal(upkeep_of(store, &arena).taken_events, events);
  assert_true(upkeep_of(store, &arena).log_bytes < 1000);
  sweep_expect_sound(world, store);
  ds_store_close(store);
  ds_arena_done(&arena);
}

// A job that fails at any of its operations: the store goes on, tells, and tries again later.
static void test_failing_jobs(void **state) {
  store_world *world = *state;
  for (uint64_t k = 0; k < 40; k++) {
    world_restart(world, k);
    world->tune = small_logs;
    ds_store *store = world_open_ok(world, true);
    ok(world_append(world, store, 6));
    ok(ds_store_maintain(store, NULL)); // Freezes, seals.
    ok(world_append(world, store, 7));
    world->tune = NULL;
    // The next call freezes the log, by some operations, and starts the job.
    ds_io_sim_fail_at(world->sim, k, k % 2 == 0 ? DS_FULL : DS_IO, false);
    ds_error err;
    const ds_code code = ds_store_maintain(store, &err);
    ds_io_sim_fail_at(world->sim, SWEEP_NEVER, DS_IO, false);
    world_expect(world, store);
    const ds_code trouble = ds_store_trouble(store)->code;
    if (code == DS_OK) {
      ok(world_append(world, store, 2));
      if (trouble != DS_OK) {
        assert_int_equal(trouble, k % 2 == 0 ? DS_FULL : DS_IO);
        world_check(store); // I8: its files are gone.
      }
      ok(ds_store_seal(store, NULL));
      sweep_expect_sound(world, store);
    } else {
      assert_int_equal(world_append(world, store, 2), DS_READONLY);
    }
    ds_store_close(store);
    ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
    sweep_expect_recovery(world);
  }
}

// An error at every operation of freezing a log; then another process appends, and the power is
// lost before it has written MANIFEST: the log that it appended to must be one that MANIFEST on
// disk names.
static void test_failed_freezing(void **state) {
  store_world *world = *state;
  uint32_t failed = 0;
  for (uint64_t k = 0; k < 30; k++) {
    world_restart(world, k);
    world->tune = put_off;
    ds_store *store = world_open_ok(world, true);
    ok(world_append(world, store, 6));
    ds_io_sim_fail_at(world->sim, k, DS_IO, false);
    failed += world_append(world, store, 2) != DS_OK;
    ds_io_sim_fail_at(world->sim, SWEEP_NEVER, DS_IO, false);
    ds_store_close(store);
    store = world_open_ok(world, true);
    sweep_expect_sound(world, store);
    ok(world_append(world, store, 3));
    // Nothing that the program would still do gets through.
    ds_io_sim_crash_at(world->sim, 0);
    ds_store_close(store);
    ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
    sweep_expect_recovery(world);
  }
  assert_true(failed >= 8);
}

// Was there such a failure at all?
static void test_a_job_fails(void **state) {
  store_world *world = *state;
  uint32_t failed = 0;
  for (uint64_t k = 0; k < 40; k++) {
    world_restart(world, k);
    world->tune = small_logs;
    ds_store *store = world_open_ok(world, true);
    ok(world_append(world, store, 7));
    ds_io_sim_fail_at(world->sim, k, DS_FULL, false);
    const ds_code code = ds_store_maintain(store, NULL);
    ds_io_sim_fail_at(world->sim, SWEEP_NEVER, DS_IO, false);
    failed += code == DS_OK && ds_store_trouble(store)->code == DS_FULL;
    ds_store_close(store);
  }
  assert_true(failed >= 2);
}

// What is due behind imports is merged in the call; stopped, the store is as it was.
static void test_merge_due(void **state) {
  store_world *world = *state;
  static const uint32_t sizes[] = {40, 30, 2, 5, 60};
  static const uint32_t runs[] = {1, 1, 2, 2, 1};
  ds_progress stopped = {.report = NULL};
  atomic_store(&stopped.stop, 1);
  ds_arena arena;
  ds_arena_init(&arena, 1u << 20);
  ds_store *store = world_open_ok(world, true);
  for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    ok(world_import(world, store, sizes[i]));
    const ds_upkeep before = upkeep_of(store, &arena);
    assert_int_equal(ds_store_merge_due(store, &stopped, NULL),
                     before.runs_due > 0 ? DS_INTERRUPTED : DS_OK);
    assert_int_equal(upkeep_of(store, &arena).runs_count, before.runs_count);
    world_check(store);
    ok(ds_store_merge_due(store, NULL, NULL));
    const ds_upkeep after = upkeep_of(store, &arena);
    assert_int_equal(after.runs_due, 0);
    assert_int_equal(after.runs_count, runs[i]);
    assert_int_equal(after.compactions, before.compactions + (before.runs_due > 0));
    world_check(store);
  }
  assert_int_equal(events_of(store), 40 + 30 + 2 + 5 + 60);
  ds_store_close(store);
  ds_arena_done(&arena);
}

// Runs of any sizes, merged as the rule says: the bounds of levels.h hold.
static void test_bounds(void **state) {
  (void)state;
  enum { RUNS = 4000 };
  ds_run runs[64] = {{0}};
  for (uint32_t seed = 1; seed <= 3; seed++) {
    uint32_t count = 0;
    uint64_t all = 0;
    double total = 0;
    uint64_t random = seed;
    for (uint32_t i = 0; i < RUNS; i++) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      // Mostly seals of 1000, some of any size, rarely an import.
      const uint64_t any = 1 + (random >> 34) % (i % 500 == 0 ? 9000000 : 2000);
      const uint64_t events = seed == 1 || (random >> 33 & 1) != 0 ? 1000 : any;
      all += events;
      total += (double)events;
      runs[count++] = (ds_run){.events = events, .count = 1};

      uint32_t first;
      while (ds_levels_due(runs, count, &first)) {
        for (uint32_t r = first + 1; r < count; r++)
          runs[first].events += runs[r].events;
        total += (double)runs[first].events;
        count = first + 1;
      }
      uint64_t newer = 0;
      for (uint32_t r = count; r-- > 0;) {
        assert_true(runs[r].events >= DS_LEVEL_RATIO * newer);
        newer += runs[r].events;
      }
      assert_true((all - runs[0].events) * DS_LEVEL_RATIO <= runs[0].events);
    }
    double bound = 2; // of seed 1, where all first parts have 1000 events
    for (double size = 1000; size < (double)all; size *= 1 + 1.0 / DS_LEVEL_RATIO)
      bound++;
    if (seed == 1)
      print_message("write amplification %.2f, bound %.0f, runs %u\n", total / (double)all, bound,
                    count);
    assert_true(seed != 1 || total / (double)all <= bound);
  }
}

// What retention leaves, by brute force over what was written.
static uint64_t kept_by_force(const store_world *world, const ds_snapshot *before,
                              const ds_retention *retention, int64_t now_ms) {
  (void)world;
  uint64_t kept = 0;
  ds_block_reader *reader = ds_block_reader_new();
  const ds_columns columns = {.want = DS_WANT_TIME | DS_WANT_TOUCHPOINT};
  for (uint32_t p = 0; p < before->places_count; p++) {
    for (uint32_t b = 0; b < ds_part_get_info(before->places[p].part)->blocks; b++) {
      ds_block block;
      ok(ds_part_read_block(&before->places[p], b, &columns, reader, &block, NULL));
      for (uint32_t e = 0; e < block.events; e++) {
        const ds_str name = before->space.touchpoints.text[block.touchpoint[e]];
        int64_t period = 0;
        for (uint32_t r = 0; r < retention->count; r++) {
          const ds_retention_rule *rule = &retention->rules[r];
          if (rule->touchpoint == NULL || ds_str_equal(name, ds_str_of(rule->touchpoint)))
            period = rule->period_ms;
        }
        kept += period == 0 || block.time_ms[e] >= now_ms - period;
      }
    }
  }
  ds_block_reader_free(reader);
  return kept;
}

static void test_retention(void **state) {
  store_world *world = *state;
  const int64_t now_ms = world->io->ops->now_ms(world->io);
  // The world's batches lie 100 s apart, at a time of their own.
  const int64_t start_ms = 1600000000000;
  ds_arena arena;
  ds_arena_init(&arena, 1u << 20);
  ds_store *store = world_open_ok(world, true);
  for (uint32_t i = 0; i < 20; i++)
    ok(world_append(world, store, 20));
  ok(ds_store_compact(store, NULL, NULL));
  assert_int_equal(events_of(store), 400); // Without a rule nothing goes.
  const ds_retention_rule rules[] = {{NULL, now_ms - start_ms - 450000},
                                     {"delivered", now_ms - start_ms - 1250005},
                                     {"ticket_opened", 0}};
  const ds_retention retention = {rules, 3};
  ok(ds_store_set_retention(store, &retention, NULL));
  ds_snapshot *before;
  ok(ds_store_snapshot(store, &before, NULL));
  const uint64_t kept = kept_by_force(world, before, &retention, now_ms);
  assert_true(kept > 100 && kept < 350);
  ok(ds_store_compact(store, NULL, NULL));
  assert_int_equal(before->events, 400); // A snapshot keeps what it has.
  ds_snapshot_free(before);
  // The clock has hardly moved: no event of the world lies so near to the edges.
  assert_int_equal(events_of(store), kept);
  ds_upkeep upkeep = upkeep_of(store, &arena);
  assert_int_equal(upkeep.retention_removed, 400 - kept);
  assert_true(upkeep.retention_ms >= now_ms);
  world_check(store);
  ds_store_close(store);
  store = world_open_ok(world, true);
  assert_int_equal(events_of(store), kept); // I13
  upkeep = upkeep_of(store, &arena);
  assert_int_equal(upkeep.retention_removed_last, 400 - kept);
  ds_store_close(store);
  ds_arena_done(&arena);
}

// A job applies it too, in one commit; then not again for a while.
static void test_retention_by_job(void **state) {
  store_world *world = *state;
  world->tune = compacting;
  const int64_t now_ms = world->io->ops->now_ms(world->io);
  const ds_retention_rule rules[] = {{"order_placed", now_ms - 1600000000000 - 450000}};
  const ds_retention retention = {rules, 1};
  ds_arena arena;
  ds_arena_init(&arena, 1u << 20);
  ds_store *store = world_open_ok(world, true);
  for (uint32_t i = 0; i < 6; i++)
    ok(world_append(world, store, 9));
  ok(ds_store_finish(store, NULL, NULL));
  ok(ds_store_set_retention(store, &retention, NULL));
  ds_snapshot *before;
  ok(ds_store_snapshot(store, &before, NULL));
  const uint64_t tail = before->tail_events;
  const uint64_t kept = kept_by_force(world, before, &retention, now_ms);
  ds_snapshot_free(before);
  assert_int_equal(tail, 0);
  ok(ds_store_finish(store, NULL, NULL));
  assert_true(kept < 54);
  assert_int_equal(events_of(store), kept);
  const uint64_t compactions = upkeep_of(store, &arena).compactions;
  ok(ds_store_finish(store, NULL, NULL));
  assert_int_equal(upkeep_of(store, &arena).compactions, compactions);
  world_check(store);
  ds_store_close(store);
  ds_arena_done(&arena);
}

#define BOTH(f)                                                                    \
  {#f " (simulated)", f, world_set_up_sim, world_tear_down, NULL},                             \
  { #f " (POSIX)", f, world_set_up_posix, world_tear_down, NULL }

int main(void) {
  const struct CMUnitTest tests[] = {
      BOTH(test_several_logs),
      BOTH(test_duplicates_of_frozen),
      {"test_on_threads", test_on_threads, world_set_up_posix, world_tear_down, NULL},
      {"test_pause_and_stop", test_pause_and_stop, world_set_up_posix, world_tear_down, NULL},
      {"test_what_is_left", test_what_is_left, world_set_up_sim, world_tear_down, NULL},
      {"test_failing_jobs", test_failing_jobs, world_set_up_sim, world_tear_down, NULL},
      {"test_failed_freezing", test_failed_freezing, world_set_up_sim, world_tear_down, NULL},
      {"test_a_job_fails", test_a_job_fails, world_set_up_sim, world_tear_down, NULL},
      {"test_bounds", test_bounds, NULL, NULL, NULL},
      BOTH(test_merge_due),
      BOTH(test_retention),
      BOTH(test_retention_by_job),
  };
  return cmocka_run_group_tests_name("store upkeep", tests, NULL, NULL);
}
