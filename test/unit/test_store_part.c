// SPDX-License-Identifier: Apache-2.0
// Parts: what goes in comes out (rows and blocks), order, numbering, duplicates, lists of keys,
// damage.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the four headers above first.
#include <cmocka.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/build.h"
#include "store/part_format.h"

#define SUBJECTS 300u

static uint64_t next_random(uint64_t *state) {
  *state += 0x9e3779b97f4a7c15ULL;
  uint64_t z = *state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// A world of rows: encoded one after another, grouped by partition when asked.
typedef struct world {
  ds_space space;
  ds_buf rows;
  size_t *at;
  uint32_t count;
  uint64_t seed;
} world;

static uint16_t name(ds_names *names, const char *text) {
  uint32_t index = 0;
  assert_int_equal(ds_names_add(names, ds_str_of(text), &index, NULL), DS_OK);
  return (uint16_t)index;
}

static void world_init(world *w, uint64_t seed) {
  *w = (world){.seed = seed};
  ds_space_init(&w->space);
  ds_buf_init(&w->rows, 1u << 30);
  name(&w->space.sources, "test");
  name(&w->space.keys, "order_id");
  name(&w->space.keys, "parcel_id");
  char text[32];
  for (int i = 0; i < 20; i++) {
    snprintf(text, sizeof text, "touchpoint_%d", i);
    name(&w->space.touchpoints, text);
    snprintf(text, sizeof text, "property_%d", i);
    name(&w->space.properties, text);
  }
}

static void world_done(world *w) {
  ds_space_done(&w->space);
  ds_buf_done(&w->rows);
  free(w->at);
}

static ds_value random_value(world *w, uint32_t name_code, uint32_t touchpoint, char text[64]) {
  const uint64_t r = next_random(&w->seed);
  const ds_type type = (ds_type)(1 + (name_code + touchpoint % 2) % 6);
  ds_value value = {.type = type};
  switch (type) {
  case DS_TYPE_NUMBER:
    value.number = r % 3 == 0 ? (double)(r % 100000) / 100 : (double)(int64_t)(r % 1000) - 500;
    if (name_code == 6 && r % 5 == 0)
      value.number = (double)r / 3.7e11;
    break;
  case DS_TYPE_STRING:
    snprintf(text, 64, "text-%llu", (unsigned long long)(name_code > 10 ? r % 7 : r));
    value.text = ds_str_of(text);
    break;
  case DS_TYPE_BOOL:
    value.i = (int64_t)(r & 1);
    break;
  default:
    value.i = (int64_t)(r % 100000) - 50000;
  }
  return value;
}

static void world_event(world *w, int64_t time_span_ms) {
  char subject[32], keys_text[4][32], text[4][64];
  ds_event_key keys[4];
  ds_event_property properties[4];
  const uint64_t r = next_random(&w->seed);
  snprintf(subject, sizeof subject, "customer_id=%llu", (unsigned long long)(r % SUBJECTS));
  ds_event event = {.touchpoint = (uint16_t)(r >> 10 & 15),
                    .import = 7,
                    .time_ms = 1500000000000 + (int64_t)(r >> 20) % time_span_ms,
                    .arrival = 5,
                    .subject = ds_str_of(subject),
                    .keys = keys,
                    .properties = properties};
  if (w->seed % 3 == 0)
    event.touchpoint = (uint16_t)(r % 20);
  event.has_received = r % 7 == 0;
  event.received_ms = event.time_ms + (event.has_received ? 1234567 : 0);
  event.keys_count = (uint32_t)(r >> 40 & 3);
  for (uint32_t k = 0; k < event.keys_count; k++) {
    snprintf(keys_text[k], 32, "o-%llu", (unsigned long long)(next_random(&w->seed) % 5 + r % 40));
    keys[k] = (ds_event_key){(uint16_t)(k == 2), ds_str_of(keys_text[k])};
  }
  event.properties_count = (uint32_t)(r >> 44 & 3);
  for (uint32_t p = 0; p < event.properties_count; p++) {
    const uint32_t code = (uint32_t)(p * 5 + (r >> 50) % 5);
    properties[p] = (ds_event_property){(uint16_t)code, false,
                                        random_value(w, code, event.touchpoint, text[p])};
  }
  if ((w->count & (w->count + 1)) == 0 || w->at == NULL)
    w->at = realloc(w->at, ((size_t)w->count * 2 + 2) * sizeof *w->at);
  w->at[w->count++] = w->rows.size;
  assert_int_equal(ds_event_encode(&event, &w->rows, NULL), DS_OK);
}

static const uint8_t *row_of(const world *w, uint32_t i) { return w->rows.data + w->at[i]; }

// Runs rows [first, end) through a builder in memory, with `places` before it.
static ds_part *build(const world *w, uint32_t first, uint32_t end, ds_part *const *places,
                      uint32_t places_count, ds_build_stats *stats) {
  atomic_uint_fast64_t next = 1;
  const ds_build_options options = {.io = ds_io_posix(),
                                    .next = &next,
                                    .space = &w->space,
                                    .places = places,
                                    .places_count = places_count,
                                    .dedupe = true};
  ds_builder *builder = NULL;
  assert_int_equal(ds_builder_new(&options, &builder, NULL), DS_OK);
  const uint8_t **rows = malloc((end - first + 1) * sizeof *rows);
  for (uint32_t p = 0; p < 256; p++) {
    uint32_t count = 0;
    for (uint32_t i = first; i < end; i++) {
      ds_row head;
      ds_row_open(row_of(w, i), &head);
      if (ds_subject_partition(ds_subject_hash(head.subject)) == p)
        rows[count++] = row_of(w, i);
    }
    assert_int_equal(ds_builder_add(builder, p, rows, count, NULL), DS_OK);
  }
  free(rows);
  const ds_part_info *infos;
  uint32_t infos_count;
  assert_int_equal(ds_builder_finish(builder, &infos, &infos_count, NULL), DS_OK);
  *stats = *ds_builder_stats(builder);
  size_t size = 0;
  uint8_t *image = ds_builder_take_image(builder, &size);
  ds_part *part = NULL;
  if (image != NULL)
    assert_int_equal(ds_part_open_memory(image, size, &part, NULL), DS_OK);
  ds_builder_free(builder);
  return part;
}

static void no_damage(void *context, uint32_t block, const char *what) {
  (void)context;
  fail_msg("block %u: %s", block, what);
}

// All rows of a part, decoded one by one against the rows that went in.
static void compare(const world *w, ds_part *part, uint32_t expected) {
  ds_arena arena;
  ds_arena_init(&arena, 1u << 26);
  ds_space space;
  ds_space_init(&space);
  name(&space.touchpoints, "already there");
  ds_place place;
  assert_int_equal(ds_place_init(&place, part, &space, &arena, NULL), DS_OK);
  ds_block_reader *reader = ds_block_reader_new();
  ds_buf rows;
  ds_buf_init(&rows, 1u << 30);
  const ds_part_info *info = ds_part_get_info(part);
  for (uint32_t b = 0; b < info->blocks; b++)
    assert_int_equal(ds_part_read_rows(&place, b, 0, ds_part_zone(part, b)->journeys, reader,
                                       &rows, NULL),
                     DS_OK);
  // Every row that came out went in: compared as a multiset through content sums.
  uint64_t sum_in = 0, sum_out = 0;
  uint32_t out_count = 0;
  ds_event_key keys[DS_EVENT_KEYS_MAX];
  ds_event_property properties[DS_EVENT_PROPERTIES_MAX];
  ds_event event = {.keys = keys, .properties = properties};
  for (int side = 0; side < 2; side++) {
    const ds_buf *from = side == 0 ? &w->rows : &rows;
    for (size_t at = 0; at < from->size;) {
      size_t size = 0;
      assert_int_equal(ds_event_decode(from->data + at, from->size - at,
                                       side == 0 ? &w->space : &space, &event, &size, NULL),
                       DS_OK);
      const ds_space *s = side == 0 ? &w->space : &space;
      uint64_t h = ds_subject_hash(event.subject) * 31 + (uint64_t)event.time_ms * 17 +
                   (uint64_t)event.received_ms +
                   ds_key_hash(s->touchpoints.text[event.touchpoint]);
      for (uint32_t k = 0; k < event.keys_count; k++) {
        bool repeated = false;
        for (uint32_t i = 0; i < k; i++)
          repeated = repeated || (keys[i].name == keys[k].name &&
                                  ds_str_equal(keys[i].text, keys[k].text));
        if (!repeated)
          h += ds_key_hash(keys[k].text) * (3 + ds_key_hash(s->keys.text[keys[k].name]));
      }
      for (uint32_t p = 0; p < event.properties_count; p++) {
        const ds_value *v = &properties[p].value;
        uint64_t bits = v->type == DS_TYPE_STRING ? ds_key_hash(v->text) : 0;
        if (v->type != DS_TYPE_STRING)
          memcpy(&bits, &v->i, 8);
        h += (bits + 1) * (5 + ds_key_hash(s->properties.text[properties[p].name]));
      }
      h = h * 0x9e3779b97f4a7c15ULL;
      h ^= h >> 29;
      *(side == 0 ? &sum_in : &sum_out) += h;
      out_count += side == 1;
      at += size;
    }
  }
  assert_int_equal(out_count, expected);
  if (expected == w->count)
    assert_int_equal(sum_in, sum_out);
  assert_int_equal(ds_part_check(part, no_damage, NULL, NULL), DS_OK);
  ds_buf_done(&rows);
  ds_block_reader_free(reader);
  ds_space_done(&space);
  ds_arena_done(&arena);
}

static void test_round_trip(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 12; seed++) {
    world w;
    world_init(&w, seed);
    for (uint32_t i = 0; i < (seed == 12 ? 200000 : 50 * seed); i++)
      world_event(&w, seed % 2 == 0 ? 1000 : 90000000000);
    ds_build_stats stats;
    ds_part *part = build(&w, 0, w.count, NULL, 0, &stats);
    assert_int_equal(stats.events, w.count);
    assert_int_equal(stats.duplicates, 0);
    assert_int_equal(ds_part_get_info(part)->events, w.count);
    compare(&w, part, w.count);
    ds_part_free(part);
    world_done(&w);
  }
}

