// SPDX-License-Identifier: Apache-2.0
#include "ingest/source.h"

#include <fnmatch.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/buf.h"
#include "base/limits.h"
#include "ingest/source_json.h"
#include "ingest/source_text.h"

enum { FILES_MAX = 10000 };

static const char *path_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

static ds_code file_add(ds_arena *arena, const char *path, size_t size, ds_source **files,
                        uint32_t *count, ds_error *err) {
  if (*count >= FILES_MAX)
    return ds_fail(err, DS_LIMIT, "more than %d files at once", FILES_MAX);
  ds_source *grown = ds_arena_array(arena, *count + 1, sizeof *grown);
  char *copy = ds_arena_text(arena, path, size);
  if (grown == NULL || copy == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory listing files");
  if (*count > 0)
    memcpy(grown, *files, *count * sizeof *grown);
  grown[*count] = (ds_source){.path = copy, .name = path_name(copy)};
  *files = grown;
  (*count)++;
  return DS_OK;
}

// The entries of one folder that match a pattern.
typedef struct match {
  const char *pattern;
  ds_arena *arena;
  const char **names;
  uint32_t count;
} match;

static ds_code match_entry(void *context, const char *name, ds_error *err) {
  match *found = context;
  if (name[0] == '.' || fnmatch(found->pattern, name, 0) != 0)
    return DS_OK;
  const char **grown = ds_arena_array(found->arena, found->count + 1, sizeof *grown);
  char *copy = ds_arena_text(found->arena, name, strlen(name));
  if (grown == NULL || copy == NULL || found->count >= FILES_MAX)
    return ds_fail(err, DS_LIMIT, "more files match than can be listed");
  if (found->count > 0)
    memcpy(grown, found->names, found->count * sizeof *grown);
  grown[found->count++] = copy;
  found->names = grown;
  return DS_OK;
}

static int name_order(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static ds_code expand_glob(ds_io *io, ds_arena *arena, const char *pattern, ds_source **files,
                           uint32_t *count, ds_error *err) {
  const size_t folder = (size_t)(path_name(pattern) - pattern);
  match found = {.pattern = pattern + folder, .arena = arena};
  const char *directory = folder == 0 ? "." : ds_arena_text(arena, pattern, folder);
  if (directory == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory listing files");
  TRY(io->ops->list(io, directory, match_entry, &found, err));
  if (found.count == 0)
    return ds_fail(err, DS_INPUT, "no file matches %s", pattern);
  qsort(found.names, found.count, sizeof *found.names, name_order);
  ds_buf path;
  ds_buf_init(&path, 2 * DS_PATH_BYTES_MAX);
  ds_code code = DS_OK;
  for (uint32_t i = 0; i < found.count && code == DS_OK; i++) {
    ds_buf_reset(&path);
    ds_buf_append(&path, pattern, folder);
    ds_buf_text(&path, found.names[i]);
    code = ds_buf_check(&path, "a path", err);
    if (code == DS_OK)
      code = file_add(arena, (const char *)path.data, path.size, files, count, err);
  }
  ds_buf_done(&path);
  return code;
}

static ds_code any_entry(void *context, const char *name, ds_error *err) {
  (void)context;
  (void)name;
  (void)err;
  return DS_OK;
}

ds_code ds_source_expand(ds_io *io, ds_arena *arena, const char *pattern, ds_source **files,
                         uint32_t *count, ds_error *err) {
  ds_file *file;
  ds_error why;
  // A file whose very name holds a star or a bracket is meant before the pattern is.
  const ds_code code = io->ops->open(io, pattern, DS_OPEN_READ, &file, &why);
  if (code == DS_OK)
    io->ops->close(io, file);
  if (code == DS_MEMORY)
    return ds_fail(err, code, "%s", why.message);
  if (code == DS_MISSING && strpbrk(path_name(pattern), "*?[") != NULL)
    return expand_glob(io, arena, pattern, files, count, err);
  if (io->ops->list(io, pattern, any_entry, NULL, &why) == DS_OK)
    return ds_fail(err, DS_INPUT, "%s is a folder: give its files, or --mapping for a data set",
                   path_name(pattern));
  if (code == DS_MISSING)
    return ds_fail(err, DS_INPUT, "no such file: %s", pattern);
  if (code != DS_OK)
    return ds_fail(err, DS_INPUT, "%s cannot be read: is it yours to read?", path_name(pattern));
  return file_add(arena, pattern, strlen(pattern), files, count, err);
}

// Parquet is complete only when it also ends in its sign.
static ds_code parquet_end(ds_io *io, ds_file *handle, const ds_source *file, ds_error *err) {
  uint8_t tail[4];
  if (file->bytes < 12)
    return ds_fail(err, DS_INPUT, "%s is cut short: no Parquet footer", file->name);
  TRY(io->ops->read_at(io, handle, file->bytes - 4, tail, sizeof tail, err));
  if (memcmp(tail, "PAR1", 4) != 0)
    return ds_fail(err, DS_INPUT, "%s is cut short: it does not end in a Parquet footer",
                   file->name);
  return DS_OK;
}

static ds_code head_read(ds_io *io, ds_source *file, ds_error *err) {
  ds_file *handle;
  const ds_code opened = io->ops->open(io, file->path, DS_OPEN_READ, &handle, err);
  if (opened == DS_MEMORY)
    return opened;
  if (opened != DS_OK)
    return ds_fail(err, DS_INPUT, opened == DS_MISSING ? "no such file: %s"
                                                       : "%s cannot be read: is it yours to read?",
                   file->name);
  uint8_t head[16] = {0};
  ds_code code = io->ops->size(io, handle, &file->bytes, err);
  const size_t size = file->bytes < sizeof head ? (size_t)file->bytes : sizeof head;
  if (code == DS_OK && size > 0)
    code = io->ops->read_at(io, handle, 0, head, size, err);
  if (code == DS_OK)
    code = ds_source_find_kind(io, file, head, size, err);
  if (code == DS_OK && file->kind == DS_SOURCE_PARQUET)
    code = parquet_end(io, handle, file, err);
  io->ops->close(io, handle);
  return code;
}

// The two readers of one pass: the file's bytes are hashed, its text is checked.
typedef struct pass {
  XXH3_state_t *hash;
  ds_text_check text;
  ds_json_check json;
} pass;

static ds_code pass_raw(void *context, const uint8_t *data, size_t size, ds_error *err) {
  (void)err;
  XXH3_64bits_update(((pass *)context)->hash, data, size);
  return DS_OK;
}

static ds_code pass_text(void *context, const uint8_t *data, size_t size, ds_error *err) {
  return ds_text_check_feed(&((pass *)context)->text, data, size, err);
}

static ds_code pass_json(void *context, const uint8_t *data, size_t size, ds_error *err) {
  return ds_json_check_feed(&((pass *)context)->json, data, size, err);
}

static ds_code pass_ignore(void *context, const uint8_t *data, size_t size, ds_error *err) {
  (void)context;
  (void)data;
  (void)size;
  (void)err;
  return DS_OK;
}

static ds_code passes_run(ds_io *io, ds_source *file, pass *all, ds_arena *arena,
                          ds_progress *progress, ds_error *err) {
  static const ds_source_feed feeds[] = {
      [DS_SOURCE_TEXT] = pass_text, [DS_SOURCE_JSON] = pass_json,
      [DS_SOURCE_PARQUET] = pass_ignore, [DS_SOURCE_XES] = pass_ignore,
      [DS_SOURCE_OCEL_JSON] = pass_ignore, [DS_SOURCE_OCEL_XML] = pass_ignore,
      [DS_SOURCE_OCEL_SQLITE] = pass_ignore,
  };
  // A log's reader sees every byte itself, and verifies what is compressed.
  ds_source raw = *file;
  if (ds_source_is_log(file))
    raw.squeeze = DS_SQUEEZE_NONE;
  TRY(ds_source_read(io, &raw, feeds[file->kind], pass_raw, all, progress, err));
  file->hash = XXH3_64bits_digest(all->hash);
  if (file->kind == DS_SOURCE_TEXT)
    return ds_text_check_end(&all->text, file, arena, err);
  return file->kind == DS_SOURCE_JSON ? ds_json_check_end(&all->json, file, arena, err) : DS_OK;
}

ds_code ds_source_inspect(ds_io *io, ds_source *file, ds_arena *arena, ds_progress *progress,
                          ds_error *err) {
  TRY(head_read(io, file, err));
  pass *all = calloc(1, sizeof *all);
  if (all == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading %s", file->name);
  all->hash = XXH3_createState();
  ds_code code = all->hash == NULL ? ds_fail(err, DS_MEMORY, "out of memory reading %s", file->name)
                                   : DS_OK;
  if (code == DS_OK) {
    XXH3_64bits_reset(all->hash);
    ds_text_check_init(&all->text, file);
    code = ds_json_check_init(&all->json, file, err);
  }
  if (code == DS_OK)
    code = passes_run(io, file, all, arena, progress, err);
  XXH3_freeState(all->hash);
  ds_text_check_done(&all->text);
  ds_json_check_done(&all->json);
  free(all);
  // DuckDB refuses lines that end in two ways unless told to be lenient, and being lenient it takes
  // what it should not: so only a file that is otherwise in order is read so.
  if (code == DS_OK && file->mixed_lines)
    code = ds_source_check_quotes(io, file, &file->mixed_lines, err);
  return code;
}
