// SPDX-License-Identifier: Apache-2.0
// Erasing people from a store (I13): what goes, what stays, and sweeps on the simulated machine:
// power loss before and errors at every operation of a life with three erasures and a return.
// `operation, policy` makes a case again; all of them run with DS_STRESS=1.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "model/identifier.h"
#include "store/backup.h"
#include "store/erase.h"
#include "store_sweep.h"

enum { PEOPLE = 12, POLICIES = 4 };

// What a store has been told and has acknowledged.
typedef struct fixture {
  ds_io_sim *sim;
  ds_io *io;
  ds_space space;
  uint32_t told[PEOPLE];  // events of each, acknowledged; of the erased, since
  uint32_t tried[PEOPLE]; // of those, and of a batch that failed
  bool erased[PEOPLE];    // acknowledged
  bool erasing[PEOPLE];   // tried
  bool returned[PEOPLE];  // taken in again since, acknowledged
  bool returning[PEOPLE]; // tried
  uint32_t failed_later;  // erasures that failed, but said that the person is erased
} fixture;

// What a store holds.
typedef struct holding {
  uint32_t events[PEOPLE];
  uint32_t named[PEOPLE];  // facts of identity under the first person, that name this one
  uint64_t rows;
  uint32_t opened[PEOPLE]; // whose sealed value could be opened
} holding;

static void restart(fixture *own) {
  ds_io_sim_free(own->sim);
  own->sim = ds_io_sim_new(11);
  own->io = ds_io_sim_io(own->sim);
  memset(own->told, 0, sizeof own->told);
  memset(own->tried, 0, sizeof own->tried);
  memset(own->erased, 0, sizeof own->erased);
  memset(own->erasing, 0, sizeof own->erasing);
  memset(own->returned, 0, sizeof own->returned);
  memset(own->returning, 0, sizeof own->returning);
}

static int set_up(void **state) {
  fixture *own = calloc(1, sizeof *own);
  uint32_t code;
  ds_space_init(&own->space);
  assert_int_equal(ds_names_add(&own->space.touchpoints, ds_str_of("t"), &code, NULL), DS_OK);
  assert_int_equal(ds_names_add(&own->space.properties, ds_str_of("p"), &code, NULL), DS_OK);
  assert_int_equal(ds_names_add(&own->space.touchpoints, ds_str_of(DS_LINK_UNTOLD), &code, NULL),
                   DS_OK);
  assert_int_equal(ds_names_add(&own->space.properties, ds_str_of(DS_LINK_PROPERTY), &code, NULL),
                   DS_OK);
  assert_int_equal(ds_names_add(&own->space.sources, ds_str_of("s"), &code, NULL), DS_OK);
  restart(own);
  *state = own;
  return 0;
}

static int tear_down(void **state) {
  fixture *own = *state;
  assert_int_equal(ds_io_sim_open_files(own->sim), 0); // I12
  ds_io_sim_free(own->sim);
  ds_space_done(&own->space);
  free(own);
  return 0;
}

static ds_str name_of(uint32_t person, char out[32]) {
  return (ds_str){out, (uint32_t)snprintf(out, 32, "user_id=u%u", person)};
}

static ds_code open_store(fixture *own, const char *path, bool write, ds_store **ret) {
  ds_store_options options;
  ds_store_options_init(&options);
  options.io = own->io;
  options.write = write;
  options.create = write;
  options.threads = 1;
  ds_error err = {.message = ""};
  return ds_store_open(path, &options, ret, &err);
}

// A row of a person with a sealed value that nobody else has.
static ds_code put_row(fixture *own, ds_vault *vault, uint32_t person, ds_buf *rows) {
  char subject[32], words[32];
  ds_buf sealed;
  ds_buf_init(&sealed, 1 << 10);
  const ds_vault_place place = {name_of(person, subject), ds_str_of("t"), ds_str_of("p")};
  const ds_value value = {
      .type = DS_TYPE_STRING,
      .text = {words, (uint32_t)snprintf(words, sizeof words, "person %u", person)}};
  ds_event_property property = {.name = 0};
  ds_code code = ds_vault_seal(vault, &place, &value, &sealed, &property.value, NULL);
  ds_event event = {.time_ms = 1700000000000 + own->tried[person],
                    .received_ms = 1700000000000 + own->tried[person],
                    .subject = place.subject, .has_id = true, .id = own->tried[person],
                    .properties_count = 1, .properties = &property};
  if (code == DS_OK)
    code = ds_event_encode(&event, rows, NULL);
  ds_buf_done(&sealed);
  return code;
}

