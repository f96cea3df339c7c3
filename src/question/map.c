// SPDX-License-Identifier: Apache-2.0
// The journey map: how far cases come, stage by stage, through which touchpoints, how fast, how
// content they are, and by which routes. One full pass over the events; see map_kernel.h, tally.h
// and map_rows.h.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "question/common.h"
#include "question/interval.h"
#include "question/map_figures.h"
#include "question/map_list.h"
#include "question/map_rows.h"
#include "question/spans.h"
#include "scan/property_types.h"

// Below this many events a sample costs more than it saves.
#define SAMPLE_EVENTS_MIN (1u << 20)

// Routes and pain points of a group that are shown without --limit.
enum { ROUTES_USUAL = 5, PAINS_USUAL = 5, COLUMNS_MAX = 16 };

const ds_option ds_map_options[] = {
    {"score", DS_OPTION_NAME, "PROPERTY", "", NULL,
     "what tells satisfaction: a property of numbers; else stars or another usual name"},
    {"promise", DS_OPTION_NAME, "PROPERTY", "", NULL,
     "the day or instant of delivery promised; else promise_until or another usual name"},
    {"min-n", DS_OPTION_COUNT, "N", "20", NULL,
     "no mean score of fewer cases, no share of fewer promises"},
};
const uint32_t ds_map_options_count = sizeof ds_map_options / sizeof *ds_map_options;

#define DEFINITION                                                                             \
  "A case is %s%s%s, its events ordered by time, then arrival. An event is in the stage of "   \
  "its touchpoint; one that has no stage of its own is in the stage of the latest before it "  \
  "that has. A case reaches a stage by its first event there. Reach is of all cases%s; "       \
  "conversion the share of a stage's cases that also reach the next stage listed, in "         \
  "whatever order; dropped are those that reach no later stage. Times run from when the case " \
  "entered the nearest earlier stage that it had reached (for a touchpoint without one, this " \
  "stage) to its first event in the stage or of the touchpoint; medians and 90th percentiles " \
  "are exact. "                                                                                \
  "Out of order: share of a row's cases with an event after one of a later stage. A route is " \
  "the stages in the order in which a case first enters them."

#define DEFINITION_PROMISE                                                                     \
  " A delivery is an event delivered. What was promised it is the first %s of its case since the " \
  "delivery before, else what that one was promised; a day is kept by a delivery on it or before " \
  "(in %s), an instant by one at it or before. Shares of promises kept have 95 %% Wilson "         \
  "intervals."

#define DEFINITION_CHANNEL                                                                     \
  " Channels with shares are those that events tell, of the events that tell one; without, those " \
  "that the catalogue expects."

#define DEFINITION_ANSWER                                                                      \
  " A touchpoint that asks is answered by the next event of the case of a touchpoint that "     \
  "answers it; the response is the median time to that. Asked are the cases that have it in "   \
  "the stage, answered those of them with an answer after the first time, however late; an "    \
  "answer that is still to come is not there yet. Shares of cases answered have 95 % Wilson "   \
  "intervals."

#define DEFINITION_SCORE                                                                       \
  " Satisfaction is the mean score of the row's cases, a case's score the mean of %s over its " \
  "events; not shown for fewer than %llu cases. A pain point is a touchpoint whose cases score " \
  "lower than the others; it loses by how much the mean of all would rise had they scored "    \
  "alike. That they go together does not say that one causes the other."

static const ds_column stage_columns[] = {
    {"stage", DS_CELL_TEXT, "", "part of the journey, in its order", false},
    {"cases", DS_CELL_COUNT, "cases", "cases that reach it", false},
    {"reach", DS_CELL_SHARE, "", "share of all cases", true},
    {"conversion_next", DS_CELL_SHARE, "", "of them reach the next stage listed", false},
    {"dropped", DS_CELL_COUNT, "cases", "of them reach no later stage", false},
    {"median_ms", DS_CELL_DURATION, "ms", "median time since the stage before", false},
    {"p90_ms", DS_CELL_DURATION, "ms", "90th percentile of that time", true},
    {"out_of_order", DS_CELL_SHARE, "", "of them are here after a later stage", true},
    {"satisfaction", DS_CELL_NUMBER, "", "mean score of its cases", false},
    {"satisfaction_n", DS_CELL_COUNT, "cases", "cases with a score", true},
};

