// SPDX-License-Identifier: Apache-2.0
// Programs over blocks: selectors to bits, cases of keys, windows to ranges, facts to columns, and
// the rules' trees over those columns.
#include <assert.h>
#include <stdlib.h>

#include "base/classes.h"
#include "lang/case_run.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for an expression about cases");
}

// Fresh room for at least `count` elements; what was in it is lost.
static bool renew(void *array, size_t count, size_t size) {
  void **at = array;
  free(*at);
  *at = calloc(count + 1, size);
  return *at != NULL;
}

// --- made once

static ds_code use(void *context, uint32_t selector) {
  lang_stage *stage = context;
  return stage->bits[selector] != NULL || renew(&stage->bits[selector], 2, sizeof(uint64_t))
             ? DS_OK
             : DS_MEMORY;
}

// Marks the selectors that facts of a level use.
static ds_code use_selectors(ds_case_evaluator *ev, const lang_level *level, ds_error *err) {
  lang_stage *stage = &ev->stage[level->number];
  stage->bits = calloc(ev->program->selectors_count + 1u, sizeof *stage->bits);
  if (stage->bits == NULL)
    return no_memory(err);
  for (uint32_t f = 0; f < level->facts_count; f++)
    if (ds_lang_fact_selectors(level, level->facts[f], use, stage) != DS_OK)
      return no_memory(err);
  return DS_OK;
}

// Selectors that the touchpoint decides, as bits of bytes by touchpoint; evaluators of the others.
static ds_code selectors_make(ds_case_evaluator *ev, const ds_columns *columns, ds_error *err) {
  const ds_case_program *program = ev->program;
  const uint32_t count = program->selectors_count;
  const uint32_t touchpoints = program->schema.space->touchpoints.count + 1;
  ev->selector = calloc(count + 1u, sizeof *ev->selector);
  ev->pure = calloc(count + 1u, sizeof *ev->pure);
  ev->mask = calloc((count / 8u + 1) * touchpoints, 1);
  if (ev->selector == NULL || ev->pure == NULL || ev->mask == NULL)
    return no_memory(err);
  for (uint32_t s = 0; s < count; s++) {
    const ds_expression *expression = program->selectors[s].expression;
    if (!ds_expression_by_touchpoint(expression)) {
      TRY(ds_evaluator_new(expression, columns, &ev->selector[s], err));
      continue;
    }
    uint8_t *mask = ev->mask + (size_t)(ev->pure_count / 8) * touchpoints;
    for (uint32_t t = 0; t + 1 < touchpoints; t++)
      if (ds_expression_can_mean(expression, (uint16_t)t))
        mask[t] |= (uint8_t)(1u << (ev->pure_count % 8));
    ev->pure[ev->pure_count++] = s;
  }
  return DS_OK;
}

static ds_code rules_make(ds_case_evaluator *ev, ds_error *err) {
  const ds_case_program *program = ev->program;
  ds_code code = DS_OK;
  ev->rule = calloc(program->rules_count + 1u, sizeof *ev->rule);
  ev->answer = calloc(program->rules_count + 1u, sizeof *ev->answer);
  ev->given = calloc(program->asked_count + 1u, sizeof *ev->given);
  uint16_t *number = calloc(LANG_FACTS_MAX, sizeof *number);
  ds_type *type = calloc(LANG_FACTS_MAX, sizeof *type);
  if (ev->rule == NULL || ev->answer == NULL || ev->given == NULL || number == NULL ||
      type == NULL)
    code = no_memory(err);
  for (uint32_t r = 0; code == DS_OK && r < program->rules_count; r++) {
    const lang_level *level = &program->level[program->rules[r]->level];
    for (uint32_t f = 0; f < level->facts_count; f++) {
      number[f] = (uint16_t)f;
      type[f] = level->facts[f]->type;
    }
    const ds_columns columns = {.properties = number, .property_types = type,
                                .properties_count = level->facts_count};
    code = ds_evaluator_new(&program->rules[r]->expression, &columns, &ev->rule[r], err);
  }
  free(number);
  free(type);
  return code;
}

