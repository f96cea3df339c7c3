// SPDX-License-Identifier: Apache-2.0
// Invariants: (1) both passes make the same calls in the same order; (2) after the first pass
// values are sorted by object, attribute, time and place in the file, and value_of tells each
// object's range; (3) an object's customer is itself, or the first customer that a relation ties
// it to.
#include "ingest/ocel.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "ingest/names.h"
#include "ingest/ocel_state.h"
#include "ingest/recognise.h"

enum { EVENT_BYTES_MAX = 64 << 20 }; // of what one event or object takes in memory

// --- small things

ds_str ds_ocel_copy(ds_arena *arena, ds_str text) {
  return (ds_str){ds_arena_text(arena, text.data, text.size), text.size};
}

ds_code ds_ocel_fail(const ds_ocel *ocel, const char *what, ds_error *err) {
  if (ocel->line == 0)
    return ds_fail(err, DS_INPUT, "%s: %s", ocel->options.file->name, what);
  return ds_fail_at(err, DS_INPUT, (uint32_t)ocel->line, 0, "%s line %" PRIu64 ": %s",
                    ocel->options.file->name, ocel->line, what);
}

ds_code ds_ocel_no_room(const ds_ocel *ocel, ds_error *err) {
  return ocel->event.used_bytes < EVENT_BYTES_MAX / 2
             ? ds_fail(err, DS_MEMORY, "out of memory reading %s", ocel->options.file->name)
             : ds_ocel_fail(ocel, "an event or object takes too much memory", err);
}

ds_code ds_ocel_refuse(ds_ocel *ocel, const char *column, ds_reason reason, ds_error *err) {
  char what[160];
  if (ocel->options.strict && ocel->line > 0) {
    snprintf(what, sizeof what, "%s: %s", column, ds_reason_words(reason));
    return ds_ocel_fail(ocel, what, err);
  }
  const ds_rows_job job = {.file = ocel->options.file, .refused = ocel->options.refused,
                           .strict = ocel->options.strict};
  return ds_rows_refuse(&job, ocel->job == NULL ? 0 : ocel->rows.rows + 1, column, reason, err);
}

bool ds_ocel_time(ds_ocel *ocel, ds_str text, int64_t *ret_ms) {
  bool local;
  bool date_only;
  int kind;
  if (!ds_time_parse(text, ret_ms, &local, &date_only))
    return false;
  ocel->stats.local_times |= local;
  if (local && ocel->options.zone != NULL)
    *ret_ms = ds_zone_utc_ms(ocel->options.zone, *ret_ms, &kind);
  return true;
}

static bool is_full(const ds_ocel *ocel) {
  return ocel->objects.arena.used_bytes + ocel->pair_names.arena.used_bytes +
             ocel->kept.used_bytes > DS_OCEL_BYTES_MAX;
}

// Whether it is the limit that keeps more from being taken, and not the machine. Lists grow by
// doubling: past the half of their arena one may not fit.
static ds_code no_memory(const ds_ocel *ocel, ds_error *err) {
  if (!is_full(ocel) && ocel->kept.used_bytes < DS_OCEL_BYTES_MAX / 2 &&
      ocel->objects.count < DS_OCEL_OBJECTS_MAX && ocel->pair_names.count < DS_OCEL_OBJECTS_MAX)
    return ds_fail(err, DS_MEMORY, "out of memory for the objects of %s",
                   ocel->options.file->name);
  return ds_fail(err, DS_LIMIT, "%s: its objects take more than %d MiB of memory",
                 ocel->options.file->name, DS_OCEL_BYTES_MAX >> 20);
}

// A name that a list does not take: `what` when there are too many.
static ds_code no_name(const ds_ocel *ocel, ds_code code, const char *what, ds_error *err) {
  return code == DS_MEMORY ? no_memory(ocel, err) : ds_ocel_fail(ocel, what, err);
}

