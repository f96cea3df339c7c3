// SPDX-License-Identifier: Apache-2.0
// The body of a request: one JSON object of texts and numbers. May use base/, ingest/ndjson_parse
// and server/.
#ifndef DS_SERVER_BODY_H
#define DS_SERVER_BODY_H

#include "base/arena.h"
#include "base/str.h"

// One member that a body may have; its text as given, NULL when it is absent or null.
typedef struct ds_body_member {
  const char *name;
  bool needed;
  const char *text; // of a number or a truth value, its digits or word
} ds_body_member;

// Reads a body into the members; texts live in the arena. DS_USAGE with the column for what is no
// JSON, has another member, or lacks one that is needed.
DS_CHECKED ds_code ds_body_read(ds_str body, ds_arena *arena, ds_body_member *members,
                                uint32_t count, ds_error *err);

#endif
