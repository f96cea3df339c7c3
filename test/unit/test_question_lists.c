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

#include "long_run.h"
#include "question_world.h"

// Every question: which of the options that a world draws it takes.
typedef struct question_rule {
  const char *question;
  bool has_lists, by, by_case, attach;
  ds_option_value own[2];    // given in every second world
  ds_option_value always[4]; // without which there is no question
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
     {{"step", "order_placed\nstage:order\nany?\nany[value >= 2]"}, {"within", "5d"},
      {"times", ""}, {"per", "month"}}},
    {"paths", true, true, true, true, {{"anchor", "each"}, {"collapse", ""}},
     {{"after", "any[value >= 1]"}, {"min-share", "0.05"}}},
    {"trend", true, true, true, true, {{"measure", "median"}, {"of", "duration"}}, NONE},
    {"retention", true, true, true, true, {{"mode", "unbounded"}, {"per", "day"}}, NONE},
    {"segment", true, false, true, true, NONE,
     {{"segment", "count(any) >= 3\nsince(any) < 1d"}, {"overlap", ""},
      {"versus", "2031-01-04"}, {"per", "month"}}},
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

// Columns of a table.
typedef struct unlisted_columns {
  const char *question;
  const char *table;
  const char *columns[6];
} unlisted_columns;

// Columns of counts that are not listed.
static const unlisted_columns unlisted[] = {
    // They count neither cases nor events.
    {"quality", "touchpoints", {"gap_days"}},
    {"variants", "overall", {"variants", "single", "listed"}},
    {"paths", "nodes", {"depth", "id", "parent"}},
    {"retention", "cells", {"period"}},
    {"retention", "curve", {"period", "cohorts"}},
    {"retention", "returns", {"median_days"}},
    {"retention", "again", {"days"}},
    {"delivery", "promises", {"days"}},
    // Cases with a score; those of a pain point are those of its touchpoint.
    {"map", "stages", {"satisfaction_n"}},
    {"map", "touchpoints", {"satisfaction_n"}},
    {"map", "pains", {"cases"}},
    {"conformance", "kinds", {"outcome_n"}},
    {"conformance", "deviations", {"outcome_n"}},
    {"variants", "variants", {"outcome_n"}}, // values, of which a case may have several
};
enum { UNLISTED = sizeof unlisted / sizeof *unlisted };

// How many figures of a table were listed that are more than nothing.
typedef struct found_table {
  const char *question;
  const char *table;
  uint32_t count;
} found_table;
typedef struct found_tables {
  found_table table[64];
  uint32_t count;
} found_tables;

static ds_code run(const ds_snapshot *snapshot, const char *question, ds_option_set options,
                   ds_arena *arena, ds_result **ret_result, ds_error *err) {
  const ds_request request = {.snapshot = snapshot, .options = options, .threads = 2,
                              .now_ms = 4000000000000LL, .memory_bytes = 64u << 20,
                              .catalogue = qw_catalogue(arena), .arena = arena};
  *ret_result = ds_arena_alloc(arena, sizeof **ret_result);
  ds_result_init(*ret_result, arena, question);
  return ds_question_run(ds_question_find(ds_str_of(question)), &request, *ret_result, err);
}

static const ds_cell *cell(const ds_table *table, uint32_t row, const char *column) {
  const uint32_t c = ds_table_column(table, column);
  assert_int_not_equal(c, UINT32_MAX);
  return &table->cells[(size_t)row * table->columns_count + c];
}

static bool is_unlisted(const char *question, const char *table, const char *column) {
  for (uint32_t i = 0; i < UNLISTED; i++)
    for (uint32_t c = 0; c < 6 && unlisted[i].columns[c] != NULL; c++)
      if (strcmp(unlisted[i].question, question) == 0 && strcmp(unlisted[i].table, table) == 0 &&
          strcmp(unlisted[i].columns[c], column) == 0)
        return true;
  return false;
}

static bool is_offered(const ds_result *result, const char *table, const char *column) {
  for (uint32_t f = 0; f < result->figures_count; f++)
    for (uint32_t c = 0; c < DS_FIGURES_COLUMNS_MAX; c++)
      if (strcmp(result->figures[f].table, table) == 0 &&
          result->figures[f].columns[c] != NULL &&
          strcmp(result->figures[f].columns[c], column) == 0)
        return true;
  return false;
}

