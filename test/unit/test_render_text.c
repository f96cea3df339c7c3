// SPDX-License-Identifier: Apache-2.0
// Results as terminal table, CSV and JSON.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>

#include "render/cell.h"
#include "unit/render_sample.h"

static const char *text_of(sample *made, const char *format, const ds_render_options *options) {
  ds_code code;
  const char *text = sample_text(made, format, options, &code);
  assert_int_equal(code, DS_OK);
  return text;
}

static void assert_lines_fit(const char *text, uint32_t columns) {
  for (const char *line = text; *line != '\0';) {
    const char *end = strchr(line, '\n');
    assert_non_null(end);
    assert_true(ds_str_columns((ds_str){line, (uint32_t)(end - line)}) <= columns);
    if (end > line)
      assert_true(end[-1] != ' ');
    line = end + 1;
  }
}

static void test_table(void **state) {
  (void)state;
  sample made;
  sample_small(&made);
  const char *text = text_of(&made, "table", &(ds_render_options){.columns = 80});
  assert_string_equal(
      text,
      "Touchpoints\n"
      "touchpoint        occurrences                             cases  starts    ends\n"
      "───────────────────────────────────────────────────────────────────────────────\n"
      "order_placed           99,441  ████████████████████████  99,441  99,441       5\n"
      "delivered              96,476  ███████████████████████▎  96,476       0   1,200\n"
      "review_submitted       99,224  ████████████████████████  99,224       0  98,236\n"
      "\n"
      "What comes after what\n"
      "from              to                occurrences             cases  median    p90\n"
      "────────────────────────────────────────────────────────────────────────────────\n"
      "order_placed      delivered              96,000  ████████  96,000   9.0 d  9.0 d\n"
      "delivered         review_submitted       93,200  ███████▊  93,200   2.0 d  2.0 d\n"
      "review_submitted  delivered                  12  ▏             12       –      –\n"
      "\n"
      "note: 12 events have no order_id.\n"
      "warning: order_id spans customers.\n"
      "Every pair of adjacent events of a case is a step.\n");
  sample_done(&made);
}

static void test_every_width_fits(void **state) {
  (void)state;
  sample made;
  sample_small(&made);
  sample_node(&made, "a name that is very long, longer than any terminal would like it to be, 日本語",
              1, 0, 0);
  for (uint32_t columns = 20; columns <= 200; columns++) {
    const char *text = text_of(&made, "table", &(ds_render_options){.columns = columns});
    assert_lines_fit(text, columns);
    assert_non_null(strstr(text, "occurrences"));
    if (columns >= 150)
      assert_non_null(strstr(text, "total"));
  }
  sample_done(&made);
}

static void test_rows_are_cut(void **state) {
  (void)state;
  sample made;
  sample_small(&made);
  const char *text = text_of(&made, "table", &(ds_render_options){.columns = 80, .rows_max = 1});
  assert_non_null(strstr(text, "… and 2 more\n"));
  assert_null(strstr(text, "review_submitted"));
  sample_done(&made);
}

static void test_terminal_is_safe(void **state) {
  (void)state;
  sample made;
  sample_init(&made);
  sample_node(&made, "\x1b]0;owned\x07\x1b[2J\r\n\xff\xc2\x9b", 5, 0, 0);
  ds_result_note(&made.result, true, "evil \x1b[31m note");
  const char *text = text_of(&made, "table", &(ds_render_options){.columns = 80});
  assert_null(strchr(text, '\x1b'));
  assert_null(strchr(text, '\r'));
  assert_null(strchr(text, '\x07'));
  assert_null(strstr(text, "\xc2\x9b"));
  assert_non_null(strstr(text, "(nothing)"));
  assert_non_null(strchr(text_of(&made, "table", &(ds_render_options){.color = true}), '\x1b'));
  sample_done(&made);
}

