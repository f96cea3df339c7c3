// SPDX-License-Identifier: Apache-2.0
// A file of events as `append` takes them: one thread cuts it into records, another reads each by
// the reader of lines that append uses, so that both bring in the same events.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ingest/append_line.h"
#include "ingest/importer.h"
#include "ingest/json_split.h"
#include "ingest/personal.h"

// A batch is given before it holds many records: they may be long.
enum { RECORDS_GIVE = 1024, DAY_MS = 86400000 };

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory reading events");
}

// --- what the report says of the members

// Cuts `prefix` off; false when the text does not begin so.
static bool strip(ds_str *text, const char *prefix) {
  const uint32_t size = (uint32_t)strlen(prefix);
  if (text->size <= size || memcmp(text->data, prefix, size) != 0)
    return false;
  *text = (ds_str){text->data + size, text->size - size};
  return true;
}

// What a member is taken for, in words.
static void member_words(const ds_import_options *options, const ds_member *member,
                         char out[DS_NAME_BYTES_MAX + 64]) {
  static const char *const words[][2] = {
      [DS_LINE_ID] = {"event id", ""},     [DS_LINE_EVENT] = {"event", ""},
      [DS_LINE_TIME] = {"time", ""},       [DS_LINE_RECEIVED] = {"received", ""},
      [DS_LINE_SOURCE] = {"source", ""},   [DS_LINE_CUSTOMER] = {"customer (customer_id)", ""},
      [DS_LINE_KEY] = {"case key ", NULL}, [DS_LINE_IDENTIFIER] = {"customer (", ")"},
      [DS_LINE_OTHER] = {"property ", NULL}, [DS_LINE_PROPERTIES] = {"property ", NULL},
  };
  ds_str name = member->path;
  ds_line_role role = ds_line_role_of(name);
  if (strip(&name, "customer.")) {
    name = ds_line_kind(name);
    role = DS_LINE_IDENTIFIER;
  } else if (role == DS_LINE_OTHER) {
    (void)strip(&name, "properties.");
    role = ds_line_is_key(name, options->case_column) ? DS_LINE_KEY : DS_LINE_OTHER;
  }
  const bool named = role >= DS_LINE_SPECIAL;
  if (named && role != DS_LINE_KEY && ds_personal_name(name))
    snprintf(out, DS_NAME_BYTES_MAX + 64, "personal property %.*s", DS_STR(name));
  else
    snprintf(out, DS_NAME_BYTES_MAX + 64, "%s%.*s%s", words[role][0], named ? (int)name.size : 0,
             name.data, words[role][1] == NULL ? "" : words[role][1]);
}

static ds_code members_tell(ds_importer *importer, const ds_source *file, ds_error *err) {
  ds_taken_list taken = {ds_arena_array(&importer->plans, file->members_count + 1,
                                        sizeof *taken.rows), 0};
  if (taken.rows == NULL)
    return no_memory(err);
  for (uint32_t i = 0; i < file->members_count; i++) {
    const ds_member *member = &file->members[i];
    char as[DS_NAME_BYTES_MAX + 64];
    if (member->type == NULL)
      continue;
    member_words(importer->options, member, as);
    ds_taken *row = &taken.rows[taken.count++];
    row->column = member->path.data;
    row->as = ds_arena_text(&importer->plans, as, strlen(as));
    const ds_line_role role = ds_line_role_of(member->path);
    row->type = role == DS_LINE_TIME || role == DS_LINE_RECEIVED
                    ? "time" : ds_type_name(ds_plan_type(ds_str_of(member->type)));
    if (row->as == NULL)
      return no_memory(err);
  }
  return ds_importer_taken(importer, &taken, err);
}

// Every case key that --case names must be a member of some record.
static ds_code keys_check(const ds_import_options *options, const ds_source *file,
                          ds_error *err) {
  const char *list = options->case_column;
  while (list != NULL && *list != '\0') {
    const ds_str key = {list, (uint32_t)strcspn(list, ",")};
    bool found = false;
    for (uint32_t i = 0; i < file->members_count && !found; i++) {
      ds_str name = file->members[i].path;
      (void)strip(&name, "properties.");
      found = ds_str_equal(name, key);
    }
    if (!found)
      return ds_fail(err, DS_INPUT, "%s: no event has a member %.*s, which --case names",
                     file->name, DS_STR(key));
    list += key.size + (list[key.size] == ',');
  }
  return DS_OK;
}

ds_code ds_importer_events_plan(ds_importer *importer, uint32_t file, ds_error *err) {
  const ds_source *source = &importer->files[file];
  ds_plan *plan;
  TRY(keys_check(importer->options, source, err));
  TRY(ds_importer_step(importer, file, &plan, err));
  plan->name = source->name;
  plan->columns[plan->columns_count++] =
      (ds_plan_column){.name = "record", .physical = DS_PHYSICAL_TEXT};
  plan->columns[plan->columns_count++] =
      (ds_plan_column){.name = "line", .physical = DS_PHYSICAL_I64};
  return members_tell(importer, source, err);
}

// --- the records

