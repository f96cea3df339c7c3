// SPDX-License-Identifier: Apache-2.0
// See funnel.h.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "question/funnel.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for a funnel: give more --memory");
}

ds_code ds_funnel_open(funnel_state *state, const funnel_context *context, ds_error *err) {
  state->context = context;
  ds_funnel_finder_init(&state->finder, &context->rules);
  for (uint32_t s = 0; s < context->selectors; s++)
    TRY(ds_evaluator_new(context->selector[s].expression, context->columns, &state->evaluator[s],
                         err));
  return DS_OK;
}

static ds_code kernel_init(void *memory, const void *given, ds_arena *arena, ds_error *err) {
  funnel_state *state = memory;
  const funnel_context *context = given;
  const size_t cells = (size_t)context->groups * context->rules.steps;
  TRY(ds_funnel_open(state, context, err));
  state->step = ds_arena_array(arena, cells, sizeof *state->step);
  state->instead = ds_arena_array(arena, cells * (context->touchpoints + 1u),
                                  sizeof *state->instead);
  if (state->step == NULL || state->instead == NULL)
    return no_memory(err);
  TRY(ds_funnel_detail_init(state, arena, err));
  return ds_tally_init(&state->tally, (uint32_t)cells, context->windows, context->kept_bytes_max,
                       context->refine, err);
}

static void kernel_done(void *memory) {
  funnel_state *state = memory;
  void *const all[] = {state->group, state->steps, state->without, state->same,
                       state->keep,  state->fact,  state->marks};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    free(all[i]);
  for (uint32_t s = 0; s < FUNNEL_SELECTORS_MAX; s++)
    ds_evaluator_free(state->evaluator[s]);
  ds_funnel_finder_done(&state->finder);
  ds_tally_done(&state->tally);
  *state = (funnel_state){0};
}

static ds_code room_make(funnel_state *state, const ds_block *block, ds_error *err) {
  const funnel_context *context = state->context;
  if (state->journeys_capacity < block->journeys || state->group == NULL) {
    free(state->group);
    state->group = calloc(block->journeys, sizeof *state->group);
    state->journeys_capacity = block->journeys;
  }
  if (state->events_capacity < block->events || state->steps == NULL) {
    const size_t events = block->events;
    void **const all[] = {(void **)&state->steps,  (void **)&state->without, (void **)&state->same,
                          (void **)&state->keep,   (void **)&state->fact,
                          (void **)&state->marks};
    // A word more than there are, so that 64 bits can be read from any byte.
    const size_t bits = (events / 64 + 2) * sizeof *state->keep;
    const size_t bytes[] = {events * sizeof *state->steps,
                            context->rules.withouts > 0 ? events * sizeof *state->without : 1,
                            context->has_same ? events * sizeof *state->same : 1,
                            bits, context->fact != NULL ? events : 1,
                            context->is_plain ? bits * context->rules.steps : 1};
    bool made = true;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
      free(*all[i]);
      *all[i] = malloc(bytes[i]);
      made = made && *all[i] != NULL;
    }
    state->events_capacity = made ? block->events : 0;
    state->mark_words = (uint32_t)(bits / sizeof *state->marks);
    if (!made)
      return no_memory(err);
  }
  return state->group != NULL ? DS_OK : no_memory(err);
}

// What each of the events is by its touchpoint alone.
static void mark_touchpoints(funnel_state *state, const ds_block *block, uint32_t first,
                             uint32_t end) {
  const funnel_context *context = state->context;
  const uint16_t *restrict touchpoint = block->touchpoint;
  uint64_t *restrict steps = state->steps;
  for (uint32_t e = first; e < end; e++)
    steps[e] = context->steps[touchpoint[e]];
  for (uint32_t e = first; context->rules.withouts > 0 && e < end; e++)
    state->without[e] = context->without[touchpoint[e]];
  for (uint32_t e = first; context->fact != NULL && e < end; e++)
    state->fact[e] = context->fact[touchpoint[e]];
}

void ds_funnel_mark(funnel_state *state, const ds_block *block, uint32_t j) {
  mark_touchpoints(state, block, block->offset[j], block->offset[j + 1]);
}

static ds_code mark_selector(funnel_state *state, uint32_t s, const ds_block *block,
                             ds_error *err) {
  const funnel_selector *selector = &state->context->selector[s];
  TRY(ds_evaluator_run(state->evaluator[s], block, state->keep, err));
  for (uint32_t word = 0; word * 64 < block->events; word++)
    for (uint64_t left = state->keep[word]; left != 0; left &= left - 1) {
      const uint32_t e = word * 64 + (uint32_t)__builtin_ctzll(left);
      state->steps[e] |= selector->steps;
      if (selector->without != 0)
        state->without[e] |= selector->without;
    }
  return DS_OK;
}

