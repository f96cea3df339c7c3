// SPDX-License-Identifier: Apache-2.0
// The tree of paths as rows: which next steps stand by themselves, and what is left together.
#include <assert.h>
#include <stdlib.h>

#include "question/paths.h"

// Nodes by parent: those of parent p are order[first[p]] .. order[first[p + 1] - 1].
typedef struct tree_order {
  const ds_paths_tree *tree;
  const ds_names *names;
  uint32_t *first;
  uint32_t *order;
  ds_arena *arena;
  ds_paths_row *row;
  uint32_t count;
  uint32_t capacity;
} tree_order;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for paths: lower --depth or --children");
}

// The end last, then the most frequent first, then by name.
static int compare_nodes(const void *a, const void *b, void *context) {
  const tree_order *in = context;
  const ds_paths_node *x = &in->tree->node[*(const uint32_t *)a];
  const ds_paths_node *y = &in->tree->node[*(const uint32_t *)b];
  const int ends = (x->touchpoint == DS_PATHS_END) - (y->touchpoint == DS_PATHS_END);
  if (ends != 0)
    return ends;
  if (x->count != y->count)
    return x->count > y->count ? -1 : 1;
  return x->touchpoint == y->touchpoint ? 0
                                        : ds_str_compare(in->names->text[x->touchpoint],
                                                         in->names->text[y->touchpoint]);
}

static ds_code order_make(tree_order *in, ds_error *err) {
  const ds_paths_tree *tree = in->tree;
  in->first = ds_arena_array(in->arena, tree->count + 2u, sizeof *in->first);
  in->order = ds_arena_array(in->arena, tree->count + 1u, sizeof *in->order);
  if (in->first == NULL || in->order == NULL)
    return no_memory(err);
  for (uint32_t n = 0; n < tree->count; n++)
    if (tree->node[n].parent != DS_NONE)
      in->first[tree->node[n].parent + 2]++;
  for (uint32_t n = 0; n < tree->count; n++)
    in->first[n + 1] += in->first[n];
  for (uint32_t n = 0; n < tree->count; n++)
    if (tree->node[n].parent != DS_NONE)
      in->order[in->first[tree->node[n].parent + 1]++] = n;
  return DS_OK;
}

static ds_code row_add(tree_order *in, const ds_paths_row *row, uint32_t *ret_row, ds_error *err) {
  if (in->count == in->capacity) {
    const uint32_t capacity = in->capacity * 2 + 64;
    ds_paths_row *grown = ds_arena_array(in->arena, capacity, sizeof *grown);
    if (grown == NULL)
      return no_memory(err);
    if (in->count > 0)
      memcpy(grown, in->row, in->count * sizeof *grown);
    in->row = grown;
    in->capacity = capacity;
  }
  in->row[in->count] = *row;
  *ret_row = in->count++;
  return DS_OK;
}

// The rows below one node; recursion is as deep as --depth.
static ds_code rows_below(tree_order *in, uint32_t node, uint32_t row, uint64_t least,
                          ds_error *err) {
  const ds_paths_tree *tree = in->tree;
  uint32_t *order = in->order + in->first[node];
  const uint32_t count = in->first[node + 1] - in->first[node];
  ds_paths_row rest = {.parent = row, .group = in->row[row].group, .touchpoint = DS_PATHS_OTHER,
                       .depth = (uint16_t)(in->row[row].depth + 1)};
  uint32_t end = DS_NONE, added = 0;
  if (count > 1)
    qsort_r(order, count, sizeof *order, compare_nodes, in);
  for (uint32_t c = 0; c < count; c++) {
    const ds_paths_node *child = &tree->node[order[c]];
    if (child->touchpoint == DS_PATHS_END) {
      end = order[c];
    } else if (c >= tree->asked->children || child->count < least) {
      rest.count += child->count;
      rest.gap_ms += child->gap_ms;
    } else {
      const ds_paths_row one = {row, rest.group, rest.depth, child->touchpoint, child->count,
                                child->gap_ms};
      TRY(row_add(in, &one, &added, err));
      TRY(rows_below(in, order[c], added, least, err));
    }
  }
  if (rest.count > 0)
    TRY(row_add(in, &rest, &added, err));
  if (end == DS_NONE)
    return DS_OK;
  rest.touchpoint = DS_PATHS_END;
  rest.count = tree->node[end].count;
  return row_add(in, &rest, &added, err);
}

ds_code ds_paths_rows(const ds_paths_tree *tree, ds_arena *arena, ds_paths_row **ret_rows,
                      uint32_t *ret_count, ds_error *err) {
  const ds_paths *asked = tree->asked;
  tree_order in = {.tree = tree, .names = &asked->request->snapshot->space.touchpoints,
                   .arena = arena};
  TRY(order_make(&in, err));
  for (uint32_t g = 0; g < (asked->grouped ? asked->by.groups : 1u); g++) {
    const ds_paths_node *root = &tree->node[g];
    uint32_t added = 0;
    if (root->count == 0)
      continue;
    assert(root->parent == DS_NONE);
    const ds_paths_row one = {.parent = DS_NONE, .group = g, .count = root->count};
    TRY(row_add(&in, &one, &added, err));
    const double least = asked->min_share * (double)root->count;
    TRY(rows_below(&in, g, added, (uint64_t)least + ((double)(uint64_t)least < least), err));
  }
  *ret_rows = in.row;
  *ret_count = in.count;
  return DS_OK;
}
