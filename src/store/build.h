// SPDX-License-Identifier: Apache-2.0
// Rows -> parts: the one builder that import, seal, the in-memory tail and compaction share. It
// numbers the subjects, sorts by (customer, time, arrival), makes missing ids, drops duplicates,
// and writes blocks. May use base/, io/, model/, store/part.h. A builder is used by one thread;
// several builders may work side by side on disjoint partitions with the same `places` and part
// counter.
#ifndef DS_STORE_BUILD_H
#define DS_STORE_BUILD_H

#include <stdatomic.h>

#include "base/limits.h"
#include "store/part.h"

// What came of the rows.
typedef struct ds_build_stats {
  uint64_t events;        // written
  uint64_t links;         // of them, facts that identifiers were seen together
  uint64_t duplicates;    // dropped: same customer and id (the id's hash includes its source)
  uint64_t customers;     // journeys written
  uint64_t new_customers; // subjects numbered here for the first time
  uint64_t super_events;  // refused: of customers past DS_CUSTOMER_EVENTS_MAX
} ds_build_stats;

// What a builder works on, and where its parts go.
typedef struct ds_build_options {
  ds_io *io;
  const char *directory;      // where part files go ("…/part"); NULL = one part in memory
  atomic_uint_fast64_t *next; // the next free part number, taken with fetch_add
  const ds_space *space;      // what the rows' codes stand for
  ds_part *const *places;     // the store's parts: their numbers are kept, their ids are duplicates
  uint32_t places_count;
  // The rows lie beside a much larger run. Their blocks are small, so that one spans few of its
  // customers: a scan decodes a block again for each unit of work that it overlaps.
  bool sparse;
  bool dedupe;                // false: the rows hold no duplicates (of the log, of compaction)
  uint32_t drop_import;       // rows of this import are left out (undo); 0 = none
  // Takes each row past DS_CUSTOMER_EVENTS_MAX of one customer; NULL: such rows are kept, because
  // sealing and compaction must lose nothing.
  void (*refused)(void *context, const uint8_t *row);
  void *context;
} ds_build_options;

typedef struct ds_builder ds_builder;

// A builder; options are copied, what they point to must outlive it. The caller frees.
DS_CHECKED ds_code ds_builder_new(const ds_build_options *options, ds_builder **ret_builder,
                                  ds_error *err);

// Frees; unfinished part files are unlinked.
void ds_builder_free(ds_builder *builder);

// All rows of one subject partition, in arrival order (rows of equal time and arrival keep it).
// Partitions must come in ascending order. Without places a partition may come in several calls,
// each with all rows of its subjects: numbers go on. The rows need to live only during the call.
DS_CHECKED ds_code ds_builder_add(ds_builder *builder, uint32_t partition,
                                  const uint8_t *const *rows, uint32_t count, ds_error *err);

// Closes and syncs the last part; no more rows. A second call gives the same answer. Afterwards
// the infos of all parts written are at *ret_parts (owned by the builder). The directory is not
// synced here: the caller does it once.
DS_CHECKED ds_code ds_builder_finish(ds_builder *builder, const ds_part_info **ret_parts,
                                     uint32_t *ret_count, ds_error *err);

// For a builder in memory: takes the image (malloc'ed; NULL when there were no rows).
uint8_t *ds_builder_take_image(ds_builder *builder, size_t *ret_size);

// The counts so far; belongs to the builder.
const ds_build_stats *ds_builder_stats(const ds_builder *builder);

#endif