static void test_repeat_is_dropped(void **state) {
  (void)state;
  world w;
  world_init(&w, 99);
  for (uint32_t i = 0; i < 5000; i++)
    world_event(&w, 50000);
  for (uint32_t i = 0; i < w.count; i++)
    w.rows.data[w.at[i] + 8] = 7;
  ds_build_stats stats;
  ds_part *first = build(&w, 0, 3000, NULL, 0, &stats);
  assert_int_equal(stats.events, 3000);
  // The same rows as another import, overlapping the first.
  for (uint32_t i = 0; i < w.count; i++)
    w.rows.data[w.at[i] + 8] = 8;
  ds_part *second = build(&w, 1000, 5000, &first, 1, &stats);
  // Rows 1000..2999 are there already, unless they equal one another across the cut, which counts
  // on.
  assert_int_equal(stats.duplicates + stats.events, 4000);
  assert_true(stats.duplicates >= 2000);
  for (uint32_t i = 0; i < w.count; i++)
    w.rows.data[w.at[i] + 8] = 9;
  ds_part *both[] = {first, second};
  ds_part *third = build(&w, 0, 5000, both, 2, &stats);
  assert_true(stats.events <= 2);
  ds_part_free(third);
  ds_part_free(second);
  ds_part_free(first);
  world_done(&w);
}

