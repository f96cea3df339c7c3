// SPDX-License-Identifier: Apache-2.0
// The target of a request. What is read is clean: UTF-8 without NUL, and no step out of the path.
#include <assert.h>
#include <stdint.h>

#include "server/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  ds_arena arena;
  ds_query query;
  ds_error err = {.code = DS_OK};
  ds_arena_init(&arena, (size_t)4 << 20);
  if (ds_query_parse((ds_str){(const char *)data, (uint32_t)size}, &arena, &query, &err) == DS_OK) {
    assert(query.path[0] == '/' && strstr(query.path, "/../") == NULL);
    assert(query.parameters_count <= DS_QUERY_PARAMETERS_MAX);
    for (uint32_t i = 0; i < query.parameters_count; i++)
      assert(ds_query_get(&query, query.parameters[i].name) != NULL);
  } else {
    assert(err.code != DS_OK && err.message[0] != '\0');
  }
  ds_arena_done(&arena);
  return 0;
}
