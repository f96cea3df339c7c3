// SPDX-License-Identifier: Apache-2.0
// consent(): random grants and withdrawals, with and without a purpose or channel, or with an empty
// one, many at one instant; at instants before, among and after them each customer's consent equals
// what following the events one by one gives, and what the SQL text says in DuckDB. And what is
// refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "ingest/duck.h"
#include "lang/case.h"
#include "long_run.h"
#include "question_world.h"
#include "scan/property_types.h"

enum { WORLDS = 12, WORLDS_STRESS = 400, CUSTOMERS = 6, EVENTS_MAX = 60, HOURS = 12 };
enum { ORDERED, GRANTED, WITHDRAWN, TOUCHPOINTS };
#define START_MS 1577836800000LL /* 2020-01-01 */

static const char *const touchpoints[TOUCHPOINTS] = {"order_placed", "consent_granted",
                                                     "consent_withdrawn"};
static const char *const properties[2] = {"purpose", "channel"};
// What is asked about comes first.
static const char *const purposes[] = {"marketing", "it's", NULL, ""};
static const char *const channels[] = {"email", "sms", NULL, ""};
enum { PURPOSES = 4, CHANNELS = 4, PURPOSES_ASKED = 2, CHANNELS_ASKED = 3 };

typedef struct one_event {
  uint32_t customer, touchpoint;
  int64_t time_ms;
  const char *purpose, *channel;
} one_event;

typedef struct world {
  uint64_t seed;
  one_event event[EVENTS_MAX];
  uint32_t count;
  ds_duck *duck;
  ds_snapshot *snapshot;
  uint32_t compared, met;
} world;

static uint32_t draw(world *w, uint32_t below) { return (uint32_t)(qw_random(&w->seed) % below); }

static void check(ds_code code, const ds_error *err) {
  if (code != DS_OK)
    fail_msg("%s", err->message);
}

static void put_sql(ds_buf *sql, const char *text) {
  ds_buf_text(sql, text == NULL ? ", null" : strcmp(text, "it's") == 0 ? ", 'it''s'" : ", '");
  if (text != NULL && strcmp(text, "it's") != 0)
    ds_buf_printf(sql, "%s'", text);
}

static void put_event(const world *w, uint32_t e, qw_rows *rows, ds_buf *sql) {
  const one_event *one = &w->event[e];
  char subject[32];
  ds_event_property with[2];
  ds_event event = {.touchpoint = (uint16_t)one->touchpoint, .has_id = true, .id = e + 1,
                    .time_ms = one->time_ms, .received_ms = one->time_ms, .arrival = e + 1,
                    .properties = with};
  snprintf(subject, sizeof subject, "customer_id=C%u", one->customer);
  event.subject = ds_str_of(subject);
  const char *const texts[2] = {one->purpose, one->channel};
  for (uint16_t p = 0; p < 2; p++)
    if (texts[p] != NULL)
      with[event.properties_count++] = (ds_event_property){
          p, false, {.type = DS_TYPE_STRING, .text = ds_str_of(texts[p])}};
  ds_buf_printf(sql, "%s('%s', '', make_timestamp(%lld), %u, '%s'",
                e == 0 ? "insert into events values " : ", ", subject,
                (long long)one->time_ms * 1000, e + 1, touchpoints[one->touchpoint]);
  put_sql(sql, one->purpose);
  put_sql(sql, one->channel);
  ds_buf_text(sql, ")");
  qw_rows_put(rows, &event);
}

static void world_make(world *w) {
  static const char *const sources[] = {"shop"};
  ds_error err = {0};
  ds_space space;
  ds_buf sql;
  qw_rows rows = {0};
  ds_buf_init(&sql, 1u << 20);
  check(ds_duck_run(w->duck, "create or replace table events (customer varchar, of_case varchar, "
                    "\"time\" timestamp, arrival bigint, touchpoint varchar, purpose varchar, "
                    "channel varchar)", &err), &err);
  ds_space_init(&space);
  qw_names(&space.touchpoints, touchpoints, TOUCHPOINTS);
  qw_names(&space.properties, properties, 2);
  qw_names(&space.sources, sources, 1);
  w->count = 20 + draw(w, EVENTS_MAX - 20);
  // In some worlds withdrawals carry no property, or grants no channel.
  const bool bare = draw(w, 4) == 0, whole = draw(w, 4) == 0;
  for (uint32_t e = 0; e < w->count; e++) {
    const uint32_t touchpoint = e == 0 ? (uint32_t)GRANTED : draw(w, TOUCHPOINTS);
    const bool plain = touchpoint == ORDERED || (bare && touchpoint == WITHDRAWN);
    w->event[e] = (one_event){draw(w, CUSTOMERS), touchpoint,
                              START_MS + (int64_t)draw(w, HOURS) * 3600000,
                              plain ? NULL : purposes[e == 0 ? 0 : draw(w, PURPOSES)],
                              plain || (whole && touchpoint == GRANTED)
                                  ? NULL : channels[draw(w, CHANNELS)]};
    put_event(w, e, &rows, &sql);
  }
  check(ds_duck_run(w->duck, ds_buf_cstr(&sql), &err), &err);
  w->snapshot = qw_snapshot_new();
  qw_part_add(w->snapshot, &space, &rows);
  qw_rows_done(&rows);
  ds_space_done(&space);
  ds_buf_done(&sql);
}