// A value as a number that tells it from others; never 0.
static uint64_t value_of(const ds_property_column *column, uint32_t e) {
  uint64_t bits = 0;
  if (column->type == DS_TYPE_STRING) {
    bits = ds_key_hash(column->text[e]);
  } else if (column->type == DS_TYPE_NUMBER) {
    const double plain = column->number[e] + 0.0; // -0 and 0 are one value
    memcpy(&bits, &plain, sizeof bits);
    bits += 1;
  } else {
    bits = (uint64_t)column->i[e] + 1;
  }
  return bits == 0 ? UINT64_MAX : bits;
}

static void mark_same(funnel_state *state, const ds_block *block) {
  const ds_property_ref *ref = &state->context->same;
  const ds_property_column *column = &block->property[ref->column];
  for (uint32_t e = 0; e < block->events; e++) {
    const bool carries = column->type != DS_TYPE_NULL &&
                         (column->present[e / 64] >> (e % 64) & 1) != 0;
    state->same[e] = carries ? value_of(column, e) : 0;
  }
}

ds_code ds_funnel_block(funnel_state *state, const ds_block *block, ds_error *err) {
  const funnel_context *context = state->context;
  TRY(room_make(state, block, err));
  if (context->by != NULL)
    ds_breakdown_block(context->by, block, state->group);
  if (context->is_plain)
    return DS_OK;
  mark_touchpoints(state, block, 0, block->events);
  for (uint32_t s = 0; s < context->selectors; s++)
    TRY(mark_selector(state, s, block, err));
  if (context->has_same)
    mark_same(state, block);
  return DS_OK;
}

// Whether some event can be the first step.
static bool may_begin(const funnel_state *state, uint32_t first, uint32_t end) {
  const uint64_t wanted = state->context->rules.order == FUNNEL_ANY ? UINT64_MAX : 1;
  uint64_t any = 0;
  for (uint32_t e = first; e < end; e++)
    any |= state->steps[e];
  return (any & wanted) != 0;
}

ds_code ds_funnel_journey(funnel_state *state, const ds_block *block, uint32_t j, funnel_take take,
                          void *to, ds_error *err) {
  const funnel_context *context = state->context;
  const uint32_t first = block->offset[j];
  const uint32_t end = block->offset[j + 1];
  uint32_t from = 0;
  TRY(ds_block_times(block, j, err));
  if (!may_begin(state, first, end))
    return DS_OK;
  const funnel_events events = {
      end - first, block->time_ms + first, state->steps + first,
      context->rules.withouts > 0 ? state->without + first : NULL,
      context->has_same ? state->same + first : NULL,
      context->fact != NULL ? state->fact + first : NULL};
  funnel_found found = {block, j, state->group[j], first, end - first, {.depth = 0}};
  do {
    TRY(ds_funnel_find(&state->finder, &events, from, &found.chain, &from, err));
    if (found.chain.depth > 0)
      TRY(take(to, &found, err));
  } while (context->rules.all && found.chain.depth > 0);
  return DS_OK;
}

uint32_t ds_funnel_previous(const funnel_rules *rules, uint32_t step) {
  assert(step > 0);
  do
    step--;
  while ((rules->optional >> step & 1) != 0);
  return step;
}

// Whether what is strict is over: an event stands behind the chain. Where ties are free, one of the
// chain's first instant may as well stand before it.
static bool is_over(const funnel_state *state, const funnel_found *found, uint32_t first) {
  const funnel_rules *rules = &state->context->rules;
  const int64_t *time_ms = found->block->time_ms + found->first;
  for (uint32_t e = found->count; e-- > first + 1;) {
    if (!rules->arrival && time_ms[e] == time_ms[first])
      break;
    bool outside = state->context->fact == NULL || !state->fact[found->first + e];
    for (uint32_t s = 0; outside && s < rules->steps; s++)
      outside = found->chain.event[s] != e;
    if (outside)
      return true;
  }
  return false;
}

