// SPDX-License-Identifier: Apache-2.0
// One event outside a block, and its row form: the bytes of an event in a log batch and in an
// import's spill are the same, so that sealing a log, importing a file and compacting parts all
// feed the one part builder. Names are codes of a ds_space that travels beside the rows. May use
// base/.
//
// Row form (little-endian, no padding): u32 size of the whole row; u16 touchpoint; u16 source;
// u32 import; u8 flags (1 received present, 2 id present); u8 keys; u16 properties; i64 time_ms;
// [i64 received_ms]; [u64 id]; u64 arrival; u16 n + subject bytes; keys x {u16 name, u16 n, bytes};
// properties x {u16 name, u8 type, payload: f64 | i64 | u8 (bool) | u32 n + bytes}. A personal
// value stands in a row as SEALED only.
#ifndef DS_MODEL_EVENT_H
#define DS_MODEL_EVENT_H

#include "base/buf.h"
#include "base/map.h"
#include "model/value.h"

// The names that codes stand for, one interner per kind.
typedef struct ds_space {
  ds_names touchpoints; // canonical names, at most DS_TOUCHPOINTS_MAX
  ds_names properties;
  ds_names keys;    // case key names: order_id, parcel_id, ...
  ds_names sources; // where events came from: file or mapping names
} ds_space;

// An empty space; empties it and keeps its memory; gives the memory back (NULL is fine).
void ds_space_init(ds_space *space);
void ds_space_reset(ds_space *space);
void ds_space_done(ds_space *space);

// One case key value of an event.
typedef struct ds_event_key {
  uint16_t name;
  ds_str text;
} ds_event_key;

// One property of an event. `personal`: the value is in clear and must be sealed before it is
// encoded.
typedef struct ds_event_property {
  uint16_t name;
  bool personal;
  ds_value value;
} ds_event_property;

// An event; texts are views owned by whoever filled it. `subject` is the strongest identifier at
// arrival as "kind=text" ("customer_id=C17"). `id` identifies the event within its source for
// deduplication; has_id false: the part builder makes it from the content and the occurrence
// number.
typedef struct ds_event {
  uint16_t touchpoint;
  uint16_t source;
  uint32_t import; // 0 = arrived through the log
  bool has_received;
  bool has_id;
  int64_t time_ms;
  int64_t received_ms; // equals time_ms when !has_received
  uint64_t id;
  uint64_t arrival;
  ds_str subject;
  bool personal_subject; // it is in clear and must be hashed before the event is encoded
  uint32_t keys_count;
  uint32_t properties_count;
  ds_event_key *keys;
  ds_event_property *properties;
} ds_event;

// Appends the row form; null properties and non-finite numbers are left out, because a row holds
// present values only. DS_LIMIT when a stated maximum (limits.h, DS_TIME_MAX_MS; 65,535 bytes of a
// subject or case key) is exceeded, DS_LIMIT or DS_MEMORY when `out` cannot grow; then `out` is as
// it was before the call and stays usable.
DS_CHECKED ds_code ds_event_encode(const ds_event *event, ds_buf *out, ds_error *err);

// Reads one row of at most `size` bytes; views point into `row`. `keys` and `properties` of the
// event must point to room for DS_EVENT_KEYS_MAX and DS_EVENT_PROPERTIES_MAX entries. Untrusted:
// every length, type and code is checked against `space`; DS_CORRUPT with what is wrong.
// *ret_size is the row's size.
DS_CHECKED ds_code ds_event_decode(const uint8_t *row, size_t size, const ds_space *space,
                                   ds_event *event, size_t *ret_size, ds_error *err);

// A trusted row, opened: what stands before its keys. The subject is a view into the row.
typedef struct ds_row {
  uint32_t size;
  uint16_t touchpoint, source;
  uint32_t import;
  uint32_t keys, properties;
  bool has_id;
  int64_t time_ms, received_ms;
  uint64_t id, arrival;
  ds_str subject;
} ds_row;

// Opens a row that ds_event_encode wrote or ds_event_decode accepted; returns where its keys begin.
// Inline, because every pass of the builder over its rows begins here and wants few of the fields.
static inline const uint8_t *ds_row_open(const uint8_t *bytes, ds_row *ret_row) {
  const uint8_t flags = bytes[12];
  uint16_t properties, subject_size;
  memcpy(&ret_row->size, bytes, 4);
  memcpy(&ret_row->touchpoint, bytes + 4, 2);
  memcpy(&ret_row->source, bytes + 6, 2);
  memcpy(&ret_row->import, bytes + 8, 4);
  memcpy(&properties, bytes + 14, 2);
  memcpy(&ret_row->time_ms, bytes + 16, 8);
  ret_row->keys = bytes[13];
  ret_row->properties = properties;
  ret_row->has_id = (flags & 2) != 0;
  ret_row->received_ms = ret_row->time_ms;
  ret_row->id = 0;
  const uint8_t *at = bytes + 24;
  if ((flags & 1) != 0) {
    memcpy(&ret_row->received_ms, at, 8);
    at += 8;
  }
  if (ret_row->has_id) {
    memcpy(&ret_row->id, at, 8);
    at += 8;
  }
  memcpy(&ret_row->arrival, at, 8);
  memcpy(&subject_size, at + 8, 2);
  ret_row->subject = (ds_str){(const char *)at + 10, subject_size};
  return at + 10 + subject_size;
}

// What facts of identity (model/identifier.h) are called in a space: codes; DS_NONE = it has no
// such name.
enum { DS_LINK_TOUCHPOINTS = 3 };
typedef struct ds_link_names {
  uint32_t touchpoint[DS_LINK_TOUCHPOINTS];
  uint32_t with;
} ds_link_names;

// Looks them up. false when the space has no fact that could name anybody.
bool ds_link_names_find(const ds_space *space, ds_link_names *ret_names);
bool ds_link_names_has(const ds_link_names *names, uint32_t touchpoint);

// Whom a trusted row names besides its subject, a view into it; false when it is no such fact.
bool ds_row_link(const uint8_t *row, const ds_link_names *names, ds_str *ret_with);

// The partition (0..255) and the 64-bit hash of a subject: XXH3 of its bytes, partition = top byte.
uint64_t ds_subject_hash(ds_str subject);
static inline uint32_t ds_subject_partition(uint64_t hash) { return (uint32_t)(hash >> 56); }

// The 64-bit id of an explicit event id text within its source, and of a case key's text.
uint64_t ds_id_hash(ds_str source, ds_str id);
uint64_t ds_key_hash(ds_str text);

// Writes the names table of a space (for a log batch or a part; a name longer than 65,535 bytes
// sets out->failed) and reads it back, validated, into an initialised, empty space, which after a
// failure is good for ds_space_done only.
void ds_space_encode(const ds_space *space, ds_buf *out);
DS_CHECKED ds_code ds_space_decode(ds_reader *in, ds_space *space, ds_error *err);

// The same for names of one kind.
void ds_names_encode(const ds_names *names, ds_buf *out);
DS_CHECKED ds_code ds_names_decode(ds_reader *in, ds_names *names, ds_error *err);

#endif
