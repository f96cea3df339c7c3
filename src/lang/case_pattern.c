// SPDX-License-Identifier: Apache-2.0
// The grammar of patterns:
//
//   pattern  [^] items [$] [within D total] [$]
//   items    item { then [immediately] item | then not S within D }
//   item     ( S | "(" items ")" ) [ + | * | ? | {m} | {m,n} | {m,} ] [within D]
#include "lang/case_pattern.h"

#include <math.h>
#include <string.h>

static bool is(const lang_parser *in, const char *word) { return ds_token_is(&in->token, word); }

static ds_code fail(lang_parser *in, const ds_token *at, ds_code code, const char *message) {
  return ds_fail_at(in->err, code, at->line, at->column, "%s", message);
}

static ds_code read_number(lang_parser *in, uint32_t *ret_number) {
  const ds_value *value = &in->token.value;
  if (in->token.kind != DS_TOKEN_LITERAL || value->type != DS_TYPE_NUMBER || value->number < 0 ||
      value->number > PATTERN_STATES || value->number != floor(value->number))
    return ds_lang_expected(in, "a whole number up to 64, as in delivered{2,3}");
  *ret_number = (uint32_t)value->number;
  return ds_lang_advance(in);
}

static ds_code read_braces(lang_parser *in, pattern_repeat *to) {
  const ds_token open = in->token;
  TRY(ds_lang_advance(in));
  TRY(read_number(in, &to->least));
  to->most = to->least;
  if (is(in, ",")) {
    TRY(ds_lang_advance(in));
    to->most = 0;
    if (is(in, "}"))
      return ds_lang_advance(in);
    TRY(read_number(in, &to->most));
  }
  if (to->most == 0 || to->most < to->least)
    return fail(in, &open, DS_EXPRESSION, "write how often, the less first: {2}, {2,3} or {2,}");
  return is(in, "}") ? ds_lang_advance(in) : ds_lang_expected(in, "} after how often");
}

static ds_code read_repeat(lang_parser *in, pattern_repeat *to) {
  static const struct {
    const char *sign;
    pattern_repeat means;
  } rows[] = {{"+", {1, 0}}, {"*", {0, 0}}, {"?", {0, 1}}};
  *to = (pattern_repeat){1, 1};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
    if (is(in, rows[r].sign)) {
      *to = rows[r].means;
      return ds_lang_advance(in);
    }
  return is(in, "{") ? read_braces(in, to) : DS_OK;
}

// within D, unless `total` follows: that bounds the whole.
static ds_code read_within(lang_parser *in, lang_pattern *pattern, int64_t *ret_ms) {
  int64_t ms = 0;
  if (!is(in, "within"))
    return DS_OK;
  const ds_token at = in->token;
  TRY(ds_lang_advance(in));
  TRY(ds_lang_duration(in, "a duration after within, as in within 7d", &ms));
  if (is(in, "total")) {
    pattern->total_ms = ms;
    return ds_lang_advance(in);
  }
  if (ret_ms == NULL)
    return fail(in, &at, DS_EXPRESSION, "within bounds the time from the step before, and here is "
                "none: write within 7d total for the whole");
  *ret_ms = ms;
  return DS_OK;
}

// Whether the bracket at hand opens a group of steps: what marks one stands in no selector.
static bool is_group(const lang_parser *in) {
  static const char *const signs[] = {"then", "within", "+", "*", "?", "{"};
  lang_parser ahead = *in;
  uint32_t round = 0, square = 0;
  ahead.err = NULL;
  if (!is(in, "("))
    return false;
  do {
    for (size_t s = 0; s < sizeof signs / sizeof *signs; s++)
      if (square == 0 && is(&ahead, signs[s]))
        return true;
    round += is(&ahead, "(");
    round -= is(&ahead, ")");
    square += is(&ahead, "[");
    square -= square > 0 && is(&ahead, "]");
  } while (round > 0 && ds_lang_advance(&ahead) == DS_OK && ahead.token.kind != DS_TOKEN_END);
  return false;
}

static ds_code read_items(lang_parser *in, lang_pattern *pattern, bool first,
                          pattern_item **ret_items);

// Notes where the first of its kind stands.
static void note_place(const ds_token *at, lang_place *to) {
  if (to->line == 0)
    *to = (lang_place){at->line, at->column};
}

// A step or a group; `first` tells that nothing can stand before it.
static ds_code read_item(lang_parser *in, lang_pattern *pattern, bool first, pattern_item *item) {
  if (is_group(in)) {
    const ds_token open = in->token;
    TRY(ds_lang_deeper(in));
    TRY(ds_lang_advance(in));
    TRY(read_items(in, pattern, false, &item->inside));
    if (!is(in, ")") && in->token.kind != DS_TOKEN_END)
      return ds_lang_expected(in, "then, within or ) in a group");
    TRY(ds_lang_close(in, &open, ")"));
    in->depth--;
  } else {
    TRY(ds_lang_fact_selector(in, &item->selector));
    item->step = pattern->steps++;
  }
  TRY(read_repeat(in, &item->often));
  return read_within(in, pattern, first && item->often.most == 1 ? NULL : &item->within_ms);
}

