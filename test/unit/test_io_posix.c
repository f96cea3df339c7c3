// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/io.h"

// A folder of its own for each test, and paths inside it.
typedef struct place {
  ds_io *io;
  char dir[64];
  char path[128];
  char other[128];
} place;

static int set_up(void **state) {
  place *made = calloc(1, sizeof(*made));
  if (made == NULL)
    return -1;
  made->io = ds_io_posix();
  snprintf(made->dir, sizeof(made->dir), "%s", "/tmp/ds-io-XXXXXX");
  if (mkdtemp(made->dir) == NULL)
    return -1;
  snprintf(made->path, sizeof(made->path), "%s/file", made->dir);
  snprintf(made->other, sizeof(made->other), "%s/other", made->dir);
  *state = made;
  return 0;
}

static ds_code remove_entry(void *context, const char *name, ds_error *err) {
  const place *own = context;
  char path[512];
  (void)err;
  snprintf(path, sizeof(path), "%s/%s", own->dir, name);
  if (unlink(path) != 0)
    (void)rmdir(path);
  return DS_OK;
}

static int tear_down(void **state) {
  place *own = *state;
  (void)own->io->ops->list(own->io, own->dir, remove_entry, own, NULL);
  const int result = rmdir(own->dir);
  free(own);
  return result;
}

static ds_file *open_file(const place *own, const char *path, int flags) {
  ds_file *file = NULL;
  ds_error err = {0};
  if (own->io->ops->open(own->io, path, flags, &file, &err) != DS_OK)
    fail_msg("%s", err.message);
  return file;
}

static void test_write_read_size(void **state) {
  const place *own = *state;
  const ds_io_ops *ops = own->io->ops;
  ds_file *file = open_file(own, own->path, DS_OPEN_READ | DS_OPEN_WRITE | DS_OPEN_CREATE);
  uint64_t size = 99;
  assert_int_equal(ops->size(own->io, file, &size, NULL), DS_OK);
  assert_int_equal(size, 0);
  assert_int_equal(ops->write_at(own->io, file, 5, "hello", 5, NULL), DS_OK);
  assert_int_equal(ops->write_at(own->io, file, 0, NULL, 0, NULL), DS_OK);
  assert_int_equal(ops->sync(own->io, file, NULL), DS_OK);
  char data[11] = {0};
  assert_int_equal(ops->read_at(own->io, file, 0, data, 10, NULL), DS_OK);
  assert_memory_equal(data, "\0\0\0\0\0hello", 10);
  assert_int_equal(ops->truncate(own->io, file, 7, NULL), DS_OK);
  assert_int_equal(ops->size(own->io, file, &size, NULL), DS_OK);
  assert_int_equal(size, 7);
  ops->close(own->io, file);
  ops->close(own->io, NULL);
  struct stat status;
  assert_int_equal(stat(own->path, &status), 0);
  assert_int_equal(status.st_mode & 07, 0); // nothing for strangers
}

static void test_read_past_the_end(void **state) {
  const place *own = *state;
  const ds_io_ops *ops = own->io->ops;
  ds_file *file = open_file(own, own->path, DS_OPEN_READ | DS_OPEN_WRITE | DS_OPEN_CREATE);
  assert_int_equal(ops->write_at(own->io, file, 0, "abc", 3, NULL), DS_OK);
  char data[8];
  ds_error err = {0};
  assert_int_equal(ops->read_at(own->io, file, 1, data, 3, &err), DS_IO);
  assert_string_equal(err.message, "cannot read file: it ends at byte 3, before byte 4");
  assert_int_equal(ops->read_at(own->io, file, 3, data, 0, &err), DS_OK);
  assert_int_equal(ops->read_at(own->io, file, UINT64_MAX - 8, data, 3, &err), DS_IO);
  assert_int_equal(ops->write_at(own->io, file, UINT64_MAX - 8, data, 3, &err), DS_IO);
  ops->close(own->io, file);
}

