// SPDX-License-Identifier: Apache-2.0
#include "store_world.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "memory_faults.h"
#include "store/erase.h"
#include "store/sqlite_vfs.h"
#include "store/state.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { BATCH_MS = 100000, START_MS_HIGH = 1600000 };
#define START_MS ((int64_t)START_MS_HIGH * 1000000)

static void init(store_world *world) {
  static const char *const touchpoints[] = {"order_placed", "delivered", "ticket_opened"};
  memset(world, 0, sizeof *world);
  world->ids = true;
  world->threads = 2;
  ds_space_init(&world->space);
  uint32_t index;
  // Names that no event uses must not get into the log.
  assert_int_equal(ds_names_add(&world->space.properties, ds_str_of("unused"), &index, NULL), 0);
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(
        ds_names_add(&world->space.touchpoints, ds_str_of(touchpoints[i]), &index, NULL), 0);
  assert_int_equal(ds_names_add(&world->space.properties, ds_str_of("value"), &index, NULL), 0);
  assert_int_equal(ds_names_add(&world->space.properties, ds_str_of("note"), &index, NULL), 0);
  assert_int_equal(ds_names_add(&world->space.keys, ds_str_of("order_id"), &index, NULL), 0);
  assert_int_equal(ds_names_add(&world->space.sources, ds_str_of("test"), &index, NULL), 0);
}

void world_init_sim(store_world *world, uint64_t seed) {
  init(world);
  snprintf(world->path, sizeof world->path, "store");
  world->sim = ds_io_sim_new(seed);
  assert_non_null(world->sim);
  world->io = ds_io_sim_io(world->sim);
}

void world_init_posix(store_world *world) {
  init(world);
  char directory[] = "/tmp/ds-store-XXXXXX";
  assert_non_null(mkdtemp(directory));
  snprintf(world->path, sizeof world->path, "%s/store", directory);
  world->io = ds_io_posix();
}

static ds_code remove_below(void *context, const char *name, ds_error *err) {
  (void)err;
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", (const char *)context, name);
  if (unlink(path) != 0) {
    (void)ds_io_posix()->ops->list(ds_io_posix(), path, remove_below, path, NULL);
    (void)rmdir(path);
  }
  return DS_OK;
}

void world_done(store_world *world) {
  ds_space_done(&world->space);
  if (world->sim != NULL) {
    ds_io_sim_free(world->sim);
    return;
  }
  *strrchr(world->path, '/') = '\0';
  (void)world->io->ops->list(world->io, world->path, remove_below, world->path, NULL);
  (void)rmdir(world->path);
}

int world_set_up_sim(void **state) {
  store_world *made = malloc(sizeof *made);
  world_init_sim(made, 7);
  *state = made;
  return 0;
}

int world_set_up_posix(void **state) {
  store_world *made = malloc(sizeof *made);
  world_init_posix(made);
  *state = made;
  return 0;
}

int world_tear_down(void **state) {
  store_world *own = *state;
  if (own->sim != NULL)
    assert_int_equal(ds_io_sim_open_files(own->sim), 0);
  world_done(own);
  free(own);
  return 0;
}

void world_restart(store_world *world, uint64_t seed) {
  world->batches = 0;
  memset(world->fates, 0, sizeof world->fates);
  memset(world->imports, 0, sizeof world->imports);
  memset(world->gone, 0, sizeof world->gone);
  world->erased = world->erasing = world->returning = 0;
  world->why = DS_OK;
  ds_io_sim_free(world->sim);
  world->sim = ds_io_sim_new(seed);
  assert_non_null(world->sim);
  world->io = ds_io_sim_io(world->sim);
}

ds_code world_open(const store_world *world, bool write, ds_store **ret_store, ds_error *err) {
  ds_store_options options;
  ds_store_options_init(&options);
  options.io = world->io;
  options.write = write;
  options.create = write;
  options.threads = world->threads;
  if (world->tune != NULL)
    world->tune(&options);
  return ds_store_open(world->path, &options, ret_store, err);
}

