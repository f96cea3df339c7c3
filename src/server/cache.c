// SPDX-License-Identifier: Apache-2.0
#include "server/cache.h"

#include <stdlib.h>

enum { SLOTS = 4096 };
// What an answer takes beside its bytes, about.
#define ENTRY_BYTES ((size_t)1024)

typedef struct node {
  ds_cache_entry entry; // first
  ds_cache_key key;
  size_t bytes;
  struct node *beside;          // of the same slot
  struct node *newer, *older;   // by last use, in a ring
} node;

struct ds_cache {
  size_t bytes_max;
  size_t bytes;
  uint32_t count;
  node ends; // newer = used longest ago, older = used last
  node *slots[SLOTS];
};

ds_cache *ds_cache_new(size_t bytes_max) {
  ds_cache *cache = (ds_cache *)calloc(1, sizeof *cache);
  if (cache == NULL)
    return NULL;
  cache->bytes_max = bytes_max;
  cache->ends.newer = cache->ends.older = &cache->ends;
  return cache;
}

static node **slot_of(ds_cache *cache, ds_cache_key key) {
  node **at = &cache->slots[key.low % SLOTS];
  while (*at != NULL && ((*at)->key.low != key.low || (*at)->key.high != key.high))
    at = &(*at)->beside;
  return at;
}

static void unlink_use(node *n) {
  n->newer->older = n->older;
  n->older->newer = n->newer;
}

static void use(ds_cache *cache, node *n) {
  n->newer = &cache->ends;
  n->older = cache->ends.older;
  n->older->newer = n;
  cache->ends.older = n;
}

static void drop(ds_cache *cache, node **at) {
  node *n = *at;
  *at = n->beside;
  unlink_use(n);
  cache->bytes -= n->bytes;
  cache->count--;
  ds_http_answer_free(n->entry.plain);
  ds_http_answer_free(n->entry.compressed);
  free(n);
}

void ds_cache_free(ds_cache *cache) {
  if (cache == NULL)
    return;
  while (cache->ends.newer != &cache->ends)
    drop(cache, slot_of(cache, cache->ends.newer->key));
  free(cache);
}

const ds_cache_entry *ds_cache_get(ds_cache *cache, ds_cache_key key) {
  node *n = *slot_of(cache, key);
  if (n == NULL)
    return NULL;
  unlink_use(n);
  use(cache, n);
  return &n->entry;
}

static size_t bytes_of(const ds_cache_entry *entry) {
  size_t bytes = ENTRY_BYTES + ds_http_answer_body(entry->plain).size;
  if (entry->compressed != NULL)
    bytes += ENTRY_BYTES + ds_http_answer_body(entry->compressed).size;
  return bytes;
}

void ds_cache_put(ds_cache *cache, ds_cache_key key, const ds_cache_entry *entry) {
  const size_t bytes = bytes_of(entry);
  node *n = bytes > cache->bytes_max / 4 ? NULL : (node *)calloc(1, sizeof *n);
  if (n == NULL)
    return;
  n->key = key;
  n->bytes = bytes;
  n->entry.plain = ds_http_answer_share(entry->plain);
  if (entry->compressed != NULL)
    n->entry.compressed = ds_http_answer_share(entry->compressed);
  node **at = slot_of(cache, key);
  if (*at != NULL)
    drop(cache, at);
  while (cache->bytes + bytes > cache->bytes_max)
    drop(cache, slot_of(cache, cache->ends.newer->key));
  at = &cache->slots[key.low % SLOTS];
  n->beside = *at;
  *at = n;
  use(cache, n);
  cache->bytes += bytes;
  cache->count++;
}

size_t ds_cache_bytes(const ds_cache *cache) { return cache->bytes; }
uint32_t ds_cache_count(const ds_cache *cache) { return cache->count; }
