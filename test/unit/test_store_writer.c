// SPDX-License-Identifier: Apache-2.0
// Several batches in one group, and the thread that appends for many others: order, outcomes, the
// bounded queue, the end, failures.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "long_run.h"
#include "store/state.h"
#include "store/writer.h"
#include "store_world.h"

static void ok(ds_code code) { assert_int_equal(code, DS_OK); }

// One write and one sync, with zeros for the next before, and all of it is there, also after power
// loss.
static void test_group(void **state) {
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  ok(world_append(world, store, 3));
  uint64_t before = ds_io_sim_operations(world->sim);
  ok(world_append_group(world, store, 9));
  assert_int_equal(ds_io_sim_operations(world->sim) - before, 3);
  before = ds_io_sim_operations(world->sim);
  ok(world_append(world, store, 2));
  assert_int_equal(ds_io_sim_operations(world->sim) - before, 2);
  world_expect(world, store);
  ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
  ds_store_close(store);
  store = world_open_ok(world, true);
  world_expect(world, store);
  world_check(store);
  ok(ds_store_seal(store, NULL));
  world_expect(world, store);
  ds_store_close(store);
}

static void fill(const store_world *world, ds_batch *batch, uint32_t from) {
  ds_buf rows;
  ds_buf_init(&rows, 1u << 24);
  world_rows(world, from, 0, 0, &rows);
  ok(ds_batch_fill(batch, &world->space, &rows, NULL));
  ds_buf_done(&rows);
}

// An event that stands in an earlier batch of the group is a duplicate of it.
static void test_duplicates_in_group(void **state) {
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  ok(world_append(world, store, 5));
  ds_batch batches[4], *group[4];
  static const uint32_t from[] = {1, 0, 1, 2};
  world->batches = 3;
  world->sizes[1] = 4;
  world->sizes[2] = 6;
  for (uint32_t i = 0; i < 4; i++) {
    group[i] = &batches[i];
    ds_batch_init(group[i]);
    fill(world, group[i], from[i]);
  }
  ds_store_append_group(store, group, 4);
  static const uint32_t duplicates[] = {0, 5, 4, 0};
  for (uint32_t i = 0; i < 4; i++) {
    ok(batches[i].code);
    assert_int_equal(batches[i].duplicates, duplicates[i]);
  }
  world->fates[1] = world->fates[2] = FATE_ACKED;
  world_expect(world, store);
  // All of them once more: nothing is written.
  const uint64_t before = ds_io_sim_operations(world->sim);
  for (uint32_t i = 0; i < 4; i++)
    fill(world, group[i], from[i]);
  ds_store_append_group(store, group, 4);
  assert_int_equal(ds_io_sim_operations(world->sim), before);
  for (uint32_t i = 0; i < 4; i++) {
    assert_int_equal(batches[i].duplicates, batches[i].count);
    ds_batch_done(group[i]);
  }
  ds_store_close(store);
}

