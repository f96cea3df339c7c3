// SPDX-License-Identifier: Apache-2.0
// How one case deviates from the pattern (conformance.h): what the pattern sees of its events is
// looked up among the sequences aligned before; bounds of time are looked at case by case.
#include <assert.h>
#include <stdlib.h>

#include "question/conformance.h"
#include "question/variants_table.h"

// A bound between two events of a sequence.
typedef struct late_bound {
  uint32_t step;
  uint32_t before;
  uint32_t event;
  int64_t within_ms;
} late_bound;

// What an alignment says, by places in the sequence; a skipped step may stand behind its end.
typedef struct aligned_way {
  uint32_t cost;
  uint32_t deviations;
  uint32_t bounds;
  const ds_deviation *deviation; // of an inserted event `what` is left open
  const late_bound *bound;
} aligned_way;

struct ds_conformance_reader {
  const ds_conformance *asked;
  ds_marks marks;
  ds_aligner aligner;
  ds_arena arena;       // of ways
  variants_table table; // of sequences
  aligned_way *way;     // by number
  uint32_t ways_capacity;
  ds_map64 state_sets;  // sets of states that events have, numbered
  ds_align_event *event;
  uint32_t *element;    // of the key: the set's number and the touchpoint
  uint32_t *place;      // events of the block
  ds_deviation *found;
  uint32_t found_capacity;
};

enum { SEQUENCE_BYTES = DS_ALIGN_EVENTS_MAX * 4 + VARIANTS_SLACK, SETS_MAX = 1 << 16 };

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for conformance: give more --memory");
}

ds_code ds_conformance_reader_new(const ds_conformance *asked, ds_conformance_reader **ret_reader,
                                  ds_error *err) {
  ds_conformance_reader *reader = calloc(1, sizeof *reader);
  *ret_reader = reader;
  if (reader == NULL)
    return no_memory(err);
  reader->asked = asked;
  ds_arena_init(&reader->arena, asked->request->memory_bytes / 4);
  ds_map64_init(&reader->state_sets);
  ds_aligner_init(&reader->aligner, asked->pattern);
  reader->event = malloc(DS_ALIGN_EVENTS_MAX * sizeof *reader->event);
  reader->element = calloc(1, SEQUENCE_BYTES);
  reader->place = malloc(DS_ALIGN_EVENTS_MAX * sizeof *reader->place);
  if (reader->event == NULL || reader->element == NULL || reader->place == NULL)
    return no_memory(err);
  return asked->pure ? DS_OK
                     : ds_marks_init(&reader->marks, asked->pattern->selector,
                                     asked->pattern->selectors, &asked->plan.columns, err);
}

void ds_conformance_reader_free(ds_conformance_reader *reader) {
  if (reader == NULL)
    return;
  ds_marks_done(&reader->marks);
  ds_aligner_done(&reader->aligner);
  ds_arena_done(&reader->arena);
  ds_variants_table_done(&reader->table);
  ds_map64_done(&reader->state_sets);
  free(reader->way);
  free(reader->event);
  free(reader->element);
  free(reader->place);
  free(reader->found);
  free(reader);
}

ds_code ds_conformance_begin(ds_conformance_reader *reader, const ds_block *block, ds_error *err) {
  return reader->asked->pure ? DS_OK : ds_marks_run(&reader->marks, block, err);
}

// The states that an event of the block can be.
static uint64_t states_of(const ds_conformance_reader *reader, const ds_block *block, uint32_t e) {
  const ds_conformance *asked = reader->asked;
  uint64_t states = 0;
  if (asked->pure)
    return asked->states[block->touchpoint[e]];
  for (uint32_t s = 0; s < reader->marks.count; s++)
    if ((reader->marks.row[s][e / 64] >> (e % 64) & 1) != 0)
      states |= asked->means[s];
  return states;
}

