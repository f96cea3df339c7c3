// SPDX-License-Identifier: Apache-2.0
#include "question/members.h"

#include "base/limits.h"
#include "model/identifier.h"
#include "question/common.h"

// What was found of a list, over a snapshot: another who is whom makes another answer.
typedef struct found_list {
  const char *name;
  const struct ds_identity *identity;
  ds_cut cut;
  ds_customers *customers;
  struct found_list *next;
} found_list;

struct ds_members {
  found_list *first;
};

// Where a list is looked for.
typedef struct finder {
  ds_snapshot snapshot; // at no instant
  ds_request request;
  ds_members *members;
} finder;

typedef struct members_context {
  ds_str name;
  uint16_t touchpoint;
} members_context;

typedef struct members_state {
  const members_context *context;
  ds_arena *arena;
  ds_customers customers;
} members_state;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for a list: give more --memory");
}

ds_code ds_members_new(ds_arena *arena, ds_members **ret_members, ds_error *err) {
  *ret_members = ds_arena_alloc(arena, sizeof **ret_members);
  return *ret_members == NULL ? no_memory(err) : DS_OK;
}

static ds_code members_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  members_state *state = memory;
  (void)err;
  state->context = context;
  state->arena = arena;
  return DS_OK;
}

// Whether an event says that its customer is in the list.
static bool says(const members_context *context, const ds_block *block, uint32_t e) {
  const ds_property_column *name = &block->property[0];
  return block->touchpoint[e] == context->touchpoint && name->type == DS_TYPE_STRING &&
         (name->present[e / 64] >> (e % 64) & 1) != 0 &&
         ds_str_equal(name->text[e], context->name);
}

static ds_code members_add(void *memory, const ds_block *block, ds_error *err) {
  members_state *state = memory;
  for (uint32_t j = 0; j < block->journeys; j++) {
    uint32_t e = block->offset[j];
    while (e < block->offset[j + 1] && !says(state->context, block, e))
      e++;
    if (e < block->offset[j + 1] &&
        !ds_customers_add(&state->customers, block->customer[j], state->arena))
      return no_memory(err);
  }
  return DS_OK;
}

static ds_code members_merge(void *into, void *from, ds_error *err) {
  members_state *state = into;
  const members_state *other = from;
  return ds_customers_add_all(&state->customers, &other->customers, state->arena)
             ? DS_OK
             : no_memory(err);
}

static const ds_kernel kernel = {"members",   sizeof(members_state), members_init,
                                 members_add, members_merge,         NULL};

// Reads the facts of a list; nobody is in one whose facts were not received yet.
static ds_code read_list(const finder *in, const char *name, ds_customers *customers,
                         ds_error *err) {
  static const ds_type text = DS_TYPE_STRING;
  const ds_space *space = &in->snapshot.space;
  ds_arena *arena = in->request.arena;
  const uint32_t touchpoint = ds_names_find(&space->touchpoints, ds_str_of(DS_LIST_JOINED));
  const uint32_t property = ds_names_find(&space->properties, ds_str_of(DS_LIST_PROPERTY));
  if (touchpoint == DS_NONE || property == DS_NONE)
    return DS_OK;
  const uint16_t code = (uint16_t)property;
  const members_context context = {ds_str_of(name), (uint16_t)touchpoint};
  uint64_t *touchpoints =
      ds_arena_array(arena, space->touchpoints.count / 64u + 1, sizeof *touchpoints);
  void *memory = NULL;
  if (touchpoints == NULL)
    return no_memory(err);
  touchpoints[touchpoint / 64] |= 1ull << (touchpoint % 64);
  const ds_plan plan = {.columns = {.want = DS_WANT_TOUCHPOINT, .properties_count = 1,
                                    .properties = &code, .property_types = &text,
                                    .touchpoints = touchpoints},
                        .needed = touchpoints, .threads = in->request.threads,
                        .progress = in->request.progress};
  TRY(ds_scan(&in->snapshot, &plan, &kernel, &context, arena, &memory, err));
  *customers = ((const members_state *)memory)->customers;
  return DS_OK;
}

static bool is_same(const found_list *one, const finder *in, const char *name) {
  const ds_cut *a = &one->cut, *b = &in->snapshot.cut;
  return one->identity == in->snapshot.identity && a->has_received == b->has_received &&
         (!a->has_received || a->received_ms == b->received_ms) && strcmp(one->name, name) == 0;
}

