// SPDX-License-Identifier: Apache-2.0
// The simulated machine's contract: what calls see, what power loss keeps, how failures look.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/io.h"

enum { RDWR = DS_OPEN_READ | DS_OPEN_WRITE, MAKE = RDWR | DS_OPEN_CREATE };

static ds_file *open_file(ds_io *io, const char *path, int flags) {
  ds_file *file = NULL;
  ds_error err = {0};
  if (io->ops->open(io, path, flags, &file, &err) != DS_OK)
    fail_msg("%s", err.message);
  return file;
}

// A machine on which "file" holds `size` bytes of 'o', durably.
static ds_io_sim *machine_with_file(uint64_t seed, size_t size) {
  ds_io_sim *sim = ds_io_sim_new(seed);
  assert_non_null(sim);
  ds_io *io = ds_io_sim_io(sim);
  char *data = malloc(size + 1);
  assert_non_null(data);
  memset(data, 'o', size + 1);
  assert_int_equal(ds_io_replace_file(io, ".", "file", data, size, NULL), DS_OK);
  free(data);
  return sim;
}

// The whole file as text, or NULL when it is missing. To be freed.
static char *content_of(ds_io *io, const char *path, size_t *ret_size) {
  char *text = NULL;
  const ds_code code = ds_io_read_file(io, path, 1 << 20, &text, ret_size, NULL);
  if (code == DS_MISSING)
    return NULL;
  assert_int_equal(code, DS_OK);
  return text;
}

static void assert_content(ds_io *io, const char *path, const char *expected) {
  size_t size = 0;
  char *text = content_of(io, path, &size);
  if (expected == NULL) {
    assert_null(text);
    return;
  }
  assert_non_null(text);
  assert_int_equal(size, strlen(expected));
  assert_memory_equal(text, expected, size);
  free(text);
}

static void test_reads_see_writes(void **state) {
  (void)state;
  ds_io_sim *sim = ds_io_sim_new(1);
  ds_io *io = ds_io_sim_io(sim);
  ds_file *file = open_file(io, "file", MAKE);
  assert_int_equal(io->ops->write_at(io, file, 2, "abc", 3, NULL), DS_OK);
  assert_int_equal(io->ops->write_at(io, file, 3, "X", 1, NULL), DS_OK);
  char data[5];
  assert_int_equal(io->ops->read_at(io, file, 0, data, 5, NULL), DS_OK);
  assert_memory_equal(data, "\0\0aXc", 5);
  ds_error err = {0};
  assert_int_equal(io->ops->read_at(io, file, 4, data, 2, &err), DS_IO);
  assert_string_equal(err.message, "cannot read file: it ends at byte 5, before byte 6");
  assert_int_equal(io->ops->read_at(io, file, UINT64_MAX, data, 2, &err), DS_IO);
  // What truncation cut off does not come back when the file grows again.
  assert_int_equal(io->ops->truncate(io, file, 3, NULL), DS_OK);
  assert_int_equal(io->ops->truncate(io, file, 5, NULL), DS_OK);
  assert_int_equal(io->ops->read_at(io, file, 0, data, 5, NULL), DS_OK);
  assert_memory_equal(data, "\0\0a\0\0", 5);
  io->ops->close(io, file);
  ds_io_sim_free(sim);
  ds_io_sim_free(NULL);
}

