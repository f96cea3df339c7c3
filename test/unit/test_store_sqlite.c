// SPDX-License-Identifier: Apache-2.0
// SQLite on io/: its behaviour on both doors to files, beside other connections and other
// processes, with SQLite's own VFS beside it; and sweeps on the simulated machine: power loss
// before every operation, errors at every operation, flipped bits.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "long_run.h"
#include "store/sqlite_vfs.h"

enum { ROWS = 40, COMMITS = 4, POLICIES = 4 };

// A machine, and where the database lies on it.
typedef struct place {
  ds_io *io;
  ds_io_sim *sim; // NULL = POSIX
  char dir[64];
  char path[128];
} place;

static ds_code remove_entry(void *context, const char *name, ds_error *err) {
  (void)err;
  char path[512];
  snprintf(path, sizeof path, "%s/%s", ((place *)context)->dir, name);
  return unlink(path) == 0 ? DS_OK : DS_IO;
}

static int set_up_posix(void **state) {
  place *own = calloc(1, sizeof *own);
  own->io = ds_io_posix();
  snprintf(own->dir, sizeof own->dir, "/tmp/ds-sqlite-XXXXXX");
  if (mkdtemp(own->dir) == NULL)
    return -1;
  snprintf(own->path, sizeof own->path, "%s/base", own->dir);
  *state = own;
  return 0;
}

static int tear_down_posix(void **state) {
  place *own = *state;
  (void)own->io->ops->list(own->io, own->dir, remove_entry, own, NULL);
  const int result = rmdir(own->dir);
  free(own);
  return result;
}

static void make_machine(place *own, uint64_t seed) {
  ds_io_sim_free(own->sim);
  own->sim = ds_io_sim_new(seed);
  own->io = ds_io_sim_io(own->sim);
  assert_int_equal(own->io->ops->mkdir(own->io, own->dir, NULL), DS_OK);
  assert_int_equal(own->io->ops->sync_dir(own->io, "/", NULL), DS_OK);
}

static int set_up_sim(void **state) {
  place *own = calloc(1, sizeof *own);
  snprintf(own->dir, sizeof own->dir, "dir");
  snprintf(own->path, sizeof own->path, "dir/base");
  make_machine(own, 1);
  *state = own;
  return 0;
}

static int tear_down_sim(void **state) {
  place *own = *state;
  assert_int_equal(ds_io_sim_open_files(own->sim), 0); // I12
  ds_io_sim_free(own->sim);
  free(own);
  return 0;
}

static ds_sqlite *open_ok(const place *own, bool write) {
  ds_sqlite *database = NULL;
  ds_error err = {.message = ""};
  const ds_sqlite_how how = write ? DS_SQLITE_WRITE : DS_SQLITE_READ;
  const ds_code code = ds_sqlite_open(own->io, own->path, how, &database, &err);
  if (code != DS_OK)
    print_error("%s\n", err.message);
  assert_int_equal(code, DS_OK);
  return database;
}

static int run(ds_sqlite *database, const char *sql) {
  return sqlite3_exec(ds_sqlite_handle(database), sql, NULL, NULL, NULL);
}

static void run_ok(ds_sqlite *database, const char *sql) {
  const int status = run(database, sql);
  if (status != SQLITE_OK)
    print_error("%s: %s\n", sql, sqlite3_errmsg(ds_sqlite_handle(database)));
  assert_int_equal(status, SQLITE_OK);
}

// The one number that a query gives, or -1 - its status.
static int64_t ask_handle(sqlite3 *db, const char *sql) {
  sqlite3_stmt *statement = NULL;
  int status = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
  int64_t value = -1;
  if (status == SQLITE_OK) {
    status = sqlite3_step(statement);
    if (status == SQLITE_ROW)
      value = sqlite3_column_int64(statement, 0);
  }
  (void)sqlite3_finalize(statement);
  return status == SQLITE_ROW ? value : -1 - status;
}

static int64_t ask(ds_sqlite *database, const char *sql) {
  return ask_handle(ds_sqlite_handle(database), sql);
}

