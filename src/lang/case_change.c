// SPDX-License-Identifier: Apache-2.0
// When a rule's value changes without a new event. Between the instants at which an event becomes
// seen, enters a window or leaves one, facts stand still but for `now` and since(), which grow
// evenly; so what is compared with them turns at most once, and is found by bisection. Of the
// instants so found the first at which the value is another is the answer.
#include <assert.h>

#include "lang/case_pattern.h"

// A clock shows the same within this, because zones differ from UTC by multiples of it.
#define QUARTER_MS 900000

// Instants looked at before what is found so far is given back, and the last one looked at.
enum { STEPS_MAX = 4096 };
#define HORIZON_MS DS_TIME_MAX_MS

// How a value moves with now.
typedef enum drift_kind { EVENLY, ONE_WAY, ANY_WAY } drift_kind;
typedef struct drift {
  drift_kind kind;
  int slope; // EVENLY: ms per ms; ONE_WAY: above or below 0
} drift;

typedef struct watch_sink {
  lang_rule *rule;
  ds_arena *arena;
  ds_error *err;
} watch_sink;

static ds_code watch_add(watch_sink *to, lang_moves moves, const lang_node *node, int slope) {
  lang_rule *rule = to->rule;
  lang_watch *grown =
      ds_lang_grow(to->arena, rule->watches, rule->watches_count, sizeof *grown);
  if (grown == NULL)
    return ds_lang_no_memory(to->err);
  rule->watches = grown;
  grown[rule->watches_count++] = (lang_watch){moves, node, slope};
  return DS_OK;
}

static bool stands(drift of) { return of.kind == EVENLY && of.slope == 0; }

static drift turned(drift of) {
  of.slope = -of.slope;
  return of;
}

static drift sum_of(drift a, drift b) {
  if (a.kind == EVENLY && b.kind == EVENLY)
    return (drift){EVENLY, a.slope + b.slope};
  if (a.kind == ANY_WAY || b.kind == ANY_WAY || (long)a.slope * b.slope < 0)
    return (drift){ANY_WAY, 0};
  return (drift){ONE_WAY, a.slope + b.slope};
}

// Times or divided by a value that is written down.
static drift scaled(drift of, const lang_node *by) {
  if (by->kind != LANG_LITERAL || of.kind == ANY_WAY)
    return (drift){ANY_WAY, 0};
  const double factor =
      by->type == DS_TYPE_NUMBER ? by->value.number : (double)by->value.i;
  return (drift){ONE_WAY, factor < 0 ? -of.slope : of.slope};
}

static ds_code drift_of(watch_sink *to, const lang_node *node, drift *ret_drift);

// What stands still once its parts are watched.
static ds_code watch_parts(watch_sink *to, const lang_node *node, const drift *part) {
  const bool order = node->kind >= LANG_EQUAL && node->kind <= LANG_GREATER_EQUAL;
  // Only `and` and `or` have more than two parts: conditions, which stand still.
  for (uint32_t c = 0; !order && c < node->count && c < 2; c++)
    if (!stands(part[c]) && node->kind != LANG_IS_NULL)
      TRY(node->kind == LANG_CALL && part[c].kind == EVENLY &&
                  (part[c].slope == 1 || part[c].slope == -1)
              ? watch_add(to, LANG_MOVES_CLOCK, node->child[c], part[c].slope)
              : watch_add(to, LANG_MOVES_OFTEN, node, 0));
  if (!order)
    return DS_OK;
  const drift apart = sum_of(part[0], turned(part[1]));
  return stands(apart) ? DS_OK
                       : watch_add(to, apart.kind == ANY_WAY ? LANG_MOVES_OFTEN : LANG_MOVES_ORDER,
                                   node, 0);
}

static ds_code drift_of(watch_sink *to, const lang_node *node, drift *ret_drift) {
  drift part[2] = {{EVENLY, 0}, {EVENLY, 0}};
  *ret_drift = (drift){EVENLY, 0};
  if (node->kind == LANG_FACT) {
    ret_drift->slope = node->fact->form->drifts;
    return DS_OK;
  }
  for (uint32_t c = 0; c < node->count; c++)
    TRY(drift_of(to, node->child[c], &part[c < 2 ? c : 1]));
  switch (node->kind) {
  case LANG_NEGATE: *ret_drift = turned(part[0]); return DS_OK;
  case LANG_ADD: *ret_drift = sum_of(part[0], part[1]); return DS_OK;
  case LANG_SUBTRACT: *ret_drift = sum_of(part[0], turned(part[1])); return DS_OK;
  case LANG_MULTIPLY:
  case LANG_DIVIDE:
    if (stands(part[0]) && stands(part[1]))
      return DS_OK;
    *ret_drift = stands(part[1])                                  ? scaled(part[0], node->child[1])
                 : stands(part[0]) && node->kind == LANG_MULTIPLY ? scaled(part[1], node->child[0])
                                                                  : (drift){ANY_WAY, 0};
    return DS_OK;
  default: return watch_parts(to, node, part);
  }
}

