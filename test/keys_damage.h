// SPDX-License-Identifier: Apache-2.0
// A small vault as bytes, and what any use of such bytes, damaged, must keep to: each call does
// what it says or fails with one line. Where the damage is not forged (a page has the checksum that
// it was written with), whoever was erased is told as erased, nothing of theirs opens, and what
// does open is right.
#ifndef DS_TEST_KEYS_DAMAGE_H
#define DS_TEST_KEYS_DAMAGE_H

#include <stdlib.h>
#include <string.h>

#include "io/io.h"
#include "store/vault.h"

// The files of a vault, in the order of keys_files; a NULL is not there.
enum { KEYS_DATABASE, KEYS_MASTER, KEYS_NEW, KEYS_JOURNAL, KEYS_FILES };
static const char *const keys_files[KEYS_FILES] = {"s/keys.sqlite", "s/key", "s/key.new",
                                                   "s/keys.sqlite-journal"};

// The vault: one kept, one erased, one erased and taken in again.
typedef struct keys_image {
  char *bytes[KEYS_FILES];
  size_t size[KEYS_FILES];
  uint64_t fingerprint;
  uint8_t kept[64], gone[64], returned[64]; // sealed; that of the third before the erasure
  uint32_t kept_size, gone_size, returned_size;
} keys_image;

// Also in a build without asserts.
static inline void keys_must(bool holds) {
  if (!holds)
    abort();
}

// A failure is one line.
static inline ds_code keys_tried(ds_code code, const ds_error *err) {
  keys_must(code == DS_OK || (err->message[0] != '\0' && strchr(err->message, '\n') == NULL));
  return code;
}

static inline ds_io_sim *keys_machine(void) {
  ds_io_sim *sim = ds_io_sim_new(3);
  keys_must(sim != NULL);
  ds_io *io = ds_io_sim_io(sim);
  keys_must(io->ops->mkdir(io, "s", NULL) == DS_OK && io->ops->sync_dir(io, "/", NULL) == DS_OK);
  return sim;
}

static inline ds_code keys_open(ds_io_sim *sim, bool write, uint64_t fingerprint,
                                ds_vault **ret_vault) {
  const ds_vault_options options = {.io = ds_io_sim_io(sim), .directory = "s",
                                    .fingerprint = fingerprint, .write = write};
  ds_error err = {.message = ""};
  return keys_tried(ds_vault_open(&options, ret_vault, &err), &err);
}

static inline ds_vault_place keys_place(const char *subject) {
  return (ds_vault_place){ds_str_of(subject), ds_str_of("t"), ds_str_of("p")};
}

static inline uint32_t keys_seal(ds_vault *vault, const char *subject, uint8_t out[64]) {
  const ds_value value = {.type = DS_TYPE_NUMBER, .number = 4.5};
  const ds_vault_place place = keys_place(subject);
  ds_buf bytes;
  ds_value sealed;
  ds_buf_init(&bytes, 1 << 12);
  keys_must(ds_vault_seal(vault, &place, &value, &bytes, &sealed, NULL) == DS_OK);
  keys_must(sealed.text.size <= 64);
  memcpy(out, sealed.text.data, sealed.text.size);
  ds_buf_done(&bytes);
  return sealed.text.size;
}

static inline void keys_erase(ds_vault *vault, const char *subject) {
  const ds_str one = ds_str_of(subject);
  keys_must(ds_vault_erase(vault, &one, 1, 5, NULL) == DS_OK);
}

// Makes the vault; the caller frees with keys_image_done.
static inline void keys_make(keys_image *image) {
  ds_io_sim *sim = keys_machine();
  ds_io *io = ds_io_sim_io(sim);
  ds_vault *vault = NULL;
  *image = (keys_image){.fingerprint = 0};
  keys_must(keys_open(sim, true, 0, &vault) == DS_OK);
  image->fingerprint = ds_vault_fingerprint(vault);
  image->kept_size = keys_seal(vault, "user_id=kept", image->kept);
  image->gone_size = keys_seal(vault, "user_id=gone", image->gone);
  image->returned_size = keys_seal(vault, "user_id=returned", image->returned);
  keys_erase(vault, "user_id=returned");
  keys_must(ds_vault_readmit(vault, ds_str_of("user_id=returned"), 9, ds_str_of("asked"), NULL) ==
            DS_OK);
  keys_erase(vault, "user_id=gone");
  ds_vault_close(vault);
  for (uint32_t f = KEYS_DATABASE; f <= KEYS_MASTER; f++)
    keys_must(ds_io_read_file(io, keys_files[f], 1 << 24, &image->bytes[f], &image->size[f],
                              NULL) == DS_OK);
  ds_io_sim_free(sim);
}

static inline void keys_image_done(keys_image *image) {
  for (uint32_t f = 0; f < KEYS_FILES; f++)
    free(image->bytes[f]);
}

// What opens of somebody's sealed value: DS_OK only with what was sealed.
static inline ds_code keys_unseal(ds_vault *vault, const char *subject, const uint8_t *bytes,
                                  uint32_t size) {
  const ds_value sealed = {.type = DS_TYPE_SEALED, .text = {(const char *)bytes, size}};
  const ds_vault_place place = keys_place(subject);
  ds_arena arena;
  ds_value value;
  ds_error err = {.message = ""};
  ds_arena_init(&arena, 1 << 12);
  const ds_code code =
      keys_tried(ds_vault_unseal(vault, &place, &sealed, &arena, &value, &err), &err);
  keys_must(code != DS_OK || (value.type == DS_TYPE_NUMBER && value.number == 4.5));
  ds_arena_done(&arena);
  return code;
}

