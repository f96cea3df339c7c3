// SPDX-License-Identifier: Apache-2.0
#include "sql/reach.h"

#include <stdatomic.h>

static _Atomic(__typeof__(duckdb_bind_get_extra_info) *) of_bind;
static _Atomic(__typeof__(duckdb_init_get_extra_info) *) of_init;
static _Atomic(__typeof__(duckdb_function_get_extra_info) *) of_call;

void ds_sql_reach_note(const ds_duck_api *api) {
  atomic_store(&of_bind, api->bind_get_extra_info);
  atomic_store(&of_init, api->init_get_extra_info);
  atomic_store(&of_call, api->function_get_extra_info);
}

void *ds_sql_reach_bind(duckdb_bind_info info) { return atomic_load(&of_bind)(info); }

void *ds_sql_reach_init(duckdb_init_info info) { return atomic_load(&of_init)(info); }

void *ds_sql_reach_call(duckdb_function_info info) { return atomic_load(&of_call)(info); }
