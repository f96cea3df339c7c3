// SPDX-License-Identifier: Apache-2.0
// Backup and restore: what is brought back is what was there, power loss and errors at every
// operation leave a whole copy or none, damage is told, a target that is something else is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memory_faults.h"
#include "store/backup.h"
#include "store_sweep.h"
#include "store_world.h"

enum { POLICIES = 4 };

// The same world, with its store in another folder.
static store_world world_at(const store_world *world, const char *path) {
  store_world at = *world;
  snprintf(at.path, sizeof at.path, "%s", path);
  return at;
}

static void first_life(store_world *world) {
  ds_store *store = world_open_ok(world, true);
  assert_int_equal(world_append(world, store, 5), DS_OK);
  assert_int_equal(ds_store_seal(store, NULL), DS_OK);
  assert_int_equal(world_import(world, store, 20), DS_OK);
  assert_int_equal(world_append(world, store, 3), DS_OK);
  ds_store_close(store);
}

// Takes parts away, adds others, keeps one.
static void second_life(store_world *world) {
  ds_store *store = world_open_ok(world, true);
  assert_int_equal(world_append(world, store, 4), DS_OK);
  assert_int_equal(world_undo(world, store, 1), DS_OK);
  assert_int_equal(world_import(world, store, 9), DS_OK);
  assert_int_equal(world_append(world, store, 2), DS_OK);
  ds_store_close(store);
}

static ds_code back_up_how(const store_world *world, const char *target, bool link, bool keys,
                           ds_backup_result *ret_result, ds_error *err) {
  ds_store *store = NULL;
  TRY(world_open(world, false, &store, err));
  const ds_code code = ds_store_backup(store, target, link, keys, NULL, ret_result, err);
  ds_store_close(store);
  return code;
}

static ds_code back_up_to(const store_world *world, const char *target, bool link,
                          ds_backup_result *ret_result, ds_error *err) {
  return back_up_how(world, target, link, false, ret_result, err);
}

static ds_code back_up(store_world *world) {
  ds_backup_result result;
  return back_up_to(world, "backup", false, &result, NULL);
}

static ds_code back_up_with_keys(store_world *world) {
  ds_backup_result result;
  return back_up_how(world, "backup", false, true, &result, NULL);
}

static ds_code restore(store_world *world) {
  ds_backup_result result;
  return ds_store_restore(world->io, "backup", "restored", NULL, NULL, &result, NULL);
}

// What the store of a folder holds; it must open, and be sound.
static uint64_t digest_of(const store_world *world, const char *path) {
  const store_world at = world_at(world, path);
  ds_store *store = world_open_ok(&at, false);
  world_content content;
  world_read(&at, store, &content);
  world_check(store);
  ds_store_close(store);
  return content.digest;
}

static ds_code count_name(void *context, const char *name, ds_error *err) {
  (void)name, (void)err;
  ++*(uint32_t *)context;
  return DS_OK;
}

// I8: nothing lies in a backup that its MANIFEST does not name.
static void expect_no_orphans(const store_world *world, uint32_t parts) {
  const ds_io_ops *ops = world->io->ops;
  uint32_t found = 0, logs = 0;
  assert_int_equal(ops->list(world->io, "backup/part", count_name, &found, NULL), DS_OK);
  assert_int_equal(ops->list(world->io, "backup/log", count_name, &logs, NULL), DS_OK);
  assert_int_equal(found, parts);
  assert_int_equal(logs, 1);
}

// The same, or 0 when the folder is not believed to be a store.
static uint64_t digest_if_any(const store_world *world, const char *path) {
  const store_world at = world_at(world, path);
  ds_store *store = NULL;
  const ds_code code = world_open(&at, false, &store, NULL);
  if (code != DS_OK) {
    assert_int_equal(code, DS_MISSING);
    return 0;
  }
  ds_store_close(store);
  return digest_of(world, path);
}

