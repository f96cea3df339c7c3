// SPDX-License-Identifier: Apache-2.0
// What tools/gen_catalogue.py makes beside the public tables of catalogue.h: the sorted names that
// lookups search. For catalogue*.c and the tests only. Invariant: keys are normal (see
// ds_catalogue_normal), distinct and in byte order; ds_status_maps[] is sorted by taxonomy, then
// lower-case status.
#ifndef DS_MODEL_CATALOGUE_TABLES_H
#define DS_MODEL_CATALOGUE_TABLES_H

#include "model/catalogue.h"

// A normal name and the index of its row in the catalogue.
typedef struct ds_catalogue_name {
  const char *key;
  uint16_t touchpoint;
  bool given; // by a store's settings
} ds_catalogue_name;

// Rows in any order, and every name that leads to one.
struct ds_catalogue {
  const ds_touchpoint *rows;
  const ds_catalogue_name *names;
  uint32_t rows_count;
  uint32_t names_count;
};

// The shipped catalogue: ds_touchpoints[] and its names.
extern const ds_catalogue ds_catalogue_table;

// Where `key`, a normal name, stands among the names, or where it would: *ret_found says which.
uint32_t ds_catalogue_search(const ds_catalogue *catalogue, const char *key, bool *ret_found);

#endif
