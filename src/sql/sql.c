// SPDX-License-Identifier: Apache-2.0
// A session is a database in memory that holds views over the table functions, and is then closed
// to all else: nothing outside can be read or written, and no setting changes that.
#include "sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/task.h"
#include "sql/answer.h"
#include "sql/tables.h"

// How often somebody looks whether the user has stopped.
#define WATCH_NS 50000000L
// What a session's lists and columns may take.
#define SESSION_BYTES_MAX ((size_t)256 << 20)

// --- stopped by the user

static void watch_run(void *context) {
  ds_sql *sql = context;
  pthread_mutex_lock(&sql->mutex);
  while (!sql->watched_enough) {
    struct timespec until;
    timespec_get(&until, TIME_UTC);
    until.tv_nsec += WATCH_NS;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&sql->enough, &sql->mutex, &until);
    // Again and again: what begins after an interrupt does not know of it.
    if (!sql->watched_enough && ds_progress_stopped(sql->options.progress))
      sql->duck->api.interrupt(sql->duck->connection);
  }
  pthread_mutex_unlock(&sql->mutex);
}

static ds_code watch_begin(ds_sql *sql, ds_error *err) {
  sql->watched_enough = false;
  return sql->options.progress == NULL
             ? DS_OK : ds_task_start(watch_run, sql, false, &sql->watch, err);
}

static void watch_end(ds_sql *sql) {
  pthread_mutex_lock(&sql->mutex);
  sql->watched_enough = true;
  pthread_cond_signal(&sql->enough);
  pthread_mutex_unlock(&sql->mutex);
  ds_task_end(sql->watch);
  sql->watch = NULL;
}

// --- a session

// Settings can be read by statements: none of them tells a path of this machine.
static ds_code close_doors(ds_sql *sql, ds_error *err) {
  ds_buf text;
  ds_buf_init(&text, 1u << 20);
  ds_buf_printf(&text, "SET threads = %u; SET preserve_insertion_order = false; SET "
                "errors_as_json = true; SET secret_directory = 'none'; ", sql->options.threads);
  if (sql->options.writes_to != NULL) {
    ds_buf_text(&text, "SET allowed_paths = [");
    ds_sql_literal(&text, ds_str_of(sql->options.writes_to));
    ds_buf_text(&text, "]; ");
  }
  ds_buf_text(&text, "SET enable_external_access = false; SET lock_configuration = true;");
  ds_code code = ds_buf_check(&text, "the settings of DuckDB", err);
  if (code == DS_OK)
    code = ds_duck_run(sql->duck, ds_buf_cstr(&text), err);
  ds_buf_done(&text);
  return code;
}

static ds_code session_make(ds_sql *sql, ds_error *err) {
  TRY(ds_duck_open(sql->options.library_path, NULL, sql->options.memory_bytes / 2, &sql->duck,
                   err));
  TRY(ds_sql_lists_make(sql, err));
  TRY(ds_sql_tables_make(sql, err));
  return close_doors(sql, err);
}

