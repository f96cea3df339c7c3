// SPDX-License-Identifier: Apache-2.0
// An error as application/problem+json (RFC 9457): what the command line says on stderr, for
// programs. May use base/ only.
#ifndef DS_SERVER_PROBLEM_H
#define DS_SERVER_PROBLEM_H

#include "base/buf.h"

#define DS_PROBLEM_TYPE "application/problem+json"

// The HTTP status of an error; `status` when that is not 0.
uint32_t ds_problem_status(const ds_error *err, uint32_t status);

// Appends the problem: {"type", "title", "status", "detail", "code", "option", "line", "column"};
// the last three where they are known. `option` NULL: the one that the message begins with.
void ds_problem_write(const ds_error *err, uint32_t status, const char *option, ds_buf *out);

#endif
