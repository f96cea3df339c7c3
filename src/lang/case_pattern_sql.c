// SPDX-License-Identifier: Apache-2.0
// A pattern as SQL: which steps are reached by which events, from the first on by recursion. It
// states what a pattern means (docs/language.md), choice by choice, and not how we find it in one
// pass. Of each event it knows the instant `ms` and the place `pos` in its case; a row of `reached`
// is a state with the event that took it, or for an absence the event behind which it holds and the
// instant of its end.
#include "lang/case_pattern.h"
#include "lang/case_sql.h"

// Durations beyond the lengths of all timelines, which the sums of 64 of them keep within BIGINT.
#define PATTERN_SQL_MS_MAX 100000000000000000LL

typedef struct pattern_writer {
  const lang_case_writer *to;
  const lang_pattern *pattern;
  bool immediately, within; // some way asks for it
  bool looks;               // at the first, the last or the next of the events that count
  bool total;
  uint32_t ways;
} pattern_writer;

static void put(const pattern_writer *w, const char *text) { ds_buf_text(w->to->out, text); }

static void put_ms(const pattern_writer *w, int64_t ms) {
  ds_buf_printf(w->to->out, "%lld",
                (long long)(ms < PATTERN_SQL_MS_MAX ? ms : PATTERN_SQL_MS_MAX));
}

// Numbers of states: "0, 2".
static void put_states(const pattern_writer *w, uint64_t states) {
  for (const char *before = ""; states != 0; states &= states - 1, before = ", ")
    ds_buf_printf(w->to->out, "%s%d", before, __builtin_ctzll(states));
}

// Two events of one case.
static void put_same(const pattern_writer *w) {
  ds_lang_sql_each(w->to, "s.@ = r.@", " AND ");
}

static pattern_writer writer_of(const lang_case_writer *to, const lang_pattern *pattern) {
  pattern_writer w = {.to = to, .pattern = pattern,
                      .total = pattern->total_ms != PATTERN_UNBOUND};
  for (uint32_t s = 0; s < pattern->states; s++) {
    const lang_state *state = &pattern->state[s];
    for (uint32_t i = 0; i < state->ways && state->absent_ms == 0; i++) {
      // What begins the pattern has a way behind nothing.
      if (state->way[i].before == 0)
        continue;
      w.immediately |= state->way[i].immediately;
      w.within |= state->way[i].within_ms != PATTERN_UNBOUND;
      w.ways++;
    }
  }
  w.looks = pattern->at_start || pattern->at_end || w.immediately;
  return w;
}

// The events of each case in their order, with the states that they could take or, of an absence,
// break.
static ds_code put_placed(const pattern_writer *w) {
  const lang_pattern *pattern = w->pattern;
  put(w, "placed AS (SELECT ");
  ds_lang_sql_case(w->to);
  put(w, ", epoch_ms(time) AS ms, row_number() OVER (PARTITION BY ");
  ds_lang_sql_case(w->to);
  put(w, " ORDER BY time, arrival) AS pos, ");
  if (w->looks)
    TRY(ds_lang_sql_selector(w->to, pattern->any));
  put(w, w->looks ? " AS counts, flatten([" : "flatten([");
  for (uint32_t s = 0; s < pattern->states; s++) {
    uint64_t same = 0;
    for (uint32_t other = 0; other < pattern->states; other++)
      if (pattern->state[other].selector == pattern->state[s].selector)
        same |= 1ull << other;
    // The first of those with one selector says it for all.
    if ((same & ((1ull << s) - 1)) != 0)
      continue;
    put(w, s == 0 ? "CASE WHEN " : ", CASE WHEN ");
    TRY(ds_lang_sql_selector(w->to, pattern->state[s].selector));
    put(w, " THEN [");
    put_states(w, same);
    put(w, "] ELSE []::INTEGER[] END");
  }
  put(w, "]) AS states FROM ");
  ds_lang_sql_source(w->to);
  put(w, ")");
  return DS_OK;
}

// One row per event and state, with what ^, $ and `immediately` ask for: they look at the events
// that count.
static void put_steps(const pattern_writer *w) {
  put(w, ", steps AS (SELECT * EXCLUDE (states), unnest(states) AS state FROM ");
  put(w, w->looks ? "(SELECT *" : "placed)");
  if (!w->looks)
    return;
  if (w->pattern->at_start)
    put(w, ", pos = min(pos) FILTER (counts) OVER whole AS begins");
  if (w->pattern->at_end)
    put(w, ", pos = max(pos) FILTER (counts) OVER whole AS ends");
  if (w->immediately)
    put(w, ", max(pos) FILTER (counts) OVER past AS past_pos, max(ms) FILTER (counts) OVER past "
           "AS past_ms");
  put(w, " FROM placed WINDOW whole AS (PARTITION BY ");
  ds_lang_sql_case(w->to);
  put(w, "), past AS (PARTITION BY ");
  ds_lang_sql_case(w->to);
  put(w, " ORDER BY pos ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)))");
}

// ", ways(before, state, …) AS (VALUES …)": how a step can follow others.
static void put_ways(const pattern_writer *w) {
  const char *before = "";
  put(w, ", ways(before, state, immediately, within_ms) AS (VALUES ");
  for (uint32_t s = 0; s < w->pattern->states; s++) {
    const lang_state *state = &w->pattern->state[s];
    for (uint32_t i = 0; i < state->ways && state->absent_ms == 0; i++)
      for (uint64_t rest = state->way[i].before; rest != 0; rest &= rest - 1) {
        ds_buf_printf(w->to->out, "%s(%d, %u, %s, ", before, __builtin_ctzll(rest), (unsigned)s,
                      state->way[i].immediately ? "true" : "false");
        if (state->way[i].within_ms == PATTERN_UNBOUND)
          put(w, "NULL");
        else
          put_ms(w, state->way[i].within_ms);
        put(w, ")");
        before = ", ";
      }
  }
  put(w, ")");
}

