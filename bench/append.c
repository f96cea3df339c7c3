// SPDX-License-Identifier: Apache-2.0
// What durable appends cost:
//   append STORE WRITERS BATCH SECONDS [PERCENT_NEW [EVENTS_PER_S [WARM_S]]]
// Threads hand batches of BATCH events to one writer and wait for each, for so long; with
// EVENTS_PER_S, batches start at that rate (all threads together) whether or not those before are
// done, and an acknowledgement counts from its start. With WARM_S the tables and filters are made
// first, and of the first so many seconds only the longest acknowledgement is told. Most events are
// of the customers C100000 to C899999, PERCENT_NEW in a hundred of new ones. The store is made when
// it is not there; it seals and compacts beside the appends. log_bytes_per_event is 0 when a log
// was sealed.
//   append --floor FILE BYTES SECONDS
// writes and syncs BYTES at a time at the end of a file: what the disk allows.
//   append --load STORE
// appends two batches of 8,192 events of new customers: the first brings the tables of all subjects
// into memory. Then one whose customers are known, twice: the first makes filters of all blocks.
// Each prints one JSON object.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "store/state.h"
#include "store/writer.h"

enum { WRITERS_MAX = 256 };

static void die(const char *what) {
  fprintf(stderr, "append: %s\n", what);
  exit(1);
}

static ds_io *io;

static int64_t now_ns(void) { return io->ops->monotonic_ns(io); }