static void test_open_errors(void **state) {
  const place *own = *state;
  const ds_io_ops *ops = own->io->ops;
  ds_error err = {0};
  ds_file *file = NULL;
  assert_int_equal(ops->open(own->io, own->path, DS_OPEN_READ, &file, &err), DS_MISSING);
  assert_string_equal(err.message, "cannot read file: no such file");
  assert_null(file);
  ops->close(own->io, open_file(own, own->path, DS_OPEN_WRITE | DS_OPEN_CREATE));
  const int exclusive = DS_OPEN_WRITE | DS_OPEN_CREATE | DS_OPEN_EXCLUSIVE;
  assert_int_equal(ops->open(own->io, own->path, exclusive, &file, &err), DS_IO);
  assert_string_equal(err.message, "cannot write file: it exists already");
  assert_int_equal(ops->open(own->io, own->dir, DS_OPEN_WRITE, &file, &err), DS_IO);
  char below[256];
  snprintf(below, sizeof(below), "%s/x", own->path);
  assert_int_equal(ops->open(own->io, below, DS_OPEN_READ, &file, &err), DS_IO);
  assert_int_equal(ops->sync_dir(own->io, own->path, &err), DS_IO);
}

static void test_descriptors_are_not_inherited(void **state) {
  const place *own = *state;
  ds_file *file = open_file(own, own->path, DS_OPEN_WRITE | DS_OPEN_CREATE);
  const int next = dup(0);
  assert_true((fcntl(next - 1, F_GETFD) & FD_CLOEXEC) != 0);
  close(next);
  own->io->ops->close(own->io, file);
}

static void test_full_device(void **state) {
  const place *own = *state;
  if (access("/dev/full", W_OK) != 0)
    skip();
  ds_error err = {0};
  ds_file *file = open_file(own, "/dev/full", DS_OPEN_WRITE);
  assert_int_equal(own->io->ops->write_at(own->io, file, 0, "x", 1, &err), DS_FULL);
  assert_string_equal(err.message, "cannot write full: the disk is full");
  own->io->ops->close(own->io, file);
}

static void test_permission_denied(void **state) {
  const place *own = *state;
  const uid_t user = geteuid();
  own->io->ops->close(own->io, open_file(own, own->path, DS_OPEN_WRITE | DS_OPEN_CREATE));
  assert_int_equal(chmod(own->path, 0), 0);
  // Nothing is forbidden to root, so that the test goes on as nobody for a moment.
  if (user == 0)
    assert_int_equal(seteuid(65534), 0);
  ds_file *file;
  ds_error err = {0};
  const ds_code code = own->io->ops->open(own->io, own->path, DS_OPEN_READ, &file, &err);
  assert_int_equal(seteuid(user), 0);
  assert_int_equal(code, DS_IO);
  assert_string_equal(err.message, "cannot read file: permission denied");
}

static void test_rename_and_unlink(void **state) {
  const place *own = *state;
  const ds_io_ops *ops = own->io->ops;
  ops->close(own->io, open_file(own, own->path, DS_OPEN_WRITE | DS_OPEN_CREATE));
  assert_int_equal(ops->rename(own->io, own->path, own->other, NULL), DS_OK);
  assert_int_equal(access(own->path, F_OK), -1);
  assert_int_equal(access(own->other, F_OK), 0);
  assert_int_equal(ops->rename(own->io, own->path, own->other, NULL), DS_MISSING);
  assert_int_equal(ops->unlink(own->io, own->other, NULL), DS_OK);
  assert_int_equal(ops->unlink(own->io, own->other, NULL), DS_MISSING);
  assert_int_equal(ops->sync_dir(own->io, own->dir, NULL), DS_OK);
  assert_int_equal(ops->sync_dir(own->io, own->path, NULL), DS_MISSING);
}

static void test_link(void **state) {
  const place *own = *state;
  const ds_io_ops *ops = own->io->ops;
  ds_file *file = open_file(own, own->path, DS_OPEN_WRITE | DS_OPEN_CREATE);
  assert_int_equal(ops->link(own->io, own->path, own->other, NULL), DS_OK);
  assert_int_equal(ops->link(own->io, own->path, own->other, NULL), DS_IO);
  assert_int_equal(ops->write_at(own->io, file, 0, "x", 1, NULL), DS_OK);
  ops->close(own->io, file);
  assert_int_equal(ops->unlink(own->io, own->path, NULL), DS_OK);
  char *text;
  size_t size;
  assert_int_equal(ds_io_read_file(own->io, own->other, 10, &text, &size, NULL), DS_OK);
  assert_string_equal(text, "x");
  free(text);
  assert_int_equal(ops->link(own->io, own->path, own->other, NULL), DS_MISSING);
  assert_int_equal(ops->link(own->io, own->other, "/dev/file", NULL), DS_UNSUPPORTED);
}

