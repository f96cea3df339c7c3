// SPDX-License-Identifier: Apache-2.0
// The server put together: what http.h calls, and where each request goes.
#include <stdio.h>
#include <stdlib.h>

#include "server/problem.h"
#include "server/server_state.h"

enum { STATUS_OK = 200, UNAUTHORIZED = 401, NOT_ALLOWED = 405, TOO_MANY = 429,
       NO_MEMORY = 503 };
// What the cache may take of the budget.
enum { CACHE_SHARE = 16 };
#define CACHE_BYTES_MAX ((size_t)256 << 20)

void ds_server_options_init(ds_server_options *options) {
  enum { TIMEOUT_MS = 60000, CONNECTIONS = 1000 };
  *options = (ds_server_options){.listen = "127.0.0.1:8787", .threads = 1,
                                 .timeout_ms = TIMEOUT_MS, .idle_ms = TIMEOUT_MS,
                                 .connections_max = CONNECTIONS};
}

int64_t ds_server_now_ns(void) {
  ds_io *io = ds_io_posix();
  return io->ops->monotonic_ns(io);
}

// --- problems

// What is said when there is no memory to say what is wrong.
static ds_http_answer *no_memory_problem(void) {
  static const char text[] =
      "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
      "\"detail\":\"out of memory\",\"code\":\"MEMORY\"}\n";
  static const ds_http_header headers[] = {{"Cache-Control", "no-store"}, {NULL, NULL}};
  return ds_http_answer_fixed(NO_MEMORY, DS_PROBLEM_TYPE, text, sizeof text - 1, headers);
}

static ds_http_answer *problem(const ds_error *err, uint32_t status, const char *option) {
  ds_http_header headers[3] = {{"Cache-Control", "no-store"}};
  const uint32_t own = ds_problem_status(err, status);
  ds_buf text;
  if (own == UNAUTHORIZED)
    headers[1] = (ds_http_header){"WWW-Authenticate", "Bearer"};
  if (own == TOO_MANY)
    headers[1] = (ds_http_header){"Retry-After", "1"};
  ds_buf_init(&text, 1u << 16);
  ds_problem_write(err, own, option, &text);
  ds_http_answer *answer = text.failed
                               ? no_memory_problem()
                               : ds_http_answer_new(own, DS_PROBLEM_TYPE, &text, headers);
  ds_buf_done(&text);
  return answer;
}

void ds_server_problem(ds_http_exchange *exchange, const ds_error *err, uint32_t status,
                       const char *option) {
  ds_http_answer *answer = problem(err, status, option);
  ds_http_reply(exchange, answer);
  ds_http_answer_free(answer);
}

static ds_http_answer *refuse(void *context, const ds_error *err, uint32_t status) {
  (void)context;
  return problem(err, status, NULL);
}

// --- where requests go

void ds_server_health(ds_server *server, ds_http_exchange *exchange, const char *name) {
  static const char ok[] = "ok\n";
  const ds_http_header headers[] = {{"Cache-Control", "no-store"}, {NULL, NULL}};
  (void)server, (void)name;
  ds_http_answer *answer = ds_http_answer_fixed(STATUS_OK, "text/plain; charset=utf-8", ok,
                                                sizeof ok - 1, headers);
  ds_http_reply(exchange, answer);
  ds_http_answer_free(answer);
}

static void serve(void *context, ds_http_exchange *exchange) {
  ds_server *server = (ds_server *)context;
  const ds_http_request *request = ds_http_request_of(exchange);
  const char *path = request->target.path, *name = "";
  unsigned methods = 0;
  ds_error err = {.code = DS_OK};
  const ds_route *route = ds_route_find(path, request->method, &name, &methods);
  if (route != NULL && route->at_once != NULL) {
    route->at_once(server, exchange, name);
  } else if (route != NULL) {
    ds_server_ask(server, exchange, route, name);
  } else if (methods == 0 && request->method == DS_HTTP_GET && strncmp(path, "/v1/", 4) != 0) {
    ds_server_send_file(server, exchange, path);
  } else {
    (void)ds_fail(&err, methods == 0 ? DS_MISSING : DS_USAGE,
                  methods == 0 ? "there is nothing at %.200s" : "%.200s has no such method", path);
    ds_server_problem(exchange, &err, methods == 0 ? 0 : NOT_ALLOWED, NULL);
  }
}

