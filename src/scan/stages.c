// SPDX-License-Identifier: Apache-2.0
// See stages.h. A bitmap of events to keep is made and these are gathered; regroup is one counting
// sort over the block by case value, because values are numbered within the block and
// those of one journey are consecutive.
#include "scan/stages.h"

#include <assert.h>
#include <stdlib.h>

#include "base/resize.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for a stage of the scan");
}

ds_code ds_stage_init(ds_stage_room *room, const ds_columns *columns, ds_error *err) {
  *room = (ds_stage_room){0};
  return ds_assembly_init(&room->assembly, columns, false, err);
}

void ds_stage_done(ds_stage_room *room) {
  ds_assembly_done(&room->assembly);
  void *const rest[] = {room->keep, room->index, room->offset, room->journey, room->first,
                        room->item, room->event,  room->link,   room->key};
  for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
    free(rest[i]);
  *room = (ds_stage_room){0};
}

// Fresh arrays of at least so many entries; what was in them is of no use any more.
static ds_code room_events(ds_stage_room *room, uint32_t events, ds_error *err) {
  if (events <= room->events_capacity && room->index != NULL)
    return DS_OK;
  free(room->keep);
  free(room->index);
  free(room->event);
  room->keep = malloc((events / 64u + 1) * sizeof *room->keep);
  room->index = malloc((events + 1u) * sizeof *room->index);
  room->event = malloc((events + 1u) * sizeof *room->event);
  room->events_capacity = events;
  return room->keep && room->index && room->event ? DS_OK : no_memory(err);
}

static ds_code room_journeys(ds_stage_room *room, uint32_t journeys, ds_error *err) {
  if (journeys <= room->journeys_capacity && room->journey != NULL)
    return DS_OK;
  free(room->offset);
  free(room->journey);
  room->offset = malloc((journeys + 2u) * sizeof *room->offset);
  room->journey = malloc((journeys + 2u) * sizeof *room->journey);
  room->journeys_capacity = journeys;
  return room->offset != NULL && room->journey != NULL ? DS_OK : no_memory(err);
}

// Room for at least as many items as events, so that one capacity does for both arrays.
static ds_code room_items(ds_stage_room *room, uint32_t items, ds_error *err) {
  if (items <= room->items_capacity && room->first != NULL)
    return DS_OK;
  free(room->first);
  free(room->item);
  room->first = malloc((items + 1u) * sizeof *room->first);
  room->item = malloc((items + 1u) * sizeof *room->item);
  room->items_capacity = items;
  return room->first != NULL && room->item != NULL ? DS_OK : no_memory(err);
}

static uint32_t bits_count(const uint64_t *bits, uint32_t count) {
  uint32_t total = 0;
  for (uint32_t w = 0; w < count / 64; w++)
    total += (uint32_t)__builtin_popcountll(bits[w]);
  if (count % 64 != 0)
    total += (uint32_t)__builtin_popcountll(bits[count / 64] & ((1ull << (count % 64)) - 1));
  return total;
}

static bool is_kept(const uint64_t *keep, uint32_t e) {
  return keep == NULL || (keep[e / 64] >> (e % 64) & 1) != 0;
}

static void bits_range(uint64_t *bits, uint32_t first, uint32_t last) {
  for (uint32_t e = first; e < last; e++)
    bits[e / 64] |= 1ull << (e % 64);
}

// The kept events as a list of indexes, and the journeys that keep any.
static void keep_list(ds_stage_room *room, const ds_block *block, ds_gather *list) {
  uint32_t used = 0, journeys = 0, j = 0;
  room->offset[0] = 0;
  for (uint32_t w = 0; w < (block->events + 63) / 64; w++)
    for (uint64_t rest = room->keep[w]; rest != 0; rest &= rest - 1) {
      const uint32_t e = w * 64 + (uint32_t)__builtin_ctzll(rest);
      if (e >= block->offset[j + 1] && used > room->offset[journeys]) {
        room->journey[journeys++] = j;
        room->offset[journeys] = used;
      }
      while (e >= block->offset[j + 1])
        j++;
      room->index[used++] = e;
    }
  if (used > room->offset[journeys]) {
    room->journey[journeys++] = j;
    room->offset[journeys] = used;
  }
  *list = (ds_gather){.index = room->index, .offset = room->offset, .journey = room->journey,
                      .journeys = journeys};
}

