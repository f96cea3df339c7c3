// SPDX-License-Identifier: Apache-2.0
// What the files of `paths` share: what was asked, the tree of what came next, and the one walk
// that counting and listing have in common. Private to question/. May use base/ to scan/.
#ifndef DS_QUESTION_PATHS_H
#define DS_QUESTION_PATHS_H

#include "base/map.h"
#include "base/sum.h"
#include "question/breakdown.h"
#include "question/marks.h"
#include "question/question.h"

// Limits, and the codes of nodes that are no touchpoint of the snapshot.
enum {
  DS_PATHS_DEPTH_MAX = 20,
  DS_PATHS_CHILDREN_MAX = 100,
  DS_PATHS_END = UINT16_MAX,       // nothing comes next
  DS_PATHS_OTHER = UINT16_MAX - 1, // what is too rare to stand by itself; never in a tree
};

// Which of a case's anchors count. In the order of the choices of --anchor.
typedef enum ds_paths_anchor { DS_PATHS_FIRST, DS_PATHS_LAST, DS_PATHS_EACH } ds_paths_anchor;

// What is asked; read-only while a scan runs.
typedef struct ds_paths {
  const ds_request *request;
  ds_plan plan;
  const ds_expression *mark[2]; // the anchor; where a path ends that runs between two
  uint32_t marks;
  bool backward;                // what came before the anchor
  ds_paths_anchor anchor;
  bool collapse;                // immediate repeats are one step
  uint32_t depth;
  uint32_t children;            // next steps shown by themselves
  double min_share;             // of all anchors
  ds_breakdown by;
  bool grouped;
  uint32_t nodes_max;
} ds_paths;

// One path from an anchor: the steps' touchpoints and events, DS_PATHS_END the last of them when
// the case has no more (its event is the one before).
typedef struct ds_path {
  uint32_t count;
  uint16_t touchpoint[DS_PATHS_DEPTH_MAX];
  uint32_t event[DS_PATHS_DEPTH_MAX];
} ds_path;

// A node of the tree. The first nodes are the roots, one of each group.
typedef struct ds_paths_node {
  uint32_t parent; // DS_NONE: a root
  uint16_t touchpoint;
  uint16_t depth;
  uint64_t count;
  ds_sum128 gap_ms; // from the step before
} ds_paths_node;

// The merged state of a scan; parents stand before their children.
typedef struct ds_paths_tree {
  const ds_paths *asked;
  ds_paths_node *node;
  uint32_t count;
  uint32_t capacity;
  ds_map64 child; // parent << 16 | touchpoint -> node
  uint64_t unreached; // anchors from which nothing led to the end asked for
  ds_marks marks;
  uint32_t *group;
  uint32_t group_capacity;
} ds_paths_tree;

// Reads the options into *asked, zeroed but for the request: all but the breakdown and the columns
// that the marks read.
DS_CHECKED ds_code ds_paths_read(ds_paths *asked, ds_error *err);

// The row of the kernel table.
extern const ds_kernel ds_paths_kernel;

// Takes one path of a journey: its anchor, NULL when it does not reach the end asked for.
typedef ds_code (*ds_paths_take)(void *to, uint32_t anchor, const ds_path *path, ds_error *err);

// Calls `take` for the anchors of journey j that count.
DS_CHECKED ds_code ds_paths_walk(const ds_paths *asked, const ds_marks *marks,
                                 const ds_block *block, uint32_t j, ds_paths_take take, void *to,
                                 ds_error *err);

// One row of the table: a node, or what is left of its parent's children.
typedef struct ds_paths_row {
  uint32_t parent;     // row, DS_NONE: a root
  uint32_t group;
  uint16_t depth;
  uint16_t touchpoint; // or DS_PATHS_END, DS_PATHS_OTHER
  uint64_t count;
  ds_sum128 gap_ms;
} ds_paths_row;

// The rows of the tree, each parent before its children, these by count, then name, the rest and
// the end last; in `arena`.
DS_CHECKED ds_code ds_paths_rows(const ds_paths_tree *tree, ds_arena *arena,
                                 ds_paths_row **ret_rows, uint32_t *ret_count, ds_error *err);

// --list: the figures that can be listed, into *result; what one of them counted.
void ds_paths_listable(const ds_paths *asked, ds_result *result);
DS_CHECKED ds_code ds_paths_list(const ds_paths *asked, const ds_paths_row *rows, uint32_t count,
                                 const char *text, ds_result *result, ds_error *err);

// The name of the column that counts: cases, or occurrences of the anchor.
const char *ds_paths_unit(const ds_paths *asked);

#endif
