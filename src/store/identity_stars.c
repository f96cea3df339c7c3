// SPDX-License-Identifier: Apache-2.0
#include "store/identity_stars.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/pool.h"

// A leaf as a fact names it; back to back, each at a multiple of 8 bytes.
typedef struct mention {
  uint64_t hash;
  uint32_t centre;
  uint32_t leaf; // its number as a subject; DS_NONE = no event has it
  uint16_t size;
  uint8_t rank;
  bool claims : 1; // the centre carries, or is, an object with claimants
  bool again : 1;  // the pair was mentioned before
  char text[];
} mention;

// A subject with facts.
typedef struct centre {
  uint64_t hash;
  uint32_t number;
  uint32_t facts; // in one block; LEFT when it is no star
} centre;

// So many facts of one subject are not a star's.
enum { LEFT = DS_CUSTOMER_SUBJECTS_MAX, SLOTS_MIN = 64, SLOT_BITS = 8 };

// The rank of the kind met last, for kinds seldom change.
typedef struct kind_cache {
  char text[64];
  uint32_t size;
  uint8_t rank;
} kind_cache;

// A slot of a group's table of leaves: of the first mention of each hash.
typedef struct leaf_slot {
  uint32_t tag;
  uint32_t mention; // DS_NONE = free
} leaf_slot;

// A journey whose hash is that of a leaf.
typedef struct leaf_hit {
  uint32_t journey;
  uint32_t mention;
} leaf_hit;

// What one thread has found, and works with.
typedef struct star_thread {
  ds_block_reader *reader;
  kind_cache subject_kind, other_kind;
  ds_names kinds; // of leaves
  uint64_t facts, unreadable;
  uint64_t links, again; // of stars: facts, and those whose pair another one has mentioned
  size_t bytes;
  bool any_left;
  mention **list; // of the group in hand
  uint32_t list_count, list_capacity;
  leaf_slot *slots;
  uint64_t *bits; // eight for each slot: most hashes that are no leaf's end here
  uint32_t slots_count, slots_capacity;
  leaf_hit *hits;
  uint32_t hits_capacity;
} star_thread;

struct identity_stars {
  identity_work *work;
  star_thread *threads;
  identity_block *blocks;
  uint32_t blocks_count;
  identity_spread mentions; // by the leaf's hash
  identity_spread centres;  // by number, which is by hash too
  identity_spread joined;   // rows of centre, leaf and mention, by the centre; leaf DS_NONE: again
  _Atomic uint16_t *facts_of[DS_PARTITIONS]; // of subjects by ordinal, up to LEFT
  uint32_t ordinals[DS_PARTITIONS];
  ds_id_filter *leaves; // of each group, those without an event
};

static ds_code no_memory(ds_error *err) { return ds_identity_no_memory(err); }

// --- reading

static uint8_t rank_of(kind_cache *cache, ds_str subject, bool *ret_new) {
  *ret_new = cache->size == 0 || subject.size <= cache->size ||
             subject.data[cache->size] != '=' ||
             memcmp(subject.data, cache->text, cache->size) != 0;
  if (!*ret_new)
    return cache->rank;
  const ds_str kind = ds_subject_kind(subject);
  cache->rank = (uint8_t)ds_identifier_rank(kind);
  // One that is longer is looked up each time.
  cache->size = kind.size < sizeof cache->text ? kind.size : 0;
  memcpy(cache->text, kind.data, cache->size);
  return cache->rank;
}

static size_t mention_bytes(uint16_t size) {
  return (offsetof(mention, text) + size + sizeof(uint64_t) - 1) / sizeof(uint64_t) *
         sizeof(uint64_t);
}

static ds_str mention_text(const mention *m) { return (ds_str){m->text, m->size}; }

static ds_code put_mention(identity_stars *stars, uint32_t thread, const mention *m, ds_str text,
                           ds_error *err) {
  star_thread *self = &stars->threads[thread];
  const size_t bytes = mention_bytes(m->size);
  ds_buf *to = ds_identity_spread_at(&stars->mentions, thread,
                                     ds_identity_group_of_hash(stars->work, m->hash));
  self->bytes += bytes;
  if (self->bytes > stars->work->memory_bytes / 2 / stars->work->threads)
    return no_memory(err);
  uint8_t *at = ds_buf_reserve(to, bytes);
  if (at == NULL)
    return no_memory(err);
  memcpy(at, m, offsetof(mention, text));
  memcpy(at + offsetof(mention, text), text.data, text.size);
  to->size += bytes;
  return DS_OK;
}

