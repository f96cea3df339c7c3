// SPDX-License-Identifier: Apache-2.0
// The types of properties. In which type one is read when touchpoints or parts differ in it and no
// expression says: one type for the whole snapshot, that of the most values (of equals the lowest
// ds_type). The rule looks at the events alone, so neither blocks nor compaction change what an
// answer counts. May use base/ to store/.
#ifndef DS_SCAN_PROPERTY_TYPES_H
#define DS_SCAN_PROPERTY_TYPES_H

#include "lang/schema.h"
#include "store/store.h"

// The types of one property over a snapshot.
typedef struct ds_property_kinds {
  ds_type type;    // in which it is read; NULL: no event carries it; SEALED: in no other
  uint32_t types;  // how many different ones there are
  uint32_t touchpoints[DS_TYPES_COUNT]; // that carry values of a type
  uint64_t values[DS_TYPES_COUNT];      // of a type; counted only when there are several types
} ds_property_kinds;

// The kinds of property `property` (code of the snapshot's space). Its columns are read only when
// they differ in type.
DS_CHECKED ds_code ds_property_kinds_of(const ds_snapshot *snapshot, uint16_t property,
                                        ds_property_kinds *ret_kinds, ds_error *err);

// What expressions over the snapshot are read with, but for catalogue and zone; in `arena`.
DS_CHECKED ds_code ds_schema_of(const ds_snapshot *snapshot, ds_arena *arena,
                                ds_schema *ret_schema, ds_error *err);

// Sets columns->property_types for the properties that `columns` names, unless they are set: an
// expression among the plan's columns (ds_expression_columns) chose its own. In `arena`.
DS_CHECKED ds_code ds_property_types_set(const ds_snapshot *snapshot, ds_columns *columns,
                                         ds_arena *arena, ds_error *err);

#endif
