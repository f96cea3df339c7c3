// SPDX-License-Identifier: Apache-2.0
// What the table functions of SQL share: the open database, what was asked for, and the lists of
// texts that columns of the type ENUM have. Private to sql/. Never changes once it is open, but for
// what belongs to the mutex; used by any number of threads.
#ifndef DS_SQL_SESSION_H
#define DS_SQL_SESSION_H

#include <pthread.h>

#include "ingest/duck.h"
#include "sql/sql.h"

// An ENUM: its texts, ascending by bytes, so that it is sorted as a text is; and which of them each
// code of the store stands for (SQL_NO_TEXT: NULL).
typedef struct sql_enum {
  const char **text;
  uint32_t count;
  const uint16_t *of;
  uint32_t of_count;
  bool has_none;  // some code stands for no text
  uint32_t width; // bytes of a value in a vector
} sql_enum;
#define SQL_NO_TEXT UINT16_MAX

// The lists there are: by code of a touchpoint, of a source; of a segment by its number.
typedef enum sql_list {
  SQL_TOUCHPOINTS, SQL_STAGES, SQL_ACTORS, SQL_SOURCES, SQL_SEGMENTS, SQL_LISTS
} sql_list;

// A session.
struct ds_sql {
  ds_duck *duck;
  ds_sql_options options;
  sql_enum lists[SQL_LISTS];
  const ds_case_program *segments; // a rule for each text of SQL_SEGMENTS
  ds_arena arena;                  // of what lives as long as it; used while it is opened
  pthread_mutex_t mutex;           // of the unsealer, and of all that follows
  ds_error failure;                // of a table function, whose code DuckDB does not hand on
  struct ds_task *watch;           // it interrupts DuckDB when the user stops
  pthread_cond_t enough;
  bool watched_enough;
};

// Keeps the first failure of a table function.
void ds_sql_session_failed(ds_sql *sql, ds_code code, const ds_error *err);

// Takes the first failure of a table function, if there was one: its code is lost in DuckDB.
bool ds_sql_session_failure(ds_sql *sql, ds_error *ret_failure);

// Makes the lists, and the program of the segments that the store has the names for.
DS_CHECKED ds_code ds_sql_lists_make(ds_sql *sql, ds_error *err);

#endif
