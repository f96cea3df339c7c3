// SPDX-License-Identifier: Apache-2.0
// The fast path of the usual funnel (funnel_plain.c), in parts: chains of many cases by words of
// bits (funnel_bits.c), the chain of a case by a walk from hit to hit (funnel_walk.c), and chains
// counted many at once. Private to question/. May use base/ to scan/. Invariant: both find the same
// chain as funnel_chain.h, or leave the case to it.
#ifndef DS_QUESTION_FUNNEL_PLAIN_H
#define DS_QUESTION_FUNNEL_PLAIN_H

#include <string.h>

#include "question/funnel.h"

// So many bits fit a word that begins at any byte; journeys looked at and chains counted at once.
enum {
  PLAIN_CHUNK = 57,
  PLAIN_CASES = 16,
  PLAIN_CHAINS = 128
};

// Chains that were found. Times are by step, those of steps that were not reached mean nothing.
typedef struct plain_chains {
  uint32_t count;
  uint32_t journey[PLAIN_CHAINS];
  uint32_t depth[PLAIN_CHAINS];
  uint32_t last[PLAIN_CHAINS]; // event of the block, of the last step that was reached
  int64_t time_ms[FUNNEL_PLAIN_STEPS][PLAIN_CHAINS];
} plain_chains;

// A case of the block of which the first step is at event `begin`; the other events are its own.
typedef struct plain_case {
  uint32_t journey;
  uint32_t first, begin, end;
} plain_case;

// Adds the chains of cases whose times are stored, in sequence and with no other rule than the
// window; cases that cannot be told by words of bits come back at the head of `cases`, so many.
// There is room for all chains.
uint32_t ds_funnel_plain_bits(const funnel_state *state, const ds_stored_times *times,
                              plain_case *cases, uint32_t count, plain_chains *chains);

// Walks a case of any rules: adds its chain if it has one. False: the case must go the way of all
// funnels. `times` NULL: time_ms of the block is there.
bool ds_funnel_plain_walk(const funnel_state *state, const ds_block *block,
                          const ds_stored_times *times, const plain_case *of,
                          plain_chains *chains);

// The bits of `count` <= PLAIN_CHUNK events from `first` on.
static inline uint64_t plain_window(const uint64_t *bits, uint32_t first, uint32_t count) {
  uint64_t word;
  memcpy(&word, (const uint8_t *)bits + first / 8, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#error "bits are read bytewise: the lowest byte comes first"
#endif
  return word >> (first % 8) & ((1ull << count) - 1);
}

// The same of the first `steps` steps together.
static inline uint64_t plain_marked(const funnel_state *state, uint32_t steps, uint32_t first,
                                    uint32_t count) {
  uint64_t bits = 0;
  for (uint32_t s = 0; s < steps; s++)
    bits |= plain_window(state->marks + (size_t)s * state->mark_words, first, count);
  return bits;
}

// The instant of event e of a case that begins at event `first` of journey j.
static inline int64_t plain_stored_ms(const ds_stored_times *times, uint32_t j, uint32_t first,
                                      uint32_t e) {
  const uint32_t seconds = times->second[e] - times->second[first];
  return times->base_ms + (times->start_s[j] + (int64_t)seconds) * 1000 +
         (times->millis == NULL ? 0 : times->millis[e]);
}

#endif
