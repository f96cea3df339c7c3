// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_vfs.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "store/sqlite_state.h"

// Milliseconds from SQLite's beginning of time, noon in Greenwich on -4713-11-24, to 1970.
#define JULIAN_1970_MS 210866760000000
#define BUSY_MS 5000

static ds_sqlite *of(sqlite3_vfs *vfs) {
  return vfs->pAppData;
}

ds_code ds_sqlite_beside(const char *path, const char *suffix, char out[DS_PATH_BYTES_MAX],
                         ds_error *err) {
  const int length = snprintf(out, DS_PATH_BYTES_MAX, "%s%s", path, suffix);
  if (length < 0 || (size_t)length >= DS_PATH_BYTES_MAX)
    return ds_fail(err, DS_LIMIT, "the path of a database is too long");
  return DS_OK;
}

ds_code ds_sqlite_sync_directory(ds_io *io, const char *path, ds_error *err) {
  char directory[DS_PATH_BYTES_MAX];
  TRY(ds_sqlite_beside(path, "", directory, err));
  char *slash = strrchr(directory, '/');
  if (slash == NULL)
    return io->ops->sync_dir(io, ".", err);
  slash[slash == directory ? 1 : 0] = '\0';
  return io->ops->sync_dir(io, directory, err);
}

static int flags_of(const ds_sqlite *database, int flags) {
  if (!database->write || (flags & SQLITE_OPEN_READWRITE) == 0)
    return DS_OPEN_READ;
  int own = DS_OPEN_READ | DS_OPEN_WRITE;
  if ((flags & SQLITE_OPEN_CREATE) != 0)
    own |= DS_OPEN_CREATE;
  if ((flags & SQLITE_OPEN_EXCLUSIVE) != 0)
    own |= DS_OPEN_EXCLUSIVE;
  return own;
}

// What has no name (temporary tables, sorting) SQLite keeps in memory: temp_store.
static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags,
                    int *ret_flags) {
  ds_sqlite *database = of(vfs);
  ds_io *io = database->io;
  ds_sqlite_file *file = (ds_sqlite_file *)base;
  *file = (ds_sqlite_file){.owner = database,
                           .path = path,
                           .is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0};
  if (path == NULL || (flags & SQLITE_OPEN_DELETEONCLOSE) != 0)
    return SQLITE_CANTOPEN;
  const int own = flags_of(database, flags);
  const ds_code code = io->ops->open(io, path, own, &file->file, &database->last);
  if (code != DS_OK)
    return ds_sqlite_status(code, SQLITE_CANTOPEN);
  // Also one that was found may have been made by a process that died before it could sync.
  file->unnamed = (own & DS_OPEN_CREATE) != 0;
  file->base.pMethods = ds_sqlite_file_methods();
  if (ret_flags != NULL)
    *ret_flags = flags;
  return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_directory) {
  ds_sqlite *database = of(vfs);
  ds_io *io = database->io;
  if (database->failed)
    return SQLITE_IOERR_DELETE;
  ds_code code = io->ops->unlink(io, path, &database->last);
  if (code == DS_MISSING)
    return SQLITE_IOERR_DELETE_NOENT;
  if (code == DS_OK && sync_directory != 0)
    code = ds_sqlite_sync_directory(io, path, &database->last);
  database->failed = code != DS_OK;
  return ds_sqlite_status(code, SQLITE_IOERR_DELETE);
}

// The size of a file, 0 when it is missing.
static ds_code size_of(ds_io *io, const char *path, uint64_t *ret_size, ds_error *err) {
  ds_file *file;
  *ret_size = 0;
  const ds_code opened = io->ops->open(io, path, DS_OPEN_READ, &file, err);
  if (opened == DS_MISSING)
    return DS_OK;
  TRY(opened);
  const ds_code code = io->ops->size(io, file, ret_size, err);
  io->ops->close(io, file);
  return code;
}

// An empty file is none, to SQLite.
static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret_there) {
  (void)flags;
  ds_sqlite *database = of(vfs);
  uint64_t size;
  const ds_code code = size_of(database->io, path, &size, &database->last);
  *ret_there = size > 0;
  return ds_sqlite_status(code, SQLITE_IOERR_ACCESS);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int size, char *ret_path) {
  (void)vfs;
  const int length = snprintf(ret_path, (size_t)size, "%s", path);
  return length < 0 || length >= size ? SQLITE_CANTOPEN : SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int size, char *data) {
  ds_io *io = of(vfs)->io;
  return io->ops->random(io, data, (size_t)size, &of(vfs)->last) == DS_OK ? size : 0;
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds) {
  ds_io *io = of(vfs)->io;
  io->ops->sleep_us(io, (uint32_t)microseconds);
  return microseconds;
}

