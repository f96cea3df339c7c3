// SPDX-License-Identifier: Apache-2.0
// Questions over real files against SQL that DuckDB runs over the same raw files: the process map
// and the variants by SQL of this test's own, then every question by its own SQL text. Skipped, and
// counted as such, where the shared data is absent.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "ingest/duck.h"
#include "ingest/import.h"
#include "question/question.h"
#include "unit/oracle.h"

#define OLIST "../shared/data/olist"
#define HELPDESK "../shared/data/eventlogs/helpdesk.csv.gz"
#define RECEIPT "../shared/data/eventlogs/receipt.xes.gz"

enum { OPTIONS_MAX = 6 };

// What every case of this file works with.
typedef struct fixture {
  char path[64];
  ds_store *store;
  ds_arena arena;
  ds_error err;
  ds_zone *zone; // of days; NULL: UTC
} fixture;

#define ZONE "America/Sao_Paulo"

static void fixture_open(fixture *f) {
  *f = (fixture){.path = "/tmp/doorstep-oracle-XXXXXX"};
  assert_non_null(mkdtemp(f->path));
  ds_arena_init(&f->arena, (size_t)1 << 30);
  ds_store_options options;
  ds_store_options_init(&options);
  options.write = options.create = true;
  char store[80];
  snprintf(store, sizeof store, "%s/store", f->path);
  if (ds_store_open(store, &options, &f->store, &f->err) != DS_OK)
    fail_msg("%s", f->err.message);
}

static void fixture_close(fixture *f) {
  ds_store_close(f->store);
  ds_zone_free(f->zone);
  ds_arena_done(&f->arena);
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", f->path);
  assert_int_equal(system(command), 0);
}

static void import_files(fixture *f, ds_import_options *options) {
  options->now_ms = 1790000000000;
  options->threads = 2;
  options->memory_bytes = (size_t)512 << 20;
  ds_result report;
  ds_result_init(&report, &f->arena, "import");
  if (ds_import(f->store, options, &f->arena, &report, &f->err) != DS_OK)
    fail_msg("%s", f->err.message);
}

static void ask(fixture *f, const char *question, const ds_option_value *values, uint32_t count,
                uint32_t threads, ds_result *ret_result) {
  ds_snapshot *snapshot = NULL;
  if (ds_store_snapshot(f->store, &snapshot, &f->err) != DS_OK)
    fail_msg("%s", f->err.message);
  const ds_request request = {.snapshot = snapshot,
                              .options = {.values = values, .count = count},
                              .now_ms = 1790000000000,
                              .zone = f->zone,
                              .zone_name = f->zone == NULL ? NULL : ZONE,
                              .threads = threads,
                              .memory_bytes = (size_t)512 << 20,
                              .arena = &f->arena};
  const ds_question *asked = ds_question_find(ds_str_of(question));
  assert_non_null(asked);
  ds_result_init(ret_result, &f->arena, question);
  if (ds_question_run(asked, &request, ret_result, &f->err) != DS_OK)
    fail_msg("%s", f->err.message);
  ds_snapshot_free(snapshot);
}

// What SQL says of table `name` over `o`.
static void check_table(fixture *f, ds_duck *duck, const char *sql, const ds_result *result,
                        const char *name, uint32_t keys) {
  ds_duck_texts texts;
  if (ds_duck_query(duck, sql, &f->arena, &texts, &f->err) != DS_OK)
    fail_msg("%s", f->err.message);
  assert_true(texts.rows > 0);
  oracle_compare(oracle_table(result, name), &texts, keys);
}

static const char nodes_sql[] =
    "select e, count(*)::varchar, count(distinct c)::varchar, "
    "count(*) filter (b is null)::varchar, "
    "count(*) filter (f is null)::varchar from o group by e";
static const char edges_sql[] =
    "select e, f, count(*)::varchar, count(distinct c)::varchar, avg(d)::varchar, "
    "quantile_cont(d, 0.5)::varchar, quantile_cont(d, 0.9)::varchar, min(d)::varchar, "
    "max(d)::varchar, sum(d)::varchar from o where f is not null group by e, f";
// The separator sorts before any letter, so texts sort as their lists of names do.
static const char variants_sql[] =
    "with cases as (select string_agg(e, chr(31) order by t, n) as s, max(t) - min(t) as d "
    "from o group by c), grouped as (select s, count(*) as k, quantile_cont(d, 0.5) as m, "
    "quantile_cont(d, 0.9) as p from cases group by s) "
    "select row_number() over (order by k desc, s)::varchar, s, k::varchar, "
    "(k / sum(k) over ())::varchar, "
    "(sum(k) over (order by k desc, s) / sum(k) over ())::varchar, m::varchar, p::varchar "
    "from grouped";

