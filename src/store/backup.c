// SPDX-License-Identifier: Apache-2.0
// See backup.h. The file BACKUP, text: "doorstep-backup\t1\t<the store's id>\n", then sentences for
// people. It is written first, so that a backup that was stopped can be gone on with.
#include "store/backup.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "model/time.h"
#include "store/definitions.h"
#include "store/state.h"
#include "store/vault.h"

enum { NOTE_BYTES_MAX = 16384, SHOWN_BYTES_MAX = 200 };
#define NOTE_NAME "BACKUP"
#define SETTINGS_NAME "doorstep.yaml"
#define SEGMENTS_NAME "segments.yaml"

typedef struct copy_work {
  const ds_store *from;
  ds_store *to; // only its io, path, lock and manifest are used
  ds_manifest old; // of the backup before; without parts when there is none
  bool link;
  bool verify; // read back what was written
  const char *keys; // the folder that the vault's keys come from; NULL = none
  ds_progress *progress;
  uint64_t bytes_all;
  ds_backup_result result;
} copy_work;

static void below(const char *path, const char *name, char out[2 * DS_PATH_BYTES_MAX]) {
  const int length = snprintf(out, (size_t)2 * DS_PATH_BYTES_MAX, "%s/%s", path, name);
  assert(length > 0 && length < 2 * (int)DS_PATH_BYTES_MAX);
  (void)length;
}

// The id that the first line of BACKUP says; 0 when it is none that this program wrote.
static uint64_t note_id(const char *text) {
  static const char head[] = "doorstep-backup\t1\t";
  uint64_t id = 0;
  if (strncmp(text, head, sizeof head - 1) != 0)
    return 0;
  text += sizeof head - 1;
  return ds_str_to_u64((ds_str){text, (uint32_t)strcspn(text, "\n")}, &id) ? id : 0;
}

static ds_code read_note(ds_io *io, const char *path, bool *ret_has, uint64_t *ret_id,
                         ds_error *err) {
  char file[2 * DS_PATH_BYTES_MAX];
  below(path, NOTE_NAME, file);
  char *text = NULL;
  size_t size;
  ds_error found = {.message = ""};
  const ds_code code = ds_io_read_file(io, file, NOTE_BYTES_MAX, &text, &size, &found);
  *ret_has = code != DS_MISSING;
  *ret_id = 0;
  if (code == DS_MISSING)
    return DS_OK;
  if (code != DS_OK && code != DS_LIMIT)
    return ds_fail(err, code, "%s", found.message);
  if (code == DS_OK)
    *ret_id = note_id(text);
  free(text);
  return DS_OK;
}

ds_code ds_is_backup(ds_io *io, const char *path, bool *ret_is, ds_error *err) {
  uint64_t id;
  return read_note(io, path, ret_is, &id, err);
}

// `whole`: the copy is complete, and the note says what it holds.
static ds_code write_note(const copy_work *work, bool whole, ds_error *err) {
  const ds_store *from = work->from;
  char path[2 * DS_PATH_BYTES_MAX], when[32];
  ds_buf text;
  ds_buf_init(&text, NOTE_BYTES_MAX);
  ds_buf_printf(&text, "doorstep-backup\t1\t%" PRIu64 "\n\n", from->view.manifest.store);
  ds_buf_printf(&text, "%s of the store %s, %s %s.\n", whole ? "A backup" : "The beginning of a "
                "backup", from->path, whole ? "made" : "begun",
                ds_time_print(when, from->io->ops->now_ms(from->io)));
  if (whole)
    ds_buf_printf(&text, "It holds %" PRIu64 " events in %" PRIu32 " part%s and a log: the "
                  "store's generation %" PRIu64 ".\n", work->result.events, work->result.parts,
                  work->result.parts == 1 ? "" : "s", work->result.generation);
  ds_buf_text(&text, "\ndoorstep --store FOLDER check         reads every byte of it\n"
                     "doorstep --store NEW restore FOLDER   makes a store of it\n");
  below(work->to->path, NOTE_NAME, path);
  ds_code code = ds_buf_check(&text, "a note", err);
  if (code == DS_OK)
    code = ds_io_replace_file(from->io, work->to->path, path, text.data, text.size, err);
  ds_buf_done(&text);
  return code;
}

