// SPDX-License-Identifier: Apache-2.0
// The event row codec and the table of names; the invariants cited are those of event.c.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <math.h>
#include <stdlib.h>

#include "base/limits.h"
#include "model/event_fold.h"
#include "model/time.h"

// A space of a few names, an event that uses them, and room to decode into.
typedef struct fixture {
  ds_space space;
  ds_event_key keys[DS_EVENT_KEYS_MAX];
  ds_event_property properties[DS_EVENT_PROPERTIES_MAX];
  ds_event event;
  ds_event_key decoded_keys[DS_EVENT_KEYS_MAX];
  ds_event_property decoded_properties[DS_EVENT_PROPERTIES_MAX];
  ds_event decoded;
} fixture;

static void name_add(ds_names *names, const char *text) {
  uint32_t index;
  assert_int_equal(ds_names_add(names, ds_str_of(text), &index, NULL), DS_OK);
}

static void fixture_names(fixture *f) {
  ds_space_init(&f->space);
  name_add(&f->space.touchpoints, "order_placed");
  name_add(&f->space.touchpoints, "delivered");
  name_add(&f->space.sources, "shop.csv");
  name_add(&f->space.keys, "order_id");
  name_add(&f->space.keys, "parcel_id");
  for (const char *const *name = (const char *const[]){"value", "carrier", "gift", "edd", "day",
                                                       "wait", NULL};
       *name != NULL; name++)
    name_add(&f->space.properties, *name);
}

static fixture *fixture_new(void) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  fixture_names(f);
  f->keys[0] = (ds_event_key){0, ds_str_of("O-1")};
  f->keys[1] = (ds_event_key){1, ds_str_of("P-77")};
  f->properties[0] = (ds_event_property){0, false, {.type = DS_TYPE_NUMBER, .number = 12.5}};
  f->properties[1] =
      (ds_event_property){1, false, {.type = DS_TYPE_STRING, .text = ds_str_of("GLS")}};
  f->properties[2] = (ds_event_property){2, false, {.type = DS_TYPE_BOOL, .i = 1}};
  f->properties[3] = (ds_event_property){3, false, {.type = DS_TYPE_TIME, .i = 1500000000000}};
  f->properties[4] = (ds_event_property){4, false, {.type = DS_TYPE_DATE, .i = 17000}};
  f->properties[5] = (ds_event_property){5, false, {.type = DS_TYPE_DURATION, .i = -90}};
  f->event = (ds_event){.touchpoint = 1, .import = 7, .has_received = true, .has_id = true,
                        .time_ms = 1500000000123, .received_ms = 1500000000999,
                        .id = 0x1122334455667788, .arrival = 42,
                        .subject = ds_str_of("customer_id=C17"), .keys_count = 2,
                        .properties_count = 6, .keys = f->keys, .properties = f->properties};
  f->decoded.keys = f->decoded_keys;
  f->decoded.properties = f->decoded_properties;
  return f;
}

static void fixture_free(fixture *f) {
  ds_space_done(&f->space);
  free(f);
}

static void assert_same_value(const ds_value *a, const ds_value *b) {
  assert_int_equal(a->type, b->type);
  if (a->type == DS_TYPE_STRING)
    assert_true(ds_str_equal(a->text, b->text));
  else
    assert_int_equal(a->i, b->i);
}

static void assert_same_event(const ds_event *a, const ds_event *b) {
  assert_int_equal(a->touchpoint, b->touchpoint);
  assert_int_equal(a->source, b->source);
  assert_int_equal(a->import, b->import);
  assert_int_equal(a->time_ms, b->time_ms);
  assert_int_equal(a->has_received, b->has_received);
  assert_int_equal(a->has_id, b->has_id);
  assert_int_equal(a->arrival, b->arrival);
  assert_true(ds_str_equal(a->subject, b->subject));
  assert_int_equal(a->keys_count, b->keys_count);
  for (uint32_t i = 0; i < a->keys_count; i++) {
    assert_int_equal(a->keys[i].name, b->keys[i].name);
    assert_true(ds_str_equal(a->keys[i].text, b->keys[i].text));
  }
  assert_int_equal(a->properties_count, b->properties_count);
  for (uint32_t i = 0; i < a->properties_count; i++) {
    assert_int_equal(a->properties[i].name, b->properties[i].name);
    assert_same_value(&a->properties[i].value, &b->properties[i].value);
  }
}

