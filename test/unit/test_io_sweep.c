// SPDX-License-Identifier: Apache-2.0
// Crash and error sweeps over ds_io_replace_file, and the same sweeps over wrong protocols, each of
// which must be caught: a sweep that lets one pass would prove nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/io.h"

enum { OLD_BYTES = 700, NEW_BYTES = 1900, SEEDS = 12, OPERATIONS_MAX = 32 };

static const ds_loss losses[] = {DS_LOSS_ALL, DS_LOSS_NONE, DS_LOSS_PREFIX_TORN, DS_LOSS_RANDOM};

// One way to replace the file, right or wrong.
typedef ds_code (*protocol)(ds_io *io, const char *data, size_t size);

static ds_code replace_right(ds_io *io, const char *data, size_t size) {
  return ds_io_replace_file(io, "dir", "dir/file", data, size, NULL);
}

// Writes `path`; with `sync` 0 not synced, 1 synced, 2 synced again when that failed.
static ds_code write_whole(ds_io *io, const char *path, const char *data, size_t size, int sync) {
  ds_file *file;
  TRY(io->ops->open(io, path, DS_OPEN_WRITE | DS_OPEN_CREATE, &file, NULL));
  ds_code code = io->ops->truncate(io, file, 0, NULL);
  if (code == DS_OK)
    code = io->ops->write_at(io, file, 0, data, size, NULL);
  for (int i = 0; code == DS_OK && i < sync; i++) {
    code = io->ops->sync(io, file, NULL);
    if (code == DS_OK)
      break;
    code = i + 1 < sync ? DS_OK : code;
  }
  io->ops->close(io, file);
  return code;
}

static ds_code rename_and_sync(ds_io *io) {
  TRY(io->ops->rename(io, "dir/file.tmp", "dir/file", NULL));
  return io->ops->sync_dir(io, "dir", NULL);
}

static ds_code replace_without_sync(ds_io *io, const char *data, size_t size) {
  TRY(write_whole(io, "dir/file.tmp", data, size, 0));
  return rename_and_sync(io);
}

static ds_code replace_without_sync_dir(ds_io *io, const char *data, size_t size) {
  TRY(write_whole(io, "dir/file.tmp", data, size, 1));
  return io->ops->rename(io, "dir/file.tmp", "dir/file", NULL);
}

static ds_code replace_in_place(ds_io *io, const char *data, size_t size) {
  return write_whole(io, "dir/file", data, size, 1);
}

static ds_code replace_by_unlink(ds_io *io, const char *data, size_t size) {
  TRY(write_whole(io, "dir/file.tmp", data, size, 1));
  TRY(io->ops->unlink(io, "dir/file", NULL));
  return rename_and_sync(io);
}

static ds_code replace_believing_second_sync(ds_io *io, const char *data, size_t size) {
  TRY(write_whole(io, "dir/file.tmp", data, size, 2));
  return rename_and_sync(io);
}

// One case of a sweep; printed by its numbers, it can be repeated.
typedef struct sweep_case {
  uint64_t seed;
  uint64_t operation;
  ds_loss loss;
  bool crash; // else `code` is returned at the operation
  ds_code code;
  bool persistent;
} sweep_case;

static bool is_whole(const char *text, size_t size, char letter, size_t expected) {
  size_t count = 0;
  for (size_t i = 0; i < size; i++)
    count += text[i] == letter;
  return size == expected && count == expected;
}

// After the power loss: the new content whole; or, unless it was acknowledged, the old one whole.
static bool is_sound(ds_io *io, bool acknowledged) {
  char *text = NULL;
  size_t size = 0;
  if (ds_io_read_file(io, "dir/file", 1 << 20, &text, &size, NULL) != DS_OK)
    return false;
  const bool sound = is_whole(text, size, 'n', NEW_BYTES) ||
                     (!acknowledged && is_whole(text, size, 'o', OLD_BYTES));
  free(text);
  return sound;
}

static ds_io_sim *prepared_machine(uint64_t seed) {
  char old[OLD_BYTES];
  memset(old, 'o', sizeof(old));
  ds_io_sim *sim = ds_io_sim_new(seed);
  assert_non_null(sim);
  ds_io *io = ds_io_sim_io(sim);
  assert_int_equal(io->ops->mkdir(io, "dir", NULL), DS_OK);
  assert_int_equal(io->ops->sync_dir(io, ".", NULL), DS_OK);
  assert_int_equal(replace_right(io, old, sizeof(old)), DS_OK);
  return sim;
}

// Runs one case; false when the file is neither old nor new whole, or an acknowledged one is gone.
// Afterwards the machine must still take the right protocol.
static bool run_case(protocol replace, const sweep_case *one) {
  char new[NEW_BYTES];
  memset(new, 'n', sizeof(new));
  ds_io_sim *sim = prepared_machine(one->seed);
  ds_io *io = ds_io_sim_io(sim);
  if (one->crash)
    ds_io_sim_crash_at(sim, one->operation);
  else
    ds_io_sim_fail_at(sim, one->operation, one->code, one->persistent);
  const bool acknowledged = replace(io, new, sizeof(new)) == DS_OK;
  assert_int_equal(ds_io_sim_open_files(sim), 0);
  ds_io_sim_power_loss(sim, one->loss);
  bool sound = is_sound(io, acknowledged);
  // A second power loss finds nothing left to lose.
  ds_io_sim_power_loss(sim, DS_LOSS_ALL);
  sound = sound && is_sound(io, acknowledged);
  assert_int_equal(replace_right(io, new, sizeof(new)), DS_OK);
  ds_io_sim_power_loss(sim, DS_LOSS_ALL);
  sound = sound && is_sound(io, true);
  ds_io_sim_free(sim);
  return sound;
}

