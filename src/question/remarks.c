// SPDX-License-Identifier: Apache-2.0
// Remarks on what an answer read, for any question: properties that differ in type.
#include <stdio.h>

#include "question/common.h"
#include "scan/property_types.h"

// More mixed properties than this are told by their number alone.
enum { MIXED_MAX = 8, TEXT_BYTES = 512 };

// "text on 3 touchpoints", "a number on 2".
static size_t put_type(char *out, size_t size, const ds_property_kinds *kinds, ds_type type,
                       bool first) {
  char count[32];
  const int used = snprintf(out, size, "%s on %s%s", ds_type_noun(type),
                            ds_human_count(count, kinds->touchpoints[type]),
                            !first                         ? ""
                            : kinds->touchpoints[type] == 1 ? " touchpoint"
                                                            : " touchpoints");
  return used < 0 || (size_t)used >= size ? 0 : (size_t)used;
}

static void note_mixed(const char *name, const ds_property_kinds *kinds, ds_type read,
                       ds_result *result) {
  char text[TEXT_BYTES];
  size_t used = put_type(text, sizeof text, kinds, kinds->type, true);
  uint32_t left = kinds->types - 1;
  for (uint32_t t = 0; t < DS_TYPES_COUNT; t++) {
    if (t == kinds->type || kinds->touchpoints[t] == 0)
      continue;
    const char *join = --left == 0 ? " and " : ", ";
    used += (size_t)snprintf(text + used, sizeof text - used, "%s", join);
    used += put_type(text + used, sizeof text - used, kinds, (ds_type)t, false);
  }
  ds_result_note(result, true,
                 "Property %s is %s: it was read as %s; values of the other type%s count as "
                 "missing.", name, text, ds_type_noun(read), kinds->types > 2 ? "s" : "");
}

// Whether an expression reads the property in all its types: then none of its values are missing.
static bool reads_all(const ds_columns *columns, uint16_t property, uint32_t types) {
  uint32_t read = 0;
  for (uint32_t p = 0; p < columns->properties_count; p++)
    read += columns->properties[p] == property;
  return read >= types;
}

ds_code ds_question_note_types(const ds_request *request, const ds_plan *plan, ds_result *result,
                               ds_error *err) {
  ds_columns columns = plan->columns;
  TRY(ds_property_types_set(request->snapshot, &columns, request->arena, err));
  if (plan->where != NULL)
    TRY(ds_expression_columns(plan->where, &columns, request->arena, err));
  uint32_t mixed = 0;
  for (uint32_t p = 0; p < columns.properties_count; p++) {
    const uint16_t property = columns.properties[p];
    ds_property_kinds kinds;
    TRY(ds_property_kinds_of(request->snapshot, property, &kinds, err));
    if (kinds.types > 1 && !reads_all(&columns, property, kinds.types) && ++mixed <= MIXED_MAX)
      note_mixed(ds_names_text(&request->snapshot->space.properties, property), &kinds,
                 columns.property_types[p], result);
  }
  if (mixed > MIXED_MAX)
    ds_result_note(result, true, "%u more properties have values of several types.",
                   mixed - MIXED_MAX);
  return DS_OK;
}
