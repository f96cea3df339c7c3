// SPDX-License-Identifier: Apache-2.0
// The fold of parcels against a brute force that shares no code with it: for each parcel it lists
// what concerns it and answers every figure by its definition, looking at the whole list each time.
// Worlds have ties, repeated scans, scans that name no order, no parcel or a tracking number only,
// promises of orders and of parcels, and estimates; some have carriers that share numbers or use
// none, with hours, limits and zones of their own. Both sides are written as lines of text. What
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
#include "unit/long_run.h"
#include "unit/parcel_scan.h"

#define HOUR_MS 3600000LL
#define START_MS 1577836800000LL /* 2020-01-01 */
#define START_DAY (START_MS / DS_DAY_MS)

enum { EVENTS_MAX = 60, CUSTOMERS = 4, ORDERS = 2, PARCELS = 3, CARRIERS = 3, NONE = -1 };
// What parcels are called within an order: parcel_ids, tracking numbers, these of one carrier each,
// carriers by themselves, and the only one without a name.
enum { NUMBERS = PARCELS, SHARED = NUMBERS + PARCELS, LOOSE = SHARED + PARCELS * CARRIERS,
       ONLY = LOOSE + CARRIERS, CALLED };
enum { OTHER = 30 }; // a touchpoint that tells of no parcel, behind those of the table

typedef struct event {
  int64_t time_ms;
  int status; // row of ds_parcel_statuses, or OTHER
  int order, parcel, tracking; // NONE
  int promise, edd;            // days after the start, NONE
  int carrier;                 // NONE
  bool window;                 // the promise is of 14:00 to 16:00
  bool far;                    // it says that the order goes far away
  uint64_t id;                 // within the world, from 1 on
} event;

typedef struct journey {
  event events[EVENTS_MAX];
  uint32_t count;
} journey;

typedef struct lines {
  char text[400][2048];
  uint32_t count;
} lines;

