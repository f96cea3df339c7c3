// SPDX-License-Identifier: Apache-2.0
#include "store/key_holders.h"

#include <stdlib.h>

#include "base/pool.h"
#include "store/identity.h"
#include "store/subjects.h"

// A block to be looked through.
typedef struct holder_block {
  uint32_t place, block;
} holder_block;

// What one thread has found.
typedef struct holder_thread {
  ds_block_reader *reader;
  uint32_t customer[DS_HOLDERS_MAX + 1]; // one too many says that there are more
  uint32_t count;
} holder_thread;

typedef struct search {
  const ds_snapshot *snapshot;
  uint64_t hash;
  const uint16_t *keys;
  uint32_t keys_count;
  holder_block *blocks;
  uint32_t blocks_count;
  holder_thread *threads;
} search;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for the values of a case key");
}

// The column of a key's hashes in a part; DS_NONE: no event of the part has the key.
static uint32_t column_of(const ds_place *place, uint16_t key) {
  const uint32_t count = ds_part_space(place->part)->keys.count;
  for (uint32_t k = 0; k < count; k++)
    if (place->key[k] == key)
      return ds_part_column(place->part, DS_COLUMN_KEY_HASH, (uint16_t)k);
  return DS_NONE;
}

// Adds a customer of journey `journey` of a block.
static ds_code take(const search *in, holder_thread *own, const holder_block *at,
                    uint32_t journey, ds_error *err) {
  ds_block block;
  if (own->count > DS_HOLDERS_MAX)
    return DS_OK;
  TRY(ds_part_block_ids(in->snapshot->places[at->place].part, at->block, 0, own->reader, &block,
                        err));
  own->customer[own->count++] =
      ds_identity_customer(in->snapshot->identity, block.customer[journey]);
  return DS_OK;
}

// Looks for the hash among the values of one key, which stand journey by journey.
static ds_code search_column(const search *in, holder_thread *own, const holder_block *at,
                             uint32_t column, ds_error *err) {
  const ds_part *part = in->snapshot->places[at->place].part;
  const ds_block_task task = {.part = part, .block = at->block, .reader = own->reader};
  const uint32_t journeys = part->zone[at->block].journeys;
  ds_arena arena;
  ds_reader bytes;
  ds_stream stream;
  TRY(ds_part_chunk(part, column, at->block, &own->reader->chunk_too, &bytes, err));
  if (bytes.at == bytes.end)
    return DS_OK;
  ds_arena_init(&arena, (size_t)1 << 30);
  uint32_t *counts = ds_arena_array(&arena, (size_t)journeys + 1, sizeof *counts);
  uint64_t values = 0, *hashes = NULL;
  bool sound = counts != NULL && ds_stream_next(&bytes, &stream) &&
               ds_decode_codes(&stream, journeys, &arena, counts);
  for (uint32_t j = 0; j < journeys && sound; j++)
    values += counts[j];
  // Not more than its bytes could be of.
  sound = sound && values <= (uint64_t)part->zone[at->block].events * DS_EVENT_KEYS_MAX &&
          ds_stream_next(&bytes, &stream);
  if (sound)
    hashes = ds_arena_array(&arena, values + 1, sizeof *hashes);
  sound = hashes != NULL && ds_decode_ints(&stream, (uint32_t)values, hashes);
  ds_code code = sound          ? DS_OK
                 : arena.refused ? no_memory(err)
                                 : ds_block_unsound(&task, column, err);
  for (uint32_t j = 0, v = 0; j < journeys && code == DS_OK; j++) {
    bool has = false;
    for (const uint32_t end = v + counts[j]; v < end; v++)
      has = has || hashes[v] == in->hash;
    if (has)
      code = take(in, own, at, j, err);
  }
  ds_arena_done(&arena);
  return code;
}

static ds_code search_block(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  const search *in = context;
  holder_thread *own = &in->threads[thread];
  const holder_block *at = &in->blocks[job];
  for (uint32_t k = 0; k < in->keys_count; k++) {
    const uint32_t column = column_of(&in->snapshot->places[at->place], in->keys[k]);
    if (column != DS_NONE)
      TRY(search_column(in, own, at, column, err));
  }
  return DS_OK;
}

static bool list_blocks(search *in) {
  uint32_t count = 0;
  for (uint32_t p = 0; p < in->snapshot->places_count; p++)
    count += ds_part_get_info(in->snapshot->places[p].part)->blocks;
  in->blocks = malloc(((size_t)count + 1) * sizeof *in->blocks);
  for (uint32_t p = 0; p < in->snapshot->places_count && in->blocks != NULL; p++)
    for (uint32_t b = 0; b < ds_part_get_info(in->snapshot->places[p].part)->blocks; b++)
      in->blocks[in->blocks_count++] = (holder_block){p, b};
  return in->blocks != NULL;
}

static ds_code search_all(search *in, uint32_t threads, ds_error *err) {
  in->threads = calloc(threads, sizeof *in->threads);
  bool ready = in->threads != NULL && list_blocks(in);
  for (uint32_t t = 0; t < threads && ready; t++) {
    in->threads[t].reader = ds_block_reader_new();
    ready = in->threads[t].reader != NULL;
  }
  const ds_code code =
      ready ? ds_parallel(threads, in->blocks_count, search_block, in, NULL, err) : no_memory(err);
  for (uint32_t t = 0; t < threads && in->threads != NULL; t++)
    ds_block_reader_free(in->threads[t].reader);
  free(in->blocks);
  return code;
}

static int by_number(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

ds_code ds_snapshot_holders(const ds_snapshot *snapshot, uint64_t hash, const uint16_t *keys,
                             uint32_t keys_count, uint32_t threads, ds_arena *arena,
                             uint32_t **ret_customers, uint32_t *ret_count, bool *ret_all,
                             ds_error *err) {
  search in = {.snapshot = snapshot, .hash = hash, .keys = keys, .keys_count = keys_count};
  const uint32_t most = threads * (DS_HOLDERS_MAX + 1);
  uint32_t *list = ds_arena_array(arena, (size_t)most * 2, sizeof *list);
  uint32_t count = 0, kept = 0;
  bool all = true;
  ds_code code = list == NULL ? no_memory(err) : search_all(&in, threads, err);
  for (uint32_t t = 0; t < threads && code == DS_OK; t++) {
    all = all && in.threads[t].count <= DS_HOLDERS_MAX;
    memcpy(list + count, in.threads[t].customer, in.threads[t].count * sizeof *list);
    count += in.threads[t].count;
  }
  free(in.threads);
  TRY(code);
  if (count > 1)
    qsort(list, count, sizeof *list, by_number);
  for (uint32_t i = 0; i < count; i++)
    if (i == 0 || list[i] != list[kept - 1])
      list[kept++] = list[i];
  *ret_customers = list;
  *ret_count = kept;
  *ret_all = all && kept <= DS_HOLDERS_MAX;
  return DS_OK;
}