static const ds_column touchpoint_columns[] = {
    {"stage", DS_CELL_TEXT, "", "where it happens", false},
    {"touchpoint", DS_CELL_TEXT, "", "kind of event", false},
    {"owner", DS_CELL_TEXT, "", "the desk that can change it", true},
    {"cases", DS_CELL_COUNT, "cases", "cases with at least one", false},
    {"reach", DS_CELL_SHARE, "", "share of all cases", true},
    {"occurrences", DS_CELL_COUNT, "events", "events", true},
    {"per_case", DS_CELL_NUMBER, "", "events per case that has any", true},
    {"median_ms", DS_CELL_DURATION, "ms", "median time since the stage before", false},
    {"p90_ms", DS_CELL_DURATION, "ms", "90th percentile of that time", true},
    {"response_ms", DS_CELL_DURATION, "ms", "median time until it is answered", true},
    {"out_of_order", DS_CELL_SHARE, "", "of them have it after a later stage", true},
    {"satisfaction", DS_CELL_NUMBER, "", "mean score of its cases", false},
    {"satisfaction_n", DS_CELL_COUNT, "cases", "cases with a score", true},
    {"channel", DS_CELL_TEXT, "", "shares of channels; without shares: the usual ones", true},
};

static const ds_column promise_columns[] = {
    {"deliveries", DS_CELL_COUNT, "events", "events delivered", false},
    {"promised", DS_CELL_COUNT, "events", "of them had a promise", false},
    {"kept", DS_CELL_COUNT, "events", "of those came in time", false},
    {"late", DS_CELL_COUNT, "events", "of those came late", false},
    {"kept_share", DS_CELL_SHARE, "", "share kept of those promised", false},
    {"kept_share_low", DS_CELL_SHARE, "", "95 % interval of the share", true},
    {"kept_share_high", DS_CELL_SHARE, "", "95 % interval of the share", true},
    {"satisfaction_kept", DS_CELL_NUMBER, "", "mean score of cases with all kept", false},
    {"satisfaction_late", DS_CELL_NUMBER, "", "mean score of cases with one late", false},
};

static const ds_column answer_columns[] = {
    {"stage", DS_CELL_TEXT, "", "where it is asked", false},
    {"touchpoint", DS_CELL_TEXT, "", "kind of event that asks", false},
    {"actor", DS_CELL_TEXT, "", "who asks", true},
    {"answered_by", DS_CELL_TEXT, "", "kinds of event that answer it", true},
    {"asked", DS_CELL_COUNT, "cases", "cases with at least one", false},
    {"answered", DS_CELL_COUNT, "cases", "of them with an answer after the first", false},
    {"unanswered", DS_CELL_COUNT, "cases", "of them without", false},
    {"answered_share", DS_CELL_SHARE, "", "share answered of those asked", false},
    {"answered_share_low", DS_CELL_SHARE, "", "95 % interval of the share", true},
    {"answered_share_high", DS_CELL_SHARE, "", "95 % interval of the share", true},
};

static const ds_column route_columns[] = {
    {"rank", DS_CELL_NUMBER, "", "1 is the most frequent", false},
    {"route", DS_CELL_LIST, "", "stages in the order of being entered", false},
    {"cases", DS_CELL_COUNT, "cases", "cases that take it", false},
    {"share", DS_CELL_SHARE, "", "of all cases", false},
    {"satisfaction", DS_CELL_NUMBER, "", "mean score of its cases", false},
};

static const ds_column pain_columns[] = {
    {"rank", DS_CELL_NUMBER, "", "1 loses most", false},
    {"stage", DS_CELL_TEXT, "", "where it happens", false},
    {"touchpoint", DS_CELL_TEXT, "", "kind of event", false},
    {"cases", DS_CELL_COUNT, "cases", "cases with at least one", false},
    {"satisfaction", DS_CELL_NUMBER, "", "mean score of its cases", false},
    {"satisfaction_others", DS_CELL_NUMBER, "", "mean score of all other cases", true},
    {"lost", DS_CELL_NUMBER, "", "what it takes from the mean of all", false},
};

enum {
  STAGE_COLUMNS = 10, TOUCHPOINT_COLUMNS = 14, PROMISE_COLUMNS = 9, ROUTE_COLUMNS = 5,
  PAIN_COLUMNS = 7, ANSWER_COLUMNS = 10
};

