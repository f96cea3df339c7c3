// SPDX-License-Identifier: Apache-2.0
// The fold of parcels against a brute force that shares no code with it: for each parcel it lists
// what concerns it and answers every figure by its definition, looking at the whole list each time.
// Worlds have ties, repeated scans, scans that name no order, no parcel or a tracking number only,
// promises of orders and of parcels, and estimates. Both sides are written as lines of text. What
// is derived must come out of a scan as virtual events, too, in orders and in whole journeys.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "insight/derive.h"
#include "insight/parcel.h"
#include "question_world.h"

#define HOUR_MS 3600000LL
#define START_MS 1577836800000LL /* 2020-01-01 */
#define START_DAY (START_MS / DS_DAY_MS)

enum { EVENTS_MAX = 60, CUSTOMERS = 4, ORDERS = 2, PARCELS = 3, NONE = -1 };
enum { OTHER = 30 }; // a touchpoint that tells of no parcel, behind those of the table

typedef struct event {
  int64_t time_ms;
  int status; // row of ds_parcel_statuses, or OTHER
  int order, parcel, tracking; // NONE
  int promise, edd;            // days after the start, NONE
} event;

typedef struct journey {
  event events[EVENTS_MAX];
  uint32_t count;
} journey;

typedef struct lines {
  char text[400][640];
  uint32_t count;
} lines;

static uint32_t below(uint64_t *seed, uint32_t limit) {
  return (uint32_t)(qw_random(seed) % limit);
}

static int maybe(uint64_t *seed, uint32_t of, uint32_t limit) {
  return below(seed, of) == 0 ? NONE : (int)below(seed, limit);
}

static int status_of(const char *touchpoint) {
  for (uint32_t s = 0; s < ds_parcel_statuses_count; s++)
    if (strcmp(ds_parcel_statuses[s].touchpoint, touchpoint) == 0)
      return (int)s;
  fail_msg("no status %s", touchpoint);
  return NONE;
}

static void journey_make(journey *to, uint64_t *seed) {
  static const int64_t spans[] = {3, 48 * HOUR_MS, 20 * DS_DAY_MS, 200 * DS_DAY_MS};
  const int64_t span = spans[below(seed, 4)];
  const uint32_t orders = 1 + below(seed, ORDERS), parcels = below(seed, PARCELS + 1);
  to->count = 1 + below(seed, below(seed, 4) == 0 ? EVENTS_MAX : 14);
  for (uint32_t e = 0; e < to->count; e++) {
    event *one = &to->events[e];
    *one = (event){.status = (int)below(seed, OTHER + 1), .order = maybe(seed, 4, orders),
                   .parcel = NONE, .tracking = NONE,
                   .promise = below(seed, 4) == 0 ? (int)below(seed, 12) : NONE, .edd = NONE};
    // Hours, so that silence and promises end at instants of events, too.
    one->time_ms = START_MS + (int64_t)(qw_random(seed) % (uint64_t)span) /
                                  (span > HOUR_MS ? HOUR_MS : 1) * (span > HOUR_MS ? HOUR_MS : 1);
    if (parcels > 0) {
      one->parcel = maybe(seed, 3, parcels);
      one->tracking = maybe(seed, 3, parcels);
    }
    if (one->status == status_of("shipment_delayed") || one->status == status_of("edd_changed"))
      one->edd = maybe(seed, 3, 14);
  }
  // Stable: events of one instant stay in their order.
  for (uint32_t i = 1; i < to->count; i++)
    for (uint32_t k = i; k > 0 && to->events[k - 1].time_ms > to->events[k].time_ms; k--) {
      const event swap = to->events[k];
      to->events[k] = to->events[k - 1];
      to->events[k - 1] = swap;
    }
}

// ---- The brute force.

// What concerns one parcel (or with `parcel` NONE the order): events by (instant, status), each
// instant and status once; promises by event.
typedef struct story {
  event scan[EVENTS_MAX];
  uint32_t scans;
  event told[EVENTS_MAX];
  uint32_t at[EVENTS_MAX]; // where told[i] stands in the journey
  uint32_t tolds;
} story;

