// SPDX-License-Identifier: Apache-2.0
#include "ingest/simulate_rows.h"

#include <assert.h>
#include <string.h>

#include "ingest/personal.h"
#include "ingest/simulate_dice.h"

// A property that the gate does not keep, because of its name.
#define LEFT_OUT UINT16_MAX

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
    const char *name = ds_sim_properties[i].name;
    codes->property[i] = LEFT_OUT;
    if ((ds_sim_properties[i].kinds & kind) != 0 && !ds_personal_name(ds_str_of(name)))
      TRY(add_name(&space->properties, name, &codes->property[i], err));
  }
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
    // The sentences of a review are personal, so they do not come here.
    assert(ds_sim_properties[from.property].form == DS_SIM_WORD);
    value->type = DS_TYPE_STRING;
    value->text.data = ds_sim_words[from.value];
    value->text.size = codes->word_size[from.value];
  }
}

ds_code ds_sim_encode(const ds_sim_codes *codes, uint64_t customer, ds_str subject,
                      const ds_sim_event *event, ds_buf *out, uint64_t *personal, ds_error *err) {
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
    const uint16_t name = codes->property[value.property];
    if (name == LEFT_OUT) {
      (*personal)++;
      continue;
    }
    ds_event_property *property = &properties[row.properties_count++];
    property->name = name;
    property->personal = false;
    set_value(codes, property, value);
  }
  *personal += (event->identifiers & DS_SIM_EMAIL) != 0;
  return ds_event_encode(&row, out, err);
}
