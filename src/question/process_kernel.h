// SPDX-License-Identifier: Apache-2.0
// The kernel of the process map: one pass over blocks that counts every directly-follows edge with
// its sum, least and greatest gap, and, as asked, the cases it occurs in and what exact quantiles
// need. A quantile is found without sorting: each edge has two windows of gaps (for the median and
// for the 90th percentile) that a sample promised to hold the ranks asked for; the pass counts the
// gaps below each window and keeps those inside. Without windows all gaps are kept. May use base/
// to scan/. Invariants: every figure is a sum, minimum, maximum or multiset over the events, so
// none depends on the order of blocks or merges.
#ifndef DS_QUESTION_PROCESS_KERNEL_H
#define DS_QUESTION_PROCESS_KERNEL_H

#include <assert.h>

#include "base/sum.h"
#include "model/time.h"
#include "question/breakdown.h"
#include "scan/scan.h"

// The part of a kept gap's index that names the edge.
#define PROCESS_EDGE_MASK ((1u << PROCESS_WINDOW_SHIFT) - 1)

// How much is counted, each level with what stands before it.
typedef enum process_level { PROCESS_BASIC, PROCESS_CASES, PROCESS_ALL } process_level;

// Sizes that the loops are laid out for.
enum {
  PROCESS_TILE = 1024, // events; 1024 x the greatest gap (1.73e16 ms) still fits uint64
  PROCESS_CHUNK = 170 * 1024, // kept gaps: just below 2 MiB, see base/large.h
  PROCESS_DENSE_MAX = 1u << 18,
  PROCESS_QUANTILES = 2, // the median and the 90th percentile
  PROCESS_WINDOW_SHIFT = 29, // of the windows' bits beside an edge's index
};

// An edge of group g from row r to touchpoint t has the key (g * (T + 1) + r) * T + t; row T holds
// the starts of cases. T is at least the number of touchpoints.
typedef struct process_shape {
  uint32_t touchpoints; // T
  uint32_t groups;
  bool dense; // keys index the edge table directly
} process_shape;

// The gaps g of an edge with low <= g < high, per quantile. An edge that is thought to have one gap
// only, v, has empty windows at v and v + 1: its gaps are counted between them, none is kept.
typedef struct process_window {
  uint64_t key;
  int64_t low[PROCESS_QUANTILES];
  int64_t high[PROCESS_QUANTILES];
} process_window;

// What the kernel is asked to do; read-only while it runs.
typedef struct process_context {
  process_shape shape;
  process_level level;
  const ds_breakdown *by; // NULL: one group
  const process_window *windows;
  uint32_t windows_count; // 0: keep every gap
  size_t kept_bytes_max;  // for kept gaps, per state
} process_context;

// Running figures of one edge since the last flush, two cache lines. range is max - min, so that
// one comparison finds a gap outside [min, max]. zone counts gaps by how they compare with the
// windows: bit q is set below window q, bit PROCESS_QUANTILES + q below its end.
typedef struct process_edge {
  uint64_t sum;
  int64_t min;
  uint64_t range;
  uint32_t cases;
  uint32_t last_case;
  int64_t low[PROCESS_QUANTILES];
  int64_t high[PROCESS_QUANTILES];
  uint32_t zone[1 << 2 * PROCESS_QUANTILES];
} process_edge;

static_assert(sizeof(process_edge) == 128, "an edge fills two cache lines");

// Totals of one edge.
typedef struct process_total {
  ds_sum128 sum;
  uint64_t count;
  uint64_t cases;
  uint64_t below[PROCESS_QUANTILES]; // gaps below each window
  uint64_t under[PROCESS_QUANTILES]; // gaps below its end
} process_total;

// One touchpoint of one group.
typedef struct process_node {
  uint32_t cases; // since the last flush
  uint32_t last_case;
} process_node;

// Kept gaps, in no order.
typedef struct process_chunk {
  struct process_chunk *next;
  uint32_t used;
  // Of the edge; bit PROCESS_WINDOW_SHIFT + q: the gap is inside window q.
  uint32_t index[PROCESS_CHUNK];
  int64_t gap[PROCESS_CHUNK];
} process_chunk;

// One thread's state, or the merged one.
typedef struct process_state {
  const process_context *context;
  ds_arena *arena;
  process_edge *edges;
  process_total *totals;
  uint64_t *keys; // of the edges, when not dense
  uint32_t edges_count;
  uint32_t edges_capacity;
  ds_map64 map; // key -> edge, when not dense
  process_node *nodes; // groups * touchpoints
  uint64_t *node_cases;
  uint64_t *ends;
  uint64_t cases;
  uint64_t *group_cases;
  uint64_t events;
  process_chunk *kept;
  size_t kept_bytes;
  bool kept_overflow; // some gaps inside windows were not kept
  uint32_t case_last; // number of the latest case; 0 = none yet
  uint64_t unflushed_events;
  uint64_t unflushed_sum; // no edge's sum exceeds it
  uint32_t *group;        // of the block's journeys
  uint32_t group_capacity;
  uint32_t index[PROCESS_TILE];
  uint32_t node[PROCESS_TILE];
  uint16_t kept_at[PROCESS_TILE];
} process_state;

// The row of the kernel table, and its parts for tests and benchmarks.
extern const ds_kernel ds_process_kernel;

// The key of an edge index.
static inline uint64_t process_key(const process_state *state, uint32_t index) {
  return state->context->shape.dense ? index : state->keys[index];
}

// The edge of a key, or DS_NONE.
uint32_t ds_process_find(const process_state *state, uint64_t key);

// Moves running figures into totals; call before reading totals.
void ds_process_flush(process_state *state);

// The shape for so many touchpoints and groups.
process_shape ds_process_shape_of(uint32_t touchpoints, uint32_t groups);

#endif
