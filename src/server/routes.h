// SPDX-License-Identifier: Apache-2.0
// The routes as one table: method, path, what it is for, and its handler. A new route is a row and
// a handler. May use everything below floor 9, and server/.
#ifndef DS_SERVER_ROUTES_H
#define DS_SERVER_ROUTES_H

#include "ask/ask.h"
#include "server/http.h"
#include "server/server.h"

// What a handler is given. Lives until it returns.
typedef struct ds_call {
  const ds_http_request *request; // target decoded, headers, body; NULL body = none
  const char *name;               // what the path has in place of {name}, else ""
  const ds_ask *ask;              // the store as it was when the request was taken
  ds_arena *arena;                // what one request may hold
  ds_progress *progress;          // stopped when the client has gone, or the time is over
  size_t memory_bytes;            // the budget of its question
  uint32_t threads;
} ds_call;

// What a handler fills in; at first status 200, JSON, an empty body with a limit.
typedef struct ds_reply {
  uint32_t status;
  const char *type;   // Content-Type; it and the next are texts that live for ever
  const char *option; // that an error speaks of, or NULL
  ds_buf body;
} ds_reply;

// One route. Handlers run on several threads at once, and may take long; an error becomes
// application/problem+json with the HTTP status of its code.
typedef struct ds_route {
  ds_http_method method;
  const char *path; // "/v1/questions/{name}"; {name} stands for one step
  const char *purpose;
  ds_code (*answer)(ds_call *call, ds_reply *reply, ds_error *err);
  // The answer follows from the store and the request alone: it has an ETag and is kept.
  bool kept;
  // In place of `answer`: on the loop's thread, must not wait, replies to the exchange itself.
  void (*at_once)(ds_server *server, ds_http_exchange *exchange, const char *name);
} ds_route;

// The table.
extern const ds_route ds_routes[];
extern const uint32_t ds_routes_count;

// The route of a path and method. *ret_name is set to the step for {name}. *ret_methods gets the
// methods that the path has (0: there is no such path), for those who ask with another.
const ds_route *ds_route_find(const char *path, ds_http_method method, const char **ret_name,
                              unsigned *ret_methods);

// --- the handlers of questions.c
ds_code ds_answer_question(ds_call *call, ds_reply *reply, ds_error *err);

// --- the handlers of api_boards.c
ds_code ds_answer_boards(ds_call *call, ds_reply *reply, ds_error *err);
ds_code ds_answer_board(ds_call *call, ds_reply *reply, ds_error *err);
ds_code ds_answer_board_put(ds_call *call, ds_reply *reply, ds_error *err);
ds_code ds_answer_board_delete(ds_call *call, ds_reply *reply, ds_error *err);

#endif
