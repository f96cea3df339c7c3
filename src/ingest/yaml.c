// SPDX-License-Identifier: Apache-2.0
// Nodes are found by index in the document and refer to each other, so an anchor that is used a
// thousand times costs nothing; callers walk to a fixed depth, so one that holds itself ends too.
#include "ingest/yaml.h"

#include <stdio.h>


enum { NODE_ITEMS_MAX = 4096, DEPTH_MAX = 32 };

// libyaml gives no line for bytes that are no text, only how far it came.
static uint32_t problem_line(const yaml_parser_t *parser, ds_str text) {
  if (parser->error != YAML_READER_ERROR)
    return (uint32_t)parser->problem_mark.line + 1;
  uint32_t line = 1;
  for (uint32_t i = 0; i < text.size && i < parser->problem_offset; i++)
    line += text.data[i] == '\n';
  return line;
}

static ds_code parse_fail(const ds_yaml *yaml, const yaml_parser_t *parser, ds_str text,
                          ds_error *err) {
  const uint32_t line = problem_line(parser, text);
  if (parser->error == YAML_MEMORY_ERROR)
    return ds_yaml_no_memory(yaml, err);
  return ds_fail_at(err, DS_INPUT, line, (uint32_t)parser->problem_mark.column + 1,
                    "%s line %u: not YAML: %s", yaml->file, line,
                    parser->problem == NULL ? "unreadable" : parser->problem);
}

// What stands behind the document's end ("---") would be passed over without a word.
static ds_code end_check(const ds_yaml *yaml, yaml_parser_t *parser, ds_str text, ds_error *err) {
  yaml_document_t rest;
  if (!yaml_parser_load(parser, &rest))
    return parse_fail(yaml, parser, text, err);
  const yaml_node_t *root = yaml_document_get_root_node(&rest);
  const uint32_t line = (uint32_t)rest.start_mark.line + 1;
  yaml_document_delete(&rest);
  if (root == NULL)
    return DS_OK;
  return ds_fail_at(err, DS_INPUT, line, 1, "%s line %u: a second document begins here; the file "
                    "may hold only one", yaml->file, line);
}

static void start(yaml_parser_t *parser, ds_str text) {
  // Without an address libyaml ends the program.
  yaml_parser_set_input_string(parser, (const unsigned char *)(text.size == 0 ? "" : text.data),
                               text.size);
}

// libyaml takes a time with the square of the depth, for each bracket within brackets.
static ds_code depth_check(const ds_yaml *yaml, ds_str text, ds_error *err) {
  yaml_parser_t parser;
  yaml_event_t event;
  uint32_t depth = 0, line = 0;
  if (!yaml_parser_initialize(&parser))
    return ds_yaml_no_memory(yaml, err);
  start(&parser, text);
  // What is no YAML is told by who loads it.
  for (bool more = true; more && depth <= DEPTH_MAX && yaml_parser_parse(&parser, &event);) {
    const yaml_event_type_t type = event.type;
    depth += type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT;
    depth -= type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT;
    line = (uint32_t)event.start_mark.line + 1;
    more = type != YAML_STREAM_END_EVENT;
    yaml_event_delete(&event);
  }
  yaml_parser_delete(&parser);
  return depth <= DEPTH_MAX
             ? DS_OK
             : ds_fail_at(err, DS_LIMIT, line, 1, "%s line %u: nested deeper than %d", yaml->file,
                          line, DEPTH_MAX);
}

ds_code ds_yaml_load(ds_yaml *yaml, ds_str text, const char *file, ds_arena *arena,
                     ds_error *err) {
  *yaml = (ds_yaml){.file = file, .where = "the file", .arena = arena};
  TRY(depth_check(yaml, text, err));
  yaml_parser_t parser;
  if (!yaml_parser_initialize(&parser))
    return ds_yaml_no_memory(yaml, err);
  start(&parser, text);
  ds_code code = DS_OK;
  if (!yaml_parser_load(&parser, &yaml->document)) {
    code = parse_fail(yaml, &parser, text, err);
  } else {
    if (yaml_document_get_root_node(&yaml->document) != NULL)
      code = end_check(yaml, &parser, text, err);
    if (code != DS_OK)
      yaml_document_delete(&yaml->document);
  }
  yaml_parser_delete(&parser);
  return code;
}

void ds_yaml_done(ds_yaml *yaml) { yaml_document_delete(&yaml->document); }

yaml_node_t *ds_yaml_root(ds_yaml *yaml) {
  return yaml_document_get_root_node(&yaml->document);
}

