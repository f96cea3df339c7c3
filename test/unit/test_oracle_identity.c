// SPDX-License-Identifier: Apache-2.0
// Random small worlds of customers with several identifiers, objects, facts told, taken back and
// seen, in any order of arrival, with imports undone, seals and compaction: every question equals
// its own SQL text run by DuckDB over the same events, whose customer is what rules written out
// plainly below say; also as known at an instant. A scan gives
// the same journeys with any number of threads and passes. With DS_STRESS=1 1,000 worlds.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "base/limits.h"
#include "ingest/stage.h"
#include "model/identifier.h"
#include "store/identity.h"
#include "unit/long_run.h"
#include "unit/oracle.h"
#include "unit/question_world.h"

enum { WORLDS_USUAL = 22, WORLDS_STRESS = 1000, EVENTS_MAX = 90, NAMES = 23, OPTIONS_MAX = 16 };
#define START_MS 1500000000000

// The identifiers of every world; those behind NAMES_DEVICES are objects. The last two persons are
// of a kind that is not listed.
static const char *const names[NAMES] = {
    "customer_id=c0",  "customer_id=c1",  "customer_id=c2",  "customer_id=c3",  "customer_id=c4",
    "loyalty_id=l0",   "loyalty_id=l1",   "loyalty_id=l2",   "loyalty_id=l3",   "loyalty_id=l4",
    "member_ref=m0",   "member_ref=m1",   "anonymous_id=a0", "anonymous_id=a1",
    "anonymous_id=a2", "anonymous_id=a3", "device_id=d0",    "device_id=d1",    "order_id=o0",
    "order_id=o1",     "order_id=o2",     "parcel_id=p0",    "parcel_id=p1"};
enum { DEVICES = 12, OBJECTS = 18, PARCELS = 21 };

// In a sparse world most facts are of centres and leaves (store/identity_stars.h).
typedef enum role { ROLE_ANY, ROLE_CENTRE, ROLE_LEAF } role;

static const char *const touchpoints[] = {"order_placed", "delivered", "ping", "exposure",
                                          DS_LINK_SEEN,   DS_LINK_UNTOLD, DS_LINK_TOLD};
enum { SEEN = 4, UNTOLD, TOLD };

typedef struct fact_event {
  uint32_t subject;
  uint32_t touchpoint;
  int64_t time_ms, received_ms;
  uint32_t orders[2], orders_count; // objects that the event carries, as names
  int parcel;                       // the same, -1 = none
  int value;
  uint32_t with;
  uint32_t batch;
  bool gone;      // of an import that was undone
  uint32_t place; // in the order of arrival
} fact_event;

typedef struct world {
  uint64_t seed;
  ds_duck *duck;
  ds_store *store;
  ds_space space;
  ds_arena arena;
  fact_event events[EVENTS_MAX];
  uint32_t count;
  bool sparse;
  role roles[NAMES];
  bool mentioned[NAMES];
  uint32_t customer[NAMES]; // whom each identifier stands for, at the instant asked
  int64_t known_ms;
  bool exists[NAMES];       // as the subject of an event, at that instant
  ds_identity_stats stats;  // at that instant
  ds_option_value option[OPTIONS_MAX];
  uint32_t options;
  uint32_t compared;
  uint32_t joined;
  uint32_t stars;   // centres met
  uint32_t weighed; // subjects with facts that are no stars' centres
  uint32_t turn;
} world;

static uint32_t draw(world *w, uint32_t below) { return (uint32_t)(qw_random(&w->seed) % below); }

static void check(ds_code code, const ds_error *err) {
  if (code != DS_OK)
    fail_msg("%s", err->message);
}

// --- the rules, written out

typedef struct rules {
  const world *w;
  int64_t known_ms;
  uint32_t set[NAMES];
  bool exists[NAMES];
  bool owned[NAMES];
  uint64_t contradictions;
} rules;

static bool counts(const rules *r, const fact_event *event) {
  return !event->gone && event->received_ms <= r->known_ms;
}

static bool is_person(uint32_t name) { return name < DEVICES; }
static bool is_object(uint32_t name) { return name >= OBJECTS; }

