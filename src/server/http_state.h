// SPDX-License-Identifier: Apache-2.0
// What the files http*.c share: the server's state, a connection's, an exchange's. Private to them.
// May use base/, io/, server/ and libmicrohttpd.
#ifndef DS_SERVER_HTTP_STATE_H
#define DS_SERVER_HTTP_STATE_H

#include <stdatomic.h>

#include <microhttpd.h>

#include "server/http.h"

#define DS_HTTP_BODY_BYTES_MAX (1u << 20)
// What libmicrohttpd holds of a connection: a request's head, and its own list of its parts, about
// 64 bytes for each parameter and header. With more it ends the connection.
#define DS_HTTP_HEAD_BYTES_MAX (32u << 10)
#define DS_HTTP_HEADERS_MAX 100u
// A request's texts, decoded and as they came.
#define DS_HTTP_ARENA_BYTES_MAX ((size_t)4 << 20)

// Where it listens.
typedef struct ds_http_listener {
  int fd;
  bool loopback;
  char address[80]; // as in a URL
  char host[64];    // without the port; of IPv6 in brackets
} ds_http_listener;

// Opens the socket of "HOST:PORT".
DS_CHECKED ds_code ds_http_listen(const char *address, ds_http_listener *ret_listener,
                                  ds_error *err);

// One connection, in the list of all.
typedef struct ds_http_connection {
  struct ds_http_connection *next, *previous;
  int fd;
  bool waits;       // for a request to be whole
  int64_t since_ns; // it does so
} ds_http_connection;

// A request's life, from its target to its end.
struct ds_http_exchange {
  ds_http *http;
  struct MHD_Connection *connection;
  ds_http_connection *place; // in the list; NULL when it could not be had
  ds_http_request *request;
  ds_http_answer *answer; // its own reference
  ds_http_exchange *next;       // among those to resume
  void *slot;
  ds_error refused; // code DS_OK: it is not
  uint32_t refused_status;
  size_t body_bytes; // counted with those of all requests
  int watched;       // the descriptor that is watched while it waits, -1 = none
  bool begun, served, suspended, replied;
};

// What is sent, counted by who holds it.
struct ds_http_answer {
  struct MHD_Response *response;
  atomic_uint references;
  uint32_t status;
  ds_str body;
  // Of a stream: what waits to be sent, and to whom.
  bool is_stream, closed;
  ds_buf waiting;
  size_t sent;
  ds_http_exchange *to;
};

// A server.
struct ds_http {
  ds_http_options options;
  ds_http_listener listener;
  struct MHD_Daemon *daemon;
  ds_work *work;    // NULL while the server ends
  ds_work *errands; // on one thread
  int epoll_fd;
  int wake_fd;
  atomic_bool stopping;
  int64_t ticked_ns;
  size_t bodies_bytes;
  ds_http_connection connections; // the list's head
  ds_http_exchange *resumed;      // to be resumed, newest first
  uint32_t suspended;
};

// --- http_exchange.c: a request's life, as libmicrohttpd's callbacks
void *ds_http_on_target(void *context, const char *target, struct MHD_Connection *connection);
enum MHD_Result ds_http_on_request(void *context, struct MHD_Connection *connection,
                                   const char *url, const char *method, const char *version,
                                   const char *data, size_t *size, void **slot);
void ds_http_on_completed(void *context, struct MHD_Connection *connection, void **slot,
                          enum MHD_RequestTerminationCode code);
void ds_http_on_connection(void *context, struct MHD_Connection *connection, void **slot,
                           enum MHD_ConnectionNotificationCode code);

// The exchange waits, and its client is watched.
void ds_http_suspend(ds_http_exchange *exchange);
// A suspended exchange has something to send: it is resumed at the next turn of the loop.
void ds_http_resume_soon(ds_http_exchange *exchange);
// Resumes those; whether there were any.
bool ds_http_resume_all(ds_http *http);
// The client of a suspended exchange has gone.
void ds_http_went(ds_http_exchange *exchange);

// --- http_head.c: what libmicrohttpd lets pass
// Copies method and headers into the request, and refuses what could be read in two ways.
// *ret_status: the HTTP status of the refusal, when it is not that of the code.
DS_CHECKED ds_code ds_http_read_head(ds_http_exchange *exchange, const char *method,
                                     uint32_t *ret_status, ds_error *err);

#endif
