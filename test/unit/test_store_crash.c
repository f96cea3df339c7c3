// SPDX-License-Identifier: Apache-2.0
// The sweeps of docs/durability.md over a whole life of a store: power loss before every mutating
// operation under the loss policies, errors at every operation, flipped bytes (I1-I12, I14;
// store_sweep.h has what they share). `seed, operation, policy` makes a case again. Every case of
// every sweep runs with DS_STRESS=1; else one in so many, evenly over operations and policies.
// DS_SEEDED_BUG=NAME switches a bug of base/seeded.h on, in a build that has them: the first
// failure then ends the run.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_sweep.h"

enum { POLICIES = 4, RECOVERY_OPERATIONS = 60 };

static int set_up(void **state) {
  store_world *made = malloc(sizeof *made);
  world_init_sim(made, 1);
  *state = made;
  return 0;
}

// Logs of a batch or two, and jobs whose commits come two appends after their begin.
static void with_jobs(ds_store_options *options) {
  options->log_bytes = 300;
  options->compact = true;
  options->job_delay = 2;
}

static int set_up_jobs(void **state) {
  (void)set_up(state);
  ((store_world *)*state)->tune = with_jobs;
  return 0;
}

static int tear_down(void **state) {
  world_done(*state);
  free(*state);
  return 0;
}

// A life with jobs has more operations, and all steps of sealing and compacting several times.
static uint64_t stride_of(const store_world *world, uint64_t usual) {
  return sweep_stride(world->tune == with_jobs ? usual * 9 : usual);
}

// Where a script stopped.
typedef enum step { STEP_OPEN, STEP_STORE, STEP_IMPORT, STEP_DONE } step;

// Every kind of write, each beside the others, until one fails.
static step run_script(store_world *world, ds_store *store) {
  if (world_append(world, store, 3) != DS_OK || world_append(world, store, 5) != DS_OK ||
      ds_store_seal(store, NULL) != DS_OK || world_append(world, store, 2) != DS_OK)
    return STEP_STORE;
  if (world_import(world, store, 6) != DS_OK) // batch 3; seals first
    return STEP_IMPORT;
  if (world_append(world, store, 4) != DS_OK || world_undo(world, store, 3) != DS_OK ||
      world_append(world, store, 1) != DS_OK)
    return STEP_STORE;
  if (world_import(world, store, 5) != DS_OK) // batch 6
    return STEP_IMPORT;
  if (ds_store_compact(store, NULL, NULL) != DS_OK || world_append(world, store, 3) != DS_OK ||
      world_undo(world, store, 6) != DS_OK || world_append(world, store, 7) != DS_OK ||
      world_append_group(world, store, 3) != DS_OK)
    return STEP_STORE;
  return STEP_DONE;
}

// Some appends, of which each may freeze a log, start jobs and commit those started before.
static bool append_some(store_world *world, ds_store *store, uint32_t batches) {
  for (uint32_t i = 0; i < batches; i++) {
    if (world_append(world, store, 2 + i % 2) != DS_OK)
      return false;
  }
  return true;
}

// Every kind of write beside jobs that have begun and are not committed.
static step run_jobs(store_world *world, ds_store *store) {
  if (!append_some(world, store, 9))
    return STEP_STORE;
  if (world_import(world, store, 6) != DS_OK) // batch 9
    return STEP_IMPORT;
  if (!append_some(world, store, 4) || world_undo(world, store, 9) != DS_OK ||
      !append_some(world, store, 3) || ds_store_seal(store, NULL) != DS_OK ||
      !append_some(world, store, 3) || ds_store_compact(store, NULL, NULL) != DS_OK ||
      !append_some(world, store, 5))
    return STEP_STORE;
  return STEP_DONE;
}

static step run_any(store_world *world, ds_store *store) {
  return world->tune == with_jobs ? run_jobs(world, store) : run_script(world, store);
}

static step run_life(store_world *world) {
  ds_store *store;
  if (world_open(world, true, &store, NULL) != DS_OK)
    return STEP_OPEN;
  const step stopped = run_any(world, store);
  ds_store_close(store);
  return stopped;
}

static uint64_t count_operations(store_world *world) {
  world_restart(world, 1);
  assert_int_equal(run_life(world), STEP_DONE);
  return ds_io_sim_operations(world->sim);
}

