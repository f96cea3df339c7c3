// SPDX-License-Identifier: Apache-2.0
// The only door to the operating system: files, directories, locks, clock, randomness, behind one
// table of functions with a POSIX implementation (io_posix.c) and a simulated one (io_sim.c) that
// loses, tears and refuses as docs/durability.md says. May use base/ only. A failed write, sync or
// rename is reported once and never retried here. Messages name the path's last component only.
#ifndef DS_IO_IO_H
#define DS_IO_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct ds_io ds_io;
typedef struct ds_file ds_file;

// How a file is opened. CREATE makes it when absent, EXCLUSIVE fails when present; one that is made
// is for its owner and group, with PRIVATE for its owner alone.
enum {
  DS_OPEN_READ = 1, DS_OPEN_WRITE = 2, DS_OPEN_CREATE = 4, DS_OPEN_EXCLUSIVE = 8,
  DS_OPEN_PRIVATE = 16
};

// How a handle holds a range of its file's bytes.
typedef enum ds_hold { DS_HOLD_FREE, DS_HOLD_SHARED, DS_HOLD_EXCLUSIVE } ds_hold;

// One table per implementation. Every call that can fail fills err: DS_MISSING (no such file),
// DS_FULL (ENOSPC, EDQUOT), DS_BUSY (lock held), DS_IO (all else).
typedef struct ds_io_ops {
  ds_code (*open)(ds_io *io, const char *path, int flags, ds_file **ret_file, ds_error *err);
  void (*close)(ds_io *io, ds_file *file); // NULL is fine; never reports
  // Reads exactly `size` bytes at `offset`, DS_IO when the file ends before.
  ds_code (*read_at)(ds_io *io, ds_file *file, uint64_t offset, void *data, size_t size,
                     ds_error *err);
  // Writes exactly `size` bytes at `offset`, extending the file as needed.
  ds_code (*write_at)(ds_io *io, ds_file *file, uint64_t offset, const void *data, size_t size,
                      ds_error *err);
  ds_code (*size)(ds_io *io, ds_file *file, uint64_t *ret_bytes, ds_error *err);
  ds_code (*truncate)(ds_io *io, ds_file *file, uint64_t size, ds_error *err);
  ds_code (*sync)(ds_io *io, ds_file *file, ds_error *err); // data and length are on disk
  ds_code (*rename)(ds_io *io, const char *from, const char *to, ds_error *err);
  // Gives a file a second name, which must be free. DS_UNSUPPORTED when its file system cannot, or
  // is not that of the new name.
  ds_code (*link)(ds_io *io, const char *from, const char *to, ds_error *err);
  ds_code (*unlink)(ds_io *io, const char *path, ds_error *err);
  ds_code (*sync_dir)(ds_io *io, const char *path, ds_error *err);
  ds_code (*mkdir)(ds_io *io, const char *path, ds_error *err); // fine when it exists
  // Calls `each` with the name of every entry but "." and ".."; order is not defined. A non-zero
  // return of `each` ends the listing and is returned.
  ds_code (*list)(ds_io *io, const char *path,
                  ds_code (*each)(void *context, const char *name, ds_error *err), void *context,
                  ds_error *err);
  // Takes an exclusive advisory lock that dies with the process; DS_BUSY when held (the message
  // names the holder's process id when known). Released by close.
  ds_code (*lock)(ds_io *io, ds_file *file, ds_error *err);
  // Holds bytes against all other handles, or lets them go; the bytes need not exist. Shared
  // holders go together, an exclusive one stands alone (and needs a file open to write). DS_BUSY at
  // once, with what was held before, when that cannot be. The ranges of one handle are equal or
  // apart. Released by close and at the death of the process.
  ds_code (*hold)(ds_io *io, ds_file *file, uint64_t offset, uint64_t size, ds_hold how,
                  ds_error *err);
  // Whether another handle holds some of these bytes exclusively.
  ds_code (*is_held)(ds_io *io, ds_file *file, uint64_t offset, uint64_t size, bool *ret_held,
                     ds_error *err);
  // Region `region` of memory that all handles of the file share, in all processes; regions are of
  // one size, zero when new, and stay until the handle is closed. NULL for one that nobody has made
  // yet, unless `make`. POSIX: the file, mapped, so that its length tells what is there and to
  // truncate it (with nobody else there) empties it; simulated: heap, gone with the last handle.
  ds_code (*share)(ds_io *io, ds_file *file, uint32_t region, uint32_t size, bool make,
                   void **ret_memory, ds_error *err);
  int64_t (*now_ms)(ds_io *io);       // wall clock, ms since 1970 UTC
  int64_t (*monotonic_ns)(ds_io *io); // for measuring only
  void (*sleep_us)(ds_io *io, uint32_t microseconds); // about so long
  ds_code (*random)(ds_io *io, void *data, size_t size, ds_error *err);
} ds_io_ops;

// The base of an implementation's state.
struct ds_io {
  const ds_io_ops *ops;
};

// The POSIX implementation: stateless, safe from any thread, lives for ever.
ds_io *ds_io_posix(void);

// The simulated implementation: a `now` image, a `disk` image, ordered pending operations; see
// DURABILITY in docs/durability.md. Deterministic by seed.
typedef struct ds_io_sim ds_io_sim;

// What power loss keeps of what was not synced.
typedef enum ds_loss { DS_LOSS_ALL, DS_LOSS_NONE, DS_LOSS_PREFIX_TORN, DS_LOSS_RANDOM } ds_loss;

// A new empty simulated machine; NULL without memory. Free with ds_io_sim_free.
ds_io_sim *ds_io_sim_new(uint64_t seed);
void ds_io_sim_free(ds_io_sim *sim);
ds_io *ds_io_sim_io(ds_io_sim *sim); // its table, valid until free

// From now on the mutating operation number `operation` (0 = the next) fails with `code` (DS_IO or
// DS_FULL; a write may be done in part first), once or, if persistent, for ever after.
void ds_io_sim_fail_at(ds_io_sim *sim, uint64_t operation, ds_code code, bool persistent);

// From now on the machine stops before mutating operation `operation`: it and all later calls
// fail with DS_IO until ds_io_sim_power_loss.
void ds_io_sim_crash_at(ds_io_sim *sim, uint64_t operation);

// Loses what the policy does not keep, closes all files and locks, and starts again.
void ds_io_sim_power_loss(ds_io_sim *sim, ds_loss loss);

// How many mutating operations were made since new; how many files are open (for leak checks).
uint64_t ds_io_sim_operations(const ds_io_sim *sim);
uint32_t ds_io_sim_open_files(const ds_io_sim *sim);

// Flips one bit of the durable image of a file, and of what calls read of it, for read-corruption
// sweeps. DS_MISSING when the file's name is not durable, DS_LIMIT past its end.
DS_CHECKED ds_code ds_io_sim_flip(ds_io_sim *sim, const char *path, uint64_t bit, ds_error *err);

// Conveniences over any implementation. Text of a whole file (at most size_max bytes) is NUL-
// terminated and to be freed by the caller.
DS_CHECKED ds_code ds_io_read_file(ds_io *io, const char *path, size_t size_max, char **ret_text,
                                   size_t *ret_size, ds_error *err);

// Replaces `path` whole and durably: writes path.tmp, syncs, renames, syncs the directory `dir`.
DS_CHECKED ds_code ds_io_replace_file(ds_io *io, const char *dir, const char *path,
                                      const void *data, size_t size, ds_error *err);

#endif