static void test_open_errors(void **state) {
  (void)state;
  ds_io_sim *sim = ds_io_sim_new(1);
  ds_io *io = ds_io_sim_io(sim);
  ds_file *file = NULL;
  ds_error err = {0};
  assert_int_equal(io->ops->open(io, "dir/a", DS_OPEN_READ, &file, &err), DS_MISSING);
  assert_string_equal(err.message, "cannot find a: no such file");
  assert_int_equal(io->ops->open(io, "dir/a", MAKE, &file, &err), DS_MISSING);
  assert_int_equal(io->ops->mkdir(io, "dir", NULL), DS_OK);
  assert_int_equal(io->ops->mkdir(io, "dir", NULL), DS_OK);
  assert_int_equal(io->ops->open(io, "dir", DS_OPEN_READ, &file, &err), DS_IO);
  ds_file *made = open_file(io, "dir/a", MAKE);
  assert_int_equal(io->ops->open(io, "dir/a", MAKE | DS_OPEN_EXCLUSIVE, &file, &err), DS_IO);
  assert_int_equal(io->ops->open(io, "dir/a/b", MAKE, &file, &err), DS_MISSING);
  assert_int_equal(io->ops->mkdir(io, "dir/a", &err), DS_IO);
  assert_int_equal(io->ops->unlink(io, "dir", &err), DS_IO);
  assert_int_equal(io->ops->unlink(io, "none", &err), DS_MISSING);
  assert_int_equal(io->ops->sync_dir(io, "dir/a", &err), DS_IO);
  assert_int_equal(io->ops->sync_dir(io, "none", &err), DS_MISSING);
  assert_null(file);
  ds_file *reader = open_file(io, "./dir//a", DS_OPEN_READ);
  assert_int_equal(io->ops->write_at(io, reader, 0, "x", 1, &err), DS_IO);
  io->ops->close(io, reader);
  io->ops->close(io, made);
  io->ops->close(io, NULL);
  ds_io_sim_free(sim);
}

static ds_code remove_listed(void *context, const char *name, ds_error *err) {
  ds_io *io = context;
  char path[64];
  snprintf(path, sizeof(path), "dir/%s", name);
  return io->ops->unlink(io, path, err);
}

static ds_code count_listed(void *context, const char *name, ds_error *err) {
  (void)name, (void)err;
  ++*(int *)context;
  return DS_OK;
}

// The callback may change the directory that it is told of, as a clean-up of orphans does.
static void test_list_and_remove(void **state) {
  (void)state;
  ds_io_sim *sim = ds_io_sim_new(1);
  ds_io *io = ds_io_sim_io(sim);
  assert_int_equal(io->ops->mkdir(io, "dir", NULL), DS_OK);
  for (int i = 0; i < 20; i++) {
    char path[64];
    snprintf(path, sizeof(path), "dir/%d", i);
    io->ops->close(io, open_file(io, path, MAKE));
  }
  int count = 0;
  assert_int_equal(io->ops->list(io, "dir", count_listed, &count, NULL), DS_OK);
  assert_int_equal(count, 20);
  assert_int_equal(io->ops->list(io, "dir", remove_listed, io, NULL), DS_OK);
  count = 0;
  assert_int_equal(io->ops->list(io, "dir", count_listed, &count, NULL), DS_OK);
  assert_int_equal(count, 0);
  assert_int_equal(io->ops->list(io, "none", count_listed, &count, NULL), DS_MISSING);
  ds_io_sim_free(sim);
}

static void test_unlinked_file_stays_readable(void **state) {
  (void)state;
  ds_io_sim *sim = machine_with_file(1, 3);
  ds_io *io = ds_io_sim_io(sim);
  ds_file *file = open_file(io, "file", DS_OPEN_READ);
  assert_int_equal(io->ops->unlink(io, "file", NULL), DS_OK);
  assert_int_equal(io->ops->sync_dir(io, ".", NULL), DS_OK);
  char data[3];
  assert_int_equal(io->ops->read_at(io, file, 0, data, 3, NULL), DS_OK);
  assert_memory_equal(data, "ooo", 3);
  io->ops->close(io, file);
  ds_io_sim_free(sim);
}