// A fact under the first person that names another one.
static ds_code put_fact(const fixture *own, uint32_t person, ds_buf *rows) {
  char first[32], other[32];
  ds_event_property with = {.name = 1, .value = {.type = DS_TYPE_STRING}};
  with.value.text = name_of(person, other);
  const ds_event event = {.time_ms = 1700000000000 + own->tried[person],
                          .touchpoint = 1,
                          .received_ms = 1700000000000 + own->tried[person],
                          .subject = name_of(0, first), .has_id = true,
                          .id = 1000 + 100 * person + own->tried[person],
                          .properties_count = 1, .properties = &with};
  return ds_event_encode(&event, rows, NULL);
}

// One event of everybody who is not erased, and one of the first person that names each other.
static ds_code append(fixture *own, ds_store *store) {
  ds_vault *vault;
  ds_buf rows;
  uint64_t duplicates;
  TRY(ds_store_vault(store, &vault, NULL));
  ds_buf_init(&rows, 1 << 20);
  ds_code code = DS_OK;
  for (uint32_t i = 0; i < PEOPLE && code == DS_OK; i++) {
    if (own->erased[i])
      continue;
    code = put_row(own, vault, i, &rows);
    if (code == DS_OK && i > 0 && !own->erased[0])
      code = put_fact(own, i, &rows);
    own->tried[i]++;
  }
  if (code == DS_OK)
    code = ds_store_append(store, &own->space, &rows, &duplicates, NULL);
  for (uint32_t i = 0; i < PEOPLE && code == DS_OK; i++)
    own->told[i] = own->tried[i];
  ds_buf_done(&rows);
  return code;
}

static ds_code erase(fixture *own, ds_store *store, uint32_t person, ds_erasure *ret) {
  char subject[32];
  const ds_str one = name_of(person, subject);
  own->erasing[person] = true;
  ds_error err = {.message = ""};
  const ds_code code = ds_store_erase(store, &one, 1, NULL, ret, &err);
  const bool is_later = strstr(err.message, "the person is erased all the same") != NULL;
  assert_true(code != DS_OK || !is_later);
  own->failed_later += is_later;
  if (code != DS_OK && !is_later)
    return code;
  own->erased[person] = true;
  own->returned[person] = own->returning[person] = false;
  own->told[person] = own->tried[person] = 0;
  return code;
}

// Takes somebody erased in again.
static ds_code take_in(fixture *own, ds_store *store, uint32_t person) {
  char subject[32];
  own->returning[person] = true;
  TRY(ds_store_unsuppress(store, name_of(person, subject), ds_str_of("asked"), NULL));
  own->returned[person] = true;
  own->erased[person] = false;
  return DS_OK;
}

static void take_row(const ds_snapshot *snapshot, ds_vault *vault, const uint8_t *row,
                     holding *out) {
  ds_event_key keys[DS_EVENT_KEYS_MAX];
  ds_event_property properties[4];
  ds_event event = {.keys = keys, .properties = properties};
  ds_row head;
  size_t size;
  unsigned person = PEOPLE;
  char subject[32] = "";
  ds_row_open(row, &head);
  assert_int_equal(ds_event_decode(row, head.size, &snapshot->space, &event, &size, NULL), DS_OK);
  memcpy(subject, event.subject.data, event.subject.size);
  assert_int_equal(sscanf(subject, "user_id=u%u", &person), 1);
  assert_true(person < PEOPLE && event.properties_count == 1);
  out->rows++;
  if (ds_is_link(snapshot->space.touchpoints.text[event.touchpoint])) {
    memset(subject, 0, sizeof subject);
    memcpy(subject, properties[0].value.text.data, properties[0].value.text.size);
    assert_int_equal(sscanf(subject, "user_id=u%u", &person), 1);
    out->named[person]++;
    return;
  }
  const ds_vault_place place = {event.subject, ds_str_of("t"), ds_str_of("p")};
  ds_arena arena;
  ds_value value;
  ds_arena_init(&arena, 1 << 20);
  out->events[person]++;
  const ds_code code = vault == NULL ? DS_NO
                                     : ds_vault_unseal(vault, &place, &properties[0].value, &arena,
                                                       &value, NULL);
  if (code == DS_OK) {
    char words[32];
    const int length = snprintf(words, sizeof words, "person %u", person);
    assert_true(ds_str_equal(value.text, (ds_str){words, (uint32_t)length}));
    out->opened[person]++;
  }
  assert_true(code == DS_OK || code == DS_NO);
  ds_arena_done(&arena);
}

