// SPDX-License-Identifier: Apache-2.0
// `paths`: what comes after an anchor, or before it, or between two, step by step as a tree.
#include "question/paths.h"

#include <assert.h>
#include <stdio.h>

#include "question/common.h"
#include "question/spans.h"
#include "scan/property_types.h"

const ds_option ds_paths_options[] = {
    {"after", DS_OPTION_EXPRESSION, "S", "", NULL, "what comes after such an event"},
    {"before", DS_OPTION_EXPRESSION, "S", "", NULL,
     "what comes before such an event; with --after: the paths that lead from one to the other"},
    {"anchor", DS_OPTION_CHOICE, "WHICH", "first", "first|last|each",
     "the case's first such event, its last, or each of them"},
    {"depth", DS_OPTION_COUNT, "N", "3", NULL, "so many steps, up to 20"},
    {"children", DS_OPTION_COUNT, "N", "5", NULL,
     "so many next steps by themselves, the rest is (other)"},
    {"min-share", DS_OPTION_SHARE, "SHARE", "0.01", NULL,
     "next steps of fewer of all anchors are (other) too"},
    {"collapse", DS_OPTION_FLAG, "", "", NULL, "immediate repeats of a touchpoint are one step"},
};
const uint32_t ds_paths_options_count = sizeof ds_paths_options / sizeof *ds_paths_options;

const char *ds_paths_unit(const ds_paths *asked) {
  return asked->anchor == DS_PATHS_EACH ? "occurrences" : "cases";
}

static ds_code read_mark(ds_paths *asked, const char *option, ds_error *err) {
  const ds_request *request = asked->request;
  const char *text = ds_option_get(&request->options, option);
  if (text == NULL)
    return DS_OK;
  const uint32_t mark = asked->marks++;
  if (request->snapshot->events == 0)
    return DS_OK;
  ds_schema schema;
  TRY(ds_question_schema(request, &schema, err));
  TRY(ds_selector_parse(ds_str_of(text), &schema, request->arena, &asked->mark[mark], err));
  return ds_question_check_keys(request, asked->mark[mark], option, err);
}

static ds_code read_marks(ds_paths *asked, ds_error *err) {
  const ds_option_set *options = &asked->request->options;
  if (ds_option_get(options, "after") == NULL && ds_option_get(options, "before") == NULL)
    return ds_fail(err, DS_USAGE, "paths need an anchor: --after order_placed, --before "
                   "support_ticket_opened, or both");
  asked->backward = ds_option_get(options, "after") == NULL;
  TRY(read_mark(asked, "after", err));
  return read_mark(asked, "before", err);
}

static ds_code read_count(const ds_paths *asked, const char *name, uint32_t most,
                          uint32_t *ret_count, ds_error *err) {
  uint64_t count = 0;
  TRY(ds_option_count(&asked->request->options, name, 1, &count, err));
  if (count > most)
    return ds_fail(err, DS_USAGE, "--%s %llu: at most %u", name, (unsigned long long)count, most);
  *ret_count = (uint32_t)count;
  return DS_OK;
}

ds_code ds_paths_read(ds_paths *asked, ds_error *err) {
  static const char *const anchors[] = {"first", "last", "each"};
  const ds_request *request = asked->request;
  const ds_option_set *options = &request->options;
  for (uint32_t a = 0; a < 3; a++)
    if (strcmp(ds_option_get(options, "anchor"), anchors[a]) == 0)
      asked->anchor = (ds_paths_anchor)a;
  asked->collapse = ds_option_flag(options, "collapse");
  TRY(read_count(asked, "depth", DS_PATHS_DEPTH_MAX, &asked->depth, err));
  TRY(read_count(asked, "children", DS_PATHS_CHILDREN_MAX, &asked->children, err));
  TRY(ds_option_share(options, "min-share", &asked->min_share, err));
  const size_t nodes = request->memory_bytes / 4 / (sizeof(ds_paths_node) + 24) /
                       (request->threads == 0 ? 1 : request->threads);
  asked->nodes_max = nodes < 1u << 26 ? (uint32_t)nodes : 1u << 26;
  TRY(ds_question_plan(request, &asked->plan, err));
  TRY(read_marks(asked, err));
  // The system's own facts count only when an expression names them.
  TRY(ds_plan_leave_unnamed(request, asked->mark, asked->marks, &asked->plan, err));
  asked->plan.columns.want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT;
  return DS_OK;
}

