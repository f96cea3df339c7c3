// SPDX-License-Identifier: Apache-2.0
// Copying a part's file. It is read region by region as its footer says, and every region is
// compared with its checksum before it is written.
#include <assert.h>

#include "base/checksum.h"
#include "store/part_format.h"

// Small chunks are gathered into writes of about this size.
#define WRITE_BYTES ((size_t)1 << 20)

typedef struct part_copy {
  const ds_part *part;
  ds_file *to;
  uint64_t written;
  ds_buf bytes; // read and compared, not written yet
} part_copy;

static ds_code flush(part_copy *copy, ds_error *err) {
  const ds_part *part = copy->part;
  TRY(part->io->ops->write_at(part->io, copy->to, copy->written, copy->bytes.data,
                              copy->bytes.size, err));
  copy->written += copy->bytes.size;
  ds_buf_reset(&copy->bytes);
  return DS_OK;
}

// Reads the next `size` bytes, which begin at `offset`; *ret_bytes are valid until the next call.
static ds_code take(part_copy *copy, uint64_t offset, uint64_t size, const uint8_t **ret_bytes,
                    ds_error *err) {
  const ds_part *part = copy->part;
  if (copy->bytes.size >= WRITE_BYTES)
    TRY(flush(copy, err));
  if (offset != copy->written + copy->bytes.size || size > part->info.bytes - offset)
    return ds_fail(err, DS_CORRUPT, "part %06llu is damaged: its chunks do not follow one another",
                   (unsigned long long)part->info.number);
  uint8_t *room = ds_buf_reserve(&copy->bytes, (size_t)size);
  if (room == NULL)
    return ds_buf_check(&copy->bytes, "a chunk of a part", err);
  TRY(part->io->ops->read_at(part->io, part->file, offset, room, (size_t)size, err));
  copy->bytes.size += (size_t)size;
  *ret_bytes = room;
  return DS_OK;
}

static ds_code differs(const part_copy *copy, const char *what, ds_error *err) {
  return ds_fail(err, DS_CORRUPT, "part %06llu is damaged: the checksum of its %s does not match",
                 (unsigned long long)copy->part->info.number, what);
}

static ds_code copy_chunks(part_copy *copy, ds_error *err) {
  const ds_part *part = copy->part;
  for (uint32_t c = 0; c < part->columns; c++) {
    for (uint32_t b = 0; b < part->info.blocks; b++) {
      const ds_chunk_record *chunk = &part->chunk[(size_t)c * part->info.blocks + b];
      const uint8_t *bytes = NULL;
      if (chunk->size == 0)
        continue;
      TRY(take(copy, chunk->offset, chunk->size, &bytes, err));
      char where[128];
      if (ds_checksum(bytes, chunk->size) != chunk->checksum)
        return ds_fail(err, DS_CORRUPT, "%s: the checksum does not match",
                       ds_part_where(part, c, b, where));
    }
  }
  return DS_OK;
}

static ds_code copy_all(part_copy *copy, ds_error *err) {
  const ds_part_info *info = &copy->part->info;
  const uint8_t *bytes = NULL;
  uint64_t checksum;
  TRY(take(copy, 0, DS_PART_HEAD_BYTES, &bytes, err));
  memcpy(&checksum, bytes + DS_PART_HEAD_BYTES - sizeof checksum, sizeof checksum);
  if (ds_checksum(bytes, DS_PART_HEAD_BYTES - sizeof checksum) != checksum)
    return differs(copy, "head", err);
  TRY(copy_chunks(copy, err));
  const uint64_t footer = copy->written + copy->bytes.size;
  if (footer > info->bytes - DS_PART_TRAILER_BYTES)
    return differs(copy, "footer", err);
  const uint64_t trailer[3] = {footer, info->bytes - DS_PART_TRAILER_BYTES - footer,
                               info->checksum};
  TRY(take(copy, footer, trailer[1], &bytes, err));
  if (ds_checksum(bytes, (size_t)trailer[1]) != info->checksum)
    return differs(copy, "footer", err);
  TRY(take(copy, footer + trailer[1], DS_PART_TRAILER_BYTES, &bytes, err));
  if (memcmp(bytes, trailer, sizeof trailer) != 0 ||
      memcmp(bytes + sizeof trailer, DS_PART_END_MAGIC, 8) != 0)
    return differs(copy, "end", err);
  return flush(copy, err);
}

ds_code ds_part_copy(const ds_part *part, const char *path, ds_error *err) {
  assert(part->file != NULL);
  part_copy copy = {.part = part};
  ds_buf_init(&copy.bytes, (size_t)1 << 33);
  ds_io *io = part->io;
  TRY(io->ops->open(io, path, DS_OPEN_WRITE | DS_OPEN_CREATE | DS_OPEN_EXCLUSIVE, &copy.to, err));
  ds_code code = copy_all(&copy, err);
  assert(code != DS_OK || copy.written == part->info.bytes);
  if (code == DS_OK)
    code = io->ops->sync(io, copy.to, err);
  io->ops->close(io, copy.to);
  ds_buf_done(&copy.bytes);
  return code;
}