// What a vault tells when asked.
typedef struct keys_told {
  uint32_t erasures, returned, alive; // rows of the list
  uint32_t problems;                  // of the check
} keys_told;

static inline void keys_take(void *context, const ds_vault_erasure *erasure) {
  keys_told *told = context;
  told->erasures++;
  told->returned += erasure->is_returned;
  told->alive += erasure->key == DS_VAULT_KEY_THERE;
  uint32_t sum = 0; // reads all of the reason
  for (uint32_t i = 0; i < erasure->reason.size; i++)
    sum += (uint8_t)erasure->reason.data[i];
  keys_must(sum != UINT32_MAX);
}

static inline void keys_problem(void *context, const char *line) {
  keys_told *told = context;
  keys_must(line[0] != '\0' && strchr(line, '\n') == NULL);
  told->problems++;
}

// Asks an open vault everything. `more` were erased by now.
static inline void keys_ask(ds_vault *vault, const keys_image *image, bool forged, uint32_t more) {
  keys_told told = {0};
  ds_error err = {.message = ""};
  char subject[DS_VAULT_SUBJECT_BYTES];
  ds_vault_subject(vault, ds_str_of("email"), ds_str_of("a@example.com"), subject);
  const bool gone = ds_vault_is_erased(vault, ds_str_of("user_id=gone"));
  const bool returned = ds_vault_is_erased(vault, ds_str_of("user_id=returned"));
  const bool both = ds_vault_is_to_go(vault, ds_str_of("user_id=gone"), 0) &&
                    ds_vault_is_to_go(vault, ds_str_of("user_id=returned"), 0);
  const ds_code kept = keys_unseal(vault, "user_id=kept", image->kept, image->kept_size);
  const ds_code dead = keys_unseal(vault, "user_id=gone", image->gone, image->gone_size);
  const ds_code before =
      keys_unseal(vault, "user_id=returned", image->returned, image->returned_size);
  const ds_code list = keys_tried(ds_vault_list(vault, NULL, keys_take, &told, &err), &err);
  const ds_code check = keys_tried(ds_vault_check(vault, keys_problem, &told, &err), &err);
  keys_must(dead != DS_OK && before != DS_OK); // keys that are gone come back by no damage
  if (forged)
    return;
  keys_must(gone && !returned && both && ds_vault_erased_count(vault) == 2 + more);
  keys_must(list != DS_OK || (told.erasures == 2 + more && told.returned == 1 && told.alive == 0));
  keys_must((kept == DS_OK || kept == DS_CORRUPT) &&
            (dead == DS_NO || dead == DS_CORRUPT));
  // What reading came upon, checking does.
  keys_must(check != DS_OK || told.problems > 0 || (kept == DS_OK && list == DS_OK));
}

// Changes a vault in every way, as far as it lets itself be changed. Returns how many more are
// erased for certain.
static inline uint32_t keys_change(ds_vault *vault) {
  const ds_str other = ds_str_of("user_id=other");
  ds_error err = {.message = ""};
  const uint32_t more =
      keys_tried(ds_vault_erase(vault, &other, 1, 7, &err), &err) == DS_OK ? 1 : 0;
  keys_must(more == 0 || ds_vault_is_erased(vault, other));
  (void)keys_tried(ds_vault_rotate(vault, NULL, &err), &err);
  return more;
}

// A machine with the image's files, some of them damaged.
static inline ds_io_sim *keys_put(const keys_image *image) {
  ds_io_sim *sim = keys_machine();
  ds_io *io = ds_io_sim_io(sim);
  for (uint32_t f = 0; f < KEYS_FILES; f++)
    if (image->bytes[f] != NULL)
      keys_must(ds_io_replace_file(io, "s", keys_files[f], image->bytes[f], image->size[f],
                                   NULL) == DS_OK);
  return sim;
}

// Opens the files to read, to write, and by another process after that, and does everything with
// them. Returns what opening to read said.
static inline ds_code keys_live(const keys_image *image, bool forged) {
  ds_io_sim *sim = keys_put(image);
  ds_vault *vault = NULL;
  uint32_t more = 0, count = 0;
  ds_error err = {.message = ""};
  (void)keys_tried(ds_vault_count_erased(ds_io_sim_io(sim), "s", &count, &err), &err);
  const ds_code code = keys_open(sim, false, image->fingerprint, &vault);
  if (code == DS_OK) {
    keys_ask(vault, image, forged, 0);
    ds_vault_close(vault);
  }
  if (keys_open(sim, true, image->fingerprint, &vault) == DS_OK) {
    keys_ask(vault, image, forged, 0);
    more = keys_change(vault);
    ds_vault_close(vault);
  }
  if (keys_open(sim, true, image->fingerprint, &vault) == DS_OK) {
    const bool other = ds_vault_is_erased(vault, ds_str_of("user_id=other"));
    keys_must(forged || other || more == 0);
    keys_ask(vault, image, forged, other);
    (void)keys_tried(ds_vault_readmit(vault, ds_str_of("user_id=gone"), 11, ds_str_of("r"), &err),
                     &err);
    ds_vault_close(vault);
  }
  keys_must(ds_io_sim_open_files(sim) == 0); // I12
  ds_io_sim_free(sim);
  return code;
}

#endif
