// SPDX-License-Identifier: Apache-2.0
// `doorstep sql`: the tables hold what the world holds; the text of every question, run over them
// and over what they wrote to a Parquet file, is the question's own answer; nothing but reading is
// possible; what stops stops; random texts do no harm.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "base/task.h"
#include "ingest/simulate.h"
#include "unit/long_run.h"
#include "unit/oracle.h"

enum { WORLDS = 8, TURNS = 4 };

static void check(ds_code code, const ds_error *err) {
  if (code != DS_OK)
    fail_msg("%s", err->message);
}

// --- the texts of questions

// A question with the options that it needs, names of which some worlds lack. (Trend shows empty
// periods, too: test_oracle_worlds runs its text over these tables.)
typedef struct asked {
  const char *question;
  ds_option_value options[6];
  uint32_t count;
} asked;

static const asked questions[] = {
    {"map", {{"case", "order_id"}}, 1},
    {"process", {{"where", "value <= 3 or color is not null"}}, 1},
    {"variants", {{"case", "order_id"}, {"outcome", "value"}, {"min-n", "2"}}, 3},
    {"funnel", {{"step", "order_placed\npaid"}, {"within", "14d"}, {"min-n", "2"}}, 3},
    {"retention", {{"start", "any"}, {"min-n", "2"}}, 2},
    {"quality", {{NULL, NULL}}, 0},
    {"schema", {{NULL, NULL}}, 0},
    {"find", {{"has", "any[value > 2]"}}, 1},
    {"timeline", {{"who", "customer_id=C1"}}, 1},
    {"map", {{"by", "color"}, {"top", "1"}}, 2},
    {"process", {{"case", "order_id"}, {"by", "order_placed.color"}, {"columns", "all"}}, 3},
    {"variants", {{"by", "value"}, {"top", "2"}, {"outcome", "value"}, {"min-n", "2"}}, 4},
    {"retention", {{"start", "any"}, {"min-n", "2"}, {"by", "color"}, {"top", "2"}}, 4},
    {"funnel", {{"step", "order_placed\npaid?\nany"}, {"within", "14d"}, {"min-n", "2"},
                {"value", "value"}}, 4},
    {"funnel", {{"step", "order_placed\nany"}, {"within", "14d"}, {"min-n", "2"},
                {"by", "color"}, {"top", "1"}}, 5},
    {"funnel", {{"step", "order_placed\npaid"}, {"within", "14d"}, {"min-n", "2"},
                {"value", "order_placed.value"}, {"ties", "arrival"}}, 5},
    {"segment", {{"segment", "count(any) > 3\nsince(any) > 6d"}, {"min-n", "2"},
                 {"by", "color"}, {"top", "1"}}, 4},
    {"paths", {{"after", "order_placed"}, {"anchor", "each"}, {"depth", "3"},
               {"min-share", "0.1"}}, 4},
    {"paths", {{"before", "paid"}, {"anchor", "last"}, {"collapse", ""}, {"by", "color"},
               {"top", "1"}}, 5},
    {"paths", {{"after", "any"}, {"before", "paid"}, {"anchor", "first"}, {"children", "2"},
               {"case", "order_id"}}, 5},
    {"features", {{"feature", "n=count(any)\nlast(any.color)\nsum(any.value)"}}, 1},
    {"segment", {{"segment", "sequence(any then immediately any within 2d)"}}, 1},
    {"tracking", {{"case", "order_id"}}, 1},
};

// The answer, and how often it was compared; 0 when the world lacks a name.
static uint32_t ask(const asked *what, const ds_snapshot *snapshot, ds_duck *const *ducks,
                    uint32_t ducks_count) {
  ds_error err = {0};
  ds_arena arena;
  uint32_t compared = 0;
  ds_arena_init(&arena, (size_t)64 << 20);
  const ds_request request = {.snapshot = snapshot,
                              .options = {.values = what->options, .count = what->count},
                              .now_ms = 4000000000000, .threads = 2,
                              .memory_bytes = (size_t)64 << 20, .arena = &arena};
  ds_result *result = ds_arena_alloc(&arena, sizeof *result);
  ds_result_init(result, &arena, what->question);
  const ds_code code =
      ds_question_run(ds_question_find(ds_str_of(what->question)), &request, result, &err);
  if (code != DS_EXPRESSION)
    check(code, &err);
  for (uint32_t q = 0; q < oracle_questions_count && code == DS_OK; q++)
    for (uint32_t d = 0; d < ducks_count && strcmp(oracle_questions[q].question,
                                                   what->question) == 0; d++)
      compared += oracle_check(&oracle_questions[q], &request, result, ducks[d]) > 0;
  ds_arena_done(&arena);
  return compared;
}

