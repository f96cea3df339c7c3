// SPDX-License-Identifier: Apache-2.0
// See spans.h. A kernel around the kernel: its state holds the hashes in chunks, then the inner
// state. They are counted by dividing them by their upper bits into buckets that fit the nearest
// cache, with a small hash table for each.
#include "question/spans.h"

#include <assert.h>
#include <stdlib.h>

#include "base/large.h"

// Of the request's memory a sixteenth may hold hashes; counting takes as much again.
enum { SHARE = 16, CHUNK_HASHES = 32 * 1024 - 8, BUCKET_HASHES = 2048, BUCKET_BITS_MAX = 16 };

typedef struct span_chunk {
  struct span_chunk *next;
  uint32_t used;
  uint64_t hash[CHUNK_HASHES];
} span_chunk;

typedef struct span_context {
  const ds_kernel *kernel;
  const void *context;
  size_t bytes_max; // of one state
} span_context;

typedef struct span_state {
  const span_context *context;
  span_chunk *chunks;
  uint64_t count;
  size_t bytes;
  bool overflow;
} span_state;

// Where the inner state begins.
enum { INNER = 64 };
static_assert(sizeof(span_state) <= INNER, "the inner state begins behind");

static void *inner_of(span_state *state) { return (char *)state + INNER; }

static void chunks_free(span_state *state) {
  while (state->chunks != NULL) {
    span_chunk *chunk = state->chunks;
    state->chunks = chunk->next;
    free(chunk);
  }
  state->bytes = state->count = 0;
}

static ds_code span_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  span_state *state = memory;
  state->context = context;
  return state->context->kernel->init(inner_of(state), state->context->context, arena, err);
}

// Past the budget, or without memory, nothing is kept: the answer then says so.
static span_chunk *chunk_new(span_state *state) {
  span_chunk *chunk = NULL;
  if (state->bytes + sizeof *chunk <= state->context->bytes_max)
    chunk = malloc(sizeof *chunk);
  if (chunk == NULL) {
    chunks_free(state);
    state->overflow = true;
    return NULL;
  }
  chunk->next = state->chunks;
  chunk->used = 0;
  state->chunks = chunk;
  state->bytes += sizeof *chunk;
  return chunk;
}

static void keep(span_state *state, const uint64_t *hash, uint32_t count) {
  for (uint32_t at = 0; at < count && !state->overflow;) {
    span_chunk *chunk = state->chunks;
    if (chunk == NULL || chunk->used == CHUNK_HASHES)
      chunk = chunk_new(state);
    if (chunk == NULL)
      return;
    const uint32_t room = CHUNK_HASHES - chunk->used, left = count - at;
    const uint32_t some = room < left ? room : left;
    memcpy(chunk->hash + chunk->used, hash + at, some * sizeof *hash);
    chunk->used += some;
    at += some;
    state->count += some;
  }
}

static ds_code span_add(void *memory, const ds_block *block, ds_error *err) {
  span_state *state = memory;
  assert(block->case_hash != NULL);
  keep(state, block->case_hash, block->journeys);
  return state->context->kernel->add_block(inner_of(state), block, err);
}

static ds_code span_merge(void *memory, void *other, ds_error *err) {
  span_state *into = memory;
  span_state *from = other;
  into->overflow |= from->overflow;
  while (from->chunks != NULL) {
    span_chunk *chunk = from->chunks;
    from->chunks = chunk->next;
    chunk->next = into->chunks;
    into->chunks = chunk;
  }
  into->count += from->count;
  into->bytes += from->bytes;
  return into->context->kernel->merge(inner_of(into), inner_of(from), err);
}

static void span_done(void *memory) {
  span_state *state = memory;
  chunks_free(state);
  if (state->context->kernel->done != NULL)
    state->context->kernel->done(inner_of(state));
}

// Counts one bucket in `table`, which has `slots` (a power of two, more than count). A slot is 0
// when free, else a hash without its lowest bit, which tells that the hash came again.
static void count_bucket(const uint64_t *restrict hash, uint64_t count, uint64_t *restrict table,
                         uint64_t slots, uint64_t *values, uint64_t *shared) {
  assert(count < slots);
  memset(table, 0, slots * sizeof *table);
  for (uint64_t i = 0; i < count; i++) {
    const uint64_t key = (hash[i] & ~1ull) | 2;
    uint64_t at = (key >> 2) & (slots - 1);
    while (table[at] != 0 && (table[at] & ~1ull) != key)
      at = (at + 1) & (slots - 1);
    *values += table[at] == 0;
    *shared += table[at] == key;
    table[at] = table[at] == 0 ? key : key | 1;
  }
}

