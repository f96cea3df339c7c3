// SPDX-License-Identifier: Apache-2.0
// The list of what a figure of segments counted.
#include "question/list.h"
#include "question/segment.h"

enum { TABLE_SEGMENTS, TABLE_OVERLAP, TABLE_MOVES, TABLE_SERIES, TABLES };
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

// Whether an answer has a table.
static bool has_table(const segment_asked *asked, uint32_t table) {
  const bool there[TABLES] = {true, asked->overlap, asked->instants > 1, asked->series};
  return there[table];
}

void ds_segment_listable(const segment_asked *asked, ds_result *result) {
  static const ds_figures tables[TABLES] = {
      {"segments", 1, {"name"}, {"members", "cases", "versus", "stayed", "entered", "left"}, NULL,
       NULL},
      {"overlap", 2, {"name", "other"}, {"both"}, NULL, NULL},
      {"moves", 2, {"from", "to"}, {"members"}, NULL, NULL},
      {"series", 2, {"at", "name"}, {"members", "cases"}, NULL, NULL},
  };
  for (uint32_t t = 0; t < TABLES; t++) {
    ds_figures table = tables[t];
    if (t == TABLE_SEGMENTS && asked->instants == 1)
      table.columns[VERSUS] = NULL;
    if (has_table(asked, t))
      ds_list_offer(result, &table, 1, asked->grouped ? &asked->by : NULL);
  }
}

// The question as it is at a point of the series.
static ds_code read_point(segment_asked *asked, ds_str text, ds_error *err) {
  bool local = false, date_only = false;
  int64_t at_ms = 0;
  bool found = false;
  const bool read = ds_time_parse(text, &at_ms, &local, &date_only);
  for (uint32_t p = 0; read && p < asked->points; p++)
    found |= asked->point_ms[p] == at_ms;
  asked->now_ms[SEGMENT_AS_OF] = at_ms;
  asked->instants = 1;
  return found ? DS_OK
               : ds_fail(err, DS_USAGE, "--list: '%.*s' is no instant of this answer",
                         (int)(text.size < 60 ? text.size : 60), text.data);
}

// What of a row's name says who is meant; a figure of the series is that of segments `then`.
static ds_code read_keys(list_context *in, segment_asked *then, const ds_str *key,
                         ds_error *err) {
  const segment_asked *asked = in->asked;
  switch (in->table) {
  case TABLE_MOVES:
    TRY(read_state(asked, key[0], &in->a, err));
    return read_state(asked, key[1], &in->b, err);
  case TABLE_OVERLAP:
    TRY(read_rule(asked, key[0], &in->a, err));
    return read_rule(asked, key[1], &in->b, err);
  case TABLE_SERIES:
    TRY(read_point(then, key[0], err));
    in->asked = then;
    in->table = TABLE_SEGMENTS;
    return read_rule(asked, key[1], &in->a, err);
  default:
    return read_rule(asked, key[0], &in->a, err);
  }
}

ds_code ds_segment_list(const segment_asked *asked, const char *text, ds_result *result,
                        ds_error *err) {
  ds_list_figure figure;
  list_context in = {.asked = asked};
  segment_asked then = *asked;
  TRY(ds_list_read(asked->request, text, &asked->by, result, &figure, err));
  // Tables that the answer has are counted.
  for (uint32_t left = figure.table; left > 0 || !has_table(asked, in.table); in.table++)
    left -= has_table(asked, in.table);
  in.column = figure.column;
  TRY(read_keys(&in, &then, figure.key, err));
  const bool one = in.table == TABLE_OVERLAP || (in.table == TABLE_SEGMENTS && in.column <= CASES);
  in.instant = one ? SEGMENT_AS_OF : in.column == VERSUS ? SEGMENT_VERSUS : asked->later;
  const ds_list_plan plan = {.by = asked->grouped ? &asked->by : NULL, .group = figure.group,
                             .block = list_block, .journey = list_journey, .context = &in,
                             .scratch_bytes = sizeof(segment_view), .scratch_done = scratch_done,
                             .touchpoints = true};
  return ds_list_run(asked->request, &asked->plan, &plan, result, err);
}
