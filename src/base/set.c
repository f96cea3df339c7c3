// SPDX-License-Identifier: Apache-2.0
#include "base/set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 64u
#define SLOTS_MAX (1u << 31)
#define SLOTS_KEPT (1u << 16)

void ds_set64_done(ds_set64 *set) {
  if (set == NULL)
    return;
  free(set->slot);
  *set = (ds_set64){.slot = NULL};
}

void ds_set64_reset(ds_set64 *set) {
  if (set->slots > SLOTS_KEPT)
    ds_set64_done(set);
  if (set->count > 0 && set->slots > 0)
    memset(set->slot, 0, set->slots * sizeof *set->slot);
  set->count = 0;
  set->zero = false;
}

// The slot that holds the key, or the free one where it belongs. The table is never full.
static inline uint32_t find(const ds_set64 *set, uint64_t key) {
  const uint32_t mask = set->slots - 1;
  uint32_t at = (uint32_t)key & mask;
  while (set->slot[at] != 0 && set->slot[at] != key)
    at = (at + 1) & mask;
  return at;
}

bool ds_set64_reserve(ds_set64 *set, uint32_t more) {
  const uint64_t want = (uint64_t)set->count + more;
  uint32_t slots = set->slots == 0 ? SLOTS_MIN : set->slots;
  while (want > slots / 4 * 3 && slots < SLOTS_MAX)
    slots *= 2;
  if (slots == set->slots)
    return want <= slots / 4 * 3;
  ds_set64 larger = {.slot = calloc(slots, sizeof *larger.slot),
                     .slots = slots,
                     .count = set->count,
                     .zero = set->zero};
  if (larger.slot == NULL || want > slots / 4 * 3) {
    free(larger.slot);
    return false;
  }
  for (uint32_t i = 0; i < set->slots; i++)
    if (set->slot[i] != 0)
      larger.slot[find(&larger, set->slot[i])] = set->slot[i];
  free(set->slot);
  *set = larger;
  return true;
}

bool ds_set64_add(ds_set64 *set, uint64_t key) {
  if (key == 0) {
    const bool added = !set->zero;
    set->zero = true;
    return added;
  }
  assert(set->count < set->slots / 4 * 3);
  const uint32_t at = find(set, key);
  if (set->slot[at] == key)
    return false;
  set->slot[at] = key;
  set->count++;
  return true;
}

bool ds_set64_has(const ds_set64 *set, uint64_t key) {
  if (key == 0)
    return set->zero;
  return set->count > 0 && set->slot[find(set, key)] == key;
}

void ds_set64_prefetch(const ds_set64 *set, uint64_t key) {
  if (set->slots > 0)
    __builtin_prefetch(&set->slot[(uint32_t)key & (set->slots - 1)]);
}