// Room for one more element; false without memory.
static bool grow(ds_ocel *ocel, void **list, uint32_t count, uint32_t *capacity, size_t size) {
  if (count < *capacity)
    return true;
  const uint32_t more = *capacity == 0 ? 1024 : *capacity * 2;
  // What an arena gave is not given back: doubling wastes as much again at most.
  void *room = ds_arena_array(&ocel->kept, more, size);
  if (room == NULL)
    return false;
  if (count > 0)
    memcpy(room, *list, count * size);
  *list = room;
  *capacity = more;
  return true;
}

// --- types of attributes

// OCEL's types, and those of SQLite's tables, as DuckDB's, by which columns are told elsewhere.
static const struct {
  const char *name;
  const char *duck_type;
} kinds[] = {
    {"string", "VARCHAR"}, {"time", "TIMESTAMP WITH TIME ZONE"}, {"integer", "DOUBLE"},
    {"float", "DOUBLE"},   {"boolean", "BOOLEAN"},               {"text", "VARCHAR"},
    {"real", "DOUBLE"},    {"double", "DOUBLE"},                 {"numeric", "DOUBLE"},
    {"int", "DOUBLE"},     {"bigint", "DOUBLE"},                 {"bool", "BOOLEAN"},
    {"date", "DATE"},      {"timestamp", "TIMESTAMP WITH TIME ZONE"},
};

