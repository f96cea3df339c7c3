// SPDX-License-Identifier: Apache-2.0
// What the files of `retention` share: what was asked, and the one walk over a journey that
// counting and listing have in common. Private to question/. May use base/ to scan/.
#ifndef DS_QUESTION_RETENTION_H
#define DS_QUESTION_RETENTION_H

#include "question/breakdown.h"
#include "question/calendar.h"
#include "question/marks.h"

// Limits: so many periods after the first, brackets of them, and days of the curve of returns.
enum { DS_COHORTS_PERIODS_MAX = 400, DS_COHORTS_DAYS_MAX = 40000 };

// The rows of marks.
enum { DS_COHORTS_START, DS_COHORTS_AGAIN };

// What is asked; read-only while a scan runs. A cell is (group * cohorts + cohort) * width + slot,
// where slot `slots` holds the cohort's size. In mode unbounded slot n holds those whose last
// return was in period n, at most the last slot.
typedef struct ds_cohorts {
  const ds_request *request;
  ds_plan plan;
  ds_calendar calendar;           // from the first event to as_of
  uint32_t cohorts;               // so many of its first periods may have one
  const ds_expression *mark[2];   // DS_COHORTS_START, DS_COHORTS_AGAIN
  bool has_from, has_to;          // which starts make a cohort: [from_ms, to_ms)
  int64_t from_ms, to_ms;
  int64_t as_of_ms;
  bool unbounded;
  int64_t rolling_ms;             // length of a period counted from each one's start; 0: calendar
  uint32_t periods;               // the last period shown
  uint32_t slots;
  uint32_t slot_of[DS_COHORTS_PERIODS_MAX + 1]; // by period; DS_NONE: in no bracket
  uint32_t slot_first[DS_COHORTS_PERIODS_MAX + 1]; // by slot: its periods
  uint32_t slot_last[DS_COHORTS_PERIODS_MAX + 1];
  bool bracketed;
  ds_breakdown by;
  bool grouped;
  uint32_t cells;
  uint32_t days; // of the curve of returns
} ds_cohorts;

// One group's returns by whole days after the start: the first return of each, and how long those
// were seen who never returned.
typedef struct ds_returns {
  uint64_t *returned; // [groups][days]
  uint64_t *censored;
} ds_returns;

// The merged state of a scan.
typedef struct ds_cohorts_state {
  const ds_cohorts *asked;
  uint64_t *cell;
  ds_returns returns;
  ds_marks marks;
  uint32_t *group;
  uint32_t group_capacity;
} ds_cohorts_state;

// The row of the kernel table.
extern const ds_kernel ds_cohorts_kernel;

// Takes what a journey adds: `event` in `slot` (DS_NONE: its start, which makes it one of the
// cohort).
typedef ds_code (*ds_cohorts_take)(void *to, uint32_t cohort, uint32_t slot, uint32_t event,
                                     ds_error *err);

// Calls `take` for all that journey j adds, the start first, each slot once. *ret_start and
// *ret_first are the start and the first return, DS_NONE where there is none.
DS_CHECKED ds_code ds_cohorts_walk(const ds_cohorts *asked, const ds_marks *marks,
                                     const ds_block *block, uint32_t j, ds_cohorts_take take,
                                     void *to, uint32_t *ret_start, uint32_t *ret_first,
                                     ds_error *err);

// Reads options and expressions into a zeroed *asked: all but the calendar and the breakdown.
DS_CHECKED ds_code ds_cohorts_read(const ds_request *request, ds_cohorts *asked, ds_error *err);

// The name of a slot: "3", or "4-6" of a bracket, "4+" of the last one when nothing follows.
size_t ds_cohorts_slot_name(const ds_cohorts *asked, uint32_t slot, char out[32]);

// A table, which with --by begins with the group; a column "period" counts, or names brackets. NULL
// without memory.
ds_table *ds_cohorts_table(const ds_cohorts *asked, ds_result *result, const char *name,
                             const char *title, const ds_column *columns, uint32_t count);

// A row of it: the cell after the group's. NULL without memory.
ds_cell *ds_cohorts_row(const ds_cohorts *asked, uint32_t group, ds_result *result,
                          ds_table *table);

// Puts the tables "returns" and "again" (Kaplan and Meier's estimate) of each group.
DS_CHECKED ds_code ds_cohorts_put_returns(const ds_cohorts *asked,
                                            const ds_cohorts_state *state, uint64_t min_n,
                                            ds_result *result, ds_error *err);

// The whole day of the curve of returns in which a duration ends.
uint32_t ds_cohorts_day(const ds_cohorts *asked, int64_t duration_ms);

// Whether a slot of a cohort has begun for anybody by now, and whether it is over for all.
void ds_cohorts_slot_state(const ds_cohorts *asked, uint32_t cohort, uint32_t slot,
                           bool *ret_begun, bool *ret_complete);

// --list: the figures that can be listed, into *result; what one of them counted.
void ds_cohorts_listable(const ds_cohorts *asked, ds_result *result);
DS_CHECKED ds_code ds_cohorts_list(const ds_cohorts *asked, const char *text,
                                     ds_result *result, ds_error *err);

#endif
