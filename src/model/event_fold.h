// SPDX-License-Identifier: Apache-2.0
// Rows made small, for as long as an import keeps them: a sequence of rows of one import, in which
// each says only what the one before it did not. About a sixth of the row form where a customer's
// events follow one another, about half where they never do. May use base/, model/event.h.
//
// Folded form: u8 flags (1 received, 2 id, 4 same subject as the row before, 8 no keys and no
// properties); varint touchpoint; varint source; varint zigzag(time - time of the row before, 0 at
// first); [varint zigzag(received - time)]; [u64 id]; [varint n + subject bytes]; [u8 keys; u16
// properties; varint n + their bytes as in the row form]. Import and arrival are the sequence's.
#ifndef DS_MODEL_EVENT_FOLD_H
#define DS_MODEL_EVENT_FOLD_H

#include "model/event.h"

// The most bytes by which a folded row is longer than the row.
enum { DS_FOLD_MORE = 16 };

// What the next row is told against. All zero at the beginning of a sequence. `subject` points into
// the folded bytes, which must stay where they are.
typedef struct ds_fold {
  int64_t time_ms;
  const uint8_t *subject;
  uint32_t subject_size;
} ds_fold;

// Writes the trusted row folded to `to`, which has room for its size and DS_FOLD_MORE; returns the
// end of what was written.
uint8_t *ds_fold_row(ds_fold *fold, const uint8_t *row, uint8_t *to);

// Writes the row that was folded at `at`, which must be ds_fold_row's own, to `to`; returns the end
// of the folded row. The row's size is in its first four bytes.
const uint8_t *ds_unfold_row(ds_fold *fold, const uint8_t *at, uint32_t import, uint64_t arrival,
                             uint8_t *to);

#endif
