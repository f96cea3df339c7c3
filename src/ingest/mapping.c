// SPDX-License-Identifier: Apache-2.0
// libyaml gives a tree of nodes with their lines; the functions below walk it by tables of known
// keys, so that a misspelt key is an error and never silence.
#include "ingest/mapping.h"

#include <stdio.h>
#include <yaml.h>

#include "base/limits.h"
#include "ingest/embedded_mappings.h"

enum { NODE_ITEMS_MAX = 4096 };

typedef struct reader {
  const char *file;
  yaml_document_t document;
  ds_arena *arena;
  const char *where; // the key that is being read, for messages
} reader;

static uint32_t line_of(const yaml_node_t *node) { return (uint32_t)node->start_mark.line + 1; }

static ds_code fail(const reader *r, const yaml_node_t *node, ds_error *err, const char *what) {
  return ds_fail_at(err, DS_INPUT, line_of(node), (uint32_t)node->start_mark.column + 1,
                    "%s line %u, %s: %s", r->file, line_of(node), r->where, what);
}

static yaml_node_t *node_at(reader *r, int index) {
  return yaml_document_get_node(&r->document, index);
}

static ds_str scalar_str(const yaml_node_t *node) {
  return (ds_str){(const char *)node->data.scalar.value, (uint32_t)node->data.scalar.length};
}

// The text of a scalar, copied.
static ds_code scalar_take(reader *r, yaml_node_t *node, const char **ret_text, ds_error *err) {
  if (node->type != YAML_SCALAR_NODE)
    return fail(r, node, err, "one text is expected here");
  const ds_str text = scalar_str(node);
  if (text.size == 0)
    return fail(r, node, err, "is empty");
  if (memchr(text.data, '\0', text.size) != NULL)
    return fail(r, node, err, "holds a NUL character");
  *ret_text = ds_arena_text(r->arena, text.data, text.size);
  return *ret_text == NULL ? ds_fail(err, DS_MEMORY, "out of memory reading a mapping") : DS_OK;
}

static uint32_t pairs_count(const yaml_node_t *node) {
  return (uint32_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
}

static ds_code unknown_key(const reader *r, const yaml_node_t *key, const char *const *known,
                           ds_error *err) {
  size_t count = 0;
  while (known[count] != NULL)
    count++;
  const ds_str name = scalar_str(key);
  const char *nearest = ds_str_nearest(name, known, count);
  char what[256];
  if (nearest != NULL)
    snprintf(what, sizeof what, "no key is called %.64s: did you mean %s?",
             (const char *)key->data.scalar.value, nearest);
  else
    snprintf(what, sizeof what, "no key is called %.64s", (const char *)key->data.scalar.value);
  return fail(r, key, err, what);
}

// Checks that a node is a map of texts to anything, without a key twice and, when `known` is not
// NULL, with known keys only.
static ds_code map_check(reader *r, yaml_node_t *node, const char *const *known, ds_error *err) {
  if (node->type != YAML_MAPPING_NODE)
    return fail(r, node, err, "keys with values are expected here");
  if (pairs_count(node) > NODE_ITEMS_MAX)
    return fail(r, node, err, "has too many keys");
  const yaml_node_pair_t *pairs = node->data.mapping.pairs.start;
  for (uint32_t i = 0; i < pairs_count(node); i++) {
    const yaml_node_t *key = node_at(r, pairs[i].key);
    if (key->type != YAML_SCALAR_NODE)
      return fail(r, key, err, "a key must be a text");
    for (uint32_t k = 0; k < i; k++)
      if (ds_str_equal(scalar_str(node_at(r, pairs[k].key)), scalar_str(key)))
        return fail(r, key, err, "this key stands here twice");
    bool found = known == NULL;
    for (uint32_t k = 0; !found && known[k] != NULL; k++)
      found = ds_str_equal(scalar_str(key), ds_str_of(known[k]));
    if (!found)
      return unknown_key(r, key, known, err);
  }
  return DS_OK;
}

// The value of a key, or NULL.
static yaml_node_t *map_get(reader *r, const yaml_node_t *node, const char *key) {
  for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
       pair < node->data.mapping.pairs.top; pair++)
    if (ds_str_equal(scalar_str(node_at(r, pair->key)), ds_str_of(key)))
      return node_at(r, pair->value);
  return NULL;
}

