// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// A row of the table of codes, generated from DS_ERRORS.
typedef struct code_row {
  const char *name;
  const char *meaning;
  int exit_status;
  int http_status;
} code_row;

static const code_row code_rows[DS_CODES_COUNT] = {
#define DS_X(name, exit_status, http_status, meaning) \
  [DS_##name] = {#name, meaning, exit_status, http_status},
    DS_ERRORS(DS_X)
#undef DS_X
};

// A text cut by the size of the message could end inside a UTF-8 character: that rest goes.
static void drop_partial_character(char *text) {
  const size_t size = strlen(text);
  size_t start = size;
  while (start > 0 && size - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
    start--;
  if (start == 0)
    return;
  const unsigned char lead = (unsigned char)text[start - 1];
  const size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  if (lead >= 0xC0 && size - (start - 1) < need)
    text[start - 1] = '\0';
}

// Formats to a local text first, so that an argument may be the old message of the same error.
static void set_message(ds_error *err, const char *prefix, const char *between,
                        const char *suffix) {
  char text[sizeof(err->message)];
  const int length = snprintf(text, sizeof(text), "%s%s%s", prefix, between, suffix);
  if (length < 0)
    text[0] = '\0';
  if (length >= (int)sizeof(text))
    drop_partial_character(text);
  for (char *at = text; *at != '\0'; at++) {
    if ((unsigned char)*at < ' ')
      *at = ' ';
  }
  memcpy(err->message, text, sizeof(text));
}

static void fill(ds_error *err, ds_code code, uint32_t line, uint32_t column,
                 const char *format, va_list args) __attribute__((format(printf, 5, 0)));

static void fill(ds_error *err, ds_code code, uint32_t line, uint32_t column,
                 const char *format, va_list args) {
  char text[sizeof(err->message) + 1];
  if (vsnprintf(text, sizeof(text), format, args) < 0)
    text[0] = '\0';
  set_message(err, text, "", "");
  err->code = code;
  err->line = line;
  err->column = column;
  err->file[0] = '\0';
}

ds_code ds_fail(ds_error *err, ds_code code, const char *format, ...) {
  assert(code != DS_OK);
  if (err == NULL)
    return code;
  va_list args;
  va_start(args, format);
  fill(err, code, 0, 0, format, args);
  va_end(args);
  return code;
}

ds_code ds_fail_at(ds_error *err, ds_code code, uint32_t line, uint32_t column,
                   const char *format, ...) {
  assert(code != DS_OK);
  if (err == NULL)
    return code;
  va_list args;
  va_start(args, format);
  fill(err, code, line, column, format, args);
  va_end(args);
  return code;
}

ds_code ds_fail_in(ds_error *err, ds_code code, const char *format, ...) {
  assert(code != DS_OK);
  if (err == NULL)
    return code;
  char prefix[sizeof(err->message)];
  va_list args;
  va_start(args, format);
  const int length = vsnprintf(prefix, sizeof(prefix), format, args);
  va_end(args);
  if (length < 0)
    prefix[0] = '\0';
  set_message(err, prefix, ": ", err->message);
  err->code = code;
  return code;
}

static const code_row *row_of(ds_code code) {
  assert((unsigned)code < DS_CODES_COUNT);
  return &code_rows[code];
}

const char *ds_code_name(ds_code code) {
  return row_of(code)->name;
}

const char *ds_code_meaning(ds_code code) {
  return row_of(code)->meaning;
}

int ds_code_exit(ds_code code) {
  return row_of(code)->exit_status;
}

int ds_code_http(ds_code code) {
  return row_of(code)->http_status;
}
