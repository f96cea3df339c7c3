// SPDX-License-Identifier: Apache-2.0
#include "server/keys.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/definitions.h"

#define PREFIX "doorstep_"

enum { SECRET_BYTES = 32, HEX_BYTES = 2 * DS_API_KEY_HASH_BYTES + 1 };

static_assert(crypto_generichash_BYTES == DS_API_KEY_HASH_BYTES, "a hash of the file");

static bool is_name(const char *name) {
  const size_t size = strlen(name);
  return size > 0 && size <= DS_API_KEY_NAME_BYTES_MAX &&
         strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == size;
}

static void hash_of(const char *text, unsigned char out[DS_API_KEY_HASH_BYTES]) {
  (void)crypto_generichash(out, DS_API_KEY_HASH_BYTES, (const unsigned char *)text, strlen(text),
                           NULL, 0);
}

// --- the file: lines "NAME HASH MILLISECONDS"

static bool read_line(ds_str line, ds_arena *arena, ds_api_key *ret_key) {
  const char *space = memchr(line.data, ' ', line.size);
  const char *end = line.data + line.size;
  const char *hash = space == NULL ? end : space + 1;
  size_t hash_size = 0;
  ds_api_key key = {.name = NULL};
  if (space == NULL || end - hash < HEX_BYTES || hash[HEX_BYTES - 1] != ' ' ||
      sodium_hex2bin(key.hash, sizeof key.hash, hash, HEX_BYTES - 1, NULL, &hash_size, NULL) != 0 ||
      hash_size != sizeof key.hash ||
      !ds_str_to_i64((ds_str){hash + HEX_BYTES, (uint32_t)(end - hash - HEX_BYTES)}, &key.made_ms))
    return false;
  key.name = ds_arena_text(arena, line.data, (size_t)(space - line.data));
  *ret_key = key;
  return key.name != NULL && is_name(key.name);
}

static ds_code read_text(ds_str text, ds_arena *arena, const ds_api_key **ret_keys,
                         uint32_t *ret_count, ds_error *err) {
  ds_api_key *keys = (ds_api_key *)ds_arena_array(arena, DS_API_KEYS_MAX, sizeof *keys);
  uint32_t count = 0, number = 1;
  if (keys == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the API keys");
  for (const char *at = text.data, *end = at + text.size; at < end; number++) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    const ds_str line = {at, (uint32_t)((stop == NULL ? end : stop) - at)};
    at = stop == NULL ? end : stop + 1;
    if (line.size == 0)
      continue;
    if (count == DS_API_KEYS_MAX || !read_line(line, arena, &keys[count++]))
      return ds_fail_at(err, DS_CORRUPT, number, 1, "%s: line %u is no key: NAME HASH TIME",
                        DS_API_KEYS_FILE, number);
  }
  *ret_keys = keys;
  *ret_count = count;
  return DS_OK;
}

static void write_key(const ds_api_key *key, ds_buf *out) {
  char hex[HEX_BYTES];
  sodium_bin2hex(hex, sizeof hex, key->hash, sizeof key->hash);
  ds_buf_printf(out, "%s %s %" PRId64 "\n", key->name, hex, key->made_ms);
}

ds_code ds_api_keys_read(ds_io *io, const char *folder, ds_arena *arena,
                         const ds_api_key **ret_keys, uint32_t *ret_count, ds_error *err) {
  char *text = NULL;
  size_t size = 0;
  TRY(ds_definitions_read(io, folder, DS_API_KEYS_FILE, &text, &size, err));
  const ds_code code =
      read_text((ds_str){text, (uint32_t)size}, arena, ret_keys, ret_count, err);
  free(text);
  return code;
}

// --- changing it

// One change: a key more, or one less.
typedef struct change {
  const ds_api_key *added; // NULL: `name` goes
  const char *name;
} change;

static ds_code edit_keys(const change *work, ds_str old, ds_arena *arena, ds_buf *out,
                         ds_error *err) {
  const ds_api_key *keys = NULL;
  uint32_t count = 0;
  bool found = false;
  TRY(read_text(old, arena, &keys, &count, err));
  for (uint32_t k = 0; k < count; k++) {
    const bool same = strcmp(keys[k].name, work->name) == 0;
    found |= same;
    if (!same || work->added != NULL)
      write_key(&keys[k], out);
  }
  if (work->added == NULL)
    return found ? DS_OK : ds_fail(err, DS_USAGE, "there is no API key '%s'", work->name);
  if (found)
    return ds_fail(err, DS_USAGE, "there is an API key '%s' already", work->name);
  if (count == DS_API_KEYS_MAX)
    return ds_fail(err, DS_LIMIT, "there are %u API keys already: remove one", DS_API_KEYS_MAX);
  write_key(work->added, out);
  return DS_OK;
}

static ds_code edit(void *context, ds_str old, ds_buf *out, ds_error *err) {
  ds_arena arena;
  ds_arena_init(&arena, (size_t)1 << 20);
  ds_code code = edit_keys((const change *)context, old, &arena, out, err);
  if (code == DS_OK && out->no_memory)
    code = ds_fail(err, DS_MEMORY, "out of memory for the API keys");
  ds_arena_done(&arena);
  return code;
}

ds_code ds_api_key_add(ds_io *io, const char *folder, const char *name,
                       char out[DS_API_KEY_BYTES], ds_error *err) {
  unsigned char secret[SECRET_BYTES];
  ds_api_key key = {.name = name, .made_ms = io->ops->now_ms(io)};
  change work = {.added = &key, .name = name};
  if (!is_name(name))
    return ds_fail(err, DS_USAGE, "'%.80s' is no name of an API key: 1 to %u letters, digits, '.', "
                   "'_' or '-'", name, DS_API_KEY_NAME_BYTES_MAX);
  TRY(io->ops->random(io, secret, sizeof secret, err));
  memcpy(out, PREFIX, sizeof PREFIX - 1);
  (void)sodium_bin2base64(out + sizeof PREFIX - 1, DS_API_KEY_BYTES - (sizeof PREFIX - 1), secret,
                          sizeof secret, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  sodium_memzero(secret, sizeof secret);
  hash_of(out, key.hash);
  return ds_definitions_change(io, folder, DS_API_KEYS_FILE, edit, &work, err);
}

ds_code ds_api_key_remove(ds_io *io, const char *folder, const char *name, ds_error *err) {
  change work = {.name = name};
  if (!is_name(name))
    return ds_fail(err, DS_USAGE, "there is no API key '%.80s'", name);
  return ds_definitions_change(io, folder, DS_API_KEYS_FILE, edit, &work, err);
}

const ds_api_key *ds_api_key_find(const ds_api_key *keys, uint32_t count, const char *text) {
  unsigned char hash[DS_API_KEY_HASH_BYTES];
  const ds_api_key *found = NULL;
  hash_of(text, hash);
  for (uint32_t k = 0; k < count; k++)
    if (sodium_memcmp(hash, keys[k].hash, sizeof hash) == 0)
      found = &keys[k];
  return found;
}
