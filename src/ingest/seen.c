// SPDX-License-Identifier: Apache-2.0
#include "ingest/seen.h"

#include <assert.h>
#include <stdlib.h>

#include "ingest/personal.h"
#include "model/identifier.h"

enum { SLOTS = 1 << 14 };

// Behind all that identifiers of a kind have: an address or number; a name or what else is personal
// without telling people apart; nobody.
enum { RANK_ADDRESS = 1000, RANK_PERSONAL, RANK_NOBODY };

// A pair, and the earliest time at which it was seen so far: an earlier one is news, because an
// import keeps the earliest fact.
typedef struct slot {
  uint64_t pair; // 0 = free
  int64_t time_ms;
} slot;

struct ds_seen {
  ds_space *space;
  ds_event_property with;
  uint16_t touchpoint;
  bool named; // touchpoint and property have their codes
  slot slots[SLOTS];
};

ds_identifier_fate ds_identifier_clear(ds_arena *arena, ds_str kind, ds_str text,
                                       ds_identifier *ret_identifier) {
  const size_t size = (size_t)kind.size + 1 + text.size;
  if (size > UINT16_MAX)
    return DS_IDENTIFIER_LONG;
  char *subject = ds_arena_alloc(arena, size);
  if (subject == NULL)
    return DS_IDENTIFIER_NO_MEMORY;
  if (kind.size > 0)
    memcpy(subject, kind.data, kind.size);
  subject[kind.size] = '=';
  if (text.size > 0)
    memcpy(subject + kind.size + 1, text.data, text.size);
  ret_identifier->subject = (ds_str){subject, (uint32_t)size};
  ret_identifier->rank =
      ds_identifier_is_placeholder(text) ? RANK_NOBODY : ds_identifier_rank(kind);
  ret_identifier->personal = false;
  return DS_IDENTIFIER_KEPT;
}

ds_identifier_fate ds_identifier_make(ds_arena *arena, ds_str kind, ds_str text,
                                      ds_identifier *ret_identifier) {
  const bool value = ds_personal_value(text);
  const bool listed = ds_identifier_is_listed(kind);
  const ds_identifier_fate fate = ds_identifier_clear(arena, kind, text, ret_identifier);
  ret_identifier->personal = value || (!listed && ds_personal_name(kind));
  if (ret_identifier->personal && !listed && ret_identifier->rank != RANK_NOBODY)
    ret_identifier->rank = value ? RANK_ADDRESS : RANK_PERSONAL;
  return fate;
}

bool ds_identifier_tells(const ds_identifier *identifier) {
  return identifier->rank < RANK_PERSONAL;
}

bool ds_identifier_is_nobody(const ds_identifier *identifier) {
  return identifier->rank == RANK_NOBODY;
}

uint32_t ds_identifier_best(const ds_identifier *identifiers, uint32_t count) {
  uint32_t best = 0;
  for (uint32_t i = 1; i < count; i++)
    if (identifiers[i].rank < identifiers[best].rank)
      best = i;
  return best;
}

ds_seen *ds_seen_new(ds_space *space) {
  ds_seen *seen = calloc(1, sizeof *seen);
  if (seen != NULL)
    seen->space = space;
  return seen;
}

void ds_seen_free(ds_seen *seen) { free(seen); }

static ds_code find_names(ds_seen *seen, ds_error *err) {
  uint32_t touchpoint = 0, with = 0;
  if (seen->named)
    return DS_OK;
  TRY(ds_names_add(&seen->space->touchpoints, ds_str_of(DS_LINK_SEEN), &touchpoint, err));
  TRY(ds_names_add(&seen->space->properties, ds_str_of(DS_LINK_PROPERTY), &with, err));
  seen->touchpoint = (uint16_t)touchpoint;
  seen->with.name = (uint16_t)with;
  seen->named = true;
  return DS_OK;
}

ds_code ds_seen_take(ds_seen *seen, const ds_event *event, const ds_identifier *other,
                     ds_event *ret_fact, bool *ret_news, ds_error *err) {
  assert(ds_identifier_tells(other) && !other->personal);
  // The fact stands under the event's subject, so its id need only tell the others apart.
  const uint64_t id = ds_id_hash(ds_str_of(DS_LINK_SEEN), other->subject);
  const uint64_t pair = (ds_subject_hash(event->subject) ^ id * 0x9e3779b97f4a7c15u) | 1;
  slot *at = &seen->slots[pair >> 50];
  *ret_news = (at->pair != pair || event->time_ms < at->time_ms) &&
              !ds_str_equal(event->subject, other->subject);
  if (!*ret_news)
    return DS_OK;
  *at = (slot){pair, event->time_ms};
  TRY(find_names(seen, err));
  seen->with.value = (ds_value){.type = DS_TYPE_STRING, .text = other->subject};
  *ret_fact = *event;
  ret_fact->touchpoint = seen->touchpoint;
  ret_fact->has_id = true;
  ret_fact->id = id;
  ret_fact->keys_count = 0;
  ret_fact->properties = &seen->with;
  ret_fact->properties_count = 1;
  return DS_OK;
}
