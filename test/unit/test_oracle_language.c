// SPDX-License-Identifier: Apache-2.0
// Random tables and random expressions of levels 1 and 2 (60 tables of 40 expressions, with
// DS_STRESS=1 600): the events that an expression means, over one part and over several merged
// ones, equal those that its own SQL text finds in DuckDB.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "ingest/duck.h"
#include "kept_events.h"
#include "long_run.h"
#include "question_world.h"
#include "scan/property_types.h"

enum { TABLES_USUAL = 60, TABLES_STRESS = 600, EXPRESSIONS = 40, DEPTH = 4 };
enum { PROPERTIES = 9, TOUCHPOINTS = 6 };
#define START_MS 1577836800000LL /* 2020-01-01 */

static const char *const touchpoints[TOUCHPOINTS] = {"order_placed", "delivered", "a b", "it's",
                                                     "exposure", "review_submitted"};
static const char *const stages[TOUCHPOINTS] = {"order", "delivery", NULL, NULL, NULL,
                                                "feedback"};
static const char *const actors[TOUCHPOINTS] = {"customer", "carrier", NULL, NULL, NULL,
                                                "customer"};
static const char *const names[PROPERTIES] = {"n", "m", "s", "t", "b", "at", "d", "w", "channel"};
static const ds_type types[PROPERTIES] = {DS_TYPE_NUMBER, DS_TYPE_NUMBER, DS_TYPE_STRING,
                                          DS_TYPE_STRING, DS_TYPE_BOOL,   DS_TYPE_TIME,
                                          DS_TYPE_DATE,   DS_TYPE_DURATION, DS_TYPE_STRING};
static const char *const sql_types[PROPERTIES] = {"double", "double", "varchar",
                                                  "varchar", "boolean", "timestamp",
                                                  "date", "bigint", "varchar"};
static const double numbers[] = {0, -0.0, 1, 2.5, -3, 7, 100, 0.1};
static const char *const texts[] = {"", "a", "A", "DHL", "dhl", "Z\xc3\xbcrich", "z\xc3\xbcrich",
                                    "\xc3\x80\xc3\x89", "100% _x", "o'clock", "web", "email"};
#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof *(array)))

typedef struct table {
  uint64_t seed;
  ds_duck *duck;
  ds_zone *zone;
  ds_snapshot *snapshot[2]; // one part, several
  ds_buf text;              // of the expression being made
  uint32_t events;
  uint32_t compared, refused; // expressions
} table;

static uint32_t draw(table *w, uint32_t below) {
  return (uint32_t)(qw_random(&w->seed) % below);
}

static void check(ds_code code, const ds_error *err) {
  if (code != DS_OK)
    fail_msg("%s", err->message);
}

static ds_value value_make(table *w, ds_type type) {
  switch (type) {
  case DS_TYPE_NUMBER:
    return (ds_value){.type = type, .number = numbers[draw(w, COUNT(numbers))]};
  case DS_TYPE_STRING:
    return (ds_value){.type = type, .text = ds_str_of(texts[draw(w, COUNT(texts))])};
  case DS_TYPE_BOOL: return (ds_value){.type = type, .i = draw(w, 2)};
  case DS_TYPE_TIME:
    return (ds_value){.type = type, .i = START_MS + (int64_t)draw(w, 40) * 10000003};
  case DS_TYPE_DATE: return (ds_value){.type = type, .i = START_MS / DS_DAY_MS + draw(w, 9)};
  default: return (ds_value){.type = type, .i = (int64_t)draw(w, 12) * 21600000 - 86400000};
  }
}