static uint64_t count_creation(store_world *world) {
  world_restart(world, 1);
  ds_store_close(world_open_ok(world, true));
  return ds_io_sim_operations(world->sim);
}

static void crash_once(store_world *world, uint64_t k, ds_loss loss, uint64_t seed) {
  world_restart(world, seed);
  ds_io_sim_crash_at(world->sim, k);
  (void)run_life(world);
  ds_io_sim_power_loss(world->sim, loss);
  sweep_expect_not_ahead(world);
  if (seed % 2 == 1) {
    // Again, inside the recovery.
    ds_io_sim_crash_at(world->sim, seed / 2 % RECOVERY_OPERATIONS);
    ds_store *store;
    if (world_open(world, true, &store, NULL) == DS_OK)
      ds_store_close(store);
    ds_io_sim_power_loss(world->sim, loss);
    sweep_expect_not_ahead(world);
  }
  sweep_expect_recovery(world);
}

static void test_crash_everywhere(void **state) {
  store_world *world = *state;
  const uint64_t operations = count_operations(world);
  assert_true(operations > 80);
  const uint64_t stride = stride_of(world, 7);
  for (uint64_t i = 0; i <= operations * POLICIES; i += stride) {
    const uint64_t loss = i % POLICIES;
    crash_once(world, i / POLICIES, (ds_loss)loss, i / POLICIES * 7 + loss * 3);
  }
}

static void test_crash_random(void **state) {
  store_world *world = *state;
  const uint64_t operations = count_operations(world);
  const uint64_t stride = stride_of(world, 7);
  for (uint64_t seed = 1; seed <= 400; seed += stride)
    crash_once(world, seed * 7919 % (operations + 1), DS_LOSS_RANDOM, seed * 2 + 1);
}

// I11: after a failure the handle writes nothing more, and what it shows is right.
static void expect_readonly(store_world *world, ds_store *store, step stopped) {
  world_content content;
  world_read(world, store, &content);
  world_compare(world, &content);
  if (stopped != STEP_STORE)
    return; // The import failed in hands of the importer; the store may go on.
  const uint64_t before = ds_io_sim_operations(world->sim);
  ds_error err;
  const ds_code sealed = ds_store_seal(store, &err);
  if (sealed == DS_OK && world->tune == with_jobs)
    return; // A job has failed, on which an append had to wait: the store goes on.
  assert_int_equal(sealed, DS_READONLY);
  assert_non_null(strstr(err.message, "refuses writes"));
  assert_int_equal(world_append(world, store, 1), DS_READONLY);
  assert_int_equal(ds_store_compact(store, NULL, NULL), DS_READONLY);
  assert_int_equal(ds_io_sim_operations(world->sim), before);
}

static void run_with_error(store_world *world) {
  ds_store *store;
  world->why = world_open(world, true, &store, NULL);
  if (world->why != DS_OK)
    return;
  const step stopped = run_any(world, store);
  const ds_code why = world->why;
  if (stopped != STEP_DONE)
    expect_readonly(world, store, stopped);
  world->why = why;
  ds_store_close(store);
}

// Appends alone, so that no seal saves from memory what the log has lost.
static void append_with_error(store_world *world) {
  ds_store *store;
  if (world_open(world, true, &store, NULL) != DS_OK)
    return;
  for (uint32_t i = 1; i <= 3; i++)
    (void)world_append(world, store, i);
  for (uint32_t i = 2; i <= 3; i++)
    (void)world_append_group(world, store, i);
  ds_store_close(store);
}

// One failure of a run that starts on a new machine.
typedef struct io_failure {
  uint64_t operation;
  ds_code code;
  bool persistent;
  bool restart; // another process goes on before the power is lost
} io_failure;

static void fail_once(store_world *world, const io_failure *failure, uint64_t seed,
                      void (*run)(store_world *world)) {
  world_restart(world, seed);
  ds_io_sim_fail_at(world->sim, failure->operation, failure->code, failure->persistent);
  run(world);
  ds_io_sim_fail_at(world->sim, SWEEP_NEVER, DS_IO, false);
  // A full disk is told as one, and an error as an error.
  if (world->why != DS_OK && world->why != failure->code)
    fail_msg("operation %ju: %s", (uintmax_t)failure->operation, ds_code_name(world->why));
  if (failure->restart) {
    // The next process sees what the failed one left in the page cache. What it serves must stay.
    ds_store *store = world_open_ok(world, true);
    sweep_expect_sound(world, store);
    assert_int_equal(world_append(world, store, 3), DS_OK);
    ds_store_close(store);
  }
  ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
  sweep_expect_recovery(world);
}

