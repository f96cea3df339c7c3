// SPDX-License-Identifier: Apache-2.0
// Random lives of a store against a model (sweep 6 of docs/durability.md): appends, imports, either
// with duplicates, undos, seals, compactions, erasures and returns, snapshots held across all of
// that, a reader beside the writer, closing and opening; at any operation an error, no memory or a
// crash under each loss policy, then often another in the recovery. The model knows what is
// acknowledged, tried and undone; after every step the store is as it says (I1-I11, I13, I14). A
// seed makes a life again: DS_SEED=N lives that one alone and prints its steps, DS_STEPS=M ends it
// after M.
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "long_run.h"
#include "memory_faults.h"
#include "question_world.h"
#include "store_sweep.h"

enum {
  SEEDS_USUAL = 60, SEEDS_STRESS = 4000, STEPS = 40, HELD = 3,
  ERROR_WITHIN = 40, CRASH_WITHIN = 60, MEMORY_WITHIN = 500, // operations, allocations
};

// A snapshot that is kept while the store goes on, and what it showed at first.
typedef struct held_snapshot {
  ds_snapshot *snapshot;
  world_content content;
} held_snapshot;

typedef struct life {
  store_world world;
  ds_store *store;
  ds_store *reader; // NULL = none
  held_snapshot held[HELD];
  world_content last; // what the store held after the last step
  uint64_t seed;
  uint64_t random;
  uint32_t step;
  uint64_t crash_at; // of the machine's operations
  bool told;         // print each step
  bool running;
} life;

static uint32_t dice(life *own, uint32_t sides) {
  return (uint32_t)(qw_random(&own->random) % sides);
}

// A random batch of this fate, or DS_NONE.
static uint32_t some_batch(life *own, bool imported) {
  const store_world *world = &own->world;
  const uint32_t first = world->batches == 0 ? 0 : dice(own, world->batches);
  for (uint32_t i = 0; i < world->batches; i++) {
    const uint32_t b = (first + i) % world->batches;
    if (world->fates[b] == FATE_ACKED && (!imported || world->imports[b] != 0))
      return b;
  }
  return DS_NONE;
}

static ds_code step_append(life *own) {
  return world_append(&own->world, own->store, 1 + dice(own, 40));
}

static ds_code step_append_again(life *own) {
  return world_append_again(&own->world, own->store, dice(own, 8), some_batch(own, false));
}

static ds_code step_import(life *own) {
  return world_import(&own->world, own->store, 1 + dice(own, 60));
}

static ds_code step_import_again(life *own) {
  return world_import_again(&own->world, own->store, dice(own, 20), some_batch(own, false));
}

static ds_code step_undo(life *own) {
  const uint32_t batch = some_batch(own, true);
  return batch == DS_NONE ? DS_OK : world_undo(&own->world, own->store, batch);
}

// The events of all others stay as they are, to the bit.
static ds_code erase_person(life *own, uint32_t person) {
  world_content now;
  TRY(world_erase(&own->world, own->store, person));
  memory_faults_pause();
  world_read(&own->world, own->store, &now);
  memory_faults_resume();
  assert_true(now.digest == own->last.digest - own->last.digest_of[person]);
  return DS_OK;
}

// Somebody of whom there are events, so that what is there tells what became of a failed erasure.
static ds_code step_erase(life *own) {
  uint32_t shown = 0;
  const uint32_t first = dice(own, WORLD_PEOPLE);
  for (uint32_t b = 0; b < own->world.batches; b++)
    shown |= own->last.people[b];
  for (uint32_t i = 0; i < WORLD_PEOPLE; i++) {
    const uint32_t person = (first + i) % WORLD_PEOPLE;
    if ((shown >> person & 1) != 0)
      return erase_person(own, person);
  }
  return DS_OK;
}

static ds_code step_return(life *own) {
  const uint32_t first = dice(own, WORLD_PEOPLE);
  for (uint32_t i = 0; i < WORLD_PEOPLE; i++) {
    const uint32_t person = (first + i) % WORLD_PEOPLE;
    if ((own->world.erased >> person & 1) != 0)
      return world_return(&own->world, own->store, person);
  }
  return DS_OK;
}

static ds_code step_seal(life *own) { return ds_store_seal(own->store, NULL); }

static ds_code step_compact(life *own) { return ds_store_compact(own->store, NULL, NULL); }

static ds_code step_reopen(life *own) {
  ds_store_close(own->store);
  own->store = NULL;
  return world_open(&own->world, true, &own->store, NULL);
}

static void print_problem(void *context, const char *line) {
  (void)context;
  print_error("check: %s\n", line);
}

static ds_code step_check(life *own) {
  return ds_store_check(own->store, print_problem, NULL, NULL, NULL);
}

