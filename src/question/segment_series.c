// SPDX-License-Identifier: Apache-2.0
// Sizes of segments over time: at the beginning of each period and at the instant of the answer.
#include "question/calendar.h"
#include "question/common.h"
#include "question/interval.h"
#include "question/segment.h"

// Each point is an evaluation of every condition.
enum { POINTS_MAX = 1000 };

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for segments");
}

ds_code ds_segment_read_points(segment_asked *asked, ds_error *err) {
  const ds_request *request = asked->request;
  const ds_snapshot *snapshot = request->snapshot;
  const char *per = ds_option_get(&request->options, "per");
  const int64_t last_ms = asked->now_ms[SEGMENT_AS_OF];
  int64_t since_ms = snapshot->time_min_ms;
  const bool has_since = ds_question_time(request, "since", &since_ms);
  ds_calendar calendar = {0};
  if (has_since && per == NULL)
    return ds_fail(err, DS_USAGE, "--since says where sizes over time begin: give --per too");
  if (has_since && since_ms >= last_ms)
    return ds_fail(err, DS_USAGE, "--since must lie before the instant of the answer, --as-of");
  asked->series = per != NULL;
  if (asked->series && snapshot->events > 0 && since_ms < last_ms) {
    const ds_period period = *per == 'd'   ? DS_PERIOD_DAY
                             : *per == 'w' ? DS_PERIOD_WEEK
                                           : DS_PERIOD_MONTH;
    // Before the first event nobody has begun.
    since_ms = since_ms < snapshot->time_min_ms ? snapshot->time_min_ms : since_ms;
    TRY(ds_calendar_make(request, period, since_ms, last_ms, POINTS_MAX, request->arena,
                         &calendar, err));
    if (ds_calendar_find(&calendar, last_ms) == DS_NONE)
      return ds_fail(err, DS_LIMIT, "that makes more than %d instants: choose a longer period with "
                     "--per, or a later --since", POINTS_MAX);
  }
  asked->point_ms = ds_arena_array(request->arena, calendar.count + 1u, sizeof *asked->point_ms);
  if (asked->point_ms == NULL)
    return no_memory(err);
  for (uint32_t p = 0; p < calendar.count; p++)
    if (calendar.start[p] >= since_ms && calendar.start[p] < last_ms)
      asked->point_ms[asked->points++] = calendar.start[p];
  asked->point_ms[asked->points++] = last_ms;
  return DS_OK;
}

segment_size ds_segment_size(const segment_asked *asked, const segment_state *state,
                             uint32_t point, uint32_t group, const segment_row *row,
                             uint64_t min_n) {
  const size_t at = (size_t)point * asked->groups + group;
  const uint64_t cases = state->cases[at];
  const ds_cell none = ds_cell_null();
  segment_size size = {ds_cell_i64((int64_t)cases), none, none, none, none};
  if (row->rule == DS_NONE)
    return size;
  const uint64_t members = state->members[at * asked->rules + row->rule];
  size.members = ds_cell_i64((int64_t)members);
  if (cases >= min_n && cases > 0) {
    double low, high;
    ds_rate_interval(members, cases, &low, &high);
    size.share = ds_cell_double((double)members / (double)cases);
    size.low = ds_cell_double(low);
    size.high = ds_cell_double(high);
  }
  return size;
}

bool ds_segment_shows(const segment_asked *asked, const segment_state *state, uint32_t group) {
  const size_t last = (size_t)(asked->points - 1) * asked->groups;
  return !asked->grouped || group + 2 < asked->groups || state->cases[last + group] > 0;
}

static ds_code put_row(const segment_asked *asked, const segment_size *size, uint32_t point,
                       uint32_t group, const segment_row *row, ds_table *table, ds_result *result,
                       ds_error *err) {
  ds_cell *cell = ds_table_row(result, table);
  if (cell == NULL)
    return no_memory(err);
  if (asked->grouped)
    *cell++ = ds_cell_text(result, ds_str_of(asked->by.labels[group]));
  *cell++ = ds_cell_i64(asked->point_ms[point]);
  *cell++ = ds_cell_text(result, ds_str_of(row->name));
  *cell++ = size->members;
  *cell++ = size->cases;
  *cell++ = size->share;
  *cell++ = size->low;
  *cell = size->high;
  return DS_OK;
}

static ds_table *table_make(const segment_asked *asked, ds_result *result) {
  static const char *const keys[] = {"at", NULL};
  static const char *const group_keys[] = {"", "at", NULL};
  const ds_column all[] = {
      {asked->by.name, DS_CELL_TEXT, "", "value of the breakdown", false},
      {"at", DS_CELL_TIME, "", "the instant", false},
      {"name", DS_CELL_TEXT, "", "the segment", false},
      {"members", DS_CELL_COUNT, "cases", "cases that meet it then", false},
      {"cases", DS_CELL_COUNT, "cases", "cases that have begun by then", false},
      {"share", DS_CELL_SHARE, "", "their share of these", false},
      {"share_low", DS_CELL_SHARE, "", "lower end of its 95 % Wilson interval", true},
      {"share_high", DS_CELL_SHARE, "", "upper end of its 95 % Wilson interval", true},
  };
  enum { COLUMNS = sizeof all / sizeof *all };
  const uint32_t first = asked->grouped ? 0 : 1;
  ds_column *columns = ds_arena_array(result->arena, COLUMNS, sizeof *columns);
  ds_pivot *pivot = ds_arena_alloc(result->arena, sizeof *pivot);
  const char **names = ds_arena_array(result->arena, 3, sizeof *names);
  if (columns == NULL || pivot == NULL || names == NULL)
    return NULL;
  memcpy(columns, all + first, (COLUMNS - first) * sizeof *columns);
  memcpy(names, asked->grouped ? group_keys : keys, (asked->grouped ? 3 : 2) * sizeof *names);
  if (asked->grouped)
    names[0] = asked->by.name;
  *pivot = (ds_pivot){"Members over time", names, "name", "members", NULL, NULL};
  ds_table *table = ds_result_table(result, "series", "Sizes over time", columns, COLUMNS - first);
  if (table != NULL)
    table->pivot = pivot;
  return table;
}

ds_code ds_segment_put_series(const segment_asked *asked, const segment_state *state,
                              uint64_t min_n, ds_result *result, ds_error *err) {
  ds_table *table = table_make(asked, result);
  if (table == NULL)
    return no_memory(err);
  for (uint32_t g = 0; state != NULL && g < asked->groups; g++) {
    if (!ds_segment_shows(asked, state, g))
      continue;
    for (uint32_t p = 0; p < asked->points; p++)
      for (uint32_t s = 0; s < asked->count; s++) {
        const segment_row *row = &asked->rows[s];
        const segment_size size = ds_segment_size(asked, state, p, g, row, min_n);
        if (row->rule != DS_NONE)
          TRY(put_row(asked, &size, p, g, row, table, result, err));
      }
  }
  return DS_OK;
}
