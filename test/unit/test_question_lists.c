// SPDX-License-Identifier: Apache-2.0
// --list reconciles in every question of the table: each figure that counts cases or events has
// exactly as many entries as it says. A question, or a column of counts, that is not told here
// fails the test.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question_world.h"

// Every question: which of the options that a world draws it takes.
typedef struct question_rule {
  const char *question;
  bool has_lists, by, by_case, attach;
  ds_option_value own[2];    // given in every second world
  ds_option_value always[3]; // without which there is no question
} question_rule;

#define NONE {{NULL, NULL}}
static const question_rule rules[] = {
    {"map", true, true, true, true, {{"score", "value"}, {"promise", "day"}}, NONE},
    {"process", true, true, true, true, {{"coverage", "0.5"}, {"node", "actor"}},
     {{"rework", ""}}},
    {"variants", true, true, true, true, {{"outcome", "value"}, {"collapse", ""}}, NONE},
    {"conformance", true, true, true, true, {{"outcome", "value"}, {"others", "inserted"}},
     {{"pattern", "any[value >= 1] then stage:order within 1d then order_placed within 2d total"}}},
    {"funnel", true, true, true, true, {{"count", "all"}, {"ties", "arrival"}},
     {{"step", "order_placed\nstage:order\nany?\nany[value >= 2]"}, {"within", "5d"}}},
    {"paths", true, true, true, true, {{"anchor", "each"}, {"collapse", ""}},
     {{"after", "any[value >= 1]"}, {"min-share", "0.05"}}},
    {"trend", true, true, true, true, {{"measure", "median"}, {"of", "duration"}}, NONE},
    {"retention", true, true, true, true, {{"mode", "unbounded"}, {"per", "day"}}, NONE},
    {"segment", true, false, true, true, NONE,
     {{"segment", "count(any) >= 3\nsince(any) < 1d"}, {"overlap", ""},
      {"versus", "2031-01-04"}}},
    {"features", false, false, true, true, NONE, {{"feature", "n=count(any)"}}},
    {"delivery", true, true, true, true, {{"promise", "day"}, {"arrival", "delivered"}},
     {{"groups", "color,weekday"}, {"score", "value"}}},
    {"quality", true, false, true, false, NONE, NONE},
    {"schema", true, false, false, false, NONE, NONE},
    {"find", false, false, true, true, NONE, NONE},
    {"timeline", false, false, true, false, NONE, NONE},
    {"tracking", true, true, true, true, {{"promise", "day"}, {NULL, NULL}}, NONE},
};
enum { RULES = sizeof rules / sizeof *rules };

// A table, what names a row of it, and the columns whose figures can be listed.
typedef struct listed {
  const char *question;
  const char *table;
  const char *keys[4];
  const char *columns[6];
} listed;

