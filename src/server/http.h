// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 over libmicrohttpd, which no other file knows of: a listener, one loop that owns all
// connections and never blocks, threads for what takes long, and answers that are made once and
// sent often. It knows nothing of questions. May use base/, io/ and server/.
//
// Invariants: every function but ds_http_stop is called on the loop's thread, which is that of
// ds_http_run; a connection that waits for its answer is resumed there alone (decision 43); every
// whole request is given to `serve` once and answered once.
#ifndef DS_SERVER_HTTP_H
#define DS_SERVER_HTTP_H

#include "base/buf.h"
#include "base/progress.h"
#include "io/io.h"
#include "server/query.h"
#include "server/work.h"

typedef struct ds_http ds_http;                   // a server
typedef struct ds_http_exchange ds_http_exchange; // a request and its answer
typedef struct ds_http_answer ds_http_answer;     // what is sent, shared by those who get it

// The methods that are served; HEAD comes as GET.
typedef enum ds_http_method {
  DS_HTTP_OTHER = 0, DS_HTTP_GET = 1, DS_HTTP_POST = 2, DS_HTTP_PUT = 4, DS_HTTP_DELETE = 8
} ds_http_method;

// A request, read and checked. Owned by its exchange until it is taken.
typedef struct ds_http_request {
  ds_http_method method;
  ds_query target;
  const ds_query_pair *headers;
  uint32_t headers_count;
  ds_str body;
  ds_arena arena; // of all its texts
  ds_buf body_buf; // private
} ds_http_request;

// A header of an answer beside those that every answer has.
typedef ds_query_pair ds_http_header;

// Filled by ds_http_options_init, then changed by the caller.
typedef struct ds_http_options {
  const char *listen;       // "127.0.0.1:8787", "[::1]:8787", "0.0.0.0:0"
  uint32_t connections_max;
  uint32_t threads;         // that do work
  uint32_t waiting_max;     // items of work that wait for a thread
  uint32_t idle_ms;         // between two requests of a connection, and for sending one
  size_t bodies_bytes_max;  // of all requests in hand
  ds_io *io;
  ds_progress *progress;    // ends the loop when it is stopped; NULL: ds_http_stop does
  void *context;            // of the functions below
  // Looks at a request before its body is read: DS_OK, or why it is refused, and the HTTP status
  // when it is not that of the code.
  ds_code (*check)(void *context, const ds_http_request *request, uint32_t *ret_status,
                   ds_error *err);
  // Answers a whole request: ds_http_reply now, or later from `done` of work.
  void (*serve)(void *context, ds_http_exchange *exchange);
  // The client of an exchange that waits has gone away; it is no longer to be answered.
  void (*gone)(void *context, ds_http_exchange *exchange);
  // The answer to what http itself or `check` refuses; the caller's reference.
  ds_http_answer *(*refuse)(void *context, const ds_error *err, uint32_t status);
  // The server ends: what runs is to be stopped, and streams are to be closed.
  void (*stop)(void *context);
  // About every tenth of a second, for deadlines.
  void (*tick)(void *context, int64_t now_ns);
} ds_http_options;

// Fills in the defaults.
void ds_http_options_init(ds_http_options *options);

// Listens, without serving yet. DS_USAGE for an address that cannot be read, DS_BUSY for one that
// is taken. The caller frees it.
DS_CHECKED ds_code ds_http_new(const ds_http_options *options, ds_http **ret_http, ds_error *err);
void ds_http_free(ds_http *http);

// Where it listens, as "127.0.0.1:8787"; whether only this machine reaches it.
const char *ds_http_address(const ds_http *http);
bool ds_http_is_loopback(const ds_http *http);

// Serves until it is stopped; then what runs has ended and those who waited have their answers.
void ds_http_run(ds_http *http);

// Ends ds_http_run soon; from any thread.
void ds_http_stop(ds_http *http);

// Has an item of work done on another thread; false when too many wait, or the server ends.
bool ds_http_work(ds_http *http, ds_work_item *item);

// The same for what the server itself needs: it has a thread of its own and never waits for work.
bool ds_http_errand(ds_http *http, ds_work_item *item);

// Wakes the loop, so that `tick` is called; from any thread.
void ds_http_wake(ds_http *http);

// --- exchanges

// The request; taken, it is the caller's, who frees it.
const ds_http_request *ds_http_request_of(const ds_http_exchange *exchange);
ds_http_request *ds_http_request_take(ds_http_exchange *exchange);
void ds_http_request_free(ds_http_request *request);

// The value of a header, or NULL; names in any case.
const char *ds_http_header_of(const ds_http_request *request, const char *name);

// A pointer of the caller's, NULL at first.
void **ds_http_slot(ds_http_exchange *exchange);

// Sends an answer; the exchange is over for the caller. Takes a reference of its own.
void ds_http_reply(ds_http_exchange *exchange, const ds_http_answer *answer);

// --- answers

// An answer whose bytes are the buffer's, which is taken, or lie elsewhere for ever; headers end
// with one without a name, NULL = none. The caller's reference. NULL without memory.
ds_http_answer *ds_http_answer_new(uint32_t status, const char *type, ds_buf *body,
                                   const ds_http_header *headers);
ds_http_answer *ds_http_answer_fixed(uint32_t status, const char *type, const void *bytes,
                                     size_t size, const ds_http_header *headers);
void ds_http_answer_free(ds_http_answer *answer);

// One more reference, which is returned.
ds_http_answer *ds_http_answer_share(const ds_http_answer *answer);

// Its bytes, as they are sent; valid while it is held.
ds_str ds_http_answer_body(const ds_http_answer *answer);

// An answer without end, to one exchange: what is appended is sent as it comes, until it is closed
// or its client has gone, which `gone` tells. The caller's reference.
ds_http_answer *ds_http_stream_new(const char *type, const ds_http_header *headers);
void ds_http_stream_append(ds_http_answer *stream, ds_str text);
void ds_http_stream_close(ds_http_answer *stream);

#endif
