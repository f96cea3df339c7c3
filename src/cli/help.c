// SPDX-License-Identifier: Apache-2.0
// Help and the manual page, both read from the tables of commands, questions and options.
#include "cli/cli.h"
#include "server/openapi.h"

// Headings of the groups, in the order shown.
static const char *const groups[][2] = {
    {"in", "Bring events in"},
    {"questions", "Ask"},
    {"store", "Keep the store"},
    {"people", "Keep people's data"},
    {"help", "Help"},
};
#define GROUPS (sizeof groups / sizeof groups[0])

// `seal` is for tests and for the impatient.
bool cli_is_hidden(const cli_command *command) {
  return strcmp(command->name, "seal") == 0;
}

// Prints text broken at spaces, all lines but the first indented by `indent`.
static void print_wrapped(const char *text, uint32_t indent, uint32_t width) {
  uint32_t column = indent;
  while (*text != '\0') {
    const uint32_t size = (uint32_t)strcspn(text, " ");
    if (column > indent && column + 1 + size > width) {
      printf("\n%*s", (int)indent, "");
      column = indent;
    } else if (column > indent) {
      putchar(' ');
      column++;
    }
    printf("%.*s", (int)size, text);
    column += size;
    text += size + (text[size] == ' ');
  }
  putchar('\n');
}

// The width of running text: that of the terminal, but no wider than reads well.
static uint32_t text_width(void) {
  enum { WIDTH_MAX = 96 };
  const uint32_t columns = cli_columns();
  return columns < WIDTH_MAX ? columns : WIDTH_MAX;
}

static void print_purpose(const char *name, const char *purpose) {
  enum { INDENT = 15 };
  printf("  %-12s ", name);
  print_wrapped(purpose, INDENT, text_width());
}

static void print_group(const char *group) {
  for (uint32_t i = 0; i < cli_commands_count; i++) {
    if (strcmp(cli_commands[i].group, group) == 0 && !cli_is_hidden(&cli_commands[i]))
      print_purpose(cli_commands[i].name, cli_commands[i].purpose);
  }
  for (uint32_t i = 0; strcmp(group, "questions") == 0 && i < ds_questions_count; i++)
    print_purpose(ds_questions[i].name, ds_questions[i].purpose);
}

void cli_print_overview(void) {
  printf("doorstep: from post-purchase events to the journeys they tell\n\n"
         "usage: doorstep [--store DIR] COMMAND [arguments] [options]\n");
  for (size_t g = 0; g < GROUPS; g++) {
    printf("\n%s\n", groups[g][1]);
    print_group(groups[g][0]);
  }
  printf("\nTo begin:\n"
         "  doorstep simulate --orders 20k -o shop.csv\n"
         "  doorstep import shop.csv\n"
         "  doorstep map --case order_id\n"
         "or, without keeping anything:\n"
         "  doorstep map --data shop.csv --case order_id\n\n"
         "doorstep COMMAND --help explains a command.\n");
}

// "--name ARGUMENT", with the choices where there are some; "ARGUMENT" for a plain word.
static void option_head(const ds_option *option, char *out, size_t size) {
  const bool choice = option->type == DS_OPTION_CHOICE;
  if (option->type == DS_OPTION_ARGUMENT || option->type == DS_OPTION_ARGUMENTS)
    snprintf(out, size, "%s", option->argument);
  else
    snprintf(out, size, "--%s%s%s", option->name, option->type == DS_OPTION_FLAG ? "" : " ",
             choice ? option->choices : option->argument);
}

static void print_options(const ds_option *options, uint32_t count) {
  enum { INDENT = 27 };
  for (uint32_t i = 0; i < count; i++) {
    char head[128];
    char help[512];
    option_head(&options[i], head, sizeof head);
    const bool preset = options[i].preset != NULL && options[i].preset[0] != '\0';
    snprintf(help, sizeof help, "%s%s%s%s", options[i].help, preset ? " (default " : "",
             preset ? options[i].preset : "", preset ? ")" : "");
    if (strlen(head) > INDENT - 4)
      printf("  %s\n%*s", head, INDENT, "");
    else
      printf("  %-*s", INDENT - 2, head);
    print_wrapped(help, INDENT, text_width());
  }
}

static void print_title(const char *name, const char *purpose) {
  char title[512];
  snprintf(title, sizeof title, "doorstep %s: %s", name, purpose);
  print_wrapped(title, 0, text_width());
  putchar('\n');
}

void cli_print_help(const cli_command *command, const ds_question *question) {
  const ds_option *argument = question != NULL ? cli_argument_of(question) : NULL;
  const char *words = command != NULL ? command->arguments
                      : argument != NULL ? argument->argument
                                         : "";
  const char *name = command != NULL ? command->name : question->name;
  print_title(name, command != NULL ? command->purpose : question->purpose);
  printf("usage: doorstep [--store DIR] %s%s%s [options]\n", name, words[0] != '\0' ? " " : "",
         words);
  printf("example: %s\n", command != NULL ? command->example : question->example);
  cli_option_table tables[CLI_TABLES_MAX];
  const uint32_t count = cli_option_tables(command, question, tables);
  for (uint32_t t = 0; t < count; t++) {
    if (tables[t].count > 0 && tables[t].heading != NULL)
      printf("\n%s\n", tables[t].heading);
    print_options(tables[t].options, tables[t].count);
  }
}

