// SPDX-License-Identifier: Apache-2.0
// Ten processes ask while one appends, imports, seals, compacts, closes, opens, is killed and
// started again, on POSIX. Batch k adds one event to each of CUSTOMERS customers, at times and
// touchpoints that follow from k, so that any answer tells which batches it shows: they must be the
// first n, whole, to the bit (I1, I3, I4), with n no less than what was acknowledged before the
// question began, or than this process has seen (I2), and no more than what was attempted when it
// ended; before and after seal and compaction alike (I10). Whoever starts to write finds what was
// acknowledged (I5, I7); readers leave no file open (I12), and what they check is sound (I9, I14).
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

#include "question_world.h"
#include "store_world.h"

enum {
  READERS = 10, CUSTOMERS = 7, TOUCHPOINTS = 3,
  USUAL_MS = 8000, STRESS_MS = 600000, KILL_MS_MIN = 20, KILL_MS_MAX = 1200,
};
#define START_MS 1600000000000LL

// What the writer does.
typedef enum write_kind {
  STEP_APPEND, STEP_IMPORT, STEP_SEAL, STEP_COMPACT, STEP_REOPEN, STEPS_COUNT
} write_kind;

static const char *const touchpoints[TOUCHPOINTS] = {"delivered", "order_placed", "ticket_opened"};

// What all processes share; survives whoever is killed.
typedef struct meeting {
  atomic_uint_fast64_t attempted; // batches
  atomic_uint_fast64_t acknowledged;
  atomic_uint_fast64_t answers[READERS];
  atomic_uint_fast64_t done[STEPS_COUNT];
  atomic_bool stop;
  atomic_bool wrong;
  char message[256]; // of who was first to set `wrong`
} meeting;

