// SPDX-License-Identifier: Apache-2.0
// Paths of the process map that small worlds never take: an edge table too large to index, windows
// from a true sample, kept gaps past their budget; and the texts of every error of its options.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question/process_quantiles.h"
#include "question_world.h"

// Touchpoints: so many that (T + 1) * T edges are too many for a table. The large world has
// more gaps than one chunk of kept ones, and more blocks than the least sample takes.
enum { TOUCHPOINTS = 520, EVENTS = 6000, CUSTOMERS = 300, LARGE = 2200000, COLORS = 3 };

// One event of a world whose events are all known here.
typedef struct known {
  uint32_t customer;
  uint32_t touchpoint;
  int64_t time_ms;
} known;

static const char *const colors[COLORS] = {"red", "green", "blue"};

static void put(const known *event, uint64_t id, qw_rows *rows) {
  char subject[32];
  snprintf(subject, sizeof subject, "customer_id=C%u", event->customer);
  const ds_event_property color = {
      0, false, {.type = DS_TYPE_STRING, .text = ds_str_of(colors[event->customer % COLORS])}};
  const ds_event row = {.touchpoint = (uint16_t)event->touchpoint, .has_id = true, .id = id,
                        .time_ms = event->time_ms, .received_ms = event->time_ms, .arrival = 1,
                        .subject = ds_str_of(subject), .properties_count = 1,
                        .properties = (ds_event_property *)(uintptr_t)&color};
  qw_rows_put(rows, &row);
}

static void space_make(ds_space *space, uint32_t touchpoints) {
  static const char *const properties[] = {"color"}, *const sources[] = {"test"};
  ds_space_init(space);
  for (uint32_t t = 0; t < touchpoints; t++) {
    char name[16];
    uint32_t index = 0;
    snprintf(name, sizeof name, "t%03u", t);
    assert_int_equal(ds_names_add(&space->touchpoints, ds_str_of(name), &index, NULL), DS_OK);
  }
  qw_names(&space->properties, properties, 1);
  qw_names(&space->sources, sources, 1);
}

// Events in parts by turns. Every touchpoint must occur, for the space is that of the parts.
static ds_snapshot *snapshot_of(const known *events, uint32_t count, uint32_t touchpoints,
                                uint32_t parts) {
  ds_snapshot *snapshot = qw_snapshot_new();
  ds_space space;
  space_make(&space, touchpoints);
  for (uint32_t part = 0; part < parts; part++) {
    qw_rows rows = {0};
    for (uint32_t e = part; e < count; e += parts)
      put(&events[e], e + 1, &rows);
    qw_part_add(snapshot, &space, &rows);
    qw_rows_done(&rows);
  }
  ds_space_done(&space);
  assert_int_equal(snapshot->events, count);
  return snapshot;
}

static ds_code ask(const ds_snapshot *snapshot, const ds_option_value *values, uint32_t count,
                   uint32_t threads, ds_arena *arena, ds_result *result, ds_error *err) {
  const ds_request request = {.snapshot = snapshot, .options = {.values = values, .count = count},
                              .now_ms = 4000000000000LL, .threads = threads,
                              .memory_bytes = 512u << 20, .arena = arena};
  ds_result_init(result, arena, "process");
  return ds_question_run(ds_question_find(ds_str_of("process")), &request, result, err);
}

// A pair of neighbours, by group, names and gap.
typedef struct pair {
  uint32_t group, from, to;
  int64_t gap;
  uint32_t customer;
} pair;

static int compare_pairs(const void *a, const void *b) {
  const pair *x = a, *y = b;
  if (x->group != y->group)
    return x->group < y->group ? -1 : 1;
  if (x->from != y->from)
    return x->from < y->from ? -1 : 1;
  if (x->to != y->to)
    return x->to < y->to ? -1 : 1;
  return (x->gap > y->gap) - (x->gap < y->gap);
}

static const ds_cell *cell(const ds_table *table, uint32_t row, const char *column) {
  const uint32_t c = ds_table_column(table, column);
  assert_int_not_equal(c, UINT32_MAX);
  return &table->cells[(size_t)row * table->columns_count + c];
}

static bool text_is(const ds_table *table, uint32_t row, const char *column, const char *text) {
  return ds_str_equal(cell(table, row, column)->text, ds_str_of(text));
}