// A group begins while the one before is on its way: what both hold is a duplicate in the second,
// and after a failed write nothing of either is there (I4, I11).
static void test_overlap(void **state) {
  store_world *world = *state;
  for (int fails = 0; fails < 2; fails++) {
    world_restart(world, 7);
    ds_store *store = world_open_ok(world, true);
    ok(world_append(world, store, 5));
    world->batches = 3;
    world->sizes[1] = 4;
    world->sizes[2] = 6;
    ds_batch batches[3];
    static const uint32_t from[] = {1, 2, 1};
    for (uint32_t i = 0; i < 3; i++) {
      ds_batch_init(&batches[i]);
      fill(world, &batches[i], from[i]);
    }
    ds_batch *first[] = {&batches[0]}, *second[] = {&batches[1], &batches[2]};
    ds_group *groups[] = {ds_group_new(store), ds_group_new(store)};
    ok(ds_group_begin(groups[0], NULL, NULL));
    ok(ds_group_add(groups[0], first, 1, NULL));
    ok(ds_group_begin(groups[1], groups[0], NULL));
    ok(ds_group_add(groups[1], second, 1, NULL));
    ok(ds_group_add(groups[1], second + 1, 1, NULL));
    assert_int_equal(batches[1].duplicates, 0);
    assert_int_equal(batches[2].duplicates, batches[2].count);
    if (fails)
      ds_io_sim_fail_at(world->sim, 1, DS_IO, false);
    ds_group_write(groups[0]);
    ds_group_end(groups[0]);
    assert_int_equal(ds_group_outcome(groups[0], NULL), fails ? DS_IO : DS_OK);
    if (!fails) {
      ds_group_write(groups[1]);
      ds_group_end(groups[1]);
      ok(ds_group_outcome(groups[1], NULL));
      world->fates[1] = world->fates[2] = FATE_ACKED;
    }
    world_expect(world, store);
    for (uint32_t i = 0; i < 3; i++)
      ds_batch_done(&batches[i]);
    ds_group_free(groups[0]);
    ds_group_free(groups[1]);
    ds_store_close(store);
    ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
    store = world_open_ok(world, true);
    world_expect(world, store);
    ds_store_close(store);
  }
}

// A batch that names more touchpoints than a store may have.
static void fill_with_names(ds_batch *batch, uint32_t names) {
  ds_space space;
  ds_space_init(&space);
  ds_buf rows;
  ds_buf_init(&rows, 1u << 24);
  uint32_t index;
  ok(ds_names_add(&space.sources, ds_str_of("test"), &index, NULL));
  for (uint32_t i = 0; i < names; i++) {
    char text[32];
    snprintf(text, sizeof text, "event_%u", i);
    ok(ds_names_add(&space.touchpoints, ds_str_of(text), &index, NULL));
    const ds_event event = {.touchpoint = (uint16_t)index, .time_ms = 1600000000000,
                            .subject = ds_str_of("customer_id=C1")};
    ok(ds_event_encode(&event, &rows, NULL));
  }
  ok(ds_batch_fill(batch, &space, &rows, NULL));
  ds_buf_done(&rows);
  ds_space_done(&space);
}

// A part has room for one value of a type, so a batch, and a log, with two is refused.
static void test_property_twice(void **state) {
  (void)state;
  ds_space space;
  ds_space_init(&space);
  uint32_t index;
  ok(ds_names_add(&space.sources, ds_str_of("test"), &index, NULL));
  ok(ds_names_add(&space.touchpoints, ds_str_of("delivered"), &index, NULL));
  ok(ds_names_add(&space.properties, ds_str_of("stars"), &index, NULL));
  ds_event_property properties[] = {{.value = {.type = DS_TYPE_NUMBER, .number = 4}},
                                    {.value = {.type = DS_TYPE_BOOL, .i = 1}},
                                    {.value = {.type = DS_TYPE_NUMBER, .number = 5}}};
  const ds_event event = {.time_ms = 1600000000000, .subject = ds_str_of("customer_id=C1"),
                          .properties = properties, .properties_count = 3};
  ds_buf rows;
  ds_buf_init(&rows, 1u << 24);
  ds_batch batch;
  ds_batch_init(&batch);
  ds_error err = {.message = ""};
  ok(ds_event_encode(&event, &rows, NULL));
  assert_int_equal(ds_batch_fill(&batch, &space, &rows, &err), DS_CORRUPT);
  assert_string_equal(err.message, "an event has a property twice");
  properties[2].value = (ds_value){.type = DS_TYPE_DATE, .i = 5};
  ds_buf_reset(&rows);
  ok(ds_event_encode(&event, &rows, NULL));
  ok(ds_event_encode(&event, &rows, NULL)); // what the first has does not count for the second
  ok(ds_batch_fill(&batch, &space, &rows, NULL));
  ds_batch_done(&batch);
  ds_buf_done(&rows);
  ds_space_done(&space);
}