// A data set as questions see it: SQL for the table `events` over `o`, a name for timeline and
// find, and a period in which something happens every month.
typedef struct data_set {
  const char *events;
  const char *who;
  const char *steps; // of a funnel
  const char *from, *to;
  const char *case_key;
  const char *by;   // a property to break down by
  const char *zone; // NULL: UTC
  bool delivers;    // it tells of orders and deliveries
} data_set;

// One question with those options (NULL ends them), against its own SQL text.
static void check_question(fixture *f, ds_duck *duck, const char *name,
                           const ds_option_value *value, const data_set *set, uint32_t threads) {
  ds_snapshot *snapshot = NULL;
  if (ds_store_snapshot(f->store, &snapshot, &f->err) != DS_OK)
    fail_msg("%s", f->err.message);
  ds_zone *zone = NULL;
  if (set->zone != NULL)
    assert_int_equal(ds_zone_load(ds_io_posix(), "/usr/share/zoneinfo", ds_str_of(set->zone),
                                  &zone, &f->err), DS_OK);
  uint32_t count = 0, q = 0;
  while (count < OPTIONS_MAX && value[count].name != NULL)
    count++;
  while (strcmp(oracle_questions[q].question, name) != 0)
    q++;
  const ds_request request = {.snapshot = snapshot,
                              .options = {.values = value, .count = count},
                              .zone = zone,
                              .zone_name = set->zone,
                              .now_ms = 1790000000000,
                              .threads = threads,
                              .memory_bytes = (size_t)512 << 20,
                              .arena = &f->arena};
  ds_result result;
  ds_result_init(&result, &f->arena, name);
  if (ds_question_run(ds_question_find(ds_str_of(name)), &request, &result, &f->err) != DS_OK)
    fail_msg("%s: %s", name, f->err.message);
  if (oracle_check(&oracle_questions[q], &request, &result, duck) == 0)
    fail_msg("%s: nothing was compared", name);
  ds_zone_free(zone);
  ds_snapshot_free(snapshot);
}

// What only orders with scores, prices and promises can be asked.
static void check_orders(fixture *f, ds_duck *duck, const data_set *set, uint32_t threads) {
  const ds_option_value from = {"from", set->from}, to = {"to", set->to};
  const ds_option_value by_case = {"case", "order_id"}, by_state = {"by", "state"};
  const struct {
    const char *question;
    ds_option_value options[OPTIONS_MAX];
  } asked[] = {
      {"delivery", {{"groups", "state,month"}}},
      {"delivery", {{"groups", "weekday"}, {"arrival", "delivered"}, from, to}},
      {"delivery", {{"groups", "weekday"}, from, by_state, {"top", "3"}}},
      {"delivery", {{"groups", "month"}, {"arrival", "delivered"}, {"by-day", ""}, to,
                    {"range", "touching"}, {"by", "order_placed.state"}}},
      {"delivery", {{"groups", "state"},
                    {"cases", "sequence(order_placed then not delivered within 20d)"}}},
      {"delivery", {{"groups", "month"}, by_state, {"top", "2"},
                    {"cases", "not did(any[state = 'SP'])"}}},
      {"tracking", {{NULL, NULL}}},
      {"tracking", {to, from, {"where", "state = 'SP' or state is null"},
                    {"cases", "count(any) > 2"}, {"as-of", set->to}}},
      {"map", {by_case, {"score", "score"}, {"cases", "count(any) >= 3"}}},
      {"process", {by_case, {"node", "owner"}, {"columns", "all"}, {"rework", ""}, from}},
      {"process", {by_case, {"closed", "delivered"}, {"variant", "1-3"}, {"min-duration", "90h"},
                   by_state}},
      {"variants", {by_case, {"outcome", "score"}, {"collapse", ""}, by_state, {"top", "2"}}},
      {"funnel", {by_case, {"step", "order_placed\npayment_approved?\ndelivered"},
                  {"value", "order_placed.value"}, by_state, {"top", "2"}}},
      {"paths", {by_case, {"after", "order_placed"}, {"before", "delivered"}, by_state}},
      {"process", {by_case, {"cases", "sequence(payment_approved then not carrier_collected within "
                             "3d then immediately any+ then delivered)"}}},
      {"features", {{"feature", "again=sequence(delivered then order_placed within 90d)\n"
                     "any_case(order_id, sequence(delivered then immediately any $))"}}},
      {"retention", {{"start", "order_placed"}, {"mode", "unbounded"}, {"clock", "rolling"},
                     by_state, {"top", "3"}}},
      {"trend", {by_case, {"measure", "rate"}, {"of", "delivered[date(time) > promise]"},
                 by_state, {"top", "2"}, {"per", "week"}}},
      {"trend", {{"measure", "p90"}, {"of", "value"}, {"per", "month"}, by_state}},
      {"trend", {by_case, {"measure", "rate"}, {"of", "delivered[date(time) > promise]"},
                 {"per", "week"}, {"anomalies", ""}, from}},
      {"trend", {{"measure", "sum"}, {"of", "value"}, {"per", "week"}, by_state, {"top", "2"},
                 {"anomalies", ""}}},
      {"segment", {{"segment", "sum(order_placed.value) > 100\nsince(any) < 90d"}, by_state,
                   {"top", "2"}}},
      {"segment", {{"segment", "sum(order_placed.value) > 100\nsince(any) < 90d"},
                   {"versus", set->from}, {"overlap", ""}}},
      {"features", {{"feature", "late=did(delivered[date(time) > promise])\nspent="
                     "sum(order_placed.value)\nleast=min(review_submitted.score)\n"
                     "median(any.value)\nlast(any.state)"},
                    by_case, {"where", "state = 'SP' or state is null"},
                    {"cases", "count(any) >= 2"}}},
  };
  for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
    check_question(f, duck, asked[i].question, asked[i].options, set, threads);
}