// 0 nothing, 1 seen, 2 told; what was told last wins over what was seen.
static int state_of(const rules *r, uint32_t a, uint32_t b) {
  const fact_event *last = NULL;
  bool seen = false;
  for (uint32_t e = 0; e < r->w->count; e++) {
    const fact_event *event = &r->w->events[e];
    const bool pair = (event->subject == a && event->with == b) ||
                      (event->subject == b && event->with == a);
    if (!pair || event->touchpoint < SEEN || !counts(r, event))
      continue;
    seen |= event->touchpoint == SEEN;
    if (event->touchpoint == SEEN)
      continue;
    if (last == NULL || event->received_ms > last->received_ms)
      last = event;
  }
  if (last != NULL)
    return last->touchpoint == TOLD ? 2 : 0;
  return seen;
}

// The strongest of a set; names are listed by strength.
static uint32_t top_of(const rules *r, uint32_t set) {
  uint32_t n = 0;
  while (n < NAMES && r->set[n] != set)
    n++;
  return n;
}

static bool same_kind(uint32_t a, uint32_t b) {
  return ds_str_equal(ds_subject_kind(ds_str_of(names[a])), ds_subject_kind(ds_str_of(names[b])));
}

static void unite(rules *r, uint32_t a, uint32_t b) {
  const uint32_t from = r->set[b], to = r->set[a];
  for (uint32_t n = 0; n < NAMES; n++)
    if (r->set[n] == from)
      r->set[n] = to;
}

static void follow(rules *r, uint32_t a, uint32_t b, bool told) {
  const uint32_t top_a = top_of(r, r->set[a]), top_b = top_of(r, r->set[b]);
  if (r->set[a] == r->set[b])
    return;
  const bool persons = is_person(top_a) && is_person(top_b);
  const bool refused = told ? is_object(b) : !is_person(b) || same_kind(top_a, top_b);
  r->contradictions += persons && refused;
  if (persons && refused)
    return;
  unite(r, a, b);
  r->owned[b] |= is_object(b);
}

// Kinds by strength; within a kind names are listed by text.
static uint32_t kind_number(uint32_t name) {
  static const uint32_t first[] = {0, 5, 10, 12, 16, 18, 21};
  uint32_t k = 0;
  while (k + 1 < sizeof first / sizeof *first && first[k + 1] <= name)
    k++;
  return k;
}

static void follow_all(rules *r, bool told) {
  for (uint32_t kind_b = 0; kind_b < 7; kind_b++)
    for (uint32_t kind_a = 0; kind_a <= kind_b; kind_a++)
      for (uint32_t a = 0; a < NAMES; a++)
        for (uint32_t b = a + 1; b < NAMES; b++)
          if (kind_number(a) == kind_a && kind_number(b) == kind_b &&
              state_of(r, a, b) == (told ? 2 : 1))
            follow(r, a, b, told);
}

static bool carries(const fact_event *event, uint32_t object) {
  bool yes = event->parcel == (int)object;
  for (uint32_t o = 0; o < event->orders_count; o++)
    yes |= event->orders[o] == object;
  return yes;
}

static void own(rules *r, uint32_t object) {
  const fact_event *best = NULL;
  for (uint32_t e = 0; e < r->w->count; e++) {
    const fact_event *event = &r->w->events[e];
    if (!counts(r, event) || !carries(event, object) || event->subject == object)
      continue;
    if (best == NULL || (is_object(best->subject) && !is_object(event->subject))) {
      best = event;
      continue;
    }
    if (is_object(event->subject) && !is_object(best->subject))
      continue;
    if (event->time_ms < best->time_ms ||
        (event->time_ms == best->time_ms &&
         strcmp(names[event->subject], names[best->subject]) < 0))
      best = event;
  }
  if (best == NULL || r->owned[object] || !r->exists[object] ||
      (is_object(best->subject) && kind_number(best->subject) >= kind_number(object)))
    return;
  bool others = false;
  for (uint32_t e = 0; e < r->w->count; e++) {
    const fact_event *event = &r->w->events[e];
    others |= counts(r, event) && carries(event, object) && event->subject != object &&
              is_object(event->subject) == is_object(best->subject) &&
              r->set[event->subject] != r->set[best->subject];
  }
  r->contradictions += others;
  if (r->set[best->subject] != r->set[object])
    unite(r, best->subject, object);
}

// How many pairs hold, and how many customers have several subjects with events.
static void count_up(world *w, const rules *r) {
  w->stats = (ds_identity_stats){.contradictions = r->contradictions};
  for (uint32_t a = 0; a < NAMES; a++) {
    uint32_t others = 0;
    for (uint32_t b = a + 1; b < NAMES; b++)
      w->stats.links += state_of(r, a, b) != 0;
    for (uint32_t b = 0; b < NAMES; b++)
      others += b != a && w->exists[b] && w->customer[b] == a;
    w->stats.customers += w->exists[a] && w->customer[a] == a && others > 0;
  }
  for (uint32_t e = 0; e < w->count; e++)
    w->stats.facts += w->events[e].touchpoint >= SEEN && counts(r, &w->events[e]);
}

