// SPDX-License-Identifier: Apache-2.0
// One order or parcel, by identifier: a first scan finds whose it is, by the hash of the
// identifier, then the journeys of those customers alone are read. See tracking.h.
#include <stdlib.h>

#include "insight/tracking.h"

// Customers who have an order or parcel so called; more are not shown.
enum { WHO_MAX = 64 };

// Who has it.
typedef struct seek_state {
  uint64_t hash;
  uint32_t count;
  uint32_t customer[WHO_MAX];
} seek_state;

// What is shown, of one customer.
typedef struct show_state {
  const struct show_context *context;
  ds_parcel_fold *fold;
} show_state;

typedef struct show_context {
  const tracking_context *asked;
  uint64_t hash;
  ds_result *result;
  ds_table *parcels;
  ds_table *history;
  bool has_carrier; // events have one
  ds_property_ref carrier;
} show_context;

static const ds_column parcel_columns[] = {
    {"order", DS_CELL_TEXT, "", "the order, or the case asked for", false},
    {"parcel", DS_CELL_TEXT, "", "its parcel_id or tracking_number; empty: it has none", false},
    {"carrier", DS_CELL_TEXT, "", "who brings it; empty: nothing says", false},
    {"state", DS_CELL_TEXT, "", "where it is now", false},
    {"since", DS_CELL_TIME, "", "since when", false},
    {"in_state_ms", DS_CELL_DURATION, "ms", "for how long", false},
    {"last_scan", DS_CELL_TIME, "", "the latest scan", true},
    {"scans", DS_CELL_COUNT, "scans", "different scans", true},
    {"exceptions", DS_CELL_COUNT, "scans", "of them something went wrong", false},
    {"promised", DS_CELL_TIME, "", "last moment of the original promise", false},
    {"expected", DS_CELL_TIME, "", "last moment of the latest promise or estimate", true},
    {"attempted", DS_CELL_TIME, "", "first attempt to deliver", true},
    {"delivered", DS_CELL_TIME, "", "handed over to the customer", true},
    {"stalled", DS_CELL_TIME, "", "since when it is stalled", true},
    {"at_risk", DS_CELL_TIME, "", "when the promise became doubtful", true},
    {"missed", DS_CELL_TIME, "", "when the promise was missed", true},
    {"lost", DS_CELL_TIME, "", "since when it counts as lost", true},
};
enum { P_ORDER, P_PARCEL, P_CARRIER, P_STATE, P_SINCE, P_IN_STATE, P_LAST, P_SCANS, P_EXCEPTIONS,
       P_PROMISED, P_EXPECTED, P_ATTEMPTED, P_DELIVERED, P_STALLED, P_AT_RISK, P_MISSED, P_LOST,
       P_COLUMNS };

static const ds_column history_columns[] = {
    {"order", DS_CELL_TEXT, "", "the order, or the case asked for", false},
    {"time", DS_CELL_TIME, "", "when it happened, by the carrier's clock", false},
    {"received", DS_CELL_TIME, "", "when it came in", true},
    {"touchpoint", DS_CELL_TEXT, "", "what happened", false},
    {"parcel", DS_CELL_TEXT, "", "to which parcel; empty: the order as a whole", false},
    {"moved", DS_CELL_TEXT, "", "the state that it brought; empty: none", false},
};
enum { H_ORDER, H_TIME, H_RECEIVED, H_TOUCHPOINT, H_PARCEL, H_MOVED, H_COLUMNS };

// Whether the order is called so, or one of its events names a parcel called so.
static bool is_called(const ds_block *block, uint32_t j, uint64_t hash) {
  if (block->case_hash != NULL && block->case_hash[j] == hash)
    return true;
  for (uint32_t k = 0; k < block->keys_count; k++) {
    const ds_key_column *key = &block->key[k];
    const uint32_t first = key->first[block->offset[j]], last = key->first[block->offset[j + 1]];
    for (uint32_t i = first; i < last; i++)
      if (key->hash[key->item[i]] == hash)
        return true;
  }
  return false;
}

static ds_code seek_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  ((seek_state *)memory)->hash = *(const uint64_t *)context;
  return DS_OK;
}

// Keeps the lowest numbers, so that which are shown does not depend on threads.
static void seek_put(seek_state *state, uint32_t customer) {
  uint32_t at = state->count;
  for (uint32_t c = 0; c < state->count; c++) {
    if (state->customer[c] == customer)
      return;
    if (state->customer[c] > customer && at == state->count)
      at = c;
  }
  if (at == WHO_MAX)
    return;
  const uint32_t kept = state->count < WHO_MAX ? state->count : WHO_MAX - 1;
  memmove(&state->customer[at + 1], &state->customer[at], (kept - at) * sizeof customer);
  state->customer[at] = customer;
  state->count = kept + 1;
}

