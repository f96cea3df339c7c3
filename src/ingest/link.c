// SPDX-License-Identifier: Apache-2.0
#include "ingest/link.h"

#include "base/limits.h"
#include "ingest/personal.h"
#include "model/identifier.h"
#include "scan/join.h"
#include "scan/scan.h"
#include "store/identity.h"

static ds_code check_one(ds_str name, ds_error *err) {
  const ds_str kind = ds_subject_kind(name);
  if (!ds_subject_is_sound(name))
    return ds_fail(err, DS_USAGE, "'%.*s' is not an identifier with its kind, such as "
                   "customer_id=C17", (int)(name.size < 100 ? name.size : 100), name.data);
  if (!ds_identifier_is_listed(kind) &&
      (ds_personal_name(kind) ||
       ds_personal_value((ds_str){name.data + kind.size + 1, name.size - kind.size - 1})))
    return ds_fail(err, DS_UNSUPPORTED, "an identifier of kind %.*s is personal, and not kept in "
                   "clear", DS_STR(kind));
  return DS_OK;
}

static ds_code check_names(ds_str a, ds_str b, ds_error *err) {
  TRY(check_one(a, err));
  TRY(check_one(b, err));
  if (ds_str_equal(a, b))
    return ds_fail(err, DS_USAGE, "%.*s is given twice: name two identifiers", DS_STR(a));
  if (ds_identifier_is_object(ds_subject_kind(a)) && ds_identifier_is_object(ds_subject_kind(b)))
    return ds_fail(err, DS_USAGE, "%.*s and %.*s are objects: link each with its customer",
                   DS_STR(a), DS_STR(b));
  return DS_OK;
}

static ds_code find_side(const ds_snapshot *snapshot, ds_str name, uint32_t *ret_customer,
                         ds_error *err) {
  TRY(ds_snapshot_find(snapshot, name, ret_customer, err));
  return *ret_customer != DS_NONE
             ? DS_OK
             : ds_fail(err, DS_EXPRESSION, "no customer has the identifier %.*s; doorstep find "
                       "--where … lists some", (int)(name.size < 200 ? name.size : 200),
                       name.data);
}

// --- the events of one customer

typedef struct count_context {
  uint32_t customer;
  uint32_t facts[3]; // touchpoints that are no step of a journey
} count_context;

typedef struct count_state {
  const count_context *context;
  uint64_t events;
  int64_t last_ms;
} count_state;

static ds_code count_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  ((count_state *)memory)->context = context;
  return DS_OK;
}

static void count_event(count_state *state, uint64_t events, int64_t time_ms) {
  if (events > 0 && (state->events == 0 || time_ms > state->last_ms))
    state->last_ms = time_ms;
  state->events += events;
}

static ds_code count_add(void *memory, const ds_block *block, ds_error *err) {
  (void)err;
  count_state *state = memory;
  const uint32_t *facts = state->context->facts;
  for (uint32_t j = 0; j < block->journeys; j++) {
    if (block->customer[j] != state->context->customer)
      continue;
    for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
      const uint32_t touchpoint = block->touchpoint[e];
      if (touchpoint != facts[0] && touchpoint != facts[1] && touchpoint != facts[2])
        count_event(state, 1, block->time_ms[e]);
    }
  }
  return DS_OK;
}

static ds_code count_merge(void *into, void *from, ds_error *err) {
  (void)err;
  const count_state *other = from;
  count_event(into, other->events, other->last_ms);
  return DS_OK;
}

// How many events a customer has, and when the last was.
static ds_code count_events(const ds_snapshot *snapshot, uint32_t customer, uint64_t *ret_events,
                            int64_t *ret_last_ms, ds_error *err) {
  static const ds_kernel kernel = {"count",   sizeof(count_state), count_init,
                                   count_add, count_merge,         NULL};
  const ds_plan plan = {.columns = {.want = DS_WANT_TIME | DS_WANT_TOUCHPOINT},
                        .threads = 1, .has_customer = true, .customer = customer};
  const ds_names *names = &snapshot->space.touchpoints;
  const count_context context = {customer, {ds_names_find(names, ds_str_of(DS_LINK_TOLD)),
                                            ds_names_find(names, ds_str_of(DS_LINK_UNTOLD)),
                                            ds_names_find(names, ds_str_of(DS_LINK_SEEN))}};
  ds_arena arena;
  void *memory = NULL;
  ds_arena_init(&arena, (size_t)1 << 30);
  const ds_code code = ds_scan(snapshot, &plan, &kernel, &context, &arena, &memory, err);
  if (code == DS_OK) {
    const count_state *state = memory;
    *ret_events = state->events;
    *ret_last_ms = state->last_ms;
  }
  ds_arena_done(&arena);
  return code;
}

