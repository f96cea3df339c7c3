// SPDX-License-Identifier: Apache-2.0
// The columns of the tables of SQL, and how a vector of DuckDB is filled with one from a block of
// journeys. Private to sql/.
#ifndef DS_SQL_VECTORS_H
#define DS_SQL_VECTORS_H

#include "sql/session.h"

// A column: its name in SQL and the row of the table of kinds that makes it.
typedef struct sql_column {
  const char *name;
  const struct sql_kind *kind;
  uint16_t code;    // of a case key or property
  ds_type type;     // of a property's values in SQL
  uint32_t columns; // of a property: how many types it is read in, and which
  ds_type types[DS_TYPES_COUNT];
} sql_column;

// Rows first .. first+count-1 of a block: events, or journeys. `journey` holds the first event.
// With `journeys` row r is of journey journeys[r], and of segment segments[r].
typedef struct sql_rows {
  ds_sql *sql;
  const ds_block *block;
  uint32_t first;
  uint32_t count;
  uint32_t journey;
  const uint32_t *journeys;
  const uint16_t *segments;
  ds_arena *arena; // for texts while a vector is filled
} sql_rows;

// How a kind of column is made. `fill` sets every value of the vector; `at` is where the block has
// the column's first case key or property.
typedef struct sql_kind {
  const char *name;      // of a column of which a table has one
  duckdb_type type;      // ENUM: of `list`; LIST: of texts, or of `list` when `enums`
  sql_list list;
  bool enums;
  uint32_t want;         // DS_WANT_* of the block
  ds_code (*fill)(const sql_rows *rows, const sql_column *column, uint32_t at,
                  duckdb_vector vector, ds_error *err);
} sql_kind;

// The columns that tables have under fixed names, ended by NULL; those of case keys and properties.
extern const sql_kind *const ds_sql_events_kinds[];
extern const sql_kind *const ds_sql_customers_kinds[];
extern const sql_kind *const ds_sql_cases_kinds[];
extern const sql_kind *const ds_sql_segments_kinds[];
extern const sql_kind ds_sql_key_kind;
extern const sql_kind ds_sql_property_kind;

// The type of a column; the caller destroys it.
duckdb_logical_type ds_sql_column_type(const ds_sql *sql, const sql_column *column);

#endif
