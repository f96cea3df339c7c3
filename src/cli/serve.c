// SPDX-License-Identifier: Apache-2.0
// The command `serve`: a store's dashboard and API over HTTP, until Ctrl-C.
#include <assert.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/embedded_dashboard.h"
#include "server/server.h"

enum { FILES_MAX = 16 };

// Opens what is to be served: the files of --data, read into their throw-away store, or the store.
static ds_code find_store(cli *run, const char **ret_path, ds_error *err) {
  bool exists = false;
  if (!cli_flag(run, "data")) {
    TRY(cli_find_store(run, false, &exists, err));
    *ret_path = run->store;
    return DS_OK;
  }
  TRY(cli_open_ask(run, err));
  *ret_path = run->ask->path;
  return DS_OK;
}

// The dashboard, as it was compiled in.
static void give_files(ds_server_file files[FILES_MAX], ds_server_options *options) {
  assert(ds_embedded_dashboard_count <= FILES_MAX);
  for (size_t f = 0; f < ds_embedded_dashboard_count; f++)
    files[f] = (ds_server_file){.name = ds_embedded_dashboard[f].name,
                                .bytes = ds_embedded_dashboard[f].bytes,
                                .size = ds_embedded_dashboard[f].size};
  options->files = files;
  options->files_count = (uint32_t)ds_embedded_dashboard_count;
}

ds_code cli_run_serve(cli *run, ds_error *err) {
  enum { TIMEOUT_S = 60, TIMEOUT_S_MAX = 86400, MS_PER_S = 1000 };
  ds_server_options options;
  ds_server *server = NULL;
  uint64_t timeout_s = 0;
  ds_server_file files[FILES_MAX];
  ds_server_options_init(&options);
  give_files(files, &options);
  TRY(cli_count(run, "timeout", TIMEOUT_S, &timeout_s, err));
  if (timeout_s == 0 || timeout_s > TIMEOUT_S_MAX)
    return ds_fail(err, DS_USAGE, "--timeout takes 1 to %d seconds", TIMEOUT_S_MAX);
  TRY(find_store(run, &options.store, err));
  if (cli_value(run, "listen") != NULL)
    options.listen = cli_value(run, "listen");
  options.key_file = cli_key_file();
  options.segments = cli_value(run, "segments");
  options.duckdb = cli_duckdb_path(run);
  options.threads = run->threads;
  options.memory_bytes = run->memory_bytes;
  options.timeout_ms = (uint32_t)timeout_s * MS_PER_S;
  options.progress = &run->progress;
  TRY(ds_server_new(&options, &server, err));
  cli_say(run, "listening on http://%s", ds_server_address(server));
  ds_server_run(server);
  ds_server_free(server);
  return DS_OK;
}
