// SPDX-License-Identifier: Apache-2.0
// See census.h.
#include "question/census.h"

#include <assert.h>
#include <stdlib.h>

#include "question/common.h"

// Texts shown as examples, and of each so many bytes.
enum { EXAMPLES = 3, EXAMPLE_BYTES = 32 };

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for counting what there is: give more --memory");
}

ds_code ds_census_init(census_state *state, const census_context *context, ds_arena *arena,
                       ds_error *err) {
  const ds_columns *columns = &context->plan->columns;
  *state = (census_state){.context = context, .arena = arena};
  state->touchpoint =
      ds_arena_array(arena, context->touchpoints + 1u, sizeof *state->touchpoint);
  state->property =
      ds_arena_array(arena, columns->properties_count + 1u, sizeof *state->property);
  state->key = ds_arena_array(arena, columns->keys_count + 1u, sizeof *state->key);
  if (state->touchpoint == NULL || state->property == NULL || state->key == NULL)
    return no_memory(err);
  for (uint32_t p = 0; p < columns->properties_count; p++)
    ds_names_init(&state->property[p].texts, CENSUS_TEXTS_MAX);
  return DS_OK;
}

void ds_census_done(census_state *state) {
  const uint32_t count =
      state->context == NULL ? 0 : state->context->plan->columns.properties_count;
  for (uint32_t p = 0; state->property != NULL && p < count; p++)
    ds_names_done(&state->property[p].texts);
  const uint32_t keys = state->context == NULL ? 0 : state->context->plan->columns.keys_count;
  for (uint32_t k = 0; state->key != NULL && k < keys; k++)
    free(state->key[k].used);
}

// Keeps the least texts in order.
static void least_take(census_least *least, ds_str text) {
  const uint32_t size = text.size < CENSUS_LEAST_BYTES ? text.size : CENSUS_LEAST_BYTES;
  uint32_t at = least->count;
  while (at > 0) {
    const int order = ds_str_compare((ds_str){text.data, size},
                                     (ds_str){least->text[at - 1], least->size[at - 1]});
    if (order == 0)
      return;
    if (order > 0)
      break;
    at--;
  }
  if (at == CENSUS_LEAST)
    return;
  const uint32_t last = least->count < CENSUS_LEAST ? least->count++ : CENSUS_LEAST - 1;
  for (uint32_t i = last; i > at; i--) {
    least->size[i] = least->size[i - 1];
    memcpy(least->text[i], least->text[i - 1], CENSUS_LEAST_BYTES);
  }
  least->size[at] = size;
  if (size > 0)
    memcpy(least->text[at], text.data, size);
}

// Counts a text; *ret_at is its number, or DS_NONE when there are too many.
static ds_code text_take(census_property *property, ds_str text, uint64_t values, ds_arena *arena,
                         uint32_t *ret_at, ds_error *err) {
  if (property->text_values == NULL)
    property->text_values =
        ds_arena_array(arena, CENSUS_TEXTS_MAX, sizeof *property->text_values);
  if (property->text_values == NULL)
    return no_memory(err);
  uint32_t at = ds_names_find(&property->texts, text);
  *ret_at = at;
  if (at == DS_NONE) {
    least_take(&property->least, text);
    property->many_texts |= property->texts.count == CENSUS_TEXTS_MAX;
    if (property->texts.count == CENSUS_TEXTS_MAX)
      return DS_OK;
    TRY(ds_names_add(&property->texts, text, &at, err));
    *ret_at = at;
  }
  property->text_values[at] += values;
  return DS_OK;
}

// Texts of a block seen lately, by where they lie: equal texts of a block mostly lie at one place.
enum { RECENT_TEXTS = 64 };
typedef struct recent_text {
  const char *data;
  uint32_t size;
  uint32_t at;
} recent_text;

