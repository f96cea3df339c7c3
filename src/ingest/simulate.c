// SPDX-License-Identifier: Apache-2.0
// Chunks of customers are made on several threads; each thread then waits for its chunk's turn and
// hands it on, so that the output is the one of a single thread. Orders are counted in that order:
// the chunk in which the wanted number is reached is made once more up to it.
#include "ingest/simulate.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/pool.h"
#include "ingest/simulate_shop.h"
#include "ingest/simulate_text.h"

enum {
  CHUNK_CUSTOMERS = 512,
  CHUNK_BYTES_MAX = 64 << 20,
  REPORT_CHUNKS = 64,
};
#define ORDERS_MAX 1000000000u

typedef struct pipeline pipeline;

// What one thread has made: encoded events of a chunk's customers.
typedef struct worker {
  ds_buf out;
  uint64_t hash[CHUNK_CUSTOMERS]; // of the subjects
  size_t end[CHUNK_CUSTOMERS];    // of the customer's bytes in `out`
  uint32_t customers;
  uint64_t orders;
  uint64_t events;
  ds_shop_event event[DS_SHOP_CUSTOMER_EVENTS_MAX];
} worker;

struct pipeline {
  const ds_simulate_options *options;
  ds_shop shop;
  // Encodes one customer's events into `out`; hands a finished chunk on.
  ds_code (*encode)(pipeline *to, worker *by, uint64_t customer, uint32_t count, ds_error *err);
  ds_code (*pass)(pipeline *to, const worker *by, ds_error *err);
  worker *workers;
  pthread_mutex_t mutex; // guards what follows
  pthread_cond_t turned;
  uint32_t turn; // the chunk that may be handed on now
  bool failed;
  uint64_t orders; // handed on
  uint64_t events;
  // Where text goes.
  bool ndjson;
  ds_code (*emit)(void *context, const void *data, size_t size, ds_error *err);
  void *context;
  // Where rows go.
  ds_store *store;
  ds_stage_area *stage;
  const ds_import_scope *scope;
};

void ds_simulate_options_init(ds_simulate_options *options) {
  *options = (ds_simulate_options){
      .struct_size = sizeof *options,
      .orders = 20000,
      .seed = 1,
      .kind = "shop",
      .threads = 1,
  };
}

static ds_code check_options(const ds_simulate_options *options, ds_error *err) {
  if (strcmp(options->kind, "shop") != 0)
    return ds_fail(err, DS_USAGE, "no simulation of kind '%.100s'; there is: shop",
                   options->kind);
  if (options->orders == 0 || options->orders > ORDERS_MAX)
    return ds_fail(err, DS_USAGE, "orders must be 1 to %u", ORDERS_MAX);
  if (options->threads == 0 || options->threads > DS_THREADS_MAX)
    return ds_fail(err, DS_USAGE, "threads must be 1 to %u", DS_THREADS_MAX);
  return DS_OK;
}

// Makes the customers of a chunk, up to `orders_max` orders together.
static ds_code make_chunk(pipeline *to, worker *by, uint32_t chunk, uint64_t orders_max,
                          ds_error *err) {
  ds_buf_reset(&by->out);
  by->customers = 0;
  by->orders = 0;
  by->events = 0;
  while (by->customers < CHUNK_CUSTOMERS && by->orders < orders_max) {
    const uint64_t customer = (uint64_t)chunk * CHUNK_CUSTOMERS + by->customers + 1;
    const uint64_t left = orders_max - by->orders;
    uint32_t orders = 0;
    const uint32_t count =
        ds_shop_customer(&to->shop, customer, left < UINT32_MAX ? (uint32_t)left : UINT32_MAX,
                         by->event, &orders);
    TRY(to->encode(to, by, customer, count, err));
    by->end[by->customers++] = by->out.size;
    by->orders += orders;
    by->events += count;
  }
  return ds_buf_check(&by->out, "a chunk of the simulation", err);
}

