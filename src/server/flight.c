// SPDX-License-Identifier: Apache-2.0
// From a request to its answer. What is in the cache goes out at once; what is under way already is
// waited for; else a flight is made. A store that has changed is opened anew first, on another
// thread, and those who ask meanwhile wait for it: who has written sees what was written.
#include <stdlib.h>
#include <strings.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "server/server_state.h"

#define REPLY_BYTES_MAX ((size_t)1 << 30)
// Shorter answers are not worth compressing.
#define GZIP_BYTES_MIN 1024u

enum { STATUS_OK = 200, NOT_MODIFIED = 304, TOO_MANY = 429 };

static void fly(ds_server *server, server_waiter *waiter);

// --- sessions

static void closing_run(ds_work_item *item) { ds_ask_free(((server_session *)item)->ask); }

static void closing_done(ds_work_item *item) { free(item); }

void ds_server_session_free(ds_server *server, server_session *session) {
  if (session == NULL || --session->holders > 0)
    return;
  // A large snapshot takes a while to give back: not on the loop's thread.
  session->item = (ds_work_item){.run = closing_run, .done = closing_done};
  if (server->http != NULL && ds_http_errand(server->http, &session->item))
    return;
  closing_run(&session->item);
  closing_done(&session->item);
}

// The store opened anew.
typedef struct opening {
  ds_work_item item; // first
  ds_server *server;
  server_session *before;
  ds_ask *ask;
  ds_error error;
} opening;

static void opening_run(ds_work_item *item) {
  opening *work = (opening *)item;
  ds_error err = {.code = DS_OK};
  if (ds_ask_again(work->before->ask, &work->ask, &err) != DS_OK)
    work->error = err;
}

static void opening_done(ds_work_item *item) {
  opening *work = (opening *)item;
  ds_server *server = work->server;
  server_session *session = NULL;
  if (work->error.code == DS_OK)
    session = (server_session *)calloc(1, sizeof *session);
  if (session != NULL) {
    *session = (server_session){.ask = work->ask, .holders = 1};
    ds_server_session_free(server, server->session);
    server->session = session;
  } else if (work->error.code == DS_OK) {
    ds_ask_free(work->ask);
    (void)ds_fail(&work->error, DS_MEMORY, "out of memory for the store");
  }
  ds_server_session_free(server, work->before);
  server->opening = false;
  server_waiter *waiter = server->waiters;
  server->waiters = NULL;
  for (server_waiter *next; waiter != NULL; waiter = next) {
    next = waiter->next;
    if (work->error.code == DS_OK) {
      fly(server, waiter);
      continue;
    }
    *ds_http_slot(waiter->exchange) = NULL;
    ds_server_problem(waiter->exchange, &work->error, 0, NULL);
    free(waiter);
  }
  free(work);
}

// What the kernel has seen nothing of has not changed; but it does not see all (another machine).
static bool has_changed(ds_server *server) {
  const int64_t now = ds_server_now_ns();
  bool changed = false;
  if (!ds_watch_stirred(server->watch) &&
      now - server->looked_ns < (int64_t)DS_SERVER_LOOK_MS * DS_SERVER_NS_PER_MS)
    return false;
  server->looked_ns = now;
  // What cannot be looked at is opened, which says what is wrong.
  changed = ds_ask_changed(server->session->ask, &changed, NULL) != DS_OK || changed;
  // While it has changed, it is looked at again at each request, until it could be opened.
  if (changed)
    server->looked_ns = 0;
  return changed;
}

// Begins to open the store when it has changed; whether it is being opened.
static bool refresh(ds_server *server) {
  if (server->opening || !has_changed(server))
    return server->opening;
  opening *work = (opening *)calloc(1, sizeof *work);
  if (work == NULL)
    return false;
  work->item = (ds_work_item){.run = opening_run, .done = opening_done};
  work->server = server;
  work->before = server->session;
  work->before->holders++;
  server->opening = ds_http_errand(server->http, &work->item);
  if (!server->opening) {
    work->before->holders--;
    free(work);
  }
  return server->opening;
}

