// SPDX-License-Identifier: Apache-2.0
// The manifest's text form: round trips, truncation, flips, newer versions, contradictions; and the
// records that change it.
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/record.h"

static void ok(ds_code code) { assert_int_equal(code, DS_OK); }

static ds_part_info part_of(uint64_t number) {
  return (ds_part_info){.number = number,
                        .bytes = 1000 + number,
                        .checksum = UINT64_MAX - number,
                        .events = 7,
                        .customers = 3,
                        .blocks = 1,
                        .customer_first = 5,
                        .customer_last = UINT32_MAX,
                        .time_min_ms = -9,
                        .time_max_ms = 1600000000000};
}

static void fill(ds_manifest *manifest) {
  ds_manifest_init(manifest);
  const ds_import_info import = {.id = 1,
                                 .when_ms = -5,
                                 .mapping = "a\tb\\n",
                                 .files = "x.csv\ny\r.csv",
                                 .fingerprint = UINT64_MAX,
                                 .rows = 9,
                                 .events = 8,
                                 .duplicates = 1,
                                 .rejected = 2,
                                 .personal_sealed = 3};
  const ds_import_info second = {.id = 2, .mapping = "", .files = "", .undone = true};
  ok(ds_manifest_add_import(manifest, &import, NULL));
  ok(ds_manifest_add_import(manifest, &second, NULL));
  const ds_part_info parts[] = {part_of(4), part_of(2)};
  ok(ds_manifest_add_part(manifest, &parts[0], 1, NULL));
  ok(ds_manifest_add_part(manifest, &parts[1], 0, NULL));
  ok(ds_manifest_add_type(manifest, "order placed", "value", DS_TYPE_NUMBER, NULL));
  ok(ds_manifest_add_type(manifest, "order placed", "value", DS_TYPE_STRING, NULL));
  ok(ds_manifest_add_type(manifest, "t", "due", DS_TYPE_DATE, NULL));
  manifest->store = UINT64_MAX;
  manifest->next_arrival = 77;
  manifest->sealed_seq = 12;
  manifest->logs[0] = (ds_manifest_log){1, 13};
  manifest->logs[1] = (ds_manifest_log){3, UINT64_MAX};
  manifest->logs_count = 2;
  manifest->next_log = 4;
  manifest->work = (ds_manifest_work){1, 2, 3, 4, UINT64_MAX};
  manifest->retention = (ds_manifest_retention){-7, 8, 9};
}

static void print(const ds_manifest *manifest, ds_buf *out) {
  uint64_t checksum;
  ds_buf_init(out, 1u << 20);
  ok(ds_manifest_print(manifest, out, &checksum, NULL));
}

static void test_round_trip(void **state) {
  (void)state;
  ds_manifest manifest, read, copy;
  fill(&manifest);
  assert_int_equal(manifest.types_count, 2); // The first type of a property stays.
  ds_buf text, again, copied;
  print(&manifest, &text);
  ok(ds_manifest_parse((const char *)text.data, text.size, &read, NULL));
  assert_string_equal(read.imports[0].mapping, "a\tb\\n");
  assert_string_equal(read.imports[0].files, "x.csv\ny\r.csv");
  assert_true(read.imports[1].undone);
  assert_int_equal(read.next_part, 5);
  assert_int_equal(read.next_import, 3);
  print(&read, &again);
  ok(ds_manifest_copy(&read, &copy, NULL));
  print(&copy, &copied);
  assert_int_equal(again.size, text.size);
  assert_memory_equal(again.data, text.data, text.size);
  assert_int_equal(copied.size, text.size);
  assert_memory_equal(copied.data, text.data, text.size);
  ds_buf_done(&text);
  ds_buf_done(&again);
  ds_buf_done(&copied);
  ds_manifest_done(&manifest);
  ds_manifest_done(&read);
  ds_manifest_done(&copy);
}

