// SPDX-License-Identifier: Apache-2.0
// The tables of states and statuses, and where a snapshot has what folds read; see parcel.h.
#include "insight/parcel_rules.h"

#include <assert.h>

#include "question/common.h"
#include "question/hours.h"
#include "scan/property_types.h"

const ds_parcel_state_row ds_parcel_states[DS_PARCEL_STATES_COUNT] = {
    {"unknown", 0, DS_SILENCE_NONE, true, "nothing is told of it yet"},
    {"ordered", 1, DS_SILENCE_NONE, true, "the order was placed"},
    {"preparing", 2, DS_SILENCE_NONE, true, "it is picked or packed"},
    {"labelled", 3, DS_SILENCE_LABEL, true, "the carrier was told of it"},
    {"cancelled", 4, DS_SILENCE_NONE, false, "called off before the carrier had it"},
    {"collected", 5, DS_SILENCE_CARRIER, true, "the carrier took it"},
    {"in_transit", 6, DS_SILENCE_CARRIER, true, "it was scanned on the way"},
    {"held", 6, DS_SILENCE_CARRIER, true, "the carrier or customs keep it"},
    {"out_for_delivery", 7, DS_SILENCE_CARRIER, true, "it is on the van"},
    {"attempt_failed", 7, DS_SILENCE_CARRIER, true, "the carrier came and could not deliver"},
    {"available_for_pickup", 7, DS_SILENCE_NONE, true, "it waits at a pickup point"},
    {"lost", 8, DS_SILENCE_NONE, false, "the carrier says that it is lost"},
    {"delivered", 9, DS_SILENCE_NONE, false, "the customer has it"},
    {"returning", 10, DS_SILENCE_NONE, false, "it is on its way back"},
    {"returned", 11, DS_SILENCE_NONE, false, "it came back"},
};

enum { SCAN = DS_STATUS_SCAN, BAD = DS_STATUS_EXCEPTION, ATTEMPT = DS_STATUS_ATTEMPT,
       ORDER = DS_STATUS_ORDER };

const ds_parcel_status ds_parcel_statuses[] = {
    {"order_placed", DS_PARCEL_ORDERED, ORDER},
    {"order_confirmed", DS_PARCEL_ORDERED, ORDER},
    {"order_picked", DS_PARCEL_PREPARING, ORDER},
    {"order_packed", DS_PARCEL_PREPARING, ORDER},
    {"label_created", DS_PARCEL_LABELLED, SCAN},
    {"collection_failed", DS_PARCEL_LABELLED, SCAN | BAD},
    {"shipment_cancelled", DS_PARCEL_CANCELLED, 0},
    {"order_cancelled", DS_PARCEL_CANCELLED, ORDER},
    {"carrier_collected", DS_PARCEL_COLLECTED, SCAN},
    {"customs_started", DS_PARCEL_IN_TRANSIT, SCAN},
    {"customs_cleared", DS_PARCEL_IN_TRANSIT, SCAN},
    {"carrier_changed", DS_PARCEL_IN_TRANSIT, SCAN},
    {"shipment_in_transit", DS_PARCEL_IN_TRANSIT, SCAN},
    {"customs_held", DS_PARCEL_HELD, SCAN | BAD},
    {"shipment_on_hold", DS_PARCEL_HELD, SCAN | BAD},
    {"shipment_delayed", DS_PARCEL_UNKNOWN, SCAN | BAD},
    {"out_for_delivery", DS_PARCEL_OUT_FOR_DELIVERY, SCAN},
    {"delivery_scheduled", DS_PARCEL_UNKNOWN, SCAN},
    {"delivery_attempt_failed", DS_PARCEL_ATTEMPT_FAILED, SCAN | BAD | ATTEMPT},
    {"available_for_pickup", DS_PARCEL_AVAILABLE_FOR_PICKUP, SCAN | ATTEMPT},
    {"pickup_reminder", DS_PARCEL_UNKNOWN, SCAN},
    {"pickup_missed", DS_PARCEL_UNKNOWN, SCAN | BAD},
    {"shipment_damaged", DS_PARCEL_UNKNOWN, SCAN | BAD},
    {"shipment_lost", DS_PARCEL_LOST, BAD},
    {"delivered", DS_PARCEL_DELIVERED, SCAN | ATTEMPT},
    {"return_to_sender", DS_PARCEL_RETURNING, SCAN | BAD},
    {"return_in_transit", DS_PARCEL_RETURNING, SCAN},
    {"return_received", DS_PARCEL_RETURNED, SCAN},
    {"edd_changed", DS_PARCEL_UNKNOWN, 0},
    {"shipment_unknown", DS_PARCEL_UNKNOWN, 0},
};
const uint32_t ds_parcel_statuses_count = sizeof ds_parcel_statuses / sizeof *ds_parcel_statuses;
static_assert(sizeof ds_parcel_statuses / sizeof *ds_parcel_statuses < 64,
              "a mask of 64 bits holds those of one instant");

