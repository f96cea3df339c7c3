// SPDX-License-Identifier: Apache-2.0
// `segment`: how many cases meet named conditions, how many two of them, and who went from one to
// another between two instants.
#include "question/segment.h"

#include <stdio.h>
#include <stdlib.h>

#include "question/common.h"
#include "question/spans.h"
#include "scan/property_types.h"

const ds_option ds_segment_options[] = {
    {"segment", DS_OPTION_ARGUMENTS, "[SEGMENT...]", "", NULL,
     "these segments, by name, or conditions with brackets such as 'count(order_placed) >= 2' "
     "(default: all that have a name)"},
    {"overlap", DS_OPTION_FLAG, "", "", NULL, "how many meet two of them, pair by pair"},
    {"versus", DS_OPTION_TIME, "TIME", "", NULL,
     "another instant: who stayed, entered and left, and moves from one segment to another"},
    {"per", DS_OPTION_CHOICE, "PERIOD", "", "day|week|month",
     "sizes over time too: at the beginning of each period, and at as_of"},
    {"since", DS_OPTION_TIME, "TIME", "", NULL,
     "with --per: from then on (default: the first event)"},
    {"min-n", DS_OPTION_COUNT, "N", "20", NULL, "no share of fewer"},
};
const uint32_t ds_segment_options_count = sizeof ds_segment_options / sizeof *ds_segment_options;

// Between these, which are meant to exclude each other, moves go when no names are given.
static const char *const standing[] = {"active", "at_risk", "churned"};
enum { STANDING = sizeof standing / sizeof *standing, SERIES_ROWS_MAX = 1 << 20 };

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for segments");
}

// The definition of a name.
static ds_code row_of_name(const ds_schema *schema, ds_str name, segment_row *row, ds_error *err) {
  const char *names[DS_SEGMENTS_MAX];
  for (uint32_t s = 0; s < schema->segments_count; s++) {
    const ds_segment *segment = &schema->segments[s];
    names[s] = segment->name;
    if (!ds_str_equal(name, ds_str_of(segment->name)))
      continue;
    *row = (segment_row){segment->name, segment->expression, segment->file, DS_NONE, NULL};
    return DS_OK;
  }
  const char *near = ds_str_nearest(name, names, schema->segments_count);
  return ds_fail(err, DS_USAGE, "there is no segment '%.*s'%s%s%s",
                 (int)(name.size < 60 ? name.size : 60), name.data,
                 near == NULL ? "; a condition has brackets, as in 'count(order_placed) >= 2'"
                              : "; did you mean '", near == NULL ? "" : near,
                 near == NULL ? "" : "'?");
}

// What was asked for, a line each; a condition is its own name.
static ds_code rows_given(const segment_asked *asked, const ds_schema *schema, const char *text,
                          segment_row *rows, uint32_t *count, ds_error *err) {
  for (const char *at = text; at != NULL;) {
    const char *end = strchr(at, '\n');
    const ds_str line = {at, (uint32_t)(end == NULL ? strlen(at) : (size_t)(end - at))};
    if (*count == DS_SEGMENTS_MAX)
      return ds_fail(err, DS_LIMIT, "at most %d segments", DS_SEGMENTS_MAX);
    segment_row *row = &rows[*count];
    if (line.size > 0 && memchr(line.data, '(', line.size) != NULL) {
      char *copy = ds_arena_text(asked->request->arena, line.data, line.size);
      if (copy == NULL)
        return no_memory(err);
      *row = (segment_row){copy, copy, NULL, DS_NONE, NULL};
    } else {
      TRY(row_of_name(schema, line, row, err));
    }
    for (uint32_t s = 0; s < *count; s++)
      if (strcmp(rows[s].name, row->name) == 0)
        return ds_fail(err, DS_USAGE, "'%.60s' is given twice", row->name);
    ++*count;
    at = end == NULL ? NULL : end + 1;
  }
  return DS_OK;
}

