// SPDX-License-Identifier: Apache-2.0
// Arenas, buffers, readers and maps: limits met and passed, zeroed memory, and no memory at all.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/checksum.h"
#include "base/map.h"
#include "base/set.h"

// Lets the sanitizer's allocator answer NULL, as that of the C library does. It calls this by name.
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "allocator_may_return_null=1";
}

static void assert_zero(const uint8_t *data, size_t size) {
  for (size_t i = 0; i < size; i++)
    assert_int_equal(data[i], 0);
}

static void test_arena_aligns_and_zeroes(void **state) {
  (void)state;
  ds_arena arena;
  ds_arena_init(&arena, 1 << 20);
  for (int round = 0; round < 3; round++) {
    for (size_t size = 0; size < 300; size += 7) {
      uint8_t *data = ds_arena_alloc(&arena, size);
      assert_non_null(data);
      assert_int_equal((uintptr_t)data % _Alignof(max_align_t), 0);
      assert_zero(data, size);
      memset(data, 0xAB, size);
      // An odd text in between must not spoil the alignment of what follows.
      assert_string_equal(ds_arena_text(&arena, "abcdef", 3), "abc");
    }
    ds_arena_reset(&arena);
  }
  ds_arena_done(&arena);
}

static void test_arena_limit_is_exact(void **state) {
  (void)state;
  ds_arena arena;
  ds_arena_init(&arena, 100);
  assert_null(ds_arena_alloc(&arena, 101));
  assert_non_null(ds_arena_alloc(&arena, 100));
  assert_null(ds_arena_alloc(&arena, 1));
  ds_arena_reset(&arena);
  assert_non_null(ds_arena_alloc(&arena, 100));
  ds_arena_done(&arena);
  ds_arena_init(&arena, 0);
  assert_null(ds_arena_alloc(&arena, 0));
  ds_arena_done(&arena);
}

static void test_arena_large_and_overflowing(void **state) {
  (void)state;
  ds_arena arena;
  ds_arena_init(&arena, SIZE_MAX);
  uint8_t *small = ds_arena_alloc(&arena, 10);
  uint8_t *large = ds_arena_alloc(&arena, 3 << 20);
  assert_non_null(large);
  assert_zero(large, 3 << 20);
  // The head chunk stays in use behind a large one.
  uint8_t *next = ds_arena_alloc(&arena, 10);
  assert_ptr_equal(next, small + 16);
  assert_null(ds_arena_alloc(&arena, SIZE_MAX));
  assert_null(ds_arena_alloc(&arena, SIZE_MAX - 40));
  assert_null(ds_arena_array(&arena, SIZE_MAX / 2, 3));
  assert_null(ds_arena_text(&arena, "", SIZE_MAX));
  assert_non_null(ds_arena_array(&arena, 0, 8));
  assert_non_null(ds_arena_array(&arena, 8, 0));
  // What was handed out in pieces fits into one, which the next resets keep. It is zeroed again
  // when it is handed out, unless that is not asked for.
  uint8_t *kept = NULL;
  for (uint32_t round = 0; round < 3; round++) {
    ds_arena_reset(&arena);
    uint8_t *first = ds_arena_alloc(&arena, 10);
    uint8_t *again = ds_arena_alloc(&arena, 3 << 20);
    assert_ptr_equal(again, first + 16);
    assert_true(round == 0 || first == kept);
    kept = first;
    assert_zero(again, 3 << 20);
    memset(again, 1, 3 << 20);
  }
  ds_arena_reset(&arena);
  uint8_t *room = ds_arena_room(&arena, 8, 2);
  assert_ptr_equal(room, kept);
  memset(room, 1, 16);
  assert_zero(ds_arena_array(&arena, 3 << 10, 1 << 10), 3 << 20);
  assert_null(ds_arena_room(&arena, SIZE_MAX / 2, 3));
  ds_arena_done(&arena);
  ds_arena_done(&arena);
  ds_arena_done(NULL);
}

static void test_arena_unused(void **state) {
  (void)state;
  ds_arena arena;
  ds_arena_init(&arena, 10);
  ds_arena_reset(&arena);
  ds_arena_done(&arena);
}

static void test_buf_round_trip(void **state) {
  (void)state;
  ds_buf buf;
  ds_buf_init(&buf, 1 << 20);
  assert_string_equal(ds_buf_cstr(&buf), "");
  ds_buf_u8(&buf, 0xFE);
  ds_buf_u16(&buf, 0x1234);
  ds_buf_u32(&buf, 0x89ABCDEFu);
  ds_buf_u64(&buf, 0x0123456789ABCDEFu);
  ds_buf_text(&buf, "end");
  ds_buf_printf(&buf, "%d-%s", 42, "x");
  ds_buf_append(&buf, NULL, 0);
  assert_int_equal(ds_buf_check(&buf, "x", NULL), DS_OK);
  assert_int_equal(buf.size, 22);
  assert_int_equal(buf.data[1], 0x34); // little-endian on every machine
  ds_reader reader = ds_reader_of(buf.data, buf.size);
  assert_int_equal(ds_read_u8(&reader), 0xFE);
  assert_int_equal(ds_read_u16(&reader), 0x1234);
  assert_int_equal(ds_read_u32(&reader), 0x89ABCDEFu);
  assert_true(ds_read_u64(&reader) == 0x0123456789ABCDEFu);
  assert_memory_equal(ds_read_bytes(&reader, 7), "end42-x", 7);
  assert_false(reader.failed);
  assert_non_null(ds_read_bytes(&reader, 0));
  assert_int_equal(ds_read_u8(&reader), 0);
  assert_true(reader.failed);
  ds_buf_done(&buf);
  ds_buf_done(NULL);
}

