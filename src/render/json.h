// SPDX-License-Identifier: Apache-2.0
// A result's members in JSON, for the formats that hold them. Private to render/. May use base/,
// model/.
#ifndef DS_RENDER_JSON_H
#define DS_RENDER_JSON_H

#include "base/json.h"
#include "model/result.h"

// The members of the result, from "question" to "definition", into an object that is begun.
void ds_json_result(ds_json *json, const ds_result *result);

#endif