// The question at work.
typedef struct map_work {
  const ds_request *request;
  ds_plan plan;
  map_context context;
  map_figures figures;
  const ds_touchpoint **row; // of the catalogue by touchpoint, NULL = unknown
  ds_breakdown by;
  const char *score; // the property's name, NULL = none
  uint64_t min_n;
  ds_tally_cell *windows;
  ds_tally_cell *answer_windows;
  ds_arena arena; // of scans; given back before the answer is shown
  map_state *state;
  const map_figures_state *told; // the same state, when there are figures besides the walk
  double *quantiles;
  double *answers;
  map_rows rows;
} map_work;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for the journey map");
}

// The stage and the cells of every touchpoint.
static ds_code touchpoints_read(map_work *work, ds_error *err) {
  const ds_request *request = work->request;
  const ds_names *names = &request->snapshot->space.touchpoints;
  map_touchpoint *touchpoint =
      ds_arena_array(request->arena, names->count + 1u, sizeof *touchpoint);
  work->row = ds_arena_array(request->arena, names->count + 1u, sizeof *work->row);
  if (touchpoint == NULL || work->row == NULL)
    return no_memory(err);
  for (uint32_t t = 0; t < names->count; t++) {
    const ds_touchpoint *row = ds_catalogue_find(request->catalogue, names->text[t]);
    const uint32_t stage = row == NULL ? 0 : row->stage;
    touchpoint[t] = (map_touchpoint){work->context.cells, stage, stage == 0 ? UINT32_MAX : 0, 0};
    work->context.cells += stage != 0 ? 1 : MAP_STAGES;
    work->row[t] = row;
  }
  work->context.cells += work->context.cells == 0;
  work->context.touchpoint = touchpoint;
  return DS_OK;
}

// Whether events of the touchpoint "touchpoint.property", or of any, carry the property.
static bool is_carried(const ds_schema *schema, const char *name) {
  const char *dot = strchr(name, '.');
  const ds_str touchpoint = {name, dot == NULL ? 0 : (uint32_t)(dot - name)};
  const uint32_t on = ds_names_find(&schema->space->touchpoints, touchpoint);
  const uint32_t property =
      ds_names_find(&schema->space->properties, ds_str_of(dot == NULL ? name : dot + 1));
  for (uint32_t c = 0; c < schema->carriers_count; c++)
    if (schema->carriers[c].property == property &&
        (dot == NULL || schema->carriers[c].touchpoint == on))
      return true;
  return false;
}

ds_code ds_map_score_name(const ds_request *request, const char **ret_name, ds_error *err) {
  // Scores of different touchpoints have different scales, and are not mixed when one is known.
  static const char *const usual[] = {"stars", "review_submitted.score", "csat_submitted.score",
                                      "nps_submitted.score", "score", "rating"};
  const char *name = ds_option_get(&request->options, "score");
  ds_schema schema;
  TRY(ds_schema_of(request->snapshot, request->arena, &schema, err));
  for (uint32_t i = 0; name == NULL && i < sizeof usual / sizeof *usual; i++)
    if (is_carried(&schema, usual[i]))
      name = usual[i];
  *ret_name = name;
  return DS_OK;
}

static ds_code prepare(map_work *work, ds_result *result, ds_error *err) {
  const ds_request *request = work->request;
  TRY(ds_journey_plan(request, &work->plan, err));
  TRY(ds_option_count(&request->options, "min-n", 1, &work->min_n, err));
  TRY(touchpoints_read(work, err));
  work->plan.columns.want |= DS_WANT_TOUCHPOINT | DS_WANT_TIME;
  TRY(ds_map_score_name(request, &work->score, err));
  if (work->score != NULL)
    TRY(ds_property_add_number(request->snapshot, &work->plan, "score", work->score,
                               request->arena, &work->context.score, err));
  work->context.has_score = work->score != NULL;
  TRY(ds_map_figures_read(request, &work->context, &work->plan, &work->figures, result, err));
  work->context.groups = 1;
  const char *by = ds_option_get(&request->options, "by");
  if (by == NULL)
    return DS_OK;
  uint64_t top = 0;
  TRY(ds_option_count(&request->options, "top", 1, &top, err));
  TRY(ds_breakdown_make(request->snapshot, &work->plan, by, top < 10000 ? (uint32_t)top : 10000,
                        request->arena, &work->by, err));
  work->context.by = &work->by;
  work->context.groups = work->by.groups;
  return DS_OK;
}

