// SPDX-License-Identifier: Apache-2.0
// Which events the parts of a store hold, for an append that asks about each of its events: a table
// of the subjects by partition says which numbers a subject may have, and so which blocks; a filter
// per block over (subject, id) says "certainly not". Only a block that may hold an event is read,
// so that the answer is exact. Both are made when first needed, a partition and a block at a time.
// What new parts hold is learnt a block at a time; until then their filters are asked. Memory: 11
// to 21 bytes a subject, 3.2 an event, each kind within half of its budget; filters give way to
// each other, a table too large is done without. May use base/, io/, model/, store/part*,
// store/subjects.h. Used by one thread, which makes filters with the help of others.
#ifndef DS_STORE_KNOWN_H
#define DS_STORE_KNOWN_H

#include "store/part_filters.h"

typedef struct ds_known ds_known;

// Knows nothing yet. NULL without memory. The caller frees (NULL is fine).
ds_known *ds_known_new(size_t memory_bytes, uint32_t threads);
void ds_known_free(ds_known *known);

// Tells it the parts that the store has now; reads nothing. `rewritten`: those that are new hold no
// subject that those gone did not hold, so that nothing needs to be learnt of them.
DS_CHECKED ds_code ds_known_follow(ds_known *known, ds_part *const *parts, uint32_t parts_count,
                                   bool rewritten, ds_error *err);

// Takes filters that another thread made of a part which is to come with a later ds_known_follow;
// all together at most ds_known_filters_max bytes are of use. Leaves none.
void ds_known_offer(ds_known *known, ds_part_filters *filters);
size_t ds_known_filters_max(const ds_known *known);

// Sets `found` of the queries whose event stands in one of the parts last told; the others stay as
// they are.
DS_CHECKED ds_code ds_known_find(ds_known *known, ds_event_query *queries, uint32_t count,
                                 ds_error *err);

// Makes all tables and, as far as they fit, all filters now.
DS_CHECKED ds_code ds_known_warm(ds_known *known, ds_error *err);

// What it takes and did so far, for tests and measurements.
typedef struct ds_known_stats {
  uint64_t subjects, table_bytes;
  uint64_t filters, filter_bytes;
  uint64_t filters_taken; // that were offered
  uint64_t blocks_read; // because a filter said "maybe", or there was none
} ds_known_stats;
ds_known_stats ds_known_get_stats(const ds_known *known);

#endif
