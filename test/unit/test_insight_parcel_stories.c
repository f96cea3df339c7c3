// SPDX-License-Identifier: Apache-2.0
// Short stories of one order each, and what its parcels must be: the limits of rules that the
// random worlds of test_insight_parcel.c seldom meet, such as instants that are just equal, several
// parcel_ids beside one tracking number, windows of promises, and what an order and its parcel both
// tell. What must hold is in docs/tracking.md and docs/delivery.md.
//
// An event of a story is a line: hours after the beginning of 2020, a touchpoint, then words. P1
// and T1 are a parcel_id and a tracking number; by= a carrier, to= where it goes; until=, from= and
// edd= name a day (2: the third day) or with @ an instant in hours; window= hours of the day.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "insight/parcel.h"
#include "question_world.h"
#include "unit/parcel_scan.h"

#define HOUR_MS 3600000LL
#define START_MS 1577836800000LL /* 2020-01-01 */
#define START_DAY (START_MS / DS_DAY_MS)

enum { PROMISE, FROM, NEW_EDD, NEW, CARRIER, WINDOW, COUNTRY, NAMES, WORDS_MAX = 12 };

typedef struct story {
  const char *what;
  const char *events;
  const char *wanted; // a line for each parcel
} story;

static const story stories[] = {
    // ---- Whose parcel it is.
    {"a keyless label beside parcels of other carriers makes a parcel",
     "0 order_placed\n1 label_created P1 by=alpha\n2 label_created by=swift\n"
     "30 delivered by=swift",
     "P1 labelled\n- delivered first\n"},
    {"beside one of which no carrier is known it makes none",
     "0 order_placed\n1 label_created P1\n2 label_created by=swift\n30 delivered by=swift",
     "P1 delivered first\n"},
    {"alone it is the order's one parcel, whoever scans it",
     "0 order_placed\n1 label_created by=swift\n5 carrier_collected by=alpha\n30 delivered",
     "- delivered first\n"},
    {"one of several keyless labels makes its parcel beside a named one, too",
     "1 label_created by=alpha\n2 label_created by=swift\n30 delivered T1 by=tripl",
     "T1 delivered first\n- labelled\n- labelled\n"},
    {"a parcel_id that changed carriers says nothing of labels without a key",
     "1 label_created P1 by=alpha\n2 label_created by=swift\n9 carrier_changed P1 by=tripl",
     "P1 in_transit\n- labelled\n"},
    {"what changed carriers without a key is one parcel",
     "1 label_created P1 by=alpha\n2 label_created by=swift\n9 carrier_changed by=tripl",
     "P1 in_transit\n"},
    {"a label with a parcel_id gives no carrier its tracking number",
     "1 label_created P1 P2 T1 by=alpha\n2 label_created T1 by=swift\n30 delivered T1 by=alpha",
     "P1 labelled\nP2 labelled\nT1 delivered first\n"},
    {"two labels of one number are a parcel of each carrier",
     "1 label_created T1 by=alpha\n2 label_created T1 by=swift\n30 delivered T1 by=alpha",
     "T1 delivered first\nT1 labelled\n"},
    {"a tracking number beside one parcel_id means that parcel",
     "1 label_created P1 T1\n2 label_created P2\n30 delivered T1",
     "P1 delivered first\nP2 labelled\n"},
    {"beside several it means none of them",
     "1 label_created P1 P2 T1\n30 delivered T1",
     "P1 labelled\nP2 labelled\nT1 delivered first\n"},
    {"the first known place counts",
     "0 order_placed until=2 to=nowhere\n1 order_confirmed to=east\n2 order_packed to=west",
     "- preparing due=63 expected=63 at_risk=51 missed=63\n"},
    {"a parcel's own place goes before its order's",
     "0 order_placed until=2 to=west\n1 label_created P1 to=east\n2 label_created P2",
     "P1 labelled due=63 expected=63 at_risk=51 missed=63\n"
     "P2 labelled due=77 expected=77 at_risk=65 missed=77\n"},
    {"a parcel that names no carrier has the clock of its order's",
     "0 order_placed until=2 by=clock\n1 label_created P1\n2 label_created P2 by=alpha",
     "P1 labelled due=77 expected=77 at_risk=65 missed=77\n"
     "P2 labelled due=72 expected=72 at_risk=60 missed=72\n"},

    // ---- The door.
    {"again on the van just a day later is one attempt",
     "10 out_for_delivery\n34 out_for_delivery\n35 delivered", "- delivered first\n"},
    {"more than a day later it is another",
     "10 out_for_delivery\n34.001 out_for_delivery\n35 delivered", "- delivered\n"},
    {"what is handed over after it was sent back, the sender has",
     "10 return_to_sender\n20 delivered", "- returned\n"},
    {"at the same instant it was handed over first",
     "10 return_to_sender\n10 delivered", "- returning delivered=10 first\n"},

    // ---- In doubt.
    {"on the van when it comes to it is in time",
     "0 order_placed until=2\n60 out_for_delivery\n71 delivered",
     "- delivered first due=72 expected=72\n"},
    {"after that instant it was in doubt",
     "0 order_placed until=2\n60.001 out_for_delivery\n71 delivered",
     "- delivered first due=72 expected=72 at_risk=60\n"},
    {"an attempt at that instant is in time, too",
     "0 order_placed until=2\n60 delivery_attempt_failed\n71 delivered",
     "- delivered due=72 expected=72\n"},
    {"a delivery at the end of the promised day is late",
     "0 order_placed until=2\n60 out_for_delivery\n72 delivered",
     "- delivered first due=72 expected=72 missed=72\n"},
    {"a later day for the order puts its parcels in doubt",
     "0 order_placed until=2\n1 label_created P1\n2 label_created P2\n9 order_confirmed until=5\n"
     "50 delivered P1",
     "P1 delivered first due=72 expected=144 slipped=9 at_risk=9\n"
     "P2 labelled due=72 expected=144 slipped=9 at_risk=9 missed=72\n"},
    {"the earlier of the order's and the parcel's own",
     "0 order_placed until=2\n1 label_created P1\n2 label_created P2\n"
     "9 shipment_delayed P1 edd=4\n12 order_confirmed until=5",
     "P1 labelled due=72 expected=144 slipped=9 at_risk=9 missed=72\n"
     "P2 labelled due=72 expected=144 slipped=12 at_risk=12 missed=72\n"},

    // ---- Estimates.
    {"what the order was told last goes before a parcel's estimate",
     "0 order_placed until=2\n1 label_created P1\n2 label_created P2\n"
     "3 edd_changed P1 edd=1\n4 order_confirmed until=0",
     "P1 labelled due=72 expected=24 at_risk=60 missed=72\n"
     "P2 labelled due=72 expected=24 at_risk=60 missed=72\n"},
    {"what the parcel was told last goes before its order's",
     "0 order_placed until=2\n1 label_created P1\n2 label_created P2\n"
     "3 order_confirmed until=0\n4 edd_changed P1 edd=1",
     "P1 labelled due=72 expected=48 at_risk=60 missed=72\n"
     "P2 labelled due=72 expected=24 at_risk=60 missed=72\n"},
    {"what is told at the instant of the delivery revises nothing",
     "0 order_placed until=2\n50 delivered\n50 shipment_delayed edd=5",
     "- delivered first due=72 expected=72\n"},
    {"what is told just before it does",
     "0 order_placed until=2\n49.999 shipment_delayed edd=5\n50 delivered",
     "- delivered first due=72 expected=144 slipped=49.999 at_risk=49.999\n"},
    {"what is told after an attempt in vain was no promise of it",
     "0 order_placed until=2\n80 delivery_attempt_failed\n81 shipment_delayed edd=5\n130 delivered",
     "- delivered due=72 expected=144 tried=72 slipped=81 at_risk=60 missed=72\n"},
    {"nor what the order is told at that instant",
     "0 order_placed until=2\n80 delivery_attempt_failed\n80 order_confirmed until=5",
     "- attempt_failed due=72 expected=144 tried=72 slipped=80 at_risk=60 missed=72\n"},
    {"an estimate before it was",
     "0 order_placed until=2\n79 shipment_delayed edd=5\n80 delivery_attempt_failed\n"
     "81 edd_changed edd=4",
     "- attempt_failed due=72 expected=120 tried=144 slipped=79 at_risk=60 missed=72\n"},
    {"what the order is told after a parcel came was no promise of that one",
     "0 order_placed until=2\n1 label_created P1\n2 label_created P2\n50 delivered P1\n"
     "55 order_confirmed until=5",
     "P1 delivered first due=72 expected=72 slipped=55\n"
     "P2 labelled due=72 expected=144 slipped=55 at_risk=55 missed=72\n"},
    {"what is written beside the return to the sender revises nothing",
     "0 order_placed until=2\n40 return_to_sender\n50 delivered until=5",
     "- returned due=72 expected=72 at_risk=60 missed=72\n"},
    {"an estimate of the promised day is no later than hours of it",
     "0 order_placed until=2 window=14:00-16:00\n9 shipment_delayed edd=2",
     "- ordered due=@64 from=62 expected=72 at_risk=52 missed=64\n"},
    {"later hours of it are later",
     "0 order_placed until=2 window=14:00-16:00\n9 order_confirmed until=2 window=18:00-20:00",
     "- ordered due=@64 from=62 expected=@68 slipped=9 at_risk=9 missed=64\n"},
    {"one of the next day is",
     "0 order_placed until=2 window=14:00-16:00\n9 shipment_delayed edd=3",
     "- ordered due=@64 from=62 expected=96 slipped=9 at_risk=9 missed=64\n"},

    // ---- Windows.
    {"hours of several days begin on the first",
     "0 order_placed from=1 until=2 window=14:00-16:00\n50 delivered",
     "- delivered first due=@64 from=38 expected=@64\n"},
    {"a window that would begin behind its end is one of its last day",
     "0 order_placed from=3 until=2 window=14:00-16:00\n50 delivered",
     "- delivered first due=@64 from=62 expected=@64\n"},
    {"instants are a window",
     "0 order_placed from=@40 until=@60\n45 delivered",
     "- delivered first due=@60 from=40 expected=@60\n"},
    {"one instant is",
     "0 order_placed from=@60 until=@60\n45 delivered",
     "- delivered first due=@60 from=60 expected=@60\n"},
    {"one that would begin behind its end is none",
     "0 order_placed from=@61 until=@60\n45 delivered",
     "- delivered first due=@60 expected=@60\n"},
};

