// SPDX-License-Identifier: Apache-2.0
// What it costs to open a store before any question: open STORE. Prints one JSON object: seconds
// for opening and for the snapshot, resident bytes (VmRSS) before and after, and at most (VmHWM).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

static void die(const char *what) {
  fprintf(stderr, "open: %s\n", what);
  exit(1);
}

// A field of /proc/self/status, which counts KiB, in bytes.
static uint64_t memory_bytes(const char *field) {
  FILE *file = fopen("/proc/self/status", "r");
  if (file == NULL)
    die("/proc/self/status cannot be read");
  char line[256];
  uint64_t bytes = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, field, strlen(field)) == 0)
      bytes = strtoull(line + strlen(field), NULL, 10) * 1024;
  }
  fclose(file);
  return bytes;
}

int main(int argc, char **argv) {
  if (argc != 2)
    die("usage: open STORE");
  ds_io *io = ds_io_posix();
  ds_store_options options;
  ds_store_options_init(&options);
  ds_store *store = NULL;
  ds_snapshot *snapshot = NULL;
  ds_error err;
  const uint64_t before = memory_bytes("VmRSS:");
  const int64_t start = io->ops->monotonic_ns(io);
  if (ds_store_open(argv[1], &options, &store, &err) != DS_OK)
    die(err.message);
  const int64_t opened = io->ops->monotonic_ns(io);
  if (ds_store_snapshot(store, &snapshot, &err) != DS_OK)
    die(err.message);
  const int64_t end = io->ops->monotonic_ns(io);
  printf("{\"events\":%llu,\"parts\":%u,\"open_s\":%.6f,\"snapshot_s\":%.6f,"
         "\"rss_before\":%llu,\"rss\":%llu,\"rss_max\":%llu}\n",
         (unsigned long long)snapshot->events, snapshot->places_count,
         (double)(opened - start) / 1e9, (double)(end - opened) / 1e9, (unsigned long long)before,
         (unsigned long long)memory_bytes("VmRSS:"), (unsigned long long)memory_bytes("VmHWM:"));
  ds_snapshot_free(snapshot);
  ds_store_close(store);
  return 0;
}