static void test_there_and_back(void **state) {
  store_world *world = *state;
  first_life(world);
  const uint64_t first = digest_of(world, "store");
  ds_backup_result result;
  assert_int_equal(back_up_to(world, "backup/", false, &result, NULL), DS_OK);
  assert_int_equal(result.parts, 2);
  assert_int_equal(result.parts_kept, 0);
  assert_int_equal(result.events, 28);
  assert_true(result.bytes == result.bytes_copied && result.bytes > 1000);
  assert_int_equal(digest_of(world, "backup"), first);
  // Another of the same state copies the log alone.
  assert_int_equal(back_up_to(world, "backup", false, &result, NULL), DS_OK);
  assert_int_equal(result.parts_kept, 2);
  assert_true(result.bytes_copied < 1000);
  second_life(world);
  const uint64_t second = digest_of(world, "store");
  assert_int_equal(digest_of(world, "backup"), first);
  assert_int_equal(back_up_to(world, "backup", false, &result, NULL), DS_OK);
  assert_int_equal(result.parts, 3);
  assert_int_equal(result.parts_kept, 1);
  expect_no_orphans(world, 3);
  assert_int_equal(digest_of(world, "backup"), second);
  assert_int_equal(restore(world), DS_OK);
  assert_int_equal(digest_of(world, "restored"), second);
  assert_int_equal(digest_of(world, "store"), second);
  // What was restored goes on as the store would, and can be backed up to the same place.
  store_world restored = world_at(world, "restored");
  ds_store *store = world_open_ok(&restored, true);
  assert_int_equal(world_append(&restored, store, 6), DS_OK);
  assert_int_equal(world_import(&restored, store, 6), DS_OK);
  world_check(store);
  ds_store_close(store);
  const uint64_t third = digest_of(&restored, "restored");
  assert_int_equal(back_up(&restored), DS_OK);
  assert_int_equal(digest_of(&restored, "backup"), third);
  assert_int_equal(ds_io_sim_open_files(world->sim), 0);
}

// The state at which the store was opened is copied, whatever a writer does meanwhile.
static void test_beside_a_writer(void **state) {
  store_world *world = *state;
  for (int link = 0; link < 2; link++) {
    world_restart(world, 7);
    first_life(world);
    const uint64_t before = digest_of(world, "store");
    ds_store *reader = world_open_ok(world, false);
    ds_store *writer = world_open_ok(world, true);
    assert_int_equal(world_append(world, writer, 3), DS_OK);
    assert_int_equal(world_import(world, writer, 3), DS_OK);
    assert_int_equal(ds_store_compact(writer, NULL, NULL), DS_OK);
    ds_backup_result result;
    assert_int_equal(ds_store_backup(reader, "backup", link == 1, false, NULL, &result, NULL),
                     DS_OK);
    // Whether compaction had anything to do depends on the sizes; a part that is gone is copied.
    ds_store_close(writer);
    ds_store_close(reader);
    assert_int_equal(digest_of(world, "backup"), before);
    ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
    assert_int_equal(digest_of(world, "backup"), before);
  }
}

static void test_links(void **state) {
  store_world *world = *state;
  first_life(world);
  ds_backup_result result;
  assert_int_equal(back_up_to(world, "backup", true, &result, NULL), DS_OK);
  assert_int_equal(result.parts_linked, 2);
  const uint64_t before = digest_of(world, "backup");
  second_life(world); // Unlinks a part that the backup has too.
  assert_int_equal(digest_of(world, "backup"), before);
  assert_int_equal(restore(world), DS_OK);
  assert_int_equal(digest_of(world, "restored"), before);
}

// One step of the life of a backup: what it does, and the folder that it changes.
typedef struct action {
  ds_code (*run)(store_world *world);
  const char *folder;
  bool first_backup, second_life; // what happened before
} action;

static const action actions[] = {
    {back_up, "backup", false, false},
    {back_up, "backup", true, false},
    {back_up, "backup", true, true},
    {restore, "restored", true, true},
    {back_up_with_keys, "backup", true, true},
};
enum { ACTIONS = sizeof actions / sizeof *actions };

// Makes the store's vault when it has none, else changes its master key.
static void change_keys(const store_world *world) {
  ds_store *store = world_open_ok(world, true);
  const bool has = ds_store_has_vault(store);
  ds_vault *vault;
  assert_int_equal(ds_store_vault(store, &vault, NULL), DS_OK);
  if (has)
    assert_int_equal(ds_vault_rotate(vault, NULL, NULL), DS_OK);
  ds_store_close(store);
}

static void prepare(store_world *world, const action *a, uint64_t seed, uint64_t *ret_before,
                    uint64_t *ret_after) {
  const bool keyed = a->run == back_up_with_keys;
  world_restart(world, seed);
  first_life(world);
  if (keyed)
    change_keys(world);
  if (a->first_backup)
    assert_int_equal(keyed ? back_up_with_keys(world) : back_up(world), DS_OK);
  if (keyed)
    change_keys(world);
  *ret_before = digest_if_any(world, a->folder);
  *ret_after = digest_of(world, a->run == restore ? "backup" : "store");
  if (a->second_life)
    second_life(world);
  if (a->run != restore)
    *ret_after = digest_of(world, "store");
}