// How many mutating operations the protocol takes when nothing fails.
static uint64_t operations_of(protocol replace) {
  char new[NEW_BYTES] = {0};
  ds_io_sim *sim = prepared_machine(0);
  const uint64_t before = ds_io_sim_operations(sim);
  assert_int_equal(replace(ds_io_sim_io(sim), new, sizeof(new)), DS_OK);
  const uint64_t count = ds_io_sim_operations(sim) - before;
  ds_io_sim_free(sim);
  assert_true(count < OPERATIONS_MAX);
  return count;
}

// Runs a case under every loss policy and seed; returns how many were unsound.
static unsigned run_losses(protocol replace, sweep_case one, bool report) {
  unsigned unsound = 0;
  for (size_t i = 0; i < sizeof(losses) / sizeof(*losses); i++) {
    for (one.seed = 0; one.seed < SEEDS; one.seed++) {
      one.loss = losses[i];
      if (run_case(replace, &one))
        continue;
      unsound++;
      if (report)
        print_message("unsound: seed %u, operation %u, policy %u\n", (unsigned)one.seed,
                      (unsigned)one.operation, (unsigned)one.loss);
    }
  }
  return unsound;
}

// Crashes before every operation, and once after the last.
static unsigned crash_sweep(protocol replace, bool report) {
  unsigned unsound = 0;
  const uint64_t count = operations_of(replace);
  for (uint64_t k = 0; k <= count; k++)
    unsound += run_losses(replace, (sweep_case){.operation = k, .crash = true}, report);
  return unsound;
}

static unsigned error_sweep(protocol replace, bool report) {
  unsigned unsound = 0;
  const uint64_t count = operations_of(replace);
  for (uint64_t k = 0; k < count; k++) {
    for (int kind = 0; kind < 4; kind++) {
      const sweep_case one = {.operation = k,
                              .code = kind % 2 == 0 ? DS_IO : DS_FULL,
                              .persistent = kind >= 2};
      unsound += run_losses(replace, one, report);
    }
  }
  return unsound;
}

static void test_replace_survives_crashes(void **state) {
  (void)state;
  assert_int_equal(operations_of(replace_right), 6);
  assert_int_equal(crash_sweep(replace_right, true), 0);
}

static void test_replace_survives_errors(void **state) {
  (void)state;
  assert_int_equal(error_sweep(replace_right, true), 0);
}

// With a transient error the temporary file is gone; a caller sees its code.
static void test_replace_reports_and_cleans_up(void **state) {
  (void)state;
  char new[NEW_BYTES] = {0};
  for (uint64_t k = 0; k < 6; k++) {
    ds_io_sim *sim = prepared_machine(k);
    ds_io *io = ds_io_sim_io(sim);
    ds_io_sim_fail_at(sim, k, DS_FULL, false);
    ds_error err = {0};
    assert_int_equal(ds_io_replace_file(io, "dir", "dir/file", new, sizeof(new), &err), DS_FULL);
    assert_int_equal(err.code, DS_FULL);
    ds_file *file;
    assert_int_equal(io->ops->open(io, "dir/file.tmp", DS_OPEN_READ, &file, NULL), DS_MISSING);
    ds_io_sim_free(sim);
  }
}

static void test_sweep_finds_missing_sync(void **state) {
  (void)state;
  assert_true(crash_sweep(replace_without_sync, false) > 0);
}

static void test_sweep_finds_missing_directory_sync(void **state) {
  (void)state;
  assert_true(crash_sweep(replace_without_sync_dir, false) > 0);
}

static void test_sweep_finds_overwrite_in_place(void **state) {
  (void)state;
  assert_true(crash_sweep(replace_in_place, false) > 0);
}

static void test_sweep_finds_unlink_before_rename(void **state) {
  (void)state;
  assert_true(crash_sweep(replace_by_unlink, false) > 0);
}

// Crashes alone cannot find this one: that is why there is a sweep of errors.
static void test_sweep_finds_sync_retried_and_believed(void **state) {
  (void)state;
  assert_int_equal(crash_sweep(replace_believing_second_sync, false), 0);
  assert_true(error_sweep(replace_believing_second_sync, false) > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_replace_survives_crashes),
      cmocka_unit_test(test_replace_survives_errors),
      cmocka_unit_test(test_replace_reports_and_cleans_up),
      cmocka_unit_test(test_sweep_finds_missing_sync),
      cmocka_unit_test(test_sweep_finds_missing_directory_sync),
      cmocka_unit_test(test_sweep_finds_overwrite_in_place),
      cmocka_unit_test(test_sweep_finds_unlink_before_rename),
      cmocka_unit_test(test_sweep_finds_sync_retried_and_believed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
