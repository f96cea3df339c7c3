// SPDX-License-Identifier: Apache-2.0
// What the SQL texts of a rule about cases share: the events that are seen, so_far(customer,
// of_case, …), or items<LEVEL> with the value of the level's key as `of_item`. A case that is asked
// at instants of its own is one for each, `of_now`, with the events seen then. Private to lang/.
#ifndef DS_LANG_CASE_SQL_H
#define DS_LANG_CASE_SQL_H

#include "lang/case_tree.h"

// Where the text of a level goes.
typedef struct lang_case_writer {
  const ds_case_program *program;
  const lang_level *level;
  int64_t now_ms;
  bool has_instants; // each case has its own in place of now_ms
  ds_buf *out;
  ds_error *err;
} lang_case_writer;

// Appends `text` for each of the columns that tell the level's cases apart, its name in place of
// each @, and `between` between two of them.
void ds_lang_sql_each(const lang_case_writer *to, const char *text, const char *between);

// Appends these columns: "customer, of_case", the instant and the value of the key.
void ds_lang_sql_case(const lang_case_writer *to);

// Appends the instant at which is asked, in ms since 1970.
void ds_lang_sql_now(const lang_case_writer *to);

// Appends the table of the level's events.
void ds_lang_sql_source(const lang_case_writer *to);

// Appends a selector's condition in parentheses. DS_UNSUPPORTED "no SQL form: ...".
ds_code ds_lang_sql_selector(const lang_case_writer *to, uint32_t selector);

// Appends ", pattern<LEVEL>_<FACT> AS (…)": the cases that hold the fact's pattern, with `met`.
ds_code ds_lang_pattern_sql(const lang_case_writer *to, uint32_t fact);

#endif