static ds_code find(void *context, uint32_t list, const ds_customers **ret_customers,
                    ds_error *err) {
  finder *in = context;
  const char *name = in->request.lists[list];
  found_list *one = in->members->first;
  while (one != NULL && !is_same(one, in, name))
    one = one->next;
  if (one == NULL) {
    one = ds_arena_alloc(in->request.arena, sizeof *one);
    ds_customers *customers = ds_arena_alloc(in->request.arena, sizeof *customers);
    if (one == NULL || customers == NULL)
      return no_memory(err);
    TRY(read_list(in, name, customers, err));
    *one = (found_list){.name = name, .identity = in->snapshot.identity, .cut = in->snapshot.cut,
                        .customers = customers, .next = in->members->first};
    in->members->first = one;
  }
  *ret_customers = one->customers;
  return DS_OK;
}

ds_code ds_members_lists(const ds_request *request, ds_lists *ret_lists, ds_error *err) {
  *ret_lists = (ds_lists){.names = request->lists, .count = request->lists_count};
  if (request->lists_count == 0)
    return DS_OK;
  finder *in = ds_arena_alloc(request->arena, sizeof *in);
  if (in == NULL)
    return no_memory(err);
  in->snapshot = *request->snapshot;
  in->snapshot.cut.has_time = false;
  in->request = *request;
  in->members = request->members;
  ret_lists->find = find;
  ret_lists->context = in;
  ret_lists->has_known = request->snapshot->cut.has_received;
  ret_lists->known_ms = request->snapshot->cut.received_ms;
  return DS_OK;
}

// --- who meets a condition

typedef struct meeting_state {
  ds_arena *arena;
  ds_customers customers;
  uint64_t count;
} meeting_state;

static ds_code meeting_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)context;
  (void)err;
  ((meeting_state *)memory)->arena = arena;
  return DS_OK;
}

static ds_code meeting_add(void *memory, const ds_block *block, ds_error *err) {
  meeting_state *state = memory;
  state->count += block->journeys;
  for (uint32_t j = 0; j < block->journeys; j++)
    if (!ds_customers_add(&state->customers, block->customer[j], state->arena))
      return no_memory(err);
  return DS_OK;
}

static ds_code meeting_merge(void *into, void *from, ds_error *err) {
  meeting_state *state = into;
  const meeting_state *other = from;
  state->count += other->count;
  return ds_customers_add_all(&state->customers, &other->customers, state->arena)
             ? DS_OK
             : no_memory(err);
}

static const ds_kernel meeting = {"meeting",   sizeof(meeting_state), meeting_init,
                                  meeting_add, meeting_merge,         NULL};

static ds_code find_meeting(const ds_request *request, const char *condition,
                            ds_customers *customers, uint64_t *count, ds_error *err) {
  ds_plan plan;
  void *memory = NULL;
  TRY(ds_question_select(request, "lists save", &plan, err));
  TRY(ds_plan_cases(request, condition, &plan, err));
  if (request->snapshot->events == 0)
    return DS_OK;
  TRY(ds_plan_leave_unasked(request, NULL, plan.cases, &plan, err));
  plan.columns.want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT;
  TRY(ds_scan(request->snapshot, &plan, &meeting, NULL, request->arena, &memory, err));
  *customers = ((const meeting_state *)memory)->customers;
  *count = ((const meeting_state *)memory)->count;
  return DS_OK;
}

ds_code ds_members_meeting(const ds_request *request, const char *condition,
                           ds_customers *ret_customers, uint64_t *ret_count, int64_t *ret_as_of_ms,
                           ds_error *err) {
  ds_request asked;
  ds_snapshot view;
  ds_customers customers = {.words = {0}};
  uint64_t count = 0;
  TRY(ds_question_look_back(ds_question_find(ds_str_of("find")), request, &asked, &view, err));
  const ds_code code = find_meeting(&asked, condition, &customers, &count, err);
  const int64_t as_of_ms = asked.as_of_ms;
  ds_question_look_ahead(request, &asked);
  TRY(code);
  *ret_customers = customers;
  *ret_count = count;
  *ret_as_of_ms = as_of_ms;
  return DS_OK;
}
