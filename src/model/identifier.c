// SPDX-License-Identifier: Apache-2.0
#include "model/identifier.h"

#include <string.h>

// The strongest first. Kinds that are not listed stand between persons and devices.
static const char *const persons[] = {"customer_id", "account_id",  "user_id", "member_id",
                                      "loyalty_id",  "external_id", "crm_id"};
static const char *const devices[] = {"anonymous_id", "device_id", "cookie_id", "session_id"};
static const char *const objects[] = {"order_id",        "subscription_id", "parcel_id",
                                      "shipment_id",     "tracking_number", "ticket_id",
                                      "return_id",       "invoice_id"};
enum {
  PERSONS = sizeof persons / sizeof *persons,
  DEVICES = sizeof devices / sizeof *devices,
  OBJECTS = sizeof objects / sizeof *objects,
  RANK_OTHER = PERSONS,
  RANK_DEVICE,
  RANK_OBJECT = RANK_DEVICE + DEVICES,
};

static uint32_t index_in(ds_str name, const char *const *names, uint32_t count) {
  uint32_t i = 0;
  // Most names differ in the first letter already.
  while (i < count && (name.size == 0 || names[i][0] != name.data[0] ||
                       strncmp(names[i], name.data, name.size) != 0 ||
                       names[i][name.size] != '\0'))
    i++;
  return i;
}

uint32_t ds_identifier_rank(ds_str kind) {
  const uint32_t person = index_in(kind, persons, PERSONS);
  if (person < PERSONS)
    return person;
  const uint32_t device = index_in(kind, devices, DEVICES);
  if (device < DEVICES)
    return RANK_DEVICE + device;
  const uint32_t object = index_in(kind, objects, OBJECTS);
  return object < OBJECTS ? RANK_OBJECT + object : RANK_OTHER;
}

ds_identifier_class ds_identifier_class_of(ds_str kind) {
  const uint32_t rank = ds_identifier_rank(kind);
  return rank < RANK_DEVICE   ? DS_IDENTIFIER_PERSON
         : rank < RANK_OBJECT ? DS_IDENTIFIER_DEVICE
                              : DS_IDENTIFIER_OBJECT;
}

bool ds_identifier_is_listed(ds_str kind) {
  const uint32_t rank = ds_identifier_rank(kind);
  return rank < RANK_OBJECT && rank != RANK_OTHER;
}

const char *ds_identifier_object(uint32_t index) {
  return index < OBJECTS ? objects[index] : NULL;
}

bool ds_identifier_is_placeholder(ds_str text) {
  static const char *const words[] = {"null",    "none",      "nil",  "n/a",   "na",   "nan",
                                      "unknown", "undefined", "void", "anonymous", "guest",
                                      "(null)",  "-1"};
  uint32_t zeros = 0;
  while (zeros < text.size && (text.data[zeros] == '0' || text.data[zeros] == '-'))
    zeros++;
  if (zeros == text.size)
    return true;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (ds_str_equal_nocase(text, ds_str_of(words[i])))
      return true;
  return false;
}

ds_str ds_subject_kind(ds_str subject) {
  const char *equals = subject.size == 0 ? NULL : memchr(subject.data, '=', subject.size);
  return (ds_str){subject.data, equals == NULL ? 0 : (uint32_t)(equals - subject.data)};
}

bool ds_subject_is_sound(ds_str subject) {
  const uint32_t kind = ds_subject_kind(subject).size;
  return kind > 0 && kind + 1 < subject.size && subject.size <= UINT16_MAX;
}

int ds_subject_compare(ds_str a, ds_str b) {
  const uint32_t rank_a = ds_identifier_rank(ds_subject_kind(a));
  const uint32_t rank_b = ds_identifier_rank(ds_subject_kind(b));
  if (rank_a != rank_b)
    return rank_a < rank_b ? -1 : 1;
  return ds_str_compare(a, b);
}

bool ds_is_link(ds_str touchpoint) {
  return ds_str_equal(touchpoint, ds_str_of(DS_LINK_TOLD)) ||
         ds_str_equal(touchpoint, ds_str_of(DS_LINK_UNTOLD)) ||
         ds_str_equal(touchpoint, ds_str_of(DS_LINK_SEEN));
}

bool ds_is_knowledge(ds_str touchpoint) {
  return ds_is_link(touchpoint) || ds_str_equal(touchpoint, ds_str_of(DS_LIST_JOINED));
}
