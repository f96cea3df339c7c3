// SPDX-License-Identifier: Apache-2.0
// Sets of subjects -> the arrays of ds_identity, group of partitions by group: each customer's
// subjects get the next slots, then each subject its index. And what all passes share.
#include <assert.h>
#include <stdlib.h>

#include "base/pool.h"
#include "base/resize.h"
#include "store/identity_stars.h"

ds_code ds_identity_no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for who is whom: give more --memory");
}

bool ds_identity_grow(void *array_of, uint32_t count, uint32_t *capacity, size_t element) {
  if (count < *capacity)
    return true;
  const uint32_t wanted = *capacity + *capacity / 2 + 256;
  if (wanted > UINT32_MAX / 2 || !ds_resize(array_of, wanted, element))
    return false;
  *capacity = wanted;
  return true;
}

bool ds_identity_spread_init(identity_spread *spread, const identity_work *work) {
  *spread = (identity_spread){.threads = work->threads, .groups = ds_identity_groups(work)};
  const size_t count = (size_t)spread->threads * spread->groups;
  spread->bufs = malloc(count * sizeof *spread->bufs);
  for (size_t i = 0; spread->bufs != NULL && i < count; i++)
    ds_buf_init(&spread->bufs[i], SIZE_MAX);
  return spread->bufs != NULL;
}

void ds_identity_spread_done(identity_spread *spread) {
  for (size_t i = 0; spread->bufs != NULL && i < (size_t)spread->threads * spread->groups; i++)
    ds_buf_done(&spread->bufs[i]);
  free(spread->bufs);
  spread->bufs = NULL;
}

// By number, in three rounds of 11 bits; one in which all agree is left out. Returns where they
// are.
static identity_row *sort_rows(identity_row *rows, identity_row *other, uint32_t count) {
  enum { BITS = 11, VALUES = 1 << BITS };
  for (uint32_t shift = 0; shift < 32; shift += BITS) {
    uint32_t first[VALUES + 1] = {0};
    for (uint32_t i = 0; i < count; i++)
      first[(rows[i].number >> shift & (VALUES - 1)) + 1]++;
    if (count == 0 || first[(rows[0].number >> shift & (VALUES - 1)) + 1] == count)
      continue;
    for (uint32_t v = 0; v < VALUES; v++)
      first[v + 1] += first[v];
    for (uint32_t i = 0; i < count; i++)
      other[first[rows[i].number >> shift & (VALUES - 1)]++] = rows[i];
    identity_row *const swapped = rows;
    rows = other;
    other = swapped;
  }
  return rows;
}

ds_code ds_identity_rows_sorted(const identity_spread *spread, uint32_t group,
                                identity_row **ret_rows, uint32_t *ret_count, ds_error *err) {
  size_t count = 0;
  for (uint32_t t = 0; t < spread->threads; t++)
    count += ds_identity_spread_at(spread, t, group)->size / sizeof(identity_row);
  identity_row *rows = malloc((count + 1) * sizeof *rows);
  identity_row *other = malloc((count + 1) * sizeof *other);
  if (rows == NULL || other == NULL || count >= UINT32_MAX) {
    free(rows);
    free(other);
    return ds_identity_no_memory(err);
  }
  size_t at = 0;
  for (uint32_t t = 0; t < spread->threads; t++) {
    const ds_buf *buf = ds_identity_spread_at(spread, t, group);
    if (buf->size > 0)
      memcpy(rows + at, buf->data, buf->size);
    at += buf->size / sizeof *rows;
  }
  identity_row *sorted = sort_rows(rows, other, (uint32_t)count);
  free(sorted == rows ? other : rows);
  *ret_rows = sorted;
  *ret_count = (uint32_t)count;
  return DS_OK;
}