// Whom each identifier stands for; itself when nobody is known of it.
static void resolve(world *w, int64_t known_ms) {
  rules r = {.w = w, .known_ms = known_ms};
  w->known_ms = known_ms;
  for (uint32_t n = 0; n < NAMES; n++)
    r.set[n] = n;
  for (uint32_t e = 0; e < w->count; e++)
    r.exists[w->events[e].subject] |= counts(&r, &w->events[e]);
  follow_all(&r, true);
  follow_all(&r, false);
  for (uint32_t n = OBJECTS; n < NAMES; n++)
    own(&r, n);
  for (uint32_t n = 0; n < NAMES; n++) {
    uint32_t top = 0;
    while (top < NAMES && (r.set[top] != r.set[n] || !r.exists[top]))
      top++;
    w->customer[n] = top == NAMES ? n : top;
    w->exists[n] = r.exists[n];
    w->joined += w->customer[n] != n && r.exists[n];
  }
  count_up(w, &r);
}

// --- worlds

static uint32_t name_of(world *w, role wanted) {
  uint32_t name = draw(w, NAMES);
  for (uint32_t i = 0; i < NAMES && w->roles[name] != wanted; i++)
    name = (name + 1) % NAMES;
  return name;
}

// A centre and a leaf, which mostly nobody has mentioned yet.
static void make_star_fact(world *w, fact_event *event) {
  event->touchpoint = draw(w, 12) == 0 ? UNTOLD : draw(w, 3) == 0 ? TOLD : SEEN;
  event->subject = name_of(w, draw(w, 12) == 0 ? ROLE_LEAF : ROLE_CENTRE);
  event->with = name_of(w, ROLE_LEAF);
  for (uint32_t i = 0; i < NAMES && w->mentioned[event->with] && draw(w, 24) > 0; i++)
    event->with = name_of(w, ROLE_LEAF);
  w->mentioned[event->with] = true;
}

static void make_event(world *w, uint32_t e) {
  fact_event *event = &w->events[e];
  const bool fact = e >= 4 && draw(w, w->sparse ? 10 : 3) == 0;
  *event = (fact_event){.subject = draw(w, NAMES),
                        .touchpoint = fact ? SEEN + draw(w, 3) : draw(w, 4),
                        .time_ms = START_MS + draw(w, 12) * 999,
                        .parcel = -1,
                        .value = draw(w, 3) == 0 ? -1 : (int)draw(w, 20),
                        .with = NAMES};
  // Told facts of one pair are told at different times.
  event->received_ms = START_MS + e * 1000 + (fact ? 500 : draw(w, 9) * 1000);
  if (w->sparse && !fact)
    event->subject = name_of(w, e < 4 ? ROLE_ANY : draw(w, 5) == 0 ? ROLE_LEAF : ROLE_CENTRE);
  if (fact) {
    event->with = draw(w, NAMES);
    event->value = -1;
    if (w->sparse && draw(w, 16) > 0)
      make_star_fact(w, event);
    if (is_object(event->subject) && is_object(event->with))
      event->with = draw(w, OBJECTS);
    return;
  }
  const uint32_t rarely = w->sparse ? 150 : 4;
  for (uint32_t o = OBJECTS; o < PARCELS; o++)
    if (draw(w, rarely) == 0 && event->orders_count < 2)
      event->orders[event->orders_count++] = o;
  if (draw(w, rarely) == 0)
    event->parcel = (int)(PARCELS + draw(w, 2));
  if (e < 4) { // so that every name is known
    event->touchpoint = e;
    event->value = (int)e;
    event->orders_count = 1;
    event->orders[0] = OBJECTS;
    event->parcel = PARCELS;
  }
}

static uint16_t code_of(ds_names *of, const char *text) {
  uint32_t index = 0;
  assert_int_equal(ds_names_add(of, ds_str_of(text), &index, NULL), DS_OK);
  return (uint16_t)index;
}

