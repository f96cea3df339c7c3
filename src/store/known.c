// SPDX-License-Identifier: Apache-2.0
#include "store/known.h"

#include <assert.h>
#include <stdlib.h>

#include "base/pool.h"
#include "store/subject_table.h"
#include "store/subjects.h"

// Queries looked up side by side, so that the machine waits for their memory at once.
enum { CHUNK = 64 };

// What one call does of the work that can wait: one that has to wait for more of it is late.
enum { LEARN_BLOCKS = 1, FREE_ROOMS = 1 };

// A part and what was made for it.
typedef struct known_part {
  ds_part *part;
  uint64_t number;
  uint32_t blocks;
  uint32_t learnt; // so many of its first blocks have their subjects in the tables
  ds_part_filters filters;
} known_part;

// A block within a partition; one over several partitions is there for each.
typedef struct known_span {
  uint32_t first, last; // customers
  uint32_t part, block; // index of the part
} known_span;

// Query `query` may find its event in a block: a filter has to say, or has said "maybe".
typedef struct candidate {
  uint32_t part, block;
  uint32_t query;
} candidate;

struct ds_known {
  size_t bytes_max; // of tables, and of filters
  known_part *parts;
  uint32_t parts_count;
  known_span *spans; // partition by partition
  uint32_t span_first[DS_PARTITIONS + 1];
  ds_subject_table tables[DS_PARTITIONS];
  bool loaded[DS_PARTITIONS]; // the table has all subjects of the blocks that are `learnt`
  bool learning;              // not all blocks are
  bool numbered;              // there are tables at all: they fit
  bool warming;               // nobody waits
  size_t table_bytes, filter_bytes;
  uint32_t hand_part, hand_room; // the next room of filters to give way
  ds_part_filters *offers;       // made elsewhere, of parts that are still to come
  uint32_t offers_count;
  ds_part_filters *gone; // of parts that are gone: still to be freed
  uint32_t gone_count;
  uint32_t threads;
  ds_block_reader **readers; // one a thread; the first is the owner's
  // The block last learnt from: one often holds the subjects of many partitions.
  ds_block_reader *learner;
  uint64_t learnt_part; // its number; 0 = none
  uint32_t learnt_block;
  const uint32_t *learnt_customers;
  const uint64_t *learnt_hashes;
  candidate *candidates;
  uint32_t candidates_count, candidates_capacity;
  candidate *missing; // blocks whose filters are being made
  uint32_t missing_capacity;
  bool lacking; // a candidate's block has no filter yet
  ds_known_stats stats;
};

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for what the store knows");
}

static bool make_readers(ds_known *known) {
  known->learner = ds_block_reader_new();
  known->readers = calloc(known->threads, sizeof(ds_block_reader *));
  if (known->learner == NULL || known->readers == NULL)
    return false;
  for (uint32_t t = 0; t < known->threads; t++) {
    known->readers[t] = ds_block_reader_new();
    if (known->readers[t] == NULL)
      return false;
  }
  return true;
}

ds_known *ds_known_new(size_t memory_bytes, uint32_t threads) {
  assert(threads > 0);
  ds_known *known = calloc(1, sizeof *known);
  if (known == NULL)
    return NULL;
  known->bytes_max = memory_bytes / 2;
  known->numbered = true;
  known->threads = threads;
  if (!make_readers(known)) {
    ds_known_free(known);
    return NULL;
  }
  return known;
}

static size_t filters_bytes(const ds_part_filters *filters) {
  size_t bytes = 0;
  for (uint32_t r = 0; r < ds_filter_rooms(filters->blocks); r++)
    bytes += filters->room[r].bytes;
  return bytes;
}

// Adds to a list of filters, which are freed when there is no memory for it.
static void add_filters(ds_part_filters **list, uint32_t *count, ds_part_filters filters) {
  ds_part_filters *moved = realloc(*list, ((size_t)*count + 1) * sizeof *moved);
  if (moved == NULL) {
    ds_part_filters_done(&filters);
    return;
  }
  *list = moved;
  moved[(*count)++] = filters;
}

static void free_list(ds_part_filters **list, uint32_t *count) {
  for (uint32_t i = 0; i < *count; i++)
    ds_part_filters_done(&(*list)[i]);
  free(*list);
  *list = NULL;
  *count = 0;
}

