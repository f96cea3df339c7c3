// SPDX-License-Identifier: Apache-2.0
// What tools/gen_catalogue.py makes beside the public tables of catalogue.h: the sorted names that
// lookups search. For catalogue.c and the tests only. Invariant: keys are normal (see catalogue.c),
// distinct and in byte order; ds_status_maps[] is sorted by taxonomy, then lower-case status.
#ifndef DS_MODEL_CATALOGUE_TABLES_H
#define DS_MODEL_CATALOGUE_TABLES_H

#include "model/catalogue.h"

// A normal name and the index of its row in ds_touchpoints[].
typedef struct ds_catalogue_name {
  const char *key;
  uint16_t touchpoint;
} ds_catalogue_name;

// Every name the catalogue knows.
extern const ds_catalogue_name ds_catalogue_names[];
extern const uint32_t ds_catalogue_names_count;

#endif