static void put_row(world *w, uint32_t e, uint32_t import, uint64_t arrival, ds_buf *rows) {
  const fact_event *event = &w->events[e];
  ds_event_key keys[3];
  ds_event_property properties[2];
  ds_event row = {.touchpoint = code_of(&w->space.touchpoints, touchpoints[event->touchpoint]),
                  .source = code_of(&w->space.sources, "test"),
                  .time_ms = event->time_ms,
                  .has_received = true,
                  .received_ms = event->received_ms,
                  .has_id = true,
                  .id = e + 1,
                  .import = import,
                  .arrival = arrival,
                  .subject = ds_str_of(names[event->subject]),
                  .keys = keys,
                  .properties = properties};
  for (uint32_t o = 0; o < event->orders_count; o++)
    keys[row.keys_count++] = (ds_event_key){code_of(&w->space.keys, "order_id"),
                                            ds_str_of(strchr(names[event->orders[o]], '=') + 1)};
  if (event->parcel >= 0)
    keys[row.keys_count++] = (ds_event_key){code_of(&w->space.keys, "parcel_id"),
                                            ds_str_of(strchr(names[event->parcel], '=') + 1)};
  if (event->value >= 0)
    properties[row.properties_count++] =
        (ds_event_property){.name = code_of(&w->space.properties, "value"),
                            .value = {.type = DS_TYPE_NUMBER, .number = event->value / 4.0}};
  if (event->with < NAMES)
    properties[row.properties_count++] =
        (ds_event_property){.name = code_of(&w->space.properties, DS_LINK_PROPERTY),
                            .value = {.type = DS_TYPE_STRING,
                                      .text = ds_str_of(names[event->with])}};
  assert_int_equal(ds_event_encode(&row, rows, NULL), DS_OK);
}

static void append(world *w, const uint32_t *which, uint32_t count) {
  ds_error err = {0};
  ds_buf rows;
  ds_buf_init(&rows, 1u << 20);
  for (uint32_t i = 0; i < count; i++)
    put_row(w, which[i], 0, 0, &rows);
  uint64_t duplicates = 0;
  if (count > 0)
    check(ds_store_append(w->store, &w->space, &rows, &duplicates, &err), &err);
  assert_int_equal(duplicates, 0);
  ds_buf_done(&rows);
}

static uint32_t import(world *w, const uint32_t *which, uint32_t count) {
  ds_error err = {0};
  ds_stage_area *stage = NULL;
  ds_buf row;
  ds_buf_init(&row, 1u << 16);
  for (uint32_t i = 0; i < count; i++) // names first: the stage wants them all
    put_row(w, which[i], 0, 0, &row);
  check(ds_stage_new(w->store, &w->space, 2, 64u << 20, NULL, &stage, &err), &err);
  const ds_import_scope *scope = ds_stage_scope(stage);
  const uint32_t id = scope->id;
  for (uint32_t i = 0; i < count; i++) {
    ds_buf_reset(&row);
    put_row(w, which[i], id, scope->arrival, &row);
    check(ds_stage_row(stage, ds_subject_hash(ds_str_of(names[w->events[which[i]].subject])),
                       row.data, (uint32_t)row.size, &err), &err);
  }
  ds_import_info info = {.mapping = "", .files = "world", .rows = count};
  ds_build_stats stats;
  check(ds_stage_finish(stage, &info, &stats, &err), &err);
  assert_int_equal(stats.events, count);
  ds_stage_free(stage);
  ds_buf_done(&row);
  return id;
}

// Brings the events in, in any order: some as imports, some of which are taken back.
static void bring_in(world *w) {
  ds_error err = {0};
  uint32_t order[EVENTS_MAX];
  for (uint32_t e = 0; e < w->count; e++)
    order[e] = e;
  for (uint32_t e = w->count; e > 1; e--) {
    const uint32_t other = draw(w, e), moving = order[e - 1];
    order[e - 1] = order[other];
    order[other] = moving;
  }
  uint32_t place = 0;
  for (uint32_t at = 0; at < w->count;) {
    uint32_t end = at + 1 + draw(w, w->count - at);
    const bool imported = draw(w, 3) == 0;
    // Of one import, at one time, the stronger subject's events stand first.
    for (uint32_t n = 0; n < NAMES; n++)
      for (uint32_t i = at; i < end; i++)
        if (!imported ? n == 0 : w->events[order[i]].subject == n)
          w->events[order[i]].place = place++;
    if (!imported) {
      append(w, order + at, end - at);
    } else {
      const uint32_t id = import(w, order + at, end - at);
      bool needed = false;
      for (uint32_t i = at; i < end; i++)
        needed |= order[i] < 4;
      uint64_t events = 0;
      if (!needed && draw(w, 2) == 0) {
        check(ds_store_undo_import(w->store, id, &events, &err), &err);
        for (uint32_t i = at; i < end; i++)
          w->events[order[i]].gone = true;
      }
    }
    if (draw(w, 3) == 0)
      check(ds_store_seal(w->store, &err), &err);
    at = end;
  }
}