// What a folder holds beside what a copy that was stopped at its first step leaves.
static ds_code note_name(void *context, const char *name, ds_error *err) {
  (void)err;
  bool *empty = context;
  *empty = *empty && (strcmp(name, "LOCK") == 0 || strcmp(name, NOTE_NAME ".tmp") == 0);
  return DS_OK;
}

static ds_code is_empty(ds_io *io, const char *path, bool *ret_empty, ds_error *err) {
  *ret_empty = true;
  ds_error found = {.message = ""};
  const ds_code code = io->ops->list(io, path, note_name, ret_empty, &found);
  return code == DS_OK || code == DS_MISSING ? DS_OK : ds_fail(err, code, "%s", found.message);
}

static const char *shown(const char *path) {
  const size_t length = strlen(path);
  return length <= SHOWN_BYTES_MAX ? path : path + length - SHOWN_BYTES_MAX;
}

// Refuses a target that holds anything but a backup of this store, of this state or an earlier one.
static ds_code look_at_backup(copy_work *work, ds_error *err) {
  ds_io *io = work->from->io;
  const char *path = work->to->path;
  bool has = false, empty = false;
  uint64_t id = 0;
  TRY(read_note(io, path, &has, &id, err));
  if (!has) {
    TRY(is_empty(io, path, &empty, err));
    return empty ? DS_OK
                 : ds_fail(err, DS_USAGE, "%s is not empty and no backup: name a new folder",
                           shown(path));
  }
  if (id != work->from->view.manifest.store)
    return ds_fail(err, DS_USAGE, "%s is a backup of another store: name a new folder",
                   shown(path));
  ds_error found = {.message = ""};
  const ds_code code = ds_manifest_load(io, path, &work->old, &found);
  if (code != DS_OK && code != DS_MISSING)
    return ds_fail(err, code, "the backup in %s cannot be gone on with: %s; name a new folder",
                   shown(path), found.message);
  if (work->old.generation > work->from->view.manifest.generation)
    return ds_fail(err, DS_USAGE, "%s is a backup of a later state of this store (generation "
                   "%" PRIu64 ", here %" PRIu64 "): name a new folder", shown(path),
                   work->old.generation, work->from->view.manifest.generation);
  return DS_OK;
}

static ds_code look_at_new(copy_work *work, ds_error *err) {
  bool empty = false;
  TRY(is_empty(work->from->io, work->to->path, &empty, err));
  return empty ? DS_OK
               : ds_fail(err, DS_USAGE, "%s is not empty: name a new folder, or remove it",
                         shown(work->to->path));
}

// Makes the target's folder, and holds it against others at work there.
static ds_code take_target(ds_store *to, ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX];
  const ds_code made = to->io->ops->mkdir(to->io, to->path, err);
  if (made == DS_MISSING)
    return ds_fail(err, made, "there is no folder to make %s in", shown(to->path));
  TRY(made);
  below(to->path, "LOCK", path);
  TRY(to->io->ops->open(to->io, path, DS_OPEN_READ | DS_OPEN_WRITE | DS_OPEN_CREATE, &to->lock,
                        err));
  ds_error held = {.message = ""};
  const ds_code code = to->io->ops->lock(to->io, to->lock, &held);
  return code == DS_OK ? DS_OK : ds_fail(err, code, "%s: %s", shown(to->path), held.message);
}

// The folder and, in it, those for parts and logs; each durably named.
static ds_code make_folders(const copy_work *work, ds_error *err) {
  static const char *const names[] = {"part", "log"};
  ds_io *io = work->from->io;
  char path[2 * DS_PATH_BYTES_MAX];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    below(work->to->path, names[i], path);
    TRY(io->ops->mkdir(io, path, err));
  }
  TRY(io->ops->sync_dir(io, work->to->path, err));
  (void)snprintf(path, sizeof path, "%s", work->to->path);
  char *slash = strrchr(path, '/');
  if (slash != NULL)
    slash[slash == path ? 1 : 0] = '\0';
  return io->ops->sync_dir(io, slash == NULL ? "." : path, err);
}

