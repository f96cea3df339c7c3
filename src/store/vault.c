// SPDX-License-Identifier: Apache-2.0
// A sealed value: 16 bytes nonce, the ciphertext of one byte of type and the value (a text's bytes,
// or 8 bytes little-endian), 16 bytes tag. The nonce is SipHash of place and value under a key of
// the subject's own (V4), with eight zeros behind it for XChaCha20: no two values under one key
// share one. The associated data are touchpoint and property; the key is the subject's (V3).
#include "store/vault.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/vault_state.h"

enum {
  NONCE_BYTES = 16,
  TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
  PLACE_BYTES_MAX = 2 * DS_NAME_BYTES_MAX + 1,
  PLAIN_BYTES_MAX = 1 + DS_TEXT_BYTES_MAX,
};
static_assert(DS_SEAL_BYTES == NONCE_BYTES + 1 + TAG_BYTES, "as the header says");
static_assert(NONCE_BYTES == crypto_shorthash_siphashx24_BYTES, "a nonce is a SipHash");
static_assert(VAULT_LEAF_BYTES == crypto_shorthash_siphashx24_KEYBYTES &&
                  VAULT_HASH_BYTES == crypto_shorthash_siphashx24_BYTES,
              "a subject's hash is a SipHash");
static_assert(VAULT_LOOKUP_BYTES == crypto_generichash_KEYBYTES, "an identifier's is BLAKE2b");

// Leaves the stack to be cleared by the caller.
static void hash_many(const ds_vault *vault, ds_str subject, uint8_t out[VAULT_HASH_BYTES]) {
  (void)crypto_shorthash_siphashx24(out, (const uint8_t *)subject.data, subject.size,
                                    vault->guarded->secrets.leaf);
}

void ds_vault_hash(const ds_vault *vault, ds_str subject, uint8_t out[VAULT_HASH_BYTES]) {
  hash_many(vault, subject, out);
  ds_vault_clear_stack();
}

// Of a subject with this hash who was taken in again; NULL: none was.
static const vault_returned *find_returned(const ds_vault *vault, const uint8_t *hash) {
  if (vault->returned_count == 0)
    return NULL;
  const uint32_t at = ds_map64_get(&vault->returned_index, ds_vault_leaf(hash));
  if (at == DS_NONE || sodium_memcmp(vault->returned[at].hash, hash, VAULT_HASH_BYTES) != 0)
    return NULL;
  return &vault->returned[at];
}

// No subject has a zero in it, so no other one's text is this one's with its generation.
void ds_vault_generation_hash(const ds_vault *vault, ds_str subject, uint32_t generation,
                              uint8_t out[VAULT_HASH_BYTES]) {
  uint8_t text[UINT16_MAX + 1 + sizeof generation];
  assert(subject.size <= UINT16_MAX && generation > 0);
  memcpy(text, subject.data, subject.size);
  text[subject.size] = 0;
  memcpy(text + subject.size + 1, &generation, sizeof generation);
  const ds_str whole = {(const char *)text, subject.size + 1 + (uint32_t)sizeof generation};
  ds_vault_hash(vault, whole, out);
}

void ds_vault_key_hash(const ds_vault *vault, ds_str subject, uint8_t out[VAULT_HASH_BYTES]) {
  ds_vault_hash(vault, subject, out);
  const vault_returned *returned = find_returned(vault, out);
  if (returned != NULL)
    ds_vault_generation_hash(vault, subject, returned->generation, out);
}

uint64_t ds_vault_leaf(const uint8_t hash[VAULT_HASH_BYTES]) {
  uint64_t leaf;
  memcpy(&leaf, hash, sizeof leaf);
  return leaf;
}

void ds_vault_forget(ds_vault *vault) {
  sodium_memzero(&vault->guarded->known, sizeof vault->guarded->known);
  sodium_memzero(vault->guarded->families, sizeof vault->guarded->families);
  sodium_memzero(vault->guarded->keys, sizeof vault->guarded->keys);
  if (vault->many != NULL)
    sodium_memzero(vault->many, VAULT_KEYS_MANY * sizeof *vault->many);
}

static ds_code set_paths(ds_vault *vault, const ds_vault_options *options, ds_error *err) {
  const char *directory = options->directory;
  const int lengths[] = {
      snprintf(vault->directory, sizeof vault->directory, "%s", directory),
      snprintf(vault->path, sizeof vault->path, "%s/keys.sqlite", directory),
      options->key_file == NULL
          ? snprintf(vault->key_path, sizeof vault->key_path, "%s/key", directory)
          : snprintf(vault->key_path, sizeof vault->key_path, "%s", options->key_file),
  };
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
    if (lengths[i] < 0 || (size_t)lengths[i] + sizeof ".new" >= DS_PATH_BYTES_MAX)
      return ds_fail(err, DS_LIMIT, "the path of the vault is too long");
  vault->own_key = options->key_file == NULL;
  return DS_OK;
}

