// SPDX-License-Identifier: Apache-2.0
// The log alone: round trips, forged and torn ends, damage in the middle, marks, copies.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/limits.h"
#include "store/log.h"

#define PATH "log"
enum { RECORDS = 3, PAYLOAD_BYTES = 700 };

typedef struct log_world {
  ds_io_sim *sim;
  ds_io *io;
  ds_log log; // of RECORDS records, open
} log_world;

static void ok(ds_code code) { assert_int_equal(code, DS_OK); }

// A record that differs from the others and spans sectors.
static ds_code append(ds_log *log, uint32_t n) {
  ds_buf record;
  ds_buf_init(&record, 1u << 20);
  ds_log_begin(&record, DS_LOG_BATCH);
  for (uint32_t i = 1; i < PAYLOAD_BYTES; i++)
    ds_buf_u8(&record, (uint8_t)(n * 31 + i));
  const ds_code code = ds_log_append(log, &record, NULL);
  ds_buf_done(&record);
  return code;
}

static int set_up(void **state) {
  log_world *own = calloc(1, sizeof *own);
  own->sim = ds_io_sim_new(3);
  own->io = ds_io_sim_io(own->sim);
  ok(ds_log_create(own->io, PATH, 17, 5, &own->log, NULL));
  for (uint32_t n = 0; n < RECORDS; n++)
    ok(append(&own->log, n));
  *state = own;
  return 0;
}

static int tear_down(void **state) {
  log_world *own = *state;
  ds_log_close(&own->log);
  assert_int_equal(ds_io_sim_open_files(own->sim), 0);
  ds_io_sim_free(own->sim);
  free(own);
  return 0;
}

static ds_code count(void *context, uint64_t seq, const uint8_t *payload, uint32_t size,
                     ds_error *err) {
  uint32_t *records = context;
  (void)err;
  assert_int_equal(seq, 5 + *records);
  assert_int_equal(size, PAYLOAD_BYTES);
  assert_int_equal(payload[0], DS_LOG_BATCH);
  assert_int_equal(payload[1], (uint8_t)(*records * 31 + 1));
  ++*records;
  return DS_OK;
}

// Opens the file anew and reads it; the log stays open at *ret_log.
static ds_code scan(log_world *own, ds_log *ret_log, uint32_t *ret_records) {
  *ret_records = 0;
  TRY(ds_log_open(own->io, PATH, 17, 5, true, ret_log, NULL));
  const ds_code code = ds_log_scan(ret_log, count, ret_records, NULL);
  if (code != DS_OK)
    ds_log_close(ret_log);
  return code;
}

static void write_end(log_world *own, const void *data, size_t size) {
  ok(own->io->ops->write_at(own->io, own->log.file, own->log.end, data, size, NULL));
}

// After a forged end all records are read, and a copy holds the same and takes more.
static void expect_torn(log_world *own) {
  ds_log log;
  uint32_t records;
  ok(scan(own, &log, &records));
  assert_int_equal(records, RECORDS);
  assert_true(log.torn && !ds_log_is_settled(&log));
  assert_int_equal(log.end, own->log.end);
  ds_log copy;
  ok(ds_log_create(own->io, "copy", 18, 6, &copy, NULL));
  ok(ds_log_copy(&log, 5, &copy, NULL));
  assert_true(ds_log_is_settled(&copy));
  assert_int_equal(copy.next_seq, 8);
  ok(append(&copy, 7));
  ds_log_close(&copy);
  ds_log_close(&log);
}

static void test_round_trip(void **state) {
  log_world *own = *state;
  ds_log log;
  uint32_t records;
  ok(scan(own, &log, &records));
  assert_int_equal(records, RECORDS);
  assert_int_equal(log.next_seq, 8);
  assert_false(log.torn || log.marked || ds_log_is_settled(&log));
  ds_log_close(&log);
  ds_log_close(&log); // Twice is fine.
  ds_error err;
  assert_int_equal(ds_log_open(own->io, "none", 17, 5, false, &log, &err), DS_MISSING);
}

