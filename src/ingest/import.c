// SPDX-License-Identifier: Apache-2.0
// The order of an import: look at every byte of every file; plan; read, check and stage every row;
// sort; write the list of what was refused; commit. Until the commit nothing of it can be seen.
#include "ingest/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/pool.h"
#include "ingest/importer.h"
#include "ingest/lines.h"

void ds_import_options_init(ds_import_options *options) {
  *options = (ds_import_options){.struct_size = sizeof *options,
                                 .threads = ds_processors(),
                                 .memory_bytes = DS_IMPORT_MEMORY};
}

// The common shape of "this option must be one of these".
static ds_code unit_check(const char *unit, ds_error *err) {
  if (strcmp(unit, "s") == 0 || strcmp(unit, "ms") == 0 || strcmp(unit, "us") == 0)
    return DS_OK;
  return ds_fail(err, DS_USAGE, "--time-unit is s, ms or us, not %.32s", unit);
}

static ds_code zone_open(ds_importer *importer, ds_error *err) {
  const char *name = importer->options->time_zone != NULL ? importer->options->time_zone
                     : importer->mapping.time_zone != NULL ? importer->mapping.time_zone
                                                           : "UTC";
  importer->time_zone = name;
  if (strcmp(name, "UTC") == 0)
    return DS_OK;
  return ds_zone_load(importer->io, "/usr/share/zoneinfo", ds_str_of(name), &importer->zone, err);
}

// A store's settings are its own; a dry run without one may be told where they are.
static ds_code settings_open(ds_importer *importer, ds_error *err) {
  const char *folder = importer->store != NULL ? ds_store_path(importer->store)
                                               : importer->options->settings_folder;
  if (folder == NULL)
    return ds_settings_parse(importer->io, (ds_str){"", 0}, &importer->plans,
                             &importer->settings, err);
  return ds_settings_read(importer->io, folder, &importer->plans, &importer->settings, err);
}

