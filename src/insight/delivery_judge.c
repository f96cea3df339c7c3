// SPDX-License-Identifier: Apache-2.0
// How one parcel is judged, from what the fold of its events tells: what it counts as, and how long
// everything took.
#include "insight/delivery.h"
#include "question/common.h"

bool ds_delivery_chosen(const delivery_asked *asked, const ds_block *block, uint32_t j) {
  const ds_plan *period = &asked->period;
  const int64_t from_ms = period->has_from ? period->from_ms : INT64_MIN;
  const int64_t to_ms = period->has_to ? period->to_ms : INT64_MAX;
  uint32_t first = block->offset[j], end = block->offset[j + 1];
  if (!asked->has_period)
    return true;
  if (period->range == DS_RANGE_STARTED)
    end = first + 1;
  else if (period->range == DS_RANGE_COMPLETED)
    first = end - 1;
  bool any = false;
  for (uint32_t e = first; e < end; e++)
    any |= block->time_ms[e] >= from_ms && block->time_ms[e] < to_ms;
  return any;
}

static uint64_t bit(uint32_t count) { return 1ull << count; }

static int64_t arrival_of(const ds_parcel *parcel, delivery_arrival arrival) {
  return arrival == DELIVERY_ATTEMPT ? parcel->attempt_ms : parcel->delivered_ms;
}

static const ds_promise *promise_of(const ds_parcel *parcel, delivery_against against,
                                    delivery_arrival arrival) {
  if (against == DELIVERY_ORIGINAL)
    return &parcel->original;
  return arrival == DELIVERY_ATTEMPT ? &parcel->current_tried : &parcel->current;
}

// Promised, kept and late, for each promise and each kind of arrival.
static uint64_t bases_of(const ds_parcel *parcel) {
  uint64_t counts = 0;
  for (uint32_t b = 0; b < DELIVERY_BASES; b++) {
    const delivery_arrival arrival = (delivery_arrival)(b % 2);
    const ds_promise *promise = promise_of(parcel, (delivery_against)(b / 2), arrival);
    const int64_t arrived_ms = arrival_of(parcel, arrival);
    if (arrived_ms != DS_NEVER && promise->event != DS_NONE)
      counts |= bit(DELIVERY_BASE_1 + 3 * b) |
                bit(DELIVERY_BASE_1 + 3 * b + (arrived_ms < promise->end_ms ? 1 : 2));
  }
  return counts;
}

// Kept is what comes at the promise's end or before; early, what comes before its window, or more
// than a day before the day.
static uint64_t judge_promise(const delivery_asked *asked, const ds_promise *promise,
                              delivery_parcel *judged) {
  const int64_t day = promise->zone == asked->request->zone
                          ? ds_question_day(asked->request, judged->arrived_ms)
                          : ds_zone_day(promise->zone, judged->arrived_ms);
  const int64_t begin =
      promise->from_day < promise->day - 1 ? promise->from_day : promise->day - 1;
  const bool is_window = promise->from_ms != INT64_MIN;
  const bool early = is_window ? judged->arrived_ms < promise->from_ms : day < begin;
  const bool kept = judged->arrived_ms < promise->end_ms;
  judged->days_late = day - promise->day;
  judged->time_ms[DELIVERY_GAP] = promise->is_day ? judged->days_late * DS_DAY_MS
                                                  : judged->arrived_ms - (promise->end_ms - 1);
  return bit(DELIVERY_PROMISED) | bit(kept ? DELIVERY_KEPT : DELIVERY_LATE) |
         (kept && early ? bit(DELIVERY_EARLY) : 0);
}

// The time, of --hours if they are asked for, between two instants that are both known; in disorder
// it is none.
static int64_t between(const ds_worktime *worktime, int64_t from_ms, int64_t to_ms,
                       uint64_t *counts) {
  if (from_ms == DS_NEVER || to_ms == DS_NEVER)
    return DS_NEVER;
  *counts |= to_ms < from_ms ? bit(DELIVERY_DISORDER) : 0;
  if (to_ms < from_ms)
    return DS_NEVER;
  return worktime == NULL ? to_ms - from_ms
                          : ds_worktime_at(worktime, to_ms) - ds_worktime_at(worktime, from_ms);
}

