// SPDX-License-Identifier: Apache-2.0
#include "io/io.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MODE 0640
#define PRIVATE_MODE 0600
#define DIRECTORY_MODE 0750
#define HOLDER_BYTES_MAX 15

// Memory mapped from a file.
typedef struct posix_mapping {
  struct posix_mapping *next;
  void *start;
  size_t size;
} posix_mapping;

// Behind the opaque ds_file: the descriptor, and the last component of the path for messages.
typedef struct posix_file {
  int descriptor;
  posix_mapping *mappings;
  char name[];
} posix_file;

static posix_file *posix_of(ds_file *file) {
  return (posix_file *)file;
}

static const char *last_component(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL || slash[1] == '\0' ? path : slash + 1;
}

// A plain reason for an errno. Own texts, because those of libc follow the locale.
static const char *reason_of(int number) {
  switch (number) {
  case EACCES:
  case EPERM:
    return "permission denied";
  case EROFS:
    return "the file system is read-only";
  case EIO:
    return "input/output error";
  case EISDIR:
    return "it is a directory";
  case ENOTDIR:
    return "a part of its path is not a directory";
  case EEXIST:
    return "it exists already";
  case EMFILE:
  case ENFILE:
    return "too many open files";
  case ENAMETOOLONG:
    return "its name is too long";
  case ELOOP:
    return "too many symbolic links";
  case EXDEV:
    return "it lies on another file system";
  case EINVAL:
    return "the system refuses the request";
  default:
    return NULL;
  }
}

// Reports a failed call: `verb` and `name` say what was tried, `number` is its errno.
static ds_code fail_errno(ds_error *err, int number, const char *verb, const char *name) {
  switch (number) {
  case ENOENT:
    return ds_fail(err, DS_MISSING, "cannot %s %s: no such file", verb, name);
  case ENOSPC:
  case EDQUOT:
    return ds_fail(err, DS_FULL, "cannot %s %s: the disk is full", verb, name);
  case EFBIG:
    return ds_fail(err, DS_FULL, "cannot %s %s: the file would be too large", verb, name);
  case ENOMEM:
    return ds_fail(err, DS_MEMORY, "cannot %s %s: out of memory", verb, name);
  default:
    break;
  }
  const char *reason = reason_of(number);
  if (reason != NULL)
    return ds_fail(err, DS_IO, "cannot %s %s: %s", verb, name, reason);
  return ds_fail(err, DS_IO, "cannot %s %s: system error %d", verb, name, number);
}

static int flags_of(int flags) {
  const int both = DS_OPEN_READ | DS_OPEN_WRITE;
  int native = O_CLOEXEC;
  if ((flags & both) == both)
    native |= O_RDWR;
  else
    native |= (flags & DS_OPEN_WRITE) != 0 ? O_WRONLY : O_RDONLY;
  if ((flags & DS_OPEN_CREATE) != 0)
    native |= O_CREAT;
  if ((flags & DS_OPEN_EXCLUSIVE) != 0)
    native |= O_CREAT | O_EXCL;
  return native;
}

