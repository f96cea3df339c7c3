// SPDX-License-Identifier: Apache-2.0
// A part: an immutable file of events sorted by (customer, time, arrival), columns contiguous
// over its blocks, every chunk checksummed. The format is described byte by byte at the top of
// part_format.h. This header is what the rest of the program sees: open, look at the zone data,
// decode a block. May use base/, io/, model/. A ds_part is immutable after open and safe from any
// thread.
#ifndef DS_STORE_PART_H
#define DS_STORE_PART_H

#include "io/io.h"
#include "model/block.h"

typedef struct ds_part ds_part;

// What a manifest says of a part, and what its footer must agree with (I9).
typedef struct ds_part_info {
  uint64_t number;   // part/000012.part; 0 = in memory
  uint64_t bytes;    // file size
  uint64_t checksum; // of the footer, which holds the checksums of all chunks
  uint64_t events;
  uint32_t customers; // journeys
  uint32_t blocks;
  uint32_t customer_first; // customers are numbered partition << 24 | ordinal
  uint32_t customer_last;
  int64_t time_min_ms;
  int64_t time_max_ms;
} ds_part_info;

// Zone data of one block.
typedef struct ds_block_zone {
  uint32_t journeys;
  uint32_t events;
  uint32_t customer_first;
  uint32_t customer_last;
  int64_t time_min_ms;
  int64_t time_max_ms;
} ds_block_zone;

// Opens part `path` and checks its footer (blocks are checked when first read). DS_CORRUPT,
// DS_VERSION (needs a feature this program lacks), DS_MISSING, DS_IO. The caller frees.
DS_CHECKED ds_code ds_part_open(ds_io *io, const char *path, uint64_t number, ds_part **ret_part,
                                ds_error *err);

// The same over bytes in memory; takes ownership of `image` (malloc'ed), also on failure.
DS_CHECKED ds_code ds_part_open_memory(uint8_t *image, size_t size, ds_part **ret_part,
                                       ds_error *err);

// A part of those blocks of `whole` for which `chosen` is true, one at least. It shares the file
// and the names of `whole`, which must outlive it; no property is in it that none of its blocks
// has. The caller frees.
DS_CHECKED ds_code ds_part_choose(const ds_part *whole, const bool *chosen, ds_part **ret_part,
                                  ds_error *err);

// Closes the file, frees all. NULL is fine.
void ds_part_free(ds_part *part);

// The part's totals, and the zone data of one of its blocks; both belong to the part.
const ds_part_info *ds_part_get_info(const ds_part *part);
const ds_block_zone *ds_part_zone(const ds_part *part, uint32_t block);

// The part's own names; codes in its columns are local to it.
const ds_space *ds_part_space(const ds_part *part);

// The kinds of its subjects: of "customer_id=C17" it is "customer_id".
const ds_names *ds_part_kinds(const ds_part *part);

// Whether touchpoint `touchpoint` (local code) occurs in a block.
bool ds_part_has_touchpoint(const ds_part *part, uint32_t block, uint32_t touchpoint);

// The type of property `property` (local code) on touchpoint `touchpoint` (local code), or NULL
// type.
ds_type ds_part_property_type(const ds_part *part, uint16_t touchpoint, uint16_t property);

// One property column of a part: values of one type on one touchpoint, in local codes.
typedef struct ds_property_use {
  uint32_t column;
  uint16_t touchpoint;
  uint16_t property;
  ds_type type;
} ds_property_use;

// The next property column from *column on, which starts at 0 and is moved on; false when there
// is none left. Reads nothing.
bool ds_part_next_property(const ds_part *part, uint32_t *column, ds_property_use *ret_use);

// How many values a property column has in all blocks; reads every chunk of it.
DS_CHECKED ds_code ds_part_count_values(const ds_part *part, uint32_t column,
                                        uint64_t *ret_values, ds_error *err);

// The stored bytes per kind of column, for `status` and the size targets: calls `each` once per
// column name ("gap_s", "touchpoint", "id", "property order_placed.value", ...).
void ds_part_sizes(const ds_part *part,
                   void (*each)(void *context, const char *column, uint64_t bytes), void *context);

// A part as a snapshot sees it: local codes -> codes of the snapshot's space.
typedef struct ds_place {
  ds_part *part;
  uint16_t *touchpoint; // indexed by local code
  uint16_t *property;
  uint16_t *key;
  uint16_t *source;
} ds_place;

// Adds the part's names to `space` and fills the maps, allocated in `arena`.
DS_CHECKED ds_code ds_place_init(ds_place *place, ds_part *part, ds_space *space, ds_arena *arena,
                                 ds_error *err);

// Decoding buffers of one thread, reused from block to block.
typedef struct ds_block_reader ds_block_reader;

// NULL without memory. The caller frees (NULL is fine).
ds_block_reader *ds_block_reader_new(void);
void ds_block_reader_free(ds_block_reader *reader);

// Decodes the wanted columns of block `block` (checksums verified) into *ret_block, whose arrays
// belong to `reader` and stay valid until its next read. DS_CORRUPT names part, column and block.
DS_CHECKED ds_code ds_part_read_block(const ds_place *place, uint32_t block,
                                      const ds_columns *columns, ds_block_reader *reader,
                                      ds_block *ret_block, ds_error *err);

// Adds to *block, which `reader` has just read of block `number`, what the events of some journeys
// (ascending) are ordered by: time_ms and arrival. Where it did not have them already, they are set
// at the events of these journeys only, which takes less than decoding them; such a block must be
// as it was read.
DS_CHECKED ds_code ds_part_read_order(const ds_place *place, uint32_t number,
                                      const uint32_t *journeys, uint32_t count,
                                      ds_block_reader *reader, ds_block *block, ds_error *err);

// Appends all events of journeys [journey_first, journey_last) of a block in row form
// (model/event.h), with codes of the place's snapshot space, in stored order: what compaction and
// export read.
DS_CHECKED ds_code ds_part_read_rows(const ds_place *place, uint32_t block, uint32_t journey_first,
                                     uint32_t journey_last, ds_block_reader *reader, ds_buf *out,
                                     ds_error *err);

// Is there an event `id` of `subject`? `hash` is ds_subject_hash(subject); `found` is the answer.
typedef struct ds_event_query {
  uint64_t hash;
  uint64_t id;
  ds_str subject;
  uint32_t tag; // the asker's own
  bool found;
} ds_event_query;

// Sets `found` of those queries, sorted by hash, whose event stands in block `block`; the others
// stay as they are.
DS_CHECKED ds_code ds_part_find_events(const ds_part *part, uint32_t block,
                                       ds_event_query *const *queries, uint32_t count,
                                       ds_block_reader *reader, ds_error *err);

// Writes the part's file once more, as `path`, which must not exist yet, and syncs it. Every byte
// is compared with the checksum that covers it on its way. DS_CORRUPT names part, column, block.
DS_CHECKED ds_code ds_part_copy(const ds_part *part, const char *path, ds_error *err);

// Checks every chunk of the part: checksums, that every column decodes, sorted order, zone data,
// counts (I9). `each` is called for every damage found; returns DS_OK even then, errors only when
// unreadable.
DS_CHECKED ds_code ds_part_check(const ds_part *part,
                                 void (*each)(void *context, uint32_t block, const char *what),
                                 void *context, ds_error *err);

#endif