// One batch that cannot be written fails alone, with its own error.
static void test_bad_batch(void **state) {
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  ok(world_append(world, store, 5));
  world->batches = 3;
  world->sizes[1] = world->sizes[2] = 6;
  ds_batch batches[3], *group[3];
  for (uint32_t i = 0; i < 3; i++) {
    group[i] = &batches[i];
    ds_batch_init(group[i]);
  }
  fill(world, group[0], 1);
  fill_with_names(group[1], DS_TOUCHPOINTS_MAX);
  fill(world, group[2], 2);
  ds_store_append_group(store, group, 3);
  ok(batches[0].code);
  assert_int_equal(batches[1].code, DS_LIMIT);
  assert_non_null(strstr(batches[1].error.message, "4096 distinct names"));
  ok(batches[2].code);
  world->fates[1] = world->fates[2] = FATE_ACKED;
  world_expect(world, store);
  ds_store_close(store);
  store = world_open_ok(world, true);
  world_expect(world, store);
  ds_store_close(store);
  for (uint32_t i = 0; i < 3; i++)
    ds_batch_done(group[i]);
}

// Rows that are damaged, or more than a record holds, are refused before they meet others.
static void test_bad_rows(void **state) {
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  ds_writer_options options;
  ds_writer_options_init(&options);
  ds_writer *writer;
  ok(ds_writer_new(store, &options, &writer, NULL));
  ds_buf rows;
  ds_buf_init(&rows, (size_t)DS_BATCH_BYTES_MAX + 64);
  world->batches = 1;
  world->sizes[0] = 4;
  world_rows(world, 0, 0, 0, &rows);
  rows.data[4] = 200; // a touchpoint without a name
  ds_error err;
  uint64_t duplicates = 77;
  assert_int_equal(ds_writer_append(writer, &world->space, &rows, &duplicates, &err), DS_CORRUPT);
  assert_non_null(strstr(err.message, "no name"));
  assert_non_null(ds_buf_reserve(&rows, (size_t)DS_BATCH_BYTES_MAX + 1 - rows.size));
  rows.size = (size_t)DS_BATCH_BYTES_MAX + 1;
  assert_int_equal(ds_writer_append(writer, &world->space, &rows, &duplicates, &err), DS_LIMIT);
  assert_int_equal(duplicates, 77);
  ds_buf_reset(&rows);
  world_rows(world, 0, 0, 0, &rows);
  ok(ds_writer_append(writer, &world->space, &rows, &duplicates, &err));
  assert_int_equal(duplicates, 0);
  world->fates[0] = FATE_ACKED;
  ds_buf_done(&rows);
  ds_writer_free(writer);
  world_expect(world, store);
  ds_store_close(store);
}

enum { THREADS = 4 };

// One of the threads that append batches thread, thread + THREADS, ...
typedef struct feeder {
  store_world *world;
  ds_writer *writer;
  uint32_t first;
  uint32_t interrupted;
  int tell; // where each acknowledged batch is told, by one byte; 0 = nowhere
  pthread_t thread;
} feeder;

static void *feed(void *argument) {
  feeder *own = argument;
  store_world *world = own->world;
  for (uint32_t b = own->first; b < WORLD_BATCHES_MAX; b += THREADS) {
    ds_buf rows;
    ds_buf_init(&rows, 1u << 24);
    world_rows(world, b, 0, 0, &rows);
    uint64_t duplicates = 0;
    const ds_code code = ds_writer_append(own->writer, &world->space, &rows, &duplicates, NULL);
    own->interrupted += code == DS_INTERRUPTED;
    world->fates[b] = code == DS_OK ? FATE_ACKED : code == DS_IO ? FATE_TRIED : FATE_NONE;
    const uint8_t told = (uint8_t)b;
    if (own->tell != 0 && code == DS_OK)
      assert_int_equal(write(own->tell, &told, 1), 1);
    ds_buf_done(&rows);
  }
  return NULL;
}