// How a row is asked for: by its name, so that errors say where the definition stands.
static ds_str text_of(const segment_row *row, ds_buf *text) {
  ds_buf_reset(text);
  if (row->condition == row->name)
    return ds_str_of(row->condition);
  ds_buf_text(text, "segment('");
  for (const char *at = row->name; *at != '\0'; at++) {
    ds_buf_append(text, at, 1);
    if (*at == '\'')
      ds_buf_text(text, "'");
  }
  ds_buf_text(text, "')");
  return ds_str_of(ds_buf_cstr(text));
}

static ds_code compile_row(segment_asked *asked, const ds_schema *schema, uint32_t number,
                           bool given, ds_buf *text, ds_error *err) {
  segment_row *row = &asked->rows[number];
  ds_arena *arena = asked->request->arena;
  ds_case_program *trial = NULL;
  ds_error why = {.code = DS_OK};
  uint32_t rule = 0;
  const ds_str condition = text_of(row, text);
  TRY(ds_buf_check(text, "a segment", err));
  // A program that a condition does not fit is of no use for others.
  TRY(ds_case_program_new(schema, arena, &trial, err));
  ds_code code = ds_case_program_add_condition(trial, condition, &rule, &why);
  if (code == DS_OK && asked->plan.has_case)
    code = ds_case_program_check_cases(trial, &why);
  if (code == DS_OK)
    return ds_case_program_add_condition(asked->program, condition, &row->rule, err);
  if (given || code == DS_MEMORY) {
    // Each condition given is a line.
    if (row->condition == row->name && why.file[0] == '\0') {
      why.line = number + 1;
      code = ds_fail_in(&why, code, "condition %u", number + 1);
    } else if (why.file[0] == '\0') {
      why.column = 0;
    }
    if (err != NULL)
      *err = why;
    return code;
  }
  row->why = ds_arena_text(arena, why.message, strlen(why.message));
  return row->why == NULL ? no_memory(err) : DS_OK;
}

static ds_code compile(segment_asked *asked, const ds_schema *schema, bool given, ds_error *err) {
  ds_buf text;
  ds_code code = DS_OK;
  ds_buf_init(&text, 1u << 12);
  TRY(ds_case_program_new(schema, asked->request->arena, &asked->program, err));
  for (uint32_t s = 0; s < asked->count && code == DS_OK; s++)
    code = compile_row(asked, schema, s, given, &text, err);
  ds_buf_done(&text);
  asked->rules = ds_case_program_rules(asked->program);
  return code;
}

static bool is_standing(const char *name) {
  for (uint32_t s = 0; s < STANDING; s++)
    if (strcmp(name, standing[s]) == 0)
      return true;
  return false;
}

// Between which segments moves go.
static void states_choose(segment_asked *asked, bool given) {
  for (uint32_t round = 0; round < 2 && asked->states_count == 0; round++)
    for (uint32_t s = 0; s < asked->count; s++)
      if (asked->rows[s].rule != DS_NONE &&
          (given || round > 0 || is_standing(asked->rows[s].name)))
        asked->states[asked->states_count++] = s;
}

const char *ds_segment_state_name(const segment_asked *asked, uint32_t state) {
  return state < asked->states_count    ? asked->rows[asked->states[state]].name
         : state == asked->states_count ? "(none)"
                                        : "(not yet)";
}

static ds_code rows_make(segment_asked *asked, ds_error *err) {
  const ds_request *request = asked->request;
  const char *given = ds_option_get(&request->options, "segment");
  ds_schema schema;
  TRY(ds_question_schema(request, &schema, err));
  asked->rows = ds_arena_array(request->arena, DS_SEGMENTS_MAX, sizeof *asked->rows);
  asked->states = ds_arena_array(request->arena, DS_SEGMENTS_MAX, sizeof *asked->states);
  if (asked->rows == NULL || asked->states == NULL)
    return no_memory(err);
  if (given != NULL)
    TRY(rows_given(asked, &schema, given, asked->rows, &asked->count, err));
  for (uint32_t s = 0; given == NULL && s < schema.segments_count; s++)
    TRY(row_of_name(&schema, ds_str_of(schema.segments[s].name), &asked->rows[asked->count++],
                    err));
  if (request->snapshot->events == 0)
    return DS_OK;
  TRY(compile(asked, &schema, given != NULL, err));
  states_choose(asked, given != NULL);
  return DS_OK;
}

