// SPDX-License-Identifier: Apache-2.0
#include "ingest/annotations.h"

#include <stdlib.h>

#include "base/limits.h"
#include "model/time.h"

static int by_day(const void *a, const void *b) {
  const ds_annotation *x = a, *y = b;
  return (x->day > y->day) - (x->day < y->day);
}

static ds_code note_read(ds_yaml *yaml, const yaml_node_t *node, const char *key,
                         ds_annotation *note, ds_error *err) {
  char shown[DS_YAML_SHOWN_BYTES];
  int64_t ms = 0;
  bool local = false, date_only = false;
  if (!ds_time_parse(ds_str_of(key), &ms, &local, &date_only) || !date_only)
    return ds_yaml_fail(yaml, node, err, "`%s` is no day; write it as 2017-11-24",
                        ds_yaml_shown(ds_str_of(key), shown));
  TRY(ds_yaml_text(yaml, node, &note->text, err));
  for (const char *c = note->text; *c != '\0'; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7F)
      return ds_yaml_fail(yaml, node, err, "holds a control character: write a note in one line");
  if (strlen(note->text) > DS_NAME_BYTES_MAX)
    return ds_yaml_fail(yaml, node, err, "is longer than %u bytes", DS_NAME_BYTES_MAX);
  note->day = ms / DS_DAY_MS;
  return DS_OK;
}

ds_code ds_annotations_read(ds_yaml *yaml, const yaml_node_t *node,
                            const ds_annotation **ret_notes, uint32_t *ret_count, ds_error *err) {
  static const ds_yaml_part part = {"annotations", "notes", NULL, DS_SETTINGS_ROWS_MAX,
                                    sizeof(ds_annotation)};
  void *rows;
  uint32_t count;
  *ret_notes = NULL;
  *ret_count = 0;
  TRY(ds_yaml_rows(yaml, node, &part, &rows, &count, err));
  ds_annotation *notes = rows;
  for (uint32_t i = 0; i < count; i++) {
    const char *key;
    yaml_node_t *value;
    TRY(ds_yaml_pair(yaml, node, i, &key, &value, err));
    yaml->where = key;
    TRY(note_read(yaml, value, key, &notes[i], err));
  }
  if (count > 0) // else there is nothing to point at
    qsort(notes, count, sizeof *notes, by_day);
  *ret_notes = notes;
  *ret_count = count;
  return DS_OK;
}