static uint64_t operations_of(store_world *world, const action *a) {
  uint64_t before, after;
  prepare(world, a, 1, &before, &after);
  const uint64_t operations = ds_io_sim_operations(world->sim);
  assert_int_equal(a->run(world), DS_OK);
  assert_int_equal(digest_of(world, a->folder), after);
  return ds_io_sim_operations(world->sim) - operations;
}

// The keys that lie in a backup are those of its events, with the master key that opens them.
static void expect_keys(const store_world *world, const char *folder) {
  const store_world at = world_at(world, folder);
  ds_store *store = world_open_ok(&at, false);
  ds_vault *vault = NULL;
  assert_int_equal(ds_store_open_vault(store, &vault, NULL), DS_OK);
  assert_non_null(vault);
  ds_vault_close(vault);
  ds_store_close(store);
}

// I4: the folder holds the copy of before (or none), or the new one, whole. I2: the new one, when
// the copy was acknowledged. The store has noticed nothing, and another try brings it about.
static void expect_whole(store_world *world, const action *a, uint64_t before, uint64_t after,
                         ds_code code) {
  const uint64_t found = digest_if_any(world, a->folder);
  if (found != after && found != before)
    print_error("the folder holds neither state\n");
  assert_true(found == after || (found == before && code != DS_OK));
  if (a->run == back_up_with_keys)
    expect_keys(world, "backup");
  if (a->run != restore) {
    assert_int_equal(digest_of(world, "store"), after);
    ds_backup_result result;
    assert_int_equal(back_up_to(world, "backup", false, &result, NULL), DS_OK);
    expect_no_orphans(world, result.parts);
    ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
    assert_int_equal(digest_of(world, "backup"), after);
  } else {
    assert_int_equal(digest_of(world, "backup"), after);
  }
  assert_int_equal(ds_io_sim_open_files(world->sim), 0);
}

static void test_crash_everywhere(void **state) {
  store_world *world = *state;
  const uint64_t stride = sweep_stride(7);
  for (uint32_t i = 0; i < ACTIONS; i++) {
    const uint64_t operations = operations_of(world, &actions[i]);
    assert_true(operations > 10);
    for (uint64_t k = 0; k <= operations * POLICIES; k += stride) {
      uint64_t before, after;
      prepare(world, &actions[i], k, &before, &after);
      ds_io_sim_crash_at(world->sim, k / POLICIES);
      const ds_code code = actions[i].run(world);
      ds_io_sim_power_loss(world->sim, (ds_loss)(k % POLICIES));
      expect_whole(world, &actions[i], before, after, code);
    }
  }
}

static void test_error_everywhere(void **state) {
  store_world *world = *state;
  const uint64_t stride = sweep_stride(7);
  for (uint32_t i = 0; i < ACTIONS; i++) {
    const uint64_t operations = operations_of(world, &actions[i]);
    for (uint64_t k = 0; k < operations * 4; k += stride) {
      uint64_t before, after;
      prepare(world, &actions[i], k, &before, &after);
      ds_io_sim_fail_at(world->sim, k / 4, k % 2 == 0 ? DS_IO : DS_FULL, k % 4 >= 2);
      const ds_code code = actions[i].run(world);
      ds_io_sim_fail_at(world->sim, SWEEP_NEVER, DS_IO, false);
      // Every operation of a copy matters, so none may be failed unheard.
      assert_int_equal(code, k % 2 == 0 ? DS_IO : DS_FULL);
      ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
      expect_whole(world, &actions[i], before, after, code);
    }
  }
}

// Allocation n fails, once or from then on.
static void test_memory_everywhere(void **state) {
  enum { USUAL = 101 }; // odd: it meets both kinds of failure
  store_world *world = *state;
  world->threads = 1; // so that allocations have an order
  for (uint32_t a = 0; a < ACTIONS; a++) {
    uint64_t cases = 1, before, after;
    for (uint64_t i = 0; i < cases; i += sweep_stride(USUAL)) {
      prepare(world, &actions[a], 1, &before, &after);
      const ds_code code = sweep_allocation(world, actions[a].run, i, &cases);
      expect_whole(world, &actions[a], before, after, code);
    }
  }
}

static uint64_t size_of(store_world *world, const char *path) {
  ds_file *file;
  uint64_t size = 0;
  assert_int_equal(world->io->ops->open(world->io, path, DS_OPEN_READ, &file, NULL), DS_OK);
  assert_int_equal(world->io->ops->size(world->io, file, &size, NULL), DS_OK);
  world->io->ops->close(world->io, file);
  return size;
}