static void check_questions(fixture *f, ds_duck *duck, const data_set *set, uint32_t threads) {
  const ds_option_value from = {"from", set->from}, to = {"to", set->to};
  const ds_option_value by_case = {"case", set->case_key}, set_by = {"by", set->by};
  const ds_option_value events = {"range", "events"};
  const struct {
    const char *question;
    ds_option_value options[OPTIONS_MAX];
  } asked[] = {
      {"map", {{NULL, NULL}}},
      {"map", {by_case, from}},
      {"process", {by_case, to, {"range", "touching"}}},
      {"variants", {by_case, from, to}},
      {"paths", {{"after", "any"}, {"depth", "6"}, {"children", "20"}, by_case}},
      {"paths", {{"before", "any"}, {"anchor", "each"}, {"collapse", ""}, set_by}},
      {"map", {set_by, by_case}},
      {"process", {set_by, by_case}},
      {"variants", {set_by, by_case, {"coverage", "0.5"}}},
      {"funnel", {set_by, {"step", set->steps}, by_case}},
      {"retention", {set_by, {"start", "any"}, {"per", "month"}, by_case}},
      {"trend", {set_by, {"per", "month"}, {"measure", "cases"}, by_case}},
      {"segment", {set_by, {"segment", "count(any) > 3"}, by_case, {"per", "month"}}},
      {"trend", {{"measure", "count"}, {"per", "month"}, from, to}},
      {"trend", {{"per", "day"}, {"anomalies", ""}}},
      {"trend", {{"measure", "median"}, {"of", "duration"}, from, to}},
      {"quality", {{NULL, NULL}}},
      {"funnel", {{"step", set->steps}, by_case}},
      {"funnel", {{"step", set->steps}, {"within", "90d"}, from, to}},
      {"retention", {{"start", "any"}, {"per", "month"}}},
      {"retention", {{"start", "any"}, {"again", "actor:customer"}, {"clock", "rolling"}, from}},
      {"segment", {{NULL, NULL}}},
      {"segment", {{"overlap", ""}, {"as-of", set->to}, {"versus", set->from}}},
      {"segment", {{"segment", "count(any) > 3\nsince(any) < 90d"}, by_case, {"overlap", ""},
                   {"versus", set->to}}},
      {"segment", {{"segment", "count(any) > 3\ndid(actor:customer, last 60d)"}, by_case,
                   {"overlap", ""}, {"per", "month"}}},
      {"segment", {{"per", "month"}, {"since", set->from}}},
      {"features", {{"feature", "a=did(actor:customer, last 30d)\nn=count(any, last 365d)\n"
                     "idle=since(any)\nf=first(any)\nelapsed(any, actor:customer)"},
                    {"as-of", set->to}}},
      {"features", {{"feature", "a=did(any, last 30d)\nn=count(any)"}, by_case, from}},
      {"segment", {{"segment", "sequence(any then not any within 30d)\nsequence(^ any{3} then any "
                    "within 9d)"}, by_case, {"versus", set->to}}},
      {"quality", {by_case, from, events}},
      {"schema", {{NULL, NULL}}},
      {"schema", {to, {"range", "completed"}}},
      {"find", {from, to, events}},
      {"find", {{"id", set->who}, by_case}},
      {"timeline", {{"who", set->who}}},
      {"timeline", {{"who", set->who}, by_case}},
  };
  bool met[16] = {false};
  if (ds_duck_run(duck, set->events, &f->err) != DS_OK)
    fail_msg("%s", f->err.message);
  for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
    check_question(f, duck, asked[i].question, asked[i].options, set, threads);
    for (uint32_t q = 0; q < oracle_questions_count; q++)
      met[q] |= strcmp(oracle_questions[q].question, asked[i].question) == 0;
  }
  // All but conformance, whose oracle is brute force (test_question_conformance.c).
  assert_int_equal(oracle_questions_count + 1, ds_questions_count);
  if (set->delivers)
    check_orders(f, duck, set, threads);
  for (uint32_t q = 0; q < oracle_questions_count; q++)
    if (!met[q] && strcmp(oracle_questions[q].question, "delivery") != 0 &&
        strcmp(oracle_questions[q].question, "tracking") != 0)
      fail_msg("%s is not asked here", oracle_questions[q].question);
}

