// SPDX-License-Identifier: Apache-2.0
// The texts of ENUM columns. A touchpoint that the catalogue knows is one of them also when no
// event is of it, so that asking for it gives no rows, not an error.
#include <stdlib.h>

#include "sql/session.h"

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for SQL");
}

// Sorts the texts and leaves out repeated ones; an ENUM has at least one.
static void texts_arrange(sql_enum *list) {
  uint32_t kept = 0;
  if (list->count == 0)
    list->text[list->count++] = "";
  qsort(list->text, list->count, sizeof *list->text, by_bytes);
  for (uint32_t i = 0; i < list->count; i++)
    if (i == 0 || strcmp(list->text[i], list->text[kept - 1]) != 0)
      list->text[kept++] = list->text[i];
  list->count = kept;
  list->width = list->count <= UINT8_MAX ? 1 : 2;
}

static uint16_t number_of(const sql_enum *list, const char *text) {
  const char *const *found = bsearch(&text, list->text, list->count, sizeof *list->text, by_bytes);
  return found == NULL ? SQL_NO_TEXT : (uint16_t)(found - list->text);
}

// What the codes 0 .. count-1 stand for; texts of none are NULL.
static ds_code codes_set(ds_sql *sql, sql_enum *list, const char *const *of, uint32_t count,
                         ds_error *err) {
  uint16_t *numbers = ds_arena_array(&sql->arena, count + 1u, sizeof *numbers);
  if (numbers == NULL)
    return no_memory(err);
  for (uint32_t i = 0; i < count; i++) {
    numbers[i] = of[i] == NULL || *of[i] == '\0' ? SQL_NO_TEXT : number_of(list, of[i]);
    list->has_none |= numbers[i] == SQL_NO_TEXT;
  }
  list->of = numbers;
  list->of_count = count;
  return DS_OK;
}

// Adds `extra` texts to those that codes stand for.
static ds_code list_make(ds_sql *sql, sql_list number, const char *const *of, uint32_t count,
                         const char *const *extra, uint32_t extra_count, ds_error *err) {
  sql_enum *list = &sql->lists[number];
  list->text = ds_arena_array(&sql->arena, count + extra_count + 1u, sizeof *list->text);
  if (list->text == NULL)
    return no_memory(err);
  for (uint32_t i = 0; i < count; i++)
    if (of[i] != NULL && *of[i] != '\0')
      list->text[list->count++] = of[i];
  for (uint32_t i = 0; i < extra_count; i++)
    list->text[list->count++] = extra[i];
  texts_arrange(list);
  return codes_set(sql, list, of, count, err);
}

// What the store's touchpoints, and those of the catalogue behind them, are called, and where they
// stand in a journey.
typedef struct touchpoint_texts {
  const char **name;
  const char **stage;
  const char **actor;
} touchpoint_texts;

static ds_code touchpoint_lists(ds_sql *sql, ds_error *err) {
  const ds_names *names = &sql->options.snapshot->space.touchpoints;
  const uint32_t count = names->count;
  touchpoint_texts texts = {
      ds_arena_array(&sql->arena, count + 1u, sizeof(char *)),
      ds_arena_array(&sql->arena, count + 1u, sizeof(char *)),
      ds_arena_array(&sql->arena, count + 1u, sizeof(char *)),
  };
  const char **shipped = ds_arena_array(&sql->arena, ds_touchpoints_count + 1u, sizeof *shipped);
  if (texts.name == NULL || texts.stage == NULL || texts.actor == NULL || shipped == NULL)
    return no_memory(err);
  for (uint32_t t = 0; t < count; t++) {
    texts.name[t] = ds_names_text(names, t);
    const ds_touchpoint *row = ds_catalogue_find(sql->options.schema->catalogue, names->text[t]);
    texts.stage[t] = row == NULL ? NULL
                     : row->stage == DS_STAGE_ANY ? "any" : ds_stage_name(row->stage);
    texts.actor[t] = row == NULL ? NULL : ds_actor_name(row->actor);
  }
  for (uint32_t t = 0; t < ds_touchpoints_count; t++)
    shipped[t] = ds_touchpoints[t].name;
  static const char *const stages[] = {"any", "order", "fulfilment", "transit", "last_mile",
                                       "delivery", "use", "feedback", "returns", "loyalty"};
  static const char *const actors[] = {"customer", "company", "carrier", "system"};
  TRY(list_make(sql, SQL_TOUCHPOINTS, texts.name, count, shipped, ds_touchpoints_count, err));
  TRY(list_make(sql, SQL_STAGES, texts.stage, count, stages, sizeof stages / sizeof *stages, err));
  return list_make(sql, SQL_ACTORS, texts.actor, count, actors, sizeof actors / sizeof *actors,
                   err);
}

static ds_code source_list(ds_sql *sql, ds_error *err) {
  const ds_names *names = &sql->options.snapshot->space.sources;
  const char **texts = ds_arena_array(&sql->arena, names->count + 1u, sizeof *texts);
  if (texts == NULL)
    return no_memory(err);
  for (uint32_t s = 0; s < names->count; s++)
    texts[s] = ds_names_text(names, s);
  return list_make(sql, SQL_SOURCES, texts, names->count, NULL, 0, err);
}

// Whether the store has the names that a segment speaks of.
static ds_code is_known(const ds_sql *sql, const ds_segment *segment, bool *ret_known,
                        ds_error *err) {
  ds_arena arena;
  ds_case_program *program = NULL;
  uint32_t rule = 0;
  ds_arena_init(&arena, (size_t)16 << 20);
  ds_code code = ds_case_program_new(sql->options.schema, &arena, &program, NULL);
  if (code == DS_OK)
    code = ds_case_program_add_condition(program, ds_str_of(segment->expression), &rule, NULL);
  ds_arena_done(&arena);
  *ret_known = code == DS_OK;
  return code == DS_MEMORY ? no_memory(err) : DS_OK;
}

static ds_code segment_list(ds_sql *sql, ds_error *err) {
  const ds_schema *schema = sql->options.schema;
  const char **texts = ds_arena_array(&sql->arena, schema->segments_count + 1u, sizeof *texts);
  ds_case_program *program = NULL;
  uint32_t count = 0;
  if (texts == NULL)
    return no_memory(err);
  TRY(ds_case_program_new(schema, &sql->arena, &program, err));
  for (uint32_t s = 0; s < schema->segments_count; s++) {
    uint32_t rule = 0;
    bool known = false;
    TRY(is_known(sql, &schema->segments[s], &known, err));
    if (!known)
      continue;
    TRY(ds_case_program_add_condition(program, ds_str_of(schema->segments[s].expression), &rule,
                                      err));
    texts[count++] = schema->segments[s].name;
  }
  sql->segments = count == 0 ? NULL : program;
  return list_make(sql, SQL_SEGMENTS, texts, count, NULL, 0, err);
}

ds_code ds_sql_lists_make(ds_sql *sql, ds_error *err) {
  TRY(touchpoint_lists(sql, err));
  TRY(source_list(sql, err));
  return segment_list(sql, err);
}
