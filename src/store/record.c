// SPDX-License-Identifier: Apache-2.0
#include "store/record.h"

#include <inttypes.h>

static void put_text(ds_buf *record, const char *text) {
  const size_t size = text == NULL ? 0 : strlen(text);
  if (size > DS_BATCH_BYTES_MAX) {
    record->failed = true;
    return;
  }
  ds_buf_u32(record, (uint32_t)size);
  ds_buf_append(record, text, size);
}

static void put_part(ds_buf *record, const ds_part_info *info) {
  ds_buf_u64(record, info->number);
  ds_buf_u64(record, info->bytes);
  ds_buf_u64(record, info->checksum);
  ds_buf_u64(record, info->events);
  ds_buf_u32(record, info->customers);
  ds_buf_u32(record, info->blocks);
  ds_buf_u32(record, info->customer_first);
  ds_buf_u32(record, info->customer_last);
  ds_buf_u64(record, (uint64_t)info->time_min_ms);
  ds_buf_u64(record, (uint64_t)info->time_max_ms);
}

void ds_record_import(ds_buf *record, const ds_import_info *info, uint64_t next_arrival,
                      const ds_part_info *parts, uint32_t parts_count) {
  ds_buf_u32(record, info->id);
  ds_buf_u64(record, (uint64_t)info->when_ms);
  ds_buf_u64(record, info->fingerprint);
  ds_buf_u64(record, info->rows);
  ds_buf_u64(record, info->events);
  ds_buf_u64(record, info->duplicates);
  ds_buf_u64(record, info->rejected);
  ds_buf_u64(record, info->personal_sealed);
  ds_buf_u64(record, next_arrival);
  put_text(record, info->mapping);
  put_text(record, info->files);
  ds_buf_u32(record, parts_count);
  for (uint32_t i = 0; i < parts_count; i++)
    put_part(record, &parts[i]);
}

void ds_record_undo(ds_buf *record, uint32_t import, const uint64_t *removed,
                    uint32_t removed_count, const ds_manifest_part *added,
                    uint32_t added_count) {
  ds_buf_u32(record, import);
  ds_buf_u32(record, removed_count);
  for (uint32_t i = 0; i < removed_count; i++)
    ds_buf_u64(record, removed[i]);
  ds_buf_u32(record, added_count);
  for (uint32_t i = 0; i < added_count; i++) {
    put_part(record, &added[i].info);
    ds_buf_u32(record, added[i].import);
  }
}

static ds_code bad_record(const char *kind, ds_error *err) {
  return ds_fail(err, DS_CORRUPT, "the log's %s record does not fit the manifest: restore a backup",
                 kind);
}

static ds_part_info take_part(ds_reader *in) {
  ds_part_info info;
  info.number = ds_read_u64(in);
  info.bytes = ds_read_u64(in);
  info.checksum = ds_read_u64(in);
  info.events = ds_read_u64(in);
  info.customers = ds_read_u32(in);
  info.blocks = ds_read_u32(in);
  info.customer_first = ds_read_u32(in);
  info.customer_last = ds_read_u32(in);
  info.time_min_ms = (int64_t)ds_read_u64(in);
  info.time_max_ms = (int64_t)ds_read_u64(in);
  return info;
}

// The greatest number leaves none for the next part, nor for the next import below.
static bool part_fits(const ds_part_info *info, const ds_manifest *manifest) {
  return info->number != 0 && info->number != UINT64_MAX &&
         info->customer_first <= info->customer_last && info->time_min_ms <= info->time_max_ms &&
         ds_manifest_part_index(manifest, info->number) == DS_NONE;
}

// A NUL-terminated copy in the manifest's arena, or NULL.
static char *take_text(ds_reader *in, ds_manifest *manifest) {
  const uint32_t size = ds_read_u32(in);
  const uint8_t *text = ds_read_bytes(in, size);
  if (in->failed || (size > 0 && memchr(text, '\0', size) != NULL))
    return NULL;
  return ds_arena_text(&manifest->arena, (const char *)text, size);
}

ds_code ds_record_apply_import(ds_reader *payload, ds_manifest *manifest, ds_error *err) {
  ds_import_info info = {0};
  info.id = ds_read_u32(payload);
  info.when_ms = (int64_t)ds_read_u64(payload);
  info.fingerprint = ds_read_u64(payload);
  info.rows = ds_read_u64(payload);
  info.events = ds_read_u64(payload);
  info.duplicates = ds_read_u64(payload);
  info.rejected = ds_read_u64(payload);
  info.personal_sealed = ds_read_u64(payload);
  const uint64_t next_arrival = ds_read_u64(payload);
  info.mapping = take_text(payload, manifest);
  info.files = take_text(payload, manifest);
  const uint32_t parts = ds_read_u32(payload);
  if (payload->failed || info.mapping == NULL || info.files == NULL ||
      info.id < manifest->next_import || info.id == UINT32_MAX ||
      next_arrival < manifest->next_arrival || next_arrival == UINT64_MAX)
    return bad_record("import", err);
  TRY(ds_manifest_add_import(manifest, &info, err));
  manifest->next_arrival = next_arrival;
  for (uint32_t i = 0; i < parts; i++) {
    const ds_part_info part = take_part(payload);
    if (payload->failed || !part_fits(&part, manifest))
      return bad_record("import", err);
    TRY(ds_manifest_add_part(manifest, &part, info.id, err));
  }
  return payload->at == payload->end ? DS_OK : bad_record("import", err);
}

ds_code ds_record_apply_undo(ds_reader *payload, ds_manifest *manifest, ds_error *err) {
  ds_import_info *info = ds_manifest_import(manifest, ds_read_u32(payload));
  if (payload->failed || info == NULL || info->undone)
    return bad_record("undo", err);
  info->undone = true;
  const uint32_t removed = ds_read_u32(payload);
  for (uint32_t i = 0; i < removed; i++) {
    const uint32_t index = ds_manifest_part_index(manifest, ds_read_u64(payload));
    if (payload->failed || index == DS_NONE)
      return bad_record("undo", err);
    ds_manifest_remove_part(manifest, index);
  }
  const uint32_t added = ds_read_u32(payload);
  for (uint32_t i = 0; i < added; i++) {
    const ds_part_info part = take_part(payload);
    const uint32_t import = ds_read_u32(payload);
    if (payload->failed || !part_fits(&part, manifest))
      return bad_record("undo", err);
    TRY(ds_manifest_add_part(manifest, &part, import, err));
  }
  return payload->at == payload->end ? DS_OK : bad_record("undo", err);
}
