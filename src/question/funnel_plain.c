// SPDX-License-Identifier: Apache-2.0
// The fast path of the usual funnel: steps, each of touchpoints of its own and nothing else, and
// the best chain of each case. Two bitmaps tell where a chain may begin and where any step is; a
// case in which none begins costs a look at a word, and its times are never decoded. The others are
// walked from hit to hit. Cases in which two hits share an instant (in strict order: two events),
// or with very many, go the way of all funnels; tests hold the two against each other.
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "question/funnel.h"

// So many bits fit a word that begins at any byte; hits that a walk keeps.
enum { CHUNK = 57, PLAIN_STEPS_MAX = 8, WORD = 64, HITS_MAX = 128 };

// Whether steps are of touchpoints of their own, and nothing else is asked.
static bool is_plain(const funnel_context *context) {
  const funnel_rules *rules = &context->rules;
  const bool any = rules->order == FUNNEL_ANY;
  uint32_t count = 0;
  if (rules->steps > PLAIN_STEPS_MAX || rules->optional != 0 || rules->all || context->has_same ||
      context->has_value || context->fact != NULL || context->selectors > 0 ||
      (any && (rules->has_from || rules->has_to)) ||
      (rules->withouts > 0 && rules->order != FUNNEL_SEQUENCE))
    return false;
  for (uint32_t t = 0; t < context->touchpoints; t++) {
    const uint64_t steps = context->steps[t];
    if ((steps & (steps - 1)) != 0)
      return false;
    count += steps != 0;
  }
  return count <= FUNNEL_PLAIN_CODES;
}

ds_code ds_funnel_plain_prepare(const ds_request *request, ds_plan *plan, funnel_context *context,
                                ds_error *err) {
  const uint32_t touchpoints = context->touchpoints;
  context->is_plain = is_plain(context);
  if (!context->is_plain)
    return DS_OK;
  uint64_t *needed = ds_arena_array(request->arena, touchpoints / 64 + 1u, sizeof *needed);
  context->step_of = ds_arena_array(request->arena, touchpoints + 1u, sizeof *context->step_of);
  if (needed == NULL || context->step_of == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the steps");
  for (uint32_t s = 0; s < context->rules.steps; s++) {
    const bool begins = s == 0 || context->rules.order == FUNNEL_ANY;
    for (uint32_t t = 0; t < touchpoints; t++)
      if ((context->steps[t] >> s & 1) != 0) {
        context->step_of[t] = (uint8_t)s;
        context->code[context->codes++] = (uint16_t)t;
        needed[t / 64] |= begins ? 1ull << (t % 64) : 0;
      }
    if (begins)
      context->begin_codes = context->codes;
  }
  plan->needed = needed;
  // Properties are asked for by --by alone, which looks at every case.
  if (plan->columns.properties_count == 0)
    plan->columns.want ^= DS_WANT_TIME | DS_WANT_TIME_LATER;
  return DS_OK;
}

// Which of the events from `first` on begin a chain, and which are a step: one by one.
static void mark_rest(funnel_state *state, const ds_block *block, uint32_t first) {
  const funnel_context *context = state->context;
  for (uint32_t e = first; e < block->events; e++) {
    const uint64_t steps = context->steps[block->touchpoint[e]];
    const bool begins = context->rules.order == FUNNEL_ANY ? steps != 0 : (steps & 1) != 0;
    if (e % WORD == 0)
      state->begins[e / WORD] = state->hits[e / WORD] = 0;
    state->begins[e / WORD] |= (uint64_t)begins << (e % WORD);
    state->hits[e / WORD] |= (uint64_t)(steps != 0) << (e % WORD);
  }
}

#if defined(__x86_64__)
// Of 16 events all bits of those whose touchpoint is one of the codes.
__attribute__((target("avx2"))) static inline __m256i
equal_any(__m256i touchpoint, const __m256i *code, uint32_t codes) {
  __m256i any = _mm256_setzero_si256();
  for (uint32_t c = 0; c < codes; c++)
    any = _mm256_or_si256(any, _mm256_cmpeq_epi16(touchpoint, code[c]));
  return any;
}

// Two times 16 events as 32 bits.
__attribute__((target("avx2"))) static inline uint64_t bits_of(__m256i low, __m256i high) {
  const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8);
  return (uint32_t)_mm256_movemask_epi8(bytes);
}

