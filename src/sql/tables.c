// SPDX-License-Identifier: Apache-2.0
// The tables as DuckDB's table functions: bound, they name their columns and read their parameters;
// begun, they plan a scan of the columns asked for; then any number of threads take blocks from its
// feed and fill vectors, 2,048 rows at a time.
#include "sql/tables.h"

#include <stdio.h>
#include <stdlib.h>

#include "scan/property_types.h"
#include "sql/feed.h"
#include "sql/reach.h"
#include "sql/vectors.h"

// Texts that one vector needs while it is filled.
#define SCRATCH_BYTES_MAX ((size_t)64 << 20)

// What is asked of a feed's block: its events are rows, its journeys, or memberships in segments.
typedef enum row_form { ROWS_EVENTS, ROWS_JOURNEYS, ROWS_SEGMENTS } row_form;

// A table function.
typedef struct sql_table {
  const char *name;
  const sql_kind *const *kinds;
  row_form form;
  bool has_columns; // of case keys and properties
  bool has_key;     // a parameter names the case key that journeys are cases of
  bool has_limits;  // parameters limit time and touchpoints
} sql_table;

static const sql_table tables[] = {
    {"events", ds_sql_events_kinds, ROWS_EVENTS, true, false, true},
    {"customers", ds_sql_customers_kinds, ROWS_JOURNEYS, false, false, false},
    {"cases", ds_sql_cases_kinds, ROWS_JOURNEYS, false, true, false},
    {"segments", ds_sql_segments_kinds, ROWS_SEGMENTS, false, false, false},
};
enum { TABLES = sizeof tables / sizeof *tables };

// A function as it is registered; lives in the session's arena.
typedef struct table_of {
  ds_sql *sql;
  const sql_table *table;
  sql_column *columns;
  uint32_t columns_count;
} table_of;

// One use of a table in a statement: what its parameters say.
typedef struct bound {
  const table_of *of;
  ds_plan plan;
  ds_arena arena;
} bound;

// A scan of it, shared by its threads.
typedef struct scan_state {
  const bound *use;
  ds_plan plan;
  uint32_t *column; // of each vector of the output: of->columns, or DS_NONE
  uint32_t *at;     // where the block has it
  uint32_t vectors;
  ds_feed *feed;
  ds_arena arena;
} scan_state;

// What one thread has in hand.
typedef struct thread_state {
  const scan_state *scan;
  ds_feed_slot *slot;
  uint32_t next; // row
  uint32_t rows;
  uint32_t journey;
  ds_case_evaluator *evaluator;
  uint32_t *journeys; // of memberships
  uint16_t *segments;
  uint32_t capacity;
  ds_arena scratch;
} thread_state;

void ds_sql_session_failed(ds_sql *sql, ds_code code, const ds_error *err) {
  pthread_mutex_lock(&sql->mutex);
  if (sql->failure.code == DS_OK) {
    sql->failure = *err;
    sql->failure.code = code;
  }
  pthread_mutex_unlock(&sql->mutex);
}

bool ds_sql_session_failure(ds_sql *sql, ds_error *ret_failure) {
  pthread_mutex_lock(&sql->mutex);
  *ret_failure = sql->failure;
  sql->failure.code = DS_OK;
  pthread_mutex_unlock(&sql->mutex);
  return ret_failure->code != DS_OK;
}

// --- columns

static bool is_taken(const table_of *of, const char *name) {
  for (uint32_t c = 0; c < of->columns_count; c++)
    if (ds_str_equal_nocase(ds_str_of(of->columns[c].name), ds_str_of(name)))
      return true;
  return false;
}

