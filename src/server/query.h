// SPDX-License-Identifier: Apache-2.0
// The target of a request, "/path?name=value&…", read strictly: escapes are decoded, and what is no
// UTF-8, holds a control character or hides a slash is refused rather than guessed at. The same for
// the body of a form. May use base/ only.
#ifndef DS_SERVER_QUERY_H
#define DS_SERVER_QUERY_H

#include "base/arena.h"
#include "base/str.h"

#define DS_QUERY_PATH_BYTES_MAX 1024u
#define DS_QUERY_PARAMETERS_MAX 128u

// A name and its value, as texts in the request's arena.
typedef struct ds_query_pair {
  const char *name;
  const char *value;
} ds_query_pair;

// A target, decoded. A name without "=" has the value "".
typedef struct ds_query {
  const char *path; // begins with '/'
  const ds_query_pair *parameters; // in the order given
  uint32_t parameters_count;
} ds_query;

// Reads a target; its texts live in the arena. DS_USAGE for what cannot be read, DS_LIMIT.
DS_CHECKED ds_code ds_query_parse(ds_str target, ds_arena *arena, ds_query *ret_query,
                                  ds_error *err);

// The value given last for a name, or NULL.
const char *ds_query_get(const ds_query *query, const char *name);

#endif
