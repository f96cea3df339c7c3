// SPDX-License-Identifier: Apache-2.0
// Answers compressed as gzip, and who takes them so. May use base/, server/http.h and zlib.
#ifndef DS_SERVER_GZIP_H
#define DS_SERVER_GZIP_H

#include "server/http.h"

// Appends the text as gzip; nothing without memory.
void ds_gzip(ds_str from, ds_buf *out);

// Whether a request takes gzip, by its Accept-Encoding.
bool ds_takes_gzip(const ds_http_request *request);

#endif
