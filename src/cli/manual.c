// SPDX-License-Identifier: Apache-2.0
// Manual pages and the shells' completion, made from the tables of commands, questions and options
// when the program is installed (tools/install_manuals.py).
#include "cli/cli.h"

// A command or question.
typedef struct entry {
  const cli_command *command;
  const ds_question *question;
  const char *name;
  const char *purpose;
  const char *words; // as shown in the usage line
  const char *example;
  cli_option_table tables[CLI_TABLES_MAX];
  uint32_t tables_count;
} entry;

// Entry `at` of commands, then questions; false past the last.
static bool entry_at(uint32_t at, entry *ret_entry) {
  entry one = {.words = ""};
  if (at < cli_commands_count) {
    const cli_command *command = &cli_commands[at];
    one = (entry){command, NULL, command->name, command->purpose, command->arguments,
                  command->example, {{0}}, 0};
  } else if (at - cli_commands_count < ds_questions_count) {
    const ds_question *question = &ds_questions[at - cli_commands_count];
    const ds_option *argument = cli_argument_of(question);
    one = (entry){NULL, question, question->name, question->purpose,
                  argument == NULL ? "" : argument->argument, question->example, {{0}}, 0};
  } else {
    return false;
  }
  one.tables_count = cli_option_tables(one.command, one.question, one.tables);
  *ret_entry = one;
  return true;
}

// Whether an option is given as a word without dashes.
static bool is_word(const ds_option *option) {
  return option->type == DS_OPTION_ARGUMENT;
}

void cli_print_names(void) {
  entry one;
  for (uint32_t at = 0; entry_at(at, &one); at++)
    printf("%s\n", one.name);
}

// Text of a manual page: '-' is a minus, and nothing begins a request.
static void put_roff(const char *text) {
  if (*text == '.' || *text == '\'')
    printf("\\&");
  for (; *text != '\0'; text++) {
    if (*text == '\\')
      printf("\\e");
    else if (*text == '-')
      printf("\\-");
    else
      putchar(*text);
  }
}

static void roff_options(const ds_option *options, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    const ds_option *option = &options[i];
    const char *argument =
        option->type == DS_OPTION_CHOICE ? option->choices : option->argument;
    printf(".TP\n");
    if (!is_word(option)) {
      printf("\\fB\\-\\-");
      put_roff(option->name);
      printf("\\fR%s", *argument == '\0' ? "" : " ");
    }
    printf("\\fI");
    put_roff(argument);
    printf("\\fR\n");
    put_roff(option->help);
    if (option->preset != NULL && *option->preset != '\0') {
      printf(" (default ");
      put_roff(option->preset);
      printf(")");
    }
    printf("\n");
  }
}

static void roff_head(const char *page, const char *name, const char *purpose) {
  printf(".TH %s 1 \"\" \"doorstep %s\" \"Doorstep\"\n.SH NAME\n", page, DS_PROGRAM_VERSION);
  put_roff(name);
  printf(" \\- ");
  put_roff(purpose);
  printf("\n.SH SYNOPSIS\n.B doorstep\n");
}

static void roff_foot(void) {
  printf(".SH EXIT STATUS\n"
         "0 done; 1 the answer is no; 2 usage or expression; 3 bad input data; 4 store busy, "
         "damaged or missing; 5 input, output or memory.\n"
         ".SH ENVIRONMENT\n"
         ".TP\n.B DOORSTEP_STORE\nthe store, when there is no \\-\\-store\n"
         ".TP\n.B XDG_CACHE_HOME\nwhere \\-\\-data keeps what it imported\n"
         ".TP\n.BR COLUMNS \", \" NO_COLOR\nhow tables are shown on a terminal\n");
}

static void print_page(const entry *one) {
  char name[128];
  snprintf(name, sizeof name, "doorstep-%s", one->name);
  roff_head(name, name, one->purpose);
  printf(".RB [ \\-\\-store \" \" \\fIDIR\\fR ]\n.B ");
  put_roff(one->name);
  printf("\n");
  if (one->words[0] != '\0') {
    printf(".I ");
    put_roff(one->words);
    printf("\n");
  }
  printf(".RI [ options ]\n.SH EXAMPLE\n.EX\n");
  put_roff(one->example);
  printf("\n.EE\n");
  for (uint32_t t = 0; t < one->tables_count; t++) {
    if (one->tables[t].count > 0 && one->tables[t].heading != NULL) {
      printf(".SH \"");
      put_roff(one->tables[t].heading);
      printf("\"\n");
    }
    roff_options(one->tables[t].options, one->tables[t].count);
  }
  roff_foot();
  printf(".SH SEE ALSO\n.BR doorstep (1)\n");
}

static void print_main_page(void) {
  entry one;
  roff_head("doorstep", "doorstep", "from post-purchase events to the journeys they tell");
  printf(".RB [ \\-\\-store \" \" \\fIDIR\\fR ]\n.I COMMAND\n.RI [ arguments ]\n.RI [ options ]\n"
         ".SH COMMANDS\nEach has a page of its own, as doorstep\\-import(1).\n");
  for (uint32_t at = 0; entry_at(at, &one); at++) {
    printf(".TP\n.B ");
    put_roff(one.name);
    printf("\n");
    put_roff(one.purpose);
    printf("\n");
  }
  printf(".SH OPTIONS\n");
  roff_options(cli_common_options, cli_common_options_count);
  roff_foot();
}