static void read_snapshot(const ds_snapshot *snapshot, ds_vault *vault, holding *out) {
  *out = (holding){.rows = 0};
  ds_block_reader *reader = ds_block_reader_new();
  ds_buf rows;
  ds_buf_init(&rows, 1 << 24);
  for (uint32_t p = 0; p < snapshot->places_count; p++) {
    const ds_place *place = &snapshot->places[p];
    for (uint32_t b = 0; b < ds_part_get_info(place->part)->blocks; b++)
      assert_int_equal(ds_part_read_rows(place, b, 0, ds_part_zone(place->part, b)->journeys,
                                         reader, &rows, NULL), DS_OK);
  }
  ds_row row;
  for (size_t at = 0; at < rows.size; at += row.size) {
    ds_row_open(rows.data + at, &row);
    take_row(snapshot, vault, rows.data + at, out);
  }
  ds_buf_done(&rows);
  ds_block_reader_free(reader);
  assert_int_equal(snapshot->events, out->rows);
}

static void read_all(ds_store *store, ds_vault *vault, holding *out) {
  ds_snapshot *snapshot;
  assert_int_equal(ds_store_snapshot(store, &snapshot, NULL), DS_OK);
  read_snapshot(snapshot, vault, out);
  ds_snapshot_free(snapshot);
}

static void expect_held(const fixture *own, const ds_vault *vault, const holding *held) {
  char subject[32];
  const bool first = vault == NULL || !ds_vault_is_erased(vault, name_of(0, subject));
  for (uint32_t i = 0; i < PEOPLE; i++) {
    const bool gone = vault != NULL && ds_vault_is_erased(vault, name_of(i, subject));
    assert_true(gone ? own->erasing[i] && !own->returned[i]
                     : !own->erased[i] || own->returning[i]);
    assert_true(gone ? held->events[i] == 0
                     : held->events[i] >= own->told[i] && held->events[i] <= own->tried[i]);
    assert_true(gone || !first || i == 0 ? held->named[i] == 0
                                         : held->named[i] == held->events[i]);
    assert_true(vault == NULL || held->opened[i] == held->events[i]);
  }
}

// What is open holds what was told, without whom the vault says is erased, who are at least those
// whose erasure was acknowledged (I13), and no one's else. Of who was taken in again it holds what
// came since, and can open it: what was sealed before could not be opened by the key of now.
static void expect_sound(fixture *own, ds_store *store) {
  holding held;
  ds_vault *vault = NULL;
  if (ds_store_has_vault(store))
    assert_int_equal(ds_store_vault(store, &vault, NULL), DS_OK);
  read_all(store, vault, &held);
  expect_held(own, vault, &held);
  world_check(store);
}

// Before any writer comes by to finish what was cut short, a reader sees the same or, where only a
// writer can tell what was committed, nothing.
static void expect_sound_to_read(fixture *own) {
  ds_store *store = NULL;
  ds_vault *vault = NULL;
  ds_snapshot *snapshot = NULL;
  holding held;
  if (open_store(own, "store", false, &store) != DS_OK)
    return;
  if (!ds_store_has_vault(store) || ds_store_vault(store, &vault, NULL) == DS_OK) {
    assert_int_equal(ds_store_snapshot(store, &snapshot, NULL), DS_OK);
    read_snapshot(snapshot, vault, &held);
    expect_held(own, vault, &held);
    ds_snapshot_free(snapshot);
  }
  ds_store_close(store);
}

