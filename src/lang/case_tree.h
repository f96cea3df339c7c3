// SPDX-License-Identifier: Apache-2.0
// What is asked of a case, shared by parser, compiler, evaluator and SQL writer of level 3. Private
// to lang/. An expression about cases is a tree as any other (tree.h) whose leaves are facts: one
// value per case, found in one pass over its events. So the tree is evaluated as trees are, with
// cases in place of events and facts in place of properties.
//
// F1 facts of a level are different from each other; so are its windows, and a program's selectors.
// F2 a level's rules and facts refer to no level but their own, but for any_case(), whose fact is
//    of level 0 and whose rule is of the level of its key.
// F3 window 0 of a level is all that is seen.
#ifndef DS_LANG_CASE_TREE_H
#define DS_LANG_CASE_TREE_H

#include "lang/case.h"
#include "lang/evaluate.h"

// The most facts, windows and selectors of a program, and case keys that any_case() names.
enum { LANG_FACTS_MAX = 4096, LANG_LEVELS_MAX = 8 };
// Segments may name each other, so deep.
enum { LANG_SEGMENTS_DEPTH_MAX = 16 };

// Types whose values can be added: of figures of durations, which are whole milliseconds again.
#define LANG_LENGTHS ((uint8_t)(1u << DS_TYPE_NUMBER | 1u << DS_TYPE_DURATION))

// A value per case, as a block's property column has one per event: what the tree reads as such.
typedef ds_property_column lang_column;

typedef struct lang_line lang_line;
typedef struct lang_range lang_range;
typedef struct lang_pattern lang_pattern;

// What stands between the brackets of a form.
typedef enum lang_takes {
  LANG_TAKES_NOTHING,  // a name without brackets
  LANG_TAKES_SELECTOR, // S [, window]
  LANG_TAKES_PROPERTY, // S.p [, window]
  LANG_TAKES_PAIR,     // A, B
  LANG_TAKES_PATTERN,
  LANG_TAKES_CASES,    // KEY, EXPR
  LANG_TAKES_NAMES,    // 'text'
  LANG_TAKES_LIST,     // 'text'
  LANG_TAKES_CONSENT   // 'text' [, 'text']
} lang_takes;

// One thing that can be asked: a row of the table. Rows of one name differ in what they take.
typedef struct lang_form {
  const char *name;
  const char *usage;   // "count(S [, window])"
  const char *meaning; // one line
  lang_takes takes;
  bool window;
  bool drifts;         // grows with now
  uint8_t types;       // of the property, bits 1 << ds_type
  ds_type result;      // NULL: the property's
  // Of each case of the line, into out[0] and on.
  ds_code (*run)(const lang_line *line, const lang_fact *fact, const lang_range *range,
                 lang_column *out, ds_error *err);
  // "count(*) FILTER (WHERE %s)": %s is what is meant within the window, %p the property, %n now;
  // NULL: it has a writer of its own.
  const char *sql;
  bool timeless;       // looks at no time but for the window
} lang_form;

// The table.
extern const lang_form ds_lang_forms[];
extern const uint32_t ds_lang_forms_count; // of its rows

// Which part of a case is looked at. Of a window that hangs on an event that is not seen, none.
typedef enum lang_span {
  LANG_SPAN_ALL,
  LANG_SPAN_LAST,    // (now - ms[0], now]
  LANG_SPAN_AGO,     // (now - ms[0], now - ms[1]]
  LANG_SPAN_BETWEEN, // [ms[0], ms[1])
  LANG_SPAN_AFTER,   // (t, t + ms[0]], t being the first of the selector
  LANG_SPAN_BEFORE   // [start, t)
} lang_span;

// A window, and what it hangs on.
typedef struct lang_window {
  lang_span span;
  uint32_t selector; // number in the program, or LANG_ABSENT
  int64_t ms[2];
} lang_window;

// One fact. Numbers that do not apply are LANG_ABSENT.
struct lang_fact {
  const lang_form *form;
  ds_str text;        // as written
  ds_type type;       // of its value, settled when the whole expression was read
  uint32_t selector;
  uint32_t second;    // of elapsed(A, B): B
  uint32_t window;    // number in its level
  uint32_t property;  // code of the space
  ds_type property_type;
  ds_str name;        // of the property
  uint32_t column;    // of the property: number among the program's inputs
  uint32_t level;     // of any_case: that of its key
  uint32_t rule;      // of any_case: number among the program's rules
  bool mixed;         // the property has several types
  lang_pattern *pattern;
  ds_str list_name;   // of in_list()
  const ds_customers *list;
};

