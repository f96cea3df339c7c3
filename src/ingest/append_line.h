// SPDX-License-Identifier: Apache-2.0
// One NDJSON line -> one event: who (the strongest identifier, or the object that stands for a
// customer not yet known), what, when, case keys, properties; personal values are marked, to be
// sealed, and left out and counted where they lie inside of nested ones. May use base/, model/ and
// ingest/. Nothing here touches the store.
#ifndef DS_INGEST_APPEND_LINE_H
#define DS_INGEST_APPEND_LINE_H

#include "base/limits.h"
#include "ingest/ndjson_parse.h"
#include "ingest/seen.h"
#include "model/catalogue.h"
#include "model/event.h"
#include "model/time.h"

// What an outermost member of a line stands for.
typedef enum ds_line_role {
  DS_LINE_ID, DS_LINE_EVENT, DS_LINE_TIME, DS_LINE_RECEIVED, DS_LINE_CUSTOMER, DS_LINE_SOURCE,
  DS_LINE_PROPERTIES, DS_LINE_SPECIAL, // how many have a meaning of their own
  DS_LINE_IDENTIFIER = DS_LINE_SPECIAL, DS_LINE_KEY, DS_LINE_OTHER
} ds_line_role;

// A name that was met, and its role: line after line has the same few.
typedef struct ds_line_name {
  uint8_t role; // ds_line_role
  uint8_t size; // 0 = none
  char text[30];
} ds_line_name;

// So many names are kept; a power of two.
// Names of a reader's table.
enum { DS_LINE_NAMES = 64 };

// Reads lines one after the other; the event of a line is valid until the next.
typedef struct ds_line_reader {
  ds_ndjson *parser;
  ds_space *space; // gets the names of accepted lines
  const ds_catalogue *catalogue;
  int64_t now_ms;      // of arrival, when the line names none
  int64_t ahead_ms;    // how far past it a time may lie, as clocks differ: an hour
  bool by_time;        // what names no arrival came when it happened, which it must say
  const ds_zone *zone; // of times without one; NULL = UTC
  double unit_ms;      // of times that are whole numbers: 1
  const char *source;  // of lines that name none: "append"
  const char *keys_named; // further case keys, with commas between; NULL = none
  ds_event event;
  ds_identifier identifiers[DS_IDENTIFIERS_MAX]; // of the event; its subject is the strongest
  uint32_t identifiers_count;
  uint32_t personal_dropped; // values of this line
  uint32_t ambiguous;        // local times of this line that the zone has twice
  uint32_t missing;          // local times of this line that the zone leaps over
  bool local;                // a line so far had a time without a zone
  bool number;               // a line so far had a time that is a number
  uint32_t column;           // where a refused line is wrong
  bool starved;              // this line could not be read for want of memory: it may be a good one
  ds_space known; // names of the store and of accepted lines: as many as a store may have
  ds_arena arena;
  ds_buf json;
  ds_line_name names[DS_LINE_NAMES]; // by hash
  const ds_touchpoint *touchpoint; // the catalogue's row for the event, or NULL
  ds_event_key keys[DS_EVENT_KEYS_MAX];
  ds_event_property properties[DS_EVENT_PROPERTIES_MAX];
} ds_line_reader;

// The role of an outermost member's name.
ds_line_role ds_line_role_of(ds_str name);

// Whether it is a case key, or one of those in `more` (commas between; NULL: none).
bool ds_line_is_key(ds_str name, const char *more);

// The kind of identifier that a member of the object "customer" is: "id" is the customer's.
ds_str ds_line_kind(ds_str name);

// A reader that adds names to `space` and knows those of `catalogue` (NULL: the shipped one), both
// of which must outlive it; NULL without memory. The caller frees (NULL is fine).
ds_line_reader *ds_line_reader_new(ds_space *space, const ds_catalogue *catalogue);
void ds_line_reader_free(ds_line_reader *reader);

// Tells the reader the names that the store has, so that a line with one too many is refused.
DS_CHECKED ds_code ds_line_reader_know(ds_line_reader *reader, const ds_space *stored,
                                       ds_error *err);

// Reads one line without its newline into reader->event. NULL when it is an event, else why it is
// not, with reader->column.
const char *ds_line_read(ds_line_reader *reader, const char *line, size_t size);

#endif
