// SPDX-License-Identifier: Apache-2.0
// What the files of the server share: sessions, flights, waiters, watchers. Private to them. All of
// it belongs to the loop's thread but for what a flight's thread has in hand (see server_flight).
// May use everything below floor 9, and server/.
#ifndef DS_SERVER_SERVER_STATE_H
#define DS_SERVER_SERVER_STATE_H

#include <pthread.h>

#include "io/watch.h"
#include "server/cache.h"
#include "server/gzip.h"
#include "server/keys.h"
#include "server/routes.h"
#include "server/server.h"

// Sizes and limits.
enum {
  DS_SERVER_WORKERS = 2,
  DS_SERVER_NS_PER_MS = 1000000,
  DS_SERVER_ID_BYTES = 33, // of X-Request-Id: 32 hexadecimal digits
  DS_SERVER_WATCHERS_MAX = 100,
  DS_SERVER_LOOK_MS = 1000 // at the latest it is looked at whether the store has changed
};

// The store as it was at an instant; kept while a flight asks it.
typedef struct server_session {
  ds_work_item item; // first; to be closed
  ds_ask *ask;
  uint32_t holders;
} server_session;

// A request that waits for its answer: for a flight's, or with none for the store to be opened.
typedef struct server_waiter {
  struct server_waiter *next;
  ds_http_exchange *exchange;
  struct server_flight *flight;
  const ds_route *route;
  const char *name;
  int64_t until_ns;
  bool gzip;
  char id[DS_SERVER_ID_BYTES]; // "": none was given
} server_waiter;

// How far a flight is, told by its thread.
typedef struct server_progress {
  pthread_mutex_t lock;
  const char *phase, *unit; // texts that live for ever
  uint64_t done, total;
  uint32_t reports;
} server_progress;

// The work for all who ask the same. Its thread has item, request, arena, progress.stop, told and
// what is answered until `done`; the rest is the loop's.
typedef struct server_flight {
  ds_work_item item; // first
  ds_server *server;
  struct server_flight *next;
  server_waiter *waiters;
  server_session *session;
  const ds_route *route;
  const char *name;
  ds_http_request *request;
  bool has_key;
  ds_cache_key key;
  atomic_bool gzip; // somebody takes it compressed
  ds_arena arena;
  ds_progress progress;
  server_progress told;
  ds_reply reply;
  ds_buf compressed;
  ds_error error;         // code DS_OK: none
  ds_http_answer *source; // only to be compressed; NULL: to be asked
} server_flight;

// Somebody who follows a request's progress.
typedef struct server_watcher {
  struct server_watcher *next;
  ds_http_exchange *exchange;
  ds_http_answer *stream;
  char id[DS_SERVER_ID_BYTES];
  uint32_t reports;  // of the flight, already told
  bool found;        // the request was there
  int64_t until_ns;  // when one that is not found is given up
} server_watcher;

// A file of the dashboard, ready to be sent (files.c).
typedef struct server_file server_file;

// A server.
struct ds_server {
  ds_server_options options;
  ds_http *http;
  ds_cache *cache;
  server_file *files; // the last has no name
  server_session *session;
  server_flight *flights;
  server_waiter *waiters;   // for the store to be opened anew
  server_watcher *watchers;
  uint32_t watchers_count;
  bool opening;             // the store, anew
  ds_watch *watch;          // of the store's folders
  int64_t looked_ns;        // whether the store has changed was looked at
};

// --- flight.c
// Answers an exchange that has this route, now or later.
void ds_server_ask(ds_server *server, ds_http_exchange *exchange, const ds_route *route,
                   const char *name);
// Gives up a waiter: with why, or silently when `err` is NULL because its client has gone. The
// flight is stopped when nobody else waits.
void ds_server_give_up(ds_server *server, server_waiter *waiter, const ds_error *err);
// The waiter of an id, or NULL.
server_waiter *ds_server_waiter_of(const ds_server *server, const char *id);
// Gives up all who have waited too long; stops all flights.
void ds_server_expire(ds_server *server, int64_t now_ns);
void ds_server_stop_flights(ds_server *server);
void ds_server_session_free(ds_server *server, server_session *session);

// --- guard.c: who may ask; as ds_http_options.check
DS_CHECKED ds_code ds_server_guard(void *context, const ds_http_request *request,
                                   uint32_t *ret_status, ds_error *err);

// --- files.c
DS_CHECKED ds_code ds_server_make_files(ds_server *server, ds_error *err);
void ds_server_free_files(ds_server *server);
void ds_server_send_file(const ds_server *server, ds_http_exchange *exchange, const char *path);

// --- watch.c: progress. The first two are handlers of routes.
void ds_server_watch(ds_server *server, ds_http_exchange *exchange, const char *id);
void ds_server_stop_request(ds_server *server, ds_http_exchange *exchange, const char *id);
// Writes to those who follow what has changed.
void ds_server_tell(ds_server *server, int64_t now_ns);
// A follower has gone, or all are sent home.
void ds_server_unwatch(ds_server *server, const ds_http_exchange *exchange);
void ds_server_unwatch_all(ds_server *server);

// --- server.c
// Answers with a problem. `option` may be NULL, `status` 0.
void ds_server_problem(ds_http_exchange *exchange, const ds_error *err, uint32_t status,
                       const char *option);
int64_t ds_server_now_ns(void);
void ds_server_health(ds_server *server, ds_http_exchange *exchange, const char *name);

#endif
