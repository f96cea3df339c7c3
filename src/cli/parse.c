// SPDX-License-Identifier: Apache-2.0
// Options may stand anywhere after the command; the common ones also before it. "--" ends them.
#include <assert.h>
#include <stdlib.h>

#include "base/pool.h"
#include "cli/cli.h"

// What is read, and how far.
typedef struct reader {
  cli *run;
  char **argv;
  int argc;
  int at;
  bool only_arguments; // after "--"
} reader;

static const ds_option *option_in(const ds_option *options, uint32_t count, const char *name,
                                  size_t size) {
  for (uint32_t i = 0; i < count; i++) {
    if (strlen(options[i].name) == size && memcmp(options[i].name, name, size) == 0)
      return &options[i];
  }
  return NULL;
}

uint32_t cli_option_tables(const cli_command *command, const ds_question *question,
                           cli_option_table tables[CLI_TABLES_MAX]) {
  uint32_t count = 0;
  if (command != NULL)
    tables[count++] = (cli_option_table){"Options", command->options, command->options_count};
  if (command != NULL && command->takes_data)
    tables[count++] = (cli_option_table){NULL, cli_question_options, 2};
  if (question != NULL) {
    tables[count++] = (cli_option_table){"Options of this question", question->options,
                                         question->options_count};
    tables[count++] = (cli_option_table){"Options of every question", ds_common_options,
                                         ds_common_options_count};
    tables[count++] = (cli_option_table){NULL, cli_question_options, cli_question_options_count};
  }
  if (question != NULL || (command != NULL && command->takes_data))
    tables[count++] = (cli_option_table){"With --data: how the files are read",
                                         cli_reading_options, cli_reading_options_count};
  tables[count++] = (cli_option_table){"Options of every command", cli_common_options,
                                       cli_common_options_count};
  assert(count <= CLI_TABLES_MAX);
  return count;
}

static const ds_option *option_find(const cli *run, const char *name, size_t size) {
  cli_option_table tables[CLI_TABLES_MAX];
  const uint32_t count = cli_option_tables(run->command, run->question, tables);
  const ds_option *found = NULL;
  for (uint32_t t = 0; t < count && found == NULL; t++)
    found = option_in(tables[t].options, tables[t].count, name, size);
  return found;
}

// The only name that begins so, or NULL.
static const char *begun(ds_str given, const char *const *names, uint32_t count) {
  const char *found = NULL;
  for (uint32_t i = 0; i < count; i++) {
    if (given.size < 2 || strncmp(names[i], given.data, given.size) != 0)
      continue;
    if (found != NULL && strcmp(found, names[i]) != 0)
      return NULL;
    found = names[i];
  }
  return found;
}

static const char *nearest(ds_str given, const char *const *names, uint32_t count) {
  const char *found = begun(given, names, count);
  return found != NULL ? found : ds_str_nearest(given, names, count);
}

static ds_code unknown_option(const cli *run, const char *name, size_t size, ds_error *err) {
  enum { MAX = 256 };
  const char *names[MAX];
  uint32_t count = 0;
  cli_option_table tables[CLI_TABLES_MAX];
  const uint32_t tables_count = cli_option_tables(run->command, run->question, tables);
  for (uint32_t t = 0; t < tables_count; t++)
    for (uint32_t i = 0; i < tables[t].count && count < MAX; i++)
      names[count++] = tables[t].options[i].name;
  const ds_str given = {name, (uint32_t)size};
  const char *near = nearest(given, names, count);
  const char *command = run->command != NULL    ? run->command->name
                        : run->question != NULL ? run->question->name
                                                : NULL;
  if (near != NULL)
    return ds_fail(err, DS_USAGE, "unknown option --%.*s; did you mean --%s?", DS_STR(given), near);
  return ds_fail(err, DS_USAGE, "unknown option --%.*s; see doorstep %s%s--help", DS_STR(given),
                 command != NULL ? command : "", command != NULL ? " " : "");
}