static void drop_held(life *own, uint32_t which) {
  ds_snapshot_free(own->held[which].snapshot);
  own->held[which].snapshot = NULL;
}

// What is held shows what it showed, whatever became of the store since.
static ds_code step_hold(life *own) {
  held_snapshot *held = &own->held[dice(own, HELD)];
  if (held->snapshot == NULL) {
    TRY(ds_store_snapshot(own->store, &held->snapshot, NULL));
    held->content = own->last;
    return DS_OK;
  }
  memory_faults_pause();
  world_content now;
  world_read_snapshot(&own->world, held->snapshot, &now);
  memory_faults_resume();
  assert_true(now.digest == held->content.digest); // I10
  assert_int_equal(now.events, held->content.events);
  drop_held(own, (uint32_t)(held - own->held));
  return DS_OK;
}

// A reader of its own sees what the writer sees, whether it was open before or not.
static ds_code step_read(life *own) {
  if (own->reader == NULL)
    TRY(world_open(&own->world, false, &own->reader, NULL));
  world_content seen;
  TRY(world_try_read(&own->world, own->reader, &seen));
  assert_true(seen.digest == own->last.digest);
  if (dice(own, 2) == 0) {
    ds_store_close(own->reader);
    own->reader = NULL;
  }
  return DS_OK;
}

static const struct {
  const char *name;
  ds_code (*run)(life *own);
  uint32_t weight;
  bool same; // the store holds the same before and after (I6, I10)
} steps[] = {
    {"append", step_append, 8, false},     {"append again", step_append_again, 3, false},
    {"import", step_import, 3, false},     {"import again", step_import_again, 2, false},
    {"undo", step_undo, 3, false},         {"seal", step_seal, 3, true},
    {"erase", step_erase, 2, false},       {"return", step_return, 1, true},
    {"compact", step_compact, 2, true},    {"reopen", step_reopen, 3, true},
    {"check", step_check, 1, true},        {"hold", step_hold, 5, true},
    {"read", step_read, 4, true},
};
enum { STEP_KINDS = sizeof steps / sizeof *steps };

static uint32_t choose(life *own) {
  uint32_t all = 0, i = 0;
  for (uint32_t k = 0; k < STEP_KINDS; k++)
    all += steps[k].weight;
  for (uint32_t at = dice(own, all); at >= steps[i].weight; i++)
    at -= steps[i].weight;
  return i;
}

static void tell(const life *own, const char *what, uint64_t number) {
  if (own->told)
    print_message("step %" PRIu32 ": %s %" PRIu64 "\n", own->step, what, number);
}

// Sets one failure for this step or a later one.
static void arm(life *own) {
  const uint64_t operations = ds_io_sim_operations(own->world.sim);
  const uint32_t kind = dice(own, 30);
  if (kind == 0) {
    const uint32_t k = dice(own, CRASH_WITHIN);
    own->crash_at = operations + k;
    ds_io_sim_crash_at(own->world.sim, k);
    tell(own, "crash before operation", own->crash_at);
  } else if (kind == 1) {
    const uint32_t k = dice(own, ERROR_WITHIN);
    const bool persistent = dice(own, 2) == 0;
    ds_io_sim_fail_at(own->world.sim, k, dice(own, 3) == 0 ? DS_FULL : DS_IO, persistent);
    tell(own, persistent ? "errors from operation" : "error at operation", operations + k);
  } else if (kind == 2) {
    const uint32_t n = dice(own, MEMORY_WITHIN);
    const bool persistent = dice(own, 4) == 0;
    memory_faults_arm(n, persistent);
    tell(own, persistent ? "no memory from allocation" : "no memory for allocation", n);
  }
}

static bool has_crashed(const life *own) {
  return ds_io_sim_operations(own->world.sim) > own->crash_at;
}

static void disarm(life *own) {
  own->crash_at = SWEEP_NEVER;
  ds_io_sim_crash_at(own->world.sim, SWEEP_NEVER);
  ds_io_sim_fail_at(own->world.sim, SWEEP_NEVER, DS_IO, false);
}

static void close_all(life *own) {
  for (uint32_t i = 0; i < HELD; i++)
    drop_held(own, i);
  ds_store_close(own->reader);
  ds_store_close(own->store);
  own->reader = own->store = NULL;
}

static void lose_power(life *own) {
  const uint32_t loss = dice(own, 4);
  tell(own, "power loss, policy", loss);
  close_all(own);
  ds_io_sim_power_loss(own->world.sim, (ds_loss)loss);
  sweep_expect_not_ahead(&own->world);
}