// --by, then what the expressions read: they want the types of the columns before them.
static ds_code prepare(ds_paths *asked, ds_error *err) {
  const ds_request *request = asked->request;
  const char *by = ds_option_get(&request->options, "by");
  TRY(ds_paths_read(asked, err));
  if (by != NULL) {
    uint32_t top = 0;
    TRY(read_count(asked, "top", 10000, &top, err));
    asked->grouped = true;
    TRY(ds_breakdown_make(request->snapshot, &asked->plan, by, top, request->arena, &asked->by,
                          err));
    asked->plan.columns.want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT;
  }
  for (uint32_t m = 0; m < asked->marks && asked->mark[m] != NULL; m++) {
    TRY(ds_property_types_set(request->snapshot, &asked->plan.columns, request->arena, err));
    TRY(ds_expression_columns(asked->mark[m], &asked->plan.columns, request->arena, err));
  }
  return DS_OK;
}

// The columns, of which the first is the group's.
static ds_table *table_make(const ds_paths *asked, ds_result *result) {
  static const ds_tree tree = {"touchpoint", "depth"};
  const bool each = asked->anchor == DS_PATHS_EACH;
  const ds_column all[] = {
      {asked->by.name, DS_CELL_TEXT, "", "value of the breakdown", false},
      {"touchpoint", DS_CELL_TEXT, "", "the step; (end) or (start) where there is no other", false},
      {ds_paths_unit(asked), DS_CELL_COUNT, each ? "events" : "cases",
       each ? "anchors with this path" : "cases with this path", false},
      {"share", DS_CELL_SHARE, "", "of all that have the anchor", false},
      {"mean_ms", DS_CELL_DURATION, "ms", "mean time between this step and the one above", false},
      {"depth", DS_CELL_COUNT, "steps", "steps from the anchor", true},
      {"id", DS_CELL_COUNT, "", "the row's number", true},
      {"parent", DS_CELL_COUNT, "", "the row above it in the tree", true},
  };
  const uint32_t count = sizeof all / sizeof *all, without = asked->grouped ? 0 : 1;
  ds_column *columns = ds_arena_array(result->arena, count, sizeof *columns);
  if (columns == NULL)
    return NULL;
  memcpy(columns, all, sizeof all);
  ds_table *table = ds_result_table(result, "nodes", "Step by step", columns + without,
                                    count - without);
  if (table != NULL)
    table->tree = &tree;
  return table;
}

static ds_str name_of(const ds_paths *asked, const ds_paths_row *row) {
  if (row->depth == 0)
    return ds_str_of(ds_option_get(&asked->request->options, asked->backward ? "before" : "after"));
  if (row->touchpoint == DS_PATHS_END)
    return ds_str_of(asked->backward ? "(start)" : "(end)");
  return row->touchpoint == DS_PATHS_OTHER
             ? ds_str_of("(other)")
             : asked->request->snapshot->space.touchpoints.text[row->touchpoint];
}

