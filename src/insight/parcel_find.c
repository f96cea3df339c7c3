// SPDX-License-Identifier: Apache-2.0
// Which parcels an order has, and which of them an event is about; see parcel.h. A parcel_id is one
// parcel; so is a tracking number, unless several carriers made a label with it: then each has one.
// A carrier that made a label with neither has one of its own, too, where that cannot be another.
#include "insight/parcel_fold.h"

#include <assert.h>

#include "base/resize.h"

// Several parcels are a carrier's.
#define PARCEL_SEVERAL (DS_NONE - 1)
// A carrier's label without a key, for which there is no parcel yet.
#define PARCEL_PENDING (DS_NONE - 2)

ds_code ds_parcel_no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for the parcels of an order");
}

// One more parcel, of which nothing is known.
static ds_code parcel_add(ds_parcel_fold *fold, const ds_key_column *key, uint32_t item,
                          ds_error *err) {
  if (fold->count == fold->capacity) {
    const uint32_t capacity = fold->capacity * 2 + 16;
    if (!ds_resize(&fold->parcel, capacity, sizeof *fold->parcel) ||
        !ds_resize(&fold->making, capacity, sizeof *fold->making))
      return ds_parcel_no_memory(err);
    fold->capacity = capacity;
  }
  fold->making[fold->count] = (parcel_making){.seen_ms = DS_NEVER, .stalled_from = DS_NEVER,
                                              .lost_from = DS_NEVER, .now = DS_NONE,
                                              .told_tried = ds_parcel_no_promise,
                                              .told_came = ds_parcel_no_promise};
  ds_parcel *parcel = &fold->parcel[fold->count++];
  *parcel = (ds_parcel){.state_ms = DS_NEVER, .state_event = DS_NONE, .last_event = DS_NONE,
                        .labelled_ms = DS_NEVER, .prepared_ms = DS_NEVER,
                        .carried_ms = DS_NEVER, .out_ms = DS_NEVER, .attempt_ms = DS_NEVER,
                        .delivered_ms = DS_NEVER, .cancelled_ms = DS_NEVER,
                        .returning_ms = DS_NEVER, .last_scan_ms = DS_NEVER,
                        .original = ds_parcel_no_promise, .current = ds_parcel_no_promise,
                        .current_tried = ds_parcel_no_promise, .slipped_ms = DS_NEVER,
                        .stalled_ms = DS_NEVER, .lost_ms = DS_NEVER, .at_risk_ms = DS_NEVER,
                        .missed_ms = DS_NEVER};
  if (key != NULL) {
    parcel->hash = key->hash[item];
    if (fold->rules->key_texts)
      parcel->key = key->text[item];
  }
  return DS_OK;
}

static bool carries(const ds_key_column *key, uint32_t e) {
  return key != NULL && key->first[e] < key->first[e + 1];
}

// The slot of a key's value; a fresh one for a value that the journey has not named yet.
static parcel_slot *slot_of(ds_parcel_fold *fold, uint32_t which, uint32_t item) {
  parcel_slot *of = &fold->slots[which][item];
  if (of->epoch != fold->epoch)
    *of = (parcel_slot){.epoch = fold->epoch, .parcel = DS_NONE};
  return of;
}

// The carrier that event e names: a hash of its letters and digits, 0 for none.
static uint64_t carrier_of(ds_parcel_fold *fold, uint32_t e) {
  char room[DS_PROPERTY_TEXT_MAX], normal[DS_PROPERTY_TEXT_MAX];
  const parcel_column *of = &fold->rules->read[PARCEL_READ_CARRIER];
  ds_str text;
  if (!of->is_given ||
      !ds_property_text(&fold->block->property[of->property.column], e, room, &text))
    return 0;
  if (fold->named_hash != 0 && text.data != room && ds_str_equal(text, fold->named))
    return fold->named_hash;
  const ds_str name = {normal, ds_carrier_normal(text, normal)};
  if (name.size == 0)
    return 0;
  const uint64_t hash = ds_key_hash(name);
  fold->named_rules = 0;
  for (uint32_t c = 1; c < fold->rules->carriers; c++)
    if (fold->rules->carrier[c].hash == hash)
      fold->named_rules = c;
  fold->named = text.data == room ? (ds_str){"", 0} : text;
  fold->named_hash = hash;
  return hash;
}

uint32_t ds_parcel_carrier_rules(ds_parcel_fold *fold, uint32_t e) {
  return carrier_of(fold, e) == 0 ? DS_NONE : fold->named_rules;
}

static uint64_t number_and_carrier(uint32_t item, uint64_t carrier) {
  return carrier ^ (item + 1) * 0x9e3779b97f4a7c15u;
}

