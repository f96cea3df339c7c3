// SPDX-License-Identifier: Apache-2.0
#include "render/cell.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <utf8proc.h>

#include "model/time.h"

// Doubles below this that are whole print as integers without loss.
static const double WHOLE_MAX = 9007199254740992.0;

void ds_scratch_reset(ds_buf *scratch) {
  if (scratch->no_memory)
    scratch->size = 0;
  else
    ds_buf_reset(scratch);
}

// Control characters could rule the terminal; direction overrides could make one name look like
// another; noncharacters are not allowed in XML.
static bool is_harmful(utf8proc_int32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x202a && point <= 0x202e) ||
         (point >= 0x2066 && point <= 0x2069) || point == 0x2028 || point == 0x2029 ||
         (point & 0xfffe) == 0xfffe;
}

void ds_text_clean(ds_str text, ds_buf *out) {
  for (uint32_t at = 0; at < text.size;) {
    utf8proc_int32_t point = -1;
    const utf8proc_ssize_t size =
        utf8proc_iterate((const utf8proc_uint8_t *)text.data + at,
                         (utf8proc_ssize_t)(text.size - at), &point);
    if (size <= 0 || is_harmful(point))
      ds_buf_text(out, "\xef\xbf\xbd");
    else
      ds_buf_append(out, text.data + at, (size_t)size);
    at += size <= 0 ? 1 : (uint32_t)size;
  }
}

// The size of the character at `at`.
static uint32_t character_size(ds_str text, uint32_t at) {
  uint32_t end = at + 1;
  while (end < text.size && ((uint8_t)text.data[end] & 0xc0) == 0x80)
    end++;
  return end - at;
}

void ds_text_cut(ds_str text, uint32_t columns, ds_buf *out) {
  uint32_t total = ds_str_columns(text);
  if (total <= columns) {
    ds_buf_append(out, text.data, text.size);
    return;
  }
  const uint32_t tail = (columns - 1) / 2;
  const uint32_t head = columns - 1 - tail;
  uint32_t at = 0, used = 0;
  while (at < text.size) {
    const uint32_t size = character_size(text, at);
    const uint32_t width = ds_str_columns((ds_str){text.data + at, size});
    if (used + width > head)
      break;
    used += width;
    at += size;
  }
  ds_buf_append(out, text.data, at);
  ds_buf_text(out, "…");
  for (total -= used; total > tail;) {
    const uint32_t size = character_size(text, at);
    total -= ds_str_columns((ds_str){text.data + at, size});
    at += size;
  }
  // What combines would do so with the sign before.
  while (at < text.size &&
         ds_str_columns((ds_str){text.data + at, character_size(text, at)}) == 0)
    at += character_size(text, at);
  ds_buf_append(out, text.data + at, text.size - at);
}

static void list_append(ds_str text, const char *between, ds_buf *out,
                        void (*item)(ds_str text, ds_buf *out)) {
  uint32_t start = 0;
  for (uint32_t at = 0; at <= text.size; at++) {
    if (at < text.size && text.data[at] != DS_LIST_SEPARATOR)
      continue;
    if (start != 0)
      ds_buf_text(out, between);
    item((ds_str){text.data + start, at - start}, out);
    start = at + 1;
  }
}

static void text_append(ds_str text, ds_buf *out) { ds_buf_append(out, text.data, text.size); }

static void human_number(double number, ds_buf *out) {
  char text[32];
  if (!isfinite(number)) {
    ds_buf_text(out, "–");
  } else if (fabs(number) >= 1000 && fabs(number) < WHOLE_MAX) {
    if (number < 0)
      ds_buf_u8(out, '-');
    ds_buf_text(out, ds_human_count(text, (uint64_t)llround(fabs(number))));
  } else if (number == trunc(number)) {
    ds_buf_printf(out, "%.0f", number);
  } else {
    ds_buf_printf(out, "%.*f", fabs(number) >= 100 ? 1 : fabs(number) >= 0.1 ? 2 : 4, number);
  }
}

// "2018-01-31", or with the time of day to the minute.
static void human_time(int64_t time_ms, ds_buf *out) {
  char text[32];
  ds_time_print(text, time_ms);
  char *t = strchr(text, 'T');
  assert(t != NULL);
  *t = time_ms % DS_DAY_MS == 0 ? '\0' : ' ';
  if (*t == ' ')
    t[6] = '\0';
  ds_buf_text(out, text);
}