static void test_locks(void **state) {
  (void)state;
  ds_io_sim *sim = machine_with_file(1, 3);
  ds_io *io = ds_io_sim_io(sim);
  ds_file *first = open_file(io, "file", RDWR);
  ds_file *second = open_file(io, "file", RDWR);
  assert_int_equal(io->ops->lock(io, first, NULL), DS_OK);
  assert_int_equal(io->ops->lock(io, first, NULL), DS_OK);
  assert_int_equal(io->ops->lock(io, second, NULL), DS_BUSY);
  io->ops->close(io, first);
  assert_int_equal(io->ops->lock(io, second, NULL), DS_OK);
  assert_int_equal(ds_io_sim_open_files(sim), 1);
  ds_io_sim_power_loss(sim, DS_LOSS_ALL);
  assert_int_equal(ds_io_sim_open_files(sim), 0);
  ds_file *third = open_file(io, "file", RDWR);
  assert_int_equal(io->ops->lock(io, third, NULL), DS_OK);
  // The old handle is of no use, but its owner may still close it.
  ds_error err = {0};
  char byte;
  assert_int_equal(io->ops->read_at(io, second, 0, &byte, 1, &err), DS_IO);
  assert_string_equal(err.message, "file was opened before the power loss");
  io->ops->close(io, second);
  assert_int_equal(io->ops->lock(io, third, NULL), DS_OK);
  assert_int_equal(ds_io_sim_open_files(sim), 1);
  ds_io_sim_free(sim); // frees the handle left open
}

static void test_loss_all_and_none(void **state) {
  (void)state;
  for (int keep = 0; keep < 2; keep++) {
    ds_io_sim *sim = machine_with_file(1, 3);
    ds_io *io = ds_io_sim_io(sim);
    ds_file *file = open_file(io, "file", RDWR);
    assert_int_equal(io->ops->write_at(io, file, 1, "NEW", 3, NULL), DS_OK);
    io->ops->close(io, file);
    io->ops->close(io, open_file(io, "made", MAKE));
    ds_io_sim_power_loss(sim, keep ? DS_LOSS_NONE : DS_LOSS_ALL);
    assert_content(io, "file", keep ? "oNEW" : "ooo");
    assert_content(io, "made", keep ? "" : NULL);
    ds_io_sim_free(sim);
  }
}

// A file's own sync keeps its bytes but not its name; the directory's keeps the name but no bytes.
static void test_name_and_data_are_synced_apart(void **state) {
  (void)state;
  for (int name = 0; name < 2; name++) {
    ds_io_sim *sim = ds_io_sim_new(1);
    ds_io *io = ds_io_sim_io(sim);
    ds_file *file = open_file(io, "file", MAKE);
    assert_int_equal(io->ops->write_at(io, file, 0, "data", 4, NULL), DS_OK);
    if (name)
      assert_int_equal(io->ops->sync_dir(io, "", NULL), DS_OK);
    else
      assert_int_equal(io->ops->sync(io, file, NULL), DS_OK);
    io->ops->close(io, file);
    ds_io_sim_power_loss(sim, DS_LOSS_ALL);
    assert_content(io, "file", name ? "" : NULL);
    ds_io_sim_free(sim);
  }
}

// A directory's name is durable by the sync of the directory above it, not by its own.
static void test_new_directory_needs_its_parent_synced(void **state) {
  (void)state;
  for (int parent = 0; parent < 2; parent++) {
    ds_io_sim *sim = ds_io_sim_new(1);
    ds_io *io = ds_io_sim_io(sim);
    assert_int_equal(io->ops->mkdir(io, "dir", NULL), DS_OK);
    if (parent)
      assert_int_equal(io->ops->sync_dir(io, ".", NULL), DS_OK);
    assert_int_equal(ds_io_replace_file(io, "dir", "dir/file", "x", 1, NULL), DS_OK);
    ds_io_sim_power_loss(sim, DS_LOSS_ALL);
    assert_content(io, "dir/file", parent ? "x" : NULL);
    ds_io_sim_free(sim);
  }
}

