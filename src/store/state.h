// SPDX-License-Identifier: Apache-2.0
// What the files of the store's lifecycle share: the open store, and its view of what lies on
// disk. Not for use outside src/store.
#ifndef DS_STORE_STATE_H
#define DS_STORE_STATE_H

#include <stdatomic.h>

#include "store/batch.h"
#include "store/catalog.h"
#include "store/known.h"
#include "store/manifest.h"
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
void ds_part_ref_drop(ds_part_ref *ref); // NULL is fine

// A manifest and its parts, open, in the manifest's order.
typedef struct ds_view {
  ds_manifest manifest;
  ds_part_ref **refs;
  ds_part **parts; // of refs, as a builder wants them
  uint32_t parts_count;
  bool rewritten; // what is new holds events of parts that are gone only
} ds_view;

// Opens the parts of view->manifest; those that `have` (may be NULL) has open are shared with it.
// Each must be what the manifest says (I9). On failure the view has no parts.
DS_CHECKED ds_code ds_view_open_parts(ds_io *io, const char *path, ds_view *view,
                                      const ds_view *have, ds_error *err);

// Lets go of parts and manifest. NULL is fine.
void ds_view_done(ds_view *view);

// Adds the types of the properties of the view's parts from index `first` on to its manifest.
DS_CHECKED ds_code ds_view_add_types(ds_view *view, uint32_t first, ds_error *err);

typedef struct ds_group ds_group;

// The open store. Opened to read, it has no lock and no catalog.
struct ds_store {
  ds_store_options options;
  ds_io *io;
  char path[DS_PATH_BYTES_MAX];
  ds_file *lock;
  ds_view view;
  ds_tail tail;
  ds_log log;
  ds_catalog *catalog;     // writer only
  ds_group *group;         // reused by appends; made by the first
  ds_known *known;         // what the parts hold; made by the first append
  ds_part_ref *tail_part;  // the tail built for snapshots; NULL = not built, or no rows
  bool tail_built;
  uint64_t snapshots_taken;
  bool loaded;             // view and tail are filled
  bool importing;          // between import_begin and its commit or abort
  bool failed;             // a write failed: nothing is written any more (I11)
};

// Buffers of appends. NULL without memory.
ds_group *ds_group_new(ds_store *store);
void ds_group_free(ds_group *group);

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

// Starts the tail anew, with the names of all parts; the rows are in a part now.
DS_CHECKED ds_code ds_store_reset_tail(ds_store *store, ds_error *err);

// A view like the store's whose manifest may be changed; its parts are not open yet.
DS_CHECKED ds_code ds_store_next_view(const ds_store *store, ds_view *ret_next, ds_error *err);

// Writes the rows of `count` of the store's parts (indices `which`, ascending) anew, in order,
// without those of import `drop` (0 = none). The new parts and their directory are synced.
// *ret_infos is malloc'ed. On failure no new part is left, or the store refuses writes.
DS_CHECKED ds_code ds_store_rewrite(ds_store *store, const uint32_t *which, uint32_t count,
                                    uint32_t drop, ds_progress *progress,
                                    ds_part_info **ret_infos, uint32_t *ret_count,
                                    ds_error *err);

// Unlinks part files by number; the manifest that no longer names them is durable.
DS_CHECKED ds_code ds_store_unlink_parts(ds_store *store, const uint64_t *numbers, uint32_t count,
                                         ds_error *err);

// How many parts a rewrite of so many events makes, about; the same for any number of threads.
uint32_t ds_store_rewrite_groups(uint64_t events);

#endif