static int vfs_time_ms(sqlite3_vfs *vfs, sqlite3_int64 *ret_ms) {
  ds_io *io = of(vfs)->io;
  *ret_ms = JULIAN_1970_MS + io->ops->now_ms(io);
  return SQLITE_OK;
}

static int vfs_time_days(sqlite3_vfs *vfs, double *ret_days) {
  sqlite3_int64 ms;
  (void)vfs_time_ms(vfs, &ms);
  *ret_days = (double)ms / 86400000.0;
  return SQLITE_OK;
}

static void fill_vfs(ds_sqlite *database) {
  (void)snprintf(database->name, sizeof database->name, "doorstep-%p", (void *)database);
  database->vfs = (sqlite3_vfs){.iVersion = 2,
                                .szOsFile = sizeof(ds_sqlite_file),
                                .mxPathname = DS_PATH_BYTES_MAX,
                                .zName = database->name,
                                .pAppData = database,
                                .xOpen = vfs_open,
                                .xDelete = vfs_delete,
                                .xAccess = vfs_access,
                                .xFullPathname = vfs_full_path,
                                .xRandomness = vfs_randomness,
                                .xSleep = vfs_sleep,
                                .xCurrentTime = vfs_time_days,
                                .xCurrentTimeInt64 = vfs_time_ms};
}

ds_code ds_sqlite_fail(ds_sqlite *database, ds_error *err) {
  const int status = sqlite3_extended_errcode(database->db);
  const ds_error *last = &database->last;
  switch (status & 0xFF) {
  case SQLITE_FULL:
    return ds_fail(err, DS_FULL, "%s", last->message);
  case SQLITE_READONLY: // A reader meets what only a writer may tidy up.
    if (status == SQLITE_READONLY_ROLLBACK)
      return ds_fail(err, DS_BUSY, "a change of %s was cut short: the next command that writes, "
                     "such as doorstep compact, puts it right", database->label);
    return ds_fail(err, DS_BUSY, "%s is in use by another process", database->label);
  case SQLITE_BUSY:
    return ds_fail(err, DS_BUSY, "%s is in use by another process", database->label);
  case SQLITE_NOMEM:
    return ds_fail(err, DS_MEMORY, "out of memory for %s", database->label);
  case SQLITE_CANTOPEN:
  case SQLITE_IOERR:
    break;
  default: // SQLITE_CORRUPT, SQLITE_NOTADB; or SQL that does not fit what the database holds.
    return ds_fail(err, DS_CORRUPT, "%s is damaged: %s", database->label,
                   sqlite3_errmsg(database->db));
  }
  if (status == SQLITE_IOERR_NOMEM)
    return ds_fail(err, DS_MEMORY, "out of memory for %s", database->label);
  if (status == SQLITE_IOERR_DATA)
    return ds_fail(err, DS_CORRUPT, "%s is damaged: a page is not as it was written",
                   database->label);
  if (last->code == DS_OK)
    return ds_fail(err, DS_IO, "%s: %s", database->label, sqlite3_errmsg(database->db));
  return ds_fail(err, last->code, "%s", last->message);
}

static ds_code roll_back(ds_sqlite *database, ds_error *err) {
  return sqlite3_exec(database->db, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK
             ? DS_OK
             : ds_sqlite_fail(database, err);
}

ds_code ds_sqlite_begin(ds_sqlite *database, bool write, ds_error *err) {
  if (sqlite3_get_autocommit(database->db) == 0)
    TRY(roll_back(database, err));
  return sqlite3_exec(database->db, write ? "BEGIN IMMEDIATE" : "BEGIN", NULL, NULL, NULL) ==
                 SQLITE_OK
             ? DS_OK
             : ds_sqlite_fail(database, err);
}

ds_code ds_sqlite_end_read(ds_sqlite *database, ds_code code, ds_error *err) {
  ds_error unheard;
  const ds_code ended = roll_back(database, code == DS_OK ? err : &unheard);
  return code == DS_OK ? ended : code;
}

// The VFS is known to SQLite by its name only while the database is opened, which then has it.
static int open_registered(ds_sqlite *database, const char *path) {
  const int how = database->write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                  : SQLITE_OPEN_READONLY;
  int status = sqlite3_vfs_register(&database->vfs, 0);
  if (status != SQLITE_OK)
    return status;
  status = sqlite3_open_v2(path, &database->db, how | SQLITE_OPEN_NOMUTEX, database->name);
  (void)sqlite3_vfs_unregister(&database->vfs);
  return status;
}

// Changes the way of writing, once in a database's life; SQLite answers with the way it has.
static ds_code use_journal(ds_sqlite *database, const char *sql, const char *wanted,
                           ds_error *err) {
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(database->db, sql, -1, &statement, NULL) != SQLITE_OK)
    return ds_sqlite_fail(database, err);
  bool is_wanted = false;
  if (sqlite3_step(statement) == SQLITE_ROW)
    is_wanted = strcmp((const char *)sqlite3_column_text(statement, 0), wanted) == 0;
  if (sqlite3_finalize(statement) != SQLITE_OK)
    return ds_sqlite_fail(database, err);
  return is_wanted ? DS_OK
                   : ds_fail(err, DS_IO, "%s cannot be written that way", database->label);
}