static void test_questions(void **state) {
  (void)state;
  static qw_world world;
  ds_error err = {0};
  uint32_t compared[sizeof questions / sizeof *questions] = {0};
  char folder[] = "/tmp/doorstep-sql-XXXXXX", path[64], view[128];
  ds_duck *plain = NULL;
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/events.parquet", folder);
  snprintf(view, sizeof view, "create or replace view events as from '%s'", path);
  check(ds_duck_open("build/libduckdb.so", NULL, (size_t)512 << 20, &plain, &err), &err);
  for (uint64_t seed = 1; seed <= WORLDS; seed++) {
    oracle_session session;
    uint64_t rows = 0;
    qw_make(&world, seed);
    ds_snapshot *snapshot = qw_snapshot(&world, seed % 2 == 0);
    oracle_session_open(&session, snapshot, 1 + (uint32_t)seed % 3, path, NULL);
    check(ds_sql_write(session.sql, ds_str_of("from events -- all\n;"), &rows, &err), &err);
    assert_int_equal(rows, snapshot->events);
    check(ds_duck_run(plain, view, &err), &err);
    ds_duck *const ducks[] = {session.duck, plain};
    // By turns: DuckDB takes its time.
    const uint32_t count = rows == 0 ? 0 : sizeof questions / sizeof *questions;
    for (uint32_t q = (uint32_t)(seed % TURNS); q < count; q += long_run() ? 1 : TURNS)
      compared[q] += ask(&questions[q], snapshot, ducks, 2);
    oracle_session_close(&session);
    qw_snapshot_free(snapshot);
    assert_int_equal(unlink(path), 0);
  }
  ds_duck_close(plain);
  assert_int_equal(rmdir(folder), 0);
  for (uint32_t q = 0; q < sizeof questions / sizeof *questions; q++)
    if (compared[q] < 2)
      fail_msg("%s was compared only %u times", questions[q].question, compared[q]);
}

// Of the simulated shop, each with names that it has.
static const asked of_the_shop[] = {
    {"funnel", {{"step", "order_placed\ncarrier_collected?\nout_for_delivery\ndelivered"},
                {"case", "order_id"}, {"within", "14d"}, {"min-n", "5"}, {"value", "value"},
                {"by", "carrier"}}, 6},
    {"funnel", {{"step", "order_placed\ndelivered\nreview_submitted"}, {"within", "30d"},
                {"min-n", "5"}, {"by", "category"}, {"top", "2"}}, 5},
    {"paths", {{"after", "order_placed"}, {"case", "order_id"}, {"depth", "4"},
               {"by", "carrier"}, {"top", "1"}}, 5},
    {"paths", {{"before", "support_ticket_opened"}, {"anchor", "each"}, {"collapse", ""},
               {"depth", "3"}}, 4},
    {"map", {{"case", "order_id"}, {"by", "category"}, {"top", "2"}}, 3},
    {"process", {{"case", "order_id"}, {"by", "carrier"}, {"columns", "all"}}, 3},
    {"variants", {{"case", "order_id"}, {"by", "carrier"}, {"outcome", "stars"},
                  {"min-n", "2"}}, 4},
    {"retention", {{"start", "order_placed"}, {"by", "category"}, {"top", "2"},
                   {"min-n", "5"}}, 4},
    {"segment", {{"segment", "count(order_placed) >= 2\nsince(order_placed) > 90d"},
                 {"by", "category"}, {"min-n", "5"}}, 3},
    {"features", {{"feature", "n=count(order_placed)\ns=sum(order_placed.value)\n"
                              "d=did(support_ticket_opened, last 90d)"}}, 1},
    {"delivery", {{"min-n", "5"}, {"groups", "carrier,weekday"}}, 2},
};

