// SPDX-License-Identifier: Apache-2.0
#include "scan/join.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/resize.h"

// So many slots lie between asking for memory and reading it.
enum { SLOTS_AHEAD = 12 };

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for customers of several identifiers");
}

ds_code ds_stash_init(ds_stash *stash, const ds_columns *columns, ds_error *err) {
  assert((columns->want & DS_WANT_TIME) != 0 && (columns->want & DS_WANT_ARRIVAL) != 0);
  *stash = (ds_stash){.slots_capacity = 0};
  TRY(ds_assembly_init(&stash->kept, columns, true, err));
  TRY(ds_assembly_pack(&stash->kept, err));
  ds_assembly_begin(&stash->kept);
  return DS_OK;
}

void ds_stash_done(ds_stash *stash) {
  ds_assembly_done(&stash->kept);
  free(stash->slot);
  free(stash->taken);
  free(stash->taken_subject);
  ds_runs_done(&stash->staying);
}

void ds_stash_reset(ds_stash *stash) { ds_assembly_begin(&stash->kept); }

static ds_code stash_journey(ds_stash *stash, uint32_t slot, const ds_block *block, uint32_t j,
                             const uint64_t *keep, ds_error *err) {
  const uint32_t at = stash->kept.block.journeys;
  if (at == stash->slots_capacity) {
    const uint32_t capacity = at + at / 2 + 1024;
    uint32_t *moved = realloc(stash->slot, capacity * sizeof *moved);
    if (moved == NULL)
      return no_memory(err);
    stash->slot = moved;
    stash->slots_capacity = capacity;
  }
  stash->slot[at] = slot;
  return keep == NULL ? ds_assembly_run(&stash->kept, block, j, j + 1, err)
                      : ds_assembly_kept(&stash->kept, block, j, keep, err);
}

static ds_code note_taken(ds_stash *stash, uint32_t journey, uint32_t subject, ds_error *err) {
  if (stash->taken_count == stash->taken_capacity) {
    const uint32_t capacity = stash->taken_capacity * 2 + 1024;
    if (!ds_resize(&stash->taken, capacity, sizeof *stash->taken) ||
        !ds_resize(&stash->taken_subject, capacity, sizeof *stash->taken_subject))
      return no_memory(err);
    stash->taken_capacity = capacity;
  }
  stash->taken[stash->taken_count] = journey;
  stash->taken_subject[stash->taken_count++] = subject;
  return DS_OK;
}

ds_code ds_stash_find(ds_stash *stash, const ds_identity *identity, bool separate,
                      const ds_block *block, ds_error *err) {
  uint32_t at = ds_identity_from(identity, block->customer[0]);
  stash->taken_count = 0;
  for (uint32_t j = 0; j < block->journeys; j++) {
    while (at < identity->count && identity->subject[at] < block->customer[j])
      at++;
    if (at == identity->count)
      break;
    const bool hidden = identity->customer[at] == DS_NONE;
    if (identity->subject[at] == block->customer[j] && (hidden || !separate))
      TRY(note_taken(stash, j, at, err));
  }
  return DS_OK;
}

ds_code ds_stash_take(ds_stash *stash, const ds_identity *identity, ds_slots wanted,
                      const ds_block *ordered, const uint64_t *keep, ds_error *err) {
  for (uint32_t i = 0; i < stash->taken_count; i++) {
    const uint32_t subject = stash->taken_subject[i], slot = identity->slot[subject];
    const bool hidden = identity->customer[subject] == DS_NONE;
    if (!hidden && slot >= wanted.first && slot < wanted.end)
      TRY(stash_journey(stash, slot, ordered, stash->taken[i], keep, err));
  }
  return DS_OK;
}

void ds_stash_unmark(const ds_stash *stash, const ds_block *block, uint64_t *keep) {
  for (uint32_t i = 0; i < stash->taken_count; i++)
    ds_bits_clear(keep, block->offset[stash->taken[i]], block->offset[stash->taken[i] + 1]);
}

