// SPDX-License-Identifier: Apache-2.0
// features --at: of random events, many at one instant and many received late, each row equals that
// of features --as-of and --known-at its instant, which sees nothing that happened or was received
// later; there is one for every instant of an anchor, unless nothing of the case was known then. So
// it is with the instants of a file, where what was ordered is counted by hand, too.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "long_run.h"
#include "question_world.h"

enum { WORLDS = 12, WORLDS_STRESS = 400, CUSTOMERS = 4, EVENTS_MAX = 60, HOURS = 14 };
enum { ORDERED, DELIVERED, RETURNED, TOUCHPOINTS };
#define START_MS 1577836800000LL /* 2020-01-01 */
#define HOUR_MS 3600000LL

static const char *const touchpoints[TOUCHPOINTS] = {"order_placed", "delivered",
                                                     "return_requested"};
#define FEATURES                                                                                 \
  "orders=count(order_placed)\nrecent=count(any, last 3h)\nspent=sum(order_placed.value)\n"     \
  "idle=since(any)\nnow\nlast_color=last(any.color)\nday=date(last(delivered))\n"               \
  "back=elapsed(order_placed, return_requested)\nquiet=sequence(order_placed then not delivered " \
  "within 2h)\nsegment('repeat_buyers')"

typedef struct one_event {
  uint32_t customer, touchpoint, order;
  int64_t time_ms, received_ms;
} one_event;

typedef struct world {
  uint64_t seed;
  one_event event[EVENTS_MAX];
  uint32_t count;
  ds_snapshot *snapshot;
  const ds_instants *file; // of what is asked now; NULL: none
  uint32_t rows, late, unknown;
} world;

static uint32_t draw(world *w, uint32_t below) { return (uint32_t)(qw_random(&w->seed) % below); }

static void check(ds_code code, const ds_error *err) {
  if (code != DS_OK)
    fail_msg("%s", err->message);
}

static void put_event(world *w, uint32_t e, qw_rows *rows) {
  static const char *const colors[] = {"red", "blue"};
  const one_event *one = &w->event[e];
  char subject[32], order[32];
  snprintf(subject, sizeof subject, "customer_id=C%u", one->customer);
  snprintf(order, sizeof order, "o%u.%u", one->customer, one->order);
  ds_event_key key = {0, ds_str_of(order)};
  ds_event_property with[2] = {
      {0, false, {.type = DS_TYPE_NUMBER, .number = draw(w, 100)}},
      {1, false, {.type = DS_TYPE_STRING, .text = ds_str_of(colors[draw(w, 2)])}}};
  const ds_event event = {.touchpoint = (uint16_t)one->touchpoint, .has_id = true, .id = e + 1,
                          .time_ms = one->time_ms, .received_ms = one->received_ms,
                          .has_received = true, .arrival = e + 1, .subject = ds_str_of(subject),
                          .keys = &key, .keys_count = draw(w, 5) != 0, .properties = with,
                          .properties_count = e < TOUCHPOINTS ? 2 : draw(w, 3)};
  qw_rows_put(rows, &event);
}

static void world_make(world *w) {
  static const char *const names[] = {"value", "color"}, *const keys[] = {"order_id"},
                          *const sources[] = {"shop"};
  ds_space space;
  qw_rows rows = {.count = 0};
  ds_space_init(&space);
  qw_names(&space.touchpoints, touchpoints, TOUCHPOINTS);
  qw_names(&space.properties, names, 2);
  qw_names(&space.keys, keys, 1);
  qw_names(&space.sources, sources, 1);
  w->snapshot = qw_snapshot_new();
  w->count = 20 + draw(w, EVENTS_MAX - 20);
  const bool prompt = draw(w, 3) == 0;
  for (uint32_t e = 0; e < w->count; e++) {
    const int64_t time_ms = START_MS + draw(w, HOURS) * HOUR_MS;
    const bool late = !prompt && draw(w, 3) == 0;
    w->event[e] = (one_event){draw(w, CUSTOMERS), e < TOUCHPOINTS ? e : draw(w, TOUCHPOINTS),
                              draw(w, 2), time_ms, time_ms + (late ? draw(w, 6) * HOUR_MS : 0)};
    put_event(w, e, &rows);
  }
  qw_part_add(w->snapshot, &space, &rows);
  qw_rows_done(&rows);
  ds_space_done(&space);
}

