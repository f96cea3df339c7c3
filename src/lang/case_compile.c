// SPDX-License-Identifier: Apache-2.0
// Programs of expressions about cases: facts, windows and selectors gathered, each once, so that
// all rules share one pass; which columns they read and which touchpoints can change them.
#include <assert.h>
#include <stdio.h>

#include "lang/case_pattern.h"

void *ds_lang_grow(ds_arena *arena, void *array, uint32_t count, size_t size) {
  if ((count & (count - 1)) != 0)
    return array;
  void *grown = ds_arena_array(arena, count * 2u + 1, size);
  if (grown != NULL && count > 0)
    memcpy(grown, array, count * size);
  return grown;
}

ds_code ds_case_program_new(const ds_schema *schema, ds_arena *arena,
                            ds_case_program **ret_program, ds_error *err) {
  ds_case_program *program = ds_arena_alloc(arena, sizeof *program);
  if (program == NULL)
    return ds_lang_no_memory(err);
  program->schema = *schema;
  program->arena = arena;
  program->reads.schema = &program->schema;
  program->levels_count = 1;
  program->level[0] = (lang_level){.program = program, .key = LANG_ABSENT};
  TRY(ds_lang_window_add(&program->level[0], &(lang_window){.selector = LANG_ABSENT},
                         &(uint32_t){0}, err));
  *ret_program = program;
  return DS_OK;
}

static ds_code too_many(ds_error *err, const char *what) {
  return ds_fail(err, DS_LIMIT, "at most %d %s in one question", LANG_FACTS_MAX, what);
}

ds_code ds_lang_selector_add(lang_level *level, lang_parser *in, lang_node *node, ds_str text,
                             uint32_t *ret_number) {
  ds_case_program *program = level->program;
  uint32_t s = 0;
  while (s < program->selectors_count && !ds_str_equal(program->selectors[s].text, text))
    s++;
  *ret_number = s;
  if (s < program->selectors_count)
    return DS_OK;
  if (s == LANG_FACTS_MAX)
    return too_many(in->err, "selectors");
  lang_selector *grown = ds_lang_grow(in->arena, program->selectors, s, sizeof *grown);
  ds_expression *expression = ds_arena_alloc(in->arena, sizeof *expression);
  if (grown == NULL || expression == NULL)
    return ds_lang_no_memory(in->err);
  program->selectors = grown;
  *expression = (ds_expression){.schema = &program->schema, .root = node, .selector = true};
  TRY(ds_lang_compile(expression, in->arena, in->err));
  grown[s] = (lang_selector){text, expression};
  program->selectors_count++;
  return DS_OK;
}

ds_code ds_lang_window_add(lang_level *level, const lang_window *window, uint32_t *ret_number,
                           ds_error *err) {
  uint32_t w = 0;
  while (w < level->windows_count &&
         (level->windows[w].span != window->span || level->windows[w].ms[0] != window->ms[0] ||
          level->windows[w].ms[1] != window->ms[1] ||
          level->windows[w].selector != window->selector))
    w++;
  *ret_number = w;
  if (w < level->windows_count)
    return DS_OK;
  if (w == LANG_FACTS_MAX)
    return too_many(err, "windows");
  lang_window *grown = ds_lang_grow(level->program->arena, level->windows, w, sizeof *grown);
  if (grown == NULL)
    return ds_lang_no_memory(err);
  level->windows = grown;
  grown[level->windows_count++] = *window;
  return DS_OK;
}

static bool same_fact(const lang_fact *a, const lang_fact *b) {
  return a->form == b->form && a->type == b->type && a->selector == b->selector &&
         a->second == b->second && a->window == b->window && a->property == b->property &&
         a->property_type == b->property_type && a->rule == b->rule && a->pattern == b->pattern &&
         ds_str_equal(a->list_name, b->list_name) &&
         (a->property != LANG_ABSENT || ds_str_equal(a->name, b->name));
}

