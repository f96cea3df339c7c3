// SPDX-License-Identifier: Apache-2.0
#include "ingest/saved.h"

#include "base/limits.h"

enum { WORDS_MAX = 64 };

bool ds_saved_is_name(const char *text) {
  bool plain = strlen(text) <= DS_SAVED_NAME_BYTES_MAX && *text != '-' && *text != '\0';
  for (const char *c = text; *c != '\0'; c++)
    plain = plain && ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                      (*c >= '0' && *c <= '9') || *c == '-' || *c == '_');
  return plain;
}

ds_code ds_saved_name_read(ds_yaml *yaml, const yaml_node_t *map, const char **ret_name,
                           ds_error *err) {
  TRY(ds_yaml_need_text(yaml, map, "name", ret_name, err));
  yaml->where = "name";
  char shown[DS_YAML_SHOWN_BYTES];
  if (!ds_saved_is_name(*ret_name))
    return ds_yaml_fail(yaml, ds_yaml_get(yaml, map, "name"), err, "`%s` is no name: letters, "
                        "digits, - and _ make one, %u at most",
                        ds_yaml_shown(ds_str_of(*ret_name), shown), DS_SAVED_NAME_BYTES_MAX);
  return DS_OK;
}

ds_code ds_saved_name_taken(ds_yaml *yaml, const yaml_node_t *map, const char *name, uint32_t line,
                            ds_error *err) {
  yaml->where = "name";
  return ds_yaml_fail(yaml, ds_yaml_get(yaml, map, "name"), err, "`%s` stands here already, on "
                      "line %u", name, line);
}

// One text, or a list of them.
static ds_code arguments_read(ds_yaml *yaml, const yaml_node_t *map, ds_saved *saved,
                              ds_error *err) {
  const yaml_node_t *node = ds_yaml_get(yaml, map, "arguments");
  if (node == NULL || ds_yaml_is_null(node))
    return DS_OK;
  yaml->where = "arguments";
  const bool list = node->type == YAML_SEQUENCE_NODE;
  const uint32_t count = list ? ds_yaml_items(node) : 1;
  if (count > WORDS_MAX)
    return ds_yaml_fail(yaml, node, err, "more than %d arguments", WORDS_MAX);
  saved->arguments = ds_arena_array(yaml->arena, count + 1u, sizeof *saved->arguments);
  if (saved->arguments == NULL)
    return ds_yaml_no_memory(yaml, err);
  for (; saved->arguments_count < count; saved->arguments_count++)
    TRY(ds_yaml_text(yaml, list ? ds_yaml_item(yaml, node, saved->arguments_count) : node,
                     &saved->arguments[saved->arguments_count], err));
  return DS_OK;
}

static ds_code option_add(ds_yaml *yaml, const yaml_node_t *node, const char *name,
                          ds_saved *saved, ds_error *err) {
  if (saved->options_count == WORDS_MAX)
    return ds_yaml_fail(yaml, node, err, "more than %d options", WORDS_MAX);
  ds_option_value *option = &saved->options[saved->options_count++];
  option->name = name;
  return ds_yaml_text(yaml, node, &option->text, err);
}

static ds_code options_read(ds_yaml *yaml, const yaml_node_t *map, ds_saved *saved,
                            ds_error *err) {
  const yaml_node_t *node = ds_yaml_get(yaml, map, "options");
  if (node == NULL || ds_yaml_is_null(node))
    return DS_OK;
  yaml->where = "options";
  TRY(ds_yaml_map(yaml, node, NULL, err));
  saved->options = ds_arena_array(yaml->arena, WORDS_MAX, sizeof *saved->options);
  if (saved->options == NULL)
    return ds_yaml_no_memory(yaml, err);
  for (uint32_t i = 0; i < ds_yaml_pairs(node); i++) {
    const char *name;
    yaml_node_t *value;
    TRY(ds_yaml_pair(yaml, node, i, &name, &value, err));
    yaml->where = name;
    const bool list = value->type == YAML_SEQUENCE_NODE;
    for (uint32_t v = 0; v < (list ? ds_yaml_items(value) : 1); v++)
      TRY(option_add(yaml, list ? ds_yaml_item(yaml, value, v) : value, name, saved, err));
  }
  return DS_OK;
}

ds_code ds_saved_words_read(ds_yaml *yaml, const yaml_node_t *map, ds_saved *saved,
                            ds_error *err) {
  TRY(arguments_read(yaml, map, saved, err));
  return options_read(yaml, map, saved, err);
}

static ds_code saved_read(ds_yaml *yaml, const yaml_node_t *node, ds_saved *saved,
                          ds_error *err) {
  static const char *const known[] = {"name", "question", "arguments", "options", NULL};
  yaml->where = "questions";
  TRY(ds_yaml_map(yaml, node, known, err));
  saved->line = ds_yaml_line(node);
  TRY(ds_saved_name_read(yaml, node, &saved->name, err));
  TRY(ds_yaml_need_text(yaml, node, "question", &saved->question, err));
  return ds_saved_words_read(yaml, node, saved, err);
}

ds_code ds_saved_read(ds_yaml *yaml, const yaml_node_t *node, ds_saved_list *ret_list,
                      ds_error *err) {
  static const ds_yaml_part part = {"questions", "questions", "name", DS_SAVED_MAX,
                                    sizeof(ds_saved)};
  void *rows;
  uint32_t count;
  *ret_list = (ds_saved_list){.count = 0};
  TRY(ds_yaml_rows(yaml, node, &part, &rows, &count, err));
  ds_saved *items = rows;
  for (uint32_t i = 0; i < count; i++) {
    const yaml_node_t *item = ds_yaml_item(yaml, node, i);
    TRY(saved_read(yaml, item, &items[i], err));
    for (uint32_t before = 0; before < i; before++)
      if (strcmp(items[before].name, items[i].name) == 0)
        return ds_saved_name_taken(yaml, item, items[i].name, items[before].line, err);
  }
  *ret_list = (ds_saved_list){items, count};
  return DS_OK;
}