static ds_code take_fact(identity_stars *stars, uint32_t thread, centre *of, uint8_t rank,
                         const ds_block *block, uint32_t e, ds_error *err) {
  star_thread *self = &stars->threads[thread];
  const ds_map64 *claims = &stars->work->by_hash;
  identity_what what;
  ds_str other;
  if (!ds_identity_fact_take(&stars->work->facts, block, e, &what, &other)) {
    self->unreadable++;
    return DS_OK;
  }
  bool new_kind = false;
  mention m = {.hash = ds_subject_hash(other),
               .centre = of->number,
               .leaf = DS_NONE,
               .size = (uint16_t)other.size,
               .rank = rank_of(&self->other_kind, other, &new_kind)};
  uint32_t index;
  if (new_kind && self->kinds.count < DS_KINDS_LISTED_MAX)
    TRY(ds_names_add(&self->kinds, ds_subject_kind(other), &index, err));
  m.claims = claims->count > 0 && ds_map64_get(claims, of->hash) != DS_NONE;
  const bool owned = claims->count > 0 && ds_map64_get(claims, m.hash) != DS_NONE;
  const bool fits = what != IDENTITY_UNTOLD && m.rank > rank && !owned; // S1, S2, S5
  of->facts = fits && of->facts < LEFT - 1 ? of->facts + 1 : LEFT;
  self->facts++;
  return put_mention(stars, thread, &m, other, err);
}

// Takes the facts of journey j, the first of which is event `first`.
static ds_code take_centre(identity_stars *stars, uint32_t thread, const ds_block *block,
                           uint32_t j, uint32_t first, ds_error *err) {
  bool new_kind;
  const uint8_t rank =
      rank_of(&stars->threads[thread].subject_kind, block->subject[j], &new_kind);
  centre of = {.hash = ds_subject_hash(block->subject[j]), .number = block->customer[j]};
  for (uint32_t e = first; e < block->offset[j + 1]; e++)
    if (ds_identity_is_fact(&stars->work->facts, block, e))
      TRY(take_fact(stars, thread, &of, rank, block, e, err));
  if (of.facts == 0)
    return DS_OK;
  ds_buf *to =
      ds_identity_spread_at(&stars->centres, thread, ds_identity_group(stars->work, of.number));
  ds_buf_append(to, &of, sizeof of);
  return to->failed ? no_memory(err) : DS_OK;
}

static ds_code read_block(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  identity_stars *stars = context;
  star_thread *self = &stars->threads[thread];
  const identity_facts *facts = &stars->work->facts;
  const identity_block *at = &stars->blocks[job];
  ds_block block;
  TRY(ds_identity_facts_read(facts, &stars->work->snapshot->places[at->place], at->block,
                             DS_WANT_SUBJECT, self->reader, &block, err));
  uint32_t j = 0;
  for (uint32_t e = 0; e < block.events;) {
    if (!ds_identity_is_fact(facts, &block, e)) {
      e++;
      continue;
    }
    while (block.offset[j + 1] <= e)
      j++;
    TRY(take_centre(stars, thread, &block, j, e, err));
    e = block.offset[j + 1];
  }
  return DS_OK;
}

// --- judging

static void add_facts(identity_stars *stars, uint32_t number, uint32_t facts) {
  _Atomic uint16_t *of = &stars->facts_of[number >> DS_ORDINAL_BITS]
                                         [number & (DS_PARTITION_SUBJECTS_MAX - 1)];
  uint16_t before = atomic_load_explicit(of, memory_order_relaxed);
  while (before < LEFT &&
         !atomic_compare_exchange_weak_explicit(
             of, &before, (uint16_t)(before + facts < LEFT ? before + facts : LEFT),
             memory_order_relaxed, memory_order_relaxed))
    continue;
}

static void leave(identity_stars *stars, uint32_t number) { add_facts(stars, number, LEFT); }

bool ds_identity_stars_left(const identity_stars *stars, uint32_t number) {
  const uint32_t partition = number >> DS_ORDINAL_BITS;
  const uint32_t ordinal = number & (DS_PARTITION_SUBJECTS_MAX - 1);
  return ordinal < stars->ordinals[partition] &&
         atomic_load_explicit(&stars->facts_of[partition][ordinal], memory_order_relaxed) >= LEFT;
}

