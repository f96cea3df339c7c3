// SPDX-License-Identifier: Apache-2.0
// Running a pattern over a case in one pass (case_pattern.h).
#include <assert.h>
#include <stdlib.h>

#include "base/resize.h"
#include "lang/case_pattern.h"

// A way in which a state was reached.
typedef struct live_pair {
  int64_t start_ms; // of the first step; 0 where nothing bounds the whole
  int64_t last_ms;
  uint32_t last;    // position
} live_pair;

// Absences that hold and that what follows waits for, by the instant at which each is taken.
typedef struct match_queue {
  live_pair *pair;
  uint32_t begin, end, capacity;
} match_queue;

// A pattern in one case.
typedef struct matching {
  const lang_line *line;
  const lang_pattern *pattern;
  uint32_t low, high;
  uint32_t first_any, last_any; // positions that ^ and $ mean, or DS_NONE
  uint32_t before;              // the position before the one at hand that counts for immediately
  uint32_t count[PATTERN_STATES];
  live_pair pair[PATTERN_STATES][PATTERN_PAIRS];
  match_queue queue[PATTERN_WAITING]; // of the absences that something follows, in their order
  bool met;
  int64_t next_ms; // when it is complete if nothing comes any more
} matching;

static bool has(const lang_line *line, uint32_t selector, uint32_t at) {
  return (line->bits[selector][at / 64] >> (at % 64) & 1) != 0;
}

static bool fits(const matching *m, const lang_way *way, const live_pair *pair, uint32_t at) {
  const int64_t time_ms = m->line->time_ms[at];
  if (way->immediately && m->before != DS_NONE && pair->last < m->before)
    return false;
  if (way->within_ms != PATTERN_UNBOUND && time_ms - pair->last_ms > way->within_ms)
    return false;
  return m->pattern->total_ms == PATTERN_UNBOUND ||
         time_ms - pair->start_ms <= m->pattern->total_ms;
}

// Of the ways through states of `way`, the one that began last; *taken when there is one.
static void take_way(const matching *m, const lang_way *way, uint32_t at, bool *taken,
                     live_pair *pair) {
  for (uint64_t rest = way->before; rest != 0; rest &= rest - 1) {
    const uint32_t b = (uint32_t)__builtin_ctzll(rest);
    for (uint32_t p = 0; p < m->count[b]; p++) {
      const live_pair *from = &m->pair[b][p];
      if (!fits(m, way, from, at) || (*taken && from->start_ms <= pair->start_ms))
        continue;
      pair->start_ms = from->start_ms;
      *taken = true;
    }
  }
}