// Of orders that are one parcel without a label, with a promised day: where they are at the latest
// event, and what is wrong with them.
static const char tracking_sql[] =
    "with p as (select order_id, min(t) filter (e = 'carrier_collected') as c, "
    "min(t) filter (e = 'delivered') as d, min(promise)::date as promised from o group by 1), "
    "q as (select *, epoch_ms(timezone('America/Sao_Paulo', (promised + 1)::timestamp)) as ends, "
    "(select max(t) from o) as now from p), "
    "s as (select *, case when d is not null then 'delivered' when c is not null then 'collected' "
    "else 'ordered' end as state, d is null and c is not null as silent from q) "
    "select state, count(*)::varchar, count(*)::varchar, "
    "count(*) filter (silent and now - c >= 24 * 3600000)::varchar, "
    "count(*) filter (d is null and now < ends and now >= ends - 12 * 3600000)::varchar, "
    "count(*) filter (ends <= now and (d is null or d >= ends))::varchar, "
    "count(*) filter (silent and now - c >= 30 * 24 * 3600000::bigint)::varchar, "
    "quantile_cont(now - case state when 'delivered' then d when 'collected' then c else "
    "placed end, 0.5)::varchar "
    "from s join (select order_id, min(t) filter (e = 'order_placed') as placed from o group by 1) "
    "using (order_id) group by state";

static void check_tracking(fixture *f, ds_duck *duck, const char *zone_name, uint32_t threads) {
  ds_zone *zone = NULL;
  ds_result result;
  assert_int_equal(ds_zone_load(ds_io_posix(), "/usr/share/zoneinfo", ds_str_of(zone_name), &zone,
                                &f->err), DS_OK);
  ds_zone *const before = f->zone;
  f->zone = zone;
  ask(f, "tracking", NULL, 0, threads, &result);
  f->zone = before;
  check_table(f, duck, tracking_sql, &result, "states", 1);
  ds_zone_free(zone);
}

// `events` is SQL for rows (c, t in ms, n = order among equals, e, …), over which the process map
// and the variants with the options `value` (given of them) are held against SQL; then every
// question over `set`, unless it is NULL.
static void check_against_sql(fixture *f, const char *events, const ds_option_value *value,
                              uint32_t given, const data_set *set, uint32_t threads) {
  ds_duck *duck = NULL;
  if (ds_duck_open("build/libduckdb.so", NULL, (size_t)1 << 30, &duck, &f->err) != DS_OK)
    fail_msg("%s", f->err.message);
  ds_buf sql;
  ds_buf_init(&sql, 1u << 20);
  ds_buf_printf(&sql,
                "create table o as select *, lead(e) over w as f, lead(t) over w - t as "
                "d, lag(e) over w as b from (%s) window w as (partition by c order by t, n)",
                events);
  if (ds_duck_run(duck, ds_buf_cstr(&sql), &f->err) != DS_OK)
    fail_msg("%s", f->err.message);
  ds_result result;
  ask(f, "process", value, given, threads, &result);
  check_table(f, duck, nodes_sql, &result, "nodes", 1);
  check_table(f, duck, edges_sql, &result, "edges", 2);
  ds_option_value values[4] = {{"limit", "100000"}};
  for (uint32_t i = 0; i < given; i++)
    values[i + 1] = value[i];
  ask(f, "variants", values, given + 1, threads, &result);
  check_table(f, duck, variants_sql, &result, "variants", 2);
  if (set != NULL)
    check_questions(f, duck, set, threads);
  if (set != NULL && set->delivers)
    check_tracking(f, duck, set->zone, threads);
  ds_buf_done(&sql);
  ds_duck_close(duck);
}

