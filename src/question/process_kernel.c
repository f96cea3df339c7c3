// SPDX-License-Identifier: Apache-2.0
// See process_kernel.h. Per tile of 1,024 events: edge keys by one flat pass over the touchpoints,
// the keys at case starts replaced by keys of the start row (so no pair crosses two cases), then
// the inner loop of the level. Sums are 64 bits wide between flushes; a running bound on them says
// when a flush into 128 bits is due.
#include "question/process_kernel.h"

#include <stdlib.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "base/large.h"

#define CASE_START 0x80000000u

// Flush long before 32-bit counters can overflow.
#define EVENTS_UNFLUSHED_MAX (1u << 31)

static __attribute__((noinline, cold)) void widen(process_edge *edge, int64_t gap) {
  assert(gap >= 0);
  if (edge->min == INT64_MAX) {
    edge->min = gap;
    return;
  }
  const int64_t max = edge->min + (int64_t)edge->range;
  const int64_t min = gap < edge->min ? gap : edge->min;
  edge->range = (uint64_t)((gap > max ? gap : max) - min);
  edge->min = min;
}

// The zone of a gap, see process_edge.
static inline uint32_t zone_of(const process_edge *edge, const int64_t *gap) {
  return (uint32_t)(*gap < edge->low[0]) | (uint32_t)(*gap < edge->low[1]) << 1 |
         (uint32_t)(*gap < edge->high[0]) << 2 | (uint32_t)(*gap < edge->high[1]) << 3;
}

#ifdef __x86_64__
#define WIDE __attribute__((target("avx2,bmi,bmi2")))

// The same: all four comparisons at once.
static inline WIDE uint32_t zone_of_wide(const process_edge *edge, const int64_t *gap) {
  static_assert(offsetof(process_edge, high) == offsetof(process_edge, low) + 16, "one vector");
  const __m256i bounds = _mm256_load_si256((const __m256i *)edge->low);
  const __m256i gaps = _mm256_broadcastq_epi64(_mm_loadl_epi64((const __m128i *)gap));
  const __m256i less = _mm256_cmpgt_epi64(bounds, gaps);
  return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(less));
}
#endif

// Bit z tells whether zone z lies inside a window: below its end and not below it.
#define INSIDE_A_WINDOW 0x7bdeu

#define TILE_OF(level) tile_##level
#define TILE_TARGET
#define TILE_ZONE zone_of
#include "question/process_tiles.inc.h"
#undef TILE_OF
#undef TILE_TARGET
#undef TILE_ZONE

#ifdef __x86_64__
// The same loops with three-operand instructions, for machines that have them.
#define TILE_OF(level) tile_##level##_wide
#define TILE_TARGET WIDE
#define TILE_ZONE zone_of_wide
#include "question/process_tiles.inc.h"
#undef TILE_OF
#undef TILE_TARGET
#undef TILE_ZONE
#endif

typedef uint32_t (*tile_function)(process_edge *restrict, process_node *restrict,
                                  const uint32_t *restrict, const uint32_t *restrict,
                                  const int64_t *restrict, uint32_t, uint32_t,
                                  uint16_t *restrict, uint32_t *restrict);

static const tile_function tiles[] = {tile_basic, tile_cases, tile_all};

// The loop of a level for this machine.
static tile_function tile_of(process_level level) {
#ifdef __x86_64__
  static const tile_function wide[] = {tile_basic_wide, tile_cases_wide, tile_all_wide};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("bmi2"))
    return wide[level];
#endif
  return tiles[level];
}

process_shape ds_process_shape_of(uint32_t touchpoints, uint32_t groups) {
  assert(groups > 0);
  // Edges that follow one another in many cases lie a row and a column apart, and must not fall
  // onto the same lines of the cache.
  while (touchpoints % 16 == 0 || touchpoints % 16 == 15)
    touchpoints++;
  const uint64_t entries = (uint64_t)groups * (touchpoints + 1) * touchpoints;
  return (process_shape){touchpoints, groups, entries <= PROCESS_DENSE_MAX};
}

static bool is_start_key(const process_shape *shape, uint64_t key) {
  return key / shape->touchpoints % (shape->touchpoints + 1) == shape->touchpoints;
}

// An edge nobody has seen yet keeps all its gaps; the start row has none.
static void edge_reset(process_edge *edge, bool start) {
  *edge = (process_edge){.min = INT64_MAX};
  for (uint32_t q = 0; q < PROCESS_QUANTILES; q++)
    edge->high[q] = start ? 0 : INT64_MAX;
}

