// SPDX-License-Identifier: Apache-2.0
#include "io/sim_share.h"

#include <assert.h>
#include <stdlib.h>

// `node` only tells files apart; it is NULL once the power was lost.
struct ds_sim_memory {
  ds_sim_memory *next;
  const ds_sim_node *node;
  uint32_t handles;
  uint32_t count;
  void **regions;
};

static bool overlap(const ds_sim_range *a, const ds_sim_range *b) {
  return a->node == b->node && a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

bool ds_sim_ranges_clash(const ds_sim_shares *shares, const ds_sim_range *wanted) {
  for (const ds_sim_range *held = shares->ranges; held != NULL; held = held->next) {
    if (held->handle != wanted->handle && overlap(held, wanted) &&
        (held->how == DS_HOLD_EXCLUSIVE || wanted->how == DS_HOLD_EXCLUSIVE))
      return true;
  }
  return false;
}

// Where the handle's own range is linked, or the end of the list.
static ds_sim_range **find_own(ds_sim_shares *shares, const ds_sim_range *wanted) {
  ds_sim_range **at = &shares->ranges;
  while (*at != NULL && ((*at)->handle != wanted->handle || !overlap(*at, wanted)))
    at = &(*at)->next;
  assert(*at == NULL || ((*at)->offset == wanted->offset && (*at)->size == wanted->size));
  return at;
}

ds_code ds_sim_ranges_hold(ds_sim_shares *shares, const ds_sim_range *wanted) {
  ds_sim_range **at = find_own(shares, wanted);
  ds_sim_range *own = *at;
  if (wanted->how == DS_HOLD_FREE) {
    if (own != NULL)
      *at = own->next;
    free(own);
    return DS_OK;
  }
  if (ds_sim_ranges_clash(shares, wanted))
    return DS_BUSY;
  if (own == NULL) {
    own = malloc(sizeof *own);
    if (own == NULL)
      return DS_MEMORY;
    *own = *wanted;
    own->next = NULL;
    *at = own;
  }
  own->how = wanted->how;
  return DS_OK;
}

void ds_sim_ranges_drop(ds_sim_shares *shares, const void *handle) {
  for (ds_sim_range **at = &shares->ranges; *at != NULL;) {
    ds_sim_range *held = *at;
    if (held->handle != handle) {
      at = &held->next;
      continue;
    }
    *at = held->next;
    free(held);
  }
}

ds_sim_memory *ds_sim_memory_take(ds_sim_shares *shares, const ds_sim_node *node) {
  ds_sim_memory *memory = shares->memories;
  while (memory != NULL && memory->node != node)
    memory = memory->next;
  if (memory == NULL) {
    memory = calloc(1, sizeof *memory);
    if (memory == NULL)
      return NULL;
    memory->node = node;
    memory->next = shares->memories;
    shares->memories = memory;
  }
  memory->handles++;
  return memory;
}

void ds_sim_memory_drop(ds_sim_shares *shares, ds_sim_memory *memory) {
  if (memory == NULL || --memory->handles > 0)
    return;
  ds_sim_memory **at = &shares->memories;
  while (*at != memory)
    at = &(*at)->next;
  *at = memory->next;
  for (uint32_t i = 0; i < memory->count; i++)
    free(memory->regions[i]);
  free(memory->regions);
  free(memory);
}

void ds_sim_memories_forget(ds_sim_shares *shares) {
  for (ds_sim_memory *memory = shares->memories; memory != NULL; memory = memory->next)
    memory->node = NULL;
}

bool ds_sim_memory_region(ds_sim_memory *memory, uint32_t region, size_t size, bool make,
                          void **ret_region) {
  if (region >= memory->count && make) {
    void **regions = realloc(memory->regions, ((size_t)region + 1) * sizeof *regions);
    if (regions == NULL)
      return false;
    for (uint32_t i = memory->count; i <= region; i++)
      regions[i] = NULL;
    memory->regions = regions;
    memory->count = region + 1;
  }
  if (region >= memory->count) {
    *ret_region = NULL;
    return true;
  }
  if (memory->regions[region] == NULL && make) {
    memory->regions[region] = calloc(1, size);
    if (memory->regions[region] == NULL)
      return false;
  }
  *ret_region = memory->regions[region];
  return true;
}