// The text of a key into *ret_text, which stays NULL when the key is absent.
static ds_code text_get(reader *r, const yaml_node_t *node, const char *key,
                        const char **ret_text, ds_error *err) {
  yaml_node_t *value = map_get(r, node, key);
  const char *outer = r->where;
  if (value == NULL)
    return DS_OK;
  r->where = key;
  TRY(scalar_take(r, value, ret_text, err));
  r->where = outer;
  return DS_OK;
}

static ds_code text_need(reader *r, const yaml_node_t *node, const char *key,
                         const char **ret_text, ds_error *err) {
  char what[96];
  snprintf(what, sizeof what, "the key %s is missing", key);
  if (map_get(r, node, key) == NULL)
    return fail(r, node, err, what);
  return text_get(r, node, key, ret_text, err);
}

static ds_code bool_get(reader *r, const yaml_node_t *node, const char *key, bool *ret_value,
                        ds_error *err) {
  const char *text = NULL;
  TRY(text_get(r, node, key, &text, err));
  if (text == NULL)
    return DS_OK;
  *ret_value = strcmp(text, "true") == 0;
  if (*ret_value || strcmp(text, "false") == 0)
    return DS_OK;
  r->where = key;
  return fail(r, map_get(r, node, key), err, "must be true or false");
}

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory reading a mapping");
}

// Key and value of entry i of a map of texts.
static ds_code pair_take(reader *r, const yaml_node_t *node, uint32_t i, const char **ret_key,
                         yaml_node_t **ret_value, ds_error *err) {
  const yaml_node_pair_t *pair = &node->data.mapping.pairs.start[i];
  TRY(scalar_take(r, node_at(r, pair->key), ret_key, err));
  *ret_value = node_at(r, pair->value);
  return DS_OK;
}

static ds_code options_take(reader *r, yaml_node_t *node, ds_mapping *m, ds_error *err) {
  static const char *const known[] = {"default", "help", NULL};
  r->where = "options";
  TRY(map_check(r, node, NULL, err));
  m->options = ds_arena_array(r->arena, pairs_count(node) + 1, sizeof *m->options);
  if (m->options == NULL)
    return no_memory(err);
  for (uint32_t i = 0; i < pairs_count(node); i++) {
    ds_mapping_option *option = &m->options[m->options_count++];
    yaml_node_t *value;
    r->where = "options";
    TRY(pair_take(r, node, i, &option->name, &value, err));
    r->where = option->name;
    TRY(map_check(r, value, known, err));
    TRY(text_need(r, value, "default", &option->standard, err));
    TRY(text_get(r, value, "help", &option->help, err));
  }
  return DS_OK;
}

static ds_code columns_take(reader *r, yaml_node_t *node, ds_mapping_file *file, ds_error *err) {
  TRY(map_check(r, node, NULL, err));
  file->columns = ds_arena_array(r->arena, pairs_count(node) + 1, sizeof *file->columns);
  if (file->columns == NULL)
    return no_memory(err);
  for (uint32_t i = 0; i < pairs_count(node); i++) {
    ds_mapping_column *column = &file->columns[file->columns_count++];
    yaml_node_t *value;
    TRY(pair_take(r, node, i, &column->name, &value, err));
    TRY(scalar_take(r, value, &column->type, err));
    for (const char *c = column->type; *c != '\0'; c++)
      if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789(), ", *c) == NULL)
        return fail(r, value, err, "is no type of DuckDB's");
  }
  return DS_OK;
}