ds_code ds_lang_watches_make(lang_rule *rule, ds_arena *arena, ds_error *err) {
  watch_sink to = {rule, arena, err};
  drift whole;
  TRY(drift_of(&to, rule->expression.root, &whole));
  if (stands(whole))
    return DS_OK;
  return watch_add(&to, whole.kind == ANY_WAY ? LANG_MOVES_OFTEN : LANG_MOVES_VALUE,
                   rule->expression.root, 0);
}

// --- searching

// One rule at one case: which instants are looked at.
typedef struct search {
  ds_case_evaluator *ev;
  uint32_t rule;
  uint32_t at; // the case in its level
  int64_t best_ms;
  ds_error *err;
} search;

static ds_code run_at(const search *s, int64_t now_ms) {
  const uint32_t level = s->ev->program->rules[s->rule]->level;
  return level == 0 ? ds_lang_journeys_run(s->ev, s->at, 1, now_ms, s->err)
                    : ds_lang_stage_run(s->ev, level, s->at, 1, now_ms, s->err);
}

static void nearer(search *s, int64_t time_ms) {
  if (time_ms < s->best_ms)
    s->best_ms = time_ms;
}

// -1, 0 or 1; 2 when one of them is null.
static int order_of(const ds_value *a, const ds_value *b) {
  if (a->type == DS_TYPE_NULL || b->type == DS_TYPE_NULL)
    return a->type == b->type ? 0 : 2;
  if (a->type == DS_TYPE_STRING) {
    const int order = ds_str_compare(a->text, b->text);
    return (order > 0) - (order < 0);
  }
  if (a->type == DS_TYPE_NUMBER)
    return (a->number > b->number) - (a->number < b->number);
  return (a->i > b->i) - (a->i < b->i);
}

// What is watched at an instant: how the sides of a comparison stand, or a value against `first`.
static ds_code look(const search *s, const lang_watch *watch, const ds_value *first,
                    int64_t now_ms, int *ret_order) {
  ds_value a, b = {.type = DS_TYPE_NULL};
  TRY(run_at(s, now_ms));
  if (watch->moves == LANG_MOVES_ORDER) {
    TRY(ds_lang_node_value(s->ev, s->rule, watch->node->child[0], &a, s->err));
    TRY(ds_lang_node_value(s->ev, s->rule, watch->node->child[1], &b, s->err));
    *ret_order = a.type == DS_TYPE_NULL && b.type == DS_TYPE_NULL ? 2 : order_of(&a, &b);
    return DS_OK;
  }
  TRY(ds_lang_node_value(s->ev, s->rule, watch->node, &a, s->err));
  *ret_order = order_of(&a, first);
  return DS_OK;
}

// The first instant after `now_ms` at which what is watched stands otherwise.
static ds_code bisect(search *s, const lang_watch *watch, int64_t now_ms) {
  ds_value first = {.type = DS_TYPE_NULL};
  int before = 0, after = 0;
  int64_t low = now_ms, high = s->best_ms < HORIZON_MS ? s->best_ms - 1 : HORIZON_MS;
  TRY(run_at(s, now_ms));
  TRY(ds_lang_node_value(s->ev, s->rule, watch->node, &first, s->err));
  if (high <= low)
    return DS_OK;
  TRY(look(s, watch, &first, low, &before));
  TRY(look(s, watch, &first, high, &after));
  if (before == after)
    return DS_OK;
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    TRY(look(s, watch, &first, middle, &after));
    if (after == before)
      low = middle;
    else
      high = middle;
  }
  nearer(s, high);
  return DS_OK;
}

static ds_code clock_turns(search *s, const lang_watch *watch, int64_t now_ms) {
  ds_value shown;
  TRY(run_at(s, now_ms));
  TRY(ds_lang_node_value(s->ev, s->rule, watch->node, &shown, s->err));
  if (shown.type != DS_TYPE_TIME)
    return DS_OK;
  const int64_t within = (shown.i % QUARTER_MS + QUARTER_MS) % QUARTER_MS;
  nearer(s, now_ms + (watch->slope > 0 ? QUARTER_MS - within : within + 1));
  return DS_OK;
}

// The first event that a fact means in [low, high), so much later.
static void passes(search *s, const lang_fact *fact, uint32_t low, uint32_t high, int64_t by_ms) {
  const lang_stage *stage = &s->ev->stage[s->ev->program->rules[s->rule]->level];
  const uint32_t at = lang_bits_first(stage->bits[fact->selector], low, high);
  if (at != DS_NONE)
    nearer(s, lang_shift(stage->time_ms[at], by_ms));
}

