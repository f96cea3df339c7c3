// SPDX-License-Identifier: Apache-2.0
// The value types of the journey language and one tagged value. May use base/ only.
#ifndef DS_MODEL_VALUE_H
#define DS_MODEL_VALUE_H

#include "base/str.h"

// Stored in parts and logs as one byte: the numbers never change.
typedef enum ds_type {
  DS_TYPE_NULL = 0,
  DS_TYPE_NUMBER = 1,   // double
  DS_TYPE_STRING = 2,   // UTF-8, NFC
  DS_TYPE_BOOL = 3,
  DS_TYPE_TIME = 4,     // int64 ms since 1970, UTC
  DS_TYPE_DATE = 5,     // int64 days since 1970-01-01, a day without zone
  DS_TYPE_DURATION = 6, // int64 ms
  DS_TYPE_SEALED = 7,   // any of these but null, readable through the vault only (store/vault.h)
  DS_TYPES_COUNT
} ds_type;

// `i` holds BOOL (0/1), TIME, DATE, DURATION; `text` holds STRING and the bytes of SEALED, views
// whose owner the holder names.
typedef struct ds_value {
  ds_type type;
  union {
    double number;
    int64_t i;
    ds_str text;
  };
} ds_value;

// Whether values of the type are bytes, not a number.
static inline bool ds_type_is_bytes(ds_type type) {
  return type == DS_TYPE_STRING || type == DS_TYPE_SEALED;
}

// "number", "string", ... and back (false for no such name).
const char *ds_type_name(ds_type type);
bool ds_type_of_name(ds_str name, ds_type *ret_type);

// The same for a type that a person may give a property: not null, and not sealed.
bool ds_type_declared(ds_str name, ds_type *ret_type);

// The type in a sentence: "a number", "text", "true or false", "an instant", "a day", ...
const char *ds_type_noun(ds_type type);

// Writes a value as text into out (ISO 8601 for time and date, shortest round-trip for numbers,
// strings as they are, "(sealed)", cut at size); returns the length, "" for null.
size_t ds_value_print(char *out, size_t size, const ds_value *value);

// Reads text as a value of `type` ("true"/"false", ISO 8601 date or time with zone or Z, "90d");
// false when it does not convert. A string result is a view of `text`.
bool ds_value_parse(ds_str text, ds_type type, ds_value *ret_value);

#endif
