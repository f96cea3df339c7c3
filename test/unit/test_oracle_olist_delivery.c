// SPDX-License-Identifier: Apache-2.0
// What is known of Olist's deliveries, by SQL over the raw files that shares nothing with the
// question's own: late by day and by timestamp, the times of the stages, scores by lateness.
// Skipped, and counted as such, where the shared data is absent.
#include <math.h>
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
#define ZONE "America/Sao_Paulo"

typedef struct fixture {
  char path[64];
  char file[96];
  ds_store *store;
  ds_duck *duck;
  ds_zone *zone;
  ds_arena arena;
  ds_error err;
} fixture;

static void check(ds_code code, const fixture *f) {
  if (code != DS_OK)
    fail_msg("%s", f->err.message);
}

// Orders of the random draw as events, with the promise as the instant that the file writes.
static const char events_sql[] =
    "copy (with o as (select o.*, customer_unique_id as person from '" OLIST
    "/olist_orders_dataset.csv' o join '" OLIST "/olist_customers_dataset.csv' c using "
    "(customer_id) join '" OLIST "/provenance_orders.csv' p on p.order_id = o.order_id where "
    "p.uniform = 1) select person as customer, e as event, t as time, order_id, case when e = "
    "'order_placed' then order_estimated_delivery_date end as promise_until from (select *, "
    "unnest(['order_placed', 'carrier_collected', 'delivered']) as e, "
    "unnest([order_purchase_timestamp, order_delivered_carrier_date, "
    "order_delivered_customer_date]) as t from o) where t is not null) to '%s' (header)";

static void fixture_open(fixture *f) {
  char store[96], sql[2048];
  *f = (fixture){.path = "/tmp/doorstep-delivery-XXXXXX"};
  assert_non_null(mkdtemp(f->path));
  ds_arena_init(&f->arena, (size_t)1 << 30);
  snprintf(store, sizeof store, "%s/store", f->path);
  snprintf(f->file, sizeof f->file, "%s/orders.csv", f->path);
  check(ds_duck_open("build/libduckdb.so", NULL, (size_t)512 << 20, &f->duck, &f->err), f);
  check(ds_zone_load(ds_io_posix(), "/usr/share/zoneinfo", ds_str_of(ZONE), &f->zone, &f->err), f);
  snprintf(sql, sizeof sql, events_sql, f->file);
  check(ds_duck_run(f->duck, sql, &f->err), f);
  ds_store_options options;
  ds_store_options_init(&options);
  options.write = options.create = true;
  check(ds_store_open(store, &options, &f->store, &f->err), f);
}

static void fixture_close(fixture *f) {
  char command[128];
  ds_store_close(f->store);
  ds_duck_close(f->duck);
  ds_zone_free(f->zone);
  ds_arena_done(&f->arena);
  snprintf(command, sizeof command, "rm -rf '%s'", f->path);
  assert_int_equal(system(command), 0);
}

static void import_file(fixture *f, const char *file, const char *mapping, const ds_pair *option) {
  ds_import_options options;
  ds_result report;
  ds_import_options_init(&options);
  options.files = &file;
  options.files_count = 1;
  options.mapping = mapping;
  options.options = option;
  options.options_count = option != NULL;
  options.time_zone = mapping == NULL ? ZONE : NULL;
  options.now_ms = 1790000000000;
  options.threads = 2;
  options.memory_bytes = (size_t)512 << 20;
  ds_result_init(&report, &f->arena, "import");
  check(ds_import(f->store, &options, &f->arena, &report, &f->err), f);
}

static ds_result *ask(fixture *f, const ds_option_value *values, uint32_t count) {
  ds_snapshot *snapshot = NULL;
  check(ds_store_snapshot(f->store, &snapshot, &f->err), f);
  const ds_request request = {.snapshot = snapshot,
                              .options = {.values = values, .count = count},
                              .now_ms = 1790000000000, .zone = f->zone, .zone_name = ZONE,
                              .threads = 2, .memory_bytes = (size_t)512 << 20,
                              .arena = &f->arena};
  ds_result *result = ds_arena_alloc(&f->arena, sizeof *result);
  ds_result_init(result, &f->arena, "delivery");
  check(ds_question_run(ds_question_find(ds_str_of("delivery")), &request, result, &f->err), f);
  ds_snapshot_free(snapshot);
  return result;
}

