// SPDX-License-Identifier: Apache-2.0
// Every question of the question table as a command.
#include "cli/cli.h"

// The options given that are the question's; those of the program are not its business.
static uint32_t question_options(const cli *run, ds_option_value *values) {
  uint32_t count = 0;
  const ds_option *option = NULL;
  for (uint32_t i = 0; i < run->values_count; i++)
    if (ds_question_option(run->question, run->values[i].name, &option, NULL) == DS_OK)
      values[count++] = run->values[i];
  return count;
}

static ds_code show_sql(cli *run, const ds_request *request, ds_error *err) {
  ds_buf text;
  ds_buf_init(&text, 1u << 20);
  ds_code code = ds_question_sql(run->question, request, &text, err);
  if (code == DS_OK && (text.size == 0 || text.data[text.size - 1] != '\n'))
    ds_buf_text(&text, "\n");
  if (code == DS_OK)
    code = ds_buf_check(&text, "the SQL text", err);
  if (code == DS_OK)
    code = cli_show_text(run, &text, err);
  ds_buf_done(&text);
  return code;
}

static ds_code ask(cli *run, ds_request *request, ds_error *err) {
  request->progress = &run->progress;
  if (cli_flag(run, "sql"))
    return show_sql(run, request, err);
  ds_result *result = (ds_result *)ds_arena_alloc(&run->arena, sizeof *result);
  if (result == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  ds_result_init(result, &run->arena, run->question->name);
  if (cli_streams(run))
    return cli_stream(run, request, result, err);
  cli_progress_start(run);
  const ds_code code = ds_question_run(run->question, request, result, err);
  cli_progress_end(run);
  TRY(code);
  TRY(cli_show(run, result, err));
  cli_say_unsealed(run);
  return DS_OK;
}

ds_code cli_run_question(cli *run, ds_error *err) {
  ds_option_value values[CLI_VALUES_MAX];
  const uint32_t count = question_options(run, values);
  ds_request request;
  TRY(cli_open_ask(run, err));
  TRY(ds_ask_request(run->ask, run->question, values, count, &run->arena, &request, err));
  ds_instants instants = {.count = 0};
  TRY(cli_features_instants(run, &request, &instants, err));
  const ds_code code = ask(run, &request, err);
  ds_instants_done(&instants);
  return code;
}
