// SPDX-License-Identifier: Apache-2.0
// OCEL 2.0 as JSON: the first time over the events they are written, the second time the objects
// that they name, each once; the types come last. What is remembered is a hash per object.
#include "ingest/export_state.h"
#include "ingest/names.h"
#include "model/time.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

// Object types are the case keys in their order, then the customer.
static uint32_t customer_type(const exporter *e) { return e->keys_count; }

static ds_str type_name(const exporter *e, uint32_t type) {
  if (type < e->keys_count)
    return e->snapshot->space.keys.text[e->keys[type].code];
  return e->customer;
}

static uint64_t pair_hash(uint64_t a, uint64_t b) {
  const uint64_t pair[2] = {a, b};
  return XXH3_64bits(pair, sizeof pair);
}

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for the objects of the export");
}

// Sets *ret_new when the pair is met for the first time.
static ds_code meet(exporter *e, uint64_t a, uint64_t b, bool *ret_new, ds_error *err) {
  uint32_t *seen = ds_map64_put(&e->met, pair_hash(a, b));
  if (seen == NULL)
    return no_memory(err);
  *ret_new = *seen == DS_NONE;
  *seen = 1;
  return DS_OK;
}

static void member(exporter *e, const char *name, ds_str text) {
  ds_json_key(&e->json, name);
  ds_json_text(&e->json, text);
}

static ds_code ocel_begin(exporter *e, ds_error *err) {
  (void)err;
  ds_buf_text(&e->out, "{\"events\": [");
  return DS_OK;
}

// OCEL's object ids are of one name space: a text that another type has already takes its type's
// name in front, which *ret_own tells.
static ds_code id_write(exporter *e, uint32_t type, ds_str text, bool *ret_own, ds_error *err) {
  uint32_t *owner = ds_map64_put(&e->objects, XXH3_64bits(text.data, text.size));
  if (owner == NULL)
    return no_memory(err);
  if (*owner == DS_NONE)
    *owner = type;
  *ret_own = *owner == type;
  if (*ret_own) {
    ds_json_text(&e->json, text);
    return DS_OK;
  }
  const ds_str name = type_name(e, type);
  ds_buf_reset(&e->text);
  ds_buf_append(&e->text, name.data, name.size);
  ds_buf_text(&e->text, ":");
  ds_buf_append(&e->text, text.data, text.size);
  ds_json_text(&e->json, ds_export_scratch(e));
  return DS_OK;
}

// Remembers which attributes an object type (`set` 0) or the events (1) of a type have: their types
// are written last.
static ds_code attribute_meet(exporter *e, uint64_t set, uint32_t type, uint32_t attribute,
                              ds_error *err) {
  bool first;
  return meet(e, (set + 1) << 32 | type, attribute, &first, err);
}

static bool attribute_met(const exporter *e, uint64_t set, uint32_t type, uint32_t attribute) {
  return ds_map64_get(&e->met, pair_hash((set + 1) << 32 | type, attribute)) != DS_NONE;
}

// Behind the properties: the one attribute of our own that events have, or objects.
static uint32_t own_attribute(const exporter *e) { return e->properties_count; }

static void attribute_begin(exporter *e, ds_str name) {
  ds_json_begin_object(&e->json);
  ds_json_key(&e->json, "name");
  ds_json_text(&e->json, name);
}

static ds_code attributes_write(exporter *e, const ds_block *block, uint32_t event,
                                ds_error *err) {
  char text[64];
  ds_json_key(&e->json, "attributes");
  ds_json_begin_array(&e->json);
  for (uint32_t p = 0; p < e->properties_count; p++) {
    const ds_value value = ds_export_value(block, &e->properties[p], event);
    if (value.type == DS_TYPE_NULL)
      continue;
    TRY(attribute_meet(e, 1, block->touchpoint[event], p, err));
    attribute_begin(e, e->properties[p].name);
    ds_json_key(&e->json, "value");
    // The log says one type for an attribute.
    if (e->properties[p].type == DS_TYPE_STRING)
      ds_json_text(&e->json, ds_export_text(&value, text));
    else
      ds_export_json(&e->json, &value);
    ds_json_end_object(&e->json);
  }
  if (e->received && block->received_ms[event] != block->time_ms[event]) {
    TRY(attribute_meet(e, 1, block->touchpoint[event], own_attribute(e), err));
    attribute_begin(e, ds_str_of(DS_NAME_RECEIVED));
    member(e, "value", ds_str_of(ds_time_print(text, block->received_ms[event])));
    ds_json_end_object(&e->json);
  }
  ds_json_end_array(&e->json);
  return DS_OK;
}

static ds_code relation_write(exporter *e, uint32_t type, ds_str text, const char *qualifier,
                              ds_error *err) {
  bool own;
  ds_json_begin_object(&e->json);
  ds_json_key(&e->json, "objectId");
  TRY(id_write(e, type, text, &own, err));
  member(e, "qualifier", ds_str_of(qualifier));
  ds_json_end_object(&e->json);
  return DS_OK;
}

