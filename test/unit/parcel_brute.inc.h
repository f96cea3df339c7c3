// SPDX-License-Identifier: Apache-2.0
// The brute force of test_insight_parcel.c: what parcels are, by definitions, looking at the whole
// list of what concerns one each time. Included once, by that test.
// What concerns one parcel (or with `parcel` NONE the order): events by (instant, status), each
// instant and status once; promises by event.
typedef struct story {
  event scan[EVENTS_MAX];
  uint32_t scans;
  event whole[EVENTS_MAX]; // all events
  uint32_t wholes;
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

// Whether an event of an order says something of a tracking number by itself, or of no parcel.
static bool says(const event *e, int tracking, const char *touchpoint) {
  return e->parcel == NONE && e->tracking == tracking && e->status == status_of(touchpoint);
}

// Which carriers made labels with a tracking number, or with none, as bits; 0 when it changed
// carriers.
static uint32_t labels_of(const journey *of, uint32_t count, int tracking) {
  uint32_t carriers = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (says(&of->events[i], tracking, "carrier_changed"))
      return 0;
    if (says(&of->events[i], tracking, "label_created") && of->events[i].carrier != NONE)
      carriers |= 1u << of->events[i].carrier;
  }
  return carriers;
}

static bool are_several(uint32_t bits) { return (bits & (bits - 1)) != 0; }

// The parcel that an event of an order names; NONE; CALLED: it names one that carriers share, and
// none of them.
static int parcel_of(const journey *of, uint32_t count, const event *e) {
  if (e->parcel != NONE || e->tracking == NONE)
    return e->parcel;
  for (uint32_t i = 0; i < count; i++)
    if (of->events[i].tracking == e->tracking && of->events[i].parcel != NONE)
      return of->events[i].parcel;
  const uint32_t labels = labels_of(of, count, e->tracking);
  if (!are_several(labels))
    return NUMBERS + e->tracking;
  return e->carrier != NONE && (labels >> e->carrier & 1) != 0
             ? SHARED + e->tracking * CARRIERS + e->carrier
             : CALLED;
}

// The parcels that an order has, and of which carriers their events tell, as bits.
static uint32_t parcels_of(const journey *of, uint32_t count, bool used[CALLED],
                           uint32_t carriers[CALLED]) {
  uint32_t named = 0, owned = 0;
  bool all_known = true;
  for (uint32_t e = 0; e < count; e++) {
    const int parcel = parcel_of(of, count, &of->events[e]);
    if (parcel == NONE || parcel == CALLED)
      continue;
    named += !used[parcel];
    used[parcel] = true;
    if (of->events[e].carrier != NONE)
      carriers[parcel] |= 1u << of->events[e].carrier;
  }
  for (int p = 0; p < LOOSE; p++) {
    owned |= carriers[p];
    all_known &= !used[p] || carriers[p] != 0;
  }
  const uint32_t pending = labels_of(of, count, NONE) & ~owned;
  if (all_known && (are_several(pending) || (pending != 0 && named > 0)))
    for (int c = 0; c < CARRIERS; c++)
      if ((pending >> c & 1) != 0) {
        used[LOOSE + c] = true;
        carriers[LOOSE + c] = 1u << c;
        named++;
      }
  used[ONLY] = named == 0;
  return named;
}

// The parcel of a carrier, when it has just one.
static int carriers_parcel(const bool used[CALLED], const uint32_t carriers[CALLED], int carrier) {
  int found = NONE;
  for (int p = 0; p < CALLED && carrier != NONE; p++)
    if (used[p] && (carriers[p] >> carrier & 1) != 0)
      found = found == NONE ? p : CALLED;
  return found == CALLED ? NONE : found;
}

static void story_add(story *to, const event *e, uint32_t at) {
  to->whole[to->wholes++] = *e;
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
  snprintf(line + used, 2048 - used, " %s=%lld", what, ms == DS_NEVER ? -1LL : (long long)ms);
}

// The limits of the world in hand, and how much of the time before each hour its calendar counts.
enum { HOURS = 24 * 270 };
static ds_tracking_limits limits_now;
static int64_t worked_before[HOURS + 1];

