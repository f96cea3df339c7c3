// SPDX-License-Identifier: Apache-2.0
// Telling who was erased, by keyed hashes alone.
#include "store/vault_state.h"

// One list of both tables; the second is there from version 2 on.
static const char sql_erased[] =
    "SELECT hash, when_ms, 0, NULL, '' FROM erased ORDER BY when_ms, hash";
static const char sql_both[] =
    "SELECT hash, when_ms, (SELECT count(*) FROM returned WHERE returned.hash = erased.hash),"
    " NULL, '' FROM erased"
    " UNION ALL SELECT hash, erased_ms, generation - 1, returned_ms, reason FROM returned"
    " ORDER BY 2, 1, 3";

// Whose rows are told, and to whom.
typedef struct listing {
  ds_vault *vault;
  const ds_str *subject; // NULL = everybody's
  uint8_t hash[VAULT_HASH_BYTES]; // of the subject
  void (*each)(void *context, const ds_vault_erasure *erasure);
  void *context;
} listing;

static ds_code has_key(ds_vault *vault, uint64_t leaf, bool *ret_there, ds_error *err) {
  const ds_key_shelf shelf = {.context = vault, .load = ds_vault_file_load};
  uint8_t key[DS_TREE_KEY_BYTES];
  const ds_code code =
      ds_key_tree_derive(&shelf, &vault->guarded->known, leaf, key, ret_there, err);
  sodium_memzero(key, sizeof key);
  ds_vault_clear_stack();
  return code;
}

// Which leaf the erasure destroyed: that of the generation before. It follows from the hash alone
// when the subject had not come back before.
static ds_code prove(const listing *of, uint32_t generation, ds_vault_erasure *erasure,
                     ds_error *err) {
  uint8_t hash[VAULT_HASH_BYTES];
  bool there = false;
  if (generation > 0 && of->subject == NULL) {
    erasure->key = DS_VAULT_KEY_UNTOLD;
    return DS_OK;
  }
  memcpy(hash, erasure->hash, sizeof hash);
  if (generation > 0)
    ds_vault_generation_hash(of->vault, *of->subject, generation, hash);
  TRY(has_key(of->vault, ds_vault_leaf(hash), &there, err));
  erasure->key = there ? DS_VAULT_KEY_THERE : DS_VAULT_KEY_DESTROYED;
  return DS_OK;
}

static ds_code tell_row(const listing *of, sqlite3_stmt *row, ds_error *err) {
  if (sqlite3_column_bytes(row, 0) != VAULT_HASH_BYTES)
    return ds_vault_damaged(err);
  ds_vault_erasure erasure = {
      .erased_ms = sqlite3_column_int64(row, 1),
      .is_returned = sqlite3_column_type(row, 3) != SQLITE_NULL,
      .returned_ms = sqlite3_column_int64(row, 3),
      .reason = {(const char *)sqlite3_column_text(row, 4), (uint32_t)sqlite3_column_bytes(row, 4)},
  };
  memcpy(erasure.hash, sqlite3_column_blob(row, 0), sizeof erasure.hash);
  if (of->subject != NULL && sodium_memcmp(erasure.hash, of->hash, sizeof of->hash) != 0)
    return DS_OK;
  if (erasure.reason.data == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the vault");
  TRY(prove(of, (uint32_t)sqlite3_column_int64(row, 2), &erasure, err));
  of->each(of->context, &erasure);
  return DS_OK;
}

static ds_code tell_rows(const listing *of, ds_error *err) {
  ds_sqlite *database = of->vault->database;
  const bool both = of->vault->version >= VAULT_VERSION_RETURNED;
  sqlite3_stmt *rows = NULL;
  if (sqlite3_prepare_v2(ds_sqlite_handle(database), both ? sql_both : sql_erased, -1, &rows,
                         NULL) != SQLITE_OK)
    return ds_sqlite_fail(database, err);
  ds_code code = DS_OK;
  int status;
  while (code == DS_OK && (status = sqlite3_step(rows)) != SQLITE_DONE)
    code = status == SQLITE_ROW ? tell_row(of, rows, err) : ds_sqlite_fail(database, err);
  (void)sqlite3_finalize(rows);
  return code;
}

ds_code ds_vault_list(ds_vault *vault, const ds_str *subject,
                      void (*each)(void *context, const ds_vault_erasure *erasure), void *context,
                      ds_error *err) {
  listing of = {.vault = vault, .subject = subject, .each = each, .context = context};
  if (subject != NULL)
    ds_vault_hash(vault, *subject, of.hash);
  (void)pthread_mutex_lock(&vault->mutex);
  // What was derived before may be gone by now: another process has erased somebody.
  ds_vault_forget(vault);
  const ds_code code = tell_rows(&of, err);
  (void)pthread_mutex_unlock(&vault->mutex);
  return code;
}