ds_code ds_identity_blocks(const ds_snapshot *snapshot, identity_wanted wanted,
                           const void *context, identity_block **ret_blocks, uint32_t *ret_count,
                           ds_error *err) {
  uint32_t capacity = 0;
  *ret_blocks = NULL;
  *ret_count = 0;
  for (uint32_t p = 0; p < snapshot->places_count; p++) {
    const uint32_t blocks = ds_part_get_info(snapshot->places[p].part)->blocks;
    for (uint32_t b = 0; b < blocks; b++) {
      if (!wanted(context, &snapshot->places[p], b))
        continue;
      if (!ds_identity_grow(ret_blocks, *ret_count, &capacity, sizeof **ret_blocks))
        return ds_identity_no_memory(err);
      (*ret_blocks)[(*ret_count)++] = (identity_block){p, b};
    }
  }
  return DS_OK;
}

// --- seating

typedef struct seating {
  identity_work *work;
  const identity_spread *sets; // rows of customer and strongest node, by customer
  identity_spread rows;        // of subject, slot and customer, by subject
  ds_block_reader **readers;   // of each thread
  identity_seat *seats[DS_PARTITIONS]; // of each group of customers
  uint32_t seats_count[DS_PARTITIONS];
  uint32_t first[DS_PARTITIONS + 1]; // of each group, the first slot; then the first index
  uint32_t *subject, *customer, *slot, *order, *events;
} seating;

// Joins the seats of stars and of other sets, both by customer; no customer is in both.
static ds_code gather(void *context, uint32_t thread, uint32_t group, ds_error *err) {
  (void)thread;
  seating *s = context;
  const identity_node *nodes = s->work->nodes;
  identity_seat *stars = NULL, *seats = NULL;
  identity_row *sets = NULL;
  uint32_t stars_count = 0, sets_count = 0, capacity = 0, count = 0, star = 0;
  ds_code code = ds_identity_stars_seats(s->work->stars, group, &stars, &stars_count, err);
  if (code == DS_OK)
    code = ds_identity_rows_sorted(s->sets, group, &sets, &sets_count, err);
  for (uint32_t i = 0; i <= sets_count && code == DS_OK && sets_count > 0; i++) {
    const uint64_t customer = i < sets_count ? sets[i].number : UINT64_MAX;
    uint32_t member = i < sets_count ? sets[i].other : DS_NONE;
    while ((star < stars_count && stars[star].customer < customer) || member != DS_NONE) {
      if (!ds_identity_grow(&seats, count, &capacity, sizeof *seats)) {
        code = ds_identity_no_memory(err);
        break;
      }
      const bool is_star = star < stars_count && stars[star].customer < customer;
      seats[count++] = is_star ? stars[star++]
                               : (identity_seat){(uint32_t)customer, nodes[member].number};
      member = is_star ? member : nodes[member].member;
    }
  }
  // Mostly there is nothing but stars.
  s->seats[group] = sets_count > 0 ? seats : stars;
  s->seats_count[group] = sets_count > 0 ? count : stars_count;
  free(sets_count > 0 ? stars : seats);
  free(sets);
  return code;
}

static ds_code spread_seats(void *context, uint32_t thread, uint32_t group, ds_error *err) {
  seating *s = context;
  for (uint32_t i = 0; i < s->seats_count[group]; i++) {
    const identity_seat seat = s->seats[group][i];
    const identity_row row = {seat.number, s->first[group] + i, seat.customer};
    ds_buf *to =
        ds_identity_spread_at(&s->rows, thread, ds_identity_group(s->work, seat.number));
    ds_buf_append(to, &row, sizeof row);
    if (to->failed)
      return ds_identity_no_memory(err);
  }
  free(s->seats[group]);
  s->seats[group] = NULL;
  return DS_OK;
}

// Counts the events of the subjects [first, end).
static ds_code count_events(seating *s, uint32_t thread, uint32_t group, uint32_t first,
                            uint32_t end, ds_error *err) {
  const ds_snapshot *snapshot = s->work->snapshot;
  for (uint32_t p = 0; p < snapshot->places_count && first < end; p++) {
    const ds_part *part = snapshot->places[p].part;
    uint32_t block, blocks_end, at = first;
    ds_identity_group_blocks(s->work, part, group, &block, &blocks_end);
    for (; block < blocks_end; block++) {
      ds_block ids;
      TRY(ds_part_block_ids(part, block, 0, s->readers[thread], &ids, err));
      for (uint32_t j = 0; j < ids.journeys; j++) {
        while (at < end && s->subject[at] < ids.customer[j])
          at++;
        if (at < end && s->subject[at] == ids.customer[j])
          s->events[at] += ids.offset[j + 1] - ids.offset[j];
      }
    }
  }
  return DS_OK;
}

