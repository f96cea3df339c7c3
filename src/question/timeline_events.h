// SPDX-License-Identifier: Apache-2.0
// The events of one customer, collected by a scan. Private to question/. May use base/ to scan/.
#ifndef DS_QUESTION_TIMELINE_EVENTS_H
#define DS_QUESTION_TIMELINE_EVENTS_H

#include "question/question.h"

// A value of a case key on an event.
typedef struct timeline_key {
  uint32_t key; // code of the snapshot's space
  uint64_t hash;
  ds_str text;
} timeline_key;

// What an event says of the day of delivery.
typedef enum timeline_promise { TIMELINE_NO_PROMISE, TIMELINE_DAY, TIMELINE_INSTANT }
    timeline_promise;

// One event; texts live in the arena of the scan.
typedef struct timeline_event {
  int64_t time_ms;
  uint32_t touchpoint;
  uint32_t keys_count;
  timeline_key *keys;
  ds_str details; // "property=value", by name, as the items of a DS_CELL_ITEMS
  timeline_promise promise;
  int64_t promised; // a day, or an instant in ms
} timeline_event;

// Whether an event belongs to a case.
static inline bool timeline_has(const timeline_event *event, uint32_t key, uint64_t hash) {
  for (uint32_t k = 0; k < event->keys_count; k++)
    if (event->keys[k].key == key && event->keys[k].hash == hash)
      return true;
  return false;
}

// The events of `customer` that `plan` leaves, in their order. The plan's columns are set here.
DS_CHECKED ds_code ds_timeline_collect(const ds_request *request, ds_plan *plan,
                                       uint32_t customer, ds_arena *arena,
                                       timeline_event **ret_events, uint32_t *ret_count,
                                       ds_error *err);

// The timeline of a customer ("kind=text"), or of one case of it by a value of `key` (NULL: all),
// as SQL: three statements, customer, cases and events.
DS_CHECKED ds_code ds_timeline_text(const ds_request *request, const ds_plan *plan, ds_str customer,
                                    const char *key, ds_buf *out, ds_error *err);

#endif
