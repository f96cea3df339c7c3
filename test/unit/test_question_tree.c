// SPDX-License-Identifier: Apache-2.0
// `paths` against brute force over random small worlds: every path of every case is written out
// and counted, and the tree has exactly these nodes; with few children the rest adds up.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "long_run.h"
#include "question_world.h"

enum { WORLDS = 60, PATHS_MAX = 20000, TEXT_BYTES = 256 };

// A path as written out: names joined by '>', and what it counts.
typedef struct written {
  char text[TEXT_BYTES];
  uint64_t count;
  int64_t gap_ms;
} written;

static written paths[PATHS_MAX];
static uint32_t paths_count;

static void note(const char *text, int64_t gap_ms) {
  uint32_t at = 0;
  while (at < paths_count && strcmp(paths[at].text, text) != 0)
    at++;
  if (at == paths_count) {
    assert_true(paths_count < PATHS_MAX);
    paths[paths_count++] = (written){.count = 0};
    snprintf(paths[at].text, TEXT_BYTES, "%s", text);
  }
  paths[at].count++;
  paths[at].gap_ms += gap_ms;
}

// One way to ask.
typedef struct asked {
  bool after, before; // order_placed; delivered
  uint32_t anchor;    // first, last, each
  uint32_t depth;
  bool collapse, by_case;
} asked;

static const qw_event *event_of(const qw_world *world, const qw_case *one, uint32_t at) {
  return &world->events[one->events[at]];
}

static bool is(const qw_event *event, const char *name) {
  return strcmp(qw_touchpoint(event->touchpoint), name) == 0;
}

// Writes the path from one anchor out, step by step; false when it never reaches the end asked for.
static bool write_out(const qw_world *world, const qw_case *one, uint32_t anchor,
                      const asked *how) {
  const int direction = how->after ? 1 : -1;
  char text[TEXT_BYTES] = "*";
  const char *last = qw_touchpoint(event_of(world, one, anchor)->touchpoint);
  char steps[24][TEXT_BYTES];
  int64_t gaps[24], time_ms = event_of(world, one, anchor)->time_ms;
  uint32_t count = 0;
  bool reached = false;
  for (int64_t e = (int64_t)anchor + direction; e >= 0 && e < one->count && !reached;
       e += direction) {
    const qw_event *event = event_of(world, one, (uint32_t)e);
    const char *name = qw_touchpoint(event->touchpoint);
    reached = how->after && how->before && is(event, "delivered");
    const bool again = how->collapse && strcmp(name, last) == 0 && !reached;
    last = name;
    if (again || count == how->depth)
      continue;
    snprintf(steps[count], TEXT_BYTES, "%s", name);
    gaps[count++] = llabs(event->time_ms - time_ms);
    time_ms = event->time_ms;
  }
  if (how->after && how->before && !reached)
    return false;
  if (!reached && count < how->depth) {
    snprintf(steps[count], TEXT_BYTES, "%s", how->after ? "(end)" : "(start)");
    gaps[count++] = 0;
  }
  note(text, 0);
  for (uint32_t s = 0; s < count; s++) {
    const size_t used = strlen(text);
    snprintf(text + used, TEXT_BYTES - used, ">%s", steps[s]);
    note(text, gaps[s]);
  }
  return true;
}

static void solve(const qw_world *world, const asked *how) {
  const qw_question question = {.where = -1, .by_case = how->by_case};
  qw_case *cases = NULL;
  const char **groups = NULL;
  const uint32_t count = qw_cases(world, &question, &cases, &groups);
  paths_count = 0;
  for (uint32_t c = 0; c < count; c++) {
    uint32_t last = UINT32_MAX;
    for (uint32_t e = 0; e < cases[c].count; e++) {
      if (!is(event_of(world, &cases[c], e), how->after ? "order_placed" : "delivered"))
        continue;
      if (how->anchor == 2 || (how->anchor == 0 && last == UINT32_MAX))
        (void)write_out(world, &cases[c], e, how);
      last = e;
    }
    if (how->anchor == 1 && last != UINT32_MAX)
      (void)write_out(world, &cases[c], last, how);
  }
  free(cases);
  free(groups);
}

static const ds_cell *cell(const ds_table *table, uint32_t row, const char *column) {
  const uint32_t c = ds_table_column(table, column);
  assert_int_not_equal(c, UINT32_MAX);
  return &table->cells[(size_t)row * table->columns_count + c];
}

static void path_of(const ds_table *table, uint32_t row, char text[TEXT_BYTES]) {
  if (cell(table, row, "parent")->null) {
    snprintf(text, TEXT_BYTES, "*");
    return;
  }
  const uint32_t parent = (uint32_t)cell(table, row, "parent")->i;
  assert_true(parent < row && cell(table, row, "id")->i == row);
  path_of(table, parent, text);
  const size_t used = strlen(text);
  snprintf(text + used, TEXT_BYTES - used, ">%.*s", DS_STR(cell(table, row, "touchpoint")->text));
}

