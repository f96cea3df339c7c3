// SPDX-License-Identifier: Apache-2.0
// Names of an expression against the schema. A field hides a property of its name; in double quotes
// the name is always a property or case key.
#include <stdio.h>

#include "base/limits.h"
#include "lang/tree.h"

const lang_field_row ds_lang_fields[LANG_FIELDS_COUNT] = {
    [LANG_FIELD_TOUCHPOINT] = {"touchpoint", DS_TYPE_STRING, DS_WANT_TOUCHPOINT},
    [LANG_FIELD_STAGE] = {"stage", DS_TYPE_STRING, DS_WANT_TOUCHPOINT},
    [LANG_FIELD_ACTOR] = {"actor", DS_TYPE_STRING, DS_WANT_TOUCHPOINT},
    [LANG_FIELD_SOURCE] = {"source", DS_TYPE_STRING, DS_WANT_SOURCE},
    [LANG_FIELD_TIME] = {"time", DS_TYPE_TIME, DS_WANT_TIME},
    [LANG_FIELD_RECEIVED] = {"received", DS_TYPE_TIME, DS_WANT_RECEIVED},
};

// What other tools call a field, where it is not a property.
static const struct {
  const char *said;
  const char *field;
} said_elsewhere[] = {
    {"event", "touchpoint"}, {"event_name", "touchpoint"},  {"event_type", "touchpoint"},
    {"activity", "touchpoint"}, {"timestamp", "time"},
};

ds_code ds_lang_unknown(lang_parser *in, const ds_token *at, ds_str name, const char *const *names,
                        size_t count, const char *message) {
  const char *near = ds_str_nearest(name, names, count);
  return ds_fail_at(in->err, DS_EXPRESSION, at->line, at->column, "%s%s%s%s", message,
                    near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                    near == NULL ? "" : "'?");
}

// Names gathered for "did you mean".
typedef struct name_list {
  const char **name;
  size_t count;
} name_list;

static bool list_make(lang_parser *in, size_t capacity, name_list *list) {
  *list = (name_list){ds_arena_array(in->arena, capacity + 1, sizeof(char *)), 0};
  return list->name != NULL;
}

static void list_add(name_list *list, const ds_names *names) {
  for (uint32_t i = 0; i < names->count; i++)
    list->name[list->count++] = ds_names_text(names, i);
}

// A name in a message: the first 60 bytes of it.
static const char *shown(lang_parser *in, ds_str name) {
  const char *text = ds_arena_text(in->arena, name.data, name.size < 60 ? name.size : 60);
  return text == NULL ? "" : text;
}

// The types that the property has on the scope's touchpoints. *ret_carried tells whether any event
// at all carries it.
static uint8_t carried_types(const lang_parser *in, uint32_t property, uint8_t *ret_everywhere) {
  uint8_t types = 0;
  *ret_everywhere = 0;
  for (uint32_t c = 0; c < in->schema->carriers_count; c++) {
    const ds_carrier *carrier = &in->schema->carriers[c];
    if (carrier->property != property)
      continue;
    *ret_everywhere |= (uint8_t)(1u << carrier->type);
    if (in->scope == NULL || in->scope->code[carrier->touchpoint] == LANG_YES)
      types |= (uint8_t)(1u << carrier->type);
  }
  return types;
}

static uint8_t expected_types(const lang_scope *scope, ds_str name) {
  uint8_t types = 0;
  for (uint32_t r = 0; scope != NULL && r < scope->expected_count; r++)
    for (uint32_t e = 0; e < scope->expected[r]->expected_count; e++)
      if (ds_str_equal(name, ds_str_of(scope->expected[r]->expected[e].name)))
        types |= (uint8_t)(1u << scope->expected[r]->expected[e].type);
  return types;
}

static ds_code unknown_property(lang_parser *in, const ds_token *token, bool elsewhere) {
  char message[256];
  const char *name = shown(in, token->text);
  const ds_space *space = in->schema->space;
  const bool columns = in->schema->column_sql != NULL;
  name_list list;
  if (in->scope != NULL && elsewhere)
    return ds_fail_at(in->err, DS_EXPRESSION, token->line, token->column,
                      "no event that %s means has a property '%s', though others have",
                      shown(in, in->scope->text), name);
  if (ds_names_find(&space->touchpoints, token->text) != DS_NONE)
    return ds_fail_at(in->err, DS_EXPRESSION, token->line, token->column,
                      "'%s' is a touchpoint: write touchpoint = '%s'", name, name);
  if (!list_make(in, (size_t)space->properties.count + space->keys.count + LANG_FIELDS_COUNT,
                 &list))
    return ds_lang_no_memory(in->err);
  for (uint32_t f = 0; !token->quoted && !columns && f < LANG_FIELDS_COUNT; f++)
    list.name[list.count++] = ds_lang_fields[f].name;
  for (size_t s = 0; s < sizeof said_elsewhere / sizeof *said_elsewhere && list.count > 0; s++)
    if (ds_token_is(token, said_elsewhere[s].said))
      return ds_fail_at(in->err, DS_EXPRESSION, token->line, token->column,
                        "no event has a property or case key '%s': write %s", name,
                        said_elsewhere[s].field);
  list_add(&list, &space->properties);
  list_add(&list, &space->keys);
  if (in->value_side && ds_str_nearest(token->text, list.name, list.count) == NULL)
    return ds_fail_at(in->err, DS_EXPRESSION, token->line, token->column,
                      "a text stands in single quotes: write '%s'", name);
  snprintf(message, sizeof message, columns ? "there is no column '%s'"
                                            : "no event has a property or case key '%s'", name);
  return ds_lang_unknown(in, token, token->text, list.name, list.count, message);
}