// The block of the events in room->keep; the given one when all are kept.
ds_code ds_stage_compact(ds_stage_room *room, const ds_block *block, const ds_block **ret_block,
                         ds_error *err) {
  if (bits_count(room->keep, block->events) == block->events) {
    *ret_block = block;
    return DS_OK;
  }
  TRY(room_journeys(room, block->journeys, err));
  ds_gather list;
  keep_list(room, block, &list);
  list.keys = block->keys_count > 0;
  TRY(ds_assembly_gather(&room->assembly, block, &list, err));
  *ret_block = &room->assembly.block;
  assert((*ret_block)->journeys <= block->journeys && (*ret_block)->events < block->events);
  return DS_OK;
}

// Takes the events of which a clock is past `last_ms` out of a bitmap.
static void drop_later(const int64_t *restrict clock_ms, uint32_t events, int64_t last_ms,
                       uint64_t *restrict keep) {
  for (uint32_t e = 0; e < events; e++)
    keep[e / 64] &= ~((uint64_t)(clock_ms[e] > last_ms) << (e % 64));
}

ds_code ds_stage_select(ds_stage_room *room, const ds_cut *cut, ds_evaluator *evaluator,
                        const ds_block *block, uint64_t **ret_keep, ds_error *err) {
  TRY(room_events(room, block->events, err));
  if (evaluator != NULL)
    TRY(ds_evaluator_run(evaluator, block, room->keep, err));
  else
    memset(room->keep, 0xff, (block->events / 64u + 1) * sizeof *room->keep);
  if (block->events % 64 != 0)
    room->keep[block->events / 64] &= (1ull << (block->events % 64)) - 1;
  if (cut->has_time)
    drop_later(block->time_ms, block->events, cut->time_ms, room->keep);
  if (cut->has_received)
    drop_later(block->received_ms, block->events, cut->received_ms, room->keep);
  *ret_keep = room->keep;
  return DS_OK;
}

// The event by which event e joins a case: itself, or one that it is linked to. DS_NONE: none.
static uint32_t joins_by(const ds_stage_room *room, const ds_block *block, uint32_t case_key,
                         bool linked, uint32_t e) {
  const ds_key_column *of = &block->key[case_key];
  if (of->first[e] < of->first[e + 1])
    return e;
  const uint32_t *link = room->link;
  for (uint32_t k = 0; linked && k < block->keys_count; link += block->key[k++].values)
    for (uint32_t i = block->key[k].first[e]; i < block->key[k].first[e + 1]; i++)
      if (link[block->key[k].item[i]] != DS_NONE)
        return link[block->key[k].item[i]];
  return DS_NONE;
}

// Notes for each value of the other keys the first event with it that has the case key.
// *ret_any: some event has another key and not that one.
static ds_code links_make(ds_stage_room *room, const ds_block *block, const ds_regrouping *how,
                          bool *ret_any, ds_error *err) {
  const uint32_t case_key = how->key;
  const ds_key_column *of = &block->key[case_key];
  uint32_t values = 0;
  bool any = false;
  for (uint32_t k = 0; k < block->keys_count; k++) {
    const uint32_t *first = block->key[k].first;
    values += block->key[k].values;
    for (uint32_t e = 0; k != case_key && e < block->events; e++)
      any |= first[e] != first[e + 1] && of->first[e] == of->first[e + 1];
  }
  *ret_any = any;
  if (!any)
    return DS_OK;
  if (values > room->links_capacity) {
    if (!ds_resize(&room->link, values, sizeof *room->link))
      return no_memory(err);
    room->links_capacity = values;
  }
  memset(room->link, 0xff, values * sizeof *room->link);
  uint32_t *link = room->link;
  for (uint32_t k = 0; k < block->keys_count; link += block->key[k++].values)
    for (uint32_t e = 0; k != case_key && e < block->events; e++)
      for (uint32_t i = block->key[k].first[e]; i < block->key[k].first[e + 1]; i++)
        if (link[block->key[k].item[i]] == DS_NONE && of->first[e] != of->first[e + 1] &&
            is_kept(how->keep, e))
          link[block->key[k].item[i]] = e;
  return DS_OK;
}