static ds_code edges_reserve(process_state *state, uint32_t more, ds_error *err) {
  if (state->edges_count + more <= state->edges_capacity)
    return DS_OK;
  const uint32_t capacity = (state->edges_count + more) * 2;
  process_edge *edges = aligned_alloc(sizeof *edges, capacity * sizeof *edges);
  if (edges == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the edges of the process map");
  if (state->edges_count > 0)
    memcpy(edges, state->edges, state->edges_count * sizeof *edges);
  free(state->edges);
  state->edges = edges;
  process_total *totals = realloc(state->totals, capacity * sizeof *totals);
  if (totals == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the edges of the process map");
  state->totals = totals;
  uint64_t *keys = realloc(state->keys, capacity * sizeof *keys);
  if (keys == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the edges of the process map");
  state->keys = keys;
  state->edges_capacity = capacity;
  return DS_OK;
}

static void edge_new(process_state *state, uint64_t key) {
  assert(state->edges_count < state->edges_capacity);
  const uint32_t at = state->edges_count++;
  assert(at <= PROCESS_EDGE_MASK);
  edge_reset(&state->edges[at], is_start_key(&state->context->shape, key));
  state->totals[at] = (process_total){0};
  state->keys[at] = key;
}

// The edge of a key, made when new; room was reserved by the caller.
static ds_code edge_of(process_state *state, uint64_t key, uint32_t *ret_index, ds_error *err) {
  if (state->context->shape.dense) {
    assert(key < state->edges_count);
    *ret_index = (uint32_t)key;
    return DS_OK;
  }
  uint32_t *slot = ds_map64_put(&state->map, key);
  if (slot == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the edges of the process map");
  if (*slot == DS_NONE) {
    *slot = state->edges_count;
    edge_new(state, key);
  }
  *ret_index = *slot;
  return DS_OK;
}

uint32_t ds_process_find(const process_state *state, uint64_t key) {
  if (!state->context->shape.dense)
    return ds_map64_get(&state->map, key);
  return key < state->edges_count ? (uint32_t)key : DS_NONE;
}

static ds_code windows_set(process_state *state, ds_error *err) {
  const process_context *context = state->context;
  TRY(edges_reserve(state, context->windows_count, err));
  for (uint32_t w = 0; w < context->windows_count; w++) {
    const process_window *window = &context->windows[w];
    uint32_t at = 0;
    TRY(edge_of(state, window->key, &at, err));
    memcpy(state->edges[at].low, window->low, sizeof window->low);
    memcpy(state->edges[at].high, window->high, sizeof window->high);
  }
  return DS_OK;
}

static ds_code kernel_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  process_state *state = memory;
  state->context = context;
  state->arena = arena;
  ds_map64_init(&state->map);
  const process_shape *shape = &state->context->shape;
  const size_t nodes = (size_t)shape->groups * shape->touchpoints;
  state->nodes = ds_arena_array(arena, nodes, sizeof *state->nodes);
  state->node_cases = ds_arena_array(arena, nodes, sizeof *state->node_cases);
  state->ends = ds_arena_array(arena, nodes, sizeof *state->ends);
  state->group_cases = ds_arena_array(arena, shape->groups, sizeof *state->group_cases);
  if (!state->nodes || !state->node_cases || !state->ends || !state->group_cases)
    return ds_fail(err, DS_MEMORY, "out of memory for the nodes of the process map");
  if (shape->dense) {
    const uint32_t entries = shape->groups * (shape->touchpoints + 1) * shape->touchpoints;
    TRY(edges_reserve(state, entries, err));
    for (uint32_t key = 0; key < entries; key++)
      edge_new(state, key);
  }
  return windows_set(state, err);
}

void ds_process_flush(process_state *state) {
  for (uint32_t i = 0; i < state->edges_count; i++) {
    process_edge *edge = &state->edges[i];
    process_total *total = &state->totals[i];
    total->sum += edge->sum;
    total->cases += edge->cases;
    for (uint32_t z = 0; z < 1u << 2 * PROCESS_QUANTILES; z++) {
      total->count += edge->zone[z];
      for (uint32_t q = 0; q < PROCESS_QUANTILES; q++) {
        total->below[q] += (z >> q & 1) * (uint64_t)edge->zone[z];
        total->under[q] += (z >> (PROCESS_QUANTILES + q) & 1) * (uint64_t)edge->zone[z];
      }
      edge->zone[z] = 0;
    }
    edge->sum = edge->cases = 0;
  }
  const size_t nodes = (size_t)state->context->shape.groups * state->context->shape.touchpoints;
  for (size_t i = 0; i < nodes; i++) {
    state->node_cases[i] += state->nodes[i].cases;
    state->nodes[i].cases = 0;
  }
  state->unflushed_events = state->unflushed_sum = 0;
}

// Case numbers start again at 1; only between blocks, because a case must keep its number.
static void cases_restart(process_state *state) {
  ds_process_flush(state);
  for (uint32_t i = 0; i < state->edges_count; i++)
    state->edges[i].last_case = 0;
  const size_t nodes = (size_t)state->context->shape.groups * state->context->shape.touchpoints;
  for (size_t i = 0; i < nodes; i++)
    state->nodes[i].last_case = 0;
  state->case_last = 0;
}

static void flush_when_due(process_state *state, const int64_t *restrict gap, uint32_t count) {
  // An OR is an upper bound within a factor of two and, unlike a maximum, plain SSE2 has it.
  uint64_t lane[8] = {0};
  uint32_t at = 0;
  for (; at + 8 <= count; at += 8)
    for (uint32_t k = 0; k < 8; k++)
      lane[k] |= (uint64_t)gap[at + k];
  uint64_t bits = 0;
  for (; at < count; at++)
    bits |= (uint64_t)gap[at];
  for (uint32_t k = 0; k < 8; k++)
    bits |= lane[k];
  assert(bits <= INT64_MAX);
  if (bits > 2ull * DS_TIME_MAX_MS)
    bits = 2ull * DS_TIME_MAX_MS;
  const uint64_t more = bits * count;
  if (state->unflushed_sum > UINT64_MAX - more ||
      state->unflushed_events > EVENTS_UNFLUSHED_MAX)
    ds_process_flush(state);
  state->unflushed_sum += more;
  state->unflushed_events += count;
}

// Room for one tile of kept gaps; past the budget the newest chunk is written over, which loses
// gaps and says so.
static ds_code kept_reserve(process_state *state, ds_error *err) {
  process_chunk *chunk = state->kept;
  if (chunk != NULL && chunk->used + PROCESS_TILE <= PROCESS_CHUNK)
    return DS_OK;
  if (chunk != NULL && state->kept_bytes + sizeof *chunk > state->context->kept_bytes_max) {
    state->kept_overflow = true;
    chunk->used = 0;
    return DS_OK;
  }
  chunk = ds_large_alloc(sizeof *chunk);
  if (chunk == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the gaps of the process map");
  chunk->used = 0;
  chunk->next = state->kept;
  state->kept = chunk;
  state->kept_bytes += sizeof *chunk;
  return DS_OK;
}

// Keys of the pairs (at[i - 1], at[i]) and the touchpoints themselves, as if all were one case.
static void pair_keys(const uint16_t *restrict at, uint32_t i, uint32_t count,
                      uint32_t touchpoints, uint32_t *restrict index, uint32_t *restrict node) {
#ifdef __SSE2__
  // One multiply-add of 16-bit halves makes a key: before * touchpoints + current * 1.
  static_assert(DS_TOUCHPOINTS_MAX <= INT16_MAX, "codes fit signed 16 bits");
  const __m128i factors = _mm_set1_epi32((int)(touchpoints | 1u << 16));
  const __m128i zero = _mm_setzero_si128();
  for (; i + 8 <= count; i += 8) {
    const __m128i before = _mm_loadu_si128((const __m128i *)(at + i - 1));
    const __m128i current = _mm_loadu_si128((const __m128i *)(at + i));
    const __m128i low = _mm_unpacklo_epi16(before, current);
    const __m128i high = _mm_unpackhi_epi16(before, current);
    _mm_storeu_si128((__m128i *)(index + i), _mm_madd_epi16(low, factors));
    _mm_storeu_si128((__m128i *)(index + i + 4), _mm_madd_epi16(high, factors));
    _mm_storeu_si128((__m128i *)(node + i), _mm_unpacklo_epi16(current, zero));
    _mm_storeu_si128((__m128i *)(node + i + 4), _mm_unpackhi_epi16(current, zero));
  }
#endif
  for (; i < count; i++) {
    index[i] = at[i - 1] * touchpoints + at[i];
    node[i] = at[i];
  }
}

// Edge keys of events [first, first + count); those of case starts are mended by the caller.
static void tile_keys(const uint16_t *touchpoint, uint32_t first, uint32_t count,
                      uint32_t touchpoints, uint32_t *index, uint32_t *node) {
  if (first > 0) {
    // The first pair reaches back into the tile before.
    index[0] = touchpoint[first - 1] * touchpoints + touchpoint[first];
  } else {
    index[0] = touchpoint[0];
  }
  node[0] = touchpoint[first];
  pair_keys(touchpoint + first, 1, count, touchpoints, index, node);
}

// Copies the gaps of a tile that lie inside windows to where they are kept.
static void keep(process_state *state, const int64_t *restrict gap, uint32_t kept) {
  process_chunk *chunk = state->kept;
  for (uint32_t k = 0; k < kept; k++) {
    const uint32_t i = state->kept_at[k], at = state->index[i] & ~CASE_START;
    const process_edge *edge = &state->edges[at];
    uint32_t windows = 0;
    for (uint32_t q = 0; q < PROCESS_QUANTILES; q++)
      windows |= (uint32_t)(gap[i] >= edge->low[q] && gap[i] < edge->high[q]) << q;
    chunk->index[chunk->used] = at | windows << PROCESS_WINDOW_SHIFT;
    chunk->gap[chunk->used++] = gap[i];
  }
}

// Moves the keys of a grouped tile into their groups' ranges.
static void tile_groups(process_state *state, const ds_block *block, uint32_t first,
                        uint32_t count, uint32_t journey) {
  const uint32_t touchpoints = state->context->shape.touchpoints;
  const bool dense = state->context->shape.dense;
  for (uint32_t j = journey, i = 0; i < count; j++) {
    const uint32_t group = state->group[j];
    const uint32_t last = block->offset[j + 1];
    const uint32_t end = last < first + count ? last - first : count;
    for (; i < end; i++) {
      state->node[i] += group * touchpoints;
      if (dense)
        state->index[i] += group * touchpoints * (touchpoints + 1);
    }
  }
}

// Replaces keys by edge indexes where keys are too many for a table.
static ds_code tile_hash(process_state *state, uint32_t count, const ds_block *block,
                         uint32_t first, uint32_t journey, ds_error *err) {
  const process_shape *shape = &state->context->shape;
  TRY(edges_reserve(state, count, err));
  uint32_t j = journey;
  for (uint32_t i = 0; i < count; i++) {
    while (block->offset[j + 1] <= first + i)
      j++;
    const bool start = (state->index[i] & CASE_START) != 0;
    const uint64_t group = state->context->by == NULL ? 0 : state->group[j];
    const uint64_t row = start ? shape->touchpoints : block->node[first + i - 1];
    const uint64_t key = (group * (shape->touchpoints + 1) + row) * shape->touchpoints +
                         block->node[first + i];
    uint32_t at = 0;
    TRY(edge_of(state, key, &at, err));
    state->index[i] = at | (start ? CASE_START : 0);
  }
  return DS_OK;
}

// One tile; *journey is the first journey that starts at or after `first` - and after the call, at
// or after its end.
static ds_code add_tile(process_state *state, const ds_block *block, uint32_t first,
                        uint32_t count, uint32_t *journey, ds_error *err) {
  const uint32_t touchpoints = state->context->shape.touchpoints;
  tile_keys(block->node, first, count, touchpoints, state->index, state->node);
  uint32_t j = *journey;
  const uint32_t open = j > 0 && (j == block->journeys || block->offset[j] > first) ? j - 1 : j;
  const uint32_t row = touchpoints * touchpoints;
  const uint32_t *restrict offset = block->offset;
  for (const uint32_t end = first + count; j < block->journeys && offset[j] < end; j++)
    state->index[offset[j] - first] = (row + block->node[offset[j]]) | CASE_START;
  *journey = j;
  if (state->context->by != NULL)
    tile_groups(state, block, first, count, open);
  if (!state->context->shape.dense)
    TRY(tile_hash(state, count, block, first, open, err));
  const int64_t *gap = block->gap_ms + first;
  flush_when_due(state, gap, count);
  if (state->context->level == PROCESS_ALL)
    TRY(kept_reserve(state, err));
  uint32_t kept = 0;
  state->case_last = tile_of(state->context->level)(state->edges, state->nodes, state->index,
                                                    state->node, gap, count, state->case_last,
                                                    state->kept_at, &kept);
  keep(state, gap, kept);
  return DS_OK;
}

static void count_journeys(process_state *state, const ds_block *block) {
  const uint32_t touchpoints = state->context->shape.touchpoints;
  const uint32_t *restrict offset = block->offset;
  const uint16_t *restrict touchpoint = block->node;
  uint64_t *restrict ends = state->ends;
  state->cases += block->journeys;
  state->events += block->events;
  if (state->context->by == NULL) {
    state->group_cases[0] += block->journeys;
    for (uint32_t j = 0; j < block->journeys; j++)
      ends[touchpoint[offset[j + 1] - 1]]++;
    return;
  }
  for (uint32_t j = 0; j < block->journeys; j++) {
    const uint32_t group = state->group[j];
    assert(group < state->context->shape.groups);
    ends[group * touchpoints + touchpoint[offset[j + 1] - 1]]++;
    state->group_cases[group]++;
  }
}

static ds_code kernel_add_block(void *memory, const ds_block *block, ds_error *err) {
  process_state *state = memory;
  if (block->events == 0)
    return DS_OK;
  assert(block->offset[block->journeys] == block->events);
  if (state->context->by != NULL)
    TRY(ds_breakdown_groups(state->context->by, block, &state->group, &state->group_capacity,
                            err));
  if (state->case_last > EVENTS_UNFLUSHED_MAX)
    cases_restart(state);
  count_journeys(state, block);
  uint32_t journey = 0;
  for (uint32_t first = 0; first < block->events; first += PROCESS_TILE) {
    const uint32_t left = block->events - first;
    const uint32_t count = left < PROCESS_TILE ? left : PROCESS_TILE;
    TRY(add_tile(state, block, first, count, &journey, err));
  }
  assert(journey == block->journeys);
  return DS_OK;
}

static void edge_merge(process_state *into, uint32_t at, process_state *from, uint32_t i) {
  process_total *total = &into->totals[at];
  const process_total *other = &from->totals[i];
  total->sum += other->sum;
  total->count += other->count;
  total->cases += other->cases;
  for (uint32_t q = 0; q < PROCESS_QUANTILES; q++) {
    total->below[q] += other->below[q];
    total->under[q] += other->under[q];
  }
  const process_edge *edge = &from->edges[i];
  if (other->count == 0)
    return;
  if (into->edges[at].min == INT64_MAX) {
    into->edges[at].min = edge->min;
    into->edges[at].range = edge->range;
    return;
  }
  widen(&into->edges[at], edge->min);
  widen(&into->edges[at], edge->min + (int64_t)edge->range);
}

static void kept_take(process_state *into, process_state *from, const uint32_t *renumber) {
  while (from->kept != NULL) {
    process_chunk *chunk = from->kept;
    from->kept = chunk->next;
    for (uint32_t i = 0; renumber != NULL && i < chunk->used; i++)
      chunk->index[i] = renumber[chunk->index[i] & PROCESS_EDGE_MASK] |
                        (chunk->index[i] & ~PROCESS_EDGE_MASK);
    chunk->next = into->kept;
    into->kept = chunk;
  }
  into->kept_bytes += from->kept_bytes;
  into->kept_overflow |= from->kept_overflow;
}

static void nodes_merge(process_state *into, const process_state *from) {
  const process_shape *shape = &into->context->shape;
  for (uint32_t i = 0; i < shape->groups * shape->touchpoints; i++) {
    into->node_cases[i] += from->node_cases[i];
    into->ends[i] += from->ends[i];
  }
  for (uint32_t g = 0; g < shape->groups; g++)
    into->group_cases[g] += from->group_cases[g];
  into->cases += from->cases;
  into->events += from->events;
}

static ds_code kernel_merge(void *memory, void *other, ds_error *err) {
  process_state *into = memory;
  process_state *from = other;
  assert(into->context == from->context);
  ds_process_flush(into);
  ds_process_flush(from);
  uint32_t *renumber = NULL;
  if (!into->context->shape.dense) {
    renumber = ds_arena_array(into->arena, from->edges_count + 1u, sizeof *renumber);
    if (renumber == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for the edges of the process map");
    TRY(edges_reserve(into, from->edges_count, err));
  }
  for (uint32_t i = 0; i < from->edges_count; i++) {
    uint32_t at = 0;
    TRY(edge_of(into, process_key(from, i), &at, err));
    edge_merge(into, at, from, i);
    if (renumber != NULL)
      renumber[i] = at;
  }
  nodes_merge(into, from);
  kept_take(into, from, renumber);
  return DS_OK;
}

static void kernel_done(void *memory) {
  process_state *state = memory;
  free(state->edges);
  free(state->totals);
  free(state->keys);
  free(state->group);
  ds_map64_done(&state->map);
  while (state->kept != NULL) {
    process_chunk *chunk = state->kept;
    state->kept = chunk->next;
    free(chunk);
  }
  state->edges = NULL;
  state->totals = NULL;
  state->keys = NULL;
  state->group = NULL;
}

const ds_kernel ds_process_kernel = {"process", sizeof(process_state), kernel_init,
                                     kernel_add_block, kernel_merge, kernel_done};