static void test_round_trip(void **state) {
  (void)state;
  fixture *f = fixture_new();
  ds_buf out;
  size_t size = 0;
  ds_buf_init(&out, 1 << 20);
  assert_int_equal(ds_event_encode(&f->event, &out, NULL), DS_OK);
  f->event.has_id = f->event.has_received = false;
  assert_int_equal(ds_event_encode(&f->event, &out, NULL), DS_OK);
  assert_int_equal(ds_event_decode(out.data, out.size, &f->space, &f->decoded, &size, NULL), DS_OK);
  assert_int_equal(f->decoded.id, 0x1122334455667788);
  assert_int_equal(f->decoded.received_ms, 1500000000999);
  f->event.has_id = f->event.has_received = true;
  assert_same_event(&f->event, &f->decoded);
  const size_t first = size;
  assert_int_equal(ds_event_decode(out.data + first, out.size - first, &f->space, &f->decoded,
                                   &size, NULL),
                   DS_OK);
  assert_int_equal(first + size, out.size);
  assert_int_equal(f->decoded.received_ms, f->decoded.time_ms);
  f->event.has_id = f->event.has_received = false;
  assert_same_event(&f->event, &f->decoded);
  ds_row head;
  ds_row_open(out.data, &head);
  assert_int_equal(head.size, first);
  assert_int_equal(head.touchpoint, 1);
  assert_int_equal(head.time_ms, f->event.time_ms);
  assert_true(ds_str_equal(head.subject, f->event.subject));
  ds_row_open(out.data + first, &head);
  assert_true(ds_str_equal(head.subject, f->event.subject));
  ds_buf_done(&out);
  fixture_free(f);
}

// Rows with and without id, received, keys, properties, of one customer and of others, at times to
// and fro, come out of their folded form as they went in.
static void test_fold_round_trip(void **state) {
  (void)state;
  enum { ROWS = 64 };
  static const char *const subjects[] = {"customer_id=A", "customer_id=A", "customer_id=B", ""};
  fixture *f = fixture_new();
  ds_buf rows;
  ds_buf_init(&rows, 1 << 20);
  size_t begin[ROWS + 1] = {0};
  f->event.import = 7;
  f->event.arrival = 9;
  for (uint32_t i = 0; i < ROWS; i++) {
    ds_event event = f->event;
    event.has_id = (i & 1) != 0;
    event.has_received = (i & 2) != 0;
    event.keys_count = (i & 4) != 0 ? f->event.keys_count : 0;
    event.properties_count = (i & 8) != 0 ? f->event.properties_count : 0;
    event.subject = ds_str_of(subjects[i / 3 % 4]);
    event.time_ms = i % 7 == 0 ? -DS_TIME_MAX_MS : i % 7 == 1 ? DS_TIME_MAX_MS : 1000 * (int64_t)i;
    event.received_ms = i % 5 == 0 ? -DS_TIME_MAX_MS : event.time_ms;
    assert_int_equal(ds_event_encode(&event, &rows, NULL), DS_OK);
    begin[i + 1] = rows.size;
  }
  uint8_t *folded = malloc(rows.size + ROWS * DS_FOLD_MORE), *row = malloc(rows.size);
  ds_fold fold = {0};
  uint8_t *to = folded;
  for (uint32_t i = 0; i < ROWS; i++) {
    const uint8_t *end = to + (begin[i + 1] - begin[i]) + DS_FOLD_MORE;
    to = ds_fold_row(&fold, rows.data + begin[i], to);
    assert_true(to <= end);
  }
  assert_true((size_t)(to - folded) < rows.size);
  const uint8_t *at = folded;
  fold = (ds_fold){0};
  for (uint32_t i = 0; i < ROWS; i++) {
    at = ds_unfold_row(&fold, at, 7, 9, row);
    assert_memory_equal(row, rows.data + begin[i], begin[i + 1] - begin[i]);
  }
  assert_ptr_equal(at, to);
  free(folded);
  free(row);
  ds_buf_done(&rows);
  fixture_free(f);
}