// A value in SQL.
static void put_sql(ds_buf *sql, const ds_value *value) {
  char text[64];
  switch (value->type) {
  case DS_TYPE_NUMBER: ds_buf_printf(sql, "%.17g::double", value->number); break;
  case DS_TYPE_STRING: ds_buf_printf(sql, "$$%.*s$$", DS_STR(value->text)); break;
  case DS_TYPE_BOOL: ds_buf_text(sql, value->i != 0 ? "true" : "false"); break;
  case DS_TYPE_TIME:
    ds_buf_printf(sql, "make_timestamp(%lld)", (long long)value->i * 1000);
    break;
  case DS_TYPE_DATE: ds_buf_printf(sql, "date '%s'", ds_date_print(text, value->i)); break;
  case DS_TYPE_DURATION: ds_buf_printf(sql, "%lld", (long long)value->i); break;
  default: ds_buf_text(sql, "null"); break;
  }
}

static void put_text_or_null(ds_buf *sql, const char *text) {
  if (text == NULL)
    ds_buf_text(sql, ", null");
  else
    ds_buf_printf(sql, ", '%s'", text);
}

// One event as a row of `rows` and of SQL. Each property stands on two touchpoints of three.
static void add_event(table *w, uint32_t e, qw_rows *rows, ds_buf *sql) {
  char subject[32], key[2][8];
  ds_event_key keys[2];
  ds_event_property properties[PROPERTIES];
  const uint32_t touchpoint = draw(w, TOUCHPOINTS);
  const int64_t time_ms = START_MS + (int64_t)draw(w, 30) * 9000001;
  snprintf(subject, sizeof subject, "customer_id=C%u", draw(w, 12));
  ds_event event = {.touchpoint = (uint16_t)touchpoint, .source = (uint16_t)draw(w, 2),
                    .has_id = true, .id = e + 1, .has_received = true, .time_ms = time_ms,
                    .received_ms = time_ms + (int64_t)draw(w, 3) * 1800000, .arrival = 1,
                    .subject = ds_str_of(subject), .keys = keys, .properties = properties,
                    .keys_count = draw(w, 3)};
  ds_buf_printf(sql, "%s(%u, make_timestamp(%lld), make_timestamp(%lld), '%s', $$%s$$",
                e == 0 ? "insert into events values " : ", ", e + 1, (long long)time_ms * 1000,
                (long long)event.received_ms * 1000, event.source == 0 ? "shop" : "desk",
                touchpoints[touchpoint]);
  put_text_or_null(sql, stages[touchpoint]);
  put_text_or_null(sql, actors[touchpoint]);
  ds_buf_text(sql, event.keys_count == 0 ? ", null" : ", [");
  for (uint32_t k = 0; k < event.keys_count; k++) {
    snprintf(key[k], sizeof key[k], "o%u", draw(w, 2) * 2 + k);
    keys[k] = (ds_event_key){0, ds_str_of(key[k])};
    ds_buf_printf(sql, "%s'%s'", k == 0 ? "" : ", ", key[k]);
  }
  ds_buf_text(sql, event.keys_count == 0 ? "" : "]");
  for (uint32_t p = 0; p < PROPERTIES; p++) {
    ds_value value = {.type = DS_TYPE_NULL};
    if ((touchpoint + p) % 3 != 0 && draw(w, 4) != 0) {
      value = value_make(w, types[p]);
      properties[event.properties_count++] = (ds_event_property){(uint16_t)p, false, value};
    }
    ds_buf_text(sql, ", ");
    put_sql(sql, &value);
  }
  ds_buf_text(sql, ")");
  qw_rows_put(rows, &event);
}

static void space_make(ds_space *space) {
  static const char *const keys[] = {"order_id"}, *const sources[] = {"shop", "desk"};
  ds_space_init(space);
  qw_names(&space->touchpoints, touchpoints, TOUCHPOINTS);
  qw_names(&space->properties, names, PROPERTIES);
  qw_names(&space->keys, keys, 1);
  qw_names(&space->sources, sources, 2);
}