// --- what an answer depends on

static int by_name(const void *a, const void *b) {
  const ds_query_pair *left = *(const ds_query_pair *const *)a;
  const ds_query_pair *right = *(const ds_query_pair *const *)b;
  const int order = strcmp(left->name, right->name);
  // Of one name the order given counts.
  return order != 0 ? order : left < right ? -1 : left > right;
}

// Options in another order are the same question.
static bool key_of(const ds_server *server, const ds_http_request *request, ds_cache_key *ret_key) {
  const ds_query_pair *sorted[DS_QUERY_PARAMETERS_MAX];
  const ds_query *target = &request->target;
  char identity[DS_ASK_IDENTITY_BYTES];
  const ds_ask *ask = server->session->ask;
  // Of a store without events the instant of an answer is the clock's.
  if (ask->snapshot->events == 0)
    return false;
  ds_ask_identity(ask, ask->io->ops->now_ms(ask->io), identity);
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  XXH3_128bits_update(&state, identity, sizeof identity);
  XXH3_128bits_update(&state, target->path, strlen(target->path) + 1);
  for (uint32_t i = 0; i < target->parameters_count; i++)
    sorted[i] = &target->parameters[i];
  qsort(sorted, target->parameters_count, sizeof *sorted, by_name);
  for (uint32_t i = 0; i < target->parameters_count; i++) {
    XXH3_128bits_update(&state, sorted[i]->name, strlen(sorted[i]->name) + 1);
    XXH3_128bits_update(&state, sorted[i]->value, strlen(sorted[i]->value) + 1);
  }
  XXH3_128bits_update(&state, request->body.data, request->body.size);
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  *ret_key = (ds_cache_key){hash.high64, hash.low64};
  return true;
}

// The ETag of a form is this text in quotes; the compressed one's ends with -gz.
static void tag_of(ds_cache_key key, char out[DS_SERVER_ID_BYTES]) {
  snprintf(out, DS_SERVER_ID_BYTES, "%016llx%016llx", (unsigned long long)key.high,
           (unsigned long long)key.low);
}

// --- answers in their forms

static ds_http_answer *make_answer(const ds_reply *reply, ds_buf *body, const server_flight *f,
                                   bool gzip) {
  char tag[DS_SERVER_ID_BYTES] = "", etag[DS_SERVER_ID_BYTES + 8];
  ds_http_header headers[8] = {{"Cache-Control", f->has_key ? "no-cache" : "no-store"}};
  uint32_t count = 1;
  tag_of(f->key, tag);
  snprintf(etag, sizeof etag, gzip ? "\"%s-gz\"" : "\"%s\"", tag);
  if (f->has_key && reply->status == STATUS_OK) {
    headers[count++] = (ds_http_header){"ETag", etag};
    headers[count++] = (ds_http_header){"Vary", "Accept-Encoding"};
  }
  if (gzip)
    headers[count++] = (ds_http_header){"Content-Encoding", "gzip"};
  headers[count] = (ds_http_header){NULL, NULL};
  return ds_http_answer_new(reply->status, reply->type, body, headers);
}

// --- flights

static void flight_free(server_flight *f) {
  ds_server *server = f->server;
  for (server_flight **at = &server->flights; *at != NULL; at = &(*at)->next)
    if (*at == f) {
      *at = f->next;
      break;
    }
  ds_server_session_free(server, f->session);
  ds_http_request_free(f->request);
  ds_http_answer_free(f->source);
  ds_buf_done(&f->reply.body);
  ds_buf_done(&f->compressed);
  ds_arena_done(&f->arena);
  pthread_mutex_destroy(&f->told.lock);
  free(f);
}