static ds_code hand_on(pipeline *to, worker *by, uint32_t chunk, ds_error *err) {
  ds_progress *progress = to->options->progress;
  if (ds_progress_stopped(progress))
    return ds_fail(err, DS_INTERRUPTED, "stopped");
  const uint64_t left = to->options->orders - to->orders;
  if (left == 0)
    return DS_OK;
  if (by->orders > left)
    TRY(make_chunk(to, by, chunk, left, err));
  TRY(to->pass(to, by, err));
  // Others ask is_done() meanwhile; only who has the turn writes.
  pthread_mutex_lock(&to->mutex);
  to->orders += by->orders;
  to->events += by->events;
  pthread_mutex_unlock(&to->mutex);
  if (progress != NULL && progress->report != NULL && chunk % REPORT_CHUNKS == 0)
    progress->report(progress->context, "simulating", to->orders, to->options->orders, "orders");
  return DS_OK;
}

// Waits until all chunks before are handed on. False when one of them failed.
static bool wait_turn(pipeline *to, uint32_t chunk) {
  pthread_mutex_lock(&to->mutex);
  while (to->turn != chunk && !to->failed)
    pthread_cond_wait(&to->turned, &to->mutex);
  const bool go = !to->failed;
  pthread_mutex_unlock(&to->mutex);
  return go;
}

static void end_turn(pipeline *to, bool failed) {
  pthread_mutex_lock(&to->mutex);
  to->turn++;
  to->failed = to->failed || failed;
  pthread_cond_broadcast(&to->turned);
  pthread_mutex_unlock(&to->mutex);
}

static bool is_done(pipeline *to) {
  pthread_mutex_lock(&to->mutex);
  const bool done = to->orders == to->options->orders || to->failed;
  pthread_mutex_unlock(&to->mutex);
  return done;
}

static ds_code run_chunk(void *context, uint32_t thread, uint32_t chunk, ds_error *err) {
  pipeline *to = (pipeline *)context;
  worker *by = &to->workers[thread];
  ds_code code = is_done(to) ? DS_OK : make_chunk(to, by, chunk, UINT64_MAX, err);
  if (!wait_turn(to, chunk))
    return code;
  if (code == DS_OK && !is_done(to))
    code = hand_on(to, by, chunk, err);
  end_turn(to, code != DS_OK);
  return code;
}