// Olist's events straight from the raw files. `n` repeats the mapping's order: orders by
// purchase, each with its four events, then reviews.
static const char olist_events[] =
    "with z as (select 'America/Sao_Paulo' as zone), "
    "orders as (select *, row_number() over (order by order_purchase_timestamp, order_id) as r "
    "  from read_csv('" OLIST "/olist_orders_dataset.csv', all_varchar = true) "
    "  where %s), "
    "people as (select customer_id, customer_unique_id, customer_state as state from "
    "  read_csv('" OLIST "/olist_customers_dataset.csv', all_varchar = true)), "
    "reviews as (select *, row_number() over (order by review_creation_date, "
    "  review_answer_timestamp, review_id, order_id) as r "
    "  from read_csv('" OLIST "/olist_order_reviews_dataset.csv', all_varchar = true)), "
    "paid as (select order_id, sum(payment_value::decimal(18, 2))::double as value "
    "  from read_csv('" OLIST "/olist_order_payments_dataset.csv', all_varchar = true) "
    "  group by 1), "
    "bought as (select order_id, count(*)::double as items "
    "  from read_csv('" OLIST "/olist_order_items_dataset.csv', all_varchar = true) group by 1), "
    "long as ("
    "  select order_id, customer_id, null as review_id, null as score, "
    "    null as comment_title, null as comment, "
    "    order_estimated_delivery_date::date as promise, r * 4 + x.k as n, x.e, x.stamp "
    "  from orders, lateral (values "
    "    (0, 'order_placed', order_purchase_timestamp), "
    "    (1, 'payment_approved', order_approved_at), "
    "    (2, 'carrier_collected', order_delivered_carrier_date), "
    "    (3, 'delivered', order_delivered_customer_date)) as x(k, e, stamp) "
    "  union all "
    "  select reviews.order_id, customer_id, review_id, review_score::double, "
    "    review_comment_title, review_comment_message, null, "
    "    10000000 + reviews.r * 2 + x.k, x.e, x.stamp "
    "  from reviews join orders using (order_id), lateral (values "
    "    (0, 'survey_sent', review_creation_date), "
    "    (1, 'review_submitted', review_answer_timestamp)) as x(k, e, stamp)) "
    // DuckDB takes the second of two equal readings of a clock that is put back, we the first.
    "select %s as c, epoch_ms(case when timezone(zone, u - interval 1 hour) = stamp::timestamp "
    "  then u - interval 1 hour else u end) as t, n, e, "
    "  customer_unique_id as person, order_id, review_id, score, promise, state, value, items, "
    "  comment_title, comment "
    "from long join people using (customer_id) left join paid using (order_id) "
    "  left join bought using (order_id), z, "
    "  lateral (select timezone(zone, stamp::timestamp) as u) "
    "where stamp is not null";

static const data_set olist = {
    .events = "create table events as select 'customer_unique_id=' || person as customer, "
              "make_timestamp(t * 1000) as time, make_timestamp(t * 1000) as received, n as "
              "arrival, e as touchpoint, [order_id] as order_id, case when review_id is not null "
              "then [review_id] end as review_id, case when e = 'order_placed' then items end as "
              "items, case when e in ('order_placed', 'delivered') then promise end as promise, "
              "case when e = 'review_submitted' then score end as score, case when e in "
              "('order_placed', 'delivered', 'review_submitted') then state end as state, case "
              "when e = 'order_placed' then value end as value, "
              // Sealed: only whether they are there is asked.
              "case when e = 'review_submitted' then comment_title end as comment_title, "
              "case when e = 'review_submitted' then comment end as comment from o",
    .who = "000576fe39319847cbb9d288c5617fa6",
    .steps = "order_placed\ndelivered\nreview_submitted[score <= 2]",
    .from = "2017-02-01",
    .by = "state",
    .to = "2018-08-01",
    .case_key = "order_id",
    .zone = "America/Sao_Paulo",
    .delivers = true,
};

static void olist_import(fixture *f, const char *uniform) {
  const char *files[] = {OLIST};
  const ds_pair option = {"uniform", uniform};
  ds_import_options options;
  ds_import_options_init(&options);
  options.files = files;
  options.files_count = 1;
  options.mapping = "olist";
  options.options = &option;
  options.options_count = 1;
  import_files(f, &options);
}

static void olist_case(const char *uniform, const char *filter, const char *key,
                       const data_set *set) {
  if (access(OLIST, R_OK) != 0) {
    skip();
    return;
  }
  fixture f;
  fixture_open(&f);
  olist_import(&f, uniform);
  const ds_option_value value = {"case", "order_id"};
  const uint32_t given = strcmp(key, "order_id") == 0 ? 1 : 0;
  char events[6144];
  snprintf(events, sizeof events, olist_events, filter, key);
  for (uint32_t threads = 1; threads <= 2; threads++)
    check_against_sql(&f, events, &value, given, NULL, threads);
  assert_int_equal(ds_store_compact(f.store, NULL, &f.err), DS_OK);
  check_against_sql(&f, events, &value, given, set, 2);
  fixture_close(&f);
}

#define LATE "delivered[date(time) > promise]"
#define DRAWN                                                                                     \
  "order_id in (select order_id from read_csv('" OLIST "/provenance_orders.csv', all_varchar = "  \
  "true) where uniform = '1')"