// The shop, in the folder `at`; the caller closes and frees.
static void simulate_shop(const char *at, ds_store **ret_store, ds_snapshot **ret_snapshot) {
  ds_error err = {0};
  ds_store_options options;
  ds_simulate_options simulate;
  ds_build_stats stats;
  ds_store_options_init(&options);
  options.write = options.create = true;
  check(ds_store_open(at, &options, ret_store, &err), &err);
  ds_simulate_options_init(&simulate);
  simulate.orders = 150;
  simulate.seed = 5;
  check(ds_simulate_store(&simulate, *ret_store, &stats, &err), &err);
  check(ds_store_snapshot(*ret_store, ret_snapshot, &err), &err);
}

static void test_simulated(void **state) {
  (void)state;
  ds_error err = {0};
  oracle_session session;
  ds_store *store = NULL;
  ds_snapshot *snapshot = NULL;
  ds_duck *plain = NULL;
  uint64_t rows = 0;
  char folder[] = "/tmp/doorstep-sql-XXXXXX", at[64], path[64], text[128];
  assert_non_null(mkdtemp(folder));
  snprintf(at, sizeof at, "%s/store", folder);
  snprintf(path, sizeof path, "%s/events.parquet", folder);
  simulate_shop(at, &store, &snapshot);
  oracle_session_open(&session, snapshot, 2, path, NULL);
  check(ds_sql_write(session.sql, ds_str_of("from events"), &rows, &err), &err);
  assert_int_equal(rows, snapshot->events);
  check(ds_duck_open("build/libduckdb.so", NULL, (size_t)512 << 20, &plain, &err), &err);
  snprintf(text, sizeof text, "create view events as from '%s'", path);
  check(ds_duck_run(plain, text, &err), &err);
  ds_duck *const ducks[] = {session.duck, plain};
  for (uint32_t q = 0; q < sizeof of_the_shop / sizeof *of_the_shop; q++)
    if (ask(&of_the_shop[q], snapshot, ducks, 2) != 2)
      fail_msg("%u, %s, was not compared with both", q, of_the_shop[q].question);
  oracle_session_close(&session);
  ds_duck_close(plain);
  ds_snapshot_free(snapshot);
  ds_store_close(store);
  snprintf(text, sizeof text, "rm -rf '%s'", folder);
  assert_int_equal(system(text), 0);
}

// --- the tables

typedef struct bench_of {
  oracle_session session;
  ds_snapshot *snapshot;
  ds_arena arena;
  ds_result *result;
} bench_of;

static void bench_open(bench_of *b, uint64_t seed, uint32_t threads, ds_progress *progress) {
  static qw_world world;
  qw_make(&world, seed);
  if (world.count <= 100)
    fail_msg("world %u is small: %u", (unsigned)seed, world.count);
  b->snapshot = qw_snapshot(&world, false);
  oracle_session_open(&b->session, b->snapshot, threads, NULL, progress);
  ds_arena_init(&b->arena, (size_t)256 << 20);
  b->result = NULL;
}

static void bench_close(bench_of *b) {
  oracle_session_close(&b->session);
  qw_snapshot_free(b->snapshot);
  ds_arena_done(&b->arena);
}

static ds_code run(bench_of *b, const char *text, ds_error *err) {
  ds_arena_reset(&b->arena);
  b->result = ds_arena_alloc(&b->arena, sizeof *b->result);
  ds_result_init(b->result, &b->arena, "sql");
  return ds_sql_run(b->session.sql, ds_str_of(text), 1000, b->result, err);
}

// The only cell of the only row.
static const char *one(bench_of *b, const char *text) {
  ds_error err = {0};
  check(run(b, text, &err), &err);
  const ds_table *table = oracle_table(b->result, "rows");
  assert_int_equal(table->rows_count, 1);
  return ds_arena_text(&b->arena, table->cells[0].text.data, table->cells[0].text.size);
}

