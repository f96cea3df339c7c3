// SPDX-License-Identifier: Apache-2.0
// One person whole: all identifiers of a customer, and all events with what is sealed opened. May
// use base/ to store/.
#ifndef DS_INGEST_SUBJECT_H
#define DS_INGEST_SUBJECT_H

#include "base/json.h"
#include "store/identity.h"

// A customer's identifiers, "kind=text" each; those without events have the number DS_NONE.
typedef struct ds_person {
  ds_str *subject;
  uint32_t *number; // those with events ascend
  uint32_t count;
} ds_person;

// The subject, "email=#<keyed hash>", that a personal identifier names ("email=a@b.example" or
// "a@b.example"); *ret_name is `name` when that is not personal, or the store has no vault.
DS_CHECKED ds_code ds_person_name(ds_store *store, const char *name, ds_arena *arena,
                                  const char **ret_name, ds_error *err);

// Finds the one customer whom `name` names, as "kind=text" or as a text of any kind. In `arena`.
// DS_EXPRESSION: nobody, or several.
DS_CHECKED ds_code ds_person_find(const ds_snapshot *snapshot, ds_str name, ds_arena *arena,
                                  ds_person *ret_person, ds_error *err);

// Appends the person as one JSON object: identifiers, then events in the order of time and arrival.
// What is sealed is opened by `vault` (NULL: there is none).
DS_CHECKED ds_code ds_person_json(const ds_snapshot *snapshot, const ds_person *person,
                                  ds_vault *vault, ds_buf *out, uint64_t *ret_events,
                                  ds_error *err);

#endif
