// SPDX-License-Identifier: Apache-2.0
// Targets of requests: what is read, what is refused; the cache's limits and order; who takes gzip.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/cache.h"
#include "server/gzip.h"
#include "server/query.h"

static ds_code parse(const char *text, ds_arena *arena, ds_query *ret_query) {
  ds_error err = {.code = DS_OK};
  ds_arena_init(arena, 1 << 20);
  const ds_code code = ds_query_parse(ds_str_of(text), arena, ret_query, &err);
  assert_int_equal(code, err.code);
  return code;
}

static void test_read(void **state) {
  static const struct {
    const char *text, *path, *name, *value;
    uint32_t count;
  } cases[] = {
      {"/", "/", NULL, NULL, 0},
      {"/?", "/", NULL, NULL, 0},
      {"/a%20b/c", "/a b/c", NULL, NULL, 0},
      {"/a+b", "/a+b", NULL, NULL, 0},
      {"/x?a=1", "/x", "a", "1", 1},
      {"/x?a=1&a=2", "/x", "a", "2", 2},
      {"/x?a", "/x", "a", "", 1},
      {"/x?a=", "/x", "a", "", 1},
      {"/x?a==b", "/x", "a", "=b", 1},
      {"/x?&&a=b&", "/x", "a", "b", 1},
      {"/x?a=b+c%2Bd", "/x", "a", "b c+d", 1},
      {"/x?where=order_placed%5Bvalue+%3E+100%5D", "/x", "where", "order_placed[value > 100]", 1},
      {"/x?a=%C3%A9%0A", "/x", "a", "\xC3\xA9\n", 1},
      {"/x?%61=b?c", "/x", "a", "b?c", 1},
      {"/x?=b", "/x", "", "b", 1},
      {"/...", "/...", NULL, NULL, 0},
  };
  (void)state;
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    ds_arena arena;
    ds_query query;
    assert_int_equal(parse(cases[c].text, &arena, &query), DS_OK);
    assert_string_equal(query.path, cases[c].path);
    assert_int_equal(query.parameters_count, cases[c].count);
    if (cases[c].name != NULL)
      assert_string_equal(ds_query_get(&query, cases[c].name), cases[c].value);
    assert_null(ds_query_get(&query, "none"));
    ds_arena_done(&arena);
  }
}

static void test_refused(void **state) {
  static const char *const cases[] = {
      "", "x", "?a", "*", "http://a/", "/%", "/%4", "/%4g", "/%00", "/%2F", "/%2f", "/%0A", "/\x01",
      "/%7F", "/%C3", "/%FF", "/\xC3\x28", "/%C0%AF", "/%ED%A0%80", "/.", "/..", "/a/..", "/a/../b",
      "/%2E%2E", "/./a", "/x?a=%", "/x?%=a", "/x?a=%00", "/x?a=%01", "/x?a=%C3",
  };
  (void)state;
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    ds_arena arena;
    ds_query query;
    if (parse(cases[c], &arena, &query) != DS_USAGE)
      fail_msg("read: %s", cases[c]);
    ds_arena_done(&arena);
  }
}

// --- the cache

static ds_http_answer *answer_of(size_t size) {
  ds_buf body;
  ds_buf_init(&body, 1 << 20);
  memset(ds_buf_reserve(&body, size), 'x', size);
  body.size = size;
  return ds_http_answer_new(200, "text/plain", &body, NULL);
}

static void put(ds_cache *cache, uint64_t number, size_t size) {
  const ds_cache_entry entry = {.plain = answer_of(size)};
  ds_cache_put(cache, (ds_cache_key){number, number * 4096}, &entry);
  ds_http_answer_free(entry.plain);
}

static bool has(ds_cache *cache, uint64_t number) {
  return ds_cache_get(cache, (ds_cache_key){number, number * 4096}) != NULL;
}

// Keys of one slot, sizes at the limit, the order of use.
static void test_cache(void **state) {
  enum { LIMIT = 100 << 10, ENTRY = 1 << 10 };
  (void)state;
  ds_cache *cache = ds_cache_new(LIMIT);
  for (uint64_t n = 0; n < 10; n++)
    put(cache, n, 9 * ENTRY);
  assert_int_equal(ds_cache_count(cache), 10);
  assert_int_equal(ds_cache_bytes(cache), LIMIT);
  assert_true(has(cache, 0)); // used: 1 is the oldest
  put(cache, 10, 9 * ENTRY);
  assert_true(has(cache, 0));
  assert_false(has(cache, 1));
  put(cache, 11, 24 * ENTRY); // takes the room of three
  assert_false(has(cache, 2) || has(cache, 3) || has(cache, 4));
  assert_true(has(cache, 5));
  put(cache, 12, 25 * ENTRY); // more than a quarter
  assert_false(has(cache, 12));
  put(cache, 5, 4 * ENTRY); // in place of the one before
  assert_int_equal(ds_http_answer_body(
                       ds_cache_get(cache, (ds_cache_key){5, 5 * 4096})->plain).size, 4 * ENTRY);
  assert_true(ds_cache_bytes(cache) <= LIMIT);
  ds_cache_free(cache);
}

static void test_takes_gzip(void **state) {
  static const struct {
    const char *value;
    bool takes;
  } cases[] = {
      {"gzip", true}, {"GZIP", true}, {"br, gzip", true}, {"gzip;q=0.5", true}, {"gzip;q=0", false},
      {"gzip; q=0.0", false}, {"gzip;q=0.001", true}, {"identity", false}, {"", false},
      {"xgzip", false}, {"gzipx", false}, {"deflate, gzip;q=1.0, *;q=0.5", true}, {",,", false},
  };
  (void)state;
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    const ds_query_pair header = {"accept-encoding", cases[c].value};
    const ds_http_request request = {.headers = &header, .headers_count = 1};
    if (ds_takes_gzip(&request) != cases[c].takes)
      fail_msg("%s", cases[c].value);
  }
  const ds_http_request none = {.headers_count = 0};
  assert_false(ds_takes_gzip(&none));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_read), cmocka_unit_test(test_refused), cmocka_unit_test(test_cache),
      cmocka_unit_test(test_takes_gzip),
  };
  return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
