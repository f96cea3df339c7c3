// SPDX-License-Identifier: Apache-2.0
// What an expression depends on, for people and for those who evaluate it only when it can change.
#include "lang/case_tree.h"

typedef struct name_sink {
  ds_read_name *name;
  uint32_t count, capacity;
  ds_arena *arena;
  ds_error *err;
} name_sink;

static ds_code sink_add(name_sink *sink, const char *kind, ds_str name, ds_type type) {
  for (uint32_t i = 0; i < sink->count; i++)
    if (strcmp(sink->name[i].kind, kind) == 0 && ds_str_equal(sink->name[i].name, name) &&
        sink->name[i].type == type)
      return DS_OK;
  if (sink->count == sink->capacity) {
    sink->capacity = sink->capacity * 2 + 16;
    ds_read_name *grown = ds_arena_array(sink->arena, sink->capacity, sizeof *grown);
    if (grown == NULL)
      return ds_lang_no_memory(sink->err);
    if (sink->count > 0)
      memcpy(grown, sink->name, sink->count * sizeof *grown);
    sink->name = grown;
  }
  sink->name[sink->count++] = (ds_read_name){kind, name, type};
  return DS_OK;
}

static ds_code walk(name_sink *sink, const lang_node *node) {
  if (node->kind == LANG_PROPERTY)
    TRY(sink_add(sink, "property", node->name, node->type));
  else if (node->kind == LANG_KEY)
    TRY(sink_add(sink, "case key", node->name, DS_TYPE_STRING));
  else if (node->kind == LANG_FIELD)
    TRY(sink_add(sink, "field", ds_str_of(ds_lang_fields[node->code].name), node->type));
  for (uint32_t c = 0; c < node->count; c++)
    TRY(walk(sink, node->child[c]));
  return DS_OK;
}

// Whether a comparison with the touchpoint holds this name on its other side.
static bool compares(const lang_node *node, ds_str name) {
  bool touchpoint = false, found = false;
  for (uint32_t c = 0; c < node->count; c++) {
    const lang_node *side = node->child[c];
    touchpoint |= side->kind == LANG_FIELD && side->code == LANG_FIELD_TOUCHPOINT;
    found |= side->kind == LANG_LITERAL && side->value.type == DS_TYPE_STRING &&
             ds_str_equal(side->value.text, name);
  }
  for (uint32_t v = 0; v < node->values_count; v++)
    found |= node->values[v].type == DS_TYPE_STRING && ds_str_equal(node->values[v].text, name);
  return touchpoint && found;
}

static void named(const lang_node *node, const ds_names *touchpoints, uint8_t *marks) {
  for (uint32_t t = 0; t < touchpoints->count; t++)
    marks[t] |= compares(node, touchpoints->text[t]) ||
                (node->kind == LANG_TOUCHPOINTS && node->hit[t] == LANG_YES);
  for (uint32_t c = 0; c < node->count; c++)
    named(node->child[c], touchpoints, marks);
}

void ds_expression_named(const ds_expression *expression, uint8_t *marks) {
  named(expression->root, &expression->schema->space->touchpoints, marks);
}

ds_code ds_expression_reads(const ds_expression *expression, ds_arena *arena,
                            const ds_read_name **ret_names, uint32_t *ret_count, ds_error *err) {
  const ds_names *touchpoints = &expression->schema->space->touchpoints;
  name_sink sink = {.arena = arena, .err = err};
  uint32_t meant = 0;
  TRY(walk(&sink, expression->root));
  for (uint32_t t = 0; t < touchpoints->count; t++)
    meant += ds_expression_can_mean(expression, (uint16_t)t);
  for (uint32_t t = 0; meant < touchpoints->count && t < touchpoints->count; t++)
    if (ds_expression_can_mean(expression, (uint16_t)t))
      TRY(sink_add(&sink, "touchpoint", touchpoints->text[t], DS_TYPE_NULL));
  *ret_names = sink.name;
  *ret_count = sink.count;
  return DS_OK;
}

typedef struct selector_walk {
  name_sink *sink;
  const ds_case_program *program;
} selector_walk;

static ds_code walk_selector(void *context, uint32_t selector) {
  const selector_walk *to = context;
  return walk(to->sink, to->program->selectors[selector].expression->root);
}

// What the facts of a rule read: their selectors' names, and their properties.
static ds_code walk_rule(name_sink *sink, const ds_case_program *program, const lang_rule *rule) {
  const lang_level *level = &program->level[rule->level];
  for (uint32_t i = 0; i < rule->expression.inputs_count; i++) {
    const lang_fact *fact = level->facts[rule->expression.inputs[i].property];
    TRY(ds_lang_fact_selectors(level, fact, walk_selector, &(selector_walk){sink, program}));
    if (fact->name.size > 0)
      TRY(sink_add(sink, "property", fact->name, fact->property_type));
    if (fact->rule == LANG_ABSENT)
      continue;
    TRY(sink_add(sink, "case key",
                 program->schema.space->keys.text[program->level[fact->level].key],
                 DS_TYPE_STRING));
    TRY(walk_rule(sink, program, program->rules[fact->rule]));
  }
  return DS_OK;
}

ds_code ds_case_rule_reads(const ds_case_program *program, uint32_t rule, ds_arena *arena,
                           const ds_read_name **ret_names, uint32_t *ret_count, ds_error *err) {
  const ds_names *touchpoints = &program->schema.space->touchpoints;
  name_sink sink = {.arena = arena, .err = err};
  uint8_t *marks = ds_arena_array(arena, touchpoints->count + 1u, 1);
  uint32_t marked = 0;
  if (marks == NULL)
    return ds_lang_no_memory(err);
  TRY(walk_rule(&sink, program, program->rules[program->asked[rule]]));
  ds_case_rule_touchpoints(program, rule, marks);
  for (uint32_t t = 0; t < touchpoints->count; t++)
    marked += marks[t];
  for (uint32_t t = 0; marked < touchpoints->count && t < touchpoints->count; t++)
    if (marks[t] != 0)
      TRY(sink_add(&sink, "touchpoint", touchpoints->text[t], DS_TYPE_NULL));
  *ret_names = sink.name;
  *ret_count = sink.count;
  return DS_OK;
}
