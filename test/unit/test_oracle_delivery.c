// SPDX-License-Identifier: Apache-2.0
// Random small worlds of orders, parcels and promises, with ties and scans in no sound order, in
// UTC and in zones whose clocks change: what delivery and tracking count equals their own SQL texts
// run by DuckDB; promises that would be kept equal an estimate by its definition over single
// parcels; what goes with lateness equals SQL over orders. One part or several, one thread or
// several.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "io/io.h"
#include "model/time.h"
#include "question_world.h"
#include "unit/long_run.h"
#include "unit/oracle.h"

enum { WORLDS = 12, EVENTS_MAX = 260, PARTS = 3, OPTIONS_MAX = 16 };
enum { WIDE_WORLDS = 2, WIDE_CUSTOMERS = 200, WIDE_EVENTS = 2000, INSTANTS = 3 };

static const char *const touchpoints[] = {
    "order_placed", "order_packed", "label_created", "carrier_collected", "shipment_in_transit",
    "shipment_delayed", "customs_held", "out_for_delivery", "out_for_delivery",
    "delivery_attempt_failed", "available_for_pickup", "delivered", "delivered", "delivered",
    "return_to_sender", "return_in_transit", "order_cancelled", "shipment_lost",
    "review_submitted", "ping", "shipment_cancelled", "collection_failed", "edd_changed",
    "shipment_on_hold", "customs_cleared", "pickup_missed"};
enum { TOUCHPOINTS = sizeof touchpoints / sizeof *touchpoints, DELAYED = 5, CHANGED = 22 };
static const char *const names[] = {"promise_until", "promise_from", "carrier", "lane", "stars",
                                    "new_edd", "new", "window_until"};
enum { PROMISE, FROM, CARRIER, LANE, STARS, EDD, NEW, WINDOW, NAMES };

// The days around which clocks change in Sao Paulo: 18 February and 4 November 2018.
static const int64_t base_days[] = {17576, 17837};

typedef struct world {
  uint64_t seed;
  ds_space space;
  qw_rows rows[PARTS];
  ds_buf sql;
  uint32_t count;
  bool is_date;
  int64_t base_ms;
  uint32_t customers;
} world;

static void check(ds_code code, const ds_error *err) {
  if (code != DS_OK)
    fail_msg("%s", err->message);
}

static uint32_t draw(world *w, uint32_t below) { return (uint32_t)(qw_random(&w->seed) % below); }

static void put_texts(ds_buf *sql, const ds_event_key *keys, uint32_t count, uint16_t name) {
  ds_buf_text(sql, ", [");
  for (uint32_t k = 0, used = 0; k < count; k++)
    if (keys[k].name == name)
      ds_buf_printf(sql, "%s'%.*s'", used++ == 0 ? "" : ", ", DS_STR(keys[k].text));
  ds_buf_text(sql, "]::varchar[]");
}

static void put_property(ds_event *event, uint32_t name, ds_value value) {
  event->properties[event->properties_count++] =
      (ds_event_property){(uint16_t)name, false, value};
}

static void put_moment(world *w, ds_event *event, uint32_t name, bool is_date, bool given,
                       int64_t days) {
  const int64_t day = w->base_ms / DS_DAY_MS + days;
  const int64_t ms = day * DS_DAY_MS + (int64_t)draw(w, 24) * 3600000;
  if (!given)
    ds_buf_text(&w->sql, ", null");
  else if (is_date)
    ds_buf_printf(&w->sql, ", date '1970-01-01' + %lld", (long long)day);
  else
    ds_buf_printf(&w->sql, ", make_timestamp(%lld * 1000)", (long long)ms);
  if (given)
    put_property(event, name, (ds_value){.type = is_date ? DS_TYPE_DATE : DS_TYPE_TIME,
                            .i = is_date ? day : ms});
}