// The number of a set of states; with the touchpoint alone to go by there is no need of one.
static ds_code set_number(ds_conformance_reader *reader, uint64_t states, uint32_t *ret_number,
                          ds_error *err) {
  *ret_number = 0;
  if (reader->asked->pure)
    return DS_OK;
  const uint32_t count = reader->state_sets.count;
  uint32_t *number = ds_map64_put(&reader->state_sets, states);
  if (number == NULL)
    return no_memory(err);
  if (*number == DS_NONE)
    *number = count;
  if (*number >= SETS_MAX)
    return ds_fail(err, DS_LIMIT, "events meet the steps in more than %d ways", SETS_MAX);
  *ret_number = *number;
  return DS_OK;
}

// The sequence that the pattern sees; DS_NONE events when it is too long.
static ds_code sequence_make(ds_conformance_reader *reader, const ds_block *block, uint32_t j,
                             uint32_t *ret_count, ds_error *err) {
  const ds_conformance *asked = reader->asked;
  uint32_t used = 0;
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
    const uint64_t states = states_of(reader, block, e);
    const bool free_event = states == 0 && !asked->inserts;
    uint32_t number = 0;
    if (free_event && !asked->strict)
      continue;
    if (used == DS_ALIGN_EVENTS_MAX) {
      *ret_count = DS_NONE;
      return DS_OK;
    }
    TRY(set_number(reader, states, &number, err));
    reader->event[used] = (ds_align_event){states, free_event};
    reader->element[used] = number << 16 | block->touchpoint[e];
    reader->place[used++] = e;
  }
  memset(reader->element + used, 0, VARIANTS_SLACK);
  *ret_count = used;
  return DS_OK;
}

// The first inserted event that means a skipped step and is not paired yet: it becomes free.
static uint32_t pair_of(ds_conformance_reader *reader, uint32_t state) {
  for (uint32_t m = 0; m < reader->aligner.moves; m++) {
    ds_align_move *move = &reader->aligner.move[m];
    if (move->kind == DS_ALIGN_INSERT && (reader->event[move->event].states >> state & 1) != 0) {
      move->kind = DS_ALIGN_FREE;
      return move->event;
    }
  }
  return DS_NONE;
}

static void put_deviations(ds_conformance_reader *reader, ds_deviation *deviation,
                           uint32_t *ret_count) {
  const ds_pattern *pattern = reader->asked->pattern;
  uint32_t used = 0;
  for (uint32_t m = 0; m < reader->aligner.moves; m++) {
    const ds_align_move move = reader->aligner.move[m];
    if (move.kind != DS_ALIGN_SKIP)
      continue;
    const uint32_t other = pair_of(reader, move.state);
    deviation[used++] = (ds_deviation){other == DS_NONE ? DS_SKIPPED : DS_WRONG,
                                       pattern->state[move.state].step,
                                       other == DS_NONE ? move.event : other};
  }
  for (uint32_t m = 0; m < reader->aligner.moves; m++)
    if (reader->aligner.move[m].kind == DS_ALIGN_INSERT)
      deviation[used++] = (ds_deviation){DS_INSERTED, 0, reader->aligner.move[m].event};
  *ret_count = used;
}

// Steps bound to the step before, where both were taken, and the whole.
static void put_bounds(const ds_conformance_reader *reader, late_bound *bound,
                       uint32_t *ret_count) {
  const ds_pattern *pattern = reader->asked->pattern;
  uint32_t used = 0, first = DS_NONE, last = DS_NONE, before = DS_NONE;
  for (uint32_t m = 0; m < reader->aligner.moves; m++) {
    const ds_align_move *move = &reader->aligner.move[m];
    if (move->kind == DS_ALIGN_SKIP)
      before = DS_NONE;
    if (move->kind != DS_ALIGN_STEP)
      continue;
    const ds_pattern_state *state = &pattern->state[move->state];
    if (state->within_ms != DS_PATTERN_UNBOUND && before != DS_NONE)
      bound[used++] = (late_bound){state->step, before, move->event, state->within_ms};
    before = last = move->event;
    first = first == DS_NONE ? before : first;
  }
  if (pattern->total_ms != DS_PATTERN_UNBOUND && last != DS_NONE)
    bound[used++] = (late_bound){pattern->steps, first, last, pattern->total_ms};
  *ret_count = used;
}

