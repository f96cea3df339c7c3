// SPDX-License-Identifier: Apache-2.0
// The variants: which sequences of touchpoints the cases are, how frequent each is, how long it
// takes and what comes of it. One pass over the events; see variants_kernel.h and variants_rows.h.
#include "question/case_filters.h"
#include "question/common.h"
#include "question/hours.h"
#include "question/nodes.h"
#include "question/spans.h"
#include "question/variants_filter.h"
#include "question/variants_list.h"

// Without --limit: rows in all, and per group at least.
enum { ROWS_USUAL = 1000, ROWS_GROUP_MIN = 10 };

const ds_option ds_variants_options[] = {
    {"collapse", DS_OPTION_FLAG, "", "", NULL, "merge immediate repeats of a touchpoint"},
    {"coverage", DS_OPTION_SHARE, "SHARE", "1", NULL,
     "list the most frequent until they cover this share of the cases"},
    {"outcome", DS_OPTION_NAME, "PROPERTY", "", NULL,
     "the mean of a property per variant: stars, or review_submitted.stars"},
    {"min-n", DS_OPTION_COUNT, "N", "20", NULL, "with --outcome: no mean of fewer values"},
    DS_NODES_OPTION,
    DS_HOURS_OPTIONS,
    DS_VARIANT_FILTER,
    DS_CASE_FILTERS,
};
const uint32_t ds_variants_options_count =
    sizeof ds_variants_options / sizeof *ds_variants_options;

#define DEFINITION                                                                            \
  "A case is %s%s%s, its events ordered by time, then arrival. A variant is the sequence of " \
  "the touchpoints of a case, exactly%s; cases are those with this sequence, ranked by how "  \
  "many they are, then by name. Share is of all cases%s, cumulative the share of this and "   \
  "all variants before. Durations run from the first event of a case to the last; medians "   \
  "and 90th percentiles are exact (linear between neighbours, type 7)."

static const ds_column overall_columns[] = {
    {"cases", DS_CELL_COUNT, "cases", "all cases", false},
    {"events", DS_CELL_COUNT, "events", "their events", false},
    {"variants", DS_CELL_COUNT, "variants", "different sequences", false},
    {"single", DS_CELL_COUNT, "variants", "sequences of one case only", false},
    {"listed", DS_CELL_COUNT, "variants", "sequences listed below", false},
    {"listed_share", DS_CELL_SHARE, "", "share of the cases that they cover", false},
};

static const ds_column variant_columns[] = {
    {"rank", DS_CELL_NUMBER, "", "1 is the most frequent", false},
    {"touchpoints", DS_CELL_LIST, "", "the sequence", false},
    {"cases", DS_CELL_COUNT, "cases", "cases with this sequence", false},
    {"share", DS_CELL_SHARE, "", "of all cases", false},
    {"cumulative", DS_CELL_SHARE, "", "share of this and all before", true},
    {"median_ms", DS_CELL_DURATION, "ms", "median time from first to last event", false},
    {"p90_ms", DS_CELL_DURATION, "ms", "90th percentile of that time", false},
    {"outcome", DS_CELL_NUMBER, "", "mean of the property asked for", false},
    {"outcome_n", DS_CELL_COUNT, "values", "values of that property", true},
};

enum { OVERALL_COLUMNS = 6, VARIANT_COLUMNS = 9, OUTCOME_COLUMNS = 2, COLUMNS_MAX = 12 };

// The question at work.
typedef struct variants_work {
  const ds_request *request;
  ds_plan plan;
  variants_context context;
  variants_choice choice;
  ds_breakdown by;
  uint64_t min_n;
  ds_nodes nodes;
  variants_filter filter;
  ds_arena arena; // of the scan; given back before the answer is shown
  variants_shared shared;
  variants_state *state;
  variants_rows rows;
} variants_work;

