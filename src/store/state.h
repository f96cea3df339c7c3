// SPDX-License-Identifier: Apache-2.0
// What the files of the store's lifecycle share: the open store, and its view of what lies on
// disk. Not for use outside src/store.
#ifndef DS_STORE_STATE_H
#define DS_STORE_STATE_H

#include <stdatomic.h>

#include "base/task.h"
#include "store/batch.h"
#include "store/catalog.h"
#include "store/known.h"
#include "store/manifest.h"
#include "store/rewrite.h"
#include "store/store.h"
#include "store/tail.h"

// A part shared by the store and its snapshots; the last to let go closes it. Snapshots may let
// go on any thread, hence the atomic count.
typedef struct ds_part_ref {
  ds_part *part;
  atomic_uint holders;
} ds_part_ref;

// Whether both speak of the same part: equal in every field (I9).
bool ds_part_info_same(const ds_part_info *a, const ds_part_info *b);

// Takes ownership of `part`, also on failure. NULL without memory.
ds_part_ref *ds_part_ref_new(ds_part *part);
ds_part_ref *ds_part_ref_hold(ds_part_ref *ref);

// Opens a part of the store at `path`, which must be what the manifest says (I9).
DS_CHECKED ds_code ds_part_ref_open(ds_io *io, const char *path, const ds_part_info *info,
                                    ds_part_ref **ret_ref, ds_error *err);
void ds_part_ref_drop(ds_part_ref *ref); // NULL is fine

// A manifest and its parts, open, in the manifest's order.
typedef struct ds_view {
  ds_manifest manifest;
  ds_part_ref **refs;
  ds_part **parts; // of refs, as a builder wants them
  uint32_t parts_count;
  ds_part_ref *const *ready; // further open parts, which the next view may have: a job's, lent
  uint32_t ready_count;
  bool rewritten; // what is new holds events of parts that are gone only
} ds_view;

// Opens the parts of view->manifest; those that `have` (may be NULL) has open or ready are shared
// with it.
// Each must be what the manifest says (I9). On failure the view has no parts.
DS_CHECKED ds_code ds_view_open_parts(ds_io *io, const char *path, ds_view *view,
                                      const ds_view *have, ds_error *err);

// Lets go of parts and manifest. NULL is fine.
void ds_view_done(ds_view *view);

// Adds the types of the properties of the view's parts from index `first` on to its manifest.
DS_CHECKED ds_code ds_view_add_types(ds_view *view, uint32_t first, ds_error *err);

typedef struct ds_group ds_group;

// A writer may replace manifest, parts and log while a reader opens them one after another; so
// often at most it tries.
enum { DS_READ_TRIES = 10 };

// Work beside the owner's thread, see maintain.c. There is at most one of each kind.
typedef enum ds_job_kind { DS_JOB_SEAL, DS_JOB_COMPACT, DS_JOBS_COUNT } ds_job_kind;
typedef struct ds_store_job ds_store_job;

// A log that is not written to any more, and its rows, until they are in a part. Never changed.
typedef struct ds_frozen {
  ds_log log;
  ds_tail tail;
} ds_frozen;

// The open store. Opened to read, it has no lock, no catalog and no jobs.
struct ds_store {
  ds_store_options options;
  ds_io *io;
  char path[DS_PATH_BYTES_MAX];
  ds_file *lock;
  ds_view view;
  ds_tail tail; // of the manifest's last log
  ds_log log;
  ds_frozen frozen[DS_LOGS_MAX - 1]; // the logs before it, oldest first
  uint32_t frozen_count;
  ds_frozen left[DS_LOGS_MAX - 1]; // those that were sealed last, to be freed by who sealed them
  uint32_t left_count;
  ds_catalog *catalog;     // writer only
  ds_group *group;         // reused by appends; made by the first
  ds_vault *vault;         // NULL until it is needed
  ds_known *known;         // what the parts hold; made by the first append
  ds_store_job *jobs[DS_JOBS_COUNT];
  ds_task *leaving;        // gives back what the job committed last has held
  atomic_uint_fast64_t next_part; // jobs take numbers from here
  atomic_bool paused;             // compactions wait
  ds_retention retention;         // copied into retention_arena
  ds_arena retention_arena;
  ds_error trouble;               // of the last job that failed
  bool hold_jobs[DS_JOBS_COUNT];  // such a job failed: the next waits for a change
  ds_part_ref *tail_part;  // the tail built for snapshots; NULL = not built, or no rows
  bool tail_built;
  uint64_t snapshots_taken;
  bool loaded;             // view and tail are filled
  bool importing;          // between import_begin and its commit or abort
  bool failed;             // a write failed: nothing is written any more (I11)
};

