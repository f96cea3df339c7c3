// SPDX-License-Identifier: Apache-2.0
// Steps of an import whose file is an event log: a reader of our own fills the batches, and the
// plan grows as attributes turn up.
#include <stdio.h>

#include "base/limits.h"
#include "ingest/importer.h"
#include "ingest/xes.h"

bool ds_importer_has_tables(const ds_importer *importer) {
  bool tables = importer->mapping.name != NULL;
  for (uint32_t i = 0; i < importer->files_count; i++)
    tables |= !ds_source_is_log(&importer->files[i]);
  return tables;
}

enum { WANTED_MAX = 64 };

// The name of a column before it was renamed.
static ds_str renamed_from(const ds_import_options *options, ds_str name) {
  for (uint32_t i = 0; i < options->renames_count; i++)
    if (ds_str_equal_nocase(name, ds_str_of(options->renames[i].value)))
      return ds_str_of(options->renames[i].name);
  return name;
}

// The columns that options name: wherever in a log they first appear, they are to be found.
static uint32_t columns_wanted(const ds_import_options *options, ds_str wanted[WANTED_MAX]) {
  const char *const lists[] = {options->customer_column, options->time_column,
                               options->event_column, options->case_column};
  uint32_t count = 0;
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
    for (const char *at = lists[i]; at != NULL && *at != '\0' && count < WANTED_MAX;) {
      const ds_str name = {at, i == 3 ? (uint32_t)strcspn(at, ",") : (uint32_t)strlen(at)};
      wanted[count++] = renamed_from(options, name);
      at += name.size + (at[name.size] == ',');
    }
  return count;
}

ds_code ds_importer_log_look(ds_importer *importer, uint32_t file, ds_input *ret_input,
                             ds_error *err) {
  if (importer->time_format != NULL)
    return ds_fail(err, DS_USAGE, "%s: the times of an event log are ISO 8601: --option "
                   "time_format is not for it", importer->files[file].name);
  ds_str wanted[WANTED_MAX];
  const uint32_t count = columns_wanted(importer->options, wanted);
  return ds_xes_look(importer->io, &importer->files[file], wanted, count, &importer->plans,
                     ret_input, err);
}

// --- OCEL

static ds_code ocel_taken(ds_importer *importer, const ds_ocel *ocel, ds_error *err) {
  ds_taken *rows = ds_arena_array(&importer->plans, 4, sizeof *rows);
  char as[DS_NAME_BYTES_MAX + 16];
  snprintf(as, sizeof as, "customer (%s)", ds_ocel_kind(ocel));
  if (rows == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory planning an import");
  rows[0] = (ds_taken){ds_ocel_customer(ocel), ds_arena_text(&importer->plans, as, strlen(as)),
                       "string"};
  rows[1] = (ds_taken){"event type", "event", "string"};
  rows[2] = (ds_taken){"event time", "time", "time"};
  rows[3] = (ds_taken){"event id", "event id", "string"};
  if (rows[0].as == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory planning an import");
  const ds_taken_list taken = {rows, 4};
  return ds_importer_taken(importer, &taken, err);
}

ds_code ds_importer_ocel_plan(ds_importer *importer, uint32_t file, ds_error *err) {
  const ds_import_options *options = importer->options;
  const ds_source *source = &importer->files[file];
  if (options->time_column != NULL || options->event_column != NULL ||
      options->case_column != NULL || importer->time_format != NULL)
    return ds_fail(err, DS_USAGE, "%s: an OCEL log says itself what its events, times and cases "
                   "are: of the columns only --customer TYPE can be said", source->name);
  const ds_ocel_options ocel = {
      .io = importer->io, .file = source, .customer = options->customer_column,
      .zone = importer->zone, .id_scope = importer->source_name,
      .refused = &importer->quarantine, .strict = options->strict,
      .progress = options->progress,
  };
  ds_plan *plan;
  TRY(ds_importer_step(importer, file, &plan, err));
  ds_import_step *step = &importer->steps[importer->steps_count - 1];
  TRY(ds_ocel_open(&ocel, &importer->plans, plan, &step->ocel, err));
  return ocel_taken(importer, step->ocel, err);
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

static ds_code xes_run(ds_importer *importer, const ds_rows_job *job, uint64_t *ret_rows,
                       ds_error *err) {
  uint64_t empty = 0;
  char count[32];
  TRY(ds_xes_run(job, ret_rows, &empty, err));
  if (empty > 0)
    ds_result_note(importer->result, false, "%s: %s %s no events and %s no case here",
                   job->file->name, ds_human_count(count, empty),
                   empty == 1 ? "trace holds" : "traces hold", empty == 1 ? "is" : "are");
  return DS_OK;
}

static ds_code ocel_run(ds_importer *importer, ds_ocel *ocel, const ds_rows_job *job,
                        uint64_t *ret_rows, ds_error *err) {
  ds_ocel_stats stats;
  char a[32];
  TRY(ds_ocel_run(ocel, job, &stats, err));
  *ret_rows = stats.rows;
  importer->times_local |= stats.local_times;
  if (stats.changes > 0)
    ds_result_note(importer->result, false, "%s: %s rows are changes of objects, as events "
                   "\"… changed\"", job->file->name, ds_human_count(a, stats.changes));
  if (stats.several > 0)
    ds_result_note(importer->result, false, "%s: %s events name several objects of type %s: the "
                   "first is their customer, all are case keys", job->file->name,
                   ds_human_count(a, stats.several), ds_ocel_customer(ocel));
  if (stats.relations > 0)
    ds_result_note(importer->result, false, "%s: %s relations between objects served to find the "
                   "customers of events that name none; they are not kept", job->file->name,
                   ds_human_count(a, stats.relations));
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
  ds_code code = step->ocel == NULL ? xes_run(importer, &job, ret_rows, err)
                                    : ocel_run(importer, step->ocel, &job, ret_rows, err);
  if (code == DS_OK)
    code = refused_join(importer, &refused, err);
  ds_quarantine_done(&refused);
  return code;
}