// Where the program's properties and keys stand in blocks.
static ds_code places_make(ds_case_evaluator *ev, const ds_columns *columns, ds_error *err) {
  const ds_expression *reads = &ev->program->reads;
  ev->input = calloc(reads->inputs_count + 1u, sizeof *ev->input);
  ev->key = calloc(LANG_LEVELS_MAX, sizeof *ev->key);
  if (ev->input == NULL || ev->key == NULL)
    return no_memory(err);
  for (uint32_t i = 0; i < reads->inputs_count; i++) {
    while (columns->properties[ev->input[i]] != reads->inputs[i].property ||
           columns->property_types[ev->input[i]] != reads->inputs[i].type)
      ev->input[i]++;
    assert(ev->input[i] < columns->properties_count);
  }
  for (uint32_t l = 1; l < ev->program->levels_count; l++) {
    while (columns->keys[ev->key[l]] != ev->program->level[l].key)
      ev->key[l]++;
    assert(ev->key[l] < columns->keys_count);
  }
  return DS_OK;
}

static ds_code evaluator_fill(ds_case_evaluator *ev, const ds_columns *columns, ds_error *err) {
  const ds_case_program *program = ev->program;
  TRY(selectors_make(ev, columns, err));
  TRY(rules_make(ev, err));
  TRY(places_make(ev, columns, err));
  for (uint32_t l = 0; l < program->levels_count; l++) {
    const lang_level *level = &program->level[l];
    lang_stage *stage = &ev->stage[l];
    TRY(use_selectors(ev, level, err));
    stage->range = calloc(level->windows_count + 1u, sizeof *stage->range);
    stage->fact = calloc(level->facts_count + 1u, sizeof *stage->fact);
    if (stage->range == NULL || stage->fact == NULL)
      return no_memory(err);
  }
  return DS_OK;
}

ds_code ds_case_evaluator_new(const ds_case_program *program, const ds_columns *columns,
                              ds_case_evaluator **ret_evaluator, ds_error *err) {
  ds_case_evaluator *ev = calloc(1, sizeof *ev);
  if (ev == NULL)
    return no_memory(err);
  ev->program = program;
  ds_arena_init(&ev->texts, (size_t)1 << 30);
  const ds_code code = evaluator_fill(ev, columns, err);
  if (code != DS_OK)
    ds_case_evaluator_free(ev);
  else
    *ret_evaluator = ev;
  return code;
}

static void stage_done(lang_stage *stage, uint32_t selectors, bool own) {
  for (uint32_t s = 0; stage->bits != NULL && s < selectors; s++)
    free(stage->bits[s]);
  free(stage->bits);
  free(stage->range);
  free(stage->edges);
  free(stage->fact);
  free(stage->room);
  free(stage->seen);
  if (!own)
    return;
  free(stage->offset);
  free(stage->first_case);
  free(stage->event);
  free(stage->time_ms);
}

void ds_case_evaluator_free(ds_case_evaluator *ev) {
  if (ev == NULL)
    return;
  for (uint32_t s = 0; ev->selector != NULL && s < ev->program->selectors_count; s++)
    ds_evaluator_free(ev->selector[s]);
  for (uint32_t r = 0; ev->rule != NULL && r < ev->program->rules_count; r++)
    ds_evaluator_free(ev->rule[r]);
  for (uint32_t r = 0; ev->answer != NULL && r < ev->program->rules_count; r++) {
    free(ev->answer[r].present);
    free(ev->answer[r].yes);
    free(ev->answer[r].room);
  }
  for (uint32_t l = 0; l < ev->program->levels_count; l++)
    stage_done(&ev->stage[l], ev->program->selectors_count, l > 0);
  void *const rest[] = {ev->selector, ev->rule, ev->mask, ev->pure, ev->input, ev->key,
                        ev->answer, ev->given, ev->scratch};
  for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
    free(rest[i]);
  ds_arena_done(&ev->texts);
  free(ev);
}

