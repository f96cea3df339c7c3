// SPDX-License-Identifier: Apache-2.0
#include "unit/oracle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka needs the headers above first.
#include <cmocka.h>
#include <math.h>

#include "scan/property_types.h"

const ds_table *oracle_table(const ds_result *result, const char *name) {
  for (uint32_t t = 0; t < result->tables_count; t++)
    if (strcmp(result->tables[t].name, name) == 0)
      return &result->tables[t];
  fail_msg("no table %s", name);
  return NULL;
}

// A cell's number; a null cell has none.
static bool number_in(const ds_table *table, const ds_cell *row, uint32_t column,
                      double *ret_number) {
  const ds_cell_type type = table->columns[column].type;
  const bool whole = type == DS_CELL_COUNT || type == DS_CELL_TIME;
  *ret_number = whole ? (double)row[column].i : row[column].number;
  return !row[column].null;
}

// Whether items are what SQL has with blanks between them.
static bool same_items(ds_str items, ds_str want) {
  bool same = items.size == want.size;
  for (uint32_t i = 0; same && i < items.size; i++)
    same = want.data[i] == (items.data[i] == DS_LIST_SEPARATOR ? ' ' : items.data[i]);
  return same;
}

// Whether a cell is what SQL says: a text, an instant, a number to 1e-11 of its size, or null.
static bool agrees(const ds_table *table, const ds_cell *row, uint32_t column, ds_str want) {
  const ds_cell_type type = table->columns[column].type;
  if (row[column].null || want.data == NULL)
    return row[column].null && want.data == NULL;
  if (type == DS_CELL_TEXT || type == DS_CELL_LIST)
    return ds_str_equal(row[column].text, want);
  if (type == DS_CELL_ITEMS)
    return same_items(row[column].text, want);
  double got = 0, number = 0;
  assert_true(ds_str_to_double(want, &number));
  const double near = type == DS_CELL_TIME ? 0 : 1e-6 + 1e-11 * fabs(number);
  return number_in(table, row, column, &got) && fabs(got - number) <= near;
}

static void fail_row(const ds_table *table, const ds_str *want, uint32_t keys) {
  for (uint32_t k = 0; k < keys; k++)
    print_error("%s = %.*s\n", table->columns[k].name, DS_STR(want[k]));
  fail_msg("no row of %s is like this", table->name);
}

// Every row of `expected` (texts of SQL: `keys` text columns, then numbers) is in the table, and
// no other.
void oracle_compare(const ds_table *table, const ds_duck_texts *expected, uint32_t keys) {
  assert_int_equal(table->rows_count, expected->rows);
  for (uint32_t r = 0; r < expected->rows; r++) {
    const ds_str *want = &expected->cell[(size_t)r * expected->columns];
    const ds_cell *found = NULL;
    for (uint32_t i = 0; i < table->rows_count && found == NULL; i++) {
      const ds_cell *row = &table->cells[(size_t)i * table->columns_count];
      bool equal = true;
      for (uint32_t k = 0; k < keys; k++)
        equal = equal && agrees(table, row, k, want[k]);
      found = equal ? row : NULL;
    }
    if (found == NULL)
      fail_row(table, want, keys);
    for (uint32_t c = keys; c < expected->columns; c++) {
      double got = 0;
      if (!agrees(table, found, c, want[c]))
        fail_msg("%.*s -> %.*s: column %s is %.9g%s, SQL says %.*s", DS_STR(want[0]),
                 DS_STR(want[1]), table->columns[c].name,
                 number_in(table, found, c, &got) ? got : 0, found[c].null ? " (null)" : "",
                 DS_STR(want[c]));
    }
  }
}

void oracle_fill(ds_duck *duck, const qw_world *world) {
  static const char *const colors[] = {"red", "green", "blue", "Weiß"};
  ds_error err = {0};
  ds_buf sql;
  ds_buf_init(&sql, 1u << 22);
  ds_buf_text(&sql, "create or replace table events as select * from (values ");
  for (uint32_t e = 0; e < world->count; e++) {
    const qw_event *event = &world->events[e];
    ds_buf_printf(&sql, "%s('C%u', make_timestamp(%lld * 1000), %u, '%s', [", e == 0 ? "" : ", ",
                  event->customer, (long long)event->time_ms, e, qw_touchpoint(event->touchpoint));
    for (uint32_t k = 0; k < event->orders_count; k++)
      ds_buf_printf(&sql, "%s'O%u'", k == 0 ? "" : ", ", event->orders[k]);
    ds_buf_printf(&sql, "]::varchar[], %s%s%s, ", event->color < 0 ? "null::varchar" : "'",
                  event->color < 0 ? "" : colors[event->color], event->color < 0 ? "" : "'");
    if (event->value < 0)
      ds_buf_text(&sql, "null::double)");
    else
      ds_buf_printf(&sql, "%d::double)", event->value);
  }
  ds_buf_text(&sql, ") t(customer, time, arrival, touchpoint, order_id, color, value)");
  if (ds_duck_run(duck, ds_buf_cstr(&sql), &err) != DS_OK)
    fail_msg("%s", err.message);
  ds_buf_done(&sql);
}

