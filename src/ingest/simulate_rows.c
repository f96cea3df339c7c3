// SPDX-License-Identifier: Apache-2.0
#include "ingest/simulate_rows.h"

#include <assert.h>
#include <string.h>

#include "ingest/simulate_dice.h"
#include "ingest/simulate_phrases.h"
#include "model/identifier.h"

static ds_code add_name(ds_names *names, const char *text, uint16_t *ret_code, ds_error *err) {
  uint32_t index = 0;
  TRY(ds_names_add(names, ds_str_of(text), &index, err));
  *ret_code = (uint16_t)index;
  return DS_OK;
}

// Touchpoints are coded as they are numbered; those that never come are no names of the store.
ds_code ds_sim_codes_init(ds_sim_codes *codes, ds_sim_kind kind, ds_space *space, ds_error *err) {
  uint16_t code = 0;
  *codes = (ds_sim_codes){.seed = 0};
  for (uint32_t i = 0; i < W_COUNT; i++)
    codes->word_size[i] = (uint8_t)strlen(ds_sim_words[i]);
  for (uint32_t i = 0; i < DS_SIM_TOUCHPOINTS; i++)
    TRY(add_name(&space->touchpoints, ds_sim_touchpoint_names[i], &code, err));
  for (uint32_t i = 0; i < DS_SIM_KEYS; i++)
    if ((ds_sim_keys[i].kinds & kind) != 0)
      TRY(add_name(&space->keys, ds_sim_keys[i].name, &codes->key[i], err));
  for (uint32_t i = 0; i < DS_SIM_PROPERTIES; i++) {
    if ((ds_sim_properties[i].kinds & kind) != 0)
      TRY(add_name(&space->properties, ds_sim_properties[i].name, &codes->property[i], err));
  }
  TRY(add_name(&space->touchpoints, DS_LINK_SEEN, &codes->seen, err));
  TRY(add_name(&space->properties, DS_LINK_PROPERTY, &codes->with, err));
  return add_name(&space->sources, "simulate", &code, err);
}

ds_str ds_sim_subject(char *at, uint64_t customer, const ds_sim_event *event) {
  static const char account[] = "customer_id=";
  static const char device[] = "anonymous_id=";
  const bool known = (event->identifiers & DS_SIM_NO_ACCOUNT) == 0;
  char *end = at;
  memcpy(at, known ? account : device, known ? sizeof account : sizeof device);
  end += known ? sizeof account - 1 : sizeof device - 1;
  end = known ? ds_sim_put_customer(end, customer) : ds_sim_put_device(end, customer, event);
  return (ds_str){at, (uint32_t)(end - at)};
}

// Written member by member: a struct that is returned and copied waits for its own stores.
static void set_value(const ds_sim_codes *codes, ds_event_property *property,
                      ds_sim_value from) {
  ds_value *value = &property->value;
  switch (ds_sim_properties[from.property].form) {
  case DS_SIM_CENTS:
    value->type = DS_TYPE_NUMBER;
    value->number = from.value / 100.0;
    break;
  case DS_SIM_NUMBER:
    value->type = DS_TYPE_NUMBER;
    value->number = from.value;
    break;
  case DS_SIM_DATE:
  case DS_SIM_BOOL:
    value->type = ds_sim_properties[from.property].form == DS_SIM_DATE ? DS_TYPE_DATE
                                                                       : DS_TYPE_BOOL;
    value->i = from.value;
    break;
  default:
    // The sentences of a review are sealed.
    assert(ds_sim_properties[from.property].form == DS_SIM_WORD);
    value->type = DS_TYPE_STRING;
    value->text.data = ds_sim_words[from.value];
    value->text.size = codes->word_size[from.value];
  }
}

// The sentences of a review, sealed.
static ds_code seal_text(const ds_sim_codes *codes, ds_str subject, const ds_sim_event *event,
                         ds_sim_value from, ds_buf *sealed, ds_value *ret_value, ds_error *err) {
  char text[DS_SIM_REVIEW_BYTES_MAX];
  const char *end = ds_sim_put_phrases(text, from.value);
  const ds_value clear = {.type = DS_TYPE_STRING, .text = {text, (uint32_t)(end - text)}};
  const ds_vault_place place = {subject, ds_str_of(ds_sim_touchpoint_names[event->touchpoint]),
                                ds_str_of(ds_sim_properties[from.property].name)};
  ds_buf_reset(sealed);
  return ds_vault_seal(codes->vault, &place, &clear, sealed, ret_value, err);
}

