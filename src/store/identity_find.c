// SPDX-License-Identifier: Apache-2.0
// Looking subjects up in a snapshot, by text and by number.
#include "model/identifier.h"
#include "store/identity_facts.h"
#include "store/identity_names.h"
#include "store/subjects.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for who is whom: give more --memory");
}

static bool any_known(const ds_snapshot *snapshot, const ds_block *block, uint32_t j) {
  bool known = ds_identity_knows_all(snapshot);
  for (uint32_t e = block->offset[j]; !known && e < block->offset[j + 1]; e++)
    known = ds_identity_is_known(snapshot, block, e);
  return known;
}

// Looks for the subject among the journeys of one block.
static ds_code find_in_block(const ds_snapshot *snapshot, const ds_place *place, uint32_t b,
                             ds_str subject, ds_block_reader *reader, uint32_t *number,
                             ds_error *err) {
  const uint64_t hash = ds_subject_hash(subject);
  const uint32_t journeys = ds_part_zone(place->part, b)->journeys;
  const uint32_t *customers;
  const uint64_t *hashes;
  TRY(ds_part_block_subjects(place->part, b, reader, &customers, &hashes, err));
  uint32_t j = 0;
  while (j < journeys && hashes[j] != hash)
    j++;
  if (j == journeys)
    return DS_OK;
  const ds_columns columns = {.want = DS_WANT_SUBJECT | ds_identity_want_known(snapshot)};
  ds_block block;
  TRY(ds_part_read_block(place, b, &columns, reader, &block, err));
  for (; j < journeys; j++)
    if (ds_str_equal(block.subject[j], subject) && any_known(snapshot, &block, j))
      *number = block.customer[j];
  return DS_OK;
}

ds_code ds_identity_number(const ds_snapshot *snapshot, ds_str subject, uint32_t *ret_number,
                           ds_error *err) {
  const uint32_t partition = ds_subject_partition(ds_subject_hash(subject));
  uint32_t number = DS_NONE;
  ds_code code = DS_OK;
  ds_block_reader *reader = ds_block_reader_new();
  if (reader == NULL)
    return no_memory(err);
  for (uint32_t p = 0; p < snapshot->places_count && code == DS_OK && number == DS_NONE; p++) {
    const ds_place *place = &snapshot->places[p];
    uint32_t first, end;
    ds_part_partition_blocks(place->part, partition, &first, &end);
    for (uint32_t b = first; b < end && code == DS_OK && number == DS_NONE; b++)
      code = find_in_block(snapshot, place, b, subject, reader, &number, err);
  }
  ds_block_reader_free(reader);
  if (code == DS_OK)
    *ret_number = number;
  return code;
}

ds_code ds_snapshot_find(const ds_snapshot *snapshot, ds_str subject, uint32_t *ret_customer,
                         ds_error *err) {
  uint32_t number = DS_NONE;
  TRY(ds_identity_number(snapshot, subject, &number, err));
  if (number == DS_NONE && snapshot->identity != NULL)
    TRY(ds_identity_named(snapshot, subject, &number, err));
  // Whoever has taken a name over may have become hidden since.
  *ret_customer = number == DS_NONE ? DS_NONE : ds_identity_customer(snapshot->identity, number);
  return DS_OK;
}

// Adds the customer of `subject` to a sorted list, unless there is none.
static ds_code add_customer(const ds_snapshot *snapshot, ds_str subject, uint32_t *list,
                            uint32_t *count, ds_error *err) {
  uint32_t customer = DS_NONE;
  TRY(ds_snapshot_find(snapshot, subject, &customer, err));
  uint32_t at = 0;
  while (at < *count && list[at] < customer)
    at++;
  if (customer == DS_NONE || (at < *count && list[at] == customer))
    return DS_OK;
  memmove(list + at + 1, list + at, (*count - at) * sizeof *list);
  list[at] = customer;
  (*count)++;
  return DS_OK;
}

ds_code ds_snapshot_named(const ds_snapshot *snapshot, ds_str name, ds_arena *arena,
                          uint32_t **ret_customers, uint32_t *ret_count, ds_error *err) {
  const ds_identity *identity = snapshot->identity;
  ds_names kinds;
  ds_buf subject;
  uint32_t count = 0, index = 0;
  ds_names_init(&kinds, UINT32_MAX - 1);
  ds_buf_init(&subject, (size_t)2 * DS_TEXT_BYTES_MAX);
  ds_code code = DS_OK;
  // The tail and each part list the kinds of their subjects, those known by facts alone the
  // identity.
  for (uint32_t p = 0; p <= snapshot->places_count && code == DS_OK; p++) {
    const ds_names *own = p < snapshot->places_count ? ds_part_kinds(snapshot->places[p].part)
                          : identity != NULL         ? &identity->kinds
                                                     : NULL;
    for (uint32_t k = 0; own != NULL && k < own->count && code == DS_OK; k++)
      code = ds_names_add(&kinds, own->text[k], &index, err);
  }
  uint32_t *list = ds_arena_array(arena, kinds.count + 1u, sizeof *list);
  if (code == DS_OK && list == NULL)
    code = no_memory(err);
  if (code == DS_OK && ds_subject_is_sound(name))
    code = add_customer(snapshot, name, list, &count, err);
  for (uint32_t k = 0; k < kinds.count && code == DS_OK; k++) {
    ds_buf_reset(&subject);
    ds_buf_printf(&subject, "%.*s=%.*s", DS_STR(kinds.text[k]), DS_STR(name));
    code = ds_buf_check(&subject, "an identifier", err);
    if (code == DS_OK)
      code = add_customer(snapshot,
                          (ds_str){(const char *)subject.data, (uint32_t)subject.size}, list,
                          &count, err);
  }
  ds_buf_done(&subject);
  ds_names_done(&kinds);
  *ret_customers = list;
  *ret_count = count;
  return code;
}

ds_code ds_snapshot_subject(const ds_snapshot *snapshot, uint32_t number, ds_arena *arena,
                            ds_str *ret_subject, ds_error *err) {
  ds_code code = DS_OK;
  ds_str found = {NULL, 0};
  ds_block_reader *reader = ds_block_reader_new();
  if (reader == NULL)
    return no_memory(err);
  for (uint32_t p = 0; p < snapshot->places_count && code == DS_OK && found.data == NULL; p++) {
    ds_part *part = snapshot->places[p].part;
    uint32_t first, end;
    ds_part_partition_blocks(part, number >> DS_ORDINAL_BITS, &first, &end);
    for (uint32_t b = first; b < end && code == DS_OK && found.data == NULL; b++) {
      const ds_block_zone *zone = ds_part_zone(part, b);
      ds_block block = {.journeys = 0};
      if (number >= zone->customer_first && number <= zone->customer_last)
        code = ds_part_block_ids(part, b, DS_WANT_SUBJECT, reader, &block, err);
      for (uint32_t j = 0; code == DS_OK && j < block.journeys; j++)
        if (block.customer[j] == number)
          found = (ds_str){ds_arena_text(arena, block.subject[j].data, block.subject[j].size),
                           block.subject[j].size};
    }
  }
  ds_block_reader_free(reader);
  if (code == DS_OK && found.data == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the name of a customer");
  *ret_subject = found;
  return code;
}