static ds_code run_script(fixture *own, ds_store *store) {
  ds_erasure erasure;
  TRY(append(own, store));
  TRY(ds_store_seal(store, NULL));
  TRY(append(own, store));
  TRY(ds_store_seal(store, NULL));
  TRY(append(own, store));
  TRY(erase(own, store, 3, &erasure));
  assert_int_equal(erasure.events, 3);
  assert_int_equal(erasure.facts, 3);
  TRY(erase(own, store, 9, &erasure));
  TRY(append(own, store));
  TRY(take_in(own, store, 9));
  TRY(append(own, store));
  TRY(erase(own, store, 7, &erasure));
  assert_int_equal(erasure.events, 5);
  assert_int_equal(erasure.facts, 5);
  TRY(ds_store_compact(store, NULL, NULL));
  return append(own, store);
}

static ds_code run_life(fixture *own) {
  ds_store *store;
  TRY(open_store(own, "store", true, &store));
  const ds_code code = run_script(own, store);
  ds_store_close(store);
  return code;
}

static void expect_recovery(fixture *own) {
  ds_store *store;
  uint64_t before = 0;
  expect_sound_to_read(own);
  for (int round = 0; round < 2; round++) {
    assert_int_equal(open_store(own, "store", true, &store), DS_OK);
    if (round == 1)
      assert_int_equal(ds_io_sim_operations(own->sim), before); // I6
    expect_sound(own, store);
    ds_store_close(store);
    before = ds_io_sim_operations(own->sim);
  }
  // Who cannot be found any more is not to come back by power loss, or by going on (I7, I13).
  assert_int_equal(open_store(own, "store", true, &store), DS_OK);
  for (uint32_t i = 0; i < PEOPLE; i++) {
    holding held;
    char subject[32];
    ds_vault *vault = NULL;
    if (!ds_store_has_vault(store))
      break;
    assert_int_equal(ds_store_vault(store, &vault, NULL), DS_OK);
    read_all(store, vault, &held);
    own->tried[i] = own->told[i] = held.events[i];
    own->erased[i] = ds_vault_is_erased(vault, name_of(i, subject));
  }
  ds_store_close(store);
  ds_io_sim_power_loss(own->sim, DS_LOSS_ALL);
  assert_int_equal(open_store(own, "store", true, &store), DS_OK);
  expect_sound(own, store);
  ds_store_close(store);
}

static void the_erased_go_and_the_others_stay(void **state) {
  fixture *own = *state;
  ds_store *store;
  ds_erasure erasure;
  assert_int_equal(run_life(own), DS_OK);
  for (int write = 0; write < 2; write++) {
    assert_int_equal(open_store(own, "store", write == 1, &store), DS_OK);
    expect_sound(own, store);
    ds_store_close(store);
  }
  assert_int_equal(open_store(own, "store", true, &store), DS_OK);
  assert_int_equal(erase(own, store, 3, &erasure), DS_OK); // again: there is nothing left
  assert_int_equal(erasure.events, 0);
  assert_true(erasure.keys_gone);
  for (uint32_t i = 0; i < PEOPLE; i++)
    assert_int_equal(erase(own, store, i, &erasure), DS_OK);
  expect_sound(own, store);
  ds_store_close(store);
}

static ds_code open_keyless(fixture *own, ds_store **ret) {
  ds_store_options options;
  ds_store_options_init(&options);
  options.io = own->io;
  options.threads = 1;
  options.key_file = "nowhere";
  return ds_store_open("store", &options, ret, NULL);
}

