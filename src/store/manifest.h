// SPDX-License-Identifier: Apache-2.0
// The manifest: which parts and which logs are the store now, and its list of imports. It is
// replaced whole and durably (ds_io_replace_file). May use base/, io/, store/part.h.
//
// File MANIFEST: lines of tab-separated fields, each line ended by a newline. In texts a tab,
// newline, carriage return and backslash are written \t \n \r \\ . Numbers are decimal. The lines,
// in this order ("*": any number of them):
//   doorstep-manifest
//          format version (2), reader version: the oldest format whose programs can read it
//   store  its id: random, given at creation, the same in its backups
//   vault  the fingerprint of its vault, how many of the subjects erased there are in no part and
//          no log; the line is there once it has one
//   state  generation (one more at each write), next part number, next log number, next arrival,
//          next import id, last seq whose effect is in the parts and in this file
//   log*   number, seq of its first record; oldest first, 1 to DS_LOGS_MAX of them: the last is
//          the one that is written to, the others wait for being sealed
//   work   events and bytes of parts that logs were sealed into, and of those that compaction
//          wrote; how often it did. Absent when there is none
//   retention
//          when it was applied last, in ms; events that it removed then, and in all. Absent when it
//          never was
//   type*  touchpoint, property, type name
//   part*  number, bytes, checksum, events, customers, blocks, first customer, last customer,
//          earliest ms, latest ms, import (0: the log, or several)
//   import*
//          id (ascending), when ms, mapping, files, fingerprint, rows, events, duplicates,
//          rejected, personal sealed, undone (0 or 1)
//   end    XXH3-64 of all bytes before this line, 16 hex digits
// The first and the last line keep their form in every later format. Format 1 was never released
// and is not read.
//
// Invariants: part numbers differ and are below the next; logs' numbers and first seqs ascend and
// their numbers are below the next; each part's ranges are in order; the first seq of the first log
// is at most one past the last seq in the parts.
#ifndef DS_STORE_MANIFEST_H
#define DS_STORE_MANIFEST_H

#include "store/store.h"

#define DS_MANIFEST_FORMAT 2u
#define DS_MANIFEST_BYTES_MAX ((size_t)64 << 20)

// How many logs there may be: of a store whose sealing falls behind an append waits.
#define DS_LOGS_MAX 4u

// A part and the import that alone wrote it; 0 = the log, or several.
typedef struct ds_manifest_part {
  ds_part_info info;
  uint32_t import;
} ds_manifest_part;

// The type of a property on a touchpoint, as its first event gave it.
typedef struct ds_manifest_type {
  const char *touchpoint;
  const char *property;
  ds_type type;
} ds_manifest_type;

// A log; every record of one that is not the last was synced before the next was made.
typedef struct ds_manifest_log {
  uint64_t number;
  uint64_t first_seq;
} ds_manifest_log;

// What has been written since the store was made, beside logs and imports.
typedef struct ds_manifest_work {
  uint64_t sealed_events;
  uint64_t sealed_bytes;
  uint64_t compacted_events;
  uint64_t compacted_bytes;
  uint64_t compactions;
} ds_manifest_work;

// What retention did.
typedef struct ds_manifest_retention {
  int64_t applied_ms; // 0 = never
  uint64_t removed_last;
  uint64_t removed;
} ds_manifest_retention;

// Caller's memory; all it points to lives in `arena`.
typedef struct ds_manifest {
  uint32_t format;
  uint64_t store; // its id; 0 = none yet
  uint64_t vault; // its fingerprint; 0 = the store has none
  uint32_t erased; // how many of the vault's erased subjects are in no part and no log
  uint64_t generation;
  uint64_t next_part;
  uint64_t next_log;
  uint64_t next_arrival;
  uint32_t next_import;
  uint64_t sealed_seq; // the last seq whose effect is in parts and manifest
  ds_manifest_log logs[DS_LOGS_MAX]; // oldest first
  uint32_t logs_count;
  ds_manifest_work work;
  ds_manifest_retention retention;
  uint64_t checksum; // of the file as read or last written; 0 = never
  ds_manifest_type *types;
  ds_manifest_part *parts;
  ds_import_info *imports;
  uint32_t types_count;
  uint32_t types_capacity;
  uint32_t parts_count;
  uint32_t parts_capacity;
  uint32_t imports_count;
  uint32_t imports_capacity;
  ds_arena arena;
} ds_manifest;

// The manifest of a store without events, whose log 1 starts with seq 1.
void ds_manifest_init(ds_manifest *manifest);

// Gives the memory back. NULL is fine.
void ds_manifest_done(ds_manifest *manifest);

// A deep copy into *ret_copy, which the caller ends with ds_manifest_done.
DS_CHECKED ds_code ds_manifest_copy(const ds_manifest *manifest, ds_manifest *ret_copy,
                                    ds_error *err);

// Each adds a copy. A type that is known already stays as it is.
DS_CHECKED ds_code ds_manifest_add_part(ds_manifest *manifest, const ds_part_info *info,
                                        uint32_t import, ds_error *err);
DS_CHECKED ds_code ds_manifest_add_import(ds_manifest *manifest, const ds_import_info *info,
                                          ds_error *err);
DS_CHECKED ds_code ds_manifest_add_type(ds_manifest *manifest, const char *touchpoint,
                                        const char *property, ds_type type, ds_error *err);

// Says a type anew, or for the first time.
DS_CHECKED ds_code ds_manifest_set_type(ds_manifest *manifest, ds_str touchpoint, ds_str property,
                                        ds_type type, ds_error *err);

// Says the type of a property, whether it is known or not.
DS_CHECKED ds_code ds_manifest_set_type(ds_manifest *manifest, ds_str touchpoint, ds_str property,
                                        ds_type type, ds_error *err);

// The import with this id, or NULL; the index of the part with this number, or DS_NONE.
ds_import_info *ds_manifest_import(const ds_manifest *manifest, uint32_t id);
uint32_t ds_manifest_part_index(const ds_manifest *manifest, uint64_t number);

// Whether a log of the manifest has this number.
bool ds_manifest_has_log(const ds_manifest *manifest, uint64_t number);

// Takes the part at `index` out, or to a place before it, keeping the order of the others.
void ds_manifest_remove_part(ds_manifest *manifest, uint32_t index);
void ds_manifest_move_part(ds_manifest *manifest, uint32_t index, uint32_t to);

// Writes the text form; the checksum is returned at *ret_checksum.
DS_CHECKED ds_code ds_manifest_print(const ds_manifest *manifest, ds_buf *out,
                                     uint64_t *ret_checksum, ds_error *err);

// Reads the text form; untrusted. DS_CORRUPT names the line, DS_VERSION when it is of a newer
// program.
DS_CHECKED ds_code ds_manifest_parse(const char *text, size_t size, ds_manifest *ret_manifest,
                                     ds_error *err);

// Reads <directory>/MANIFEST. DS_MISSING when there is none.
DS_CHECKED ds_code ds_manifest_load(ds_io *io, const char *directory, ds_manifest *ret_manifest,
                                    ds_error *err);

// Counts the generation up and replaces <directory>/MANIFEST durably.
DS_CHECKED ds_code ds_manifest_save(ds_io *io, const char *directory, ds_manifest *manifest,
                                    ds_error *err);

#endif