// The rows of the blocks of a part whose bit in `mask` is set.
static void rows_of(ds_part *part, uint32_t mask, ds_buf *rows) {
  ds_arena arena;
  ds_space space;
  ds_place place;
  ds_arena_init(&arena, 1u << 26);
  ds_space_init(&space);
  assert_int_equal(ds_place_init(&place, part, &space, &arena, NULL), DS_OK);
  ds_block_reader *reader = ds_block_reader_new();
  ds_buf_reset(rows);
  for (uint32_t b = 0; b < ds_part_get_info(part)->blocks; b++)
    if ((mask >> b & 1) != 0)
      assert_int_equal(ds_part_read_rows(&place, b, 0, ds_part_zone(part, b)->journeys, reader,
                                         rows, NULL), DS_OK);
  ds_block_reader_free(reader);
  ds_space_done(&space);
  ds_arena_done(&arena);
}

// A part of some blocks of another has their rows and totals, and what was read of it before.
static void test_chosen_blocks(void **state) {
  (void)state;
  static const uint32_t masks[] = {1, 4, 6, 7};
  world w;
  world_init(&w, 12);
  for (uint32_t i = 0; i < 150000; i++)
    world_event(&w, 90000000000);
  ds_build_stats stats;
  ds_part *whole = build(&w, 0, w.count, NULL, 0, &stats), *part;
  const uint32_t blocks = ds_part_get_info(whole)->blocks;
  assert_int_equal(blocks, 3);
  ds_buf expected, rows;
  ds_buf_init(&expected, 1u << 30);
  ds_buf_init(&rows, 1u << 30);
  for (uint32_t m = 0; m < sizeof masks / sizeof *masks; m++) {
    bool chosen[3];
    uint64_t events = 0;
    for (uint32_t b = 0; b < blocks; b++) {
      chosen[b] = (masks[m] >> b & 1) != 0;
      events += chosen[b] ? ds_part_zone(whole, b)->events : 0;
    }
    assert_int_equal(ds_part_choose(whole, chosen, &part, NULL), DS_OK);
    assert_int_equal(ds_part_get_info(part)->events, events);
    rows_of(whole, masks[m], &expected);
    rows_of(part, UINT32_MAX, &rows);
    assert_int_equal(rows.size, expected.size);
    assert_memory_equal(rows.data, expected.data, rows.size);
    assert_int_equal(ds_part_check(part, no_damage, NULL, NULL), DS_OK);
    ds_part_free(part);
  }
  compare(&w, whole, w.count);
  ds_buf_done(&rows);
  ds_buf_done(&expected);
  ds_part_free(whole);
  world_done(&w);
}