static void test_error_everywhere(void **state) {
  store_world *world = *state;
  const uint64_t operations = count_operations(world);
  const uint64_t creation = count_creation(world);
  const uint64_t stride = stride_of(world, 7);
  for (uint64_t i = 0; i <= operations * 4; i += stride) {
    const uint64_t k = i / 4;
    // A directory made by a failed creation may be in sight without being on disk, and making it
    // again does not help: docs/durability.md states this limit. So no process goes on there.
    const io_failure failure = {.operation = k,
                                .code = k % 2 == 0 ? DS_IO : DS_FULL,
                                .persistent = i % 4 >= 2,
                                .restart = i % 2 == 1 && k >= creation};
    fail_once(world, &failure, k * 5 + i, run_with_error);
  }
}

// Another process goes on after one that failed, until it is done or the power is lost.
static void go_on(store_world *world) {
  ds_store *store;
  if (world_open(world, true, &store, NULL) != DS_OK)
    return;
  sweep_expect_sound(world, store); // What it serves must stay.
  if (world_append(world, store, 3) == DS_OK && ds_store_seal(store, NULL) == DS_OK)
    (void)world_append(world, store, 1);
  ds_store_close(store);
}

static uint64_t operations_of(store_world *world, void (*run)(store_world *world)) {
  const uint64_t before = ds_io_sim_operations(world->sim);
  run(world);
  return ds_io_sim_operations(world->sim) - before;
}

// A store with a catalog on disk, and then a process whose operation `back` from its last fails.
static void fail_late(store_world *world, uint64_t operations, uint64_t back, uint64_t seed) {
  world_restart(world, seed);
  go_on(world);
  ds_io_sim_fail_at(world->sim, operations - 1 - back, DS_IO, false);
  go_on(world);
  ds_io_sim_fail_at(world->sim, SWEEP_NEVER, DS_IO, false);
}

// An error in a process's last operations, with which the catalog is brought to disk, and power
// loss in the last operations of the next one: what the first left in sight only, the second must
// not bring among what is on disk.
static void test_error_then_crash(void **state) {
  enum { FAILING = 12, CRASHING = 8, SEEDS = 8 };
  store_world *world = *state;
  world_restart(world, 1);
  go_on(world);
  const uint64_t operations = operations_of(world, go_on);
  const uint64_t stride = sweep_stride(11);
  for (uint64_t i = 0; i < (uint64_t)FAILING * CRASHING * SEEDS; i += stride) {
    const uint64_t back = i / SEEDS / CRASHING;
    fail_late(world, operations, back, i);
    const uint64_t more = operations_of(world, go_on);
    fail_late(world, operations, back, i);
    ds_io_sim_crash_at(world->sim, more - 1 - i / SEEDS % CRASHING);
    go_on(world);
    ds_io_sim_power_loss(world->sim, DS_LOSS_RANDOM);
    sweep_expect_recovery(world);
  }
}

// A batch whose sync failed may be on disk whole. When the next process has said that it is not
// there, it must not come back, also when it was the first of its log.
static void test_failed_first_batch(void **state) {
  enum { SEEDS = 16 };
  store_world *world = *state;
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    world_content content;
    world_restart(world, seed);
    ds_store *store = world_open_ok(world, true);
    ds_io_sim_fail_at(world->sim, 1, DS_IO, false);
    assert_int_equal(world_append(world, store, 3), DS_IO);
    ds_io_sim_fail_at(world->sim, SWEEP_NEVER, DS_IO, false);
    ds_store_close(store);
    store = world_open_ok(world, true);
    world_read(world, store, &content);
    world_settle(world, &content);
    ds_store_close(store);
    ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
    store = world_open_ok(world, true);
    world_expect(world, store);
    ds_store_close(store);
  }
}

// Every operation of a few appends, in every way: a sync that failed must never be believed.
static void test_error_in_appends(void **state) {
  store_world *world = *state;
  const uint64_t creation = count_creation(world);
  append_with_error(world);
  const uint64_t operations = ds_io_sim_operations(world->sim);
  const uint64_t stride = stride_of(world, 3);
  for (uint64_t i = 0; i < (operations - creation) * 32; i += stride) {
    const io_failure failure = {.operation = creation + i / 32,
                                .code = DS_IO,
                                .persistent = i % 2 == 1,
                                .restart = i % 4 >= 2};
    fail_once(world, &failure, i, append_with_error);
  }
}