ds_code cli_unknown_command(const char *name, ds_error *err) {
  enum { MAX = 256 };
  const char *names[MAX];
  uint32_t count = 0;
  for (uint32_t i = 0; i < cli_commands_count && count < MAX; i++)
    names[count++] = cli_commands[i].name;
  for (uint32_t i = 0; i < ds_questions_count && count < MAX; i++)
    names[count++] = ds_questions[i].name;
  const char *near = nearest(ds_str_of(name), names, count);
  if (near != NULL)
    return ds_fail(err, DS_USAGE, "unknown command '%.100s'; did you mean '%s'?", name, near);
  return ds_fail(err, DS_USAGE, "unknown command '%.100s'; doorstep --help lists them", name);
}

static ds_code add_value(cli *run, const char *name, const char *text, ds_error *err) {
  if (run->values_count == CLI_VALUES_MAX)
    return ds_fail(err, DS_LIMIT, "more than %u options", CLI_VALUES_MAX);
  run->values[run->values_count++] = (ds_option_value){name, text};
  return DS_OK;
}

// Whether `text` is one of the "a|b|c".
static bool is_choice(const char *choices, const char *text) {
  const size_t size = strlen(text);
  for (const char *at = choices; *at != '\0';) {
    const size_t length = strcspn(at, "|");
    if (length == size && memcmp(at, text, size) == 0)
      return true;
    at += length + (at[length] == '|');
  }
  return false;
}

static ds_code check_value(const ds_option *option, const char *text, ds_error *err) {
  if (option->type == DS_OPTION_CHOICE && !is_choice(option->choices, text))
    return ds_fail(err, DS_USAGE, "--%s takes one of %s, not '%.100s'", option->name,
                   option->choices, text);
  return DS_OK;
}

// Takes one file after '=', else every word up to the next option.
static ds_code read_files(reader *in, const ds_option *option, const char *text, ds_error *err) {
  cli *run = in->run;
  const uint32_t before = run->files_count;
  if (text != NULL && *text != '\0')
    run->files[run->files_count++] = text;
  while (text == NULL && in->at < in->argc && in->argv[in->at][0] != '-')
    run->files[run->files_count++] = in->argv[in->at++];
  if (run->files_count == before)
    return ds_fail(err, DS_USAGE, "--%s needs a file: --%s %s", option->name, option->name,
                   option->argument);
  return add_value(run, option->name, run->files[before], err);
}

// One "--name", "--name=value" or "--name value".
static ds_code read_long(reader *in, const char *word, ds_error *err) {
  const char *name = word + 2;
  const size_t size = strcspn(name, "=");
  const ds_option *option = option_find(in->run, name, size);
  if (option == NULL)
    return unknown_option(in->run, name, size, err);
  if (option->type == DS_OPTION_FLAG) {
    if (name[size] == '=')
      return ds_fail(err, DS_USAGE, "--%s takes no value", option->name);
    return add_value(in->run, option->name, "", err);
  }
  const char *text = name[size] == '=' ? name + size + 1 : NULL;
  if (option->type == DS_OPTION_FILES)
    return read_files(in, option, text, err);
  if (text == NULL && in->at < in->argc)
    text = in->argv[in->at++];
  if (text == NULL)
    return ds_fail(err, DS_USAGE, "--%s needs a value: --%s %s", option->name, option->name,
                   option->argument);
  TRY(check_value(option, text, err));
  return add_value(in->run, option->name, text, err);
}

// "-o FILE", "-q", "-h".
static ds_code read_short(reader *in, const char *word, ds_error *err) {
  if (strcmp(word, "-q") == 0)
    return add_value(in->run, "quiet", "", err);
  if (strcmp(word, "-h") == 0)
    return add_value(in->run, "help", "", err);
  if (word[1] != 'o')
    return ds_fail(err, DS_USAGE, "unknown option %.100s; see doorstep --help", word);
  const char *text = word[2] != '\0' ? word + 2 : NULL;
  if (text == NULL && in->at < in->argc)
    text = in->argv[in->at++];
  if (text == NULL)
    return ds_fail(err, DS_USAGE, "-o needs a file name");
  return add_value(in->run, "output", text, err);
}