static void put_name(world *w, ds_event *event, uint32_t name, bool given) {
  static const char *const values[] = {"north", "south", "o'east"};
  const char *text = values[draw(w, 3)];
  if (given)
    put_property(event, name, (ds_value){.type = DS_TYPE_STRING, .text = ds_str_of(text)});
  ds_buf_printf(&w->sql, given ? ", $$%s$$" : ", null", text);
}

static void add_event(world *w, uint32_t e) {
  char subject[32], order[3][8], parcel[8];
  ds_event_key keys[3];
  ds_event_property properties[NAMES];
  const uint32_t customer = draw(w, w->customers), part = draw(w, PARTS), of = draw(w, 3);
  ds_event event = {.touchpoint = (uint16_t)draw(w, TOUCHPOINTS), .has_id = true, .id = e + 1,
                    .arrival = part + 1, .keys = keys, .properties = properties};
  // Estimates tell the more the less else is told.
  if (w->customers > 4 && draw(w, 3) == 0)
    event.touchpoint = draw(w, 2) == 0 ? DELAYED : CHANGED;
  event.subject = (ds_str){subject, (uint32_t)snprintf(subject, sizeof subject, "customer_id=C%u",
                                                       customer)};
  event.time_ms = w->base_ms + (int64_t)draw(w, 12 * 24) * 3600000;
  event.received_ms = event.time_ms;
  const bool alone = draw(w, 8) == 0; // the parcel without its order
  if (!alone)
    keys[event.keys_count++] = (ds_event_key){0, {order[0], (uint32_t)snprintf(
        order[0], 8, "O%u%u", customer, of)}};
  if (!alone && draw(w, 30) == 0)
    keys[event.keys_count++] = (ds_event_key){0, {order[1], (uint32_t)snprintf(
        order[1], 8, "O%u%u", customer, (of + 1) % 3)}};
  // The second order has parcels, the third one or several.
  if (of > 0 && (alone || draw(w, 4) != 0))
    keys[event.keys_count++] = (ds_event_key){1, {parcel, (uint32_t)snprintf(
        parcel, 8, "P%u%u%u", customer, of, of == 1 ? 0 : draw(w, 2))}};
  const uint32_t order_of = w->count++;
  ds_buf_printf(&w->sql, "%s('C%u', make_timestamp(%lld * 1000), %u, '%s'",
                order_of == 0 ? "" : ", ", customer, (long long)event.time_ms,
                part * 100000 + e, touchpoints[event.touchpoint]);
  put_texts(&w->sql, keys, event.keys_count, 0);
  put_texts(&w->sql, keys, event.keys_count, 1);
  const bool promises = draw(w, w->customers > 4 ? 3 : 5) == 0;
  put_moment(w, &event, PROMISE, w->is_date, promises, 3 + draw(w, 8));
  put_moment(w, &event, FROM, w->is_date, promises && draw(w, 2) == 0, draw(w, 9));
  put_name(w, &event, CARRIER, draw(w, 3) == 0);
  put_name(w, &event, LANE, draw(w, 4) == 0);
  const uint32_t stars = 1 + draw(w, 5);
  const bool review = strcmp(touchpoints[event.touchpoint], "review_submitted") == 0;
  if (review)
    put_property(&event, STARS, (ds_value){.type = DS_TYPE_NUMBER, .number = stars});
  ds_buf_printf(&w->sql, review ? ", %u::double" : ", null::double", stars);
  // Estimates, which other events may have, too, without that they mean anything.
  put_moment(w, &event, EDD, true, draw(w, 3) == 0, 2 + draw(w, 10));
  put_moment(w, &event, NEW, false, draw(w, 3) == 0, 2 + draw(w, 10));
  put_moment(w, &event, WINDOW, w->base_ms % 5 == 0, draw(w, 3) == 0, 2 + draw(w, 10));
  ds_buf_text(&w->sql, ")");
  // Names stand twice among the touchpoints: the code is of the first.
  event.touchpoint = (uint16_t)ds_names_find(&w->space.touchpoints,
                                             ds_str_of(touchpoints[event.touchpoint]));
  qw_rows_put(&w->rows[part], &event);
}