// How many items events have when each joins at most by one other.
static ds_code room_joined(ds_stage_room *room, const ds_block *block, uint32_t case_key,
                           bool linked, ds_error *err) {
  const ds_key_column *of = &block->key[case_key];
  uint32_t most = 1; // items of one event
  for (uint32_t e = 0; e < block->events; e++) {
    const uint32_t count = of->first[e + 1] - of->first[e];
    most = count > most ? count : most;
  }
  // Counted one by one only where that saves much.
  const bool counted = linked && most > 2;
  uint64_t items = counted ? 0
                   : linked ? (uint64_t)block->events * most
                            : (uint64_t)block->events + of->first[block->events];
  for (uint32_t e = 0; counted && e < block->events; e++) {
    const uint32_t by = joins_by(room, block, case_key, linked, e);
    items += by == DS_NONE ? 1 : of->first[by + 1] - of->first[by];
  }
  if (items > UINT32_MAX / 4)
    return ds_fail(err, DS_LIMIT, "a customer has too many events for one block");
  return room_items(room, items > block->events ? (uint32_t)items : block->events, err);
}

// Items of events that count: of those that carry the key as they are, of those that are linked to
// one that does, and for the others, when they are attached, the last case of the event before that
// does, if near enough.
static ds_code join_items(ds_stage_room *room, const ds_block *block, const ds_regrouping *how,
                          bool linked, const uint32_t **ret_first, const uint32_t **ret_item,
                          ds_error *err) {
  const ds_key_column *key = &block->key[how->key];
  TRY(room_joined(room, block, how->key, linked, err));
  uint32_t items = 0;
  for (uint32_t j = 0; j < block->journeys; j++) {
    uint32_t latest = DS_NONE;
    int64_t latest_ms = 0;
    for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
      room->first[e] = items;
      if (!is_kept(how->keep, e))
        continue;
      const uint32_t by = joins_by(room, block, how->key, linked, e);
      for (uint32_t i = by == DS_NONE ? 1 : key->first[by]; by != DS_NONE && i < key->first[by + 1];
           i++) {
        latest = room->item[items++] = key->item[i];
        latest_ms = how->attach_nearest ? block->time_ms[e] : 0;
      }
      if (how->attach_nearest && by == DS_NONE && latest != DS_NONE &&
          block->time_ms[e] - latest_ms <= DS_ATTACH_MS)
        room->item[items++] = latest;
    }
  }
  room->first[block->events] = items;
  *ret_first = room->first;
  *ret_item = room->item;
  return DS_OK;
}

static bool is_grouped(const uint32_t *restrict first, const uint32_t *restrict item,
                       uint32_t events) {
  if (first[events] != events)
    return false;
  uint32_t bad = 0;
  for (uint32_t e = 0; e < events; e++)
    bad |= first[e] != e;
  for (uint32_t e = 1; e < events; e++)
    bad |= item[e] < item[e - 1];
  return bad == 0;
}

// offset[v + 1] becomes the first position of value v. Two counters per value take turns, because
// neighbours mostly have the same value and each addition would wait for the store before it;
// following runs instead costs a mispredicted branch at every end of one.
static void count_items(const uint32_t *restrict item, uint32_t items, uint32_t values,
                        uint32_t *restrict offset, uint32_t *restrict other) {
  memset(offset, 0, (values + 2u) * sizeof *offset);
  memset(other, 0, (values + 2u) * sizeof *other);
  uint32_t i = 0;
  for (; i + 2 <= items; i += 2) {
    offset[item[i] + 2]++;
    other[item[i + 1] + 2]++;
  }
  if (i < items)
    offset[item[i] + 2]++;
  for (uint32_t v = 0; v < values; v++)
    offset[v + 2] += offset[v + 1] + other[v + 2];
  assert(offset[values + 1] == items);
}

