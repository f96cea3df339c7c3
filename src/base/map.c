// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SLOTS_MIN 16u
#define SLOTS_MAX (1u << 31)
#define SLOTS_KEPT 4096u

void ds_names_init(ds_names *names, uint32_t count_max) {
  // DS_NONE itself is no index, so that so many texts at most can be told apart.
  *names = (ds_names){.count_max = count_max};
  ds_arena_init(&names->arena, SIZE_MAX);
}

void ds_names_done(ds_names *names) {
  if (names == NULL)
    return;
  ds_arena_done(&names->arena);
  free(names->text);
  free(names->slot);
  ds_names_init(names, names->count_max);
}

void ds_names_reset(ds_names *names) {
  if (names->slots > SLOTS_KEPT)
    ds_names_done(names);
  ds_arena_reset(&names->arena);
  if (names->slots > 0)
    memset(names->slot, 0xFF, names->slots * sizeof(*names->slot));
  names->count = 0;
}

// The slot that holds `text`, or the free one where it belongs. The table is never full.
static uint32_t find_slot(const ds_names *names, ds_str text) {
  assert(names->slots > names->count);
  const uint32_t mask = names->slots - 1;
  uint32_t at = (uint32_t)XXH3_64bits(text.data, text.size) & mask;
  while (names->slot[at] != DS_NONE && !ds_str_equal(names->text[names->slot[at]], text))
    at = (at + 1) & mask;
  return at;
}

// Twice the slots (at most half of them used), with every index put in again.
static bool grow_slots(ds_names *names) {
  if (names->slots >= SLOTS_MAX)
    return false;
  const uint32_t slots = names->slots == 0 ? SLOTS_MIN : names->slots * 2;
  uint32_t *slot = malloc(slots * sizeof(*slot));
  if (slot == NULL)
    return false;
  memset(slot, 0xFF, slots * sizeof(*slot));
  free(names->slot);
  names->slot = slot;
  names->slots = slots;
  for (uint32_t i = 0; i < names->count; i++)
    slot[find_slot(names, names->text[i])] = i;
  return true;
}

static bool grow_texts(ds_names *names) {
  const size_t capacity = names->capacity == 0 ? SLOTS_MIN : (size_t)names->capacity * 2;
  ds_str *text = capacity > UINT32_MAX ? NULL : realloc(names->text, capacity * sizeof(*text));
  if (text == NULL)
    return false;
  names->text = text;
  names->capacity = (uint32_t)capacity;
  return true;
}

ds_code ds_names_add(ds_names *names, ds_str text, uint32_t *ret_index, ds_error *err) {
  const uint32_t known = ds_names_find(names, text);
  if (known != DS_NONE) {
    *ret_index = known;
    return DS_OK;
  }
  if (names->count >= names->count_max)
    return ds_fail(err, DS_LIMIT, "more than %u distinct names", names->count_max);
  const bool slots_fit = names->count < names->slots / 2 || grow_slots(names);
  const bool texts_fit = names->count < names->capacity || grow_texts(names);
  char *copy = slots_fit && texts_fit
                   ? ds_arena_text(&names->arena, text.data, text.size)
                   : NULL;
  if (copy == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a name");
  const uint32_t index = names->count;
  names->slot[find_slot(names, text)] = index;
  names->text[index] = (ds_str){copy, text.size};
  names->count++;
  *ret_index = index;
  return DS_OK;
}

uint32_t ds_names_find(const ds_names *names, ds_str text) {
  return names->count == 0 ? DS_NONE : names->slot[find_slot(names, text)];
}

void ds_map64_init(ds_map64 *map) {
  *map = (ds_map64){0};
}

void ds_map64_done(ds_map64 *map) {
  if (map == NULL)
    return;
  free(map->key);
  free(map->value);
  ds_map64_init(map);
}

void ds_map64_reset(ds_map64 *map) {
  if (map->slots > 0)
    memset(map->value, 0xFF, map->slots * sizeof(*map->value));
  map->count = 0;
}

// The finalizer of splitmix64: keys are often dense numbers, whose low bits alone would cluster.
static uint32_t hash_of(uint64_t key) {
  key = (key ^ (key >> 30)) * 0xBF58476D1CE4E5B9u;
  key = (key ^ (key >> 27)) * 0x94D049BB133111EBu;
  return (uint32_t)(key ^ (key >> 31));
}

static uint32_t find_slot64(const ds_map64 *map, uint64_t key) {
  const uint32_t mask = map->slots - 1;
  uint32_t at = hash_of(key) & mask;
  while (map->value[at] != DS_NONE && map->key[at] != key)
    at = (at + 1) & mask;
  return at;
}

static bool grow_map64(ds_map64 *map) {
  if (map->slots >= SLOTS_MAX)
    return false;
  ds_map64 larger = {.slots = map->slots == 0 ? SLOTS_MIN : map->slots * 2, .count = map->count};
  larger.key = malloc(larger.slots * sizeof(*larger.key));
  larger.value = malloc(larger.slots * sizeof(*larger.value));
  if (larger.key == NULL || larger.value == NULL) {
    ds_map64_done(&larger);
    return false;
  }
  memset(larger.value, 0xFF, larger.slots * sizeof(*larger.value));
  for (uint32_t i = 0; i < map->slots; i++) {
    if (map->value[i] == DS_NONE)
      continue;
    const uint32_t at = find_slot64(&larger, map->key[i]);
    larger.key[at] = map->key[i];
    larger.value[at] = map->value[i];
  }
  ds_map64_done(map);
  *map = larger;
  return true;
}

uint32_t *ds_map64_put(ds_map64 *map, uint64_t key) {
  if (map->slots > 0) {
    const uint32_t at = find_slot64(map, key);
    if (map->value[at] != DS_NONE)
      return &map->value[at];
  }
  // At most five eighths full: linear probing stays short.
  const bool room = map->count < map->slots / 8 * 5;
  if (!room && !grow_map64(map))
    return NULL;
  const uint32_t at = find_slot64(map, key);
  map->key[at] = key;
  map->count++;
  return &map->value[at];
}

uint32_t ds_map64_get(const ds_map64 *map, uint64_t key) {
  return map->count == 0 ? DS_NONE : map->value[find_slot64(map, key)];
}
