// SPDX-License-Identifier: Apache-2.0
// The server of a store: routes, answers and the dashboard's files over http.h. It prints nothing;
// what it is given of the dashboard is a table of files, so the library does not need them. May use
// everything below floor 9, and server/.
#ifndef DS_SERVER_SERVER_H
#define DS_SERVER_SERVER_H

#include "server/http.h"

// A file of the dashboard, as tools/embed.py makes them; bytes[size] is zero.
typedef struct ds_server_file {
  const char *name; // "index.html"
  const unsigned char *bytes;
  size_t size;
} ds_server_file;

// What is served, and how. Texts must outlive the server.
typedef struct ds_server_options {
  const char *listen; // "127.0.0.1:8787"
  const char *store;
  const char *key_file; // as in ds_store_options
  const char *segments; // as in ds_ask_options
  const char *duckdb;   // likewise
  const ds_server_file *files; // "index.html" stands for every path that is no other file
  uint32_t files_count;
  uint32_t threads;     // of one question
  size_t memory_bytes;  // of everything together; 0 = a store's default
  uint32_t timeout_ms;  // of one request
  uint32_t idle_ms;     // of a connection between two requests, and for sending one
  uint32_t connections_max;
  ds_progress *progress; // ends it when it is stopped
} ds_server_options;

// Fills in the defaults.
void ds_server_options_init(ds_server_options *options);

typedef struct ds_server ds_server;

// Opens the store and listens; nothing is answered yet. The caller frees it.
DS_CHECKED ds_code ds_server_new(const ds_server_options *options, ds_server **ret_server,
                                 ds_error *err);
void ds_server_free(ds_server *server);

// Where it listens, as "127.0.0.1:8787".
const char *ds_server_address(const ds_server *server);

// Serves until it is stopped.
void ds_server_run(ds_server *server);

// Ends ds_server_run soon; from any thread.
void ds_server_stop(ds_server *server);

#endif
