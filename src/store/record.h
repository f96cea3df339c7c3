// SPDX-License-Identifier: Apache-2.0
// What the log's records of kind import and undo hold, and what they do to a manifest. Applying
// one is a pure change of the manifest, so the writer, recovery and readers do the same. May use
// base/, log.h, manifest.h. Little-endian, behind the kind:
//   import     u32 id; i64 when_ms; u64 fingerprint, rows, events, duplicates, rejected,
//              personal_sealed; u64 next arrival; u32 n + mapping; u32 n + files;
//              u32 parts, parts x part info
//   undo       u32 import; u32 removed, removed x u64 part number;
//              u32 added, added x {part info, u32 import}
//   part info  u64 number, bytes, checksum, events; u32 customers, blocks, customer_first,
//              customer_last; i64 time_min_ms, time_max_ms
#ifndef DS_STORE_RECORD_H
#define DS_STORE_RECORD_H

#include "store/log.h"
#include "store/manifest.h"

// Appends the payload of an import record behind ds_log_begin.
void ds_record_import(ds_buf *record, const ds_import_info *info, uint64_t next_arrival,
                      const ds_part_info *parts, uint32_t parts_count);

// The same for an undo: the parts it takes away (by number) and those that replace them.
void ds_record_undo(ds_buf *record, uint32_t import, const uint64_t *removed,
                    uint32_t removed_count, const ds_manifest_part *added, uint32_t added_count);

// Does to the manifest what the payload (without its kind) says. DS_CORRUPT when it does not fit;
// the manifest is then to be thrown away.
DS_CHECKED ds_code ds_record_apply_import(ds_reader *payload, ds_manifest *manifest, ds_error *err);
DS_CHECKED ds_code ds_record_apply_undo(ds_reader *payload, ds_manifest *manifest, ds_error *err);

#endif
