// SPDX-License-Identifier: Apache-2.0
// --list of quality. A row of the table `problems` is known only when it has been counted: the
// tables are made once more beside the answer, then what the row counted is listed.
#include <assert.h>

#include "question/census_list.h"
#include "question/common.h"
#include "question/quality.h"
#include "question/spans.h"
#include "scan/property_types.h"

// What can be listed.
enum { LIST_TOUCHPOINTS, LIST_PROPERTIES, LIST_PROBLEMS };
static const char *const uncounted[] = {"gap", "missing_properties", NULL}; // days, and names
static const ds_figures listed[] = {
    [LIST_TOUCHPOINTS] = {"touchpoints", 1, {"touchpoint"},
                          {"events", "customers", "out_of_order", "late"}, NULL, NULL},
    [LIST_PROPERTIES] = {"properties", 2, {"touchpoint", "property"}, {"values"}, NULL, NULL},
    [LIST_PROBLEMS] = {"problems", 1, {"kind", "example"}, {"count"}, uncounted, NULL},
};

// What the second scan looks for.
typedef struct list_context {
  const quality_context *quality;
  quality_kind kind;
  uint32_t touchpoint; // DS_NONE: of all
} list_context;

typedef struct list_target {
  const list_context *in;
  ds_list *list;
} list_target;

static ds_code take(void *to, quality_kind kind, const ds_block *block, uint32_t j, uint32_t e,
                    ds_error *err) {
  const list_target *target = to;
  const uint32_t touchpoint = target->in->touchpoint;
  if (kind != target->in->kind || (touchpoint != DS_NONE && block->touchpoint[e] != touchpoint))
    return DS_OK;
  return ds_list_add(target->list, block, j, e, 0, err);
}

static ds_code list_journey(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                            ds_error *err) {
  const list_context *in = context;
  list_target target = {in, list};
  return ds_quality_walk(in->quality, ds_list_scratch(list), block, j, take, &target, err);
}

// What the kernel finds of a kind.
static ds_code list_kind(quality_work *work, ds_plan *plan, quality_kind kind, uint32_t touchpoint,
                         ds_result *result, ds_error *err) {
  const list_context in = {&work->context, kind, touchpoint};
  const ds_list_plan list = {.journey = list_journey, .context = &in,
                             .scratch_bytes = sizeof(quality_walk),
                             .scratch_done = ds_quality_walk_done,
                             .touchpoints = touchpoint == DS_NONE};
  return ds_list_run(work->request, plan, &list, result, err);
}

// Events of the figure that carry property `code` (DS_NONE: no event does), or lack it.
static ds_code list_property(quality_work *work, ds_plan *plan, census_figure figure,
                             uint32_t code, ds_result *result, ds_error *err) {
  const uint16_t property = (uint16_t)code;
  plan->columns.properties = &property;
  plan->columns.properties_count = code == DS_NONE ? 0 : 1;
  plan->columns.keys_count = 0;
  return ds_census_list(work->request, plan, &figure, result, err);
}

// Values of other types than the one in which the property is read, of the whole store.
static ds_code list_types(quality_work *work, uint32_t property, ds_result *result,
                          ds_error *err) {
  ds_property_kinds kinds;
  uint16_t codes[DS_TYPES_COUNT];
  ds_type types[DS_TYPES_COUNT];
  ds_plan whole = {.threads = work->plan.threads, .progress = work->plan.progress};
  const census_figure figure = {.touchpoint = DS_NONE, .carry = CENSUS_CARRIES};
  TRY(ds_property_kinds_of(work->request->snapshot, (uint16_t)property, &kinds, err));
  for (uint32_t t = 0; t < DS_TYPES_COUNT; t++) {
    if ((ds_type)t == kinds.type || kinds.values[t] == 0)
      continue;
    types[whole.columns.properties_count] = (ds_type)t;
    codes[whole.columns.properties_count++] = (uint16_t)property;
  }
  whole.columns.properties = codes;
  whole.columns.property_types = types;
  return ds_census_list(work->request, &whole, &figure, result, err);
}

// Values of a key that occur with more than one customer, each once.
static ds_code list_shared(quality_work *work, ds_plan *plan, uint32_t key, ds_result *result,
                           ds_error *err) {
  const quality_hashes *all = &work->state->hashes[key];
  const uint16_t column = plan->columns.keys[key];
  ds_map64 shared;
  ds_map64_init(&shared);
  const census_figure figure = {.touchpoint = DS_NONE, .cases = true, .only = &shared};
  plan->columns.keys = &column;
  plan->columns.keys_count = 1;
  ds_code code = ds_spans_shared(all->hash, all->count, &shared, err);
  if (code == DS_OK)
    code = ds_census_list(work->request, plan, &figure, result, err);
  ds_map64_done(&shared);
  return code;
}

