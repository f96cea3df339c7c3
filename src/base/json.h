// SPDX-License-Identifier: Apache-2.0
// Writes JSON into a ds_buf: commas and escapes are handled here, nesting is the caller's. Numbers
// print with up to 12 significant digits; non-finite ones as null. May use base/ only.
#ifndef DS_BASE_JSON_H
#define DS_BASE_JSON_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

// State of one document; `out` must outlive it. Depth at most 64.
typedef struct ds_json {
  ds_buf *out;
  uint64_t has_member; // bit d: a comma is due at depth d
  uint32_t depth;
  bool after_key;
  bool pretty; // newline and two spaces per depth
} ds_json;

// A writer at depth 0.
ds_json ds_json_to(ds_buf *out, bool pretty);

// Containers, a member's name, and values. A value inside an object must follow a key.
void ds_json_begin_object(ds_json *json);
void ds_json_end_object(ds_json *json);
void ds_json_begin_array(ds_json *json);
void ds_json_end_array(ds_json *json);
void ds_json_key(ds_json *json, const char *name);
void ds_json_text(ds_json *json, ds_str text);
void ds_json_i64(ds_json *json, int64_t value);
void ds_json_u64(ds_json *json, uint64_t value);
void ds_json_double(ds_json *json, double value);
// A finite number that is written already, to its last digit.
void ds_json_number(ds_json *json, ds_str digits);
void ds_json_bool(ds_json *json, bool value);
void ds_json_null(ds_json *json);

#endif
