// SPDX-License-Identifier: Apache-2.0
// What a snapshot says of identity. Objects: only parts that list such a kind of subject are read;
// and if there are any, the case keys of all parts that know the key. Facts: those that make stars
// are settled, the others read once more and noted. At the end every identifier met gets its
// number, partition by partition. A store without facts and objects reads nothing.
#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/pool.h"
#include "store/identity_stars.h"

enum { OBJECT_KINDS_MAX = 16 };

// A claim as read; texts live in the thread's arena.
typedef struct raw_claim {
  ds_str object, claimant;
  int64_t time_ms;
} raw_claim;

// What one thread has found.
typedef struct finder {
  ds_block_reader *reader;
  ds_arena *texts;
  identity_fact *facts;
  uint32_t facts_count, facts_capacity;
  ds_str *objects;
  uint32_t objects_count, objects_capacity;
  raw_claim *claims;
  uint32_t claims_count, claims_capacity;
  uint32_t *hits; // journeys of a block whose hash is looked for
  uint32_t hits_capacity;
} finder;

typedef struct reading {
  identity_work *work;
  const ds_snapshot *snapshot;
  finder *finders;
  identity_block *blocks; // of the pass in hand
  const uint32_t *pair; // only facts of these two nodes; NULL = all that make no star
  uint16_t keys[OBJECT_KINDS_MAX]; // codes of case keys that are kinds of subjects too
  ds_str kinds[OBJECT_KINDS_MAX];  // their names
  uint32_t keys_count;
  ds_map64 objects; // of object_key -> node
  ds_map64 by_group[DS_PARTITIONS]; // hash -> the first node of it
} reading;

static ds_code no_memory(ds_error *err) { return ds_identity_no_memory(err); }

static bool keep(finder *self, ds_str text, ds_str *ret_text) {
  *ret_text = (ds_str){ds_arena_text(self->texts, text.data, text.size), text.size};
  return ret_text->data != NULL;
}

// --- facts

static bool is_wanted(const reading *in, uint32_t number) {
  return in->pair != NULL || ds_identity_stars_left(in->work->stars, number);
}

static ds_code take_fact(reading *in, finder *self, const ds_block *block, uint32_t journey,
                         uint32_t event, ds_error *err) {
  identity_fact read = {.received_ms = block->received_ms[event],
                        .arrival = block->arrival[event]};
  ds_str other;
  if (!ds_identity_fact_take(&in->work->facts, block, event, &read.what, &other))
    return DS_OK;
  if (!ds_identity_grow(&self->facts, self->facts_count, &self->facts_capacity,
                        sizeof *self->facts) ||
      !keep(self, block->subject[journey], &read.a) || !keep(self, other, &read.b))
    return no_memory(err);
  self->facts[self->facts_count++] = read;
  return DS_OK;
}

static ds_code read_facts(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  reading *in = context;
  finder *self = &in->finders[thread];
  const identity_facts *facts = &in->work->facts;
  const identity_block *at = &in->blocks[job];
  ds_block block;
  TRY(ds_identity_facts_read(facts, &in->snapshot->places[at->place], at->block,
                             DS_WANT_TIME | DS_WANT_RECEIVED | DS_WANT_ARRIVAL | DS_WANT_SUBJECT,
                             self->reader, &block, err));
  for (uint32_t j = 0; j < block.journeys; j++)
    for (uint32_t e = block.offset[j];
         e < block.offset[j + 1] && is_wanted(in, block.customer[j]); e++)
      if (ds_identity_is_fact(facts, &block, e))
        TRY(take_fact(in, self, &block, j, e, err));
  return DS_OK;
}

// Whether one of the pair may have a journey in the block.
static bool has_pair(const reading *in, const ds_block_zone *zone) {
  bool any = false;
  for (uint32_t n = 0; n < 2 && !any; n++) {
    const uint32_t partition = ds_subject_partition(in->work->nodes[in->pair[n]].hash);
    any = partition >= zone->customer_first >> DS_ORDINAL_BITS &&
          partition <= zone->customer_last >> DS_ORDINAL_BITS;
  }
  return any;
}

static bool has_facts(const void *context, const ds_place *place, uint32_t block) {
  const reading *in = context;
  const ds_block_zone *zone = ds_part_zone(place->part, block);
  return ds_identity_facts_in(&in->work->facts, place, block) &&
         (in->pair != NULL ? has_pair(in, zone)
                           : ds_identity_stars_left_in(in->work->stars, zone->customer_first,
                                                       zone->customer_last));
}

// --- objects

