// SPDX-License-Identifier: Apache-2.0
#include "sql/answer.h"

#include <stdio.h>

#include "model/time.h"

// The years 1 to 9999.
#define TIME_MIN_MS (-62135596800000)
#define TIME_MAX_MS 253402300799999

ds_code ds_sql_answer_begin(ds_sql *sql, const sql_statement *statement, sql_answer *ret_answer,
                         ds_error *err) {
  const ds_duck_api *api = &sql->duck->api;
  *ret_answer = (sql_answer){.sql = sql, .statement = statement};
  if (api->execute_prepared_streaming(statement->prepared, &ret_answer->result) == DuckDBSuccess)
    return DS_OK;
  return ds_sql_statement_fail(sql, statement->whole, statement->text,
                            api->result_error(&ret_answer->result),
                            api->result_error_type(&ret_answer->result), err);
}

void ds_sql_answer_done(sql_answer *answer) {
  answer->sql->duck->api.destroy_result(&answer->result);
}

ds_code ds_sql_answer_table(const sql_statement *statement, uint32_t number, ds_result *result,
                         ds_table **ret_table, ds_error *err) {
  char name[16];
  const uint32_t count = statement->columns_count;
  snprintf(name, sizeof name, number == 1 ? "rows" : "rows_%u", number);
  ds_column *columns = ds_arena_array(result->arena, count + 1u, sizeof *columns);
  const char *copy = ds_arena_text(result->arena, name, strlen(name));
  if (columns == NULL || copy == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  for (uint32_t c = 0; c < count; c++)
    columns[c] = (ds_column){.name = statement->columns[c].name, .unit = "", .meaning = "",
                             .type = statement->columns[c].cell};
  ds_table *table = ds_result_table(result, copy, "", columns, count);
  if (table == NULL)
    return ds_fail(err, DS_LIMIT, "more than 8 statements: ask for some of them");
  table->bar = "";
  table->given_names = count;
  *ret_table = table;
  return DS_OK;
}

static bool is_valid(const uint64_t *validity, idx_t row) {
  return validity == NULL || (validity[row >> 6] >> (row & 63) & 1) != 0;
}

// An instant in microseconds, cut to milliseconds.
static ds_code put_time(const sql_answer *answer, uint32_t column, int64_t micros, ds_cell *cell,
                        ds_error *err) {
  const int64_t ms = micros / 1000 - (micros % 1000 < 0);
  if (ms < TIME_MIN_MS || ms > TIME_MAX_MS)
    return ds_fail(err, DS_LIMIT, "the column %.100s has an instant before the year 1 or behind "
                   "9999: cast it to VARCHAR", answer->statement->columns[column].name);
  *cell = ds_cell_i64(ms);
  return DS_OK;
}

// What a cell is made of: a column of a chunk.
typedef struct chunk_column {
  const void *data;
  const uint64_t *validity;
} chunk_column;

static ds_code put_cell(const sql_answer *answer, uint32_t column, const chunk_column *source,
                        idx_t row, ds_result *result, ds_cell *cell, ds_error *err) {
  if (!is_valid(source->validity, row))
    return DS_OK;
  switch (answer->statement->columns[column].type) {
  case DUCKDB_TYPE_DOUBLE: *cell = ds_cell_double(((const double *)source->data)[row]); break;
  case DUCKDB_TYPE_TIMESTAMP:
    return put_time(answer, column, ((const int64_t *)source->data)[row], cell, err);
  default:
    *cell = ds_cell_text(result, ds_duck_str(&((const duckdb_string_t *)source->data)[row]));
  }
  return DS_OK;
}

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for the rows: ask for fewer, or write them to a "
                 ".csv or .parquet file");
}

static ds_code put_chunk(const sql_answer *answer, duckdb_data_chunk chunk, uint32_t rows_max,
                         ds_result *result, ds_table *table, ds_error *err) {
  const ds_duck_api *api = &answer->sql->duck->api;
  const uint32_t count = answer->statement->columns_count;
  chunk_column *columns = ds_arena_array(result->arena, count + 1u, sizeof *columns);
  if (columns == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  for (uint32_t c = 0; c < count; c++) {
    duckdb_vector vector = api->data_chunk_get_vector(chunk, c);
    columns[c] = (chunk_column){api->vector_get_data(vector), api->vector_get_validity(vector)};
  }
  const idx_t rows = api->data_chunk_get_size(chunk);
  for (idx_t r = 0; r < rows && r < rows_max; r++) {
    ds_cell *cells = ds_table_row(result, table);
    if (cells == NULL)
      return no_memory(err);
    for (uint32_t c = 0; c < count; c++)
      TRY(put_cell(answer, c, &columns[c], r, result, &cells[c], err));
  }
  return result->arena->refused ? no_memory(err) : DS_OK;
}

ds_code ds_sql_answer_rows(sql_answer *answer, uint32_t rows_max, ds_result *result,
                           ds_table *table, bool *ret_more, ds_error *err) {
  const ds_duck_api *api = &answer->sql->duck->api;
  *ret_more = false;
  duckdb_data_chunk chunk = answer->ended ? NULL : api->fetch_chunk(answer->result);
  if (chunk == NULL) {
    answer->ended = true;
    const char *message = api->result_error(&answer->result);
    if (message == NULL || *message == '\0')
      return DS_OK;
    return ds_sql_statement_fail(answer->sql, answer->statement->whole, answer->statement->text,
                              message, api->result_error_type(&answer->result), err);
  }
  answer->cut |= api->data_chunk_get_size(chunk) > rows_max;
  const ds_code code = put_chunk(answer, chunk, rows_max, result, table, err);
  api->destroy_data_chunk(&chunk);
  *ret_more = true;
  return code;
}