static void test_mkdir(void **state) {
  const place *own = *state;
  const ds_io_ops *ops = own->io->ops;
  assert_int_equal(ops->mkdir(own->io, own->path, NULL), DS_OK);
  assert_int_equal(ops->mkdir(own->io, own->path, NULL), DS_OK);
  ops->close(own->io, open_file(own, own->other, DS_OPEN_WRITE | DS_OPEN_CREATE));
  assert_int_equal(ops->mkdir(own->io, own->other, NULL), DS_IO);
  char below[256];
  snprintf(below, sizeof(below), "%s/none/below", own->dir);
  assert_int_equal(ops->mkdir(own->io, below, NULL), DS_MISSING);
}

static ds_code count_until_two(void *context, const char *name, ds_error *err) {
  int *count = context;
  assert_int_not_equal(name[0], '.');
  return ++*count == 2 ? ds_fail(err, DS_NO, "enough") : DS_OK;
}

static void test_list(void **state) {
  const place *own = *state;
  const ds_io_ops *ops = own->io->ops;
  int count = 0;
  assert_int_equal(ops->list(own->io, own->dir, count_until_two, &count, NULL), DS_OK);
  assert_int_equal(count, 0);
  ops->close(own->io, open_file(own, own->path, DS_OPEN_WRITE | DS_OPEN_CREATE));
  assert_int_equal(ops->list(own->io, own->dir, count_until_two, &count, NULL), DS_OK);
  assert_int_equal(count, 1);
  count = 0;
  ops->close(own->io, open_file(own, own->other, DS_OPEN_WRITE | DS_OPEN_CREATE));
  assert_int_equal(ops->list(own->io, own->dir, count_until_two, &count, NULL), DS_NO);
  assert_int_equal(count, 2);
  assert_int_equal(ops->list(own->io, "/nowhere/at/all", count_until_two, &count, NULL),
                   DS_MISSING);
}

static void test_lock_excludes_inside_one_process(void **state) {
  const place *own = *state;
  const ds_io_ops *ops = own->io->ops;
  const int flags = DS_OPEN_READ | DS_OPEN_WRITE | DS_OPEN_CREATE;
  ds_file *first = open_file(own, own->path, flags);
  ds_file *second = open_file(own, own->path, flags);
  assert_int_equal(ops->lock(own->io, first, NULL), DS_OK);
  ds_error err = {0};
  assert_int_equal(ops->lock(own->io, second, &err), DS_BUSY);
  char expected[64];
  snprintf(expected, sizeof(expected), "file is held by process %ld", (long)getpid());
  assert_string_equal(err.message, expected);
  // Closing another handle of the same file must not release it, as fcntl locks would be.
  ops->close(own->io, second);
  second = open_file(own, own->path, flags);
  assert_int_equal(ops->lock(own->io, second, NULL), DS_BUSY);
  ops->close(own->io, first);
  assert_int_equal(ops->lock(own->io, second, NULL), DS_OK);
  ops->close(own->io, second);
}

// The holder's process ends without closing anything: the lock goes with it.
static void test_lock_dies_with_its_process(void **state) {
  const place *own = *state;
  const ds_io_ops *ops = own->io->ops;
  int ready[2];
  int done[2];
  assert_int_equal(pipe(ready), 0);
  assert_int_equal(pipe(done), 0);
  const pid_t child = fork();
  if (child == 0) {
    ds_file *held = NULL;
    char byte = 'x';
    const int flags = DS_OPEN_READ | DS_OPEN_WRITE | DS_OPEN_CREATE;
    close(done[1]);
    if (ops->open(own->io, own->path, flags, &held, NULL) != DS_OK ||
        ops->lock(own->io, held, NULL) != DS_OK || write(ready[1], &byte, 1) != 1)
      _exit(1);
    _exit(read(done[0], &byte, 1) == 0 ? 0 : 1);
  }
  char byte;
  assert_int_equal(read(ready[0], &byte, 1), 1);
  ds_file *file = open_file(own, own->path, DS_OPEN_READ | DS_OPEN_WRITE);
  ds_error err = {0};
  assert_int_equal(ops->lock(own->io, file, &err), DS_BUSY);
  char expected[64];
  snprintf(expected, sizeof(expected), "file is held by process %ld", (long)child);
  assert_string_equal(err.message, expected);
  close(done[1]);
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_int_equal(ops->lock(own->io, file, NULL), DS_OK);
  ops->close(own->io, file);
  close(done[0]);
  close(ready[0]);
  close(ready[1]);
}

