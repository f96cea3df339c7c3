// SPDX-License-Identifier: Apache-2.0
// The life of a request, as libmicrohttpd's callbacks: its target, its headers, its body, its
// answer, its end. One that waits is suspended; libmicrohttpd looks at it no more, so whether its
// client goes away is watched here.
#include <assert.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "server/http_state.h"

// So much more than a request may hold is read and dropped, so that its client sees the answer.
#define DROPPED_BYTES_MAX ((size_t)8 * DS_HTTP_BODY_BYTES_MAX)

void ds_http_request_free(ds_http_request *request) {
  if (request == NULL)
    return;
  ds_buf_done(&request->body_buf);
  ds_arena_done(&request->arena);
  free(request);
}

void *ds_http_on_target(void *context, const char *target, struct MHD_Connection *connection) {
  ds_http *http = (ds_http *)context;
  ds_http_exchange *exchange = (ds_http_exchange *)calloc(1, sizeof *exchange);
  ds_http_request *request = (ds_http_request *)calloc(1, sizeof *request);
  if (exchange == NULL || request == NULL) {
    free(exchange);
    free(request);
    return NULL;
  }
  ds_arena_init(&request->arena, DS_HTTP_ARENA_BYTES_MAX);
  ds_buf_init(&request->body_buf, DS_HTTP_BODY_BYTES_MAX);
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  *exchange = (ds_http_exchange){.http = http, .connection = connection, .request = request,
                                 .watched = -1};
  exchange->place = info == NULL ? NULL : (ds_http_connection *)info->socket_context;
  const size_t size = strlen(target);
  const ds_str text = {target, size < UINT32_MAX ? (uint32_t)size : 0};
  // What cannot be read is refused when the headers are there.
  if (ds_query_parse(text, &request->arena, &request->target, &exchange->refused) != DS_OK)
    request->target.path = "/";
  return exchange;
}

// --- answering

static enum MHD_Result send_answer(ds_http_exchange *exchange) {
  const ds_http_answer *answer = exchange->answer;
  return MHD_queue_response(exchange->connection, answer->status, answer->response);
}

static void set_answer(ds_http_exchange *exchange, const ds_http_answer *shared) {
  assert(!exchange->replied);
  exchange->replied = true;
  if (shared == NULL)
    return;
  exchange->answer = ds_http_answer_share(shared);
  if (exchange->answer->is_stream)
    exchange->answer->to = exchange;
}

void ds_http_reply(ds_http_exchange *exchange, const ds_http_answer *answer) {
  set_answer(exchange, answer);
  if (exchange->suspended)
    ds_http_resume_soon(exchange);
}

static void refuse(ds_http_exchange *exchange) {
  const ds_http *http = exchange->http;
  ds_http_answer *answer =
      http->options.refuse(http->options.context, &exchange->refused, exchange->refused_status);
  set_answer(exchange, answer);
  ds_http_answer_free(answer);
}

// --- waiting

