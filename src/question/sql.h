// SPDX-License-Identifier: Apache-2.0
// What the SQL texts of questions share: DuckDB's dialect over events(customer, time TIMESTAMP,
// received TIMESTAMP, arrival, touchpoint, case keys VARCHAR[], properties), where arrival is
// unique, and customer is "kind=identifier" where a question looks at it. Private to question/. May
// use base/ to scan/.
#ifndef DS_QUESTION_SQL_H
#define DS_QUESTION_SQL_H

#include "question/question.h"

// Appends a name in double quotes; a text in single quotes.
void ds_sql_put_name(ds_buf *out, const char *name);
void ds_sql_put_text(ds_buf *out, const char *text);

// Appends the table of the events that the request sees: events, or what --as-of and --known-at
// leave.
void ds_sql_put_events(const ds_request *request, ds_buf *out);

// Appends "WITH kept AS (…), cased AS (…), chosen AS (…)": the events that the request's plan
// leaves (--where, --case, the period), as chosen(customer, of_case, time, arrival, touchpoint,
// properties…); all columns of events when `properties` is NULL. Options that have no SQL form here
// (--list, --sort, --limit, --attach nearest) fail with DS_UNSUPPORTED. The property of --by is
// among the columns.
DS_CHECKED ds_code ds_sql_cases(const ds_request *request, const ds_plan *plan,
                                const char *const *properties, uint32_t properties_count,
                                ds_buf *out, ds_error *err);

// How --by is said. Without it the texts are empty.
typedef struct ds_sql_by {
  const char *name;     // as asked; NULL: not asked for
  const char *property;
  const char *only;     // its touchpoint; NULL: all
  const char *touchpoint; // the column that tells it
  const char *value;    // its text: SQL in which '@' stands for the property
  unsigned top;
  const char *part;     // "of_group, "
  const char *show;     // "of_group.label AS "NAME", ", the first column of a table
} ds_sql_by;

// DS_UNSUPPORTED for a property whose values have several types, or are durations.
DS_CHECKED ds_code ds_sql_by_read(const ds_request *request, ds_sql_by *ret_by, ds_error *err);

// Appends ", …, parts AS (…)": the cases of the table `source` (customer and `of_case`) with their
// group as of_group, a struct that sorts as groups do and tells them apart. Nothing without --by.
void ds_sql_put_parts(const ds_sql_by *by, const char *of_case, const char *source, ds_buf *out);

// The same, then ", grouped AS (…)": the events of *source with their case's group, and makes that
// the source.
void ds_sql_put_groups(const ds_sql_by *by, const char *of_case, ds_buf *out,
                       const char **source);

// Appends a text, in which each '~' stands for `part`, each '^' for `show`, and each '`' for
// "PARTITION BY of_group ".
void ds_sql_put_by(const ds_sql_by *by, const char *text, ds_buf *out);

// Appends ", met AS (…)": customer and of_case of those of the table `source` (which has the
// columns of events, too) that meet the plan's expressions about cases; nothing when it has none.
DS_CHECKED ds_code ds_sql_put_met(const ds_plan *plan, const char *source, ds_buf *out,
                                  ds_error *err);

// The properties that expressions over `chosen` read, each once, in the request's arena.
// DS_UNSUPPORTED for what has no column there.
DS_CHECKED ds_code ds_sql_reads(const ds_request *request, const ds_expression *const *expressions,
                                uint32_t expressions_count, const char ***ret_names,
                                uint32_t *ret_count, ds_error *err);

// The same for questions about whole customers: chosen has the columns of events. The plan has no
// case key, or it says nothing here.
DS_CHECKED ds_code ds_sql_events(const ds_request *request, const ds_plan *plan, ds_buf *out,
                                 ds_error *err);

// Appends "c.customer, c.time, c.arrival, c.touchpoint" and the case keys: the columns of chosen
// (as c) that no property of the store can be mistaken for.
void ds_sql_put_plain(const ds_request *request, ds_buf *out);

// Appends a remark for each property that is called like another column of events: the table has it
// under a longer name (docs/sql.md), which the text does not know.
void ds_sql_put_clashes(const ds_request *request, ds_buf *out);

// Appends ", known(touchpoint, stage_name, own, owner, actor, channel) AS (…)": those that the
// catalogue knows; `own` is the stage's number, NULL where the name is "any".
void ds_sql_put_known(const ds_request *request, ds_buf *out);

// Appends the clock of the request's zone at an instant, and its day as days since 1970.
void ds_sql_put_local(const ds_request *request, const char *time, ds_buf *out);
void ds_sql_put_day(const ds_request *request, const char *time, ds_buf *out);

// Appends a text, in which each '@' stands for `name` in double quotes and each '#' for it as a
// text in single quotes.
void ds_sql_put_named(const char *text, const char *name, ds_buf *out);

#endif