ds_store *world_open_ok(const store_world *world, bool write) {
  ds_store *store = NULL;
  ds_error err = {.message = ""};
  const ds_code code = world_open(world, write, &store, &err);
  if (code != DS_OK)
    print_error("open: %s\n", err.message);
  assert_int_equal(code, DS_OK);
  return store;
}

static uint32_t person_of(uint32_t batch, uint32_t i) { return (batch * 3 + i * 7) % WORLD_PEOPLE; }

static ds_str subject_of(uint32_t person, char out[32]) {
  return (ds_str){out, (uint32_t)snprintf(out, 32, "customer_id=C%u", person)};
}

static bool has(uint32_t people, uint32_t person) { return (people >> person & 1) != 0; }

// The events of a batch but for those of some people.
static uint32_t events_without(const store_world *world, uint32_t batch, uint32_t people) {
  uint32_t events = 0;
  for (uint32_t i = 0; i < world->sizes[batch]; i++)
    events += !has(people, person_of(batch, i));
  return events;
}

uint32_t world_batch_events(const store_world *world, uint32_t batch) {
  return events_without(world, batch, world->gone[batch]);
}

// The event number `i` of a batch; texts live in the buffers.
typedef struct made_event {
  ds_event event;
  ds_event_key key;
  ds_event_property properties[2];
  char subject[32];
  char order[32];
  char note[48];
} made_event;

static void make_event(const store_world *world, uint32_t batch, uint32_t i, made_event *out) {
  memset(out, 0, sizeof *out);
  (void)subject_of(person_of(batch, i), out->subject);
  snprintf(out->order, sizeof out->order, "O%u-%u", batch, i / 2);
  snprintf(out->note, sizeof out->note, "note of %u in batch %u", i, batch);
  out->key = (ds_event_key){0, ds_str_of(out->order)};
  out->properties[0].name = 1;
  out->properties[0].value.type = DS_TYPE_NUMBER;
  out->properties[0].value.number = batch + i / 1024.0;
  out->properties[1].name = 2;
  out->properties[1].value.type = DS_TYPE_STRING;
  out->properties[1].value.text = ds_str_of(out->note);
  const uint64_t both[2] = {batch, i};
  out->event = (ds_event){.touchpoint = (uint16_t)((batch + i) % 3),
                          .has_id = world->ids,
                          .id = XXH3_64bits(both, sizeof both),
                          .time_ms = START_MS + (int64_t)batch * BATCH_MS + i,
                          .subject = ds_str_of(out->subject),
                          .keys_count = 1,
                          .properties_count = i % 3 == 0 ? 1 : 2,
                          .keys = &out->key,
                          .properties = out->properties};
}

void world_rows(const store_world *world, uint32_t batch, uint32_t import, uint64_t arrival,
                ds_buf *rows) {
  for (uint32_t i = 0; i < world->sizes[batch]; i++) {
    if (has(world->gone[batch], person_of(batch, i)))
      continue;
    made_event made;
    make_event(world, batch, i, &made);
    made.event.import = import;
    made.event.arrival = arrival;
    assert_int_equal(ds_event_encode(&made.event, rows, NULL), DS_OK);
  }
}

static uint32_t next_batch(store_world *world, uint32_t events) {
  assert_true(world->batches < WORLD_BATCHES_MAX);
  const uint32_t batch = world->batches++;
  world->sizes[batch] = events;
  world->fates[batch] = FATE_TRIED;
  world->gone[batch] = world->erased | world->erasing;
  return batch;
}

// The rows of a batch and of one before it, if any.
static void rows_with(const store_world *world, uint32_t batch, uint32_t again, uint32_t import,
                      uint64_t arrival, ds_buf *rows) {
  ds_buf_init(rows, 1u << 24);
  memory_faults_pause();
  if (again != DS_NONE)
    world_rows(world, again, import, arrival, rows);
  world_rows(world, batch, import, arrival, rows);
  memory_faults_resume();
}

static ds_code note(store_world *world, ds_code code) {
  if (world->why == DS_OK)
    world->why = code;
  return code;
}

