// SPDX-License-Identifier: Apache-2.0
// The grammar of selectors, and which touchpoints they mean:
//
//   selector  one joined by `or`          one  unit [ [condition] ]
//   unit      any | stage:WORD | owner:WORD | actor:WORD | channel:WORD | name | 'name'
//             | ( selector )
#include <assert.h>
#include <stdio.h>

#include "lang/tree.h"
#include "model/identifier.h"

bool ds_is_own_fact(ds_str touchpoint) {
  static const char *const facts[] = {"segment_entered", "exposure", "trigger_outcome"};
  for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
    if (ds_str_equal(touchpoint, ds_str_of(facts[i])))
      return true;
  return ds_is_knowledge(touchpoint);
}

// One of the words that a touchpoint's row may have for a prefix.
typedef struct prefix_row {
  const char *name;
  const char *(*word)(uint32_t number);
  uint32_t first, count; // numbers of words
  uint32_t (*of)(const ds_touchpoint *row);
} prefix_row;

static const char *stage_word(uint32_t number) { return ds_stage_name((ds_stage)number); }
static const char *owner_word(uint32_t number) { return ds_owner_name((ds_owner)number); }
static const char *actor_word(uint32_t number) { return ds_actor_name((ds_actor)number); }
static uint32_t stage_of(const ds_touchpoint *row) { return row->stage; }
static uint32_t owner_of(const ds_touchpoint *row) { return row->owner; }
static uint32_t actor_of(const ds_touchpoint *row) { return row->actor; }

static const prefix_row prefixes[] = {
    {"stage", stage_word, 0, DS_STAGES_COUNT, stage_of},
    {"owner", owner_word, 1, DS_OWNERS_COUNT, owner_of},
    {"actor", actor_word, 1, DS_ACTORS_COUNT, actor_of},
};
enum { PREFIXES = sizeof prefixes / sizeof *prefixes, WORDS_MAX = 16 };

// A node that means no touchpoint yet.
static ds_code node_make(lang_parser *in, const ds_token *start, lang_node **ret_node) {
  TRY(ds_lang_node(in, LANG_TOUCHPOINTS, start, ret_node));
  const uint32_t count = in->schema->space->touchpoints.count;
  uint8_t *hit = ds_arena_array(in->arena, count + 1u, 1);
  if (hit == NULL)
    return ds_lang_no_memory(in->err);
  memset(hit, LANG_NO, count);
  (*ret_node)->hit = hit;
  (*ret_node)->type = DS_TYPE_BOOL;
  (*ret_node)->types = 1u << DS_TYPE_BOOL;
  return DS_OK;
}

static const ds_touchpoint *row_of(const lang_parser *in, uint32_t code) {
  return ds_catalogue_find(in->schema->catalogue, in->schema->space->touchpoints.text[code]);
}

static ds_code read_word(lang_parser *in, ds_str *ret_word) {
  const bool text = in->token.kind == DS_TOKEN_LITERAL && in->token.value.type == DS_TYPE_STRING;
  if (in->token.kind != DS_TOKEN_NAME && !text)
    return ds_lang_expected(in, "a word after the colon, as in stage:transit");
  *ret_word = in->token.text;
  return DS_OK;
}

static ds_code read_prefix(lang_parser *in, const prefix_row *prefix, const ds_token *start,
                           lang_node **ret_node) {
  const char *words[WORDS_MAX];
  ds_str word;
  uint32_t number = prefix->first;
  assert(prefix->count <= WORDS_MAX);
  TRY(read_word(in, &word));
  while (number < prefix->count && !ds_str_equal(word, ds_str_of(prefix->word(number))))
    number++;
  if (number == prefix->count) {
    char message[320], all[256] = "";
    size_t used = 0;
    for (uint32_t w = prefix->first; w < prefix->count; w++) {
      words[w - prefix->first] = prefix->word(w);
      used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", used == 0 ? "" : ", ",
                               prefix->word(w));
    }
    const ds_token at = in->token;
    snprintf(message, sizeof message, "there is no %s of that name: write one of %s", prefix->name,
             all);
    return ds_lang_unknown(in, &at, word, words, prefix->count - prefix->first, message);
  }
  TRY(ds_lang_advance(in));
  TRY(node_make(in, start, ret_node));
  for (uint32_t t = 0; t < in->schema->space->touchpoints.count; t++) {
    const ds_touchpoint *row = row_of(in, t);
    if (row != NULL && prefix->of(row) == number)
      (*ret_node)->hit[t] = LANG_YES;
  }
  return DS_OK;
}

