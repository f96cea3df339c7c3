// SPDX-License-Identifier: Apache-2.0
// Options that choose cases by what happens in them: each is a condition on a case of the journey
// language with the option's text in it, so there is one path by which cases are chosen, that of
// --cases. Private to question/. May use base/ to scan/.
#ifndef DS_QUESTION_CASE_FILTERS_H
#define DS_QUESTION_CASE_FILTERS_H

#include "question/question.h"

// Rows of the option table of a question about journeys, and how many they are.
#define DS_CASE_FILTERS                                                                         \
  {"starts-with", DS_OPTION_EXPRESSION, "S", "", NULL, "cases whose first event is an S"},      \
  {"ends-with", DS_OPTION_EXPRESSION, "S", "", NULL, "cases whose last event so far is an S"},  \
  {"follows", DS_OPTION_EXPRESSION, "PATTERN", "", NULL,                                        \
   "cases that go this way: 'A then immediately B' is an edge, see docs/language.md"},          \
  {"avoids", DS_OPTION_EXPRESSION, "PATTERN", "", NULL, "cases that do not go this way"},       \
  {"closed", DS_OPTION_EXPRESSION, "S", "", NULL, "cases that S has closed: it has happened"},  \
  {"open", DS_OPTION_EXPRESSION, "S", "", NULL, "cases that no S has closed so far"},           \
  {"min-duration", DS_OPTION_TEXT, "D", "", NULL,                                         \
   "cases of at least 3d, say, from first to last event"},                                      \
  {"max-duration", DS_OPTION_TEXT, "D", "", NULL, "cases of at most so long"}

// How many rows these are.
enum { DS_CASE_FILTERS_COUNT = 8 };

// Whether one of them is given.
bool ds_case_filters_given(const ds_option_set *options);

// Adds those that are given to a plan, whose case key is set. DS_EXPRESSION begins with the option
// ("--follows: …") and has the position in its text.
DS_CHECKED ds_code ds_case_filters_add(const ds_request *request, ds_plan *plan, ds_error *err);

#endif
