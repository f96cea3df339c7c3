// SPDX-License-Identifier: Apache-2.0
#include "ingest/lists.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "ingest/saved.h"
#include "ingest/stage.h"
#include "model/identifier.h"
#include "scan/scan.h"

#define PREFIX "list:"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for a list");
}

// --- listing

typedef struct listing {
  ds_arena *arena;
  ds_list_info *lists;
  uint32_t count;
} listing;

// By this a list's import is told from one whose mapping happens to be called so.
static uint64_t fingerprint_of(const char *name) {
  return ds_id_hash(ds_str_of(DS_LIST_JOINED), ds_str_of(name));
}

static ds_code take_import(void *context, const ds_import_info *info, ds_error *err) {
  listing *to = context;
  const size_t skip = sizeof PREFIX - 1;
  if (info->undone || strncmp(info->mapping, PREFIX, skip) != 0 ||
      info->fingerprint != fingerprint_of(info->mapping + skip) || to->count == DS_LISTS_MAX)
    return DS_OK;
  const char *line = strchr(info->files, '\n');
  const size_t source = line == NULL ? strlen(info->files) : (size_t)(line - info->files);
  const char *detail = line == NULL ? "" : line + 1;
  ds_list_info *list = &to->lists[to->count++];
  *list = (ds_list_info){
      .name = ds_arena_text(to->arena, info->mapping + skip, strlen(info->mapping + skip)),
      .source = ds_arena_text(to->arena, info->files, source),
      .detail = ds_arena_text(to->arena, detail, strlen(detail)),
      .import = info->id, .when_ms = info->when_ms, .given = info->rows,
      .members = info->events};
  return list->name == NULL || list->source == NULL || list->detail == NULL ? no_memory(err)
                                                                             : DS_OK;
}

ds_code ds_lists_read(ds_store *store, ds_arena *arena, const ds_list_info **ret_lists,
                      uint32_t *ret_count, ds_error *err) {
  listing to = {.arena = arena,
                .lists = ds_arena_array(arena, DS_LISTS_MAX, sizeof *to.lists)};
  if (to.lists == NULL)
    return no_memory(err);
  TRY(ds_store_imports(store, take_import, &to, err));
  *ret_lists = to.lists;
  *ret_count = to.count;
  return DS_OK;
}

ds_code ds_list_check(ds_store *store, const char *name, const char *const *segments,
                      uint32_t segments_count, ds_error *err) {
  const ds_list_info *lists = NULL;
  uint32_t count = 0;
  ds_arena arena;
  if (!ds_saved_is_name(name))
    return ds_fail(err, DS_USAGE, "'%.100s' is no name: letters, digits, - and _ make one, %u at "
                   "most", name, DS_SAVED_NAME_BYTES_MAX);
  for (uint32_t s = 0; s < segments_count; s++)
    if (strcmp(segments[s], name) == 0)
      return ds_fail(err, DS_USAGE, "there is a segment '%.60s' already: a list needs another name",
                     name);
  ds_arena_init(&arena, (size_t)64 << 20);
  ds_code code = ds_lists_read(store, &arena, &lists, &count, err);
  if (code == DS_OK && count == DS_LISTS_MAX)
    code = ds_fail(err, DS_LIMIT, "at most %u lists: remove one, doorstep lists remove NAME",
                   DS_LISTS_MAX);
  for (uint32_t l = 0; code == DS_OK && l < count; l++)
    if (strcmp(lists[l].name, name) == 0)
      code = ds_fail(err, DS_USAGE, "there is a list '%.60s' already: remove it, doorstep lists "
                     "remove %.60s, or choose another name", name, name);
  ds_arena_done(&arena);
  return code;
}

ds_code ds_list_remove(ds_store *store, const char *name, uint64_t *ret_members, ds_error *err) {
  const ds_list_info *lists = NULL;
  const char *names[DS_LISTS_MAX];
  uint32_t count = 0, l = 0;
  ds_arena arena;
  ds_arena_init(&arena, (size_t)64 << 20);
  ds_code code = ds_lists_read(store, &arena, &lists, &count, err);
  for (; code == DS_OK && l < count && strcmp(lists[l].name, name) != 0; l++)
    names[l] = lists[l].name;
  if (code == DS_OK && l == count) {
    const char *near = ds_str_nearest(ds_str_of(name), names, count);
    code = ds_fail(err, DS_USAGE, "there is no list '%.100s'%s%s%s", name,
                   near == NULL ? "; doorstep lists shows them" : "; did you mean '",
                   near == NULL ? "" : near, near == NULL ? "" : "'?");
  } else if (code == DS_OK) {
    code = ds_store_undo_import(store, lists[l].import, ret_members, err);
  }
  ds_arena_done(&arena);
  return code;
}

// --- saving

// Facts on their way into the store.
typedef struct writer {
  const ds_customers *customers;
  ds_store *store;
  ds_stage_area *stage;
  ds_space space;
  ds_event fact; // but for whose it is
  ds_event_property name;
  ds_buf row;
  uint64_t members;
} writer;

typedef struct writer_state {
  writer *to;
} writer_state;

static ds_code writer_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  ((writer_state *)memory)->to = *(writer *const *)context;
  return DS_OK;
}