// not S within D.
static ds_code read_absence(lang_parser *in, lang_pattern *pattern, pattern_item *item) {
  note_place(&item->at, &pattern->without);
  TRY(ds_lang_advance(in));
  TRY(ds_lang_fact_selector(in, &item->selector));
  if (!is(in, "within"))
    return ds_lang_expected(in, "within, as in then not delivered within 2d");
  TRY(ds_lang_advance(in));
  return ds_lang_duration(in, "a duration after within", &item->absent_ms);
}

static ds_code read_items(lang_parser *in, lang_pattern *pattern, bool first,
                          pattern_item **ret_items) {
  pattern_item **next = ret_items;
  for (bool more = true; more;) {
    pattern_item *item = ds_arena_alloc(in->arena, sizeof *item);
    if (item == NULL)
      return ds_lang_no_memory(in->err);
    const bool behind = next != ret_items;
    *item = (pattern_item){.often = {1, 1}, .within_ms = PATTERN_UNBOUND};
    item->immediately = behind && is(in, "immediately");
    if (item->immediately)
      TRY(ds_lang_advance(in));
    item->at = in->token;
    TRY(behind && !item->immediately && is(in, "not")
            ? read_absence(in, pattern, item)
            : read_item(in, pattern, first && !behind, item));
    *next = item;
    next = &item->next;
    more = is(in, "then");
    if (more)
      TRY(ds_lang_advance(in));
  }
  return DS_OK;
}

// Whether more than PATTERN_PAIRS pairs could be live: through one chain of states newer ones
// always better older ones, so there are at most as many as ways to get there. What waits for an
// absence keeps pairs that nothing betters.
static bool is_too_wide(const lang_pattern *pattern) {
  uint32_t ways[PATTERN_STATES];
  if (!pattern->bounded || pattern->total_ms == PATTERN_UNBOUND)
    return false;
  if (pattern->waiting != 0)
    return true;
  for (uint32_t s = 0; s < pattern->states; s++) {
    uint64_t before = 0;
    for (uint32_t w = 0; w < pattern->state[s].ways; w++)
      before |= pattern->state[s].way[w].before;
    if (before >> s != 0)
      return true;
    ways[s] = pattern->state[s].starts;
    for (; before != 0; before &= before - 1)
      ways[s] += ways[__builtin_ctzll(before)];
    if (ways[s] > PATTERN_PAIRS)
      return true;
  }
  return false;
}

ds_code ds_lang_pattern(lang_parser *in, lang_pattern **ret_pattern) {
  const ds_token start = in->token;
  TRY(ds_lang_pattern_read(in, ret_pattern));
  if (is_too_wide(*ret_pattern))
    return fail(in, &start, DS_LIMIT, "the pattern could need more than 16 matches at a time: "
                "leave out within ... total, or the repetition, or then not in the middle");
  if (__builtin_popcountll((*ret_pattern)->waiting) > PATTERN_WAITING)
    return fail(in, &start, DS_LIMIT, "the pattern is too large: then not ... within D, with "
                "something behind it, may be there at most 4 times, repetitions counted");
  return DS_OK;
}

ds_code ds_lang_pattern_read(lang_parser *in, lang_pattern **ret_pattern) {
  lang_pattern *pattern = ds_arena_alloc(in->arena, sizeof *pattern);
  pattern_item *items = NULL;
  bool nullable = false;
  if (pattern == NULL)
    return ds_lang_no_memory(in->err);
  *pattern = (lang_pattern){.total_ms = PATTERN_UNBOUND, .any = LANG_ABSENT};
  const ds_token start = in->token;
  pattern->at_start = is(in, "^");
  if (pattern->at_start)
    TRY(ds_lang_advance(in));
  TRY(read_items(in, pattern, true, &items));
  pattern->at_end = is(in, "$");
  if (pattern->at_end)
    TRY(ds_lang_advance(in));
  TRY(read_within(in, pattern, NULL));
  if (!pattern->at_end && is(in, "$")) {
    pattern->at_end = true;
    TRY(ds_lang_advance(in));
  }
  TRY(ds_lang_automaton(in, pattern, items, &nullable));
  if (nullable)
    return fail(in, &start, DS_EXPRESSION, "the pattern is met by nothing at all: one step at "
                "least must be there, as in delivered+ in place of delivered*");
  if (!is(in, ")") && in->token.kind != DS_TOKEN_END)
    return ds_lang_expected(in, "then, within, $ or ) in a pattern");
  TRY(ds_lang_any_selector(in, &pattern->any));
  *ret_pattern = pattern;
  return DS_OK;
}

bool ds_lang_pattern_moves(const lang_pattern *pattern) {
  return (pattern->last & pattern->absent) != 0;
}

uint32_t ds_lang_pattern_selector(const lang_pattern *pattern, uint32_t index) {
  if (index < pattern->states)
    return pattern->state[index].selector;
  return index == pattern->states ? pattern->any : LANG_ABSENT;
}