static ds_code note_log(void *context, const char *name, ds_error *err) {
  (void)err;
  snprintf(context, 32, "%s", name);
  return DS_OK;
}

// The path of the only log of a folder.
static void log_of(store_world *world, const char *folder, char out[64]) {
  char name[32] = "", path[32];
  snprintf(path, sizeof path, "%s/log", folder);
  assert_int_equal(world->io->ops->list(world->io, path, note_log, name, NULL), DS_OK);
  snprintf(out, 64, "%s/%s", path, name);
}

// I3: a flipped bit of a backup is told by who restores it, or does not matter.
static void test_flip_everywhere(void **state) {
  store_world *world = *state;
  world_restart(world, 3);
  first_life(world);
  assert_int_equal(back_up(world), DS_OK);
  const uint64_t digest = digest_of(world, "backup");
  char log[64];
  log_of(world, "backup", log);
  const struct {
    const char *path;
    uint64_t stride;
  } files[] = {{"backup/part/000001.part", sweep_stride(23)},
               {"backup/part/000002.part", sweep_stride(29)},
               {log, sweep_stride(5)},
               {"backup/MANIFEST", sweep_stride(5)}};
  uint32_t told = 0;
  for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
    const uint64_t size = size_of(world, files[f].path);
    for (uint64_t at = 0; at < size; at += files[f].stride) {
      const uint64_t bit = at * 8 + at % 8;
      assert_int_equal(ds_io_sim_flip(world->sim, files[f].path, bit, NULL), DS_OK);
      ds_backup_result result;
      char target[32];
      snprintf(target, sizeof target, "r%u-%u", (unsigned)f, (unsigned)at);
      const ds_code code = ds_store_restore(world->io, "backup", target, NULL, NULL, &result, NULL);
      if (code == DS_OK)
        assert_int_equal(digest_of(world, target), digest);
      else
        assert_true(code == DS_CORRUPT || code == DS_VERSION);
      assert_true(code == DS_OK || digest_if_any(world, target) == 0);
      told += code != DS_OK;
      assert_int_equal(ds_io_sim_flip(world->sim, files[f].path, bit, NULL), DS_OK);
    }
  }
  assert_true(told > 100);
}

// I3: damage does not get into a backup.
static void test_flip_in_the_store(void **state) {
  store_world *world = *state;
  world_restart(world, 3);
  first_life(world);
  assert_int_equal(back_up(world), DS_OK);
  const uint64_t digest = digest_of(world, "backup");
  static const char *const paths[] = {"store/part/000002.part", "store/log/000002.log"};
  uint32_t told = 0;
  for (size_t f = 0; f < 2; f++) {
    const uint64_t size = size_of(world, paths[f]), stride = sweep_stride(31);
    for (uint64_t at = 0; at < size; at += stride) {
      const uint64_t bit = at * 8 + at % 8;
      char target[32];
      ds_backup_result result;
      ds_error err = {.message = ""};
      snprintf(target, sizeof target, "b%u-%u", (unsigned)f, (unsigned)at);
      assert_int_equal(ds_io_sim_flip(world->sim, paths[f], bit, NULL), DS_OK);
      const ds_code code = back_up_to(world, target, false, &result, &err);
      assert_int_equal(ds_io_sim_flip(world->sim, paths[f], bit, NULL), DS_OK);
      if (code == DS_OK)
        assert_int_equal(digest_of(world, target), digest);
      else
        assert_int_equal(digest_if_any(world, target), 0);
      assert_true(code == DS_OK || code == DS_CORRUPT || code == DS_VERSION);
      assert_true(code != DS_CORRUPT || strstr(err.message, f == 0 ? "part " : "log ") != NULL);
      told += code != DS_OK;
    }
  }
  assert_true(told > 100);
}

static void write_file(store_world *world, const char *path, const char *text) {
  ds_file *file;
  const int flags = DS_OPEN_WRITE | DS_OPEN_CREATE;
  assert_int_equal(world->io->ops->open(world->io, path, flags, &file, NULL), DS_OK);
  assert_int_equal(world->io->ops->write_at(world->io, file, 0, text, strlen(text), NULL), DS_OK);
  world->io->ops->close(world->io, file);
}