static const listed all[] = {
    {"map", "stages", {"stage"}, {"cases", "dropped"}},
    {"map", "touchpoints", {"stage", "touchpoint"}, {"cases", "occurrences"}},
    {"map", "routes", {"route"}, {"cases"}},
    {"map", "promises", {NULL}, {"deliveries", "promised", "kept", "late"}},
    {"process", "nodes", {"touchpoint"}, {"occurrences", "cases", "starts", "ends"}},
    {"process", "edges", {"from", "to"}, {"occurrences", "cases"}},
    {"process", "rework", {"touchpoint"},
     {"cases", "rework_cases", "repeats", "self_loops", "loops"}},
    {"conformance", "overall", {NULL}, {"cases", "fits"}},
    {"conformance", "kinds", {"kind"}, {"occurrences", "cases"}},
    {"conformance", "deviations", {"kind", "step", "what"}, {"occurrences", "cases"}},
    {"variants", "overall", {NULL}, {"cases", "events"}},
    {"variants", "variants", {"rank"}, {"cases"}},
    {"paths", "nodes", {"id"}, {"cases", "occurrences"}},
    {"trend", "periods", {"period"}, {"value", "n"}},
    {"funnel", "steps", {"step"}, {"reached", "dropped", "open"}},
    {"funnel", "instead", {"step", "touchpoint"}, {"cases"}},
    {"retention", "cells", {"cohort", "period"}, {"size", "active"}},
    {"retention", "curve", {"period"}, {"size", "active"}},
    {"retention", "returns", {NULL}, {"started", "returned", "censored"}},
    {"retention", "again", {"days"}, {"at_risk", "returned"}},
    {"segment", "segments", {"name"},
     {"members", "cases", "versus", "stayed", "entered", "left"}},
    {"segment", "overlap", {"name", "other"}, {"both"}},
    {"segment", "moves", {"from", "to"}, {"members"}},
    {"delivery", "overall", {NULL}, {"deliveries", "promised", "kept", "late", "open", "overdue"}},
    {"delivery", "groups", {"group"},
     {"deliveries", "promised", "kept", "late", "open", "overdue"}},
    {"delivery", "bases", {"promise", "arrival"}, {"promised", "kept", "late"}},
    {"delivery", "stages", {"stage"}, {"n"}},
    {"delivery", "promises", {"group"}, {"deliveries", "open", "lost"}},
    {"delivery", "lateness", {"lateness"}, {"orders", "score_n", "again", "again_n"}},
    {"delivery", "late_day", {"outcome"}, {"n"}},
    {"delivery", "exceptions", {"exception", "reason"}, {"parcels"}},
    {"quality", "touchpoints", {"touchpoint"}, {"events", "customers", "out_of_order", "late"}},
    {"quality", "properties", {"touchpoint", "property"}, {"values"}},
    {"quality", "problems", {"kind", "example"}, {"count"}},
    {"schema", "keys", {"key"}, {"cases", "events"}},
    {"tracking", "states", {"state"},
     {"parcels", "orders", "stalled", "at_risk", "missed", "lost"}},
    {"schema", "properties", {"property"}, {"values"}},
    {"schema", "touchpoints", {"touchpoint"}, {"events", "customers"}},
};
enum { LISTED = sizeof all / sizeof *all };

// Columns of counts that are not listed.
static const listed unlisted[] = {
    // They count neither cases nor events.
    {"quality", "touchpoints", {NULL}, {"gap_days"}},
    {"variants", "overall", {NULL}, {"variants", "single", "listed"}},
    {"paths", "nodes", {NULL}, {"depth", "id", "parent"}},
    {"retention", "cells", {NULL}, {"period"}},
    {"retention", "curve", {NULL}, {"period", "cohorts"}},
    {"retention", "returns", {NULL}, {"median_days"}},
    {"retention", "again", {NULL}, {"days"}},
    {"delivery", "promises", {NULL}, {"days"}},
    // Cases with a score; those of a pain point are those of its touchpoint.
    {"map", "stages", {NULL}, {"satisfaction_n"}},
    {"map", "touchpoints", {NULL}, {"satisfaction_n"}},
    {"map", "pains", {NULL}, {"cases"}},
    {"conformance", "kinds", {NULL}, {"outcome_n"}},
    {"conformance", "deviations", {NULL}, {"outcome_n"}},
    {"variants", "variants", {NULL}, {"outcome_n"}}, // values, of which a case may have several
};
enum { UNLISTED = sizeof unlisted / sizeof *unlisted };

// Kinds of problems that count days and names.
static const char *const unlisted_kinds[] = {"gap", "missing_properties"};

static ds_code run(const ds_snapshot *snapshot, const char *question, ds_option_set options,
                   ds_arena *arena, ds_result **ret_result, ds_error *err) {
  const ds_request request = {.snapshot = snapshot, .options = options, .threads = 2,
                              .now_ms = 4000000000000LL, .memory_bytes = 64u << 20,
                              .arena = arena};
  *ret_result = ds_arena_alloc(arena, sizeof **ret_result);
  ds_result_init(*ret_result, arena, question);
  return ds_question_run(ds_question_find(ds_str_of(question)), &request, *ret_result, err);
}