// Directory changes survive in any subset: here all four of two, which a prefix cannot give.
static void test_directory_changes_survive_in_any_subset(void **state) {
  (void)state;
  bool seen[4] = {false};
  for (uint64_t seed = 0; seed < 64; seed++) {
    ds_io_sim *sim = ds_io_sim_new(seed);
    ds_io *io = ds_io_sim_io(sim);
    io->ops->close(io, open_file(io, "a", MAKE));
    io->ops->close(io, open_file(io, "b", MAKE));
    ds_io_sim_power_loss(sim, DS_LOSS_RANDOM);
    size_t size;
    char *a = content_of(io, "a", &size);
    char *b = content_of(io, "b", &size);
    seen[(a != NULL) + 2 * (b != NULL)] = true;
    free(a);
    free(b);
    ds_io_sim_free(sim);
  }
  for (int i = 0; i < 4; i++)
    assert_true(seen[i]);
}

// Within one directory a rename leaves exactly one of the names; between two it may leave any.
static void test_rename_is_one_change_in_one_directory(void **state) {
  (void)state;
  for (int across = 0; across < 2; across++) {
    bool seen[4] = {false};
    for (uint64_t seed = 0; seed < 64; seed++) {
      ds_io_sim *sim = machine_with_file(seed, 3);
      ds_io *io = ds_io_sim_io(sim);
      assert_int_equal(io->ops->mkdir(io, "dir", NULL), DS_OK);
      assert_int_equal(io->ops->sync_dir(io, ".", NULL), DS_OK);
      const char *to = across ? "dir/to" : "to";
      assert_int_equal(io->ops->rename(io, "file", to, NULL), DS_OK);
      assert_content(io, "file", NULL);
      assert_content(io, to, "ooo");
      ds_io_sim_power_loss(sim, DS_LOSS_RANDOM);
      size_t size;
      char *a = content_of(io, "file", &size);
      char *b = content_of(io, to, &size);
      seen[(a != NULL) + 2 * (b != NULL)] = true;
      free(a);
      free(b);
      ds_io_sim_free(sim);
    }
    assert_int_equal(seen[0], across);
    assert_true(seen[1]);
    assert_true(seen[2]);
    assert_int_equal(seen[3], across);
  }
}

static void test_rename_errors(void **state) {
  (void)state;
  ds_io_sim *sim = machine_with_file(1, 3);
  ds_io *io = ds_io_sim_io(sim);
  assert_int_equal(io->ops->mkdir(io, "dir", NULL), DS_OK);
  assert_int_equal(io->ops->mkdir(io, "dir2", NULL), DS_OK);
  assert_int_equal(io->ops->rename(io, "none", "x", NULL), DS_MISSING);
  assert_int_equal(io->ops->rename(io, "file", "none/x", NULL), DS_MISSING);
  assert_int_equal(io->ops->rename(io, "file", "dir", NULL), DS_IO);
  assert_int_equal(io->ops->rename(io, "dir", "dir2/dir", NULL), DS_IO);
  assert_int_equal(io->ops->rename(io, "dir", "dir3", NULL), DS_OK);
  assert_int_equal(io->ops->rename(io, "file", "file", NULL), DS_OK);
  assert_content(io, "file", "ooo");
  ds_io_sim_free(sim);
}

// The second name is a change of its directory; the bytes are the file's, whatever its names.
static void test_link(void **state) {
  (void)state;
  bool seen[2] = {false};
  for (uint64_t seed = 0; seed < 16; seed++) {
    ds_io_sim *sim = machine_with_file(seed, 3);
    ds_io *io = ds_io_sim_io(sim);
    assert_int_equal(io->ops->link(io, "file", "file", NULL), DS_IO);
    assert_int_equal(io->ops->link(io, "none", "x", NULL), DS_MISSING);
    assert_int_equal(io->ops->link(io, "file", "none/x", NULL), DS_MISSING);
    assert_int_equal(io->ops->link(io, "file", "x", NULL), DS_OK);
    assert_content(io, "x", "ooo");
    ds_io_sim_power_loss(sim, DS_LOSS_RANDOM);
    size_t size;
    char *x = content_of(io, "x", &size);
    const bool has = x != NULL;
    seen[has] = true;
    free(x);
    assert_content(io, "file", "ooo");
    assert_int_equal(io->ops->unlink(io, "file", NULL), DS_OK);
    assert_int_equal(io->ops->sync_dir(io, ".", NULL), DS_OK);
    ds_io_sim_power_loss(sim, DS_LOSS_ALL);
    char *left = content_of(io, "x", &size);
    assert_int_equal(left != NULL, has);
    free(left);
    ds_io_sim_free(sim);
  }
  assert_true(seen[0] && seen[1]);
}