static void test_reader_stays_failed(void **state) {
  (void)state;
  const uint8_t bytes[4] = {1, 2, 3, 4};
  ds_reader reader = ds_reader_of(bytes, 4);
  assert_true(ds_read_u64(&reader) == 0);
  assert_true(reader.failed);
  // A read that would fit does not revive it.
  assert_int_equal(ds_read_u8(&reader), 0);
  assert_null(ds_read_bytes(&reader, 1));
  reader = ds_reader_of(bytes, 4);
  assert_null(ds_read_bytes(&reader, SIZE_MAX));
  reader = ds_reader_of(NULL, 0);
  assert_int_equal(ds_read_u8(&reader), 0);
  assert_true(reader.failed);
}

static void test_buf_limit_is_exact(void **state) {
  (void)state;
  for (size_t size_max = 0; size_max < 300; size_max += 13) {
    ds_buf buf;
    ds_error err = {0};
    ds_buf_init(&buf, size_max);
    for (size_t i = 0; i < size_max; i++)
      ds_buf_u8(&buf, 'a');
    assert_int_equal(ds_buf_check(&buf, "text", &err), DS_OK);
    assert_int_equal(strlen(ds_buf_cstr(&buf)), size_max);
    ds_buf_u8(&buf, 'b');
    assert_int_equal(ds_buf_check(&buf, "text", &err), DS_LIMIT);
    assert_non_null(strstr(err.message, "text"));
    assert_int_equal(buf.size, size_max);
    assert_string_equal(ds_buf_cstr(&buf), "");
    ds_buf_reset(&buf);
    assert_int_equal(ds_buf_check(&buf, "text", NULL), DS_OK);
    assert_non_null(ds_buf_reserve(&buf, 0));
    ds_buf_done(&buf);
  }
}

// Nothing is appended in part, and nothing after a failure.
static void test_buf_fails_whole(void **state) {
  (void)state;
  ds_buf buf;
  ds_buf_init(&buf, 8);
  ds_buf_text(&buf, "12345");
  ds_buf_printf(&buf, "%s", "6789");
  ds_buf_text(&buf, "6");
  assert_int_equal(buf.size, 5);
  assert_null(ds_buf_reserve(&buf, 0));
  ds_buf_reset(&buf);
  ds_buf_printf(&buf, "%s", "12345678");
  assert_string_equal(ds_buf_cstr(&buf), "12345678");
  ds_buf_done(&buf);
}

static void test_buf_without_memory(void **state) {
  (void)state;
  ds_buf buf;
  ds_error err = {0};
  ds_buf_init(&buf, SIZE_MAX);
  ds_buf_u8(&buf, 1);
  assert_null(ds_buf_reserve(&buf, (size_t)PTRDIFF_MAX - 64));
  assert_int_equal(ds_buf_check(&buf, "text", &err), DS_MEMORY);
  ds_buf_done(&buf);
}

static void test_names_index_in_order(void **state) {
  (void)state;
  ds_names names;
  ds_names_init(&names, 5000);
  assert_int_equal(ds_names_find(&names, ds_str_of("a")), DS_NONE);
  char text[16];
  for (uint32_t round = 0; round < 2; round++) {
    for (uint32_t i = 0; i < 5000; i++) {
      uint32_t index = DS_NONE;
      snprintf(text, sizeof(text), "name %u", i);
      assert_int_equal(ds_names_add(&names, ds_str_of(text), &index, NULL), DS_OK);
      assert_int_equal(index, i);
    }
  }
  assert_int_equal(names.count, 5000);
  assert_string_equal(ds_names_text(&names, 4321), "name 4321");
  assert_int_equal(ds_names_find(&names, ds_str_of("name 17")), 17);
  assert_int_equal(ds_names_find(&names, ds_str_of("name 5000")), DS_NONE);
  ds_error err = {0};
  uint32_t index = 77;
  assert_int_equal(ds_names_add(&names, ds_str_of("more"), &index, &err), DS_LIMIT);
  assert_int_equal(index, 77);
  assert_int_equal(ds_names_add(&names, ds_str_of("name 1"), &index, &err), DS_OK);
  ds_names_done(&names);
  ds_names_done(NULL);
}