// Removes what a copy that was stopped may have left under this name.
static ds_code make_free(ds_io *io, const char *path, ds_error *err) {
  ds_error found = {.message = ""};
  const ds_code code = io->ops->unlink(io, path, &found);
  return code == DS_OK || code == DS_MISSING ? DS_OK : ds_fail(err, code, "%s", found.message);
}

// Whether the backup before has this part, whole as far as its footer tells.
static ds_code has_part(const copy_work *work, const ds_part_info *info, bool *ret_has,
                        ds_error *err) {
  const uint32_t index = ds_manifest_part_index(&work->old, info->number);
  *ret_has = false;
  if (index == DS_NONE)
    return DS_OK;
  if (!ds_part_info_same(&work->old.parts[index].info, info))
    return ds_fail(err, DS_USAGE, "the backup in %s went another way than this store (part %06"
                   PRIu64 " differs): name a new folder", shown(work->to->path), info->number);
  char path[DS_PATH_BYTES_MAX];
  ds_store_file(work->to->path, "part", info->number, path);
  ds_part *part = NULL;
  ds_error found = {.message = ""};
  const ds_code code = ds_part_open(work->from->io, path, info->number, &part, &found);
  *ret_has = code == DS_OK && ds_part_info_same(ds_part_get_info(part), info);
  ds_part_free(part);
  // One that is gone or damaged is copied again.
  return code == DS_OK || code == DS_MISSING || code == DS_CORRUPT
             ? DS_OK
             : ds_fail(err, code, "%s", found.message);
}

static void note_damage(void *context, uint32_t block, const char *what) {
  (void)block;
  ds_error *err = context;
  if (err->code == DS_OK)
    (void)ds_fail(err, DS_CORRUPT, "%.400s", what);
}

static ds_code read_back(const copy_work *work, const ds_part_info *info, ds_error *err) {
  char path[DS_PATH_BYTES_MAX];
  ds_store_file(work->to->path, "part", info->number, path);
  ds_part *part = NULL;
  TRY(ds_part_open(work->from->io, path, info->number, &part, err));
  ds_error damage = {.code = DS_OK};
  ds_code code = ds_part_check(part, note_damage, &damage, err);
  if (code == DS_OK && damage.code != DS_OK)
    code = ds_fail(err, DS_CORRUPT, "%s", damage.message);
  ds_part_free(part);
  return code;
}

static ds_code copy_part(copy_work *work, const ds_part *part, ds_error *err) {
  const ds_part_info *info = ds_part_get_info(part);
  ds_io *io = work->from->io;
  char from[DS_PATH_BYTES_MAX], to[DS_PATH_BYTES_MAX];
  ds_store_file(work->from->path, "part", info->number, from);
  ds_store_file(work->to->path, "part", info->number, to);
  TRY(make_free(io, to, err));
  ds_code code = DS_UNSUPPORTED;
  ds_error found = {.message = ""};
  if (work->link)
    code = io->ops->link(io, from, to, &found);
  work->result.parts_linked += code == DS_OK;
  // The store may have replaced the part since it was opened; its open file is still there.
  if (code == DS_UNSUPPORTED || code == DS_MISSING) {
    TRY(ds_part_copy(part, to, err));
    work->result.bytes_copied += info->bytes;
  } else if (code != DS_OK) {
    return ds_fail(err, code, "%s", found.message);
  }
  return work->verify || work->link ? read_back(work, info, err) : DS_OK;
}

static ds_code copy_parts(copy_work *work, ds_error *err) {
  const ds_view *view = &work->from->view;
  char path[2 * DS_PATH_BYTES_MAX];
  for (uint32_t i = 0; i < view->parts_count; i++) {
    const ds_part_info *info = &view->manifest.parts[i].info;
    bool has = false;
    if (ds_progress_stopped(work->progress))
      return ds_fail(err, DS_INTERRUPTED, "stopped");
    if (work->progress != NULL && work->progress->report != NULL)
      work->progress->report(work->progress->context, "copying", work->result.bytes,
                             work->bytes_all, "bytes");
    TRY(has_part(work, info, &has, err));
    if (!has)
      TRY(copy_part(work, view->parts[i], err));
    work->result.parts_kept += has;
    work->result.events += info->events;
    work->result.bytes += info->bytes;
    work->result.parts++;
  }
  below(work->to->path, "part", path);
  return work->from->io->ops->sync_dir(work->from->io, path, err);
}