static void test_absent_values_are_left_out(void **state) {
  (void)state;
  fixture *f = fixture_new();
  ds_buf out;
  size_t size = 0;
  ds_buf_init(&out, 1 << 20);
  f->properties[0].value.number = NAN;
  f->properties[1].value.type = DS_TYPE_NULL;
  assert_int_equal(ds_event_encode(&f->event, &out, NULL), DS_OK);
  assert_int_equal(ds_event_decode(out.data, out.size, &f->space, &f->decoded, &size, NULL), DS_OK);
  assert_int_equal(f->decoded.properties_count, 4);
  assert_int_equal(f->decoded.properties[0].name, 2);
  ds_buf_done(&out);
  fixture_free(f);
}

// Expects that the event is refused with DS_LIMIT and that the buffer stays as it was.
static void assert_refused(fixture *f) {
  ds_buf out;
  ds_error err = {0};
  ds_buf_init(&out, 1 << 22);
  ds_buf_text(&out, "before");
  assert_int_equal(ds_event_encode(&f->event, &out, &err), DS_LIMIT);
  assert_int_equal(err.code, DS_LIMIT);
  assert_false(out.failed);
  assert_int_equal(out.size, 6);
  assert_memory_equal(out.data, "before", 6);
  ds_buf_done(&out);
}

static void test_limits(void **state) {
  (void)state;
  fixture *f = fixture_new();
  const ds_event good = f->event;
  char *long_text = calloc(1, DS_TEXT_BYTES_MAX + 1);
  assert_non_null(long_text);
  f->event.keys_count = DS_EVENT_KEYS_MAX + 1;
  assert_refused(f);
  f->event = good;
  f->event.properties_count = DS_EVENT_PROPERTIES_MAX + 1;
  assert_refused(f);
  f->event = good;
  f->event.time_ms = INT64_MIN;
  assert_refused(f);
  f->event = good;
  f->event.subject = (ds_str){long_text, 65536};
  assert_refused(f);
  f->event = good;
  f->properties[1].value.text = (ds_str){long_text, DS_TEXT_BYTES_MAX + 1};
  assert_refused(f);
  // Each text fits, all together do not.
  for (uint32_t i = 0; i < 17; i++)
    f->properties[i] = (ds_event_property){
        1, false, {.type = DS_TYPE_STRING, .text = {long_text, DS_TEXT_BYTES_MAX}}};
  f->event.properties_count = 17;
  assert_refused(f);
  free(long_text);
  fixture_free(f);
}

static void test_full_buffer_stays_usable(void **state) {
  (void)state;
  fixture *f = fixture_new();
  ds_buf out;
  ds_error err = {0};
  ds_buf_init(&out, 64);
  ds_buf_text(&out, "before");
  assert_int_not_equal(ds_event_encode(&f->event, &out, &err), DS_OK);
  assert_int_equal(err.code, DS_LIMIT);
  assert_false(out.failed);
  assert_int_equal(out.size, 6);
  ds_buf_text(&out, " after");
  assert_int_equal(ds_buf_check(&out, "test", NULL), DS_OK);
  ds_buf_done(&out);
  fixture_free(f);
}