// As soon as the keys are gone, no snapshot shows the person, though all files still hold the
// events: in a part and in the log, of the writer, of a reader that was open before, and of one
// that comes later. A snapshot of before goes on as it was.
static void the_erased_are_hidden_at_once(void **state) {
  fixture *own = *state;
  ds_store *writer, *readers[2], *keyless;
  ds_vault *vault, *other;
  ds_snapshot *before;
  holding held;
  char subject[32];
  const ds_str one = name_of(4, subject);
  assert_int_equal(open_store(own, "store", true, &writer), DS_OK);
  assert_int_equal(append(own, writer), DS_OK);
  assert_int_equal(ds_store_seal(writer, NULL), DS_OK);
  assert_int_equal(append(own, writer), DS_OK);
  assert_int_equal(open_store(own, "store", false, &readers[0]), DS_OK);
  assert_int_equal(ds_store_snapshot(readers[0], &before, NULL), DS_OK);
  assert_int_equal(open_keyless(own, &keyless), DS_OK);
  read_all(keyless, NULL, &held); // needs no key while there is nobody to leave out
  assert_int_equal(held.events[4], 2);
  assert_int_equal(ds_store_vault(writer, &vault, NULL), DS_OK);
  own->erasing[4] = true;
  assert_int_equal(ds_vault_erase(vault, &one, 1, 1700000000000, NULL), DS_OK);
  own->erased[4] = true;
  read_all(writer, vault, &held);
  expect_held(own, vault, &held);
  assert_int_equal(open_store(own, "store", false, &readers[1]), DS_OK);
  for (int r = 0; r < 2; r++) {
    assert_int_equal(ds_store_vault(readers[r], &other, NULL), DS_OK);
    read_all(readers[r], other, &held);
    expect_held(own, vault, &held);
    assert_int_equal(held.events[3], 2);
    assert_int_equal(held.named[3], 2);
  }
  read_snapshot(before, NULL, &held);
  assert_int_equal(held.events[4], 2);
  assert_int_equal(held.named[4], 2);
  ds_snapshot *refused = NULL;
  assert_int_equal(ds_store_snapshot(keyless, &refused, NULL), DS_MISSING);
  ds_snapshot_free(before);
  ds_store_close(keyless);
  ds_store_close(readers[0]);
  ds_store_close(readers[1]);
  ds_store_close(writer);
  assert_int_equal(open_store(own, "store", true, &writer), DS_OK); // which finishes it
  expect_sound(own, writer);
  ds_store_close(writer);
  assert_int_equal(open_keyless(own, &keyless), DS_OK);
  read_all(keyless, NULL, &held);
  assert_int_equal(held.events[4] + held.named[4], 0);
  ds_store_close(keyless);
}

enum { CROWD = 600, CROWD_EVENTS = 250 };

// A part of three blocks: CROWD_EVENTS of each of CROWD people.
static void append_crowd(fixture *own, ds_store *store) {
  char subject[32];
  uint64_t duplicates;
  ds_buf rows;
  ds_buf_init(&rows, 1 << 24);
  for (uint32_t i = 0; i < CROWD * CROWD_EVENTS; i++) {
    const ds_event event = {.time_ms = 1700000000000 + i,
                            .received_ms = 1700000000000 + i,
                            .subject = name_of(i % CROWD, subject), .has_id = true, .id = i};
    assert_int_equal(ds_event_encode(&event, &rows, NULL), DS_OK);
    if (i % 10000 != 9999)
      continue;
    assert_int_equal(ds_store_append(store, &own->space, &rows, &duplicates, NULL), DS_OK);
    ds_buf_reset(&rows);
  }
  ds_buf_done(&rows);
  assert_int_equal(ds_store_seal(store, NULL), DS_OK);
}

// How many events each of the crowd has in a place.
static void count_crowd(const ds_place *place, uint32_t events[CROWD]) {
  ds_block_reader *reader = ds_block_reader_new();
  ds_buf rows;
  ds_row row;
  ds_buf_init(&rows, 1 << 26);
  for (uint32_t b = 0; b < ds_part_get_info(place->part)->blocks; b++)
    assert_int_equal(ds_part_read_rows(place, b, 0, ds_part_zone(place->part, b)->journeys,
                                       reader, &rows, NULL), DS_OK);
  for (size_t at = 0; at < rows.size; at += row.size) {
    char subject[32] = "";
    unsigned person = CROWD;
    ds_row_open(rows.data + at, &row);
    memcpy(subject, row.subject.data, row.subject.size);
    assert_int_equal(sscanf(subject, "user_id=u%u", &person), 1);
    events[person]++;
  }
  ds_buf_done(&rows);
  ds_block_reader_free(reader);
}

