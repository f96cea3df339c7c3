// SPDX-License-Identifier: Apache-2.0
// SQLite's methods of an open file, over io/.
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/limits.h"
#include "store/sqlite_state.h"

// The bytes that SQLite's own VFS locks: in the database, and in the shared memory's file, where
// BYTE_ALIVE is held by all who have it open.
enum {
  BYTE_PENDING = 0x40000000,
  BYTE_RESERVED = BYTE_PENDING + 1,
  BYTE_SHARED = BYTE_PENDING + 2,
  SHARED_BYTES = 510,
  BYTE_SHM = 120,
  BYTE_ALIVE = BYTE_SHM + SQLITE_SHM_NLOCK,
  SECTOR_BYTES = 512,
  PAGE_BYTES_MIN = 512
};

static ds_sqlite_file *of(sqlite3_file *file) {
  return (ds_sqlite_file *)file;
}

int ds_sqlite_status(ds_code code, int otherwise) {
  switch (code) {
  case DS_OK:
    return SQLITE_OK;
  case DS_FULL:
    return SQLITE_FULL;
  case DS_MEMORY:
    return SQLITE_IOERR_NOMEM;
  case DS_BUSY:
    return SQLITE_BUSY;
  default:
    return otherwise;
  }
}

// The outcome of a change: once one has failed, no other is tried.
static int changed(ds_sqlite_file *file, ds_code code, int otherwise) {
  if (code != DS_OK)
    file->owner->failed = true;
  return ds_sqlite_status(code, otherwise);
}

// Pages are numbered, so that one in the place of another is found out.
static void checksum_of(const uint8_t *page, int size, sqlite3_int64 offset,
                        XXH64_canonical_t *ret_checksum) {
  const size_t content = (size_t)size - DS_SQLITE_CHECKSUM_BYTES;
  XXH64_canonicalFromHash(ret_checksum,
                          XXH3_64bits_withSeed(page, content, (XXH64_hash_t)(offset / size)));
}

static bool is_page(const ds_sqlite_file *file, int size, sqlite3_int64 offset) {
  return file->is_database && size >= PAGE_BYTES_MIN && (size & (size - 1)) == 0 &&
         offset % size == 0;
}

static int vfs_close(sqlite3_file *base) {
  ds_sqlite_file *file = of(base);
  const ds_io_ops *ops = file->owner->io->ops;
  ops->close(file->owner->io, file->shared.file);
  free(file->shared.regions);
  ops->close(file->owner->io, file->file);
  free(file->page);
  return SQLITE_OK;
}

// What is there of a range that reaches past the end; SQLite wants zeros for the rest.
static int read_end(ds_sqlite_file *file, void *data, int size, sqlite3_int64 offset,
                    const ds_error *reason) {
  ds_io *io = file->owner->io;
  uint64_t end;
  const ds_code sized = io->ops->size(io, file->file, &end, &file->owner->last);
  if (sized != DS_OK)
    return ds_sqlite_status(sized, SQLITE_IOERR_READ);
  if (end >= (uint64_t)offset + (uint64_t)size) {
    file->owner->last = *reason; // The end was not it.
    return SQLITE_IOERR_READ;
  }
  const size_t there = end > (uint64_t)offset ? (size_t)(end - (uint64_t)offset) : 0;
  memset((char *)data + there, 0, (size_t)size - there);
  if (there == 0)
    return SQLITE_IOERR_SHORT_READ;
  if (is_page(file, size, offset))
    return SQLITE_IOERR_DATA; // Its checksum is not there.
  const ds_code code =
      io->ops->read_at(io, file->file, (uint64_t)offset, data, there, &file->owner->last);
  return code == DS_OK ? SQLITE_IOERR_SHORT_READ : ds_sqlite_status(code, SQLITE_IOERR_READ);
}

static int vfs_read(sqlite3_file *base, void *data, int size, sqlite3_int64 offset) {
  ds_sqlite_file *file = of(base);
  ds_io *io = file->owner->io;
  ds_error reason;
  const ds_code code =
      io->ops->read_at(io, file->file, (uint64_t)offset, data, (size_t)size, &reason);
  if (code == DS_IO)
    return read_end(file, data, size, offset, &reason);
  if (code != DS_OK) {
    file->owner->last = reason;
    return ds_sqlite_status(code, SQLITE_IOERR_READ);
  }
  if (!is_page(file, size, offset))
    return SQLITE_OK;
  XXH64_canonical_t checksum;
  checksum_of(data, size, offset, &checksum);
  const uint8_t *stored = (const uint8_t *)data + size - DS_SQLITE_CHECKSUM_BYTES;
  return memcmp(stored, &checksum, sizeof checksum) == 0 ? SQLITE_OK : SQLITE_IOERR_DATA;
}

