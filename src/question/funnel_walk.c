// SPDX-License-Identifier: Apache-2.0
// Cases walked from hit to hit: of any rules that the fast path serves.
#include "question/funnel_plain.h"

// Hits that a walk keeps.
enum { HITS_MAX = 128 };

// One hit: where, when, and the latest hit before it that reached the step before.
typedef struct hit {
  int64_t time_ms;
  uint32_t event; // of the block
  uint32_t before;
} hit;

// The best chain of a case in any order: of each step the event of the block and its time.
typedef struct plain_chain {
  uint32_t depth;
  uint32_t event[FUNNEL_PLAIN_STEPS];
  int64_t time_ms[FUNNEL_PLAIN_STEPS];
} plain_chain;

// The hits of one case, from its first step on.
typedef struct walk {
  uint32_t hits;
  uint32_t depth;
  bool tied; // two hits share an instant, or there are too many
  bool over; // that, or all steps are reached and the hit behind has been looked at
  int64_t before_ms;
  int64_t start_ms[FUNNEL_PLAIN_STEPS + 1]; // by step + 1: the latest of a chain that reached it
  uint32_t latest[FUNNEL_PLAIN_STEPS + 1];  // by step + 1: the latest hit that reached it
  uint32_t first[FUNNEL_PLAIN_STEPS];       // by step: the hit that reached it first
  hit hit[HITS_MAX];
  plain_chain chain; // the best so far, of orders that keep it
  uint32_t run;      // strict order: the steps up to the last hit
} walk;

static const int64_t never = INT64_MIN / 2;

static inline void walk_begin(walk *in, uint32_t steps) {
  in->hits = in->depth = in->run = 0;
  in->tied = in->over = false;
  in->before_ms = never;
  for (uint32_t s = 0; s <= steps; s++)
    in->start_ms[s] = never;
}

// Where the walk finds times: as they are stored, or by event.
typedef struct clock_of {
  const ds_stored_times *stored;
  uint32_t journey, first; // the case, and its first event of the block
} clock_of;

static inline __attribute__((always_inline)) int64_t
time_at(const clock_of *clock, const ds_block *block, bool stored, uint32_t e) {
  if (!stored)
    return block->time_ms[e];
  return plain_stored_ms(clock->stored, clock->journey, clock->first, e);
}

// Whether the chain that reached `step` - 1 last must not be continued by event e as `step`.
static bool is_forbidden(const funnel_context *context, const ds_block *block, const walk *in,
                         uint32_t step, uint32_t e) {
  const funnel_rules *rules = &context->rules;
  for (uint32_t w = 0; w < rules->withouts; w++) {
    if (rules->without[w].last != step)
      continue;
    uint32_t h = in->latest[step];
    for (uint32_t s = step - 1; s > rules->without[w].first; s--)
      h = in->hit[h].before;
    for (uint32_t x = in->hit[h].event + 1; x < e; x++)
      if ((context->without[block->touchpoint[x]] >> w & 1) != 0)
        return true;
  }
  return false;
}

static inline bool may_begin(const funnel_rules *rules, int64_t at_ms) {
  return (!rules->has_from || at_ms >= rules->from_ms) &&
         (!rules->has_to || at_ms < rules->to_ms);
}

// Walks over hits, bits of the events from `from` on of the case. Which steps are reached: by step
// the latest start of a chain that did, as in funnel_sequence.c.
static inline __attribute__((always_inline)) void
walk_sequence(const funnel_context *context, const ds_block *block, const clock_of *clock,
              bool stored, uint32_t from, uint64_t hits, walk *in) {
  const funnel_rules *rules = &context->rules;
  uint32_t count = in->hits, depth = in->depth;
  int64_t before_ms = in->before_ms;
  for (; hits != 0; hits &= hits - 1) {
    const uint32_t e = from + (uint32_t)__builtin_ctzll(hits);
    const uint32_t step = context->step_of[block->touchpoint[e]];
    const int64_t at_ms = time_at(clock, block, stored, e);
    const bool tied = at_ms == before_ms || count == HITS_MAX;
    if (tied || depth == rules->steps) {
      in->tied = tied;
      in->over = true;
      break;
    }
    before_ms = at_ms;
    in->hit[count] = (hit){at_ms, e, in->latest[step]};
    in->start_ms[0] = may_begin(rules, at_ms) ? at_ms : never;
    bool fits = at_ms - in->start_ms[step] <= rules->within_ms;
    if (rules->withouts > 0 && step > 0 && fits)
      fits = !is_forbidden(context, block, in, step, e);
    in->start_ms[step + 1] = fits ? in->start_ms[step] : in->start_ms[step + 1];
    in->latest[step + 1] = fits ? count : in->latest[step + 1];
    if (fits && step >= depth) {
      in->first[step] = count;
      depth = step + 1;
    }
    count++;
  }
  in->hits = count;
  in->depth = depth;
  in->before_ms = before_ms;
}

// The same in strict order. Every event is one step at most, so that one run of steps is under way
// at a time; hits keep the start of the run in `start_ms[1]` and its last event in `hits`.
static inline __attribute__((always_inline)) void
walk_strict(const funnel_context *context, const ds_block *block, const clock_of *clock,
            bool stored, uint32_t from, uint64_t hits, walk *in) {
  const funnel_rules *rules = &context->rules;
  for (; hits != 0; hits &= hits - 1) {
    const uint32_t e = from + (uint32_t)__builtin_ctzll(hits);
    const uint32_t step = context->step_of[block->touchpoint[e]];
    const int64_t at_ms = time_at(clock, block, stored, e);
    if (step > 0 && step == in->run && e == in->hits + 1 &&
        at_ms - in->start_ms[1] <= rules->within_ms) {
      in->run++;
    } else {
      in->run = step == 0 && may_begin(rules, at_ms);
      in->start_ms[1] = at_ms;
    }
    in->hits = e;
    if (in->run <= in->depth)
      continue;
    in->depth = in->run;
    in->first[0] = e;
    if (in->depth == rules->steps) {
      in->over = true;
      break;
    }
  }
}