const ds_option *cli_argument_of(const ds_question *question) {
  for (uint32_t i = 0; i < question->options_count; i++) {
    if (question->options[i].type == DS_OPTION_ARGUMENT ||
        question->options[i].type == DS_OPTION_ARGUMENTS)
      return &question->options[i];
  }
  return NULL;
}

// One more word of several: each is a line of the option's text.
static ds_code read_more(reader *in, const ds_option *option, const char *word, ds_error *err) {
  cli *run = in->run;
  const char *before = cli_value(run, option->name);
  const size_t begin = before == NULL ? 0 : strlen(before) + 1, size = strlen(word);
  char *text = ds_arena_array(&run->arena, begin + size + 1, 1);
  if (text == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  for (size_t i = 0; i + 1 < begin; i++)
    text[i] = before[i];
  if (begin > 0)
    text[begin - 1] = '\n';
  for (size_t i = 0; i < size; i++)
    text[begin + i] = word[i] == '\n' ? ' ' : word[i];
  text[begin + size] = '\0';
  for (uint32_t i = 0; i < run->values_count; i++)
    if (strcmp(run->values[i].name, option->name) == 0) {
      run->values[i].text = text;
      return DS_OK;
    }
  return add_value(run, option->name, text, err);
}

static ds_code read_argument(reader *in, const char *word, ds_error *err) {
  cli *run = in->run;
  if (run->command == NULL && run->question == NULL) {
    run->command = cli_command_find(word);
    if (run->command == NULL)
      run->question = ds_question_find(ds_str_of(word));
    return run->command == NULL && run->question == NULL ? cli_unknown_command(word, err) : DS_OK;
  }
  const ds_option *argument = run->question != NULL ? cli_argument_of(run->question) : NULL;
  if (argument != NULL && argument->type == DS_OPTION_ARGUMENTS)
    return read_more(in, argument, word, err);
  if (argument != NULL && cli_value(run, argument->name) == NULL)
    return add_value(run, argument->name, word, err);
  if (run->arguments_count == CLI_ARGUMENTS_MAX)
    return ds_fail(err, DS_LIMIT, "more than %u arguments", CLI_ARGUMENTS_MAX);
  run->arguments[run->arguments_count++] = word;
  return DS_OK;
}

static ds_code read_word(reader *in, ds_error *err) {
  const char *word = in->argv[in->at++];
  if (in->only_arguments || word[0] != '-' || word[1] == '\0')
    return read_argument(in, word, err);
  if (strcmp(word, "--") == 0) {
    in->only_arguments = true;
    return DS_OK;
  }
  return word[1] == '-' ? read_long(in, word, err) : read_short(in, word, err);
}

static ds_code check_arguments(const cli *run, ds_error *err) {
  const cli_command *command = run->command;
  if (run->help || (command == NULL && run->question == NULL))
    return DS_OK;
  if (command == NULL) {
    const ds_option *argument = cli_argument_of(run->question);
    if (run->arguments_count == 0)
      return DS_OK;
    return ds_fail(err, DS_USAGE, "%s takes %s%s: '%.100s'%s", run->question->name,
                   argument == NULL ? "no argument" : "only one ",
                   argument == NULL ? "" : argument->argument, run->arguments[0],
                   argument == NULL ? "" : " is too many");
  }
  if (run->arguments_count < command->arguments_min)
    return ds_fail(err, DS_USAGE, "%s needs %s%s; for example: %s", command->name,
                   command->arguments,
                   run->files_count > 0 ? " before --data, which takes every word behind it" : "",
                   command->example);
  if (run->arguments_count > command->arguments_max)
    return ds_fail(err, DS_USAGE, "%s takes %s%s: '%.100s' is too many", command->name,
                   command->arguments_max == 0 ? "no argument" : "only ", command->arguments,
                   run->arguments[command->arguments_max]);
  return DS_OK;
}

// The common options that mean a number.
static ds_code read_machine(cli *run, ds_error *err) {
  uint64_t threads = ds_processors();
  TRY(cli_count(run, "threads", threads, &threads, err));
  if (threads == 0 || threads > DS_THREADS_MAX)
    return ds_fail(err, DS_USAGE, "--threads takes 1 to %u", DS_THREADS_MAX);
  run->threads = (uint32_t)threads;
  const char *memory = cli_value(run, "memory");
  uint64_t bytes = 0;
  if (memory != NULL && (!cli_read_bytes(ds_str_of(memory), &bytes) || bytes < (16u << 20)))
    return ds_fail(err, DS_USAGE, "--memory takes a size of at least 16M, as 768M or 4G");
  run->memory_bytes = (size_t)bytes;
  return DS_OK;
}

ds_code cli_parse(cli *run, int argc, char **argv, ds_error *err) {
  reader in = {.run = run, .argv = argv, .argc = argc, .at = 1};
  // Known before the first error, so that it is reported in the form asked for.
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
    run->json_errors = run->json_errors || strcmp(argv[i], "--json-errors") == 0;
  run->arguments = (const char **)ds_arena_array(&run->arena, (size_t)argc + 1, sizeof(char *));
  run->files = (const char **)ds_arena_array(&run->arena, (size_t)argc + 1, sizeof(char *));
  if (run->arguments == NULL || run->files == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  while (in.at < argc)
    TRY(read_word(&in, err));
  run->help = cli_flag(run, "help");
  run->quiet = cli_flag(run, "quiet");
  run->force = cli_flag(run, "force");
  TRY(check_arguments(run, err));
  return read_machine(run, err);
}

const char *cli_value(const cli *run, const char *name) {
  for (uint32_t i = run->values_count; i-- > 0;) {
    if (strcmp(run->values[i].name, name) == 0)
      return run->values[i].text;
  }
  return NULL;
}

bool cli_flag(const cli *run, const char *name) {
  return cli_value(run, name) != NULL;
}

uint32_t cli_values(const cli *run, const char *name) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < run->values_count; i++)
    count += strcmp(run->values[i].name, name) == 0;
  return count;
}

