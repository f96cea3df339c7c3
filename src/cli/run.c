// SPDX-License-Identifier: Apache-2.0
// run: the questions that doorstep.yaml keeps. A saved question becomes the command line that it
// stands for and is read like one, so tables, options and exit status are the same.
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "render/render.h"

// What stays while one question after the other has the run's arena.
typedef struct saved_run {
  cli *run;
  ds_arena *arena; // the run's own, for what outlives a question
  ds_saved_list list;
  ds_option_value given[CLI_VALUES_MAX]; // of the command line of `run` itself
  uint32_t given_count;
  bool all;
} saved_run;

static const char *given_value(const saved_run *work, const char *name) {
  for (uint32_t i = work->given_count; i-- > 0;)
    if (strcmp(work->given[i].name, name) == 0)
      return work->given[i].text;
  return NULL;
}

static ds_code settings_load(saved_run *work, ds_error *err) {
  bool exists = false;
  ds_settings settings;
  TRY(cli_find_store(work->run, false, &exists, err));
  TRY(ds_settings_read(ds_io_posix(), work->run->store, work->arena, &settings, err));
  work->list = settings.saved;
  if (settings.saved.count == 0)
    return ds_fail(err, DS_USAGE, "there are no saved questions: write them under `questions` in "
                   "%.300s/doorstep.yaml, see docs/run.md", work->run->store);
  return DS_OK;
}

static ds_code find_saved(const saved_run *work, const char *name, const ds_saved **ret_saved,
                          ds_error *err) {
  const char *names[DS_SAVED_MAX];
  for (uint32_t i = 0; i < work->list.count; i++) {
    names[i] = work->list.items[i].name;
    if (strcmp(names[i], name) == 0) {
      *ret_saved = &work->list.items[i];
      return DS_OK;
    }
  }
  const char *near = ds_str_nearest(ds_str_of(name), names, work->list.count);
  return ds_fail(err, DS_USAGE, "doorstep.yaml has no question '%.100s'%s%s%s", name,
                 near == NULL ? "; doorstep run lists them" : "; did you mean '",
                 near == NULL ? "" : near, near == NULL ? "" : "'?");
}

// --- the command line

typedef struct words {
  saved_run *work;
  char **argv;
  int argc;
  bool no_memory;
} words;

// One more word: "--name=text", "--name", or with an empty name the text.
static void put_word(words *to, const char *name, const char *text) {
  const bool named = *name != '\0';
  const size_t size = strlen(name) + strlen(text) + 4;
  char *word = (char *)ds_arena_alloc(to->work->arena, size);
  if (word == NULL) {
    to->no_memory = true;
    return;
  }
  snprintf(word, size, "%s%s%s%s", named ? "--" : "", name, named && *text != '\0' ? "=" : "",
           text);
  to->argv[to->argc++] = word;
}

static bool is_flag(const ds_saved *saved, const char *name) {
  cli_option_table tables[CLI_TABLES_MAX];
  const cli_command *command = cli_command_find(saved->question);
  const ds_question *question = ds_question_find(ds_str_of(saved->question));
  const uint32_t count = cli_option_tables(command, question, tables);
  for (uint32_t t = 0; t < count; t++)
    for (uint32_t i = 0; i < tables[t].count; i++)
      if (strcmp(tables[t].options[i].name, name) == 0)
        return tables[t].options[i].type == DS_OPTION_FLAG;
  return false;
}

static ds_code put_saved_option(words *to, const ds_saved *saved, const ds_option_value *option,
                                ds_error *err) {
  static const char *const refused[] = {"store", "data", "help"};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    if (strcmp(option->name, refused[i]) == 0)
      return ds_fail(err, DS_USAGE, "a saved question takes no --%s: it is about this store",
                     option->name);
  if (!is_flag(saved, option->name)) {
    put_word(to, option->name, option->text);
    return DS_OK;
  }
  if (strcmp(option->text, "true") == 0)
    put_word(to, option->name, "");
  else if (strcmp(option->text, "false") != 0)
    return ds_fail(err, DS_USAGE, "%s is true or false", option->name);
  return DS_OK;
}

