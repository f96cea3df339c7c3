// SPDX-License-Identifier: Apache-2.0
// The manifest in memory and its files. Its text form is read and written in manifest_text.c.
#include "store/manifest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

void ds_manifest_init(ds_manifest *manifest) {
  *manifest = (ds_manifest){.format = DS_MANIFEST_FORMAT,
                            .next_part = 1,
                            .next_log = 2,
                            .next_arrival = 1,
                            .next_import = 1,
                            .logs = {{1, 1}},
                            .logs_count = 1};
  ds_arena_init(&manifest->arena, 4 * DS_MANIFEST_BYTES_MAX);
}

void ds_manifest_done(ds_manifest *manifest) {
  if (manifest == NULL)
    return;
  ds_arena_done(&manifest->arena);
  ds_manifest_init(manifest);
}

static ds_code out_of_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for the manifest");
}

// Room for one more element of `size` bytes in an array of the arena, or NULL.
static void *array_grow(ds_arena *arena, void *array, uint32_t count, uint32_t *capacity,
                        size_t size) {
  assert(count <= *capacity);
  if (count < *capacity)
    return array;
  if (*capacity > UINT32_MAX / 2)
    return NULL;
  const uint32_t more = *capacity == 0 ? 16 : *capacity * 2;
  void *grown = ds_arena_array(arena, more, size);
  if (grown == NULL)
    return NULL;
  if (count > 0)
    memcpy(grown, array, count * size);
  *capacity = more;
  return grown;
}

ds_code ds_manifest_add_part(ds_manifest *manifest, const ds_part_info *info, uint32_t import,
                             ds_error *err) {
  ds_manifest_part *parts =
      array_grow(&manifest->arena, manifest->parts, manifest->parts_count,
                 &manifest->parts_capacity, sizeof *parts);
  if (parts == NULL)
    return out_of_memory(err);
  manifest->parts = parts;
  parts[manifest->parts_count++] = (ds_manifest_part){*info, import};
  if (info->number >= manifest->next_part)
    manifest->next_part = info->number + 1;
  return DS_OK;
}

ds_code ds_manifest_add_import(ds_manifest *manifest, const ds_import_info *info, ds_error *err) {
  ds_import_info *imports =
      array_grow(&manifest->arena, manifest->imports, manifest->imports_count,
                 &manifest->imports_capacity, sizeof *imports);
  if (imports == NULL)
    return out_of_memory(err);
  manifest->imports = imports;
  const char *mapping = info->mapping == NULL ? "" : info->mapping;
  const char *files = info->files == NULL ? "" : info->files;
  ds_import_info copy = *info;
  copy.mapping = ds_arena_text(&manifest->arena, mapping, strlen(mapping));
  copy.files = ds_arena_text(&manifest->arena, files, strlen(files));
  if (copy.mapping == NULL || copy.files == NULL)
    return out_of_memory(err);
  imports[manifest->imports_count++] = copy;
  if (info->id >= manifest->next_import)
    manifest->next_import = info->id + 1;
  return DS_OK;
}

ds_code ds_manifest_add_type(ds_manifest *manifest, const char *touchpoint, const char *property,
                             ds_type type, ds_error *err) {
  for (uint32_t i = 0; i < manifest->types_count; i++) {
    if (strcmp(manifest->types[i].touchpoint, touchpoint) == 0 &&
        strcmp(manifest->types[i].property, property) == 0)
      return DS_OK;
  }
  ds_manifest_type *types =
      array_grow(&manifest->arena, manifest->types, manifest->types_count,
                 &manifest->types_capacity, sizeof *types);
  if (types == NULL)
    return out_of_memory(err);
  manifest->types = types;
  const ds_manifest_type copy = {
      ds_arena_text(&manifest->arena, touchpoint, strlen(touchpoint)),
      ds_arena_text(&manifest->arena, property, strlen(property)), type};
  if (copy.touchpoint == NULL || copy.property == NULL)
    return out_of_memory(err);
  types[manifest->types_count++] = copy;
  return DS_OK;
}

ds_code ds_manifest_set_type(ds_manifest *manifest, ds_str touchpoint, ds_str property,
                             ds_type type, ds_error *err) {
  for (uint32_t i = 0; i < manifest->types_count; i++) {
    ds_manifest_type *known = &manifest->types[i];
    if (ds_str_equal(ds_str_of(known->touchpoint), touchpoint) &&
        ds_str_equal(ds_str_of(known->property), property)) {
      known->type = type;
      return DS_OK;
    }
  }
  const char *first = ds_arena_text(&manifest->arena, touchpoint.data, touchpoint.size);
  const char *second = ds_arena_text(&manifest->arena, property.data, property.size);
  if (first == NULL || second == NULL)
    return out_of_memory(err);
  return ds_manifest_add_type(manifest, first, second, type, err);
}

