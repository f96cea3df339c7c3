// SPDX-License-Identifier: Apache-2.0
// The same as XXH3 elsewhere with vectors of 32 bytes, which xxHash takes when the compiler may use
// them (GCC; clang keeps to 16). Called only where the machine has them.
#if defined(__x86_64__)
#if !defined(__clang__)
#pragma GCC target("avx2")
#endif
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t ds_checksum_avx2(const void *data, size_t size);

uint64_t ds_checksum_avx2(const void *data, size_t size) { return XXH3_64bits(data, size); }
#endif
