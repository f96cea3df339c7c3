// SPDX-License-Identifier: Apache-2.0
// What a text means: an expression explained, and statements of SQL run.
#include "ask/explain.h"
#include "render/render.h"
#include "server/api.h"
#include "server/body.h"
#include "sql/sql.h"

// Rows of an answer to SQL, unless it says another number, and at most.
enum { SQL_ROWS = 1000, SQL_ROWS_MAX = 100000 };

static ds_code result_new(const ds_call *call, const char *name, ds_result **ret_result,
                          ds_error *err) {
  *ret_result = ds_arena_alloc(call->arena, sizeof **ret_result);
  if (*ret_result == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the answer");
  ds_result_init(*ret_result, call->arena, name);
  return DS_OK;
}

// What a text is asked of, without options.
static ds_code request_of(const ds_call *call, ds_request *ret_request, ds_error *err) {
  TRY(ds_ask_select(call->ask, NULL, 0, call->arena, ret_request, err));
  ret_request->threads = call->threads;
  ret_request->memory_bytes = call->memory_bytes;
  ret_request->progress = call->progress;
  return DS_OK;
}

static ds_code render(const ds_call *call, const ds_result *result, ds_reply *reply,
                      ds_error *err) {
  const ds_render_options options = {.columns = 0};
  reply->type = "application/json";
  if (call->arena->refused)
    return ds_fail(err, DS_MEMORY, "out of memory for the answer");
  return ds_render_json(result, &options, &reply->body, err);
}

ds_code ds_answer_explain(ds_call *call, ds_reply *reply, ds_error *err) {
  ds_body_member members[] = {{"expression", true, NULL}, {"kind", false, NULL}};
  ds_explain_kind kind = DS_EXPLAIN_ANY;
  ds_request request;
  ds_result *result = NULL;
  TRY(ds_body_read(call->request->body, call->arena, members, 2, err));
  if (members[1].text != NULL && !ds_explain_kind_of(members[1].text, &kind))
    return ds_fail(err, DS_USAGE, "kind: one of any, event, selector and case, not '%.60s'",
                   members[1].text);
  TRY(request_of(call, &request, err));
  TRY(result_new(call, "explain", &result, err));
  TRY(ds_explain(&request, members[0].text, kind, result, err));
  return render(call, result, reply, err);
}

static ds_code run_sql(const ds_call *call, const ds_request *request, const char *text,
                       uint32_t rows_max, ds_result *result, ds_error *err) {
  ds_plan plan;
  ds_schema schema;
  ds_sql *sql = NULL;
  TRY(ds_question_select(request, "sql", &plan, err));
  TRY(ds_question_schema(request, &schema, err));
  const ds_sql_options options = {
      .snapshot = request->snapshot,
      .plan = &plan,
      .schema = &schema,
      .now_ms = request->as_of_ms,
      .threads = request->threads,
      .memory_bytes = request->memory_bytes,
      .progress = request->progress,
      .library_path = call->ask->duckdb,
  };
  TRY(ds_sql_open(&options, &sql, err));
  result->as_of_ms = request->as_of_ms;
  result->definition = "";
  const ds_code code = ds_sql_run(sql, ds_str_of(text), rows_max, result, err);
  ds_sql_close(sql);
  return code;
}

ds_code ds_answer_sql(ds_call *call, ds_reply *reply, ds_error *err) {
  static const ds_question asker = {.name = "sql"};
  ds_body_member members[] = {{"statement", true, NULL}, {"limit", false, NULL}};
  ds_request request, asked;
  ds_snapshot view;
  ds_result *result = NULL;
  uint64_t limit = SQL_ROWS;
  TRY(ds_body_read(call->request->body, call->arena, members, 2, err));
  if (members[1].text != NULL && (!ds_str_to_u64(ds_str_of(members[1].text), &limit) ||
                                  limit == 0 || limit > SQL_ROWS_MAX))
    return ds_fail(err, DS_USAGE, "limit: a whole number from 1 to %d is expected", SQL_ROWS_MAX);
  TRY(request_of(call, &request, err));
  TRY(result_new(call, "sql", &result, err));
  TRY(ds_question_look_back(&asker, &request, &asked, &view, err));
  const ds_code code =
      run_sql(call, &asked, members[0].text, (uint32_t)limit, result, err);
  ds_question_look_ahead(&request, &asked);
  if (code == DS_EXPRESSION)
    reply->option = members[0].name;
  TRY(code);
  return render(call, result, reply, err);
}