ds_code world_append_again(store_world *world, ds_store *store, uint32_t events, uint32_t again) {
  const uint32_t batch = next_batch(world, events);
  ds_buf rows;
  rows_with(world, batch, again, 0, 0, &rows);
  uint64_t duplicates = 0;
  const ds_code code = ds_store_append(store, &world->space, &rows, &duplicates, NULL);
  ds_buf_done(&rows);
  assert_int_equal(duplicates,
                   code != DS_OK || again == DS_NONE ? 0 : world_batch_events(world, again));
  if (code == DS_OK)
    world->fates[batch] = FATE_ACKED;
  else if (code == DS_READONLY)
    world->fates[batch] = FATE_NONE;
  return note(world, code);
}

ds_code world_append(store_world *world, ds_store *store, uint32_t events) {
  return world_append_again(world, store, events, DS_NONE);
}

ds_code world_append_group(store_world *world, ds_store *store, uint32_t count) {
  ds_batch batches[WORLD_BATCHES_MAX], *group[WORLD_BATCHES_MAX] = {NULL};
  const uint32_t first = world->batches;
  ds_code code = DS_OK;
  memory_faults_pause(); // The group is what may fail.
  for (uint32_t i = 0; i < count; i++) {
    (void)next_batch(world, i + 1);
    ds_buf rows;
    ds_buf_init(&rows, 1u << 24);
    world_rows(world, first + i, 0, 0, &rows);
    group[i] = &batches[i];
    ds_batch_init(group[i]);
    assert_int_equal(ds_batch_fill(group[i], &world->space, &rows, NULL), DS_OK);
    ds_buf_done(&rows);
  }
  memory_faults_resume();
  ds_store_append_group(store, group, count);
  for (uint32_t i = 0; i < count; i++) {
    world->fates[first + i] = batches[i].code == DS_OK         ? FATE_ACKED
                              : batches[i].code == DS_READONLY ? FATE_NONE
                                                               : FATE_TRIED;
    assert_true(batches[i].code != DS_OK || batches[i].duplicates == 0);
    code = code == DS_OK ? batches[i].code : code;
    ds_batch_done(group[i]);
  }
  return note(world, code);
}

ds_code world_build_rows(ds_builder *builder, const ds_buf *rows) {
  const uint8_t *all[1024];
  for (uint32_t p = 0; p < DS_PARTITIONS; p++) {
    uint32_t count = 0;
    ds_row head;
    for (size_t at = 0; at < rows->size; at += head.size) {
      ds_row_open(rows->data + at, &head);
      if (ds_subject_partition(ds_subject_hash(head.subject)) == p && count < 1024)
        all[count++] = rows->data + at;
    }
    if (count > 0)
      TRY(ds_builder_add(builder, p, all, count, NULL));
  }
  return DS_OK;
}

static ds_code import_rows(store_world *world, ds_store *store, ds_import_scope *scope,
                           uint32_t batch, const ds_buf *rows) {
  const ds_build_options options = {.io = world->io,
                                    .directory = scope->directory,
                                    .next = &scope->next_part,
                                    .space = &world->space,
                                    .places = scope->places,
                                    .places_count = scope->places_count,
                                    .dedupe = true};
  ds_builder *builder = NULL;
  const ds_part_info *parts = NULL;
  uint32_t count = 0;
  ds_code code = ds_builder_new(&options, &builder, NULL);
  if (code == DS_OK)
    code = world_build_rows(builder, rows);
  if (code == DS_OK)
    code = ds_builder_finish(builder, &parts, &count, NULL);
  char files[32];
  snprintf(files, sizeof files, "a\\b%u.csv\nc\td.csv", batch);
  const ds_import_info info = {.when_ms = 5,
                               .mapping = "shop",
                               .files = files,
                               .fingerprint = 1000 + batch,
                               .rows = world->sizes[batch],
                               .events = world->sizes[batch]};
  if (code == DS_OK)
    code = ds_store_import_commit(store, scope, parts, count, &info, NULL);
  else
    ds_store_import_abort(store, scope);
  ds_builder_free(builder);
  return code;
}