static ds_code open_vault(ds_vault *vault, const ds_vault_options *options, ds_error *err) {
  TRY(set_paths(vault, options, err));
  if (sodium_init() < 0)
    return ds_fail(err, DS_LIBRARY, "libsodium does not start on this machine");
  vault->guarded = sodium_malloc(sizeof *vault->guarded);
  if (vault->guarded == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the vault");
  sodium_memzero(vault->guarded, sizeof *vault->guarded);
  TRY(ds_vault_file_open(vault, options->fingerprint == 0, err));
  if (options->fingerprint != 0 && options->fingerprint != ds_vault_fingerprint(vault))
    return ds_fail(err, DS_CORRUPT, "keys.sqlite is of another store: bring back this one's");
  return DS_OK;
}

ds_code ds_vault_open(const ds_vault_options *options, ds_vault **ret_vault, ds_error *err) {
  ds_vault *vault = calloc(1, sizeof *vault);
  if (vault == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the vault");
  vault->io = options->io;
  vault->write = options->write;
  vault->is_copy = options->is_copy;
  ds_map64_init(&vault->erased_index);
  ds_map64_init(&vault->returned_index);
  (void)pthread_mutex_init(&vault->mutex, NULL);
  const ds_code code = open_vault(vault, options, err);
  if (code != DS_OK) {
    ds_vault_close(vault);
    return code;
  }
  *ret_vault = vault;
  return DS_OK;
}

void ds_vault_close(ds_vault *vault) {
  if (vault == NULL)
    return;
  ds_sqlite_close(vault->database);
  sodium_free(vault->guarded); // which wipes it
  sodium_free(vault->many);
  ds_map64_done(&vault->erased_index);
  ds_map64_done(&vault->returned_index);
  free(vault->erased);
  free(vault->returned);
  (void)pthread_mutex_destroy(&vault->mutex);
  free(vault);
}

// Keyed hash of a text, under the key of identifiers; `use` keeps uses apart.
static void lookup_hash(const ds_vault *vault, ds_str use, ds_str text, uint8_t out[16]) {
  crypto_generichash_state state;
  const uint32_t size = use.size;
  (void)crypto_generichash_init(&state, vault->guarded->secrets.lookup, VAULT_LOOKUP_BYTES, 16);
  (void)crypto_generichash_update(&state, (const uint8_t *)&size, sizeof size);
  (void)crypto_generichash_update(&state, (const uint8_t *)use.data, use.size);
  (void)crypto_generichash_update(&state, (const uint8_t *)text.data, text.size);
  (void)crypto_generichash_final(&state, out, 16);
  sodium_memzero(&state, sizeof state);
  ds_vault_clear_stack();
}

uint64_t ds_vault_fingerprint(const ds_vault *vault) {
  uint8_t hash[16];
  uint64_t fingerprint;
  lookup_hash(vault, ds_str_of("doorstep vault"), ds_str_of(""), hash);
  memcpy(&fingerprint, hash, sizeof fingerprint);
  return fingerprint + (fingerprint == 0);
}

void ds_vault_subject(const ds_vault *vault, ds_str kind, ds_str text, char *out) {
  assert(kind.size > 0 && kind.size <= 255);
  uint8_t hash[16];
  lookup_hash(vault, kind, text, hash);
  memcpy(out, kind.data, kind.size);
  memcpy(out + kind.size, "=#", 2);
  (void)sodium_bin2hex(out + kind.size + 2, 2 * sizeof hash + 1, hash, sizeof hash);
}

// Where a subject's keys are remembered. An import meets its subjects in any order: then there is
// room for many.
static vault_keys *slot_of(ds_vault *vault, uint64_t leaf) {
  if (vault->many == NULL && vault->misses >= VAULT_MISSES_MANY) {
    vault->misses = 0;
    vault->many = sodium_allocarray(VAULT_KEYS_MANY, sizeof *vault->many);
    if (vault->many != NULL)
      sodium_memzero(vault->many, VAULT_KEYS_MANY * sizeof *vault->many);
  }
  return vault->many != NULL ? &vault->many[leaf % VAULT_KEYS_MANY]
                             : &vault->guarded->keys[leaf % VAULT_KEYS];
}

// The subject's keys, remembered or derived. *ret_there: they were not destroyed.
static ds_code find_keys(ds_vault *vault, ds_str subject, vault_keys *ret_keys, ds_error *err) {
  uint8_t hash[VAULT_HASH_BYTES];
  uint8_t leaf_key[DS_TREE_KEY_BYTES];
  const ds_key_shelf shelf = {.context = vault, .load = ds_vault_file_load};
  (void)pthread_mutex_lock(&vault->mutex);
  ds_vault_key_hash(vault, subject, hash);
  const uint64_t leaf = ds_vault_leaf(hash);
  vault_keys *slot = slot_of(vault, leaf);
  ds_code code = DS_OK;
  if (!slot->is_there || memcmp(slot->hash, hash, sizeof hash) != 0) {
    slot->is_there = false;
    vault->misses++;
    code = ds_key_tree_derive(&shelf, &vault->guarded->known, leaf, leaf_key, &slot->is_there, err);
    if (code == DS_OK && slot->is_there) {
      static const uint8_t for_values[16] = "ds value";
      static const uint8_t for_nonces[16] = "ds nonce";
      uint8_t nonce_key[32];
      memcpy(slot->hash, hash, sizeof hash);
      (void)crypto_core_hchacha20(slot->value, for_values, leaf_key, NULL);
      (void)crypto_core_hchacha20(nonce_key, for_nonces, leaf_key, NULL);
      memcpy(slot->nonce, nonce_key, sizeof slot->nonce);
      sodium_memzero(nonce_key, sizeof nonce_key);
    }
    sodium_memzero(leaf_key, sizeof leaf_key);
    ds_vault_clear_stack();
  }
  *ret_keys = *slot;
  (void)pthread_mutex_unlock(&vault->mutex);
  return code;
}

// touchpoint, zero, property: neither has a zero in it.
static size_t put_place(const ds_vault_place *place, uint8_t out[PLACE_BYTES_MAX]) {
  assert(place->touchpoint.size <= DS_NAME_BYTES_MAX && place->property.size <= DS_NAME_BYTES_MAX);
  memcpy(out, place->touchpoint.data, place->touchpoint.size);
  out[place->touchpoint.size] = 0;
  memcpy(out + place->touchpoint.size + 1, place->property.data, place->property.size);
  return (size_t)place->touchpoint.size + 1 + place->property.size;
}

// Type and value as bytes; 0 when the value is too long.
static size_t put_plain(const ds_value *value, uint8_t *out) {
  assert(value->type != DS_TYPE_NULL && value->type != DS_TYPE_SEALED);
  out[0] = (uint8_t)value->type;
  if (value->type != DS_TYPE_STRING) {
    memcpy(out + 1, &value->i, 8); // the number, too: both are eight bytes of one union
    return 1 + 8;
  }
  if (value->text.size > DS_TEXT_BYTES_MAX)
    return 0;
  if (value->text.size > 0)
    memcpy(out + 1, value->text.data, value->text.size);
  return 1 + (size_t)value->text.size;
}

static bool seal(const vault_keys *keys, const ds_vault_place *place, const ds_value *value,
                 ds_buf *out, ds_value *ret_sealed) {
  uint8_t clear[PLACE_BYTES_MAX + PLAIN_BYTES_MAX]; // the place, then the value behind it
  uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES] = {0};
  const size_t place_size = put_place(place, clear);
  const size_t size = put_plain(value, clear + place_size);
  uint8_t *to = size == 0 ? NULL : ds_buf_reserve(out, NONCE_BYTES + size + TAG_BYTES);
  if (to != NULL) {
    (void)crypto_shorthash_siphashx24(nonce, clear, place_size + size, keys->nonce);
    memcpy(to, nonce, NONCE_BYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(to + NONCE_BYTES, NULL, clear + place_size,
                                                     size, clear, place_size, NULL, nonce,
                                                     keys->value);
    out->size += NONCE_BYTES + size + TAG_BYTES;
    *ret_sealed = (ds_value){
        .type = DS_TYPE_SEALED,
        .text = {(const char *)to, (uint32_t)(NONCE_BYTES + size + TAG_BYTES)}};
  }
  sodium_memzero(clear, place_size + size);
  return to != NULL;
}

// V1: a return may be in sight only, and then its key goes with it.
static ds_code settle_return(ds_vault *vault, ds_str subject, ds_error *err) {
  uint8_t hash[VAULT_HASH_BYTES];
  if (!vault->write || vault->returned_count == 0)
    return DS_OK;
  ds_vault_hash(vault, subject, hash);
  return find_returned(vault, hash) == NULL ? DS_OK : ds_vault_settle(vault, err);
}

ds_code ds_vault_seal(ds_vault *vault, const ds_vault_place *place, const ds_value *value,
                      ds_buf *out, ds_value *ret_sealed, ds_error *err) {
  vault_keys keys;
  TRY(settle_return(vault, place->subject, err));
  TRY(find_keys(vault, place->subject, &keys, err));
  if (!keys.is_there)
    return ds_fail(err, DS_NO, "the person was erased");
  const bool done = seal(&keys, place, value, out, ret_sealed);
  sodium_memzero(&keys, sizeof keys);
  ds_vault_clear_stack();
  if (done)
    return DS_OK;
  TRY(ds_buf_check(out, "personal values", err));
  return ds_fail(err, DS_LIMIT, "a personal text longer than 64 KiB");
}

static bool take_plain(const uint8_t *plain, size_t size, ds_value *ret_value) {
  *ret_value = (ds_value){.type = (ds_type)plain[0]};
  if (ret_value->type == DS_TYPE_STRING)
    ret_value->text = (ds_str){(const char *)plain + 1, (uint32_t)size - 1};
  else if (ret_value->type > DS_TYPE_NULL && ret_value->type < DS_TYPE_SEALED && size == 1 + 8)
    memcpy(&ret_value->i, plain + 1, 8);
  else
    return false;
  return true;
}

ds_code ds_vault_unseal(ds_vault *vault, const ds_vault_place *place, const ds_value *sealed,
                        ds_arena *arena, ds_value *ret_value, ds_error *err) {
  assert(sealed->type == DS_TYPE_SEALED);
  const uint8_t *from = (const uint8_t *)sealed->text.data;
  const size_t size = sealed->text.size;
  vault_keys keys;
  TRY(find_keys(vault, place->subject, &keys, err));
  if (!keys.is_there)
    return ds_fail(err, DS_NO, "the person was erased");
  uint8_t where[PLACE_BYTES_MAX];
  uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES] = {0};
  const size_t where_size = put_place(place, where);
  uint8_t *plain = size < DS_SEAL_BYTES ? NULL : ds_arena_alloc(arena, size);
  bool sound = plain != NULL;
  if (sound) {
    memcpy(nonce, from, NONCE_BYTES);
    sound = crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, from + NONCE_BYTES,
                                                       size - NONCE_BYTES, where, where_size,
                                                       nonce, keys.value) == 0 &&
            take_plain(plain, size - NONCE_BYTES - TAG_BYTES, ret_value);
  }
  sodium_memzero(&keys, sizeof keys);
  ds_vault_clear_stack();
  if (sound)
    return DS_OK;
  if (plain == NULL && size >= DS_SEAL_BYTES)
    return ds_fail(err, DS_MEMORY, "out of memory for personal values");
  return ds_fail(err, DS_CORRUPT, "a sealed value is damaged, or not of this place");
}