static const ds_parcel_status *row(const event *e) { return &ds_parcel_statuses[e->status]; }

// The order that an event belongs to: its own, or that of the first event with its parcel, else
// with its tracking number, that has one.
static int order_of(const journey *all, const event *e) {
  if (e->order != NONE)
    return e->order;
  for (uint32_t i = 0; e->parcel != NONE && i < all->count; i++)
    if (all->events[i].parcel == e->parcel && all->events[i].order != NONE)
      return all->events[i].order;
  for (uint32_t i = 0; e->tracking != NONE && i < all->count; i++)
    if (all->events[i].tracking == e->tracking && all->events[i].order != NONE)
      return all->events[i].order;
  return NONE;
}

// The parcel that an event of an order names: 0.. a parcel_id, PARCELS.. a tracking number by
// itself, NONE.
static int parcel_of(const journey *of, uint32_t count, const event *e) {
  if (e->parcel != NONE || e->tracking == NONE)
    return e->parcel;
  for (uint32_t i = 0; i < count; i++)
    if (of->events[i].tracking == e->tracking && of->events[i].parcel != NONE)
      return of->events[i].parcel;
  return PARCELS + e->tracking;
}

static void story_add(story *to, const event *e, uint32_t at) {
  if (e->promise != NONE || e->edd != NONE) {
    to->told[to->tolds] = *e;
    to->at[to->tolds++] = at;
  }
  if (e->status == OTHER)
    return;
  uint32_t i = 0;
  for (; i < to->scans; i++) {
    const event *x = &to->scan[i];
    if (x->time_ms == e->time_ms && x->status == e->status)
      return;
    if (x->time_ms > e->time_ms || (x->time_ms == e->time_ms && x->status > e->status))
      break;
  }
  memmove(&to->scan[i + 1], &to->scan[i], (to->scans - i) * sizeof *e);
  to->scan[i] = *e;
  to->scans++;
}

