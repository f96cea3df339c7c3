// SPDX-License-Identifier: Apache-2.0
// Ten processes ask while one appends, imports, seals, compacts, erases people, takes them in
// again, closes, opens, is killed and started again, on POSIX. Batch k adds one event to each
// customer who is not erased, at times and touchpoints that follow from k, so that any answer tells
// what it shows: it must be the store after the first m changes, whole, to the bit (I1, I3, I4),
// with m no less than what was acknowledged before the question began, or than this process has
// seen (I2), and no more than what was attempted when it ended; before and after seal and
// compaction alike (I10). An erasure hides at once, so it may be ahead of the rest. Who is being
// erased is there with all events or with none, and when that is acknowledged, or was seen, with
// none, and no key opens what was sealed of them (I13, V2); who is not can be read (V1). Whoever
// starts to write finds what was acknowledged (I5, I7); readers leave no file open (I12), and what
// they check is sound (I9, I14).
#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "long_run.h"
#include "question_world.h"
#include "store/erase.h"
#include "store_world.h"

enum {
  READERS = 10, CUSTOMERS = 7, TOUCHPOINTS = 3, GONE_MAX = 3, CHANGES_MAX = 1 << 20,
  USUAL_MS = 8000, STRESS_MS = 600000, KILL_MS_MIN = 20, KILL_MS_MAX = 1200,
  ERASING_MS_MAX = 2000, KILL_ERASING_US = 30000,
};
#define START_MS 1600000000000LL

// What the writer does.
typedef enum write_kind {
  STEP_APPEND, STEP_IMPORT, STEP_ERASE, STEP_RETURN, STEP_SEAL, STEP_COMPACT, STEP_REOPEN,
  STEPS_COUNT
} write_kind;

static const char *const touchpoints[TOUCHPOINTS] = {"delivered", "order_placed", "ticket_opened"};

// What the store shows after so many changes. A customer has an event of each batch from `first`
// on, or none while erased.
typedef struct moment {
  uint64_t batches;
  uint64_t first[CUSTOMERS];
  bool is_gone[CUSTOMERS];
} moment;

// What all processes share; survives whoever is killed.
typedef struct meeting {
  atomic_uint_fast64_t attempted; // changes: batches, erasures and returns
  atomic_uint_fast64_t acknowledged;
  atomic_uint_fast64_t answers[READERS];
  atomic_uint_fast64_t busy; // questions put again: a writer died while it changed the vault
  atomic_uint_fast64_t unsealed;
  atomic_uint_fast64_t done[STEPS_COUNT];
  atomic_bool is_erasing; // or taking somebody in again
  atomic_bool stop;
  atomic_bool wrong;
  char message[256]; // of who was first to set `wrong`
  moment moments[CHANGES_MAX + 1];
} meeting;

// A range of changes.
typedef struct span {
  uint64_t from, to;
} span;

// What an answer may show: batches up to a change in one range, erasures up to one in the other,
// which is not before it.
typedef struct view {
  span rows, erasures;
} view;

// One process.
typedef struct party {
  meeting *shared;
  store_world *world;
  ds_space space;
  uint64_t random;
  view seen;     // by the last answer: ranges of one
  uint32_t which;
} party;

// Ends this process and with it the test.
static _Noreturn void fail_all(party *own, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (!atomic_exchange(&own->shared->wrong, true))
    (void)vsnprintf(own->shared->message, sizeof own->shared->message, format, arguments);
  va_end(arguments);
  atomic_store(&own->shared->stop, true);
  _exit(1);
}

// For who asks: false when the question is to be put again.
static bool try(party *own, ds_code code, const char *what, const ds_error *err) {
  if (code == DS_BUSY)
    atomic_fetch_add(&own->shared->busy, 1);
  else if (code != DS_OK)
    fail_all(own, "%s: %s: %s", what, ds_code_name(code), err->message);
  return code == DS_OK;
}

static void must(party *own, ds_code code, const char *what, const ds_error *err) {
  if (code != DS_OK)
    fail_all(own, "%s: %s: %s", what, ds_code_name(code), err->message);
}

// Batch k, from 1: when it happens, and what.
static int64_t time_of(uint64_t k) { return START_MS + (int64_t)(k * (k + 1) / 2) * 1000; }
static uint32_t touchpoint_of(uint64_t k) { return (uint32_t)(k * k / 2 % TOUCHPOINTS); }

