// SPDX-License-Identifier: Apache-2.0
// --as-of and --known-at: every question, asked of random small worlds at random instants, says
// what it says of a store that holds no other events than those that had happened, and been
// received, by then. Worlds asked with --known-at have facts of identity and events known by an
// order alone; without it today's links apply, so those worlds have customers only.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "long_run.h"
#include "model/identifier.h"
#include "question_world.h"
#include "store/identity.h"

enum { WORLDS_USUAL = 48, WORLDS_STRESS = 2000, EVENTS_MAX = 90, PARTS = 3, OPTIONS_MAX = 16 };
#define START_MS 1577836800000LL /* 2020-01-01 */
#define STEP_MS 7200000LL

// One event, as a row of either store is made from it.
typedef struct cut_event {
  uint32_t part, subject, touchpoint, order, other;
  int64_t time_ms, received_ms;
  bool has_order, has_value;
} cut_event;

typedef struct cut_world {
  uint64_t seed;
  cut_event events[EVENTS_MAX];
  uint32_t count;
  bool joined; // has facts of identity
  ds_space space;
  uint32_t compared[32]; // by question
} cut_world;

static const char *const touchpoints[] = {
    "order_placed", "delivered",  "review_submitted", "support_ticket_opened",
    "exposure",     DS_LINK_SEEN, DS_LINK_TOLD,       DS_LINK_UNTOLD};
enum { PLAIN = 5, TOUCHPOINTS = 8 };
static const char *const subjects[] = {
    "customer_id=C0", "customer_id=C1", "customer_id=C2", "customer_id=C3", "anonymous_id=D0",
    "anonymous_id=D1", "loyalty_id=L0", "order_id=O0",     "order_id=O1",    "order_id=O2"};
enum { CUSTOMERS = 4, SUBJECTS = 10 };

static uint32_t below(cut_world *w, uint32_t limit) {
  return (uint32_t)(qw_random(&w->seed) % limit);
}

static void make_world(cut_world *w) {
  w->count = 5 + below(w, EVENTS_MAX - 5);
  for (uint32_t e = 0; e < w->count; e++) {
    cut_event *event = &w->events[e];
    *event = (cut_event){.part = below(w, PARTS),
                         .subject = below(w, w->joined ? SUBJECTS : CUSTOMERS),
                         .touchpoint = below(w, w->joined ? TOUCHPOINTS : PLAIN),
                         .order = below(w, 5),
                         .other = below(w, SUBJECTS),
                         .time_ms = START_MS + below(w, 60) * STEP_MS,
                         .has_order = below(w, 3) > 0,
                         .has_value = below(w, 3) > 0};
    event->received_ms = event->time_ms + ((int64_t)below(w, 8) - 1) * STEP_MS;
  }
}

static void put_row(const cut_world *w, uint32_t at, qw_rows *rows) {
  const cut_event *event = &w->events[at];
  char order[8], parcel[8];
  snprintf(order, sizeof order, "O%u", event->order);
  snprintf(parcel, sizeof parcel, "P%u", event->order + at % 2);
  ds_event_key keys[2] = {{0, ds_str_of(order)}, {1, ds_str_of(parcel)}};
  ds_event_property properties[3];
  uint32_t used = 0;
  if (event->touchpoint < PLAIN && event->has_value)
    properties[used++] =
        (ds_event_property){0, false, {.type = DS_TYPE_NUMBER, .number = at % 6}};
  if (event->touchpoint >= PLAIN)
    properties[used++] = (ds_event_property){
        1, false, {.type = DS_TYPE_STRING, .text = ds_str_of(subjects[event->other])}};
  if (event->touchpoint == 0)
    properties[used++] = (ds_event_property){
        2, false, {.type = DS_TYPE_TIME, .i = event->time_ms + (at % 8) * STEP_MS}};
  const ds_event row = {.touchpoint = (uint16_t)event->touchpoint, .has_id = true, .id = at + 1,
                        .time_ms = event->time_ms, .has_received = true,
                        .received_ms = event->received_ms, .arrival = at + 1,
                        .subject = ds_str_of(subjects[event->subject]),
                        .keys_count = event->has_order && event->touchpoint < PLAIN ? 2 : 0,
                        .keys = keys,
                        .properties_count = used, .properties = properties};
  qw_rows_put(rows, &row);
}

