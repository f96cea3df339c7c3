// SPDX-License-Identifier: Apache-2.0
#include "store/identity_names.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/pool.h"
#include "base/search.h"
#include "store/customer.h"
#include "store/identity_stars.h"

static bool is_weighed(const ds_identity *identity, uint32_t number) {
  const uint32_t low = ds_first_at_least(identity->weighed, 0, identity->weighed_count, number);
  return low < identity->weighed_count && identity->weighed[low] == number;
}

// --- by name

typedef struct naming {
  identity_facts facts;
  const ds_identity *identity;
  ds_str name;
  identity_block *blocks;
  uint32_t blocks_count;
  ds_block_reader *readers[DS_THREADS_MAX];
  atomic_uint number; // of the subject whose fact names it
  atomic_int found;
} naming;

static ds_code look_in_block(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  naming *in = context;
  const identity_block *at = &in->blocks[job];
  ds_block block;
  TRY(ds_identity_facts_read(&in->facts, &in->facts.snapshot->places[at->place], at->block, 0,
                             in->readers[thread], &block, err));
  for (uint32_t j = 0; j < block.journeys; j++)
    for (uint32_t e = block.offset[j]; e < block.offset[j + 1]; e++) {
      identity_what what;
      ds_str other;
      if (!ds_identity_is_fact(&in->facts, &block, e) ||
          !ds_identity_fact_take(&in->facts, &block, e, &what, &other) ||
          !ds_str_equal(other, in->name) || is_weighed(in->identity, block.customer[j]))
        continue;
      // Leaves have one centre, so that it does not matter who finds it.
      atomic_store(&in->number, block.customer[j]);
      atomic_store(&in->found, 1);
    }
  return DS_OK;
}

static bool wanted(const void *facts, const ds_place *place, uint32_t block) {
  return ds_identity_facts_in(facts, place, block);
}

static ds_code look(naming *in, ds_error *err) {
  const uint32_t threads = in->identity->threads;
  for (uint32_t t = 0; t < threads; t++) {
    in->readers[t] = ds_block_reader_new();
    if (in->readers[t] == NULL)
      return ds_identity_no_memory(err);
  }
  TRY(ds_identity_blocks(in->facts.snapshot, wanted, &in->facts, &in->blocks, &in->blocks_count,
                         err));
  const ds_code code = ds_parallel(threads, in->blocks_count, look_in_block, in, &in->found, err);
  return code == DS_INTERRUPTED ? DS_OK : code;
}

ds_code ds_identity_named(const ds_snapshot *snapshot, ds_str name, uint32_t *ret_number,
                          ds_error *err) {
  const ds_identity *identity = snapshot->identity;
  const uint32_t known = ds_names_find(&identity->names, name);
  const uint64_t hash = ds_subject_hash(name);
  const uint32_t group =
      ds_subject_partition(hash) / (DS_PARTITIONS / identity->leaves_groups);
  const ds_id_filter *leaves = &identity->leaves[group];
  *ret_number = known == DS_NONE ? DS_NONE : identity->names_customer[known];
  if (known != DS_NONE || leaves->words == 0 ||
      !ds_id_filter_may_hold(leaves, ds_identity_leaf_key(hash)))
    return DS_OK;
  naming in = {.identity = identity, .name = name};
  ds_identity_facts_init(&in.facts, snapshot);
  atomic_init(&in.number, DS_NONE);
  const ds_code code = look(&in, err);
  for (uint32_t t = 0; t < identity->threads; t++)
    ds_block_reader_free(in.readers[t]);
  free(in.blocks);
  *ret_number = atomic_load(&in.number);
  return code;
}

// --- by customer

static int by_strength(const void *a, const void *b) {
  const ds_str *x = a, *y = b;
  return ds_subject_compare(*x, *y);
}