// What must be true of any world, and of the parameters.
static const char *const truths[] = {
    "select (select sum(events) from customers) = (select count(*) from events)",
    "select (select count(*) from customers) = (select count(distinct customer) from events)",
    "select count(*) = count(distinct arrival) from events",
    "select bool_and(c.first = e.first and c.last = e.last and c.events = e.n and "
    "c.touchpoints::varchar[] = e.path) from customers c join (select customer, min(time) as "
    "first, max(time) as last, count(*) as n, list(touchpoint::varchar order by time, arrival) as "
    "path from events group by customer) e using (customer)",
    "select (select count(*) from cases) = (select count(distinct (customer, id)) from (select "
    "customer, unnest(order_id) as id from events))",
    "select bool_and(c.events = e.n and c.case_key = 'order_id') from cases c join (select "
    "customer, id, count(*) as n from (select customer, unnest(list_distinct(order_id)) as id from "
    "events) group by all) e on e.customer = c.customer and e.id = c.case_id",
    "select (select count(*) from events(touchpoints := ['paid', 'packed'])) = (select count(*) "
    "from events where touchpoint in ('paid', 'packed'))",
    "select (select count(*) from events(since := timestamp '2020-01-02', until := timestamp "
    "'2020-02-01')) = (select count(*) from events where time >= '2020-01-02' and time < "
    "'2020-02-01')",
    "select (select max(time) from events) = (select max(last) from customers)",
    "select count(*) = 0 from events(touchpoints := ['refund_issued'])",
    "select (select count(*) from touchpoints) = (select count(distinct touchpoint) from events)",
    "select bool_and(e.stage::varchar is not distinct from t.stage and e.actor::varchar is not "
    "distinct from t.actor) from events e join touchpoints t on t.touchpoint = e.touchpoint",
    "select bool_and(source = 'test' and received >= '2000-01-01') from events",
    "select bool_and(subjects = [customer]) from customers",
    "select typeof(any_value(touchpoint)) like 'ENUM%' from events",
    "select list(touchpoint order by touchpoint) = list(touchpoint order by touchpoint::varchar) "
    "from events",
    "select count(*) = 0 from segments",
};

static void test_tables(void **state) {
  (void)state;
  for (uint64_t seed = 6; seed <= 7; seed++)
    for (uint32_t threads = 1; threads <= 3; threads += 2) {
      bench_of b;
      bench_open(&b, seed, threads, NULL);
      for (uint32_t t = 0; t < sizeof truths / sizeof *truths; t++)
        if (strcmp(one(&b, truths[t]), "true") != 0)
          fail_msg("world %u: not true: %s", (unsigned)seed, truths[t]);
      bench_close(&b);
    }
}

// Many scans at once, ends before the end, and the same numbers whatever the threads.
static void test_many_scans(void **state) {
  (void)state;
  ds_error err = {0};
  bench_of b;
  ds_buf text;
  ds_buf_init(&text, 1u << 16);
  bench_open(&b, 6, 3, NULL);
  ds_buf_text(&text, "select count(*) % 12 = 0 from (select customer from events");
  for (uint32_t i = 1; i < 12; i++)
    ds_buf_text(&text, " union all select customer from events");
  ds_buf_text(&text, ")");
  for (uint32_t i = 0; i < 4; i++) {
    assert_string_equal(one(&b, ds_buf_cstr(&text)), "true");
    check(run(&b, "from events limit 1; from customers limit 2; from events where false", &err),
          &err);
    assert_int_equal(b.result->tables_count, 3);
    assert_int_equal(b.result->tables[1].rows_count, 2);
    assert_int_equal(b.result->tables[2].rows_count, 0);
  }
  ds_buf_done(&text);
  bench_close(&b);
}

// --- closed

// What is refused, and what the message says.
typedef struct refused_text {
  const char *text;
  ds_code code;
  const char *says;
} refused_text;

