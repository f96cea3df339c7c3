// SPDX-License-Identifier: Apache-2.0
// See map_figures.h.
#include "question/map_figures.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "question/common.h"
#include "scan/property_types.h"

// A block's texts are views of a few stored ones, so that where one lies tells which it is.
enum { SEEN = 64, CHANNEL_BYTES = 200 };

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for the journey map: give more --memory");
}

static ds_code read_promise(const ds_request *request, ds_plan *plan, map_figures *figures,
                            ds_result *result, ds_error *err) {
  const ds_names *names = &request->snapshot->space.properties;
  const char *given = ds_option_get(&request->options, "promise"), *name = given;
  for (uint32_t i = 0; name == NULL && ds_promise_names[i] != NULL; i++)
    if (ds_names_find(names, ds_str_of(ds_promise_names[i])) != DS_NONE)
      name = ds_promise_names[i];
  if (name == NULL || request->snapshot->events == 0)
    return DS_OK;
  ds_plan with = *plan;
  ds_property_kinds kinds;
  TRY(ds_property_add(request->snapshot, &with, "promise", name, request->arena,
                      &figures->promise, err));
  TRY(ds_property_kinds_of(request->snapshot, figures->promise.code, &kinds, err));
  figures->has_promise = kinds.type == DS_TYPE_DATE || kinds.type == DS_TYPE_TIME;
  figures->is_day = kinds.type == DS_TYPE_DATE;
  if (figures->has_promise)
    *plan = with;
  else if (given != NULL)
    return ds_fail(err, DS_EXPRESSION, "--promise %s: it is %s; a promise is a day or an instant",
                   name, ds_type_noun(kinds.type));
  else if (result != NULL)
    ds_result_note(result, true, "Promises are not told: %s is %s, and a promise is a day or an "
                   "instant.", name, ds_type_noun(kinds.type));
  return DS_OK;
}

static ds_code read_channel(const ds_request *request, ds_plan *plan, map_figures *figures,
                            ds_error *err) {
  const uint32_t code = ds_names_find(&request->snapshot->space.properties, ds_str_of("channel"));
  ds_property_kinds kinds;
  if (code == DS_NONE)
    return DS_OK;
  TRY(ds_property_kinds_of(request->snapshot, (uint16_t)code, &kinds, err));
  figures->has_channel = kinds.type == DS_TYPE_STRING;
  return figures->has_channel
             ? ds_property_add(request->snapshot, plan, "channel", "channel", request->arena,
                               &figures->channel, err)
             : DS_OK;
}

static void note(map_touchpoint *touchpoint, uint32_t code) {
  if (touchpoint != NULL)
    touchpoint[code].marked = 1;
}

// The number of a row among those that ask, DS_NONE when it asks nothing.
static uint32_t ask_number(const ds_touchpoint *row, const ds_touchpoint *asking[DS_ASKS_MAX],
                           uint32_t *asks) {
  if (row == NULL || row->answers_count == 0)
    return DS_NONE;
  uint32_t number = 0;
  while (number < *asks && asking[number] != row)
    number++;
  assert(number < DS_ASKS_MAX);
  asking[number] = row;
  *asks += number == *asks;
  return number;
}

static uint64_t answers_of(const ds_touchpoint *row, const ds_touchpoint *const *asking,
                           uint32_t asks) {
  uint64_t bits = 0;
  for (uint32_t n = 0; row != NULL && n < asks; n++)
    for (uint32_t a = 0; a < asking[n]->answers_count; a++)
      if (strcmp(asking[n]->answers[a], row->name) == 0)
        bits |= 1ull << n;
  return bits;
}

// What asks without anything in the store that answers it is not told: nobody recorded the answers.
static ds_code read_answers(const ds_request *request, map_figures *figures,
                            map_touchpoint *touchpoint, ds_error *err) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  map_role *role = ds_arena_array(request->arena, names->count + 1u, sizeof *role);
  const ds_touchpoint *asking[DS_ASKS_MAX];
  uint64_t answered = 0;
  uint32_t asks = 0;
  if (role == NULL)
    return no_memory(err);
  for (uint32_t t = 0; t < names->count; t++)
    role[t].asks = ask_number(ds_catalogue_find(request->catalogue, names->text[t]), asking, &asks);
  for (uint32_t t = 0; t < names->count; t++) {
    role[t].answers =
        answers_of(ds_catalogue_find(request->catalogue, names->text[t]), asking, asks);
    answered |= role[t].answers;
  }
  for (uint32_t t = 0; t < names->count; t++) {
    if (role[t].asks != DS_NONE && (answered >> role[t].asks & 1) == 0)
      role[t].asks = DS_NONE;
    if (role[t].asks != DS_NONE || role[t].answers != 0)
      note(touchpoint, t);
  }
  figures->asks = answered == 0 ? 0 : asks;
  figures->role = role;
  return DS_OK;
}