static ds_code ask(const world *w, const ds_option_value *values, uint32_t count, ds_arena *arena,
                   ds_result *result, ds_error *err) {
  const ds_request request = {.snapshot = w->snapshot, .arena = arena, .threads = 1,
                              .options = {.values = values, .count = count},
                              .memory_bytes = (size_t)64 << 20, .instants = w->file,
                              .now_ms = START_MS + 100 * HOUR_MS};
  ds_result_init(result, arena, "features");
  return ds_question_run(ds_question_find(ds_str_of("features")), &request, result, err);
}

static bool same_cell(ds_cell_type type, const ds_cell *a, const ds_cell *b) {
  if (a->null || b->null)
    return a->null == b->null;
  if (type == DS_CELL_TEXT)
    return ds_str_equal(a->text, b->text);
  return type == DS_CELL_COUNT || type == DS_CELL_TIME ? a->i == b->i : a->number == b->number;
}

// Holds a row, whose first `keys` columns tell whose it is and then comes its instant, in a file's
// answer the line as well, against the answer at that instant; row NULL: there is none there
// either.
static void compare_row(world *w, bool by_order, const ds_table *table, const ds_cell *row,
                        const char *whose, int64_t at_ms) {
  char time[32];
  ds_arena arena;
  ds_result result;
  ds_error err = {0};
  const ds_instants *file = w->file;
  const uint32_t more = file == NULL ? 1 : 2;
  w->file = NULL;
  ds_time_print(time, at_ms);
  const ds_option_value values[] = {
      {"feature", FEATURES}, {"as-of", time}, {"known-at", time}, {"case", "order_id"}};
  ds_arena_init(&arena, 1u << 27);
  check(ask(w, values, by_order ? 4 : 3, &arena, &result, &err), &err);
  const ds_table *at = ds_result_find(&result, "features");
  const uint32_t key = by_order ? 1 : 0, keys = key + 1;
  uint32_t r = 0;
  while (r < at->rows_count &&
         !ds_str_equal(at->cells[r * at->columns_count + key].text, ds_str_of(whose)))
    r++;
  assert_int_equal(r == at->rows_count, row == NULL);
  for (uint32_t c = keys; row != NULL && c < at->columns_count; c++) {
    assert_string_equal(at->columns[c].name, table->columns[c + more].name);
    if (!same_cell(at->columns[c].type, &at->cells[r * at->columns_count + c], &row[c + more]))
      fail_msg("seed %llu: %s of %s at hour %lld", (unsigned long long)w->seed,
               at->columns[c].name, whose, (long long)(at_ms - START_MS) / HOUR_MS);
  }
  w->file = file;
  ds_arena_done(&arena);
}

// Whether there is a row of a customer at an instant.
static bool has_row(const ds_table *table, const char *whose, int64_t at_ms) {
  for (uint32_t r = 0; r < table->rows_count; r++)
    if (ds_str_equal(table->cells[r * table->columns_count].text, ds_str_of(whose)) &&
        table->cells[r * table->columns_count + 1].i == at_ms)
      return true;
  return false;
}