static ds_code read_instants(segment_asked *asked, ds_error *err) {
  const ds_request *request = asked->request;
  asked->now_ms[SEGMENT_AS_OF] = request->as_of_ms;
  asked->instants = 1;
  if (!ds_question_time(request, "versus", &asked->now_ms[SEGMENT_VERSUS]))
    return DS_OK;
  asked->instants = 2;
  asked->later = asked->now_ms[SEGMENT_VERSUS] > asked->now_ms[SEGMENT_AS_OF];
  if (asked->now_ms[SEGMENT_VERSUS] == asked->now_ms[SEGMENT_AS_OF])
    return ds_fail(err, DS_USAGE, "--versus is the instant of the answer itself: give another one, "
                   "or --as-of");
  return DS_OK;
}

ds_code ds_segment_read(const ds_request *request, segment_asked *asked, ds_error *err) {
  const ds_option_set *options = &request->options;
  asked->request = request;
  asked->groups = 1;
  asked->overlap = ds_option_flag(options, "overlap");
  asked->grouped = ds_option_get(options, "by") != NULL;
  if (asked->grouped && (asked->overlap || ds_option_get(options, "versus") != NULL))
    return ds_fail(err, DS_USAGE, "--by shows sizes alone: leave out --overlap and --versus, or "
                   "choose cases by --cases");
  TRY(ds_question_plan(request, &asked->plan, err));
  TRY(read_instants(asked, err));
  TRY(ds_segment_read_points(asked, err));
  TRY(rows_make(asked, err));
  return ds_plan_leave_unasked(request, NULL, asked->program, &asked->plan, err);
}

// --by, then what the conditions read: they want the types of the columns before them.
static ds_code prepare(segment_asked *asked, ds_error *err) {
  const ds_request *request = asked->request;
  const char *by = ds_option_get(&request->options, "by");
  ds_plan *plan = &asked->plan;
  plan->columns.want |= DS_WANT_TIME;
  asked->by.name = by; // the column's, even where there is nothing to show
  if (by != NULL && request->snapshot->events > 0) {
    uint64_t top = 0;
    TRY(ds_option_count(&request->options, "top", 1, &top, err));
    TRY(ds_breakdown_make(request->snapshot, plan, by, top < 10000 ? (uint32_t)top : 10000,
                          request->arena, &asked->by, err));
    asked->groups = asked->by.groups;
    plan->columns.want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT;
  }
  if ((uint64_t)asked->points * asked->groups * asked->count > SERIES_ROWS_MAX)
    return ds_fail(err, DS_LIMIT, "that makes too many rows: choose a longer period with --per, "
                   "fewer segments or a smaller --top");
  if (asked->program == NULL)
    return DS_OK;
  TRY(ds_property_types_set(request->snapshot, &plan->columns, request->arena, err));
  TRY(ds_case_program_columns(asked->program, &plan->columns, request->arena, err));
  // Where no event is later than the only instant, times would tell nothing.
  if (asked->points == 1 && asked->instants == 1 &&
      request->as_of_ms >= request->snapshot->time_max_ms &&
      ds_case_program_timeless(asked->program))
    plan->columns.want &= ~(uint32_t)DS_WANT_TIME;
  return DS_OK;
}

// --- the tables

enum { GROUP, NAME, MEMBERS, CASES, SHARE, VERSUS, STAYED, ENTERED, LEFT, LOW, HIGH, CONDITION,
       COLUMNS };

static bool has_column(const segment_asked *asked, uint32_t column) {
  if (column == GROUP)
    return asked->grouped;
  return column < VERSUS || column > LEFT || asked->instants > 1;
}

