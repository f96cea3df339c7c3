// SPDX-License-Identifier: Apache-2.0
#include "store/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/limits.h"
#include "base/seeded.h"

static const char log_magic[8] = {'D', 'S', 'T', 'E', 'P', 'L', 'O', 'G'};

enum {
  AT_VERSION = 8,
  AT_SALT = 12,
  AT_NUMBER = 16,
  AT_CHECKSUM = 24,
  RECORD_AT_CHECKSUM = 4,
  RECORD_AT_SEQ = 12,
  WINDOW_BYTES = 1 << 20,
  ROOM_BYTES_MAX = 1 << 20,
  ZEROS_BYTES = 1 << 16,
};
static_assert(AT_CHECKSUM + 8 == DS_LOG_HEADER_BYTES, "the header's fields fill it");
static_assert(RECORD_AT_SEQ + 8 == DS_LOG_RECORD_BYTES, "the record's head is packed");

static void put_u32(uint8_t *at, uint32_t value) {
  for (int i = 0; i < 4; i++)
    at[i] = (uint8_t)(value >> (8 * i));
}

static void put_u64(uint8_t *at, uint64_t value) {
  for (int i = 0; i < 8; i++)
    at[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_u32(const uint8_t *at) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++)
    value |= (uint32_t)at[i] << (8 * i);
  return value;
}

static uint64_t get_u64(const uint8_t *at) {
  return (uint64_t)get_u32(at) | (uint64_t)get_u32(at + 4) << 32;
}

// `record` holds the whole record, of `length` payload bytes.
static uint64_t record_checksum(const ds_log *log, const uint8_t *record, uint32_t length) {
  const uint64_t file = log->number ^ (uint64_t)log->salt << 32;
  const uint64_t seed = file ^ (uint64_t)length * 0x9E3779B97F4A7C15u;
  return XXH3_64bits_withSeed(record + RECORD_AT_SEQ, (size_t)length + 8, seed);
}

static ds_code write_header(ds_log *log, ds_error *err) {
  uint8_t header[DS_LOG_HEADER_BYTES];
  memcpy(header, log_magic, sizeof log_magic);
  put_u32(header + AT_VERSION, DS_LOG_FORMAT);
  put_u32(header + AT_SALT, log->salt);
  put_u64(header + AT_NUMBER, log->number);
  put_u64(header + AT_CHECKSUM, XXH3_64bits(header, AT_CHECKSUM));
  TRY(log->io->ops->truncate(log->io, log->file, 0, err));
  TRY(log->io->ops->write_at(log->io, log->file, 0, header, sizeof header, err));
  log->room = log->began = sizeof header;
  return log->io->ops->sync(log->io, log->file, err);
}

ds_code ds_log_create(ds_io *io, const char *path, uint64_t number, uint64_t next_seq,
                      ds_log *ret_log, ds_error *err) {
  ds_log log = {.io = io, .number = number, .end = DS_LOG_HEADER_BYTES, .first_seq = next_seq,
                .next_seq = next_seq};
  TRY(io->ops->random(io, &log.salt, sizeof log.salt, err));
  TRY(io->ops->open(io, path, DS_OPEN_READ | DS_OPEN_WRITE | DS_OPEN_CREATE, &log.file, err));
  const ds_code code = write_header(&log, err);
  if (code != DS_OK) {
    ds_log_close(&log);
    return code;
  }
  *ret_log = log;
  return DS_OK;
}

static ds_code check_header(ds_log *log, ds_error *err) {
  uint64_t size;
  uint8_t header[DS_LOG_HEADER_BYTES];
  TRY(log->io->ops->size(log->io, log->file, &size, err));
  if (size < sizeof header)
    return ds_fail(err, DS_CORRUPT, "log %06" PRIu64 " is cut short: restore a backup",
                   log->number);
  TRY(log->io->ops->read_at(log->io, log->file, 0, header, sizeof header, err));
  if (memcmp(header, log_magic, sizeof log_magic) != 0 ||
      get_u64(header + AT_CHECKSUM) != XXH3_64bits(header, AT_CHECKSUM) ||
      get_u64(header + AT_NUMBER) != log->number)
    return ds_fail(err, DS_CORRUPT, "log %06" PRIu64 " has a damaged header: restore a backup",
                   log->number);
  const uint32_t version = get_u32(header + AT_VERSION);
  if (version != DS_LOG_FORMAT)
    return ds_fail(err, DS_VERSION,
                   "log %06" PRIu64 " was written by a newer doorstep (format %" PRIu32
                   ", this program reads %u): upgrade the program",
                   log->number, version, DS_LOG_FORMAT);
  log->salt = get_u32(header + AT_SALT);
  return DS_OK;
}

