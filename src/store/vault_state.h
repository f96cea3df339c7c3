// SPDX-License-Identifier: Apache-2.0
// What the vault's halves share: its secrets and what is derived from them (vault.c), its files
// (vault_file.c), its tables (vault_rows.c), and the list of erasures (vault_list.c). Not for use
// outside them.
#ifndef DS_STORE_VAULT_STATE_H
#define DS_STORE_VAULT_STATE_H

#include <pthread.h>

#include <sodium.h>

#include "base/limits.h"
#include "base/map.h"
#include "store/key_tree.h"
#include "store/sqlite_vfs.h"
#include "store/vault.h"

// Sizes in bytes, and of the caches.
enum {
  VAULT_MASTER_BYTES = 32,
  VAULT_LOOKUP_BYTES = 32,
  VAULT_LEAF_BYTES = 16,
  VAULT_HASH_BYTES = 16,
  VAULT_WRAP_BYTES = 24 + 16, // nonce and tag
  VAULT_FAMILIES = 256,       // of the cache, a power of two
  VAULT_KEYS = 256,           // the same, of one who seals little
  VAULT_KEYS_MANY = 1 << 16,  // of one who meets many subjects
  VAULT_MISSES_MANY = 1 << 12,
};

// Versions of the database.
#define VAULT_VERSION 1
#define VAULT_VERSION_RETURNED 2 // with the table `returned`

// The store's own secrets, as they are wrapped.
typedef struct vault_secrets {
  uint8_t lookup[VAULT_LOOKUP_BYTES]; // of identifiers
  uint8_t leaf[VAULT_LEAF_BYTES];     // of subjects: where in the tree, and who was erased
} vault_secrets;

// A family that was read.
typedef struct vault_family {
  bool is_there;
  uint32_t level;
  uint64_t path;
  ds_key_family family;
} vault_family;

// A subject's keys: of the values, and of their nonces.
typedef struct vault_keys {
  uint8_t hash[VAULT_HASH_BYTES]; // of the subject
  bool is_there;
  uint8_t value[32];
  uint8_t nonce[16];
} vault_keys;

// Somebody who was erased and taken in again.
typedef struct vault_returned {
  uint8_t hash[VAULT_HASH_BYTES];
  uint32_t generation; // of the keys: how often that was
  uint32_t erasures;   // that there were by the last time
} vault_returned;

// All that must never be in a core dump or on a swap disk: one piece of guarded memory.
typedef struct vault_guarded {
  uint8_t master[VAULT_MASTER_BYTES];
  vault_secrets secrets;
  ds_key_known known;
  vault_family families[VAULT_FAMILIES];
  vault_keys keys[VAULT_KEYS];
} vault_guarded;

// To be called after each use of a key. libsodium's functions leave what they had in registers,
// words of a key among it, on the stack below the caller, where a core dump would show it until
// other calls happen to write over it. 4 KiB is more than any of those used here takes.
static inline void ds_vault_clear_stack(void) { sodium_stackzero(4096); }

// An open vault.
struct ds_vault {
  ds_io *io;
  char path[DS_PATH_BYTES_MAX];     // of keys.sqlite
  char key_path[DS_PATH_BYTES_MAX]; // of the master key
  char directory[DS_PATH_BYTES_MAX];
  bool own_key; // the master key is <directory>/key
  bool write;
  bool is_copy; // nothing may leave a journal beside it
  bool changing; // the database is open to write
  bool failed;   // a change has failed: no other is tried
  ds_sqlite *database;
  vault_guarded *guarded;
  vault_keys *many; // VAULT_KEYS_MANY, guarded too; NULL until so many subjects were missed
  uint32_t misses;
  uint8_t (*erased)[VAULT_HASH_BYTES];
  uint32_t erased_count, erased_capacity;
  ds_map64 erased_index; // the hash's first eight bytes -> index
  int version;           // of the database: from 2 on there are returned ones
  vault_returned *returned;
  uint32_t returned_count, returned_capacity;
  uint32_t returns;        // rows: somebody may have come back several times
  ds_map64 returned_index; // as erased_index
  pthread_mutex_t mutex; // of caches and database
};

// Opens keys.sqlite and the master key, makes them when `may_make`; fills `guarded` and `erased`.
DS_CHECKED ds_code ds_vault_file_open(ds_vault *vault, bool may_make, ds_error *err);

// Writes the master key to a file, mode 0600, synced; its name is not.
DS_CHECKED ds_code ds_vault_file_put_key(const ds_vault *vault, const char *path, ds_error *err);

// Makes <to>/keys.sqlite the bytes of <from>/keys.sqlite, durably, at one instant, mode 0600.
// Nobody may be writing to either.
DS_CHECKED ds_code ds_vault_file_copy(ds_io *io, const char *from, const char *to, ds_error *err);

// Before anything is built on it, brings to disk what the last process left in sight, by a
// transaction; once. The mutex is held. For a writer.
DS_CHECKED ds_code ds_vault_file_settle(ds_vault *vault, ds_error *err);

// A family by the database, for the tree. The mutex is held.
DS_CHECKED ds_code ds_vault_file_load(void *vault, uint32_t level, uint64_t path,
                                   ds_key_family *ret_family, bool *ret_there, ds_error *err);

// Fails with DS_CORRUPT: keys.sqlite is not as it was written.
ds_code ds_vault_damaged(ds_error *err);

// Runs SQL that gives no rows.
DS_CHECKED ds_code ds_vault_run(ds_vault *vault, const char *sql, ds_error *err);

// Makes the tables that a version has more than the one before, and says which it is.
DS_CHECKED ds_code ds_vault_make_tables(ds_vault *vault, int version, ds_error *err);

// The version of the database; 0: nothing is in it.
DS_CHECKED ds_code ds_vault_version(ds_vault *vault, int *ret_version, ds_error *err);

// Reads who is erased and who was taken in again, at one instant, and the version. DS_CORRUPT, too,
// when tables or numbers are not what they must be.
DS_CHECKED ds_code ds_vault_read_rows(ds_vault *vault, ds_error *err);

// Forgets what was derived: the tree has changed.
void ds_vault_forget(ds_vault *vault);

// The keyed hash of a subject, by which the vault knows it; and that of its keys' generation, the
// one of now or a later one than the first, whose first eight bytes are the leaf.
void ds_vault_hash(const ds_vault *vault, ds_str subject, uint8_t out[VAULT_HASH_BYTES]);
void ds_vault_key_hash(const ds_vault *vault, ds_str subject, uint8_t out[VAULT_HASH_BYTES]);
void ds_vault_generation_hash(const ds_vault *vault, ds_str subject, uint32_t generation,
                              uint8_t out[VAULT_HASH_BYTES]);
uint64_t ds_vault_leaf(const uint8_t hash[VAULT_HASH_BYTES]);

#endif