// The events as SQL sees them, with their customers.
static void fill_table(world *w, int64_t known_ms) {
  ds_error err = {0};
  ds_buf sql;
  ds_buf_init(&sql, 1u << 20);
  ds_buf_text(&sql, "create or replace table events (customer varchar, time timestamp, received "
              "timestamp, arrival bigint, touchpoint varchar, order_id varchar[], parcel_id "
              "varchar[], value double, \"with\" varchar)");
  check(ds_duck_run(w->duck, ds_buf_cstr(&sql), &err), &err);
  ds_buf_reset(&sql);
  bool first = true;
  for (uint32_t e = 0; e < w->count; e++) {
    const fact_event *event = &w->events[e];
    if (event->gone || event->received_ms > known_ms)
      continue;
    ds_buf_printf(&sql, "%s('%s', make_timestamp(%lld * 1000), make_timestamp(%lld * 1000), %u, "
                  "'%s', [", first ? "insert into events values " : ", ",
                  names[w->customer[event->subject]], (long long)event->time_ms,
                  (long long)event->received_ms, event->place, touchpoints[event->touchpoint]);
    first = false;
    for (uint32_t o = 0; o < event->orders_count; o++)
      ds_buf_printf(&sql, "%s'%s'", o == 0 ? "" : ", ",
                    strchr(names[event->orders[o]], '=') + 1);
    ds_buf_text(&sql, "]::varchar[], [");
    if (event->parcel >= 0)
      ds_buf_printf(&sql, "'%s'", strchr(names[event->parcel], '=') + 1);
    ds_buf_text(&sql, "]::varchar[], ");
    if (event->value >= 0)
      ds_buf_printf(&sql, "%g, ", event->value / 4.0);
    else
      ds_buf_text(&sql, "null, ");
    if (event->with < NAMES)
      ds_buf_printf(&sql, "'%s')", names[event->with]);
    else
      ds_buf_text(&sql, "null)");
  }
  if (!first)
    check(ds_duck_run(w->duck, ds_buf_cstr(&sql), &err), &err);
  ds_buf_done(&sql);
}

// --- asking

static void put_option(world *w, const char *option, const char *text) {
  w->option[w->options++] = (ds_option_value){option, text};
}

static bool is(const oracle_question *what, const char *question) {
  return strcmp(what->question, question) == 0;
}

static void choose_options(world *w, const oracle_question *what) {
  static const char *const ranges[] = {"started", "touching", "completed", "events"};
  static const char *const keys[] = {"order_id", "parcel_id"};
  w->options = 0;
  if (draw(w, 2) == 0 && !is(what, "schema"))
    put_option(w, "case", keys[draw(w, 2)]);
  if (draw(w, 3) == 0)
    put_option(w, "where", draw(w, 2) == 0 ? "value > 1.5" : "touchpoint != 'ping'");
  if (draw(w, 3) == 0) {
    put_option(w, "from", "2017-07-14T02:40:03Z");
    // They take no other or not all, or say it in no SQL.
    if (!is(what, "retention") && !is(what, "delivery") && !is(what, "tracking"))
      put_option(w, "range", ranges[draw(w, 4)]);
  }
  if (is(what, "trend")) {
    put_option(w, "measure", draw(w, 2) == 0 ? "cases" : "count");
    put_option(w, "min-n", "2");
  }
  if (is(what, "funnel")) {
    put_option(w, "step", draw(w, 2) == 0 ? "order_placed\ndelivered" : "any\nany\nany");
    put_option(w, "within", draw(w, 2) == 0 ? "2s" : "14d");
    put_option(w, "min-n", "2");
  }
  if (is(what, "paths")) {
    put_option(w, draw(w, 2) == 0 ? "after" : "before", draw(w, 2) == 0 ? "order_placed" : "any");
    put_option(w, "min-share", "0.01");
  }
  if (is(what, "delivery"))
    put_option(w, "groups", draw(w, 2) == 0 ? "weekday" : "month");
  if (is(what, "features"))
    put_option(w, "feature", "a=did(delivered)\nn=count(any)\nidle=since(any)");
  if (is(what, "timeline"))
    put_option(w, "who", draw(w, 2) == 0 ? names[draw(w, NAMES)]
                                         : strchr(names[draw(w, NAMES)], '=') + 1);
  if (is(what, "find"))
    put_option(w, "id", draw(w, 2) == 0 ? names[draw(w, NAMES)]
                                        : strchr(names[draw(w, NAMES)], '=') + 1);
}

