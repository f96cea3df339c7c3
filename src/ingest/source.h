// SPDX-License-Identifier: Apache-2.0
// The files of an import before anything is read from them as rows: which they are, what they
// truly are (by content, not by name), whether they are whole and readable as text, how their
// fields are separated, what their columns are called. DuckDB's readers accept cut and damaged
// files without a word, so every byte passes here first. May use base/, io/, model/,
// ingest/personal.h.
#ifndef DS_INGEST_SOURCE_H
#define DS_INGEST_SOURCE_H

#include "base/arena.h"
#include "base/progress.h"
#include "base/str.h"
#include "io/io.h"

// What a file holds, how it is compressed, how its text is written.
typedef enum ds_source_kind {
  DS_SOURCE_TEXT, DS_SOURCE_JSON, DS_SOURCE_PARQUET, // tables
  DS_SOURCE_EVENTS, // JSON records that are events as `append` takes them
  DS_SOURCE_XES, DS_SOURCE_OCEL_JSON, DS_SOURCE_OCEL_XML, DS_SOURCE_OCEL_SQLITE // event logs
} ds_source_kind;
typedef enum ds_source_squeeze { DS_SQUEEZE_NONE, DS_SQUEEZE_GZIP, DS_SQUEEZE_ZSTD }
    ds_source_squeeze;
typedef enum ds_source_encoding { DS_ENCODING_UTF8, DS_ENCODING_LATIN1 } ds_source_encoding;

// A member of a JSON file's records. `type` is DuckDB's, NULL for an object, whose members follow;
// `used` is false for what lies in a member that is kept whole.
typedef struct ds_member {
  ds_str path; // names with dots between
  ds_str name; // the last of them
  uint32_t parent; // index of the object that holds it, UINT32_MAX = the record
  const char *type;
  bool used;
} ds_member;

// One file. All but `path`, `name`, `encoding`, a given `delimiter` and `as_columns` are filled by
// inspection.
typedef struct ds_source {
  const char *path;
  const char *name; // the last component of path: what messages say
  ds_source_kind kind;
  ds_source_squeeze squeeze;
  ds_source_encoding encoding;
  char delimiter;     // '\0' until found
  bool as_columns;    // JSON is a table, even when its records are events
  bool plain_lines;   // a text without quotes and carriage returns
  bool mixed_lines;   // some records end in LF, some in CRLF; all else is in order
  uint64_t bytes;     // of the file
  uint64_t hash;      // XXH3 of the file
  uint64_t lines;     // of the text
  uint32_t columns_count;
  ds_str *columns; // the header's names; of JSON the members that are no objects, by path
  uint8_t shape;   // of JSON: ds_json_shape
  uint32_t members_count;
  ds_member *members;
} ds_source;

// Whether the file is one of events, which names its customers, events and times itself and is read
// by a reader of our own; all others are tables, which DuckDB reads.
static inline bool ds_source_is_log(const ds_source *file) {
  return file->kind >= DS_SOURCE_EVENTS;
}

// Finds kind and compression of a file by its first bytes and, where these leave a choice, by its
// first text; its name must agree. DS_INPUT with what it is instead.
DS_CHECKED ds_code ds_source_find_kind(ds_io *io, ds_source *file, const uint8_t *head,
                                       size_t size, ds_error *err);

// The files that `pattern` (a path whose last component may hold * ? [ ]) names, by name, appended
// to *files of *count. DS_INPUT when there is none, or it is a folder.
DS_CHECKED ds_code ds_source_expand(ds_io *io, ds_arena *arena, const char *pattern,
                                    ds_source **files, uint32_t *count, ds_error *err);

// Reads the whole file once: its kind by its first bytes, its compression's checksums, its text's
// encoding, its hash, its header. DS_INPUT with the file, and the line where there is one.
DS_CHECKED ds_code ds_source_inspect(ds_io *io, ds_source *file, ds_arena *arena,
                                     ds_progress *progress, ds_error *err);

// Takes the text of a file, piece by piece.
typedef ds_code (*ds_source_feed)(void *context, const uint8_t *data, size_t size, ds_error *err);

// Passes the file's text through `feed`, decompressed and verified; `raw`, when not NULL, sees the
// bytes of the file as they lie on disk.
DS_CHECKED ds_code ds_source_read(ds_io *io, const ds_source *file, ds_source_feed feed,
                                  ds_source_feed raw, void *context, ds_progress *progress,
                                  ds_error *err);

// Looks for the value that breaks the rules of RFC 4180: a quoted value that is not closed, or is
// followed by more text (DS_INPUT with the line where it opens). DS_OK when there is none.
// *ret_mixed tells that records end in LF here and in CRLF there; then a record with more or
// fewer values than columns is DS_INPUT too, because DuckDB's lenient mode would take it silently.
DS_CHECKED ds_code ds_source_check_quotes(ds_io *io, const ds_source *file, bool *ret_mixed,
                                          ds_error *err);

#endif
