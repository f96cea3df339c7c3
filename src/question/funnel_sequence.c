// SPDX-License-Identifier: Apache-2.0
// Chains in sequence order of cases in which no event of several steps shares its instant.
//
// For a step and an event that ends a chain there, let the best chain be the one whose every event
// is as late as it can be. There is one: of two valid chains that end there, the later event of
// each step makes a valid chain again, because the window, the order and what must not stand
// between ask for nothing but late predecessors. For the same reason it continues the best chain
// of the latest event that ends one at the step before, and when that one does not fit, none does.
// So one pass finds all of them: by group, in it by step, in it by event.
//
// Optional steps are filled in afterwards, between the events that are fixed then.
#include <assert.h>
#include <string.h>

#include "question/funnel_chain.h"

// The pass over the groups.
typedef struct sequence_pass {
  uint32_t last[FUNNEL_STEPS_MAX];  // node, by mandatory step: of the latest event so far
  uint32_t first[FUNNEL_STEPS_MAX]; // of the earliest end
} sequence_pass;

// The rows of the chain that ends at a node, by step.
static void rows_of(const funnel_finder *finder, uint32_t node, uint32_t must,
                    uint32_t row_of[FUNNEL_STEPS_MAX]) {
  memset(row_of, 0xff, finder->rules->steps * sizeof *row_of);
  for (uint32_t m = must + 1; m-- > 0; node = finder->node[node].before) {
    assert(node != DS_NONE);
    row_of[finder->must[m]] = finder->node[node].row;
  }
}

// The row as mandatory step m, continuing the latest chain.
static ds_code step_try(funnel_finder *finder, sequence_pass *pass, uint32_t m, uint32_t row,
                        ds_error *err) {
  const funnel_rules *rules = finder->rules;
  const int64_t time_ms = finder->row[row].time_ms;
  funnel_node node = {time_ms, row, DS_NONE};
  if (m == 0) {
    if (!ds_funnel_can_start(finder, row))
      return DS_OK;
  } else {
    node.before = pass->last[m - 1];
    if (node.before == DS_NONE)
      return DS_OK;
    node.start_ms = finder->node[node.before].start_ms;
    if (time_ms - node.start_ms > rules->within_ms)
      return DS_OK;
    if (rules->withouts > 0) {
      uint32_t row_of[FUNNEL_STEPS_MAX];
      rows_of(finder, node.before, m - 1, row_of);
      if (ds_funnel_forbidden(finder, row_of, finder->must[m], row))
        return DS_OK;
    }
  }
  TRY(ds_funnel_grow(&finder->node, &finder->nodes_capacity, finder->nodes + 1,
                     sizeof *finder->node, err));
  const uint32_t at = (uint32_t)finder->nodes++;
  finder->node[at] = node;
  pass->last[m] = at;
  if (pass->first[m] == DS_NONE || finder->row[finder->node[pass->first[m]].row].time_ms == time_ms)
    pass->first[m] = at;
  return DS_OK;
}

// One group: an event alone goes from its last step to its first, so that it is taken once; tied
// events, each of one step, go up the steps.
static ds_code group_pass(funnel_finder *finder, sequence_pass *pass, uint32_t group,
                          ds_error *err) {
  const uint32_t first = finder->group_first[group], end = finder->group_first[group + 1];
  uint64_t bits = 0;
  for (uint32_t r = first; r < end; r++)
    bits |= finder->row[r].steps;
  if (end - first == 1) {
    for (uint32_t m = finder->musts; m-- > 0;)
      if ((bits >> finder->must[m] & 1) != 0)
        TRY(step_try(finder, pass, m, first, err));
    return DS_OK;
  }
  for (uint32_t m = 0; m < finder->musts; m++)
    for (uint32_t r = first; (bits >> finder->must[m] & 1) != 0 && r < end; r++)
      if ((finder->row[r].steps >> finder->must[m] & 1) != 0)
        TRY(step_try(finder, pass, m, r, err));
  return DS_OK;
}

// What the optional steps are chosen from.
typedef struct option_field {
  uint32_t step[FUNNEL_STEPS_MAX];  // the optional ones
  uint32_t low[FUNNEL_STEPS_MAX];   // row of the mandatory step before, by optional one
  uint32_t high[FUNNEL_STEPS_MAX];  // and after, or DS_NONE
  uint32_t steps;
  uint32_t first, end; // rows
  uint8_t *most;       // by step and row: steps taken up to here when it ends with this one, or 0
} option_field;

static uint8_t *most_at(const option_field *field, uint32_t i, uint32_t row) {
  return &field->most[(size_t)i * (field->end - field->first) + row - field->first];
}

static void field_make(const funnel_finder *finder, const uint32_t *row_of, option_field *field) {
  const funnel_rules *rules = finder->rules;
  *field = (option_field){.first = row_of[0], .end = row_of[0]};
  uint32_t low = row_of[0];
  for (uint32_t s = 1; s < rules->steps; s++) {
    if ((rules->optional >> s & 1) == 0) {
      if (row_of[s] == DS_NONE)
        break;
      low = row_of[s];
      for (uint32_t i = field->steps; i-- > 0 && field->high[i] == DS_NONE;)
        field->high[i] = low;
    } else {
      field->step[field->steps] = s;
      field->low[field->steps] = low;
      field->high[field->steps++] = DS_NONE;
    }
  }
  // Events of the first one's instant stand before it, too.
  field->first = finder->group_first[finder->row[row_of[0]].group];
  const int64_t until_ms = finder->row[row_of[0]].time_ms + rules->within_ms;
  while (field->end < finder->rows && finder->row[field->end].time_ms <= until_ms)
    field->end++;
}

