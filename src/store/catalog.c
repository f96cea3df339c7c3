// SPDX-License-Identifier: Apache-2.0
#include "store/catalog.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/sqlite_vfs.h"

// `database` is NULL when making it anew has failed.
struct ds_catalog {
  ds_sqlite *database;
  ds_io *io;
  char path[DS_PATH_BYTES_MAX];
};

// Raised whenever a table changes: a catalog of another version is redone.
#define CATALOG_VERSION 2
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE position(one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL,"
    " generation INTEGER NOT NULL, manifest INTEGER NOT NULL) STRICT;"
    "CREATE TABLE imports(id INTEGER PRIMARY KEY, when_ms INTEGER NOT NULL, mapping TEXT NOT NULL,"
    " fingerprint INTEGER NOT NULL, rows INTEGER NOT NULL, events INTEGER NOT NULL,"
    " duplicates INTEGER NOT NULL, rejected INTEGER NOT NULL, personal_sealed INTEGER NOT NULL,"
    " undone INTEGER NOT NULL) STRICT;"
    "CREATE TABLE import_files(import INTEGER NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL,"
    " PRIMARY KEY (import, place)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE names(kind TEXT NOT NULL, name TEXT NOT NULL, parts INTEGER NOT NULL,"
    " PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID;"
    "PRAGMA user_version = " TEXT(CATALOG_VERSION) ";"
    "COMMIT;";

static sqlite3 *handle_of(ds_catalog *catalog) {
  return ds_sqlite_handle(catalog->database);
}

static ds_code fail_sql(ds_catalog *catalog, ds_error *err) {
  return ds_sqlite_fail(catalog->database, err);
}

static ds_code run(ds_catalog *catalog, const char *sql, ds_error *err) {
  if (sqlite3_exec(handle_of(catalog), sql, NULL, NULL, NULL) != SQLITE_OK)
    return fail_sql(catalog, err);
  return DS_OK;
}

// The first column of the first row of a query as an integer; `fallback` when there is no row.
static ds_code ask_i64(ds_catalog *catalog, const char *sql, int64_t fallback, int64_t *ret_value,
                       ds_error *err) {
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(handle_of(catalog), sql, -1, &statement, NULL) != SQLITE_OK)
    return fail_sql(catalog, err);
  const int status = sqlite3_step(statement);
  if (status == SQLITE_ROW)
    *ret_value = sqlite3_column_int64(statement, 0);
  else if (status == SQLITE_DONE)
    *ret_value = fallback;
  (void)sqlite3_finalize(statement);
  return status == SQLITE_ROW || status == SQLITE_DONE ? DS_OK : fail_sql(catalog, err);
}

// A commit need not be on disk at once: what power loss takes is redone from the manifest.
static ds_code open_file(ds_catalog *catalog, bool write, ds_error *err) {
  const ds_sqlite_how how = write ? DS_SQLITE_WRITE : DS_SQLITE_READ;
  TRY(ds_sqlite_open(catalog->io, catalog->path, how, &catalog->database, err));
  TRY(run(catalog, "PRAGMA synchronous = NORMAL", err));
  int64_t version;
  TRY(ask_i64(catalog, "PRAGMA user_version", 0, &version, err));
  if (version == 0 && write)
    return run(catalog, schema, err);
  if (version != CATALOG_VERSION)
    return ds_fail(err, DS_VERSION, "catalog.sqlite is of another version");
  return DS_OK;
}

static void close_file(ds_catalog *catalog) {
  ds_sqlite_close(catalog->database);
  catalog->database = NULL;
}

static ds_code make_anew(ds_catalog *catalog, ds_error *err) {
  close_file(catalog);
  TRY(ds_sqlite_remove(catalog->io, catalog->path, err));
  return open_file(catalog, true, err);
}

// What a writer that died or failed has left may be in sight without being on disk. To bring it
// into the database could mix, at a power loss, pages of two states, each whole: a projection is
// made anew instead.
static ds_code open_to_write(ds_catalog *catalog, ds_error *err) {
  bool settled;
  TRY(ds_sqlite_is_settled(catalog->io, catalog->path, &settled, err));
  if (!settled)
    return make_anew(catalog, err);
  const ds_code code = open_file(catalog, true, err);
  return code == DS_CORRUPT || code == DS_VERSION ? make_anew(catalog, err) : code;
}

