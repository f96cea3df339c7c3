// SPDX-License-Identifier: Apache-2.0
// Who is in lists: random worlds of events, facts of lists received at different times and facts of
// identity; what conditions with in_list() give, of customers and of orders, at instants and as
// known at instants, equals what going through all events by hand gives, and what SQL says.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "long_run.h"
#include "model/identifier.h"
#include "oracle.h"
#include "store/identity.h"

enum { WORLDS = 8, WORLDS_STRESS = 300, SUBJECTS = 9, EVENTS_MAX = 70, HOURS = 20 };
enum { ORDERED, DELIVERED, JOINED, LINKED, TOUCHPOINTS };
#define START_MS 1577836800000LL /* 2020-01-01 */
#define HOUR_MS 3600000LL

static const char *const touchpoints[TOUCHPOINTS] = {"order_placed", "delivered", DS_LIST_JOINED,
                                                     DS_LINK_TOLD};
static const char *const lists[] = {"a", "b's"};

typedef struct one_event {
  uint32_t subject, touchpoint, order, list, other;
  int64_t time_ms, received_ms;
} one_event;

typedef struct world {
  uint64_t seed;
  one_event event[EVENTS_MAX];
  uint32_t count;
  ds_snapshot *snapshot;
  oracle_session session;
  uint32_t rows, met;
} world;

static uint32_t draw(world *w, uint32_t below) { return (uint32_t)(qw_random(&w->seed) % below); }

static void check(ds_code code, const ds_error *err) {
  if (code != DS_OK)
    fail_msg("%s", err->message);
}

static void put_event(const world *w, uint32_t e, qw_rows *rows) {
  const one_event *one = &w->event[e];
  char subject[32], other[32], order[32];
  snprintf(subject, sizeof subject, "customer_id=C%u", one->subject);
  snprintf(other, sizeof other, "customer_id=C%u", one->other);
  snprintf(order, sizeof order, "o%u.%u", one->subject, one->order);
  ds_event_key key = {0, ds_str_of(order)};
  ds_event_property with = {
      one->touchpoint == LINKED, false,
      {.type = DS_TYPE_STRING,
       .text = ds_str_of(one->touchpoint == LINKED ? other : lists[one->list])}};
  const bool fact = one->touchpoint == JOINED || one->touchpoint == LINKED;
  const ds_event event = {.touchpoint = (uint16_t)one->touchpoint, .has_id = true, .id = e + 1,
                          .time_ms = one->time_ms, .received_ms = one->received_ms,
                          .has_received = true, .arrival = e + 1, .subject = ds_str_of(subject),
                          .keys = &key, .keys_count = !fact, .properties = &with,
                          .properties_count = fact};
  qw_rows_put(rows, &event);
}

static void world_make(world *w) {
  static const char *const names[] = {DS_LIST_PROPERTY, DS_LINK_PROPERTY}, *const keys[] = {
      "order_id"}, *const sources[] = {"shop"};
  ds_error err = {0};
  ds_space space;
  ds_space_init(&space);
  qw_names(&space.touchpoints, touchpoints, TOUCHPOINTS);
  qw_names(&space.properties, names, 2);
  qw_names(&space.keys, keys, 1);
  qw_names(&space.sources, sources, 1);
  w->snapshot = qw_snapshot_new();
  w->count = 30 + draw(w, EVENTS_MAX - 30);
  qw_rows rows[2] = {{.count = 0}, {.count = 0}};
  for (uint32_t e = 0; e < w->count; e++) {
    const uint32_t subject = e < SUBJECTS ? e : draw(w, SUBJECTS);
    const uint32_t touchpoint = e < SUBJECTS ? (uint32_t)ORDERED
                                             : draw(w, 10) < 8 ? draw(w, LINKED) : (uint32_t)LINKED;
    const int64_t time_ms = START_MS + (e < SUBJECTS ? 0 : draw(w, HOURS)) * HOUR_MS;
    // A list has no past: when a fact of one happened does not matter.
    w->event[e] = (one_event){subject, touchpoint, draw(w, 2), draw(w, 2),
                              (subject + 1 + draw(w, SUBJECTS - 1)) % SUBJECTS, time_ms,
                              time_ms + draw(w, HOURS) * HOUR_MS};
    put_event(w, e, &rows[w->event[e].touchpoint >= JOINED]);
  }
  for (uint32_t p = 0; p < 2; p++) {
    qw_part_add(w->snapshot, &space, &rows[p]);
    qw_rows_done(&rows[p]);
  }
  check(ds_identity_make(w->snapshot, 1, &w->snapshot->arena, &w->snapshot->identity, &err), &err);
  ds_space_done(&space);
  oracle_session_open(&w->session, w->snapshot, 1, NULL, NULL);
}

