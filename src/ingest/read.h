// SPDX-License-Identifier: Apache-2.0
// Values out of text at the speed of an import: the common shapes by short loops without calls, all
// others by the readers of base/ and model/, with the same results. Also Unicode NFC. May use
// base/, model/.
#ifndef DS_INGEST_READ_H
#define DS_INGEST_READ_H

#include "base/arena.h"
#include "model/value.h"

// Keeps the last date read, because a file's times mostly fall on the same days.
typedef struct ds_date_cache {
  char text[10];
  int64_t day_ms;
} ds_date_cache;

// As ds_time_parse.
bool ds_read_time(ds_date_cache *cache, ds_str text, int64_t *ret_ms, bool *ret_local);

// As ds_str_to_double.
bool ds_read_number(ds_str text, double *ret_value);

// The text in NFC: itself when it is so already, else a copy in the arena. DS_MEMORY, or DS_INPUT
// for what is not UTF-8.
DS_CHECKED ds_code ds_read_nfc(ds_str text, ds_arena *arena, ds_str *ret_text, ds_error *err);

#endif
