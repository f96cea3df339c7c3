// SPDX-License-Identifier: Apache-2.0
// See nodes.h.
#include "question/nodes.h"

#include <assert.h>
#include <stdlib.h>

#include "question/common.h"
#include "question/sql.h"
#include "scan/property_types.h"

enum { VALUES_MAX = 4096 };
#define NONE_TEXT "(none)"

// What the catalogue says of a touchpoint.
typedef struct catalogue_word {
  const char *option;
  const char *(*text)(const ds_touchpoint *row);
} catalogue_word;

static const char *owner_of(const ds_touchpoint *row) { return ds_owner_name(row->owner); }
static const char *actor_of(const ds_touchpoint *row) { return ds_actor_name(row->actor); }

static const catalogue_word words[] = {{"owner", owner_of}, {"actor", actor_of}};
enum { WORDS = sizeof words / sizeof *words };

static const catalogue_word *word_of(const char *name) {
  for (uint32_t w = 0; w < WORDS; w++)
    if (strcmp(words[w].option, name) == 0)
      return &words[w];
  return NULL;
}

static ds_str word_text(const ds_request *request, const catalogue_word *word, ds_str touchpoint) {
  const ds_touchpoint *row = ds_catalogue_find(request->catalogue, touchpoint);
  const char *text = row == NULL ? "" : word->text(row);
  return ds_str_of(*text == '\0' ? NONE_TEXT : text);
}

static ds_code words_make(const ds_request *request, const catalogue_word *word, ds_nodes *nodes,
                          ds_error *err) {
  const ds_names *touchpoints = &request->snapshot->space.touchpoints;
  uint16_t *of = ds_arena_array(request->arena, touchpoints->count + 1u, sizeof *of);
  if (of == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for --node");
  for (uint32_t t = 0; t < touchpoints->count; t++) {
    uint32_t code = 0;
    TRY(ds_names_add(&nodes->own, word_text(request, word, touchpoints->text[t]), &code, err));
    of[t] = (uint16_t)code;
  }
  nodes->of = of;
  return DS_OK;
}

// Whether an event has the property, and its text.
static bool event_text(const ds_nodes *nodes, const ds_block *block, uint32_t e,
                       char room[DS_PROPERTY_TEXT_MAX], ds_str *ret_text) {
  const uint32_t only = nodes->property.touchpoint;
  return (only == DS_NONE || block->touchpoint[e] == only) &&
         ds_property_text(&block->property[nodes->property.column], e, room, ret_text);
}

// The values of a property.
typedef struct value_state {
  const ds_nodes *nodes;
  ds_names values;
} value_state;

static ds_code value_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  value_state *state = memory;
  state->nodes = context;
  ds_names_init(&state->values, VALUES_MAX);
  return DS_OK;
}

static ds_code value_put(value_state *state, ds_str text, ds_error *err) {
  uint32_t code = 0;
  if (state->values.count == VALUES_MAX && ds_names_find(&state->values, text) == DS_NONE)
    return ds_fail(err, DS_LIMIT, "--node %s: it has more than %d different values",
                   state->nodes->name, VALUES_MAX);
  return ds_names_add(&state->values, text, &code, err);
}

static ds_code value_add(void *memory, const ds_block *block, ds_error *err) {
  value_state *state = memory;
  for (uint32_t e = 0; e < block->events; e++) {
    char room[DS_PROPERTY_TEXT_MAX];
    ds_str text;
    if (event_text(state->nodes, block, e, room, &text))
      TRY(value_put(state, text, err));
  }
  return DS_OK;
}

static ds_code value_merge(void *memory, void *other, ds_error *err) {
  const value_state *from = other;
  for (uint32_t v = 0; v < from->values.count; v++)
    TRY(value_put(memory, from->values.text[v], err));
  return DS_OK;
}

static void value_done(void *memory) { ds_names_done(&((value_state *)memory)->values); }

static const ds_kernel value_kernel = {"node values", sizeof(value_state), value_init,
                                       value_add,     value_merge,         value_done};

static ds_code values_make(const ds_request *request, ds_nodes *nodes, ds_plan *plan,
                           ds_error *err) {
  TRY(ds_property_add(request->snapshot, plan, "node", nodes->name, request->arena,
                      &nodes->property, err));
  ds_plan counting = *plan;
  counting.columns.want = DS_WANT_TOUCHPOINT;
  void *memory = NULL;
  TRY(ds_scan(request->snapshot, &counting, &value_kernel, nodes, request->arena, &memory, err));
  value_state *state = memory;
  uint32_t none = 0;
  ds_code code = DS_OK;
  for (uint32_t v = 0; v < state->values.count && code == DS_OK; v++)
    code = ds_names_add(&nodes->own, state->values.text[v], &none, err);
  value_done(state);
  if (code == DS_OK)
    code = ds_names_add(&nodes->own, ds_str_of(NONE_TEXT), &none, err);
  nodes->none = (uint16_t)none;
  return code;
}