static ds_code put_rows(const ds_paths *asked, const ds_paths_row *rows, uint32_t count,
                        ds_result *result, ds_error *err) {
  ds_table *table = table_make(asked, result);
  uint64_t all = 0;
  for (uint32_t r = 0; r < count; r++) {
    const ds_paths_row *row = &rows[r];
    ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
    if (cell == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for paths: give more --memory");
    all = row->depth == 0 ? row->count : all;
    if (asked->grouped)
      *cell++ = ds_cell_text(result, ds_str_of(asked->by.labels[row->group]));
    cell[0] = ds_cell_text(result, name_of(asked, row));
    cell[1] = ds_cell_i64((int64_t)row->count);
    cell[2] = ds_cell_double((double)row->count / (double)all);
    if (row->depth > 0 && row->touchpoint != DS_PATHS_END)
      cell[3] = ds_cell_double(ds_sum128_mean(row->gap_ms, row->count));
    cell[4] = ds_cell_i64(row->depth);
    cell[5] = ds_cell_i64(r);
    if (row->parent != DS_NONE)
      cell[6] = ds_cell_i64(row->parent);
  }
  return table == NULL ? ds_fail(err, DS_MEMORY, "out of memory for paths") : DS_OK;
}

static void put_words(const ds_paths *asked, ds_result *result) {
  static const char *const which[] = {"first", "last", "each"};
  const ds_option_set *options = &asked->request->options;
  const char *after = ds_option_get(options, "after"), *before = ds_option_get(options, "before");
  ds_buf text;
  ds_buf_init(&text, 1u << 18);
  ds_buf_printf(&text, "The anchor is %s %s of a case. ",
                asked->anchor == DS_PATHS_EACH ? which[2] : asked->anchor == DS_PATHS_LAST
                                                                 ? "the last"
                                                                 : "the first",
                after == NULL ? before : after);
  if (after != NULL && before != NULL)
    ds_buf_printf(&text, "A path runs to the next %s; anchors that none follows are left out. ",
                  before);
  ds_buf_printf(&text, "Each row is the step right %s the one above it, for those who came that "
                "way; up to %u steps. The steps below a row %s; (other) is what "
                "is rarer than --min-share of all anchors or beyond the --children most frequent.",
                asked->backward ? "before" : "after", asked->depth,
                after != NULL && before != NULL ? "add up to it, but for paths that end with it"
                : asked->backward               ? "and (start) add up to it"
                                                : "and (end) add up to it");
  if (asked->collapse)
    ds_buf_text(&text, " Immediate repeats of a touchpoint count as one step.");
  result->definition = ds_buf_keep(&text, result->arena);
  ds_buf_done(&text);
}

static ds_code answer(ds_paths *asked, ds_arena *arena, void **memory, ds_result *result,
                      ds_error *err) {
  const ds_request *request = asked->request;
  const char *list = ds_option_get(&request->options, "list");
  ds_paths_row *rows = NULL;
  uint32_t count = 0;
  ds_result unseen;
  TRY(prepare(asked, err));
  TRY(ds_question_note_types(request, &asked->plan, result, err));
  ds_question_note_facts(request, &asked->plan, result);
  put_words(asked, result);
  if (request->snapshot->events > 0) {
    // What the pass remarks is remarked again by the list's own.
    ds_result_init(&unseen, arena, result->question);
    TRY(ds_spans_scan(request, &asked->plan, &ds_paths_kernel, asked, arena,
                      list == NULL ? result : &unseen, memory, err));
    TRY(ds_paths_rows(*memory, arena, &rows, &count, err));
  }
  ds_paths_listable(asked, result);
  if (list != NULL)
    return ds_paths_list(asked, rows, count, list, result, err);
  TRY(put_rows(asked, rows, count, result, err));
  const uint64_t unreached = *memory == NULL ? 0 : ((ds_paths_tree *)*memory)->unreached;
  char lost[32];
  if (unreached > 0)
    ds_result_note(result, false, "%s anchor%s led to no %s and %s left out.",
                   ds_human_count(lost, unreached), unreached == 1 ? "" : "s",
                   ds_option_get(&request->options, "before"), unreached == 1 ? "is" : "are");
  if (count == 0 && request->snapshot->events > 0)
    ds_result_note(result, true, "No case has the anchor: look at --after, --before, --where and "
                   "the period (--from, --to).");
  return DS_OK;
}

ds_code ds_paths_answer(const ds_request *request, ds_result *result, ds_error *err) {
  ds_paths asked = {.request = request};
  ds_arena arena;
  void *memory = NULL;
  ds_arena_init(&arena, request->memory_bytes);
  const ds_code code = answer(&asked, &arena, &memory, result, err);
  if (memory != NULL)
    ds_paths_kernel.done(memory);
  ds_breakdown_done(&asked.by);
  ds_arena_done(&arena);
  return code;
}
