// SPDX-License-Identifier: Apache-2.0
// `features`: a row per customer or case, a column per named expression, at an instant; or, with
// --at, a row for each instant of some of the case's events, about what was known then. Rows are
// made block by block, so that they can go on to a file without ever being together in memory.
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "question/common.h"
#include "question/sql.h"
#include "scan/property_types.h"
#include "scan/stages.h"
#include "scan/subjects.h"

// A chunk of rows stays in the nearest caches.
enum { FEATURES_MAX = 256, CHUNK_ROWS = 64 };

const ds_option ds_features_options[] = {
    {"feature", DS_OPTION_ARGUMENTS, "[NAME=]EXPR...", "", NULL,
     "what is asked of each customer or case: 'orders=count(order_placed)' 'lapsed=segment(...)'; "
     "up to 256"},
    {"at", DS_OPTION_EXPRESSION, "SELECTOR|FILE.csv", "", NULL,
     "a row for each instant of such an event, as order_placed, or on the command line for each "
     "row of a file with an identifier and a time: what was known of the case then"},
};
const uint32_t ds_features_options_count =
    sizeof ds_features_options / sizeof *ds_features_options;

// What is asked; `names` are the columns'.
typedef struct features_asked {
  const ds_request *request;
  ds_plan plan;
  ds_case_program *program;
  const char *names[FEATURES_MAX];
  uint32_t count;
  ds_column *columns;
  uint32_t columns_count;
  bool has_at;             // rows have instants of their own, else there is one, as_of
  const ds_expression *at; // they are those of such events; NULL: a file has them
  const ds_instant *row;   // the file's, by who, instant and line; `who` is a customer's number, or
  uint32_t rows;           // of cases the number of its name in the file
  ds_columns kept;         // what the scan's blocks have
  ds_result *result; // takes the rows, unless the request has a taker
  size_t bytes_max;
} features_asked;

// Rows at instants of their own.
typedef struct features_instants {
  ds_evaluator *anchor;
  uint64_t *anchors; // bits of the block's events
  uint32_t anchors_capacity;
  ds_case_evaluator *evaluator; // of what was known
  ds_stage_room alone, known;   // one journey, and what of it was
  uint32_t line;                // of the file, of the row at hand
  uint64_t met;                 // rows of the file whose case is asked about
} features_instants;

typedef struct features_state {
  const features_asked *asked;
  ds_case_evaluator *evaluator;
  features_instants instants;
  uint64_t unknown; // instants at which nothing was known
  ds_arena cells;   // of the chunk at hand, when there is a taker
  ds_arena texts;
  ds_result chunk;
  ds_table *table;
} features_state;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for features");
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 128;
}

// The size of "NAME" in "NAME=EXPR"; 0 when no name stands there.
static uint32_t name_size(ds_str line) {
  uint32_t size = 0;
  while (size < line.size && (is_letter(line.data[size]) ||
                              (size > 0 && line.data[size] >= '0' && line.data[size] <= '9')))
    size++;
  return size > 0 && size < line.size && line.data[size] == '=' ? size : 0;
}

// Durations are columns in ms, and say so.
static ds_code column_name(const features_asked *asked, ds_str name, ds_type type,
                           const char **ret_name, ds_error *err) {
  ds_buf text;
  ds_buf_init(&text, DS_EXPRESSION_BYTES_MAX + 16u);
  ds_buf_append(&text, name.data, name.size);
  const bool ends = name.size > 3 && memcmp(name.data + name.size - 3, "_ms", 3) == 0;
  if (type == DS_TYPE_DURATION && !ends)
    ds_buf_text(&text, "_ms");
  const ds_code code = ds_buf_check(&text, "a feature's name", err);
  *ret_name = code == DS_OK ? ds_buf_keep(&text, asked->request->arena) : NULL;
  ds_buf_done(&text);
  return code == DS_OK && *ret_name == NULL ? no_memory(err) : code;
}