bool ds_identity_stars_left_in(const identity_stars *stars, uint32_t first, uint32_t last) {
  uint64_t number = first;
  while (number <= last) {
    const uint32_t partition = (uint32_t)(number >> DS_ORDINAL_BITS);
    const uint64_t begin = (uint64_t)partition << DS_ORDINAL_BITS;
    if (number - begin >= stars->ordinals[partition])
      number = begin + DS_PARTITION_SUBJECTS_MAX;
    else if (ds_identity_stars_left(stars, (uint32_t)number))
      return true;
    else
      number++;
  }
  return false;
}

// One more than the highest ordinal of a partition's centres.
static ds_code make_counts(identity_stars *stars, ds_error *err) {
  for (uint32_t t = 0; t < stars->work->threads; t++)
    for (uint32_t g = 0; g < stars->centres.groups; g++) {
      const ds_buf *buf = ds_identity_spread_at(&stars->centres, t, g);
      const centre *of = (const centre *)(const void *)buf->data;
      for (size_t i = 0; i < buf->size / sizeof *of; i++) {
        uint32_t *ordinals = &stars->ordinals[of[i].number >> DS_ORDINAL_BITS];
        const uint32_t ordinal = of[i].number & (DS_PARTITION_SUBJECTS_MAX - 1);
        *ordinals = ordinal < *ordinals ? *ordinals : ordinal + 1;
      }
    }
  for (uint32_t p = 0; p < DS_PARTITIONS; p++) {
    stars->facts_of[p] = calloc(stars->ordinals[p] + 1u, sizeof *stars->facts_of[p]);
    if (stars->facts_of[p] == NULL)
      return no_memory(err);
  }
  return DS_OK;
}

static ds_code list_mentions(const identity_stars *stars, star_thread *self, uint32_t group,
                             ds_error *err) {
  self->list_count = 0;
  for (uint32_t t = 0; t < stars->work->threads; t++) {
    const ds_buf *buf = ds_identity_spread_at(&stars->mentions, t, group);
    for (size_t at = 0; at < buf->size;) {
      mention *m = (mention *)(void *)(buf->data + at);
      if (!ds_identity_grow(&self->list, self->list_count, &self->list_capacity,
                            sizeof *self->list))
        return no_memory(err);
      self->list[self->list_count++] = m;
      at += mention_bytes(m->size);
    }
  }
  return DS_OK;
}

// The bit of a hash.
static uint64_t *word_of(const star_thread *self, uint64_t hash, uint64_t *ret_bit) {
  const uint64_t bit = hash & ((uint64_t)self->slots_count * SLOT_BITS - 1);
  *ret_bit = 1ull << (bit % 64);
  return &self->bits[bit / 64];
}

static inline bool may_be_leaf(const star_thread *self, uint64_t hash) {
  uint64_t bit;
  return (*word_of(self, hash, &bit) & bit) != 0;
}

// The slot of a hash: its own, or a free one.
static leaf_slot *slot_of(const star_thread *self, uint64_t hash) {
  const uint32_t mask = self->slots_count - 1, tag = (uint32_t)hash;
  uint32_t at = (uint32_t)(hash >> 24) & mask;
  while (self->slots[at].mention != DS_NONE &&
         (self->slots[at].tag != tag || self->list[self->slots[at].mention]->hash != hash))
    at = (at + 1) & mask;
  return &self->slots[at];
}

static ds_code make_table(identity_stars *stars, star_thread *self, ds_error *err) {
  uint32_t slots = SLOTS_MIN;
  while (slots / 2 < self->list_count)
    slots *= 2;
  if (slots > self->slots_capacity) {
    free(self->slots);
    free(self->bits);
    self->slots = malloc(slots * sizeof *self->slots);
    self->bits = malloc(slots / 64 * SLOT_BITS * sizeof *self->bits);
    self->slots_capacity = slots;
    if (self->slots == NULL || self->bits == NULL)
      return no_memory(err);
  }
  self->slots_count = slots;
  memset(self->slots, 0xFF, slots * sizeof *self->slots);
  memset(self->bits, 0, slots / 64 * SLOT_BITS * sizeof *self->bits);
  for (uint32_t i = 0; i < self->list_count; i++) {
    mention *m = self->list[i];
    leaf_slot *slot = slot_of(self, m->hash);
    uint64_t bit;
    *word_of(self, m->hash, &bit) |= bit;
    if (slot->mention == DS_NONE) {
      *slot = (leaf_slot){(uint32_t)m->hash, i};
      continue;
    }
    const mention *first = self->list[slot->mention];
    m->again = m->centre == first->centre && ds_str_equal(mention_text(m), mention_text(first));
    if (!m->again) { // S3
      leave(stars, m->centre);
      leave(stars, first->centre);
    }
  }
  return DS_OK;
}

