// SPDX-License-Identifier: Apache-2.0
// NDJSON lines: what becomes of each member, every refusal with its column, and that a commit makes
// the lines before it durable, each once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/append.h"
#include "ingest/append_line.h"
#include "ingest/personal.h"
#include "model/time.h"

#define NOW_MS 1750000000000LL

// A line reader with its space.
typedef struct bench {
  ds_space space;
  ds_line_reader *reader;
} bench;

static int set_up(void **state) {
  bench *made = (bench *)calloc(1, sizeof *made);
  if (made == NULL)
    return -1;
  ds_space_init(&made->space);
  made->reader = ds_line_reader_new(&made->space, NULL);
  if (made->reader == NULL)
    return -1;
  made->reader->now_ms = NOW_MS;
  *state = made;
  return 0;
}

static int tear_down(void **state) {
  bench *made = (bench *)*state;
  ds_line_reader_free(made->reader);
  ds_space_done(&made->space);
  free(made);
  return 0;
}

static const ds_event *accept(bench *on, const char *text) {
  const char *reason = ds_line_read(on->reader, text, strlen(text));
  if (reason != NULL)
    fail_msg("refused: %s: %s", reason, text);
  return &on->reader->event;
}

#define assert_text(view, expected)                                \
  do {                                                             \
    assert_int_equal((view).size, strlen(expected));               \
    assert_memory_equal((view).data, expected, strlen(expected));  \
  } while (0)

static const ds_value *property(const bench *on, const char *name) {
  const ds_event *event = &on->reader->event;
  for (uint32_t i = 0; i < event->properties_count; i++) {
    if (strcmp(ds_names_text(&on->space.properties, event->properties[i].name), name) == 0)
      return &event->properties[i].value;
  }
  return NULL;
}

static void test_whole_event(void **state) {
  bench *on = (bench *)*state;
  const ds_event *event = accept(
      on, "{\"id\":\"e1\",\"event\":\"Order Completed\",\"time\":\"2024-03-01T10:00:00.25Z\","
          "\"received\":1709287201000,\"customer\":{\"account_id\":\"A7\",\"device_id\":\"d\"},"
          "\"order_id\":\"O1\",\"parcel_id\":[\"P1\",\"P2\",\"P1\"],\"carrier\":\"north\","
          "\"properties\":{\"value\":12.5,\"gift\":true,\"lines\":3,\"none\":null,"
          "\"cart\":{\"size\":{\"w\":1,\"deep\":{\"x\":[1,\"a\"]}}}}}");
  assert_string_equal(ds_names_text(&on->space.touchpoints, event->touchpoint), "order_placed");
  assert_text(event->subject, "account_id=A7");
  assert_int_equal(event->time_ms, 1709287200250);
  assert_int_equal(event->received_ms, 1709287201000);
  assert_true(event->has_id);
  assert_true(event->id == ds_id_hash(ds_str_of("append"), ds_str_of("e1")));
  assert_int_equal(event->keys_count, 3);
  assert_text(event->keys[0].text, "O1");
  assert_text(event->keys[2].text, "P2");
  assert_true(property(on, "value")->number == 12.5);
  assert_int_equal(property(on, "gift")->type, DS_TYPE_BOOL);
  assert_true(property(on, "lines")->number == 3);
  assert_null(property(on, "none"));
  assert_text(property(on, "carrier")->text, "north");
  assert_true(property(on, "cart.size.w")->number == 1);
  assert_text(property(on, "cart.size.deep")->text, "{\"x\":[1,\"a\"]}");
}

static void test_time(void **state) {
  bench *on = (bench *)*state;
  assert_int_equal(accept(on, "{\"event\":\"x\",\"order_id\":1}")->time_ms, NOW_MS);
  assert_int_equal(
      accept(on, "{\"event\":\"x\",\"order_id\":1,\"time\":\"2024-01-01\"}")->time_ms,
      1704067200000);
  assert_int_equal(
      accept(on, "{\"event\":\"x\",\"order_id\":1,\"time\":\"2024-01-01T01:00+01:00\"}")->time_ms,
      1704067200000);
  assert_int_equal(
      accept(on, "{\"event\":\"x\",\"order_id\":1,\"received\":1704067200000}")->time_ms,
      1704067200000);
}