static ds_code read_objects(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  reading *in = context;
  finder *self = &in->finders[thread];
  const identity_block *at = &in->blocks[job];
  ds_block block;
  TRY(ds_part_block_ids(in->snapshot->places[at->place].part, at->block, DS_WANT_SUBJECT,
                        self->reader, &block, err));
  for (uint32_t j = 0; j < block.journeys; j++) {
    const ds_str kind = ds_subject_kind(block.subject[j]);
    uint32_t k = 0;
    while (k < in->keys_count && !ds_str_equal(kind, in->kinds[k]))
      k++;
    if (k == in->keys_count)
      continue;
    if (!ds_identity_grow(&self->objects, self->objects_count, &self->objects_capacity,
              sizeof *self->objects) ||
        !keep(self, block.subject[j], &self->objects[self->objects_count++]))
      return no_memory(err);
  }
  return DS_OK;
}

static uint64_t object_key(uint64_t hash, uint32_t key) {
  return hash ^ (uint64_t)(key + 1) * 0x9e3779b97f4a7c15u;
}

// The earliest known event of journey j with value v; false when there is none.
static bool earliest(const ds_snapshot *snapshot, const ds_block *block, const ds_key_column *key,
                     uint32_t j, uint32_t v, int64_t *ret_time_ms) {
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++)
    for (uint32_t i = key->first[e]; i < key->first[e + 1]; i++)
      if (key->item[i] == v && ds_identity_is_known(snapshot, block, e)) {
        *ret_time_ms = block->time_ms[e];
        return true;
      }
  return false;
}

static ds_code take_claim(reading *in, finder *self, const ds_block *block, uint32_t j, uint32_t k,
                          uint32_t v, ds_error *err) {
  const ds_key_column *key = &block->key[k];
  const uint32_t object = ds_map64_get(&in->objects, object_key(key->hash[v], k));
  int64_t time_ms = 0;
  if (object == DS_NONE || !earliest(in->snapshot, block, key, j, v, &time_ms) ||
      ds_str_equal(in->work->nodes[object].text, block->subject[j]))
    return DS_OK;
  if (!ds_identity_grow(&self->claims, self->claims_count, &self->claims_capacity,
                        sizeof *self->claims))
    return no_memory(err);
  raw_claim *claim = &self->claims[self->claims_count++];
  claim->object = in->work->nodes[object].text;
  claim->time_ms = time_ms;
  return keep(self, block->subject[j], &claim->claimant) ? DS_OK : no_memory(err);
}

static ds_code read_claims(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  reading *in = context;
  finder *self = &in->finders[thread];
  const identity_block *at = &in->blocks[job];
  const ds_columns columns = {.want = DS_WANT_TIME | DS_WANT_SUBJECT |
                                      ds_identity_want_known(in->snapshot),
                              .keys_count = in->keys_count,
                              .keys = in->keys};
  ds_block block;
  TRY(ds_part_read_block(&in->snapshot->places[at->place], at->block, &columns, self->reader,
                         &block, err));
  for (uint32_t k = 0; k < in->keys_count; k++)
    for (uint32_t j = 0; j < block.journeys; j++)
      for (uint32_t v = block.key[k].offset[j]; v < block.key[k].offset[j + 1]; v++)
        TRY(take_claim(in, self, &block, j, k, v, err));
  return DS_OK;
}

// --- numbers

// Journey j of the block is the node of its text, if there is one. Only the thread of its group
// comes here with it.
static void take_number(reading *in, const ds_map64 *nodes_of, const ds_block *block, uint32_t j) {
  identity_node *nodes = in->work->nodes;
  const ds_str text = block->subject[j];
  uint32_t n = ds_map64_get(nodes_of, ds_subject_hash(text));
  while (n != DS_NONE && !ds_str_equal(nodes[n].text, text))
    n = nodes[n].next;
  bool known = n != DS_NONE && ds_identity_knows_all(in->snapshot);
  for (uint32_t e = block->offset[j]; n != DS_NONE && !known && e < block->offset[j + 1]; e++)
    known = ds_identity_is_known(in->snapshot, block, e);
  if (!known)
    return;
  assert(nodes[n].number == DS_NONE || nodes[n].number == block->customer[j]);
  nodes[n].number = block->customer[j];
}

