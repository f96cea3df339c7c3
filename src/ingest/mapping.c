// SPDX-License-Identifier: Apache-2.0
#include "ingest/mapping.h"

#include <stdio.h>

#include "base/limits.h"
#include "ingest/embedded_mappings.h"
#include "ingest/personal.h"
#include "ingest/seen.h"
#include "ingest/yaml.h"
#include "model/identifier.h"

static ds_code options_take(ds_yaml *r, yaml_node_t *node, ds_mapping *m, ds_error *err) {
  static const char *const known[] = {"default", "help", NULL};
  r->where = "options";
  TRY(ds_yaml_map(r, node, NULL, err));
  m->options = ds_arena_array(r->arena, ds_yaml_pairs(node) + 1, sizeof *m->options);
  if (m->options == NULL)
    return ds_yaml_no_memory(r, err);
  for (uint32_t i = 0; i < ds_yaml_pairs(node); i++) {
    ds_mapping_option *option = &m->options[m->options_count++];
    yaml_node_t *value;
    r->where = "options";
    TRY(ds_yaml_pair(r, node, i, &option->name, &value, err));
    r->where = option->name;
    TRY(ds_yaml_map(r, value, known, err));
    TRY(ds_yaml_need_text(r, value, "default", &option->standard, err));
    TRY(ds_yaml_get_text(r, value, "help", &option->help, err));
  }
  return DS_OK;
}

static ds_code columns_take(ds_yaml *r, yaml_node_t *node, ds_mapping_file *file, ds_error *err) {
  TRY(ds_yaml_map(r, node, NULL, err));
  file->columns = ds_arena_array(r->arena, ds_yaml_pairs(node) + 1, sizeof *file->columns);
  if (file->columns == NULL)
    return ds_yaml_no_memory(r, err);
  for (uint32_t i = 0; i < ds_yaml_pairs(node); i++) {
    ds_mapping_column *column = &file->columns[file->columns_count++];
    yaml_node_t *value;
    TRY(ds_yaml_pair(r, node, i, &column->name, &value, err));
    TRY(ds_yaml_text(r, value, &column->type, err));
    for (const char *c = column->type; *c != '\0'; c++)
      if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789(), ", *c) == NULL)
        return ds_yaml_fail(r, value, err, "is no type of DuckDB's");
  }
  return DS_OK;
}

static ds_code files_take(ds_yaml *r, yaml_node_t *node, ds_mapping *m, ds_error *err) {
  static const char *const known[] = {"file", "optional", "columns", NULL};
  r->where = "files";
  TRY(ds_yaml_map(r, node, NULL, err));
  m->files = ds_arena_array(r->arena, ds_yaml_pairs(node) + 1, sizeof *m->files);
  if (m->files == NULL)
    return ds_yaml_no_memory(r, err);
  for (uint32_t i = 0; i < ds_yaml_pairs(node); i++) {
    ds_mapping_file *file = &m->files[m->files_count++];
    yaml_node_t *value;
    r->where = "files";
    TRY(ds_yaml_pair(r, node, i, &file->name, &value, err));
    file->line = ds_yaml_line(value);
    r->where = file->name;
    if (value->type == YAML_SCALAR_NODE) {
      TRY(ds_yaml_text(r, value, &file->file, err));
    } else {
      TRY(ds_yaml_map(r, value, known, err));
      TRY(ds_yaml_need_text(r, value, "file", &file->file, err));
      TRY(ds_yaml_get_bool(r, value, "optional", &file->optional, err));
      r->where = "columns";
      if (ds_yaml_get(r, value, "columns") != NULL)
        TRY(columns_take(r, ds_yaml_get(r, value, "columns"), file, err));
    }
    if (strchr(file->file, '/') != NULL)
      return ds_yaml_fail(r, value, err, "must be a file's name without folders");
    if (file->optional && file->columns_count == 0)
      return ds_yaml_fail(r, value, err, "an optional file needs columns: what it would hold");
  }
  return DS_OK;
}