static uint64_t id_of(uint64_t k, uint32_t customer) {
  const uint64_t both[2] = {k, customer};
  return XXH3_64bits(both, sizeof both);
}

static void put_subject(char out[32], uint32_t customer) {
  snprintf(out, 32, "customer_id=C%u", customer);
}

static ds_vault_place place_of(const char *subject, uint64_t k) {
  return (ds_vault_place){ds_str_of(subject), ds_str_of(touchpoints[touchpoint_of(k)]),
                          ds_str_of("email")};
}

// The batch behind `now`, of everybody who is not gone; each event has a sealed value.
static void put_rows(party *own, ds_store *store, const moment *now, const ds_import_scope *scope,
                     ds_buf *rows) {
  const uint64_t k = now->batches + 1;
  ds_vault *vault = NULL;
  ds_error err;
  ds_buf sealed;
  ds_buf_init(&sealed, 1u << 16);
  must(own, ds_store_vault(store, &vault, &err), "vault", &err);
  for (uint32_t c = 0; c < CUSTOMERS; c++) {
    char subject[32];
    if (now->is_gone[c])
      continue;
    put_subject(subject, c);
    ds_event_property values[2] = {{.name = 0}, {.name = 1}};
    values[0].value = (ds_value){.type = DS_TYPE_NUMBER, .number = (double)k};
    const ds_vault_place at = place_of(subject, k);
    must(own, ds_vault_seal(vault, &at, &values[0].value, &sealed, &values[1].value, &err), "seal",
         &err);
    const ds_event event = {.touchpoint = (uint16_t)touchpoint_of(k),
                            .has_id = true,
                            .id = id_of(k, c),
                            .time_ms = time_of(k),
                            .subject = ds_str_of(subject),
                            .properties_count = 2,
                            .properties = values,
                            .import = scope == NULL ? 0 : scope->id,
                            .arrival = scope == NULL ? 0 : scope->arrival};
    if (ds_event_encode(&event, rows, NULL) != DS_OK)
      abort();
    ds_buf_reset(&sealed);
  }
  ds_buf_done(&sealed);
}

static ds_store *open_store(party *own, bool write) {
  ds_store_options options;
  ds_store_options_init(&options);
  options.write = options.create = write;
  options.threads = write ? 2 : 1;
  if (write && qw_random(&own->random) % 2 == 0) {
    // Jobs on threads seal and compact all the time.
    options.log_bytes = 4096;
    options.compact = options.background = true;
  }
  ds_store *store = NULL;
  ds_error err;
  must(own, ds_store_open(own->world->path, &options, &store, &err), "open", &err);
  return store;
}

static ds_snapshot *take_snapshot(party *own, ds_store *store) {
  ds_snapshot *snapshot = NULL;
  ds_error err;
  return try(own, ds_store_snapshot(store, &snapshot, &err), "snapshot", &err) ? snapshot : NULL;
}

// The batches of a customer at a moment.
static uint64_t batches_of(const moment *now, uint32_t customer) {
  return now->is_gone[customer] ? 0 : now->batches + 1 - now->first[customer];
}

static uint64_t events_of(const moment *now) {
  uint64_t events = 0;
  for (uint32_t c = 0; c < CUSTOMERS; c++)
    events += batches_of(now, c);
  return events;
}

// Hides who was gone at a later moment.
static void hide(moment *shown, const moment *later) {
  for (uint32_t c = 0; c < CUSTOMERS; c++)
    shown->is_gone[c] = shown->is_gone[c] || later->is_gone[c];
}

// What is shown must be something that it may be; what.
static view find_view(party *own, const view *within, uint64_t events,
                      bool (*is)(const void *shown, const moment *now), const void *shown) {
  const moment *moments = own->shared->moments;
  for (uint64_t m = within->rows.from; m <= within->rows.to; m++) {
    moment now = moments[m];
    for (uint64_t e = m; e <= within->erasures.to; e++) {
      hide(&now, &moments[e]);
      if (e >= within->erasures.from && events_of(&now) == events && is(shown, &now))
        return (view){{m, m}, {e, e}};
    }
  }
  fail_all(own, "%" PRIu64 " events are shown, as after none of %" PRIu64 " to %" PRIu64
           " changes; %" PRIu64 " were seen before", events, within->rows.from, within->rows.to,
           own->seen.rows.from);
}