// While an erasure is under way, the blocks without anything about the person are read from the
// files as they are.
static void only_their_blocks_are_made_anew(void **state) {
  fixture *own = *state;
  ds_store *store;
  ds_vault *vault;
  ds_snapshot *snapshot;
  uint32_t events[CROWD] = {0}, blocks = 0, places_of_files = 0;
  char subject[32];
  const ds_str one = name_of(4, subject);
  assert_int_equal(open_store(own, "store", true, &store), DS_OK);
  assert_int_equal(ds_store_vault(store, &vault, NULL), DS_OK);
  append_crowd(own, store);
  assert_int_equal(ds_vault_erase(vault, &one, 1, 1700000000000, NULL), DS_OK);
  assert_int_equal(ds_store_snapshot(store, &snapshot, NULL), DS_OK);
  assert_int_equal(snapshot->events, (CROWD - 1) * CROWD_EVENTS);
  for (uint32_t p = 0; p < snapshot->places_count; p++) {
    const ds_part_info *info = ds_part_get_info(snapshot->places[p].part);
    count_crowd(&snapshot->places[p], events);
    places_of_files += info->number != 0;
    blocks += info->number != 0 ? info->blocks : 0;
  }
  assert_int_equal(places_of_files, 1);
  assert_int_equal(blocks, 2); // of three
  for (uint32_t i = 0; i < CROWD; i++)
    assert_int_equal(events[i], i == 4 ? 0 : CROWD_EVENTS);
  ds_snapshot_free(snapshot);
  ds_store_close(store);
}

// Each of the crowd tells FACTS facts: two of whoever is next and one of who is 7 further, in turns
// that differ, so that neighbours name the same person as well as others. The facts that named the
// erased are counted one by one, their own are not, and nobody is named any more.
static void facts_are_counted_one_by_one(void **state) {
  enum { FACTS = 30, ERASED = 2 };
  fixture *own = *state;
  ds_store *store;
  ds_vault *vault;
  ds_snapshot *snapshot;
  ds_erasure erasure;
  char subject[32], other[32];
  uint64_t duplicates, named = 0;
  ds_buf rows;
  ds_buf_init(&rows, 1 << 24);
  for (uint32_t i = 0; i < CROWD * FACTS; i++) {
    const uint32_t who = i / FACTS, other_one = who + (i % 3 == who % 3 ? 7 : 1);
    ds_event_property with = {.name = 1, .value = {.type = DS_TYPE_STRING}};
    with.value.text = name_of(other_one % CROWD, other);
    const ds_event event = {.time_ms = 1700000000000 + i, .touchpoint = 1,
                            .received_ms = 1700000000000 + i,
                            .subject = name_of(who, subject), .has_id = true, .id = i,
                            .properties_count = 1, .properties = &with};
    assert_int_equal(ds_event_encode(&event, &rows, NULL), DS_OK);
    named += other_one % CROWD == ERASED;
  }
  assert_int_equal(open_store(own, "store", true, &store), DS_OK);
  assert_int_equal(ds_store_vault(store, &vault, NULL), DS_OK);
  assert_int_equal(ds_store_append(store, &own->space, &rows, &duplicates, NULL), DS_OK);
  ds_buf_done(&rows);
  const ds_str one = name_of(ERASED, subject);
  assert_int_equal(ds_store_erase(store, &one, 1, NULL, &erasure, NULL), DS_OK);
  assert_int_equal(erasure.events, FACTS);
  assert_int_equal(erasure.facts, named);
  assert_int_equal(named, FACTS); // of two people
  assert_int_equal(erasure.events_left + erasure.facts_left, 0);
  assert_int_equal(ds_store_snapshot(store, &snapshot, NULL), DS_OK);
  assert_int_equal(snapshot->events, CROWD * FACTS - erasure.events - erasure.facts);
  ds_snapshot_free(snapshot);
  ds_store_close(store);
}

static void copy_file(fixture *own, const char *from, const char *dir, const char *to) {
  char *bytes;
  size_t size;
  assert_int_equal(ds_io_read_file(own->io, from, 1 << 24, &bytes, &size, NULL), DS_OK);
  assert_int_equal(ds_io_replace_file(own->io, dir, to, bytes, size, NULL), DS_OK);
  free(bytes);
}

