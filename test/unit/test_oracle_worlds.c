// SPDX-License-Identifier: Apache-2.0
// 100 random small worlds with ties, nulls, list-valued keys and empty cases: questions, by turns,
// from the log alone, from log and parts, from parts, and after compaction equal their own SQL
// text run by DuckDB over the same events. With DS_STRESS=1 every question in every state of 1,000
// worlds (200 under a sanitizer). Arguments FIRST COUNT: worlds from FIRST on, so many.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "ingest/stage.h"
#include "question/question.h"
#include "unit/long_run.h"
#include "unit/oracle.h"
#include "unit/question_world.h"

#define WORLDS_USUAL 100u
// Under a sanitizer a world takes many times as long.
#ifdef __has_feature
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif
#define WORLDS_STRESS (SANITIZED ? 200u : 1000u)
#define EVENTS_MAX 80u
#define SESSION_SHARE 8u // one of so many comparisons is made with `doorstep sql`, too
#define QUESTIONS_MAX 16u
#define START_MS 1500000000000

typedef struct world {
  uint64_t seed;
  ds_duck *duck;
  ds_store *store;
  ds_space space;
  ds_arena arena;
  ds_buf rows;
  size_t at[EVENTS_MAX + 1];
  uint32_t events;
  ds_option_value option[24];
  uint32_t options;
  uint32_t turn; // of the questions
  uint32_t sessions;
  uint32_t compared[QUESTIONS_MAX];
  uint32_t number;
  ds_type promise; // of its promises
} world;

static uint32_t draw(world *w, uint32_t below) {
  w->seed += 0x9e3779b97f4a7c15ULL;
  uint64_t z = w->seed;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return (uint32_t)((z ^ (z >> 31)) % below);
}

static void check(ds_code code, const ds_error *err) {
  if (code != DS_OK)
    fail_msg("%s", err->message);
}

static uint16_t name(ds_names *names, const char *text) {
  uint32_t index = 0;
  assert_int_equal(ds_names_add(names, ds_str_of(text), &index, NULL), DS_OK);
  return (uint16_t)index;
}

// The last is a fact of the system's own, which no journey is made of.
static const char *const touchpoints[] = {
    "order_placed", "delivered", "ping", "a b", "it's", "order_confirmed", "support_ticket_opened",
    "support_first_response", "exposure"};
static const char *const colours[] = {"red", "green", "o'blue"};
static const char *const channels[] = {"web", "app", "o'mail", "z", "phone"};
// What is promised lies about when things happen: a day, or in some worlds an instant.
static const ds_type promises[] = {DS_TYPE_DATE, DS_TYPE_TIME};
#define START_DAY (START_MS / 86400000)