// Zeros are room for records that were never written: a clean end, which only a mark settles.
static void test_zero_tail(void **state) {
  log_world *own = *state;
  const uint8_t zeros[5000] = {0};
  write_end(own, zeros, sizeof zeros);
  ds_log log;
  uint32_t records;
  ok(scan(own, &log, &records));
  assert_int_equal(records, RECORDS);
  assert_false(log.torn || ds_log_is_settled(&log));
  ok(ds_log_mark(&log, NULL));
  ds_log_close(&log);
  ok(scan(own, &log, &records));
  assert_true(log.marked && !log.torn && ds_log_is_settled(&log));
  const uint8_t one = 1;
  ok(own->io->ops->write_at(own->io, log.file, log.room - 1, &one, 1, NULL));
  ds_log_close(&log);
  expect_torn(own);
}

// A sync that failed on the first record may have left zeros where it stands on disk.
static void test_zeros_alone(void **state) {
  log_world *own = *state;
  ds_log log;
  ok(ds_log_create(own->io, "empty", 18, 5, &log, NULL));
  assert_true(ds_log_is_settled(&log));
  const uint8_t zeros[100] = {0};
  ok(own->io->ops->write_at(own->io, log.file, log.end, zeros, sizeof zeros, NULL));
  ds_log_close(&log);
  ok(ds_log_open(own->io, "empty", 18, 5, true, &log, NULL));
  uint32_t records = 0;
  ok(ds_log_scan(&log, count, &records, NULL));
  assert_false(log.torn || ds_log_is_settled(&log));
  ds_log_close(&log);
}

// Most appends leave the file's length alone; as much room is made as was written, up to 1 MiB.
static void test_room(void **state) {
  log_world *own = *state;
  ds_buf record;
  ds_buf_init(&record, 1u << 20);
  uint32_t grown = 0, appends = 0;
  for (; own->log.end < (6u << 20); appends++) {
    const uint64_t room = own->log.room, end = own->log.end;
    ds_log_begin(&record, DS_LOG_BATCH);
    (void)ds_buf_reserve(&record, 10000);
    memset(record.data + record.size, 7, 10000);
    record.size += 10000;
    ok(ds_log_append(&own->log, &record, NULL));
    uint64_t bytes, data;
    ok(own->io->ops->size(own->io, own->log.file, &bytes, NULL));
    ok(ds_log_measure(own->io, own->log.file, bytes, &data, NULL));
    assert_int_equal(data, own->log.end);
    assert_int_equal(bytes, own->log.room);
    assert_true(own->log.end <= bytes && bytes - own->log.end <= (1u << 20) &&
                bytes - own->log.end <= end);
    grown += bytes > room;
  }
  assert_true(grown < 20 && appends > 500);
  ds_buf_done(&record);
}

typedef struct moving {
  log_world *own;
  uint32_t records;
} moving;

static void append_bytes(ds_log *log, size_t bytes) {
  ds_buf record;
  ds_buf_init(&record, 2u << 20);
  ds_log_begin(&record, DS_LOG_BATCH);
  assert_non_null(ds_buf_reserve(&record, bytes));
  memset(record.data + record.size, 7, bytes);
  record.size += bytes;
  ok(ds_log_append(log, &record, NULL));
  ds_buf_done(&record);
}

// While the second of two records is read, two more come: the first into bytes that the reader has
// seen as zeros, the second behind them.
static ds_code move(void *context, uint64_t seq, const uint8_t *payload, uint32_t size,
                    ds_error *err) {
  moving *to = context;
  (void)payload, (void)size, (void)err;
  assert_int_equal(seq, 5 + to->records++);
  if (to->records == 2) {
    append_bytes(&to->own->log, 700000);
    append_bytes(&to->own->log, 100);
  }
  return DS_OK;
}