// What the cells of all threads take must fit, before any of it is asked for.
static ds_code budget_check(const map_work *work, ds_error *err) {
  const map_context *context = &work->context;
  const uint64_t cells = (uint64_t)context->groups * (MAP_STAGES + context->cells);
  const uint64_t bytes =
      cells * (sizeof(map_cell) + sizeof(map_answered) + 2 * sizeof(ds_tally_cell)) *
      (work->plan.threads + 1u);
  if (bytes <= work->request->memory_bytes / 2 && cells < 1u << DS_TALLY_SHIFT)
    return DS_OK;
  return ds_fail(err, DS_MEMORY, "the journey map outgrows the memory budget: give more --memory%s",
                 context->by == NULL ? "" : " or a smaller --top");
}

// The kernel and its context: that of the walk alone when there is nothing else to tell.
static const ds_kernel *kernel_of(const map_work *work, const void **ret_context) {
  const bool any = map_figures_any(&work->figures);
  *ret_context = any ? (const void *)&work->figures : &work->context;
  return any ? &ds_map_figures_kernel : &ds_map_kernel;
}

// Windows for the quantiles of a large store.
static ds_code sample(map_work *work, ds_error *err) {
  const ds_request *request = work->request;
  const uint64_t events = request->snapshot->events;
  if (events < SAMPLE_EVENTS_MIN)
    return DS_OK;
  void *memory = NULL;
  const void *context = NULL;
  const ds_kernel *kernel = kernel_of(work, &context);
  TRY(ds_scan_sample(request->snapshot, &work->plan, ds_sample_stride(events), kernel, context,
                     &work->arena, &memory, err));
  ds_code code = ds_tally_windows(&((map_state *)memory)->tally, &work->windows, err);
  if (code == DS_OK && work->figures.asks > 0)
    code = ds_tally_windows(&((map_figures_state *)memory)->answers, &work->answer_windows, err);
  kernel->done(memory);
  work->context.windows = work->windows;
  work->figures.windows = work->answer_windows;
  return code;
}

// A further pass for what windows missed.
static ds_code pass(void *context, const ds_refine *refine, ds_refine_counts *ret_counts,
                    ds_error *err) {
  map_work *work = context;
  map_context asked = work->context;
  asked.refine = refine;
  asked.has_score = false;
  ds_arena arena;
  ds_arena_init(&arena, work->request->memory_bytes);
  void *memory = NULL;
  const ds_code code = ds_scan(work->request->snapshot, &work->plan, &ds_map_kernel, &asked,
                               &arena, &memory, err);
  if (code == DS_OK) {
    map_state *state = memory;
    *ret_counts = state->tally.refined;
    state->tally.refined = (ds_refine_counts){0};
    ds_map_kernel.done(state);
  }
  ds_arena_done(&arena);
  return code;
}

// The same for the times of answers.
static ds_code answer_pass(void *context, const ds_refine *refine, ds_refine_counts *ret_counts,
                           ds_error *err) {
  map_work *work = context;
  map_context map = work->context;
  map.has_score = false;
  map_figures asked = work->figures;
  asked.map = &map;
  asked.refine = refine;
  asked.has_promise = asked.has_channel = false;
  ds_arena arena;
  ds_arena_init(&arena, work->request->memory_bytes);
  void *memory = NULL;
  const ds_code code = ds_scan(work->request->snapshot, &work->plan, &ds_map_figures_kernel,
                               &asked, &arena, &memory, err);
  if (code == DS_OK) {
    map_figures_state *state = memory;
    *ret_counts = state->answers.refined;
    state->answers.refined = (ds_refine_counts){0};
    ds_map_figures_kernel.done(state);
  }
  ds_arena_done(&arena);
  return code;
}

static ds_code count(map_work *work, ds_result *result, ds_error *err) {
  const ds_request *request = work->request;
  work->context.kept_bytes_max = request->memory_bytes / 4 / (work->plan.threads + 1u);
  TRY(sample(work, err));
  void *memory = NULL;
  const void *context = NULL;
  const ds_kernel *kernel = kernel_of(work, &context);
  TRY(ds_spans_scan(request, &work->plan, kernel, context, &work->arena, result, &memory, err));
  work->state = memory;
  work->told = map_figures_any(&work->figures) ? memory : NULL;
  if (work->figures.asks > 0)
    TRY(ds_tally_quantiles(&work->told->answers, request->memory_bytes / 4, work->plan.threads,
                           answer_pass, work, request->arena, &work->answers, err));
  TRY(ds_tally_quantiles(&work->state->tally, request->memory_bytes / 4, work->plan.threads, pass,
                         work, request->arena, &work->quantiles, err));
  return ds_map_rows_make(work->state, &request->snapshot->space.touchpoints, work->min_n,
                          request->arena, &work->rows, err);
}