// What became of one sector of an overwrite.
typedef enum fate { FATE_OLD, FATE_NEW, FATE_OTHER, FATES } fate;

static fate fate_of(const char *sector, size_t size) {
  size_t old = 0;
  size_t new = 0;
  for (size_t i = 0; i < size; i++) {
    old += sector[i] == 'o';
    new += sector[i] == 'n';
  }
  return old == size ? FATE_OLD : new == size ? FATE_NEW : FATE_OTHER;
}

// A write over sectors 1 to 3 and a bit of 4: its sectors meet different fates, no neighbour any.
static void test_random_loss_is_by_sector(void **state) {
  (void)state;
  bool seen[FATES] = {false};
  bool mixed = false;
  for (uint64_t seed = 0; seed < 200; seed++) {
    ds_io_sim *sim = machine_with_file(seed, 4096);
    ds_io *io = ds_io_sim_io(sim);
    char data[3 * 512 + 100];
    memset(data, 'n', sizeof(data));
    ds_file *file = open_file(io, "file", RDWR);
    assert_int_equal(io->ops->write_at(io, file, 512, data, sizeof(data), NULL), DS_OK);
    io->ops->close(io, file);
    ds_io_sim_power_loss(sim, DS_LOSS_RANDOM);
    size_t size = 0;
    char *text = content_of(io, "file", &size);
    assert_int_equal(size, 4096);
    assert_int_equal(fate_of(text, 512), FATE_OLD);
    assert_int_equal(fate_of(text + 512 + sizeof(data), 4096 - 512 - sizeof(data)), FATE_OLD);
    for (size_t i = 1; i <= 3; i++)
      seen[fate_of(text + i * 512, 512)] = true;
    mixed |= fate_of(text + 512, 512) == FATE_OLD && fate_of(text + 1024, 512) == FATE_NEW;
    free(text);
    ds_io_sim_free(sim);
  }
  assert_true(seen[FATE_OLD] && seen[FATE_NEW] && seen[FATE_OTHER]);
  assert_true(mixed);
}

// The length may be that of the write although the bytes are not there.
static void test_length_grows_without_data(void **state) {
  (void)state;
  bool seen = false;
  for (uint64_t seed = 0; seed < 100 && !seen; seed++) {
    ds_io_sim *sim = machine_with_file(seed, 0);
    ds_io *io = ds_io_sim_io(sim);
    ds_file *file = open_file(io, "file", RDWR);
    assert_int_equal(io->ops->write_at(io, file, 0, "nnnn", 4, NULL), DS_OK);
    io->ops->close(io, file);
    ds_io_sim_power_loss(sim, DS_LOSS_RANDOM);
    size_t size = 0;
    char *text = content_of(io, "file", &size);
    seen = size == 4 && memcmp(text, "\0\0\0\0", 4) == 0;
    free(text);
    ds_io_sim_free(sim);
  }
  assert_true(seen);
}

// A prefix of the operations survives whole, the one behind it in part, the rest not at all.
static void test_torn_prefix(void **state) {
  (void)state;
  bool torn = false;
  bool last = false;
  for (uint64_t seed = 0; seed < 100; seed++) {
    ds_io_sim *sim = machine_with_file(seed, 0);
    ds_io *io = ds_io_sim_io(sim);
    ds_file *file = open_file(io, "file", RDWR);
    for (uint64_t i = 0; i < 5; i++)
      assert_int_equal(io->ops->write_at(io, file, i * 10, "0123456789", 10, NULL), DS_OK);
    io->ops->close(io, file);
    ds_io_sim_power_loss(sim, DS_LOSS_PREFIX_TORN);
    size_t size = 0;
    char *text = content_of(io, "file", &size);
    for (size_t i = 0; i < size; i++)
      assert_int_equal(text[i], (int)('0' + i % 10));
    torn |= size % 10 != 0;
    last |= size > 40;
    assert_true(size < 50);
    free(text);
    ds_io_sim_free(sim);
  }
  assert_true(torn && last);
}