void ds_cell_human(const ds_column *column, const ds_cell *cell, ds_buf *out) {
  char text[32];
  if (cell->null) {
    ds_buf_text(out, "–");
    return;
  }
  switch (column->type) {
  case DS_CELL_TEXT:
  case DS_CELL_EXACT:
    ds_text_clean(cell->text, out);
    return;
  case DS_CELL_LIST:
    list_append(cell->text, " > ", out, ds_text_clean);
    return;
  case DS_CELL_ITEMS:
    list_append(cell->text, " ", out, ds_text_clean);
    return;
  case DS_CELL_COUNT:
    if (cell->i >= 0 && strcmp(column->unit, "bytes") == 0) {
      ds_buf_text(out, ds_human_bytes(text, (uint64_t)cell->i));
      return;
    }
    if (cell->i < 0)
      ds_buf_u8(out, '-');
    ds_buf_text(out, ds_human_count(text, cell->i < 0 ? 0 - (uint64_t)cell->i : (uint64_t)cell->i));
    return;
  case DS_CELL_NUMBER:
    human_number(cell->number, out);
    return;
  case DS_CELL_DURATION:
    if (fabs(cell->number) < WHOLE_MAX)
      ds_buf_text(out, ds_human_duration(text, llround(cell->number)));
    else
      ds_buf_text(out, "–");
    return;
  case DS_CELL_SHARE:
    ds_buf_text(out, ds_human_share(text, cell->number));
    return;
  case DS_CELL_TIME:
    human_time(cell->i, out);
    return;
  }
}

static const char pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445"
    "46474849505152535455565758596061626364656667686970717273747576777879808182838485868788899091"
    "9293949596979899";

// Whole numbers are most of what is written, formats are slow, and most have one digit.
static char *put_whole(char *at, int64_t number) {
  uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
  if (number < 0)
    *at++ = '-';
  if (left < 10) {
    *at = (char)('0' + left);
    return at + 1;
  }
  uint32_t digits = 2;
  for (uint64_t limit = 100; digits < 20 && left >= limit; limit *= 10)
    digits++;
  uint32_t d = digits;
  for (; d > 1; d -= 2, left /= 100)
    memcpy(at + d - 2, pairs + left % 100 * 2, 2);
  if (d > 0)
    *at = (char)('0' + left);
  return at + digits;
}

enum { SIGNIFICANT = 12, PLACES_MAX = 15 };
static const uint64_t powers[PLACES_MAX + 1] = {
    1,           10,           100,           1000,           10000,           100000,
    1000000,     10000000,     100000000,     1000000000,     10000000000,     100000000000,
    1000000000000, 10000000000000, 100000000000000, 1000000000000000};

// digits / 10^places, without the zeros at the end.
static inline char *put_places(char *at, bool negative, uint64_t digits, uint32_t places) {
  uint64_t rest = digits % powers[places];
  if (negative)
    *at++ = '-';
  at = put_whole(at, (int64_t)(digits / powers[places]));
  if (rest == 0)
    return at;
  for (; rest % 10 == 0; rest /= 10)
    places--;
  *at++ = '.';
  for (uint32_t p = places; p > 0; p--, rest /= 10)
    at[p - 1] = (char)('0' + rest % 10);
  return at + places;
}

// A number of up to four decimals, such as money, as %.12g writes it; NULL when it is none. One
// that is the nearest to k / 10000 with k of at most 12 digits has these digits.
static char *put_decimal(char *at, double number) {
  const double size = fabs(number) * 10000;
  const uint64_t k = size < 1e12 ? (uint64_t)(size + 0.5) : 0;
  if (!(size < 1e12) || (double)k / 10000 != fabs(number))
    return NULL;
  return put_places(at, number < 0, k, 4);
}

// size * 10^places of a size with a fraction, to the nearest whole number, the even one of two. It
// is exact: 53 bits and a power of ten fit 128 bits. *ret_floor is the whole number below.
static uint64_t scaled(double size, uint32_t places, uint64_t *ret_floor) {
  uint64_t stored = 0;
  memcpy(&stored, &size, sizeof stored);
  // The size is bits / 2^shift.
  const uint64_t bits = (stored & ((1ull << 52) - 1)) | 1ull << 52;
  const uint32_t shift = (uint32_t)(1075 - (stored >> 52));
  assert(places <= PLACES_MAX && shift > 0 && shift < 128);
  const unsigned __int128 product = (unsigned __int128)bits * powers[places];
  const unsigned __int128 rest = product & (((unsigned __int128)1 << shift) - 1);
  const unsigned __int128 half = (unsigned __int128)1 << (shift - 1);
  *ret_floor = (uint64_t)(product >> shift);
  return *ret_floor + (rest > half || (rest == half && (*ret_floor & 1) != 0));
}