// From 08:00 to 20:00 of Mondays to Saturdays, but not on the seventh day of the world.
static bool hour_works(uint32_t hour) {
  const uint32_t weekday = (hour / 24 + 2) % 7; // 2020 began on a Wednesday
  return limits_now.calendar == NULL ||
         (hour % 24 >= 8 && hour % 24 < 20 && weekday != 6 && hour / 24 != 6);
}

// The second carrier is silent for half a day at most, delivers from 8 to 18 by its own clock, five
// hours behind; what goes far is nine hours ahead.
static bool local_now;

static void local_set(bool local) {
  static ds_tracking_limits own;
  static ds_carrier_rules carriers[] = {
      {.normal = "swift", .limits = &own, .zone_name = "Etc/GMT+5", .hours = {480, 1080}}};
  static ds_place_zone places[] = {{.value = "far"}};
  local_now = local;
  own = limits_now;
  own.silent_ms = 12 * HOUR_MS;
  own.calendar = NULL;
  own.risk_ms = 6 * HOUR_MS;
  if (!local)
    return;
  if (carriers[0].zone == NULL) {
    ds_zone *zones[2];
    assert_int_equal(ds_zone_load(ds_io_posix(), "/usr/share/zoneinfo", ds_str_of("Etc/GMT+5"),
                                  &zones[0], NULL), DS_OK);
    assert_int_equal(ds_zone_load(ds_io_posix(), "/usr/share/zoneinfo", ds_str_of("Etc/GMT-9"),
                                  &zones[1], NULL), DS_OK);
    carriers[0].zone = zones[0];
    places[0].zone = zones[1];
  }
  limits_now.carriers = carriers;
  limits_now.carriers_count = 1;
  limits_now.place = "country";
  limits_now.places = places;
  limits_now.places_count = 1;
}

// The carrier named first, and whether an event says that it goes far: of a parcel, else its order.
static int carrier_of(const story *order, const story *of) {
  const story *const both[] = {of, order};
  for (uint32_t s = 0; s < 2; s++)
    for (uint32_t i = 0; i < both[s]->wholes; i++)
      if (both[s]->whole[i].carrier != NONE)
        return both[s]->whole[i].carrier;
  return NONE;
}

static int64_t ahead_of(const story *order, const story *of) {
  const story *const both[] = {of, order};
  for (uint32_t s = 0; s < 2 && local_now; s++)
    for (uint32_t i = 0; i < both[s]->wholes; i++)
      if (both[s]->whole[i].far)
        return 9 * HOUR_MS;
  return local_now && carrier_of(order, of) == 1 ? -5 * HOUR_MS : 0;
}

// When a promise ends, or with `estimate` the day of an estimate.
static int64_t end_of(const story *order, const story *of, const event *e, bool estimate) {
  const int64_t day = START_MS + (estimate ? e->edd : e->promise) * DS_DAY_MS - ahead_of(order, of);
  if (!estimate && e->window)
    return day + 16 * HOUR_MS + 1;
  if (!estimate && local_now && carrier_of(order, of) == 1)
    return day + 18 * HOUR_MS + 1;
  return day + DS_DAY_MS;
}

static bool is_day(const story *order, const story *of, const event *e, bool estimate) {
  return estimate || !(e->window || (local_now && carrier_of(order, of) == 1));
}

// The first estimate of a story behind the promise that it knew, by itself or from its order. An
// estimate of the promised day is not behind hours of it.
static bool is_behind(const story *order, const story *of, const event *e, bool estimate,
                      const event *promise) {
  const int day = estimate ? e->edd : e->promise;
  return end_of(order, of, e, estimate) > end_of(order, of, promise, false) &&
         !(is_day(order, of, e, estimate) && !is_day(order, of, promise, false) &&
           day <= promise->promise);
}

static int64_t slipped_of(const story *order, const story *of) {
  for (uint32_t i = 0; i < of->tolds; i++) {
    const event *e = &of->told[i], *promise = NULL;
    if (delivered_of(of) <= e->time_ms || e->status == status_of("delivered"))
      continue;
    for (uint32_t k = 0; k <= i && promise == NULL; k++)
      promise = of->told[k].promise != NONE ? &of->told[k] : NULL;
    for (uint32_t k = 0; k < order->tolds && promise == NULL; k++)
      if (order->at[k] < of->at[i] && order->told[k].promise != NONE)
        promise = &order->told[k];
    if (promise != NULL && ((e->promise != NONE && is_behind(order, of, e, false, promise)) ||
                            (e->edd != NONE && is_behind(order, of, e, true, promise))))
      return e->time_ms;
  }
  return DS_NEVER;
}

