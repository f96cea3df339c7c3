// SPDX-License-Identifier: Apache-2.0
// After parsing: which columns an expression reads; conditions that speak of the touchpoint alone,
// or of the source alone, decided once per name; and evaluators with their room.
#include <assert.h>
#include <stdlib.h>

#include "lang/evaluate.h"

#define TEXTS_BYTES_MAX ((size_t)1 << 30)

static ds_code add_input(ds_expression *e, lang_node *node, ds_arena *arena, ds_error *err) {
  const lang_input input = {(uint16_t)node->code, node->type};
  for (uint32_t i = 0; i < e->inputs_count; i++)
    if (e->inputs[i].property == input.property && e->inputs[i].type == input.type) {
      node->input = i;
      return DS_OK;
    }
  if ((e->inputs_count & (e->inputs_count - 1)) == 0) {
    lang_input *grown = ds_arena_array(arena, e->inputs_count * 2u + 1, sizeof *grown);
    if (grown == NULL)
      return ds_lang_no_memory(err);
    if (e->inputs_count > 0)
      memcpy(grown, e->inputs, e->inputs_count * sizeof *grown);
    e->inputs = grown;
  }
  node->input = e->inputs_count;
  e->inputs[e->inputs_count++] = input;
  return DS_OK;
}

static ds_code add_key(ds_expression *e, uint16_t key, ds_arena *arena, ds_error *err) {
  for (uint32_t k = 0; k < e->keys_count; k++)
    if (e->keys[k] == key)
      return DS_OK;
  uint16_t *grown = ds_arena_array(arena, e->keys_count + 1u, sizeof *grown);
  if (grown == NULL)
    return ds_lang_no_memory(err);
  if (e->keys_count > 0)
    memcpy(grown, e->keys, e->keys_count * sizeof *grown);
  grown[e->keys_count++] = key;
  e->keys = grown;
  return DS_OK;
}

static uint8_t leaves_of_field(uint32_t field) {
  const uint32_t want = ds_lang_fields[field].want;
  return want == DS_WANT_TOUCHPOINT ? LANG_OF_TOUCHPOINT
         : want == DS_WANT_SOURCE   ? LANG_OF_SOURCE
                                    : LANG_OF_EVENT;
}

// Gathers what the tree reads, and marks every node with what it is made of.
static ds_code gather(ds_expression *e, lang_node *node, ds_arena *arena, ds_error *err) {
  if (node->kind == LANG_PROPERTY || node->kind == LANG_FACT) {
    node->leaves = LANG_OF_EVENT;
    return node->code == LANG_ABSENT ? DS_OK : add_input(e, node, arena, err);
  }
  if (node->kind == LANG_KEY) {
    node->leaves = LANG_OF_EVENT;
    return add_key(e, (uint16_t)node->code, arena, err);
  }
  if (node->kind == LANG_FIELD) {
    node->leaves = leaves_of_field(node->code);
    e->want |= ds_lang_fields[node->code].want;
  } else if (node->kind == LANG_TOUCHPOINTS) {
    node->leaves = LANG_OF_TOUCHPOINT;
    e->want |= DS_WANT_TOUCHPOINT;
  }
  for (uint32_t c = 0; c < node->count; c++) {
    TRY(gather(e, node->child[c], arena, err));
    node->leaves |= node->child[c]->leaves;
  }
  return DS_OK;
}

// Stage and actor by touchpoint; empty where the catalogue does not know.
static ds_code words_make(ds_expression *e, ds_arena *arena, ds_error *err) {
  const ds_names *names = &e->schema->space->touchpoints;
  e->stage = ds_arena_array(arena, names->count + 1u, sizeof *e->stage);
  e->actor = ds_arena_array(arena, names->count + 1u, sizeof *e->actor);
  if (e->stage == NULL || e->actor == NULL)
    return ds_lang_no_memory(err);
  for (uint32_t t = 0; t < names->count; t++) {
    const ds_touchpoint *row = ds_catalogue_find(e->schema->catalogue, names->text[t]);
    if (row == NULL)
      continue;
    e->stage[t] = ds_str_of(ds_stage_name(row->stage));
    e->actor[t] = ds_str_of(ds_actor_name(row->actor));
  }
  return DS_OK;
}

static size_t width_of(const lang_node *node) {
  return LANG_TILE * (node->type == DS_TYPE_STRING ? sizeof(ds_str) : sizeof(double));
}

// What the value of a node takes of the scratch stack as long as it is needed.
static size_t own_bytes(const lang_node *node) {
  const bool column = node->kind == LANG_FIELD && node->type == DS_TYPE_TIME;
  return node->kind == LANG_LITERAL || node->kind == LANG_PROPERTY || node->kind == LANG_KEY ||
                 node->kind == LANG_FACT || column
             ? 0
             : width_of(node);
}

