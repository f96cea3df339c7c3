// SPDX-License-Identifier: Apache-2.0
// What the files of `delivery` share: what was asked, how one parcel is judged, the groups that
// parcels are told apart by, and the state of a scan. Private to insight/delivery*. May use base/
// to question/ and insight/parcel.h. Invariants: a figure counts exactly the parcels (or orders)
// whose bit is set, so that counting and listing have one rule; groups are numbered as they come,
// and no figure or order of rows depends on their numbers.
#ifndef DS_INSIGHT_DELIVERY_H
#define DS_INSIGHT_DELIVERY_H

#include "base/sum.h"
#include "insight/parcel.h"
#include "question/breakdown.h"
#include "question/property.h"
#include "question/tally.h"

// Limits: what groups are told apart by, how many groups there may be, and values of one of the
// former; a longer reason is cut.
enum { DELIVERY_DIMENSIONS_MAX = 3, DELIVERY_GROUPS_MAX = 4096, DELIVERY_VALUES_MAX = 65535,
       DELIVERY_REASON_BYTES = 64 };

// Which promise a delivery is held against, and what must be in time.
typedef enum delivery_against { DELIVERY_ORIGINAL, DELIVERY_CURRENT } delivery_against;
typedef enum delivery_arrival { DELIVERY_ATTEMPT, DELIVERY_HANDED_OVER } delivery_arrival;
enum { DELIVERY_BASES = 4 }; // against * 2 + arrival

// What parcels are counted as; a parcel may be several. The bases' three stand one after another.
typedef enum delivery_count {
  DELIVERY_SHIPPED,    // the carrier has, or had, it
  DELIVERY_ARRIVED,
  DELIVERY_PROMISED,   // arrived, and there was a promise
  DELIVERY_KEPT,
  DELIVERY_LATE,
  DELIVERY_EARLY,
  DELIVERY_OPEN,       // neither arrived nor called off, lost or sent back
  DELIVERY_OVERDUE,    // open, and its promise is past
  DELIVERY_TRIED,      // a first attempt was made
  DELIVERY_FIRST_TRY,  // and was enough
  DELIVERY_TROUBLED,   // some exception
  // What promises are learnt from, of orders whose day is known: those that came, those that are
  // open and were so for a whole day, those that will never come.
  DELIVERY_CAME, DELIVERY_WAITING, DELIVERY_NEVER,
  DELIVERY_DISORDER,   // its times contradict one another
  DELIVERY_STAGE_1,    // has the times of processing, pickup, transit, all of it
  DELIVERY_BASE_1 = DELIVERY_STAGE_1 + 4, // promised, kept, late, for each basis
  DELIVERY_COUNTS = DELIVERY_BASE_1 + 3 * DELIVERY_BASES
} delivery_count;

// Times that are measured: of a group the first two, of all five.
typedef enum delivery_time {
  DELIVERY_GAP, DELIVERY_CLICK, DELIVERY_PROCESSING, DELIVERY_PICKUP, DELIVERY_TRANSIT,
  DELIVERY_TIMES
} delivery_time;
enum { DELIVERY_TIMES_GROUP = 2 };

// Gaps may lie below zero, but no further than this: 10,000 years.
#define DELIVERY_ORIGIN_MS (10000 * 366 * DS_DAY_MS)

// What a parcel is judged to be. Times are DS_NEVER when there is none.
typedef struct delivery_parcel {
  uint64_t counts; // bits by delivery_count
  int64_t arrived_ms;
  int64_t time_ms[DELIVERY_TIMES];
  int64_t days_late;     // calendar days behind the promised one; below zero: before it
  int64_t days;          // calendar days from the order to the arrival, or that it was open for
  int64_t days_promised; // the same to the promised one; DS_NEVER: none
} delivery_parcel;

// What groups are told apart by.
typedef enum delivery_dimension_kind {
  DELIVERY_PROPERTY, DELIVERY_WEEKDAY, DELIVERY_WEEK, DELIVERY_MONTH
} delivery_dimension_kind;
typedef struct delivery_dimension {
  delivery_dimension_kind kind;
  const char *name;
  ds_property_ref property;
} delivery_dimension;

// A value that an order does not have.
#define DELIVERY_NO_VALUE 0xffffu

// The groups met so far: values of each dimension, and their combinations with the group of --by.
typedef struct delivery_groups {
  ds_names names[DELIVERY_DIMENSIONS_MAX];
  ds_map64 at;
  uint64_t key[DELIVERY_GROUPS_MAX]; // delivery_key of each
  uint32_t count;
} delivery_groups;

// A combination of values as one number; its parts: the group of --by, the value of a dimension.
static inline uint64_t delivery_key(uint32_t by, const uint32_t value[DELIVERY_DIMENSIONS_MAX]) {
  return (uint64_t)by << 48 | (uint64_t)value[0] << 32 | (uint64_t)value[1] << 16 | value[2];
}
static inline uint32_t delivery_key_by(uint64_t key) { return (uint32_t)(key >> 48); }
static inline uint32_t delivery_key_value(uint64_t key, uint32_t dimension) {
  return key >> (32 - 16 * dimension) & 0xffff;
}

