// SPDX-License-Identifier: Apache-2.0
// --list, for every question: reading the cell whose figure is to be listed, and a second scan
// that collects the cases or events that the figure counted. Private to question/. May use base/
// to scan/. Invariant: entries come out by time, then customer, case and duration, whatever the
// order in which blocks were seen.
#ifndef DS_QUESTION_LIST_H
#define DS_QUESTION_LIST_H

#include "question/breakdown.h"
#include "question/question.h"

// Says in the result which figures of these tables can be listed; `by` (NULL: none) names the group
// of their rows.
void ds_list_offer(ds_result *result, const ds_figures *tables, uint32_t count,
                   const ds_breakdown *by);

// Leaves in the result's figures those of its tables and their columns alone. Asserts that the
// tables have the keys.
void ds_list_keep(ds_result *result);

// A figure: its table by its place among those offered, its column by that in the table, what names
// the row; data NULL where it is not given.
typedef struct ds_list_figure {
  uint32_t table;
  uint32_t column;
  uint32_t group; // of `by`
  ds_str key[DS_FIGURES_KEYS_MAX];
} ds_list_figure;

// Reads a cell, as "edges from=A to=B column=cases", of a figure that the result offers. A name or
// value may stand in single or double quotes, a quote within them is doubled. DS_USAGE says what
// could be written instead. Texts live as long as the cell and the request's arena.
DS_CHECKED ds_code ds_list_read(const ds_request *request, const char *text,
                                const ds_breakdown *by, const ds_result *offers,
                                ds_list_figure *ret_figure, ds_error *err);

// The items of a list as it stands in a cell of --list, joined by '>' with a space on both sides or
// none, a '>' within an item doubled; joined by DS_LIST_SEPARATOR, in the arena. Data NULL without
// memory.
ds_str ds_list_items(ds_str text, ds_arena *arena);

// The one of `names` that events are called.
DS_CHECKED ds_code ds_list_node(const ds_request *request, const ds_names *names, ds_str name,
                                uint32_t *ret_code, ds_error *err);

// The touchpoint, property or case key of that name, or DS_EXPRESSION with the nearest one.
DS_CHECKED ds_code ds_list_touchpoint(const ds_request *request, ds_str name, uint32_t *ret_code,
                                      ds_error *err);
DS_CHECKED ds_code ds_list_property(const ds_request *request, ds_str name, uint32_t *ret_code,
                                    ds_error *err);
DS_CHECKED ds_code ds_list_key(const ds_request *request, ds_str name, uint32_t *ret_code,
                               ds_error *err);

// The group of that label, or DS_USAGE.
DS_CHECKED ds_code ds_list_group(const ds_breakdown *by, ds_str label, uint32_t *ret_group,
                                 ds_error *err);

// What is being collected; private to list.c.
typedef struct ds_list ds_list;

// Adds event `event` of journey `journey` with the duration that the list shows beside it.
DS_CHECKED ds_code ds_list_add(ds_list *list, const ds_block *block, uint32_t journey,
                               uint32_t event, int64_t duration_ms, ds_error *err);

// The same with the text that stands as its case.
DS_CHECKED ds_code ds_list_add_named(ds_list *list, const ds_block *block, uint32_t journey,
                                     uint32_t event, ds_str name, int64_t duration_ms,
                                     ds_error *err);

// The thread's own memory of scratch_bytes, zeroed at first.
void *ds_list_scratch(ds_list *list);

// What a figure counts, as a row of functions over journeys.
typedef struct ds_list_plan {
  const ds_breakdown *by; // NULL: one group
  uint32_t group;
  const ds_column *duration; // the column beside each entry, NULL for none
  // Called with each block before its journeys; NULL: nothing to do.
  ds_code (*block)(const void *context, const ds_block *block, ds_list *list, ds_error *err);
  // Adds what of journey j the figure counted; `context` is read-only.
  ds_code (*journey)(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                     ds_error *err);
  const void *context;
  size_t scratch_bytes;
  void (*scratch_done)(void *scratch); // NULL: nothing to free
  bool touchpoints; // show what happened
  bool named;       // entries come with a case of their own
  bool once;        // a case is listed once, whosever it is: where it is earliest
} ds_list_plan;

// Scans `plan` (with time, touchpoint and subject besides) and puts the table "list" into *result.
// --limit keeps memory small unless --sort comes first.
DS_CHECKED ds_code ds_list_run(const ds_request *request, const ds_plan *plan,
                               const ds_list_plan *list, ds_result *result, ds_error *err);

#endif