static void test_reader_beside_writer(void **state) {
  log_world *own = *state;
  ds_log_close(&own->log);
  ok(ds_log_create(own->io, PATH, 17, 5, &own->log, NULL));
  append_bytes(&own->log, 1500000);
  append_bytes(&own->log, 400000);
  assert_true(own->log.room > own->log.end + 800000);
  ds_log log;
  moving to = {.own = own};
  ok(ds_log_open(own->io, PATH, 17, 5, false, &log, NULL));
  ok(ds_log_scan(&log, move, &to, NULL));
  assert_int_equal(to.records, 4);
  assert_int_equal(log.end, own->log.end);
  assert_false(log.torn);
  ds_log_close(&log);
}

// An old record of this very file: whole, but its seq is behind.
static void test_recycled_record(void **state) {
  log_world *own = *state;
  uint8_t old[DS_LOG_RECORD_BYTES + PAYLOAD_BYTES];
  ok(own->io->ops->read_at(own->io, own->log.file, DS_LOG_HEADER_BYTES, old, sizeof old, NULL));
  write_end(own, old, sizeof old);
  expect_torn(own);
}

// A record of another log with the right seq: its checksum is over its own log's number.
static void test_record_of_another_log(void **state) {
  log_world *own = *state;
  ds_log other;
  ok(ds_log_create(own->io, "other", 16, own->log.next_seq, &other, NULL));
  ok(append(&other, 9));
  uint8_t alien[DS_LOG_RECORD_BYTES + PAYLOAD_BYTES];
  ok(own->io->ops->read_at(own->io, other.file, DS_LOG_HEADER_BYTES, alien, sizeof alien, NULL));
  ds_log_close(&other);
  write_end(own, alien, sizeof alien);
  expect_torn(own);
}

static void test_wild_lengths(void **state) {
  log_world *own = *state;
  const uint32_t lengths[] = {0, DS_BATCH_BYTES_MAX, DS_BATCH_BYTES_MAX + 1, UINT32_MAX, 100};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    uint8_t end[64] = {0};
    memcpy(end, &lengths[i], 4);
    memcpy(end + 12, &own->log.next_seq, 8);
    write_end(own, end, sizeof end);
    expect_torn(own);
  }
}

// Cut off at every byte of the last record, sector edges among them.
static void test_cut_everywhere(void **state) {
  log_world *own = *state;
  const uint64_t before = own->log.end;
  ok(append(&own->log, RECORDS));
  for (uint64_t size = own->log.end - 1; size >= before; size--) {
    ok(own->io->ops->truncate(own->io, own->log.file, size, NULL));
    ds_log log;
    uint32_t records;
    ok(scan(own, &log, &records));
    assert_int_equal(records, RECORDS);
    assert_int_equal(log.end, before);
    assert_int_equal(log.torn, size > before);
    ds_log_close(&log);
  }
}

// A bad record before a good one was synced before that one was written: damage, not a torn end.
static void test_flip_in_the_middle(void **state) {
  log_world *own = *state;
  for (uint64_t at = 0; at < own->log.end; at += 3) {
    uint8_t byte;
    ok(own->io->ops->read_at(own->io, own->log.file, at, &byte, 1, NULL));
    const uint8_t flipped = byte ^ (uint8_t)(1u << at % 8);
    ok(own->io->ops->write_at(own->io, own->log.file, at, &flipped, 1, NULL));
    ds_log log;
    uint32_t records;
    const ds_code code = scan(own, &log, &records);
    const uint64_t last = own->log.end - DS_LOG_RECORD_BYTES - PAYLOAD_BYTES;
    if (at < last) {
      assert_int_equal(code, DS_CORRUPT);
    } else {
      assert_int_equal(code, DS_OK);
      assert_int_equal(records, RECORDS - 1);
      ds_log_close(&log);
    }
    ok(own->io->ops->write_at(own->io, own->log.file, at, &byte, 1, NULL));
  }
}