static ds_table *sizes_make(const segment_asked *asked, ds_result *result) {
  const ds_column all[COLUMNS] = {
      [GROUP] = {asked->by.name, DS_CELL_TEXT, "", "value of the breakdown", false},
      [NAME] = {"name", DS_CELL_TEXT, "", "the segment", false},
      [MEMBERS] = {"members", DS_CELL_COUNT, "cases", "cases that meet it at as_of", false},
      [CASES] = {"cases", DS_CELL_COUNT, "cases", "cases that have begun by then", true},
      [SHARE] = {"share", DS_CELL_SHARE, "", "their share of these", false},
      [VERSUS] = {"versus", DS_CELL_COUNT, "cases", "cases that meet it at --versus", false},
      [STAYED] = {"stayed", DS_CELL_COUNT, "cases", "cases that meet it at both instants", false},
      [ENTERED] = {"entered", DS_CELL_COUNT, "cases", "at the later of them alone", false},
      [LEFT] = {"left", DS_CELL_COUNT, "cases", "at the earlier of them alone", false},
      [LOW] = {"share_low", DS_CELL_SHARE, "", "lower end of its 95 % Wilson interval",
               asked->instants > 1},
      [HIGH] = {"share_high", DS_CELL_SHARE, "", "upper end of its 95 % Wilson interval",
                asked->instants > 1},
      [CONDITION] = {"condition", DS_CELL_TEXT, "", "what it asks", true},
  };
  ds_column *columns = ds_arena_array(result->arena, COLUMNS, sizeof *columns);
  uint32_t count = 0;
  for (uint32_t c = 0; columns != NULL && c < COLUMNS; c++)
    if (has_column(asked, c))
      columns[count++] = all[c];
  return columns == NULL ? NULL
                         : ds_result_table(result, "segments", "Segments", columns, count);
}

static void put_size(const segment_asked *asked, const segment_state *state, uint32_t group,
                     const segment_row *row, uint64_t min_n, ds_cell *cell) {
  const segment_size size = ds_segment_size(asked, state, asked->points - 1, group, row, min_n);
  cell[CASES] = size.cases;
  cell[MEMBERS] = size.members;
  cell[SHARE] = size.share;
  cell[LOW] = size.low;
  cell[HIGH] = size.high;
  if (row->rule == DS_NONE)
    return;
  const uint64_t members = (uint64_t)size.members.i;
  const uint64_t versus = state->versus[row->rule], stayed = state->stayed[row->rule];
  const uint64_t earlier = asked->later == SEGMENT_AS_OF ? versus : members;
  cell[VERSUS] = ds_cell_i64((int64_t)versus);
  cell[STAYED] = ds_cell_i64((int64_t)stayed);
  cell[ENTERED] = ds_cell_i64((int64_t)(versus + members - earlier - stayed));
  cell[LEFT] = ds_cell_i64((int64_t)(earlier - stayed));
}

// A condition over several lines is shown as one.
static ds_cell condition_cell(const segment_row *row, ds_result *result) {
  ds_cell cell = ds_cell_text(result, ds_str_of(row->condition));
  char *text = (char *)(uintptr_t)cell.text.data;
  uint32_t size = 0;
  for (uint32_t i = 0; !cell.null && i < cell.text.size; i++) {
    const bool blank = text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n';
    if (!blank || (size > 0 && text[size - 1] != ' '))
      text[size++] = blank ? ' ' : text[i];
  }
  if (!cell.null)
    cell.text.size = size;
  return cell;
}

