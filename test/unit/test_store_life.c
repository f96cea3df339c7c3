// SPDX-License-Identifier: Apache-2.0
// A store's life without failures, on both doors to files: create, append, seal, import, undo,
// compact, snapshots, locks, readers beside a writer.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/state.h"
#include "store_world.h"

static void ok(ds_code code) { assert_int_equal(code, DS_OK); }

static uint64_t digest(store_world *world, ds_store *store) {
  world_content content;
  world_read(world, store, &content);
  return content.digest;
}

static void test_missing(void **state) {
  store_world *world = *state;
  ds_store *store = NULL;
  ds_error err;
  assert_int_equal(world_open(world, false, &store, &err), DS_MISSING);
  assert_non_null(strstr(err.message, "there is no store in"));
  ds_store_options options;
  ds_store_options_init(&options);
  options.io = world->io;
  options.write = true;
  assert_int_equal(ds_store_open(world->path, &options, &store, &err), DS_MISSING);
}

static void test_create(void **state) {
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  world_expect(world, store);
  world_check(store);
  ds_store_close(store);
  store = world_open_ok(world, false);
  ds_snapshot *snapshot;
  ok(ds_store_snapshot(store, &snapshot, NULL));
  assert_int_equal(snapshot->events, 0);
  assert_int_equal(snapshot->places_count, 0);
  ds_store_close(store);
  ds_snapshot_free(snapshot); // A snapshot may outlive its store.
}

static void test_append_and_reopen(void **state) {
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  for (uint32_t i = 1; i <= 4; i++) {
    ok(world_append(world, store, i * 3));
    world_expect(world, store);
  }
  const uint64_t before = digest(world, store);
  ds_store_close(store);
  store = world_open_ok(world, true);
  world_expect(world, store);
  assert_true(digest(world, store) == before); // I3, I6
  world_check(store);
  ok(world_append(world, store, 5)); // I7
  world_expect(world, store);
  ds_store_close(store);
  store = world_open_ok(world, false);
  world_expect(world, store);
  uint64_t duplicates;
  ds_buf none = {0};
  assert_int_equal(ds_store_append(store, &world->space, &none, &duplicates, NULL), DS_READONLY);
  ds_store_close(store);
}

// What is kept under a store's mark is stale behind any append, also one that leaves the length of
// the log alone.
static void test_mark_follows_appends(void **state) {
  enum { APPENDS = 40 };
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  uint64_t marks[APPENDS];
  uint32_t in_room = 0;
  for (uint32_t i = 0; i < APPENDS; i++) {
    const uint64_t room = store->log.room;
    ok(world_append(world, store, i % 3 + 1));
    in_room += store->log.room == room;
    ok(ds_store_mark(world->io, world->path, &marks[i], NULL));
    for (uint32_t before = 0; before < i; before++)
      assert_true(marks[before] != marks[i]);
  }
  assert_true(in_room > APPENDS / 2);
  ds_store_close(store);
}

// I10: what a question sees is the same before and after.
static void test_seal_and_compact(void **state) {
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  for (uint32_t i = 0; i < 3; i++) {
    ok(world_append(world, store, 20));
    ok(world_append(world, store, 7));
    const uint64_t before = digest(world, store);
    ok(ds_store_seal(store, NULL));
    assert_true(digest(world, store) == before);
    ok(ds_store_seal(store, NULL)); // Nothing to do.
  }
  ok(world_append(world, store, 9));
  ds_snapshot *old;
  ok(ds_store_snapshot(store, &old, NULL));
  const uint64_t before = digest(world, store);
  ok(ds_store_compact(store, NULL, NULL));
  assert_true(digest(world, store) == before);
  world_check(store);
  ds_snapshot *now;
  ok(ds_store_snapshot(store, &now, NULL));
  assert_int_equal(now->places_count, 1);
  assert_int_equal(now->tail_events, 0);
  ds_snapshot_free(now);
  ds_store_close(store);
  store = world_open_ok(world, true);
  assert_true(digest(world, store) == before);
  world_check(store);
  ds_store_close(store);
  // An open snapshot reads parts whose files are gone.
  world_content content;
  world_read_snapshot(world, old, &content);
  assert_true(content.digest == before);
  ds_snapshot_free(old);
}