// As a file is read: no arrival is its own time, other zones and units, a further case key.
static void test_from_file(void **state) {
  bench *on = (bench *)*state;
  ds_line_reader *reader = on->reader;
  reader->by_time = true;
  assert_string_equal(ds_line_read(reader, "{\"event\":\"x\",\"order_id\":1}", 26),
                      "no \"time\": when did it happen?");
  const ds_event *event =
      accept(on, "{\"event\":\"x\",\"order_id\":1,\"time\":\"2024-01-01T00:00:00Z\"}");
  assert_false(event->has_received);
  assert_int_equal(event->received_ms, 1704067200000);
  event = accept(on, "{\"event\":\"x\",\"order_id\":1,\"received\":1704067200000}");
  assert_true(event->has_received);
  assert_int_equal(event->time_ms, 1704067200000);
  assert_false(reader->local);
  ds_error err;
  ds_zone *zone = NULL;
  assert_int_equal(ds_zone_load(ds_io_posix(), "/usr/share/zoneinfo",
                                ds_str_of("America/Sao_Paulo"), &zone, &err), DS_OK);
  reader->zone = zone;
  reader->unit_ms = 1000;
  reader->source = "shop";
  reader->keys_named = "cart_id,basket";
  event = accept(on, "{\"id\":\"7\",\"event\":\"x\",\"user_id\":1,\"time\":\"2018-02-17T23:30:00\","
                     "\"received\":1704067200,\"properties\":{\"basket\":[\"B\"],\"bask\":1}}");
  assert_int_equal(event->time_ms, 1518917400000); // 23:30 comes twice that night: the first
  assert_int_equal(reader->ambiguous, 1);
  assert_int_equal(event->received_ms, 1704067200000);
  assert_true(event->id == ds_id_hash(ds_str_of("shop"), ds_str_of("7")));
  assert_int_equal(event->keys_count, 1);
  assert_text(event->keys[0].text, "B");
  assert_int_equal(event->properties_count, 1);
  ds_zone_free(zone);
  reader->zone = NULL;
}

// Identifiers and great whole numbers stay the texts they are.
static void test_texts_of_numbers(void **state) {
  bench *on = (bench *)*state;
  accept(on, "{\"event\":\"x\",\"order_id\":1,\"store_id\":17,\"big\":9007199254740993,"
             "\"small\":9007199254740991,\"half_id\":1.5}");
  assert_text(property(on, "store_id")->text, "17");
  assert_text(property(on, "big")->text, "9007199254740993");
  assert_true(property(on, "small")->number == 9007199254740991.0);
  assert_text(property(on, "half_id")->text, "1.5");
}

static void test_subject(void **state) {
  static const char *const cases[][2] = {
      {"{\"event\":\"x\",\"customer\":{\"device_id\":\"d\",\"loyalty_card\":\"L\"}}",
       "loyalty_card=L"},
      {"{\"event\":\"x\",\"customer\":{\"user_id\":7,\"customer_id\":\"C\"}}", "customer_id=C"},
      {"{\"event\":\"x\",\"customer\":\"C9\"}", "customer_id=C9"},
      {"{\"event\":\"x\",\"user_id\":\"u\",\"ticket_id\":\"T\"}", "user_id=u"},
      {"{\"event\":\"x\",\"customer\":{\"customer_id\":\"\"},\"ticket_id\":\"T\"}",
       "ticket_id=T"},
      {"{\"event\":\"x\",\"tracking_number\":\"N\",\"order_id\":[\"O1\",\"O2\"]}", "order_id=O1"},
      {"{\"event\":\"x\",\"properties\":{\"order_id\":\"O5\"}}", "order_id=O5"},
      // A letter and a combining accent are the composed letter.
      {"{\"event\":\"x\",\"customer\":\"e\\u0301\"}", "customer_id=\xc3\xa9"},
  };
  bench *on = (bench *)*state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_text(accept(on, cases[i][0])->subject, cases[i][1]);
}

