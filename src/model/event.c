// SPDX-License-Identifier: Apache-2.0
// The row form is described in event.h. Invariants of every row that encode writes and decode
// accepts: (1) size counts every byte of the row, nothing is left over; (2) only known flags are
// set; (3) every code names an entry of the space; (4) instants lie within DS_TIME_MAX_MS, numbers
// are finite, booleans are 0 or 1; (5) counts and lengths keep the limits of limits.h.
#include "model/event.h"

#include <assert.h>
#include <math.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/limits.h"
#include "model/identifier.h"
#include "model/time.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rows are copied as they lie in memory");

enum { FLAG_RECEIVED = 1, FLAG_ID = 2, FLAGS_KNOWN = 3 };

// The bytes before the optional fields; the layout has no padding on any supported machine.
typedef struct row_start {
  uint32_t size;
  uint16_t touchpoint;
  uint16_t source;
  uint32_t import;
  uint8_t flags;
  uint8_t keys;
  uint16_t properties;
  int64_t time_ms;
} row_start;
static_assert(sizeof(row_start) == 24, "the start of a row is 24 bytes");

static_assert(DS_EVENT_KEYS_MAX <= UINT8_MAX, "keys are counted in one byte");
static_assert(DS_EVENT_PROPERTIES_MAX <= UINT16_MAX, "properties are counted in two bytes");

static inline uint8_t *put(uint8_t *at, const void *data, size_t size) {
  memcpy(at, data, size);
  return at + size;
}

static inline uint8_t *put_text16(uint8_t *at, ds_str text) {
  const uint16_t size = (uint16_t)text.size;
  at = put(at, &size, sizeof size);
  return size == 0 ? at : put(at, text.data, size);
}

static inline bool time_fits(int64_t time_ms) {
  return time_ms >= -DS_TIME_MAX_MS && time_ms <= DS_TIME_MAX_MS;
}

static inline bool date_fits(int64_t days) {
  return days >= -DS_TIME_MAX_MS / DS_DAY_MS && days <= DS_TIME_MAX_MS / DS_DAY_MS;
}

// Null and not-a-number mean "no value", and a row holds present values only.
static inline bool value_present(const ds_value *value) {
  return value->type != DS_TYPE_NULL &&
         (value->type != DS_TYPE_NUMBER || isfinite(value->number));
}

// The payload's size, or SIZE_MAX when the value cannot be stored.
static inline size_t value_size(const ds_value *value) {
  switch (value->type) {
  case DS_TYPE_STRING:
    return value->text.size <= DS_TEXT_BYTES_MAX ? 4 + (size_t)value->text.size : SIZE_MAX;
  case DS_TYPE_SEALED:
    return value->text.size <= DS_SEALED_BYTES_MAX ? 4 + (size_t)value->text.size : SIZE_MAX;
  case DS_TYPE_BOOL:
    return 1;
  case DS_TYPE_TIME:
    return time_fits(value->i) ? 8 : SIZE_MAX;
  case DS_TYPE_DATE:
    return date_fits(value->i) ? 8 : SIZE_MAX;
  case DS_TYPE_NUMBER:
  case DS_TYPE_DURATION:
    return 8;
  default:
    return SIZE_MAX;
  }
}

static inline uint8_t *put_value(uint8_t *at, const ds_value *value) {
  switch (value->type) {
  case DS_TYPE_STRING:
  case DS_TYPE_SEALED:
    at = put(at, &value->text.size, 4);
    return value->text.size == 0 ? at : put(at, value->text.data, value->text.size);
  case DS_TYPE_BOOL:
    *at = value->i != 0;
    return at + 1;
  case DS_TYPE_NUMBER:
    return put(at, &value->number, 8);
  default:
    return put(at, &value->i, 8);
  }
}

// Adds up the properties that will be written; false when one cannot be stored.
static bool properties_measure(const ds_event *event, size_t *size, uint16_t *ret_count) {
  uint16_t count = 0;
  for (uint32_t i = 0; i < event->properties_count; i++) {
    const ds_value *value = &event->properties[i].value;
    assert(!event->properties[i].personal);
    if (!value_present(value))
      continue;
    const size_t payload = value_size(value);
    if (payload == SIZE_MAX)
      return false;
    *size += 3 + payload;
    count++;
  }
  *ret_count = count;
  return true;
}

// Fills the start of the row; false when a stated maximum is exceeded.
static bool row_measure(const ds_event *event, row_start *start) {
  assert(!event->personal_subject);
  if (event->keys_count > DS_EVENT_KEYS_MAX ||
      event->properties_count > DS_EVENT_PROPERTIES_MAX || event->subject.size > UINT16_MAX ||
      !time_fits(event->time_ms) || (event->has_received && !time_fits(event->received_ms)))
    return false;
  size_t size = sizeof(row_start) + 8 + 2 + event->subject.size;
  size += 8 * ((size_t)event->has_received + (size_t)event->has_id);
  for (uint32_t i = 0; i < event->keys_count; i++) {
    if (event->keys[i].text.size > UINT16_MAX)
      return false;
    size += 4 + (size_t)event->keys[i].text.size;
  }
  uint16_t properties = 0;
  if (!properties_measure(event, &size, &properties) || size > DS_EVENT_BYTES_MAX)
    return false;
  *start = (row_start){
      .size = (uint32_t)size,
      .touchpoint = event->touchpoint,
      .source = event->source,
      .import = event->import,
      .flags = (uint8_t)((event->has_received ? FLAG_RECEIVED : 0) | (event->has_id ? FLAG_ID : 0)),
      .keys = (uint8_t)event->keys_count,
      .properties = properties,
      .time_ms = event->time_ms,
  };
  return true;
}

