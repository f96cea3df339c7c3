// SPDX-License-Identifier: Apache-2.0
// Events that carry several identifiers -> facts that these were seen together (identity_seen). A
// pair's fact has the same id each time, so that a store keeps one; a small cache keeps most
// repeats from being written at all. Here is also the one place where an identifier becomes a
// subject. May use base/, model/. Used by one thread.
#ifndef DS_INGEST_SEEN_H
#define DS_INGEST_SEEN_H

#include "base/arena.h"
#include "model/event.h"

// More identifiers than this of one event are not looked at.
enum { DS_IDENTIFIERS_MAX = 8 };

// One identifier of an event.
typedef struct ds_identifier {
  ds_str subject; // "kind=text"
  uint32_t rank;  // ds_identifier_rank; behind all others what is personal, then a placeholder
  bool personal;  // its text is: it is to be hashed (ds_sealer_identifier) before it is stored
} ds_identifier;

// What became of an identifier.
typedef enum ds_identifier_fate {
  DS_IDENTIFIER_KEPT,
  DS_IDENTIFIER_LONG,     // longer than a subject may be
  DS_IDENTIFIER_NO_MEMORY,
} ds_identifier_fate;

// Makes a subject of an identifier, in `arena`; ds_identifier_clear does so whatever it is.
ds_identifier_fate ds_identifier_make(ds_arena *arena, ds_str kind, ds_str text,
                                      ds_identifier *ret_identifier);
ds_identifier_fate ds_identifier_clear(ds_arena *arena, ds_str kind, ds_str text,
                                       ds_identifier *ret_identifier);

// Whether it may join people: it is no placeholder, and not personal without being an e-mail
// address or a phone number, as a name is.
bool ds_identifier_tells(const ds_identifier *identifier);

// Whether it names nobody: "null", "0".
bool ds_identifier_is_nobody(const ds_identifier *identifier);

// The strongest of `count` > 0 identifiers; the first of several as strong.
uint32_t ds_identifier_best(const ds_identifier *identifiers, uint32_t count);

// What was seen together so far; NULL without memory. Adds names to `space`, which outlives it. The
// caller frees (NULL is fine).
typedef struct ds_seen ds_seen;
ds_seen *ds_seen_new(ds_space *space);
void ds_seen_free(ds_seen *seen);

// Makes the fact that `event` carries `other` too, which tells people apart and is hashed if it was
// personal. *ret_fact is valid until the next call, with
// codes of the space; false when it is no news.
DS_CHECKED ds_code ds_seen_take(ds_seen *seen, const ds_event *event, const ds_identifier *other,
                                ds_event *ret_fact, bool *ret_news, ds_error *err);

#endif