#define OFF "sql reads no files"
#define NOT_HERE "is not available here"
static const refused_text refused[] = {
    {"from read_csv('/etc/passwd')", DS_UNSUPPORTED, NOT_HERE},
    {"from duckdb_settings()", DS_UNSUPPORTED, NOT_HERE},
    {"from read_text('/etc/passwd')", DS_UNSUPPORTED, NOT_HERE},
    {"from read_blob('/etc/passwd')", DS_UNSUPPORTED, NOT_HERE},
    {"from read_parquet('/etc/passwd')", DS_UNSUPPORTED, NOT_HERE},
    {"from read_json('/etc/passwd')", DS_UNSUPPORTED, NOT_HERE},
    {"from parquet_metadata('/etc/passwd')", DS_UNSUPPORTED, NOT_HERE},
    {"from sniff_csv('/etc/passwd')", DS_UNSUPPORTED, NOT_HERE},
    {"from glob('/etc/*')", DS_UNSUPPORTED, NOT_HERE},
    {"from '/etc/passwd.csv'", DS_EXPRESSION, OFF},
    {"from 'http://127.0.0.1/x.csv'", DS_EXPRESSION, ""},
    {"from query('from read_csv(''/etc/passwd'')')", DS_UNSUPPORTED, NOT_HERE},
    {"copy (select 1) to '/tmp/doorstep-closed.csv'", DS_UNSUPPORTED, "only reads"},
    {"copy touchpoints from '/etc/passwd'", DS_UNSUPPORTED, "only reads"},
    {"export database '/tmp/doorstep-closed'", DS_UNSUPPORTED, "only reads"},
    {"import database '/etc'", DS_EXPRESSION, OFF},
    {"attach '/tmp/doorstep-closed.db'", DS_UNSUPPORTED, "only reads"},
    {"detach memory", DS_UNSUPPORTED, "only reads"},
    {"install httpfs", DS_UNSUPPORTED, "only reads"},
    {"load httpfs", DS_UNSUPPORTED, "only reads"},
    {"load '/tmp/x.so'", DS_UNSUPPORTED, "only reads"},
    {"set memory_limit = '1TB'", DS_UNSUPPORTED, "only reads"},
    {"set enable_external_access = true", DS_UNSUPPORTED, "only reads"},
    {"reset threads", DS_UNSUPPORTED, "only reads"},
    {"pragma enable_profiling", DS_UNSUPPORTED, "only reads"},
    {"pragma threads = 4", DS_UNSUPPORTED, "only reads"},
    {"create table t(a int)", DS_UNSUPPORTED, "only reads"},
    {"create view v as select 1", DS_UNSUPPORTED, "only reads"},
    {"create macro f() as 1", DS_UNSUPPORTED, "only reads"},
    {"drop view events", DS_UNSUPPORTED, "only reads"},
    {"insert into touchpoints values (1, 2, 3, 4, 5, 6)", DS_UNSUPPORTED, "only reads"},
    {"update touchpoints set stage = 'x'", DS_UNSUPPORTED, "only reads"},
    {"delete from touchpoints", DS_UNSUPPORTED, "only reads"},
    {"begin", DS_UNSUPPORTED, "only reads"},
    {"checkpoint", DS_UNSUPPORTED, "only reads"},
    {"vacuum", DS_UNSUPPORTED, "only reads"},
    {"use memory", DS_UNSUPPORTED, "only reads"},
    {"prepare q as select 1", DS_UNSUPPORTED, "only reads"},
    {"call enable_logging()", DS_UNSUPPORTED, "only reads"},
    {"explain analyze create table t(a int)", DS_UNSUPPORTED, "only reads"},
    {"explain /* how */ (analyze, format json) drop view events", DS_UNSUPPORTED, "only reads"},
    {"explain insert into touchpoints values (1)", DS_UNSUPPORTED, "only reads"},
    {"with x as (insert into touchpoints values (1,2,3,4,5,6) returning 1) from x",
     DS_EXPRESSION, ""},
    {"from enable_logging()", DS_UNSUPPORTED, NOT_HERE},
    {"select (select count(*) from System.Main.\"Enable_Logging\"())", DS_UNSUPPORTED, NOT_HERE},
    {"pragma version", DS_UNSUPPORTED, "only reads"},
    {"from query_table('events')", DS_UNSUPPORTED, NOT_HERE},
    {"pivot touchpoints on stage using count(*)", DS_UNSUPPORTED, "IN"},
    {"select 1; select", DS_EXPRESSION, "without selection list"},
    {"", DS_USAGE, "there is no statement"},
    {" ; -- nothing\n /* at /* all */ */ ;;", DS_USAGE, "there is no statement"},
    {"from events(touchpoints := ['paed'])", DS_INPUT, "did you mean 'paid'?"},
    {"from cases('order')", DS_INPUT, "there is no case key 'order'"},
    {"select timestamp 'infinity'", DS_LIMIT, "cast it to VARCHAR"},
    {"select x'00'::int", DS_EXPRESSION, ""},
};