// The parcel of a tracking number, made when it is new; DS_NONE when carriers share the number and
// this is none of them.
static ds_code number_parcel(ds_parcel_fold *fold, uint32_t which, uint32_t item, uint64_t carrier,
                             uint32_t *ret_parcel, ds_error *err) {
  parcel_slot *of = slot_of(fold, which, item);
  uint32_t *place = &of->parcel;
  if (of->shared && !of->changed) {
    const uint64_t both = number_and_carrier(item, carrier);
    *ret_parcel = DS_NONE;
    if (carrier == 0 || ds_map64_get(&fold->shared, both) == DS_NONE)
      return DS_OK;
    place = ds_map64_put(&fold->shared, both);
    if (*place != PARCEL_PENDING) {
      *ret_parcel = *place;
      return DS_OK;
    }
  }
  if (*place == DS_NONE || *place == PARCEL_PENDING) {
    TRY(parcel_add(fold, ds_parcel_key_of(fold, which), item, err));
    *place = fold->count - 1;
  }
  *ret_parcel = *place;
  return DS_OK;
}

// A label of a carrier for a tracking number: two carriers with one share it.
static ds_code label_note(ds_parcel_fold *fold, uint32_t which, uint32_t item, uint64_t carrier,
                          ds_error *err) {
  parcel_slot *of = slot_of(fold, which, item);
  assert(of->parcel == DS_NONE); // labels are noted before parcels are made
  if (of->carrier == 0)
    of->carrier = carrier;
  of->shared |= of->carrier != carrier;
  uint32_t *place = ds_map64_put(&fold->shared, number_and_carrier(item, carrier));
  if (place == NULL)
    return ds_parcel_no_memory(err);
  *place = PARCEL_PENDING;
  return DS_OK;
}

// What labels, and changes of carriers, say of event e's tracking numbers, or of the order when it
// names no parcel.
static ds_code carriers_note(ds_parcel_fold *fold, uint32_t e, ds_error *err) {
  const uint32_t s = fold->rules->status[fold->block->touchpoint[e]];
  const uint32_t which = fold->rules->number_key;
  const ds_key_column *number = which == DS_NONE ? NULL : ds_parcel_key_of(fold, which);
  const bool changed = s == fold->rules->changed_status;
  if ((s != fold->rules->label_status && !changed) ||
      (which != 0 && carries(ds_parcel_key_of(fold, 0), e)))
    return DS_OK;
  const uint64_t carrier = carrier_of(fold, e);
  for (uint32_t i = carries(number, e) ? number->first[e] : 0;
       carries(number, e) && i < number->first[e + 1]; i++) {
    if (changed)
      slot_of(fold, which, number->item[i])->changed = true;
    else if (carrier != 0)
      TRY(label_note(fold, which, number->item[i], carrier, err));
  }
  if (carries(number, e))
    return DS_OK;
  fold->loose_changed |= changed;
  if (changed || carrier == 0)
    return DS_OK;
  uint32_t *place = ds_map64_put(&fold->carriers, carrier);
  if (place == NULL)
    return ds_parcel_no_memory(err);
  fold->pending += *place == DS_NONE;
  *place = PARCEL_PENDING;
  return DS_OK;
}

// That parcel p has this carrier.
static ds_code carrier_has(ds_parcel_fold *fold, uint64_t carrier, uint32_t p, ds_error *err) {
  uint32_t *place = ds_map64_put(&fold->carriers, carrier);
  if (place == NULL)
    return ds_parcel_no_memory(err);
  fold->pending -= *place == PARCEL_PENDING;
  *place = *place == DS_NONE || *place == PARCEL_PENDING || *place == p ? p : PARCEL_SEVERAL;
  fold->making[p].carrier = carrier;
  return DS_OK;
}

// Makes the parcels that event e names.
static ds_code named_find(ds_parcel_fold *fold, uint32_t which, uint32_t e, ds_error *err) {
  const ds_key_column *key = ds_parcel_key_of(fold, which);
  const uint64_t carrier = fold->rules->read[PARCEL_READ_CARRIER].is_given ? carrier_of(fold, e)
                                                                           : 0;
  uint32_t parcel = DS_NONE;
  for (uint32_t i = key->first[e]; i < key->first[e + 1]; i++) {
    TRY(number_parcel(fold, which, key->item[i], carrier, &parcel, err));
    if (carrier != 0 && parcel != DS_NONE)
      TRY(carrier_has(fold, carrier, parcel, err));
  }
  // A tracking number that ever stands beside one parcel_id means that parcel.
  const ds_key_column *tracking = which == 0 ? ds_parcel_key_of(fold, 1) : NULL;
  if (tracking == NULL || key->first[e + 1] - key->first[e] != 1)
    return DS_OK;
  for (uint32_t i = tracking->first[e]; i < tracking->first[e + 1]; i++) {
    parcel_slot *of = slot_of(fold, 1, tracking->item[i]);
    if (of->parcel == DS_NONE)
      *of = (parcel_slot){.epoch = fold->epoch, .parcel = parcel};
  }
  return DS_OK;
}

