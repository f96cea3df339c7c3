// SPDX-License-Identifier: Apache-2.0
// Names that stand for something else in an expression about cases: segment('lapsed') for its
// definition, consent('marketing') for a condition on events, in_list('vip') for who is in a list.
#include <stdio.h>

#include "base/limits.h"
#include "lang/case_tree.h"

// The segments that stand open from `first` on, and that one again: "a, b, a".
static ds_code circle(lang_parser *in, const ds_token *at, uint32_t first) {
  const ds_case_program *program = in->level->program;
  char names[256];
  size_t used = 0;
  for (uint32_t s = first; s <= program->segments_depth && used < sizeof names; s++) {
    const uint32_t one = s < program->segments_depth ? s : first;
    used += (size_t)snprintf(names + used, sizeof names - used, "%s%.60s", s == first ? "" : ", ",
                             program->segments_open[one]->name);
  }
  return ds_fail_at(in->err, DS_EXPRESSION, at->line, at->column,
                    "segments name each other in a circle: %s", names);
}

// An error within a definition: of the file where people wrote it, else of the place that names it.
static ds_code fail_within(lang_parser *in, const ds_token *name, const ds_segment *segment,
                           ds_code code) {
  ds_error *err = in->err;
  if (err == NULL || err->file[0] != '\0')
    return code;
  if (segment->file == NULL) {
    err->line = name->line;
    err->column = name->column;
    return ds_fail_in(err, code, "segment '%.60s'", segment->name);
  }
  err->column += err->line <= 1 ? segment->column - 1 : 0;
  err->line = segment->line + (err->line > 1 ? err->line - 1 : 0);
  snprintf(err->file, sizeof err->file, "%s", segment->file);
  return ds_fail_in(err, code, "%.200s line %u, segment '%.60s'", segment->file, err->line,
                    segment->name);
}

// segment('lapsed'): the definition stands in its place.
ds_code ds_lang_segment(lang_parser *in, const ds_token *open, lang_node **ret_node) {
  const ds_schema *schema = in->schema;
  ds_case_program *program = in->level->program;
  const char *names[DS_SEGMENTS_MAX];
  const ds_token name = in->token;
  uint32_t s = 0, *depth = &program->segments_depth;
  if (name.kind != DS_TOKEN_LITERAL || name.value.type != DS_TYPE_STRING)
    return ds_lang_expected(in, "a segment's name in quotes, as in segment('lapsed')");
  for (; s < schema->segments_count; s++) {
    names[s] = schema->segments[s].name;
    if (ds_str_equal(name.text, ds_str_of(names[s])))
      break;
  }
  if (s == schema->segments_count)
    return ds_lang_unknown(in, &name, name.text, names, s, "there is no segment of that name");
  const ds_segment *segment = &schema->segments[s];
  for (uint32_t d = 0; d < *depth; d++)
    if (program->segments_open[d] == segment)
      return circle(in, &name, d);
  if (*depth == LANG_SEGMENTS_DEPTH_MAX)
    return ds_fail_at(in->err, DS_EXPRESSION, name.line, name.column,
                      "segments name each other more than 16 deep");
  lang_parser inner = {.lexer = ds_lexer_of(ds_str_of(segment->expression), in->arena),
                       .schema = schema, .level = in->level, .arena = in->arena, .err = in->err,
                       .depth = in->depth};
  program->segments_open[(*depth)++] = segment;
  ds_code code = ds_lang_advance(&inner);
  if (code == DS_OK)
    code = ds_lang_whole(&inner, true, ret_node);
  --*depth;
  if (code != DS_OK)
    return fail_within(in, &name, segment, code);
  TRY(ds_lang_advance(in));
  return ds_lang_close(in, open, ")");
}

ds_code ds_lang_list(lang_parser *in, lang_fact *fact) {
  const ds_lists *lists = &in->schema->lists;
  const ds_token name = in->token;
  uint32_t l = 0;
  if (name.kind != DS_TOKEN_LITERAL || name.value.type != DS_TYPE_STRING)
    return ds_lang_expected(in, "a list's name in quotes, as in in_list('vip')");
  while (l < lists->count && !ds_str_equal(name.text, ds_str_of(lists->names[l])))
    l++;
  if (l == lists->count)
    return ds_lang_unknown(in, &name, name.text, (const char **)(uintptr_t)lists->names, l,
                           "there is no list of that name");
  in->level->program->reads_lists = true;
  fact->list_name = ds_str_of(lists->names[l]);
  TRY(lists->find(lists->context, l, &fact->list, in->err));
  return ds_lang_advance(in);
}

// --- consent

// The arguments: a purpose, and a channel that may be left out.
typedef struct consent {
  ds_str purpose;
  ds_str channel;
} consent;

static ds_code read_word(lang_parser *in, const char *what, ds_str *ret_word) {
  if (in->token.kind != DS_TOKEN_LITERAL || in->token.value.type != DS_TYPE_STRING)
    return ds_lang_expected(in, what);
  *ret_word = in->token.text;
  return ds_lang_advance(in);
}

// Whether events of a touchpoint carry a property.
static bool carries(const ds_schema *schema, const char *touchpoint, const char *property) {
  const uint32_t t = ds_names_find(&schema->space->touchpoints, ds_str_of(touchpoint));
  const uint32_t p = ds_names_find(&schema->space->properties, ds_str_of(property));
  for (uint32_t c = 0; c < schema->carriers_count; c++)
    if (schema->carriers[c].touchpoint == t && schema->carriers[c].property == p)
      return true;
  return false;
}