// The page with its checksum, valid until the next; NULL without memory.
static const uint8_t *with_checksum(ds_sqlite_file *file, const void *data, int size,
                                    sqlite3_int64 offset) {
  static_assert(sizeof(XXH64_canonical_t) == DS_SQLITE_CHECKSUM_BYTES, "it fills its place");
  if (file->page_size < size) {
    uint8_t *page = realloc(file->page, (size_t)size);
    if (page == NULL)
      return NULL;
    file->page = page;
    file->page_size = size;
  }
  memcpy(file->page, data, (size_t)size);
  XXH64_canonical_t checksum;
  checksum_of(file->page, size, offset, &checksum);
  memcpy(file->page + size - DS_SQLITE_CHECKSUM_BYTES, &checksum, sizeof checksum);
  return file->page;
}

static int vfs_write(sqlite3_file *base, const void *data, int size, sqlite3_int64 offset) {
  ds_sqlite_file *file = of(base);
  ds_io *io = file->owner->io;
  if (file->owner->failed)
    return SQLITE_IOERR_WRITE;
  const void *bytes = data;
  if (file->is_database) {
    assert(is_page(file, size, offset));
    bytes = with_checksum(file, data, size, offset);
    if (bytes == NULL)
      return SQLITE_IOERR_NOMEM;
  }
  return changed(file,
                 io->ops->write_at(io, file->file, (uint64_t)offset, bytes, (size_t)size,
                                   &file->owner->last),
                 SQLITE_IOERR_WRITE);
}

static int vfs_truncate(sqlite3_file *base, sqlite3_int64 size) {
  ds_sqlite_file *file = of(base);
  ds_io *io = file->owner->io;
  if (file->owner->failed)
    return SQLITE_IOERR_TRUNCATE;
  return changed(file, io->ops->truncate(io, file->file, (uint64_t)size, &file->owner->last),
                 SQLITE_IOERR_TRUNCATE);
}

// All syncs are whole, whatever the flags ask for.
static int vfs_sync(sqlite3_file *base, int flags) {
  (void)flags;
  ds_sqlite_file *file = of(base);
  ds_io *io = file->owner->io;
  if (file->owner->failed)
    return SQLITE_IOERR_FSYNC;
  ds_code code = io->ops->sync(io, file->file, &file->owner->last);
  if (code == DS_OK && file->unnamed)
    code = ds_sqlite_sync_directory(io, file->path, &file->owner->last);
  file->unnamed = file->unnamed && code != DS_OK;
  return changed(file, code, SQLITE_IOERR_FSYNC);
}

static int vfs_size(sqlite3_file *base, sqlite3_int64 *ret_size) {
  ds_sqlite_file *file = of(base);
  ds_io *io = file->owner->io;
  uint64_t size;
  const ds_code code = io->ops->size(io, file->file, &size, &file->owner->last);
  if (code == DS_OK)
    *ret_size = (sqlite3_int64)size;
  return ds_sqlite_status(code, SQLITE_IOERR_FSTAT);
}

static ds_code hold(ds_sqlite_file *file, int first, int count, ds_hold how) {
  ds_io *io = file->owner->io;
  return io->ops->hold(io, file->file, (uint64_t)first, (uint64_t)count, how, &file->owner->last);
}

// PENDING is held for the moment only: it keeps new readers away from a writer who waits.
static ds_code lock_shared(ds_sqlite_file *file) {
  TRY(hold(file, BYTE_PENDING, 1, DS_HOLD_SHARED));
  const ds_code code = hold(file, BYTE_SHARED, SHARED_BYTES, DS_HOLD_SHARED);
  const ds_code freed = hold(file, BYTE_PENDING, 1, DS_HOLD_FREE);
  return code == DS_OK ? freed : code;
}

static ds_code lock_exclusive(ds_sqlite_file *file) {
  if (file->lock < SQLITE_LOCK_PENDING) {
    TRY(hold(file, BYTE_PENDING, 1, DS_HOLD_EXCLUSIVE));
    file->lock = SQLITE_LOCK_PENDING;
  }
  return hold(file, BYTE_SHARED, SHARED_BYTES, DS_HOLD_EXCLUSIVE);
}

