// SPDX-License-Identifier: Apache-2.0
// The process map as a picture: what is drawn, that names cannot break out, and what is chosen.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>

#include "render/graphviz.h"
#include "unit/render_sample.h"

// Graphviz loses memory of each picture in its own code (Debian 12: 2.42.2); that is not ours to
// mend. The sanitizer finds this function by its name, so it must be visible.
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
  return "leak:libgvc\nleak:libcgraph\nleak:libgvplugin\n";
}

static const char *svg_of(sample *made) {
  ds_code code;
  const char *text = sample_text(made, "svg", &(ds_render_options){0}, &code);
  assert_int_equal(code, DS_OK);
  return text;
}

static void test_small(void **state) {
  (void)state;
  sample made;
  sample_small(&made);
  const char *text = svg_of(&made);
  assert_non_null(strstr(text, "<title>order_placed → delivered: 96,000 times in 96,000 cases; "
                               "median 9.0 d, 90 % within 9.0 d</title>"));
  assert_non_null(strstr(text, "<title>delivered: 96,476 times in 96,476 cases; the first event "
                               "of 0, the last of 1,200</title>"));
  assert_non_null(strstr(text, "295,141 events in 99,441 cases (order_id), as of 2018-10-16"));
  assert_non_null(strstr(text, ">order_placed</text>"));
  assert_null(strstr(text, "<title>n0"));
  assert_null(strstr(text, "<!DOCTYPE"));
  char *first = malloc(made.out.size + 1);
  assert_non_null(first);
  memcpy(first, text, made.out.size + 1);
  assert_string_equal(svg_of(&made), first);
  free(first);
  sample_done(&made);
}

static void test_names_stay_names(void **state) {
  (void)state;
  static const char *const names[] = {
      "<script>alert(1)</script>", "a\"];evil [label=\"x", "back\\", "\\N\\E\\G", "&lt;b&gt;",
      "</title><script/>", "", "n0", "s", "e", "start", "G", "\xff\xfe", "new\nline", "]]>", "%s%n",
      "\x1b[0m", "日本語", "a -> b", "{rank=same}", "'\"`"};
  sample made;
  sample_init(&made);
  const size_t count = sizeof names / sizeof *names;
  for (size_t i = 0; i < count; i++)
    sample_node(&made, names[i], 100, 10, 10);
  for (size_t i = 0; i + 1 < count; i++)
    sample_edge(&made, names[i], names[i + 1], 50, 1000);
  ds_result_option(&made.result, "case", "<script>key</script>");
  const char *text = svg_of(&made);
  assert_null(strstr(text, "<script"));
  assert_non_null(strstr(text, "&lt;script&gt;alert(1)&lt;/script&gt;"));
  assert_non_null(strstr(text, "a&quot;];evil [label=&quot;x: 100 times"));
  assert_non_null(strstr(text, ">back\\</text>"));
  assert_non_null(strstr(text, ">\\N\\E\\G</text>"));
  assert_non_null(strstr(text, ">&amp;lt;b&amp;gt;</text>"));
  assert_non_null(strstr(text, "日本語"));
  for (size_t at = 0; at < made.out.size; at++)
    assert_true(made.out.data[at] >= 0x20 || made.out.data[at] == '\n');
  sample_done(&made);
}

// Counts how often `part` occurs in `text`.
static int occurrences(const char *text, const char *part) {
  int count = 0;
  for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
    count++;
  return count;
}

static void test_large_is_cut_and_says_so(void **state) {
  (void)state;
  enum { NODES = 80 };
  sample made;
  char name[2][32];
  sample_init(&made);
  for (int i = 0; i < NODES; i++) {
    snprintf(name[0], sizeof name[0], "touchpoint_%02d", i);
    sample_node(&made, name[0], 10000 - i, i == 0 ? 10000 : 0, i == 40 ? 10000 : 0);
  }
  for (int i = 0; i < NODES; i++) {
    for (int k = 1; k < 8; k++) {
      snprintf(name[0], sizeof name[0], "touchpoint_%02d", i);
      snprintf(name[1], sizeof name[1], "touchpoint_%02d", (i * k + k) % NODES);
      sample_edge(&made, name[0], name[1], k == 1 ? 1 : 1000 - i * k, 1000 * k);
    }
  }
  const char *text = svg_of(&made);
  assert_int_equal(occurrences(text, "class=\"node\""), 50 + 2);
  // More than 60: each of the 50 keeps its strongest way in and out.
  assert_int_equal(occurrences(text, "class=\"edge\""), 88);
  assert_non_null(strstr(text, "Not all is drawn: 50 of 80 touchpoints and 88 of "));
  assert_non_null(strstr(text, " moves are hidden."));
  sample_done(&made);
}

static void test_no_data(void **state) {
  (void)state;
  sample made;
  sample_init(&made);
  assert_non_null(strstr(svg_of(&made), "0 events in 0 cases"));
  sample_node(&made, "lonely", 0, 0, 0);
  assert_non_null(strstr(svg_of(&made), ">lonely</text>"));
  sample_done(&made);
}

static void test_refusals(void **state) {
  (void)state;
  sample made;
  ds_code code;
  sample_small(&made);
  made.result.tables_count = 1;
  sample_text(&made, "svg", &(ds_render_options){0}, &code);
  assert_int_equal(code, DS_UNSUPPORTED);
  sample_done(&made);
  sample_small(&made);
  sample_node(&made, "delivered", 1, 0, 0);
  sample_text(&made, "svg", &(ds_render_options){0}, &code);
  assert_int_equal(code, DS_UNSUPPORTED);
  sample_done(&made);
}

static void test_absent_library(void **state) {
  (void)state;
  ds_buf out;
  ds_error err = {0};
  ds_buf_init(&out, 1 << 20);
  const char *const nothing[] = {"libno-such-thing.so.1", NULL};
  assert_int_equal(ds_graphviz_draw(nothing, "digraph{}", "dot", "svg", &out, &err), DS_LIBRARY);
  assert_non_null(strstr(err.message, "apt install libgvc6"));
  const char *const wrong[] = {"libc.so.6", NULL};
  assert_int_equal(ds_graphviz_draw(wrong, "digraph{}", "dot", "svg", &out, &err), DS_LIBRARY);
  assert_int_equal(ds_graphviz_draw(ds_graphviz_names, "no graph", "dot", "svg", &out, &err),
                   DS_LIBRARY);
  assert_int_equal(out.size, 0);
  ds_buf_done(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_small),   cmocka_unit_test(test_names_stay_names),
      cmocka_unit_test(test_large_is_cut_and_says_so),
      cmocka_unit_test(test_no_data), cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_absent_library),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