static ds_code seek_add(void *memory, const ds_block *block, ds_error *err) {
  (void)err;
  seek_state *state = memory;
  for (uint32_t j = 0; j < block->journeys; j++)
    if (is_called(block, j, state->hash))
      seek_put(state, block->customer[j]);
  return DS_OK;
}

static ds_code seek_merge(void *memory, void *other, ds_error *err) {
  (void)err;
  const seek_state *from = other;
  for (uint32_t c = 0; c < from->count; c++)
    seek_put(memory, from->customer[c]);
  return DS_OK;
}

static const ds_kernel seek_kernel = {"seek", sizeof(seek_state), seek_init, seek_add, seek_merge,
                                      NULL};

static ds_code show_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  show_state *state = memory;
  state->context = context;
  return ds_parcel_fold_new(state->context->asked->rules, &state->fold, err);
}

static void show_done(void *memory) {
  show_state *state = memory;
  ds_parcel_fold_free(state->fold);
  state->fold = NULL;
}

static ds_cell instant(int64_t ms) { return ms == DS_NEVER ? ds_cell_null() : ds_cell_i64(ms); }

// The last moment of a promise.
static ds_cell last_of(const ds_promise *promise) {
  return promise->event == DS_NONE ? ds_cell_null() : ds_cell_i64(promise->end_ms - 1);
}

// Makes the fold ready to say what carriers the parcels of a journey have.
static ds_code carriers_begin(const show_context *in, ds_parcel_fold *fold, uint32_t journey,
                              ds_error *err) {
  if (!in->has_carrier)
    return DS_OK;
  TRY(ds_parcel_values_begin(fold, journey, &in->carrier, 1, err));
  return ds_parcel_values_until(fold, in->asked->as_of_ms, err);
}

// A parcel's carrier, a view of the block or room; empty when nothing tells.
static ds_str carrier_of(const show_context *in, ds_parcel_fold *fold, const ds_block *block,
                         uint32_t parcel, char room[DS_PROPERTY_TEXT_MAX]) {
  ds_str text = {"", 0};
  const uint32_t e = in->has_carrier ? ds_parcel_value_event(fold, parcel, 0) : DS_NONE;
  if (e == DS_NONE || !ds_property_text(&block->property[in->carrier.column], e, room, &text))
    return (ds_str){"", 0};
  return text;
}

