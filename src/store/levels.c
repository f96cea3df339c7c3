// SPDX-License-Identifier: Apache-2.0
#include "store/levels.h"

uint32_t ds_levels_runs(const ds_manifest *manifest, ds_run *runs) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < manifest->parts_count; i++) {
    const ds_part_info *info = &manifest->parts[i].info;
    if (i == 0 || info->customer_first <= manifest->parts[i - 1].info.customer_last)
      runs[count++] = (ds_run){.first = i};
    ds_run *run = &runs[count - 1];
    run->count++;
    run->events += info->events;
    run->bytes += info->bytes;
  }
  return count;
}

bool ds_levels_due(const ds_run *runs, uint32_t count, uint32_t *ret_first) {
  uint64_t newer = 0;
  bool due = false;
  for (uint32_t i = count; i-- > 0;) {
    if (newer > 0 && runs[i].events < DS_LEVEL_RATIO * newer) {
      *ret_first = i;
      due = true;
    }
    newer += runs[i].events;
  }
  return due;
}
