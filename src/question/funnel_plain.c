// SPDX-License-Identifier: Apache-2.0
// The fast path of the usual funnel: steps, each of touchpoints of its own and nothing else, and
// the best chain of each case. A case in which none begins costs a look at a word, and its times
// are never decoded. Of the others, in sequence, the chain is found in words of bits; or they are
// walked from hit to hit. Cases in which two hits share an instant (in strict order: two events),
// or with very many, go the way of all funnels; tests hold the ways against each other.
#include "base/classes.h"
#include "question/funnel_plain.h"

// Whether steps are of touchpoints of their own, and nothing else is asked.
static bool is_plain(const funnel_context *context) {
  const funnel_rules *rules = &context->rules;
  const bool any = rules->order == FUNNEL_ANY;
  if (rules->steps > FUNNEL_PLAIN_STEPS || rules->optional != 0 || rules->all ||
      context->has_same || context->has_value || context->fact != NULL || context->selectors > 0 ||
      (any && (rules->has_from || rules->has_to)) ||
      (rules->withouts > 0 && rules->order != FUNNEL_SEQUENCE))
    return false;
  for (uint32_t t = 0; t < context->touchpoints; t++)
    if ((context->steps[t] & (context->steps[t] - 1)) != 0)
      return false;
  return true;
}