static int by_hash(const void *left, const void *right) {
  const ds_event_query *a = *(ds_event_query *const *)left, *b = *(ds_event_query *const *)right;
  return (a->hash > b->hash) - (a->hash < b->hash);
}

static void test_numbers_are_kept(void **state) {
  (void)state;
  world w;
  world_init(&w, 5);
  for (uint32_t i = 0; i < 2000; i++)
    world_event(&w, 90000000000);
  ds_build_stats stats;
  ds_part *first = build(&w, 0, 100, NULL, 0, &stats);
  const uint64_t customers = stats.new_customers;
  ds_part *second = build(&w, 100, 2000, &first, 1, &stats);
  assert_true(customers + stats.new_customers <= SUBJECTS);
  // Every event of the first part is found there by its id, none by another.
  ds_arena arena;
  ds_arena_init(&arena, 1u << 26);
  ds_space space;
  ds_space_init(&space);
  ds_place place;
  assert_int_equal(ds_place_init(&place, first, &space, &arena, NULL), DS_OK);
  ds_block_reader *reader = ds_block_reader_new();
  const ds_columns columns = {.want = DS_WANT_ID | DS_WANT_SUBJECT};
  ds_block block;
  assert_int_equal(ds_part_read_block(&place, 0, &columns, reader, &block, NULL), DS_OK);
  ds_event_query queries[100], *asked[100], other = {.found = false};
  uint32_t count = 0;
  for (uint32_t j = 0; j < block.journeys; j++)
    for (uint32_t e = block.offset[j]; e < block.offset[j + 1]; e++, count++) {
      char *text = ds_arena_text(&arena, block.subject[j].data, block.subject[j].size);
      queries[count] = (ds_event_query){ds_subject_hash(block.subject[j]),
                                        block.id[e] + count % 2, ds_str_of(text), count, false};
      asked[count] = &queries[count];
    }
  assert_int_equal(count, 100);
  assert_int_equal(ds_part_get_info(first)->blocks, 1);
  qsort(asked, count, sizeof *asked, by_hash);
  assert_int_equal(ds_part_find_events(first, 0, asked, count, reader, NULL), DS_OK);
  for (uint32_t q = 0; q < count; q++)
    assert_int_equal(queries[q].found, queries[q].tag % 2 == 0);
  // Another subject with the same hash and id is another event.
  other = (ds_event_query){.hash = queries[0].hash, .id = queries[0].id, .subject = ds_str_of("x")};
  asked[0] = &other;
  assert_int_equal(ds_part_find_events(first, 0, asked, 1, reader, NULL), DS_OK);
  assert_false(other.found);
  ds_block_reader_free(reader);
  ds_space_done(&space);
  ds_arena_done(&arena);
  ds_part_free(second);
  ds_part_free(first);
  world_done(&w);
}

