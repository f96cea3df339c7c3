// SPDX-License-Identifier: Apache-2.0
// `features`: a row per customer or case, a column per named expression, at an instant. Rows are
// made block by block, so that they can go on to a file without ever being together in memory.
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "question/common.h"
#include "question/sql.h"
#include "scan/property_types.h"

enum { FEATURES_MAX = 256, CHUNK_ROWS = 2048 };

const ds_option ds_features_options[] = {
    {"feature", DS_OPTION_ARGUMENTS, "[NAME=]EXPR...", "", NULL,
     "what is asked of each customer or case: 'orders=count(order_placed)' 'lapsed=segment(...)'; "
     "up to 256"},
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
  ds_result *result; // takes the rows, unless the request has a taker
  size_t bytes_max;
} features_asked;

typedef struct features_state {
  const features_asked *asked;
  ds_case_evaluator *evaluator;
  ds_arena arena; // of one chunk of rows
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
    if (why.file == NULL && why.column > 0) {
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
        strcmp(asked->names[number], f == 0 ? "customer" : "case") == 0)
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
  if (asked->plan.has_case && ds_case_program_reads_keys(asked->program))
    return ds_fail(err, DS_UNSUPPORTED, "with --case a journey is one case already, and its events "
                   "have no case keys: leave --case out, or any_case() and case keys");
  return DS_OK;
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
  asked->columns = ds_arena_array(asked->request->arena, asked->count + 2u,
                                  sizeof *asked->columns);
  if (asked->columns == NULL)
    return no_memory(err);
  for (uint32_t c = 0; c < (asked->plan.has_case ? 2u : 1u); c++)
    asked->columns[asked->columns_count++] = who[c];
  for (uint32_t f = 0; f < asked->count; f++)
    asked->columns[asked->columns_count++] = column_of(asked, f);
  return DS_OK;
}

// All but the columns of the scan.
static ds_code features_read(const ds_request *request, features_asked *asked, ds_error *err) {
  asked->request = request;
  TRY(ds_option_refuse(&request->options, "features", (const char *const[]){"by"}, 1, err));
  if (ds_option_get(&request->options, "list") != NULL)
    return ds_fail(err, DS_USAGE, "features takes no --list: its rows are customers or cases; "
                   "doorstep timeline CUSTOMER shows the events of one");
  TRY(ds_question_plan(request, &asked->plan, err));
  TRY(read_features(asked, err));
  TRY(make_columns(asked, err));
  return ds_plan_leave_unasked(request, asked->program, &asked->plan, err);
}

// --- rows

static ds_code state_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  features_state *state = memory;
  state->asked = context;
  ds_arena_init(&state->arena, (size_t)256 << 20);
  return ds_case_evaluator_new(state->asked->program, &state->asked->plan.columns,
                               &state->evaluator, err);
}

static void state_done(void *memory) {
  features_state *state = memory;
  ds_case_evaluator_free(state->evaluator);
  state->evaluator = NULL;
  ds_arena_done(&state->arena);
}

static ds_cell cell_of(const ds_case_values *values, uint32_t j, ds_result *result) {
  char text[32];
  if ((values->present[j / 64] >> (j % 64) & 1) == 0)
    return ds_cell_null();
  switch (values->type) {
  case DS_TYPE_BOOL: return ds_cell_i64((int64_t)(values->yes[j / 64] >> (j % 64) & 1));
  case DS_TYPE_NUMBER: return ds_cell_double(values->number[j]);
  case DS_TYPE_TIME: return ds_cell_i64(values->i[j]);
  case DS_TYPE_DURATION: return ds_cell_double((double)values->i[j]);
  case DS_TYPE_DATE: return ds_cell_text(result, ds_str_of(ds_date_print(text, values->i[j])));
  default: return ds_cell_text(result, values->text[j]);
  }
}

static ds_code put_rows(const features_asked *asked, const ds_block *block, uint32_t first,
                        uint32_t end, const ds_case_values *values, ds_result *result,
                        ds_table *table, ds_error *err) {
  for (uint32_t j = first; j < end; j++) {
    ds_cell *cell = ds_table_row(result, table);
    if (cell == NULL)
      return no_memory(err);
    *cell++ = ds_cell_text(result, block->subject[j]);
    if (asked->plan.has_case)
      *cell++ = ds_cell_text(result, block->case_text[j]);
    for (uint32_t f = 0; f < asked->count; f++)
      *cell++ = cell_of(&values[f], j, result);
  }
  return result->arena->refused ? no_memory(err) : DS_OK;
}

