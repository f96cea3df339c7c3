// SPDX-License-Identifier: Apache-2.0
// What of a part is about people who were erased: their own events, and facts of identity that name
// them under somebody else. Erasing removes it from the files (erase.c); until that is done, every
// snapshot leaves it out (snapshot.c), so that nobody sees it from the instant the keys are gone.
// Private to store/. May use base/, model/, store/.
#ifndef DS_STORE_ERASED_H
#define DS_STORE_ERASED_H

#include "store/rewrite.h"
#include "store/state.h"

// The partitions that erased subjects may lie in.
typedef struct ds_erased_where {
  bool is_in[DS_PARTITIONS];
} ds_erased_where;

// What was met in parts.
typedef struct ds_erased_found {
  uint64_t subjects; // looked at
  uint64_t events;   // of erased ones
  uint64_t facts;    // of others, that name an erased one
} ds_erased_found;

// Whose events are to be left out.
typedef struct ds_erased {
  const ds_vault *vault; // that tells who; NULL: nobody's
  uint32_t done;         // so many erasures are done: what came in since is not theirs
  ds_vault *own;         // opened for this alone
} ds_erased;

// Adds what a part holds to *found; of partitions that are not in `where` only facts are looked at.
// in_block[b] becomes whether block b holds some, for all blocks that are looked at; NULL is fine.
DS_CHECKED ds_code ds_erased_find(const ds_erased *erased, ds_part *part,
                                  const ds_erased_where *where, ds_block_reader *reader,
                                  ds_erased_found *found, bool *in_block, ds_error *err);

// Whom a rewrite leaves out; `erased` outlives it.
ds_dropped ds_erased_dropped(const ds_erased *erased);

// Whether keys.sqlite tells of more erased than the store's manifest says are removed: as a rule it
// does not, and no vault is opened. The manifest must have been read first: who is erased later is
// in no answer that begins later. DS_MISSING: somebody is to be left out, and the keys that tell
// who are not there. The caller calls ds_erased_done, also after a failure.
DS_CHECKED ds_code ds_erased_pending(const ds_store *store, ds_erased *ret_erased, ds_error *err);
void ds_erased_done(ds_erased *erased);

// What of a part may be seen, for as long as the part itself is held: it as it is, or its blocks
// without anything about the erased, and the rest of the others in memory.
typedef struct ds_erased_shown {
  ds_part_ref *ref[2];
  uint32_t count;
} ds_erased_shown;

// *ret_shown is what of the part is not about the erased; the caller drops it. A part of which one
// block in twenty is concerned costs a twentieth of rewriting it, and a look at its subjects.
DS_CHECKED ds_code ds_erased_hide(const ds_store *store, const ds_erased *erased, ds_part_ref *ref,
                                  ds_erased_shown *ret_shown, ds_error *err);
void ds_erased_shown_drop(ds_erased_shown *shown);

#endif