// Whether the store has what a column tells.
static bool has_column(const map_work *work, const ds_column *column) {
  if (strncmp(column->name, "satisfaction", 12) == 0)
    return work->score != NULL;
  return work->figures.asks > 0 || strcmp(column->name, "response_ms") != 0;
}

// A table with --by's column first, and without the columns of what the store has not.
static ds_table *table_make(const map_work *work, ds_result *result, const char *name,
                            const char *title, const ds_column *all, uint32_t count) {
  ds_column *columns = ds_arena_array(work->request->arena, COLUMNS_MAX, sizeof *columns);
  uint32_t used = 0;
  if (columns == NULL)
    return NULL;
  if (work->context.by != NULL)
    columns[used++] = (ds_column){work->by.name, DS_CELL_TEXT, "", "value of --by", false};
  for (uint32_t c = 0; c < count; c++)
    if (has_column(work, &all[c]))
      columns[used++] = all[c];
  return ds_result_table(result, name, title, columns, used);
}

// A new row whose first cell, with --by, is its group.
static ds_code row_make(const map_work *work, ds_result *result, ds_table *table, uint32_t group,
                        ds_cell **ret_cell, ds_error *err) {
  ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
  if (cell == NULL)
    return no_memory(err);
  if (work->context.by != NULL)
    *cell++ = ds_cell_text(result, ds_str_of(work->by.labels[group]));
  *ret_cell = cell;
  return DS_OK;
}

static ds_cell share_cell(uint64_t some, uint64_t all) {
  return ds_cell_double((double)some / (double)all);
}

static ds_cell time_cell(double ms) { return isnan(ms) ? ds_cell_null() : ds_cell_double(ms); }

static ds_cell *put_times(const map_work *work, uint32_t tally_cell, ds_cell *cell) {
  *cell++ = time_cell(work->quantiles[tally_cell * DS_TALLY_QUANTILES]);
  *cell++ = time_cell(work->quantiles[tally_cell * DS_TALLY_QUANTILES + 1]);
  return cell;
}

static ds_cell mean_cell(const map_work *work, const map_score *score) {
  return score->cases < work->min_n ? ds_cell_null() : ds_cell_double(map_mean(score));
}

static void put_scores(const map_work *work, const map_score *score, ds_cell *cell) {
  if (work->score == NULL)
    return;
  cell[0] = mean_cell(work, score);
  cell[1] = ds_cell_i64((int64_t)score->cases);
}

static ds_code put_stages(const map_work *work, ds_result *result, ds_error *err) {
  ds_table *table = table_make(work, result, "stages", "The journey, stage by stage",
                               stage_columns, STAGE_COLUMNS);
  for (uint32_t r = 0; r < work->rows.stages; r++) {
    const map_stage_row *row = &work->rows.stage[r];
    const uint64_t all = work->rows.total[row->group].cases;
    ds_cell *cell = NULL;
    TRY(row_make(work, result, table, row->group, &cell, err));
    *cell++ = ds_cell_text(result, ds_str_of(ds_map_stage_name(row->stage)));
    *cell++ = ds_cell_i64((int64_t)row->cases);
    *cell++ = share_cell(row->cases, all);
    *cell++ = row->has_next ? share_cell(row->next, row->cases) : ds_cell_null();
    *cell++ = ds_cell_i64((int64_t)row->dropped);
    cell = put_times(work, map_tally_stage(&work->context, row->group, row->stage), cell);
    *cell++ = share_cell(work->state->out_of_order[row->group * MAP_STAGES + row->stage],
                         row->cases);
    put_scores(work, &row->score, cell);
  }
  return DS_OK;
}

static ds_cell catalogue_cell(ds_result *result, const char *text) {
  return *text == '\0' ? ds_cell_null() : ds_cell_text(result, ds_str_of(text));
}

// The channels that the events tell, else those that the catalogue expects.
static ds_cell channel_cell(const map_work *work, const map_touchpoint_row *row,
                            ds_result *result) {
  const ds_touchpoint *known = work->row[row->touchpoint];
  char text[MAP_MIX_BYTES];
  const size_t size = work->figures.has_channel
                          ? ds_map_mix(work->told, row->group, row->index, text)
                          : 0;
  return size > 0 ? ds_cell_text(result, (ds_str){text, (uint32_t)size})
                  : catalogue_cell(result, known == NULL ? "" : known->channel);
}

