// SPDX-License-Identifier: Apache-2.0
#include "ingest/json_split.h"

#include <inttypes.h>

#include "ingest/ndjson_parse.h"

void ds_json_split_init(ds_json_split *split, const ds_source *file, bool members,
                        ds_json_take take, void *context) {
  *split = (ds_json_split){.file = file, .take = take, .context = context, .members = members,
                           .line = 1, .record_depth = members ? 2 : 0};
  ds_buf_init(&split->record, DS_JSON_RECORD_BYTES_MAX);
}

void ds_json_split_done(ds_json_split *split) { ds_buf_done(&split->record); }

static ds_code refuse(const ds_json_split *split, const char *what, ds_error *err) {
  return ds_fail_at(err, DS_INPUT, (uint32_t)split->line, 0, "%s line %" PRIu64 ": %s",
                    split->file->name, split->line, what);
}

ds_code ds_json_split_refuse(const ds_source *file, const ds_json_record *record,
                             const char *reason, uint32_t column, ds_error *err) {
  uint64_t line = record->line;
  uint32_t at = column;
  if (reason == ds_ndjson_no_memory)
    return ds_fail(err, DS_MEMORY, "out of memory reading %s", file->name);
  for (uint32_t i = 0; i + 1 < column && i < record->text.size; i++)
    if (record->text.data[i] == '\n') {
      line++;
      at = column - i - 1;
    }
  return ds_fail_at(err, DS_INPUT, (uint32_t)line, at, "%s line %" PRIu64 ": %s", file->name, line,
                    reason);
}

static ds_code record_give(ds_json_split *split, const uint8_t *data, size_t size,
                           ds_error *err) {
  ds_json_record record = {{(const char *)data, (uint32_t)size}, split->record_line,
                           split->members ? split->member : ""};
  split->in_record = false;
  split->any = true;
  if (split->record.size > 0) {
    ds_buf_append(&split->record, data, size);
    record.text = (ds_str){(const char *)split->record.data, (uint32_t)split->record.size};
  }
  if (split->record.failed || size > DS_JSON_RECORD_BYTES_MAX)
    return refuse(split, "a record of more than 8 MiB", err);
  if (split->shape == DS_JSON_LINES &&
      (split->line != split->record_line || split->record_line == split->last_line))
    split->shape = DS_JSON_LOOSE;
  split->last_line = split->line;
  const ds_code code = split->take(split->context, &record, err);
  ds_buf_reset(&split->record);
  return code;
}

// An opening bracket outside of all records.
static ds_code open_outside(ds_json_split *split, uint8_t byte, ds_error *err) {
  if (split->closed)
    return refuse(split, "something follows the JSON text", err);
  if (split->depth == 0 && split->members && byte != '{')
    return refuse(split, "not one object, as this kind of log is", err);
  if (split->depth == 0 && !split->members && byte == '[') {
    if (split->any)
      return refuse(split, "an array behind an object: give one object a line, or one array", err);
    split->record_depth = 1;
    split->shape = DS_JSON_ARRAY;
  } else if (split->depth == split->record_depth && byte != '{') {
    return refuse(split, "not an object: a record is one {…}", err);
  }
  return DS_OK;
}

// A byte outside of strings; *start moves to where a record begins.
static ds_code structure(ds_json_split *split, const uint8_t *data, size_t at, size_t *start,
                         ds_error *err) {
  switch (data[at]) {
  case '{':
  case '[':
    if (!split->in_record) {
      // Within members only arrays hold records; what else lies there is passed over.
      if (!split->members || split->depth != 1 || data[at] == '{')
        TRY(open_outside(split, data[at], err));
      if (split->shape == DS_JSON_ARRAY && split->depth == 1 && split->any && !split->comma)
        return refuse(split, "a comma is missing between two objects", err);
      split->comma = false;
      if (split->depth == split->record_depth && data[at] == '{' &&
          (!split->members || split->member_size > 0)) {
        split->in_record = true;
        split->record_line = split->line;
        *start = at;
      }
    }
    split->depth++;
    return DS_OK;
  case '}':
  case ']':
    if (split->depth == 0)
      return refuse(split, "a bracket closes that was not opened", err);
    split->depth--;
    if (split->in_record && split->depth == split->record_depth)
      return record_give(split, data + *start, at + 1 - *start, err);
    if (split->comma)
      return refuse(split, "a comma in front of the array's end", err);
    split->closed |= split->depth == 0 && split->record_depth > 0;
    return DS_OK;
  case '"':
    split->in_string = true;
    if (split->members && split->depth == 1)
      split->member_size = 0;
    break;
  default:
    break;
  }
  if (data[at] == ',' && split->depth == 1 && split->shape == DS_JSON_ARRAY && !split->comma) {
    split->comma = true;
    return DS_OK;
  }
  if (!split->in_record && split->depth == split->record_depth && !split->members)
    return refuse(split, "not an object: a record is one {…}", err);
  return DS_OK;
}

// Goes on within a string; returns where it, or the piece, ends.
static size_t string_pass(ds_json_split *split, const uint8_t *data, size_t at, size_t size) {
  const bool name = split->members && split->depth == 1;
  for (; at < size; at++) {
    const uint8_t byte = data[at];
    if (!split->escaped && byte == '"') {
      split->in_string = false;
      if (name)
        split->member[split->member_size] = '\0';
      return at;
    }
    split->escaped = !split->escaped && byte == '\\';
    split->line += byte == '\n';
    if (name && split->member_size + 1 < DS_JSON_MEMBER_BYTES_MAX)
      split->member[split->member_size++] = (char)byte;
  }
  return at;
}

ds_code ds_json_split_feed(ds_json_split *split, const uint8_t *data, size_t size,
                           ds_error *err) {
  size_t start = 0; // of what this piece holds of the record
  for (size_t at = 0; at < size; at++) {
    if (split->in_string) {
      at = string_pass(split, data, at, size);
      continue;
    }
    const uint8_t byte = data[at];
    if (byte == '\n')
      split->line++;
    // Inside a record only brackets and quotes matter.
    const bool space = byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
    if (space || (split->in_record && (byte | 0x20) != '{' && (byte | 0x20) != '}' &&
                  byte != '"'))
      continue;
    TRY(structure(split, data, at, &start, err));
  }
  if (split->in_record) {
    ds_buf_append(&split->record, data + start, size - start);
    if (split->record.failed)
      return refuse(split, "a record of more than 8 MiB", err);
  }
  return DS_OK;
}

ds_code ds_json_split_end(ds_json_split *split, ds_error *err) {
  if (split->depth > 0 || split->in_string)
    return ds_fail_at(err, DS_INPUT, (uint32_t)split->line, 0,
                      "%s is cut short: the JSON ends in line %" PRIu64 ", inside %s",
                      split->file->name, split->line,
                      split->in_string ? "a text" : split->in_record ? "an object" : "the whole");
  if (!split->any && !split->members)
    return ds_fail(err, DS_INPUT, "%s holds no events", split->file->name);
  return DS_OK;
}