// Whether one of "a/b/c" is the word.
static bool has_channel(const char *channels, ds_str word) {
  for (const char *at = channels; *at != '\0';) {
    const char *end = strchr(at, '/');
    const uint32_t size = end == NULL ? (uint32_t)strlen(at) : (uint32_t)(end - at);
    if (ds_str_equal((ds_str){at, size}, word))
      return true;
    at += size + (end != NULL);
  }
  return false;
}

static bool known_channel(ds_str word) {
  for (uint32_t r = 0; r < ds_touchpoints_count; r++)
    if (has_channel(ds_touchpoints[r].channel, word))
      return true;
  return false;
}

// The property that gives an event a channel of its own, or DS_NONE.
static uint32_t channel_property(const lang_parser *in) {
  const uint32_t code = ds_names_find(&in->schema->space->properties, ds_str_of("channel"));
  for (uint32_t c = 0; code != DS_NONE && c < in->schema->carriers_count; c++)
    if (in->schema->carriers[c].property == code &&
        in->schema->carriers[c].type == DS_TYPE_STRING)
      return code;
  return DS_NONE;
}

// channel = 'x' or (channel is null and the catalogue says x).
static ds_code own_channel(lang_parser *in, const ds_token *start, const ds_token *word,
                           uint32_t property, lang_node *catalogue, lang_node **ret_node) {
  lang_node *own = NULL, *literal = NULL, *equal = NULL, *null = NULL, *else_catalogue = NULL;
  TRY(ds_lang_node(in, LANG_PROPERTY, start, &own));
  own->code = property;
  own->name = ds_str_of("channel");
  own->types = 1u << DS_TYPE_STRING;
  ds_lang_settle(own, DS_TYPE_STRING);
  TRY(ds_lang_node(in, LANG_LITERAL, word, &literal));
  literal->value = (ds_value){.type = DS_TYPE_STRING, .text = word->text};
  literal->types = 1u << DS_TYPE_STRING;
  literal->type = DS_TYPE_STRING;
  TRY(ds_lang_compare(in, LANG_EQUAL, word, own, literal, &equal));
  TRY(ds_lang_is_null(in, own, &null));
  TRY(ds_lang_join(in, LANG_AND, null, catalogue, &else_catalogue));
  return ds_lang_join(in, LANG_OR, equal, else_catalogue, ret_node);
}

static ds_code read_channel(lang_parser *in, const ds_token *start, lang_node **ret_node) {
  const ds_token at = in->token;
  ds_str word;
  TRY(read_word(in, &word));
  const uint32_t property = channel_property(in);
  if (property == DS_NONE && !known_channel(word)) {
    static const char *const some[] = {"web", "app", "store", "email", "sms", "push", "whatsapp",
                                       "chat", "phone", "social", "form", "carrier", "system",
                                       "support", "pickup point"};
    return ds_lang_unknown(in, &at, word, some, sizeof some / sizeof *some,
                           "no event and no touchpoint has that channel");
  }
  TRY(ds_lang_advance(in));
  TRY(node_make(in, start, ret_node));
  for (uint32_t t = 0; t < in->schema->space->touchpoints.count; t++) {
    const ds_touchpoint *row = row_of(in, t);
    if (row != NULL && has_channel(row->channel, word))
      (*ret_node)->hit[t] = LANG_YES;
  }
  return property == DS_NONE ? DS_OK
                             : own_channel(in, start, &at, property, *ret_node, ret_node);
}

static ds_code expected_add(lang_parser *in, lang_scope *scope, const ds_touchpoint *row) {
  const ds_touchpoint **expected =
      ds_arena_array(in->arena, scope->expected_count + 1u, sizeof *expected);
  if (expected == NULL)
    return ds_lang_no_memory(in->err);
  if (scope->expected_count > 0)
    memcpy(expected, scope->expected, scope->expected_count * sizeof *expected);
  expected[scope->expected_count++] = row;
  scope->expected = expected;
  return DS_OK;
}