static ds_code state_add(void *memory, const ds_block *block, ds_error *err) {
  features_state *state = memory;
  const features_asked *asked = state->asked;
  const ds_request *request = asked->request;
  const ds_case_values *values = NULL;
  TRY(ds_case_begin(state->evaluator, block, err));
  TRY(ds_case_evaluate(state->evaluator, request->as_of_ms, &values, err));
  if (request->take == NULL) {
    ds_result *result = asked->result;
    if (result->arena->used_bytes > asked->bytes_max)
      return ds_fail(err, DS_MEMORY, "the features do not fit into memory: write them to a file "
                     "that takes them row by row, -o FILE.csv or FILE.parquet");
    return put_rows(asked, block, 0, block->journeys, values, result, &result->tables[0], err);
  }
  for (uint32_t first = 0; first < block->journeys; first += CHUNK_ROWS) {
    const uint32_t left = block->journeys - first;
    ds_result chunk;
    ds_arena_reset(&state->arena);
    ds_result_init(&chunk, &state->arena, "features");
    ds_table *table = ds_result_table(&chunk, "features", "", asked->columns,
                                      asked->columns_count);
    TRY(put_rows(asked, block, first, first + (left < CHUNK_ROWS ? left : CHUNK_ROWS), values,
                 &chunk, table, err));
    TRY(request->take(request->take_to, table, err));
  }
  return DS_OK;
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

static int by_name(const void *a, const void *b) {
  const ds_cell *x = *(ds_cell *const *)a, *y = *(ds_cell *const *)b;
  const int order = ds_str_compare(x[0].text, y[0].text);
  return order != 0 ? order : ds_str_compare(x[1].text, y[1].text);
}

// By customer, then case, whatever the order in the store.
static ds_code sort_rows(const features_asked *asked, ds_table *table, ds_error *err) {
  const uint32_t width = table->columns_count, rows = table->rows_count;
  ds_arena *arena = asked->request->arena;
  ds_cell **row = ds_arena_array(arena, rows + 1u, sizeof *row);
  // Compared by two texts; without cases the second is the first again.
  ds_cell *keys = ds_arena_array(arena, (size_t)rows * (width + 2u) + 1, sizeof *keys);
  if (row == NULL || keys == NULL)
    return no_memory(err);
  for (uint32_t r = 0; r < rows; r++) {
    const ds_cell *from = table->cells + (size_t)r * width;
    row[r] = keys + (size_t)r * (width + 2u);
    row[r][0] = from[0];
    row[r][1] = from[asked->plan.has_case ? 1 : 0];
    memcpy(row[r] + 2, from, width * sizeof *from);
  }
  if (rows > 0)
    qsort(row, rows, sizeof *row, by_name);
  for (uint32_t r = 0; r < rows; r++)
    memcpy(table->cells + (size_t)r * width, row[r] + 2, width * sizeof **row);
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
  result->definition = "What each customer, or with --case each case, gives at as_of: nothing "
                       "that happened later is seen, and with --as-of nothing that was received "
                       "later (--known-at).";
  if (asked->program == NULL)
    return DS_OK;
  asked->result = result;
  asked->bytes_max = request->memory_bytes / 3;
  plan->columns.want |= DS_WANT_TIME | DS_WANT_SUBJECT;
  plan->want_case_text = plan->has_case;
  plan->threads = 1;
  TRY(ds_property_types_set(request->snapshot, &plan->columns, request->arena, err));
  TRY(ds_case_program_columns(asked->program, &plan->columns, request->arena, err));
  TRY(ds_question_note_types(request, plan, result, err));
  ds_question_note_facts(request, plan, result);
  TRY(ds_scan(request->snapshot, plan, &kernel, asked, arena, &memory, err));
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
  if (asked->program == NULL)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: there are no events to name");
  if (asked->plan.has_case)
    TRY(ds_sql_cases(asked->request, &asked->plan, NULL, 0, out, err));
  else
    TRY(ds_sql_events(asked->request, &asked->plan, out, err));
  TRY(ds_case_sql(asked->program, asked->request->as_of_ms, "chosen", out, err));
  ds_buf_printf(out, " SELECT customer%s", asked->plan.has_case ? ", of_case AS \"case\"" : "");
  for (uint32_t f = 0; f < asked->count; f++)
    TRY(put_feature(asked, f, out, err));
  ds_buf_text(out, " FROM facts0 ORDER BY customer, of_case;\n");
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
