// SPDX-License-Identifier: Apache-2.0
// What an import says at its end: tables of what was taken, of the touchpoints and of the counts,
// and the notes that a reader needs to trust them.
#include <inttypes.h>
#include <stdio.h>

#include "base/limits.h"
#include "ingest/importer.h"
#include "model/identifier.h"

static const ds_column taken_columns[] = {
    {"column", DS_CELL_TEXT, "", "column of the file, or of the mapping's select", false},
    {"taken_as", DS_CELL_TEXT, "", "what it was taken for", false},
    {"type", DS_CELL_TEXT, "", "type of its values", false},
};

static const ds_column touchpoint_columns[] = {
    {"touchpoint", DS_CELL_TEXT, "", "name as stored", false},
    {"events", DS_CELL_COUNT, "events", "events read, duplicates included", false},
    {"known", DS_CELL_TEXT, "", "whether the catalogue knows the name", false},
    {"nearest", DS_CELL_TEXT, "", "the nearest name that the catalogue knows", true},
};

static const ds_column summary_columns[] = {
    {"import", DS_CELL_COUNT, "", "number of the import, for undo-import", false},
    {"rows", DS_CELL_COUNT, "rows", "rows read", false},
    {"events", DS_CELL_COUNT, "events", "events brought in", false},
    {"duplicates", DS_CELL_COUNT, "events", "events that were there already", false},
    {"rejected", DS_CELL_COUNT, "rows", "rows or events set aside", false},
    {"values_unfit", DS_CELL_COUNT, "values", "values that did not fit their type", true},
    {"personal_sealed", DS_CELL_COUNT, "values", "personal values, sealed in the vault", false},
    {"customers", DS_CELL_COUNT, "customers", "customers with new events", true},
    {"new_customers", DS_CELL_COUNT, "customers", "customers seen for the first time", true},
    {"quarantine", DS_CELL_TEXT, "", "file that lists what was set aside, below the store", false},
};

static const ds_column refused_columns[] = {
    {"reason", DS_CELL_TEXT, "", "why", false},
    {"count", DS_CELL_COUNT, "", "how often", false},
    {"lost", DS_CELL_TEXT, "", "the event, only a value of it, or nothing", false},
};

enum { COUNT_TAKEN = 3, COUNT_TOUCHPOINTS = 4, COUNT_SUMMARY = 10, COUNT_REFUSED = 3 };

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory reporting");
}

// A new row, or NULL when the table or memory is not there.
static ds_cell *row_new(ds_result *result, ds_table *table) {
  return table == NULL ? NULL : ds_table_row(result, table);
}

static ds_code taken_table(ds_importer *importer, ds_error *err) {
  ds_result *result = importer->result;
  ds_table *table =
      ds_result_table(result, "taken", "What was taken", taken_columns, COUNT_TAKEN);
  for (uint32_t i = 0; i < importer->taken.count; i++) {
    const ds_taken *taken = &importer->taken.rows[i];
    ds_cell *row = row_new(result, table);
    if (row == NULL)
      return no_memory(err);
    row[0] = ds_cell_text(result, ds_str_of(taken->column));
    row[1] = ds_cell_text(result, ds_str_of(taken->as));
    row[2] = ds_cell_text(result, ds_str_of(taken->type));
  }
  return DS_OK;
}

static ds_code touchpoints_table(ds_importer *importer, ds_error *err) {
  ds_result *result = importer->result;
  ds_table *table = ds_result_table(result, "touchpoints", "Touchpoints", touchpoint_columns,
                                    COUNT_TOUCHPOINTS);
  const uint64_t *counts = ds_encoder_touchpoints(importer->encoder);
  const ds_catalogue *catalogue = importer->settings.catalogue;
  for (uint32_t i = 0; i < importer->space.touchpoints.count; i++) {
    const ds_str name = importer->space.touchpoints.text[i];
    if (ds_is_link(name))
      continue;
    const bool known = ds_catalogue_find(catalogue, name) != NULL;
    const char *nearest = known ? NULL : ds_catalogue_nearest(catalogue, name);
    ds_cell *row = row_new(result, table);
    if (row == NULL)
      return no_memory(err);
    row[0] = ds_cell_text(result, name);
    row[1] = ds_cell_i64((int64_t)counts[i]);
    row[2] = ds_cell_text(result, ds_str_of(known ? "yes" : "no"));
    row[3] = nearest == NULL ? ds_cell_null() : ds_cell_text(result, ds_str_of(nearest));
  }
  return DS_OK;
}

