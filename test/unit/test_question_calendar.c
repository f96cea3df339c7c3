// SPDX-License-Identifier: Apache-2.0
// The period that another is compared with, over changes of clocks and leap days.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question/calendar.h"

static int64_t instant(const char *text) {
  int64_t ms;
  bool local, date_only;
  if (!ds_time_parse(ds_str_of(text), &ms, &local, &date_only))
    fail_msg("%s is no time", text);
  return ms;
}

static void test_earlier(void **state) {
  (void)state;
  // In Berlin clocks go forward on 2024-03-31 and back on 2024-10-27.
  static const struct {
    const char *from, *to;
    bool year;
    const char *earlier_from, *earlier_to;
  } cases[] = {
      {"2024-04-01T00:00+02", "2024-04-08T00:00+02", false, "2024-03-25T00:00+01",
       "2024-04-01T00:00+02"},
      {"2024-11-01T00:00+01", "2024-11-08T00:00+01", false, "2024-10-25T00:00+02",
       "2024-11-01T00:00+01"},
      {"2024-03-30T00:00+01", "2024-04-01T00:00+02", true, "2023-03-30T00:00+02",
       "2023-04-01T00:00+02"},
      {"2024-02-01T00:00+01", "2024-02-29T00:00+01", true, "2023-02-01T00:00+01",
       "2023-03-01T00:00+01"},
      {"2024-02-29T00:00+01", "2024-03-01T00:00+01", true, "2023-03-01T00:00+01",
       "2023-03-01T00:00+01"},
      {"1970-01-01T06:30+01", "1970-01-02T00:00+01", true, "1969-01-01T06:30+01",
       "1969-01-02T00:00+01"},
  };
  ds_zone *zone = NULL;
  ds_error err = {0};
  if (ds_zone_load(ds_io_posix(), "/usr/share/zoneinfo", ds_str_of("Europe/Berlin"), &zone,
                   &err) != DS_OK)
    fail_msg("%s", err.message);
  const ds_request request = {.zone = zone};
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    int64_t from_ms = instant(cases[c].from), to_ms = instant(cases[c].to);
    ds_calendar_earlier(&request, cases[c].year, &from_ms, &to_ms);
    assert_int_equal(from_ms, instant(cases[c].earlier_from));
    assert_int_equal(to_ms, instant(cases[c].earlier_to));
  }
  ds_zone_free(zone);
  const ds_request utc = {.zone = NULL};
  int64_t from_ms = instant("1968-02-29T12:00Z"), to_ms = instant("1968-03-02T12:00Z");
  ds_calendar_earlier(&utc, true, &from_ms, &to_ms);
  assert_int_equal(from_ms, instant("1967-03-01T12:00Z"));
  assert_int_equal(to_ms, instant("1967-03-02T12:00Z"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_earlier)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
