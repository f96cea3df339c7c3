// SPDX-License-Identifier: Apache-2.0
// A store: a directory with MANIFEST, LOCK, log/, part/, catalog.sqlite, doorstep.yaml. One
// writer holds LOCK; any number of readers, which never create, truncate or delete. The protocol
// and the numbered invariants I1-I14 stand at the top of store.c and in docs/durability.md. May
// use base/, io/, model/ and store/. A ds_store is used by one thread; a ds_snapshot is immutable
// and safe from any thread.
#ifndef DS_STORE_STORE_H
#define DS_STORE_STORE_H

#include "base/progress.h"
#include "store/build.h"
#include "store/vault.h"

typedef struct ds_store ds_store;

// Filled by ds_store_options_init, then changed by the caller.
typedef struct ds_store_options {
  size_t struct_size;
  ds_io *io;           // default ds_io_posix()
  bool write;          // take the lock, recover, allow changes
  bool create;         // with write: make an empty store when the directory holds none
  size_t memory_bytes; // budget shared by what runs on the store
  uint32_t threads;    // default: the processors of this process
  uint32_t log_bytes;  // a log past this is frozen and sealed; default and most DS_LOG_BYTES_SEAL
  bool compact;        // compactions that are due start by themselves, in ds_store_maintain
  bool background;     // jobs run on threads of their own; else within the call that starts them
  uint32_t job_delay;  // without `background`: calls of ds_store_maintain that a job's commit waits
  const char *key_file; // of the vault's master key; default NULL: the file `key` of the store
} ds_store_options;

// Fills in the defaults.
void ds_store_options_init(ds_store_options *options);

// Opens the store at `path`. DS_MISSING (no store there), DS_BUSY (who holds it), DS_CORRUPT,
// DS_VERSION. Opening to write recovers: truncates a torn log end, removes orphans (I5, I6, I8).
// The caller closes.
DS_CHECKED ds_code ds_store_open(const char *path, const ds_store_options *options,
                                 ds_store **ret_store, ds_error *err);

// Closes; releases the lock. NULL is fine. Nothing is lost: what was acknowledged is durable
// already.
void ds_store_close(ds_store *store);

// A hash of the state of the store at `path`, whatever holds it open: equal while nothing was
// written, imported, compacted or erased. Costs a few small reads.
DS_CHECKED ds_code ds_store_mark(ds_io *io, const char *path, uint64_t *ret_mark, ds_error *err);

// What the store was opened with; all belong to the store.
ds_io *ds_store_io(const ds_store *store);
const char *ds_store_path(const ds_store *store);

// The names that the store has, of its parts and its log; until the next write.
const ds_space *ds_store_names(const ds_store *store);
const ds_store_options *ds_store_get_options(const ds_store *store);

// The store's vault, opened at the first call; one open to write makes it when there is none, and
// must then not be written to by another thread. Belongs to the store. DS_MISSING: no vault.
DS_CHECKED ds_code ds_store_vault(ds_store *store, ds_vault **ret_vault, ds_error *err);
bool ds_store_has_vault(const ds_store *store);

// Whether ds_store_vault may tell of somebody erased: the store has a vault, or is a backup of
// before it had one, beside which keys were put that know of somebody.
bool ds_store_has_erasures(const ds_store *store);

// Opens the vault once more, as it is now, to read; it may outlive the store. The caller closes.
// *ret_vault is NULL when the store has none.
DS_CHECKED ds_code ds_store_open_vault(const ds_store *store, ds_vault **ret_vault, ds_error *err);

// How many erasures the store's files are rid of: all that the vault counts, unless one was cut
// short.
uint32_t ds_store_erasures_done(const ds_store *store);

// One import as the catalog keeps it. Texts belong to the caller (begin) or the listing (each).
typedef struct ds_import_info {
  uint32_t id;
  int64_t when_ms;
  const char *mapping; // name of the mapping, "" = recognised columns
  const char *files;   // names, newline-separated, without directories
  uint64_t fingerprint; // of files' content, mapping and options: finds a repeated import
  uint64_t rows;       // read from the files
  uint64_t events;     // written
  uint64_t duplicates;
  uint64_t rejected;
  uint64_t personal_sealed; // personal property values
  bool undone;
} ds_import_info;