#define DAMAGES "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"
// The number that all rows have, -2 when they differ or one of them is not there.
#define STATE                                                                       \
  "SELECT CASE WHEN count(*) = 40 AND min(v) = max(v) AND sum(length(pad)) = 40 * " \
  "(600 + 10 * max(v)) THEN max(v) ELSE -2 END FROM t"

// Rows on several pages, whose number and length the commits change.
static int make_table(ds_sqlite *database) {
  return run(database,
             "BEGIN; CREATE TABLE t(id INTEGER PRIMARY KEY, v INTEGER, pad BLOB);"
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)"
             " INSERT INTO t SELECT i, 0, zeroblob(600) FROM n; COMMIT");
}

static int set_state(ds_sqlite *database, int64_t v) {
  char sql[128];
  snprintf(sql, sizeof sql, "UPDATE t SET v = %lld, pad = randomblob(600 + 10 * %lld)",
           (long long)v, (long long)v);
  return run(database, sql);
}

static uint64_t file_size(const place *own, const char *suffix) {
  char path[256];
  snprintf(path, sizeof path, "%s%s", own->path, suffix);
  ds_file *file;
  uint64_t size = 0;
  assert_int_equal(own->io->ops->open(own->io, path, DS_OPEN_READ, &file, NULL), DS_OK);
  assert_int_equal(own->io->ops->size(own->io, file, &size, NULL), DS_OK);
  own->io->ops->close(own->io, file);
  return size;
}

static sqlite3_file *file_of(ds_sqlite *database) {
  sqlite3_file *file = NULL;
  assert_int_equal(sqlite3_file_control(ds_sqlite_handle(database), "main",
                                        SQLITE_FCNTL_FILE_POINTER, &file),
                   SQLITE_OK);
  return file;
}

static void test_contract(void **state) {
  const place *own = *state;
  ds_sqlite *database = open_ok(own, true);
  run_ok(database, "CREATE TABLE t(a)");
  ds_sqlite_close(database);
  database = open_ok(own, true);
  sqlite3_file *file = file_of(database);
  const sqlite3_io_methods *methods = file->pMethods;
  sqlite3_int64 size = 0;
  assert_int_equal(methods->xFileSize(file, &size), SQLITE_OK);
  assert_int_equal(size % 4096, 0);
  // What lies behind the end reads as zeros, and is told.
  char data[100];
  memset(data, 'x', sizeof data);
  assert_int_equal(methods->xRead(file, data, sizeof data, size - 30), SQLITE_IOERR_SHORT_READ);
  static const char zeros[100];
  assert_memory_equal(data + 30, zeros, 70);
  memset(data, 'x', sizeof data);
  assert_int_equal(methods->xRead(file, data, sizeof data, size + 5000), SQLITE_IOERR_SHORT_READ);
  assert_memory_equal(data, zeros, 100);
  assert_int_equal(methods->xSectorSize(file), 512);
  assert_int_equal(methods->xDeviceCharacteristics(file), 0);
  int64_t chunk = 4096;
  assert_int_equal(methods->xFileControl(file, SQLITE_FCNTL_CHUNK_SIZE, &chunk), SQLITE_NOTFOUND);
  // The machine's clock, to the second.
  const int64_t now = ask(database, "SELECT unixepoch('now')");
  assert_true(llabs(now - own->io->ops->now_ms(own->io) / 1000) <= 2);
  ds_sqlite_close(database);
}

