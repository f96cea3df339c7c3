// SPDX-License-Identifier: Apache-2.0
// OCEL 2.0 as JSON: {"objectTypes", "eventTypes", "objects", "events"}, each an array.
#include <inttypes.h>
#include <stdio.h>

#include "ingest/json_split.h"
#include "ingest/ndjson_parse.h"
#include "ingest/ocel_state.h"

typedef struct reader {
  ds_ocel *ocel;
  ds_ndjson *parser;
  const ds_ndjson_node *nodes;
  uint32_t arrays; // records of the four arrays, so that other JSON is told from a log
} reader;

// The member of an object, or 0.
static uint32_t member(const reader *r, uint32_t object, const char *name) {
  if (r->nodes[object].kind == DS_NDJSON_OBJECT)
    for (uint32_t i = object + 1; i < r->nodes[object].next; i = r->nodes[i].next)
      if (ds_str_equal(r->nodes[i].key, ds_str_of(name)))
        return i;
  return 0;
}

// A value as text; numbers as they are shortest written.
static ds_str text_of(const reader *r, uint32_t at, char out[40]) {
  const ds_ndjson_node *node = &r->nodes[at];
  ds_value number = {.type = DS_TYPE_NUMBER};
  int size = 0;
  if (at == 0)
    return (ds_str){NULL, 0};
  switch (node->kind) {
  case DS_NDJSON_TEXT: return node->text;
  case DS_NDJSON_BOOL: return ds_str_of(node->i != 0 ? "true" : "false");
  case DS_NDJSON_INTEGER: size = snprintf(out, 40, "%" PRId64, node->i); break;
  case DS_NDJSON_NUMBER:
    number.number = node->number;
    size = (int)ds_value_print(out, 40, &number);
    break;
  default: return (ds_str){NULL, 0};
  }
  return (ds_str){out, (uint32_t)size};
}

static ds_code type_take(reader *r, bool of_event, ds_error *err) {
  char a[40];
  char b[40];
  char c[40];
  const ds_str type = text_of(r, member(r, 0, "name"), a);
  const uint32_t list = member(r, 0, "attributes");
  for (uint32_t i = list + 1; list != 0 && i < r->nodes[list].next; i = r->nodes[i].next)
    TRY(ds_ocel_declare(r->ocel, of_event, type, text_of(r, member(r, i, "name"), b),
                     text_of(r, member(r, i, "type"), c), err));
  return DS_OK;
}

static ds_code thing_take(reader *r, bool event, ds_error *err) {
  char a[40];
  char b[40];
  char c[40];
  TRY(ds_ocel_begin(r->ocel, event, text_of(r, member(r, 0, "id"), a),
                 text_of(r, member(r, 0, "type"), b), text_of(r, member(r, 0, "time"), c), err));
  const uint32_t values = member(r, 0, "attributes");
  for (uint32_t i = values + 1; values != 0 && i < r->nodes[values].next; i = r->nodes[i].next) {
    const uint32_t value = member(r, i, "value");
    if (value != 0 && r->nodes[value].kind != DS_NDJSON_NULL)
      TRY(ds_ocel_set(r->ocel, text_of(r, member(r, i, "name"), a),
                   text_of(r, member(r, i, "time"), b), text_of(r, value, c), err));
  }
  const uint32_t list = member(r, 0, "relationships");
  for (uint32_t i = list + 1; list != 0 && i < r->nodes[list].next; i = r->nodes[i].next)
    TRY(ds_ocel_relate(r->ocel, text_of(r, member(r, i, "objectId"), a),
                    text_of(r, member(r, i, "qualifier"), b), err));
  return ds_ocel_end(r->ocel, err);
}

static ds_code record_take(void *context, const ds_json_record *record, ds_error *err) {
  reader *r = context;
  uint32_t count;
  uint32_t column;
  const char *reason = ds_ndjson_read(r->parser, record->text.data, record->text.size, &r->nodes,
                                      &count, &column);
  r->ocel->line = record->line;
  if (reason != NULL)
    return ds_json_split_refuse(r->ocel->options.file, record, reason, column, err);
  r->arrays++;
  if (strcmp(record->member, "objectTypes") == 0 || strcmp(record->member, "eventTypes") == 0)
    return type_take(r, record->member[0] == 'e', err);
  if (strcmp(record->member, "objects") == 0 || strcmp(record->member, "events") == 0)
    return thing_take(r, record->member[0] == 'e', err);
  r->arrays--;
  return DS_OK;
}

static ds_code feed(void *context, const uint8_t *data, size_t size, ds_error *err) {
  return ds_json_split_feed(context, data, size, err);
}

ds_code ds_ocel_json_pass(ds_ocel *ocel, ds_error *err) {
  reader r = {.ocel = ocel, .parser = ds_ndjson_new()};
  if (r.parser == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading %s", ocel->options.file->name);
  ds_json_split split;
  ds_json_split_init(&split, ocel->options.file, true, record_take, &r);
  ds_code code = ds_source_read(ocel->options.io, ocel->options.file, feed, NULL, &split,
                                ocel->options.progress, err);
  if (code == DS_OK)
    code = ds_json_split_end(&split, err);
  if (code == DS_OK && r.arrays == 0)
    code = ds_ocel_fail(ocel, "holds neither objects nor events of OCEL 2.0", err);
  ds_json_split_done(&split);
  ds_ndjson_free(r.parser);
  return code;
}
