// SPDX-License-Identifier: Apache-2.0
#include "ingest/seal.h"

#include <stdio.h>

#include "base/limits.h"
#include "ingest/personal.h"
#include "model/identifier.h"
#include "store/writer.h"

void ds_sealer_init(ds_sealer *sealer, ds_store *store, ds_writer *writer) {
  *sealer = (ds_sealer){
      .store = store,
      .writer = writer,
      .any_erased = store != NULL && ds_store_erasures_done(store) > 0,
  };
  ds_buf_init(&sealer->bytes, 2 * (size_t)DS_EVENT_BYTES_MAX);
  ds_buf_init(&sealer->normal, (size_t)4 * DS_TEXT_BYTES_MAX);
}

void ds_sealer_done(ds_sealer *sealer) {
  ds_buf_done(&sealer->bytes);
  ds_buf_done(&sealer->normal);
}

static ds_code need_vault(ds_sealer *sealer, ds_error *err) {
  if (sealer->vault != NULL)
    return DS_OK;
  return sealer->writer != NULL ? ds_writer_vault(sealer->writer, &sealer->vault, err)
                                : ds_store_vault(sealer->store, &sealer->vault, err);
}

// The buffer moves as it grows, so views of it are made at the end.
static ds_code seal_all(ds_sealer *sealer, const ds_space *space, ds_event *event, ds_error *err) {
  const ds_str touchpoint = space->touchpoints.text[event->touchpoint];
  ds_buf_reset(&sealer->bytes);
  for (uint32_t i = 0; i < event->properties_count; i++) {
    ds_event_property *property = &event->properties[i];
    if (!property->personal)
      continue;
    const ds_vault_place place = {event->subject, touchpoint,
                                  space->properties.text[property->name]};
    TRY(ds_vault_seal(sealer->vault, &place, &property->value, &sealer->bytes, &property->value,
                      err));
    sealer->sealed++;
  }
  const char *at = (const char *)sealer->bytes.data;
  for (uint32_t i = 0; i < event->properties_count; i++) {
    ds_event_property *property = &event->properties[i];
    if (!property->personal)
      continue;
    property->value.text.data = at;
    property->personal = false;
    at += property->value.text.size;
  }
  return DS_OK;
}

static void leave_out(ds_sealer *sealer, ds_event *event) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < event->properties_count; i++) {
    if (event->properties[i].personal)
      sealer->sealed++;
    else
      event->properties[kept++] = event->properties[i];
  }
  event->properties_count = kept;
}

// Writes the hashed subject of "kind=text" to `out`, of DS_VAULT_SUBJECT_BYTES.
static ds_code hash_subject(ds_sealer *sealer, ds_str clear, char *out, ds_error *err) {
  const ds_str named = ds_subject_kind(clear);
  const ds_str text = {clear.data + named.size + 1, clear.size - named.size - 1};
  const ds_str kind = ds_personal_kind(named, text);
  ds_buf_reset(&sealer->normal);
  TRY(ds_personal_normal(kind, text, &sealer->normal, err));
  if (sealer->store == NULL) {
    (void)snprintf(out, DS_VAULT_SUBJECT_BYTES, "%.*s=#", DS_STR(kind));
    return DS_OK;
  }
  TRY(need_vault(sealer, err));
  ds_vault_subject(sealer->vault, kind,
                   (ds_str){(const char *)sealer->normal.data, (uint32_t)sealer->normal.size},
                   out);
  return DS_OK;
}

ds_code ds_sealer_subject(ds_sealer *sealer, ds_str clear, ds_str *ret_subject, ds_error *err) {
  TRY(hash_subject(sealer, clear, sealer->subject, err));
  *ret_subject = ds_str_of(sealer->subject);
  return DS_OK;
}

// Where nobody was erased, the keys may be missing.
ds_code ds_sealer_check(ds_sealer *sealer, ds_str subject, ds_error *err) {
  if (sealer->any_erased)
    TRY(need_vault(sealer, err));
  if (sealer->vault != NULL && ds_vault_is_erased(sealer->vault, subject))
    return ds_fail(err, DS_NO, "the person was erased, and is not taken in again");
  return DS_OK;
}

