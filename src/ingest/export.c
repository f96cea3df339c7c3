// SPDX-License-Identifier: Apache-2.0
// One scan with one thread, so that customers come in one order: first a look at what is there,
// then the writing.
#include "ingest/export.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/limits.h"
#include "ingest/duck.h"
#include "ingest/export_state.h"
#include "ingest/names.h"
#include "model/time.h"
#include "scan/property_types.h"
#include "scan/scan.h"

enum { FLUSH_BYTES = 1 << 20, OUT_BYTES_MAX = 64 << 20 };

ds_export_form ds_export_form_of(ds_str file) {
  static const struct {
    const char *end;
    ds_export_form form;
  } ends[] = {
      {".csv", DS_EXPORT_CSV},        {".ndjson", DS_EXPORT_NDJSON},
      {".jsonl", DS_EXPORT_NDJSON},   {".xes", DS_EXPORT_XES},
      {".jsonocel", DS_EXPORT_OCEL},  {".parquet", DS_EXPORT_PARQUET},
  };
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    const uint32_t size = (uint32_t)strlen(ends[i].end);
    if (file.size > size && ds_str_equal_nocase((ds_str){file.data + file.size - size, size},
                                                ds_str_of(ends[i].end)))
      return ends[i].form;
  }
  return DS_EXPORT_FORMS_COUNT;
}

// The kind of a subject "kind=text", or of none.
static ds_str kind_of(ds_str subject) {
  const char *equals = subject.size == 0 ? NULL : memchr(subject.data, '=', subject.size);
  return (ds_str){subject.data, equals == NULL ? 0 : (uint32_t)(equals - subject.data)};
}

ds_str ds_export_customer(const exporter *e, const ds_block *block, uint32_t journey) {
  const ds_str subject = block->subject[journey];
  const uint32_t skip = e->natural ? kind_of(subject).size + 1 : 0;
  return (ds_str){subject.data + skip, subject.size - skip};
}

// --- values

ds_str ds_export_text(const ds_value *value, char out[64]) {
  if (value->type == DS_TYPE_STRING)
    return value->text;
  if (value->type == DS_TYPE_DURATION)
    return (ds_str){out, (uint32_t)snprintf(out, 64, "%" PRId64, value->i)};
  return (ds_str){out, (uint32_t)ds_value_print(out, 64, value)};
}

static bool is_present(const ds_property_column *column, uint32_t event) {
  return column->type != DS_TYPE_NULL && (column->present[event >> 6] >> (event & 63) & 1) != 0;
}

ds_value ds_export_value(const ds_block *block, const export_property *property,
                         uint32_t event) {
  for (uint32_t i = property->first; i < property->first + property->count; i++) {
    const ds_property_column *column = &block->property[i];
    if (!is_present(column, event))
      continue;
    ds_value value = {.type = column->type};
    if (column->type == DS_TYPE_NUMBER)
      value.number = column->number[event];
    else if (column->type == DS_TYPE_STRING)
      value.text = column->text[event];
    else
      value.i = column->i[event];
    return value;
  }
  return (ds_value){.type = DS_TYPE_NULL};
}

void ds_export_json(ds_json *json, const ds_value *value) {
  char text[64];
  const ds_str shown = ds_export_text(value, text);
  switch (value->type) {
  case DS_TYPE_BOOL: ds_json_bool(json, value->i != 0); return;
  case DS_TYPE_DURATION: ds_json_i64(json, value->i); return;
  case DS_TYPE_NUMBER: ds_json_number(json, shown); return;
  default: ds_json_text(json, shown);
  }
}

ds_str ds_export_key(exporter *e, const ds_block *block, uint32_t key, uint32_t event) {
  const ds_key_column *column = &block->key[key];
  const uint32_t first = column->first[event];
  const uint32_t count = column->first[event + 1] - first;
  if (count == 0)
    return (ds_str){NULL, 0};
  const ds_str one = column->text[column->item[first]];
  if (count == 1 && (one.size == 0 || one.data[0] != '['))
    return one;
  ds_buf_reset(&e->text);
  ds_json json = ds_json_to(&e->text, false);
  ds_json_begin_array(&json);
  for (uint32_t i = first; i < first + count; i++)
    ds_json_text(&json, column->text[column->item[i]]);
  ds_json_end_array(&json);
  return ds_export_scratch(e);
}

ds_str ds_export_scratch(exporter *e) {
  ds_buf_fail_as(&e->out, &e->text);
  return (ds_str){(const char *)e->text.data, (uint32_t)e->text.size};
}

