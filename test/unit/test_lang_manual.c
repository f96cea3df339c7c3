// SPDX-License-Identifier: Apache-2.0
// The manual docs/language.md: every example on the page is run over the events on the page and
// means the events that the page says, or fails with the words that the page says; every function
// of the language is on it as the program describes it.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "kept_events.h"
#include "lang/segments.h"
#include "question_world.h"
#include "scan/property_types.h"

enum { COLUMNS_MAX = 32, LINE_BYTES = 1024 };

// A column of the page's events: "wait:duration".
typedef struct page_column {
  char name[64];
  ds_type type;
} page_column;

typedef struct page {
  char *text;
  ds_space space;
  qw_rows rows;
  ds_snapshot *snapshot;
  page_column column[COLUMNS_MAX];
  uint32_t columns;
} page;

static uint16_t name_of(ds_names *names, ds_str text) {
  uint32_t code = 0;
  assert_int_equal(ds_names_add(names, text, &code, NULL), DS_OK);
  return (uint16_t)code;
}

// The next line of *at without its end; false after the last.
static bool next_line(const char **at, char line[LINE_BYTES]) {
  if (**at == '\0')
    return false;
  const size_t size = strcspn(*at, "\n");
  assert_true(size < LINE_BYTES);
  memcpy(line, *at, size);
  line[size] = '\0';
  *at += size + ((*at)[size] == '\n');
  return true;
}

// The fields of a line, cut at commas in place; returns how many.
static uint32_t cut_fields(char *line, char *field[COLUMNS_MAX]) {
  uint32_t count = 0;
  for (char *at = line; at != NULL; count++) {
    assert_true(count < COLUMNS_MAX);
    field[count] = at;
    at = strchr(at, ',');
    if (at != NULL)
      *at++ = '\0';
  }
  return count;
}

static void read_header(page *p, char *line) {
  char *field[COLUMNS_MAX];
  p->columns = cut_fields(line, field);
  for (uint32_t c = 0; c < p->columns; c++) {
    char *type = strchr(field[c], ':');
    p->column[c].type = DS_TYPE_STRING;
    if (type != NULL) {
      *type++ = '\0';
      assert_true(ds_type_of_name(ds_str_of(type), &p->column[c].type));
    }
    snprintf(p->column[c].name, sizeof p->column[c].name, "%s", field[c]);
  }
}

static void read_event(page *p, char *line) {
  char *field[COLUMNS_MAX];
  ds_event_property properties[COLUMNS_MAX];
  ds_event_key key;
  ds_event event = {.subject = ds_str_of("customer_id=C1"), .has_id = true, .arrival = 1,
                    .properties = properties, .keys = &key};
  event.source = name_of(&p->space.sources, ds_str_of("page"));
  assert_int_equal(cut_fields(line, field), p->columns);
  for (uint32_t c = 0; c < p->columns; c++) {
    const char *name = p->column[c].name;
    ds_value value;
    if (*field[c] == '\0')
      continue;
    if (!ds_value_parse(ds_str_of(field[c]), p->column[c].type, &value))
      fail_msg("%s: %s", name, field[c]);
    if (strcmp(name, "nr") == 0)
      event.id = (uint64_t)value.number;
    else if (strcmp(name, "touchpoint") == 0)
      event.touchpoint = name_of(&p->space.touchpoints, value.text);
    else if (strcmp(name, "time") == 0)
      event.time_ms = event.received_ms = value.i;
    else if (strcmp(name, "order_id") == 0)
      event.keys[event.keys_count++] =
          (ds_event_key){name_of(&p->space.keys, ds_str_of(name)), value.text};
    else
      properties[event.properties_count++] =
          (ds_event_property){name_of(&p->space.properties, ds_str_of(name)), false, value};
  }
  qw_rows_put(&p->rows, &event);
}

static void read_text(page *p) {
  FILE *file = fopen("docs/language.md", "rb");
  assert_non_null(file);
  p->text = calloc(1, 1u << 20);
  assert_non_null(p->text);
  assert_true(fread(p->text, 1, (1u << 20) - 1, file) > 0);
  fclose(file);
}

