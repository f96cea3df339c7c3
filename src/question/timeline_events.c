// SPDX-License-Identifier: Apache-2.0
// See timeline_events.h. A journey lies in one block, so at most one state has events.
#include "question/timeline_events.h"

#include <assert.h>

#include "question/common.h"
#include "question/property.h"
#include "scan/join.h"

// What a text of all properties of one event may take.
#define DETAILS_BYTES_MAX (64u << 10)

typedef struct collect_context {
  const ds_request *request;
  const ds_plan *plan;
  uint32_t customer;
  const timeline_promise *promise; // by position among the plan's properties
  const ds_str *subjects;          // of the customer, when personal values are to be opened
  uint32_t subjects_count;
} collect_context;

typedef struct collect_state {
  const collect_context *context;
  ds_arena *arena;
  timeline_event *events;
  uint32_t count;
} collect_state;

static ds_code collect_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)err;
  collect_state *state = memory;
  state->context = context;
  state->arena = arena;
  return DS_OK;
}

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for a timeline: give more --memory");
}

static bool value_at(const ds_property_column *column, uint32_t e, ds_value *ret_value) {
  if (column->type == DS_TYPE_NULL || (column->present[e / 64] >> (e % 64) & 1) == 0)
    return false;
  ret_value->type = column->type;
  if (ds_type_is_bytes(column->type))
    ret_value->text = column->text[e];
  else if (column->type == DS_TYPE_NUMBER)
    ret_value->number = column->number[e];
  else
    ret_value->i = column->i[e];
  return true;
}

// Opens a sealed value, when that is asked for.
static ds_code open_value(const collect_state *state, const ds_block *block, uint32_t e,
                          uint32_t p, ds_value *value, ds_error *err) {
  const collect_context *context = state->context;
  const ds_unseal_place place = {context->subjects, context->subjects_count,
                                 block->touchpoint[e], context->plan->columns.properties[p]};
  const ds_value sealed = *value;
  return value->type != DS_TYPE_SEALED || context->subjects_count == 0
             ? DS_OK
             : ds_unseal(context->request->unsealer, &place, &sealed, state->arena, value, err);
}

static ds_code put_properties(collect_state *state, const ds_block *block, uint32_t e,
                              timeline_event *event, ds_error *err) {
  const collect_context *context = state->context;
  const ds_names *names = &context->request->snapshot->space.properties;
  ds_buf text;
  ds_buf_init(&text, DETAILS_BYTES_MAX);
  for (uint32_t p = 0; p < block->properties_count; p++) {
    ds_value value;
    char room[1024];
    if (!value_at(&block->property[p], e, &value))
      continue;
    const ds_code opened = open_value(state, block, e, p, &value, err);
    if (opened != DS_OK) {
      ds_buf_done(&text);
      return opened;
    }
    if (value.type == DS_TYPE_NULL) // its key was destroyed
      continue;
    if (context->promise[p] != TIMELINE_NO_PROMISE && event->promise == TIMELINE_NO_PROMISE &&
        (value.type == DS_TYPE_DATE || value.type == DS_TYPE_TIME)) {
      event->promise = value.type == DS_TYPE_DATE ? TIMELINE_DAY : TIMELINE_INSTANT;
      event->promised = value.i;
    }
    const size_t size = ds_value_print(room, sizeof room, &value);
    for (size_t i = 0; i < size; i++)
      room[i] = room[i] == DS_LIST_SEPARATOR ? ' ' : room[i];
    if (text.size > 0)
      ds_buf_u8(&text, DS_LIST_SEPARATOR);
    ds_buf_printf(&text, "%s=%.*s", ds_names_text(names, context->plan->columns.properties[p]),
                  (int)size, room);
  }
  // What does not fit is left out: it is there for the eye.
  const char *copy = ds_arena_text(state->arena, text.size == 0 ? "" : (const char *)text.data,
                                   text.size);
  const bool whole = copy != NULL && !text.no_memory;
  event->details = (ds_str){copy, (uint32_t)text.size};
  ds_buf_done(&text);
  return whole ? DS_OK : no_memory(err);
}

static ds_code put_keys(collect_state *state, const ds_block *block, uint32_t e,
                        timeline_event *event, ds_error *err) {
  uint32_t count = 0;
  for (uint32_t k = 0; k < block->keys_count; k++)
    count += block->key[k].first[e + 1] - block->key[k].first[e];
  event->keys = ds_arena_array(state->arena, count + 1u, sizeof *event->keys);
  if (event->keys == NULL)
    return no_memory(err);
  for (uint32_t k = 0; k < block->keys_count; k++) {
    const ds_key_column *key = &block->key[k];
    for (uint32_t i = key->first[e]; i < key->first[e + 1]; i++) {
      const ds_str text = key->text[key->item[i]];
      const char *copy = ds_arena_text(state->arena, text.size == 0 ? "" : text.data, text.size);
      if (copy == NULL)
        return no_memory(err);
      event->keys[event->keys_count++] =
          (timeline_key){state->context->plan->columns.keys[k], key->hash[key->item[i]],
                         {copy, text.size}};
    }
  }
  return DS_OK;
}

