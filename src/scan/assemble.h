// SPDX-License-Identifier: Apache-2.0
// Builds blocks out of pieces of other blocks: whole runs of journeys, single events (merging one
// customer from several places), or a list of event indexes (filter, regroup). Arrays are reused
// from block to block. Gaps are not handled: they change with every piece, so whoever wants them
// makes them from times at the end. May use base/, model/. Used by one thread.
#ifndef DS_SCAN_ASSEMBLE_H
#define DS_SCAN_ASSEMBLE_H

#include "base/map.h"
#include "model/block.h"

// The block being built and its room. `block` is complete after ds_assembly_finish or
// ds_assembly_gather, and valid until the next begin or gather.
typedef struct ds_assembly {
  ds_block block;
  ds_columns columns;
  uint32_t events_capacity;
  uint32_t journeys_capacity;
  uint32_t *items_capacity;  // per key
  uint32_t *values_capacity; // per key
  uint64_t *case_hash;       // room for the block's, set when the source has them or by regroup
  ds_str *case_text;
  ds_map64 seen;             // case values of the journey being merged
  ds_arena texts;            // copied texts, when pieces do not outlive the block
  bool copy_texts;
  uint32_t *place;           // of each event of a block that is gathered from
  uint32_t *again;           // places of events that are gathered once more
  uint32_t again_count;
  uint32_t places_capacity;  // of both
  struct ds_packing *packing; // by property: how its packed column grows; NULL: none is packed
} ds_assembly;

// An empty one for blocks of `columns` (copied; its arrays must outlive it). copy_texts: pieces
// go away before the block does. Fails with DS_MEMORY; ds_assembly_done is safe even then.
DS_CHECKED ds_code ds_assembly_init(ds_assembly *assembly, const ds_columns *columns,
                                    bool copy_texts, ds_error *err);
void ds_assembly_done(ds_assembly *assembly);

// Lets an assembly that was just made pack its property columns (model/block.h), which takes a
// small part of the memory where most events lack most properties; for blocks that nothing but
// ds_assembly_events reads.
DS_CHECKED ds_code ds_assembly_pack(ds_assembly *assembly, ds_error *err);

// Makes room for `times` (at least 1) what is in the block begun, so that it need not be moved as
// it grows; where there is none, it grows as ever.
void ds_assembly_foresee(ds_assembly *assembly, uint32_t times);

// The bytes that what is in the block takes, without room to grow.
uint64_t ds_assembly_bytes(const ds_assembly *assembly);

// Starts a new block.
void ds_assembly_begin(ds_assembly *assembly);

// Appends journeys [first, last) of a block with the same columns, whole.
DS_CHECKED ds_code ds_assembly_run(ds_assembly *assembly, const ds_block *from, uint32_t first,
                                   uint32_t last, ds_error *err);

// Appends the events of one journey that `keep` has a bit of; there may be none.
DS_CHECKED ds_code ds_assembly_kept(ds_assembly *assembly, const ds_block *from, uint32_t journey,
                                    const uint64_t *keep, ds_error *err);

// One journey out of several blocks: begin with the journey that names customer and subject,
// append runs of events [first, last) in their final order, end.
DS_CHECKED ds_code ds_assembly_journey(ds_assembly *assembly, const ds_block *from,
                                       uint32_t journey, ds_error *err);
DS_CHECKED ds_code ds_assembly_events(ds_assembly *assembly, const ds_block *from, uint32_t first,
                                      uint32_t last, ds_error *err);
void ds_assembly_journey_end(ds_assembly *assembly);

// Asks memory for what will be read of a journey soon: where its events are, and then its events.
void ds_assembly_fetch_place(const ds_assembly *assembly, uint32_t journey);
void ds_assembly_fetch(const ds_assembly *assembly, uint32_t journey);

// Completes the block begun.
const ds_block *ds_assembly_finish(ds_assembly *assembly);

// A list of events as new journeys: new journey j consists of the events index[offset[j]] ..
// index[offset[j + 1] - 1] of journey[j] of the source.
typedef struct ds_gather {
  const uint32_t *index;
  const uint32_t *offset;
  const uint32_t *journey;
  uint32_t journeys;
  bool keys; // keep the key columns
  bool loose; // of pieces of journeys: their values stay numbered as they are
} ds_gather;

// Room for so many events and journeys, for a caller that fills arrays by journey itself.
DS_CHECKED ds_code ds_assembly_room(ds_assembly *assembly, uint32_t events, uint32_t journeys,
                                    ds_error *err);

// Makes a whole block of such a list.
DS_CHECKED ds_code ds_assembly_gather(ds_assembly *assembly, const ds_block *from,
                                      const ds_gather *list, ds_error *err);

#endif
