// SPDX-License-Identifier: Apache-2.0
#include "ingest/subject.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "ingest/export_state.h"
#include "ingest/personal.h"
#include "ingest/seal.h"
#include "model/identifier.h"
#include "store/subjects.h"

#define ROWS_BYTES_MAX ((size_t)1 << 30)

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for a customer's events");
}

static ds_code add(ds_person *person, uint32_t number, ds_str subject, ds_arena *arena,
                   ds_error *err) {
  const char *copy = ds_arena_text(arena, subject.data, subject.size);
  if (copy == NULL)
    return no_memory(err);
  person->subject[person->count] = (ds_str){copy, subject.size};
  person->number[person->count++] = number;
  return DS_OK;
}

// The identifiers of a customer: those with events, then those that facts of identity name.
static ds_code collect(const ds_snapshot *snapshot, uint32_t customer, ds_arena *arena,
                       ds_person *person, ds_error *err) {
  const ds_identity *identity = snapshot->identity;
  ds_str *names = NULL;
  uint32_t names_count = 0;
  if (identity != NULL)
    TRY(ds_identity_names(snapshot, customer, arena, &names, &names_count, err));
  const uint32_t most = identity == NULL ? 1 : identity->count + names_count + 1;
  person->subject = ds_arena_array(arena, most, sizeof *person->subject);
  person->number = ds_arena_array(arena, most, sizeof *person->number);
  if (person->subject == NULL || person->number == NULL)
    return no_memory(err);
  for (uint32_t i = 0; identity != NULL && i < identity->count; i++) {
    ds_str subject;
    if (identity->customer[i] != customer)
      continue;
    TRY(ds_snapshot_subject(snapshot, identity->subject[i], arena, &subject, err));
    TRY(add(person, identity->subject[i], subject, arena, err));
  }
  if (person->count == 0) {
    ds_str subject;
    TRY(ds_snapshot_subject(snapshot, customer, arena, &subject, err));
    TRY(add(person, customer, subject, arena, err));
  }
  for (uint32_t n = 0; n < names_count; n++)
    TRY(add(person, DS_NONE, names[n], arena, err));
  return DS_OK;
}

ds_code ds_person_name(ds_store *store, const char *name, ds_arena *arena, const char **ret_name,
                       ds_error *err) {
  const ds_str whole = ds_str_of(name);
  const ds_str named = ds_subject_kind(whole);
  const uint32_t skip = named.size > 0 ? named.size + 1 : 0;
  const ds_str text = {name + skip, whole.size - skip};
  *ret_name = name;
  // A hash stands for itself.
  if ((text.size > 0 && text.data[0] == '#') || whole.size > UINT16_MAX ||
      !ds_store_has_erasures(store) ||
      !(ds_personal_value(text) || (named.size > 0 && ds_personal_name(named))))
    return DS_OK;
  ds_sealer sealer;
  ds_str subject;
  ds_sealer_init(&sealer, store, NULL);
  char clear[UINT16_MAX + 8];
  const int size = named.size > 0 ? snprintf(clear, sizeof clear, "%s", name)
                                  : snprintf(clear, sizeof clear, "email=%s", name);
  ds_code code = ds_sealer_subject(&sealer, (ds_str){clear, (uint32_t)size}, &subject, err);
  if (code == DS_OK) {
    *ret_name = ds_arena_text(arena, subject.data, subject.size);
    if (*ret_name == NULL)
      code = no_memory(err);
  }
  ds_sealer_done(&sealer);
  return code;
}

ds_code ds_person_find(const ds_snapshot *snapshot, ds_str name, ds_arena *arena,
                       ds_person *ret_person, ds_error *err) {
  uint32_t *customers;
  uint32_t count = 0;
  *ret_person = (ds_person){.count = 0};
  TRY(ds_snapshot_named(snapshot, name, arena, &customers, &count, err));
  if (count == 0)
    return ds_fail(err, DS_EXPRESSION, "no customer has this identifier");
  if (count > 1)
    return ds_fail(err, DS_EXPRESSION, "%u customers have this identifier, each of another kind: "
                   "name its kind, as in customer_id=C17", count);
  return collect(snapshot, customers[0], arena, ret_person, err);
}

