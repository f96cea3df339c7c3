// SPDX-License-Identifier: Apache-2.0
#include "ingest/json_clean.h"

#include "ingest/personal.h"
#include "model/value.h"

bool ds_json_personal(const ds_ndjson_node *node, ds_str name) {
  return node->kind != DS_NDJSON_NULL &&
         (ds_personal_name(name) ||
          (node->kind == DS_NDJSON_TEXT && ds_personal_value(node->text)));
}

bool ds_json_stays_text(const ds_ndjson_node *node) {
  const double exact = 9007199254740992.0;
  const ds_str key = node->key;
  if (node->kind != DS_NDJSON_INTEGER && node->kind != DS_NDJSON_NUMBER)
    return false;
  return (key.size > 3 && memcmp(key.data + key.size - 3, "_id", 3) == 0) ||
         (node->kind == DS_NDJSON_INTEGER && (node->number >= exact || node->number <= -exact));
}

// To the last digit: a nested number is as good as any.
static void number_write(double number, ds_json *json) {
  char text[64];
  const ds_value value = {.type = DS_TYPE_NUMBER, .number = number};
  ds_json_number(json, (ds_str){text, (uint32_t)ds_value_print(text, sizeof text, &value)});
}

void ds_json_write_clean(const ds_ndjson_node *nodes, uint32_t at, ds_arena *arena, ds_json *json,
                         uint64_t *dropped) {
  const ds_ndjson_node *node = &nodes[at];
  const bool object = node->kind == DS_NDJSON_OBJECT;
  switch (node->kind) {
  case DS_NDJSON_NULL: ds_json_null(json); return;
  case DS_NDJSON_BOOL: ds_json_bool(json, node->i != 0); return;
  case DS_NDJSON_INTEGER: ds_json_i64(json, node->i); return;
  case DS_NDJSON_NUMBER: number_write(node->number, json); return;
  case DS_NDJSON_TEXT: ds_json_text(json, node->text); return;
  default: break;
  }
  object ? ds_json_begin_object(json) : ds_json_begin_array(json);
  for (uint32_t i = at + 1; i < node->next; i = nodes[i].next) {
    if (ds_json_personal(&nodes[i], nodes[i].key)) {
      (*dropped)++;
      continue;
    }
    if (object) {
      const char *key = ds_arena_text(arena, nodes[i].key.data, nodes[i].key.size);
      ds_json_key(json, key != NULL ? key : "");
    }
    ds_json_write_clean(nodes, i, arena, json, dropped);
  }
  object ? ds_json_end_object(json) : ds_json_end_array(json);
}
