// SPDX-License-Identifier: Apache-2.0
// What an import does with the rows of one select: which of its columns are fetched, in which
// physical form, and which events each row becomes. Recognised columns and mapping files both end
// as a plan; the sink fetches by it, the encoder makes events by it. May use base/, model/,
// ingest/duck.h.
#ifndef DS_INGEST_PLAN_H
#define DS_INGEST_PLAN_H

#include "ingest/duck.h"
#include "model/event.h"

// The form in which DuckDB hands a column over.
typedef enum ds_physical {
  DS_PHYSICAL_TEXT,       // VARCHAR
  DS_PHYSICAL_I64,        // BIGINT
  DS_PHYSICAL_DOUBLE,     // DOUBLE
  DS_PHYSICAL_BOOL,       // BOOLEAN
  DS_PHYSICAL_DATE,       // DATE: int32 days
  DS_PHYSICAL_MICROS,     // TIMESTAMP: int64 µs without a zone
  DS_PHYSICAL_MICROS_UTC, // TIMESTAMP WITH TIME ZONE: int64 µs, UTC
} ds_physical;

// What a column is wanted for.
typedef enum ds_use { DS_USE_TEXT, DS_USE_TIME, DS_USE_VALUE } ds_use;

// One fetched column: an SQL expression over the base, the name to call it in reports.
typedef struct ds_plan_column {
  const char *expression;
  const char *name;
  ds_physical physical;
  bool plain; // the base's text column `name` itself
} ds_plan_column;

// A property of an event. `personal`: its values are sealed.
typedef struct ds_plan_property {
  uint32_t column;
  uint32_t text; // column with the text that stands there, when `column` has it not; else DS_NONE
  uint16_t name; // code in the space
  ds_type type;
  bool personal;
  bool plain; // said to hold nothing personal: values are not looked at
} ds_plan_property;

// A case key of an event.
typedef struct ds_plan_key {
  uint32_t column;
  uint16_t name; // code in the space
} ds_plan_key;

// A weaker identifier that an event carries beside its customer's.
typedef struct ds_plan_identifier {
  uint32_t column;
  const char *kind; // "anonymous_id"
} ds_plan_identifier;

// One event that a row may become. Columns are indexes into the plan's, DS_NONE = none.
typedef struct ds_plan_event {
  uint32_t touchpoint;      // column with the name, or
  uint16_t touchpoint_code; // the code, when the column is DS_NONE
  uint32_t customer;
  const char *kind; // the subject's prefix with its '=': "customer_id="
  bool personal;    // the customer's texts are personal: hashed
  ds_plan_identifier *others; // the strongest first; without a customer the first is the subject
  uint32_t others_count;
  uint32_t time;
  uint32_t received;
  uint32_t id;
  const char *id_scope; // ids are unique within this
  uint32_t when;        // BOOL column: the event exists when it is true
  bool optional;        // no time: no event, and nothing wrong
  ds_plan_key *keys;
  uint32_t keys_count;
  ds_plan_property *properties;
  uint32_t properties_count;
} ds_plan_event;

// The most columns and events of one plan.
enum { DS_PLAN_COLUMNS_MAX = 512, DS_PLAN_EVENTS_MAX = 64 };

// Texts and arrays live in the arena that the plan was made in.
typedef struct ds_plan {
  const char *name; // of the source, for reports
  const char *base; // SQL after "from": a file's reader, or "(select …)"
  ds_plan_column columns[DS_PLAN_COLUMNS_MAX];
  uint32_t columns_count;
  ds_plan_event events[DS_PLAN_EVENTS_MAX];
  uint32_t events_count;
} ds_plan;

// The type of values that DuckDB calls `duck_type` ("DECIMAL(9,2)"): integers and decimals are
// numbers, what is nested is text.
ds_type ds_plan_type(ds_str duck_type);

// The same for a column or property of this name: what is called `…_id` is text.
ds_type ds_plan_named_type(ds_str name, ds_str duck_type);

// Appends the column as a value of that type: an instant as a TIMESTAMP in UTC, where one without a
// zone is a reading in `zone` (NULL: UTC).
void ds_plan_value_sql(ds_buf *sql, ds_str name, ds_str duck_type, const char *zone);

// Makes sure that the plan fetches column `name` of DuckDB type `duck_type` for `use`, and returns
// its index; the same column for the same use is fetched once. `time_format` (strptime) reads a
// text as a time, NULL = ISO 8601.
DS_CHECKED ds_code ds_plan_column_add(ds_plan *plan, ds_arena *arena, ds_str name,
                                      ds_str duck_type, ds_use use, const char *time_format,
                                      uint32_t *ret_column, ds_error *err);

// The same for an SQL condition over the base's columns, called `name` in reports.
DS_CHECKED ds_code ds_plan_condition_add(ds_plan *plan, ds_arena *arena, const char *condition,
                                         const char *name, uint32_t *ret_column, ds_error *err);

// Appends the query that yields the plan's columns.
void ds_plan_sql(const ds_plan *plan, ds_buf *out);

#endif