static const ds_cell *cell(const ds_table *table, uint32_t row, const char *column) {
  const uint32_t c = ds_table_column(table, column);
  assert_int_not_equal(c, UINT32_MAX);
  return &table->cells[(size_t)row * table->columns_count + c];
}

static bool is_named(const listed *some, uint32_t count, const char *question, const char *table,
                     const char *column) {
  for (uint32_t i = 0; i < count; i++)
    for (uint32_t c = 0; c < 6 && some[i].columns[c] != NULL; c++)
      if (strcmp(some[i].question, question) == 0 && strcmp(some[i].table, table) == 0 &&
          strcmp(some[i].columns[c], column) == 0)
        return true;
  return false;
}

// Every column of counts is told above, once.
static void check_columns(const ds_result *result) {
  for (uint32_t t = 0; t < result->tables_count; t++) {
    const ds_table *table = &result->tables[t];
    for (uint32_t c = 0; c < table->columns_count; c++) {
      const char *column = table->columns[c].name;
      if (table->columns[c].type == DS_CELL_COUNT &&
          is_named(all, LISTED, result->question, table->name, column) ==
              is_named(unlisted, UNLISTED, result->question, table->name, column))
        fail_msg("%s %s column=%s is a count: tell here whether --list lists it",
                 result->question, table->name, column);
    }
  }
}

// Writes ` name='value'` for a key of a row; the items of a list are joined by '>'. A null names
// nothing.
static uint32_t put_key(char *text, size_t size, const ds_table *table, uint32_t row,
                        const char *name) {
  const ds_cell *at = cell(table, row, name);
  const ds_cell_type type = table->columns[ds_table_column(table, name)].type;
  const bool texts = type == DS_CELL_TEXT || type == DS_CELL_LIST;
  if (at->null)
    return 0;
  const int used = texts ? snprintf(text, size, " %s='%.*s'", name, DS_STR(at->text))
                   : type == DS_CELL_COUNT
                       ? snprintf(text, size, " %s=%lld", name, (long long)at->i)
                       : snprintf(text, size, " %s=%.0f", name, at->number);
  assert_true(used > 0 && (size_t)used < size);
  for (int i = 0; i < used; i++)
    text[i] = text[i] == DS_LIST_SEPARATOR ? '>' : text[i];
  return (uint32_t)used;
}

static bool is_unlisted_kind(const listed *what, const ds_table *table, uint32_t row) {
  bool found = false;
  for (size_t k = 0; k < sizeof unlisted_kinds / sizeof *unlisted_kinds; k++)
    found |= strcmp(what->table, "problems") == 0 &&
             ds_str_equal(cell(table, row, "kind")->text, ds_str_of(unlisted_kinds[k]));
  return found;
}

// Lists one figure of the answer to those options; returns 1 when it was more than nothing.
static uint32_t check(const ds_snapshot *snapshot, const listed *what, ds_option_set options,
                      const char *by, const ds_table *table, uint32_t row, const char *column) {
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  char text[512];
  uint32_t used = (uint32_t)snprintf(text, sizeof text, "%s", what->table);
  for (uint32_t k = 0; k < 4 && what->keys[k] != NULL; k++)
    used += put_key(text + used, sizeof text - used, table, row, what->keys[k]);
  if (by != NULL)
    used += put_key(text + used, sizeof text - used, table, row, by);
  snprintf(text + used, sizeof text - used, " column=%s", column);
  ds_option_value values[16];
  assert_true(options.count < 16);
  if (options.count > 0)
    memcpy(values, options.values, options.count * sizeof *values);
  values[options.count] = (ds_option_value){"list", text};
  ds_result *result = NULL;
  ds_error err = {0};
  const ds_code code = run(snapshot, what->question,
                           (ds_option_set){.values = values, .count = options.count + 1}, &arena,
                           &result, &err);
  const int64_t figure = cell(table, row, column)->i;
  if (is_unlisted_kind(what, table, row)) {
    assert_int_equal(code, DS_USAGE);
    ds_arena_done(&arena);
    return 1;
  }
  if (code != DS_OK)
    fail_msg("%s %s: %s", what->question, text, err.message);
  if (ds_result_find(result, "list")->rows_count != figure)
    fail_msg("%s %s: the figure is %lld, the list has %u entries", what->question, text,
             (long long)figure, ds_result_find(result, "list")->rows_count);
  ds_arena_done(&arena);
  return figure > 0;
}