// The column that a fact's property is read from.
static ds_code column_add(ds_case_program *program, lang_fact *fact, ds_error *err) {
  ds_expression *reads = &program->reads;
  const lang_input input = {(uint16_t)fact->property, fact->property_type};
  if (fact->property == LANG_ABSENT)
    return DS_OK;
  uint32_t i = 0;
  while (i < reads->inputs_count && (reads->inputs[i].property != input.property ||
                                     reads->inputs[i].type != input.type))
    i++;
  fact->column = i;
  if (i < reads->inputs_count)
    return DS_OK;
  lang_input *grown = ds_lang_grow(program->arena, reads->inputs, i, sizeof *grown);
  if (grown == NULL)
    return ds_lang_no_memory(err);
  reads->inputs = grown;
  grown[reads->inputs_count++] = input;
  return DS_OK;
}

static ds_code fact_add(lang_level *level, lang_node *node, ds_error *err) {
  lang_fact *fact = node->fact;
  uint32_t f = 0;
  assert(node->type != DS_TYPE_NULL);
  fact->type = node->type;
  if (fact->property_type == DS_TYPE_NULL)
    fact->property_type = fact->type;
  while (f < level->facts_count && !same_fact(level->facts[f], fact))
    f++;
  node->code = f;
  if (f < level->facts_count)
    return DS_OK;
  if (f == LANG_FACTS_MAX)
    return too_many(err, "facts");
  lang_fact **grown = ds_lang_grow(level->program->arena, level->facts, f, sizeof *grown);
  if (grown == NULL)
    return ds_lang_no_memory(err);
  level->facts = grown;
  TRY(column_add(level->program, fact, err));
  grown[level->facts_count++] = fact;
  return DS_OK;
}

static ds_code gather(lang_level *level, lang_node *node, ds_error *err) {
  if (node->kind == LANG_FACT)
    return fact_add(level, node, err);
  for (uint32_t c = 0; c < node->count; c++)
    TRY(gather(level, node->child[c], err));
  return DS_OK;
}

ds_code ds_lang_rule_add(lang_level *level, lang_node *root, uint32_t *ret_rule, ds_error *err) {
  ds_case_program *program = level->program;
  lang_rule *rule = ds_arena_alloc(program->arena, sizeof *rule);
  lang_rule **grown =
      ds_lang_grow(program->arena, program->rules, program->rules_count, sizeof *grown);
  if (rule == NULL || grown == NULL)
    return ds_lang_no_memory(err);
  program->rules = grown;
  TRY(gather(level, root, err));
  rule->expression = (ds_expression){.schema = &program->schema, .root = root, .by_case = true};
  rule->level = level->number;
  TRY(ds_lang_compile(&rule->expression, program->arena, err));
  TRY(ds_lang_watches_make(rule, program->arena, err));
  *ret_rule = program->rules_count;
  grown[program->rules_count++] = rule;
  return DS_OK;
}

uint32_t ds_case_program_rules(const ds_case_program *program) { return program->asked_count; }

static const lang_rule *rule_of(const ds_case_program *program, uint32_t rule) {
  assert(rule < program->asked_count);
  return program->rules[program->asked[rule]];
}

ds_type ds_case_rule_type(const ds_case_program *program, uint32_t rule) {
  return rule_of(program, rule)->expression.root->type;
}

ds_code ds_case_program_check_cases(const ds_case_program *program, ds_error *err) {
  bool keys = program->levels_count > 1;
  for (uint32_t s = 0; s < program->selectors_count; s++)
    keys = keys || program->selectors[s].expression->keys_count > 0;
  if (keys)
    return ds_fail(err, DS_UNSUPPORTED, "with --case a journey is one case already, and its events "
                   "have no case keys: leave --case out, or any_case() and case keys");
  if (program->reads_consents)
    return ds_fail(err, DS_UNSUPPORTED, "with --case a journey is one case, and consents are those "
                   "of a customer: leave --case out, or consent()");
  return DS_OK;
}

bool ds_case_program_reads_lists(const ds_case_program *program) { return program->reads_lists; }