funnel_end ds_funnel_end(const funnel_state *state, const funnel_found *found) {
  const funnel_context *context = state->context;
  const funnel_rules *rules = &context->rules;
  const int64_t *time_ms = found->block->time_ms + found->first;
  uint32_t last = 0, first = DS_NONE;
  for (uint32_t s = 0; s < rules->steps; s++) {
    const uint32_t e = found->chain.event[s];
    if (e == DS_NONE)
      continue;
    first = first == DS_NONE ? e : first;
    last = e > last ? e : last;
  }
  assert(first != DS_NONE && last < found->count);
  funnel_end end = {.step = DS_NONE, .next = context->touchpoints};
  if (found->chain.depth < state->finder.musts)
    end.step = state->finder.must[found->chain.depth];
  const uint16_t *touchpoint = found->block->touchpoint + found->first;
  uint32_t next = last + 1;
  while (next < found->count && context->fact != NULL && context->fact[touchpoint[next]])
    next++;
  if (next < found->count)
    end.next = touchpoint[next];
  end.open = end.step != DS_NONE && time_ms[first] > context->as_of_ms - rules->within_ms &&
             (rules->order != FUNNEL_STRICT || !is_over(state, found, first));
  return end;
}

// The value of the first event of the chain that carries it.
static bool chain_value(const funnel_context *context, const funnel_found *found,
                        double *ret_value) {
  for (uint32_t s = 0; context->has_value && s < context->rules.steps; s++) {
    const uint32_t e = found->chain.event[s];
    if (e != DS_NONE && ds_property_number(&context->value, found->block, found->first + e,
                                           ret_value))
      return true;
  }
  return false;
}

ds_code ds_funnel_add(void *to, const funnel_found *found, ds_error *err) {
  funnel_state *state = to;
  const funnel_context *context = state->context;
  const funnel_rules *rules = &context->rules;
  const int64_t *time_ms = found->block->time_ms + found->first;
  const uint32_t base = found->group * rules->steps;
  double value = 0;
  const bool valued = chain_value(context, found, &value);
  const bool detailed = context->has_times || context->has_periods;
  uint32_t before = DS_NONE;
  for (uint32_t s = 0; s < rules->steps; s++) {
    const uint32_t e = found->chain.event[s];
    if (e == DS_NONE)
      continue;
    if (detailed)
      ds_funnel_detail_add(state, found->group, s, time_ms[found->chain.event[0]],
                           time_ms[before == DS_NONE ? e : before], time_ms[e]);
    funnel_step *step = &state->step[base + s];
    step->reached++;
    if (valued) {
      ds_number_sum_add(&step->value, value);
      step->values++;
    }
    if (before != DS_NONE) {
      const int64_t ms = time_ms[e] - time_ms[before];
      step->time_ms += ms;
      TRY(ds_tally_add(&state->tally, base + s, ms, err));
    }
    if ((rules->optional >> s & 1) == 0)
      before = e;
  }
  const funnel_end end = ds_funnel_end(state, found);
  if (end.step == DS_NONE)
    return DS_OK;
  state->step[base + end.step].open += end.open;
  state->step[base + end.step].dropped += !end.open;
  if (!end.open)
    state->instead[(size_t)(base + end.step) * (context->touchpoints + 1u) + end.next]++;
  return DS_OK;
}

static ds_code kernel_add_block(void *memory, const ds_block *block, ds_error *err) {
  funnel_state *state = memory;
  TRY(ds_funnel_block(state, block, err));
  if (state->context->is_plain)
    return ds_funnel_plain_block(state, block, err);
  for (uint32_t j = 0; j < block->journeys; j++)
    TRY(ds_funnel_journey(state, block, j, ds_funnel_add, state, err));
  return DS_OK;
}

static ds_code kernel_merge(void *memory, void *other, ds_error *err) {
  funnel_state *into = memory, *from = other;
  (void)err;
  const funnel_context *context = into->context;
  assert(context == from->context);
  const size_t cells = (size_t)context->groups * context->rules.steps;
  for (size_t c = 0; c < cells; c++) {
    funnel_step *a = &into->step[c];
    const funnel_step *b = &from->step[c];
    a->reached += b->reached;
    a->dropped += b->dropped;
    a->open += b->open;
    a->time_ms += b->time_ms;
    a->values += b->values;
    ds_number_sum_merge(&a->value, &b->value);
  }
  for (size_t i = 0; i < cells * (context->touchpoints + 1u); i++)
    into->instead[i] += from->instead[i];
  ds_funnel_detail_merge(into, from);
  ds_tally_merge(&into->tally, &from->tally);
  return DS_OK;
}

const ds_kernel ds_funnel_kernel = {"funnel", sizeof(funnel_state), kernel_init,
                                    kernel_add_block, kernel_merge, kernel_done};
