// SPDX-License-Identifier: Apache-2.0
// Commands that keep the store: init, check, seal, compact.
#include "cli/cli.h"
#include "ingest/settings.h"

ds_code cli_run_init(cli *run, ds_error *err) {
  if (run->arguments_count == 1) {
    // A folder named as argument is the same as --store.
    if (cli_value(run, "store") != NULL)
      return ds_fail(err, DS_USAGE, "init takes a folder or --store, not both");
    run->values[run->values_count++] = (ds_option_value){"store", run->arguments[0]};
  }
  TRY(cli_new_store(run, err));
  ds_store *store = NULL;
  TRY(cli_open_store(run, true, true, &store, err));
  const ds_code code = ds_settings_write_example(ds_store_io(store), run->store, err);
  ds_store_close(store);
  return code;
}

// Where the problems that a check finds go.
typedef struct problems {
  cli *run;
  uint64_t count;
  ds_code code;
} problems;

static void show_problem(void *context, const char *line) {
  problems *found = (problems *)context;
  cli_progress_end(found->run);
  found->count++;
  if (found->code == DS_OK)
    found->code = cli_write(found->run, line, strlen(line), NULL);
  if (found->code == DS_OK)
    found->code = cli_write(found->run, "\n", 1, NULL);
}

ds_code cli_run_check(cli *run, ds_error *err) {
  ds_store *store = NULL;
  TRY(cli_open_store(run, false, false, &store, err));
  cli_progress_start(run);
  problems found = {.run = run};
  ds_code code = ds_store_check(store, show_problem, &found, &run->progress, err);
  cli_progress_end(run);
  ds_store_close(store);
  if (code == DS_NO)
    return ds_fail(err, DS_NO, "%s: %llu problem%s found", run->store,
                   (unsigned long long)found.count, found.count == 1 ? "" : "s");
  if (code == DS_OK)
    cli_say(run, "%s: all is well", run->store);
  return code;
}

ds_code cli_run_seal(cli *run, ds_error *err) {
  ds_store *store = NULL;
  TRY(cli_open_store(run, true, false, &store, err));
  const ds_code code = ds_store_seal(store, err);
  ds_store_close(store);
  return code;
}

static const char *plural(uint64_t count) { return count == 1 ? "" : "s"; }

void cli_say_unmerged(cli *run, const ds_error *why) {
  cli_say(run, "merging parts did not succeed: %s. The store is as it was; `doorstep compact` "
          "tries again", why->message);
}

static void say_expired(cli *run, const ds_upkeep *before, const ds_upkeep *after) {
  char removed[32];
  if (after->retention_ms != before->retention_ms)
    cli_say(run, "events removed because their period of retention is over: %s",
            ds_human_count(removed, after->retention_removed - before->retention_removed));
}

void cli_merge_due(cli *run, ds_store *store) {
  ds_error err = {.code = DS_OK};
  ds_upkeep before = {0}, after = {0};
  if (!ds_store_get_options(store)->compact)
    return;
  ds_code code = ds_store_upkeep(store, &run->arena, &before, &err);
  cli_progress_start(run);
  if (code == DS_OK)
    code = ds_store_merge_due(store, &run->progress, &err);
  cli_progress_end(run);
  if (code == DS_OK)
    code = ds_store_upkeep(store, &run->arena, &after, &err);
  if (code == DS_INTERRUPTED)
    cli_say(run, "stopped merging parts; all events are in, and `doorstep compact` merges them");
  else if (code != DS_OK)
    cli_say_unmerged(run, &err);
  else
    say_expired(run, &before, &after);
}

// What became of the store's runs and parts, and of events past their periods.
static void say_compacted(cli *run, const ds_upkeep *before, const ds_upkeep *after) {
  char was[32], is[32];
  uint32_t parts_was = 0, parts_is = 0;
  for (uint32_t i = 0; i < before->runs_count; i++)
    parts_was += before->runs[i].parts;
  for (uint32_t i = 0; i < after->runs_count; i++)
    parts_is += after->runs[i].parts;
  if (after->compactions == before->compactions) {
    cli_say(run, "%s: there was nothing to merge", run->store);
    return;
  }
  cli_say(run, "%s: %s part%s in %u run%s became %s part%s", run->store,
          ds_human_count(was, parts_was), plural(parts_was), before->runs_count,
          plural(before->runs_count), ds_human_count(is, parts_is), plural(parts_is));
  say_expired(run, before, after);
}

static ds_code compact(cli *run, ds_store *store, ds_error *err) {
  ds_settings settings;
  ds_upkeep before, after;
  TRY(ds_settings_read(ds_store_io(store), run->store, &run->arena, &settings, err));
  TRY(ds_store_set_retention(store, &settings.retention, err));
  TRY(ds_store_seal(store, err));
  TRY(ds_store_upkeep(store, &run->arena, &before, err));
  cli_progress_start(run);
  const ds_code code = ds_store_compact(store, &run->progress, err);
  cli_progress_end(run);
  TRY(code);
  TRY(ds_store_upkeep(store, &run->arena, &after, err));
  say_compacted(run, &before, &after);
  return DS_OK;
}

ds_code cli_run_compact(cli *run, ds_error *err) {
  ds_store *store = NULL;
  TRY(cli_open_store(run, true, false, &store, err));
  const ds_code code = compact(run, store, err);
  ds_store_close(store);
  return code;
}