// Of four customers with much to tell each, or `wide` of many with little.
static void make(world *w, uint64_t number, bool wide, ds_duck *duck) {
  ds_error err = {0};
  static const char *const keys[] = {"order_id", "parcel_id"}, *const sources[] = {"test"};
  *w = (world){.seed = number * 7919 + 3, .is_date = number % 2 == 0,
               .base_ms = (base_days[number / 2 % 2] - 5) * DS_DAY_MS,
               .customers = wide ? WIDE_CUSTOMERS : 4};
  ds_space_init(&w->space);
  for (uint32_t t = 0, at = 0; t < TOUCHPOINTS; t++)
    check(ds_names_add(&w->space.touchpoints, ds_str_of(touchpoints[t]), &at, &err), &err);
  qw_names(&w->space.properties, names, NAMES);
  qw_names(&w->space.keys, keys, 2);
  qw_names(&w->space.sources, sources, 1);
  ds_buf_init(&w->sql, 1u << 22);
  ds_buf_text(&w->sql, "create or replace table events as select * from (values ");
  const uint32_t count = wide ? WIDE_EVENTS : 40 + draw(w, EVENTS_MAX - 40);
  for (uint32_t e = 0; e < count; e++)
    add_event(w, e);
  ds_buf_text(&w->sql, ") t(customer, time, arrival, touchpoint, order_id, parcel_id, "
              "promise_until, promise_from, carrier, lane, stars, new_edd, \"new\", window_until)");
  check(ds_duck_run(duck, ds_buf_cstr(&w->sql), &err), &err);
  ds_buf_done(&w->sql);
}

static void world_done(world *w) {
  for (uint32_t p = 0; p < PARTS; p++)
    qw_rows_done(&w->rows[p]);
  ds_space_done(&w->space);
}

// The world in several parts, or with all rows in one.
static ds_snapshot *snapshot_of(world *w, bool one) {
  ds_snapshot *snapshot = qw_snapshot_new();
  qw_rows all = {0};
  for (uint32_t p = 0; p < PARTS; p++) {
    if (!one) {
      qw_part_add(snapshot, &w->space, &w->rows[p]);
      continue;
    }
    for (uint32_t r = 0; r < w->rows[p].count; r++) {
      ds_event_key keys[DS_EVENT_KEYS_MAX];
      ds_event_property properties[NAMES];
      ds_event event = {.keys = keys, .properties = properties};
      size_t size;
      check(ds_event_decode(w->rows[p].bytes.data + w->rows[p].start[r],
                            w->rows[p].bytes.size - w->rows[p].start[r], &w->space, &event, &size,
                            &(ds_error){0}), &(ds_error){0});
      qw_rows_put(&all, &event);
    }
  }
  if (one)
    qw_part_add(snapshot, &w->space, &all);
  qw_rows_done(&all);
  return snapshot;
}

typedef struct asked {
  ds_option_value values[OPTIONS_MAX];
  uint32_t count;
} asked;

static void put(asked *to, const char *name, const char *text) {
  assert_true(to->count < OPTIONS_MAX);
  to->values[to->count++] = (ds_option_value){name, text};
}