static double figure(const ds_result *result, const char *name, uint32_t row, const char *column) {
  const ds_table *table = oracle_table(result, name);
  const uint32_t c = ds_table_column(table, column);
  assert_true(c != UINT32_MAX && row < table->rows_count);
  const ds_cell *cell = &table->cells[(size_t)row * table->columns_count + c];
  assert_false(cell->null);
  return table->columns[c].type == DS_CELL_COUNT ? (double)cell->i : cell->number;
}

// What one row of SQL says.
static void sql_row(fixture *f, const char *sql, double *values, uint32_t count) {
  ds_duck_texts texts;
  check(ds_duck_query(f->duck, sql, &f->arena, &texts, &f->err), f);
  assert_true(texts.rows == 1 && texts.columns == count);
  for (uint32_t c = 0; c < count; c++)
    assert_true(ds_str_to_double(texts.cell[c], &values[c]));
}

static const char late_sql[] =
    "select count(*)::varchar, count(*) filter (d > p)::varchar, count(*) filter (d::date > "
    "p::date)::varchar from (select order_delivered_customer_date as d, "
    "order_estimated_delivery_date as p from '" OLIST "/olist_orders_dataset.csv' join '" OLIST
    "/provenance_orders.csv' using (order_id) where uniform = 1 and "
    "order_delivered_customer_date is not null and order_purchase_timestamp is not null)";

// A promise that is a day, written as its midnight: 7.9 % late by timestamp, 6.6 % by day.
static void test_late(void **state) {
  (void)state;
  const ds_option_value by_day = {"by-day", ""};
  double want[3];
  fixture f;
  if (access(OLIST, R_OK) != 0) {
    skip();
    return;
  }
  fixture_open(&f);
  import_file(&f, f.file, NULL, NULL);
  sql_row(&f, late_sql, want, 3);
  const ds_result *instant = ask(&f, NULL, 0), *day = ask(&f, &by_day, 1);
  assert_true(figure(instant, "overall", 0, "promised") == want[0]);
  assert_true(figure(instant, "overall", 0, "late") == want[1]);
  assert_true(figure(day, "overall", 0, "late") == want[2]);
  assert_true(fabs(figure(instant, "overall", 0, "late_share") - 0.079) < 0.001);
  assert_true(fabs(figure(day, "overall", 0, "late_share") - 0.066) < 0.001);
  fixture_close(&f);
}

static const char class_sql[] =
    "select count(*)::varchar, avg(score)::varchar from (select order_id, "
    "order_delivered_customer_date::date - order_estimated_delivery_date::date as late from '" OLIST
    "/olist_orders_dataset.csv' where order_delivered_customer_date is not null) o left join "
    "(select order_id, avg(review_score) as score from '" OLIST
    "/olist_order_reviews_dataset.csv' group by order_id) using (order_id) where late between %d "
    "and %d";

// Mean scores by lateness, and how many orders, over all orders.
static void test_scores(void **state) {
  (void)state;
  static const int first[] = {-9999, -7, -3, 0, 1, 2, 3, 4, 8};
  static const int last[] = {-8, -4, -1, 0, 1, 2, 3, 7, 9999};
  const ds_pair whole = {"uniform", "0"};
  const ds_option_value handed_over = {"arrival", "delivered"};
  fixture f;
  if (access(OLIST, R_OK) != 0) {
    skip();
    return;
  }
  fixture_open(&f);
  import_file(&f, OLIST, "olist", &whole);
  const ds_result *result = ask(&f, &handed_over, 1);
  assert_int_equal(oracle_table(result, "lateness")->rows_count, 9);
  for (uint32_t c = 0; c < 9; c++) {
    char sql[1024];
    double want[2];
    snprintf(sql, sizeof sql, class_sql, first[c], last[c]);
    sql_row(&f, sql, want, 2);
    assert_true(figure(result, "lateness", c, "orders") == want[0]);
    const double got = figure(result, "lateness", c, "score");
    if (fabs(got - want[1]) > 1e-9)
      fail_msg("class %u: %.12g stars, and SQL says %.12g", c, got, want[1]);
  }
  // Late orders are reviewed much worse: known of this data.
  assert_true(figure(result, "lateness", 0, "score") > 4.2);
  assert_true(figure(result, "lateness", 8, "score") < 2.0);
  fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_late), cmocka_unit_test(test_scores)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