static void start(store_world *world, ds_writer *writer, int tell, feeder *feeders) {
  world->batches = WORLD_BATCHES_MAX;
  for (uint32_t b = 0; b < WORLD_BATCHES_MAX; b++) {
    world->sizes[b] = 1 + b % 5;
    world->fates[b] = FATE_NONE;
  }
  for (uint32_t t = 0; t < THREADS; t++) {
    feeders[t] = (feeder){.world = world, .writer = writer, .first = t, .tell = tell};
    assert_int_equal(pthread_create(&feeders[t].thread, NULL, feed, &feeders[t]), 0);
  }
}

static uint32_t join(feeder *feeders) {
  uint32_t interrupted = 0;
  for (uint32_t t = 0; t < THREADS; t++) {
    pthread_join(feeders[t].thread, NULL);
    interrupted += feeders[t].interrupted;
  }
  return interrupted;
}

// Acknowledged batches are there, whole; the others are whole or not there. Which of the batches
// tried came first nobody knows.
static void expect_acknowledged(store_world *world, ds_store *store) {
  world_content content;
  world_read(world, store, &content);
  for (uint32_t b = 0; b < world->batches; b++) {
    assert_true(content.counts[b] == 0 || content.counts[b] == world->sizes[b]);
    assert_true(world->fates[b] != FATE_ACKED || content.counts[b] > 0);
    assert_true(world->fates[b] != FATE_NONE || content.counts[b] == 0);
  }
}

static void run_threads(store_world *world, size_t bytes_max, uint32_t batches_max) {
  ds_store *store = world_open_ok(world, true);
  ds_writer_options options;
  ds_writer_options_init(&options);
  options.bytes_max = bytes_max;
  options.batches_max = batches_max;
  ds_writer *writer;
  ok(ds_writer_new(store, &options, &writer, NULL));
  feeder feeders[THREADS];
  start(world, writer, 0, feeders);
  // Snapshots beside them are of whole batches only.
  for (uint32_t i = 0; i < 5; i++) {
    ds_snapshot *snapshot;
    ok(ds_writer_snapshot(writer, &snapshot, NULL));
    world_content content;
    world_read_snapshot(world, snapshot, &content);
    for (uint32_t b = 0; b < world->batches; b++)
      assert_true(content.counts[b] == 0 || content.counts[b] == world->sizes[b]);
    ds_snapshot_free(snapshot);
  }
  assert_int_equal(join(feeders), 0);
  ds_writer_free(writer);
  for (uint32_t b = 0; b < world->batches; b++)
    assert_int_equal(world->fates[b], FATE_ACKED);
  world_expect(world, store);
  world_check(store);
  ds_store_close(store);
  store = world_open_ok(world, true);
  world_expect(world, store);
  ds_store_close(store);
}

static void test_threads(void **state) {
  run_threads(*state, (size_t)64 << 20, 4096);
}

// With room for hardly a batch all still get in.
static void test_small_queue(void **state) {
  run_threads(*state, 1, 2);
}

// Batches submitted before the stop are written, later ones refused; nobody hangs.
static void test_stop(void **state) {
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  ds_writer_options options;
  ds_writer_options_init(&options);
  ds_writer *writer;
  ok(ds_writer_new(store, &options, &writer, NULL));
  feeder feeders[THREADS];
  start(world, writer, 0, feeders);
  ds_snapshot *snapshot;
  ok(ds_writer_snapshot(writer, &snapshot, NULL));
  ds_snapshot_free(snapshot);
  ds_writer_stop(writer);
  ds_writer_stop(writer);
  ds_error err;
  assert_int_equal(ds_writer_snapshot(writer, &snapshot, &err), DS_INTERRUPTED);
  assert_non_null(strstr(err.message, "stopped"));
  (void)join(feeders);
  ds_writer_free(writer);
  expect_acknowledged(world, store);
  ds_store_close(store);
}

