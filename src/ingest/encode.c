// SPDX-License-Identifier: Apache-2.0
#include "ingest/encode.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "ingest/json_clean.h"
#include "ingest/personal.h"
#include "ingest/read.h"
#include "ingest/seen.h"
#include "model/identifier.h"
#include "ingest/seal.h"

enum {
  NAME_SLOTS = 1024, // of the cache of event names, a power of two
  FUTURE_MS = 86400000,
  ROW_BUFFER_MAX = 2 * DS_EVENT_BYTES_MAX,
  TEXT_ARENA_MAX = 256 << 20,
};

typedef struct name_slot {
  ds_str text; // in the names arena; data NULL = free
  uint16_t code;
} name_slot;

struct ds_encoder {
  ds_encode_options options;
  const ds_plan *plan;
  ds_encode_stats stats;
  double unit_ms; // of integer times
  name_slot names[NAME_SLOTS];
  ds_arena names_arena;
  ds_arena texts; // of one event, what NFC had to copy
  ds_buf subject;           // of the last row that had one
  const char *subject_kind; // its prefix; NULL = there is none
  uint64_t subject_hash;
  ds_buf row;
  ds_seen *seen; // made at the first event of several identifiers
  ds_buf json;
  ds_ndjson *parser; // of JSON texts, NULL until the first
  ds_sealer sealer;
  ds_date_cache dates;
  ds_event event;
  ds_event_key keys[DS_EVENT_KEYS_MAX];
  ds_event_property properties[DS_EVENT_PROPERTIES_MAX];
  uint64_t touchpoints[DS_TOUCHPOINTS_MAX];
};

double ds_encoder_unit_ms(const char *unit) {
  return strcmp(unit, "s") == 0 ? 1000 : strcmp(unit, "us") == 0 ? 0.001 : 1;
}