static void compare(world *w, uint32_t touchpoint, bool by_order) {
  const ds_option_value values[] = {
      {"feature", FEATURES}, {"at", touchpoints[touchpoint]}, {"case", "order_id"}};
  ds_arena arena;
  ds_result result;
  ds_error err = {0};
  ds_arena_init(&arena, 1u << 27);
  check(ask(w, values, by_order ? 3 : 2, &arena, &result, &err), &err);
  const ds_table *table = ds_result_find(&result, "features");
  const uint32_t key = by_order ? 1 : 0;
  for (uint32_t r = 0; r < table->rows_count; r++) {
    const ds_cell *row = table->cells + (size_t)r * table->columns_count;
    char whose[64];
    snprintf(whose, sizeof whose, "%.*s", DS_STR(row[key].text));
    compare_row(w, by_order, table, row, whose, row[key + 1].i);
    w->rows++;
  }
  // Of customers: each instant of an anchor is there, once, or nothing was known.
  for (uint32_t e = 0; e < w->count && !by_order; e++) {
    const one_event *one = &w->event[e];
    char whose[64];
    snprintf(whose, sizeof whose, "customer_id=C%u", one->customer);
    if (one->touchpoint != touchpoint)
      continue;
    w->late += one->received_ms > one->time_ms;
    if (has_row(table, whose, one->time_ms))
      continue;
    w->unknown++;
    compare_row(w, false, table, NULL, whose, one->time_ms);
  }
  ds_arena_done(&arena);
}

static void test_worlds(void **state) {
  (void)state;
  world w = {0};
  for (uint32_t n = 0; n < (long_run() ? WORLDS_STRESS : WORLDS); n++) {
    w.seed = n * 6271u + 9;
    world_make(&w);
    compare(&w, n % TOUCHPOINTS, n % 2 == 1);
    compare(&w, (n + 1) % TOUCHPOINTS, n % 2 == 0);
    qw_snapshot_free(w.snapshot);
  }
  assert_true(w.rows > 100 && w.late > 20 && w.unknown > 2);
}

// The orders of a customer that had happened, and had been received, by an instant; whether
// anything of them had.
static uint32_t orders_by_hand(const world *w, uint32_t customer, int64_t at_ms, bool *ret_any) {
  uint32_t orders = 0;
  *ret_any = false;
  for (uint32_t e = 0; e < w->count; e++) {
    const one_event *one = &w->event[e];
    if (one->customer != customer || one->time_ms > at_ms || one->received_ms > at_ms)
      continue;
    *ret_any = true;
    orders += one->touchpoint == ORDERED;
  }
  return orders;
}

enum { FILE_ROWS = 24, STRANGER = CUSTOMERS };

// Rows in no order, some twice, some before anything, some of who is not there.
static void file_make(world *w, bool by_order, ds_instants *file, ds_instant *row) {
  ds_error err = {0};
  *file = (ds_instants){.name = "file.csv", .of_cases = by_order, .row = row, .count = FILE_ROWS};
  ds_names_init(&file->who, FILE_ROWS);
  for (uint32_t r = 0; r < FILE_ROWS; r++) {
    char who[32];
    snprintf(who, sizeof who, by_order ? "o%u.%u" : "customer_id=C%u", draw(w, STRANGER + 1),
             draw(w, 2));
    row[r] = (ds_instant){START_MS + ((int64_t)draw(w, HOURS + 4) - 2) * HOUR_MS, 0, r + 2};
    check(ds_names_add(&file->who, ds_str_of(who), &row[r].who, &err), &err);
  }
}

static const ds_cell *row_of_line(const ds_table *table, uint32_t column, uint32_t line) {
  const ds_cell *found = NULL;
  for (uint32_t r = 0; r < table->rows_count; r++) {
    const ds_cell *row = table->cells + (size_t)r * table->columns_count;
    assert_true(found == NULL || row[column].i != line);
    found = row[column].i == line ? row : found;
  }
  return found;
}