// A selector that facts use.
typedef struct lang_selector {
  ds_str text;
  const ds_expression *expression;
} lang_selector;

// The journeys themselves (key LANG_ABSENT), or the cases of one key.
struct lang_level {
  struct ds_case_program *program;
  uint32_t number;
  uint32_t key;       // code of the space
  lang_fact **facts;
  uint32_t facts_count;
  lang_window *windows;
  uint32_t windows_count;
};

// A node whose value moves with now between the instants at which facts change.
typedef enum lang_moves {
  LANG_MOVES_ORDER, // a comparison: its sides grow apart or together, so the order turns once
  LANG_MOVES_CLOCK, // what a clock shows: the same within a quarter of an hour
  LANG_MOVES_VALUE, // the whole expression, one way
  LANG_MOVES_OFTEN  // no telling
} lang_moves;

// Such a node.
typedef struct lang_watch {
  lang_moves moves;
  const lang_node *node;
  int slope; // of a clock's instant
} lang_watch;

// One expression: of level 0 and asked for by the program's user, or the rule of an any_case().
typedef struct lang_rule {
  ds_expression expression; // its inputs are facts of the level
  uint32_t level;
  lang_watch *watches;
  uint32_t watches_count;
} lang_rule;

// Expressions that are evaluated together.
struct ds_case_program {
  ds_schema schema;
  ds_arena *arena;
  lang_level level[LANG_LEVELS_MAX];
  uint32_t levels_count;
  lang_selector *selectors;
  uint32_t selectors_count;
  lang_rule **rules;
  uint32_t rules_count;
  uint32_t *asked; // by number of the user: among rules
  uint32_t asked_count;
  ds_expression reads; // inputs: properties; keys: of levels
  const ds_segment *segments_open[LANG_SEGMENTS_DEPTH_MAX]; // segment('name') within each other
  uint32_t segments_depth;
  bool reads_consents;
  bool reads_lists;
};

// The events that a window leaves of each case of a line: [low, high).
struct lang_range {
  const uint32_t *low;
  const uint32_t *high;
};

// Cases [first, first + count) of a level as facts see them. Positions are those of the level's own
// order of events.
struct lang_line {
  uint32_t first;
  uint32_t count;
  const uint32_t *offset;      // of case c of the level
  const int64_t *time_ms;      // NULL: every event is seen
  const uint32_t *event;       // of a position: the block's event; NULL: the same
  const uint64_t *const *bits; // by selector
  const lang_range *range;     // by window
  int64_t now_ms;
  struct ds_case_evaluator *evaluator;
};

// --- case_parse.c
// A duration of more than nothing.
ds_code ds_lang_duration(lang_parser *in, const char *what, int64_t *ret_ms);
// A selector within a fact, and `any`: the number in the program.
ds_code ds_lang_fact_selector(lang_parser *in, uint32_t *ret_number);
ds_code ds_lang_any_selector(lang_parser *in, uint32_t *ret_number);

// A whole text, with `condition` one that is met or not.
ds_code ds_lang_whole(lang_parser *in, bool condition, lang_node **ret_root);

// --- case_named.c: what stands behind the bracket `open`
ds_code ds_lang_segment(lang_parser *in, const ds_token *open, lang_node **ret_node);
ds_code ds_lang_consent(lang_parser *in, const ds_token *open, lang_node **ret_node);
ds_code ds_lang_list(lang_parser *in, lang_fact *fact);

// --- case_compile.c
// Calls `each` with every selector that a fact and its window look at.
ds_code ds_lang_fact_selectors(const lang_level *level, const lang_fact *fact,
                               ds_code (*each)(void *context, uint32_t selector), void *context);
// An array with room for one element behind `count`: itself, or at powers of two a larger copy;
// NULL when out of memory.
void *ds_lang_grow(ds_arena *arena, void *array, uint32_t count, size_t size);
// The number of a selector in the program.
ds_code ds_lang_selector_add(lang_level *level, lang_parser *in, lang_node *node, ds_str text,
                             uint32_t *ret_number);
ds_code ds_lang_window_add(lang_level *level, const lang_window *window, uint32_t *ret_number,
                           ds_error *err);
// A whole tree of the level becomes a rule.
ds_code ds_lang_rule_add(lang_level *level, lang_node *root, uint32_t *ret_rule, ds_error *err);

// --- case_change.c
// Notes where the tree's value may move with now.
ds_code ds_lang_watches_make(lang_rule *rule, ds_arena *arena, ds_error *err);

#endif
