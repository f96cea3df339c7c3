// SPDX-License-Identifier: Apache-2.0
// Out of memory (sweep 3 of docs/durability.md): allocation number n fails, once or from then on,
// for every n, over each thing that a store does. The call says DS_MEMORY, or did without; what the
// handle shows stays right and it writes on or refuses to (I11); what is on disk is whole (I1-I4,
// I8, I9, I14), without whom was erased (I13), opens (I5-I7), and nothing is left open or leaked
// (I12). Every case runs with DS_STRESS=1, else one in so many; scene and n make a case again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "memory_faults.h"
#include "store_sweep.h"

enum { CASES_USUAL = 40 };

// Logs are sealed and parts compacted all the time, by jobs within the calls.
static void with_jobs(ds_store_options *options) {
  options->log_bytes = 256;
  options->compact = true;
}

// What is done while memory fails. `store` is NULL for those that open it themselves.
typedef struct scene {
  const char *name;
  void (*prepare)(store_world *world); // leaves the machine without an open store
  bool write;                          // open the store so, before; else `act` gets NULL
  ds_code (*act)(store_world *world, ds_store *store);
  void (*tune)(ds_store_options *options);
} scene;

static void ok(ds_code code) { assert_int_equal(code, DS_OK); }

static void nothing(store_world *world) { (void)world; }

static void made(store_world *world) { ds_store_close(world_open_ok(world, true)); }

// A part of appended events, one of an import (batch 2), and events in the log.
static void lived_in(store_world *world) {
  ds_store *store = world_open_ok(world, true);
  ok(world_append(world, store, 30));
  ok(ds_store_seal(store, NULL));
  ok(world_append(world, store, 5));
  ok(world_import(world, store, 40));
  ok(world_append(world, store, 9));
  ds_store_close(store);
}

// Two imports in one part.
static void compacted(store_world *world) {
  ds_store *store = world_open_ok(world, true);
  ok(world_append(world, store, 3));
  ok(world_import(world, store, 40)); // batch 1
  ok(world_import(world, store, 12));
  ok(ds_store_compact(store, NULL, NULL));
  ok(world_append(world, store, 4));
  ds_store_close(store);
}

// The log holds an import that MANIFEST lacks, and batches; it has no mark; there are orphans.
static void powerless(store_world *world) {
  ds_store *store = world_open_ok(world, true);
  ok(world_append(world, store, 3));
  ds_io_sim_fail_at(world->sim, 20, DS_IO, true);
  (void)world_import(world, store, 20);
  ds_io_sim_fail_at(world->sim, SWEEP_NEVER, DS_IO, false);
  ds_store_close(store);
  store = world_open_ok(world, true);
  world_content content;
  world_read(world, store, &content);
  world_settle(world, &content);
  ok(world_append(world, store, 4));
  ok(world_append(world, store, 6));
  ds_io_sim_power_loss(world->sim, DS_LOSS_RANDOM);
  ds_store_close(store);
}

// Somebody was erased, after which events came; one more is in a part and in the log.
static void erased_before(store_world *world) {
  lived_in(world);
  ds_store *store = world_open_ok(world, true);
  ok(world_erase(world, store, 3));
  ok(world_append(world, store, 25));
  ds_store_close(store);
}

// An erasure was cut short behind its first step: the keys are gone, all events are still there.
static void erasing(store_world *world) {
  erased_before(world);
  ds_store *store = world_open_ok(world, true);
  ok(world_erase_keys(world, store, 5));
  ds_store_close(store);
}

static ds_code act_open(store_world *world, ds_store *store) {
  TRY(world_open(world, true, &store, NULL));
  ds_store_close(store);
  return DS_OK;
}

static ds_code act_read(store_world *world, ds_store *store) {
  TRY(world_open(world, false, &store, NULL));
  world_content content;
  const ds_code code = world_try_read(world, store, &content);
  memory_faults_pause();
  if (code == DS_OK)
    world_compare(world, &content);
  memory_faults_resume();
  ds_store_close(store);
  return code;
}

static void print_problem(void *context, const char *line) {
  (void)context;
  fail_msg("check found: %s", line);
}

static ds_code act_check(store_world *world, ds_store *store) {
  (void)world;
  return ds_store_check(store, print_problem, NULL, NULL, NULL);
}

static ds_code act_append(store_world *world, ds_store *store) {
  return world_append(world, store, 7);
}