static ds_code collect_add(void *memory, const ds_block *block, ds_error *err) {
  collect_state *state = memory;
  for (uint32_t j = 0; j < block->journeys; j++) {
    if (block->customer[j] != state->context->customer)
      continue;
    assert(state->count == 0);
    const uint32_t first = block->offset[j], end = block->offset[j + 1];
    state->events = ds_arena_array(state->arena, end - first + 1u, sizeof *state->events);
    if (state->events == NULL)
      return no_memory(err);
    for (uint32_t e = first; e < end; e++) {
      timeline_event *event = &state->events[state->count++];
      event->time_ms = block->time_ms[e];
      event->touchpoint = block->touchpoint[e];
      TRY(put_keys(state, block, e, event, err));
      TRY(put_properties(state, block, e, event, err));
    }
  }
  return DS_OK;
}

static ds_code text_move(ds_arena *arena, ds_str *text, ds_error *err) {
  text->data = ds_arena_text(arena, text->size == 0 ? "" : text->data, text->size);
  return text->data == NULL ? no_memory(err) : DS_OK;
}

static ds_code collect_merge(void *memory, void *other, ds_error *err) {
  collect_state *into = memory;
  const collect_state *from = other;
  if (from->count == 0)
    return DS_OK;
  assert(into->count == 0);
  into->events = ds_arena_array(into->arena, from->count, sizeof *into->events);
  if (into->events == NULL)
    return no_memory(err);
  for (uint32_t e = 0; e < from->count; e++) {
    timeline_event *event = &into->events[e];
    *event = from->events[e];
    const timeline_key *keys = event->keys;
    event->keys = ds_arena_array(into->arena, event->keys_count + 1u, sizeof *event->keys);
    if (event->keys == NULL)
      return no_memory(err);
    for (uint32_t k = 0; k < event->keys_count; k++) {
      event->keys[k] = keys[k];
      TRY(text_move(into->arena, &event->keys[k].text, err));
    }
    TRY(text_move(into->arena, &event->details, err));
  }
  into->count = from->count;
  return DS_OK;
}

static const ds_kernel kernel = {"timeline",  sizeof(collect_state), collect_init,
                                 collect_add, collect_merge,         NULL};

static bool is_promise(const char *name) {
  for (uint32_t i = 0; ds_promise_names[i] != NULL; i++)
    if (strcmp(name, ds_promise_names[i]) == 0)
      return true;
  return false;
}

// The subjects of a customer that have events, under which personal values may be sealed.
static ds_code list_subjects(const ds_request *request, uint32_t customer, ds_arena *arena,
                             collect_context *context, ds_error *err) {
  const ds_snapshot *snapshot = request->snapshot;
  const ds_identity *identity = snapshot->identity;
  ds_slots slots = {0, 0};
  if (request->unsealer == NULL)
    return DS_OK;
  if (identity != NULL)
    slots = ds_join_slots(identity, customer);
  const uint32_t joined = slots.end - slots.first;
  ds_str *subjects = ds_arena_array(arena, joined + 1u, sizeof *subjects);
  if (subjects == NULL)
    return no_memory(err);
  for (uint32_t s = 0; s < joined; s++)
    TRY(ds_snapshot_subject(snapshot, identity->subject[identity->order[slots.first + s]], arena,
                            &subjects[s], err));
  if (joined == 0)
    TRY(ds_snapshot_subject(snapshot, customer, arena, &subjects[0], err));
  context->subjects = subjects;
  context->subjects_count = joined == 0 ? 1 : joined;
  return DS_OK;
}

ds_code ds_timeline_collect(const ds_request *request, ds_plan *plan, uint32_t customer,
                            ds_arena *arena, timeline_event **ret_events, uint32_t *ret_count,
                            ds_error *err) {
  const ds_names *names = &request->snapshot->space.properties;
  plan->columns.want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT;
  plan->columns.key_texts = true;
  plan->has_customer = true;
  plan->customer = customer;
  TRY(ds_plan_all_keys(request, plan, arena, err));
  TRY(ds_plan_all_properties(request, plan, arena, err));
  timeline_promise *promise =
      ds_arena_array(arena, plan->columns.properties_count + 1u, sizeof *promise);
  if (promise == NULL)
    return no_memory(err);
  for (uint32_t p = 0; p < plan->columns.properties_count; p++)
    if (is_promise(ds_names_text(names, plan->columns.properties[p])))
      promise[p] = TIMELINE_DAY;
  collect_context context = {.request = request, .plan = plan, .customer = customer,
                             .promise = promise};
  void *memory = NULL;
  TRY(list_subjects(request, customer, arena, &context, err));
  TRY(ds_scan(request->snapshot, plan, &kernel, &context, arena, &memory, err));
  const collect_state *state = memory;
  *ret_events = state->events;
  *ret_count = state->count;
  return DS_OK;
}