// The options of a world's question that a question of the table takes.
static uint32_t options_for(const question_rule *rule, const qw_question *q, bool own,
                            ds_option_value *values, ds_arena *arena) {
  qw_question asked = *q;
  asked.by &= rule->by;
  asked.by_case &= rule->by_case;
  asked.attach &= rule->attach && asked.by_case;
  // Its period chooses starts alone; the other is about whole orders.
  asked.range = strcmp(rule->question, "retention") == 0 ? 0 : asked.range;
  asked.range = strcmp(rule->question, "delivery") == 0 && asked.range == 3 ? 1 : asked.range;
  uint32_t count = qw_options(&asked, values, arena);
  for (uint32_t i = 0; own && i < 2 && rule->own[i].name != NULL; i++)
    values[count++] = rule->own[i];
  for (uint32_t i = 0; i < 3 && rule->always[i].name != NULL; i++)
    values[count++] = rule->always[i];
  return count;
}

static const question_rule *rule_of(const char *question) {
  for (uint32_t r = 0; r < RULES; r++)
    if (strcmp(rules[r].question, question) == 0)
      return &rules[r];
  fail_msg("tell here what --list lists in %s", question);
  return NULL;
}

// A figure of trend counts by some of its measures alone.
static bool is_count(const ds_table *table, const char *column) {
  const uint32_t c = ds_table_column(table, column);
  return c != UINT32_MAX && table->columns[c].type == DS_CELL_COUNT;
}

// Some figures of every table of one answer; all when `whole`.
static void check_answer(const ds_snapshot *snapshot, const question_rule *rule,
                         ds_option_set options, bool by, bool whole, uint64_t *seed,
                         uint32_t found[LISTED]) {
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  ds_result *result = NULL;
  ds_error err = {0};
  const ds_code code = run(snapshot, rule->question, options, &arena, &result, &err);
  // A world may lack the property that the filter or --by names.
  assert_true(code == DS_OK || code == DS_EXPRESSION);
  if (code == DS_OK)
    check_columns(result);
  for (uint32_t i = 0; i < LISTED && code == DS_OK; i++) {
    const ds_table *table = ds_result_find(result, all[i].table);
    if (strcmp(all[i].question, rule->question) != 0)
      continue;
    // Without --promise no event of these worlds promises anything.
    if (table == NULL &&
        (strcmp(all[i].table, "promises") == 0 || strcmp(all[i].table, "bases") == 0))
      continue;
    assert_non_null(table);
    const uint32_t rows = table->rows_count;
    for (uint32_t round = 0; rows > 0 && round < (whole ? rows : 6); round++) {
      const uint32_t row = whole ? round : (uint32_t)(qw_random(seed) % rows);
      for (uint32_t c = 0; c < 6 && all[i].columns[c] != NULL; c++)
        if (is_count(table, all[i].columns[c]))
          found[i] += check(snapshot, &all[i], options, by ? "color" : NULL, table, row,
                            all[i].columns[c]);
    }
  }
  ds_arena_done(&arena);
}