static ds_value value_of(const char *text) {
  if (*text == '@')
    return (ds_value){.type = DS_TYPE_TIME,
                      .i = START_MS + (int64_t)(strtod(text + 1, NULL) * HOUR_MS)};
  return (ds_value){.type = DS_TYPE_DATE, .i = START_DAY + strtol(text, NULL, 10)};
}

static uint16_t touchpoint_of(const char *name) {
  for (uint16_t s = 0; s < ds_parcel_statuses_count; s++)
    if (strcmp(ds_parcel_statuses[s].touchpoint, name) == 0)
      return s;
  fail_msg("no status %s", name);
  return 0;
}

static void word_read(char *word, ds_event *event) {
  static const char *const marks[] = {"until=", "from=", "edd=", "by=", "to=", "window="};
  static const uint16_t names[] = {PROMISE, FROM, NEW_EDD, CARRIER, COUNTRY, WINDOW};
  if (*word == 'P' || *word == 'T') {
    event->keys[event->keys_count++] = (ds_event_key){*word == 'P' ? 1 : 2, ds_str_of(word)};
    return;
  }
  for (uint32_t m = 0; m < sizeof marks / sizeof *marks; m++) {
    const char *text = word + strlen(marks[m]);
    if (strncmp(word, marks[m], strlen(marks[m])) != 0)
      continue;
    const bool changed = m == 2 && event->touchpoint == touchpoint_of("edd_changed");
    event->properties[event->properties_count++] = (ds_event_property){
        changed ? NEW : names[m], false,
        m < 3 ? value_of(text) : (ds_value){.type = DS_TYPE_STRING, .text = ds_str_of(text)}};
    return;
  }
  fail_msg("no word %s", word);
}

