// SPDX-License-Identifier: Apache-2.0
// The vault's files. A change is one transaction of SQLite with its rollback journal. What the last
// process left may be in sight without being on disk, if a sync of its failed; so the first thing a
// process does that changes the vault is a transaction of its own, which brings all of it there.
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/vault_state.h"

#define KEY_MAGIC "doorstep-key-1 "

enum {
  KEY_MAGIC_BYTES = sizeof KEY_MAGIC - 1,
  KEY_FILE_BYTES = KEY_MAGIC_BYTES + 2 * VAULT_MASTER_BYTES + 1,
  NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
  TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
  BLOB_BYTES_MAX = VAULT_WRAP_BYTES + sizeof(ds_key_family),
};
static_assert(VAULT_WRAP_BYTES == NONCE_BYTES + TAG_BYTES, "what wrapping adds");
static_assert(VAULT_MASTER_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "the master key");

// What a wrapped blob is bound to.
typedef struct label {
  char kind[8];
  uint64_t level;
  uint64_t path;
} label;

static const label secrets_label = {"secret", 0, 0};

static label family_label(uint32_t level, uint64_t path) {
  return (label){"family", level, path};
}

static ds_code wrap(const ds_vault *vault, const uint8_t *master, const label *as,
                    const void *data, size_t size, uint8_t *out, ds_error *err) {
  TRY(vault->io->ops->random(vault->io, out, NONCE_BYTES, err));
  (void)crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_BYTES, NULL, data, size,
                                                   (const uint8_t *)as, sizeof *as, NULL, out,
                                                   master);
  ds_vault_clear_stack();
  return DS_OK;
}

static bool unwrap(const uint8_t *master, const label *as, const void *blob, size_t blob_size,
                   void *ret_data, size_t size) {
  const uint8_t *from = blob;
  const bool sound =
      from != NULL && blob_size == VAULT_WRAP_BYTES + size &&
      crypto_aead_xchacha20poly1305_ietf_decrypt(ret_data, NULL, NULL, from + NONCE_BYTES,
                                                 blob_size - NONCE_BYTES, (const uint8_t *)as,
                                                 sizeof *as, from, master) == 0;
  ds_vault_clear_stack();
  return sound;
}

static ds_code exists(ds_io *io, const char *path, bool *ret_there, ds_error *err) {
  ds_file *file;
  ds_error own = {.message = ""};
  const ds_code code = io->ops->open(io, path, DS_OPEN_READ, &file, &own);
  if (code == DS_OK)
    io->ops->close(io, file);
  else if (code != DS_MISSING)
    return ds_fail(err, code, "%s", own.message);
  *ret_there = code == DS_OK;
  return DS_OK;
}

static const char *name_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

// The master key in a file. DS_MISSING, or DS_CORRUPT when the file is no key.
static ds_code read_key(ds_io *io, const char *path, uint8_t out[VAULT_MASTER_BYTES],
                        ds_error *err) {
  char *text = NULL;
  size_t size = 0;
  size_t used = 0;
  const ds_code code = ds_io_read_file(io, path, (size_t)2 * KEY_FILE_BYTES, &text, &size, err);
  if (code == DS_MISSING)
    return ds_fail(err, DS_MISSING, "the master key (%s) is missing: bring it back, without it no "
                   "personal value can be read", name_of(path));
  if (code != DS_LIMIT) // of which a key is none
    TRY(code);
  const bool sound =
      size == KEY_FILE_BYTES && memcmp(text, KEY_MAGIC, KEY_MAGIC_BYTES) == 0 &&
      sodium_hex2bin(out, VAULT_MASTER_BYTES, text + KEY_MAGIC_BYTES, 2 * VAULT_MASTER_BYTES, NULL,
                     &used, NULL) == 0 &&
      used == VAULT_MASTER_BYTES;
  if (text != NULL)
    sodium_memzero(text, size);
  free(text);
  return sound ? DS_OK
               : ds_fail(err, DS_CORRUPT, "%s is not a key file: doorstep key new makes one",
                         name_of(path));
}

