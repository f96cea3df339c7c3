// SPDX-License-Identifier: Apache-2.0
// Any bytes as an event log, OCEL 2.0 in SQLite.
#include "dry_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  return dry_run("log.sqlite", data, size);
}