static void table_make(table *w) {
  ds_error err = {0};
  ds_space space;
  ds_buf sql;
  ds_buf_init(&sql, 1u << 20);
  ds_buf_text(&sql, "create or replace table events (id bigint, \"time\" timestamp, received "
                    "timestamp, source varchar, touchpoint varchar, stage varchar, actor varchar, "
                    "order_id varchar[]");
  for (uint32_t p = 0; p < PROPERTIES; p++)
    ds_buf_printf(&sql, ", \"%s\" %s", names[p], sql_types[p]);
  ds_buf_text(&sql, ")");
  check(ds_duck_run(w->duck, ds_buf_cstr(&sql), &err), &err);
  ds_buf_reset(&sql);
  space_make(&space);
  w->events = 40 + draw(w, KEPT_EVENTS_MAX - 40);
  qw_rows all = {0}, part[3];
  memset(part, 0, sizeof part);
  for (uint32_t e = 0; e < w->events; e++)
    add_event(w, e, &all, &sql);
  check(ds_duck_run(w->duck, ds_buf_cstr(&sql), &err), &err);
  ds_buf_done(&sql);
  w->snapshot[0] = qw_snapshot_new();
  qw_part_add(w->snapshot[0], &space, &all);
  // The same rows in three parts, each a third of every customer's.
  w->snapshot[1] = qw_snapshot_new();
  for (uint32_t e = 0; e < w->events; e++) {
    qw_rows *to = &part[e % 3];
    const size_t end = e + 1 < w->events ? all.start[e + 1] : all.bytes.size;
    ds_event_property properties[DS_EVENT_PROPERTIES_MAX];
    ds_event_key keys[DS_EVENT_KEYS_MAX];
    ds_event event = {.properties = properties, .keys = keys};
    size_t size = 0;
    check(ds_event_decode(all.bytes.data + all.start[e], end - all.start[e], &space, &event, &size,
                          &err), &err);
    qw_rows_put(to, &event);
  }
  for (uint32_t p = 0; p < 3; p++) {
    qw_part_add(w->snapshot[1], &space, &part[p]);
    qw_rows_done(&part[p]);
  }
  qw_rows_done(&all);
  ds_space_done(&space);
}

static void put(table *w, const char *text) { ds_buf_text(&w->text, text); }

static void put_literal(table *w, ds_type type) {
  char text[64];
  ds_value value = value_make(w, type);
  switch (type) {
  case DS_TYPE_STRING:
    put(w, "'");
    for (uint32_t i = 0; i < value.text.size; i++) {
      ds_buf_append(&w->text, &value.text.data[i], 1);
      if (value.text.data[i] == '\'')
        put(w, "'");
    }
    put(w, "'");
    break;
  case DS_TYPE_TIME: ds_buf_printf(&w->text, "time '%s'", ds_time_print(text, value.i)); break;
  case DS_TYPE_DATE: ds_buf_printf(&w->text, "date '%s'", ds_date_print(text, value.i)); break;
  default:
    ds_value_print(text, sizeof text, &value);
    put(w, text);
    break;
  }
}

static void put_expression(table *w, ds_type type, uint32_t depth);

// "%" stands for an operand of the type whose letter follows: n s b t d w.
static void put_shape(table *w, const char *shape, uint32_t depth) {
  static const char letters[] = "nsbtdw";
  static const ds_type of[] = {DS_TYPE_NUMBER, DS_TYPE_STRING, DS_TYPE_BOOL,
                               DS_TYPE_TIME,   DS_TYPE_DATE,   DS_TYPE_DURATION};
  for (const char *at = shape; *at != '\0'; at++) {
    if (at[0] == '%' && at[1] == '=') {
      static const char *const signs[] = {"=", "!=", "<", "<=", ">", ">="};
      put(w, signs[draw(w, 6)]);
      at++;
    } else if (at[0] == '%' && at[1] == '+') {
      put(w, draw(w, 2) == 0 ? "+" : "-");
      at++;
    } else if (at[0] == '%' && at[1] == 'L') {
      put_literal(w, of[strchr(letters, at[2]) - letters]);
      at += 2;
    } else if (at[0] == '%') {
      put_expression(w, of[strchr(letters, at[1]) - letters], depth);
      at++;
    } else {
      ds_buf_append(&w->text, at, 1);
    }
  }
}

