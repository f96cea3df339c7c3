// SPDX-License-Identifier: Apache-2.0
// One run of the program: what was asked on the command line, and what the commands share. Every
// command is one row of a table; usage text, the manual page docs/cli.md and the parser are read
// from it. Results go to stdout, everything else to stderr. May use everything below floor 9. The
// signal handler's pointer is the program's only mutable variable at file scope (signals.c).
#ifndef DS_CLI_CLI_H
#define DS_CLI_CLI_H

#include <stdio.h>

#include "ask/ask.h"
#include "base/progress.h"
#include "ingest/import.h"
#include "ingest/settings.h"
#include "question/question.h"

#define CLI_VALUES_MAX 128u
#define CLI_STORE_NAME "doorstep.store"
#define CLI_ARGUMENTS_MAX 65536u
// What one command may hold in its arena: options, results, rendered text.
#define CLI_ARENA_BYTES_MAX ((size_t)4 << 30)

typedef struct cli cli;

// A row of the command table. A question has a row of its own in ds_questions[] and runs through
// cli_run_question.
typedef struct cli_command {
  const char *name;
  const char *group;     // heading in the help
  const char *purpose;   // one line
  const char *arguments; // as shown in the usage line, "" = none
  uint32_t arguments_min;
  uint32_t arguments_max;
  const char *example; // a command line
  const ds_option *options;
  uint32_t options_count;
  ds_code (*run)(cli *run, ds_error *err);
  bool takes_data; // --data as a question does
} cli_command;

// Options under one heading of the help; NULL = they go on under the heading before.
typedef struct cli_option_table {
  const char *heading;
  const ds_option *options;
  uint32_t count;
} cli_option_table;
#define CLI_TABLES_MAX 6u

// The run. Texts belong to argv or the environment.
struct cli {
  const cli_command *command;
  const ds_question *question; // set when the command is a question
  const char **arguments;      // positional ones
  uint32_t arguments_count;
  const char **files; // of --data
  uint32_t files_count;
  // Options in the order given, common ones too; a command may add one.
  ds_option_value values[CLI_VALUES_MAX + 2];
  uint32_t values_count;
  bool help;
  bool quiet;
  bool json_errors;
  bool force;
  bool pipe_closed; // the reader of stdout has gone away
  uint32_t threads;
  size_t memory_bytes;
  ds_arena arena;
  ds_progress progress;
  uint32_t progress_columns; // of the progress line now on the terminal, 0 = none
  char store[DS_PATH_BYTES_MAX];
  ds_ask *ask;      // what the command asks, once it is open; until the run ends
  char saved[128];  // before a message: where the saved question that is asked stands
  ds_arena words;   // of its command line
  const char *text; // that the positions in errors speak of; NULL: it is found among the options
  ds_buf said;      // words to the user, which must be said also when there is no memory left,
  ds_buf shown;     // and as they are shown
};

// The table, its rows, and the options that every command takes.
extern const cli_command cli_commands[];
extern const uint32_t cli_commands_count;
extern const ds_option cli_common_options[];
extern const uint32_t cli_common_options_count;
// What the program adds to the options of every question; --data and --segments come first.
extern const ds_option cli_question_options[];
extern const uint32_t cli_question_options_count;
// How files are read, of a question with --data.
extern const ds_option cli_reading_options[];
extern const uint32_t cli_reading_options_count;
// All options of a command or question, in the order of the help; returns how many tables.
uint32_t cli_option_tables(const cli_command *command, const ds_question *question,
                           cli_option_table tables[CLI_TABLES_MAX]);
// The option that a question's word without dashes gives, or NULL.
const ds_option *cli_argument_of(const ds_question *question);

// The row of a name, or NULL.
const cli_command *cli_command_find(const char *name);
// DS_USAGE: there is no command or question of the name; says the nearest.
ds_code cli_unknown_command(const char *name, ds_error *err);

// Reads argv into *run. DS_USAGE with the nearest name for an unknown command or option; a
// question's own options are read like a command's. run->command is NULL when none was given.
DS_CHECKED ds_code cli_parse(cli *run, int argc, char **argv, ds_error *err);

// The value given last for an option, or NULL; whether a flag was given; how often an option was
// given, and its value number `index`.
const char *cli_value(const cli *run, const char *name);
bool cli_flag(const cli *run, const char *name);
uint32_t cli_values(const cli *run, const char *name);
const char *cli_value_at(const cli *run, const char *name, uint32_t index);

// The value of an option as a count (default when not given); "2m" and "20k" are understood.
DS_CHECKED ds_code cli_count(const cli *run, const char *name, uint64_t preset,
                             uint64_t *ret_count, ds_error *err);