// A backup of before an erasure, restored beside the keys of after, is rid of the person again.
static void a_restored_backup_is_rid_of_the_erased(void **state) {
  fixture *own = *state;
  ds_store *store;
  ds_erasure erasure;
  ds_backup_result result;
  ds_vault *vault;
  holding held;
  assert_int_equal(open_store(own, "store", true, &store), DS_OK);
  assert_int_equal(append(own, store), DS_OK);
  assert_int_equal(ds_store_seal(store, NULL), DS_OK);
  assert_int_equal(append(own, store), DS_OK);
  assert_int_equal(ds_store_backup(store, "backup", false, false, NULL, &result, NULL), DS_OK);
  assert_int_equal(erase(own, store, 5, &erasure), DS_OK);
  ds_store_close(store);
  assert_int_equal(ds_store_restore(own->io, "backup", "again", NULL, NULL, &result, NULL), DS_OK);
  assert_int_equal(open_store(own, "again", true, &store), DS_OK); // no keys: still there
  read_all(store, NULL, &held);
  assert_int_equal(held.events[5], 2);
  ds_store_close(store);
  copy_file(own, "store/keys.sqlite", "again", "again/keys.sqlite");
  copy_file(own, "store/key", "again", "again/key");
  assert_int_equal(open_store(own, "again", true, &store), DS_OK);
  expect_sound(own, store);
  assert_int_equal(ds_store_vault(store, &vault, NULL), DS_OK);
  read_all(store, vault, &held);
  assert_int_equal(held.events[5], 0);
  assert_int_equal(held.opened[4], 2);
  ds_store_close(store);
}

// The same of a backup that names no keys, for the store had none: an event without anything
// personal of each, and then the first erasure. A reader leaves the person out before any writer.
static void a_backup_from_before_the_keys_is_too(void **state) {
  fixture *own = *state;
  ds_store *store;
  ds_snapshot *snapshot;
  ds_erasure erasure;
  ds_backup_result result;
  char subject[32];
  uint64_t duplicates;
  ds_buf rows;
  ds_buf_init(&rows, 1 << 20);
  for (uint32_t i = 0; i < PEOPLE; i++) {
    const ds_event event = {.time_ms = 1700000000000, .subject = name_of(i, subject),
                            .has_id = true, .id = i};
    assert_int_equal(ds_event_encode(&event, &rows, NULL), DS_OK);
  }
  assert_int_equal(open_store(own, "store", true, &store), DS_OK);
  assert_int_equal(ds_store_append(store, &own->space, &rows, &duplicates, NULL), DS_OK);
  assert_int_equal(ds_store_backup(store, "backup", false, false, NULL, &result, NULL), DS_OK);
  assert_int_equal(erase(own, store, 5, &erasure), DS_OK);
  ds_store_close(store);
  assert_int_equal(ds_store_restore(own->io, "backup", "again", NULL, NULL, &result, NULL), DS_OK);
  for (int write = -1; write < 2; write++) {
    assert_int_equal(open_store(own, "again", write == 1, &store), DS_OK);
    assert_int_equal(ds_store_snapshot(store, &snapshot, NULL), DS_OK);
    assert_int_equal(snapshot->events, write < 0 ? PEOPLE : PEOPLE - 1);
    assert_int_equal(ds_store_erasures_done(store), write == 1 ? 1 : 0);
    ds_snapshot_free(snapshot);
    ds_store_close(store);
    copy_file(own, "store/keys.sqlite", "again", "again/keys.sqlite");
    copy_file(own, "store/key", "again", "again/key");
  }
  ds_buf_done(&rows);
}

// Restores a backup beside the keys that the store has now.
static ds_store *restore_beside_keys(fixture *own, const char *backup, const char *to) {
  ds_backup_result result;
  ds_store *store;
  char keys[64], key[64];
  snprintf(keys, sizeof keys, "%s/keys.sqlite", to);
  snprintf(key, sizeof key, "%s/key", to);
  assert_int_equal(ds_store_restore(own->io, backup, to, NULL, NULL, &result, NULL), DS_OK);
  copy_file(own, "store/keys.sqlite", to, keys);
  copy_file(own, "store/key", to, key);
  assert_int_equal(open_store(own, to, true, &store), DS_OK);
  return store;
}