static ds_code ocel_event(exporter *e, const ds_block *block, uint32_t journey, uint32_t event,
                          ds_error *err) {
  char text[32];
  ds_buf_text(&e->out, e->any ? ",\n" : "\n");
  e->any = true;
  e->json = ds_json_to(&e->out, false);
  ds_json_begin_object(&e->json);
  ds_json_key(&e->json, "id");
  ds_buf_reset(&e->text);
  ds_buf_printf(&e->text, "e%llu", (unsigned long long)(e->events + event -
                                                        block->offset[journey] + 1));
  ds_json_text(&e->json, ds_export_scratch(e));
  member(e, "type", e->snapshot->space.touchpoints.text[block->touchpoint[event]]);
  member(e, "time", ds_str_of(ds_time_print(text, block->time_ms[event])));
  TRY(attributes_write(e, block, event, err));
  ds_json_key(&e->json, "relationships");
  ds_json_begin_array(&e->json);
  TRY(relation_write(e, customer_type(e), ds_export_customer(e, block, journey),
                     DS_NAME_SUBJECT, err));
  for (uint32_t k = 0; k < e->keys_count; k++) {
    const ds_key_column *column = &block->key[k];
    for (uint32_t i = column->first[event]; i < column->first[event + 1]; i++)
      TRY(relation_write(e, k, column->text[column->item[i]], "", err));
  }
  ds_json_end_array(&e->json);
  ds_json_end_object(&e->json);
  return DS_OK;
}

static ds_code ocel_middle(exporter *e, ds_error *err) {
  (void)err;
  ds_buf_text(&e->out, "\n], \"objects\": [");
  e->any = false;
  return DS_OK;
}

static ds_code object_write(exporter *e, uint32_t type, ds_str text, ds_error *err) {
  bool first = false;
  TRY(meet(e, type, XXH3_64bits(text.data, text.size), &first, err));
  if (!first)
    return DS_OK;
  ds_buf_text(&e->out, e->any ? ",\n" : "\n");
  e->any = true;
  e->json = ds_json_to(&e->out, false);
  ds_json_begin_object(&e->json);
  ds_json_key(&e->json, "id");
  bool own;
  TRY(id_write(e, type, text, &own, err));
  member(e, "type", type_name(e, type));
  if (!own) {
    TRY(attribute_meet(e, 0, type, own_attribute(e), err));
    ds_json_key(&e->json, "attributes");
    ds_json_begin_array(&e->json);
    attribute_begin(e, ds_str_of(DS_NAME_ID));
    member(e, "time", ds_str_of("1970-01-01T00:00:00Z")); // the standard's: ever since
    member(e, "value", text);
    ds_json_end_object(&e->json);
    ds_json_end_array(&e->json);
  }
  ds_json_end_object(&e->json);
  return DS_OK;
}

static ds_code ocel_objects(exporter *e, const ds_block *block, uint32_t journey, uint32_t event,
                            ds_error *err) {
  if (event == block->offset[journey])
    TRY(object_write(e, customer_type(e), ds_export_customer(e, block, journey), err));
  for (uint32_t k = 0; k < e->keys_count; k++) {
    const ds_key_column *column = &block->key[k];
    for (uint32_t i = column->first[event]; i < column->first[event + 1]; i++)
      TRY(object_write(e, k, column->text[column->item[i]], err));
  }
  return DS_OK;
}

static void type_write(exporter *e, ds_str name) {
  ds_json_begin_object(&e->json);
  ds_json_key(&e->json, "name");
  ds_json_text(&e->json, name);
  ds_json_key(&e->json, "attributes");
  ds_json_begin_array(&e->json);
}

static void attribute_type_write(exporter *e, ds_str name, ds_type type) {
  static const char *const types[DS_TYPES_COUNT] = {
      [DS_TYPE_NUMBER] = "float", [DS_TYPE_STRING] = "string", [DS_TYPE_BOOL] = "boolean",
      [DS_TYPE_TIME] = "time",    [DS_TYPE_DATE] = "date",     [DS_TYPE_DURATION] = "integer",
  };
  attribute_begin(e, name);
  member(e, "type", ds_str_of(types[type]));
  ds_json_end_object(&e->json);
}

static void types_end(exporter *e) {
  ds_json_end_array(&e->json);
  ds_json_end_object(&e->json);
}

static ds_code ocel_end(exporter *e, ds_error *err) {
  (void)err;
  const ds_names *touchpoints = &e->snapshot->space.touchpoints;
  ds_buf_text(&e->out, "\n], \"objectTypes\": ");
  e->json = ds_json_to(&e->out, false);
  ds_json_begin_array(&e->json);
  for (uint32_t t = 0; t <= e->keys_count; t++) {
    type_write(e, type_name(e, t));
    if (attribute_met(e, 0, t, own_attribute(e)))
      attribute_type_write(e, ds_str_of(DS_NAME_ID), DS_TYPE_STRING);
    types_end(e);
  }
  ds_json_end_array(&e->json);
  ds_buf_text(&e->out, ",\n\"eventTypes\": ");
  e->json = ds_json_to(&e->out, false);
  ds_json_begin_array(&e->json);
  for (uint32_t t = 0; t < touchpoints->count; t++) {
    type_write(e, touchpoints->text[t]);
    for (uint32_t p = 0; p < e->properties_count; p++)
      if (attribute_met(e, 1, t, p))
        attribute_type_write(e, e->properties[p].name, e->properties[p].type);
    if (attribute_met(e, 1, t, own_attribute(e)))
      attribute_type_write(e, ds_str_of(DS_NAME_RECEIVED), DS_TYPE_TIME);
    types_end(e);
  }
  ds_json_end_array(&e->json);
  ds_buf_text(&e->out, "}\n");
  return DS_OK;
}

const export_form ds_export_ocel = {.begin = ocel_begin, .event = ocel_event, .twice = true,
                                    .middle = ocel_middle, .event2 = ocel_objects,
                                    .end = ocel_end};
