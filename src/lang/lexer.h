// SPDX-License-Identifier: Apache-2.0
// Splits an expression into tokens with their positions. May use base/, model/. Allocates from the
// caller's arena only: texts with doubled quotes, and texts that were not in NFC.
#ifndef DS_LANG_LEXER_H
#define DS_LANG_LEXER_H

#include "base/arena.h"
#include "model/value.h"

// What kind of word or sign a token is.
typedef enum ds_token_kind {
  DS_TOKEN_END,
  DS_TOKEN_NAME,    // text = the name, without its double quotes
  DS_TOKEN_LITERAL, // value = number, duration or string
  DS_TOKEN_SIGN,    // text = one of = != < <= > >= ( ) [ ] , . : + - * / { } ? ^ $
} ds_token_kind;

// One token; line and column are 1-based, columns counted in characters.
typedef struct ds_token {
  ds_token_kind kind;
  uint32_t line;
  uint32_t column;
  uint32_t begin; // bytes [begin, end) of the text
  uint32_t end;
  bool quoted; // a name in double quotes is never a keyword
  ds_str text;
  ds_value value;
} ds_token;

// Reading state; fields are private.
typedef struct ds_lexer {
  ds_str text;
  uint32_t at;
  uint32_t line;
  uint32_t column;
  ds_arena *arena;
} ds_lexer;

// A lexer at the start of `text`, which must outlive the tokens.
ds_lexer ds_lexer_of(ds_str text, ds_arena *arena);

// The next token. DS_EXPRESSION for what is none, at its position.
DS_CHECKED ds_code ds_lexer_next(ds_lexer *lexer, ds_token *ret_token, ds_error *err);

// Whether the token is this keyword (in any case) or sign.
bool ds_token_is(const ds_token *token, const char *word);

#endif