static int64_t first_of(const story *of, const char *touchpoint, int64_t until_ms) {
  for (uint32_t i = 0; i < of->scans && of->scan[i].time_ms <= until_ms; i++)
    if (strcmp(row(&of->scan[i])->touchpoint, touchpoint) == 0)
      return of->scan[i].time_ms;
  return DS_NEVER;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t returning_of(const story *of) {
  return least(first_of(of, "return_to_sender", DS_NEVER),
               first_of(of, "return_in_transit", DS_NEVER));
}

static int64_t delivered_of(const story *of) {
  const int64_t ms = first_of(of, "delivered", DS_NEVER);
  return returning_of(of) < ms ? DS_NEVER : ms;
}

// The state that scan i would bring, whatever was before.
static ds_parcel_state state_told(const story *of, uint32_t i) {
  const ds_parcel_state state = row(&of->scan[i])->state;
  return state == DS_PARCEL_DELIVERED && returning_of(of) < of->scan[i].time_ms
             ? DS_PARCEL_RETURNED
             : state;
}

// The state of the scans until an instant: of the furthest rank the latest; *ret_ms since when it
// has been it without another one of that rank between.
static ds_parcel_state state_at(const story *of, int64_t until_ms, int64_t *ret_ms) {
  uint8_t rank = 0;
  ds_parcel_state state = DS_PARCEL_UNKNOWN;
  *ret_ms = DS_NEVER;
  for (uint32_t i = 0; i < of->scans && of->scan[i].time_ms <= until_ms; i++)
    if (ds_parcel_states[state_told(of, i)].rank > rank)
      rank = ds_parcel_states[state_told(of, i)].rank;
  for (uint32_t i = 0; rank > 0 && i < of->scans && of->scan[i].time_ms <= until_ms; i++)
    if (ds_parcel_states[state_told(of, i)].rank == rank && state_told(of, i) != state) {
      state = state_told(of, i);
      *ret_ms = of->scan[i].time_ms;
    }
  return state;
}

static int64_t carried_of(const story *of) {
  for (uint32_t i = 0; i < of->scans; i++)
    if (ds_parcel_states[state_told(of, i)].rank >= 5 && state_told(of, i) != DS_PARCEL_UNKNOWN &&
        !(row(&of->scan[i])->state == DS_PARCEL_DELIVERED &&
          state_told(of, i) == DS_PARCEL_RETURNED))
      return of->scan[i].time_ms;
  return DS_NEVER;
}

static bool cancelled_at(const story *order, const story *of, int64_t ms) {
  const int64_t cancelled = least(first_of(of, "shipment_cancelled", DS_NEVER),
                                  least(first_of(of, "order_cancelled", DS_NEVER),
                                        first_of(order, "order_cancelled", DS_NEVER)));
  return cancelled <= ms && carried_of(of) > ms;
}

static bool is_attempt(const story *of, uint32_t i) {
  return (row(&of->scan[i])->tells & DS_STATUS_ATTEMPT) != 0 &&
         state_told(of, i) != DS_PARCEL_RETURNED;
}

static int64_t attempt_of(const story *of) {
  for (uint32_t i = 0; i < of->scans; i++)
    if (is_attempt(of, i))
      return of->scan[i].time_ms;
  return DS_NEVER;
}

static bool first_try_of(const story *of) {
  const int64_t delivered = delivered_of(of), out = first_of(of, "out_for_delivery", DS_NEVER);
  bool good = delivered != DS_NEVER;
  for (uint32_t i = 0; i < of->scans && of->scan[i].time_ms <= delivered; i++) {
    const ds_parcel_status *status = row(&of->scan[i]);
    const int64_t ms = of->scan[i].time_ms;
    good &= status->state != DS_PARCEL_ATTEMPT_FAILED;
    good &= status->state != DS_PARCEL_AVAILABLE_FOR_PICKUP;
    good &= (status->tells & DS_STATUS_EXCEPTION) == 0 || out == DS_NEVER || ms <= out;
    good &= status->state != DS_PARCEL_OUT_FOR_DELIVERY || ms - out <= DS_DAY_MS;
  }
  return good;
}

static int64_t end_of(int day) { return START_MS + (day + 1) * DS_DAY_MS; }

static const story *earlier_told(const story *a, const story *b, uint32_t *ret_at) {
  const story *best = NULL;
  const story *const both[] = {a, b};
  for (uint32_t s = 0; s < 2; s++)
    for (uint32_t i = 0; i < both[s]->tolds; i++)
      if (both[s]->told[i].promise != NONE &&
          (best == NULL || both[s]->at[i] < best->at[*ret_at])) {
        best = both[s];
        *ret_at = i;
      }
  return best;
}

static void mark(char *line, const char *what, int64_t ms) {
  const size_t used = strlen(line);
  snprintf(line + used, 640 - used, " %s=%lld", what, ms == DS_NEVER ? -1LL : (long long)ms);
}

// The first estimate of a story behind the promise that it knew, by itself or from its order.
static int64_t slipped_of(const story *order, const story *of) {
  for (uint32_t i = 0; i < of->tolds; i++) {
    const event *e = &of->told[i];
    if (delivered_of(of) <= e->time_ms || e->status == status_of("delivered"))
      continue;
    int promise = NONE;
    for (uint32_t k = 0; k <= i && promise == NONE; k++)
      promise = of->told[k].promise;
    for (uint32_t k = 0; k < order->tolds && promise == NONE; k++)
      if (order->at[k] < of->at[i])
        promise = order->told[k].promise;
    if (promise != NONE && ((e->promise != NONE && e->promise > promise) ||
                            (e->edd != NONE && e->edd > promise)))
      return e->time_ms;
  }
  return DS_NEVER;
}

// What is derived, in the order of instants and kinds.
static void derived_tell(const story *order, const story *of, int64_t now_ms, int64_t at_risk,
                         int64_t missed, char *line) {
  const ds_tracking_limits *limits = &ds_tracking_defaults;
  for (uint32_t h = 0; h < 24 * 260; h++)
    for (uint32_t m = 0; m < 4; m++) {
      // All instants of this world lie within 3 ms behind an hour.
      const int64_t ms = START_MS + h * HOUR_MS + m;
      int64_t last = DS_NEVER, since = 0;
      for (uint32_t i = 0; i < of->scans && of->scan[i].time_ms <= ms; i++)
        if ((row(&of->scan[i])->tells & DS_STATUS_SCAN) != 0)
          last = of->scan[i].time_ms;
      const ds_parcel_silence silence = ds_parcel_states[state_at(of, ms, &since)].silence;
      if (ms > now_ms)
        continue;
      if (last != DS_NEVER && !cancelled_at(order, of, ms) &&
          ((silence == DS_SILENCE_LABEL && ms - last == limits->label_silent_ms) ||
           (silence == DS_SILENCE_CARRIER && ms - last == limits->silent_ms)))
        mark(line, "STALLED", ms);
      if (ms == at_risk)
        mark(line, "AT_RISK", ms);
      if (ms == missed)
        mark(line, "MISSED", ms);
      if (last != DS_NEVER && silence == DS_SILENCE_CARRIER && ms - last == limits->lost_ms)
        mark(line, "LOST", ms);
    }
}

static void promises_tell(const story *order, const story *of, int64_t now_ms, char *line) {
  uint32_t at = 0;
  const story *teller = earlier_told(order, of, &at);
  if (teller == NULL) {
    derived_tell(order, of, now_ms, DS_NEVER, DS_NEVER, line);
    return;
  }
  const int64_t told = teller->told[at].time_ms, end = end_of(teller->told[at].promise);
  int64_t missed = end > told ? end : told;
  int64_t risk = end - ds_tracking_defaults.risk_ms > told ? end - ds_tracking_defaults.risk_ms
                                                           : told;
  const int64_t attempt = attempt_of(of), out = first_of(of, "out_for_delivery", DS_NEVER);
  if (out <= risk || attempt <= risk || cancelled_at(order, of, risk))
    risk = DS_NEVER;
  const int64_t slipped = least(slipped_of(order, of), slipped_of(order, order));
  if (slipped < attempt && !cancelled_at(order, of, slipped))
    risk = least(risk, slipped);
  if (risk > now_ms || risk >= missed)
    risk = DS_NEVER;
  if (missed > now_ms || attempt < end || cancelled_at(order, of, missed))
    missed = DS_NEVER;
  mark(line, "promise", end);
  derived_tell(order, of, now_ms, risk, missed, line);
}

static void parcel_tell(const story *order, const story *of, int64_t now_ms, uint32_t unplaced,
                        const char *name, lines *to) {
  char *line = to->text[to->count++];
  int64_t since = 0, order_since = 0;
  ds_parcel_state state = state_at(of, DS_NEVER, &since);
  const ds_parcel_state order_state = state_at(order, DS_NEVER, &order_since);
  if (ds_parcel_states[order_state].rank > ds_parcel_states[state].rank) {
    state = order_state;
    since = order_since;
  }
  uint32_t scans = 0, bad = 0, failed = 0;
  for (uint32_t i = 0; i < of->scans; i++) {
    scans += (row(&of->scan[i])->tells & DS_STATUS_SCAN) != 0;
    bad += (row(&of->scan[i])->tells & DS_STATUS_EXCEPTION) != 0;
    failed += row(&of->scan[i])->state == DS_PARCEL_ATTEMPT_FAILED;
  }
  snprintf(line, 640, "%s %s scans=%u bad=%u failed=%u first=%d unplaced=%u", name,
           ds_parcel_states[state].name, scans, bad, failed, first_try_of(of), unplaced);
  mark(line, "since", since);
  mark(line, "labelled", first_of(of, "label_created", DS_NEVER));
  mark(line, "carried", carried_of(of));
  mark(line, "out", first_of(of, "out_for_delivery", DS_NEVER));
  mark(line, "attempt", attempt_of(of));
  mark(line, "delivered", delivered_of(of));
  mark(line, "returning", returning_of(of));
  promises_tell(order, of, now_ms, line);
}

// One order of a customer: its events, each with what it names, given to the parcels.
static void order_solve(const journey *of, int64_t now_ms, const char *customer, lines *to) {
  static story parcels[2 * PARCELS + 1], order;
  bool used[2 * PARCELS + 1] = {false};
  uint32_t unplaced = 0, count = of->count, named = 0;
  bool tells = false;
  while (count > 0 && of->events[count - 1].time_ms > now_ms)
    count--;
  memset(parcels, 0, sizeof parcels);
  memset(&order, 0, sizeof order);
  for (uint32_t e = 0; e < count; e++) {
    const int parcel = parcel_of(of, count, &of->events[e]);
    tells |= of->events[e].status != OTHER;
    if (parcel != NONE && !used[parcel]) {
      used[parcel] = true;
      named++;
    }
  }
  if (!tells)
    return;
  int only = 2 * PARCELS;
  for (int p = 0; named == 1 && p < 2 * PARCELS; p++)
    only = used[p] ? p : only;
  used[2 * PARCELS] = named == 0;
  for (uint32_t e = 0; e < count; e++) {
    const event *one = &of->events[e];
    const int parcel = parcel_of(of, count, one);
    if (parcel != NONE)
      story_add(&parcels[parcel], one, e);
    else if (one->status == OTHER || (row(one)->tells & DS_STATUS_ORDER) != 0)
      story_add(&order, one, e);
    else if (named <= 1)
      story_add(&parcels[only], one, e);
    else
      unplaced++;
  }
  for (int p = 0; p <= 2 * PARCELS; p++) {
    char name[64];
    snprintf(name, sizeof name, "%s %c%d", customer, "PT-"[p / PARCELS],
             p == 2 * PARCELS ? 0 : p % PARCELS);
    if (used[p])
      parcel_tell(&order, &parcels[p], now_ms, unplaced, name, to);
  }
}

static void world_solve(const journey *world, int64_t now_ms, lines *to) {
  to->count = 0;
  for (uint32_t c = 0; c < CUSTOMERS; c++)
    for (int o = 0; o < ORDERS; o++) {
      static journey order;
      char name[32];
      order.count = 0;
      for (uint32_t e = 0; e < world[c].count; e++)
        if (order_of(&world[c], &world[c].events[e]) == o)
          order.events[order.count++] = world[c].events[e];
      snprintf(name, sizeof name, "O%u-%d", c, o);
      order_solve(&order, now_ms, name, to);
    }
}

// ---- The program.

typedef struct fold_state {
  const ds_parcel_rules *rules;
  ds_parcel_fold *fold;
  lines *to;
} fold_state;

static ds_code fold_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  fold_state *state = memory;
  *state = *(const fold_state *)context;
  return ds_parcel_fold_new(state->rules, &state->fold, err);
}