// One event as a row and as an SQL row.
static void add_event(world *w, uint32_t customers, uint32_t kinds, ds_buf *sql) {
  char subject[32], key[3][16];
  ds_event_key keys[3];
  ds_event_property properties[4];
  const uint32_t customer = draw(w, customers), kind = draw(w, kinds);
  // Some customers are known by an order alone.
  snprintf(subject, sizeof subject, "%s=c%u", customer == 3 ? "order_id" : "customer_id", customer);
  ds_event event = {.touchpoint = name(&w->space.touchpoints, touchpoints[kind]),
                    .source = name(&w->space.sources, "test"),
                    .time_ms = START_MS + draw(w, 12) * (w->seed % 2 == 0 ? 1 : 999),
                    .subject = ds_str_of(subject),
                    .has_received = true,
                    .keys = keys,
                    .properties = properties};
  // Some are received before they happen, some days after.
  event.received_ms = event.time_ms + ((int64_t)draw(w, 5) - 1) * 30000000;
  ds_buf_printf(sql, "%s('%s', make_timestamp(%lld * 1000), make_timestamp(%lld * 1000), %u, "
                "$$%s$$, [", w->events == 0 ? "insert into events values " : ", ", subject,
                (long long)event.time_ms, (long long)event.received_ms, w->events,
                touchpoints[kind]);
  event.keys_count = draw(w, 4) == 0 ? 0 : 1 + draw(w, 2);
  for (uint32_t k = 0; k < event.keys_count; k++) {
    // Values are shared between customers now and then.
    snprintf(key[k], sizeof key[k], "o%u", draw(w, 3) + customer % 3);
    keys[k] = (ds_event_key){name(&w->space.keys, "order_id"), ds_str_of(key[k])};
    ds_buf_printf(sql, "%s'%s'", k == 0 ? "" : ", ", key[k]);
  }
  ds_buf_text(sql, "]::varchar[], ");
  if (draw(w, 3) != 0) {
    const uint32_t value = draw(w, 20);
    properties[event.properties_count++] =
        (ds_event_property){name(&w->space.properties, "value"), false,
                            {.type = DS_TYPE_NUMBER, .number = value / 4.0}};
    ds_buf_printf(sql, "%g, ", value / 4.0);
  } else {
    ds_buf_text(sql, "null, ");
  }
  if (draw(w, 2) == 0) {
    const char *colour = colours[draw(w, 3)];
    properties[event.properties_count++] =
        (ds_event_property){name(&w->space.properties, "colour"), false,
                            {.type = DS_TYPE_STRING, .text = ds_str_of(colour)}};
    ds_buf_printf(sql, "$$%s$$, ", colour);
  } else {
    ds_buf_text(sql, "null, ");
  }
  if (draw(w, 2) == 0) {
    const char *channel = channels[draw(w, 1 + (uint32_t)(w->number % 5))];
    properties[event.properties_count++] =
        (ds_event_property){name(&w->space.properties, "channel"), false,
                            {.type = DS_TYPE_STRING, .text = ds_str_of(channel)}};
    ds_buf_printf(sql, "$$%s$$, ", channel);
  } else {
    ds_buf_text(sql, "null, ");
  }
  if (draw(w, 3) == 0) {
    const bool day = w->promise == DS_TYPE_DATE;
    const int64_t until = day ? START_DAY - 1 + draw(w, 3) : START_MS + draw(w, 12);
    properties[event.properties_count++] = (ds_event_property){
        name(&w->space.properties, "promise_until"), false, {.type = w->promise, .i = until}};
    ds_buf_printf(sql, day ? "date '1970-01-01' + %lld)" : "make_timestamp(%lld * 1000))",
                  (long long)until);
  } else {
    ds_buf_text(sql, "null)");
  }
  w->at[w->events++] = w->rows.size;
  assert_int_equal(ds_event_encode(&event, &w->rows, NULL), DS_OK);
}

static void fill_tables(world *w) {
  ds_error err = {0};
  ds_buf sql;
  ds_buf_init(&sql, 1u << 20);
  w->promise = promises[w->number % 2];
  check(ds_duck_run(w->duck,
                    w->promise == DS_TYPE_DATE
                        ? "create or replace table events (customer varchar, time timestamp, "
                          "received timestamp, arrival bigint, touchpoint varchar, order_id "
                          "varchar[], value double, colour varchar, channel varchar, "
                          "promise_until date)"
                        : "create or replace table events (customer varchar, time timestamp, "
                          "received timestamp, arrival bigint, touchpoint varchar, order_id "
                          "varchar[], value double, colour varchar, channel varchar, "
                          "promise_until timestamp)",
                    &err),
        &err);
  const uint32_t count = 1 + draw(w, EVENTS_MAX - 1), customers = 1 + draw(w, 5);
  const uint32_t kinds = 1 + draw(w, 9);
  for (uint32_t i = 0; i < count; i++)
    add_event(w, customers, kinds, &sql);
  w->at[w->events] = w->rows.size;
  check(ds_duck_run(w->duck, ds_buf_cstr(&sql), &err), &err);
  ds_buf_done(&sql);
}

static void append(world *w, uint32_t first, uint32_t end) {
  if (first == end)
    return;
  ds_error err = {0};
  const ds_buf rows = {.data = w->rows.data + w->at[first], .size = w->at[end] - w->at[first]};
  uint64_t duplicates = 0;
  check(ds_store_append(w->store, &w->space, &rows, &duplicates, &err), &err);
  assert_int_equal(duplicates, 0);
}

