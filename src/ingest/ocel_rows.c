// SPDX-License-Identifier: Apache-2.0
// Events and changes of objects as rows: what stands in which column.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/limits.h"
#include "ingest/names.h"
#include "ingest/ocel_state.h"

enum { COLUMN_CUSTOMER, COLUMN_EVENT, COLUMN_TIME, COLUMN_ID, COLUMN_RECEIVED, TOGETHER_MAX = 256 };

// The objects of one type that an event names, each once.
typedef struct group {
  uint32_t type;
  uint32_t objects[OCEL_RELATIONS_MAX];
  uint32_t count;
} group;

static ds_code fixed(ds_ocel *ocel, uint32_t column, ds_str text, ds_error *err) {
  bool twice;
  return ds_rows_set(&ocel->rows, column, text, NULL, &twice, err);
}

static ds_code cell(ds_ocel *ocel, ds_str name, bool key, const char *duck_type, ds_str text,
                    ds_error *err) {
  const ds_input_column column = {.name = name, .type = ds_plan_type(ds_str_of(duck_type)),
                                  .zoned = true, .duck_type = ds_str_of(duck_type)};
  uint32_t index;
  bool twice;
  TRY(ds_rows_column(&ocel->rows, &column, key, &index, err));
  TRY(ds_rows_set(&ocel->rows, index, text, NULL, &twice, err));
  return twice ? ds_ocel_refuse(ocel, ocel->rows.plan->columns[index].name, DS_REASON_TWICE, err)
               : DS_OK;
}

// A column "type.what" of an object's type.
static ds_code type_cell(ds_ocel *ocel, uint32_t type, const char *what, bool declared,
                         ds_str text, ds_error *err) {
  char name[DS_NAME_BYTES_MAX + 256];
  const int size = snprintf(name, sizeof name, "%.*s.%.200s", (int)(ocel->types.text[type].size),
                            ocel->types.text[type].data, what);
  const ds_str column = {name, (uint32_t)size};
  const char *duck_type = declared ? ds_ocel_duck_type(ocel, column) : "VARCHAR";
  return cell(ocel, column, false, duck_type, text, err);
}

// One text as it is; several, or one that would read as a list, as a JSON array. A text without
// data is null. A list that no buffer holds is longer than a value may be: it has a size only, so
// that its event is set aside as any with a value too long.
static ds_code one_or_list(ds_ocel *ocel, const ds_str *texts, uint32_t count, ds_str *ret_text,
                           ds_error *err) {
  *ret_text = texts[0];
  if (count == 1 && (texts[0].size == 0 || texts[0].data[0] != '['))
    return DS_OK;
  ds_buf_reset(&ocel->json);
  ds_json json = ds_json_to(&ocel->json, false);
  ds_json_begin_array(&json);
  for (uint32_t i = 0; i < count; i++)
    texts[i].data == NULL ? ds_json_null(&json) : ds_json_text(&json, texts[i]);
  ds_json_end_array(&json);
  *ret_text = (ds_str){NULL, UINT32_MAX};
  if (ocel->json.failed && !ocel->json.no_memory)
    return DS_OK;
  TRY(ds_buf_check(&ocel->json, "a list of objects", err));
  *ret_text = (ds_str){(const char *)ocel->json.data, (uint32_t)ocel->json.size};
  return DS_OK;
}

// What the objects of one type have in common is "type.what"; where they differ, "type.what.all" is
// the list, so that the one keeps the type that the log declares.
static ds_code common_cell(ds_ocel *ocel, uint32_t type, const char *what, const ds_str *texts,
                           uint32_t count, ds_error *err) {
  ds_str common = {NULL, 0};
  bool same = true;
  for (uint32_t i = 0; i < count; i++) {
    if (texts[i].data == NULL || texts[i].size == 0)
      continue;
    same &= common.data == NULL || ds_str_equal(common, texts[i]);
    common = texts[i];
  }
  char all[DS_NAME_BYTES_MAX];
  snprintf(all, sizeof all, "%.200s.all", what);
  if (common.data == NULL)
    return DS_OK;
  if (!same)
    TRY(one_or_list(ocel, texts, count, &common, err));
  return type_cell(ocel, type, same ? what : all, same, common, err);
}

// The value that the attribute of an object has at an instant; data NULL: none yet.
static ds_str value_at(const ds_ocel *ocel, uint32_t object, uint32_t attribute,
                       int64_t time_ms) {
  ds_str found = {NULL, 0};
  for (uint32_t i = ocel->value_of[object]; i < ocel->value_of[object + 1]; i++)
    if (ocel->values[i].attribute == attribute && ocel->values[i].time_ms <= time_ms)
      found = ocel->values[i].text;
  return found;
}

// An object's id, without what an export had to put in front of it.
static ds_str object_text(const ds_ocel *ocel, uint32_t object) {
  ds_str own = {NULL, 0};
  if (ocel->id_attribute != DS_NONE)
    own = value_at(ocel, object, ocel->id_attribute, INT64_MAX);
  return own.size > 0 ? own : ocel->objects.text[object];
}