// A number with a fraction, from 0.0001 and below 10^11, as %.12g writes it; NULL when it is none.
static char *put_significant(char *at, double number) {
  const double size = fabs(number);
  if (!(size >= 1e-4 && size < 1e11))
    return NULL;
  // So many places as leave 12 digits; powers below one are not exact, so they may be one off.
  uint32_t places = PLACES_MAX;
  for (uint32_t p = 1; p <= PLACES_MAX && size >= 1e-4 * (double)powers[p]; p++)
    places--;
  uint64_t below = 0, digits = scaled(size, places, &below);
  if (below >= powers[SIGNIFICANT])
    digits = scaled(size, --places, &below);
  else if (below < powers[SIGNIFICANT - 1])
    digits = scaled(size, ++places, &below);
  return put_places(at, number < 0, digits, places);
}

char *ds_cell_write(const ds_column *column, const ds_cell *cell, char *at) {
  const double number = cell->number;
  if (cell->null)
    return at;
  if (column->type == DS_CELL_COUNT)
    return put_whole(at, cell->i);
  if (column->type == DS_CELL_TIME)
    return at + strlen(ds_time_print(at, cell->i));
  if (fabs(number) < WHOLE_MAX && (double)(int64_t)number == number)
    return put_whole(at, (int64_t)number);
  char *end = put_decimal(at, number);
  if (end == NULL)
    end = put_significant(at, number);
  if (end != NULL || !isfinite(number))
    return end == NULL ? at : end;
  return at + snprintf(at, DS_CELL_BYTES, "%.12g", number);
}

void ds_cell_plain(const ds_column *column, const ds_cell *cell, ds_buf *out) {
  char text[DS_CELL_BYTES];
  if (cell->null)
    return;
  switch (column->type) {
  case DS_CELL_TEXT:
  case DS_CELL_EXACT:
    text_append(cell->text, out);
    return;
  case DS_CELL_LIST:
    list_append(cell->text, " > ", out, text_append);
    return;
  case DS_CELL_ITEMS:
    list_append(cell->text, " ", out, text_append);
    return;
  default:
    ds_buf_append(out, text, (size_t)(ds_cell_write(column, cell, text) - text));
  }
}

double ds_cell_number(const ds_column *column, const ds_cell *cell) {
  double number = 0;
  if (cell->null || !ds_column_is_figure(column))
    return 0;
  if (column->type == DS_CELL_EXACT)
    return ds_str_to_double(cell->text, &number) ? number : 0;
  return column->type == DS_CELL_COUNT ? (double)cell->i : cell->number;
}

void ds_column_label(const ds_table *table, uint32_t column, ds_buf *out) {
  const ds_str name = ds_str_of(table->columns[column].name);
  if (column >= table->columns_count - table->given_names) {
    ds_buf_append(out, name.data, name.size);
    return;
  }
  const bool in_ms = name.size > 3 && memcmp(name.data + name.size - 3, "_ms", 3) == 0;
  for (uint32_t i = 0; i < name.size - (in_ms ? 3 : 0); i++)
    ds_buf_u8(out, (uint8_t)(name.data[i] == '_' ? ' ' : name.data[i]));
}

bool ds_column_is_figure(const ds_column *column) {
  return column->type == DS_CELL_COUNT || column->type == DS_CELL_NUMBER ||
         column->type == DS_CELL_DURATION || column->type == DS_CELL_SHARE ||
         column->type == DS_CELL_EXACT;
}

const char *ds_cell_type_name(ds_cell_type type) {
  static const char *const names[] = {
      [DS_CELL_TEXT] = "text",         [DS_CELL_COUNT] = "count", [DS_CELL_NUMBER] = "number",
      [DS_CELL_DURATION] = "duration", [DS_CELL_SHARE] = "share", [DS_CELL_TIME] = "time",
      [DS_CELL_LIST] = "list",         [DS_CELL_ITEMS] = "items",
      [DS_CELL_EXACT] = "exact",
  };
  assert((size_t)type < sizeof names / sizeof *names);
  return names[type];
}