// --- a block begins: bits by selector

// Room for bits over `events` positions; a word more is read than is written.
static ds_code bits_room(lang_stage *stage, uint32_t selectors, uint32_t events, ds_error *err) {
  if (events <= stage->events_capacity && stage->events_capacity > 0)
    return DS_OK;
  for (uint32_t s = 0; s < selectors; s++)
    if (stage->bits[s] != NULL && !renew(&stage->bits[s], events / 64u + 2, sizeof(uint64_t)))
      return no_memory(err);
  stage->events_capacity = events;
  return DS_OK;
}

static ds_code selectors_run(ds_case_evaluator *ev, ds_error *err) {
  const ds_block *block = ev->block;
  const uint32_t count = ev->program->selectors_count;
  const uint32_t touchpoints = ev->program->schema.space->touchpoints.count + 1;
  uint64_t **bits = ev->stage[0].bits;
  for (uint32_t s = 0; s < count; s++)
    if (ev->selector[s] != NULL)
      TRY(ds_evaluator_run(ev->selector[s], block, bits[s], err));
  for (uint32_t p = 0; p < ev->pure_count; p += 8) {
    uint64_t *to[8];
    const uint32_t some = ev->pure_count - p < 8 ? ev->pure_count - p : 8;
    for (uint32_t i = 0; i < some; i++)
      to[i] = bits[ev->pure[p + i]];
    ds_class_bits(ev->mask + (size_t)(p / 8) * touchpoints, touchpoints, block->touchpoint,
                  block->events, to, some);
  }
  return DS_OK;
}

// --- the cases of a key

// Room for so many cases and events in them.
static ds_code regroup_room(ds_case_evaluator *ev, lang_stage *stage, uint32_t values,
                            uint32_t items, ds_error *err) {
  if (items > stage->events_capacity || stage->event == NULL)
    if (!renew(&stage->event, items, sizeof *stage->event) ||
        !renew(&stage->time_ms, items, sizeof *stage->time_ms))
      return no_memory(err);
  TRY(bits_room(stage, ev->program->selectors_count, items, err));
  if (values > stage->cases_capacity || stage->offset == NULL) {
    if (!renew(&stage->offset, values + 2u, sizeof *stage->offset))
      return no_memory(err);
    stage->cases_capacity = values;
  }
  return renew(&stage->first_case, ev->block->journeys + 1u, sizeof *stage->first_case)
             ? DS_OK
             : no_memory(err);
}

// Events in the order of (value, event): a counting sort, because values are numbered within the
// block and those of one journey are consecutive.
static void place_events(const ds_key_column *key, uint32_t events, lang_stage *stage) {
  const uint32_t items = key->first[events];
  memset(stage->offset, 0, (key->values + 2u) * sizeof *stage->offset);
  for (uint32_t i = 0; i < items; i++)
    stage->offset[key->item[i] + 2]++;
  for (uint32_t v = 0; v < key->values; v++)
    stage->offset[v + 2] += stage->offset[v + 1];
  // Neighbours mostly have the same value: its place stays in a register, because an addition in
  // memory would wait for the one before.
  uint32_t value = 0, at = stage->offset[1];
  for (uint32_t e = 0; e < events; e++)
    for (uint32_t i = key->first[e]; i < key->first[e + 1]; i++) {
      if (key->item[i] != value) {
        stage->offset[value + 1] = at;
        value = key->item[i];
        at = stage->offset[value + 1];
      }
      stage->event[at++] = e;
    }
  stage->offset[value + 1] = at;
}

