// SPDX-License-Identifier: Apache-2.0
// The question table: name, purpose, options, function, SQL text. Command line, HTTP API and docs
// are read from it: a new question is one file and one row. May use base/ to scan/, never
// ingest/, live/ or server/.
#ifndef DS_QUESTION_QUESTION_H
#define DS_QUESTION_QUESTION_H

#include "model/annotation.h"
#include "model/catalogue.h"
#include "model/instants.h"
#include "model/result.h"
#include "model/time.h"
#include "model/tracking.h"
#include "scan/scan.h"
#include "scan/unseal.h"

// How an option's value is read and shown in help.
typedef enum ds_option_type {
  DS_OPTION_TEXT, DS_OPTION_FLAG, DS_OPTION_COUNT, DS_OPTION_SHARE, DS_OPTION_TIME,
  DS_OPTION_EXPRESSION, DS_OPTION_NAME, DS_OPTION_CHOICE,
  DS_OPTION_TEXTS,   // a text; may be given several times
  DS_OPTION_FILES,   // names of files, as many as follow
  DS_OPTION_ARGUMENT, // text, on the command line a word without dashes
  DS_OPTION_ARGUMENTS // an expression a line, on the command line words without dashes
} ds_option_type;

// One option of a command or question: "--case KEY".
typedef struct ds_option {
  const char *name;     // without dashes
  ds_option_type type;
  const char *argument; // shown in help: "KEY", "" for a flag
  const char *preset;   // default as text, "" = none
  const char *choices;  // "a|b|c" for CHOICE
  const char *help;     // one line
} ds_option;

// Option values as given, by name; NULL text = not given. The question's own presets stand for what
// is not given; running a question sets it.
typedef struct ds_option_set {
  const ds_option_value *values;
  uint32_t count;
  const struct ds_question *question;
} ds_option_set;

// Who is in lists, as far as a request has asked; empty at first, in the arena. Used by one thread.
typedef struct ds_members ds_members;
DS_CHECKED ds_code ds_members_new(ds_arena *arena, ds_members **ret_members, ds_error *err);

// What a question runs on.
typedef struct ds_request {
  const ds_snapshot *snapshot;
  ds_option_set options;
  const ds_catalogue *catalogue; // of the store's touchpoints; NULL = the shipped one
  const ds_zone *zone;           // of days, weeks and months; NULL = UTC
  const char *zone_name;         // its name; NULL = UTC
  const ds_annotation *annotations; // dated notes, by day
  uint32_t annotations_count;
  const ds_segment *segments;    // what segment('name') means; NULL = the shipped ones
  uint32_t segments_count;
  const char *const *lists;      // names of the store's lists of customers
  uint32_t lists_count;
  ds_members *members;           // who is in them; NULL when there are none
  int64_t now_ms;       // the clock, for as_of
  int64_t as_of_ms;     // the instant that the answer is about; running a question sets it
  uint32_t threads;
  size_t memory_bytes;
  ds_progress *progress;
  ds_arena *arena;      // owns the result
  // Takes the rows of `features` as they are made, a table of some at a time, which lives until it
  // returns; NULL: they go into the result.
  ds_code (*take)(void *to, const ds_table *rows, ds_error *err);
  void *take_to;
  // Lets the plan have virtual touchpoints, for --derive (insight/derive.h); NULL: it cannot.
  ds_code (*derive)(const struct ds_request *request, ds_plan *plan, ds_error *err);
  const ds_instants *instants; // of `features --at FILE.csv`; NULL: no file was read
  const ds_work_calendars *calendars; // named working hours; NULL: there are none
  const ds_tracking_limits *tracking; // what silence and lateness mean; NULL = the defaults
  ds_unsealer *unsealer; // of personal values that are asked for; NULL: they stay sealed
} ds_request;

// One question: a row of the table.
typedef struct ds_question {
  const char *name;
  const char *purpose;  // one line
  const char *example;  // a command line
  const ds_option *options; // beyond the common ones
  uint32_t options_count;
  // Answers into *result (initialised by the caller).
  ds_code (*answer)(const ds_request *request, ds_result *result, ds_error *err);
  // The question as SQL (DuckDB) over events(customer, time, arrival, …, touchpoint, keys,
  // properties).
  ds_code (*sql)(const ds_request *request, ds_buf *out, ds_error *err);
  bool counts_future; // without --as-of it counts events that lie in the future too
} ds_question;

// The questions, and the options that every question takes (--case, --where, --from, --to, --range,
// --by, --top, --list, --limit, --sort).
extern const ds_question ds_questions[];
extern const uint32_t ds_questions_count;
extern const ds_option ds_common_options[];
extern const uint32_t ds_common_options_count;

// The question of a name, or NULL.
const ds_question *ds_question_find(ds_str name);

// Option o of a question: the common ones come first, then its own; NULL behind the last.
const ds_option *ds_question_option_at(const ds_question *question, uint32_t o);

// The option of a name. DS_USAGE says the nearest.
DS_CHECKED ds_code ds_question_option(const ds_question *question, const char *name,
                                      const ds_option **ret_option, ds_error *err);

// The text given for an option, or its preset, or NULL; an empty text is none.
const char *ds_option_get(const ds_option_set *set, const char *name);

// The plan of a scan that chooses as questions do: by the options --case, --attach, --where,
// --cases, --from, --to and --range, which are checked. `name` is what messages call the asker.
// Lives in the request's arena; its columns are the caller's business.
DS_CHECKED ds_code ds_question_select(const ds_request *request, const char *name,
                                      ds_plan *ret_plan, ds_error *err);

// The request over what --as-of, or else the clock, and --known-at leave of its snapshot; *view
// holds that when it is not all. The caller looks ahead again, which gives it back.
DS_CHECKED ds_code ds_question_look_back(const ds_question *question, const ds_request *request,
                                         ds_request *ret_asked, ds_snapshot *view,
                                         ds_error *err);
void ds_question_look_ahead(const ds_request *request, const ds_request *asked);

// What the request's expressions are read with; in its arena.
DS_CHECKED ds_code ds_question_schema(const ds_request *request, ds_schema *ret_schema,
                                      ds_error *err);

// The customers who meet a condition at the request's instant, --as-of; in its arena.
DS_CHECKED ds_code ds_members_meeting(const ds_request *request, const char *condition,
                                      ds_customers *ret_customers, uint64_t *ret_count,
                                      int64_t *ret_as_of_ms, ds_error *err);

// Writes the question as SQL over the table that ds_question names. DS_UNSUPPORTED: it has no such
// form with these options.
DS_CHECKED ds_code ds_question_sql(const ds_question *question, const ds_request *request,
                                   ds_buf *out, ds_error *err);

// Checks options, fills the common part of the result (as_of, options, warnings) and runs the
// question. DS_USAGE for an unknown or unreadable option, DS_EXPRESSION with a position.
DS_CHECKED ds_code ds_question_run(const ds_question *question, const ds_request *request,
                                   ds_result *result, ds_error *err);

#endif
