// SPDX-License-Identifier: Apache-2.0
// See parcel.h. Two passes over a journey: the first gives each event's parcel keys a number within
// the order, the second applies what events tell, instant by instant and, within one, status by
// status. What holds for the order as a whole is folded like a parcel of its own and laid over the
// parcels at the end, so that no pass is longer than the journey.
#include <assert.h>
#include <stdlib.h>

#include "base/resize.h"
#include "insight/parcel_fold.h"

ds_code ds_parcel_fold_new(const ds_parcel_rules *rules, ds_parcel_fold **ret_fold,
                           ds_error *err) {
  ds_parcel_fold *fold = calloc(1, sizeof *fold);
  if (fold == NULL)
    return ds_parcel_no_memory(err);
  fold->rules = rules;
  ds_map64_init(&fold->shared);
  ds_map64_init(&fold->carriers);
  for (uint32_t d = 0; d < PARCEL_DAYS_KEPT; d++)
    fold->day[d] = DS_NEVER;
  *ret_fold = fold;
  return DS_OK;
}

void ds_parcel_fold_free(ds_parcel_fold *fold) {
  if (fold == NULL)
    return;
  ds_map64_done(&fold->shared);
  ds_map64_done(&fold->carriers);
  void *const rest[] = {fold->slots[0], fold->slots[1], fold->parcel, fold->making,
                        fold->exceptions, fold->moves, fold->derived, fold->value_event,
                        fold};
  for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
    free(rest[i]);
}

// Slots of the blocks before stay: their epochs are over.
ds_code ds_parcel_fold_begin(ds_parcel_fold *fold, const ds_block *block, ds_error *err) {
  fold->block = block;
  fold->named_hash = 0;
  for (uint32_t k = 0; k < 2; k++) {
    const ds_key_column *key = ds_parcel_key_of(fold, k);
    if (fold->epoch > UINT32_MAX - block->journeys - 1 && fold->slots_capacity[k] > 0)
      memset(fold->slots[k], 0, fold->slots_capacity[k] * sizeof *fold->slots[k]);
    const uint32_t known = fold->slots_capacity[k];
    if (key == NULL || key->values <= known)
      continue;
    if (!ds_resize(&fold->slots[k], key->values, sizeof *fold->slots[k]))
      return ds_parcel_no_memory(err);
    memset(fold->slots[k] + known, 0, (key->values - known) * sizeof *fold->slots[k]);
    fold->slots_capacity[k] = key->values;
  }
  if (fold->epoch > UINT32_MAX - block->journeys - 1)
    fold->epoch = 0;
  return DS_OK;
}

static ds_code derived_add(ds_parcel_fold *fold, uint32_t parcel, ds_derived_kind kind,
                           int64_t time_ms, ds_error *err) {
  if (fold->derived_count == fold->derived_capacity) {
    const uint32_t capacity = fold->derived_capacity * 2 + 16;
    if (!ds_resize(&fold->derived, capacity, sizeof *fold->derived))
      return ds_parcel_no_memory(err);
    fold->derived_capacity = capacity;
  }
  fold->derived[fold->derived_count++] = (ds_derived){time_ms, parcel, kind};
  return DS_OK;
}

// Whether the order was called off before the carrier had the parcel, as of an instant.
static bool is_cancelled(const ds_parcel_fold *fold, const ds_parcel *parcel, int64_t at_ms) {
  const int64_t order_ms = fold->parcel[0].cancelled_ms;
  const int64_t cancelled_ms =
      parcel->cancelled_ms < order_ms ? parcel->cancelled_ms : order_ms;
  return cancelled_ms <= at_ms && parcel->carried_ms > at_ms;
}

// The rules of the carrier that a scan named last, by whose limits the silence behind it is judged.
static const parcel_carrier *carrier_now(const ds_parcel_fold *fold, uint32_t p) {
  const uint32_t now = fold->making[p].now;
  return now == DS_NONE ? ds_parcel_first_carrier(fold, p) : &fold->rules->carrier[now];
}