// Values without events, which a filter leaves behind, are no cases.
static void name_cases(const ds_key_column *key, uint32_t journeys, lang_stage *stage) {
  uint32_t cases = 0, begin = 0;
  for (uint32_t j = 0; j < journeys; j++) {
    stage->first_case[j] = cases;
    for (uint32_t v = key->offset[j]; v < key->offset[j + 1]; v++) {
      const uint32_t end = stage->offset[v + 1];
      if (end == begin)
        continue;
      stage->offset[cases++] = begin;
      begin = end;
    }
  }
  stage->offset[cases] = begin;
  stage->first_case[journeys] = cases;
  stage->cases = cases;
}

static ds_code regroup(ds_case_evaluator *ev, uint32_t level, ds_error *err) {
  const ds_block *block = ev->block;
  const ds_key_column *key = &block->key[ev->key[level]];
  lang_stage *stage = &ev->stage[level];
  const uint32_t items = key->first[block->events];
  TRY(regroup_room(ev, stage, key->values, items, err));
  place_events(key, block->events, stage);
  name_cases(key, block->journeys, stage);
  for (uint32_t i = 0; i < items; i++)
    stage->time_ms[i] = block->time_ms[stage->event[i]];
  for (uint32_t s = 0; s < ev->program->selectors_count; s++) {
    uint64_t *to = stage->bits[s];
    const uint64_t *from = ev->stage[0].bits[s];
    if (to == NULL)
      continue;
    for (uint32_t first = 0; first < items; first += 64) {
      const uint32_t some = items - first < 64 ? items - first : 64;
      uint64_t word = 0;
      for (uint32_t i = 0; i < some; i++) {
        const uint32_t event = stage->event[first + i];
        word |= (from[event / 64] >> (event % 64) & 1) << i;
      }
      to[first / 64] = word;
    }
  }
  return DS_OK;
}

ds_code ds_case_begin(ds_case_evaluator *ev, const ds_block *block, ds_error *err) {
  lang_stage *stage = &ev->stage[0];
  assert(block->time_ms != NULL || block->events == 0 || ds_case_program_timeless(ev->program));
  ev->block = block;
  stage->cases = block->journeys;
  stage->offset = block->offset;
  stage->time_ms = block->time_ms;
  // Every selector's bits are made here, also of those that only cases of keys use.
  for (uint32_t s = 0; s < ev->program->selectors_count; s++)
    if (stage->bits[s] == NULL && !renew(&stage->bits[s], stage->events_capacity / 64u + 2,
                                         sizeof(uint64_t)))
      return no_memory(err);
  TRY(bits_room(stage, ev->program->selectors_count, block->events, err));
  if (ev->scratch_capacity < block->events || ev->scratch == NULL) {
    if (!renew(&ev->scratch, block->events, sizeof *ev->scratch))
      return no_memory(err);
    ev->scratch_capacity = block->events;
  }
  TRY(selectors_run(ev, err));
  for (uint32_t l = 1; l < ev->program->levels_count; l++)
    TRY(regroup(ev, l, err));
  return DS_OK;
}

// --- cases at an instant