// What makes an import the same as another: the bytes of its files and how they are read. Not the
// store's settings: a changed one would bring the same events in again under other names.
static uint64_t fingerprint(const ds_importer *importer) {
  const ds_import_options *options = importer->options;
  XXH3_state_t *state = XXH3_createState();
  if (state == NULL)
    return 0;
  XXH3_64bits_reset(state);
  for (uint32_t i = 0; i < importer->files_count; i++)
    XXH3_64bits_update(state, &importer->files[i].hash, sizeof importer->files[i].hash);
  const char *const texts[] = {
      options->customer_column, options->time_column, options->event_column,
      options->case_column, importer->time_unit, importer->time_zone, options->delimiter,
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    XXH3_64bits_update(state, texts[i] == NULL ? "" : texts[i],
                       texts[i] == NULL ? 1 : strlen(texts[i]) + 1);
  for (uint32_t i = 0; i < options->options_count; i++) {
    XXH3_64bits_update(state, options->options[i].name, strlen(options->options[i].name) + 1);
    XXH3_64bits_update(state, options->options[i].value, strlen(options->options[i].value) + 1);
  }
  for (uint32_t i = 0; i < options->renames_count; i++) {
    XXH3_64bits_update(state, options->renames[i].name, strlen(options->renames[i].name) + 1);
    XXH3_64bits_update(state, options->renames[i].value, strlen(options->renames[i].value) + 1);
  }
  if (importer->mapping_text.size > 0)
    XXH3_64bits_update(state, importer->mapping_text.data, importer->mapping_text.size);
  const uint64_t hash = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  return hash;
}

static ds_code prepare(ds_importer *importer, ds_error *err) {
  const ds_import_options *options = importer->options;
  if (options->files_count == 0)
    return ds_fail(err, DS_USAGE, "name the files to import");
  TRY(settings_open(importer, err));
  if (importer->store != NULL)
    TRY(ds_store_set_retention(importer->store, &importer->settings.retention, err));
  if (options->mapping != NULL)
    TRY(ds_importer_mapping(importer, err));
  TRY(ds_importer_options(importer, err));
  importer->time_unit = options->time_unit != NULL ? options->time_unit
                        : importer->mapping.time_unit != NULL ? importer->mapping.time_unit
                                                              : "ms";
  TRY(unit_check(importer->time_unit, err));
  TRY(zone_open(importer, err));
  TRY(ds_importer_files(importer, err));
  importer->fingerprint = fingerprint(importer);
  return DS_OK;
}

typedef struct earlier {
  uint32_t id;
  int64_t when_ms;
} earlier;

static ds_code earlier_when(void *context, const ds_import_info *info, ds_error *err) {
  (void)err;
  earlier *found = context;
  if (info->id == found->id)
    found->when_ms = info->when_ms;
  return DS_OK;
}

static ds_code earlier_find(ds_importer *importer, earlier *found, ds_error *err) {
  *found = (earlier){0};
  if (importer->store == NULL || importer->options->again)
    return DS_OK;
  TRY(ds_store_import_find(importer->store, importer->fingerprint, &found->id, err));
  return found->id == 0 ? DS_OK : ds_store_imports(importer->store, earlier_when, found, err);
}

static ds_code duck_start(ds_importer *importer, ds_error *err) {
  char temp[DS_PATH_BYTES_MAX + 16];
  if (importer->store != NULL)
    snprintf(temp, sizeof temp, "%s/tmp", ds_store_path(importer->store));
  return ds_duck_open(importer->options->duckdb_path, importer->store == NULL ? NULL : temp,
                      DS_IMPORT_DUCK_MEMORY, &importer->duck, err);
}

static uint32_t threads_of(const ds_importer *importer) {
  return importer->options->threads == 0 ? ds_processors() : importer->options->threads;
}

static size_t memory_of(const ds_importer *importer) {
  const size_t given = importer->options->memory_bytes;
  return given == 0 || given > DS_IMPORT_MEMORY ? DS_IMPORT_MEMORY : given;
}

static ds_code encoder_start(ds_importer *importer, ds_error *err) {
  const ds_import_options *options = importer->options;
  if (!options->dry_run) {
    if (importer->store == NULL)
      return ds_fail(err, DS_USAGE, "an import needs a store");
    TRY(ds_stage_new(importer->store, &importer->space, threads_of(importer),
                     memory_of(importer), options->progress, &importer->stage, err));
    importer->id = ds_stage_scope(importer->stage)->id;
  }
  uint32_t source;
  TRY(ds_names_add(&importer->space.sources, ds_str_of(importer->source_name), &source, err));
  const ds_encode_options encode = {
      .stage = importer->stage,
      .space = &importer->space,
      .store = importer->store,
      .quarantine = &importer->quarantine,
      .catalogue = importer->settings.catalogue,
      .zone = importer->zone,
      .time_unit = importer->time_unit,
      .source = (uint16_t)source,
      .now_ms = options->now_ms != 0 ? options->now_ms : importer->io->ops->now_ms(importer->io),
      .strict = options->strict,
  };
  return ds_encoder_new(&encode, &importer->encoder, err);
}

// What DuckDB says of broken text names the wrong place: ask our own reader first.
static ds_code step_fail(ds_importer *importer, const ds_import_step *step, ds_code code,
                         ds_error *err) {
  if (code == DS_INPUT && step->file != DS_NONE &&
      importer->files[step->file].kind == DS_SOURCE_JSON)
    return ds_fail_in(err, code, "%s", importer->files[step->file].name);
  if (code != DS_INPUT || step->file == DS_NONE ||
      importer->files[step->file].kind != DS_SOURCE_TEXT)
    return code;
  bool mixed;
  TRY(ds_source_check_quotes(importer->io, &importer->files[step->file], &mixed, err));
  return code;
}

// By DuckDB: the general way.
static ds_code query_run(ds_importer *importer, const ds_import_step *step, uint64_t *ret_rows,
                         ds_error *err) {
  const size_t before = importer->quarantine.count;
  const ds_code code =
      ds_sink_run(importer->duck, step->plan, threads_of(importer), ds_encoder_take,
                  importer->encoder, importer->options->progress, ret_rows, err);
  if (code != DS_OK)
    return step_fail(importer, step, code, err);
  return step->file == DS_NONE ? DS_OK : ds_importer_rejects(importer, step->file, before, err);
}

static ds_code step_run(ds_importer *importer, const ds_import_step *step, ds_error *err) {
  const ds_source *file = step->file == DS_NONE ? NULL : &importer->files[step->file];
  uint64_t rows = 0;
  ds_code code;
  ds_encoder_begin(importer->encoder, step->plan);
  if (file != NULL && file->kind == DS_SOURCE_EVENTS)
    code = ds_importer_events_run(importer, step, threads_of(importer), &rows, err);
  else if (file != NULL && ds_source_is_log(file))
    code = ds_importer_log_run(importer, step, threads_of(importer), &rows, err);
  else if (file != NULL && ds_lines_can(file, step->plan))
    code = ds_importer_lines_run(importer, step, threads_of(importer), &rows, err);
  else
    code = query_run(importer, step, &rows, err);
  importer->rows += rows;
  return code;
}

// A mapping's files are read by several selects, so their rejects are taken once, at the end.
static ds_code steps_run(ds_importer *importer, ds_error *err) {
  for (uint32_t i = 0; i < importer->steps_count; i++)
    TRY(step_run(importer, &importer->steps[i], err));
  for (uint32_t i = 0; importer->mapping.name != NULL && i < importer->files_count; i++)
    TRY(ds_importer_rejects(importer, i, SIZE_MAX, err));
  return DS_OK;
}

// Rows but not one event: the files are not what was thought. The most frequent reason says why.
static ds_code all_refused(const ds_importer *importer, ds_error *err) {
  ds_reason most = DS_REASON_NO_TIME;
  for (uint32_t i = 1; i < DS_REASONS_COUNT; i++)
    if (ds_reason_loses_event((ds_reason)i) &&
        importer->quarantine.counts[i] > importer->quarantine.counts[most])
      most = (ds_reason)i;
  const char *advice = most == DS_REASON_EARLY && importer->times_number
                           ? "; are they seconds? Say --time-unit s"
                       : most == DS_REASON_FUTURE && importer->times_number
                           ? "; are they microseconds? Say --time-unit us"
                       : most == DS_REASON_NO_CUSTOMER ? "; say another column with --customer"
                       : most == DS_REASON_FEW_COLUMNS || most == DS_REASON_MANY_COLUMNS
                           ? "; is the delimiter right? Say --delimiter"
                           : "";
  return ds_fail(err, DS_INPUT, "%s: all %" PRIu64 " rows were refused, mostly because %s%s",
                 importer->files[0].name, importer->quarantine.events,
                 most == DS_REASON_RECORD ? ds_quarantine_words(&importer->quarantine)
                                          : ds_reason_words(most), advice);
}

// The files' names, one a line.
static ds_code names_join(const ds_importer *importer, ds_buf *out, ds_error *err) {
  for (uint32_t i = 0; i < importer->files_count; i++)
    ds_buf_printf(out, "%s%s", i == 0 ? "" : "\n", importer->files[i].name);
  (void)ds_buf_cstr(out);
  return ds_buf_check(out, "the files' names", err);
}

// Sorts, and writes the list of what was refused: all that can fail for reasons of its own.
static ds_code build(ds_importer *importer, ds_error *err) {
  TRY(ds_stage_build(importer->stage, &importer->built, err));
  if (importer->built.super_events > 0) {
    const ds_refusal super = {.source = "", .column = "", .reason = DS_REASON_SUPER};
    TRY(ds_quarantine_add(&importer->quarantine, &super, importer->built.super_events, err));
  }
  return ds_quarantine_write(&importer->quarantine, importer->io, ds_store_path(importer->store),
                             importer->id, importer->arena, &importer->quarantine_path, err);
}

static ds_code commit(ds_importer *importer, ds_error *err) {
  ds_buf names;
  ds_buf_init(&names, 16 << 20);
  ds_code code = names_join(importer, &names, err);
  ds_import_info info = {
      .id = importer->id,
      .when_ms = importer->io->ops->now_ms(importer->io),
      .mapping = importer->mapping.name == NULL ? "" : importer->mapping.name,
      .files = ds_buf_cstr(&names),
      .fingerprint = importer->fingerprint,
      .rows = importer->rows,
      .rejected = importer->quarantine.events,
      .personal_sealed = ds_encoder_sealed(importer->encoder),
  };
  if (code == DS_OK)
    code = ds_stage_finish(importer->stage, &info, &importer->built, err);
  ds_buf_done(&names);
  return code;
}

// Before the work of sorting: whether the store can have the new event names beside its own.
static ds_code names_check(const ds_importer *importer, ds_error *err) {
  if (importer->store == NULL)
    return DS_OK;
  const ds_names *have = &ds_store_names(importer->store)->touchpoints;
  const ds_names *come = &importer->space.touchpoints;
  uint32_t fresh = 0;
  for (uint32_t i = 0; i < come->count; i++)
    fresh += ds_names_find(have, come->text[i]) == DS_NONE;
  if (have->count + fresh <= DS_TOUCHPOINTS_MAX)
    return DS_OK;
  return ds_fail(err, DS_LIMIT, "%s: %u new event names come to %u that the store has, and %u is "
                 "the most: is the right column taken for the event? Say --event",
                 importer->files[0].name, fresh, have->count, DS_TOUCHPOINTS_MAX);
}

static ds_code import_run(ds_importer *importer, ds_error *err) {
  earlier found;
  TRY(prepare(importer, err));
  TRY(earlier_find(importer, &found, err));
  if (found.id != 0)
    return ds_importer_report(importer, found.id, found.when_ms, err);
  if (ds_importer_has_tables(importer))
    TRY(duck_start(importer, err));
  if (importer->mapping.name == NULL)
    TRY(ds_importer_recognise(importer, err));
  else
    TRY(ds_importer_plan_mapping(importer, err));
  TRY(encoder_start(importer, err));
  TRY(steps_run(importer, err));
  ds_duck_close(importer->duck); // its memory is wanted for sorting
  importer->duck = NULL;
  const ds_encode_stats *stats = ds_encoder_stats(importer->encoder);
  if (stats->events == 0 && importer->quarantine.events > 0)
    return all_refused(importer, err);
  TRY(names_check(importer, err));
  const bool writes = importer->stage != NULL && stats->events > 0;
  if (writes)
    TRY(build(importer, err));
  // Whoever is told of a failure has nothing of it in the store: so the report is made first.
  TRY(ds_importer_report(importer, 0, 0, err));
  return writes ? commit(importer, err) : DS_OK;
}

ds_code ds_import(ds_store *store, const ds_import_options *options, ds_arena *arena,
                  ds_result *result, ds_error *err) {
  ds_importer *importer = calloc(1, sizeof *importer);
  if (importer == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory starting an import");
  *importer = (ds_importer){.store = store, .options = options, .arena = arena,
                            .result = result, .quarantine_path = "", .source_name = "file",
                            .io = store == NULL ? ds_io_posix() : ds_store_io(store)};
  ds_arena_init(&importer->plans, (size_t)1 << 30);
  ds_space_init(&importer->space);
  ds_quarantine_init(&importer->quarantine);
  const ds_code code = import_run(importer, err);
  for (uint32_t i = 0; i < importer->steps_count; i++)
    ds_ocel_free(importer->steps[i].ocel);
  ds_duck_close(importer->duck);
  ds_encoder_free(importer->encoder);
  ds_stage_free(importer->stage);
  ds_quarantine_done(&importer->quarantine);
  ds_space_done(&importer->space);
  ds_zone_free(importer->zone);
  ds_arena_done(&importer->plans);
  free(importer);
  return code;
}