static int64_t figure(party *own, const ds_table *table, uint32_t row, const char *name) {
  const uint32_t column = ds_table_column(table, name);
  if (column == UINT32_MAX)
    fail_all(own, "the answer lacks the column %s", name);
  const ds_cell cell = table->cells[(size_t)row * table->columns_count + column];
  return table->columns[column].type == DS_CELL_COUNT ? cell.i : (int64_t)cell.number;
}

static uint32_t touchpoint_at(party *own, const ds_table *table, uint32_t row, const char *name) {
  const uint32_t column = ds_table_column(table, name);
  for (uint32_t t = 0; column != UINT32_MAX && t < TOUCHPOINTS; t++)
    if (ds_str_equal(table->cells[(size_t)row * table->columns_count + column].text,
                     ds_str_of(touchpoints[t])))
      return t;
  fail_all(own, "the answer names an unknown touchpoint");
}

// What the process map of a moment must say.
typedef struct process_oracle {
  int64_t nodes[TOUCHPOINTS];
  int64_t edges[TOUCHPOINTS][TOUCHPOINTS];
  int64_t total_ms[TOUCHPOINTS][TOUCHPOINTS];
} process_oracle;

// How many customers have an event of batch k.
static int64_t have_batch(const moment *now, uint64_t k) {
  int64_t count = 0;
  for (uint32_t c = 0; c < CUSTOMERS; c++)
    count += !now->is_gone[c] && now->first[c] <= k;
  return count;
}

static process_oracle solve(const moment *now) {
  process_oracle is = {.nodes = {0}};
  for (uint64_t k = 1; k <= now->batches; k++) {
    const uint32_t to = touchpoint_of(k);
    is.nodes[to] += have_batch(now, k);
    if (k == 1)
      continue;
    const uint32_t from = touchpoint_of(k - 1);
    const int64_t both = have_batch(now, k - 1);
    is.edges[from][to] += both;
    is.total_ms[from][to] += both * (time_of(k) - time_of(k - 1));
  }
  return is;
}

// Each row is as its own fields say, and there are no others with something in them.
static bool is_answer(const void *shown, const moment *now) {
  const process_oracle is = solve(now);
  return memcmp(shown, &is, sizeof is) == 0;
}

// The figures of an answer.
static process_oracle take_answer(party *own, const ds_result *result) {
  process_oracle is = {.nodes = {0}};
  const ds_table *nodes = ds_result_find(result, "nodes");
  const ds_table *edges = ds_result_find(result, "edges");
  if (nodes == NULL || edges == NULL)
    fail_all(own, "a process map lacks a table");
  for (uint32_t r = 0; r < nodes->rows_count; r++)
    is.nodes[touchpoint_at(own, nodes, r, "touchpoint")] += figure(own, nodes, r, "occurrences");
  for (uint32_t r = 0; r < edges->rows_count; r++) {
    const uint32_t from = touchpoint_at(own, edges, r, "from");
    const uint32_t to = touchpoint_at(own, edges, r, "to");
    is.edges[from][to] += figure(own, edges, r, "occurrences");
    is.total_ms[from][to] += figure(own, edges, r, "total_ms");
  }
  return is;
}

static view ask(party *own, const ds_snapshot *snapshot, const view *within) {
  ds_arena arena;
  ds_arena_init(&arena, (size_t)64 << 20);
  const ds_request request = {.snapshot = snapshot, .now_ms = 4000000000000LL, .threads = 1,
                              .memory_bytes = (size_t)64 << 20, .arena = &arena};
  ds_result result;
  ds_error err;
  ds_result_init(&result, &arena, "process");
  must(own, ds_question_run(ds_question_find(ds_str_of("process")), &request, &result, &err),
       "process", &err);
  const process_oracle shown = take_answer(own, &result);
  ds_arena_done(&arena);
  return find_view(own, within, snapshot->events, is_answer, &shown);
}

