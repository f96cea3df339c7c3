// SPDX-License-Identifier: Apache-2.0
#include "long_run.h"

#include <stdlib.h>
#include <string.h>

bool long_run(void) {
  const char *wish = getenv("DS_STRESS");
  return wish != NULL && strcmp(wish, "1") == 0;
}

uint64_t long_run_stride(uint64_t usual) { return long_run() ? 1 : usual; }