// With jobs: several logs, seals and a compaction.
static ds_code act_append_much(store_world *world, ds_store *store) {
  for (uint32_t i = 0; i < 6; i++)
    TRY(world_append(world, store, 9));
  return ds_store_finish(store, NULL, NULL);
}

static ds_code act_append_group(store_world *world, ds_store *store) {
  return world_append_group(world, store, 4);
}

static ds_code act_seal(store_world *world, ds_store *store) {
  (void)world;
  return ds_store_seal(store, NULL);
}

static ds_code act_import(store_world *world, ds_store *store) {
  return world_import(world, store, 25);
}

static ds_code act_undo(store_world *world, ds_store *store) {
  return world_undo(world, store, world->imports[1] != 0 ? 1 : 2);
}

static ds_code act_compact(store_world *world, ds_store *store) {
  (void)world;
  return ds_store_compact(store, NULL, NULL);
}

static ds_code act_erase(store_world *world, ds_store *store) {
  return world_erase(world, store, 7);
}

static ds_code act_return(store_world *world, ds_store *store) {
  return world_return(world, store, 3);
}

static const scene scenes[] = {
    {"create", nothing, false, act_open, NULL},
    {"open to write", lived_in, false, act_open, NULL},
    {"open after power loss", powerless, false, act_open, NULL},
    {"open to read, and read", lived_in, false, act_read, NULL},
    {"check", lived_in, true, act_check, NULL},
    {"append to nothing", made, true, act_append, NULL},
    {"append", lived_in, true, act_append, NULL},
    {"append with jobs", lived_in, true, act_append_much, with_jobs},
    {"append a group", lived_in, true, act_append_group, NULL},
    {"seal", lived_in, true, act_seal, NULL},
    {"import", lived_in, true, act_import, NULL},
    {"undo", lived_in, true, act_undo, NULL},
    {"undo of a share of a part", compacted, true, act_undo, NULL},
    {"compact", lived_in, true, act_compact, NULL},
    {"erase for the first time", lived_in, true, act_erase, NULL},
    {"erase", erased_before, true, act_erase, NULL},
    {"take in again", erased_before, true, act_return, NULL},
    {"check with keys", erased_before, true, act_check, NULL},
    {"read while an erasure is pending", erasing, false, act_read, NULL},
    {"open to write, which ends an erasure", erasing, false, act_open, NULL},
};

// One case; returns how many allocations the act asked for.
static uint64_t run(store_world *world, const scene *on, uint64_t n, bool persistent) {
  world_restart(world, 1);
  world->tune = on->tune;
  on->prepare(world);
  ds_store *store = on->write ? world_open_ok(world, true) : NULL;
  memory_faults_arm(n, persistent);
  const ds_code code = on->act(world, store);
  bool failed;
  const uint64_t asked = memory_faults_disarm(&failed);
  if (code != DS_OK && (code != DS_MEMORY || !failed))
    fail_msg("%s, allocation %ju%s: %s", on->name, (uintmax_t)n, persistent ? " and later" : "",
             ds_code_name(code));
  if (store != NULL) {
    world_content content;
    world_read(world, store, &content);
    world_compare(world, &content); // I11
    const ds_code more = world_append(world, store, 2);
    assert_true(more == DS_OK || (code != DS_OK && more == DS_READONLY));
    if (more == DS_OK)
      world_settle(world, &content); // What failed has left nothing, as later writes show.
    ds_store_close(store);
  }
  assert_int_equal(ds_io_sim_open_files(world->sim), 0); // I12
  return asked;
}

static void sweep(store_world *world, const scene *on) {
  const uint64_t all = run(world, on, SWEEP_NEVER, false);
  assert_true(all > 10);
  const uint64_t stride = sweep_stride(all * 2 / CASES_USUAL + 1);
  for (uint64_t i = 0; i < all * 2; i += stride) {
    // Odd strides meet both kinds of failure.
    (void)run(world, on, i / 2, i % 2 == 1);
    if (i % 3 == 0)
      ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
    sweep_expect_recovery(world);
  }
}

static void test_scene(void **state) {
  store_world world;
  world_init_sim(&world, 1);
  world.threads = 1; // so that allocations have an order
  sweep(&world, *state);
  world_done(&world);
}

int main(void) {
  memory_faults_install();
  struct CMUnitTest tests[sizeof scenes / sizeof *scenes];
  for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
    tests[i] = (struct CMUnitTest){scenes[i].name, test_scene, NULL, NULL,
                                   (void *)(uintptr_t)&scenes[i]};
  return cmocka_run_group_tests_name("store memory", tests, NULL, NULL);
}