static ds_code texts_add(census_property *property, ds_str text, recent_text *recent,
                         ds_arena *arena, ds_error *err) {
  recent_text *slot = &recent[((uintptr_t)text.data ^ (uintptr_t)text.data >> 6) % RECENT_TEXTS];
  if (slot->data == text.data && slot->size == text.size && text.data != NULL) {
    property->text_values[slot->at]++;
    return DS_OK;
  }
  uint32_t at = DS_NONE;
  TRY(text_take(property, text, 1, arena, &at, err));
  if (at != DS_NONE)
    *slot = (recent_text){text.data, text.size, at};
  return DS_OK;
}

static void range_add(census_property *property, const ds_property_column *column, uint32_t e) {
  const bool first = property->values == 0;
  if (column->type == DS_TYPE_NUMBER) {
    const double number = column->number[e];
    property->min_number = first || number < property->min_number ? number : property->min_number;
    property->max_number = first || number > property->max_number ? number : property->max_number;
  } else {
    const int64_t i = column->i[e];
    property->min_i = first || i < property->min_i ? i : property->min_i;
    property->max_i = first || i > property->max_i ? i : property->max_i;
  }
}

static ds_code property_add(census_state *state, uint32_t p, const ds_block *block,
                            ds_error *err) {
  census_property *property = &state->property[p];
  const ds_property_column *column = &block->property[p];
  if (column->type == DS_TYPE_NULL)
    return DS_OK;
  if (property->of_touchpoint == NULL)
    property->of_touchpoint = ds_arena_array(state->arena, state->context->touchpoints + 1u,
                                             sizeof *property->of_touchpoint);
  if (property->of_touchpoint == NULL)
    return no_memory(err);
  recent_text recent[RECENT_TEXTS] = {{NULL, 0, 0}};
  assert(property->type == DS_TYPE_NULL || property->type == column->type);
  property->type = column->type;
  for (uint32_t word = 0; word * 64 < block->events; word++) {
    for (uint64_t bits = column->present[word]; bits != 0; bits &= bits - 1) {
      const uint32_t e = word * 64 + (uint32_t)__builtin_ctzll(bits);
      property->of_touchpoint[block->touchpoint[e]]++;
      if (state->context->examples && column->type == DS_TYPE_STRING)
        TRY(texts_add(property, column->text[e], recent, state->arena, err));
      else if (state->context->examples && column->type != DS_TYPE_SEALED)
        range_add(property, column, e);
      property->values++;
    }
  }
  return DS_OK;
}

// A filter leaves values behind that no event of the block carries any more: they do not count.
static ds_code values_use(census_key *key, const ds_key_column *from, uint32_t events,
                          ds_error *err) {
  const uint32_t words = from->values / 64 + 1;
  if (words > key->used_words) {
    free(key->used);
    key->used = malloc(words * sizeof *key->used);
    key->used_words = key->used == NULL ? 0 : words;
    if (key->used == NULL)
      return no_memory(err);
  }
  memset(key->used, 0, words * sizeof *key->used);
  for (uint32_t e = 0; e < events; e++) {
    key->events += from->first[e + 1] > from->first[e];
    for (uint32_t i = from->first[e]; i < from->first[e + 1]; i++)
      key->used[from->item[i] / 64] |= 1ull << (from->item[i] % 64);
  }
  return DS_OK;
}

// Behind the plan's columns are those that --where alone reads.
static ds_code keys_add(census_state *state, const ds_block *block, ds_error *err) {
  for (uint32_t k = 0; k < state->context->plan->columns.keys_count; k++) {
    const ds_key_column *from = &block->key[k];
    census_key *key = &state->key[k];
    TRY(values_use(key, from, block->events, err));
    for (uint32_t word = 0; word * 64 < from->values; word++) {
      key->values += (uint64_t)__builtin_popcountll(key->used[word]);
      for (uint64_t bits = state->context->examples ? key->used[word] : 0; bits != 0;
           bits &= bits - 1)
        least_take(&key->least, from->text[word * 64 + (uint32_t)__builtin_ctzll(bits)]);
    }
  }
  return DS_OK;
}

