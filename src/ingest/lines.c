// SPDX-License-Identifier: Apache-2.0
// The text is copied once, from the reader's piece into the batch whose rows are views of it.
// Invariants: (1) a batch holds whole records; (2) what is carried from one piece to the next is
// the beginning of one record and holds no line feed; (3) behind a text in a batch lie 8 zero
// bytes, because it is searched by words.
#include "ingest/lines.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
  LINE_BYTES_MAX = 2 << 20,
  WORD = 8,
  ROWS_GIVE = 2048, // a batch is given after a piece that made it this long
};

typedef struct lines {
  const ds_rows_job *job;
  ds_batches *batches;
  uint32_t from[DS_PLAN_COLUMNS_MAX]; // the file's column of each of the plan's
  uint32_t *ends;                     // of the values of the record under way
  uint32_t values;                    // ended so far
  ds_buf carry;
  bool too_long;    // the record under way; its bytes are not kept
  bool header_seen;
  uint64_t records; // behind the header
} lines;

static bool column_find(const ds_source *file, const char *name, uint32_t *ret_column) {
  for (uint32_t i = 0; i < file->columns_count; i++)
    if (ds_str_equal(file->columns[i], ds_str_of(name))) {
      *ret_column = i;
      return true;
    }
  return false;
}

bool ds_lines_can(const ds_source *file, const ds_plan *plan) {
  bool can = file->kind == DS_SOURCE_TEXT && file->plain_lines && file->columns_count > 1 &&
             file->encoding == DS_ENCODING_UTF8;
  uint32_t column;
  for (uint32_t i = 0; can && i < plan->columns_count; i++)
    can = plan->columns[i].plain && column_find(file, plan->columns[i].name, &column);
  return can;
}

static ds_code refuse(lines *l, uint32_t column, ds_reason reason, ds_error *err) {
  const ds_rows_job *job = l->job;
  const ds_refusal refusal = {
      .record = l->records,
      .source = job->file->name,
      .column = column == DS_NONE ? "" : job->file->columns[column].data,
      .reason = reason,
  };
  // Strictness tells of the first record that is wrong, and the taker may be about to find one.
  if (job->strict && !ds_batches_drain(l->batches))
    return ds_fail(err, DS_INTERRUPTED, "stopped");
  if (job->strict)
    return ds_fail(err, DS_INPUT, "%s record %" PRIu64 ": %s", refusal.source, refusal.record,
                   ds_reason_words(reason));
  if (job->refused->events >= DS_REFUSALS_MAX)
    return ds_fail(err, DS_INPUT, "%s: more than %d records cannot be read: is the delimiter "
                   "right? Say --delimiter", job->file->name, DS_REFUSALS_MAX);
  return ds_quarantine_add(job->refused, &refusal, 1, err);
}

// One more row: the record's values by the plan.
static void row_put(const lines *l, ds_batch *batch, const char *text, uint32_t start) {
  const ds_plan *plan = l->job->plan;
  const uint32_t row = batch->rows++;
  for (uint32_t k = 0; k < plan->columns_count; k++) {
    const uint32_t column = l->from[k];
    const uint32_t begin = column == 0 ? start : l->ends[column - 1] + 1;
    const uint32_t size = l->ends[column] - begin;
    ds_batch_column *to = &batch->columns[k];
    ((ds_str *)to->data)[row] = (ds_str){size > DS_TEXT_BYTES_MAX ? NULL : text + begin, size};
    to->valid[row] = size > 0;
  }
}

// A line from `start` to `end`, of l->values values.
static ds_code line_take(lines *l, ds_batch *batch, const char *text, uint32_t start,
                         uint32_t end, ds_error *err) {
  const uint32_t columns = l->job->file->columns_count;
  if (!l->header_seen) {
    l->header_seen = true;
    return DS_OK;
  }
  if (start == end)
    return DS_OK;
  l->records++;
  if (end - start > LINE_BYTES_MAX)
    return refuse(l, DS_NONE, DS_REASON_LONG_LINE, err);
  if (l->values < columns)
    return refuse(l, l->values, DS_REASON_FEW_COLUMNS, err);
  if (l->values > columns)
    return refuse(l, DS_NONE, DS_REASON_MANY_COLUMNS, err);
  row_put(l, batch, text, start);
  return DS_OK;
}

// The high bit of every byte of the word that is one of two.
static inline uint64_t bytes_find(const char *at, uint64_t one, uint64_t other) {
  const uint64_t low = 0x7f7f7f7f7f7f7f7f;
  uint64_t word;
  memcpy(&word, at, sizeof word);
  const uint64_t a = word ^ one, b = word ^ other;
  // Adding carries into the high bit unless the low bits are zero.
  return ~((((a & low) + low) | a) & (((b & low) + low) | b)) & ~low;
}