static int page_open(void **context) {
  static page p;
  char line[LINE_BYTES];
  read_text(&p);
  ds_space_init(&p.space);
  const char *at = strstr(p.text, "```csv\n");
  assert_non_null(at);
  at += strlen("```csv\n");
  assert_true(next_line(&at, line));
  read_header(&p, line);
  while (next_line(&at, line) && strcmp(line, "```") != 0)
    read_event(&p, line);
  p.snapshot = qw_snapshot_new();
  qw_part_add(p.snapshot, &p.space, &p.rows);
  assert_int_equal(p.snapshot->events, p.rows.count);
  *context = &p;
  return 0;
}

static int page_close(void **context) {
  page *p = *context;
  qw_rows_done(&p->rows);
  qw_snapshot_free(p->snapshot);
  ds_space_done(&p->space);
  free(p->text);
  return 0;
}

// The events as the page lists them: "1 2 10".
static void list_events(const bool *kept, char out[LINE_BYTES]) {
  size_t used = 0;
  out[0] = '\0';
  for (uint32_t e = 1; e <= KEPT_EVENTS_MAX; e++)
    if (kept[e])
      used += (size_t)snprintf(out + used, LINE_BYTES - used, "%s%u", used == 0 ? "" : " ", e);
}

// What an expression about cases gives for the page's customer.
typedef struct case_asking {
  const ds_case_program *program;
  ds_columns columns;
  int64_t now_ms;
} case_asking;

typedef struct case_state {
  const case_asking *what;
  char text[LINE_BYTES];
} case_state;

static ds_code case_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  ((case_state *)memory)->what = context;
  return DS_OK;
}

static ds_code case_add(void *memory, const ds_block *block, ds_error *err) {
  case_state *state = memory;
  ds_case_evaluator *evaluator = NULL;
  ds_value value;
  assert_int_equal(block->journeys, 1);
  TRY(ds_case_evaluator_new(state->what->program, &state->what->columns, &evaluator, err));
  TRY(ds_case_begin(evaluator, block, err));
  TRY(ds_case_evaluate_one(evaluator, 0, 0, state->what->now_ms, &value, &(int64_t){0}, err));
  if (value.type == DS_TYPE_NULL)
    snprintf(state->text, sizeof state->text, "null");
  else
    ds_value_print(state->text, sizeof state->text, &value);
  ds_case_evaluator_free(evaluator);
  return DS_OK;
}

static ds_code case_merge(void *into, void *from, ds_error *err) {
  (void)into;
  (void)from;
  (void)err;
  return DS_OK;
}

static const ds_kernel case_kernel = {"case", sizeof(case_state), case_init, case_add, case_merge,
                                      NULL};

static ds_code find_case(const page *p, const ds_schema *schema, ds_str text, ds_arena *arena,
                         char found[LINE_BYTES], ds_error *err) {
  ds_case_program *program = NULL;
  uint32_t rule = 0;
  void *memory = NULL;
  ds_plan plan = {.threads = 1};
  TRY(ds_case_program_new(schema, arena, &program, err));
  TRY(ds_case_program_add(program, text, &rule, err));
  TRY(ds_case_program_columns(program, &plan.columns, arena, err));
  const case_asking what = {program, plan.columns, p->snapshot->time_max_ms};
  TRY(ds_scan(p->snapshot, &plan, &case_kernel, &what, arena, &memory, err));
  snprintf(found, LINE_BYTES, "%s", ((const case_state *)memory)->text);
  return DS_OK;
}

static void check_case_example(const page *p, ds_str text, const char *expected, bool is_error) {
  ds_arena arena;
  ds_schema schema;
  ds_error err = {0};
  char found[LINE_BYTES];
  ds_arena_init(&arena, 1u << 24);
  assert_int_equal(ds_schema_of(p->snapshot, &arena, &schema, NULL), DS_OK);
  assert_int_equal(ds_segments_shipped(&arena, &schema.segments, &schema.segments_count, NULL),
                   DS_OK);
  const ds_code code = find_case(p, &schema, text, &arena, found, &err);
  if ((code != DS_OK) != is_error)
    fail_msg("%.*s: %s", DS_STR(text), is_error ? "no error" : err.message);
  if (is_error)
    snprintf(found, sizeof found, "%s", err.message);
  if (strcmp(found, expected) != 0)
    fail_msg("%.*s: the page says \"%s\", found \"%s\"", DS_STR(text), expected, found);
  ds_arena_done(&arena);
}

