// SPDX-License-Identifier: Apache-2.0
// What is written to a watched folder is told by the next call, and nothing else is.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/io.h"
#include "io/watch.h"

static void test_watch(void **state) {
  char folder[] = "/tmp/ds_watch_XXXXXX", below[64], path[64], other[64];
  ds_io *io = ds_io_posix();
  ds_file *file = NULL;
  (void)state;
  assert_non_null(mkdtemp(folder));
  snprintf(below, sizeof below, "%s/log", folder);
  snprintf(path, sizeof path, "%s/log/a", folder);
  snprintf(other, sizeof other, "%s/b", folder);
  assert_int_equal(io->ops->mkdir(io, below, NULL), DS_OK);
  const char *folders[] = {folder, below, "/nowhere/at/all"};
  assert_null(ds_watch_new(folders, 3));
  assert_true(ds_watch_stirred(NULL));
  ds_watch *watch = ds_watch_new(folders, 2);
  assert_non_null(watch);
  assert_true(ds_watch_stirred(watch));
  assert_false(ds_watch_stirred(watch));
  const int flags = DS_OPEN_READ | DS_OPEN_WRITE | DS_OPEN_CREATE;
  assert_int_equal(io->ops->open(io, path, flags, &file, NULL), DS_OK);
  assert_true(ds_watch_stirred(watch));
  for (uint64_t i = 0; i < 3; i++) {
    assert_false(ds_watch_stirred(watch));
    assert_int_equal(io->ops->write_at(io, file, i, "x", 1, NULL), DS_OK);
    assert_true(ds_watch_stirred(watch));
  }
  char byte;
  assert_int_equal(io->ops->read_at(io, file, 0, &byte, 1, NULL), DS_OK);
  assert_false(ds_watch_stirred(watch));
  io->ops->close(io, file);
  assert_int_equal(ds_io_replace_file(io, folder, other, "y", 1, NULL), DS_OK);
  assert_true(ds_watch_stirred(watch));
  assert_int_equal(io->ops->unlink(io, other, NULL), DS_OK);
  assert_true(ds_watch_stirred(watch));
  assert_false(ds_watch_stirred(watch));
  assert_int_equal(io->ops->unlink(io, path, NULL), DS_OK);
  ds_watch_free(watch);
  ds_watch_free(NULL);
  rmdir(below);
  rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_watch)};
  return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