// Whatever decode accepts encodes to the same bytes: nothing that it accepts is half understood.
static void assert_error_or_valid(fixture *f, const uint8_t *row, size_t size) {
  // A copy of its own lets the address sanitizer see any read past the end.
  uint8_t *copy = malloc(size == 0 ? 1 : size);
  size_t row_size = 0;
  ds_buf again;
  assert_non_null(copy);
  memcpy(copy, row, size);
  ds_buf_init(&again, 1 << 20);
  ds_error err = {0};
  if (ds_event_decode(copy, size, &f->space, &f->decoded, &row_size, &err) == DS_OK) {
    assert_int_equal(ds_event_encode(&f->decoded, &again, NULL), DS_OK);
    assert_int_equal(again.size, row_size);
    assert_memory_equal(again.data, copy, row_size);
  } else {
    assert_int_equal(err.code, DS_CORRUPT);
    assert_true(err.message[0] != '\0');
  }
  ds_buf_done(&again);
  free(copy);
}

static void test_damage(void **state) {
  (void)state;
  fixture *f = fixture_new();
  ds_buf out;
  ds_buf_init(&out, 1 << 20);
  assert_int_equal(ds_event_encode(&f->event, &out, NULL), DS_OK);
  for (size_t size = 0; size < out.size; size++)
    assert_error_or_valid(f, out.data, size);
  for (size_t at = 0; at < out.size; at++) {
    const uint8_t was = out.data[at];
    for (unsigned value = 0; value < 256; value++) {
      out.data[at] = (uint8_t)value;
      assert_error_or_valid(f, out.data, out.size);
    }
    out.data[at] = was;
  }
  ds_buf_done(&out);
  fixture_free(f);
}

static void test_names_round_trip(void **state) {
  (void)state;
  fixture *f = fixture_new();
  ds_space again;
  ds_buf out;
  ds_buf_init(&out, 1 << 16);
  ds_space_encode(&f->space, &out);
  assert_int_equal(ds_buf_check(&out, "names", NULL), DS_OK);
  ds_space_init(&again);
  ds_reader in = ds_reader_of(out.data, out.size);
  assert_int_equal(ds_space_decode(&in, &again, NULL), DS_OK);
  assert_ptr_equal(in.at, in.end);
  assert_int_equal(again.properties.count, 6);
  assert_string_equal(ds_names_text(&again.keys, 1), "parcel_id");
  assert_string_equal(ds_names_text(&again.sources, 0), "shop.csv");
  ds_space_done(&again);
  for (size_t at = 0; at < out.size * 8; at++) {
    out.data[at / 8] ^= (uint8_t)(1 << at % 8);
    ds_space_init(&again);
    in = ds_reader_of(out.data, out.size - at / 8 % 3);
    const ds_code code = ds_space_decode(&in, &again, NULL);
    assert_true(code == DS_OK || code == DS_CORRUPT);
    ds_space_done(&again);
    out.data[at / 8] ^= (uint8_t)(1 << at % 8);
  }
  ds_buf_done(&out);
  fixture_free(f);
}

static void test_hashes(void **state) {
  (void)state;
  // XXH3 is part of the stored format: these values must never change.
  assert_true(ds_subject_hash(ds_str_of("")) == 0x2d06800538d394c2u);
  assert_true(ds_key_hash(ds_str_of("O-1")) == ds_subject_hash(ds_str_of("O-1")));
  assert_true(ds_id_hash(ds_str_of("a"), ds_str_of("b")) !=
              ds_id_hash(ds_str_of("b"), ds_str_of("a")));
  assert_int_equal(ds_subject_partition(0xab00000000000000u), 0xab);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),       cmocka_unit_test(test_absent_values_are_left_out),
      cmocka_unit_test(test_limits),           cmocka_unit_test(test_full_buffer_stays_usable),
      cmocka_unit_test(test_damage),           cmocka_unit_test(test_names_round_trip),
      cmocka_unit_test(test_hashes),           cmocka_unit_test(test_fold_round_trip),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