static bool has_erased(const ds_vault *vault, const uint8_t hash[VAULT_HASH_BYTES]) {
  const uint32_t at = ds_map64_get(&vault->erased_index, ds_vault_leaf(hash));
  return at != DS_NONE && sodium_memcmp(vault->erased[at], hash, VAULT_HASH_BYTES) == 0;
}

bool ds_vault_is_erased(const ds_vault *vault, ds_str subject) {
  if (vault->erased_count == 0)
    return false;
  uint8_t hash[VAULT_HASH_BYTES];
  ds_vault_hash(vault, subject, hash);
  return has_erased(vault, hash);
}

ds_code ds_vault_settle(ds_vault *vault, ds_error *err) {
  (void)pthread_mutex_lock(&vault->mutex);
  const ds_code code = ds_vault_file_settle(vault, err);
  (void)pthread_mutex_unlock(&vault->mutex);
  return code;
}

uint32_t ds_vault_erased_count(const ds_vault *vault) {
  return vault->erased_count + vault->returns;
}

uint32_t ds_vault_find_to_go(const ds_vault *vault, const ds_str *subjects, uint32_t count,
                             uint32_t done, bool *ret_is_to_go) {
  uint32_t found = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint8_t hash[VAULT_HASH_BYTES];
    hash_many(vault, subjects[i], hash);
    const vault_returned *returned = find_returned(vault, hash);
    ret_is_to_go[i] =
        has_erased(vault, hash) || (returned != NULL && returned->erasures > done);
    found += ret_is_to_go[i];
  }
  ds_vault_clear_stack();
  return found;
}

bool ds_vault_is_to_go(const ds_vault *vault, ds_str subject, uint32_t done) {
  bool is_to_go;
  return ds_vault_find_to_go(vault, &subject, 1, done, &is_to_go) > 0;
}