static double cpu_s(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// One thread that appends.
typedef struct appender {
  ds_writer *writer;
  ds_space space;
  ds_buf rows;
  uint32_t batch;
  uint32_t percent_new;
  uint64_t dice;
  int64_t start_ns, end_ns;
  int64_t every_ns; // from one start to the next; 0 = at once
  int64_t warm_ns;  // what starts before is not counted
  uint32_t warm_max_us;
  uint64_t batches;
  uint32_t *took_us;
  uint64_t count, capacity;
  pthread_t thread;
} appender;

static uint64_t roll(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static const char *const touchpoints[] = {"order_placed", "payment_approved", "label_created",
                                          "out_for_delivery", "delivered", "ticket_opened"};
enum { TOUCHPOINTS = sizeof touchpoints / sizeof *touchpoints };

// Codes ascend in the order in which names are added.
static void add_names(ds_space *space) {
  uint32_t index;
  ds_code code = DS_OK;
  ds_space_init(space);
  for (uint32_t i = 0; i < TOUCHPOINTS && code == DS_OK; i++)
    code = ds_names_add(&space->touchpoints, ds_str_of(touchpoints[i]), &index, NULL);
  static const char *const properties[] = {"value", "currency", "carrier"};
  for (uint32_t i = 0; i < 3 && code == DS_OK; i++)
    code = ds_names_add(&space->properties, ds_str_of(properties[i]), &index, NULL);
  static const char *const keys[] = {"order_id", "parcel_id"};
  for (uint32_t i = 0; i < 2 && code == DS_OK; i++)
    code = ds_names_add(&space->keys, ds_str_of(keys[i]), &index, NULL);
  if (code == DS_OK)
    code = ds_names_add(&space->sources, ds_str_of("bench"), &index, NULL);
  if (code != DS_OK)
    die("no memory");
}

// "PREFIX123456" without leading zeros, as cheap as can be: this is not what is measured.
static ds_str put_text(char *at, const char *prefix, uint32_t number) {
  const size_t length = strlen(prefix);
  char digits[10];
  uint32_t count = 0;
  memcpy(at, prefix, length);
  do {
    digits[count++] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  for (uint32_t i = 0; i < count; i++)
    at[length + i] = digits[count - 1 - i];
  return (ds_str){at, (uint32_t)length + count};
}

// One event as a shop sends it.
static void add_event(appender *own) {
  const uint64_t dice = roll(&own->dice);
  const uint32_t who = (uint32_t)(dice >> 32);
  const bool is_new = dice % 100 < own->percent_new;
  char subject[40], order[20], parcel[20];
  ds_event_key keys[2] = {{0, put_text(order, "O", who / 3)}, {1, put_text(parcel, "P", who / 5)}};
  ds_event_property properties[3] = {{.name = 0}, {.name = 1}, {.name = 2}};
  properties[0].value = (ds_value){.type = DS_TYPE_NUMBER, .number = (double)(dice % 10000) / 100};
  properties[1].value = (ds_value){.type = DS_TYPE_STRING, .text = {"EUR", 3}};
  properties[2].value = (ds_value){.type = DS_TYPE_STRING, .text = {"northpost", 9}};
  const int64_t time_ms = 1735689600000 + (int64_t)(dice >> 34);
  const ds_event event = {
      .touchpoint = (uint16_t)(dice % TOUCHPOINTS),
      .has_received = true,
      .has_id = true,
      .id = roll(&own->dice),
      .time_ms = time_ms,
      .received_ms = time_ms + 2000,
      .subject = is_new ? put_text(subject, "customer_id=N", who)
                        : put_text(subject, "customer_id=C", 100000 + who % 800000),
      .keys_count = 2,
      .properties_count = 3,
      .keys = keys,
      .properties = properties};
  if (ds_event_encode(&event, &own->rows, NULL) != DS_OK)
    die("no memory");
}

static void note(appender *own, int64_t start, int64_t took_ns) {
  own->batches++;
  if (start < own->warm_ns) {
    if (took_ns / 1000 > own->warm_max_us)
      own->warm_max_us = (uint32_t)(took_ns / 1000);
    return;
  }
  if (own->count == own->capacity) {
    own->capacity = own->capacity * 2 + 65536;
    own->took_us = realloc(own->took_us, own->capacity * sizeof *own->took_us);
    if (own->took_us == NULL)
      die("no memory");
  }
  own->took_us[own->count++] = (uint32_t)(took_ns / 1000);
}

static void *append(void *argument) {
  appender *own = argument;
  int64_t start = own->start_ns;
  for (;; start += own->every_ns) {
    ds_buf_reset(&own->rows);
    for (uint32_t i = 0; i < own->batch; i++)
      add_event(own);
    const int64_t now = now_ns();
    if (now >= own->end_ns || start >= own->end_ns)
      return NULL;
    if (own->every_ns == 0)
      start = now;
    else if (now < start)
      io->ops->sleep_us(io, (uint32_t)((start - now) / 1000));
    ds_error err;
    uint64_t duplicates;
    if (ds_writer_append(own->writer, &own->space, &own->rows, &duplicates, &err) != DS_OK)
      die(err.message);
    note(own, start, now_ns() - start);
  }
}

static int by_size(const void *left, const void *right) {
  const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return (a > b) - (a < b);
}

static void start_all(appender *all, uint32_t writers, ds_writer *writer, char **argv, int argc) {
  const double seconds = strtod(argv[4], NULL);
  const double rate = argc > 6 ? strtod(argv[6], NULL) : 0;
  const int64_t start = now_ns();
  for (uint32_t w = 0; w < writers; w++) {
    all[w] = (appender){.writer = writer,
                        .batch = (uint32_t)strtoul(argv[3], NULL, 10),
                        .percent_new = argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 10) : 5,
                        .dice = (uint64_t)start * 1000 + w};
    add_names(&all[w].space);
    ds_buf_init(&all[w].rows, DS_BATCH_BYTES_MAX);
    const double every = rate == 0 ? 0 : 1e9 * all[w].batch * writers / rate;
    all[w].every_ns = (int64_t)every;
    all[w].start_ns = start + (int64_t)(every * w / writers);
    all[w].end_ns = start + (int64_t)(seconds * 1e9);
    all[w].warm_ns = start + (int64_t)(argc > 7 ? strtod(argv[7], NULL) * 1e9 : 0);
    if (pthread_create(&all[w].thread, NULL, append, &all[w]) != 0)
      die("no thread");
  }
}

// The times of all threads in one ascending list.
static uint32_t *gather(appender *all, uint32_t writers, uint64_t *ret_count) {
  uint64_t count = 0, at = 0;
  for (uint32_t w = 0; w < writers; w++)
    count += all[w].count;
  uint32_t *took = calloc(count + 1, sizeof *took);
  if (took == NULL)
    die("no memory");
  for (uint32_t w = 0; w < writers; w++) {
    if (all[w].count > 0)
      memcpy(took + at, all[w].took_us, all[w].count * sizeof *took);
    at += all[w].count;
    free(all[w].took_us);
    ds_space_done(&all[w].space);
    ds_buf_done(&all[w].rows);
  }
  qsort(took, count, sizeof *took, by_size);
  *ret_count = count;
  return took;
}

static void measure(int argc, char **argv) {
  static appender all[WRITERS_MAX];
  const uint32_t writers = (uint32_t)strtoul(argv[2], NULL, 10);
  if (writers == 0 || writers > WRITERS_MAX)
    die("1 to 256 writers");
  ds_store_options options;
  ds_store_options_init(&options);
  options.write = options.create = options.background = options.compact = true;
  ds_writer_options queue;
  ds_writer_options_init(&queue);
  queue.warm = argc > 7;
  ds_store *store = NULL;
  ds_writer *writer = NULL;
  ds_error err;
  if (ds_store_open(argv[1], &options, &store, &err) != DS_OK ||
      ds_writer_new(store, &queue, &writer, &err) != DS_OK)
    die(err.message);
  const ds_manifest_work before = store->view.manifest.work;
  const uint64_t log_before = store->log.end;
  const double cpu = cpu_s();
  const int64_t start = now_ns();
  start_all(all, writers, writer, argv, argc);
  for (uint32_t w = 0; w < writers; w++)
    pthread_join(all[w].thread, NULL);
  const double seconds = (double)(now_ns() - start) / 1e9;
  const double used = cpu_s() - cpu;
  ds_writer_free(writer);
  const ds_manifest_work after = store->view.manifest.work;
  const bool compacting = store->jobs[DS_JOB_COMPACT] != NULL;
  const bool sealed = after.sealed_events > before.sealed_events || store->frozen_count > 0;
  const double log_bytes = sealed ? 0 : (double)(store->log.end - log_before);
  ds_store_close(store);
  uint64_t count = 0;
  uint32_t *took = gather(all, writers, &count);
  uint64_t batches = 0;
  uint32_t warm_max_us = 0;
  for (uint32_t w = 0; w < writers; w++) {
    batches += all[w].batches;
    warm_max_us = all[w].warm_max_us > warm_max_us ? all[w].warm_max_us : warm_max_us;
  }
  const double events = (double)batches * (double)all[0].batch;
  printf("{\"events\":%.0f,\"seconds\":%.3f,\"events_per_s\":%.0f,\"cpu_ns_per_event\":%.0f,"
         "\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u,\"warm_max_us\":%u,"
         "\"log_bytes_per_event\":%.1f,"
         "\"sealed_events\":%llu,\"compacted_events\":%llu,\"compactions\":%llu,"
         "\"compacting_at_end\":%s}\n",
         events, seconds, events / seconds, batches == 0 ? 0 : used * 1e9 / events,
         took[count / 2], took[count * 99 / 100], took[count == 0 ? 0 : count - 1], warm_max_us,
         batches == 0 ? 0 : log_bytes / events,
         (unsigned long long)(after.sealed_events - before.sealed_events),
         (unsigned long long)(after.compacted_events - before.compacted_events),
         (unsigned long long)(after.compactions - before.compactions),
         compacting ? "true" : "false");
  free(took);
}

static double used_s; // CPU of the append before

static double append_once(ds_store *store, appender *own, uint32_t percent_new) {
  own->percent_new = percent_new;
  ds_buf_reset(&own->rows);
  for (uint32_t i = 0; i < own->batch; i++)
    add_event(own);
  ds_error err;
  uint64_t duplicates;
  const double cpu = cpu_s();
  const int64_t start = now_ns();
  if (ds_store_append(store, &own->space, &own->rows, &duplicates, &err) != DS_OK)
    die(err.message);
  used_s = cpu_s() - cpu;
  return (double)(now_ns() - start) / 1e9;
}

static void measure_load(char **argv) {
  ds_store_options options;
  ds_store_options_init(&options);
  options.write = true;
  ds_store *store = NULL;
  ds_error err;
  if (ds_store_open(argv[2], &options, &store, &err) != DS_OK)
    die(err.message);
  appender own = {.batch = 8192, .dice = (uint64_t)now_ns()};
  add_names(&own.space);
  ds_buf_init(&own.rows, DS_BATCH_BYTES_MAX);
  double seconds[4], cpu[4];
  for (uint32_t i = 0; i < 4; i++) {
    seconds[i] = append_once(store, &own, i < 2 ? 100 : 0);
    cpu[i] = used_s;
  }
  const ds_known_stats stats = ds_known_get_stats(store->known);
  printf("{\"subjects\":%llu,\"table_bytes\":%llu,\"filters\":%llu,\"filter_bytes\":%llu,"
         "\"first_new_s\":%.4f,\"new_s\":%.4f,\"first_known_s\":%.4f,\"known_s\":%.4f,"
         "\"first_new_cpu_s\":%.4f,\"first_known_cpu_s\":%.4f,\"blocks_read\":%llu}\n",
         (unsigned long long)stats.subjects, (unsigned long long)stats.table_bytes,
         (unsigned long long)stats.filters, (unsigned long long)stats.filter_bytes, seconds[0],
         seconds[1], seconds[2], seconds[3], cpu[0], cpu[2],
         (unsigned long long)stats.blocks_read);
  ds_space_done(&own.space);
  ds_buf_done(&own.rows);
  ds_store_close(store);
}

static void measure_floor(char **argv) {
  const size_t bytes = strtoul(argv[3], NULL, 10);
  const int64_t end = now_ns() + (int64_t)(strtod(argv[4], NULL) * 1e9);
  uint8_t *data = calloc(1, bytes);
  ds_file *file;
  ds_error err;
  const int flags = DS_OPEN_READ | DS_OPEN_WRITE | DS_OPEN_CREATE;
  if (data == NULL || io->ops->open(io, argv[2], flags, &file, &err) != DS_OK)
    die("the file cannot be made");
  appender times = {.count = 0};
  const int64_t start = now_ns();
  int64_t before = start;
  for (uint64_t at = 0; before < end; at += bytes) {
    if (io->ops->write_at(io, file, at, data, bytes, &err) != DS_OK ||
        io->ops->sync(io, file, &err) != DS_OK)
      die(err.message);
    const int64_t now = now_ns();
    note(&times, before, now - before);
    before = now;
  }
  qsort(times.took_us, times.count, sizeof *times.took_us, by_size);
  printf("{\"syncs_per_s\":%.0f,\"p50_us\":%u,\"p99_us\":%u}\n",
         (double)times.count / ((double)(before - start) / 1e9), times.took_us[times.count / 2],
         times.took_us[times.count * 99 / 100]);
  io->ops->close(io, file);
  (void)io->ops->unlink(io, argv[2], &err);
  free(times.took_us);
  free(data);
}

int main(int argc, char **argv) {
  io = ds_io_posix();
  if (argc == 5 && strcmp(argv[1], "--floor") == 0)
    measure_floor(argv);
  else if (argc == 3 && strcmp(argv[1], "--load") == 0)
    measure_load(argv);
  else if (argc >= 5 && argc <= 8)
    measure(argc, argv);
  else
    die("usage: append STORE WRITERS BATCH SECONDS [PERCENT_NEW [EVENTS_PER_S [WARM_S]]], "
        "append --floor FILE BYTES SECONDS, append --load STORE");
  return 0;
}
