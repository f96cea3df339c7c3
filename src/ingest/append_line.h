// SPDX-License-Identifier: Apache-2.0
// One NDJSON line -> one event: who (the strongest identifier, or the object that stands for a
// customer not yet known), what, when, case keys, properties; personal values are left out and
// counted. May use base/, model/ and ingest/. Nothing here touches the store.
#ifndef DS_INGEST_APPEND_LINE_H
#define DS_INGEST_APPEND_LINE_H

#include "base/limits.h"
#include "ingest/ndjson_parse.h"
#include "model/catalogue.h"
#include "model/event.h"

// Reads lines one after the other; the event of a line is valid until the next.
typedef struct ds_line_reader {
  ds_ndjson *parser;
  ds_space *space; // gets the names of accepted lines
  const ds_catalogue *catalogue;
  int64_t now_ms;
  ds_event event;
  uint32_t personal_dropped; // values of this line
  uint32_t column;           // where a refused line is wrong
  ds_arena arena;
  ds_buf json;
  const ds_touchpoint *touchpoint; // the catalogue's row for the event, or NULL
  ds_event_key keys[DS_EVENT_KEYS_MAX];
  ds_event_property properties[DS_EVENT_PROPERTIES_MAX];
} ds_line_reader;

// A reader that adds names to `space` and knows those of `catalogue` (NULL: the shipped one), both
// of which must outlive it; NULL without memory. The caller frees (NULL is fine).
ds_line_reader *ds_line_reader_new(ds_space *space, const ds_catalogue *catalogue);
void ds_line_reader_free(ds_line_reader *reader);

// Reads one line without its newline into reader->event. NULL when it is an event, else why it is
// not, with reader->column.
const char *ds_line_read(ds_line_reader *reader, const char *line, size_t size);

#endif
