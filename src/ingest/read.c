// SPDX-License-Identifier: Apache-2.0
#include "ingest/read.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "model/time.h"

// Two digits at `at`, or a number over 99.
static inline uint32_t two(const char *at) {
  const uint32_t high = (uint32_t)(unsigned char)at[0] - '0';
  const uint32_t low = (uint32_t)(unsigned char)at[1] - '0';
  return high > 9 || low > 9 ? 1000 : high * 10 + low;
}

// "hh:mm:ss" at `at`.
static inline bool clock_read(const char *at, int64_t *ret_ms) {
  const uint32_t hour = two(at);
  const uint32_t minute = two(at + 3);
  const uint32_t second = two(at + 6);
  if (at[2] != ':' || at[5] != ':' || hour > 23 || minute > 59 || second > 59)
    return false;
  *ret_ms = (int64_t)((hour * 60 + minute) * 60 + second) * 1000;
  return true;
}

bool ds_read_time(ds_date_cache *cache, ds_str text, int64_t *ret_ms, bool *ret_local) {
  bool date_only;
  int64_t ms;
  const bool plain = text.size >= 19 && (text.data[10] == 'T' || text.data[10] == ' ') &&
                     (text.size == 19 || (text.size == 20 && text.data[19] == 'Z'));
  if (!plain || !clock_read(text.data + 11, &ms))
    return ds_time_parse(text, ret_ms, ret_local, &date_only);
  if (memcmp(cache->text, text.data, sizeof cache->text) != 0) {
    int64_t day_ms;
    bool local;
    if (!ds_time_parse((ds_str){text.data, 10}, &day_ms, &local, &date_only))
      return false;
    memcpy(cache->text, text.data, sizeof cache->text);
    cache->day_ms = day_ms;
  }
  *ret_ms = cache->day_ms + ms;
  *ret_local = text.size == 19;
  return true;
}

// Up to 15 digits and a scale up to 10^22 are exact in a double, so one division is rounded once
// (W. D. Clinger, "How to read floating point numbers accurately", 1990).
bool ds_read_number(ds_str text, double *ret_value) {
  static const double tens[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const uint32_t start = text.size > 0 && text.data[0] == '-';
  uint64_t digits = 0;
  uint32_t count = 0;
  uint32_t point = UINT32_MAX;
  for (uint32_t i = start; i < text.size; i++) {
    const uint32_t digit = (uint32_t)(unsigned char)text.data[i] - '0';
    if (digit <= 9 && count < 15) {
      digits = digits * 10 + digit;
      count++;
    } else if (text.data[i] == '.' && point == UINT32_MAX && count > 0 && i + 1 < text.size) {
      point = count;
    } else {
      return ds_str_to_double(text, ret_value);
    }
  }
  if (count == 0)
    return ds_str_to_double(text, ret_value);
  const double value = (double)digits / tens[point == UINT32_MAX ? 0 : count - point];
  *ret_value = start == 1 ? -value : value;
  return true;
}

// Characters below U+0300 never change under NFC, and theirs are the lead bytes below 0xCC.
static bool is_nfc_surely(ds_str text) {
  uint32_t i = 0;
  for (; i + 8 <= text.size; i += 8) {
    uint64_t word;
    memcpy(&word, text.data + i, sizeof word);
    if ((word & 0x8080808080808080u) != 0)
      break;
  }
  for (; i < text.size; i++)
    if ((unsigned char)text.data[i] >= 0xCC)
      return false;
  return true;
}

ds_code ds_read_nfc(ds_str text, ds_arena *arena, ds_str *ret_text, ds_error *err) {
  *ret_text = text;
  if (is_nfc_surely(text))
    return DS_OK;
  utf8proc_uint8_t *mapped = NULL;
  const utf8proc_ssize_t size =
      utf8proc_map((const utf8proc_uint8_t *)text.data, (utf8proc_ssize_t)text.size, &mapped,
                   UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  if (size < 0)
    return ds_fail(err, size == UTF8PROC_ERROR_NOMEM ? DS_MEMORY : DS_INPUT,
                   "a text is not UTF-8");
  const char *copy = ds_arena_text(arena, (const char *)mapped, (size_t)size);
  free(mapped);
  if (copy == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading texts");
  *ret_text = (ds_str){copy, (uint32_t)size};
  return DS_OK;
}