static ds_code property(lang_parser *in, const ds_token *token, lang_node *node) {
  uint8_t everywhere = 0;
  const uint32_t code = ds_names_find(&in->schema->space->properties, token->text);
  node->kind = LANG_PROPERTY;
  node->code = code == DS_NONE ? LANG_ABSENT : code;
  node->types = code == DS_NONE ? 0 : carried_types(in, code, &everywhere);
  node->mixed = (everywhere & (everywhere - 1)) != 0;
  // A name that the space has but no part, such as of events that are gone, is null everywhere.
  if (code != DS_NONE && everywhere == 0)
    node->types = LANG_ALL_TYPES;
  if (node->types == 0)
    node->types = expected_types(in->scope, token->text);
  if (node->types == 0)
    return unknown_property(in, token, everywhere != 0);
  if ((node->types & (node->types - 1)) == 0)
    node->type = (ds_type)__builtin_ctz(node->types);
  return DS_OK;
}

ds_code ds_lang_name(lang_parser *in, const ds_token *token, lang_node *node) {
  const bool fields = !token->quoted && in->schema->column_sql == NULL;
  for (uint32_t f = 0; fields && f < LANG_FIELDS_COUNT; f++)
    if (ds_token_is(token, ds_lang_fields[f].name)) {
      node->kind = LANG_FIELD;
      node->code = f;
      node->type = ds_lang_fields[f].type;
      node->types = (uint8_t)(1u << node->type);
      return DS_OK;
    }
  node->name = token->text;
  const uint32_t key = ds_names_find(&in->schema->space->keys, token->text);
  if (key == DS_NONE)
    return property(in, token, node);
  node->kind = LANG_KEY;
  node->code = key;
  node->types = 0; // comparisons alone know what to do with a list
  return DS_OK;
}

// Touchpoints of the store and of the catalogue.
static ds_code unknown_touchpoint(lang_parser *in, const ds_token *at, ds_str name) {
  char message[128];
  name_list list;
  const ds_names *names = &in->schema->space->touchpoints;
  if (!list_make(in, (size_t)names->count + ds_touchpoints_count, &list))
    return ds_lang_no_memory(in->err);
  list_add(&list, names);
  for (uint32_t r = 0; r < ds_touchpoints_count; r++)
    list.name[list.count++] = ds_touchpoints[r].name;
  snprintf(message, sizeof message, "no event has touchpoint '%s'", shown(in, name));
  return ds_lang_unknown(in, at, name, list.name, list.count, message);
}

ds_code ds_lang_touchpoint(lang_parser *in, const ds_token *token, ds_str name,
                           uint32_t *ret_code, const ds_touchpoint **ret_row) {
  const ds_names *names = &in->schema->space->touchpoints;
  const ds_touchpoint *row = ds_catalogue_find(in->schema->catalogue, name);
  uint32_t code = ds_names_find(names, name);
  if (code == DS_NONE && row != NULL)
    code = ds_names_find(names, ds_str_of(row->name));
  if (code == DS_NONE && row == NULL)
    return unknown_touchpoint(in, token, name);
  *ret_code = code;
  *ret_row = row;
  return DS_OK;
}

static ds_code unknown_word(lang_parser *in, const ds_token *at, lang_field field, ds_str word) {
  char message[128];
  const char *words[DS_STAGES_COUNT + DS_ACTORS_COUNT];
  size_t count = 0;
  name_list list = {words, 0};
  if (field == LANG_FIELD_SOURCE) {
    if (!list_make(in, in->schema->space->sources.count, &list))
      return ds_lang_no_memory(in->err);
    list_add(&list, &in->schema->space->sources);
    count = list.count;
  }
  for (uint32_t s = 0; field == LANG_FIELD_STAGE && s < DS_STAGES_COUNT; s++)
    list.name[count++] = ds_stage_name((ds_stage)s);
  for (uint32_t a = 1; field == LANG_FIELD_ACTOR && a < DS_ACTORS_COUNT; a++)
    list.name[count++] = ds_actor_name((ds_actor)a);
  snprintf(message, sizeof message, "no event has %s '%s'", ds_lang_fields[field].name,
           shown(in, word));
  return ds_lang_unknown(in, at, word, list.name, count, message);
}

ds_code ds_lang_field_value(lang_parser *in, lang_field field, lang_node *literal) {
  const ds_token at = {.line = literal->line, .column = literal->column};
  const ds_str word = literal->value.text;
  ds_stage stage;
  ds_actor actor;
  bool known = true;
  if (field == LANG_FIELD_TOUCHPOINT) {
    uint32_t code = DS_NONE;
    const ds_touchpoint *row = NULL;
    TRY(ds_lang_touchpoint(in, &at, word, &code, &row));
    literal->value.text = code != DS_NONE ? in->schema->space->touchpoints.text[code]
                                          : ds_str_of(row->name);
  } else if (field == LANG_FIELD_STAGE) {
    known = ds_stage_of_name(word, &stage);
  } else if (field == LANG_FIELD_ACTOR) {
    known = word.size > 0 && ds_actor_of_name(word, &actor);
  } else if (field == LANG_FIELD_SOURCE) {
    known = ds_names_find(&in->schema->space->sources, word) != DS_NONE;
  }
  return known ? DS_OK : unknown_word(in, &at, field, word);
}