static ds_code class_take(ds_yaml *r, const yaml_node_t *node, ds_mapping_class *ret_class,
                          ds_error *err) {
  static const char *const names[] = {"", "plain", "personal", "drop"};
  const char *text = NULL;
  TRY(ds_yaml_get_text(r, node, "class", &text, err));
  *ret_class = DS_CLASS_DEFAULT;
  for (size_t i = 1; text != NULL && i < sizeof names / sizeof *names; i++)
    if (strcmp(text, names[i]) == 0)
      *ret_class = (ds_mapping_class)i;
  r->where = "class";
  if (text != NULL && *ret_class == DS_CLASS_DEFAULT)
    return ds_yaml_fail(r, ds_yaml_get(r, node, "class"), err, "must be plain, personal or drop");
  return DS_OK;
}

static ds_code property_take(ds_yaml *r, yaml_node_t *node, ds_mapping_property *property,
                             ds_error *err) {
  static const char *const known[] = {"column", "type", "class", NULL};
  property->line = ds_yaml_line(node);
  property->column = property->name;
  r->where = property->name;
  if (node->type == YAML_SCALAR_NODE)
    return ds_yaml_text(r, node, &property->column, err);
  TRY(ds_yaml_map(r, node, known, err));
  TRY(ds_yaml_get_text(r, node, "column", &property->column, err));
  const char *type = NULL;
  TRY(ds_yaml_get_text(r, node, "type", &type, err));
  r->where = "type";
  if (type != NULL && !ds_type_declared(ds_str_of(type), &property->type))
    return ds_yaml_fail(r, ds_yaml_get(r, node, "type"), err,
                        "must be number, string, bool, time, date or duration");
  r->where = property->name;
  return class_take(r, node, &property->class, err);
}

static ds_code properties_take(ds_yaml *r, yaml_node_t *node, ds_mapping_event *event,
                               ds_error *err) {
  r->where = "properties";
  TRY(ds_yaml_map(r, node, NULL, err));
  event->properties = ds_arena_array(r->arena, ds_yaml_pairs(node) + 1, sizeof *event->properties);
  if (event->properties == NULL)
    return ds_yaml_no_memory(r, err);
  for (uint32_t i = 0; i < ds_yaml_pairs(node); i++) {
    ds_mapping_property *property = &event->properties[event->properties_count++];
    yaml_node_t *value;
    r->where = "properties";
    TRY(ds_yaml_pair(r, node, i, &property->name, &value, err));
    TRY(property_take(r, value, property, err));
  }
  return DS_OK;
}

static ds_code keys_take(ds_yaml *r, yaml_node_t *node, ds_mapping_event *event, ds_error *err) {
  r->where = "keys";
  TRY(ds_yaml_map(r, node, NULL, err));
  if (ds_yaml_pairs(node) > DS_EVENT_KEYS_MAX)
    return ds_yaml_fail(r, node, err, "has too many keys");
  event->keys = ds_arena_array(r->arena, ds_yaml_pairs(node) + 1, sizeof *event->keys);
  if (event->keys == NULL)
    return ds_yaml_no_memory(r, err);
  for (uint32_t i = 0; i < ds_yaml_pairs(node); i++) {
    ds_mapping_key *key = &event->keys[event->keys_count++];
    yaml_node_t *value;
    TRY(ds_yaml_pair(r, node, i, &key->name, &value, err));
    key->line = ds_yaml_line(value);
    TRY(ds_yaml_text(r, value, &key->column, err));
  }
  return DS_OK;
}

// The kind that is the customer's: by strength, and personal ones, which are hashed, last.
static uint32_t strength_of(const char *kind) {
  const ds_str name = ds_str_of(kind);
  const bool personal = !ds_identifier_is_listed(name) && ds_personal_name(name);
  return personal ? UINT32_MAX : ds_identifier_rank(name);
}

