// SPDX-License-Identifier: Apache-2.0
// Checks a JSON file as it streams by, every byte of it, and finds its columns: every member of
// every record, what lies in objects by names with dots to depth 3, with the type that all its
// values fit. So nothing depends on a sample, and no member that comes late is lost. May use base/,
// ingest/{input,json_split,ndjson_parse}.
#ifndef DS_INGEST_SOURCE_JSON_H
#define DS_INGEST_SOURCE_JSON_H

#include "base/map.h"
#include "ingest/input.h"
#include "ingest/json_split.h"
#include "ingest/ndjson_parse.h"

// Columns of one file at most, and how deep names go.
enum { DS_JSON_COLUMNS_MAX = 4096, DS_JSON_DEPTH_MAX = 3 };

// Fields are private. One per file.
typedef struct ds_json_check {
  const ds_source *file;
  ds_json_split split;
  ds_ndjson *parser;
  ds_names paths;
  uint8_t kinds[DS_JSON_COLUMNS_MAX]; // bits: which kinds of value a path has had
  uint32_t guess;
  ds_error unfit; // the first member that can be no column; code DS_OK: none
  uint64_t offset;
} ds_json_check;

// Begins the check. Done frees it. DS_MEMORY.
DS_CHECKED ds_code ds_json_check_init(ds_json_check *check, const ds_source *file, ds_error *err);
void ds_json_check_done(ds_json_check *check);

// Takes the next piece. DS_INPUT with the line.
DS_CHECKED ds_code ds_json_check_feed(ds_json_check *check, const uint8_t *data, size_t size,
                                      ds_error *err);

// Ends the check: fills columns, types and shape of `file`, and its kind: DS_SOURCE_EVENTS when the
// records say event and time as `append` wants them, and hold objects "customer" or "properties",
// or no column for the customer.
DS_CHECKED ds_code ds_json_check_end(ds_json_check *check, ds_source *file, ds_arena *arena,
                                     ds_error *err);

// For the SQL that reads the file: what to select as its columns, and the options of read_json
// behind the path. Columns are read as the duck_type of `columns`, as what was found when NULL.
void ds_json_columns_sql(const ds_source *file, ds_buf *out);
void ds_json_options_sql(const ds_source *file, const ds_input_column *columns, ds_buf *out);

#endif
