// SPDX-License-Identifier: Apache-2.0
// Any records as the log of a store on a simulated machine: refused, or a reader and a writer see
// the same, it opens again without a write, seals, and is then still the same. Checksums would stop
// almost all inputs at the door, so records are written as the log writes them. The input is
// {u8 kind, u16 length, payload} again and again; kind 0 is an end of raw bytes.
#include <stdlib.h>
#include <string.h>

#include "store/log.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Also in a build without asserts.
static void must(bool holds) {
  if (!holds)
    abort();
}

static ds_code open_store(ds_io *io, bool write, ds_store **ret_store) {
  ds_store_options options;
  ds_store_options_init(&options);
  options.io = io;
  options.write = options.create = write;
  options.threads = 1;
  return ds_store_open("s", &options, ret_store, NULL);
}

// Writes the input as log 1, in place of an empty one.
static void write_log(ds_io *io, const uint8_t *data, size_t size) {
  ds_log log;
  must(ds_log_create(io, "s/log/000001.log", 1, 1, &log, NULL) == DS_OK);
  ds_buf record;
  ds_buf_init(&record, 1u << 20);
  ds_reader in = ds_reader_of(data, size);
  while (in.at < in.end) {
    const uint8_t kind = ds_read_u8(&in);
    const uint16_t length = kind == 0 ? (uint16_t)(in.end - in.at) : ds_read_u16(&in);
    const uint8_t *payload = ds_read_bytes(&in, length);
    if (in.failed)
      break;
    ds_log_begin(&record, (ds_log_kind)kind);
    ds_buf_append(&record, payload, length);
    if (kind == 0)
      must(io->ops->write_at(io, log.file, log.end, payload, length, NULL) == DS_OK &&
           io->ops->sync(io, log.file, NULL) == DS_OK);
    else
      must(ds_log_append(&log, &record, NULL) == DS_OK);
  }
  ds_buf_done(&record);
  ds_log_close(&log);
}

// How many events a snapshot shows; each row of it decodes. Damage cannot be: nothing of it lies
// on disk.
static uint64_t read_whole(ds_store *store) {
  ds_snapshot *snapshot = NULL;
  must(ds_store_snapshot(store, &snapshot, NULL) == DS_OK);
  static ds_event_key keys[DS_EVENT_KEYS_MAX];
  static ds_event_property properties[DS_EVENT_PROPERTIES_MAX];
  ds_block_reader *reader = ds_block_reader_new();
  ds_buf rows;
  ds_buf_init(&rows, 1u << 26);
  uint64_t events = 0;
  for (uint32_t p = 0; p < snapshot->places_count; p++) {
    const ds_place *place = &snapshot->places[p];
    for (uint32_t b = 0; b < ds_part_get_info(place->part)->blocks; b++) {
      ds_buf_reset(&rows);
      must(ds_part_read_rows(place, b, 0, ds_part_zone(place->part, b)->journeys, reader, &rows,
                             NULL) == DS_OK);
      for (size_t at = 0, used = 0; at < rows.size; at += used, events++) {
        ds_event event = {.keys = keys, .properties = properties};
        must(ds_event_decode(rows.data + at, rows.size - at, &snapshot->space, &event, &used,
                             NULL) == DS_OK);
      }
    }
  }
  must(events == snapshot->events);
  ds_buf_done(&rows);
  ds_block_reader_free(reader);
  ds_snapshot_free(snapshot);
  return events;
}

static void fail_on(void *context, const char *line) {
  (void)context;
  (void)line;
  abort();
}

// What a reader has accepted a writer accepts, and goes on with.
static void write_on(ds_io_sim *sim, uint64_t events) {
  ds_io *io = ds_io_sim_io(sim);
  ds_store *store = NULL;
  must(open_store(io, true, &store) == DS_OK && read_whole(store) == events);
  ds_store_close(store);
  const uint64_t operations = ds_io_sim_operations(sim);
  must(open_store(io, true, &store) == DS_OK && ds_io_sim_operations(sim) == operations);
  must(ds_store_seal(store, NULL) == DS_OK && read_whole(store) == events);
  must(ds_store_check(store, fail_on, NULL, NULL, NULL) == DS_OK);
  ds_store_close(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  ds_io_sim *sim = ds_io_sim_new(1);
  if (sim == NULL)
    return 0;
  ds_io *io = ds_io_sim_io(sim);
  ds_store *store = NULL;
  must(open_store(io, true, &store) == DS_OK);
  ds_store_close(store);
  write_log(io, data, size);
  if (open_store(io, false, &store) == DS_OK) {
    const uint64_t events = read_whole(store);
    ds_store_close(store);
    write_on(sim, events);
  }
  must(ds_io_sim_open_files(sim) == 0);
  ds_io_sim_free(sim);
  return 0;
}
