// SPDX-License-Identifier: Apache-2.0
#include "ingest/xes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/map.h"
#include "ingest/names.h"
#include "ingest/xml.h"

enum {
  NAMES_MAX = DS_PLAN_COLUMNS_MAX,
  PATH_DEPTH_MAX = 3,
  LIST_DEPTH_MAX = 24,
  TRACE_BYTES_MAX = 8 << 20,  // of one trace's attributes
  LIST_BYTES_MAX = 8 << 20,   // of one list as JSON
  SAMPLE_BYTES_MAX = 64 << 20,
};

// The kinds of attributes. DuckDB's name of the type is how columns are told elsewhere.
typedef struct kind {
  const char *element;
  const char *duck_type; // NULL: has no value of its own
} kind;
static const kind kinds[] = {
    {"string", "VARCHAR"}, {"date", "TIMESTAMP WITH TIME ZONE"}, {"int", "DOUBLE"},
    {"float", "DOUBLE"},   {"boolean", "BOOLEAN"},               {"id", "VARCHAR"},
    {"list", NULL},        {"container", NULL},
};
enum { KIND_LIST = 6, KIND_CONTAINER = 7, KINDS = sizeof kinds / sizeof *kinds };

// Where the parser is.
typedef enum place { IN_LOG, IN_TRACE, IN_EVENT, IN_ATTRIBUTE, IN_LIST, IN_OTHER } place;

// A column as it is met: `column` of the plan, DS_NONE = not asked for yet.
typedef struct met {
  const char *duck_type;
  uint32_t column;
} met;

// A trace's attribute, to be set on each of its events.
typedef struct trace_cell {
  uint32_t column;
  uint32_t offset; // of its text in trace_texts
  uint32_t size;
  uint64_t drains; // of the rows when `copy` was made
  ds_str copy;
} trace_cell;

typedef struct xes {
  const ds_source *file;
  const ds_rows_job *job; // NULL while only looking
  ds_rows rows;
  uint64_t line;
  place places[DS_XML_DEPTH_MAX];
  uint32_t depth;
  const char *elements[KINDS]; // as the parser names them
  uint32_t list_depth; // where the list lies that becomes JSON, 0 = none
  uint32_t items;      // of the list that are open, one in the other
  uint64_t nested;     // bit d: the list's item d levels down has an array of its own open
  uint32_t path_size[PATH_DEPTH_MAX]; // of `path` before each component; of all of it: path_end
  uint32_t path_depth;
  uint32_t path_end;
  char trace[DS_NAME_BYTES_MAX]; // the column that the traces' names are, "" = the usual one
  char path[DS_NAME_BYTES_MAX];
  bool path_long;
  ds_names names;
  met mets[NAMES_MAX];
  uint32_t guess[NAMES_MAX]; // events mostly name the same attributes in the same order
  uint32_t position;         // of the attribute in its event
  trace_cell cells[NAMES_MAX];
  uint32_t cells_count;
  ds_buf trace_texts;
  ds_buf list;
  ds_json json;
  uint64_t trace_events;
  uint64_t empty_traces;
  ds_arena *sample_arena; // while looking
  ds_str *sample[DS_SAMPLE_ROWS];
  ds_str trace_sample[NAMES_MAX];
  uint32_t sample_rows;
  const ds_str *wanted; // columns that must be found, if they are anywhere
  uint32_t wanted_count;
  uint32_t sample_row;
  bool seeking; // the sample is full, and only they are looked for
  bool sought;  // the event has one of them
  bool declared; // the first row of the sample is an export's own, of no event
} xes;

static ds_code refuse(xes *x, const char *what, ds_error *err) {
  return ds_fail_at(err, DS_INPUT, (uint32_t)x->line, 0, "%s line %" PRIu64 ": %s",
                    x->file->name, x->line, what);
}

static ds_code leave_out(xes *x, const char *column, ds_reason reason, ds_error *err) {
  return x->job == NULL ? DS_OK
                        : ds_rows_refuse(x->job, x->rows.rows + 1, column, reason, err);
}

static bool in_event(const xes *x) {
  return x->depth > 1 && (x->places[1] == IN_EVENT || (x->depth > 2 && x->places[2] == IN_EVENT));
}

// --- looking: the first events as a table of texts

static bool is_wanted(const xes *x, ds_str name) {
  for (uint32_t i = 0; i < x->wanted_count; i++)
    if (ds_str_equal_nocase(x->wanted[i], name))
      return true;
  return false;
}