// Leaves first, so many of them; then shapes with operands.
typedef struct grammar {
  ds_type type;
  uint32_t leaves;
  const char *shape[32];
} grammar;

static const grammar grammars[] = {
    {DS_TYPE_NUMBER, 4,
     {"n", "m", "%Ln", "n", "length(%s)", "year(%t)", "month(%d)", "day(%t)", "hour(%t)",
      "weekday(%t)", "weekday(%d)", "(%n %+ %n)", "(%n * %n)", "(%n / %n)", "-%n", "(%w / %w)",
      NULL}},
    {DS_TYPE_STRING, 4,
     {"s", "t", "%Ls", "lower(touchpoint)", "lower(%s)", "lower(stage)", "lower(actor)", NULL}},
    {DS_TYPE_TIME, 4, {"time", "received", "at", "%Lt", "(%t %+ %w)", NULL}},
    {DS_TYPE_DATE, 2, {"d", "%Ld", "date(%t)", "(%d %+ %w)", NULL}},
    {DS_TYPE_DURATION, 2,
     {"w", "%Lw", "(%t - %t)", "(%d - %d)", "(%w %+ %w)", "(%w * %n)", "(%n * %w)", "-%w", NULL}},
    {DS_TYPE_BOOL, 6,
     {"b", "true", "order_id = 'o1'", "order_id is null", "touchpoint in ('a b', 'delivered')",
      "source = 'desk'", "%n %= %n", "%s %= %s", "%t %= %t", "%d %= %d", "%w %= %w", "n %= %Ln",
      "s %= %Ls", "(%b) = (%b)", "%n in (%Ln, %Ln, %Ln)", "%s not in (%Ls, %Ls)", "%d in (%Ld)",
      "%n between %n and %n", "%t not between %t and %t", "%s like '%%_%'", "%s like 'd%'",
      "%s not like '%\xc3\xbc%'", "contains(%s, %s)", "(%b and %b)", "(%b or %b)",
      "not (%b)", "%n is null", "(%b) is not null", "order_id not in ('o0', 'o3')",
      "time >= date '2020-01-03'", "stage = 'order'", NULL}},
};

// "%%" and "%'" in a shape of like are literal.
static void put_expression(table *w, ds_type type, uint32_t depth) {
  const grammar *g = grammars;
  while (g->type != type)
    g++;
  uint32_t count = 0;
  while (count < 32 && g->shape[count] != NULL)
    count++;
  const char *shape = g->shape[draw(w, depth == 0 ? g->leaves : count)];
  if (strstr(shape, "like '") != NULL) {
    // Only what stands before the pattern has operands.
    const char *pattern = strstr(shape, " like ");
    const char *negated = strstr(shape, " not like ");
    put_expression(w, DS_TYPE_STRING, depth - 1);
    put(w, negated != NULL ? negated : pattern);
    return;
  }
  put_shape(w, shape, depth == 0 ? 0 : depth - 1);
}

static void put_selector(table *w, uint32_t depth) {
  static const char *const units[] = {"any", "delivered", "'a b'", "\"it's\"", "stage:order",
                                      "actor:customer", "owner:carrier_desk", "channel:web",
                                      "channel:email", "exposure", "complaint_submitted"};
  if (depth > 0 && draw(w, 3) == 0) {
    put(w, "(");
    put_selector(w, depth - 1);
    put(w, " or ");
    put_selector(w, depth - 1);
    put(w, ")");
  } else {
    put(w, units[draw(w, COUNT(units))]);
  }
}

