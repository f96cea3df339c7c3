// SPDX-License-Identifier: Apache-2.0
#include "ingest/append_line.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "ingest/json_clean.h"
#include "model/identifier.h"

enum {
  LINE_ARENA_BYTES_MAX = 16 << 20,
  FLATTEN_DEPTH_MAX = 3, // properties.a.b.c; deeper objects are kept as JSON text
  CLOCK_AHEAD_MS = 3600 * 1000,
};

static const char *const no_memory = "the line takes too much memory";
static const char *const too_long = "an identifier longer than 65,535 bytes";
#define CUSTOMER_KIND "customer_id"

// The members with a meaning of their own.
static const char *const member_names[DS_LINE_SPECIAL] = {
    [DS_LINE_ID] = "id",             [DS_LINE_EVENT] = "event",
    [DS_LINE_TIME] = "time",         [DS_LINE_RECEIVED] = "received",
    [DS_LINE_CUSTOMER] = "customer", [DS_LINE_SOURCE] = "source",
    [DS_LINE_PROPERTIES] = "properties",
};

// A line under way: its nodes, and where its special members are (0 = absent, as node 0 is the
// object itself).
typedef struct line {
  ds_line_reader *reader;
  const ds_ndjson_node *nodes;
  uint32_t count;
  uint32_t member[DS_LINE_SPECIAL];
} line;

ds_line_reader *ds_line_reader_new(ds_space *space, const ds_catalogue *catalogue) {
  ds_line_reader *reader = (ds_line_reader *)calloc(1, sizeof *reader);
  if (reader == NULL)
    return NULL;
  reader->space = space;
  reader->catalogue = catalogue;
  reader->ahead_ms = CLOCK_AHEAD_MS;
  reader->unit_ms = 1;
  reader->source = "append";
  ds_space_init(&reader->known);
  reader->parser = ds_ndjson_new();
  ds_arena_init(&reader->arena, LINE_ARENA_BYTES_MAX);
  ds_buf_init(&reader->json, (size_t)DS_EVENT_BYTES_MAX * 2);
  if (reader->parser == NULL) {
    ds_line_reader_free(reader);
    return NULL;
  }
  return reader;
}

void ds_line_reader_free(ds_line_reader *reader) {
  if (reader == NULL)
    return;
  ds_ndjson_free(reader->parser);
  ds_space_done(&reader->known);
  ds_arena_done(&reader->arena);
  ds_buf_done(&reader->json);
  free(reader);
}

ds_code ds_line_reader_know(ds_line_reader *reader, const ds_space *stored, ds_error *err) {
  const ds_names *const from[] = {&stored->touchpoints, &stored->properties, &stored->keys,
                                  &stored->sources};
  ds_names *const to[] = {&reader->known.touchpoints, &reader->known.properties,
                          &reader->known.keys, &reader->known.sources};
  for (size_t k = 0; k < sizeof from / sizeof *from; k++)
    for (uint32_t i = 0; i < from[k]->count; i++) {
      uint32_t index;
      TRY(ds_names_add(to[k], from[k]->text[i], &index, err));
    }
  return DS_OK;
}

static uint32_t index_in(ds_str name, const char *const *names, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    // Most names differ in the first letter already.
    if (name.size > 0 && names[i][0] == name.data[0] &&
        strncmp(names[i], name.data, name.size) == 0 && names[i][name.size] == '\0')
      return i;
  }
  return DS_NONE;
}

ds_line_role ds_line_role_of(ds_str name) {
  const uint32_t special = index_in(name, member_names, DS_LINE_SPECIAL);
  if (special != DS_NONE)
    return (ds_line_role)special;
  if (ds_identifier_is_listed(name))
    return DS_LINE_IDENTIFIER;
  return ds_identifier_is_object(name) ? DS_LINE_KEY : DS_LINE_OTHER;
}

