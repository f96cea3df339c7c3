// SPDX-License-Identifier: Apache-2.0
// Limits of memory as control groups state them, read below a folder that stands for the root.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/machine.h"

static char root[64];

static int set_up(void **state) {
  (void)state;
  snprintf(root, sizeof root, "%s", "/tmp/ds-machine-XXXXXX");
  return mkdtemp(root) == NULL ? -1 : 0;
}

static int tear_down(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -r '%s'", root);
  return system(command);
}

// A file below the root, with the folders that lead to it.
static void put(const char *path, const char *text) {
  char full[512];
  snprintf(full, sizeof full, "%s%s", root, path);
  for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++) {
    *at = '\0';
    assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
    *at = '/';
  }
  FILE *file = fopen(full, "w");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
}

static void test_none(void **state) {
  (void)state;
  assert_true(ds_machine_group_limit(root) == UINT64_MAX);
  put("/proc/self/cgroup", "no group\n0:\n0::/a\n");
  assert_true(ds_machine_group_limit(root) == UINT64_MAX);
  put("/sys/fs/cgroup/a/memory.max", "max\n");
  put("/sys/fs/cgroup/memory.max", "");
  assert_true(ds_machine_group_limit(root) == UINT64_MAX);
}

// The least of a group and of those above it.
static void test_version_2(void **state) {
  (void)state;
  put("/proc/self/cgroup", "0::/a/b\n");
  put("/sys/fs/cgroup/a/b/memory.max", "2000000000\n");
  assert_int_equal(ds_machine_group_limit(root), 2000000000);
  put("/sys/fs/cgroup/a/memory.max", "1000000000\n");
  assert_int_equal(ds_machine_group_limit(root), 1000000000);
  put("/sys/fs/cgroup/a/memory.max", "max\n");
  put("/sys/fs/cgroup/memory.max", "3000000000\n");
  assert_int_equal(ds_machine_group_limit(root), 2000000000);
}

// Controllers may be listed together; a container sees its own group as the root of all.
static void test_version_1(void **state) {
  (void)state;
  put("/proc/self/cgroup", "5:cpu,cpuacct:/docker/7\n4:pids,memory:/docker/7\n1:name=x:/y\n");
  put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "500000000\n");
  put("/sys/fs/cgroup/memory.max", "1\n");
  assert_int_equal(ds_machine_group_limit(root), 500000000);
}

// What a process allows itself counts, too, and there is a least budget.
static void test_budget(void **state) {
  (void)state;
  const size_t least = (size_t)128 << 20;
  assert_true(ds_machine_budget() >= least);
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    const struct rlimit own = {(rlim_t)200 << 20, (rlim_t)200 << 20};
    _exit(setrlimit(RLIMIT_AS, &own) == 0 && ds_machine_budget() == least ? 0 : 1);
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_none, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_version_2, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_version_1, set_up, tear_down),
      cmocka_unit_test(test_budget),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