ds_code ds_log_open(ds_io *io, const char *path, uint64_t number, uint64_t first_seq, bool write,
                    ds_log *ret_log, ds_error *err) {
  ds_log log = {.io = io, .number = number, .end = DS_LOG_HEADER_BYTES, .first_seq = first_seq,
                .next_seq = first_seq};
  const int flags = write ? DS_OPEN_READ | DS_OPEN_WRITE : DS_OPEN_READ;
  ds_code code = io->ops->open(io, path, flags, &log.file, err);
  if (code == DS_MISSING)
    return ds_fail(err, DS_MISSING, "log %06" PRIu64 " is missing: restore a backup", number);
  TRY(code);
  code = check_header(&log, err);
  if (code != DS_OK) {
    ds_log_close(&log);
    return code;
  }
  *ret_log = log;
  return DS_OK;
}

void ds_log_close(ds_log *log) {
  if (log == NULL || log->file == NULL)
    return;
  log->io->ops->close(log->io, log->file);
  log->file = NULL;
}

// A moving view of the file, so that many small records cost few reads and a large file little
// memory.
typedef struct log_window {
  const ds_log *log;
  uint8_t *data;
  size_t capacity;
  uint64_t start;
  size_t size;
  uint64_t file_bytes; // measured once: what a writer adds meanwhile belongs to the next scan
} log_window;

// Makes bytes [at, at + size) of the file readable at *ret_data; they lie within file_bytes.
static ds_code window_view(log_window *window, uint64_t at, size_t size, const uint8_t **ret_data,
                           ds_error *err) {
  assert(at + size <= window->file_bytes);
  if (at < window->start || at + size > window->start + window->size) {
    size_t want = size > WINDOW_BYTES ? size : WINDOW_BYTES;
    if (want > window->file_bytes - at)
      want = (size_t)(window->file_bytes - at);
    if (want > window->capacity) {
      uint8_t *data = realloc(window->data, want);
      if (data == NULL)
        return ds_fail(err, DS_MEMORY, "out of memory while reading the log");
      window->data = data;
      window->capacity = want;
    }
    window->size = 0;
    TRY(window->log->io->ops->read_at(window->log->io, window->log->file, at, window->data, want,
                                      err));
    window->start = at;
    window->size = want;
  }
  *ret_data = window->data + (at - window->start);
  return DS_OK;
}

// A whole record of seq seq_min..seq_max at `at`: *ret_size is its size, else 0.
static ds_code record_at(log_window *window, uint64_t at, uint64_t seq_min, uint64_t seq_max,
                         const uint8_t **ret_record, size_t *ret_size, ds_error *err) {
  *ret_size = 0;
  const uint64_t left = window->file_bytes - at;
  if (left < DS_LOG_RECORD_BYTES + 1)
    return DS_OK;
  const uint8_t *record = NULL;
  TRY(window_view(window, at, DS_LOG_RECORD_BYTES, &record, err));
  const uint32_t length = get_u32(record);
  const uint64_t seq = get_u64(record + RECORD_AT_SEQ);
  if (length == 0 || length > DS_BATCH_BYTES_MAX || length > left - DS_LOG_RECORD_BYTES ||
      seq < seq_min || seq > seq_max)
    return DS_OK;
  TRY(window_view(window, at, DS_LOG_RECORD_BYTES + (size_t)length, &record, err));
  if (get_u64(record + RECORD_AT_CHECKSUM) != record_checksum(window->log, record, length) &&
      !DS_SEEDED(RECORD_UNCHECKED))
    return DS_OK;
  *ret_record = record;
  *ret_size = DS_LOG_RECORD_BYTES + (size_t)length;
  return DS_OK;
}

ds_code ds_log_measure(ds_io *io, ds_file *file, uint64_t file_bytes, uint64_t *ret_bytes,
                       ds_error *err) {
  uint8_t data[8192];
  uint64_t end = file_bytes;
  while (end > 0) {
    const size_t size = end < sizeof data ? (size_t)end : sizeof data;
    TRY(io->ops->read_at(io, file, end - size, data, size, err));
    size_t used = size;
    while (used > 0 && data[used - 1] == 0)
      used--;
    end -= size - used;
    if (used > 0)
      break;
  }
  *ret_bytes = end;
  return DS_OK;
}