static void fold_done(void *memory) { ds_parcel_fold_free(((fold_state *)memory)->fold); }

static ds_code fold_merge(void *into, void *from, ds_error *err) {
  (void)into;
  (void)from;
  (void)err;
  return DS_OK;
}

static void line_write(const ds_parcels *all, uint32_t p, ds_str order, lines *to) {
  const ds_parcel *of = &all->parcel[p];
  char *line = to->text[to->count++];
  // A parcel without a key is called "-0", others by "P1-2" without the customer.
  char name[8] = "-0";
  if (of->key.size > 0)
    snprintf(name, sizeof name, "%c%c", of->key.data[0], of->key.data[of->key.size - 1]);
  snprintf(line, 640, "%.*s %s %s scans=%u bad=%u failed=%u first=%d unplaced=%u", (int)order.size,
           order.data, name, ds_parcel_states[of->state].name, of->scans, of->exceptions,
           of->attempts_failed, of->first_try, all->unplaced);
  mark(line, "since", of->state_ms);
  mark(line, "labelled", of->labelled_ms);
  mark(line, "carried", of->carried_ms);
  mark(line, "out", of->out_ms);
  mark(line, "attempt", of->attempt_ms);
  mark(line, "delivered", of->delivered_ms);
  mark(line, "returning", of->returning_ms);
  if (of->original.event != DS_NONE)
    mark(line, "promise", of->original.end_ms);
  static const char *const kinds[] = {"STALLED", "AT_RISK", "MISSED", "LOST"};
  for (uint32_t d = 0; d < all->derived_count; d++)
    if (all->derived[d].parcel == p)
      mark(line, kinds[all->derived[d].kind], all->derived[d].time_ms);
}