static void note_progress(void *context, const char *phase, uint64_t done, uint64_t total,
                          const char *unit) {
  server_progress *told = (server_progress *)context;
  pthread_mutex_lock(&told->lock);
  told->phase = phase;
  told->done = done;
  told->total = total;
  told->unit = unit;
  told->reports++;
  pthread_mutex_unlock(&told->lock);
}

static size_t share_of(const ds_server *server) {
  // Half of the budget is for what runs, in equal shares; of a share half is for its texts.
  return server->options.memory_bytes / 2 / DS_SERVER_WORKERS;
}

static void answer(server_flight *f) {
  ds_server *server = f->server;
  ds_call call = {.request = f->request, .name = f->name, .ask = f->session->ask,
                  .arena = &f->arena, .progress = &f->progress,
                  .threads = server->options.threads, .memory_bytes = share_of(server)};
  ds_error err = {.code = DS_OK};
  ds_code code = f->route->answer(&call, &f->reply, &err);
  if (code == DS_OK)
    code = ds_buf_check(&f->reply.body, "the answer", &err);
  if (code == DS_OK && f->arena.refused)
    code = ds_fail(&err, DS_MEMORY, "the answer is larger than the memory of one question");
  if (code != DS_OK)
    f->error = err;
}

static void flight_run(ds_work_item *item) {
  server_flight *f = (server_flight *)item;
  if (ds_progress_stopped(&f->progress)) {
    (void)ds_fail(&f->error, DS_INTERRUPTED, "stopped");
    return;
  }
  if (f->source == NULL)
    answer(f);
  const ds_str body = f->source != NULL
                          ? ds_http_answer_body(f->source)
                          : (ds_str){(const char *)f->reply.body.data,
                                     (uint32_t)f->reply.body.size};
  if (f->error.code == DS_OK && f->reply.status == STATUS_OK && body.size >= GZIP_BYTES_MIN &&
      atomic_load(&f->gzip))
    ds_gzip(body, &f->compressed);
}

static void send_to_all(server_flight *f, const ds_cache_entry *entry) {
  server_waiter *waiter = f->waiters;
  f->waiters = NULL;
  for (server_waiter *next; waiter != NULL; waiter = next) {
    next = waiter->next;
    *ds_http_slot(waiter->exchange) = NULL;
    if (f->error.code != DS_OK)
      ds_server_problem(waiter->exchange, &f->error, 0, f->reply.option);
    else
      ds_http_reply(waiter->exchange, waiter->gzip && entry->compressed != NULL ? entry->compressed
                                                                                : entry->plain);
    free(waiter);
  }
}

static void flight_done(ds_work_item *item) {
  server_flight *f = (server_flight *)item;
  ds_cache_entry entry = {.plain = NULL};
  if (f->error.code == DS_OK) {
    entry.plain = f->source != NULL ? ds_http_answer_share(f->source)
                                    : make_answer(&f->reply, &f->reply.body, f, false);
    if (f->compressed.size > 0)
      entry.compressed = make_answer(&f->reply, &f->compressed, f, true);
    if (entry.plain == NULL)
      (void)ds_fail(&f->error, DS_MEMORY, "out of memory for the answer");
  }
  if (f->error.code == DS_OK && f->has_key && f->reply.status == STATUS_OK)
    ds_cache_put(f->server->cache, f->key, &entry);
  send_to_all(f, &entry);
  ds_http_answer_free(entry.plain);
  ds_http_answer_free(entry.compressed);
  flight_free(f);
}

// A flight of nobody yet; NULL without memory.
static server_flight *flight_new(ds_server *server, const server_waiter *waiter) {
  server_flight *f = (server_flight *)calloc(1, sizeof *f);
  if (f == NULL)
    return NULL;
  f->item = (ds_work_item){.run = flight_run, .done = flight_done};
  f->server = server;
  f->route = waiter->route;
  f->name = waiter->name;
  f->session = server->session;
  f->session->holders++;
  f->reply = (ds_reply){.status = STATUS_OK, .type = "application/json"};
  f->progress.report = note_progress;
  f->progress.context = &f->told;
  pthread_mutex_init(&f->told.lock, NULL);
  ds_arena_init(&f->arena, share_of(server) / 2);
  ds_buf_init(&f->reply.body, REPLY_BYTES_MAX);
  ds_buf_init(&f->compressed, REPLY_BYTES_MAX);
  f->next = server->flights;
  server->flights = f;
  return f;
}