static ds_code add_feature(features_asked *asked, ds_str line, ds_error *err) {
  const uint32_t named = name_size(line), number = asked->count;
  const uint32_t skip = named == 0 ? 0 : named + 1;
  uint32_t rule = 0;
  ds_error why = {.code = DS_OK};
  if (number == FEATURES_MAX)
    return ds_fail(err, DS_LIMIT, "at most %d features in one question", FEATURES_MAX);
  const ds_code code = ds_case_program_add(
      asked->program, (ds_str){line.data + skip, line.size - skip}, &rule, &why);
  if (code != DS_OK) {
    // Each feature is a line of the option's text.
    if (why.file[0] == '\0' && why.column > 0) {
      why.line = number + 1;
      why.column += skip;
    }
    (void)ds_fail_in(&why, code, "feature %u", number + 1);
    if (err != NULL)
      *err = why;
    return code;
  }
  TRY(column_name(asked, named > 0 ? (ds_str){line.data, named} : line,
                  ds_case_rule_type(asked->program, rule), &asked->names[number], err));
  for (uint32_t f = 0; f <= number; f++)
    if ((f < number && strcmp(asked->names[f], asked->names[number]) == 0) ||
        strcmp(asked->names[number], f == 0 ? "customer" : "case") == 0 ||
        (strcmp(asked->names[number], "at") == 0 &&
         asked->has_at) ||
        (strcmp(asked->names[number], "line") == 0 && asked->request->instants != NULL))
      return ds_fail(err, DS_USAGE, "feature %u: there is a column '%.60s' already: give it "
                     "another name, as in NAME=EXPR", number + 1, asked->names[number]);
  asked->count++;
  return DS_OK;
}

static ds_code read_features(features_asked *asked, ds_error *err) {
  const ds_request *request = asked->request;
  const char *text = ds_option_get(&request->options, "feature");
  ds_schema schema;
  if (text == NULL)
    return ds_fail(err, DS_USAGE, "features needs expressions; for example: doorstep features "
                   "'orders=count(order_placed)' 'idle=since(any)'");
  if (request->snapshot->events == 0)
    return DS_OK;
  TRY(ds_question_schema(request, &schema, err));
  TRY(ds_case_program_new(&schema, request->arena, &asked->program, err));
  for (const char *at = text; at != NULL;) {
    const char *end = strchr(at, '\n');
    TRY(add_feature(asked, (ds_str){at, (uint32_t)(end == NULL ? strlen(at) : (size_t)(end - at))},
                    err));
    at = end == NULL ? NULL : end + 1;
  }
  return asked->plan.has_case ? ds_case_program_check_cases(asked->program, err) : DS_OK;
}

// Whether --at names a file rather than events.
static bool names_file(const char *text) {
  const size_t size = strlen(text);
  return size > 4 && (strcmp(text + size - 4, ".csv") == 0 || strcmp(text + size - 4, ".tsv") == 0);
}

static ds_code read_at(features_asked *asked, ds_error *err) {
  const ds_request *request = asked->request;
  const char *text = ds_option_get(&request->options, "at");
  ds_schema schema;
  if (text == NULL || asked->program == NULL)
    return DS_OK;
  if (names_file(text) && request->instants == NULL)
    return ds_fail(err, DS_USAGE, "--at FILE: the command line alone reads files of instants");
  if (ds_case_program_reads_lists(asked->program))
    return ds_fail(err, DS_UNSUPPORTED, "a list has no past: with --at it would tell what was not "
                   "known yet; leave in_list() out, or ask at one instant, --as-of");
  if (request->instants != NULL)
    return DS_OK;
  TRY(ds_question_schema(request, &schema, err));
  TRY(ds_selector_parse(ds_str_of(text), &schema, request->arena, &asked->at, err));
  return ds_question_check_keys(request, asked->at, "at", err);
}

static ds_column column_of(const features_asked *asked, uint32_t feature) {
  static const ds_cell_type types[DS_TYPES_COUNT] = {
      [DS_TYPE_NUMBER] = DS_CELL_NUMBER, [DS_TYPE_STRING] = DS_CELL_TEXT,
      [DS_TYPE_BOOL] = DS_CELL_COUNT,    [DS_TYPE_TIME] = DS_CELL_TIME,
      [DS_TYPE_DATE] = DS_CELL_TEXT,     [DS_TYPE_DURATION] = DS_CELL_DURATION};
  const ds_type type = ds_case_rule_type(asked->program, feature);
  return (ds_column){asked->names[feature], types[type], type == DS_TYPE_DURATION ? "ms" : "",
                     type == DS_TYPE_BOOL ? "1 when it is so, 0 when not, nothing when unknown"
                                          : ds_type_noun(type), false};
}

