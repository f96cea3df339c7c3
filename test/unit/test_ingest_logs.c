// SPDX-License-Identifier: Apache-2.0
// Event logs that are damaged: cut at many places, bytes turned into others. A dry run of the
// import takes them or says in one line that they are bad; nothing else.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "dry_run.h"

#define FORMATS "test/golden/data/formats/"

typedef struct sample {
  char folder[64];
  uint8_t *data;
  size_t size;
  uint32_t taken;   // imports that succeeded
  uint32_t refused;
} sample;

static void sample_open(sample *s, const char *path) {
  *s = (sample){.folder = "/tmp/doorstep-logs-XXXXXX"};
  assert_non_null(mkdtemp(s->folder));
  char whole[160];
  if (path == NULL) { // an SQLite file is made, not kept
    char command[320];
    snprintf(command, sizeof command, "python3 " FORMATS "ocel.py " FORMATS "shop.jsonocel %s/shop",
             s->folder);
    assert_int_equal(system(command), 0);
  }
  snprintf(whole, sizeof whole, "%s%s", path == NULL ? s->folder : FORMATS,
           path == NULL ? "/shop.sqlite" : path);
  FILE *file = fopen(whole, "rb");
  assert_non_null(file);
  s->data = malloc(1 << 20);
  assert_non_null(s->data);
  s->size = fread(s->data, 1, 1 << 20, file);
  assert_true(s->size > 500 && s->size < 1 << 20);
  fclose(file);
}

static void sample_close(sample *s) {
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", s->folder);
  assert_int_equal(system(command), 0);
  free(s->data);
}

// Imports the first `size` bytes under `name`: all is well, or one line says what is not.
static void try(sample *s, const char *name, size_t size) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", s->folder, name);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(s->data, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
  ds_error err;
  const ds_code code = dry_run_file(path, 2, &err);
  s->taken += code == DS_OK;
  s->refused += code != DS_OK;
  if (code != DS_OK && code != DS_INPUT && code != DS_LIMIT && code != DS_UNSUPPORTED)
    fail_msg("%s, %zu bytes: %s", name, size, err.message);
  if (code != DS_OK)
    assert_true(err.message[0] != '\0' && strchr(err.message, '\n') == NULL);
}

static void cut_everywhere(const char *path, const char *name, size_t step) {
  sample s;
  sample_open(&s, path);
  for (size_t size = 1; size < s.size - 2; size += step)
    try(&s, name, size);
  // No piece of a log is a log.
  assert_int_equal(s.taken, 0);
  try(&s, name, s.size);
  assert_int_equal(s.taken, 1);
  sample_close(&s);
}

static void flip_everywhere(const char *path, const char *name, size_t step) {
  sample s;
  sample_open(&s, path);
  static const uint8_t flips[] = {0x01, 0x20, 0x80};
  for (size_t at = 0; at < s.size; at += step) {
    const uint8_t flip = flips[at / step % sizeof flips];
    s.data[at] ^= flip;
    try(&s, name, s.size);
    s.data[at] ^= flip;
  }
  assert_true(s.taken > 0 && s.refused > 0);
  sample_close(&s);
}

static void test_cut_xes(void **state) {
  (void)state;
  cut_everywhere("log.xes", "log.xes", 7);
}

static void test_cut_ocel_json(void **state) {
  (void)state;
  cut_everywhere("shop.jsonocel", "shop.jsonocel", 7);
}

static void test_cut_ocel_sqlite(void **state) {
  (void)state;
  cut_everywhere(NULL, "shop.sqlite", 1000);
}

static void test_flip_xes(void **state) {
  (void)state;
  flip_everywhere("log.xes", "log.xes", 5);
}

static void test_flip_ocel_json(void **state) {
  (void)state;
  flip_everywhere("shop.jsonocel", "shop.jsonocel", 5);
}

static void test_flip_ocel_sqlite(void **state) {
  (void)state;
  flip_everywhere(NULL, "shop.sqlite", 149);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cut_xes),      cmocka_unit_test(test_cut_ocel_json),
      cmocka_unit_test(test_cut_ocel_sqlite), cmocka_unit_test(test_flip_xes),
      cmocka_unit_test(test_flip_ocel_json),  cmocka_unit_test(test_flip_ocel_sqlite),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
