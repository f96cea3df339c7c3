// SPDX-License-Identifier: Apache-2.0
// Any damage to the files of a vault: keys.sqlite, key, key.new, a journal (../keys_damage.h). The
// input is a list of changes to a vault that is made here, each of a kind (u8):
//   0 byte in place: u8 file, u16 offset, u8 what it is changed by
//   1 cut: u8 file, u16 to so many bytes
//   2 more: u8 file, u8 count, bytes at its end; makes the file
//   3 page over page: u8 from, u8 to; of keys.sqlite
//   4 the checksums of all pages are made right: a forgery
//   5 the rest of the input is the whole of keys.sqlite
// Checksums would stop almost all else at the door; without kind 4 nobody erased may come back.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "../keys_damage.h"
#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAGE = 4096, CHECKSUM = 8, FILE_MAX = 1 << 17 };

// Files that may grow.
typedef struct fuzzed {
  keys_image image;
  bool forged;
} fuzzed;

static void resize(fuzzed *own, uint32_t f, size_t size) {
  keys_image *image = &own->image;
  if (size > FILE_MAX)
    return;
  char *bytes = realloc(image->bytes[f], size + 1);
  keys_must(bytes != NULL);
  if (size > image->size[f])
    memset(bytes + image->size[f], 0, size - image->size[f]);
  image->bytes[f] = bytes;
  image->size[f] = size;
}

static void change_byte(fuzzed *own, ds_reader *in) {
  const uint32_t f = ds_read_u8(in) % KEYS_FILES;
  const uint16_t at = ds_read_u16(in);
  const uint8_t by = ds_read_u8(in);
  if (!in->failed && at < own->image.size[f])
    own->image.bytes[f][at] = (char)(own->image.bytes[f][at] ^ by);
}

static void cut(fuzzed *own, ds_reader *in) {
  const uint32_t f = ds_read_u8(in) % KEYS_FILES;
  const uint16_t to = ds_read_u16(in);
  if (!in->failed && to < own->image.size[f])
    resize(own, f, to);
}

static void add(fuzzed *own, ds_reader *in) {
  const uint32_t f = ds_read_u8(in) % KEYS_FILES;
  const uint8_t count = ds_read_u8(in);
  const uint8_t *bytes = ds_read_bytes(in, count);
  const size_t size = own->image.size[f];
  if (in->failed || size + count > FILE_MAX)
    return;
  resize(own, f, size + count);
  if (count > 0)
    memcpy(own->image.bytes[f] + size, bytes, count);
}

static void copy_page(fuzzed *own, ds_reader *in) {
  const size_t pages = own->image.size[KEYS_DATABASE] / PAGE;
  const uint8_t from = ds_read_u8(in), to = ds_read_u8(in);
  char *bytes = own->image.bytes[KEYS_DATABASE];
  if (!in->failed && from < pages && to < pages)
    memmove(bytes + (size_t)to * PAGE, bytes + (size_t)from * PAGE, PAGE);
}

// As src/store/sqlite_file.c writes them.
static void forge(fuzzed *own) {
  char *bytes = own->image.bytes[KEYS_DATABASE];
  for (size_t p = 0; p < own->image.size[KEYS_DATABASE] / PAGE; p++) {
    XXH64_canonical_t checksum;
    XXH64_canonicalFromHash(&checksum,
                            XXH3_64bits_withSeed(bytes + p * PAGE, PAGE - CHECKSUM, p));
    memcpy(bytes + (p + 1) * PAGE - CHECKSUM, &checksum, sizeof checksum);
  }
  own->forged = true;
}

static void replace(fuzzed *own, ds_reader *in) {
  const size_t rest = (size_t)(in->end - in->at);
  if (rest > FILE_MAX)
    return;
  resize(own, KEYS_DATABASE, rest);
  if (rest > 0)
    memcpy(own->image.bytes[KEYS_DATABASE], in->at, rest);
  in->at = in->end;
  own->forged = true;
}

static void apply(fuzzed *own, const uint8_t *data, size_t size) {
  ds_reader in = ds_reader_of(data, size);
  while (in.at < in.end && !in.failed) {
    switch (ds_read_u8(&in) % 6) {
    case 0: change_byte(own, &in); break;
    case 1: cut(own, &in); break;
    case 2: add(own, &in); break;
    case 3: copy_page(own, &in); break;
    case 4: forge(own); break;
    default: replace(own, &in); break;
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static keys_image sound; // kept for all inputs
  if (sound.fingerprint == 0)
    keys_make(&sound);
  fuzzed own = {.image = sound};
  for (uint32_t f = 0; f < KEYS_FILES; f++) {
    own.image.bytes[f] = NULL;
    own.image.size[f] = 0;
    if (sound.bytes[f] == NULL)
      continue;
    resize(&own, f, sound.size[f]);
    memcpy(own.image.bytes[f], sound.bytes[f], sound.size[f]);
  }
  apply(&own, data, size);
  // A journal can bring back any state, which is what it is for.
  const bool forged = own.forged || own.image.bytes[KEYS_JOURNAL] != NULL;
  (void)keys_live(&own.image, forged);
  keys_image_done(&own.image);
  return 0;
}