// A mark settles the log, shows damage in the last record, and gives way to the next record.
static void test_mark(void **state) {
  log_world *own = *state;
  ok(ds_log_mark(&own->log, NULL));
  ds_log log;
  uint32_t records;
  ok(scan(own, &log, &records));
  assert_true(ds_log_is_settled(&log) && log.marked);
  assert_int_equal(log.next_seq, 8);
  uint8_t byte = 0x55;
  ok(own->io->ops->write_at(own->io, log.file, log.end - 1, &byte, 1, NULL));
  ds_log damaged;
  assert_int_equal(scan(own, &damaged, &records), DS_CORRUPT);
  byte = (uint8_t)((RECORDS - 1) * 31 + PAYLOAD_BYTES - 1);
  ok(own->io->ops->write_at(own->io, log.file, log.end - 1, &byte, 1, NULL));
  ok(append(&log, RECORDS));
  ds_log_close(&log);
  ok(scan(own, &log, &records));
  assert_int_equal(records, RECORDS + 1);
  assert_false(log.marked || log.torn);
  ds_log_close(&log);
}

static void test_newer_version(void **state) {
  log_world *own = *state;
  uint8_t header[DS_LOG_HEADER_BYTES];
  ok(own->io->ops->read_at(own->io, own->log.file, 0, header, sizeof header, NULL));
  header[8] = 2;
  const uint64_t checksum = XXH3_64bits(header, 24);
  memcpy(header + 24, &checksum, 8);
  ok(own->io->ops->write_at(own->io, own->log.file, 0, header, sizeof header, NULL));
  ds_log log;
  ds_error err;
  assert_int_equal(ds_log_open(own->io, PATH, 17, 5, false, &log, &err), DS_VERSION);
  assert_non_null(strstr(err.message, "upgrade the program"));
}

static void test_too_large(void **state) {
  log_world *own = *state;
  ds_buf record;
  ds_buf_init(&record, (size_t)2 * DS_BATCH_BYTES_MAX);
  ds_log_begin(&record, DS_LOG_BATCH);
  assert_non_null(ds_buf_reserve(&record, DS_BATCH_BYTES_MAX));
  memset(record.data + record.size, 1, DS_BATCH_BYTES_MAX);
  record.size += DS_BATCH_BYTES_MAX;
  assert_int_equal(ds_log_append(&own->log, &record, NULL), DS_LIMIT);
  ds_buf_done(&record);
  ok(append(&own->log, RECORDS)); // Nothing was written: the log goes on.
}

// I11: after a failed write or sync the log takes nothing more, and what failed is out of sight.
static void test_failure(void **state) {
  log_world *own = *state;
  // Zeros, the record, their sync.
  for (uint64_t operation = 0; operation < 3; operation++) {
    own->log.failed = false;
    own->log.room = own->log.end;
    ds_io_sim_fail_at(own->sim, operation, DS_IO, false);
    assert_int_equal(append(&own->log, RECORDS), DS_IO);
    assert_int_equal(append(&own->log, RECORDS), DS_READONLY);
    ds_log log;
    uint32_t records;
    ok(scan(own, &log, &records));
    assert_int_equal(records, RECORDS);
    assert_false(ds_log_is_settled(&log)); // so that the next writer begins another log
    ds_log_close(&log);
  }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(test_round_trip),          CASE(test_zero_tail),
      CASE(test_recycled_record),     CASE(test_record_of_another_log),
      CASE(test_wild_lengths),        CASE(test_cut_everywhere),
      CASE(test_flip_in_the_middle),  CASE(test_mark),
      CASE(test_newer_version),       CASE(test_too_large),
      CASE(test_failure),
      CASE(test_zeros_alone),         CASE(test_room),
      CASE(test_reader_beside_writer),
  };
  return cmocka_run_group_tests_name("store log", tests, NULL, NULL);
}