static bool is_in(const ds_person *person, uint32_t number) {
  for (uint32_t i = 0; i < person->count; i++)
    if (person->number[i] == number)
      return true;
  return false;
}

// Appends the rows of the person in one block.
static ds_code read_block(const ds_place *place, uint32_t b, const ds_person *person,
                          ds_block_reader *reader, ds_buf *rows, ds_error *err) {
  const ds_block_zone *zone = ds_part_zone(place->part, b);
  bool may = false;
  for (uint32_t i = 0; i < person->count; i++)
    may = may || (person->number[i] >= zone->customer_first &&
                  person->number[i] <= zone->customer_last);
  if (!may)
    return DS_OK;
  const ds_columns none = {.want = 0};
  ds_block block;
  TRY(ds_part_read_block(place, b, &none, reader, &block, err));
  const uint32_t journeys = block.journeys;
  for (uint32_t j = 0; j < journeys; j++) {
    if (!is_in(person, block.customer[j]))
      continue;
    TRY(ds_part_read_rows(place, b, j, j + 1, reader, rows, err));
    TRY(ds_part_read_block(place, b, &none, reader, &block, err)); // the rows took its memory
  }
  return DS_OK;
}

static int compare_rows(const void *a, const void *b) {
  ds_row left, right;
  ds_row_open(*(const uint8_t *const *)a, &left);
  ds_row_open(*(const uint8_t *const *)b, &right);
  if (left.time_ms != right.time_ms)
    return left.time_ms < right.time_ms ? -1 : 1;
  return (left.arrival > right.arrival) - (left.arrival < right.arrival);
}

// One event under way.
typedef struct printer {
  const ds_space *space;
  ds_vault *vault;
  ds_json json;
  ds_arena texts; // what was opened
  ds_event event;
  ds_event_key keys[DS_EVENT_KEYS_MAX];
  ds_event_property properties[DS_EVENT_PROPERTIES_MAX];
} printer;

static void put_time(ds_json *json, const char *name, int64_t time_ms) {
  const ds_value value = {.type = DS_TYPE_TIME, .i = time_ms};
  ds_json_key(json, name);
  ds_export_json(json, &value);
}

static ds_code put_property(printer *to, const ds_event_property *property, ds_error *err) {
  ds_value value = property->value;
  const ds_str name = to->space->properties.text[property->name];
  const ds_vault_place place = {to->event.subject,
                                to->space->touchpoints.text[to->event.touchpoint], name};
  if (value.type == DS_TYPE_SEALED && to->vault != NULL)
    TRY(ds_vault_unseal(to->vault, &place, &property->value, &to->texts, &value, err));
  ds_json_key(&to->json, name.data);
  if (value.type == DS_TYPE_SEALED)
    ds_json_null(&to->json);
  else
    ds_export_json(&to->json, &value);
  return DS_OK;
}

static ds_code put_event(printer *to, ds_error *err) {
  const ds_event *event = &to->event;
  ds_json_begin_object(&to->json);
  put_time(&to->json, "time", event->time_ms);
  if (event->has_received)
    put_time(&to->json, "received", event->received_ms);
  ds_json_key(&to->json, "event");
  ds_json_text(&to->json, to->space->touchpoints.text[event->touchpoint]);
  ds_json_key(&to->json, "source");
  ds_json_text(&to->json, to->space->sources.text[event->source]);
  ds_json_key(&to->json, "subject");
  ds_json_text(&to->json, event->subject);
  ds_json_key(&to->json, "keys");
  ds_json_begin_array(&to->json);
  for (uint32_t k = 0; k < event->keys_count; k++) {
    ds_json_begin_object(&to->json);
    ds_json_key(&to->json, ds_names_text(&to->space->keys, event->keys[k].name));
    ds_json_text(&to->json, event->keys[k].text);
    ds_json_end_object(&to->json);
  }
  ds_json_end_array(&to->json);
  ds_json_key(&to->json, "properties");
  ds_json_begin_object(&to->json);
  for (uint32_t p = 0; p < event->properties_count; p++)
    TRY(put_property(to, &event->properties[p], err));
  ds_json_end_object(&to->json);
  ds_json_end_object(&to->json);
  return DS_OK;
}

