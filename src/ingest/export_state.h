// SPDX-License-Identifier: Apache-2.0
// An export under way: its columns, and the forms that write them. Private to export*.c.
#ifndef DS_INGEST_EXPORT_STATE_H
#define DS_INGEST_EXPORT_STATE_H

#include "base/json.h"
#include "base/map.h"
#include "ingest/export.h"
#include "model/block.h"

// A property as one column: the block's columns from `first` on, one per type that it has.
typedef struct export_property {
  ds_str name; // as an import takes it
  uint16_t code;
  uint32_t first;
  uint32_t count;
  ds_type type; // of all its values; STRING when they differ
} export_property;

// A case key as one column.
typedef struct export_key {
  ds_str name;
  uint16_t code;
} export_key;

typedef struct exporter exporter;

// One form of output. Any function but `event` may be NULL; journeys are customers or cases.
typedef struct export_form {
  ds_code (*begin)(exporter *e, ds_error *err);
  ds_code (*journey)(exporter *e, const ds_block *block, uint32_t journey, ds_error *err);
  ds_code (*event)(exporter *e, const ds_block *block, uint32_t journey, uint32_t event,
                   ds_error *err);
  ds_code (*journey_end)(exporter *e, ds_error *err);
  ds_code (*end)(exporter *e, ds_error *err);
  bool twice; // the events are seen a second time, by event2, after middle
  ds_code (*middle)(exporter *e, ds_error *err);
  ds_code (*event2)(exporter *e, const ds_block *block, uint32_t journey, uint32_t event,
                    ds_error *err);
} export_form;

// All of it; lists live in `arena`.
struct exporter {
  const ds_snapshot *snapshot;
  const ds_export_options *options;
  const export_form *form;
  ds_arena arena;
  ds_arena opened; // personal values of the block in hand
  ds_columns columns;
  export_property *properties;
  uint32_t properties_count;
  export_key *keys;
  uint32_t keys_count;
  bool by_case;        // XES by a case key: journeys are cases
  bool received;       // some event arrived at another time than it happened
  bool natural;        // all customers are of one kind that an import knows by name
  ds_names kinds;      // of customers
  ds_str customer;     // name of the customer's column
  ds_str trace;        // XES: name of the column that the traces' names would be
  ds_buf out;
  ds_buf text;
  ds_json json;
  uint64_t events;
  bool second;
  // OCEL: which objects were met, which attributes which events have
  ds_map64 objects;    // hash of a text -> the type that it is of
  ds_map64 met;        // hash of (type, text), of (type or touchpoint, attribute)
  bool any;
};

// The forms; Parquet is made of NDJSON.
extern const export_form ds_export_csv, ds_export_ndjson, ds_export_xes, ds_export_ocel;

// The customer of a journey as the customer's column has it: with the kind in front unless that is
// the column's name.
ds_str ds_export_customer(const exporter *e, const ds_block *block, uint32_t journey);

// A value of the event in a property, as ds_value; type NULL when it has none.
ds_value ds_export_value(const ds_block *block, const export_property *property, uint32_t event);

// Writes a value as text without its type: times in ISO 8601, durations in milliseconds. Returns a
// view, of `out` or of the value.
ds_str ds_export_text(const ds_value *value, char out[64]);

// Writes it as a member of the JSON under way.
void ds_export_json(ds_json *json, const ds_value *value);

// The case key values of the event: one text as it is, several (or one that begins with '[') as a
// JSON array. Empty when it has none; a view that holds until the next call.
ds_str ds_export_key(exporter *e, const ds_block *block, uint32_t key, uint32_t event);

// What e->text holds, a view; what memory cut there fails the export with the next flush.
ds_str ds_export_scratch(exporter *e);

// Hands what was written to the caller when it is much, or `all`.
DS_CHECKED ds_code ds_export_flush(exporter *e, bool all, ds_error *err);

#endif
