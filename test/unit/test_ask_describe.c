// SPDX-License-Identifier: Apache-2.0
// The question table as JSON: every question and option of the table stands in it, by its type.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ask/describe.h"
#include "question/question.h"

static void expect_text(const ds_buf *text, const char *part) {
  if (memmem(text->data, text->size, part, strlen(part)) == NULL)
    fail_msg("not there: %s", part);
}

static uint32_t count_of(const ds_buf *text, const char *part) {
  uint32_t count = 0;
  const uint8_t *at = text->data, *end = text->data + text->size;
  while ((at = memmem(at, (size_t)(end - at), part, strlen(part))) != NULL) {
    at += strlen(part);
    count++;
  }
  return count;
}

static void test_questions(void **state) {
  ds_buf text;
  uint32_t options = ds_common_options_count;
  (void)state;
  ds_buf_init(&text, 1 << 20);
  ds_json json = ds_json_to(&text, false);
  ds_describe_questions(&json);
  assert_false(text.failed);
  for (uint32_t q = 0; q < ds_questions_count; q++) {
    char part[128];
    snprintf(part, sizeof part, "{\"name\":\"%s\",\"purpose\":", ds_questions[q].name);
    expect_text(&text, part);
    options += ds_questions[q].options_count;
    for (uint32_t o = 0; o < ds_questions[q].options_count; o++)
      options -= strcmp(ds_questions[q].options[o].name, "personal") == 0;
  }
  assert_int_equal(count_of(&text, "\"positional\":"), options);
  expect_text(&text, "\"common_options\":[{\"name\":\"case\",\"type\":\"name\","
                     "\"argument\":\"KEY\",\"preset\":\"\",\"choices\":[],");
  expect_text(&text, "\"name\":\"step\",\"type\":\"arguments\"");
  expect_text(&text, "\"choices\":[\"sequence\",\"strict\",\"any\"]");
  expect_text(&text, "\"name\":\"without\",\"type\":\"text\"");
  // The only option with dashes that may be given again, beside words without dashes.
  uint32_t several = 1;
  for (uint32_t q = 0; q < ds_questions_count; q++)
    for (uint32_t i = 0; i < ds_questions[q].options_count; i++)
      several += ds_questions[q].options[i].type == DS_OPTION_ARGUMENTS;
  assert_int_equal(count_of(&text, "\"repeated\":true"), several);
  ds_buf_done(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_questions)};
  return cmocka_run_group_tests_name("describe", tests, NULL, NULL);
}
