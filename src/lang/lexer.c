// SPDX-License-Identifier: Apache-2.0
// See lexer.h.
#include "lang/lexer.h"

#include <stdlib.h>
#include <utf8proc.h>

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Letters, '_' and everything beyond ASCII, so that names in any script need no quotes.
static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 128;
}

ds_lexer ds_lexer_of(ds_str text, ds_arena *arena) {
  return (ds_lexer){.text = text, .at = 0, .line = 1, .column = 1, .arena = arena};
}

static char peek(const ds_lexer *lexer, uint32_t ahead) {
  const uint64_t at = (uint64_t)lexer->at + ahead;
  return at < lexer->text.size ? lexer->text.data[at] : '\0';
}

static void step(ds_lexer *lexer) {
  const char c = lexer->text.data[lexer->at++];
  if (c == '\n') {
    lexer->line++;
    lexer->column = 1;
  } else if (((unsigned char)c & 0xc0) != 0x80) {
    lexer->column++;
  }
}

static ds_str since(const ds_lexer *lexer, uint32_t start) {
  return (ds_str){lexer->text.data + start, lexer->at - start};
}

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for an expression");
}

// A text between two quotes; a doubled quote inside stands for one.
static ds_code read_quoted(ds_lexer *lexer, char quote, const ds_token *token, ds_str *ret_text,
                           ds_error *err) {
  step(lexer);
  const uint32_t start = lexer->at;
  uint32_t doubled = 0;
  while (lexer->at < lexer->text.size) {
    if (peek(lexer, 0) == quote && peek(lexer, 1) != quote)
      break;
    if (peek(lexer, 0) == quote) {
      doubled++;
      step(lexer);
    }
    step(lexer);
  }
  if (lexer->at >= lexer->text.size)
    return ds_fail_at(err, DS_EXPRESSION, token->line, token->column,
                      "the quote %c opened here is never closed: add %c", quote, quote);
  *ret_text = since(lexer, start);
  step(lexer);
  if (doubled == 0)
    return DS_OK;
  char *copy = ds_arena_text(lexer->arena, ret_text->data, ret_text->size);
  if (copy == NULL)
    return no_memory(err);
  uint32_t used = 0;
  for (uint32_t i = 0; i < ret_text->size; i++, used++) {
    copy[used] = ret_text->data[i];
    i += ret_text->data[i] == quote;
  }
  *ret_text = (ds_str){copy, used};
  return DS_OK;
}

