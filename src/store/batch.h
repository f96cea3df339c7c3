// SPDX-License-Identifier: Apache-2.0
// A batch of events on its way into the log. Filling it checks the rows, gives them codes of just
// the names they use, and hashes them: all that needs nothing of the store, so that any thread may
// do it. The store's owner then drops duplicates, numbers the events and writes them, several
// batches in one record (ds_store_append_group). May use base/, model/, store/tail.h.
#ifndef DS_STORE_BATCH_H
#define DS_STORE_BATCH_H

#include "base/buf.h"
#include "model/event.h"

// One row of a batch.
typedef struct ds_batch_row {
  uint64_t hash; // ds_subject_hash
  uint64_t key;  // ds_tail_key; of a row that came with an id
  uint32_t offset;
  bool has_id;
  bool duplicate;
} ds_batch_row;

// Caller's memory. Another thread's between handing it over and its outcome.
typedef struct ds_batch {
  ds_space space;    // the names that its rows use
  ds_buf names;      // the same as a record holds them
  uint16_t *name_code; // room for a code of each name: the owner's
  uint32_t name_codes_capacity;
  ds_buf rows;       // row form, codes of `space`, each with room for an id and its arrival
  ds_batch_row *row; // one per row
  uint32_t count;
  uint32_t capacity;
  uint64_t duplicates; // dropped; valid once it is durable
  ds_code code;        // the outcome
  ds_error error;      // of a code other than DS_OK
} ds_batch;

// An empty batch; gives the memory back (NULL is fine).
void ds_batch_init(ds_batch *batch);
void ds_batch_done(ds_batch *batch);

// Fills an initialised batch, in place of what it held, with rows (row form, codes of `space`, back
// to back). Untrusted. DS_LIMIT when they are more than one record holds; DS_CORRUPT. After a
// failure it may be filled again.
DS_CHECKED ds_code ds_batch_fill(ds_batch *batch, const ds_space *space, const ds_buf *rows,
                                 ds_error *err);

// Notes the outcome of some batches; `error` is read with a code other than DS_OK.
void ds_batches_tell(ds_batch *const *batches, uint32_t count, ds_code code,
                     const ds_error *error);

#endif
