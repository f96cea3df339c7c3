// SPDX-License-Identifier: Apache-2.0
// Sealing the personal values of an event before it becomes a row. The vault is opened, and made
// when the store has none, with the first event that needs it. May use base/, model/, store/. Used
// by one thread.
#ifndef DS_INGEST_SEAL_H
#define DS_INGEST_SEAL_H

#include "model/event.h"
#include "store/store.h"

// Fields are private but `sealed`.
typedef struct ds_sealer {
  ds_store *store; // NULL: personal values are counted and left out
  ds_vault *vault;
  ds_buf bytes;    // of the event's sealed values
  uint64_t sealed; // values so far
} ds_sealer;

// Starts and ends; `store`, open to write, outlives the sealer, or is NULL for a dry run.
void ds_sealer_init(ds_sealer *sealer, ds_store *store);
void ds_sealer_done(ds_sealer *sealer);

// Puts sealed values in the place of the event's personal ones; they are valid until the next
// event. `space` has the names. DS_NO: the event's subject was erased, so it is not taken in.
DS_CHECKED ds_code ds_sealer_event(ds_sealer *sealer, const ds_space *space, ds_event *event,
                                   ds_error *err);

#endif
