// SPDX-License-Identifier: Apache-2.0
// Keys for 2^64 leaves out of 16 random ones, each of which can be destroyed by itself: a tree of
// pseudorandom functions (Goldreich, Goldwasser and Micali 1986) that is punctured. A node has 16
// children; a child's key is HChaCha20(node's key, child's number and level), so that a node yields
// all below it and nothing above or beside it. To destroy a leaf, the stored node above it is
// replaced by what lies beside its path, level by level: all other leaves keep their keys, and this
// one's follows from nothing that is kept. May use base/ and libsodium. Used by one thread.
//
// K1 the stored nodes are disjoint: no leaf lies below two of them.
// K2 a leaf has a key exactly if it lies below a stored node, that is, was never punctured.
// K3 a leaf's key never changes.
#ifndef DS_STORE_KEY_TREE_H
#define DS_STORE_KEY_TREE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

// Sizes: 16 levels of four bits.
enum { DS_TREE_KEY_BYTES = 32, DS_TREE_LEVELS = 16, DS_TREE_FAN = 16 };

// The children of one node that are stored: the outermost family, and those along punctured paths.
typedef struct ds_key_family {
  uint16_t present; // bit i: child i is stored, and key[i] holds its key; else zeros
  uint8_t key[DS_TREE_FAN][DS_TREE_KEY_BYTES];
} ds_key_family;

// Where families lie. `level` 0..15 and the path to the node (`level` times four bits) name one.
typedef struct ds_key_shelf {
  void *context;
  // *ret_there: whether there is such a family.
  ds_code (*load)(void *context, uint32_t level, uint64_t path, ds_key_family *ret_family,
                  bool *ret_there, ds_error *err);
  ds_code (*save)(void *context, uint32_t level, uint64_t path, const ds_key_family *family,
                  ds_error *err);
} ds_key_shelf;

// Below this level nodes are no longer shared by many leaves, so none is remembered.
enum { DS_TREE_KNOWN_LEVEL = 3, DS_TREE_KNOWN = 1 << (4 * DS_TREE_KNOWN_LEVEL) };

// Nodes of the level above that were derived already. Secret: lies in guarded memory.
typedef struct ds_key_known {
  bool is_known[DS_TREE_KNOWN];
  uint8_t key[DS_TREE_KNOWN][DS_TREE_KEY_BYTES];
} ds_key_known;

// The key of a leaf; *ret_there is false when it was destroyed. `known` may be NULL.
DS_CHECKED ds_code ds_key_tree_derive(const ds_key_shelf *shelf, ds_key_known *known, uint64_t leaf,
                                      uint8_t ret_key[DS_TREE_KEY_BYTES], bool *ret_there,
                                      ds_error *err);

// Destroys a leaf's key; nothing to do when it was already. The caller makes the saves one
// transaction, and forgets what it knows of the tree.
DS_CHECKED ds_code ds_key_tree_puncture(const ds_key_shelf *shelf, uint64_t leaf, ds_error *err);

#endif