static ds_code refused_table(ds_importer *importer, ds_error *err) {
  ds_result *result = importer->result;
  if (importer->quarantine.count == 0)
    return DS_OK;
  ds_table *table =
      ds_result_table(result, "refused", "What was set aside", refused_columns, COUNT_REFUSED);
  for (uint32_t i = 1; i < DS_REASONS_COUNT; i++) {
    // What the records say for themselves follows.
    if (importer->quarantine.counts[i] == 0 || i == DS_REASON_RECORD)
      continue;
    ds_cell *row = row_new(result, table);
    if (row == NULL)
      return no_memory(err);
    row[0] = ds_cell_text(result, ds_str_of(ds_reason_words((ds_reason)i)));
    row[1] = ds_cell_i64((int64_t)importer->quarantine.counts[i]);
    row[2] = ds_cell_text(result, ds_str_of(ds_reason_lost((ds_reason)i)));
  }
  for (uint32_t i = 0; i < importer->quarantine.words_used; i++) {
    ds_cell *row = row_new(result, table);
    if (row == NULL)
      return no_memory(err);
    row[0] = ds_cell_text(result, ds_str_of(importer->quarantine.words[i]));
    row[1] = ds_cell_i64((int64_t)importer->quarantine.words_counts[i]);
    row[2] = ds_cell_text(result, ds_str_of(ds_reason_lost(DS_REASON_RECORD)));
  }
  return DS_OK;
}

static ds_code summary_table(ds_importer *importer, uint32_t id, ds_error *err) {
  ds_result *result = importer->result;
  ds_table *table =
      ds_result_table(result, "summary", "Import", summary_columns, COUNT_SUMMARY);
  ds_cell *row = row_new(result, table);
  if (row == NULL)
    return no_memory(err);
  const ds_encode_stats none = {0};
  const ds_encode_stats *stats =
      importer->encoder == NULL ? &none : ds_encoder_stats(importer->encoder);
  const bool written = importer->stage != NULL && importer->built.customers > 0;
  const uint64_t events = importer->stage == NULL
                              ? stats->events
                              : importer->built.events - importer->built.links;
  if (id != 0)
    row[0] = ds_cell_i64(id);
  row[1] = ds_cell_i64((int64_t)importer->rows);
  row[2] = ds_cell_i64((int64_t)events);
  row[3] = ds_cell_i64((int64_t)importer->built.duplicates);
  row[4] = ds_cell_i64((int64_t)importer->quarantine.events);
  row[5] = ds_cell_i64((int64_t)importer->quarantine.values);
  row[6] = ds_cell_i64((int64_t)ds_encoder_sealed(importer->encoder));
  if (written) {
    row[7] = ds_cell_i64((int64_t)importer->built.customers);
    row[8] = ds_cell_i64((int64_t)importer->built.new_customers);
  }
  if (importer->quarantine_path[0] != '\0')
    row[9] = ds_cell_text(result, ds_str_of(importer->quarantine_path));
  return DS_OK;
}

// What became of personal values: the names of columns that hold them, as recognised.
static void personal_note(ds_importer *importer) {
  static const char prefix[] = "personal property ";
  char names[256];
  char count[32];
  size_t used = 0;
  for (uint32_t i = 0; i < importer->taken.count; i++) {
    const ds_taken *taken = &importer->taken.rows[i];
    if (strncmp(taken->as, prefix, strlen(prefix)) != 0 ||
        used + strlen(taken->column) + 3 > sizeof names)
      continue;
    used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used == 0 ? "" : ", ",
                             taken->column);
  }
  const uint64_t sealed = ds_encoder_sealed(importer->encoder);
  const uint64_t dropped = ds_encoder_stats(importer->encoder)->personal_dropped;
  if (sealed > 0)
    ds_result_note(importer->result, false, "%s personal value%s sealed in the vault%s%s",
                   ds_human_count(count, sealed),
                   importer->stage == NULL ? (sealed == 1 ? " would be" : "s would be")
                   : sealed == 1           ? " is"
                                           : "s are",
                   used == 0 ? "" : ", in columns ", used == 0 ? "" : names);
  if (dropped > 0)
    ds_result_note(importer->result, false,
                   "%s personal value%s inside of nested ones %s left out",
                   ds_human_count(count, dropped), dropped == 1 ? "" : "s",
                   dropped == 1 ? "was" : "were");
}

// Identifiers that were seen together for the first time.
static void links_note(ds_importer *importer) {
  const uint64_t links = importer->stage == NULL ? ds_encoder_stats(importer->encoder)->links
                                                 : importer->built.links;
  char count[32];
  if (links > 0)
    ds_result_note(importer->result, false, "%s pair%s of identifiers %s seen together; "
                   "docs/identity.md says what follows", ds_human_count(count, links),
                   links == 1 ? "" : "s", links == 1 ? "was" : "were");
}

// Who is known by an object only.
static void provisional_note(ds_importer *importer) {
  const uint64_t events = ds_encoder_stats(importer->encoder)->provisional;
  const bool all = events == ds_encoder_stats(importer->encoder)->events;
  char count[32];
  if (events > 0)
    ds_result_note(importer->result, false, "%s event%s no customer and %s known by an order, "
                   "parcel, ticket or the like, until an event tells whose that is%s",
                   ds_human_count(count, events), events == 1 ? " names" : "s name",
                   events == 1 ? "is" : "are",
                   all && importer->mapping.name == NULL
                       ? "; if a column does name the customer, say --customer COLUMN" : "");
}