ds_code ds_stash_omit(ds_stash *stash, ds_block *block, ds_error *err) {
  return ds_block_omit(block, stash->taken, stash->taken_count, &stash->staying, err);
}

void ds_stash_locate(const ds_stash *const *stashes, uint32_t count, ds_slots wanted,
                     ds_stashed *where) {
  for (uint32_t i = 0; i < wanted.end - wanted.first; i++)
    where[i] = (ds_stashed){DS_NONE, 0};
  for (uint32_t s = 0; s < count; s++)
    for (uint32_t j = 0; j < stashes[s]->kept.block.journeys; j++) {
      const uint32_t slot = stashes[s]->slot[j];
      if (slot < wanted.first || slot >= wanted.end)
        continue;
      assert(where[slot - wanted.first].stash == DS_NONE); // J1
      where[slot - wanted.first] = (ds_stashed){s, j};
    }
}

static uint32_t customer_at(const ds_identity *identity, uint32_t slot) {
  return identity->customer[identity->order[slot]];
}

ds_slots ds_join_slots(const ds_identity *identity, uint32_t number) {
  const uint32_t at = ds_identity_from(identity, number);
  if (at == identity->count || identity->subject[at] != number ||
      identity->customer[at] == DS_NONE)
    return (ds_slots){0, 0};
  ds_slots slots = {identity->slot[at], identity->slot[at] + 1};
  const uint32_t customer = identity->customer[at];
  while (slots.first > 0 && customer_at(identity, slots.first - 1) == customer)
    slots.first--;
  while (slots.end < identity->count && customer_at(identity, slots.end) == customer)
    slots.end++;
  return slots;
}

// --- putting together

// A stashed journey of the customer in hand.
typedef struct join_cursor {
  const ds_block *block;
  uint32_t event;
  uint32_t end;
  uint32_t rank; // of its subject among the customer's
} join_cursor;

// Whether event `event` of a comes before the next one of b.
static bool before(const join_cursor *a, uint32_t event, const join_cursor *b) {
  const int64_t time_a = a->block->time_ms[event], time_b = b->block->time_ms[b->event];
  if (time_a != time_b)
    return time_a < time_b;
  const uint64_t arrival_a = a->block->arrival[event], arrival_b = b->block->arrival[b->event];
  return arrival_a != arrival_b ? arrival_a < arrival_b : a->rank < b->rank;
}

// Lets the cursor at `at` sink to its place in the heap.
static void sink(join_cursor *heap, uint32_t count, uint32_t at) {
  const join_cursor moving = heap[at];
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= count)
      break;
    if (child + 1 < count && before(&heap[child + 1], heap[child + 1].event, &heap[child]))
      child++;
    if (!before(&heap[child], heap[child].event, &moving))
      break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = moving;
}

// The cursors of the customer's journeys with events. *ret_name is the strongest subject's journey,
// which may have none of them.
static ds_code cursors_open(ds_joiner *joiner, uint32_t first, uint32_t end, ds_stashed *ret_name,
                            ds_error *err) {
  if (end - first > joiner->cursors_capacity) {
    const uint32_t capacity = (end - first) * 2;
    free(joiner->cursors);
    joiner->cursors = malloc(capacity * sizeof *joiner->cursors);
    joiner->cursors_capacity = joiner->cursors == NULL ? 0 : capacity;
    if (joiner->cursors == NULL)
      return no_memory(err);
  }
  joiner->cursors_count = 0;
  for (uint32_t slot = first; slot < end; slot++) {
    const ds_stashed at = joiner->where[slot - joiner->wanted.first];
    if (at.stash == DS_NONE)
      continue;
    const ds_block *block = &joiner->stashes[at.stash]->kept.block;
    if (ret_name->stash == DS_NONE)
      *ret_name = at;
    if (block->offset[at.journey] < block->offset[at.journey + 1])
      joiner->cursors[joiner->cursors_count++] =
          (join_cursor){block, block->offset[at.journey], block->offset[at.journey + 1],
                        slot - first};
  }
  return DS_OK;
}