// A group of batches on its way into the log as one record; one is used for group after group. It
// is begun and ended by the store's owner, one at a time, and written by any thread in between, so
// that while one group is written the next can begin. NULL without memory; NULL is fine.
ds_group *ds_group_new(ds_store *store);
void ds_group_free(ds_group *group);

// Begins an empty group. `before`: the group that was begun before and has not ended; NULL = there
// is none.
DS_CHECKED ds_code ds_group_begin(ds_group *group, const ds_group *before, ds_error *err);

// Adds batches: drops duplicates, numbers the events, puts them into the record, and into the tail
// as if they were written. On failure nothing was done. The batches are read by this call only.
DS_CHECKED ds_code ds_group_add(ds_group *group, ds_batch *const *batches, uint32_t count,
                                ds_error *err);

// Whether there is anything to write. Else the group has ended; what it holds twice is durable when
// `before` is.
bool ds_group_has_record(const ds_group *group);

// Where the log ends once the group is written.
uint64_t ds_group_log_end(const ds_group *group);

// Writes and syncs the record. The group before must have ended, without failure.
void ds_group_write(ds_group *group);

// How that went: DS_OK, or what all of its batches are to be told.
ds_code ds_group_outcome(const ds_group *group, ds_error *err);

// After a failed write, takes the rows out of the tail again, with those of a group begun behind
// it; the store writes no more (I11).
void ds_group_end(ds_group *group);

// Brings into memory what tells new events from known ones, which appends do bit by bit.
DS_CHECKED ds_code ds_store_warm(ds_store *store, ds_error *err);

// Appends filled batches as one record: all are durable on return, in this order, or each has the
// error why not. One that cannot be written fails alone; after a failed write all do (I2, I4, I11).
void ds_store_append_group(ds_store *store, ds_batch *const *batches, uint32_t count);

// The name of a file of the store: kind is "part" or "log".
void ds_store_file(const char *path, const char *kind, uint64_t number,
                   char out[DS_PATH_BYTES_MAX]);

// DS_READONLY unless the store was opened to write and no write failed; DS_BUSY during an import.
DS_CHECKED ds_code ds_store_check_writable(const ds_store *store, ds_error *err);

// Notes the outcome of a step that writes: when `code` is a failure, nothing is written any more.
// Returns `code`.
ds_code ds_store_note_write(ds_store *store, ds_code code);

// Removes from log/ and part/ what the store's manifest does not name, and a MANIFEST.tmp (I8).
// `durable`: the manifest is known to be on disk; otherwise it is written again before anything
// goes.
DS_CHECKED ds_code ds_store_remove_orphans(ds_store *store, bool durable, ds_error *err);

// Fills view, log and tail from what lies on disk: replays the log behind the manifest.
// *ret_changed: the manifest in memory has more than the one on disk.
DS_CHECKED ds_code ds_store_load(ds_store *store, bool *ret_changed, ds_error *err);

// Lets go of all that ds_store_load filled.
void ds_store_unload(ds_store *store);

// Recovery of a writer: loads, makes what the log holds durable, without a torn end, and removes
// orphans.
DS_CHECKED ds_code ds_store_recover(ds_store *store, ds_error *err);

// Makes `next` (manifest complete, parts open) the store: saves the manifest and the catalog, then
// swaps. Takes `next` over, also on failure.
DS_CHECKED ds_code ds_store_commit(ds_store *store, ds_view *next, ds_error *err);

// Starts the tail, which has no rows, anew: with the names of all parts.
DS_CHECKED ds_code ds_store_reset_tail(ds_store *store, ds_error *err);

// Forgets what was built of the tails for snapshots: they have changed.
void ds_store_forget_built(ds_store *store);

// The tails with rows in them, oldest first; returns how many. `out` has room for DS_LOGS_MAX.
uint32_t ds_store_tails(const ds_store *store, const ds_tail **out);

// Whether a frozen tail has an event under this ds_tail_key.
bool ds_store_frozen_have(const ds_store *store, uint64_t key);

// Brings nearer to the processor what a look for this key in all tails begins with.
void ds_store_tails_prefetch(const ds_store *store, uint64_t key);

// Whether the last log may be written to by the next process as it is. An empty one that follows
// others may be known to a manifest only that is in sight without being on disk: it needs a mark.
bool ds_store_log_is_settled(const ds_store *store);

// A view like the store's whose manifest may be changed; its parts are not open yet.
DS_CHECKED ds_code ds_store_next_view(const ds_store *store, ds_view *ret_next, ds_error *err);

