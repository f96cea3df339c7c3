// SPDX-License-Identifier: Apache-2.0
// Numbers of subjects and ids of events. An event without an id gets one from its content (names,
// not codes, so that it is the same in every import) and its occurrence number among equals.
#include <assert.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/build_state.h"

#define SEARCH_MAX DS_BUILD_SEARCH_MAX

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory while sorting events");
}

// Two words to one; the multiplier is 2^64 / golden ratio, made odd.
static uint64_t mix(uint64_t a, uint64_t b) {
  const unsigned __int128 product =
      (unsigned __int128)(a ^ 0x9e3779b97f4a7c15ULL) * (b ^ 0xd1b54a32d192ed03ULL);
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

bool ds_build_hash_names(ds_builder *b) {
  const ds_space *space = b->options.space;
  const ds_names *const names[NAME_KINDS] = {&space->touchpoints, &space->properties, &space->keys,
                                             &space->sources};
  for (uint32_t k = 0; k < NAME_KINDS; k++) {
    if (names[k]->count == b->name_count[k])
      continue;
    uint64_t *moved = realloc(b->name_hash[k], (size_t)names[k]->count * 8);
    if (moved == NULL)
      return false;
    b->name_hash[k] = moved;
    for (uint32_t i = b->name_count[k]; i < names[k]->count; i++)
      moved[i] = XXH3_64bits(names[k]->text[i].data, names[k]->text[i].size);
    b->name_count[k] = names[k]->count;
  }
  return true;
}

// The hash of what an event says. Keys and properties are added up, so that their order does not
// matter.
static uint64_t content_hash(const ds_builder *b, const uint8_t *bytes) {
  ds_row row;
  const uint8_t *at = ds_row_open(bytes, &row);
  uint64_t sum = mix(b->name_hash[0][row.touchpoint], b->name_hash[3][row.source]);
  for (uint32_t k = 0; k < row.keys; k++) {
    uint16_t key[2];
    memcpy(key, at, 4);
    sum += mix(b->name_hash[2][key[0]], XXH3_64bits(at + 4, key[1]));
    at += 4 + key[1];
  }
  for (uint32_t p = 0; p < row.properties; p++) {
    uint16_t name;
    memcpy(&name, at, 2);
    const uint8_t type = at[2];
    uint64_t value = 0;
    uint32_t size = 8;
    if (ds_type_is_bytes((ds_type)type)) {
      memcpy(&size, at + 3, 4);
      value = XXH3_64bits(at + 7, size);
      size += 4;
    } else if (type == DS_TYPE_BOOL) {
      value = at[3];
      size = 1;
    } else {
      memcpy(&value, at + 3, 8);
    }
    sum += mix(b->name_hash[1][name] + type, value);
    at += 3 + size;
  }
  return mix(sum, (uint64_t)row.time_ms);
}

static uint64_t known_key(uint32_t number, uint64_t id) { return mix(number, id); }

// Remembers the ids of a known subject's events in one block.
static ds_code note_ids(ds_builder *b, const ds_block *ids, uint32_t journey, uint32_t number,
                        ds_error *err) {
  for (uint32_t e = ids->offset[journey]; e < ids->offset[journey + 1]; e++) {
    uint32_t *slot = ds_map64_put(&b->known_ids, known_key(number, ids->id[e]));
    if (slot == NULL)
      return no_memory(err);
    *slot = ids->import[e];
  }
  return DS_OK;
}

// Reads a block's subject hashes, or also its subjects and ids, unless they are there.
static ds_code read_block(const ds_builder *b, const ds_part *part, uint32_t block, bool whole,
                          build_place *place, ds_error *err) {
  if (place->reader == NULL) {
    place->reader = ds_block_reader_new();
    place->block = DS_NONE;
  }
  if (place->reader == NULL)
    return no_memory(err);
  if (place->block == block && (place->whole || !whole))
    return DS_OK;
  place->block = DS_NONE;
  const uint32_t ids = b->options.dedupe ? DS_WANT_ID | DS_WANT_IMPORT : 0u;
  TRY(ds_part_block_hashes(part, block, whole ? DS_WANT_SUBJECT | ids : 0, place->reader,
                           &place->ids, &place->hashes, err));
  place->block = block;
  place->whole = whole;
  return DS_OK;
}

// The partition's subjects that stand in a block's journeys [first, end) get their numbers; their
// event ids are remembered.
static ds_code match_journeys(ds_builder *b, const build_place *place, uint32_t first,
                              uint32_t end, ds_error *err) {
  const ds_block *ids = &place->ids;
  for (uint32_t j = first; j < end; j++) {
    const uint32_t at = ds_build_find_subject(b, place->hashes[j], ids->subject[j]);
    if (at == DS_NONE)
      continue;
    assert(!b->subjects[at].known || b->subjects[at].number == ids->customer[j]);
    b->subjects[at].number = ids->customer[j];
    b->subjects[at].known = true;
    if (b->options.dedupe)
      TRY(note_ids(b, ids, j, ids->customer[j], err));
  }
  return DS_OK;
}

// Looks through a place's blocks of the partition; next_ordinal rises past every number seen.
static ds_code match_place(ds_builder *b, const ds_part *part, build_place *place, ds_error *err) {
  uint32_t block, end;
  ds_part_partition_blocks(part, b->partition, &block, &end);
  for (; block < end; block++) {
    TRY(read_block(b, part, block, false, place, err));
    const uint32_t *customers = place->ids.customer;
    uint32_t j = 0;
    while (j < place->ids.journeys && customers[j] >> DS_ORDINAL_BITS < b->partition)
      j++;
    const uint32_t first = j;
    bool any = false;
    for (; j < place->ids.journeys && customers[j] >> DS_ORDINAL_BITS == b->partition; j++)
      any = any ||
            ds_build_find_subject(b, place->hashes[j], (ds_str){NULL, 0}) != DS_NONE;
    if (first == j)
      continue;
    const uint64_t ordinal = customers[j - 1] & ((1u << DS_ORDINAL_BITS) - 1);
    b->next_ordinal = ordinal >= b->next_ordinal ? ordinal + 1 : b->next_ordinal;
    if (!any)
      continue;
    TRY(read_block(b, part, block, true, place, err));
    TRY(match_journeys(b, place, first, j, err));
  }
  // Nothing more is asked of a part behind its last partition.
  if (part->info.customer_last >> DS_ORDINAL_BITS <= b->partition) {
    ds_block_reader_free(place->reader);
    place->reader = NULL;
  }
  return DS_OK;
}

ds_code ds_build_numbers(ds_builder *b, ds_error *err) {
  ds_map64_reset(&b->known_ids);
  for (uint32_t p = 0; p < b->options.places_count; p++)
    TRY(match_place(b, b->options.places[p], &b->places[p], err));
  for (uint32_t s = 0; s < b->subjects_count; s++) {
    if (b->subjects[s].known)
      continue;
    if (b->next_ordinal >= DS_PARTITION_SUBJECTS_MAX)
      return ds_fail(err, DS_LIMIT, "the store holds its maximum of customers (about %u million)",
                     DS_PARTITION_SUBJECTS_MAX / 1000000u * DS_PARTITIONS);
    b->subjects[s].number = b->partition << DS_ORDINAL_BITS | (uint32_t)b->next_ordinal++;
  }
  return DS_OK;
}

// Whether an explicit id stands among the first `count` kept entries; long journeys are looked up
// in a map that is filled as they grow.
static ds_code seen_before(ds_builder *b, const build_entry *kept, uint32_t count, uint64_t id,
                           bool *ret_seen, ds_error *err) {
  *ret_seen = false;
  if (count < SEARCH_MAX) {
    for (uint32_t i = 0; i < count; i++)
      *ret_seen = *ret_seen || kept[i].id == id;
    return DS_OK;
  }
  if (b->journey_ids_filled == 0)
    ds_map64_reset(&b->journey_ids);
  for (; b->journey_ids_filled < count; b->journey_ids_filled++) {
    uint32_t *slot = ds_map64_put(&b->journey_ids, kept[b->journey_ids_filled].id);
    if (slot == NULL)
      return no_memory(err);
    *slot = 0;
  }
  *ret_seen = ds_map64_get(&b->journey_ids, id) != DS_NONE;
  return DS_OK;
}

static ds_code explicit_id(ds_builder *b, const build_subject *subject, const build_entry *kept,
                           uint32_t count, uint64_t id, bool *ret_duplicate, ds_error *err) {
  *ret_duplicate = false;
  if (!b->options.dedupe)
    return DS_OK;
  TRY(seen_before(b, kept, count, id, ret_duplicate, err));
  if (subject->known && ds_map64_get(&b->known_ids, known_key(subject->number, id)) != DS_NONE)
    *ret_duplicate = true;
  return DS_OK;
}

// How many events of this instant, of those that got their id from content, had the same content.
static ds_code count_occurrence(ds_builder *b, uint64_t base, uint32_t *ret_occurrence,
                                ds_error *err) {
  uint32_t occurrence = 0;
  if (b->bases_count < SEARCH_MAX) {
    for (uint32_t i = 0; i < b->bases_count; i++)
      occurrence += b->bases[i] == base;
    b->bases[b->bases_count++] = base;
    *ret_occurrence = occurrence;
    return DS_OK;
  }
  if (b->bases_count == SEARCH_MAX) {
    ds_map64_reset(&b->occurrences);
    for (uint32_t i = 0; i < SEARCH_MAX; i++) {
      uint32_t *slot = ds_map64_put(&b->occurrences, b->bases[i]);
      if (slot == NULL)
        return no_memory(err);
      *slot = *slot == DS_NONE ? 1 : *slot + 1;
    }
    b->bases_count++;
  }
  uint32_t *slot = ds_map64_put(&b->occurrences, base);
  if (slot == NULL)
    return no_memory(err);
  *ret_occurrence = *slot == DS_NONE ? 0 : *slot;
  *slot = *ret_occurrence + 1;
  return DS_OK;
}

// A content id: equal events of one instant are told apart by their occurrence number.
// Occurrences that an earlier run of the same import wrote are counted on; those of another
// import are duplicates.
static ds_code content_id(ds_builder *b, const build_subject *subject, build_entry *entry,
                          uint32_t import, bool *ret_duplicate, ds_error *err) {
  const uint64_t base = content_hash(b, entry->row);
  uint32_t occurrence = 0, owner = DS_NONE;
  TRY(count_occurrence(b, base, &occurrence, err));
  do {
    entry->id = mix(base, occurrence++);
    if (subject->known)
      owner = ds_map64_get(&b->known_ids, known_key(subject->number, entry->id));
  } while (owner != DS_NONE && owner == import);
  *ret_duplicate = owner != DS_NONE;
  return DS_OK;
}

ds_code ds_build_ids(ds_builder *b, const build_subject *subject, build_entry *entries,
                     uint32_t *count, ds_error *err) {
  uint32_t kept = 0;
  int64_t instant = INT64_MIN;
  b->journey_ids_filled = 0;
  for (uint32_t i = 0; i < *count; i++) {
    build_entry entry = entries[i];
    if (entry.time_ms != instant)
      b->bases_count = 0;
    instant = entry.time_ms;
    ds_row row;
    ds_row_open(entry.row, &row);
    bool duplicate = false;
    entry.id = row.id;
    if (row.has_id)
      TRY(explicit_id(b, subject, entries, kept, row.id, &duplicate, err));
    else
      TRY(content_id(b, subject, &entry, row.import, &duplicate, err));
    if (duplicate)
      b->stats.duplicates++;
    else
      entries[kept++] = entry;
  }
  *count = kept;
  return DS_OK;
}