static ds_code keys_set(ds_ocel *ocel, const group *g, ds_error *err) {
  char name[DS_NAME_BYTES_MAX + 16];
  const int size = snprintf(name, sizeof name, DS_PREFIX_KEY "%.*s",
                            (int)ocel->types.text[g->type].size, ocel->types.text[g->type].data);
  ds_str *texts = ds_arena_array(&ocel->event, g->count, sizeof *texts);
  if (texts == NULL)
    return ds_ocel_no_room(ocel, err);
  for (uint32_t i = 0; i < g->count; i++)
    texts[i] = object_text(ocel, g->objects[i]);
  ds_str text;
  TRY(one_or_list(ocel, texts, g->count, &text, err));
  return cell(ocel, (ds_str){name, (uint32_t)size}, true, "VARCHAR", text, err);
}

// The attributes that any object of the group has, each with its value at the instant.
static ds_code attributes_set(ds_ocel *ocel, const group *g, int64_t time_ms, ds_error *err) {
  ds_map64 done;
  ds_map64_init(&done);
  ds_code code = DS_OK;
  for (uint32_t i = 0; i < g->count && code == DS_OK; i++)
    for (uint32_t v = ocel->value_of[g->objects[i]];
         v < ocel->value_of[g->objects[i] + 1] && code == DS_OK; v++) {
      const uint32_t attribute = ocel->values[v].attribute;
      uint32_t *seen = ds_map64_put(&done, attribute);
      ds_str *texts = ds_arena_array(&ocel->event, g->count, sizeof *texts);
      if (seen == NULL || texts == NULL) {
        code = ds_ocel_no_room(ocel, err);
        break;
      }
      if (*seen != DS_NONE || attribute == ocel->id_attribute)
        continue;
      *seen = 1;
      for (uint32_t k = 0; k < g->count; k++)
        texts[k] = value_at(ocel, g->objects[k], attribute, time_ms);
      code = common_cell(ocel, g->type, ds_names_text(&ocel->attributes, attribute), texts,
                         g->count, err);
    }
  ds_map64_done(&done);
  return code;
}

static ds_code qualifiers_set(ds_ocel *ocel, uint32_t type, ds_error *err) {
  ds_str *texts = ds_arena_array(&ocel->event, ocel->relations_count, sizeof *texts);
  uint32_t count = 0;
  if (texts == NULL)
    return ds_ocel_no_room(ocel, err);
  for (uint32_t i = 0; i < ocel->relations_count; i++)
    if (ocel->type_of[ocel->relations[i].object] == type)
      texts[count++] = ocel->relations[i].qualifier;
  return common_cell(ocel, type, "qualifier", texts, count, err);
}

static void group_fill(const ds_ocel *ocel, uint32_t first, group *g) {
  g->type = ocel->type_of[ocel->relations[first].object];
  g->count = 0;
  for (uint32_t i = first; i < ocel->relations_count; i++) {
    const uint32_t object = ocel->relations[i].object;
    bool there = ocel->type_of[object] != g->type;
    for (uint32_t k = 0; k < g->count && !there; k++)
      there = g->objects[k] == object;
    if (!there)
      g->objects[g->count++] = object;
  }
}

// The event's own customer object; else the customer of the first object that has one.
static uint32_t customer_of(ds_ocel *ocel) {
  uint32_t found = ocel->customer_now;
  uint32_t owner = DS_NONE;
  bool several = false;
  if (found != DS_NONE)
    return found;
  for (uint32_t i = 0; i < ocel->relations_count; i++) {
    const uint32_t object = ocel->relations[i].object;
    if (ocel->type_of[object] == ocel->customer_type) {
      several |= found != DS_NONE && found != object;
      found = found == DS_NONE ? object : found;
    } else if (owner == DS_NONE) {
      owner = ocel->owner_of[object];
    }
  }
  ocel->stats.several += several;
  return found != DS_NONE ? found : owner;
}

static bool type_done(const ds_ocel *ocel, uint32_t before) {
  for (uint32_t i = 0; i < before; i++)
    if (ocel->type_of[ocel->relations[i].object] ==
        ocel->type_of[ocel->relations[before].object])
      return true;
  return false;
}

static ds_code groups_set(ds_ocel *ocel, group *g, ds_error *err) {
  int64_t time_ms;
  const bool timed = ds_ocel_time(ocel, ocel->time, &time_ms);
  for (uint32_t i = 0; i < ocel->relations_count; i++) {
    if (type_done(ocel, i))
      continue;
    group_fill(ocel, i, g);
    TRY(keys_set(ocel, g, err));
    TRY(qualifiers_set(ocel, g->type, err));
    if (timed)
      TRY(attributes_set(ocel, g, time_ms, err));
  }
  return DS_OK;
}