// When events enter or leave the window of a fact, or nothing has come for long enough.
static ds_code edges(search *s, const lang_fact *fact, int64_t now_ms) {
  const uint32_t number = s->ev->program->rules[s->rule]->level;
  const lang_stage *stage = &s->ev->stage[number];
  const lang_window *window = &s->ev->program->level[number].windows[fact->window];
  const lang_range *range = &stage->range[fact->window];
  if (fact->pattern != NULL) {
    const lang_line line = ds_lang_line_of(s->ev, number, now_ms);
    int64_t next_ms = 0;
    TRY(ds_lang_pattern_next(&line, fact, range, 0, &next_ms, s->err));
    nearer(s, next_ms);
  }
  if (fact->selector == LANG_ABSENT)
    return DS_OK;
  if (window->span == LANG_SPAN_LAST || window->span == LANG_SPAN_AGO)
    passes(s, fact, range->low[0], range->high[0], window->ms[0]);
  if (window->span == LANG_SPAN_AGO)
    passes(s, fact, range->high[0], stage->offset[s->at + 1], window->ms[1]);
  return DS_OK;
}

static ds_code next_instant(search *s, int64_t now_ms);

// Within the cases that an any_case() looks at.
static ds_code cases(search *s, const lang_fact *fact, int64_t now_ms) {
  const uint32_t *first_case = s->ev->stage[fact->level].first_case;
  for (uint32_t c = first_case[s->at]; c < first_case[s->at + 1]; c++) {
    search inner = {.ev = s->ev, .rule = fact->rule, .at = c, .best_ms = s->best_ms,
                    .err = s->err};
    TRY(next_instant(&inner, now_ms));
    nearer(s, inner.best_ms);
  }
  return DS_OK;
}

// The earliest instant at which anything that the rule looks at can be another than at `now_ms`.
static ds_code next_instant(search *s, int64_t now_ms) {
  const lang_rule *rule = s->ev->program->rules[s->rule];
  const lang_level *level = &s->ev->program->level[rule->level];
  const lang_stage *stage = &s->ev->stage[rule->level];
  TRY(run_at(s, now_ms));
  if (stage->range[0].high[0] < stage->offset[s->at + 1])
    nearer(s, stage->time_ms[stage->range[0].high[0]]);
  for (uint32_t i = 0; i < rule->expression.inputs_count; i++)
    TRY(edges(s, level->facts[rule->expression.inputs[i].property], now_ms));
  for (uint32_t i = 0; i < rule->expression.inputs_count; i++) {
    const lang_fact *fact = level->facts[rule->expression.inputs[i].property];
    if (fact->rule != LANG_ABSENT)
      TRY(cases(s, fact, now_ms));
  }
  for (uint32_t w = 0; w < rule->watches_count; w++) {
    const lang_watch *watch = &rule->watches[w];
    if (watch->moves == LANG_MOVES_OFTEN)
      nearer(s, now_ms + 1);
    else if (watch->moves == LANG_MOVES_CLOCK)
      TRY(clock_turns(s, watch, now_ms));
    else
      TRY(bisect(s, watch, now_ms));
  }
  assert(s->best_ms > now_ms);
  return DS_OK;
}

static ds_value answer_of(const ds_case_evaluator *ev, uint32_t rule) {
  const ds_case_values *values = &ev->answer[rule].values;
  ds_value value = {.type = DS_TYPE_NULL};
  if ((values->present[0] & 1) == 0)
    return value;
  value.type = values->type;
  if (value.type == DS_TYPE_BOOL)
    value.i = (int64_t)(values->yes[0] & 1);
  else if (value.type == DS_TYPE_NUMBER)
    value.number = values->number[0];
  else if (value.type == DS_TYPE_STRING)
    value.text = values->text[0];
  else
    value.i = values->i[0];
  return value;
}

ds_code ds_case_evaluate_one(ds_case_evaluator *ev, uint32_t rule, uint32_t journey,
                             int64_t now_ms, ds_value *ret_value, int64_t *ret_next_change_ms,
                             ds_error *err) {
  search s = {.ev = ev, .rule = ev->program->asked[rule], .at = journey, .best_ms = INT64_MAX,
              .err = err};
  int64_t at_ms = now_ms;
  ds_arena_reset(&ev->texts);
  TRY(run_at(&s, now_ms));
  *ret_value = answer_of(ev, s.rule);
  for (uint32_t step = 0; step < STEPS_MAX; step++) {
    s.best_ms = INT64_MAX;
    TRY(next_instant(&s, at_ms));
    at_ms = s.best_ms;
    if (at_ms == INT64_MAX)
      break;
    TRY(run_at(&s, at_ms));
    const ds_value value = answer_of(ev, s.rule);
    if (order_of(&value, ret_value) != 0)
      break;
  }
  *ret_next_change_ms = at_ms;
  return DS_OK;
}
