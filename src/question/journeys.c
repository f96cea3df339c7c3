// SPDX-License-Identifier: Apache-2.0
// Journeys are made of what customer, company and carriers do. The system's own facts (a segment
// entered, a flag exposed) re-enter as events, and are left out here for every question that goes
// through journeys. A store without such facts pays nothing: the names are looked up once.
#include "model/identifier.h"
#include "question/case_filters.h"
#include "question/common.h"

// Marks the fact whose property --by names, as in exposure.variant. A property by itself names no
// fact: who has it depends on what is seen.
static void mark_by(const ds_request *request, uint8_t *named) {
  const char *by = ds_option_get(&request->options, "by");
  const char *dot = by == NULL ? NULL : strchr(by, '.');
  if (dot == NULL)
    return;
  const uint32_t of = ds_names_find(&request->snapshot->space.touchpoints,
                                    (ds_str){by, (uint32_t)(dot - by)});
  if (of != DS_NONE)
    named[of] = 1;
}

// Marks the touchpoints that the rules of a program (NULL: none) speak of.
static void mark_rules(const ds_case_program *program, uint8_t *marks) {
  for (uint32_t r = 0; program != NULL && r < ds_case_program_rules(program); r++)
    ds_case_rule_touchpoints(program, r, marks);
}

ds_code ds_plan_leave_facts(const ds_request *request, const uint8_t *named, ds_plan *plan,
                            ds_error *err) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  uint8_t *kept = ds_arena_array(request->arena, names->count + 1u, sizeof *kept);
  uint32_t left_out = 0;
  if (kept == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
  for (uint32_t t = 0; t < names->count; t++) {
    kept[t] = !ds_is_own_fact(names->text[t]) || (named != NULL && named[t] != 0);
    left_out += !kept[t];
  }
  if (left_out == 0)
    return DS_OK;
  ds_schema schema;
  TRY(ds_question_schema(request, &schema, err));
  mark_by(request, kept);
  uint8_t *asked = ds_arena_array(request->arena, names->count + 1u, sizeof *asked);
  if (asked == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
  mark_rules(plan->cases, asked);
  bool any_hidden = false;
  for (uint32_t t = 0; t < names->count; t++) {
    asked[t] = asked[t] != 0 && kept[t] == 0;
    any_hidden = any_hidden || asked[t];
    kept[t] = kept[t] || asked[t];
  }
  plan->hidden = any_hidden ? asked : NULL;
  return ds_expression_within(plan->where, kept, &schema, request->arena, &plan->where, err);
}

ds_code ds_plan_leave_unnamed(const ds_request *request, const ds_expression *const *expressions,
                              uint32_t count, ds_plan *plan, ds_error *err) {
  uint8_t *named = ds_arena_array(request->arena,
                                  request->snapshot->space.touchpoints.count + 1u, sizeof *named);
  if (named == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
  if (plan->where != NULL)
    ds_expression_named(plan->where, named);
  for (uint32_t x = 0; x < count; x++)
    if (expressions[x] != NULL)
      ds_expression_named(expressions[x], named);
  return ds_plan_leave_facts(request, named, plan, err);
}

ds_code ds_plan_leave_unasked(const ds_request *request, const ds_expression *expression,
                              const ds_case_program *program, ds_plan *plan, ds_error *err) {
  uint8_t *named = ds_arena_array(request->arena,
                                  request->snapshot->space.touchpoints.count + 1u, sizeof *named);
  if (named == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
  if (plan->where != NULL)
    ds_expression_named(plan->where, named);
  if (expression != NULL)
    ds_expression_named(expression, named);
  mark_rules(program, named);
  return ds_plan_leave_facts(request, named, plan, err);
}

ds_code ds_plan_leave_links(const ds_request *request, ds_plan *plan, ds_error *err) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  uint8_t *named = ds_arena_array(request->arena, names->count + 1u, sizeof *named);
  if (named == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
  for (uint32_t t = 0; t < names->count; t++)
    named[t] = !ds_is_knowledge(names->text[t]);
  mark_rules(plan->cases, named);
  return ds_plan_leave_facts(request, named, plan, err);
}

ds_code ds_journey_plan(const ds_request *request, ds_plan *ret_plan, ds_error *err) {
  TRY(ds_question_plan(request, ret_plan, err));
  TRY(ds_case_filters_add(request, ret_plan, err));
  return ds_plan_leave_facts(request, NULL, ret_plan, err);
}

void ds_question_note_facts(const ds_request *request, const ds_plan *plan, ds_result *result) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  ds_buf text;
  ds_buf_init(&text, 1024);
  for (uint32_t t = 0; plan->where != NULL && t < names->count; t++)
    if (ds_is_own_fact(names->text[t]) && !ds_is_knowledge(names->text[t]) &&
        (!ds_expression_can_mean(plan->where, (uint16_t)t) ||
         (plan->hidden != NULL && plan->hidden[t] != 0)))
      ds_buf_printf(&text, "%s%.*s", text.size == 0 ? "" : ", ", DS_STR(names->text[t]));
  if (text.size > 0)
    ds_result_note(result, false, "Left out, because they are Doorstep's own facts and no steps of "
                   "a journey: %s.", ds_buf_cstr(&text));
  ds_buf_tell(&text, result->arena);
  ds_buf_done(&text);
}
