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
  return option->type == DS_OPTION_ARGUMENT || option->type == DS_OPTION_ARGUMENTS;
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
  return cli_unknown_command(name, err);
}

// Text in single quotes of a shell, with a backslash before the signs of `marked`.
static void put_quoted(const char *text, const char *marked) {
  for (; *text != '\0'; text++) {
    if (strchr(marked, *text) != NULL)
      putchar('\\');
    if (*text == '\'')
      printf("'\\''");
    else
      putchar(*text);
  }
}

// The choices of "a|b|c", space between.
static void put_choices(const char *choices) {
  for (; *choices != '\0'; choices++)
    putchar(*choices == '|' ? ' ' : *choices);
}

// The next entry to be completed from *at on; false past the last.
static bool next_entry(uint32_t *at, entry *ret_entry) {
  while (entry_at(*at, ret_entry)) {
    (*at)++;
    if (ret_entry->command == NULL || !cli_is_hidden(ret_entry->command))
      return true;
  }
  return false;
}

// Calls `each` for every option of an entry but plain words.
static void each_option(const entry *one,
                        void (*each)(const entry *one, const ds_option *option)) {
  for (uint32_t t = 0; t < one->tables_count; t++)
    for (uint32_t i = 0; i < one->tables[t].count; i++)
      if (!is_word(&one->tables[t].options[i]))
        each(one, &one->tables[t].options[i]);
}

// Before the command there are the common options only.
static entry no_entry(void) {
  entry none = {.name = "", .words = ""};
  none.tables_count = cli_option_tables(NULL, NULL, none.tables);
  return none;
}

// Whether an option's value, or what is written in the usage line, names a file or a folder.
static bool names_file(const char *argument) {
  return strstr(argument, "FILE") != NULL || strstr(argument, "DIR") != NULL ||
         strstr(argument, "STORE") != NULL;
}

// What may follow a command's name without dashes.
typedef enum word_kind { WORDS_NONE, WORDS_FILES, WORDS_COMMANDS } word_kind;

static word_kind words_of(const entry *one) {
  const bool files = one->question != NULL || (one->command != NULL && one->command->takes_data);
  if (strstr(one->words, "COMMAND") != NULL)
    return WORDS_COMMANDS;
  // --data takes every file behind it.
  return files || names_file(one->words) ? WORDS_FILES : WORDS_NONE;
}

static void bash_name(const entry *one, const ds_option *option) {
  (void)one;
  printf(" --%s", option->name);
}

static void bash_value(const entry *one, const ds_option *option) {
  (void)one;
  if (option->type != DS_OPTION_FLAG && !names_file(option->argument))
    printf(" --%s", option->name);
}

static void bash_file(const entry *one, const ds_option *option) {
  (void)one;
  if (names_file(option->argument))
    printf(" --%s", option->name);
}

static void bash_choices(const entry *one, const ds_option *option) {
  if (option->type != DS_OPTION_CHOICE)
    return;
  printf("    '%s --%s') choices='", one->name, option->name);
  put_choices(option->choices);
  printf("' ;;\n");
}

static void bash_entry(const entry *one) {
  static const char *const words[] = {"", "files", "names"};
  printf("    '%s') options='", one->name);
  each_option(one, bash_name);
  printf("' values='");
  each_option(one, bash_value);
  printf(" ' files='");
  each_option(one, bash_file);
  printf(" ' words='%s' ;;\n", words[words_of(one)]);
}

static void put_names(void) {
  entry one;
  for (uint32_t at = 0; next_entry(&at, &one);)
    printf("%s%s", at == 1 ? "" : " ", one.name);
}

// A word is either of a choice, a file (which is left to the shell), an option or a command.
static void print_bash(void) {
  entry one = no_entry();
  printf("# bash completion for doorstep\n"
         "_doorstep() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local word command= names options= values= files= words= choices=\n"
         "  COMPREPLY=()\n"
         "  # --name=value comes as three words.\n"
         "  if [[ $cur == = ]]; then cur=\n"
         "  elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}\n"
         "  fi\n"
         "  names='");
  put_names();
  printf("'\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    if [[ \" $names \" == *\" $word \"* ]]; then command=$word; break; fi\n"
         "  done\n"
         "  case $command in\n");
  bash_entry(&one);
  for (uint32_t at = 0; next_entry(&at, &one);)
    bash_entry(&one);
  printf("  esac\n  case \"$command $prev\" in\n");
  one = no_entry();
  each_option(&one, bash_choices);
  for (uint32_t at = 0; next_entry(&at, &one);)
    each_option(&one, bash_choices);
  printf("  esac\n"
         "  [[ $files == *\" $prev \"* ]] && return\n"
         "  if [[ -n $choices ]]; then COMPREPLY=($(compgen -W \"$choices\" -- \"$cur\"))\n"
         "  elif [[ $values == *\" $prev \"* ]]; then :\n"
         "  elif [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
         "  elif [[ -z $command || $words == names ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$names\" -- \"$cur\"))\n"
         "  elif [[ -n $words ]]; then return\n"
         "  fi\n"
         "  [[ -n ${COMPREPLY[*]} ]] || compopt +o default 2>/dev/null\n"
         "}\n"
         "complete -o default -F _doorstep doorstep\n");
}