// The answer as text, without what is not said by figures.
static void answer(world *w, const oracle_question *what, const ds_snapshot *snapshot,
                   uint32_t threads) {
  ds_error err = {0};
  const ds_request request = {.snapshot = snapshot,
                              .options = {.values = w->option, .count = w->options},
                              .now_ms = START_MS + 1000000000,
                              .threads = threads,
                              .memory_bytes = (size_t)64 << 20,
                              .arena = &w->arena};
  ds_result result;
  ds_result_init(&result, &w->arena, what->question);
  const ds_code code = ds_question_run(ds_question_find(ds_str_of(what->question)), &request,
                                       &result, &err);
  if (code == DS_EXPRESSION && is(what, "timeline"))
    return;
  check(code, &err);
  w->compared += oracle_check(what, &request, &result, w->duck) > 0;
}

// What no event has as its subject is told of its customer.
static void compare_names(world *w, const ds_snapshot *snapshot, uint32_t customer, uint32_t top) {
  ds_error err = {0};
  ds_str *others = NULL;
  uint32_t count = 0, wanted = 0;
  check(ds_identity_names(snapshot, customer, &w->arena, &others, &count, &err), &err);
  for (uint32_t n = 0; n < NAMES; n++) {
    if (w->exists[n] || w->customer[n] != top)
      continue;
    if (wanted >= count || !ds_str_equal(others[wanted], ds_str_of(names[n])))
      fail_msg("%s lacks %s", names[top], names[n]);
    wanted++;
  }
  assert_int_equal(wanted, count);
}

static void compare_stats(world *w, const ds_snapshot *snapshot) {
  static const ds_identity_stats none;
  const ds_identity *identity = snapshot->identity;
  const ds_identity_stats *stats = identity == NULL ? &none : &identity->stats;
  assert_int_equal(stats->facts, w->stats.facts);
  assert_int_equal(stats->links, w->stats.links);
  assert_int_equal(stats->contradictions, w->stats.contradictions);
  assert_int_equal(stats->customers, w->stats.customers);
  assert_int_equal(stats->beyond + stats->unreadable, 0);
  bool seen[NAMES] = {false};
  uint32_t subjects = 0;
  for (uint32_t e = 0; e < w->count; e++) {
    const fact_event *event = &w->events[e];
    if (event->touchpoint >= SEEN && !event->gone && !seen[event->subject] &&
        event->received_ms <= w->known_ms)
      subjects += seen[event->subject] = true;
  }
  const uint32_t weighed = identity == NULL ? 0 : identity->weighed_count;
  assert_true(weighed <= subjects);
  w->stars += subjects - weighed;
  w->weighed += weighed;
}

// Each identifier leads to the customer whom the rules say.
static void compare_customers(world *w, const ds_snapshot *snapshot) {
  ds_error err = {0};
  for (uint32_t n = 0; n < NAMES; n++) {
    uint32_t customer = 0;
    ds_str subject = {NULL, 0};
    check(ds_snapshot_find(snapshot, ds_str_of(names[n]), &customer, &err), &err);
    if (customer != DS_NONE)
      check(ds_snapshot_subject(snapshot, customer, &w->arena, &subject, &err), &err);
    if (customer == DS_NONE ? w->customer[n] != n
                            : !ds_str_equal(subject, ds_str_of(names[w->customer[n]])))
      fail_msg("%s is %.*s, not %s", names[n], DS_STR(subject), names[w->customer[n]]);
    if (snapshot->identity != NULL && w->exists[n] && w->customer[n] == n)
      compare_names(w, snapshot, customer, n);
  }
  compare_stats(w, snapshot);
}

static void compare(world *w, const ds_snapshot *snapshot, int64_t known_ms) {
  resolve(w, known_ms);
  compare_customers(w, snapshot);
  fill_table(w, known_ms);
  uint64_t events = 0;
  for (uint32_t e = 0; e < w->count; e++)
    events += !w->events[e].gone && w->events[e].received_ms <= known_ms;
  assert_int_equal(snapshot->events, events);
  for (uint32_t q = 0; q < oracle_questions_count; q++)
    if (q % 5 == w->turn % 5 || long_run()) {
      choose_options(w, &oracle_questions[q]);
      answer(w, &oracle_questions[q], snapshot, 1 + w->turn % 2);
    }
  w->turn++;
}

