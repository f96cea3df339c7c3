// SPDX-License-Identifier: Apache-2.0
// NDJSON lines -> rows for the log: objects
// {"id","event","time","received"?,"customer":{"account_id":…}, "order_id":…, "properties":{…}}
// as in POST /v1/events. May use base/, model/, store/ and simdjson (behind
// ingest/ndjson_parse.h). Never question/.
#ifndef DS_INGEST_APPEND_H
#define DS_INGEST_APPEND_H

#include "store/store.h"

typedef struct ds_appender ds_appender;

// An appender onto a store open to write, by that store's settings; the store is the appender's
// until it is freed. `rejected` is called once per
// refused line with its number (1-based), the column in it and the reason; the text of the line is
// never passed on. DS_INPUT when the settings are wrong. The caller frees.
DS_CHECKED ds_code ds_appender_new(ds_store *store,
                                   void (*rejected)(void *context, uint64_t line, uint32_t column,
                                                    const char *reason),
                                   void *context, ds_appender **ret_appender, ds_error *err);
void ds_appender_free(ds_appender *appender);

// Takes whole lines (each ended by a newline). Rejected lines are counted and reported, the rest
// staged.
DS_CHECKED ds_code ds_appender_lines(ds_appender *appender, const char *text, size_t size,
                                     ds_error *err);

// Makes all staged lines durable. Afterwards the first *ret_lines lines given so far, which is all
// of them, are settled: durable, duplicate or rejected.
DS_CHECKED ds_code ds_appender_commit(ds_appender *appender, uint64_t *ret_lines, ds_error *err);

// Begins to make all staged lines durable, so that further ones can be taken meanwhile. Waits while
// too much is under way.
DS_CHECKED ds_code ds_appender_submit(ds_appender *appender, ds_error *err);

// How many of the first lines are settled by now.
DS_CHECKED ds_code ds_appender_settled(ds_appender *appender, uint64_t *ret_lines, ds_error *err);

// Calls `each` with every event name so far that the store's catalogue does not know (its events
// are kept under it) and the nearest one that it knows, NULL when none is near.
void ds_appender_unknown(const ds_appender *appender,
                         void (*each)(void *context, const char *name, const char *nearest),
                         void *context);

// Lines seen, events stored, duplicates, rejected lines, personal values inside of nested ones that
// were left out, personal values sealed, lines rejected because the person was erased.
typedef struct ds_append_stats {
  uint64_t lines, events, duplicates, rejected, personal_dropped, sealed, suppressed;
} ds_append_stats;
ds_append_stats ds_appender_stats(const ds_appender *appender);

#endif