// A touchpoint by its name; what the catalogue expects of it is known even when no event has it.
static ds_code read_touchpoint(lang_parser *in, lang_node **ret_node, lang_scope *scope) {
  const ds_token name = in->token;
  uint32_t code = DS_NONE;
  const ds_touchpoint *row = NULL;
  TRY(ds_lang_advance(in));
  TRY(ds_lang_touchpoint(in, &name, name.text, &code, &row));
  TRY(node_make(in, &name, ret_node));
  if (code != DS_NONE)
    (*ret_node)->hit[code] = LANG_YES;
  return row == NULL ? DS_OK : expected_add(in, scope, row);
}

// Whether a name or the part of it before a dot is one that selectors know.
static bool is_known(const lang_parser *in, ds_str name) {
  return ds_str_equal_nocase(name, ds_str_of("any")) ||
         ds_names_find(&in->schema->space->touchpoints, name) != DS_NONE ||
         ds_catalogue_find(in->schema->catalogue, name) != NULL;
}

// Where a property may follow, `order_placed.value` is one name to the lexer: the token ends before
// the first dot after which nothing more belongs to a touchpoint that is known.
static void cut_at_dot(lang_parser *in) {
  ds_token *token = &in->token;
  // A name that was not in NFC stands elsewhere than in the text: such names need quotes.
  if (!in->dotted || token->kind != DS_TOKEN_NAME || token->quoted ||
      token->text.data != in->lexer.text.data + token->begin)
    return;
  uint32_t size = token->text.size;
  const char *dot = memchr(token->text.data, '.', size);
  if (dot == NULL || is_known(in, token->text))
    return;
  do
    size--;
  while (size > 0 && (token->text.data[size] != '.' ||
                      !is_known(in, (ds_str){token->text.data, size})));
  if (size == 0)
    size = (uint32_t)(dot - token->text.data);
  in->lexer.at = token->begin + size;
  in->lexer.column = token->column;
  for (uint32_t i = 0; i < size; i++)
    in->lexer.column += ((unsigned char)token->text.data[i] & 0xc0) != 0x80;
  token->text.size = size;
  token->end = in->lexer.at;
}

static ds_code read_prefixed(lang_parser *in, lang_node **ret_node) {
  const ds_token name = in->token;
  const char *names[PREFIXES + 1] = {"channel"};
  TRY(ds_lang_advance(in));
  TRY(ds_lang_advance(in));
  cut_at_dot(in);
  if (ds_token_is(&name, "channel"))
    return read_channel(in, &name, ret_node);
  for (uint32_t p = 0; p < PREFIXES; p++) {
    if (ds_token_is(&name, prefixes[p].name))
      return read_prefix(in, &prefixes[p], &name, ret_node);
    names[p + 1] = prefixes[p].name;
  }
  return ds_lang_unknown(in, &name, name.text, names, PREFIXES + 1,
                         "a prefix is one of stage, owner, actor, channel");
}

static ds_code read_any(lang_parser *in, lang_node **ret_node) {
  const ds_token start = in->token;
  TRY(ds_lang_advance(in));
  TRY(node_make(in, &start, ret_node));
  const ds_names *names = &in->schema->space->touchpoints;
  for (uint32_t t = 0; t < names->count; t++)
    if (!ds_is_own_fact(names->text[t]))
      (*ret_node)->hit[t] = LANG_YES;
  return DS_OK;
}

static ds_code read_selectors(lang_parser *in, lang_node **ret_node, lang_scope *scope);

static ds_code read_unit(lang_parser *in, lang_node **ret_node, lang_scope *scope) {
  cut_at_dot(in);
  const ds_token start = in->token;
  if (ds_token_is(&start, "(")) {
    TRY(ds_lang_deeper(in));
    TRY(ds_lang_advance(in));
    TRY(read_selectors(in, ret_node, scope));
    in->depth--;
    if (ds_token_is(&in->token, ")"))
      return ds_lang_advance(in);
    if (in->token.kind == DS_TOKEN_END)
      return ds_fail_at(in->err, DS_EXPRESSION, start.line, start.column,
                        "the bracket ( opened here is never closed: add )");
    return ds_lang_expected(in, "or, [ or ) after a selector");
  }
  const bool text = start.kind == DS_TOKEN_LITERAL && start.value.type == DS_TYPE_STRING;
  const ds_token next = ds_lang_peek(in);
  if (start.kind == DS_TOKEN_NAME && ds_token_is(&next, ":"))
    return read_prefixed(in, ret_node);
  if (ds_token_is(&start, "any"))
    return read_any(in, ret_node);
  if ((start.kind != DS_TOKEN_NAME && !text) || ds_token_is(&start, "or"))
    return ds_lang_expected(in, "a selector: a touchpoint, any, stage:transit or (a or b)");
  return read_touchpoint(in, ret_node, scope);
}

