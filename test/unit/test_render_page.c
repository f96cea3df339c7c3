// SPDX-License-Identifier: Apache-2.0
// A page of one file: no text of its data can end its element, and the policy has the hashes of
// exactly what stands in it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "render/page.h"

static ds_page page_of(const char *data) {
  return (ds_page){.title = {"A <b> & \"c\"", 11},
                   .script = {"let a = 1;", 10},
                   .style = {"p{}", 3},
                   .data = ds_str_of(data),
                   .id = "the-data",
                   .words = "<p>words</p>"};
}

static void expect_part(ds_buf *out, const char *part, bool there) {
  if ((strstr(ds_buf_cstr(out), part) != NULL) != there)
    fail_msg("%s: %s\n%s", there ? "not there" : "there", part, ds_buf_cstr(out));
}

static void test_data(void **state) {
  ds_buf out;
  (void)state;
  ds_buf_init(&out, 1 << 20);
  const ds_page page = page_of("{\"a\":\"</script><!--\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\x93é\"}");
  assert_int_equal(ds_render_page(&page, &out, NULL), DS_OK);
  expect_part(&out, "id=\"the-data\">{\"a\":\"\\u003c/script>\\u003c!--\\u2028\\u2029"
                    "\xE2\x80\x93é\"}</script>", true);
  expect_part(&out, "<title>A &#60;b&#62; &#38; &#34;c&#34;</title>", true);
  expect_part(&out, "<noscript><p>words</p></noscript>", true);
  ds_buf_done(&out);
}

// By hand: the base64 of the SHA-256 of the two texts.
static void test_policy(void **state) {
  ds_buf out;
  unsigned char hash[crypto_hash_sha256_BYTES];
  char shown[64], part[160];
  (void)state;
  ds_buf_init(&out, 1 << 20);
  const ds_page page = page_of("{}");
  assert_int_equal(ds_render_page(&page, &out, NULL), DS_OK);
  crypto_hash_sha256(hash, (const unsigned char *)"let a = 1;", 10);
  sodium_bin2base64(shown, sizeof shown, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
  snprintf(part, sizeof part, "default-src 'none'; script-src 'sha256-%s';", shown);
  expect_part(&out, part, true);
  expect_part(&out, "<script>let a = 1;</script>", true);
  expect_part(&out, "<style>p{}</style>", true);
  expect_part(&out, "http", true); // of http-equiv
  expect_part(&out, "http:", false);
  expect_part(&out, "https:", false);
  ds_buf_done(&out);
}

static void test_bad_files(void **state) {
  static const char *const scripts[] = {"a('</SCRIPT>')", "a('<!--')"};
  ds_buf out;
  ds_error err = {.message = ""};
  (void)state;
  ds_buf_init(&out, 1 << 20);
  for (size_t i = 0; i < 2; i++) {
    ds_page page = page_of("{}");
    page.script = ds_str_of(scripts[i]);
    assert_int_equal(ds_render_page(&page, &out, &err), DS_LIBRARY);
  }
  ds_page page = page_of("{}");
  page.style = ds_str_of("a::before{content:'</style>'}");
  assert_int_equal(ds_render_page(&page, &out, &err), DS_LIBRARY);
  assert_int_equal(out.size, 0);
  ds_buf_done(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_data),
      cmocka_unit_test(test_policy),
      cmocka_unit_test(test_bad_files),
  };
  return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