static void test_close_and_open(void **state) {
  const place *own = *state;
  ds_sqlite *database = open_ok(own, true);
  assert_int_equal(make_table(database), SQLITE_OK);
  assert_int_equal(set_state(database, 3), SQLITE_OK);
  bool settled = true;
  assert_int_equal(ds_sqlite_is_settled(own->io, own->path, &settled, NULL), DS_OK);
  assert_false(settled);
  ds_sqlite_close(database);
  assert_int_equal(ds_sqlite_is_settled(own->io, own->path, &settled, NULL), DS_OK);
  assert_true(settled);
  assert_int_equal(file_size(own, "-wal"), 0);
  for (int write = 0; write < 2; write++) {
    database = open_ok(own, write == 1);
    assert_int_equal(ask(database, STATE), 3);
    assert_int_equal(ask(database, DAMAGES), 0);
    ds_sqlite_close(database);
  }
  database = open_ok(own, false);
  assert_int_equal(set_state(database, 4), SQLITE_READONLY);
  ds_sqlite_close(database);
  assert_int_equal(ds_sqlite_remove(own->io, own->path, NULL), DS_OK);
  assert_int_equal(ds_sqlite_remove(own->io, own->path, NULL), DS_OK);
  ds_error err;
  assert_int_equal(ds_sqlite_open(own->io, own->path, DS_SQLITE_READ, &database, &err), DS_MISSING);
  assert_string_equal(err.message, own->sim == NULL ? "cannot read base: no such file"
                                                    : "cannot find base: no such file");
}

static ds_code count_entry(void *context, const char *name, ds_error *err) {
  (void)name;
  (void)err;
  ++*(int *)context;
  return DS_OK;
}

// A reader makes nothing: what it needs the writer has left.
static void test_reader_makes_nothing(void **state) {
  const place *own = *state;
  ds_sqlite *database = open_ok(own, true);
  assert_int_equal(make_table(database), SQLITE_OK);
  ds_sqlite_close(database);
  int before = 0;
  assert_int_equal(own->io->ops->list(own->io, own->dir, count_entry, &before, NULL), DS_OK);
  const uint64_t operations = own->sim == NULL ? 0 : ds_io_sim_operations(own->sim);
  database = open_ok(own, false);
  assert_int_equal(ask(database, STATE), 0);
  ds_sqlite_close(database);
  int after = 0;
  assert_int_equal(own->io->ops->list(own->io, own->dir, count_entry, &after, NULL), DS_OK);
  assert_int_equal(after, before);
  assert_true(own->sim == NULL || ds_io_sim_operations(own->sim) == operations);
}

// A writer that only looks writes nothing either (I6).
static void test_second_open_writes_nothing(void **state) {
  const place *own = *state;
  ds_sqlite *database = open_ok(own, true);
  assert_int_equal(make_table(database), SQLITE_OK);
  ds_sqlite_close(database);
  const uint64_t before = ds_io_sim_operations(own->sim);
  database = open_ok(own, true);
  assert_int_equal(ask(database, STATE), 0);
  ds_sqlite_close(database);
  assert_int_equal(ds_io_sim_operations(own->sim), before);
}

static void test_two_connections(void **state) {
  const place *own = *state;
  ds_sqlite *writer = open_ok(own, true);
  assert_int_equal(make_table(writer), SQLITE_OK);
  ds_sqlite *reader = open_ok(own, false);
  run_ok(reader, "BEGIN");
  assert_int_equal(ask(reader, STATE), 0);
  assert_int_equal(set_state(writer, 1), SQLITE_OK);
  assert_int_equal(ask(writer, STATE), 1);
  assert_int_equal(ask(reader, STATE), 0); // its snapshot
  // A checkpoint leaves what the reader needs.
  run_ok(writer, "PRAGMA wal_checkpoint(PASSIVE)");
  assert_int_equal(set_state(writer, 2), SQLITE_OK);
  assert_int_equal(ask(reader, STATE), 0);
  run_ok(reader, "COMMIT");
  assert_int_equal(ask(reader, STATE), 2);
  ds_sqlite *second = open_ok(own, true);
  (void)sqlite3_busy_timeout(ds_sqlite_handle(second), 0);
  run_ok(writer, "BEGIN IMMEDIATE");
  assert_int_equal(run(second, "BEGIN IMMEDIATE"), SQLITE_BUSY);
  assert_int_equal(ds_sqlite_fail(second, NULL), DS_BUSY);
  run_ok(writer, "COMMIT");
  run_ok(second, "BEGIN IMMEDIATE; COMMIT");
  // Who closes first leaves the -wal to the others.
  assert_int_equal(set_state(second, 3), SQLITE_OK);
  ds_sqlite_close(second);
  assert_int_equal(ask(reader, STATE), 3);
  ds_sqlite_close(writer);
  assert_int_equal(ask(reader, STATE), 3);
  ds_sqlite_close(reader);
  reader = open_ok(own, false);
  assert_int_equal(ask(reader, STATE), 3);
  ds_sqlite_close(reader);
}

