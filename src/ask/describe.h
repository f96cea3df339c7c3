// SPDX-License-Identifier: Apache-2.0
// What can be asked, as JSON: the question table, a store's names, the language's words. What a
// dashboard or a report needs beside answers, to make forms and commands of (decision 42, point
// 3). May use what stands below floor 7.
#ifndef DS_ASK_DESCRIBE_H
#define DS_ASK_DESCRIBE_H

#include "ask/ask.h"
#include "base/json.h"

// Writes the body of GET /v1/questions: {"questions": [...], "common_options": [...]}.
void ds_describe_questions(ds_json *json);

// Writes the body of GET /v1/store: names, counts, settings; one pass over touchpoints and case
// keys, in memory_bytes. `snapshot` says which state it is. Nothing of it is personal: names and
// counts alone.
DS_CHECKED ds_code ds_describe_store(const ds_ask *ask, const char *snapshot, size_t memory_bytes,
                                     ds_progress *progress, ds_json *json, ds_error *err);

// Writes the body of GET /v1/language: {"words": [{"name", "kind", "where", "usage", "meaning"}]}.
void ds_describe_language(ds_json *json);

#endif