// Promises lie between what carries one and what fulfils it.
static ds_code mark_promises(const ds_request *request, const map_figures *figures,
                             map_touchpoint *touchpoint, ds_error *err) {
  ds_schema schema;
  TRY(ds_schema_of(request->snapshot, request->arena, &schema, err));
  for (uint32_t c = 0; c < schema.carriers_count; c++)
    if (schema.carriers[c].property == figures->promise.code)
      note(touchpoint, schema.carriers[c].touchpoint);
  if (figures->delivered != DS_NONE)
    note(touchpoint, figures->delivered);
  return DS_OK;
}

ds_code ds_map_figures_read(const ds_request *request, const map_context *map, ds_plan *plan,
                            map_figures *ret_figures, ds_result *result, ds_error *err) {
  map_figures figures = {.map = map, .request = request};
  figures.delivered =
      ds_names_find(&request->snapshot->space.touchpoints, ds_str_of("delivered"));
  TRY(read_promise(request, plan, &figures, result, err));
  TRY(read_channel(request, plan, &figures, err));
  TRY(read_answers(request, &figures, map->touchpoint, err));
  if (figures.has_promise)
    TRY(mark_promises(request, &figures, map->touchpoint, err));
  *ret_figures = figures;
  return DS_OK;
}

static ds_code figures_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  map_figures_state *state = memory;
  state->figures = context;
  const map_context *map = state->figures->map;
  ds_names_init(&state->channels, MAP_CHANNELS_MAX);
  state->promises = ds_arena_array(arena, map->groups, sizeof *state->promises);
  if (state->promises == NULL)
    return no_memory(err);
  TRY(ds_map_kernel.init(&state->map, map, arena, err));
  if (state->figures->asks == 0)
    return DS_OK;
  state->answered = ds_arena_array(arena, (size_t)map->groups * map->cells,
                                   sizeof *state->answered);
  if (state->answered == NULL)
    return no_memory(err);
  return ds_tally_init(&state->answers, map->groups * map->cells, state->figures->windows,
                       map->kept_bytes_max / 4, state->figures->refine, err);
}

static void figures_done(void *memory) {
  map_figures_state *state = memory;
  ds_map_kernel.done(&state->map);
  ds_names_done(&state->channels);
  ds_tally_done(&state->answers);
  free(state->mix);
  free(state->linked);
  state->mix = NULL;
  state->linked = NULL;
}

map_fate ds_map_fate(const map_figures *figures, const ds_block *block, uint32_t e,
                     map_promise *promise) {
  const ds_property_column *column = &block->property[figures->promise.column];
  const uint32_t only = figures->promise.touchpoint;
  if (column->type != DS_TYPE_NULL && (column->present[e / 64] >> (e % 64) & 1) != 0 &&
      (only == DS_NONE || block->touchpoint[e] == only) &&
      (!promise->any || promise->fulfilled))
    *promise = (map_promise){.any = true, .until = column->i[e]};
  if (block->touchpoint[e] != figures->delivered)
    return MAP_FATE_NONE;
  promise->fulfilled = true;
  if (!promise->any)
    return MAP_FATE_UNPROMISED;
  const int64_t came = figures->is_day
                           ? ds_question_day(figures->request, block->time_ms[e])
                           : block->time_ms[e];
  return came <= promise->until ? MAP_FATE_KEPT : MAP_FATE_LATE;
}

// Widens the mix to the channels there are; what was counted moves.
static ds_code mix_widen(map_figures_state *state, ds_error *err) {
  const map_context *map = state->figures->map;
  const size_t cells = (size_t)map->groups * map->cells;
  const uint32_t width = state->mix_width == 0 ? 8 : state->mix_width * 2;
  uint64_t *mix = calloc(cells * width, sizeof *mix);
  if (mix == NULL)
    return no_memory(err);
  for (size_t c = 0; c < cells && state->mix_width > 0; c++)
    memcpy(mix + c * width, state->mix + c * state->mix_width, state->mix_width * sizeof *mix);
  free(state->mix);
  state->mix = mix;
  state->mix_width = width;
  return DS_OK;
}

// The number of a channel; past the most there may be, all are lost.
static ds_code channel_code(map_figures_state *state, ds_str text, uint32_t *ret_code,
                            ds_error *err) {
  if (state->channels.count == MAP_CHANNELS_MAX &&
      ds_names_find(&state->channels, text) == DS_NONE) {
    state->mix_lost = true;
    return DS_OK;
  }
  TRY(ds_names_add(&state->channels, text, ret_code, err));
  while (state->channels.count > state->mix_width)
    TRY(mix_widen(state, err));
  return DS_OK;
}