// --- threads and passes

static ds_code digest_init(void *state, const void *context, ds_arena *arena, ds_error *err) {
  (void)state, (void)context, (void)arena, (void)err;
  return DS_OK;
}

// Journeys come in any order, their events in theirs.
static ds_code digest_add(void *state, const ds_block *block, ds_error *err) {
  (void)err;
  uint64_t *sum = state;
  for (uint32_t j = 0; j < block->journeys; j++) {
    uint64_t hash = ds_subject_hash(block->subject[j]) ^ block->customer[j];
    for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++)
      hash = hash * 0x9e3779b97f4a7c15u + (block->id[e] ^ (uint64_t)block->time_ms[e]);
    *sum += hash;
  }
  return DS_OK;
}

static ds_code digest_merge(void *into, void *from, ds_error *err) {
  (void)err;
  *(uint64_t *)into += *(const uint64_t *)from;
  return DS_OK;
}

static uint64_t digest(const ds_snapshot *snapshot, uint32_t threads, size_t memory_bytes) {
  static const ds_kernel kernel = {"digest",   sizeof(uint64_t), digest_init,
                                   digest_add, digest_merge,     NULL};
  const ds_plan plan = {.columns = {.want = DS_WANT_TIME | DS_WANT_ID | DS_WANT_SUBJECT},
                        .threads = threads};
  ds_error err = {0};
  ds_arena arena;
  void *state = NULL;
  ds_arena_init(&arena, memory_bytes);
  check(ds_scan(snapshot, &plan, &kernel, NULL, &arena, &state, &err), &err);
  const uint64_t sum = *(const uint64_t *)state;
  ds_arena_done(&arena);
  return sum;
}

// A budget this small holds one customer a pass.
static void compare_passes(const ds_snapshot *snapshot) {
  const uint64_t sum = digest(snapshot, 1, 1u << 28);
  assert_int_equal(digest(snapshot, 3, 1u << 28), sum);
  assert_int_equal(digest(snapshot, 1, 1u << 9), sum);
  assert_int_equal(digest(snapshot, 2, 1u << 12), sum);
}

static void compare_now(world *w) {
  ds_error err = {0};
  ds_snapshot *snapshot = NULL;
  check(ds_store_snapshot(w->store, &snapshot, &err), &err);
  compare(w, snapshot, INT64_MAX);
  compare_passes(snapshot);
  ds_snapshot_free(snapshot);
}

// The table holds what came later too; SQL leaves it out by itself.
static void compare_known(world *w) {
  ds_error err = {0};
  ds_snapshot *snapshot = NULL, known;
  const int64_t known_ms = START_MS + draw(w, EVENTS_MAX + 5) * 1000;
  char text[32];
  ds_time_print(text, known_ms);
  check(ds_store_snapshot(w->store, &snapshot, &err), &err);
  const ds_cut cut = {.has_received = true, .received_ms = known_ms};
  check(ds_snapshot_cut(snapshot, &cut, 2, 1u << 26, &known, &err), &err);
  resolve(w, known_ms);
  compare_customers(w, &known);
  compare_passes(&known);
  fill_table(w, INT64_MAX);
  for (uint32_t q = 0; q < oracle_questions_count; q++) {
    choose_options(w, &oracle_questions[q]);
    put_option(w, "known-at", text);
    if (known.events > 0)
      answer(w, &oracle_questions[q], snapshot, 2);
  }
  ds_snapshot_done(&known);
  ds_snapshot_free(snapshot);
}

static void run_world(world *w, const char *path) {
  ds_error err = {0};
  ds_store_options options;
  ds_store_options_init(&options);
  options.write = options.create = true;
  check(ds_store_open(path, &options, &w->store, &err), &err);
  ds_space_init(&w->space);
  ds_arena_init(&w->arena, (size_t)1 << 30);
  w->count = 4 + draw(w, EVENTS_MAX - 4);
  w->sparse = draw(w, 3) > 0;
  for (uint32_t n = 0; n < NAMES; n++) {
    // The weaker, the rather a leaf.
    w->roles[n] = draw(w, 8) == 0 ? ROLE_ANY : draw(w, NAMES) < n ? ROLE_LEAF : ROLE_CENTRE;
    w->mentioned[n] = false;
  }
  for (uint32_t e = 0; e < w->count; e++)
    make_event(w, e);
  bring_in(w);
  compare_now(w);
  check(ds_store_seal(w->store, &err), &err);
  compare_now(w);
  compare_known(w);
  check(ds_store_compact(w->store, NULL, &err), &err);
  compare_now(w);
  ds_store_close(w->store);
  ds_space_done(&w->space);
  ds_arena_done(&w->arena);
}

