// SPDX-License-Identifier: Apache-2.0
#include "store/subjects.h"

#include <assert.h>
#include <stdlib.h>

void ds_part_partition_blocks(const ds_part *part, uint32_t partition, uint32_t *ret_first,
                              uint32_t *ret_end) {
  const uint32_t low = partition << DS_ORDINAL_BITS;
  const uint32_t high = low | ((1u << DS_ORDINAL_BITS) - 1);
  uint32_t first = 0;
  while (first < part->info.blocks && part->zone[first].customer_last < low)
    first++;
  uint32_t end = first;
  while (end < part->info.blocks && part->zone[end].customer_first <= high)
    end++;
  *ret_first = first;
  *ret_end = end;
}

ds_code ds_part_block_ids(const ds_part *part, uint32_t block, uint32_t want,
                          ds_block_reader *reader, ds_block *ret_block, ds_error *err) {
  assert((want & ~(uint32_t)(DS_WANT_SUBJECT | DS_WANT_ID | DS_WANT_IMPORT)) == 0);
  // None of these columns holds names, so the place needs no maps.
  const ds_place place = {.part = (ds_part *)(uintptr_t)part};
  const ds_columns columns = {.want = want};
  return ds_part_read_block(&place, block, &columns, reader, ret_block, err);
}

ds_code ds_part_block_hashes(const ds_part *part, uint32_t block, uint32_t want,
                             ds_block_reader *reader, ds_block *ret_block,
                             const uint64_t **ret_hashes, ds_error *err) {
  TRY(ds_part_block_ids(part, block, want, reader, ret_block, err));
  const uint32_t column = ds_part_column(part, DS_COLUMN_SUBJECT_HASH, 0);
  if (column == DS_NONE)
    return ds_fail(err, DS_CORRUPT, "part %llu has no subjects",
                   (unsigned long long)part->info.number);
  ds_reader in;
  ds_stream stream;
  // Texts of the block may stand in the other buffer.
  TRY(ds_part_chunk(part, column, block, &reader->chunk_too, &in, err));
  const ds_block_task task = {.part = part, .block = block, .reader = reader};
  if (!ds_stream_next(&in, &stream) ||
      !ds_decode_ints(&stream, ret_block->journeys, reader->ints))
    return ds_block_unsound(&task, column, err);
  *ret_hashes = reader->ints;
  return DS_OK;
}

ds_code ds_part_block_subjects(const ds_part *part, uint32_t block, ds_block_reader *reader,
                               const uint32_t **ret_customers, const uint64_t **ret_hashes,
                               ds_error *err) {
  ds_block out;
  TRY(ds_part_block_hashes(part, block, 0, reader, &out, ret_hashes, err));
  *ret_customers = out.customer;
  return DS_OK;
}

// The first query whose hash is not below `hash`.
static uint32_t first_query(ds_event_query *const *queries, uint32_t count, uint64_t hash) {
  uint32_t low = 0, high = count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (queries[middle]->hash < hash)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// A query and a journey of its hash that has its id; its text is still to be compared.
typedef struct match {
  uint32_t query;
  uint32_t journey;
} match;

static ds_code match_ids(const ds_part *part, uint32_t block, ds_event_query *const *queries,
                         uint32_t count, ds_block_reader *reader, match **matches,
                         uint32_t *ret_count, ds_error *err) {
  ds_block ids;
  const uint64_t *hashes;
  uint32_t matched = 0, capacity = 0;
  TRY(ds_part_block_hashes(part, block, DS_WANT_ID, reader, &ids, &hashes, err));
  for (uint32_t j = 0; j < ids.journeys; j++) {
    for (uint32_t q = first_query(queries, count, hashes[j]);
         q < count && queries[q]->hash == hashes[j]; q++) {
      uint32_t e = ids.offset[j];
      while (e < ids.offset[j + 1] && ids.id[e] != queries[q]->id)
        e++;
      if (e == ids.offset[j + 1])
        continue;
      if (matched == capacity) {
        capacity = capacity * 2 + 16;
        match *moved = realloc(*matches, capacity * sizeof *moved);
        if (moved == NULL)
          return ds_fail(err, DS_MEMORY, "out of memory for a batch");
        *matches = moved;
      }
      (*matches)[matched++] = (match){q, j};
    }
  }
  *ret_count = matched;
  return DS_OK;
}

ds_code ds_part_find_events(const ds_part *part, uint32_t block, ds_event_query *const *queries,
                            uint32_t count, ds_block_reader *reader, ds_error *err) {
  match *matches = NULL;
  uint32_t matched = 0;
  ds_block texts = {.journeys = 0};
  ds_code code = match_ids(part, block, queries, count, reader, &matches, &matched, err);
  // The texts take longest to read, and are wanted for true duplicates only.
  if (code == DS_OK && matched > 0)
    code = ds_part_block_ids(part, block, DS_WANT_SUBJECT, reader, &texts, err);
  for (uint32_t m = 0; m < matched && code == DS_OK; m++) {
    ds_event_query *query = queries[matches[m].query];
    query->found =
        query->found || ds_str_equal(query->subject, texts.subject[matches[m].journey]);
  }
  free(matches);
  return code;
}