// The locks of the journal's kind, which every database has until it is made to have a -wal: a
// writer who waits for a reader's end lets no new reader in.
static void test_journal_locks(void **state) {
  const place *own = *state;
  ds_sqlite *writer = open_ok(own, true);
  assert_int_equal(make_table(writer), SQLITE_OK);
  run_ok(writer, "PRAGMA journal_mode = DELETE");
  (void)sqlite3_busy_timeout(ds_sqlite_handle(writer), 0);
  ds_sqlite *reader = open_ok(own, false);
  ds_sqlite *late = open_ok(own, false);
  (void)sqlite3_busy_timeout(ds_sqlite_handle(late), 0);
  run_ok(reader, "BEGIN");
  assert_int_equal(ask(reader, STATE), 0);
  run_ok(writer, "BEGIN IMMEDIATE");
  int reserved = 0;
  sqlite3_file *file = file_of(reader);
  assert_int_equal(file->pMethods->xCheckReservedLock(file, &reserved), SQLITE_OK);
  assert_int_equal(reserved, 1);
  assert_int_equal(ask(late, STATE), 0);
  assert_int_equal(set_state(writer, 1), SQLITE_OK);
  assert_int_equal(run(writer, "COMMIT"), SQLITE_BUSY);
  assert_int_equal(ask(late, STATE), -1 - SQLITE_BUSY);
  assert_int_equal(ask(reader, STATE), 0);
  run_ok(reader, "COMMIT");
  run_ok(writer, "COMMIT");
  assert_int_equal(file->pMethods->xCheckReservedLock(file, &reserved), SQLITE_OK);
  assert_int_equal(reserved, 0);
  assert_int_equal(ask(late, STATE), 1);
  assert_int_equal(ask(reader, STATE), 1);
  ds_sqlite_close(late);
  ds_sqlite_close(reader);
  ds_sqlite_close(writer);
}

// More pages than one region of shared memory tells of, and a checkpoint of its own accord.
static void test_large_wal(void **state) {
  const place *own = *state;
  ds_sqlite *database = open_ok(own, true);
  ds_sqlite *reader = open_ok(own, false);
  run_ok(database, "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE b(x)");
  run_ok(database, "BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                   " WHERE i < 5000) INSERT INTO b SELECT zeroblob(4000) FROM n; COMMIT");
  assert_true(file_size(own, "-wal") > 5000 * 4096);
  assert_int_equal(ask(reader, "SELECT count(*) FROM b WHERE length(x) = 4000"), 5000);
  run_ok(database, "PRAGMA wal_checkpoint(TRUNCATE)");
  assert_int_equal(file_size(own, "-wal"), 0);
  assert_int_equal(ask(reader, "SELECT count(*) FROM b WHERE length(x) = 4000"), 5000);
  assert_int_equal(ask(reader, DAMAGES), 0);
  ds_sqlite_close(reader);
  ds_sqlite_close(database);
}

static void copy_file(const char *from, const char *to) {
  char *data = NULL;
  size_t size = 0;
  ds_io *io = ds_io_posix();
  assert_int_equal(ds_io_read_file(io, from, 1u << 20, &data, &size, NULL), DS_OK);
  ds_file *file;
  assert_int_equal(io->ops->open(io, to, DS_OPEN_WRITE | DS_OPEN_CREATE, &file, NULL), DS_OK);
  assert_int_equal(io->ops->write_at(io, file, 0, data, size, NULL), DS_OK);
  io->ops->close(io, file);
  free(data);
}

