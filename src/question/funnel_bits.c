// SPDX-License-Identifier: Apache-2.0
// The best chains of cases in words of bits, many cases at once and pass by pass, so that no case
// waits for another: what hangs on the data is computed, not branched on.
#include <assert.h>

#include "question/funnel_plain.h"

#define INLINE static inline __attribute__((always_inline))

// Cases by lane. Bits are those of events from the case's `begin` on, so that place 0 is a start.
typedef struct case_lanes {
  const ds_stored_times *times;
  int64_t within_ms;
  uint32_t begin[PLAIN_CASES];
  uint32_t base[PLAIN_CASES]; // seconds of the case's first event
  uint64_t mark[FUNNEL_PLAIN_STEPS][PLAIN_CASES];
  uint64_t starts[PLAIN_CASES]; // that were not tried yet
  uint64_t depth[PLAIN_CASES];  // the most steps so far
  uint64_t end[PLAIN_CASES];    // and where, at the earliest
  uint64_t again[PLAIN_CASES];  // which events share the instant of the one before
  bool shared[PLAIN_CASES];     // not to be told by bits
} case_lanes;

INLINE uint64_t lowest(uint64_t bits) { return bits & -bits; }

// All bits above a single one; none above none.
INLINE uint64_t above(uint64_t bit) { return -(bit << 1); }

// The highest of bits, by steps that vectors have, too.
INLINE uint64_t highest(uint64_t bits) {
  bits |= bits >> 1;
  bits |= bits >> 2;
  bits |= bits >> 4;
  bits |= bits >> 8;
  bits |= bits >> 16;
  bits |= bits >> 32;
  return bits ^ bits >> 1;
}

// Milliseconds of the event of a bit since the second of the case's first one; of no bit, of a
// start.
INLINE int64_t since_ms(const case_lanes *in, uint32_t c, uint64_t bit) {
  const uint32_t e = in->begin[c] + (bit == 0 ? 0 : (uint32_t)__builtin_ctzll(bit));
  return (int64_t)(in->times->second[e] - in->base[c]) * 1000 +
         (in->times->millis == NULL ? 0 : in->times->millis[e]);
}

// Whether two of the hits share their instant; `again` tells which events share that of the one
// before. An addition carries a hit on through all events of its instant.
INLINE bool is_shared(uint64_t hits, uint64_t again) {
  const uint64_t next = hits << 1 & again;
  return ((next | (again & ~(again + next))) & hits) != 0;
}

// Whether a hit shares its instant with an event that is not the same step: only then may a chain
// in strict order have its events in another order than they are stored. `twice` tells which hits
// follow one of the same step, which then may stand outside of the chain.
INLINE bool is_any_shared(uint64_t hits, uint64_t twice, uint64_t again) {
  return (again & ~twice & (hits | hits << 1)) != 0;
}

// The last event of the instant of a single bit.
INLINE uint64_t last_of_instant(uint64_t bit, uint64_t again) {
  return ((again + (bit << 1)) & ~again) >> 1;
}

// Takes the cases into lanes; those without one repeat the first.
INLINE void take_cases(uint32_t steps, bool strict, const funnel_state *state,
                       const plain_case *cases, uint32_t count, case_lanes *in) {
  const ds_stored_times *times = in->times;
  const uint64_t either = state->context->rules.arrival ? 0 : ~0ull;
  for (uint32_t c = 0; c < PLAIN_CASES; c++) {
    const plain_case *of = &cases[c < count ? c : 0];
    const uint32_t begin = of->begin, events = of->end - begin;
    uint64_t hits = 0, twice = 0;
    for (uint32_t s = 0; s < steps; s++) {
      const uint64_t mark = in->mark[s][c] =
          plain_window(state->marks + (size_t)s * state->mark_words, begin, events % 64);
      hits |= mark;
      twice |= mark & mark << 1;
    }
    const uint64_t again = plain_window(times->again, begin, events % 64);
    in->begin[c] = begin;
    in->base[c] = times->second[of->first];
    // What lies before the first step can only share its instant.
    in->shared[c] = events > PLAIN_CHUNK || (again & 1) > (begin == of->first) ||
                    (strict ? is_any_shared(hits, twice & either, again & ~1ull)
                            : is_shared(hits, again & ~1ull));
    in->again[c] = again & ~1ull;
    in->starts[c] = in->mark[0][c];
    in->depth[c] = in->end[c] = 1;
  }
}