static bool says(const char *text, const char *what) {
  return text != NULL && what != NULL && strcmp(text, what) == 0;
}

// An empty text says nothing, so it takes all back, and gives nothing.
static bool says_nothing(const char *text) { return text == NULL || *text == '\0'; }

// Following the events: of the relevant ones the latest, and of those at one instant a withdrawal.
static bool expect(const world *w, uint32_t customer, const char *purpose, const char *channel,
                   int64_t now_ms) {
  bool given = false;
  for (int64_t at = START_MS; at <= now_ms; at += 3600000) {
    bool gives = false, takes = false;
    for (uint32_t e = 0; e < w->count; e++) {
      const one_event *one = &w->event[e];
      if (one->customer != customer || one->time_ms != at || one->touchpoint == ORDERED)
        continue;
      const bool same = says(one->purpose, purpose), on = says(one->channel, channel);
      gives = gives || (one->touchpoint == GRANTED && same && (on || one->channel == NULL));
      takes = takes || (one->touchpoint == WITHDRAWN && (same || says_nothing(one->purpose)) &&
                        (on || channel == NULL || says_nothing(one->channel)));
    }
    given = takes ? false : gives ? true : given;
  }
  return given;
}

typedef struct asking {
  const ds_case_program *program;
  ds_columns columns;
  int64_t now_ms;
} asking;

typedef struct answers {
  const asking *what;
  int met[CUSTOMERS]; // -1: not begun
} answers;

static ds_code answers_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  answers *to = memory;
  to->what = context;
  for (uint32_t c = 0; c < CUSTOMERS; c++)
    to->met[c] = -1;
  return DS_OK;
}

static ds_code answers_add(void *memory, const ds_block *block, ds_error *err) {
  answers *to = memory;
  ds_case_evaluator *evaluator = NULL;
  const ds_case_values *values = NULL;
  TRY(ds_case_evaluator_new(to->what->program, &to->what->columns, &evaluator, err));
  TRY(ds_case_begin(evaluator, block, err));
  TRY(ds_case_evaluate(evaluator, to->what->now_ms, &values, err));
  for (uint32_t j = 0; j < block->journeys; j++) {
    const uint32_t customer = (uint32_t)(block->subject[j].data[strlen("customer_id=C")] - '0');
    if (block->time_ms[block->offset[j]] > to->what->now_ms)
      continue;
    assert_true((values->present[j / 64] >> (j % 64) & 1) != 0); // never null
    to->met[customer] = (int)(values->yes[j / 64] >> (j % 64) & 1);
  }
  ds_case_evaluator_free(evaluator);
  return DS_OK;
}

static ds_code answers_merge(void *into, void *from, ds_error *err) {
  (void)into;
  (void)from;
  (void)err;
  return DS_OK;
}

static const ds_kernel kernel = {"answers", sizeof(answers), answers_init, answers_add,
                                 answers_merge, NULL};

static void compare_sql(world *w, const ds_case_program *program, const answers *ours,
                        ds_arena *arena) {
  ds_error err = {0};
  ds_duck_texts found;
  ds_buf sql;
  ds_buf_init(&sql, 1u << 20);
  ds_buf_text(&sql, "WITH source AS (SELECT * FROM events)");
  check(ds_case_sql(program, ours->what->now_ms, NULL, "source", &sql, &err), &err);
  ds_buf_text(&sql, " SELECT customer, (");
  check(ds_case_rule_sql(program, 0, &sql, &err), &err);
  ds_buf_text(&sql, ")::INT::VARCHAR FROM facts0");
  check(ds_duck_query(w->duck, ds_buf_cstr(&sql), arena, &found, &err), &err);
  for (uint32_t r = 0; r < found.rows; r++) {
    const ds_str *cell = &found.cell[(size_t)r * 2];
    const int met = ours->met[cell[0].data[strlen("customer_id=C")] - '0'];
    assert_true(cell[1].data != NULL && met == cell[1].data[0] - '0');
  }
  ds_buf_done(&sql);
}

