// SPDX-License-Identifier: Apache-2.0
// See machine.h. What cannot be read states no limit.
#include "io/machine.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/limits.h"

#define BUDGET_MIN ((size_t)128 << 20)

// One version of control groups: where it is mounted, and the file that states the limit.
typedef struct group_version {
  const char *controller; // as /proc/self/cgroup names it
  const char *mount;
  const char *file;
} group_version;

static const group_version versions[] = {
    {"", "/sys/fs/cgroup", "memory.max"},
    {"memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
};

// The limit that a file states: a number of bytes, or "max".
static uint64_t limit_in(const char *path) {
  char text[32] = "";
  FILE *file = fopen(path, "rbe");
  if (file == NULL)
    return UINT64_MAX;
  const bool read = fgets(text, sizeof text, file) != NULL;
  (void)fclose(file);
  char *end = text;
  const unsigned long long bytes = read ? strtoull(text, &end, 10) : 0;
  return end == text || bytes == 0 ? UINT64_MAX : bytes;
}

// The least of a group and of those above it. A container may see its own group as the root of all
// while the name is the machine's, so that only the last file is there.
static uint64_t limit_of(const char *root, const group_version *version, const char *group) {
  char path[2 * DS_PATH_BYTES_MAX];
  char name[DS_PATH_BYTES_MAX];
  uint64_t least = UINT64_MAX;
  (void)snprintf(name, sizeof name, "%s", group);
  for (;;) {
    (void)snprintf(path, sizeof path, "%s%s%s/%s", root, version->mount, name, version->file);
    const uint64_t limit = limit_in(path);
    least = limit < least ? limit : least;
    char *slash = strrchr(name, '/');
    if (slash == NULL)
      return least;
    *slash = '\0';
  }
}

// Whether a list, divided by commas, names the controller; an empty list names version 2.
static bool is_listed(const char *list, const char *controller) {
  const size_t size = strlen(controller);
  for (const char *at = list; at != NULL; at = strchr(at, ',')) {
    at += *at == ',';
    if (strncmp(at, controller, size) == 0 && (at[size] == '\0' || at[size] == ','))
      return true;
  }
  return false;
}

uint64_t ds_machine_group_limit(const char *root) {
  char line[DS_PATH_BYTES_MAX];
  (void)snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
  uint64_t least = UINT64_MAX;
  FILE *file = fopen(line, "rbe");
  // "4:memory,pids:/a/b": the hierarchy's number, its controllers, the group.
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    char *list = strchr(line, ':');
    char *group = list == NULL ? NULL : strchr(list + 1, ':');
    if (group == NULL)
      continue;
    *group++ = '\0';
    for (size_t v = 0; v < sizeof versions / sizeof *versions; v++) {
      const uint64_t limit = is_listed(list + 1, versions[v].controller)
                                 ? limit_of(root, &versions[v], group)
                                 : UINT64_MAX;
      least = limit < least ? limit : least;
    }
  }
  if (file != NULL)
    (void)fclose(file);
  return least;
}

size_t ds_machine_budget(void) {
  const long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
  uint64_t bytes = pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0;
  const uint64_t group = ds_machine_group_limit("");
  struct rlimit own;
  bytes = group < bytes ? group : bytes;
  if (getrlimit(RLIMIT_AS, &own) == 0 && own.rlim_cur != RLIM_INFINITY && own.rlim_cur < bytes)
    bytes = own.rlim_cur;
  return bytes / 4 > BUDGET_MIN ? (size_t)(bytes / 4) : BUDGET_MIN;
}