static void judge_centres(identity_stars *stars, const star_thread *self, uint32_t group) {
  for (uint32_t t = 0; t < stars->work->threads; t++) {
    const ds_buf *buf = ds_identity_spread_at(&stars->centres, t, group);
    const centre *of = (const centre *)(const void *)buf->data;
    for (size_t i = 0; i < buf->size / sizeof *of; i++) {
      add_facts(stars, of[i].number, of[i].facts);
      if (!may_be_leaf(self, of[i].hash))
        continue;
      const leaf_slot *slot = slot_of(self, of[i].hash);
      if (slot->mention == DS_NONE)
        continue;
      leave(stars, of[i].number); // S3
      leave(stars, self->list[slot->mention]->centre);
    }
  }
}

// Journey j of a block is the leaf that a mention names, if it is known and the texts are the same.
static void take_leaf(identity_stars *stars, mention *m, const ds_block *block, uint32_t j) {
  const ds_snapshot *snapshot = stars->work->snapshot;
  bool known = false;
  for (uint32_t e = block->offset[j]; !known && e < block->offset[j + 1]; e++)
    known = ds_identity_is_known(snapshot, block, e);
  if (!known || !ds_str_equal(mention_text(m), block->subject[j]))
    return;
  assert(m->leaf == DS_NONE || m->leaf == block->customer[j]);
  m->leaf = block->customer[j];
  if (m->claims) // S5
    leave(stars, m->centre);
}

static ds_code find_leaves_in(identity_stars *stars, star_thread *self, const ds_place *place,
                              uint32_t b, ds_error *err) {
  const uint32_t *customers;
  const uint64_t *hashes;
  TRY(ds_part_block_subjects(place->part, b, self->reader, &customers, &hashes, err));
  const uint32_t journeys = ds_part_zone(place->part, b)->journeys;
  uint32_t hits = 0;
  for (uint32_t j = 0; j < journeys; j++) {
    if (!may_be_leaf(self, hashes[j]))
      continue;
    const leaf_slot *slot = slot_of(self, hashes[j]);
    if (slot->mention == DS_NONE)
      continue;
    if (!ds_identity_grow(&self->hits, hits, &self->hits_capacity, sizeof *self->hits))
      return no_memory(err);
    self->hits[hits++] = (leaf_hit){j, slot->mention};
  }
  if (hits == 0)
    return DS_OK;
  const ds_columns columns = {
      .want = DS_WANT_SUBJECT | ds_identity_want_known(stars->work->snapshot)};
  ds_block block;
  TRY(ds_part_read_block(place, b, &columns, self->reader, &block, err));
  for (uint32_t h = 0; h < hits; h++)
    take_leaf(stars, self->list[self->hits[h].mention], &block, self->hits[h].journey);
  return DS_OK;
}

// Notes what the mentions of the group have been found to be; of centres that are no stars in vain.
static ds_code note_mentions(identity_stars *stars, uint32_t thread, uint32_t group,
                             ds_error *err) {
  const star_thread *self = &stars->threads[thread];
  if (self->list_count > 0 && !ds_id_filter_init(&stars->leaves[group], self->list_count))
    return no_memory(err);
  for (uint32_t i = 0; i < self->list_count; i++) {
    const mention *m = self->list[i];
    if (m->leaf == DS_NONE && !m->again) {
      ds_id_filter_add(&stars->leaves[group], ds_identity_leaf_key(m->hash));
      continue;
    }
    const identity_row row = {m->centre, m->leaf, (uint64_t)(uintptr_t)m};
    ds_buf *to = ds_identity_spread_at(&stars->joined, thread,
                                       ds_identity_group(stars->work, m->centre));
    ds_buf_append(to, &row, sizeof row);
    if (to->failed)
      return no_memory(err);
  }
  return DS_OK;
}