static void touchpoints_add(census_state *state, const ds_block *block) {
  for (uint32_t j = 0; j < block->journeys; j++) {
    const uint64_t journey = state->journeys + j + 1;
    for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
      census_touchpoint *one = &state->touchpoint[block->touchpoint[e]];
      const int64_t time_ms = block->time_ms[e];
      one->first_ms = one->events == 0 || time_ms < one->first_ms ? time_ms : one->first_ms;
      one->last_ms = one->events == 0 || time_ms > one->last_ms ? time_ms : one->last_ms;
      one->events++;
      one->journeys += one->last_journey != journey;
      one->last_journey = journey;
    }
  }
  state->journeys += block->journeys;
  state->events += block->events;
}

ds_code ds_census_add(census_state *state, const ds_block *block, ds_error *err) {
  if ((state->context->plan->columns.want & DS_WANT_TIME) != 0)
    touchpoints_add(state, block);
  TRY(keys_add(state, block, err));
  for (uint32_t p = 0; p < state->context->plan->columns.properties_count; p++)
    TRY(property_add(state, p, block, err));
  return DS_OK;
}

static void least_merge(census_least *into, const census_least *from) {
  for (uint32_t i = 0; i < from->count; i++)
    least_take(into, (ds_str){from->text[i], from->size[i]});
}

static ds_code property_merge(census_state *into, census_property *a, const census_property *b,
                              ds_error *err) {
  if (b->values == 0)
    return DS_OK;
  if (a->of_touchpoint == NULL)
    a->of_touchpoint = ds_arena_array(into->arena, into->context->touchpoints + 1u,
                                      sizeof *a->of_touchpoint);
  if (a->of_touchpoint == NULL)
    return no_memory(err);
  for (uint32_t t = 0; t < into->context->touchpoints; t++)
    a->of_touchpoint[t] += b->of_touchpoint[t];
  const bool first = a->values == 0;
  a->type = b->type;
  a->min_number = first || b->min_number < a->min_number ? b->min_number : a->min_number;
  a->max_number = first || b->max_number > a->max_number ? b->max_number : a->max_number;
  a->min_i = first || b->min_i < a->min_i ? b->min_i : a->min_i;
  a->max_i = first || b->max_i > a->max_i ? b->max_i : a->max_i;
  a->values += b->values;
  a->many_texts |= b->many_texts;
  least_merge(&a->least, &b->least);
  uint32_t at = 0;
  for (uint32_t t = 0; t < b->texts.count; t++)
    TRY(text_take(a, b->texts.text[t], b->text_values[t], into->arena, &at, err));
  return DS_OK;
}

ds_code ds_census_merge(census_state *into, const census_state *from, ds_error *err) {
  const ds_columns *columns = &into->context->plan->columns;
  for (uint32_t t = 0; t < into->context->touchpoints; t++) {
    census_touchpoint *a = &into->touchpoint[t];
    const census_touchpoint *b = &from->touchpoint[t];
    if (b->events == 0)
      continue;
    a->first_ms = a->events == 0 || b->first_ms < a->first_ms ? b->first_ms : a->first_ms;
    a->last_ms = a->events == 0 || b->last_ms > a->last_ms ? b->last_ms : a->last_ms;
    a->events += b->events;
    a->journeys += b->journeys;
  }
  for (uint32_t p = 0; p < columns->properties_count; p++)
    TRY(property_merge(into, &into->property[p], &from->property[p], err));
  for (uint32_t k = 0; k < columns->keys_count; k++) {
    into->key[k].events += from->key[k].events;
    into->key[k].values += from->key[k].values;
    least_merge(&into->key[k].least, &from->key[k].least);
  }
  into->journeys += from->journeys;
  into->events += from->events;
  return DS_OK;
}

static ds_code kernel_init(void *state, const void *context, ds_arena *arena, ds_error *err) {
  return ds_census_init(state, context, arena, err);
}

static ds_code kernel_add(void *state, const ds_block *block, ds_error *err) {
  return ds_census_add(state, block, err);
}

static ds_code kernel_merge(void *into, void *from, ds_error *err) {
  return ds_census_merge(into, from, err);
}

static void kernel_done(void *state) { ds_census_done(state); }