// Every flipped bit is noticed at open or at check, or lies in the 32 spare bytes of the head's
// checksum.
static void count_damage(void *context, uint32_t block, const char *what) {
  (void)block;
  (void)what;
  ++*(uint32_t *)context;
}

static void test_every_flip_is_found(void **state) {
  (void)state;
  world w;
  world_init(&w, 3);
  for (uint32_t i = 0; i < 20; i++)
    world_event(&w, 90000000000);
  atomic_uint_fast64_t next = 1;
  const ds_build_options options = {
      .io = ds_io_posix(), .next = &next, .space = &w.space, .dedupe = true};
  ds_builder *builder = NULL;
  assert_int_equal(ds_builder_new(&options, &builder, NULL), DS_OK);
  for (uint32_t p = 0; p < 256; p++) {
    const uint8_t *rows[60];
    uint32_t count = 0;
    for (uint32_t i = 0; i < w.count; i++) {
      ds_row head;
      ds_row_open(row_of(&w, i), &head);
      if (ds_subject_partition(ds_subject_hash(head.subject)) == p)
        rows[count++] = row_of(&w, i);
    }
    assert_int_equal(ds_builder_add(builder, p, rows, count, NULL), DS_OK);
  }
  const ds_part_info *infos;
  uint32_t infos_count;
  assert_int_equal(ds_builder_finish(builder, &infos, &infos_count, NULL), DS_OK);
  size_t size = 0;
  uint8_t *image = ds_builder_take_image(builder, &size);
  for (size_t at = 0; at < size; at++) {
    uint8_t *copy = malloc(size);
    memcpy(copy, image, size);
    copy[at] ^= (uint8_t)(1u << (at % 8));
    ds_part *part = NULL;
    ds_error err = {0};
    if (ds_part_open_memory(copy, size, &part, &err) != DS_OK) {
      assert_true(err.code == DS_CORRUPT || err.code == DS_VERSION);
      continue;
    }
    uint32_t found = 0;
    assert_int_equal(ds_part_check(part, count_damage, &found, &err), DS_OK);
    assert_true(found > 0);
    ds_part_free(part);
  }
  for (size_t cut = 0; cut < size; cut++) {
    uint8_t *copy = malloc(cut + 1);
    memcpy(copy, image, cut);
    ds_part *part = NULL;
    assert_int_not_equal(ds_part_open_memory(copy, cut, &part, NULL), DS_OK);
  }
  free(image);
  ds_builder_free(builder);
  world_done(&w);
}

// A chunk whose checksum is right though its bytes do not decode is told as damage, in any column.
static void test_forged_chunks_are_told(void **state) {
  (void)state;
  world w;
  ds_build_stats stats;
  world_init(&w, 4);
  for (uint32_t i = 0; i < 20; i++)
    world_event(&w, 90000000000);
  ds_part *part = build(&w, 0, w.count, NULL, 0, &stats);
  for (uint64_t c = 0; c < (uint64_t)part->columns * part->info.blocks; c++) {
    ds_chunk_record *chunk = (ds_chunk_record *)(uintptr_t)&part->chunk[c];
    const ds_chunk_record was = *chunk;
    uint32_t found = 0;
    if (chunk->size == 0)
      continue;
    uint8_t *bytes = (uint8_t *)(uintptr_t)part->image + chunk->offset;
    const uint8_t first = bytes[0];
    bytes[0] = 0xFF; // no codec
    chunk->checksum = XXH3_64bits(bytes, chunk->size);
    assert_int_equal(ds_part_check(part, count_damage, &found, NULL), DS_OK);
    assert_true(found > 0);
    bytes[0] = first;
    *chunk = was;
  }
  assert_int_equal(ds_part_check(part, no_damage, NULL, NULL), DS_OK);
  ds_part_free(part);
  world_done(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_repeat_is_dropped),
      cmocka_unit_test(test_numbers_are_kept),
      cmocka_unit_test(test_chosen_blocks),
      cmocka_unit_test(test_every_flip_is_found),
      cmocka_unit_test(test_forged_chunks_are_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