static void test_clocks_and_random(void **state) {
  const place *own = *state;
  const ds_io_ops *ops = own->io->ops;
  assert_true(ops->now_ms(own->io) > 1600000000000);
  const int64_t before = ops->monotonic_ns(own->io);
  assert_true(ops->monotonic_ns(own->io) >= before);
  uint8_t first[32] = {0};
  uint8_t second[32] = {0};
  assert_int_equal(ops->random(own->io, first, sizeof(first), NULL), DS_OK);
  assert_int_equal(ops->random(own->io, second, sizeof(second), NULL), DS_OK);
  assert_memory_not_equal(first, second, sizeof(first));
}

static void assert_content(const place *own, const char *expected) {
  char *text = NULL;
  size_t size = 0;
  assert_int_equal(ds_io_read_file(own->io, own->path, 100, &text, &size, NULL), DS_OK);
  assert_int_equal(size, strlen(expected));
  assert_string_equal(text, expected);
  free(text);
}

static void test_replace_and_read_file(void **state) {
  const place *own = *state;
  char temporary[160];
  snprintf(temporary, sizeof(temporary), "%s.tmp", own->path);
  assert_int_equal(ds_io_replace_file(own->io, own->dir, own->path, "first", 5, NULL), DS_OK);
  assert_content(own, "first");
  // What a crash left behind is longer than the new content and must not show.
  ds_file *left = open_file(own, temporary, DS_OPEN_WRITE | DS_OPEN_CREATE);
  assert_int_equal(own->io->ops->write_at(own->io, left, 0, "left behind", 11, NULL), DS_OK);
  own->io->ops->close(own->io, left);
  assert_int_equal(ds_io_replace_file(own->io, own->dir, own->path, "2nd", 3, NULL), DS_OK);
  assert_content(own, "2nd");
  assert_int_equal(access(temporary, F_OK), -1);
  assert_int_equal(ds_io_replace_file(own->io, own->dir, own->path, "", 0, NULL), DS_OK);
  assert_content(own, "");
}

static void test_read_file_limits(void **state) {
  const place *own = *state;
  char *text = NULL;
  size_t size = 0;
  ds_error err = {0};
  assert_int_equal(ds_io_read_file(own->io, own->path, 9, &text, &size, &err), DS_MISSING);
  assert_int_equal(ds_io_replace_file(own->io, own->dir, own->path, "12345", 5, NULL), DS_OK);
  assert_int_equal(ds_io_read_file(own->io, own->path, 4, &text, &size, &err), DS_LIMIT);
  assert_string_equal(err.message, "file is larger than 4 bytes");
  assert_null(text);
  assert_int_equal(ds_io_read_file(own->io, own->path, 5, &text, &size, &err), DS_OK);
  free(text);
}

static void test_replace_file_failures(void **state) {
  const place *own = *state;
  char path[6000];
  memset(path, 'x', sizeof(path));
  path[4092] = '\0';
  ds_error err = {0};
  assert_int_equal(ds_io_replace_file(own->io, own->dir, path, "x", 1, &err), DS_LIMIT);
  // A directory in the way: the rename fails, and no temporary file stays.
  assert_int_equal(own->io->ops->mkdir(own->io, own->path, NULL), DS_OK);
  assert_int_equal(ds_io_replace_file(own->io, own->dir, own->path, "x", 1, &err), DS_IO);
  char temporary[160];
  snprintf(temporary, sizeof(temporary), "%s.tmp", own->path);
  assert_int_equal(access(temporary, F_OK), -1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(test_write_read_size),
      CASE(test_read_past_the_end),
      CASE(test_open_errors),
      CASE(test_descriptors_are_not_inherited),
      CASE(test_full_device),
      CASE(test_permission_denied),
      CASE(test_rename_and_unlink),
      CASE(test_link),
      CASE(test_mkdir),
      CASE(test_list),
      CASE(test_lock_excludes_inside_one_process),
      CASE(test_lock_dies_with_its_process),
      CASE(test_clocks_and_random),
      CASE(test_replace_and_read_file),
      CASE(test_read_file_limits),
      CASE(test_replace_file_failures),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