// Puts the hashes into buckets by their upper bits; first[] has one entry more than buckets.
static void divide(const uint64_t *restrict hash, uint64_t count, uint32_t bits,
                   uint64_t *restrict first, uint64_t *restrict room) {
  const uint32_t shift = 64 - bits;
  for (uint64_t i = 0; i < count; i++)
    first[(hash[i] >> shift) + 2]++;
  for (uint64_t b = 0; b < 1ull << bits; b++)
    first[b + 2] += first[b + 1];
  for (uint64_t i = 0; i < count; i++)
    room[first[(hash[i] >> shift) + 1]++] = hash[i];
}

bool ds_spans_count(const uint64_t *hashes, uint64_t count, uint64_t *room, uint64_t *ret_values,
                    uint64_t *ret_shared) {
  uint32_t bits = 1;
  while (bits < BUCKET_BITS_MAX && count >> bits > BUCKET_HASHES)
    bits++;
  const uint64_t buckets = 1ull << bits;
  uint64_t *first = calloc(buckets + 2, sizeof *first);
  if (first == NULL)
    return false;
  divide(hashes, count, bits, first, room);
  uint64_t largest = 0;
  for (uint64_t b = 0; b < buckets; b++)
    largest = first[b + 1] - first[b] > largest ? first[b + 1] - first[b] : largest;
  uint64_t slots = 64;
  while (slots < 2 * largest)
    slots *= 2;
  uint64_t *table = malloc(slots * sizeof *table);
  uint64_t values = 0, shared = 0;
  for (uint64_t b = 0; table != NULL && b < buckets; b++)
    count_bucket(room + first[b], first[b + 1] - first[b], table, slots, &values, &shared);
  const bool done = table != NULL;
  free(table);
  free(first);
  *ret_values = values;
  *ret_shared = shared;
  return done;
}

static int compare_hashes(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

ds_code ds_spans_shared(const uint64_t *hashes, uint64_t count, ds_map64 *shared, ds_error *err) {
  uint64_t *sorted = ds_large_alloc((count + 1) * sizeof *sorted);
  ds_code code = DS_OK;
  if (sorted == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for shared cases: give more --memory");
  if (count > 0)
    memcpy(sorted, hashes, count * sizeof *sorted);
  qsort(sorted, count, sizeof *sorted, compare_hashes);
  for (uint64_t i = 1; i < count && code == DS_OK; i++) {
    uint32_t *slot = sorted[i] == sorted[i - 1] ? ds_map64_put(shared, sorted[i]) : NULL;
    if (slot != NULL)
      *slot = 1;
    else if (sorted[i] == sorted[i - 1])
      code = ds_fail(err, DS_MEMORY, "out of memory for shared cases: give more --memory");
  }
  free(sorted);
  return code;
}

// All chunks counted; false without memory.
static bool count_chunks(const span_state *state, uint64_t *ret_values, uint64_t *ret_shared) {
  uint64_t *all = ds_large_alloc((state->count + 1) * sizeof *all);
  uint64_t *room = ds_large_alloc((state->count + 1) * sizeof *room);
  uint64_t used = 0;
  for (const span_chunk *chunk = state->chunks; all != NULL && chunk != NULL;
       chunk = chunk->next) {
    memcpy(all + used, chunk->hash, chunk->used * sizeof *all);
    used += chunk->used;
  }
  const bool done = all != NULL && room != NULL &&
                    ds_spans_count(all, used, room, ret_values, ret_shared);
  assert(all == NULL || used == state->count);
  free(all);
  free(room);
  return done;
}

static void note(const ds_request *request, const span_state *state, ds_result *result) {
  const char *key = ds_option_get(&request->options, "case");
  uint64_t values = 0, shared = 0;
  if (state->overflow || !count_chunks(state, &values, &shared)) {
    ds_result_note(result, true, "Whether values of %s occur with more than one customer was not "
                   "checked: that needs more --memory.", key);
    return;
  }
  char some[32], all[32];
  if (shared > 0)
    ds_result_note(result, true, "%s of %s values of %s occur with more than one customer; each "
                   "customer's part was counted as a case of its own.",
                   ds_human_count(some, shared), ds_human_count(all, values), key);
}

ds_code ds_spans_scan(const ds_request *request, const ds_plan *plan, const ds_kernel *kernel,
                      const void *context, ds_arena *arena, ds_result *result, void **ret_state,
                      ds_error *err) {
  if (!plan->has_case)
    return ds_scan(request->snapshot, plan, kernel, context, arena, ret_state, err);
  const uint32_t threads = plan->threads == 0 ? 1 : plan->threads;
  const span_context outer_context = {kernel, context,
                                      request->memory_bytes / SHARE / threads};
  const ds_kernel outer = {kernel->name, INNER + kernel->state_size, span_init,
                           span_add,     span_merge,                 span_done};
  void *memory = NULL;
  TRY(ds_scan(request->snapshot, plan, &outer, &outer_context, arena, &memory, err));
  span_state *state = memory;
  note(request, state, result);
  chunks_free(state);
  *ret_state = inner_of(state);
  return DS_OK;
}