static int vfs_lock(sqlite3_file *base, int lock) {
  ds_sqlite_file *file = of(base);
  if (file->lock >= lock)
    return SQLITE_OK;
  assert(lock != SQLITE_LOCK_PENDING);
  ds_code code;
  if (lock == SQLITE_LOCK_SHARED)
    code = lock_shared(file);
  else if (lock == SQLITE_LOCK_RESERVED)
    code = hold(file, BYTE_RESERVED, 1, DS_HOLD_EXCLUSIVE);
  else
    code = lock_exclusive(file);
  if (code == DS_OK)
    file->lock = lock;
  return ds_sqlite_status(code, SQLITE_IOERR_LOCK);
}

static int vfs_unlock(sqlite3_file *base, int lock) {
  ds_sqlite_file *file = of(base);
  if (file->lock <= lock)
    return SQLITE_OK;
  ds_code code = DS_OK;
  if (file->lock > SQLITE_LOCK_SHARED) {
    code = hold(file, BYTE_SHARED, SHARED_BYTES, DS_HOLD_SHARED);
    const ds_code pending = hold(file, BYTE_PENDING, 1, DS_HOLD_FREE);
    const ds_code reserved = hold(file, BYTE_RESERVED, 1, DS_HOLD_FREE);
    code = code != DS_OK ? code : pending != DS_OK ? pending : reserved;
  }
  if (lock == SQLITE_LOCK_NONE && code == DS_OK)
    code = hold(file, BYTE_SHARED, SHARED_BYTES, DS_HOLD_FREE);
  if (code == DS_OK)
    file->lock = lock;
  return ds_sqlite_status(code, SQLITE_IOERR_UNLOCK);
}

static int vfs_check_reserved(sqlite3_file *base, int *ret_reserved) {
  ds_sqlite_file *file = of(base);
  ds_io *io = file->owner->io;
  bool held = file->lock >= SQLITE_LOCK_RESERVED;
  ds_code code = DS_OK;
  if (!held)
    code = io->ops->is_held(io, file->file, BYTE_RESERVED, 1, &held, &file->owner->last);
  *ret_reserved = held;
  return ds_sqlite_status(code, SQLITE_IOERR_CHECKRESERVEDLOCK);
}

// The -wal stays, empty: a reader must not make one.
static int vfs_control(sqlite3_file *base, int operation, void *argument) {
  (void)base;
  if (operation != SQLITE_FCNTL_PERSIST_WAL)
    return SQLITE_NOTFOUND;
  *(int *)argument = 1;
  return SQLITE_OK;
}

static int vfs_sector_size(sqlite3_file *base) {
  (void)base;
  return SECTOR_BYTES;
}

// Nothing is promised: a write may be torn, reach its sectors' other bytes, or overtake another.
static int vfs_characteristics(sqlite3_file *base) {
  (void)base;
  return 0;
}

// The first to come finds what the last left, perhaps in the midst of a change, and empties it.
static ds_code enter_shared(ds_io *io, ds_file *shared, ds_error *err) {
  ds_code code = io->ops->hold(io, shared, BYTE_ALIVE, 1, DS_HOLD_EXCLUSIVE, err);
  if (code == DS_OK) {
    uint64_t size;
    TRY(io->ops->size(io, shared, &size, err));
    if (size > 0)
      TRY(io->ops->truncate(io, shared, 0, err));
  } else if (code != DS_BUSY) {
    return code;
  }
  return io->ops->hold(io, shared, BYTE_ALIVE, 1, DS_HOLD_SHARED, err);
}

static ds_code open_shared(ds_sqlite_file *file, ds_error *err) {
  ds_io *io = file->owner->io;
  char path[DS_PATH_BYTES_MAX];
  TRY(ds_sqlite_beside(file->path, "-shm", path, err));
  const int flags = DS_OPEN_READ | DS_OPEN_WRITE | (file->owner->write ? DS_OPEN_CREATE : 0);
  ds_file *shared;
  TRY(io->ops->open(io, path, flags, &shared, err));
  const ds_code code = enter_shared(io, shared, err);
  if (code != DS_OK) {
    io->ops->close(io, shared);
    return code;
  }
  file->shared.file = shared;
  return DS_OK;
}