// Reads a count ("20000", "20k", "2m") or a size in bytes ("512M", "2G", "768MiB").
bool cli_read_count(ds_str text, uint64_t *ret_count);
bool cli_read_bytes(ds_str text, uint64_t *ret_bytes);

// --- help.c
void cli_print_overview(void);
void cli_print_help(const cli_command *command, const ds_question *question);
void cli_print_markdown(void);
// Whether a command is left out of overviews and completion.
bool cli_is_hidden(const cli_command *command);

// --- manual.c
// The manual page of a command or question, of the program for NULL; a shell's completion; the
// names of all commands and questions, one a line.
DS_CHECKED ds_code cli_print_man(const char *name, ds_error *err);
void cli_print_completion(const char *shell);
void cli_print_names(void);

// --- report.c: words to the user
// Takes memory for them beforehand, so that want of it can be told; false: there is none.
bool cli_words_init(cli *run);
void cli_words_done(cli *run);
// Prints "doorstep: MESSAGE" (or one JSON object), with a caret under the expression at fault.
void cli_report(cli *run, ds_code code, const ds_error *err);
// A line on stderr, unless --quiet.
void cli_say(cli *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Progress on stderr when that is a terminal; cli_progress_end wipes the line.
void cli_progress_start(cli *run);
void cli_progress_end(cli *run);

// --- place.c: where the store is
// Finds the store by --store, DOORSTEP_STORE, or the nearest doorstep.store upwards. With `create`
// a store not found is "doorstep.store" here. Fills run->store; *ret_exists tells whether there is
// one. DS_MISSING when there is none and !create.
DS_CHECKED ds_code cli_find_store(cli *run, bool create, bool *ret_exists, ds_error *err);
// Whether the user named a store, by --store or DOORSTEP_STORE.
bool cli_store_named(const cli *run);
// Fills run->store with where a new store goes; one in a folder above does not keep this one from
// having its own. DS_USAGE when there is one already.
DS_CHECKED ds_code cli_new_store(cli *run, ds_error *err);
// The file with the master key that the user named, by DOORSTEP_KEY_FILE; NULL: the store's own.
const char *cli_key_file(void);
// Finds and opens the store; says so when it makes one.
DS_CHECKED ds_code cli_open_store(cli *run, bool write, bool create, ds_store **ret_store,
                                  ds_error *err);
// The libduckdb.so beside the program or in its private folder, or NULL (the system's).
const char *cli_duckdb_path(cli *run);

// --- store.c: upkeep
// Merges the parts that are due behind an import, unless --no-compact; what hinders it is said, and
// is no failure of the import, which stands. So is how many events retention took out.
void cli_merge_due(cli *run, ds_store *store);
// Says why parts were not merged, and what to do.
void cli_say_unmerged(cli *run, const ds_error *why);

// --- import.c
// The options of an import as given on the command line, for `files`.
DS_CHECKED ds_code cli_import_options(cli *run, const char *const *files, uint32_t files_count,
                                      ds_import_options *ret_options, ds_error *err);
// Imports into the store, which is taken and closed, and shows how far it is. NULL: a dry run. The
// result, in the run's arena, also tells what came of an import that failed.
DS_CHECKED ds_code cli_import_into(cli *run, ds_store *store, const ds_import_options *options,
                                   ds_result **ret_result, ds_error *err);

// --- data.c: --data, files instead of a store
// Opens into run->ask what is asked: the files of --data, else the store. Says on stderr how files
// were read when that is new.
DS_CHECKED ds_code cli_open_ask(cli *run, ds_error *err);
// What the options that choose events ask of run->ask, which is open: they mean what they mean to a
// question, but that a period chooses single events unless --range says more.
DS_CHECKED ds_code cli_select_events(cli *run, ds_request *ret_request, ds_error *err);
// Says on stderr how many personal values were opened, when --personal asked for them.
void cli_say_unsealed(cli *run);

// --- cache.c: the throw-away stores
// The folder that holds them, made when absent; of CLI_CACHE_BYTES at least. DS_MISSING when
// neither XDG_CACHE_HOME nor HOME says where.
#define CLI_CACHE_BYTES (DS_PATH_BYTES_MAX - 128)
DS_CHECKED ds_code cli_cache_folder(char *out, ds_error *err);
// Removes a folder and all in it; what cannot be removed stays.
void cli_cache_remove(const char *path);
// Removes the stores used longest ago (a folder's time of change tells) until the others keep
// within the limits, and what was left half made; never the store called `name`.
void cli_cache_tidy(const char *folder, const char *name);

// --- output.c: where results go
// The terminal's width (80 when it is none, COLUMNS when set).
uint32_t cli_columns(void);
// Renders a result in the chosen format to stdout or --output. cli_show_text does so with a text.
DS_CHECKED ds_code cli_show_text(cli *run, const ds_buf *text, ds_error *err);
DS_CHECKED ds_code cli_show(cli *run, const ds_result *result, ds_error *err);
// Says a result's notes on stderr.
void cli_say_notes(cli *run, const ds_result *result);
// Writes to stdout; a reader that has gone away is no error but sets run->pipe_closed.
DS_CHECKED ds_code cli_write(cli *run, const void *data, size_t size, ds_error *err);

// A file under construction: written beside its final name and renamed when it is whole.
typedef struct cli_file {
  FILE *stream;
  char path[DS_PATH_BYTES_MAX];
  char temporary[DS_PATH_BYTES_MAX + 16];
} cli_file;
// DS_USAGE when the file of --output exists and --force was not given: nobody waits for an answer
// that then goes nowhere. A folder may be meant (run --all).
DS_CHECKED ds_code cli_check_output(const cli *run, ds_error *err);
// The same, when it exists by now.
DS_CHECKED ds_code cli_file_open(cli *run, const char *path, cli_file *ret_file, ds_error *err);
DS_CHECKED ds_code cli_file_write(cli_file *file, const void *data, size_t size, ds_error *err);
DS_CHECKED ds_code cli_file_finish(cli_file *file, ds_error *err);
// Removes what was written; fine after finish.
void cli_file_abandon(cli_file *file);

// Where a long text goes piece by piece: a file, or stdout when `file` has no stream.
typedef struct cli_sink {
  cli *run;
  cli_file file;
} cli_sink;
// Takes the next piece; `context` is the sink.
DS_CHECKED ds_code cli_sink_write(void *context, const void *data, size_t size, ds_error *err);
// --- features.c: rows that never are together in memory
// Reads the file that `features --at FILE.csv` names, for the request; does nothing when it names
// none. The caller is done with *instants after the request.
DS_CHECKED ds_code cli_features_instants(cli *run, ds_request *request, ds_instants *instants,
                                         ds_error *err);
// Whether the question's rows go out as they are made: features into CSV or Parquet.
bool cli_streams(const cli *run);
// Asks it so; *result gets all but the rows.
DS_CHECKED ds_code cli_stream(cli *run, const ds_request *request, ds_result *result,
                              ds_error *err);

// --- boards.c
// DS_USAGE: there is no such board; says the nearest.
ds_code cli_unknown_board(const ds_board_list *list, const char *name, ds_error *err);

// --- signals.c
// From now on Ctrl-C and SIGTERM set progress->stop; a second one ends the program at once.
void cli_catch_signals(ds_progress *progress);
// From now on the process leaves no core dump: what it reads may be personal.
void cli_refuse_dumps(void);

// --- the commands
ds_code cli_run_init(cli *run, ds_error *err);
ds_code cli_run_status(cli *run, ds_error *err);
ds_code cli_run_check(cli *run, ds_error *err);
ds_code cli_run_seal(cli *run, ds_error *err);
ds_code cli_run_compact(cli *run, ds_error *err);
ds_code cli_run_backup(cli *run, ds_error *err);
ds_code cli_run_restore(cli *run, ds_error *err);
ds_code cli_run_retype(cli *run, ds_error *err);
ds_code cli_run_upgrade(cli *run, ds_error *err);
ds_code cli_run_import(cli *run, ds_error *err);
ds_code cli_run_imports(cli *run, ds_error *err);
ds_code cli_run_undo_import(cli *run, ds_error *err);
ds_code cli_run_lists(cli *run, ds_error *err);
ds_code cli_run_link(cli *run, ds_error *err);
ds_code cli_run_unlink(cli *run, ds_error *err);
ds_code cli_run_subject(cli *run, ds_error *err);
ds_code cli_run_key(cli *run, ds_error *err);
ds_code cli_run_append(cli *run, ds_error *err);
ds_code cli_run_export(cli *run, ds_error *err);
ds_code cli_run_simulate(cli *run, ds_error *err);
ds_code cli_run_sql(cli *run, ds_error *err);
ds_code cli_run_run(cli *run, ds_error *err);
ds_code cli_run_report(cli *run, ds_error *err);
ds_code cli_run_boards(cli *run, ds_error *err);
ds_code cli_run_serve(cli *run, ds_error *err);
ds_code cli_run_explain(cli *run, ds_error *err);
ds_code cli_run_help(cli *run, ds_error *err);
ds_code cli_run_question(cli *run, ds_error *err);
// `doorstep` alone: the overview of the store here, or how to begin.
ds_code cli_run_nothing(cli *run, ds_error *err);

#endif