static ds_code put_sizes(const segment_asked *asked, const segment_state *state, uint64_t min_n,
                         ds_result *result, ds_error *err) {
  ds_table *table = sizes_make(asked, result);
  if (table != NULL)
    table->bar = "members";
  for (uint32_t g = 0; state != NULL && g < asked->groups; g++) {
    if (!ds_segment_shows(asked, state, g))
      continue;
    for (uint32_t s = 0; s < asked->count; s++) {
      const segment_row *row = &asked->rows[s];
      ds_cell all[COLUMNS];
      ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
      if (cell == NULL)
        return no_memory(err);
      for (uint32_t c = 0; c < COLUMNS; c++)
        all[c] = ds_cell_null();
      put_size(asked, state, g, row, min_n, all);
      if (asked->grouped)
        all[GROUP] = ds_cell_text(result, ds_str_of(asked->by.labels[g]));
      all[NAME] = ds_cell_text(result, ds_str_of(row->name));
      all[CONDITION] = condition_cell(row, result);
      for (uint32_t c = 0; c < COLUMNS; c++)
        if (has_column(asked, c))
          *cell++ = all[c];
    }
  }
  return table == NULL ? no_memory(err) : DS_OK;
}

static void put_share(ds_cell *cell, uint64_t hits, uint64_t n, uint64_t min_n) {
  if (n >= min_n && n > 0)
    *cell = ds_cell_double((double)hits / (double)n);
}

static ds_code put_overlap(const segment_asked *asked, const segment_state *state, uint64_t min_n,
                           ds_result *result, ds_error *err) {
  static const ds_column columns[] = {
      {"name", DS_CELL_TEXT, "", "a segment", false},
      {"other", DS_CELL_TEXT, "", "another one", false},
      {"both", DS_CELL_COUNT, "cases", "cases that meet both", false},
      {"share", DS_CELL_SHARE, "", "of those who meet the first, who meet the other", false},
      {"share_other", DS_CELL_SHARE, "", "of those who meet the other, who meet the first", false},
      {"share_either", DS_CELL_SHARE, "", "of those who meet one of them, who meet both", true},
  };
  ds_table *table =
      ds_result_table(result, "overlap", "Who is in two segments", columns, 6);
  const uint64_t *members =
      state == NULL ? NULL : state->members + (size_t)(asked->points - 1) * asked->rules;
  for (uint32_t i = 0; table != NULL && state != NULL && i < asked->count; i++) {
    for (uint32_t k = i + 1; k < asked->count; k++) {
      const segment_row *a = &asked->rows[i], *b = &asked->rows[k];
      if (a->rule == DS_NONE || b->rule == DS_NONE)
        continue;
      ds_cell *cell = ds_table_row(result, table);
      if (cell == NULL)
        return no_memory(err);
      const uint64_t both = state->both[a->rule * asked->rules + b->rule];
      const uint64_t first = members[a->rule], other = members[b->rule];
      cell[0] = ds_cell_text(result, ds_str_of(a->name));
      cell[1] = ds_cell_text(result, ds_str_of(b->name));
      cell[2] = ds_cell_i64((int64_t)both);
      put_share(&cell[3], both, first, min_n);
      put_share(&cell[4], both, other, min_n);
      put_share(&cell[5], both, first + other - both, min_n);
    }
  }
  return table == NULL ? no_memory(err) : DS_OK;
}

static ds_code put_moves(const segment_asked *asked, const segment_state *state, uint64_t min_n,
                         ds_result *result, ds_error *err) {
  static const char *const keys[] = {"from", NULL};
  static const ds_pivot pivot = {"Moves, from the earlier instant (down) to the later (across)",
                                 keys, "to", "members", NULL, NULL};
  static const ds_column columns[] = {
      {"from", DS_CELL_TEXT, "", "the segment at the earlier instant", false},
      {"to", DS_CELL_TEXT, "", "the segment at the later instant", false},
      {"members", DS_CELL_COUNT, "cases", "cases that went so, or stayed", false},
      {"share", DS_CELL_SHARE, "", "their share of those who were there before", false},
  };
  ds_table *table = ds_result_table(result, "moves", "Moves from the earlier instant to the later",
                                    columns, 4);
  const uint32_t states = asked->states_count + 2;
  if (table != NULL)
    table->pivot = &pivot;
  for (uint32_t from = 0; table != NULL && state != NULL && from < states; from++) {
    uint64_t all = 0;
    for (uint32_t to = 0; to < states; to++)
      all += state->moves[from * states + to];
    for (uint32_t to = 0; all > 0 && to + 1 < states; to++) {
      ds_cell *cell = ds_table_row(result, table);
      if (cell == NULL)
        return no_memory(err);
      cell[0] = ds_cell_text(result, ds_str_of(ds_segment_state_name(asked, from)));
      cell[1] = ds_cell_text(result, ds_str_of(ds_segment_state_name(asked, to)));
      cell[2] = ds_cell_i64((int64_t)state->moves[from * states + to]);
      put_share(&cell[3], state->moves[from * states + to], all, min_n);
    }
  }
  return table == NULL ? no_memory(err) : DS_OK;
}

