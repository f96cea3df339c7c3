// SPDX-License-Identifier: Apache-2.0
// Two open-addressing hash maps: text -> dense index (an interner that owns its texts), and
// uint64 -> uint32. Growable up to a maximum. May use base/ only. Not for two writers at once;
// reads of an unchanged map are safe from any thread. Seedless XXH3: keys from outside are limited
// in number, and a flood of collisions costs time, never memory.
#ifndef DS_BASE_MAP_H
#define DS_BASE_MAP_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

// No such key.
#define DS_NONE UINT32_MAX

// Interns texts: the first gets index 0, the next 1, ... Fields are private but `count`.
typedef struct ds_names {
  ds_arena arena;
  ds_str *text; // count entries, NUL-terminated behind the view
  uint32_t count;
  uint32_t count_max;
  uint32_t capacity;
  uint32_t *slot; // capacity of the table, DS_NONE = free
  uint32_t slots;
} ds_names;

// An empty interner for at most count_max texts.
void ds_names_init(ds_names *names, uint32_t count_max);

// Gives the memory back. NULL and an unused one are fine.
void ds_names_done(ds_names *names);

// Empties the interner; keeps its memory unless that is much.
void ds_names_reset(ds_names *names);

// The index of `text`, adding it when new. DS_LIMIT past count_max, DS_MEMORY.
DS_CHECKED ds_code ds_names_add(ds_names *names, ds_str text, uint32_t *ret_index, ds_error *err);

// The index of `text`, or DS_NONE.
uint32_t ds_names_find(const ds_names *names, ds_str text);

// The text of an index < count; valid until done, NUL-terminated.
static inline const char *ds_names_text(const ds_names *names, uint32_t index) {
  return names->text[index].data;
}

// A map from uint64 to uint32. Fields are private but `count`.
typedef struct ds_map64 {
  uint64_t *key;
  uint32_t *value; // DS_NONE = free slot; so DS_NONE cannot be stored
  uint32_t slots;
  uint32_t count;
} ds_map64;

// An empty map; takes no memory yet.
void ds_map64_init(ds_map64 *map);

// Gives the memory back. NULL is fine.
void ds_map64_done(ds_map64 *map);

// Empties the map, keeps its memory.
void ds_map64_reset(ds_map64 *map);

// Where the value of `key` stands, inserted as DS_NONE when new (the caller must set it at once);
// NULL without memory. Valid until the next put.
uint32_t *ds_map64_put(ds_map64 *map, uint64_t key);

// The value of `key`, or DS_NONE.
uint32_t ds_map64_get(const ds_map64 *map, uint64_t key);

#endif
