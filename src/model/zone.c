// SPDX-License-Identifier: Apache-2.0
// Reads TZif files (RFC 8536): header {"TZif", version, 15 reserved bytes, six u32 counts: isut,
// isstd, leap, time, type, char}, big-endian; then time x i32 instants, time x u8 type numbers,
// type x {i32 offset, u8 dst, u8 name}, names, leap x 8, isstd, isut bytes. From version 2 on that
// block is followed by a second header and block with 64-bit instants (leap x 12) and by "\n", a
// POSIX TZ text for all later instants, "\n".
//
// A zone is kept as one sorted table of transitions. The TZ text is unrolled into it for 400 years:
// the Gregorian calendar repeats exactly after these (146,097 days, whole weeks), so any later
// instant is moved back by whole cycles. Invariant: transition instants never decrease.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "model/time.h"

enum {
  FILE_BYTES_MAX = 1 << 20,
  NAME_BYTES_MAX = 64,
  TRANSITIONS_MAX = 10000,
  CYCLE_YEARS = 400,
  DAY_S = 86400,
  OFFSET_MAX_S = 26 * 3600, // no zone is further from UTC
};
static const int64_t CYCLE_S = 146097LL * DAY_S;

typedef struct transition {
  int64_t at_s;     // UTC
  int32_t offset_s; // from then on
} transition;

struct ds_zone {
  int32_t first_offset_s; // before the first transition
  bool cyclic;            // instants from limit_s on repeat those of the 400 years before
  int64_t limit_s;
  uint32_t count;
  transition table[];
};

// When in a year a rule of a TZ text strikes.
typedef struct rule {
  char kind; // 'J' day 1..365 without leap day, 'D' day 0..365, 'M' month.week.weekday
  int month;
  int week;
  int day;
  int32_t time_s; // local, may be negative or past 24 h
} rule;

// A parsed TZ text.
typedef struct tz_text {
  int32_t standard_s;
  int32_t summer_s;
  bool has_summer;
  rule begin;
  rule end;
} tz_text;