static asked choose(world *w) {
  static const char *const groups[] = {"carrier", "carrier,lane", "week,weekday",
                                       "weekday,carrier,month"};
  static const char *const ranges[] = {"started", "touching", "completed"};
  static const char *const bys[] = {"carrier", "lane", "order_placed.lane", "stars"};
  asked to = {0};
  put(&to, "min-n", draw(w, 2) == 0 ? "1" : "3");
  put(&to, "groups", groups[draw(w, 4)]);
  put(&to, "arrival", draw(w, 2) == 0 ? "attempt" : "delivered");
  put(&to, "again-days", draw(w, 2) == 0 ? "2" : "5");
  put(&to, "curve", "");
  if (draw(w, 3) == 0)
    put(&to, "by-day", "");
  if (draw(w, 2) == 0)
    put(&to, "against", "current");
  if (draw(w, 3) == 0)
    put(&to, "as-of", w->base_ms == (base_days[0] - 5) * DS_DAY_MS ? "2018-02-20T05:00:00Z"
                                                                  : "2018-11-06T05:00:00Z");
  if (draw(w, 3) == 0) {
    put(&to, "from", w->base_ms == (base_days[0] - 5) * DS_DAY_MS ? "2018-02-14" : "2018-10-31");
    put(&to, "range", ranges[draw(w, 3)]);
  }
  if (draw(w, 4) == 0)
    put(&to, "where", "lane is null or lane != 'north'");
  if (draw(w, 4) == 0)
    put(&to, "cases", draw(w, 2) == 0 ? "sequence(any then not any within 12h)"
                                      : "count(any) > 4 and not did(shipment_lost)");
  if (draw(w, 3) == 0) {
    put(&to, "by", bys[draw(w, 4)]);
    put(&to, "top", draw(w, 2) == 0 ? "1" : "20");
  }
  return to;
}

static const ds_cell *cell(const ds_table *table, uint32_t row, const char *column) {
  const uint32_t at = ds_table_column(table, column);
  assert_true(at != UINT32_MAX && row < table->rows_count);
  return &table->cells[(size_t)row * table->columns_count + at];
}

// Whether a row is of one value of --by, which its first column names; without any, always.
static bool is_of(const ds_table *table, uint32_t row, ds_str value) {
  return value.data == NULL ||
         ds_str_equal(table->cells[(size_t)row * table->columns_count].text, value);
}

// The same of what is judged, as a condition of SQL.
static const char *where_of(char room[128], ds_str value) {
  snprintf(room, 128, value.data == NULL ? "true" : "of_group.label = $$%.*s$$", DS_STR(value));
  return room;
}

// The question's own SQL up to what is judged of each parcel, then `rest`.
static void query(const ds_request *request, ds_duck *duck, const char *rest, ds_arena *arena,
                  ds_duck_texts *ret_texts) {
  ds_error err = {0};
  ds_buf sql;
  ds_buf_init(&sql, 1u << 20);
  check(ds_question_sql(ds_question_find(ds_str_of("delivery")), request, &sql, &err), &err);
  char *end = strstr((char *)(uintptr_t)ds_buf_cstr(&sql), ", counted AS (");
  assert_non_null(end);
  sql.size = (size_t)(end - (char *)sql.data);
  ds_buf_text(&sql, rest);
  check(ds_duck_query(duck, ds_buf_cstr(&sql), arena, ret_texts, &err), &err);
  ds_buf_done(&sql);
}

// Single parcels: their group and the day on which they came (1), or until which they were open
// (0), or that they never come (2).
typedef struct parcel {
  ds_str group;
  int64_t day;
  int kind;
} parcel;

// The share not arrived after day d of the parcels whose group begins with a prefix, by the
// definition: a product over days, with ten more that arrive as the parent's do.
static double stay_after(const parcel *all, uint32_t count, ds_str group, uint32_t levels,
                         int64_t d, bool *ret_known) {
  double stay = 1;
  uint32_t came = 0;
  // A group's first so many values.
  uint32_t size = 0;
  for (uint32_t seen = 0; size < group.size; size++)
    if (group.data[size] == DS_LIST_SEPARATOR && ++seen == levels)
      break;
  size = levels == 0 ? 0 : size;
  for (uint32_t p = 0; p < count; p++)
    came += all[p].kind == 1 && all[p].group.size >= size &&
            memcmp(all[p].group.data, group.data, size) == 0 &&
            (size == 0 || all[p].group.size == size || all[p].group.data[size] == 0x1f);
  bool lent = false;
  if (levels > 0)
    (void)stay_after(all, count, group, levels - 1, 0, &lent);
  if (came < 10) {
    *ret_known = lent;
    return lent ? stay_after(all, count, group, levels - 1, d, &lent) : 1;
  }
  *ret_known = true;
  for (int64_t day = 0; day <= d; day++) {
    double happened = 0, left = 0;
    for (uint32_t p = 0; p < count; p++) {
      if (all[p].group.size < size || memcmp(all[p].group.data, group.data, size) != 0 ||
          (size > 0 && all[p].group.size > size && all[p].group.data[size] != 0x1f))
        continue;
      happened += all[p].kind == 1 && all[p].day == day;
      left += all[p].kind == 2 || all[p].day >= day;
    }
    bool ignored;
    if (lent) {
      const double before =
          day == 0 ? 1 : stay_after(all, count, group, levels - 1, day - 1, &ignored);
      left += 10 * before;
      happened += 10 * (before - stay_after(all, count, group, levels - 1, day, &ignored));
    }
    if (happened > 0)
      stay *= 1 - happened / left;
  }
  return stay;
}