static uint8_t kind_of(ds_str name) {
  for (uint8_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (ds_str_equal_nocase(name, ds_str_of(kinds[i].name)))
      return i;
  return 0;
}

// "attribute" of an event, "type.attribute" of an object.
static ds_str column_name(bool of_event, ds_str type, ds_str attribute, char out[600]) {
  const int size =
      of_event ? snprintf(out, 600, "%.*s", (int)(attribute.size % 512), attribute.data)
               : snprintf(out, 600, "%.*s.%.*s", (int)(type.size % 256), type.data,
                          (int)(attribute.size % 256), attribute.data);
  return (ds_str){out, (uint32_t)size};
}

ds_code ds_ocel_declare(ds_ocel *ocel, bool of_event, ds_str type, ds_str attribute, ds_str kind,
                     ds_error *err) {
  char text[600];
  uint32_t index;
  if (ocel->job != NULL)
    return DS_OK;
  const uint32_t before = ocel->declared.count;
  TRY(ds_names_add(&ocel->declared, column_name(of_event, type, attribute, text), &index, err));
  // This in one type of event and that in another is text.
  const uint8_t found = kind_of(kind);
  const bool known = ocel->declared.count == before;
  if (known && strcmp(kinds[found].duck_type, kinds[ocel->declared_kind[index]].duck_type) != 0)
    ocel->declared_kind[index] = 0;
  else
    ocel->declared_kind[index] = found;
  return DS_OK;
}

const char *ds_ocel_duck_type(const ds_ocel *ocel, ds_str column) {
  const uint32_t index = ds_names_find(&ocel->declared, column);
  return kinds[index == DS_NONE ? 0 : ocel->declared_kind[index]].duck_type;
}

// --- the first pass: objects

static ds_code object_begin(ds_ocel *ocel, ds_str id, ds_str type, ds_error *err) {
  uint32_t index;
  uint32_t type_index;
  if (id.size == 0 || type.size == 0)
    return ds_ocel_fail(ocel, "an object without id or type", err);
  const ds_code code = ds_names_add(&ocel->types, type, &type_index, NULL);
  if (code != DS_OK)
    return no_name(ocel, code, "more than 1,024 types of objects", err);
  const uint32_t before = ocel->objects.count;
  if (is_full(ocel) || ds_names_add(&ocel->objects, id, &index, NULL) != DS_OK)
    return no_memory(ocel, err);
  if (ocel->objects.count > before) {
    if (!grow(ocel, (void **)&ocel->type_of, before, &ocel->objects_capacity,
              sizeof *ocel->type_of))
      return no_memory(ocel, err);
    ocel->type_of[index] = type_index;
  } else if (ocel->type_of[index] != type_index) {
    return ds_ocel_fail(ocel, "one object id with two types", err);
  } else if (ocel->options.file->kind != DS_SOURCE_OCEL_SQLITE) { // whose objects come by tables
    TRY(ds_ocel_refuse(ocel, "id", DS_REASON_OBJECT_TWICE, err));
  }
  ocel->object = index;
  ocel->in_object = true;
  return DS_OK;
}

static ds_code object_value(ds_ocel *ocel, ds_str attribute, ds_str time, ds_str text,
                            ds_error *err) {
  ocel_value value = {.object = ocel->object, .order = ocel->values_count,
                      .time_ms = INT64_MIN};
  const ds_code code = ds_names_add(&ocel->attributes, attribute, &value.attribute, NULL);
  if (code != DS_OK)
    return no_name(ocel, code, "too many different attributes of objects", err);
  const char *name = ds_names_text(&ocel->attributes, value.attribute);
  if (time.size > 0 && !ds_ocel_time(ocel, time, &value.time_ms))
    return ds_ocel_refuse(ocel, name, DS_REASON_BAD_VALUE, err);
  // The standard's initial values stand at 1970, in whatever zone the writer thought of.
  if (value.time_ms < DS_TIME_MIN_MS)
    value.time_ms = INT64_MIN;
  if (text.size > DS_TEXT_BYTES_MAX)
    return ds_ocel_refuse(ocel, name, DS_REASON_LONG_VALUE, err);
  value.text = ds_ocel_copy(&ocel->kept, text);
  if (value.text.data == NULL ||
      !grow(ocel, (void **)&ocel->values, ocel->values_count, &ocel->values_capacity,
            sizeof *ocel->values))
    return no_memory(ocel, err);
  ocel->values[ocel->values_count++] = value;
  return DS_OK;
}

// Relations name objects that may come later: they are kept as names until the end of the pass.
static ds_code pair_add(ds_ocel *ocel, uint32_t from, ds_str to, ds_error *err) {
  uint32_t name;
  if (is_full(ocel) || ds_names_add(&ocel->pair_names, to, &name, NULL) != DS_OK ||
      !grow(ocel, (void **)&ocel->pairs, ocel->pairs_count, &ocel->pairs_capacity,
            sizeof *ocel->pairs))
    return no_memory(ocel, err);
  ocel->pairs[ocel->pairs_count++] = (ocel_pair){from, name, ocel->line};
  return DS_OK;
}

ds_code ds_ocel_relate_objects(ds_ocel *ocel, ds_str from, ds_str to, ds_error *err) {
  const uint32_t object = ds_names_find(&ocel->objects, from);
  if (object == DS_NONE)
    return ds_ocel_refuse(ocel, "objects", DS_REASON_NO_OBJECT, err);
  return pair_add(ocel, object, to, err);
}

static int value_order(const void *a, const void *b) {
  const ocel_value *x = a;
  const ocel_value *y = b;
  if (x->object != y->object)
    return x->object < y->object ? -1 : 1;
  if (x->attribute != y->attribute)
    return x->attribute < y->attribute ? -1 : 1;
  if (x->time_ms != y->time_ms)
    return x->time_ms < y->time_ms ? -1 : 1;
  return x->order < y->order ? -1 : 1;
}

static ds_code values_sort(ds_ocel *ocel, ds_error *err) {
  ocel->value_of = ds_arena_array(&ocel->kept, ocel->objects.count + 1, sizeof *ocel->value_of);
  if (ocel->value_of == NULL)
    return no_memory(ocel, err);
  if (ocel->values_count > 0)
    qsort(ocel->values, ocel->values_count, sizeof *ocel->values, value_order);
  uint32_t at = 0;
  for (uint32_t i = 0; i <= ocel->objects.count; i++) {
    while (at < ocel->values_count && ocel->values[at].object < i)
      at++;
    ocel->value_of[i] = at;
  }
  return DS_OK;
}

static void owner_tie(ds_ocel *ocel, uint32_t owner, uint32_t owned) {
  if (ocel->type_of[owner] == ocel->customer_type &&
      ocel->type_of[owned] != ocel->customer_type && owner < ocel->owner_of[owned])
    ocel->owner_of[owned] = owner;
}

// An object's customer: itself, or the first in the file of those that a relation, in either
// direction, ties it to. A customer is nobody else's.
static ds_code owners_find(ds_ocel *ocel, ds_error *err) {
  ocel->owner_of = ds_arena_array(&ocel->kept, ocel->objects.count + 1, sizeof *ocel->owner_of);
  if (ocel->owner_of == NULL)
    return no_memory(ocel, err);
  for (uint32_t i = 0; i < ocel->objects.count; i++)
    ocel->owner_of[i] = ocel->type_of[i] == ocel->customer_type ? i : DS_NONE;
  for (uint32_t i = 0; i < ocel->pairs_count; i++) {
    const uint32_t from = ocel->pairs[i].from;
    const uint32_t to =
        ds_names_find(&ocel->objects, ocel->pair_names.text[ocel->pairs[i].name]);
    ocel->line = ocel->pairs[i].line;
    if (to == DS_NONE) {
      TRY(ds_ocel_refuse(ocel, "objects", DS_REASON_NO_OBJECT, err));
      continue;
    }
    ocel->stats.relations++;
    owner_tie(ocel, from, to);
    owner_tie(ocel, to, from);
  }
  return DS_OK;
}

// --- which type is the customer

static void types_text(const ds_ocel *ocel, char out[256]) {
  size_t used = 0;
  out[0] = '\0';
  for (uint32_t i = 0; i < ocel->types.count && used + ocel->types.text[i].size + 8 < 256; i++)
    used += (size_t)snprintf(out + used, 256 - used, "%s%s", i == 0 ? "" : ", ",
                             ds_names_text(&ocel->types, i));
}

static ds_code customer_find(ds_ocel *ocel, ds_error *err) {
  static const char *const names[] = {"customer_id", "user_id", "account_id",
                                      "client_id", "case_id", "customer", "customers", "user",
                                      "users", "account", "accounts", "client", "clients"};
  const char *wanted = ocel->options.customer;
  ocel->customer_type = DS_NONE;
  for (uint32_t i = 0; wanted != NULL && i < ocel->types.count; i++)
    if (ds_str_equal_nocase(ocel->types.text[i], ds_str_of(wanted)))
      ocel->customer_type = i;
  const uint32_t marked = ds_names_find(&ocel->objects, ocel->marked);
  if (wanted == NULL && ocel->marked.data != NULL && marked != DS_NONE)
    ocel->customer_type = ocel->type_of[marked];
  for (size_t k = 0; wanted == NULL && k < sizeof names / sizeof *names; k++)
    for (uint32_t i = 0; i < ocel->types.count && ocel->customer_type == DS_NONE; i++)
      if (ds_str_equal_nocase(ocel->types.text[i], ds_str_of(names[k])))
        ocel->customer_type = i;
  if (ocel->customer_type != DS_NONE)
    return DS_OK;
  char text[256];
  types_text(ocel, text);
  if (wanted != NULL)
    return ds_fail(err, DS_INPUT, "%s: no type of object is called %.64s, which --customer names "
                   "(types: %s)", ocel->options.file->name, wanted, text);
  return ds_fail(err, DS_INPUT, "%s: which type of object is the customer? Say --customer TYPE "
                 "(types: %s)", ocel->options.file->name, text);
}

const char *ds_ocel_customer(const ds_ocel *ocel) {
  return ds_names_text(&ocel->types, ocel->customer_type);
}

const char *ds_ocel_kind(const ds_ocel *ocel) { return ocel->customer_kind; }

// --- both passes

ds_code ds_ocel_begin(ds_ocel *ocel, bool event, ds_str id, ds_str type, ds_str time,
                   ds_error *err) {
  ocel->in_event = event && ocel->job != NULL;
  ocel->in_object = false;
  if (!event && ocel->job == NULL)
    return object_begin(ocel, id, type, err);
  if (!ocel->in_event)
    return DS_OK;
  ds_arena_reset(&ocel->event);
  ocel->id = ds_ocel_copy(&ocel->event, id);
  ocel->type = ds_ocel_copy(&ocel->event, type);
  ocel->time = ds_ocel_copy(&ocel->event, time);
  ocel->relations_count = 0;
  ocel->customer_now = DS_NONE;
  ocel->values_now_count = 0;
  return ocel->id.data == NULL || ocel->type.data == NULL || ocel->time.data == NULL
             ? ds_ocel_no_room(ocel, err)
             : DS_OK;
}

ds_code ds_ocel_set(ds_ocel *ocel, ds_str attribute, ds_str time, ds_str text, ds_error *err) {
  if (!ocel->in_event && !ocel->in_object)
    return DS_OK;
  if (attribute.size == 0)
    return ds_ocel_refuse(ocel, "", DS_REASON_HALF, err);
  if (attribute.size > 200)
    return ds_ocel_refuse(ocel, "", DS_REASON_LONG_VALUE, err);
  if (ocel->in_object)
    return object_value(ocel, attribute, time, text, err);
  if (ocel->values_now_count == OCEL_ATTRIBUTES_MAX)
    return ds_ocel_fail(ocel, "an event with more than 512 attributes", err);
  const ocel_attribute copy = {ds_ocel_copy(&ocel->event, attribute),
                               ds_ocel_copy(&ocel->event, text)};
  if (copy.name.data == NULL || copy.text.data == NULL)
    return ds_ocel_no_room(ocel, err);
  ocel->values_now[ocel->values_now_count++] = copy;
  return DS_OK;
}

ds_code ds_ocel_relate(ds_ocel *ocel, ds_str object, ds_str qualifier, ds_error *err) {
  const bool own = ds_str_equal(qualifier, ds_str_of(DS_NAME_SUBJECT));
  if (ocel->in_object)
    return pair_add(ocel, ocel->object, object, err);
  if (!ocel->in_event) {
    if (own && ocel->job == NULL && ocel->marked.data == NULL)
      ocel->marked = ds_ocel_copy(&ocel->kept, object);
    return DS_OK;
  }
  const uint32_t index = ds_names_find(&ocel->objects, object);
  if (index == DS_NONE)
    return ds_ocel_refuse(ocel, "objects", DS_REASON_NO_OBJECT, err);
  if (own && ocel->type_of[index] == ocel->customer_type) {
    ocel->customer_now = index;
    return DS_OK;
  }
  if (ocel->relations_count == OCEL_RELATIONS_MAX)
    return ds_ocel_fail(ocel, "an event with more than 4,096 objects", err);
  ocel->relations[ocel->relations_count++] =
      (ocel_relation){index, ds_ocel_copy(&ocel->event, qualifier)};
  return DS_OK;
}

ds_code ds_ocel_end(ds_ocel *ocel, ds_error *err) {
  const bool event = ocel->in_event;
  ocel->in_event = ocel->in_object = false;
  return event ? ds_ocel_event_row(ocel, err) : DS_OK;
}

static ds_code pass_run(ds_ocel *ocel, ds_error *err) {
  ocel->line = 0;
  switch (ocel->options.file->kind) {
  case DS_SOURCE_OCEL_JSON: return ds_ocel_json_pass(ocel, err);
  case DS_SOURCE_OCEL_XML: return ds_ocel_xml_pass(ocel, err);
  default: return ds_ocel_sqlite_pass(ocel, err);
  }
}

// --- the plan: four columns that every row has; the others turn up

static ds_code plan_make(ds_ocel *ocel, ds_arena *arena, ds_plan *plan, ds_error *err) {
  static const char *const names[] = {"ocel:customer", "ocel:activity", "ocel:timestamp",
                                      "ocel:eid", "ocel:received"};
  uint32_t column[5];
  plan->name = ocel->options.file->name;
  for (size_t i = 0; i < 5; i++)
    TRY(ds_plan_column_add(plan, arena, ds_str_of(names[i]), ds_str_of("VARCHAR"), DS_USE_TEXT,
                           NULL, &column[i], err));
  ds_recognise_kind(ocel->types.text[ocel->customer_type], ocel->customer_kind);
  char kind[DS_NAME_BYTES_MAX + 3];
  snprintf(kind, sizeof kind, "%s=", ocel->customer_kind);
  if (strcmp(ocel->customer_kind, DS_NAME_SUBJECT) == 0)
    kind[0] = '\0'; // the texts have their kind in front
  plan->events_count = 1;
  plan->events[0] = (ds_plan_event){
      .customer = column[0], .touchpoint = column[1], .time = column[2], .id = column[3],
      .received = column[4], .when = DS_NONE, .id_scope = ocel->options.id_scope,
      .kind = ds_arena_text(arena, kind, strlen(kind)),
      .keys = ds_arena_array(arena, DS_PLAN_COLUMNS_MAX, sizeof(ds_plan_key)),
      .properties = ds_arena_array(arena, DS_PLAN_COLUMNS_MAX, sizeof(ds_plan_property)),
  };
  const ds_plan_event *event = &plan->events[0];
  return event->kind == NULL || event->keys == NULL || event->properties == NULL
             ? ds_fail(err, DS_MEMORY, "out of memory planning an import")
             : DS_OK;
}

static ds_code ocel_start(ds_ocel *ocel, ds_arena *arena, ds_plan *plan, ds_error *err) {
  TRY(pass_run(ocel, err));
  if (ocel->objects.count == 0)
    return ds_fail(err, DS_INPUT, "%s: holds no objects", ocel->options.file->name);
  TRY(customer_find(ocel, err));
  TRY(values_sort(ocel, err));
  ocel->line = 0;
  ocel->id_attribute = ds_names_find(&ocel->attributes, ds_str_of(DS_NAME_ID));
  TRY(owners_find(ocel, err));
  return plan_make(ocel, arena, plan, err);
}

ds_code ds_ocel_open(const ds_ocel_options *options, ds_arena *arena, ds_plan *plan,
                     ds_ocel **ret_ocel, ds_error *err) {
  ds_ocel *ocel = calloc(1, sizeof *ocel);
  if (ocel == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading %s", options->file->name);
  ocel->options = *options;
  ds_arena_init(&ocel->kept, DS_OCEL_BYTES_MAX);
  ds_arena_init(&ocel->event, EVENT_BYTES_MAX);
  ds_names_init(&ocel->types, DS_OCEL_TYPES_MAX);
  ds_names_init(&ocel->objects, DS_OCEL_OBJECTS_MAX);
  ds_names_init(&ocel->pair_names, DS_OCEL_OBJECTS_MAX);
  ds_names_init(&ocel->attributes, DS_NAMES_MAX);
  ds_names_init(&ocel->declared, DS_NAMES_MAX);
  ds_buf_init(&ocel->json, 16 << 20);
  ocel->declared_kind = ds_arena_array(&ocel->kept, DS_NAMES_MAX, 1);
  ds_code code = ocel->declared_kind == NULL ? no_memory(ocel, err)
                                             : ocel_start(ocel, arena, plan, err);
  if (code == DS_OK)
    *ret_ocel = ocel;
  else
    ds_ocel_free(ocel);
  return code;
}

void ds_ocel_free(ds_ocel *ocel) {
  if (ocel == NULL)
    return;
  ds_arena_done(&ocel->kept);
  ds_arena_done(&ocel->event);
  ds_names_done(&ocel->types);
  ds_names_done(&ocel->objects);
  ds_names_done(&ocel->pair_names);
  ds_names_done(&ocel->attributes);
  ds_names_done(&ocel->declared);
  ds_buf_done(&ocel->json);
  free(ocel);
}

ds_code ds_ocel_run(ds_ocel *ocel, const ds_rows_job *job, ds_ocel_stats *ret_stats,
                    ds_error *err) {
  ocel->job = job;
  ocel->rows.grow = job->grow;
  ocel->rows.grow_context = job->grow_context;
  TRY(ds_rows_start(&ocel->rows, job->plan, job->threads, job->take, job->take_context, err));
  ds_code code = pass_run(ocel, err);
  if (code == DS_OK)
    code = ds_ocel_change_rows(ocel, err);
  code = ds_rows_finish(&ocel->rows, code, err);
  ocel->stats.rows = ocel->rows.rows;
  *ret_stats = ocel->stats;
  return code;
}