// One process.
typedef struct party {
  meeting *shared;
  store_world *world;
  ds_space space;
  uint64_t random;
  uint64_t seen; // batches shown by the last answer
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

static void put_rows(const party *own, uint64_t k, const ds_import_scope *scope, ds_buf *rows) {
  (void)own;
  for (uint32_t c = 0; c < CUSTOMERS; c++) {
    char subject[32];
    snprintf(subject, sizeof subject, "customer_id=C%u", c);
    ds_event_property value = {.name = 0, .value = {.type = DS_TYPE_NUMBER, .number = (double)k}};
    const ds_event event = {.touchpoint = (uint16_t)touchpoint_of(k),
                            .has_id = true,
                            .id = id_of(k, c),
                            .time_ms = time_of(k),
                            .subject = ds_str_of(subject),
                            .properties_count = 1,
                            .properties = &value,
                            .import = scope == NULL ? 0 : scope->id,
                            .arrival = scope == NULL ? 0 : scope->arrival};
    if (ds_event_encode(&event, rows, NULL) != DS_OK)
      abort();
  }
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
  must(own, ds_store_snapshot(store, &snapshot, &err), "snapshot", &err);
  return snapshot;
}

// How many batches a snapshot shows, by its number of events.
static uint64_t batches_of(party *own, const ds_snapshot *snapshot) {
  if (snapshot->events % CUSTOMERS != 0)
    fail_all(own, "a snapshot of %" PRIu64 " events shows a part of a batch", snapshot->events);
  return snapshot->events / CUSTOMERS;
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

// What the process map of the first n batches must say.
typedef struct process_oracle {
  int64_t nodes[TOUCHPOINTS];
  int64_t edges[TOUCHPOINTS][TOUCHPOINTS];
  int64_t total_ms[TOUCHPOINTS][TOUCHPOINTS];
  uint32_t nodes_count, edges_count;
} process_oracle;

static process_oracle solve(uint64_t n) {
  process_oracle is = {.nodes_count = 0};
  for (uint64_t k = 1; k <= n; k++) {
    const uint32_t to = touchpoint_of(k);
    is.nodes_count += is.nodes[to] == 0;
    is.nodes[to] += CUSTOMERS;
    if (k == 1)
      continue;
    const uint32_t from = touchpoint_of(k - 1);
    is.edges_count += is.edges[from][to] == 0;
    is.edges[from][to] += CUSTOMERS;
    is.total_ms[from][to] += CUSTOMERS * (time_of(k) - time_of(k - 1));
  }
  return is;
}

static void compare_answer(party *own, const ds_result *result, uint64_t n) {
  const process_oracle is = solve(n);
  const ds_table *nodes = ds_result_find(result, "nodes");
  const ds_table *edges = ds_result_find(result, "edges");
  if (nodes == NULL || edges == NULL || nodes->rows_count != is.nodes_count ||
      edges->rows_count != is.edges_count)
    fail_all(own, "a process map of %" PRIu64 " batches has the wrong rows", n);
  for (uint32_t r = 0; r < nodes->rows_count; r++)
    if (figure(own, nodes, r, "occurrences") !=
        is.nodes[touchpoint_at(own, nodes, r, "touchpoint")])
      fail_all(own, "a node of %" PRIu64 " batches is wrong", n);
  for (uint32_t r = 0; r < edges->rows_count; r++) {
    const uint32_t from = touchpoint_at(own, edges, r, "from");
    const uint32_t to = touchpoint_at(own, edges, r, "to");
    if (figure(own, edges, r, "occurrences") != is.edges[from][to] ||
        figure(own, edges, r, "total_ms") != is.total_ms[from][to])
      fail_all(own, "an edge of %" PRIu64 " batches is wrong", n);
  }
}

static void ask(party *own, const ds_snapshot *snapshot) {
  ds_arena arena;
  ds_arena_init(&arena, (size_t)64 << 20);
  const ds_request request = {.snapshot = snapshot, .now_ms = 4000000000000LL, .threads = 1,
                              .memory_bytes = (size_t)64 << 20, .arena = &arena};
  ds_result result;
  ds_error err;
  ds_result_init(&result, &arena, "process");
  must(own, ds_question_run(ds_question_find(ds_str_of("process")), &request, &result, &err),
       "process", &err);
  compare_answer(own, &result, batches_of(own, snapshot));
  ds_arena_done(&arena);
}

// Each row is an event that was written; each of n * CUSTOMERS comes once.
static void compare_rows(party *own, const ds_space *space, const ds_buf *rows, uint64_t n,
                         uint8_t *met) {
  ds_event_key keys[DS_EVENT_KEYS_MAX];
  ds_event_property properties[DS_EVENT_PROPERTIES_MAX];
  for (size_t at = 0, size = 0; at < rows->size; at += size) {
    ds_event event = {.keys = keys, .properties = properties};
    ds_error err;
    must(own, ds_event_decode(rows->data + at, rows->size - at, space, &event, &size, &err),
         "decode", &err);
    const uint32_t c = (uint32_t)(event.subject.data[event.subject.size - 1] - '0');
    const uint64_t k = event.properties_count == 1 ? (uint64_t)properties[0].value.number : 0;
    if (c >= CUSTOMERS || k == 0 || k > n || event.time_ms != time_of(k) ||
        event.id != id_of(k, c) || met[k * CUSTOMERS + c]++ != 0 ||
        !ds_str_equal(space->touchpoints.text[event.touchpoint],
                      ds_str_of(touchpoints[touchpoint_of(k)])))
      fail_all(own, "an event is wrong, twice there or too late: batch %" PRIu64 " of %" PRIu64, k,
               n);
  }
}

static void read_whole(party *own, const ds_snapshot *snapshot) {
  const uint64_t n = batches_of(own, snapshot);
  uint8_t *met = calloc((n + 1) * CUSTOMERS, 1);
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
      compare_rows(own, &snapshot->space, &rows, n, met);
    }
  }
  ds_buf_done(&rows);
  ds_block_reader_free(reader);
  free(met);
}

static void note_problem(void *context, const char *line) { fail_all(context, "check: %s", line); }