static uint32_t dimensions_of(const asked *what) {
  uint32_t commas = 0;
  for (const char *at = what->values[1].text; *at != '\0'; at++)
    commas += *at == ',';
  return commas + 1;
}

// Each row of the curve; a group's days follow one another from 0 on.
static uint32_t compare_curve(const parcel *all, uint32_t count, uint32_t dimensions,
                              const ds_table *table, ds_str value) {
  uint32_t told = 0;
  for (uint32_t r = 0; r < table->rows_count; r++) {
    if (!is_of(table, r, value))
      continue;
    told++;
    const ds_str name = cell(table, r, "group")->text;
    const double day = cell(table, r, "days")->number;
    const double kept = cell(table, r, "would_be_kept")->number;
    bool known = false;
    const double stay = stay_after(all, count, name, ds_str_equal(name, ds_str_of("all")) ? 0
                                   : dimensions, (int64_t)day, &known);
    if (!known || fabs(kept - (1 - stay)) > 1e-9)
      fail_msg("%.*s, %g days: %g kept; by definition %g", DS_STR(name), day, kept, 1 - stay);
    assert_true(day <= 0 || day - cell(table, r - 1, "days")->number == 1.0);
  }
  return told;
}

// Each row of promises against the definition.
static uint32_t compare_promises(const asked *what, const ds_request *request,
                                 const ds_result *result, ds_str value, ds_duck *duck) {
  static parcel all[EVENTS_MAX];
  ds_duck_texts texts;
  char rest[2048], where[128], group[256] = "";
  const uint32_t dimensions = dimensions_of(what);
  for (uint32_t d = 0; d < dimensions; d++)
    snprintf(group + strlen(group), sizeof group - strlen(group),
             "%scoalesce(g%u, '(none)')", d == 0 ? "" : " || chr(31) || ", d);
  // Local days are those of the statement: `arrived_day` and the weekday's instant.
  snprintf(rest, sizeof rest, " SELECT %s, CASE WHEN arrived IS NOT NULL THEN greatest(arrived_day "
           "- placed_day, 0) ELSE %lld - 1 - placed_day END::varchar, CASE WHEN arrived IS NOT "
           "NULL THEN '1' WHEN coalesce(rank, 0) IN (8, 10, 11) THEN '2' ELSE '0' END FROM "
           "judged WHERE %s AND "
           "placed IS NOT NULL AND (arrived IS NOT NULL OR coalesce(rank, 0) IN (8, 10, 11) OR "
           "(coalesce(rank, 0) IN (0, 1, 2, 3, 5, 6, 7) AND placed_day < %lld))", group,
           (long long)(request->zone == NULL ? result->as_of_ms / DS_DAY_MS
                                             : ds_zone_day(request->zone, result->as_of_ms)),
           where_of(where, value),
           (long long)(request->zone == NULL ? result->as_of_ms / DS_DAY_MS
                                             : ds_zone_day(request->zone, result->as_of_ms)));
  query(request, duck, rest, request->arena, &texts);
  assert_true(texts.rows <= EVENTS_MAX);
  for (uint32_t r = 0; r < texts.rows; r++) {
    const ds_str *row = &texts.cell[(size_t)r * 3];
    double day = 0;
    assert_true(ds_str_to_double(row[1], &day));
    all[r] = (parcel){row[0], (int64_t)day, row[2].data[0] - '0'};
  }
  const ds_table *table = oracle_table(result, "promises");
  uint32_t told = compare_curve(all, texts.rows, dimensions, oracle_table(result, "curve"), value);
  for (uint32_t r = 0; r < table->rows_count; r++) {
    if (!is_of(table, r, value))
      continue;
    const ds_str name = cell(table, r, "group")->text;
    const bool whole = ds_str_equal(name, ds_str_of("all"));
    const double level = cell(table, r, "level")->number;
    bool known = false;
    int64_t day = 0;
    double stay = 1;
    const uint32_t levels = whole ? 0 : dimensions;
    for (; day <= 40; day++) {
      stay = stay_after(all, texts.rows, name, levels, day, &known);
      if (!known || 1 - stay >= level - 1e-9)
        break;
    }
    const ds_cell *days = cell(table, r, "days"), *kept = cell(table, r, "would_be_kept");
    if (!known || day > 40) {
      assert_true(days->null && kept->null);
      continue;
    }
    if (days->null || days->i != day || fabs(kept->number - (1 - stay)) > 1e-9)
      fail_msg("%.*s at %g: %lld days, %g kept; by definition %lld and %g", DS_STR(name), level,
               days->null ? -1 : (long long)days->i, kept->null ? -1 : kept->number,
               (long long)day, 1 - stay);
    told++;
  }
  return told;
}