static void join(server_flight *f, server_waiter *waiter) {
  waiter->flight = f;
  waiter->next = f->waiters;
  f->waiters = waiter;
  if (waiter->gzip)
    atomic_store(&f->gzip, true);
}

// --- requests

static void refuse(server_waiter *waiter, const ds_error *err, uint32_t status) {
  *ds_http_slot(waiter->exchange) = NULL;
  ds_server_problem(waiter->exchange, err, status, NULL);
  free(waiter);
}

// Whether the client has this answer already.
static bool has_it(const ds_http_request *request, ds_cache_key key) {
  char tag[DS_SERVER_ID_BYTES];
  const char *held = ds_http_header_of(request, "If-None-Match");
  tag_of(key, tag);
  return held != NULL && request->method == DS_HTTP_GET && strstr(held, tag) != NULL;
}

static void reply_not_modified(server_waiter *waiter, ds_cache_key key) {
  char tag[DS_SERVER_ID_BYTES], etag[DS_SERVER_ID_BYTES + 8];
  tag_of(key, tag);
  snprintf(etag, sizeof etag, waiter->gzip ? "\"%s-gz\"" : "\"%s\"", tag);
  const ds_http_header headers[] = {{"ETag", etag}, {"Vary", "Accept-Encoding"},
                                    {"Cache-Control", "no-cache"}, {NULL, NULL}};
  ds_http_answer *same = ds_http_answer_fixed(NOT_MODIFIED, NULL, "", 0, headers);
  *ds_http_slot(waiter->exchange) = NULL;
  ds_http_reply(waiter->exchange, same);
  ds_http_answer_free(same);
  free(waiter);
}

static server_flight *under_way(const ds_server *server, ds_cache_key key) {
  for (server_flight *f = server->flights; f != NULL; f = f->next)
    if (f->has_key && f->key.high == key.high && f->key.low == key.low &&
        !ds_progress_stopped(&f->progress))
      return f;
  return NULL;
}

// Replies from the cache. Otherwise *ret_source is a plain answer that is to be compressed, or
// NULL.
static bool reply_kept(ds_server *server, server_waiter *waiter, ds_cache_key key,
                       ds_http_answer **ret_source) {
  const ds_cache_entry *entry = ds_cache_get(server->cache, key);
  *ret_source = NULL;
  if (entry == NULL)
    return false;
  const bool compressible = ds_http_answer_body(entry->plain).size >= GZIP_BYTES_MIN;
  if (waiter->gzip && compressible && entry->compressed == NULL) {
    *ret_source = entry->plain;
    return false;
  }
  *ds_http_slot(waiter->exchange) = NULL;
  ds_http_reply(waiter->exchange, waiter->gzip && compressible ? entry->compressed : entry->plain);
  free(waiter);
  return true;
}

static void fly(ds_server *server, server_waiter *waiter) {
  const ds_http_request *request = ds_http_request_of(waiter->exchange);
  ds_error err = {.code = DS_OK};
  ds_cache_key key = {0, 0};
  ds_http_answer *source = NULL;
  const bool has_key = waiter->route->kept && key_of(server, request, &key);
  if (has_key && has_it(request, key)) {
    reply_not_modified(waiter, key);
    return;
  }
  if (has_key && reply_kept(server, waiter, key, &source))
    return;
  server_flight *f = has_key ? under_way(server, key) : NULL;
  if (f != NULL) {
    join(f, waiter);
    return;
  }
  f = flight_new(server, waiter);
  if (f == NULL) {
    (void)ds_fail(&err, DS_MEMORY, "out of memory for the request");
    refuse(waiter, &err, 0);
    return;
  }
  f->has_key = has_key;
  f->key = key;
  f->source = source == NULL ? NULL : ds_http_answer_share(source);
  // Once it is handed over, what is its thread's is no longer looked at.
  f->request = ds_http_request_take(waiter->exchange);
  join(f, waiter);
  if (ds_http_work(server->http, &f->item))
    return;
  f->waiters = NULL;
  (void)ds_fail(&err, DS_BUSY, "too many questions wait already: try again");
  refuse(waiter, &err, TOO_MANY);
  flight_free(f);
}

