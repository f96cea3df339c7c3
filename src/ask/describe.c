// SPDX-License-Identifier: Apache-2.0
#include "ask/describe.h"

#include <assert.h>

#include "lang/case.h"
#include "lang/expression.h"
#include "lang/words.h"
#include "question/question.h"

static void text_member(ds_json *json, const char *name, ds_str text) {
  ds_json_key(json, name);
  ds_json_text(json, text);
}

static const char *const type_names[] = {
    [DS_OPTION_TEXT] = "text",           [DS_OPTION_FLAG] = "flag",
    [DS_OPTION_COUNT] = "count",         [DS_OPTION_SHARE] = "share",
    [DS_OPTION_TIME] = "time",           [DS_OPTION_EXPRESSION] = "expression",
    [DS_OPTION_NAME] = "name",           [DS_OPTION_CHOICE] = "choice",
    [DS_OPTION_FILES] = "files",         [DS_OPTION_ARGUMENT] = "argument",
    [DS_OPTION_ARGUMENTS] = "arguments", [DS_OPTION_TEXTS] = "text",
};

static void choices_member(ds_json *json, const char *choices) {
  ds_json_key(json, "choices");
  ds_json_begin_array(json);
  for (const char *at = choices; at != NULL && *at != '\0';) {
    const size_t size = strcspn(at, "|");
    ds_json_text(json, (ds_str){at, (uint32_t)size});
    at += size + (at[size] == '|');
  }
  ds_json_end_array(json);
}

static void options_value(ds_json *json, const ds_option *options, uint32_t count) {
  ds_json_begin_array(json);
  for (uint32_t i = 0; i < count; i++) {
    const ds_option *option = &options[i];
    const bool several = option->type == DS_OPTION_ARGUMENTS;
    // Nobody's values in clear but where the keys are.
    if (strcmp(option->name, "personal") == 0)
      continue;
    ds_json_begin_object(json);
    text_member(json, "name", ds_str_of(option->name));
    text_member(json, "type", ds_str_of(type_names[option->type]));
    text_member(json, "argument", ds_str_of(option->argument));
    text_member(json, "preset", ds_str_of(option->preset == NULL ? "" : option->preset));
    choices_member(json, option->choices);
    text_member(json, "help", ds_str_of(option->help));
    ds_json_key(json, "positional");
    ds_json_bool(json, several || option->type == DS_OPTION_ARGUMENT);
    ds_json_key(json, "repeated");
    ds_json_bool(json, several || option->type == DS_OPTION_TEXTS);
    ds_json_end_object(json);
  }
  ds_json_end_array(json);
}

void ds_describe_questions(ds_json *json) {
  static_assert(sizeof type_names / sizeof *type_names == DS_OPTION_ARGUMENTS + 1, "all types");
  ds_json_begin_object(json);
  ds_json_key(json, "questions");
  ds_json_begin_array(json);
  for (uint32_t q = 0; q < ds_questions_count; q++) {
    const ds_question *question = &ds_questions[q];
    ds_json_begin_object(json);
    text_member(json, "name", ds_str_of(question->name));
    text_member(json, "purpose", ds_str_of(question->purpose));
    text_member(json, "example", ds_str_of(question->example));
    ds_json_key(json, "options");
    options_value(json, question->options, question->options_count);
    ds_json_end_object(json);
  }
  ds_json_end_array(json);
  ds_json_key(json, "common_options");
  options_value(json, ds_common_options, ds_common_options_count);
  ds_json_end_object(json);
}

static void put_word(ds_json *json, const ds_language_word *word) {
  ds_json_begin_object(json);
  text_member(json, "name", ds_str_of(word->name));
  text_member(json, "kind", ds_str_of(word->kind));
  text_member(json, "where", ds_str_of(word->where));
  text_member(json, "usage", ds_str_of(word->usage));
  text_member(json, "meaning", ds_str_of(word->meaning));
  ds_json_end_object(json);
}

// Functions of one kind, by a function that gives them one by one.
static void put_functions(ds_json *json, ds_function_help (*at)(uint32_t), const char *where) {
  for (uint32_t i = 0;; i++) {
    const ds_function_help help = at(i);
    if (help.name == NULL)
      return;
    put_word(json, &(ds_language_word){help.name, "function", where, help.usage, help.meaning});
  }
}

void ds_describe_language(ds_json *json) {
  ds_json_begin_object(json);
  ds_json_key(json, "words");
  ds_json_begin_array(json);
  put_functions(json, ds_function_help_at, "event");
  put_functions(json, ds_case_form_help_at, "case");
  for (uint32_t w = 0; w < ds_language_words_count; w++)
    put_word(json, &ds_language_words[w]);
  ds_json_end_array(json);
  ds_json_end_object(json);
}