// Every row is a path that was written out, and the other way round.
static void compare(const ds_table *table, const asked *how) {
  const char *unit = how->anchor == 2 ? "occurrences" : "cases";
  assert_int_equal(table->rows_count, paths_count);
  for (uint32_t r = 0; r < table->rows_count; r++) {
    char text[TEXT_BYTES];
    path_of(table, r, text);
    uint32_t at = 0;
    while (at < paths_count && strcmp(paths[at].text, text) != 0)
      at++;
    if (at == paths_count)
      fail_msg("no case goes %s", text);
    assert_int_equal(cell(table, r, unit)->i, paths[at].count);
    const ds_cell *mean = cell(table, r, "mean_ms");
    if (!mean->null)
      assert_true(fabs(mean->number - (double)paths[at].gap_ms / (double)paths[at].count) < 1e-6);
  }
}

// What stands below a row adds up to it.
static void check_sums(const ds_table *table, const asked *how) {
  const char *unit = how->anchor == 2 ? "occurrences" : "cases";
  for (uint32_t r = 0; r < table->rows_count; r++) {
    int64_t sum = 0;
    bool some = false;
    for (uint32_t below = r + 1; below < table->rows_count; below++) {
      const ds_cell *parent = cell(table, below, "parent");
      const bool mine = !parent->null && parent->i == r;
      some = some || mine;
      sum += mine ? cell(table, below, unit)->i : 0;
    }
    if (some && !(how->after && how->before))
      assert_int_equal(sum, cell(table, r, unit)->i);
  }
}

static const ds_table *ask(const ds_snapshot *snapshot, const asked *how, const char *children,
                           const char *least, uint32_t threads, ds_arena *arena) {
  static const char *const anchors[] = {"first", "last", "each"};
  char *depth = ds_arena_text(arena, "0000", 4);
  ds_option_value values[10] = {{"anchor", anchors[how->anchor]}, {"children", children},
                                {"min-share", least}, {"depth", depth}};
  uint32_t count = 4;
  snprintf(depth, 5, "%u", how->depth);
  if (how->after)
    values[count++] = (ds_option_value){"after", "order_placed"};
  if (how->before)
    values[count++] = (ds_option_value){"before", "delivered"};
  if (how->collapse)
    values[count++] = (ds_option_value){"collapse", ""};
  if (how->by_case)
    values[count++] = (ds_option_value){"case", "order_id"};
  const ds_request request = {.snapshot = snapshot,
                              .options = {.values = values, .count = count},
                              .now_ms = 4000000000000LL, .threads = threads,
                              .memory_bytes = 64u << 20, .arena = arena};
  ds_error err = {0};
  ds_result *result = ds_arena_alloc(arena, sizeof *result);
  ds_result_init(result, arena, "paths");
  if (ds_question_run(ds_question_find(ds_str_of("paths")), &request, result, &err) != DS_OK)
    fail_msg("%s", err.message);
  return ds_result_find(result, "nodes");
}

// Whether the names that are asked for are carried by some event.
static bool is_whole(const qw_world *world) {
  bool placed = false, delivered = false, order = false;
  for (uint32_t e = 0; e < world->count; e++) {
    placed |= is(&world->events[e], "order_placed");
    delivered |= is(&world->events[e], "delivered");
    order |= world->events[e].orders_count > 0;
  }
  return placed && delivered && order;
}

static void test_worlds(void **context) {
  (void)context;
  static qw_world world;
  uint64_t seed = 5;
  uint32_t rows = 0;
  for (uint64_t w = 0; w < (long_run() ? 10 * WORLDS : WORLDS); w++) {
    qw_make(&world, w);
    if (!is_whole(&world))
      continue;
    ds_snapshot *snapshot = qw_snapshot(&world, w % 2 == 0);
    for (uint32_t q = 0; q < 4; q++) {
      const uint32_t ends = (uint32_t)(qw_random(&seed) % 3);
      const asked how = {.after = ends != 1, .before = ends != 0,
                         .anchor = (uint32_t)(qw_random(&seed) % 3),
                         .depth = 1 + (uint32_t)(qw_random(&seed) % 5),
                         .collapse = qw_random(&seed) % 2 == 0,
                         .by_case = qw_random(&seed) % 2 == 0};
      ds_arena arena;
      ds_arena_init(&arena, 256u << 20);
      solve(&world, &how);
      const ds_table *whole = ask(snapshot, &how, "100", "0.000001", 1 + q % 3, &arena);
      compare(whole, &how);
      check_sums(ask(snapshot, &how, "2", "0.1", 1, &arena), &how);
      rows += whole->rows_count;
      ds_arena_done(&arena);
    }
    qw_snapshot_free(snapshot);
  }
  if (rows < 1000)
    fail_msg("only %u rows were compared", rows);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_worlds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
