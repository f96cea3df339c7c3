// SPDX-License-Identifier: Apache-2.0
// The words and signs of the journey language that are no functions: operators, literals,
// selectors, windows, parts of patterns. For completion and manuals; a test reads every example.
// May use base/.
#ifndef DS_LANG_WORDS_H
#define DS_LANG_WORDS_H

#include <stdint.h>

// A word. Its usage is an example, which can be read as what `where` says.
typedef struct ds_language_word {
  const char *name;
  const char *kind;    // "operator", "value", "selector", "window", "pattern"
  const char *where;   // "event", "selector" or "case"
  const char *usage;   // "value between 10 and 20"
  const char *meaning; // one line
} ds_language_word;

// The table.
extern const ds_language_word ds_language_words[];
extern const uint32_t ds_language_words_count;

#endif
