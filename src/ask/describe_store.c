// SPDX-License-Identifier: Apache-2.0
#include "ask/describe.h"

#include "model/time.h"
#include "question/common.h"
#include "scan/property_types.h"

static void text_member(ds_json *json, const char *name, ds_str text) {
  ds_json_key(json, name);
  ds_json_text(json, text);
}

// Counts of one pass: customers, then events by touchpoint, then cases by key.
typedef struct counting {
  uint64_t customers;
  uint32_t touchpoints, keys;
  uint64_t *events, *cases;
} counting;

static ds_code count_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  counting *state = memory;
  const ds_space *space = context;
  state->touchpoints = space->touchpoints.count;
  state->keys = space->keys.count;
  state->events = ds_arena_array(arena, state->touchpoints + 1u, sizeof *state->events);
  state->cases = ds_arena_array(arena, state->keys + 1u, sizeof *state->cases);
  if (state->events == NULL || state->cases == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the store's names");
  memset(state->events, 0, state->touchpoints * sizeof *state->events);
  memset(state->cases, 0, state->keys * sizeof *state->cases);
  return DS_OK;
}

static ds_code count_block(void *memory, const ds_block *block, ds_error *err) {
  counting *state = memory;
  (void)err;
  state->customers += block->journeys;
  for (uint32_t e = 0; e < block->events; e++)
    state->events[block->touchpoint[e]]++;
  for (uint32_t k = 0; k < block->keys_count; k++)
    state->cases[k] += block->key[k].values;
  return DS_OK;
}

static ds_code count_merge(void *into, void *from, ds_error *err) {
  counting *to = into;
  const counting *more = from;
  (void)err;
  to->customers += more->customers;
  for (uint32_t i = 0; i < to->touchpoints; i++)
    to->events[i] += more->events[i];
  for (uint32_t i = 0; i < to->keys; i++)
    to->cases[i] += more->cases[i];
  return DS_OK;
}

static const ds_kernel kernel = {"store", sizeof(counting), count_init, count_block, count_merge,
                                 NULL};