static ds_code count_import(void *context, const ds_import_info *info, ds_error *err) {
  (void)err;
  uint32_t *counts = context;
  counts[info->undone]++;
  assert_string_equal(info->mapping, "shop");
  assert_non_null(strchr(info->files, '\n'));
  return DS_OK;
}

static void expect_imports(ds_store *store, uint32_t live, uint32_t undone) {
  uint32_t counts[2] = {0, 0};
  ok(ds_store_imports(store, count_import, counts, NULL));
  assert_int_equal(counts[0], live);
  assert_int_equal(counts[1], undone);
}

static void test_import_and_undo(void **state) {
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  ok(world_append(world, store, 10));
  ok(world_import(world, store, 30));
  ok(world_append(world, store, 5));
  ok(world_import(world, store, 12));
  world_expect(world, store);
  expect_imports(store, 2, 0);
  uint32_t id;
  ok(ds_store_import_find(store, 1001, &id, NULL));
  assert_int_equal(id, 1);
  ok(ds_store_import_find(store, 77, &id, NULL));
  assert_int_equal(id, 0);
  ok(world_undo(world, store, 1));
  world_expect(world, store);
  expect_imports(store, 1, 1);
  ok(ds_store_import_find(store, 1001, &id, NULL));
  assert_int_equal(id, 0);
  ds_error err;
  assert_int_equal(ds_store_undo_import(store, 1, NULL, &err), DS_INPUT);
  assert_int_equal(ds_store_undo_import(store, 9, NULL, &err), DS_INPUT);
  world_check(store);
  ds_store_close(store);
  store = world_open_ok(world, true);
  world_expect(world, store);
  expect_imports(store, 1, 1);
  world_check(store);
  ds_store_close(store);
}

static void test_undo_after_compact(void **state) {
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  ok(world_append(world, store, 10));
  ok(world_import(world, store, 30));
  ok(world_import(world, store, 12));
  ok(ds_store_compact(store, NULL, NULL));
  world_expect(world, store);
  ok(world_append(world, store, 4));
  ok(world_undo(world, store, 1));
  world_expect(world, store);
  world_check(store);
  ds_store_close(store);
  store = world_open_ok(world, true);
  world_expect(world, store);
  ok(world_undo(world, store, 2));
  world_expect(world, store);
  world_check(store);
  ds_store_close(store);
}

static void test_import_abort(void **state) {
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  ds_import_scope scope;
  ok(ds_store_import_begin(store, &scope, NULL));
  ds_error err;
  assert_int_equal(ds_store_seal(store, &err), DS_BUSY);
  char spill[DS_PATH_BYTES_MAX + 32];
  snprintf(spill, sizeof spill, "%s/import-%u.spill", scope.directory, scope.id);
  ds_file *file;
  ok(world->io->ops->open(world->io, spill, DS_OPEN_WRITE | DS_OPEN_CREATE, &file, &err));
  world->io->ops->close(world->io, file);
  ds_store_import_abort(store, &scope);
  assert_int_equal(world->io->ops->open(world->io, spill, DS_OPEN_READ, &file, &err), DS_MISSING);
  ok(world_import(world, store, 3));
  world_expect(world, store);
  world_check(store);
  ds_store_close(store);
}

// The same batch again: all of its events are known, in the log, in parts, and within a batch.
static void test_duplicates(void **state) {
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  ok(world_append(world, store, 10));
  ds_buf rows;
  ds_buf_init(&rows, 1u << 20);
  world_rows(world, 0, 0, 0, &rows);
  uint64_t duplicates = 0;
  ok(ds_store_append(store, &world->space, &rows, &duplicates, NULL));
  assert_int_equal(duplicates, 10);
  ok(ds_store_seal(store, NULL));
  ok(ds_store_append(store, &world->space, &rows, &duplicates, NULL));
  assert_int_equal(duplicates, 10);
  world->batches = 2;
  world->sizes[1] = 4;
  world->fates[1] = FATE_ACKED;
  ds_buf_reset(&rows);
  world_rows(world, 1, 0, 0, &rows);
  world_rows(world, 1, 0, 0, &rows);
  ok(ds_store_append(store, &world->space, &rows, &duplicates, NULL));
  assert_int_equal(duplicates, 4);
  ds_buf_done(&rows);
  world_expect(world, store);
  ds_store_close(store);
}