static uint64_t judge_times(const ds_worktime *worktime, const ds_parcels *parcels,
                            const ds_parcel *parcel, delivery_parcel *judged) {
  const int64_t placed = parcels->placed_ms, prepared = parcel->prepared_ms;
  // Where nothing tells when the goods were ready, they were when the carrier took them.
  const int64_t ready = prepared == DS_NEVER ? parcel->carried_ms : prepared;
  int64_t *time_ms = judged->time_ms;
  uint64_t counts = 0;
  time_ms[DELIVERY_CLICK] = between(worktime, placed, parcel->delivered_ms, &counts);
  time_ms[DELIVERY_PROCESSING] = between(worktime, placed, ready, &counts);
  time_ms[DELIVERY_PICKUP] = between(worktime, prepared, parcel->carried_ms, &counts);
  time_ms[DELIVERY_TRANSIT] = between(worktime, parcel->carried_ms, parcel->delivered_ms, &counts);
  for (uint32_t t = DELIVERY_CLICK; t < DELIVERY_TIMES; t++)
    counts |= time_ms[t] == DS_NEVER ? 0 : bit(DELIVERY_STAGE_1 + t - DELIVERY_CLICK);
  return counts;
}

static bool is_gone(ds_parcel_state state) {
  return state == DS_PARCEL_LOST || state == DS_PARCEL_RETURNING || state == DS_PARCEL_RETURNED;
}

// Calendar days from the order on: to the arrival, or how many it was seen to be open, whole ones.
static uint64_t judge_days(const delivery_asked *asked, const ds_parcels *parcels,
                           const ds_parcel *parcel, const ds_promise *promise,
                           delivery_parcel *judged) {
  const bool arrived = judged->arrived_ms != DS_NEVER;
  if (parcels->placed_ms == DS_NEVER)
    return 0;
  if (!arrived && is_gone(parcel->state))
    return bit(DELIVERY_NEVER);
  if (!arrived && !ds_parcel_states[parcel->state].open)
    return 0;
  const int64_t placed_day = ds_question_day(asked->request, parcels->placed_ms);
  const int64_t day = arrived ? ds_question_day(asked->request, judged->arrived_ms)
                              : asked->as_of_day - 1;
  if (!arrived && day < placed_day)
    return 0;
  judged->days = day > placed_day ? day - placed_day : 0;
  if (arrived && promise->event != DS_NONE)
    judged->days_promised = promise->day > placed_day ? promise->day - placed_day : 0;
  return bit(arrived ? DELIVERY_CAME : DELIVERY_WAITING);
}

void ds_delivery_judge(const delivery_asked *asked, const ds_parcels *parcels, uint32_t p,
                       delivery_parcel *ret_judged) {
  const ds_parcel *parcel = &parcels->parcel[p];
  const ds_promise *promise = promise_of(parcel, asked->against, asked->arrival);
  delivery_parcel judged = {.arrived_ms = arrival_of(parcel, asked->arrival),
                            .days_late = DS_NEVER, .days = DS_NEVER, .days_promised = DS_NEVER};
  for (uint32_t t = 0; t < DELIVERY_TIMES; t++)
    judged.time_ms[t] = DS_NEVER;
  const bool arrived = judged.arrived_ms != DS_NEVER;
  const bool open = !arrived && ds_parcel_states[parcel->state].open;
  const bool tried = parcel->attempt_ms != DS_NEVER;
  uint64_t counts = bases_of(parcel) | judge_times(asked->worktime, parcels, parcel, &judged);
  if (parcel->carried_ms != DS_NEVER || tried)
    counts |= bit(DELIVERY_SHIPPED) | (parcel->exceptions > 0 ? bit(DELIVERY_TROUBLED) : 0);
  counts |= tried ? bit(DELIVERY_TRIED) : 0;
  counts |= tried && parcel->first_try ? bit(DELIVERY_FIRST_TRY) : 0;
  counts |= open ? bit(DELIVERY_OPEN) : 0;
  if (open && promise->event != DS_NONE && promise->end_ms <= asked->as_of_ms)
    counts |= bit(DELIVERY_OVERDUE);
  if (arrived) {
    counts |= bit(DELIVERY_ARRIVED);
    if (promise->event != DS_NONE)
      counts |= judge_promise(asked, promise, &judged);
  }
  judged.counts = counts | judge_days(asked, parcels, parcel, promise, &judged);
  *ret_judged = judged;
}