static ds_code stage_room(ds_case_evaluator *ev, uint32_t number, uint32_t count, ds_error *err) {
  const lang_level *level = &ev->program->level[number];
  lang_stage *stage = &ev->stage[number];
  if (count <= stage->asked_capacity && stage->room != NULL)
    return DS_OK;
  size_t bytes = 0;
  const size_t words = count / 64u + 1;
  for (uint32_t f = 0; f < level->facts_count; f++)
    bytes += words * sizeof(uint64_t) +
             count * (level->facts[f]->type == DS_TYPE_STRING ? sizeof(ds_str) : sizeof(int64_t));
  stage->asked_capacity = count;
  if (!renew(&stage->room, bytes, 1) || !renew(&stage->seen, words, sizeof *stage->seen) ||
      !renew(&stage->edges, (size_t)level->windows_count * 2 * count, sizeof *stage->edges))
    return no_memory(err);
  uint8_t *at = stage->room;
  for (uint32_t f = 0; f < level->facts_count; f++) {
    const ds_type type = level->facts[f]->type;
    stage->fact[f] = (lang_column){.type = type, .present = (uint64_t *)(void *)at};
    at += words * sizeof(uint64_t);
    stage->fact[f].number = (double *)(void *)at;
    stage->fact[f].i = (int64_t *)(void *)at;
    stage->fact[f].text = (ds_str *)(void *)at;
    at += count * (type == DS_TYPE_STRING ? sizeof(ds_str) : sizeof(int64_t));
  }
  for (uint32_t w = 0; w < level->windows_count; w++)
    stage->range[w] = (lang_range){stage->edges + (size_t)2 * w * count,
                                   stage->edges + ((size_t)2 * w + 1) * count};
  return DS_OK;
}

// What a window that hangs on the first event of a selector leaves of [low, high).
static void hanging(const lang_line *line, const lang_window *window, uint32_t *low,
                    uint32_t *high) {
  const uint32_t at = lang_bits_first(line->bits[window->selector], *low, *high);
  if (at == DS_NONE) {
    *high = *low;
    return;
  }
  const int64_t time_ms = line->time_ms[at];
  if (window->span == LANG_SPAN_BEFORE) {
    *high = lang_later(line->time_ms, *low, *high, time_ms - 1);
    return;
  }
  *low = lang_later(line->time_ms, at, *high, time_ms);
  *high = lang_later(line->time_ms, *low, *high, lang_shift(time_ms, window->ms[0]));
}

// A window with fixed edges: (after, until].
static void fixed(const lang_line *line, const uint32_t *seen, int64_t after_ms, int64_t until_ms,
                  uint32_t *low, uint32_t *high) {
  for (uint32_t c = 0; c < line->count; c++) {
    low[c] = lang_later(line->time_ms, line->offset[line->first + c], seen[c], after_ms);
    high[c] = lang_later(line->time_ms, low[c], seen[c], until_ms);
  }
}

// Window 0 first: of it the others are parts.
static void windows_run(const lang_line *line, const lang_level *level, const lang_range *range) {
  const uint32_t *seen = range[0].high;
  const int64_t now = line->now_ms;
  for (uint32_t w = 0; w < level->windows_count; w++) {
    const lang_window *window = &level->windows[w];
    uint32_t *low = (uint32_t *)(uintptr_t)range[w].low;
    uint32_t *high = (uint32_t *)(uintptr_t)range[w].high;
    switch (window->span) {
    case LANG_SPAN_ALL:
      for (uint32_t c = 0; c < line->count; c++) {
        const uint32_t end = line->offset[line->first + c + 1];
        low[c] = line->offset[line->first + c];
        high[c] = line->time_ms == NULL ? end : lang_later(line->time_ms, low[c], end, now);
      }
      break;
    case LANG_SPAN_LAST:
      for (uint32_t c = 0; c < line->count; c++)
        low[c] = lang_later(line->time_ms, line->offset[line->first + c], seen[c],
                            lang_shift(now, -window->ms[0]));
      memcpy(high, seen, line->count * sizeof *high);
      break;
    case LANG_SPAN_AGO:
      fixed(line, seen, lang_shift(now, -window->ms[0]), lang_shift(now, -window->ms[1]), low,
            high);
      break;
    case LANG_SPAN_BETWEEN:
      fixed(line, seen, window->ms[0] - 1, window->ms[1] - 1, low, high);
      break;
    default:
      for (uint32_t c = 0; c < line->count; c++) {
        low[c] = line->offset[line->first + c];
        high[c] = seen[c];
        hanging(line, window, &low[c], &high[c]);
      }
    }
  }
}