static void name_all(ds_space *space) {
  static const char *const keys[] = {"order_id", "parcel_id"}, *const sources[] = {"test"};
  static const char *const properties[] = {"value", DS_LINK_PROPERTY, "promised"};
  qw_names(&space->touchpoints, touchpoints, TOUCHPOINTS);
  qw_names(&space->properties, properties, 3);
  qw_names(&space->keys, keys, 2);
  qw_names(&space->sources, sources, 1);
}

// A store of the events that happened and were received by the instants given. Names are those of
// today, also where no event is left that has one.
static ds_snapshot *make_store(const cut_world *w, int64_t time_ms, int64_t received_ms) {
  ds_snapshot *snapshot = qw_snapshot_new();
  name_all(&snapshot->space);
  for (uint32_t part = 0; part < PARTS; part++) {
    qw_rows rows = {0};
    for (uint32_t e = 0; e < w->count; e++)
      if (w->events[e].part == part && w->events[e].time_ms <= time_ms &&
          w->events[e].received_ms <= received_ms)
        put_row(w, e, &rows);
    qw_part_add(snapshot, &w->space, &rows);
    qw_rows_done(&rows);
  }
  ds_error err = {0};
  if (ds_identity_make(snapshot, 2, &snapshot->arena, &snapshot->identity, &err) != DS_OK)
    fail_msg("%s", err.message);
  return snapshot;
}

static void free_store(ds_snapshot *snapshot) {
  ds_identity_done(snapshot->identity);
  qw_snapshot_free(snapshot);
}

// Options of a question, of which some are drawn.
typedef struct cut_ask {
  const char *question;
  ds_option_value must[4];
  ds_option_value may[6];
} cut_ask;

static const cut_ask asks[] = {
    {"map", {{"score", "value"}, {"min-n", "1"}}, {{NULL, NULL}}},
    {"process", {{"columns", "all"}}, {{"min-edge", "2"}}},
    {"variants", {{"outcome", "value"}, {"min-n", "1"}}, {{"collapse", ""}}},
    {"funnel", {{"step", "order_placed\ndelivered\nreview_submitted"}, {"min-n", "1"}},
     {{"within", "30h"}, {"count", "all"}, {"order", "any"}, {"ties", "arrival"}}},
    {"funnel", {{"step", "order_placed\nany[value > 1]\nany"}, {"min-n", "1"}},
     {{"within", "2d"}, {"order", "strict"}}},
    {"paths", {{"after", "order_placed"}}, {{"anchor", "each"}, {"before", "delivered"}}},
    {"trend", {{"measure", "count"}, {"per", "day"}}, {{"from", "2020-01-02T03:00:00Z"}}},
    {"trend", {{"measure", "rate"}, {"of", "delivered"}, {"per", "day"}, {"min-n", "1"}},
     {{"to", "2020-01-04"}}},
    {"trend", {{"measure", "median"}, {"of", "value"}, {"per", "week"}, {"min-n", "1"}},
     {{NULL, NULL}}},
    {"retention", {{"start", "order_placed"}, {"per", "day"}, {"periods", "4"}, {"min-n", "1"}},
     {{"clock", "rolling"}, {"mode", "unbounded"}, {"again", "any"}}},
    {"segment", {{"segment", "count(any) > 3\nsince(order_placed) < 20h"}, {"min-n", "1"}},
     {{NULL, NULL}}},
    {"features", {{"feature", "count(any)\nsince(order_placed)\nlast(any.value)\nfirst(any)"}},
     {{NULL, NULL}}},
    {"conformance", {{"pattern", "order_placed then delivered within 30h"}},
     {{"others", "inserted"}}},
    {"segment", {{"segment", "lapsed"}, {"min-n", "1"}}, {{NULL, NULL}}},
    {"features", {{"feature", "n=count(any)\nlast=since(any)"}}, {{NULL, NULL}}},
    {"tracking", {{NULL, NULL}}, {{NULL, NULL}}},
    {"delivery", {{"promise", "promised"}, {"min-n", "1"}},
     {{"arrival", "delivered"}, {"against", "current"}, {"score", "value"}}},
    {"quality", {{NULL, NULL}}, {{NULL, NULL}}},
    {"schema", {{NULL, NULL}}, {{NULL, NULL}}},
    {"find", {{"has", "any"}}, {{NULL, NULL}}},
    {"find", {{"id", "count(any) >= 2 and did(any, last 20h)"}}, {{NULL, NULL}}},
    {"find", {{"id", "O1"}}, {{NULL, NULL}}},
    {"timeline", {{"who", "C1"}}, {{NULL, NULL}}},
    {"timeline", {{"who", "O2"}}, {{NULL, NULL}}},
};
enum { ASKS = sizeof asks / sizeof *asks };

