// SPDX-License-Identifier: Apache-2.0
// The tree of an expression, shared by parser, checker, compiler, evaluator and SQL writer. Private
// to lang/. Invariants after parsing: every value node has one type, operands fit their operator,
// no node lies deeper than LANG_DEPTH_MAX, and nothing that reads the tree can fail but for memory.
#ifndef DS_LANG_TREE_H
#define DS_LANG_TREE_H

#include "lang/expression.h"
#include "lang/lexer.h"

#define LANG_DEPTH_MAX 200u
#define LANG_ALL_TYPES ((uint8_t)((1u << DS_TYPES_COUNT) - 2))
#define LANG_ABSENT UINT32_MAX // of a property that no event carries

// What a node is. The comparisons stand in the order of their signs in parse.c.
typedef enum lang_kind {
  LANG_LITERAL, LANG_PROPERTY, LANG_KEY, LANG_FIELD, LANG_NEGATE, LANG_ADD, LANG_SUBTRACT,
  LANG_MULTIPLY, LANG_DIVIDE, LANG_CALL, LANG_EQUAL, LANG_NOT_EQUAL, LANG_LESS, LANG_LESS_EQUAL,
  LANG_GREATER, LANG_GREATER_EQUAL, LANG_IN, LANG_LIKE, LANG_IS_NULL, LANG_AND, LANG_OR, LANG_NOT,
  LANG_TOUCHPOINTS, LANG_FACT
} lang_kind;

// Names that every event has a value for, but for stage and actor of unknown touchpoints.
typedef enum lang_field {
  LANG_FIELD_TOUCHPOINT, LANG_FIELD_STAGE, LANG_FIELD_ACTOR, LANG_FIELD_SOURCE, LANG_FIELD_TIME,
  LANG_FIELD_RECEIVED, LANG_FIELDS_COUNT
} lang_field;

// One row per field: its name, type, and the column it is read from.
typedef struct lang_field_row {
  const char *name;
  ds_type type;
  uint32_t want; // DS_WANT_*
} lang_field_row;
extern const lang_field_row ds_lang_fields[LANG_FIELDS_COUNT];

typedef struct lang_function lang_function;
typedef struct lang_fact lang_fact;
typedef struct lang_level lang_level;

// One node. Values have a type, conditions are of type BOOL.
typedef struct lang_node {
  lang_kind kind;
  ds_type type;       // NULL until settled
  uint8_t types;      // that it may have, bits 1 << ds_type
  bool mixed;         // a property with several types among all events
  uint32_t line, column, depth;
  uint8_t leaves;     // what it is made of: LANG_OF_*
  ds_str text;        // as written
  ds_str name;        // of a property or key
  uint32_t code;      // of a property or key; the field; the number of a fact in its level
  uint32_t input;     // of a property: its number among the expression's inputs
  ds_value value;     // literal; the pattern of like
  const lang_function *call;
  lang_fact *fact;    // what is asked of a case (case_tree.h)
  struct lang_node **child;
  uint32_t count;
  ds_value *values;   // in: sorted, each once
  uint64_t *hashes;   // in and = of a case key: of the values
  uint32_t values_count;
  uint8_t *hit;       // by code of touchpoint (or source, if by_source): LANG_YES, LANG_NO or 0
  bool by_source;
} lang_node;

// What a code decides, and what a node is made of, as bits.
enum { LANG_YES = 1, LANG_NO = 2 };
enum { LANG_OF_TOUCHPOINT = 1, LANG_OF_SOURCE = 2, LANG_OF_EVENT = 4 };

// A property in one type, as evaluators look it up in blocks.
typedef struct lang_input {
  uint16_t property;
  ds_type type;
} lang_input;

// A whole expression.
struct ds_expression {
  const ds_schema *schema;
  ds_schema held; // a copy, so that the caller's may go away
  lang_node *root;
  bool selector;
  bool by_case; // about cases: its inputs are facts, in place of properties
  lang_input *inputs;
  uint32_t inputs_count;
  uint16_t *keys;
  uint32_t keys_count;
  uint32_t want;
  uint64_t *carried; // carried_words of bits by touchpoint for each input
  uint32_t carried_words;
  uint64_t *meant;   // bits by touchpoint: some event of it can be meant
  ds_str *stage; // by touchpoint code, empty = null; likewise actor
  ds_str *actor;
};

// The touchpoints that a property is looked for on: by code of the space, and the catalogue's rows
// of those that were named, whose expected properties are known too.
typedef struct lang_scope {
  const uint8_t *code; // LANG_YES where it belongs
  const ds_touchpoint **expected;
  uint32_t expected_count;
  ds_str text; // for messages
} lang_scope;

