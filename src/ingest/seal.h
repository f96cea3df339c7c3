// SPDX-License-Identifier: Apache-2.0
// Sealing the personal values of an event before it becomes a row. The vault is opened, and made
// when the store has none, with the first event that needs it. May use base/, model/, store/. Used
// by one thread.
#ifndef DS_INGEST_SEAL_H
#define DS_INGEST_SEAL_H

#include "ingest/seen.h"
#include "store/store.h"

typedef struct ds_writer ds_writer; // store/writer.h

// Fields are private but `sealed`.
typedef struct ds_sealer {
  ds_store *store;   // NULL: personal values are counted and left out
  ds_writer *writer; // that owns the store now; NULL = the caller does
  bool any_erased;   // somebody was when it started
  ds_vault *vault;
  ds_buf bytes;    // of the event's sealed values
  ds_buf normal;   // scratch: an identifier as it is compared
  char subject[DS_VAULT_SUBJECT_BYTES];
  char other[DS_VAULT_SUBJECT_BYTES]; // the same of an identifier beside it
  char with[DS_VAULT_SUBJECT_BYTES];  // and of whom a fact of identity names
  uint64_t sealed; // values so far
} ds_sealer;

// Starts and ends; `store`, open to write, outlives the sealer, or is NULL for a dry run. `writer`:
// owns the store as long as the sealer is used; NULL = the caller does.
void ds_sealer_init(ds_sealer *sealer, ds_store *store, ds_writer *writer);
void ds_sealer_done(ds_sealer *sealer);

// The subject that a personal identifier is, "email=#<keyed hash>": "kind=text" in clear becomes
// *ret_subject, a view of the sealer until its next subject. A dry run knows no hash.
DS_CHECKED ds_code ds_sealer_subject(ds_sealer *sealer, ds_str clear, ds_str *ret_subject,
                                     ds_error *err);

// An identifier as a fact may name it: a personal one hashed, a view of the sealer until its next
// identifier. *ret_named is false when no fact names it: it does not tell people apart, was erased,
// or is personal in a dry run.
DS_CHECKED ds_code ds_sealer_identifier(ds_sealer *sealer, const ds_identifier *clear,
                                        ds_identifier *ret_identifier, bool *ret_named,
                                        ds_error *err);

// Hashes the event's subject when it is personal, and whom a fact of identity names, and puts
// sealed values in the place of its personal ones; they are valid until the next event. `space` has
// the names. DS_NO: the subject was erased, or whom a fact of identity names, so the event is not
// taken in.
DS_CHECKED ds_code ds_sealer_event(ds_sealer *sealer, const ds_space *space, ds_event *event,
                                   ds_error *err);

// DS_NO when the subject was erased: nothing of it is taken in again.
DS_CHECKED ds_code ds_sealer_check(ds_sealer *sealer, ds_str subject, ds_error *err);

#endif