static ds_code make_columns(features_asked *asked, ds_error *err) {
  static const ds_column who[] = {
      {"customer", DS_CELL_TEXT, "", "the customer, as kind=identifier", false},
      {"case", DS_CELL_TEXT, "", "the case", false},
  };
  static const ds_column at = {"at", DS_CELL_TIME, "", "the row's instant", false};
  static const ds_column line = {"line", DS_CELL_COUNT, "", "where it stands in the file", false};
  asked->columns = ds_arena_array(asked->request->arena, asked->count + 4u,
                                  sizeof *asked->columns);
  if (asked->columns == NULL)
    return no_memory(err);
  for (uint32_t c = 0; c < (asked->plan.has_case ? 2u : 1u); c++)
    asked->columns[asked->columns_count++] = who[c];
  if (asked->has_at)
    asked->columns[asked->columns_count++] = at;
  if (asked->request->instants != NULL)
    asked->columns[asked->columns_count++] = line;
  for (uint32_t f = 0; f < asked->count; f++)
    asked->columns[asked->columns_count++] = column_of(asked, f);
  return DS_OK;
}

// All but the columns of the scan.
static ds_code features_read(const ds_request *request, features_asked *asked, ds_error *err) {
  asked->request = request;
  asked->has_at = ds_option_get(&request->options, "at") != NULL;
  TRY(ds_option_refuse(&request->options, "features", (const char *const[]){"by"}, 1, err));
  if (ds_option_get(&request->options, "list") != NULL)
    return ds_fail(err, DS_USAGE, "features takes no --list: its rows are customers or cases; "
                   "doorstep timeline CUSTOMER shows the events of one");
  TRY(ds_question_plan(request, &asked->plan, err));
  TRY(read_features(asked, err));
  TRY(read_at(asked, err));
  TRY(make_columns(asked, err));
  return ds_plan_leave_unasked(request, asked->at, asked->program, &asked->plan, err);
}

// --- rows

static ds_code state_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  features_state *state = memory;
  const features_asked *asked = context;
  state->asked = asked;
  ds_arena_init(&state->cells, (size_t)256 << 20);
  ds_arena_init(&state->texts, (size_t)256 << 20);
  TRY(ds_case_evaluator_new(asked->program, &asked->kept, &state->evaluator, err));
  if (asked->has_at) {
    features_instants *to = &state->instants;
    if (asked->at != NULL)
      TRY(ds_evaluator_new(asked->at, &asked->kept, &to->anchor, err));
    TRY(ds_case_evaluator_new(asked->program, &asked->kept, &to->evaluator, err));
    TRY(ds_stage_init(&to->alone, &asked->kept, err));
    TRY(ds_stage_init(&to->known, &asked->kept, err));
  }
  state->table = &asked->result->tables[0];
  if (asked->request->take == NULL)
    return DS_OK;
  ds_result_init(&state->chunk, &state->texts, "features");
  state->table = ds_result_table(&state->chunk, "features", "", asked->columns,
                                 asked->columns_count);
  state->table->rows_capacity = CHUNK_ROWS;
  state->table->cells = ds_arena_array(&state->cells, (size_t)CHUNK_ROWS * asked->columns_count,
                                       sizeof *state->table->cells);
  return state->table->cells == NULL ? no_memory(err) : DS_OK;
}

static void state_done(void *memory) {
  features_state *state = memory;
  ds_case_evaluator_free(state->evaluator);
  state->evaluator = NULL;
  ds_evaluator_free(state->instants.anchor);
  ds_case_evaluator_free(state->instants.evaluator);
  ds_stage_done(&state->instants.alone);
  ds_stage_done(&state->instants.known);
  free(state->instants.anchors);
  state->instants = (features_instants){.anchor = NULL};
  ds_arena_done(&state->cells);
  ds_arena_done(&state->texts);
}

// Hands the chunk's rows on; its texts go.
static ds_code flush(features_state *state, ds_error *err) {
  const ds_request *request = state->asked->request;
  if (request->take == NULL || state->table->rows_count == 0)
    return DS_OK;
  if (state->texts.refused)
    return no_memory(err);
  TRY(request->take(request->take_to, state->table, err));
  state->table->rows_count = 0;
  ds_arena_reset(&state->texts);
  return DS_OK;
}

