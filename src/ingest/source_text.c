// SPDX-License-Identifier: Apache-2.0
#include "ingest/source_text.h"

#include <inttypes.h>

#include "base/limits.h"
#include "ingest/personal.h"
#include "model/time.h"

enum {
  HEAD_BYTES = 1 << 20, // a header longer than this is none
  COLUMNS_MAX = 4096,
};

void ds_text_check_init(ds_text_check *check, const ds_source *file) {
  *check = (ds_text_check){.file = file};
  ds_buf_init(&check->head, HEAD_BYTES);
}

void ds_text_check_done(ds_text_check *check) { ds_buf_done(&check->head); }

// Where in its line byte `at` of this piece stands, for messages: the line is exact; the column
// too unless the line began in an earlier piece.
static void place_find(const ds_text_check *check, const uint8_t *data, size_t at,
                       uint64_t *ret_line, uint64_t *ret_column) {
  uint64_t line = check->feeds + 1;
  size_t start = 0;
  for (size_t i = 0; i < at; i++)
    if (data[i] == '\n') {
      line++;
      start = i + 1;
    }
  *ret_line = line;
  *ret_column = at - start + 1;
}

static ds_code not_utf8(const ds_text_check *check, const uint8_t *data, size_t at,
                        ds_error *err) {
  uint64_t line;
  uint64_t column;
  place_find(check, data, at, &line, &column);
  return ds_fail_at(err, DS_INPUT, (uint32_t)line, (uint32_t)column,
                    "%s line %" PRIu64 ", byte %" PRIu64 ": not UTF-8 text (byte 0x%02X); if it "
                    "is Western European text, say --option encoding=latin-1",
                    check->file->name, line, column, data[at]);
}

// The range of the second byte excludes over-long forms, surrogates and values past U+10FFFF
// (Unicode 15, table 3-7).
static bool lead_byte(ds_text_check *check, uint8_t byte) {
  check->low = 0x80;
  check->high = 0xBF;
  if (byte < 0xC2 || byte > 0xF4)
    return false;
  check->owed = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  if (byte == 0xE0)
    check->low = 0xA0;
  if (byte == 0xED)
    check->high = 0x9F;
  if (byte == 0xF0)
    check->low = 0x90;
  if (byte == 0xF4)
    check->high = 0x8F;
  return true;
}

static ds_code utf8_feed(ds_text_check *check, const uint8_t *data, size_t size, ds_error *err) {
  size_t lead = 0; // where the character began, if in this piece
  for (size_t i = 0; i < size; i++) {
    const uint8_t byte = data[i];
    if (check->owed == 0) {
      lead = i;
      if (byte >= 0x80 && !lead_byte(check, byte))
        return not_utf8(check, data, i, err);
      continue;
    }
    if (byte < check->low || byte > check->high)
      return not_utf8(check, data, lead, err);
    check->owed--;
    check->low = 0x80;
    check->high = 0xBF;
  }
  return DS_OK;
}

static ds_code has_nul(const ds_text_check *check, const uint8_t *data, size_t at,
                       ds_error *err) {
  uint64_t line;
  uint64_t column;
  place_find(check, data, at, &line, &column);
  return ds_fail_at(err, DS_INPUT, (uint32_t)line, (uint32_t)column,
                    "%s line %" PRIu64 ", byte %" PRIu64 ": a NUL byte, so this is no text file",
                    check->file->name, line, column);
}

static ds_code not_utf16(const ds_text_check *check, const uint8_t *data, size_t size,
                         ds_error *err) {
  const bool marked = size >= 2 && ((data[0] == 0xFF && data[1] == 0xFE) ||
                                    (data[0] == 0xFE && data[1] == 0xFF));
  const bool plain = size >= 4 && ((data[0] == 0 && data[2] == 0) ||
                                   (data[1] == 0 && data[3] == 0));
  if (marked || plain)
    return ds_fail(err, DS_INPUT, "%s is UTF-16 text: save it as UTF-8", check->file->name);
  return DS_OK;
}

// The loop that sees every byte of every file: no branches, so that it runs at memory speed.
static void bytes_count(const uint8_t *restrict data, size_t size, uint32_t *restrict ret_feeds,
                        uint32_t *restrict ret_returns, uint32_t *restrict ret_quotes,
                        uint32_t *restrict ret_nuls,
                        uint8_t *restrict ret_high) {
  uint32_t feeds = 0;
  uint32_t returns = 0;
  uint32_t quotes = 0;
  uint32_t nuls = 0;
  uint8_t high = 0;
  for (size_t i = 0; i < size; i++) {
    feeds += data[i] == '\n';
    returns += data[i] == '\r';
    quotes += data[i] == '"';
    nuls += data[i] == 0;
    high |= data[i];
  }
  *ret_feeds = feeds;
  *ret_returns = returns;
  *ret_quotes = quotes;
  *ret_nuls = nuls;
  *ret_high = high;
}

ds_code ds_text_check_feed(ds_text_check *check, const uint8_t *data, size_t size,
                           ds_error *err) {
  if (check->offset == 0)
    TRY(not_utf16(check, data, size, err));
  if (check->head.size < HEAD_BYTES) {
    const size_t room = HEAD_BYTES - check->head.size;
    ds_buf_append(&check->head, data, size < room ? size : room);
    TRY(ds_buf_check(&check->head, "a header", err));
  }
  uint32_t feeds;
  uint32_t returns;
  uint32_t quotes;
  uint32_t nuls;
  uint8_t high;
  bytes_count(data, size, &feeds, &returns, &quotes, &nuls, &high);
  if (nuls > 0)
    return has_nul(check, data, (size_t)((const uint8_t *)memchr(data, 0, size) - data), err);
  if (check->file->encoding == DS_ENCODING_UTF8 && ((high & 0x80) != 0 || check->owed > 0))
    TRY(utf8_feed(check, data, size, err));
  check->feeds += feeds;
  check->returns += returns;
  check->quotes += quotes;
  check->offset += size;
  return DS_OK;
}