// Journeys of a customer lie all over the stashes: memory is asked for them some slots ahead, in
// two steps, because where their events begin is to be had from memory, too.
static void fetch_ahead(const ds_joiner *joiner, uint32_t slot) {
  const uint32_t left = joiner->wanted.end - slot;
  const ds_stashed *at = &joiner->where[slot - joiner->wanted.first];
  if (left > 2 * SLOTS_AHEAD && at[2 * SLOTS_AHEAD].stash != DS_NONE) {
    const ds_stashed far = at[2 * SLOTS_AHEAD];
    ds_assembly_fetch_place(&joiner->stashes[far.stash]->kept, far.journey);
  }
  if (left > SLOTS_AHEAD && at[SLOTS_AHEAD].stash != DS_NONE) {
    const ds_stashed near = at[SLOTS_AHEAD];
    ds_assembly_fetch(&joiner->stashes[near.stash]->kept, near.journey);
  }
}

// Copies the events of the first cursor that come before those of all others.
static ds_code copy_run(ds_joiner *joiner, ds_error *err) {
  join_cursor *heap = joiner->cursors;
  const uint32_t count = joiner->cursors_count;
  const join_cursor *next = count < 2 ? NULL : &heap[1];
  if (count > 2 && before(&heap[2], heap[2].event, next))
    next = &heap[2];
  uint32_t last = heap[0].event + 1;
  while (last < heap[0].end && (next == NULL || before(&heap[0], last, next)))
    last++;
  TRY(ds_assembly_events(&joiner->assembly, heap[0].block, heap[0].event, last, err));
  heap[0].event = last;
  if (last == heap[0].end)
    heap[0] = heap[--joiner->cursors_count];
  if (joiner->cursors_count > 1)
    sink(heap, joiner->cursors_count, 0);
  return DS_OK;
}

static ds_code join_customer(ds_joiner *joiner, uint32_t first, uint32_t end, ds_error *err) {
  ds_assembly *assembly = &joiner->assembly;
  ds_stashed name = {DS_NONE, 0};
  TRY(cursors_open(joiner, first, end, &name, err));
  if (joiner->cursors_count == 0)
    return DS_OK;
  TRY(ds_assembly_journey(assembly, &joiner->stashes[name.stash]->kept.block, name.journey, err));
  assembly->block.customer[assembly->block.journeys] = customer_at(joiner->identity, first);
  for (uint32_t c = joiner->cursors_count / 2; c > 0; c--)
    sink(joiner->cursors, joiner->cursors_count, c - 1);
  while (joiner->cursors_count > 0)
    TRY(copy_run(joiner, err));
  ds_assembly_journey_end(assembly);
  return DS_OK;
}

static ds_code flush(ds_joiner *joiner, ds_error *err) {
  const ds_block *block = ds_assembly_finish(&joiner->assembly);
  if (block->events > 0)
    TRY(joiner->each(joiner->context, block, err));
  ds_assembly_begin(&joiner->assembly);
  return DS_OK;
}

ds_code ds_joiner_run(ds_joiner *joiner, ds_slots slots, ds_error *err) {
  const ds_identity *identity = joiner->identity;
  uint32_t slot = slots.first;
  assert(slots.first >= joiner->wanted.first && slots.end <= joiner->wanted.end);
  // One that begins before belongs to the range before.
  while (slot > joiner->wanted.first && slot < slots.end &&
         customer_at(identity, slot) == customer_at(identity, slot - 1))
    slot++;
  ds_assembly_begin(&joiner->assembly);
  while (slot < slots.end) {
    uint32_t end = slot + 1;
    while (end < joiner->wanted.end &&
           customer_at(identity, end) == customer_at(identity, slot))
      end++;
    for (uint32_t s = slot; s < end; s++)
      fetch_ahead(joiner, s);
    TRY(join_customer(joiner, slot, end, err));
    if (joiner->assembly.block.events >= joiner->block_events)
      TRY(flush(joiner, err));
    slot = end;
  }
  return flush(joiner, err);
}