#define DEFINITION                                                                                 \
  "How many %s meet each condition at as_of, of those that have begun by then; the interval of a " \
  "share is Wilson's, 95 %%. A condition that is unknown is not met.%s"
#define MOVES                                                                                      \
  " Of two instants the earlier is where moves begin, whichever is --versus; somebody is in the "  \
  "first segment that they meet, in (none), or at the earlier instant (not yet) begun."

static void put_words(const segment_asked *asked, const segment_state *state, ds_result *result) {
  char words[768], several[32];
  snprintf(words, sizeof words, DEFINITION, asked->plan.has_case ? "cases" : "customers",
           asked->instants > 1 ? MOVES : "");
  result->definition = ds_arena_text(result->arena, words, strlen(words));
  for (uint32_t s = 0; s < asked->count; s++)
    if (asked->rows[s].why != NULL)
      ds_result_note(result, asked->rows[s].file != NULL, "Not asked: %s", asked->rows[s].why);
  if (state != NULL && state->several > 0)
    ds_result_note(result, false, "%s of them meet several of these conditions at an instant: "
                   "moves count each in the first.", ds_human_count(several, state->several));
}

static ds_code put_all(const segment_asked *asked, const segment_state *state, ds_result *result,
                       ds_error *err) {
  uint64_t min_n = 0;
  TRY(ds_option_count(&asked->request->options, "min-n", 1, &min_n, err));
  TRY(put_sizes(asked, state, min_n, result, err));
  if (asked->overlap)
    TRY(put_overlap(asked, state, min_n, result, err));
  if (asked->instants > 1)
    TRY(put_moves(asked, state, min_n, result, err));
  if (asked->series)
    TRY(ds_segment_put_series(asked, state, min_n, result, err));
  result->main_table = asked->series         ? "series"
                       : asked->instants > 1 ? "moves"
                       : asked->overlap      ? "overlap"
                                             : "segments";
  put_words(asked, state, result);
  return DS_OK;
}

static ds_code answer(segment_asked *asked, ds_arena *arena, ds_result *result, ds_error *err) {
  const ds_request *request = asked->request;
  const char *list = ds_option_get(&request->options, "list");
  void *memory = NULL;
  TRY(ds_segment_read(request, asked, err));
  TRY(prepare(asked, err));
  TRY(ds_question_note_types(request, &asked->plan, result, err));
  ds_question_note_facts(request, &asked->plan, result);
  ds_segment_listable(asked, result);
  if (list != NULL)
    return ds_segment_list(asked, list, result, err);
  if (asked->program == NULL)
    return put_all(asked, NULL, result, err);
  TRY(ds_spans_scan(request, &asked->plan, &ds_segment_kernel, asked, arena, result, &memory,
                    err));
  const ds_code code = put_all(asked, memory, result, err);
  ds_segment_kernel.done(memory);
  return code;
}

ds_code ds_segment_answer(const ds_request *request, ds_result *result, ds_error *err) {
  segment_asked asked = {.request = request};
  ds_arena arena;
  ds_arena_init(&arena, request->memory_bytes);
  const ds_code code = answer(&asked, &arena, result, err);
  ds_breakdown_done(&asked.by);
  ds_arena_done(&arena);
  return code;
}