static ds_code customer_take(ds_yaml *r, yaml_node_t *node, ds_mapping_event *event,
                             ds_error *err) {
  r->where = "customer";
  if (node->type == YAML_SCALAR_NODE) {
    TRY(ds_yaml_text(r, node, &event->customer, err));
    event->kind = event->customer;
    return DS_OK;
  }
  TRY(ds_yaml_map(r, node, NULL, err));
  const uint32_t count = ds_yaml_pairs(node);
  if (count == 0 || count > DS_IDENTIFIERS_MAX)
    return ds_yaml_fail(r, node, err, "names 1 to 8 identifiers, each as kind: column");
  event->others = ds_arena_array(r->arena, count, sizeof *event->others);
  if (event->others == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading a mapping");
  uint32_t best = 0;
  for (uint32_t i = 0; i < count; i++) {
    ds_mapping_key *other = &event->others[i];
    yaml_node_t *value;
    TRY(ds_yaml_pair(r, node, i, &other->name, &value, err));
    other->line = ds_yaml_line(value);
    TRY(ds_yaml_text(r, value, &other->column, err));
    if (strength_of(other->name) < strength_of(event->others[best].name))
      best = i;
  }
  event->kind = event->others[best].name;
  event->customer = event->others[best].column;
  event->others_count = count - 1;
  memmove(event->others + best, event->others + best + 1,
          (count - 1 - best) * sizeof *event->others);
  return DS_OK;
}

// Whether a case key is an object that stands for its owner.
static bool has_object(const ds_mapping_event *event) {
  for (uint32_t i = 0; i < event->keys_count; i++)
    if (ds_identifier_is_object(ds_str_of(event->keys[i].name)))
      return true;
  return false;
}

static ds_code touchpoint_take(ds_yaml *r, yaml_node_t *node, ds_mapping_event *event,
                               ds_error *err) {
  static const char *const known[] = {"column", NULL};
  r->where = "touchpoint";
  if (node->type == YAML_SCALAR_NODE)
    return ds_yaml_text(r, node, &event->touchpoint, err);
  TRY(ds_yaml_map(r, node, known, err));
  return ds_yaml_need_text(r, node, "column", &event->touchpoint_column, err);
}

static ds_code event_take(ds_yaml *r, yaml_node_t *node, ds_mapping_event *event, ds_error *err) {
  static const char *const known[] = {"touchpoint", "time", "received", "id", "customer", "keys",
                                      "when", "time_required", "properties", NULL};
  r->where = "events";
  event->line = ds_yaml_line(node);
  TRY(ds_yaml_map(r, node, known, err));
  if (ds_yaml_get(r, node, "touchpoint") == NULL)
    return ds_yaml_fail(r, node, err, "the key touchpoint is missing");
  TRY(touchpoint_take(r, ds_yaml_get(r, node, "touchpoint"), event, err));
  r->where = "events";
  TRY(ds_yaml_need_text(r, node, "time", &event->time, err));
  if (ds_yaml_get(r, node, "customer") != NULL)
    TRY(customer_take(r, ds_yaml_get(r, node, "customer"), event, err));
  TRY(ds_yaml_get_text(r, node, "received", &event->received, err));
  TRY(ds_yaml_get_text(r, node, "id", &event->id, err));
  TRY(ds_yaml_get_text(r, node, "when", &event->when, err));
  if (event->when != NULL) {
    event->when_line = ds_yaml_line(ds_yaml_get(r, node, "when"));
    event->when_column = ds_yaml_column(ds_yaml_get(r, node, "when"));
  }
  TRY(ds_yaml_get_bool(r, node, "time_required", &event->time_required, err));
  if (ds_yaml_get(r, node, "keys") != NULL)
    TRY(keys_take(r, ds_yaml_get(r, node, "keys"), event, err));
  r->where = "events";
  if (event->customer == NULL && !has_object(event))
    return ds_yaml_fail(r, node, err, "the key customer is missing, and no case key is an order, "
                        "parcel, ticket or the like");
  if (ds_yaml_get(r, node, "properties") != NULL)
    TRY(properties_take(r, ds_yaml_get(r, node, "properties"), event, err));
  return DS_OK;
}

// The items of a list; at least one.
static ds_code list_check(ds_yaml *r, yaml_node_t *node, uint32_t *ret_count, ds_error *err) {
  if (node == NULL || node->type != YAML_SEQUENCE_NODE)
    return ds_yaml_fail(r, node == NULL ? ds_yaml_root(r) : node, err, "a list is expected here");
  *ret_count = ds_yaml_items(node);
  if (*ret_count == 0 || *ret_count > 64)
    return ds_yaml_fail(r, node, err, "1 to 64 entries are expected here");
  return DS_OK;
}

static ds_code source_take(ds_yaml *r, yaml_node_t *node, ds_mapping_source *source,
                           ds_error *err) {
  static const char *const known[] = {"name", "select", "events", NULL};
  r->where = "sources";
  source->line = ds_yaml_line(node);
  TRY(ds_yaml_map(r, node, known, err));
  TRY(ds_yaml_need_text(r, node, "name", &source->name, err));
  TRY(ds_yaml_need_text(r, node, "select", &source->select, err));
  yaml_node_t *events = ds_yaml_get(r, node, "events");
  if (events == NULL)
    return ds_yaml_fail(r, node, err, "the key events is missing");
  r->where = "events";
  TRY(list_check(r, events, &source->events_count, err));
  source->events = ds_arena_array(r->arena, source->events_count, sizeof *source->events);
  if (source->events == NULL)
    return ds_yaml_no_memory(r, err);
  for (uint32_t i = 0; i < source->events_count; i++)
    TRY(event_take(r, ds_yaml_item(r, events, i), &source->events[i], err));
  return DS_OK;
}

static ds_code version_check(ds_yaml *r, yaml_node_t *root, ds_error *err) {
  const char *version = NULL;
  TRY(ds_yaml_need_text(r, root, "doorstep_mapping", &version, err));
  if (strcmp(version, "1") == 0)
    return DS_OK;
  r->where = "doorstep_mapping";
  return ds_yaml_fail(r, ds_yaml_get(r, root, "doorstep_mapping"), err,
                      "this program reads version 1");
}

static ds_code mapping_take(ds_yaml *r, yaml_node_t *root, ds_mapping *m, ds_error *err) {
  static const char *const known[] = {"doorstep_mapping", "name", "description", "time_zone",
                                      "time_unit", "options", "files", "sources", NULL};
  r->where = "the file";
  TRY(ds_yaml_map(r, root, known, err));
  TRY(version_check(r, root, err));
  TRY(ds_yaml_need_text(r, root, "name", &m->name, err));
  TRY(ds_yaml_get_text(r, root, "time_zone", &m->time_zone, err));
  TRY(ds_yaml_get_text(r, root, "time_unit", &m->time_unit, err));
  if (ds_yaml_get(r, root, "options") != NULL)
    TRY(options_take(r, ds_yaml_get(r, root, "options"), m, err));
  r->where = "the file";
  if (ds_yaml_get(r, root, "files") == NULL)
    return ds_yaml_fail(r, root, err, "the key files is missing");
  TRY(files_take(r, ds_yaml_get(r, root, "files"), m, err));
  r->where = "sources";
  yaml_node_t *sources = ds_yaml_get(r, root, "sources");
  if (sources == NULL)
    return ds_yaml_fail(r, root, err, "the key sources is missing");
  TRY(list_check(r, sources, &m->sources_count, err));
  m->sources = ds_arena_array(r->arena, m->sources_count, sizeof *m->sources);
  if (m->sources == NULL)
    return ds_yaml_no_memory(r, err);
  for (uint32_t i = 0; i < m->sources_count; i++)
    TRY(source_take(r, ds_yaml_item(r, sources, i), &m->sources[i], err));
  return DS_OK;
}

ds_code ds_mapping_read(ds_str text, const char *file, ds_arena *arena, ds_mapping *ret_mapping,
                        ds_error *err) {
  ds_yaml yaml;
  ds_mapping mapping = {.file = file};
  TRY(ds_yaml_load(&yaml, text, file, arena, err));
  yaml_node_t *root = ds_yaml_root(&yaml);
  const ds_code code =
      root == NULL ? ds_fail_at(err, DS_INPUT, 1, 0, "%s line 1: the mapping is empty", file)
                   : mapping_take(&yaml, root, &mapping, err);
  ds_yaml_done(&yaml);
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