static void test_lists(void **context) {
  (void)context;
  static qw_world world;
  uint64_t seed = 41;
  uint32_t found[LISTED] = {0};
  for (uint64_t w = 1; w <= (qw_stress() ? 250 : 14); w++) {
    qw_make(&world, w * 7);
    qw_question q;
    qw_ask(&q, &seed, &world);
    q.level = -1;
    ds_snapshot *snapshot = qw_snapshot(&world, w % 2 == 0);
    for (uint32_t i = 0; i < ds_questions_count; i++) {
      const question_rule *rule = rule_of(ds_questions[i].name);
      if (!rule->has_lists)
        continue;
      ds_arena arena;
      ds_arena_init(&arena, 1u << 20);
      ds_option_value values[16];
      const uint32_t options = options_for(rule, &q, w / 2 % 2 == 0, values, &arena);
      check_answer(snapshot, rule, (ds_option_set){.values = values, .count = options},
                   q.by && rule->by, false,
                   &seed, found);
      ds_arena_done(&arena);
    }
    qw_snapshot_free(snapshot);
  }
  // Nothing goes wrong with parcels in these worlds; the golden test of delivery lists such.
  for (uint32_t i = 0; i < LISTED; i++)
    if (found[i] <= 10 && strcmp(all[i].table, "exceptions") != 0)
      fail_msg("only %u figures of %s %s were listed", found[i], all[i].question, all[i].table);
}

// What the worlds above lack: events that come late, early, from the future or at midnight, names
// that the catalogue knows, values of several types, customers that are orders or far too busy.
#define NOW_MS 4000000000000LL
static const char *const odd_touchpoints[] = {"order_placed", "delivered", "label_created",
                                              "deliverd"};
static const char *const odd_properties[] = {"value", "promise_until", "currency"};

static void odd_event(uint64_t *seed, uint32_t e, qw_rows *rows) {
  char subject[32], name[8];
  const uint32_t customer = e < 1200 ? 0 : (uint32_t)(qw_random(seed) % 20);
  const int64_t day = 18262 + (int64_t)(qw_random(seed) % 60);
  ds_event event = {.touchpoint = (uint16_t)(qw_random(seed) % 4), .has_id = true, .id = e + 1,
                    .has_received = true, .arrival = 1, .subject = {subject, 0}};
  ds_event_property property[2];
  ds_event_key key = {0, {name, 0}};
  event.subject.size = (uint32_t)snprintf(subject, sizeof subject, "%s=X%u",
                                          customer % 5 == 4 ? "order_id" : "customer_id", customer);
  key.text.size = (uint32_t)snprintf(name, sizeof name, "O%u", (uint32_t)(qw_random(seed) % 30));
  event.keys = &key;
  event.keys_count = qw_random(seed) % 3 != 0;
  event.time_ms = day * DS_DAY_MS;
  // Only deliveries tell days alone; a silence of some weeks comes last.
  if (event.touchpoint != 1)
    event.time_ms += (int64_t)(qw_random(seed) % 1000) * 70000;
  if (qw_random(seed) % 50 == 0)
    event.time_ms = NOW_MS + 5000;
  event.received_ms = event.time_ms + ((int64_t)(qw_random(seed) % 5) - 1) * 50000000;
  event.properties = property;
  if (event.touchpoint == 0 && qw_random(seed) % 4 == 0)
    property[event.properties_count++] =
        (ds_event_property){0, false, {.type = DS_TYPE_NUMBER, .number = 4}};
  else if (event.touchpoint == 0 && qw_random(seed) % 9 == 0)
    property[event.properties_count++] =
        (ds_event_property){0, false, {.type = DS_TYPE_STRING, .text = ds_str_of("four")}};
  if (event.touchpoint == 0 && qw_random(seed) % 2 == 0)
    property[event.properties_count++] =
        (ds_event_property){1, false, {.type = DS_TYPE_NUMBER, .number = 1}};
  qw_rows_put(rows, &event);
}

