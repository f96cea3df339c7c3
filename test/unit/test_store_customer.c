// SPDX-License-Identifier: Apache-2.0
// The reader of single customers against the stored rows themselves, sorted by the test: through a
// life of appends, seals, imports, an undo and compaction, for single subjects and for several as
// one customer, with everything kept and with nothing. test_scan_merge.c compares it with the scan
// over parts of many blocks.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/customer.h"
#include "store_world.h"

enum { ROWS_MAX = 4096, NUMBERS_MAX = 32 };

// A stored event: its row and where it stood.
typedef struct stored {
  ds_event event;
  ds_event_key keys[DS_EVENT_KEYS_MAX];
  ds_event_property properties[4];
  uint32_t customer;
  uint32_t place;
  uint32_t order; // within its place
} stored;

typedef struct rows {
  ds_buf bytes[64]; // by place
  stored *row;
  uint32_t count;
  uint32_t numbers[NUMBERS_MAX]; // of all subjects, ascending
  uint32_t numbers_count;
} rows;

static void note_number(rows *all, uint32_t number) {
  uint32_t at = 0;
  while (at < all->numbers_count && all->numbers[at] < number)
    at++;
  if (at < all->numbers_count && all->numbers[at] == number)
    return;
  assert_true(all->numbers_count < NUMBERS_MAX);
  memmove(all->numbers + at + 1, all->numbers + at, (all->numbers_count - at) * sizeof number);
  all->numbers[at] = number;
  all->numbers_count++;
}

static void read_journey(rows *all, const ds_snapshot *snapshot, uint32_t p, uint32_t b, uint32_t j,
                         uint32_t customer, ds_block_reader *reader) {
  ds_buf *bytes = &all->bytes[p];
  size_t at = bytes->size;
  assert_int_equal(ds_part_read_rows(&snapshot->places[p], b, j, j + 1, reader, bytes, NULL),
                   DS_OK);
  note_number(all, customer);
  while (at < bytes->size) {
    assert_true(all->count < ROWS_MAX);
    stored *row = &all->row[all->count];
    ds_event_property properties[DS_EVENT_PROPERTIES_MAX];
    row->event = (ds_event){.keys = row->keys, .properties = properties};
    size_t size = 0;
    assert_int_equal(ds_event_decode(bytes->data + at, bytes->size - at, &snapshot->space,
                                     &row->event, &size, NULL), DS_OK);
    assert_true(row->event.properties_count <= 4);
    memcpy(row->properties, properties, row->event.properties_count * sizeof *properties);
    row->event.properties = row->properties;
    row->customer = customer;
    row->place = p;
    row->order = all->count++;
    at += size;
  }
}

static void rows_read(rows *all, const ds_snapshot *snapshot) {
  memset(all, 0, sizeof *all);
  all->row = calloc(ROWS_MAX, sizeof *all->row);
  assert_non_null(all->row);
  ds_block_reader *reader = ds_block_reader_new();
  assert_true(snapshot->places_count <= 64);
  for (uint32_t p = 0; p < snapshot->places_count; p++) {
    const ds_place *place = &snapshot->places[p];
    // Views into the bytes must stay, so all the room is made at once.
    ds_buf_init(&all->bytes[p], 1u << 22);
    assert_non_null(ds_buf_reserve(&all->bytes[p], 1u << 21));
    for (uint32_t b = 0; b < ds_part_get_info(place->part)->blocks; b++) {
      uint32_t customers[NUMBERS_MAX];
      const ds_columns none = {.want = 0};
      ds_block block;
      assert_int_equal(ds_part_read_block(place, b, &none, reader, &block, NULL), DS_OK);
      const uint32_t journeys = block.journeys;
      assert_true(journeys <= NUMBERS_MAX);
      memcpy(customers, block.customer, journeys * sizeof *customers);
      for (uint32_t j = 0; j < journeys; j++)
        read_journey(all, snapshot, p, b, j, customers[j], reader);
    }
  }
  ds_block_reader_free(reader);
}

static void rows_done(rows *all) {
  for (size_t p = 0; p < 64; p++)
    ds_buf_done(&all->bytes[p]);
  free(all->row);
}