// After a failed sync reads still show the bytes, and a second sync succeeds without them.
static void test_failed_sync_drops_its_pages(void **state) {
  (void)state;
  bool dropped = false;
  for (uint64_t seed = 0; seed < 16; seed++) {
    ds_io_sim *sim = machine_with_file(seed, 3);
    ds_io *io = ds_io_sim_io(sim);
    ds_file *file = open_file(io, "file", RDWR);
    assert_int_equal(io->ops->write_at(io, file, 0, "NEW", 3, NULL), DS_OK);
    ds_io_sim_fail_at(sim, 0, DS_IO, false);
    assert_int_equal(io->ops->sync(io, file, NULL), DS_IO);
    assert_content(io, "file", "NEW");
    assert_int_equal(io->ops->sync(io, file, NULL), DS_OK);
    io->ops->close(io, file);
    ds_io_sim_power_loss(sim, DS_LOSS_NONE);
    size_t size = 0;
    char *text = content_of(io, "file", &size);
    dropped |= strcmp(text, "ooo") == 0;
    free(text);
    ds_io_sim_free(sim);
  }
  assert_true(dropped);
}

static void test_failed_directory_sync_drops_names(void **state) {
  (void)state;
  bool dropped = false;
  for (uint64_t seed = 0; seed < 16; seed++) {
    ds_io_sim *sim = ds_io_sim_new(seed);
    ds_io *io = ds_io_sim_io(sim);
    io->ops->close(io, open_file(io, "a", MAKE));
    ds_io_sim_fail_at(sim, 0, DS_FULL, false);
    assert_int_equal(io->ops->sync_dir(io, ".", NULL), DS_FULL);
    assert_int_equal(io->ops->sync_dir(io, ".", NULL), DS_OK);
    ds_io_sim_power_loss(sim, DS_LOSS_NONE);
    size_t size;
    char *text = content_of(io, "a", &size);
    dropped |= text == NULL;
    free(text);
    ds_io_sim_free(sim);
  }
  assert_true(dropped);
}

static void test_failing_write_may_be_short(void **state) {
  (void)state;
  bool seen_short = false;
  bool seen_none = false;
  for (uint64_t seed = 0; seed < 32; seed++) {
    ds_io_sim *sim = machine_with_file(seed, 0);
    ds_io *io = ds_io_sim_io(sim);
    ds_file *file = open_file(io, "file", RDWR);
    ds_error err = {0};
    ds_io_sim_fail_at(sim, 1, DS_FULL, false);
    assert_int_equal(io->ops->write_at(io, file, 0, "0123456789", 10, &err), DS_OK);
    assert_int_equal(io->ops->write_at(io, file, 10, "0123456789", 10, &err), DS_FULL);
    assert_string_equal(err.message, "the simulated disk is full");
    uint64_t size = 0;
    assert_int_equal(io->ops->size(io, file, &size, NULL), DS_OK);
    assert_in_range(size, 10, 19);
    seen_short |= size > 10;
    seen_none |= size == 10;
    assert_int_equal(io->ops->write_at(io, file, 10, "0123456789", 10, NULL), DS_OK);
    io->ops->close(io, file);
    ds_io_sim_free(sim);
  }
  assert_true(seen_short && seen_none);
}

