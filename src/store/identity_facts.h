// SPDX-License-Identifier: Apache-2.0
// How facts of identity lie in a snapshot: as events of three touchpoints with a text property.
// Only blocks whose presence words have such a touchpoint are read. Private to store/identity*.c.
// May use base/, model/, store/.
#ifndef DS_STORE_IDENTITY_FACTS_H
#define DS_STORE_IDENTITY_FACTS_H

#include "base/limits.h"
#include "store/store.h"

// What a fact says of its pair.
typedef enum identity_what {
  IDENTITY_SEEN,
  IDENTITY_UNTOLD,
  IDENTITY_TOLD,
  IDENTITY_WHATS,
} identity_what;

// Where to look for facts.
typedef struct identity_facts {
  const ds_snapshot *snapshot;
  bool any;                      // the snapshot may have some
  uint16_t what[IDENTITY_WHATS]; // codes of the touchpoints; UINT16_MAX = nobody has it
  uint16_t with;                 // code of the property
  uint64_t touchpoints[DS_TOUCHPOINTS_MAX / 64];
} identity_facts;

// Looks the names up in the snapshot, which must outlive it.
void ds_identity_facts_init(identity_facts *facts, const ds_snapshot *snapshot);

// Whether a block of a place has some.
bool ds_identity_facts_in(const identity_facts *facts, const ds_place *place, uint32_t block);

// What has to be read so that facts can be looked at, and `want`; property 0 is the other
// identifier. Valid as long as `facts`.
ds_columns ds_identity_facts_columns(const identity_facts *facts, uint32_t want);

// Reads that of a block.
DS_CHECKED ds_code ds_identity_facts_read(const identity_facts *facts, const ds_place *place,
                                          uint32_t block, uint32_t want, ds_block_reader *reader,
                                          ds_block *ret_block, ds_error *err);

// Whether who is whom goes by all events: a cut by time alone leaves it as it is today.
static inline bool ds_identity_knows_all(const ds_snapshot *snapshot) {
  return !snapshot->cut.has_received;
}

// Whether who is whom goes by an event of a block that has its times unless all are known.
static inline bool ds_identity_is_known(const ds_snapshot *snapshot, const ds_block *block,
                                        uint32_t event) {
  const ds_cut *cut = &snapshot->cut;
  return ds_identity_knows_all(snapshot) ||
         (block->received_ms[event] <= cut->received_ms &&
          (!cut->has_time || block->time_ms[event] <= cut->time_ms));
}

// What has to be read of a block to tell.
static inline uint32_t ds_identity_want_known(const ds_snapshot *snapshot) {
  return ds_identity_knows_all(snapshot) ? 0 : DS_WANT_TIME | DS_WANT_RECEIVED;
}

// Whether an event that was read is a known fact.
static inline bool ds_identity_is_fact(const identity_facts *facts, const ds_block *block,
                                       uint32_t event) {
  const uint16_t touchpoint = block->touchpoint[event];
  return (facts->touchpoints[touchpoint / 64] >> (touchpoint % 64) & 1) != 0 &&
         ds_identity_is_known(facts->snapshot, block, event);
}

// What a fact says, and the identifier that it names; false when it names none.
bool ds_identity_fact_take(const identity_facts *facts, const ds_block *block, uint32_t event,
                           identity_what *ret_what, ds_str *ret_other);

#endif
