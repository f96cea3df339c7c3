// SPDX-License-Identifier: Apache-2.0
// The API described, OpenAPI 3.1, from the tables of questions, options, routes and errors; the
// shapes of bodies are those of schemas.json. It is JSON, which is YAML too. May use everything
// below floor 9, and server/.
#ifndef DS_SERVER_OPENAPI_H
#define DS_SERVER_OPENAPI_H

#include "base/buf.h"

// Writes the description. DS_UNSUPPORTED names a route that nothing here describes.
DS_CHECKED ds_code ds_openapi_write(ds_buf *out, ds_error *err);

#endif