// When silence since an instant has lasted so long that the parcel is stalled: the limit counts the
// hours of the calendar alone, if the settings name one.
static int64_t stalled_at(const parcel_carrier *of, ds_parcel_silence silence, int64_t from_ms) {
  const int64_t limit_ms =
      silence == DS_SILENCE_LABEL ? of->limits->label_silent_ms : of->limits->silent_ms;
  return of->worktime == NULL ? from_ms + limit_ms
                              : ds_worktime_after(of->worktime, from_ms, limit_ms);
}

// Tells what the silence since the last scan has come to mean before `until_ms`.
static ds_code silence_tell(ds_parcel_fold *fold, uint32_t p, int64_t until_ms, ds_error *err) {
  const ds_parcel *parcel = &fold->parcel[p];
  const parcel_carrier *carrier = carrier_now(fold, p);
  const ds_parcel_silence silence = ds_parcel_states[parcel->state].silence;
  const int64_t from = parcel->last_scan_ms;
  if (silence == DS_SILENCE_NONE || from == DS_NEVER)
    return DS_OK;
  const int64_t stalled = stalled_at(carrier, silence, from);
  parcel_making *of = &fold->making[p];
  if (stalled < until_ms && of->stalled_from != from && !is_cancelled(fold, parcel, stalled)) {
    of->stalled_from = from;
    TRY(derived_add(fold, p, DS_DERIVED_STALLED, stalled, err));
  }
  const int64_t lost = from + carrier->limits->lost_ms;
  if (silence == DS_SILENCE_CARRIER && lost < until_ms && of->lost_from != from) {
    of->lost_from = from;
    TRY(derived_add(fold, p, DS_DERIVED_LOST, lost, err));
  }
  return DS_OK;
}

// Moves a parcel to a state, unless that lies behind.
static ds_code advance(ds_parcel_fold *fold, uint32_t p, ds_parcel_state state, uint32_t event,
                       ds_error *err) {
  ds_parcel *parcel = &fold->parcel[p];
  if (state == parcel->state ||
      ds_parcel_states[state].rank < ds_parcel_states[parcel->state].rank)
    return DS_OK;
  parcel->state = state;
  parcel->state_ms = fold->block->time_ms[event];
  parcel->state_event = event;
  if (fold->moves_count == fold->moves_capacity) {
    const uint32_t capacity = fold->moves_capacity * 2 + 16;
    if (!ds_resize(&fold->moves, capacity, sizeof *fold->moves))
      return ds_parcel_no_memory(err);
    fold->moves_capacity = capacity;
  }
  // Parcels are numbered from 0 for those who ask; the order's 0 becomes DS_NONE.
  fold->moves[fold->moves_count++] = (ds_parcel_move){p - 1, state, event};
  return DS_OK;
}

static void earliest(int64_t *ms, int64_t time_ms) {
  if (time_ms < *ms)
    *ms = time_ms;
}

// Keeps what was promised until the first attempt, and until delivery: promises of an instant are
// read behind what happened at it.
static void promises_keep(ds_parcel_fold *fold, uint32_t p, bool is_attempt, bool is_delivery) {
  ds_parcel *parcel = &fold->parcel[p];
  if (is_attempt && parcel->attempt_ms == DS_NEVER) {
    parcel->current_tried = parcel->current;
    fold->making[p].told_tried = fold->parcel[0].current;
  }
  if (is_delivery && parcel->delivered_ms == DS_NEVER)
    fold->making[p].told_came = fold->parcel[0].current;
}

