// SPDX-License-Identifier: Apache-2.0
// Retyping and renewing rewrite parts in one commit: there and back is what was there, power loss
// and errors at every operation leave all values of the one type or all of the other, counts tell
// what is. The golden test `retype` compares with stores imported with the type.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memory_faults.h"
#include "store/manifest.h"
#include "store/retype.h"
#include "store_sweep.h"
#include "store_world.h"

enum { POLICIES = 4 };

static ds_retype to_type(ds_type type) {
  return (ds_retype){ds_str_of("order_placed"), ds_str_of("value"), type};
}

// Parts of an import, of seals, one without the touchpoint, and a log.
static void live(store_world *world) {
  ds_store *store = world_open_ok(world, true);
  assert_int_equal(world_append(world, store, 9), DS_OK);
  assert_int_equal(ds_store_seal(store, NULL), DS_OK);
  assert_int_equal(world_import(world, store, 20), DS_OK);
  assert_int_equal(world_append(world, store, 1), DS_OK); // delivered alone
  assert_int_equal(ds_store_seal(store, NULL), DS_OK);
  assert_int_equal(world_append(world, store, 7), DS_OK);
  ds_store_close(store);
}

static ds_retype_counts count(ds_store *store, ds_type type) {
  ds_snapshot *snapshot = NULL;
  ds_retype_counts counts;
  const ds_retype retype = to_type(type);
  assert_int_equal(ds_store_snapshot(store, &snapshot, NULL), DS_OK);
  assert_int_equal(ds_snapshot_retype(snapshot, &retype, &counts, NULL), DS_OK);
  ds_snapshot_free(snapshot);
  return counts;
}

static ds_type manifest_type(const store_world *world) {
  ds_manifest manifest;
  ds_manifest_init(&manifest);
  assert_int_equal(ds_manifest_load(world->io, world->path, &manifest, NULL), DS_OK);
  ds_type type = DS_TYPE_NULL;
  for (uint32_t i = 0; i < manifest.types_count; i++)
    if (strcmp(manifest.types[i].touchpoint, "order_placed") == 0 &&
        strcmp(manifest.types[i].property, "value") == 0)
      type = manifest.types[i].type;
  ds_manifest_done(&manifest);
  return type;
}

static ds_code retype_store(store_world *world, ds_type type, ds_retype_counts *ret_counts) {
  ds_store *store = NULL;
  const ds_retype retype = to_type(type);
  TRY(world_open(world, true, &store, NULL));
  const ds_code code = ds_store_retype(store, &retype, NULL, ret_counts, NULL);
  ds_store_close(store);
  return code;
}

static void expect_as_before(store_world *world, uint64_t digest) {
  ds_store *store = world_open_ok(world, true);
  world_content content;
  world_read(world, store, &content);
  world_compare(world, &content);
  world_check(store);
  assert_true(content.digest == digest);
  ds_store_close(store);
}

static uint64_t digest_of(store_world *world) {
  ds_store *store = world_open_ok(world, false);
  world_content content;
  world_read(world, store, &content);
  ds_store_close(store);
  return content.digest;
}

static void test_there_and_back(void **state) {
  store_world *world = *state;
  live(world);
  const uint64_t digest = digest_of(world);
  ds_retype_counts counts;
  ds_store *store = world_open_ok(world, false);
  const uint64_t values = count(store, DS_TYPE_NUMBER).already;
  assert_true(values > 5);
  const ds_retype_counts before = count(store, DS_TYPE_STRING);
  assert_true(before.converted == values && before.already == 0 && before.texts == 0);
  // A number is no day: it is kept as a text.
  const ds_retype_counts days = count(store, DS_TYPE_DATE);
  assert_true(days.texts == values && days.converted == 0);
  ds_store_close(store);
  assert_int_equal(retype_store(world, DS_TYPE_STRING, &counts), DS_OK);
  assert_true(counts.converted == values && counts.already == 0 && counts.texts == 0);
  assert_int_equal(manifest_type(world), DS_TYPE_STRING);
  assert_int_equal(retype_store(world, DS_TYPE_STRING, &counts), DS_OK);
  assert_true(counts.converted == 0 && counts.already == values);
  store = world_open_ok(world, true);
  world_check(store);
  ds_store_close(store);
  assert_int_equal(retype_store(world, DS_TYPE_NUMBER, &counts), DS_OK);
  assert_true(counts.converted == values && counts.already == 0 && counts.texts == 0);
  assert_int_equal(manifest_type(world), DS_TYPE_NUMBER);
  expect_as_before(world, digest);
  // Imports stay whole: one can still be taken back.
  store = world_open_ok(world, true);
  assert_int_equal(world_undo(world, store, 1), DS_OK);
  assert_int_equal(world_append(world, store, 3), DS_OK);
  world_content content;
  world_read(world, store, &content);
  world_compare(world, &content);
  ds_store_close(store);
  assert_int_equal(ds_io_sim_open_files(world->sim), 0);
}

static void test_unknown(void **state) {
  store_world *world = *state;
  live(world);
  ds_store *store = world_open_ok(world, true);
  ds_retype retype = to_type(DS_TYPE_STRING);
  ds_retype_counts counts;
  ds_error err = {.message = ""};
  retype.property = ds_str_of("weight");
  assert_int_equal(ds_store_retype(store, &retype, NULL, &counts, &err), DS_EXPRESSION);
  assert_string_equal(err.message, "no event 'order_placed' has a property 'weight'; doorstep "
                                   "schema lists them");
  ds_progress progress = {.report = NULL};
  atomic_init(&progress.stop, 1);
  retype = to_type(DS_TYPE_STRING);
  assert_int_equal(ds_store_retype(store, &retype, &progress, &counts, &err), DS_INTERRUPTED);
  assert_true(count(store, DS_TYPE_NUMBER).texts == 0);
  assert_int_equal(ds_store_retype(store, &retype, NULL, &counts, &err), DS_OK);
  world_check(store);
  ds_store_close(store);
}

