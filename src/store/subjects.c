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

// Whether journey `journey` of a block is of `subject` and has an event `id`.
static ds_code journey_has(const ds_part *part, uint32_t block, uint32_t journey, ds_str subject,
                           uint64_t id, ds_block_reader *reader, bool *ret_has, ds_error *err) {
  ds_block ids;
  TRY(ds_part_block_ids(part, block, DS_WANT_SUBJECT | DS_WANT_ID, reader, &ids, err));
  bool has = false;
  for (uint32_t e = ids.offset[journey]; e < ids.offset[journey + 1]; e++)
    has = has || ids.id[e] == id;
  *ret_has = has && ds_str_equal(ids.subject[journey], subject);
  return DS_OK;
}

static ds_code find_event(const ds_part *part, uint64_t hash, ds_str subject, uint64_t id,
                          ds_block_reader *reader, bool *ret_has, ds_error *err) {
  uint32_t first, end;
  ds_part_partition_blocks(part, ds_subject_partition(hash), &first, &end);
  for (uint32_t b = first; b < end; b++) {
    const uint32_t *customers;
    const uint64_t *hashes;
    TRY(ds_part_block_subjects(part, b, reader, &customers, &hashes, err));
    for (uint32_t j = 0; j < part->zone[b].journeys; j++) {
      if (hashes[j] != hash)
        continue;
      TRY(journey_has(part, b, j, subject, id, reader, ret_has, err));
      if (*ret_has)
        return DS_OK;
      // The reader's arrays were reused: the rest of this block is looked at anew.
      TRY(ds_part_block_subjects(part, b, reader, &customers, &hashes, err));
    }
  }
  *ret_has = false;
  return DS_OK;
}

ds_code ds_part_has_event(const ds_part *part, uint64_t subject_hash, ds_str subject, uint64_t id,
                          bool *ret_has, ds_error *err) {
  ds_block_reader *reader = ds_block_reader_new();
  if (reader == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for looking up an event");
  bool has = false;
  const ds_code code = find_event(part, subject_hash, subject, id, reader, &has, err);
  ds_block_reader_free(reader);
  if (code == DS_OK)
    *ret_has = has;
  return code;
}