// What one start of a lane reaches: bits of the steps that it takes in time, and one that is late.
typedef struct lane_try {
  uint64_t start[PLAIN_CASES];
  uint64_t bit[FUNNEL_PLAIN_STEPS][PLAIN_CASES];
  int64_t ms[FUNNEL_PLAIN_STEPS][PLAIN_CASES];
  uint64_t late[PLAIN_CASES];
} lane_try;

// Tries the next start of the lanes [first, end): of those before the same second step the last;
// from it the steps come as early as they can.
INLINE void try_starts(uint32_t steps, case_lanes *in, lane_try *now, uint32_t first,
                       uint32_t end) {
  for (uint32_t c = first; c < end; c++) {
    const uint64_t starts = in->starts[c];
    uint64_t bit = lowest(in->mark[1][c] & above(lowest(starts)));
    now->start[c] = highest(starts & (bit - 1));
    in->starts[c] = starts & above(bit);
    for (uint32_t s = 1; s < steps; s++) {
      now->bit[s][c] = bit;
      bit = s + 1 < steps ? lowest(in->mark[s + 1][c] & above(bit)) : 0;
    }
  }
  for (uint32_t c = first; c < end; c++) {
    now->ms[0][c] = since_ms(in, c, now->start[c]);
    for (uint32_t s = 1; s < steps; s++)
      now->ms[s][c] = since_ms(in, c, now->bit[s][c]);
  }
  for (uint32_t c = first; c < end; c++) {
    uint64_t taken = 1, reached = 1, late = 0;
    for (uint32_t s = 1; s < steps; s++) {
      const uint64_t bit = now->bit[s][c];
      const uint64_t in_time = -(uint64_t)(now->ms[s][c] - now->ms[0][c] <= in->within_ms);
      taken |= bit & in_time;
      reached += (bit & in_time) != 0;
      late |= bit & ~in_time;
    }
    const uint64_t deeper = -(uint64_t)(reached > in->depth[c]);
    in->end[c] = (highest(taken) & deeper) | (in->end[c] & ~deeper);
    in->depth[c] = (reached & deeper) | (in->depth[c] & ~deeper);
    now->late[c] = late;
  }
}

// The deepest chain of a lane in strict order when it has runs that outlast the window: of each
// depth the ends of runs, the earliest first.
INLINE void strict_late(uint32_t steps, case_lanes *in, const uint64_t (*ends)[PLAIN_CASES],
                        uint32_t c) {
  in->depth[c] = in->end[c] = 1;
  for (uint32_t s = steps - 1; s > 0 && in->depth[c] == 1; s--)
    for (uint64_t left = ends[s][c]; left != 0; left &= left - 1) {
      const uint64_t bit = lowest(left);
      if (since_ms(in, c, bit) - since_ms(in, c, bit >> s) > in->within_ms)
        continue;
      in->depth[c] = s + 1;
      in->end[c] = bit;
      break;
    }
}

// Finds the chains of all lanes in strict order: runs of steps, each a bit behind the one before.
INLINE void try_strict(uint32_t steps, case_lanes *in) {
  uint64_t ends[FUNNEL_PLAIN_STEPS][PLAIN_CASES], runs[PLAIN_CASES];
  int64_t ms[PLAIN_CASES];
  for (uint32_t c = 0; c < PLAIN_CASES; c++) {
    uint64_t run = ends[0][c] = in->mark[0][c];
    runs[c] = 1;
    for (uint32_t s = 1; s < steps; s++) {
      run = ends[s][c] = run << 1 & in->mark[s][c];
      runs[c] += run != 0;
      in->end[c] = run != 0 ? lowest(run) : in->end[c];
    }
  }
  for (uint32_t c = 0; c < PLAIN_CASES; c++)
    ms[c] = since_ms(in, c, in->end[c]) - since_ms(in, c, in->end[c] >> (runs[c] - 1));
  for (uint32_t c = 0; c < PLAIN_CASES; c++) {
    in->depth[c] = runs[c];
    if (ms[c] > in->within_ms)
      strict_late(steps, in, ends, c);
    // A second event of its last step at one instant ends a chain: it stands behind what is left.
    in->shared[c] |= in->depth[c] > 1 && in->depth[c] < steps &&
                     (in->end[c] << 1 & in->again[c]) != 0;
  }
}