// What a process that died has left in the shared memory, though whole, is not believed.
static void test_old_shared_memory(void **state) {
  const place *own = *state;
  char shared[160], copy[160];
  snprintf(shared, sizeof shared, "%s-shm", own->path);
  snprintf(copy, sizeof copy, "%s-copy", own->path);
  ds_sqlite *database = open_ok(own, true);
  assert_int_equal(make_table(database), SQLITE_OK);
  assert_int_equal(set_state(database, 1), SQLITE_OK);
  copy_file(shared, copy);
  ds_sqlite_close(database);
  for (int write = 0; write < 2; write++) {
    copy_file(copy, shared);
    database = open_ok(own, write == 1);
    assert_int_equal(ask(database, STATE), 1);
    assert_int_equal(ask(database, DAMAGES), 0);
    ds_sqlite_close(database);
  }
}

// Waits for a child and gives its exit status, or 100 + its signal.
static int status_of(pid_t child) {
  int status = 0;
  assert_true(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

// Looks at the state again and again until it is `last`: it must never fall, nor be torn. The child
// opens by our VFS or, as an independent witness of its files and locks, by SQLite's own.
static int watch(const char *path, bool own_vfs, int64_t last) {
  ds_sqlite *database = NULL;
  sqlite3 *db = NULL;
  if (own_vfs) {
    if (ds_sqlite_open(ds_io_posix(), path, DS_SQLITE_READ, &database, NULL) != DS_OK)
      return 2;
    db = ds_sqlite_handle(database);
  } else if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, "unix") != SQLITE_OK) {
    return 2;
  }
  (void)sqlite3_busy_timeout(db, 5000);
  int64_t before = 0;
  int64_t now = 0;
  for (; before < last && now >= before; now = ask_handle(db, STATE))
    before = now;
  if (database == NULL)
    (void)sqlite3_close(db);
  ds_sqlite_close(database);
  return now >= before ? 0 : now == -2 ? 3 : 4;
}

static void test_readers_in_processes(void **state) {
  const place *own = *state;
  ds_sqlite *database = open_ok(own, true);
  assert_int_equal(make_table(database), SQLITE_OK);
  ds_sqlite_close(database);
  pid_t children[4];
  for (int i = 0; i < 4; i++) {
    children[i] = fork();
    assert_true(children[i] >= 0);
    if (children[i] == 0)
      _exit(watch(own->path, i % 2 == 0, 60));
  }
  database = open_ok(own, true);
  run_ok(database, "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 20");
  for (int64_t v = 1; v <= 60; v++)
    assert_int_equal(set_state(database, v), SQLITE_OK);
  for (int i = 0; i < 4; i++)
    assert_int_equal(status_of(children[i]), 0);
  assert_int_equal(ask(database, DAMAGES), 0);
  ds_sqlite_close(database);
  assert_int_equal(watch(own->path, false, 60), 0);
}

// Commits until it is killed; tells each commit on a pipe once it is done.
static void write_for_ever(const place *own, int out) {
  ds_sqlite *database = NULL;
  if (ds_sqlite_open(own->io, own->path, DS_SQLITE_WRITE, &database, NULL) != DS_OK)
    _exit(2);
  (void)run(database, "PRAGMA wal_autocheckpoint = 10");
  for (int64_t v = ask(database, STATE) + 1; set_state(database, v) == SQLITE_OK; v++) {
    if (write(out, &v, sizeof v) != sizeof v)
      break;
  }
  _exit(3);
}