// The events that a snapshot shows, and what is sealed in them.
typedef struct content {
  uint64_t batches;         // room for these
  uint8_t *met;             // [batch][customer]
  uint64_t first[CUSTOMERS], last[CUSTOMERS], count[CUSTOMERS];
  ds_vault *vault;          // as it was on disk after the snapshot; NULL: none
  span opened;              // between which changes it was read
  uint64_t opens[CUSTOMERS]; // sealed values by it
  uint64_t unsealed;
  bool is_busy; // some were not tried: a writer died while it changed the vault
} content;

static bool is_content(const void *shown, const moment *now) {
  const content *of = shown;
  bool is = true;
  for (uint32_t c = 0; c < CUSTOMERS; c++)
    is = is && of->count[c] == batches_of(now, c) &&
         (of->count[c] == 0 || (of->first[c] == now->first[c] && of->last[c] == now->batches));
  return is;
}

// A value opens to what was sealed, unless the customer was erased since.
static void unseal(party *own, content *of, const ds_event *event, uint64_t k, uint32_t c) {
  char subject[32];
  ds_arena arena;
  ds_error err;
  ds_value value;
  if (of->vault == NULL)
    return;
  put_subject(subject, c);
  ds_arena_init(&arena, 1u << 16);
  const ds_vault_place at = place_of(subject, k);
  const ds_code code =
      ds_vault_unseal(of->vault, &at, &event->properties[1].value, &arena, &value, &err);
  if (code == DS_OK && (value.type != DS_TYPE_NUMBER || value.number != (double)k))
    fail_all(own, "a sealed value of batch %" PRIu64 " is wrong", k);
  if (code != DS_OK && code != DS_NO && code != DS_CORRUPT && code != DS_BUSY)
    must(own, code, "unseal", &err);
  of->opens[c] += code == DS_OK;
  of->unsealed += code != DS_BUSY;
  of->is_busy = of->is_busy || code == DS_BUSY;
  ds_arena_done(&arena);
}

// Each row is an event that was written, and comes once.
static void take_rows(party *own, const ds_space *space, const ds_buf *rows, content *of) {
  ds_event_key keys[DS_EVENT_KEYS_MAX];
  ds_event_property properties[DS_EVENT_PROPERTIES_MAX];
  for (size_t at = 0, size = 0; at < rows->size; at += size) {
    ds_event event = {.keys = keys, .properties = properties};
    ds_error err;
    must(own, ds_event_decode(rows->data + at, rows->size - at, space, &event, &size, &err),
         "decode", &err);
    const uint32_t c = (uint32_t)(event.subject.data[event.subject.size - 1] - '0');
    const uint64_t k = event.properties_count == 2 ? (uint64_t)properties[0].value.number : 0;
    if (c >= CUSTOMERS || k == 0 || k > of->batches || event.time_ms != time_of(k) ||
        event.id != id_of(k, c) || of->met[k * CUSTOMERS + c]++ != 0 ||
        properties[1].value.type != DS_TYPE_SEALED ||
        !ds_str_equal(space->touchpoints.text[event.touchpoint],
                      ds_str_of(touchpoints[touchpoint_of(k)])))
      fail_all(own, "an event is wrong, twice there or too late: batch %" PRIu64 " of %" PRIu64, k,
               of->batches);
    of->first[c] = of->count[c] == 0 || k < of->first[c] ? k : of->first[c];
    of->last[c] = k > of->last[c] ? k : of->last[c];
    of->count[c]++;
    unseal(own, of, &event, k, c);
  }
}

static void take_content(party *own, const ds_snapshot *snapshot, content *of) {
  of->met = calloc((of->batches + 1) * CUSTOMERS, 1);
  ds_block_reader *reader = ds_block_reader_new();
  ds_buf rows;
  ds_buf_init(&rows, 1u << 28);
  for (uint32_t p = 0; p < snapshot->places_count; p++) {
    const ds_place *place = &snapshot->places[p];
    for (uint32_t b = 0; b < ds_part_get_info(place->part)->blocks; b++) {
      ds_error err;
      ds_buf_reset(&rows);
      must(own, ds_part_read_rows(place, b, 0, ds_part_zone(place->part, b)->journeys, reader,
                                  &rows, &err), "rows", &err);
      take_rows(own, &snapshot->space, &rows, of);
    }
  }
  ds_buf_done(&rows);
  ds_block_reader_free(reader);
  free(of->met);
}