// What the parser carries along.
typedef struct lang_parser {
  ds_lexer lexer;
  ds_token token;    // to be read next
  uint32_t end;      // where the token before ended
  uint32_t depth;
  bool value_side;   // right of a comparison, where a bare word was perhaps meant as text
  const ds_schema *schema;
  const lang_scope *scope;
  lang_level *level; // where facts of a case are asked for; NULL: conditions on one event
  bool dotted;       // a property may follow the selector after a dot
  ds_arena *arena;
  ds_error *err;
} lang_parser;

// --- parse.c
// Reads on; fails at the current token with "expected WHAT, but found X".
ds_code ds_lang_advance(lang_parser *in);
ds_code ds_lang_expected(lang_parser *in, const char *what);
// The token after the current one; END when that cannot be read.
ds_token ds_lang_peek(const lang_parser *in);
// A condition, as deep as `or`.
ds_code ds_lang_condition(lang_parser *in, lang_node **ret_node);
// NAME ( arguments ): a function of values.
ds_code ds_lang_call(lang_parser *in, lang_node **ret_node);
// The closing bracket of one that was opened at `open`.
ds_code ds_lang_close(lang_parser *in, const ds_token *open, const char *sign);
// Whether date '...' or time '...' follows, and reads it.
bool ds_lang_is_instant(const lang_parser *in);
ds_code ds_lang_instant(lang_parser *in, ds_value *to);
// Guards recursion; pairs with `in->depth--`.
ds_code ds_lang_deeper(lang_parser *in);
ds_code ds_lang_no_memory(ds_error *err);

// --- selector.c
ds_code ds_lang_selector(lang_parser *in, lang_node **ret_node);
// The same, and what may follow after a dot: *ret_property names a property of those events, or is
// NULL.
ds_code ds_lang_selector_of(lang_parser *in, lang_node **ret_node, lang_node **ret_property);

// --- check.c: nodes, made only when their types fit
// A node that begins at `start` and ends before the current token.
ds_code ds_lang_node(lang_parser *in, lang_kind kind, const ds_token *start, lang_node **ret_node);
ds_code ds_lang_children(lang_parser *in, lang_node *node, lang_node *const *child,
                         uint32_t count);
// A node of one of its types: that one from now on.
void ds_lang_settle(lang_node *node, ds_type type);
// Settles a node that must be of one of `types`; otherwise fails at it with "X is a number:
// ADVICE".
ds_code ds_lang_require(lang_parser *in, lang_node *node, uint8_t types, const char *advice);
// left OP right, `op` being the operator's token.
ds_code ds_lang_compare(lang_parser *in, lang_kind kind, const ds_token *op, lang_node *left,
                        lang_node *right, lang_node **ret_node);
ds_code ds_lang_arithmetic(lang_parser *in, lang_kind kind, const ds_token *op, lang_node *left,
                           lang_node *right, lang_node **ret_node);
ds_code ds_lang_in(lang_parser *in, const ds_token *op, lang_node *left, lang_node **items,
                   uint32_t count, lang_node **ret_node);
ds_code ds_lang_is_null(lang_parser *in, lang_node *left, lang_node **ret_node);
// AND, OR of two, NOT of one.
ds_code ds_lang_join(lang_parser *in, lang_kind kind, lang_node *left, lang_node *right,
                     lang_node **ret_node);

// --- case_parse.c: a name, or a name and a bracket, in an expression about cases
ds_code ds_lang_case_name(lang_parser *in, lang_node **ret_node);

// --- names.c: what a name means, with "did you mean"
ds_code ds_lang_name(lang_parser *in, const ds_token *token, lang_node *node);
// A touchpoint by a name of it: *ret_code of the space or DS_NONE, *ret_row its row in the
// catalogue or NULL; fails when both are missing.
ds_code ds_lang_touchpoint(lang_parser *in, const ds_token *token, ds_str name,
                           uint32_t *ret_code, const ds_touchpoint **ret_row);
// Whether a text literal compared with a field can be met at all; makes touchpoint names canonical.
ds_code ds_lang_field_value(lang_parser *in, lang_field field, lang_node *literal);
// Fails with "MESSAGE; did you mean 'X'?" when one of the names is near.
ds_code ds_lang_unknown(lang_parser *in, const ds_token *at, ds_str name, const char *const *names,
                        size_t count, const char *message);

// --- sql.c
const char *ds_lang_sql_type(ds_type type);

// --- compile.c
ds_code ds_lang_compile(ds_expression *expression, ds_arena *arena, ds_error *err);

#endif