// The silence that stalls a parcel: that of the carrier whose scan was the last to name one.
static int64_t silent_of(const story *order, const story *of, int64_t ms, bool label,
                         bool *ret_calendar) {
  int carrier = carrier_of(order, of);
  for (uint32_t i = 0; i < of->scans && of->scan[i].time_ms <= ms; i++)
    if (of->scan[i].carrier != NONE && (row(&of->scan[i])->tells & DS_STATUS_SCAN) != 0)
      carrier = of->scan[i].carrier;
  const bool own = local_now && carrier == 1;
  *ret_calendar = !own;
  return label ? limits_now.label_silent_ms : own ? 12 * HOUR_MS : limits_now.silent_ms;
}

static void limits_set(bool with_calendar) {
  static const int64_t holidays[] = {START_DAY + 6};
  static ds_work_calendar calendar = {.name = "carrier"};
  size_t at = 0;
  assert_true(ds_workweek_read("mon-sat 08:00-20:00", &calendar.week, &at));
  calendar.week.holidays = holidays;
  calendar.week.holidays_count = 1;
  limits_now = ds_tracking_defaults;
  limits_now.calendar = with_calendar ? &calendar : NULL;
  for (uint32_t h = 0; h < HOURS; h++)
    worked_before[h + 1] = worked_before[h] + (hour_works(h) ? HOUR_MS : 0);
}

static int64_t worked_at(int64_t ms) {
  const uint32_t h = (uint32_t)((ms - START_MS) / HOUR_MS);
  return worked_before[h] + (hour_works(h) ? (ms - START_MS) % HOUR_MS : 0);
}

// Whether so much time, or the calendar's, has just passed since an instant.
static bool just_passed(int64_t since_ms, int64_t ms, int64_t limit_ms, bool calendar) {
  if (!calendar)
    return ms - since_ms == limit_ms;
  return ms > since_ms && worked_at(ms) - worked_at(since_ms) == limit_ms &&
         worked_at(ms - 1) - worked_at(since_ms) == limit_ms - 1;
}

// Whether lines tell what virtual events carry.
static bool carried_now;

// What a virtual event at an instant carries: the carrier that the parcel's latest event with one
// names, else the order's first; the latest status; the promise; how late, how long silent.
static void carried_tell(const story *order, const story *of, const char *what, int64_t ms,
                         int64_t now_ms, char *line) {
  const event *carrier = NULL, *status = NULL, *scan = NULL;
  const char *none = "-";
  mark(line, what, ms);
  if (!carried_now)
    return;
  for (uint32_t i = 0; i < of->wholes && of->whole[i].time_ms <= ms; i++) {
    const event *e = &of->whole[i];
    carrier = e->carrier != NONE ? e : carrier;
    status = e->status != OTHER ? e : status;
    scan = e->status != OTHER && (row(e)->tells & DS_STATUS_SCAN) != 0 ? e : scan;
  }
  for (uint32_t i = order->wholes; i-- > 0 && carrier == NULL;)
    for (uint32_t k = 0; k <= i && carrier == NULL; k++)
      if (order->whole[k].carrier != NONE && order->whole[k].time_ms <= ms)
        carrier = &order->whole[k];
  for (uint32_t i = 0; status == NULL && i < order->wholes; i++)
    for (uint32_t k = i; k < order->wholes && order->whole[k].time_ms <= ms; k++)
      status = order->whole[k].status != OTHER ? &order->whole[k] : status;
  uint32_t at = 0;
  const story *teller = earlier_told(order, of, &at);
  int promise = NONE, late = 0;
  if (teller != NULL && teller->told[at].time_ms <= ms)
    promise = teller->told[at].promise;
  if (*what == 'M') {
    const int64_t came = least(attempt_of(of), now_ms) + ahead_of(order, of);
    late = (int)((came - START_MS) / DS_DAY_MS) - promise;
  }
  const size_t used = strlen(line);
  snprintf(line + used, 2048 - used, "/%s/%s/%d/%d/%.3f",
           carrier == NULL ? none : carrier_names[carrier->carrier][carrier->id % 2],
           status == NULL ? none : row(status)->touchpoint, promise, late,
           *what == 'S' || *what == 'L' ? (double)(ms - scan->time_ms) / 3600000.0 : 0.0);
  for (char *c = line + used; *c != '\0'; c++)
    *c = *c == ' ' ? '_' : *c;
}

