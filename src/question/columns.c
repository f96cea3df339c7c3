// SPDX-License-Identifier: Apache-2.0
// All columns of a kind, for questions that look at everything; and days in the store's zone.
#include <assert.h>
#include <stdlib.h>

#include "question/common.h"

static int by_name(const void *a, const void *b, void *context) {
  const ds_names *names = context;
  return ds_str_compare(names->text[*(const uint16_t *)a], names->text[*(const uint16_t *)b]);
}

// The codes of all names, in the order of the names, which no compaction changes.
static ds_code codes_all(const ds_names *names, ds_arena *arena, const uint16_t **ret_codes,
                         ds_error *err) {
  assert(names->count <= DS_NAMES_MAX);
  uint16_t *codes = ds_arena_array(arena, names->count + 1u, sizeof *codes);
  if (codes == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
  for (uint32_t i = 0; i < names->count; i++)
    codes[i] = (uint16_t)i;
  qsort_r(codes, names->count, sizeof *codes, by_name, (void *)(uintptr_t)names);
  *ret_codes = codes;
  return DS_OK;
}

ds_code ds_plan_all_keys(const ds_request *request, ds_plan *plan, ds_arena *arena,
                         ds_error *err) {
  const ds_names *keys = &request->snapshot->space.keys;
  plan->columns.keys_count = keys->count;
  return codes_all(keys, arena, &plan->columns.keys, err);
}

ds_code ds_plan_all_properties(const ds_request *request, ds_plan *plan, ds_arena *arena,
                               ds_error *err) {
  const ds_names *properties = &request->snapshot->space.properties;
  plan->columns.properties_count = properties->count;
  return codes_all(properties, arena, &plan->columns.properties, err);
}

int64_t ds_question_day(const ds_request *request, int64_t time_ms) {
  if (request->zone != NULL)
    return ds_zone_day(request->zone, time_ms);
  return time_ms / DS_DAY_MS - (time_ms % DS_DAY_MS < 0);
}
