// SPDX-License-Identifier: Apache-2.0
// What becomes of one row.
#include <assert.h>
#include <stdlib.h>

#include "store/retype.h"

enum { PRINTED_BYTES = 64 };

struct ds_retyper {
  const ds_retype *retype;
  const ds_space *space;
  uint32_t touchpoint; // codes; DS_NONE: the space has no such name
  uint32_t property;
  ds_retype_counts counts;
  ds_buf row; // a copy, because `out` may move
  ds_event event;
  ds_event_key keys[DS_EVENT_KEYS_MAX];
  ds_event_property properties[DS_EVENT_PROPERTIES_MAX];
};

ds_retyper *ds_retyper_new(const ds_retype *retype, const ds_space *space) {
  assert(retype->type != DS_TYPE_NULL && retype->type != DS_TYPE_SEALED);
  ds_retyper *retyper = calloc(1, sizeof *retyper);
  if (retyper == NULL)
    return NULL;
  retyper->retype = retype;
  retyper->space = space;
  retyper->touchpoint = ds_names_find(&space->touchpoints, retype->touchpoint);
  retyper->property = ds_names_find(&space->properties, retype->property);
  ds_buf_init(&retyper->row, DS_EVENT_BYTES_MAX);
  retyper->event.keys = retyper->keys;
  retyper->event.properties = retyper->properties;
  return retyper;
}

void ds_retyper_free(ds_retyper *retyper) {
  if (retyper == NULL)
    return;
  ds_buf_done(&retyper->row);
  free(retyper);
}

const ds_retype_counts *ds_retyper_counts(const ds_retyper *retyper) { return &retyper->counts; }

// Gives a value the type, or makes a text of it; false when it stays as it is. `printed` holds the
// text of what was none.
static bool convert(ds_retyper *retyper, ds_value *value, char printed[PRINTED_BYTES]) {
  const ds_type type = retyper->retype->type;
  if (value->type == type) {
    retyper->counts.already++;
    return false;
  }
  if (value->type == DS_TYPE_SEALED) {
    retyper->counts.sealed++;
    return false;
  }
  const bool is_text = value->type == DS_TYPE_STRING;
  ds_str text = value->text;
  if (!is_text)
    text = (ds_str){printed, (uint32_t)ds_value_print(printed, PRINTED_BYTES, value)};
  if (ds_value_parse(text, type, value)) {
    retyper->counts.converted++;
    return true;
  }
  retyper->counts.texts++;
  *value = (ds_value){.type = DS_TYPE_STRING, .text = text};
  return !is_text;
}

ds_code ds_retyper_row(ds_retyper *retyper, const uint8_t *row, size_t size, ds_buf *out,
                       bool *ret_changed, ds_error *err) {
  ds_row head;
  *ret_changed = false;
  ds_row_open(row, &head);
  if (head.touchpoint != retyper->touchpoint || retyper->property == DS_NONE)
    return DS_OK;
  ds_buf_reset(&retyper->row);
  ds_buf_append(&retyper->row, row, size);
  TRY(ds_buf_check(&retyper->row, "an event", err));
  size_t read = 0;
  TRY(ds_event_decode(retyper->row.data, size, retyper->space, &retyper->event, &read, err));
  char printed[PRINTED_BYTES];
  for (uint32_t p = 0; p < retyper->event.properties_count; p++)
    if (retyper->properties[p].name == retyper->property)
      *ret_changed |= convert(retyper, &retyper->properties[p].value, printed);
  return *ret_changed ? ds_event_encode(&retyper->event, out, err) : DS_OK;
}
