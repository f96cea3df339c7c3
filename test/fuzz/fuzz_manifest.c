// SPDX-License-Identifier: Apache-2.0
// Any text as a MANIFEST: refused, or what it says prints to a text that says the same. The
// checksum would stop almost all inputs at the door, so the last line is made here.
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Reads a text and prints what it says; the caller frees the buffer. False when it is refused, or
// of a newer program: that one is only read.
static bool through(const char *text, size_t size, ds_buf *out) {
  ds_manifest manifest;
  if (ds_manifest_parse(text, size, &manifest, NULL) != DS_OK)
    return false;
  uint64_t checksum = 0;
  const bool ours = manifest.format == DS_MANIFEST_FORMAT;
  ds_buf_init(out, DS_MANIFEST_BYTES_MAX);
  const ds_code code = ours ? ds_manifest_print(&manifest, out, &checksum, NULL) : DS_OK;
  assert(code == DS_OK);
  (void)code;
  ds_manifest_done(&manifest);
  return ours;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  enum { END_BYTES = 32 };
  char *text = malloc(size + END_BYTES);
  if (text == NULL)
    return 0;
  if (size > 0)
    memcpy(text, data, size);
  const int end = snprintf(text + size, END_BYTES, "end\t%016" PRIx64 "\n",
                           (uint64_t)XXH3_64bits(data, size));
  ds_buf once, twice;
  if (through(text, size + (size_t)end, &once)) {
    const bool again = through((const char *)once.data, once.size, &twice);
    assert(again && once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
    (void)again;
    ds_buf_done(&once);
    ds_buf_done(&twice);
  }
  free(text);
  return 0;
}