// Chains from their ends back, of each step the latest event.
INLINE void put_chains(uint32_t steps, bool strict, const case_lanes *in, const plain_case *cases,
                       uint32_t count, plain_chains *chains) {
  uint64_t end[FUNNEL_PLAIN_STEPS][PLAIN_CASES];
  for (uint32_t c = 0; c < PLAIN_CASES; c++) {
    uint64_t bit = in->end[c];
    for (uint32_t s = steps; s-- > 0;) {
      const uint64_t before = -(uint64_t)(s + 1 < in->depth[c]);
      const uint64_t earlier = strict ? bit >> 1 : highest(in->mark[s][c] & (bit - 1));
      bit = (earlier & before) | (bit & ~before);
      end[s][c] = bit;
    }
  }
  uint32_t to = chains->count;
  for (uint32_t c = 0; c < count; c++) {
    const int64_t base_ms = in->times->base_ms + in->times->start_s[cases[c].journey] * 1000;
    chains->journey[to] = cases[c].journey;
    chains->depth[to] = (uint32_t)in->depth[c];
    // Of events of one step at one instant the latest counts.
    const uint64_t last = strict ? last_of_instant(in->end[c], in->again[c]) : in->end[c];
    chains->last[to] = in->begin[c] + (uint32_t)__builtin_ctzll(last);
    for (uint32_t s = 0; s < steps; s++)
      chains->time_ms[s][to] = base_ms + since_ms(in, c, end[s][c]);
    to += !in->shared[c];
  }
  chains->count = to;
}

// Whether a later start may get deeper: only when a step was left out for being too late, and when
// the next step of all comes behind that start.
INLINE bool may_deepen(uint32_t steps, const case_lanes *in, const lane_try *now, uint32_t c) {
  const uint64_t next = in->depth[c] < steps ? in->mark[in->depth[c]][c] : 0;
  return (now->late[c] != 0) & ((next & above(lowest(in->starts[c]))) != 0);
}

// Finds the chains of all lanes in sequence. The first start that gets deepest ends the earliest.
INLINE void try_sequence(uint32_t steps, case_lanes *in, uint32_t count) {
  lane_try now;
  try_starts(steps, in, &now, 0, PLAIN_CASES);
  for (uint32_t c = 0; c < count; c++)
    while (may_deepen(steps, in, &now, c))
      try_starts(steps, in, &now, c, c + 1);
}

INLINE uint32_t add_chains(uint32_t steps, bool strict, const funnel_state *state,
                           const ds_stored_times *times, plain_case *cases, uint32_t count,
                           plain_chains *chains) {
  case_lanes in;
  in.times = times;
  in.within_ms = state->context->rules.within_ms;
  take_cases(steps, strict, state, cases, count, &in);
  if (strict)
    try_strict(steps, &in);
  else
    try_sequence(steps, &in, count);
  put_chains(steps, strict, &in, cases, count, chains);
  uint32_t left = 0;
  for (uint32_t c = 0; c < count; c++)
    if (in.shared[c])
      cases[left++] = cases[c];
  return left;
}

INLINE uint32_t add_ordered(uint32_t steps, const funnel_state *state,
                            const ds_stored_times *times, plain_case *cases, uint32_t count,
                            plain_chains *chains) {
  if (state->context->rules.order == FUNNEL_STRICT)
    return add_chains(steps, true, state, times, cases, count, chains);
  return add_chains(steps, false, state, times, cases, count, chains);
}

#if defined(__x86_64__)
// The same with wide instructions, and loops over the steps unrolled: by fifths faster.
__attribute__((target("avx2,bmi,bmi2"))) static uint32_t
add_chains_wide(const funnel_state *state, const ds_stored_times *times, plain_case *cases,
                uint32_t count, plain_chains *chains) {
  static_assert(FUNNEL_PLAIN_STEPS == 8, "each number of steps has its row");
  switch (state->context->rules.steps) {
  case 2: return add_ordered(2, state, times, cases, count, chains);
  case 3: return add_ordered(3, state, times, cases, count, chains);
  case 4: return add_ordered(4, state, times, cases, count, chains);
  case 5: return add_ordered(5, state, times, cases, count, chains);
  case 6: return add_ordered(6, state, times, cases, count, chains);
  case 7: return add_ordered(7, state, times, cases, count, chains);
  default: return add_ordered(FUNNEL_PLAIN_STEPS, state, times, cases, count, chains);
  }
}
#endif

uint32_t ds_funnel_plain_bits(const funnel_state *state, const ds_stored_times *times,
                              plain_case *cases, uint32_t count, plain_chains *chains) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("bmi2"))
    return add_chains_wide(state, times, cases, count, chains);
#endif
  return add_ordered(state->context->rules.steps, state, times, cases, count, chains);
}
