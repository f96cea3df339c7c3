// SPDX-License-Identifier: Apache-2.0
// Any bytes as a file through a dry run of the import (../dry_run.h); never a crash.
#ifndef DS_TEST_FUZZ_DRY_RUN_H
#define DS_TEST_FUZZ_DRY_RUN_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../dry_run.h"

// Where the file lies; readers of our own stream it from there.
static char dry_run_folder[] = "/tmp/doorstep-fuzz-XXXXXX";
static char dry_run_path[64];

static void dry_run_end(void) {
  unlink(dry_run_path);
  rmdir(dry_run_folder);
}

static void dry_run_write(const char *name, const uint8_t *data, size_t size) {
  if (dry_run_path[0] == '\0') {
    if (mkdtemp(dry_run_folder) == NULL)
      abort();
    snprintf(dry_run_path, sizeof dry_run_path, "%s/%s", dry_run_folder, name);
    atexit(dry_run_end);
  }
  FILE *file = fopen(dry_run_path, "wb");
  if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0)
    abort();
}

// `name` is the file's, always the same one in a process.
static int dry_run(const char *name, const uint8_t *data, size_t size) {
  dry_run_write(name, data, size);
  ds_error err;
  if (dry_run_file(dry_run_path, 1, &err) != DS_OK)
    assert(err.message[0] != '\0' && strchr(err.message, '\n') == NULL);
  return 0;
}

#endif