// The rows as one import: they take its number and arrival.
static void import(world *w, uint32_t first, uint32_t end) {
  ds_error err = {0};
  ds_stage_area *stage = NULL;
  check(ds_stage_new(w->store, &w->space, 2, 64u << 20, NULL, &stage, &err), &err);
  const ds_import_scope *scope = ds_stage_scope(stage);
  for (uint32_t i = first; i < end; i++) {
    uint8_t *row = w->rows.data + w->at[i];
    const uint32_t size = (uint32_t)(w->at[i + 1] - w->at[i]);
    ds_row head;
    ds_row_open(row, &head);
    memcpy(row + 8, &scope->id, 4);
    memcpy(row + 32, &scope->arrival, 8); // behind the time of receipt
    check(ds_stage_row(stage, ds_subject_hash(head.subject), row, size, &err), &err);
  }
  ds_import_info info = {.mapping = "", .files = "world", .rows = end - first};
  ds_build_stats stats;
  check(ds_stage_finish(stage, &info, &stats, &err), &err);
  assert_int_equal(stats.events, end - first);
  ds_stage_free(stage);
}

static const char *instant_text(world *w, int64_t time_ms) {
  char text[32];
  ds_time_print(text, time_ms);
  return ds_arena_text(&w->arena, text, strlen(text));
}

static void put_option(world *w, const char *option, const char *text) {
  w->option[w->options++] = (ds_option_value){option, text};
}

// --as-of and --known-at, where they leave an event.
static void choose_instants(world *w) {
  static const int64_t spans_ms[] = {0, 4, 3500, 30000000};
  const int64_t time_ms = START_MS + spans_ms[draw(w, 4)];
  const int64_t received_ms = START_MS + spans_ms[draw(w, 4)];
  const bool has_time = draw(w, 3) == 0, has_received = draw(w, 6) == 0;
  bool any = false;
  for (uint32_t e = 0; e < w->events; e++) {
    ds_row row;
    ds_row_open(w->rows.data + w->at[e], &row);
    any |= (!has_time || row.time_ms <= time_ms) &&
           (!has_received || row.received_ms <= received_ms);
  }
  if (any && has_time)
    put_option(w, "as-of", instant_text(w, time_ms));
  if (any && has_received)
    put_option(w, "known-at", instant_text(w, received_ms));
}

static void choose_options(world *w) {
  static const char *const filters[] = {"value > 1.5", "touchpoint != 'ping'",
                                        "colour = 'o''blue' and value <= 4",
                                        "colour is not null", "value in (0, 1, 2.5)"};
  static const char *const ranges[] = {"started", "touching", "completed", "events"};
  static const char *const conditions[] = {
      "count(any) >= 3", "did(any, last 4ms)", "elapsed(any, any) <= 2ms",
      "since(any) < 6ms and not did(any, from 9ms to 5ms ago)",
      "sequence(any then immediately order_placed within 3ms)",
      "sequence(any then not order_placed within 2ms)",
      // A fact of the system's own, which the condition alone sees.
      "did(exposure)", "not did(exposure, last 4ms)"};
  const bool has_facts = ds_names_find(&w->space.touchpoints, ds_str_of("exposure")) != DS_NONE;
  w->options = 0;
  if (draw(w, 4) == 0)
    put_option(w, "cases", conditions[draw(w, has_facts ? 8 : 6)]);
  choose_instants(w);
  if (draw(w, 2) == 0)
    put_option(w, "case", "order_id");
  if (draw(w, 2) == 0)
    put_option(w, "where", filters[draw(w, 5)]);
  if (draw(w, 3) == 0)
    put_option(w, "from", "2017-07-14T02:40:00.003Z");
  if (draw(w, 3) == 0)
    put_option(w, "to", "2017-07-14T02:40:00.009Z");
  if (ds_option_get(&(ds_option_set){.values = w->option, .count = w->options}, "from") != NULL ||
      ds_option_get(&(ds_option_set){.values = w->option, .count = w->options}, "to") != NULL)
    put_option(w, "range", ranges[draw(w, 4)]);
}

static ds_request request_of(world *w, const ds_snapshot *snapshot, uint32_t threads) {
  return (ds_request){.snapshot = snapshot,
                      .options = {.values = w->option, .count = w->options},
                      .now_ms = START_MS + 1000000000,
                      .threads = threads,
                      .memory_bytes = (size_t)64 << 20,
                      .arena = &w->arena};
}