static ds_code read_numbers_block(reading *in, finder *self, const ds_map64 *nodes_of,
                                  const ds_place *place, uint32_t b, ds_error *err) {
  const uint32_t *customers;
  const uint64_t *hashes;
  TRY(ds_part_block_subjects(place->part, b, self->reader, &customers, &hashes, err));
  const uint32_t journeys = ds_part_zone(place->part, b)->journeys;
  uint32_t hits = 0;
  for (uint32_t j = 0; j < journeys; j++) {
    if (ds_map64_get(nodes_of, hashes[j]) == DS_NONE)
      continue;
    if (!ds_identity_grow(&self->hits, hits, &self->hits_capacity, sizeof *self->hits))
      return no_memory(err);
    self->hits[hits++] = j;
  }
  if (hits == 0)
    return DS_OK;
  const ds_columns columns = {.want = DS_WANT_SUBJECT | ds_identity_want_known(in->snapshot)};
  ds_block block;
  TRY(ds_part_read_block(place, b, &columns, self->reader, &block, err));
  for (uint32_t h = 0; h < hits; h++)
    take_number(in, nodes_of, &block, self->hits[h]);
  return DS_OK;
}

static ds_code read_numbers(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  reading *in = context;
  const ds_map64 *nodes_of = &in->by_group[job];
  if (nodes_of->count == 0)
    return DS_OK;
  for (uint32_t p = 0; p < in->snapshot->places_count; p++) {
    const ds_place *place = &in->snapshot->places[p];
    uint32_t first, end;
    ds_identity_group_blocks(in->work, place->part, job, &first, &end);
    for (uint32_t b = first; b < end; b++)
      TRY(read_numbers_block(in, &in->finders[thread], nodes_of, place, b, err));
  }
  return DS_OK;
}

// The nodes by group, so that a thread looks into a small table.
static ds_code spread_nodes(reading *in, ds_error *err) {
  const identity_work *work = in->work;
  for (uint32_t n = 0; n < work->nodes_count; n++) {
    const uint64_t hash = work->nodes[n].hash;
    uint32_t *first =
        ds_map64_put(&in->by_group[ds_identity_group_of_hash(work, hash)], hash);
    if (first == NULL)
      return no_memory(err);
    // Those of the same hash hang on one another, the newest first.
    *first = n;
  }
  return DS_OK;
}

// --- the passes

static bool has_objects(const void *context, const ds_place *place, uint32_t block) {
  const reading *in = context;
  (void)block;
  for (uint32_t k = 0; k < in->keys_count; k++)
    if (ds_names_find(ds_part_kinds(place->part), in->kinds[k]) != DS_NONE)
      return true;
  return false;
}

static bool has_keys(const void *context, const ds_place *place, uint32_t block) {
  const reading *in = context;
  (void)block;
  for (uint32_t k = 0; k < in->keys_count; k++)
    if (ds_names_find(&ds_part_space(place->part)->keys, in->kinds[k]) != DS_NONE)
      return true;
  return false;
}

// Runs `job` over the blocks that are wanted.
static ds_code pass(reading *in, identity_wanted wanted, ds_job job, ds_error *err) {
  uint32_t count = 0;
  ds_code code = ds_identity_blocks(in->snapshot, wanted, in, &in->blocks, &count, err);
  if (code == DS_OK && count > 0)
    code = ds_parallel(in->work->threads, count, job, in, NULL, err);
  free(in->blocks);
  in->blocks = NULL;
  return code;
}

static ds_code note_fact(const reading *in, const identity_fact *fact, identity_links *links,
                         ds_error *err) {
  uint32_t a = 0, b = 0;
  TRY(ds_identity_node_of(in->work, fact->a, &a, err));
  TRY(ds_identity_node_of(in->work, fact->b, &b, err));
  if (in->pair != NULL && !(a == in->pair[0] && b == in->pair[1]) &&
      !(a == in->pair[1] && b == in->pair[0]))
    return DS_OK;
  return ds_identity_note(links, a, b, fact, err);
}

static ds_code facts_pass(reading *in, identity_links *links, ds_error *err) {
  TRY(pass(in, has_facts, read_facts, err));
  for (uint32_t t = 0; t < in->work->threads; t++) {
    const finder *self = &in->finders[t];
    for (uint32_t f = 0; f < self->facts_count; f++)
      TRY(note_fact(in, &self->facts[f], links, err));
  }
  return DS_OK;
}

// The case keys that are kinds of subjects in some place.
static void find_kinds(reading *in) {
  const ds_names *keys = &in->snapshot->space.keys;
  for (uint32_t o = 0; ds_identifier_object(o) != NULL; o++) {
    const ds_str name = ds_str_of(ds_identifier_object(o));
    const uint32_t key = ds_names_find(keys, name);
    bool any = false;
    for (uint32_t p = 0; key != DS_NONE && p < in->snapshot->places_count; p++)
      any |= ds_names_find(ds_part_kinds(in->snapshot->places[p].part), name) != DS_NONE;
    if (any) {
      assert(in->keys_count < OBJECT_KINDS_MAX);
      in->keys[in->keys_count] = (uint16_t)key;
      in->kinds[in->keys_count++] = name;
    }
  }
}

