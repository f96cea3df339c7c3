// SPDX-License-Identifier: Apache-2.0
// Any text as an event filter: refused with a position, or read; never a crash.
#include <assert.h>

#include "lang/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(ds_names *names, const char *text) {
  uint32_t index;
  (void)!ds_names_add(names, ds_str_of(text), &index, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 1u << 20)
    return 0;
  ds_space space;
  ds_space_init(&space);
  add(&space.touchpoints, "delivered");
  add(&space.properties, "value");
  add(&space.keys, "order_id");
  add(&space.sources, "s");
  ds_arena arena;
  ds_arena_init(&arena, 1u << 24);
  const ds_filter *filter = NULL;
  ds_error err = {0};
  const ds_str text = {(const char *)data, (uint32_t)size};
  if (ds_filter_parse(text, &space, &arena, &filter, &err) == DS_OK) {
    ds_buf sql;
    ds_buf_init(&sql, 1u << 24);
    (void)!ds_filter_sql(filter, &sql, NULL);
    ds_buf_done(&sql);
  } else {
    assert(err.message[0] != '\0');
  }
  ds_arena_done(&arena);
  ds_space_done(&space);
  return 0;
}