static void test_worlds(void **state) {
  (void)state;
  ds_error err = {0};
  world w = {.seed = 1};
  check(ds_duck_open("build/libduckdb.so", NULL, (size_t)512 << 20, &w.duck, &err), &err);
  char folder[] = "/tmp/doorstep-identity-XXXXXX";
  assert_non_null(mkdtemp(folder));
  const uint32_t worlds = long_run() ? WORLDS_STRESS : WORLDS_USUAL;
  for (uint32_t i = 0; i < worlds; i++) {
    char path[64], command[96];
    w.seed = (uint64_t)i * 1000003 + 11;
    snprintf(path, sizeof path, "%s/%u", folder, i);
    run_world(&w, path);
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
  }
  char command[96];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  assert_int_equal(system(command), 0);
  ds_duck_close(w.duck);
  assert_true(w.joined > worlds * 4 && w.compared > worlds * 4);
  assert_true(w.stars > worlds && w.weighed > worlds * 2);
}

// One customer seen in `sessions` sessions, half of which stand in a part.
static const ds_identity_stats *sessions_stats(const char *path, uint32_t sessions,
                                               ds_snapshot **ret_snapshot) {
  ds_error err = {0};
  ds_store_options options;
  ds_store_options_init(&options);
  options.write = options.create = true;
  world w = {.seed = 1};
  ds_buf rows;
  ds_buf_init(&rows, 1u << 20);
  ds_space_init(&w.space);
  check(ds_store_open(path, &options, &w.store, &err), &err);
  for (uint32_t i = 0; i < sessions; i++) {
    char text[32];
    uint64_t duplicates = 0;
    snprintf(text, sizeof text, "session_id=%u", i);
    ds_event_property with = {.name = code_of(&w.space.properties, DS_LINK_PROPERTY),
                              .value = {.type = DS_TYPE_STRING, .text = ds_str_of(text)}};
    const ds_event fact = {.touchpoint = code_of(&w.space.touchpoints, DS_LINK_SEEN),
                           .source = code_of(&w.space.sources, "test"),
                           .time_ms = START_MS,
                           .has_id = true,
                           .id = i + 1,
                           .subject = ds_str_of(names[0]),
                           .properties = &with,
                           .properties_count = 1};
    assert_int_equal(ds_event_encode(&fact, &rows, NULL), DS_OK);
    if (i + 1 != sessions / 2 && i + 1 != sessions)
      continue;
    check(ds_store_append(w.store, &w.space, &rows, &duplicates, &err), &err);
    if (i + 1 == sessions / 2)
      check(ds_store_seal(w.store, &err), &err);
    ds_buf_reset(&rows);
  }
  check(ds_store_snapshot(w.store, ret_snapshot, &err), &err);
  ds_store_close(w.store);
  ds_buf_done(&rows);
  ds_space_done(&w.space);
  const ds_identity_stats *stats = &(*ret_snapshot)->identity->stats;
  assert_int_equal(stats->facts, sessions);
  assert_int_equal(stats->links, sessions);
  return stats;
}

// A star may be as large as a customer, and no larger.
static void test_limit(void **state) {
  (void)state;
  char folder[] = "/tmp/doorstep-identity-XXXXXX", path[64], command[96];
  ds_snapshot *snapshot = NULL;
  ds_error err = {0};
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/full", folder);
  assert_int_equal(sessions_stats(path, DS_CUSTOMER_SUBJECTS_MAX - 1, &snapshot)->beyond, 0);
  assert_int_equal(snapshot->identity->weighed_count, 0);
  uint32_t customer = 0, stranger = 0;
  check(ds_snapshot_find(snapshot, ds_str_of("session_id=7"), &customer, &err), &err);
  check(ds_snapshot_find(snapshot, ds_str_of("session_id=x"), &stranger, &err), &err);
  assert_true(customer != DS_NONE && stranger == DS_NONE);
  ds_snapshot_free(snapshot);
  snprintf(path, sizeof path, "%s/over", folder);
  assert_int_equal(sessions_stats(path, DS_CUSTOMER_SUBJECTS_MAX + 1, &snapshot)->beyond, 2);
  assert_int_equal(snapshot->identity->weighed_count, 1);
  ds_snapshot_free(snapshot);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  assert_int_equal(system(command), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_worlds),
      cmocka_unit_test(test_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