static ds_code fill_file(ds_io *io, ds_file *file, const uint8_t key[VAULT_MASTER_BYTES],
                         ds_error *err) {
  char text[KEY_FILE_BYTES + 1] = KEY_MAGIC;
  (void)sodium_bin2hex(text + KEY_MAGIC_BYTES, 2 * VAULT_MASTER_BYTES + 1, key, VAULT_MASTER_BYTES);
  text[KEY_FILE_BYTES - 1] = '\n';
  ds_code code = io->ops->truncate(io, file, 0, err);
  if (code == DS_OK)
    code = io->ops->write_at(io, file, 0, text, KEY_FILE_BYTES, err);
  if (code == DS_OK)
    code = io->ops->sync(io, file, err);
  sodium_memzero(text, sizeof text);
  return code;
}

// A file with the key, of its owner alone; not durable before its directory is synced.
static ds_code write_key(ds_io *io, const char *path, int how, const uint8_t *key, ds_error *err) {
  ds_file *file;
  const int flags = DS_OPEN_READ | DS_OPEN_WRITE | DS_OPEN_PRIVATE | how;
  TRY(io->ops->open(io, path, flags, &file, err));
  const ds_code code = fill_file(io, file, key, err);
  io->ops->close(io, file);
  return code;
}

ds_code ds_vault_file_put_key(const ds_vault *vault, const char *path, ds_error *err) {
  return write_key(vault->io, path, DS_OPEN_CREATE, vault->guarded->master, err);
}

ds_code ds_vault_make_key_file(ds_io *io, const char *path, ds_error *err) {
  uint8_t key[VAULT_MASTER_BYTES];
  char directory[DS_PATH_BYTES_MAX];
  if (snprintf(directory, sizeof directory, "%s", path) >= (int)sizeof directory)
    return ds_fail(err, DS_LIMIT, "the path of the key file is too long");
  char *slash = strrchr(directory, '/');
  if (slash == NULL)
    (void)snprintf(directory, sizeof directory, ".");
  else
    slash[slash == directory ? 1 : 0] = '\0';
  TRY(io->ops->random(io, key, sizeof key, err));
  ds_code code = write_key(io, path, DS_OPEN_EXCLUSIVE | DS_OPEN_CREATE, key, err);
  sodium_memzero(key, sizeof key);
  return code == DS_OK ? io->ops->sync_dir(io, directory, err) : code;
}

static void new_path(const ds_vault *vault, char out[DS_PATH_BYTES_MAX]) {
  (void)snprintf(out, DS_PATH_BYTES_MAX, "%.*s.new", (int)DS_PATH_BYTES_MAX - 8, vault->key_path);
}

// Puts key.new in the key's place.
static ds_code promote_key(ds_vault *vault, ds_error *err) {
  char from[DS_PATH_BYTES_MAX];
  new_path(vault, from);
  TRY(vault->io->ops->rename(vault->io, from, vault->key_path, err));
  return vault->io->ops->sync_dir(vault->io, vault->directory, err);
}

// One that is left over may be in sight without ever coming to disk: then its name must be new.
static ds_code write_new_key(ds_vault *vault, const uint8_t *key, ds_error *err) {
  char path[DS_PATH_BYTES_MAX];
  ds_error found = {.message = ""};
  new_path(vault, path);
  const ds_code code = vault->io->ops->unlink(vault->io, path, &found);
  if (code != DS_OK && code != DS_MISSING)
    return ds_fail(err, code, "%s", found.message);
  TRY(write_key(vault->io, path, DS_OPEN_CREATE, key, err));
  return vault->io->ops->sync_dir(vault->io, vault->directory, err);
}

// A fresh key in key.new, durable, and in `out`.
static ds_code make_new_key(ds_vault *vault, uint8_t out[VAULT_MASTER_BYTES], ds_error *err) {
  TRY(vault->io->ops->random(vault->io, out, VAULT_MASTER_BYTES, err));
  return write_new_key(vault, out, err);
}

static sqlite3 *handle_of(ds_vault *vault) {
  return ds_sqlite_handle(vault->database);
}

static ds_code prepare(ds_vault *vault, const char *sql, sqlite3_stmt **ret, ds_error *err) {
  *ret = NULL;
  if (sqlite3_prepare_v2(handle_of(vault), sql, -1, ret, NULL) != SQLITE_OK)
    return ds_sqlite_fail(vault->database, err);
  return DS_OK;
}

// Runs a statement that gives no rows, and ends it.
static ds_code finish(ds_vault *vault, sqlite3_stmt *statement, ds_error *err) {
  const int status = sqlite3_step(statement);
  const ds_code code = status == SQLITE_DONE ? DS_OK : ds_sqlite_fail(vault->database, err);
  (void)sqlite3_finalize(statement);
  return code;
}