// Which touchpoints a selector can mean, added to `code`.
static void scope_add(const lang_node *node, uint32_t count, uint8_t *code) {
  if (node->kind == LANG_TOUCHPOINTS) {
    for (uint32_t t = 0; t < count; t++)
      code[t] |= node->hit[t] & LANG_YES;
  } else if (node->kind == LANG_OR) {
    for (uint32_t c = 0; c < node->count; c++)
      scope_add(node->child[c], count, code);
  } else if (node->kind == LANG_AND) {
    scope_add(node->child[0], count, code);
  } else {
    // An own channel may stand on any event.
    memset(code, LANG_YES, count);
  }
}

// unit [ [condition] ]
static ds_code read_one(lang_parser *in, lang_node **ret_node, lang_scope *outer) {
  lang_scope scope = {.code = NULL};
  lang_node *unit = NULL, *condition = NULL;
  const uint32_t begin = in->token.begin;
  TRY(read_unit(in, &unit, &scope));
  scope.text = (ds_str){in->lexer.text.data + begin, in->end - begin};
  if (ds_token_is(&in->token, "[")) {
    const ds_token open = in->token;
    const uint32_t count = in->schema->space->touchpoints.count;
    uint8_t *code = ds_arena_array(in->arena, count + 1u, 1);
    if (code == NULL)
      return ds_lang_no_memory(in->err);
    scope_add(unit, count, code);
    scope.code = code;
    TRY(ds_lang_advance(in));
    in->scope = &scope;
    TRY(ds_lang_condition(in, &condition));
    in->scope = NULL;
    if (in->token.kind == DS_TOKEN_END)
      return ds_fail_at(in->err, DS_EXPRESSION, open.line, open.column,
                        "the bracket [ opened here is never closed: add ]");
    if (!ds_token_is(&in->token, "]"))
      return ds_lang_expected(in, "an operator, and, or, or ]");
    TRY(ds_lang_advance(in));
    TRY(ds_lang_join(in, LANG_AND, unit, condition, &unit));
  }
  *ret_node = unit;
  // Brackets around several see the properties of all.
  for (uint32_t r = 0; r < scope.expected_count; r++)
    TRY(expected_add(in, outer, scope.expected[r]));
  return DS_OK;
}

static ds_code read_selectors(lang_parser *in, lang_node **ret_node, lang_scope *scope) {
  TRY(read_one(in, ret_node, scope));
  while (ds_token_is(&in->token, "or")) {
    lang_node *right = NULL;
    TRY(ds_lang_advance(in));
    TRY(read_one(in, &right, scope));
    TRY(ds_lang_join(in, LANG_OR, *ret_node, right, ret_node));
  }
  return DS_OK;
}

ds_code ds_lang_selector(lang_parser *in, lang_node **ret_node) {
  lang_scope scope = {.code = NULL};
  return read_selectors(in, ret_node, &scope);
}

ds_code ds_lang_selector_of(lang_parser *in, lang_node **ret_node, lang_node **ret_property) {
  lang_scope scope = {.code = NULL};
  const uint32_t begin = in->token.begin, count = in->schema->space->touchpoints.count;
  *ret_property = NULL;
  in->dotted = true;
  TRY(read_selectors(in, ret_node, &scope));
  in->dotted = false;
  if (!ds_token_is(&in->token, "."))
    return DS_OK;
  scope.text = (ds_str){in->lexer.text.data + begin, in->end - begin};
  uint8_t *code = ds_arena_array(in->arena, count + 1u, 1);
  if (code == NULL)
    return ds_lang_no_memory(in->err);
  scope_add(*ret_node, count, code);
  scope.code = code;
  TRY(ds_lang_advance(in));
  const ds_token name = in->token;
  if (name.kind != DS_TOKEN_NAME)
    return ds_lang_expected(in, "a property after the dot, as in order_placed.value");
  TRY(ds_lang_advance(in));
  TRY(ds_lang_node(in, LANG_PROPERTY, &name, ret_property));
  in->scope = &scope;
  TRY(ds_lang_name(in, &name, *ret_property));
  in->scope = NULL;
  return DS_OK;
}
