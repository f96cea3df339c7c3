// SPDX-License-Identifier: Apache-2.0
// The inner loop of the process map, included once per level with TILE_NAME, TILE_CASES and
// TILE_WINDOWS set, for the instructions of TILE_TARGET. `index` holds the edge of each event,
// its top bit set where a case starts. Pure arithmetic over arrays: it knows nothing of blocks,
// groups or memory.
static TILE_TARGET uint32_t TILE_NAME(
    process_edge *restrict edges, process_node *restrict nodes, const uint32_t *restrict index,
    const uint32_t *restrict node, const int64_t *restrict gap, uint32_t count,
    uint32_t case_last, process_chunk *restrict kept) {
#if TILE_WINDOWS
  uint32_t used = kept->used;
  assert(used + count <= PROCESS_CHUNK);
#else
  (void)kept;
#endif
#if !TILE_CASES
  (void)nodes;
  (void)node;
#endif
  assert(count <= PROCESS_TILE);
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t at = index[i] & ~CASE_START;
    process_edge *edge = &edges[at];
    const int64_t g = gap[i];
    edge->sum += (uint64_t)g;
    if (__builtin_expect((uint64_t)g - (uint64_t)edge->min > edge->range, 0))
      widen(edge, g);
#if TILE_CASES
    case_last += index[i] >> 31;
    const uint64_t first = edge->last_case != case_last;
    edge->count_cases += 1 + (first << 32);
    edge->last_case = case_last;
    const process_node touched = nodes[node[i]];
    nodes[node[i]] =
        (process_node){touched.cases + (touched.last_case != case_last), case_last};
#else
    edge->count_cases++;
#endif
#if TILE_WINDOWS
    // Written always, kept only when inside a window: no branch to mispredict.
    const uint32_t windows = window_step(edge, (float)g);
    kept->index[used] = at | windows << PROCESS_WINDOW_SHIFT;
    kept->gap[used] = g;
    used += windows != 0;
#endif
  }
#if TILE_WINDOWS
  kept->used = used;
#endif
  return case_last;
}
