// SPDX-License-Identifier: Apache-2.0
// Calendar, ISO 8601 and time zones. The offsets were computed by another implementation (zoneinfo
// of Python), one second before and at each transition; years past 2037 come from the rules.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>

#include "model/time.h"

static const char ZONES[] = "/usr/share/zoneinfo";

static const struct {
  const char *zone;
  int64_t utc_s;
  int32_t offset_s;
} offsets[] = {
    {"America/Sao_Paulo", -195426001LL, -10800},
    {"America/Sao_Paulo", -195426000LL, -7200},
    {"America/Sao_Paulo", 499748399LL, -10800},
    {"America/Sao_Paulo", 499748400LL, -7200},
    {"America/Sao_Paulo", 1456019999LL, -7200},
    {"America/Sao_Paulo", 1456020000LL, -10800},
    {"America/Sao_Paulo", 1476586799LL, -10800},
    {"America/Sao_Paulo", 1476586800LL, -7200},
    {"America/Sao_Paulo", 1487469599LL, -7200},
    {"America/Sao_Paulo", 1487469600LL, -10800},
    {"America/Sao_Paulo", 1508036399LL, -10800},
    {"America/Sao_Paulo", 1508036400LL, -7200},
    {"America/Sao_Paulo", 1518919199LL, -7200},
    {"America/Sao_Paulo", 1518919200LL, -10800},
    {"America/Sao_Paulo", 1541300399LL, -10800},
    {"America/Sao_Paulo", 1541300400LL, -7200},
    {"Europe/Berlin", -781052401LL, 3600},
    {"Europe/Berlin", -781052400LL, 7200},
    {"Europe/Berlin", -776563201LL, 7200},
    {"Europe/Berlin", -776563200LL, 10800},
    {"Europe/Berlin", -765936001LL, 10800},
    {"Europe/Berlin", -765936000LL, 7200},
    {"Europe/Berlin", -761180401LL, 7200},
    {"Europe/Berlin", -761180400LL, 3600},
    {"Europe/Berlin", 323830799LL, 3600},
    {"Europe/Berlin", 323830800LL, 7200},
    {"Europe/Berlin", 338950799LL, 7200},
    {"Europe/Berlin", 338950800LL, 3600},
    {"Europe/Berlin", 1521939599LL, 3600},
    {"Europe/Berlin", 1521939600LL, 7200},
    {"Europe/Berlin", 1540688399LL, 7200},
    {"Europe/Berlin", 1540688400LL, 3600},
    {"Europe/Berlin", 13576813199LL, 3600},
    {"Europe/Berlin", 13576813200LL, 7200},
    {"Europe/Berlin", 13595561999LL, 7200},
    {"Europe/Berlin", 13595562000LL, 3600},
    {"Europe/Berlin", 64036486799LL, 3600},
    {"Europe/Berlin", 64036486800LL, 7200},
    {"Europe/Berlin", 64055235599LL, 7200},
    {"Europe/Berlin", 64055235600LL, 3600},
    {"Australia/Lord_Howe", 352216799LL, 36000},
    {"Australia/Lord_Howe", 352216800LL, 37800},
    {"Australia/Lord_Howe", 372785399LL, 37800},
    {"Australia/Lord_Howe", 372785400LL, 41400},
    {"Australia/Lord_Howe", 1522508399LL, 39600},
    {"Australia/Lord_Howe", 1522508400LL, 37800},
    {"Australia/Lord_Howe", 1538839799LL, 37800},
    {"Australia/Lord_Howe", 1538839800LL, 39600},
    {"Australia/Lord_Howe", 16733228399LL, 39600},
    {"Australia/Lord_Howe", 16733228400LL, 37800},
    {"Australia/Lord_Howe", 16748954999LL, 37800},
    {"Australia/Lord_Howe", 16748955000LL, 39600},
    {"Europe/Dublin", 1521939599LL, 0},
    {"Europe/Dublin", 1521939600LL, 3600},
    {"Europe/Dublin", 1540688399LL, 3600},
    {"Europe/Dublin", 1540688400LL, 0},
    {"Europe/Dublin", 4109878799LL, 0},
    {"Europe/Dublin", 4109878800LL, 3600},
    {"Europe/Dublin", 4128627599LL, 3600},
    {"Europe/Dublin", 4128627600LL, 0},
    {"Asia/Kathmandu", 504901799LL, 19800},
    {"Asia/Kathmandu", 504901800LL, 20700},
    {"Pacific/Apia", 1301752799LL, -36000},
    {"Pacific/Apia", 1301752800LL, -39600},
    {"Pacific/Apia", 1316872799LL, -39600},
    {"Pacific/Apia", 1316872800LL, -36000},
    {"Pacific/Apia", 1325239199LL, -36000},
    {"Pacific/Apia", 1325239200LL, 50400},
    {"America/New_York", -2717650801LL, -17762},
    {"America/New_York", -2717650800LL, -18000},
    {"America/New_York", 1173596399LL, -18000},
    {"America/New_York", 1173596400LL, -14400},
    {"America/New_York", 1194155999LL, -14400},
    {"America/New_York", 1194156000LL, -18000},
    {"America/New_York", 2846473199LL, -18000},
    {"America/New_York", 2846473200LL, -14400},
    {"America/New_York", 2867032799LL, -14400},
    {"America/New_York", 2867032800LL, -18000},
};