// Lateness by SQL over orders of which all parcels arrived.
static void compare_lateness(const asked *what, const ds_request *request,
                             const ds_result *result, ds_str value, ds_duck *duck) {
  ds_duck_texts texts;
  char rest[4096], where[128];
  uint64_t again_days = 0;
  assert_true(ds_str_to_u64(ds_str_of(what->values[3].text), &again_days));
  const long long again_ms = (long long)again_days * DS_DAY_MS;
  snprintf(rest, sizeof rest,
           ", orders AS (SELECT customer, o, max(arrived) AS came, max(arrived_day - promise.day) "
           "FILTER (promise IS NOT NULL) AS late FROM judged WHERE %s AND coalesce(rank, 0) <> 4 "
           "GROUP BY ALL HAVING count(*) = count(arrived)), scores AS (SELECT customer, o, "
           "avg(stars) AS score FROM e GROUP BY ALL), nexts AS (SELECT a.customer, a.o, count(*) "
           "AS n FROM orders a JOIN whole b ON b.customer = a.customer AND b.o <> a.o AND b.placed "
           "> a.came AND b.placed <= a.came + %lld %sGROUP BY ALL), seen AS (SELECT late, score, "
           "came <= %lld AS watched, came <= %lld AND coalesce(n, 0) > 0 AS again FROM orders LEFT "
           "JOIN scores USING (customer, o) LEFT JOIN nexts USING (customer, o) WHERE late IS NOT "
           "NULL) SELECT CASE WHEN late <= -8 THEN '8 days early and more' WHEN late <= -4 THEN '4 "
           "to 7 days early' WHEN late <= -1 THEN '1 to 3 days early' WHEN late = 0 THEN 'on the "
           "day' WHEN late = 1 THEN '1 day late' WHEN late <= 3 THEN late || ' days late' WHEN "
           "late <= 7 THEN '4 to 7 days late' ELSE '8 days late and more' END AS class, "
           "count(*)::varchar, CASE WHEN count(score) >= greatest(2, %s) THEN avg(score) "
           "END::varchar, count(score)::varchar, count(*) FILTER (again)::varchar, count(*) FILTER "
           "(watched)::varchar FROM seen GROUP BY class",
           where_of(where, value), again_ms,
           // Orders that --cases leaves out are no orders again.
           ds_option_get(&request->options, "cases") == NULL
               ? "" : "WHERE (b.customer, b.o) IN (SELECT (customer, of_case) FROM met) ",
           (long long)result->as_of_ms - again_ms,
           (long long)result->as_of_ms - again_ms, what->values[0].text);
  query(request, duck, rest, request->arena, &texts);
  const ds_table *table = oracle_table(result, "lateness");
  static const char *const columns[] = {"orders", "score", "score_n", "again", "again_n"};
  uint32_t rows = 0;
  for (uint32_t r = 0; r < table->rows_count; r++)
    rows += is_of(table, r, value);
  assert_int_equal(rows, texts.rows);
  for (uint32_t r = 0; r < texts.rows; r++) {
    const ds_str *want = &texts.cell[(size_t)r * 6];
    uint32_t at = 0;
    while (at < table->rows_count && !(is_of(table, at, value) &&
                                       ds_str_equal(cell(table, at, "lateness")->text, want[0])))
      at++;
    if (at == table->rows_count)
      fail_msg("no orders %.*s", DS_STR(want[0]));
    for (uint32_t c = 0; c < 5; c++) {
      const ds_cell *got = cell(table, at, columns[c]);
      double number = 0;
      const double have = c == 1 ? got->number : (double)got->i;
      assert_int_equal(got->null, want[1 + c].data == NULL);
      if (!got->null && ds_str_to_double(want[1 + c], &number) && fabs(have - number) > 1e-9)
        fail_msg("%.*s: %s is %g, SQL says %g", DS_STR(want[0]), columns[c], have, number);
    }
  }
}

