// SPDX-License-Identifier: Apache-2.0
// A small world for the tests of the store: batches whose every event can be told from all others
// by its time, writes whose outcome is noted, and a reader that counts what a store holds and
// compares it with what was written. Checks end the test by cmocka's asserts.
#ifndef DS_TEST_STORE_WORLD_H
#define DS_TEST_STORE_WORLD_H

#include "store/store.h"

// People are few, so that everybody has events in most batches.
enum { WORLD_BATCHES_MAX = 64, WORLD_PEOPLE = 23 };

// What became of a batch or an import.
typedef enum world_fate {
  FATE_NONE,     // never tried
  FATE_TRIED,    // tried, the call failed: may be there whole, or not at all
  FATE_ACKED,    // must be there
  FATE_UNDOING,  // an undo was tried and failed: may be there whole, or not at all
  FATE_UNDONE,   // must not be there
} world_fate;

typedef struct store_world {
  ds_io *io;
  ds_io_sim *sim; // NULL = POSIX
  char path[256];
  ds_space space;
  uint32_t sizes[WORLD_BATCHES_MAX]; // events of each batch
  uint32_t imports[WORLD_BATCHES_MAX]; // the import's id of a batch; 0 = appended
  world_fate fates[WORLD_BATCHES_MAX];
  uint32_t batches;
  // People as bits. Nobody's events are written while they are, or may be, erased.
  uint32_t gone[WORLD_BATCHES_MAX]; // whose events the batch has not, or not any more
  uint32_t erased;    // acknowledged, and not taken in again since
  uint32_t erasing;   // tried, the call failed: may be erased, from all batches, or not at all
  uint32_t returning; // the same of erased ones who were to be taken in again
  ds_code why; // the first failure of a call below that writes; set DS_OK to begin anew
  bool ids; // events carry ids
  uint32_t threads; // of the store
  void (*tune)(ds_store_options *options); // NULL, or changes what the store is opened with
} store_world;

// What a store holds.
typedef struct world_content {
  uint32_t counts[WORLD_BATCHES_MAX];
  uint32_t people[WORLD_BATCHES_MAX]; // who have events in it, as bits
  uint32_t erased;                    // who are, by the vault as it is on disk
  bool vague; // which cannot be told: no keys, or a change is cut short
  uint64_t events;
  uint64_t digest; // of all contents, in any order
  uint64_t digest_of[WORLD_PEOPLE]; // adds up to it
} world_content;

// An empty world on a simulated machine, or in a directory of its own.
void world_init_sim(store_world *world, uint64_t seed);
void world_init_posix(store_world *world);
void world_done(store_world *world);

// The same as cmocka's fixtures: the world is the test's state. At the end no file is open (I12).
int world_set_up_sim(void **state);
int world_set_up_posix(void **state);
int world_tear_down(void **state);

// Forgets what was written, for another run; a simulated machine is made anew.
void world_restart(store_world *world, uint64_t seed);

// Opens; the code is the caller's to look at.
ds_code world_open(const store_world *world, bool write, ds_store **ret_store, ds_error *err);
ds_store *world_open_ok(const store_world *world, bool write);

// The steps of scripts: each notes what came of it. `events` > 0.
ds_code world_append(store_world *world, ds_store *store, uint32_t events);
// `count` batches of 1, 2, 3, ... events as one group; the code is that of the first that failed.
ds_code world_append_group(store_world *world, ds_store *store, uint32_t count);
ds_code world_import(store_world *world, ds_store *store, uint32_t events);

// The same with the rows of `again` too, a batch that the store has: duplicates. `events` may be 0.
ds_code world_append_again(store_world *world, ds_store *store, uint32_t events, uint32_t again);
ds_code world_import_again(store_world *world, ds_store *store, uint32_t events, uint32_t again);
ds_code world_undo(store_world *world, ds_store *store, uint32_t batch);

// Erases a person, or takes somebody erased in again.
ds_code world_erase(store_world *world, ds_store *store, uint32_t person);
ds_code world_return(store_world *world, ds_store *store, uint32_t person);

// Destroys a person's keys alone, as an erasure that is cut short behind its first step does.
ds_code world_erase_keys(store_world *world, ds_store *store, uint32_t person);

// The events that a batch has when it is there.
uint32_t world_batch_events(const store_world *world, uint32_t batch);

// The rows of a batch as the gate would hand them over.
void world_rows(const store_world *world, uint32_t batch, uint32_t import, uint64_t arrival,
                ds_buf *rows);

// Hands rows to a builder, partition by partition, as the importer does from its spill.
ds_code world_build_rows(ds_builder *builder, const ds_buf *rows);

// Reads a snapshot whole; every event must be one that was written, to the bit (I3).
void world_read_snapshot(const store_world *world, const ds_snapshot *snapshot, world_content *out);
void world_read(const store_world *world, ds_store *store, world_content *out);

// The store must hold what was written.
void world_expect(const store_world *world, ds_store *store);

// The same as world_read for a store that may be damaged: its damage is the code returned, a wrong
// event still fails.
ds_code world_try_read(const store_world *world, ds_store *store, world_content *out);

// Makes of what was recovered what must stay: present is acknowledged, absent was never there.
void world_settle(store_world *world, const world_content *content);

// Whether the content fits the fates: all or nothing, nothing twice, acknowledged ones present,
// appended batches a prefix (I1, I2, I4); no event of anybody erased (I13).
void world_compare(const store_world *world, const world_content *content);

// ds_store_check finds nothing; prints what it finds.
void world_check(ds_store *store);

// Reads the catalog through a connection of its own. *ret_same: each row and no other is as the
// store's imports and parts say. A catalog that cannot be read is the code returned.
ds_code world_try_catalog(const store_world *world, ds_store *store, bool *ret_same);

#endif