// Every column of counts can be listed, or is told above; only counts can be.
static void check_columns(const ds_result *result) {
  for (uint32_t t = 0; t < result->tables_count; t++) {
    const ds_table *table = &result->tables[t];
    for (uint32_t c = 0; c < table->columns_count; c++) {
      const char *column = table->columns[c].name;
      const bool counts = table->columns[c].type == DS_CELL_COUNT;
      if ((counts && !is_unlisted(result->question, table->name, column)) !=
          is_offered(result, table->name, column))
        fail_msg("%s %s column=%s is a count: tell here that --list does not list it",
                 result->question, table->name, column);
    }
  }
}

static void put_quoted(ds_buf *out, ds_str text, bool items) {
  ds_buf_u8(out, '\'');
  for (uint32_t at = 0; at < text.size; at++) {
    const char c = text.data[at];
    if (items && c == DS_LIST_SEPARATOR)
      ds_buf_text(out, " > ");
    else
      ds_buf_append(out, &c, 1);
    if (c == '\'' || (items && c == '>'))
      ds_buf_append(out, &c, 1);
  }
  ds_buf_u8(out, '\'');
}

// Writes ` 'name'='value'` for a key of a row, as its cell's text in JSON. A null names nothing.
static void put_key(ds_buf *out, const ds_table *table, uint32_t row, const char *name) {
  const ds_cell *at = cell(table, row, name);
  const ds_cell_type type = table->columns[ds_table_column(table, name)].type;
  if (at->null)
    return;
  ds_buf_u8(out, ' ');
  put_quoted(out, ds_str_of(name), false);
  ds_buf_u8(out, '=');
  char time[32];
  if (type == DS_CELL_TIME)
    ds_buf_text(out, ds_time_print(time, at->i));
  else if (type == DS_CELL_COUNT)
    ds_buf_printf(out, "%lld", (long long)at->i);
  else if (type == DS_CELL_NUMBER)
    ds_buf_printf(out, "%.12g", at->number);
  else
    put_quoted(out, at->text, type == DS_CELL_LIST);
  assert_true(type == DS_CELL_COUNT || type == DS_CELL_NUMBER || type == DS_CELL_TEXT ||
              type == DS_CELL_LIST || type == DS_CELL_TIME);
}

static bool is_excepted(const ds_figures *what, const ds_table *table, uint32_t row) {
  for (uint32_t e = 0; what->except != NULL && what->except[e] != NULL; e++)
    if (ds_str_equal(cell(table, row, what->keys[0])->text, ds_str_of(what->except[e])))
      return true;
  return false;
}

// Lists one figure of the answer to those options; returns 1 when it was more than nothing.
static uint32_t check(const ds_snapshot *snapshot, const char *question, const ds_figures *what,
                      ds_option_set options, const ds_table *table, uint32_t row,
                      const char *column) {
  ds_arena arena;
  ds_buf cell_text;
  ds_arena_init(&arena, 256u << 20);
  ds_buf_init(&cell_text, 1u << 16);
  ds_buf_text(&cell_text, what->table);
  if (what->by != NULL)
    put_key(&cell_text, table, row, what->by);
  for (uint32_t k = 0; k < DS_FIGURES_KEYS_MAX && what->keys[k] != NULL; k++) {
    put_key(&cell_text, table, row, what->keys[k]);
    assert_false(k < what->needed && cell(table, row, what->keys[k])->null);
  }
  ds_buf_printf(&cell_text, " column=%s", column);
  const char *text = ds_buf_cstr(&cell_text);
  ds_option_value values[16];
  assert_true(options.count < 16);
  if (options.count > 0)
    memcpy(values, options.values, options.count * sizeof *values);
  values[options.count] = (ds_option_value){"list", text};
  ds_result *result = NULL;
  ds_error err = {0};
  const ds_code code = run(snapshot, question,
                           (ds_option_set){.values = values, .count = options.count + 1}, &arena,
                           &result, &err);
  const int64_t figure = cell(table, row, column)->i;
  const bool listed = !is_excepted(what, table, row);
  if (!listed && code != DS_USAGE)
    fail_msg("%s %s is listed, and said not to be", question, text);
  if (listed && code != DS_OK)
    fail_msg("%s %s: %s", question, text, err.message);
  if (listed && ds_result_find(result, "list")->rows_count != figure)
    fail_msg("%s %s: the figure is %lld, the list has %u entries", question, text,
             (long long)figure, ds_result_find(result, "list")->rows_count);
  assert_true(!listed || result->figures_count == 0);
  ds_buf_done(&cell_text);
  ds_arena_done(&arena);
  return !listed || figure > 0;
}

