// SPDX-License-Identifier: Apache-2.0
// Every question of the question table as a command.
#include "cli/cli.h"
#include "insight/derive.h"

// Whether an option is a question's: of its own table, or of the questions' common one.
static bool is_of_question(const cli *run, const char *name) {
  const ds_option *tables[] = {run->question->options, ds_common_options};
  const uint32_t counts[] = {run->question->options_count, ds_common_options_count};
  for (uint32_t t = 0; t < 2; t++)
    for (uint32_t i = 0; i < counts[t]; i++)
      if (strcmp(tables[t][i].name, name) == 0)
        return true;
  return false;
}

// The options given that are the question's; those of the program are not its business.
static ds_option_set question_options(const cli *run, ds_option_value *values) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < run->values_count; i++) {
    if (is_of_question(run, run->values[i].name))
      values[count++] = run->values[i];
  }
  return (ds_option_set){.values = values, .count = count};
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

ds_code cli_look_around(cli *run, cli_surroundings *ret_around, ds_error *err) {
  cli_surroundings around = {.zone = NULL};
  ds_io *io = ds_io_posix();
  const char *folder = cli_flag(run, "data") ? run->data : run->store;
  TRY(ds_settings_read(io, folder, &run->arena, &around.settings, err));
  TRY(ds_settings_segments(io, folder, cli_value(run, "segments"), &run->arena, &around.segments,
                           &around.segments_count, err));
  const ds_str zone = ds_str_of(around.settings.time_zone);
  if (!ds_str_equal(zone, ds_str_of("UTC")))
    TRY(ds_zone_load(io, "/usr/share/zoneinfo", zone, &around.zone, err));
  *ret_around = around;
  return DS_OK;
}

static ds_code ask(cli *run, const ds_snapshot *snapshot, const cli_surroundings *around,
                   ds_error *err) {
  ds_io *io = ds_io_posix();
  ds_option_value values[CLI_VALUES_MAX];
  const ds_request request = {
      .snapshot = snapshot,
      .options = question_options(run, values),
      .catalogue = around->settings.catalogue,
      .zone = around->zone,
      .zone_name = around->settings.time_zone,
      .annotations = around->settings.annotations,
      .annotations_count = around->settings.annotations_count,
      .segments = around->segments,
      .segments_count = around->segments_count,
      .now_ms = io->ops->now_ms(io),
      .threads = run->threads,
      .memory_bytes = run->memory_bytes,
      .progress = &run->progress,
      .arena = &run->arena,
      .derive = ds_derive_plan,
      .tracking = &around->settings.tracking,
      .unsealer = cli_unsealer(run),
  };
  if (cli_flag(run, "sql"))
    return show_sql(run, &request, err);
  ds_result *result = (ds_result *)ds_arena_alloc(&run->arena, sizeof *result);
  if (result == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  ds_result_init(result, &run->arena, run->question->name);
  if (cli_streams(run))
    return cli_stream(run, &request, result, err);
  cli_progress_start(run);
  const ds_code code = ds_question_run(run->question, &request, result, err);
  cli_progress_end(run);
  TRY(code);
  TRY(cli_show(run, result, err));
  cli_say_unsealed(run);
  return DS_OK;
}

ds_code cli_run_question(cli *run, ds_error *err) {
  ds_snapshot *snapshot = NULL;
  cli_surroundings around = {.zone = NULL};
  TRY(cli_open_snapshot(run, &snapshot, err));
  ds_code code = cli_look_around(run, &around, err);
  if (code == DS_OK && cli_flag(run, "derive"))
    code = ds_derive_names(snapshot, err);
  if (code == DS_OK)
    code = ask(run, snapshot, &around, err);
  ds_zone_free(around.zone);
  ds_snapshot_free(snapshot);
  return code;
}