// Whether a customer was there, or was not, all the time from moment `from` to moment `to`, without
// an erasure in between.
static bool is_lasting(const party *own, uint32_t c, bool gone, uint64_t from, uint64_t to) {
  const moment *moments = own->shared->moments;
  bool is = true;
  for (uint64_t m = from; m <= to; m++)
    is = is && moments[m].is_gone[c] == gone &&
         (gone || moments[m].first[c] == moments[from].first[c]);
  return is;
}

// The keys open all of who was not erased since the snapshot showed moment `m`, nothing of who was.
static void compare_keys(party *own, const content *of, uint64_t m) {
  for (uint32_t c = 0; c < CUSTOMERS && of->vault != NULL && !of->is_busy; c++) {
    char subject[32];
    put_subject(subject, c);
    if (is_lasting(own, c, false, m, of->opened.to) && of->opens[c] != of->count[c])
      fail_all(own, "%" PRIu64 " of %" PRIu64 " values of somebody who was not erased open",
               of->opens[c], of->count[c]);
    if (is_lasting(own, c, true, of->opened.from, of->opened.to) &&
        (of->opens[c] != 0 || !ds_vault_is_erased(of->vault, ds_str_of(subject))))
      fail_all(own, "%" PRIu64 " values of somebody who was erased open", of->opens[c]);
  }
}

// The changes between two instants; the second is now.
static span span_since(const party *own, uint64_t acknowledged) {
  return (span){acknowledged, atomic_load(&own->shared->attempted)};
}

static view read_whole(party *own, ds_store *store, const ds_snapshot *snapshot,
                       const view *within) {
  content of = {.batches = own->shared->moments[within->rows.to].batches};
  ds_error err;
  const uint64_t acknowledged = atomic_load(&own->shared->acknowledged);
  if (!try(own, ds_store_open_vault(store, &of.vault, &err), "vault", &err))
    of.vault = NULL;
  take_content(own, snapshot, &of);
  of.opened = span_since(own, acknowledged);
  const view shown = find_view(own, within, snapshot->events, is_content, &of);
  compare_keys(own, &of, shown.rows.from);
  ds_vault_close(of.vault);
  atomic_fetch_add(&own->shared->unsealed, of.unsealed);
  return shown;
}

static void note_problem(void *context, const char *line) { fail_all(context, "check: %s", line); }

static uint64_t larger(uint64_t a, uint64_t b) { return a > b ? a : b; }

// One answer, or three when the snapshot is held meanwhile; nothing before `acknowledged`.
static void look(party *own, ds_store *store, uint64_t acknowledged, bool whole, bool held) {
  ds_snapshot *snapshot = take_snapshot(own, store);
  if (snapshot == NULL) {
    usleep(1000);
    return;
  }
  const uint64_t attempted = atomic_load(&own->shared->attempted);
  const view within = {{larger(acknowledged, own->seen.rows.from), attempted},
                       {larger(acknowledged, own->seen.erasures.from), attempted}};
  own->seen = whole ? read_whole(own, store, snapshot, &within) : ask(own, snapshot, &within);
  if (held) {
    usleep(200000);
    (void)read_whole(own, store, snapshot, &own->seen);
    (void)ask(own, snapshot, &own->seen);
  }
  ds_snapshot_free(snapshot);
  atomic_fetch_add(&own->shared->answers[own->which], 1);
}

static uint32_t count_open_files(void) {
  uint32_t count = 0;
  DIR *directory = opendir("/proc/self/fd");
  while (directory != NULL && readdir(directory) != NULL)
    count++;
  (void)closedir(directory);
  return count;
}

// Readers differ: some open the store for each answer, as commands do, some once; some hold a
// snapshot for long; some check.
static void read_on(party *own) {
  const uint32_t which = own->which;
  const uint32_t files = count_open_files();
  ds_store *kept = which % 2 == 0 ? open_store(own, false) : NULL;
  while (!atomic_load(&own->shared->stop)) {
    const uint64_t acknowledged = atomic_load(&own->shared->acknowledged);
    ds_store *store = kept != NULL ? kept : open_store(own, false);
    look(own, store, acknowledged, which % 3 == 0, which >= READERS - 2);
    ds_error err = {.message = ""};
    if (which % 5 == 0)
      (void)try(own, ds_store_check(store, note_problem, own, NULL, &err), "check", &err);
    if (kept == NULL)
      ds_store_close(store);
  }
  ds_store_close(kept);
  if (count_open_files() != files)
    fail_all(own, "a reader leaves files open");
}