// The records of a log that are not in parts, in a log of a new number.
static ds_code copy_log(copy_work *work, const ds_log *from, ds_manifest_log *to, ds_error *err) {
  ds_manifest *manifest = &work->to->view.manifest;
  char path[DS_PATH_BYTES_MAX];
  const uint64_t after =
      from->first_seq > manifest->sealed_seq ? from->first_seq - 1 : manifest->sealed_seq;
  *to = (ds_manifest_log){manifest->next_log++, after + 1};
  ds_store_file(work->to->path, "log", to->number, path);
  ds_log log;
  TRY(ds_log_create(work->from->io, path, to->number, to->first_seq, &log, err));
  const ds_code code = ds_log_copy(from, after, &log, err);
  work->result.bytes += log.end;
  work->result.bytes_copied += log.end;
  ds_log_close(&log);
  return code;
}

// Those that the backup before reads stay as they are until MANIFEST names others.
static ds_code copy_logs(copy_work *work, ds_error *err) {
  const ds_store *from = work->from;
  ds_manifest *manifest = &work->to->view.manifest;
  char path[2 * DS_PATH_BYTES_MAX];
  if (manifest->next_log < work->old.next_log)
    manifest->next_log = work->old.next_log;
  for (uint32_t i = 0; i < from->frozen_count; i++) {
    TRY(copy_log(work, &from->frozen[i].log, &manifest->logs[i], err));
    work->result.events += from->frozen[i].tail.count;
  }
  TRY(copy_log(work, &from->log, &manifest->logs[from->frozen_count], err));
  work->result.events += from->tail.count;
  below(work->to->path, "log", path);
  return work->from->io->ops->sync_dir(work->from->io, path, err);
}

// A file of definitions, when there is one.
static ds_code copy_settings(const copy_work *work, const char *name, size_t size_max,
                             ds_error *err) {
  ds_io *io = work->from->io;
  char path[2 * DS_PATH_BYTES_MAX];
  char *text = NULL;
  size_t size = 0;
  ds_error found = {.message = ""};
  below(work->from->path, name, path);
  ds_code code = ds_io_read_file(io, path, size_max, &text, &size, &found);
  if (code != DS_OK && code != DS_MISSING)
    return ds_fail(err, code, "%s", found.message);
  below(work->to->path, name, path);
  code = code == DS_MISSING ? make_free(io, path, err)
                            : ds_io_replace_file(io, work->to->path, path, text, size, err);
  free(text);
  return code;
}

// Keys that are not asked for do not stay, either: they may be those of people erased since.
static ds_code copy_keys(copy_work *work, ds_error *err) {
  work->result.has_vault = work->from->view.manifest.vault != 0;
  if (work->keys != NULL)
    TRY(ds_vault_copy(work->from->io, work->keys, work->to->path, &work->result.keys, err));
  return work->result.keys != DS_VAULT_COPIED_NONE
             ? DS_OK
             : ds_vault_remove(work->from->io, work->to->path, err);
}

static ds_code copy_all(copy_work *work, ds_error *err) {
  const ds_manifest *source = &work->from->view.manifest;
  ds_manifest *manifest = &work->to->view.manifest;
  ds_manifest_done(manifest);
  TRY(ds_manifest_copy(source, manifest, err));
  work->result.generation = source->generation;
  for (uint32_t i = 0; i < source->parts_count; i++)
    work->bytes_all += source->parts[i].info.bytes;
  // An import that MANIFEST lacks yet, which a reader has from the log, brings its types along.
  work->to->view.parts = work->from->view.parts;
  work->to->view.parts_count = work->from->view.parts_count;
  TRY(ds_view_add_types(&work->to->view, 0, err));
  TRY(copy_parts(work, err));
  TRY(copy_logs(work, err));
  TRY(copy_settings(work, SETTINGS_NAME, DS_SETTINGS_BYTES_MAX, err));
  TRY(copy_settings(work, SEGMENTS_NAME, DS_SEGMENTS_BYTES_MAX, err));
  TRY(copy_settings(work, DS_BOARDS_FILE, DS_BOARDS_BYTES_MAX, err));
  TRY(copy_settings(work, DS_API_KEYS_FILE, DS_BOARDS_BYTES_MAX, err));
  TRY(copy_keys(work, err));
  // Saving counts the generation up: the copy has the store's.
  manifest->generation = source->generation - 1;
  return ds_manifest_save(work->from->io, work->to->path, manifest, err);
}