// Starts an import: seals the log when it is not empty, gives the import its number and a private
// name prefix "<path>/part/import-<id>" for spill files (anything there is an orphan after a
// crash). The import sees the parts at *ret_places (valid until commit or abort).
typedef struct ds_import_scope {
  uint32_t id;
  uint64_t arrival; // of all its events; file order decides among them
  char directory[DS_PATH_BYTES_MAX]; // "<path>/part"
  atomic_uint_fast64_t next_part;
  ds_part *const *places;
  uint32_t places_count;
} ds_import_scope;

// Begins an import; *ret_scope must reach commit or abort.
DS_CHECKED ds_code ds_store_import_begin(ds_store *store, ds_import_scope *ret_scope,
                                         ds_error *err);

// Makes the import's parts (synced files) part of the store: syncs the directory, appends one log
// record that names them with their checksums, syncs it, then updates manifest and catalog. All
// or nothing (I4).
DS_CHECKED ds_code ds_store_import_commit(ds_store *store, const ds_import_scope *scope,
                                          const ds_part_info *parts, uint32_t parts_count,
                                          const ds_import_info *info, ds_error *err);

// Removes what an import that will not be committed has written.
void ds_store_import_abort(ds_store *store, const ds_import_scope *scope);

// A committed import with this fingerprint that was not undone, or 0.
DS_CHECKED ds_code ds_store_import_find(ds_store *store, uint64_t fingerprint, uint32_t *ret_id,
                                        ds_error *err);

// Calls `each` for every import, oldest first.
DS_CHECKED ds_code ds_store_imports(ds_store *store,
                                    ds_code (*each)(void *context, const ds_import_info *info,
                                                    ds_error *err),
                                    void *context, ds_error *err);

// Takes an import back, durable on return. DS_INPUT when there is no such import or it is undone
// already.
DS_CHECKED ds_code ds_store_undo_import(ds_store *store, uint32_t id, uint64_t *ret_events,
                                        ds_error *err);

// Appends one batch of rows (row form, codes of `space`, back to back in `rows`) to the log. On
// return it is durable, all or nothing (I2, I4). Duplicates (customer and id seen in parts, tail
// or batch) are dropped and counted in *ret_duplicates. Calls ds_store_maintain first.
DS_CHECKED ds_code ds_store_append(ds_store *store, const ds_space *space, const ds_buf *rows,
                                   uint64_t *ret_duplicates, ds_error *err);

// Turns the log into a part (seal); merges all parts into one ordered, non-overlapping run and
// applies retention (compact). Both end what a job has begun.
DS_CHECKED ds_code ds_store_seal(ds_store *store, ds_error *err);
DS_CHECKED ds_code ds_store_compact(ds_store *store, ds_progress *progress, ds_error *err);

// Merges the runs that are due and applies retention that is: what an import ends with, on all
// threads, in this call. The log stays. DS_INTERRUPTED when the progress was stopped; on any
// failure the store is as it was.
DS_CHECKED ds_code ds_store_merge_due(ds_store *store, ds_progress *progress, ds_error *err);

// For the owner of the store, after each append or group: commits jobs that have ended, freezes a
// full log, starts jobs that are due (a seal of frozen logs, a compaction). Never waits for more
// than a few writes, but when all logs are full: then for the seal. An error is one of the store's
// own writes, or of that seal; that a job failed is told by ds_store_trouble.
DS_CHECKED ds_code ds_store_maintain(ds_store *store, ds_error *err);

// Does all that is due, and waits for it: what a writer does before it ends. A log past
// DS_LOG_BYTES_LEFT is due for sealing, too, because every process that asks would read it anew,
// and find out whose its events are. Stopped by the progress, a compaction is given up.
DS_CHECKED ds_code ds_store_finish(ds_store *store, ds_progress *progress, ds_error *err);

// While it is paused, no compaction starts and a running one waits.
void ds_store_pause(ds_store *store, bool paused);

// Why the last job that failed did: code DS_OK when none has. The store is as it was before it.
const ds_error *ds_store_trouble(const ds_store *store);