static void event_put(char *line, uint64_t id, qw_rows *rows) {
  ds_event_key keys[WORDS_MAX] = {{0, ds_str_of("O1")}};
  ds_event_property properties[WORDS_MAX];
  const char *at = strsep(&line, " "), *touchpoint = strsep(&line, " ");
  ds_event event = {.touchpoint = touchpoint_of(touchpoint), .has_id = true, .id = id,
                    .arrival = id, .subject = ds_str_of("customer_id=C1"), .keys_count = 1,
                    .keys = keys, .properties = properties};
  event.time_ms = event.received_ms = START_MS + (int64_t)(strtod(at, NULL) * HOUR_MS + 0.5);
  for (char *word; (word = strsep(&line, " ")) != NULL;)
    word_read(word, &event);
  qw_rows_put(rows, &event);
}

static ds_snapshot *story_snapshot(const char *events) {
  static const char *const properties[NAMES] = {"promise_until", "promise_from", "new_edd", "new",
                                                "carrier", "promise_window", "country"};
  static const char *const keys[] = {"order_id", "parcel_id", "tracking_number"};
  static const char *const sources[] = {"test"};
  const char *touchpoints[64];
  for (uint32_t s = 0; s < ds_parcel_statuses_count; s++)
    touchpoints[s] = ds_parcel_statuses[s].touchpoint;
  ds_space space;
  ds_space_init(&space);
  qw_names(&space.touchpoints, touchpoints, ds_parcel_statuses_count);
  qw_names(&space.properties, properties, NAMES);
  qw_names(&space.keys, keys, 3);
  qw_names(&space.sources, sources, 1);
  qw_rows rows = {0};
  char *copy = strdup(events), *rest = copy;
  uint64_t id = 0;
  for (char *line; (line = strsep(&rest, "\n")) != NULL;)
    event_put(line, ++id, &rows);
  ds_snapshot *snapshot = qw_snapshot_new();
  qw_part_add(snapshot, &space, &rows);
  qw_rows_done(&rows);
  ds_space_done(&space);
  free(copy);
  return snapshot;
}