// The filters of a part that is gone are not freed at once: they are large.
static void leave_filters(ds_known *known, known_part *part) {
  known->filter_bytes -= filters_bytes(&part->filters);
  if (part->filters.filter != NULL)
    add_filters(&known->gone, &known->gone_count, part->filters);
  part->filters = (ds_part_filters){.filter = NULL};
}

static void free_some(ds_known *known) {
  for (uint32_t freed = 0; freed < FREE_ROOMS && known->gone_count > 0;) {
    ds_part_filters *last = &known->gone[known->gone_count - 1];
    uint32_t room = ds_filter_rooms(last->blocks);
    while (room > 0 && last->room[room - 1].memory == NULL)
      room--;
    if (room > 0) {
      (void)ds_part_filters_drop_room(last, room - 1);
      freed++;
      continue;
    }
    ds_part_filters_done(last);
    known->gone_count--;
  }
}

static void free_tables(ds_known *known) {
  for (uint32_t p = 0; p < DS_PARTITIONS; p++)
    ds_subject_table_done(&known->tables[p]);
  known->table_bytes = 0;
}

void ds_known_free(ds_known *known) {
  if (known == NULL)
    return;
  for (uint32_t i = 0; i < known->parts_count; i++)
    leave_filters(known, &known->parts[i]);
  free_list(&known->offers, &known->offers_count);
  free_list(&known->gone, &known->gone_count);
  free_tables(known);
  for (uint32_t t = 0; t < known->threads && known->readers != NULL; t++)
    ds_block_reader_free(known->readers[t]);
  free(known->readers);
  ds_block_reader_free(known->learner);
  free(known->parts);
  free(known->spans);
  free(known->candidates);
  free(known->missing);
  free(known);
}

// Lists the blocks of every partition. Blocks of a part are in the order of their customers.
static ds_code list_spans(ds_known *known, ds_error *err) {
  uint32_t count = 0, capacity = 0;
  free(known->spans);
  known->spans = NULL;
  for (uint32_t p = 0; p < DS_PARTITIONS; p++) {
    known->span_first[p] = count;
    for (uint32_t i = 0; i < known->parts_count; i++) {
      const ds_part *part = known->parts[i].part;
      uint32_t block, end;
      ds_part_partition_blocks(part, p, &block, &end);
      if (count + (end - block) > capacity) {
        capacity = (count + (end - block)) * 2;
        known_span *moved = realloc(known->spans, capacity * sizeof *moved);
        if (moved == NULL)
          return no_memory(err);
        known->spans = moved;
      }
      for (; block < end; block++)
        known->spans[count++] = (known_span){
            part->zone[block].customer_first, part->zone[block].customer_last, i, block};
    }
  }
  known->span_first[DS_PARTITIONS] = count;
  return DS_OK;
}

// The same parts as last time?
static bool is_same(const ds_known *known, ds_part *const *parts, uint32_t count) {
  bool same = count == known->parts_count && (count == 0 || known->spans != NULL);
  for (uint32_t i = 0; i < count && same; i++)
    same = known->parts[i].number == parts[i]->info.number;
  return same;
}

// Moves what is known of a part with this number to `to`.
static bool take_part(ds_known *known, uint64_t number, known_part *to) {
  for (uint32_t i = 0; i < known->parts_count; i++) {
    if (known->parts[i].number != number)
      continue;
    *to = known->parts[i];
    known->parts[i] = (known_part){.number = 0};
    return true;
  }
  return false;
}

size_t ds_known_filters_max(const ds_known *known) { return known->bytes_max; }

void ds_known_offer(ds_known *known, ds_part_filters *filters) {
  add_filters(&known->offers, &known->offers_count, *filters);
  *filters = (ds_part_filters){.filter = NULL};
}

// Frees rooms of filters, one after another in turn, until `bytes` more fit.
static bool make_room(ds_known *known, size_t bytes) {
  if (bytes > known->bytes_max)
    return false;
  while (known->filter_bytes + bytes > known->bytes_max) {
    ds_part_filters *filters = &known->parts[known->hand_part].filters;
    if (known->hand_room >= ds_filter_rooms(filters->blocks)) {
      known->hand_part = (known->hand_part + 1) % known->parts_count;
      known->hand_room = 0;
      continue;
    }
    known->filter_bytes -= ds_part_filters_drop_room(filters, known->hand_room++);
  }
  return true;
}