ds_code ds_export_flush(exporter *e, bool all, ds_error *err) {
  if (!all && e->out.size < FLUSH_BYTES)
    return DS_OK;
  TRY(ds_buf_check(&e->out, "an event", err));
  const ds_code code = e->options->write(e->options->context, e->out.data, e->out.size, err);
  ds_buf_reset(&e->out);
  return code;
}

// --- columns

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory exporting");
}

// The name under which an import takes a column for what it is.
static ds_code name_make(exporter *e, ds_str name, bool key, ds_str *ret_name, ds_error *err) {
  const bool clear = key ? ds_recognise_is_key(name)
                         : !ds_recognise_is_key(name) && !ds_recognise_is_role(name) &&
                               ds_recognise_keeps(name);
  const char *prefix = clear ? "" : key ? DS_PREFIX_KEY : DS_PREFIX_PROPERTY;
  if (strlen(prefix) + name.size > DS_NAME_BYTES_MAX)
    prefix = ""; // no import takes a longer name
  const size_t size = strlen(prefix) + name.size;
  char *text = ds_arena_alloc(&e->arena, size + 1);
  if (text == NULL)
    return no_memory(err);
  memcpy(text, prefix, strlen(prefix));
  memcpy(text + strlen(prefix), name.data, name.size);
  *ret_name = (ds_str){text, (uint32_t)size};
  return DS_OK;
}

static ds_code properties_list(exporter *e, ds_error *err) {
  const ds_names *names = &e->snapshot->space.properties;
  uint16_t *codes = ds_arena_array(&e->arena, (size_t)names->count * DS_TYPES_COUNT + 1,
                                   sizeof *codes);
  ds_type *types = ds_arena_array(&e->arena, (size_t)names->count * DS_TYPES_COUNT + 1,
                                  sizeof *types);
  e->properties = ds_arena_array(&e->arena, names->count + 1, sizeof *e->properties);
  if (codes == NULL || types == NULL || e->properties == NULL)
    return no_memory(err);
  uint32_t used = 0;
  for (uint32_t p = 0; p < names->count; p++) {
    ds_property_kinds kinds;
    TRY(ds_property_kinds_of(e->snapshot, (uint16_t)p, &kinds, err));
    export_property *to = &e->properties[e->properties_count];
    *to = (export_property){.code = (uint16_t)p, .first = used};
    for (uint32_t t = DS_TYPE_NULL + 1; t < DS_TYPES_COUNT; t++)
      if (kinds.touchpoints[t] > 0 && (t != DS_TYPE_SEALED || e->options->unsealer != NULL)) {
        codes[used] = (uint16_t)p;
        types[used++] = (ds_type)t;
        to->count++;
      }
    if (to->count == 0)
      continue;
    const bool one = to->count == 1 && types[to->first] != DS_TYPE_SEALED;
    to->type = one ? types[to->first] : DS_TYPE_STRING;
    TRY(name_make(e, names->text[p], false, &to->name, err));
    e->properties_count++;
  }
  e->columns.properties = codes;
  e->columns.property_types = types;
  e->columns.properties_count = used;
  return DS_OK;
}

// The case of an XES log is its customer's name again: an import makes that key by itself, unless
// the form names every key.
static bool key_is_customer(const exporter *e, ds_str name) {
  return e->options->form != DS_EXPORT_OCEL && ds_str_equal(name, ds_str_of("case_id"));
}

static ds_code keys_list(exporter *e, ds_error *err) {
  const ds_names *names = &e->snapshot->space.keys;
  uint16_t *codes = ds_arena_array(&e->arena, names->count + 1, sizeof *codes);
  e->keys = ds_arena_array(&e->arena, names->count + 1, sizeof *e->keys);
  if (codes == NULL || e->keys == NULL)
    return no_memory(err);
  for (uint32_t k = 0; k < names->count && !e->by_case; k++) {
    if (e->natural && ds_str_equal(e->customer, names->text[k]))
      continue;
    codes[e->keys_count] = (uint16_t)k;
    e->keys[e->keys_count].code = (uint16_t)k;
    TRY(name_make(e, names->text[k], true, &e->keys[e->keys_count].name, err));
    e->keys_count++;
  }
  e->columns.keys = codes;
  e->columns.keys_count = e->keys_count;
  e->columns.key_texts = true;
  return DS_OK;
}

// --- the scans

// What a scan works on: the kernel's state is no more than where to find the exporter.
typedef struct pass {
  exporter *e;
  ds_code (*block)(exporter *e, const ds_block *block, ds_error *err);
} pass;

