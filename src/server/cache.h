// SPDX-License-Identifier: Apache-2.0
// Finished answers by a hash of all that they depend on, in plain form and compressed, within a
// limit of bytes: those used longest ago go first. May use base/ and server/http.h. For one thread.
#ifndef DS_SERVER_CACHE_H
#define DS_SERVER_CACHE_H

#include "server/http.h"

// A hash of what an answer depends on.
typedef struct ds_cache_key {
  uint64_t high, low;
} ds_cache_key;

// The forms of an answer: `compressed` may be NULL.
typedef struct ds_cache_entry {
  ds_http_answer *plain;
  ds_http_answer *compressed;
} ds_cache_entry;

typedef struct ds_cache ds_cache;

// A cache of at most bytes_max; NULL without memory. The caller frees it (NULL is fine).
ds_cache *ds_cache_new(size_t bytes_max);
void ds_cache_free(ds_cache *cache);

// The answer of a key, or NULL; valid until the next put. It counts as used.
const ds_cache_entry *ds_cache_get(ds_cache *cache, ds_cache_key key);

// Keeps an answer, in place of one of the same key; takes references of its own. What is larger
// than a quarter of the limit is not kept.
void ds_cache_put(ds_cache *cache, ds_cache_key key, const ds_cache_entry *entry);

// How many answers, and their bytes.
size_t ds_cache_bytes(const ds_cache *cache);
uint32_t ds_cache_count(const ds_cache *cache);

#endif