static bool has(const ds_names *names, const char *text) {
  return ds_names_find(names, ds_str_of(text)) != DS_NONE;
}

// Whether an option speaks of what no event of this world carries, which is refused by name.
static bool refused(world *w, const ds_snapshot *snapshot) {
  static const char *const properties[] = {"value", "colour", "channel", "promise_until"};
  const ds_space *space = &snapshot->space;
  for (uint32_t o = 0; o < w->options; o++) {
    const char *text = w->option[o].text;
    for (uint32_t p = 0; p < 4; p++)
      if (strstr(text, properties[p]) != NULL && !has(&space->properties, properties[p]))
        return true;
    if ((strstr(text, "ping") != NULL && !has(&space->touchpoints, "ping")) ||
        (strstr(text, "order_placed.") != NULL && !has(&space->touchpoints, "order_placed")) ||
        (strstr(text, "order_id") != NULL && !has(&space->keys, "order_id")) ||
        (strcmp(w->option[o].name, "case") == 0 && !has(&space->keys, text)))
      return true;
  }
  return false;
}

// Whether nothing is left that a text could name: `features` sees what was received by --as-of.
static bool is_empty(const ds_question *question, const ds_request *request,
                     const ds_result *result) {
  ds_error err = {0};
  ds_buf sql;
  ds_buf_init(&sql, 1u << 20);
  const ds_code code = ds_question_sql(question, request, &sql, &err);
  ds_buf_done(&sql);
  if (code != DS_UNSUPPORTED)
    return false;
  assert_string_equal(err.message, "no SQL form: there are no events to name");
  assert_int_equal(result->tables[0].rows_count, 0);
  return true;
}

static void compare_one(world *w, const oracle_question *what, const ds_snapshot *snapshot,
                        uint32_t threads) {
  ds_error err = {0};
  const ds_request request = request_of(w, snapshot, threads);
  const ds_question *question = ds_question_find(ds_str_of(what->question));
  ds_result result;
  ds_result_init(&result, &w->arena, what->question);
  const ds_code code = ds_question_run(question, &request, &result, &err);
  const bool nobody = code == DS_EXPRESSION && strcmp(what->question, "timeline") == 0;
  // A world has less variants than were asked for.
  if (code == DS_USAGE && ds_option_get(&request.options, "variant") != NULL)
    return;
  // Where nothing is seen, no name is known, and none is refused.
  const bool unseen = code == DS_OK && is_empty(question, &request, &result);
  if (nobody || (refused(w, snapshot) && !unseen)) {
    ds_buf sql;
    ds_buf_init(&sql, 1u << 20);
    assert_int_equal(code, DS_EXPRESSION);
    assert_int_equal(ds_question_sql(question, &request, &sql, &err), DS_EXPRESSION);
    ds_buf_done(&sql);
    return;
  }
  check(code, &err);
  if (unseen)
    return;
  w->compared[what - oracle_questions]++;
  (void)oracle_check(what, &request, &result, w->duck);
  // The same text over the tables of `doorstep sql`.
  if (w->seed % SESSION_SHARE != 0 && !long_run())
    return;
  oracle_session session;
  oracle_session_open(&session, snapshot, threads, NULL, NULL);
  (void)oracle_check(what, &request, &result, session.duck);
  oracle_session_close(&session);
  w->sessions++;
}

static bool is(const oracle_question *what, const char *question) {
  return strcmp(what->question, question) == 0;
}

static bool is_given(const world *w, const char *option) {
  for (uint32_t i = 0; i < w->options; i++)
    if (strcmp(w->option[i].name, option) == 0)
      return true;
  return false;
}

static void drop_option(world *w, const char *option) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < w->options; i++)
    if (strcmp(w->option[i].name, option) != 0)
      w->option[kept++] = w->option[i];
  w->options = kept;
}