// I11 with many threads: a failed sync is told to all, and nothing is written any more.
static void test_failure(void **state) {
  store_world *world = *state;
  for (uint64_t k = 0; k < 12; k++) {
    world_restart(world, k);
    ds_store *store = world_open_ok(world, true);
    ds_writer_options options;
    ds_writer_options_init(&options);
    ds_writer *writer;
    ok(ds_writer_new(store, &options, &writer, NULL));
    ds_io_sim_fail_at(world->sim, k, DS_IO, false);
    feeder feeders[THREADS];
    start(world, writer, 0, feeders);
    assert_int_equal(join(feeders), 0);
    ds_error err;
    ds_buf none = {0};
    assert_int_equal(ds_writer_append(writer, &world->space, &none, NULL, &err), DS_READONLY);
    ds_writer_free(writer);
    uint32_t tried = 0;
    for (uint32_t b = 0; b < world->batches; b++)
      tried += world->fates[b] == FATE_TRIED;
    assert_true(tried >= 1 && tried <= THREADS);
    ds_store_close(store);
    ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
    store = world_open_ok(world, true);
    expect_acknowledged(world, store);
    ds_store_close(store);
  }
}

// Every event's arrival tells its place among all that were appended: three of each batch.
static void expect_arrivals(ds_store *store) {
  ds_snapshot *snapshot;
  ok(ds_store_snapshot(store, &snapshot, NULL));
  assert_int_equal(snapshot->places_count, 1);
  const ds_place *place = &snapshot->places[0];
  assert_int_equal(ds_part_get_info(place->part)->blocks, 1);
  ds_block_reader *reader = ds_block_reader_new();
  ds_buf rows;
  ds_buf_init(&rows, 1u << 24);
  ok(ds_part_read_rows(place, 0, 0, ds_part_zone(place->part, 0)->journeys, reader, &rows, NULL));
  ds_row row = {.size = 0};
  for (size_t at = 0; at < rows.size; at += row.size) {
    ds_row_open(rows.data + at, &row);
    const int64_t from_start = row.time_ms - 1600000000000;
    assert_int_equal(row.arrival, 1 + from_start / 100000 * 3 + from_start % 100000);
  }
  ds_buf_done(&rows);
  ds_block_reader_free(reader);
  ds_snapshot_free(snapshot);
}

// The two halves of an append: many on the way, in order.
static void test_submit(void **state) {
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  ds_writer_options options;
  ds_writer_options_init(&options);
  ds_writer *writer;
  ok(ds_writer_new(store, &options, &writer, NULL));
  enum { MANY = 20 };
  ds_batch batches[MANY];
  ds_ticket tickets[MANY];
  for (uint32_t i = 0; i < MANY; i++) {
    world->batches = i + 1;
    world->sizes[i] = 3;
    ds_batch_init(&batches[i]);
    fill(world, &batches[i], i);
    ok(ds_writer_submit(writer, &batches[i], NULL, &tickets[i], NULL));
  }
  for (uint32_t i = 0; i < MANY; i++) {
    ok(ds_writer_wait(&tickets[i], NULL));
    world->fates[i] = FATE_ACKED;
  }
  ds_writer_free(writer);
  world_expect(world, store);
  expect_arrivals(store);
  for (uint32_t i = 0; i < MANY; i++)
    ds_batch_done(&batches[i]);
  ds_store_close(store);
}

// A seal that ends while nobody appends is committed all the same.
static void test_idle(void **state) {
  store_world *world = *state;
  ds_store_options options;
  ds_store_options_init(&options);
  options.io = world->io;
  options.write = options.create = options.background = true;
  options.log_bytes = 1000;
  ds_store *store;
  ok(ds_store_open(world->path, &options, &store, NULL));
  ds_writer_options queue;
  ds_writer_options_init(&queue);
  ds_writer *writer;
  ok(ds_writer_new(store, &queue, &writer, NULL));
  world->batches = 2;
  for (uint32_t b = 0; b < 2; b++) {
    world->sizes[b] = 50;
    ds_buf rows;
    ds_buf_init(&rows, 1u << 24);
    world_rows(world, b, 0, 0, &rows);
    ok(ds_writer_append(writer, &world->space, &rows, NULL, NULL)); // the second starts the seal
    world->fates[b] = FATE_ACKED;
    ds_buf_done(&rows);
  }
  uint32_t places = 1;
  for (uint32_t i = 0; i < 400 && places == 1; i++) {
    world->io->ops->sleep_us(world->io, 50000);
    ds_snapshot *snapshot;
    ok(ds_writer_snapshot(writer, &snapshot, NULL));
    places = snapshot->places_count;
    ds_snapshot_free(snapshot);
  }
  assert_int_equal(places, 2); // a part and the tail
  ds_writer_free(writer);
  world_expect(world, store);
  ds_store_close(store);
}