static ds_code share(ds_sqlite_file *file, int region, int size, bool make, ds_error *err) {
  ds_sqlite_shared *shared = &file->shared;
  if (shared->file == NULL)
    TRY(open_shared(file, err));
  if (region >= shared->count) {
    void **regions = realloc(shared->regions, ((size_t)region + 1) * sizeof *regions);
    if (regions == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for SQLite's shared memory");
    while (shared->count <= region)
      regions[shared->count++] = NULL;
    shared->regions = regions;
  }
  if (shared->regions[region] != NULL)
    return DS_OK;
  return file->owner->io->ops->share(file->owner->io, shared->file, (uint32_t)region,
                                     (uint32_t)size, make, &shared->regions[region], err);
}

static int vfs_shm_map(sqlite3_file *base, int region, int size, int make, void volatile **ret) {
  ds_sqlite_file *file = of(base);
  *ret = NULL;
  const ds_code code = share(file, region, size, make != 0, &file->owner->last);
  if (code == DS_OK)
    *ret = file->shared.regions[region];
  // Where nothing may be written, nobody writes: SQLite then reads the -wal by itself.
  else if (code == DS_IO && file->shared.file == NULL && !file->owner->write)
    return SQLITE_READONLY_CANTINIT;
  return ds_sqlite_status(code, code == DS_MISSING ? SQLITE_CANTOPEN : SQLITE_IOERR_SHMMAP);
}

static int vfs_shm_lock(sqlite3_file *base, int first, int count, int flags) {
  ds_sqlite_file *file = of(base);
  ds_io *io = file->owner->io;
  if (file->shared.file == NULL)
    return SQLITE_IOERR_SHMLOCK;
  ds_hold how = DS_HOLD_FREE;
  if ((flags & SQLITE_SHM_LOCK) != 0)
    how = (flags & SQLITE_SHM_SHARED) != 0 ? DS_HOLD_SHARED : DS_HOLD_EXCLUSIVE;
  const ds_code code = io->ops->hold(io, file->shared.file, (uint64_t)(BYTE_SHM + first),
                                     (uint64_t)count, how, &file->owner->last);
  return ds_sqlite_status(code, SQLITE_IOERR_SHMLOCK);
}

static void vfs_shm_barrier(sqlite3_file *base) {
  (void)base;
  atomic_thread_fence(memory_order_seq_cst);
}

// The file stays, like the -wal.
static int vfs_shm_unmap(sqlite3_file *base, int remove) {
  (void)remove;
  ds_sqlite_file *file = of(base);
  file->owner->io->ops->close(file->owner->io, file->shared.file);
  free(file->shared.regions);
  file->shared = (ds_sqlite_shared){.file = NULL};
  return SQLITE_OK;
}

const sqlite3_io_methods *ds_sqlite_file_methods(void) {
  static const sqlite3_io_methods methods = {
      .iVersion = 2,
      .xClose = vfs_close,
      .xRead = vfs_read,
      .xWrite = vfs_write,
      .xTruncate = vfs_truncate,
      .xSync = vfs_sync,
      .xFileSize = vfs_size,
      .xLock = vfs_lock,
      .xUnlock = vfs_unlock,
      .xCheckReservedLock = vfs_check_reserved,
      .xFileControl = vfs_control,
      .xSectorSize = vfs_sector_size,
      .xDeviceCharacteristics = vfs_characteristics,
      .xShmMap = vfs_shm_map,
      .xShmLock = vfs_shm_lock,
      .xShmBarrier = vfs_shm_barrier,
      .xShmUnmap = vfs_shm_unmap,
  };
  return &methods;
}

ds_code ds_sqlite_application(ds_io *io, const char *path, uint32_t *ret_id, ds_error *err) {
  enum { PAGE_BYTES = 4096, AT_APPLICATION = 68 };
  uint8_t page[PAGE_BYTES];
  XXH64_canonical_t checksum;
  ds_file *file = NULL;
  ds_code code = io->ops->open(io, path, DS_OPEN_READ, &file, err);
  *ret_id = 0;
  if (code == DS_MISSING)
    return DS_OK;
  TRY(code);
  code = io->ops->read_at(io, file, 0, page, sizeof page, err);
  io->ops->close(io, file);
  if (code == DS_OK)
    checksum_of(page, sizeof page, 0, &checksum);
  if (code == DS_IO ||
      (code == DS_OK && memcmp(page + sizeof page - DS_SQLITE_CHECKSUM_BYTES, &checksum,
                               sizeof checksum) != 0))
    return ds_fail(err, DS_CORRUPT, "its first page is not as it was written");
  TRY(code);
  for (uint32_t i = 0; i < sizeof *ret_id; i++)
    *ret_id = *ret_id << 8 | page[AT_APPLICATION + i];
  return DS_OK;
}
