// SPDX-License-Identifier: Apache-2.0
// The grammar of patterns:
//
//   pattern  [^] step { then [immediately] step [within D] } [then not S within D] [$]
//            [within D total]
//   step     S [ + | * | ? | {m} | {m,n} | {m,} ]
#include "lang/case_pattern.h"

#include <math.h>
#include <string.h>

// What was read so far.
typedef struct pattern_reader {
  lang_parser *in;
  lang_pattern *pattern;
  uint64_t ends;     // states that the next step can follow
  bool begins;       // the next step can be the first
  uint32_t steps;
} pattern_reader;

// How often a step is taken: [least, most], most 0 = without end.
typedef struct repeat {
  uint32_t least;
  uint32_t most;
} repeat;

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

static ds_code read_braces(lang_parser *in, repeat *to) {
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

static ds_code read_repeat(lang_parser *in, repeat *to) {
  static const struct {
    const char *sign;
    repeat means;
  } rows[] = {{"+", {1, 0}}, {"*", {0, 0}}, {"?", {0, 1}}};
  *to = (repeat){1, 1};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
    if (is(in, rows[r].sign)) {
      *to = rows[r].means;
      return ds_lang_advance(in);
    }
  return is(in, "{") ? read_braces(in, to) : DS_OK;
}

// Adds the states of a step: one for each time that it can be taken, the last one again and again
// when there is no end to it.
static ds_code step_add(pattern_reader *reader, const ds_token *at, lang_state step, repeat often) {
  lang_pattern *pattern = reader->pattern;
  const uint32_t count = often.most > 0 ? often.most : often.least > 0 ? often.least : 1;
  uint64_t exits = 0;
  if (pattern->states + count > PATTERN_STATES)
    return fail(reader->in, at, DS_LIMIT, "the pattern is too large: all its steps, repeated as "
                "often as they may be, are at most 64");
  for (uint32_t i = 1; i <= count; i++) {
    lang_state *state = &pattern->state[pattern->states];
    *state = step;
    state->step = reader->steps;
    state->starts = i == 1 && reader->begins;
    state->before = i == 1 ? reader->ends : 1ull << (pattern->states - 1);
    if (i == count && often.most == 0)
      state->before |= 1ull << pattern->states;
    if (i >= often.least)
      exits |= 1ull << pattern->states;
    pattern->states++;
  }
  pattern->bounded |= step.immediately || step.within_ms != PATTERN_UNBOUND;
  reader->ends = often.least == 0 ? reader->ends | exits : exits;
  reader->begins = reader->begins && often.least == 0;
  reader->steps++;
  return DS_OK;
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

static ds_code read_step(pattern_reader *reader, bool immediately) {
  lang_parser *in = reader->in;
  const ds_token at = in->token;
  lang_state step = {.immediately = immediately, .within_ms = PATTERN_UNBOUND};
  repeat often;
  TRY(ds_lang_fact_selector(in, &step.selector));
  TRY(read_repeat(in, &often));
  const bool first = reader->steps == 0 && often.most == 1;
  TRY(read_within(in, reader->pattern, first ? NULL : &step.within_ms));
  return step_add(reader, &at, step, often);
}

// not S within D, behind the last step.
static ds_code read_without(pattern_reader *reader) {
  lang_parser *in = reader->in;
  reader->pattern->without_line = in->token.line;
  reader->pattern->without_column = in->token.column;
  TRY(ds_lang_advance(in));
  TRY(ds_lang_fact_selector(in, &reader->pattern->without));
  if (!is(in, "within"))
    return ds_lang_expected(in, "within, as in then not delivered within 2d");
  TRY(ds_lang_advance(in));
  TRY(ds_lang_duration(in, "a duration after within", &reader->pattern->without_ms));
  if (is(in, "then"))
    return fail(in, &in->token, DS_EXPRESSION, "then not ... within D stands last: nothing can "
                "follow what did not happen");
  return DS_OK;
}

// Whether more than PATTERN_PAIRS pairs could be live: through one chain of states newer ones
// always better older ones, so there are at most as many as ways to get there.
static bool is_too_wide(const lang_pattern *pattern) {
  uint32_t ways[PATTERN_STATES];
  if (!pattern->bounded || pattern->total_ms == PATTERN_UNBOUND)
    return false;
  for (uint32_t s = 0; s < pattern->states; s++) {
    ways[s] = pattern->state[s].starts;
    if ((pattern->state[s].before >> s & 1) != 0)
      return true;
    for (uint32_t b = 0; b < s; b++)
      ways[s] += (pattern->state[s].before >> b & 1) != 0 ? ways[b] : 0;
    if (ways[s] > PATTERN_PAIRS)
      return true;
  }
  return false;
}

static ds_code read_end(pattern_reader *reader, const ds_token *start) {
  lang_parser *in = reader->in;
  lang_pattern *pattern = reader->pattern;
  if (is(in, "$")) {
    pattern->at_end = true;
    TRY(ds_lang_advance(in));
  }
  TRY(read_within(in, pattern, NULL));
  pattern->last = reader->ends;
  if (reader->begins)
    return fail(in, start, DS_EXPRESSION, "the pattern is met by nothing at all: one step at least "
                "must be there, as in delivered+ in place of delivered*");
  if (!is(in, ")") && in->token.kind != DS_TOKEN_END)
    return ds_lang_expected(in, "then, within, $ or ) in a pattern");
  return DS_OK;
}

ds_code ds_lang_pattern(lang_parser *in, lang_pattern **ret_pattern) {
  const ds_token start = in->token;
  TRY(ds_lang_pattern_read(in, ret_pattern));
  return !is_too_wide(*ret_pattern)
             ? DS_OK
             : fail(in, &start, DS_LIMIT, "the pattern could need more than 16 matches at a time: "
                    "leave out within ... total, or the repetition");
}

ds_code ds_lang_pattern_read(lang_parser *in, lang_pattern **ret_pattern) {
  lang_pattern *pattern = ds_arena_alloc(in->arena, sizeof *pattern);
  if (pattern == NULL)
    return ds_lang_no_memory(in->err);
  *pattern = (lang_pattern){.total_ms = PATTERN_UNBOUND, .any = LANG_ABSENT,
                            .without = LANG_ABSENT};
  pattern_reader reader = {.in = in, .pattern = pattern, .begins = true};
  const ds_token start = in->token;
  if (is(in, "^")) {
    pattern->at_start = true;
    TRY(ds_lang_advance(in));
  }
  TRY(read_step(&reader, false));
  while (is(in, "then") && pattern->without == LANG_ABSENT) {
    TRY(ds_lang_advance(in));
    const bool immediately = is(in, "immediately");
    if (immediately)
      TRY(ds_lang_advance(in));
    TRY(is(in, "not") && !immediately ? read_without(&reader) : read_step(&reader, immediately));
  }
  TRY(read_end(&reader, &start));
  TRY(ds_lang_any_selector(in, &pattern->any));
  *ret_pattern = pattern;
  return DS_OK;
}

uint32_t ds_lang_pattern_selector(const lang_pattern *pattern, uint32_t index) {
  if (index < pattern->states)
    return pattern->state[index].selector;
  if (index == pattern->states)
    return pattern->any;
  return index == pattern->states + 1 ? pattern->without : LANG_ABSENT;
}