static uint32_t compare(world *w, ds_duck *duck, const ds_snapshot *snapshot, const ds_zone *zone) {
  static const oracle_question row = {"delivery", {"overall", "groups", "stages"}, {0, 1, 1},
                                      "replace(columns(*)::varchar, ' > ', chr(31))"};
  const asked what = choose(w);
  ds_error err = {0};
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  const ds_request request = {.snapshot = snapshot,
                              .options = {.values = what.values, .count = what.count},
                              .now_ms = 4000000000000LL, .zone = zone,
                              .zone_name = zone == NULL ? NULL : "America/Sao_Paulo",
                              .threads = 1 + draw(w, 3), .memory_bytes = 64u << 20,
                              .arena = &arena};
  ds_result *result = ds_arena_alloc(&arena, sizeof *result);
  ds_result_init(result, &arena, "delivery");
  const ds_code code =
      ds_question_run(ds_question_find(ds_str_of("delivery")), &request, result, &err);
  // A small world may have no review, or no order with a lane.
  if (code == DS_EXPRESSION && strncmp(err.message, "--by ", 5) == 0) {
    ds_arena_done(&arena);
    return 0;
  }
  check(code, &err);
  const uint32_t rows = oracle_check(&row, &request, result, duck);
  // By definition, for the first and the last value of --by.
  const ds_table *overall = oracle_table(result, "overall");
  const bool whole = ds_option_get(&request.options, "by") == NULL;
  uint32_t told = 0;
  const uint32_t last = whole || overall->rows_count == 0 ? 0 : overall->rows_count - 1;
  for (uint32_t r = 0; r <= last; r += last > 0 ? last : 1) {
    const ds_str value = whole || overall->rows_count == 0 ? (ds_str){NULL, 0}
                               : overall->cells[(size_t)r * overall->columns_count].text;
    told += compare_promises(&what, &request, result, value, duck);
    compare_lateness(&what, &request, result, value, duck);
  }
  ds_arena_done(&arena);
  return rows + told;
}