ds_code world_import_again(store_world *world, ds_store *store, uint32_t events, uint32_t again) {
  const uint32_t batch = next_batch(world, events);
  ds_import_scope scope;
  ds_code code = ds_store_import_begin(store, &scope, NULL);
  if (code != DS_OK) {
    world->fates[batch] = FATE_NONE;
    return note(world, code);
  }
  world->imports[batch] = scope.id;
  ds_buf rows;
  rows_with(world, batch, again, scope.id, scope.arrival, &rows);
  code = import_rows(world, store, &scope, batch, &rows);
  ds_buf_done(&rows);
  if (code == DS_OK)
    world->fates[batch] = FATE_ACKED;
  return note(world, code);
}

ds_code world_import(store_world *world, ds_store *store, uint32_t events) {
  return world_import_again(world, store, events, DS_NONE);
}

ds_code world_undo(store_world *world, ds_store *store, uint32_t batch) {
  assert_true(world->imports[batch] != 0);
  uint64_t events = 0;
  const ds_code code = ds_store_undo_import(store, world->imports[batch], &events, NULL);
  if (code == DS_OK)
    assert_int_equal(events, world_batch_events(world, batch));
  if (code == DS_OK)
    world->fates[batch] = FATE_UNDONE;
  else if (world->fates[batch] == FATE_ACKED && code != DS_READONLY)
    world->fates[batch] = FATE_UNDOING;
  return note(world, code);
}

// What an erasure that has ended well, or was seen to have happened, leaves of the batches.
static void note_erased(store_world *world, uint32_t people) {
  for (uint32_t b = 0; b < world->batches; b++)
    world->gone[b] |= people;
  world->erased |= people;
  world->erasing &= ~people;
}

static ds_code erase_by(store_world *world, ds_store *store, uint32_t person,
                        ds_code (*erase)(ds_store *store, ds_str subject)) {
  char subject[32];
  world->erasing |= 1u << person;
  const ds_code code = erase(store, subject_of(person, subject));
  if (code == DS_OK)
    note_erased(world, 1u << person);
  else if (code == DS_READONLY)
    world->erasing &= ~(1u << person);
  return code;
}

static ds_code erase_whole(ds_store *store, ds_str subject) {
  ds_erasure erasure;
  TRY(ds_store_erase(store, &subject, 1, NULL, &erasure, NULL));
  assert_int_equal(erasure.events_left + erasure.facts_left, 0);
  assert_true(erasure.keys_gone);
  return DS_OK;
}

static ds_code erase_keys(ds_store *store, ds_str subject) {
  ds_vault *vault;
  TRY(ds_store_vault(store, &vault, NULL));
  return ds_vault_erase(vault, &subject, 1, 5, NULL);
}

ds_code world_erase(store_world *world, ds_store *store, uint32_t person) {
  return erase_by(world, store, person, erase_whole);
}

ds_code world_erase_keys(store_world *world, ds_store *store, uint32_t person) {
  return erase_by(world, store, person, erase_keys);
}

ds_code world_return(store_world *world, ds_store *store, uint32_t person) {
  char subject[32];
  assert_true(has(world->erased, person));
  world->returning |= 1u << person;
  const ds_code code =
      ds_store_unsuppress(store, subject_of(person, subject), ds_str_of("asked"), NULL);
  if (code == DS_OK)
    world->erased &= ~(1u << person);
  if (code == DS_OK || code == DS_READONLY)
    world->returning &= ~(1u << person);
  return code;
}

static bool same_name(const ds_names *a, uint32_t i, const ds_names *b, uint32_t j) {
  return ds_str_equal(a->text[i], b->text[j]);
}