static ds_code files_take(reader *r, yaml_node_t *node, ds_mapping *m, ds_error *err) {
  static const char *const known[] = {"file", "optional", "columns", NULL};
  r->where = "files";
  TRY(map_check(r, node, NULL, err));
  m->files = ds_arena_array(r->arena, pairs_count(node) + 1, sizeof *m->files);
  if (m->files == NULL)
    return no_memory(err);
  for (uint32_t i = 0; i < pairs_count(node); i++) {
    ds_mapping_file *file = &m->files[m->files_count++];
    yaml_node_t *value;
    r->where = "files";
    TRY(pair_take(r, node, i, &file->name, &value, err));
    file->line = line_of(value);
    r->where = file->name;
    if (value->type == YAML_SCALAR_NODE) {
      TRY(scalar_take(r, value, &file->file, err));
    } else {
      TRY(map_check(r, value, known, err));
      TRY(text_need(r, value, "file", &file->file, err));
      TRY(bool_get(r, value, "optional", &file->optional, err));
      r->where = "columns";
      if (map_get(r, value, "columns") != NULL)
        TRY(columns_take(r, map_get(r, value, "columns"), file, err));
    }
    if (strchr(file->file, '/') != NULL)
      return fail(r, value, err, "must be a file's name without folders");
    if (file->optional && file->columns_count == 0)
      return fail(r, value, err, "an optional file needs columns: what it would hold");
  }
  return DS_OK;
}

static ds_code class_take(reader *r, const yaml_node_t *node, ds_mapping_class *ret_class,
                          ds_error *err) {
  static const char *const names[] = {"", "plain", "personal", "drop"};
  const char *text = NULL;
  TRY(text_get(r, node, "class", &text, err));
  *ret_class = DS_CLASS_DEFAULT;
  for (size_t i = 1; text != NULL && i < sizeof names / sizeof *names; i++)
    if (strcmp(text, names[i]) == 0)
      *ret_class = (ds_mapping_class)i;
  r->where = "class";
  if (text != NULL && *ret_class == DS_CLASS_DEFAULT)
    return fail(r, map_get(r, node, "class"), err, "must be plain, personal or drop");
  return DS_OK;
}

static ds_code property_take(reader *r, yaml_node_t *node, ds_mapping_property *property,
                             ds_error *err) {
  static const char *const known[] = {"column", "type", "class", NULL};
  property->line = line_of(node);
  property->column = property->name;
  r->where = property->name;
  if (node->type == YAML_SCALAR_NODE)
    return scalar_take(r, node, &property->column, err);
  TRY(map_check(r, node, known, err));
  TRY(text_get(r, node, "column", &property->column, err));
  const char *type = NULL;
  TRY(text_get(r, node, "type", &type, err));
  r->where = "type";
  if (type != NULL && (!ds_type_of_name(ds_str_of(type), &property->type) ||
                       property->type == DS_TYPE_NULL))
    return fail(r, map_get(r, node, "type"), err,
                "must be number, string, bool, time, date or duration");
  r->where = property->name;
  return class_take(r, node, &property->class, err);
}

static ds_code properties_take(reader *r, yaml_node_t *node, ds_mapping_event *event,
                               ds_error *err) {
  r->where = "properties";
  TRY(map_check(r, node, NULL, err));
  event->properties = ds_arena_array(r->arena, pairs_count(node) + 1, sizeof *event->properties);
  if (event->properties == NULL)
    return no_memory(err);
  for (uint32_t i = 0; i < pairs_count(node); i++) {
    ds_mapping_property *property = &event->properties[event->properties_count++];
    yaml_node_t *value;
    r->where = "properties";
    TRY(pair_take(r, node, i, &property->name, &value, err));
    TRY(property_take(r, value, property, err));
  }
  return DS_OK;
}

static ds_code keys_take(reader *r, yaml_node_t *node, ds_mapping_event *event, ds_error *err) {
  r->where = "keys";
  TRY(map_check(r, node, NULL, err));
  if (pairs_count(node) > DS_EVENT_KEYS_MAX)
    return fail(r, node, err, "has too many keys");
  event->keys = ds_arena_array(r->arena, pairs_count(node) + 1, sizeof *event->keys);
  if (event->keys == NULL)
    return no_memory(err);
  for (uint32_t i = 0; i < pairs_count(node); i++) {
    ds_mapping_key *key = &event->keys[event->keys_count++];
    yaml_node_t *value;
    TRY(pair_take(r, node, i, &key->name, &value, err));
    key->line = line_of(value);
    TRY(scalar_take(r, value, &key->column, err));
  }
  return DS_OK;
}

