// SPDX-License-Identifier: Apache-2.0
// explain: what an expression of the journey language means over a store.
#include "ask/explain.h"

#include "cli/cli.h"

ds_code cli_run_explain(cli *run, ds_error *err) {
  ds_request request;
  run->text = run->arguments[0];
  TRY(cli_open_ask(run, err));
  TRY(ds_ask_select(run->ask, NULL, 0, &run->arena, &request, err));
  if (cli_flag(run, "sql")) {
    ds_buf sql;
    ds_buf_init(&sql, 1u << 22);
    ds_code code = ds_explain_sql(&request, run->text, DS_EXPLAIN_ANY, &sql, err);
    if (code == DS_OK)
      code = cli_show_text(run, &sql, err);
    ds_buf_done(&sql);
    return code;
  }
  ds_result *result = (ds_result *)ds_arena_alloc(&run->arena, sizeof *result);
  if (result == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  ds_result_init(result, &run->arena, "explain");
  TRY(ds_explain(&request, run->text, DS_EXPLAIN_ANY, result, err));
  return cli_show(run, result, err);
}
