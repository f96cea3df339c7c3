// SPDX-License-Identifier: Apache-2.0
// What it costs to read one customer: customer STORE [KEPT-MB]. Prints one line per case: processor
// time of a read (median and 90th percentile of rounds) and events of a customer. Customers are
// drawn at random with a fixed seed.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/customer.h"

enum { HOT = 1000, COLD_READS = 200, ROUNDS = 50, READS_A_ROUND = 20000, PROPERTIES = 3 };

typedef struct bench {
  ds_snapshot *snapshot;
  uint32_t *numbers;
  uint64_t numbers_count;
  uint64_t seed;
  size_t kept_bytes;
} bench;

static void die(const char *what) {
  fprintf(stderr, "customer: %s\n", what);
  exit(1);
}

// Processor time, which other work on the machine changes less than wall time.
static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static uint64_t next_random(bench *b) {
  b->seed = b->seed * 6364136223846793005u + 1442695040888963407u;
  return b->seed >> 33;
}

// The numbers of all customers, from the largest place alone when they are in several.
static void read_numbers(bench *b) {
  ds_block_reader *decoder = ds_block_reader_new();
  const ds_columns none = {.want = 0};
  uint64_t capacity = 0;
  for (uint32_t p = 0; p < b->snapshot->places_count; p++)
    capacity += ds_part_get_info(b->snapshot->places[p].part)->customers;
  b->numbers = malloc((capacity + 1) * sizeof *b->numbers);
  if (decoder == NULL || b->numbers == NULL)
    die("out of memory");
  for (uint32_t p = 0; p < b->snapshot->places_count; p++) {
    const ds_place *place = &b->snapshot->places[p];
    for (uint32_t k = 0; k < ds_part_get_info(place->part)->blocks; k++) {
      ds_block block;
      ds_error err;
      if (ds_part_read_block(place, k, &none, decoder, &block, &err) != DS_OK)
        die(err.message);
      memcpy(b->numbers + b->numbers_count, block.customer, block.journeys * sizeof(uint32_t));
      b->numbers_count += block.journeys;
    }
  }
  ds_block_reader_free(decoder);
}

static int by_time(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void print_case(const char *name, const char *columns, double *ns, uint32_t count,
                       double events) {
  qsort(ns, count, sizeof *ns, by_time);
  printf("%-34s %-32s %10.0f ns  p90 %10.0f ns  %5.1f events\n", name, columns, ns[count / 2],
         ns[count * 9 / 10], events);
}

static ds_customer_reader *reader_new(const bench *b, const ds_columns *columns, size_t kept) {
  ds_customer_reader *reader = NULL;
  ds_error err;
  if (ds_customer_reader_new(b->snapshot, columns, kept, &reader, &err) != DS_OK)
    die(err.message);
  return reader;
}

static uint32_t read_one(ds_customer_reader *reader, uint32_t number) {
  ds_block block;
  ds_error err;
  if (ds_customer_read(reader, &number, 1, &block, &err) != DS_OK)
    die(err.message);
  return block.events;
}

// A reader that has kept nothing yet: its making is part of the time.
static void run_cold(bench *b, const char *name, const ds_columns *columns) {
  double ns[COLD_READS];
  uint64_t events = 0;
  for (uint32_t i = 0; i < COLD_READS; i++) {
    const uint32_t number = b->numbers[next_random(b) % b->numbers_count];
    const int64_t start = now_ns();
    ds_customer_reader *reader = reader_new(b, columns, 0);
    events += read_one(reader, number);
    ds_customer_reader_free(reader);
    ns[i] = (double)(now_ns() - start);
  }
  print_case("cold: nothing kept", name, ns, COLD_READS, (double)events / COLD_READS);
}

static void run_warm(bench *b, const char *name, const ds_columns *columns, uint32_t hot) {
  ds_customer_reader *reader = reader_new(b, columns, b->kept_bytes);
  uint32_t *numbers = malloc((hot + 1u) * sizeof *numbers);
  double ns[ROUNDS];
  uint64_t events = 0;
  if (numbers == NULL)
    die("out of memory");
  for (uint32_t i = 0; i < hot; i++) {
    numbers[i] = b->numbers[next_random(b) % b->numbers_count];
    (void)read_one(reader, numbers[i]);
  }
  const uint32_t reads = hot > 0 ? READS_A_ROUND : 1000;
  for (uint32_t r = 0; r < ROUNDS; r++) {
    const int64_t start = now_ns();
    for (uint32_t i = 0; i < reads; i++)
      events += read_one(reader, hot > 0 ? numbers[next_random(b) % hot]
                                         : b->numbers[next_random(b) % b->numbers_count]);
    ns[r] = (double)(now_ns() - start) / reads;
  }
  char what[64];
  snprintf(what, sizeof what, hot > 0 ? "%u hot customers" : "any of all customers", hot);
  print_case(what, name, ns, ROUNDS, (double)events / ROUNDS / reads);
  free(numbers);
  ds_customer_reader_free(reader);
}

// The first properties and case keys of the store.
static void run_columns(bench *b, const char *name, uint32_t properties, uint32_t keys) {
  static const uint16_t codes[PROPERTIES] = {0, 1, 2};
  const ds_columns columns = {
      .want = DS_WANT_TIME | DS_WANT_TOUCHPOINT,
      .properties_count = properties < b->snapshot->space.properties.count ? properties : 0,
      .properties = codes,
      .keys_count = keys < b->snapshot->space.keys.count ? keys : 0,
      .keys = codes,
      .key_texts = keys > 0};
  run_cold(b, name, &columns);
  run_warm(b, name, &columns, HOT);
  run_warm(b, name, &columns, 0);
}

int main(int argc, char **argv) {
  if (argc != 2 && argc != 3)
    die("usage: customer STORE [KEPT-MB]");
  bench b = {.seed = 1};
  b.kept_bytes = (argc == 3 ? strtoull(argv[2], NULL, 10) : 4096) << 20;
  ds_store_options options;
  ds_store_options_init(&options);
  ds_store *store = NULL;
  ds_error err;
  if (ds_store_open(argv[1], &options, &store, &err) != DS_OK ||
      ds_store_snapshot(store, &b.snapshot, &err) != DS_OK)
    die(err.message);
  read_numbers(&b);
  printf("%llu events in %u places; %llu journeys; up to %zu MB kept\n",
         (unsigned long long)b.snapshot->events, b.snapshot->places_count,
         (unsigned long long)b.numbers_count, b.kept_bytes >> 20);
  if (b.numbers_count == 0)
    die("the store is empty");
  run_columns(&b, "time, touchpoint", 0, 0);
  run_columns(&b, "and 3 properties, 1 case key", PROPERTIES, 1);
  free(b.numbers);
  ds_snapshot_free(b.snapshot);
  ds_store_close(store);
  return 0;
}
