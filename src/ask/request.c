// SPDX-License-Identifier: Apache-2.0
// The request of a question's options.
#include "ask/state.h"
#include "ingest/subject.h"
#include "insight/derive.h"

// Options as they are given, and what becomes of them.
typedef struct reading {
  const ask_state *state;
  const ds_question *question;
  ds_arena *arena;
  ds_option_value *values;
  uint32_t count;
} reading;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for the options");
}

// One more line of the words without dashes.
static ds_code add_line(const reading *in, ds_option_value *value, const char *line,
                        ds_error *err) {
  const size_t before = strlen(value->text), size = strlen(line);
  char *text = ds_arena_array(in->arena, before + size + 2, 1);
  if (text == NULL)
    return no_memory(err);
  memcpy(text, value->text, before);
  text[before] = '\n';
  memcpy(text + before + 1, line, size);
  value->text = text;
  return DS_OK;
}

static ds_code add_flag(reading *in, const ds_option *option, const char *text, ds_error *err) {
  const bool off = strcmp(text, "false") == 0;
  if (!off && *text != '\0' && strcmp(text, "true") != 0)
    return ds_fail(err, DS_USAGE, "--%s: it is true or false, not '%.60s'", option->name, text);
  if (!off && strcmp(option->name, "personal") == 0 && !in->state->personal)
    return ds_fail(err, DS_USAGE, "--personal: personal values stay sealed here");
  if (!off)
    in->values[in->count++] = (ds_option_value){option->name, ""};
  return DS_OK;
}

static ds_code add(reading *in, const ds_option *option, const char *text, ds_error *err) {
  ds_option_value *before = NULL;
  for (uint32_t i = 0; i < in->count; i++)
    if (strcmp(in->values[i].name, option->name) == 0)
      before = &in->values[i];
  if (option->type == DS_OPTION_FLAG) {
    if (before != NULL)
      *before = in->values[--in->count];
    return add_flag(in, option, text, err);
  }
  if (before != NULL && option->type == DS_OPTION_ARGUMENTS)
    return add_line(in, before, text, err);
  if (before != NULL && option->type != DS_OPTION_TEXTS)
    before->text = text;
  else
    in->values[in->count++] = (ds_option_value){option->name, text};
  return DS_OK;
}

// A word that is an e-mail address or a phone number names somebody by its hash.
static ds_code name_person(const reading *in, ds_option_value *value, ds_error *err) {
  ask_store *store = in->state->store;
  pthread_mutex_lock(&store->mutex);
  const ds_code code = ds_person_name(store->store, value->text, in->arena, &value->text, err);
  pthread_mutex_unlock(&store->mutex);
  return code;
}

static ds_code read_options(reading *in, const ds_option_value *given, uint32_t count,
                            ds_error *err) {
  in->values = ds_arena_array(in->arena, count + 1u, sizeof *in->values);
  if (in->values == NULL)
    return no_memory(err);
  if (count > DS_ASK_OPTIONS_MAX)
    return ds_fail(err, DS_LIMIT, "more than %d options", DS_ASK_OPTIONS_MAX);
  for (uint32_t i = 0; i < count; i++) {
    const ds_option *option = NULL;
    TRY(ds_question_option(in->question, given[i].name, &option, err));
    TRY(add(in, option, given[i].text, err));
  }
  for (uint32_t i = 0; i < in->count; i++) {
    const ds_option *option = NULL;
    TRY(ds_question_option(in->question, in->values[i].name, &option, err));
    if (option->type == DS_OPTION_ARGUMENT || option->type == DS_OPTION_ARGUMENTS)
      TRY(name_person(in, &in->values[i], err));
  }
  return DS_OK;
}

static bool has_flag(const reading *in, const char *name) {
  for (uint32_t i = 0; i < in->count; i++)
    if (strcmp(in->values[i].name, name) == 0)
      return true;
  return false;
}

// The names of the store's lists, and where who is in them is kept.
static ds_code add_lists(const reading *in, ds_request *request, ds_error *err) {
  const ds_ask *ask = &in->state->seen;
  const char **names = ds_arena_array(in->arena, ask->lists_count + 1u, sizeof *names);
  if (names == NULL)
    return no_memory(err);
  for (uint32_t l = 0; l < ask->lists_count; l++)
    names[l] = ask->lists[l].name;
  request->lists = names;
  request->lists_count = ask->lists_count;
  return ask->lists_count > 0 ? ds_members_new(in->arena, &request->members, err) : DS_OK;
}

static ds_code fill(const reading *in, ds_request *ret_request, ds_error *err) {
  const ds_ask *ask = &in->state->seen;
  *ret_request = (ds_request){
      .snapshot = has_flag(in, "derive") ? &in->state->derived : ask->snapshot,
      .options = {.values = in->values, .count = in->count},
      .catalogue = ask->settings.catalogue,
      .zone = ask->zone,
      .zone_name = ask->settings.time_zone,
      .annotations = ask->settings.annotations,
      .annotations_count = ask->settings.annotations_count,
      .segments = ask->segments,
      .segments_count = ask->segments_count,
      .now_ms = ask->io->ops->now_ms(ask->io),
      .threads = ask->threads,
      .memory_bytes = ask->memory_bytes,
      .arena = in->arena,
      .derive = ds_derive_plan,
      .calendars = &ask->settings.calendars,
      .tracking = &ask->settings.tracking,
      .unsealer = ask->unsealer,
  };
  return add_lists(in, ret_request, err);
}

ds_code ds_ask_request(const ds_ask *ask, const ds_question *question,
                       const ds_option_value *given, uint32_t count, ds_arena *arena,
                       ds_request *ret_request, ds_error *err) {
  reading in = {.state = (const ask_state *)ask, .question = question, .arena = arena};
  TRY(read_options(&in, given, count, err));
  return fill(&in, ret_request, err);
}

ds_code ds_ask_instants(const ds_ask *ask, const char *path, const char *case_key, ds_arena *arena,
                        ds_instants *ret_instants, ds_error *err) {
  ask_store *store = ((const ask_state *)ask)->store;
  pthread_mutex_lock(&store->mutex);
  const ds_code code = ds_instants_read(store->store, path, case_key, arena, ret_instants, err);
  pthread_mutex_unlock(&store->mutex);
  return code;
}

ds_code ds_ask_select(const ds_ask *ask, const ds_option_value *given, uint32_t count,
                      ds_arena *arena, ds_request *ret_request, ds_error *err) {
  reading in = {.state = (const ask_state *)ask, .arena = arena, .count = count};
  in.values = ds_arena_array(arena, count + 1u, sizeof *in.values);
  if (in.values == NULL)
    return no_memory(err);
  for (uint32_t i = 0; i < count; i++)
    in.values[i] = given[i];
  return fill(&in, ret_request, err);
}