static uint8_t *row_write(uint8_t *at, const ds_event *event, const row_start *start) {
  at = put(at, start, sizeof *start);
  if (event->has_received)
    at = put(at, &event->received_ms, 8);
  if (event->has_id)
    at = put(at, &event->id, 8);
  at = put(at, &event->arrival, 8);
  at = put_text16(at, event->subject);
  for (uint32_t i = 0; i < event->keys_count; i++) {
    at = put(at, &event->keys[i].name, 2);
    at = put_text16(at, event->keys[i].text);
  }
  for (uint32_t i = 0; i < event->properties_count; i++) {
    const ds_event_property *property = &event->properties[i];
    if (!value_present(&property->value))
      continue;
    at = put(at, &property->name, 2);
    *at++ = (uint8_t)property->value.type;
    at = put_value(at, &property->value);
  }
  return at;
}

ds_code ds_event_encode(const ds_event *event, ds_buf *out, ds_error *err) {
  TRY(ds_buf_check(out, "events", err));
  row_start start;
  if (!row_measure(event, &start))
    return ds_fail(err, DS_LIMIT, "an event exceeds the limits: %u keys (at most %u), %u "
                   "properties (at most %u), or a text or time out of range",
                   event->keys_count, DS_EVENT_KEYS_MAX, event->properties_count,
                   DS_EVENT_PROPERTIES_MAX);
  uint8_t *row = ds_buf_reserve(out, start.size);
  if (row == NULL) {
    const ds_code code = ds_buf_check(out, "events", err);
    out->failed = false; // The buffer stays usable: the caller may flush it and try again.
    return code;
  }
  const uint8_t *end = row_write(row, event, &start);
  assert(end == row + start.size);
  (void)end;
  out->size += start.size;
  return DS_OK;
}

// A cursor over one untrusted row; every take fails by returning NULL past the end.
typedef struct cursor {
  const uint8_t *at;
  const uint8_t *end;
} cursor;

static inline bool take(cursor *in, void *ret_data, size_t size) {
  if ((size_t)(in->end - in->at) < size)
    return false;
  memcpy(ret_data, in->at, size);
  in->at += size;
  return true;
}

static inline bool take_bytes(cursor *in, uint32_t size, ds_str *ret_text) {
  if ((size_t)(in->end - in->at) < size)
    return false;
  *ret_text = (ds_str){(const char *)in->at, size};
  in->at += size;
  return true;
}

static inline bool take_text16(cursor *in, ds_str *ret_text) {
  uint16_t size;
  return take(in, &size, sizeof size) && take_bytes(in, size, ret_text);
}

static inline bool take_value(cursor *in, ds_value *ret_value) {
  uint32_t size;
  uint8_t truth;
  switch (ret_value->type) {
  case DS_TYPE_STRING:
    return take(in, &size, sizeof size) && size <= DS_TEXT_BYTES_MAX &&
           take_bytes(in, size, &ret_value->text);
  case DS_TYPE_SEALED:
    return take(in, &size, sizeof size) && size <= DS_SEALED_BYTES_MAX &&
           take_bytes(in, size, &ret_value->text);
  case DS_TYPE_NUMBER:
    return take(in, &ret_value->number, 8) && isfinite(ret_value->number);
  case DS_TYPE_BOOL:
    if (!take(in, &truth, 1) || truth > 1)
      return false;
    ret_value->i = truth;
    return true;
  case DS_TYPE_TIME:
    return take(in, &ret_value->i, 8) && time_fits(ret_value->i);
  case DS_TYPE_DATE:
    return take(in, &ret_value->i, 8) && date_fits(ret_value->i);
  case DS_TYPE_DURATION:
    return take(in, &ret_value->i, 8);
  default:
    return false;
  }
}

static bool take_keys(cursor *in, ds_event *event, const ds_space *space) {
  for (uint32_t i = 0; i < event->keys_count; i++) {
    ds_event_key *key = &event->keys[i];
    if (!take(in, &key->name, 2) || key->name >= space->keys.count ||
        !take_text16(in, &key->text))
      return false;
  }
  return true;
}

static bool take_properties(cursor *in, ds_event *event, const ds_space *space) {
  for (uint32_t i = 0; i < event->properties_count; i++) {
    ds_event_property *property = &event->properties[i];
    uint8_t type;
    if (!take(in, &property->name, 2) || property->name >= space->properties.count ||
        !take(in, &type, 1))
      return false;
    property->personal = false;
    property->value.type = (ds_type)type;
    if (!take_value(in, &property->value))
      return false;
  }
  return true;
}

