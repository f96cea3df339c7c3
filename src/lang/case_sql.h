// SPDX-License-Identifier: Apache-2.0
// What the SQL texts of a rule about cases share: the events that are seen, so_far(customer,
// of_case, …), or items<LEVEL> with the value of the level's key as `item`. Private to lang/.
#ifndef DS_LANG_CASE_SQL_H
#define DS_LANG_CASE_SQL_H

#include "lang/case_tree.h"

// Where the text of a level goes.
typedef struct lang_case_writer {
  const ds_case_program *program;
  const lang_level *level;
  int64_t now_ms;
  ds_buf *out;
  ds_error *err;
} lang_case_writer;

// Appends the columns that tell the level's cases apart: "customer, of_case" and the value of the
// key.
void ds_lang_sql_case(const lang_case_writer *to);

// Appends the table of the level's events.
void ds_lang_sql_source(const lang_case_writer *to);

// Appends a selector's condition in parentheses. DS_UNSUPPORTED "no SQL form: ...".
ds_code ds_lang_sql_selector(const lang_case_writer *to, uint32_t selector);

// Appends ", pattern<LEVEL>_<FACT> AS (…)": the cases that hold the fact's pattern, with `met`.
ds_code ds_lang_pattern_sql(const lang_case_writer *to, uint32_t fact);

#endif