// Follows the events of one case that tell something.
typedef struct walk {
  uint32_t group;
  uint32_t journey;
  uint64_t number; // of the case
  map_promise promise;
  uint64_t kept, late;
  // By number of what asks, the last such event that is not answered yet, DS_NONE: none.
  uint32_t open[DS_ASKS_MAX];
} walk;

// Texts of the block met so far, by where they lie.
typedef struct seen_text {
  const char *data;
  uint32_t size, code;
} seen_text;

static ds_code see_channel(map_figures_state *state, seen_text seen[SEEN], ds_str text,
                           size_t cell, ds_error *err) {
  seen_text *slot = &seen[((uintptr_t)text.data >> 2) % SEEN];
  if (slot->data != text.data || slot->size != text.size || text.size == 0) {
    TRY(channel_code(state, text, &slot->code, err));
    slot->data = text.data;
    slot->size = text.size;
  }
  if (!state->mix_lost)
    state->mix[cell * state->mix_width + slot->code]++;
  return DS_OK;
}

static ds_code see_channels(map_figures_state *state, const ds_block *block, ds_error *err) {
  seen_text seen[SEEN] = {{.data = NULL}};
  const ds_property_column *channel = &block->property[state->figures->channel.column];
  const uint32_t cells = state->figures->map->cells;
  uint32_t j = 0;
  if (channel->type != DS_TYPE_STRING)
    return DS_OK;
  for (uint32_t w = 0; w < (block->events + 63) / 64; w++)
    for (uint64_t rest = channel->present[w]; rest != 0 && !state->mix_lost; rest &= rest - 1) {
      const uint32_t e = w * 64 + (uint32_t)__builtin_ctzll(rest);
      while (block->offset[j + 1] <= e)
        j++;
      TRY(see_channel(state, seen, channel->text[e],
                      (size_t)state->map.group[j] * cells + state->map.cell_of[e], err));
    }
  return DS_OK;
}

// Open questions of one kind are linked, so that an answer finds them all.
static ds_code see_answer(map_figures_state *state, const ds_block *block, uint32_t e,
                          map_role role, walk *at, ds_error *err) {
  const uint32_t first_cell = at->group * state->figures->map->cells;
  for (uint64_t rest = role.answers; rest != 0; rest &= rest - 1) {
    uint32_t *open = &at->open[__builtin_ctzll(rest)];
    for (; *open != DS_NONE; *open = state->linked[*open]) {
      const uint32_t cell = first_cell + state->map.cell_of[*open];
      map_answered *answered = &state->answered[cell];
      answered->cases += answered->last_case != at->number;
      answered->last_case = at->number;
      TRY(ds_tally_add(&state->answers, cell, block->time_ms[e] - block->time_ms[*open], err));
    }
  }
  if (role.asks != DS_NONE) {
    uint32_t *open = &at->open[role.asks];
    state->linked[e] = *open;
    *open = e;
  }
  return DS_OK;
}

static ds_code see_event(map_figures_state *state, const ds_block *block, uint32_t e, walk *at,
                         ds_error *err) {
  const map_figures *figures = state->figures;
  if (figures->asks > 0)
    TRY(see_answer(state, block, e, figures->role[block->touchpoint[e]], at, err));
  if (figures->has_promise) {
    const map_fate fate = ds_map_fate(figures, block, e, &at->promise);
    state->promises[at->group].deliveries += fate != MAP_FATE_NONE;
    at->kept += fate == MAP_FATE_KEPT;
    at->late += fate == MAP_FATE_LATE;
  }
  return DS_OK;
}

static void case_end(map_figures_state *state, const walk *at) {
  map_promises *promises = &state->promises[at->group];
  promises->promised += at->kept + at->late;
  promises->kept += at->kept;
  if (at->kept + at->late == 0 || !state->figures->map->has_score ||
      isnan(state->map.score_of[at->journey]))
    return;
  map_score *scores = at->late > 0 ? &promises->score_late : &promises->score_kept;
  ds_number_sum_add(&scores->sum, state->map.score_of[at->journey]);
  scores->cases++;
}

// Goes through the marked events; a case without any is passed over.
static ds_code see_marked(map_figures_state *state, const ds_block *block, ds_error *err) {
  const uint64_t before = state->map.cases - block->journeys;
  walk at = {.group = 0};
  uint32_t j = 0, end = 0;
  for (uint32_t m = 0; m < state->map.marked_count; m++) {
    const uint32_t e = state->map.marked[m];
    if (e >= end) {
      case_end(state, &at);
      while (block->offset[j + 1] <= e)
        j++;
      end = block->offset[j + 1];
      at.group = state->map.group[j];
      at.journey = j;
      at.number = before + j + 1;
      at.promise = (map_promise){.any = false};
      at.kept = at.late = 0;
      memset(at.open, 0xff, state->figures->asks * sizeof *at.open);
    }
    TRY(see_event(state, block, e, &at, err));
  }
  case_end(state, &at);
  return DS_OK;
}

