// SPDX-License-Identifier: Apache-2.0
// A file through a dry run of the import: it is taken, or one line says what is wrong.
#ifndef DS_TEST_DRY_RUN_H
#define DS_TEST_DRY_RUN_H

#include "ingest/import.h"

// The code of the import of the file at `path`, with its message in *err.
static inline ds_code dry_run_file(const char *path, uint32_t threads, ds_error *err) {
  const char *const files[] = {path};
  ds_import_options options;
  ds_import_options_init(&options);
  options.files = files;
  options.files_count = 1;
  options.dry_run = true;
  options.threads = threads;
  options.now_ms = 1790000000000;
  ds_arena arena;
  ds_arena_init(&arena, (size_t)1 << 28);
  ds_result result;
  *err = (ds_error){.message = ""};
  ds_result_init(&result, &arena, "import");
  const ds_code code = ds_import(NULL, &options, &arena, &result, err);
  ds_arena_done(&arena);
  return code;
}

#endif