static void compare_event(const store_world *world, const ds_space *space, const ds_event *event,
                          world_content *out) {
  const int64_t place = event->time_ms - START_MS;
  const uint32_t batch = (uint32_t)(place / BATCH_MS);
  const uint32_t i = (uint32_t)(place % BATCH_MS);
  assert_true(place >= 0 && batch < world->batches && i < world->sizes[batch]);
  made_event made;
  make_event(world, batch, i, &made);
  assert_true(ds_str_equal(event->subject, made.event.subject));
  assert_true(same_name(&space->touchpoints, event->touchpoint, &world->space.touchpoints,
                        made.event.touchpoint));
  assert_true(same_name(&space->sources, event->source, &world->space.sources, 0));
  assert_int_equal(event->keys_count, 1);
  assert_true(same_name(&space->keys, event->keys[0].name, &world->space.keys, 0));
  assert_true(ds_str_equal(event->keys[0].text, made.key.text));
  assert_int_equal(event->properties_count, made.event.properties_count);
  for (uint32_t p = 0; p < event->properties_count; p++) {
    const ds_event_property *property = &event->properties[p];
    const bool is_note = property->value.type == DS_TYPE_STRING;
    assert_true(same_name(&space->properties, property->name, &world->space.properties,
                          is_note ? 2 : 1));
    if (is_note)
      assert_true(ds_str_equal(property->value.text, made.properties[1].value.text));
    else
      assert_true(property->value.number == made.properties[0].value.number);
  }
  assert_int_equal(event->import, world->imports[batch]);
  assert_true(event->has_id && (!world->ids || event->id == made.event.id));
  const uint64_t content[4] = {batch, i, event->id, event->arrival};
  const uint64_t digest = XXH3_64bits(content, sizeof content);
  out->digest += digest;
  out->digest_of[person_of(batch, i)] += digest;
  out->people[batch] |= 1u << person_of(batch, i);
  out->counts[batch]++;
  out->events++;
}

static void read_rows(const store_world *world, const ds_space *space, const ds_buf *rows,
                      world_content *out) {
  static _Thread_local ds_event_key keys[DS_EVENT_KEYS_MAX];
  static _Thread_local ds_event_property properties[DS_EVENT_PROPERTIES_MAX];
  for (size_t at = 0; at < rows->size;) {
    ds_event event = {.keys = keys, .properties = properties};
    size_t size = 0;
    assert_int_equal(ds_event_decode(rows->data + at, rows->size - at, space, &event, &size, NULL),
                     DS_OK);
    compare_event(world, space, &event, out);
    at += size;
  }
}

static ds_code read_place(const store_world *world, const ds_snapshot *snapshot, uint32_t p,
                          ds_block_reader *reader, ds_buf *rows, world_content *out) {
  const ds_place *place = &snapshot->places[p];
  for (uint32_t b = 0; b < ds_part_get_info(place->part)->blocks; b++) {
    ds_buf_reset(rows);
    TRY(ds_part_read_rows(place, b, 0, ds_part_zone(place->part, b)->journeys, reader, rows, NULL));
    read_rows(world, &snapshot->space, rows, out);
  }
  return DS_OK;
}

static ds_code try_read_snapshot(const store_world *world, const ds_snapshot *snapshot,
                                 world_content *out) {
  memset(out, 0, sizeof *out);
  ds_block_reader *reader = ds_block_reader_new();
  if (reader == NULL)
    return DS_MEMORY;
  ds_buf rows;
  ds_buf_init(&rows, 1u << 26);
  ds_code code = DS_OK;
  for (uint32_t p = 0; p < snapshot->places_count && code == DS_OK; p++)
    code = read_place(world, snapshot, p, reader, &rows, out);
  ds_buf_done(&rows);
  ds_block_reader_free(reader);
  if (code == DS_OK)
    assert_int_equal(out->events, snapshot->events);
  return code;
}

void world_expect(const store_world *world, ds_store *store) {
  world_content content;
  world_read(world, store, &content);
  world_compare(world, &content);
}

// Who is erased, by the vault as it is on disk.
static ds_code ask_vault(ds_store *store, uint32_t *ret_erased) {
  ds_vault *vault = NULL;
  char subject[32];
  *ret_erased = 0;
  TRY(ds_store_open_vault(store, &vault, NULL));
  for (uint32_t p = 0; vault != NULL && p < WORLD_PEOPLE; p++)
    *ret_erased |= (uint32_t)ds_vault_is_erased(vault, subject_of(p, subject)) << p;
  ds_vault_close(vault);
  return DS_OK;
}