static void test_one_row_is_a_list(void **state) {
  (void)state;
  static const ds_column columns[] = {
      {"deliveries", DS_CELL_COUNT, "", "Parcels handed over", false},
      {"late_share", DS_CELL_SHARE, "", "Later than promised", false},
      {"gap_median_ms", DS_CELL_DURATION, "ms", "Promise minus delivery", false},
      {"score", DS_CELL_NUMBER, "", "Mean of the stars", false},
      {"first", DS_CELL_TIME, "", "First delivery", false},
      {"last", DS_CELL_TIME, "", "Last delivery", false},
      {"route", DS_CELL_LIST, "", "The usual route", false},
  };
  sample made;
  sample_init(&made);
  made.result.tables_count = 0;
  ds_table *table = ds_result_table(&made.result, "overall", "Delivery", columns, 7);
  ds_cell *row = ds_table_row(&made.result, table);
  row[0] = ds_cell_i64(96470);
  row[1] = ds_cell_double(0.0787);
  row[2] = ds_cell_double(-950400000.4);
  row[3] = ds_cell_double(4.0864);
  row[4] = ds_cell_i64(1517392800000);
  row[5] = ds_cell_i64(1517356800000);
  row[6] = ds_cell_text(&made.result, ds_str_of("a\x1f" "b"));
  const char *text = text_of(&made, "table", &(ds_render_options){.columns = 80});
  assert_non_null(strstr(text, "deliveries            96,470  Parcels handed over\n"));
  assert_non_null(strstr(text, "late share             7.9 %  Later than promised\n"));
  assert_non_null(strstr(text, "gap median             -11 d  "));
  assert_non_null(strstr(text, "  4.09  "));
  assert_non_null(strstr(text, "first       2018-01-31 10:00  "));
  assert_non_null(strstr(text, "last              2018-01-31  "));
  assert_non_null(strstr(text, "  a > b  "));
  for (uint32_t width = 20; width < 100; width++)
    assert_lines_fit(text_of(&made, "table", &(ds_render_options){.columns = width}), width);
  text = text_of(&made, "csv", &(ds_render_options){0});
  assert_string_equal(text, "deliveries,late_share,gap_median_ms,score,first,last,route\r\n"
                            "96470,0.0787,-950400000.4,4.0864,2018-01-31T10:00:00Z,"
                            "2018-01-31T00:00:00Z,a > b\r\n");
  text = text_of(&made, "json", &(ds_render_options){0});
  assert_non_null(strstr(text, "\"route\":[\"a\",\"b\"]"));
  assert_non_null(strstr(text, "\"first\":\"2018-01-31T10:00:00Z\""));
  sample_done(&made);
}

// A name that is too long loses its middle, combining signs and wide ones whole.
static void test_names_lose_their_middle(void **state) {
  (void)state;
  static const struct {
    const char *text;
    uint32_t columns;
    const char *cut;
  } cases[] = {
      {"email_opened", 12, "email_opened"},     {"email_opened", 11, "email…pened"},
      {"email_opened", 6, "ema…ed"},            {"email_opened", 2, "e…"},
      {"email_opened", 1, "…"},                 {"日本語です", 6, "日…す"},
      {"ae\xcc\x81iou", 4, "ae\xcc\x81…u"},     {"aeioe\xcc\x81", 3, "a…e\xcc\x81"},
      {"abc\xcc\x81", 2, "a…"},
  };
  ds_buf out;
  ds_buf_init(&out, 1000);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ds_buf_reset(&out);
    ds_text_cut(ds_str_of(cases[i].text), cases[i].columns, &out);
    assert_string_equal(ds_buf_cstr(&out), cases[i].cut);
  }
  ds_buf_done(&out);
}