// The same in any order: of each step the latest event; those within the window of the last one.
static inline __attribute__((always_inline)) void
walk_any(const funnel_context *context, const ds_block *block, const clock_of *clock, bool stored,
         uint32_t from, uint64_t hits, walk *in) {
  const funnel_rules *rules = &context->rules;
  for (; hits != 0; hits &= hits - 1) {
    const uint32_t e = from + (uint32_t)__builtin_ctzll(hits);
    const uint32_t step = context->step_of[block->touchpoint[e]];
    const int64_t at_ms = time_at(clock, block, stored, e);
    in->tied = at_ms == in->before_ms;
    in->over = in->tied || in->depth == rules->steps;
    if (in->over)
      break;
    in->before_ms = in->start_ms[step] = at_ms;
    in->latest[step] = e;
    uint32_t reached = 0;
    for (uint32_t s = 0; s < rules->steps; s++)
      reached += at_ms - in->start_ms[s] <= rules->within_ms;
    if (reached <= in->depth)
      continue;
    in->depth = reached;
    plain_chain *chain = &in->chain;
    chain->depth = 0;
    for (uint32_t s = 0; s < rules->steps; s++) {
      if (at_ms - in->start_ms[s] > rules->within_ms)
        continue;
      uint32_t place = chain->depth++;
      for (; place > 0 && chain->event[place - 1] > in->latest[s]; place--) {
        chain->event[place] = chain->event[place - 1];
        chain->time_ms[place] = chain->time_ms[place - 1];
      }
      chain->event[place] = in->latest[s];
      chain->time_ms[place] = in->start_ms[s];
    }
  }
}

// Adds the best chain of a case that was walked: in sequence the one that ends at the earliest hit
// of the deepest step, and before it, of each step, has the latest hit.
static inline __attribute__((always_inline)) void
walk_chain(const funnel_context *context, const ds_block *block, const clock_of *clock,
           bool stored, const walk *in, plain_chains *chains) {
  if (in->depth == 0)
    return;
  const uint32_t c = chains->count++, depth = in->depth;
  chains->journey[c] = clock->journey;
  chains->depth[c] = depth;
  for (uint32_t s = depth; s < context->rules.steps; s++)
    chains->time_ms[s][c] = 0;
  uint32_t at = context->rules.order == FUNNEL_SEQUENCE ? in->first[depth - 1] : 0;
  for (uint32_t s = depth; s-- > 0;) {
    uint32_t event = in->chain.event[s];
    if (context->rules.order == FUNNEL_SEQUENCE) {
      event = in->hit[at].event;
      at = in->hit[at].before;
    } else if (context->rules.order == FUNNEL_STRICT) {
      event = in->first[0] - (depth - 1 - s);
    }
    chains->time_ms[s][c] = time_at(clock, block, stored, event);
    chains->last[c] = s + 1 == depth ? event : chains->last[c];
  }
}

// Whether two events of the case from `begin` on, or the one before it and that one, share their
// instant; in sequence and any order only hits matter, which the walk looks at.
static inline __attribute__((always_inline)) bool
is_tied(const funnel_context *context, const ds_block *block, const clock_of *clock, bool stored,
        uint32_t begin, uint32_t end) {
  const uint32_t last = context->rules.order == FUNNEL_STRICT ? end : begin + 1;
  bool tied = false;
  for (uint32_t e = begin > clock->first ? begin : begin + 1; e < last; e++)
    tied |= time_at(clock, block, stored, e) == time_at(clock, block, stored, e - 1);
  return tied;
}

static inline __attribute__((always_inline)) bool
walk_case(const funnel_state *state, const ds_block *block, const ds_stored_times *times,
          bool stored, const plain_case *of, plain_chains *chains) {
  const funnel_context *context = state->context;
  const funnel_order order = context->rules.order;
  const clock_of clock = {times, of->journey, of->first};
  const uint32_t end = of->end;
  walk in;
  walk_begin(&in, context->rules.steps);
  // What lies before the first step can only share its instant.
  in.over = in.tied = is_tied(context, block, &clock, stored, of->begin, end);
  for (uint32_t at = of->begin; at < end && !in.over; at += PLAIN_CHUNK) {
    const uint64_t hits = plain_marked(state, context->rules.steps, at,
                                       end - at < PLAIN_CHUNK ? end - at : (uint32_t)PLAIN_CHUNK);
    if (order == FUNNEL_SEQUENCE)
      walk_sequence(context, block, &clock, stored, at, hits, &in);
    else if (order == FUNNEL_STRICT)
      walk_strict(context, block, &clock, stored, at, hits, &in);
    else
      walk_any(context, block, &clock, stored, at, hits, &in);
  }
  if (!in.tied)
    walk_chain(context, block, &clock, stored, &in, chains);
  return !in.tied;
}

bool ds_funnel_plain_walk(const funnel_state *state, const ds_block *block,
                          const ds_stored_times *times, const plain_case *of,
                          plain_chains *chains) {
  return times != NULL ? walk_case(state, block, times, true, of, chains)
                       : walk_case(state, block, NULL, false, of, chains);
}
