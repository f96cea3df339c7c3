// SPDX-License-Identifier: Apache-2.0
// Choosing cases by expressions about them (--cases, find EXPR), and the same as SQL.
#include "question/common.h"
#include "question/sql.h"

ds_code ds_plan_cases(const ds_request *request, const char *text, ds_plan *plan, ds_error *err) {
  ds_schema schema;
  ds_case_program *program = (ds_case_program *)(uintptr_t)plan->cases;
  uint32_t rule = 0;
  if (text == NULL || request->snapshot->events == 0)
    return DS_OK;
  TRY(ds_question_schema(request, &schema, err));
  if (program == NULL)
    TRY(ds_case_program_new(&schema, request->arena, &program, err));
  TRY(ds_case_program_add_condition(program, ds_str_of(text), &rule, err));
  if (plan->has_case)
    TRY(ds_case_program_check_cases(program, err));
  plan->cases = program;
  plan->now_ms = request->as_of_ms;
  return DS_OK;
}

ds_code ds_sql_put_met(const ds_plan *plan, const char *source, ds_buf *out, ds_error *err) {
  if (plan->cases == NULL)
    return DS_OK;
  // Within a statement of its own: a question may ask for facts of cases, too.
  ds_buf_printf(out, ", met AS (WITH asked AS (SELECT * FROM %s)", source);
  TRY(ds_case_sql(plan->cases, plan->now_ms, NULL, "asked", out, err));
  ds_buf_text(out, " SELECT customer, of_case FROM facts0 WHERE ");
  for (uint32_t r = 0; r < ds_case_program_rules(plan->cases); r++) {
    ds_buf_text(out, r == 0 ? "(" : " AND (");
    TRY(ds_case_rule_sql(plan->cases, r, out, err));
    ds_buf_text(out, ")");
  }
  ds_buf_text(out, ")");
  return DS_OK;
}