// Every commit that was told of is there after the writer was killed, and its locks are free.
static void test_killed_writer(void **state) {
  const place *own = *state;
  ds_sqlite *database = open_ok(own, true);
  assert_int_equal(make_table(database), SQLITE_OK);
  ds_sqlite_close(database);
  for (int round = 0; round < 8; round++) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
      write_for_ever(own, ends[1]);
    close(ends[1]);
    int64_t told = 0;
    for (int i = 0; i < 3 + round; i++)
      assert_int_equal(read(ends[0], &told, sizeof told), sizeof told);
    usleep((useconds_t)(round * 137 % 700));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(status_of(child), 100 + SIGKILL);
    while (read(ends[0], &told, sizeof told) == sizeof told)
      continue;
    close(ends[0]);
    database = open_ok(own, true);
    (void)sqlite3_busy_timeout(ds_sqlite_handle(database), 0);
    const int64_t found = ask(database, STATE);
    assert_true(found == told || found == told + 1);
    assert_int_equal(ask(database, DAMAGES), 0);
    run_ok(database, "BEGIN IMMEDIATE; COMMIT"); // nobody holds a lock
    ds_sqlite_close(database);
  }
}

// A process that dies in the midst of a transaction of the journal's kind: the next rolls it back.
static void test_killed_in_journal(void **state) {
  const place *own = *state;
  ds_sqlite *database = open_ok(own, true);
  assert_int_equal(make_table(database), SQLITE_OK);
  run_ok(database, "PRAGMA journal_mode = DELETE");
  ds_sqlite_close(database);
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    // Its second statement spills into the file before it commits.
    if (ds_sqlite_open(own->io, own->path, DS_SQLITE_WRITE, &database, NULL) != DS_OK)
      _exit(2);
    (void)run(database, "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 5; BEGIN");
    (void)set_state(database, 1);
    (void)set_state(database, 2);
    kill(getpid(), SIGKILL);
  }
  assert_int_equal(status_of(child), 100 + SIGKILL);
  assert_true(file_size(own, "-journal") > 512);
  database = open_ok(own, true);
  assert_int_equal(ask(database, STATE), 0);
  assert_int_equal(ask(database, DAMAGES), 0);
  ds_sqlite_close(database);
}

// Makes the table and commits; each commit is told in *acked once it is done.
static void run_life(const place *own, const char *settings, int64_t *attempted, int64_t *acked) {
  ds_sqlite *database;
  *attempted = *acked = -1;
  if (ds_sqlite_open(own->io, own->path, DS_SQLITE_WRITE, &database, NULL) != DS_OK)
    return;
  (void)run(database, settings);
  for (int64_t v = 0; v <= COMMITS; v++) {
    *attempted = v;
    if ((v == 0 ? make_table(database) : set_state(database, v)) != SQLITE_OK)
      break;
    *acked = v;
  }
  ds_sqlite_close(database);
}

// What a recovered database may hold: all that was acknowledged, perhaps the commit that failed.
static void expect_state(const place *own, int64_t attempted, int64_t acked) {
  ds_sqlite *database = open_ok(own, true);
  assert_int_equal(ask(database, DAMAGES), 0);
  const bool has_table = ask(database, "SELECT count(*) FROM sqlite_schema") == 1;
  const int64_t found = has_table ? ask(database, STATE) : -1;
  if (found < acked || found > attempted)
    print_error("found %d, acknowledged %d, attempted %d\n", (int)found, (int)acked,
                (int)attempted);
  assert_in_range(found + 2, acked + 2, attempted + 2);
  // It goes on, and holds (I7).
  assert_int_equal(has_table ? SQLITE_OK : make_table(database), SQLITE_OK);
  assert_int_equal(set_state(database, 9), SQLITE_OK);
  ds_sqlite_close(database);
  ds_io_sim_power_loss(own->sim, DS_LOSS_ALL);
  database = open_ok(own, true);
  assert_int_equal(ask(database, STATE), 9);
  ds_sqlite_close(database);
}

// FULL: nothing acknowledged is lost. NORMAL: a prefix of the commits is there, unless it was
// closed. With few pages of cache, pages are written before the commit; with the small limit,
// checkpoints come in between. Of the journal's kind (which a new database begins with) only EXTRA
// syncs the directory that the journal is removed from.
static const struct {
  const char *settings;
  bool durable;
} kinds[] = {
    {"PRAGMA synchronous = FULL", true},
    {"PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 15", false},
    {"PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 15; PRAGMA cache_size = 5", true},
    {"PRAGMA synchronous = EXTRA; PRAGMA journal_mode = DELETE; PRAGMA cache_size = 5", true},
};

