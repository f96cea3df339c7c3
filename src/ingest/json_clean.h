// SPDX-License-Identifier: Apache-2.0
// Parsed JSON written again without what is personal in it: how nested values become properties.
// May use base/, ingest/{ndjson_parse,personal}.
#ifndef DS_INGEST_JSON_CLEAN_H
#define DS_INGEST_JSON_CLEAN_H

#include "base/arena.h"
#include "base/json.h"
#include "ingest/ndjson_parse.h"

// Whether a value is personal, by its name or as a text.
bool ds_json_personal(const ds_ndjson_node *node, ds_str name);

// Whether a number stays the text it is: an identifier (`…_id`), or a whole number that a double
// does not hold.
bool ds_json_stays_text(const ds_ndjson_node *node);

// Writes the node and what is in it, leaves out what is personal and adds to *dropped how often.
// `arena` is for scratch.
void ds_json_write_clean(const ds_ndjson_node *nodes, uint32_t at, ds_arena *arena, ds_json *json,
                         uint64_t *dropped);

#endif