static ds_code fold_add(void *memory, const ds_block *block, ds_error *err) {
  fold_state *state = memory;
  TRY(ds_parcel_fold_begin(state->fold, block, err));
  for (uint32_t j = 0; j < block->journeys; j++) {
    ds_parcels parcels;
    TRY(ds_parcel_fold_journey(state->fold, j, &parcels, err));
    for (uint32_t p = 0; p < parcels.count; p++)
      line_write(&parcels, p, block->case_text[j], state->to);
  }
  return DS_OK;
}

static const ds_kernel fold_kernel = {"fold", sizeof(fold_state), fold_init, fold_add, fold_merge,
                                      fold_done};

static void event_put(const event *e, uint32_t customer, uint64_t id, qw_rows *rows) {
  char subject[32], texts[3][16];
  snprintf(subject, sizeof subject, "customer_id=C%u", customer);
  ds_event_key keys[3];
  ds_event_property properties[2];
  uint32_t keys_count = 0, count = 0;
  const int values[] = {e->order, e->parcel, e->tracking};
  for (uint32_t k = 0; k < 3; k++)
    if (values[k] != NONE) {
      snprintf(texts[k], sizeof texts[k], "%c%u-%d", "OPT"[k], customer, values[k]);
      keys[keys_count++] = (ds_event_key){(uint16_t)k, ds_str_of(texts[k])};
    }
  if (e->promise != NONE)
    properties[count++] = (ds_event_property){
        0, false, {.type = DS_TYPE_DATE, .i = START_DAY + e->promise}};
  if (e->edd != NONE)
    properties[count++] = (ds_event_property){
        (uint16_t)(e->status == status_of("edd_changed") ? 2 : 1), false,
        {.type = DS_TYPE_DATE, .i = START_DAY + e->edd}};
  const ds_event written = {.touchpoint = (uint16_t)e->status, .has_id = true,
                            .time_ms = e->time_ms, .received_ms = e->time_ms, .id = id,
                            .arrival = id, .subject = ds_str_of(subject),
                            .keys_count = keys_count, .keys = keys, .properties_count = count,
                            .properties = properties};
  qw_rows_put(rows, &written);
}