static void read_id(const ds_http_request *request, char out[DS_SERVER_ID_BYTES]) {
  const char *id = ds_http_header_of(request, "X-Request-Id");
  const bool good = id != NULL && strlen(id) == DS_SERVER_ID_BYTES - 1 &&
                    strspn(id, "0123456789abcdefABCDEF") == DS_SERVER_ID_BYTES - 1;
  snprintf(out, DS_SERVER_ID_BYTES, "%s", good ? id : "");
}

void ds_server_ask(ds_server *server, ds_http_exchange *exchange, const ds_route *route,
                   const char *name) {
  const ds_http_request *request = ds_http_request_of(exchange);
  server_waiter *waiter = (server_waiter *)calloc(1, sizeof *waiter);
  if (waiter == NULL) {
    ds_http_reply(exchange, NULL);
    return;
  }
  waiter->exchange = exchange;
  waiter->route = route;
  waiter->name = name;
  waiter->gzip = ds_takes_gzip(request);
  waiter->until_ns =
      ds_server_now_ns() + (int64_t)server->options.timeout_ms * DS_SERVER_NS_PER_MS;
  read_id(request, waiter->id);
  *ds_http_slot(exchange) = waiter;
  if (refresh(server)) {
    waiter->next = server->waiters;
    server->waiters = waiter;
    return;
  }
  fly(server, waiter);
}

void ds_server_give_up(ds_server *server, server_waiter *waiter, const ds_error *err) {
  server_flight *f = waiter->flight;
  server_waiter **at = f != NULL ? &f->waiters : &server->waiters;
  while (*at != waiter)
    at = &(*at)->next;
  *at = waiter->next;
  *ds_http_slot(waiter->exchange) = NULL;
  if (err != NULL)
    ds_server_problem(waiter->exchange, err, 0, NULL);
  free(waiter);
  if (f != NULL && f->waiters == NULL)
    atomic_store(&f->progress.stop, 1);
}

server_waiter *ds_server_waiter_of(const ds_server *server, const char *id) {
  for (const server_flight *f = server->flights; f != NULL; f = f->next)
    for (server_waiter *w = f->waiters; w != NULL; w = w->next)
      if (strcasecmp(w->id, id) == 0)
        return w;
  for (server_waiter *w = server->waiters; w != NULL; w = w->next)
    if (strcasecmp(w->id, id) == 0)
      return w;
  return NULL;
}

static void expire(ds_server *server, server_waiter *waiters, int64_t now_ns) {
  ds_error err = {.code = DS_OK};
  for (server_waiter *next; waiters != NULL; waiters = next) {
    next = waiters->next;
    if (now_ns < waiters->until_ns)
      continue;
    (void)ds_fail(&err, DS_INTERRUPTED, "the answer took longer than %u s, which --timeout sets",
                  server->options.timeout_ms / 1000);
    ds_server_give_up(server, waiters, &err);
  }
}

void ds_server_expire(ds_server *server, int64_t now_ns) {
  for (server_flight *f = server->flights; f != NULL; f = f->next)
    expire(server, f->waiters, now_ns);
  expire(server, server->waiters, now_ns);
}

void ds_server_stop_flights(ds_server *server) {
  for (server_flight *f = server->flights; f != NULL; f = f->next)
    atomic_store(&f->progress.stop, 1);
}