const oracle_question oracle_questions[] = {
    {"map", {"stages", "touchpoints", "answers", "promises"}, {1, 2, 2, 0}, "columns(*)::varchar"},
    {"process", {"nodes", "edges", "rework"}, {1, 2, 1}, "columns(*)::varchar"},
    {"variants", {"variants"}, {2},
     "columns(* replace (array_to_string(touchpoints, chr(31)) as touchpoints))::varchar"},
    {"funnel", {"steps"}, {2}, "columns(*)::varchar"},
    {"paths", {"nodes"}, {7}, "columns(*)::varchar"},
    {"trend", {"periods"}, {1}, "columns(*)::varchar"},
    {"retention", {"cells"}, {3}, "columns(*)::varchar"},
    {"segment", {"segments", "overlap", "moves", "series"}, {1, 2, 2, 2}, "columns(*)::varchar"},
    {"features", {"features"}, {3}, "columns(*)::varchar"},
    {"delivery", {"overall", "groups", "stages"}, {0, 1, 1},
     "replace(columns(*)::varchar, ' > ', chr(31))"},
    {"tracking", {"states"}, {1}, "columns(*)::varchar"},
    {"quality", {"touchpoints", "properties", "problems"}, {1, 2, 5}, "columns(*)::varchar"},
    {"schema", {"keys", "properties", "touchpoints"}, {1, 1, 1}, "columns(*)::varchar"},
    {"find", {"found"}, {2}, "columns(*)::varchar"},
    {"timeline", {"customer", "cases", "events"}, {1, 2, 5}, "columns(*)::varchar"},
};
const uint32_t oracle_questions_count = sizeof oracle_questions / sizeof *oracle_questions;

uint32_t oracle_check(const oracle_question *what, const ds_request *request,
                      const ds_result *result, ds_duck *duck) {
  ds_error err = {0};
  ds_buf sql;
  ds_buf_init(&sql, 1u << 20);
  if (ds_question_sql(ds_question_find(ds_str_of(what->question)), request, &sql, &err) != DS_OK)
    fail_msg("%s: %s", what->question, err.message);
  const uint32_t rows = oracle_check_sql(what, request, result, &sql, duck);
  ds_buf_done(&sql);
  return rows;
}

uint32_t oracle_check_sql(const oracle_question *what, const ds_request *request,
                          const ds_result *result, ds_buf *sql, ds_duck *duck) {
  ds_error err = {0};
  ds_buf wrapped;
  // The group's column comes first.
  const uint32_t grouped = ds_option_get(&request->options, "by") != NULL;
  uint32_t rows = 0;
  ds_buf_init(&wrapped, 1u << 20);
  char *at = (char *)(uintptr_t)ds_buf_cstr(sql);
  for (uint32_t s = 0; s < ORACLE_TABLES_MAX && what->tables[s] != NULL; s++) {
    ds_duck_texts texts;
    // Without promises, or --rework, there is no such table, and no such statement.
    if (ds_result_find(result, what->tables[s]) == NULL)
      continue;
    char *end = strstr(at, ";\n");
    assert_non_null(end);
    *end = '\0';
    ds_buf_reset(&wrapped);
    ds_buf_printf(&wrapped, "select %s from (%s)", what->select, at);
    if (ds_duck_query(duck, ds_buf_cstr(&wrapped), request->arena, &texts, &err) != DS_OK)
      fail_msg("%s: %s\n%s", what->question, err.message, at);
    oracle_compare(oracle_table(result, what->tables[s]), &texts, grouped + what->keys[s]);
    rows += texts.rows;
    at = end + 2;
  }
  // A remark may stand at the end.
  assert_true(*at == '\0' || strncmp(at, "-- ", 3) == 0);
  ds_buf_done(&wrapped);
  return rows;
}

// ThreadSanitizer does not see how DuckDB's threads hand work to each other: there is none then.
#ifdef __SANITIZE_THREAD__
#define SESSION_THREADS(threads) ((void)(threads), 1)
#else
#define SESSION_THREADS(threads) (threads)
#endif

void oracle_session_open(oracle_session *session, const ds_snapshot *snapshot, uint32_t threads,
                         const char *writes_to, ds_progress *progress) {
  ds_error err = {0};
  *session = (oracle_session){.sql = NULL};
  ds_arena_init(&session->arena, (size_t)64 << 20);
  ds_code code = ds_schema_of(snapshot, &session->arena, &session->schema, &err);
  const ds_sql_options options = {.snapshot = snapshot,
                                  .plan = &session->plan,
                                  .schema = &session->schema,
                                  .now_ms = snapshot->time_max_ms,
                                  .threads = SESSION_THREADS(threads),
                                  .memory_bytes = (size_t)512 << 20,
                                  .progress = progress,
                                  .library_path = "build/libduckdb.so",
                                  .writes_to = writes_to};
  if (code == DS_OK)
    code = ds_sql_open(&options, &session->sql, &err);
  if (code != DS_OK)
    fail_msg("%s", err.message);
  session->duck = session->sql->duck;
}

void oracle_session_close(oracle_session *session) {
  ds_sql_close(session->sql);
  ds_arena_done(&session->arena);
}