// What is derived, in the order of instants and kinds.
static void derived_tell(const story *order, const story *of, int64_t now_ms, int64_t at_risk,
                         int64_t missed, char *line) {
  const ds_tracking_limits *limits = &limits_now;
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
      bool calendar = false;
      const int64_t limit = silent_of(order, of, ms, silence == DS_SILENCE_LABEL, &calendar);
      if (last != DS_NEVER && !cancelled_at(order, of, ms) &&
          silence != DS_SILENCE_NONE && just_passed(last, ms, limit, calendar))
        carried_tell(order, of, "STALLED", ms, now_ms, line);
      if (ms == at_risk)
        carried_tell(order, of, "AT_RISK", ms, now_ms, line);
      if (ms == missed)
        carried_tell(order, of, "MISSED", ms, now_ms, line);
      if (last != DS_NEVER && silence == DS_SILENCE_CARRIER && ms - last == limits->lost_ms)
        carried_tell(order, of, "LOST", ms, now_ms, line);
    }
}

static void promises_tell(const story *order, const story *of, int64_t now_ms, char *line) {
  uint32_t at = 0;
  const story *teller = earlier_told(order, of, &at);
  if (teller == NULL) {
    derived_tell(order, of, now_ms, DS_NEVER, DS_NEVER, line);
    return;
  }
  const int64_t told = teller->told[at].time_ms, end = end_of(order, of, &teller->told[at], false);
  const int64_t risk_ms = local_now && carrier_of(order, of) == 1 ? 6 * HOUR_MS
                                                                  : limits_now.risk_ms;
  int64_t missed = end > told ? end : told;
  int64_t risk = end - risk_ms > told ? end - risk_ms : told;
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
  if (ds_parcel_states[order_state].rank > ds_parcel_states[state].rank ||
      (order_state == state && order_since < since)) {
    state = order_state;
    since = order_since;
  }
  uint32_t scans = 0, bad = 0, failed = 0;
  for (uint32_t i = 0; i < of->scans; i++) {
    scans += (row(&of->scan[i])->tells & DS_STATUS_SCAN) != 0;
    bad += (row(&of->scan[i])->tells & DS_STATUS_EXCEPTION) != 0;
    failed += row(&of->scan[i])->state == DS_PARCEL_ATTEMPT_FAILED;
  }
  snprintf(line, 2048, "%s %s scans=%u bad=%u failed=%u first=%d unplaced=%u", name,
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
  static story parcels[CALLED], order;
  bool used[CALLED] = {false};
  uint32_t carriers[CALLED] = {0};
  uint32_t unplaced = 0, count = of->count;
  bool tells = false;
  while (count > 0 && of->events[count - 1].time_ms > now_ms)
    count--;
  memset(parcels, 0, sizeof parcels);
  memset(&order, 0, sizeof order);
  for (uint32_t e = 0; e < count; e++)
    tells |= of->events[e].status != OTHER;
  if (!tells)
    return;
  const uint32_t named = parcels_of(of, count, used, carriers);
  int only = ONLY;
  for (int p = 0; named == 1 && p < ONLY; p++)
    only = used[p] ? p : only;
  for (uint32_t e = 0; e < count; e++) {
    const event *one = &of->events[e];
    int parcel = parcel_of(of, count, one);
    const bool of_order = one->status == OTHER || (row(one)->tells & DS_STATUS_ORDER) != 0;
    if (parcel == NONE && !of_order)
      parcel = named <= 1 ? only : carriers_parcel(used, carriers, one->carrier);
    if (parcel != NONE && parcel != CALLED)
      story_add(&parcels[parcel], one, e);
    else if (parcel == NONE && of_order)
      story_add(&order, one, e);
    else
      unplaced += one->status != OTHER;
  }
  for (int p = 0; p < CALLED; p++) {
    char name[64];
    const int number = p < NUMBERS ? p : p < SHARED ? p - NUMBERS : (p - SHARED) / CARRIERS;
    snprintf(name, sizeof name, "%s %c%d", customer, p < NUMBERS ? 'P' : p < LOOSE ? 'T' : '-',
             p < LOOSE ? number : 0);
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