static void count_found(found_tables *found, const char *question, const char *table,
                        uint32_t more) {
  uint32_t t = 0;
  while (t < found->count && (strcmp(found->table[t].question, question) != 0 ||
                              strcmp(found->table[t].table, table) != 0))
    t++;
  assert_true(t < sizeof found->table / sizeof *found->table);
  if (t == found->count)
    found->table[found->count++] = (found_table){question, table, 0};
  found->table[t].count += more;
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
  for (uint32_t i = 0; i < 4 && rule->always[i].name != NULL; i++)
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

// Some figures of every table of one answer; all when `whole`.
static void check_answer(const ds_snapshot *snapshot, const question_rule *rule,
                         ds_option_set options, bool whole, uint64_t *seed, found_tables *found) {
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  ds_result *result = NULL;
  ds_error err = {0};
  const ds_code code = run(snapshot, rule->question, options, &arena, &result, &err);
  // A world may lack the property that the filter or --by names.
  assert_true(code == DS_OK || code == DS_EXPRESSION);
  if (code == DS_OK)
    check_columns(result);
  for (uint32_t f = 0; f < result->figures_count && code == DS_OK; f++) {
    const ds_figures *what = &result->figures[f];
    const ds_table *table = ds_result_find(result, what->table);
    assert_non_null(table);
    const uint32_t rows = table->rows_count;
    uint32_t more = 0;
    for (uint32_t round = 0; rows > 0 && round < (whole ? rows : 6); round++) {
      const uint32_t row = whole ? round : (uint32_t)(qw_random(seed) % rows);
      for (uint32_t c = 0; c < DS_FIGURES_COLUMNS_MAX && what->columns[c] != NULL; c++)
        more += check(snapshot, rule->question, what, options, table, row, what->columns[c]);
    }
    count_found(found, rule->question, what->table, more);
  }
  ds_arena_done(&arena);
}

static void test_lists(void **context) {
  (void)context;
  static qw_world world;
  uint64_t seed = 41;
  found_tables found = {.count = 0};
  for (uint64_t w = 1; w <= (long_run() ? 250 : 16); w++) {
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
      check_answer(snapshot, rule, (ds_option_set){.values = values, .count = options}, false,
                   &seed, &found);
      ds_arena_done(&arena);
    }
    qw_snapshot_free(snapshot);
  }
  // Nothing goes wrong with parcels in these worlds; the golden test of delivery lists such.
  for (uint32_t t = 0; t < found.count; t++)
    if (found.table[t].count < 11 && strcmp(found.table[t].table, "exceptions") != 0)
      fail_msg("only %u figures of %s %s were listed", found.table[t].count,
               found.table[t].question, found.table[t].table);
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
  found_tables found = {.count = 0};
  ds_snapshot *snapshot = odd_snapshot(seed);
  const ds_option_value filtered[] = {{"where", "order_id != 'O3' or touchpoint = 'delivered'"}};
  for (uint32_t i = 0; i < ds_questions_count; i++) {
    const question_rule *rule = rule_of(ds_questions[i].name);
    if (strcmp(rule->question, "quality") != 0 && strcmp(rule->question, "schema") != 0)
      continue;
    for (uint32_t n = 0; n < 2; n++)
      check_answer(snapshot, rule, (ds_option_set){.values = filtered, .count = n}, true, &seed,
                   &found);
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

// Names and values with all that a cell gives a meaning: spaces, quotes, '=' and '>'.
static const char *const quoted_texts[] = {"it's", "\"a\" 'b'", " a  > b ", ">", "x=y column=z",
                                           "A>>B>", "'", " >> "};
enum { QUOTED_TEXTS = sizeof quoted_texts / sizeof *quoted_texts };

static ds_snapshot *quoted_snapshot(uint64_t *seed) {
  static const char *const touchpoints[] = {"order_placed", "delivered", "it's \"no\" = 'yes' > 1",
                                            "'"};
  static const char *const properties[] = {"the \"own\" = 'way' >", "value"};
  static const char *const keys[] = {"order_id"}, *const sources[] = {"test"};
  ds_space space;
  qw_rows rows = {0};
  ds_space_init(&space);
  qw_names(&space.touchpoints, touchpoints, 4);
  qw_names(&space.properties, properties, 2);
  qw_names(&space.keys, keys, 1);
  qw_names(&space.sources, sources, 1);
  ds_snapshot *snapshot = qw_snapshot_new();
  for (uint32_t e = 0; e < 300; e++) {
    char subject[32], name[8];
    const uint32_t customer = e / 10;
    ds_event_key key = {0, {name, 0}};
    ds_event_property property[2] = {
        {0, false, {.type = DS_TYPE_STRING,
                    .text = ds_str_of(quoted_texts[qw_random(seed) % QUOTED_TEXTS])}},
        {1, false, {.type = DS_TYPE_NUMBER, .number = (double)(qw_random(seed) % 4)}}};
    ds_event event = {.touchpoint = (uint16_t)(qw_random(seed) % 4), .has_id = true, .id = e + 1,
                      .arrival = 1, .subject = {subject, 0}, .keys = &key, .keys_count = 1,
                      .properties = property, .properties_count = 2};
    event.time_ms = 1900000000000LL + e * 7000000LL;
    event.subject.size =
        (uint32_t)snprintf(subject, sizeof subject, "customer_id=X%u", customer);
    key.text.size = (uint32_t)snprintf(name, sizeof name, "O%u", e / 4);
    qw_rows_put(&rows, &event);
  }
  qw_part_add(snapshot, &space, &rows);
  qw_rows_done(&rows);
  ds_space_done(&space);
  return snapshot;
}

static void test_quoted(void **context) {
  (void)context;
  uint64_t seed = 77;
  found_tables found = {.count = 0};
  ds_snapshot *snapshot = quoted_snapshot(&seed);
  const char *name = ds_names_text(&snapshot->space.properties, 0);
  for (uint32_t i = 0; i < ds_questions_count; i++) {
    const question_rule *rule = rule_of(ds_questions[i].name);
    ds_option_value values[16];
    uint32_t count = 0;
    if (!rule->has_lists)
      continue;
    if (rule->by)
      values[count++] = (ds_option_value){"by", name};
    for (uint32_t a = 0; a < 4 && rule->always[a].name != NULL; a++)
      values[count++] = rule->always[a];
    for (uint32_t v = 0; v < count; v++)
      if (strcmp(values[v].name, "groups") == 0)
        values[v].text = name;
    check_answer(snapshot, rule, (ds_option_set){.values = values, .count = count}, i % 4 == 0,
                 &seed, &found);
  }
  for (uint32_t t = 0; t < found.count; t++)
    // Nothing is promised here.
    if (found.table[t].count == 0 && (strcmp(found.table[t].question, "delivery") != 0 ||
                                      strcmp(found.table[t].table, "groups") == 0))
      fail_msg("no figure of %s %s was listed", found.table[t].question, found.table[t].table);
  qw_snapshot_free(snapshot);
}

// What cannot be read as a cell is told where.
static void test_unreadable(void **context) {
  (void)context;
  static const char *const cells[][2] = {
      {"nodes touchpoint='a column=cases", "closing quote"},
      {"nodes touchpoint='a'b column=cases", "closing quote"},
      {"nodes touchpoint=a b column=cases", "expected name=value, found 'b'"},
      {"nodes 'touchpoint' =a", "expected name=value, found ''touchpoint''"},
      {"nodes touchpoint=a touchpoint=b column=cases", "'touchpoint' names no part"},
      {"nodes column=cases", "needs touchpoint="},
      {"nodes touchpoint=a", "needs column="},
      {"nodes touchpoint=a column=median_ms", "cannot be listed: choose occurrences"},
      {"nodes a=1 b=2 c=3 d=4 e=5 f=6 g=7", "one part too many"},
  };
  static qw_world world;
  qw_make(&world, 7);
  ds_snapshot *snapshot = qw_snapshot(&world, true);
  for (size_t c = 0; c < sizeof cells / sizeof *cells; c++) {
    ds_arena arena;
    ds_arena_init(&arena, 64u << 20);
    ds_result *result = NULL;
    ds_error err = {0};
    const ds_option_value value = {"list", cells[c][0]};
    const ds_option_set options = {.values = &value, .count = 1};
    const ds_code code = run(snapshot, "process", options, &arena, &result, &err);
    if (code != DS_USAGE || strstr(err.message, cells[c][1]) == NULL)
      fail_msg("%s: %s", cells[c][0], err.message);
    ds_arena_done(&arena);
  }
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
      cmocka_unit_test(test_quoted),
      cmocka_unit_test(test_unreadable),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