static ds_code put_rows(printer *to, const ds_buf *rows, uint64_t *ret_events, ds_error *err) {
  size_t count = 0;
  ds_row row;
  for (size_t at = 0; at < rows->size; at += row.size, count++)
    ds_row_open(rows->data + at, &row);
  const uint8_t **sorted = malloc((count + 1) * sizeof *sorted);
  if (sorted == NULL)
    return no_memory(err);
  count = 0;
  for (size_t at = 0; at < rows->size; at += row.size) {
    ds_row_open(rows->data + at, &row);
    sorted[count++] = rows->data + at;
  }
  qsort(sorted, count, sizeof *sorted, compare_rows);
  ds_code code = DS_OK;
  for (size_t i = 0; i < count && code == DS_OK; i++) {
    size_t size;
    ds_row_open(sorted[i], &row);
    ds_arena_reset(&to->texts);
    to->event.keys = to->keys;
    to->event.properties = to->properties;
    code = ds_event_decode(sorted[i], row.size, to->space, &to->event, &size, err);
    if (code == DS_OK)
      code = put_event(to, err);
  }
  free(sorted);
  *ret_events = count;
  return code;
}

static ds_code read_rows(const ds_snapshot *snapshot, const ds_person *person, ds_buf *rows,
                         ds_error *err) {
  ds_block_reader *reader = ds_block_reader_new();
  ds_code code = reader == NULL ? no_memory(err) : DS_OK;
  for (uint32_t p = 0; p < snapshot->places_count && code == DS_OK; p++)
    for (uint32_t b = 0; b < ds_part_get_info(snapshot->places[p].part)->blocks && code == DS_OK;
         b++)
      code = read_block(&snapshot->places[p], b, person, reader, rows, err);
  ds_block_reader_free(reader);
  return code == DS_OK ? ds_buf_check(rows, "a customer's events", err) : code;
}

ds_code ds_person_json(const ds_snapshot *snapshot, const ds_person *person, ds_vault *vault,
                       ds_buf *out, uint64_t *ret_events, ds_error *err) {
  ds_buf rows;
  ds_buf_init(&rows, ROWS_BYTES_MAX);
  printer *to = calloc(1, sizeof *to);
  ds_code code = to == NULL ? no_memory(err) : read_rows(snapshot, person, &rows, err);
  if (code == DS_OK) {
    to->space = &snapshot->space;
    to->vault = vault;
    to->json = ds_json_to(out, true);
    ds_arena_init(&to->texts, (size_t)2 * DS_EVENT_BYTES_MAX);
    ds_json_begin_object(&to->json);
    ds_json_key(&to->json, "identifiers");
    ds_json_begin_array(&to->json);
    for (uint32_t i = 0; i < person->count; i++)
      ds_json_text(&to->json, person->subject[i]);
    ds_json_end_array(&to->json);
    ds_json_key(&to->json, "events");
    ds_json_begin_array(&to->json);
    code = put_rows(to, &rows, ret_events, err);
    ds_json_end_array(&to->json);
    ds_json_end_object(&to->json);
    ds_arena_done(&to->texts);
  }
  free(to);
  ds_buf_done(&rows);
  ds_buf_text(out, "\n");
  return code == DS_OK ? ds_buf_check(out, "a customer's events", err) : code;
}