// The cells of `count` more rows, at most CHUNK_ROWS, all of which the caller fills.
static ds_code rows_add(features_state *state, uint32_t count, ds_cell **ret_cells,
                        ds_error *err) {
  ds_table *table = state->table;
  if (state->asked->request->take == NULL) {
    const size_t before = table->rows_count;
    for (uint32_t r = 0; r < count; r++)
      if (ds_table_row(state->asked->result, table) == NULL)
        return no_memory(err);
    *ret_cells = table->cells + before * table->columns_count;
    return DS_OK;
  }
  if (table->rows_count + count > CHUNK_ROWS)
    TRY(flush(state, err));
  *ret_cells = table->cells + (size_t)table->rows_count * table->columns_count;
  table->rows_count += count;
  return DS_OK;
}

static bool is_present(const ds_case_values *values, uint32_t v) {
  return (values->present[v / 64] >> (v % 64) & 1) != 0;
}

static ds_cell cell_of(const ds_case_values *values, uint32_t v, ds_result *result) {
  char text[32];
  switch (values->type) {
  case DS_TYPE_BOOL: return ds_cell_i64((int64_t)(values->yes[v / 64] >> (v % 64) & 1));
  case DS_TYPE_NUMBER: return ds_cell_double(values->number[v]);
  case DS_TYPE_TIME: return ds_cell_i64(values->i[v]);
  case DS_TYPE_DURATION: return ds_cell_double((double)values->i[v]);
  case DS_TYPE_DATE: return ds_cell_text(result, ds_str_of(ds_date_print(text, values->i[v])));
  default: return ds_cell_text(result, values->text[v]);
  }
}

// One feature of `count` rows, from entry v on; cells of a column are `width` apart.
static void put_column(const ds_case_values *values, uint32_t v, uint32_t count, ds_cell *cell,
                       uint32_t width, ds_result *result) {
  if (values->type == DS_TYPE_NUMBER) // most are
    for (uint32_t r = 0; r < count; r++, cell += width)
      *cell = is_present(values, v + r) ? ds_cell_double(values->number[v + r]) : ds_cell_null();
  else
    for (uint32_t r = 0; r < count; r++, cell += width)
      *cell = is_present(values, v + r) ? cell_of(values, v + r, result) : ds_cell_null();
}

// The rows of `count` journeys from j on, at most CHUNK_ROWS, whose values are entries from v on.
static ds_code put_rows(features_state *state, const ds_block *block, uint32_t j, uint32_t count,
                        int64_t at_ms, const ds_case_values *values, uint32_t v, ds_error *err) {
  const features_asked *asked = state->asked;
  const bool held = asked->request->take == NULL; // rows outlive the block
  const uint32_t width = asked->columns_count;
  ds_result *result = held ? asked->result : &state->chunk;
  ds_cell *cell = NULL;
  TRY(rows_add(state, count, &cell, err));
  for (uint32_t r = 0; r < count; r++) {
    ds_cell *who = cell + (size_t)r * width;
    *who++ = held ? ds_cell_text(result, block->subject[j + r])
                  : (ds_cell){.text = block->subject[j + r]};
    if (asked->plan.has_case)
      *who++ = held ? ds_cell_text(result, block->case_text[j + r])
                    : (ds_cell){.text = block->case_text[j + r]};
    if (asked->has_at)
      *who++ = ds_cell_i64(at_ms);
    if (asked->row != NULL)
      *who = ds_cell_i64(state->instants.line);
  }
  cell += width - asked->count;
  for (uint32_t f = 0; f < asked->count; f++)
    put_column(&values[f], v, count, cell + f, width, result);
  return result->arena->refused ? no_memory(err) : DS_OK;
}

// --- rows at instants of their own

// Whether something that had happened by an instant was received after it.
static bool is_late(const ds_block *block, uint32_t j, int64_t at_ms) {
  bool late = false;
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1] && block->time_ms[e] <= at_ms; e++)
    late |= block->received_ms[e] > at_ms;
  return late;
}

static bool any_late(const ds_block *block, uint32_t j) {
  bool late = false;
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++)
    late |= block->received_ms[e] > block->time_ms[e];
  return late;
}

