// SPDX-License-Identifier: Apache-2.0
// Rows of accepted lines gather in one buffer until they are submitted, to a writer that makes them
// durable while further lines are read. Should they come near the limit of a log record, they are
// submitted before. Lines are settled in order: those of a batch when it is durable.
#include "ingest/append.h"

#include <stdlib.h>

#include "ingest/append_line.h"
#include "ingest/quarantine.h"
#include "ingest/seal.h"
#include "ingest/seen.h"
#include "ingest/settings.h"
#include "model/identifier.h"
#include "store/writer.h"

enum { ROWS_BYTES_FULL = (int)(DS_BATCH_BYTES_MAX / 2), SETTINGS_BYTES_MAX = 64 << 20 };

// Batches under way: one is being written, one is ready for it.
enum { BATCHES = 3 };

// Rows on their way into the log.
typedef struct staged {
  ds_batch rows;
  ds_batch links;
  ds_ticket ticket;
  uint64_t lines; // settled with it: all up to this one
} staged;

struct ds_appender {
  ds_store *store; // the writer's
  ds_writer *writer;
  staged staged[BATCHES];
  uint64_t submitted, settled; // batches
  uint64_t lines_settled;
  void (*rejected)(void *context, uint64_t line, uint32_t column, const char *reason);
  void *context;
  ds_arena arena; // of the settings
  ds_settings settings;
  ds_space space;
  ds_line_reader *reader;
  ds_sealer sealer;
  ds_seen *seen;
  ds_buf rows;
  ds_buf links; // facts of identity that the rows imply
  uint64_t rows_count;
  ds_append_stats stats;
};