static void check_example(const page *p, ds_str text, const char *expected, bool is_error,
                          bool selector) {
  ds_arena arena;
  ds_arena_init(&arena, 1u << 24);
  ds_schema schema;
  ds_plan plan = {.threads = 1};
  ds_error err = {0};
  char found[LINE_BYTES];
  assert_int_equal(ds_schema_of(p->snapshot, &arena, &schema, NULL), DS_OK);
  const ds_code code =
      is_error   ? ds_expression_parse(text, &schema, &arena, &plan.where, &err)
      : selector ? ds_selector_parse(text, &schema, &arena, &plan.where, &err)
                 : ds_predicate_parse(text, &schema, &arena, &plan.where, &err);
  if ((code != DS_OK) != is_error)
    fail_msg("%.*s: %s", DS_STR(text), is_error ? "no error" : err.message);
  if (is_error)
    snprintf(found, sizeof found, "%s", err.message);
  else
    list_events(kept_events(p->snapshot, &plan, &arena), found);
  if (strcmp(found, expected) != 0)
    fail_msg("%.*s: the page says \"%s\", found \"%s\"", DS_STR(text), expected, found);
  ds_arena_done(&arena);
}

// Cuts "| `expression` | rest |" in place; false for other lines.
static bool cut_row(char *line, ds_str *ret_expression, char **ret_rest) {
  if (strncmp(line, "| `", 3) != 0)
    return false;
  char *end = strstr(line + 3, "` | ");
  char *close = end == NULL ? NULL : strrchr(end + 3, '|');
  assert_true(close != NULL);
  while (close > end + 4 && close[-1] == ' ')
    close--;
  *close = '\0';
  *ret_expression = (ds_str){line + 3, (uint32_t)(end - line - 3)};
  *ret_rest = close == end + 3 ? close : end + 4;
  return true;
}

static void test_examples(void **context) {
  const page *p = *context;
  const char *at = p->text;
  char line[LINE_BYTES];
  bool examples = false, is_error = false, selector = false, is_case = false;
  uint32_t count = 0;
  while (next_line(&at, line)) {
    ds_str expression;
    char *rest = NULL;
    if (line[0] == '|' && line[2] != '`' && line[1] != '-') {
      is_case = strncmp(line, "| about the customer |", 22) == 0;
      is_error = strstr(line, "| error |") != NULL;
      selector = strcmp(line, "| selector | events |") == 0;
      examples = is_error || selector || is_case || strcmp(line, "| expression | events |") == 0;
    } else if (line[0] != '|') {
      examples = false;
    }
    if (!examples || !cut_row(line, &expression, &rest))
      continue;
    if (is_case)
      check_case_example(p, expression, rest, is_error);
    else
      check_example(p, expression, rest, is_error, selector);
    count++;
  }
  assert_true(count >= 58);
}

static void test_functions(void **context) {
  const page *p = *context;
  uint32_t f = 0;
  for (; ds_function_help_at(f).name != NULL; f++) {
    const ds_function_help help = ds_function_help_at(f);
    char row[256];
    snprintf(row, sizeof row, "\n| `%s` | %s |\n", help.usage, help.meaning);
    if (strstr(p->text, row) == NULL)
      fail_msg("the page lacks %s", row);
  }
  assert_int_equal(f, 9);
  for (f = 0; ds_case_form_help_at(f).name != NULL; f++) {
    const ds_function_help help = ds_case_form_help_at(f);
    char row[256];
    snprintf(row, sizeof row, "\n| `%s` | %s |\n", help.usage, help.meaning);
    if (strstr(p->text, row) == NULL)
      fail_msg("the page lacks %s", row);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_examples),
      cmocka_unit_test(test_functions),
  };
  return cmocka_run_group_tests(tests, page_open, page_close);
}