// What is asked; read-only while a scan runs.
typedef struct delivery_asked {
  const ds_request *request;
  ds_plan plan; // without the period: that is applied to orders here
  bool has_period;
  ds_plan period;
  const ds_parcel_rules *rules;
  const ds_worktime *worktime; // that stages count; NULL: all time
  const char *promise; // its property, NULL for none
  bool by_day;         // gaps are of calendar days
  delivery_against against;
  delivery_arrival arrival;
  delivery_dimension dimension[DELIVERY_DIMENSIONS_MAX];
  uint32_t dimensions;
  ds_breakdown by;
  bool grouped;
  uint32_t bys; // groups of --by, 1 without
  bool has_score;
  const char *score_name;
  ds_property_ref score;
  bool has_reason;
  ds_property_ref reason;
  int64_t again_ms; // another order this soon after the arrival is a repeat order
  int64_t as_of_ms, as_of_day;
  uint64_t min_n;
  bool has_curve;
  const delivery_groups *known; // numbered alike in all threads; NULL: none
  size_t kept_bytes_max;
  const ds_tally_cell *windows;
  const ds_refine *refine; // a further pass: times only
} delivery_asked;

// Counts by whole days from 0 on.
typedef struct delivery_days {
  uint64_t *count;
  uint32_t size;
} delivery_days;

// What lies beyond is put there.
enum { DELIVERY_DAYS_MAX = 4000 };

// One group's counts.
typedef struct delivery_cell {
  uint64_t count[DELIVERY_COUNTS];
  delivery_days arrived;  // by days from the order
  delivery_days open;     // by whole days for which they were seen
  delivery_days promised; // by days from the order
} delivery_cell;

// How late orders were, in classes of days (docs/delivery.md).
enum { DELIVERY_CLASSES = 9, DELIVERY_CLASS_DAY = 3 };
typedef struct delivery_class {
  uint64_t orders;
  uint64_t scored;
  ds_dd score, score_square;
  uint64_t watched; // long enough to see another order
  uint64_t again;
} delivery_class;

// Sums for a straight line of y over x, the days late of an order.
typedef struct delivery_line {
  uint64_t n, x, xx;
  ds_dd y, xy, yy;
} delivery_line;

// What became of late orders: of one group of --by.
enum { DELIVERY_LINES = 2 }; // of the score, and of repeat orders
typedef struct delivery_after {
  delivery_class class[DELIVERY_CLASSES];
  delivery_line line[DELIVERY_LINES];
} delivery_after;

// One order of a block, as far as orders after it and before it matter.
typedef struct delivery_order {
  int64_t placed_ms;  // DS_NEVER: not known
  int64_t arrived_ms; // the last of its parcels; DS_NEVER unless all did
  int64_t days_late;  // of the latest; DS_NEVER without promise
  double score;       // NaN without one
  bool chosen;        // by the period
  bool counted;       // it arrived and had a promise
  bool watched;       // and long enough ago to tell whether another followed
  bool again;         // which one did
} delivery_order;

// Parcels that met an exception for a reason.
typedef struct delivery_trouble {
  uint64_t parcels;
  uint64_t shipped; // of them
  uint64_t late;    // of them
} delivery_trouble;

// A state: of one thread, or merged.
typedef struct delivery_state {
  const delivery_asked *asked;
  ds_parcel_fold *fold;
  delivery_groups groups;
  delivery_cell *cell; // by group
  uint32_t cells_capacity;
  ds_names reasons;    // by status, reason and group of --by, as one text
  delivery_trouble *troubles; // by reason
  uint32_t troubles_capacity;
  delivery_after *after; // by group of --by
  ds_tally tally;
  delivery_order *order; // of the block's journeys
  int64_t *placed;       // of one customer's orders, ascending
  delivery_parcel *judged; // of the order folded last
  uint32_t judged_capacity;
  uint32_t orders_capacity;
  uint32_t *by;
  uint32_t by_capacity;
  uint64_t unplaced; // scans that name none of several parcels
  uint64_t unread;   // promises whose hours cannot be read
} delivery_state;

// The row of the kernel table; its context is a delivery_asked.
extern const ds_kernel ds_delivery_kernel;

// Where the tally has a time of a group, or of all of a group of --by.
static inline uint32_t delivery_tally_group(uint32_t group, delivery_time time) {
  return group * DELIVERY_TIMES_GROUP + (uint32_t)time;
}
static inline uint32_t delivery_tally_by(uint32_t by, delivery_time time) {
  return DELIVERY_GROUPS_MAX * DELIVERY_TIMES_GROUP + by * DELIVERY_TIMES + (uint32_t)time;
}

// Whether the period chooses journey j.
bool ds_delivery_chosen(const delivery_asked *asked, const ds_block *block, uint32_t j);

// Judges parcel p of an order.
void ds_delivery_judge(const delivery_asked *asked, const ds_parcels *parcels, uint32_t p,
                       delivery_parcel *ret_judged);

