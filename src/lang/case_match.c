// SPDX-License-Identifier: Apache-2.0
// Running a pattern over a case in one pass (case_pattern.h).
#include <assert.h>

#include "lang/case_pattern.h"

// A way in which a state was reached.
typedef struct live_pair {
  int64_t start_ms; // of the first step; 0 where nothing bounds the whole
  int64_t last_ms;
  uint32_t last;    // position
} live_pair;

// A pattern in one case.
typedef struct matching {
  const lang_line *line;
  const lang_pattern *pattern;
  uint32_t low, high;
  uint32_t first_any, last_any; // positions that ^ and $ mean, or DS_NONE
  uint32_t before;              // the position before the one at hand that counts for immediately
  uint32_t count[PATTERN_STATES];
  live_pair pair[PATTERN_STATES][PATTERN_PAIRS];
  bool met;
  int64_t next_ms; // when it is complete if nothing comes any more
} matching;

static bool has(const lang_line *line, uint32_t selector, uint32_t at) {
  return (line->bits[selector][at / 64] >> (at % 64) & 1) != 0;
}

static bool fits(const matching *m, const lang_state *state, const live_pair *pair, uint32_t at) {
  const int64_t time_ms = m->line->time_ms[at];
  if (state->immediately && m->before != DS_NONE && pair->last < m->before)
    return false;
  if (state->within_ms != PATTERN_UNBOUND && time_ms - pair->last_ms > state->within_ms)
    return false;
  return m->pattern->total_ms == PATTERN_UNBOUND ||
         time_ms - pair->start_ms <= m->pattern->total_ms;
}

// Of all ways in which the event takes the step, the one that began last.
static bool take(const matching *m, const lang_state *state, uint32_t at, live_pair *ret_pair) {
  const int64_t time_ms = m->line->time_ms[at];
  const bool whole = m->pattern->total_ms != PATTERN_UNBOUND;
  *ret_pair = (live_pair){whole ? time_ms : 0, time_ms, at};
  if (state->starts && (!m->pattern->at_start || at == m->first_any))
    return true;
  bool taken = false;
  for (uint64_t rest = state->before; rest != 0; rest &= rest - 1) {
    const uint32_t b = (uint32_t)__builtin_ctzll(rest);
    for (uint32_t p = 0; p < m->count[b]; p++) {
      const live_pair *pair = &m->pair[b][p];
      if (!fits(m, state, pair, at) || (taken && pair->start_ms <= ret_pair->start_ms))
        continue;
      ret_pair->start_ms = pair->start_ms;
      taken = true;
      if (!whole)
        return true;
    }
  }
  return taken;
}

// Keeps what nothing else betters.
static void keep(matching *m, uint32_t s, const live_pair *pair) {
  live_pair *of = m->pair[s];
  uint32_t kept = 0;
  // Where no step is bound to the one before, the one that began last is the best for ever.
  if (!m->pattern->bounded && m->count[s] > 0 && of[0].start_ms > pair->start_ms)
    return;
  for (uint32_t p = 0; p < m->count[s]; p++)
    if (of[p].start_ms > pair->start_ms)
      of[kept++] = of[p];
  assert(kept < PATTERN_PAIRS);
  of[kept++] = *pair;
  m->count[s] = kept;
}

// What the last step completes, at once or when nothing unwanted follows.
static void complete(matching *m, const live_pair *pair) {
  const lang_pattern *pattern = m->pattern;
  if (pattern->at_end && pair->last != m->last_any)
    return;
  if (pattern->without == LANG_ABSENT) {
    m->met = true;
    return;
  }
  const int64_t end_ms = lang_shift(pair->last_ms, pattern->without_ms);
  if (pattern->total_ms != PATTERN_UNBOUND && end_ms - pair->start_ms > pattern->total_ms)
    return;
  const uint32_t from = lang_later(m->line->time_ms, pair->last, m->high, pair->last_ms);
  const uint32_t until = lang_later(m->line->time_ms, from, m->high, end_ms);
  if (lang_bits_first(m->line->bits[pattern->without], from, until) != DS_NONE)
    return;
  if (end_ms <= m->line->now_ms)
    m->met = true;
  else if (end_ms < m->next_ms)
    m->next_ms = end_ms;
}

// One event takes all the steps that it can; later states first, so that it takes no two in a row.
static void take_event(matching *m, uint32_t at) {
  for (uint32_t s = m->pattern->states; s-- > 0;) {
    live_pair pair;
    if (!has(m->line, m->pattern->state[s].selector, at) ||
        !take(m, &m->pattern->state[s], at, &pair))
      continue;
    keep(m, s, &pair);
    if ((m->pattern->last >> s & 1) != 0)
      complete(m, &pair);
  }
}

// The events of 64 that some step means.
static uint64_t wanted(const matching *m, uint32_t from) {
  uint64_t bits = 0;
  for (uint32_t s = 0; s < m->pattern->states; s++)
    bits |= lang_bits_at(m->line->bits[m->pattern->state[s].selector], from, m->high - from);
  return bits;
}

static void match(matching *m, const lang_line *line, const lang_fact *fact,
                  const lang_range *range, uint32_t c) {
  const uint64_t *any = line->bits[fact->pattern->any];
  m->line = line;
  m->pattern = fact->pattern;
  m->low = range->low[c];
  m->high = range->high[c];
  m->first_any = lang_bits_first(any, m->low, m->high);
  m->last_any = lang_bits_last(any, m->low, m->high);
  m->met = false;
  m->next_ms = INT64_MAX;
  memset(m->count, 0, m->pattern->states * sizeof *m->count);
  for (uint32_t from = m->low; from < m->high && !m->met; from += 64)
    for (uint64_t bits = wanted(m, from); bits != 0 && !m->met; bits &= bits - 1) {
      const uint32_t at = from + (uint32_t)__builtin_ctzll(bits);
      m->before = m->pattern->bounded ? lang_bits_last(any, m->low, at) : DS_NONE;
      take_event(m, at);
    }
}

ds_code ds_lang_pattern_run(const lang_line *line, const lang_fact *fact, const lang_range *range,
                            lang_column *out, ds_error *err) {
  (void)err;
  matching m;
  for (uint32_t c = 0; c < line->count; c++) {
    match(&m, line, fact, range, c);
    out->i[c] = m.met;
  }
  memset(out->present, 0xff, (line->count + 63) / 64 * sizeof *out->present);
  return DS_OK;
}

int64_t ds_lang_pattern_next(const lang_line *line, const lang_fact *fact,
                             const lang_range *range, uint32_t c) {
  matching m;
  match(&m, line, fact, range, c);
  return m.met ? INT64_MAX : m.next_ms;
}