ds_code world_try_read(const store_world *world, ds_store *store, world_content *out) {
  ds_snapshot *snapshot = NULL;
  TRY(ds_store_snapshot(store, &snapshot, NULL));
  ds_code code = try_read_snapshot(world, snapshot, out);
  ds_snapshot_free(snapshot);
  if (code == DS_OK)
    code = ask_vault(store, &out->erased);
  out->vague = code == DS_BUSY || code == DS_MISSING;
  return out->vague ? DS_OK : code;
}

void world_read_snapshot(const store_world *world, const ds_snapshot *snapshot,
                         world_content *out) {
  assert_int_equal(try_read_snapshot(world, snapshot, out), DS_OK);
}

void world_read(const store_world *world, ds_store *store, world_content *out) {
  assert_int_equal(world_try_read(world, store, out), DS_OK);
}

void world_settle(store_world *world, const world_content *content) {
  for (uint32_t b = 0; b < world->batches; b++) {
    const bool present = content->counts[b] > 0;
    if (world->fates[b] == FATE_TRIED)
      world->fates[b] = present ? FATE_ACKED : FATE_NONE;
    if (world->fates[b] == FATE_UNDOING)
      world->fates[b] = present ? FATE_ACKED : FATE_UNDONE;
  }
  assert_false(content->vague);
  note_erased(world, world->erasing & content->erased);
  world->erased &= content->erased;
  world->erasing = world->returning = 0;
}

// Who is erased are those acknowledged, and perhaps those tried; none of them has an event.
// Returns those tried of whom none is there.
static uint32_t compare_people(const store_world *world, const world_content *content) {
  uint32_t shown = 0;
  for (uint32_t b = 0; b < world->batches; b++)
    shown |= content->people[b];
  assert_int_equal(content->erased & shown, 0);
  assert_int_equal(content->erased & ~(world->erased | world->erasing), 0);
  assert_true(content->vague || (world->erased & ~content->erased & ~world->returning) == 0);
  return world->erasing & ~shown;
}

void world_compare(const store_world *world, const world_content *content) {
  bool gap = false;
  const uint32_t hidden = compare_people(world, content);
  for (uint32_t b = 0; b < world->batches; b++) {
    const uint32_t count = content->counts[b];
    const uint32_t whole = events_without(world, b, world->gone[b] | hidden);
    const world_fate fate = world->fates[b];
    if (count != 0 && count != whole)
      print_error("batch %u has %u of %u events\n", b, count, whole);
    assert_true(count == 0 || count == whole);
    assert_int_equal(content->people[b] & world->gone[b], 0);
    if (fate == FATE_ACKED && count < whole)
      print_error("batch %u was acknowledged and is gone\n", b);
    assert_true(fate != FATE_ACKED || count == whole);
    assert_true((fate != FATE_UNDONE && fate != FATE_NONE) || count == 0);
    // What was tried later than a batch that is absent must be absent too.
    assert_true(!gap || count == 0);
    gap = gap || (count < whole && fate == FATE_TRIED);
  }
}

static void print_problem(void *context, const char *line) {
  (void)context;
  print_error("check: %s\n", line);
}

void world_check(ds_store *store) {
  ds_error err = {.message = ""};
  const ds_code code = ds_store_check(store, print_problem, NULL, NULL, &err);
  if (code != DS_OK)
    print_error("check: %s\n", err.message);
  assert_int_equal(code, DS_OK);
}

static ds_code write_import(void *context, const ds_import_info *info, ds_error *err) {
  ds_buf *to = context;
  ds_buf_printf(to,
                "%u %" PRId64 " %s %" PRId64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                " %" PRIu64 " %d %s\n",
                info->id, info->when_ms, info->mapping, (int64_t)info->fingerprint, info->rows,
                info->events, info->duplicates, info->rejected, info->personal_sealed,
                info->undone, info->files);
  return ds_buf_check(to, "imports", err);
}

static const char imports_sql[] =
    "SELECT id || ' ' || when_ms || ' ' || mapping || ' ' || fingerprint || ' ' || rows || ' ' ||"
    " events || ' ' || duplicates || ' ' || rejected || ' ' || personal_sealed || ' ' || undone ||"
    " ' ' || coalesce((SELECT group_concat(name, char(10)) FROM (SELECT name FROM import_files"
    " WHERE import = id ORDER BY place)), '') FROM imports ORDER BY id";