typedef struct told_state {
  const ds_parcel_rules *rules;
  char *text;
  size_t size;
} told_state;

static void tell(told_state *to, const char *what, int64_t ms) {
  const size_t used = strlen(to->text);
  if (ms != DS_NEVER && ms != INT64_MIN)
    snprintf(to->text + used, to->size - used, " %s%.6g", what,
             (double)(ms - START_MS) / HOUR_MS);
}

// The end of a promise: of a day as it is, of an instant the instant itself.
static void promise_tell(told_state *to, const char *day, const char *instant,
                         const ds_promise *promise) {
  if (promise->event != DS_NONE)
    tell(to, promise->is_day ? day : instant, promise->end_ms - !promise->is_day);
}

static void parcel_tell(told_state *to, const ds_parcel *of) {
  size_t used = strlen(to->text);
  snprintf(to->text + used, to->size - used, "%.*s %s", of->key.size > 0 ? (int)of->key.size : 1,
           of->key.size > 0 ? of->key.data : "-", ds_parcel_states[of->state].name);
  if (of->state != DS_PARCEL_DELIVERED)
    tell(to, "delivered=", of->delivered_ms);
  used = strlen(to->text);
  snprintf(to->text + used, to->size - used, "%s", of->first_try ? " first" : "");
  promise_tell(to, "due=", "due=@", &of->original);
  tell(to, "from=", of->original.from_ms);
  promise_tell(to, "expected=", "expected=@", &of->current);
  if (of->current_tried.event != of->current.event)
    promise_tell(to, "tried=", "tried=@", &of->current_tried);
  tell(to, "slipped=", of->slipped_ms);
  tell(to, "at_risk=", of->at_risk_ms);
  tell(to, "missed=", of->missed_ms);
  used = strlen(to->text);
  snprintf(to->text + used, to->size - used, "\n");
}

