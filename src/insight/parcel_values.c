// SPDX-License-Identifier: Apache-2.0
// Which events tell what a parcel carries, up to an instant: its own ones, else its order's. The
// events of the journey folded last are gone through once more, in the order of time.
#include "base/resize.h"
#include "insight/parcel_fold.h"

// Behind the properties: the last event that told anything of the parcel, and the last scan.
enum { LAST_STATUS, LAST_SCAN, LASTS };

static uint32_t *event_of(ds_parcel_fold *fold, uint32_t p, uint32_t k) {
  return &fold->value_event[(size_t)p * (fold->value_refs + LASTS) + k];
}

ds_code ds_parcel_values_begin(ds_parcel_fold *fold, uint32_t journey, const ds_property_ref *refs,
                               uint32_t count, ds_error *err) {
  const size_t size = (size_t)fold->count * (count + LASTS);
  if (size > fold->values_capacity) {
    if (!ds_resize(&fold->value_event, size, sizeof *fold->value_event))
      return ds_parcel_no_memory(err);
    fold->values_capacity = size;
  }
  memset(fold->value_event, 0xff, size * sizeof *fold->value_event);
  fold->value_ref = refs;
  fold->value_refs = count;
  fold->value_next = fold->block->offset[journey];
  fold->value_end = fold->block->offset[journey + 1];
  return DS_OK;
}

// Of a parcel the latest value counts, of the order its first.
static ds_code values_note(ds_parcel_fold *fold, uint32_t p, uint32_t s, uint32_t e,
                           ds_error *err) {
  (void)err;
  for (uint32_t k = 0; k < fold->value_refs; k++) {
    const ds_property_ref *ref = &fold->value_ref[k];
    const ds_property_column *column = &fold->block->property[ref->column];
    uint32_t *at = event_of(fold, p, k);
    if (column->type != DS_TYPE_NULL && (column->present[e / 64] >> (e % 64) & 1) != 0 &&
        (ref->touchpoint == DS_NONE || fold->block->touchpoint[e] == ref->touchpoint) &&
        (p > 0 || *at == DS_NONE))
      *at = e;
  }
  if (s == PARCEL_NO_STATUS)
    return DS_OK;
  *event_of(fold, p, fold->value_refs + LAST_STATUS) = e;
  if ((ds_parcel_statuses[s].tells & DS_STATUS_SCAN) != 0)
    *event_of(fold, p, fold->value_refs + LAST_SCAN) = e;
  return DS_OK;
}

ds_code ds_parcel_values_until(ds_parcel_fold *fold, int64_t time_ms, ds_error *err) {
  const int64_t now_ms = fold->rules->now_ms;
  uint32_t unplaced = 0;
  for (; fold->value_next < fold->value_end; fold->value_next++) {
    const int64_t at_ms = fold->block->time_ms[fold->value_next];
    if (at_ms > time_ms || at_ms > now_ms)
      break;
    TRY(ds_parcel_place(fold, values_note, fold->value_next, &unplaced, err));
  }
  return DS_OK;
}

static uint32_t own_or_orders(ds_parcel_fold *fold, uint32_t parcel, uint32_t k) {
  const uint32_t own = *event_of(fold, parcel + 1, k);
  return own != DS_NONE ? own : *event_of(fold, 0, k);
}

uint32_t ds_parcel_value_event(ds_parcel_fold *fold, uint32_t parcel, uint32_t k) {
  return own_or_orders(fold, parcel, k);
}

uint32_t ds_parcel_status_event(ds_parcel_fold *fold, uint32_t parcel) {
  return own_or_orders(fold, parcel, fold->value_refs + LAST_STATUS);
}

uint32_t ds_parcel_scan_event(ds_parcel_fold *fold, uint32_t parcel) {
  return own_or_orders(fold, parcel, fold->value_refs + LAST_SCAN);
}