static ds_code fill_side(const ds_snapshot *snapshot, uint32_t customer, ds_arena *arena,
                         ds_link_side *side, ds_error *err) {
  int64_t last_ms = 0;
  *side = (ds_link_side){.identifiers = 1};
  TRY(ds_snapshot_subject(snapshot, customer, arena, &side->customer, err));
  if (snapshot->identity != NULL) {
    const ds_slots slots = ds_join_slots(snapshot->identity, customer);
    side->identifiers += slots.end > slots.first ? slots.end - slots.first - 1 : 0;
  }
  return count_events(snapshot, customer, &side->events, &last_ms, err);
}

// --- the fact

// The fact is received now. It has the time of the customers' last event, so that no answer is
// about a later time because of it.
static ds_code write_fact(ds_store *store, ds_str a, ds_str b, bool linked, int64_t last_ms,
                          ds_error *err) {
  const bool swapped = ds_subject_compare(a, b) > 0;
  ds_io *io = ds_store_io(store);
  ds_event_property with = {.value = {.type = DS_TYPE_STRING, .text = swapped ? a : b}};
  const ds_event fact = {.time_ms = last_ms, .received_ms = io->ops->now_ms(io),
                         .has_received = true, .subject = swapped ? b : a, .properties = &with,
                         .properties_count = 1};
  ds_space space;
  ds_buf row;
  uint32_t index = 0;
  uint64_t duplicates = 0;
  ds_space_init(&space);
  ds_buf_init(&row, DS_EVENT_BYTES_MAX);
  ds_code code = ds_names_add(&space.touchpoints,
                              ds_str_of(linked ? DS_LINK_TOLD : DS_LINK_UNTOLD), &index, err);
  if (code == DS_OK)
    code = ds_names_add(&space.properties, ds_str_of(DS_LINK_PROPERTY), &index, err);
  if (code == DS_OK)
    code = ds_names_add(&space.sources, ds_str_of("doorstep"), &index, err);
  if (code == DS_OK)
    code = ds_event_encode(&fact, &row, err);
  if (code == DS_OK)
    code = ds_store_append(store, &space, &row, &duplicates, err);
  ds_buf_done(&row);
  ds_space_done(&space);
  return code;
}

// One side after the fact. An identifier that no event came under is nobody's once its only link is
// taken back.
static ds_code note_side(const ds_snapshot *snapshot, ds_str name, ds_arena *arena,
                         uint32_t *ret_customer, ds_link_side *side, ds_error *err) {
  TRY(ds_snapshot_find(snapshot, name, ret_customer, err));
  if (*ret_customer != DS_NONE)
    return fill_side(snapshot, *ret_customer, arena, side, err);
  *side = (ds_link_side){.customer = name};
  return DS_OK;
}

static ds_code note_outcome(ds_store *store, ds_str a, ds_str b, ds_arena *arena,
                            ds_link_outcome *outcome, ds_error *err) {
  uint32_t customer_a = 0, customer_b = 0;
  ds_snapshot *snapshot = NULL;
  TRY(ds_store_snapshot(store, &snapshot, err));
  ds_code code = note_side(snapshot, a, arena, &customer_a, &outcome->a, err);
  if (code == DS_OK)
    code = note_side(snapshot, b, arena, &customer_b, &outcome->b, err);
  outcome->one_now = customer_a == customer_b;
  ds_snapshot_free(snapshot);
  return code;
}

// Whether the fact is news, whether they are one customer without it, and when their last event
// was.
static ds_code look_before(ds_store *store, ds_str a, ds_str b, bool linked,
                           ds_link_outcome *outcome, int64_t *ret_last_ms, ds_error *err) {
  uint32_t customer_a = 0, customer_b = 0;
  uint64_t events = 0;
  int64_t last_a = 0, last_b = 0;
  ds_said said = DS_SAID_NOTHING;
  ds_snapshot *snapshot = NULL;
  TRY(ds_store_snapshot(store, &snapshot, err));
  ds_code code = find_side(snapshot, a, &customer_a, err);
  if (code == DS_OK)
    code = find_side(snapshot, b, &customer_b, err);
  if (code == DS_OK)
    code = ds_identity_said(snapshot, a, b, &said, err);
  if (code == DS_OK)
    code = count_events(snapshot, customer_a, &events, &last_a, err);
  if (code == DS_OK)
    code = count_events(snapshot, customer_b, &events, &last_b, err);
  *ret_last_ms = last_a > last_b ? last_a : last_b;
  outcome->one_before = customer_a == customer_b;
  outcome->told = linked ? said != DS_SAID_TOLD : said == DS_SAID_TOLD || said == DS_SAID_SEEN;
  ds_snapshot_free(snapshot);
  return code;
}

ds_code ds_link_tell(ds_store *store, ds_str a, ds_str b, bool linked, ds_arena *arena,
                     ds_link_outcome *ret_outcome, ds_error *err) {
  ds_link_outcome outcome = {.told = false};
  TRY(check_names(a, b, err));
  int64_t last_ms = 0;
  TRY(look_before(store, a, b, linked, &outcome, &last_ms, err));
  if (outcome.told)
    TRY(write_fact(store, a, b, linked, last_ms, err));
  TRY(note_outcome(store, a, b, arena, &outcome, err));
  *ret_outcome = outcome;
  return DS_OK;
}