static ds_code place(void *context, uint32_t thread, uint32_t group, ds_error *err) {
  seating *s = context;
  identity_row *rows;
  uint32_t count = 0;
  TRY(ds_identity_rows_sorted(&s->rows, group, &rows, &count, err));
  const uint32_t first = s->first[group];
  for (uint32_t i = 0; i < count; i++) {
    assert(i == 0 || rows[i - 1].number < rows[i].number);
    s->subject[first + i] = rows[i].number;
    s->customer[first + i] = (uint32_t)rows[i].more;
    s->slot[first + i] = rows[i].other;
    s->order[rows[i].other] = first + i;
  }
  free(rows);
  return count_events(s, thread, group, first, first + count, err);
}

static ds_code make_arrays(seating *s, uint32_t count, ds_arena *arena, ds_identity *identity,
                           ds_error *err) {
  uint32_t **const all[] = {&s->subject, &s->customer, &s->slot, &s->order, &s->events};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    *all[i] = ds_arena_array(arena, (size_t)count + 1, sizeof(uint32_t));
    if (*all[i] == NULL)
      return ds_identity_no_memory(err);
  }
  identity->count = count;
  identity->subject = s->subject;
  identity->customer = s->customer;
  identity->slot = s->slot;
  identity->order = s->order;
  identity->events = s->events;
  return DS_OK;
}

static ds_code seat(seating *s, ds_arena *arena, ds_identity *identity, ds_error *err) {
  identity_work *work = s->work;
  const uint32_t groups = ds_identity_groups(work);
  if (s->readers == NULL || !ds_identity_spread_init(&s->rows, work))
    return ds_identity_no_memory(err);
  for (uint32_t t = 0; t < work->threads; t++) {
    s->readers[t] = ds_block_reader_new();
    if (s->readers[t] == NULL)
      return ds_identity_no_memory(err);
  }
  TRY(ds_parallel(work->threads, groups, gather, s, NULL, err));
  uint64_t total = 0;
  for (uint32_t g = 0; g < groups; g++) {
    s->first[g] = (uint32_t)total;
    total += s->seats_count[g];
    for (uint32_t i = 0; i < s->seats_count[g]; i++)
      work->stats.customers += s->seats[g][i].number == s->seats[g][i].customer;
  }
  if (total >= UINT32_MAX)
    return ds_identity_no_memory(err);
  TRY(make_arrays(s, (uint32_t)total, arena, identity, err));
  TRY(ds_parallel(work->threads, groups, spread_seats, s, NULL, err));
  for (uint32_t g = 0; g < groups; g++) {
    s->first[g + 1] = s->first[g];
    for (uint32_t t = 0; t < work->threads; t++)
      s->first[g + 1] += (uint32_t)(ds_identity_spread_at(&s->rows, t, g)->size /
                                    sizeof(identity_row));
  }
  assert(s->first[groups] == total);
  return ds_parallel(work->threads, groups, place, s, NULL, err);
}

ds_code ds_identity_seat_all(identity_work *work, const identity_spread *sets, ds_arena *arena,
                             ds_identity *identity, ds_error *err) {
  seating *s = calloc(1, sizeof *s);
  if (s == NULL)
    return ds_identity_no_memory(err);
  s->work = work;
  s->sets = sets;
  s->readers = calloc(work->threads, sizeof(ds_block_reader *));
  const ds_code code = seat(s, arena, identity, err);
  for (uint32_t t = 0; s->readers != NULL && t < work->threads; t++)
    ds_block_reader_free(s->readers[t]);
  for (uint32_t g = 0; g < DS_PARTITIONS; g++)
    free(s->seats[g]);
  ds_identity_spread_done(&s->rows);
  free(s->readers);
  free(s);
  return code;
}
