// SPDX-License-Identifier: Apache-2.0
// A partition's rows become journeys in steps: group by subject (a hash table of the partition),
// find numbers given earlier in the store's places, order by (number, time, arrival), drop
// duplicates, write.
#include "store/build.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/identifier.h"
#include "store/build_state.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory while sorting events");
}

ds_code ds_builder_new(const ds_build_options *options, ds_builder **ret_builder, ds_error *err) {
  ds_builder *b = calloc(1, sizeof *b);
  if (b == NULL)
    return no_memory(err);
  b->options = *options;
  b->partition = DS_NONE;
  ds_map64_init(&b->journey_ids);
  ds_map64_init(&b->known_ids);
  ds_map64_init(&b->occurrences);
  b->places = calloc((size_t)options->places_count + 1, sizeof *b->places);
  const uint32_t block_events = options->sparse ? DS_BLOCK_EVENTS_SPARSE : DS_BLOCK_EVENTS;
  const ds_code code = b->places == NULL
                           ? no_memory(err)
                           : ds_part_writer_new(options->space, block_events, &b->writer, err);
  if (code != DS_OK) {
    ds_builder_free(b);
    return code;
  }
  *ret_builder = b;
  return DS_OK;
}

static void part_path(const ds_builder *b, uint64_t number, char out[DS_PATH_BYTES_MAX]) {
  snprintf(out, DS_PATH_BYTES_MAX, "%s/%06llu.part", b->options.directory,
           (unsigned long long)number);
}

// Gives back all that only adding rows needs; what was written is still known.
static void release_work(ds_builder *b) {
  ds_part_writer_free(b->writer);
  for (uint32_t p = 0; b->places != NULL && p < b->options.places_count; p++)
    ds_block_reader_free(b->places[p].reader);
  free(b->places);
  ds_map64_done(&b->journey_ids);
  ds_map64_done(&b->known_ids);
  ds_map64_done(&b->occurrences);
  b->writer = NULL;
  b->places = NULL;
  for (uint32_t k = 0; k < NAME_KINDS; k++) {
    free(b->name_hash[k]);
    b->name_hash[k] = NULL;
  }
  free(b->slot);
  free(b->subjects);
  free(b->subject_of);
  free(b->entries);
  free(b->order);
  b->slot = b->subject_of = NULL;
  b->subjects = NULL;
  b->entries = NULL;
  b->order = NULL;
}

void ds_builder_free(ds_builder *b) {
  if (b == NULL)
    return;
  for (uint32_t p = 0; !b->finished && b->options.directory != NULL && p < b->parts_count; p++) {
    char path[DS_PATH_BYTES_MAX];
    part_path(b, b->parts[p].number, path);
    (void)b->options.io->ops->unlink(b->options.io, path, NULL);
  }
  release_work(b);
  free(b->parts);
  free(b->image);
  free(b);
}

// Room for `count` rows, and a table at most half full.
static bool make_room(ds_builder *b, uint32_t count) {
  if (count <= b->rows_capacity)
    return true;
  uint32_t slots = 1024;
  while (slots < count * 2u)
    slots *= 2;
  free(b->slot);
  free(b->subjects);
  free(b->subject_of);
  free(b->entries);
  free(b->order);
  b->slot = malloc((size_t)slots * sizeof *b->slot);
  b->subjects = malloc((size_t)count * sizeof *b->subjects);
  b->subject_of = malloc((size_t)count * sizeof *b->subject_of);
  b->entries = malloc((size_t)count * sizeof *b->entries);
  b->order = malloc((size_t)count * sizeof *b->order);
  b->slots = slots;
  b->rows_capacity = count;
  return b->slot != NULL && b->subjects != NULL && b->subject_of != NULL && b->entries != NULL &&
         b->order != NULL;
}

uint32_t ds_build_find_subject(const ds_builder *b, uint64_t hash, ds_str text) {
  const uint32_t mask = b->slots_used - 1;
  for (uint32_t at = (uint32_t)hash & mask; b->slot[at] != DS_NONE; at = (at + 1) & mask) {
    const build_subject *subject = &b->subjects[b->slot[at]];
    if (subject->hash == hash && (text.data == NULL || ds_str_equal(subject->text, text)))
      return b->slot[at];
  }
  return DS_NONE;
}

// The row's subject, a new one at its first row.
static uint32_t subject_find(ds_builder *b, const ds_row *row) {
  const uint64_t hash = ds_subject_hash(row->subject);
  assert(ds_subject_partition(hash) == b->partition);
  uint32_t subject = ds_build_find_subject(b, hash, row->subject);
  if (subject != DS_NONE)
    return subject;
  subject = b->subjects_count++;
  b->subjects[subject] = (build_subject){
      .hash = hash, .text = row->subject, .number = DS_NONE, .known = false};
  const uint32_t mask = b->slots_used - 1;
  uint32_t at = (uint32_t)hash & mask;
  while (b->slot[at] != DS_NONE)
    at = (at + 1) & mask;
  b->slot[at] = subject;
  return subject;
}