static const char damage[] = "keys.sqlite is damaged: bring it back from a backup of the keys";

ds_code ds_vault_damaged(ds_error *err) {
  return ds_fail(err, DS_CORRUPT, "%s", damage);
}

// What the master key does not open is damaged; or a rotation that was told as failed is on disk.
static ds_code not_opened(const ds_vault *vault, ds_error *err) {
  return vault->failed ? ds_fail(err, DS_IO, "a change of the keys has failed: open the store anew")
                       : ds_vault_damaged(err);
}

// Opens a family that the master key does not open: a writer beside this reader may have changed
// the key since, and has it in one of two files. Looks twice, as it may do so right now.
static bool unwrap_rotated(ds_vault *vault, const label *as, const void *blob, size_t blob_size,
                           ds_key_family *ret_family) {
  char path[DS_PATH_BYTES_MAX];
  bool sound = false;
  uint8_t *master = vault->write ? NULL : sodium_malloc(VAULT_MASTER_BYTES);
  new_path(vault, path);
  for (int i = 0; master != NULL && i < 4 && !sound; i++)
    sound = read_key(vault->io, i % 2 == 0 ? vault->key_path : path, master, NULL) == DS_OK &&
            unwrap(master, as, blob, blob_size, ret_family, sizeof *ret_family);
  if (sound)
    memcpy(vault->guarded->master, master, VAULT_MASTER_BYTES);
  sodium_free(master);
  return sound;
}

// Reads a family; *ret_there is false when the tree has none there.
static ds_code read_family(void *context, uint32_t level, uint64_t path, ds_key_family *ret_family,
                           bool *ret_there, ds_error *err) {
  ds_vault *vault = context;
  const label as = family_label(level, path);
  sqlite3_stmt *row;
  TRY(prepare(vault, "SELECT keys FROM family WHERE level = ?1 AND path = ?2", &row, err));
  (void)sqlite3_bind_int64(row, 1, level);
  (void)sqlite3_bind_int64(row, 2, (sqlite3_int64)path);
  const int status = sqlite3_step(row);
  ds_code code = DS_OK;
  *ret_there = status == SQLITE_ROW;
  if (status == SQLITE_ROW) {
    const void *blob = sqlite3_column_blob(row, 0);
    const size_t size = (size_t)sqlite3_column_bytes(row, 0);
    if (!unwrap(vault->guarded->master, &as, blob, size, ret_family, sizeof *ret_family) &&
        !unwrap_rotated(vault, &as, blob, size, ret_family))
      code = not_opened(vault, err);
  } else if (status != SQLITE_DONE) {
    code = ds_sqlite_fail(vault->database, err);
  }
  (void)sqlite3_finalize(row);
  return code;
}

ds_code ds_vault_file_load(void *context, uint32_t level, uint64_t path,
                           ds_key_family *ret_family, bool *ret_there, ds_error *err) {
  ds_vault *vault = context;
  vault_family *slot =
      &vault->guarded->families[(path * 31 + level) % (uint64_t)VAULT_FAMILIES];
  *ret_there = slot->is_there && slot->level == level && slot->path == path;
  if (!*ret_there) {
    slot->is_there = false;
    TRY(read_family(vault, level, path, &slot->family, ret_there, err));
    slot->is_there = *ret_there;
    slot->level = level;
    slot->path = path;
  }
  if (*ret_there)
    *ret_family = slot->family;
  return DS_OK;
}

// Stores a blob under the key that `master` is.
static ds_code put_blob(ds_vault *vault, const uint8_t *master, const char *sql, const label *as,
                        const void *data, size_t size, ds_error *err) {
  uint8_t blob[BLOB_BYTES_MAX];
  assert(VAULT_WRAP_BYTES + size <= sizeof blob);
  TRY(wrap(vault, master, as, data, size, blob, err));
  sqlite3_stmt *put;
  TRY(prepare(vault, sql, &put, err));
  (void)sqlite3_bind_blob(put, 1, blob, (int)(VAULT_WRAP_BYTES + size), SQLITE_STATIC);
  (void)sqlite3_bind_int64(put, 2, (sqlite3_int64)as->level);
  (void)sqlite3_bind_int64(put, 3, (sqlite3_int64)as->path);
  return finish(vault, put, err);
}