ds_code ds_yaml_fail(const ds_yaml *yaml, const yaml_node_t *node, ds_error *err,
                     const char *format, ...) {
  char what[384];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  return ds_fail_at(err, DS_INPUT, ds_yaml_line(node), (uint32_t)node->start_mark.column + 1,
                    "%s line %u, %s: %s", yaml->file, ds_yaml_line(node), yaml->where, what);
}

ds_code ds_yaml_fail_in(const ds_yaml *yaml, const yaml_node_t *node, size_t offset, ds_error *err,
                        const char *format, ...) {
  char what[384];
  const uint32_t column = (uint32_t)node->start_mark.column + 1 +
                          (ds_yaml_column(node) != 0 ? (uint32_t)offset : 0);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  return ds_fail_at(err, DS_INPUT, ds_yaml_line(node), column, "%s line %u column %u, %s: %s",
                    yaml->file, ds_yaml_line(node), column, yaml->where, what);
}

ds_code ds_yaml_no_memory(const ds_yaml *yaml, ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory reading %s", yaml->file);
}

uint32_t ds_yaml_line(const yaml_node_t *node) { return (uint32_t)node->start_mark.line + 1; }

uint32_t ds_yaml_column(const yaml_node_t *node) {
  const bool plain = node->type == YAML_SCALAR_NODE &&
                     node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                     node->start_mark.line == node->end_mark.line;
  return plain ? (uint32_t)node->start_mark.column + 1 : 0;
}

ds_str ds_yaml_scalar(const yaml_node_t *node) {
  return (ds_str){(const char *)node->data.scalar.value, (uint32_t)node->data.scalar.length};
}

const char *ds_yaml_shown(ds_str text, char out[DS_YAML_SHOWN_BYTES]) {
  uint32_t size = text.size < DS_YAML_SHOWN_BYTES - 4 ? text.size : DS_YAML_SHOWN_BYTES - 4;
  // A character of several bytes is shown whole or not at all.
  while (size < text.size && size > 0 && ((unsigned char)text.data[size] & 0xC0) == 0x80)
    size--;
  for (uint32_t i = 0; i < size; i++)
    out[i] = (unsigned char)text.data[i] < ' ' || text.data[i] == 0x7F ? '?' : text.data[i];
  snprintf(out + size, DS_YAML_SHOWN_BYTES - size, "%s", size < text.size ? "..." : "");
  return out;
}