// The subjects of a customer whose facts were not weighed; in `arena`.
static ds_code plain_subjects(const ds_identity *identity, uint32_t customer, ds_arena *arena,
                              uint32_t **ret_numbers, uint32_t *ret_count, ds_error *err) {
  const uint32_t at = ds_identity_from(identity, customer);
  const bool joined = at < identity->count && identity->subject[at] == customer;
  uint32_t slot = joined ? identity->slot[at] : 0, end = slot, count = 0;
  while (joined && end < identity->count && identity->customer[identity->order[end]] == customer)
    end++;
  uint32_t *numbers = ds_arena_array(arena, end - slot + 1u, sizeof *numbers);
  if (numbers == NULL)
    return ds_identity_no_memory(err);
  if (!joined && !is_weighed(identity, customer))
    numbers[count++] = customer;
  for (; slot < end; slot++)
    if (!is_weighed(identity, identity->subject[identity->order[slot]]))
      numbers[count++] = identity->subject[identity->order[slot]];
  *ret_numbers = numbers;
  *ret_count = count;
  return DS_OK;
}

static ds_code keep(ds_str text, ds_arena *arena, ds_str *names, uint32_t *count, ds_error *err) {
  const char *copy = ds_arena_text(arena, text.data, text.size);
  if (copy == NULL)
    return ds_identity_no_memory(err);
  names[(*count)++] = (ds_str){copy, text.size};
  return DS_OK;
}

// What the facts in a customer's journey name, each once, but subjects of events.
static ds_code named_in(const identity_facts *facts, const ds_block *block, ds_arena *arena,
                        ds_str *names, uint32_t *count, ds_error *err) {
  uint32_t all = 0, used = 0;
  for (uint32_t e = 0; e < block->events; e++) {
    identity_what what;
    ds_str other;
    if (ds_identity_is_fact(facts, block, e) &&
        ds_identity_fact_take(facts, block, e, &what, &other))
      TRY(keep(other, arena, names, &all, err));
  }
  qsort(names, all, sizeof *names, by_strength);
  for (uint32_t i = 0; i < all; i++) {
    uint32_t number = DS_NONE;
    if (i > 0 && ds_str_equal(names[i], names[i - 1]))
      continue;
    TRY(ds_identity_number(facts->snapshot, names[i], &number, err));
    if (number == DS_NONE)
      names[used++] = names[i];
  }
  *count = used;
  return DS_OK;
}

ds_code ds_identity_names(const ds_snapshot *snapshot, uint32_t customer, ds_arena *arena,
                          ds_str **ret_names, uint32_t *ret_count, ds_error *err) {
  const ds_identity *identity = snapshot->identity;
  identity_facts facts;
  ds_customer_reader *reader = NULL;
  uint32_t *numbers = NULL, numbers_count = 0, count = 0, weighed = 0;
  ds_block block = {.journeys = 0};
  ds_identity_facts_init(&facts, snapshot);
  TRY(plain_subjects(identity, customer, arena, &numbers, &numbers_count, err));
  for (uint32_t n = 0; n < identity->names.count; n++)
    weighed += identity->names_customer[n] == customer;
  const ds_columns columns = ds_identity_facts_columns(&facts, DS_WANT_TIME | DS_WANT_ARRIVAL);
  if (facts.any && numbers_count > 0) {
    TRY(ds_customer_reader_new(snapshot, &columns, 0, &reader, err));
    const ds_code code = ds_customer_read(reader, numbers, numbers_count, &block, err);
    if (code != DS_OK) {
      ds_customer_reader_free(reader);
      return code;
    }
  }
  ds_str *names = ds_arena_array(arena, (size_t)block.events + weighed + 1, sizeof *names);
  ds_code code = names == NULL ? ds_identity_no_memory(err) : DS_OK;
  if (code == DS_OK)
    code = named_in(&facts, &block, arena, names, &count, err);
  ds_customer_reader_free(reader);
  for (uint32_t n = 0; n < identity->names.count && code == DS_OK; n++)
    if (identity->names_customer[n] == customer)
      code = keep(identity->names.text[n], arena, names, &count, err);
  if (code == DS_OK)
    qsort(names, count, sizeof *names, by_strength);
  *ret_names = names;
  *ret_count = count;
  return code;
}