static ds_code put_family(ds_vault *vault, const uint8_t *master, uint32_t level, uint64_t path,
                          const ds_key_family *family, ds_error *err) {
  const label as = family_label(level, path);
  return put_blob(vault, master,
                  "INSERT OR REPLACE INTO family(level, path, keys) VALUES (?2, ?3, ?1)", &as,
                  family, sizeof *family, err);
}

static ds_code save_family(void *context, uint32_t level, uint64_t path,
                           const ds_key_family *family, ds_error *err) {
  ds_vault *vault = context;
  return put_family(vault, vault->guarded->master, level, path, family, err);
}

static ds_code put_secrets(ds_vault *vault, const uint8_t *master, ds_error *err) {
  return put_blob(vault, master,
                  "INSERT OR REPLACE INTO secret(name, value) VALUES ('secrets', ?1)",
                  &secrets_label, &vault->guarded->secrets, sizeof vault->guarded->secrets, err);
}

// Ends a transaction: commits, or takes everything back.
static ds_code end_change(ds_vault *vault, ds_code code, ds_error *err) {
  if (code == DS_OK)
    code = ds_vault_run(vault, "COMMIT", err);
  if (code != DS_OK)
    (void)sqlite3_exec(handle_of(vault), "ROLLBACK", NULL, NULL, NULL);
  return code;
}

