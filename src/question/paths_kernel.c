// SPDX-License-Identifier: Apache-2.0
// See paths.h.
#include <assert.h>
#include <stdlib.h>

#include "base/resize.h"
#include "question/paths.h"

enum { ANCHOR, TARGET };

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for paths: give more --memory");
}

static ds_code node_add(ds_paths_tree *tree, const ds_paths_node *node, uint32_t *ret_node,
                        ds_error *err) {
  if (tree->count >= tree->asked->nodes_max)
    return ds_fail(err, DS_MEMORY, "more than %u different paths: lower --depth, give --collapse, "
                   "narrow --where or give more --memory", tree->count);
  if (tree->count == tree->capacity) {
    const uint32_t capacity = tree->capacity * 2 + 256;
    if (!ds_resize(&tree->node, capacity, sizeof *tree->node))
      return no_memory(err);
    tree->capacity = capacity;
  }
  tree->node[tree->count] = *node;
  *ret_node = tree->count++;
  return DS_OK;
}

static ds_code child_of(ds_paths_tree *tree, uint32_t parent, uint16_t touchpoint,
                        uint32_t *ret_child, ds_error *err) {
  uint32_t *slot = ds_map64_put(&tree->child, (uint64_t)parent << 16 | touchpoint);
  if (slot == NULL)
    return no_memory(err);
  if (*slot == DS_NONE) {
    const ds_paths_node node = {.parent = parent, .touchpoint = touchpoint,
                                .depth = (uint16_t)(tree->node[parent].depth + 1)};
    TRY(node_add(tree, &node, slot, err));
  }
  *ret_child = *slot;
  return DS_OK;
}

static ds_code tree_init(void *memory, const void *given, ds_arena *arena, ds_error *err) {
  (void)arena;
  ds_paths_tree *tree = memory;
  const ds_paths *asked = given;
  uint32_t root;
  tree->asked = asked;
  ds_map64_init(&tree->child);
  for (uint32_t g = 0; g < (asked->grouped ? asked->by.groups : 1u); g++)
    TRY(node_add(tree, &(ds_paths_node){.parent = DS_NONE}, &root, err));
  return ds_marks_init(&tree->marks, asked->mark, asked->marks, &asked->plan.columns, err);
}

static void tree_done(void *memory) {
  ds_paths_tree *tree = memory;
  ds_marks_done(&tree->marks);
  ds_map64_done(&tree->child);
  free(tree->node);
  free(tree->group);
  tree->node = NULL;
  tree->group = NULL;
}

// The event after `event` in the direction asked for, DS_NONE past the journey's last.
static uint32_t step_on(const ds_paths *asked, const ds_block *block, uint32_t j, uint32_t event) {
  if (asked->backward)
    return event == block->offset[j] ? DS_NONE : event - 1;
  return event + 1 == block->offset[j + 1] ? DS_NONE : event + 1;
}

static bool is_marked(const uint64_t *row, uint32_t event) {
  return (row[event / 64] >> (event % 64) & 1) != 0;
}

// The path from an anchor; false when it is to reach an end and does not.
static bool path_make(const ds_paths *asked, const ds_marks *marks, const ds_block *block,
                      uint32_t j, uint32_t anchor, ds_path *path) {
  const uint64_t *target = asked->marks > 1 ? marks->row[TARGET] : NULL;
  uint16_t last = block->touchpoint[anchor];
  bool reached = false;
  uint32_t before = anchor, event = step_on(asked, block, j, anchor);
  path->count = 0;
  for (; event != DS_NONE && !reached && (path->count < asked->depth || target != NULL);
       before = event, event = step_on(asked, block, j, event)) {
    reached = target != NULL && is_marked(target, event);
    const bool again = asked->collapse && block->touchpoint[event] == last && !reached;
    last = block->touchpoint[event];
    if (again || path->count == asked->depth)
      continue;
    path->touchpoint[path->count] = last;
    path->event[path->count++] = event;
  }
  if (event == DS_NONE && !reached && path->count < asked->depth) {
    path->touchpoint[path->count] = DS_PATHS_END;
    path->event[path->count++] = before;
  }
  return target == NULL || reached;
}

ds_code ds_paths_walk(const ds_paths *asked, const ds_marks *marks, const ds_block *block,
                      uint32_t j, ds_paths_take take, void *to, ds_error *err) {
  const uint64_t *anchors = marks->row[ANCHOR];
  const uint32_t end = block->offset[j + 1];
  uint32_t anchor = ds_marks_next(anchors, block->offset[j], end);
  for (uint32_t next; anchor < end; anchor = next) {
    next = ds_marks_next(anchors, anchor + 1, end);
    if (asked->anchor == DS_PATHS_LAST && next < end)
      continue;
    ds_path path;
    const bool reached = path_make(asked, marks, block, j, anchor, &path);
    TRY(take(to, anchor, reached ? &path : NULL, err));
    if (asked->anchor == DS_PATHS_FIRST)
      break;
  }
  return DS_OK;
}

// A path being counted under its group's root.
typedef struct tally {
  ds_paths_tree *tree;
  const ds_block *block;
  uint32_t root;
} tally;

static ds_code tally_take(void *to, uint32_t anchor, const ds_path *path, ds_error *err) {
  tally *at = to;
  ds_paths_tree *tree = at->tree;
  if (path == NULL) {
    tree->unreached++;
    return DS_OK;
  }
  uint32_t node = at->root;
  int64_t time_ms = at->block->time_ms[anchor];
  tree->node[node].count++;
  for (uint32_t s = 0; s < path->count; s++) {
    const int64_t then_ms = at->block->time_ms[path->event[s]];
    TRY(child_of(tree, node, path->touchpoint[s], &node, err));
    tree->node[node].count++;
    tree->node[node].gap_ms += then_ms > time_ms ? then_ms - time_ms : time_ms - then_ms;
    time_ms = then_ms;
  }
  return DS_OK;
}

static ds_code tree_add(void *memory, const ds_block *block, ds_error *err) {
  ds_paths_tree *tree = memory;
  TRY(ds_marks_run(&tree->marks, block, err));
  if (tree->asked->grouped)
    TRY(ds_breakdown_groups(&tree->asked->by, block, &tree->group, &tree->group_capacity, err));
  for (uint32_t j = 0; j < block->journeys; j++) {
    tally at = {tree, block, tree->asked->grouped ? tree->group[j] : 0};
    TRY(ds_paths_walk(tree->asked, &tree->marks, block, j, tally_take, &at, err));
  }
  return DS_OK;
}

static ds_code tree_merge(void *memory, void *other, ds_error *err) {
  ds_paths_tree *into = memory;
  const ds_paths_tree *from = other;
  uint32_t *place = malloc((from->count + 1u) * sizeof *place);
  ds_code code = place == NULL ? no_memory(err) : DS_OK;
  into->unreached += from->unreached;
  for (uint32_t n = 0; n < from->count && code == DS_OK; n++) {
    const ds_paths_node *node = &from->node[n];
    place[n] = n; // of a root
    if (node->parent != DS_NONE)
      code = child_of(into, place[node->parent], node->touchpoint, &place[n], err);
    if (code != DS_OK)
      break;
    into->node[place[n]].count += node->count;
    into->node[place[n]].gap_ms += node->gap_ms;
  }
  free(place);
  return code;
}

const ds_kernel ds_paths_kernel = {"paths",  sizeof(ds_paths_tree), tree_init,
                                   tree_add, tree_merge,            tree_done};