// What a status tells beyond the state. Instants come in ascending order.
static void note_status(ds_parcel_fold *fold, uint32_t p, uint32_t s, uint32_t e) {
  const ds_parcel_status *status = &ds_parcel_statuses[s];
  const int64_t time_ms = fold->block->time_ms[e];
  ds_parcel *parcel = &fold->parcel[p];
  const bool open = parcel->delivered_ms >= time_ms; // the customer did not have it before
  const bool at_door = open && parcel->out_ms != DS_NEVER;
  bool troubled = at_door && parcel->out_ms < time_ms && (status->tells & DS_STATUS_EXCEPTION) != 0;
  promises_keep(fold, p, (status->tells & DS_STATUS_ATTEMPT) != 0,
                status->state == DS_PARCEL_DELIVERED);
  switch (status->state) {
  case DS_PARCEL_ORDERED:
    if (s == PARCEL_PLACED && fold->placed_ms == DS_NEVER) {
      fold->placed_ms = time_ms;
      fold->placed_event = e;
    }
    break;
  case DS_PARCEL_PREPARING:
    earliest(&parcel->prepared_ms, time_ms);
    break;
  case DS_PARCEL_LABELLED:
    if ((status->tells & DS_STATUS_EXCEPTION) == 0) {
      earliest(&parcel->labelled_ms, time_ms);
      earliest(&parcel->prepared_ms, time_ms);
    }
    break;
  case DS_PARCEL_CANCELLED:
    earliest(&parcel->cancelled_ms, time_ms);
    break;
  case DS_PARCEL_OUT_FOR_DELIVERY:
    troubled |= at_door && time_ms - parcel->out_ms > DS_DAY_MS;
    earliest(&parcel->out_ms, time_ms);
    break;
  case DS_PARCEL_ATTEMPT_FAILED:
    parcel->attempts_failed++;
    troubled |= open;
    break;
  case DS_PARCEL_AVAILABLE_FOR_PICKUP:
    troubled |= open;
    break;
  case DS_PARCEL_DELIVERED:
    earliest(&parcel->delivered_ms, time_ms);
    break;
  case DS_PARCEL_RETURNING:
    earliest(&parcel->returning_ms, time_ms);
    break;
  default:
    break;
  }
  if ((status->tells & DS_STATUS_ATTEMPT) != 0)
    earliest(&parcel->attempt_ms, time_ms);
  if (ds_parcel_states[status->state].rank >= ds_parcel_states[DS_PARCEL_COLLECTED].rank)
    earliest(&parcel->carried_ms, time_ms);
  fold->making[p].troubled |= troubled;
}

static ds_code exception_add(ds_parcel_fold *fold, uint32_t p, uint32_t s, uint32_t event,
                             ds_error *err) {
  fold->parcel[p].exceptions++;
  if (fold->exceptions_count == fold->exceptions_capacity) {
    const uint32_t capacity = fold->exceptions_capacity * 2 + 16;
    if (!ds_resize(&fold->exceptions, capacity, sizeof *fold->exceptions))
      return ds_parcel_no_memory(err);
    fold->exceptions_capacity = capacity;
  }
  fold->exceptions[fold->exceptions_count++] = (ds_parcel_exception){p, s, event};
  return DS_OK;
}

// Applies event `e` with status `s` to parcel `p`.
static ds_code status_apply(ds_parcel_fold *fold, uint32_t p, uint32_t s, uint32_t e,
                            ds_error *err) {
  const int64_t time_ms = fold->block->time_ms[e];
  const ds_parcel_status *status = &ds_parcel_statuses[s];
  ds_parcel *parcel = &fold->parcel[p];
  parcel_making *of = &fold->making[p];
  if (of->seen_ms == time_ms && (of->seen >> s & 1) != 0)
    return DS_OK;
  of->seen = (of->seen_ms == time_ms ? of->seen : 0) | 1ull << s;
  of->seen_ms = time_ms;
  TRY(silence_tell(fold, p, time_ms, err));
  parcel->last_event = e;
  // What is handed over after it was sent back, the sender has; at one instant it came first.
  if (status->state == DS_PARCEL_DELIVERED && parcel->returning_ms != DS_NEVER) {
    parcel->scans++;
    parcel->last_scan_ms = time_ms;
    return advance(fold, p, DS_PARCEL_RETURNED, e, err);
  }
  note_status(fold, p, s, e);
  if ((status->tells & DS_STATUS_EXCEPTION) != 0)
    TRY(exception_add(fold, p, s, e, err));
  if ((status->tells & DS_STATUS_SCAN) != 0) {
    const uint32_t carrier = fold->rules->is_local ? ds_parcel_carrier_rules(fold, e) : DS_NONE;
    of->now = carrier == DS_NONE ? of->now : carrier;
    parcel->scans++;
    parcel->last_scan_ms = time_ms;
  }
  return status->state == DS_PARCEL_UNKNOWN ? DS_OK : advance(fold, p, status->state, e, err);
}