static int open_retrying(const char *path, int flags, bool is_private) {
  int descriptor;
  do
    descriptor = open(path, flags, is_private ? PRIVATE_MODE : FILE_MODE);
  while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

static ds_code posix_open(ds_io *io, const char *path, int flags, ds_file **ret_file,
                          ds_error *err) {
  (void)io;
  assert((flags & (DS_OPEN_READ | DS_OPEN_WRITE)) != 0);
  const char *name = last_component(path);
  const size_t name_size = strlen(name) + 1;
  posix_file *file = malloc(sizeof(*file) + name_size);
  if (file == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory to open %s", name);
  memcpy(file->name, name, name_size);
  file->mappings = NULL;
  file->descriptor = open_retrying(path, flags_of(flags), (flags & DS_OPEN_PRIVATE) != 0);
  if (file->descriptor < 0) {
    const int number = errno;
    free(file);
    const char *verb = (flags & DS_OPEN_WRITE) != 0 ? "write" : "read";
    return fail_errno(err, number, verb, name);
  }
  *ret_file = (ds_file *)file;
  return DS_OK;
}

static void posix_close(ds_io *io, ds_file *file) {
  (void)io;
  if (file == NULL)
    return;
  while (posix_of(file)->mappings != NULL) {
    posix_mapping *mapping = posix_of(file)->mappings;
    posix_of(file)->mappings = mapping->next;
    (void)munmap(mapping->start, mapping->size);
    free(mapping);
  }
  // What matters was synced, and synced failures were reported: close has nothing to add. It is
  // not repeated after EINTR, since Linux has released the descriptor by then.
  (void)close(posix_of(file)->descriptor);
  free(file);
}

static ds_code posix_read_at(ds_io *io, ds_file *file, uint64_t offset, void *data, size_t size,
                             ds_error *err) {
  (void)io;
  const posix_file *own = posix_of(file);
  for (size_t done = 0; done < size;) {
    const ssize_t count = pread(own->descriptor, (char *)data + done, size - done,
                                (off_t)(offset + done));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return fail_errno(err, errno, "read", own->name);
    if (count == 0)
      return ds_fail(err, DS_IO, "cannot read %s: it ends at byte %llu, before byte %llu",
                     own->name, (unsigned long long)(offset + done),
                     (unsigned long long)(offset + size));
    done += (size_t)count;
  }
  return DS_OK;
}

static ds_code posix_write_at(ds_io *io, ds_file *file, uint64_t offset, const void *data,
                              size_t size, ds_error *err) {
  (void)io;
  const posix_file *own = posix_of(file);
  for (size_t done = 0; done < size;) {
    const ssize_t count = pwrite(own->descriptor, (const char *)data + done, size - done,
                                 (off_t)(offset + done));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return fail_errno(err, errno, "write", own->name);
    if (count == 0)
      return ds_fail(err, DS_IO, "cannot write %s: the system takes no more bytes", own->name);
    done += (size_t)count;
  }
  return DS_OK;
}

static ds_code posix_size(ds_io *io, ds_file *file, uint64_t *ret_bytes, ds_error *err) {
  (void)io;
  struct stat status;
  if (fstat(posix_of(file)->descriptor, &status) != 0)
    return fail_errno(err, errno, "read", posix_of(file)->name);
  *ret_bytes = (uint64_t)status.st_size;
  return DS_OK;
}

static ds_code posix_truncate(ds_io *io, ds_file *file, uint64_t size, ds_error *err) {
  (void)io;
  int result;
  do
    result = ftruncate(posix_of(file)->descriptor, (off_t)size);
  while (result != 0 && errno == EINTR);
  return result == 0 ? DS_OK : fail_errno(err, errno, "write", posix_of(file)->name);
}

// Never repeated, not even after EINTR: after a failure the kernel may have dropped the pages, and
// a second call would succeed without them.
static ds_code posix_sync(ds_io *io, ds_file *file, ds_error *err) {
  (void)io;
  if (fdatasync(posix_of(file)->descriptor) != 0)
    return fail_errno(err, errno, "write", posix_of(file)->name);
  return DS_OK;
}

static ds_code posix_rename(ds_io *io, const char *from, const char *to, ds_error *err) {
  (void)io;
  if (rename(from, to) != 0)
    return fail_errno(err, errno, "rename", last_component(from));
  return DS_OK;
}

static ds_code posix_link(ds_io *io, const char *from, const char *to, ds_error *err) {
  (void)io;
  if (link(from, to) == 0)
    return DS_OK;
  if (errno == EXDEV || errno == EPERM || errno == EMLINK || errno == EOPNOTSUPP)
    return ds_fail(err, DS_UNSUPPORTED, "cannot link %s: the file system does not do that",
                   last_component(from));
  return fail_errno(err, errno, "link", last_component(from));
}

static ds_code posix_unlink(ds_io *io, const char *path, ds_error *err) {
  (void)io;
  if (unlink(path) != 0)
    return fail_errno(err, errno, "remove", last_component(path));
  return DS_OK;
}

static ds_code posix_sync_dir(ds_io *io, const char *path, ds_error *err) {
  (void)io;
  const int descriptor = open_retrying(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, false);
  if (descriptor < 0)
    return fail_errno(err, errno, "write", last_component(path));
  const int result = fsync(descriptor);
  const int number = errno;
  (void)close(descriptor);
  return result == 0 ? DS_OK : fail_errno(err, number, "write", last_component(path));
}

static ds_code posix_mkdir(ds_io *io, const char *path, ds_error *err) {
  (void)io;
  if (mkdir(path, DIRECTORY_MODE) == 0)
    return DS_OK;
  const int number = errno;
  struct stat status;
  if (number == EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
    return DS_OK;
  return fail_errno(err, number, "make the directory", last_component(path));
}

static ds_code posix_list(ds_io *io, const char *path,
                          ds_code (*each)(void *context, const char *name, ds_error *err),
                          void *context, ds_error *err) {
  (void)io;
  DIR *directory = opendir(path);
  if (directory == NULL)
    return fail_errno(err, errno, "read", last_component(path));
  ds_code code = DS_OK;
  while (code == DS_OK) {
    errno = 0;
    const struct dirent *entry = readdir(directory);
    if (entry == NULL) {
      if (errno != 0)
        code = fail_errno(err, errno, "read", last_component(path));
      break;
    }
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      code = each(context, entry->d_name, err);
  }
  (void)closedir(directory);
  return code;
}

static ds_code fail_busy(const posix_file *file, ds_error *err) {
  char holder[HOLDER_BYTES_MAX + 1];
  const ssize_t size = pread(file->descriptor, holder, HOLDER_BYTES_MAX, 0);
  holder[size > 0 ? size : 0] = '\0';
  const size_t digits = strspn(holder, "0123456789");
  if (digits == 0)
    return ds_fail(err, DS_BUSY, "%s is held by another process", file->name);
  return ds_fail(err, DS_BUSY, "%s is held by process %.*s", file->name, (int)digits, holder);
}

// flock and not fcntl: it belongs to the open file, so that two handles inside one process exclude
// each other too, and closing an unrelated handle does not release it.
static ds_code posix_lock(ds_io *io, ds_file *file, ds_error *err) {
  (void)io;
  const posix_file *own = posix_of(file);
  int result;
  do
    result = flock(own->descriptor, LOCK_EX | LOCK_NB);
  while (result != 0 && errno == EINTR);
  if (result != 0 && errno == EWOULDBLOCK)
    return fail_busy(own, err);
  if (result != 0)
    return fail_errno(err, errno, "lock", own->name);
  // The process id is a courtesy to the next taker: the lock holds without it.
  char holder[HOLDER_BYTES_MAX + 1];
  const int length = snprintf(holder, sizeof(holder), "%ld\n", (long)getpid());
  if (ftruncate(own->descriptor, 0) == 0)
    (void)!pwrite(own->descriptor, holder, (size_t)length, 0);
  return DS_OK;
}

static struct flock range_of(short type, uint64_t offset, uint64_t size) {
  return (struct flock){.l_type = type,
                        .l_whence = SEEK_SET,
                        .l_start = (off_t)offset,
                        .l_len = (off_t)size};
}

// Locks of the open file, not of the process, for the reasons of posix_lock. Other programs that
// lock records by fcntl see them, and theirs are seen.
static ds_code posix_hold(ds_io *io, ds_file *file, uint64_t offset, uint64_t size, ds_hold how,
                          ds_error *err) {
  (void)io;
  static const short types[] = {F_UNLCK, F_RDLCK, F_WRLCK};
  struct flock range = range_of(types[how], offset, size);
  int result;
  do
    result = fcntl(posix_of(file)->descriptor, F_OFD_SETLK, &range);
  while (result != 0 && errno == EINTR);
  if (result == 0)
    return DS_OK;
  if (errno == EAGAIN || errno == EACCES)
    return ds_fail(err, DS_BUSY, "%s is in use by another process", posix_of(file)->name);
  return fail_errno(err, errno, "lock", posix_of(file)->name);
}

static ds_code posix_is_held(ds_io *io, ds_file *file, uint64_t offset, uint64_t size,
                             bool *ret_held, ds_error *err) {
  (void)io;
  struct flock range = range_of(F_RDLCK, offset, size);
  if (fcntl(posix_of(file)->descriptor, F_OFD_GETLK, &range) != 0)
    return fail_errno(err, errno, "lock", posix_of(file)->name);
  *ret_held = range.l_type != F_UNLCK;
  return DS_OK;
}

// Maps bytes of a file that is long enough. A mapping starts at a page of the machine.
static ds_code map(posix_file *own, uint64_t offset, size_t size, void **ret_memory,
                   ds_error *err) {
  const size_t ahead = (size_t)(offset % (uint64_t)sysconf(_SC_PAGESIZE));
  posix_mapping *mapping = malloc(sizeof *mapping);
  if (mapping == NULL)
    return fail_errno(err, ENOMEM, "map", own->name);
  void *start = mmap(NULL, size + ahead, PROT_READ | PROT_WRITE, MAP_SHARED, own->descriptor,
                     (off_t)(offset - ahead));
  if (start == MAP_FAILED) {
    const int number = errno;
    free(mapping);
    return fail_errno(err, number, "map", own->name);
  }
  *mapping = (posix_mapping){own->mappings, start, size + ahead};
  own->mappings = mapping;
  *ret_memory = (char *)start + ahead;
  return DS_OK;
}

static ds_code posix_share(ds_io *io, ds_file *file, uint32_t region, uint32_t size, bool make,
                           void **ret_memory, ds_error *err) {
  (void)io;
  posix_file *own = posix_of(file);
  const uint64_t offset = (uint64_t)region * size;
  struct stat status;
  if (fstat(own->descriptor, &status) != 0)
    return fail_errno(err, errno, "read", own->name);
  if ((uint64_t)status.st_size < offset + size) {
    *ret_memory = NULL;
    if (!make)
      return DS_OK;
    // With blocks of its own: a full disk is told here, not by a signal at the first touch.
    const int number = posix_fallocate(own->descriptor, 0, (off_t)(offset + size));
    if (number != 0)
      return fail_errno(err, number, "write", own->name);
  }
  return map(own, offset, size, ret_memory, err);
}

static void posix_sleep_us(ds_io *io, uint32_t microseconds) {
  (void)io;
  const struct timespec time = {.tv_sec = microseconds / 1000000,
                                .tv_nsec = (long)(microseconds % 1000000) * 1000};
  (void)nanosleep(&time, NULL);
}

static int64_t posix_now_ms(ds_io *io) {
  (void)io;
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int64_t posix_monotonic_ns(ds_io *io) {
  (void)io;
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static ds_code posix_random(ds_io *io, void *data, size_t size, ds_error *err) {
  (void)io;
  for (size_t done = 0; done < size;) {
    const ssize_t count = getrandom((char *)data + done, size - done, 0);
    if (count < 0 && errno != EINTR)
      return fail_errno(err, errno, "read", "random bytes");
    if (count > 0)
      done += (size_t)count;
  }
  return DS_OK;
}

static const ds_io_ops posix_ops = {
    .open = posix_open,
    .close = posix_close,
    .read_at = posix_read_at,
    .write_at = posix_write_at,
    .size = posix_size,
    .truncate = posix_truncate,
    .sync = posix_sync,
    .rename = posix_rename,
    .link = posix_link,
    .unlink = posix_unlink,
    .sync_dir = posix_sync_dir,
    .mkdir = posix_mkdir,
    .list = posix_list,
    .lock = posix_lock,
    .hold = posix_hold,
    .is_held = posix_is_held,
    .share = posix_share,
    .now_ms = posix_now_ms,
    .monotonic_ns = posix_monotonic_ns,
    .sleep_us = posix_sleep_us,
    .random = posix_random,
};

ds_io *ds_io_posix(void) {
  static const ds_io posix = {.ops = &posix_ops};
  // Nobody writes through the table; the type is not const because the simulator has state.
  return (ds_io *)(uintptr_t)&posix;
}
