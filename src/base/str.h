// SPDX-License-Identifier: Apache-2.0
// Text views and the few operations on them that the project needs: comparing by bytes, the
// nearest name for "did you mean", numbers, and units that a person reads. May use nothing but
// libc.
#ifndef DS_BASE_STR_H
#define DS_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// A view of UTF-8 text: not NUL-terminated, not owned. {NULL, 0} is the empty text.
typedef struct ds_str {
  const char *data;
  uint32_t size;
} ds_str;

// A view of a NUL-terminated text, which must outlive it.
static inline ds_str ds_str_of(const char *text) {
  return (ds_str){text, (uint32_t)strlen(text)};
}

// For printf: `"%.*s", DS_STR(view)`.
#define DS_STR(view) (int)(view).size, (view).data

// Equal bytes; order by bytes (<0, 0, >0); equal but for ASCII case.
bool ds_str_equal(ds_str a, ds_str b);
int ds_str_compare(ds_str a, ds_str b);
bool ds_str_equal_nocase(ds_str a, ds_str b);

// The whole text as a decimal integer or a finite number (C locale, no surrounding space);
// false leaves *ret_value untouched.
bool ds_str_to_i64(ds_str text, int64_t *ret_value);
bool ds_str_to_u64(ds_str text, uint64_t *ret_value);
bool ds_str_to_double(ds_str text, double *ret_value);

// A duration such as "90d", "12h", "1h30m", "250ms", "2w" in milliseconds (a day is 24 h).
bool ds_str_to_duration_ms(ds_str text, int64_t *ret_ms);

// The candidate nearest to `name` by Damerau-Levenshtein distance, ignoring case, '_' and ' ', or
// NULL when none is within a third of its length. `candidates` holds `count` texts.
const char *ds_str_nearest(ds_str name, const char *const *candidates, size_t count);

// Writes a count with thousands separators ("12,345"), a duration in the largest fitting unit
// with two or three figures ("3.2 d", "45 s", "120 ms", "0", "-" for none), a share ("7.9 %"),
// bytes ("1.5 MiB"). `out` holds 32 bytes; each returns `out`.
const char *ds_human_count(char out[32], uint64_t count);
const char *ds_human_duration(char out[32], int64_t duration_ms);
const char *ds_human_share(char out[32], double share);
const char *ds_human_bytes(char out[32], uint64_t bytes);

// How many terminal columns the text takes (UTF-8; wide characters count two, combining none).
uint32_t ds_str_columns(ds_str text);

#endif
