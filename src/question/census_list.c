// SPDX-License-Identifier: Apache-2.0
// See census_list.h.
#include "question/census_list.h"

#include <stdlib.h>

#include "question/quality_kernel.h"

// The values of a journey that are listed already, as bits.
typedef struct list_scratch {
  uint64_t *seen;
  uint32_t words;
} list_scratch;

static void scratch_done(void *memory) { free(((list_scratch *)memory)->seen); }

static bool carries(const ds_block *block, uint32_t e) {
  for (uint32_t p = 0; p < block->properties_count; p++) {
    const ds_property_column *column = &block->property[p];
    if (column->type != DS_TYPE_NULL && (column->present[e / 64] >> (e % 64) & 1) != 0)
      return true;
  }
  return false;
}

static bool is_counted(const census_figure *figure, const ds_block *block, uint32_t e) {
  if (figure->touchpoint != DS_NONE && block->touchpoint[e] != figure->touchpoint)
    return false;
  if (figure->carry != CENSUS_WHATEVER && carries(block, e) != (figure->carry == CENSUS_CARRIES))
    return false;
  if (figure->keyed && block->key[0].first[e] == block->key[0].first[e + 1])
    return false;
  const int64_t time_ms = block->time_ms[e];
  return figure->midnight == NULL ||
         quality_is_midnight(figure->midnight, ds_calendar_find(figure->midnight, time_ms),
                             time_ms);
}

static ds_code list_events(const census_figure *figure, const ds_block *block, uint32_t j,
                           ds_list *list, ds_error *err) {
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
    if (!is_counted(figure, block, e))
      continue;
    TRY(ds_list_add(list, block, j, e, 0, err));
    if (figure->customers)
      break;
  }
  return DS_OK;
}

static ds_code list_cases(const census_figure *figure, const ds_block *block, uint32_t j,
                          ds_list *list, ds_error *err) {
  const ds_key_column *key = &block->key[0];
  const uint32_t base = key->offset[j], words = (key->offset[j + 1] - base) / 64 + 1;
  list_scratch *scratch = ds_list_scratch(list);
  if (words > scratch->words) {
    free(scratch->seen);
    scratch->seen = malloc(words * sizeof *scratch->seen);
    scratch->words = scratch->seen == NULL ? 0 : words;
    if (scratch->seen == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for a list");
  }
  memset(scratch->seen, 0, words * sizeof *scratch->seen);
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++)
    for (uint32_t i = key->first[e]; i < key->first[e + 1]; i++) {
      const uint32_t value = key->item[i], bit = value - base;
      const bool again = (scratch->seen[bit / 64] >> (bit % 64) & 1) != 0;
      scratch->seen[bit / 64] |= 1ull << (bit % 64);
      if (!again &&
          (figure->only == NULL || ds_map64_get(figure->only, key->hash[value]) != DS_NONE))
        TRY(ds_list_add_named(list, block, j, e, key->text[value], 0, err));
    }
  return DS_OK;
}

static ds_code list_journey(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                            ds_error *err) {
  const census_figure *figure = context;
  return (figure->cases ? list_cases : list_events)(figure, block, j, list, err);
}

ds_code ds_census_list(const ds_request *request, const ds_plan *plan, const census_figure *figure,
                       ds_result *result, ds_error *err) {
  ds_plan listing = *plan;
  listing.columns.key_texts = figure->cases;
  const ds_list_plan list = {
      .journey = list_journey,
      .context = figure,
      .scratch_bytes = sizeof(list_scratch),
      .scratch_done = scratch_done,
      .touchpoints = figure->touchpoint == DS_NONE,
      .named = figure->cases,
      .once = figure->only != NULL,
  };
  return ds_list_run(request, &listing, &list, result, err);
}