static void test_refusals(void **state) {
  static const struct {
    const char *line;
    uint32_t column;
    const char *reason; // how it begins
  } cases[] = {
      {"{\"event\":\"x\"", 0, ""},
      {"[1]", 1, "not an object"},
      {"7", 1, "not an object"},
      {"{\"event\":\"x\",\"order_id\":\"O\"} {}", 0, "something follows"},
      {"{\"event\":\"\xff\"}", 11, "not valid UTF-8"},
      {"{\"event\":\"x\",\"order_id\":tru}", 0, ""},
      {"{\"order_id\":\"O\"}", 1, "no \"event\""},
      {"{\"event\":5,\"order_id\":\"O\"}", 10, "\"event\" must be"},
      {"{\"event\":\"x\"}", 1, "no customer"},
      {"{\"event\":\"x\",\"order_id\":{}}", 25, "an identifier must"},
      {"{\"event\":\"x\",\"order_id\":\"O\",\"time\":\"soon\"}", 36, "not a time"},
      {"{\"event\":\"x\",\"order_id\":\"O\",\"time\":1709287200}", 36, "a time before 1990"},
      {"{\"event\":\"x\",\"order_id\":\"O\",\"time\":1.5e12}", 36, "not a time"},
      {"{\"event\":\"x\",\"order_id\":\"O\",\"time\":1750003600001}", 36, "a time in the future"},
      {"{\"event\":\"x\",\"order_id\":\"O\",\"properties\":[]}", 42, "properties must be"},
      {"{\"event\":\"x\",\"order_id\":\"O\",\"a\":1,\"a\":2}", 39, "a property that"},
      {"{\"event\":\"x\",\"event\":\"y\",\"order_id\":\"O\"}", 22, "a name that stands"},
      {"{\"event\":\"a\\u0000b\",\"order_id\":\"O\"}", 10, "\"event\" must be"},
  };
  bench *on = (bench *)*state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const char *reason = ds_line_read(on->reader, cases[i].line, strlen(cases[i].line));
    if (reason == NULL || strncmp(reason, cases[i].reason, strlen(cases[i].reason)) != 0)
      fail_msg("%s: %s", cases[i].line, reason == NULL ? "accepted" : reason);
    if (cases[i].column != 0 && on->reader->column != cases[i].column)
      fail_msg("%s: column %u", cases[i].line, on->reader->column);
  }
  // No refused line leaves a touchpoint behind.
  assert_int_equal(on->space.touchpoints.count, 0);
}

static void test_too_much(void **state) {
  bench *on = (bench *)*state;
  ds_buf line;
  ds_buf_init(&line, 8u << 20);
  ds_buf_text(&line, "{\"event\":\"x\",\"order_id\":\"O\",\"a\":");
  for (int i = 0; i < 40; i++)
    ds_buf_text(&line, "[");
  assert_string_equal(ds_line_read(on->reader, (const char *)line.data, line.size),
                      "nested deeper than 32");
  ds_buf_reset(&line);
  ds_buf_text(&line, "{\"event\":\"x\",\"order_id\":\"O\"");
  for (int i = 0; i < 1100; i++)
    ds_buf_printf(&line, ",\"p%d\":1", i);
  ds_buf_text(&line, "}");
  assert_string_equal(ds_line_read(on->reader, (const char *)line.data, line.size),
                      "more than 1,024 properties");
  ds_buf_reset(&line);
  ds_buf_text(&line, "{\"event\":\"x\",\"order_id\":\"O\",\"p\":\"");
  for (int i = 0; i < 70000; i++)
    ds_buf_text(&line, "y");
  ds_buf_text(&line, "\"}");
  assert_string_equal(ds_line_read(on->reader, (const char *)line.data, line.size),
                      "a text longer than 64 KiB");
  ds_buf_done(&line);
}

