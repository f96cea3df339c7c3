// SPDX-License-Identifier: Apache-2.0
// One error type for the whole library: a code, one line of text, a position.
// Functions that can fail return the code and take a nullable ds_error * last.
// May use nothing but libc. Invariant: a function that returns DS_OK leaves *err untouched.
#ifndef DS_BASE_ERROR_H
#define DS_BASE_ERROR_H

#include <stdarg.h>
#include <stdint.h>

// X(name, exit status, HTTP status, meaning). The only list of codes; docs/exit-status.md is
// generated from it.
#define DS_ERRORS(X)                                                                       \
  X(OK, 0, 200, "done")                                                                    \
  X(NO, 1, 200, "the answer is no (a check found something)")                              \
  X(USAGE, 2, 400, "wrong command, option or argument")                                    \
  X(EXPRESSION, 2, 400, "an expression that cannot be read or does not fit the data")      \
  X(UNSUPPORTED, 2, 501, "not possible, or not built yet")                                 \
  X(INPUT, 3, 422, "bad input data")                                                       \
  X(LIMIT, 3, 413, "a stated limit is exceeded")                                           \
  X(MISSING, 4, 404, "no store, or a file of it is missing")                               \
  X(BUSY, 4, 409, "the store is in use by another process")                                \
  X(CORRUPT, 4, 500, "the store is damaged")                                               \
  X(VERSION, 4, 500, "the store was written by a newer program")                           \
  X(READONLY, 4, 500, "the store refuses writes after an earlier failure")                 \
  X(IO, 5, 500, "a file could not be read or written")                                     \
  X(FULL, 5, 507, "the disk is full")                                                      \
  X(MEMORY, 5, 503, "out of memory, or over the memory budget")                            \
  X(LIBRARY, 5, 500, "a needed library is absent or of another version")                   \
  X(INTERRUPTED, 5, 503, "stopped by the user")

// An outcome. Exit and HTTP statuses: ds_code_exit, ds_code_http.
typedef enum ds_code {
#define DS_X(name, exit_status, http_status, meaning) DS_##name,
  DS_ERRORS(DS_X)
#undef DS_X
  DS_CODES_COUNT
} ds_code;

// What went wrong: `message` is one line without a newline, in words for the user, never with
// personal data. `line` and `column` are 1-based positions in the text or file meant, 0 = none;
// `file` is the path of a file that people wrote when they are positions in it, cut where it is
// longer, else "".
typedef struct ds_error {
  ds_code code;
  uint32_t line;
  uint32_t column;
  char file[512];
  char message[512];
} ds_error;

// Marks a function whose result must be looked at.
#define DS_CHECKED __attribute__((warn_unused_result))

// The only propagation macro: returns the code of a failed call to the caller.
#define TRY(expr)                        \
  do {                                   \
    const ds_code try_code_ = (expr);    \
    if (try_code_ != DS_OK)              \
      return try_code_;                  \
  } while (0)

// Fills *err (when not NULL) and returns `code`, so that callers write `return ds_fail(…)`.
ds_code ds_fail(ds_error *err, ds_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// The same with a 1-based position.
ds_code ds_fail_at(ds_error *err, ds_code code, uint32_t line, uint32_t column,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));

// Puts "prefix: " before the message of an error on its way up; returns err's code unchanged.
ds_code ds_fail_in(ds_error *err, ds_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// The name of a code ("CORRUPT"), its meaning, its exit status, its HTTP status.
const char *ds_code_name(ds_code code);
const char *ds_code_meaning(ds_code code);
int ds_code_exit(ds_code code);
int ds_code_http(ds_code code);

#endif