// Opens to write; in a third of the cases the machine crashes in the recovery, perhaps again.
static void recover(life *own) {
  disarm(own);
  while (dice(own, 3) == 0) {
    ds_io_sim_crash_at(own->world.sim, dice(own, CRASH_WITHIN));
    if (world_open(&own->world, true, &own->store, NULL) != DS_OK)
      own->store = NULL;
    lose_power(own);
    disarm(own);
  }
  own->store = world_open_ok(&own->world, true); // I5
  sweep_expect_sound(&own->world, own->store);
  world_read(&own->world, own->store, &own->last);
}

// After a step that failed: what the handle shows is right, and it goes on or refuses (I11).
static void survive(life *own, ds_code code) {
  tell(own, ds_code_name(code), ds_io_sim_operations(own->world.sim));
  if (has_crashed(own)) {
    lose_power(own);
    recover(own);
    return;
  }
  disarm(own);
  if (own->store != NULL) {
    world_read(&own->world, own->store, &own->last);
    world_compare(&own->world, &own->last);
    if (dice(own, 2) == 0 && world_append(&own->world, own->store, 3) == DS_OK) {
      // It went on, so what failed is not there and will not be.
      world_settle(&own->world, &own->last);
      world_read(&own->world, own->store, &own->last);
      world_compare(&own->world, &own->last);
      return;
    }
  }
  if (dice(own, 2) == 0) {
    lose_power(own);
  } else {
    ds_store_close(own->store);
    own->store = NULL;
  }
  recover(own);
}

static void one_step(life *own) {
  const uint32_t kind = choose(own);
  arm(own);
  tell(own, steps[kind].name, own->world.batches);
  const uint64_t before = own->last.digest;
  ds_code code = steps[kind].run(own);
  bool refused = false;
  (void)memory_faults_disarm(&refused);
  assert_true(code != DS_MEMORY || refused);
  assert_true(code == DS_OK || code == DS_MEMORY || code == DS_IO || code == DS_FULL);
  // A crash may come in what a step does without telling, as in closing.
  if (code != DS_OK || has_crashed(own)) {
    survive(own, code);
    return;
  }
  world_read(&own->world, own->store, &own->last);
  world_compare(&own->world, &own->last);
  assert_true(!steps[kind].same || own->last.digest == before);
}

// Some stores seal and compact by jobs, whose commits come at once or some appends later.
static void with_jobs(ds_store_options *options) {
  options->log_bytes = 2048;
  options->compact = true;
}

static void with_late_jobs(ds_store_options *options) {
  with_jobs(options);
  options->job_delay = 3;
}

static void live(life *own, uint64_t seed, uint32_t count) {
  static void (*const tunes[])(ds_store_options *options) = {NULL, with_jobs, with_late_jobs};
  own->world.tune = tunes[seed % 3];
  world_restart(&own->world, seed);
  own->seed = seed;
  own->random = seed;
  own->crash_at = SWEEP_NEVER;
  own->running = true;
  own->store = world_open_ok(&own->world, true);
  world_read(&own->world, own->store, &own->last);
  for (own->step = 0; own->step < count && own->world.batches < WORLD_BATCHES_MAX - 4; own->step++)
    one_step(own);
  close_all(own);
  disarm(own);
  ds_io_sim_power_loss(own->world.sim, (ds_loss)dice(own, 4));
  sweep_expect_recovery(&own->world);
  own->running = false;
}

static uint64_t number_of(const char *name, uint64_t preset) {
  const char *text = getenv(name);
  return text == NULL || text[0] == '\0' ? preset : strtoull(text, NULL, 10);
}

static void test_lives(void **state) {
  life *own = *state;
  const uint64_t only = number_of("DS_SEED", 0);
  const uint64_t seeds = long_run() ? SEEDS_STRESS : SEEDS_USUAL;
  const uint32_t count = (uint32_t)number_of("DS_STEPS", STEPS);
  own->told = only != 0;
  for (uint64_t seed = 1; seed <= seeds; seed++)
    if (only == 0 || seed == only)
      live(own, seed, count);
}

static int set_up(void **state) {
  life *own = calloc(1, sizeof *own);
  world_init_sim(&own->world, 1);
  own->world.threads = 1; // so that a seed makes the same life again
  *state = own;
  return 0;
}

static int tear_down(void **state) {
  life *own = *state;
  if (own->running)
    print_error("DS_SEED=%" PRIu64 " DS_STEPS=%" PRIu32 " makes this life again\n", own->seed,
                own->step + 1);
  close_all(own);
  world_done(&own->world);
  free(own);
  return 0;
}

int main(void) {
  memory_faults_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_lives, set_up, tear_down),
  };
  return cmocka_run_group_tests_name("store model", tests, NULL, NULL);
}