static ds_code told_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  *(told_state *)memory = *(const told_state *)context;
  return DS_OK;
}

static ds_code told_merge(void *into, void *from, ds_error *err) {
  (void)into;
  (void)from;
  (void)err;
  return DS_OK;
}

static ds_code told_add(void *memory, const ds_block *block, ds_error *err) {
  told_state *to = memory;
  ds_parcel_fold *fold;
  ds_parcels parcels;
  TRY(ds_parcel_fold_new(to->rules, &fold, err));
  assert_int_equal(ds_parcel_fold_begin(fold, block, err), DS_OK);
  assert_int_equal(block->journeys, 1);
  assert_int_equal(ds_parcel_fold_journey(fold, 0, &parcels, err), DS_OK);
  for (uint32_t p = 0; p < parcels.count; p++)
    parcel_tell(to, &parcels.parcel[p]);
  ds_parcel_fold_free(fold);
  return DS_OK;
}

static const ds_kernel told_kernel = {"told", sizeof(told_state), told_init, told_add, told_merge,
                                      NULL};

static const ds_zone *zone_load(const char *name) {
  static ds_zone *zones[2];
  const uint32_t z = strcmp(name, "Etc/GMT-9") == 0;
  if (zones[z] == NULL)
    assert_int_equal(ds_zone_load(ds_io_posix(), "/usr/share/zoneinfo", ds_str_of(name), &zones[z],
                                  NULL), DS_OK);
  return zones[z];
}

// East is nine hours ahead, west and the carrier "clock" are five behind.
static void story_tell(const char *events, char *text, size_t size) {
  const ds_place_zone places[] = {{.value = "east", .zone = zone_load("Etc/GMT-9")},
                                  {.value = "west", .zone = zone_load("Etc/GMT+5")}};
  ds_tracking_limits limits = ds_tracking_defaults;
  const ds_carrier_rules carriers[] = {
      {.normal = "clock", .limits = &limits, .zone_name = "Etc/GMT+5",
       .zone = zone_load("Etc/GMT+5")}};
  limits.place = "country";
  limits.places = places;
  limits.places_count = 2;
  limits.carriers = carriers;
  limits.carriers_count = 1;
  const int64_t now_ms = START_MS + 20 * DS_DAY_MS;
  ds_snapshot *snapshot = story_snapshot(events);
  ds_arena arena;
  told_state context = {.text = text, .size = size};
  void *state = NULL;
  ds_arena_init(&arena, 1u << 26);
  *text = '\0';
  parcel_scan(snapshot, &limits, now_ms, &told_kernel, &context, &context.rules, &arena, &state);
  ds_arena_done(&arena);
  qw_snapshot_free(snapshot);
}

static void test_stories(void **unused) {
  (void)unused;
  bool failed = false;
  for (uint32_t s = 0; s < sizeof stories / sizeof *stories; s++) {
    char got[2048];
    story_tell(stories[s].events, got, sizeof got);
    if (strcmp(got, stories[s].wanted) != 0) {
      print_error("%s\ngot:\n%swanted:\n%s", stories[s].what, got, stories[s].wanted);
      failed = true;
    }
  }
  assert_false(failed);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_stories)};
  return cmocka_run_group_tests_name("insight_parcel_stories", tests, NULL, NULL);
}
