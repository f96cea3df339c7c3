// SPDX-License-Identifier: Apache-2.0
// The tables of a session: events, customers, cases, segments over scans, and touchpoints. Private
// to sql/.
#ifndef DS_SQL_TABLES_H
#define DS_SQL_TABLES_H

#include "sql/session.h"

// Registers the table functions and makes the views over them.
DS_CHECKED ds_code ds_sql_tables_make(ds_sql *sql, ds_error *err);

#endif