static const char *saved_value(const ds_saved *saved, const char *name) {
  for (uint32_t i = saved->options_count; i-- > 0;)
    if (strcmp(saved->options[i].name, name) == 0)
      return saved->options[i].text;
  return NULL;
}

// FOLDER/NAME.FORMAT when all go to a folder.
static ds_code put_output(words *to, const ds_saved *saved, ds_error *err) {
  const char *folder = given_value(to->work, "output");
  const char *format = given_value(to->work, "format");
  format = format != NULL ? format : saved_value(saved, "format");
  const ds_format *row = ds_format_of_name(ds_str_of(format == NULL ? "json" : format));
  char path[DS_PATH_BYTES_MAX];
  const int size = snprintf(path, sizeof path, "%s/%s%s", folder, saved->name,
                            row == NULL ? "" : row->suffix);
  if (size < 0 || size >= (int)sizeof path)
    return ds_fail(err, DS_USAGE, "--output: the name is too long");
  put_word(to, "output", path);
  if (format == NULL)
    put_word(to, "format", "json");
  return DS_OK;
}

static ds_code put_words(words *to, const ds_saved *saved, ds_error *err) {
  saved_run *work = to->work;
  const bool folder = work->all && given_value(work, "output") != NULL;
  put_word(to, "", "doorstep");
  put_word(to, "", saved->question);
  for (uint32_t i = 0; i < saved->options_count; i++)
    TRY(put_saved_option(to, saved, &saved->options[i], err));
  for (uint32_t i = 0; i < work->given_count; i++)
    if (strcmp(work->given[i].name, "all") != 0 &&
        !(folder && strcmp(work->given[i].name, "output") == 0))
      put_word(to, work->given[i].name, work->given[i].text);
  if (folder)
    TRY(put_output(to, saved, err));
  put_word(to, "", "--");
  for (uint32_t i = 0; i < saved->arguments_count; i++)
    put_word(to, "", saved->arguments[i]);
  return DS_OK;
}

// --- asked

// Makes the run one that begins.
static void run_reset(cli *run) {
  ds_ask_free(run->ask);
  run->ask = NULL;
  ds_arena_reset(&run->arena);
  run->command = NULL;
  run->question = NULL;
  run->text = NULL;
  run->values_count = run->arguments_count = run->files_count = 0;
  run->memory_bytes = 0;
}

