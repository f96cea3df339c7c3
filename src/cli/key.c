// SPDX-License-Identifier: Apache-2.0
// The command `key`: the master key of what is sealed, and the API keys of who may ask the server.
#include "cli/cli.h"
#include "server/keys.h"
#include "store/vault.h"

// --- the master key

static ds_code rotate_key(cli *run, const char *file, ds_error *err) {
  ds_store *store = NULL;
  ds_vault *vault = NULL;
  TRY(cli_open_store(run, true, false, &store, err));
  ds_code code = ds_store_has_vault(store)
                     ? ds_store_vault(store, &vault, err)
                     : ds_fail(err, DS_USAGE, "this store has no keys: it holds nothing personal");
  if (code == DS_OK)
    code = ds_vault_rotate(vault, file, err);
  ds_store_close(store);
  if (code == DS_OK && file == NULL)
    cli_say(run, "%s/key is new; copies of the old one open nothing any more", run->store);
  else if (code == DS_OK)
    cli_say(run, "%s is the master key now: set DOORSTEP_KEY_FILE to it", file);
  return code;
}

static ds_code make_key(cli *run, const char *file, ds_error *err) {
  (void)run;
  if (file == NULL)
    return ds_fail(err, DS_USAGE, "key new: name the file to make");
  return ds_vault_make_key_file(ds_io_posix(), file, err);
}

// --- API keys

static ds_code find_store(cli *run, ds_error *err) {
  bool exists = false;
  return cli_find_store(run, false, &exists, err);
}

static ds_code add_key(cli *run, const char *name, ds_error *err) {
  char text[DS_API_KEY_BYTES + 1];
  if (name == NULL)
    return ds_fail(err, DS_USAGE, "key add: name who gets it, as in doorstep key add reporting");
  TRY(find_store(run, err));
  TRY(ds_api_key_add(ds_io_posix(), run->store, name, text, err));
  cli_say(run, "the API key '%s' is shown this once: Authorization: Bearer KEY", name);
  text[DS_API_KEY_BYTES - 1] = '\n';
  return cli_write(run, text, DS_API_KEY_BYTES, err);
}

static ds_code remove_key(cli *run, const char *name, ds_error *err) {
  if (name == NULL)
    return ds_fail(err, DS_USAGE, "key remove: name the key; doorstep key list tells them");
  TRY(find_store(run, err));
  TRY(ds_api_key_remove(ds_io_posix(), run->store, name, err));
  cli_say(run, "the API key '%s' opens nothing any more", name);
  return DS_OK;
}

static ds_code list_keys(cli *run, const char *name, ds_error *err) {
  static const ds_column columns[] = {
      {"name", DS_CELL_TEXT, "", "who has it", false},
      {"made", DS_CELL_TIME, "", "when it was made", false},
  };
  const ds_api_key *keys = NULL;
  uint32_t count = 0;
  if (name != NULL)
    return ds_fail(err, DS_USAGE, "key list takes no name");
  TRY(find_store(run, err));
  TRY(ds_api_keys_read(ds_io_posix(), run->store, &run->arena, &keys, &count, err));
  ds_result *result = (ds_result *)ds_arena_alloc(&run->arena, sizeof *result);
  if (result == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  ds_result_init(result, &run->arena, "key");
  result->definition = "API keys let programs and people beyond this machine ask doorstep serve. "
                       "Only a hash of each is kept.";
  ds_table *table = ds_result_table(result, "keys", "API keys", columns, 2);
  for (uint32_t k = 0; table != NULL && k < count; k++) {
    ds_cell *cells = ds_table_row(result, table);
    if (cells == NULL)
      break;
    cells[0] = ds_cell_text(result, ds_str_of(keys[k].name));
    cells[1] = ds_cell_i64(keys[k].made_ms);
  }
  if (table == NULL || run->arena.refused)
    return ds_fail(err, DS_MEMORY, "out of memory");
  return cli_show(run, result, err);
}

ds_code cli_run_key(cli *run, ds_error *err) {
  static const struct {
    const char *name;
    ds_code (*run)(cli *run, const char *argument, ds_error *err);
  } verbs[] = {
      {"add", add_key},   {"list", list_keys},    {"remove", remove_key},
      {"new", make_key},  {"rotate", rotate_key},
  };
  const char *what = run->arguments[0];
  const char *argument = run->arguments_count > 1 ? run->arguments[1] : NULL;
  for (size_t v = 0; v < sizeof verbs / sizeof *verbs; v++)
    if (strcmp(what, verbs[v].name) == 0)
      return verbs[v].run(run, argument, err);
  return ds_fail(err, DS_USAGE, "key %.60s: say add, list or remove for API keys, new or rotate "
                 "for the master key", what);
}
