// SPDX-License-Identifier: Apache-2.0
// The rows of a prepared statement as tables of a result. Private to sql/.
#ifndef DS_SQL_ANSWER_H
#define DS_SQL_ANSWER_H

#include "sql/statement.h"

// Rows that are still to come.
typedef struct sql_answer {
  ds_sql *sql;
  const sql_statement *statement;
  duckdb_result result;
  bool ended;
  bool cut; // rows were left out because of rows_max
} sql_answer;

// Runs a statement; the answer is ended by ds_sql_answer_done, also after a failure.
DS_CHECKED ds_code ds_sql_answer_begin(ds_sql *sql, const sql_statement *statement,
                                    sql_answer *ret_answer, ds_error *err);
void ds_sql_answer_done(sql_answer *answer);

// Adds a table without rows for a statement.
DS_CHECKED ds_code ds_sql_answer_table(const sql_statement *statement, uint32_t number,
                                    ds_result *result, ds_table **ret_table, ds_error *err);

// Adds the next rows to the table, at most rows_max of some thousands. *ret_more is false when
// there were no more.
DS_CHECKED ds_code ds_sql_answer_rows(sql_answer *answer, uint32_t rows_max, ds_result *result,
                                   ds_table *table, bool *ret_more, ds_error *err);

#endif
