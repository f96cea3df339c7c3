// SPDX-License-Identifier: Apache-2.0
// A store that many threads append to. The writer owns the store; the others hand it batches
// through a bounded queue and wait until they are durable. Whatever waits when the writer comes
// back is one group: one record, one write, one sync, then all are told. While one group is synced
// the next gathers and is made ready (decision 25). Batches are written in the order in which they
// were submitted. May use base/, store/. Safe from any thread.
#ifndef DS_STORE_WRITER_H
#define DS_STORE_WRITER_H

#include <semaphore.h>

#include "store/batch.h"
#include "store/store.h"

typedef struct ds_writer ds_writer;

// What may wait in the queue; past it, who submits waits for room. Filled by
// ds_writer_options_init.
typedef struct ds_writer_options {
  size_t struct_size;
  size_t bytes_max; // of rows; one batch always fits
  uint32_t batches_max;
  bool warm; // first brings into memory what finds duplicates, for who must not wait for it later
} ds_writer_options;

// Fills in the defaults: 64 MiB, 4,096 batches, not warm.
void ds_writer_options_init(ds_writer_options *options);

// Starts the threads that own `store`, open to write, until ds_writer_free: nobody else may use it
// meanwhile.
DS_CHECKED ds_code ds_writer_new(ds_store *store, const ds_writer_options *options,
                                 ds_writer **ret_writer, ds_error *err);

// From now on batches are refused with DS_INTERRUPTED; returns when those in the queue are written
// and the threads have ended. A second call does nothing.
void ds_writer_stop(ds_writer *writer);

// Stops, and frees when nobody is inside a call any more. The store is the caller's again. NULL is
// fine.
void ds_writer_free(ds_writer *writer);

// As ds_store_append: on return the rows are durable or none of them is there.
DS_CHECKED ds_code ds_writer_append(ds_writer *writer, const ds_space *space, const ds_buf *rows,
                                    uint64_t *ret_duplicates, ds_error *err);

// What the owner is asked to do with its store, behind all batches submitted before.
typedef ds_code (*ds_writer_asked)(ds_store *store, void *result, ds_error *err);

// A batch on its way. Caller's memory, from submit to wait; fields are private.
typedef struct ds_ticket {
  struct ds_ticket *next;
  ds_batch *batch; // NULL: something else is asked
  ds_batch *along; // of the same record; NULL = none
  ds_writer_asked asked;
  void *result;
  ds_code code; // of what was asked
  ds_error *error;
  sem_t done;
} ds_ticket;

// The two halves of an append, for who does something else meanwhile. Submit puts a filled batch
// into the queue, and waits for room there; on failure there is nothing to wait for. `along`: one
// more, which comes into the same record, so that both are there or neither; NULL = none. Wait
// returns the outcome (that of `along`, if it alone failed), and the batches.
DS_CHECKED ds_code ds_writer_submit(ds_writer *writer, ds_batch *batch, ds_batch *along,
                                    ds_ticket *ticket, ds_error *err);
DS_CHECKED ds_code ds_writer_wait(ds_ticket *ticket, ds_error *err);

// Whether wait would return at once.
bool ds_writer_is_done(ds_ticket *ticket);

// A snapshot behind all batches submitted before.
DS_CHECKED ds_code ds_writer_snapshot(ds_writer *writer, ds_snapshot **ret_snapshot,
                                      ds_error *err);

// The store's vault, as ds_store_vault; it may be used from any thread until the store is closed.
DS_CHECKED ds_code ds_writer_vault(ds_writer *writer, ds_vault **ret_vault, ds_error *err);

#endif
