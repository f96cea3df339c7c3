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
#include "ingest/simulate_rows.h"
#include "ingest/simulate_text.h"
#include "ingest/simulate_walk.h"

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
  ds_buf hashes; // of the rows' subjects
  ds_buf sealed; // scratch
  uint64_t orders;
  uint64_t events;
  uint64_t personal; // values sealed
  ds_sim_journey journey;
} worker;

// A kind of simulation.
typedef struct kind {
  const char *name;
  const char *counted; // what --orders counts
  ds_sim_kind mask;
  ds_sim_make *make;
} kind;

static const kind kinds[] = {
    {"shop", "orders", DS_SIM_SHOP, ds_sim_shop},
    {"saas", "subscriptions", DS_SIM_SAAS, ds_sim_saas},
};

struct pipeline {
  const ds_simulate_options *options;
  const kind *kind;
  ds_sim_world world;
  // Encodes one customer's events into `out`; hands a finished chunk on.
  ds_code (*encode)(pipeline *to, worker *by, uint64_t customer, ds_error *err);
  ds_code (*pass)(pipeline *to, const worker *by, ds_error *err);
  worker *workers;
  pthread_mutex_t mutex; // guards what follows
  pthread_cond_t turned;
  uint32_t turn; // the chunk that may be handed on now
  bool failed;
  uint64_t orders; // handed on
  uint64_t events;
  uint64_t personal;
  // Where text goes.
  ds_sim_text text;
  bool ndjson;
  ds_code (*emit)(void *context, const void *data, size_t size, ds_error *err);
  void *context;
  // Where rows go.
  ds_store *store;
  ds_stage_area *stage;
  ds_sim_codes codes;
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

static const kind *find_kind(const char *name) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kinds[i].name, name) == 0)
      return &kinds[i];
  return NULL;
}

const char *ds_simulate_counted(const char *kind_name) {
  const kind *found = find_kind(kind_name);
  return found != NULL ? found->counted : "orders";
}