static uint32_t filters_made(const ds_part_filters *filters) {
  uint32_t made = 0;
  for (uint32_t b = 0; b < filters->blocks; b++)
    made += filters->filter[b].word != NULL;
  return made;
}

static bool take_offer(ds_known *known, ds_part_filters *offer) {
  for (uint32_t i = 0; i < known->parts_count; i++) {
    known_part *part = &known->parts[i];
    if (part->number != offer->part || part->blocks != offer->blocks ||
        part->filters.filter != NULL)
      continue;
    known->filter_bytes += filters_bytes(offer);
    part->filters = *offer;
    known->stats.filters_taken += filters_made(offer);
    return true;
  }
  return false;
}

// Gives the parts the filters that were offered for them; other offers wait for their parts.
static void take_offers(ds_known *known) {
  uint32_t kept = 0;
  for (uint32_t f = 0; f < known->offers_count; f++)
    if (!take_offer(known, &known->offers[f]))
      known->offers[kept++] = known->offers[f];
  known->offers_count = kept;
  const bool fits = make_room(known, 0);
  assert(fits);
  (void)fits;
}

static ds_code change_parts(ds_known *known, ds_part *const *parts, uint32_t count, bool rewritten,
                            ds_error *err) {
  known_part *next = calloc((size_t)count + 1, sizeof *next);
  if (next == NULL)
    return no_memory(err);
  for (uint32_t i = 0; i < count; i++)
    (void)take_part(known, parts[i]->info.number, &next[i]);
  bool learnt = rewritten;
  for (uint32_t i = 0; i < known->parts_count; i++) {
    learnt = learnt && known->parts[i].learnt == known->parts[i].blocks;
    leave_filters(known, &known->parts[i]);
  }
  for (uint32_t i = 0; i < count; i++) {
    if (next[i].number == 0)
      next[i] = (known_part){.number = parts[i]->info.number,
                             .blocks = parts[i]->info.blocks,
                             .learnt = learnt ? parts[i]->info.blocks : 0};
    next[i].part = parts[i];
  }
  free(known->parts);
  known->parts = next;
  known->parts_count = count;
  known->hand_part = known->hand_room = 0;
  known->learning = true;
  take_offers(known);
  const ds_code code = list_spans(known, err);
  if (code != DS_OK) {
    // A list that lacks blocks must never be believed.
    free(known->spans);
    known->spans = NULL;
  }
  return code;
}

ds_code ds_known_follow(ds_known *known, ds_part *const *parts, uint32_t parts_count,
                        bool rewritten, ds_error *err) {
  if (!is_same(known, parts, parts_count))
    return change_parts(known, parts, parts_count, rewritten, err);
  for (uint32_t i = 0; i < parts_count; i++)
    known->parts[i].part = parts[i];
  return DS_OK;
}

// Adds the subjects of a block to the tables of partition `partition`, or of all that are loaded
// (DS_NONE).
static ds_code learn_block(ds_known *known, const ds_part *part, uint32_t block,
                           uint32_t partition, ds_error *err) {
  if (known->learnt_part != part->info.number || known->learnt_block != block) {
    known->learnt_part = 0;
    TRY(ds_part_block_subjects(part, block, known->learner, &known->learnt_customers,
                               &known->learnt_hashes, err));
    known->learnt_part = part->info.number;
    known->learnt_block = block;
  }
  const uint32_t *customers = known->learnt_customers;
  const uint64_t *hashes = known->learnt_hashes;
  for (uint32_t j = 0; j < part->zone[block].journeys; j++) {
    const uint32_t p = customers[j] >> DS_ORDINAL_BITS;
    if (partition == DS_NONE ? !known->loaded[p] : p != partition)
      continue;
    if (ds_subject_partition(hashes[j]) != p)
      return ds_fail(err, DS_CORRUPT, "part %llu holds a customer under a number of another",
                     (unsigned long long)part->info.number);
    ds_subject_table *table = &known->tables[p];
    const size_t before = ds_subject_table_bytes(table);
    if (!ds_subject_table_add(table, hashes[j], customers[j]))
      return no_memory(err);
    known->table_bytes += ds_subject_table_bytes(table) - before;
  }
  return DS_OK;
}