// Rows of a log lie in the order in which they came, each far from the next of its partition.
enum { ROWS_AHEAD = 12, JOURNEYS_AHEAD = 4 };

// Subjects in order of first appearance; subject_of[] per row.
static void group_rows(ds_builder *b, const uint8_t *const *rows, uint32_t count) {
  uint32_t slots = 1024;
  while (slots < count * 2u)
    slots *= 2;
  b->slots_used = slots < b->slots ? slots : b->slots;
  memset(b->slot, 0xff, (size_t)b->slots_used * sizeof *b->slot);
  b->subjects_count = 0;
  uint32_t subject = DS_NONE; // of the row before: many a file has a customer's rows in a row
  for (uint32_t i = 0; i < count; i++) {
    ds_row row;
    if (i + ROWS_AHEAD < count) {
      __builtin_prefetch(rows[i + ROWS_AHEAD]);
      __builtin_prefetch(rows[i + ROWS_AHEAD] + 64);
    }
    ds_row_open(rows[i], &row);
    if (b->options.drop_import != 0 && row.import == b->options.drop_import) {
      b->subject_of[i] = DS_NONE;
      continue;
    }
    if (subject == DS_NONE || !ds_str_equal(b->subjects[subject].text, row.subject))
      subject = subject_find(b, &row);
    b->subjects[subject].events++;
    b->subject_of[i] = subject;
  }
}

static int by_number(const void *left, const void *right) {
  const build_order *a = left, *b = right;
  return (a->number > b->number) - (a->number < b->number);
}

// Subjects by number, and each subject's entries together, in the order given.
static void order_rows(ds_builder *b, const uint8_t *const *rows, uint32_t count) {
  bool sorted = true;
  for (uint32_t s = 0; s < b->subjects_count; s++) {
    b->order[s] = (build_order){b->subjects[s].number, s};
    sorted = sorted && (s == 0 || b->order[s - 1].number < b->order[s].number);
  }
  if (!sorted)
    qsort(b->order, b->subjects_count, sizeof *b->order, by_number);
  uint32_t at = 0;
  for (uint32_t o = 0; o < b->subjects_count; o++) {
    build_subject *subject = &b->subjects[b->order[o].subject];
    subject->begin = subject->end = at;
    at += subject->events;
  }
  for (uint32_t i = 0; i < count; i++) {
    if (b->subject_of[i] == DS_NONE)
      continue;
    ds_row row;
    ds_row_open(rows[i], &row);
    build_subject *subject = &b->subjects[b->subject_of[i]];
    b->entries[subject->end++] = (build_entry){
        .time_ms = row.time_ms, .arrival = row.arrival, .row = rows[i], .ordinal = i};
  }
}

static bool before(const build_entry *a, const build_entry *b) {
  if (a->time_ms != b->time_ms)
    return a->time_ms < b->time_ms;
  return a->arrival != b->arrival ? a->arrival < b->arrival : a->ordinal < b->ordinal;
}

static int by_time(const void *left, const void *right) {
  const build_entry *a = left, *b = right;
  return before(a, b) ? -1 : before(b, a);
}

// Journeys are mostly short or in order already.
static void sort_entries(build_entry *entries, uint32_t count) {
  if (count > 48) {
    for (uint32_t i = 1; i < count; i++)
      if (before(&entries[i], &entries[i - 1])) {
        qsort(entries, count, sizeof *entries, by_time);
        return;
      }
    return;
  }
  for (uint32_t i = 1; i < count; i++) {
    const build_entry moving = entries[i];
    uint32_t at = i;
    for (; at > 0 && before(&moving, &entries[at - 1]); at--)
      entries[at] = entries[at - 1];
    entries[at] = moving;
  }
}

static ds_code note_part(ds_builder *b, const ds_part_info *info, ds_error *err) {
  ds_part_info *moved = realloc(b->parts, (b->parts_count + 1) * sizeof *moved);
  if (moved == NULL)
    return no_memory(err);
  b->parts = moved;
  b->parts[b->parts_count++] = *info;
  return DS_OK;
}