static ds_zone *zone_load(const char *name) {
  ds_zone *zone = NULL;
  ds_error err = {0};
  if (ds_zone_load(ds_io_posix(), ZONES, ds_str_of(name), &zone, &err) != DS_OK)
    fail_msg("%s: %s", name, err.message);
  return zone;
}

static void test_civil(void **state) {
  (void)state;
  assert_int_equal(ds_days_from_civil(1970, 1, 1), 0);
  assert_int_equal(ds_days_from_civil(2000, 2, 29), 11016);
  assert_int_equal(ds_days_from_civil(0, 3, 1), -719468);
  for (int64_t days = -800000; days <= 800000; days += 7) {
    int64_t year;
    unsigned month;
    unsigned day;
    ds_civil_from_days(days, &year, &month, &day);
    assert_true(month >= 1 && month <= 12 && day >= 1 && day <= 31);
    assert_int_equal(ds_days_from_civil(year, month, day), days);
  }
}

static void test_print(void **state) {
  (void)state;
  char out[32];
  assert_string_equal(ds_time_print(out, 0), "1970-01-01T00:00:00Z");
  assert_string_equal(ds_time_print(out, 1517392800250), "2018-01-31T10:00:00.250Z");
  assert_string_equal(ds_time_print(out, -1), "1969-12-31T23:59:59.999Z");
  assert_string_equal(ds_time_print(out, DS_TIME_MAX_MS), "275760-09-13T00:00:00Z");
  assert_string_equal(ds_date_print(out, 17562), "2018-01-31");
  ds_time_print(out, INT64_MAX);
  ds_time_print(out, INT64_MIN + DS_DAY_MS);
  assert_true(strlen(out) < sizeof out);
}

static void test_parse(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t ms;
    bool local;
    bool date_only;
  } good[] = {
      {"2018-01-31", 1517356800000, true, true},
      {"2018-01-31T10:00:00Z", 1517392800000, false, false},
      {"2018-01-31 10:00", 1517392800000, true, false},
      {"2018-01-31t10:00:00.25z", 1517392800250, false, false},
      {"2018-01-31T10:00:00,123456789+02:00", 1517385600123, false, false},
      {"2018-01-31T10:00:00-0330", 1517405400000, false, false},
      {"2018-01-31 10:00:00+00", 1517392800000, false, false},
      {"2016-12-31T23:59:60Z", 1483228800000, false, false},
      {"2000-02-29", 951782400000, true, true},
  };
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    int64_t ms = 0;
    bool local = false;
    bool date_only = false;
    assert_true(ds_time_parse(ds_str_of(good[i].text), &ms, &local, &date_only));
    assert_int_equal(ms, good[i].ms);
    assert_int_equal(local, good[i].local);
    assert_int_equal(date_only, good[i].date_only);
  }
  static const char *const bad[] = {
      "", "2018", "2018-13-01", "2018-02-29", "1900-02-29", "2018-00-10", "2018-01-00",
      "2018-01-31T", "2018-01-31T10", "2018-01-31T24:00", "2018-01-31T10:60", "2018-01-31T10:00:61",
      "2018-01-31T10:00:00.", "2018-01-31T10:00Zx", "2018-01-31T10:00+2", "2018-01-31T10:00+24:00",
      "2018-01-31T10:00+02:", "18-01-31", "2018/01/31", "2018-01-31  10:00", "x2018-01-31"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int64_t ms = 77;
    bool local;
    bool date_only;
    assert_false(ds_time_parse(ds_str_of(bad[i]), &ms, &local, &date_only));
    assert_int_equal(ms, 77);
  }
}