static ds_code room_make(map_figures_state *state, const ds_block *block, ds_error *err) {
  if (state->linked_capacity >= block->events)
    return DS_OK;
  free(state->linked);
  state->linked = malloc(block->events * sizeof *state->linked);
  state->linked_capacity = state->linked == NULL ? 0 : block->events;
  return state->linked != NULL ? DS_OK : no_memory(err);
}

static ds_code figures_add(void *memory, const ds_block *block, ds_error *err) {
  map_figures_state *state = memory;
  TRY(ds_map_kernel.add_block(&state->map, block, err));
  if (block->events == 0)
    return DS_OK;
  if (state->figures->has_channel)
    TRY(see_channels(state, block, err));
  TRY(room_make(state, block, err));
  return see_marked(state, block, err);
}

static ds_code mix_merge(map_figures_state *into, const map_figures_state *from, ds_error *err) {
  const map_context *map = into->figures->map;
  const size_t cells = (size_t)map->groups * map->cells;
  into->mix_lost |= from->mix_lost;
  for (uint32_t c = 0; c < from->channels.count && !into->mix_lost; c++) {
    uint32_t code = 0;
    TRY(channel_code(into, from->channels.text[c], &code, err));
    for (size_t cell = 0; cell < cells && !into->mix_lost; cell++)
      into->mix[cell * into->mix_width + code] += from->mix[cell * from->mix_width + c];
  }
  return DS_OK;
}

static ds_code figures_merge(void *memory, void *other, ds_error *err) {
  map_figures_state *into = memory, *from = other;
  TRY(ds_map_kernel.merge(&into->map, &from->map, err));
  for (uint32_t g = 0; g < into->figures->map->groups; g++) {
    map_promises *a = &into->promises[g];
    const map_promises *b = &from->promises[g];
    a->deliveries += b->deliveries;
    a->promised += b->promised;
    a->kept += b->kept;
    map_score_merge(&a->score_kept, &b->score_kept);
    map_score_merge(&a->score_late, &b->score_late);
  }
  if (into->figures->asks > 0) {
    for (size_t c = 0; c < (size_t)into->figures->map->groups * into->figures->map->cells; c++)
      into->answered[c].cases += from->answered[c].cases;
    ds_tally_merge(&into->answers, &from->answers);
  }
  return mix_merge(into, from, err);
}

const ds_kernel ds_map_figures_kernel = {"map",       sizeof(map_figures_state), figures_init,
                                         figures_add, figures_merge,             figures_done};

// A channel is before another when more events have it; of equals by its bytes.
static bool is_before(const map_figures_state *state, const uint64_t *events, uint32_t a,
                      uint32_t b) {
  if (events[a] != events[b])
    return events[a] > events[b];
  return ds_str_compare(state->channels.text[a], state->channels.text[b]) < 0;
}

static size_t put_share(char *out, size_t used, ds_str name, uint64_t events, uint64_t all) {
  const double percent = 100 * (double)events / (double)all;
  uint32_t size = name.size < CHANNEL_BYTES ? name.size : CHANNEL_BYTES;
  while (size > 0 && size < name.size && (name.data[size] & 0xc0) == 0x80)
    size--;
  const int more = snprintf(out + used, MAP_MIX_BYTES - used, "%s%.*s %s%lld %%",
                            used == 0 ? "" : ", ", (int)size, name.data, percent < 0.5 ? "<" : "",
                            percent < 0.5 ? 1 : llround(percent));
  assert(more > 0 && used + (size_t)more < MAP_MIX_BYTES);
  return used + (size_t)more;
}

size_t ds_map_mix(const map_figures_state *state, uint32_t group, uint32_t index,
                  char out[MAP_MIX_BYTES]) {
  const size_t cell = (size_t)group * state->figures->map->cells + index;
  uint64_t all = 0, named = 0;
  uint32_t last = DS_NONE;
  size_t used = 0;
  if (state->mix == NULL || state->mix_lost)
    return 0;
  const uint64_t *events = state->mix + cell * state->mix_width;
  for (uint32_t c = 0; c < state->channels.count; c++)
    all += events[c];
  for (uint32_t n = 0; n < MAP_CHANNELS_NAMED && named < all; n++) {
    uint32_t best = DS_NONE;
    for (uint32_t c = 0; c < state->channels.count; c++)
      if (events[c] > 0 && c != last && (last == DS_NONE || is_before(state, events, last, c)) &&
          (best == DS_NONE || is_before(state, events, c, best)))
        best = c;
    used = put_share(out, used, state->channels.text[best], events[best], all);
    named += events[best];
    last = best;
  }
  return named < all ? put_share(out, used, ds_str_of("other"), all - named, all) : used;
}