static uint32_t put_options(cut_world *w, const cut_ask *ask, ds_option_value *out) {
  static const ds_option_value common[] = {
      {"cases", "since(any) < 40h"}, {"by", "value"}, {"where", "value is null or value < 4"}};
  uint32_t count = 0;
  for (uint32_t o = 0; o < 4 && ask->must[o].name != NULL; o++)
    out[count++] = ask->must[o];
  for (uint32_t o = 0; o < 6 && ask->may[o].name != NULL; o++)
    if (below(w, 2) == 0)
      out[count++] = ask->may[o];
  const bool about_cases = strcmp(ask->question, "quality") != 0 &&
                           strcmp(ask->question, "schema") != 0 &&
                           strcmp(ask->question, "timeline") != 0 &&
                           strcmp(ask->question, "find") != 0 &&
                           strcmp(ask->question, "features") != 0;
  if (about_cases && below(w, 2) == 0)
    out[count++] = (ds_option_value){"case", "order_id"};
  for (uint32_t o = 0; about_cases && o < 3; o++)
    if (below(w, 4) == 0)
      out[count++] = common[o];
  return count;
}

// The answer as text: tables and cells, without remarks. "" with the code of a refusal.
static ds_code answer(const ds_snapshot *snapshot, const char *question,
                      const ds_option_value *options, uint32_t count, uint32_t threads,
                      int64_t now_ms, ds_buf *text, ds_error *err) {
  ds_arena arena;
  ds_result result;
  ds_arena_init(&arena, (size_t)256 << 20);
  const ds_request request = {.snapshot = snapshot,
                              .options = {.values = options, .count = count},
                              .now_ms = now_ms, .threads = threads,
                              .memory_bytes = (size_t)64 << 20, .arena = &arena};
  ds_result_init(&result, &arena, question);
  const ds_code code = ds_question_run(ds_question_find(ds_str_of(question)), &request, &result,
                                       err);
  ds_buf_reset(text);
  ds_buf_printf(text, "%lld", (long long)(code == DS_OK ? result.as_of_ms : 0));
  for (uint32_t t = 0; code == DS_OK && t < result.tables_count; t++) {
    const ds_table *table = &result.tables[t];
    ds_buf_printf(text, "\n[%s]", table->name);
    for (uint32_t c = 0; c < table->rows_count * table->columns_count; c++) {
      const ds_cell_type type = table->columns[c % table->columns_count].type;
      const ds_cell *cell = &table->cells[c];
      ds_buf_text(text, c % table->columns_count == 0 ? "\n" : "|");
      if (cell->null)
        ds_buf_text(text, "null");
      else if (type == DS_CELL_TEXT || type == DS_CELL_LIST || type == DS_CELL_ITEMS)
        ds_buf_append(text, cell->text.data, cell->text.size);
      else if (type == DS_CELL_COUNT || type == DS_CELL_TIME)
        ds_buf_printf(text, "%lld", (long long)cell->i);
      else
        ds_buf_printf(text, "%.17g", cell->number);
    }
  }
  ds_arena_done(&arena);
  return code;
}