// --- by hand

typedef struct asked {
  int64_t now_ms, known_ms;
  bool by_order;
} asked;

static bool is_known(const one_event *one, const asked *what) {
  return one->received_ms <= what->known_ms;
}

// The strongest identifier of whoever is one with the subject. Two people known by the same kind
// are joined all the same when somebody told so.
static void join(const world *w, const asked *what, uint32_t of[SUBJECTS]) {
  for (uint32_t s = 0; s < SUBJECTS; s++)
    of[s] = s;
  for (uint32_t e = 0; e < w->count; e++) {
    const one_event *one = &w->event[e];
    // With an instant of knowledge, facts after --as-of are not there either.
    if (one->touchpoint != LINKED || !is_known(one, what) ||
        (what->known_ms < INT64_MAX && one->time_ms > what->now_ms))
      continue;
    const uint32_t a = of[one->subject], b = of[one->other];
    for (uint32_t s = 0; s < SUBJECTS; s++)
      of[s] = of[s] == b ? a : of[s];
  }
}

static bool in_list(const world *w, const asked *what, const uint32_t of[SUBJECTS],
                    uint32_t customer, uint32_t list) {
  for (uint32_t e = 0; e < w->count; e++)
    if (w->event[e].touchpoint == JOINED && w->event[e].list == list &&
        is_known(&w->event[e], what) && of[w->event[e].subject] == customer)
      return true;
  return false;
}

// Who has begun, and of these who is in both lists, in the first but without a delivery.
static void count_by_hand(const world *w, const asked *what, uint64_t counts[3]) {
  uint32_t of[SUBJECTS];
  join(w, what, of);
  counts[0] = counts[1] = counts[2] = 0;
  for (uint32_t c = 0; c < SUBJECTS; c++)
    for (uint32_t s = 0; s < (what->by_order ? SUBJECTS : 1); s++)
      for (uint32_t o = 0; o < (what->by_order ? 2 : 1); o++) {
        bool begun = false, delivered = false;
        for (uint32_t e = 0; e < w->count; e++) {
          const one_event *one = &w->event[e];
          if (of[one->subject] != c || one->time_ms > what->now_ms || !is_known(one, what) ||
              one->touchpoint >= JOINED ||
              (what->by_order && (one->subject != s || one->order != o)))
            continue;
          begun = true;
          delivered = delivered || one->touchpoint == DELIVERED;
        }
        const bool a = in_list(w, what, of, c, 0), b = in_list(w, what, of, c, 1);
        counts[0] += begun;
        counts[1] += begun && a && b;
        counts[2] += begun && a && !delivered;
      }
}

