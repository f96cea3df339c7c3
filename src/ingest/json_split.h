// SPDX-License-Identifier: Apache-2.0
// A JSON text of any length, cut into the records in it as it streams by: objects one after another
// (one a line or not), the items of one array, or the items of the arrays that one object holds.
// Only the structure outside the records is judged here. May use base/, ingest/source.h.
#ifndef DS_INGEST_JSON_SPLIT_H
#define DS_INGEST_JSON_SPLIT_H

#include "base/buf.h"
#include "ingest/source.h"

// The most bytes of one record.
enum { DS_JSON_RECORD_BYTES_MAX = 8 << 20, DS_JSON_MEMBER_BYTES_MAX = 64 };

// Where the records lie.
typedef enum ds_json_shape { DS_JSON_LINES, DS_JSON_LOOSE, DS_JSON_ARRAY } ds_json_shape;

// One record; valid until the taker returns.
typedef struct ds_json_record {
  ds_str text;
  uint64_t line;      // of its first byte
  const char *member; // name of the array that holds it, "" unless cut by members
} ds_json_record;

// Takes a record; an error stops.
typedef ds_code (*ds_json_take)(void *context, const ds_json_record *record, ds_error *err);

// Fields are private but `shape`, which is known at the end, and `line`.
typedef struct ds_json_split {
  const ds_source *file;
  ds_json_take take;
  void *context;
  bool members;
  ds_json_shape shape;
  uint64_t line;
  uint64_t record_line;
  uint64_t last_line; // where the record before ended
  uint32_t depth;
  uint32_t record_depth; // where records begin
  bool in_string;
  bool escaped;
  bool in_record;
  bool comma;  // behind the record before
  bool closed; // the outermost array or object
  bool any;
  char member[DS_JSON_MEMBER_BYTES_MAX];
  uint32_t member_size;
  ds_buf record; // what came of it in earlier pieces
} ds_json_split;

// Begins; `members` cuts the arrays of one outermost object. Done frees.
void ds_json_split_init(ds_json_split *split, const ds_source *file, bool members,
                        ds_json_take take, void *context);
void ds_json_split_done(ds_json_split *split);

// Takes the next piece. DS_INPUT with file and line.
DS_CHECKED ds_code ds_json_split_feed(ds_json_split *split, const uint8_t *data, size_t size,
                                      ds_error *err);

// Ends: DS_INPUT when the text is cut short or holds no record.
DS_CHECKED ds_code ds_json_split_end(ds_json_split *split, ds_error *err);

// Fails with what ds_ndjson_read said of the record.
ds_code ds_json_split_refuse(const ds_source *file, const ds_json_record *record,
                             const char *reason, uint32_t column, ds_error *err);

#endif