static ds_code check_options(const ds_simulate_options *options, ds_error *err) {
  if (find_kind(options->kind) == NULL)
    return ds_fail(err, DS_USAGE, "no simulation of kind '%.100s'; there are: shop, saas",
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
  ds_buf_reset(&by->hashes);
  by->orders = 0;
  by->events = 0;
  by->personal = 0;
  for (uint32_t i = 0; i < CHUNK_CUSTOMERS && by->orders < orders_max; i++) {
    const uint64_t customer = (uint64_t)chunk * CHUNK_CUSTOMERS + i + 1;
    const uint64_t left = orders_max - by->orders;
    to->kind->make(&to->world, customer, left < UINT32_MAX ? (uint32_t)left : UINT32_MAX,
                   &by->journey);
    TRY(to->encode(to, by, customer, err));
    by->orders += by->journey.orders;
    by->events += by->journey.count;
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
  to->personal += by->personal;
  pthread_mutex_unlock(&to->mutex);
  if (progress != NULL && progress->report != NULL && chunk % REPORT_CHUNKS == 0)
    progress->report(progress->context, "simulating", to->orders, to->options->orders,
                     to->kind->counted);
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

static void worker_init(worker *by) {
  ds_buf_init(&by->out, CHUNK_BYTES_MAX);
  ds_buf_init(&by->hashes, CHUNK_BYTES_MAX);
  ds_buf_init(&by->sealed, CHUNK_BYTES_MAX);
}

static void worker_done(worker *by) {
  ds_buf_done(&by->out);
  ds_buf_done(&by->hashes);
  ds_buf_done(&by->sealed);
}

// Runs the pipeline over as many chunks as the orders can need: every customer has at least one.
static ds_code run_pipeline(pipeline *to, ds_error *err) {
  const ds_simulate_options *options = to->options;
  to->kind = find_kind(options->kind);
  ds_sim_world_init(&to->world, options->seed, options->milliseconds, options->basic);
  to->workers = (worker *)calloc(options->threads, sizeof *to->workers);
  if (to->workers == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a simulation");
  for (uint32_t i = 0; i < options->threads; i++)
    worker_init(&to->workers[i]);
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
    worker_done(&to->workers[i]);
  free(to->workers);
  return code;
}

// A file of columns has no ids to know a duplicate by: it holds each event once.
static bool is_written(const pipeline *to, const ds_sim_event *event) {
  return to->ndjson || !event->duplicate;
}

static ds_code encode_text(pipeline *to, worker *by, uint64_t customer, ds_error *err) {
  const ds_sim_journey *journey = &by->journey;
  char *start = (char *)ds_buf_reserve(&by->out, (size_t)journey->count * DS_SIM_LINE_BYTES_MAX);
  if (start == NULL)
    return ds_buf_check(&by->out, "a chunk of the simulation", err);
  char *at = start;
  for (uint32_t i = 0; i < journey->count; i++) {
    const ds_sim_event *event = &journey->events[journey->sequence[i]];
    if (is_written(to, event))
      at = (to->ndjson ? ds_sim_put_ndjson : ds_sim_put_csv)(&to->text, at, customer, event);
  }
  by->out.size += (size_t)(at - start);
  return DS_OK;
}

static ds_code pass_text(pipeline *to, const worker *by, ds_error *err) {
  return to->emit(to->context, by->out.data, by->out.size, err);
}

static ds_code emit_head(pipeline *to, ds_error *err) {
  ds_buf head;
  ds_buf_init(&head, DS_SIM_LINE_BYTES_MAX);
  ds_sim_put_csv_head(&to->text, &head);
  ds_code code = ds_buf_check(&head, "the names of the columns", err);
  if (code == DS_OK)
    code = to->emit(to->context, head.data, head.size, err);
  ds_buf_done(&head);
  return code;
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
      .text = {options->seed, find_kind(options->kind)->mask, options->basic},
      .ndjson = strcmp(format, "ndjson") == 0,
      .emit = emit,
      .context = context,
  };
  if (!to.ndjson && strcmp(format, "csv") != 0)
    return ds_fail(err, DS_USAGE, "a simulation is written as csv or ndjson, not '%.100s'", format);
  if (!to.ndjson)
    TRY(emit_head(&to, err));
  return run_pipeline(&to, err);
}

static ds_code encode_rows(pipeline *to, worker *by, uint64_t customer, ds_error *err) {
  enum { SUBJECT_BYTES_MAX = 64 };
  char account[SUBJECT_BYTES_MAX];
  char device[SUBJECT_BYTES_MAX];
  const ds_sim_event nobody = {.identifiers = 0};
  const ds_str known = ds_sim_subject(account, customer, &nobody);
  const uint64_t known_hash = ds_subject_hash(known);
  ds_sim_seen seen = {{NULL}};
  for (uint32_t i = 0; i < by->journey.count; i++) {
    const ds_sim_event *event = &by->journey.events[by->journey.sequence[i]];
    const bool is_known = (event->identifiers & DS_SIM_NO_ACCOUNT) == 0;
    const ds_str subject = is_known ? known : ds_sim_subject(device, customer, event);
    ds_buf_u64(&by->hashes, is_known ? known_hash : ds_subject_hash(subject));
    ds_sim_see(&seen, customer, event);
    TRY(ds_sim_encode(&to->codes, customer, subject, event, &by->out, &by->sealed, &by->personal,
                      err));
  }
  uint32_t facts = 0;
  TRY(ds_sim_facts(&to->codes, &seen, customer, known, &by->out, &facts, err));
  for (uint32_t i = 0; i < facts; i++)
    ds_buf_u64(&by->hashes, known_hash);
  return ds_buf_check(&by->hashes, "a chunk of the simulation", err);
}

static ds_code pass_rows(pipeline *to, const worker *by, ds_error *err) {
  size_t at = 0;
  for (size_t i = 0; at < by->out.size; i++) {
    uint64_t hash = 0;
    uint32_t size = 0;
    memcpy(&hash, by->hashes.data + i * sizeof hash, sizeof hash);
    memcpy(&size, by->out.data + at, sizeof size);
    TRY(ds_stage_row(to->stage, hash, by->out.data + at, size, err));
    at += size;
  }
  return DS_OK;
}

static ds_code finish(pipeline *to, ds_build_stats *ret_stats, ds_error *err) {
  char files[96];
  ds_io *io = ds_store_io(to->store);
  snprintf(files, sizeof files, "%s: %llu %s, seed %llu", to->kind->name,
           (unsigned long long)to->options->orders, to->kind->counted,
           (unsigned long long)to->options->seed);
  ds_import_info info = {
      .id = to->codes.import,
      .when_ms = io->ops->now_ms(io),
      .mapping = "simulate",
      .files = files,
      .fingerprint = ds_dice_mix(to->world.seed ^ to->options->orders ^ to->kind->mask),
      .rows = to->events,
      .personal_sealed = to->personal,
  };
  return ds_stage_finish(to->stage, &info, ret_stats, err);
}

ds_code ds_simulate_store(const ds_simulate_options *options, ds_store *store,
                          ds_build_stats *ret_stats, ds_error *err) {
  TRY(check_options(options, err));
  pipeline to = {.options = options, .encode = encode_rows, .pass = pass_rows, .store = store};
  ds_space space;
  ds_space_init(&space);
  ds_code code = ds_sim_codes_init(&to.codes, find_kind(options->kind)->mask, &space, err);
  if (code == DS_OK)
    code = ds_stage_new(store, &space, options->threads,
                        ds_store_get_options(store)->memory_bytes, options->progress, &to.stage,
                        err);
  if (code == DS_OK)
    code = ds_store_vault(store, &to.codes.vault, err);
  if (code == DS_OK) {
    const ds_import_scope *scope = ds_stage_scope(to.stage);
    to.codes.import = scope->id;
    to.codes.arrival = scope->arrival;
    to.codes.seed = ds_dice_mix(options->seed);
    code = run_pipeline(&to, err);
  }
  if (code == DS_OK)
    code = finish(&to, ret_stats, err);
  ds_stage_free(to.stage);
  ds_space_done(&space);
  return code;
}
