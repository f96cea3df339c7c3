// SPDX-License-Identifier: Apache-2.0
// --by: which group a case belongs to, by the first value of a property that is not null among its
// events. A first scan counts the values; the most frequent become groups, the rest is "other",
// none is "(none)". May use base/ to scan/.
#ifndef DS_QUESTION_BREAKDOWN_H
#define DS_QUESTION_BREAKDOWN_H

#include "base/map.h"
#include "question/property.h"
#include "scan/scan.h"

// The groups of one question: the values in `values` are groups 0..count-1, then "other", then
// "(none)". Immutable once made.
typedef struct ds_breakdown {
  const char *name;     // as asked: the first column of every table
  ds_property_ref property;
  uint32_t groups;      // with other and none
  bool has_other;       // some case has a value outside the top
  bool has_none;
  ds_names values;
  const char **labels;  // groups
} ds_breakdown;

// How often each value came, for whoever counts other things than cases.
typedef struct ds_value_counts {
  ds_names values;
  uint64_t *times; // of each
  uint32_t times_capacity;
  uint64_t none;
} ds_value_counts;

// An empty one; done gives the memory back. Adding a value `name` calls, so often; all of another.
// DS_LIMIT past a million of values, DS_MEMORY.
void ds_value_counts_init(ds_value_counts *counts);
void ds_value_counts_done(ds_value_counts *counts);
DS_CHECKED ds_code ds_value_counts_add(ds_value_counts *counts, const char *name, ds_str text,
                                       uint64_t times, ds_error *err);
DS_CHECKED ds_code ds_value_counts_merge(ds_value_counts *into, const char *name,
                                         const ds_value_counts *from, ds_error *err);

// The groups of values counted: *ret_by has no property. The caller calls ds_breakdown_done, also
// after a failure.
DS_CHECKED ds_code ds_breakdown_of(const char *name, const ds_value_counts *counts, uint32_t top,
                                   ds_arena *arena, ds_breakdown *ret_by, ds_error *err);

// The group of a value; `none` has no value.
uint32_t ds_breakdown_group(const ds_breakdown *by, bool none, ds_str text);

// Resolves "property" or "touchpoint.property" against the snapshot, adds the property to the
// plan's columns and counts the values. The caller calls ds_breakdown_done.
DS_CHECKED ds_code ds_breakdown_make(const ds_snapshot *snapshot, ds_plan *plan, const char *name,
                                     uint32_t top, ds_arena *arena, ds_breakdown *ret_by,
                                     ds_error *err);
void ds_breakdown_done(ds_breakdown *by);

// The group of each journey of a block into group[journeys].
void ds_breakdown_block(const ds_breakdown *by, const ds_block *block, uint32_t *group);

// The same into an array of *capacity entries, NULL and 0 at first, that grows as needed; the
// caller frees it.
DS_CHECKED ds_code ds_breakdown_groups(const ds_breakdown *by, const ds_block *block,
                                       uint32_t **group, uint32_t *capacity, ds_error *err);

#endif