static void test_closed(void **state) {
  (void)state;
  bench_of b;
  bench_open(&b, 6, 2, NULL);
  for (uint32_t t = 0; t < sizeof refused / sizeof *refused; t++) {
    ds_error err = {0};
    const ds_code code = run(&b, refused[t].text, &err);
    if (code != refused[t].code || strstr(err.message, refused[t].says) == NULL ||
        strchr(err.message, '\n') != NULL)
      fail_msg("%s: %s: %s", refused[t].text, ds_code_name(code), err.message);
  }
  assert_int_equal(access("/tmp/doorstep-closed.csv", F_OK), -1);
  assert_int_equal(access("/tmp/doorstep-closed.db", F_OK), -1);
  assert_int_equal(access("/tmp/doorstep-closed", F_OK), -1);
  // And all is as it was.
  assert_string_equal(one(&b, "select count(*) > 100 from events"), "true");
  bench_close(&b);
}

static void test_positions(void **state) {
  (void)state;
  bench_of b;
  bench_open(&b, 6, 1, NULL);
  ds_error err = {0};
  assert_int_equal(run(&b, "select 1;\n-- é\nselect 'é', nosuch\nfrom events", &err),
                   DS_EXPRESSION);
  assert_int_equal(err.line, 3);
  assert_int_equal(err.column, 13);
  // A value is not told.
  assert_int_equal(run(&b, "select touchpoint::varchar::int from events", &err), DS_EXPRESSION);
  assert_non_null(strstr(err.message, "…"));
  assert_null(strstr(err.message, "paid"));
  bench_close(&b);
}

// Every type is shown as what it is.
static void test_types(void **state) {
  (void)state;
  static const struct {
    const char *text;
    ds_cell_type type;
    const char *cell;
  } rows[] = {
      {"select 9223372036854775807", DS_CELL_EXACT, "9223372036854775807"},
      {"select sum(i) from range(5) t(i)", DS_CELL_EXACT, "10"},
      {"select 170141183460469231731687303715884105727", DS_CELL_EXACT,
       "170141183460469231731687303715884105727"},
      {"select -1.50::decimal(5,2)", DS_CELL_EXACT, "-1.50"},
      {"select true", DS_CELL_EXACT, "true"},
      {"select 'a''b'", DS_CELL_TEXT, "a'b"},
      {"select date '2018-01-31'", DS_CELL_TEXT, "2018-01-31"},
      {"select interval 90 minutes", DS_CELL_TEXT, "01:30:00"},
      {"select ['a', null, 'c']", DS_CELL_LIST, "a\x1fNULL\x1f" "c"},
      {"select [1, 2]", DS_CELL_LIST, "1\x1f" "2"},
      {"select {'a': 1, 'b': [2]}", DS_CELL_TEXT, "{'a': 1, 'b': [2]}"},
      {"select map {'k': 1}", DS_CELL_TEXT, "{k=1}"},
      {"select $$a;b$$", DS_CELL_TEXT, "a;b"},
      {"select e'a\\';b'", DS_CELL_TEXT, "a';b"},
      {"select 'x' as \"a;b\" /* ; */ -- ;\n", DS_CELL_TEXT, "x"},
      {"values ('x')", DS_CELL_TEXT, "x"},
      {"from (values (2), (3), (1)) t(i) order by i desc limit 1", DS_CELL_EXACT, "3"},
  };
  bench_of b;
  bench_open(&b, 6, 2, NULL);
  for (uint32_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    const char *cell = one(&b, rows[r].text);
    assert_int_equal(b.result->tables[0].columns[0].type, rows[r].type);
    assert_string_equal(cell, rows[r].cell);
  }
  ds_error err = {0};
  check(run(&b, "select time '10:00' as t; select timestamptz '2018-01-31 10:00:00+02', "
            "1.5::float, null::int; show tables; describe events; summarize touchpoints; "
            "explain analyze select 1", &err), &err);
  const ds_cell *cells = b.result->tables[1].cells;
  assert_int_equal(cells[0].i, 1517385600000);
  assert_true(cells[1].number == 1.5 && cells[2].null);
  assert_int_equal(b.result->tables_count, 6);
  // In order, however many threads.
  check(run(&b, "select i from range(100000) t(i) order by hash(i), i", &err), &err);
  assert_int_equal(b.result->tables[0].rows_count, 1000);
  assert_int_equal(b.result->notes_count, 1);
  bench_close(&b);
}