static ds_code ask(saved_run *work, const ds_saved *saved, ds_error *err) {
  cli *run = work->run;
  words line = {.work = work};
  if (ds_question_find(ds_str_of(saved->question)) == NULL && strcmp(saved->question, "sql") != 0) {
    if (cli_command_find(saved->question) != NULL)
      return ds_fail(err, DS_USAGE, "%.100s is no question: a saved one is a question, or sql",
                     saved->question);
    return cli_unknown_command(saved->question, err);
  }
  const size_t count = 8u + saved->options_count + work->given_count + saved->arguments_count;
  line.argv = (char **)ds_arena_array(work->arena, count, sizeof *line.argv);
  if (line.argv == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  TRY(put_words(&line, saved, err));
  if (line.no_memory)
    return ds_fail(err, DS_MEMORY, "out of memory");
  TRY(cli_parse(run, line.argc, line.argv, err));
  TRY(cli_check_output(run, err));
  return run->question != NULL ? cli_run_question(run, err) : run->command->run(run, err);
}

// Asks one question; errors say where it stands.
static ds_code ask_saved(saved_run *work, const ds_saved *saved, ds_error *err) {
  snprintf(work->run->saved, sizeof work->run->saved, "doorstep.yaml line %u, %s", saved->line,
           saved->name);
  run_reset(work->run);
  return ask(work, saved, err);
}

// One after the other; the first failure decides the exit status.
static ds_code ask_all(saved_run *work, ds_error *err) {
  cli *run = work->run;
  ds_code first = DS_OK;
  uint32_t failed = 0;
  for (uint32_t i = 0; i < work->list.count && !run->pipe_closed; i++) {
    ds_error local = {.code = DS_OK};
    if (!run->quiet && given_value(work, "output") == NULL)
      cli_say(run, "%s%s:", i == 0 ? "" : "\n", work->list.items[i].name);
    const ds_code code = ask_saved(work, &work->list.items[i], &local);
    cli_progress_end(run);
    if (code == DS_OK || run->pipe_closed)
      continue;
    cli_report(run, code, &local);
    first = first == DS_OK ? code : first;
    failed++;
    if (code == DS_INTERRUPTED)
      break;
  }
  run_reset(run);
  run->saved[0] = '\0';
  return failed == 0 ? DS_OK : ds_fail(err, first, "%u of %u saved questions failed", failed,
                                       work->list.count);
}

// --- listed

static ds_code list_saved(saved_run *work, ds_error *err) {
  static const ds_column columns[] = {
      {"name", DS_CELL_TEXT, "", "as in doorstep run NAME", false},
      {"question", DS_CELL_TEXT, "", "the command", false},
      {"words", DS_CELL_TEXT, "", "its arguments and options", false},
  };
  cli *run = work->run;
  ds_result *result = (ds_result *)ds_arena_alloc(&run->arena, sizeof *result);
  if (result == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  ds_result_init(result, &run->arena, "run");
  result->definition = "The questions that doorstep.yaml keeps: doorstep run NAME asks one, "
                       "doorstep run --all asks all.";
  ds_table *table = ds_result_table(result, "saved", "Saved questions", columns, 3);
  for (uint32_t i = 0; table != NULL && i < work->list.count; i++) {
    const ds_saved *saved = &work->list.items[i];
    ds_buf text;
    ds_buf_init(&text, 1u << 20);
    for (uint32_t a = 0; a < saved->arguments_count; a++)
      ds_buf_printf(&text, "%s%s", text.size == 0 ? "" : " ", saved->arguments[a]);
    for (uint32_t o = 0; o < saved->options_count; o++)
      ds_buf_printf(&text, "%s--%s %s", text.size == 0 ? "" : " ", saved->options[o].name,
                    saved->options[o].text);
    ds_cell *cells = ds_table_row(result, table);
    if (cells != NULL) {
      cells[0] = ds_cell_text(result, ds_str_of(saved->name));
      cells[1] = ds_cell_text(result, ds_str_of(saved->question));
      cells[2] = ds_cell_text(result, ds_str_of(ds_buf_cstr(&text)));
    }
    ds_buf_tell(&text, &run->arena);
    ds_buf_done(&text);
  }
  if (table == NULL || run->arena.refused)
    return ds_fail(err, DS_MEMORY, "out of memory");
  return cli_show(run, result, err);
}

static ds_code check_folder(const saved_run *work, ds_error *err) {
  const char *folder = given_value(work, "output");
  struct stat info;
  if (!work->all || folder == NULL)
    return DS_OK;
  if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode))
    return ds_fail(err, DS_USAGE, "--all writes one file a question: --output %.200s must be a "
                   "folder that is there", folder);
  return DS_OK;
}

static ds_code dispatch(saved_run *work, const char *name, ds_error *err) {
  const ds_saved *saved = NULL;
  if (work->all && name != NULL)
    return ds_fail(err, DS_USAGE, "give a name or --all, not both");
  TRY(check_folder(work, err));
  TRY(settings_load(work, err));
  if (work->all)
    return ask_all(work, err);
  if (name == NULL)
    return list_saved(work, err);
  TRY(find_saved(work, name, &saved, err));
  return ask_saved(work, saved, err);
}

ds_code cli_run_run(cli *run, ds_error *err) {
  saved_run work = {.run = run, .arena = &run->words, .given_count = run->values_count,
                    .all = cli_flag(run, "all")};
  memcpy(work.given, run->values, run->values_count * sizeof *run->values);
  ds_arena_init(&run->words, (size_t)64 << 20);
  return dispatch(&work, run->arguments_count > 0 ? run->arguments[0] : NULL, err);
}