// As J2 of scan/join.h says, for numbers that stand in the order of strength.
static int by_time(const void *a, const void *b) {
  const stored *x = *(const stored *const *)a, *y = *(const stored *const *)b;
  if (x->event.time_ms != y->event.time_ms)
    return x->event.time_ms < y->event.time_ms ? -1 : 1;
  if (x->event.arrival != y->event.arrival)
    return x->event.arrival < y->event.arrival ? -1 : 1;
  if (x->customer != y->customer)
    return x->customer < y->customer ? -1 : 1; // The test's numbers ascend.
  return x->order < y->order ? -1 : 1;
}

static void compare_property(const ds_block *block, uint32_t p, uint16_t name, uint32_t e,
                             const stored *row) {
  const ds_value *expected = NULL;
  for (uint32_t i = 0; i < row->event.properties_count; i++)
    if (row->properties[i].name == name)
      expected = &row->properties[i].value;
  const ds_property_column *column = &block->property[p];
  const bool present =
      column->type != DS_TYPE_NULL && (column->present[e / 64] >> (e % 64) & 1) != 0;
  assert_int_equal(present, expected != NULL);
  if (present && column->type == DS_TYPE_STRING)
    assert_true(ds_str_equal(column->text[e], expected->text));
  else if (present)
    assert_true(column->number[e] == expected->number);
}

static void compare_event(const ds_block *block, uint32_t e, const stored *row,
                          const uint16_t *properties) {
  assert_int_equal(block->time_ms[e], row->event.time_ms);
  assert_int_equal(block->arrival[e], row->event.arrival);
  assert_true(block->id[e] == row->event.id);
  assert_int_equal(block->touchpoint[e], row->event.touchpoint);
  assert_int_equal(block->import[e], row->event.import);
  assert_int_equal(block->source[e], row->event.source);
  assert_int_equal(block->gap_ms[e], e == 0 ? 0 : block->time_ms[e] - block->time_ms[e - 1]);
  for (uint32_t p = 0; p < block->properties_count; p++)
    compare_property(block, p, properties[p], e, row);
  const ds_key_column *key = &block->key[0];
  assert_int_equal(key->first[e + 1] - key->first[e], row->event.keys_count);
  for (uint32_t i = 0; i < row->event.keys_count; i++) {
    const uint32_t value = key->item[key->first[e] + i];
    assert_true(value < key->values);
    assert_true(ds_str_equal(key->text[value], row->keys[i].text));
    assert_true(key->hash[value] == ds_key_hash(row->keys[i].text));
    for (uint32_t v = 0; v < value; v++)
      assert_true(key->hash[v] != key->hash[value]);
  }
}

// Reads `count` numbers as one customer and compares with the rows.
static void compare(const rows *all, ds_customer_reader *reader, const uint32_t *numbers,
                    uint32_t count, const uint16_t *properties) {
  static const stored *expected[ROWS_MAX];
  uint32_t expected_count = 0;
  for (uint32_t r = 0; r < all->count; r++)
    for (uint32_t n = 0; n < count; n++)
      if (all->row[r].customer == numbers[n])
        expected[expected_count++] = &all->row[r];
  qsort(expected, expected_count, sizeof *expected, by_time);
  ds_block block;
  assert_int_equal(ds_customer_read(reader, numbers, count, &block, NULL), DS_OK);
  assert_int_equal(block.events, expected_count);
  assert_int_equal(block.journeys, expected_count > 0);
  assert_int_equal(block.offset[block.journeys], expected_count);
  if (expected_count == 0)
    return;
  assert_int_equal(block.customer[0], numbers[0]);
  for (uint32_t e = 0; e < expected_count; e++)
    compare_event(&block, e, expected[e], properties);
}

