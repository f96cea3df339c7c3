// SPDX-License-Identifier: Apache-2.0
// SQLite on io/: each database has a VFS of its own over a ds_io, so that databases lie on
// simulated machines too and are swept like all other files. May use base/, io/, SQLite. A
// ds_sqlite is used by one thread.
//
// Files: <path> (pages of 4096 bytes, the last 8 a checksum), <path>-wal (commits not in <path>
// yet; empty once the last writer has closed), <path>-shm (where readers and the writer meet; no
// data); or, with a rollback journal, <path>-journal (what <path> held before the change under
// way). Locks are SQLite's own bytes, so that its command line goes along as a reader.
// Promises: any number of processes read beside one that writes (WAL), or between its changes
// (rollback journal). A commit is durable on return under synchronous FULL, SQLite's default; under
// NORMAL, once closed; with a rollback journal always, and what was deleted is overwritten. No page
// that differs from what was written to <path> is answered from: it is DS_CORRUPT. After a failed
// write or sync this connection writes nothing more (I11), for a sync must not be believed the
// second time; what then lies in the -wal is in sight but perhaps not on disk: ds_sqlite_is_settled
// says no.
#ifndef DS_STORE_SQLITE_VFS_H
#define DS_STORE_SQLITE_VFS_H

#include <sqlite3.h>

#include "io/io.h"

typedef struct ds_sqlite ds_sqlite;

// How a database is opened: to read; to write, with a -wal or with a rollback journal.
typedef enum ds_sqlite_how {
  DS_SQLITE_READ, DS_SQLITE_WRITE, DS_SQLITE_WRITE_JOURNAL
} ds_sqlite_how;

// Opens a database; to write: makes it when it is absent, else DS_MISSING. A reader makes,
// truncates and removes nothing but what lies in -shm. DS_CORRUPT: no database, or damaged. The
// caller closes; `io` outlives the database.
DS_CHECKED ds_code ds_sqlite_open(ds_io *io, const char *path, ds_sqlite_how how,
                                  ds_sqlite **ret_database, ds_error *err);

// Closes; the last of the writers brings the -wal into the database. All statements are finalized.
// NULL is fine.
void ds_sqlite_close(ds_sqlite *database);

// SQLite's own handle, valid until close.
sqlite3 *ds_sqlite_handle(ds_sqlite *database);

// The code and message of the last call of SQLite, which has failed.
ds_code ds_sqlite_fail(ds_sqlite *database, ds_error *err);

// Begins a transaction, to read or to write. One that could not be ended for want of memory is
// ended first.
DS_CHECKED ds_code ds_sqlite_begin(ds_sqlite *database, bool write, ds_error *err);

// Ends one that only read; `code` is how that went. Else it would hold off who writes.
DS_CHECKED ds_code ds_sqlite_end_read(ds_sqlite *database, ds_code code, ds_error *err);

// Whether the last writer has closed <path>, so that all of it is in <path> and on disk. (Also when
// there is no database.)
DS_CHECKED ds_code ds_sqlite_is_settled(ds_io *io, const char *path, bool *ret_settled,
                                        ds_error *err);

// The application id of a database without opening it; 0 when there is none. It may be of a change
// that is not committed. DS_CORRUPT: of no whole page, also while it is being written.
DS_CHECKED ds_code ds_sqlite_application(ds_io *io, const char *path, uint32_t *ret_id,
                                         ds_error *err);

// Removes a database, if it is there: first <path>, durably, then what belongs to it, so that no
// power loss leaves <path> without its -wal.
DS_CHECKED ds_code ds_sqlite_remove(ds_io *io, const char *path, ds_error *err);

#endif