// The rows of the table of periods that count something.
static ds_table counted_rows(fixture *f, const ds_result *result, const char *column) {
  ds_table table = *oracle_table(result, "periods");
  const uint32_t c = ds_table_column(&table, column), width = table.columns_count;
  ds_cell *cells = ds_arena_array(&f->arena, (size_t)table.rows_count * width + 1, sizeof *cells);
  uint32_t kept = 0;
  assert_true(cells != NULL && c < width);
  for (uint32_t r = 0; r < table.rows_count; r++)
    if (table.cells[(size_t)r * width + c].i > 0)
      memcpy(cells + (size_t)kept++ * width, table.cells + (size_t)r * width,
             width * sizeof *cells);
  table.cells = cells;
  table.rows_count = kept;
  return table;
}

static void check_periods(fixture *f, ds_duck *duck, const ds_option_value *values, uint32_t count,
                          const char *sql, uint32_t keys) {
  ds_result result;
  ds_duck_texts texts;
  ask(f, "trend", values, count, 2, &result);
  if (ds_duck_query(duck, sql, &f->arena, &texts, &f->err) != DS_OK)
    fail_msg("%s", f->err.message);
  const ds_table table = counted_rows(f, &result, "n");
  assert_true(texts.rows > 0);
  oracle_compare(&table, &texts, keys);
}

// Mean stars of the orders that came so many days late, month by month of the review.
static void check_stars(fixture *f, ds_duck *duck) {
  static const struct {
    int low, high;
  } bins[] = {{-1000, -8}, {-7, -1}, {0, 0}, {1, 3}, {4, 7}, {8, 1000}};
  char cases[200], sql[600];
  for (size_t b = 0; b < sizeof bins / sizeof *bins; b++) {
    snprintf(cases, sizeof cases, "did(delivered[date(time) - promise between %s%dd and %s%dd])",
             bins[b].low < 0 ? "0d - " : "", abs(bins[b].low), bins[b].high < 0 ? "0d - " : "",
             abs(bins[b].high));
    snprintf(sql, sizeof sql, "select strftime(date_trunc('month', local), '%%Y-%%m'), "
             "count(score)::varchar, avg(score)::varchar from l where e = 'review_submitted' and "
             "c in (select c from l where e = 'delivered' and local::date - promise between %d "
             "and %d) group by 1", bins[b].low, bins[b].high);
    const ds_option_value values[] = {{"measure", "mean"}, {"of", "review_submitted.score"},
                                      {"case", "order_id"}, {"cases", cases}, {"min-n", "1"},
                                      {"per", "month"}};
    check_periods(f, duck, values, 6, sql, 1);
  }
}

// The median of each stage that SQL finds halves the cases, as an expression counts them.
static void check_stages(fixture *f, ds_duck *duck) {
  static const char *const steps[] = {"order_placed", "payment_approved", "carrier_collected",
                                      "delivered"};
  char sql[700], text[100];
  for (uint32_t s = 1; s < 4; s++) {
    ds_duck_texts texts;
    snprintf(sql, sizeof sql, "with d as (select min(t) filter (e = '%s') as a, min(t) filter (e = "
             "'%s') as b from l group by c), g as (select b - a as ms from d where b >= a), m as "
             "(select quantile_disc(ms, 0.5) as half from g) select half::varchar, count(*) filter "
             "(ms <= half)::varchar, count(*) filter (ms > half)::varchar from g, m group by half",
             steps[s - 1], steps[s]);
    if (ds_duck_query(duck, sql, &f->arena, &texts, &f->err) != DS_OK)
      fail_msg("%s", f->err.message);
    for (uint32_t side = 0; side < 2; side++) {
      uint64_t want = 0;
      ds_result result;
      snprintf(text, sizeof text, "elapsed(%s, %s) %s %.*sms", steps[s - 1], steps[s],
               side == 0 ? "<=" : ">", DS_STR(texts.cell[0]));
      const ds_option_value values[] = {{"id", text}, {"case", "order_id"}};
      ask(f, "find", values, 2, 2, &result);
      assert_true(ds_str_to_u64(texts.cell[1 + side], &want) && want > 6000);
      assert_int_equal(oracle_table(&result, "found")->rows_count, want);
    }
  }
}

static void check_late(fixture *f, ds_duck *duck) {
  const ds_option_value by_month[] = {{"measure", "rate"}, {"of", LATE}, {"case", "order_id"},
                                      {"min-n", "1"}, {"per", "month"}, {"by", "state"},
                                      {"top", "100"}};
  check_periods(f, duck, by_month, 5,
                "select strftime(date_trunc('month', begun), '%Y-%m'), count(*)::varchar, "
                "(count(*) filter (late) / count(*))::varchar from k group by 1", 1);
  check_periods(f, duck, by_month, 7,
                "select state, strftime(date_trunc('month', begun), '%Y-%m'), count(*)::varchar, "
                "(count(*) filter (late) / count(*))::varchar from k group by 1, 2", 2);
}