static ds_code customer_take(reader *r, yaml_node_t *node, ds_mapping_event *event,
                             ds_error *err) {
  r->where = "customer";
  if (node->type == YAML_SCALAR_NODE) {
    TRY(scalar_take(r, node, &event->customer, err));
    event->kind = event->customer;
    return DS_OK;
  }
  TRY(map_check(r, node, NULL, err));
  if (pairs_count(node) != 1)
    return fail(r, node, err, "names exactly one identifier: kind: column");
  yaml_node_t *value;
  TRY(pair_take(r, node, 0, &event->kind, &value, err));
  return scalar_take(r, value, &event->customer, err);
}

static ds_code touchpoint_take(reader *r, yaml_node_t *node, ds_mapping_event *event,
                               ds_error *err) {
  static const char *const known[] = {"column", NULL};
  r->where = "touchpoint";
  if (node->type == YAML_SCALAR_NODE)
    return scalar_take(r, node, &event->touchpoint, err);
  TRY(map_check(r, node, known, err));
  return text_need(r, node, "column", &event->touchpoint_column, err);
}

static ds_code event_take(reader *r, yaml_node_t *node, ds_mapping_event *event, ds_error *err) {
  static const char *const known[] = {"touchpoint", "time", "received", "id", "customer", "keys",
                                      "when", "time_required", "properties", NULL};
  r->where = "events";
  event->line = line_of(node);
  TRY(map_check(r, node, known, err));
  if (map_get(r, node, "touchpoint") == NULL)
    return fail(r, node, err, "the key touchpoint is missing");
  TRY(touchpoint_take(r, map_get(r, node, "touchpoint"), event, err));
  r->where = "events";
  TRY(text_need(r, node, "time", &event->time, err));
  if (map_get(r, node, "customer") == NULL)
    return fail(r, node, err, "the key customer is missing");
  TRY(customer_take(r, map_get(r, node, "customer"), event, err));
  TRY(text_get(r, node, "received", &event->received, err));
  TRY(text_get(r, node, "id", &event->id, err));
  TRY(text_get(r, node, "when", &event->when, err));
  TRY(bool_get(r, node, "time_required", &event->time_required, err));
  if (map_get(r, node, "keys") != NULL)
    TRY(keys_take(r, map_get(r, node, "keys"), event, err));
  if (map_get(r, node, "properties") != NULL)
    TRY(properties_take(r, map_get(r, node, "properties"), event, err));
  return DS_OK;
}

// The items of a list; at least one.
static ds_code list_check(reader *r, yaml_node_t *node, uint32_t *ret_count, ds_error *err) {
  if (node == NULL || node->type != YAML_SEQUENCE_NODE)
    return fail(r, node == NULL ? node_at(r, 1) : node, err, "a list is expected here");
  *ret_count = (uint32_t)(node->data.sequence.items.top - node->data.sequence.items.start);
  if (*ret_count == 0 || *ret_count > 64)
    return fail(r, node, err, "1 to 64 entries are expected here");
  return DS_OK;
}

static ds_code source_take(reader *r, yaml_node_t *node, ds_mapping_source *source,
                           ds_error *err) {
  static const char *const known[] = {"name", "select", "events", NULL};
  r->where = "sources";
  source->line = line_of(node);
  TRY(map_check(r, node, known, err));
  TRY(text_need(r, node, "name", &source->name, err));
  TRY(text_need(r, node, "select", &source->select, err));
  yaml_node_t *events = map_get(r, node, "events");
  if (events == NULL)
    return fail(r, node, err, "the key events is missing");
  r->where = "events";
  TRY(list_check(r, events, &source->events_count, err));
  source->events = ds_arena_array(r->arena, source->events_count, sizeof *source->events);
  if (source->events == NULL)
    return no_memory(err);
  for (uint32_t i = 0; i < source->events_count; i++)
    TRY(event_take(r, node_at(r, events->data.sequence.items.start[i]), &source->events[i], err));
  return DS_OK;
}

static ds_code version_check(reader *r, yaml_node_t *root, ds_error *err) {
  const char *version = NULL;
  TRY(text_need(r, root, "doorstep_mapping", &version, err));
  if (strcmp(version, "1") == 0)
    return DS_OK;
  r->where = "doorstep_mapping";
  return fail(r, map_get(r, root, "doorstep_mapping"), err, "this program reads version 1");
}

