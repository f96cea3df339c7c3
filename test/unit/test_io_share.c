// SPDX-License-Identifier: Apache-2.0
// Ranges that handles hold against each other and memory that they share, on both doors to files;
// under POSIX in two processes, too.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/io.h"

enum { REGION_BYTES = 32768 };

// A machine, and a file that two handles have open.
typedef struct place {
  ds_io *io;
  ds_io_sim *sim; // NULL = POSIX
  char path[64];
  ds_file *one;
  ds_file *two;
} place;

static ds_file *open_file(const place *own) {
  ds_file *file = NULL;
  const int flags = DS_OPEN_READ | DS_OPEN_WRITE | DS_OPEN_CREATE;
  assert_int_equal(own->io->ops->open(own->io, own->path, flags, &file, NULL), DS_OK);
  return file;
}

static int set_up(void **state, ds_io_sim *sim) {
  place *own = calloc(1, sizeof *own);
  own->sim = sim;
  own->io = sim == NULL ? ds_io_posix() : ds_io_sim_io(sim);
  snprintf(own->path, sizeof own->path, sim == NULL ? "/tmp/ds-share-%ld" : "share-%ld",
           (long)getpid());
  own->one = open_file(own);
  own->two = open_file(own);
  *state = own;
  return 0;
}

static int set_up_posix(void **state) { return set_up(state, NULL); }
static int set_up_sim(void **state) { return set_up(state, ds_io_sim_new(1)); }

static int tear_down(void **state) {
  place *own = *state;
  own->io->ops->close(own->io, own->one);
  own->io->ops->close(own->io, own->two);
  (void)own->io->ops->unlink(own->io, own->path, NULL);
  ds_io_sim_free(own->sim);
  free(own);
  return 0;
}

static ds_code hold(const place *own, ds_file *file, uint64_t offset, uint64_t size, ds_hold how) {
  return own->io->ops->hold(own->io, file, offset, size, how, NULL);
}

static bool is_held(const place *own, ds_file *file, uint64_t offset) {
  bool held = false;
  assert_int_equal(own->io->ops->is_held(own->io, file, offset, 1, &held, NULL), DS_OK);
  return held;
}

static void test_holds(void **state) {
  place *own = *state;
  assert_int_equal(hold(own, own->one, 10, 5, DS_HOLD_SHARED), DS_OK);
  assert_int_equal(hold(own, own->two, 10, 5, DS_HOLD_SHARED), DS_OK);
  assert_false(is_held(own, own->one, 10));
  // Neither may have it alone; what they hold they keep.
  assert_int_equal(hold(own, own->one, 10, 5, DS_HOLD_EXCLUSIVE), DS_BUSY);
  assert_int_equal(hold(own, own->two, 10, 5, DS_HOLD_EXCLUSIVE), DS_BUSY);
  assert_int_equal(hold(own, own->two, 10, 5, DS_HOLD_FREE), DS_OK);
  assert_int_equal(hold(own, own->one, 10, 5, DS_HOLD_EXCLUSIVE), DS_OK);
  assert_true(is_held(own, own->two, 14));
  assert_false(is_held(own, own->two, 15));
  assert_false(is_held(own, own->one, 14)); // by no other
  ds_error err;
  assert_int_equal(own->io->ops->hold(own->io, own->two, 14, 9, DS_HOLD_SHARED, &err), DS_BUSY);
  assert_non_null(strstr(err.message, " is in use by another process"));
  assert_int_equal(hold(own, own->two, 15, 9, DS_HOLD_EXCLUSIVE), DS_OK); // apart
  assert_int_equal(hold(own, own->one, 10, 5, DS_HOLD_SHARED), DS_OK); // down again
  assert_int_equal(hold(own, own->two, 10, 5, DS_HOLD_SHARED), DS_OK);
  // Closing lets go of its own, and of nothing else.
  own->io->ops->close(own->io, own->two);
  own->two = open_file(own);
  assert_int_equal(hold(own, own->two, 10, 5, DS_HOLD_EXCLUSIVE), DS_BUSY);
  assert_int_equal(hold(own, own->two, 15, 9, DS_HOLD_EXCLUSIVE), DS_OK);
}

static char *share(const place *own, ds_file *file, uint32_t region, bool make) {
  void *memory = NULL;
  assert_int_equal(
      own->io->ops->share(own->io, file, region, REGION_BYTES, make, &memory, NULL), DS_OK);
  return memory;
}

