// SPDX-License-Identifier: Apache-2.0
// What the two halves of SQLite's VFS share: the database (sqlite_vfs.c) and its open files
// (sqlite_file.c). Not for use outside them.
#ifndef DS_STORE_SQLITE_STATE_H
#define DS_STORE_SQLITE_STATE_H

#include "store/sqlite_vfs.h"

// Bytes at the end of each page that hold its checksum.
enum { DS_SQLITE_CHECKSUM_BYTES = 8, DS_SQLITE_NAME_BYTES = 64 };

// An open database; its VFS first, which SQLite hands back.
struct ds_sqlite {
  sqlite3_vfs vfs;
  ds_io *io;
  sqlite3 *db;
  bool write;
  bool failed;   // a write failed: nothing is written any more
  ds_error last; // what io/ said last when it failed
  char name[DS_SQLITE_NAME_BYTES];  // of the VFS
  char label[DS_SQLITE_NAME_BYTES]; // of the file, for messages
};

// Memory shared with the other connections, and where its locks lie.
typedef struct ds_sqlite_shared {
  ds_file *file;
  void **regions;
  int count;
} ds_sqlite_shared;

// An open file, in memory of SQLite's; `base` first.
typedef struct ds_sqlite_file {
  sqlite3_file base;
  ds_sqlite *owner;
  ds_file *file;
  const char *path; // SQLite's, valid until closed
  bool is_database; // its pages have checksums
  bool unnamed;     // its name may not be on disk yet: its first sync syncs the directory, too
  int lock;         // SQLITE_LOCK_*
  uint8_t *page;    // room to put a checksum into a page
  int page_size;
  ds_sqlite_shared shared;
} ds_sqlite_file;

// SQLite's methods of an open file.
const sqlite3_io_methods *ds_sqlite_file_methods(void);

// What SQLite calls a failure of io/: full disks, lack of memory and busy locks by their names, the
// rest `otherwise`.
int ds_sqlite_status(ds_code code, int otherwise);

// Syncs the directory that holds a path.
DS_CHECKED ds_code ds_sqlite_sync_directory(ds_io *io, const char *path, ds_error *err);

// Puts path and suffix together; DS_LIMIT when that is too long.
DS_CHECKED ds_code ds_sqlite_beside(const char *path, const char *suffix,
                                    char out[DS_PATH_BYTES_MAX], ds_error *err);

#endif