ds_code ds_catalog_open(ds_io *io, const char *directory, bool write, ds_catalog **ret_catalog,
                        ds_error *err) {
  ds_catalog *catalog = calloc(1, sizeof *catalog);
  if (catalog == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the catalog");
  catalog->io = io;
  const int length =
      snprintf(catalog->path, sizeof catalog->path, "%s/catalog.sqlite", directory);
  ds_code code = DS_OK;
  if (length < 0 || (size_t)length >= sizeof catalog->path)
    code = ds_fail(err, DS_LIMIT, "the path of the store is too long");
  else
    code = write ? open_to_write(catalog, err) : open_file(catalog, false, err);
  if (code != DS_OK) {
    ds_catalog_close(catalog);
    return code;
  }
  *ret_catalog = catalog;
  return DS_OK;
}

void ds_catalog_close(ds_catalog *catalog) {
  if (catalog == NULL)
    return;
  close_file(catalog);
  free(catalog);
}

// Runs a prepared statement that gives no rows, and makes it ready for the next.
static ds_code step(ds_catalog *catalog, sqlite3_stmt *statement, ds_error *err) {
  const int status = sqlite3_step(statement);
  const ds_code code = status == SQLITE_DONE ? DS_OK : fail_sql(catalog, err);
  (void)sqlite3_reset(statement);
  return code;
}

static ds_code write_import(ds_catalog *catalog, sqlite3_stmt *insert, const ds_import_info *info,
                            ds_error *err) {
  sqlite3_bind_int64(insert, 1, info->id);
  sqlite3_bind_int64(insert, 2, info->when_ms);
  sqlite3_bind_text(insert, 3, info->mapping, -1, SQLITE_STATIC);
  sqlite3_bind_int64(insert, 4, (sqlite3_int64)info->fingerprint);
  sqlite3_bind_int64(insert, 5, (sqlite3_int64)info->rows);
  sqlite3_bind_int64(insert, 6, (sqlite3_int64)info->events);
  sqlite3_bind_int64(insert, 7, (sqlite3_int64)info->duplicates);
  sqlite3_bind_int64(insert, 8, (sqlite3_int64)info->rejected);
  sqlite3_bind_int64(insert, 9, (sqlite3_int64)info->personal_sealed);
  sqlite3_bind_int64(insert, 10, info->undone);
  return step(catalog, insert, err);
}

static ds_code write_files(ds_catalog *catalog, sqlite3_stmt *insert, const ds_import_info *info,
                           ds_error *err) {
  const char *name = info->files;
  for (int64_t place = 0; *name != '\0'; place++) {
    const size_t size = strcspn(name, "\n");
    sqlite3_bind_int64(insert, 1, info->id);
    sqlite3_bind_int64(insert, 2, place);
    sqlite3_bind_text(insert, 3, name, (int)size, SQLITE_STATIC);
    TRY(step(catalog, insert, err));
    name += size + (name[size] == '\n');
  }
  return DS_OK;
}

static ds_code write_imports(ds_catalog *catalog, const ds_manifest *manifest, ds_error *err) {
  sqlite3_stmt *import = NULL;
  sqlite3_stmt *file = NULL;
  ds_code code = DS_OK;
  if (sqlite3_prepare_v2(handle_of(catalog), "INSERT INTO imports VALUES (?,?,?,?,?,?,?,?,?,?)", -1,
                         &import, NULL) != SQLITE_OK ||
      sqlite3_prepare_v2(handle_of(catalog), "INSERT INTO import_files VALUES (?,?,?)", -1, &file,
                         NULL) != SQLITE_OK)
    code = fail_sql(catalog, err);
  for (uint32_t i = 0; i < manifest->imports_count && code == DS_OK; i++) {
    code = write_import(catalog, import, &manifest->imports[i], err);
    if (code == DS_OK)
      code = write_files(catalog, file, &manifest->imports[i], err);
  }
  (void)sqlite3_finalize(import);
  (void)sqlite3_finalize(file);
  return code;
}

static ds_code write_kind(ds_catalog *catalog, sqlite3_stmt *upsert, const char *kind,
                          const ds_names *names, ds_error *err) {
  for (uint32_t i = 0; i < names->count; i++) {
    sqlite3_bind_text(upsert, 1, kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(upsert, 2, names->text[i].data, (int)names->text[i].size, SQLITE_STATIC);
    TRY(step(catalog, upsert, err));
  }
  return DS_OK;
}

static ds_code write_names(ds_catalog *catalog, ds_part *const *parts, uint32_t parts_count,
                           ds_error *err) {
  sqlite3_stmt *upsert = NULL;
  if (sqlite3_prepare_v2(handle_of(catalog),
                         "INSERT INTO names VALUES (?,?,1)"
                         " ON CONFLICT (kind, name) DO UPDATE SET parts = parts + 1",
                         -1, &upsert, NULL) != SQLITE_OK)
    return fail_sql(catalog, err);
  ds_code code = DS_OK;
  for (uint32_t i = 0; i < parts_count && code == DS_OK; i++) {
    const ds_space *space = ds_part_space(parts[i]);
    code = write_kind(catalog, upsert, "touchpoint", &space->touchpoints, err);
    if (code == DS_OK)
      code = write_kind(catalog, upsert, "property", &space->properties, err);
    if (code == DS_OK)
      code = write_kind(catalog, upsert, "key", &space->keys, err);
    if (code == DS_OK)
      code = write_kind(catalog, upsert, "source", &space->sources, err);
  }
  (void)sqlite3_finalize(upsert);
  return code;
}

static ds_code write_position(ds_catalog *catalog, const ds_manifest *manifest, ds_error *err) {
  sqlite3_stmt *insert = NULL;
  if (sqlite3_prepare_v2(handle_of(catalog), "INSERT INTO position VALUES (1,?,?,?)", -1, &insert,
                         NULL) != SQLITE_OK)
    return fail_sql(catalog, err);
  sqlite3_bind_int64(insert, 1, (sqlite3_int64)manifest->sealed_seq);
  sqlite3_bind_int64(insert, 2, (sqlite3_int64)manifest->generation);
  sqlite3_bind_int64(insert, 3, (sqlite3_int64)manifest->checksum);
  const ds_code code = step(catalog, insert, err);
  (void)sqlite3_finalize(insert);
  return code;
}

static ds_code redo(ds_catalog *catalog, const ds_manifest *manifest, ds_part *const *parts,
                    ds_error *err) {
  TRY(run(catalog,
          "DELETE FROM position; DELETE FROM imports; DELETE FROM import_files;"
          " DELETE FROM names;",
          err));
  TRY(write_imports(catalog, manifest, err));
  TRY(write_names(catalog, parts, manifest->parts_count, err));
  TRY(write_position(catalog, manifest, err));
  return run(catalog, "COMMIT", err);
}

// The manifest's checksum tells more than a number: a restored backup may have the same generation.
static ds_code shows(ds_catalog *catalog, const ds_manifest *manifest, bool *ret_shows,
                     ds_error *err) {
  int64_t shown;
  TRY(ask_i64(catalog, "SELECT manifest FROM position", 0, &shown, err));
  *ret_shows = shown != 0 && (uint64_t)shown == manifest->checksum;
  return DS_OK;
}

static ds_code update(ds_catalog *catalog, const ds_manifest *manifest, ds_part *const *parts,
                      ds_error *err) {
  bool up_to_date;
  TRY(shows(catalog, manifest, &up_to_date, err));
  if (up_to_date)
    return DS_OK;
  TRY(ds_sqlite_begin(catalog->database, true, err));
  const ds_code code = redo(catalog, manifest, parts, err);
  if (code != DS_OK)
    (void)sqlite3_exec(handle_of(catalog), "ROLLBACK", NULL, NULL, NULL);
  return code;
}

ds_code ds_catalog_update(ds_catalog *catalog, const ds_manifest *manifest,
                          ds_part *const *parts, ds_error *err) {
  assert(manifest->checksum != 0);
  if (catalog->database == NULL)
    return ds_fail(err, DS_IO, "catalog.sqlite could not be made anew");
  const ds_code code = update(catalog, manifest, parts, err);
  if (code != DS_CORRUPT)
    return code;
  TRY(make_anew(catalog, err));
  return update(catalog, manifest, parts, err);
}

ds_code ds_catalog_check(ds_catalog *catalog, const ds_manifest *manifest, bool beside_writer,
                         void (*each)(void *context, const char *line), void *context,
                         ds_error *err) {
  if (catalog->database == NULL)
    return ds_fail(err, DS_IO, "catalog.sqlite could not be made anew");
  int64_t damages = 0;
  int64_t imports = 0;
  bool up_to_date = false;
  // One transaction, so that a writer's commit does not come between the questions.
  ds_code code = ds_sqlite_begin(catalog->database, false, err);
  if (code == DS_OK)
    code = ask_i64(catalog,
                   "SELECT count(*) FROM pragma_integrity_check"
                   " WHERE integrity_check <> 'ok'",
                   0, &damages, err);
  if (code == DS_OK)
    code = shows(catalog, manifest, &up_to_date, err);
  if (code == DS_OK)
    code = ask_i64(catalog, "SELECT count(*) FROM imports", 0, &imports, err);
  code = ds_sqlite_end_read(catalog->database, code, err);
  if (code == DS_CORRUPT || damages > 0) {
    each(context, "catalog.sqlite is damaged: remove it, it is made anew from the manifest");
    return DS_OK;
  }
  TRY(code);
  // Beside a writer, or after one died, it may show another manifest and says so.
  if ((!up_to_date && !beside_writer) || (up_to_date && imports != manifest->imports_count))
    each(context, "catalog.sqlite does not show this manifest: remove it, it is made anew");
  return DS_OK;
}
