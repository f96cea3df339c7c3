// SPDX-License-Identifier: Apache-2.0
// Growing an array through a pointer of any type. May use libc.
#ifndef DS_BASE_RESIZE_H
#define DS_BASE_RESIZE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// Gives the array that *array_of points to room for `count` elements of `width` bytes, and 8 bytes
// more so that words can be read at its end; its content stays. Without memory: false, and the old
// array stays in place. Its size must fit a size_t. The caller frees.
static inline bool ds_resize(void *array_of, size_t count, size_t width) {
  void *old = NULL;
  memcpy(&old, array_of, sizeof old);
  void *data = realloc(old, count * width + 8);
  if (data != NULL)
    memcpy(array_of, &data, sizeof data);
  return data != NULL;
}

#endif