// The event of each item, without a branch for events that have none or one: their successor
// writes over what they wrote.
static void name_items(const uint32_t *restrict first, uint32_t events,
                       uint32_t *restrict event) {
  for (uint32_t e = 0; e < events; e++) {
    event[first[e]] = e;
    if (__builtin_expect(first[e + 1] - first[e] > 1, 0))
      for (uint32_t i = first[e] + 1; i < first[e + 1]; i++)
        event[i] = e;
  }
}

// The second half of a counting sort: index[] becomes the events in order of (value, event), and
// offset[v] the first position of value v.
static void place_items(const uint32_t *restrict event, const uint32_t *restrict item,
                        uint32_t items, uint32_t *restrict offset, uint32_t *restrict index) {
  for (uint32_t i = 0; i < items; i++)
    index[offset[item[i] + 1]++] = event[i];
}

// Drops values without events and notes the source journey and the case of each that is left.
static uint32_t name_cases(ds_stage_room *room, const ds_block *block, const ds_key_column *key,
                           bool texts) {
  uint32_t cases = 0;
  uint32_t begin = 0;
  for (uint32_t j = 0; j < block->journeys; j++)
    for (uint32_t v = key->offset[j]; v < key->offset[j + 1]; v++) {
      const uint32_t end = room->offset[v + 1];
      assert(cases <= v && end >= begin);
      if (end == begin)
        continue;
      room->journey[cases] = j;
      room->assembly.case_hash[cases] = key->hash[v];
      if (texts)
        room->assembly.case_text[cases] = key->text[v];
      room->offset[cases++] = begin;
      begin = end;
    }
  room->offset[cases] = begin;
  return cases;
}

// No event changes its place: the source's columns are used as they are, but for the arrays by
// journey.
static void regroup_in_place(ds_stage_room *room, const ds_block *block,
                                        uint32_t cases) {
  room->block = *block;
  ds_block *view = &room->block;
  ds_block *own = &room->assembly.block;
  view->journeys = cases;
  memcpy(own->offset, room->offset, (cases + 1u) * sizeof *own->offset);
  for (uint32_t c = 0; c < cases; c++) {
    own->customer[c] = block->customer[room->journey[c]];
    if ((room->assembly.columns.want & DS_WANT_SUBJECT) != 0)
      own->subject[c] = block->subject[room->journey[c]];
  }
  view->offset = own->offset;
  view->customer = own->customer;
  view->subject = own->subject;
}

// The source's key columns for a block that is a view of it.
static ds_code keys_loosen(ds_stage_room *room, const ds_block *block, ds_error *err) {
  if (room->key == NULL)
    room->key = calloc(block->keys_count, sizeof *room->key);
  if (room->key == NULL)
    return no_memory(err);
  for (uint32_t k = 0; k < block->keys_count; k++) {
    room->key[k] = block->key[k];
    room->key[k].loose = true;
  }
  room->block.key = room->key;
  return DS_OK;
}

ds_code ds_stage_regroup(ds_stage_room *room, const ds_regrouping *how, const ds_block *block,
                         const ds_block **ret_block, ds_error *err) {
  assert(how->key < block->keys_count);
  const ds_key_column *key = &block->key[how->key];
  const uint32_t *first = key->first, *item = key->item;
  bool linked = false;
  if (how->keys_linked)
    TRY(links_make(room, block, how, &linked, err));
  if (how->attach_nearest || linked || how->keep != NULL)
    TRY(join_items(room, block, how, linked, &first, &item, err));
  const uint32_t items = first[block->events];
  TRY(room_events(room, items > block->events ? items : block->events, err));
  TRY(room_journeys(room, key->values, err));
  TRY(ds_assembly_room(&room->assembly, items, key->values, err));
  if (key->values == 0) {
    room->block = (ds_block){0};
    *ret_block = &room->block;
    return DS_OK;
  }
  const bool grouped = is_grouped(first, item, block->events);
  // The journeys' array serves as the second counter before it is filled.
  count_items(item, items, key->values, room->offset, room->journey);
  if (grouped) {
    memmove(room->offset, room->offset + 1, (key->values + 1u) * sizeof *room->offset);
  } else {
    name_items(first, block->events, room->event);
    place_items(room->event, item, items, room->offset, room->index);
  }
  const uint32_t cases = name_cases(room, block, key, how->texts);
  ds_block *result = grouped ? &room->block : &room->assembly.block;
  if (grouped) {
    regroup_in_place(room, block, cases);
  } else {
    const ds_gather list = {.index = room->index, .offset = room->offset,
                            .journey = room->journey, .journeys = cases,
                            .keys = how->keys_linked, .loose = true};
    TRY(ds_assembly_gather(&room->assembly, block, &list, err));
  }
  if (!how->keys_linked)
    result->keys_count = 0;
  else if (grouped)
    TRY(keys_loosen(room, block, err));
  result->case_hash = room->assembly.case_hash;
  result->case_text = how->texts ? room->assembly.case_text : NULL;
  *ret_block = result;
  return DS_OK;
}