// Parcels of carriers that made labels without a key. Where other parcels are named, one of which
// no carrier is known could be theirs.
static ds_code loose_find(ds_parcel_fold *fold, uint32_t first, uint32_t last, ds_error *err) {
  bool sure = fold->pending > 0;
  for (uint32_t p = 1; sure && p < fold->count; p++)
    sure = fold->making[p].carrier != 0;
  if (!sure || fold->loose_changed)
    return DS_OK;
  for (uint32_t e = first; e < last; e++) {
    if (fold->rules->status[fold->block->touchpoint[e]] != fold->rules->label_status)
      continue;
    const uint64_t carrier = carrier_of(fold, e);
    if (carrier == 0 || ds_map64_get(&fold->carriers, carrier) != PARCEL_PENDING)
      continue;
    TRY(parcel_add(fold, NULL, 0, err));
    TRY(carrier_has(fold, carrier, fold->count - 1, err));
  }
  return DS_OK;
}

// The zone where event e says that the order goes, and the carrier that it names.
static ds_code whose_note(ds_parcel_fold *fold, uint32_t p, uint32_t s, uint32_t e,
                          ds_error *err) {
  (void)s;
  (void)err;
  parcel_making *of = &fold->making[p];
  const ds_parcel_rules *rules = fold->rules;
  const parcel_column *place = &rules->read[PARCEL_READ_PLACE];
  const uint64_t carrier = carrier_of(fold, e);
  if (carrier != 0 && of->first == DS_NONE) {
    of->carrier = carrier;
    of->first = fold->named_rules;
  }
  char room[DS_PROPERTY_TEXT_MAX];
  ds_str text;
  if (of->has_place || !place->is_given ||
      !ds_property_text(&fold->block->property[place->property.column], e, room, &text))
    return DS_OK;
  for (uint32_t i = 0; i < rules->limits.places_count; i++)
    if (ds_str_equal(text, ds_str_of(rules->limits.places[i].value))) {
      of->has_place = true;
      of->place = rules->limits.places[i].zone;
    }
  return DS_OK;
}

ds_code ds_parcel_find(ds_parcel_fold *fold, uint32_t first, uint32_t last, ds_error *err) {
  const ds_key_column *key = ds_parcel_key_of(fold, 0), *tracking = ds_parcel_key_of(fold, 1);
  const bool has_carriers = fold->rules->read[PARCEL_READ_CARRIER].is_given;
  fold->loose_changed = false;
  fold->pending = 0;
  if (has_carriers && fold->shared.count > 0)
    ds_map64_reset(&fold->shared);
  if (has_carriers && fold->carriers.count > 0)
    ds_map64_reset(&fold->carriers);
  TRY(parcel_add(fold, NULL, 0, err));
  for (uint32_t e = first; has_carriers && e < last; e++)
    TRY(carriers_note(fold, e, err));
  for (uint32_t e = first; key != NULL && e < last; e++)
    if (carries(key, e))
      TRY(named_find(fold, 0, e, err));
  for (uint32_t e = first; tracking != NULL && e < last; e++)
    if (!carries(key, e) && carries(tracking, e))
      TRY(named_find(fold, 1, e, err));
  if (has_carriers)
    TRY(loose_find(fold, first, last, err));
  if (fold->count == 1)
    TRY(parcel_add(fold, NULL, 0, err));
  if (!fold->rules->is_local)
    return DS_OK;
  for (uint32_t p = 0; p < fold->count; p++)
    fold->making[p].first = DS_NONE;
  for (uint32_t e = first; e < last; e++)
    TRY(ds_parcel_place(fold, whose_note, e, &(uint32_t){0}, err));
  for (uint32_t p = 0; p < fold->count; p++)
    if (fold->making[p].first == DS_NONE) {
      assert(fold->making[p].carrier == 0); // an event that names one is of its parcel
      fold->making[p].first = 0;
    }
  return DS_OK;
}

ds_code ds_parcel_place(ds_parcel_fold *fold, parcel_apply event_apply, uint32_t e,
                        uint32_t *ret_unplaced, ds_error *err) {
  const uint32_t s = fold->rules->status[fold->block->touchpoint[e]];
  const uint8_t tells = s == PARCEL_NO_STATUS ? DS_STATUS_ORDER : ds_parcel_statuses[s].tells;
  uint32_t parcel = DS_NONE;
  for (uint32_t k = 0; k < 2; k++) {
    const ds_key_column *key = ds_parcel_key_of(fold, k);
    if (!carries(key, e))
      continue;
    for (uint32_t i = key->first[e]; i < key->first[e + 1]; i++) {
      const parcel_slot *of = &fold->slots[k][key->item[i]];
      parcel = of->parcel;
      if (of->shared && !of->changed)
        parcel = ds_map64_get(&fold->shared, number_and_carrier(key->item[i],
                                                                carrier_of(fold, e)));
      if (parcel != DS_NONE)
        TRY(event_apply(fold, parcel, s, e, err));
      else
        *ret_unplaced += 1;
    }
    return DS_OK;
  }
  if ((tells & DS_STATUS_ORDER) != 0)
    return event_apply(fold, 0, s, e, err);
  if (fold->count == 2)
    return event_apply(fold, 1, s, e, err);
  const uint64_t carrier = carrier_of(fold, e);
  if (carrier != 0)
    parcel = ds_map64_get(&fold->carriers, carrier);
  if (parcel < fold->count)
    return event_apply(fold, parcel, s, e, err);
  *ret_unplaced += 1;
  return DS_OK;
}