static void test_offsets(void **state) {
  (void)state;
  ds_zone *zone = NULL;
  const char *loaded = "";
  for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
    if (strcmp(loaded, offsets[i].zone) != 0) {
      ds_zone_free(zone);
      loaded = offsets[i].zone;
      zone = zone_load(loaded);
    }
    const int64_t utc_ms = offsets[i].utc_s * 1000;
    assert_int_equal(ds_zone_local_ms(zone, utc_ms) - utc_ms, offsets[i].offset_s * 1000LL);
    // Within the second before a transition the old offset still holds.
    if (i % 2 == 0)
      assert_int_equal(ds_zone_local_ms(zone, utc_ms + 999) - utc_ms - 999,
                       offsets[i].offset_s * 1000LL);
  }
  ds_zone_free(zone);
}

static int64_t local_of(const char *text) {
  int64_t ms = 0;
  bool local;
  bool date_only;
  assert_true(ds_time_parse(ds_str_of(text), &ms, &local, &date_only) && local);
  return ms;
}

static void assert_utc(const ds_zone *zone, const char *local, const char *utc, int kind) {
  char out[32];
  int got = -1;
  ds_time_print(out, ds_zone_utc_ms(zone, local_of(local), &got));
  assert_string_equal(out, utc);
  assert_int_equal(got, kind);
}

static void test_local_to_utc(void **state) {
  (void)state;
  ds_zone *berlin = zone_load("Europe/Berlin");
  assert_utc(berlin, "2018-07-01 12:00", "2018-07-01T10:00:00Z", 0);
  assert_utc(berlin, "2018-10-28 02:30", "2018-10-28T00:30:00Z", 1);
  assert_utc(berlin, "2018-10-28 03:00", "2018-10-28T02:00:00Z", 0);
  assert_utc(berlin, "2018-03-25 02:30:00.007", "2018-03-25T01:30:00.007Z", 2);
  assert_utc(berlin, "2018-03-25 03:00", "2018-03-25T01:00:00Z", 0);
  assert_utc(berlin, "3018-03-29 02:30", "3018-03-29T01:30:00Z", 2);
  ds_zone_free(berlin);
  ds_zone *paulo = zone_load("America/Sao_Paulo");
  // Midnight did not exist on the first day of summer time.
  assert_utc(paulo, "2018-11-04 00:00", "2018-11-04T03:00:00Z", 2);
  assert_utc(paulo, "2018-02-17 23:30", "2018-02-18T01:30:00Z", 1);
  ds_zone_free(paulo);
  ds_zone *howe = zone_load("Australia/Lord_Howe");
  assert_utc(howe, "2018-10-07 02:10", "2018-10-06T15:40:00Z", 2);
  assert_utc(howe, "2018-04-01 01:45", "2018-03-31T14:45:00Z", 1);
  ds_zone_free(howe);
  ds_zone *apia = zone_load("Pacific/Apia");
  // Samoa skipped the whole 30th of December 2011.
  assert_utc(apia, "2011-12-30 12:00", "2011-12-30T22:00:00Z", 2);
  ds_zone_free(apia);
}