static ds_code append(party *own, ds_store *store, const moment *now, ds_error *err) {
  ds_buf rows;
  ds_buf_init(&rows, 1u << 20);
  put_rows(own, store, now, NULL, &rows);
  uint64_t duplicates = 0;
  const ds_code code = ds_store_append(store, &own->space, &rows, &duplicates, err);
  ds_buf_done(&rows);
  if (code == DS_OK && duplicates != 0)
    fail_all(own, "batch %" PRIu64 " was there already", now->batches + 1);
  return code;
}

static ds_code import(party *own, ds_store *store, const moment *now, ds_error *err) {
  ds_import_scope scope;
  TRY(ds_store_import_begin(store, &scope, err));
  const ds_build_options options = {.io = ds_io_posix(),
                                    .directory = scope.directory,
                                    .next = &scope.next_part,
                                    .space = &own->space,
                                    .places = scope.places,
                                    .places_count = scope.places_count,
                                    .dedupe = true};
  ds_builder *builder = NULL;
  ds_buf rows;
  ds_buf_init(&rows, 1u << 20);
  put_rows(own, store, now, &scope, &rows);
  const ds_part_info *parts = NULL;
  uint32_t count = 0;
  ds_code code = ds_builder_new(&options, &builder, err);
  if (code == DS_OK)
    code = world_build_rows(builder, &rows);
  if (code == DS_OK)
    code = ds_builder_finish(builder, &parts, &count, err);
  const uint64_t events = (uint64_t)have_batch(now, now->batches + 1);
  const ds_import_info info = {.when_ms = 5, .mapping = "", .files = "k.csv",
                               .fingerprint = now->batches + 1, .rows = events, .events = events};
  if (code == DS_OK)
    code = ds_store_import_commit(store, &scope, parts, count, &info, err);
  else
    ds_store_import_abort(store, &scope);
  ds_builder_free(builder);
  ds_buf_done(&rows);
  return code;
}

static ds_code erase(ds_store *store, uint32_t c, ds_error *err) {
  char subject[32];
  ds_erasure erasure;
  put_subject(subject, c);
  const ds_str one = ds_str_of(subject);
  TRY(ds_store_erase(store, &one, 1, NULL, &erasure, err));
  return erasure.keys_gone && erasure.events_left == 0
             ? DS_OK
             : ds_fail(err, DS_CORRUPT, "the erasure's own proof says no");
}

static ds_code take_in_again(ds_store *store, uint32_t c, ds_error *err) {
  char subject[32];
  put_subject(subject, c);
  return ds_store_unsuppress(store, ds_str_of(subject), ds_str_of("asked"), err);
}

// Somebody who is gone, or is not; CUSTOMERS: nobody, or too many are gone already.
static uint32_t pick(party *own, const moment *now, bool gone) {
  uint32_t count = 0;
  for (uint32_t c = 0; c < CUSTOMERS; c++)
    count += now->is_gone[c];
  if (gone ? count == 0 : count >= GONE_MAX)
    return CUSTOMERS;
  uint32_t c = (uint32_t)(qw_random(&own->random) % CUSTOMERS);
  while (now->is_gone[c] != gone)
    c = (c + 1) % CUSTOMERS;
  return c;
}

// What the store will show once the change is done.
static void announce(party *own, const moment *next) {
  const uint64_t m = atomic_load(&own->shared->acknowledged) + 1;
  if (m > CHANGES_MAX)
    fail_all(own, "more changes than there is room for");
  own->shared->moments[m] = *next;
  atomic_store(&own->shared->attempted, m);
}

static ds_code change(party *own, ds_store *store, write_kind what, ds_error *err) {
  const moment *now = &own->shared->moments[atomic_load(&own->shared->acknowledged)];
  moment next = *now;
  if (what == STEP_APPEND || what == STEP_IMPORT) {
    next.batches++;
    for (uint32_t c = 0; c < CUSTOMERS; c++)
      next.first[c] += now->is_gone[c]; // if they come back behind this batch
    announce(own, &next);
    return (what == STEP_IMPORT ? import : append)(own, store, now, err);
  }
  const uint32_t who = pick(own, now, what == STEP_RETURN);
  if (who == CUSTOMERS)
    return DS_NO;
  next.is_gone[who] = what == STEP_ERASE;
  next.first[who] = next.batches + 1;
  announce(own, &next);
  atomic_store(&own->shared->is_erasing, true);
  const ds_code code = (what == STEP_ERASE ? erase : take_in_again)(store, who, err);
  atomic_store(&own->shared->is_erasing, false);
  return code == DS_NO ? ds_fail(err, DS_CORRUPT, "that cannot be") : code;
}