// What is met beside the text: nothing, an event without the property, or one with an empty text
// too.
typedef enum besides { BESIDES_NOTHING, BESIDES_NULL, BESIDES_EMPTY } besides;

// " and (PROPERTY = 'TEXT' or PROPERTY is null)", of which each half may be left out.
static void put_condition(ds_buf *out, const char *property, ds_str text, besides also) {
  ds_buf_printf(out, "%s(", out->size > 0 && out->data[out->size - 1] != '[' ? " and " : "");
  for (uint32_t i = 0; i < text.size; i++) {
    if (i == 0)
      ds_buf_printf(out, "\"%s\" = '", property);
    ds_buf_printf(out, "%s%c", text.data[i] == '\'' ? "'" : "", text.data[i]);
  }
  ds_buf_printf(out, "%s", text.size > 0 ? "'" : "");
  if (also != BESIDES_NOTHING)
    ds_buf_printf(out, "%s\"%s\" is null", text.size > 0 ? " or " : "", property);
  if (also == BESIDES_EMPTY)
    ds_buf_printf(out, " or \"%s\" = ''", property);
  ds_buf_text(out, ")");
}

#define GRANTED "consent_granted"
#define WITHDRAWN "consent_withdrawn"
// Permission is for a purpose, on the channel that it names or on all; what is taken back without
// a purpose or channel, or with an empty text for one, is taken back for all. Whoever asks about no
// channel asks about all of them: then what is given for one is not enough, and what is taken back
// for one is.
static void put_events(ds_buf *out, const ds_schema *schema, const consent *what) {
  const ds_str nothing = {NULL, 0};
  const bool any = what->channel.size == 0;
  ds_buf_text(out, GRANTED "[");
  put_condition(out, "purpose", what->purpose, BESIDES_NOTHING);
  if (carries(schema, GRANTED, "channel"))
    put_condition(out, "channel", any ? nothing : what->channel, BESIDES_NULL);
  ds_buf_text(out, "]\n" WITHDRAWN);
  const bool purpose = carries(schema, WITHDRAWN, "purpose");
  const bool channel = !any && carries(schema, WITHDRAWN, "channel");
  ds_buf_text(out, purpose || channel ? "[" : "");
  if (purpose)
    put_condition(out, "purpose", what->purpose, BESIDES_EMPTY);
  if (channel)
    put_condition(out, "channel", what->channel, BESIDES_EMPTY);
  ds_buf_text(out, purpose || channel ? "]" : "");
}

// The latest event decides; of two at one instant, the one that takes back.
static void put_latest(ds_buf *out, const char *events) {
  const int granted = (int)strcspn(events, "\n");
  const char *withdrawn = events + granted + 1;
  ds_buf_printf(out, "did(%.*s) and (not did(%s) or last(%.*s) > last(%s))", granted, events,
                withdrawn, granted, events, withdrawn);
}

static const char *definition_of(lang_parser *in, const consent *what) {
  ds_buf events, text;
  ds_buf_init(&events, DS_EXPRESSION_BYTES_MAX);
  ds_buf_init(&text, 4 * DS_EXPRESSION_BYTES_MAX);
  put_events(&events, in->schema, what);
  put_latest(&text, ds_buf_cstr(&events));
  const char *kept = events.failed || text.failed ? NULL : ds_buf_keep(&text, in->arena);
  ds_buf_done(&events);
  ds_buf_done(&text);
  return kept;
}

ds_code ds_lang_consent(lang_parser *in, const ds_token *open, lang_node **ret_node) {
  const ds_token name = in->token;
  consent what = {.channel = {NULL, 0}};
  TRY(read_word(in, "a purpose in quotes, as in consent('marketing', 'email')", &what.purpose));
  if (ds_token_is(&in->token, ",")) {
    TRY(ds_lang_advance(in));
    TRY(read_word(in, "a channel in quotes, as in consent('marketing', 'email')", &what.channel));
  }
  if (in->level->number != 0)
    return ds_fail_at(in->err, DS_EXPRESSION, name.line, name.column, "consent() is about the "
                      "customer: write it outside of any_case() and count_cases()");
  if (!carries(in->schema, GRANTED, "purpose"))
    return ds_fail_at(in->err, DS_UNSUPPORTED, name.line, name.column, "consent() has nothing to "
                      "look at: no event consent_granted has a property 'purpose'");
  const char *text = definition_of(in, &what);
  if (text == NULL)
    return ds_lang_no_memory(in->err);
  lang_parser inner = {.lexer = ds_lexer_of(ds_str_of(text), in->arena), .schema = in->schema,
                       .level = in->level, .arena = in->arena, .err = in->err,
                       .depth = in->depth};
  ds_code code = ds_lang_advance(&inner);
  if (code == DS_OK)
    code = ds_lang_whole(&inner, true, ret_node);
  if (code != DS_OK && in->err != NULL) {
    in->err->line = name.line;
    in->err->column = name.column;
    return ds_fail_in(in->err, code, "consent()");
  }
  TRY(code);
  in->level->program->reads_consents = true;
  return ds_lang_close(in, open, ")");
}