// Closes the part in hand under the next number.
static ds_code close_part(ds_builder *b, ds_error *err) {
  ds_part_info info;
  if (b->options.directory == NULL) {
    TRY(ds_part_writer_close(b->writer, b->options.io, NULL, 0, &info, &b->image, &b->image_size,
                             err));
    return note_part(b, &info, err);
  }
  char path[DS_PATH_BYTES_MAX];
  const uint64_t number = atomic_fetch_add(b->options.next, 1);
  part_path(b, number, path);
  ds_code code = ds_part_writer_close(b->writer, b->options.io, path, number, &info, NULL, NULL,
                                      err);
  if (code == DS_OK)
    code = note_part(b, &info, err);
  if (code != DS_OK)
    (void)b->options.io->ops->unlink(b->options.io, path, NULL);
  return code;
}

// How many of the entries are facts that identifiers were seen together.
static uint32_t count_links(const ds_builder *b, const build_entry *entries, uint32_t count) {
  uint32_t links = 0;
  for (uint32_t i = 0; b->seen != DS_NONE && i < count; i++) {
    ds_row row;
    ds_row_open(entries[i].row, &row);
    links += row.touchpoint == b->seen;
  }
  return links;
}

// Writes one customer's entries that are not duplicates.
static ds_code write_journey(ds_builder *b, const build_subject *subject, ds_error *err) {
  build_entry *entries = b->entries + subject->begin;
  uint32_t count = subject->end - subject->begin;
  sort_entries(entries, count);
  const uint32_t links_given = count_links(b, entries, count);
  TRY(ds_build_ids(b, subject, entries, &count, err));
  const uint32_t links = links_given == 0 ? 0 : count_links(b, entries, count);
  b->stats.links += links;
  b->stats.duplicates -= links_given - links; // repeated by the gate, not by whoever sent them
  if (b->options.refused != NULL && count > DS_CUSTOMER_EVENTS_MAX) {
    for (uint32_t i = DS_CUSTOMER_EVENTS_MAX; i < count; i++)
      b->options.refused(b->options.context, entries[i].row);
    b->stats.super_events += count - DS_CUSTOMER_EVENTS_MAX;
    count = DS_CUSTOMER_EVENTS_MAX;
  }
  if (count == 0)
    return DS_OK;
  TRY(ds_part_writer_journey(b->writer, subject->number, subject->hash, subject->text, err));
  for (uint32_t i = 0; i < count; i++)
    TRY(ds_part_writer_event(b->writer, entries[i].row, entries[i].id, err));
  bool full = false;
  TRY(ds_part_writer_journey_end(b->writer, &full, err));
  b->stats.events += count;
  b->stats.customers++;
  b->stats.new_customers += !subject->known;
  return full && b->options.directory != NULL ? close_part(b, err) : DS_OK;
}

// Brings the first row of a journey that is soon written nearer.
static void prefetch_journey(const ds_builder *b, uint32_t at) {
  if (at < b->subjects_count && b->subjects[b->order[at].subject].events > 0)
    __builtin_prefetch(b->entries[b->subjects[b->order[at].subject].begin].row);
}

ds_code ds_builder_add(ds_builder *b, uint32_t partition, const uint8_t *const *rows,
                       uint32_t count, ds_error *err) {
  assert(!b->finished && partition < DS_PARTITIONS);
  assert(b->partition == DS_NONE || partition > b->partition ||
         (partition == b->partition && b->options.places_count == 0));
  if (partition != b->partition)
    b->next_ordinal = 0;
  b->partition = partition;
  b->seen = ds_names_find(&b->options.space->touchpoints, ds_str_of(DS_LINK_SEEN));
  if (count == 0)
    return DS_OK;
  if (count > UINT32_MAX / 4)
    return ds_fail(err, DS_LIMIT, "too many events at once: import the files in several runs");
  if (!make_room(b, count) || !ds_build_hash_names(b))
    return no_memory(err);
  group_rows(b, rows, count);
  TRY(ds_build_numbers(b, err));
  order_rows(b, rows, count);
  for (uint32_t o = 0; o < b->subjects_count; o++) {
    prefetch_journey(b, o + JOURNEYS_AHEAD);
    TRY(write_journey(b, &b->subjects[b->order[o].subject], err));
  }
  return DS_OK;
}

ds_code ds_builder_finish(ds_builder *b, const ds_part_info **ret_parts, uint32_t *ret_count,
                          ds_error *err) {
  if (!b->finished && ds_part_writer_events(b->writer) > 0)
    TRY(close_part(b, err));
  b->finished = true;
  // An import keeps its builders until all have ended, which may be many.
  release_work(b);
  *ret_parts = b->parts;
  *ret_count = b->parts_count;
  return DS_OK;
}

uint8_t *ds_builder_take_image(ds_builder *b, size_t *ret_size) {
  uint8_t *image = b->image;
  *ret_size = b->image_size;
  b->image = NULL;
  return image;
}

const ds_build_stats *ds_builder_stats(const ds_builder *b) { return &b->stats; }