static ds_code mapping_take(reader *r, yaml_node_t *root, ds_mapping *m, ds_error *err) {
  static const char *const known[] = {"doorstep_mapping", "name", "description", "time_zone",
                                      "time_unit", "options", "files", "sources", NULL};
  r->where = "the file";
  TRY(map_check(r, root, known, err));
  TRY(version_check(r, root, err));
  TRY(text_need(r, root, "name", &m->name, err));
  TRY(text_get(r, root, "time_zone", &m->time_zone, err));
  TRY(text_get(r, root, "time_unit", &m->time_unit, err));
  if (map_get(r, root, "options") != NULL)
    TRY(options_take(r, map_get(r, root, "options"), m, err));
  r->where = "the file";
  if (map_get(r, root, "files") == NULL)
    return fail(r, root, err, "the key files is missing");
  TRY(files_take(r, map_get(r, root, "files"), m, err));
  r->where = "sources";
  yaml_node_t *sources = map_get(r, root, "sources");
  if (sources == NULL)
    return fail(r, root, err, "the key sources is missing");
  TRY(list_check(r, sources, &m->sources_count, err));
  m->sources = ds_arena_array(r->arena, m->sources_count, sizeof *m->sources);
  if (m->sources == NULL)
    return no_memory(err);
  for (uint32_t i = 0; i < m->sources_count; i++)
    TRY(source_take(r, node_at(r, sources->data.sequence.items.start[i]), &m->sources[i], err));
  return DS_OK;
}

static ds_code parse_fail(const reader *r, const yaml_parser_t *parser, ds_error *err) {
  const uint32_t line = (uint32_t)parser->problem_mark.line + 1;
  if (parser->error == YAML_MEMORY_ERROR)
    return no_memory(err);
  return ds_fail_at(err, DS_INPUT, line, (uint32_t)parser->problem_mark.column + 1,
                    "%s line %u: not YAML: %s", r->file, line,
                    parser->problem == NULL ? "unreadable" : parser->problem);
}

ds_code ds_mapping_read(ds_str text, const char *file, ds_arena *arena, ds_mapping *ret_mapping,
                        ds_error *err) {
  reader r = {.file = file, .arena = arena, .where = "the file"};
  ds_mapping mapping = {.file = file};
  yaml_parser_t parser;
  if (!yaml_parser_initialize(&parser))
    return no_memory(err);
  yaml_parser_set_input_string(&parser, (const unsigned char *)text.data, text.size);
  ds_code code;
  if (!yaml_parser_load(&parser, &r.document)) {
    code = parse_fail(&r, &parser, err);
  } else {
    yaml_node_t *root = yaml_document_get_root_node(&r.document);
    code = root == NULL ? ds_fail_at(err, DS_INPUT, 1, 0, "%s line 1: the mapping is empty", file)
                        : mapping_take(&r, root, &mapping, err);
    yaml_document_delete(&r.document);
  }
  yaml_parser_delete(&parser);
  if (code == DS_OK)
    *ret_mapping = mapping;
  return code;
}

bool ds_mapping_shipped(const char *name, ds_str *ret_text) {
  for (size_t i = 0; i < ds_embedded_mappings_count; i++) {
    const ds_embedded_file *file = &ds_embedded_mappings[i];
    const size_t stem = strlen(file->name) - strlen(".yaml");
    if (strlen(name) == stem && memcmp(name, file->name, stem) == 0) {
      *ret_text = (ds_str){(const char *)file->bytes, (uint32_t)file->size};
      return true;
    }
  }
  return false;
}

const char *ds_mapping_shipped_names(char out[256]) {
  size_t used = 0;
  out[0] = '\0';
  for (size_t i = 0; i < ds_embedded_mappings_count && used < 200; i++) {
    const char *name = ds_embedded_mappings[i].name;
    used += (size_t)snprintf(out + used, 256 - used, "%s%.*s", i == 0 ? "" : ", ",
                             (int)(strlen(name) - strlen(".yaml")), name);
  }
  return out;
}
