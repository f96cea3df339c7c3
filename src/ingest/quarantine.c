// SPDX-License-Identifier: Apache-2.0
#include "ingest/quarantine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"

typedef enum lost { EVENT, VALUE, NOTHING } lost;

static const struct {
  lost what;
  const char *words;
} reasons[DS_REASONS_COUNT] = {
#define DS_X(name, lost, words) [DS_REASON_##name] = {lost, words},
    DS_REASONS(DS_X)
#undef DS_X
};

const char *ds_reason_words(ds_reason reason) { return reasons[reason].words; }

const char *ds_reason_lost(ds_reason reason) {
  static const char *const names[] = {[EVENT] = "event", [VALUE] = "value", [NOTHING] = "nothing"};
  return names[reasons[reason].what];
}

bool ds_reason_loses_event(ds_reason reason) { return reasons[reason].what == EVENT; }

void ds_quarantine_init(ds_quarantine *quarantine) { *quarantine = (ds_quarantine){0}; }

void ds_quarantine_done(ds_quarantine *quarantine) {
  if (quarantine == NULL)
    return;
  free(quarantine->list);
  *quarantine = (ds_quarantine){0};
}

static void words_count(ds_quarantine *quarantine, const char *words, uint64_t times) {
  uint32_t i = 0;
  while (i < quarantine->words_used && quarantine->words[i] != words)
    i++;
  if (words == NULL || i == DS_QUARANTINE_WORDS_MAX)
    return;
  quarantine->words_used += i == quarantine->words_used;
  quarantine->words[i] = words;
  quarantine->words_counts[i] += times;
}

ds_code ds_quarantine_add(ds_quarantine *quarantine, const ds_refusal *refusal, uint64_t times,
                          ds_error *err) {
  quarantine->counts[refusal->reason] += times;
  words_count(quarantine, refusal->words, times);
  if (ds_reason_loses_event(refusal->reason))
    quarantine->events += times;
  else
    quarantine->values += times;
  if (quarantine->count == DS_REFUSALS_MAX)
    return DS_OK;
  if (quarantine->count == quarantine->capacity) {
    const size_t capacity = quarantine->capacity == 0 ? 64 : quarantine->capacity * 2;
    ds_refusal *list = realloc(quarantine->list, capacity * sizeof *list);
    if (list == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory listing rejected rows");
    quarantine->list = list;
    quarantine->capacity = capacity;
  }
  quarantine->list[quarantine->count++] = *refusal;
  return DS_OK;
}

const char *ds_quarantine_words(const ds_quarantine *quarantine) {
  uint32_t most = 0;
  for (uint32_t i = 1; i < quarantine->words_used; i++)
    if (quarantine->words_counts[i] > quarantine->words_counts[most])
      most = i;
  return quarantine->words[most];
}

void ds_quarantine_shift(ds_quarantine *quarantine, size_t from, const uint64_t *dropped,
                         size_t dropped_count) {
  size_t passed = 0;
  for (size_t i = from; i < quarantine->count; i++) {
    uint64_t *record = &quarantine->list[i].record;
    while (passed < dropped_count && dropped[passed] <= *record + passed)
      passed++;
    *record += passed;
  }
}

// A CSV field: quoted when it must be.
static void field(ds_buf *out, const char *text) {
  if (strpbrk(text, ",\"\r\n") == NULL) {
    ds_buf_text(out, text);
    return;
  }
  ds_buf_u8(out, '"');
  for (const char *c = text; *c != '\0'; c++) {
    if (*c == '"')
      ds_buf_u8(out, '"');
    ds_buf_u8(out, (uint8_t)*c);
  }
  ds_buf_u8(out, '"');
}

static void content(const ds_quarantine *quarantine, ds_buf *out) {
  ds_buf_text(out, "file,record,column,reason\n");
  for (size_t i = 0; i < quarantine->count; i++) {
    const ds_refusal *refusal = &quarantine->list[i];
    field(out, refusal->source);
    if (refusal->record > 0)
      ds_buf_printf(out, ",%" PRIu64 ",", refusal->record);
    else
      ds_buf_text(out, ",,");
    if (refusal->place > 0)
      ds_buf_printf(out, "%u", refusal->place);
    else
      field(out, refusal->column);
    ds_buf_u8(out, ',');
    field(out, refusal->words != NULL ? refusal->words : ds_reason_words(refusal->reason));
    ds_buf_u8(out, '\n');
  }
}

ds_code ds_quarantine_write(ds_quarantine *quarantine, ds_io *io, const char *store,
                            uint32_t import, ds_arena *arena, const char **ret_path,
                            ds_error *err) {
  *ret_path = "";
  if (quarantine->count == 0)
    return DS_OK;
  char folder[DS_PATH_BYTES_MAX + 32];
  char path[DS_PATH_BYTES_MAX + 64];
  snprintf(folder, sizeof folder, "%s/quarantine", store);
  snprintf(path, sizeof path, "%s/import-%" PRIu32 ".csv", folder, import);
  ds_buf out;
  ds_buf_init(&out, (size_t)DS_REFUSALS_MAX * 1024);
  content(quarantine, &out);
  ds_code code = ds_buf_check(&out, "the list of rejected rows", err);
  if (code == DS_OK)
    code = io->ops->mkdir(io, folder, err);
  if (code == DS_OK)
    code = io->ops->sync_dir(io, store, err);
  if (code == DS_OK)
    code = ds_io_replace_file(io, folder, path, out.data, out.size, err);
  ds_buf_done(&out);
  if (code != DS_OK)
    return code;
  *ret_path = ds_arena_text(arena, path + strlen(store) + 1, strlen(path) - strlen(store) - 1);
  return *ret_path == NULL ? ds_fail(err, DS_MEMORY, "out of memory reporting") : DS_OK;
}
