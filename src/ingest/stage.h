// SPDX-License-Identifier: Apache-2.0
// Events in any order -> parts in bounded memory: rows are spilled by subject partition into one
// file, then each group of partitions is sorted and written by the part builder, on several
// threads. File imports and the simulator both end here. May use base/, io/, model/, store/.
// Never question/.
#ifndef DS_INGEST_STAGE_H
#define DS_INGEST_STAGE_H

#include "base/progress.h"
#include "store/store.h"

typedef struct ds_stage_area ds_stage_area;

// Opens an import on `store` and an empty spill. `space` is what the rows' codes stand for; it
// may grow until finish. Rows are given in arrival order. The caller frees; freeing without
// finish aborts the import.
DS_CHECKED ds_code ds_stage_new(ds_store *store, const ds_space *space, uint32_t threads,
                                size_t memory_bytes, ds_progress *progress,
                                ds_stage_area **ret_stage, ds_error *err);
void ds_stage_free(ds_stage_area *stage);

// The import's number and arrival number, which every row must carry.
const ds_import_scope *ds_stage_scope(const ds_stage_area *stage);

// Adds one row (row form, already encoded) of a subject with this hash. One thread at a time.
DS_CHECKED ds_code ds_stage_row(ds_stage_area *stage, uint64_t subject_hash, const uint8_t *row,
                                uint32_t size, ds_error *err);

// Sorts and writes all, but commits nothing yet: for callers that must know the counts before.
DS_CHECKED ds_code ds_stage_build(ds_stage_area *stage, ds_build_stats *ret_stats, ds_error *err);

// Builds if that was not done, and commits. `info` gives mapping, files, counts; events and
// duplicates are filled in here.
DS_CHECKED ds_code ds_stage_finish(ds_stage_area *stage, ds_import_info *info,
                                   ds_build_stats *ret_stats, ds_error *err);

#endif