// Whether the row can be optional step i between its neighbours.
static bool fits(const funnel_finder *finder, const option_field *field, const uint32_t *row_of,
                 uint32_t i, uint32_t row) {
  const funnel_row *at = &finder->row[row];
  if ((at->steps >> field->step[i] & 1) == 0 || at->group < finder->row[field->low[i]].group ||
      (field->high[i] != DS_NONE && at->group > finder->row[field->high[i]].group))
    return false;
  for (uint32_t m = 0; m < finder->musts; m++)
    if (row_of[finder->must[m]] == row)
      return false;
  return true;
}

// Fills in how many optional steps can be taken up to each.
static void field_fill(const funnel_finder *finder, const uint32_t *row_of, option_field *field) {
  const uint32_t rows = field->end - field->first;
  for (uint32_t i = 0; i < field->steps; i++) {
    // Going through the rows, the most of any step before in an earlier group; of tied events each
    // is one step only, so that those of the same group count, too.
    uint32_t earlier = 0, here = 0;
    for (uint32_t r = field->first; r < field->end;) {
      const uint32_t group = finder->row[r].group, next = finder->group_first[group + 1];
      const uint32_t end = next < field->end ? next : field->end;
      for (uint32_t q = r; q < end; q++)
        for (uint32_t before = 0; before < i; before++) {
          const uint32_t most = field->most[(size_t)before * rows + q - field->first];
          here = most > here ? most : here;
        }
      const uint32_t reached = end - r > 1 ? here : earlier;
      for (uint32_t q = r; q < end; q++)
        *most_at(field, i, q) = fits(finder, field, row_of, i, q) ? (uint8_t)(reached + 1) : 0;
      earlier = here;
      r = end;
    }
  }
}

// Takes the most, ending as early as that allows, each step as late as that allows.
static void field_take(const funnel_finder *finder, const option_field *field, uint32_t last_must,
                       uint32_t *row_of) {
  uint32_t left = 0;
  int64_t end_ms = INT64_MAX;
  for (uint32_t i = 0; i < field->steps; i++)
    for (uint32_t r = field->first; r < field->end; r++) {
      const int64_t at_ms = finder->row[r].time_ms > finder->row[last_must].time_ms
                                ? finder->row[r].time_ms
                                : finder->row[last_must].time_ms;
      const uint32_t most = *most_at(field, i, r);
      if (most > left || (most == left && most > 0 && at_ms < end_ms)) {
        left = most;
        end_ms = at_ms;
      }
    }
  uint32_t after = DS_NONE;
  for (uint32_t i = field->steps; i-- > 0 && left > 0;)
    for (uint32_t r = field->end; r-- > field->first;) {
      const bool before = after == DS_NONE || finder->row[r].group < finder->row[after].group ||
                          (finder->row[r].group == finder->row[after].group && r != after);
      if (*most_at(field, i, r) != left || !before || finder->row[r].time_ms > end_ms)
        continue;
      row_of[field->step[i]] = r;
      after = r;
      left--;
      break;
    }
  assert(left == 0);
}

static ds_code options_fill(funnel_finder *finder, uint32_t last_must, uint32_t *row_of,
                            ds_error *err) {
  option_field field;
  field_make(finder, row_of, &field);
  if (field.steps == 0)
    return DS_OK;
  TRY(ds_funnel_grow(&finder->table, &finder->table_capacity,
                     (size_t)field.steps * (field.end - field.first), 1, err));
  field.most = finder->table;
  field_fill(finder, row_of, &field);
  field_take(finder, &field, last_must, row_of);
  return DS_OK;
}

ds_code ds_funnel_sequence(funnel_finder *finder, funnel_chain *best, ds_error *err) {
  sequence_pass pass;
  memset(&pass, 0xff, sizeof pass);
  finder->nodes = 0;
  const uint32_t last = finder->musts - 1;
  for (uint32_t g = 0; g < finder->groups; g++) {
    const int64_t time_ms = finder->row[finder->group_first[g]].time_ms;
    // Past the earliest end of whole chains no better one comes.
    if (pass.first[last] != DS_NONE &&
        finder->row[finder->node[pass.first[last]].row].time_ms < time_ms)
      break;
    TRY(group_pass(finder, &pass, g, err));
  }
  uint32_t m = last + 1, row_of[FUNNEL_STEPS_MAX];
  while (m > 0 && pass.first[m - 1] == DS_NONE)
    m--;
  if (m == 0)
    return DS_OK;
  rows_of(finder, pass.first[m - 1], m - 1, row_of);
  if (finder->rules->optional != 0)
    TRY(options_fill(finder, finder->node[pass.first[m - 1]].row, row_of, err));
  ds_funnel_offer(finder, row_of, best);
  return DS_OK;
}