static ds_code count_store(const ds_ask *ask, ds_progress *progress, ds_arena *arena,
                           counting **ret_counts, ds_error *err) {
  const ds_space *space = &ask->snapshot->space;
  uint16_t *keys = ds_arena_array(arena, space->keys.count + 1u, sizeof *keys);
  if (keys == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the store's names");
  for (uint32_t k = 0; k < space->keys.count; k++)
    keys[k] = (uint16_t)k;
  ds_plan plan = {.threads = ask->threads,
                  .progress = progress,
                  .columns = {.want = DS_WANT_TOUCHPOINT,
                              .keys = keys,
                              .keys_count = space->keys.count}};
  ds_request request;
  TRY(ds_ask_select(ask, NULL, 0, arena, &request, err));
  TRY(ds_plan_leave_links(&request, &plan, err));
  void *state = NULL;
  TRY(ds_scan(ask->snapshot, &plan, &kernel, space, arena, &state, err));
  *ret_counts = state;
  return DS_OK;
}

static void time_member(ds_json *json, const char *name, const ds_snapshot *snapshot,
                        int64_t time_ms) {
  char text[32];
  ds_json_key(json, name);
  if (snapshot->events == 0)
    ds_json_null(json);
  else
    ds_json_text(json, ds_str_of(ds_time_print(text, time_ms)));
}

static void touchpoints_member(ds_json *json, const ds_ask *ask, const counting *counts) {
  const ds_names *names = &ask->snapshot->space.touchpoints;
  ds_json_key(json, "touchpoints");
  ds_json_begin_array(json);
  for (uint32_t t = 0; t < names->count; t++) {
    const ds_touchpoint *row = ds_catalogue_find(ask->settings.catalogue, names->text[t]);
    if (counts->events[t] == 0)
      continue;
    ds_json_begin_object(json);
    text_member(json, "name", names->text[t]);
    text_member(json, "stage", ds_str_of(row == NULL ? "" : ds_stage_name(row->stage)));
    text_member(json, "channel", ds_str_of(row == NULL ? "" : row->channel));
    text_member(json, "owner", ds_str_of(row == NULL ? "" : ds_owner_name(row->owner)));
    text_member(json, "actor", ds_str_of(row == NULL ? "" : ds_actor_name(row->actor)));
    ds_json_key(json, "events");
    ds_json_u64(json, counts->events[t]);
    ds_json_end_object(json);
  }
  ds_json_end_array(json);
}

static void keys_member(ds_json *json, const ds_ask *ask, const counting *counts) {
  const ds_names *names = &ask->snapshot->space.keys;
  ds_json_key(json, "case_keys");
  ds_json_begin_array(json);
  for (uint32_t k = 0; k < names->count; k++) {
    if (counts->cases[k] == 0)
      continue;
    ds_json_begin_object(json);
    text_member(json, "name", names->text[k]);
    ds_json_key(json, "cases");
    ds_json_u64(json, counts->cases[k]);
    ds_json_end_object(json);
  }
  ds_json_end_array(json);
}

static ds_code properties_member(ds_json *json, const ds_ask *ask, ds_error *err) {
  const ds_names *names = &ask->snapshot->space.properties;
  ds_json_key(json, "properties");
  ds_json_begin_array(json);
  for (uint32_t p = 0; p < names->count; p++) {
    ds_property_kinds kinds;
    TRY(ds_property_kinds_of(ask->snapshot, (uint16_t)p, &kinds, err));
    ds_json_begin_object(json);
    text_member(json, "name", names->text[p]);
    text_member(json, "type", ds_str_of(ds_type_name(kinds.type)));
    ds_json_end_object(json);
  }
  ds_json_end_array(json);
  return DS_OK;
}

static void settings_members(ds_json *json, const ds_ask *ask) {
  ds_json_key(json, "segments");
  ds_json_begin_array(json);
  for (uint32_t s = 0; s < ask->segments_count; s++) {
    ds_json_begin_object(json);
    text_member(json, "name", ds_str_of(ask->segments[s].name));
    text_member(json, "condition", ds_str_of(ask->segments[s].expression));
    ds_json_end_object(json);
  }
  ds_json_end_array(json);
  ds_json_key(json, "annotations");
  ds_json_begin_array(json);
  for (uint32_t a = 0; a < ask->settings.annotations_count; a++) {
    char text[32];
    const ds_annotation *note = &ask->settings.annotations[a];
    const ds_str day = {ds_time_print(text, note->day * 86400000), 10};
    ds_json_begin_object(json);
    text_member(json, "from", day);
    text_member(json, "to", day);
    text_member(json, "text", ds_str_of(note->text));
    ds_json_end_object(json);
  }
  ds_json_end_array(json);
}

// The folder's name, without where it lies.
static ds_str name_of(const char *path) {
  size_t end = strlen(path);
  while (end > 1 && path[end - 1] == '/')
    end--;
  size_t begin = end;
  while (begin > 0 && path[begin - 1] != '/')
    begin--;
  return (ds_str){path + begin, (uint32_t)(end - begin)};
}

static ds_code store_object(const ds_ask *ask, const char *snapshot, const counting *counts,
                            ds_json *json, ds_error *err) {
  ds_json_begin_object(json);
  text_member(json, "name", name_of(ask->path));
  text_member(json, "version", ds_str_of(DS_PROGRAM_VERSION));
  text_member(json, "snapshot", ds_str_of(snapshot));
  uint64_t events = 0; // without facts about who is whom
  for (uint32_t t = 0; t < counts->touchpoints; t++)
    events += counts->events[t];
  ds_json_key(json, "events");
  ds_json_u64(json, events);
  ds_json_key(json, "customers");
  ds_json_u64(json, counts->customers);
  time_member(json, "first", ask->snapshot, ask->snapshot->time_min_ms);
  time_member(json, "last", ask->snapshot, ask->snapshot->time_max_ms);
  text_member(json, "time_zone", ds_str_of(ask->settings.time_zone));
  keys_member(json, ask, counts);
  touchpoints_member(json, ask, counts);
  TRY(properties_member(json, ask, err));
  settings_members(json, ask);
  ds_json_end_object(json);
  return DS_OK;
}

ds_code ds_describe_store(const ds_ask *ask, const char *snapshot, size_t memory_bytes,
                          ds_progress *progress, ds_json *json, ds_error *err) {
  counting *counts = NULL;
  ds_arena arena;
  ds_arena_init(&arena, memory_bytes);
  ds_code code = count_store(ask, progress, &arena, &counts, err);
  if (code == DS_OK)
    code = store_object(ask, snapshot, counts, json, err);
  ds_arena_done(&arena);
  return code;
}