static uint64_t count_operations(place *own, const char *settings) {
  make_machine(own, 1);
  int64_t attempted, acked;
  run_life(own, settings, &attempted, &acked);
  assert_int_equal(acked, COMMITS);
  return ds_io_sim_operations(own->sim);
}

static void test_power_loss_everywhere(void **state) {
  place *own = *state;
  for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
    const uint64_t operations = count_operations(own, kinds[kind].settings);
    assert_true(operations > 60);
    const uint64_t stride = long_run_stride(7);
    for (uint64_t i = 0; i < (operations - 2) * POLICIES; i += stride) {
      make_machine(own, i * 31 + kind);
      ds_io_sim_crash_at(own->sim, i / POLICIES);
      int64_t attempted, acked;
      run_life(own, kinds[kind].settings, &attempted, &acked);
      ds_io_sim_power_loss(own->sim, (ds_loss)(i % POLICIES));
      expect_state(own, attempted, kinds[kind].durable ? acked : -1);
    }
  }
}

static void test_error_everywhere(void **state) {
  place *own = *state;
  for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
    const uint64_t operations = count_operations(own, kinds[kind].settings);
    const uint64_t stride = long_run_stride(7);
    for (uint64_t i = 0; i < (operations - 2) * 4; i += stride) {
      make_machine(own, i * 17 + kind);
      ds_io_sim_fail_at(own->sim, i / 4, i % 2 == 0 ? DS_IO : DS_FULL, i % 4 >= 2);
      int64_t attempted, acked;
      run_life(own, kinds[kind].settings, &attempted, &acked);
      ds_io_sim_power_loss(own->sim, i % 3 == 0 ? DS_LOSS_ALL : DS_LOSS_RANDOM);
      expect_state(own, attempted, kinds[kind].durable ? acked : -1);
    }
  }
}

// I11: after an error the connection changes nothing, and what it shows is right.
static void test_readonly_after_error(void **state) {
  place *own = *state;
  static const char *const messages[] = {"simulated input/output error",
                                         "the simulated disk is full"};
  for (uint64_t at = 0; at < 6; at++) {
    make_machine(own, at);
    ds_sqlite *database = open_ok(own, true);
    assert_int_equal(make_table(database), SQLITE_OK);
    ds_io_sim_fail_at(own->sim, at, at % 2 == 0 ? DS_IO : DS_FULL, false);
    assert_true(set_state(database, 1) != SQLITE_OK);
    ds_error err;
    assert_int_equal(ds_sqlite_fail(database, &err), at % 2 == 0 ? DS_IO : DS_FULL);
    assert_string_equal(err.message, messages[at % 2]);
    const uint64_t before = ds_io_sim_operations(own->sim);
    assert_true(set_state(database, 2) != SQLITE_OK);
    assert_int_equal(ask(database, STATE), 0);
    ds_sqlite_close(database);
    assert_int_equal(ds_io_sim_operations(own->sim), before);
    bool settled = true;
    assert_int_equal(ds_sqlite_is_settled(own->io, own->path, &settled, NULL), DS_OK);
    assert_false(settled);
  }
}