// Marks one journey.
static ds_code mark_one(const void *context, const ds_block *block, uint64_t *keep,
                        ds_error *err) {
  const uint32_t j = *(const uint32_t *)context;
  (void)err;
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++)
    keep[e / 64] |= 1ull << (e % 64);
  return DS_OK;
}

// The row of what was known at an instant: of what had happened by then only what was received.
static ds_code put_known(features_state *state, const ds_block *block, uint32_t j, int64_t at_ms,
                         ds_error *err) {
  features_instants *in = &state->instants;
  const ds_choice one = {mark_one, &j};
  const ds_cut cut = {.has_time = true, .has_received = true, .time_ms = at_ms,
                      .received_ms = at_ms};
  const ds_block *alone = NULL, *known = NULL;
  const ds_case_values *values = NULL;
  uint64_t *keep = NULL;
  TRY(ds_stage_choice(&in->alone, &one, block, &alone, err));
  TRY(ds_stage_select(&in->known, &cut, NULL, alone, &keep, err));
  TRY(ds_stage_compact(&in->known, alone, &known, err));
  if (known->journeys == 0) {
    state->unknown++;
    return DS_OK;
  }
  TRY(ds_case_begin(in->evaluator, known, err));
  TRY(ds_case_evaluate(in->evaluator, at_ms, &values, err));
  return put_rows(state, block, j, 1, at_ms, values, 0, err);
}

// The row of one instant of a journey; none when nothing of it was there or known by then.
static ds_code put_instant(features_state *state, const ds_block *block, uint32_t j, int64_t at_ms,
                           bool late, ds_error *err) {
  const ds_case_values *values = NULL;
  if (late && is_late(block, j, at_ms))
    return put_known(state, block, j, at_ms, err);
  if (block->time_ms[block->offset[j]] > at_ms) {
    state->unknown++;
    return DS_OK;
  }
  TRY(ds_case_evaluate_at(state->evaluator, j, at_ms, &values, err));
  return put_rows(state, block, j, 1, at_ms, values, 0, err);
}

static ds_code add_instants(features_state *state, const ds_block *block, ds_error *err) {
  features_instants *in = &state->instants;
  const uint32_t words = block->events / 64u + 1;
  if (words > in->anchors_capacity) {
    free(in->anchors);
    in->anchors = calloc(words, sizeof *in->anchors);
    in->anchors_capacity = in->anchors == NULL ? 0 : words;
    if (in->anchors == NULL)
      return no_memory(err);
  }
  TRY(ds_evaluator_run(in->anchor, block, in->anchors, err));
  for (uint32_t j = 0; j < block->journeys; j++) {
    const bool late = any_late(block, j);
    int64_t before_ms = INT64_MIN;
    for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
      const int64_t at_ms = block->time_ms[e];
      if ((in->anchors[e / 64] >> (e % 64) & 1) == 0 || at_ms == before_ms)
        continue;
      before_ms = at_ms;
      TRY(put_instant(state, block, j, at_ms, late, err));
    }
  }
  return DS_OK;
}

