// SPDX-License-Identifier: Apache-2.0
// How a function that DuckDB calls finds what it was registered with: all it is given is a handle
// that only the library's own functions can read, and those were looked up when the library was
// loaded. So their addresses stand here, the only variables of the library at file scope: every
// session writes the same (decision 39). Private to sql/. May use ingest/duck.
#ifndef DS_SQL_REACH_H
#define DS_SQL_REACH_H

#include "ingest/duck.h"

// Notes the addresses; before any function is registered.
void ds_sql_reach_note(const ds_duck_api *api);

// The extra info of a function that is bound, begun, or called.
void *ds_sql_reach_bind(duckdb_bind_info info);
void *ds_sql_reach_init(duckdb_init_info info);
void *ds_sql_reach_call(duckdb_function_info info);

#endif