// Who is looked for, and by which events.
static void choose_names(world *w, const oracle_question *what) {
  static const char *const names[] = {"o1", "c1", "customer_id=c0", "o3", "c0", "order_id=c3",
                                      "c3"};
  static const char *const selectors[] = {"any", "(order_placed or delivered)", "stage:order"};
  if (is(what, "timeline"))
    put_option(w, "who", names[draw(w, 7)]);
  if (is(what, "find") && !is_given(w, "where") && draw(w, 3) != 0)
    put_option(w, "has", selectors[draw(w, 3)]);
  const bool asks = is_given(w, "where") || is_given(w, "has") || is_given(w, "from") ||
                    is_given(w, "to");
  if (is(what, "find") && (draw(w, 2) == 0 || !asks))
    put_option(w, "id", names[draw(w, 7)]);
}

static void choose_measure(world *w) {
  static const char *const measures[][2] = {{"count", NULL},        {"cases", NULL},
                                            {"rate", "delivered"},  {"sum", "value"},
                                            {"median", "duration"}, {"p90", "value"}};
  const uint32_t m = draw(w, 6);
  put_option(w, "measure", measures[m][0]);
  put_option(w, "min-n", "2");
  if (measures[m][1] != NULL)
    put_option(w, "of", measures[m][1]);
}

static void choose_steps(world *w) {
  static const char *const steps[] = {
      "order_placed\ndelivered", "order_placed\nping\norder_placed",
      "(order_placed or delivered)\ndelivered\nany", "stage:order\nany[touchpoint != 'ping']",
      "order_placed\nany?\ndelivered\n(stage:order)?"};
  static const char *const withins[] = {"1s", "2s 500ms", "14d"};
  put_option(w, "step", steps[draw(w, 5)]);
  if (draw(w, 3) == 0)
    put_option(w, "value", draw(w, 2) == 0 ? "value" : "order_placed.value");
  put_option(w, "within", withins[draw(w, 3)]);
  put_option(w, "min-n", "2");
  if (draw(w, 2) == 0)
    put_option(w, "ties", "arrival");
}

static void choose_return(world *w) {
  static const char *const starts[] = {"any", "any[value > 1]", "actor:customer"};
  drop_option(w, "range");
  put_option(w, "start", starts[draw(w, 3)]);
  put_option(w, "again", draw(w, 2) == 0 ? "any" : "any[colour = 'red']");
  put_option(w, "mode", draw(w, 2) == 0 ? "recurring" : "unbounded");
  put_option(w, "clock", draw(w, 2) == 0 ? "calendar" : "rolling");
  put_option(w, "per", draw(w, 2) == 0 ? "day" : "week");
  put_option(w, "min-n", "2");
}

// Which cases a question about journeys is about.
static void choose_cases(world *w) {
  static const char *const nodes[] = {"owner", "actor", "colour", "channel"};
  static const ds_option_value filters[] = {
      {"closed", "actor:carrier"}, {"open", "stage:delivery"}, {"min-duration", "2ms"},
      {"max-duration", "5s"}};
  if (draw(w, 3) == 0)
    w->option[w->options++] = filters[draw(w, 4)];
  if (draw(w, 3) == 0)
    put_option(w, "node", nodes[draw(w, 4)]);
  if (draw(w, 4) == 0)
    put_option(w, "variant", draw(w, 2) == 0 ? "1" : "1,2-3");
}

static void choose_segments(world *w) {
  static const char *const conditions[] = {
      "count(any) > 3\nsince(any) > 6ms",
      "did(any[value > 1])\ndid(order_placed) and not did(delivered, last 4ms)\ncount(any) > 1",
      "elapsed(order_placed, delivered) < 3s\nsum(any.value) >= 4", ""};
  static const char *const instants[] = {"2017-07-14T02:40:11Z", "2017-07-14T02:40:30Z"};
  put_option(w, "segment", conditions[draw(w, 4)]);
  put_option(w, "min-n", "2");
  if (draw(w, 2) == 0)
    put_option(w, "overlap", "");
  if (is_given(w, "overlap") && draw(w, 2) == 0)
    put_option(w, "versus", instants[draw(w, 2)]);
  if (draw(w, 3) == 0)
    put_option(w, "per", "day");
}