static ds_code judge_group(void *context, uint32_t thread, uint32_t group, ds_error *err) {
  identity_stars *stars = context;
  star_thread *self = &stars->threads[thread];
  const ds_snapshot *snapshot = stars->work->snapshot;
  TRY(list_mentions(stars, self, group, err));
  TRY(make_table(stars, self, err));
  judge_centres(stars, self, group);
  for (uint32_t p = 0; p < snapshot->places_count && self->list_count > 0; p++) {
    const ds_place *place = &snapshot->places[p];
    uint32_t first, end;
    ds_identity_group_blocks(stars->work, place->part, group, &first, &end);
    for (uint32_t b = first; b < end; b++)
      TRY(find_leaves_in(stars, self, place, b, err));
  }
  return note_mentions(stars, thread, group, err);
}

// --- settling

// Counts the pairs of a group's centres, now that all are judged.
static ds_code settle_group(void *context, uint32_t thread, uint32_t group, ds_error *err) {
  (void)err;
  identity_stars *stars = context;
  star_thread *self = &stars->threads[thread];
  const uint32_t shift = stars->work->group_shift;
  for (uint32_t p = group << shift; p < (group + 1) << shift; p++)
    for (uint32_t o = 0; o < stars->ordinals[p]; o++) {
      const uint16_t facts = atomic_load_explicit(&stars->facts_of[p][o], memory_order_relaxed);
      self->any_left |= facts >= LEFT;
      self->links += facts < LEFT ? facts : 0u;
    }
  for (uint32_t t = 0; t < stars->work->threads; t++) {
    const ds_buf *buf = ds_identity_spread_at(&stars->joined, t, group);
    const identity_row *row = (const identity_row *)(const void *)buf->data;
    for (size_t i = 0; i < buf->size / sizeof *row; i++)
      self->again += row[i].other == DS_NONE && !ds_identity_stars_left(stars, row[i].number);
  }
  return DS_OK;
}

static bool wanted(const void *facts, const ds_place *place, uint32_t block) {
  return ds_identity_facts_in(facts, place, block);
}

static ds_code find(identity_stars *stars, ds_error *err) {
  identity_work *work = stars->work;
  if (!ds_identity_spread_init(&stars->mentions, work) ||
      !ds_identity_spread_init(&stars->centres, work) ||
      !ds_identity_spread_init(&stars->joined, work))
    return no_memory(err);
  for (uint32_t t = 0; t < work->threads; t++) {
    ds_names_init(&stars->threads[t].kinds, DS_KINDS_LISTED_MAX);
    stars->threads[t].reader = ds_block_reader_new();
    if (stars->threads[t].reader == NULL)
      return no_memory(err);
  }
  TRY(ds_identity_blocks(work->snapshot, wanted, &work->facts, &stars->blocks,
                         &stars->blocks_count, err));
  const uint32_t groups = ds_identity_groups(work);
  TRY(ds_parallel(work->threads, stars->blocks_count, read_block, stars, NULL, err));
  TRY(make_counts(stars, err));
  TRY(ds_parallel(work->threads, groups, judge_group, stars, NULL, err));
  TRY(ds_parallel(work->threads, groups, settle_group, stars, NULL, err));
  for (uint32_t t = 0; t < work->threads; t++) {
    work->stats.facts += stars->threads[t].facts;
    work->stats.unreadable += stars->threads[t].unreadable;
    work->stats.links += stars->threads[t].links;
    work->stats.links -= stars->threads[t].again;
  }
  return DS_OK;
}

ds_code ds_identity_stars_find(identity_work *work, identity_stars **ret_stars, ds_error *err) {
  identity_stars *stars = calloc(1, sizeof *stars);
  if (stars == NULL)
    return no_memory(err);
  *ret_stars = stars;
  stars->work = work;
  stars->threads = calloc(work->threads, sizeof *stars->threads);
  stars->leaves = calloc(ds_identity_groups(work), sizeof *stars->leaves);
  if (stars->threads == NULL || stars->leaves == NULL)
    return no_memory(err);
  return work->facts.any ? find(stars, err) : DS_OK;
}

bool ds_identity_stars_any_left(const identity_stars *stars) {
  bool any = false;
  for (uint32_t t = 0; t < stars->work->threads; t++)
    any |= stars->threads[t].any_left;
  return any;
}