// EXTRA syncs the directory once the journal is gone: else it could come back.
static ds_code use_rollback(ds_sqlite *database, ds_error *err) {
  TRY(use_journal(database, "PRAGMA journal_mode = DELETE", "delete", err));
  if (sqlite3_exec(database->db, "PRAGMA synchronous = EXTRA; PRAGMA secure_delete = ON", NULL,
                   NULL, NULL) != SQLITE_OK)
    return ds_sqlite_fail(database, err);
  return DS_OK;
}

static ds_code set_up(ds_sqlite *database, ds_sqlite_how how, ds_error *err) {
  int reserved = DS_SQLITE_CHECKSUM_BYTES;
  (void)sqlite3_extended_result_codes(database->db, 1);
  (void)sqlite3_busy_timeout(database->db, BUSY_MS);
  (void)sqlite3_file_control(database->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
  if (how == DS_SQLITE_WRITE)
    TRY(use_journal(database, "PRAGMA journal_mode = WAL", "wal", err));
  else if (how == DS_SQLITE_WRITE_JOURNAL)
    TRY(use_rollback(database, err));
  // The last looks into the file; the limit is there so that closing empties the -wal.
  if (sqlite3_exec(database->db,
                   "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"
                   "PRAGMA journal_size_limit = 4194304; PRAGMA schema_version;",
                   NULL, NULL, NULL) != SQLITE_OK)
    return ds_sqlite_fail(database, err);
  return DS_OK;
}

// To SQLite, some relative paths are URIs or databases in memory.
static ds_code open_database(ds_sqlite *database, const char *path, ds_sqlite_how how,
                             ds_error *err) {
  const char *slash = strrchr(path, '/');
  (void)snprintf(database->label, sizeof database->label, "%s", slash == NULL ? path : slash + 1);
  char plain[DS_PATH_BYTES_MAX];
  TRY(ds_sqlite_beside(path[0] == '/' ? "" : "./", path, plain, err));
  if (open_registered(database, plain) == SQLITE_OK)
    return set_up(database, how, err);
  return database->db == NULL ? ds_fail(err, DS_MEMORY, "out of memory for %s", database->label)
                              : ds_sqlite_fail(database, err);
}

ds_code ds_sqlite_open(ds_io *io, const char *path, ds_sqlite_how how,
                       ds_sqlite **ret_database, ds_error *err) {
  ds_sqlite *database = calloc(1, sizeof *database);
  if (database == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a database");
  database->io = io;
  database->write = how != DS_SQLITE_READ;
  fill_vfs(database);
  const ds_code code = open_database(database, path, how, err);
  if (code != DS_OK) {
    ds_sqlite_close(database);
    return code;
  }
  *ret_database = database;
  return DS_OK;
}

void ds_sqlite_close(ds_sqlite *database) {
  if (database == NULL)
    return;
  const int status = sqlite3_close(database->db);
  assert(status == SQLITE_OK);
  (void)status;
  free(database);
}

sqlite3 *ds_sqlite_handle(ds_sqlite *database) {
  return database->db;
}

ds_code ds_sqlite_is_settled(ds_io *io, const char *path, bool *ret_settled, ds_error *err) {
  static const char *const suffixes[] = {"-wal", "-journal"};
  bool settled = true;
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
    char beside[DS_PATH_BYTES_MAX];
    uint64_t size;
    TRY(ds_sqlite_beside(path, suffixes[i], beside, err));
    TRY(size_of(io, beside, &size, err));
    settled = settled && size == 0;
  }
  *ret_settled = settled;
  return DS_OK;
}

static ds_code remove_one(ds_io *io, const char *path, const char *suffix, ds_error *err) {
  char beside[DS_PATH_BYTES_MAX];
  TRY(ds_sqlite_beside(path, suffix, beside, err));
  const ds_code code = io->ops->unlink(io, beside, err);
  return code == DS_MISSING ? DS_OK : code;
}

ds_code ds_sqlite_remove(ds_io *io, const char *path, ds_error *err) {
  TRY(remove_one(io, path, "", err));
  TRY(ds_sqlite_sync_directory(io, path, err));
  TRY(remove_one(io, path, "-wal", err));
  TRY(remove_one(io, path, "-journal", err));
  return remove_one(io, path, "-shm", err);
}
