// SPDX-License-Identifier: Apache-2.0
// The tail of a log in memory: the rows of its batches that are not in a part yet, in one space of
// names, and the ids that they carry. The tail of the next log starts with the names of the one
// before, so that a code of either means the same in the later space. The space holds the names of
// the parts too, so that a name too many is refused before a batch is written. May use base/,
// model/, build.h, log.h. Used by one thread; one that is not changed any more, by any.
#ifndef DS_STORE_TAIL_H
#define DS_STORE_TAIL_H

#include "base/set.h"
#include "store/build.h"
#include "store/log.h"

// Caller's memory; fields may be read.
typedef struct ds_tail {
  ds_space space;
  ds_buf rows;       // row form, codes of `space`
  size_t *offset;    // of each row in `rows`
  uint64_t *hash;    // of each row's subject
  uint32_t count;
  uint32_t capacity;
  ds_set64 ids;      // of ds_tail_key; empty when nothing is going to be appended
  bool without_ids;  // set before the first row
  uint64_t next_arrival; // one past the last of the rows; 0 when there are none
  ds_space names;    // of the batch last added
} ds_tail;

// An empty tail without names.
void ds_tail_init(ds_tail *tail);

// Gives the memory back. NULL is fine.
void ds_tail_done(ds_tail *tail);

// What the codes of one space are in another.
typedef struct ds_codes {
  const uint16_t *touchpoint, *property, *key, *source;
} ds_codes;

// Changes the codes of a trusted row to those of another space.
void ds_row_recode(uint8_t *row, const ds_codes *codes);

// Adds all names of `names` to the tail's space. DS_LIMIT when a kind would have too many.
DS_CHECKED ds_code ds_tail_add_names(ds_tail *tail, const ds_space *names, ds_error *err);

// The same, and says what their codes are there: fills `code`, which has room for as many as
// `names` has in all.
DS_CHECKED ds_code ds_tail_map_names(ds_tail *tail, const ds_space *names, uint16_t *code,
                                     ds_error *err);

// The codes that ds_tail_map_names filled in, kind by kind.
ds_codes ds_tail_codes(const ds_space *names, const uint16_t *code);

// Makes room for so many rows and their ids.
DS_CHECKED ds_code ds_tail_reserve(ds_tail *tail, uint32_t rows, size_t bytes, ds_error *err);

// Adds a row with id and arrival, for which there is room; its codes become those of the tail. The
// id is added apart, to `ids`.
void ds_tail_add_row(ds_tail *tail, const uint8_t *row, uint64_t subject_hash,
                     const ds_codes *codes);

// Takes the last rows away again, but not their ids: `before` is a copy of the tail before them.
void ds_tail_cut(ds_tail *tail, const ds_tail *before);

// Begins a new tail behind `before`: with its names, and room for as many ids, so that it does not
// have to grow while somebody waits.
DS_CHECKED ds_code ds_tail_follow(ds_tail *tail, const ds_tail *before, ds_error *err);

// Adds the rows of a batch record, of all its batches or, on failure, of none; `payload` stands
// behind the kind. Untrusted. DS_CORRUPT.
DS_CHECKED ds_code ds_tail_add_batch(ds_tail *tail, ds_reader *payload, ds_error *err);

// What stands for "this customer and this event id" in the set.
uint64_t ds_tail_key(uint64_t subject_hash, uint64_t id);

// Hands the rows of tails, oldest first, to a builder, partition by partition in arrival order.
DS_CHECKED ds_code ds_tails_build(const ds_tail *const *tails, uint32_t tails_count,
                                  ds_builder *builder, ds_error *err);

// Decodes rows of one space and gives their codes another, which gets only the names met. Heap.
typedef struct ds_recoder ds_recoder;

// Codes of `from` become codes of `to`; both must outlive it. NULL without memory. The caller
// frees.
ds_recoder *ds_recoder_new(const ds_space *from, ds_space *to);
void ds_recoder_free(ds_recoder *recoder);

// The event of the row at `row`, with codes of `to`; valid until the next call. The caller may
// change it.
DS_CHECKED ds_code ds_recoder_next(ds_recoder *recoder, const uint8_t *row, size_t size,
                                   ds_event **ret_event, size_t *ret_size, ds_error *err);

#endif