static ds_code choice_read(variants_work *work, ds_error *err) {
  const ds_option_set *options = &work->request->options;
  TRY(ds_option_share(options, "coverage", &work->choice.coverage, err));
  const uint32_t groups = work->context.by == NULL ? 1 : work->by.groups;
  uint64_t most = ROWS_USUAL / groups > ROWS_GROUP_MIN ? ROWS_USUAL / groups : ROWS_GROUP_MIN;
  if (ds_option_get(options, "limit") != NULL)
    TRY(ds_option_count(options, "limit", 1, &most, err));
  // A sorted table is cut only after it has been sorted.
  const bool all = most > UINT32_MAX || ds_option_get(options, "sort") != NULL;
  work->choice.most = all ? UINT32_MAX : (uint32_t)most;
  return DS_OK;
}

static ds_code prepare(variants_work *work, ds_result *result, ds_error *err) {
  const ds_request *request = work->request;
  const ds_option_set *options = &request->options;
  TRY(ds_journey_plan(request, &work->plan, err));
  TRY(ds_hours_add(request, &work->plan, err));
  TRY(ds_nodes_make(request, &work->nodes, &work->plan, err));
  TRY(ds_variants_filter_add(request, 1, &work->nodes, &work->filter, &work->plan, result, err));
  TRY(ds_option_count(options, "min-n", 1, &work->min_n, err));
  const bool staged = work->plan.has_case || work->plan.where != NULL || work->plan.has_from ||
                      work->plan.has_to || work->plan.recode != NULL;
  // As stored, gaps need no sums; after a stage, times are there anyway.
  work->context.by_gaps = work->plan.worktime != NULL;
  work->plan.columns.want |= DS_WANT_TOUCHPOINT |
                             (staged && !work->context.by_gaps ? DS_WANT_TIME : DS_WANT_GAP);
  work->context.collapse = ds_option_flag(options, "collapse");
  work->context.touchpoints = work->nodes.names->count;
  const char *outcome = ds_option_get(options, "outcome");
  if (outcome != NULL)
    TRY(ds_property_add_number(request->snapshot, &work->plan, "outcome", outcome, request->arena,
                               &work->context.outcome, err));
  work->context.has_outcome = outcome != NULL;
  const char *by = ds_option_get(options, "by");
  if (by != NULL) {
    uint64_t top = 0;
    TRY(ds_option_count(options, "top", 1, &top, err));
    TRY(ds_breakdown_make(request->snapshot, &work->plan, by, top < 10000 ? (uint32_t)top : 10000,
                          request->arena, &work->by, err));
    work->context.by = &work->by;
  }
  return choice_read(work, err);
}

static ds_code count(variants_work *work, ds_result *result, ds_error *err) {
  const ds_request *request = work->request;
  work->context.kept_bytes_max = request->memory_bytes / 4 / (work->plan.threads + 1u);
  void *memory = NULL;
  TRY(ds_spans_scan(request, &work->plan, &ds_variants_kernel, &work->context, &work->arena,
                    result, &memory, err));
  work->state = memory;
  return ds_variants_choose(work->state, work->nodes.names, &work->choice, request->arena,
                            &work->rows, err);
}

static ds_table *table_make(const variants_work *work, ds_result *result, const char *name,
                            const char *title, const ds_column *all, uint32_t count) {
  ds_column *columns = ds_arena_array(work->request->arena, COLUMNS_MAX, sizeof *columns);
  uint32_t used = 0;
  if (columns == NULL)
    return NULL;
  if (work->context.by != NULL)
    columns[used++] = (ds_column){work->by.name, DS_CELL_TEXT, "", "value of --by", false};
  memcpy(columns + used, all, count * sizeof *columns);
  return ds_result_table(result, name, title, columns, used + count);
}

static uint64_t listed_cases(const variants_work *work, const variants_total *total) {
  uint64_t cases = 0;
  for (uint32_t r = 0; r < total->rows; r++)
    cases += work->rows.row[total->first + r].cases;
  return cases;
}