static ds_code put_parcel(const show_context *in, ds_str order, const ds_parcel *parcel,
                          ds_str carrier, ds_error *err) {
  ds_cell *row = in->parcels == NULL ? NULL : ds_table_row(in->result, in->parcels);
  if (row == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for parcels: give more --memory");
  row[P_ORDER] = ds_cell_text(in->result, order);
  row[P_PARCEL] = ds_cell_text(in->result, parcel->key);
  row[P_CARRIER] = ds_cell_text(in->result, carrier);
  row[P_STATE] = ds_cell_text(in->result, ds_str_of(ds_parcel_states[parcel->state].name));
  row[P_SINCE] = instant(parcel->state_ms);
  if (parcel->state_ms != DS_NEVER)
    row[P_IN_STATE] = ds_cell_double((double)(in->asked->as_of_ms - parcel->state_ms));
  row[P_LAST] = instant(parcel->last_scan_ms);
  row[P_SCANS] = ds_cell_i64(parcel->scans);
  row[P_EXCEPTIONS] = ds_cell_i64(parcel->exceptions);
  row[P_PROMISED] = last_of(&parcel->original);
  row[P_EXPECTED] = last_of(&parcel->current);
  row[P_ATTEMPTED] = instant(parcel->attempt_ms);
  row[P_DELIVERED] = instant(parcel->delivered_ms);
  row[P_STALLED] = instant(parcel->stalled_ms);
  row[P_AT_RISK] = instant(parcel->at_risk_ms);
  row[P_MISSED] = instant(parcel->missed_ms);
  row[P_LOST] = instant(parcel->lost_ms);
  return DS_OK;
}

// The name of the first parcel key that an event carries.
static ds_str parcel_named(const show_context *in, const ds_block *block, uint32_t e) {
  const ds_names *names = &in->asked->request->snapshot->space.keys;
  for (uint32_t k = 0; k < in->asked->plan.columns.keys_count; k++) {
    const ds_key_column *key = &block->key[k];
    const char *name = ds_names_text(names, in->asked->plan.columns.keys[k]);
    if (key->first[e] < key->first[e + 1] &&
        (strcmp(name, "parcel_id") == 0 || strcmp(name, "tracking_number") == 0))
      return key->text[key->item[key->first[e]]];
  }
  return (ds_str){"", 0};
}

static ds_code put_event(const show_context *in, const ds_block *block, ds_str order, uint32_t e,
                         const ds_parcels *parcels, ds_error *err) {
  const ds_names *touchpoints = &in->asked->request->snapshot->space.touchpoints;
  ds_cell *row = in->history == NULL ? NULL : ds_table_row(in->result, in->history);
  if (row == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for parcels: give more --memory");
  const char *moved = "";
  for (uint32_t m = 0; m < parcels->moves_count; m++)
    if (parcels->moves[m].event == e)
      moved = ds_parcel_states[parcels->moves[m].state].name;
  row[H_ORDER] = ds_cell_text(in->result, order);
  row[H_TIME] = ds_cell_i64(block->time_ms[e]);
  row[H_RECEIVED] = ds_cell_i64(block->received_ms[e]);
  row[H_TOUCHPOINT] = ds_cell_text(in->result, touchpoints->text[block->touchpoint[e]]);
  row[H_PARCEL] = ds_cell_text(in->result, parcel_named(in, block, e));
  row[H_MOVED] = ds_cell_text(in->result, ds_str_of(moved));
  return DS_OK;
}

static ds_code show_add(void *memory, const ds_block *block, ds_error *err) {
  show_state *state = memory;
  const show_context *in = state->context;
  ds_parcels parcels;
  TRY(ds_parcel_fold_begin(state->fold, block, err));
  for (uint32_t j = 0; j < block->journeys; j++) {
    if (!is_called(block, j, in->hash))
      continue;
    const ds_str order = block->case_text == NULL ? (ds_str){"", 0} : block->case_text[j];
    TRY(ds_parcel_fold_journey(state->fold, j, &parcels, err));
    TRY(carriers_begin(in, state->fold, j, err));
    for (uint32_t p = 0; p < parcels.count; p++) {
      char room[DS_PROPERTY_TEXT_MAX];
      const ds_str carrier = carrier_of(in, state->fold, block, p, room);
      TRY(put_parcel(in, order, &parcels.parcel[p], carrier, err));
    }
    for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++)
      if (block->time_ms[e] <= in->asked->as_of_ms)
        TRY(put_event(in, block, order, e, &parcels, err));
  }
  return DS_OK;
}

static const ds_kernel show_kernel = {"show", sizeof(show_state), show_init, show_add, NULL,
                                      show_done};

ds_code ds_tracking_one(const tracking_context *context, const char *id, ds_result *result,
                     ds_error *err) {
  const ds_request *request = context->request;
  show_context in = {.asked = context, .hash = ds_key_hash(ds_str_of(id)), .result = result};
  void *memory = NULL;
  in.parcels = ds_result_table(result, "parcels", "The order's parcels", parcel_columns, P_COLUMNS);
  in.history = ds_result_table(result, "history", "What was told of them", history_columns,
                               H_COLUMNS);
  result->main_table = "parcels";
  TRY(ds_scan(request->snapshot, &context->plan, &seek_kernel, &in.hash, request->arena, &memory,
              err));
  const seek_state *who = memory;
  ds_plan one = context->plan;
  one.columns.want |= DS_WANT_RECEIVED;
  one.want_case_text = one.has_case;
  one.has_customer = true;
  one.threads = 1;
  in.has_carrier = ds_names_find(&request->snapshot->space.properties, ds_str_of("carrier")) !=
                   DS_NONE;
  if (in.has_carrier)
    TRY(ds_property_add(request->snapshot, &one, "by", "carrier", request->arena, &in.carrier,
                        err));
  for (uint32_t c = 0; c < who->count; c++) {
    void *shown = NULL;
    one.customer = who->customer[c];
    TRY(ds_scan(request->snapshot, &one, &show_kernel, &in, request->arena, &shown, err));
    show_done(shown);
  }
  if (who->count == WHO_MAX)
    ds_result_note(result, true, "Many customers have one of that name; the first %d are shown.",
                   WHO_MAX);
  if (who->count == 0 && request->snapshot->events > 0)
    ds_result_note(result, true, "No order or parcel is called %s (a case key's value, exactly as "
                   "it was brought in).", id);
  return DS_OK;
}