void ds_identity_stars_free(identity_stars *stars) {
  if (stars == NULL)
    return;
  ds_identity_spread_done(&stars->mentions);
  ds_identity_spread_done(&stars->centres);
  ds_identity_spread_done(&stars->joined);
  for (uint32_t t = 0; stars->threads != NULL && t < stars->work->threads; t++) {
    star_thread *self = &stars->threads[t];
    ds_block_reader_free(self->reader);
    ds_names_done(&self->kinds);
    free(self->list);
    free(self->slots);
    free(self->bits);
    free(self->hits);
  }
  for (uint32_t p = 0; p < DS_PARTITIONS; p++)
    free(stars->facts_of[p]);
  for (uint32_t g = 0; stars->leaves != NULL && g < ds_identity_groups(stars->work); g++)
    ds_id_filter_done(&stars->leaves[g]);
  free(stars->leaves);
  free(stars->blocks);
  free(stars->threads);
  free(stars);
}

// --- what they give

static bool stronger_leaf(const identity_row *a, const identity_row *b) {
  const mention *x = (const mention *)(uintptr_t)a->more;
  const mention *y = (const mention *)(uintptr_t)b->more;
  return x->rank != y->rank ? x->rank < y->rank
                            : ds_str_compare(mention_text(x), mention_text(y)) < 0;
}

ds_code ds_identity_stars_seats(const identity_stars *stars, uint32_t group,
                                identity_seat **ret_seats, uint32_t *ret_count, ds_error *err) {
  identity_row *rows;
  uint32_t count;
  *ret_seats = NULL;
  *ret_count = 0;
  if (stars->joined.bufs == NULL)
    return DS_OK;
  TRY(ds_identity_rows_sorted(&stars->joined, group, &rows, &count, err));
  identity_seat *seats = malloc(((size_t)count * 2 + 1) * sizeof *seats);
  uint32_t used = 0, kept = 0;
  for (uint32_t i = 0; i < count; i++)
    if (rows[i].other != DS_NONE && !ds_identity_stars_left(stars, rows[i].number))
      rows[kept++] = rows[i];
  count = kept;
  for (uint32_t i = 0; seats != NULL && i < count; i++) {
    // A star has few leaves, so that one after the other takes its place.
    uint32_t at = i;
    const identity_row row = rows[i];
    for (; at > 0 && rows[at - 1].number == row.number && stronger_leaf(&row, &rows[at - 1]); at--)
      rows[at] = rows[at - 1];
    rows[at] = row;
  }
  for (uint32_t i = 0; seats != NULL && i < count; i++) {
    if (i == 0 || rows[i].number != rows[i - 1].number)
      seats[used++] = (identity_seat){rows[i].number, rows[i].number};
    seats[used++] = (identity_seat){rows[i].number, rows[i].other};
  }
  free(rows);
  *ret_seats = seats;
  *ret_count = used;
  return seats == NULL ? no_memory(err) : DS_OK;
}

ds_code ds_identity_stars_take(identity_stars *stars, ds_arena *arena, ds_identity *identity,
                               ds_error *err) {
  uint32_t left = 0, index;
  for (uint32_t round = 0; round < 2; round++) {
    uint32_t *weighed = round == 0 ? NULL : ds_arena_array(arena, left + 1u, sizeof *weighed);
    if (round == 1 && weighed == NULL)
      return no_memory(err);
    identity->weighed = weighed;
    identity->weighed_count = left;
    left = 0;
    for (uint32_t p = 0; p < DS_PARTITIONS && ds_identity_stars_any_left(stars); p++)
      for (uint32_t o = 0; o < stars->ordinals[p]; o++) {
        const uint32_t number = p << DS_ORDINAL_BITS | o;
        if (!ds_identity_stars_left(stars, number))
          continue;
        if (weighed != NULL)
          weighed[left] = number;
        left++;
      }
  }
  for (uint32_t t = 0; stars->threads != NULL && t < stars->work->threads; t++)
    for (uint32_t k = 0; k < stars->threads[t].kinds.count; k++)
      if (identity->kinds.count < DS_KINDS_LISTED_MAX)
        TRY(ds_names_add(&identity->kinds, stars->threads[t].kinds.text[k], &index, err));
  identity->leaves = stars->leaves;
  identity->leaves_groups = ds_identity_groups(stars->work);
  stars->leaves = NULL;
  return DS_OK;
}