// One answer from a snapshot taken between `least` acknowledged batches and now.
static void look(party *own, ds_store *store, uint64_t least, bool whole) {
  ds_snapshot *snapshot = take_snapshot(own, store);
  const uint64_t most = atomic_load(&own->shared->attempted);
  const uint64_t n = batches_of(own, snapshot);
  if (n < least || n < own->seen || n > most)
    fail_all(own, "%" PRIu64 " batches are shown; %" PRIu64 " were acknowledged, %" PRIu64
             " attempted, %" PRIu64 " seen before", n, least, most, own->seen);
  own->seen = n;
  if (whole)
    read_whole(own, snapshot);
  else
    ask(own, snapshot);
  ds_snapshot_free(snapshot);
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
static void read_on(party *own, uint32_t which) {
  const uint32_t files = count_open_files();
  ds_store *kept = which % 2 == 0 ? open_store(own, false) : NULL;
  while (!atomic_load(&own->shared->stop)) {
    const uint64_t least = atomic_load(&own->shared->acknowledged);
    ds_store *store = kept != NULL ? kept : open_store(own, false);
    look(own, store, least, which % 3 == 0);
    if (which >= READERS - 2) {
      ds_snapshot *held = take_snapshot(own, store);
      usleep(200000);
      read_whole(own, held);
      ask(own, held);
      ds_snapshot_free(held);
    }
    ds_error err = {.message = ""};
    if (which % 5 == 0)
      must(own, ds_store_check(store, note_problem, own, NULL, &err), "check", &err);
    if (kept == NULL)
      ds_store_close(store);
    atomic_fetch_add(&own->shared->answers[which], 1);
  }
  ds_store_close(kept);
  if (count_open_files() != files)
    fail_all(own, "a reader leaves files open");
}

static ds_code append(party *own, ds_store *store, uint64_t k, ds_error *err) {
  ds_buf rows;
  ds_buf_init(&rows, 1u << 20);
  put_rows(own, k, NULL, &rows);
  uint64_t duplicates = 0;
  const ds_code code = ds_store_append(store, &own->space, &rows, &duplicates, err);
  ds_buf_done(&rows);
  if (code == DS_OK && duplicates != 0)
    fail_all(own, "batch %" PRIu64 " was there already", k);
  return code;
}

static ds_code import(party *own, ds_store *store, uint64_t k, ds_error *err) {
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
  put_rows(own, k, &scope, &rows);
  const ds_part_info *parts = NULL;
  uint32_t count = 0;
  ds_code code = ds_builder_new(&options, &builder, err);
  if (code == DS_OK)
    code = world_build_rows(builder, &rows);
  if (code == DS_OK)
    code = ds_builder_finish(builder, &parts, &count, err);
  const ds_import_info info = {.when_ms = 5, .mapping = "", .files = "k.csv", .fingerprint = k,
                               .rows = CUSTOMERS, .events = CUSTOMERS};
  if (code == DS_OK)
    code = ds_store_import_commit(store, &scope, parts, count, &info, err);
  else
    ds_store_import_abort(store, &scope);
  ds_builder_free(builder);
  ds_buf_done(&rows);
  return code;
}

// One step of the writer: mostly a batch.
static void write_step(party *own, ds_store **store) {
  const uint64_t k = atomic_load(&own->shared->acknowledged) + 1;
  const uint32_t dice = (uint32_t)(qw_random(&own->random) % 40);
  ds_error err;
  write_kind what = STEP_APPEND;
  if (dice < 3) {
    must(own, ds_store_seal(*store, &err), "seal", &err);
    what = STEP_SEAL;
  } else if (dice < 5) {
    must(own, ds_store_compact(*store, NULL, &err), "compact", &err);
    what = STEP_COMPACT;
  } else if (dice < 6) {
    ds_store_close(*store);
    *store = open_store(own, true);
    what = STEP_REOPEN;
  } else {
    what = dice < 9 ? STEP_IMPORT : STEP_APPEND;
    atomic_store(&own->shared->attempted, k);
    must(own, (what == STEP_IMPORT ? import : append)(own, *store, k, &err), "batch", &err);
    atomic_store(&own->shared->acknowledged, k);
  }
  atomic_fetch_add(&own->shared->done[what], 1);
}

// Starts with what it finds: what was attempted last may be there.
static void write_on(party *own) {
  const uint64_t acknowledged = atomic_load(&own->shared->acknowledged);
  ds_store *store = open_store(own, true);
  ds_snapshot *snapshot = take_snapshot(own, store);
  const uint64_t n = batches_of(own, snapshot);
  read_whole(own, snapshot);
  ds_snapshot_free(snapshot);
  if (n < acknowledged || n > atomic_load(&own->shared->attempted))
    fail_all(own, "%" PRIu64 " batches were recovered; %" PRIu64 " were acknowledged", n,
             acknowledged);
  atomic_store(&own->shared->acknowledged, n);
  while (!atomic_load(&own->shared->stop))
    write_step(own, &store);
  ds_store_close(store);
}

static void init_party(party *own, meeting *shared, store_world *world, uint64_t seed) {
  *own = (party){.shared = shared, .world = world, .random = seed};
  ds_space_init(&own->space);
  static const char *const properties[] = {"value"}, *const sources[] = {"test"};
  qw_names(&own->space.touchpoints, touchpoints, TOUCHPOINTS);
  qw_names(&own->space.properties, properties, 1);
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
  if (which == READERS)
    write_on(&own);
  else
    read_on(&own, which);
  _exit(0);
}

static bool all_done(const meeting *shared) {
  for (uint32_t what = 0; what < STEPS_COUNT; what++)
    if (atomic_load(&shared->done[what]) == 0)
      return false;
  return true;
}

// Kills the writer again and again and starts another, until the time is over and all kinds of
// steps were done; returns how often.
static uint32_t disturb(meeting *shared, store_world *world, int64_t duration_ms) {
  const int64_t end = world->io->ops->monotonic_ns(world->io) + duration_ms * 1000000;
  uint64_t random = 1;
  uint32_t kills = 0;
  while (!atomic_load(&shared->stop)) {
    const pid_t writer = start(shared, world, READERS, 1000 + kills);
    const uint32_t span = KILL_MS_MAX - KILL_MS_MIN;
    usleep((useconds_t)(KILL_MS_MIN + qw_random(&random) % span) * 1000);
    const bool last = world->io->ops->monotonic_ns(world->io) >= end && all_done(shared);
    if (last)
      atomic_store(&shared->stop, true);
    else
      (void)kill(writer, SIGKILL);
    kills += !last;
    int status;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
                                    : WEXITSTATUS(status) == 0 || atomic_load(&shared->wrong));
  }
  return kills;
}