// The first rule that the start of a row breaks, in words, or NULL.
static const char *start_problem(const row_start *start, size_t size, const ds_space *space) {
  if (start->size < sizeof *start + 10 || start->size > size || start->size > DS_EVENT_BYTES_MAX)
    return "its size is impossible";
  if ((start->flags & ~FLAGS_KNOWN) != 0)
    return "it has unknown flags";
  if (start->touchpoint >= space->touchpoints.count || start->source >= space->sources.count)
    return "its touchpoint or source has no name";
  if (start->keys > DS_EVENT_KEYS_MAX || start->properties > DS_EVENT_PROPERTIES_MAX)
    return "it has too many keys or properties";
  if (!time_fits(start->time_ms))
    return "its time is out of range";
  return NULL;
}

// The fields between the start and the keys.
static bool take_middle(cursor *in, uint8_t flags, ds_event *event) {
  event->has_received = (flags & FLAG_RECEIVED) != 0;
  event->has_id = (flags & FLAG_ID) != 0;
  event->received_ms = event->time_ms;
  event->id = 0;
  if (event->has_received && (!take(in, &event->received_ms, 8) || !time_fits(event->received_ms)))
    return false;
  if (event->has_id && !take(in, &event->id, 8))
    return false;
  return take(in, &event->arrival, 8) && take_text16(in, &event->subject);
}

ds_code ds_event_decode(const uint8_t *row, size_t size, const ds_space *space, ds_event *event,
                        size_t *ret_size, ds_error *err) {
  row_start start;
  if (size < sizeof start)
    return ds_fail(err, DS_CORRUPT, "a stored event is cut short");
  memcpy(&start, row, sizeof start);
  const char *problem = start_problem(&start, size, space);
  if (problem != NULL)
    return ds_fail(err, DS_CORRUPT, "a stored event is damaged: %s", problem);
  event->personal_subject = false;
  event->touchpoint = start.touchpoint;
  event->source = start.source;
  event->import = start.import;
  event->time_ms = start.time_ms;
  event->keys_count = start.keys;
  event->properties_count = start.properties;
  cursor in = {row + sizeof start, row + start.size};
  if (!take_middle(&in, start.flags, event))
    return ds_fail(err, DS_CORRUPT, "a stored event is damaged: its times, id or subject");
  if (!take_keys(&in, event, space))
    return ds_fail(err, DS_CORRUPT, "a stored event is damaged: its case keys");
  if (!take_properties(&in, event, space))
    return ds_fail(err, DS_CORRUPT, "a stored event is damaged: its properties");
  if (in.at != in.end)
    return ds_fail(err, DS_CORRUPT, "a stored event is damaged: bytes are left over");
  *ret_size = start.size;
  return DS_OK;
}

bool ds_link_names_find(const ds_space *space, ds_link_names *ret_names) {
  static const char *const facts[] = {DS_LINK_TOLD, DS_LINK_UNTOLD, DS_LINK_SEEN};
  static_assert(sizeof facts / sizeof *facts == DS_LINK_TOUCHPOINTS, "all of them");
  bool any = false;
  for (uint32_t t = 0; t < DS_LINK_TOUCHPOINTS; t++) {
    ret_names->touchpoint[t] = ds_names_find(&space->touchpoints, ds_str_of(facts[t]));
    any = any || ret_names->touchpoint[t] != DS_NONE;
  }
  ret_names->with = ds_names_find(&space->properties, ds_str_of(DS_LINK_PROPERTY));
  return any && ret_names->with != DS_NONE;
}

bool ds_link_names_has(const ds_link_names *names, uint32_t touchpoint) {
  for (uint32_t t = 0; t < DS_LINK_TOUCHPOINTS; t++)
    if (names->touchpoint[t] == touchpoint)
      return true;
  return false;
}

bool ds_row_link(const uint8_t *row, const ds_link_names *names, ds_str *ret_with) {
  ds_row head;
  const uint8_t *at = ds_row_open(row, &head);
  if (!ds_link_names_has(names, head.touchpoint))
    return false;
  cursor in = {at, row + head.size};
  for (uint32_t k = 0; k < head.keys; k++) {
    uint16_t name;
    ds_str text;
    if (!take(&in, &name, sizeof name) || !take_text16(&in, &text))
      return false;
  }
  for (uint32_t p = 0; p < head.properties; p++) {
    uint16_t name;
    uint8_t type;
    ds_value value;
    if (!take(&in, &name, sizeof name) || !take(&in, &type, sizeof type))
      return false;
    value.type = (ds_type)type;
    if (!take_value(&in, &value))
      return false;
    if (name == names->with && value.type == DS_TYPE_STRING) {
      *ret_with = value.text;
      return true;
    }
  }
  return false;
}

uint64_t ds_subject_hash(ds_str subject) { return XXH3_64bits(subject.data, subject.size); }

uint64_t ds_key_hash(ds_str text) { return XXH3_64bits(text.data, text.size); }

uint64_t ds_id_hash(ds_str source, ds_str id) {
  const uint64_t seed = XXH3_64bits(source.data, source.size);
  return XXH3_64bits_withSeed(id.data, id.size, seed);
}
