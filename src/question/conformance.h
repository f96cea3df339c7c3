// SPDX-License-Identifier: Apache-2.0
// What `conformance` shares between its files: what is asked, and the reader that says how one case
// deviates from the pattern. Private to question/. May use base/ to scan/. One reader is one
// thread's. Invariant: cases that look alike to the pattern are aligned once; a deviation depends
// on the case alone.
#ifndef DS_QUESTION_CONFORMANCE_H
#define DS_QUESTION_CONFORMANCE_H

#include "base/sum.h"
#include "question/breakdown.h"
#include "question/conformance_align.h"
#include "question/marks.h"
#include "question/property.h"
#include "question/question.h"
#include "question/variants_filter.h"

// Kinds of deviations, in the order in which they are told.
typedef enum ds_deviation_kind {
  DS_SKIPPED,  // a step of the path that no event took
  DS_INSERTED, // an event that is no step
  DS_WRONG,    // a skipped step and an inserted event that means it
  DS_LATE,     // a bound of time that is exceeded
  DS_DEVIATION_KINDS
} ds_deviation_kind;

// One deviation of a case: the step as written (of DS_LATE one more: the whole), of DS_INSERTED the
// touchpoint; and the event where it is seen: of a skipped step the next one, or the last.
typedef struct ds_deviation {
  ds_deviation_kind kind;
  uint32_t what;
  uint32_t event; // of the block
} ds_deviation;

// The question.
typedef struct ds_conformance {
  const ds_request *request;
  ds_plan plan;
  const ds_pattern *pattern;
  uint64_t means[DS_PATTERN_STATES]; // by selector: bits of its states
  ds_str step_text[DS_PATTERN_STATES];
  bool inserts;     // events that no step means are inserted
  bool strict;      // where a free event lies matters
  bool pure;        // the touchpoint alone says which steps an event can be
  uint32_t touchpoints;
  uint64_t *states; // pure: by touchpoint
  uint32_t shortest; // events of the shortest run
  bool has_outcome;
  ds_property_ref outcome;
  uint64_t min_n;
  bool grouped;
  ds_breakdown by;
  ds_nodes nodes; // of the variants
  variants_filter filter;
} ds_conformance;

// What is counted of the cases of one group: all, those that fit, those of a kind of deviation, and
// those of each deviation.
enum { DS_CELL_ALL, DS_CELL_FITS, DS_CELL_KINDS, DS_CELL_DEVIATIONS = DS_CELL_KINDS +
                                                                       DS_DEVIATION_KINDS };
typedef struct ds_conformance_cell {
  uint64_t cases;
  uint64_t occurrences;
  uint64_t last_case; // of the thread, to count each once
  ds_dd outcome;      // sum
  uint64_t outcome_n;
} ds_conformance_cell;

// How many cells a group has, and that of a deviation among them.
uint32_t ds_conformance_cells(const ds_conformance *asked);
uint32_t ds_conformance_cell_of(const ds_conformance *asked, ds_deviation_kind kind,
                                uint32_t what);

typedef struct ds_conformance_reader ds_conformance_reader;

// The caller frees, also after a failure. NULL is fine.
DS_CHECKED ds_code ds_conformance_reader_new(const ds_conformance *asked,
                                             ds_conformance_reader **ret_reader, ds_error *err);
void ds_conformance_reader_free(ds_conformance_reader *reader);

// Takes a block.
DS_CHECKED ds_code ds_conformance_begin(ds_conformance_reader *reader, const ds_block *block,
                                        ds_error *err);

// How one journey of the block deviates.
typedef struct ds_conformance_case {
  bool too_long; // and nothing else is said
  uint32_t cost;
  uint32_t events; // looked at
  const ds_deviation *deviation; // valid until the next call
  uint32_t deviations;
} ds_conformance_case;
DS_CHECKED ds_code ds_conformance_read(ds_conformance_reader *reader, const ds_block *block,
                                       uint32_t journey, ds_conformance_case *ret_case,
                                       ds_error *err);

// The merged counts of a scan.
typedef struct ds_conformance_state {
  const ds_conformance *asked;
  ds_conformance_reader *reader;
  ds_conformance_cell *cell; // [group][cell]
  ds_dd *fitness;            // by group: sum
  uint64_t *too_long;        // by group
  uint64_t cases;            // of the thread
  uint32_t *group;
  uint32_t group_capacity;
} ds_conformance_state;
extern const ds_kernel ds_conformance_kernel;

// Says in *result which figures can be listed; lists into it what `cell` names.
void ds_conformance_listable(const ds_conformance *asked, ds_result *result);
DS_CHECKED ds_code ds_conformance_list(const ds_conformance *asked, const char *cell,
                                       ds_result *result, ds_error *err);

// The name of a kind: "wrong_order".
const char *ds_deviation_kind_name(ds_deviation_kind kind);

#endif
