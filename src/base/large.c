// SPDX-License-Identifier: Apache-2.0
#include "base/large.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

void *ds_large_alloc(size_t size) {
  if (size < DS_LARGE_BYTES / 2)
    return malloc(size);
  if (size > SIZE_MAX - DS_LARGE_BYTES)
    return NULL;
  const size_t whole = (size + DS_LARGE_BYTES - 1) / DS_LARGE_BYTES * DS_LARGE_BYTES;
  void *memory = aligned_alloc(DS_LARGE_BYTES, whole);
  // Only a hint: a machine without huge pages refuses it and all works as before.
  if (memory != NULL)
    (void)madvise(memory, whole, MADV_HUGEPAGE);
  return memory;
}
