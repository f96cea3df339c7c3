// SPDX-License-Identifier: Apache-2.0
// See breakdown.h. Values are told apart by their text.
#include "question/breakdown.h"

#include <assert.h>
#include <stdlib.h>

#include "base/resize.h"

// More distinct values than this are no breakdown.
enum { VALUES_MAX = 1 << 20 };

typedef struct count_state {
  const ds_breakdown *by;
  ds_value_counts counts;
} count_state;

void ds_value_counts_init(ds_value_counts *counts) {
  *counts = (ds_value_counts){.none = 0};
  ds_names_init(&counts->values, VALUES_MAX);
}

void ds_value_counts_done(ds_value_counts *counts) {
  ds_names_done(&counts->values);
  free(counts->times);
  counts->times = NULL;
}

ds_code ds_value_counts_add(ds_value_counts *counts, const char *name, ds_str text, uint64_t times,
                            ds_error *err) {
  uint32_t at = 0;
  if (counts->values.count == VALUES_MAX && ds_names_find(&counts->values, text) == DS_NONE)
    return ds_fail(err, DS_LIMIT, "--by %s: it has more than %d different values", name,
                   VALUES_MAX);
  TRY(ds_names_add(&counts->values, text, &at, err));
  if (at >= counts->times_capacity) {
    const uint32_t capacity = at * 2 + 64;
    uint64_t *grown = realloc(counts->times, capacity * sizeof *grown);
    if (grown == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for --by");
    memset(grown + counts->times_capacity, 0,
           (capacity - counts->times_capacity) * sizeof *grown);
    counts->times = grown;
    counts->times_capacity = capacity;
  }
  counts->times[at] += times;
  return DS_OK;
}

ds_code ds_value_counts_merge(ds_value_counts *into, const char *name,
                              const ds_value_counts *from, ds_error *err) {
  for (uint32_t v = 0; v < from->values.count; v++)
    TRY(ds_value_counts_add(into, name, from->values.text[v], from->times[v], err));
  into->none += from->none;
  return DS_OK;
}

static ds_code count_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  count_state *state = memory;
  state->by = context;
  ds_value_counts_init(&state->counts);
  return DS_OK;
}

static ds_code count_add(void *memory, const ds_block *block, ds_error *err) {
  count_state *state = memory;
  for (uint32_t j = 0; j < block->journeys; j++) {
    char room[DS_PROPERTY_TEXT_MAX];
    ds_str text;
    if (ds_property_first_text(&state->by->property, block, block->offset[j],
                               block->offset[j + 1], room, &text))
      TRY(ds_value_counts_add(&state->counts, state->by->name, text, 1, err));
    else
      state->counts.none++;
  }
  return DS_OK;
}

static ds_code count_merge(void *memory, void *other, ds_error *err) {
  count_state *into = memory;
  return ds_value_counts_merge(&into->counts, into->by->name, &((count_state *)other)->counts, err);
}

static void count_done(void *memory) { ds_value_counts_done(&((count_state *)memory)->counts); }

static const ds_kernel count_kernel = {"values",  sizeof(count_state), count_init,
                                       count_add, count_merge,         count_done};

// More frequent ones first, then by bytes, so that the order depends on the data alone.
static int by_cases(const void *a, const void *b, void *context) {
  const ds_value_counts *counts = context;
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  if (counts->times[x] != counts->times[y])
    return counts->times[x] > counts->times[y] ? -1 : 1;
  return ds_str_compare(counts->values.text[x], counts->values.text[y]);
}

static ds_code groups_make(ds_breakdown *by, const ds_value_counts *counts, uint32_t top,
                           ds_arena *arena, ds_error *err) {
  const uint32_t count = counts->values.count;
  uint32_t *order = ds_arena_array(arena, count + 1u, sizeof *order);
  if (order == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for --by");
  for (uint32_t v = 0; v < count; v++)
    order[v] = v;
  qsort_r(order, count, sizeof *order, by_cases, (void *)(uintptr_t)counts);
  const uint32_t kept = count < top ? count : top;
  by->groups = kept + 2;
  by->has_other = kept < count;
  by->has_none = counts->none > 0;
  by->labels = ds_arena_array(arena, by->groups, sizeof *by->labels);
  if (by->labels == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for --by");
  for (uint32_t g = 0; g < kept; g++) {
    uint32_t at = 0;
    TRY(ds_names_add(&by->values, counts->values.text[order[g]], &at, err));
    assert(at == g);
    by->labels[g] = ds_names_text(&by->values, g);
  }
  by->labels[kept] = "other";
  by->labels[kept + 1] = "(none)";
  return DS_OK;
}

ds_code ds_breakdown_make(const ds_snapshot *snapshot, ds_plan *plan, const char *name,
                          uint32_t top, ds_arena *arena, ds_breakdown *ret_by, ds_error *err) {
  assert(top > 0);
  *ret_by = (ds_breakdown){.name = name};
  ds_names_init(&ret_by->values, VALUES_MAX);
  TRY(ds_property_add(snapshot, plan, "by", name, arena, &ret_by->property, err));
  ds_plan counting = *plan;
  counting.columns.want = ret_by->property.touchpoint == DS_NONE ? 0 : DS_WANT_TOUCHPOINT;
  void *memory = NULL;
  TRY(ds_scan(snapshot, &counting, &count_kernel, ret_by, arena, &memory, err));
  const ds_code made = groups_make(ret_by, &((count_state *)memory)->counts, top, arena, err);
  count_done(memory);
  return made;
}

ds_code ds_breakdown_of(const char *name, const ds_value_counts *counts, uint32_t top,
                        ds_arena *arena, ds_breakdown *ret_by, ds_error *err) {
  *ret_by = (ds_breakdown){.name = name};
  ds_names_init(&ret_by->values, VALUES_MAX);
  return groups_make(ret_by, counts, top, arena, err);
}

uint32_t ds_breakdown_group(const ds_breakdown *by, bool none, ds_str text) {
  const uint32_t at = none ? DS_NONE : ds_names_find(&by->values, text);
  return none ? by->groups - 1 : at == DS_NONE ? by->groups - 2 : at;
}

void ds_breakdown_done(ds_breakdown *by) {
  if (by != NULL)
    ds_names_done(&by->values);
}

void ds_breakdown_block(const ds_breakdown *by, const ds_block *block, uint32_t *group) {
  assert(by->groups >= 2);
  for (uint32_t j = 0; j < block->journeys; j++) {
    char room[DS_PROPERTY_TEXT_MAX];
    ds_str text;
    if (!ds_property_first_text(&by->property, block, block->offset[j], block->offset[j + 1], room,
                                &text)) {
      group[j] = ds_breakdown_group(by, true, text);
      continue;
    }
    group[j] = ds_breakdown_group(by, false, text);
  }
}

ds_code ds_breakdown_groups(const ds_breakdown *by, const ds_block *block, uint32_t **group,
                            uint32_t *capacity, ds_error *err) {
  if (*capacity < block->journeys) {
    if (!ds_resize(group, block->journeys, sizeof **group))
      return ds_fail(err, DS_MEMORY, "out of memory for groups: give more --memory");
    *capacity = block->journeys;
  }
  ds_breakdown_block(by, block, *group);
  return DS_OK;
}