// Events without ids are new each time, and keep the ids they got.
static void test_without_ids(void **state) {
  store_world *world = *state;
  world->ids = false;
  ds_store *store = world_open_ok(world, true);
  ok(world_append(world, store, 6));
  ok(world_append(world, store, 6));
  const uint64_t before = digest(world, store);
  ds_store_close(store);
  store = world_open_ok(world, true);
  assert_true(digest(world, store) == before);
  ok(ds_store_seal(store, NULL));
  assert_true(digest(world, store) == before);
  ds_buf rows;
  ds_buf_init(&rows, 1u << 20);
  world_rows(world, 1, 0, 0, &rows);
  uint64_t duplicates = 9;
  ok(ds_store_append(store, &world->space, &rows, &duplicates, NULL));
  assert_int_equal(duplicates, 0);
  ds_buf_done(&rows);
  world_content content;
  world_read(world, store, &content);
  assert_int_equal(content.counts[1], 12);
  ds_store_close(store);
}

static void test_bad_rows(void **state) {
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  ok(world_append(world, store, 3));
  ds_buf rows;
  ds_buf_init(&rows, 1u << 20);
  ds_buf_append(&rows, "0123456789012345678901234567890123456789", 40);
  ds_error err;
  uint64_t duplicates;
  assert_int_equal(ds_store_append(store, &world->space, &rows, &duplicates, &err), DS_CORRUPT);
  ds_buf_done(&rows);
  ok(world_append(world, store, 3)); // Nothing was written, so the store goes on.
  world_expect(world, store);
  ds_store_close(store);
}

static void test_lock(void **state) {
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  ds_store *other = NULL;
  ds_error err;
  assert_int_equal(world_open(world, true, &other, &err), DS_BUSY);
  assert_non_null(strstr(err.message, "the store is in use by "));
  ds_store_close(store);
  ds_store_close(world_open_ok(world, true));
}

// A reader sees what was acknowledged before its snapshot, through seals, compactions and imports.
static void test_reader_beside_writer(void **state) {
  store_world *world = *state;
  ds_store *writer = world_open_ok(world, true);
  ok(world_append(world, writer, 4));
  ds_store *reader = world_open_ok(world, false);
  for (uint32_t i = 0; i < 4; i++) {
    world_expect(world, reader);
    ok(world_append(world, writer, 5));
    world_expect(world, reader);
    ok(ds_store_seal(writer, NULL));
    world_expect(world, reader);
    ok(world_import(world, writer, 6));
    ok(world_append(world, writer, 2));
    world_expect(world, reader);
    ok(ds_store_compact(writer, NULL, NULL));
    assert_true(digest(world, reader) == digest(world, writer));
  }
  world_check(reader);
  ds_store_close(writer);
  world_expect(world, reader);
  ds_store_close(reader);
}

#define BOTH(f)                                                                    \
  {#f " (simulated)", f, world_set_up_sim, world_tear_down, NULL},                             \
  { #f " (POSIX)", f, world_set_up_posix, world_tear_down, NULL }

int main(void) {
  const struct CMUnitTest tests[] = {
      BOTH(test_missing),          BOTH(test_create),
      BOTH(test_append_and_reopen), BOTH(test_mark_follows_appends),
      BOTH(test_seal_and_compact),
      BOTH(test_import_and_undo),  BOTH(test_undo_after_compact),
      BOTH(test_import_abort),     BOTH(test_duplicates),
      BOTH(test_without_ids),      BOTH(test_bad_rows),
      BOTH(test_lock),             BOTH(test_reader_beside_writer),
  };
  return cmocka_run_group_tests_name("store life", tests, NULL, NULL);
}
