// SPDX-License-Identifier: Apache-2.0
// The tables of keys.sqlite, and the rows of those that say who was erased. They are compared with
// what they must be, for whatever is amiss here could let somebody erased come back: the tables
// themselves, the number of rows with the one that stands in the header, generations without a gap.
#include <stdlib.h>

#include "store/vault_state.h"

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

// Sorted by name.
static const struct {
  const char *sql;
  int since; // version
} tables[] = {
    {"CREATE TABLE erased(hash BLOB PRIMARY KEY, when_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID",
     VAULT_VERSION},
    {"CREATE TABLE family(level INTEGER NOT NULL, path INTEGER NOT NULL, keys BLOB NOT NULL,"
     " PRIMARY KEY (level, path)) STRICT, WITHOUT ROWID",
     VAULT_VERSION},
    {"CREATE TABLE returned(hash BLOB NOT NULL, generation INTEGER NOT NULL,"
     " erasures INTEGER NOT NULL, erased_ms INTEGER NOT NULL, returned_ms INTEGER NOT NULL,"
     " reason TEXT NOT NULL, PRIMARY KEY (hash, generation)) STRICT, WITHOUT ROWID",
     VAULT_VERSION_RETURNED},
    {"CREATE TABLE secret(name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID",
     VAULT_VERSION},
};
enum { TABLES = sizeof tables / sizeof *tables };

ds_code ds_vault_run(ds_vault *vault, const char *sql, ds_error *err) {
  if (sqlite3_exec(ds_sqlite_handle(vault->database), sql, NULL, NULL, NULL) != SQLITE_OK)
    return ds_sqlite_fail(vault->database, err);
  return DS_OK;
}

// Calls `each` with every row.
static ds_code each_row(ds_vault *vault, const char *sql,
                        ds_code (*each)(ds_vault *vault, sqlite3_stmt *row, void *context,
                                        ds_error *err),
                        void *context, ds_error *err) {
  sqlite3_stmt *row = NULL;
  if (sqlite3_prepare_v2(ds_sqlite_handle(vault->database), sql, -1, &row, NULL) != SQLITE_OK)
    return ds_sqlite_fail(vault->database, err);
  ds_code code = DS_OK;
  int status;
  while (code == DS_OK && (status = sqlite3_step(row)) != SQLITE_DONE)
    code = status == SQLITE_ROW ? each(vault, row, context, err)
                                : ds_sqlite_fail(vault->database, err);
  (void)sqlite3_finalize(row);
  return code;
}

ds_code ds_vault_make_tables(ds_vault *vault, int version, ds_error *err) {
  for (uint32_t t = 0; t < TABLES; t++)
    if (tables[t].since == version)
      TRY(ds_vault_run(vault, tables[t].sql, err));
  return ds_vault_run(vault,
                      version == VAULT_VERSION
                          ? "PRAGMA user_version = " TEXT(VAULT_VERSION)
                          : "PRAGMA user_version = " TEXT(VAULT_VERSION_RETURNED),
                      err);
}

static ds_code take_number(ds_vault *vault, sqlite3_stmt *row, void *context, ds_error *err) {
  (void)vault;
  (void)err;
  *(int64_t *)context = sqlite3_column_int64(row, 0);
  return DS_OK;
}

ds_code ds_vault_version(ds_vault *vault, int *ret_version, ds_error *err) {
  int64_t version = 0;
  TRY(each_row(vault, "PRAGMA user_version", take_number, &version, err));
  *ret_version = (int)version;
  return DS_OK;
}

// `context` is the number of the table that is to come.
static ds_code compare_table(ds_vault *vault, sqlite3_stmt *row, void *context, ds_error *err) {
  uint32_t *at = context;
  const char *sql = (const char *)sqlite3_column_text(row, 0);
  if (sql == NULL && sqlite3_errcode(ds_sqlite_handle(vault->database)) == SQLITE_NOMEM)
    return ds_sqlite_fail(vault->database, err);
  while (*at < TABLES && tables[*at].since > vault->version)
    ++*at;
  if (*at == TABLES || sql == NULL || strcmp(sql, tables[*at].sql) != 0)
    return ds_vault_damaged(err);
  ++*at;
  return DS_OK;
}