static ds_code back_up(copy_work *work, ds_error *err) {
  TRY(look_at_backup(work, err));
  TRY(take_target(work->to, err));
  // Another may have been at work here before the lock was taken.
  ds_manifest_done(&work->old);
  TRY(look_at_backup(work, err));
  if (work->old.parts_count == 0)
    TRY(write_note(work, false, err));
  TRY(make_folders(work, err));
  TRY(copy_all(work, err));
  TRY(write_note(work, true, err));
  return ds_store_remove_orphans(work->to, true, err);
}

static ds_code bring_back(copy_work *work, ds_error *err) {
  TRY(look_at_new(work, err));
  TRY(take_target(work->to, err));
  TRY(look_at_new(work, err));
  TRY(make_folders(work, err));
  return copy_all(work, err);
}

static ds_code check_length(size_t length, ds_error *err) {
  return length > 0 && length + 64 < DS_PATH_BYTES_MAX
             ? DS_OK
             : ds_fail(err, DS_USAGE, "the path of the folder is empty or too long");
}

static ds_code run_copy(copy_work *work, const char *target,
                        ds_code (*run)(copy_work *work, ds_error *err),
                        ds_backup_result *ret_result, ds_error *err) {
  size_t length = strlen(target);
  while (length > 1 && target[length - 1] == '/')
    length--;
  TRY(check_length(length, err));
  work->to = calloc(1, sizeof *work->to);
  if (work->to == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a copy of the store");
  work->to->io = work->from->io;
  memcpy(work->to->path, target, length);
  ds_manifest_init(&work->to->view.manifest);
  ds_manifest_init(&work->old);
  const ds_code code = run(work, err);
  work->from->io->ops->close(work->from->io, work->to->lock);
  ds_manifest_done(&work->old);
  ds_manifest_done(&work->to->view.manifest);
  free(work->to);
  if (code == DS_OK)
    *ret_result = work->result;
  return code;
}

ds_code ds_store_backup(ds_store *store, const char *target, bool link, bool keys,
                        ds_progress *progress, ds_backup_result *ret_result, ds_error *err) {
  copy_work work = {.from = store, .link = link, .keys = keys ? store->path : NULL,
                    .progress = progress};
  return run_copy(&work, target, back_up, ret_result, err);
}

// DS_MISSING when the folder has no such file.
static ds_code look_for(ds_io *io, const char *folder, const char *name, ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX];
  ds_file *file;
  below(folder, name, path);
  TRY(io->ops->open(io, path, DS_OPEN_READ, &file, err));
  io->ops->close(io, file);
  return DS_OK;
}

ds_code ds_store_restore(ds_io *io, const char *backup, const char *path, const char *keys,
                         ds_progress *progress, ds_backup_result *ret_result, ds_error *err) {
  ds_store_options options;
  ds_store_options_init(&options);
  options.io = io;
  ds_store *from = NULL;
  bool is = false;
  TRY(check_length(strlen(backup), err));
  TRY(check_length(keys == NULL ? 1 : strlen(keys), err));
  TRY(ds_is_backup(io, backup, &is, err));
  if (!is)
    return ds_fail(err, DS_MISSING, "there is no backup in %s", shown(backup));
  // Keys that were asked for and are not there would bring back who was erased.
  ds_code code = keys == NULL ? DS_OK : look_for(io, keys, "keys.sqlite", err);
  if (code == DS_MISSING)
    return ds_fail(err, DS_MISSING, "there is no keys.sqlite in %s", shown(keys));
  TRY(code);
  code = look_for(io, backup, "MANIFEST", err);
  if (code == DS_MISSING)
    return ds_fail(err, DS_MISSING, "the backup in %s was not finished", shown(backup));
  TRY(code);
  TRY(ds_store_open(backup, &options, &from, err));
  copy_work work = {.from = from, .verify = true, .keys = keys != NULL ? keys : from->path,
                    .progress = progress};
  code = run_copy(&work, path, bring_back, ret_result, err);
  ds_store_close(from);
  return code;
}