static double between(const pair *run, uint32_t count, uint32_t numerator, uint32_t denominator) {
  const uint32_t whole = (count - 1) * numerator, at = whole / denominator;
  const double fraction = (double)(whole % denominator) / denominator;
  const int64_t next = run[at + 1 < count ? at + 1 : at].gap;
  return (double)run[at].gap + fraction * (double)(next - run[at].gap);
}

// Every run of equal pairs is a row of the table, and there are no more rows.
static void check_edges(const pair *pairs, uint32_t count, bool grouped, const ds_table *table) {
  uint32_t runs = 0;
  uint8_t *met = calloc(table->rows_count + 1u, 1);
  assert_non_null(met);
  for (uint32_t first = 0, last = 0; first < count; first = last, runs++) {
    char from[16], to[16];
    snprintf(from, sizeof from, "t%03u", pairs[first].from);
    snprintf(to, sizeof to, "t%03u", pairs[first].to);
    for (last = first; last < count && pairs[last].group == pairs[first].group &&
                       pairs[last].from == pairs[first].from && pairs[last].to == pairs[first].to;)
      last++;
    uint32_t row = 0;
    while (row < table->rows_count &&
           (met[row] || !text_is(table, row, "from", from) || !text_is(table, row, "to", to) ||
            (grouped && !text_is(table, row, "color", colors[pairs[first].group]))))
      row++;
    assert_true(row < table->rows_count);
    met[row] = 1;
    assert_int_equal(cell(table, row, "occurrences")->i, last - first);
    assert_true(cell(table, row, "min_ms")->number == (double)pairs[first].gap);
    assert_true(cell(table, row, "max_ms")->number == (double)pairs[last - 1].gap);
    const double median = between(pairs + first, last - first, 1, 2);
    const double p90 = between(pairs + first, last - first, 9, 10);
    assert_true(fabs(cell(table, row, "median_ms")->number - median) < 1e-6 * (1 + median));
    assert_true(fabs(cell(table, row, "p90_ms")->number - p90) < 1e-6 * (1 + p90));
  }
  assert_int_equal(table->rows_count, runs);
  free(met);
}

static int by_customer_and_time(const void *a, const void *b) {
  const known *x = a, *y = b;
  if (x->customer != y->customer)
    return x->customer < y->customer ? -1 : 1;
  return (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);
}

static void test_hashed_edges(void **context) {
  (void)context;
  static known events[EVENTS];
  static pair pairs[EVENTS];
  uint64_t seed = 21;
  for (uint32_t e = 0; e < EVENTS; e++) {
    // Half of the events meet few touchpoints, so that edges repeat.
    const uint32_t some = e % 2 == 0 ? 6 : TOUCHPOINTS;
    events[e] = (known){(uint32_t)(qw_random(&seed) % CUSTOMERS),
                        e < TOUCHPOINTS ? e : (uint32_t)(qw_random(&seed) % some),
                        1600000000000LL + e * 1000 + (int64_t)(qw_random(&seed) % 1000)};
  }
  ds_snapshot *snapshots[] = {snapshot_of(events, EVENTS, TOUCHPOINTS, 1),
                              snapshot_of(events, EVENTS, TOUCHPOINTS, 3)};
  assert_false(ds_process_shape_of(snapshots[0]->space.touchpoints.count, 1).dense);
  qsort(events, EVENTS, sizeof *events, by_customer_and_time);
  const ds_option_value options[] = {{"columns", "all"}, {"by", "color"}};
  for (uint32_t grouped = 0; grouped < 2; grouped++) {
    uint32_t count = 0;
    for (uint32_t e = 1; e < EVENTS; e++)
      if (events[e].customer == events[e - 1].customer)
        pairs[count++] = (pair){grouped ? events[e].customer % COLORS : 0,
                                events[e - 1].touchpoint, events[e].touchpoint,
                                events[e].time_ms - events[e - 1].time_ms, events[e].customer};
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    for (uint32_t s = 0; s < 2; s++) {
      ds_arena arena;
      ds_arena_init(&arena, 512u << 20);
      ds_result *result = ds_arena_alloc(&arena, sizeof *result);
      ds_error err = {0};
      if (ask(snapshots[s], options, 1 + grouped, 1 + 2 * s, &arena, result, &err) != DS_OK)
        fail_msg("%s", err.message);
      check_edges(pairs, count, grouped, ds_result_find(result, "edges"));
      ds_arena_done(&arena);
    }
  }
  qw_snapshot_free(snapshots[0]);
  qw_snapshot_free(snapshots[1]);
}