// Tables that are too large for the budget are done without, from now on.
static void keep_budget(ds_known *known) {
  if (known->table_bytes <= known->bytes_max)
    return;
  free_tables(known);
  known->numbered = false;
}

// Whether a table that is loaded is to learn from a block.
static bool is_awaited(const ds_known *known, const ds_block_zone *zone) {
  for (uint32_t p = zone->customer_first >> DS_ORDINAL_BITS;
       p <= zone->customer_last >> DS_ORDINAL_BITS; p++)
    if (known->loaded[p])
      return true;
  return false;
}

// Brings the tables that are loaded up to date with new parts, by so many blocks.
static ds_code learn_parts(ds_known *known, uint32_t blocks, ds_error *err) {
  for (uint32_t i = 0; i < known->parts_count && known->learning; i++) {
    known_part *part = &known->parts[i];
    for (; part->learnt < part->blocks && known->numbered; part->learnt++) {
      if (!is_awaited(known, &part->part->zone[part->learnt]))
        continue;
      if (blocks-- == 0)
        return DS_OK;
      TRY(learn_block(known, part->part, part->learnt, DS_NONE, err));
      keep_budget(known);
    }
  }
  known->learning = false;
  return DS_OK;
}

static ds_code load_table(ds_known *known, uint32_t partition, ds_error *err) {
  for (uint32_t s = known->span_first[partition]; s < known->span_first[partition + 1]; s++) {
    const known_span *span = &known->spans[s];
    TRY(learn_block(known, known->parts[span->part].part, span->block, partition, err));
  }
  known->loaded[partition] = true;
  keep_budget(known);
  return DS_OK;
}

static bool has_filter(const known_part *part, uint32_t block) {
  return part->filters.filter != NULL && part->filters.filter[block].word != NULL;
}

// Whether there is room for the filter of a block, for which others may have to give way.
static ds_code room_of(ds_known *known, known_part *part, uint32_t block, bool may_free,
                       bool *ret_there, ds_error *err) {
  const uint32_t room = ds_filter_room_of(block);
  *ret_there = part->filters.filter != NULL && part->filters.room[room].memory != NULL;
  if (*ret_there)
    return DS_OK;
  const size_t bytes = ds_filter_room_bytes(part->part, room);
  if (may_free ? !make_room(known, bytes) : known->filter_bytes + bytes > known->bytes_max)
    return DS_OK;
  if (!ds_part_filters_add_room(&part->filters, part->part, room, known->warming))
    return no_memory(err);
  known->filter_bytes += bytes;
  *ret_there = true;
  return DS_OK;
}

// The block's filter, made when it is not there; NULL when there is no room for it.
static ds_code filter_of(ds_known *known, uint32_t part_index, uint32_t block,
                         const ds_id_filter **ret_filter, ds_error *err) {
  known_part *part = &known->parts[part_index];
  bool there = true;
  *ret_filter = NULL;
  if (!has_filter(part, block)) {
    TRY(room_of(known, part, block, true, &there, err));
    if (there)
      TRY(ds_part_filter_make(&part->filters, part->part, block, known->readers[0], err));
  }
  if (there)
    *ret_filter = &part->filters.filter[block];
  return DS_OK;
}

static ds_code make_one(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  ds_known *known = context;
  known_part *part = &known->parts[known->missing[job].part];
  return ds_part_filter_make(&part->filters, part->part, known->missing[job].block,
                             known->readers[thread], err);
}

// Makes room for one more missing filter; false when all that may be made at once are listed.
static ds_code list_missing(ds_known *known, const candidate *one, uint32_t *count, bool *ret_more,
                            ds_error *err) {
  TRY(room_of(known, &known->parts[one->part], one->block, false, ret_more, err));
  if (*ret_more)
    known->missing[(*count)++] = *one;
  return DS_OK;
}