static void ask_sql(world *w, const ds_question *question, const ds_request *request,
                    const uint64_t counts[3]) {
  ds_error err = {0};
  ds_duck_texts texts;
  ds_buf sql, wrapped;
  ds_buf_init(&sql, 1u << 20);
  ds_buf_init(&wrapped, 1u << 20);
  check(ds_question_sql(question, request, &sql, &err), &err);
  const char *text = ds_buf_cstr(&sql);
  ds_buf_printf(&wrapped, "select members::varchar from (%.*s)",
                (int)(strstr(text, ";\n") - text), text);
  check(ds_duck_query(w->session.duck, ds_buf_cstr(&wrapped), request->arena, &texts, &err), &err);
  assert_int_equal(texts.rows, 2);
  for (uint32_t r = 0; r < 2; r++) {
    char members[32];
    snprintf(members, sizeof members, "%llu", (unsigned long long)counts[r + 1]);
    assert_true(ds_str_equal(texts.cell[r], ds_str_of(members)));
  }
  ds_buf_done(&wrapped);
  ds_buf_done(&sql);
}

static void ask(world *w, const asked *what) {
  char as_of[32], known_at[32];
  const ds_option_value values[] = {
      {"segment", "in_list('a') and in_list('b''s')\nin_list('a') and not did(delivered)"},
      {"as-of", ds_time_print(as_of, what->now_ms)},
      {what->known_ms == INT64_MAX ? "min-n" : "known-at",
       what->known_ms == INT64_MAX ? "1" : ds_time_print(known_at, what->known_ms)},
      {"case", "order_id"}};
  const ds_question *question = ds_question_find(ds_str_of("segment"));
  ds_error err = {0};
  ds_arena arena;
  ds_result result;
  uint64_t counts[3];
  ds_arena_init(&arena, 1u << 28);
  ds_request request = {.snapshot = w->snapshot, .arena = &arena, .threads = 2,
                        .options = {.values = values, .count = what->by_order ? 4 : 3},
                        .memory_bytes = (size_t)64 << 20, .now_ms = START_MS + 100 * HOUR_MS,
                        .lists = lists, .lists_count = 2};
  check(ds_members_new(&arena, &request.members, &err), &err);
  ds_result_init(&result, &arena, "segment");
  check(ds_question_run(question, &request, &result, &err), &err);
  count_by_hand(w, what, counts);
  const ds_table *table = oracle_table(&result, "segments");
  // Where nothing had been received by then, there is nothing to show.
  assert_true(table->rows_count == 2 ||
              (table->rows_count == 0 && counts[0] == 0 && what->known_ms < INT64_MAX));
  for (uint32_t r = 0; r < table->rows_count; r++) {
    const ds_cell *row = table->cells + (size_t)r * table->columns_count;
    if ((uint64_t)row[ds_table_column(table, "members")].i != counts[r + 1] ||
        (uint64_t)row[ds_table_column(table, "cases")].i != counts[0])
      fail_msg("row %u at hour %lld: %lld of %lld, by hand %llu of %llu", r,
               (long long)(what->now_ms - START_MS) / HOUR_MS,
               (long long)row[ds_table_column(table, "members")].i,
               (long long)row[ds_table_column(table, "cases")].i,
               (unsigned long long)counts[r + 1], (unsigned long long)counts[0]);
    w->met += counts[r + 1] > 0;
    w->rows++;
  }
  // SQL joins as is known today.
  if (what->known_ms == INT64_MAX)
    ask_sql(w, question, &request, counts);
  ds_arena_done(&arena);
}

static void test_worlds(void **state) {
  (void)state;
  world w = {0};
  for (uint32_t n = 0; n < (long_run() ? WORLDS_STRESS : WORLDS); n++) {
    w.seed = n * 7907u + 3;
    world_make(&w);
    for (uint32_t i = 0; i < 8; i++) {
      const int64_t now_ms = START_MS + (int64_t)draw(&w, HOURS + 3) * HOUR_MS;
      const asked what = {now_ms, i % 2 == 0 ? INT64_MAX : now_ms + draw(&w, HOURS) * HOUR_MS,
                          i % 4 >= 2};
      ask(&w, &what);
    }
    oracle_session_close(&w.session);
    ds_identity_done(w.snapshot->identity);
    qw_snapshot_free(w.snapshot);
  }
  assert_true(w.met > w.rows / 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_worlds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