// One step of the writer: mostly a batch.
static void write_step(party *own, ds_store **store) {
  static const struct {
    uint32_t below; // of 40
    write_kind what;
  } odds[] = {{3, STEP_SEAL},   {5, STEP_COMPACT},  {6, STEP_REOPEN}, {9, STEP_ERASE},
              {12, STEP_RETURN}, {15, STEP_IMPORT}, {40, STEP_APPEND}};
  const uint32_t dice = (uint32_t)(qw_random(&own->random) % 40);
  uint32_t i = 0;
  while (dice >= odds[i].below)
    i++;
  const write_kind what = odds[i].what;
  ds_error err = {.message = ""};
  ds_code code = DS_OK;
  if (what == STEP_SEAL) {
    code = ds_store_seal(*store, &err);
  } else if (what == STEP_COMPACT) {
    code = ds_store_compact(*store, NULL, &err);
  } else if (what == STEP_REOPEN) {
    ds_store_close(*store);
    *store = open_store(own, true);
  } else {
    code = change(own, *store, what, &err);
    if (code == DS_NO)
      return;
  }
  must(own, code, "write", &err);
  if (what <= STEP_RETURN)
    atomic_store(&own->shared->acknowledged, atomic_load(&own->shared->attempted));
  atomic_fetch_add(&own->shared->done[what], 1);
}

// Whether the vault says of everybody what a moment does.
static bool vault_says(party *own, ds_store *store, const moment *now) {
  ds_vault *vault = NULL;
  ds_error err;
  bool is = true;
  must(own, ds_store_vault(store, &vault, &err), "vault", &err);
  if (ds_vault_erased_count(vault) != ds_store_erasures_done(store))
    fail_all(own, "an erasure was not finished by who opened the store to write");
  for (uint32_t c = 0; c < CUSTOMERS; c++) {
    char subject[32];
    put_subject(subject, c);
    is = is && ds_vault_is_erased(vault, ds_str_of(subject)) == now->is_gone[c];
  }
  return is;
}

// Which changes the store has: what was attempted last may be there. An erasure or a return of
// somebody who had no events shows in the vault alone.
static uint64_t recover(party *own, ds_store *store) {
  const span since = span_since(own, atomic_load(&own->shared->acknowledged));
  const view within = {since, since};
  ds_snapshot *snapshot = take_snapshot(own, store);
  if (snapshot == NULL)
    fail_all(own, "the vault is busy for its own writer");
  uint64_t m = read_whole(own, store, snapshot, &within).erasures.from;
  if (m < since.to && !vault_says(own, store, &own->shared->moments[m]))
    m++;
  const view found = {{m, m}, {m, m}};
  (void)read_whole(own, store, snapshot, &found);
  if (!vault_says(own, store, &own->shared->moments[m]))
    fail_all(own, "who is erased differs from what the store holds");
  ds_snapshot_free(snapshot);
  return m;
}

static void write_on(party *own) {
  ds_store *store = open_store(own, true);
  const uint64_t m = recover(own, store);
  atomic_store(&own->shared->attempted, m);
  atomic_store(&own->shared->acknowledged, m);
  while (!atomic_load(&own->shared->stop))
    write_step(own, &store);
  ds_store_close(store);
}

static void init_party(party *own, meeting *shared, store_world *world, uint64_t seed) {
  *own = (party){.shared = shared, .world = world, .random = seed};
  ds_space_init(&own->space);
  static const char *const properties[] = {"value", "email"}, *const sources[] = {"test"};
  qw_names(&own->space.touchpoints, touchpoints, TOUCHPOINTS);
  qw_names(&own->space.properties, properties, 2);
  qw_names(&own->space.sources, sources, 1);
}