static bool wanted_are_met(const xes *x) {
  for (uint32_t i = 0; i < x->wanted_count; i++) {
    uint32_t name = 0;
    while (name < x->names.count && !ds_str_equal_nocase(x->wanted[i], x->names.text[name]))
      name++;
    if (name == x->names.count)
      return false;
  }
  return true;
}

// While seeking, a row may hold values of several events: each column is judged by itself.
static ds_code sample_set(xes *x, uint32_t name, ds_str value, ds_error *err) {
  ds_str *cell = in_event(x) || x->seeking ? &x->sample[x->sample_row][name]
                                           : &x->trace_sample[name];
  // Like DuckDB's sample: what is longer is not needed to judge it.
  const uint32_t size = value.size < 256 ? value.size : 256;
  *cell = (ds_str){ds_arena_text(x->sample_arena, value.data, size), size};
  x->sought = true;
  return cell->data == NULL ? ds_fail(err, DS_MEMORY, "out of memory reading %s", x->file->name)
                            : DS_OK;
}

static ds_code sample_begin(xes *x, ds_error *err) {
  if (x->seeking)
    return DS_OK;
  x->sample[x->sample_row] = ds_arena_array(x->sample_arena, NAMES_MAX, sizeof(ds_str));
  if (x->sample[x->sample_row] == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading %s", x->file->name);
  memcpy(x->sample[x->sample_row], x->trace_sample, sizeof x->trace_sample);
  return DS_OK;
}

// --- columns

static ds_code name_find(xes *x, ds_str name, const kind *of, uint32_t *ret_name,
                         ds_error *err) {
  const uint32_t guess = x->guess[x->position];
  if (guess < x->names.count && ds_str_equal(x->names.text[guess], name)) {
    *ret_name = guess;
    return DS_OK;
  }
  const uint32_t before = x->names.count;
  const ds_code code = ds_names_add(&x->names, name, ret_name, err);
  if (code == DS_LIMIT)
    return ds_fail(err, code, "%s line %" PRIu64 ": more than %d different attributes",
                   x->file->name, x->line, NAMES_MAX);
  TRY(code);
  met *m = &x->mets[*ret_name];
  if (x->names.count > before)
    *m = (met){of->duck_type, DS_NONE};
  else if (x->job == NULL && strcmp(m->duck_type, of->duck_type) != 0)
    m->duck_type = "VARCHAR"; // this here, that there: text
  x->guess[x->position] = *ret_name;
  return DS_OK;
}

static ds_code column_find(xes *x, uint32_t name, uint32_t *ret_column, ds_error *err) {
  met *m = &x->mets[name];
  if (m->column == DS_NONE) {
    const ds_input_column column = {
        .name = x->names.text[name],
        .type = ds_plan_type(ds_str_of(m->duck_type)),
        .zoned = true,
        .duck_type = ds_str_of(m->duck_type),
    };
    TRY(ds_rows_column(&x->rows, &column, false, &m->column, err));
  }
  *ret_column = m->column;
  return DS_OK;
}

static ds_code trace_set(xes *x, uint32_t column, ds_str value, ds_error *err) {
  for (uint32_t i = 0; i < x->cells_count; i++)
    if (x->cells[i].column == column)
      return leave_out(x, x->rows.plan->columns[column].name, DS_REASON_TWICE, err);
  x->cells[x->cells_count++] =
      (trace_cell){.column = column, .offset = (uint32_t)x->trace_texts.size,
                   .size = value.size};
  ds_buf_append(&x->trace_texts, value.data, value.size);
  return ds_buf_check(&x->trace_texts, "the attributes of a trace", err);
}

// One attribute, by its whole path, goes where it belongs.
static ds_code value_set(xes *x, const kind *of, ds_str value, ds_error *err) {
  uint32_t name;
  if (x->path_long)
    return leave_out(x, "", DS_REASON_LONG_VALUE, err);
  if (x->seeking && !is_wanted(x, (ds_str){x->path, x->path_end}))
    return DS_OK;
  TRY(name_find(x, (ds_str){x->path, x->path_end}, of, &name, err));
  if (x->position + 1 < NAMES_MAX)
    x->position++;
  if (x->job == NULL)
    return sample_set(x, name, value, err);
  uint32_t column;
  bool twice = false;
  TRY(column_find(x, name, &column, err));
  if (!in_event(x))
    return trace_set(x, column, value, err);
  TRY(ds_rows_set(&x->rows, column, value, NULL, &twice, err));
  return twice ? leave_out(x, x->rows.plan->columns[column].name, DS_REASON_TWICE, err) : DS_OK;
}

// --- lists, and what lies deeper than the path may be: JSON text

static void json_value(xes *x, const kind *of, ds_str value) {
  ds_value number = {.type = DS_TYPE_NUMBER};
  char text[64];
  if (strcmp(of->duck_type, "DOUBLE") == 0 && ds_str_to_double(value, &number.number))
    ds_json_number(&x->json, (ds_str){text, (uint32_t)ds_value_print(text, 64, &number)});
  else if (strcmp(of->duck_type, "BOOLEAN") == 0)
    ds_json_bool(&x->json, ds_str_equal(value, ds_str_of("true")));
  else
    ds_json_text(&x->json, value);
}

// {"key": …, "value": …, "attributes": […]}, the last only when the item has some.
static ds_code list_item(xes *x, const kind *of, ds_str key, ds_str value, ds_error *err) {
  const uint32_t level = x->items++;
  if (level == LIST_DEPTH_MAX)
    return refuse(x, "a list whose items lie more than 24 deep", err);
  if (level > 0 && (x->nested >> (level - 1) & 1) == 0) {
    ds_json_key(&x->json, "attributes");
    ds_json_begin_array(&x->json);
    x->nested |= UINT64_C(1) << (level - 1);
  }
  x->nested &= ~(UINT64_C(1) << level);
  ds_json_begin_object(&x->json);
  ds_json_key(&x->json, "key");
  ds_json_text(&x->json, key);
  if (of->duck_type != NULL && value.data != NULL) {
    ds_json_key(&x->json, "value");
    json_value(x, of, value);
  }
  return ds_buf_check(&x->list, "a list", err);
}

static void list_item_end(xes *x) {
  x->items--;
  if ((x->nested >> x->items & 1) != 0)
    ds_json_end_array(&x->json);
  ds_json_end_object(&x->json);
}

static void list_begin(xes *x) {
  ds_buf_reset(&x->list);
  x->json = ds_json_to(&x->list, false);
  ds_json_begin_array(&x->json);
  x->list_depth = x->depth;
}

static ds_code list_end(xes *x, ds_error *err) {
  ds_json_end_array(&x->json);
  x->list_depth = 0;
  TRY(ds_buf_check(&x->list, "a list", err));
  return value_set(x, &kinds[0], (ds_str){(const char *)x->list.data, (uint32_t)x->list.size},
                   err);
}

// --- elements

static void path_push(xes *x, ds_str key, bool of_trace) {
  const uint32_t size = x->path_end;
  x->path_size[x->path_depth++] = size;
  const char *prefix = x->path_depth > 1 ? "." : of_trace ? "case:" : "";
  if (of_trace && x->trace[0] != '\0' && ds_str_equal(key, ds_str_of("concept:name"))) {
    prefix = "";
    key = ds_str_of(x->trace);
  }
  const size_t more = strlen(prefix);
  // tidy_name in recognise.c keeps 250 bytes.
  x->path_long |= size + more + key.size > 250;
  if (x->path_long)
    return;
  memcpy(x->path + size, prefix, more);
  memcpy(x->path + size + more, key.data, key.size);
  x->path_end = size + (uint32_t)more + key.size;
}

static void path_pop(xes *x) {
  x->path_end = x->path_size[--x->path_depth];
  if (x->path_depth == 0)
    x->path_long = false;
}

static ds_code push(xes *x, place where, ds_error *err) {
  if (x->depth == DS_XML_DEPTH_MAX)
    return refuse(x, "elements lie more than 64 deep", err);
  x->places[x->depth++] = where;
  return DS_OK;
}

static ds_code attribute_start(xes *x, const kind *of, ds_str key, ds_str value, ds_error *err) {
  if (key.data == NULL || key.size == 0 || (of->duck_type != NULL && value.data == NULL)) {
    TRY(leave_out(x, "", DS_REASON_HALF, err));
    return push(x, IN_OTHER, err);
  }
  if (x->path_depth == PATH_DEPTH_MAX) {
    TRY(leave_out(x, "", DS_REASON_DEEP, err));
    return push(x, IN_OTHER, err);
  }
  path_push(x, key, x->places[x->depth - 1] == IN_TRACE);
  if (of == &kinds[KIND_LIST] ||
      (of == &kinds[KIND_CONTAINER] && x->path_depth == PATH_DEPTH_MAX)) {
    TRY(push(x, IN_LIST, err));
    list_begin(x);
    return DS_OK;
  }
  if (of->duck_type != NULL)
    TRY(value_set(x, of, value, err));
  return push(x, IN_ATTRIBUTE, err);
}

// The trace's attributes stand on each of its events.
static ds_code event_start(xes *x, ds_error *err) {
  TRY(push(x, IN_EVENT, err));
  x->trace_events++;
  x->position = 0;
  if (x->job == NULL)
    return sample_begin(x, err);
  TRY(ds_rows_begin(&x->rows, err));
  for (uint32_t i = 0; i < x->cells_count; i++) {
    trace_cell *cell = &x->cells[i];
    bool twice;
    if (cell->drains == x->rows.drains) {
      ds_rows_share(&x->rows, cell->column, cell->copy);
      continue;
    }
    const ds_str text = {(const char *)x->trace_texts.data + cell->offset, cell->size};
    TRY(ds_rows_set(&x->rows, cell->column, text, &cell->copy, &twice, err));
    cell->drains = x->rows.drains;
  }
  return DS_OK;
}

static void trace_reset(xes *x) {
  x->cells_count = 0;
  x->trace_events = 0;
  x->position = 0;
  ds_buf_reset(&x->trace_texts);
  memset(x->trace_sample, 0, x->job == NULL ? sizeof x->trace_sample : 0);
}

// An export says what its traces are.
static void trace_named(xes *x, ds_str column) {
  if (column.size < sizeof x->trace && x->names.count == 0)
    snprintf(x->trace, sizeof x->trace, "%.*s", DS_STR(column));
}

// The most frequent elements are told by the pointer that they were met under.
static const kind *kind_of(xes *x, ds_str element) {
  for (size_t i = 0; i < KINDS; i++)
    if (element.data == x->elements[i])
      return &kinds[i];
  for (size_t i = 0; i < KINDS; i++)
    if (ds_str_equal(element, ds_str_of(kinds[i].element))) {
      x->elements[i] = element.data;
      return &kinds[i];
    }
  return NULL;
}

static ds_code unknown(xes *x, ds_str name, ds_error *err) {
  char what[96];
  snprintf(what, sizeof what, "<%.*s> is no element of XES here", (int)(name.size % 64),
           name.data);
  return refuse(x, what, err);
}

static ds_code on_start(void *context, ds_str name, const ds_xml_attribute *attributes,
                        uint32_t count, ds_error *err) {
  xes *x = context;
  const kind *of = kind_of(x, name);
  const ds_str key = ds_xml_value(attributes, count, "key");
  const ds_str value = ds_xml_value(attributes, count, "value");
  if (x->depth == 0) {
    if (!ds_str_equal(name, ds_str_of("log")))
      return ds_fail(err, DS_INPUT, "%s is no XES log: its outermost element is <%.*s>",
                     x->file->name, (int)(name.size % 64), name.data);
    return push(x, IN_LOG, err);
  }
  const place above = x->places[x->depth - 1];
  if (x->list_depth > 0) {
    TRY(push(x, of == NULL ? IN_OTHER : IN_LIST, err));
    return of == NULL ? DS_OK : list_item(x, of, key, value, err);
  }
  if (above == IN_OTHER)
    return push(x, IN_OTHER, err);
  if ((above == IN_LOG || above == IN_TRACE) && ds_str_equal(name, ds_str_of("event")))
    return event_start(x, err);
  if (above == IN_LOG) {
    if (of == &kinds[0] && ds_str_equal(key, ds_str_of(DS_NAME_TRACE)))
      trace_named(x, value);
    if (of == &kinds[KIND_CONTAINER] && x->job == NULL && x->sample_row == 0 &&
        ds_str_equal(key, ds_str_of(DS_NAME_COLUMNS))) {
      x->declared = true;
      return event_start(x, err);
    }
    if (!ds_str_equal(name, ds_str_of("trace")))
      return push(x, IN_OTHER, err);
    trace_reset(x);
    return push(x, IN_TRACE, err);
  }
  if (of == NULL)
    return unknown(x, name, err);
  if (!in_event(x) && x->trace_events > 0)
    return refuse(x, "an attribute of the trace stands behind its events, where XES has none",
                  err);
  return attribute_start(x, of, key, value, err);
}

// What is wanted and was not in the sample takes the place of its second half.
static ds_code sample_next(xes *x, ds_error *err) {
  x->sample_row += !x->seeking || x->sought;
  x->sought = false;
  if (!x->seeking)
    x->sample_rows = x->sample_row;
  if (x->sample_row < DS_SAMPLE_ROWS)
    return DS_OK;
  if (wanted_are_met(x))
    return ds_fail(err, DS_NO, "enough");
  x->seeking = true;
  x->sample_row = DS_SAMPLE_ROWS / 2;
  return DS_OK;
}

static ds_code event_end(xes *x, ds_error *err) {
  if (x->job != NULL)
    return ds_rows_end(&x->rows, err);
  return sample_next(x, err);
}

static ds_code on_end(void *context, ds_error *err) {
  xes *x = context;
  const place where = x->places[--x->depth];
  if (x->list_depth > 0 && x->depth >= x->list_depth) {
    if (where == IN_LIST)
      list_item_end(x);
    return DS_OK;
  }
  switch (where) {
  case IN_LIST:
    TRY(list_end(x, err));
    path_pop(x);
    return DS_OK;
  case IN_ATTRIBUTE:
    path_pop(x);
    return DS_OK;
  case IN_EVENT:
    return event_end(x, err);
  case IN_TRACE:
    x->empty_traces += x->trace_events == 0;
    trace_reset(x);
    return DS_OK;
  default:
    return DS_OK;
  }
}

static const ds_xml_handler handler = {.start = on_start, .end = on_end};

// --- the two passes

static xes *xes_new(const ds_source *file, const ds_rows_job *job) {
  xes *x = calloc(1, sizeof *x);
  if (x == NULL)
    return NULL;
  x->file = file;
  x->job = job;
  ds_names_init(&x->names, NAMES_MAX);
  ds_buf_init(&x->trace_texts, TRACE_BYTES_MAX);
  ds_buf_init(&x->list, LIST_BYTES_MAX);
  return x;
}

static void xes_free(xes *x) {
  ds_names_done(&x->names);
  ds_buf_done(&x->trace_texts);
  ds_buf_done(&x->list);
  free(x);
}

static ds_code look_finish(const xes *x, ds_arena *arena, ds_input *input, ds_error *err) {
  input->columns_count = x->names.count;
  input->columns = ds_arena_array(arena, x->names.count + 1, sizeof *input->columns);
  ds_str *cells = ds_arena_array(x->sample_arena, (size_t)x->names.count * x->sample_rows + 1,
                                 sizeof *cells);
  if (input->columns == NULL || cells == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading %s", x->file->name);
  for (uint32_t row = 0; row < x->sample_rows; row++)
    memcpy(cells + (size_t)row * x->names.count, x->sample[row],
           x->names.count * sizeof *cells);
  const ds_duck_texts sample = {.rows = x->sample_rows, .columns = x->names.count, .cell = cells};
  for (uint32_t i = 0; i < x->names.count; i++) {
    ds_input_column *column = &input->columns[i];
    const ds_str name = x->names.text[i];
    column->name = (ds_str){ds_arena_text(arena, name.data, name.size), name.size};
    column->duck_type = ds_str_of(x->mets[i].duck_type);
    if (column->name.data == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory reading %s", x->file->name);
    TRY(ds_input_judge(&sample, i, false, column, arena, err));
    if (column->time_format != NULL) // no SQL reads it: it stays the text it is
      column->type = DS_TYPE_STRING;
    column->time_format = NULL;
    column->day_or_month = false;
  }
  input->sampled = x->sample_rows;
  input->open = true;
  return DS_OK;
}

ds_code ds_xes_look(ds_io *io, const ds_source *file, const ds_str *wanted,
                    uint32_t wanted_count, ds_arena *arena, ds_input *ret_input, ds_error *err) {
  xes *x = xes_new(file, NULL);
  if (x == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading %s", file->name);
  ds_arena scratch;
  ds_arena_init(&scratch, SAMPLE_BYTES_MAX * 4);
  x->sample_arena = &scratch;
  x->wanted = wanted;
  x->wanted_count = wanted_count;
  ds_code code = ds_xml_read(io, file, &handler, x, &x->line, NULL, err);
  ds_input input = {.file = file};
  if (code == DS_OK || code == DS_NO)
    code = x->sample_rows == x->declared ? ds_fail(err, DS_INPUT, "%s holds no events", file->name)
                               : look_finish(x, arena, &input, err);
  ds_arena_done(&scratch);
  xes_free(x);
  if (code == DS_OK)
    *ret_input = input;
  return code;
}

ds_code ds_xes_run(const ds_rows_job *job, uint64_t *ret_rows, uint64_t *ret_empty,
                   ds_error *err) {
  xes *x = xes_new(job->file, job);
  if (x == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading %s", job->file->name);
  x->rows.grow = job->grow;
  x->rows.grow_context = job->grow_context;
  ds_code code = ds_rows_start(&x->rows, job->plan, job->threads, job->take, job->take_context,
                               err);
  if (code == DS_OK) {
    code = ds_xml_read(job->io, job->file, &handler, x, &x->line, job->progress, err);
    code = ds_rows_finish(&x->rows, code, err);
  }
  *ret_rows = x->rows.rows;
  *ret_empty = x->empty_traces;
  xes_free(x);
  return code;
}
