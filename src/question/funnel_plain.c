// SPDX-License-Identifier: Apache-2.0
// The fast path of the usual funnel: steps in sequence order, each of touchpoints of its own and
// nothing else, the best chain of each case. Two bitmaps tell where the first step and where any
// step is; a case without the first step costs a look at a word, and its times are never decoded.
// The others are walked from hit to hit. Cases in which two hits share an instant, or with very
// many, go the way of all funnels; tests hold the two against each other.
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
  uint32_t count = 0;
  if (rules->steps > PLAIN_STEPS_MAX || rules->order != FUNNEL_SEQUENCE || rules->optional != 0 ||
      rules->all || rules->withouts > 0 || context->has_same || context->has_value ||
      context->fact != NULL || context->selectors > 0)
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
    for (uint32_t t = 0; t < touchpoints; t++)
      if ((context->steps[t] >> s & 1) != 0) {
        context->step_of[t] = (uint8_t)s;
        context->code[context->codes++] = (uint16_t)t;
        needed[t / 64] |= s == 0 ? 1ull << (t % 64) : 0;
      }
    if (s == 0)
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
    if (e % WORD == 0)
      state->begins[e / WORD] = state->hits[e / WORD] = 0;
    state->begins[e / WORD] |= (steps & 1) << (e % WORD);
    state->hits[e / WORD] |= (uint64_t)(steps != 0) << (e % WORD);
  }
}

#if defined(__x86_64__)
// Of 16 events all bits of those whose touchpoint is one of the codes.
__attribute__((target("avx2"))) static inline __m256i
equal_any(__m256i touchpoint, const __m256i *code, uint32_t codes) {
  __m256i any = _mm256_cmpeq_epi16(touchpoint, code[0]);
  for (uint32_t c = 1; c < codes; c++)
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
  if (context->begin_codes > 0 && context->codes > context->begin_codes &&
      __builtin_cpu_supports("avx2")) {
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
} walk;

static const int64_t never = INT64_MIN / 2;

static inline void walk_begin(walk *in, uint32_t steps) {
  in->hits = in->depth = 0;
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

// Walks over hits, bits of the events from `from` on of the case. Which steps are reached: by step
// the latest start of a chain that did, as in funnel_sequence.c.
static inline __attribute__((always_inline)) void
walk_hits(const funnel_context *context, const ds_block *block, const clock_of *clock, bool stored,
          uint32_t from, uint64_t hits, walk *in) {
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
    const bool begins = (!rules->has_from || at_ms >= rules->from_ms) &&
                        (!rules->has_to || at_ms < rules->to_ms);
    in->start_ms[0] = begins ? at_ms : never;
    const bool fits = at_ms - in->start_ms[step] <= rules->within_ms;
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

// Adds the chain that ends at the earliest hit of the deepest step: before it, of each step the
// latest hit.
static inline ds_code walk_add(funnel_state *state, const ds_block *block, uint32_t j,
                               const walk *in, ds_error *err) {
  const funnel_context *context = state->context;
  const uint32_t steps = context->rules.steps, base = state->group[j] * steps;
  const hit *at = &in->hit[in->first[in->depth - 1]];
  const uint32_t last = at->event;
  funnel_step *step = state->step + base;
  for (uint32_t s = in->depth; --s > 0;) {
    const hit *before = &in->hit[at->before];
    const int64_t ms = at->time_ms - before->time_ms;
    if (ms < 0)
      return ds_fail(err, DS_CORRUPT, "times of a case do not ascend; run `doorstep check`");
    step[s].reached++;
    step[s].time_ms += ms;
    TRY(ds_tally_add(&state->tally, base + s, ms, err));
    at = before;
  }
  step[0].reached++;
  if (in->depth == steps)
    return DS_OK;
  const bool open = at->time_ms > context->as_of_ms - context->rules.within_ms;
  step[in->depth].open += open;
  step[in->depth].dropped += !open;
  const uint32_t next = last + 1;
  const uint32_t touchpoint =
      next < block->offset[j + 1] ? block->touchpoint[next] : context->touchpoints;
  if (!open)
    state->instead[(size_t)(base + in->depth) * (context->touchpoints + 1u) + touchpoint]++;
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

// The case whose first step is at `begin`.
static inline __attribute__((always_inline)) ds_code
walk_case(funnel_state *state, const ds_block *block, uint32_t j, uint32_t begin, bool stored,
          ds_error *err) {
  const funnel_context *context = state->context;
  const uint32_t first = block->offset[j], end = block->offset[j + 1];
  clock_of clock = {.first = first};
  walk in;
  if (stored)
    TRY(block->later->stored(block->later_of, j, &clock.stored, err));
  else
    TRY(ds_block_times(block, j, err));
  walk_begin(&in, context->rules.steps);
  // What lies before the first step can only share its instant.
  in.over = in.tied = begin > first && time_at(&clock, block, stored, begin - 1) ==
                                           time_at(&clock, block, stored, begin);
  for (uint32_t at = begin; at < end && !in.over; at += CHUNK)
    walk_hits(context, block, &clock, stored, at,
              window(state->hits, at, end - at < CHUNK ? end - at : (uint32_t)CHUNK), &in);
  if (!in.tied)
    return in.depth > 0 ? walk_add(state, block, j, &in, err) : DS_OK;
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
