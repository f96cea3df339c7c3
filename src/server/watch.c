// SPDX-License-Identifier: Apache-2.0
// GET /v1/requests/ID: how far the request is that came with X-Request-Id: ID, as server-sent
// events; it may come before the request does. DELETE stops that request.
#include <stdlib.h>

#include "base/json.h"
#include "server/server_state.h"

enum { FIND_MS = 10000, NO_CONTENT = 204, TOO_MANY = 429 };

static bool is_id(const char *id) {
  return strlen(id) == DS_SERVER_ID_BYTES - 1 &&
         strspn(id, "0123456789abcdefABCDEF") == DS_SERVER_ID_BYTES - 1;
}

static ds_code no_id(ds_error *err) {
  return ds_fail(err, DS_USAGE, "a request's id has 32 hexadecimal digits");
}

static void append_event(ds_http_answer *stream, const char *name, const server_progress *told) {
  ds_buf text;
  ds_buf_init(&text, 4096);
  ds_buf_printf(&text, "event: %s\ndata: ", name);
  ds_json json = ds_json_to(&text, false);
  ds_json_begin_object(&json);
  if (told != NULL) {
    ds_json_key(&json, "phase");
    ds_json_text(&json, ds_str_of(told->phase));
    ds_json_key(&json, "done");
    ds_json_u64(&json, told->done);
    ds_json_key(&json, "total");
    ds_json_u64(&json, told->total);
    ds_json_key(&json, "unit");
    ds_json_text(&json, ds_str_of(told->unit));
  }
  ds_json_end_object(&json);
  ds_buf_text(&text, "\n\n");
  if (!text.failed) // the next one tells more, and the end of the stream as much
    ds_http_stream_append(stream, (ds_str){(const char *)text.data, (uint32_t)text.size});
  ds_buf_done(&text);
}

static void watcher_free(ds_server *server, server_watcher *watcher) {
  for (server_watcher **at = &server->watchers; *at != NULL; at = &(*at)->next)
    if (*at == watcher) {
      *at = watcher->next;
      break;
    }
  server->watchers_count--;
  ds_http_answer_free(watcher->stream);
  free(watcher);
}

void ds_server_watch(ds_server *server, ds_http_exchange *exchange, const char *id) {
  const ds_http_header headers[] = {{"Cache-Control", "no-store"}, {NULL, NULL}};
  ds_error err = {.code = DS_OK};
  if (!is_id(id)) {
    (void)no_id(&err);
    ds_server_problem(exchange, &err, 0, NULL);
    return;
  }
  if (server->watchers_count == DS_SERVER_WATCHERS_MAX) {
    (void)ds_fail(&err, DS_BUSY, "too many requests are followed already");
    ds_server_problem(exchange, &err, TOO_MANY, NULL);
    return;
  }
  server_watcher *watcher = (server_watcher *)calloc(1, sizeof *watcher);
  ds_http_answer *stream = ds_http_stream_new("text/event-stream", headers);
  if (watcher == NULL || stream == NULL) {
    free(watcher);
    ds_http_answer_free(stream);
    ds_http_reply(exchange, NULL);
    return;
  }
  *watcher = (server_watcher){.next = server->watchers, .exchange = exchange, .stream = stream,
                              .until_ns = ds_server_now_ns() +
                                          (int64_t)FIND_MS * DS_SERVER_NS_PER_MS};
  snprintf(watcher->id, sizeof watcher->id, "%s", id);
  server->watchers = watcher;
  server->watchers_count++;
  ds_http_reply(exchange, stream);
}

static void tell(server_watcher *watcher, server_flight *f) {
  server_progress now;
  pthread_mutex_lock(&f->told.lock);
  now.reports = f->told.reports;
  now.phase = f->told.phase;
  now.unit = f->told.unit;
  now.done = f->told.done;
  now.total = f->told.total;
  pthread_mutex_unlock(&f->told.lock);
  if (now.reports == watcher->reports)
    return;
  watcher->reports = now.reports;
  append_event(watcher->stream, "progress", &now);
}

void ds_server_tell(ds_server *server, int64_t now_ns) {
  for (server_watcher *next, *watcher = server->watchers; watcher != NULL; watcher = next) {
    next = watcher->next;
    const server_waiter *waiter = ds_server_waiter_of(server, watcher->id);
    watcher->found |= waiter != NULL;
    if (waiter != NULL && waiter->flight != NULL)
      tell(watcher, waiter->flight);
    if (waiter == NULL && (watcher->found || now_ns >= watcher->until_ns)) {
      append_event(watcher->stream, watcher->found ? "end" : "unknown", NULL);
      ds_http_stream_close(watcher->stream);
      watcher_free(server, watcher);
    }
  }
}

void ds_server_unwatch(ds_server *server, const ds_http_exchange *exchange) {
  for (server_watcher *watcher = server->watchers; watcher != NULL; watcher = watcher->next)
    if (watcher->exchange == exchange) {
      watcher_free(server, watcher);
      return;
    }
}

void ds_server_unwatch_all(ds_server *server) {
  while (server->watchers != NULL) {
    ds_http_stream_close(server->watchers->stream);
    watcher_free(server, server->watchers);
  }
}

void ds_server_stop_request(ds_server *server, ds_http_exchange *exchange, const char *id) {
  ds_error err = {.code = DS_OK};
  server_waiter *waiter = is_id(id) ? ds_server_waiter_of(server, id) : NULL;
  if (waiter == NULL) {
    (void)(is_id(id) ? ds_fail(&err, DS_MISSING, "no request of this id is under way")
                     : no_id(&err));
    ds_server_problem(exchange, &err, 0, NULL);
    return;
  }
  (void)ds_fail(&err, DS_INTERRUPTED, "stopped by DELETE /v1/requests/%s", waiter->id);
  ds_server_give_up(server, waiter, &err);
  ds_http_answer *none = ds_http_answer_fixed(NO_CONTENT, NULL, "", 0, NULL);
  ds_http_reply(exchange, none);
  ds_http_answer_free(none);
}
