// SPDX-License-Identifier: Apache-2.0
// Checks a text as it streams by: that it is UTF-8 (or said to be latin-1) without NUL bytes, how
// its lines end, and what its first record, the header, says. May use base/, ingest/source.h.
#ifndef DS_INGEST_SOURCE_TEXT_H
#define DS_INGEST_SOURCE_TEXT_H

#include "base/buf.h"
#include "ingest/source.h"

// Fields are private. One per file.
typedef struct ds_text_check {
  const ds_source *file;
  ds_buf head;       // the first bytes: the header is in them
  uint64_t offset;   // bytes seen
  uint64_t feeds;    // LF seen
  uint64_t returns;  // CR seen
  uint64_t quotes;   // " seen
  uint32_t owed;     // continuation bytes that the last character still needs
  uint32_t low;      // range of the next continuation byte
  uint32_t high;
} ds_text_check;

// Begins the check of `file`, whose name, encoding and given delimiter are set. Done frees it.
void ds_text_check_init(ds_text_check *check, const ds_source *file);
void ds_text_check_done(ds_text_check *check);

// Takes the next piece. DS_INPUT with the line and the byte in it.
DS_CHECKED ds_code ds_text_check_feed(ds_text_check *check, const uint8_t *data, size_t size,
                                      ds_error *err);

// Ends the check: fills delimiter, columns, lines and mixed_lines of `file`.
DS_CHECKED ds_code ds_text_check_end(ds_text_check *check, ds_source *file, ds_arena *arena,
                                     ds_error *err);

#endif