ds_code ds_sql_open(const ds_sql_options *options, ds_sql **ret_sql, ds_error *err) {
  ds_sql *sql = calloc(1, sizeof *sql);
  if (sql == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  sql->options = *options;
  pthread_mutex_init(&sql->mutex, NULL);
  pthread_cond_init(&sql->enough, NULL);
  ds_arena_init(&sql->arena, SESSION_BYTES_MAX);
  const ds_code code = session_make(sql, err);
  if (code != DS_OK)
    ds_sql_close(sql);
  else
    *ret_sql = sql;
  return code;
}

void ds_sql_close(ds_sql *sql) {
  if (sql == NULL)
    return;
  ds_duck_close(sql->duck);
  ds_arena_done(&sql->arena);
  pthread_cond_destroy(&sql->enough);
  pthread_mutex_destroy(&sql->mutex);
  free(sql);
}

// --- statements

static ds_code nothing(ds_error *err) {
  return ds_fail(err, DS_USAGE, "there is no statement: write one, as in doorstep sql \"select "
                 "touchpoint, count(*) from events group by touchpoint\"");
}

// The rows of a statement, until there are rows_max.
static ds_code rows_collect(sql_answer *answer, uint32_t number, uint32_t rows_max,
                            ds_result *result, ds_error *err) {
  ds_table *table = NULL;
  bool more = true;
  TRY(ds_sql_answer_table(answer->statement, number, result, &table, err));
  while (more && table->rows_count < rows_max)
    TRY(ds_sql_answer_rows(answer, rows_max - table->rows_count, result, table, &more, err));
  while (more && !answer->cut)
    TRY(ds_sql_answer_rows(answer, 0, result, table, &more, err));
  if (answer->cut)
    ds_result_note(result, true, "Only the first %u rows are shown: --limit asks for more, and a "
                   ".csv or .parquet file gets all.", table->rows_count);
  return DS_OK;
}

static ds_code statement_run(ds_sql *sql, ds_str whole, ds_str text, uint32_t number,
                             uint32_t rows_max, ds_result *result, ds_error *err) {
  sql_statement statement;
  sql_answer answer;
  TRY(ds_sql_statement_prepare(sql, whole, text, result->arena, &statement, err));
  ds_code code = ds_sql_answer_begin(sql, &statement, &answer, err);
  if (code == DS_OK)
    code = rows_collect(&answer, number, rows_max, result, err);
  ds_sql_answer_done(&answer);
  ds_sql_statement_done(sql, &statement);
  return code;
}

static ds_code statements_run(ds_sql *sql, ds_str text, uint32_t rows_max, ds_result *result,
                              ds_error *err) {
  ds_str statement;
  uint32_t at = 0, number = 0;
  while (ds_sql_statement_next(text, &at, &statement))
    TRY(statement_run(sql, text, statement, ++number, rows_max, result, err));
  result->main_table = "rows";
  return number == 0 ? nothing(err) : DS_OK;
}

ds_code ds_sql_run(ds_sql *sql, ds_str text, uint32_t rows_max, ds_result *result,
                   ds_error *err) {
  TRY(watch_begin(sql, err));
  const ds_code code = statements_run(sql, text, rows_max, result, err);
  watch_end(sql);
  return code;
}

// The only statement of the text.
static ds_code only_statement(ds_str text, ds_str *ret_statement, ds_error *err) {
  ds_str second;
  uint32_t at = 0;
  if (!ds_sql_statement_next(text, &at, ret_statement))
    return nothing(err);
  if (ds_sql_statement_next(text, &at, &second))
    return ds_fail(err, DS_USAGE, "a file of rows takes one statement: here are several");
  return DS_OK;
}

static ds_code rows_stream(sql_answer *answer, ds_arena *arena, ds_sql_take take, void *context,
                           ds_error *err) {
  bool more = true;
  while (more) {
    ds_result result;
    ds_table *table = NULL;
    ds_arena_reset(arena);
    ds_result_init(&result, arena, "sql");
    TRY(ds_sql_answer_table(answer->statement, 1, &result, &table, err));
    TRY(ds_sql_answer_rows(answer, UINT32_MAX, &result, table, &more, err));
    TRY(take(context, &result, err));
  }
  return DS_OK;
}

static ds_code statement_stream(ds_sql *sql, ds_str text, ds_arena *arena, ds_sql_take take,
                                void *context, ds_error *err) {
  ds_arena own;
  ds_str one;
  sql_statement statement;
  sql_answer answer;
  TRY(only_statement(text, &one, err));
  ds_arena_init(&own, SESSION_BYTES_MAX);
  ds_code code = ds_sql_statement_prepare(sql, text, one, &own, &statement, err);
  if (code == DS_OK) {
    code = ds_sql_answer_begin(sql, &statement, &answer, err);
    if (code == DS_OK)
      code = rows_stream(&answer, arena, take, context, err);
    ds_sql_answer_done(&answer);
    ds_sql_statement_done(sql, &statement);
  }
  ds_arena_done(&own);
  return code;
}

ds_code ds_sql_stream(ds_sql *sql, ds_str text, ds_arena *arena, ds_sql_take take, void *context,
                      ds_error *err) {
  TRY(watch_begin(sql, err));
  const ds_code code = statement_stream(sql, text, arena, take, context, err);
  watch_end(sql);
  return code;
}

static ds_code copy_run(ds_sql *sql, ds_str whole, ds_str text, uint64_t *ret_rows,
                        ds_error *err) {
  const ds_duck_api *api = &sql->duck->api;
  ds_buf copy;
  duckdb_result result;
  ds_buf_init(&copy, (size_t)4 << 20);
  ds_buf_text(&copy, "COPY (");
  ds_buf_append(&copy, text.data, text.size);
  ds_buf_text(&copy, "\n) TO ");
  ds_sql_literal(&copy, ds_str_of(sql->options.writes_to));
  ds_buf_text(&copy, " (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)");
  ds_code code = ds_buf_check(&copy, "an SQL text", err);
  if (code == DS_OK) {
    if (api->query(sql->duck->connection, ds_buf_cstr(&copy), &result) != DuckDBSuccess)
      code = ds_sql_statement_fail(sql, whole, text, api->result_error(&result),
                                api->result_error_type(&result), err);
    else
      *ret_rows = api->rows_changed(&result);
    api->destroy_result(&result);
  }
  ds_buf_done(&copy);
  return code;
}

ds_code ds_sql_write(ds_sql *sql, ds_str text, uint64_t *ret_rows, ds_error *err) {
  ds_arena arena;
  ds_str one;
  sql_statement statement;
  TRY(only_statement(text, &one, err));
  TRY(watch_begin(sql, err));
  ds_arena_init(&arena, SESSION_BYTES_MAX);
  // Looked at as it stands, so that it can be nothing but a statement that reads.
  ds_code code = ds_sql_statement_prepare(sql, text, one, &arena, &statement, err);
  if (code == DS_OK) {
    ds_sql_statement_done(sql, &statement);
    code = copy_run(sql, text, one, ret_rows, err);
  }
  ds_arena_done(&arena);
  watch_end(sql);
  return code;
}
