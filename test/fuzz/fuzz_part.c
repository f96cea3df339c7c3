// SPDX-License-Identifier: Apache-2.0
// Any bytes as a part: refused, or every block reads. Checksums would stop almost all inputs at
// the door, so those of head, footer and chunks are made right first.
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/part_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *context, uint32_t block, const char *what) {
  (void)context;
  (void)block;
  (void)what;
}

// Head and footer checksums, where the trailer says the footer lies.
static void mend(uint8_t *image, size_t size) {
  if (size < DS_PART_HEAD_BYTES + DS_PART_TRAILER_BYTES)
    return;
  memcpy(image, DS_PART_MAGIC, 8);
  uint64_t sum = XXH3_64bits(image, 56), offset, footer_size;
  memcpy(image + 56, &sum, 8);
  uint8_t *trailer = image + size - DS_PART_TRAILER_BYTES;
  memcpy(trailer + 24, DS_PART_END_MAGIC, 8);
  memcpy(&offset, trailer, 8);
  memcpy(&footer_size, trailer + 8, 8);
  if (footer_size > size - DS_PART_TRAILER_BYTES ||
      offset != size - DS_PART_TRAILER_BYTES - footer_size)
    return;
  sum = XXH3_64bits(image + offset, footer_size);
  memcpy(trailer + 16, &sum, 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *image = malloc(size + 1);
  if (image == NULL)
    return 0;
  memcpy(image, data, size);
  mend(image, size);
  ds_part *part = NULL;
  if (ds_part_open_memory(image, size, &part, NULL) != DS_OK)
    return 0;
  // The chunks' checksums are part of the footer, which belongs to this process: made right in
  // place.
  for (uint64_t c = 0; c < (uint64_t)part->columns * part->info.blocks; c++) {
    ds_chunk_record *chunk = (ds_chunk_record *)(uintptr_t)&part->chunk[c];
    if (chunk->offset > size || chunk->size > size - chunk->offset)
      continue; // forged: the reader has to notice
    chunk->checksum = XXH3_64bits(part->image + chunk->offset, chunk->size);
  }
  if (part->info.events < 1u << 20)
    (void)!ds_part_check(part, ignore, NULL, NULL);
  ds_part_free(part);
  return 0;
}