static void compare_file(world *w, bool by_order) {
  const ds_option_value values[] = {
      {"feature", FEATURES}, {"at", "file.csv"}, {"case", "order_id"}};
  ds_instant row[FILE_ROWS];
  ds_instants file;
  ds_arena arena;
  ds_result result;
  ds_error err = {0};
  file_make(w, by_order, &file, row);
  w->file = &file;
  ds_arena_init(&arena, 1u << 27);
  check(ask(w, values, by_order ? 3 : 2, &arena, &result, &err), &err);
  const ds_table *table = ds_result_find(&result, "features");
  const uint32_t key = by_order ? 1 : 0;
  uint32_t found = 0;
  int64_t first_ms = INT64_MAX;
  for (uint32_t e = 0; e < w->count; e++)
    first_ms = w->event[e].time_ms < first_ms ? w->event[e].time_ms : first_ms;
  for (uint32_t r = 0; r < FILE_ROWS; r++) {
    const ds_cell *cells = row_of_line(table, key + 2, row[r].line);
    const char *who = ds_names_text(&file.who, row[r].who);
    if (cells == NULL && row[r].time_ms < first_ms)
      continue; // --as-of before the first event is refused
    if (cells != NULL) {
      assert_true(ds_str_equal(cells[key].text, ds_str_of(who)));
      assert_int_equal(cells[key + 1].i, row[r].time_ms);
      found++;
    }
    compare_row(w, by_order, table, cells, who, row[r].time_ms);
    if (by_order)
      continue;
    bool any = false;
    const uint32_t orders = orders_by_hand(w, (uint32_t)(who[13] - '0'), row[r].time_ms, &any);
    assert_int_equal(cells != NULL, any);
    if (any)
      assert_true(cells[3].number >= orders && cells[3].number <= orders);
  }
  assert_int_equal(table->rows_count, found);
  w->rows += found;
  w->unknown += FILE_ROWS - found;
  w->file = NULL;
  ds_names_done(&file.who);
  ds_arena_done(&arena);
}

// Where no file was read, its name says nothing: a server reads none.
static void test_no_file(void **state) {
  (void)state;
  world w = {.seed = 3};
  const ds_option_value values[] = {{"feature", "n=count(any)"}, {"at", "file.csv"}};
  ds_arena arena;
  ds_result result;
  ds_error err = {0};
  world_make(&w);
  ds_arena_init(&arena, 1u << 27);
  assert_int_equal(ask(&w, values, 2, &arena, &result, &err), DS_USAGE);
  assert_string_equal(err.message,
                      "--at FILE: the command line alone reads files of instants");
  ds_arena_done(&arena);
  qw_snapshot_free(w.snapshot);
}

static void test_file(void **state) {
  (void)state;
  world w = {0};
  for (uint32_t n = 0; n < (long_run() ? WORLDS_STRESS : WORLDS); n++) {
    w.seed = n * 7103u + 5;
    world_make(&w);
    compare_file(&w, n % 2 == 1);
    qw_snapshot_free(w.snapshot);
  }
  assert_true(w.rows > 60 && w.unknown > 30);
}

// What has not happened changes nothing: without it the rows before are the same, to the digit.
static void test_no_leak(void **state) {
  (void)state;
  world w = {.seed = 77};
  world_make(&w);
  const ds_option_value all[] = {{"feature", FEATURES}, {"at", "order_placed"}};
  char time[32];
  ds_arena arena;
  ds_result whole, cut;
  ds_error err = {0};
  ds_time_print(time, START_MS + 7 * HOUR_MS);
  const ds_option_value some[] = {
      {"feature", FEATURES}, {"at", "order_placed"}, {"as-of", time}, {"known-at", time}};
  ds_arena_init(&arena, 1u << 27);
  check(ask(&w, all, 2, &arena, &whole, &err), &err);
  check(ask(&w, some, 4, &arena, &cut, &err), &err);
  const ds_table *a = ds_result_find(&whole, "features"), *b = ds_result_find(&cut, "features");
  assert_true(b->rows_count > 3 && b->rows_count < a->rows_count);
  for (uint32_t r = 0; r < b->rows_count; r++) {
    const ds_cell *row = b->cells + (size_t)r * b->columns_count;
    uint32_t at = 0;
    while (at < a->rows_count &&
           (!ds_str_equal(a->cells[at * a->columns_count].text, row[0].text) ||
            a->cells[at * a->columns_count + 1].i != row[1].i))
      at++;
    assert_true(at < a->rows_count);
    for (uint32_t c = 0; c < b->columns_count; c++)
      assert_true(same_cell(b->columns[c].type, &a->cells[at * a->columns_count + c], &row[c]));
  }
  ds_arena_done(&arena);
  qw_snapshot_free(w.snapshot);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_worlds),
                                     cmocka_unit_test(test_file),
                                     cmocka_unit_test(test_no_file),
                                     cmocka_unit_test(test_no_leak)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