// Four touchpoints, gaps from milliseconds to weeks, ten events a customer.
static ds_snapshot *large_make(uint32_t count) {
  known *events = calloc(count, sizeof *events);
  assert_non_null(events);
  uint64_t seed = 33;
  for (uint32_t e = 0; e < count; e++) {
    const uint64_t span = 1ull << (qw_random(&seed) % 32);
    events[e] = (known){e / 10, (uint32_t)(qw_random(&seed) % 4),
                        1600000000000LL + (int64_t)(qw_random(&seed) % span)};
  }
  ds_snapshot *snapshot = snapshot_of(events, count, 4, 1);
  free(events);
  return snapshot;
}

// One full pass over the snapshot by the kernel, and its quantiles.
static process_quantile *pass(const ds_snapshot *snapshot, process_context *context,
                              uint32_t threads, bool overflows, ds_arena *arena,
                              process_effort *effort) {
  const ds_plan plan = {.columns = {.want = DS_WANT_TOUCHPOINT | DS_WANT_GAP},
                        .threads = threads};
  void *memory = NULL;
  ds_error err = {0};
  assert_int_equal(
      ds_scan(snapshot, &plan, &ds_process_kernel, context, arena, &memory, &err), DS_OK);
  process_state *state = memory;
  assert_int_equal(state->kept_overflow, overflows);
  process_quantile *quantiles = NULL;
  *effort = (process_effort){0};
  assert_int_equal(ds_process_quantiles_find(snapshot, &plan, state, 1u << 26, arena, &quantiles,
                                             effort, &err), DS_OK);
  ds_process_kernel.done(state);
  return quantiles;
}

static void same_quantiles(const process_quantile *a, const process_quantile *b) {
  for (uint32_t e = 0; e < 4 * 4; e++)
    for (uint32_t q = 0; q < PROCESS_QUANTILES; q++) {
      assert_true(a[e].value[q] == b[e].value[q]);
      assert_true(a[e].value[q] > 0);
    }
}

// Windows from a sample leave most gaps out and change no figure.
static void check_sampled(const ds_snapshot *snapshot, process_context context,
                          const process_quantile *plain, uint64_t plain_kept, ds_arena *arena) {
  const ds_plan plan = {.columns = {.want = DS_WANT_TOUCHPOINT | DS_WANT_GAP}, .threads = 2};
  void *memory = NULL;
  ds_error err = {0};
  assert_int_equal(ds_scan_sample(snapshot, &plan, 64, &ds_process_kernel, &context, arena,
                                  &memory, &err), DS_OK);
  const uint64_t sampled = ((process_state *)memory)->events;
  assert_true(sampled > 0 && sampled < snapshot->events);
  process_window *windows = NULL;
  assert_int_equal(
      ds_process_windows_make(memory, arena, &windows, &context.windows_count, &err), DS_OK);
  ds_process_kernel.done(memory);
  assert_int_equal(context.windows_count, 16);
  context.windows = windows;
  for (uint32_t threads = 1; threads < 4; threads += 2) {
    process_effort effort;
    same_quantiles(plain, pass(snapshot, &context, threads, false, arena, &effort));
    assert_true(effort.kept > 0 && effort.kept < plain_kept / 2);
    assert_int_equal(effort.passes, 0);
  }
}