// Whether the periods that stand out are those named.
static void check_anomalies(fixture *f, const ds_option_value *values, uint32_t count,
                            const char *expected) {
  ds_result result;
  ds_buf found;
  ask(f, "trend", values, count, 2, &result);
  const ds_table *table = oracle_table(&result, "periods");
  const uint32_t c = ds_table_column(table, "anomaly");
  ds_buf_init(&found, 4096);
  for (uint32_t r = 0; r < table->rows_count; r++) {
    const ds_cell *row = table->cells + (size_t)r * table->columns_count;
    if (!row[c].null)
      ds_buf_printf(&found, "%.*s %.*s ", DS_STR(row[0].text), DS_STR(row[c].text));
  }
  if (strcmp(ds_buf_cstr(&found), expected) != 0)
    fail_msg("anomalies: %s", ds_buf_cstr(&found));
  ds_buf_done(&found);
}

// In the draw of orders: late ones of Black Friday 2017 and of February and March 2018; weeks of
// Black Friday, Christmas, and the strike of the truck drivers.
static void test_olist_late(void **state) {
  (void)state;
  if (access(OLIST, R_OK) != 0) {
    skip();
    return;
  }
  fixture f;
  ds_duck *duck = NULL;
  fixture_open(&f);
  olist_import(&f, "1");
  if (ds_zone_load(ds_io_posix(), "/usr/share/zoneinfo", ds_str_of(ZONE), &f.zone, &f.err) !=
          DS_OK ||
      ds_duck_open("build/libduckdb.so", NULL, (size_t)1 << 30, &duck, &f.err) != DS_OK)
    fail_msg("%s", f.err.message);
  char events[6144];
  ds_buf sql;
  snprintf(events, sizeof events, olist_events, DRAWN, "order_id");
  ds_buf_init(&sql, 1u << 20);
  ds_buf_printf(&sql, "create table l as select *, timezone('" ZONE "', timezone('UTC', "
                "make_timestamp(t * 1000))) as local from (%s); create table k as select c, "
                "any_value(state) as state, arg_min(local, t) as begun, bool_or(e = 'delivered' "
                "and local::date > promise) as late from l group by c", events);
  if (ds_duck_run(duck, ds_buf_cstr(&sql), &f.err) != DS_OK)
    fail_msg("%s", f.err.message);
  check_stars(&f, duck);
  check_stages(&f, duck);
  check_late(&f, duck);
  const ds_option_value late[] = {{"measure", "rate"}, {"of", LATE}, {"case", "order_id"},
                                  {"per", "month"}, {"from", "2017-01-01"}, {"to", "2018-09-01"},
                                  {"anomalies", ""}};
  check_anomalies(&f, late, 7, "2017-11 high 2018-02 high 2018-03 high ");
  const ds_option_value orders[] = {{"where", "touchpoint = 'order_placed'"}, {"per", "week"},
                                    {"from", "2017-01-02"}, {"to", "2018-07-02"},
                                    {"anomalies", ""}};
  check_anomalies(&f, orders, 5,
                  "2017-11-20 high 2017-11-27 high 2017-12-25 low 2018-05-21 low ");
  ds_buf_done(&sql);
  ds_duck_close(duck);
  fixture_close(&f);
}

static void test_olist_orders(void **state) {
  (void)state;
  olist_case("0", "true", "order_id", &olist);
}

static void test_olist_people(void **state) {
  (void)state;
  olist_case("0", "true", "customer_unique_id", NULL);
}

static void test_olist_random_draw(void **state) {
  (void)state;
  olist_case("1",
             "order_id in (select order_id from read_csv('" OLIST "/provenance_orders.csv', "
             "all_varchar = true) where uniform = '1')",
             "order_id", NULL);
}

static void test_helpdesk(void **state) {
  (void)state;
  static const data_set set = {
      .events = "create table events as select 'case_id=' || c as customer, make_timestamp(t * "
                "1000) as time, make_timestamp(t * 1000) as received, n as arrival, e as "
                "touchpoint, [c] as case_id, * exclude (c, t, n, e, f, d, b) from o",
      .who = "Case 1",
      .steps = "'Assign seriousness'\nany\n'Resolve ticket'",
      .from = "2010-05-01",
      .to = "2013-06-01",
      .case_key = "case_id",
      .by = "resource",
  };
  if (access(HELPDESK, R_OK) != 0) {
    skip();
    return;
  }
  fixture f;
  fixture_open(&f);
  const char *files[] = {HELPDESK};
  ds_import_options options;
  ds_import_options_init(&options);
  options.files = files;
  options.files_count = 1;
  import_files(&f, &options);
  check_against_sql(&f,
                    "select \"case:concept:name\" as c, "
                    "epoch_ms(\"time:timestamp\"::timestamptz) as t, "
                    "row_number() over () as n, \"concept:name\" as e, "
                    "\"org:resource\" as resource, * "
                    "from read_csv('" HELPDESK "', all_varchar = true)",
                    NULL, 0, &set, 2);
  fixture_close(&f);
}

