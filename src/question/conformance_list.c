// SPDX-License-Identifier: Apache-2.0
// --list for conformance: the cases that fit, or have a deviation, and the deviations themselves.
#include "question/conformance.h"
#include "question/list.h"

enum { TABLE_OVERALL, TABLE_KINDS, TABLE_DEVIATIONS, TABLES };
enum { KINDS_OCCURRENCES, KINDS_CASES };

static const ds_figures tables[TABLES] = {
    {"overall", 0, {NULL}, {"cases", "fits"}, NULL, NULL},
    {"kinds", 1, {"kind"}, {"occurrences", "cases"}, NULL, NULL},
    {"deviations", 1, {"kind", "step", "what"}, {"occurrences", "cases"}, NULL, NULL},
};

// The figure that is listed.
typedef struct list_context {
  const ds_conformance *asked;
  bool all;      // every case
  bool fits;     // those without a deviation
  bool once;     // a case once
  bool any_what; // whatever step or touchpoint
  ds_deviation_kind kind;
  uint32_t what;
} list_context;

typedef struct list_scratch {
  ds_conformance_reader *reader;
} list_scratch;

static void scratch_done(void *scratch) {
  ds_conformance_reader_free(((list_scratch *)scratch)->reader);
}

static ds_code list_block(const void *context, const ds_block *block, ds_list *list,
                          ds_error *err) {
  list_scratch *scratch = ds_list_scratch(list);
  if (scratch->reader == NULL)
    TRY(ds_conformance_reader_new(((const list_context *)context)->asked, &scratch->reader, err));
  return ds_conformance_begin(scratch->reader, block, err);
}

static ds_code list_journey(const void *of, const ds_block *block, uint32_t j, ds_list *list,
                            ds_error *err) {
  const list_context *context = of;
  const list_scratch *scratch = ds_list_scratch(list);
  ds_conformance_case one;
  TRY(ds_conformance_read(scratch->reader, block, j, &one, err));
  if (one.too_long)
    return DS_OK;
  if (context->all || context->fits)
    return context->fits && one.deviations > 0
               ? DS_OK
               : ds_list_add(list, block, j, block->offset[j], 0, err);
  for (uint32_t d = 0; d < one.deviations; d++) {
    const ds_deviation *found = &one.deviation[d];
    if (found->kind != context->kind || (!context->any_what && found->what != context->what))
      continue;
    TRY(ds_list_add(list, block, j, found->event, 0, err));
    if (context->once)
      return DS_OK;
  }
  return DS_OK;
}

static ds_code read_kind(ds_str text, bool or_fits, list_context *context, ds_error *err) {
  context->fits = or_fits && ds_str_equal(text, ds_str_of("fits"));
  for (ds_deviation_kind k = 0; k < DS_DEVIATION_KINDS; k++)
    if (ds_str_equal(text, ds_str_of(ds_deviation_kind_name(k)))) {
      context->kind = k;
      return DS_OK;
    }
  if (context->fits)
    return DS_OK;
  return ds_fail(err, DS_USAGE, "--list: kind=%.*s is none of %sskipped, inserted, wrong_order and "
                 "too_late", DS_STR(text), or_fits ? "fits, " : "");
}

// Which step, or which touchpoint was inserted; without a step the whole.
static ds_code read_what(const ds_conformance *asked, ds_str step, ds_str what,
                         list_context *context, ds_error *err) {
  uint64_t number = asked->pattern->steps + 1;
  if (context->kind == DS_INSERTED && what.data == NULL)
    return ds_fail(err, DS_USAGE, "--list: kind=inserted needs what=");
  if (context->kind == DS_INSERTED)
    return ds_list_touchpoint(asked->request, what, &context->what, err);
  if (step.data != NULL && (!ds_str_to_u64(step, &number) || number == 0 ||
                            number > asked->pattern->steps))
    return ds_fail(err, DS_USAGE, "--list: step=%.*s: the path has steps 1 to %u", DS_STR(step),
                   asked->pattern->steps);
  if (step.data == NULL && what.data == NULL)
    return ds_fail(err, DS_USAGE, "--list: a row of deviations needs step=, or for the whole "
                   "what='(the whole)'");
  context->what = (uint32_t)number - 1;
  return DS_OK;
}

void ds_conformance_listable(const ds_conformance *asked, ds_result *result) {
  ds_list_offer(result, tables, TABLES, asked->grouped ? &asked->by : NULL);
}

ds_code ds_conformance_list(const ds_conformance *asked, const char *cell, ds_result *result,
                            ds_error *err) {
  ds_list_figure figure;
  TRY(ds_list_read(asked->request, cell, &asked->by, result, &figure, err));
  list_context context = {.asked = asked, .all = figure.table == TABLE_OVERALL,
                          .once = figure.column == KINDS_CASES,
                          .any_what = figure.table == TABLE_KINDS};
  if (context.all)
    context.fits = figure.column == 1;
  else
    TRY(read_kind(figure.key[0], context.any_what, &context, err));
  if (figure.table == TABLE_DEVIATIONS)
    TRY(read_what(asked, figure.key[1], figure.key[2], &context, err));
  const ds_list_plan list = {.by = asked->grouped ? &asked->by : NULL, .group = figure.group,
                             .block = list_block, .journey = list_journey, .context = &context,
                             .scratch_bytes = sizeof(list_scratch), .scratch_done = scratch_done,
                             .touchpoints = !context.all && !context.fits};
  return ds_list_run(asked->request, &asked->plan, &list, result, err);
}