// Who is taken in again keeps what came since, here and in a backup of since, whoever else is
// erased; what was erased stays away, also from a backup of before.
static void who_comes_back_brings_nothing_back(void **state) {
  fixture *own = *state;
  ds_store *store;
  ds_erasure erasure;
  ds_backup_result result;
  ds_vault *vault;
  holding held;
  char subject[32];
  const ds_str one = name_of(3, subject), reason = ds_str_of("asked");
  assert_int_equal(open_store(own, "store", true, &store), DS_OK);
  assert_int_equal(ds_store_unsuppress(store, one, reason, NULL), DS_NO); // there is no vault
  assert_int_equal(append(own, store), DS_OK);
  assert_int_equal(append(own, store), DS_OK);
  assert_int_equal(ds_store_backup(store, "before", false, false, NULL, &result, NULL), DS_OK);
  assert_int_equal(erase(own, store, 3, &erasure), DS_OK);
  assert_int_equal(ds_store_unsuppress(store, name_of(4, (char[32]){0}), reason, NULL), DS_NO);
  assert_int_equal(ds_store_unsuppress(store, one, reason, NULL), DS_OK);
  own->erased[3] = false;
  assert_int_equal(append(own, store), DS_OK);
  assert_int_equal(ds_store_backup(store, "since", false, false, NULL, &result, NULL), DS_OK);
  assert_int_equal(erase(own, store, 5, &erasure), DS_OK);
  ds_store_close(store);
  for (int write = 0; write < 2; write++) {
    assert_int_equal(open_store(own, "store", write == 1, &store), DS_OK);
    assert_int_equal(ds_store_vault(store, &vault, NULL), DS_OK);
    read_all(store, vault, &held);
    assert_int_equal(held.events[3], 1);
    assert_int_equal(held.opened[3], 1);
    assert_int_equal(held.named[3], 1);
    assert_int_equal(held.events[4], 3);
    assert_int_equal(held.events[5] + held.named[5], 0);
    world_check(store);
    ds_store_close(store);
  }
  static const char *const backups[] = {"before", "since"};
  for (uint32_t b = 0; b < 2; b++) {
    store = restore_beside_keys(own, backups[b], b == 0 ? "again" : "later");
    assert_int_equal(ds_store_vault(store, &vault, NULL), DS_OK);
    read_all(store, vault, &held);
    assert_int_equal(held.events[3], b);
    assert_int_equal(held.opened[3], b);
    assert_int_equal(held.named[3], b);
    assert_int_equal(held.events[4], 2 + b);
    assert_int_equal(held.events[5] + held.named[5], 0);
    ds_store_close(store);
  }
}

static void the_erased_stay_erased_through_power_loss(void **state) {
  fixture *own = *state;
  assert_int_equal(run_life(own), DS_OK);
  const uint64_t operations = ds_io_sim_operations(own->sim);
  const uint64_t stride = sweep_stride(41);
  for (uint64_t k = 0; k < operations; k++) {
    for (uint32_t policy = 0; policy < POLICIES; policy++) {
      if ((k * POLICIES + policy) % stride != 0)
        continue;
      restart(own);
      ds_io_sim_crash_at(own->sim, k);
      (void)run_life(own);
      ds_io_sim_power_loss(own->sim, (ds_loss)policy);
      expect_recovery(own);
    }
  }
}

static void the_erased_stay_erased_through_errors(void **state) {
  fixture *own = *state;
  assert_int_equal(run_life(own), DS_OK);
  const uint64_t operations = ds_io_sim_operations(own->sim);
  const uint64_t stride = sweep_stride(61);
  for (uint64_t k = 0; k < operations; k++) {
    for (uint32_t way = 0; way < 2 * (POLICIES + 1); way++) {
      if ((k * 2 * (POLICIES + 1) + way) % stride != 0)
        continue;
      restart(own);
      const ds_code fault = way % 2 == 0 ? DS_IO : DS_FULL;
      ds_io_sim_fail_at(own->sim, k, fault, false);
      const ds_code code = run_life(own);
      if (code != DS_OK && code != fault)
        fail_msg("operation %ju: %s", (uintmax_t)k, ds_code_name(code));
      if (way / 2 < POLICIES)
        ds_io_sim_power_loss(own->sim, (ds_loss)(way / 2));
      expect_recovery(own);
    }
  }
  assert_true(own->failed_later > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_erased_go_and_the_others_stay, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_erased_are_hidden_at_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(only_their_blocks_are_made_anew, set_up, tear_down),
      cmocka_unit_test_setup_teardown(facts_are_counted_one_by_one, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_restored_backup_is_rid_of_the_erased, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_backup_from_before_the_keys_is_too, set_up, tear_down),
      cmocka_unit_test_setup_teardown(who_comes_back_brings_nothing_back, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_erased_stay_erased_through_power_loss, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(the_erased_stay_erased_through_errors, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
