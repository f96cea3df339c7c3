// SPDX-License-Identifier: Apache-2.0
// The checksum of bytes in files: XXH3 with 64 bits, as of xxHash 0.8. May use nothing but libc and
// xxHash.
#ifndef DS_BASE_CHECKSUM_H
#define DS_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

// XXH3_64bits of the bytes; the same on every machine, at the speed of this one's vectors.
uint64_t ds_checksum(const void *data, size_t size);

#endif
