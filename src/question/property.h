// SPDX-License-Identifier: Apache-2.0
// A property as options name it: "property" or "touchpoint.property". Private to question/. May
// use base/ to scan/.
#ifndef DS_QUESTION_PROPERTY_H
#define DS_QUESTION_PROPERTY_H

#include "question/question.h"

// The properties that hold a promised day or instant of delivery, on whatever touchpoint, those
// before others first; NULL ends them.
extern const char *const ds_promise_names[];

// Which property of which events.
typedef struct ds_property_ref {
  uint16_t code;       // of the snapshot's space
  uint32_t touchpoint; // only events of this touchpoint, DS_NONE = all
  uint32_t column;     // of the block's properties
} ds_property_ref;

// Finds "property", or "touchpoint.property" when no property is so called, and adds it to the
// plan's columns (in `arena`). DS_EXPRESSION names `option` and the nearest property.
DS_CHECKED ds_code ds_property_add(const ds_snapshot *snapshot, ds_plan *plan, const char *option,
                                   const char *name, ds_arena *arena, ds_property_ref *ret_ref,
                                   ds_error *err);

// As above for a property of numbers or truth values; DS_EXPRESSION when it is neither.
DS_CHECKED ds_code ds_property_add_number(const ds_snapshot *snapshot, ds_plan *plan,
                                          const char *option, const char *name, ds_arena *arena,
                                          ds_property_ref *ret_ref, ds_error *err);

// Longer texts are cut.
enum { DS_PROPERTY_TEXT_MAX = 256 };

// Whether event e carries the property, and its value as text: a view of the block, or of room.
bool ds_property_text(const ds_property_column *column, uint32_t e,
                      char room[DS_PROPERTY_TEXT_MAX], ds_str *ret_text);

// The same of the property's first value among the events [first, end) of a block.
bool ds_property_first_text(const ds_property_ref *ref, const ds_block *block, uint32_t first,
                            uint32_t end, char room[DS_PROPERTY_TEXT_MAX], ds_str *ret_text);

// Whether event e carries the property, and its number (a truth value as 0 or 1).
static inline bool ds_property_number(const ds_property_ref *ref, const ds_block *block,
                                      uint32_t e, double *ret_number) {
  const ds_property_column *column = &block->property[ref->column];
  if (column->type == DS_TYPE_NULL || (column->present[e / 64] >> (e % 64) & 1) == 0 ||
      (ref->touchpoint != DS_NONE && block->touchpoint[e] != ref->touchpoint))
    return false;
  *ret_number = column->type == DS_TYPE_NUMBER ? column->number[e] : (double)column->i[e];
  return true;
}

#endif