// A process that appends with several threads, seals and merges beside them, until it is killed.
static void append_for_ever(store_world *world, int tell) {
  ds_store_options options;
  ds_store_options_init(&options);
  options.write = options.create = options.background = options.compact = true;
  options.log_bytes = 3000;
  ds_store *store;
  ds_writer_options queue;
  ds_writer_options_init(&queue);
  ds_writer *writer;
  feeder feeders[THREADS];
  if (ds_store_open(world->path, &options, &store, NULL) != DS_OK ||
      ds_writer_new(store, &queue, &writer, NULL) != DS_OK)
    _exit(1);
  start(world, writer, tell, feeders);
  (void)join(feeders);
  ds_writer_free(writer);
  ds_store_close(store);
  _exit(0);
}

// Kills a process after a while and notes what it had acknowledged by then.
static void kill_after(store_world *world, uint32_t microseconds) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0)
    append_for_ever(world, ends[1]);
  close(ends[1]);
  world->io->ops->sleep_us(world->io, microseconds);
  kill(child, SIGKILL);
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  uint8_t told;
  while (read(ends[0], &told, 1) == 1)
    world->fates[told] = FATE_ACKED;
  close(ends[0]);
}

// Whatever four threads were told is there, once; what they were not told is there whole or not.
static void test_killed(void **state) {
  (void)state;
  const uint32_t rounds = long_run() ? 200 : 8;
  for (uint32_t round = 0; round < rounds; round++) {
    store_world world;
    world_init_posix(&world);
    world.batches = WORLD_BATCHES_MAX;
    for (uint32_t b = 0; b < WORLD_BATCHES_MAX; b++) {
      world.sizes[b] = 1 + b % 5;
      world.fates[b] = FATE_TRIED;
    }
    kill_after(&world, 2000 + round * 7919 % 60000);
    ds_store *store = world_open_ok(&world, true);
    expect_acknowledged(&world, store);
    world_check(store);
    // All once more: what is there is a duplicate.
    world_content content;
    world_read(&world, store, &content);
    for (uint32_t b = 0; b < WORLD_BATCHES_MAX; b++) {
      ds_buf rows;
      ds_buf_init(&rows, 1u << 24);
      world_rows(&world, b, 0, 0, &rows);
      uint64_t duplicates = 0;
      ok(ds_store_append(store, &world.space, &rows, &duplicates, NULL));
      assert_int_equal(duplicates, content.counts[b]);
      world.fates[b] = FATE_ACKED;
      ds_buf_done(&rows);
    }
    world_expect(&world, store);
    ds_store_close(store);
    world_done(&world);
  }
}

#define BOTH(test)                                                                        \
  {#test " (simulated)", test, world_set_up_sim, world_tear_down, NULL},                  \
      {#test " (POSIX)", test, world_set_up_posix, world_tear_down, NULL}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_group, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_duplicates_in_group, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_overlap, world_set_up_sim, world_tear_down),
      cmocka_unit_test(test_property_twice),
      BOTH(test_bad_batch),
      BOTH(test_bad_rows),
      BOTH(test_threads),
      BOTH(test_small_queue),
      BOTH(test_stop),
      cmocka_unit_test_setup_teardown(test_failure, world_set_up_sim, world_tear_down),
      BOTH(test_submit),
      cmocka_unit_test_setup_teardown(test_idle, world_set_up_posix, world_tear_down),
      cmocka_unit_test(test_killed),
  };
  return cmocka_run_group_tests_name("store writer", tests, NULL, NULL);
}