static void test_cut_and_flip_everywhere(void **state) {
  (void)state;
  ds_manifest manifest, read;
  fill(&manifest);
  ds_buf text;
  print(&manifest, &text);
  for (size_t size = 0; size < text.size; size++)
    assert_int_equal(ds_manifest_parse((const char *)text.data, size, &read, NULL), DS_CORRUPT);
  for (size_t bit = 0; bit < text.size * 8; bit++) {
    text.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    assert_int_equal(ds_manifest_parse((const char *)text.data, text.size, &read, NULL),
                     DS_CORRUPT);
    text.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
  ds_buf_done(&text);
  ds_manifest_done(&manifest);
}

// Parses a body with the end line that fits it.
static ds_code parse_body(const char *body, ds_error *err) {
  char text[2048];
  const int length = snprintf(text, sizeof text, "%send\t%016" PRIx64 "\n", body,
                              (uint64_t)XXH3_64bits(body, strlen(body)));
  ds_manifest manifest;
  const ds_code code = ds_manifest_parse(text, (size_t)length, &manifest, err);
  if (code == DS_OK)
    ds_manifest_done(&manifest);
  return code;
}

#define HEAD "doorstep-manifest\t2\t2\nstore\t5\n"
#define STATE "state\t1\t9\t9\t9\t9\t9\n"
#define LOG "log\t2\t4\n"
#define PART "part\t3\t1\t1\t1\t1\t1\t5\t6\t7\t8\t0\n"
#define IMPORT "import\t4\t1\tm\tf\t1\t1\t1\t1\t1\t1\t0\n"

static void test_contradictions(void **state) {
  (void)state;
  ok(parse_body(HEAD STATE LOG PART IMPORT, NULL));
  ok(parse_body(HEAD STATE LOG "log\t3\t5\nlog\t4\t6\nlog\t5\t7\n", NULL));
  static const char *const bad[] = {
      HEAD,
      HEAD STATE,
      "doorstep-manifest\t2\t2\n" STATE LOG,
      "doorstep-manifest\t2\t2\nstore\t0\n" STATE LOG,
      HEAD "store\t6\n" STATE LOG,
      "manifest\t2\t2\nstore\t5\n" STATE LOG,
      HEAD "what\t1\n" STATE LOG,
      HEAD STATE "log\t9\t4\n",  // not below the next
      HEAD STATE "log\t2\t11\n", // a gap of seqs
      HEAD STATE "log\t0\t1\n",
      HEAD STATE LOG LOG,
      HEAD STATE LOG "log\t3\t4\n", // the seqs of logs ascend, and their numbers
      HEAD STATE LOG "log\t1\t5\n",
      HEAD STATE LOG "log\t9\t5\n",
      HEAD STATE LOG "log\t3\t5\nlog\t4\t6\nlog\t5\t7\nlog\t6\t8\n", // too many
      HEAD STATE LOG "work\t1\t1\t1\t1\n",
      HEAD STATE LOG "work\t1\t1\t1\t1\tx\n",
      HEAD STATE LOG "retention\t1\t1\n",
      HEAD STATE LOG STATE,
      HEAD STATE LOG "work\t1\t1\t1\t1\t1\nwork\t1\t1\t1\t1\t1\n",
      HEAD STATE LOG "retention\t1\t1\t1\nretention\t1\t1\t1\n",
      HEAD STATE LOG PART PART,
      HEAD STATE LOG "part\t9\t1\t1\t1\t1\t1\t5\t6\t7\t8\t0\n",
      HEAD STATE LOG "part\t3\t1\t1\t1\t1\t1\t6\t5\t7\t8\t0\n",
      HEAD STATE LOG "part\t3\t1\t1\t1\t1\t1\t5\t6\t9\t8\t0\n",
      HEAD STATE LOG "part\t3\t1\t1\t1\t1\t4294967296\t5\t6\t7\t8\t0\n",
      HEAD STATE LOG "part\t3\t1\t1\t1\t1\t1\t5\t6\t7\t8\n",
      HEAD STATE LOG IMPORT IMPORT,
      HEAD STATE LOG "import\t4\t1\tm\\x\tf\t1\t1\t1\t1\t1\t1\t0\n",
      HEAD STATE LOG "import\t4\t1\tm\\\tf\t1\t1\t1\t1\t1\t1\t0\n",
      HEAD STATE LOG "import\t4\t1\tm\tf\t1\t1\t1\t1\t1\t1\t2\n",
      HEAD STATE LOG "type\ta\tb\tcolour\n",
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ds_error err;
    assert_int_equal(parse_body(bad[i], &err), DS_CORRUPT);
    assert_non_null(strstr(err.message, "MANIFEST, line "));
  }
}

static void test_newer_version(void **state) {
  (void)state;
  ds_error err;
  assert_int_equal(parse_body("doorstep-manifest\t4\t3\n" STATE LOG, &err), DS_VERSION);
  assert_string_equal(err.message, "this store was written by a newer doorstep (format 4, this "
                                   "program reads 2): upgrade the program");
  // Of a newer program that says this one can read it: unknown lines are skipped.
  ok(parse_body("doorstep-manifest\t4\t2\nstore\t5\n" STATE LOG "what\t1\n", NULL));
}

static void test_older_version(void **state) {
  (void)state;
  ds_error err;
  assert_int_equal(parse_body("doorstep-manifest\t1\t1\n" STATE LOG, &err), DS_VERSION);
  assert_non_null(strstr(err.message, "before its first release (format 1): import"));
}

static void test_records(void **state) {
  (void)state;
  ds_manifest manifest;
  fill(&manifest);
  const ds_part_info parts[] = {part_of(6), part_of(7)};
  const ds_import_info info = {.id = 3, .mapping = "m", .files = "f\ng", .events = 5};
  ds_buf record;
  ds_buf_init(&record, 1u << 16);
  ds_log_begin(&record, DS_LOG_IMPORT);
  ds_record_import(&record, &info, 90, parts, 2);
  const size_t head = DS_LOG_RECORD_BYTES + 1;
  for (size_t size = head; size < record.size; size++) {
    ds_manifest cut;
    ok(ds_manifest_copy(&manifest, &cut, NULL));
    ds_reader in = ds_reader_of(record.data + head, size - head);
    assert_int_equal(ds_record_apply_import(&in, &cut, NULL), DS_CORRUPT);
    ds_manifest_done(&cut);
  }
  ds_reader in = ds_reader_of(record.data + head, record.size - head);
  ok(ds_record_apply_import(&in, &manifest, NULL));
  assert_int_equal(manifest.next_part, 8);
  assert_int_equal(manifest.next_arrival, 90);
  assert_int_equal(manifest.parts[3].import, 3);
  assert_string_equal(manifest.imports[2].files, "f\ng");
  in = ds_reader_of(record.data + head, record.size - head);
  assert_int_equal(ds_record_apply_import(&in, &manifest, NULL), DS_CORRUPT); // Not twice.
  // Numbers that leave none for the next.
  ds_part_info part = part_of(9);
  ds_import_info last = {.id = UINT32_MAX, .mapping = "m", .files = "f"};
  for (int wrong = 0; wrong < 4; wrong++) {
    last.id = wrong == 0 ? UINT32_MAX : 4;
    part.number = wrong == 2 ? UINT64_MAX : 9;
    ds_log_begin(&record, DS_LOG_IMPORT);
    ds_record_import(&record, &last, wrong == 1 ? UINT64_MAX : 91, &part, 1);
    in = ds_reader_of(record.data + head, record.size - head);
    ds_manifest next;
    ok(ds_manifest_copy(&manifest, &next, NULL));
    assert_int_equal(ds_record_apply_import(&in, &next, NULL), wrong < 3 ? DS_CORRUPT : DS_OK);
    ds_manifest_done(&next);
  }
  const uint64_t removed[] = {7, 4};
  const ds_manifest_part added = {part_of(8), 0};
  ds_log_begin(&record, DS_LOG_UNDO);
  ds_record_undo(&record, 3, removed, 2, &added, 1);
  in = ds_reader_of(record.data + head, record.size - head);
  ok(ds_record_apply_undo(&in, &manifest, NULL));
  assert_int_equal(manifest.parts_count, 3);
  assert_true(ds_manifest_import(&manifest, 3)->undone);
  assert_int_equal(ds_manifest_part_index(&manifest, 7), DS_NONE);
  assert_int_equal(ds_manifest_part_index(&manifest, 8), 2);
  in = ds_reader_of(record.data + head, record.size - head);
  assert_int_equal(ds_record_apply_undo(&in, &manifest, NULL), DS_CORRUPT);
  ds_buf_done(&record);
  ds_manifest_done(&manifest);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_cut_and_flip_everywhere),
      cmocka_unit_test(test_contradictions), cmocka_unit_test(test_newer_version),
      cmocka_unit_test(test_older_version),  cmocka_unit_test(test_records),
  };
  return cmocka_run_group_tests_name("store manifest", tests, NULL, NULL);
}
