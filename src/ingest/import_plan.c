// SPDX-License-Identifier: Apache-2.0
// The steps of an import: one query per file when columns are recognised, one per source of a
// mapping.
#include <stdio.h>

#include "base/map.h"
#include "ingest/importer.h"
#include "ingest/personal.h"

ds_code ds_importer_step(ds_importer *importer, uint32_t file, ds_plan **ret_plan,
                         ds_error *err) {
  ds_import_step *steps = ds_arena_array(&importer->plans, importer->steps_count + 1,
                                         sizeof *steps);
  ds_plan *plan = ds_arena_alloc(&importer->plans, sizeof *plan);
  if (steps == NULL || plan == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory planning an import");
  if (importer->steps_count > 0)
    memcpy(steps, importer->steps, importer->steps_count * sizeof *steps);
  steps[importer->steps_count++] = (ds_import_step){.plan = plan, .file = file};
  importer->steps = steps;
  *ret_plan = plan;
  return DS_OK;
}

// The files of one import are one table: a column that is a number here and text there is text.
static void types_unify(ds_input *inputs, uint32_t count) {
  for (uint32_t a = 1; a < count; a++)
    for (uint32_t i = 0; i < inputs[a].columns_count; i++) {
      ds_input_column *mine = &inputs[a].columns[i];
      for (uint32_t k = 0; k < inputs[0].columns_count; k++) {
        ds_input_column *first = &inputs[0].columns[k];
        if (!ds_str_equal(mine->name, first->name))
          continue;
        first->personal |= mine->personal;
        first->distinct &= mine->distinct;
        if (first->type == DS_TYPE_NULL)
          first->type = mine->type;
        else if (mine->type != DS_TYPE_NULL && mine->type != first->type)
          first->type = DS_TYPE_STRING;
      }
    }
  for (uint32_t a = 1; a < count; a++)
    for (uint32_t i = 0; i < inputs[a].columns_count; i++) {
      ds_input_column *mine = &inputs[a].columns[i];
      for (uint32_t k = 0; k < inputs[0].columns_count; k++)
        if (ds_str_equal(mine->name, inputs[0].columns[k].name)) {
          mine->personal = inputs[0].columns[k].personal;
          mine->distinct = inputs[0].columns[k].distinct;
          mine->type = inputs[0].columns[k].type;
        }
    }
}

// The report shows each column once, as the first file that has it.
ds_code ds_importer_taken(ds_importer *importer, const ds_taken_list *more, ds_error *err) {
  ds_taken_list *all = &importer->taken;
  ds_taken *rows =
      ds_arena_array(&importer->plans, all->count + more->count + 1, sizeof *rows);
  if (rows == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory planning an import");
  if (all->count > 0)
    memcpy(rows, all->rows, all->count * sizeof *rows);
  uint32_t count = all->count;
  for (uint32_t i = 0; i < more->count; i++) {
    bool found = false;
    for (uint32_t k = 0; k < all->count && !found; k++)
      found = strcmp(all->rows[k].column, more->rows[i].column) == 0;
    if (!found)
      rows[count++] = more->rows[i];
  }
  if (count > all->count)
    *all = (ds_taken_list){rows, count};
  return DS_OK;
}

static ds_code file_plan(ds_importer *importer, const ds_input *input, uint32_t file,
                         ds_error *err) {
  ds_plan *plan;
  ds_taken_list taken;
  TRY(ds_importer_step(importer, file, &plan, err));
  TRY(ds_recognise(input, importer->options, importer->time_format, importer->source_name,
                   &importer->space, &importer->plans, plan, &taken, err));
  TRY(ds_importer_taken(importer, &taken, err));
  if (ds_source_is_log(input->file))
    return DS_OK;
  ds_buf sql;
  ds_buf_init(&sql, 1 << 20);
  ds_input_sql(input->file, NULL, file, &sql);
  ds_code code = ds_buf_check(&sql, "a query", err);
  if (code == DS_OK)
    plan->base = ds_arena_text(&importer->plans, (const char *)sql.data, sql.size);
  ds_buf_done(&sql);
  if (code == DS_OK && plan->base == NULL)
    code = ds_fail(err, DS_MEMORY, "out of memory planning an import");
  return code;
}

// What the notes say of the time column.
static void time_note(ds_importer *importer, const ds_input *input, const ds_plan *plan) {
  const char *name = plan->columns[plan->events[0].time].name;
  for (uint32_t i = 0; i < input->columns_count; i++) {
    const ds_input_column *column = &input->columns[i];
    if (!ds_str_equal(column->name, ds_str_of(name)))
      continue;
    importer->times_number |= column->type == DS_TYPE_NUMBER;
    importer->times_local |=
        column->type != DS_TYPE_NUMBER && !column->zoned &&
        plan->columns[plan->events[0].time].physical != DS_PHYSICAL_MICROS_UTC;
  }
}

// The columns of a file; events and OCEL logs have none.
static ds_code file_look(ds_importer *importer, uint32_t file, ds_input *input, ds_error *err) {
  switch (importer->files[file].kind) {
  case DS_SOURCE_EVENTS:
  case DS_SOURCE_OCEL_JSON:
  case DS_SOURCE_OCEL_XML:
  case DS_SOURCE_OCEL_SQLITE:
    return DS_OK;
  case DS_SOURCE_XES:
    return ds_importer_log_look(importer, file, input, err);
  default:
    return ds_input_look(importer->duck, importer->io, &importer->files[file], &importer->plans,
                         input, err);
  }
}

ds_code ds_importer_recognise(ds_importer *importer, ds_error *err) {
  ds_input *inputs =
      ds_arena_array(&importer->plans, importer->files_count, sizeof *inputs);
  if (inputs == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory planning an import");
  for (uint32_t i = 0; i < importer->files_count; i++)
    TRY(file_look(importer, i, &inputs[i], err));
  types_unify(inputs, importer->files_count);
  for (uint32_t i = 0; i < importer->files_count; i++) {
    const ds_source_kind kind = importer->files[i].kind;
    if (kind == DS_SOURCE_EVENTS || kind > DS_SOURCE_XES) {
      TRY(kind == DS_SOURCE_EVENTS ? ds_importer_events_plan(importer, i, err)
                                   : ds_importer_ocel_plan(importer, i, err));
      continue;
    }
    TRY(file_plan(importer, &inputs[i], i, err));
    time_note(importer, &inputs[i], importer->steps[i].plan);
  }
  return DS_OK;
}