static void test_names_empty_and_binary(void **state) {
  (void)state;
  ds_names names;
  ds_names_init(&names, 10);
  uint32_t empty = DS_NONE;
  uint32_t zero = DS_NONE;
  assert_int_equal(ds_names_add(&names, (ds_str){NULL, 0}, &empty, NULL), DS_OK);
  assert_int_equal(ds_names_add(&names, (ds_str){"a\0b", 3}, &zero, NULL), DS_OK);
  assert_int_equal(ds_names_find(&names, ds_str_of("")), empty);
  assert_int_equal(ds_names_find(&names, ds_str_of("a")), DS_NONE);
  assert_int_equal(ds_names_find(&names, (ds_str){"a\0b", 3}), zero);
  ds_names_done(&names);
}

static void test_map64_against_array(void **state) {
  (void)state;
  enum { COUNT = 20000 };
  ds_map64 map;
  ds_map64_init(&map);
  assert_int_equal(ds_map64_get(&map, 0), DS_NONE);
  for (uint32_t round = 0; round < 2; round++) {
    for (uint32_t i = 0; i < COUNT; i++) {
      uint32_t *value = ds_map64_put(&map, (uint64_t)i << 40);
      assert_non_null(value);
      assert_int_equal(*value, DS_NONE);
      *value = i ^ round;
    }
    assert_int_equal(map.count, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
      assert_int_equal(ds_map64_get(&map, (uint64_t)i << 40), i ^ round);
      assert_int_equal(*ds_map64_put(&map, (uint64_t)i << 40), i ^ round);
    }
    assert_int_equal(ds_map64_get(&map, 1), DS_NONE);
    assert_int_equal(ds_map64_get(&map, UINT64_MAX), DS_NONE);
    ds_map64_reset(&map);
    assert_int_equal(map.count, 0);
    assert_int_equal(ds_map64_get(&map, 0), DS_NONE);
  }
  ds_map64_done(&map);
  ds_map64_done(&map);
  ds_map64_done(NULL);
}

// Zero, clustered and repeated keys; emptied and filled again, also when it has become large.
static void test_set64_against_map(void **state) {
  (void)state;
  ds_set64 set = {.slot = NULL};
  assert_false(ds_set64_has(&set, 0));
  assert_false(ds_set64_has(&set, 7));
  static const uint32_t sizes[] = {1, 47, 48, 49, 1000, 60000, 5};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    ds_map64 map;
    ds_map64_init(&map);
    assert_true(ds_set64_reserve(&set, sizes[s]));
    uint64_t key = 0;
    for (uint32_t i = 0; i < sizes[s]; i++) {
      ds_set64_prefetch(&set, key);
      uint32_t *slot = ds_map64_put(&map, key);
      assert_int_equal(ds_set64_add(&set, key), *slot == DS_NONE);
      *slot = 1;
      assert_false(ds_set64_add(&set, key));
      key = i % 3 == 0 ? key + 64 : i % 3 == 1 ? key / 2 : key * 0x9e3779b97f4a7c15u + i;
    }
    for (uint64_t k = 0; k < 3000; k++)
      assert_int_equal(ds_set64_has(&set, k), ds_map64_get(&map, k) != DS_NONE);
    assert_int_equal(set.count + set.zero, map.count);
    // Room for more loses nothing.
    assert_true(ds_set64_reserve(&set, 100000));
    assert_int_equal(set.count + set.zero, map.count);
    assert_true(ds_set64_has(&set, 0));
    ds_map64_done(&map);
    ds_set64_reset(&set);
    assert_false(ds_set64_has(&set, 0));
    assert_int_equal(set.count, 0);
  }
  ds_set64_done(&set);
}

// With the machine's vectors as without: sizes around those at which XXH3 changes its ways.
static void test_checksum_is_xxh3(void **state) {
  (void)state;
  enum { BYTES = 5000 };
  static uint8_t bytes[BYTES];
  for (uint32_t i = 0; i < BYTES; i++)
    bytes[i] = (uint8_t)(i * 2654435761u >> 13);
  for (uint32_t size = 0; size < BYTES - 7; size++)
    assert_true(ds_checksum(bytes + size % 7, size) == XXH3_64bits(bytes + size % 7, size));
  // As xxHash's own program prints it.
  assert_true(ds_checksum("", 0) == 0x2d06800538d394c2u);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_arena_aligns_and_zeroes),
      cmocka_unit_test(test_arena_limit_is_exact),
      cmocka_unit_test(test_arena_large_and_overflowing),
      cmocka_unit_test(test_arena_unused),
      cmocka_unit_test(test_buf_round_trip),
      cmocka_unit_test(test_reader_stays_failed),
      cmocka_unit_test(test_buf_limit_is_exact),
      cmocka_unit_test(test_buf_fails_whole),
      cmocka_unit_test(test_buf_without_memory),
      cmocka_unit_test(test_names_index_in_order),
      cmocka_unit_test(test_names_empty_and_binary),
      cmocka_unit_test(test_map64_against_array),
      cmocka_unit_test(test_set64_against_map),
      cmocka_unit_test(test_checksum_is_xxh3),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