// ", absences(before, state, lasts_ms) AS (VALUES …)"
static void put_absences(const pattern_writer *w) {
  const char *before = "";
  put(w, ", absences(before, state, lasts_ms) AS (VALUES ");
  for (uint32_t b = 0; b < w->pattern->states; b++)
    for (uint64_t rest = w->pattern->follow[b]; rest != 0; rest &= rest - 1) {
      const uint32_t s = (uint32_t)__builtin_ctzll(rest);
      ds_buf_printf(w->to->out, "%s(%u, %u, ", before, (unsigned)b, (unsigned)s);
      put_ms(w, w->pattern->state[s].absent_ms);
      put(w, ")");
      before = ", ";
    }
  put(w, ")");
}

// The steps that events take behind what was reached.
static void put_followed(const pattern_writer *w) {
  put(w, "SELECT ");
  ds_lang_sql_each(w->to, "s.@", ", ");
  put(w, ", s.state, s.pos, s.ms");
  put(w, w->pattern->at_end ? ", s.ends" : "");
  put(w, w->total ? ", r.start_ms" : "");
  put(w, " FROM reached r JOIN ways w ON w.before = r.state JOIN steps s ON ");
  put_same(w);
  put(w, " AND s.state = w.state AND s.pos > r.pos");
  if (w->pattern->absent != 0) {
    put(w, " AND (r.state NOT IN (");
    put_states(w, w->pattern->absent);
    put(w, ") OR s.ms > r.ms)");
  }
  if (w->within)
    put(w, " AND (w.within_ms IS NULL OR s.ms - r.ms <= w.within_ms)");
  if (w->immediately) {
    put(w, " AND (NOT w.immediately OR s.past_pos IS NULL OR s.past_pos <= r.pos");
    if (w->pattern->absent != 0) {
      put(w, " OR (r.state IN (");
      put_states(w, w->pattern->absent);
      put(w, ") AND s.past_ms <= r.ms)");
    }
    put(w, ")");
  }
  if (w->total) {
    put(w, " AND s.ms - r.start_ms <= ");
    put_ms(w, w->pattern->total_ms);
  }
}

// The absences that hold behind what was reached.
static void put_held(const pattern_writer *w) {
  put(w, "SELECT ");
  ds_lang_sql_each(w->to, "r.@", ", ");
  put(w, ", a.state, r.pos, r.ms + a.lasts_ms");
  put(w, w->pattern->at_end ? ", r.ends" : "");
  put(w, w->total ? ", r.start_ms" : "");
  put(w, " FROM reached r JOIN absences a ON a.before = r.state WHERE ");
  if (w->total) {
    put(w, "r.ms + a.lasts_ms - r.start_ms <= ");
    put_ms(w, w->pattern->total_ms);
    put(w, " AND ");
  }
  put(w, "NOT EXISTS (SELECT 1 FROM steps s WHERE ");
  put_same(w);
  put(w, " AND s.state = a.state AND s.ms > r.ms AND s.ms <= r.ms + a.lasts_ms)");
}

static void put_reached(const pattern_writer *w) {
  uint64_t starts = 0;
  for (uint32_t s = 0; s < w->pattern->states; s++)
    starts |= w->pattern->state[s].starts ? 1ull << s : 0;
  put(w, ", reached AS (SELECT ");
  ds_lang_sql_case(w->to);
  put(w, ", state, pos, ms");
  put(w, w->pattern->at_end ? ", ends" : "");
  put(w, w->total ? ", ms AS start_ms" : "");
  put(w, " FROM steps WHERE state IN (");
  put_states(w, starts);
  put(w, w->pattern->at_start ? ") AND begins" : ")");
  if (w->ways > 0 || w->pattern->absent != 0)
    put(w, " UNION (");
  if (w->ways > 0)
    put_followed(w);
  if (w->ways > 0 && w->pattern->absent != 0)
    put(w, " UNION ALL ");
  if (w->pattern->absent != 0)
    put_held(w);
  put(w, w->ways > 0 || w->pattern->absent != 0 ? "))" : ")");
}

ds_code ds_lang_pattern_sql(const lang_case_writer *to, uint32_t fact) {
  const lang_pattern *pattern = to->level->facts[fact]->pattern;
  const pattern_writer w = writer_of(to, pattern);
  ds_buf_printf(to->out, ", pattern%u_%u AS (WITH RECURSIVE ", (unsigned)to->level->number,
                (unsigned)fact);
  TRY(put_placed(&w));
  put_steps(&w);
  if (w.ways > 0)
    put_ways(&w);
  if (pattern->absent != 0)
    put_absences(&w);
  put_reached(&w);
  put(&w, " SELECT DISTINCT ");
  ds_lang_sql_case(to);
  put(&w, ", true AS met FROM reached WHERE state IN (");
  put_states(&w, pattern->last);
  put(&w, ")");
  if ((pattern->last & pattern->absent) != 0) {
    put(&w, " AND ms <= ");
    ds_lang_sql_now(to);
  }
  put(&w, pattern->at_end ? " AND ends)" : ")");
  return DS_OK;
}