ds_code ds_funnel_plain_prepare(const ds_request *request, ds_plan *plan, funnel_context *context,
                                ds_error *err) {
  const uint32_t touchpoints = context->touchpoints;
  context->is_plain = is_plain(context);
  if (!context->is_plain)
    return DS_OK;
  uint64_t *needed = ds_arena_array(request->arena, touchpoints / 64 + 1u, sizeof *needed);
  context->step_of = ds_arena_array(request->arena, touchpoints + 1u, sizeof *context->step_of);
  context->class_of = ds_arena_array(request->arena, touchpoints + 1u, sizeof *context->class_of);
  if (needed == NULL || context->step_of == NULL || context->class_of == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the steps");
  for (uint32_t t = 0; t < touchpoints; t++) {
    const uint64_t steps = context->steps[t];
    const bool begins = context->rules.order == FUNNEL_ANY ? steps != 0 : (steps & 1) != 0;
    context->class_of[t] = (uint8_t)steps;
    context->step_of[t] = steps == 0 ? 0 : (uint8_t)__builtin_ctzll(steps);
    needed[t / 64] |= (uint64_t)begins << (t % 64);
  }
  plan->needed = needed;
  // Properties are asked for by --by alone, which looks at every case.
  if (plan->columns.properties_count == 0)
    plan->columns.want ^= DS_WANT_TIME | DS_WANT_TIME_LATER;
  return DS_OK;
}

// Counts who reached a step, and the times to it from the one before: of chains [first, end), all
// of one group.
static ds_code count_step(funnel_state *state, const plain_chains *chains, uint32_t cell,
                          uint32_t s, uint32_t first, uint32_t end, ds_error *err) {
  int64_t gap[PLAIN_CHAINS], least = 0, sum = 0;
  uint64_t reached = 0;
  for (uint32_t c = first; c < end; c++) {
    const int64_t ms = chains->time_ms[s][c] - chains->time_ms[s - 1][c];
    const int64_t is = -(int64_t)(chains->depth[c] > s);
    gap[c] = (ms & is) | (DS_TALLY_NONE & ~is);
    least = (ms & is) < least ? ms : least;
    sum += ms & is;
    reached -= (uint64_t)is;
  }
  if (least < 0)
    return ds_fail(err, DS_CORRUPT, "times of a case do not ascend; run `doorstep check`");
  state->step[cell].reached += reached;
  state->step[cell].time_ms += sum;
  return ds_tally_add_all(&state->tally, cell, gap + first, end - first, err);
}

// Counts how a chain began and ended.
static void count_ends(funnel_state *state, const ds_block *block, const plain_chains *chains,
                       uint32_t c) {
  const funnel_context *context = state->context;
  const uint32_t steps = context->rules.steps, j = chains->journey[c], depth = chains->depth[c];
  const uint32_t base = state->group[j] * steps;
  const int64_t start_ms = chains->time_ms[0][c];
  funnel_step *step = state->step + base;
  step[0].reached++;
  for (uint32_t s = 0; (context->has_times || context->has_periods) && s < depth; s++)
    ds_funnel_detail_add(state, state->group[j], s, start_ms,
                         chains->time_ms[s == 0 ? 0 : s - 1][c], chains->time_ms[s][c]);
  if (depth == steps)
    return;
  const uint32_t next = chains->last[c] + 1;
  const bool last = next == block->offset[j + 1];
  // What is strict is over with the next event.
  const bool open = start_ms > context->as_of_ms - context->rules.within_ms &&
                    (last || context->rules.order != FUNNEL_STRICT);
  step[depth].open += open;
  step[depth].dropped += !open;
  const uint32_t touchpoint = last ? context->touchpoints : block->touchpoint[next];
  state->instead[(size_t)(base + depth) * (context->touchpoints + 1u) + touchpoint] += !open;
}

static ds_code count_chains(funnel_state *state, const ds_block *block, plain_chains *chains,
                            ds_error *err) {
  const uint32_t steps = state->context->rules.steps;
  const uint32_t each = state->context->by == NULL ? PLAIN_CHAINS : 1;
  for (uint32_t first = 0; first < chains->count; first += each) {
    const uint32_t end = each == 1 ? first + 1 : chains->count;
    for (uint32_t s = 1; s < steps; s++)
      TRY(count_step(state, chains, state->group[chains->journey[first]] * steps + s, s, first,
                     end, err));
  }
  for (uint32_t c = 0; c < chains->count; c++)
    count_ends(state, block, chains, c);
  chains->count = 0;
  return DS_OK;
}

// The next cases in which the first step is, at most PLAIN_CASES, from journey *from on.
static uint32_t find_cases(const funnel_state *state, const ds_block *block, uint32_t *from,
                           plain_case *cases) {
  const funnel_rules *rules = &state->context->rules;
  const uint32_t steps = rules->order == FUNNEL_ANY ? rules->steps : 1;
  uint32_t found = 0, j = *from;
  for (; j < block->journeys && found < PLAIN_CASES; j++) {
    const uint32_t first = block->offset[j], end = block->offset[j + 1];
    uint64_t begins = 0;
    uint32_t at = first;
    for (; at < end; at += PLAIN_CHUNK) {
      begins = plain_marked(state, steps, at,
                            end - at < PLAIN_CHUNK ? end - at : (uint32_t)PLAIN_CHUNK);
      if (begins != 0)
        break;
    }
    if (begins != 0)
      cases[found++] = (plain_case){j, first, at + (uint32_t)__builtin_ctzll(begins), end};
  }
  *from = j;
  return found;
}

// The times of cases as they are stored: at once where they stand close to one another.
static ds_code get_times(const ds_block *block, const plain_case *cases, uint32_t count,
                         ds_stored_times *ret_times, ds_error *err) {
  const uint32_t first = cases[0].journey, end = cases[count - 1].journey + 1;
  if (end - first <= count * 4)
    return block->later->stored(block->later_of, first, end, ret_times, err);
  for (uint32_t c = 0; c < count; c++)
    TRY(block->later->stored(block->later_of, cases[c].journey, cases[c].journey + 1, ret_times,
                             err));
  return DS_OK;
}

// Cases that cannot be told by bits, or must not: one by one.
static ds_code walk_cases(funnel_state *state, const ds_block *block,
                          const ds_stored_times *times, const plain_case *cases, uint32_t count,
                          plain_chains *chains, ds_error *err) {
  for (uint32_t c = 0; c < count; c++) {
    const uint32_t j = cases[c].journey;
    if (times == NULL)
      TRY(ds_block_times(block, j, err));
    if (ds_funnel_plain_walk(state, block, times, &cases[c], chains))
      continue;
    ds_funnel_mark(state, block, j);
    TRY(ds_funnel_journey(state, block, j, ds_funnel_add, state, err));
  }
  return DS_OK;
}

ds_code ds_funnel_plain_block(funnel_state *state, const ds_block *block, ds_error *err) {
  const funnel_rules *rules = &state->context->rules;
  const bool stored = block->later != NULL && block->later->narrow(block->later_of);
  const bool bits = rules->order != FUNNEL_ANY && rules->withouts == 0 && !rules->has_from &&
                    !rules->has_to;
  uint64_t *mark[FUNNEL_PLAIN_STEPS];
  plain_chains chains;
  plain_case cases[PLAIN_CASES];
  ds_stored_times times;
  chains.count = 0;
  for (uint32_t s = 0; s < rules->steps; s++)
    mark[s] = state->marks + (size_t)s * state->mark_words;
  ds_class_bits(state->context->class_of, state->context->touchpoints, block->touchpoint,
                block->events, mark, rules->steps);
  for (uint32_t j = 0, count; (count = find_cases(state, block, &j, cases)) > 0;) {
    if (chains.count + count > PLAIN_CHAINS)
      TRY(count_chains(state, block, &chains, err));
    if (stored)
      TRY(get_times(block, cases, count, &times, err));
    if (stored && bits)
      count = ds_funnel_plain_bits(state, &times, cases, count, &chains);
    TRY(walk_cases(state, block, stored ? &times : NULL, cases, count, &chains, err));
  }
  return count_chains(state, block, &chains, err);
}