static void ask_duck(table *w, const ds_expression *expression, ds_arena *arena, bool *seen) {
  ds_error err = {0};
  ds_buf sql;
  ds_duck_texts found;
  ds_buf_init(&sql, 1u << 20);
  ds_buf_text(&sql, "select id::varchar from events where ");
  check(ds_expression_sql(expression, &sql, &err), &err);
  if (ds_duck_query(w->duck, ds_buf_cstr(&sql), arena, &found, &err) != DS_OK)
    fail_msg("%s\n%s\n%s", err.message, ds_buf_cstr(&w->text), ds_buf_cstr(&sql));
  for (uint32_t r = 0; r < found.rows; r++) {
    uint64_t id = 0;
    assert_true(ds_str_to_u64(found.cell[r], &id) && id <= KEPT_EVENTS_MAX);
    seen[id] = true;
  }
  ds_buf_done(&sql);
}

static void compare(table *w, bool selector) {
  ds_arena arena;
  ds_arena_init(&arena, 1u << 28);
  const ds_str text = {(const char *)w->text.data, (uint32_t)w->text.size};
  for (uint32_t s = 0; s < 2; s++) {
    ds_error err = {0};
    ds_schema schema;
    bool expected[KEPT_EVENTS_MAX + 1] = {false};
    check(ds_schema_of(w->snapshot[s], &arena, &schema, &err), &err);
    schema.zone = w->zone;
    schema.zone_name = w->zone == NULL ? NULL : "America/Sao_Paulo";
    ds_plan plan = {.threads = 1 + s};
    const ds_code code = (selector ? ds_selector_parse : ds_predicate_parse)(
        text, &schema, &arena, &plan.where, &err);
    // Brackets may ask for a property that the selector's touchpoints do not have.
    const bool refused = selector && strstr(err.message, " means has a property") != NULL;
    if (code != DS_OK && !refused)
      fail_msg("%.*s: %u: %s", DS_STR(text), err.column, err.message);
    w->refused += refused;
    w->compared += !refused;
    if (refused)
      continue;
    ask_duck(w, plan.where, &arena, expected);
    const bool *kept = kept_events(w->snapshot[s], &plan, &arena);
    for (uint32_t i = 1; i <= w->events; i++)
      if (kept[i] != expected[i])
        fail_msg("event %u is %smeant, SQL says otherwise: %.*s", i, kept[i] ? "" : "not ",
                 DS_STR(text));
  }
  ds_arena_done(&arena);
}

static void test_tables(void **context) {
  (void)context;
  ds_error err = {0};
  table w = {.zone = NULL};
  ds_zone *zone = NULL;
  check(ds_duck_open("build/libduckdb.so", NULL, (size_t)512 << 20, &w.duck, &err), &err);
  check(ds_zone_load(ds_io_posix(), "/usr/share/zoneinfo", ds_str_of("America/Sao_Paulo"), &zone,
                     &err), &err);
  ds_buf_init(&w.text, 1u << 16);
  for (uint32_t t = 0; t < (long_run() ? TABLES_STRESS : TABLES_USUAL); t++) {
    w.seed = t * 7919u + 3;
    w.zone = t % 3 == 0 ? zone : NULL;
    table_make(&w);
    for (uint32_t e = 0; e < EXPRESSIONS; e++) {
      const bool selector = e % 4 == 3;
      ds_buf_reset(&w.text);
      if (selector) {
        put_selector(&w, 2);
        put(&w, "[");
      }
      put_expression(&w, DS_TYPE_BOOL, 1 + draw(&w, DEPTH));
      if (selector)
        put(&w, "]");
      compare(&w, selector);
    }
    qw_snapshot_free(w.snapshot[0]);
    qw_snapshot_free(w.snapshot[1]);
  }
  assert_true(w.refused < w.compared / 4);
  ds_buf_done(&w.text);
  ds_zone_free(zone);
  ds_duck_close(w.duck);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tables),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
