// SPDX-License-Identifier: Apache-2.0
// What the three readers of OCEL tell, and what is kept of it. Private to ocel*.c. A reader goes
// over the log twice with the same calls: the first time types and objects are kept, the second
// time events become rows.
#ifndef DS_INGEST_OCEL_STATE_H
#define DS_INGEST_OCEL_STATE_H

#include "base/map.h"
#include "ingest/ocel.h"

// A value that an attribute of an object takes at some instant.
typedef struct ocel_value {
  uint32_t object;
  uint32_t attribute; // of the log's attribute names
  uint32_t order;     // in the file
  int64_t time_ms;
  ds_str text;
} ocel_value;

// A relation between objects, met in this line.
typedef struct ocel_pair {
  uint32_t from;
  uint32_t name; // of the other, who may come later: of pair_names
  uint64_t line;
} ocel_pair;

// A relation of the event under way.
typedef struct ocel_relation {
  uint32_t object;
  ds_str qualifier;
} ocel_relation;

// An attribute of the event under way.
typedef struct ocel_attribute {
  ds_str name;
  ds_str text;
} ocel_attribute;

// What an event may have.
enum { OCEL_RELATIONS_MAX = 4096, OCEL_ATTRIBUTES_MAX = DS_PLAN_COLUMNS_MAX };

// One log. Lists grow in `kept`.
struct ds_ocel {
  ds_ocel_options options;
  const ds_rows_job *job; // NULL in the first pass
  ds_rows rows;
  ds_ocel_stats stats;
  ds_arena kept;  // objects, values
  ds_arena event; // the event under way
  ds_names types; // of objects
  ds_names objects;
  ds_names attributes;
  ds_names pair_names; // of objects that relations point to
  ds_names declared; // names of columns that the log gives a type
  uint8_t *declared_kind; // of each its type, as a number of ocel.c
  uint32_t *type_of;  // of each object
  uint32_t *owner_of; // of each object: its customer, DS_NONE = none
  uint32_t *value_of; // of each object: its first value; one more entry at the end
  uint32_t objects_capacity;
  ocel_value *values;
  uint32_t values_count;
  uint32_t values_capacity;
  ocel_pair *pairs;
  uint32_t pairs_count;
  uint32_t pairs_capacity;
  uint32_t customer_type;
  ds_str marked;         // object that an export's own relation names as the customer
  uint32_t id_attribute; // of objects: their id where another type has it too; DS_NONE = no such
  char customer_kind[DS_NAME_BYTES_MAX + 2];
  // the thing under way
  bool in_event;
  bool in_object;
  uint32_t object;
  ds_str id, type, time;
  ocel_relation relations[OCEL_RELATIONS_MAX];
  uint32_t relations_count;
  uint32_t customer_now; // that the event's own relation names, DS_NONE = none
  ocel_attribute values_now[OCEL_ATTRIBUTES_MAX];
  uint32_t values_now_count;
  ds_buf json;
  uint64_t line; // of the file where the reader is, 0 = it has no lines
};


// A reader's calls. declare: an attribute of a type; begin: an object, or an event (with time);
// then its values (`time` of an object's), relations; end.
DS_CHECKED ds_code ds_ocel_declare(ds_ocel *ocel, bool of_event, ds_str type, ds_str attribute,
                                ds_str kind, ds_error *err);
DS_CHECKED ds_code ds_ocel_begin(ds_ocel *ocel, bool event, ds_str id, ds_str type, ds_str time,
                              ds_error *err);
DS_CHECKED ds_code ds_ocel_set(ds_ocel *ocel, ds_str attribute, ds_str time, ds_str text,
                            ds_error *err);
DS_CHECKED ds_code ds_ocel_relate(ds_ocel *ocel, ds_str object, ds_str qualifier, ds_error *err);
DS_CHECKED ds_code ds_ocel_end(ds_ocel *ocel, ds_error *err);

// Counts what is left out; fails at the line where the reader is.
DS_CHECKED ds_code ds_ocel_refuse(ds_ocel *ocel, const char *column, ds_reason reason,
                               ds_error *err);
ds_code ds_ocel_fail(const ds_ocel *ocel, const char *what, ds_error *err);

// The event or object in hand has no room: it is too large, or the machine has no memory.
ds_code ds_ocel_no_room(const ds_ocel *ocel, ds_error *err);

// Relates two objects by a reader that meets relations apart from their objects.
DS_CHECKED ds_code ds_ocel_relate_objects(ds_ocel *ocel, ds_str from, ds_str to, ds_error *err);

// The rows (ocel_rows.c): the event under way, and all changes of objects.
DS_CHECKED ds_code ds_ocel_event_row(ds_ocel *ocel, ds_error *err);
DS_CHECKED ds_code ds_ocel_change_rows(ds_ocel *ocel, ds_error *err);

// DuckDB's name of the type that the log gives a column.
const char *ds_ocel_duck_type(const ds_ocel *ocel, ds_str column);

// An instant in the text; a local one by the import's zone.
bool ds_ocel_time(ds_ocel *ocel, ds_str text, int64_t *ret_ms);

// Copies a text into an arena; data NULL without memory.
ds_str ds_ocel_copy(ds_arena *arena, ds_str text);

// The readers: one pass over the file.
DS_CHECKED ds_code ds_ocel_json_pass(ds_ocel *ocel, ds_error *err);
DS_CHECKED ds_code ds_ocel_xml_pass(ds_ocel *ocel, ds_error *err);
DS_CHECKED ds_code ds_ocel_sqlite_pass(ds_ocel *ocel, ds_error *err);

#endif
