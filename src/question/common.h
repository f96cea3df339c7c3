// SPDX-License-Identifier: Apache-2.0
// What every question shares: reading options, the plan of its scan, sorting and cutting tables.
// Private to question/. May use base/ to scan/.
#ifndef DS_QUESTION_COMMON_H
#define DS_QUESTION_COMMON_H

#include "base/limits.h"
#include "question/question.h"

// A sample that finds windows for exact quantiles takes one of so many units of a scan: one of 64,
// and no more than 256 blocks in all. What a window keeps beside its quantile shrinks with the root
// of the sample: with 64 blocks in all, a thousand million events kept twice as much.
static inline uint32_t ds_sample_stride(uint64_t events) {
  const uint64_t stride = events / (256 * (uint64_t)DS_BLOCK_EVENTS);
  return stride < 64 ? 64 : (uint32_t)stride;
}

// Whether a flag was given.
bool ds_option_flag(const ds_option_set *set, const char *name);

// An option's value as a count of at least `least`; DS_USAGE names the option.
DS_CHECKED ds_code ds_option_count(const ds_option_set *set, const char *name, uint64_t least,
                                   uint64_t *ret_count, ds_error *err);

// An option's value as a share above 0 and up to 1; DS_USAGE names the option.
DS_CHECKED ds_code ds_option_share(const ds_option_set *set, const char *name, double *ret_share,
                                   ds_error *err);

// Refuses an expression, given by an option, that asks for a case key when journeys are cases: the
// keys are gone by then.
DS_CHECKED ds_code ds_question_check_keys(const ds_request *request,
                                          const ds_expression *expression, const char *option,
                                          ds_error *err);

// Adds an expression about cases to a plan, whose case key is set: those that meet it stay. NULL
// adds nothing.
DS_CHECKED ds_code ds_plan_cases(const ds_request *request, const char *text, ds_plan *plan,
                                 ds_error *err);

// The plan that the common options ask for (--case, --attach, --where, --cases, --from, --to,
// --range);
// the question adds its columns. Lives in the request's arena.
DS_CHECKED ds_code ds_question_plan(const ds_request *request, ds_plan *ret_plan, ds_error *err);

// The same for a question that goes through journeys: with the options of case_filters.h, and
// without the system's own facts.
DS_CHECKED ds_code ds_journey_plan(const ds_request *request, ds_plan *ret_plan, ds_error *err);

// Leaves the system's own facts out of a plan, but for touchpoints marked in `named` (by code;
// NULL: none) and those that --by speaks of; what the plan's --cases speaks of, it alone sees.
// Whatever chooses cases is in the plan by then.
DS_CHECKED ds_code ds_plan_leave_facts(const ds_request *request, const uint8_t *named,
                                       ds_plan *plan, ds_error *err);

// The same, but for touchpoints that the plan's --where or one of the expressions (NULL: none)
// speaks of.
DS_CHECKED ds_code ds_plan_leave_unnamed(const ds_request *request,
                                         const ds_expression *const *expressions, uint32_t count,
                                         ds_plan *plan, ds_error *err);

// The same, but for touchpoints that the plan's --where, an expression or a rule of a program
// (NULL: none) speaks of.
DS_CHECKED ds_code ds_plan_leave_unasked(const ds_request *request,
                                         const ds_expression *expression,
                                         const ds_case_program *program, ds_plan *plan,
                                         ds_error *err);

// Leaves facts of identity and of lists out of a plan.
DS_CHECKED ds_code ds_plan_leave_links(const ds_request *request, ds_plan *plan, ds_error *err);

// Says which of the store's own facts such a plan leaves out; those of identity and of lists go
// without saying.
void ds_question_note_facts(const ds_request *request, const ds_plan *plan, ds_result *result);

// Warns of every property of several types that the plan or its --where reads in some of them only.
DS_CHECKED ds_code ds_question_note_types(const ds_request *request, const ds_plan *plan,
                                          ds_result *result, ds_error *err);

// Sorts the rows of every table that has the column --sort names (numbers from the greatest, texts
// from the least; a '-' before the name turns that round; equal rows keep their order), then cuts
// tables to --limit rows and notes what that hides.
DS_CHECKED ds_code ds_question_arrange(const ds_request *request, ds_result *result,
                                       ds_error *err);

// Refuses options that a question cannot serve: DS_USAGE names the first one given.
DS_CHECKED ds_code ds_option_refuse(const ds_option_set *set, const char *question,
                                    const char *const *names, uint32_t count, ds_error *err);

// Adds every case key, and every property (by name), of the snapshot to the plan's columns.
DS_CHECKED ds_code ds_plan_all_keys(const ds_request *request, ds_plan *plan, ds_arena *arena,
                                    ds_error *err);