static void test_utc_needs_no_files(void **state) {
  (void)state;
  ds_zone *zone = NULL;
  int kind = -1;
  assert_int_equal(ds_zone_load(ds_io_posix(), "/nonexistent", ds_str_of("UTC"), &zone, NULL),
                   DS_OK);
  assert_int_equal(ds_zone_local_ms(zone, 12345), 12345);
  assert_int_equal(ds_zone_utc_ms(zone, -12345, &kind), -12345);
  assert_int_equal(kind, 0);
  assert_int_equal(ds_zone_day(zone, -1), -1);
  ds_zone_free(zone);
}

static void test_days(void **state) {
  (void)state;
  ds_zone *zone = zone_load("America/Sao_Paulo");
  const int64_t evening = ds_days_from_civil(2018, 1, 31) * DS_DAY_MS + 23 * 3600000;
  assert_int_equal(ds_zone_day(zone, evening + 2 * 3600000), ds_days_from_civil(2018, 1, 31));
  assert_int_equal(ds_zone_day(zone, evening + 3 * 3600000), ds_days_from_civil(2018, 2, 1));
  ds_zone_free(zone);
}

static void test_bad_names(void **state) {
  (void)state;
  static const char *const bad[] = {"", "/etc/passwd", "../../etc/passwd", "Europe/../UTC",
                                    "Europe/Nowhere", "America/Sao_Paolo", "zone.tab", "Europe"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ds_zone *zone = NULL;
    ds_error err = {0};
    assert_int_equal(ds_zone_load(ds_io_posix(), ZONES, ds_str_of(bad[i]), &zone, &err), DS_INPUT);
    assert_null(zone);
    if (strcmp(bad[i], "America/Sao_Paolo") == 0)
      assert_non_null(strstr(err.message, "\"America/Sao_Paulo\""));
  }
}

// Writes a zone file into the simulated machine and loads it: an error or a usable zone.
static void load_damaged(ds_io *io, const char *text, size_t size) {
  ds_file *file = NULL;
  ds_zone *zone = NULL;
  const int flags = DS_OPEN_WRITE | DS_OPEN_CREATE;
  assert_int_equal(io->ops->open(io, "zones/X", flags, &file, NULL), DS_OK);
  assert_int_equal(io->ops->truncate(io, file, 0, NULL), DS_OK);
  assert_int_equal(io->ops->write_at(io, file, 0, text, size, NULL), DS_OK);
  io->ops->close(io, file);
  if (ds_zone_load(io, "zones", ds_str_of("X"), &zone, NULL) != DS_OK)
    return;
  for (int64_t ms = -4000000000000; ms < 40000000000000; ms += 4000000000007) {
    int kind = -1;
    (void)ds_zone_utc_ms(zone, ms, &kind);
    assert_true(kind >= 0 && kind <= 2);
  }
  ds_zone_free(zone);
}

static void test_damaged_files(void **state) {
  (void)state;
  char *text = NULL;
  size_t size = 0;
  ds_io_sim *sim = ds_io_sim_new(1);
  assert_non_null(sim);
  ds_io *io = ds_io_sim_io(sim);
  assert_int_equal(io->ops->mkdir(io, "zones", NULL), DS_OK);
  assert_int_equal(ds_io_read_file(ds_io_posix(), "/usr/share/zoneinfo/Australia/Lord_Howe", 65536,
                                   &text, &size, NULL),
                   DS_OK);
  for (size_t cut = 0; cut < size; cut += 1 + cut / 16)
    load_damaged(io, text, cut);
  for (size_t at = 0; at < size; at++) {
    const char was = text[at];
    text[at] = (char)(was ^ (1 << at % 8));
    load_damaged(io, text, size);
    text[at] = (char)0xff;
    load_damaged(io, text, size);
    text[at] = was;
  }
  free(text);
  ds_io_sim_free(sim);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_civil),        cmocka_unit_test(test_print),
      cmocka_unit_test(test_parse),        cmocka_unit_test(test_offsets),
      cmocka_unit_test(test_local_to_utc), cmocka_unit_test(test_utc_needs_no_files),
      cmocka_unit_test(test_days),         cmocka_unit_test(test_bad_names),
      cmocka_unit_test(test_damaged_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
