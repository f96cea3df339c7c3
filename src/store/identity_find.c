// SPDX-License-Identifier: Apache-2.0
// Looking subjects up in a snapshot, by text and by number; and a snapshot as it was known at an
// instant.
#include <stdlib.h>

#include "base/pool.h"
#include "model/identifier.h"
#include "store/identity_names.h"
#include "store/subjects.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for who is whom: give more --memory");
}

static bool any_known(const ds_snapshot *snapshot, const ds_block *block, uint32_t j) {
  bool known = !snapshot->has_known;
  for (uint32_t e = block->offset[j]; !known && e < block->offset[j + 1]; e++)
    known = block->received_ms[e] <= snapshot->known_ms;
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
  const ds_columns columns = {
      .want = DS_WANT_SUBJECT |
              (snapshot->has_known ? DS_WANT_TIME | DS_WANT_RECEIVED : 0u)};
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

// --- as known at an instant

// What one thread has counted.
typedef struct known_count {
  ds_block_reader *reader;
  uint64_t events;
  int64_t time_max_ms;
} known_count;

typedef struct known_work {
  const ds_snapshot *snapshot;
  uint32_t place;
  known_count *counts;
} known_work;

static ds_code count_block(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  const known_work *work = context;
  known_count *count = &work->counts[thread];
  const ds_columns columns = {.want = DS_WANT_TIME | DS_WANT_RECEIVED};
  ds_block block;
  TRY(ds_part_read_block(&work->snapshot->places[work->place], job, &columns, count->reader,
                         &block, err));
  for (uint32_t e = 0; e < block.events; e++) {
    if (block.received_ms[e] > work->snapshot->known_ms)
      continue;
    if (count->events++ == 0 || block.time_ms[e] > count->time_max_ms)
      count->time_max_ms = block.time_ms[e];
  }
  return DS_OK;
}

// How many events were known, and the latest of them.
static ds_code count_known(ds_snapshot *known, uint32_t threads, ds_error *err) {
  known_count *counts = calloc(threads, sizeof *counts);
  ds_code code = counts == NULL ? no_memory(err) : DS_OK;
  for (uint32_t t = 0; t < threads && code == DS_OK; t++) {
    counts[t].reader = ds_block_reader_new();
    code = counts[t].reader == NULL ? no_memory(err) : DS_OK;
  }
  known_work work = {.snapshot = known, .counts = counts};
  for (; work.place < known->places_count && code == DS_OK; work.place++)
    code = ds_parallel(threads, ds_part_get_info(known->places[work.place].part)->blocks,
                       count_block, &work, NULL, err);
  known->events = 0;
  known->time_max_ms = 0;
  for (uint32_t t = 0; counts != NULL && t < threads; t++) {
    if (counts[t].events > 0 &&
        (known->events == 0 || counts[t].time_max_ms > known->time_max_ms))
      known->time_max_ms = counts[t].time_max_ms;
    known->events += counts[t].events;
    ds_block_reader_free(counts[t].reader);
  }
  free(counts);
  return code;
}

ds_code ds_snapshot_known(const ds_snapshot *snapshot, int64_t known_ms, uint32_t threads,
                          size_t memory_bytes, ds_snapshot *ret_known, ds_error *err) {
  ds_snapshot known = *snapshot;
  threads = threads == 0 ? 1 : threads < DS_THREADS_MAX ? threads : DS_THREADS_MAX;
  known.identity = NULL;
  known.has_known = true;
  known.known_ms = known_ms;
  known.tail_events = 0;
  ds_arena_init(&known.arena, memory_bytes);
  ds_code code = count_known(&known, threads, err);
  if (code == DS_OK)
    code = ds_identity_make(&known, threads, &known.arena, &known.identity, err);
  if (code == DS_OK)
    *ret_known = known;
  else
    ds_arena_done(&known.arena);
  return code;
}

void ds_snapshot_done(ds_snapshot *known) {
  ds_identity_done(known->identity);
  ds_arena_done(&known->arena);
}