// Asserts how a personal text is compared.
static void assert_normal(const char *kind, const char *text, const char *expected) {
  ds_buf normal;
  ds_buf_init(&normal, 64);
  assert_int_equal(ds_personal_normal(ds_str_of(kind), ds_str_of(text), &normal, NULL), DS_OK);
  assert_string_equal(ds_buf_cstr(&normal), expected);
  ds_buf_done(&normal);
}

static void test_personal(void **state) {
  bench *on = (bench *)*state;
  accept(on, "{\"event\":\"x\",\"order_id\":\"O\",\"properties\":{\"email\":\"a@b.example\","
             "\"shipping_address\":{\"city\":\"Q\"},\"contact\":\"+49 30 1234567\",\"n\":1,"
             "\"items\":[{\"sku\":\"s\",\"phone\":\"1\"},\"c@d.example\"]}}");
  assert_int_equal(on->reader->personal_dropped, 2);
  assert_int_equal(on->reader->event.properties_count, 5);
  for (uint32_t i = 0; i < 5; i++) {
    const ds_event_property *at = &on->reader->event.properties[i];
    const ds_str name = on->space.properties.text[at->name];
    assert_int_equal(at->personal, !ds_str_equal(name, ds_str_of("n")) &&
                                       !ds_str_equal(name, ds_str_of("items")));
  }
  assert_text(property(on, "items")->text, "[{\"sku\":\"s\"}]");
  assert_false(ds_personal_name(ds_str_of("product_name")));
  assert_true(ds_personal_name(ds_str_of("Customer E-Mail")));
  assert_false(ds_personal_value(ds_str_of("2024-01-01T10:00:00Z")));
  assert_false(ds_personal_value(ds_str_of("00012345678")));
  assert_true(ds_personal_value(ds_str_of("(030) 123-4567")));
  // Blanks around a value, and those of print and dashes within a number, change nothing: spaces
  // without a break, thin ones, a hyphen without a break, marks of direction and of order.
  static const char *const blanks[] = {" ", "\t", "\r\n", "\xC2\xA0", " \xC2\xA0 ", "\xE2\x80\xAF",
                                       "\xE2\x80\x89", "\xE2\x80\x8B", "\xEF\xBB\xBF",
                                       "\xE2\x80\xAA", " \xE2\x80\xAC", "\xE3\x80\x80"};
  for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
    char text[64];
    snprintf(text, sizeof text, "%sa@b.example", blanks[i]);
    assert_true(ds_personal_value(ds_str_of(text)));
    snprintf(text, sizeof text, "a@b.example%s", blanks[i]);
    assert_true(ds_personal_value(ds_str_of(text)));
    assert_normal("email", text, "a@b.example");
    snprintf(text, sizeof text, "%s+49 30%s1234\xE2\x80\x91""567%s", blanks[i], blanks[i],
             blanks[i]);
    assert_true(ds_personal_value(ds_str_of(text)));
    assert_normal("phone", text, "+49301234567");
    assert_false(ds_personal_value(ds_str_of(blanks[i])));
  }
}

// A text is what the catalogue expects where it can be read so.
static void test_expected_types(void **state) {
  bench *on = (bench *)*state;
  for (uint32_t t = 0; t < ds_touchpoints_count; t++) {
    for (uint32_t e = 0; e < ds_touchpoints[t].expected_count; e++) {
      const ds_expected *expected = &ds_touchpoints[t].expected[e];
      if (expected->type != DS_TYPE_DATE || ds_personal_name(ds_str_of(expected->name)))
        continue;
      char line[512];
      snprintf(line, sizeof line,
               "{\"event\":\"%s\",\"order_id\":\"O\",\"properties\":{\"%s\":\"2024-01-02\","
               "\"other\":\"2024-01-02\"}}", ds_touchpoints[t].name, expected->name);
      accept(on, line);
      assert_int_equal(property(on, expected->name)->type, DS_TYPE_DATE);
      assert_int_equal(property(on, expected->name)->i, 19724);
      assert_int_equal(property(on, "other")->type, DS_TYPE_STRING);
      return;
    }
  }
  skip();
}