// Texts of events are in NFC, and so are those that they are compared with.
static ds_code make_nfc(ds_lexer *lexer, const ds_token *token, ds_str *text, ds_error *err) {
  bool ascii = true;
  for (uint32_t i = 0; i < text->size; i++)
    ascii = ascii && (unsigned char)text->data[i] < 128;
  if (ascii)
    return DS_OK;
  utf8proc_uint8_t *made = NULL;
  const utf8proc_ssize_t size =
      utf8proc_map((const utf8proc_uint8_t *)text->data, text->size, &made,
                   UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  if (size < 0)
    return size == UTF8PROC_ERROR_NOMEM
               ? no_memory(err)
               : ds_fail_at(err, DS_EXPRESSION, token->line, token->column,
                            "this is not UTF-8: save the expression as UTF-8");
  const char *copy = ds_arena_text(lexer->arena, (const char *)made, (size_t)size);
  free(made);
  *text = (ds_str){copy, (uint32_t)size};
  return copy == NULL ? no_memory(err) : DS_OK;
}

// 42, 3.5, 1e6, and durations: 90d, 1h30m.
static ds_code read_number(ds_lexer *lexer, ds_token *token, ds_error *err) {
  const uint32_t start = lexer->at;
  step(lexer);
  for (;;) {
    const char c = peek(lexer, 0);
    const bool exponent = (c == '+' || c == '-') && (lexer->text.data[lexer->at - 1] | 32) == 'e';
    if (!is_digit(c) && !is_letter(c) && c != '.' && !exponent)
      break;
    step(lexer);
  }
  token->kind = DS_TOKEN_LITERAL;
  token->text = since(lexer, start);
  double number = 0;
  int64_t ms = 0;
  if (ds_str_to_double(token->text, &number))
    token->value = (ds_value){.type = DS_TYPE_NUMBER, .number = number};
  else if (ds_str_to_duration_ms(token->text, &ms))
    token->value = (ds_value){.type = DS_TYPE_DURATION, .i = ms};
  else
    return ds_fail_at(err, DS_EXPRESSION, token->line, token->column,
                      "'%.*s' is no number and no duration: write 42, 3.5, 90d, 12h or 250ms",
                      DS_STR(token->text));
  return DS_OK;
}

// What other languages write, and what is written here.
static const struct {
  const char *theirs, *ours;
} spellings[] = {
    {"<>", "!="}, {"==", "="}, {"=>", ">="}, {"=<", "<="},
    {"&&", "and"}, {"||", "or"}, {"!", "!= or not"},
};

static ds_code read_sign(ds_lexer *lexer, ds_token *token, ds_error *err) {
  const uint32_t start = lexer->at;
  const char c = peek(lexer, 0), next = peek(lexer, 1);
  const bool equal = next == '=' && (c == '!' || c == '<' || c == '>');
  for (size_t i = 0; i < sizeof spellings / sizeof *spellings && !equal; i++)
    if (c == spellings[i].theirs[0] &&
        (spellings[i].theirs[1] == '\0' || next == spellings[i].theirs[1]))
      return ds_fail_at(err, DS_EXPRESSION, token->line, token->column, "'%s': write %s",
                        spellings[i].theirs, spellings[i].ours);
  if (c == '\0' || strchr("=!<>(),.[]:+-*/{}?^$", c) == NULL)
    return ds_fail_at(err, DS_EXPRESSION, token->line, token->column,
                      "'%c' has no meaning here: compare with = != < <= > >=, join with and, or",
                      c >= ' ' && c < 127 ? c : '?');
  step(lexer);
  if (equal)
    step(lexer);
  token->kind = DS_TOKEN_SIGN;
  token->text = since(lexer, start);
  return DS_OK;
}

static ds_code read_name(ds_lexer *lexer, ds_token *token, ds_error *err) {
  const uint32_t start = lexer->at;
  while (is_letter(peek(lexer, 0)) || is_digit(peek(lexer, 0)) || peek(lexer, 0) == '.')
    step(lexer);
  token->kind = DS_TOKEN_NAME;
  token->text = since(lexer, start);
  return make_nfc(lexer, token, &token->text, err);
}

// 'text', or "name".
static ds_code read_quotes(ds_lexer *lexer, char quote, ds_token *token, ds_error *err) {
  TRY(read_quoted(lexer, quote, token, &token->text, err));
  TRY(make_nfc(lexer, token, &token->text, err));
  token->kind = quote == '"' ? DS_TOKEN_NAME : DS_TOKEN_LITERAL;
  token->quoted = quote == '"';
  if (!token->quoted)
    token->value = (ds_value){.type = DS_TYPE_STRING, .text = token->text};
  return DS_OK;
}

ds_code ds_lexer_next(ds_lexer *lexer, ds_token *ret_token, ds_error *err) {
  while (lexer->at < lexer->text.size && is_space(peek(lexer, 0)))
    step(lexer);
  *ret_token = (ds_token){.kind = DS_TOKEN_END, .line = lexer->line, .column = lexer->column,
                          .begin = lexer->at, .end = lexer->at};
  if (lexer->at >= lexer->text.size)
    return DS_OK;
  const char c = peek(lexer, 0);
  if (c == '\'' || c == '"')
    TRY(read_quotes(lexer, c, ret_token, err));
  else if (is_digit(c))
    TRY(read_number(lexer, ret_token, err));
  else if (is_letter(c))
    TRY(read_name(lexer, ret_token, err));
  else
    TRY(read_sign(lexer, ret_token, err));
  ret_token->end = lexer->at;
  return DS_OK;
}

bool ds_token_is(const ds_token *token, const char *word) {
  if (token->kind == DS_TOKEN_NAME)
    return !token->quoted && ds_str_equal_nocase(token->text, ds_str_of(word));
  return token->kind == DS_TOKEN_SIGN && ds_str_equal(token->text, ds_str_of(word));
}
