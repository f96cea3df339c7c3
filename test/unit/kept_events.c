// SPDX-License-Identifier: Apache-2.0
#include "unit/kept_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka needs the headers above first.
#include <cmocka.h>

typedef struct id_state {
  bool seen[KEPT_EVENTS_MAX + 1];
} id_state;

static ds_code id_init(void *state, const void *context, ds_arena *arena, ds_error *err) {
  (void)state;
  (void)context;
  (void)arena;
  (void)err;
  return DS_OK;
}

static ds_code id_add(void *memory, const ds_block *block, ds_error *err) {
  (void)err;
  id_state *state = memory;
  for (uint32_t e = 0; e < block->events; e++) {
    assert_true(block->id[e] <= KEPT_EVENTS_MAX && !state->seen[block->id[e]]);
    state->seen[block->id[e]] = true;
  }
  return DS_OK;
}

static ds_code id_merge(void *into, void *from, ds_error *err) {
  (void)err;
  for (uint32_t i = 0; i <= KEPT_EVENTS_MAX; i++)
    ((id_state *)into)->seen[i] |= ((id_state *)from)->seen[i];
  return DS_OK;
}

static const ds_kernel id_kernel = {"ids", sizeof(id_state), id_init, id_add, id_merge, NULL};

const bool *kept_events(const ds_snapshot *snapshot, const ds_plan *plan, ds_arena *arena) {
  ds_plan with_ids = *plan;
  ds_error err = {0};
  void *memory = NULL;
  with_ids.columns.want |= DS_WANT_ID;
  if (ds_scan(snapshot, &with_ids, &id_kernel, NULL, arena, &memory, &err) != DS_OK)
    fail_msg("%s", err.message);
  return ((const id_state *)memory)->seen;
}
