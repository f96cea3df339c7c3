// SPDX-License-Identifier: Apache-2.0
// API keys: who may ask a server that others than this machine reach. The file api-keys in the
// store's folder holds a line for each, NAME, a hash, when it was made; the key itself is shown
// once and kept nowhere (decision 46). May use base/, io/, store/definitions.h and libsodium.
//
// A key is "doorstep_" and 43 characters of base64url: 256 random bits. So many cannot be guessed,
// and the hash (BLAKE2b-256) needs no salt and no slowness.
#ifndef DS_SERVER_KEYS_H
#define DS_SERVER_KEYS_H

#include "base/arena.h"
#include "base/str.h"
#include "io/io.h"

#define DS_API_KEY_BYTES 53u // with the NUL
#define DS_API_KEYS_MAX 200u
#define DS_API_KEY_NAME_BYTES_MAX 64u
#define DS_API_KEY_HASH_BYTES 32u

// A key as it is kept.
typedef struct ds_api_key {
  const char *name;
  int64_t made_ms;
  unsigned char hash[DS_API_KEY_HASH_BYTES];
} ds_api_key;

// The keys of a store, in the order in which they were made; in the arena. DS_CORRUPT for a line
// that cannot be read.
DS_CHECKED ds_code ds_api_keys_read(ds_io *io, const char *folder, ds_arena *arena,
                                    const ds_api_key **ret_keys, uint32_t *ret_count,
                                    ds_error *err);

// Makes a key of a new name, durable on return. DS_USAGE for a name that is taken, or is none.
DS_CHECKED ds_code ds_api_key_add(ds_io *io, const char *folder, const char *name,
                                  char out[DS_API_KEY_BYTES], ds_error *err);

// Removes one. DS_USAGE when there is none of the name.
DS_CHECKED ds_code ds_api_key_remove(ds_io *io, const char *folder, const char *name,
                                     ds_error *err);

// Whose key a text is, or NULL. Takes as long whichever it is.
const ds_api_key *ds_api_key_find(const ds_api_key *keys, uint32_t count, const char *text);

#endif