void ds_http_suspend(ds_http_exchange *exchange) {
  ds_http *http = exchange->http;
  if (exchange->suspended)
    return;
  exchange->suspended = true;
  http->suspended++;
  MHD_suspend_connection(exchange->connection);
  // A client that ends its side has gone; what else it sends waits in the socket.
  const int fd = exchange->place == NULL ? -1 : exchange->place->fd;
  struct epoll_event event = {.events = EPOLLRDHUP, .data = {.ptr = exchange}};
  if (fd >= 0 && epoll_ctl(http->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
    exchange->watched = fd;
}

static void unwatch(ds_http_exchange *exchange) {
  if (exchange->watched >= 0)
    (void)epoll_ctl(exchange->http->epoll_fd, EPOLL_CTL_DEL, exchange->watched, NULL);
  exchange->watched = -1;
}

void ds_http_resume_soon(ds_http_exchange *exchange) {
  if (!exchange->suspended)
    return;
  unwatch(exchange);
  exchange->suspended = false;
  exchange->http->suspended--;
  exchange->next = exchange->http->resumed;
  exchange->http->resumed = exchange;
}

bool ds_http_resume_all(ds_http *http) {
  ds_http_exchange *exchange = http->resumed;
  const bool any = exchange != NULL;
  http->resumed = NULL;
  for (ds_http_exchange *next; exchange != NULL; exchange = next) {
    next = exchange->next;
    MHD_resume_connection(exchange->connection);
  }
  return any;
}

void ds_http_went(ds_http_exchange *exchange) {
  const ds_http *http = exchange->http;
  if (!exchange->suspended)
    return;
  if (!exchange->replied || exchange->answer->is_stream)
    http->options.gone(http->options.context, exchange);
  if (!exchange->replied) {
    exchange->refused.code = DS_INTERRUPTED;
    (void)ds_fail(&exchange->refused, DS_INTERRUPTED, "the client has gone away");
    refuse(exchange);
  } else if (exchange->answer->is_stream) {
    ds_http_stream_close(exchange->answer);
  }
  ds_http_resume_soon(exchange);
}

// --- reading

// The first call: headers are there, a body is not.
static enum MHD_Result begin(ds_http_exchange *exchange, const char *method) {
  ds_http *http = exchange->http;
  ds_error *err = &exchange->refused;
  exchange->begun = true;
  const ds_error target = exchange->refused;
  ds_code code = ds_http_read_head(exchange, method, &exchange->refused_status, err);
  if (code == DS_OK && target.code != DS_OK)
    code = target.code;
  if (code == DS_OK)
    code = http->options.check(http->options.context, exchange->request,
                               &exchange->refused_status, err);
  if (code == DS_OK) {
    exchange->refused_status = 0;
    return MHD_YES;
  }
  refuse(exchange);
  return exchange->answer == NULL ? MHD_NO : send_answer(exchange);
}

static enum MHD_Result take_body(ds_http_exchange *exchange, const char *data, size_t size) {
  ds_http *http = exchange->http;
  ds_buf *body = &exchange->request->body_buf;
  exchange->body_bytes += size;
  http->bodies_bytes += size;
  if (exchange->refused.code == DS_OK && http->bodies_bytes > http->options.bodies_bytes_max)
    (void)ds_fail(&exchange->refused, DS_MEMORY, "too many requests are in hand: try again");
  if (exchange->refused.code == DS_OK)
    ds_buf_append(body, data, size);
  if (exchange->refused.code == DS_OK &&
      ds_buf_check(body, "a request's body", &exchange->refused) != DS_OK)
    ds_buf_done(body);
  return exchange->body_bytes > DROPPED_BYTES_MAX ? MHD_NO : MHD_YES;
}

static void serve(ds_http_exchange *exchange) {
  ds_http *http = exchange->http;
  ds_http_request *request = exchange->request;
  exchange->served = true;
  if (exchange->place != NULL)
    exchange->place->waits = false;
  request->body = (ds_str){(const char *)request->body_buf.data, (uint32_t)request->body_buf.size};
  if (exchange->refused.code != DS_OK)
    refuse(exchange);
  else
    http->options.serve(http->options.context, exchange);
}

enum MHD_Result ds_http_on_request(void *context, struct MHD_Connection *connection,
                                   const char *url, const char *method, const char *version,
                                   const char *data, size_t *size, void **slot) {
  (void)context, (void)connection, (void)url, (void)version;
  ds_http_exchange *exchange = (ds_http_exchange *)*slot;
  if (exchange == NULL)
    return MHD_NO;
  if (!exchange->begun)
    return begin(exchange, method);
  if (*size > 0) {
    const size_t taken = *size;
    *size = 0;
    return take_body(exchange, data, taken);
  }
  if (!exchange->served) {
    serve(exchange);
    // Suspended in the turn in which it was read, it would be read from again before it is answered
    // (decision 43): this is called once more at once, and then it suspends.
    if (!exchange->replied)
      return MHD_YES;
  }
  if (exchange->replied)
    return exchange->answer == NULL ? MHD_NO : send_answer(exchange);
  ds_http_suspend(exchange);
  return MHD_YES;
}

// --- ending

void ds_http_on_completed(void *context, struct MHD_Connection *connection, void **slot,
                          enum MHD_RequestTerminationCode code) {
  (void)connection, (void)code;
  ds_http *http = (ds_http *)context;
  ds_http_exchange *exchange = (ds_http_exchange *)*slot;
  if (exchange == NULL)
    return;
  *slot = NULL;
  ds_http_answer *answer = exchange->answer;
  if ((exchange->served && !exchange->replied) || (answer != NULL && answer->is_stream))
    http->options.gone(http->options.context, exchange);
  unwatch(exchange);
  if (exchange->suspended)
    http->suspended--;
  for (ds_http_exchange **at = &http->resumed; *at != NULL; at = &(*at)->next)
    if (*at == exchange) {
      *at = exchange->next;
      break;
    }
  if (exchange->place != NULL) {
    exchange->place->waits = true;
    exchange->place->since_ns = http->options.io->ops->monotonic_ns(http->options.io);
  }
  http->bodies_bytes -= exchange->body_bytes;
  if (answer != NULL && answer->is_stream)
    answer->to = NULL;
  ds_http_answer_free(answer);
  ds_http_request_free(exchange->request);
  free(exchange);
}

void ds_http_on_connection(void *context, struct MHD_Connection *connection, void **slot,
                           enum MHD_ConnectionNotificationCode code) {
  ds_http *http = (ds_http *)context;
  ds_http_connection *place = (ds_http_connection *)*slot;
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
    if (place != NULL) {
      place->previous->next = place->next;
      place->next->previous = place->previous;
    }
    free(place);
    *slot = NULL;
    return;
  }
  place = (ds_http_connection *)calloc(1, sizeof *place);
  *slot = place;
  if (place == NULL)
    return;
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  place->fd = info == NULL ? -1 : info->connect_fd;
  place->waits = true;
  place->since_ns = http->options.io->ops->monotonic_ns(http->options.io);
  place->next = http->connections.next;
  place->previous = &http->connections;
  place->next->previous = place;
  http->connections.next = place;
}

// --- what others see of it

const ds_http_request *ds_http_request_of(const ds_http_exchange *exchange) {
  return exchange->request;
}

ds_http_request *ds_http_request_take(ds_http_exchange *exchange) {
  ds_http_request *request = exchange->request;
  exchange->request = NULL;
  return request;
}

void **ds_http_slot(ds_http_exchange *exchange) { return &exchange->slot; }
