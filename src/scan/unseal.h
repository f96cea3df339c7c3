// SPDX-License-Identifier: Apache-2.0
// Personal values in clear, for those who ask for them: what a scan reads as SEALED is opened by
// the vault value by value. May use base/ to store/. Used by one thread. Nothing is kept: a value
// lives in the caller's arena.
#ifndef DS_SCAN_UNSEAL_H
#define DS_SCAN_UNSEAL_H

#include "store/store.h"

// What is opened by what, and how many values were.
typedef struct ds_unsealer {
  ds_vault *vault;
  const ds_snapshot *snapshot; // whose codes places have
  uint64_t opened;
} ds_unsealer;

// Where a sealed value was read. Of a joined journey it is not known whose event it is: then these
// are all the customer's subjects, and the one that it opens under is it.
typedef struct ds_unseal_place {
  const ds_str *subjects;
  uint32_t subjects_count;
  uint16_t touchpoint;
  uint16_t property;
} ds_unseal_place;

// Opens a value; a text lies in `arena`. *ret_value is null when the key was destroyed. DS_CORRUPT:
// it was sealed elsewhere, or is damaged.
DS_CHECKED ds_code ds_unseal(ds_unsealer *unsealer, const ds_unseal_place *place,
                             const ds_value *sealed, ds_arena *arena, ds_value *ret_value,
                             ds_error *err);

#endif