// A cell of a Markdown table must not hold a bare '|'.
static void print_cell(const char *text) {
  for (; *text != '\0'; text++) {
    if (*text == '|')
      putchar('\\');
    putchar(*text);
  }
}

static void markdown_rows(const ds_option *options, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    char head[128];
    option_head(&options[i], head, sizeof head);
    printf("| `");
    print_cell(head);
    printf("` | ");
    print_cell(options[i].help);
    printf(" | %s |\n", options[i].preset != NULL ? options[i].preset : "");
  }
}

static void markdown_options(const ds_option *options, uint32_t count) {
  if (count == 0)
    return;
  printf("\n| option | meaning | default |\n|---|---|---|\n");
  markdown_rows(options, count);
}

// The purpose as the begin of a sentence, and the example.
static void markdown_purpose(const char *purpose, const char *example) {
  const char first = purpose[0];
  printf("%c%s.\n\n    %s\n", first >= 'a' && first <= 'z' ? first - 'a' + 'A' : first,
         purpose + 1, example);
}

static void markdown_group(const char *group) {
  for (uint32_t i = 0; i < cli_commands_count; i++) {
    const cli_command *command = &cli_commands[i];
    if (strcmp(command->group, group) != 0 || cli_is_hidden(command))
      continue;
    const bool arguments = command->arguments[0] != '\0';
    printf("\n### `%s%s%s`\n\n", command->name, arguments ? " " : "", command->arguments);
    markdown_purpose(command->purpose, command->example);
    markdown_options(command->options, command->options_count);
    if (command->takes_data)
      markdown_rows(cli_question_options, 1);
  }
  for (uint32_t i = 0; strcmp(group, "questions") == 0 && i < ds_questions_count; i++) {
    const ds_option *argument = cli_argument_of(&ds_questions[i]);
    printf("\n### `%s%s%s`\n\n", ds_questions[i].name, argument != NULL ? " " : "",
           argument != NULL ? argument->argument : "");
    markdown_purpose(ds_questions[i].purpose, ds_questions[i].example);
    markdown_options(ds_questions[i].options, ds_questions[i].options_count);
  }
}

void cli_print_markdown(void) {
  printf("# The command line\n\n"
         "Made by `tools/gen_docs.py` from the program's own tables; do not edit.\n\n"
         "`doorstep [--store DIR] COMMAND [arguments] [options]`. Results go to stdout, all else\n"
         "to stderr. Exit statuses: [exit-status.md](exit-status.md). `doorstep` alone shows the\n"
         "store here, or how to begin. Counts may be written 20k or 2m. Notes and warnings\n"
         "stand below a result's tables and in its JSON; with CSV and SVG they go to stderr.\n\n"
         "## Options of every command\n");
  markdown_options(cli_common_options, cli_common_options_count);
  printf("\n## Options of every question\n");
  markdown_options(ds_common_options, ds_common_options_count);
  markdown_rows(cli_question_options, cli_question_options_count);
  printf("\nWith `--data`, which `explain` and `export` take too, how files are read:\n");
  markdown_options(cli_reading_options, cli_reading_options_count);
  for (size_t g = 0; g < GROUPS; g++) {
    printf("\n## %s\n", groups[g][1]);
    markdown_group(groups[g][0]);
  }
}

static ds_code show_openapi(cli *run, ds_error *err) {
  ds_buf text;
  ds_buf_init(&text, (size_t)16 << 20);
  ds_code code = ds_openapi_write(&text, err);
  if (code == DS_OK)
    code = cli_show_text(run, &text, err);
  ds_buf_done(&text);
  return code;
}

ds_code cli_run_help(cli *run, ds_error *err) {
  if (cli_flag(run, "openapi"))
    return show_openapi(run, err);
  if (cli_flag(run, "markdown")) {
    cli_print_markdown();
    return DS_OK;
  }
  if (cli_flag(run, "names")) {
    cli_print_names();
    return DS_OK;
  }
  if (cli_flag(run, "completion")) {
    cli_print_completion(cli_value(run, "completion"));
    return DS_OK;
  }
  if (cli_flag(run, "man"))
    return cli_print_man(run->arguments_count == 0 ? NULL : run->arguments[0], err);
  if (run->arguments_count == 0) {
    cli_print_overview();
    return DS_OK;
  }
  const char *name = run->arguments[0];
  const cli_command *command = cli_command_find(name);
  const ds_question *question = ds_question_find(ds_str_of(name));
  if (command == NULL && question == NULL)
    return cli_unknown_command(name, err);
  cli_print_help(command, command == NULL ? question : NULL);
  return DS_OK;
}
