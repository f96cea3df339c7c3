// SPDX-License-Identifier: Apache-2.0
// CSV (RFC 4180) and NDJSON: one event a line.
#include "ingest/export_state.h"
#include "model/time.h"

static ds_str touchpoint_of(const exporter *e, const ds_block *block, uint32_t event) {
  return e->snapshot->space.touchpoints.text[block->touchpoint[event]];
}

// --- CSV

static bool must_quote(ds_str text) {
  for (uint32_t i = 0; i < text.size; i++)
    if (memchr(",\"\r\n", text.data[i], 4) != NULL)
      return true;
  return false;
}

static void field(exporter *e, ds_str text, bool first) {
  ds_buf_text(&e->out, first ? "" : ",");
  if (!must_quote(text)) {
    ds_buf_append(&e->out, text.data, text.size);
    return;
  }
  ds_buf_u8(&e->out, '"');
  for (uint32_t i = 0; i < text.size; i++) {
    if (text.data[i] == '"')
      ds_buf_u8(&e->out, '"');
    ds_buf_u8(&e->out, (uint8_t)text.data[i]);
  }
  ds_buf_u8(&e->out, '"');
}

static ds_code csv_begin(exporter *e, ds_error *err) {
  (void)err;
  field(e, e->customer, true);
  field(e, ds_str_of("time"), false);
  field(e, ds_str_of("event"), false);
  if (e->received)
    field(e, ds_str_of("received"), false);
  for (uint32_t k = 0; k < e->keys_count; k++)
    field(e, e->keys[k].name, false);
  for (uint32_t p = 0; p < e->properties_count; p++)
    field(e, e->properties[p].name, false);
  ds_buf_text(&e->out, "\n");
  return DS_OK;
}

static ds_code csv_event(exporter *e, const ds_block *block, uint32_t journey, uint32_t event,
                         ds_error *err) {
  (void)err;
  char text[64];
  field(e, ds_export_customer(e, block, journey), true);
  field(e, ds_str_of(ds_time_print(text, block->time_ms[event])), false);
  field(e, touchpoint_of(e, block, event), false);
  if (e->received) {
    const bool own = block->received_ms[event] != block->time_ms[event];
    field(e, ds_str_of(own ? ds_time_print(text, block->received_ms[event]) : ""), false);
  }
  for (uint32_t k = 0; k < e->keys_count; k++)
    field(e, ds_export_key(e, block, k, event), false);
  for (uint32_t p = 0; p < e->properties_count; p++) {
    const ds_value value = ds_export_value(block, &e->properties[p], event);
    field(e, ds_export_text(&value, text), false);
  }
  ds_buf_text(&e->out, "\n");
  return DS_OK;
}

const export_form ds_export_csv = {.begin = csv_begin, .event = csv_event};

// --- NDJSON

static void member(exporter *e, const char *name, ds_str text) {
  ds_json_key(&e->json, name);
  ds_json_text(&e->json, text);
}

static void json_keys(exporter *e, const ds_block *block, uint32_t event) {
  for (uint32_t k = 0; k < e->keys_count; k++) {
    const ds_key_column *column = &block->key[k];
    const uint32_t first = column->first[event];
    const uint32_t count = column->first[event + 1] - first;
    if (count == 0)
      continue;
    const ds_str one = column->text[column->item[first]];
    const bool list = count > 1 || (one.size > 0 && one.data[0] == '[');
    ds_json_key(&e->json, e->keys[k].name.data);
    if (list)
      ds_json_begin_array(&e->json);
    for (uint32_t i = first; i < first + count; i++)
      ds_json_text(&e->json, column->text[column->item[i]]);
    if (list)
      ds_json_end_array(&e->json);
  }
}

static ds_code json_event(exporter *e, const ds_block *block, uint32_t journey, uint32_t event,
                          ds_error *err) {
  (void)err;
  char text[32];
  e->json = ds_json_to(&e->out, false);
  ds_json_begin_object(&e->json);
  member(e, e->customer.data, ds_export_customer(e, block, journey));
  member(e, "time", ds_str_of(ds_time_print(text, block->time_ms[event])));
  member(e, "event", touchpoint_of(e, block, event));
  if (e->received && block->received_ms[event] != block->time_ms[event])
    member(e, "received", ds_str_of(ds_time_print(text, block->received_ms[event])));
  json_keys(e, block, event);
  for (uint32_t p = 0; p < e->properties_count; p++) {
    const ds_value value = ds_export_value(block, &e->properties[p], event);
    if (value.type == DS_TYPE_NULL)
      continue;
    ds_json_key(&e->json, e->properties[p].name.data);
    ds_export_json(&e->json, &value);
  }
  ds_json_end_object(&e->json);
  ds_buf_text(&e->out, "\n");
  return DS_OK;
}

const export_form ds_export_ndjson = {.event = json_event};
