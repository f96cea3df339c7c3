// SPDX-License-Identifier: Apache-2.0
// See case_filters.h.
#include "question/case_filters.h"

#include <assert.h>

#include "lang/pattern.h"
#include "question/common.h"

// What the text of an option is.
typedef enum filter_takes { TAKES_SELECTOR, TAKES_PATTERN, TAKES_DURATION } filter_takes;

// A condition is what stands before the option's text, the text, and what stands behind it.
typedef struct case_filter {
  const char *option;
  filter_takes takes;
  const char *before;
  const char *behind;
} case_filter;

static const case_filter filters[] = {
    {"starts-with", TAKES_SELECTOR, "sequence(^ ", ")"},
    {"ends-with", TAKES_SELECTOR, "sequence(", " $)"},
    {"follows", TAKES_PATTERN, "sequence(", ")"},
    {"avoids", TAKES_PATTERN, "not sequence(", ")"},
    {"closed", TAKES_SELECTOR, "did(", ")"},
    {"open", TAKES_SELECTOR, "not did(", ")"},
    {"min-duration", TAKES_DURATION, "last(any) - first(any) >= ", ""},
    {"max-duration", TAKES_DURATION, "last(any) - first(any) <= ", ""},
};
enum { FILTERS = sizeof filters / sizeof *filters };
static_assert((uint32_t)FILTERS == (uint32_t)DS_CASE_FILTERS_COUNT, "a condition for each option");

bool ds_case_filters_given(const ds_option_set *options) {
  for (uint32_t f = 0; f < FILTERS; f++)
    if (ds_option_get(options, filters[f].option) != NULL)
      return true;
  return false;
}

// Names the option, and counts the position from the beginning of its own text.
static ds_code place_error(const case_filter *filter, const char *text, uint32_t shift,
                           ds_code code, ds_error *err) {
  const uint32_t end = (uint32_t)strlen(text) + 1;
  if (err != NULL && err->line == 1)
    err->column = err->column <= shift ? 1 : err->column - shift;
  if (err != NULL && err->line == 1 && err->column > end)
    err->column = end;
  return ds_fail_in(err, code, "--%s", filter->option);
}

// A text that is whole by itself cannot close the condition's brackets and go on.
static ds_code check_text(const ds_request *request, const case_filter *filter, const char *text,
                          ds_error *err) {
  ds_schema schema;
  const ds_expression *selector = NULL;
  int64_t ms = 0;
  if (filter->takes == TAKES_DURATION && !ds_str_to_duration_ms(ds_str_of(text), &ms))
    return ds_fail(err, DS_USAGE, "--%s %s: expected a duration, as in 3d or 36h", filter->option,
                   text);
  if (filter->takes == TAKES_DURATION)
    return DS_OK;
  TRY(ds_question_schema(request, &schema, err));
  const ds_code code =
      filter->takes == TAKES_SELECTOR
          ? ds_selector_parse(ds_str_of(text), &schema, request->arena, &selector, err)
          : ds_pattern_check(ds_str_of(text), &schema, request->arena, err);
  return code == DS_OK ? DS_OK : place_error(filter, text, 0, code, err);
}

ds_code ds_case_filters_add(const ds_request *request, ds_plan *plan, ds_error *err) {
  for (uint32_t f = 0; f < FILTERS && request->snapshot->events > 0; f++) {
    const case_filter *filter = &filters[f];
    const char *text = ds_option_get(&request->options, filter->option);
    if (text == NULL)
      continue;
    TRY(check_text(request, filter, text, err));
    ds_buf condition;
    ds_buf_init(&condition, 1u << 20);
    ds_buf_printf(&condition, "%s%s%s", filter->before, text, filter->behind);
    ds_code code = ds_buf_check(&condition, "an option", err);
    if (code == DS_OK)
      code = ds_plan_cases(request, ds_buf_cstr(&condition), plan, err);
    ds_buf_done(&condition);
    if (code != DS_OK)
      return place_error(filter, text, (uint32_t)strlen(filter->before), code, err);
  }
  return DS_OK;
}