static ds_code add_objects(reading *in, ds_error *err) {
  for (uint32_t t = 0; t < in->work->threads; t++)
    for (uint32_t o = 0; o < in->finders[t].objects_count; o++) {
      const ds_str text = in->finders[t].objects[o];
      const ds_str kind = ds_subject_kind(text);
      uint32_t node = 0, k = 0;
      TRY(ds_identity_node_of(in->work, text, &node, err));
      while (!ds_str_equal(kind, in->kinds[k]))
        k++;
      const ds_str value = {text.data + kind.size + 1, text.size - kind.size - 1};
      uint32_t *slot = ds_map64_put(&in->objects, object_key(ds_key_hash(value), k));
      if (slot == NULL)
        return no_memory(err);
      *slot = node;
    }
  return DS_OK;
}

static ds_code add_claims(reading *in, ds_error *err) {
  identity_work *work = in->work;
  for (uint32_t t = 0; t < work->threads; t++)
    for (uint32_t c = 0; c < in->finders[t].claims_count; c++) {
      const raw_claim *raw = &in->finders[t].claims[c];
      if (!ds_identity_grow(&work->claims, work->claims_count, &work->claims_capacity,
                            sizeof *work->claims))
        return no_memory(err);
      identity_claim *claim = &work->claims[work->claims_count++];
      claim->time_ms = raw->time_ms;
      TRY(ds_identity_node_of(work, raw->object, &claim->object, err));
      TRY(ds_identity_node_of(work, raw->claimant, &claim->claimant, err));
    }
  return DS_OK;
}

static ds_code objects_pass(reading *in, ds_error *err) {
  find_kinds(in);
  if (in->keys_count == 0)
    return DS_OK;
  TRY(pass(in, has_objects, read_objects, err));
  TRY(add_objects(in, err));
  TRY(pass(in, has_keys, read_claims, err));
  return add_claims(in, err);
}

static ds_code numbers_pass(reading *in, ds_error *err) {
  if (in->work->nodes_count == 0)
    return DS_OK;
  TRY(spread_nodes(in, err));
  return ds_parallel(in->work->threads, ds_identity_groups(in->work), read_numbers, in, NULL, err);
}

static ds_code run(reading *in, identity_links *links, ds_error *err) {
  if (in->pair != NULL)
    return facts_pass(in, links, err);
  TRY(objects_pass(in, err));
  TRY(ds_identity_stars_find(in->work, &in->work->stars, err));
  if (ds_identity_stars_any_left(in->work->stars))
    TRY(facts_pass(in, links, err));
  return numbers_pass(in, err);
}

static ds_code read_all(identity_work *work, const uint32_t *pair, identity_links *links,
                        ds_arena *texts, ds_error *err) {
  reading *in = calloc(1, sizeof *in);
  finder *finders = calloc(work->threads, sizeof *finders);
  ds_code code = in == NULL || finders == NULL ? no_memory(err) : DS_OK;
  for (uint32_t t = 0; t < work->threads && code == DS_OK; t++) {
    finders[t].texts = &texts[t];
    finders[t].reader = ds_block_reader_new();
    if (finders[t].reader == NULL)
      code = no_memory(err);
  }
  if (code == DS_OK) {
    in->work = work;
    in->snapshot = work->snapshot;
    in->finders = finders;
    in->pair = pair;
    code = run(in, links, err);
  }
  for (uint32_t t = 0; finders != NULL && t < work->threads; t++) {
    ds_block_reader_free(finders[t].reader);
    void *const all[] = {finders[t].facts, finders[t].objects, finders[t].claims,
                         finders[t].hits};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
      free(all[i]);
  }
  for (uint32_t p = 0; in != NULL && p < DS_PARTITIONS; p++)
    ds_map64_done(&in->by_group[p]);
  if (in != NULL)
    ds_map64_done(&in->objects);
  free(finders);
  free(in);
  return code;
}

ds_code ds_identity_read(identity_work *work, identity_links *links, ds_arena *texts,
                         ds_error *err) {
  return read_all(work, NULL, links, texts, err);
}

ds_code ds_identity_read_pair(identity_work *work, const uint32_t nodes[2], identity_links *links,
                              ds_arena *texts, ds_error *err) {
  return read_all(work, nodes, links, texts, err);
}