ds_code ds_case_program_columns(const ds_case_program *program, ds_columns *columns,
                                ds_arena *arena, ds_error *err) {
  columns->want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT;
  for (uint32_t s = 0; s < program->selectors_count; s++)
    TRY(ds_expression_columns(program->selectors[s].expression, columns, arena, err));
  ds_expression reads = program->reads;
  uint16_t keys[LANG_LEVELS_MAX];
  reads.keys = keys;
  for (uint32_t l = 1; l < program->levels_count; l++)
    keys[reads.keys_count++] = (uint16_t)program->level[l].key;
  return ds_expression_columns(&reads, columns, arena, err);
}

bool ds_case_program_timeless(const ds_case_program *program) {
  const lang_level *level = &program->level[0];
  bool timeless = program->levels_count == 1;
  for (uint32_t w = 0; w < level->windows_count; w++)
    timeless &= level->windows[w].span == LANG_SPAN_ALL;
  for (uint32_t f = 0; f < level->facts_count; f++)
    timeless &= level->facts[f]->form->timeless;
  for (uint32_t s = 0; s < program->selectors_count; s++)
    timeless &= (program->selectors[s].expression->want & DS_WANT_TIME) == 0;
  return timeless;
}

ds_code ds_lang_fact_selectors(const lang_level *level, const lang_fact *fact,
                               ds_code (*each)(void *context, uint32_t selector), void *context) {
  const uint32_t used[3] = {fact->selector, fact->second, level->windows[fact->window].selector};
  for (uint32_t u = 0; u < 3; u++)
    if (used[u] != LANG_ABSENT)
      TRY(each(context, used[u]));
  for (uint32_t i = 0; fact->pattern != NULL; i++) {
    const uint32_t selector = ds_lang_pattern_selector(fact->pattern, i);
    if (selector == LANG_ABSENT)
      break;
    TRY(each(context, selector));
  }
  return DS_OK;
}

typedef struct mark_context {
  const ds_case_program *program;
  uint8_t *marks;
} mark_context;

static ds_code mark(void *context, uint32_t selector) {
  const mark_context *to = context;
  const ds_expression *expression = to->program->selectors[selector].expression;
  for (uint32_t t = 0; t < to->program->schema.space->touchpoints.count; t++)
    to->marks[t] |= ds_expression_can_mean(expression, (uint16_t)t);
  return DS_OK;
}

static void mark_rule(mark_context *to, const lang_rule *rule) {
  const lang_level *level = &to->program->level[rule->level];
  for (uint32_t i = 0; i < rule->expression.inputs_count; i++) {
    const lang_fact *fact = level->facts[rule->expression.inputs[i].property];
    const ds_code code = ds_lang_fact_selectors(level, fact, mark, to);
    assert(code == DS_OK);
    (void)code;
    if (fact->rule != LANG_ABSENT)
      mark_rule(to, to->program->rules[fact->rule]);
  }
}

void ds_case_rule_touchpoints(const ds_case_program *program, uint32_t rule, uint8_t *marks) {
  mark_rule(&(mark_context){program, marks}, rule_of(program, rule));
}

bool ds_case_rule_part(const ds_case_program *program, uint32_t rule, uint32_t part,
                       ds_case_part *ret_part) {
  const lang_rule *of = rule_of(program, rule);
  if (part >= of->expression.inputs_count)
    return false;
  const lang_fact *fact = program->level[0].facts[of->expression.inputs[part].property];
  *ret_part = (ds_case_part){fact->text, fact->type};
  return true;
}

static bool moves(const ds_case_program *program, const lang_rule *rule) {
  const lang_level *level = &program->level[rule->level];
  for (uint32_t i = 0; i < rule->expression.inputs_count; i++) {
    const lang_fact *fact = level->facts[rule->expression.inputs[i].property];
    const lang_span span = level->windows[fact->window].span;
    if (fact->form->drifts || span == LANG_SPAN_LAST || span == LANG_SPAN_AGO ||
        (fact->pattern != NULL && ds_lang_pattern_moves(fact->pattern)) ||
        (fact->rule != LANG_ABSENT && moves(program, program->rules[fact->rule])))
      return true;
  }
  return false;
}

bool ds_case_rule_moves(const ds_case_program *program, uint32_t rule) {
  return moves(program, rule_of(program, rule));
}
