// SPDX-License-Identifier: Apache-2.0
// Backup and restore: one state of a store, written to another folder while the store may go on.
// A backup is laid out like a store, so that questions and `check` read it where it lies; the file
// BACKUP in it keeps writers out, says whose it is and when it was made. May use base/, io/,
// store/. The quarantine is not copied, no projection is, and keys only when asked for.
//
// Invariants, in the words of docs/durability.md:
//   I3  every byte of a part and every record of the log is compared with its checksum on the way.
//   I4  MANIFEST is written last: a backup or a restored store is there whole, or it is not one.
//       A backup made anew in its folder replaces the one before at one instant.
#ifndef DS_STORE_BACKUP_H
#define DS_STORE_BACKUP_H

#include "store/store.h"
#include "store/vault.h"

// What a copy holds, and how its parts came to be there.
typedef struct ds_backup_result {
  uint64_t generation; // of the store's MANIFEST
  uint64_t events;
  uint64_t bytes; // of all parts and the log
  uint64_t bytes_copied;
  uint32_t parts;
  uint32_t parts_kept;   // the backup before had them
  uint32_t parts_linked; // the same file as the store's
  bool has_vault; // some values are sealed
  ds_vault_copied keys; // and these of its keys are there too
} ds_backup_result;

// Writes the state that `store` was opened at (to read or to write) to `target`, which must be
// absent, empty, or a backup of this store that is not of a later state; then the parts that it has
// stay as they are. `link`: parts become second names of the store's files where the file system
// can. `keys`: the vault's keys come along; else a backup that had them is rid of them. DS_USAGE
// says what else `target` is. What the progress counts are bytes.
DS_CHECKED ds_code ds_store_backup(ds_store *store, const char *target, bool link, bool keys,
                                   ds_progress *progress, ds_backup_result *ret_result,
                                   ds_error *err);

// Makes the store at `path`, which must be absent or empty, of the backup at `backup`. Each part is
// read back and checked whole before MANIFEST makes a store of them. The vault's keys are those of
// the folder `keys`, DS_MISSING when it has none; NULL: those of the backup, if it has any. Whoever
// opens the store to write for the first time then removes again who was erased since
// (store/erase.h).
DS_CHECKED ds_code ds_store_restore(ds_io *io, const char *backup, const char *path,
                                    const char *keys,
                                    ds_progress *progress, ds_backup_result *ret_result,
                                    ds_error *err);

// Whether the folder is a backup, whole or not: it holds the file BACKUP.
DS_CHECKED ds_code ds_is_backup(ds_io *io, const char *path, bool *ret_is, ds_error *err);

#endif
