// SPDX-License-Identifier: Apache-2.0
// See property.h.
#include "question/property.h"

#include "question/marks.h"
#include "scan/property_types.h"

const char *const ds_promise_names[] = {"promise_until",      "promise",
                                        "promise_date",       "promised_date",
                                        "estimated_delivery", "estimated_delivery_date",
                                        NULL};

static ds_code resolve(const ds_space *space, const char *option, const char *name,
                       ds_arena *arena, ds_property_ref *ref, ds_error *err) {
  const ds_str whole = ds_str_of(name);
  ref->touchpoint = DS_NONE;
  uint32_t property = ds_names_find(&space->properties, whole);
  const char *dot = strchr(name, '.');
  if (property == DS_NONE && dot != NULL) {
    const ds_str first = {name, (uint32_t)(dot - name)};
    ref->touchpoint = ds_names_find(&space->touchpoints, first);
    if (ref->touchpoint != DS_NONE)
      property = ds_names_find(&space->properties, ds_str_of(dot + 1));
  }
  if (property != DS_NONE) {
    ref->code = (uint16_t)property;
    return DS_OK;
  }
  const char **all = ds_arena_array(arena, space->properties.count + 1u, sizeof *all);
  for (uint32_t i = 0; all != NULL && i < space->properties.count; i++)
    all[i] = ds_names_text(&space->properties, i);
  const char *near = all == NULL ? NULL : ds_str_nearest(whole, all, space->properties.count);
  return ds_fail(err, DS_EXPRESSION, "--%s %s: no event has a property of that name%s%s%s", option,
                 name, near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                 near == NULL ? "" : "'?");
}

ds_code ds_property_add(const ds_snapshot *snapshot, ds_plan *plan, const char *option,
                        const char *name, ds_arena *arena, ds_property_ref *ret_ref,
                        ds_error *err) {
  ds_property_ref ref;
  TRY(resolve(&snapshot->space, option, name, arena, &ref, err));
  ds_property_kinds kinds;
  TRY(ds_property_kinds_of(snapshot, ref.code, &kinds, err));
  if (kinds.type == DS_TYPE_SEALED)
    return ds_fail(err, DS_EXPRESSION, "--%s %s: it is personal, sealed in the vault", option,
                   name);
  const uint32_t count = plan->columns.properties_count;
  ref.column = 0;
  while (ref.column < count && plan->columns.properties[ref.column] != ref.code)
    ref.column++;
  if (ref.column == count) {
    uint16_t *codes = ds_arena_array(arena, count + 1u, sizeof *codes);
    if (codes == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for --%s", option);
    if (count > 0)
      memcpy(codes, plan->columns.properties, count * sizeof *codes);
    codes[count] = ref.code;
    plan->columns.properties = codes;
    plan->columns.properties_count = count + 1;
  }
  *ret_ref = ref;
  return DS_OK;
}

ds_code ds_property_add_number(const ds_snapshot *snapshot, ds_plan *plan, const char *option,
                               const char *name, ds_arena *arena, ds_property_ref *ret_ref,
                               ds_error *err) {
  TRY(ds_property_add(snapshot, plan, option, name, arena, ret_ref, err));
  ds_property_kinds kinds;
  TRY(ds_property_kinds_of(snapshot, ret_ref->code, &kinds, err));
  if (kinds.type == DS_TYPE_NUMBER || kinds.type == DS_TYPE_BOOL || kinds.type == DS_TYPE_NULL)
    return DS_OK;
  return ds_fail(err, DS_EXPRESSION, "--%s %s: it is %s; a mean needs numbers", option, name,
                 ds_type_noun(kinds.type));
}

bool ds_property_text(const ds_property_column *column, uint32_t e,
                      char room[DS_PROPERTY_TEXT_MAX], ds_str *ret_text) {
  if (column->type == DS_TYPE_NULL || (column->present[e / 64] >> (e % 64) & 1) == 0)
    return false;
  ds_value value = {.type = column->type};
  if (column->type == DS_TYPE_STRING) {
    *ret_text = column->text[e];
    if (ret_text->size > DS_PROPERTY_TEXT_MAX)
      ret_text->size = DS_PROPERTY_TEXT_MAX;
    return true;
  }
  if (column->type == DS_TYPE_NUMBER)
    value.number = column->number[e];
  else
    value.i = column->i[e];
  *ret_text = (ds_str){room, (uint32_t)ds_value_print(room, DS_PROPERTY_TEXT_MAX, &value)};
  return true;
}

bool ds_property_first_text(const ds_property_ref *ref, const ds_block *block, uint32_t first,
                            uint32_t end, char room[DS_PROPERTY_TEXT_MAX], ds_str *ret_text) {
  const ds_property_column *column = &block->property[ref->column];
  if (column->type == DS_TYPE_NULL)
    return false;
  uint32_t e = ds_marks_next(column->present, first, end);
  while (e < end && ref->touchpoint != DS_NONE && block->touchpoint[e] != ref->touchpoint)
    e = ds_marks_next(column->present, e + 1, end);
  return e < end && ds_property_text(column, e, room, ret_text);
}