static ds_code start(ds_appender *appender, ds_error *err) {
  TRY(ds_settings_read(ds_store_io(appender->store), ds_store_path(appender->store),
                       &appender->arena, &appender->settings, err));
  TRY(ds_store_set_retention(appender->store, &appender->settings.retention, err));
  appender->reader = ds_line_reader_new(&appender->space, appender->settings.catalogue);
  appender->seen = ds_seen_new(&appender->space);
  if (appender->reader == NULL || appender->seen == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for appending");
  TRY(ds_line_reader_know(appender->reader, ds_store_names(appender->store), err));
  // From here on the store is the writer's.
  ds_writer_options options;
  ds_writer_options_init(&options);
  TRY(ds_writer_new(appender->store, &options, &appender->writer, err));
  appender->sealer.writer = appender->writer;
  return DS_OK;
}

ds_code ds_appender_new(ds_store *store,
                        void (*rejected)(void *context, uint64_t line, uint32_t column,
                                         const char *reason),
                        void *context, ds_appender **ret_appender, ds_error *err) {
  ds_appender *appender = (ds_appender *)calloc(1, sizeof *appender);
  if (appender == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for appending");
  appender->store = store;
  appender->rejected = rejected;
  appender->context = context;
  ds_arena_init(&appender->arena, SETTINGS_BYTES_MAX);
  ds_space_init(&appender->space);
  ds_buf_init(&appender->rows, DS_BATCH_BYTES_MAX);
  ds_buf_init(&appender->links, DS_BATCH_BYTES_MAX);
  ds_sealer_init(&appender->sealer, store, NULL);
  for (uint32_t i = 0; i < BATCHES; i++) {
    ds_batch_init(&appender->staged[i].rows);
    ds_batch_init(&appender->staged[i].links);
  }
  const ds_code code = start(appender, err);
  if (code == DS_OK)
    *ret_appender = appender;
  else
    ds_appender_free(appender);
  return code;
}

// Waits for the oldest batch under way.
static ds_code settle(ds_appender *appender, ds_error *err) {
  staged *oldest = &appender->staged[appender->settled++ % BATCHES];
  TRY(ds_writer_wait(&oldest->ticket, err));
  appender->stats.duplicates += oldest->rows.duplicates;
  appender->stats.events += oldest->rows.count - oldest->rows.duplicates;
  appender->lines_settled = oldest->lines;
  return DS_OK;
}

void ds_appender_free(ds_appender *appender) {
  if (appender == NULL)
    return;
  while (appender->settled < appender->submitted) {
    ds_error unheard;
    const ds_code ignored = settle(appender, &unheard);
    (void)ignored; // of a batch after one that failed: it has been told
  }
  ds_writer_free(appender->writer);
  for (uint32_t i = 0; i < BATCHES; i++) {
    ds_batch_done(&appender->staged[i].rows);
    ds_batch_done(&appender->staged[i].links);
  }
  ds_line_reader_free(appender->reader);
  ds_sealer_done(&appender->sealer);
  ds_seen_free(appender->seen);
  ds_buf_done(&appender->rows);
  ds_buf_done(&appender->links);
  ds_space_done(&appender->space);
  ds_arena_done(&appender->arena);
  free(appender);
}

static void reject(ds_appender *appender, uint32_t column, const char *reason) {
  appender->stats.rejected++;
  if (appender->rejected != NULL)
    appender->rejected(appender->context, appender->stats.lines, column, reason);
}

ds_code ds_appender_submit(ds_appender *appender, ds_error *err) {
  if (appender->rows_count == 0)
    return DS_OK;
  if (appender->submitted - appender->settled == BATCHES)
    TRY(settle(appender, err));
  staged *next = &appender->staged[appender->submitted % BATCHES];
  TRY(ds_batch_fill(&next->rows, &appender->space, &appender->rows, err));
  TRY(ds_batch_fill(&next->links, &appender->space, &appender->links, err));
  next->lines = appender->stats.lines;
  TRY(ds_writer_submit(appender->writer, &next->rows, &next->links, &next->ticket, err));
  appender->submitted++;
  appender->rows_count = 0;
  ds_buf_reset(&appender->rows);
  ds_buf_reset(&appender->links);
  return DS_OK;
}

// The identifiers of the event in hand were seen together.
static ds_code take_links(ds_appender *appender, ds_error *err) {
  const ds_line_reader *reader = appender->reader;
  for (uint32_t i = 0; reader->identifiers_count > 1 && i < reader->identifiers_count; i++) {
    ds_event fact;
    ds_identifier other;
    bool news = false;
    TRY(ds_sealer_identifier(&appender->sealer, &reader->identifiers[i], &other, &news, err));
    if (news)
      TRY(ds_seen_take(appender->seen, &reader->event, &other, &fact, &news, err));
    if (news)
      TRY(ds_event_encode(&fact, &appender->links, err));
  }
  return DS_OK;
}

static bool is_blank(const char *line, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
      return false;
  }
  return true;
}

static ds_code take_line(ds_appender *appender, const char *line, size_t size, ds_error *err) {
  ds_line_reader *reader = appender->reader;
  appender->stats.lines++;
  if (is_blank(line, size))
    return DS_OK;
  const char *reason = ds_line_read(reader, line, size);
  if (reader->starved)
    return ds_fail(err, DS_MEMORY, "out of memory for a line");
  if (reason != NULL) {
    reject(appender, reader->column, reason);
    return DS_OK;
  }
  ds_error refused = {.code = DS_OK};
  const ds_code sealed =
      ds_sealer_event(&appender->sealer, &appender->space, &reader->event, &refused);
  if (sealed == DS_NO) {
    appender->stats.suppressed++;
    reject(appender, 1, ds_reason_words(DS_REASON_ERASED));
    return DS_OK;
  }
  if (sealed != DS_OK)
    return ds_fail(err, sealed, "%s", refused.message);
  const ds_code code = ds_event_encode(&reader->event, &appender->rows, &refused);
  if (code == DS_LIMIT) {
    reject(appender, 1, "the event is larger than 1 MiB");
    return DS_OK;
  }
  if (code != DS_OK)
    return ds_fail(err, code, "%s", refused.message);
  appender->rows_count++;
  appender->stats.personal_dropped += reader->personal_dropped;
  TRY(take_links(appender, err));
  const bool full = appender->rows.size + appender->links.size >= ROWS_BYTES_FULL;
  return full ? ds_appender_submit(appender, err) : DS_OK;
}

ds_code ds_appender_lines(ds_appender *appender, const char *text, size_t size, ds_error *err) {
  ds_io *io = ds_store_io(appender->store);
  appender->reader->now_ms = io->ops->now_ms(io);
  const char *end = text + size;
  while (text < end) {
    const char *newline = (const char *)memchr(text, '\n', (size_t)(end - text));
    const char *stop = newline != NULL ? newline : end;
    TRY(take_line(appender, text, (size_t)(stop - text), err));
    text = newline != NULL ? newline + 1 : end;
  }
  return DS_OK;
}

ds_code ds_appender_commit(ds_appender *appender, uint64_t *ret_lines, ds_error *err) {
  TRY(ds_appender_submit(appender, err));
  while (appender->settled < appender->submitted)
    TRY(settle(appender, err));
  // The last of them may have been rejected.
  *ret_lines = appender->lines_settled = appender->stats.lines;
  return DS_OK;
}

ds_code ds_appender_settled(ds_appender *appender, uint64_t *ret_lines, ds_error *err) {
  while (appender->settled < appender->submitted &&
         ds_writer_is_done(&appender->staged[appender->settled % BATCHES].ticket))
    TRY(settle(appender, err));
  *ret_lines = appender->lines_settled;
  return DS_OK;
}

void ds_appender_unknown(const ds_appender *appender,
                         void (*each)(void *context, const char *name, const char *nearest),
                         void *context) {
  const ds_catalogue *catalogue = appender->settings.catalogue;
  const ds_names *names = &appender->space.touchpoints;
  for (uint32_t i = 0; i < names->count; i++) {
    if (!ds_is_link(names->text[i]) && ds_catalogue_find(catalogue, names->text[i]) == NULL)
      each(context, ds_names_text(names, i), ds_catalogue_nearest(catalogue, names->text[i]));
  }
}

ds_append_stats ds_appender_stats(const ds_appender *appender) {
  ds_append_stats stats = appender->stats;
  stats.sealed = appender->sealer.sealed;
  return stats;
}