// The first of the file's rows about somebody.
static uint32_t first_row(const features_asked *asked, uint32_t who) {
  uint32_t low = 0, high = asked->rows;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (asked->row[middle].who < who)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// Rows that a file asks for of each journey.
static ds_code add_rows(features_state *state, const ds_block *block, ds_error *err) {
  const features_asked *asked = state->asked;
  const ds_instants *file = asked->request->instants;
  features_instants *in = &state->instants;
  for (uint32_t j = 0; j < block->journeys; j++) {
    const uint32_t who = file->of_cases ? ds_names_find(&file->who, block->case_text[j])
                                        : block->customer[j];
    if (who == DS_NONE)
      continue;
    const bool late = any_late(block, j);
    for (uint32_t r = first_row(asked, who); r < asked->rows && asked->row[r].who == who; r++) {
      in->line = asked->row[r].line;
      in->met++;
      TRY(put_instant(state, block, j, asked->row[r].time_ms, late, err));
    }
  }
  return DS_OK;
}

static ds_code state_add(void *memory, const ds_block *block, ds_error *err) {
  features_state *state = memory;
  const features_asked *asked = state->asked;
  const ds_case_values *values = NULL;
  if (asked->request->take == NULL && asked->result->arena->used_bytes > asked->bytes_max)
    return ds_fail(err, DS_MEMORY, "the features do not fit into memory: write them to a file "
                   "that takes them row by row, -o FILE.csv or FILE.parquet");
  TRY(ds_case_begin(state->evaluator, block, err));
  if (asked->has_at) {
    TRY(asked->at == NULL ? add_rows(state, block, err) : add_instants(state, block, err));
    return flush(state, err);
  }
  TRY(ds_case_evaluate(state->evaluator, asked->request->as_of_ms, &values, err));
  for (uint32_t j = 0; j < block->journeys; j += CHUNK_ROWS) {
    const uint32_t left = block->journeys - j;
    TRY(put_rows(state, block, j, left < CHUNK_ROWS ? left : CHUNK_ROWS, 0, values, j, err));
  }
  return flush(state, err);
}

static ds_code state_merge(void *memory, void *other, ds_error *err) {
  (void)memory;
  (void)other;
  (void)err;
  return DS_OK;
}

// One thread: rows go one way, in the order of the store.
static const ds_kernel kernel = {"features", sizeof(features_state), state_init,
                                 state_add,  state_merge,            state_done};

// What rows are sorted by: customer, case, instant, line of a file.
enum { ROW_KEYS = 4 };

static int by_name(const void *a, const void *b) {
  const ds_cell *x = *(ds_cell *const *)a, *y = *(ds_cell *const *)b;
  int order = ds_str_compare(x[0].text, y[0].text);
  order = order != 0 ? order : ds_str_compare(x[1].text, y[1].text);
  order = order != 0 ? order : (x[2].i > y[2].i) - (x[2].i < y[2].i);
  return order != 0 ? order : (x[3].i > y[3].i) - (x[3].i < y[3].i);
}

// Whatever the order in the store.
static ds_code sort_rows(const features_asked *asked, ds_table *table, ds_error *err) {
  const uint32_t width = table->columns_count, rows = table->rows_count;
  const uint32_t of_case = asked->plan.has_case ? 1 : 0; // else the customer once more
  ds_arena *arena = asked->request->arena;
  ds_cell **row = ds_arena_array(arena, rows + 1u, sizeof *row);
  ds_cell *keys = ds_arena_array(arena, (size_t)rows * (width + ROW_KEYS) + 1, sizeof *keys);
  if (row == NULL || keys == NULL)
    return no_memory(err);
  for (uint32_t r = 0; r < rows; r++) {
    const ds_cell *from = table->cells + (size_t)r * width;
    row[r] = keys + (size_t)r * (width + ROW_KEYS);
    row[r][0] = from[0];
    row[r][1] = from[of_case];
    row[r][2] = asked->has_at ? from[of_case + 1] : ds_cell_i64(0);
    row[r][3] = asked->row != NULL ? from[of_case + 2] : ds_cell_i64(0);
    memcpy(row[r] + ROW_KEYS, from, width * sizeof *from);
  }
  if (rows > 0)
    qsort(row, rows, sizeof *row, by_name);
  for (uint32_t r = 0; r < rows; r++)
    memcpy(table->cells + (size_t)r * width, row[r] + ROW_KEYS, width * sizeof **row);
  return DS_OK;
}

#define AT_INSTANT                                                                              \
  "What each customer, or with --case each case, gives at as_of: nothing that happened later "  \
  "is seen, and with --as-of nothing that was received later (--known-at)."
#define AT_INSTANTS                                                                             \
  "What each customer, or with --case each case, gave at each instant of --at: "                \
  "nothing that happened later is seen, and nothing that was received later. Who is whom is "   \
  "as of --known-at, else of today."

static void note_unknown(const features_state *state, ds_result *result) {
  const features_asked *asked = state->asked;
  const uint64_t left_out = asked->row == NULL ? 0 : asked->rows - state->instants.met;
  char count[32];
  if (state->unknown > 0)
    ds_result_note(result, false, "%s instant%s left out: nothing of the case had been received by "
                   "then.", ds_human_count(count, state->unknown), state->unknown == 1 ? "" : "s");
  // A case that several customers share has more rows than the file.
  if (asked->row != NULL && asked->rows > state->instants.met)
    ds_result_note(result, asked->request->instants->of_cases, "%s row%s of %s left out: %s",
                   ds_human_count(count, left_out), left_out == 1 ? "" : "s",
                   asked->request->instants->name, asked->request->instants->of_cases
                       ? "there is no such case, or it is not asked about."
                       : "the customer is not asked about.");
}

static int by_row(const void *a, const void *b) {
  const ds_instant *x = a, *y = b;
  if (x->who != y->who)
    return x->who < y->who ? -1 : 1;
  if (x->time_ms != y->time_ms)
    return x->time_ms < y->time_ms ? -1 : 1;
  return (x->line > y->line) - (x->line < y->line);
}

// Leaves the rows out whose identifier nobody has, which is told, and those behind --as-of.
static ds_code keep_rows(features_asked *asked, const uint32_t *customer, ds_instant *row,
                         ds_result *result, ds_error *err) {
  const ds_instants *file = asked->request->instants;
  const bool has_end = ds_option_get(&asked->request->options, "as-of") != NULL;
  uint64_t unknown = file->unknown, later = 0;
  uint32_t line = file->unknown > 0 ? file->unknown_line : UINT32_MAX;
  char count[32];
  for (uint32_t r = 0; r < file->count; r++) {
    ds_instant one = file->row[r];
    one.who = customer == NULL ? one.who : customer[one.who];
    if (has_end && one.time_ms > asked->request->as_of_ms) {
      later++;
      continue;
    }
    unknown += one.who == DS_NONE;
    line = one.who == DS_NONE && one.line < line ? one.line : line;
    if (one.who != DS_NONE)
      row[asked->rows++] = one;
  }
  if (asked->rows == 0 && later == 0)
    return ds_fail(err, DS_INPUT, "%.200s line %u: nobody has this identifier, nor that of any "
                   "other line; write kind=text where the column is not called like the kind",
                   file->name, line);
  if (unknown > 0)
    ds_result_note(result, true, "%s row%s of %s left out: nobody has the identifier, first that "
                   "of line %u.", ds_human_count(count, unknown), unknown == 1 ? "" : "s",
                   file->name, line);
  if (later > 0)
    ds_result_note(result, false, "%s row%s of %s left out: later than as_of.",
                   ds_human_count(count, later), later == 1 ? "" : "s", file->name);
  return DS_OK;
}

// The file's rows, as the scan meets them.
static ds_code find_rows(features_asked *asked, ds_arena *arena, ds_result *result, ds_error *err) {
  const ds_request *request = asked->request;
  const ds_instants *file = request->instants;
  if (file == NULL)
    return DS_OK;
  ds_instant *row = ds_arena_array(arena, file->count + 1u, sizeof *row);
  uint32_t *customer = file->of_cases ? NULL
                                      : ds_arena_array(arena, file->who.count + 1u,
                                                       sizeof *customer);
  if (row == NULL || (customer == NULL && !file->of_cases))
    return no_memory(err);
  if (customer != NULL)
    TRY(ds_subjects_customers(request->snapshot, &file->who, request->memory_bytes,
                              request->progress, customer, err));
  TRY(keep_rows(asked, customer, row, result, err));
  if (asked->rows > 1)
    qsort(row, asked->rows, sizeof *row, by_row);
  asked->row = row;
  return DS_OK;
}

static ds_code answer(features_asked *asked, ds_arena *arena, ds_result *result, ds_error *err) {
  const ds_request *request = asked->request;
  ds_plan *plan = &asked->plan;
  void *memory = NULL;
  TRY(features_read(request, asked, err));
  ds_table *table = ds_result_table(result, "features", "Features", asked->columns,
                                    asked->columns_count);
  if (table == NULL)
    return no_memory(err);
  table->bar = "";
  result->definition = asked->has_at ? AT_INSTANTS : AT_INSTANT;
  if (asked->program == NULL)
    return DS_OK;
  asked->result = result;
  asked->bytes_max = request->memory_bytes / 3;
  plan->columns.want |=
      DS_WANT_TIME | DS_WANT_SUBJECT | (asked->has_at ? (uint32_t)DS_WANT_RECEIVED : 0u);
  plan->want_case_text = plan->has_case;
  plan->threads = 1;
  TRY(ds_property_types_set(request->snapshot, &plan->columns, request->arena, err));
  TRY(ds_case_program_columns(asked->program, &plan->columns, request->arena, err));
  if (asked->at != NULL)
    TRY(ds_expression_columns(asked->at, &plan->columns, request->arena, err));
  asked->kept = plan->columns;
  TRY(ds_question_note_types(request, plan, result, err));
  ds_question_note_facts(request, plan, result);
  TRY(find_rows(asked, arena, result, err));
  TRY(ds_scan(request->snapshot, plan, &kernel, asked, arena, &memory, err));
  note_unknown(memory, result);
  kernel.done(memory);
  return request->take == NULL ? sort_rows(asked, table, err) : DS_OK;
}

// Features are what was known then: with --as-of, and without --known-at, nothing received later.
static ds_code known_view(const ds_request *request, ds_request *ret_asked, ds_snapshot *view,
                          ds_error *err) {
  int64_t ms = 0;
  ds_cut cut = request->snapshot->cut;
  *ret_asked = *request;
  if (cut.has_received || !ds_question_time(request, "as-of", &ms))
    return DS_OK;
  cut.has_received = true;
  cut.received_ms = ms;
  TRY(ds_snapshot_cut(request->snapshot, &cut, request->threads, request->memory_bytes, view,
                      err));
  ret_asked->snapshot = view;
  return DS_OK;
}

ds_code ds_features_answer(const ds_request *request, ds_result *result, ds_error *err) {
  ds_request seen;
  ds_snapshot view;
  ds_arena arena;
  TRY(known_view(request, &seen, &view, err));
  features_asked asked = {.request = &seen};
  ds_arena_init(&arena, request->memory_bytes);
  const ds_code code = answer(&asked, &arena, result, err);
  if (code == DS_OK && seen.snapshot != request->snapshot)
    ds_result_option(result, "known-at", "%s", ds_option_get(&request->options, "as-of"));
  ds_arena_done(&arena);
  if (seen.snapshot != request->snapshot)
    ds_snapshot_done(&view);
  return code;
}

// --- SQL

// A feature as it stands in the table.
static ds_code put_feature(const features_asked *asked, uint32_t feature, ds_buf *out,
                           ds_error *err) {
  static const char *const around[DS_TYPES_COUNT][2] = {
      [DS_TYPE_BOOL] = {"(", ")::INTEGER"}, [DS_TYPE_TIME] = {"epoch_ms(", ")"},
      [DS_TYPE_DATE] = {"(", ")::VARCHAR"}};
  const char *const *put = around[ds_case_rule_type(asked->program, feature)];
  ds_buf_text(out, put[0] == NULL ? ", (" : ", ");
  ds_buf_text(out, put[0] == NULL ? "" : put[0]);
  TRY(ds_case_rule_sql(asked->program, feature, out, err));
  ds_buf_text(out, put[0] == NULL ? ")" : put[1]);
  ds_buf_text(out, " AS ");
  ds_sql_put_name(out, asked->names[feature]);
  return DS_OK;
}

static ds_code put_sql(features_asked *asked, ds_buf *out, ds_error *err) {
  TRY(features_read(asked->request, asked, err));
  if (asked->request->instants != NULL)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --at of a file");
  if (asked->program == NULL)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: there are no events to name");
  if (asked->plan.has_case)
    TRY(ds_sql_cases(asked->request, &asked->plan, NULL, 0, out, err));
  else
    TRY(ds_sql_events(asked->request, &asked->plan, out, err));
  TRY(ds_case_sql(asked->program, asked->request->as_of_ms, asked->at, "chosen", out, err));
  ds_buf_printf(out, " SELECT customer%s%s", asked->plan.has_case ? ", of_case AS \"case\"" : "",
                asked->has_at ? ", of_now AS \"at\"" : "");
  for (uint32_t f = 0; f < asked->count; f++)
    TRY(put_feature(asked, f, out, err));
  ds_buf_printf(out, " FROM facts0 ORDER BY customer, of_case%s;\n",
                asked->has_at ? ", of_now" : "");
  return ds_buf_check(out, "an SQL text", err);
}

ds_code ds_features_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  ds_request seen;
  ds_snapshot view;
  TRY(known_view(request, &seen, &view, err));
  features_asked asked = {.request = &seen};
  const ds_code code = put_sql(&asked, out, err);
  if (seen.snapshot != request->snapshot)
    ds_snapshot_done(&view);
  return code;
}
