// SPDX-License-Identifier: Apache-2.0
// `conformance`: which cases go the way that is expected of them, how the others deviate, and what
// each deviation goes with.
#include "question/conformance.h"

#include <assert.h>
#include <stdlib.h>

#include "question/case_filters.h"
#include "question/common.h"
#include "question/interval.h"
#include "question/spans.h"
#include "scan/property_types.h"

const ds_option ds_conformance_options[] = {
    {"pattern", DS_OPTION_ARGUMENT, "PATTERN", "", NULL,
     "the expected path: 'order_placed then shipped within 2d then delivered+'"},
    {"others", DS_OPTION_CHOICE, "HOW", "allowed", "allowed|inserted",
     "events that no step of the path means: they may lie anywhere, or are deviations"},
    {"outcome", DS_OPTION_NAME, "PROPERTY", "", NULL,
     "the mean of a property with and without each deviation: stars, or review_submitted.stars"},
    {"min-n", DS_OPTION_COUNT, "N", "20", NULL, "with --outcome: no mean of fewer values"},
    DS_VARIANT_FILTER,
    DS_CASE_FILTERS,
};
const uint32_t ds_conformance_options_count =
    sizeof ds_conformance_options / sizeof *ds_conformance_options;

#define DEFINITION                                                                              \
  "A case is %s%s%s, its events ordered by time, then arrival. It is read as a run of the path " \
  "in the cheapest way: a step without an event is skipped, an event that is no step is "       \
  "inserted, and each costs 1; of equally cheap ways an event is rather a step, the earlier "   \
  "one first, and a step rather skipped than an event inserted. %s A skipped step and an "      \
  "inserted event that means it are one deviation, wrong order; a step, or the whole, that "    \
  "takes longer than its `within` is too late. Cases fit that have no deviation. Fitness is "   \
  "the mean of 1 - cost / (events looked at + events of the shortest run)."

static const ds_column overall_columns[] = {
    {"cases", DS_CELL_COUNT, "cases", "cases compared with the path", false},
    {"fits", DS_CELL_COUNT, "cases", "cases without any deviation", false},
    {"fits_share", DS_CELL_SHARE, "", "of the cases", false},
    {"fits_share_low", DS_CELL_SHARE, "", "lower end of its 95 % interval (Wilson)", false},
    {"fits_share_high", DS_CELL_SHARE, "", "upper end", false},
    {"fitness", DS_CELL_SHARE, "", "mean of 1 - cost / greatest cost", false},
};

static const ds_column kind_columns[] = {
    {"kind", DS_CELL_TEXT, "", "fits, or the kind of deviation", false},
    {"occurrences", DS_CELL_COUNT, "deviations", "deviations of this kind", false},
    {"cases", DS_CELL_COUNT, "cases", "cases with at least one", false},
    {"share", DS_CELL_SHARE, "", "of the cases", false},
};

static const ds_column deviation_columns[] = {
    {"kind", DS_CELL_TEXT, "", "skipped, inserted, wrong_order or too_late", false},
    {"step", DS_CELL_NUMBER, "", "which step of the path, from 1 on", false},
    {"what", DS_CELL_TEXT, "", "the step, or the touchpoint that was inserted", false},
    {"occurrences", DS_CELL_COUNT, "deviations", "how often", false},
    {"cases", DS_CELL_COUNT, "cases", "cases with at least one", false},
    {"share", DS_CELL_SHARE, "", "of the cases", false},
};

static const ds_column outcome_columns[] = {
    {"outcome", DS_CELL_NUMBER, "", "mean of the property in these cases", false},
    {"outcome_n", DS_CELL_COUNT, "values", "values of it", true},
    {"outcome_without", DS_CELL_NUMBER, "", "mean of the property in all other cases", false},
};

enum { OVERALL_COLUMNS = 6, KIND_COLUMNS = 4, DEVIATION_COLUMNS = 6, OUTCOME_COLUMNS = 3,
       COLUMNS_MAX = 12 };

const char *ds_deviation_kind_name(ds_deviation_kind kind) {
  static const char *const names[] = {"skipped", "inserted", "wrong_order", "too_late"};
  return names[kind];
}