static ds_code answer_room(lang_answer *answer, const lang_rule *rule, uint32_t count,
                           ds_error *err) {
  const ds_type type = rule->expression.root->type;
  if (count <= answer->capacity && answer->present != NULL)
    return DS_OK;
  if (!renew(&answer->present, count / 64u + 1, sizeof(uint64_t)) ||
      !renew(&answer->yes, count / 64u + 1, sizeof(uint64_t)) ||
      !renew(&answer->room, count, type == DS_TYPE_STRING ? sizeof(ds_str) : sizeof(int64_t)))
    return no_memory(err);
  answer->capacity = count;
  answer->values = (ds_case_values){.type = type, .present = answer->present,
                                    .yes = answer->yes, .number = answer->room,
                                    .i = answer->room, .text = answer->room};
  return DS_OK;
}

// The values of a tile into the answer; texts are copied because the next tile's take their place.
static ds_code take_values(ds_case_evaluator *ev, const lang_vector *vector, uint32_t first,
                           uint32_t count, lang_answer *answer, ds_error *err) {
  memcpy(answer->present + first / 64, vector->present, (count + 63) / 64 * sizeof(uint64_t));
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t from = vector->constant ? 0 : i;
    if ((vector->present[i / 64] >> (i % 64) & 1) == 0)
      continue;
    if (vector->type == DS_TYPE_STRING) {
      ds_str text = vector->text[from];
      text.data = ds_arena_text(&ev->texts, text.size == 0 ? "" : text.data, text.size);
      if (text.data == NULL)
        return no_memory(err);
      ((ds_str *)answer->room)[first + i] = text;
    } else {
      ((int64_t *)answer->room)[first + i] = vector->i[from]; // or a number's bits
    }
  }
  return DS_OK;
}

static ds_code rule_run(ds_case_evaluator *ev, uint32_t r, uint32_t count, ds_error *err) {
  const lang_rule *rule = ev->program->rules[r];
  const lang_stage *stage = &ev->stage[rule->level];
  const lang_node *root = rule->expression.root;
  const ds_block block = {.events = count, .property = stage->fact,
                          .properties_count = ev->program->level[rule->level].facts_count};
  lang_answer *answer = &ev->answer[r];
  TRY(answer_room(answer, rule, count, err));
  for (uint32_t first = 0; first < count; first += LANG_TILE) {
    const uint32_t some = count - first < LANG_TILE ? count - first : LANG_TILE;
    lang_truth truth;
    lang_vector vector;
    if (root->type == DS_TYPE_BOOL) {
      TRY(ds_lang_tile(ev->rule[r], root, &block, first, &truth, err));
      for (uint32_t w = 0; w < (some + 63) / 64; w++) {
        answer->yes[first / 64 + w] = truth.yes[w];
        answer->present[first / 64 + w] = truth.yes[w] | truth.no[w];
      }
    } else {
      TRY(ds_lang_tile_value(ev->rule[r], root, &block, first, &vector, err));
      TRY(take_values(ev, &vector, first, some, answer, err));
    }
  }
  // A case that has not begun is none.
  for (uint32_t w = 0; w < (count + 63) / 64; w++) {
    answer->present[w] &= stage->seen[w];
    answer->yes[w] &= stage->seen[w];
  }
  return DS_OK;
}

lang_line ds_lang_line_of(ds_case_evaluator *ev, uint32_t level, int64_t now_ms) {
  const lang_stage *stage = &ev->stage[level];
  return (lang_line){.first = stage->first, .count = stage->count, .offset = stage->offset,
                     .time_ms = stage->time_ms, .event = stage->event,
                     .bits = (const uint64_t *const *)stage->bits, .range = stage->range,
                     .now_ms = now_ms, .evaluator = ev};
}