ds_code ds_encoder_new(const ds_encode_options *options, ds_encoder **ret_encoder,
                       ds_error *err) {
  ds_encoder *encoder = calloc(1, sizeof *encoder);
  if (encoder == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory starting an import");
  encoder->options = *options;
  encoder->unit_ms = ds_encoder_unit_ms(options->time_unit);
  ds_arena_init(&encoder->names_arena, 64 << 20);
  ds_arena_init(&encoder->texts, TEXT_ARENA_MAX);
  ds_buf_init(&encoder->subject, 1 << 20);
  ds_buf_init(&encoder->row, ROW_BUFFER_MAX);
  ds_buf_init(&encoder->json, ROW_BUFFER_MAX);
  ds_sealer_init(&encoder->sealer, options->stage == NULL ? NULL : options->store, NULL);
  *ret_encoder = encoder;
  return DS_OK;
}

void ds_encoder_free(ds_encoder *encoder) {
  if (encoder == NULL)
    return;
  ds_arena_done(&encoder->names_arena);
  ds_arena_done(&encoder->texts);
  ds_buf_done(&encoder->subject);
  ds_buf_done(&encoder->row);
  ds_seen_free(encoder->seen);
  ds_buf_done(&encoder->json);
  ds_ndjson_free(encoder->parser);
  ds_sealer_done(&encoder->sealer);
  free(encoder);
}

void ds_encoder_begin(ds_encoder *encoder, const ds_plan *plan) { encoder->plan = plan; }

uint64_t ds_encoder_sealed(const ds_encoder *encoder) {
  return encoder == NULL ? 0 : encoder->sealer.sealed;
}

const ds_encode_stats *ds_encoder_stats(const ds_encoder *encoder) { return &encoder->stats; }

const uint64_t *ds_encoder_touchpoints(const ds_encoder *encoder) {
  return encoder->touchpoints;
}

ds_code ds_encoder_touchpoint(ds_space *space, const ds_catalogue *catalogue, ds_str name,
                              uint16_t *ret_code, ds_error *err) {
  uint32_t index;
  const ds_str canonical = ds_catalogue_canonical(catalogue, name);
  const ds_code code = ds_names_add(&space->touchpoints, canonical, &index, err);
  if (code == DS_LIMIT)
    return ds_fail(err, code, "more than %u different event names: is the right column taken "
                   "for the event? Say --event", DS_TOUCHPOINTS_MAX);
  TRY(code);
  *ret_code = (uint16_t)index;
  return DS_OK;
}

// One row of one batch: what the functions below read from.
typedef struct row_at {
  ds_encoder *encoder;
  const ds_batch *batch;
  uint32_t row;
} row_at;

static inline bool is_there(const row_at *at, uint32_t column) {
  return column != DS_NONE && at->batch->columns[column].valid[at->row] != 0;
}

static inline ds_str text_of(const row_at *at, uint32_t column) {
  assert(at->encoder->plan->columns[column].physical == DS_PHYSICAL_TEXT);
  return ((const ds_str *)at->batch->columns[column].data)[at->row];
}

static inline int64_t i64_of(const row_at *at, uint32_t column) {
  return ((const int64_t *)at->batch->columns[column].data)[at->row];
}

static inline double double_of(const row_at *at, uint32_t column) {
  return ((const double *)at->batch->columns[column].data)[at->row];
}

static ds_code refuse(const row_at *at, uint32_t column, ds_reason reason, ds_error *err) {
  const ds_encoder *encoder = at->encoder;
  const ds_refusal refusal = {
      .record = at->batch->first + at->row + 1,
      .source = encoder->plan->name,
      .column = column == DS_NONE ? "" : encoder->plan->columns[column].name,
      .reason = reason,
  };
  if (encoder->options.strict)
    return ds_fail(err, DS_INPUT, "%s record %" PRIu64 ", column %s: %s", refusal.source,
                   refusal.record, refusal.column,
                   ds_reason_words(reason == DS_REASON_AS_TEXT ? DS_REASON_CAST : reason));
  return ds_quarantine_add(encoder->options.quarantine, &refusal, 1, err);
}

// A local reading -> UTC by the import's zone; the zone's doubtful hours are counted.
static inline int64_t local_to_utc(ds_encoder *encoder, int64_t local_ms) {
  if (encoder->options.zone == NULL)
    return local_ms;
  int kind;
  const int64_t utc_ms = ds_zone_utc_ms(encoder->options.zone, local_ms, &kind);
  encoder->stats.ambiguous += kind == 1;
  encoder->stats.missing += kind == 2;
  return utc_ms;
}

static inline int64_t floor_div(int64_t value, int64_t by) {
  return value / by - (value % by < 0);
}

static bool number_time(const ds_encoder *encoder, double value, int64_t *ret_ms) {
  const double ms = value * encoder->unit_ms;
  if (!(ms > -(double)DS_TIME_MAX_MS && ms < (double)DS_TIME_MAX_MS))
    return false;
  *ret_ms = (int64_t)floor(ms);
  return true;
}

static bool text_time(ds_encoder *encoder, ds_str text, int64_t *ret_ms) {
  bool local;
  if (ds_read_time(&encoder->dates, text, ret_ms, &local)) {
    if (local)
      *ret_ms = local_to_utc(encoder, *ret_ms);
    return true;
  }
  double number;
  return ds_read_number(text, &number) && number_time(encoder, number, ret_ms);
}

// An instant out of any physical form; false when it cannot be read.
static bool time_of(const row_at *at, uint32_t column, int64_t *ret_ms) {
  ds_encoder *encoder = at->encoder;
  switch (encoder->plan->columns[column].physical) {
  case DS_PHYSICAL_TEXT:
    if (text_of(at, column).size > DS_TEXT_BYTES_MAX)
      return false;
    return text_time(encoder, text_of(at, column), ret_ms);
  case DS_PHYSICAL_I64:
    return number_time(encoder, (double)i64_of(at, column), ret_ms);
  case DS_PHYSICAL_DOUBLE:
    return number_time(encoder, double_of(at, column), ret_ms);
  case DS_PHYSICAL_DATE:
    *ret_ms = i64_of(at, column);
    if (*ret_ms > DS_TIME_MAX_MS / DS_DAY_MS || *ret_ms < -DS_TIME_MAX_MS / DS_DAY_MS)
      return false;
    *ret_ms = local_to_utc(encoder, *ret_ms * DS_DAY_MS);
    return true;
  case DS_PHYSICAL_MICROS:
  case DS_PHYSICAL_MICROS_UTC:
    *ret_ms = floor_div(i64_of(at, column), 1000);
    if (*ret_ms > DS_TIME_MAX_MS || *ret_ms < -DS_TIME_MAX_MS)
      return false; // DuckDB's infinities, too
    if (encoder->plan->columns[column].physical == DS_PHYSICAL_MICROS)
      *ret_ms = local_to_utc(encoder, *ret_ms);
    return true;
  default:
    return false;
  }
}

// The calendar day of any form of date or time, without regard to zones.
static bool day_of(const row_at *at, uint32_t column, int64_t *ret_day) {
  ds_value value;
  switch (at->encoder->plan->columns[column].physical) {
  case DS_PHYSICAL_DATE:
    *ret_day = i64_of(at, column);
    return *ret_day <= DS_TIME_MAX_MS / DS_DAY_MS && *ret_day >= -DS_TIME_MAX_MS / DS_DAY_MS;
  case DS_PHYSICAL_MICROS:
    *ret_day = floor_div(i64_of(at, column), DS_DAY_MS * 1000);
    return *ret_day <= DS_TIME_MAX_MS / DS_DAY_MS && *ret_day >= -DS_TIME_MAX_MS / DS_DAY_MS;
  case DS_PHYSICAL_MICROS_UTC:
    if (!time_of(at, column, ret_day))
      return false;
    *ret_day = at->encoder->options.zone == NULL
                   ? floor_div(*ret_day, DS_DAY_MS)
                   : ds_zone_day(at->encoder->options.zone, *ret_day);
    return true;
  case DS_PHYSICAL_TEXT:
    if (text_of(at, column).size < 10 || text_of(at, column).size > 64 ||
        !ds_value_parse((ds_str){text_of(at, column).data, 10}, DS_TYPE_DATE, &value))
      return false;
    *ret_day = value.i;
    return true;
  default:
    return false;
  }
}

static bool number_of(const row_at *at, uint32_t column, double *ret_number) {
  switch (at->encoder->plan->columns[column].physical) {
  case DS_PHYSICAL_TEXT:
    return text_of(at, column).size <= 64 && ds_read_number(text_of(at, column), ret_number);
  case DS_PHYSICAL_I64:
    *ret_number = (double)i64_of(at, column);
    return true;
  case DS_PHYSICAL_DOUBLE:
    *ret_number = double_of(at, column);
    return isfinite(*ret_number);
  case DS_PHYSICAL_BOOL:
    *ret_number = ((const uint8_t *)at->batch->columns[column].data)[at->row];
    return true;
  default:
    return false;
  }
}

// Whether a text may read as e-mail or phone at all: most texts are let go by two glances. What
// begins with a blank may be a number behind it.
static inline bool looks_personal(ds_str text) {
  return text.size >= 6 && (text.data[0] == '+' || text.data[0] == '(' ||
                            (unsigned char)text.data[0] <= ' ' || text.data[0] == '\xC2' ||
                            memchr(text.data, '@', text.size) != NULL) &&
         ds_personal_value(text);
}

// Reads a text that looks like JSON; *ret_nodes is NULL when it is none, or too large to look into.
static ds_code json_read(ds_encoder *encoder, ds_str text, const ds_ndjson_node **ret_nodes,
                         bool *ret_large, ds_error *err) {
  uint32_t count;
  uint32_t column;
  *ret_nodes = NULL;
  if (encoder->parser == NULL)
    encoder->parser = ds_ndjson_new();
  if (encoder->parser == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading nested values");
  const char *reason =
      ds_ndjson_read(encoder->parser, text.data, text.size, ret_nodes, &count, &column);
  if (reason != NULL)
    *ret_nodes = NULL;
  *ret_large = ds_ndjson_is_limit(reason);
  // What could not be looked into may hold something personal.
  return reason == ds_ndjson_no_memory
             ? ds_fail(err, DS_MEMORY, "out of memory reading nested values")
             : DS_OK;
}

// What is personal inside of JSON text is left out; other text stays as it is. What is too large to
// look into is taken as personal, whole.
static ds_code json_clean(ds_encoder *encoder, ds_str *text, bool *personal, ds_error *err) {
  const ds_ndjson_node *nodes;
  TRY(json_read(encoder, *text, &nodes, personal, err));
  if (nodes == NULL)
    return DS_OK;
  uint64_t dropped = 0;
  ds_buf_reset(&encoder->json);
  ds_json json = ds_json_to(&encoder->json, false);
  ds_json_write_clean(nodes, 0, &encoder->texts, &json, &dropped);
  if (dropped == 0)
    return DS_OK;
  encoder->stats.personal_dropped += dropped;
  TRY(ds_buf_check(&encoder->json, "a nested value", err));
  *text = (ds_str){ds_arena_text(&encoder->texts, (const char *)encoder->json.data,
                                 encoder->json.size), (uint32_t)encoder->json.size};
  return text->data == NULL ? ds_fail(err, DS_MEMORY, "out of memory reading nested values")
                            : DS_OK;
}

// *personal is set when the text reads as e-mail or phone.
static ds_code string_of(const row_at *at, const ds_plan_property *property, bool *personal,
                         ds_value *ret_value, ds_reason *ret_reason, ds_error *err) {
  ds_encoder *encoder = at->encoder;
  if (encoder->plan->columns[property->column].physical != DS_PHYSICAL_TEXT) {
    *ret_reason = DS_REASON_BAD_VALUE;
    return DS_OK;
  }
  ds_str text = text_of(at, property->column);
  if (text.size > DS_TEXT_BYTES_MAX) {
    *ret_reason = DS_REASON_LONG_VALUE;
    return DS_OK;
  }
  *personal = *personal || (!property->plain && looks_personal(text));
  const bool nested = text.size > 1 && (text.data[0] == '[' || text.data[0] == '{');
  if (nested && !property->plain && !*personal)
    TRY(json_clean(encoder, &text, personal, err));
  ret_value->type = DS_TYPE_STRING;
  return ds_read_nfc(text, &encoder->texts, &ret_value->text, err);
}

// Reads one property; a value that does not fit becomes null, with the reason.
static ds_code value_of(const row_at *at, const ds_plan_property *property, bool *personal,
                        ds_value *ret_value, ds_reason *ret_reason, ds_error *err) {
  *ret_reason = DS_REASON_NONE;
  *ret_value = (ds_value){.type = property->type};
  bool good;
  switch (property->type) {
  case DS_TYPE_STRING:
    return string_of(at, property, personal, ret_value, ret_reason, err);
  case DS_TYPE_NUMBER:
    good = number_of(at, property->column, &ret_value->number);
    break;
  case DS_TYPE_TIME:
    good = time_of(at, property->column, &ret_value->i);
    break;
  case DS_TYPE_DATE:
    good = day_of(at, property->column, &ret_value->i);
    break;
  default:
    if (at->encoder->plan->columns[property->column].physical == DS_PHYSICAL_BOOL) {
      ret_value->i = ((const uint8_t *)at->batch->columns[property->column].data)[at->row] != 0;
      good = true;
    } else {
      good = at->encoder->plan->columns[property->column].physical == DS_PHYSICAL_TEXT &&
             text_of(at, property->column).size <= 64 &&
             ds_value_parse(text_of(at, property->column), property->type, ret_value);
    }
  }
  if (!good)
    *ret_reason = DS_REASON_BAD_VALUE;
  return DS_OK;
}

// What does not fit its type is kept as a text value of the property, where a text there is.
static ds_code as_text(const row_at *at, const ds_plan_property *property, bool *personal,
                       ds_value *ret_value, ds_reason *ret_reason, ds_error *err) {
  ds_plan_property text = *property;
  if (property->text != DS_NONE)
    text.column = property->text;
  if (at->encoder->plan->columns[text.column].physical != DS_PHYSICAL_TEXT)
    return DS_OK;
  *ret_reason = DS_REASON_NONE;
  TRY(string_of(at, &text, personal, ret_value, ret_reason, err));
  if (*ret_reason == DS_REASON_NONE && ret_value->type == DS_TYPE_STRING)
    *ret_reason = DS_REASON_AS_TEXT;
  return DS_OK;
}

static ds_code properties_fill(const row_at *at, const ds_plan_event *plan, ds_error *err) {
  ds_encoder *encoder = at->encoder;
  ds_event *event = &encoder->event;
  event->properties_count = 0;
  for (uint32_t i = 0; i < plan->properties_count; i++) {
    const ds_plan_property *property = &plan->properties[i];
    if (!is_there(at, property->column))
      continue;
    ds_event_property *to = &event->properties[event->properties_count];
    ds_reason reason;
    to->personal = property->personal;
    TRY(value_of(at, property, &to->personal, &to->value, &reason, err));
    if (reason == DS_REASON_BAD_VALUE)
      TRY(as_text(at, property, &to->personal, &to->value, &reason, err));
    if (reason != DS_REASON_NONE)
      TRY(refuse(at, property->column, reason, err));
    if (reason != DS_REASON_NONE && reason != DS_REASON_AS_TEXT)
      continue;
    to->name = property->name;
    event->properties_count += to->value.type != DS_TYPE_NULL;
  }
  return DS_OK;
}

// Adds a case key unless the event has it already.
static ds_code key_add(ds_encoder *encoder, uint16_t name, ds_str text, ds_reason *ret_reason,
                       ds_error *err) {
  ds_event *event = &encoder->event;
  if (text.size > UINT16_MAX / 2)
    *ret_reason = DS_REASON_TOO_LONG;
  TRY(ds_read_nfc(text, &encoder->texts, &text, err));
  for (uint32_t i = 0; i < event->keys_count; i++)
    if (event->keys[i].name == name && ds_str_equal(event->keys[i].text, text))
      return DS_OK;
  if (event->keys_count == DS_EVENT_KEYS_MAX)
    *ret_reason = DS_REASON_MANY_KEYS;
  if (*ret_reason == DS_REASON_NONE)
    event->keys[event->keys_count++] = (ds_event_key){name, text};
  return DS_OK;
}

// A case key may be a list: the text of a JSON array of texts and whole numbers. *ret_list is
// false, and nothing done, when it is not one.
static ds_code key_list(ds_encoder *encoder, uint16_t name, ds_str text, bool *ret_list,
                        ds_reason *ret_reason, ds_error *err) {
  const ds_ndjson_node *nodes;
  bool large;
  TRY(json_read(encoder, text, &nodes, &large, err));
  *ret_list = nodes != NULL && nodes[0].kind == DS_NDJSON_ARRAY;
  for (uint32_t i = 1; *ret_list && i < nodes[0].next; i = nodes[i].next)
    *ret_list = nodes[i].kind == DS_NDJSON_TEXT || nodes[i].kind == DS_NDJSON_INTEGER ||
                nodes[i].kind == DS_NDJSON_NULL;
  for (uint32_t i = 1; *ret_list && i < nodes[0].next; i = nodes[i].next) {
    char digits[24];
    ds_str item = nodes[i].text;
    if (nodes[i].kind == DS_NDJSON_INTEGER)
      item = (ds_str){digits, (uint32_t)snprintf(digits, sizeof digits, "%" PRId64, nodes[i].i)};
    const char *copy = ds_arena_text(&encoder->texts, item.data, item.size);
    if (copy == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory reading case keys");
    if (item.size > 0)
      TRY(key_add(encoder, name, (ds_str){copy, item.size}, ret_reason, err));
  }
  return DS_OK;
}

static ds_code keys_fill(const row_at *at, const ds_plan_event *plan, ds_reason *ret_reason,
                         uint32_t *ret_column, ds_error *err) {
  ds_encoder *encoder = at->encoder;
  encoder->event.keys_count = 0;
  for (uint32_t i = 0; i < plan->keys_count && *ret_reason == DS_REASON_NONE; i++) {
    const ds_plan_key *key = &plan->keys[i];
    if (!is_there(at, key->column))
      continue;
    const ds_str text = text_of(at, key->column);
    bool list = false;
    *ret_column = key->column;
    if (text.data == NULL) // longer than any text may be
      *ret_reason = text.size > 0 ? DS_REASON_TOO_LONG : DS_REASON_NONE;
    else if (text.size > 1 && text.data[0] == '[')
      TRY(key_list(encoder, key->name, text, &list, ret_reason, err));
    if (text.data != NULL && text.size > 0 && !list)
      TRY(key_add(encoder, key->name, text, ret_reason, err));
  }
  return DS_OK;
}

static inline uint32_t name_hash(ds_str text) {
  uint64_t head = 0;
  uint64_t tail = 0;
  const uint32_t size = text.size < 8 ? text.size : 8;
  memcpy(&head, text.data, size);
  memcpy(&tail, text.data + text.size - size, size);
  return (uint32_t)(((head ^ (tail * 0x9E3779B97F4A7C15u) ^ text.size) * 0xD6E8FEB86659FD93u) >>
                    54);
}
static_assert(NAME_SLOTS == 1 << (64 - 54), "the hash yields a slot's number");

// The code of an event's name; the catalogue is asked once per name.
static ds_code name_code(ds_encoder *encoder, ds_str text, uint16_t *ret_code, ds_error *err) {
  name_slot *slot = &encoder->names[name_hash(text)];
  if (slot->text.data == NULL || !ds_str_equal(slot->text, text)) {
    ds_str name;
    TRY(ds_read_nfc(text, &encoder->texts, &name, err));
    TRY(ds_encoder_touchpoint(encoder->options.space, encoder->options.catalogue, name,
                              &slot->code, err));
    slot->text.data = ds_arena_text(&encoder->names_arena, text.data, text.size);
    slot->text.size = text.size;
    // Names that push each other out of their slot for ever end the cache, not the import.
    if (slot->text.data == NULL)
      ds_arena_reset(&encoder->names_arena), memset(encoder->names, 0, sizeof encoder->names);
  }
  *ret_code = slot->code;
  return DS_OK;
}

static ds_code touchpoint_fill(const row_at *at, const ds_plan_event *plan,
                               ds_reason *ret_reason, ds_error *err) {
  if (plan->touchpoint == DS_NONE) {
    at->encoder->event.touchpoint = plan->touchpoint_code;
    return DS_OK;
  }
  if (!is_there(at, plan->touchpoint) || text_of(at, plan->touchpoint).size == 0)
    *ret_reason = DS_REASON_NO_EVENT;
  else if (text_of(at, plan->touchpoint).size > DS_NAME_BYTES_MAX)
    *ret_reason = DS_REASON_TOO_LONG;
  else
    return name_code(at->encoder, text_of(at, plan->touchpoint), &at->encoder->event.touchpoint,
                     err);
  return DS_OK;
}

// Whether the last row was of the same customer, as it often is: then its subject stands. A text
// equal to one in NFC is in NFC.
static inline bool subject_is_last(const ds_encoder *encoder, const char *kind, ds_str text) {
  const size_t size = encoder->subject.size;
  return encoder->subject_kind == kind && kind != NULL && size == strlen(kind) + text.size &&
         memcmp(encoder->subject.data + size - text.size, text.data, text.size) == 0;
}

static ds_code subject_fill(const row_at *at, const ds_plan_event *plan, ds_reason *ret_reason,
                            ds_error *err) {
  ds_encoder *encoder = at->encoder;
  if (!is_there(at, plan->customer) || text_of(at, plan->customer).size == 0) {
    *ret_reason = DS_REASON_NO_CUSTOMER;
    return DS_OK;
  }
  ds_str text = text_of(at, plan->customer);
  if (text.size > UINT16_MAX / 2) {
    *ret_reason = DS_REASON_TOO_LONG;
    return DS_OK;
  }
  if (subject_is_last(encoder, plan->kind, text))
    return DS_OK;
  encoder->subject_kind = NULL;
  TRY(ds_read_nfc(text, &encoder->texts, &text, err));
  // Without a kind of its own the text names it: "customer_id=C17".
  if (plan->kind[0] == '\0' && (text.data[0] == '=' || memchr(text.data, '=', text.size) == NULL)) {
    *ret_reason = DS_REASON_NO_CUSTOMER;
    return DS_OK;
  }
  ds_buf_reset(&encoder->subject);
  ds_buf_append(&encoder->subject, plan->kind, strlen(plan->kind));
  ds_buf_append(&encoder->subject, text.data, text.size);
  TRY(ds_buf_check(&encoder->subject, "a customer", err));
  encoder->event.subject =
      (ds_str){(const char *)encoder->subject.data, (uint32_t)encoder->subject.size};
  if (plan->personal || looks_personal(text))
    TRY(ds_sealer_subject(&encoder->sealer, encoder->event.subject, &encoder->event.subject, err));
  encoder->subject_hash = ds_subject_hash(encoder->event.subject);
  encoder->subject_kind = plan->kind;
  return DS_OK;
}

// The identifiers beside the customer's column that the row has.
static ds_code others_fill(const row_at *at, const ds_plan_event *plan, ds_identifier *others,
                           uint32_t *ret_count, ds_error *err) {
  ds_encoder *encoder = at->encoder;
  *ret_count = 0;
  for (uint32_t i = 0; i < plan->others_count; i++) {
    const uint32_t column = plan->others[i].column;
    if (!is_there(at, column) || text_of(at, column).size == 0 ||
        text_of(at, column).size > UINT16_MAX / 2)
      continue;
    ds_str text;
    TRY(ds_read_nfc(text_of(at, column), &encoder->texts, &text, err));
    const ds_identifier_fate fate = ds_identifier_make(
        &encoder->texts, ds_str_of(plan->others[i].kind), text, &others[*ret_count]);
    if (fate == DS_IDENTIFIER_NO_MEMORY)
      return ds_fail(err, DS_MEMORY, "out of memory for who is whom");
    *ret_count += fate == DS_IDENTIFIER_KEPT;
  }
  return DS_OK;
}

// The subject of a row with other identifiers: the strongest of them where the customer's column
// names nobody.
static ds_code subject_choose(const row_at *at, const ds_plan_event *plan,
                              const ds_identifier *others, uint32_t count, ds_reason *ret_reason,
                              ds_error *err) {
  ds_encoder *encoder = at->encoder;
  if (count == 0)
    return subject_fill(at, plan, ret_reason, err);
  const bool known = is_there(at, plan->customer) && text_of(at, plan->customer).size > 0 &&
                     !ds_identifier_is_placeholder(text_of(at, plan->customer));
  const uint32_t best = ds_identifier_best(others, count);
  if (known || ds_identifier_is_nobody(&others[best]))
    return subject_fill(at, plan, ret_reason, err);
  ds_buf_reset(&encoder->subject);
  ds_buf_append(&encoder->subject, others[best].subject.data, others[best].subject.size);
  TRY(ds_buf_check(&encoder->subject, "a customer", err));
  encoder->event.subject =
      (ds_str){(const char *)encoder->subject.data, (uint32_t)encoder->subject.size};
  if (others[best].personal)
    TRY(ds_sealer_subject(&encoder->sealer, encoder->event.subject, &encoder->event.subject, err));
  encoder->subject_hash = ds_subject_hash(encoder->event.subject);
  encoder->subject_kind = NULL; // what the next row has is not compared with it
  return DS_OK;
}

// A row that names nobody is known by the strongest object among its case keys, until an event
// tells whose that is.
static ds_code subject_provisional(const row_at *at, const ds_plan_event *plan,
                                   ds_reason *ret_reason, ds_error *err) {
  ds_encoder *encoder = at->encoder;
  uint32_t column = DS_NONE;
  ds_reason unfit = DS_REASON_NONE; // said again when the keys are read for good
  TRY(keys_fill(at, plan, &unfit, &column, err));
  for (uint32_t o = 0; unfit == DS_REASON_NONE && ds_identifier_object(o) != NULL; o++)
    for (uint32_t k = 0; k < encoder->event.keys_count; k++) {
      const ds_event_key *key = &encoder->event.keys[k];
      const ds_str kind = encoder->options.space->keys.text[key->name];
      if (!ds_str_equal(kind, ds_str_of(ds_identifier_object(o))))
        continue;
      ds_buf_reset(&encoder->subject);
      ds_buf_printf(&encoder->subject, "%.*s=", DS_STR(kind));
      ds_buf_append(&encoder->subject, key->text.data, key->text.size);
      TRY(ds_buf_check(&encoder->subject, "a customer", err));
      if (encoder->subject.size > UINT16_MAX)
        continue;
      encoder->event.subject =
          (ds_str){(const char *)encoder->subject.data, (uint32_t)encoder->subject.size};
      encoder->subject_hash = ds_subject_hash(encoder->event.subject);
      encoder->subject_kind = NULL;
      *ret_reason = DS_REASON_NONE;
      return DS_OK;
    }
  return DS_OK;
}

static ds_reason time_fill(const row_at *at, const ds_plan_event *plan) {
  ds_event *event = &at->encoder->event;
  if (!is_there(at, plan->time))
    return DS_REASON_NO_TIME;
  if (!time_of(at, plan->time, &event->time_ms))
    return DS_REASON_BAD_TIME;
  if (event->time_ms < DS_TIME_MIN_MS)
    return DS_REASON_EARLY;
  if (event->time_ms > at->encoder->options.now_ms + FUTURE_MS)
    return DS_REASON_FUTURE;
  return DS_REASON_NONE;
}

// The moment of arrival and the id: nice to have, never a reason to refuse an event.
static ds_code extras_fill(const row_at *at, const ds_plan_event *plan, ds_error *err) {
  ds_event *event = &at->encoder->event;
  event->has_received = false;
  event->has_id = false;
  event->received_ms = event->time_ms;
  if (is_there(at, plan->received)) {
    event->has_received = time_of(at, plan->received, &event->received_ms);
    if (!event->has_received)
      TRY(refuse(at, plan->received, DS_REASON_BAD_RECEIVED, err));
  }
  if (is_there(at, plan->id)) {
    const ds_str id = text_of(at, plan->id);
    event->has_id = id.size > 0 && id.size <= DS_TEXT_BYTES_MAX;
    if (event->has_id)
      event->id = ds_id_hash(ds_str_of(plan->id_scope), id);
  }
  return DS_OK;
}

// Seals and encodes an event and hands it to the stage. DS_LIMIT: it is too large; DS_NO: its
// subject was erased.
static ds_code event_stage(ds_encoder *encoder, ds_event *event, uint64_t subject_hash,
                           ds_error *err) {
  ds_buf_reset(&encoder->row);
  const bool hashed = event->personal_subject;
  TRY(ds_sealer_event(&encoder->sealer, encoder->options.space, event, err));
  if (hashed)
    subject_hash = ds_subject_hash(event->subject);
  TRY(ds_event_encode(event, &encoder->row, err));
  encoder->stats.events++;
  encoder->stats.unreceived += !event->has_received;
  encoder->touchpoints[event->touchpoint]++;
  if (encoder->options.stage == NULL)
    return DS_OK;
  return ds_stage_row(encoder->options.stage, subject_hash, encoder->row.data,
                      (uint32_t)encoder->row.size, err);
}

// Stages the fact that the event carries another identifier too, unless that is known.
static ds_code link_stage(ds_encoder *encoder, const ds_event *event, uint64_t subject_hash,
                          const ds_identifier *clear, ds_error *err) {
  ds_event fact;
  ds_identifier other;
  bool news = false;
  if (encoder->seen == NULL)
    encoder->seen = ds_seen_new(encoder->options.space);
  if (encoder->seen == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for who is whom");
  TRY(ds_sealer_identifier(&encoder->sealer, clear, &other, &news, err));
  if (news)
    TRY(ds_seen_take(encoder->seen, event, &other, &fact, &news, err));
  if (!news)
    return DS_OK;
  ds_buf_reset(&encoder->row);
  TRY(ds_event_encode(&fact, &encoder->row, err));
  encoder->stats.links++;
  return encoder->options.stage == NULL
             ? DS_OK
             : ds_stage_row(encoder->options.stage, subject_hash, encoder->row.data,
                            (uint32_t)encoder->row.size, err);
}

static ds_code event_take(const row_at *at, const ds_plan_event *plan, ds_error *err) {
  ds_encoder *encoder = at->encoder;
  if (plan->when != DS_NONE &&
      (!is_there(at, plan->when) ||
       ((const uint8_t *)at->batch->columns[plan->when].data)[at->row] == 0))
    return DS_OK;
  ds_reason reason = time_fill(at, plan);
  if (reason == DS_REASON_NO_TIME && plan->optional)
    return DS_OK;
  uint32_t column = plan->time;
  if (encoder->texts.used_bytes > 0)
    ds_arena_reset(&encoder->texts);
  ds_identifier others[DS_IDENTIFIERS_MAX];
  uint32_t others_count = 0;
  bool provisional = false;
  if (reason == DS_REASON_NONE) {
    column = plan->customer;
    if (plan->others_count > 0)
      TRY(others_fill(at, plan, others, &others_count, err));
    TRY(subject_choose(at, plan, others, others_count, &reason, err));
    provisional = reason == DS_REASON_NO_CUSTOMER;
    if (provisional)
      TRY(subject_provisional(at, plan, &reason, err));
  }
  if (reason == DS_REASON_NONE) {
    column = plan->touchpoint;
    TRY(touchpoint_fill(at, plan, &reason, err));
  }
  if (reason == DS_REASON_NONE)
    TRY(keys_fill(at, plan, &reason, &column, err));
  if (reason != DS_REASON_NONE)
    return refuse(at, column, reason, err);
  TRY(extras_fill(at, plan, err));
  TRY(properties_fill(at, plan, err));
  const ds_code code = event_stage(encoder, &encoder->event, encoder->subject_hash, err);
  encoder->stats.provisional += provisional && code == DS_OK;
  for (uint32_t i = 0; code == DS_OK && i < others_count; i++)
    TRY(link_stage(encoder, &encoder->event, encoder->subject_hash, &others[i], err));
  return code == DS_LIMIT ? refuse(at, DS_NONE, DS_REASON_TOO_LONG, err)
         : code == DS_NO  ? refuse(at, DS_NONE, DS_REASON_ERASED, err)
                          : code;
}

// Texts were written by another thread, so they lie in another core's cache: they are called for
// some rows ahead.
static inline void texts_prefetch(const ds_plan *plan, const ds_batch *batch, uint32_t row) {
  enum { AHEAD = 12, TEXT_AHEAD = 6 };
  if (row + AHEAD >= batch->rows)
    return;
  for (uint32_t i = 0; i < plan->columns_count; i++) {
    if (plan->columns[i].physical != DS_PHYSICAL_TEXT)
      continue;
    const ds_str *texts = batch->columns[i].data;
    __builtin_prefetch(&texts[row + AHEAD]);
    if (batch->columns[i].valid[row + TEXT_AHEAD])
      __builtin_prefetch(texts[row + TEXT_AHEAD].data);
  }
}

static void scope_set(const ds_encoder *encoder, ds_event *event) {
  if (encoder->options.stage != NULL) {
    event->import = ds_stage_scope(encoder->options.stage)->id;
    event->arrival = ds_stage_scope(encoder->options.stage)->arrival;
  }
}

ds_code ds_encoder_take(void *context, const ds_batch *batch, ds_error *err) {
  ds_encoder *encoder = context;
  ds_event *event = &encoder->event;
  event->source = encoder->options.source;
  event->keys = encoder->keys;
  event->properties = encoder->properties;
  scope_set(encoder, event);
  row_at at = {encoder, batch, 0};
  for (; at.row < batch->rows; at.row++) {
    texts_prefetch(encoder->plan, batch, at.row);
    for (uint32_t i = 0; i < encoder->plan->events_count; i++)
      TRY(event_take(&at, &encoder->plan->events[i], err));
  }
  encoder->stats.rows += batch->rows;
  return DS_OK;
}

ds_code ds_encoder_event(ds_encoder *encoder, ds_event *event, const ds_identifier *identifiers,
                         uint32_t identifiers_count, const ds_encode_stats *read, uint64_t line,
                         ds_error *err) {
  scope_set(encoder, event);
  const ds_code code = event_stage(encoder, event, ds_subject_hash(event->subject), err);
  encoder->stats.provisional +=
      code == DS_OK && ds_identifier_is_object(ds_subject_kind(event->subject));
  // A personal subject is another one by now.
  for (uint32_t i = 0; code == DS_OK && identifiers_count > 1 && i < identifiers_count; i++)
    TRY(link_stage(encoder, event, ds_subject_hash(event->subject), &identifiers[i], err));
  encoder->stats.rows += read->rows;
  encoder->stats.personal_dropped += read->personal_dropped;
  encoder->stats.ambiguous += read->ambiguous;
  encoder->stats.missing += read->missing;
  if (code != DS_LIMIT && code != DS_NO)
    return code;
  const ds_reason reason = code == DS_NO ? DS_REASON_ERASED : DS_REASON_TOO_LONG;
  return ds_encoder_refuse(encoder, line, 1, ds_reason_words(reason), err);
}

ds_code ds_encoder_refuse(ds_encoder *encoder, uint64_t line, uint32_t column,
                          const char *words, ds_error *err) {
  const ds_refusal refusal = {.record = line, .source = encoder->plan->name, .column = "",
                              .place = column, .reason = DS_REASON_RECORD, .words = words};
  if (encoder->options.strict)
    return ds_fail(err, DS_INPUT, "%s line %" PRIu64 ", column %u: %s", refusal.source, line,
                   column, words);
  return ds_quarantine_add(encoder->options.quarantine, &refusal, 1, err);
}