static void test_worlds(void **state) {
  (void)state;
  ds_error err = {0};
  ds_duck *duck = NULL;
  ds_zone *zone = NULL;
  uint32_t rows = 0;
  check(ds_duck_open("build/libduckdb.so", NULL, (size_t)512 << 20, &duck, &err), &err);
  check(ds_zone_load(ds_io_posix(), "/usr/share/zoneinfo", ds_str_of("America/Sao_Paulo"), &zone,
                     &err), &err);
  for (uint64_t number = 0; number < (long_run() ? 10 * WORLDS : WORLDS); number++) {
    static world w;
    make(&w, number, false, duck);
    ds_snapshot *parts = snapshot_of(&w, number % 3 == 0);
    rows += compare(&w, duck, parts, number % 5 < 3 ? zone : NULL);
    qw_snapshot_free(parts);
    world_done(&w);
  }
  ds_zone_free(zone);
  ds_duck_close(duck);
  if (rows < 100)
    fail_msg("only %u rows were compared", rows);
}

// Where parcels are at some instant: an early one finds parcels of which little was told, a late
// one those long silent.
static uint32_t compare_tracking(world *w, uint32_t turn, ds_duck *duck,
                                 const ds_snapshot *snapshot, const ds_zone *zone,
                                 const char *zone_name) {
  static const oracle_question row = {"tracking", {"states"}, {1}, "columns(*)::varchar"};
  static const char *const taken[] = {"by-day", "from", "range", "where", "cases"};
  const asked what = choose(w);
  ds_error err = {0};
  ds_arena arena;
  char text[32];
  asked own = {.count = 0};
  for (uint32_t v = 0; v < what.count; v++)
    for (size_t t = 0; t < sizeof taken / sizeof *taken; t++)
      if (strcmp(what.values[v].name, taken[t]) == 0)
        own.values[own.count++] = what.values[v];
  const uint32_t hours = turn + 1 < INSTANTS ? (5 + 3 * turn) * 24 + draw(w, 96)
                                             : 288 + draw(w, 40 * 24);
  put(&own, "as-of", ds_time_print(text, w->base_ms + (int64_t)hours * 3600000));
  ds_arena_init(&arena, 256u << 20);
  const ds_request request = {.snapshot = snapshot,
                              .options = {.values = own.values, .count = own.count},
                              .now_ms = 4000000000000LL, .zone = zone, .zone_name = zone_name,
                              .threads = 1 + draw(w, 3), .memory_bytes = 64u << 20,
                              .arena = &arena};
  ds_result *result = ds_arena_alloc(&arena, sizeof *result);
  ds_result_init(result, &arena, "tracking");
  check(ds_question_run(ds_question_find(ds_str_of("tracking")), &request, result, &err), &err);
  const uint32_t rows = oracle_check(&row, &request, result, duck);
  ds_arena_done(&arena);
  return rows;
}

// In Havana clocks show the first hour of 4 November 2018 twice.
static void test_tracking(void **state) {
  (void)state;
  static const char *const names_of[] = {"America/Havana", "America/Sao_Paulo"};
  ds_error err = {0};
  ds_duck *duck = NULL;
  ds_zone *zone[2] = {NULL, NULL};
  uint32_t rows = 0;
  check(ds_duck_open("build/libduckdb.so", NULL, (size_t)512 << 20, &duck, &err), &err);
  for (uint32_t z = 0; z < 2; z++)
    check(ds_zone_load(ds_io_posix(), "/usr/share/zoneinfo", ds_str_of(names_of[z]), &zone[z],
                       &err), &err);
  for (uint32_t number = 0; number < (long_run() ? 10u * WIDE_WORLDS : WIDE_WORLDS); number++) {
    static world w;
    make(&w, number + 1, true, duck);
    ds_snapshot *parts = snapshot_of(&w, number % 3 == 0);
    for (uint32_t turn = 0; turn < INSTANTS; turn++) {
      const uint32_t z = (number + turn) % 3;
      rows += compare_tracking(&w, turn, duck, parts, z < 2 ? zone[z] : NULL,
                               z < 2 ? names_of[z] : NULL);
    }
    qw_snapshot_free(parts);
    world_done(&w);
  }
  ds_zone_free(zone[0]);
  ds_zone_free(zone[1]);
  ds_duck_close(duck);
  if (rows < 60)
    fail_msg("only %u rows were compared", rows);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_worlds),
                                     cmocka_unit_test(test_tracking)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