// --- stopped

typedef struct stopper {
  ds_progress progress;
  ds_task *task;
} stopper;

static void stop_soon(void *context) {
  usleep(150000);
  atomic_store(&((stopper *)context)->progress.stop, 1);
}

static void test_stopped(void **state) {
  (void)state;
  static const char *const texts[] = {
      "select count(*) from range(1000000000000) t(i) where hash(i) = 0",
      "select i from range(1000000000000) t(i) where hash(i) = 0",
      ("select count(*) from events a, events b, events c, events d, events e "
       "where hash(a.time, b.time, c.time, d.time, e.time) = 0")};
  for (uint32_t t = 0; t < sizeof texts / sizeof *texts; t++) {
    bench_of b;
    ds_error err = {0};
    stopper stop = {.task = NULL};
    bench_open(&b, 6, 2, &stop.progress);
    check(ds_task_start(stop_soon, &stop, false, &stop.task, &err), &err);
    assert_int_equal(run(&b, texts[t], &err), DS_INTERRUPTED);
    ds_task_end(stop.task);
    bench_close(&b);
  }
}

// --- texts by chance

static void test_garbage(void **state) {
  (void)state;
  static const char *const pieces[] = {
      "select", "from", "events", "events(", "customers", "cases", "cases('order_id')", "segments",
      "touchpoints", "where", "touchpoint", "time", "=", "'paid'", "'", "\"", "$$", "/*", "*/",
      "--", "\n", ";", "(", ")", "[", "]", "{", "}", ",", "*", "1", "null", "group by all",
      "order by",
      "limit 1", "union all", "with", "as", "list(", "unnest(", "order_id", "value", "::int",
      "::enum", ":=", "since", "until", "\xff", "\xc3", "é", "e'\\", "over ()", "qualify", "pivot",
      "describe", "summarize", "explain", "?", "$1", "lambda x: x", "like", "having", "copy",
      "set"};
  uint64_t seed = 42;
  bench_of b;
  uint32_t done = 0;
  bench_open(&b, 6, 2, NULL);
  for (uint32_t i = 0; i < (long_run() ? 20000 : 250); i++) {
    ds_buf text;
    ds_error err = {0};
    ds_buf_init(&text, 1u << 16);
    ds_buf_text(&text, qw_random(&seed) % 2 == 0 ? "select * from events " : "");
    for (uint64_t n = qw_random(&seed) % 8; n > 0; n--)
      ds_buf_printf(&text, "%s ", pieces[qw_random(&seed) % (sizeof pieces / sizeof *pieces)]);
    const ds_code code = run(&b, ds_buf_cstr(&text), &err);
    done += code == DS_OK;
    if (code != DS_OK)
      assert_true(err.message[0] != '\0' && strchr(err.message, '\n') == NULL);
    ds_buf_done(&text);
  }
  assert_true(done > 5);
  assert_string_equal(one(&b, "select count(*) > 100 from events"), "true");
  bench_close(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_questions), cmocka_unit_test(test_simulated),
      cmocka_unit_test(test_tables),    cmocka_unit_test(test_many_scans),
      cmocka_unit_test(test_closed),    cmocka_unit_test(test_positions),
      cmocka_unit_test(test_types),     cmocka_unit_test(test_stopped),
      cmocka_unit_test(test_garbage),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
