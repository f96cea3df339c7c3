// SPDX-License-Identifier: Apache-2.0
#include "model/tracking.h"

static void skip_blanks(ds_str text, uint32_t *at) {
  while (*at < text.size && text.data[*at] == ' ')
    ++*at;
}

// "14:00", "9:30" or "14", up to 24:00.
static bool read_minute(ds_str text, uint32_t *at, int32_t *ret_minute) {
  int32_t part[2] = {0};
  for (uint32_t p = 0; p < 2; p++) {
    const uint32_t first = *at;
    while (*at < text.size && *at < first + 2 && text.data[*at] >= '0' && text.data[*at] <= '9')
      part[p] = part[p] * 10 + (text.data[(*at)++] - '0');
    if (*at == first || (p == 1 && *at != first + 2))
      return false;
    if (p == 0 && (*at == text.size || text.data[*at] != ':'))
      break;
    *at += p == 0;
  }
  *ret_minute = part[0] * 60 + part[1];
  return part[1] < 60 && *ret_minute <= DS_DAY_MINUTES;
}

bool ds_hours_parse(ds_str text, ds_hours *ret_hours) {
  ds_hours hours;
  uint32_t at = 0;
  skip_blanks(text, &at);
  if (!read_minute(text, &at, &hours.from))
    return false;
  skip_blanks(text, &at);
  if (at == text.size || text.data[at++] != '-')
    return false;
  skip_blanks(text, &at);
  if (!read_minute(text, &at, &hours.until))
    return false;
  skip_blanks(text, &at);
  if (at != text.size)
    return false;
  hours.until += hours.until <= hours.from ? DS_DAY_MINUTES : 0;
  *ret_hours = hours;
  return true;
}

uint32_t ds_carrier_normal(ds_str name, char *out) {
  uint32_t size = 0;
  for (uint32_t i = 0; i < name.size; i++) {
    const char c = name.data[i];
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80)
      out[size++] = c;
    else if (c >= 'A' && c <= 'Z')
      out[size++] = (char)(c - 'A' + 'a');
  }
  return size;
}