// Makes the filters of blocks, ascending, that are not there and fit beside all others, on all
// threads: whoever appends to a store that was just opened waits for most of them at once.
static ds_code make_missing(ds_known *known, const candidate *wanted, uint32_t wanted_count,
                            ds_error *err) {
  if (wanted_count > known->missing_capacity) {
    candidate *moved = realloc(known->missing, wanted_count * sizeof *moved);
    if (moved == NULL)
      return no_memory(err);
    known->missing = moved;
    known->missing_capacity = wanted_count;
  }
  uint32_t count = 0;
  bool more = true;
  for (uint32_t i = 0; i < wanted_count && more; i++) {
    const bool again = i > 0 && wanted[i].part == wanted[i - 1].part &&
                       wanted[i].block == wanted[i - 1].block;
    if (!again && !has_filter(&known->parts[wanted[i].part], wanted[i].block))
      TRY(list_missing(known, &wanted[i], &count, &more, err));
  }
  return count < 2 ? DS_OK : ds_parallel(known->threads, count, make_one, known, NULL, err);
}

static ds_code add_candidate(ds_known *known, const known_span *span, uint32_t query,
                             ds_error *err) {
  if (known->candidates_count == known->candidates_capacity) {
    const uint32_t capacity = known->candidates_capacity * 2 + 256;
    candidate *moved = realloc(known->candidates, capacity * sizeof *moved);
    if (moved == NULL)
      return no_memory(err);
    known->candidates = moved;
    known->candidates_capacity = capacity;
  }
  known->candidates[known->candidates_count++] = (candidate){span->part, span->block, query};
  return DS_OK;
}

static ds_code add_span(ds_known *known, const known_span *span, const ds_event_query *query,
                        uint32_t index, ds_error *err) {
  const known_part *part = &known->parts[span->part];
  if (has_filter(part, span->block))
    ds_id_filter_prefetch(&part->filters.filter[span->block],
                          ds_id_filter_key(query->hash, query->id));
  else
    known->lacking = true;
  return add_candidate(known, span, index, err);
}

// The learnt blocks of the partition that hold customer `number`; all that are not learnt
// (DS_NONE), or all without tables.
static ds_code add_blocks(ds_known *known, const ds_event_query *query, uint32_t index,
                          uint32_t number, ds_error *err) {
  const uint32_t partition = ds_subject_partition(query->hash);
  for (uint32_t s = known->span_first[partition]; s < known->span_first[partition + 1]; s++) {
    const known_span *span = &known->spans[s];
    const bool numbered = known->numbered && span->block < known->parts[span->part].learnt;
    if (numbered ? number >= span->first && number <= span->last : number == DS_NONE)
      TRY(add_span(known, span, query, index, err));
  }
  return DS_OK;
}

// Adds the blocks that may hold the event of a query.
static ds_code find_blocks(ds_known *known, const ds_event_query *query, uint32_t index,
                           ds_error *err) {
  if (known->learning || !known->numbered)
    TRY(add_blocks(known, query, index, DS_NONE, err));
  uint32_t cursor = 0, number;
  const ds_subject_table *table = &known->tables[ds_subject_partition(query->hash)];
  while (known->numbered && ds_subject_table_next(table, query->hash, &cursor, &number))
    TRY(add_blocks(known, query, index, number, err));
  return DS_OK;
}

// Keeps of the candidates from `first` on those that no filter rules out.
static ds_code filter_candidates(ds_known *known, const ds_event_query *queries, uint32_t first,
                                 ds_error *err) {
  uint32_t kept = first;
  for (uint32_t c = first; c < known->candidates_count; c++) {
    const candidate one = known->candidates[c];
    const ds_id_filter *filter;
    TRY(filter_of(known, one.part, one.block, &filter, err));
    const uint64_t key = ds_id_filter_key(queries[one.query].hash, queries[one.query].id);
    if (filter == NULL || ds_id_filter_may_hold(filter, key))
      known->candidates[kept++] = one;
  }
  known->candidates_count = kept;
  return DS_OK;
}

static int by_block(const void *left, const void *right) {
  const candidate *a = left, *b = right;
  if (a->part != b->part)
    return a->part < b->part ? -1 : 1;
  if (a->block != b->block)
    return a->block < b->block ? -1 : 1;
  return (a->query > b->query) - (a->query < b->query);
}