static void compare(world *w, const char *purpose, const char *channel, int64_t now_ms) {
  char text[128];
  ds_error err = {0};
  ds_arena arena;
  ds_schema schema;
  ds_case_program *program = NULL;
  uint32_t rule = 0;
  void *memory = NULL;
  snprintf(text, sizeof text, channel == NULL ? "consent('%s')" : "consent('%s', '%s')",
           strcmp(purpose, "it's") == 0 ? "it''s" : purpose, channel);
  ds_arena_init(&arena, 1u << 27);
  check(ds_schema_of(w->snapshot, &arena, &schema, &err), &err);
  check(ds_case_program_new(&schema, &arena, &program, &err), &err);
  check(ds_case_program_add_condition(program, ds_str_of(text), &rule, &err), &err);
  ds_plan plan = {.threads = 1, .columns = {.want = DS_WANT_SUBJECT}};
  check(ds_case_program_columns(program, &plan.columns, &arena, &err), &err);
  const asking what = {program, plan.columns, now_ms};
  check(ds_scan(w->snapshot, &plan, &kernel, &what, &arena, &memory, &err), &err);
  const answers *ours = memory;
  for (uint32_t c = 0; c < CUSTOMERS; c++) {
    if (ours->met[c] < 0)
      continue;
    if ((ours->met[c] == 1) != expect(w, c, purpose, channel, now_ms))
      fail_msg("seed %llu: %s of C%u at hour %lld: %d", (unsigned long long)w->seed, text, c,
               (long long)(now_ms - START_MS) / 3600000, ours->met[c]);
    w->compared++;
    w->met += ours->met[c] == 1;
  }
  compare_sql(w, program, ours, &arena);
  ds_arena_done(&arena);
}

static void test_worlds(void **state) {
  (void)state;
  ds_error err = {0};
  world w = {0};
  check(ds_duck_open("build/libduckdb.so", NULL, (size_t)512 << 20, &w.duck, &err), &err);
  for (uint32_t n = 0; n < (long_run() ? WORLDS_STRESS : WORLDS); n++) {
    w.seed = n * 104729u + 5;
    world_make(&w);
    for (uint32_t p = 0; p < PURPOSES_ASKED; p++)
      for (uint32_t c = 0; c < CHANNELS_ASKED; c++)
        for (uint32_t i = 0; i < 2; i++)
          compare(&w, purposes[p], channels[c], START_MS + (int64_t)draw(&w, HOURS + 2) * 3600000);
    qw_snapshot_free(w.snapshot);
  }
  // Both answers are there in number.
  assert_true(w.met > w.compared / 20 && w.met < w.compared * 19 / 20);
  ds_duck_close(w.duck);
}

static void test_refused(void **state) {
  (void)state;
  static const struct {
    const char *text;
    const char *message;
  } bad[] = {
      {"consent()", "expected a purpose in quotes"},
      {"consent('marketing', email)", "expected a channel in quotes"},
      {"any_case(order_id, consent('marketing'))", "outside of any_case()"},
      {"consent('marketing')", "no event consent_granted has a property 'purpose'"},
  };
  static const char *const names[] = {"order_placed"}, *const keys[] = {"order_id"};
  ds_arena arena;
  ds_space space;
  ds_space_init(&space);
  qw_names(&space.touchpoints, names, 1);
  qw_names(&space.keys, keys, 1);
  const ds_schema schema = {.space = &space};
  ds_arena_init(&arena, 1u << 24);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ds_error err = {0};
    ds_case_program *program = NULL;
    uint32_t rule = 0;
    assert_int_equal(ds_case_program_new(&schema, &arena, &program, &err), DS_OK);
    assert_int_not_equal(ds_case_program_add(program, ds_str_of(bad[i].text), &rule, &err), DS_OK);
    if (strstr(err.message, bad[i].message) == NULL)
      fail_msg("%s: %s", bad[i].text, err.message);
    assert_true(err.line == 1 && err.column > 0);
  }
  ds_arena_done(&arena);
  ds_space_done(&space);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_worlds), cmocka_unit_test(test_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