static ds_code make_content(ds_vault *vault, ds_error *err) {
  ds_key_family *family = sodium_malloc(sizeof *family);
  if (family == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the vault");
  family->present = UINT16_MAX;
  ds_io *io = vault->io;
  ds_code code = io->ops->random(io, family->key, sizeof family->key, err);
  if (code == DS_OK)
    code = io->ops->random(io, &vault->guarded->secrets, sizeof vault->guarded->secrets, err);
  if (code == DS_OK)
    code = ds_vault_make_tables(vault, VAULT_VERSION, err);
  if (code == DS_OK)
    code = put_secrets(vault, vault->guarded->master, err);
  if (code == DS_OK)
    code = save_family(vault, 0, 0, family, err);
  sodium_free(family);
  return code;
}

// The master key of a new vault: the one that is there, else a new one.
static ds_code make_master(ds_vault *vault, ds_error *err) {
  bool there = false;
  TRY(exists(vault->io, vault->key_path, &there, err));
  if (there || !vault->own_key)
    return read_key(vault->io, vault->key_path, vault->guarded->master, err);
  TRY(make_new_key(vault, vault->guarded->master, err));
  return promote_key(vault, err);
}

static ds_code make_vault(ds_vault *vault, ds_error *err) {
  TRY(make_master(vault, err));
  TRY(ds_sqlite_begin(vault->database, true, err));
  return end_change(vault, make_content(vault, err), err);
}

// Reads the secrets by the master key in `guarded`; false when that is not theirs.
static ds_code read_secrets(ds_vault *vault, bool *ret_fits, ds_error *err) {
  sqlite3_stmt *row;
  TRY(prepare(vault, "SELECT value FROM secret WHERE name = 'secrets'", &row, err));
  ds_code code = DS_OK;
  const int status = sqlite3_step(row);
  if (status == SQLITE_ROW)
    *ret_fits = unwrap(vault->guarded->master, &secrets_label, sqlite3_column_blob(row, 0),
                       (size_t)sqlite3_column_bytes(row, 0), &vault->guarded->secrets,
                       sizeof vault->guarded->secrets);
  else
    code = status == SQLITE_DONE ? ds_vault_damaged(err) : ds_sqlite_fail(vault->database, err);
  (void)sqlite3_finalize(row);
  return code;
}

static ds_code open_database(ds_vault *vault, bool write, ds_error *err) {
  const ds_sqlite_how how = write ? DS_SQLITE_WRITE_JOURNAL : DS_SQLITE_READ;
  const ds_code code = ds_sqlite_open(vault->io, vault->path, how, &vault->database, err);
  if (code == DS_MISSING)
    return ds_fail(err, DS_MISSING, "keys.sqlite is missing: bring it back from a backup of the "
                   "keys; without it no personal value can be read");
  vault->changing = write;
  return code;
}

// Opens the database to write, with a transaction that makes sure that all changes in sight are on
// disk, and no journal of theirs.
static ds_code bring_to_disk(ds_vault *vault, ds_error *err) {
  ds_sqlite *before = vault->database; // which goes on reading when the other cannot be opened
  const ds_code code = open_database(vault, true, err);
  if (code != DS_OK) {
    vault->database = before;
    return code;
  }
  ds_sqlite_close(before);
  TRY(ds_sqlite_begin(vault->database, true, err));
  return end_change(vault, put_secrets(vault, vault->guarded->master, err), err);
}

// Finds the master key: the file, or key.new, when a rotation was cut short.
static ds_code open_secrets(ds_vault *vault, ds_error *err) {
  char path[DS_PATH_BYTES_MAX];
  bool fits = false;
  bool other = false;
  ds_error first = {.message = ""};
  ds_code code = read_key(vault->io, vault->key_path, vault->guarded->master, &first);
  if (code == DS_OK)
    TRY(read_secrets(vault, &fits, err));
  new_path(vault, path);
  if (vault->own_key)
    TRY(exists(vault->io, path, &other, err));
  if (fits && other && vault->write) {
    TRY(vault->io->ops->unlink(vault->io, path, err));
    return vault->io->ops->sync_dir(vault->io, vault->directory, err);
  }
  ds_error why = {.code = DS_NO};
  if (!fits && other)
    why.code = read_key(vault->io, path, vault->guarded->master, &why);
  // One that was not written to its end is none; one that may be sound must be read.
  if (why.code == DS_MEMORY || why.code == DS_IO)
    return ds_fail(err, why.code, "%s", why.message);
  if (why.code == DS_OK) {
    TRY(read_secrets(vault, &fits, err));
    // The other key goes: so the commit that wrapped everything by this one must not be undone.
    if (fits && vault->write)
      TRY(vault->is_copy ? ds_vault_file_copy(vault->io, vault->directory, vault->directory, err)
                         : bring_to_disk(vault, err));
    if (fits && vault->write)
      return promote_key(vault, err);
  }
  if (fits)
    return DS_OK;
  if (code != DS_OK)
    return ds_fail(err, code, "%s", first.message);
  return ds_fail(err, DS_CORRUPT, "the master key (%s) does not open keys.sqlite: it is of another "
                 "store, or one before a rotation", name_of(vault->key_path));
}

static ds_code open_content(ds_vault *vault, bool may_make, ds_error *err) {
  TRY(ds_vault_version(vault, &vault->version, err));
  if (vault->version == 0 && may_make) {
    TRY(make_vault(vault, err));
    vault->version = VAULT_VERSION;
  } else if (vault->version > VAULT_VERSION_RETURNED) {
    return ds_fail(err, DS_VERSION, "keys.sqlite was written by a newer doorstep");
  } else if (vault->version < VAULT_VERSION) {
    return ds_vault_damaged(err);
  } else {
    ds_code code = open_secrets(vault, err);
    if (code == DS_CORRUPT && !vault->write) // A rotation may have ended between its two looks.
      code = open_secrets(vault, err);
    TRY(code);
  }
  return ds_vault_read_rows(vault, err);
}

static ds_code open_or_make(ds_vault *vault, bool there, bool may_make, ds_error *err) {
  bool settled = true;
  TRY(ds_sqlite_is_settled(vault->io, vault->path, &settled, err));
  if (!there && !may_make)
    return open_database(vault, false, err);
  TRY(open_database(vault, vault->write && (!there || !settled), err));
  ds_code code = open_content(vault, may_make && vault->changing, err);
  if (code != DS_CORRUPT || !may_make || vault->changing)
    return code;
  // Its making was cut short before anything was in it.
  int version = 1;
  if (ds_vault_version(vault, &version, NULL) != DS_OK || version != 0)
    return code;
  ds_sqlite_close(vault->database);
  vault->database = NULL;
  TRY(open_database(vault, true, err));
  return open_content(vault, true, err);
}

// Gives the vault's files their names once more. Where the sync of a directory failed while they
// were made, the names are in sight and need never come to disk.
static ds_code name_anew(ds_vault *vault, ds_error *err) {
  TRY(bring_to_disk(vault, err));
  ds_sqlite_close(vault->database);
  vault->database = NULL;
  TRY(ds_vault_file_copy(vault->io, vault->directory, vault->directory, err));
  if (vault->own_key) {
    TRY(write_new_key(vault, vault->guarded->master, err));
    TRY(promote_key(vault, err));
  }
  return open_database(vault, false, err);
}

ds_code ds_vault_file_open(ds_vault *vault, bool may_make, ds_error *err) {
  bool there = false;
  may_make = may_make && vault->write;
  TRY(exists(vault->io, vault->path, &there, err));
  TRY(open_or_make(vault, there, may_make, err));
  return there && may_make ? name_anew(vault, err) : DS_OK;
}

ds_code ds_vault_file_settle(ds_vault *vault, ds_error *err) {
  return vault->changing ? DS_OK : bring_to_disk(vault, err);
}

// What a failed change has left on disk is not known: another could destroy the one key that opens
// it.
static ds_code check_writable(const ds_vault *vault, ds_error *err) {
  if (!vault->write)
    return ds_fail(err, DS_READONLY, "the vault is open to read");
  return vault->failed ? ds_fail(err, DS_READONLY, "a change of the keys has failed: open the "
                                 "store anew to make another")
                       : DS_OK;
}

// The outcome of a change: once one has failed, no other is tried.
static ds_code note_change(ds_vault *vault, ds_code code) {
  vault->failed = vault->failed || code != DS_OK;
  return code;
}

static ds_code begin_change(ds_vault *vault, ds_error *err) {
  TRY(check_writable(vault, err));
  TRY(ds_vault_file_settle(vault, err));
  return ds_sqlite_begin(vault->database, true, err);
}

static ds_code note_erased(ds_vault *vault, const uint8_t *hash, int64_t when_ms, ds_error *err) {
  sqlite3_stmt *put;
  TRY(prepare(vault, "INSERT OR IGNORE INTO erased(hash, when_ms) VALUES (?1, ?2)", &put, err));
  (void)sqlite3_bind_blob(put, 1, hash, VAULT_HASH_BYTES, SQLITE_STATIC);
  (void)sqlite3_bind_int64(put, 2, when_ms);
  return finish(vault, put, err);
}

static ds_code erase_all(ds_vault *vault, const ds_str *subjects, uint32_t count, int64_t when_ms,
                         ds_error *err) {
  const ds_key_shelf shelf = {.context = vault, .load = read_family, .save = save_family};
  for (uint32_t i = 0; i < count; i++) {
    uint8_t hash[VAULT_HASH_BYTES];
    ds_vault_hash(vault, subjects[i], hash);
    TRY(note_erased(vault, hash, when_ms, err));
    ds_vault_key_hash(vault, subjects[i], hash);
    const ds_code code = ds_key_tree_puncture(&shelf, ds_vault_leaf(hash), err);
    ds_vault_clear_stack();
    TRY(code);
  }
  return DS_OK;
}

// What ds_vault_count_erased reads.
static ds_code put_count(ds_vault *vault, ds_error *err) {
  char sql[64];
  sqlite3_stmt *row;
  TRY(prepare(vault, vault->version < VAULT_VERSION_RETURNED
                         ? "SELECT count(*) FROM erased"
                         : "SELECT (SELECT count(*) FROM erased) + (SELECT count(*) FROM returned)",
              &row, err));
  const int status = sqlite3_step(row);
  // Asking a row that is not there for a column would be the error that SQLite tells.
  const sqlite3_int64 count = status == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0;
  const ds_code code = status == SQLITE_ROW ? DS_OK : ds_sqlite_fail(vault->database, err);
  (void)sqlite3_finalize(row);
  TRY(code);
  (void)snprintf(sql, sizeof sql, "PRAGMA application_id = %" PRId64, (int64_t)count);
  return ds_vault_run(vault, sql, err);
}

ds_code ds_vault_count_erased(ds_io *io, const char *directory, uint32_t *ret_count,
                              ds_error *err) {
  char path[DS_PATH_BYTES_MAX + sizeof "/keys.sqlite"];
  (void)snprintf(path, sizeof path, "%.*s/keys.sqlite", (int)DS_PATH_BYTES_MAX, directory);
  return ds_sqlite_application(io, path, ret_count, err);
}

ds_code ds_vault_erase(ds_vault *vault, const ds_str *subjects, uint32_t count, int64_t when_ms,
                       ds_error *err) {
  (void)pthread_mutex_lock(&vault->mutex);
  ds_code code = begin_change(vault, err);
  if (code == DS_OK) {
    code = erase_all(vault, subjects, count, when_ms, err);
    if (code == DS_OK)
      code = put_count(vault, err);
    code = end_change(vault, code, err);
  }
  ds_vault_forget(vault);
  if (code == DS_OK)
    code = ds_vault_read_rows(vault, err);
  (void)note_change(vault, code);
  (void)pthread_mutex_unlock(&vault->mutex);
  return code;
}

// Moves the row of an erased subject to those who were taken in again.
static ds_code move_erased(ds_vault *vault, const uint8_t *hash, int64_t when_ms, ds_str reason,
                           ds_error *err) {
  sqlite3_stmt *change;
  TRY(prepare(vault,
              "INSERT INTO returned SELECT hash,"
              " 1 + (SELECT count(*) FROM returned WHERE hash = ?1), ?2, when_ms, ?3, ?4"
              " FROM erased WHERE hash = ?1", &change, err));
  (void)sqlite3_bind_blob(change, 1, hash, VAULT_HASH_BYTES, SQLITE_STATIC);
  (void)sqlite3_bind_int64(change, 2, ds_vault_erased_count(vault));
  (void)sqlite3_bind_int64(change, 3, when_ms);
  (void)sqlite3_bind_text(change, 4, reason.data, (int)reason.size, SQLITE_STATIC);
  TRY(finish(vault, change, err));
  TRY(prepare(vault, "DELETE FROM erased WHERE hash = ?1", &change, err));
  (void)sqlite3_bind_blob(change, 1, hash, VAULT_HASH_BYTES, SQLITE_STATIC);
  return finish(vault, change, err);
}

static ds_code readmit(ds_vault *vault, ds_str subject, int64_t when_ms, ds_str reason,
                       ds_error *err) {
  uint8_t hash[VAULT_HASH_BYTES];
  const bool first = vault->version < VAULT_VERSION_RETURNED;
  ds_vault_hash(vault, subject, hash);
  TRY(begin_change(vault, err));
  ds_code code = first ? ds_vault_make_tables(vault, VAULT_VERSION_RETURNED, err) : DS_OK;
  if (code == DS_OK)
    code = move_erased(vault, hash, when_ms, reason, err);
  TRY(end_change(vault, code, err));
  vault->version = VAULT_VERSION_RETURNED;
  return DS_OK;
}

ds_code ds_vault_readmit(ds_vault *vault, ds_str subject, int64_t when_ms, ds_str reason,
                         ds_error *err) {
  if (!ds_vault_is_erased(vault, subject))
    return ds_fail(err, DS_NO, "this identifier was not erased, or was taken in again already");
  if (reason.size > DS_REASON_BYTES_MAX)
    return ds_fail(err, DS_LIMIT, "a reason has at most %d bytes", DS_REASON_BYTES_MAX);
  (void)pthread_mutex_lock(&vault->mutex);
  ds_code code = readmit(vault, subject, when_ms, reason, err);
  ds_vault_forget(vault);
  if (code == DS_OK)
    code = ds_vault_read_rows(vault, err);
  (void)note_change(vault, code);
  (void)pthread_mutex_unlock(&vault->mutex);
  return code;
}

// Calls `each`, which may change it, with every family, in order.
static ds_code each_family(ds_vault *vault,
                           ds_code (*each)(ds_vault *vault, uint32_t level, uint64_t path,
                                           const void *context, ds_error *err),
                           const void *context, ds_error *err) {
  sqlite3_int64 level = -1;
  sqlite3_int64 path = 0;
  while (true) {
    sqlite3_stmt *row;
    TRY(prepare(vault, "SELECT level, path FROM family WHERE (level, path) > (?1, ?2)"
                       " ORDER BY level, path LIMIT 1", &row, err));
    (void)sqlite3_bind_int64(row, 1, level);
    (void)sqlite3_bind_int64(row, 2, path);
    const int status = sqlite3_step(row);
    const ds_code code = status == SQLITE_ROW || status == SQLITE_DONE
                             ? DS_OK
                             : ds_sqlite_fail(vault->database, err);
    const sqlite3_int64 before[] = {level, path};
    level = sqlite3_column_int64(row, 0);
    path = sqlite3_column_int64(row, 1);
    (void)sqlite3_finalize(row);
    if (status != SQLITE_ROW)
      return code;
    if (level < before[0] || (level == before[0] && path <= before[1]))
      return ds_vault_damaged(err); // it would go on for ever
    TRY(each(vault, (uint32_t)level, (uint64_t)path, context, err));
  }
}

static ds_code rewrap_family(ds_vault *vault, uint32_t level, uint64_t path, const void *context,
                             ds_error *err) {
  ds_key_family family;
  bool there;
  TRY(read_family(vault, level, path, &family, &there, err));
  const label as = family_label(level, path);
  const ds_code code =
      there ? put_blob(vault, context, "UPDATE family SET keys = ?1 WHERE level = ?2 AND path = ?3",
                       &as, &family, sizeof family, err)
            : ds_vault_damaged(err);
  sodium_memzero(&family, sizeof family);
  return code;
}

static ds_code rewrap(ds_vault *vault, const uint8_t *master, ds_error *err) {
  TRY(begin_change(vault, err));
  ds_code code = put_secrets(vault, master, err);
  if (code == DS_OK)
    code = each_family(vault, rewrap_family, master, err);
  TRY(end_change(vault, code, err));
  memcpy(vault->guarded->master, master, VAULT_MASTER_BYTES);
  return DS_OK;
}

static ds_code rotate(ds_vault *vault, const char *key_file, uint8_t *master, ds_error *err) {
  if (key_file == NULL && !vault->own_key)
    return ds_fail(err, DS_USAGE, "the master key lies outside of the store: name a new file");
  TRY(check_writable(vault, err));
  TRY(key_file == NULL ? note_change(vault, make_new_key(vault, master, err))
                       : read_key(vault->io, key_file, master, err));
  TRY(note_change(vault, rewrap(vault, master, err)));
  if (key_file == NULL)
    return note_change(vault, promote_key(vault, err));
  vault->own_key = false;
  (void)snprintf(vault->key_path, sizeof vault->key_path, "%.*s", (int)DS_PATH_BYTES_MAX - 8,
                 key_file);
  return DS_OK;
}

ds_code ds_vault_rotate(ds_vault *vault, const char *key_file, ds_error *err) {
  uint8_t *master = sodium_malloc(VAULT_MASTER_BYTES);
  if (master == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the vault");
  (void)pthread_mutex_lock(&vault->mutex);
  const ds_code code = rotate(vault, key_file, master, err);
  (void)pthread_mutex_unlock(&vault->mutex);
  sodium_free(master);
  return code;
}

// Whom ds_vault_check tells.
typedef struct listener {
  void (*each)(void *context, const char *line);
  void *context;
} listener;

static ds_code check_family(ds_vault *vault, uint32_t level, uint64_t path, const void *context,
                            ds_error *err) {
  const listener *to = context;
  ds_key_family family;
  bool there;
  const ds_code code = read_family(vault, level, path, &family, &there, err);
  sodium_memzero(&family, sizeof family);
  if (code != DS_CORRUPT)
    return code;
  to->each(to->context, "keys.sqlite holds a key that the master key does not open");
  return DS_OK;
}

// An erased subject's key that follows from the tree was not destroyed, or has come back.
static void check_erasure(void *context, const ds_vault_erasure *erasure) {
  const listener *to = context;
  if (erasure->key == DS_VAULT_KEY_THERE)
    to->each(to->context, "keys.sqlite still holds the key of somebody who was erased");
}

ds_code ds_vault_check(ds_vault *vault, void (*each)(void *context, const char *line),
                       void *context, ds_error *err) {
  const listener to = {each, context};
  sqlite3_stmt *row;
  (void)pthread_mutex_lock(&vault->mutex);
  ds_code code = prepare(vault, "SELECT count(*) FROM pragma_integrity_check"
                                " WHERE integrity_check <> 'ok'", &row, err);
  if (code == DS_OK) {
    if (sqlite3_step(row) != SQLITE_ROW)
      code = ds_sqlite_fail(vault->database, err);
    else if (sqlite3_column_int64(row, 0) != 0)
      each(context, damage);
    (void)sqlite3_finalize(row);
  }
  if (code == DS_OK)
    code = each_family(vault, check_family, &to, err);
  (void)pthread_mutex_unlock(&vault->mutex);
  if (code == DS_OK)
    code = ds_vault_list(vault, NULL, check_erasure, (void *)&to, err);
  if (code != DS_CORRUPT)
    return code;
  each(context, damage);
  return DS_OK;
}