// The same for names met line after line.
static ds_line_role role_of(ds_line_reader *reader, ds_str name) {
  ds_line_name *met = &reader->names[ds_key_hash(name) % DS_LINE_NAMES];
  if (name.size == 0 || name.size > sizeof met->text)
    return ds_line_role_of(name);
  if (met->size != name.size || memcmp(met->text, name.data, name.size) != 0) {
    met->role = (uint8_t)ds_line_role_of(name);
    met->size = (uint8_t)name.size;
    memcpy(met->text, name.data, name.size);
  }
  return (ds_line_role)met->role;
}

bool ds_line_is_key(ds_str name, const char *more) {
  if (ds_identifier_is_object(name))
    return true;
  while (more != NULL && *more != '\0') {
    const size_t size = strcspn(more, ",");
    if (ds_str_equal(name, (ds_str){more, (uint32_t)size}))
      return true;
    more += size + (more[size] == ',');
  }
  return false;
}

ds_str ds_line_kind(ds_str name) {
  return ds_str_equal(name, ds_str_of("id")) ? ds_str_of(CUSTOMER_KIND) : name;
}

static const char *refuse(line *in, const ds_ndjson_node *node, const char *reason) {
  in->reader->column = node->column;
  return reason;
}

// Text in NFC, so that equal texts are equal bytes; false without memory.
static bool compose(ds_line_reader *reader, ds_str text, ds_str *ret_text) {
  uint32_t ascii = 0;
  while (ascii < text.size && (unsigned char)text.data[ascii] < 0x80)
    ascii++;
  *ret_text = text;
  if (ascii == text.size)
    return true;
  utf8proc_uint8_t *composed = NULL;
  const utf8proc_ssize_t size =
      utf8proc_map((const utf8proc_uint8_t *)text.data, (utf8proc_ssize_t)text.size, &composed,
                   (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  char *copy = size < 0 ? NULL
                        : ds_arena_text(&reader->arena, (const char *)composed, (size_t)size);
  free(composed);
  reader->starved |= size < 0;
  if (copy == NULL)
    return false;
  *ret_text = (ds_str){copy, (uint32_t)size};
  return true;
}

// A name may be of one line only, and not longer than a name is.
static bool is_name(ds_str name) {
  for (uint32_t i = 0; i < name.size; i++) {
    if ((unsigned char)name.data[i] < ' ')
      return false;
  }
  return name.size > 0 && name.size <= DS_NAME_BYTES_MAX;
}

// The text of an identifier or key: a text or a whole number; empty for null and "".
static const char *identifier_text(line *in, const ds_ndjson_node *node, ds_str *ret_text) {
  *ret_text = (ds_str){NULL, 0};
  if (node->kind == DS_NDJSON_NULL)
    return NULL;
  if (node->kind == DS_NDJSON_TEXT)
    return compose(in->reader, node->text, ret_text) ? NULL : refuse(in, node, no_memory);
  if (node->kind != DS_NDJSON_INTEGER)
    return refuse(in, node, "an identifier must be a text or a whole number");
  char digits[24];
  const int size = snprintf(digits, sizeof digits, "%lld", (long long)node->i);
  const char *copy = ds_arena_text(&in->reader->arena, digits, (size_t)size);
  if (copy == NULL)
    return refuse(in, node, no_memory);
  *ret_text = (ds_str){copy, (uint32_t)size};
  return NULL;
}

// Notes an identifier of the event.
static const char *take_identifier(line *in, const ds_ndjson_node *node, ds_str kind) {
  ds_line_reader *reader = in->reader;
  ds_str text = {NULL, 0};
  const char *reason = identifier_text(in, node, &text);
  if (reason != NULL || text.size == 0)
    return reason;
  if (!is_name(kind) || memchr(kind.data, '=', kind.size) != NULL)
    return refuse(in, node, "not a name of an identifier");
  if (reader->identifiers_count == DS_IDENTIFIERS_MAX)
    return NULL;
  switch (ds_identifier_make(&reader->arena, kind, text,
                             &reader->identifiers[reader->identifiers_count])) {
  case DS_IDENTIFIER_KEPT: reader->identifiers_count++; return NULL;
  case DS_IDENTIFIER_LONG: return refuse(in, node, too_long);
  default: return refuse(in, node, no_memory);
  }
}

static const char *take_customer(line *in) {
  const ds_ndjson_node *node = &in->nodes[in->member[DS_LINE_CUSTOMER]];
  if (node->kind != DS_NDJSON_OBJECT)
    return take_identifier(in, node, ds_str_of(CUSTOMER_KIND));
  const char *reason = NULL;
  for (uint32_t i = in->member[DS_LINE_CUSTOMER] + 1; i < node->next && reason == NULL;
       i = in->nodes[i].next)
    reason = take_identifier(in, &in->nodes[i], ds_line_kind(in->nodes[i].key));
  return reason;
}

static const char *set_subject(line *in, const ds_ndjson_node *node, ds_identifier_fate fate,
                               const ds_identifier *identifier) {
  if (fate != DS_IDENTIFIER_KEPT)
    return refuse(in, node, fate == DS_IDENTIFIER_LONG ? too_long : no_memory);
  in->reader->event.subject = identifier->subject;
  in->reader->event.personal_subject = identifier->personal;
  return NULL;
}

// The object that stands for the customer until its owner is known.
static const char *take_provisional(line *in) {
  const ds_event *event = &in->reader->event;
  for (uint32_t o = 0; ds_identifier_object(o) != NULL; o++) {
    for (uint32_t i = 0; i < event->keys_count; i++) {
      const ds_str name = in->reader->space->keys.text[event->keys[i].name];
      ds_identifier object;
      if (!ds_str_equal(name, ds_str_of(ds_identifier_object(o))))
        continue;
      const ds_identifier_fate fate =
          ds_identifier_clear(&in->reader->arena, name, event->keys[i].text, &object);
      return set_subject(in, &in->nodes[0], fate, &object);
    }
  }
  return refuse(in, &in->nodes[0], "no customer and no order, parcel, ticket or subscription");
}

static const char *take_subject(line *in) {
  ds_line_reader *reader = in->reader;
  const char *reason = in->member[DS_LINE_CUSTOMER] != 0 ? take_customer(in) : NULL;
  for (uint32_t i = 1; i < in->nodes[0].next && reason == NULL; i = in->nodes[i].next) {
    if (role_of(in->reader, in->nodes[i].key) == DS_LINE_IDENTIFIER)
      reason = take_identifier(in, &in->nodes[i], in->nodes[i].key);
  }
  if (reason != NULL)
    return reason;
  if (reader->identifiers_count == 0)
    return take_provisional(in);
  const uint32_t best = ds_identifier_best(reader->identifiers, reader->identifiers_count);
  // What is personal without telling people apart serves as a subject only.
  for (uint32_t i = 0; i < reader->identifiers_count; i++)
    reader->personal_dropped += i != best && reader->identifiers[i].personal &&
                                !ds_identifier_tells(&reader->identifiers[i]);
  return set_subject(in, &in->nodes[0], DS_IDENTIFIER_KEPT, &reader->identifiers[best]);
}

// The kinds of names; what is said when a store cannot have one more.
typedef enum name_kind { EVENT_NAME, PROPERTY_NAME, KEY_NAME, SOURCE_NAME } name_kind;
static const struct {
  size_t offset; // in ds_space
  const char *too_many;
} name_kinds[] = {
    [EVENT_NAME] = {offsetof(ds_space, touchpoints),
                    "one event name too many: a store has at most 4,096; what differs from one "
                    "event to the next belongs into a property"},
    [PROPERTY_NAME] = {offsetof(ds_space, properties),
                       "one property name too many: a store has at most 65,535"},
    [KEY_NAME] = {offsetof(ds_space, keys),
                  "one case key's name too many: a store has at most 65,535"},
    [SOURCE_NAME] = {offsetof(ds_space, sources),
                     "one source too many: a store has at most 65,535"},
};
static_assert(DS_TOUCHPOINTS_MAX == 4096 && DS_NAMES_MAX == 65535, "as the messages say");

static ds_names *names_of(ds_space *space, name_kind kind) {
  return (ds_names *)(void *)((char *)space + name_kinds[kind].offset);
}

// A store that could not hold a name would refuse the batch of all lines: so this line is refused.
static const char *add_name(line *in, const ds_ndjson_node *node, name_kind kind, ds_str name,
                            uint16_t *ret_code) {
  ds_names *names = names_of(in->reader->space, kind);
  uint32_t known;
  if (!is_name(name))
    return refuse(in, node, "a name must have 1 to 255 bytes and no control characters");
  uint32_t index = ds_names_find(names, name);
  ds_code code = DS_OK;
  if (index == DS_NONE)
    code = ds_names_add(names_of(&in->reader->known, kind), name, &known, NULL);
  if (index == DS_NONE && code == DS_OK)
    code = ds_names_add(names, name, &index, NULL);
  in->reader->starved |= code == DS_MEMORY;
  if (code != DS_OK)
    return refuse(in, node, name_kinds[kind].too_many);
  *ret_code = (uint16_t)index;
  return NULL;
}

static const char *add_key(line *in, const ds_ndjson_node *node, uint16_t name) {
  ds_event *event = &in->reader->event;
  ds_str text = {NULL, 0};
  const char *reason = identifier_text(in, node, &text);
  if (reason != NULL || text.size == 0)
    return reason;
  if (text.size > UINT16_MAX)
    return refuse(in, node, too_long);
  for (uint32_t i = 0; i < event->keys_count; i++) {
    if (event->keys[i].name == name && ds_str_equal(event->keys[i].text, text))
      return NULL;
  }
  if (event->keys_count == DS_EVENT_KEYS_MAX)
    return refuse(in, node, "more than 64 orders, parcels and tickets in one event");
  event->keys[event->keys_count++] = (ds_event_key){name, text};
  return NULL;
}

// A case key's member: one value or an array of values.
static const char *take_key(line *in, uint32_t at) {
  const ds_ndjson_node *node = &in->nodes[at];
  uint16_t name = 0;
  const char *reason = add_name(in, node, KEY_NAME, node->key, &name);
  if (node->kind != DS_NDJSON_ARRAY)
    return reason != NULL ? reason : add_key(in, node, name);
  for (uint32_t i = at + 1; i < node->next && reason == NULL; i = in->nodes[i].next)
    reason = add_key(in, &in->nodes[i], name);
  return reason;
}

static const char *json_value(line *in, uint32_t at, ds_value *ret_value) {
  ds_buf *out = &in->reader->json;
  ds_buf_reset(out);
  ds_json json = ds_json_to(out, false);
  uint64_t dropped = 0;
  ds_json_write_clean(in->nodes, at, &in->reader->arena, &json, &dropped);
  in->reader->personal_dropped += (uint32_t)dropped;
  const char *copy = ds_arena_text(&in->reader->arena, (const char *)out->data, out->size);
  if (out->failed || copy == NULL)
    return refuse(in, &in->nodes[at], no_memory);
  *ret_value = (ds_value){.type = DS_TYPE_STRING, .text = {copy, (uint32_t)out->size}};
  return NULL;
}

// The type that the catalogue expects of a property, NULL type when it expects none.
static ds_type expected_type(const line *in, ds_str name) {
  const ds_touchpoint *touchpoint = in->reader->touchpoint;
  for (uint32_t i = 0; touchpoint != NULL && i < touchpoint->expected_count; i++) {
    if (ds_str_equal(name, ds_str_of(touchpoint->expected[i].name)))
      return touchpoint->expected[i].type;
  }
  return DS_TYPE_NULL;
}

static const char *text_value(line *in, const ds_ndjson_node *node, ds_str name,
                              ds_value *ret_value) {
  ds_str text = node->text;
  if (!compose(in->reader, text, &text))
    return refuse(in, node, no_memory);
  // A text stays a text unless the catalogue says what it is.
  const ds_type type = expected_type(in, name);
  if (type == DS_TYPE_NULL || type == DS_TYPE_STRING || !ds_value_parse(text, type, ret_value))
    *ret_value = (ds_value){.type = DS_TYPE_STRING, .text = text};
  return NULL;
}

static const char *digits_value(line *in, const ds_ndjson_node *node, ds_value *ret_value) {
  char digits[64];
  const ds_value number = {.type = DS_TYPE_NUMBER, .number = node->number};
  const size_t size = node->kind == DS_NDJSON_INTEGER
                          ? (size_t)snprintf(digits, sizeof digits, "%lld", (long long)node->i)
                          : ds_value_print(digits, sizeof digits, &number);
  const char *copy = ds_arena_text(&in->reader->arena, digits, size);
  if (copy == NULL)
    return refuse(in, node, no_memory);
  *ret_value = (ds_value){.type = DS_TYPE_STRING, .text = {copy, (uint32_t)size}};
  return NULL;
}

static const char *node_value(line *in, uint32_t at, ds_str name, ds_value *ret_value) {
  const ds_ndjson_node *node = &in->nodes[at];
  switch (node->kind) {
  case DS_NDJSON_NULL: *ret_value = (ds_value){.type = DS_TYPE_NULL}; return NULL;
  case DS_NDJSON_BOOL: *ret_value = (ds_value){.type = DS_TYPE_BOOL, .i = node->i}; return NULL;
  case DS_NDJSON_INTEGER:
  case DS_NDJSON_NUMBER:
    if (ds_json_stays_text(node))
      return digits_value(in, node, ret_value);
    *ret_value = (ds_value){.type = DS_TYPE_NUMBER, .number = node->number};
    return NULL;
  case DS_NDJSON_TEXT: return text_value(in, node, name, ret_value);
  default: return json_value(in, at, ret_value);
  }
}

static const char *take_property(line *in, uint32_t at, ds_str name) {
  const ds_ndjson_node *node = &in->nodes[at];
  ds_event *event = &in->reader->event;
  ds_value value;
  const bool personal = ds_json_personal(node, name);
  const char *reason = node_value(in, at, name, &value);
  if (reason != NULL || value.type == DS_TYPE_NULL)
    return reason;
  if (value.type == DS_TYPE_STRING && value.text.size > DS_TEXT_BYTES_MAX)
    return refuse(in, node, "a text longer than 64 KiB");
  uint16_t code = 0;
  reason = add_name(in, node, PROPERTY_NAME, name, &code);
  if (reason != NULL)
    return reason;
  for (uint32_t i = 0; i < event->properties_count; i++) {
    if (event->properties[i].name == code)
      return refuse(in, node, "a property that stands there twice");
  }
  if (event->properties_count == DS_EVENT_PROPERTIES_MAX)
    return refuse(in, node, "more than 1,024 properties");
  event->properties[event->properties_count++] = (ds_event_property){code, personal, value};
  return NULL;
}

// "outer.inner"; {NULL, 0} without memory or when too long for a name.
static ds_str join_names(line *in, ds_str outer, ds_str inner) {
  const size_t size = (size_t)outer.size + 1 + inner.size;
  char *name = size <= DS_NAME_BYTES_MAX ? (char *)ds_arena_alloc(&in->reader->arena, size) : NULL;
  if (name == NULL)
    return (ds_str){NULL, 0};
  if (outer.size > 0) // a name of no bytes may have no address
    memcpy(name, outer.data, outer.size);
  name[outer.size] = '.';
  if (inner.size > 0)
    memcpy(name + outer.size + 1, inner.data, inner.size);
  return (ds_str){name, (uint32_t)size};
}

// A property, or the properties in an object, whose names are joined by dots.
static const char *flatten(line *in, uint32_t at, ds_str name, uint32_t depth) {
  const ds_ndjson_node *node = &in->nodes[at];
  if (node->kind != DS_NDJSON_OBJECT || depth == FLATTEN_DEPTH_MAX)
    return take_property(in, at, name);
  const char *reason = NULL;
  for (uint32_t i = at + 1; i < node->next && reason == NULL; i = in->nodes[i].next)
    reason = flatten(in, i, join_names(in, name, in->nodes[i].key), depth + 1);
  return reason;
}

// A member that is neither special nor who: a case key or a property.
static const char *take_member(line *in, uint32_t at) {
  const ds_ndjson_node *node = &in->nodes[at];
  ds_str name = node->key;
  if (ds_line_is_key(name, in->reader->keys_named))
    return take_key(in, at);
  if (!compose(in->reader, name, &name))
    return refuse(in, node, no_memory);
  return flatten(in, at, name, 1);
}

static const char *take_members(line *in) {
  const char *reason = NULL;
  for (uint32_t i = 1; i < in->nodes[0].next && reason == NULL; i = in->nodes[i].next) {
    if (role_of(in->reader, in->nodes[i].key) > DS_LINE_IDENTIFIER)
      reason = take_member(in, i);
  }
  const uint32_t at = in->member[DS_LINE_PROPERTIES];
  if (reason != NULL || at == 0 || in->nodes[at].kind == DS_NDJSON_NULL)
    return reason;
  if (in->nodes[at].kind != DS_NDJSON_OBJECT)
    return refuse(in, &in->nodes[at], "properties must be an object");
  for (uint32_t i = at + 1; i < in->nodes[at].next && reason == NULL; i = in->nodes[i].next)
    reason = take_member(in, i);
  return reason;
}

// A reading without a zone -> UTC; the zone's doubtful hours are counted.
static int64_t local_to_utc(ds_line_reader *reader, int64_t local_ms) {
  int kind = 0;
  const int64_t utc_ms =
      reader->zone == NULL ? local_ms : ds_zone_utc_ms(reader->zone, local_ms, &kind);
  reader->ambiguous += kind == 1;
  reader->missing += kind == 2;
  return utc_ms;
}

// An instant: ISO 8601, or a whole number of units since 1970.
static const char *read_time(line *in, uint32_t at, int64_t *ret_ms) {
  const ds_ndjson_node *node = &in->nodes[at];
  bool local = false;
  bool date_only = false;
  const double number_ms = node->number * in->reader->unit_ms;
  int64_t time_ms = 0;
  if (node->kind == DS_NDJSON_TEXT
          ? !ds_time_parse(node->text, &time_ms, &local, &date_only)
          : node->kind != DS_NDJSON_INTEGER || fabs(number_ms) > (double)DS_TIME_MAX_MS)
    return refuse(in, node, "not a time: ISO 8601, or milliseconds since 1970");
  if (node->kind == DS_NDJSON_INTEGER)
    time_ms = (int64_t)floor(number_ms);
  in->reader->number |= node->kind == DS_NDJSON_INTEGER;
  in->reader->local |= local;
  if (local)
    time_ms = local_to_utc(in->reader, time_ms);
  if (time_ms < DS_TIME_MIN_MS)
    return refuse(in, node, "a time before 1990 (seconds instead of milliseconds?)");
  if (time_ms > in->reader->now_ms + in->reader->ahead_ms)
    return refuse(in, node, "a time in the future");
  *ret_ms = time_ms;
  return NULL;
}

static const char *take_times(line *in) {
  ds_event *event = &in->reader->event;
  const char *reason = NULL;
  const bool arrival = in->member[DS_LINE_RECEIVED] != 0 || !in->reader->by_time;
  if (!arrival && in->member[DS_LINE_TIME] == 0)
    return refuse(in, &in->nodes[0], "no \"time\": when did it happen?");
  event->has_received = arrival;
  event->received_ms = in->reader->now_ms;
  if (in->member[DS_LINE_RECEIVED] != 0)
    reason = read_time(in, in->member[DS_LINE_RECEIVED], &event->received_ms);
  event->time_ms = event->received_ms;
  if (reason == NULL && in->member[DS_LINE_TIME] != 0)
    reason = read_time(in, in->member[DS_LINE_TIME], &event->time_ms);
  if (!arrival)
    event->received_ms = event->time_ms;
  return reason;
}

// The canonical name of what happened.
static const char *find_touchpoint(line *in, ds_str *ret_name) {
  const uint32_t at = in->member[DS_LINE_EVENT];
  if (at == 0)
    return refuse(in, &in->nodes[0], "no \"event\": what happened?");
  if (in->nodes[at].kind != DS_NDJSON_TEXT || !is_name(in->nodes[at].text))
    return refuse(in, &in->nodes[at], "\"event\" must be a text of 1 to 255 bytes");
  ds_str name = in->nodes[at].text;
  if (!compose(in->reader, name, &name))
    return refuse(in, &in->nodes[at], no_memory);
  const ds_touchpoint *known = ds_catalogue_find(in->reader->catalogue, name);
  in->reader->touchpoint = known;
  *ret_name = known != NULL ? ds_str_of(known->name) : name;
  return NULL;
}

static const char *take_id(line *in) {
  ds_event *event = &in->reader->event;
  ds_str source = ds_str_of(in->reader->source);
  ds_str id = {NULL, 0};
  const uint32_t at = in->member[DS_LINE_SOURCE];
  if (at != 0 && in->nodes[at].kind != DS_NDJSON_NULL) {
    if (in->nodes[at].kind != DS_NDJSON_TEXT)
      return refuse(in, &in->nodes[at], "\"source\" must be a text");
    source = in->nodes[at].text;
  }
  const char *reason =
      add_name(in, &in->nodes[at], SOURCE_NAME, source, &event->source);
  if (reason == NULL && in->member[DS_LINE_ID] != 0)
    reason = identifier_text(in, &in->nodes[in->member[DS_LINE_ID]], &id);
  event->has_id = id.size > 0;
  event->id = event->has_id ? ds_id_hash(source, id) : 0;
  return reason;
}

static const char *find_members(line *in) {
  for (uint32_t i = 1; i < in->nodes[0].next; i = in->nodes[i].next) {
    const ds_line_role member = role_of(in->reader, in->nodes[i].key);
    if (member >= DS_LINE_SPECIAL)
      continue;
    if (in->member[member] != 0)
      return refuse(in, &in->nodes[i], "a name that stands there twice");
    in->member[member] = i;
  }
  return NULL;
}

static const char *take_event(line *in) {
  ds_str touchpoint = {NULL, 0};
  const char *reason = find_members(in);
  if (reason == NULL)
    reason = find_touchpoint(in, &touchpoint);
  if (reason == NULL)
    reason = take_times(in);
  if (reason == NULL)
    reason = take_members(in);
  if (reason == NULL)
    reason = take_subject(in);
  if (reason == NULL)
    reason = take_id(in);
  if (reason == NULL)
    reason = add_name(in, &in->nodes[in->member[DS_LINE_EVENT]], EVENT_NAME,
                      touchpoint, &in->reader->event.touchpoint);
  return reason;
}

const char *ds_line_read(ds_line_reader *reader, const char *text, size_t size) {
  ds_arena_reset(&reader->arena);
  reader->personal_dropped = 0;
  reader->identifiers_count = 0;
  reader->ambiguous = 0;
  reader->missing = 0;
  reader->column = 1;
  reader->starved = false;
  reader->touchpoint = NULL;
  reader->event = (ds_event){.keys = reader->keys, .properties = reader->properties};
  if (size > DS_EVENT_BYTES_MAX)
    return "longer than 1 MiB";
  line in = {.reader = reader};
  const char *reason =
      ds_ndjson_read(reader->parser, text, size, &in.nodes, &in.count, &reader->column);
  reader->starved = reason == ds_ndjson_no_memory;
  if (reason == NULL && in.nodes[0].kind != DS_NDJSON_OBJECT)
    reason = "not an object: a line holds one {...}";
  if (reason == NULL)
    reason = take_event(&in);
  // What is refused far from the limit of a line is the machine's doing, and not the line's.
  reader->starved |= reader->arena.refused && reader->arena.used_bytes < LINE_ARENA_BYTES_MAX / 2;
  return reason;
}