static void choose_features(world *w) {
  static const char *const features[] = {
      "a=did(order_placed)\nn=count(any, last 5ms)\nidle=since(any)",
      "a=did(delivered)\nsum(any.value)\nc=last(any.colour)\nfirst(any)\nmedian(any.value)",
      "a=segment('lapsed')\nelapsed(order_placed, delivered)\ndistinct(any.colour)",
      ("p=sequence(order_placed then not delivered within 5ms)\nk=count_cases(order_id, "
       "count(any, last 9ms) > 1)\ncount(any, from 9ms to 3ms ago)\nwait=now - first(any)")};
  static const char *const instants[] = {"any", "order_placed", "(delivered or ping)"};
  const uint32_t drawn = draw(w, 4);
  put_option(w, "feature", features[drawn]);
  if (drawn == 3) // speaks of the customer's cases itself
    drop_option(w, "case");
  if (draw(w, 2) == 0)
    put_option(w, "at", instants[draw(w, 3)]);
}

static void choose_paths(world *w) {
  static const char *const anchors[] = {"any", "order_placed", "(delivered or ping)",
                                        "any[value > 1]", "stage:order"};
  static const char *const which[] = {"first", "last", "each"};
  static const char *const shares[] = {"0.01", "0.3", "0.5"};
  const uint32_t marks = draw(w, 3);
  if (marks != 1)
    put_option(w, "after", anchors[draw(w, 5)]);
  if (marks != 0)
    put_option(w, "before", anchors[draw(w, 5)]);
  put_option(w, "anchor", which[draw(w, 3)]);
  put_option(w, "depth", draw(w, 2) == 0 ? "2" : "4");
  put_option(w, "children", draw(w, 2) == 0 ? "1" : "3");
  put_option(w, "min-share", shares[draw(w, 3)]);
  if (draw(w, 2) == 0)
    put_option(w, "collapse", "");
}

// What is about whole orders.
static void choose_whole(world *w) {
  for (uint32_t i = 0; i < w->options; i++)
    if (strcmp(w->option[i].name, "range") == 0 && strcmp(w->option[i].text, "events") == 0)
      drop_option(w, "range");
}

static void choose_groups(world *w) {
  static const char *const groups[] = {"weekday", "weekday,month", "month"};
  choose_whole(w);
  put_option(w, "groups", groups[draw(w, 3)]);
  put_option(w, "min-n", "1");
  if (draw(w, 2) == 0)
    put_option(w, "arrival", "delivered");
}

// What most questions can be broken down by.
static void choose_by(world *w, const oracle_question *what) {
  static const char *const by[] = {"colour", "channel", "value", "promise_until",
                                   "order_placed.colour"};
  static const char *const tops[] = {"1", "2", "20"};
  static const char *const broken[] = {"map", "process", "variants", "funnel", "trend",
                                       "retention", "segment", "paths", "delivery", NULL};
  for (uint32_t b = 0; broken[b] != NULL; b++)
    if (is(what, broken[b]) && draw(w, 2) == 0 && !is_given(w, "overlap")) {
      put_option(w, "by", by[draw(w, 5)]);
      put_option(w, "top", tops[draw(w, 3)]);
    }
}

// Options that only one question has; without those that it does not take.
static void choose_own_options(world *w, const oracle_question *what) {
  const bool scored = is(what, "map") || is(what, "variants");
  choose_names(w, what);
  if (is(what, "trend"))
    choose_measure(w);
  if (is(what, "funnel"))
    choose_steps(w);
  if (is(what, "paths"))
    choose_paths(w);
  if (is(what, "retention"))
    choose_return(w);
  if (is(what, "segment"))
    choose_segments(w);
  if (is(what, "features"))
    choose_features(w);
  if (is(what, "delivery"))
    choose_groups(w);
  if (is(what, "tracking"))
    choose_whole(w);
  if (is(what, "schema"))
    drop_option(w, "case");
  if (is(what, "variants") && draw(w, 2) == 0)
    put_option(w, "collapse", "");
  if (scored && draw(w, 2) == 0) {
    put_option(w, is(what, "variants") ? "outcome" : "score",
               draw(w, 2) == 0 ? "value" : "order_placed.value");
    put_option(w, "min-n", "2");
  }
  if (is(what, "variants") && draw(w, 3) == 0)
    put_option(w, "coverage", draw(w, 2) == 0 ? "0.5" : "0.8");
  if (is(what, "process")) {
    static const char *const columns[] = {"basic", "cases", "all"};
    put_option(w, "columns", columns[draw(w, 3)]);
    put_option(w, "min-edge", draw(w, 2) == 0 ? "1" : "2");
    if (draw(w, 2) == 0)
      put_option(w, "rework", "");
    if (draw(w, 3) == 0)
      put_option(w, "coverage", draw(w, 2) == 0 ? "0.5" : "0.8");
  }
  if (is(what, "process") || is(what, "variants"))
    choose_cases(w);
  choose_by(w, what);
}