// The character that separates the header's names: the one of , ; tab | that occurs most outside
// quotes. Names seldom hold any of them, values often do: so the header is asked, not the rows.
static char delimiter_guess(ds_str text) {
  static const char candidates[] = {',', ';', '\t', '|'};
  uint32_t counts[sizeof candidates] = {0};
  bool quoted = false;
  for (uint32_t i = 0; i < text.size; i++) {
    const char c = text.data[i];
    if (c == '"')
      quoted = !quoted;
    if (quoted)
      continue;
    if (c == '\n' || c == '\r')
      break;
    for (size_t k = 0; k < sizeof candidates; k++)
      counts[k] += c == candidates[k];
  }
  size_t best = 0;
  for (size_t k = 1; k < sizeof candidates; k++)
    if (counts[k] > counts[best])
      best = k;
  return candidates[best];
}

// Appends one character of the file's encoding as UTF-8.
static void char_append(ds_buf *out, uint8_t c, ds_source_encoding encoding) {
  if (c >= 0x80 && encoding == DS_ENCODING_LATIN1) {
    ds_buf_u8(out, (uint8_t)(0xC0 | c >> 6));
    c = 0x80 | (c & 0x3F);
  }
  ds_buf_u8(out, c);
}

// Takes one field of the header at *at; false in *ret_more after the record's last.
static void field_take(ds_str text, uint32_t *at, const ds_source *file, ds_buf *out,
                       bool *ret_more) {
  bool quoted = false;
  for (; *at < text.size; (*at)++) {
    const char c = text.data[*at];
    if (c == '"') {
      // Two quotes inside a quoted name are one.
      if (quoted && *at + 1 < text.size && text.data[*at + 1] == '"') {
        ds_buf_u8(out, '"');
        (*at)++;
      } else {
        quoted = !quoted;
      }
    } else if (!quoted && (c == file->delimiter || c == '\n' || c == '\r')) {
      break;
    } else {
      char_append(out, (uint8_t)c, file->encoding);
    }
  }
  *ret_more = *at < text.size && text.data[*at] == file->delimiter;
  (*at)++;
}

// A name that reads as a time, an e-mail address or a phone number is no name.
static bool is_value(ds_str text) {
  int64_t ms;
  bool local;
  bool date_only;
  return ds_time_parse(text, &ms, &local, &date_only) || ds_personal_value(text);
}

static ds_code column_add(ds_source *file, ds_buf *name, ds_arena *arena, ds_error *err) {
  TRY(ds_buf_check(name, "a column's name", err));
  if (file->columns_count >= COLUMNS_MAX)
    return ds_fail(err, DS_LIMIT, "%s has more than %d columns", file->name, COLUMNS_MAX);
  if (name->size > DS_NAME_BYTES_MAX)
    return ds_fail_at(err, DS_INPUT, 1, 0, "%s line 1: the name of column %u is longer than %u "
                      "bytes: is the first line a header?", file->name, file->columns_count + 1,
                      DS_NAME_BYTES_MAX);
  if (name->size == 0) // A nameless column is named by its place, as spreadsheets leave them.
    ds_buf_printf(name, "column%u", file->columns_count + 1);
  const ds_str text = {ds_arena_text(arena, (const char *)name->data, name->size),
                       (uint32_t)name->size};
  if (text.data == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading %s", file->name);
  if (is_value(text)) // which must not be repeated in a message
    return ds_fail_at(err, DS_INPUT, 1, 0, "%s line 1: holds values, not the columns' names: add a "
                      "line of names above it", file->name);
  for (uint32_t i = 0; i < file->columns_count; i++)
    if (ds_str_equal_nocase(file->columns[i], text))
      return ds_fail_at(err, DS_INPUT, 1, 0, "%s line 1: two columns are called %s", file->name,
                        text.data);
  file->columns[file->columns_count++] = text;
  return DS_OK;
}

static ds_code header_read(ds_source *file, ds_str text, ds_arena *arena, ds_error *err) {
  if (text.size >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0)
    text = (ds_str){text.data + 3, text.size - 3};
  if (file->delimiter == '\0')
    file->delimiter = delimiter_guess(text);
  file->columns = ds_arena_array(arena, COLUMNS_MAX, sizeof *file->columns);
  if (file->columns == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading %s", file->name);
  ds_buf name;
  ds_buf_init(&name, HEAD_BYTES * 2);
  ds_code code = DS_OK;
  bool more = true;
  for (uint32_t at = 0; more && code == DS_OK;) {
    ds_buf_reset(&name);
    field_take(text, &at, file, &name, &more);
    code = column_add(file, &name, arena, err);
  }
  ds_buf_done(&name);
  return code;
}

ds_code ds_text_check_end(ds_text_check *check, ds_source *file, ds_arena *arena, ds_error *err) {
  if (check->owed > 0)
    return ds_fail(err, DS_INPUT, "%s ends in the middle of a character: it is cut short",
                   file->name);
  if (check->offset == 0)
    return ds_fail(err, DS_INPUT, "%s is empty", file->name);
  file->lines = check->feeds;
  file->plain_lines = check->returns == 0 && check->quotes == 0;
  file->mixed_lines = check->returns > 0 && check->returns != check->feeds;
  const ds_str head = {(const char *)check->head.data, (uint32_t)check->head.size};
  return header_read(file, head, arena, err);
}
