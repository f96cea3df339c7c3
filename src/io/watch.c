// SPDX-License-Identifier: Apache-2.0
#include "io/watch.h"

#include <stdlib.h>
#ifdef __linux__
#include <sys/inotify.h>
#include <unistd.h>
#endif

struct ds_watch {
  int fd;
  bool told; // the first yes
};

#ifdef __linux__

ds_watch *ds_watch_new(const char *const *folders, uint32_t count) {
  const uint32_t mask = IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                        IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  ds_watch *watch = (ds_watch *)calloc(1, sizeof *watch);
  if (watch == NULL)
    return NULL;
  watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  bool watched = watch->fd >= 0;
  for (uint32_t f = 0; watched && f < count; f++)
    watched = inotify_add_watch(watch->fd, folders[f], mask) >= 0;
  if (watched)
    return watch;
  ds_watch_free(watch);
  return NULL;
}

void ds_watch_free(ds_watch *watch) {
  if (watch != NULL && watch->fd >= 0)
    (void)close(watch->fd);
  free(watch);
}

bool ds_watch_stirred(ds_watch *watch) {
  // Events are only counted, so what they say does not matter; a queue that was too long says so
  // by an event of its own.
  char events[4096];
  if (watch == NULL || !watch->told) {
    if (watch != NULL)
      watch->told = true;
    return true;
  }
  bool any = false;
  while (read(watch->fd, events, sizeof events) > 0)
    any = true;
  return any;
}

#else

ds_watch *ds_watch_new(const char *const *folders, uint32_t count) {
  (void)folders, (void)count;
  return NULL;
}

void ds_watch_free(ds_watch *watch) { free(watch); }

bool ds_watch_stirred(ds_watch *watch) {
  (void)watch;
  return true;
}

#endif
