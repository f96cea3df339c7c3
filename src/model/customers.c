// SPDX-License-Identifier: Apache-2.0
#include "model/customers.h"

#include <string.h>

// Makes room for words [0, count) of a partition.
static bool grow(ds_customers *set, uint32_t partition, uint32_t count, ds_arena *arena) {
  const uint32_t before = set->words[partition];
  if (count <= before)
    return true;
  const uint32_t room = count + before + 16;
  uint64_t *word = ds_arena_array(arena, room, sizeof *word);
  if (word == NULL)
    return false;
  memset(word, 0, room * sizeof *word);
  if (before > 0)
    memcpy(word, set->word[partition], before * sizeof *word);
  set->word[partition] = word;
  set->words[partition] = room;
  return true;
}

bool ds_customers_add(ds_customers *set, uint32_t customer, ds_arena *arena) {
  const uint32_t partition = customer >> 24, word = (customer & 0xffffff) / 64;
  if (!grow(set, partition, word + 1, arena))
    return false;
  set->word[partition][word] |= 1ull << (customer % 64);
  return true;
}

bool ds_customers_add_all(ds_customers *set, const ds_customers *more, ds_arena *arena) {
  for (uint32_t p = 0; p < 256; p++) {
    if (!grow(set, p, more->words[p], arena))
      return false;
    for (uint32_t w = 0; w < more->words[p]; w++)
      set->word[p][w] |= more->word[p][w];
  }
  return true;
}