// What does not fit into a row goes beneath it; labels break; a text that no row has is left out.
static void test_narrow(void **state) {
  (void)state;
  static const ds_column columns[] = {
      {"name", DS_CELL_TEXT, "", "", false},
      {"owner", DS_CELL_TEXT, "", "", false},
      {"longest_gap_ms", DS_CELL_DURATION, "", "", false},
      {"details", DS_CELL_TEXT, "", "", false},
  };
  sample made;
  sample_init(&made);
  made.result.tables_count = 0;
  made.result.definition = NULL;
  ds_table *table = ds_result_table(&made.result, "t", "Title", columns, 4);
  table->beneath = "details";
  const char *const details[] = {"short", "a text that is a good deal longer than the row"};
  for (int i = 0; i < 2; i++) {
    ds_cell *row = ds_table_row(&made.result, table);
    row[0] = ds_cell_text(&made.result, ds_str_of(i == 0 ? "one" : "two"));
    row[2] = ds_cell_double(2000);
    row[3] = ds_cell_text(&made.result, ds_str_of(details[i]));
  }
  assert_string_equal(text_of(&made, "table", &(ds_render_options){.columns = 40}),
                      "Title\n"
                      "name  longest gap  details\n"
                      "────────────────────────────────────────\n"
                      "one         2.0 s  short\n"
                      "two         2.0 s\n"
                      "      a text that is a good deal longer\n"
                      "      than the row\n\n");
  assert_string_equal(text_of(&made, "table", &(ds_render_options){.columns = 30}),
                      "Title\n"
                      "name  longest gap\n"
                      "─────────────────\n"
                      "one         2.0 s\n"
                      "      short\n"
                      "two         2.0 s\n"
                      "      a text that is a good\n"
                      "      deal longer than the row\n\n");
  table->columns_count = 3;
  table->beneath = NULL;
  table->rows_count = 1;
  assert_string_equal(text_of(&made, "table", &(ds_render_options){.columns = 20}),
                      "Title\n"
                      "name  longest gap\n"
                      "─────────────────\n"
                      "one         2.0 s\n\n");
  sample_done(&made);
}

static void test_labels_break(void **state) {
  (void)state;
  static const ds_column columns[] = {
      {"touchpoint", DS_CELL_TEXT, "", "", false},
      {"satisfaction_others", DS_CELL_NUMBER, "", "", false},
  };
  sample made;
  sample_init(&made);
  made.result.tables_count = 0;
  made.result.definition = NULL;
  ds_table *table = ds_result_table(&made.result, "t", "Title", columns, 2);
  table->bar = "";
  ds_cell *row = ds_table_row(&made.result, table);
  row[0] = ds_cell_text(&made.result, ds_str_of("order_placed"));
  row[1] = ds_cell_double(4.5);
  assert_string_equal(text_of(&made, "table", &(ds_render_options){.columns = 30}),
                      "Title\n"
                      "              satisfaction\n"
                      "touchpoint          others\n"
                      "──────────────────────────\n"
                      "order_placed          4.50\n\n");
  sample_done(&made);
}

// A list breaks between its items; a short one leaves out its middle.
static void test_lists(void **state) {
  (void)state;
  static const ds_column columns[] = {
      {"rank", DS_CELL_COUNT, "", "", false},
      {"route", DS_CELL_LIST, "", "", false},
  };
  sample made;
  sample_init(&made);
  made.result.tables_count = 0;
  made.result.definition = NULL;
  ds_table *table = ds_result_table(&made.result, "t", "Title", columns, 2);
  char list[400] = "first of all";
  for (int i = 2; i <= 40; i++)
    snprintf(list + strlen(list), sizeof list - strlen(list), "%c%d", DS_LIST_SEPARATOR, i);
  ds_cell *row = ds_table_row(&made.result, table);
  row[0] = ds_cell_i64(1);
  row[1] = ds_cell_text(&made.result, ds_str_of(list));
  ds_render_options options = {.columns = 40, .short_lists = true};
  assert_string_equal(text_of(&made, "table", &options),
                      "Title\n"
                      "rank\n"
                      "────\n"
                      "   1\n"
                      "      first of all > 2 > 3 > 4 > 5 > 6 >\n"
                      "      7 > 8 > 9 > 10 > 11 > 12 > 13 >\n"
                      "      14 > 15 > 16 > … 17 more … > 34 >\n"
                      "      35 > 36 > 37 > 38 > 39 > 40\n\n");
  options.short_lists = false;
  assert_non_null(strstr(text_of(&made, "table", &options), " 17 > 18 >"));
  sample_done(&made);
}

