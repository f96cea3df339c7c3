// SPDX-License-Identifier: Apache-2.0
#include "server/body.h"

#include <stdio.h>

#include "ingest/ndjson_parse.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for the request");
}

// A value as text; data NULL for null.
static ds_code text_of(const ds_ndjson_node *node, char number[32], ds_str *ret_text,
                       ds_error *err) {
  int size = 0;
  switch (node->kind) {
  case DS_NDJSON_TEXT:
    *ret_text = node->text;
    return DS_OK;
  case DS_NDJSON_BOOL:
    *ret_text = ds_str_of(node->i != 0 ? "true" : "false");
    return DS_OK;
  case DS_NDJSON_INTEGER:
    size = snprintf(number, 32, "%lld", (long long)node->i);
    break;
  case DS_NDJSON_NUMBER:
    size = snprintf(number, 32, "%.15g", node->number);
    break;
  case DS_NDJSON_NULL:
    *ret_text = (ds_str){NULL, 0};
    return DS_OK;
  default:
    return ds_fail_at(err, DS_USAGE, 1, node->column, "the body: `%.*s` is a text or a number",
                      (int)(node->key.size < 60 ? node->key.size : 60), node->key.data);
  }
  *ret_text = (ds_str){number, (uint32_t)size};
  return DS_OK;
}

static ds_code read_member(const ds_ndjson_node *node, ds_arena *arena, ds_body_member *members,
                           uint32_t count, ds_error *err) {
  char number[32];
  ds_str text = {NULL, 0};
  uint32_t m = 0;
  while (m < count && !ds_str_equal(node->key, ds_str_of(members[m].name)))
    m++;
  if (m == count)
    return ds_fail_at(err, DS_USAGE, 1, node->column, "the body: there is no member `%.*s`",
                      (int)(node->key.size < 60 ? node->key.size : 60), node->key.data);
  TRY(text_of(node, number, &text, err));
  if (text.data == NULL)
    return DS_OK;
  if (memchr(text.data, '\0', text.size) != NULL)
    return ds_fail_at(err, DS_USAGE, 1, node->column, "the body: `%s` holds a NUL",
                      members[m].name);
  members[m].text = ds_arena_text(arena, text.data, text.size);
  return members[m].text != NULL ? DS_OK : no_memory(err);
}

static ds_code read_object(const ds_ndjson_node *nodes, ds_arena *arena, ds_body_member *members,
                           uint32_t count, ds_error *err) {
  if (nodes[0].kind != DS_NDJSON_OBJECT)
    return ds_fail_at(err, DS_USAGE, 1, 1, "the body: an object is expected, {\"%s\": …}",
                      members[0].name);
  for (uint32_t at = 1; at < nodes[0].next; at = nodes[at].next)
    TRY(read_member(&nodes[at], arena, members, count, err));
  for (uint32_t m = 0; m < count; m++)
    if (members[m].needed && members[m].text == NULL)
      return ds_fail(err, DS_USAGE, "the body: `%s` is missing", members[m].name);
  return DS_OK;
}

ds_code ds_body_read(ds_str body, ds_arena *arena, ds_body_member *members, uint32_t count,
                     ds_error *err) {
  const ds_ndjson_node *nodes = NULL;
  uint32_t nodes_count = 0, column = 0;
  for (uint32_t m = 0; m < count; m++)
    members[m].text = NULL;
  if (body.size == 0)
    return ds_fail(err, DS_USAGE, "the body: an object is expected, {\"%s\": …}", members[0].name);
  ds_ndjson *parser = ds_ndjson_new();
  if (parser == NULL)
    return no_memory(err);
  const char *wrong = ds_ndjson_read(parser, body.data, body.size, &nodes, &nodes_count, &column);
  ds_code code = DS_OK;
  if (wrong == ds_ndjson_no_memory)
    code = no_memory(err);
  else if (wrong != NULL)
    code = ds_fail_at(err, DS_USAGE, 1, column, "the body: %s", wrong);
  else
    code = read_object(nodes, arena, members, count, err);
  ds_ndjson_free(parser);
  return code;
}