const ds_kernel ds_census_kernel = {"census",   sizeof(census_state), kernel_init,
                                    kernel_add, kernel_merge,         kernel_done};

ds_code ds_census_values(const ds_request *request, bool examples, ds_arena *arena,
                         ds_plan *ret_plan, census_context *ret_context, ds_error *err) {
  ds_plan *plan = ret_plan;
  TRY(ds_question_plan(request, plan, err));
  plan->has_case = false;
  plan->columns.want |= DS_WANT_TOUCHPOINT;
  const bool has_period = plan->has_from || plan->has_to;
  plan->separate = plan->cases == NULL && (!has_period || plan->range == DS_RANGE_EVENTS);
  *ret_context = (census_context){plan, request->snapshot->space.touchpoints.count, examples};
  return ds_plan_all_properties(request, plan, arena, err);
}

// The next text in order: more values first, then by bytes; DS_NONE past the last.
static uint32_t next_text(const census_property *property, const bool *shown) {
  uint32_t best = DS_NONE;
  for (uint32_t t = 0; t < property->texts.count; t++) {
    if (shown[t] || (best != DS_NONE && property->text_values[t] < property->text_values[best]))
      continue;
    if (best == DS_NONE || property->text_values[t] > property->text_values[best] ||
        ds_str_compare(property->texts.text[t], property->texts.text[best]) < 0)
      best = t;
  }
  return best;
}

// Whole characters of at most EXAMPLE_BYTES.
static void put_cut(ds_str text, bool first, ds_buf *out) {
  uint32_t size = text.size < EXAMPLE_BYTES ? text.size : EXAMPLE_BYTES;
  while (size > 0 && size < text.size && ((uint8_t)text.data[size] & 0xc0) == 0x80)
    size--;
  ds_buf_printf(out, "%s%.*s%s", first ? "" : ", ", (int)size, text.data == NULL ? "" : text.data,
                size < text.size ? "…" : "");
}

static void put_least(const census_least *least, bool more, ds_buf *out) {
  for (uint32_t i = 0; i < least->count; i++)
    put_cut((ds_str){least->text[i], least->size[i]}, i == 0, out);
  if (more)
    ds_buf_text(out, ", …");
}

static void put_texts(const census_property *property, ds_buf *out) {
  bool shown[CENSUS_TEXTS_MAX] = {false};
  if (property->many_texts) {
    put_least(&property->least, true, out);
    return;
  }
  for (uint32_t i = 0; i < EXAMPLES; i++) {
    const uint32_t text = next_text(property, shown);
    if (text == DS_NONE)
      return;
    shown[text] = true;
    put_cut(property->texts.text[text], i == 0, out);
  }
  if (property->texts.count > EXAMPLES)
    ds_buf_printf(out, ", %u more", property->texts.count - EXAMPLES);
}

static ds_value bound(const census_property *property, bool upper) {
  ds_value value = {.type = property->type};
  if (property->type == DS_TYPE_NUMBER)
    value.number = upper ? property->max_number : property->min_number;
  else
    value.i = upper ? property->max_i : property->min_i;
  return value;
}

void ds_census_examples(const census_property *property, ds_buf *out) {
  if (property->type == DS_TYPE_STRING) {
    put_texts(property, out);
    return;
  }
  if (property->type == DS_TYPE_SEALED) {
    ds_buf_text(out, "personal: sealed");
    return;
  }
  char low[64], high[64];
  const ds_value from = bound(property, false), to = bound(property, true);
  const size_t low_size = ds_value_print(low, sizeof low, &from);
  const size_t high_size = ds_value_print(high, sizeof high, &to);
  if (low_size == high_size && memcmp(low, high, low_size) == 0)
    ds_buf_printf(out, "%.*s", (int)low_size, low);
  else
    ds_buf_printf(out, "%.*s to %.*s", (int)low_size, low, (int)high_size, high);
}

void ds_census_key_examples(const census_key *key, ds_buf *out) {
  put_least(&key->least, key->least.count == CENSUS_LEAST, out);
}
