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
  *to = (ds_pattern){.states = from->states, .last = from->last, .total_ms = from->total_ms,
                     .at_start = from->at_start, .at_end = from->at_end,
                     .without = from->without != LANG_ABSENT,
                     .without_line = from->without_line,
                     .without_column = from->without_column};
  for (uint32_t s = 0; s < from->states; s++) {
    const lang_state *state = &from->state[s];
    to->state[s] = (ds_pattern_state){.step = state->step, .starts = state->starts,
                                      .immediately = state->immediately,
                                      .before = state->before, .within_ms = state->within_ms};
    take_selector(&program->selectors[state->selector], to, &to->state[s].selector);
    to->steps = state->step + 1;
  }
}

ds_code ds_pattern_parse(ds_str text, const ds_schema *schema, ds_arena *arena,
                         const ds_pattern **ret_pattern, ds_error *err) {
  ds_case_program *program = NULL;
  lang_pattern *read = NULL;
  if (text.size > DS_EXPRESSION_BYTES_MAX)
    return ds_fail(err, DS_LIMIT, "a pattern may have at most %u bytes", DS_EXPRESSION_BYTES_MAX);
  TRY(ds_case_program_new(schema, arena, &program, err));
  // The text is copied, because names and values point into it.
  char *copy = ds_arena_text(arena, text.data == NULL ? "" : text.data, text.size);
  ds_pattern *pattern = ds_arena_alloc(arena, sizeof *pattern);
  if (copy == NULL || pattern == NULL)
    return ds_lang_no_memory(err);
  lang_parser in = {.lexer = ds_lexer_of((ds_str){copy, text.size}, arena),
                    .schema = &program->schema, .level = &program->level[0], .arena = arena,
                    .err = err};
  TRY(ds_lang_advance(&in));
  TRY(ds_lang_pattern_read(&in, &read));
  if (in.token.kind != DS_TOKEN_END)
    return ds_lang_expected(&in, "then, within, $ or the end of the pattern");
  take(read, program, pattern);
  *ret_pattern = pattern;
  return DS_OK;
}
