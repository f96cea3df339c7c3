// SPDX-License-Identifier: Apache-2.0
// Questions over real files against SQL that DuckDB runs over the same raw files: every node, every
// edge, every time of the process map, every variant, every stage of the journey map. Skipped, and
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

// What every case of this file works with.
typedef struct fixture {
  char path[64];
  ds_store *store;
  ds_arena arena;
  ds_error err;
} fixture;

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
                              .options = {values, count},
                              .now_ms = 1790000000000,
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

// The journey map's own SQL over `o`, whose cases stand as customers; its scores are not there.
static void check_map(fixture *f, ds_duck *duck, const ds_result *result) {
  static const char *const tables[] = {"stages", "touchpoints"};
  ds_snapshot *snapshot = NULL;
  ds_buf sql, wrapped;
  ds_buf_init(&sql, 1u << 20);
  ds_buf_init(&wrapped, 1u << 20);
  if (ds_store_snapshot(f->store, &snapshot, &f->err) != DS_OK ||
      ds_duck_run(duck, "create view events as select c as customer, make_timestamp(t * 1000) as "
                  "time, n as arrival, e as touchpoint, null::double as score from o", &f->err) !=
          DS_OK)
    fail_msg("%s", f->err.message);
  const ds_request request = {.snapshot = snapshot, .arena = &f->arena};
  assert_int_equal(ds_question_find(ds_str_of("map"))->sql(&request, &sql, &f->err), DS_OK);
  char *at = (char *)(uintptr_t)ds_buf_cstr(&sql);
  for (uint32_t s = 0; s < 2; s++) {
    char *end = strstr(at, ";\n");
    assert_non_null(end);
    *end = '\0';
    ds_buf_reset(&wrapped);
    ds_buf_printf(&wrapped, "select columns(c -> c not like 'satisfaction%%')::varchar from (%s)",
                  at);
    check_table(f, duck, ds_buf_cstr(&wrapped), result, tables[s], s + 1);
    at = end + 2;
  }
  ds_buf_done(&sql);
  ds_buf_done(&wrapped);
  ds_snapshot_free(snapshot);
}

// `events` is SQL for rows (c, t in ms, n = order among equals, e), over which every question with
// the options `value` (given of them) is held against SQL.
static void check_against_sql(fixture *f, const char *events, const ds_option_value *value,
                              uint32_t given, uint32_t threads) {
  ds_duck *duck = NULL;
  if (ds_duck_open("build/libduckdb.so", NULL, (size_t)1 << 30, &duck, &f->err) != DS_OK)
    fail_msg("%s", f->err.message);
  ds_buf sql;
  ds_buf_init(&sql, 1u << 20);
  ds_buf_printf(&sql,
                "create table o as select c, t, n, e, lead(e) over w as f, lead(t) over w - t as "
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
  ask(f, "map", value, given, threads, &result);
  check_map(f, duck, &result);
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
    "people as (select customer_id, customer_unique_id from "
    "  read_csv('" OLIST "/olist_customers_dataset.csv', all_varchar = true)), "
    "reviews as (select *, row_number() over (order by review_creation_date, "
    "  review_answer_timestamp, review_id, order_id) as r "
    "  from read_csv('" OLIST "/olist_order_reviews_dataset.csv', all_varchar = true)), "
    "long as ("
    "  select order_id, customer_id, r * 4 + x.k as n, x.e, x.stamp from orders, lateral (values "
    "    (0, 'order_placed', order_purchase_timestamp), "
    "    (1, 'payment_approved', order_approved_at), "
    "    (2, 'carrier_collected', order_delivered_carrier_date), "
    "    (3, 'delivered', order_delivered_customer_date)) as x(k, e, stamp) "
    "  union all "
    "  select reviews.order_id, customer_id, 10000000 + reviews.r * 2 + x.k, x.e, x.stamp "
    "  from reviews join orders using (order_id), lateral (values "
    "    (0, 'survey_sent', review_creation_date), "
    "    (1, 'review_submitted', review_answer_timestamp)) as x(k, e, stamp)) "
    // DuckDB takes the second of two equal readings of a clock that is put back, we the first.
    "select %s as c, epoch_ms(case when timezone(zone, u - interval 1 hour) = stamp::timestamp "
    "  then u - interval 1 hour else u end) as t, n, e "
    "from long join people using (customer_id), z, "
    "  lateral (select timezone(zone, stamp::timestamp) as u) "
    "where stamp is not null";

static void olist_case(const char *uniform, const char *filter, const char *key) {
  if (access(OLIST, R_OK) != 0) {
    skip();
    return;
  }
  fixture f;
  fixture_open(&f);
  const char *files[] = {OLIST};
  const ds_pair option = {"uniform", uniform};
  ds_import_options options;
  ds_import_options_init(&options);
  options.files = files;
  options.files_count = 1;
  options.mapping = "olist";
  options.options = &option;
  options.options_count = 1;
  import_files(&f, &options);
  const ds_option_value value = {"case", "order_id"};
  const uint32_t given = strcmp(key, "order_id") == 0 ? 1 : 0;
  char events[4096];
  snprintf(events, sizeof events, olist_events, filter, key);
  for (uint32_t threads = 1; threads <= 2; threads++)
    check_against_sql(&f, events, &value, given, threads);
  assert_int_equal(ds_store_compact(f.store, NULL, &f.err), DS_OK);
  check_against_sql(&f, events, &value, given, 2);
  fixture_close(&f);
}

static void test_olist_orders(void **state) {
  (void)state;
  olist_case("0", "true", "order_id");
}

static void test_olist_people(void **state) {
  (void)state;
  olist_case("0", "true", "customer_unique_id");
}

static void test_olist_random_draw(void **state) {
  (void)state;
  olist_case("1",
             "order_id in (select order_id from read_csv('" OLIST "/provenance_orders.csv', "
             "all_varchar = true) where uniform = '1')",
             "order_id");
}

static void test_helpdesk(void **state) {
  (void)state;
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
                    "row_number() over () as n, \"concept:name\" as e "
                    "from read_csv('" HELPDESK "', all_varchar = true)",
                    NULL, 0, 2);
  fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_olist_orders),
      cmocka_unit_test(test_olist_people),
      cmocka_unit_test(test_olist_random_draw),
      cmocka_unit_test(test_helpdesk),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