static ds_snapshot *world_snapshot(const journey *world, uint32_t parts) {
  static const char *const properties[] = {"promise_until", "new_edd", "new"};
  static const char *const keys[] = {"order_id", "parcel_id", "tracking_number"};
  static const char *const sources[] = {"test"};
  const char *touchpoints[OTHER + 1];
  assert_int_equal(ds_parcel_statuses_count, OTHER);
  for (uint32_t s = 0; s < OTHER; s++)
    touchpoints[s] = ds_parcel_statuses[s].touchpoint;
  touchpoints[OTHER] = "review_submitted";
  ds_space space;
  ds_space_init(&space);
  qw_names(&space.touchpoints, touchpoints, OTHER + 1);
  qw_names(&space.properties, properties, 3);
  qw_names(&space.keys, keys, 3);
  qw_names(&space.sources, sources, 1);
  ds_snapshot *snapshot = qw_snapshot_new();
  for (uint32_t part = 0; part < parts; part++) {
    qw_rows rows = {0};
    uint64_t id = 0;
    for (uint32_t c = 0; c < CUSTOMERS; c++)
      for (uint32_t e = 0; e < world[c].count; e++)
        if (++id % parts == part)
          event_put(&world[c].events[e], c, id, &rows);
    if (rows.count > 0)
      qw_part_add(snapshot, &space, &rows);
    qw_rows_done(&rows);
  }
  ds_space_done(&space);
  return snapshot;
}