static ds_code way_make(ds_conformance_reader *reader, uint32_t count, aligned_way *way,
                        ds_error *err) {
  TRY(ds_align(&reader->aligner, reader->event, count, &way->cost, err));
  const uint32_t moves = reader->aligner.moves;
  late_bound *bound = ds_arena_array(&reader->arena, moves + 1u, sizeof *bound);
  ds_deviation *deviation = ds_arena_array(&reader->arena, way->cost + 1u, sizeof *deviation);
  if (bound == NULL || deviation == NULL)
    return no_memory(err);
  put_bounds(reader, bound, &way->bounds);
  put_deviations(reader, deviation, &way->deviations);
  assert(way->deviations <= way->cost && way->bounds <= moves + 1);
  way->bound = bound;
  way->deviation = deviation;
  return DS_OK;
}

static ds_code way_of(ds_conformance_reader *reader, uint32_t count, const aligned_way **ret_way,
                      ds_error *err) {
  variants_key key = {(const uint8_t *)reader->element, count * 4, 0, 0};
  const uint32_t known = reader->table.count;
  key.hash = variants_hash(&key);
  TRY(ds_variants_table_reserve(&reader->table, 1, key.size, err));
  if (known == reader->ways_capacity) {
    const uint32_t capacity = known * 2 + 64;
    aligned_way *grown = realloc(reader->way, capacity * sizeof *grown);
    if (grown == NULL)
      return no_memory(err);
    reader->way = grown;
    reader->ways_capacity = capacity;
  }
  const uint32_t place = ds_variants_table_put(&reader->table, &key);
  const uint32_t number = variants_at(&reader->table, place)->number;
  if (number == known)
    TRY(way_make(reader, count, &reader->way[number], err));
  *ret_way = &reader->way[number];
  return DS_OK;
}

static ds_code found_reserve(ds_conformance_reader *reader, uint32_t count, ds_error *err) {
  if (count <= reader->found_capacity)
    return DS_OK;
  free(reader->found);
  reader->found = malloc(count * sizeof *reader->found);
  reader->found_capacity = reader->found == NULL ? 0 : count;
  return reader->found != NULL ? DS_OK : no_memory(err);
}

ds_code ds_conformance_read(ds_conformance_reader *reader, const ds_block *block, uint32_t journey,
                            ds_conformance_case *ret_case, ds_error *err) {
  const uint32_t end = block->offset[journey + 1];
  const aligned_way *way = NULL;
  uint32_t count = 0, used = 0;
  TRY(sequence_make(reader, block, journey, &count, err));
  *ret_case = (ds_conformance_case){.too_long = count == DS_NONE};
  if (ret_case->too_long)
    return DS_OK;
  TRY(way_of(reader, count, &way, err));
  TRY(found_reserve(reader, way->deviations + way->bounds + 1, err));
  for (uint32_t d = 0; d < way->deviations; d++) {
    ds_deviation *found = &reader->found[used++];
    *found = way->deviation[d];
    found->event = found->event < count ? reader->place[found->event] : end - 1;
    if (found->kind == DS_INSERTED)
      found->what = block->touchpoint[found->event];
  }
  for (uint32_t b = 0; b < way->bounds; b++) {
    const late_bound *bound = &way->bound[b];
    const uint32_t event = reader->place[bound->event];
    if (block->time_ms[event] - block->time_ms[reader->place[bound->before]] > bound->within_ms)
      reader->found[used++] = (ds_deviation){DS_LATE, bound->step, event};
  }
  *ret_case = (ds_conformance_case){.cost = way->cost, .events = count,
                                    .deviation = reader->found, .deviations = used};
  return DS_OK;
}
