// SPDX-License-Identifier: Apache-2.0
// The validator of a part (I9, P1-P3): used by `doorstep check`, tests and fuzzers.
#include <stdio.h>
#include <stdlib.h>

#include "store/subjects.h"

typedef struct check_task {
  const ds_part *part;
  ds_block_reader *reader;
  void (*each)(void *context, uint32_t block, const char *what);
  void *context;
  uint32_t block;
} check_task;

static void tell(const check_task *t, const char *what) {
  t->each(t->context, t->block, what);
}

// P1 and P2 of one decoded block.
static void check_order(const check_task *t, const ds_block *b) {
  const ds_block_zone *zone = &t->part->zone[t->block];
  int64_t low = b->time_ms[0], high = low;
  for (uint32_t j = 0; j < b->journeys; j++)
    for (uint32_t e = b->offset[j]; e < b->offset[j + 1]; e++) {
      low = b->time_ms[e] < low ? b->time_ms[e] : low;
      high = b->time_ms[e] > high ? b->time_ms[e] : high;
      if (e > b->offset[j] &&
          (b->time_ms[e] < b->time_ms[e - 1] ||
           (b->time_ms[e] == b->time_ms[e - 1] && b->arrival[e] < b->arrival[e - 1]))) {
        tell(t, "events are not in order");
        return;
      }
    }
  if (low != zone->time_min_ms || high != zone->time_max_ms)
    tell(t, "the block's times differ from its zone");
  if (b->customer[0] != zone->customer_first ||
      b->customer[b->journeys - 1] != zone->customer_last)
    tell(t, "the block's customers differ from its zone");
  uint64_t seen[64] = {0};
  for (uint32_t e = 0; e < b->events; e++)
    seen[b->touchpoint[e] / 64] |= 1ULL << (b->touchpoint[e] % 64);
  for (uint32_t w = 0; w < t->part->presence_words; w++)
    if (seen[w] != t->part->presence[(size_t)t->block * t->part->presence_words + w])
      tell(t, "the block's touchpoints differ from its zone");
}

// P3: every chunk, also those that no question reads; and that each subject has the hash of its
// text.
static ds_code check_chunks(const check_task *t, ds_error *err) {
  ds_buf bytes;
  ds_buf_init(&bytes, UINT32_MAX);
  ds_code code = DS_OK;
  for (uint32_t c = 0; code == DS_OK && c < t->part->columns; c++) {
    ds_reader in;
    code = ds_part_chunk(t->part, c, t->block, &bytes, &in, err);
  }
  ds_buf_done(&bytes);
  return code;
}

static ds_code check_subjects(const check_task *t, ds_error *err) {
  const uint32_t *customers;
  const uint64_t *found;
  const uint32_t journeys = t->part->zone[t->block].journeys;
  TRY(ds_part_block_subjects(t->part, t->block, t->reader, &customers, &found, err));
  uint64_t *hashes = malloc((size_t)journeys * sizeof *hashes);
  if (hashes == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for checking a part");
  memcpy(hashes, found, (size_t)journeys * sizeof *hashes);
  ds_block block;
  const ds_code code =
      ds_part_block_ids(t->part, t->block, DS_WANT_SUBJECT, t->reader, &block, err);
  bool equal = true;
  for (uint32_t j = 0; code == DS_OK && j < journeys; j++)
    equal = equal && hashes[j] == ds_subject_hash(block.subject[j]) &&
            ds_subject_partition(hashes[j]) == block.customer[j] >> DS_ORDINAL_BITS;
  if (!equal)
    tell(t, "a subject is not what its hash says");
  free(hashes);
  return code;
}

static ds_code check_block(const check_task *t, const ds_place *place, ds_error *err) {
  TRY(check_chunks(t, err));
  TRY(check_subjects(t, err));
  const ds_columns columns = {.want = DS_WANT_TIME | DS_WANT_TOUCHPOINT | DS_WANT_ARRIVAL};
  ds_block block;
  TRY(ds_part_read_block(place, t->block, &columns, t->reader, &block, err));
  check_order(t, &block);
  ds_buf rows;
  ds_buf_init(&rows, (size_t)8 << 30);
  ds_code code = ds_part_read_rows(place, t->block, 0, block.journeys, t->reader, &rows, err);
  ds_buf_done(&rows);
  return code;
}

// A place whose codes are the part's own.
static ds_code own_place(const ds_part *part, ds_arena *arena, ds_place *place, ds_error *err) {
  *place = (ds_place){.part = (ds_part *)(uintptr_t)part};
  uint16_t *all = ds_arena_array(arena, (size_t)DS_NAMES_MAX + 1, sizeof *all);
  if (all == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for checking a part");
  for (uint32_t i = 0; i <= DS_NAMES_MAX; i++)
    all[i] = (uint16_t)i;
  place->touchpoint = place->property = place->key = place->source = all;
  return DS_OK;
}

ds_code ds_part_check(const ds_part *part,
                      void (*each)(void *context, uint32_t block, const char *what),
                      void *context, ds_error *err) {
  ds_arena arena;
  ds_arena_init(&arena, 1u << 20);
  ds_place place;
  check_task t = {.part = part, .each = each, .context = context};
  t.reader = ds_block_reader_new();
  ds_code code = t.reader == NULL ? ds_fail(err, DS_MEMORY, "out of memory for checking a part")
                                  : own_place(part, &arena, &place, err);
  for (; code == DS_OK && t.block < part->info.blocks; t.block++) {
    ds_error problem = {0};
    const ds_code found = check_block(&t, &place, &problem);
    if (found == DS_CORRUPT)
      tell(&t, problem.message);
    else if (found != DS_OK)
      code = ds_fail(err, found, "%s", problem.message);
  }
  ds_block_reader_free(t.reader);
  ds_arena_done(&arena);
  return code;
}
