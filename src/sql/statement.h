// SPDX-License-Identifier: Apache-2.0
// One statement of a text: cut out, checked to do nothing but read, and prepared so that its
// columns are of the few types that a result is made of. Private to sql/.
#ifndef DS_SQL_STATEMENT_H
#define DS_SQL_STATEMENT_H

#include "sql/session.h"

// What a column comes as, and what it is shown as.
typedef struct sql_answer_column {
  const char *name;
  duckdb_type type; // VARCHAR, DOUBLE or TIMESTAMP
  ds_cell_type cell;
} sql_answer_column;

// A prepared statement; the columns lie in the arena it was prepared with.
typedef struct sql_statement {
  ds_str whole; // the text that it stands in, and where
  ds_str text;
  duckdb_prepared_statement prepared;
  sql_answer_column *columns;
  uint32_t columns_count;
} sql_statement;

// The statement at or after text.data[*at], without its semicolon; *at moves behind it. False when
// there is none but blanks, comments and semicolons.
bool ds_sql_statement_next(ds_str text, uint32_t *at, ds_str *ret_statement);

// What a statement EXPLAIN explains, as text.
ds_str ds_sql_statement_explained(ds_str explain);

// Prepares the statement `text` of the text `whole`. DS_UNSUPPORTED when it does not only read, or
// is more than one; DS_EXPRESSION with the position in `whole`.
DS_CHECKED ds_code ds_sql_statement_prepare(ds_sql *sql, ds_str whole, ds_str text, ds_arena *arena,
                                         sql_statement *ret_statement, ds_error *err);
void ds_sql_statement_done(ds_sql *sql, sql_statement *statement);

// The error that DuckDB tells of `text`, a part of `whole`: in one line, with the position. `type`
// is DUCKDB_ERROR_INVALID when it is not known. Values in messages about data are blotted out.
ds_code ds_sql_statement_fail(ds_sql *sql, ds_str whole, ds_str text, const char *message,
                           duckdb_error_type type, ds_error *err);

#endif
