// SPDX-License-Identifier: Apache-2.0
// A ring of batches between one thread that fills them with rows and one that takes them, in order,
// in bounded memory. Whatever reads files (DuckDB's sink, the readers of XES and OCEL) ends here.
// May use base/, ingest/plan.h.
#ifndef DS_INGEST_BATCHES_H
#define DS_INGEST_BATCHES_H

#include "base/limits.h"
#include "ingest/plan.h"

// One column of a batch. `data` holds int64_t (I64, MICROS, MICROS_UTC, DATE widened), double,
// uint8_t (BOOL) or ds_str (TEXT) per row; `valid` one byte per row.
typedef struct ds_batch_column {
  void *data;
  uint8_t *valid;
} ds_batch_column;

// Up to DS_BATCH_ROWS rows; views stay valid until the consumer returns. A text longer than
// DS_TEXT_BYTES_MAX has its true size but no bytes (data NULL).
typedef struct ds_batch {
  uint64_t first; // ordinal of the first row in its query, from 0
  uint32_t rows;
  ds_batch_column *columns;
} ds_batch;

// The most rows that a batch holds; a batch with this much text is handed over before it is full.
enum { DS_BATCH_ROWS = 8192, DS_BATCH_TEXT_SOFT = 4 << 20 };

// Takes a batch, on a thread of its own; an error stops the query and becomes its result.
typedef ds_code (*ds_sink_take)(void *context, const ds_batch *batch, ds_error *err);

// Texts of one batch: blocks that never move and are kept for the next use of the batch.
typedef struct ds_text_block {
  struct ds_text_block *next;
  size_t used;
  size_t size;
  char bytes[];
} ds_text_block;

// A batch with the texts of its cells. Fields are private but `batch` and `text_bytes`.
typedef struct ds_batch_slot {
  ds_batch batch;
  ds_text_block *first;
  ds_text_block *at;
  size_t text_bytes;
  uint32_t columns; // that it has room for
} ds_batch_slot;

typedef struct ds_batches ds_batches;

// Makes the ring and, with `threads` > 1, the thread that calls `take`. The plan may get more
// columns later, see ds_batches_widen. The caller ends it.
DS_CHECKED ds_code ds_batches_new(const ds_plan *plan, uint32_t threads, ds_sink_take take,
                                  void *context, ds_batches **ret_batches, ds_error *err);

// The batch to fill, once one is free; NULL after a failure, which ds_batches_end tells. The same
// one until it is given.
ds_batch_slot *ds_batches_next(ds_batches *batches);

// Hands the batch over to the taker, if it holds rows; false after a failure.
bool ds_batches_give(ds_batches *batches);

// Gives what there is and waits until all is taken: then the plan may change. Widen makes room for
// the columns that it has got since. A batch without rows stays the one being filled. False after
// a failure.
bool ds_batches_drain(ds_batches *batches);
bool ds_batches_widen(ds_batches *batches);

// Stops both sides with this error, unless one was set before.
void ds_batches_fail(ds_batches *batches, const ds_error *error);

// Rows that were given so far.
uint64_t ds_batches_rows(const ds_batches *batches);

// Waits for the taker and frees the ring; what the first failure was. NULL is fine.
DS_CHECKED ds_code ds_batches_end(ds_batches *batches, ds_error *err);

// Slow path of ds_batch_text: the next block with room. Private.
char *ds_batch_text_block(ds_batch_slot *slot, size_t size);

// Room for a text that stays where it is until the batch is taken; NULL without memory.
static inline char *ds_batch_text(ds_batch_slot *slot, size_t size) {
  slot->text_bytes += size;
  if (slot->at == NULL || slot->at->size - slot->at->used < size)
    return ds_batch_text_block(slot, size);
  char *room = slot->at->bytes + slot->at->used;
  slot->at->used += size;
  return room;
}

// Copies a text into the batch as *ret_copy; one that is too long keeps its size only. False
// without memory.
static inline bool ds_batch_copy(ds_batch_slot *slot, ds_str text, ds_str *ret_copy) {
  *ret_copy = (ds_str){NULL, text.size};
  if (text.size > DS_TEXT_BYTES_MAX)
    return true;
  char *room = ds_batch_text(slot, text.size);
  if (room == NULL)
    return false;
  memcpy(room, text.data, text.size);
  ret_copy->data = room;
  return true;
}

#endif