// A process of its own; `which` = READERS is the writer.
static pid_t start(meeting *shared, store_world *world, uint32_t which, uint64_t seed) {
  const pid_t process = fork();
  assert_true(process >= 0);
  if (process > 0)
    return process;
  party own;
  init_party(&own, shared, world, seed);
  own.which = which;
  if (which == READERS)
    write_on(&own);
  else
    read_on(&own);
  _exit(0);
}

static bool all_done(const meeting *shared) {
  for (uint32_t what = 0; what < STEPS_COUNT; what++)
    if (atomic_load(&shared->done[what]) == 0)
      return false;
  return true;
}

// Waits until the writer is to be killed: at any instant, or every other time while it erases
// somebody or takes somebody in again.
static void wait_for_kill(const meeting *shared, uint64_t *random, bool erasing) {
  if (!erasing) {
    usleep((useconds_t)(KILL_MS_MIN + qw_random(random) % (KILL_MS_MAX - KILL_MS_MIN)) * 1000);
    return;
  }
  for (uint32_t i = 0; i < ERASING_MS_MAX && !atomic_load(&shared->is_erasing); i++)
    usleep(1000);
  usleep((useconds_t)(qw_random(random) % KILL_ERASING_US));
}

// How often the writer was killed, and how often of these while it erased.
typedef struct kills {
  uint32_t all, erasing;
} kills;

// Kills the writer again and again and starts another, until the time is over and all kinds of
// steps were done.
static kills disturb(meeting *shared, store_world *world, int64_t duration_ms) {
  const int64_t end = world->io->ops->monotonic_ns(world->io) + duration_ms * 1000000;
  uint64_t random = 1;
  kills done = {0};
  while (!atomic_load(&shared->stop)) {
    atomic_store(&shared->is_erasing, false);
    const pid_t writer = start(shared, world, READERS, 1000 + done.all);
    wait_for_kill(shared, &random, done.all % 2 == 1);
    const bool last = world->io->ops->monotonic_ns(world->io) >= end && all_done(shared) &&
                      done.erasing > 0;
    if (last)
      atomic_store(&shared->stop, true);
    else
      (void)kill(writer, SIGKILL);
    int status;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
                                    : WEXITSTATUS(status) == 0 || atomic_load(&shared->wrong));
    done.all += !last;
    done.erasing += !last && atomic_load(&shared->is_erasing);
  }
  return done;
}

static void tell(const meeting *shared, uint64_t answers, const kills *done) {
  static const char *const names[STEPS_COUNT] = {"appends", "imports",     "erasures", "returns",
                                                 "seals",   "compactions", "reopened"};
  print_message("%" PRIu64 " answers, %" PRIu64 " values opened or not, %" PRIu64
                " asked again, killed %" PRIu32 " times, %" PRIu32 " while erasing;", answers,
                atomic_load(&shared->unsealed), atomic_load(&shared->busy), done->all,
                done->erasing);
  for (uint32_t what = 0; what < STEPS_COUNT; what++)
    print_message(" %" PRIu64 " %s", atomic_load(&shared->done[what]), names[what]);
  print_message("\n");
}

static void test_processes(void **state) {
  (void)state;
  meeting *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  assert_true(shared != MAP_FAILED);
  for (uint32_t c = 0; c < CUSTOMERS; c++)
    shared->moments[0].first[c] = 1;
  store_world world;
  world_init_posix(&world);
  ds_store_close(world_open_ok(&world, true)); // Readers do not make one.
  pid_t readers[READERS];
  for (uint32_t i = 0; i < READERS; i++)
    readers[i] = start(shared, &world, i, i);
  const kills done = disturb(shared, &world, long_run() ? STRESS_MS : USUAL_MS);
  uint64_t answers = 0;
  for (uint32_t i = 0; i < READERS; i++) {
    int status;
    assert_int_equal(waitpid(readers[i], &status, 0), readers[i]);
    assert_true(WIFEXITED(status));
    answers += atomic_load(&shared->answers[i]);
    if (!atomic_load(&shared->wrong))
      assert_true(atomic_load(&shared->answers[i]) > 0);
  }
  if (atomic_load(&shared->wrong))
    fail_msg("%s", shared->message);
  tell(shared, answers, &done);
  assert_true(done.all > 3);
  world_done(&world);
  (void)munmap(shared, sizeof *shared);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_processes)};
  return cmocka_run_group_tests_name("store processes", tests, NULL, NULL);
}