// The group of journey j's parcels, made when it is new. DS_LIMIT past DELIVERY_GROUPS_MAX.
DS_CHECKED ds_code ds_delivery_group(const delivery_asked *asked, delivery_groups *groups,
                                     const ds_block *block, uint32_t j, int64_t placed_ms,
                                     uint32_t by, uint32_t *ret_group, ds_error *err);

// Empty groups, or those of `known` (unless NULL) with their numbers; done also takes zeroed ones.
DS_CHECKED ds_code ds_delivery_groups_init(delivery_groups *groups, const delivery_groups *known,
                                           ds_error *err);
void ds_delivery_groups_done(delivery_groups *groups);

// The numbers in `into` of the groups of `from`, made when they are new.
DS_CHECKED ds_code ds_delivery_groups_merge(delivery_groups *into, const delivery_groups *from,
                                            uint32_t number[DELIVERY_GROUPS_MAX], ds_error *err);

// Writes a group's values, or the first `dimensions` of them, joined by DS_LIST_SEPARATOR.
void ds_delivery_group_name(const delivery_asked *asked, const delivery_groups *groups,
                            uint64_t key, uint32_t dimensions, ds_buf *out);

// What the event says why, empty when it does not; whose fault that is.
ds_str ds_delivery_reason(const delivery_asked *asked, const ds_block *block, uint32_t event);
const char *ds_delivery_fault(ds_str reason);

// Whether an exception of the order repeats one of the same parcel, status and reason.
bool ds_delivery_told_before(const delivery_asked *asked, const ds_block *block,
                             const ds_parcels *parcels, uint32_t exception);

// The class of an order so many days late.
uint32_t ds_delivery_class_of(int64_t days_late);
extern const char *const ds_delivery_class_names[DELIVERY_CLASSES];

// Begins a block; folds an order of it, judging its parcels into state->judged, and noting it in
// state->order[j], which is not chosen when there is nothing to judge. Once all of the block are
// folded, says of them what followed.
DS_CHECKED ds_code ds_delivery_begin(delivery_state *state, const ds_block *block, ds_error *err);
DS_CHECKED ds_code ds_delivery_fold(delivery_state *state, const ds_block *block, uint32_t j,
                                    ds_parcels *ret_parcels, ds_error *err);
void ds_delivery_follow(delivery_state *state, const ds_block *block);

// For how many of 100 a promise is to be kept; of how many arrivals one is learnt.
enum { DELIVERY_LEVELS = 3, DELIVERY_LEARNT_MIN = 10 };

// What is known after a scan: its state, the quantiles of its tally, and for each group its place
// by name, so that equal rows have an order.
typedef struct delivery_found {
  const delivery_asked *asked;
  const delivery_state *state;
  const double *quantile; // NULL: none
  uint32_t *rank;
} delivery_found;

// Puts the tables "promises" and, when asked, "curve"; those of counts and times; those of what
// followed.
DS_CHECKED ds_code ds_delivery_put_promises(const delivery_found *found, ds_result *result,
                                            ds_error *err);
DS_CHECKED ds_code ds_delivery_put_overall(const delivery_found *found, ds_result *result,
                                           ds_error *err);
DS_CHECKED ds_code ds_delivery_put_groups(const delivery_found *found, ds_result *result,
                                          ds_error *err);
DS_CHECKED ds_code ds_delivery_put_bases(const delivery_found *found, ds_result *result,
                                         ds_error *err);
DS_CHECKED ds_code ds_delivery_put_stages(const delivery_found *found, ds_result *result,
                                          ds_error *err);
DS_CHECKED ds_code ds_delivery_put_exceptions(const delivery_found *found, ds_result *result,
                                              ds_error *err);
DS_CHECKED ds_code ds_delivery_put_after(const delivery_found *found, ds_result *result,
                                         ds_error *err);

// A table, which with --by begins with its group; a row of it: the cell after that one. NULL
// without memory.
ds_table *ds_delivery_table(const delivery_asked *asked, ds_result *result, const char *name,
                            const char *title, const ds_column *columns, uint32_t count);
ds_cell *ds_delivery_row(const delivery_asked *asked, uint32_t by, ds_result *result,
                         ds_table *table);

// Puts a share and, behind it or where `bounds` says, its interval; nothing for fewer than min_n.
void ds_delivery_put_share(const delivery_asked *asked, uint64_t hits, uint64_t n, ds_cell *share,
                           ds_cell *bounds);

// The quantile of counts by days, type 7; false when there are none.
bool ds_delivery_days_quantile(const delivery_days *days, uint32_t numerator,
                               uint32_t denominator, double *ret_days);

// --list: the figures that can be listed, into *result; what one of them counted.
void ds_delivery_listable(const delivery_asked *asked, ds_result *result);
DS_CHECKED ds_code ds_delivery_list(const delivery_asked *asked, const char *text,
                                    ds_result *result, ds_error *err);

// Reads the options into a zeroed *asked: all but the breakdown.
DS_CHECKED ds_code ds_delivery_read(const ds_request *request, delivery_asked *asked,
                                    ds_error *err);

#endif