// Of all ways in which the event takes the step, the one that began last.
static bool take(const matching *m, const lang_state *state, uint32_t at, live_pair *ret_pair) {
  const int64_t time_ms = m->line->time_ms[at];
  const bool whole = m->pattern->total_ms != PATTERN_UNBOUND;
  *ret_pair = (live_pair){whole ? time_ms : 0, time_ms, at};
  if (state->starts && (!m->pattern->at_start || at == m->first_any))
    return true;
  bool taken = false;
  for (uint32_t w = 0; w < state->ways && (whole || !taken); w++)
    take_way(m, &state->way[w], at, &taken, ret_pair);
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

static match_queue *queue_of(matching *m, uint32_t s) {
  return &m->queue[__builtin_popcountll(m->pattern->waiting & ((1ull << s) - 1))];
}

// Puts an absence that holds among those that are waited for. Where nothing is bound the one that
// ends first does for all.
static ds_code enqueue(matching *m, uint32_t s, const live_pair *pair, ds_error *err) {
  match_queue *queue = queue_of(m, s);
  const bool one = !m->pattern->bounded && m->pattern->total_ms == PATTERN_UNBOUND;
  if (one && m->count[s] > 0)
    return DS_OK;
  if (one && queue->begin < queue->end) {
    if (pair->last_ms < queue->pair[queue->begin].last_ms)
      queue->pair[queue->begin] = *pair;
    return DS_OK;
  }
  if (queue->end == queue->capacity) {
    const uint32_t capacity = queue->capacity * 2 + 64;
    if (!ds_resize(&queue->pair, capacity, sizeof *queue->pair))
      return ds_fail(err, DS_MEMORY, "out of memory for a pattern");
    queue->capacity = capacity;
  }
  uint32_t at = queue->end++;
  for (; at > queue->begin && queue->pair[at - 1].last_ms > pair->last_ms; at--)
    queue->pair[at] = queue->pair[at - 1];
  queue->pair[at] = *pair;
  return DS_OK;
}

// Whether the pattern may be complete with a step that was taken last at a position.
static bool may_end(const matching *m, uint32_t s, uint32_t at) {
  return (m->pattern->last >> s & 1) != 0 && (!m->pattern->at_end || at == m->last_any);
}

// The absences that follow state s, when they hold: each is taken at its end. `at` is the position
// of the last event that was taken.
static ds_code take_absences(matching *m, uint32_t s, const live_pair *pair, uint32_t at,
                             ds_error *err) {
  const lang_pattern *pattern = m->pattern;
  for (uint64_t rest = pattern->follow[s]; rest != 0; rest &= rest - 1) {
    const uint32_t n = (uint32_t)__builtin_ctzll(rest);
    const lang_state *state = &pattern->state[n];
    const int64_t end_ms = lang_shift(pair->last_ms, state->absent_ms);
    const uint32_t from = lang_later(m->line->time_ms, pair->last, m->high, pair->last_ms);
    const uint32_t until = lang_later(m->line->time_ms, from, m->high, end_ms);
    if ((pattern->total_ms != PATTERN_UNBOUND && end_ms - pair->start_ms > pattern->total_ms) ||
        lang_bits_first(m->line->bits[state->selector], from, until) != DS_NONE)
      continue;
    const live_pair held = {pair->start_ms, end_ms, until - 1};
    if (may_end(m, n, at) && end_ms <= m->line->now_ms)
      m->met = true;
    else if (may_end(m, n, at) && end_ms < m->next_ms)
      m->next_ms = end_ms;
    TRY(take_absences(m, n, &held, at, err));
    if ((pattern->waiting >> n & 1) != 0)
      TRY(enqueue(m, n, &held, err));
  }
  return DS_OK;
}

// What was waited for until before an instant is taken now.
static void end_absences(matching *m, int64_t time_ms) {
  for (uint64_t rest = m->pattern->waiting; rest != 0; rest &= rest - 1) {
    const uint32_t s = (uint32_t)__builtin_ctzll(rest);
    match_queue *queue = queue_of(m, s);
    while (queue->begin < queue->end && queue->pair[queue->begin].last_ms < time_ms)
      keep(m, s, &queue->pair[queue->begin++]);
    if (queue->begin == queue->end)
      queue->begin = queue->end = 0;
  }
}

// One event takes all the steps that it can, each from what was taken before it.
static ds_code take_event(matching *m, uint32_t at, ds_error *err) {
  live_pair pair[PATTERN_STATES];
  uint64_t taken = 0;
  end_absences(m, m->line->time_ms[at]);
  for (uint32_t s = 0; s < m->pattern->states; s++)
    if ((m->pattern->absent >> s & 1) == 0 && has(m->line, m->pattern->state[s].selector, at) &&
        take(m, &m->pattern->state[s], at, &pair[s]))
      taken |= 1ull << s;
  for (; taken != 0; taken &= taken - 1) {
    const uint32_t s = (uint32_t)__builtin_ctzll(taken);
    keep(m, s, &pair[s]);
    m->met |= may_end(m, s, at);
    TRY(take_absences(m, s, &pair[s], at, err));
  }
  return DS_OK;
}

// The events of 64 that some step means.
static uint64_t wanted(const matching *m, uint32_t from) {
  uint64_t bits = 0;
  for (uint32_t s = 0; s < m->pattern->states; s++)
    if ((m->pattern->absent >> s & 1) == 0)
      bits |= lang_bits_at(m->line->bits[m->pattern->state[s].selector], from, m->high - from);
  return bits;
}

// A plain pattern: of each step only the last that was taken matters (P2). An event takes the later
// steps first, so that none continues a step that it has just taken itself.
static bool holds_plain(const lang_line *line, const lang_pattern *pattern, uint32_t low,
                        uint32_t high) {
  const uint64_t *bits[PATTERN_STATES];
  int64_t last_ms[PATTERN_STATES];
  const uint32_t end = pattern->states - 1;
  for (uint32_t s = 0; s <= end; s++)
    bits[s] = line->bits[pattern->state[s].selector];
  low = lang_bits_first(bits[0], low, high);
  const uint32_t last = low == DS_NONE ? DS_NONE : lang_bits_last(bits[end], low, high);
  if (last == DS_NONE)
    return false;
  uint32_t reached = 0; // steps that were taken
  for (uint32_t from = low; from <= last; from += 64) {
    uint64_t wanted = 0;
    for (uint32_t s = 0; s <= end; s++)
      wanted |= lang_bits_at(bits[s], from, last + 1 - from);
    for (; wanted != 0; wanted &= wanted - 1) {
      const uint32_t at = from + (uint32_t)__builtin_ctzll(wanted);
      const int64_t time_ms = line->time_ms[at];
      for (uint32_t s = reached <= end ? reached : end;; s--) {
        const bool follows =
            s == 0 || time_ms - last_ms[s - 1] <= pattern->state[s].way[0].within_ms;
        if (follows && (bits[s][at / 64] >> (at % 64) & 1) != 0) {
          if (s == end)
            return true;
          last_ms[s] = time_ms;
          reached += s == reached;
        }
        if (s == 0)
          break;
      }
    }
  }
  return false;
}

static ds_code match(matching *m, const lang_line *line, const lang_fact *fact,
                     const lang_range *range, uint32_t c, ds_error *err) {
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
  for (uint32_t q = 0; q < PATTERN_WAITING; q++)
    m->queue[q].begin = m->queue[q].end = 0;
  for (uint32_t from = m->low; from < m->high && !m->met; from += 64)
    for (uint64_t bits = wanted(m, from); bits != 0 && !m->met; bits &= bits - 1) {
      const uint32_t at = from + (uint32_t)__builtin_ctzll(bits);
      m->before = m->pattern->bounded ? lang_bits_last(any, m->low, at) : DS_NONE;
      TRY(take_event(m, at, err));
    }
  return DS_OK;
}

static void match_done(matching *m) {
  for (uint32_t q = 0; q < PATTERN_WAITING; q++)
    free(m->queue[q].pair);
}

ds_code ds_lang_pattern_run(const lang_line *line, const lang_fact *fact, const lang_range *range,
                            lang_column *out, ds_error *err) {
  matching m;
  ds_code code = DS_OK;
  memset(m.queue, 0, sizeof m.queue);
  for (uint32_t c = 0; c < line->count && fact->pattern->plain; c++)
    out->i[c] = holds_plain(line, fact->pattern, range->low[c], range->high[c]);
  for (uint32_t c = 0; c < line->count && !fact->pattern->plain && code == DS_OK; c++) {
    code = match(&m, line, fact, range, c, err);
    out->i[c] = m.met;
  }
  match_done(&m);
  memset(out->present, 0xff, (line->count + 63) / 64 * sizeof *out->present);
  return code;
}

ds_code ds_lang_pattern_next(const lang_line *line, const lang_fact *fact, const lang_range *range,
                             uint32_t c, int64_t *ret_ms, ds_error *err) {
  matching m;
  memset(m.queue, 0, sizeof m.queue);
  const ds_code code = match(&m, line, fact, range, c, err);
  match_done(&m);
  *ret_ms = m.met ? INT64_MAX : m.next_ms;
  return code;
}