bool ds_yaml_is_null(const yaml_node_t *node) {
  return node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0 &&
         node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

ds_code ds_yaml_text(ds_yaml *yaml, const yaml_node_t *node, const char **ret_text,
                     ds_error *err) {
  if (node->type != YAML_SCALAR_NODE)
    return ds_yaml_fail(yaml, node, err, "one text is expected here");
  const ds_str text = ds_yaml_scalar(node);
  if (text.size == 0)
    return ds_yaml_fail(yaml, node, err, "is empty");
  if (memchr(text.data, '\0', text.size) != NULL)
    return ds_yaml_fail(yaml, node, err, "holds a NUL character");
  const char *copy = ds_arena_text(yaml->arena, text.data, text.size);
  if (copy == NULL)
    return ds_yaml_no_memory(yaml, err);
  *ret_text = copy;
  return DS_OK;
}

uint32_t ds_yaml_pairs(const yaml_node_t *node) {
  return (uint32_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
}

static yaml_node_t *node_at(ds_yaml *yaml, int index) {
  return yaml_document_get_node(&yaml->document, index);
}

static ds_code unknown_key(const ds_yaml *yaml, const yaml_node_t *key, const char *const *known,
                           ds_error *err) {
  size_t count = 0;
  while (known[count] != NULL)
    count++;
  const ds_str name = ds_yaml_scalar(key);
  const char *nearest = ds_str_nearest(name, known, count);
  char shown[DS_YAML_SHOWN_BYTES];
  return ds_yaml_fail(yaml, key, err, "no key is called %s%s%s%s", ds_yaml_shown(name, shown),
                      nearest == NULL ? "" : ": did you mean ", nearest == NULL ? "" : nearest,
                      nearest == NULL ? "" : "?");
}

ds_code ds_yaml_map(ds_yaml *yaml, const yaml_node_t *node, const char *const *known,
                    ds_error *err) {
  if (node->type != YAML_MAPPING_NODE)
    return ds_yaml_fail(yaml, node, err, "keys with values are expected here");
  if (ds_yaml_pairs(node) > NODE_ITEMS_MAX)
    return ds_yaml_fail(yaml, node, err, "has too many keys");
  const yaml_node_pair_t *pairs = node->data.mapping.pairs.start;
  for (uint32_t i = 0; i < ds_yaml_pairs(node); i++) {
    const yaml_node_t *key = node_at(yaml, pairs[i].key);
    if (key->type != YAML_SCALAR_NODE)
      return ds_yaml_fail(yaml, key, err, "a key must be a text");
    for (uint32_t k = 0; k < i; k++)
      if (ds_str_equal(ds_yaml_scalar(node_at(yaml, pairs[k].key)), ds_yaml_scalar(key)))
        return ds_yaml_fail(yaml, key, err, "this key stands here twice");
    bool found = known == NULL;
    for (uint32_t k = 0; !found && known[k] != NULL; k++)
      found = ds_str_equal(ds_yaml_scalar(key), ds_str_of(known[k]));
    if (!found)
      return unknown_key(yaml, key, known, err);
  }
  return DS_OK;
}

ds_code ds_yaml_pair(ds_yaml *yaml, const yaml_node_t *node, uint32_t i, const char **ret_key,
                     yaml_node_t **ret_value, ds_error *err) {
  const yaml_node_pair_t *pair = &node->data.mapping.pairs.start[i];
  TRY(ds_yaml_text(yaml, node_at(yaml, pair->key), ret_key, err));
  *ret_value = node_at(yaml, pair->value);
  return DS_OK;
}

yaml_node_t *ds_yaml_get(ds_yaml *yaml, const yaml_node_t *node, const char *key) {
  for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
       pair < node->data.mapping.pairs.top; pair++)
    if (ds_str_equal(ds_yaml_scalar(node_at(yaml, pair->key)), ds_str_of(key)))
      return node_at(yaml, pair->value);
  return NULL;
}

ds_code ds_yaml_get_text(ds_yaml *yaml, const yaml_node_t *node, const char *key,
                         const char **ret_text, ds_error *err) {
  const yaml_node_t *value = ds_yaml_get(yaml, node, key);
  const char *outer = yaml->where;
  if (value == NULL)
    return DS_OK;
  yaml->where = key;
  TRY(ds_yaml_text(yaml, value, ret_text, err));
  yaml->where = outer;
  return DS_OK;
}

ds_code ds_yaml_need_text(ds_yaml *yaml, const yaml_node_t *node, const char *key,
                          const char **ret_text, ds_error *err) {
  if (ds_yaml_get(yaml, node, key) == NULL)
    return ds_yaml_fail(yaml, node, err, "the key %s is missing", key);
  return ds_yaml_get_text(yaml, node, key, ret_text, err);
}

ds_code ds_yaml_get_bool(ds_yaml *yaml, const yaml_node_t *node, const char *key, bool *ret_value,
                         ds_error *err) {
  const char *text = NULL;
  TRY(ds_yaml_get_text(yaml, node, key, &text, err));
  if (text == NULL)
    return DS_OK;
  if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
    yaml->where = key;
    return ds_yaml_fail(yaml, ds_yaml_get(yaml, node, key), err, "must be true or false");
  }
  *ret_value = strcmp(text, "true") == 0;
  return DS_OK;
}

ds_code ds_yaml_rows(ds_yaml *yaml, const yaml_node_t *node, const ds_yaml_part *part,
                     void **ret_rows, uint32_t *ret_count, ds_error *err) {
  *ret_rows = NULL;
  *ret_count = 0;
  yaml->where = part->key;
  if (node == NULL || ds_yaml_is_null(node))
    return DS_OK;
  if (part->begins == NULL)
    TRY(ds_yaml_map(yaml, node, NULL, err));
  else if (node->type != YAML_SEQUENCE_NODE)
    return ds_yaml_fail(yaml, node, err, "a list of %s is expected here, each \"- %s: …\"",
                        part->rows, part->begins);
  const uint32_t count = part->begins == NULL ? ds_yaml_pairs(node) : ds_yaml_items(node);
  if (count > part->max)
    return ds_yaml_fail(yaml, node, err, "more than %u %s", part->max, part->rows);
  void *rows = ds_arena_array(yaml->arena, count + 1u, part->size);
  if (rows == NULL)
    return ds_yaml_no_memory(yaml, err);
  *ret_rows = rows;
  *ret_count = count;
  return DS_OK;
}

uint32_t ds_yaml_items(const yaml_node_t *node) {
  return (uint32_t)(node->data.sequence.items.top - node->data.sequence.items.start);
}

yaml_node_t *ds_yaml_item(ds_yaml *yaml, const yaml_node_t *node, uint32_t i) {
  return node_at(yaml, node->data.sequence.items.start[i]);
}