static void expect_refused(store_world *world, const char *target, const char *message) {
  ds_backup_result result;
  ds_error err = {.message = ""};
  const uint64_t before = ds_io_sim_operations(world->sim);
  assert_int_equal(back_up_to(world, target, false, &result, &err), DS_USAGE);
  assert_string_equal(err.message, message);
  assert_int_equal(ds_io_sim_operations(world->sim), before);
}

static void test_refused_targets(void **state) {
  store_world *world = *state;
  first_life(world);
  assert_int_equal(back_up(world), DS_OK);
  assert_int_equal(restore(world), DS_OK);
  expect_refused(world, "store", "store is not empty and no backup: name a new folder");
  assert_int_equal(world->io->ops->mkdir(world->io, "files", NULL), DS_OK);
  write_file(world, "files/letter", "x");
  expect_refused(world, "files", "files is not empty and no backup: name a new folder");
  write_file(world, "files/BACKUP", "my own note");
  expect_refused(world, "files", "files is a backup of another store: name a new folder");
  // A state that the backup has left behind.
  second_life(world);
  assert_int_equal(back_up(world), DS_OK);
  store_world earlier = world_at(world, "restored");
  ds_backup_result result;
  ds_error err = {.message = ""};
  assert_int_equal(back_up_to(&earlier, "backup", false, &result, &err), DS_USAGE);
  assert_non_null(strstr(err.message, "backup is a backup of a later state of this store"));
  // One that went another way: as many steps, other parts.
  ds_store *store = world_open_ok(&earlier, true);
  for (uint32_t i = 0; i < 8; i++)
    assert_int_equal(world_import(&earlier, store, 2), DS_OK);
  ds_store_close(store);
  assert_int_equal(back_up_to(&earlier, "backup", false, &result, &err), DS_USAGE);
  assert_non_null(strstr(err.message, "went another way than this store"));
  // Another process is at work there.
  ds_file *lock;
  assert_int_equal(world->io->ops->open(world->io, "backup/LOCK", DS_OPEN_WRITE, &lock, NULL),
                   DS_OK);
  assert_int_equal(world->io->ops->lock(world->io, lock, NULL), DS_OK);
  assert_int_equal(back_up(world), DS_BUSY);
  world->io->ops->close(world->io, lock);
  assert_int_equal(back_up(world), DS_OK);
}

static void test_refused_backups(void **state) {
  store_world *world = *state;
  first_life(world);
  assert_int_equal(back_up(world), DS_OK);
  ds_backup_result result;
  ds_error err = {.message = ""};
  assert_int_equal(ds_store_restore(world->io, "store", "r", NULL, NULL, &result, &err),
                   DS_MISSING);
  assert_string_equal(err.message, "there is no backup in store");
  assert_int_equal(ds_store_restore(world->io, "none", "r", NULL, NULL, &result, &err),
                   DS_MISSING);
  assert_int_equal(ds_store_restore(world->io, "backup", "store", NULL, NULL, &result, &err),
                   DS_USAGE);
  assert_string_equal(err.message, "store is not empty: name a new folder, or remove it");
  // Nobody writes to a backup but a backup.
  const store_world at = world_at(world, "backup");
  ds_store *store;
  assert_int_equal(world_open(&at, true, &store, &err), DS_USAGE);
  assert_string_equal(err.message, "this is a backup: `doorstep restore` makes a store of it");
  assert_int_equal(world->io->ops->unlink(world->io, "backup/MANIFEST", NULL), DS_OK);
  assert_int_equal(ds_store_restore(world->io, "backup", "r", NULL, NULL, &result, &err),
                   DS_MISSING);
  assert_string_equal(err.message, "the backup in backup was not finished");
  assert_int_equal(back_up(world), DS_OK);
  assert_int_equal(world->io->ops->unlink(world->io, "backup/part/000001.part", NULL), DS_OK);
  assert_int_equal(ds_store_restore(world->io, "backup", "r", NULL, NULL, &result, &err),
                   DS_MISSING);
  // What is gone is copied again.
  assert_int_equal(back_up_to(world, "backup", false, &result, NULL), DS_OK);
  assert_int_equal(result.parts_kept, 1);
  assert_int_equal(restore(world), DS_OK);
  assert_int_equal(digest_of(world, "restored"), digest_of(world, "store"));
}

int main(void) {
  memory_faults_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_there_and_back, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_beside_a_writer, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_links, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_crash_everywhere, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_error_everywhere, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_memory_everywhere, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_flip_everywhere, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_flip_in_the_store, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_refused_targets, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_refused_backups, world_set_up_sim, world_tear_down),
  };
  return cmocka_run_group_tests_name("store backup", tests, NULL, NULL);
}
