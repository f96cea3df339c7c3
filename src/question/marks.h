// SPDX-License-Identifier: Apache-2.0
// Which events of a block several expressions mean: a row of bits for each. Private to question/.
// May use base/ to scan/. One thread's.
#ifndef DS_QUESTION_MARKS_H
#define DS_QUESTION_MARKS_H

#include "lang/expression.h"

// Expressions at once.
enum { DS_MARKS_MAX = 64 };

// Zeroed = of no expressions. Bit e % 64 of row[x][e / 64]: expression x means event e of the block
// that ds_marks_run saw last.
typedef struct ds_marks {
  uint32_t count;
  uint32_t capacity; // events
  ds_evaluator *evaluator[DS_MARKS_MAX];
  uint64_t *row[DS_MARKS_MAX];
} ds_marks;

// Makes ready for blocks decoded with `columns`. The caller ends it, also after a failure.
DS_CHECKED ds_code ds_marks_init(ds_marks *marks, const ds_expression *const *expressions,
                                 uint32_t count, const ds_columns *columns, ds_error *err);
void ds_marks_done(ds_marks *marks);

// Marks the events of a block.
DS_CHECKED ds_code ds_marks_run(ds_marks *marks, const ds_block *block, ds_error *err);

// The first marked event at or after `event` and before `end`; `end` when there is none.
static inline uint32_t ds_marks_next(const uint64_t *row, uint32_t event, uint32_t end) {
  while (event < end) {
    const uint64_t rest = row[event / 64] >> (event % 64);
    if (rest != 0) {
      event += (uint32_t)__builtin_ctzll(rest);
      return event < end ? event : end;
    }
    event = (event / 64 + 1) * 64;
  }
  return end;
}

#endif