// The stack's greatest height while a node is evaluated: its own room, and below each operand the
// values of those before.
static size_t stack_bytes(const lang_node *node) {
  size_t most = 0, before = 0;
  for (uint32_t c = 0; c < node->count; c++) {
    const size_t height = before + stack_bytes(node->child[c]);
    most = height > most ? height : most;
    if (node->kind != LANG_AND && node->kind != LANG_OR)
      before += own_bytes(node->child[c]);
  }
  return most + own_bytes(node);
}

static ds_code evaluator_make(const ds_expression *e, ds_evaluator **ret_evaluator,
                              ds_error *err) {
  ds_evaluator *ev = calloc(1, sizeof *ev);
  if (ev == NULL)
    return ds_lang_no_memory(err);
  ev->expression = e;
  ds_arena_init(&ev->texts, TEXTS_BYTES_MAX);
  ev->scratch_bytes = stack_bytes(e->root);
  ev->scratch = malloc(ev->scratch_bytes + 8);
  ev->input = calloc(e->inputs_count + 1u, sizeof *ev->input);
  ev->key = calloc(e->schema->space->keys.count + 1u, sizeof *ev->key);
  if (ev->scratch == NULL || ev->input == NULL || ev->key == NULL) {
    ds_evaluator_free(ev);
    return ds_lang_no_memory(err);
  }
  *ret_evaluator = ev;
  return DS_OK;
}

void ds_evaluator_free(ds_evaluator *ev) {
  if (ev == NULL)
    return;
  free(ev->scratch);
  free(ev->input);
  free(ev->key);
  ds_arena_done(&ev->texts);
  free(ev);
}

ds_code ds_evaluator_new(const ds_expression *e, const ds_columns *columns,
                         ds_evaluator **ret_evaluator, ds_error *err) {
  ds_evaluator *ev = NULL;
  TRY(evaluator_make(e, &ev, err));
  for (uint32_t i = 0; i < e->inputs_count; i++) {
    uint32_t p = 0;
    while (columns->properties[p] != e->inputs[i].property ||
           columns->property_types[p] != e->inputs[i].type)
      p++;
    assert(p < columns->properties_count);
    ev->input[i] = p;
  }
  for (uint32_t i = 0; i < e->keys_count; i++) {
    uint32_t k = 0;
    while (columns->keys[k] != e->keys[i])
      k++;
    assert(k < columns->keys_count);
    ev->key[e->keys[i]] = k;
  }
  *ret_evaluator = ev;
  return DS_OK;
}

// Decides a condition once for each of `count` codes.
static ds_code decide_codes(ds_evaluator *ev, lang_node *node, const ds_block *codes,
                            uint8_t *hit, ds_error *err) {
  for (uint32_t first = 0; first < codes->events; first += LANG_TILE) {
    lang_truth truth;
    TRY(ds_lang_tile(ev, node, codes, first, &truth, err));
    for (uint32_t i = 0; i < ev->count; i++)
      hit[first + i] = (uint8_t)((truth.yes[i / 64] >> (i % 64) & 1) * LANG_YES |
                                 (truth.no[i / 64] >> (i % 64) & 1) * LANG_NO);
  }
  return DS_OK;
}

// Replaces the largest conditions that one code decides by tables.
static ds_code fold(ds_evaluator *ev, lang_node *node, const ds_block *codes,
                    ds_arena *arena, ds_error *err) {
  const bool by_source = node->leaves == LANG_OF_SOURCE;
  if (node->hit != NULL)
    return DS_OK;
  if (node->type == DS_TYPE_BOOL && (by_source || node->leaves <= LANG_OF_TOUCHPOINT)) {
    const ds_block *of = &codes[by_source];
    uint8_t *hit = ds_arena_array(arena, of->events + 1u, 1);
    if (hit == NULL)
      return ds_lang_no_memory(err);
    TRY(decide_codes(ev, node, of, hit, err));
    node->hit = hit;
    node->by_source = by_source;
    return DS_OK;
  }
  for (uint32_t c = 0; c < node->count; c++)
    TRY(fold(ev, node->child[c], codes, arena, err));
  return DS_OK;
}

