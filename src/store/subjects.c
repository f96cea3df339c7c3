// SPDX-License-Identifier: Apache-2.0
#include "store/subjects.h"

#include <assert.h>

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

ds_code ds_part_block_subjects(const ds_part *part, uint32_t block, ds_block_reader *reader,
                               const uint32_t **ret_customers, const uint64_t **ret_hashes,
                               ds_error *err) {
  ds_block out;
  TRY(ds_part_block_ids(part, block, 0, reader, &out, err));
  const uint32_t column = ds_part_column(part, DS_COLUMN_SUBJECT_HASH, 0);
  if (column == DS_NONE)
    return ds_fail(err, DS_CORRUPT, "part %llu has no subjects",
                   (unsigned long long)part->info.number);
  ds_reader in;
  ds_stream stream;
  TRY(ds_part_chunk(part, column, block, &reader->chunk, &in, err));
  const ds_block_task task = {.part = part, .block = block};
  if (!ds_stream_next(&in, &stream) || !ds_decode_ints(&stream, out.journeys, reader->ints))
    return ds_block_unsound(&task, column, err);
  *ret_customers = out.customer;
  *ret_hashes = reader->ints;
  return DS_OK;
}

// The first query whose hash is not below `hash`.
static uint32_t first_query(const ds_event_query *queries, uint32_t count, uint64_t hash) {
  uint32_t low = 0, high = count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (queries[middle].hash < hash)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// Answers the queries of one block whose subjects stand in it.
static void answer(const ds_block *ids, ds_event_query *queries, uint32_t count) {
  for (uint32_t j = 0; j < ids->journeys; j++) {
    const uint64_t hash = ds_subject_hash(ids->subject[j]);
    for (uint32_t q = first_query(queries, count, hash);
         q < count && queries[q].hash == hash; q++) {
      if (!ds_str_equal(queries[q].subject, ids->subject[j]))
        continue;
      for (uint32_t e = ids->offset[j]; e < ids->offset[j + 1]; e++)
        queries[q].found = queries[q].found || ids->id[e] == queries[q].id;
    }
  }
}

// The queries of one partition against its blocks in the part.
static ds_code find_in_partition(const ds_part *part, ds_event_query *queries, uint32_t count,
                                 ds_block_reader *reader, ds_error *err) {
  uint32_t first, end;
  ds_part_partition_blocks(part, ds_subject_partition(queries[0].hash), &first, &end);
  for (uint32_t b = first; b < end; b++) {
    const uint32_t *customers;
    const uint64_t *hashes;
    TRY(ds_part_block_subjects(part, b, reader, &customers, &hashes, err));
    bool any = false;
    for (uint32_t j = 0; j < part->zone[b].journeys && !any; j++) {
      const uint32_t q = first_query(queries, count, hashes[j]);
      any = q < count && queries[q].hash == hashes[j];
    }
    if (!any)
      continue;
    ds_block ids;
    TRY(ds_part_block_ids(part, b, DS_WANT_SUBJECT | DS_WANT_ID, reader, &ids, err));
    answer(&ids, queries, count);
  }
  return DS_OK;
}

ds_code ds_part_find_events(const ds_part *part, ds_event_query *queries, uint32_t count,
                            ds_block_reader *reader, ds_error *err) {
  for (uint32_t q = 0; q < count;) {
    const uint32_t partition = ds_subject_partition(queries[q].hash);
    uint32_t n = 1;
    while (q + n < count && ds_subject_partition(queries[q + n].hash) == partition)
      n++;
    TRY(find_in_partition(part, queries + q, n, reader, err));
    q += n;
  }
  return DS_OK;
}
