// SPDX-License-Identifier: Apache-2.0
// Which option an error is about.
#include "ask/ask.h"

// The length of the name with which a message begins, "--NAME" and no letter more; 0 for none.
static size_t named(const char *message) {
  return strncmp(message, "--", 2) != 0 ? 0 : strspn(message + 2, "abcdefghijklmnopqrstuvwxyz-");
}

static const char *text_of(const ds_option_value *given, uint32_t count, const char *name) {
  for (uint32_t i = count; i-- > 0;)
    if (strcmp(given[i].name, name) == 0)
      return given[i].text;
  return NULL;
}

// Errors of one argument of several begin with its number.
static bool is_numbered(const char *message) {
  static const char *const words[] = {"step ", "condition ", "feature "};
  for (size_t w = 0; w < sizeof words / sizeof *words; w++)
    if (strncmp(message, words[w], strlen(words[w])) == 0)
      return true;
  return false;
}

// A word that may be a name or a condition is a condition when it has the signs of one.
static bool is_condition(const ds_option *option, const char *text) {
  return option->type == DS_OPTION_ARGUMENT && strpbrk(text, "( *+?{[^$") != NULL;
}

bool ds_ask_blame(const ds_question *question, const ds_option_value *given, uint32_t count,
                  const ds_error *err, const ds_option **ret_option, const char **ret_text) {
  const size_t size = named(err->message);
  const ds_option_type wanted =
      is_numbered(err->message) ? DS_OPTION_ARGUMENTS : DS_OPTION_EXPRESSION;
  const bool placed = err->code == DS_EXPRESSION || err->code == DS_UNSUPPORTED ||
                      err->code == DS_LIMIT;
  const ds_option *found = NULL;
  uint32_t candidates = 0;
  const ds_option *option;
  for (uint32_t o = 0; (option = ds_question_option_at(question, o)) != NULL; o++) {
    const char *text = text_of(given, count, option->name);
    if (size > 0 && strlen(option->name) == size &&
        memcmp(option->name, err->message + 2, size) == 0) {
      *ret_option = option;
      *ret_text = text;
      return true;
    }
    if (text == NULL || (option->type != wanted && !is_condition(option, text)))
      continue;
    // A command may have an option of its own by the name of a common one.
    candidates += found == NULL || strcmp(found->name, option->name) != 0;
    found = option;
  }
  if (size > 0 || !placed || err->column == 0 || candidates != 1)
    return false;
  *ret_option = found;
  *ret_text = text_of(given, count, found->name);
  return true;
}