// Makes what the candidates from `first` on lack. Their order is nobody's.
static ds_code make_missing_of(ds_known *known, uint32_t first, ds_error *err) {
  const uint32_t count = known->candidates_count - first;
  if (count > 1)
    qsort(known->candidates + first, count, sizeof(candidate), by_block);
  return make_missing(known, known->candidates + first, count, err);
}

static ds_code find_candidates(ds_known *known, const ds_event_query *queries, uint32_t count,
                               ds_error *err) {
  known->candidates_count = 0;
  for (uint32_t first = 0; first < count; first += CHUNK) {
    const uint32_t end = count - first < CHUNK ? count : first + CHUNK;
    for (uint32_t q = first; q < end && known->numbered; q++) {
      const uint32_t partition = ds_subject_partition(queries[q].hash);
      if (!known->loaded[partition])
        TRY(load_table(known, partition, err));
      ds_subject_table_prefetch(&known->tables[partition], queries[q].hash);
    }
    const uint32_t before = known->candidates_count;
    known->lacking = false;
    for (uint32_t q = first; q < end; q++)
      TRY(find_blocks(known, &queries[q], q, err));
    if (known->lacking)
      TRY(make_missing_of(known, before, err));
    TRY(filter_candidates(known, queries, before, err));
  }
  return DS_OK;
}

static int by_hash(const void *left, const void *right) {
  const ds_event_query *a = *(ds_event_query *const *)left, *b = *(ds_event_query *const *)right;
  return (a->hash > b->hash) - (a->hash < b->hash);
}

// Reads one block and answers the queries of `count` candidates.
static ds_code ask_block(ds_known *known, const candidate *candidates, uint32_t count,
                         ds_event_query *queries, ds_error *err) {
  ds_event_query **asked = calloc(count, sizeof *asked);
  if (asked == NULL)
    return no_memory(err);
  for (uint32_t c = 0; c < count; c++)
    asked[c] = &queries[candidates[c].query];
  qsort(asked, count, sizeof *asked, by_hash);
  const ds_code code = ds_part_find_events(known->parts[candidates->part].part, candidates->block,
                                           asked, count, known->readers[0], err);
  known->stats.blocks_read++;
  free(asked);
  return code;
}

ds_code ds_known_find(ds_known *known, ds_event_query *queries, uint32_t count, ds_error *err) {
  if (count == 0)
    return DS_OK;
  free_some(known);
  TRY(learn_parts(known, LEARN_BLOCKS, err));
  TRY(find_candidates(known, queries, count, err));
  if (known->candidates_count > 1)
    qsort(known->candidates, known->candidates_count, sizeof(candidate), by_block);
  for (uint32_t c = 0; c < known->candidates_count;) {
    const candidate *first = &known->candidates[c];
    uint32_t n = 1;
    while (c + n < known->candidates_count && first[n].part == first->part &&
           first[n].block == first->block)
      n++;
    TRY(ask_block(known, first, n, queries, err));
    c += n;
  }
  return DS_OK;
}

ds_code ds_known_warm(ds_known *known, ds_error *err) {
  // Block by block, each into the tables of all its partitions.
  for (uint32_t p = 0; p < DS_PARTITIONS; p++)
    known->loaded[p] = true;
  for (uint32_t i = 0; i < known->parts_count; i++)
    known->parts[i].learnt = 0;
  known->learning = true;
  TRY(learn_parts(known, UINT32_MAX, err));
  known->candidates_count = 0;
  for (uint32_t i = 0; i < known->parts_count; i++)
    for (uint32_t b = 0; b < known->parts[i].blocks; b++)
      TRY(add_candidate(known, &(known_span){.part = i, .block = b}, 0, err));
  known->warming = true;
  const ds_code code = make_missing(known, known->candidates, known->candidates_count, err);
  known->warming = false;
  return code;
}

ds_known_stats ds_known_get_stats(const ds_known *known) {
  ds_known_stats stats = known->stats;
  stats.table_bytes = known->table_bytes;
  stats.filter_bytes = known->filter_bytes;
  for (uint32_t p = 0; p < DS_PARTITIONS; p++)
    stats.subjects += known->tables[p].count;
  for (uint32_t i = 0; i < known->parts_count; i++)
    stats.filters += filters_made(&known->parts[i].filters);
  return stats;
}
