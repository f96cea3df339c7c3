// SPDX-License-Identifier: Apache-2.0
#include "store/key_tree.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static_assert(crypto_core_hchacha20_KEYBYTES == DS_TREE_KEY_BYTES, "a node's key");
static_assert(crypto_core_hchacha20_OUTPUTBYTES == DS_TREE_KEY_BYTES, "a child's key");
static_assert(4 * DS_TREE_LEVELS == 64 && 1 << 4 == DS_TREE_FAN, "four bits a level");

static uint32_t child_of(uint64_t leaf, uint32_t level) {
  return (uint32_t)(leaf >> (60 - 4 * level)) & (DS_TREE_FAN - 1);
}

static uint64_t path_of(uint64_t leaf, uint32_t level) {
  return level == 0 ? 0 : leaf >> (64 - 4 * level);
}

// `key` is a node of `level`; afterwards `ret_key`, which may be the same, is its child.
static void derive_child(const uint8_t *key, uint32_t level, uint32_t child, uint8_t *ret_key) {
  const uint8_t input[crypto_core_hchacha20_INPUTBYTES] = {
      'd', 's', ' ', 't', 'r', 'e', 'e', 0, (uint8_t)level, (uint8_t)child};
  (void)crypto_core_hchacha20(ret_key, input, key, NULL);
}

// Goes down until a stored node lies on the leaf's path: *ret_level is the level of its family,
// DS_TREE_LEVELS when there is none (K2). Each family on the way is left in `family`.
static ds_code find_stored(const ds_key_shelf *shelf, uint64_t leaf, ds_key_family *family,
                           uint32_t *ret_level, ds_error *err) {
  uint32_t level = 0;
  for (; level < DS_TREE_LEVELS; level++) {
    bool there = false;
    TRY(shelf->load(shelf->context, level, path_of(leaf, level), family, &there, err));
    if (!there)
      return ds_fail(err, DS_CORRUPT, "a node of the tree of keys is missing");
    if ((family->present >> child_of(leaf, level) & 1) != 0)
      break;
  }
  *ret_level = level;
  return DS_OK;
}

ds_code ds_key_tree_derive(const ds_key_shelf *shelf, ds_key_known *known, uint64_t leaf,
                           uint8_t ret_key[DS_TREE_KEY_BYTES], bool *ret_there, ds_error *err) {
  const uint64_t head = path_of(leaf, DS_TREE_KNOWN_LEVEL);
  uint32_t level = DS_TREE_KNOWN_LEVEL; // of the node in ret_key
  *ret_there = true;
  if (known != NULL && known->is_known[head]) {
    memcpy(ret_key, known->key[head], DS_TREE_KEY_BYTES);
  } else {
    ds_key_family family;
    const ds_code code = find_stored(shelf, leaf, &family, &level, err);
    *ret_there = code == DS_OK && level < DS_TREE_LEVELS;
    if (*ret_there)
      memcpy(ret_key, family.key[child_of(leaf, level)], DS_TREE_KEY_BYTES);
    sodium_memzero(&family, sizeof family);
    if (code != DS_OK || !*ret_there)
      return code;
    level++;
    for (; level < DS_TREE_KNOWN_LEVEL; level++)
      derive_child(ret_key, level, child_of(leaf, level), ret_key);
    if (known != NULL && level == DS_TREE_KNOWN_LEVEL) {
      memcpy(known->key[head], ret_key, DS_TREE_KEY_BYTES);
      known->is_known[head] = true;
    }
  }
  for (; level < DS_TREE_LEVELS; level++)
    derive_child(ret_key, level, child_of(leaf, level), ret_key);
  return DS_OK;
}

// The children of `key` but `without`.
static void make_family(const uint8_t *key, uint32_t level, uint32_t without,
                        ds_key_family *family) {
  sodium_memzero(family, sizeof *family);
  for (uint32_t child = 0; child < DS_TREE_FAN; child++) {
    if (child == without)
      continue;
    derive_child(key, level, child, family->key[child]);
    family->present = (uint16_t)(family->present | 1u << child);
  }
}

static ds_code puncture(const ds_key_shelf *shelf, uint64_t leaf, uint8_t *key,
                        ds_key_family *family, ds_error *err) {
  uint32_t level;
  TRY(find_stored(shelf, leaf, family, &level, err));
  if (level == DS_TREE_LEVELS)
    return DS_OK;
  const uint32_t stored = child_of(leaf, level);
  memcpy(key, family->key[stored], DS_TREE_KEY_BYTES);
  sodium_memzero(family->key[stored], DS_TREE_KEY_BYTES);
  family->present = (uint16_t)(family->present & ~(1u << stored));
  TRY(shelf->save(shelf->context, level, path_of(leaf, level), family, err));
  for (level++; level < DS_TREE_LEVELS; level++) {
    const uint32_t child = child_of(leaf, level);
    make_family(key, level, child, family);
    TRY(shelf->save(shelf->context, level, path_of(leaf, level), family, err));
    derive_child(key, level, child, key);
  }
  return DS_OK;
}

ds_code ds_key_tree_puncture(const ds_key_shelf *shelf, uint64_t leaf, ds_error *err) {
  ds_key_family family;
  uint8_t key[DS_TREE_KEY_BYTES];
  const ds_code code = puncture(shelf, leaf, key, &family, err);
  sodium_memzero(&family, sizeof family);
  sodium_memzero(key, sizeof key);
  return code;
}