__attribute__((target("avx2"))) static void mark_wide(funnel_state *state,
                                                      const ds_block *block) {
  const funnel_context *context = state->context;
  const uint32_t begins = context->begin_codes, others = context->codes - begins;
  const uint32_t words = block->events / WORD;
  __m256i code[FUNNEL_PLAIN_CODES];
  for (uint32_t c = 0; c < context->codes; c++)
    code[c] = _mm256_set1_epi16((short)context->code[c]);
  for (uint32_t w = 0; w < words; w++) {
    const uint16_t *at = block->touchpoint + (size_t)w * WORD;
    uint64_t begin[2], hit[2];
    for (uint32_t half = 0; half < 2; half++) {
      const __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)(at + half * 32));
      const __m256i high =
          _mm256_loadu_si256((const __m256i *)(const void *)(at + half * 32 + 16));
      begin[half] = bits_of(equal_any(low, code, begins), equal_any(high, code, begins));
      hit[half] = bits_of(equal_any(low, code + begins, others),
                          equal_any(high, code + begins, others));
    }
    state->begins[w] = begin[0] | begin[1] << 32;
    state->hits[w] = state->begins[w] | hit[0] | hit[1] << 32;
  }
  mark_rest(state, block, words * WORD);
}
#endif

static void mark(funnel_state *state, const ds_block *block) {
#if defined(__x86_64__)
  const funnel_context *context = state->context;
  if (context->begin_codes > 0 && __builtin_cpu_supports("avx2")) {
    mark_wide(state, block);
    return;
  }
#endif
  mark_rest(state, block, 0);
}