// The name itself, where no other column is called so whatever the case; else with what it is in
// front, as an export has it.
static ds_code name_make(const table_of *of, const char *name, const char *prefix,
                         const char **ret_name, ds_error *err) {
  *ret_name = name;
  while (is_taken(of, *ret_name)) {
    const size_t size = strlen(prefix) + strlen(*ret_name) + 1;
    char *longer = ds_arena_alloc(&of->sql->arena, size);
    if (longer == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for SQL");
    snprintf(longer, size, "%s%s", prefix, *ret_name);
    *ret_name = longer;
  }
  return DS_OK;
}

static ds_code add_keys(table_of *of, ds_error *err) {
  const ds_names *names = &of->sql->options.snapshot->space.keys;
  for (uint32_t k = 0; k < names->count; k++) {
    sql_column column = {.kind = &ds_sql_key_kind, .code = (uint16_t)k};
    TRY(name_make(of, ds_names_text(names, k), "case_key:", &column.name, err));
    of->columns[of->columns_count++] = column;
  }
  return DS_OK;
}

// In which types a property is read: in the one that questions read it in; when personal values are
// asked for, in all. Of sealed values alone it is told that there is one.
static void types_choose(const ds_property_kinds *kinds, bool personal, sql_column *column) {
  if (!personal || kinds->touchpoints[DS_TYPE_SEALED] == 0) {
    column->columns = kinds->type != DS_TYPE_NULL;
    column->types[0] = kinds->type;
    return;
  }
  for (uint32_t t = DS_TYPE_NULL + 1; t < DS_TYPES_COUNT; t++)
    if (kinds->touchpoints[t] > 0)
      column->types[column->columns++] = (ds_type)t;
}

static ds_code add_properties(table_of *of, ds_error *err) {
  const ds_snapshot *snapshot = of->sql->options.snapshot;
  const ds_names *names = &snapshot->space.properties;
  for (uint32_t p = 0; p < names->count; p++) {
    sql_column column = {.kind = &ds_sql_property_kind, .code = (uint16_t)p};
    ds_property_kinds kinds;
    TRY(ds_property_kinds_of(snapshot, (uint16_t)p, &kinds, err));
    types_choose(&kinds, of->sql->options.unsealer != NULL, &column);
    if (column.columns == 0)
      continue;
    TRY(name_make(of, ds_names_text(names, p), "property:", &column.name, err));
    of->columns[of->columns_count++] = column;
  }
  return DS_OK;
}

static ds_code columns_make(table_of *of, ds_error *err) {
  const ds_space *space = &of->sql->options.snapshot->space;
  uint32_t kinds = 0;
  while (of->table->kinds[kinds] != NULL)
    kinds++;
  of->columns = ds_arena_array(&of->sql->arena,
                               (size_t)kinds + space->keys.count + space->properties.count,
                               sizeof *of->columns);
  if (of->columns == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  for (; of->columns_count < kinds; of->columns_count++)
    of->columns[of->columns_count] =
        (sql_column){.name = of->table->kinds[of->columns_count]->name,
                     .kind = of->table->kinds[of->columns_count]};
  if (!of->table->has_columns)
    return DS_OK;
  TRY(add_keys(of, err));
  return add_properties(of, err);
}

// --- bound

static void bound_free(void *memory) {
  bound *use = memory;
  ds_arena_done(&use->arena);
  free(use);
}

// The instant of a parameter, which is not there or NULL when false is returned.
static bool time_parameter(const ds_duck_api *api, duckdb_bind_info info, const char *name,
                           int64_t *ret_ms) {
  duckdb_value value = api->bind_get_named_parameter(info, name);
  const bool has = value != NULL && !api->is_null_value(value);
  if (has) {
    const int64_t micros = api->get_timestamp(value).micros;
    // A period ends before its end: an instant within a millisecond begins the next one.
    *ret_ms = micros / 1000 + (micros % 1000 > 0);
  }
  if (value != NULL)
    api->destroy_value(&value);
  return has;
}

static ds_code limit_time(bound *use, duckdb_bind_info info, ds_error *err) {
  const ds_duck_api *api = &use->of->sql->duck->api;
  ds_plan *plan = &use->plan;
  int64_t since_ms = 0, until_ms = 0;
  const bool has_since = time_parameter(api, info, "since", &since_ms);
  const bool has_until = time_parameter(api, info, "until", &until_ms);
  if (!has_since && !has_until)
    return DS_OK;
  if ((plan->has_from || plan->has_to) && plan->range != DS_RANGE_EVENTS)
    return ds_fail(err, DS_USAGE, "events(since, until) cannot be limited by a period of whole "
                   "journeys too: add --range events, or leave --from and --to out");
  plan->range = DS_RANGE_EVENTS;
  if (has_since && (!plan->has_from || plan->from_ms < since_ms))
    plan->from_ms = since_ms;
  if (has_until && (!plan->has_to || plan->to_ms > until_ms))
    plan->to_ms = until_ms;
  plan->has_from |= has_since;
  plan->has_to |= has_until;
  return DS_OK;
}

// Marks a touchpoint by its name; the nearest name is said when there is none.
static ds_code touchpoint_mark(const bound *use, const char *name, uint8_t *kept, uint64_t *needed,
                               ds_error *err) {
  const ds_sql *sql = use->of->sql;
  const sql_enum *list = &sql->lists[SQL_TOUCHPOINTS];
  const uint32_t code = ds_names_find(&sql->options.snapshot->space.touchpoints, ds_str_of(name));
  if (code != DS_NONE) {
    kept[code] = 1;
    needed[code / 64] |= 1ull << (code % 64);
    return DS_OK;
  }
  for (uint32_t t = 0; t < list->count; t++)
    if (strcmp(list->text[t], name) == 0)
      return DS_OK;
  const char *near = ds_str_nearest(ds_str_of(name), list->text, list->count);
  return ds_fail(err, DS_INPUT, "there is no touchpoint '%.100s'%s%s%s", name,
                 near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                 near == NULL ? "" : "'?");
}

static ds_code touchpoints_mark(const bound *use, duckdb_value value, uint8_t *kept,
                                uint64_t *needed, ds_error *err) {
  const ds_duck_api *api = &use->of->sql->duck->api;
  ds_code code = DS_OK;
  const idx_t count = api->get_list_size(value);
  for (idx_t i = 0; i < count && code == DS_OK; i++) {
    duckdb_value item = api->get_list_child(value, i);
    char *name = api->get_varchar(item);
    if (name != NULL)
      code = touchpoint_mark(use, name, kept, needed, err);
    else if (!api->is_null_value(item))
      code = ds_fail(err, DS_MEMORY, "out of memory for SQL");
    api->free(name);
    api->destroy_value(&item);
  }
  return code;
}

static ds_code limit_touchpoints(bound *use, duckdb_value value, ds_error *err) {
  const ds_sql *sql = use->of->sql;
  const uint32_t count = sql->options.snapshot->space.touchpoints.count;
  uint8_t *kept = ds_arena_array(&use->arena, count + 1u, sizeof *kept);
  uint64_t *needed = ds_arena_array(&use->arena, count / 64u + 1, sizeof *needed);
  if (kept == NULL || needed == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  TRY(touchpoints_mark(use, value, kept, needed, err));
  use->plan.needed = needed;
  return ds_expression_within(use->plan.where, kept, sql->options.schema, &use->arena,
                              &use->plan.where, err);
}

static ds_code bind_limits(bound *use, duckdb_bind_info info, ds_error *err) {
  const ds_duck_api *api = &use->of->sql->duck->api;
  TRY(limit_time(use, info, err));
  duckdb_value value = api->bind_get_named_parameter(info, "touchpoints");
  ds_code code = DS_OK;
  if (value != NULL && !api->is_null_value(value))
    code = limit_touchpoints(use, value, err);
  if (value != NULL)
    api->destroy_value(&value);
  return code;
}

static ds_code bind_key(bound *use, duckdb_bind_info info, ds_error *err) {
  const ds_sql *sql = use->of->sql;
  const ds_duck_api *api = &sql->duck->api;
  const ds_names *keys = &sql->options.snapshot->space.keys;
  duckdb_value value = api->bind_get_parameter(info, 0);
  char *name = api->get_varchar(value);
  const bool is_null = api->is_null_value(value);
  api->destroy_value(&value);
  if (name == NULL && !is_null)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  const char *texts[64];
  uint32_t count = 0;
  for (; count < keys->count && count < 64; count++)
    texts[count] = ds_names_text(keys, count);
  const uint32_t key = name == NULL ? DS_NONE : ds_names_find(keys, ds_str_of(name));
  const char *near = name == NULL ? NULL : ds_str_nearest(ds_str_of(name), texts, count);
  ds_code code = DS_OK;
  if (key == DS_NONE)
    code = ds_fail(err, DS_INPUT, "there is no case key '%.100s'%s%s%s", name == NULL ? "" : name,
                   near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                   near == NULL ? "" : "'?");
  else if (use->plan.cases != NULL)
    code = ds_case_program_check_cases(use->plan.cases, err);
  api->free(name);
  use->plan.has_case = true;
  use->plan.want_case_text = true;
  use->plan.case_key = (uint16_t)key;
  return code;
}

static ds_code bind(const table_of *of, duckdb_bind_info info, ds_error *err) {
  const ds_duck_api *api = &of->sql->duck->api;
  bound *use = calloc(1, sizeof *use);
  if (use == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  use->of = of;
  use->plan = *of->sql->options.plan;
  ds_arena_init(&use->arena, SCRATCH_BYTES_MAX);
  api->bind_set_bind_data(info, use, bound_free);
  for (uint32_t c = 0; c < of->columns_count; c++) {
    duckdb_logical_type type = ds_sql_column_type(of->sql, &of->columns[c]);
    api->bind_add_result_column(info, of->columns[c].name, type);
    api->destroy_logical_type(&type);
  }
  if (of->table->form == ROWS_EVENTS)
    api->bind_set_cardinality(info, of->sql->options.snapshot->events, false);
  if (of->table->has_limits)
    TRY(bind_limits(use, info, err));
  return of->table->has_key ? bind_key(use, info, err) : DS_OK;
}

static void on_bind(duckdb_bind_info info) {
  ds_error err = {.code = DS_OK};
  const table_of *of = ds_sql_reach_bind(info);
  const ds_code code = bind(of, info, &err);
  if (code == DS_OK)
    return;
  ds_sql_session_failed(of->sql, code, &err);
  of->sql->duck->api.bind_set_error(info, err.message);
}

// --- begun

static void scan_free(void *memory) {
  scan_state *scan = memory;
  ds_feed_close(scan->feed);
  ds_arena_done(&scan->arena);
  free(scan);
}

// The block's columns for those that the statement asks for. Of segments, what their rules read.
static ds_code columns_plan(scan_state *scan, duckdb_init_info info, ds_error *err) {
  const table_of *of = scan->use->of;
  const ds_duck_api *api = &of->sql->duck->api;
  ds_columns *columns = &scan->plan.columns;
  scan->vectors = (uint32_t)api->init_get_column_count(info);
  uint16_t *keys = ds_arena_array(&scan->arena, scan->vectors + 1u, sizeof *keys);
  uint16_t *properties = ds_arena_array(&scan->arena, (size_t)scan->vectors * DS_TYPES_COUNT + 1u,
                                        sizeof *properties);
  ds_type *types = ds_arena_array(&scan->arena, (size_t)scan->vectors * DS_TYPES_COUNT + 1u,
                                  sizeof *types);
  scan->column = ds_arena_array(&scan->arena, scan->vectors + 1u, sizeof *scan->column);
  scan->at = ds_arena_array(&scan->arena, scan->vectors + 1u, sizeof *scan->at);
  if (keys == NULL || properties == NULL || types == NULL || scan->column == NULL ||
      scan->at == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  *columns = (ds_columns){.keys = keys, .properties = properties, .property_types = types,
                          .key_texts = true};
  for (uint32_t v = 0; v < scan->vectors; v++) {
    const idx_t index = api->init_get_column_index(info, v);
    scan->column[v] = index < of->columns_count ? (uint32_t)index : DS_NONE;
    if (scan->column[v] == DS_NONE)
      continue;
    const sql_column *column = &of->columns[index];
    columns->want |= column->kind->want;
    if (column->kind == &ds_sql_key_kind) {
      scan->at[v] = columns->keys_count;
      keys[columns->keys_count++] = column->code;
    }
    if (column->kind != &ds_sql_property_kind)
      continue;
    scan->at[v] = columns->properties_count;
    for (uint32_t t = 0; t < column->columns; t++) {
      if (column->types[t] == DS_TYPE_SEALED && of->sql->options.unsealer != NULL)
        columns->want |= DS_WANT_SUBJECT | DS_WANT_TOUCHPOINT;
      properties[columns->properties_count] = column->code;
      types[columns->properties_count++] = column->types[t];
    }
  }
  if (of->table->form == ROWS_SEGMENTS && of->sql->segments != NULL)
    return ds_case_program_columns(of->sql->segments, columns, &scan->arena, err);
  return DS_OK;
}

static ds_code begin(const table_of *of, duckdb_init_info info, ds_error *err) {
  const ds_duck_api *api = &of->sql->duck->api;
  const ds_sql_options *options = &of->sql->options;
  scan_state *scan = calloc(1, sizeof *scan);
  if (scan == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  ds_arena_init(&scan->arena, SCRATCH_BYTES_MAX);
  api->init_set_init_data(info, scan, scan_free);
  scan->use = api->init_get_bind_data(info);
  scan->plan = scan->use->plan;
  scan->plan.threads = options->threads;
  TRY(columns_plan(scan, info, err));
  api->init_set_max_threads(info, options->threads);
  return ds_feed_open(options->snapshot, &scan->plan, options->progress, options->memory_bytes / 4,
                      &scan->feed, err);
}

static void on_init(duckdb_init_info info) {
  ds_error err = {.code = DS_OK};
  const table_of *of = ds_sql_reach_init(info);
  const ds_code code = begin(of, info, &err);
  if (code == DS_OK)
    return;
  ds_sql_session_failed(of->sql, code, &err);
  of->sql->duck->api.init_set_error(info, err.message);
}

static void thread_free(void *memory) {
  thread_state *self = memory;
  if (self->slot != NULL)
    ds_feed_give_back(self->scan->feed, self->slot);
  ds_case_evaluator_free(self->evaluator);
  free(self->journeys);
  free(self->segments);
  ds_arena_done(&self->scratch);
  free(self);
}

// DuckDB gives a thread's state no way to the shared one: that is found with the first rows.
static void on_thread(duckdb_init_info info) {
  const table_of *of = ds_sql_reach_init(info);
  thread_state *self = calloc(1, sizeof *self);
  if (self == NULL) {
    ds_error err = {.code = DS_OK};
    ds_sql_session_failed(of->sql, ds_fail(&err, DS_MEMORY, "out of memory for SQL"), &err);
    of->sql->duck->api.init_set_error(info, err.message);
    return;
  }
  ds_arena_init(&self->scratch, SCRATCH_BYTES_MAX);
  of->sql->duck->api.init_set_init_data(info, self, thread_free);
}

// --- rows

static ds_code members_room(thread_state *self, uint32_t count, ds_error *err) {
  if (count <= self->capacity)
    return DS_OK;
  free(self->journeys);
  free(self->segments);
  self->journeys = malloc(count * sizeof *self->journeys);
  self->segments = malloc(count * sizeof *self->segments);
  self->capacity = count;
  if (self->journeys != NULL && self->segments != NULL)
    return DS_OK;
  self->capacity = 0;
  return ds_fail(err, DS_MEMORY, "out of memory for SQL");
}

// The memberships of the block's journeys, journey by journey.
static ds_code members_find(thread_state *self, const ds_block *block, ds_error *err) {
  const ds_sql *sql = self->scan->use->of->sql;
  const ds_case_values *values = NULL;
  self->rows = 0;
  if (sql->segments == NULL)
    return DS_OK;
  const uint32_t rules = ds_case_program_rules(sql->segments);
  if (self->evaluator == NULL)
    TRY(ds_case_evaluator_new(sql->segments, &self->scan->plan.columns, &self->evaluator, err));
  TRY(members_room(self, block->journeys * rules, err));
  TRY(ds_case_begin(self->evaluator, block, err));
  TRY(ds_case_evaluate(self->evaluator, sql->options.now_ms, &values, err));
  for (uint32_t j = 0; j < block->journeys; j++)
    for (uint32_t r = 0; r < rules; r++)
      if ((values[r].present[j / 64] & values[r].yes[j / 64]) >> (j % 64) & 1) {
        self->journeys[self->rows] = j;
        self->segments[self->rows++] = (uint16_t)r;
      }
  return DS_OK;
}

// Makes sure that a block with rows left is in hand; without one there are no more.
static ds_code block_take(thread_state *self, ds_error *err) {
  const row_form form = self->scan->use->of->table->form;
  while (self->slot == NULL || self->next == self->rows) {
    if (self->slot != NULL)
      ds_feed_give_back(self->scan->feed, self->slot);
    self->slot = NULL;
    TRY(ds_feed_take(self->scan->feed, &self->slot, err));
    if (self->slot == NULL)
      return DS_OK;
    const ds_block *block = self->slot->block;
    self->next = self->journey = 0;
    self->rows = form == ROWS_EVENTS ? block->events : block->journeys;
    if (form == ROWS_SEGMENTS)
      TRY(members_find(self, block, err));
  }
  return DS_OK;
}

// Fills the vectors of the output with the next rows.
static ds_code rows_put(thread_state *self, duckdb_data_chunk output, ds_error *err) {
  const scan_state *scan = self->scan;
  const table_of *of = scan->use->of;
  const ds_duck_api *api = &of->sql->duck->api;
  const uint32_t size = (uint32_t)api->vector_size();
  TRY(block_take(self, err));
  if (self->slot == NULL) {
    api->data_chunk_set_size(output, 0);
    return DS_OK;
  }
  const ds_block *block = self->slot->block;
  const uint32_t left = self->rows - self->next;
  sql_rows rows = {.sql = of->sql, .block = block, .first = self->next,
                   .count = left < size ? left : size, .journey = self->journey,
                   .arena = &self->scratch};
  if (of->table->form == ROWS_SEGMENTS) {
    rows.journeys = self->journeys;
    rows.segments = self->segments;
  }
  for (uint32_t v = 0; v < scan->vectors; v++) {
    const sql_column *column = scan->column[v] == DS_NONE ? NULL : &of->columns[scan->column[v]];
    if (column != NULL)
      TRY(column->kind->fill(&rows, column, scan->at[v], api->data_chunk_get_vector(output, v),
                             err));
  }
  api->data_chunk_set_size(output, rows.count);
  self->next += rows.count;
  while (of->table->form == ROWS_EVENTS && self->journey < block->journeys &&
         block->offset[self->journey + 1] <= self->next)
    self->journey++;
  return DS_OK;
}

static void on_call(duckdb_function_info info, duckdb_data_chunk output) {
  ds_error err = {.code = DS_OK};
  const table_of *of = ds_sql_reach_call(info);
  const ds_duck_api *api = &of->sql->duck->api;
  thread_state *self = api->function_get_local_init_data(info);
  self->scan = api->function_get_init_data(info);
  const ds_code code = rows_put(self, output, &err);
  if (code == DS_OK)
    return;
  ds_sql_session_failed(of->sql, code, &err);
  api->function_set_error(info, err.message);
}

// --- registered

static ds_code function_make(ds_sql *sql, const sql_table *table, ds_error *err) {
  const ds_duck_api *api = &sql->duck->api;
  table_of *of = ds_arena_alloc(&sql->arena, sizeof *of);
  if (of == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  *of = (table_of){.sql = sql, .table = table};
  TRY(columns_make(of, err));
  duckdb_table_function function = api->create_table_function();
  duckdb_logical_type text = api->create_logical_type(DUCKDB_TYPE_VARCHAR);
  duckdb_logical_type texts = api->create_list_type(text);
  duckdb_logical_type instant = api->create_logical_type(DUCKDB_TYPE_TIMESTAMP);
  api->table_function_set_name(function, table->name);
  api->table_function_set_extra_info(function, of, NULL);
  api->table_function_set_bind(function, on_bind);
  api->table_function_set_init(function, on_init);
  api->table_function_set_local_init(function, on_thread);
  api->table_function_set_function(function, on_call);
  api->table_function_supports_projection_pushdown(function, true);
  if (table->has_key)
    api->table_function_add_parameter(function, text);
  if (table->has_limits) {
    api->table_function_add_named_parameter(function, "since", instant);
    api->table_function_add_named_parameter(function, "until", instant);
    api->table_function_add_named_parameter(function, "touchpoints", texts);
  }
  const bool registered =
      api->register_table_function(sql->duck->connection, function) == DuckDBSuccess;
  api->destroy_logical_type(&instant);
  api->destroy_logical_type(&texts);
  api->destroy_logical_type(&text);
  api->destroy_table_function(&function);
  return registered ? DS_OK : ds_fail(err, DS_LIBRARY, "DuckDB takes no table function %s",
                                      table->name);
}

static void put_cases(const ds_sql *sql, ds_buf *out) {
  const ds_names *keys = &sql->options.snapshot->space.keys;
  ds_buf_text(out, "CREATE VIEW cases AS ");
  for (uint32_t k = 0; k < keys->count; k++) {
    ds_buf_text(out, k == 0 ? "SELECT " : " UNION ALL SELECT ");
    ds_sql_literal(out, keys->text[k]);
    ds_buf_text(out, " AS case_key, * FROM cases(");
    ds_sql_literal(out, keys->text[k]);
    ds_buf_text(out, ")");
  }
  if (keys->count == 0)
    ds_buf_text(out, "SELECT '' AS case_key, '' AS case_id, * EXCLUDE (subjects) FROM customers() "
                     "WHERE false");
  ds_buf_text(out, ";\n");
}

static void put_text_or_null(ds_buf *out, const char *text) {
  if (text == NULL || *text == '\0')
    ds_buf_text(out, "NULL::VARCHAR");
  else
    ds_sql_literal(out, ds_str_of(text));
}

// What is known of the touchpoints that events have.
static void put_touchpoints(const ds_sql *sql, ds_buf *out) {
  const ds_names *names = &sql->options.snapshot->space.touchpoints;
  ds_buf_text(out, "CREATE TABLE touchpoints(touchpoint VARCHAR, stage VARCHAR, owner VARCHAR, "
                   "actor VARCHAR, channel VARCHAR, meaning VARCHAR);\n");
  for (uint32_t t = 0; t < names->count; t++) {
    const ds_touchpoint *row = ds_catalogue_find(sql->options.schema->catalogue, names->text[t]);
    const bool any = row != NULL && row->stage == DS_STAGE_ANY;
    const char *const texts[] = {
        ds_names_text(names, t), row == NULL ? NULL : any ? "any" : ds_stage_name(row->stage),
        row == NULL ? NULL : ds_owner_name(row->owner),
        row == NULL ? NULL : ds_actor_name(row->actor), row == NULL ? NULL : row->channel,
        row == NULL ? NULL : row->meaning};
    ds_buf_text(out, t == 0 ? "INSERT INTO touchpoints VALUES (" : ", (");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
      ds_buf_text(out, i == 0 ? "" : ", ");
      put_text_or_null(out, texts[i]);
    }
    ds_buf_text(out, ")");
  }
  ds_buf_text(out, ";\n");
}

ds_code ds_sql_tables_make(ds_sql *sql, ds_error *err) {
  ds_buf text;
  ds_sql_reach_note(&sql->duck->api);
  for (uint32_t t = 0; t < TABLES; t++)
    TRY(function_make(sql, &tables[t], err));
  ds_buf_init(&text, (size_t)16 << 20);
  ds_buf_text(&text, "CREATE VIEW events AS SELECT * FROM events();\n"
                     "CREATE VIEW customers AS SELECT * FROM customers();\n"
                     "CREATE VIEW segments AS SELECT * FROM segments();\n");
  put_cases(sql, &text);
  put_touchpoints(sql, &text);
  ds_code code = ds_buf_check(&text, "the views of SQL", err);
  if (code == DS_OK) {
    ds_error failure;
    code = ds_duck_run(sql->duck, ds_buf_cstr(&text), err);
    if (code != DS_OK && ds_sql_session_failure(sql, &failure))
      code = ds_fail(err, failure.code, "%s", failure.message);
  }
  ds_buf_done(&text);
  return code;
}
