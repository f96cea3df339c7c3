// SPDX-License-Identifier: Apache-2.0
// Memory for arrays of megabytes that are filled once and soon freed. The kernel is asked for
// huge pages: touching such memory for the first time in 4 KiB steps cost up to a sixth of a
// question. May use nothing but libc.
#ifndef DS_BASE_LARGE_H
#define DS_BASE_LARGE_H

#include <stddef.h>

// What the hint works on: sizes just below a multiple of this waste least.
#define DS_LARGE_BYTES ((size_t)2 << 20)

// `size` bytes, not zeroed; NULL without memory. Given back by free().
void *ds_large_alloc(size_t size);

#endif