static ds_code fold_all(ds_expression *e, ds_arena *arena, ds_error *err) {
  const uint32_t counts[2] = {e->schema->space->touchpoints.count,
                              e->schema->space->sources.count};
  const uint32_t most = counts[0] > counts[1] ? counts[0] : counts[1];
  uint16_t *code = ds_arena_array(arena, most + 1u, sizeof *code);
  if (code == NULL)
    return ds_lang_no_memory(err);
  for (uint32_t i = 0; i < most; i++)
    code[i] = (uint16_t)i;
  const ds_block codes[2] = {{.events = counts[0], .touchpoint = code},
                             {.events = counts[1], .source = code}};
  ds_evaluator *ev = NULL;
  TRY(evaluator_make(e, &ev, err));
  const ds_code done = fold(ev, e->root, codes, arena, err);
  ds_evaluator_free(ev);
  return done;
}

static uint8_t answers(const ds_expression *e, const lang_node *node, uint16_t touchpoint);

// Whether events of a touchpoint can have a value of the node.
static bool can_have(const ds_expression *e, const lang_node *node, uint16_t touchpoint) {
  if (node->kind == LANG_PROPERTY)
    return node->code != LANG_ABSENT &&
           (e->carried[node->input * e->carried_words + touchpoint / 64] >> (touchpoint % 64) & 1);
  if (node->hit != NULL || node->kind == LANG_AND || node->kind == LANG_OR ||
      node->kind == LANG_NOT || node->kind == LANG_IS_NULL)
    return answers(e, node, touchpoint) != 0;
  for (uint32_t c = 0; c < node->count; c++)
    if (!can_have(e, node->child[c], touchpoint))
      return false;
  return true;
}

// Which answers, LANG_YES and LANG_NO, a condition can have on events of a touchpoint.
static uint8_t answers(const ds_expression *e, const lang_node *node, uint16_t touchpoint) {
  if (node->hit != NULL)
    return node->by_source ? LANG_YES | LANG_NO : node->hit[touchpoint];
  if (node->kind == LANG_NOT) {
    const uint8_t inner = answers(e, node->child[0], touchpoint);
    return (uint8_t)((inner & LANG_YES) << 1 | (inner & LANG_NO) >> 1);
  }
  if (node->kind == LANG_IS_NULL)
    return LANG_YES | (can_have(e, node->child[0], touchpoint) ? LANG_NO : 0);
  if (node->kind != LANG_AND && node->kind != LANG_OR)
    return can_have(e, node, touchpoint) ? LANG_YES | LANG_NO : 0;
  uint8_t all = LANG_YES | LANG_NO, any = 0;
  for (uint32_t c = 0; c < node->count; c++) {
    const uint8_t part = answers(e, node->child[c], touchpoint);
    all &= part;
    any |= part;
  }
  return node->kind == LANG_AND ? (all & LANG_YES) | (any & LANG_NO)
                                : (any & LANG_YES) | (all & LANG_NO);
}

bool ds_expression_can_mean(const ds_expression *e, uint16_t touchpoint) {
  return (e->meant[touchpoint / 64] >> (touchpoint % 64) & 1) != 0;
}

// Which touchpoints carry each input, and so which can be meant.
static ds_code meant_make(ds_expression *e, ds_arena *arena, ds_error *err) {
  const uint32_t count = e->schema->space->touchpoints.count;
  e->carried_words = count / 64u + 1;
  e->carried =
      ds_arena_array(arena, (size_t)e->inputs_count * e->carried_words + 1, sizeof *e->carried);
  e->meant = ds_arena_array(arena, e->carried_words, sizeof *e->meant);
  if (e->carried == NULL || e->meant == NULL)
    return ds_lang_no_memory(err);
  for (uint32_t i = 0; i < e->inputs_count; i++)
    for (uint32_t c = 0; c < e->schema->carriers_count; c++) {
      const ds_carrier *carrier = &e->schema->carriers[c];
      if (carrier->property == e->inputs[i].property && carrier->type == e->inputs[i].type)
        e->carried[i * e->carried_words + carrier->touchpoint / 64] |=
            1ull << (carrier->touchpoint % 64);
    }
  for (uint32_t t = 0; t < count; t++)
    if ((answers(e, e->root, (uint16_t)t) & LANG_YES) != 0)
      e->meant[t / 64] |= 1ull << (t % 64);
  return DS_OK;
}

// In `and` and `or`, what a table decides comes first, so that the rest is asked of fewer events.
static void order_parts(lang_node *node) {
  uint32_t first = 0;
  for (uint32_t c = 0; c < node->count; c++)
    order_parts(node->child[c]);
  if (node->kind != LANG_AND && node->kind != LANG_OR)
    return;
  for (uint32_t c = 0; c < node->count; c++)
    if (node->child[c]->hit != NULL) {
      lang_node *part = node->child[c];
      node->child[c] = node->child[first];
      node->child[first++] = part;
    }
}