const char *const ds_derived_touchpoints[DS_DERIVED_COUNT] = {"shipment_stalled",
                                                              "promise_at_risk", "promise_missed",
                                                              "shipment_lost"};

// Keys that make cases of orders, the best first; the last two make parcels.
static const char *const key_names[] = {"order_id", "parcel_id", "tracking_number"};

const char *ds_parcel_order_key(const ds_snapshot *snapshot) {
  for (uint32_t k = 0; k < sizeof key_names / sizeof *key_names; k++)
    if (ds_names_find(&snapshot->space.keys, ds_str_of(key_names[k])) != DS_NONE)
      return key_names[k];
  return NULL;
}

ds_code ds_parcel_request(const ds_request *request, ds_request *ret_request, ds_error *err) {
  *ret_request = *request;
  if (ds_option_get(&request->options, "case") != NULL)
    return DS_OK;
  const char *name = ds_parcel_order_key(request->snapshot);
  if (name == NULL)
    return DS_OK;
  ds_option_set *options = &ret_request->options;
  ds_option_value *values = ds_arena_array(request->arena, options->count + 1u, sizeof *values);
  if (values == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the options of a question");
  if (options->count > 0)
    memcpy(values, options->values, options->count * sizeof *values);
  values[options->count++] = (ds_option_value){.name = "case", .text = name};
  options->values = values;
  return DS_OK;
}

// Adds the key to the plan's, if events carry it; *ret_column is DS_NONE otherwise.
static ds_code add_key(const ds_request *request, ds_plan *plan, const char *name,
                       uint32_t *ret_column, ds_error *err) {
  const uint32_t code = ds_names_find(&request->snapshot->space.keys, ds_str_of(name));
  const uint32_t count = plan->columns.keys_count;
  *ret_column = DS_NONE;
  if (code == DS_NONE)
    return DS_OK;
  for (uint32_t k = 0; k < count; k++)
    if (plan->columns.keys[k] == code)
      *ret_column = k;
  if (*ret_column != DS_NONE)
    return DS_OK;
  uint16_t *keys = ds_arena_array(request->arena, count + 1u, sizeof *keys);
  if (keys == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
  if (count > 0)
    memcpy(keys, plan->columns.keys, count * sizeof *keys);
  keys[count] = (uint16_t)code;
  plan->columns.keys = keys;
  plan->columns.keys_count = count + 1;
  *ret_column = count;
  return DS_OK;
}

// Adds a property, when some event carries it in one of the types that are bits of `types`.
static ds_code add_read(const ds_request *request, ds_plan *plan, const char *name, uint32_t types,
                        parcel_column *column, ds_error *err) {
  ds_property_kinds kinds;
  ds_plan with = *plan;
  TRY(ds_property_add(request->snapshot, &with, "promise", name, request->arena, &column->property,
                      err));
  TRY(ds_property_kinds_of(request->snapshot, column->property.code, &kinds, err));
  column->is_given = (types >> kinds.type & 1) != 0;
  if (column->is_given)
    *plan = with;
  return DS_OK;
}

enum {
  INSTANTS = 1u << DS_TYPE_DATE | 1u << DS_TYPE_TIME,
  TEXTS = 1u << DS_TYPE_STRING,
  VALUES = 1u << DS_TYPE_STRING | 1u << DS_TYPE_NUMBER | 1u << DS_TYPE_BOOL
};

// Properties that mean one thing only, of one touchpoint or (NULL) of any.
static const struct {
  uint32_t read;
  const char *touchpoint, *name;
  uint32_t types;
} usual_reads[] = {
    {PARCEL_READ_DELAYED, "shipment_delayed", "new_edd", INSTANTS},
    {PARCEL_READ_CHANGED, "edd_changed", "new", INSTANTS},
    {PARCEL_READ_WINDOW, "out_for_delivery", "window_until", INSTANTS},
    {PARCEL_READ_HOURS, NULL, "promise_window", TEXTS},
    {PARCEL_READ_CARRIER, NULL, "carrier", TEXTS},
};

// The same of one that may be absent, or sealed: then nothing is read.
static ds_code add_usual(const ds_request *request, ds_plan *plan, const char *name,
                         uint32_t types, parcel_column *column, ds_error *err) {
  const uint32_t code = ds_names_find(&request->snapshot->space.properties, ds_str_of(name));
  ds_property_kinds kinds;
  if (code == DS_NONE)
    return DS_OK;
  TRY(ds_property_kinds_of(request->snapshot, (uint16_t)code, &kinds, err));
  return kinds.type == DS_TYPE_SEALED ? DS_OK
                                      : add_read(request, plan, name, types, column, err);
}

static ds_code add_usuals(const ds_request *request, ds_plan *plan, ds_parcel_rules *rules,
                          ds_error *err) {
  const ds_names *touchpoints = &request->snapshot->space.touchpoints;
  for (uint32_t i = 0; i < sizeof usual_reads / sizeof *usual_reads; i++) {
    const char *touchpoint = usual_reads[i].touchpoint;
    parcel_column *column = &rules->read[usual_reads[i].read];
    const uint32_t code =
        touchpoint == NULL ? DS_NONE : ds_names_find(touchpoints, ds_str_of(touchpoint));
    if (touchpoint != NULL && code == DS_NONE)
      continue;
    TRY(add_usual(request, plan, usual_reads[i].name, usual_reads[i].types, column, err));
    column->property.touchpoint = code;
    column->is_estimate = usual_reads[i].read < PARCEL_PROMISES;
  }
  return rules->limits.place == NULL
             ? DS_OK
             : add_usual(request, plan, rules->limits.place, VALUES,
                         &rules->read[PARCEL_READ_PLACE], err);
}

static ds_code add_promises(const ds_request *request, ds_plan *plan, const char *given,
                            ds_parcel_rules *rules, ds_error *err) {
  const ds_names *names = &request->snapshot->space.properties;
  parcel_column *promise = &rules->read[PARCEL_READ_PROMISE];
  const char *name = given;
  for (uint32_t i = 0; name == NULL && ds_promise_names[i] != NULL; i++)
    if (ds_names_find(names, ds_str_of(ds_promise_names[i])) != DS_NONE)
      name = ds_promise_names[i];
  if (name != NULL) {
    TRY(add_read(request, plan, name, INSTANTS, promise, err));
    if (given != NULL && !promise->is_given)
      return ds_fail(err, DS_EXPRESSION, "--promise %s: a promise is a day or an instant, and its "
                     "values are neither", name);
    rules->promise_name = promise->is_given ? name : NULL;
  }
  if (rules->promise_name != NULL && strcmp(rules->promise_name, "promise_until") == 0)
    TRY(add_usual(request, plan, "promise_from", INSTANTS, &rules->read[PARCEL_READ_FROM], err));
  return add_usuals(request, plan, rules, err);
}

static ds_code worktime_make(const ds_request *request, const ds_tracking_limits *limits,
                             parcel_carrier *of, ds_error *err) {
  of->limits = limits;
  if (limits->calendar == NULL || request->snapshot->events == 0)
    return DS_OK;
  return ds_hours_span(request, &limits->calendar->week, ds_hours_zone(request, limits->calendar),
                       &of->worktime, err);
}

static ds_code carriers_make(const ds_request *request, ds_parcel_rules *rules, ds_error *err) {
  const ds_tracking_limits *limits = &rules->limits;
  parcel_carrier *carrier =
      ds_arena_array(request->arena, limits->carriers_count + 1u, sizeof *carrier);
  if (carrier == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
  TRY(worktime_make(request, limits, &carrier[0], err));
  for (uint32_t c = 0; c < limits->carriers_count; c++) {
    const ds_carrier_rules *from = &limits->carriers[c];
    parcel_carrier *to = &carrier[c + 1];
    *to = (parcel_carrier){.hash = ds_key_hash(ds_str_of(from->normal)),
                           .has_zone = from->zone_name != NULL, .zone = from->zone,
                           .hours = from->hours};
    TRY(worktime_make(request, from->limits, to, err));
  }
  rules->carrier = carrier;
  rules->carriers = limits->carriers_count + 1;
  rules->is_local = limits->carriers_count > 0 || limits->places_count > 0;
  return DS_OK;
}

static uint8_t status_of(const char *touchpoint) {
  uint8_t s = 0;
  while (strcmp(ds_parcel_statuses[s].touchpoint, touchpoint) != 0)
    s++;
  return s;
}

static ds_code statuses_make(const ds_request *request, ds_parcel_rules *rules, ds_error *err) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  uint8_t *status = ds_arena_alloc(request->arena, names->count + 1u);
  if (status == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
  memset(status, PARCEL_NO_STATUS, names->count + 1u);
  for (uint32_t s = 0; s < ds_parcel_statuses_count; s++) {
    const uint32_t code = ds_names_find(names, ds_str_of(ds_parcel_statuses[s].touchpoint));
    if (code != DS_NONE)
      status[code] = (uint8_t)s;
  }
  rules->status = status;
  rules->label_status = status_of("label_created");
  rules->changed_status = status_of("carrier_changed");
  return DS_OK;
}

ds_code ds_parcel_plan(const ds_request *request, ds_plan *plan, const char *promise, bool by_day,
                       const ds_tracking_limits *limits, int64_t now_ms,
                       const ds_parcel_rules **ret_rules, ds_error *err) {
  assert(strcmp(ds_parcel_statuses[PARCEL_PLACED].touchpoint, "order_placed") == 0);
  ds_parcel_rules *rules = ds_arena_alloc(request->arena, sizeof *rules);
  if (rules == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
  if (limits == NULL)
    limits = request->tracking == NULL ? &ds_tracking_defaults : request->tracking;
  rules->limits = *limits;
  TRY(carriers_make(request, rules, err));
  rules->now_ms = now_ms;
  rules->zone = request->zone;
  rules->by_day = by_day;
  plan->columns.want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT;
  plan->keys_linked = plan->has_case;
  TRY(statuses_make(request, rules, err));
  TRY(add_key(request, plan, "parcel_id", &rules->parcel_key, err));
  TRY(add_key(request, plan, "tracking_number", &rules->tracking_key, err));
  rules->number_key = rules->tracking_key == DS_NONE ? DS_NONE : rules->parcel_key != DS_NONE;
  if (rules->parcel_key == DS_NONE) {
    rules->parcel_key = rules->tracking_key;
    rules->tracking_key = DS_NONE;
  }
  rules->key_texts = plan->columns.key_texts || plan->want_case_text;
  TRY(add_promises(request, plan, promise, rules, err));
  *ret_rules = rules;
  return DS_OK;
}

const char *ds_parcel_rules_promise(const ds_parcel_rules *rules) { return rules->promise_name; }

bool ds_parcel_rules_are_local(const ds_parcel_rules *rules) {
  return rules->is_local || rules->read[PARCEL_READ_HOURS].is_given;
}

bool ds_parcel_rules_have_carriers(const ds_parcel_rules *rules) {
  return rules->read[PARCEL_READ_CARRIER].is_given;
}