// A fact has the time of its customer's last event: so it is in no answer's way.
static ds_code writer_add(void *memory, const ds_block *block, ds_error *err) {
  writer *to = ((writer_state *)memory)->to;
  for (uint32_t j = 0; j < block->journeys; j++) {
    if (!ds_customers_has(to->customers, block->customer[j]))
      continue;
    to->fact.time_ms = block->time_ms[block->offset[j + 1] - 1];
    to->fact.subject = block->subject[j];
    ds_buf_reset(&to->row);
    TRY(ds_event_encode(&to->fact, &to->row, err));
    TRY(ds_stage_row(to->stage, ds_subject_hash(to->fact.subject), to->row.data,
                     (uint32_t)to->row.size, err));
    to->members++;
  }
  return DS_OK;
}

static ds_code writer_merge(void *into, void *from, ds_error *err) {
  (void)into;
  (void)from;
  (void)err;
  return DS_OK;
}

// One thread: rows are staged by one.
static const ds_kernel kernel = {"list",     sizeof(writer_state), writer_init,
                                 writer_add, writer_merge,         NULL};

static ds_code writer_prepare(writer *to, const ds_list_info *list, ds_progress *progress,
                              ds_error *err) {
  uint32_t touchpoint = 0, property = 0, source = 0;
  char key[DS_SAVED_NAME_BYTES_MAX + 32];
  TRY(ds_names_add(&to->space.touchpoints, ds_str_of(DS_LIST_JOINED), &touchpoint, err));
  TRY(ds_names_add(&to->space.properties, ds_str_of(DS_LIST_PROPERTY), &property, err));
  TRY(ds_names_add(&to->space.sources, ds_str_of("doorstep"), &source, err));
  const ds_store_options *options = ds_store_get_options(to->store);
  TRY(ds_stage_new(to->store, &to->space, options->threads, options->memory_bytes, progress,
                   &to->stage, err));
  const ds_import_scope *scope = ds_stage_scope(to->stage);
  ds_io *io = ds_store_io(to->store);
  to->name = (ds_event_property){.name = (uint16_t)property,
                                 .value = {.type = DS_TYPE_STRING, .text = ds_str_of(list->name)}};
  (void)snprintf(key, sizeof key, "%s %u", list->name, (unsigned)scope->id);
  to->fact = (ds_event){.touchpoint = (uint16_t)touchpoint, .source = (uint16_t)source,
                        .import = scope->id, .arrival = scope->arrival, .has_received = true,
                        .received_ms = io->ops->now_ms(io), .has_id = true,
                        .id = ds_id_hash(ds_str_of(DS_LIST_JOINED), ds_str_of(key)),
                        .properties = &to->name, .properties_count = 1};
  return DS_OK;
}

// Stages a fact for each customer.
static ds_code stage_facts(writer *to, ds_progress *progress, ds_error *err) {
  ds_snapshot *snapshot = NULL;
  ds_arena arena;
  void *memory = NULL;
  writer *const context = to;
  const ds_plan plan = {.columns = {.want = DS_WANT_TIME | DS_WANT_SUBJECT}, .threads = 1,
                        .progress = progress};
  TRY(ds_store_snapshot(to->store, &snapshot, err));
  ds_arena_init(&arena, ds_store_get_options(to->store)->memory_bytes);
  const ds_code code = ds_scan(snapshot, &plan, &kernel, &context, &arena, &memory, err);
  ds_arena_done(&arena);
  ds_snapshot_free(snapshot);
  return code;
}

static ds_code commit(writer *to, ds_list_info *list, ds_error *err) {
  char mapping[sizeof PREFIX + DS_SAVED_NAME_BYTES_MAX];
  ds_build_stats stats;
  ds_buf files;
  ds_buf_init(&files, 2 * DS_EXPRESSION_BYTES_MAX);
  for (const char *at = list->source; *at != '\0'; at++)
    ds_buf_append(&files, *at == '\n' ? " " : at, 1);
  ds_buf_printf(&files, "\n%s", list->detail);
  (void)snprintf(mapping, sizeof mapping, PREFIX "%s", list->name);
  const ds_import_info info = {.id = to->fact.import, .when_ms = to->fact.received_ms,
                               .mapping = mapping, .files = ds_buf_cstr(&files),
                               .fingerprint = fingerprint_of(list->name), .rows = list->given};
  ds_import_info kept = info;
  ds_code code = ds_buf_check(&files, "a list's definition", err);
  if (code == DS_OK)
    code = ds_stage_finish(to->stage, &kept, &stats, err);
  ds_buf_done(&files);
  list->import = info.id;
  list->when_ms = info.when_ms;
  list->members = to->members;
  return code;
}

ds_code ds_list_save(ds_store *store, const ds_customers *customers, uint64_t count,
                     ds_list_info *list, ds_progress *progress, ds_error *err) {
  writer to = {.customers = customers, .store = store};
  ds_space_init(&to.space);
  ds_buf_init(&to.row, DS_EVENT_BYTES_MAX);
  ds_code code = writer_prepare(&to, list, progress, err);
  if (code == DS_OK)
    code = stage_facts(&to, progress, err);
  if (code == DS_OK && to.members != count)
    code = ds_fail(err, DS_BUSY, "customers were joined, parted or erased meanwhile: try again");
  if (code == DS_OK)
    code = commit(&to, list, err);
  ds_stage_free(to.stage);
  ds_buf_done(&to.row);
  ds_space_done(&to.space);
  return code;
}