// The events [first, last) of one instant: status by status, then what they promise as they came.
static ds_code instant_apply(ds_parcel_fold *fold, uint32_t first, uint32_t last, ds_error *err) {
  const uint8_t *status = fold->rules->status;
  const uint16_t *touchpoint = fold->block->touchpoint;
  uint64_t statuses = 0;
  for (uint32_t e = first; e < last; e++)
    if (status[touchpoint[e]] != PARCEL_NO_STATUS)
      statuses |= 1ull << status[touchpoint[e]];
  for (; statuses != 0; statuses &= statuses - 1)
    for (uint32_t e = first; e < last; e++)
      if (status[touchpoint[e]] == __builtin_ctzll(statuses))
        TRY(ds_parcel_place(fold, status_apply, e, &fold->unplaced, err));
  for (uint32_t e = first; e < last; e++)
    if (ds_parcel_promises(fold, e))
      TRY(ds_parcel_place(fold, ds_parcel_promise, e, &(uint32_t){0}, err));
  return DS_OK;
}

// The later told of a parcel's own promise and its order's; the original where there is none.
static ds_promise later_told(ds_parcel_fold *fold, uint32_t p, const ds_promise *own,
                             const ds_promise *order) {
  if (order->event != DS_NONE && (own->event == DS_NONE || own->event < order->event))
    return ds_parcel_promise_for(fold, order, p);
  return own->event != DS_NONE ? *own : fold->parcel[p].original;
}

// Lays what holds for the whole order over a parcel.
static void order_lay(ds_parcel_fold *fold, uint32_t p) {
  const ds_parcel *order = &fold->parcel[0];
  ds_parcel *parcel = &fold->parcel[p];
  // What both say holds since the first of the two did.
  if (ds_parcel_states[order->state].rank > ds_parcel_states[parcel->state].rank ||
      (order->state == parcel->state && order->state_ms < parcel->state_ms)) {
    parcel->state = order->state;
    parcel->state_ms = order->state_ms;
    parcel->state_event = order->state_event;
  }
  if (parcel->last_event == DS_NONE)
    parcel->last_event = order->last_event;
  earliest(&parcel->cancelled_ms, order->cancelled_ms);
  earliest(&parcel->slipped_ms, order->slipped_ms);
  earliest(&parcel->prepared_ms, order->prepared_ms);
  if (order->original.event < parcel->original.event)
    parcel->original = ds_parcel_promise_for(fold, &order->original, p);
  const parcel_making *of = &fold->making[p];
  const bool came = parcel->delivered_ms != DS_NEVER, tried = parcel->attempt_ms != DS_NEVER;
  parcel->current =
      later_told(fold, p, &parcel->current, came ? &of->told_came : &order->current);
  parcel->current_tried = tried ? later_told(fold, p, &parcel->current_tried, &of->told_tried)
                                : parcel->current;
}

// What the silence means that lasts until now.
static void silence_keep(ds_parcel_fold *fold, uint32_t p) {
  ds_parcel *parcel = &fold->parcel[p];
  const parcel_making *of = &fold->making[p];
  const parcel_carrier *carrier = carrier_now(fold, p);
  const ds_parcel_silence silence = ds_parcel_states[parcel->state].silence;
  const int64_t from = parcel->last_scan_ms;
  if (silence == DS_SILENCE_NONE || from == DS_NEVER)
    return;
  if (of->stalled_from == from)
    parcel->stalled_ms = stalled_at(carrier, silence, from);
  if (of->lost_from == from)
    parcel->lost_ms = from + carrier->limits->lost_ms;
}