static ds_code state_init(void *state, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  memcpy(state, context, sizeof(pass));
  return DS_OK;
}

static ds_code state_block(void *state, const ds_block *block, ds_error *err) {
  const pass *p = state;
  return p->block(p->e, block, err);
}

static ds_code state_merge(void *into, void *from, ds_error *err) {
  (void)into;
  (void)from;
  (void)err;
  return DS_OK;
}

static ds_code scan_run(exporter *e, const ds_columns *columns,
                        ds_code (*block)(exporter *e, const ds_block *block, ds_error *err),
                        ds_error *err) {
  static const ds_kernel kernel = {"export", sizeof(pass), state_init, state_block, state_merge,
                                   NULL};
  ds_plan plan = {0};
  if (e->options->selection != NULL)
    plan = *e->options->selection;
  plan.columns = *columns;
  plan.want_case_text = plan.has_case;
  plan.threads = 1;
  plan.separate = true; // each event under its own subject: the facts of identity go along
  plan.progress = e->options->progress;
  const pass p = {e, block};
  ds_arena arena;
  ds_arena_init(&arena, (size_t)1 << 30);
  void *state;
  const ds_code code = ds_scan(e->snapshot, &plan, &kernel, &p, &arena, &state, err);
  ds_arena_done(&arena);
  return code;
}

// The kinds of customers, and whether times of arrival say anything.
static ds_code block_look(exporter *e, const ds_block *block, ds_error *err) {
  for (uint32_t j = 0; j < block->journeys; j++) {
    uint32_t index;
    TRY(ds_names_add(&e->kinds, kind_of(block->subject[j]), &index, err));
  }
  for (uint32_t i = 0; i < block->events; i++)
    e->received |= block->received_ms[i] != block->time_ms[i];
  return DS_OK;
}

// A sealed column becomes one of texts. Each event stands under its own subject.
static ds_code column_open(exporter *e, const ds_block *block, uint32_t p,
                           ds_property_column *column, ds_error *err) {
  const uint32_t words = block->events / 64 + 1;
  ds_str *text = ds_arena_array(&e->opened, block->events + 1u, sizeof *text);
  uint64_t *present = ds_arena_array(&e->opened, words, sizeof *present);
  if (text == NULL || present == NULL)
    return no_memory(err);
  for (uint32_t j = 0; j < block->journeys; j++)
    for (uint32_t i = block->offset[j]; i < block->offset[j + 1]; i++) {
      const ds_unseal_place place = {&block->subject[j], 1, block->touchpoint[i],
                                     e->columns.properties[p]};
      const ds_value sealed = {.type = DS_TYPE_SEALED, .text = column->text[i]};
      ds_value value;
      char room[64];
      if (!is_present(column, i))
        continue;
      TRY(ds_unseal(e->options->unsealer, &place, &sealed, &e->opened, &value, err));
      if (value.type == DS_TYPE_NULL) // its key was destroyed
        continue;
      text[i] = ds_export_text(&value, room);
      if (text[i].data == room)
        text[i].data = ds_arena_text(&e->opened, room, text[i].size);
      if (text[i].data == NULL)
        return no_memory(err);
      present[i >> 6] |= 1ull << (i & 63);
    }
  column->type = DS_TYPE_STRING;
  column->text = text;
  column->present = present;
  return DS_OK;
}

// *view becomes the block with its personal values in clear.
static ds_code block_open(exporter *e, const ds_block *block, ds_block *view, ds_error *err) {
  *view = *block;
  ds_arena_reset(&e->opened);
  if (e->options->unsealer == NULL || e->second)
    return DS_OK;
  ds_property_column *columns =
      ds_arena_array(&e->opened, block->properties_count + 1u, sizeof *columns);
  if (columns == NULL)
    return no_memory(err);
  for (uint32_t p = 0; p < block->properties_count; p++) {
    columns[p] = block->property[p];
    if (columns[p].type == DS_TYPE_SEALED)
      TRY(column_open(e, block, p, &columns[p], err));
  }
  view->property = columns;
  return DS_OK;
}

