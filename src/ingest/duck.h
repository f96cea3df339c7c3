// SPDX-License-Identifier: Apache-2.0
// DuckDB, loaded when first needed: the table of its functions that the project calls, one database
// in memory with one connection and one thread, and the few queries whose small results are read as
// text. DuckDB here reads files and runs a mapping's SQL, and that of sql/; it never goes to the
// network. May use base/ only.
#ifndef DS_INGEST_DUCK_H
#define DS_INGEST_DUCK_H

#include <duckdb.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

// X(name without the prefix duckdb_). The only list of what is looked up in the library.
#define DS_DUCK_FUNCTIONS(X)                                                                \
  X(library_version) X(create_config) X(set_config) X(destroy_config) X(open_ext) X(close)  \
  X(connect) X(disconnect) X(interrupt) X(free) X(query) X(destroy_result) X(result_error)  \
  X(result_error_type) X(column_count) X(column_name) X(column_type) X(fetch_chunk)         \
  X(destroy_data_chunk) X(data_chunk_get_size) X(data_chunk_get_vector) X(vector_get_data)  \
  X(vector_get_validity) X(prepare) X(prepare_error) X(destroy_prepare)                     \
  X(execute_prepared_streaming)                                                             \
  /* statements that are looked at before they run */                                       \
  X(extract_statements) X(extract_statements_error) X(destroy_extracted)                    \
  X(prepared_statement_column_count) X(prepared_statement_column_name)                      \
  X(prepared_statement_column_logical_type) X(get_type_id) X(rows_changed)                  \
  /* table functions */                                                                     \
  X(create_table_function) X(destroy_table_function) X(register_table_function)             \
  X(table_function_set_name) X(table_function_set_extra_info) X(table_function_set_bind)    \
  X(table_function_set_init) X(table_function_set_local_init)                               \
  X(table_function_set_function) X(table_function_supports_projection_pushdown)             \
  X(table_function_add_parameter) X(table_function_add_named_parameter)                     \
  X(bind_get_extra_info) X(bind_add_result_column) X(bind_get_parameter)                    \
  X(bind_get_named_parameter) X(bind_set_bind_data) X(bind_set_cardinality)                 \
  X(bind_set_error) X(init_get_extra_info) X(init_get_bind_data) X(init_set_init_data)      \
  X(init_get_column_count) X(init_get_column_index) X(init_set_max_threads)                 \
  X(init_set_error) X(function_get_extra_info) X(function_get_init_data)                    \
  X(function_get_local_init_data) X(function_set_error)                                     \
  /* their types, parameters and vectors */                                                 \
  X(create_logical_type) X(create_enum_type) X(create_list_type) X(destroy_logical_type)    \
  X(is_null_value) X(get_timestamp) X(get_varchar) X(get_list_size) X(get_list_child)       \
  X(destroy_value) X(vector_size) X(data_chunk_set_size)                                    \
  X(vector_ensure_validity_writable) X(vector_assign_string_element_len)                    \
  X(list_vector_reserve) X(list_vector_set_size) X(list_vector_get_child)

// The functions, by their names without the prefix.
typedef struct ds_duck_api {
#define DS_X(name) __typeof__(duckdb_##name) *name;
  DS_DUCK_FUNCTIONS(DS_X)
#undef DS_X
} ds_duck_api;

// An open database. Fields may be read.
typedef struct ds_duck {
  ds_duck_api api;
  void *library;
  duckdb_database database;
  duckdb_connection connection;
} ds_duck;

// Loads libduckdb.so (`library_path` first when not NULL, then beside the program, then the place
// of installation, then the system's), compares its version with the one built against, and opens
// an empty database that keeps at most memory_bytes and spills to `temp_directory` (NULL: nowhere).
// DS_LIBRARY with what was tried. The caller closes.
DS_CHECKED ds_code ds_duck_open(const char *library_path, const char *temp_directory,
                                size_t memory_bytes, ds_duck **ret_duck, ds_error *err);

// Closes the database; the library stays loaded. NULL is fine.
void ds_duck_close(ds_duck *duck);

// Runs one statement and drops its result. DS_INPUT with DuckDB's first line, in which values are
// blotted out.
DS_CHECKED ds_code ds_duck_run(ds_duck *duck, const char *sql, ds_error *err);

// A small result as texts: cell[row * columns + column], {NULL, 0} for null. Lives in the arena.
typedef struct ds_duck_texts {
  uint32_t rows;
  uint32_t columns;
  ds_str *column;
  ds_str *cell;
} ds_duck_texts;

// Runs a query whose columns are all VARCHAR and copies its result. DS_LIMIT past 2^22 cells.
DS_CHECKED ds_code ds_duck_query(ds_duck *duck, const char *sql, ds_arena *arena,
                                 ds_duck_texts *ret_texts, ds_error *err);

// Copies the first line of a message of DuckDB's; with `blot` its quoted parts, which in messages
// about data are values, possibly personal, become "…".
void ds_duck_message(const char *message, bool blot, char *out, size_t size);

// Fails with the error of `result`, as ds_duck_run does.
ds_code ds_duck_fail(const ds_duck *duck, duckdb_result *result, ds_error *err);

// The same with the error of a statement that could not be prepared.
ds_code ds_duck_fail_prepare(const ds_duck *duck, duckdb_prepared_statement statement,
                             ds_error *err);

// Appends 'text' as an SQL string literal, or "name" as an identifier, quotes doubled.
void ds_sql_literal(ds_buf *out, ds_str text);
void ds_sql_name(ds_buf *out, ds_str name);

// A view of a DuckDB string, valid as long as the vector that holds it.
static inline ds_str ds_duck_str(const duckdb_string_t *text) {
  const uint32_t size = text->value.inlined.length;
  return (ds_str){size <= 12 ? text->value.inlined.inlined : text->value.pointer.ptr, size};
}

#endif