ds_code ds_sim_encode(const ds_sim_codes *codes, uint64_t customer, ds_str subject,
                      const ds_sim_event *event, ds_buf *out, ds_buf *sealed, uint64_t *personal,
                      ds_error *err) {
  enum { KEY_BYTES_MAX = 32 };
  char texts[DS_SIM_KEYS][KEY_BYTES_MAX];
  ds_event_key keys[DS_SIM_KEYS];
  ds_event_property properties[DS_SIM_VALUES_MAX];
  ds_event row = {
      .touchpoint = event->touchpoint,
      .import = codes->import,
      .has_received = event->received_ms != event->time_ms,
      .has_id = true,
      .time_ms = event->time_ms,
      .received_ms = event->received_ms,
      .id = ds_dice_mix(codes->seed + customer * DS_SIM_CUSTOMER_EVENTS_MAX + event->number),
      .arrival = codes->arrival,
      .subject = subject,
      .keys = keys,
      .properties = properties,
  };
  for (uint32_t i = 0; i < DS_SIM_KEYS; i++) {
    if (event->keys[i] == 0)
      continue;
    const char *end = ds_sim_put_key(texts[i], customer, event, (ds_sim_key)i);
    keys[row.keys_count++] =
        (ds_event_key){codes->key[i], {texts[i], (uint32_t)(end - texts[i])}};
  }
  for (uint32_t i = 0; i < event->values_count; i++) {
    const ds_sim_value value = event->values[i];
    ds_event_property *property = &properties[row.properties_count++];
    property->name = codes->property[value.property];
    property->personal = false;
    if (ds_sim_properties[value.property].form != DS_SIM_PHRASE) {
      set_value(codes, property, value);
      continue;
    }
    TRY(seal_text(codes, subject, event, value, sealed, &property->value, err));
    (*personal)++;
  }
  return ds_event_encode(&row, out, err);
}

// Of several at one time the first that came in: as a store keeps facts.
static void see(const ds_sim_event **first, const ds_sim_event *event) {
  if (*first == NULL || event->time_ms < (*first)->time_ms)
    *first = event;
}

void ds_sim_see(ds_sim_seen *seen, uint64_t customer, const ds_sim_event *event) {
  if ((event->identifiers & DS_SIM_NO_ACCOUNT) != 0)
    return;
  assert(event->device < DS_SIM_DEVICES);
  if ((event->identifiers & DS_SIM_DEVICE) != 0)
    see(&seen->first[event->device], event);
  if ((event->identifiers & DS_SIM_EMAIL) != 0)
    see(&seen->first[DS_SIM_DEVICES], event);
  if ((event->identifiers & DS_SIM_LOYALTY) != 0 && ds_sim_is_member(customer))
    see(&seen->first[DS_SIM_DEVICES + 1], event);
}

// The other identifier of a fact, as a subject.
static ds_str other_subject(const ds_sim_codes *codes, const ds_sim_seen *seen, uint32_t which,
                            uint64_t customer, char out[DS_VAULT_SUBJECT_BYTES]) {
  static const char device[] = "anonymous_id=", loyalty[] = "loyalty_id=";
  char address[32];
  if (which == DS_SIM_DEVICES) {
    const char *end = ds_sim_put_email(address, customer);
    ds_vault_subject(codes->vault, ds_str_of("email"),
                     (ds_str){address, (uint32_t)(end - address)}, out);
    return ds_str_of(out);
  }
  const char *kind = which < DS_SIM_DEVICES ? device : loyalty;
  const size_t size = strlen(kind);
  memcpy(out, kind, size);
  const char *end = which < DS_SIM_DEVICES
                        ? ds_sim_put_device(out + size, customer, seen->first[which])
                        : ds_sim_put_loyalty(out + size, customer);
  return (ds_str){out, (uint32_t)(end - out)};
}

ds_code ds_sim_facts(const ds_sim_codes *codes, const ds_sim_seen *seen, uint64_t customer,
                     ds_str subject, ds_buf *out, uint32_t *ret_facts, ds_error *err) {
  char text[DS_VAULT_SUBJECT_BYTES];
  *ret_facts = 0;
  for (uint32_t i = 0; i < DS_SIM_OTHERS; i++) {
    const ds_sim_event *event = seen->first[i];
    if (event == NULL)
      continue;
    const ds_str other = other_subject(codes, seen, i, customer, text);
    ds_event_property with = {.name = codes->with,
                              .value = {.type = DS_TYPE_STRING, .text = other}};
    const ds_event fact = {.touchpoint = codes->seen,
                           .import = codes->import,
                           .has_received = event->received_ms != event->time_ms,
                           .has_id = true,
                           .time_ms = event->time_ms,
                           .received_ms = event->received_ms,
                           .id = ds_id_hash(ds_str_of(DS_LINK_SEEN), other),
                           .arrival = codes->arrival,
                           .subject = subject,
                           .properties = &with,
                           .properties_count = 1};
    TRY(ds_event_encode(&fact, out, err));
    (*ret_facts)++;
  }
  return DS_OK;
}