static void test_shared_memory(void **state) {
  place *own = *state;
  assert_null(share(own, own->one, 0, false));
  char *one = share(own, own->one, 0, true);
  char *two = share(own, own->two, 0, false);
  assert_int_equal(two[REGION_BYTES - 1], 0);
  one[0] = 'a';
  two[REGION_BYTES - 1] = 'z';
  assert_int_equal(two[0], 'a');
  assert_int_equal(one[REGION_BYTES - 1], 'z');
  assert_null(share(own, own->two, 1, false));
  two = share(own, own->two, 1, true);
  assert_int_equal(two[0], 0);
  two[0] = 'b';
  assert_int_equal(share(own, own->one, 1, false)[0], 'b');
  assert_int_equal(one[0], 'a'); // where it was
}

// What is on no disk goes with the power; the handles of before keep their memory, but in vain.
static void test_power_loss(void **state) {
  place *own = *state;
  assert_int_equal(own->io->ops->sync_dir(own->io, ".", NULL), DS_OK);
  char *old = share(own, own->one, 0, true);
  old[0] = 'a';
  assert_int_equal(hold(own, own->one, 1, 1, DS_HOLD_EXCLUSIVE), DS_OK);
  const uint64_t operations = ds_io_sim_operations(own->sim);
  ds_io_sim_power_loss(own->sim, DS_LOSS_NONE);
  ds_file *fresh = open_file(own);
  assert_int_equal(hold(own, fresh, 1, 1, DS_HOLD_EXCLUSIVE), DS_OK);
  assert_null(share(own, fresh, 0, false));
  assert_int_equal(share(own, fresh, 0, true)[0], 0);
  old[1] = 'b';
  assert_int_equal(hold(own, own->one, 5, 1, DS_HOLD_SHARED), DS_IO);
  own->io->ops->close(own->io, fresh);
  assert_int_equal(ds_io_sim_operations(own->sim), operations); // none of this is a change
}

// In another process: sees and writes the memory, is kept off the range, and takes another with it.
static int be_other(place *own) {
  ds_file *file = open_file(own);
  char *memory = share(own, file, 0, false);
  if (memory == NULL || memory[7] != 'p')
    return 2;
  if (hold(own, file, 3, 1, DS_HOLD_SHARED) != DS_BUSY || !is_held(own, file, 3))
    return 3;
  memory[8] = 'c';
  return hold(own, file, 4, 1, DS_HOLD_EXCLUSIVE) == DS_OK ? 0 : 4;
}

static void test_two_processes(void **state) {
  place *own = *state;
  char *memory = share(own, own->one, 0, true);
  memory[7] = 'p';
  assert_int_equal(hold(own, own->one, 3, 1, DS_HOLD_EXCLUSIVE), DS_OK);
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0)
    _exit(be_other(own));
  int status = 0;
  assert_true(waitpid(child, &status, 0) == child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  assert_int_equal(memory[8], 'c');
  assert_int_equal(hold(own, own->one, 4, 1, DS_HOLD_EXCLUSIVE), DS_OK); // it died
}

static void test_refusals(void **state) {
  place *own = *state;
  ds_file *reader = NULL;
  assert_int_equal(own->io->ops->open(own->io, own->path, DS_OPEN_READ, &reader, NULL), DS_OK);
  ds_error err = {.message = ""};
  assert_int_equal(own->io->ops->hold(own->io, reader, 0, 1, DS_HOLD_EXCLUSIVE, &err), DS_IO);
  assert_string_not_equal(err.message, "");
  assert_int_equal(hold(own, reader, 0, 1, DS_HOLD_SHARED), DS_OK);
  void *memory = NULL;
  assert_int_equal(own->io->ops->share(own->io, reader, 0, REGION_BYTES, true, &memory, &err),
                   DS_IO);
  own->io->ops->close(own->io, reader);
}

static void test_sleep(void **state) {
  place *own = *state;
  const int64_t before = own->io->ops->monotonic_ns(own->io);
  own->io->ops->sleep_us(own->io, 3000);
  assert_true(own->io->ops->monotonic_ns(own->io) - before >= 2900000);
}

int main(void) {
#define POSIX_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_posix, tear_down)
#define SIM_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_sim, tear_down)
  const struct CMUnitTest tests[] = {
      POSIX_TEST(test_holds), SIM_TEST(test_holds),
      POSIX_TEST(test_shared_memory), SIM_TEST(test_shared_memory),
      SIM_TEST(test_power_loss), POSIX_TEST(test_two_processes),
      POSIX_TEST(test_refusals), SIM_TEST(test_refusals),
      POSIX_TEST(test_sleep), SIM_TEST(test_sleep),
  };
  return cmocka_run_group_tests_name("io share", tests, NULL, NULL);
}