ds_code ds_sealer_identifier(ds_sealer *sealer, const ds_identifier *clear,
                             ds_identifier *ret_identifier, bool *ret_named, ds_error *err) {
  *ret_identifier = *clear;
  *ret_named = ds_identifier_tells(clear) && !(clear->personal && sealer->store == NULL);
  if (*ret_named && clear->personal) {
    TRY(hash_subject(sealer, clear->subject, sealer->other, err));
    ret_identifier->subject = ds_str_of(sealer->other);
    ret_identifier->personal = false;
  }
  ds_error erased = {.code = DS_OK};
  const ds_code code =
      *ret_named ? ds_sealer_check(sealer, ret_identifier->subject, &erased) : DS_OK;
  *ret_named = *ret_named && code == DS_OK;
  return code == DS_OK || code == DS_NO ? DS_OK : ds_fail(err, code, "%s", erased.message);
}

// Whether a property of the event says whom a fact of identity names.
static bool names_other(const ds_space *space, const ds_event_property *property) {
  return property->value.type == DS_TYPE_STRING &&
         ds_str_equal(space->properties.text[property->name], ds_str_of(DS_LINK_PROPERTY));
}

// Whom a fact of identity names in clear: an address or a number by its hash, which is the subject
// of that person's events; of what else is personal, such as a name, nobody is known: it is sealed.
static ds_code hide_link(ds_sealer *sealer, const ds_space *space, ds_event *event,
                         ds_error *err) {
  if (!ds_is_link(space->touchpoints.text[event->touchpoint]))
    return DS_OK;
  for (uint32_t i = 0; i < event->properties_count; i++) {
    ds_event_property *property = &event->properties[i];
    const ds_str clear = property->value.text;
    const ds_str kind = names_other(space, property) ? ds_subject_kind(clear) : ds_str_of("");
    if (kind.size == 0)
      continue;
    const ds_str text = {clear.data + kind.size + 1, clear.size - kind.size - 1};
    const bool hash = text.size > 0 && text.data[0] == '#';
    if (!hash && !ds_identifier_is_listed(kind) && ds_personal_name(kind))
      property->personal = true;
    if (!ds_personal_value(text))
      continue;
    property->personal = true;
    if (sealer->store == NULL) // which leaves it out
      continue;
    TRY(hash_subject(sealer, clear, sealer->with, err));
    property->value.text = ds_str_of(sealer->with);
    property->personal = false;
  }
  return DS_OK;
}

// Nothing that is told about identity may name who was erased.
static ds_code check_link(ds_sealer *sealer, const ds_space *space, const ds_event *event,
                          ds_error *err) {
  if (sealer->vault == NULL || ds_vault_erased_count(sealer->vault) == 0 ||
      !ds_is_link(space->touchpoints.text[event->touchpoint]))
    return DS_OK;
  for (uint32_t i = 0; i < event->properties_count; i++) {
    const ds_event_property *property = &event->properties[i];
    if (names_other(space, property))
      TRY(ds_sealer_check(sealer, property->value.text, err));
  }
  return DS_OK;
}

ds_code ds_sealer_event(ds_sealer *sealer, const ds_space *space, ds_event *event, ds_error *err) {
  if (event->personal_subject) {
    TRY(ds_sealer_subject(sealer, event->subject, &event->subject, err));
    event->personal_subject = false;
  }
  TRY(ds_sealer_check(sealer, event->subject, err));
  TRY(hide_link(sealer, space, event, err));
  TRY(check_link(sealer, space, event, err));
  uint32_t personal = 0;
  for (uint32_t i = 0; i < event->properties_count; i++)
    personal += event->properties[i].personal;
  if (personal == 0)
    return DS_OK;
  if (sealer->store == NULL) {
    leave_out(sealer, event);
    return DS_OK;
  }
  TRY(need_vault(sealer, err));
  return seal_all(sealer, space, event, err);
}
