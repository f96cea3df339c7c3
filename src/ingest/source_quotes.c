// SPDX-License-Identifier: Apache-2.0
// A reader of RFC 4180 that keeps nothing but its state. DuckDB loses whole stretches of a file
// behind one bad quote and names the wrong record: this says where the trouble truly begins.
#include <inttypes.h>

#include "ingest/source.h"

typedef enum state { AT_FIELD, IN_PLAIN, IN_QUOTED, AFTER_QUOTE } state;

typedef struct scan {
  const ds_source *file;
  state at;
  bool after_return;     // the byte before was a CR outside quotes
  uint64_t line;
  uint64_t open_line;    // where the quoted value began
  uint64_t record_line;  // where the record began
  uint32_t separators;   // of the record
  bool record_empty;
  uint64_t ends_feed;    // records that end in LF
  uint64_t ends_return;  // records that end in CRLF
  uint64_t uneven_line;  // first record with too many or too few values, 0 = none
  uint32_t uneven_values;
} scan;

static ds_code bad_quote(const scan *s, ds_error *err) {
  return ds_fail_at(err, DS_INPUT, (uint32_t)s->open_line, 0,
                    "%s line %" PRIu64 ": a quoted value is not closed where it should be (a "
                    "quote inside a value must be doubled)", s->file->name, s->open_line);
}

static void record_end(scan *s) {
  if (!s->record_empty) {
    s->ends_feed += !s->after_return;
    s->ends_return += s->after_return;
    if (s->uneven_line == 0 && s->separators + 1 != s->file->columns_count) {
      s->uneven_line = s->record_line;
      s->uneven_values = s->separators + 1;
    }
  }
  s->at = AT_FIELD;
  s->separators = 0;
  s->record_empty = true;
  s->after_return = false;
  s->record_line = s->line + 1;
}

static ds_code byte_take(scan *s, char c, ds_error *err) {
  if (s->at == IN_QUOTED) {
    if (c == '"')
      s->at = AFTER_QUOTE;
    return DS_OK;
  }
  if (c == '\n') {
    record_end(s);
    return DS_OK;
  }
  s->after_return = c == '\r';
  if (c == '\r')
    return DS_OK;
  s->record_empty = false;
  if (c == s->file->delimiter) {
    s->at = AT_FIELD;
    s->separators++;
  } else if (s->at == AFTER_QUOTE) {
    if (c != '"')
      return bad_quote(s, err);
    s->at = IN_QUOTED; // a doubled quote: the value goes on
  } else if (s->at == AT_FIELD && c == '"') {
    s->at = IN_QUOTED;
    s->open_line = s->line;
  } else {
    s->at = IN_PLAIN;
  }
  return DS_OK;
}

static ds_code scan_feed(void *context, const uint8_t *data, size_t size, ds_error *err) {
  scan *s = context;
  for (size_t i = 0; i < size; i++) {
    TRY(byte_take(s, (char)data[i], err));
    s->line += data[i] == '\n';
  }
  return DS_OK;
}

ds_code ds_source_check_quotes(ds_io *io, const ds_source *file, bool *ret_mixed,
                               ds_error *err) {
  scan s = {.file = file, .line = 1, .record_line = 1, .record_empty = true};
  TRY(ds_source_read(io, file, scan_feed, NULL, &s, NULL, err));
  if (s.at == IN_QUOTED)
    return bad_quote(&s, err);
  // The last record may lack its line end, which says nothing about the others'.
  s.after_return = s.ends_return > 0;
  record_end(&s);
  const bool mixed = s.ends_return > 0 && s.ends_feed > 0;
  if (mixed && s.uneven_line > 0)
    return ds_fail_at(err, DS_INPUT, (uint32_t)s.uneven_line, 0,
                      "%s line %" PRIu64 ": %u values for %u columns, in a file whose lines end "
                      "in two ways (LF and CRLF): make them one", file->name, s.uneven_line,
                      s.uneven_values, file->columns_count);
  *ret_mixed = mixed;
  return DS_OK;
}
