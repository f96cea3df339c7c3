// SPDX-License-Identifier: Apache-2.0
// Instants at which customers, or cases, are looked at, as a file lists them: for each row of a
// training set who it is about, and when. Plain data; whoever fills it owns it. May use base/.
#ifndef DS_MODEL_INSTANTS_H
#define DS_MODEL_INSTANTS_H

#include "base/map.h"

// One row of the file.
typedef struct ds_instant {
  int64_t time_ms;
  uint32_t who;  // in ds_instants.who
  uint32_t line; // of the file, from 1
} ds_instant;

// A file's rows, as they stand there.
typedef struct ds_instants {
  const char *name; // of the file, for messages
  ds_names who;     // customers as subjects ("customer_id=C1"), or with of_cases texts of cases
  bool of_cases;
  ds_instant *row;
  uint32_t count;
  uint64_t unknown; // further rows, whose identifier nobody can have
  uint32_t unknown_line; // the first of them
} ds_instants;

#endif