// XES as lines, which this file's writer made of them: an attribute of an event stands between its
// tags, else it is its trace's; of the log there are none behind the first trace.
static const char receipt_events[] =
    "with lines as (select row_number() over () as pos, line from read_csv('" RECEIPT "', columns "
    "= {'line': 'VARCHAR'}, delim = '\x01', quote = '', escape = '', header = false, auto_detect = "
    "false, compression = 'gzip')), "
    "nested as (select pos, sum((line like '%<trace>%')::int) over w as trace, "
    "  sum((line like '%<event>%')::int) over w as event, "
    "  sum((line like '%<event>%')::int - (line like '%</event>%')::int) over w as inside, "
    "  regexp_extract(line, 'key=\"([^\"]*)\"', 1) as k, "
    "  regexp_extract(line, 'value=\"([^\"]*)\"', 1) as v "
    "  from lines window w as (order by pos)), "
    "traces as (select trace, %s from nested where trace > 0 and inside = 0 and k <> '' group by "
    "  trace), "
    "logged as (select trace, event, %s from nested where inside = 1 and k <> '' group by all) "
    "select t.\"concept:name\" as c, epoch_ms(l.\"time:timestamp\"::timestamptz) as t, event as "
    "n, l.\"concept:name\" as e, l.\"org:group\" as \"group\", l.\"org:resource\" as "
    "resource, l.\"concept:instance\" as concept_instance, l.\"lifecycle:transition\" as "
    "lifecycle_transition, %s from logged l join traces t using (trace)";

// The attributes of traces; the last four are instants.
static const char *const receipt_trace[] = {"channel", "department", "group", "responsible",
                                            "deadline", "enddate", "enddate_planned", "startdate"};
static const char *const receipt_event[] = {"concept:name", "time:timestamp", "org:group",
                                            "org:resource", "concept:instance",
                                            "lifecycle:transition"};

static void put_attributes(ds_buf *out, const char *const *names, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    ds_buf_printf(out, "%smax(v) filter (where k = '%s') as \"%s\"", i == 0 ? "" : ", ", names[i],
                  names[i]);
}

static void test_receipt(void **state) {
  (void)state;
  static const data_set set = {
      .events = "create table events as select 'case_id=' || c as customer, make_timestamp(t * "
                "1000) as time, make_timestamp(t * 1000) as received, n as arrival, e as "
                "touchpoint, [c] as case_id, * exclude (c, t, n, e, f, d, b) from o",
      .who = "case-10011",
      .steps = "'Confirmation of receipt'\n'T02 Check confirmation of receipt'\nany",
      .from = "2010-11-01",
      .to = "2011-12-01",
      .case_key = "case_id",
      .by = "resource",
  };
  if (access(RECEIPT, R_OK) != 0) {
    skip();
    return;
  }
  fixture f;
  fixture_open(&f);
  const char *files[] = {RECEIPT};
  ds_import_options options;
  ds_import_options_init(&options);
  options.files = files;
  options.files_count = 1;
  import_files(&f, &options);
  ds_buf of_trace, of_event, cased, sql;
  ds_buf *const all[] = {&of_trace, &of_event, &cased, &sql};
  for (uint32_t i = 0; i < 4; i++)
    ds_buf_init(all[i], 1u << 16);
  put_attributes(&of_trace, receipt_trace, 8);
  ds_buf_text(&of_trace, ", max(v) filter (where k = 'concept:name') as \"concept:name\"");
  put_attributes(&of_event, receipt_event, 6);
  for (uint32_t i = 0; i < 8; i++)
    ds_buf_printf(&cased,
                  i < 4 ? "%st.\"%s\" as \"case_%s\""
                        : "%s(t.\"%s\"::timestamptz at time zone 'UTC') as \"case_%s\"",
                  i == 0 ? "" : ", ", receipt_trace[i], receipt_trace[i]);
  const char *at = receipt_events;
  for (uint32_t i = 0; i < 3; i++) {
    const char *hole = strstr(at, "%s");
    assert_non_null(hole);
    ds_buf_append(&sql, at, (size_t)(hole - at));
    ds_buf_text(&sql, ds_buf_cstr(all[i]));
    at = hole + 2;
  }
  ds_buf_text(&sql, at);
  check_against_sql(&f, ds_buf_cstr(&sql), NULL, 0, &set, 2);
  for (uint32_t i = 0; i < 4; i++)
    ds_buf_done(all[i]);
  fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_olist_orders),
      cmocka_unit_test(test_olist_people),
      cmocka_unit_test(test_olist_random_draw),
      cmocka_unit_test(test_olist_late),
      cmocka_unit_test(test_helpdesk),
      cmocka_unit_test(test_receipt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