static void gone(void *context, ds_http_exchange *exchange) {
  ds_server *server = (ds_server *)context;
  server_waiter *waiter = (server_waiter *)*ds_http_slot(exchange);
  if (waiter != NULL)
    ds_server_give_up(server, waiter, NULL);
  else
    ds_server_unwatch(server, exchange);
}

static void stop(void *context) {
  ds_server *server = (ds_server *)context;
  ds_server_stop_flights(server);
  ds_server_unwatch_all(server);
}

static void tick(void *context, int64_t now_ns) {
  ds_server *server = (ds_server *)context;
  ds_server_tell(server, now_ns);
  ds_server_expire(server, now_ns);
}

// --- made and freed

static ds_code open_store(ds_server *server, ds_error *err) {
  const ds_ask_options asked = {.segments = server->options.segments,
                                .duckdb = server->options.duckdb};
  ds_store_options options;
  ds_store_options_init(&options);
  options.threads = server->options.threads;
  options.key_file = server->options.key_file;
  if (server->options.memory_bytes != 0)
    options.memory_bytes = server->options.memory_bytes;
  server->options.memory_bytes = options.memory_bytes;
  server->session = (server_session *)calloc(1, sizeof *server->session);
  if (server->session == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the server");
  server->session->holders = 1;
  // Before it is opened: what changes meanwhile is seen.
  char log[DS_PATH_BYTES_MAX + 8];
  snprintf(log, sizeof log, "%s/log", server->options.store);
  const char *folders[] = {server->options.store, log};
  server->watch = ds_watch_new(folders, 2);
  return ds_ask_open(server->options.store, &options, &asked, &server->session->ask, err);
}

static ds_code check_keys(const ds_server *server, ds_error *err) {
  ds_arena arena;
  const ds_api_key *keys = NULL;
  uint32_t count = 0;
  if (ds_http_is_loopback(server->http))
    return DS_OK;
  ds_arena_init(&arena, (size_t)1 << 20);
  ds_code code =
      ds_api_keys_read(ds_io_posix(), server->options.store, &arena, &keys, &count, err);
  ds_arena_done(&arena);
  if (code == DS_OK && count == 0)
    code = ds_fail(err, DS_USAGE, "--listen %.80s: others than this machine reach it, so it needs "
                   "an API key: `doorstep key add NAME` makes one", server->options.listen);
  return code;
}

static ds_code set_up(ds_server *server, ds_error *err) {
  const ds_server_options *options = &server->options;
  ds_http_options http;
  TRY(open_store(server, err));
  TRY(ds_server_make_files(server, err));
  const size_t share = options->memory_bytes / CACHE_SHARE;
  server->cache = ds_cache_new(share < CACHE_BYTES_MAX ? share : CACHE_BYTES_MAX);
  if (server->cache == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the server");
  ds_http_options_init(&http);
  http.listen = options->listen;
  http.threads = DS_SERVER_WORKERS;
  http.connections_max = options->connections_max;
  http.idle_ms = options->idle_ms;
  http.bodies_bytes_max = share;
  http.progress = options->progress;
  http.context = server;
  http.check = ds_server_guard;
  http.serve = serve;
  http.gone = gone;
  http.refuse = refuse;
  http.stop = stop;
  http.tick = tick;
  TRY(ds_http_new(&http, &server->http, err));
  return check_keys(server, err);
}

ds_code ds_server_new(const ds_server_options *options, ds_server **ret_server, ds_error *err) {
  ds_server *server = (ds_server *)calloc(1, sizeof *server);
  if (server == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the server");
  server->options = *options;
  const ds_code code = set_up(server, err);
  if (code != DS_OK) {
    ds_server_free(server);
    return code;
  }
  *ret_server = server;
  return DS_OK;
}

void ds_server_free(ds_server *server) {
  if (server == NULL)
    return;
  ds_http_free(server->http);
  server->http = NULL;
  ds_cache_free(server->cache);
  ds_server_free_files(server);
  ds_server_session_free(server, server->session);
  ds_watch_free(server->watch);
  free(server);
}

const char *ds_server_address(const ds_server *server) { return ds_http_address(server->http); }
void ds_server_run(ds_server *server) { ds_http_run(server->http); }
void ds_server_stop(ds_server *server) { ds_http_stop(server->http); }
