// SPDX-License-Identifier: Apache-2.0
// What was written as a pattern -> states and the ways between them: each step is a state as often
// as it can be taken, and where one part can end, the next can begin (Glushkov's construction, so
// no state stands for nothing).
#include "lang/case_pattern.h"

// A part of the automaton.
typedef struct fragment {
  uint64_t first; // states that it can begin with
  uint64_t last;  // and end with
  bool nullable;  // it can be left out
} fragment;

typedef struct automaton {
  lang_parser *in;
  lang_pattern *pattern;
  lang_way entry[PATTERN_STATES]; // how the fragment at hand is entered by a state
} automaton;

static ds_code fail(const automaton *a, const ds_token *at, ds_code code, const char *message) {
  return ds_fail_at(a->in->err, code, at->line, at->column, "%s", message);
}

static bool is_same(const lang_way *a, const lang_way *b) {
  return a->immediately == b->immediately && a->within_ms == b->within_ms;
}

// Behind the states of `before`, the fragment may begin.
static ds_code connect(automaton *a, uint64_t before, const fragment *to, const ds_token *at) {
  for (uint64_t rest = to->first; rest != 0; rest &= rest - 1) {
    const uint32_t s = (uint32_t)__builtin_ctzll(rest);
    lang_state *state = &a->pattern->state[s];
    uint32_t w = 0;
    while (w < state->ways && !is_same(&state->way[w], &a->entry[s]))
      w++;
    if (w == PATTERN_WAYS)
      return fail(a, at, DS_LIMIT, "the pattern is too large: a step can follow others in more "
                  "than 8 ways");
    if (w == state->ways)
      state->way[state->ways++] = (lang_way){0, a->entry[s].immediately, a->entry[s].within_ms};
    state->way[w].before |= before;
  }
  return DS_OK;
}

static ds_code build_all(automaton *a, const pattern_item *items, fragment *ret);

// A step, an absence or a group, taken once.
static ds_code build_once(automaton *a, const pattern_item *item, fragment *ret) {
  lang_pattern *pattern = a->pattern;
  if (item->inside != NULL) {
    TRY(build_all(a, item->inside, ret));
  } else {
    if (pattern->states == PATTERN_STATES)
      return fail(a, &item->at, DS_LIMIT, "the pattern is too large: all its steps, repeated as "
                  "often as they may be, are at most 64");
    const uint64_t bit = 1ull << pattern->states;
    a->entry[pattern->states] = (lang_way){.within_ms = PATTERN_UNBOUND};
    pattern->state[pattern->states++] =
        (lang_state){.selector = item->selector, .step = item->step, .absent_ms = item->absent_ms};
    pattern->absent |= item->absent_ms > 0 ? bit : 0;
    *ret = (fragment){bit, bit, false};
  }
  for (uint64_t rest = ret->first; rest != 0; rest &= rest - 1) {
    lang_way *entry = &a->entry[__builtin_ctzll(rest)];
    entry->immediately |= item->immediately;
    if (item->within_ms < entry->within_ms)
      entry->within_ms = item->within_ms;
  }
  pattern->bounded |= item->immediately || item->within_ms != PATTERN_UNBOUND;
  return DS_OK;
}

// An item as often as it can be taken, the last time again and again when there is no end to it.
static ds_code build_item(automaton *a, const pattern_item *item, fragment *ret) {
  const pattern_repeat often = item->often;
  const uint32_t count = often.most > 0 ? often.most : often.least > 0 ? often.least : 1;
  fragment all = {0, 0, often.least == 0};
  uint64_t ends = 0;
  for (uint32_t i = 1; i <= count; i++) {
    fragment one = {0, 0, false};
    TRY(build_once(a, item, &one));
    // What can be left out can be taken any number of times fewer.
    all.nullable |= one.nullable;
    if (i == 1)
      all.first = one.first;
    else
      TRY(connect(a, ends, &one, &item->at));
    if (i == count && often.most == 0)
      TRY(connect(a, one.last, &one, &item->at));
    if (i >= often.least || one.nullable)
      all.last |= one.last;
    ends = one.last;
  }
  *ret = all;
  return DS_OK;
}

// Items one behind the other.
static ds_code build_all(automaton *a, const pattern_item *items, fragment *ret) {
  fragment all = {0, 0, true};
  for (const pattern_item *item = items; item != NULL; item = item->next) {
    fragment one = {0, 0, false};
    if (item->absent_ms > 0 && all.nullable)
      return fail(a, &item->at, DS_EXPRESSION, "then not ... within D counts from the step before, "
                  "and that one may be left out: write delivered+ in place of delivered*");
    TRY(build_item(a, item, &one));
    TRY(connect(a, all.last, &one, &item->at));
    all.first |= all.nullable ? one.first : 0;
    all.last = one.nullable ? all.last | one.last : one.last;
    all.nullable = all.nullable && one.nullable;
  }
  *ret = all;
  return DS_OK;
}

// Which absences follow a state, and which something follows.
static void link_absences(lang_pattern *pattern) {
  for (uint32_t s = 0; s < pattern->states; s++)
    for (uint32_t w = 0; w < pattern->state[s].ways; w++) {
      uint64_t before = pattern->state[s].way[w].before;
      if ((pattern->absent >> s & 1) == 0)
        pattern->waiting |= before & pattern->absent;
      for (; before != 0 && (pattern->absent >> s & 1) != 0; before &= before - 1)
        pattern->follow[__builtin_ctzll(before)] |= 1ull << s;
    }
}

// What asks for nothing but steps one behind the other, and time between neighbours.
static bool is_plain(const lang_pattern *pattern) {
  bool plain = pattern->last == 1ull << (pattern->states - 1) && pattern->absent == 0 &&
               pattern->total_ms == PATTERN_UNBOUND && !pattern->at_start && !pattern->at_end;
  for (uint32_t s = 0; s < pattern->states; s++) {
    const lang_state *state = &pattern->state[s];
    const uint64_t before = s == 0 ? 0 : 1ull << (s - 1);
    plain = plain && state->starts == (s == 0) && state->ways == 1 &&
            state->way[0].before == before && !state->way[0].immediately;
  }
  return plain;
}

ds_code ds_lang_automaton(lang_parser *in, lang_pattern *pattern, const pattern_item *items,
                          bool *ret_nullable) {
  automaton a = {.in = in, .pattern = pattern};
  fragment all = {0, 0, false};
  TRY(build_all(&a, items, &all));
  for (uint32_t s = 0; s < pattern->states; s++)
    pattern->state[s].starts = (all.first >> s & 1) != 0;
  pattern->last = all.last;
  link_absences(pattern);
  pattern->plain = pattern->states > 0 && is_plain(pattern);
  *ret_nullable = all.nullable;
  return DS_OK;
}