static ds_code put_touchpoints(const map_work *work, ds_result *result, ds_error *err) {
  ds_table *table = table_make(work, result, "touchpoints", "Touchpoints within the stages",
                               touchpoint_columns, TOUCHPOINT_COLUMNS);
  for (uint32_t r = 0; r < work->rows.touchpoints; r++) {
    const map_touchpoint_row *row = &work->rows.touchpoint[r];
    const ds_touchpoint *known = work->row[row->touchpoint];
    const map_cell *of = row->cell;
    ds_cell *cell = NULL;
    TRY(row_make(work, result, table, row->group, &cell, err));
    *cell++ = ds_cell_text(result, ds_str_of(ds_map_stage_name(row->stage)));
    *cell++ = ds_cell_text(result, row->names->text[row->touchpoint]);
    *cell++ = catalogue_cell(result, known == NULL ? "" : ds_owner_name(known->owner));
    *cell++ = ds_cell_i64((int64_t)of->cases);
    *cell++ = share_cell(of->cases, work->rows.total[row->group].cases);
    *cell++ = ds_cell_i64((int64_t)of->occurrences);
    *cell++ = share_cell(of->occurrences, of->cases);
    cell = put_times(work, map_tally_cell(&work->context, row->group, row->index), cell);
    if (work->figures.asks > 0)
      *cell++ = time_cell(work->answers[(row->group * work->context.cells + row->index) *
                                        DS_TALLY_QUANTILES]);
    *cell++ = share_cell(of->out_of_order, of->cases);
    put_scores(work, &of->score, cell);
    cell[work->score == NULL ? 0 : 2] = channel_cell(work, row, result);
  }
  return DS_OK;
}

// A share with its interval; nothing of too few.
static ds_cell *put_share(const map_work *work, uint64_t some, uint64_t all, ds_cell *cell) {
  double low = 0, high = 0;
  if (all < work->min_n)
    return cell + 3;
  ds_rate_interval(some, all, &low, &high);
  *cell++ = share_cell(some, all);
  *cell++ = ds_cell_double(low);
  *cell++ = ds_cell_double(high);
  return cell;
}

// What answers a touchpoint, of what the store has.
static ds_cell answers_cell(const map_work *work, uint32_t touchpoint, ds_result *result) {
  const ds_names *names = &work->request->snapshot->space.touchpoints;
  const map_role *role = work->figures.role;
  ds_buf text;
  ds_buf_init(&text, (size_t)names->count * (DS_NAME_BYTES_MAX + 2u) + 1u);
  for (uint32_t t = 0; t < names->count; t++)
    if ((role[t].answers >> role[touchpoint].asks & 1) != 0)
      ds_buf_printf(&text, "%s%.*s", text.size == 0 ? "" : ", ", DS_STR(names->text[t]));
  const char *all = ds_buf_keep(&text, result->arena);
  ds_buf_done(&text);
  return ds_cell_text(result, ds_str_of(all == NULL ? "" : all));
}

static ds_code put_answers(const map_work *work, ds_result *result, ds_error *err) {
  if (work->figures.asks == 0)
    return DS_OK;
  ds_table *table = table_make(work, result, "answers", "What is asked, and answered",
                               answer_columns, ANSWER_COLUMNS);
  for (uint32_t r = 0; r < work->rows.touchpoints; r++) {
    const map_touchpoint_row *row = &work->rows.touchpoint[r];
    if (work->figures.role[row->touchpoint].asks == DS_NONE)
      continue;
    const uint64_t asked = row->cell->cases;
    const uint64_t answered =
        work->told->answered[row->group * work->context.cells + row->index].cases;
    assert(answered <= asked);
    ds_cell *cell = NULL;
    TRY(row_make(work, result, table, row->group, &cell, err));
    *cell++ = ds_cell_text(result, ds_str_of(ds_map_stage_name(row->stage)));
    *cell++ = ds_cell_text(result, row->names->text[row->touchpoint]);
    *cell++ = catalogue_cell(result, ds_actor_name(work->row[row->touchpoint]->actor));
    *cell++ = answers_cell(work, row->touchpoint, result);
    *cell++ = ds_cell_i64((int64_t)asked);
    *cell++ = ds_cell_i64((int64_t)answered);
    *cell++ = ds_cell_i64((int64_t)(asked - answered));
    put_share(work, answered, asked, cell);
  }
  return DS_OK;
}