// What the appender reported.
typedef struct refused {
  uint32_t count;
  uint64_t line;
} refused;

static void note(void *context, uint64_t line, uint32_t column, const char *reason) {
  (void)column, (void)reason;
  refused *seen = (refused *)context;
  seen->count++;
  seen->line = line;
}

static ds_store *open_store(ds_io_sim *sim) {
  ds_store_options options;
  ds_store *store = NULL;
  ds_error err = {.code = DS_OK};
  ds_store_options_init(&options);
  options.io = ds_io_sim_io(sim);
  options.write = true;
  options.create = true;
  if (ds_store_open("store", &options, &store, &err) != DS_OK)
    fail_msg("%s", err.message);
  return store;
}

static uint64_t stored(ds_store *store) {
  ds_snapshot *snapshot = NULL;
  assert_int_equal(ds_store_snapshot(store, &snapshot, NULL), DS_OK);
  const uint64_t events = snapshot->events;
  ds_snapshot_free(snapshot);
  return events;
}

static void test_durable(void **state) {
  (void)state;
  static const char lines[] =
      "{\"id\":1,\"event\":\"order_placed\",\"time\":1,\"order_id\":\"O\"}\n"
      "{\"id\":2,\"event\":\"order_placed\",\"time\":\"2020-01-01\",\"order_id\":\"O\"}\n"
      "\n"
      "{\"id\":2,\"event\":\"order_placed\",\"time\":\"2020-01-01\",\"order_id\":\"O\"}\r\n"
      "{\"id\":3,\"event\":\"delivered\",\"time\":\"2020-01-02\",\"order_id\":\"O\"}\n";
  ds_io_sim *sim = ds_io_sim_new(1);
  ds_store *store = open_store(sim);
  refused seen = {0, 0};
  ds_appender *appender = NULL;
  uint64_t settled = 99;
  assert_int_equal(ds_appender_new(store, note, &seen, &appender, NULL), DS_OK);
  assert_int_equal(ds_appender_lines(appender, lines, sizeof lines - 1, NULL), DS_OK);
  assert_int_equal(stored(store), 0);
  assert_int_equal(ds_appender_commit(appender, &settled, NULL), DS_OK);
  assert_int_equal(settled, 5);
  const ds_append_stats stats = ds_appender_stats(appender);
  assert_int_equal(stats.events, 2);
  assert_int_equal(stats.duplicates, 1);
  assert_int_equal(stats.rejected, 1);
  assert_int_equal(seen.line, 1);
  ds_appender_free(appender);
  ds_store_close(store);
  // What was committed is there after power loss, and giving it again changes nothing.
  ds_io_sim_power_loss(sim, DS_LOSS_ALL);
  store = open_store(sim);
  assert_int_equal(stored(store), 2);
  assert_int_equal(ds_appender_new(store, NULL, NULL, &appender, NULL), DS_OK);
  assert_int_equal(ds_appender_lines(appender, lines, sizeof lines - 1, NULL), DS_OK);
  assert_int_equal(ds_appender_commit(appender, &settled, NULL), DS_OK);
  assert_int_equal(ds_appender_stats(appender).events, 0);
  assert_int_equal(stored(store), 2);
  ds_appender_free(appender);
  ds_store_close(store);
  assert_int_equal(ds_io_sim_open_files(sim), 0);
  ds_io_sim_free(sim);
}

#define LINE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      LINE_TEST(test_whole_event), LINE_TEST(test_time),     LINE_TEST(test_subject),
      LINE_TEST(test_refusals),    LINE_TEST(test_too_much), LINE_TEST(test_personal),
      LINE_TEST(test_expected_types), LINE_TEST(test_from_file),
      LINE_TEST(test_texts_of_numbers), cmocka_unit_test(test_durable),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
