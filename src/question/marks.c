// SPDX-License-Identifier: Apache-2.0
// See marks.h.
#include "question/marks.h"

#include <assert.h>
#include <stdlib.h>

ds_code ds_marks_init(ds_marks *marks, const ds_expression *const *expressions, uint32_t count,
                      const ds_columns *columns, ds_error *err) {
  assert(count <= DS_MARKS_MAX);
  *marks = (ds_marks){.count = count};
  for (uint32_t x = 0; x < count; x++)
    TRY(ds_evaluator_new(expressions[x], columns, &marks->evaluator[x], err));
  return DS_OK;
}

void ds_marks_done(ds_marks *marks) {
  for (uint32_t x = 0; x < marks->count; x++) {
    ds_evaluator_free(marks->evaluator[x]);
    free(marks->row[x]);
  }
  *marks = (ds_marks){0};
}

static ds_code room_make(ds_marks *marks, uint32_t events, ds_error *err) {
  marks->capacity = 0;
  for (uint32_t x = 0; x < marks->count; x++) {
    free(marks->row[x]);
    marks->row[x] = calloc(events / 64 + 1u, sizeof *marks->row[x]);
    if (marks->row[x] == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for marking events");
  }
  marks->capacity = events;
  return DS_OK;
}

ds_code ds_marks_run(ds_marks *marks, const ds_block *block, ds_error *err) {
  if (block->events > marks->capacity)
    TRY(room_make(marks, block->events, err));
  for (uint32_t x = 0; x < marks->count; x++)
    TRY(ds_evaluator_run(marks->evaluator[x], block, marks->row[x], err));
  return DS_OK;
}
