// SPDX-License-Identifier: Apache-2.0
// The journey language, level 3 (docs/language.md): expressions about a case, a customer's timeline
// or one order of it, at an instant `now`: `count(order_placed, last 365d) >= 2`. Several of them
// make a program, which is evaluated over blocks of whole journeys in one pass. What is seen is
// time <= now; events received too late are no part of the block. May use base/, model/. A program
// never changes once its last expression was added, and serves any number of threads.
#ifndef DS_LANG_CASE_H
#define DS_LANG_CASE_H

#include "lang/expression.h"

typedef struct ds_case_program ds_case_program;

// An empty program in `arena`; the schema's space must outlive it.
DS_CHECKED ds_code ds_case_program_new(const ds_schema *schema, ds_arena *arena,
                                       ds_case_program **ret_program, ds_error *err);

// Adds an expression of any type; *ret_rule is its number, from 0 on. DS_EXPRESSION with the
// position and what to write instead, DS_LIMIT past 64 KiB, 200 levels or the size of patterns,
// DS_UNSUPPORTED for what the store has no data for. After a failure the program is of no use.
DS_CHECKED ds_code ds_case_program_add(ds_case_program *program, ds_str text, uint32_t *ret_rule,
                                       ds_error *err);

// The same for one that must be a condition.
DS_CHECKED ds_code ds_case_program_add_condition(ds_case_program *program, ds_str text,
                                                 uint32_t *ret_rule, ds_error *err);

// How many rules there are, and the type of one.
uint32_t ds_case_program_rules(const ds_case_program *program);
ds_type ds_case_rule_type(const ds_case_program *program, uint32_t rule);

// Whether it can be asked of journeys that are cases already, which have no cases within them, no
// case keys and no consents. DS_UNSUPPORTED says what it asks of them.
DS_CHECKED ds_code ds_case_program_check_cases(const ds_case_program *program, ds_error *err);

// Whether it asks who is in lists, which have no past.
bool ds_case_program_reads_lists(const ds_case_program *program);

// Which columns it reads, as ds_expression_columns.
DS_CHECKED ds_code ds_case_program_columns(const ds_case_program *program, ds_columns *columns,
                                           ds_arena *arena, ds_error *err);

// Whether no rule looks at times, but to leave out events later than now: such a program may be
// asked of blocks without time_ms, too, of which every event is seen.
bool ds_case_program_timeless(const ds_case_program *program);

// Marks the touchpoints (by code of the space) of which an event can change what the rule gives.
void ds_case_rule_touchpoints(const ds_case_program *program, uint32_t rule, uint8_t *marks);

// The names that a rule reads, as ds_expression_reads.
DS_CHECKED ds_code ds_case_rule_reads(const ds_case_program *program, uint32_t rule,
                                      ds_arena *arena, const ds_read_name **ret_names,
                                      uint32_t *ret_count, ds_error *err);

// What a rule asks of a case: "count(order_placed, last 365d)" is a number. Lives in the program.
typedef struct ds_case_part {
  ds_str text;
  ds_type type;
} ds_case_part;

// The parts of a rule, each once, those within any_case() left out; `part` from 0 on, false past
// the last.
bool ds_case_rule_part(const ds_case_program *program, uint32_t rule, uint32_t part,
                       ds_case_part *ret_part);

// Whether what the rule gives can change without a new event.
bool ds_case_rule_moves(const ds_case_program *program, uint32_t rule);

// The program as SQL (DuckDB) at `now_ms` over the table `source`(customer, of_case, and the
// columns that ds_expression_sql names), behind a WITH that has begun: ", so_far AS (…), …, facts0
// AS (…)"; facts0 has customer, of_case and what rules speak of, for every case that has begun.
// With `at`, else NULL, each case at each instant of such an event until `now_ms`, of what had
// happened and been received by then: facts0 has the instant in ms as of_now. The source must have
// no column of_item or of_now. DS_UNSUPPORTED "no SQL form: ...".
DS_CHECKED ds_code ds_case_sql(const ds_case_program *program, int64_t now_ms,
                               const ds_expression *at, const char *source, ds_buf *out,
                               ds_error *err);

// A rule as SQL over facts0.
DS_CHECKED ds_code ds_case_rule_sql(const ds_case_program *program, uint32_t rule, ds_buf *out,
                                    ds_error *err);

// What one thread evaluates with, for blocks decoded with `columns`. The caller frees; NULL is
// fine.
typedef struct ds_case_evaluator ds_case_evaluator;
DS_CHECKED ds_code ds_case_evaluator_new(const ds_case_program *program, const ds_columns *columns,
                                         ds_case_evaluator **ret_evaluator, ds_error *err);
void ds_case_evaluator_free(ds_case_evaluator *evaluator);

// Takes a block, which must stay until the next one or the end.
DS_CHECKED ds_code ds_case_begin(ds_case_evaluator *evaluator, const ds_block *block,
                                 ds_error *err);

// Values of a rule over journeys: `present` and, of a condition, `yes` have one bit per journey,
// values stand at the journey's index (a condition's are in `yes` alone). Valid until the
// evaluator's next call, texts as long as the block.
typedef struct ds_case_values {
  ds_type type;
  const uint64_t *present;
  const uint64_t *yes;    // BOOL
  const double *number;   // NUMBER
  const int64_t *i;       // TIME, DATE, DURATION
  const ds_str *text;     // STRING
} ds_case_values;

// All rules over all journeys of the block at `now_ms`; *ret_values has an entry per rule.
DS_CHECKED ds_code ds_case_evaluate(ds_case_evaluator *evaluator, int64_t now_ms,
                                    const ds_case_values **ret_values, ds_error *err);

// All rules for one journey of the block, which is entry 0 of the values.
DS_CHECKED ds_code ds_case_evaluate_at(ds_case_evaluator *evaluator, uint32_t journey,
                                       int64_t now_ms, const ds_case_values **ret_values,
                                       ds_error *err);

// One rule for one journey of the block at `now_ms`, and the earliest instant after it at which
// the value is another without a new event: INT64_MAX when there is none. Where a clock's reading
// makes that hard to tell it may be too early, never too late.
DS_CHECKED ds_code ds_case_evaluate_one(ds_case_evaluator *evaluator, uint32_t rule,
                                        uint32_t journey, int64_t now_ms, ds_value *ret_value,
                                        int64_t *ret_next_change_ms, ds_error *err);

// What can be asked of a case, for manuals and messages; `index` from 0 on, NULL name past the
// last.
ds_function_help ds_case_form_help_at(uint32_t index);

#endif
