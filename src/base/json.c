// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <utf8proc.h>

#define DEPTH_MAX 64u

ds_json ds_json_to(ds_buf *out, bool pretty) {
  return (ds_json){.out = out, .pretty = pretty};
}

static void append_newline(ds_json *json) {
  ds_buf_u8(json->out, '\n');
  for (uint32_t i = 0; i < json->depth; i++)
    ds_buf_append(json->out, "  ", 2);
}

// The bit of the container that is open now; bit d - 1 stands for depth d.
static uint64_t depth_bit(const ds_json *json) {
  assert(json->depth > 0 && json->depth <= DEPTH_MAX);
  return (uint64_t)1 << (json->depth - 1);
}

// What stands before a member or element: a comma from the second on, and the line break.
static void before_item(ds_json *json) {
  if (json->after_key) {
    json->after_key = false;
    return;
  }
  if (json->depth == 0)
    return;
  if ((json->has_member & depth_bit(json)) != 0)
    ds_buf_u8(json->out, ',');
  json->has_member |= depth_bit(json);
  if (json->pretty)
    append_newline(json);
}

static void begin(ds_json *json, char bracket) {
  assert(json->depth < DEPTH_MAX);
  before_item(json);
  ds_buf_u8(json->out, (uint8_t)bracket);
  json->depth++;
  json->has_member &= ~depth_bit(json);
}

static void end(ds_json *json, char bracket) {
  assert(json->depth > 0 && !json->after_key);
  const bool filled = (json->has_member & depth_bit(json)) != 0;
  json->depth--;
  if (json->pretty && filled)
    append_newline(json);
  ds_buf_u8(json->out, (uint8_t)bracket);
}

void ds_json_begin_object(ds_json *json) {
  begin(json, '{');
}

void ds_json_end_object(ds_json *json) {
  end(json, '}');
}

void ds_json_begin_array(ds_json *json) {
  begin(json, '[');
}

void ds_json_end_array(ds_json *json) {
  end(json, ']');
}

// The escape of a byte that may not stand in a JSON text as it is, or "" (RFC 8259, section 7).
static const char *escape_of(uint8_t byte, char space[8]) {
  switch (byte) {
  case '"':
    return "\\\"";
  case '\\':
    return "\\\\";
  case '\n':
    return "\\n";
  case '\r':
    return "\\r";
  case '\t':
    return "\\t";
  case '\b':
    return "\\b";
  case '\f':
    return "\\f";
  default:
    break;
  }
  if (byte >= 0x20)
    return "";
  snprintf(space, 8, "\\u%04x", byte);
  return space;
}

// How many bytes from `at` on can be copied as they are: ASCII but escapes, and whole UTF-8
// characters.
static uint32_t plain_run(ds_str text, uint32_t at) {
  const uint32_t start = at;
  while (at < text.size) {
    const uint8_t byte = (uint8_t)text.data[at];
    if (byte < 0x20 || byte == '"' || byte == '\\')
      break;
    utf8proc_int32_t point;
    const utf8proc_ssize_t size =
        byte < 0x80 ? 1
                    : utf8proc_iterate((const utf8proc_uint8_t *)text.data + at,
                                       (utf8proc_ssize_t)(text.size - at), &point);
    if (size <= 0)
      break;
    at += (uint32_t)size;
  }
  return at - start;
}

static void append_quoted(ds_json *json, ds_str text) {
  ds_buf_u8(json->out, '"');
  for (uint32_t at = 0; at < text.size;) {
    const uint32_t run = plain_run(text, at);
    if (run > 0) {
      ds_buf_append(json->out, text.data + at, run);
      at += run;
      continue;
    }
    // A byte that is no UTF-8 would make the whole document unreadable: it becomes U+FFFD.
    char space[8];
    const uint8_t byte = (uint8_t)text.data[at];
    ds_buf_text(json->out, byte < 0x80 ? escape_of(byte, space) : "\xEF\xBF\xBD");
    at++;
  }
  ds_buf_u8(json->out, '"');
}

void ds_json_key(ds_json *json, const char *name) {
  assert(!json->after_key);
  before_item(json);
  append_quoted(json, ds_str_of(name));
  ds_buf_u8(json->out, ':');
  if (json->pretty)
    ds_buf_u8(json->out, ' ');
  json->after_key = true;
}

void ds_json_text(ds_json *json, ds_str text) {
  before_item(json);
  append_quoted(json, text);
}

void ds_json_i64(ds_json *json, int64_t value) {
  before_item(json);
  ds_buf_printf(json->out, "%lld", (long long)value);
}

void ds_json_u64(ds_json *json, uint64_t value) {
  before_item(json);
  ds_buf_printf(json->out, "%llu", (unsigned long long)value);
}

void ds_json_number(ds_json *json, ds_str digits) {
  before_item(json);
  ds_buf_append(json->out, digits.data, digits.size);
}

void ds_json_double(ds_json *json, double value) {
  if (!isfinite(value)) {
    ds_json_null(json);
    return;
  }
  before_item(json);
  char text[32];
  snprintf(text, sizeof(text), "%.12g", value == 0 ? 0.0 : value);
  // In the locale of the caller's program the point may be other bytes: they are the only ones
  // that are neither digit, sign nor exponent.
  bool in_point = false;
  for (const char *at = text; *at != '\0'; at++) {
    const bool point = (*at < '0' || *at > '9') && *at != '-' && *at != '+' && *at != 'e';
    if (!point)
      ds_buf_u8(json->out, (uint8_t)*at);
    else if (!in_point)
      ds_buf_u8(json->out, '.');
    in_point = point;
  }
}

void ds_json_bool(ds_json *json, bool value) {
  before_item(json);
  ds_buf_text(json->out, value ? "true" : "false");
}

void ds_json_null(ds_json *json) {
  before_item(json);
  ds_buf_text(json->out, "null");
}
