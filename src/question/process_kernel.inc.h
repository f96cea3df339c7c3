// SPDX-License-Identifier: Apache-2.0
// The inner loop of the process map, included once per level with TILE_NAME, TILE_CASES and
// TILE_WINDOWS set, for the instructions of TILE_TARGET. `index` holds the edge of each event,
// its top bit set where a case starts. Pure arithmetic over arrays: it knows nothing of blocks,
// groups or memory.
static TILE_TARGET uint32_t TILE_NAME(
    process_edge *restrict edges, process_node *restrict nodes, const uint32_t *restrict index,
    const uint32_t *restrict node, const int64_t *restrict gap, uint32_t count,
    uint32_t case_last, uint16_t *restrict kept, uint32_t *restrict ret_kept) {
#if !TILE_CASES
  (void)nodes;
  (void)node;
#endif
  uint32_t used = 0;
  assert(count <= PROCESS_TILE);
  for (uint32_t i = 0; i < count; i++) {
    process_edge *edge = &edges[index[i] & ~CASE_START];
    const int64_t g = gap[i];
    edge->sum += (uint64_t)g;
    if (__builtin_expect((uint64_t)g - (uint64_t)edge->min > edge->range, 0))
      widen(edge, g);
#if TILE_CASES
    case_last += index[i] >> 31;
    edge->cases += edge->last_case != case_last;
    edge->last_case = case_last;
    process_node *touched = &nodes[node[i]];
    touched->cases += touched->last_case != case_last;
    touched->last_case = case_last;
#endif
#if TILE_WINDOWS
    const uint32_t zone = TILE_ZONE(edge, &gap[i]);
    edge->zone[zone]++;
    // Written always, kept only when inside a window: no branch to mispredict.
    kept[used] = (uint16_t)i;
    used += (INSIDE_A_WINDOW >> zone) & 1;
#else
    edge->zone[0]++;
#endif
  }
#if TILE_WINDOWS
  *ret_kept = used;
#else
  (void)kept;
  (void)ret_kept;
  (void)used;
#endif
  return case_last;
}
