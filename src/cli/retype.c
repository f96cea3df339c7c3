// SPDX-License-Identifier: Apache-2.0
// Commands that write the store's events anew: retype, upgrade.
#include <unistd.h>

#include "cli/cli.h"
#include "store/backup.h"
#include "store/retype.h"

// Cuts TOUCHPOINT.PROPERTY where both sides are names of the space; both may have dots.
static ds_code read_name(const ds_space *space, const char *text, ds_retype *retype,
                         ds_error *err) {
  for (const char *dot = strchr(text, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
    retype->touchpoint = (ds_str){text, (uint32_t)(dot - text)};
    retype->property = ds_str_of(dot + 1);
    if (ds_names_find(&space->touchpoints, retype->touchpoint) != DS_NONE &&
        ds_names_find(&space->properties, retype->property) != DS_NONE)
      return DS_OK;
  }
  if (strchr(text, '.') == NULL)
    return ds_fail(err, DS_USAGE, "retype takes TOUCHPOINT.PROPERTY, as order_placed.value, not "
                   "'%.100s'", text);
  return ds_fail(err, DS_EXPRESSION, "the store has no '%.100s'; doorstep schema lists touchpoints "
                 "and their properties", text);
}

static ds_code read_type(const char *text, ds_type *ret_type, ds_error *err) {
  if (ds_type_declared(ds_str_of(text), ret_type))
    return DS_OK;
  return ds_fail(err, DS_USAGE, "there is no type '%.100s': number, string, bool, time, date or "
                 "duration", text);
}

static void say_counts(cli *run, const ds_retype_counts *counts, ds_type type, bool dry_run) {
  char already[32], converted[32], texts[32];
  cli_say(run, "%s: %s value%s %s of type %s; already so: %s; kept as text: %s",
          run->arguments[0], ds_human_count(converted, counts->converted),
          counts->converted == 1 ? "" : "s",
          dry_run ? "would be" : counts->converted == 1 ? "is now" : "are now",
          ds_type_name(type), ds_human_count(already, counts->already),
          ds_human_count(texts, counts->texts));
  if (counts->sealed > 0)
    cli_say(run, "%s personal values stay sealed as they are",
            ds_human_count(texts, counts->sealed));
}

static ds_code count_only(cli *run, ds_store *store, ds_retype *retype, ds_retype_counts *counts,
                          ds_error *err) {
  ds_snapshot *snapshot = NULL;
  TRY(ds_store_snapshot(store, &snapshot, err));
  ds_code code = read_name(&snapshot->space, run->arguments[0], retype, err);
  if (code == DS_OK)
    code = ds_snapshot_retype(snapshot, retype, counts, err);
  ds_snapshot_free(snapshot);
  return code;
}

ds_code cli_run_retype(cli *run, ds_error *err) {
  ds_retype retype = {.type = DS_TYPE_NULL};
  ds_retype_counts counts = {0};
  ds_store *store = NULL;
  const bool dry_run = cli_flag(run, "dry-run");
  TRY(read_type(run->arguments[1], &retype.type, err));
  TRY(cli_open_store(run, !dry_run, false, &store, err));
  cli_progress_start(run);
  ds_code code = DS_OK;
  if (dry_run)
    code = count_only(run, store, &retype, &counts, err);
  else
    code = read_name(ds_store_names(store), run->arguments[0], &retype, err);
  if (code == DS_OK && !dry_run)
    code = ds_store_retype(store, &retype, &run->progress, &counts, err);
  cli_progress_end(run);
  ds_store_close(store);
  if (code == DS_INTERRUPTED)
    return ds_fail(err, code, "stopped; nothing was changed");
  TRY(code);
  say_counts(run, &counts, retype.type, dry_run);
  return DS_OK;
}

// Removes what an upgrade put aside.
static ds_code confirm(cli *run, const char *old, ds_error *err) {
  bool is = false;
  TRY(ds_is_backup(ds_io_posix(), old, &is, err));
  if (!is)
    return ds_fail(err, DS_MISSING, "there is nothing to confirm: no %.300s", old);
  cli_cache_remove(old);
  if (access(old, F_OK) == 0)
    return ds_fail(err, DS_IO, "%.300s could not be removed whole", old);
  cli_say(run, "removed %s", old);
  return DS_OK;
}

// The store as it is becomes a backup of second names, which take no space; then its parts are
// written anew.
static ds_code upgrade(cli *run, ds_store *store, const char *old, ds_error *err) {
  ds_backup_result kept;
  bool is = false;
  TRY(ds_is_backup(ds_store_io(store), old, &is, err));
  if (is)
    return ds_fail(err, DS_USAGE, "%.300s is there from an upgrade before: upgrade --confirm "
                   "removes it", old);
  TRY(ds_store_backup(store, old, true, false, &run->progress, &kept, err));
  return ds_store_renew(store, &run->progress, err);
}

ds_code cli_run_upgrade(cli *run, ds_error *err) {
  char old[DS_PATH_BYTES_MAX + 8];
  bool exists = false;
  TRY(cli_find_store(run, false, &exists, err));
  snprintf(old, sizeof old, "%s.old", run->store);
  if (cli_flag(run, "confirm"))
    return confirm(run, old, err);
  ds_store *store = NULL;
  TRY(cli_open_store(run, true, false, &store, err));
  const bool current = ds_store_is_current(store);
  ds_code code = DS_OK;
  if (!current) {
    cli_progress_start(run);
    code = upgrade(run, store, old, err);
    cli_progress_end(run);
  }
  ds_store_close(store);
  TRY(code);
  if (current)
    cli_say(run, "%s: nothing to do, all of it is of this program's format", run->store);
  else
    cli_say(run, "%s: upgraded; as it was it is kept in %s, until upgrade --confirm", run->store,
            old);
  return DS_OK;
}