static ds_code put_overall(const variants_work *work, ds_result *result, ds_error *err) {
  // Events are counted over all groups: with --by their column is left out.
  const bool grouped = work->context.by != NULL;
  ds_column columns[OVERALL_COLUMNS];
  uint32_t used = 0;
  for (uint32_t c = 0; c < OVERALL_COLUMNS; c++)
    if (!grouped || c != 1)
      columns[used++] = overall_columns[c];
  ds_table *table = table_make(work, result, "overall", "All cases", columns, used);
  for (uint32_t g = 0; g < work->rows.groups; g++) {
    const variants_total *total = &work->rows.total[g];
    if (total->cases == 0)
      continue;
    ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
    if (cell == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for the variants");
    if (grouped)
      *cell++ = ds_cell_text(result, ds_str_of(work->by.labels[g]));
    *cell++ = ds_cell_i64((int64_t)total->cases);
    if (!grouped)
      *cell++ = ds_cell_i64((int64_t)work->state->events);
    *cell++ = ds_cell_i64((int64_t)total->variants);
    *cell++ = ds_cell_i64((int64_t)total->single);
    *cell++ = ds_cell_i64(total->rows);
    *cell++ = ds_cell_double((double)listed_cases(work, total) / (double)total->cases);
  }
  return DS_OK;
}

static ds_cell sequence_cell(const variants_work *work, const variants_record *record,
                             ds_result *result, ds_buf *text) {
  const ds_names *names = work->nodes.names;
  const uint32_t width = variants_width(&work->context);
  ds_buf_reset(text);
  for (uint32_t i = 0; i < record->size / width; i++) {
    const ds_str name = names->text[variants_code(record, width, i)];
    if (i > 0)
      ds_buf_u8(text, DS_LIST_SEPARATOR);
    ds_buf_append(text, name.data, name.size);
  }
  return ds_cell_text(result, (ds_str){(const char *)text->data, (uint32_t)text->size});
}

static void put_row(const variants_work *work, const variants_total *total, uint32_t r,
                    uint64_t covered, ds_result *result, ds_buf *text, ds_cell *cell) {
  const variants_row *row = &work->rows.row[total->first + r];
  if (work->context.by != NULL)
    *cell++ = ds_cell_text(result, ds_str_of(work->by.labels[row->record->group]));
  *cell++ = ds_cell_double(r + 1.0);
  *cell++ = sequence_cell(work, row->record, result, text);
  *cell++ = ds_cell_i64((int64_t)row->cases);
  *cell++ = ds_cell_double((double)row->cases / (double)total->cases);
  *cell++ = ds_cell_double((double)covered / (double)total->cases);
  *cell++ = ds_cell_double(row->median_ms);
  *cell++ = ds_cell_double(row->p90_ms);
  if (!work->context.has_outcome)
    return;
  const variants_outcome *outcome =
      &work->shared.part[row->part].outcome[row->record->number];
  *cell++ = outcome->count < work->min_n
                ? ds_cell_null()
                : ds_cell_double((outcome->sum.high + outcome->sum.low) / (double)outcome->count);
  *cell++ = ds_cell_i64((int64_t)outcome->count);
}

static ds_code put_variants(const variants_work *work, ds_result *result, ds_error *err) {
  ds_table *table =
      table_make(work, result, "variants", "Variants, the most frequent first", variant_columns,
                 VARIANT_COLUMNS - (work->context.has_outcome ? 0 : OUTCOME_COLUMNS));
  ds_buf text;
  ds_buf_init(&text, work->request->memory_bytes);
  ds_code code = DS_OK;
  uint64_t left = 0;
  for (uint32_t g = 0; code == DS_OK && g < work->rows.groups; g++) {
    const variants_total *total = &work->rows.total[g];
    left += total->variants - total->rows;
    uint64_t covered = 0;
    for (uint32_t r = 0; code == DS_OK && r < total->rows; r++) {
      ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
      covered += work->rows.row[total->first + r].cases;
      if (cell != NULL)
        put_row(work, total, r, covered, result, &text, cell);
      if (cell == NULL || text.failed)
        code = ds_fail(err, DS_MEMORY, "out of memory for the variants: give --limit");
    }
  }
  ds_buf_done(&text);
  char rows[32], all[32];
  if (code == DS_OK && left > 0)
    ds_result_note(result, false, "%s of %s variants are listed; --limit lists more.",
                   ds_human_count(rows, work->rows.rows),
                   ds_human_count(all, work->rows.rows + left));
  return code;
}

static void put_words(const variants_work *work, ds_result *result) {
  const char *key = ds_option_get(&work->request->options, "case");
  const char *outcome = ds_option_get(&work->request->options, "outcome");
  const bool grouped = work->context.by != NULL;
  ds_buf text;
  ds_buf_init(&text, 8192);
  ds_buf_printf(&text, DEFINITION, key == NULL ? "a customer's whole timeline" : "one value of ",
                key == NULL ? "" : key, key == NULL ? "" : " within one customer",
                work->context.collapse ? ", immediate repeats counted once" : "",
                grouped ? " of the group" : "");
  ds_nodes_tell(&work->nodes, &text);
  ds_hours_tell(work->request, &text);
  if (outcome != NULL)
    ds_buf_printf(&text, " The outcome is the mean of %s over the events of the variant's cases "
                  "that carry it, and not shown for fewer than %llu values.", outcome,
                  (unsigned long long)work->min_n);
  if (grouped)
    ds_buf_printf(&text, " A case belongs to the first value of %s among its events that is not "
                  "null.", work->by.name);
  result->definition = ds_buf_keep(&text, result->arena);
  ds_buf_done(&text);
}

static ds_code list(variants_work *work, const char *text, ds_result *result, ds_error *err) {
  variants_cell cell;
  TRY(ds_variants_cell_read(work->request, text, work->context.by, result, &cell, err));
  work->choice = (variants_choice){cell.rank, 1};
  ds_result unseen;
  ds_result_init(&unseen, work->request->arena, result->question);
  if (cell.rank > 0) {
    // What the pass remarks is remarked again by the list's own.
    TRY(count(work, &unseen, err));
    const variants_total *total = &work->rows.total[cell.group];
    if (cell.rank > total->rows)
      return ds_fail(err, DS_USAGE, "--list: rank=%u is past the last variant, %u", cell.rank,
                     total->rows);
    cell.record = work->rows.row[total->first + cell.rank - 1].record;
  }
  return ds_variants_list(work->request, &work->plan, &work->context, &cell, result, err);
}

static ds_code answer(variants_work *work, ds_result *result, ds_error *err) {
  const ds_request *request = work->request;
  TRY(prepare(work, result, err));
  TRY(ds_question_note_types(request, &work->plan, result, err));
  ds_question_note_facts(request, &work->plan, result);
  const char *cell = ds_option_get(&request->options, "list");
  ds_variants_listable(work->context.by, result);
  if (cell != NULL)
    return list(work, cell, result, err);
  TRY(count(work, result, err));
  TRY(ds_variants_quantiles(request->snapshot, &work->plan, work->state,
                            request->memory_bytes / 4, &work->rows, err));
  TRY(put_overall(work, result, err));
  TRY(put_variants(work, result, err));
  result->main_table = "variants";
  if (work->rows.rows == 0 && request->snapshot->events > 0)
    ds_result_note(result, true,
                   "No case is left: look at --case, --where and the period (--from, --to).");
  return DS_OK;
}

ds_code ds_variants_answer(const ds_request *request, ds_result *result, ds_error *err) {
  variants_work work = {.request = request};
  ds_variants_shared_init(&work.shared);
  work.context.shared = &work.shared;
  ds_arena_init(&work.arena, request->memory_bytes);
  const ds_code code = answer(&work, result, err);
  put_words(&work, result);
  if (work.state != NULL)
    ds_variants_kernel.done(work.state);
  ds_variants_shared_done(&work.shared);
  ds_breakdown_done(&work.by);
  ds_variants_filter_done(&work.filter);
  ds_nodes_done(&work.nodes);
  ds_arena_done(&work.arena);
  return code;
}
