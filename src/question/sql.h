// SPDX-License-Identifier: Apache-2.0
// What the SQL texts of questions share: DuckDB's dialect over events(customer, time TIMESTAMP,
// arrival, touchpoint, case keys VARCHAR[], properties), where arrival is unique. Private to
// question/. May use base/ to scan/.
#ifndef DS_QUESTION_SQL_H
#define DS_QUESTION_SQL_H

#include "question/question.h"

// Appends a name in double quotes; a text in single quotes.
void ds_sql_put_name(ds_buf *out, const char *name);
void ds_sql_put_text(ds_buf *out, const char *text);

// Appends "WITH kept AS (…), cased AS (…), chosen AS (…)": the events that the request's plan
// leaves (--where, --case, the period), as chosen(customer, case_id, time, arrival, touchpoint,
// properties…). Options that have no SQL form here (--by, --list, --sort, --limit, --attach
// nearest) fail with DS_UNSUPPORTED.
DS_CHECKED ds_code ds_sql_cases(const ds_request *request, const ds_plan *plan,
                                const char *const *properties, uint32_t properties_count,
                                ds_buf *out, ds_error *err);

#endif