// Calls `each` with the texts of each row's first two columns and the third as a number.
static ds_code read_catalog(ds_sqlite *database, const char *sql,
                            void (*each)(void *context, const char *a, const char *b, int64_t n),
                            void *context) {
  sqlite3_stmt *rows = NULL;
  sqlite3 *db = ds_sqlite_handle(database);
  if (sqlite3_prepare_v2(db, sql, -1, &rows, NULL) != SQLITE_OK)
    return ds_sqlite_fail(database, NULL);
  int status;
  while ((status = sqlite3_step(rows)) == SQLITE_ROW)
    each(context, (const char *)sqlite3_column_text(rows, 0),
         (const char *)sqlite3_column_text(rows, 1), sqlite3_column_int64(rows, 2));
  const ds_code code = status == SQLITE_DONE ? DS_OK : ds_sqlite_fail(database, NULL);
  (void)sqlite3_finalize(rows);
  return code;
}

static void add_line(void *context, const char *a, const char *b, int64_t n) {
  (void)b;
  (void)n;
  ds_buf_printf(context, "%s\n", a);
}

static ds_code compare_imports(ds_store *store, ds_sqlite *database, bool *ret_same) {
  ds_buf expected, found;
  ds_buf_init(&expected, 1u << 20);
  ds_buf_init(&found, 1u << 20);
  assert_int_equal(ds_store_imports(store, write_import, &expected, NULL), DS_OK);
  const ds_code code = read_catalog(database, imports_sql, add_line, &found);
  *ret_same = expected.size == found.size &&
              (found.size == 0 || memcmp(expected.data, found.data, found.size) == 0);
  ds_buf_done(&expected);
  ds_buf_done(&found);
  return code;
}

typedef struct name_tally {
  const ds_snapshot *snapshot;
  uint32_t parts; // without the tail's
  int64_t uses;   // of a name by a part
  bool same;
} name_tally;

static const ds_names *names_of(const ds_space *space, const char *kind) {
  return strcmp(kind, "touchpoint") == 0 ? &space->touchpoints
         : strcmp(kind, "property") == 0 ? &space->properties
         : strcmp(kind, "key") == 0      ? &space->keys
                                         : &space->sources;
}

static void compare_name(void *context, const char *kind, const char *name, int64_t n) {
  name_tally *tally = context;
  int64_t parts = 0;
  for (uint32_t i = 0; i < tally->parts; i++) {
    const ds_space *space = ds_part_space(tally->snapshot->places[i].part);
    parts += ds_names_find(names_of(space, kind), ds_str_of(name)) != DS_NONE;
  }
  tally->same = tally->same && parts == n && n > 0;
  tally->uses -= n;
}

static ds_code compare_names(ds_store *store, ds_sqlite *database, bool *ret_same) {
  ds_snapshot *snapshot = NULL;
  TRY(ds_store_snapshot(store, &snapshot, NULL));
  name_tally tally = {.snapshot = snapshot,
                      .parts = snapshot->places_count - (snapshot->tail_events > 0),
                      .same = true};
  for (uint32_t i = 0; i < tally.parts; i++) {
    const ds_space *space = ds_part_space(snapshot->places[i].part);
    tally.uses += (int64_t)space->touchpoints.count + space->properties.count + space->keys.count +
                  space->sources.count;
  }
  const ds_code code =
      read_catalog(database, "SELECT kind, name, parts FROM names", compare_name, &tally);
  *ret_same = tally.same && tally.uses == 0;
  ds_snapshot_free(snapshot);
  return code;
}

ds_code world_try_catalog(const store_world *world, ds_store *store, bool *ret_same) {
  char path[512];
  snprintf(path, sizeof path, "%s/catalog.sqlite", world->path);
  ds_sqlite *database;
  TRY(ds_sqlite_open(world->io, path, DS_SQLITE_READ, &database, NULL));
  bool imports = false;
  bool names = false;
  ds_code code = compare_imports(store, database, &imports);
  if (code == DS_OK)
    code = compare_names(store, database, &names);
  *ret_same = imports && names;
  ds_sqlite_close(database);
  return code;
}