static ds_code list_problem(quality_work *work, ds_plan *plan, const quality_problem *problem,
                            ds_result *result, ds_error *err) {
  census_figure figure = {.touchpoint = problem->touchpoint};
  switch (problem->of) {
  case QUALITY_OF_KIND:
    return list_kind(work, plan, problem->kind, DS_NONE, result, err);
  case QUALITY_OF_MIDNIGHT:
    figure.midnight = &work->days;
    break;
  case QUALITY_OF_VALUES:
  case QUALITY_OF_LACKING:
    figure.carry = problem->of == QUALITY_OF_VALUES ? CENSUS_CARRIES : CENSUS_LACKS;
    return list_property(work, plan, figure, problem->property, result, err);
  case QUALITY_OF_TYPES:
    return list_types(work, problem->property, result, err);
  case QUALITY_OF_SHARED:
    return list_shared(work, plan, problem->key, result, err);
  case QUALITY_OF_DAYS:
    return ds_fail(err, DS_USAGE, "--list: a gap is days without events: there is none to list");
  case QUALITY_OF_NAMES:
    return ds_fail(err, DS_USAGE, "--list: no event carries the missing properties; the table "
                   "properties names them: those of coverage 0");
  case QUALITY_OF_TOUCHPOINT:
    break;
  }
  plan->columns.keys_count = 0;
  return ds_census_list(work->request, plan, &figure, result, err);
}

// Counts all problems, into a result of its own, and finds the row meant.
static ds_code find_problem(quality_work *work, quality_wanted *wanted, ds_error *err) {
  ds_result *result = work->result;
  ds_result *aside = ds_arena_alloc(work->request->arena, sizeof *aside);
  if (aside == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a list");
  ds_result_init(aside, work->request->arena, "quality");
  work->result = aside;
  work->wanted = wanted;
  const ds_code code = ds_quality_tables(work, err);
  work->result = result;
  work->wanted = NULL;
  if (code != DS_OK || wanted->found == 1)
    return code;
  if (wanted->found > 1)
    return ds_fail(err, DS_USAGE, "--list: %u problems are of kind=%.*s: say which by its example=",
                   wanted->found, DS_STR(wanted->kind));
  return ds_fail(err, DS_USAGE, "--list: no problem is of kind=%.*s%s%.*s", DS_STR(wanted->kind),
                 wanted->example.data == NULL ? "" : " with example=", DS_STR(wanted->example));
}

void ds_quality_listable(ds_result *result) {
  ds_list_offer(result, listed, sizeof listed / sizeof *listed, NULL);
}

ds_code ds_quality_list(quality_work *work, const char *text, ds_error *err) {
  ds_list_figure asked;
  ds_plan plan = work->plan;
  census_figure figure = {.touchpoint = DS_NONE};
  uint32_t property = 0;
  TRY(ds_list_read(work->request, text, NULL, work->result, &asked, err));
  if (asked.table == LIST_PROBLEMS) {
    quality_wanted wanted = {.kind = asked.key[0], .example = asked.key[1]};
    TRY(find_problem(work, &wanted, err));
    return list_problem(work, &plan, &wanted.problem, work->result, err);
  }
  TRY(ds_list_touchpoint(work->request, asked.key[0], &figure.touchpoint, err));
  if (asked.table == LIST_PROPERTIES) {
    property = ds_names_find(&work->request->snapshot->space.properties, asked.key[1]);
    // What the catalogue expects stands in the table though no event carries it.
    if (property == DS_NONE &&
        ds_quality_expected(work->known[figure.touchpoint], asked.key[1]) == NULL)
      TRY(ds_list_property(work->request, asked.key[1], &property, err));
    figure.carry = CENSUS_CARRIES;
    return list_property(work, &plan, figure, property, work->result, err);
  }
  if (asked.column >= 2)
    return list_kind(work, &plan, asked.column == 2 ? QUALITY_OUT_OF_ORDER : QUALITY_LATE,
                     figure.touchpoint, work->result, err);
  figure.customers = asked.column == 1;
  plan.columns.keys_count = 0;
  return ds_census_list(work->request, &plan, &figure, work->result, err);
}
