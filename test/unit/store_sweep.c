// SPDX-License-Identifier: Apache-2.0
#include "store_sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "long_run.h"
#include "memory_faults.h"
#include "store/manifest.h"
#include "store/sqlite_vfs.h"

uint64_t sweep_stride(uint64_t usual) {
#ifdef __SANITIZE_THREAD__
  usual *= 11; // Few of these cases run threads.
#endif
  return long_run_stride(usual);
}

ds_code sweep_allocation(store_world *world, ds_code (*action)(store_world *world), uint64_t i,
                         uint64_t *cases) {
  const uint64_t n = i == 0 ? SWEEP_NEVER : (i - 1) / 2;
  bool refused;
  memory_faults_arm(n, i % 2 == 0);
  const ds_code code = action(world);
  const uint64_t asked = memory_faults_disarm(&refused);
  if (i == 0)
    *cases = 2 * asked + 1;
  if (code != DS_OK && (code != DS_MEMORY || !refused))
    fail_msg("case %ju, allocation %ju: %s", (uintmax_t)i, (uintmax_t)n, ds_code_name(code));
  return code;
}

void sweep_expect_sound(store_world *world, ds_store *store) {
  world_content content;
  world_read(world, store, &content);
  world_compare(world, &content);
  world_settle(world, &content);
  world_check(store); // I8, I9
  bool same = false;
  assert_int_equal(world_try_catalog(world, store, &same), DS_OK);
  assert_true(same);
}

static int64_t ask_catalog(ds_sqlite *database, const char *sql) {
  sqlite3_stmt *row = NULL;
  int64_t value = -1;
  if (sqlite3_prepare_v2(ds_sqlite_handle(database), sql, -1, &row, NULL) == SQLITE_OK &&
      sqlite3_step(row) == SQLITE_ROW)
    value = sqlite3_column_int64(row, 0);
  (void)sqlite3_finalize(row);
  return value;
}

void sweep_expect_not_ahead(const store_world *world) {
  ds_manifest manifest;
  ds_manifest_init(&manifest);
  ds_sqlite *database = NULL;
  if (ds_manifest_load(world->io, "store", &manifest, NULL) == DS_OK &&
      ds_sqlite_open(world->io, "store/catalog.sqlite", DS_SQLITE_READ, &database, NULL) == DS_OK) {
    assert_true(ask_catalog(database, "SELECT generation FROM position") <=
                (int64_t)manifest.generation);
    assert_int_equal(ask_catalog(database, "SELECT count(*) FROM pragma_integrity_check"
                                           " WHERE integrity_check <> 'ok'"),
                     0);
    if (ask_catalog(database, "SELECT manifest FROM position") == (int64_t)manifest.checksum)
      assert_int_equal(ask_catalog(database, "SELECT count(*) FROM imports"),
                       manifest.imports_count);
  }
  ds_sqlite_close(database);
  ds_manifest_done(&manifest);
}

// I10: neither sealing nor compacting changes what is seen.
static void expect_rewritten_same(store_world *world, ds_store *store) {
  world_content before, after;
  world_read(world, store, &before);
  for (int compacted = 0; compacted < 2; compacted++) {
    assert_int_equal(compacted == 0 ? ds_store_seal(store, NULL)
                                    : ds_store_compact(store, NULL, NULL), DS_OK);
    world_read(world, store, &after);
    assert_true(after.digest == before.digest && after.events == before.events);
  }
}

void sweep_expect_recovery(store_world *world) {
  ds_store *store = world_open_ok(world, true);
  sweep_expect_sound(world, store);
  ds_store_close(store);
  const uint64_t before = ds_io_sim_operations(world->sim);
  store = world_open_ok(world, true);
  assert_int_equal(ds_io_sim_operations(world->sim), before);
  sweep_expect_sound(world, store);
  assert_int_equal(world_append(world, store, 2), DS_OK);
  ds_store_close(store);
  ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
  store = world_open_ok(world, true);
  sweep_expect_sound(world, store);
  expect_rewritten_same(world, store);
  ds_store_close(store);
  assert_int_equal(ds_io_sim_open_files(world->sim), 0);
}