ds_code ds_stage_cases(ds_stage_room *room, const ds_plan *plan, ds_case_evaluator *evaluator,
                       const ds_block *block, const ds_block **ret_block, ds_error *err) {
  const ds_case_values *values = NULL;
  const uint32_t rules = ds_case_program_rules(plan->cases);
  TRY(room_events(room, block->events, err));
  TRY(ds_case_begin(evaluator, block, err));
  TRY(ds_case_evaluate(evaluator, plan->now_ms, &values, err));
  memset(room->keep, 0, (block->events / 64u + 1) * sizeof *room->keep);
  for (uint32_t j = 0; j < block->journeys; j++) {
    uint64_t met = 1;
    for (uint32_t r = 0; r < rules; r++)
      met &= values[r].yes[j / 64] >> (j % 64);
    if (met != 0)
      bits_range(room->keep, block->offset[j], block->offset[j + 1]);
  }
  for (uint32_t e = 0; plan->hidden != NULL && e < block->events; e++)
    if (plan->hidden[block->touchpoint[e]] != 0)
      room->keep[e / 64] &= ~((uint64_t)1 << (e % 64));
  return ds_stage_compact(room, block, ret_block, err);
}

static bool inside(const ds_plan *plan, int64_t time_ms) {
  return (!plan->has_from || time_ms >= plan->from_ms) && (!plan->has_to || time_ms < plan->to_ms);
}

// Whether the period selects events [first, last) of a journey as a whole.
static bool selects(const ds_plan *plan, const int64_t *time_ms, uint32_t first, uint32_t last) {
  assert(first < last);
  if (plan->range == DS_RANGE_STARTED)
    return inside(plan, time_ms[first]);
  if (plan->range == DS_RANGE_COMPLETED)
    return inside(plan, time_ms[last - 1]);
  for (uint32_t e = first; e < last; e++)
    if (inside(plan, time_ms[e]))
      return true;
  return false;
}

ds_code ds_stage_period(ds_stage_room *room, const ds_plan *plan, const ds_block *block,
                        const ds_block **ret_block, ds_error *err) {
  TRY(room_events(room, block->events, err));
  memset(room->keep, 0, (block->events / 64u + 1) * sizeof *room->keep);
  if (plan->range == DS_RANGE_EVENTS) {
    for (uint32_t e = 0; e < block->events; e++)
      room->keep[e / 64] |= (uint64_t)inside(plan, block->time_ms[e]) << (e % 64);
  } else {
    for (uint32_t j = 0; j < block->journeys; j++)
      if (selects(plan, block->time_ms, block->offset[j], block->offset[j + 1]))
        bits_range(room->keep, block->offset[j], block->offset[j + 1]);
  }
  return ds_stage_compact(room, block, ret_block, err);
}

ds_code ds_stage_choice(ds_stage_room *room, const ds_choice *choice, const ds_block *block,
                        const ds_block **ret_block, ds_error *err) {
  TRY(room_events(room, block->events, err));
  memset(room->keep, 0, (block->events / 64u + 1) * sizeof *room->keep);
  TRY(choice->mark(choice->context, block, room->keep, err));
  return ds_stage_compact(room, block, ret_block, err);
}
