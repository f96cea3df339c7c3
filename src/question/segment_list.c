// SPDX-License-Identifier: Apache-2.0
// The list of what a figure of segments counted.
#include "question/list.h"
#include "question/segment.h"

enum { TABLE_SEGMENTS, TABLE_OVERLAP, TABLE_MOVES, TABLES };
enum { MEMBERS, CASES, VERSUS, STAYED, ENTERED, LEFT };

// Which figure, and what names its row: rules, or states.
typedef struct list_context {
  const segment_asked *asked;
  uint32_t table;
  uint32_t column;
  uint32_t a, b;
  uint32_t instant; // at which somebody is shown with what they did last
} list_context;

static bool bit(const list_context *in, const segment_view *view, uint32_t instant, uint32_t rule,
                uint32_t j) {
  return (segment_bits(in->asked, view, instant, rule)[j / 64] >> (j % 64) & 1) != 0;
}

static uint32_t state_at(const segment_view *view, uint32_t instant, uint32_t j) {
  return view->state[(size_t)instant * view->words * 64 + j];
}

static bool is_counted(const list_context *in, const segment_view *view, uint32_t j) {
  const uint32_t later = in->asked->later, earlier = 1 - later;
  if (in->table == TABLE_OVERLAP)
    return bit(in, view, SEGMENT_AS_OF, in->a, j) && bit(in, view, SEGMENT_AS_OF, in->b, j);
  if (in->table == TABLE_MOVES)
    return state_at(view, earlier, j) == in->a && state_at(view, later, j) == in->b;
  switch (in->column) {
  case MEMBERS: return bit(in, view, SEGMENT_AS_OF, in->a, j);
  case CASES: return bit(in, view, SEGMENT_AS_OF, DS_NONE, j);
  case VERSUS: return bit(in, view, SEGMENT_VERSUS, in->a, j);
  case STAYED: return bit(in, view, later, in->a, j) && bit(in, view, earlier, in->a, j);
  case ENTERED: return bit(in, view, later, in->a, j) && !bit(in, view, earlier, in->a, j);
  default: return !bit(in, view, later, in->a, j) && bit(in, view, earlier, in->a, j);
  }
}

static ds_code list_block(const void *context, const ds_block *block, ds_list *list,
                          ds_error *err) {
  return ds_segment_look(((const list_context *)context)->asked, ds_list_scratch(list), block,
                         err);
}

static ds_code list_journey(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                            ds_error *err) {
  const list_context *in = context;
  const int64_t now_ms = in->asked->now_ms[in->instant];
  uint32_t event = block->offset[j];
  if (!is_counted(in, ds_list_scratch(list), j))
    return DS_OK;
  while (event + 1 < block->offset[j + 1] && block->time_ms[event + 1] <= now_ms)
    event++;
  return ds_list_add(list, block, j, event, 0, err);
}

static void scratch_done(void *scratch) { ds_segment_view_done(scratch); }

static ds_code read_rule(const segment_asked *asked, ds_str name, uint32_t *ret_rule,
                         ds_error *err) {
  for (uint32_t s = 0; s < asked->count; s++) {
    const segment_row *row = &asked->rows[s];
    if (!ds_str_equal(name, ds_str_of(row->name)))
      continue;
    *ret_rule = row->rule;
    return row->rule != DS_NONE ? DS_OK
                                : ds_fail(err, DS_USAGE, "--list: the events do not bear '%.60s'",
                                          row->name);
  }
  return ds_fail(err, DS_USAGE, "--list: no segment of this answer is called '%.*s'",
                 (int)(name.size < 60 ? name.size : 60), name.data);
}

static ds_code read_state(const segment_asked *asked, ds_str name, uint32_t *ret_state,
                          ds_error *err) {
  for (uint32_t s = 0; s < asked->states_count + 2; s++) {
    *ret_state = s;
    if (ds_str_equal(name, ds_str_of(ds_segment_state_name(asked, s))))
      return DS_OK;
  }
  return ds_fail(err, DS_USAGE, "--list: no state of these moves is called '%.*s'",
                 (int)(name.size < 60 ? name.size : 60), name.data);
}

// The tables there are; with --by the group names a row of segments first.
static uint32_t tables_make(const segment_asked *asked, ds_list_table tables[TABLES],
                            uint32_t *number) {
  static const ds_list_table all[TABLES] = {
      {"segments", 1, {"name"}, {"members", "cases", "versus", "stayed", "entered", "left"}},
      {"overlap", 2, {"name", "other"}, {"both"}},
      {"moves", 2, {"from", "to"}, {"members"}},
  };
  const bool there[TABLES] = {true, asked->overlap, asked->instants > 1};
  uint32_t count = 0;
  for (uint32_t t = 0; t < TABLES; t++) {
    number[count] = t;
    if (there[t])
      tables[count++] = all[t];
  }
  if (asked->instants == 1)
    tables[0].columns[VERSUS] = NULL;
  if (asked->grouped) {
    tables[0].needed = 2;
    tables[0].keys[0] = asked->by.name;
    tables[0].keys[1] = "name";
  }
  return count;
}

ds_code ds_segment_list(const segment_asked *asked, const char *text, ds_result *result,
                        ds_error *err) {
  ds_list_table tables[TABLES];
  ds_list_figure figure;
  uint32_t number[TABLES], group = 0;
  list_context in = {.asked = asked};
  const uint32_t count = tables_make(asked, tables, number);
  TRY(ds_list_read(text, tables, count, &figure, err));
  in.table = number[figure.table];
  in.column = figure.column;
  const ds_str *key = &figure.key[asked->grouped ? 1 : 0];
  if (asked->grouped)
    TRY(ds_list_group(&asked->by, figure.key[0], &group, err));
  if (in.table == TABLE_MOVES) {
    TRY(read_state(asked, key[0], &in.a, err));
    TRY(read_state(asked, key[1], &in.b, err));
  } else {
    TRY(read_rule(asked, key[0], &in.a, err));
  }
  if (in.table == TABLE_OVERLAP)
    TRY(read_rule(asked, key[1], &in.b, err));
  const bool one = in.table == TABLE_OVERLAP || (in.table == TABLE_SEGMENTS && in.column <= CASES);
  in.instant = one ? SEGMENT_AS_OF : in.column == VERSUS ? SEGMENT_VERSUS : asked->later;
  const ds_list_plan plan = {.by = asked->grouped ? &asked->by : NULL, .group = group,
                             .block = list_block, .journey = list_journey, .context = &in,
                             .scratch_bytes = sizeof(segment_view), .scratch_done = scratch_done,
                             .touchpoints = true};
  return ds_list_run(asked->request, &asked->plan, &plan, result, err);
}