static void zsh_option(const entry *one, const ds_option *option) {
  (void)one;
  printf("        '--%s%s[", option->name, option->type == DS_OPTION_FLAG ? "" : "=");
  put_quoted(option->help, "[]\\");
  printf("]");
  if (option->type == DS_OPTION_CHOICE) {
    printf(":%s:(", option->name);
    put_choices(option->choices);
    printf(")");
  } else if (option->type != DS_OPTION_FLAG) {
    printf(":%s:%s", option->name, names_file(option->argument) ? "_files" : " ");
  }
  printf("' \\\n");
}

static void print_zsh(void) {
  static const char *const words[] = {"*: : ", "*:file:_files", "*:command:->command"};
  entry one = no_entry();
  printf("#compdef doorstep\n"
         "local curcontext=$curcontext state line\n"
         "local -a commands\n"
         "commands=(\n");
  for (uint32_t at = 0; next_entry(&at, &one);) {
    printf("  '%s:", one.name);
    put_quoted(one.purpose, "\\");
    printf("'\n");
  }
  printf(")\n"
         "_arguments -C \\\n");
  one = no_entry();
  each_option(&one, zsh_option);
  printf("        '1:command:->command' \\\n"
         "        '*::argument:->argument'\n"
         "if [[ $state == argument ]]; then\n"
         "  case $words[1] in\n");
  for (uint32_t at = 0; next_entry(&at, &one);) {
    printf("    %s)\n      _arguments -C \\\n", one.name);
    each_option(&one, zsh_option);
    printf("        '%s' ;;\n", words[words_of(&one)]);
  }
  printf("  esac\n"
         "fi\n"
         "if [[ $state == command ]]; then _describe command commands; fi\n");
}

static void fish_option(const entry *one, const ds_option *option) {
  printf("complete -c doorstep -n '__doorstep_is \"%s\"' -l %s -d '", one->name, option->name);
  for (const char *c = option->help; *c != '\0'; c++)
    printf(*c == '\'' || *c == '\\' ? "\\%c" : "%c", *c);
  printf("'");
  if (option->type == DS_OPTION_CHOICE) {
    printf(" -x -a '");
    put_choices(option->choices);
    printf("'");
  } else if (option->type != DS_OPTION_FLAG) {
    printf(names_file(option->argument) ? " -r -F" : " -x");
  }
  printf("\n");
}

// Offers the commands where none was given, or behind one.
static void fish_commands(const char *behind) {
  entry one;
  for (uint32_t at = 0; next_entry(&at, &one);) {
    printf("complete -c doorstep -n '__doorstep_is \"%s\"' -a %s -d '", behind, one.name);
    for (const char *c = one.purpose; *c != '\0'; c++)
      printf(*c == '\'' || *c == '\\' ? "\\%c" : "%c", *c);
    printf("'\n");
  }
}

static void print_fish(void) {
  entry one = no_entry();
  printf("# fish completion for doorstep\n"
         "# Whether the command given so far is that; \"\" is none.\n"
         "function __doorstep_is\n"
         "  set -l command ''\n"
         "  for word in (commandline -opc)[2..-1]\n"
         "    if contains -- $word ");
  put_names();
  printf("\n"
         "      set command $word\n"
         "      break\n"
         "    end\n"
         "  end\n"
         "  test \"$command\" = \"$argv[1]\"\n"
         "end\n"
         "complete -c doorstep -f\n");
  fish_commands("");
  each_option(&one, fish_option);
  for (uint32_t at = 0; next_entry(&at, &one);) {
    each_option(&one, fish_option);
    if (words_of(&one) == WORDS_FILES)
      printf("complete -c doorstep -n '__doorstep_is \"%s\"' -F\n", one.name);
    else if (words_of(&one) == WORDS_COMMANDS)
      fish_commands(one.name);
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
