// SPDX-License-Identifier: Apache-2.0
// Commands that copy a store: backup, restore.
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "store/backup.h"

// Whether a folder lies in another, or is to be made there.
static bool lies_in(const char *folder, const char *other) {
  char outer[PATH_MAX], inner[PATH_MAX], above[DS_PATH_BYTES_MAX];
  snprintf(above, sizeof above, "%s", folder);
  if (realpath(other, outer) == NULL ||
      (realpath(folder, inner) == NULL && realpath(dirname(above), inner) == NULL))
    return false; // whoever opens them says what is wrong
  const size_t size = strlen(outer);
  return strncmp(inner, outer, size) == 0 && (inner[size] == '/' || inner[size] == '\0');
}

static void say_done(cli *run, const char *verb, const char *folder,
                     const ds_backup_result *result) {
  char events[32], bytes[32];
  cli_say(run, "%s %s events to %s: %s in %u part%s and a log", verb,
          ds_human_count(events, result->events), folder,
          ds_human_bytes(bytes, result->bytes), result->parts, result->parts == 1 ? "" : "s");
}

ds_code cli_run_backup(cli *run, ds_error *err) {
  ds_store *store = NULL;
  ds_backup_result result = {0};
  const char *folder = run->arguments[0];
  TRY(cli_open_store(run, false, false, &store, err));
  if (lies_in(folder, run->store)) {
    ds_store_close(store);
    return ds_fail(err, DS_USAGE, "%.300s lies in the store, and would be lost with it: name a "
                   "folder elsewhere", folder);
  }
  cli_progress_start(run);
  const ds_code code = ds_store_backup(store, folder, cli_flag(run, "link"),
                                       cli_flag(run, "with-keys"), &run->progress, &result, err);
  cli_progress_end(run);
  ds_store_close(store);
  if (code == DS_INTERRUPTED)
    return ds_fail(err, code, "stopped; %.300s is not finished: back up to it again", folder);
  TRY(code);
  say_done(run, "backed up", folder, &result);
  if (result.keys != DS_VAULT_COPIED_NONE)
    cli_say(run, "with the keys of personal values: destroy this copy within 30 days of an "
            "erasure");
  if (result.keys == DS_VAULT_COPIED_LOCKED)
    cli_say(run, "but not with the master key, which is not in the store: without it these keys "
            "open nothing");
  if (result.parts_kept + result.parts_linked > 0) {
    char bytes[32];
    cli_say(run, "copied %s; %u part%s there before, %u linked",
            ds_human_bytes(bytes, result.bytes_copied), result.parts_kept,
            result.parts_kept == 1 ? " was" : "s were", result.parts_linked);
  }
  return DS_OK;
}

// Opened to write once, the store is rid of who was erased since the backup was made; unless its
// keys are those of another.
static ds_code open_once(cli *run, const ds_backup_result *result, ds_error *err) {
  ds_store *store = NULL;
  ds_vault *vault = NULL;
  TRY(cli_open_store(run, true, false, &store, err));
  const ds_code code = result->has_vault ? ds_store_vault(store, &vault, err) : DS_OK;
  ds_store_close(store);
  return code;
}

ds_code cli_run_restore(cli *run, ds_error *err) {
  ds_backup_result result = {0};
  TRY(cli_new_store(run, err));
  cli_progress_start(run);
  const ds_code code = ds_store_restore(ds_io_posix(), run->arguments[0], run->store,
                                        cli_value(run, "keys"), &run->progress, &result, err);
  cli_progress_end(run);
  if (code == DS_INTERRUPTED)
    return ds_fail(err, code, "stopped; remove %.300s before another try", run->store);
  TRY(code);
  say_done(run, "restored", run->store, &result);
  if (!result.has_vault || result.keys != DS_VAULT_COPIED_NONE)
    return open_once(run, &result, err);
  cli_say(run, "personal values stay sealed, and who was erased since is in it, until "
          "keys.sqlite and key of the store are put into %s", run->store);
  return DS_OK;
}