// Takes the lines of a text that ends in a line feed, until the batch is full.
static ds_code text_split(lines *l, ds_batch *batch, const char *text, uint32_t size,
                          uint32_t *ret_used, ds_error *err) {
  const uint32_t columns = l->job->file->columns_count;
  const uint64_t every = 0x0101010101010101;
  const uint64_t delimiters = every * (uint8_t)l->job->file->delimiter, feeds = every * '\n';
  uint32_t start = 0;
  l->values = 0;
  for (uint32_t at = 0; at < size && batch->rows < DS_BATCH_ROWS; at += WORD) {
    uint64_t found = bytes_find(text + at, delimiters, feeds);
    for (; found != 0 && batch->rows < DS_BATCH_ROWS; found &= found - 1) {
      const uint32_t end = at + (uint32_t)__builtin_ctzll(found) / 8;
      if (l->values < columns)
        l->ends[l->values] = end;
      l->values++;
      if (text[end] != '\n')
        continue;
      TRY(line_take(l, batch, text, start, end, err));
      start = end + 1;
      l->values = 0;
    }
  }
  *ret_used = start;
  return DS_OK;
}

// Takes whole lines, the first of which may have begun in the carry.
static ds_code text_take(lines *l, const uint8_t *data, size_t size, ds_error *err) {
  while (size > 0) {
    ds_batch_slot *slot = ds_batches_next(l->batches);
    if (slot == NULL)
      return ds_fail(err, DS_INTERRUPTED, "stopped");
    const uint32_t carried = (uint32_t)l->carry.size, all = carried + (uint32_t)size;
    char *text = ds_batch_text(slot, (size_t)all + WORD);
    if (text == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory reading %s", l->job->file->name);
    if (carried > 0)
      memcpy(text, l->carry.data, carried);
    memcpy(text + carried, data, size);
    memset(text + all, 0, WORD);
    ds_buf_reset(&l->carry);
    uint32_t used = 0;
    TRY(text_split(l, &slot->batch, text, all, &used, err));
    assert(used > carried && used <= all);
    data += used - carried;
    size -= used - carried;
    if ((slot->batch.rows >= ROWS_GIVE || slot->text_bytes >= DS_BATCH_TEXT_SOFT) &&
        !ds_batches_give(l->batches))
      return ds_fail(err, DS_INTERRUPTED, "stopped");
  }
  return DS_OK;
}

static ds_code carry_add(lines *l, const uint8_t *data, size_t size, ds_error *err) {
  if (l->carry.size + size > LINE_BYTES_MAX) {
    l->too_long = true;
    ds_buf_reset(&l->carry);
  }
  if (l->too_long || size == 0)
    return DS_OK;
  ds_buf_append(&l->carry, data, size);
  return ds_buf_check(&l->carry, "a line", err);
}

static ds_code progress_tell(const lines *l, uint64_t before, ds_error *err) {
  enum { EVERY_ROWS = 1 << 18 };
  ds_progress *progress = l->job->progress;
  if (ds_progress_stopped(progress))
    return ds_fail(err, DS_INTERRUPTED, "stopped: nothing was imported");
  if (progress != NULL && progress->report != NULL &&
      l->records / EVERY_ROWS != before / EVERY_ROWS)
    progress->report(progress->context, "reading", l->records, 0, "rows");
  return DS_OK;
}

// Takes a piece of the file, cut anywhere.
static ds_code piece_take(void *context, const uint8_t *data, size_t size, ds_error *err) {
  lines *l = context;
  const uint64_t before = l->records;
  const uint8_t *last = memrchr(data, '\n', size);
  if (last == NULL)
    return carry_add(l, data, size, err);
  size_t whole = (size_t)(last + 1 - data);
  size -= whole;
  if (l->too_long) {
    const uint8_t *first = memchr(data, '\n', whole);
    whole -= (size_t)(first + 1 - data);
    data = first + 1;
    l->too_long = false;
    l->records++;
    TRY(refuse(l, DS_NONE, DS_REASON_LONG_LINE, err));
  }
  TRY(text_take(l, data, whole, err));
  TRY(carry_add(l, last + 1, size, err));
  return progress_tell(l, before, err);
}

static ds_code file_take(lines *l, ds_error *err) {
  TRY(ds_source_read(l->job->io, l->job->file, piece_take, NULL, l, NULL, err));
  if (l->carry.size > 0 || l->too_long) // The last line may lack its end.
    TRY(piece_take(l, (const uint8_t *)"\n", 1, err));
  (void)ds_batches_give(l->batches);
  return DS_OK;
}

ds_code ds_lines_run(const ds_rows_job *job, uint64_t *ret_rows, ds_error *err) {
  lines *l = calloc(1, sizeof *l);
  uint32_t *ends = malloc(job->file->columns_count * sizeof *ends);
  if (l == NULL || ends == NULL) {
    free(l);
    free(ends);
    return ds_fail(err, DS_MEMORY, "out of memory reading %s", job->file->name);
  }
  l->job = job;
  l->ends = ends;
  for (uint32_t i = 0; i < job->plan->columns_count; i++)
    (void)column_find(job->file, job->plan->columns[i].name, &l->from[i]);
  ds_buf_init(&l->carry, LINE_BYTES_MAX + 1);
  ds_code code = ds_batches_new(job->plan, job->threads, job->take, job->take_context,
                                &l->batches, err);
  if (code == DS_OK) {
    ds_error error;
    if (file_take(l, &error) != DS_OK)
      ds_batches_fail(l->batches, &error);
    *ret_rows = ds_batches_rows(l->batches);
    code = ds_batches_end(l->batches, err);
  }
  ds_buf_done(&l->carry);
  free(ends);
  free(l);
  return code;
}