ds_code ds_ocel_event_row(ds_ocel *ocel, ds_error *err) {
  TRY(ds_rows_begin(&ocel->rows, err));
  const uint32_t customer = customer_of(ocel);
  if (customer != DS_NONE)
    TRY(fixed(ocel, COLUMN_CUSTOMER, object_text(ocel, customer), err));
  TRY(fixed(ocel, COLUMN_EVENT, ocel->type, err));
  if (ocel->time.size > 0)
    TRY(fixed(ocel, COLUMN_TIME, ocel->time, err));
  if (ocel->id.size > 0)
    TRY(fixed(ocel, COLUMN_ID, ocel->id, err));
  for (uint32_t i = 0; i < ocel->values_now_count; i++) {
    const ocel_attribute *at = &ocel->values_now[i];
    if (ds_str_equal(at->name, ds_str_of(DS_NAME_RECEIVED)))
      TRY(fixed(ocel, COLUMN_RECEIVED, at->text, err));
    else
      TRY(cell(ocel, at->name, false, ds_ocel_duck_type(ocel, at->name), at->text, err));
  }
  group *g = ds_arena_alloc(&ocel->event, sizeof *g);
  if (g == NULL)
    return ds_ocel_no_room(ocel, err);
  TRY(groups_set(ocel, g, err));
  return ds_rows_end(&ocel->rows, err);
}

// --- changes: every value of an attribute but its first

static ds_code change_row(ds_ocel *ocel, const ocel_value *const *values, uint32_t count,
                          ds_error *err) {
  const uint32_t object = values[0]->object;
  const uint32_t type = ocel->type_of[object];
  group *g = ds_arena_alloc(&ocel->event, sizeof *g);
  char text[2 * DS_NAME_BYTES_MAX];
  char time[32];
  if (g == NULL)
    return ds_ocel_no_room(ocel, err);
  *g = (group){.type = type, .objects = {object}, .count = 1};
  TRY(ds_rows_begin(&ocel->rows, err));
  if (ocel->owner_of[object] != DS_NONE)
    TRY(fixed(ocel, COLUMN_CUSTOMER, object_text(ocel, ocel->owner_of[object]), err));
  snprintf(text, sizeof text, "%.240s changed", ds_names_text(&ocel->types, type));
  TRY(fixed(ocel, COLUMN_EVENT, ds_str_of(text), err));
  ds_time_print(time, values[0]->time_ms);
  TRY(fixed(ocel, COLUMN_TIME, ds_str_of(time), err));
  // An object's changes at one instant are one event, whatever their order in the file.
  ds_buf_reset(&ocel->json);
  ds_buf_printf(&ocel->json, "change %s of %s", time, ds_names_text(&ocel->objects, object));
  TRY(ds_buf_check(&ocel->json, "an object's id", err));
  TRY(fixed(ocel, COLUMN_ID, (ds_str){(const char *)ocel->json.data, (uint32_t)ocel->json.size},
            err));
  TRY(keys_set(ocel, g, err));
  for (uint32_t i = 0; i < count; i++)
    TRY(type_cell(ocel, type, ds_names_text(&ocel->attributes, values[i]->attribute), true,
                  values[i]->text, err));
  ocel->stats.changes++;
  return ds_rows_end(&ocel->rows, err);
}

static int time_order(const void *a, const void *b) {
  const ocel_value *x = *(const ocel_value *const *)a;
  const ocel_value *y = *(const ocel_value *const *)b;
  if (x->time_ms != y->time_ms)
    return x->time_ms < y->time_ms ? -1 : 1;
  return x->attribute < y->attribute ? -1 : x->attribute > y->attribute;
}

// The changes of one object, by time. Of several values of one attribute at one instant the last
// in the file holds.
static ds_code object_changes(ds_ocel *ocel, uint32_t object, ds_error *err) {
  const uint32_t first = ocel->value_of[object];
  const uint32_t end = ocel->value_of[object + 1];
  const ocel_value **list = ds_arena_array(&ocel->event, end - first + 1, sizeof *list);
  uint32_t count = 0;
  if (list == NULL)
    return ds_ocel_no_room(ocel, err);
  for (uint32_t i = first + 1; i < end; i++) {
    const ocel_value *value = &ocel->values[i];
    const bool again = i + 1 < end && value[1].attribute == value->attribute &&
                       value[1].time_ms == value->time_ms;
    if (value[-1].attribute == value->attribute && value->time_ms != INT64_MIN && !again)
      list[count++] = value;
  }
  if (count > 1)
    qsort(list, count, sizeof *list, time_order);
  for (uint32_t i = 0; i < count;) {
    uint32_t together = 1;
    while (i + together < count && list[i + together]->time_ms == list[i]->time_ms)
      together++;
    TRY(change_row(ocel, list + i, together, err));
    i += together;
  }
  return DS_OK;
}

ds_code ds_ocel_change_rows(ds_ocel *ocel, ds_error *err) {
  for (uint32_t object = 0; object < ocel->objects.count; object++) {
    if (ocel->value_of[object + 1] - ocel->value_of[object] < 2)
      continue;
    ds_arena_reset(&ocel->event);
    TRY(object_changes(ocel, object, err));
  }
  return DS_OK;
}