// What follows the last good record, up to `data_end`, must hold no later record: see I2 in the
// header. *ret_moved: it does, because a writer beside has written both since this one was read.
static ds_code check_torn_end(log_window *window, uint64_t data_end, bool *ret_moved,
                              ds_error *err) {
  const ds_log *log = window->log;
  const uint64_t left = window->file_bytes - log->end;
  const uint64_t seq_max = log->next_seq + left / (DS_LOG_RECORD_BYTES + 1);
  const uint8_t *record;
  size_t size = 0;
  *ret_moved = false;
  // No record begins among the zeros: its length is not 0.
  for (uint64_t at = log->end + 1; at < data_end && size == 0; at++)
    TRY(record_at(window, at, log->next_seq + 1, seq_max, &record, &size, err));
  if (size == 0)
    return DS_OK;
  window->size = 0;
  TRY(record_at(window, log->end, log->next_seq, log->next_seq, &record, &size, err));
  *ret_moved = size != 0 && record[DS_LOG_RECORD_BYTES] != DS_LOG_MARK;
  if (*ret_moved)
    return DS_OK;
  return ds_fail(err, DS_CORRUPT,
                 "log %06" PRIu64 " is damaged at byte %" PRIu64
                 ", before records that are whole: restore a backup",
                 log->number, log->end);
}

// Reads on to the first bad record or a mark; *ret_behind is where what follows them begins.
static ds_code read_records(ds_log *log, log_window *window, ds_log_each each, void *context,
                            uint64_t *ret_behind, ds_error *err) {
  size_t size = 0;
  log->marked = false;
  for (;;) {
    const uint8_t *record = NULL;
    TRY(record_at(window, log->end, log->next_seq, log->next_seq, &record, &size, err));
    if (size == 0)
      break;
    const uint8_t *payload = record + DS_LOG_RECORD_BYTES;
    log->marked = payload[0] == DS_LOG_MARK;
    if (log->marked)
      break;
    TRY(each(context, log->next_seq, payload, (uint32_t)(size - DS_LOG_RECORD_BYTES), err));
    log->end += size;
    log->next_seq++;
  }
  assert(log->end + size <= window->file_bytes);
  *ret_behind = log->end + size;
  return DS_OK;
}

static ds_code scan_records(ds_log *log, log_window *window, ds_log_each each, void *context,
                            ds_error *err) {
  bool moved = true;
  while (moved) {
    uint64_t behind = 0, data_end = 0;
    TRY(read_records(log, window, each, context, &behind, err));
    TRY(ds_log_measure(log->io, log->file, window->file_bytes, &data_end, err));
    log->torn = behind < data_end && !DS_SEEDED(TORN_END_KEPT);
    TRY(check_torn_end(window, data_end, &moved, err));
  }
  log->room = window->file_bytes;
  log->began = log->end;
  return DS_OK;
}

ds_code ds_log_scan(ds_log *log, ds_log_each each, void *context, ds_error *err) {
  assert(log->file != NULL && log->end == DS_LOG_HEADER_BYTES);
  log_window window = {.log = log};
  TRY(log->io->ops->size(log->io, log->file, &window.file_bytes, err));
  if (window.file_bytes < log->end)
    return ds_fail(err, DS_CORRUPT, "log %06" PRIu64 " is cut short: restore a backup",
                   log->number);
  const ds_code code = scan_records(log, &window, each, context, err);
  free(window.data);
  return code;
}

bool ds_log_is_settled(const ds_log *log) {
  return !log->torn &&
         (log->marked || log->room == DS_LOG_HEADER_BYTES || DS_SEEDED(TORN_END_KEPT));
}

void ds_log_begin(ds_buf *record, ds_log_kind kind) {
  static const uint8_t head[DS_LOG_RECORD_BYTES];
  ds_buf_reset(record);
  ds_buf_append(record, head, sizeof head);
  ds_buf_u8(record, (uint8_t)kind);
}

ds_code ds_log_check_size(size_t payload_bytes, ds_error *err) {
  if (payload_bytes <= DS_BATCH_BYTES_MAX)
    return DS_OK;
  return ds_fail(err, DS_LIMIT, "a batch of %zu bytes is over the limit of %u: send smaller ones",
                 payload_bytes, DS_BATCH_BYTES_MAX);
}

// Fills in the head of a begun record.
static ds_code finish_record(const ds_log *log, ds_buf *record, ds_error *err) {
  TRY(ds_buf_check(record, "a batch", err));
  assert(record->size > DS_LOG_RECORD_BYTES);
  const size_t length = record->size - DS_LOG_RECORD_BYTES;
  TRY(ds_log_check_size(length, err));
  put_u32(record->data, (uint32_t)length);
  put_u64(record->data + RECORD_AT_SEQ, log->next_seq);
  put_u64(record->data + RECORD_AT_CHECKSUM,
          record_checksum(log, record->data, (uint32_t)length));
  return DS_OK;
}

