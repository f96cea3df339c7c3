// SPDX-License-Identifier: Apache-2.0
// The Result: what every question returns and every surface renders. Tables of typed columns,
// notes, the options as asked, and a definition in words. May use base/, model/. Built in an arena;
// immutable afterwards.
#ifndef DS_MODEL_RESULT_H
#define DS_MODEL_RESULT_H

#include "base/arena.h"
#include "model/value.h"

// Stands between the items of a DS_CELL_LIST (the ASCII unit separator).
#define DS_LIST_SEPARATOR '\x1f'

// How a cell is to be read and shown.
typedef enum ds_cell_type {
  DS_CELL_TEXT,
  DS_CELL_COUNT,    // int64 >= 0
  DS_CELL_NUMBER,   // double
  DS_CELL_DURATION, // double, ms; column names end in _ms
  DS_CELL_SHARE,    // double 0..1
  DS_CELL_TIME,     // int64 ms UTC
  DS_CELL_LIST,     // text: items joined by DS_LIST_SEPARATOR; an array in JSON
  DS_CELL_ITEMS,    // the same where their order says nothing: "a b" for people
  DS_CELL_EXACT,    // text: a number to its last digit, true or false; the same in JSON
} ds_cell_type;

// One column of a table: name as in SEMANTICS, unit ("ms", "events", ""), meaning in one line.
typedef struct ds_column {
  const char *name;
  ds_cell_type type;
  const char *unit;
  const char *meaning;
  bool secondary; // hidden in a narrow terminal table
} ds_column;

// One value of a row; `null` means "not enough data".
typedef struct ds_cell {
  bool null;
  union {
    ds_str text;
    int64_t i;
    double number;
  };
} ds_cell;

// How a long table is shown to people as a wide one: a row for each run of rows that have the same
// `keys` (names, ended by NULL), a column per value of `across`, `figure` in its cells; rows whose
// column `only` is not `only_text` are left out of it. Machines get the table as it is.
typedef struct ds_pivot {
  const char *title;
  const char *const *keys;
  const char *across;
  const char *figure;
  const char *only;
  const char *only_text;
} ds_pivot;

// Rows that hang on one another: the texts of the column `text` are indented by the count in the
// column `depth`.
typedef struct ds_tree {
  const char *text;
  const char *depth;
} ds_tree;

// One table: rows x columns cells, row-major.
typedef struct ds_table {
  const char *name;
  const char *title; // in words, for people
  const ds_column *columns;
  uint32_t columns_count;
  uint32_t rows_count;
  uint32_t rows_capacity;
  ds_cell *cells;
  const char *bar; // the figure that a terminal draws as a bar too; NULL = first count, "" = none
  const char *beneath; // a text that a terminal puts under each row when it does not fit; or NULL
  const ds_tree *tree;   // how people see that rows hang on one another; NULL: they do not
  const ds_pivot *pivot; // how people see it; NULL: as it is
  uint32_t given_names;  // so many columns, the last ones, are called as somebody called them
} ds_table;

// A remark to the reader. Warnings must be shown wherever the figures are.
typedef struct ds_note {
  bool warning;
  const char *text;
} ds_note;

// One option as asked, defaults filled in; nothing of the machine.
typedef struct ds_option_value {
  const char *name;
  const char *text;
} ds_option_value;

// More than any table has.
enum { DS_FIGURES_KEYS_MAX = 4, DS_FIGURES_COLUMNS_MAX = 6 };

// The figures of a table that can be listed, by --list: those of `columns`. A row is named by its
// group, when there is one, and by `keys`, of which the first `needed` are never null; a key that
// is null is not given. NULL ends a row of names.
typedef struct ds_figures {
  const char *table;
  uint32_t needed;
  const char *keys[DS_FIGURES_KEYS_MAX];
  const char *columns[DS_FIGURES_COLUMNS_MAX];
  const char *const *except; // rows of these values of the first key count nothing that can be
                             // listed; NULL: there are none
  const char *by;            // the column of groups; NULL: there is none
} ds_figures;

// More tables no answer has.
enum { DS_RESULT_TABLES_MAX = 9 };

// The answer to a question. Texts not made by the functions below must outlive it.
typedef struct ds_result {
  const char *question;
  const char *definition;
  int64_t as_of_ms;
  uint32_t tables_count;
  uint32_t notes_count;
  uint32_t options_count;
  uint32_t figures_count;
  ds_table tables[DS_RESULT_TABLES_MAX];
  ds_figures figures[DS_RESULT_TABLES_MAX]; // of tables of this result
  ds_note notes[32];
  ds_option_value options[64];
  const char *main_table; // what a format of one table (CSV) shows; NULL = the last
  ds_arena *arena;        // owns every text and cell
} ds_result;

// An empty result whose content will live in `arena` (which must outlive it).
void ds_result_init(ds_result *result, ds_arena *arena, const char *question);

// A new table with static column descriptions; NULL past DS_RESULT_TABLES_MAX.
ds_table *ds_result_table(ds_result *result, const char *name, const char *title,
                          const ds_column *columns, uint32_t columns_count);

// A new row of null cells in `table`, to be filled; NULL without memory. Valid until the next row.
ds_cell *ds_table_row(ds_result *result, ds_table *table);

// Cell values; text is copied into the result's arena (a null cell without memory).
ds_cell ds_cell_text(ds_result *result, ds_str text);
static inline ds_cell ds_cell_i64(int64_t i) { return (ds_cell){.null = false, .i = i}; }
static inline ds_cell ds_cell_double(double d) { return (ds_cell){.null = false, .number = d}; }
static inline ds_cell ds_cell_null(void) { return (ds_cell){.null = true, .i = 0}; }

// The table of a name, or NULL; the index of a table's column, or UINT32_MAX.
const ds_table *ds_result_find(const ds_result *result, const char *name);
uint32_t ds_table_column(const ds_table *table, const char *name);

// A formatted note; a formatted option. Silently full past 32 notes is impossible: asserted.
void ds_result_note(ds_result *result, bool warning, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void ds_result_option(ds_result *result, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
