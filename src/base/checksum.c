// SPDX-License-Identifier: Apache-2.0
#include "base/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#if defined(__x86_64__)
uint64_t ds_checksum_avx2(const void *data, size_t size);

uint64_t ds_checksum(const void *data, size_t size) {
  return __builtin_cpu_supports("avx2") ? ds_checksum_avx2(data, size) : XXH3_64bits(data, size);
}
#else
uint64_t ds_checksum(const void *data, size_t size) { return XXH3_64bits(data, size); }
#endif