// The question at work.
typedef struct conformance_work {
  ds_conformance asked;
  ds_arena arena; // of the scan; given back before the answer is shown
  ds_conformance_state *state;
} conformance_work;

static ds_code read_pattern(ds_conformance *asked, ds_error *err) {
  const ds_request *request = asked->request;
  const char *text = ds_option_get(&request->options, "pattern");
  ds_schema schema;
  if (text == NULL)
    return ds_fail(err, DS_USAGE, "conformance needs the expected path, as in "
                   "'order_placed then delivered within 10d then review_submitted?'");
  if (request->snapshot->events == 0)
    return DS_OK;
  TRY(ds_question_schema(request, &schema, err));
  TRY(ds_pattern_parse(ds_str_of(text), &schema, request->arena, &asked->pattern, err));
  if (asked->pattern->without)
    return ds_fail_at(err, DS_UNSUPPORTED, asked->pattern->without_line,
                      asked->pattern->without_column, "an expected path has no `then not`: leave "
                      "the event out of the path and give --others inserted");
  for (uint32_t s = 0; s < asked->pattern->selectors; s++)
    TRY(ds_question_check_keys(request, asked->pattern->selector[s], "pattern", err));
  return DS_OK;
}

// What of the pattern the reader looks up.
static ds_code tables_make(ds_conformance *asked, ds_error *err) {
  const ds_pattern *pattern = asked->pattern;
  asked->strict = pattern->at_start || pattern->at_end;
  asked->pure = true;
  for (uint32_t s = 0; s < pattern->states; s++) {
    const ds_pattern_state *state = &pattern->state[s];
    asked->strict |= state->immediately;
    asked->means[state->selector] |= 1ull << s;
    asked->step_text[state->step] = pattern->text[state->selector];
    asked->pure &= ds_expression_by_touchpoint(pattern->selector[state->selector]);
  }
  asked->states = ds_arena_array(asked->request->arena, asked->touchpoints + 1u,
                                 sizeof *asked->states);
  if (asked->states == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for conformance");
  for (uint32_t t = 0; t < asked->touchpoints; t++)
    for (uint32_t s = 0; s < pattern->selectors; s++)
      if (ds_expression_can_mean(pattern->selector[s], (uint16_t)t))
        asked->states[t] |= asked->means[s];
  ds_aligner aligner;
  ds_aligner_init(&aligner, pattern);
  const ds_code code = ds_align(&aligner, NULL, 0, &asked->shortest, err);
  ds_aligner_done(&aligner);
  return code;
}

static ds_code prepare(ds_conformance *asked, ds_result *result, ds_error *err) {
  const ds_request *request = asked->request;
  const ds_option_set *options = &request->options;
  const char *outcome = ds_option_get(options, "outcome"), *by = ds_option_get(options, "by");
  TRY(read_pattern(asked, err));
  TRY(ds_option_count(options, "min-n", 1, &asked->min_n, err));
  TRY(ds_question_plan(request, &asked->plan, err));
  TRY(ds_case_filters_add(request, &asked->plan, err));
  if (asked->pattern == NULL)
    return DS_OK;
  // The system's own facts count only when the path names them.
  TRY(ds_plan_leave_unnamed(request, asked->pattern->selector, asked->pattern->selectors,
                            &asked->plan, err));
  TRY(ds_nodes_make(request, &asked->nodes, &asked->plan, err));
  TRY(ds_variants_filter_add(request, 1, &asked->nodes, &asked->filter, &asked->plan, result, err));
  asked->inserts = strcmp(ds_option_get(options, "others"), "inserted") == 0;
  asked->touchpoints = request->snapshot->space.touchpoints.count;
  asked->plan.columns.want |= DS_WANT_TOUCHPOINT | DS_WANT_TIME;
  asked->has_outcome = outcome != NULL;
  if (outcome != NULL)
    TRY(ds_property_add_number(request->snapshot, &asked->plan, "outcome", outcome,
                               request->arena, &asked->outcome, err));
  asked->grouped = by != NULL;
  if (by != NULL) {
    uint64_t top = 0;
    TRY(ds_option_count(options, "top", 1, &top, err));
    TRY(ds_breakdown_make(request->snapshot, &asked->plan, by,
                          top < 10000 ? (uint32_t)top : 10000, request->arena, &asked->by, err));
  }
  TRY(ds_property_types_set(request->snapshot, &asked->plan.columns, request->arena, err));
  for (uint32_t s = 0; s < asked->pattern->selectors; s++) {
    TRY(ds_expression_columns(asked->pattern->selector[s], &asked->plan.columns, request->arena,
                              err));
    TRY(ds_property_types_set(request->snapshot, &asked->plan.columns, request->arena, err));
  }
  return tables_make(asked, err);
}

static ds_table *table_make(const ds_conformance *asked, ds_result *result, const char *name,
                            const char *title, const ds_column *all, uint32_t count) {
  ds_column *columns = ds_arena_array(asked->request->arena, COLUMNS_MAX, sizeof *columns);
  uint32_t used = 0;
  if (columns == NULL)
    return NULL;
  if (asked->grouped)
    columns[used++] = (ds_column){asked->by.name, DS_CELL_TEXT, "", "value of --by", false};
  memcpy(columns + used, all, count * sizeof *columns);
  used += count;
  if (asked->has_outcome && all != overall_columns) {
    memcpy(columns + used, outcome_columns, sizeof outcome_columns);
    used += OUTCOME_COLUMNS;
  }
  assert(used <= COLUMNS_MAX);
  return ds_result_table(result, name, title, columns, used);
}

// A new row, after its group's cell.
static ds_cell *row_make(const ds_conformance *asked, uint32_t group, ds_result *result,
                         ds_table *table) {
  ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
  if (cell != NULL && asked->grouped)
    *cell++ = ds_cell_text(result, ds_str_of(asked->by.labels[group]));
  return cell;
}

static ds_cell mean_cell(const ds_conformance *asked, ds_dd sum, uint64_t n) {
  return n < asked->min_n ? ds_cell_null() : ds_cell_double((sum.high + sum.low) / (double)n);
}

// Occurrences, cases, share and, where it is asked for, the outcome.
static void put_counts(const ds_conformance *asked, const ds_conformance_cell *all,
                       const ds_conformance_cell *of, ds_cell *cell) {
  *cell++ = ds_cell_i64((int64_t)of->occurrences);
  *cell++ = ds_cell_i64((int64_t)of->cases);
  *cell++ = ds_cell_double((double)of->cases / (double)all->cases);
  if (!asked->has_outcome)
    return;
  const ds_dd rest = ds_dd_add(all->outcome, (ds_dd){-of->outcome.high, -of->outcome.low});
  *cell++ = mean_cell(asked, of->outcome, of->outcome_n);
  *cell++ = ds_cell_i64((int64_t)of->outcome_n);
  *cell++ = mean_cell(asked, rest, all->outcome_n - of->outcome_n);
}

static const ds_conformance_cell *cells_of(const conformance_work *work, uint32_t group) {
  return work->state->cell + (size_t)group * ds_conformance_cells(&work->asked);
}

static ds_code put_overall(const conformance_work *work, uint32_t groups, ds_result *result,
                           ds_error *err) {
  const ds_conformance *asked = &work->asked;
  ds_table *table = table_make(asked, result, "overall", "All cases", overall_columns,
                               OVERALL_COLUMNS);
  for (uint32_t g = 0; g < groups; g++) {
    const ds_conformance_cell *cells = cells_of(work, g);
    const uint64_t cases = cells[DS_CELL_ALL].cases, fits = cells[DS_CELL_FITS].cases;
    const ds_dd fitness = work->state->fitness[g];
    double low = 0, high = 0;
    if (cases == 0)
      continue;
    ds_cell *cell = row_make(asked, g, result, table);
    if (cell == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for conformance");
    ds_rate_interval(fits, cases, &low, &high);
    *cell++ = ds_cell_i64((int64_t)cases);
    *cell++ = ds_cell_i64((int64_t)fits);
    *cell++ = ds_cell_double((double)fits / (double)cases);
    *cell++ = ds_cell_double(low);
    *cell++ = ds_cell_double(high);
    *cell++ = ds_cell_double((fitness.high + fitness.low) / (double)cases);
  }
  return DS_OK;
}

static ds_code put_kinds(const conformance_work *work, uint32_t groups, ds_result *result,
                         ds_error *err) {
  const ds_conformance *asked = &work->asked;
  ds_table *table = table_make(asked, result, "kinds", "What kind of deviations", kind_columns,
                               KIND_COLUMNS);
  for (uint32_t g = 0; g < groups; g++) {
    const ds_conformance_cell *cells = cells_of(work, g);
    for (uint32_t k = DS_CELL_FITS; k < DS_CELL_DEVIATIONS && cells->cases > 0; k++) {
      ds_cell *cell = row_make(asked, g, result, table);
      if (cell == NULL)
        return ds_fail(err, DS_MEMORY, "out of memory for conformance");
      *cell++ = ds_cell_text(
          result, ds_str_of(k == DS_CELL_FITS
                                ? "fits"
                                : ds_deviation_kind_name((ds_deviation_kind)(k - DS_CELL_KINDS))));
      put_counts(asked, cells, &cells[k], cell);
    }
  }
  return DS_OK;
}

// A deviation on its way into the table.
typedef struct deviation_row {
  uint32_t group;
  ds_deviation_kind kind;
  uint32_t what;
  ds_str text;
  const ds_conformance_cell *cell;
} deviation_row;

// By group, of the most cases first, then by kind, step and text.
static int compare_rows(const void *a, const void *b) {
  const deviation_row *x = a, *y = b;
  if (x->group != y->group)
    return x->group < y->group ? -1 : 1;
  if (x->cell->cases != y->cell->cases)
    return x->cell->cases > y->cell->cases ? -1 : 1;
  if (x->kind != y->kind)
    return x->kind < y->kind ? -1 : 1;
  if (x->kind != DS_INSERTED)
    return x->what < y->what ? -1 : 1;
  return ds_str_compare(x->text, y->text);
}

static ds_str text_of(const ds_conformance *asked, ds_deviation_kind kind, uint32_t what) {
  if (kind == DS_INSERTED)
    return asked->request->snapshot->space.touchpoints.text[what];
  return what < asked->pattern->steps ? asked->step_text[what] : ds_str_of("(the whole)");
}

static ds_code rows_make(const conformance_work *work, uint32_t groups, deviation_row **ret_rows,
                         uint32_t *ret_count, ds_error *err) {
  const ds_conformance *asked = &work->asked;
  const uint32_t cells = ds_conformance_cells(asked);
  deviation_row *rows = ds_arena_array(asked->request->arena, (size_t)groups * cells + 1,
                                       sizeof *rows);
  if (rows == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for conformance");
  uint32_t used = 0;
  for (uint32_t g = 0; g < groups; g++)
    for (ds_deviation_kind k = 0; k < DS_DEVIATION_KINDS; k++)
      for (uint32_t w = 0; w < (k == DS_INSERTED ? asked->touchpoints : asked->pattern->steps + 1);
           w++) {
        const ds_conformance_cell *cell = cells_of(work, g) + ds_conformance_cell_of(asked, k, w);
        if (cell->cases > 0)
          rows[used++] = (deviation_row){g, k, w, text_of(asked, k, w), cell};
      }
  qsort(rows, used, sizeof *rows, compare_rows);
  *ret_rows = rows;
  *ret_count = used;
  return DS_OK;
}

static ds_code put_deviations(const conformance_work *work, uint32_t groups, ds_result *result,
                              ds_error *err) {
  const ds_conformance *asked = &work->asked;
  deviation_row *rows = NULL;
  uint32_t count = 0;
  ds_table *table = table_make(asked, result, "deviations", "Deviations, the most frequent first",
                               deviation_columns, DEVIATION_COLUMNS);
  TRY(rows_make(work, groups, &rows, &count, err));
  for (uint32_t r = 0; r < count; r++) {
    const deviation_row *row = &rows[r];
    ds_cell *cell = row_make(asked, row->group, result, table);
    if (cell == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for conformance");
    *cell++ = ds_cell_text(result, ds_str_of(ds_deviation_kind_name(row->kind)));
    *cell++ = row->kind == DS_INSERTED || row->what == asked->pattern->steps
                  ? ds_cell_null()
                  : ds_cell_double(row->what + 1.0);
    *cell++ = ds_cell_text(result, row->text);
    put_counts(asked, cells_of(work, row->group), row->cell, cell);
  }
  return DS_OK;
}

static void put_words(const ds_conformance *asked, ds_result *result) {
  const char *key = ds_option_get(&asked->request->options, "case");
  ds_buf text;
  ds_buf_init(&text, 8192);
  ds_buf_printf(&text, DEFINITION, key == NULL ? "a customer's whole timeline" : "one value of ",
                key == NULL ? "" : key, key == NULL ? "" : " within one customer",
                asked->inserts ? "Events that no step means are inserted too."
                               : "Events that no step means may lie anywhere, but not where the "
                                 "path says immediately, ^ or $.");
  if (asked->has_outcome)
    ds_buf_printf(&text, " The outcome is the mean of %s over the events of the cases with the "
                  "deviation, and of all others, not shown for fewer than %llu values: what goes "
                  "together need not be cause and effect.",
                  ds_option_get(&asked->request->options, "outcome"),
                  (unsigned long long)asked->min_n);
  if (asked->grouped)
    ds_buf_printf(&text, " A case belongs to the first value of %s among its events that is not "
                  "null.", asked->by.name);
  result->definition = ds_buf_keep(&text, result->arena);
  ds_buf_done(&text);
}

static void put_notes(const conformance_work *work, uint32_t groups, ds_result *result) {
  uint64_t cases = 0, too_long = 0;
  for (uint32_t g = 0; g < groups; g++) {
    cases += cells_of(work, g)->cases;
    too_long += work->state->too_long[g];
  }
  if (too_long > 0)
    ds_result_note(result, true, "%llu cases have more than %d events to compare with the path, "
                   "and are left out.", (unsigned long long)too_long, DS_ALIGN_EVENTS_MAX);
  if (cases == 0 && too_long == 0)
    ds_result_note(result, true,
                   "No case is left: look at --case, --where and the period (--from, --to).");
}

static ds_code answer(conformance_work *work, ds_result *result, ds_error *err) {
  ds_conformance *asked = &work->asked;
  const ds_request *request = asked->request;
  TRY(prepare(asked, result, err));
  TRY(ds_question_note_types(request, &asked->plan, result, err));
  if (asked->pattern == NULL) {
    ds_table *none = table_make(asked, result, "overall", "All cases", overall_columns,
                                OVERALL_COLUMNS);
    return none != NULL ? DS_OK : ds_fail(err, DS_MEMORY, "out of memory for conformance");
  }
  ds_question_note_facts(request, &asked->plan, result);
  const char *cell = ds_option_get(&request->options, "list");
  ds_conformance_listable(asked, result);
  if (cell != NULL)
    return ds_conformance_list(asked, cell, result, err);
  void *memory = NULL;
  TRY(ds_spans_scan(request, &asked->plan, &ds_conformance_kernel, asked, &work->arena, result,
                    &memory, err));
  work->state = memory;
  const uint32_t groups = asked->grouped ? asked->by.groups : 1;
  TRY(put_overall(work, groups, result, err));
  TRY(put_kinds(work, groups, result, err));
  TRY(put_deviations(work, groups, result, err));
  put_notes(work, groups, result);
  result->main_table = "deviations";
  return DS_OK;
}

ds_code ds_conformance_answer(const ds_request *request, ds_result *result, ds_error *err) {
  conformance_work work = {.asked = {.request = request}};
  ds_arena_init(&work.arena, request->memory_bytes);
  const ds_code code = answer(&work, result, err);
  put_words(&work.asked, result);
  if (work.state != NULL)
    ds_conformance_kernel.done(work.state);
  ds_breakdown_done(&work.asked.by);
  ds_variants_filter_done(&work.asked.filter);
  ds_nodes_done(&work.asked.nodes);
  ds_arena_done(&work.arena);
  return code;
}

ds_code ds_conformance_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  (void)request;
  (void)out;
  return ds_fail(err, DS_UNSUPPORTED, "no SQL form: conformance");
}