static void world_fold(const ds_snapshot *snapshot, int64_t now_ms, lines *to) {
  ds_arena arena;
  ds_error err = {0};
  ds_arena_init(&arena, 1u << 26);
  const ds_request asked = {.snapshot = snapshot, .threads = 1, .memory_bytes = 1u << 26,
                            .arena = &arena};
  ds_request request;
  ds_plan plan;
  fold_state context = {.to = to};
  to->count = 0;
  assert_int_equal(ds_parcel_request(&asked, &request, &err), DS_OK);
  assert_int_equal(ds_question_select(&request, "tracking", &plan, &err), DS_OK);
  plan.want_case_text = true;
  if (ds_parcel_plan(&request, &plan, NULL, false, &ds_tracking_defaults, now_ms, &context.rules,
                     &err) != DS_OK)
    fail_msg("%s", err.message);
  void *state = NULL;
  if (ds_scan(snapshot, &plan, &fold_kernel, &context, &arena, &state, &err) != DS_OK)
    fail_msg("%s", err.message);
  fold_done(state);
  ds_arena_done(&arena);
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

static void compare(lines *got, lines *wanted, uint64_t seed) {
  qsort(got->text, got->count, sizeof *got->text, by_text);
  qsort(wanted->text, wanted->count, sizeof *wanted->text, by_text);
  for (uint32_t i = 0; i < got->count && i < wanted->count; i++)
    if (strcmp(got->text[i], wanted->text[i]) != 0)
      fail_msg("world %llu:\n got    %s\n wanted %s", (unsigned long long)seed, got->text[i],
               wanted->text[i]);
  assert_int_equal(got->count, wanted->count);
}

// Random worlds, as of their end and of an instant within, in one part and in three.
static void test_brute_force(void **unused) {
  (void)unused;
  static journey world[CUSTOMERS];
  static lines got, wanted;
  uint64_t told = 0;
  for (uint64_t w = 1; w <= (qw_stress() ? 2000 : 30); w++) {
    uint64_t seed = w * 7919;
    bool keyed = false;
    for (uint32_t c = 0; c < CUSTOMERS; c++) {
      journey_make(&world[c], &seed);
      for (uint32_t e = 0; e < world[c].count; e++)
        keyed |= world[c].events[e].order != NONE;
    }
    if (!keyed)
      continue;
    const journey *any = &world[below(&seed, CUSTOMERS)];
    const int64_t now_ms = below(&seed, 2) == 0 ? START_MS + 250 * DS_DAY_MS
                                                : any->events[below(&seed, any->count)].time_ms;
    ds_snapshot *snapshot = world_snapshot(world, below(&seed, 2) == 0 ? 1 : 3);
    world_fold(snapshot, now_ms, &got);
    world_solve(world, now_ms, &wanted);
    compare(&got, &wanted, w);
    told += got.count;
    qw_snapshot_free(snapshot);
  }
  assert_true(told > 60);
}

// ---- Virtual events.

typedef struct virtual_state {
  const ds_snapshot *snapshot;
  lines *to;
} virtual_state;

static ds_code virtual_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  *(virtual_state *)memory = *(const virtual_state *)context;
  return DS_OK;
}

static const char *kind_of(const ds_snapshot *snapshot, uint16_t touchpoint) {
  static const char *const kinds[] = {"STALLED", "AT_RISK", "MISSED", "LOST"};
  for (uint32_t d = 0; d < DS_DERIVED_COUNT; d++)
    if (strcmp(ds_names_text(&snapshot->space.touchpoints, touchpoint),
               ds_derived_touchpoints[d]) == 0)
      return kinds[d];
  fail_msg("no virtual touchpoint");
  return NULL;
}

