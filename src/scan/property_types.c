// SPDX-License-Identifier: Apache-2.0
// See property_types.h.
#include "scan/property_types.h"

#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"

static_assert(DS_TYPES_COUNT <= 8, "a byte has a bit per type");

// Which touchpoints carry the property in which types.
static void kinds_see(const ds_snapshot *snapshot, uint16_t property, ds_property_kinds *kinds) {
  uint8_t seen[DS_TOUCHPOINTS_MAX] = {0};
  for (uint32_t p = 0; p < snapshot->places_count; p++) {
    const ds_place *place = &snapshot->places[p];
    ds_property_use use;
    for (uint32_t at = 0; ds_part_next_property(place->part, &at, &use);) {
      const uint16_t touchpoint = place->touchpoint[use.touchpoint];
      assert(use.type < DS_TYPES_COUNT && touchpoint < DS_TOUCHPOINTS_MAX);
      const uint8_t bit = (uint8_t)(1u << use.type);
      if (place->property[use.property] != property || (seen[touchpoint] & bit) != 0)
        continue;
      seen[touchpoint] |= bit;
      kinds->touchpoints[use.type]++;
    }
  }
  for (uint32_t v = 0; v < snapshot->virtual_uses; v++)
    if (snapshot->virtual_use[v].property == property)
      kinds->touchpoints[snapshot->virtual_use[v].type]++;
  for (uint32_t t = 0; t < DS_TYPES_COUNT; t++) {
    if (kinds->touchpoints[t] == 0)
      continue;
    kinds->types++;
    if (kinds->type == DS_TYPE_NULL)
      kinds->type = (ds_type)t;
  }
}

static ds_code kinds_count(const ds_snapshot *snapshot, uint16_t property,
                           ds_property_kinds *kinds, ds_error *err) {
  for (uint32_t p = 0; p < snapshot->places_count; p++) {
    const ds_place *place = &snapshot->places[p];
    ds_property_use use;
    for (uint32_t at = 0; ds_part_next_property(place->part, &at, &use);) {
      if (place->property[use.property] != property)
        continue;
      uint64_t values = 0;
      TRY(ds_part_count_values(place->part, use.column, &values, err));
      kinds->values[use.type] += values;
    }
  }
  for (uint32_t t = 0; t < DS_TYPES_COUNT; t++)
    if (t != DS_TYPE_SEALED && kinds->values[t] > kinds->values[kinds->type])
      kinds->type = (ds_type)t;
  return DS_OK;
}

ds_code ds_property_kinds_of(const ds_snapshot *snapshot, uint16_t property,
                             ds_property_kinds *ret_kinds, ds_error *err) {
  ds_property_kinds kinds = {.type = DS_TYPE_NULL};
  kinds_see(snapshot, property, &kinds);
  if (kinds.types > 1)
    TRY(kinds_count(snapshot, property, &kinds, err));
  assert((kinds.types == 0) == (kinds.type == DS_TYPE_NULL));
  *ret_kinds = kinds;
  return DS_OK;
}

static int carrier_order(const void *a, const void *b) {
  const ds_carrier *x = a, *y = b;
  if (x->property != y->property)
    return x->property < y->property ? -1 : 1;
  if (x->touchpoint != y->touchpoint)
    return x->touchpoint < y->touchpoint ? -1 : 1;
  return (x->type > y->type) - (x->type < y->type);
}

ds_code ds_schema_of(const ds_snapshot *snapshot, ds_arena *arena, ds_schema *ret_schema,
                     ds_error *err) {
  uint32_t count = 0, used = 0;
  ds_property_use use;
  for (uint32_t p = 0; p < snapshot->places_count; p++)
    for (uint32_t at = 0; ds_part_next_property(snapshot->places[p].part, &at, &use);)
      count++;
  count += snapshot->virtual_uses;
  ds_carrier *all = ds_arena_array(arena, count + 1u, sizeof *all);
  if (all == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the types of properties");
  uint32_t put = 0;
  for (; put < snapshot->virtual_uses; put++)
    all[put] = (ds_carrier){snapshot->virtual_use[put].touchpoint,
                            snapshot->virtual_use[put].property, snapshot->virtual_use[put].type};
  for (uint32_t p = 0; p < snapshot->places_count; p++) {
    const ds_place *place = &snapshot->places[p];
    for (uint32_t at = 0; ds_part_next_property(place->part, &at, &use);)
      all[put++] = (ds_carrier){place->touchpoint[use.touchpoint],
                                place->property[use.property], use.type};
  }
  qsort(all, count, sizeof *all, carrier_order);
  // Each once.
  for (uint32_t c = 0; c < count; c++)
    if (used == 0 || carrier_order(&all[used - 1], &all[c]) != 0)
      all[used++] = all[c];
  *ret_schema = (ds_schema){.space = &snapshot->space, .carriers = all, .carriers_count = used};
  return DS_OK;
}

ds_code ds_property_types_set(const ds_snapshot *snapshot, ds_columns *columns, ds_arena *arena,
                              ds_error *err) {
  if (columns->properties_count == 0 || columns->property_types != NULL)
    return DS_OK;
  ds_type *types = ds_arena_array(arena, columns->properties_count, sizeof *types);
  if (types == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
  for (uint32_t p = 0; p < columns->properties_count; p++) {
    ds_property_kinds kinds;
    TRY(ds_property_kinds_of(snapshot, columns->properties[p], &kinds, err));
    types[p] = kinds.type;
  }
  columns->property_types = types;
  return DS_OK;
}