DS_CHECKED ds_code ds_plan_all_properties(const ds_request *request, ds_plan *plan,
                                          ds_arena *arena, ds_error *err);

// The instant that an option says; false when it is not given.
bool ds_question_time(const ds_request *request, const char *name, int64_t *ret_ms);

// The day of an instant in the request's zone, in days since 1970.
int64_t ds_question_day(const ds_request *request, int64_t time_ms);

// What each question is listed with in ds_questions.
extern const ds_option ds_process_options[];
extern const uint32_t ds_process_options_count;
ds_code ds_process_answer(const ds_request *request, ds_result *result, ds_error *err);
ds_code ds_process_sql(const ds_request *request, ds_buf *out, ds_error *err);
extern const ds_option ds_map_options[];
extern const uint32_t ds_map_options_count;
ds_code ds_map_answer(const ds_request *request, ds_result *result, ds_error *err);
ds_code ds_map_sql(const ds_request *request, ds_buf *out, ds_error *err);
extern const ds_option ds_variants_options[];
extern const uint32_t ds_variants_options_count;
ds_code ds_variants_answer(const ds_request *request, ds_result *result, ds_error *err);
ds_code ds_variants_sql(const ds_request *request, ds_buf *out, ds_error *err);
extern const ds_option ds_conformance_options[];
extern const uint32_t ds_conformance_options_count;
ds_code ds_conformance_answer(const ds_request *request, ds_result *result, ds_error *err);
ds_code ds_conformance_sql(const ds_request *request, ds_buf *out, ds_error *err);
extern const ds_option ds_delivery_options[]; // of insight/
extern const uint32_t ds_delivery_options_count;
ds_code ds_delivery_answer(const ds_request *request, ds_result *result, ds_error *err);
ds_code ds_delivery_sql(const ds_request *request, ds_buf *out, ds_error *err);
extern const ds_option ds_trend_options[];
extern const uint32_t ds_trend_options_count;
ds_code ds_trend_answer(const ds_request *request, ds_result *result, ds_error *err);
ds_code ds_trend_sql(const ds_request *request, ds_buf *out, ds_error *err);
extern const ds_option ds_funnel_options[];
extern const uint32_t ds_funnel_options_count;
ds_code ds_funnel_answer(const ds_request *request, ds_result *result, ds_error *err);
ds_code ds_funnel_sql(const ds_request *request, ds_buf *out, ds_error *err);
extern const ds_option ds_paths_options[];
extern const uint32_t ds_paths_options_count;
ds_code ds_paths_answer(const ds_request *request, ds_result *result, ds_error *err);
ds_code ds_paths_sql(const ds_request *request, ds_buf *out, ds_error *err);
extern const ds_option ds_retention_options[];
extern const uint32_t ds_retention_options_count;
ds_code ds_retention_answer(const ds_request *request, ds_result *result, ds_error *err);
ds_code ds_retention_sql(const ds_request *request, ds_buf *out, ds_error *err);
extern const ds_option ds_segment_options[];
extern const uint32_t ds_segment_options_count;
ds_code ds_segment_answer(const ds_request *request, ds_result *result, ds_error *err);
ds_code ds_segment_sql(const ds_request *request, ds_buf *out, ds_error *err);
extern const ds_option ds_features_options[];
extern const uint32_t ds_features_options_count;
ds_code ds_features_answer(const ds_request *request, ds_result *result, ds_error *err);
ds_code ds_features_sql(const ds_request *request, ds_buf *out, ds_error *err);
extern const ds_option ds_quality_options[];
extern const uint32_t ds_quality_options_count;
ds_code ds_quality_answer(const ds_request *request, ds_result *result, ds_error *err);
ds_code ds_quality_sql(const ds_request *request, ds_buf *out, ds_error *err);
ds_code ds_schema_answer(const ds_request *request, ds_result *result, ds_error *err);
ds_code ds_schema_sql(const ds_request *request, ds_buf *out, ds_error *err);
extern const ds_option ds_find_options[];
extern const uint32_t ds_find_options_count;
ds_code ds_find_answer(const ds_request *request, ds_result *result, ds_error *err);
ds_code ds_find_sql(const ds_request *request, ds_buf *out, ds_error *err);
extern const ds_option ds_timeline_options[];
extern const uint32_t ds_timeline_options_count;
ds_code ds_timeline_answer(const ds_request *request, ds_result *result, ds_error *err);
ds_code ds_timeline_sql(const ds_request *request, ds_buf *out, ds_error *err);

// The same of insight/, a floor above: the table alone knows them here.
extern const ds_option ds_tracking_options[];
extern const uint32_t ds_tracking_options_count;
ds_code ds_tracking_answer(const ds_request *request, ds_result *result, ds_error *err);
ds_code ds_tracking_sql(const ds_request *request, ds_buf *out, ds_error *err);

#endif
