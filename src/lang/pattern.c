// SPDX-License-Identifier: Apache-2.0
// See pattern.h.
#include "lang/pattern.h"

#include <assert.h>

#include "lang/case_pattern.h"

static_assert((int)DS_PATTERN_STATES == (int)PATTERN_STATES, "as many states as a pattern has");

static void take_selector(const lang_selector *from, ds_pattern *to, uint32_t *ret_number) {
  uint32_t s = 0;
  while (s < to->selectors && to->selector[s] != from->expression)
    s++;
  *ret_number = s;
  if (s < to->selectors)
    return;
  assert(s < DS_PATTERN_STATES);
  to->selector[s] = from->expression;
  to->text[s] = from->text;
  to->selectors++;
}

static void take(const lang_pattern *from, const ds_case_program *program, ds_pattern *to) {
  *to = (ds_pattern){.states = from->states, .steps = from->steps, .last = from->last,
                     .total_ms = from->total_ms, .at_start = from->at_start,
                     .at_end = from->at_end, .without = from->without.line > 0,
                     .without_line = from->without.line, .without_column = from->without.column};
  for (uint32_t s = 0; s < from->states; s++) {
    const lang_state *state = &from->state[s];
    to->state[s] = (ds_pattern_state){.step = state->step, .starts = state->starts,
                                      .within_ms = PATTERN_UNBOUND};
    if (state->ways > 0) {
      to->state[s].immediately = state->way[0].immediately;
      to->state[s].before = state->way[0].before;
      to->state[s].within_ms = state->way[0].within_ms;
    }
    take_selector(&program->selectors[state->selector], to, &to->state[s].selector);
  }
}

// Whoever goes through a pattern step by step wants one way into each of its states.
static ds_code check(const lang_pattern *pattern, ds_error *err) {
  bool uneven = false;
  for (uint32_t s = 0; s < pattern->states; s++)
    uneven |= pattern->state[s].ways > 1;
  return uneven ? ds_fail(err, DS_UNSUPPORTED, "a step that may follow others within different "
                          "times is no path to compare with: write one within for each step")
                : DS_OK;
}

static ds_code read_whole(ds_str text, const ds_schema *schema, ds_arena *arena,
                          ds_case_program **ret_program, lang_pattern **ret_read, ds_error *err) {
  if (text.size > DS_EXPRESSION_BYTES_MAX)
    return ds_fail(err, DS_LIMIT, "a pattern may have at most %u bytes", DS_EXPRESSION_BYTES_MAX);
  TRY(ds_case_program_new(schema, arena, ret_program, err));
  // The text is copied, because names and values point into it.
  char *copy = ds_arena_text(arena, text.data == NULL ? "" : text.data, text.size);
  if (copy == NULL)
    return ds_lang_no_memory(err);
  lang_parser in = {.lexer = ds_lexer_of((ds_str){copy, text.size}, arena),
                    .schema = &(*ret_program)->schema, .level = &(*ret_program)->level[0],
                    .arena = arena, .err = err};
  TRY(ds_lang_advance(&in));
  TRY(ds_lang_pattern_read(&in, ret_read));
  return in.token.kind == DS_TOKEN_END
             ? DS_OK
             : ds_lang_expected(&in, "then, within, $ or the end of the pattern");
}

ds_code ds_pattern_check(ds_str text, const ds_schema *schema, ds_arena *arena, ds_error *err) {
  ds_case_program *program = NULL;
  lang_pattern *read = NULL;
  return read_whole(text, schema, arena, &program, &read, err);
}

ds_code ds_pattern_parse(ds_str text, const ds_schema *schema, ds_arena *arena,
                         const ds_pattern **ret_pattern, ds_error *err) {
  ds_case_program *program = NULL;
  lang_pattern *read = NULL;
  TRY(read_whole(text, schema, arena, &program, &read, err));
  TRY(check(read, err));
  ds_pattern *pattern = ds_arena_alloc(arena, sizeof *pattern);
  if (pattern == NULL)
    return ds_lang_no_memory(err);
  take(read, program, pattern);
  *ret_pattern = pattern;
  return DS_OK;
}