static ds_code put_promises(const map_work *work, ds_result *result, ds_error *err) {
  if (!work->figures.has_promise)
    return DS_OK;
  ds_table *table = table_make(work, result, "promises", "Promises of delivery", promise_columns,
                               PROMISE_COLUMNS);
  for (uint32_t g = 0; g < work->context.groups; g++) {
    const map_promises *of = &work->told->promises[g];
    ds_cell *cell = NULL;
    // Without --by there is one row, whatever it says.
    if (work->context.by != NULL && work->rows.total[g].cases == 0)
      continue;
    TRY(row_make(work, result, table, g, &cell, err));
    *cell++ = ds_cell_i64((int64_t)of->deliveries);
    *cell++ = ds_cell_i64((int64_t)of->promised);
    *cell++ = ds_cell_i64((int64_t)of->kept);
    *cell++ = ds_cell_i64((int64_t)(of->promised - of->kept));
    cell = put_share(work, of->kept, of->promised, cell);
    if (work->score != NULL) {
      *cell++ = mean_cell(work, &of->score_kept);
      *cell++ = mean_cell(work, &of->score_late);
    }
  }
  return DS_OK;
}

// How many rows of each group a table of ranks shows.
static ds_code most_of(const map_work *work, uint64_t usual, uint64_t *ret_most, ds_error *err) {
  const ds_option_set *options = &work->request->options;
  *ret_most = ds_option_get(options, "sort") != NULL ? UINT64_MAX : usual;
  if (ds_option_get(options, "limit") == NULL || *ret_most == UINT64_MAX)
    return DS_OK;
  return ds_option_count(options, "limit", 1, ret_most, err);
}

static ds_cell route_cell(uint64_t key, ds_result *result) {
  char text[MAP_STAGES * 16];
  size_t used = 0;
  for (uint32_t i = 0; map_route_stage(key, i) != DS_NONE; i++) {
    const int more = snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? "" : "\x1f",
                              ds_map_stage_name(map_route_stage(key, i)));
    assert(more > 0 && used + (size_t)more < sizeof text);
    used += (size_t)more;
  }
  return ds_cell_text(result, (ds_str){text, (uint32_t)used});
}

static ds_code put_routes(const map_work *work, ds_result *result, ds_error *err) {
  ds_table *table = table_make(work, result, "routes", "Routes through the stages", route_columns,
                               ROUTE_COLUMNS);
  uint64_t most = 0, rank = 0, hidden = 0, hidden_cases = 0;
  TRY(most_of(work, ROUTES_USUAL, &most, err));
  for (uint32_t r = 0; r < work->rows.routes; r++) {
    const map_route *route = &work->rows.route[r];
    const uint32_t group = (uint32_t)(route->key >> MAP_ROUTE_GROUP_SHIFT);
    const bool same = r > 0 && route[-1].key >> MAP_ROUTE_GROUP_SHIFT == group;
    rank = same ? rank + 1 : 1;
    if (rank > most) {
      hidden++;
      hidden_cases += route->cases;
      continue;
    }
    ds_cell *cell = NULL;
    TRY(row_make(work, result, table, group, &cell, err));
    *cell++ = ds_cell_double((double)rank);
    *cell++ = route_cell(route->key, result);
    *cell++ = ds_cell_i64((int64_t)route->cases);
    *cell++ = share_cell(route->cases, work->rows.total[group].cases);
    if (work->score != NULL)
      *cell = mean_cell(work, &route->score);
  }
  char routes[32], cases[32], share[32];
  if (hidden > 0)
    ds_result_note(result, false, "%s more routes of %s cases (%s) are not listed; --limit lists "
                   "more.", ds_human_count(routes, hidden), ds_human_count(cases, hidden_cases),
                   ds_human_share(share, (double)hidden_cases / (double)work->state->cases));
  return DS_OK;
}