// No table is missing, none is there besides, and neither are triggers or views.
static ds_code compare_tables(ds_vault *vault, ds_error *err) {
  uint32_t at = 0;
  TRY(each_row(vault, "SELECT sql FROM sqlite_schema ORDER BY name", compare_table, &at, err));
  while (at < TABLES && tables[at].since > vault->version)
    at++;
  return at == TABLES ? DS_OK : ds_vault_damaged(err);
}

// Makes room for one more; false without memory.
static bool make_room(void **rows, uint32_t count, uint32_t *capacity, size_t size) {
  if (count < *capacity)
    return true;
  const uint32_t wanted = *capacity * 2 + 16;
  void *moved = realloc(*rows, wanted * size);
  if (moved == NULL)
    return false;
  *rows = moved;
  *capacity = wanted;
  return true;
}

static ds_code add_erased(ds_vault *vault, sqlite3_stmt *row, void *context, ds_error *err) {
  (void)context;
  void *rows = vault->erased;
  if (sqlite3_column_bytes(row, 0) != VAULT_HASH_BYTES)
    return ds_vault_damaged(err);
  const uint8_t *hash = sqlite3_column_blob(row, 0);
  const bool room = make_room(&rows, vault->erased_count, &vault->erased_capacity,
                              sizeof *vault->erased);
  vault->erased = rows;
  uint32_t *slot = room ? ds_map64_put(&vault->erased_index, ds_vault_leaf(hash)) : NULL;
  if (slot == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the vault");
  *slot = vault->erased_count;
  memcpy(vault->erased[vault->erased_count++], hash, VAULT_HASH_BYTES);
  return DS_OK;
}

// Takes the last return of a subject.
static ds_code add_returned(ds_vault *vault, sqlite3_stmt *row, void *context, ds_error *err) {
  int64_t *highest = context; // of the erasures noted
  void *rows = vault->returned;
  const int64_t generation = sqlite3_column_int64(row, 1), erasures = sqlite3_column_int64(row, 2);
  if (sqlite3_column_bytes(row, 0) != VAULT_HASH_BYTES ||
      generation != sqlite3_column_int64(row, 3) || generation < 1 || erasures < 1 ||
      generation > UINT32_MAX - vault->returns || erasures > UINT32_MAX)
    return ds_vault_damaged(err);
  const bool room = make_room(&rows, vault->returned_count, &vault->returned_capacity,
                              sizeof *vault->returned);
  vault->returned = rows;
  vault_returned one = {.generation = (uint32_t)generation, .erasures = (uint32_t)erasures};
  memcpy(one.hash, sqlite3_column_blob(row, 0), VAULT_HASH_BYTES);
  uint32_t *slot = room ? ds_map64_put(&vault->returned_index, ds_vault_leaf(one.hash)) : NULL;
  if (slot == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the vault");
  *slot = vault->returned_count;
  vault->returned[vault->returned_count++] = one;
  vault->returns += one.generation;
  *highest = erasures > *highest ? erasures : *highest;
  return DS_OK;
}

static ds_code read_rows(ds_vault *vault, ds_error *err) {
  int64_t highest = 0, noted = 0;
  vault->erased_count = vault->returned_count = vault->returns = 0;
  ds_map64_reset(&vault->erased_index);
  ds_map64_reset(&vault->returned_index);
  TRY(ds_vault_version(vault, &vault->version, err));
  TRY(compare_tables(vault, err));
  if (vault->version >= VAULT_VERSION_RETURNED)
    TRY(each_row(vault,
                 "SELECT hash, max(generation), max(erasures), count(*) FROM returned"
                 " GROUP BY hash",
                 add_returned, &highest, err));
  TRY(each_row(vault, "SELECT hash FROM erased", add_erased, NULL, err));
  TRY(each_row(vault, "PRAGMA application_id", take_number, &noted, err));
  const uint32_t count = ds_vault_erased_count(vault);
  return (uint32_t)noted == count && highest <= count ? DS_OK : ds_vault_damaged(err);
}

ds_code ds_vault_read_rows(ds_vault *vault, ds_error *err) {
  // One transaction: somebody who returns in between would be in neither table.
  TRY(ds_sqlite_begin(vault->database, false, err));
  return ds_sqlite_end_read(vault->database, read_rows(vault, err), err);
}
