// SPDX-License-Identifier: Apache-2.0
// Steps of an import whose file is an event log: a reader of our own fills the batches, and the
// plan grows as attributes turn up.
#include <stdio.h>

#include "ingest/importer.h"
#include "ingest/xes.h"

bool ds_importer_has_tables(const ds_importer *importer) {
  bool tables = importer->mapping.name != NULL;
  for (uint32_t i = 0; i < importer->files_count; i++)
    tables |= !ds_source_is_log(&importer->files[i]);
  return tables;
}

ds_code ds_importer_log_look(ds_importer *importer, uint32_t file, ds_input *ret_input,
                             ds_error *err) {
  if (importer->time_format != NULL)
    return ds_fail(err, DS_USAGE, "%s: the times of an event log are ISO 8601: --option "
                   "time_format is not for it", importer->files[file].name);
  return ds_xes_look(importer->io, &importer->files[file], &importer->plans, ret_input, err);
}

// What a column that turns up needs to know.
typedef struct growth {
  ds_importer *importer;
  const ds_source *file;
} growth;

static ds_code plan_grow(void *context, ds_plan *plan, const ds_input_column *column, bool key,
                         ds_error *err) {
  const growth *g = context;
  ds_taken_list taken;
  TRY(ds_recognise_more(g->file, column, key, g->importer->options, &g->importer->space,
                        &g->importer->plans, plan, &taken, err));
  return ds_importer_taken(g->importer, &taken, err);
}

// What the reader left out stands beside what the encoder did.
static ds_code refused_join(ds_importer *importer, const ds_quarantine *more, ds_error *err) {
  for (size_t i = 0; i < more->count; i++)
    TRY(ds_quarantine_add(&importer->quarantine, &more->list[i], 1, err));
  return DS_OK;
}

ds_code ds_importer_log_run(ds_importer *importer, const ds_import_step *step, uint32_t threads,
                            uint64_t *ret_rows, ds_error *err) {
  growth g = {importer, &importer->files[step->file]};
  ds_quarantine refused;
  ds_quarantine_init(&refused);
  const ds_rows_job job = {
      .io = importer->io, .file = g.file, .plan = step->plan, .threads = threads,
      .take = ds_encoder_take, .take_context = importer->encoder,
      .grow = plan_grow, .grow_context = &g,
      .refused = &refused, .strict = importer->options->strict,
      .progress = importer->options->progress,
  };
  uint64_t empty = 0;
  ds_code code = ds_xes_run(&job, ret_rows, &empty, err);
  if (code == DS_OK)
    code = refused_join(importer, &refused, err);
  char count[32];
  if (code == DS_OK && empty > 0)
    ds_result_note(importer->result, false, "%s: %s traces hold no events and are no cases here",
                   g.file->name, ds_human_count(count, empty));
  ds_quarantine_done(&refused);
  return code;
}
