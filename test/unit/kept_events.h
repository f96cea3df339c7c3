// SPDX-License-Identifier: Apache-2.0
// Which events of a small snapshot a plan keeps, by their ids. For tests only; failures go through
// cmocka.
#ifndef DS_TEST_UNIT_KEPT_EVENTS_H
#define DS_TEST_UNIT_KEPT_EVENTS_H

#include "scan/scan.h"

// Ids are 1 to this at most, each once.
enum { KEPT_EVENTS_MAX = 150 };

// Whether the event of each id is kept: KEPT_EVENTS_MAX + 1 of them, in `arena`.
const bool *kept_events(const ds_snapshot *snapshot, const ds_plan *plan, ds_arena *arena);

#endif