static void test_processes(void **state) {
  (void)state;
  meeting *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(shared != MAP_FAILED);
  store_world world;
  world_init_posix(&world);
  ds_store_close(world_open_ok(&world, true)); // Readers do not make one.
  pid_t readers[READERS];
  for (uint32_t i = 0; i < READERS; i++)
    readers[i] = start(shared, &world, i, i);
  const uint32_t kills = disturb(shared, &world, qw_stress() ? STRESS_MS : USUAL_MS);
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
  const uint64_t done[] = {atomic_load(&shared->done[STEP_IMPORT]),
                           atomic_load(&shared->done[STEP_SEAL]),
                           atomic_load(&shared->done[STEP_COMPACT]),
                           atomic_load(&shared->done[STEP_REOPEN])};
  print_message("%" PRIu64 " answers, %" PRIu64 " batches (%" PRIu64 " imports), %" PRIu64
                " seals, %" PRIu64 " compactions, %" PRIu64 " reopened, killed %" PRIu32 " times\n",
                answers, atomic_load(&shared->acknowledged), done[0], done[1], done[2], done[3],
                kills);
  assert_true(kills > 3);
  world_done(&world);
  (void)munmap(shared, sizeof *shared);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_processes)};
  return cmocka_run_group_tests_name("store processes", tests, NULL, NULL);
}