// One file under way: `batches` belongs to both threads, `reader` to the one that takes.
typedef struct events {
  ds_importer *importer;
  const ds_source *file;
  ds_line_reader *reader;
  ds_batches *batches;
  uint64_t records;
} events;

// Takes a batch of records; on a thread of its own.
static ds_code batch_take(void *context, const ds_batch *batch, ds_error *err) {
  events *in = context;
  ds_encoder *encoder = in->importer->encoder;
  const ds_str *texts = batch->columns[0].data;
  for (uint32_t i = 0; i < batch->rows; i++) {
    const uint64_t line = ((const uint64_t *)batch->columns[1].data)[i];
    const char *reason = ds_line_read(in->reader, texts[i].data, texts[i].size);
    if (in->reader->starved)
      return ds_fail(err, DS_MEMORY, "out of memory for a line");
    const ds_encode_stats stats = {.rows = 1, .personal_dropped = in->reader->personal_dropped,
                                   .ambiguous = in->reader->ambiguous,
                                   .missing = in->reader->missing};
    in->importer->times_local |= in->reader->local;
    in->importer->times_number |= in->reader->number;
    TRY(reason != NULL
            ? ds_encoder_refuse(encoder, line, in->reader->column, reason, err)
            : ds_encoder_event(encoder, &in->reader->event, in->reader->identifiers,
                               in->reader->identifiers_count, &stats, line, err));
  }
  return DS_OK;
}

// Puts a record into the batch; the splitter's own thread.
static ds_code record_put(void *context, const ds_json_record *record, ds_error *err) {
  events *in = context;
  ds_batch_slot *slot = ds_batches_next(in->batches);
  if (slot == NULL)
    return ds_fail(err, DS_INTERRUPTED, "stopped");
  char *text = ds_batch_text(slot, record->text.size);
  if (text == NULL)
    return no_memory(err);
  memcpy(text, record->text.data, record->text.size);
  const uint32_t row = slot->batch.rows++;
  ((ds_str *)slot->batch.columns[0].data)[row] = (ds_str){text, record->text.size};
  ((uint64_t *)slot->batch.columns[1].data)[row] = record->line;
  in->records++;
  const bool full = slot->batch.rows == RECORDS_GIVE || slot->text_bytes >= DS_BATCH_TEXT_SOFT;
  return !full || ds_batches_give(in->batches) ? DS_OK
                                               : ds_fail(err, DS_INTERRUPTED, "stopped");
}

static ds_code piece_take(void *context, const uint8_t *data, size_t size, ds_error *err) {
  enum { EVERY_RECORDS = 1 << 18 };
  ds_json_split *split = context;
  events *in = split->context;
  ds_progress *progress = in->importer->options->progress;
  const uint64_t before = in->records;
  if (ds_progress_stopped(progress))
    return ds_fail(err, DS_INTERRUPTED, "stopped: nothing was imported");
  TRY(ds_json_split_feed(split, data, size, err));
  if (progress != NULL && progress->report != NULL &&
      before / EVERY_RECORDS != in->records / EVERY_RECORDS)
    progress->report(progress->context, "reading", in->records, 0, "events");
  return DS_OK;
}

static ds_code file_take(events *in, ds_error *err) {
  ds_json_split split;
  ds_json_split_init(&split, in->file, false, record_put, in);
  ds_code code = ds_source_read(in->importer->io, in->file, piece_take, NULL, &split, NULL, err);
  if (code == DS_OK)
    code = ds_json_split_end(&split, err);
  ds_json_split_done(&split);
  if (code == DS_OK)
    (void)ds_batches_give(in->batches);
  return code;
}

// As append reads, but for what the options say and for the time of arrival: a file arrives long
// after its events.
static void reader_set(const ds_importer *importer, ds_line_reader *reader) {
  const ds_import_options *options = importer->options;
  reader->now_ms = options->now_ms != 0 ? options->now_ms
                                        : importer->io->ops->now_ms(importer->io);
  reader->ahead_ms = DAY_MS;
  reader->by_time = true;
  reader->zone = importer->zone;
  reader->unit_ms = ds_encoder_unit_ms(importer->time_unit);
  reader->keys_named = options->case_column;
  if (importer->source_given)
    reader->source = importer->source_name;
}

ds_code ds_importer_events_run(ds_importer *importer, const ds_import_step *step,
                               uint32_t threads, uint64_t *ret_rows, ds_error *err) {
  events in = {.importer = importer, .file = &importer->files[step->file]};
  in.reader = ds_line_reader_new(&importer->space, importer->settings.catalogue);
  if (in.reader == NULL)
    return no_memory(err);
  reader_set(importer, in.reader);
  ds_code code = DS_OK;
  if (importer->store != NULL)
    code = ds_line_reader_know(in.reader, ds_store_names(importer->store), err);
  if (code == DS_OK)
    code = ds_batches_new(step->plan, threads, batch_take, &in, &in.batches, err);
  if (code == DS_OK) {
    ds_error error;
    if (file_take(&in, &error) != DS_OK)
      ds_batches_fail(in.batches, &error);
    code = ds_batches_end(in.batches, err);
  }
  *ret_rows = in.records;
  ds_line_reader_free(in.reader);
  return code;
}