// Syncs the directory of the parts: the names of new ones are on disk.
DS_CHECKED ds_code ds_store_sync_parts(ds_store *store, ds_error *err);

// The last steps before a view whose manifest names new parts can be committed: opens its parts and
// syncs part/. `code` is how the steps before went; on a failure the view is let go of.
DS_CHECKED ds_code ds_store_finish_view(ds_store *store, ds_view *next, ds_code code,
                                        ds_error *err);

// Unlinks part files by number; the manifest that no longer names them is durable.
DS_CHECKED ds_code ds_store_unlink_parts(ds_store *store, const uint64_t *numbers, uint32_t count,
                                         ds_error *err);

// Unlinks logs; the manifest that no longer names them is durable.
DS_CHECKED ds_code ds_store_unlink_logs(ds_store *store, const ds_manifest_log *logs,
                                        uint32_t count, ds_error *err);

// Makes parts of parts: asks for rewriting `count` parts of the store (indices `which`, ascending),
// on all threads. `how` tells what else there is to say of the rewrite: what is left out, how far
// it is told, whether an older run stays.
DS_CHECKED ds_code ds_store_rewrite(ds_store *store, const uint32_t *which, uint32_t count,
                                    const ds_rewrite_options *how, ds_rewritten *ret_rewritten,
                                    ds_error *err);

// The part that the next compaction begins with, all newer ones with it; DS_NONE when nothing is to
// be done. `retention`: periods are to be applied, to all parts.
DS_CHECKED ds_code ds_store_find_due(const ds_store *store, bool retention, uint32_t *ret_first,
                                     ds_error *err);

// Makes the parts of `rewritten` take the place of the parts with these numbers, in one commit at
// `now_ms`, and unlinks those. `retention`: it is noted as applied. Does not free `rewritten`.
DS_CHECKED ds_code ds_store_replace_parts(ds_store *store, const uint64_t *removed,
                                          uint32_t removed_count, const ds_rewritten *rewritten,
                                          bool retention, int64_t now_ms, ds_error *err);

// Closes the log and lets go of the rows.
void ds_frozen_done(ds_frozen *frozen);

// Freezes the tail: makes a new last log and names both in the manifest.
DS_CHECKED ds_code ds_store_rotate(ds_store *store, ds_error *err);

// Builds the rows of `tails` into parts; their directory is the caller's to sync.
DS_CHECKED ds_code ds_store_build_tails(ds_io *io, const char *directory,
                                        atomic_uint_fast64_t *next, const ds_tail *const *tails,
                                        uint32_t tails_count, ds_part *const *places,
                                        uint32_t places_count, ds_rewritten *ret_built,
                                        ds_error *err);

// Adds the parts built of the `count` oldest frozen tails to the store, and unlinks the logs of
// those, which it leaves in store->left.
DS_CHECKED ds_code ds_store_commit_seal(ds_store *store, const ds_rewritten *built, uint32_t count,
                                        ds_error *err);

// Ends all jobs: a seal is waited for and committed, a compaction is stopped unless it is done.
DS_CHECKED ds_code ds_store_end_jobs(ds_store *store, ds_error *err);

// Ends a job of one kind, waiting for it; its own failure is returned, too.
DS_CHECKED ds_code ds_store_end_job(ds_store *store, ds_job_kind kind, ds_error *err);

// Ends a seal before another one on the owner's thread: what it failed at may succeed there. Only a
// failure since which the store writes nothing more is returned.
DS_CHECKED ds_code ds_store_end_seal(ds_store *store, ds_error *err);

// Starts the jobs that are due. Leaves log and tail alone.
void ds_store_start_jobs(ds_store *store);

// Whether ds_store_maintain has more to do than to start jobs, with a log that ends at `log_end`.
bool ds_store_upkeep_is_due(const ds_store *store, uint64_t log_end);

// Whether any job has been started and not committed.
bool ds_store_has_jobs(const ds_store *store);

// What the retention rules mean at `now_ms`; `ret_expiry` points into `clock`, which must outlive
// it.
typedef struct ds_retention_clock {
  const ds_retention *retention;
  int64_t now_ms;
} ds_retention_clock;
void ds_retention_expiry(ds_retention_clock *clock, ds_expiry *ret_expiry);

// Whether retention is to be applied to the store's parts: they hold events older than the
// shortest period, and an eighth of it (a day at least) has passed since the last time.
bool ds_retention_is_due(const ds_store *store, int64_t now_ms);

// Whether the parts may hold events past their periods.
bool ds_retention_has_expired(const ds_store *store, int64_t now_ms);

#endif
