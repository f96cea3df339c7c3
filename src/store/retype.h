// SPDX-License-Identifier: Apache-2.0
// Giving the values of a property on a touchpoint another type. A value that converts becomes one
// of that type; what does not is kept as a text beside the others (decision 15). May use base/,
// model/, store/.
#ifndef DS_STORE_RETYPE_H
#define DS_STORE_RETYPE_H

#include "store/store.h"

// Which values are to become what; texts belong to the asker.
typedef struct ds_retype {
  ds_str touchpoint;
  ds_str property;
  ds_type type; // neither NULL nor SEALED
} ds_retype;

// What became, or would become, of the values.
typedef struct ds_retype_counts {
  uint64_t already;   // are of the type
  uint64_t converted; // become it
  uint64_t texts;     // do not convert: are texts from now on
  uint64_t sealed;    // personal: nobody reads them here, they stay as they are
} ds_retype_counts;

// Rewrites the parts that hold other values of the property, in one commit: all or nothing (I4),
// durable on return. MANIFEST says the type from then on, if any value is of it. Seals the log.
// DS_EXPRESSION when no event of the touchpoint has the property.
DS_CHECKED ds_code ds_store_retype(ds_store *store, const ds_retype *retype,
                                   ds_progress *progress, ds_retype_counts *ret_counts,
                                   ds_error *err);

// What that would do to the events of a snapshot.
DS_CHECKED ds_code ds_snapshot_retype(const ds_snapshot *snapshot, const ds_retype *retype,
                                      ds_retype_counts *ret_counts, ds_error *err);

// Writes every part anew in the format of this program, in one commit: what `upgrade` does.
DS_CHECKED ds_code ds_store_renew(ds_store *store, ds_progress *progress, ds_error *err);

// Whether all files are of the format that this program writes.
bool ds_store_is_current(const ds_store *store);

// Retypes rows one by one. Heap.
typedef struct ds_retyper ds_retyper;

// For rows with codes of `space`; both must outlive it. NULL without memory. The caller frees.
ds_retyper *ds_retyper_new(const ds_retype *retype, const ds_space *space);
void ds_retyper_free(ds_retyper *retyper); // NULL is fine

// Appends the row as it becomes to `out` when that is another one: *ret_changed. `row` may lie in
// `out`.
DS_CHECKED ds_code ds_retyper_row(ds_retyper *retyper, const uint8_t *row, size_t size,
                                  ds_buf *out, bool *ret_changed, ds_error *err);

// What became of the values so far; belongs to the retyper.
const ds_retype_counts *ds_retyper_counts(const ds_retyper *retyper);

#endif