static void test_persistent_failure(void **state) {
  (void)state;
  ds_io_sim *sim = machine_with_file(1, 3);
  ds_io *io = ds_io_sim_io(sim);
  ds_io_sim_fail_at(sim, 1, DS_IO, true);
  assert_int_equal(io->ops->mkdir(io, "a", NULL), DS_OK);
  assert_int_equal(io->ops->mkdir(io, "a", NULL), DS_OK); // nothing to change, nothing to fail
  for (int i = 0; i < 3; i++) {
    assert_int_equal(io->ops->mkdir(io, "b", NULL), DS_IO);
    assert_int_equal(io->ops->unlink(io, "file", NULL), DS_IO);
    assert_int_equal(io->ops->rename(io, "file", "x", NULL), DS_IO);
    assert_int_equal(io->ops->sync_dir(io, ".", NULL), DS_IO);
  }
  assert_content(io, "file", "ooo"); // reads go on
  ds_io_sim_power_loss(sim, DS_LOSS_ALL);
  assert_int_equal(io->ops->mkdir(io, "b", NULL), DS_OK);
  ds_io_sim_free(sim);
}

static void test_crash_stops_everything(void **state) {
  (void)state;
  ds_io_sim *sim = machine_with_file(1, 3);
  ds_io *io = ds_io_sim_io(sim);
  ds_file *file = open_file(io, "file", RDWR);
  const uint64_t before = ds_io_sim_operations(sim);
  ds_io_sim_crash_at(sim, 1);
  assert_int_equal(io->ops->write_at(io, file, 0, "N", 1, NULL), DS_OK);
  assert_int_equal(ds_io_sim_operations(sim), before + 1);
  assert_int_equal(io->ops->write_at(io, file, 1, "N", 1, NULL), DS_IO);
  char byte = 0;
  uint64_t size;
  ds_file *other;
  int count = 0;
  ds_error err = {0};
  assert_int_equal(io->ops->read_at(io, file, 0, &byte, 1, &err), DS_IO);
  assert_string_equal(err.message, "the simulated machine has stopped");
  assert_int_equal(io->ops->size(io, file, &size, NULL), DS_IO);
  assert_int_equal(io->ops->open(io, "file", DS_OPEN_READ, &other, NULL), DS_IO);
  assert_int_equal(io->ops->sync(io, file, NULL), DS_IO);
  assert_int_equal(io->ops->lock(io, file, NULL), DS_IO);
  assert_int_equal(io->ops->mkdir(io, "d", NULL), DS_IO);
  assert_int_equal(io->ops->list(io, ".", count_listed, &count, NULL), DS_IO);
  assert_int_equal(io->ops->random(io, &byte, 1, NULL), DS_IO);
  io->ops->close(io, file);
  assert_int_equal(ds_io_sim_open_files(sim), 0);
  ds_io_sim_power_loss(sim, DS_LOSS_NONE);
  assert_content(io, "file", "Noo");
  ds_io_sim_free(sim);
}

static void test_flip(void **state) {
  (void)state;
  ds_io_sim *sim = machine_with_file(1, 3);
  ds_io *io = ds_io_sim_io(sim);
  assert_int_equal(ds_io_sim_flip(sim, "file", 8, NULL), DS_OK);
  assert_content(io, "file", "ono");
  ds_io_sim_power_loss(sim, DS_LOSS_ALL);
  assert_content(io, "file", "ono");
  assert_int_equal(ds_io_sim_flip(sim, "file", 8, NULL), DS_OK);
  assert_content(io, "file", "ooo");
  assert_int_equal(ds_io_sim_flip(sim, "file", 24, NULL), DS_LIMIT);
  assert_int_equal(ds_io_sim_flip(sim, "none", 0, NULL), DS_MISSING);
  ds_io_sim_free(sim);
}

// A run of everything random, so that two runs can be compared.
static char *random_run(uint64_t seed, size_t *ret_size) {
  ds_io_sim *sim = machine_with_file(seed, 2000);
  ds_io *io = ds_io_sim_io(sim);
  ds_file *file = open_file(io, "file", RDWR);
  char data[700];
  for (uint64_t i = 0; i < 20; i++) {
    assert_int_equal(io->ops->random(io, data, sizeof(data), NULL), DS_OK);
    data[0] = (char)io->ops->now_ms(io);
    assert_int_equal(io->ops->write_at(io, file, i * 333, data, sizeof(data), NULL), DS_OK);
  }
  io->ops->close(io, file);
  ds_io_sim_power_loss(sim, DS_LOSS_RANDOM);
  char *text = content_of(io, "file", ret_size);
  ds_io_sim_free(sim);
  return text;
}

