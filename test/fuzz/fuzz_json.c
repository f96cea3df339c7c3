// SPDX-License-Identifier: Apache-2.0
// Any bytes as a JSON or NDJSON file: the check that each such file passes refuses it with a line,
// or finds its columns; the same in pieces of any size that
// holds a byte-order mark, which the first byte tells.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/source_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct verdict {
  ds_code code;
  ds_error error;
  ds_source file;
  ds_buf sql; // of the columns found
} verdict;

static void check(const uint8_t *data, size_t size, size_t piece, ds_arena *arena,
                  verdict *verdict) {
  ds_json_check *check = malloc(sizeof *check);
  if (check == NULL)
    abort();
  verdict->file = (ds_source){.path = "a.json", .name = "a.json", .kind = DS_SOURCE_JSON};
  verdict->error = (ds_error){.message = ""};
  ds_buf_init(&verdict->sql, 1 << 24);
  verdict->code = ds_json_check_init(check, &verdict->file, &verdict->error);
  for (size_t at = 0; verdict->code == DS_OK && at < size; at += piece)
    verdict->code = ds_json_check_feed(check, data + at, size - at < piece ? size - at : piece,
                                       &verdict->error);
  if (verdict->code == DS_OK)
    verdict->code = ds_json_check_end(check, &verdict->file, arena, &verdict->error);
  ds_json_check_done(check);
  free(check);
  if (verdict->code == DS_OK) {
    ds_json_columns_sql(&verdict->file, &verdict->sql);
    ds_json_options_sql(&verdict->file, NULL, &verdict->sql);
  } else {
    assert(verdict->error.message[0] != '\0' && strchr(verdict->error.message, '\n') == NULL);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2 || size > 1 << 20)
    return 0;
  ds_arena arena;
  ds_arena_init(&arena, (size_t)1 << 28);
  verdict whole, pieces;
  check(data + 1, size - 1, size - 1, &arena, &whole);
  check(data + 1, size - 1, (size_t)data[0] + 3, &arena, &pieces);
  assert(whole.code == pieces.code);
  assert(strcmp(whole.error.message, pieces.error.message) == 0);
  assert(whole.sql.size == pieces.sql.size);
  assert(whole.sql.size == 0 || memcmp(whole.sql.data, pieces.sql.data, whole.sql.size) == 0);
  ds_buf_done(&whole.sql);
  ds_buf_done(&pieces.sql);
  ds_arena_done(&arena);
  return 0;
}