// The answer at the instants equals that of the store that holds nothing else.
static void compare(cut_world *w, const cut_ask *ask, const ds_snapshot *all,
                    const ds_snapshot *cut, const ds_option_value *instants,
                    uint32_t instants_count, int64_t now_ms, ds_buf text[2]) {
  ds_option_value options[OPTIONS_MAX];
  ds_error err[2] = {{.code = DS_OK}, {.code = DS_OK}};
  const uint32_t count = put_options(w, ask, options);
  assert_true(count + instants_count <= OPTIONS_MAX);
  for (uint32_t i = 0; i < instants_count; i++)
    options[count + i] = instants[i];
  // The store that was cut needs no --known-at, but by features, for which it is the instant unless
  // it is given; its clock may have to be told.
  const bool dated = instants_count > 0 && strcmp(instants[0].name, "as-of") == 0;
  const uint32_t told = strcmp(ask->question, "features") == 0 ? instants_count : dated;
  const ds_code code = answer(all, ask->question, options, count + instants_count,
                              1 + below(w, 2), now_ms, &text[0], &err[0]);
  const ds_code same = answer(cut, ask->question, options, count + told, 1, now_ms, &text[1],
                              &err[1]);
  // Where no value is left, nothing tells that the property is an instant.
  if (strcmp(ask->question, "delivery") == 0 && code == DS_OK && same == DS_EXPRESSION)
    return;
  // Where a fact of the system's own alone has a property, `any` cannot be asked for it.
  for (uint32_t i = 0; (code == DS_OK) != (same == DS_OK) && i < 2; i++)
    if (strstr(err[i].message, "no event that any means has a property 'value', though") != NULL)
      return;
  if (code != same)
    fail_msg("%s: '%s', but '%s'", ask->question, err[0].message, err[1].message);
  if (strcmp(ds_buf_cstr(&text[0]), ds_buf_cstr(&text[1])) != 0) {
    for (uint32_t o = 0; o < count + instants_count; o++)
      print_error("--%s %s\n", options[o].name, options[o].text);
    fail_msg("%s:\n%s\nbut of what is left:\n%s", ask->question, ds_buf_cstr(&text[0]),
             ds_buf_cstr(&text[1]));
  }
  w->compared[ds_question_find(ds_str_of(ask->question)) - ds_questions] += code == DS_OK;
}

static int64_t draw_instant(cut_world *w, char text[32]) {
  const int64_t instant_ms = START_MS + below(w, 64) * STEP_MS + below(w, 2);
  ds_time_print(text, instant_ms);
  return instant_ms;
}

// Whether some event is there at all: otherwise questions refuse, which is another test.
static bool is_fit(const cut_world *w, int64_t time_ms) {
  for (uint32_t e = 0; e < w->count; e++)
    if (w->events[e].time_ms <= time_ms)
      return true;
  return false;
}

static void check_world(cut_world *w, uint32_t number, ds_buf text[2]) {
  char time[32], received[32];
  ds_option_value instants[2];
  uint32_t used = 0;
  // By turns: --as-of, --known-at, both, and the clock alone.
  const uint32_t turn = number % 4;
  int64_t time_ms = draw_instant(w, time), now_ms = 4000000000000LL;
  w->joined = turn == 1 || turn == 2;
  make_world(w);
  const bool has_time = turn != 1, has_received = turn == 1 || turn == 2;
  const int64_t received_ms = draw_instant(w, received);
  if (!is_fit(w, has_time ? time_ms : INT64_MAX))
    time_ms = START_MS + 59 * STEP_MS, ds_time_print(time, time_ms);
  if (turn == 0 || turn == 2)
    instants[used++] = (ds_option_value){"as-of", time};
  if (has_received)
    instants[used++] = (ds_option_value){"known-at", received};
  if (turn == 3)
    now_ms = time_ms;
  ds_snapshot *all = make_store(w, INT64_MAX, INT64_MAX);
  ds_snapshot *cut = make_store(w, has_time ? time_ms : INT64_MAX,
                                has_received ? received_ms : INT64_MAX);
  for (uint32_t a = 0; a < ASKS && cut->events > 0; a++)
    // Without --as-of, quality tells what lies in the future.
    if (turn != 3 || strcmp(asks[a].question, "quality") != 0)
      compare(w, &asks[a], all, cut, instants, used, now_ms, text);
  free_store(all);
  free_store(cut);
}

static void test_worlds(void **context) {
  (void)context;
  static cut_world world;
  ds_buf text[2];
  ds_space_init(&world.space);
  name_all(&world.space);
  for (uint32_t t = 0; t < 2; t++)
    ds_buf_init(&text[t], 1u << 24);
  const uint32_t worlds = long_run() ? WORLDS_STRESS : WORLDS_USUAL;
  for (uint32_t i = 0; i < worlds; i++) {
    world.seed = (uint64_t)i * 7919 + 3;
    check_world(&world, i, text);
  }
  for (uint32_t t = 0; t < 2; t++)
    ds_buf_done(&text[t]);
  ds_space_done(&world.space);
  for (uint32_t q = 0; q < ds_questions_count; q++)
    if (world.compared[q] < worlds / 2)
      fail_msg("%s was compared only %u times", ds_questions[q].name, world.compared[q]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_worlds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