static bool skip_name(const char **at) {
  const char *c = *at;
  const char *start = c;
  if (*c == '<') {
    while (*c != '\0' && *c != '>')
      c++;
    if (*c != '>')
      return false;
    *at = c + 1;
    return true;
  }
  while ((*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z'))
    c++;
  *at = c;
  return c - start >= 3;
}

static bool take_number(const char **at, int max, int *ret_value) {
  if (**at < '0' || **at > '9')
    return false;
  int value = 0;
  while (**at >= '0' && **at <= '9' && value <= max)
    value = value * 10 + (*(*at)++ - '0');
  *ret_value = value;
  return value <= max;
}

// [+-]h[:m[:s]]
static bool take_hms(const char **at, int32_t *ret_s) {
  const bool negative = **at == '-';
  int part[3] = {0, 0, 0};
  if (**at == '-' || **at == '+')
    (*at)++;
  if (!take_number(at, 167, &part[0]))
    return false;
  for (int i = 1; i < 3 && **at == ':'; i++) {
    (*at)++;
    if (!take_number(at, 59, &part[i]))
      return false;
  }
  const int32_t s = part[0] * 3600 + part[1] * 60 + part[2];
  *ret_s = negative ? -s : s;
  return true;
}

static bool take_month_rule(const char **at, rule *out) {
  if (!take_number(at, 12, &out->month) || *(*at)++ != '.' || !take_number(at, 5, &out->week) ||
      *(*at)++ != '.' || !take_number(at, 6, &out->day))
    return false;
  return out->month >= 1 && out->week >= 1;
}

static bool take_rule(const char **at, rule *out) {
  *out = (rule){.kind = 'D', .time_s = 2 * 3600};
  if (*(*at)++ != ',')
    return false;
  if (**at == 'M' || **at == 'J')
    out->kind = *(*at)++;
  const bool fits = out->kind == 'M' ? take_month_rule(at, out) : take_number(at, 365, &out->day);
  if (!fits || (out->kind == 'J' && out->day == 0))
    return false;
  if (**at != '/')
    return true;
  (*at)++;
  return take_hms(at, &out->time_s);
}

// Offsets in a TZ text count westwards.
static bool tz_text_parse(const char *at, tz_text *out) {
  int32_t west_s = 0;
  *out = (tz_text){0};
  if (!skip_name(&at) || !take_hms(&at, &west_s))
    return false;
  out->standard_s = -west_s;
  if (*at == '\0')
    return true;
  out->has_summer = true;
  out->summer_s = out->standard_s + 3600;
  if (!skip_name(&at))
    return false;
  if (*at != ',') {
    if (!take_hms(&at, &west_s))
      return false;
    out->summer_s = -west_s;
  }
  return take_rule(&at, &out->begin) && take_rule(&at, &out->end) && *at == '\0' &&
         abs(out->standard_s) < OFFSET_MAX_S && abs(out->summer_s) < OFFSET_MAX_S;
}

// The local instant at which a rule strikes in a year, as if UTC.
static int64_t rule_local_s(const rule *strike, int64_t year) {
  const int64_t january = ds_days_from_civil(year, 1, 1);
  int64_t day = january + strike->day;
  if (strike->kind == 'J') {
    const bool leap = ds_days_from_civil(year + 1, 1, 1) - january == 366;
    day = january + strike->day - 1 + (leap && strike->day >= 60);
  } else if (strike->kind == 'M') {
    const int64_t first = ds_days_from_civil(year, (unsigned)strike->month, 1);
    const int64_t weekday = ((first + 4) % 7 + 7) % 7; // 1970-01-01 was a Thursday
    day = first + (strike->day - weekday + 7) % 7 + (strike->week - 1) * 7;
    const int64_t next = strike->month == 12
                             ? ds_days_from_civil(year + 1, 1, 1)
                             : ds_days_from_civil(year, (unsigned)strike->month + 1, 1);
    // Week 5 means the last such weekday of the month.
    if (day >= next)
      day -= 7;
  }
  return day * DAY_S + strike->time_s;
}

static void table_add(ds_zone *zone, int64_t at_s, int32_t offset_s) {
  if (zone->count != 0 && at_s < zone->table[zone->count - 1].at_s)
    return;
  zone->table[zone->count++] = (transition){at_s, offset_s};
}

// Unrolls the TZ text behind the last transition for one cycle of the calendar and a margin.
static void table_unroll(ds_zone *zone, const tz_text *tz) {
  int64_t year = 1800;
  unsigned month;
  unsigned day;
  if (zone->count != 0) {
    const int64_t last_s = zone->table[zone->count - 1].at_s;
    ds_civil_from_days(last_s / DAY_S - (last_s % DAY_S < 0), &year, &month, &day);
  } else {
    zone->first_offset_s = tz->standard_s;
  }
  const int64_t year_end = year + CYCLE_YEARS + 2;
  zone->cyclic = true;
  zone->limit_s = ds_days_from_civil(year + CYCLE_YEARS + 1, 1, 1) * DAY_S;
  for (; year <= year_end; year++) {
    const transition begin = {rule_local_s(&tz->begin, year) - tz->standard_s, tz->summer_s};
    const transition end = {rule_local_s(&tz->end, year) - tz->summer_s, tz->standard_s};
    const bool begin_first = begin.at_s < end.at_s;
    const transition *first = begin_first ? &begin : &end;
    const transition *second = begin_first ? &end : &begin;
    table_add(zone, first->at_s, first->offset_s);
    table_add(zone, second->at_s, second->offset_s);
  }
}

// The counts of a header.
typedef struct header {
  uint8_t version;
  uint32_t isut, isstd, leap, time, type, text;
} header;

static uint32_t read_be32(ds_reader *in) { return __builtin_bswap32(ds_read_u32(in)); }

static bool header_read(ds_reader *in, header *out) {
  const uint8_t *magic = ds_read_bytes(in, 4);
  if (magic == NULL || memcmp(magic, "TZif", 4) != 0)
    return false;
  out->version = ds_read_u8(in);
  (void)ds_read_bytes(in, 15);
  out->isut = read_be32(in);
  out->isstd = read_be32(in);
  out->leap = read_be32(in);
  out->time = read_be32(in);
  out->type = read_be32(in);
  out->text = read_be32(in);
  // Files that count leap seconds ("right/…") are on another time scale than our events.
  return !in->failed && out->time <= TRANSITIONS_MAX && out->type >= 1 && out->type <= 256 &&
         out->text <= 4096 && out->leap == 0 && out->isut <= 256 && out->isstd <= 256;
}

static size_t block_bytes(const header *head, size_t instant_bytes) {
  return head->time * (instant_bytes + 1) + (size_t)head->type * 6 + head->text + head->isut +
         head->isstd;
}

// Fills the table from a data block; the reader stands behind it afterwards.
static bool block_read(ds_reader *in, const header *head, size_t instant_bytes, ds_zone *zone) {
  const size_t bytes = block_bytes(head, instant_bytes);
  const uint8_t *block = ds_read_bytes(in, bytes);
  if (block == NULL)
    return false;
  const uint8_t *number = block + head->time * instant_bytes;
  const uint8_t *types = number + head->time;
  ds_reader instants = ds_reader_of(block, head->time * instant_bytes);
  int32_t offset_s[256];
  ds_reader offsets = ds_reader_of(types, (size_t)head->type * 6);
  for (uint32_t i = 0; i < head->type; i++) {
    offset_s[i] = (int32_t)read_be32(&offsets);
    (void)ds_read_bytes(&offsets, 2);
    if (offset_s[i] <= -OFFSET_MAX_S || offset_s[i] >= OFFSET_MAX_S)
      return false;
  }
  zone->first_offset_s = offset_s[0];
  for (uint32_t i = 0; i < head->time; i++) {
    const int64_t at_s = instant_bytes == 8 ? (int64_t)__builtin_bswap64(ds_read_u64(&instants))
                                            : (int32_t)read_be32(&instants);
    // A first instant of -2^59 ("the Big Bang") is legal; beyond our own range order is enough.
    const int64_t bound_s = DS_TIME_MAX_MS / 1000;
    if (number[i] >= head->type)
      return false;
    table_add(zone, at_s < -bound_s ? -bound_s : at_s > bound_s ? bound_s : at_s,
              offset_s[number[i]]);
  }
  return true;
}

// The TZ text between the newlines behind the second block; empty is allowed.
static bool footer_read(ds_reader *in, ds_zone *zone) {
  char text[256];
  size_t size = 0;
  if (ds_read_u8(in) != '\n' || in->failed)
    return false;
  for (uint8_t c = ds_read_u8(in); c != '\n'; c = ds_read_u8(in)) {
    if (in->failed || c == '\0' || size + 1 >= sizeof text)
      return false;
    text[size++] = (char)c;
  }
  text[size] = '\0';
  tz_text tz;
  if (size == 0)
    return true;
  if (!tz_text_parse(text, &tz))
    return false;
  if (tz.has_summer)
    table_unroll(zone, &tz);
  else if (zone->count == 0)
    zone->first_offset_s = tz.standard_s;
  return true;
}

static bool file_read(ds_reader in, ds_zone *zone) {
  header head;
  if (!header_read(&in, &head))
    return false;
  if (head.version == 0)
    return block_read(&in, &head, 4, zone);
  (void)ds_read_bytes(&in, block_bytes(&head, 4));
  return !in.failed && header_read(&in, &head) && block_read(&in, &head, 8, zone) &&
         footer_read(&in, zone);
}

static bool name_allowed(ds_str name) {
  if (name.size == 0 || name.size > NAME_BYTES_MAX || name.data[0] == '/')
    return false;
  for (uint32_t i = 0; i < name.size; i++) {
    const char c = name.data[i];
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    // Without a dot there is no "..".
    if (!letter && (c == '\0' || strchr("_+-/", c) == NULL))
      return false;
  }
  return true;
}

// Fills *ret_advice with ' (did you mean "X"?)' from the system's table of zones, if there is one.
static void advice_find(ds_io *io, const char *directory, ds_str name, char advice[128]) {
  enum { NAMES_MAX = 1024 };
  char path[DS_PATH_BYTES_MAX];
  char *text = NULL;
  size_t size = 0;
  advice[0] = '\0';
  snprintf(path, sizeof path, "%s/zone.tab", directory);
  if (ds_io_read_file(io, path, FILE_BYTES_MAX, &text, &size, NULL) != DS_OK)
    return;
  const char *names[NAMES_MAX] = {"UTC"};
  size_t count = 1;
  char *rest_of_lines = NULL;
  for (char *line = strtok_r(text, "\n", &rest_of_lines); line != NULL && count < NAMES_MAX;
       line = strtok_r(NULL, "\n", &rest_of_lines)) {
    char *rest_of_line = NULL;
    // Columns: country, position, zone.
    if (line[0] != '#' && strtok_r(line, "\t", &rest_of_line) != NULL &&
        strtok_r(NULL, "\t", &rest_of_line) != NULL) {
      const char *zone = strtok_r(NULL, "\t", &rest_of_line);
      if (zone != NULL)
        names[count++] = zone;
    }
  }
  const char *nearest = ds_str_nearest(name, names, count);
  if (nearest != NULL)
    snprintf(advice, 128, " (did you mean \"%s\"?)", nearest);
  free(text);
}

static ds_zone *zone_new(void) {
  const size_t room = TRANSITIONS_MAX + 2 * (CYCLE_YEARS + 4);
  return calloc(1, sizeof(ds_zone) + room * sizeof(transition));
}

static ds_code zone_missing(ds_io *io, const char *directory, ds_str name, ds_error *err) {
  char advice[128];
  advice_find(io, directory, name, advice);
  return ds_fail(err, DS_INPUT, "there is no time zone \"%.*s\"%s; names are like "
                 "\"Europe/Berlin\" or \"UTC\"", DS_STR(name), advice);
}

ds_code ds_zone_load(ds_io *io, const char *directory, ds_str name, ds_zone **ret_zone,
                     ds_error *err) {
  char path[DS_PATH_BYTES_MAX];
  char *text = NULL;
  size_t size = 0;
  if (!name_allowed(name))
    return ds_fail(err, DS_INPUT, "this is no name of a time zone; names are like "
                   "\"Europe/Berlin\" or \"UTC\"");
  ds_zone *zone = zone_new();
  if (zone == NULL)
    return ds_fail(err, DS_MEMORY, "no memory for a time zone");
  // UTC must work on a machine without a time zone database.
  const bool utc = ds_str_equal(name, ds_str_of("UTC"));
  snprintf(path, sizeof path, "%s/%.*s", directory, DS_STR(name));
  ds_code code = utc ? DS_OK : ds_io_read_file(io, path, FILE_BYTES_MAX, &text, &size, NULL);
  if (code == DS_MEMORY)
    code = ds_fail(err, DS_MEMORY, "no memory for a time zone");
  else if (code != DS_OK)
    code = zone_missing(io, directory, name, err);
  else if (!utc && !file_read(ds_reader_of(text, size), zone))
    code = ds_fail(err, DS_INPUT, "the system's file of the time zone \"%.*s\" cannot be read",
                   DS_STR(name));
  free(text);
  if (code != DS_OK) {
    ds_zone_free(zone);
    return code;
  }
  ds_zone *shrunk = realloc(zone, sizeof *zone + zone->count * sizeof(transition));
  *ret_zone = shrunk != NULL ? shrunk : zone;
  return DS_OK;
}

void ds_zone_free(ds_zone *zone) { free(zone); }

const ds_zone *ds_zone_keep(ds_zone *zone, ds_arena *arena) {
  const size_t size = sizeof *zone + zone->count * sizeof(transition);
  ds_zone *kept = ds_arena_alloc(arena, size);
  if (kept == NULL)
    return NULL;
  memcpy(kept, zone, size);
  ds_zone_free(zone);
  return kept;
}

// A stretch of time with one offset: begin_s <= instant < end_s.
typedef struct stretch {
  int64_t begin_s;
  int64_t end_s;
  int32_t offset_s;
} stretch;

static stretch stretch_at(const ds_zone *zone, int64_t utc_s) {
  int64_t shift_s = 0;
  if (zone->cyclic && utc_s >= zone->limit_s)
    shift_s = ((utc_s - zone->limit_s) / CYCLE_S + 1) * CYCLE_S;
  const int64_t moved_s = utc_s - shift_s;
  uint32_t low = 0;
  uint32_t high = zone->count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (zone->table[middle].at_s <= moved_s)
      low = middle + 1;
    else
      high = middle;
  }
  return (stretch){
      .begin_s = low == 0 ? INT64_MIN : zone->table[low - 1].at_s + shift_s,
      .end_s = low == zone->count ? INT64_MAX : zone->table[low].at_s + shift_s,
      .offset_s = low == 0 ? zone->first_offset_s : zone->table[low - 1].offset_s,
  };
}

static int64_t floor_s(int64_t ms) { return ms / 1000 - (ms % 1000 < 0); }

int64_t ds_zone_local_ms(const ds_zone *zone, int64_t utc_ms) {
  return utc_ms + stretch_at(zone, floor_s(utc_ms)).offset_s * 1000LL;
}

int64_t ds_zone_utc_ms(const ds_zone *zone, int64_t local_ms, int *ret_kind) {
  const int64_t local_s = floor_s(local_ms);
  stretch now = stretch_at(zone, local_s - OFFSET_MAX_S);
  int64_t found_s = INT64_MIN;
  int64_t shifted_s = INT64_MIN;
  int found = 0;
  // Every instant that could read as local_s lies within OFFSET_MAX_S of it.
  for (;;) {
    const int64_t utc_s = local_s - now.offset_s;
    if (utc_s >= now.begin_s && utc_s < now.end_s) {
      found_s = found == 0 ? utc_s : found_s;
      found++;
    } else if (utc_s >= now.end_s) {
      // Past the end of this stretch: if no other holds it, it falls into the gap behind.
      shifted_s = utc_s;
    }
    if (now.end_s > local_s + OFFSET_MAX_S)
      break;
    now = stretch_at(zone, now.end_s);
  }
  assert(found > 0 || shifted_s != INT64_MIN);
  if (ret_kind != NULL)
    *ret_kind = found > 1 ? 1 : found == 0 ? 2 : 0;
  return local_ms - local_s * 1000 + (found > 0 ? found_s : shifted_s) * 1000;
}

int64_t ds_zone_day(const ds_zone *zone, int64_t utc_ms) {
  const int64_t local_ms = ds_zone_local_ms(zone, utc_ms);
  return local_ms / DS_DAY_MS - (local_ms % DS_DAY_MS < 0);
}
