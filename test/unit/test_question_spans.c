// SPDX-License-Identifier: Apache-2.0
// Case values that occur with several customers are counted as a plain look through the events
// says, for the map and for its lists, by any number of threads and parts; a budget that is too
// small is told.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question/spans.h"
#include "question_world.h"

static int by_value(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

// Sorting gives the same counts as buckets, for few and many, with many repeats and few.
static void test_count(void **context) {
  (void)context;
  static const uint64_t spans[] = {1, 3, 1000, 100000, UINT64_MAX};
  static const uint64_t counts[] = {0, 1, 2, 63, 5000, 300000};
  uint64_t seed = 11;
  uint64_t *hashes = calloc(300001, sizeof *hashes), *room = calloc(300001, sizeof *room);
  assert_true(hashes != NULL && room != NULL);
  for (uint32_t c = 0; c < 6; c++)
    for (uint32_t s = 0; s < 5; s++) {
      const uint64_t count = counts[c];
      for (uint64_t i = 0; i < count; i++) {
        uint64_t value = qw_random(&seed) % spans[s];
        hashes[i] = qw_random(&value) & ~1ull;
      }
      uint64_t values = 9, shared = 9;
      assert_true(ds_spans_count(hashes, count, room, &values, &shared));
      qsort(hashes, count, sizeof *hashes, by_value);
      for (uint64_t i = 0; i < count;) {
        uint64_t end = i + 1;
        while (end < count && hashes[end] == hashes[i])
          end++;
        values--;
        shared -= end - i > 1;
        i = end;
      }
      assert_int_equal(values, 0);
      assert_int_equal(shared, 0);
    }
  free(hashes);
  free(room);
}

// The first warning that speaks of customers, or "".
static void ask(const ds_snapshot *snapshot, const char *list, uint32_t threads, size_t memory,
                char note[512]) {
  const ds_option_value values[] = {{"case", "order_id"}, {"list", list}};
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  ds_result *result = ds_arena_alloc(&arena, sizeof *result);
  const ds_request request = {.snapshot = snapshot,
                              .options = {.values = values, .count = list == NULL ? 1 : 2},
                              .now_ms = 4000000000000LL, .threads = threads,
                              .memory_bytes = memory, .arena = &arena};
  ds_result_init(result, &arena, "process");
  ds_error err = {0};
  if (ds_question_run(ds_question_find(ds_str_of("process")), &request, result, &err) != DS_OK)
    fail_msg("%s", err.message);
  *note = '\0';
  for (uint32_t n = 0; n < result->notes_count; n++)
    if (strstr(result->notes[n].text, "more than one customer") != NULL) {
      assert_true(result->notes[n].warning);
      snprintf(note, 512, "%s", result->notes[n].text);
    }
  ds_arena_done(&arena);
}

// What the note must say of a world; "" when no order is shared. *ret_listed is the touchpoint of
// an event with an order.
static void expect(const qw_world *world, char note[512], int *ret_listed) {
  uint32_t values = 0, shared = 0;
  *ret_listed = -1;
  for (uint32_t order = 0; order < 4; order++) {
    int first = -1;
    bool several = false;
    for (uint32_t e = 0; e < world->count; e++)
      for (uint32_t k = 0; k < world->events[e].orders_count; k++) {
        if (world->events[e].orders[k] != order)
          continue;
        several |= first >= 0 && first != (int)world->events[e].customer;
        first = (int)world->events[e].customer;
        *ret_listed = (int)world->events[e].touchpoint;
      }
    values += first >= 0;
    shared += several;
  }
  *note = '\0';
  if (shared > 0)
    snprintf(note, 512, "%u of %u values of order_id occur with more than one customer; each "
             "customer's part was counted as a case of its own.", shared, values);
}

static void test_notes(void **context) {
  (void)context;
  uint32_t with = 0, without = 0;
  for (uint64_t seed = 1; seed < 80; seed++) {
    static qw_world world;
    qw_make(&world, seed);
    // Also worlds of one customer, where nothing is shared.
    for (uint32_t e = 0; seed % 3 == 0 && e < world.count; e++)
      world.events[e].customer = 0;
    char expected[512], note[512], cell[80];
    int listed = -1;
    expect(&world, expected, &listed);
    if (listed < 0)
      continue;
    with += *expected != '\0';
    without += *expected == '\0';
    snprintf(cell, sizeof cell, "nodes touchpoint=%s column=cases",
             qw_touchpoint((uint32_t)listed));
    for (uint32_t v = 0; v < 4; v++) {
      ds_snapshot *snapshot = qw_snapshot(&world, v % 2 == 0);
      ask(snapshot, v < 2 ? NULL : cell, 1 + v, 64u << 20, note);
      assert_string_equal(note, expected);
      qw_snapshot_free(snapshot);
    }
  }
  assert_true(with > 20 && without > 10);
}

static void test_budget(void **context) {
  (void)context;
  static qw_world world;
  qw_make(&world, 3);
  char note[512];
  ds_snapshot *snapshot = qw_snapshot(&world, true);
  ask(snapshot, NULL, 1, 3u << 20, note);
  assert_string_equal(note, "Whether values of order_id occur with more than one customer was not "
                            "checked: that needs more --memory.");
  qw_snapshot_free(snapshot);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_count),
      cmocka_unit_test(test_notes),
      cmocka_unit_test(test_budget),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