static ds_code copy_lists(const ds_manifest *from, ds_manifest *to, ds_error *err) {
  for (uint32_t i = 0; i < from->parts_count; i++)
    TRY(ds_manifest_add_part(to, &from->parts[i].info, from->parts[i].import, err));
  for (uint32_t i = 0; i < from->imports_count; i++)
    TRY(ds_manifest_add_import(to, &from->imports[i], err));
  to->types = ds_arena_array(&to->arena, from->types_count, sizeof *to->types);
  if (to->types == NULL)
    return out_of_memory(err);
  to->types_capacity = from->types_count;
  for (uint32_t i = 0; i < from->types_count; i++) {
    const ds_manifest_type *type = &from->types[i];
    to->types[i].type = type->type;
    to->types[i].touchpoint =
        ds_arena_text(&to->arena, type->touchpoint, strlen(type->touchpoint));
    to->types[i].property = ds_arena_text(&to->arena, type->property, strlen(type->property));
    if (to->types[i].touchpoint == NULL || to->types[i].property == NULL)
      return out_of_memory(err);
    to->types_count = i + 1;
  }
  return DS_OK;
}

ds_code ds_manifest_copy(const ds_manifest *manifest, ds_manifest *ret_copy, ds_error *err) {
  ds_manifest copy;
  ds_manifest_init(&copy);
  copy.format = manifest->format;
  copy.store = manifest->store;
  copy.vault = manifest->vault;
  copy.erased = manifest->erased;
  copy.generation = manifest->generation;
  copy.next_part = manifest->next_part;
  copy.next_log = manifest->next_log;
  copy.next_arrival = manifest->next_arrival;
  copy.next_import = manifest->next_import;
  copy.sealed_seq = manifest->sealed_seq;
  memcpy(copy.logs, manifest->logs, sizeof copy.logs);
  copy.logs_count = manifest->logs_count;
  copy.work = manifest->work;
  copy.retention = manifest->retention;
  copy.checksum = manifest->checksum;
  const ds_code code = copy_lists(manifest, &copy, err);
  if (code != DS_OK) {
    ds_manifest_done(&copy);
    return code;
  }
  *ret_copy = copy;
  return DS_OK;
}

ds_import_info *ds_manifest_import(const ds_manifest *manifest, uint32_t id) {
  for (uint32_t i = 0; i < manifest->imports_count; i++) {
    if (manifest->imports[i].id == id)
      return &manifest->imports[i];
  }
  return NULL;
}

uint32_t ds_manifest_part_index(const ds_manifest *manifest, uint64_t number) {
  for (uint32_t i = 0; i < manifest->parts_count; i++) {
    if (manifest->parts[i].info.number == number)
      return i;
  }
  return DS_NONE;
}

bool ds_manifest_has_log(const ds_manifest *manifest, uint64_t number) {
  for (uint32_t i = 0; i < manifest->logs_count; i++) {
    if (manifest->logs[i].number == number)
      return true;
  }
  return false;
}

void ds_manifest_remove_part(ds_manifest *manifest, uint32_t index) {
  assert(index < manifest->parts_count);
  manifest->parts_count--;
  memmove(&manifest->parts[index], &manifest->parts[index + 1],
          (manifest->parts_count - index) * sizeof *manifest->parts);
}

void ds_manifest_move_part(ds_manifest *manifest, uint32_t index, uint32_t to) {
  assert(index < manifest->parts_count && to <= index);
  const ds_manifest_part part = manifest->parts[index];
  memmove(&manifest->parts[to + 1], &manifest->parts[to], (index - to) * sizeof part);
  manifest->parts[to] = part;
}

static ds_code manifest_path(const char *directory, char path[DS_PATH_BYTES_MAX], ds_error *err) {
  const int length = snprintf(path, DS_PATH_BYTES_MAX, "%s/MANIFEST", directory);
  if (length < 0 || (size_t)length >= DS_PATH_BYTES_MAX)
    return ds_fail(err, DS_LIMIT, "the path of the store is longer than %u bytes",
                   DS_PATH_BYTES_MAX);
  return DS_OK;
}

ds_code ds_manifest_load(ds_io *io, const char *directory, ds_manifest *ret_manifest,
                         ds_error *err) {
  char path[DS_PATH_BYTES_MAX];
  TRY(manifest_path(directory, path, err));
  char *text;
  size_t size;
  TRY(ds_io_read_file(io, path, DS_MANIFEST_BYTES_MAX, &text, &size, err));
  const ds_code code = ds_manifest_parse(text, size, ret_manifest, err);
  free(text);
  return code;
}

ds_code ds_manifest_save(ds_io *io, const char *directory, ds_manifest *manifest, ds_error *err) {
  char path[DS_PATH_BYTES_MAX];
  TRY(manifest_path(directory, path, err));
  manifest->generation++;
  ds_buf text;
  ds_buf_init(&text, DS_MANIFEST_BYTES_MAX);
  uint64_t checksum = 0;
  ds_code code = ds_manifest_print(manifest, &text, &checksum, err);
  if (code == DS_OK)
    code = ds_io_replace_file(io, directory, path, text.data, text.size, err);
  ds_buf_done(&text);
  if (code == DS_OK)
    manifest->checksum = checksum;
  return code;
}