// What every part says stays; its file is another.
static void test_renew(void **state) {
  store_world *world = *state;
  live(world);
  const uint64_t digest = digest_of(world);
  ds_store *store = world_open_ok(world, true);
  assert_true(ds_store_is_current(store));
  assert_int_equal(ds_store_renew(store, NULL, NULL), DS_OK);
  ds_store_close(store);
  ds_manifest manifest;
  ds_manifest_init(&manifest);
  assert_int_equal(ds_manifest_load(world->io, world->path, &manifest, NULL), DS_OK);
  assert_int_equal(manifest.parts_count, 4);
  for (uint32_t i = 0; i < manifest.parts_count; i++) {
    assert_true(manifest.parts[i].info.number > 4);
    assert_int_equal(manifest.parts[i].import, i == 1 ? 1 : 0);
  }
  ds_manifest_done(&manifest);
  ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
  expect_as_before(world, digest);
}

// One way of writing all parts anew, from numbers to texts or from numbers to numbers.
typedef ds_code (*action)(store_world *world);

static ds_code make_texts(store_world *world) {
  ds_retype_counts counts;
  return retype_store(world, DS_TYPE_STRING, &counts);
}

static ds_code renew(store_world *world) {
  ds_store *store = NULL;
  TRY(world_open(world, true, &store, NULL));
  const ds_code code = ds_store_renew(store, NULL, NULL);
  ds_store_close(store);
  return code;
}

static const action actions[] = {make_texts, renew};
enum { ACTIONS = sizeof actions / sizeof *actions };

static uint64_t operations_of(store_world *world, action run) {
  world_restart(world, 1);
  live(world);
  const uint64_t before = ds_io_sim_operations(world->sim);
  assert_int_equal(run(world), DS_OK);
  return ds_io_sim_operations(world->sim) - before;
}

// I4: all values are of one type; I2: of the new one when that was acknowledged.
static void expect_whole(store_world *world, action run, ds_code code, uint64_t digest) {
  ds_store *store = world_open_ok(world, true);
  const ds_retype_counts counts = count(store, DS_TYPE_NUMBER);
  assert_int_equal(counts.texts, 0);
  assert_true(counts.already == 0 || counts.converted == 0);
  assert_true(code != DS_OK || (counts.converted > 0) == (run == make_texts));
  world_check(store);
  ds_store_close(store);
  if (counts.converted > 0) {
    ds_retype_counts back;
    assert_int_equal(manifest_type(world), DS_TYPE_STRING);
    assert_int_equal(retype_store(world, DS_TYPE_NUMBER, &back), DS_OK);
    assert_int_equal(back.converted, counts.converted);
  }
  expect_as_before(world, digest);
  assert_int_equal(ds_io_sim_open_files(world->sim), 0);
}

static void test_crash_everywhere(void **state) {
  store_world *world = *state;
  const uint64_t stride = sweep_stride(7);
  for (uint32_t a = 0; a < ACTIONS; a++) {
    const uint64_t operations = operations_of(world, actions[a]);
    for (uint64_t k = 0; k <= operations * POLICIES; k += stride) {
      world_restart(world, k);
      live(world);
      const uint64_t digest = digest_of(world);
      ds_io_sim_crash_at(world->sim, k / POLICIES);
      const ds_code code = actions[a](world);
      ds_io_sim_power_loss(world->sim, (ds_loss)(k % POLICIES));
      expect_whole(world, actions[a], code, digest);
    }
  }
}

static void test_error_everywhere(void **state) {
  store_world *world = *state;
  const uint64_t stride = sweep_stride(7);
  for (uint32_t a = 0; a < ACTIONS; a++) {
    const uint64_t operations = operations_of(world, actions[a]);
    for (uint64_t k = 0; k < operations * 4; k += stride) {
      world_restart(world, k);
      live(world);
      const uint64_t digest = digest_of(world);
      ds_io_sim_fail_at(world->sim, k / 4, k % 2 == 0 ? DS_IO : DS_FULL, k % 4 >= 2);
      const ds_code code = actions[a](world);
      ds_io_sim_fail_at(world->sim, SWEEP_NEVER, DS_IO, false);
      assert_true(code == DS_OK || code == (k % 2 == 0 ? DS_IO : DS_FULL));
      ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
      expect_whole(world, actions[a], code, digest);
    }
  }
}

// Allocation n fails, once or from then on; whatever is left then is whole.
static void test_memory_everywhere(void **state) {
  enum { USUAL = 101 }; // odd: it meets both kinds of failure
  store_world *world = *state;
  world->threads = 1; // so that allocations have an order
  for (uint32_t a = 0; a < ACTIONS; a++) {
    uint64_t cases = 1;
    for (uint64_t i = 0; i < cases; i += sweep_stride(USUAL)) {
      world_restart(world, 1);
      live(world);
      const uint64_t digest = digest_of(world);
      const ds_code code = sweep_allocation(world, actions[a], i, &cases);
      expect_whole(world, actions[a], code, digest);
    }
  }
}

int main(void) {
  memory_faults_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_there_and_back, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_unknown, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_renew, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_crash_everywhere, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_error_everywhere, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_memory_everywhere, world_set_up_sim, world_tear_down),
  };
  return cmocka_run_group_tests_name("store retype", tests, NULL, NULL);
}