ds_code ds_lang_compile(ds_expression *e, ds_arena *arena, ds_error *err) {
  TRY(gather(e, e->root, arena, err));
  if (e->by_case)
    return DS_OK;
  TRY(words_make(e, arena, err));
  TRY(fold_all(e, arena, err));
  TRY(meant_make(e, arena, err));
  order_parts(e->root);
  // Constant conditions became tables by touchpoint.
  e->want |= DS_WANT_TOUCHPOINT;
  return DS_OK;
}

ds_code ds_expression_within(const ds_expression *where, const uint8_t *kept,
                             const ds_schema *schema, ds_arena *arena,
                             const ds_expression **ret_expression, ds_error *err) {
  const uint32_t count = schema->space->touchpoints.count;
  ds_expression *expression = ds_arena_alloc(arena, sizeof *expression);
  lang_node *node = ds_arena_array(arena, 2, sizeof *node);
  lang_node **child = ds_arena_array(arena, 2, sizeof *child);
  uint8_t *hit = ds_arena_array(arena, count + 1u, sizeof *hit);
  if (expression == NULL || node == NULL || child == NULL || hit == NULL)
    return ds_lang_no_memory(err);
  for (uint32_t t = 0; t < count; t++)
    hit[t] = kept[t] != 0 ? LANG_YES : LANG_NO;
  node[0] = (lang_node){.kind = LANG_TOUCHPOINTS, .type = DS_TYPE_BOOL, .depth = 1, .hit = hit,
                        .types = 1u << DS_TYPE_BOOL};
  *expression = (ds_expression){.held = *schema, .root = &node[0]};
  expression->schema = &expression->held;
  if (where != NULL) {
    // The tree is shared: compiled again it comes out the same.
    child[0] = &node[0];
    child[1] = where->root;
    node[1] = (lang_node){.kind = LANG_AND, .type = DS_TYPE_BOOL, .child = child, .count = 2,
                          .types = 1u << DS_TYPE_BOOL, .depth = where->root->depth + 1};
    expression->root = &node[1];
  }
  TRY(ds_lang_compile(expression, arena, err));
  *ret_expression = expression;
  return DS_OK;
}

bool ds_expression_by_touchpoint(const ds_expression *e) {
  return e->root->hit != NULL && !e->root->by_source;
}

// Adds a code to a list unless it is there.
static ds_code add_code(const uint16_t **codes, uint32_t *count, uint16_t code, ds_arena *arena,
                        ds_error *err) {
  for (uint32_t i = 0; i < *count; i++)
    if ((*codes)[i] == code)
      return DS_OK;
  uint16_t *grown = ds_arena_array(arena, *count + 1u, sizeof *grown);
  if (grown == NULL)
    return ds_lang_no_memory(err);
  if (*count > 0)
    memcpy(grown, *codes, *count * sizeof *grown);
  grown[(*count)++] = code;
  *codes = grown;
  return DS_OK;
}

// Makes room for the inputs behind the properties that are there, then adds those that are not.
static ds_code add_properties(const ds_expression *e, ds_columns *columns, ds_arena *arena,
                              ds_error *err) {
  const uint32_t had = columns->properties_count;
  uint16_t *properties = ds_arena_array(arena, had + e->inputs_count + 1u, sizeof *properties);
  ds_type *types = ds_arena_array(arena, had + e->inputs_count + 1u, sizeof *types);
  if (properties == NULL || types == NULL)
    return ds_lang_no_memory(err);
  assert(had == 0 || columns->property_types != NULL);
  if (had > 0) {
    memcpy(properties, columns->properties, had * sizeof *properties);
    memcpy(types, columns->property_types, had * sizeof *types);
  }
  uint32_t count = had;
  for (uint32_t i = 0; i < e->inputs_count; i++) {
    uint32_t p = 0;
    while (p < had && (properties[p] != e->inputs[i].property || types[p] != e->inputs[i].type))
      p++;
    if (p < had)
      continue;
    properties[count] = e->inputs[i].property;
    types[count++] = e->inputs[i].type;
  }
  columns->properties = properties;
  columns->property_types = types;
  columns->properties_count = count;
  return DS_OK;
}

ds_code ds_expression_columns(const ds_expression *e, ds_columns *columns, ds_arena *arena,
                              ds_error *err) {
  columns->want |= e->want;
  if (e->inputs_count > 0)
    TRY(add_properties(e, columns, arena, err));
  for (uint32_t k = 0; k < e->keys_count; k++)
    TRY(add_code(&columns->keys, &columns->keys_count, e->keys[k], arena, err));
  return DS_OK;
}
