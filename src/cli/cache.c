// SPDX-License-Identifier: Apache-2.0
// The folder of throw-away stores, $XDG_CACHE_HOME/doorstep/data: one folder a store, named by a
// hash of what it was made from. A store is made under another name, ending in ".new", and renamed
// when it is whole. Its folder's time of change is the time of its last use. At most STORES_MAX
// stores and BYTES_MAX bytes stay; whoever makes one removes the others used longest ago. A process
// that still reads a removed store has its files open and is not disturbed.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

enum { STORES_MAX = 16, DEPTH_MAX = 8, LISTED_MAX = 1024, HALF_MADE_S = 3600 };
static const uint64_t BYTES_MAX = (uint64_t)4 << 30;

static ds_code make_folder(const char *path, ds_error *err) {
  struct stat info;
  if ((mkdir(path, 0700) == 0 || errno == EEXIST) && stat(path, &info) == 0 &&
      S_ISDIR(info.st_mode))
    return DS_OK;
  return ds_fail(err, DS_IO, "--data keeps what it imports in %.300s, and that folder cannot be "
                 "made; XDG_CACHE_HOME may name another place", path);
}

ds_code cli_cache_folder(char *out, ds_error *err) {
  static const char *const below[] = {"", "/doorstep", "/data"};
  const char *cache = getenv("XDG_CACHE_HOME");
  const char *home = getenv("HOME");
  // The specification has a relative path ignored.
  const bool named = cache != NULL && cache[0] == '/';
  if (!named && (home == NULL || home[0] != '/'))
    return ds_fail(err, DS_MISSING, "--data keeps what it imports in the user's cache: set HOME or "
                   "XDG_CACHE_HOME");
  int size = snprintf(out, CLI_CACHE_BYTES, "%s%s", named ? cache : home, named ? "" : "/.cache");
  for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
    if (size < 0 || (size_t)size + 16 >= CLI_CACHE_BYTES)
      return ds_fail(err, DS_LIMIT, "the path of the user's cache is too long");
    size += snprintf(out + size, CLI_CACHE_BYTES - (size_t)size, "%s", below[i]);
    TRY(make_folder(out, err));
  }
  return DS_OK;
}

// Walks a folder; with `gone` all in it and itself is removed. Returns the bytes of its files.
static uint64_t walk(int above, const char *name, bool gone, uint32_t depth) {
  uint64_t bytes = 0;
  const int folder = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *list = folder >= 0 ? fdopendir(folder) : NULL;
  if (list == NULL) {
    if (folder >= 0)
      close(folder);
    return 0;
  }
  for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
    struct stat info;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
        fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    if (S_ISDIR(info.st_mode) && depth < DEPTH_MAX)
      bytes += walk(folder, entry->d_name, gone, depth + 1);
    else
      bytes += (uint64_t)info.st_size;
    if (gone && !S_ISDIR(info.st_mode))
      unlinkat(folder, entry->d_name, 0);
  }
  closedir(list);
  if (gone)
    unlinkat(above, name, AT_REMOVEDIR);
  return bytes;
}

void cli_cache_remove(const char *path) { walk(AT_FDCWD, path, true, 0); }

// One store in the cache.
typedef struct cached {
  char name[64];
  struct timespec used;
  uint64_t bytes;
} cached;

// Used last stands first.
static int by_use(const void *a, const void *b) {
  const struct timespec *x = &((const cached *)a)->used, *y = &((const cached *)b)->used;
  if (x->tv_sec != y->tv_sec)
    return x->tv_sec > y->tv_sec ? -1 : 1;
  return (x->tv_nsec < y->tv_nsec) - (x->tv_nsec > y->tv_nsec);
}

// Whether no process makes the store any more: it was begun long ago and its lock is free.
static bool is_abandoned(const char *folder, const char *name, const struct stat *info) {
  struct timespec now;
  char lock[DS_PATH_BYTES_MAX + 64];
  if (clock_gettime(CLOCK_REALTIME, &now) != 0 || now.tv_sec - info->st_mtim.tv_sec < HALF_MADE_S)
    return false;
  snprintf(lock, sizeof lock, "%s/%s/LOCK", folder, name);
  const int file = open(lock, O_RDONLY | O_CLOEXEC);
  const bool held = file >= 0 && flock(file, LOCK_EX | LOCK_NB) != 0;
  if (file >= 0)
    close(file);
  return !held;
}

static bool ends_in_new(const char *name) {
  const size_t size = strlen(name);
  return size > 4 && strcmp(name + size - 4, ".new") == 0;
}

static uint32_t list_stores(const char *folder, cached *stores) {
  uint32_t count = 0;
  DIR *list = opendir(folder);
  for (struct dirent *entry = list == NULL ? NULL : readdir(list);
       entry != NULL && count < LISTED_MAX; entry = readdir(list)) {
    struct stat info;
    if (entry->d_name[0] == '.' || strlen(entry->d_name) >= sizeof stores->name ||
        fstatat(dirfd(list), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISDIR(info.st_mode))
      continue;
    if (ends_in_new(entry->d_name)) {
      if (is_abandoned(folder, entry->d_name, &info))
        walk(dirfd(list), entry->d_name, true, 0);
      continue;
    }
    cached *store = &stores[count++];
    memcpy(store->name, entry->d_name, strlen(entry->d_name) + 1);
    store->used = info.st_mtim;
    store->bytes = walk(dirfd(list), entry->d_name, false, 0);
  }
  if (list != NULL)
    closedir(list);
  return count;
}

void cli_cache_tidy(const char *folder, const char *name) {
  char path[DS_PATH_BYTES_MAX + 64];
  cached *stores = (cached *)calloc(LISTED_MAX, sizeof *stores);
  if (stores == NULL)
    return;
  const uint32_t count = list_stores(folder, stores);
  qsort(stores, count, sizeof *stores, by_use);
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < count; i++) {
    bytes += stores[i].bytes;
    if ((i < STORES_MAX && bytes <= BYTES_MAX) || strcmp(stores[i].name, name) == 0)
      continue;
    snprintf(path, sizeof path, "%s/%s", folder, stores[i].name);
    cli_cache_remove(path);
  }
  free(stores);
}