const char *cli_value_at(const cli *run, const char *name, uint32_t index) {
  for (uint32_t i = 0; i < run->values_count; i++) {
    if (strcmp(run->values[i].name, name) == 0 && index-- == 0)
      return run->values[i].text;
  }
  return NULL;
}

// A whole number followed by one of the units; `units` are letters, each `base` times the one
// before.
static bool read_scaled(ds_str text, const char *units, uint64_t base, uint64_t *ret_value) {
  uint64_t scale = 1;
  if (text.size > 0) {
    const char last = text.data[text.size - 1];
    const char folded = last >= 'A' && last <= 'Z' ? (char)(last - 'A' + 'a') : last;
    const char *unit = strchr(units, folded);
    if (unit != NULL && folded != '\0') {
      for (const char *u = units; u <= unit; u++)
        scale *= base;
      text.size--;
    }
  }
  uint64_t value = 0;
  if (!ds_str_to_u64(text, &value) || value > UINT64_MAX / scale)
    return false;
  *ret_value = value * scale;
  return true;
}

bool cli_read_count(ds_str text, uint64_t *ret_count) {
  return read_scaled(text, "kmg", 1000, ret_count);
}

bool cli_read_bytes(ds_str text, uint64_t *ret_bytes) {
  static const char *const endings[] = {"iB", "B"};
  for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
    const uint32_t size = (uint32_t)strlen(endings[i]);
    if (text.size > size && memcmp(text.data + text.size - size, endings[i], size) == 0) {
      text.size -= size;
      break;
    }
  }
  return read_scaled(text, "kmgt", 1024, ret_bytes);
}

ds_code cli_count(const cli *run, const char *name, uint64_t preset, uint64_t *ret_count,
                  ds_error *err) {
  const char *text = cli_value(run, name);
  uint64_t count = preset;
  if (text != NULL && !cli_read_count(ds_str_of(text), &count))
    return ds_fail(err, DS_USAGE, "--%s takes a whole number, not '%.100s'", name, text);
  *ret_count = count;
  return DS_OK;
}