// Writes zeros behind `end`, as many as the records that were written since the log was opened have
// bytes, so that little is written for who appends little.
static ds_code make_room(ds_log *log, uint64_t end, ds_error *err) {
  static const uint8_t zeros[ZEROS_BYTES];
  const uint64_t written = log->end - log->began;
  const uint64_t room = end + (written < ROOM_BYTES_MAX ? written : ROOM_BYTES_MAX);
  while (end < room) {
    const size_t size = room - end < sizeof zeros ? (size_t)(room - end) : sizeof zeros;
    TRY(log->io->ops->write_at(log->io, log->file, end, zeros, size, err));
    end += size;
  }
  log->room = room;
  return DS_OK;
}

static ds_code write_bytes(ds_log *log, const ds_buf *record, bool sync, ds_error *err) {
  const ds_io_ops *ops = log->io->ops;
  const uint64_t end = log->end + record->size;
  if (end > log->room && sync)
    TRY(make_room(log, end, err));
  if (end > log->room)
    log->room = end;
  TRY(ops->write_at(log->io, log->file, log->end, record->data, record->size, err));
  return sync && !DS_SEEDED(ACKNOWLEDGE_BEFORE_SYNC) ? ops->sync(log->io, log->file, err) : DS_OK;
}

static ds_code write_record(ds_log *log, const ds_buf *record, bool sync, ds_error *err) {
  const ds_io_ops *ops = log->io->ops;
  ds_code code = write_bytes(log, record, sync, err);
  if (code != DS_OK && DS_SEEDED(SYNC_RETRIED))
    code = ops->sync(log->io, log->file, err);
  if (code == DS_OK)
    return DS_OK;
  log->failed = true;
  ds_error unheard;
  // Readers see no record any more, but one byte stays: a log that looked empty would be gone on
  // with, and after a loss of power the record, which may be on disk whole, be back.
  (void)ops->truncate(log->io, log->file, log->end + 1, &unheard);
  return code;
}

ds_code ds_log_append(ds_log *log, ds_buf *record, ds_error *err) {
  assert(log->file != NULL && !log->torn);
  if (log->failed)
    return ds_fail(err, DS_READONLY, "the log refuses writes after an earlier failure");
  TRY(finish_record(log, record, err));
  log->marked = false;
  TRY(write_record(log, record, true, err));
  log->end += record->size;
  log->next_seq++;
  return DS_OK;
}

ds_code ds_log_mark(ds_log *log, ds_error *err) {
  assert(log->file != NULL && !log->torn && !log->marked && !log->failed);
  ds_buf record;
  ds_buf_init(&record, 64);
  ds_log_begin(&record, DS_LOG_MARK);
  ds_code code = finish_record(log, &record, err);
  if (code == DS_OK)
    code = write_record(log, &record, true, err);
  ds_buf_done(&record);
  log->marked = code == DS_OK;
  return code;
}

// A copy on its way.
typedef struct log_copy {
  uint64_t after_seq;
  uint64_t end_seq; // what a writer has added since `from` was scanned stays out
  ds_log *to;
  ds_buf record;
} log_copy;

static ds_code copy_record(void *context, uint64_t seq, const uint8_t *payload, uint32_t size,
                           ds_error *err) {
  log_copy *copy = context;
  if (seq <= copy->after_seq || seq >= copy->end_seq)
    return DS_OK;
  assert(seq == copy->to->next_seq && size > 0);
  ds_log_begin(&copy->record, (ds_log_kind)payload[0]);
  ds_buf_append(&copy->record, payload + 1, size - 1);
  TRY(finish_record(copy->to, &copy->record, err));
  TRY(write_record(copy->to, &copy->record, false, err));
  copy->to->end += copy->record.size;
  copy->to->next_seq++;
  return DS_OK;
}

ds_code ds_log_copy(const ds_log *from, uint64_t after_seq, ds_log *to, ds_error *err) {
  assert(to->end == DS_LOG_HEADER_BYTES && to->next_seq == after_seq + 1);
  log_copy copy = {.after_seq = after_seq, .end_seq = from->next_seq, .to = to};
  ds_buf_init(&copy.record, (size_t)DS_BATCH_BYTES_MAX + DS_LOG_RECORD_BYTES);
  ds_log again = *from;
  again.end = DS_LOG_HEADER_BYTES;
  again.next_seq = from->first_seq;
  ds_code code = ds_log_scan(&again, copy_record, &copy, err);
  ds_buf_done(&copy.record);
  to->began = to->end;
  if (code == DS_OK && again.next_seq < from->next_seq)
    code = ds_fail(err, DS_CORRUPT, "log %06" PRIu64 " changed while it was read: try again",
                   from->number);
  return code == DS_OK ? ds_log_mark(to, err) : code;
}
