// SPDX-License-Identifier: Apache-2.0
// How expressions are evaluated: tile by tile of 2,048 events, values as arrays with a bit per
// event that has one, conditions as two bits per event: yes and no (neither = unknown). Private to
// lang/. May use base/, model/.
#ifndef DS_LANG_EVALUATE_H
#define DS_LANG_EVALUATE_H

#include "lang/tree.h"

// Events evaluated at a time.
enum { LANG_TILE = 2048, LANG_WORDS = LANG_TILE / 64 };

// Which events of a tile.
typedef struct lang_bits {
  uint64_t word[LANG_WORDS];
} lang_bits;

// A condition over a tile; no bit is set in both.
typedef struct lang_truth {
  uint64_t yes[LANG_WORDS];
  uint64_t no[LANG_WORDS];
} lang_truth;

// Values over a tile: of event i at [i], or for a constant at [0]. A function that gives BOOL puts
// 0 and 1 into `i`.
typedef struct lang_vector {
  ds_type type;
  bool constant;
  uint64_t present[LANG_WORDS];
  union {
    const double *number;
    const int64_t *i;
    const ds_str *text;
    void *room; // of a result, to be filled
  };
} lang_vector;

// What one thread evaluates with.
struct ds_evaluator {
  const ds_expression *expression;
  uint32_t *input;  // position of each input among the block's properties
  uint32_t *key;    // by code of a key: position among the block's keys
  uint8_t *scratch; // a stack
  size_t scratch_bytes, scratch_used;
  ds_arena texts;   // made by functions; of one tile
  const ds_block *block;
  uint32_t first;   // event of the tile
  uint32_t count;   // events in it
  uint32_t words;
};

// Values of a node for at least the events of `active`. Room comes from the scratch stack; the
// caller keeps its height and puts it back.
ds_code ds_lang_value(ds_evaluator *evaluator, const lang_node *node, const lang_bits *active,
                      lang_vector *ret_vector, ds_error *err);

// A condition for the events of `active`; the stack is as it was afterwards.
ds_code ds_lang_truth(ds_evaluator *evaluator, const lang_node *node, const lang_bits *active,
                      lang_truth *ret_truth, ds_error *err);

// A condition over the tile of a block that begins at event `first`, a multiple of LANG_TILE.
ds_code ds_lang_tile(ds_evaluator *evaluator, const lang_node *node, const ds_block *block,
                     uint32_t first, lang_truth *ret_truth, ds_error *err);

// The same of a value; it lies in the evaluator until the next tile.
ds_code ds_lang_tile_value(ds_evaluator *evaluator, const lang_node *node, const ds_block *block,
                           uint32_t first, lang_vector *ret_vector, ds_error *err);

// Room on the scratch stack, which compile.c made large enough.
void *ds_lang_room(ds_evaluator *evaluator, size_t bytes);

// a OP b for events where both have values; `kind` EQUAL, LESS or LESS_EQUAL. Sets bits of `met`.
void ds_lang_compare_vectors(const lang_vector *a, const lang_vector *b, lang_kind kind,
                             uint32_t count, const uint64_t *present, uint64_t *met);

#endif