// How long events of a touchpoint are kept, from their time on.
typedef struct ds_retention_rule {
  const char *touchpoint; // NULL: of all without a rule of their own, but facts about identity
  int64_t period_ms;      // 0 = for ever
} ds_retention_rule;
typedef struct ds_retention {
  const ds_retention_rule *rules;
  uint32_t count;
} ds_retention;

// Sets the rules that compactions apply, in place of those before; they are copied. A store that
// has none removes nothing.
DS_CHECKED ds_code ds_store_set_retention(ds_store *store, const ds_retention *retention,
                                          ds_error *err);

// A run: parts that follow one another without overlap. What is read together lies in several.
typedef struct ds_run_info {
  uint32_t parts;
  uint64_t events;
  uint64_t bytes;
} ds_run_info;

// What keeps the store in shape has done so far, and what it found.
typedef struct ds_upkeep {
  const ds_run_info *runs; // oldest first; in the arena
  uint32_t runs_count;
  uint32_t runs_due;       // the newest so many are due to be merged
  uint32_t logs;
  uint64_t log_bytes;
  uint64_t taken_events;   // imported or sealed, since the store was made
  uint64_t rewritten_events;
  uint64_t compactions;
  int64_t retention_ms;    // when retention was applied last; 0 = never
  uint64_t retention_removed_last;
  uint64_t retention_removed;
} ds_upkeep;

// Fills it in from what the store was opened at.
DS_CHECKED ds_code ds_store_upkeep(const ds_store *store, ds_arena *arena, ds_upkeep *ret_upkeep,
                                   ds_error *err);

// What is seen of a snapshot: what happened at time_ms or before, and was received at received_ms
// or before. Zeroed, all of it.
typedef struct ds_cut {
  bool has_time, has_received;
  int64_t time_ms, received_ms;
} ds_cut;

// A property that virtual events (scan/derive.h) carry, beside those of the parts.
enum { DS_VIRTUAL_USES_MAX = 48 };
typedef struct ds_virtual_use {
  uint16_t touchpoint, property; // codes of the space
  ds_type type;
} ds_virtual_use;

// What a question reads: all parts of the manifest plus the log tail, built into one more part in
// memory.
typedef struct ds_snapshot {
  ds_space space; // union of all names
  ds_virtual_use virtual_use[DS_VIRTUAL_USES_MAX]; // of touchpoints that no event of it has
  uint32_t virtual_uses;
  const struct ds_identity *identity; // who is whom (store/identity.h); NULL: nobody is joined
  ds_cut cut;                         // what of its places' events is seen
  ds_place *places;
  uint32_t places_count;
  uint64_t events;       // seen
  uint64_t later_events; // left out by the cut because they happened later
  uint64_t tail_events;
  int64_t time_min_ms; // of the first event seen and the last; 0 when there is none
  int64_t time_max_ms;
  ds_arena arena;
} ds_snapshot;

// Takes a snapshot; the caller frees it, before or after the store is closed.
DS_CHECKED ds_code ds_store_snapshot(ds_store *store, ds_snapshot **ret_snapshot, ds_error *err);
void ds_snapshot_free(ds_snapshot *snapshot);

// The snapshot as it would be with no other events than those that the cut leaves. Who is whom is
// that of all events when the cut is by time alone, else that of the events left. Its places are
// those of `snapshot`, which must outlive it; names of events left out stay known. The caller calls
// ds_snapshot_done, not free.
DS_CHECKED ds_code ds_snapshot_cut(const ds_snapshot *snapshot, const ds_cut *cut,
                                   uint32_t threads, size_t memory_bytes, ds_snapshot *ret_left,
                                   ds_error *err);
void ds_snapshot_done(ds_snapshot *left);

// Checks the whole store (I9 and every checksum). `each` gets one line per problem. DS_NO when
// there was any, DS_OK when all is well, other codes when the check itself could not be done.
DS_CHECKED ds_code ds_store_check(ds_store *store, void (*each)(void *context, const char *line),
                                  void *context, ds_progress *progress, ds_error *err);

#endif
