// SPDX-License-Identifier: Apache-2.0
// Erasing people: their keys are destroyed, then their events, and facts of identity that name them
// under others, are removed from every part and log. No snapshot taken after the first shows any of
// that (erased.h).
// The vault's list of erased subjects says what is to be gone, MANIFEST how much of that list the
// store reflects; so an erasure that was cut short, or undone by restoring an older backup, is done
// again when the store is next opened to write, before anything is served (I13). May use base/,
// io/, store/.
#ifndef DS_STORE_ERASE_H
#define DS_STORE_ERASE_H

#include "store/store.h"

// What an erasure did, and what reading all of the store again found: its proof.
typedef struct ds_erasure {
  uint32_t subjects;        // of this erasure
  uint64_t events;          // of erased subjects, removed
  uint64_t facts;           // of identity, under others, that named them: removed, too
  uint32_t parts_rewritten; // that held them
  uint32_t logs_sealed;     // first, so that no log holds them
  uint32_t parts_checked;   // afterwards
  uint64_t subjects_checked;
  uint64_t events_left;     // of erased subjects, found afterwards: none
  uint64_t facts_left;      // that name them: none
  bool keys_gone;           // no key of these subjects can be derived
} ds_erasure;

// Erases these subjects ("kind=text"), durably; none of their events can come back, also not after
// a crash: once the first step is on disk, the next to open the store to write finishes, and an
// error's message says so.
DS_CHECKED ds_code ds_store_erase(ds_store *store, const ds_str *subjects, uint32_t count,
                                  ds_progress *progress, ds_erasure *ret_erasure, ds_error *err);

// Lets an erased subject be taken in again from now on, and notes why; what was erased stays
// erased, in restored backups too. DS_NO: it is not erased.
DS_CHECKED ds_code ds_store_unsuppress(ds_store *store, ds_str subject, ds_str reason,
                                       ds_error *err);

// Removes the events of subjects that the vault says are erased, when MANIFEST does not reflect
// all of them. Opening a store to write does this; so must whoever restores one and its keys.
DS_CHECKED ds_code ds_store_replay_erasures(ds_store *store, ds_progress *progress,
                                            ds_erasure *ret_erasure, ds_error *err);

#endif