// Virtual events have no arrival; they lie in the order of time, behind real ones.
static ds_code virtual_add(void *memory, const ds_block *block, ds_error *err) {
  (void)err;
  const virtual_state *state = memory;
  for (uint32_t j = 0; j < block->journeys; j++)
    for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
      if (e > block->offset[j])
        assert_true(block->time_ms[e - 1] < block->time_ms[e] ||
                    (block->time_ms[e - 1] == block->time_ms[e] &&
                     block->arrival[e - 1] <= block->arrival[e]));
      if (block->arrival[e] != UINT64_MAX)
        continue;
      char *line = state->to->text[state->to->count++];
      const ds_str text = block->case_text == NULL ? (ds_str){"", 0} : block->case_text[j];
      snprintf(line, 640, "%.*s", (int)text.size, text.data);
      mark(line, kind_of(state->snapshot, block->touchpoint[e]), block->time_ms[e]);
    }
  return DS_OK;
}

static const ds_kernel virtual_kernel = {"virtual", sizeof(virtual_state), virtual_init,
                                         virtual_add, fold_merge, NULL};

static void world_derive(ds_snapshot *snapshot, int64_t now_ms, const char *key, lines *to) {
  ds_arena arena;
  ds_error err = {0};
  ds_arena_init(&arena, 1u << 26);
  const ds_option_value values[] = {{"derive", ""}, {"case", key}};
  const ds_request request = {.snapshot = snapshot, .threads = 1, .memory_bytes = 1u << 26,
                              .options = {.values = values, .count = key == NULL ? 1 : 2},
                              .as_of_ms = now_ms, .derive = ds_derive_plan, .arena = &arena};
  ds_plan plan;
  const virtual_state context = {.snapshot = snapshot, .to = to};
  void *state = NULL;
  to->count = 0;
  if (ds_question_select(&request, "process", &plan, &err) != DS_OK)
    fail_msg("%s", err.message);
  plan.want_case_text = plan.has_case;
  plan.columns.want = DS_WANT_TIME | DS_WANT_TOUCHPOINT | DS_WANT_ARRIVAL;
  if (ds_scan(snapshot, &plan, &virtual_kernel, &context, &arena, &state, &err) != DS_OK)
    fail_msg("%s", err.message);
  ds_arena_done(&arena);
}

// The derived events of brute-force lines, a line each; `named`: with their order.
static void derived_lines(const lines *from, bool named, lines *to) {
  to->count = 0;
  for (uint32_t i = 0; i < from->count; i++) {
    char line[640], *rest = line;
    snprintf(line, sizeof line, "%s", from->text[i]);
    const char *order = strsep(&rest, " ");
    for (const char *word; (word = strsep(&rest, " ")) != NULL;)
      if (strchr(word, '=') != NULL && word[0] >= 'A' && word[0] <= 'Z')
        snprintf(to->text[to->count++], 640, "%s %s", named ? order : "", word);
  }
}

// Virtual events are those of the brute force: of each order, and of customers all together.
static void test_virtual(void **unused) {
  (void)unused;
  static journey world[CUSTOMERS];
  static lines got, wanted, told;
  uint64_t virtual = 0;
  for (uint64_t w = 1; w <= (qw_stress() ? 1000 : 20); w++) {
    uint64_t seed = w * 104729;
    for (uint32_t c = 0; c < CUSTOMERS; c++) {
      journey_make(&world[c], &seed);
      world[c].events[0].order = 0; // so that there are orders
    }
    const int64_t now_ms = START_MS + (int64_t)below(&seed, 200) * DS_DAY_MS;
    ds_snapshot *snapshot = world_snapshot(world, below(&seed, 2) == 0 ? 1 : 3);
    assert_int_equal(ds_derive_names(snapshot, NULL), DS_OK);
    world_solve(world, now_ms, &told);
    world_derive(snapshot, now_ms, "order_id", &got);
    derived_lines(&told, true, &wanted);
    compare(&got, &wanted, w);
    virtual += got.count;
    world_derive(snapshot, now_ms, NULL, &got);
    derived_lines(&told, false, &wanted);
    compare(&got, &wanted, w);
    qw_snapshot_free(snapshot);
  }
  assert_true(virtual > 60);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_brute_force),
                                     cmocka_unit_test(test_virtual)};
  return cmocka_run_group_tests_name("insight_parcel", tests, NULL, NULL);
}