static ds_code block_write(exporter *e, const ds_block *given, ds_error *err) {
  const export_form *form = e->form;
  ds_block view;
  const ds_block *const block = &view;
  TRY(block_open(e, given, &view, err));
  for (uint32_t j = 0; j < block->journeys; j++) {
    if (form->journey != NULL)
      TRY(form->journey(e, block, j, err));
    for (uint32_t i = block->offset[j]; i < block->offset[j + 1]; i++) {
      TRY(e->second ? form->event2(e, block, j, i, err) : form->event(e, block, j, i, err));
      TRY(ds_export_flush(e, false, err));
    }
    e->events += e->second ? 0 : block->offset[j + 1] - block->offset[j];
    if (form->journey_end != NULL)
      TRY(form->journey_end(e, err));
  }
  return DS_OK;
}

// An import knows the kind by the column's name when there is but one, and it is a known one.
static void customer_name(exporter *e) {
  const ds_str kind = e->kinds.count == 0 ? ds_str_of("customer_id") : e->kinds.text[0];
  const bool taken = ds_names_find(&e->snapshot->space.keys, kind) != DS_NONE &&
                     !key_is_customer(e, kind);
  static const char *const known[] = {"customer_id", "user_id", "account_id", "client_id",
                                      "case_id", "person_id", "member_id", "contact_id",
                                      "profile_id", "anonymous_id"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    e->natural |= e->kinds.count <= 1 && !taken && ds_str_equal(kind, ds_str_of(known[i]));
  e->customer = e->natural ? kind : ds_str_of(DS_NAME_SUBJECT);
}

static ds_code export_plan(exporter *e, ds_error *err) {
  e->by_case = e->options->selection != NULL && e->options->selection->has_case;
  if (e->by_case && e->options->form != DS_EXPORT_XES)
    return ds_fail(err, DS_USAGE, "--case is for XES, whose traces it makes");
  const ds_columns look = {.want = DS_WANT_TIME | DS_WANT_RECEIVED | DS_WANT_SUBJECT};
  TRY(scan_run(e, &look, block_look, err));
  customer_name(e);
  e->columns.want = DS_WANT_TIME | DS_WANT_TOUCHPOINT | DS_WANT_SUBJECT |
                    (e->received ? DS_WANT_RECEIVED : 0);
  TRY(properties_list(e, err));
  TRY(keys_list(e, err));
  e->trace = e->customer;
  if (!e->by_case)
    return DS_OK;
  const ds_str key = e->snapshot->space.keys.text[e->options->selection->case_key];
  return e->natural && ds_str_equal(key, e->customer)
             ? DS_OK
             : name_make(e, key, true, &e->trace, err);
}

static ds_code export_run(exporter *e, ds_error *err) {
  TRY(export_plan(e, err));
  if (e->form->begin != NULL)
    TRY(e->form->begin(e, err));
  TRY(scan_run(e, &e->columns, block_write, err));
  if (e->form->twice) {
    TRY(e->form->middle(e, err));
    e->second = true;
    TRY(scan_run(e, &e->columns, block_write, err));
  }
  if (e->form->end != NULL)
    TRY(e->form->end(e, err));
  return ds_export_flush(e, true, err);
}

static void exporter_init(exporter *e, const ds_snapshot *snapshot,
                          const ds_export_options *options) {
  *e = (exporter){.snapshot = snapshot, .options = options};
  ds_arena_init(&e->arena, (size_t)256 << 20);
  ds_arena_init(&e->opened, (size_t)1 << 30);
  ds_names_init(&e->kinds, DS_NAMES_MAX);
  ds_buf_init(&e->out, OUT_BYTES_MAX);
  ds_buf_init(&e->text, OUT_BYTES_MAX);
  ds_map64_init(&e->objects);
  ds_map64_init(&e->met);
}

static void exporter_done(exporter *e) {
  ds_arena_done(&e->arena);
  ds_arena_done(&e->opened);
  ds_names_done(&e->kinds);
  ds_buf_done(&e->out);
  ds_buf_done(&e->text);
  ds_map64_done(&e->objects);
  ds_map64_done(&e->met);
}

ds_code ds_export(const ds_snapshot *snapshot, const ds_export_options *options,
                  uint64_t *ret_events, ds_error *err) {
  static const export_form *const forms[] = {
      [DS_EXPORT_CSV] = &ds_export_csv, [DS_EXPORT_NDJSON] = &ds_export_ndjson,
      [DS_EXPORT_XES] = &ds_export_xes, [DS_EXPORT_OCEL] = &ds_export_ocel,
  };
  exporter e;
  exporter_init(&e, snapshot, options);
  e.form = forms[options->form];
  const ds_code code = export_run(&e, err);
  *ret_events = e.events;
  exporter_done(&e);
  return code;
}

// --- Parquet: DuckDB reads the NDJSON and writes it again with types

static void column_sql(ds_buf *sql, ds_str name, const char *type) {
  ds_buf_text(sql, ", ");
  ds_sql_literal(sql, name);
  ds_buf_printf(sql, ": '%s'", type);
}

static void copy_sql(const exporter *e, const char *from, const char *to, ds_buf *sql) {
  static const char *const types[DS_TYPES_COUNT] = {
      [DS_TYPE_NUMBER] = "DOUBLE",          [DS_TYPE_STRING] = "VARCHAR",
      [DS_TYPE_BOOL] = "BOOLEAN",           [DS_TYPE_TIME] = "TIMESTAMP WITH TIME ZONE",
      [DS_TYPE_DATE] = "DATE",              [DS_TYPE_DURATION] = "BIGINT",
  };
  ds_buf_text(sql, "copy (select * from read_json(");
  ds_sql_literal(sql, ds_str_of(from));
  ds_buf_text(sql, ", auto_detect=false, records='true', format='newline_delimited', "
              "maximum_object_size=16777216, columns={");
  ds_sql_literal(sql, e->customer);
  ds_buf_text(sql, ": 'VARCHAR'");
  column_sql(sql, ds_str_of("time"), types[DS_TYPE_TIME]);
  column_sql(sql, ds_str_of("event"), "VARCHAR");
  if (e->received)
    column_sql(sql, ds_str_of("received"), types[DS_TYPE_TIME]);
  for (uint32_t k = 0; k < e->keys_count; k++)
    column_sql(sql, e->keys[k].name, "VARCHAR");
  for (uint32_t p = 0; p < e->properties_count; p++)
    column_sql(sql, e->properties[p].name, types[e->properties[p].type]);
  ds_buf_text(sql, "})) to ");
  ds_sql_literal(sql, ds_str_of(to));
  ds_buf_text(sql, " (format parquet, compression zstd)");
}

static ds_code run_sql(const char *duckdb_path, ds_buf *sql, ds_error *err) {
  ds_duck *duck = NULL;
  TRY(ds_buf_check(sql, "a query", err));
  TRY(ds_duck_open(duckdb_path, NULL, (size_t)512 << 20, &duck, err));
  const ds_code code = ds_duck_run(duck, ds_buf_cstr(sql), err);
  ds_duck_close(duck);
  return code;
}

ds_code ds_export_parquet(const ds_snapshot *snapshot, const ds_export_options *options,
                          const char *duckdb_path, const char *from, const char *to,
                          ds_error *err) {
  exporter e;
  exporter_init(&e, snapshot, options);
  ds_code code = export_plan(&e, err);
  if (code == DS_OK) {
    copy_sql(&e, from, to, &e.out);
    code = run_sql(duckdb_path, &e.out, err);
  }
  exporter_done(&e);
  return code;
}

ds_code ds_export_table(const ds_table *table, const char *duckdb_path, const char *from,
                        const char *to, ds_error *err) {
  static const char *const types[] = {
      [DS_CELL_TEXT] = "VARCHAR",     [DS_CELL_COUNT] = "BIGINT", [DS_CELL_NUMBER] = "DOUBLE",
      [DS_CELL_DURATION] = "DOUBLE",  [DS_CELL_SHARE] = "DOUBLE",
      [DS_CELL_TIME] = "TIMESTAMP WITH TIME ZONE", [DS_CELL_LIST] = "VARCHAR",
      [DS_CELL_ITEMS] = "VARCHAR",    [DS_CELL_EXACT] = "VARCHAR"};
  ds_buf sql;
  ds_buf_init(&sql, 1u << 24);
  ds_buf_text(&sql, "copy (select * from read_csv(");
  ds_sql_literal(&sql, ds_str_of(from));
  ds_buf_text(&sql, ", auto_detect=false, header=true, delim=',', quote='\"', escape='\"', "
              "new_line='\\r\\n', nullstr='', allow_quoted_nulls=false, columns={");
  for (uint32_t c = 0; c < table->columns_count; c++) {
    ds_buf_text(&sql, c == 0 ? "" : ", ");
    ds_sql_literal(&sql, ds_str_of(table->columns[c].name));
    ds_buf_printf(&sql, ": '%s'", types[table->columns[c].type]);
  }
  ds_buf_text(&sql, "})) to ");
  ds_sql_literal(&sql, ds_str_of(to));
  ds_buf_text(&sql, " (format parquet, compression zstd)");
  const ds_code code = run_sql(duckdb_path, &sql, err);
  ds_buf_done(&sql);
  return code;
}