static ds_code recode(const void *context, const ds_block *block, uint16_t *node, ds_error *err) {
  (void)err;
  const ds_nodes *nodes = context;
  for (uint32_t e = 0; nodes->of != NULL && e < block->events; e++)
    node[e] = nodes->of[block->touchpoint[e]];
  for (uint32_t e = 0; nodes->of == NULL && e < block->events; e++) {
    char room[DS_PROPERTY_TEXT_MAX];
    ds_str text;
    node[e] = nodes->none;
    if (!event_text(nodes, block, e, room, &text))
      continue;
    const uint32_t code = ds_names_find(&nodes->own, text);
    assert(code != DS_NONE);
    node[e] = (uint16_t)code;
  }
  return DS_OK;
}

ds_code ds_nodes_make(const ds_request *request, ds_nodes *nodes, ds_plan *plan, ds_error *err) {
  const char *name = ds_option_get(&request->options, "node");
  *nodes = (ds_nodes){.names = &request->snapshot->space.touchpoints};
  if (name == NULL || strcmp(name, "touchpoint") == 0 || request->snapshot->events == 0)
    return DS_OK;
  nodes->name = name;
  nodes->names = &nodes->own;
  ds_names_init(&nodes->own, VALUES_MAX + 1);
  const catalogue_word *word = word_of(name);
  if (word != NULL)
    TRY(words_make(request, word, nodes, err));
  else
    TRY(values_make(request, nodes, plan, err));
  nodes->recode = (ds_recode){recode, nodes};
  plan->recode = &nodes->recode;
  return DS_OK;
}

void ds_nodes_done(ds_nodes *nodes) {
  if (nodes->name != NULL)
    ds_names_done(&nodes->own);
}

void ds_nodes_tell(const ds_nodes *nodes, ds_buf *definition) {
  if (nodes->name != NULL)
    ds_buf_printf(definition, " In place of an event's touchpoint stands its %s%s, or " NONE_TEXT
                  ".", nodes->name, nodes->of == NULL ? "" : " by the catalogue");
}

ds_code ds_nodes_sql_property(const ds_request *request, const char **ret_property,
                              ds_error *err) {
  const char *name = ds_option_get(&request->options, "node");
  ds_property_ref ref;
  ds_property_kinds kinds;
  ds_plan plan = {0};
  *ret_property = NULL;
  if (name == NULL || strcmp(name, "touchpoint") == 0 || word_of(name) != NULL)
    return DS_OK;
  TRY(ds_property_add(request->snapshot, &plan, "node", name, request->arena, &ref, err));
  TRY(ds_property_kinds_of(request->snapshot, ref.code, &kinds, err));
  if (ref.touchpoint != DS_NONE || kinds.type != DS_TYPE_STRING)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --node of anything but texts of all events");
  *ret_property = name;
  return DS_OK;
}

ds_code ds_nodes_sql(const ds_request *request, ds_buf *out, const char **ret_source,
                     ds_error *err) {
  const char *name = ds_option_get(&request->options, "node"), *property = NULL;
  const ds_names *names = &request->snapshot->space.touchpoints;
  *ret_source = "chosen";
  if (name == NULL || strcmp(name, "touchpoint") == 0)
    return DS_OK;
  TRY(ds_nodes_sql_property(request, &property, err));
  *ret_source = "nodes";
  ds_buf_text(out, ", nodes AS (SELECT * REPLACE (");
  if (property != NULL)
    ds_sql_put_named("coalesce(@, '" NONE_TEXT "')", property, out);
  ds_buf_text(out, property == NULL ? "CASE touchpoint" : "");
  for (uint32_t t = 0; property == NULL && t < names->count; t++) {
    ds_buf_text(out, " WHEN ");
    ds_sql_put_text(out, ds_names_text(names, t));
    ds_buf_text(out, " THEN ");
    ds_sql_put_text(out, word_text(request, word_of(name), names->text[t]).data);
  }
  ds_buf_text(out, property == NULL ? " END" : "");
  ds_buf_text(out, " AS touchpoint), touchpoint AS happened FROM chosen)");
  return DS_OK;
}