static ds_code put_pains(const map_work *work, ds_result *result, ds_error *err) {
  if (work->score == NULL)
    return DS_OK;
  ds_table *table = table_make(work, result, "pains", "Pain points: where cases score lower",
                               pain_columns, PAIN_COLUMNS);
  uint64_t most = 0, rank = 0;
  TRY(most_of(work, PAINS_USUAL, &most, err));
  for (uint32_t r = 0; r < work->rows.pains; r++) {
    const map_touchpoint_row *row = &work->rows.pain[r];
    const map_score *all = &work->rows.total[row->group].score, *with = &row->cell->score;
    const map_score others = map_others(all, with);
    rank = r > 0 && row[-1].group == row->group ? rank + 1 : 1;
    if (rank > most)
      continue;
    ds_cell *cell = NULL;
    TRY(row_make(work, result, table, row->group, &cell, err));
    *cell++ = ds_cell_double((double)rank);
    *cell++ = ds_cell_text(result, ds_str_of(ds_map_stage_name(row->stage)));
    *cell++ = ds_cell_text(result, row->names->text[row->touchpoint]);
    *cell++ = ds_cell_i64((int64_t)row->cell->cases);
    *cell++ = ds_cell_double(map_mean(with));
    *cell++ = ds_cell_double(map_mean(&others));
    *cell++ = ds_cell_double(row->lost);
  }
  return DS_OK;
}

static void put_words(const map_work *work, ds_result *result) {
  const char *key = ds_option_get(&work->request->options, "case");
  const bool grouped = work->context.by != NULL;
  ds_buf text;
  ds_buf_init(&text, 8192);
  ds_buf_printf(&text, DEFINITION, key == NULL ? "a customer's whole timeline" : "one value of ",
                key == NULL ? "" : key, key == NULL ? "" : " within one customer",
                grouped ? " of the group" : "");
  if (work->figures.has_promise)
    ds_buf_printf(&text, DEFINITION_PROMISE,
                  ds_names_text(&work->request->snapshot->space.properties,
                                work->figures.promise.code),
                  work->request->zone_name == NULL ? "UTC" : work->request->zone_name);
  if (work->figures.has_channel)
    ds_buf_text(&text, DEFINITION_CHANNEL);
  if (work->figures.asks > 0)
    ds_buf_text(&text, DEFINITION_ANSWER);
  if (work->score != NULL)
    ds_buf_printf(&text, DEFINITION_SCORE, work->score, (unsigned long long)work->min_n);
  if (grouped)
    ds_buf_printf(&text, " A case belongs to the first value of %s among its events that is not "
                  "null.", work->by.name);
  result->definition = ds_buf_keep(&text, result->arena);
  ds_buf_done(&text);
}

static void put_notes(const map_work *work, ds_result *result) {
  uint64_t unstaged = 0;
  for (uint32_t r = 0; r < work->rows.touchpoints; r++)
    if (work->rows.touchpoint[r].stage == 0)
      unstaged += work->rows.touchpoint[r].cell->occurrences;
  char share[32];
  if (unstaged > 0)
    ds_result_note(result, true, "%s of the events come before any touchpoint whose stage is "
                   "known; doorstep.yaml can give touchpoints a stage.",
                   ds_human_share(share, (double)unstaged / (double)work->state->events));
  if (work->state->cases == 0 && work->request->snapshot->events > 0)
    ds_result_note(result, true,
                   "No case is left: look at --case, --where and the period (--from, --to).");
}

static ds_code answer(map_work *work, ds_result *result, ds_error *err) {
  TRY(prepare(work, result, err));
  TRY(budget_check(work, err));
  TRY(ds_question_note_types(work->request, &work->plan, result, err));
  ds_question_note_facts(work->request, &work->plan, result);
  const char *cell = ds_option_get(&work->request->options, "list");
  ds_map_listable(work->context.by, result);
  if (cell != NULL)
    return ds_map_list(work->request, &work->plan, &work->figures, cell, result, err);
  TRY(count(work, result, err));
  TRY(put_stages(work, result, err));
  TRY(put_promises(work, result, err));
  TRY(put_touchpoints(work, result, err));
  TRY(put_answers(work, result, err));
  TRY(put_routes(work, result, err));
  TRY(put_pains(work, result, err));
  result->main_table = "touchpoints";
  put_notes(work, result);
  return DS_OK;
}

ds_code ds_map_answer(const ds_request *request, ds_result *result, ds_error *err) {
  map_work work = {.request = request};
  ds_arena_init(&work.arena, request->memory_bytes);
  const ds_code code = answer(&work, result, err);
  put_words(&work, result);
  if (work.state != NULL)
    (work.told != NULL ? &ds_map_figures_kernel : &ds_map_kernel)->done(work.state);
  free(work.windows);
  free(work.answer_windows);
  ds_breakdown_done(&work.by);
  ds_arena_done(&work.arena);
  return code;
}