// Texts that would be cut to a few letters: each row is a list, and nothing is dropped.
static void test_many_texts_are_lists(void **state) {
  (void)state;
  enum { COLUMNS = 9 };
  ds_column columns[COLUMNS];
  char names[COLUMNS][16];
  for (uint32_t i = 0; i < COLUMNS; i++) {
    snprintf(names[i], sizeof names[i], "column_%u", (unsigned)i);
    columns[i] = (ds_column){names[i], DS_CELL_TEXT, "", "", false};
  }
  sample made;
  sample_init(&made);
  made.result.tables_count = 0;
  ds_table *table = ds_result_table(&made.result, "rows", "", columns, COLUMNS);
  for (uint32_t r = 0; r < 2; r++) {
    ds_cell *row = ds_table_row(&made.result, table);
    for (uint32_t i = 0; i < COLUMNS; i++)
      row[i] = ds_cell_text(&made.result, ds_str_of(r == 0 ? "a-rather-long-text" : "short"));
  }
  const char *text = text_of(&made, "table", &(ds_render_options){.columns = 80});
  assert_memory_equal(text, "column 0  a-rather-long-text\n", 29);
  assert_non_null(strstr(text, "\n\ncolumn 0               short\n"));
  assert_null(strstr(text, "…"));
  text = text_of(&made, "table", &(ds_render_options){.columns = 200});
  assert_non_null(strstr(text, "column 0            column 1"));
  sample_done(&made);
}

static void test_csv(void **state) {
  (void)state;
  sample made;
  ds_code code;
  sample_small(&made);
  assert_string_equal(
      text_of(&made, "csv", &(ds_render_options){0}),
      "from,to,occurrences,cases,mean_ms,median_ms,p90_ms,min_ms,max_ms,total_ms\r\n"
      "order_placed,delivered,96000,96000,777600000,777600000,777600000,777600000,777600000,"
      "777600000\r\n"
      "delivered,review_submitted,93200,93200,172800000.5,172800000.5,172800000.5,172800000.5,"
      "172800000.5,172800000.5\r\n"
      "review_submitted,delivered,12,12,,,,,,\r\n");
  assert_int_equal(strncmp(text_of(&made, "csv", &(ds_render_options){.table = "nodes"}),
                           "touchpoint,", 11),
                   0);
  made.result.main_table = "nodes";
  assert_int_equal(strncmp(text_of(&made, "csv", &(ds_render_options){0}), "touchpoint,", 11), 0);
  sample_text(&made, "csv", &(ds_render_options){.table = "nothing"}, &code);
  assert_int_equal(code, DS_USAGE);
  sample_done(&made);
}

static void test_csv_is_safe(void **state) {
  (void)state;
  sample made;
  sample_init(&made);
  for (const char *const *name =
           (const char *const[]){"=cmd|' /C calc'!A0", "+1", "-1", "@x", "\tx", "a,b",
                                 "say \"hi\"", "two\nlines", "", NULL};
       *name != NULL; name++)
    sample_node(&made, *name, 1, 0, 0);
  assert_string_equal(text_of(&made, "csv", &(ds_render_options){.table = "nodes"}),
                      "touchpoint,occurrences,cases,starts,ends\r\n"
                      "'=cmd|' /C calc'!A0,1,1,0,0\r\n'+1,1,1,0,0\r\n'-1,1,1,0,0\r\n"
                      "'@x,1,1,0,0\r\n'\tx,1,1,0,0\r\n\"a,b\",1,1,0,0\r\n"
                      "\"say \"\"hi\"\"\",1,1,0,0\r\n\"two\nlines\",1,1,0,0\r\n,1,1,0,0\r\n");
  sample_done(&made);
}

static void test_json(void **state) {
  (void)state;
  sample made;
  sample_small(&made);
  const char *text = text_of(&made, "json", &(ds_render_options){0});
  static const char begin[] = "{\n  \"question\": \"process\",\n  \"options\": {\n"
                              "    \"case\": \"order_id\"\n  },\n"
                              "  \"as_of\": \"2018-10-16T14:26:40Z\",\n  \"tables\": {\n"
                              "    \"nodes\": [\n      {\"touchpoint\":\"order_placed\",";
  assert_int_equal(strncmp(text, begin, sizeof begin - 1), 0);
  assert_non_null(strstr(text, "{\"touchpoint\":\"delivered\",\"occurrences\":96476,"));
  assert_non_null(strstr(text, "\"median_ms\":172800000.5,"));
  assert_non_null(strstr(text, "\"median_ms\":777600000,"));
  assert_non_null(strstr(text, "\"median_ms\":null,"));
  assert_non_null(strstr(text, "{\"name\":\"median_ms\",\"type\":\"duration\",\"unit\":\"ms\","
                               "\"meaning\":\"Median time between\"}"));
  assert_non_null(strstr(text, "{\"level\":\"warning\",\"text\":\"order_id spans customers.\"}"));
  assert_non_null(strstr(text, "\"definition\": \"Every pair"));
  sample_done(&made);
}

