// SPDX-License-Identifier: Apache-2.0
#include "server/gzip.h"

#include <zlib.h>

void ds_gzip(ds_str from, ds_buf *out) {
  // Level 4 takes half the time of 6 and leaves 5 % more.
  enum { LEVEL = 4, GZIP = 16, MEMORY = 8 };
  z_stream z = {.next_in = (Bytef *)(uintptr_t)from.data, .avail_in = from.size};
  if (deflateInit2(&z, LEVEL, Z_DEFLATED, MAX_WBITS + GZIP, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
    return;
  const size_t most = deflateBound(&z, from.size);
  uint8_t *to = ds_buf_reserve(out, most);
  if (to != NULL) {
    z.next_out = to;
    z.avail_out = (uInt)most;
    if (deflate(&z, Z_FINISH) == Z_STREAM_END)
      out->size += z.total_out;
  }
  (void)deflateEnd(&z);
}

// Whether a weight, the text behind a coding, is zero: ";q=0", ";q=0.000".
static bool is_zero(const char *text) {
  double weight = 1;
  text += strspn(text, " \t;");
  if ((*text != 'q' && *text != 'Q') || text[1] != '=')
    return false;
  const ds_str number = {text + 2, (uint32_t)strspn(text + 2, "0123456789.")};
  return ds_str_to_double(number, &weight) && weight <= 0;
}

bool ds_takes_gzip(const ds_http_request *request) {
  const char *taken = ds_http_header_of(request, "Accept-Encoding");
  for (const char *at = taken; at != NULL && *at != '\0'; at += *at == ',') {
    at += strspn(at, " \t");
    const size_t name = strcspn(at, ",; \t");
    const bool gzip = ds_str_equal_nocase((ds_str){at, (uint32_t)name}, ds_str_of("gzip"));
    if (gzip && !is_zero(at + name))
      return true;
    at += strcspn(at, ",");
  }
  return false;
}
