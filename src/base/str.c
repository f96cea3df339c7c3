// SPDX-License-Identifier: Apache-2.0
#include "base/str.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "base/limits.h"

#define NUMBER_BYTES_MAX 511u
#define EXACT_DIGITS_MAX 15 // so many decimal digits are exact in a double
#define EXACT_POWER_MAX 22  // and so are the powers of ten up to this one

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool ds_str_equal(ds_str a, ds_str b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int ds_str_compare(ds_str a, ds_str b) {
  const uint32_t shared = a.size < b.size ? a.size : b.size;
  const int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
  if (order != 0)
    return order;
  return (a.size > b.size) - (a.size < b.size);
}

bool ds_str_equal_nocase(ds_str a, ds_str b) {
  if (a.size != b.size)
    return false;
  for (uint32_t i = 0; i < a.size; i++) {
    if (lower(a.data[i]) != lower(b.data[i]))
      return false;
  }
  return true;
}

bool ds_str_to_u64(ds_str text, uint64_t *ret_value) {
  uint64_t value = 0;
  for (uint32_t i = 0; i < text.size; i++) {
    if (!is_digit(text.data[i]))
      return false;
    const uint64_t digit = (uint64_t)(text.data[i] - '0');
    if (value > (UINT64_MAX - digit) / 10)
      return false;
    value = value * 10 + digit;
  }
  if (text.size == 0)
    return false;
  *ret_value = value;
  return true;
}

bool ds_str_to_i64(ds_str text, int64_t *ret_value) {
  const bool negative = text.size > 0 && text.data[0] == '-';
  if (negative)
    text = (ds_str){text.data + 1, text.size - 1};
  uint64_t size;
  if (!ds_str_to_u64(text, &size) || size > (uint64_t)INT64_MAX + negative)
    return false;
  // The smallest integer has no positive counterpart, hence the step through unsigned.
  *ret_value = negative ? (int64_t)(0 - size) : (int64_t)size;
  return true;
}

// What a scan over the grammar -?digits[.digits][e[+-]digits] found out.
typedef struct decimal {
  uint64_t digits; // the mantissa, exact while significant <= EXACT_DIGITS_MAX
  int significant;
  int64_t exponent; // of ten
  bool negative;
} decimal;

// Reads digits into the mantissa; returns how many there were.
static uint32_t scan_digits(ds_str text, uint32_t *at, decimal *found, int64_t exponent_step) {
  const uint32_t start = *at;
  for (; *at < text.size && is_digit(text.data[*at]); (*at)++) {
    if (found->significant > 0 || text.data[*at] != '0')
      found->significant++;
    if (found->significant <= EXACT_DIGITS_MAX)
      found->digits = found->digits * 10 + (uint64_t)(text.data[*at] - '0');
    found->exponent += exponent_step;
  }
  return *at - start;
}

static bool scan_exponent(ds_str text, uint32_t *at, decimal *found) {
  if (*at >= text.size || lower(text.data[*at]) != 'e')
    return true;
  (*at)++;
  const bool negative = *at < text.size && text.data[*at] == '-';
  if (*at < text.size && (text.data[*at] == '-' || text.data[*at] == '+'))
    (*at)++;
  int64_t exponent = 0;
  const uint32_t start = *at;
  for (; *at < text.size && is_digit(text.data[*at]); (*at)++) {
    if (exponent < 100000)
      exponent = exponent * 10 + (text.data[*at] - '0');
  }
  found->exponent += negative ? -exponent : exponent;
  return *at > start;
}

static bool scan_decimal(ds_str text, decimal *found) {
  uint32_t at = 0;
  *found = (decimal){0};
  if (text.size > 0 && text.data[0] == '-') {
    found->negative = true;
    at++;
  }
  uint32_t digits = scan_digits(text, &at, found, 0);
  if (at < text.size && text.data[at] == '.') {
    at++;
    digits += scan_digits(text, &at, found, -1);
  }
  return digits > 0 && scan_exponent(text, &at, found) && at == text.size;
}

// The general case goes to strtod under the C locale, whatever locale the caller's program has.
static bool parse_in_c_locale(ds_str text, double *ret_value) {
  char copy[NUMBER_BYTES_MAX + 1];
  locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (locale == (locale_t)0)
    return false;
  memcpy(copy, text.data, text.size);
  copy[text.size] = '\0';
  const double value = strtod_l(copy, NULL, locale);
  freelocale(locale);
  if (!isfinite(value))
    return false;
  *ret_value = value;
  return true;
}

bool ds_str_to_double(ds_str text, double *ret_value) {
  static const double powers[EXACT_POWER_MAX + 1] = {
      1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  decimal found;
  if (text.size > NUMBER_BYTES_MAX || !scan_decimal(text, &found))
    return false;
  const bool exact = found.significant <= EXACT_DIGITS_MAX &&
                     found.exponent >= -EXACT_POWER_MAX && found.exponent <= EXACT_POWER_MAX;
  if (!exact)
    return parse_in_c_locale(text, ret_value);
  // Both operands are exact, so that the one rounding gives the nearest double (W. D. Clinger,
  // "How to read floating point numbers accurately", 1990).
  double value = (double)found.digits;
  value = found.exponent < 0 ? value / powers[-found.exponent] : value * powers[found.exponent];
  *ret_value = found.negative ? -value : value;
  return true;
}

// The units of a duration, largest first.
typedef struct duration_unit {
  const char *name;
  int64_t ms;
} duration_unit;

static const duration_unit duration_units[] = {
    {"w", 604800000}, {"d", 86400000}, {"h", 3600000}, {"min", 60000},
    {"m", 60000},     {"s", 1000},     {"ms", 1},
};

// The size of the unit written as these letters, or 0.
static int64_t unit_ms_of(ds_str name) {
  for (size_t i = 0; i < sizeof(duration_units) / sizeof(*duration_units); i++) {
    if (ds_str_equal(name, ds_str_of(duration_units[i].name)))
      return duration_units[i].ms;
  }
  return 0;
}

// The view from `at` on while the characters are (not) digits.
static ds_str span_of(ds_str text, uint32_t at, bool digits) {
  uint32_t end = at;
  while (end < text.size && is_digit(text.data[end]) == digits)
    end++;
  return (ds_str){text.data + at, end - at};
}

bool ds_str_to_duration_ms(ds_str text, int64_t *ret_ms) {
  int64_t total_ms = 0;
  int64_t previous_ms = INT64_MAX;
  for (uint32_t at = 0; at < text.size;) {
    const ds_str digits = span_of(text, at, true);
    const ds_str name = span_of(text, at + digits.size, false);
    const int64_t unit_ms = unit_ms_of(name);
    int64_t count;
    int64_t part_ms;
    // Units must fall ("1h30m"): anything else is more likely a slip than meant.
    if (unit_ms == 0 || unit_ms >= previous_ms || !ds_str_to_i64(digits, &count))
      return false;
    if (__builtin_mul_overflow(count, unit_ms, &part_ms) ||
        __builtin_add_overflow(total_ms, part_ms, &total_ms))
      return false;
    previous_ms = unit_ms;
    at += digits.size + name.size;
  }
  if (text.size == 0)
    return false;
  *ret_ms = total_ms;
  return true;
}

// Letters as they are compared for "did you mean": no case, no '_', no ' '. Returns their number,
// or DS_NAME_BYTES_MAX + 1 when there are too many.
static uint32_t fold(ds_str text, char out[DS_NAME_BYTES_MAX]) {
  uint32_t size = 0;
  for (uint32_t i = 0; i < text.size; i++) {
    if (text.data[i] == '_' || text.data[i] == ' ')
      continue;
    if (size == DS_NAME_BYTES_MAX)
      return DS_NAME_BYTES_MAX + 1;
    out[size++] = lower(text.data[i]);
  }
  return size;
}

static uint32_t min3(uint32_t a, uint32_t b, uint32_t c) {
  const uint32_t ab = a < b ? a : b;
  return ab < c ? ab : c;
}

// Insertions, deletions, replacements and swaps of neighbours that lead from a to b (optimal string
// alignment: R. A. Wagner and R. Lowrance, 1975, without edits inside a swap). Three rows suffice.
static uint32_t distance_of(const char *a, uint32_t a_size, const char *b, uint32_t b_size) {
  uint32_t rows[3][DS_NAME_BYTES_MAX + 1];
  for (uint32_t j = 0; j <= b_size; j++)
    rows[0][j] = j;
  for (uint32_t i = 1; i <= a_size; i++) {
    const uint32_t *before = rows[(i + 1) % 3];
    const uint32_t *above = rows[(i + 2) % 3];
    uint32_t *row = rows[i % 3];
    row[0] = i;
    for (uint32_t j = 1; j <= b_size; j++) {
      const uint32_t replace = above[j - 1] + (a[i - 1] != b[j - 1]);
      row[j] = min3(replace, above[j] + 1, row[j - 1] + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = row[j] < before[j - 2] + 1 ? row[j] : before[j - 2] + 1;
    }
  }
  return rows[a_size % 3][b_size];
}

const char *ds_str_nearest(ds_str name, const char *const *candidates, size_t count) {
  char wanted[DS_NAME_BYTES_MAX];
  char other[DS_NAME_BYTES_MAX];
  const uint32_t wanted_size = fold(name, wanted);
  if (wanted_size == 0 || wanted_size > DS_NAME_BYTES_MAX)
    return NULL;
  const char *nearest = NULL;
  uint32_t nearest_distance = wanted_size / 3 + 1;
  for (size_t i = 0; i < count && nearest_distance > 0; i++) {
    const uint32_t other_size = fold(ds_str_of(candidates[i]), other);
    if (other_size > DS_NAME_BYTES_MAX)
      continue;
    const uint32_t distance = distance_of(wanted, wanted_size, other, other_size);
    if (distance < nearest_distance) {
      nearest_distance = distance;
      nearest = candidates[i];
    }
  }
  return nearest;
}

// Writes the number with separators, at most 27 bytes with the NUL; returns its length.
static size_t write_count(char *out, uint64_t count) {
  char digits[24];
  const int size = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
  size_t to = 0;
  for (int i = 0; i < size; i++) {
    if (i > 0 && (size - i) % 3 == 0)
      out[to++] = ',';
    out[to++] = digits[i];
  }
  out[to] = '\0';
  return to;
}

const char *ds_human_count(char out[32], uint64_t count) {
  write_count(out, count);
  return out;
}

// A unit and its size in the smallest one.
typedef struct human_unit {
  const char *name;
  uint64_t size;
} human_unit;

// value / size to the nearest, halves up, without overflow.
static uint64_t rounded(uint64_t value, uint64_t size) {
  return value / size + (value % size >= size - value % size && value % size != 0);
}

// Two figures or more in the largest unit that leaves at least one before the point: the next unit
// is taken when the value, as it would be printed, reaches it. Integers only, so that no locale
// and no binary fraction shows.
static void human_scaled(char *out, size_t out_size, uint64_t value, const human_unit *units,
                         size_t count) {
  size_t u = 0;
  while (u + 1 < count && rounded(value, units[u].size) >= units[u + 1].size / units[u].size)
    u++;
  const uint64_t size = units[u].size;
  const uint64_t tenths = value / size * 10 + rounded(value % size * 10, size);
  if (u > 0 && value / size < 10 && tenths < 100) {
    snprintf(out, out_size, "%d.%d %s", (int)(tenths / 10), (int)(tenths % 10), units[u].name);
    return;
  }
  const size_t length = write_count(out, rounded(value, size));
  snprintf(out + length, out_size - length, " %s", units[u].name);
}

const char *ds_human_duration(char out[32], int64_t duration_ms) {
  static const human_unit units[] = {
      {"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
  const bool negative = duration_ms < 0;
  const uint64_t size_ms = negative ? 0 - (uint64_t)duration_ms : (uint64_t)duration_ms;
  // Nothing is nothing in any unit: "0 ms" would claim a precision that days do not have.
  if (duration_ms == 0 || duration_ms == INT64_MIN) {
    memcpy(out, duration_ms == 0 ? "0" : "-", 2);
    return out;
  }
  out[0] = '-';
  human_scaled(out + negative, 32 - (size_t)negative, size_ms, units,
               sizeof(units) / sizeof(*units));
  return out;
}

const char *ds_human_bytes(char out[32], uint64_t bytes) {
  static const human_unit units[] = {
      {"B", 1},
      {"KiB", 1ull << 10},
      {"MiB", 1ull << 20},
      {"GiB", 1ull << 30},
      {"TiB", 1ull << 40},
      {"PiB", 1ull << 50},
      {"EiB", 1ull << 60},
  };
  human_scaled(out, 32, bytes, units, sizeof(units) / sizeof(*units));
  return out;
}

const char *ds_human_share(char out[32], double share) {
  const double size = fabs(share);
  const char *sign = share < 0 ? "-" : "";
  if (!isfinite(share) || size > 1e15) {
    memcpy(out, "-", 2);
    return out;
  }
  const uint64_t tenths = (uint64_t)(size * 1000 + 0.5);
  // A share that is not quite nothing or not quite all must not look as if it were.
  if (size > 0 && tenths == 0)
    snprintf(out, 32, "%s", share > 0 ? "< 0.1 %" : "> -0.1 %");
  else if (size < 1 && tenths == 1000)
    snprintf(out, 32, "%s", share > 0 ? "> 99.9 %" : "< -99.9 %");
  else if (tenths == 0 || tenths == 1000)
    snprintf(out, 32, "%s%d %%", sign, (int)(tenths / 10));
  else
    snprintf(out, 32, "%s%llu.%d %%", sign, (unsigned long long)(tenths / 10),
             (int)(tenths % 10));
  return out;
}

uint32_t ds_str_columns(ds_str text) {
  uint32_t columns = 0;
  for (uint32_t at = 0; at < text.size;) {
    utf8proc_int32_t point;
    const utf8proc_ssize_t size = utf8proc_iterate((const utf8proc_uint8_t *)text.data + at,
                                                   (utf8proc_ssize_t)(text.size - at), &point);
    // A byte that is no UTF-8 is shown by terminals as one replacement character.
    const int width = size > 0 ? utf8proc_charwidth(point) : 1;
    columns += width > 0 ? (uint32_t)width : 0;
    at += size > 0 ? (uint32_t)size : 1;
  }
  return columns;
}