static void test_full_buffer(void **state) {
  (void)state;
  static const char *const formats[] = {"table", "csv", "json"};
  sample made;
  sample_small(&made);
  for (size_t i = 0; i < 3; i++) {
    ds_code code;
    ds_buf_done(&made.out);
    ds_buf_init(&made.out, 100);
    sample_text(&made, formats[i], &(ds_render_options){.columns = 80}, &code);
    assert_int_equal(code, DS_LIMIT);
  }
  sample_done(&made);
}

static void test_formats(void **state) {
  (void)state;
  assert_string_equal(ds_format_of_name(ds_str_of("JSON"))->name, "json");
  assert_null(ds_format_of_name(ds_str_of("xml")));
  assert_string_equal(ds_format_of_file(ds_str_of("a/b.c/map.SVG"))->name, "svg");
  assert_null(ds_format_of_file(ds_str_of("map.csv.gz")));
  assert_null(ds_format_of_file(ds_str_of(".csv")));
}

// Numbers in CSV are those of %.12g, whatever way they are written.
static void check_number(double number, ds_buf *out) {
  const ds_column column = {"x", DS_CELL_NUMBER, "", "", false};
  const ds_cell cell = ds_cell_double(number);
  const bool whole = number == trunc(number) && fabs(number) < 9e15;
  char expected[64];
  ds_buf_reset(out);
  ds_cell_plain(&column, &cell, out);
  snprintf(expected, sizeof expected, whole ? "%.0f" : "%.12g", number);
  assert_string_equal(ds_buf_cstr(out), expected);
}

static void test_numbers(void **context) {
  (void)context;
  static const double some[] = {0, -0.5, 0.0001, -0.00012, 1e-5, 12345678.9999, 99999999.9999,
                                100000000.0001, 0.1 + 0.2, 1.0 / 3, -1234.5678, 1e15 + 0.5, 1e300,
                                99, 100, 101, -8999999999999999, 999999999999.6};
  uint64_t seed = 9;
  ds_buf out;
  ds_buf_init(&out, 1u << 10);
  for (uint32_t i = 0; i < sizeof some / sizeof *some; i++)
    check_number(some[i], &out);
  for (uint32_t i = 0; i < 150000; i++) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const double scale[] = {1, 10, 100, 10000, 100000, 3};
    const double random = (double)(int64_t)(seed >> 20) / 1000 / scale[i % 6];
    check_number(i % 2 == 0 ? random : round(random) / scale[i % 6], &out);
    // Of every size; and such as lie in the middle between two of twelve digits.
    check_number(random / 7e9 / pow(10, i % 17), &out);
    check_number((double)(seed >> 30) / (double)(2u << i % 24), &out);
  }
  for (int power = -6; power < 17; power++) {
    double below = pow(10, power), above = below;
    for (uint32_t i = 0; i < 40; i++) {
      check_number(below, &out);
      check_number(-above, &out);
      check_number(below * (1 - i / 4e12), &out); // rounded up to the power, or not
      below = nextafter(below, 0);
      above = nextafter(above, INFINITY);
    }
  }
  ds_buf_done(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_numbers),
      cmocka_unit_test(test_table),       cmocka_unit_test(test_every_width_fits),
      cmocka_unit_test(test_rows_are_cut), cmocka_unit_test(test_terminal_is_safe),
      cmocka_unit_test(test_one_row_is_a_list),
      cmocka_unit_test(test_many_texts_are_lists), cmocka_unit_test(test_csv),
      cmocka_unit_test(test_names_lose_their_middle), cmocka_unit_test(test_narrow),
      cmocka_unit_test(test_labels_break), cmocka_unit_test(test_lists),
      cmocka_unit_test(test_csv_is_safe), cmocka_unit_test(test_json),
      cmocka_unit_test(test_full_buffer), cmocka_unit_test(test_formats),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