ds_code ds_lang_stage_run(ds_case_evaluator *ev, uint32_t number, uint32_t first, uint32_t count,
                          int64_t now_ms, ds_error *err) {
  const lang_level *level = &ev->program->level[number];
  lang_stage *stage = &ev->stage[number];
  TRY(stage_room(ev, number, count, err));
  stage->first = first;
  stage->count = count;
  const lang_line line = ds_lang_line_of(ev, number, now_ms);
  windows_run(&line, level, stage->range);
  memset(stage->seen, 0, (count / 64u + 1) * sizeof *stage->seen);
  for (uint32_t c = 0; c < count; c++)
    stage->seen[c / 64] |= (uint64_t)(stage->range[0].low[c] < stage->range[0].high[c])
                           << (c % 64);
  for (uint32_t f = 0; f < level->facts_count; f++) {
    const lang_fact *fact = level->facts[f];
    memset(stage->fact[f].present, 0, (count / 64u + 1) * sizeof *stage->fact[f].present);
    TRY(fact->form->run(&line, fact, &stage->range[fact->window], &stage->fact[f], err));
  }
  for (uint32_t r = 0; r < ev->program->rules_count; r++)
    if (ev->program->rules[r]->level == number)
      TRY(rule_run(ev, r, count, err));
  return DS_OK;
}

ds_code ds_lang_journeys_run(ds_case_evaluator *ev, uint32_t first, uint32_t count, int64_t now_ms,
                             ds_error *err) {
  for (uint32_t l = ev->program->levels_count - 1; l > 0; l--) {
    const uint32_t *first_case = ev->stage[l].first_case;
    TRY(ds_lang_stage_run(ev, l, first_case[first], first_case[first + count] - first_case[first],
                          now_ms, err));
  }
  return ds_lang_stage_run(ev, 0, first, count, now_ms, err);
}

static ds_code evaluate(ds_case_evaluator *ev, uint32_t first, uint32_t count, int64_t now_ms,
                        const ds_case_values **ret_values, ds_error *err) {
  ds_arena_reset(&ev->texts);
  TRY(ds_lang_journeys_run(ev, first, count, now_ms, err));
  for (uint32_t a = 0; a < ev->program->asked_count; a++)
    ev->given[a] = ev->answer[ev->program->asked[a]].values;
  *ret_values = ev->given;
  return DS_OK;
}

ds_code ds_case_evaluate(ds_case_evaluator *ev, int64_t now_ms, const ds_case_values **ret_values,
                         ds_error *err) {
  return evaluate(ev, 0, ev->block->journeys, now_ms, ret_values, err);
}

ds_code ds_case_evaluate_at(ds_case_evaluator *ev, uint32_t journey, int64_t now_ms,
                            const ds_case_values **ret_values, ds_error *err) {
  return evaluate(ev, journey, 1, now_ms, ret_values, err);
}

ds_code ds_lang_node_value(ds_case_evaluator *ev, uint32_t r, const lang_node *node,
                           ds_value *ret_value, ds_error *err) {
  const lang_stage *stage = &ev->stage[ev->program->rules[r]->level];
  const ds_block block = {.events = 1, .property = stage->fact};
  *ret_value = (ds_value){.type = DS_TYPE_NULL};
  if (node->type == DS_TYPE_BOOL) {
    lang_truth truth;
    TRY(ds_lang_tile(ev->rule[r], node, &block, 0, &truth, err));
    if (((truth.yes[0] | truth.no[0]) & 1) != 0)
      *ret_value = (ds_value){.type = DS_TYPE_BOOL, .i = truth.yes[0] & 1};
    return DS_OK;
  }
  lang_vector vector;
  TRY(ds_lang_tile_value(ev->rule[r], node, &block, 0, &vector, err));
  if ((vector.present[0] & 1) == 0)
    return DS_OK;
  ret_value->type = node->type;
  if (node->type == DS_TYPE_NUMBER)
    ret_value->number = vector.number[0];
  else if (node->type == DS_TYPE_STRING)
    ret_value->text = vector.text[0];
  else
    ret_value->i = vector.i[0];
  return DS_OK;
}