static void test_large(void **context) {
  (void)context;
  ds_snapshot *snapshot = large_make(LARGE);
  ds_arena arena;
  ds_arena_init(&arena, 1u << 30);
  process_context asked = {.shape = ds_process_shape_of(4, 1), .level = PROCESS_ALL,
                           .kept_bytes_max = 1u << 30};
  process_effort effort;
  const process_quantile *plain = pass(snapshot, &asked, 1, false, &arena, &effort);
  assert_int_equal(effort.passes, 0);
  assert_int_equal(effort.missed, 0);
  check_sampled(snapshot, asked, plain, effort.kept, &arena);
  // One chunk alone, which is written over: the quantiles come from further passes.
  asked.kept_bytes_max = 1;
  same_quantiles(plain, pass(snapshot, &asked, 1, true, &arena, &effort));
  assert_true(effort.passes > 0);
  assert_int_equal(effort.missed, 16 * PROCESS_QUANTILES);
  // The question as asked, which samples on its own when the world is large.
  ds_result *result = ds_arena_alloc(&arena, sizeof *result);
  ds_error err = {0};
  assert_int_equal(ask(snapshot, NULL, 0, 2, &arena, result, &err), DS_OK);
  const ds_table *edges = ds_result_find(result, "edges");
  assert_int_equal(edges->rows_count, 16);
  for (uint32_t r = 0; r < 16; r++) {
    const ds_names *names = &snapshot->space.touchpoints;
    const uint32_t from = ds_names_find(names, cell(edges, r, "from")->text);
    const uint32_t to = ds_names_find(names, cell(edges, r, "to")->text);
    assert_true(cell(edges, r, "median_ms")->number == plain[from * 4 + to].value[0]);
    assert_true(cell(edges, r, "p90_ms")->number == plain[from * 4 + to].value[1]);
  }
  ds_arena_done(&arena);
  qw_snapshot_free(snapshot);
}

// A small shop for the errors: orders, two properties.
static ds_snapshot *shop_make(void) {
  static qw_world world;
  // The first world with many events and all names.
  for (uint64_t seed = 1;; seed++) {
    qw_make(&world, seed);
    if (world.count > 200 && world.touchpoints == QW_NAMES_MAX)
      return qw_snapshot(&world, false);
  }
}

static const struct {
  ds_option_value options[3];
  ds_code code;
  const char *message;
} errors[] = {
    {{{"list", "x"}}, DS_USAGE,
     "--list: write 'edges from=A to=A column=occurrences', 'nodes touchpoint=A "
     "column=occurrences' or 'rework touchpoint=A column=cases'"},
    {{{"list", "edges from"}}, DS_USAGE, "--list: expected name=value, found 'from'"},
    {{{"list", "edges from=paid"}}, DS_USAGE,
     "--list: a row of edges needs to="},
    {{{"list", "nodes column=cases"}}, DS_USAGE,
     "--list: a row of nodes needs touchpoint="},
    {{{"list", "edges from=piad to=paid column=cases"}}, DS_EXPRESSION,
     "--list: no event is called 'piad'; did you mean 'paid'?"},
    {{{"list", "nodes touchpoint=zzzzzzzz column=cases"}}, DS_EXPRESSION,
     "--list: no event is called 'zzzzzzzz'"},
    {{{"list", "edges from=paid to=paid column=starts"}}, DS_USAGE,
     "--list: column=starts cannot be listed: choose occurrences or cases"},
    {{{"list", "nodes touchpoint=paid column=mean_ms"}}, DS_USAGE,
     "--list: column=mean_ms cannot be listed: choose occurrences, cases, starts or ends"},
    {{{"list", "edges touchpoint=paid"}}, DS_USAGE,
     "--list: 'touchpoint' names no part of a row of edges: give from, to or column"},
    {{{"list", "nodes from=paid"}}, DS_USAGE,
     "--list: 'from' names no part of a row of nodes: give touchpoint or column"},
    {{{"list", "nodes touchpoint=paid column=cases"}, {"by", "color"}}, DS_USAGE,
     "--list: with --by say which group: color=VALUE"},
    {{{"list", "nodes touchpoint=paid column=cases color=pink"}, {"by", "color"}}, DS_USAGE,
     "--list: color=pink is none of the groups of this answer"},
    {{{"by", "colour"}}, DS_EXPRESSION,
     "--by colour: no event has a property of that name; did you mean 'color'?"},
    {{{"by", "paid.zzzzzzzz"}}, DS_EXPRESSION,
     "--by paid.zzzzzzzz: no event has a property of that name"},
    {{{"top", "5"}}, DS_USAGE, "--top says how many values of --by to show: give --by too"},
    {{{"by", "color"}, {"top", "0"}}, DS_USAGE,
     "--top: expected a whole number of at least 1"},
    {{{"by", "color"}, {"top", "many"}}, DS_USAGE, "--top many: expected a whole number"},
    {{{"columns", "some"}}, DS_USAGE, "--columns some: choose one of basic|cases|all"},
    {{{"attach", "near"}}, DS_USAGE, "--attach near: choose one of none|nearest"},
    {{{"attach", "nearest"}}, DS_USAGE, "--attach joins events to cases: give --case too"},
    {{{"case", "ordr_id"}}, DS_EXPRESSION,
     "--case ordr_id: no event has a case key of that name; did you mean 'order_id'?"},
    {{{"from", "5"}}, DS_USAGE,
     "--from 5: expected a day or a time, such as 2018-01-31 or 2018-01-31T10:00:00Z"},
    {{{"to", "2018-02-30"}}, DS_USAGE,
     "--to 2018-02-30: expected a day or a time, such as 2018-01-31 or 2018-01-31T10:00:00Z"},
    {{{"from", "2020-01-02"}, {"to", "2020-01-02"}}, DS_USAGE, "--from must lie before --to"},
    {{{"range", "events"}}, DS_USAGE,
     "--range says what a period selects: give --from or --to too"},
    {{{"min-edge", "0"}}, DS_USAGE, "--min-edge: expected a whole number of at least 1"},
    {{{"min-edge", "-3"}}, DS_USAGE, "--min-edge -3: expected a whole number"},
    {{{"limit", "0"}}, DS_USAGE, "--limit: expected a whole number of at least 1"},
    {{{"sort", "occurences"}}, DS_USAGE,
     "--sort occurences: no table has this column; did you mean 'occurrences'?"},
    {{{"frm", "2020-01-02"}}, DS_USAGE, "process has no option --frm; did you mean --from?"},
};