// The bits of `count` <= CHUNK events from `first` on.
static inline uint64_t window(const uint64_t *bits, uint32_t first, uint32_t count) {
  uint64_t word;
  memcpy(&word, (const uint8_t *)bits + first / 8, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#error "bits are read bytewise: the lowest byte comes first"
#endif
  return word >> (first % 8) & ((1ull << count) - 1);
}

// One hit: where, when, and the latest hit before it that reached the step before.
typedef struct hit {
  int64_t time_ms;
  uint32_t event; // of the block
  uint32_t before;
} hit;

// The best chain of a case: of each step the event of the block and its time.
typedef struct plain_chain {
  uint32_t depth;
  uint32_t event[PLAIN_STEPS_MAX];
  int64_t time_ms[PLAIN_STEPS_MAX];
} plain_chain;

// The hits of one case, from its first step on.
typedef struct walk {
  uint32_t hits;
  uint32_t depth;
  bool tied; // two hits share an instant, or there are too many
  bool over; // that, or all steps are reached and the hit behind has been looked at
  int64_t before_ms;
  int64_t start_ms[PLAIN_STEPS_MAX + 1]; // by step + 1: the latest of a chain that reached it
  uint32_t latest[PLAIN_STEPS_MAX + 1];  // by step + 1: the latest hit that reached it
  uint32_t first[PLAIN_STEPS_MAX];       // by step: the hit that reached it first
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
  ds_journey_times stored;
  uint32_t first; // event of the block
} clock_of;

static inline __attribute__((always_inline)) int64_t
time_at(const clock_of *clock, const ds_block *block, bool stored, uint32_t e) {
  if (!stored)
    return block->time_ms[e];
  const uint32_t seconds = clock->stored.second[e] - clock->stored.second[clock->first];
  return clock->stored.second_ms + (int64_t)seconds * 1000 +
         (clock->stored.millis == NULL ? 0 : clock->stored.millis[e]);
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

// The best chain of a case that was walked: in sequence the one that ends at the earliest hit of
// the deepest step, and before it, of each step, has the latest hit.
static inline __attribute__((always_inline)) const plain_chain *
walk_chain(const funnel_context *context, const ds_block *block, const clock_of *clock,
           bool stored, walk *in) {
  plain_chain *chain = &in->chain;
  chain->depth = in->depth;
  if (context->rules.order == FUNNEL_SEQUENCE) {
    uint32_t h = in->depth == 0 ? 0 : in->first[in->depth - 1];
    for (uint32_t s = in->depth; s-- > 0; h = in->hit[h].before) {
      chain->event[s] = in->hit[h].event;
      chain->time_ms[s] = in->hit[h].time_ms;
    }
  } else if (context->rules.order == FUNNEL_STRICT) {
    for (uint32_t s = 0; s < in->depth; s++) {
      chain->event[s] = in->first[0] - (in->depth - 1 - s);
      chain->time_ms[s] = time_at(clock, block, stored, chain->event[s]);
    }
  }
  return chain;
}

static inline ds_code chain_add(funnel_state *state, const ds_block *block, uint32_t j,
                                const plain_chain *chain, ds_error *err) {
  const funnel_context *context = state->context;
  const uint32_t steps = context->rules.steps, base = state->group[j] * steps;
  const uint32_t depth = chain->depth;
  funnel_step *step = state->step + base;
  for (uint32_t s = 1; s < depth; s++) {
    const int64_t ms = chain->time_ms[s] - chain->time_ms[s - 1];
    if (ms < 0)
      return ds_fail(err, DS_CORRUPT, "times of a case do not ascend; run `doorstep check`");
    step[s].reached++;
    step[s].time_ms += ms;
    TRY(ds_tally_add(&state->tally, base + s, ms, err));
  }
  step[0].reached++;
  if (depth == steps)
    return DS_OK;
  const uint32_t next = chain->event[depth - 1] + 1;
  const bool last = next == block->offset[j + 1];
  // What is strict is over with the next event.
  const bool open = chain->time_ms[0] > context->as_of_ms - context->rules.within_ms &&
                    (last || context->rules.order != FUNNEL_STRICT);
  step[depth].open += open;
  step[depth].dropped += !open;
  const uint32_t touchpoint = last ? context->touchpoints : block->touchpoint[next];
  if (!open)
    state->instead[(size_t)(base + depth) * (context->touchpoints + 1u) + touchpoint]++;
  return DS_OK;
}

// Where the case's first step is, from its first event on; its end when there is none.
static inline uint32_t begin_of(const funnel_state *state, uint32_t first, uint32_t end) {
  for (uint32_t at = first; at < end; at += CHUNK) {
    const uint64_t begins =
        window(state->begins, at, end - at < CHUNK ? end - at : (uint32_t)CHUNK);
    if (begins != 0)
      return at + (uint32_t)__builtin_ctzll(begins);
  }
  return end;
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

// The case whose first step is at `begin`.
static inline __attribute__((always_inline)) ds_code
walk_case(funnel_state *state, const ds_block *block, uint32_t j, uint32_t begin, bool stored,
          ds_error *err) {
  const funnel_context *context = state->context;
  const funnel_order order = context->rules.order;
  const uint32_t first = block->offset[j], end = block->offset[j + 1];
  clock_of clock = {.first = first};
  walk in;
  if (stored)
    TRY(block->later->stored(block->later_of, j, &clock.stored, err));
  else
    TRY(ds_block_times(block, j, err));
  walk_begin(&in, context->rules.steps);
  // What lies before the first step can only share its instant.
  in.over = in.tied = is_tied(context, block, &clock, stored, begin, end);
  for (uint32_t at = begin; at < end && !in.over; at += CHUNK) {
    const uint64_t hits =
        window(state->hits, at, end - at < CHUNK ? end - at : (uint32_t)CHUNK);
    if (order == FUNNEL_SEQUENCE)
      walk_sequence(context, block, &clock, stored, at, hits, &in);
    else if (order == FUNNEL_STRICT)
      walk_strict(context, block, &clock, stored, at, hits, &in);
    else
      walk_any(context, block, &clock, stored, at, hits, &in);
  }
  if (!in.tied)
    return in.depth == 0 ? DS_OK
                         : chain_add(state, block, j,
                                     walk_chain(context, block, &clock, stored, &in), err);
  ds_funnel_mark(state, block, j);
  return ds_funnel_journey(state, block, j, ds_funnel_add, state, err);
}

ds_code ds_funnel_plain_block(funnel_state *state, const ds_block *block, ds_error *err) {
  const bool stored = block->later != NULL && block->later->narrow(block->later_of);
  mark(state, block);
  for (uint32_t j = 0; j < block->journeys; j++) {
    const uint32_t end = block->offset[j + 1];
    const uint32_t begin = begin_of(state, block->offset[j], end);
    if (begin == end)
      continue;
    if (stored)
      TRY(walk_case(state, block, j, begin, true, err));
    else
      TRY(walk_case(state, block, j, begin, false, err));
  }
  return DS_OK;
}