// Names of a carrier are written as they come.
static const char *const carrier_names[CARRIERS][2] = {
    {"Alpha Post", "ALPHA-POST"}, {"swift", "Swift."}, {"3PL", "3 pl"}};

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
  const uint32_t carriers = below(seed, CARRIERS + 1), labels = below(seed, 4);
  to->count = 1 + below(seed, below(seed, 4) == 0 ? EVENTS_MAX : 14);
  for (uint32_t e = 0; e < to->count; e++) {
    event *one = &to->events[e];
    *one = (event){.status = (int)below(seed, OTHER + 1), .order = maybe(seed, 4, orders),
                   .parcel = NONE, .tracking = NONE,
                   .promise = below(seed, 4) == 0 ? (int)below(seed, 12) : NONE, .edd = NONE,
                   .carrier = carriers == 0 ? NONE : maybe(seed, 3, carriers),
                   .window = below(seed, 6) == 0, .far = below(seed, 20) == 0};
    if (carriers > 0 && below(seed, 4) < labels)
      one->status = status_of(below(seed, 12) == 0 ? "carrier_changed" : "label_created");
    // Hours, so that silence and promises end at instants of events, too.
    one->time_ms = START_MS + (int64_t)(qw_random(seed) % (uint64_t)span) /
                                  (span > HOUR_MS ? HOUR_MS : 1) * (span > HOUR_MS ? HOUR_MS : 1);
    if (parcels > 0) {
      one->parcel = labels < 2 ? maybe(seed, 3, parcels) : NONE;
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

#include "parcel_brute.inc.h"

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
  snprintf(line, 2048, "%.*s %s %s scans=%u bad=%u failed=%u first=%d unplaced=%u", (int)order.size,
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

static void event_put(const event *e, uint32_t customer, qw_rows *rows) {
  const uint64_t id = e->id;
  char subject[32], texts[3][16];
  snprintf(subject, sizeof subject, "customer_id=C%u", customer);
  ds_event_key keys[3];
  ds_event_property properties[5];
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
  if (e->carrier != NONE)
    properties[count++] = (ds_event_property){
        3, false, {.type = DS_TYPE_STRING, .text = ds_str_of(carrier_names[e->carrier][id % 2])}};
  if (e->window)
    properties[count++] = (ds_event_property){
        4, false, {.type = DS_TYPE_STRING, .text = ds_str_of(id % 2 == 0 ? "14:00-16:00"
                                                                         : "14 - 16")}};
  if (e->far)
    properties[count++] = (ds_event_property){
        5, false, {.type = DS_TYPE_STRING, .text = ds_str_of("far")}};
  const ds_event written = {.touchpoint = (uint16_t)e->status, .has_id = true,
                            .time_ms = e->time_ms, .received_ms = e->time_ms, .id = id,
                            .arrival = id, .subject = ds_str_of(subject),
                            .keys_count = keys_count, .keys = keys, .properties_count = count,
                            .properties = properties};
  qw_rows_put(rows, &written);
}

static void world_number(journey *world) {
  uint64_t id = 0;
  for (uint32_t c = 0; c < CUSTOMERS; c++)
    for (uint32_t e = 0; e < world[c].count; e++)
      world[c].events[e].id = ++id;
}

static ds_snapshot *world_snapshot(const journey *world, uint32_t parts) {
  static const char *const properties[] = {"promise_until", "new_edd", "new", "carrier",
                                           "promise_window", "country"};
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
  qw_names(&space.properties, properties, 6);
  qw_names(&space.keys, keys, 3);
  qw_names(&space.sources, sources, 1);
  ds_snapshot *snapshot = qw_snapshot_new();
  for (uint32_t part = 0; part < parts; part++) {
    qw_rows rows = {0};
    for (uint32_t c = 0; c < CUSTOMERS; c++)
      for (uint32_t e = 0; e < world[c].count; e++)
        if (world[c].events[e].id % parts == part)
          event_put(&world[c].events[e], c, &rows);
    if (rows.count > 0)
      qw_part_add(snapshot, &space, &rows);
    qw_rows_done(&rows);
  }
  ds_space_done(&space);
  return snapshot;
}

static void world_fold(const ds_snapshot *snapshot, int64_t now_ms, lines *to) {
  ds_arena arena;
  fold_state context = {.to = to};
  void *state = NULL;
  ds_arena_init(&arena, 1u << 26);
  to->count = 0;
  parcel_scan(snapshot, &limits_now, now_ms, &fold_kernel, &context, &context.rules, &arena,
              &state);
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
  for (uint64_t w = 1; w <= (long_run() ? 2000 : 40); w++) {
    uint64_t seed = w * 7919;
    limits_set(w % 3 == 0);
    local_set(w % 2 == 0);
    bool keyed = false;
    for (uint32_t c = 0; c < CUSTOMERS; c++) {
      journey_make(&world[c], &seed);
      for (uint32_t e = 0; e < world[c].count; e++)
        keyed |= world[c].events[e].order != NONE;
    }
    if (!keyed)
      continue;
    carried_now = false;
    world_number(world);
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

// The properties that the scan was asked for, in this order.
static const char *const carried_names[] = {"carrier", "last_status", "promise_until", "days_late",
                                            "hours_silent"};
enum { CARRIED = sizeof carried_names / sizeof *carried_names };

static void carried_write(const ds_block *block, uint32_t e, char *line) {
  char texts[CARRIED][64] = {"-", "-", "-1", "0", "0.000"};
  for (uint32_t p = 0; p < CARRIED; p++) {
    const ds_property_column *column = &block->property[p];
    if (column->type == DS_TYPE_NULL || (column->present[e / 64] >> (e % 64) & 1) == 0)
      continue;
    if (column->type == DS_TYPE_STRING)
      snprintf(texts[p], 64, "%.*s", (int)column->text[e].size, column->text[e].data);
    else if (column->type == DS_TYPE_NUMBER)
      snprintf(texts[p], 64, p == 3 ? "%.0f" : "%.3f", column->number[e]);
    else
      snprintf(texts[p], 64, "%d", (int)(column->i[e] - START_DAY));
  }
  const size_t used = strlen(line);
  snprintf(line + used, 2048 - used, "/%s/%s/%s/%s/%s", texts[0], texts[1], texts[2], texts[3],
           texts[4]);
  for (char *c = line + used; *c != '\0'; c++)
    *c = *c == ' ' ? '_' : *c;
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
      snprintf(line, 2048, "%.*s", (int)text.size, text.data);
      mark(line, kind_of(state->snapshot, block->touchpoint[e]), block->time_ms[e]);
      carried_write(block, e, line);
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
                              .as_of_ms = now_ms, .derive = ds_derive_plan, .arena = &arena,
                              .tracking = &limits_now};
  ds_plan plan;
  const virtual_state context = {.snapshot = snapshot, .to = to};
  void *state = NULL;
  to->count = 0;
  if (ds_question_select(&request, "process", &plan, &err) != DS_OK)
    fail_msg("%s", err.message);
  plan.want_case_text = plan.has_case;
  plan.columns.want = DS_WANT_TIME | DS_WANT_TOUCHPOINT | DS_WANT_ARRIVAL;
  for (uint32_t p = 0; p < CARRIED; p++) {
    ds_property_ref ref;
    if (ds_property_add(snapshot, &plan, "by", carried_names[p], &arena, &ref, &err) != DS_OK)
      fail_msg("%s", err.message);
    assert_int_equal(ref.column, p);
  }
  if (ds_scan(snapshot, &plan, &virtual_kernel, &context, &arena, &state, &err) != DS_OK)
    fail_msg("%s", err.message);
  ds_arena_done(&arena);
}

// The derived events of brute-force lines, a line each; `named`: with their order.
static void derived_lines(const lines *from, bool named, lines *to) {
  to->count = 0;
  for (uint32_t i = 0; i < from->count; i++) {
    char line[2048], *rest = line;
    snprintf(line, sizeof line, "%s", from->text[i]);
    const char *order = strsep(&rest, " ");
    for (const char *word; (word = strsep(&rest, " ")) != NULL;)
      if (strchr(word, '=') != NULL && word[0] >= 'A' && word[0] <= 'Z')
        snprintf(to->text[to->count++], 2048, "%s %s", named ? order : "", word);
  }
}

// Virtual events are those of the brute force: of each order, and of customers all together.
static void test_virtual(void **unused) {
  (void)unused;
  static journey world[CUSTOMERS];
  static lines got, wanted, told;
  uint64_t virtual = 0;
  for (uint64_t w = 1; w <= (long_run() ? 1000 : 15); w++) {
    uint64_t seed = w * 104729;
    limits_set(w % 3 == 0);
    local_set(w % 2 == 0);
    carried_now = true;
    for (uint32_t c = 0; c < CUSTOMERS; c++) {
      journey_make(&world[c], &seed);
      world[c].events[0].order = 0; // so that there are orders
    }
    world[0].events[0].carrier = 0; // and all properties
    world[0].events[0].promise = 3;
    world_number(world);
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