static void compare_all(world *w, uint32_t threads) {
  ds_error err = {0};
  ds_snapshot *snapshot = NULL;
  check(ds_store_snapshot(w->store, &snapshot, &err), &err);
  assert_int_equal(snapshot->events, w->events);
  ds_option_value shared[24];
  const uint32_t shared_count = w->options;
  memcpy(shared, w->option, sizeof shared);
  for (uint32_t q = 0; q < oracle_questions_count; q++) {
    if (q != w->turn % oracle_questions_count && !long_run())
      continue;
    choose_own_options(w, &oracle_questions[q]);
    compare_one(w, &oracle_questions[q], snapshot, threads);
    memcpy(w->option, shared, sizeof shared);
    w->options = shared_count;
  }
  w->turn++;
  ds_snapshot_free(snapshot);
}

// One world in all its states; which ones, its seed says.
static void run_world(world *w, const char *path) {
  ds_error err = {0};
  ds_store_options options;
  ds_store_options_init(&options);
  options.write = options.create = true;
  check(ds_store_open(path, &options, &w->store, &err), &err);
  ds_space_init(&w->space);
  ds_buf_init(&w->rows, 1u << 20);
  ds_arena_init(&w->arena, (size_t)1 << 30);
  w->events = 0;
  fill_tables(w);
  choose_options(w);
  const uint32_t cut = draw(w, w->events + 1);
  if (draw(w, 2) == 0)
    import(w, 0, cut);
  else
    append(w, 0, cut);
  if (draw(w, 2) == 0)
    check(ds_store_seal(w->store, &err), &err);
  append(w, cut, w->events);
  compare_all(w, 1);
  check(ds_store_seal(w->store, &err), &err);
  choose_options(w);
  compare_all(w, 2);
  check(ds_store_compact(w->store, NULL, &err), &err);
  compare_all(w, 1);
  ds_store_close(w->store);
  ds_space_done(&w->space);
  ds_buf_done(&w->rows);
  ds_arena_done(&w->arena);
}

// The worlds that are asked.
typedef struct range {
  uint32_t first, count;
} range;

static void test_worlds(void **state) {
  const range *worlds = *state;
  ds_error err = {0};
  world w = {.seed = 1};
  check(ds_duck_open("build/libduckdb.so", NULL, (size_t)512 << 20, &w.duck, &err), &err);
  char folder[] = "/tmp/doorstep-worlds-XXXXXX";
  assert_non_null(mkdtemp(folder));
  for (uint32_t i = worlds->first; i < worlds->first + worlds->count; i++) {
    // Another question begins each world, so that each meets every state.
    w.turn = i;
    w.number = i;
    char path[64], command[96];
    w.seed = (uint64_t)i * 1000003 + 7;
    snprintf(path, sizeof path, "%s/%u", folder, i);
    run_world(&w, path);
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
  }
  char command[96];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  assert_int_equal(system(command), 0);
  ds_duck_close(w.duck);
  assert_true(w.sessions > worlds->count / SESSION_SHARE);
  for (uint32_t q = 0; q < oracle_questions_count; q++)
    if (w.compared[q] < worlds->count / oracle_questions_count)
      fail_msg("%s was compared only %u times", oracle_questions[q].question, w.compared[q]);
}

int main(int argc, char **argv) {
  range worlds = {0, long_run() ? WORLDS_STRESS : WORLDS_USUAL};
  if (argc == 3)
    worlds = (range){(uint32_t)strtoul(argv[1], NULL, 10), (uint32_t)strtoul(argv[2], NULL, 10)};
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_prestate(test_worlds, &worlds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