// When the promise was missed: it ended, or was told after its end, without an attempt until then.
// When it was in doubt before: an estimate behind it, or not on the van shortly before its end.
static ds_code promise_judge(ds_parcel_fold *fold, uint32_t p, ds_error *err) {
  ds_parcel *parcel = &fold->parcel[p];
  const ds_promise *promise = &parcel->original;
  const int64_t now = fold->rules->now_ms, told = promise->told_ms;
  if (promise->event == DS_NONE)
    return DS_OK;
  const int64_t missed = promise->end_ms > told ? promise->end_ms : told;
  const int64_t before = promise->end_ms - ds_parcel_first_carrier(fold, p)->limits->risk_ms;
  int64_t at_risk = before > told ? before : told;
  const int64_t near_ms =
      parcel->out_ms < parcel->attempt_ms ? parcel->out_ms : parcel->attempt_ms;
  if (near_ms <= at_risk || is_cancelled(fold, parcel, at_risk))
    at_risk = DS_NEVER;
  if (parcel->slipped_ms < parcel->attempt_ms && !is_cancelled(fold, parcel, parcel->slipped_ms))
    earliest(&at_risk, parcel->slipped_ms);
  if (at_risk <= now && at_risk < missed) {
    parcel->at_risk_ms = at_risk;
    TRY(derived_add(fold, p, DS_DERIVED_AT_RISK, at_risk, err));
  }
  // An attempt at the very end of the promise is too late by a millisecond.
  if (missed > now || parcel->attempt_ms < promise->end_ms || is_cancelled(fold, parcel, missed))
    return DS_OK;
  parcel->missed_ms = missed;
  return derived_add(fold, p, DS_DERIVED_MISSED, missed, err);
}

static int derived_order(const void *a, const void *b) {
  const ds_derived *x = a, *y = b;
  if (x->parcel != y->parcel)
    return x->parcel < y->parcel ? -1 : 1;
  if (x->time_ms != y->time_ms)
    return x->time_ms < y->time_ms ? -1 : 1;
  return (x->kind > y->kind) - (x->kind < y->kind);
}

static ds_code fold_end(ds_parcel_fold *fold, ds_parcels *ret_parcels, ds_error *err) {
  const int64_t now = fold->rules->now_ms;
  for (uint32_t p = 1; p < fold->count; p++) {
    TRY(silence_tell(fold, p, now == DS_NEVER ? now : now + 1, err));
    order_lay(fold, p);
    silence_keep(fold, p);
    TRY(promise_judge(fold, p, err));
    fold->parcel[p].first_try =
        fold->parcel[p].delivered_ms != DS_NEVER && !fold->making[p].troubled;
  }
  for (uint32_t d = 0; d < fold->derived_count; d++)
    fold->derived[d].parcel--;
  for (uint32_t x = 0; x < fold->exceptions_count; x++)
    fold->exceptions[x].parcel--;
  if (fold->derived_count > 1)
    qsort(fold->derived, fold->derived_count, sizeof *fold->derived, derived_order);
  *ret_parcels = (ds_parcels){.parcel = fold->parcel + 1,
                              .count = fold->count - 1,
                              .exceptions = fold->exceptions,
                              .exceptions_count = fold->exceptions_count,
                              .moves = fold->moves,
                              .moves_count = fold->moves_count,
                              .derived = fold->derived,
                              .derived_count = fold->derived_count,
                              .placed_ms = fold->placed_ms,
                              .placed_event = fold->placed_event,
                              .unplaced = fold->unplaced,
                              .unread = fold->unread};
  return DS_OK;
}

ds_code ds_parcel_fold_journey(ds_parcel_fold *fold, uint32_t journey, ds_parcels *ret_parcels,
                               ds_error *err) {
  const ds_block *block = fold->block;
  const int64_t *time_ms = block->time_ms;
  const uint32_t first = block->offset[journey];
  uint32_t last = block->offset[journey + 1];
  bool tells = false;
  while (last > first && time_ms[last - 1] > fold->rules->now_ms)
    last--;
  for (uint32_t e = first; e < last; e++)
    tells |= fold->rules->status[block->touchpoint[e]] != PARCEL_NO_STATUS;
  *ret_parcels = (ds_parcels){.placed_ms = DS_NEVER, .placed_event = DS_NONE};
  if (!tells)
    return DS_OK;
  fold->epoch++;
  fold->count = fold->exceptions_count = fold->derived_count = fold->unplaced = 0;
  fold->unread = 0;
  fold->moves_count = 0;
  fold->placed_ms = DS_NEVER;
  fold->placed_event = DS_NONE;
  TRY(ds_parcel_find(fold, first, last, err));
  for (uint32_t e = first, end; e < last; e = end) {
    for (end = e + 1; end < last && time_ms[end] == time_ms[e]; end++)
      ;
    TRY(instant_apply(fold, e, end, err));
  }
  return fold_end(fold, ret_parcels, err);
}