// One flipped bit: the same answer or reported damage.
static void test_flips(void **state) {
  place *own = *state;
  ds_sqlite *database = open_ok(own, true);
  assert_int_equal(make_table(database), SQLITE_OK);
  assert_int_equal(set_state(database, 1), SQLITE_OK);
  ds_sqlite_close(database);
  const uint64_t size = file_size(own, "");
  const uint64_t stride = long_run_stride(37);
  uint64_t reported = 0;
  uint64_t tried = 0;
  for (uint64_t at = 0; at < size; at += at < 100 ? 1 : stride) {
    const uint64_t bit = at * 8 + at % 8;
    assert_int_equal(ds_io_sim_flip(own->sim, own->path, bit, NULL), DS_OK);
    ds_error err;
    const ds_sqlite_how how = at % 2 == 0 ? DS_SQLITE_WRITE : DS_SQLITE_READ;
    const ds_code opened = ds_sqlite_open(own->io, own->path, how, &database, &err);
    tried++;
    if (opened == DS_OK) {
      const int64_t found = ask(database, "SELECT sum(v) + 1 FROM t WHERE length(pad) = 610");
      assert_true(found == ROWS + 1 || ds_sqlite_fail(database, &err) == DS_CORRUPT);
      reported += found != ROWS + 1;
      ds_sqlite_close(database);
    } else {
      assert_int_equal(opened, DS_CORRUPT);
      assert_non_null(strstr(err.message, "base is damaged: "));
      reported++;
    }
    assert_int_equal(ds_io_sim_flip(own->sim, own->path, bit, NULL), DS_OK);
  }
  // Pages that no answer needs are few.
  assert_true(reported * 10 > tried * 9);
}

static ds_code bad_read_at(ds_io *io, ds_file *file, uint64_t offset, void *data, size_t size,
                           ds_error *err) {
  (void)io;
  (void)file;
  (void)offset;
  (void)data;
  (void)size;
  return ds_fail(err, DS_IO, "cannot read base: input/output error");
}

// A sector that cannot be read is an error, never zeros.
static void test_bad_reads(void **state) {
  const place *own = *state;
  ds_sqlite *database = open_ok(own, true);
  assert_int_equal(make_table(database), SQLITE_OK);
  ds_sqlite_close(database);
  const ds_io_ops *good = own->io->ops;
  ds_io_ops ops = *good;
  ops.read_at = bad_read_at;
  database = open_ok(own, false);
  sqlite3_file *file = file_of(database);
  char data[4096];
  assert_int_equal(file->pMethods->xRead(file, data, sizeof data, 4096), SQLITE_OK);
  own->io->ops = &ops;
  assert_int_equal(file->pMethods->xRead(file, data, sizeof data, 4096), SQLITE_IOERR_READ);
  assert_true(ask(database, STATE) < 0);
  ds_error err;
  assert_int_equal(ds_sqlite_fail(database, &err), DS_IO);
  assert_string_equal(err.message, "cannot read base: input/output error");
  ds_sqlite *second;
  assert_int_equal(ds_sqlite_open(own->io, own->path, DS_SQLITE_WRITE, &second, &err), DS_IO);
  own->io->ops = good;
  assert_int_equal(ask(database, STATE), 0); // A reader that failed may try again.
  ds_sqlite_close(database);
}

int main(void) {
#define POSIX_TEST(name) \
  cmocka_unit_test_setup_teardown(name, set_up_posix, tear_down_posix)
#define SIM_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_sim, tear_down_sim)
  const struct CMUnitTest tests[] = {
      POSIX_TEST(test_contract), SIM_TEST(test_contract),
      POSIX_TEST(test_close_and_open), SIM_TEST(test_close_and_open),
      POSIX_TEST(test_reader_makes_nothing), SIM_TEST(test_reader_makes_nothing),
      SIM_TEST(test_second_open_writes_nothing),
      POSIX_TEST(test_two_connections), SIM_TEST(test_two_connections),
      POSIX_TEST(test_journal_locks), SIM_TEST(test_journal_locks),
      POSIX_TEST(test_old_shared_memory),
      POSIX_TEST(test_large_wal), SIM_TEST(test_large_wal),
      POSIX_TEST(test_readers_in_processes), POSIX_TEST(test_killed_writer),
      POSIX_TEST(test_killed_in_journal),
      SIM_TEST(test_power_loss_everywhere), SIM_TEST(test_error_everywhere),
      SIM_TEST(test_readonly_after_error), SIM_TEST(test_flips),
      SIM_TEST(test_bad_reads),
  };
  return cmocka_run_group_tests_name("store sqlite", tests, NULL, NULL);
}