ds_code cli_print_man(const char *name, ds_error *err) {
  entry one;
  if (name == NULL) {
    print_main_page();
    return DS_OK;
  }
  for (uint32_t at = 0; entry_at(at, &one); at++) {
    if (strcmp(one.name, name) == 0) {
      print_page(&one);
      return DS_OK;
    }
  }
  return ds_fail(err, DS_USAGE, "no command '%.100s'; doorstep --help lists them", name);
}

// Text in single quotes of a shell, without the signs of `without`.
static void put_quoted(const char *text, const char *without) {
  for (; *text != '\0'; text++) {
    if (*text == '\'')
      printf("'\\''");
    else if (strchr(without, *text) == NULL)
      putchar(*text);
  }
}

// The choices of "a|b|c", space between.
static void put_choices(const char *choices) {
  for (; *choices != '\0'; choices++)
    putchar(*choices == '|' ? ' ' : *choices);
}

// Calls `each` for every option of an entry but plain words.
static void each_option(const entry *one,
                        void (*each)(const entry *one, const ds_option *option)) {
  for (uint32_t t = 0; t < one->tables_count; t++)
    for (uint32_t i = 0; i < one->tables[t].count; i++)
      if (!is_word(&one->tables[t].options[i]))
        each(one, &one->tables[t].options[i]);
}

static void bash_name(const entry *one, const ds_option *option) {
  (void)one;
  printf(" --%s", option->name);
}

static void bash_choices(const entry *one, const ds_option *option) {
  if (option->type != DS_OPTION_CHOICE)
    return;
  printf("    '%s --%s') choices='", one->name, option->name);
  put_choices(option->choices);
  printf("' ;;\n");
}

static void print_bash(void) {
  entry one;
  printf("# bash completion for doorstep\n"
         "_doorstep() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local word command= options= choices=\n"
         "  COMPREPLY=()\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case $word in\n      ");
  for (uint32_t at = 0; entry_at(at, &one); at++)
    printf("%s%s", at == 0 ? "" : "|", one.name);
  printf(") command=$word; break ;;\n    esac\n  done\n  case $command in\n    '') options='");
  for (uint32_t at = 0; entry_at(at, &one); at++)
    printf("%s ", one.name);
  printf("--store --help --version' ;;\n");
  for (uint32_t at = 0; entry_at(at, &one); at++) {
    printf("    %s) options='", one.name);
    each_option(&one, bash_name);
    printf("' ;;\n");
  }
  printf("  esac\n  case \"$command $prev\" in\n");
  for (uint32_t at = 0; entry_at(at, &one); at++)
    each_option(&one, bash_choices);
  printf("  esac\n"
         "  if [[ -n $choices ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$choices\" -- \"$cur\"))\n"
         "  elif [[ -z $command || $cur == -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
         "  fi\n"
         "}\n"
         "complete -o default -F _doorstep doorstep\n");
}

static void zsh_option(const entry *one, const ds_option *option) {
  (void)one;
  printf("        '--%s%s[", option->name, option->type == DS_OPTION_FLAG ? "" : "=");
  put_quoted(option->help, "[]:\\");
  printf("]");
  if (option->type == DS_OPTION_CHOICE) {
    printf(":%s:(", option->name);
    put_choices(option->choices);
    printf(")");
  } else if (option->type != DS_OPTION_FLAG) {
    printf(":%s:_files", option->name);
  }
  printf("' \\\n");
}

static void print_zsh(void) {
  entry one;
  printf("#compdef doorstep\n"
         "local -a commands\n"
         "commands=(\n");
  for (uint32_t at = 0; entry_at(at, &one); at++) {
    printf("  '%s:", one.name);
    put_quoted(one.purpose, ":\\");
    printf("'\n");
  }
  printf(")\n"
         "if (( CURRENT == 2 )); then\n"
         "  _describe 'command' commands\n"
         "else\n"
         "  case $words[2] in\n");
  for (uint32_t at = 0; entry_at(at, &one); at++) {
    printf("    %s)\n      _arguments \\\n", one.name);
    each_option(&one, zsh_option);
    printf("        '*:file:_files' ;;\n");
  }
  printf("    *) _files ;;\n  esac\nfi\n");
}

static void fish_option(const entry *one, const ds_option *option) {
  printf("complete -c doorstep -n '__fish_seen_subcommand_from %s' -l %s -d '", one->name,
         option->name);
  for (const char *c = option->help; *c != '\0'; c++)
    printf(*c == '\'' || *c == '\\' ? "\\%c" : "%c", *c);
  printf("'");
  if (option->type == DS_OPTION_CHOICE) {
    printf(" -x -a '");
    put_choices(option->choices);
    printf("'");
  } else if (option->type != DS_OPTION_FLAG) {
    printf(" -r");
  }
  printf("\n");
}

static void print_fish(void) {
  entry one;
  printf("# fish completion for doorstep\n");
  for (uint32_t at = 0; entry_at(at, &one); at++) {
    printf("complete -c doorstep -f -n __fish_use_subcommand -a %s -d '", one.name);
    for (const char *c = one.purpose; *c != '\0'; c++)
      printf(*c == '\'' || *c == '\\' ? "\\%c" : "%c", *c);
    printf("'\n");
    each_option(&one, fish_option);
  }
}

void cli_print_completion(const char *shell) {
  if (strcmp(shell, "bash") == 0)
    print_bash();
  else if (strcmp(shell, "zsh") == 0)
    print_zsh();
  else
    print_fish();
}
