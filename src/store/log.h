// SPDX-License-Identifier: Apache-2.0
// The log: batches, imports and undos in the order in which they were acknowledged. One append is
// one write and one sync. May use base/, io/. A ds_log is used by one thread.
//
// File log/000017.log, little-endian:
//   offset  size
//        0     8  "DSTEPLOG"
//        8     4  format version, 1
//       12     4  salt, random: text inside an event cannot pose as a record of this file
//       16     8  log number, 17
//       24     8  checksum: XXH3-64 of bytes 0..23
//       32        records, back to back, each:
//        0     4  length of the payload, 1 .. DS_BATCH_BYTES_MAX
//        4     8  checksum: XXH3-64 of the bytes from 12 to the record's end, seeded with log
//                 number, salt and length
//       12     8  seq: ascends by one over all logs of the store
//       20        payload: u8 kind, then
//                   kind 1, batch:  u32 events, names (ds_space_encode), rows (model/event.h)
//                                   whose codes are of those names; so once more for each batch
//                                   that was written with it
//                   kind 2, import: import info, part infos (record.h)
//                   kind 3, undo:   u32 import, parts removed, parts added (record.h)
//                   kind 4, mark:   nothing. The writer left in order: every record before it was
//                                   synced. It has the next seq without using it up: the next
//                                   record overwrites it.
//                 zeros behind the last record or mark, any number: room for the next records,
//                 written before them, so that syncing those changes no length of a file and maps
//                 no block. No record begins with a zero length.
//
// Invariants (docs/durability.md has the list):
//   I1 I4  Reading stops at the first record that is cut short, fails its checksum, or has another
//          seq than the next: what was read is a prefix, in order.
//   I2     A record is synced before the next is written. So a whole record with a later seq
//          behind a bad one means damage (DS_CORRUPT), never a torn end that may be cut off.
//          The mark behind the last record makes a flipped bit in that one damage too.
//   I2     A failed sync may leave pages in sight that never reach the disk. So a writer believes
//          a log only when a mark and zeros end it; else it copies what it reads into a new log.
//   I10    A reader beside a writer may find a record where it has just read zeros, and a later
//          one behind. A bad record before a later one is read again: whole now, it is no damage.
//   I11    A failed write or sync is not retried. The file is cut back to its last good end (best
//          effort), and the log refuses every later append.
#ifndef DS_STORE_LOG_H
#define DS_STORE_LOG_H

#include "base/buf.h"
#include "io/io.h"

#define DS_LOG_FORMAT 1u
#define DS_LOG_HEADER_BYTES 32u
#define DS_LOG_RECORD_BYTES 20u // before the payload

// What a payload is; stored, so the numbers never change.
typedef enum ds_log_kind {
  DS_LOG_BATCH = 1,
  DS_LOG_IMPORT = 2,
  DS_LOG_UNDO = 3,
  DS_LOG_MARK = 4,
} ds_log_kind;

// Caller's memory; fields may be read. `end` is behind the last whole record.
typedef struct ds_log {
  ds_io *io;
  ds_file *file; // NULL = closed
  uint64_t number;
  uint64_t end;
  uint64_t room;  // length of the file; a writer finds zeros from `end`, or the mark, to here
  uint64_t began; // `end` when the log was opened
  uint64_t first_seq;
  uint64_t next_seq;
  uint32_t salt;
  bool marked; // a mark stands at `end`
  bool torn;   // bytes that are neither record nor zero stand behind `end` and the mark
  bool failed;
} ds_log;

// Makes an empty log file whose first record will have `next_seq`, and syncs it (not its
// directory). A file of this name left by a crash is overwritten: it is named by no manifest.
DS_CHECKED ds_code ds_log_create(ds_io *io, const char *path, uint64_t number, uint64_t next_seq,
                                 ds_log *ret_log, ds_error *err);

// Opens log `number` and checks its header. DS_MISSING, DS_CORRUPT, DS_VERSION, DS_IO. `end`
// stands at the first record and `next_seq` is first_seq until ds_log_scan.
DS_CHECKED ds_code ds_log_open(ds_io *io, const char *path, uint64_t number, uint64_t first_seq,
                               bool write, ds_log *ret_log, ds_error *err);

// Closes the file. NULL and a closed one are fine.
void ds_log_close(ds_log *log);

// Called for each whole record; a code other than DS_OK ends the scan and is returned.
typedef ds_code (*ds_log_each)(void *context, uint64_t seq, const uint8_t *payload, uint32_t size,
                               ds_error *err);

// Reads all whole records and leaves `end` and `next_seq` behind the last; sets `marked` and
// `torn`. DS_CORRUPT when a whole later record stands behind a bad one.
DS_CHECKED ds_code ds_log_scan(ds_log *log, ds_log_each each, void *context, ds_error *err);

// How many of a file's first `file_bytes` bytes stand before the zeros that end it: more than
// before behind each record that was added.
DS_CHECKED ds_code ds_log_measure(ds_io *io, ds_file *file, uint64_t file_bytes,
                                  uint64_t *ret_bytes, ds_error *err);

// True when a writer may go on behind the last record: nothing stands behind the header, not even
// zeros, or a mark says that all of it is on disk.
bool ds_log_is_settled(const ds_log *log);

// Copies the records behind `after_seq` that a scan of `from` read into an empty log, ends it with
// a mark, and syncs it.
DS_CHECKED ds_code ds_log_copy(const ds_log *from, uint64_t after_seq, ds_log *to, ds_error *err);

// Writes and syncs a mark behind the last record.
DS_CHECKED ds_code ds_log_mark(ds_log *log, ds_error *err);

// An empty record of a kind, to be filled with its payload and appended.
void ds_log_begin(ds_buf *record, ds_log_kind kind);

// DS_LIMIT when a payload of so many bytes is more than one record holds.
DS_CHECKED ds_code ds_log_check_size(size_t payload_bytes, ds_error *err);

// Writes and syncs one record with seq next_seq. DS_LIMIT (too large: nothing done, the log goes
// on), else the log is failed. `record` was begun by ds_log_begin.
DS_CHECKED ds_code ds_log_append(ds_log *log, ds_buf *record, ds_error *err);

#endif