static void test_same_seed_same_machine(void **state) {
  (void)state;
  size_t size[3];
  char *text[3];
  for (size_t i = 0; i < 3; i++)
    text[i] = random_run(i < 2 ? 7 : 8, &size[i]);
  assert_int_equal(size[0], size[1]);
  assert_memory_equal(text[0], text[1], size[0]);
  assert_true(size[0] != size[2] || memcmp(text[0], text[2], size[0]) != 0);
  for (size_t i = 0; i < 3; i++)
    free(text[i]);
}

static void test_clock_moves_on(void **state) {
  (void)state;
  ds_io_sim *sim = ds_io_sim_new(1);
  ds_io *io = ds_io_sim_io(sim);
  const int64_t start = io->ops->now_ms(io);
  assert_true(start > 1600000000000);
  assert_true(io->ops->now_ms(io) > start);
  const int64_t tick = io->ops->monotonic_ns(io);
  assert_true(io->ops->monotonic_ns(io) > tick);
  ds_io_sim_free(sim);
}

typedef struct writer {
  ds_io *io;
  char path[16];
} writer;

static void *write_own_file(void *argument) {
  const writer *own = argument;
  for (int i = 0; i < 50; i++) {
    if (ds_io_replace_file(own->io, ".", own->path, own->path, 2, NULL) != DS_OK)
      return argument;
  }
  return NULL;
}

static void test_threads_may_share_a_machine(void **state) {
  (void)state;
  ds_io_sim *sim = ds_io_sim_new(1);
  writer writers[4];
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    writers[i].io = ds_io_sim_io(sim);
    snprintf(writers[i].path, sizeof(writers[i].path), "w%d", i);
    assert_int_equal(pthread_create(&threads[i], NULL, write_own_file, &writers[i]), 0);
  }
  for (int i = 0; i < 4; i++) {
    void *failed = NULL;
    assert_int_equal(pthread_join(threads[i], &failed), 0);
    assert_null(failed);
  }
  ds_io_sim_power_loss(sim, DS_LOSS_ALL);
  for (int i = 0; i < 4; i++)
    assert_content(ds_io_sim_io(sim), writers[i].path, writers[i].path);
  ds_io_sim_free(sim);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reads_see_writes),
      cmocka_unit_test(test_open_errors),
      cmocka_unit_test(test_list_and_remove),
      cmocka_unit_test(test_unlinked_file_stays_readable),
      cmocka_unit_test(test_locks),
      cmocka_unit_test(test_loss_all_and_none),
      cmocka_unit_test(test_name_and_data_are_synced_apart),
      cmocka_unit_test(test_new_directory_needs_its_parent_synced),
      cmocka_unit_test(test_directory_changes_survive_in_any_subset),
      cmocka_unit_test(test_rename_is_one_change_in_one_directory),
      cmocka_unit_test(test_rename_errors),
      cmocka_unit_test(test_link),
      cmocka_unit_test(test_random_loss_is_by_sector),
      cmocka_unit_test(test_length_grows_without_data),
      cmocka_unit_test(test_torn_prefix),
      cmocka_unit_test(test_failed_sync_drops_its_pages),
      cmocka_unit_test(test_failed_directory_sync_drops_names),
      cmocka_unit_test(test_failing_write_may_be_short),
      cmocka_unit_test(test_persistent_failure),
      cmocka_unit_test(test_crash_stops_everything),
      cmocka_unit_test(test_flip),
      cmocka_unit_test(test_same_seed_same_machine),
      cmocka_unit_test(test_clock_moves_on),
      cmocka_unit_test(test_threads_may_share_a_machine),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
