// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"
#include "store/tail.h"

// A name that was not met yet. No interner gives this code: it holds at most DS_NAMES_MAX names.
#define UNMET UINT16_MAX
static_assert(DS_NAMES_MAX <= UNMET, "a code below the mark");

typedef struct code_map {
  const ds_names *from;
  ds_names *to;
  uint16_t *code; // indexed by the code in `from`
} code_map;

struct ds_recoder {
  const ds_space *from;
  code_map touchpoints;
  code_map properties;
  code_map keys;
  code_map sources;
  uint32_t *met; // by property in `from` and type: the last row that had one
  uint32_t row;
  ds_event event;
  ds_event_key key[DS_EVENT_KEYS_MAX];
  ds_event_property property[DS_EVENT_PROPERTIES_MAX];
};

static bool map_init(code_map *map, const ds_names *from, ds_names *to) {
  *map = (code_map){from, to, malloc(((size_t)from->count + 1) * sizeof *map->code)};
  if (map->code == NULL)
    return false;
  for (uint32_t i = 0; i < from->count; i++)
    map->code[i] = UNMET;
  return true;
}

ds_recoder *ds_recoder_new(const ds_space *from, ds_space *to) {
  // Not cleared: most of it is room for keys and properties, more than a small batch has bytes.
  ds_recoder *recoder = malloc(sizeof *recoder);
  if (recoder == NULL)
    return NULL;
  recoder->from = from;
  recoder->touchpoints = recoder->properties = recoder->keys = recoder->sources =
      (code_map){.code = NULL};
  recoder->met = calloc((from->properties.count + 1u) * (size_t)DS_TYPES_COUNT,
                        sizeof *recoder->met);
  recoder->row = 0;
  recoder->event = (ds_event){.keys_count = 0};
  recoder->event.keys = recoder->key;
  recoder->event.properties = recoder->property;
  if (recoder->met == NULL ||
      !map_init(&recoder->touchpoints, &from->touchpoints, &to->touchpoints) ||
      !map_init(&recoder->properties, &from->properties, &to->properties) ||
      !map_init(&recoder->keys, &from->keys, &to->keys) ||
      !map_init(&recoder->sources, &from->sources, &to->sources)) {
    ds_recoder_free(recoder);
    return NULL;
  }
  return recoder;
}

void ds_recoder_free(ds_recoder *recoder) {
  if (recoder == NULL)
    return;
  free(recoder->touchpoints.code);
  free(recoder->properties.code);
  free(recoder->keys.code);
  free(recoder->sources.code);
  free(recoder->met);
  free(recoder);
}

static ds_code map_code(code_map *map, uint16_t *code, ds_error *err) {
  if (map->code[*code] == UNMET) {
    uint32_t index;
    TRY(ds_names_add(map->to, map->from->text[*code], &index, err));
    map->code[*code] = (uint16_t)index;
  }
  *code = map->code[*code];
  return DS_OK;
}

// Maps the names of properties. A part has room for one value of a type.
static ds_code map_properties(ds_recoder *recoder, ds_event *event, ds_error *err) {
  recoder->row++; // a batch has fewer rows than bytes
  for (uint32_t i = 0; i < event->properties_count; i++) {
    ds_event_property *property = &event->properties[i];
    uint32_t *met =
        &recoder->met[property->name * (uint32_t)DS_TYPES_COUNT + property->value.type];
    if (*met == recoder->row)
      return ds_fail(err, DS_CORRUPT, "an event has a property twice");
    *met = recoder->row;
    TRY(map_code(&recoder->properties, &property->name, err));
  }
  return DS_OK;
}

ds_code ds_recoder_next(ds_recoder *recoder, const uint8_t *row, size_t size,
                        ds_event **ret_event, size_t *ret_size, ds_error *err) {
  ds_event *event = &recoder->event;
  TRY(ds_event_decode(row, size, recoder->from, event, ret_size, err));
  // No part takes two events further apart, so a log with them could never be sealed.
  if (event->time_ms < DS_TIME_MIN_MS ||
      event->time_ms - DS_TIME_MIN_MS > (int64_t)DS_TIME_SPAN_S * 1000)
    return ds_fail(err, DS_CORRUPT, "an event lies before 1990 or more than 136 years after that");
  TRY(map_code(&recoder->touchpoints, &event->touchpoint, err));
  TRY(map_code(&recoder->sources, &event->source, err));
  for (uint32_t i = 0; i < event->keys_count; i++)
    TRY(map_code(&recoder->keys, &event->keys[i].name, err));
  TRY(map_properties(recoder, event, err));
  *ret_event = event;
  return DS_OK;
}

static inline void recode(uint8_t *at, const uint16_t *code) {
  uint16_t name;
  memcpy(&name, at, sizeof name);
  memcpy(at, &code[name], sizeof name);
}

// The payload's size of a property of type `type`.
static inline uint32_t payload_size(ds_type type, const uint8_t *payload) {
  uint32_t size;
  if (type != DS_TYPE_STRING && type != DS_TYPE_SEALED)
    return type == DS_TYPE_BOOL ? 1 : 8;
  memcpy(&size, payload, sizeof size);
  return 4 + size;
}

void ds_row_recode(uint8_t *bytes, const ds_codes *codes) {
  ds_row row;
  uint8_t *at = bytes + (ds_row_open(bytes, &row) - bytes);
  recode(bytes + 4, codes->touchpoint);
  recode(bytes + 6, codes->source);
  for (uint32_t k = 0; k < row.keys; k++) {
    uint16_t size;
    recode(at, codes->key);
    memcpy(&size, at + 2, sizeof size);
    at += 4 + size;
  }
  for (uint32_t p = 0; p < row.properties; p++) {
    recode(at, codes->property);
    at += 3 + payload_size((ds_type)at[2], at + 3);
  }
  assert(at == bytes + row.size);
}
