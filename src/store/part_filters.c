// SPDX-License-Identifier: Apache-2.0
#include "store/part_filters.h"

#include <stdlib.h>

#include "store/subjects.h"

static ds_code fill(const ds_part *part, uint32_t block, ds_block_reader *reader,
                    ds_id_filter *filter, ds_error *err) {
  ds_block ids;
  const uint64_t *hashes;
  TRY(ds_part_block_hashes(part, block, DS_WANT_ID, reader, &ids, &hashes, err));
  for (uint32_t j = 0; j < ids.journeys; j++)
    for (uint32_t e = ids.offset[j]; e < ids.offset[j + 1]; e++)
      ds_id_filter_add(filter, ds_id_filter_key(hashes[j], ids.id[e]));
  return DS_OK;
}

ds_code ds_part_filter_make(const ds_part *part, uint32_t block, ds_block_reader *reader,
                            ds_id_filter *filter, ds_error *err) {
  ds_id_filter made;
  if (!ds_id_filter_init(&made, ds_part_zone(part, block)->events))
    return ds_fail(err, DS_MEMORY, "out of memory for what the store knows");
  const ds_code code = fill(part, block, reader, &made, err);
  if (code != DS_OK)
    ds_id_filter_done(&made);
  else
    *filter = made;
  return code;
}

ds_part_filters ds_part_filters_make(const ds_part *part, size_t *bytes_left) {
  const ds_part_info *info = ds_part_get_info(part);
  ds_part_filters all = {.part = info->number, .blocks = info->blocks};
  ds_block_reader *reader = ds_block_reader_new();
  if (reader != NULL)
    all.filter = calloc(info->blocks, sizeof *all.filter);
  ds_code code = all.filter == NULL ? DS_MEMORY : DS_OK;
  for (uint32_t b = 0; b < info->blocks && code == DS_OK; b++) {
    const size_t bytes = ds_id_filter_bytes(ds_part_zone(part, b)->events);
    if (bytes > *bytes_left)
      break;
    ds_error unheard;
    code = ds_part_filter_make(part, b, reader, &all.filter[b], &unheard);
    *bytes_left -= code == DS_OK ? bytes : 0;
  }
  ds_block_reader_free(reader);
  return all;
}

void ds_part_filters_done(ds_part_filters *filters) {
  if (filters == NULL)
    return;
  for (uint32_t b = 0; b < filters->blocks && filters->filter != NULL; b++)
    ds_id_filter_done(&filters->filter[b]);
  free(filters->filter);
  *filters = (ds_part_filters){.filter = NULL};
}