static void time_notes(ds_importer *importer) {
  ds_result *result = importer->result;
  const ds_encode_stats *stats = ds_encoder_stats(importer->encoder);
  const uint64_t early = importer->quarantine.counts[DS_REASON_EARLY];
  char a[32];
  char b[32];
  if (importer->times_number)
    ds_result_note(result, false, "times are integers, read as %s since 1970 (--time-unit)",
                   strcmp(importer->time_unit, "s") == 0    ? "seconds"
                   : strcmp(importer->time_unit, "us") == 0 ? "microseconds"
                                                            : "milliseconds");
  if (importer->times_local)
    ds_result_note(result, false, "times without a zone were read as %s%s", importer->time_zone,
                   importer->options->time_zone == NULL && importer->mapping.name == NULL
                       ? " (--time-zone says another)" : "");
  if (stats->ambiguous > 0 || stats->missing > 0)
    ds_result_note(result, false, "%s times fall into the hour that %s has twice (the first was "
                   "taken), %s into the hour that it leaps over (shifted forward)",
                   ds_human_count(a, stats->ambiguous), importer->time_zone,
                   ds_human_count(b, stats->missing));
  if (stats->unreceived > 0)
    ds_result_note(result, false, "%s events came without a time of arrival: their own time stands "
                   "for it", stats->unreceived == stats->events
                                 ? "the" : ds_human_count(a, stats->unreceived));
  if (early > stats->events)
    ds_result_note(result, true, "most times fall before 1990%s",
                   importer->times_number ? ": is --time-unit right?" : "");
}

static void refused_notes(ds_importer *importer) {
  ds_result *result = importer->result;
  char a[32];
  char b[32];
  const uint64_t events = importer->quarantine.events;
  if (events > 0)
    ds_result_note(result, true, "%s %s set aside%s%s", ds_human_count(a, events),
                   events == 1 ? "row was" : "rows were",
                   importer->quarantine_path[0] == '\0' ? "" : ": see ",
                   importer->quarantine_path);
  const uint64_t as_text = importer->quarantine.counts[DS_REASON_AS_TEXT];
  if (as_text > 0)
    ds_result_note(result, true, "%s %s not fit the type of %s property and %s kept as text%s%s",
                   ds_human_count(a, as_text), as_text == 1 ? "value does" : "values do",
                   as_text == 1 ? "its" : "their", as_text == 1 ? "is" : "are",
                   importer->quarantine_path[0] == '\0' ? "" : ": see ",
                   importer->quarantine_path);
  if (importer->quarantine.count == DS_REFUSALS_MAX)
    ds_result_note(result, true, "only the first %s of them are listed",
                   ds_human_count(b, DS_REFUSALS_MAX));
}

static void unknown_note(ds_importer *importer) {
  uint32_t unknown = 0, named = 0;
  for (uint32_t i = 0; i < importer->space.touchpoints.count; i++) {
    const ds_str name = importer->space.touchpoints.text[i];
    named += !ds_is_link(name);
    unknown += !ds_is_link(name) &&
               ds_catalogue_find(importer->settings.catalogue, name) == NULL;
  }
  if (unknown > 0)
    ds_result_note(importer->result, false, "%u of %u touchpoints are not in the catalogue: they "
                   "are kept under their own names", unknown, named);
}

static void options_tell(ds_importer *importer) {
  ds_result *result = importer->result;
  const ds_import_options *options = importer->options;
  ds_result_option(result, "mapping", "%s",
                   importer->mapping.name == NULL ? "" : importer->mapping.name);
  ds_result_option(result, "time_zone", "%s", importer->time_zone);
  ds_result_option(result, "time_unit", "%s", importer->time_unit);
  ds_result_option(result, "strict", "%s", options->strict ? "yes" : "no");
  ds_result_option(result, "dry_run", "%s", options->dry_run ? "yes" : "no");
  for (uint32_t i = 0; i < importer->mapping.options_count && i < 32; i++)
    ds_result_option(result, importer->mapping.options[i].name, "%s",
                     ds_importer_option(importer, ds_str_of(importer->mapping.options[i].name)));
}

ds_code ds_importer_report(ds_importer *importer, uint32_t earlier, int64_t earlier_ms,
                           ds_error *err) {
  ds_result *result = importer->result;
  result->definition = "Rows of files read as events: what each column was taken for, which "
                       "touchpoints came, and what was set aside.";
  result->as_of_ms = importer->options->now_ms;
  options_tell(importer);
  if (earlier != 0) {
    char when[32];
    ds_result_note(result, false, "these files were imported already, as import %" PRIu32 " on "
                   "%.10s: nothing to do (--again imports the rows that are new)", earlier,
                   ds_time_print(when, earlier_ms));
    return summary_table(importer, earlier, err);
  }
  TRY(taken_table(importer, err));
  TRY(touchpoints_table(importer, err));
  TRY(refused_table(importer, err));
  TRY(summary_table(importer, importer->id, err));
  if (importer->options->dry_run)
    ds_result_note(result, false, "a dry run: nothing was written");
  else if (ds_encoder_stats(importer->encoder)->events == 0)
    ds_result_note(result, true, "the files hold no events: nothing was imported");
  personal_note(importer);
  links_note(importer);
  provisional_note(importer);
  time_notes(importer);
  refused_notes(importer);
  unknown_note(importer);
  return DS_OK;
}