static void test_errors(void **context) {
  (void)context;
  ds_snapshot *snapshot = shop_make();
  for (uint32_t e = 0; e < sizeof errors / sizeof *errors; e++) {
    uint32_t count = 0;
    while (count < 3 && errors[e].options[count].name != NULL)
      count++;
    ds_arena arena;
    ds_arena_init(&arena, 256u << 20);
    ds_result *result = ds_arena_alloc(&arena, sizeof *result);
    ds_error err = {0};
    const ds_code code = ask(snapshot, errors[e].options, count, 2, &arena, result, &err);
    assert_string_equal(err.message, errors[e].message);
    assert_int_equal(code, errors[e].code);
    ds_arena_done(&arena);
  }
  qw_snapshot_free(snapshot);
}

// What --min-edge hides is what the whole table has below N, and the note says how much.
static void test_min_edge(void **context) {
  (void)context;
  ds_snapshot *snapshot = shop_make();
  static const char *const least[] = {"1", "3", "5", "100000"};
  static const int64_t limits[] = {1, 3, 5, 100000};
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  ds_result *whole = ds_arena_alloc(&arena, sizeof *whole);
  ds_error err = {0};
  assert_int_equal(ask(snapshot, NULL, 0, 1, &arena, whole, &err), DS_OK);
  const ds_table *all = ds_result_find(whole, "edges");
  assert_int_equal(whole->notes_count, 1);
  assert_string_equal(whole->notes[0].text, "Left out, because they are Doorstep's own facts and "
                                            "no steps of a journey: exposure.");
  for (uint32_t n = 0; n < 4; n++) {
    uint64_t hidden = 0, occurrences = 0, total = 0;
    for (uint32_t r = 0; r < all->rows_count; r++) {
      const int64_t some = cell(all, r, "occurrences")->i;
      hidden += some < limits[n];
      occurrences += some < limits[n] ? (uint64_t)some : 0;
      total += (uint64_t)some;
    }
    const ds_option_value options[] = {{"min-edge", least[n]}};
    ds_result *cut = ds_arena_alloc(&arena, sizeof *cut);
    assert_int_equal(ask(snapshot, options, 1, 1, &arena, cut, &err), DS_OK);
    assert_int_equal(ds_result_find(cut, "edges")->rows_count, all->rows_count - hidden);
    char expected[256], edges[32], pairs[32], share[32];
    snprintf(expected, sizeof expected,
             "Hidden by --min-edge: %s edges with %s occurrences (%s of all).",
             ds_human_count(edges, hidden), ds_human_count(pairs, occurrences),
             ds_human_share(share, (double)occurrences / (double)total));
    assert_int_equal(cut->notes_count, 1 + (hidden > 0));
    assert_true(n == 0 || hidden > 0);
    if (hidden > 0)
      assert_string_equal(cut->notes[1].text, expected);
  }
  ds_arena_done(&arena);
  qw_snapshot_free(snapshot);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_hashed_edges),
      cmocka_unit_test(test_large),
      cmocka_unit_test(test_errors),
      cmocka_unit_test(test_min_edge),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