// Runs the pipeline over as many chunks as the orders can need: every customer has at least one.
static ds_code run_pipeline(pipeline *to, ds_error *err) {
  const ds_simulate_options *options = to->options;
  ds_shop_init(&to->shop, options->seed, options->milliseconds);
  to->workers = (worker *)calloc(options->threads, sizeof *to->workers);
  if (to->workers == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a simulation");
  for (uint32_t i = 0; i < options->threads; i++)
    ds_buf_init(&to->workers[i].out, CHUNK_BYTES_MAX);
  pthread_mutex_init(&to->mutex, NULL);
  pthread_cond_init(&to->turned, NULL);
  const uint32_t chunks =
      (uint32_t)((options->orders + CHUNK_CUSTOMERS - 1) / CHUNK_CUSTOMERS);
  // The stop flag is looked at within the turn: a chunk that was given out must take its turn.
  const ds_code code = ds_parallel(options->threads, chunks, run_chunk, to, NULL, err);
  assert(code != DS_OK || to->orders == options->orders);
  pthread_cond_destroy(&to->turned);
  pthread_mutex_destroy(&to->mutex);
  for (uint32_t i = 0; i < options->threads; i++)
    ds_buf_done(&to->workers[i].out);
  free(to->workers);
  return code;
}

static ds_code encode_text(pipeline *to, worker *by, uint64_t customer, uint32_t count,
                           ds_error *err) {
  char *start =
      (char *)ds_buf_reserve(&by->out, (size_t)count * DS_SHOP_LINE_BYTES_MAX);
  if (start == NULL)
    return ds_buf_check(&by->out, "a chunk of the simulation", err);
  char *at = start;
  for (uint32_t i = 0; i < count; i++)
    at = to->ndjson
             ? ds_shop_put_ndjson(at, customer, i + 1, &by->event[i], to->options->basic)
             : ds_shop_put_csv(at, customer, &by->event[i], to->options->basic);
  by->out.size += (size_t)(at - start);
  return DS_OK;
}

static ds_code pass_text(pipeline *to, const worker *by, ds_error *err) {
  return to->emit(to->context, by->out.data, by->out.size, err);
}

ds_code ds_simulate_text(const ds_simulate_options *options, const char *format,
                         ds_code (*emit)(void *context, const void *data, size_t size,
                                         ds_error *err),
                         void *context, ds_error *err) {
  TRY(check_options(options, err));
  pipeline to = {
      .options = options,
      .encode = encode_text,
      .pass = pass_text,
      .ndjson = strcmp(format, "ndjson") == 0,
      .emit = emit,
      .context = context,
  };
  if (!to.ndjson && strcmp(format, "csv") != 0)
    return ds_fail(err, DS_USAGE, "a simulation is written as csv or ndjson, not '%.100s'", format);
  const char *head = ds_shop_csv_head(options->basic);
  if (!to.ndjson)
    TRY(emit(context, head, strlen(head), err));
  return run_pipeline(&to, err);
}

// Codes of names in the simulation's space: touchpoints are numbered as in ds_shop_touchpoint.
enum { KEY_ORDER, KEY_PARCEL, KEY_TICKET, KEYS };
enum { P_VALUE, P_CURRENCY, P_STATE, P_CARRIER, P_PROMISE, P_REASON, P_STARS, P_CHANNEL,
       PROPERTIES };

static ds_code add_names(ds_names *names, const char *const *texts, uint32_t count,
                         ds_error *err) {
  for (uint32_t i = 0; i < count; i++) {
    uint32_t index = 0;
    TRY(ds_names_add(names, ds_str_of(texts[i]), &index, err));
    assert(index == i);
  }
  return DS_OK;
}

static ds_code fill_space(ds_space *space, ds_error *err) {
  static const char *const keys[KEYS] = {"order_id", "parcel_id", "ticket_id"};
  static const char *const properties[PROPERTIES] = {
      "value", "currency", "state", "carrier", "promise", "reason", "stars", "channel"};
  static const char *const sources[] = {"simulate"};
  TRY(add_names(&space->touchpoints, ds_shop_touchpoint_names, DS_SHOP_TOUCHPOINTS_COUNT, err));
  TRY(add_names(&space->keys, keys, KEYS, err));
  TRY(add_names(&space->properties, properties, PROPERTIES, err));
  return add_names(&space->sources, sources, 1, err);
}

static void add_text(ds_event *row, uint16_t name, const char *text) {
  if (text[0] != '\0')
    row->properties[row->properties_count++] = (ds_event_property){
        name, {.type = DS_TYPE_STRING, .text = ds_str_of(text)}};
}

static void add_properties(ds_event *row, const ds_shop_event *event) {
  if (event->value_cents != 0) {
    row->properties[row->properties_count++] = (ds_event_property){
        P_VALUE, {.type = DS_TYPE_NUMBER, .number = (double)event->value_cents / 100.0}};
    add_text(row, P_CURRENCY, "USD");
    add_text(row, P_STATE, ds_shop_state_names[event->state]);
  }
  add_text(row, P_CARRIER, ds_shop_carrier_names[event->carrier]);
  if (event->promise_day != 0)
    row->properties[row->properties_count++] = (ds_event_property){
        P_PROMISE, {.type = DS_TYPE_DATE, .i = event->promise_day}};
  add_text(row, P_REASON, ds_shop_reason_names[event->reason]);
  if (event->stars != 0)
    row->properties[row->properties_count++] = (ds_event_property){
        P_STARS, {.type = DS_TYPE_NUMBER, .number = event->stars}};
  add_text(row, P_CHANNEL, ds_shop_channel_names[event->channel]);
}

static void add_key(ds_event *row, uint16_t name, const char *start, const char *end) {
  row->keys[row->keys_count++] =
      (ds_event_key){name, {start, (uint32_t)(end - start)}};
}

static ds_code encode_rows(pipeline *to, worker *by, uint64_t customer, uint32_t count,
                           ds_error *err) {
  char subject[48] = "customer_id=";
  char *end = ds_shop_put_customer(subject + strlen("customer_id="), customer);
  const ds_str subject_text = {subject, (uint32_t)(end - subject)};
  by->hash[by->customers] = ds_subject_hash(subject_text);
  for (uint32_t i = 0; i < count; i++) {
    const ds_shop_event *event = &by->event[i];
    char order[24];
    char parcel[24];
    char ticket[24];
    ds_event_key keys[KEYS];
    ds_event_property properties[PROPERTIES];
    ds_event row = {
        .touchpoint = event->touchpoint,
        .import = to->scope->id,
        .has_id = true,
        .time_ms = event->time_ms,
        .received_ms = event->time_ms,
        .id = ds_shop_mix(to->shop.seed + customer * DS_SHOP_CUSTOMER_EVENTS_MAX + i),
        .arrival = to->scope->arrival,
        .subject = subject_text,
        .keys = keys,
        .properties = properties,
    };
    add_key(&row, KEY_ORDER, order, ds_shop_put_order(order, customer, event));
    if (event->parcel != 0)
      add_key(&row, KEY_PARCEL, parcel, ds_shop_put_parcel(parcel, customer, event));
    if (event->ticket != 0)
      add_key(&row, KEY_TICKET, ticket, ds_shop_put_ticket(ticket, customer, event));
    add_properties(&row, event);
    TRY(ds_event_encode(&row, &by->out, err));
  }
  return DS_OK;
}

static ds_code pass_rows(pipeline *to, const worker *by, ds_error *err) {
  size_t at = 0;
  for (uint32_t c = 0; c < by->customers; c++) {
    while (at < by->end[c]) {
      uint32_t size = 0;
      memcpy(&size, by->out.data + at, sizeof size);
      TRY(ds_stage_row(to->stage, by->hash[c], by->out.data + at, size, err));
      at += size;
    }
  }
  return DS_OK;
}

static ds_code finish(pipeline *to, ds_build_stats *ret_stats, ds_error *err) {
  char files[96];
  ds_io *io = ds_store_io(to->store);
  snprintf(files, sizeof files, "%llu orders, seed %llu",
           (unsigned long long)to->options->orders, (unsigned long long)to->options->seed);
  ds_import_info info = {
      .id = to->scope->id,
      .when_ms = io->ops->now_ms(io),
      .mapping = "simulate",
      .files = files,
      .fingerprint = ds_shop_mix(to->shop.seed ^ to->options->orders),
      .rows = to->events,
  };
  return ds_stage_finish(to->stage, &info, ret_stats, err);
}

ds_code ds_simulate_store(const ds_simulate_options *options, ds_store *store,
                          ds_build_stats *ret_stats, ds_error *err) {
  TRY(check_options(options, err));
  pipeline to = {.options = options, .encode = encode_rows, .pass = pass_rows, .store = store};
  ds_space space;
  ds_space_init(&space);
  ds_code code = fill_space(&space, err);
  if (code == DS_OK)
    code = ds_stage_new(store, &space, options->threads,
                        ds_store_get_options(store)->memory_bytes, options->progress, &to.stage,
                        err);
  if (code == DS_OK) {
    to.scope = ds_stage_scope(to.stage);
    code = run_pipeline(&to, err);
  }
  if (code == DS_OK)
    code = finish(&to, ret_stats, err);
  ds_stage_free(to.stage);
  ds_space_done(&space);
  return code;
}
