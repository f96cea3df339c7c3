// SPDX-License-Identifier: Apache-2.0
// Any bytes as a file of an event log through a dry run of the import: it is taken, or one line
// says what is wrong; never a crash.
#ifndef DS_TEST_FUZZ_DRY_RUN_H
#define DS_TEST_FUZZ_DRY_RUN_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/import.h"

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
  const char *const files[] = {dry_run_path};
  ds_import_options options;
  ds_import_options_init(&options);
  options.files = files;
  options.files_count = 1;
  options.dry_run = true;
  options.threads = 1;
  options.now_ms = 1790000000000;
  ds_arena arena;
  ds_arena_init(&arena, (size_t)1 << 28);
  ds_result result;
  ds_error err = {.message = ""};
  ds_result_init(&result, &arena, "import");
  if (ds_import(NULL, &options, &arena, &result, &err) != DS_OK)
    assert(err.message[0] != '\0' && strchr(err.message, '\n') == NULL);
  ds_arena_done(&arena);
  return 0;
}

#endif