static void count_line(void *context, const char *line) {
  (void)line;
  ++*(uint32_t *)context;
}

// One flipped bit: the same answer, or damage that is reported; never another answer.
static void flip_once(store_world *world, const char *path, uint64_t bit, uint64_t digest) {
  assert_int_equal(ds_io_sim_flip(world->sim, path, bit, NULL), DS_OK);
  ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
  ds_store *store = NULL;
  const ds_code opened = world_open(world, false, &store, NULL);
  if (opened == DS_OK) {
    uint32_t problems = 0;
    const ds_code checked = ds_store_check(store, count_line, &problems, NULL, NULL);
    assert_true(checked == DS_OK || checked == DS_NO);
    world_content content;
    const ds_code code = world_try_read(world, store, &content);
    assert_true(code == DS_OK || code == DS_CORRUPT || code == DS_VERSION);
    assert_true(code != DS_OK || content.digest == digest);
    assert_true(code == DS_OK || checked == DS_NO);
    ds_store_close(store);
  } else {
    assert_true(opened == DS_CORRUPT || opened == DS_VERSION);
  }
  assert_int_equal(ds_io_sim_flip(world->sim, path, bit, NULL), DS_OK);
  ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
}

static uint64_t size_of(store_world *world, const char *path) {
  ds_file *file;
  uint64_t size = 0;
  assert_int_equal(world->io->ops->open(world->io, path, DS_OPEN_READ, &file, NULL), DS_OK);
  assert_int_equal(world->io->ops->size(world->io, file, &size, NULL), DS_OK);
  world->io->ops->close(world->io, file);
  return size;
}

static void flip_file(store_world *world, const char *path, uint64_t stride, uint64_t digest) {
  const uint64_t size = size_of(world, path);
  for (uint64_t at = 0; at < size; at += stride)
    flip_once(world, path, at * 8 + at % 8, digest);
}

// The same for the catalog: a writer makes a damaged one anew, or `check` and who reads it are
// told; what can be read is right.
static void flip_catalog_once(store_world *world, uint64_t bit) {
  ds_error err;
  assert_int_equal(ds_io_sim_flip(world->sim, "store/catalog.sqlite", bit, &err), DS_OK);
  for (int write = 0; write < 2; write++) {
    ds_store *store = world_open_ok(world, write == 1);
    uint32_t problems = 0;
    const ds_code checked = ds_store_check(store, count_line, &problems, NULL, NULL);
    bool same = false;
    const ds_code code = world_try_catalog(world, store, &same);
    assert_true(code == DS_CORRUPT || (code == DS_OK && same));
    assert_true(code == DS_OK || checked == DS_NO);
    ds_store_close(store);
  }
}

// As often as not the writer has healed it: the next flip hits a whole catalog again.
static void test_flip_catalog(void **state) {
  store_world *world = *state;
  world_restart(world, 1);
  ds_store *store = world_open_ok(world, true);
  assert_int_equal(world_import(world, store, 20), DS_OK);
  ds_store_close(store);
  const uint64_t size = size_of(world, "store/catalog.sqlite");
  const uint64_t stride = sweep_stride(61);
  for (uint64_t at = 0; at < size; at += at < 100 ? 3 : stride) {
    flip_catalog_once(world, at * 8 + at % 8);
    for (const char *const *suffix = (const char *const[]){"", "-wal", "-shm", NULL};
         *suffix != NULL; suffix++) {
      char path[64];
      snprintf(path, sizeof path, "store/catalog.sqlite%s", *suffix);
      assert_int_equal(world->io->ops->unlink(world->io, path, NULL), DS_OK);
    }
    ds_store_close(world_open_ok(world, true));
  }
}

// Whichever of its files is lost, the catalog is right again.
static void test_lost_catalog(void **state) {
  store_world *world = *state;
  static const char *const names[] = {"store/catalog.sqlite", "store/catalog.sqlite-wal",
                                      "store/catalog.sqlite-shm"};
  for (uint32_t lost = 1; lost < 8; lost++) {
    world_restart(world, lost);
    ds_store *store = world_open_ok(world, true);
    assert_int_equal(world_import(world, store, 20), DS_OK);
    ds_store_close(store);
    for (uint32_t i = 0; i < 3; i++) {
      if ((lost >> i & 1) != 0)
        assert_int_equal(world->io->ops->unlink(world->io, names[i], NULL), DS_OK);
    }
    store = world_open_ok(world, false);
    world_check(store); // What a reader finds missing is no damage.
    ds_store_close(store);
    store = world_open_ok(world, true);
    sweep_expect_sound(world, store);
    ds_store_close(store);
  }
}

