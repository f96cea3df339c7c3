// SPDX-License-Identifier: Apache-2.0
// A mapping: a YAML file, written by people, that says how the rows of one system's files become
// events. Every key is described in docs/mapping.md. Errors name the file, the line and the key,
// and the nearest key there is. May use base/, model/.
#ifndef DS_INGEST_MAPPING_H
#define DS_INGEST_MAPPING_H

#include "base/arena.h"
#include "base/str.h"
#include "model/value.h"

// `--option name=value`, with what holds when it is not given.
typedef struct ds_mapping_option {
  const char *name;
  const char *standard;
  const char *help;
} ds_mapping_option;

// A column's DuckDB type, said by the mapping.
typedef struct ds_mapping_column {
  const char *name;
  const char *type;
} ds_mapping_column;

// A file of the data set and the name by which the selects call it.
typedef struct ds_mapping_file {
  const char *name;
  const char *file;
  bool optional; // absent: an empty table of `columns`
  ds_mapping_column *columns;
  uint32_t columns_count;
  uint32_t line;
} ds_mapping_file;

// What is done with a property for the sake of the person.
typedef enum ds_mapping_class {
  DS_CLASS_DEFAULT, // personal when its name or value is
  DS_CLASS_PLAIN,
  DS_CLASS_PERSONAL,
  DS_CLASS_DROP,
} ds_mapping_class;

// A property and the column of the select that it comes from.
typedef struct ds_mapping_property {
  const char *name;
  const char *column;
  ds_type type; // NULL: as the column is
  ds_mapping_class class;
  uint32_t line;
} ds_mapping_property;

// A case key and the column that it comes from.
typedef struct ds_mapping_key {
  const char *name;
  const char *column;
  uint32_t line;
} ds_mapping_key;

// One event of a row; NULL = not said.
typedef struct ds_mapping_event {
  const char *touchpoint;
  const char *touchpoint_column;
  const char *time;
  const char *received;
  const char *id;
  const char *kind; // of the customer's identifier: "customer_unique_id"
  const char *customer;   // its column; NULL: rows are known by an object among the keys
  ds_mapping_key *others; // further identifiers: kinds and columns
  uint32_t others_count;
  const char *when; // an event predicate over the select's columns
  uint32_t when_line;
  uint32_t when_column; // of its first character; 0: it does not stand there as it is read
  bool time_required;
  ds_mapping_key *keys;
  uint32_t keys_count;
  ds_mapping_property *properties;
  uint32_t properties_count;
  uint32_t line;
} ds_mapping_event;

// One select and the events that each of its rows becomes.
typedef struct ds_mapping_source {
  const char *name;
  const char *select; // with ${option} still in it
  ds_mapping_event *events;
  uint32_t events_count;
  uint32_t line;
} ds_mapping_source;

// A whole mapping; lives in the arena it was read into.
typedef struct ds_mapping {
  const char *file; // what messages call it
  const char *name;
  const char *time_zone; // NULL = UTC
  const char *time_unit; // NULL = ms
  ds_mapping_option *options;
  uint32_t options_count;
  ds_mapping_file *files;
  uint32_t files_count;
  ds_mapping_source *sources;
  uint32_t sources_count;
} ds_mapping;

// Reads the YAML text of `file`. DS_INPUT with line and key.
DS_CHECKED ds_code ds_mapping_read(ds_str text, const char *file, ds_arena *arena,
                                   ds_mapping *ret_mapping, ds_error *err);

// A shipped mapping's text by its name, "olist"; false when none is called so.
bool ds_mapping_shipped(const char *name, ds_str *ret_text);

// The shipped mappings' names, separated by ", ".
const char *ds_mapping_shipped_names(char out[256]);

#endif
