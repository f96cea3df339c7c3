// SPDX-License-Identifier: Apache-2.0
// Many codes at once by what is known of each: which of them are of which of eight classes, as
// bitmaps. Invariant: with and without wide instructions the bits are the same. May use nothing but
// libc and base/bits.h.
#ifndef DS_BASE_CLASSES_H
#define DS_BASE_CLASSES_H

#include <stdint.h>

// A bit of class_of[code], which has `classes` entries, says that the code is of that class. Of
// each class b below `bits` (at most 8), bit i of to[b] says whether codes[i] is; bits behind the
// last are 0. Every code lies below `classes`.
void ds_class_bits(const uint8_t *class_of, uint32_t classes, const uint16_t *codes,
                   uint32_t count, uint64_t *const *to, uint32_t bits);

#endif