static void compare_snapshot(const ds_snapshot *snapshot, size_t kept, uint64_t *seed) {
  rows all;
  rows_read(&all, snapshot);
  const ds_names *names = &snapshot->space.properties;
  const uint16_t properties[] = {(uint16_t)ds_names_find(names, ds_str_of("value")),
                                 (uint16_t)ds_names_find(names, ds_str_of("note"))};
  const uint16_t keys[] = {(uint16_t)ds_names_find(&snapshot->space.keys, ds_str_of("order_id"))};
  const ds_columns columns = {
      .want = DS_WANT_TIME | DS_WANT_TOUCHPOINT | DS_WANT_ARRIVAL | DS_WANT_ID | DS_WANT_SOURCE |
              DS_WANT_SUBJECT | DS_WANT_IMPORT | DS_WANT_GAP,
      .properties_count = 2, .properties = properties, .keys_count = 1, .keys = keys,
      .key_texts = true};
  ds_customer_reader *reader = NULL;
  assert_int_equal(ds_customer_reader_new(snapshot, &columns, kept, &reader, NULL), DS_OK);
  for (uint32_t i = 0; i < all.numbers_count; i++) {
    compare(&all, reader, &all.numbers[i], 1, properties);
    const uint32_t absent = all.numbers[i] + 1;
    if (i + 1 == all.numbers_count || all.numbers[i + 1] != absent)
      compare(&all, reader, &absent, 1, properties);
  }
  for (uint32_t i = 0; i < 20 && all.numbers_count > 1; i++) {
    uint32_t numbers[NUMBERS_MAX], count = 0;
    for (uint32_t n = 0; n < all.numbers_count; n++) {
      *seed = *seed * 6364136223846793005u + 1442695040888963407u;
      if ((*seed >> 33) % 3 == 0)
        numbers[count++] = all.numbers[n];
    }
    if (count > 0)
      compare(&all, reader, numbers, count, properties);
  }
  ds_customer_reader_free(reader);
  rows_done(&all);
}

static void compare_store(ds_store *store, uint64_t *seed) {
  ds_snapshot *snapshot = NULL;
  assert_int_equal(ds_store_snapshot(store, &snapshot, NULL), DS_OK);
  compare_snapshot(snapshot, 0, seed);
  compare_snapshot(snapshot, 1u << 24, seed);
  ds_snapshot_free(snapshot);
}

static void test_through_a_life(void **state) {
  store_world *world = *state;
  uint64_t seed = 1;
  for (uint32_t round = 0; round < 3; round++) {
    world_restart(world, round + 1);
    ds_store *store = world_open_ok(world, true);
    compare_store(store, &seed);
    for (uint32_t i = 0; i < 4; i++) {
      assert_int_equal(world_append(world, store, 40 + round * 30), DS_OK);
      compare_store(store, &seed);
      assert_int_equal(ds_store_seal(store, NULL), DS_OK);
      assert_int_equal(world_append(world, store, 9 + i), DS_OK);
      compare_store(store, &seed);
      assert_int_equal(world_import(world, store, 60), DS_OK);
    }
    compare_store(store, &seed);
    assert_int_equal(world_undo(world, store, 2), DS_OK);
    compare_store(store, &seed);
    assert_int_equal(ds_store_compact(store, NULL, NULL), DS_OK);
    assert_int_equal(world_append(world, store, 100), DS_OK);
    compare_store(store, &seed);
    ds_store_close(store);
  }
}

static void test_damage_is_told(void **state) {
  store_world *world = *state;
  world_restart(world, 1);
  ds_store *store = world_open_ok(world, true);
  assert_int_equal(world_import(world, store, 60), DS_OK);
  ds_store_close(store);
  assert_int_equal(ds_io_sim_flip(world->sim, "store/part/000001.part", 70 * 8, NULL), DS_OK);
  store = world_open_ok(world, false);
  ds_snapshot *snapshot = NULL;
  assert_int_equal(ds_store_snapshot(store, &snapshot, NULL), DS_OK);
  const ds_columns columns = {.want = DS_WANT_TIME};
  ds_customer_reader *reader = NULL;
  assert_int_equal(ds_customer_reader_new(snapshot, &columns, 1u << 20, &reader, NULL), DS_OK);
  const uint32_t number = ds_part_get_info(snapshot->places[0].part)->customer_first;
  ds_block block;
  ds_error err = {.message = ""};
  for (uint32_t i = 0; i < 2; i++) // What failed is not kept.
    assert_int_equal(ds_customer_read(reader, &number, 1, &block, &err), DS_CORRUPT);
  assert_non_null(strstr(err.message, "part 1, block 0"));
  ds_customer_reader_free(reader);
  ds_snapshot_free(snapshot);
  ds_store_close(store);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_through_a_life, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_damage_is_told, world_set_up_sim, world_tear_down),
  };
  return cmocka_run_group_tests_name("store customer", tests, NULL, NULL);
}