static ds_snapshot *odd_snapshot(uint64_t seed) {
  static const char *const keys[] = {"order_id"}, *const sources[] = {"test"};
  ds_space space;
  ds_space_init(&space);
  qw_names(&space.touchpoints, odd_touchpoints, 4);
  qw_names(&space.properties, odd_properties, 3);
  qw_names(&space.keys, keys, 1);
  qw_names(&space.sources, sources, 1);
  ds_snapshot *snapshot = qw_snapshot_new();
  for (uint32_t p = 0, e = 0; p < 2; p++) {
    qw_rows rows = {0};
    for (const uint32_t end = e + 900; e < end; e++)
      odd_event(&seed, e, &rows);
    qw_part_add(snapshot, &space, &rows);
    qw_rows_done(&rows);
  }
  ds_space_done(&space);
  return snapshot;
}

// Every kind of problem, every figure.
static void test_odd(void **context) {
  (void)context;
  static const char *const kinds[] = {
      "unknown_touchpoint", "equal_times",     "duplicates",   "out_of_order",
      "without_case",       "late_arrival",    "received_before", "future",
      "unidentified_customers", "heavy_customers", "shared_cases", "type_conflict",
      "gap",                "date_only",       "unexpected_type", "low_coverage",
      "missing_properties"};
  uint64_t seed = 5;
  uint32_t found[LISTED] = {0};
  ds_snapshot *snapshot = odd_snapshot(seed);
  const ds_option_value filtered[] = {{"where", "order_id != 'O3' or touchpoint = 'delivered'"}};
  for (uint32_t i = 0; i < ds_questions_count; i++) {
    const question_rule *rule = rule_of(ds_questions[i].name);
    if (strcmp(rule->question, "quality") != 0 && strcmp(rule->question, "schema") != 0)
      continue;
    for (uint32_t n = 0; n < 2; n++)
      check_answer(snapshot, rule, (ds_option_set){.values = filtered, .count = n}, false, true,
                   &seed, found);
  }
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  ds_result *result = NULL;
  ds_error err = {0};
  assert_int_equal(run(snapshot, "quality", (ds_option_set){.count = 0}, &arena, &result, &err),
                   DS_OK);
  const ds_table *problems = ds_result_find(result, "problems");
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    uint32_t row = 0;
    while (row < problems->rows_count &&
           !ds_str_equal(cell(problems, row, "kind")->text, ds_str_of(kinds[k])))
      row++;
    if (row == problems->rows_count)
      fail_msg("no %s was made", kinds[k]);
  }
  ds_arena_done(&arena);
  qw_snapshot_free(snapshot);
}

// What refuses --list says so, and what can be listed refuses what is no figure of its tables.
static void test_refused(void **context) {
  (void)context;
  static qw_world world;
  qw_make(&world, 7);
  ds_snapshot *snapshot = qw_snapshot(&world, true);
  for (uint32_t q = 0; q < ds_questions_count; q++) {
    const question_rule *rule = rule_of(ds_questions[q].name);
    ds_arena arena;
    ds_arena_init(&arena, 256u << 20);
    ds_result *result = NULL;
    ds_error err = {0};
    ds_option_value values[2] = {{"list", "x column=y"},
                                 {strcmp(rule->question, "find") == 0 ? "id" : "who", "C1"}};
    if (rule->always[0].name != NULL)
      values[1] = rule->always[0];
    const uint32_t given = rule->has_lists && rule->always[0].name == NULL ? 1 : 2;
    const ds_option_set options = {.values = values, .count = given};
    assert_int_equal(run(snapshot, rule->question, options, &arena, &result, &err), DS_USAGE);
    assert_non_null(strstr(err.message, rule->has_lists ? "--list: write '" : "takes no --list: "));
    ds_arena_done(&arena);
  }
  qw_snapshot_free(snapshot);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lists),
      cmocka_unit_test(test_odd),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