static void test_flip_everywhere(void **state) {
  store_world *world = *state;
  world_restart(world, 1);
  ds_store *store = world_open_ok(world, true);
  assert_int_equal(world_import(world, store, 20), DS_OK);
  assert_int_equal(world_append(world, store, 3), DS_OK);
  assert_int_equal(world_append(world, store, 4), DS_OK);
  world_content content;
  world_read(world, store, &content);
  ds_store_close(store);
  flip_file(world, "store/MANIFEST", sweep_stride(2), content.digest);
  flip_file(world, "store/log/000001.log", sweep_stride(3), content.digest);
  flip_file(world, "store/part/000001.part", sweep_stride(29), content.digest);
}

// A store whose MANIFEST is gone must not be taken for an empty place.
static void test_lost_manifest(void **state) {
  store_world *world = *state;
  world_restart(world, 1);
  ds_store *store = world_open_ok(world, true);
  assert_int_equal(world_append(world, store, 3), DS_OK);
  ds_store_close(store);
  assert_int_equal(world->io->ops->unlink(world->io, "store/MANIFEST", NULL), DS_OK);
  ds_error err;
  assert_int_equal(world_open(world, true, &store, &err), DS_CORRUPT);
  assert_non_null(strstr(err.message, "MANIFEST is missing"));
}

static void test_orphans(void **state) {
  store_world *world = *state;
  world_restart(world, 1);
  ds_store *store = world_open_ok(world, true);
  assert_int_equal(world_append(world, store, 3), DS_OK);
  ds_store_close(store);
  static const char *const names[] = {"store/part/000009.part", "store/part/import-3.spill",
                                      "store/log/000007.log", "store/MANIFEST.tmp"};
  for (size_t i = 0; i < 4; i++) {
    ds_file *file;
    const int flags = DS_OPEN_WRITE | DS_OPEN_CREATE;
    assert_int_equal(world->io->ops->open(world->io, names[i], flags, &file, NULL), DS_OK);
    world->io->ops->close(world->io, file);
  }
  // A reader leaves all as it is.
  store = world_open_ok(world, false);
  ds_store_close(store);
  for (size_t i = 0; i < 4; i++)
    (void)size_of(world, names[i]);
  store = world_open_ok(world, true);
  for (size_t i = 0; i < 4; i++) {
    ds_file *file;
    assert_int_equal(world->io->ops->open(world->io, names[i], DS_OPEN_READ, &file, NULL),
                     DS_MISSING);
  }
  sweep_expect_sound(world, store);
  // Their numbers are not given again.
  assert_int_equal(ds_store_seal(store, NULL), DS_OK);
  (void)size_of(world, "store/part/000010.part");
  (void)size_of(world, "store/log/000008.log");
  ds_store_close(store);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_crash_everywhere, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_crash_random, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_error_everywhere, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_error_in_appends, set_up, tear_down),
      {"test_crash_everywhere with jobs", test_crash_everywhere, set_up_jobs, tear_down, NULL},
      {"test_crash_random with jobs", test_crash_random, set_up_jobs, tear_down, NULL},
      {"test_error_everywhere with jobs", test_error_everywhere, set_up_jobs, tear_down, NULL},
      {"test_error_in_appends with jobs", test_error_in_appends, set_up_jobs, tear_down, NULL},
      {"test_error_then_crash with jobs", test_error_then_crash, set_up_jobs, tear_down, NULL},
      cmocka_unit_test_setup_teardown(test_error_then_crash, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_failed_first_batch, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_flip_everywhere, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_flip_catalog, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_lost_manifest, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_lost_catalog, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_orphans, set_up, tear_down),
  };
  if (getenv("DS_SEEDED_BUG") == NULL)
    return cmocka_run_group_tests_name("store crash", tests, NULL, NULL);
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
    if (_cmocka_run_group_tests("seeded", &tests[i], 1, NULL, NULL) != 0)
      return 1;
  return 0;
}
