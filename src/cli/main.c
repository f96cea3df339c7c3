// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "cli/cli.h"

static ds_code run_command(cli *run, ds_error *err) {
  if (cli_flag(run, "help")) {
    if (run->command == NULL && run->question == NULL)
      cli_print_overview();
    else
      cli_print_help(run->command, run->question);
    return DS_OK;
  }
  if (run->question != NULL)
    return cli_run_question(run, err);
  if (run->command != NULL)
    return run->command->run(run, err);
  return cli_run_nothing(run, err);
}

// Results must have left the program before it says that all went well.
static ds_code flush_results(cli *run, ds_code code, ds_error *err) {
  const bool flushed = fflush(stdout) == 0;
  run->pipe_closed = run->pipe_closed || (!flushed && errno == EPIPE);
  if (flushed || run->pipe_closed || code != DS_OK)
    return code;
  return ds_fail(err, DS_IO, "the result could not be written");
}

static bool wants_version(int argc, char **argv) {
  return argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0);
}

int main(int argc, char **argv) {
  if (wants_version(argc, argv)) {
    printf("doorstep %s\n", DS_PROGRAM_VERSION);
    return fflush(stdout) == 0 ? 0 : ds_code_exit(DS_IO);
  }
  // Too large for the stack of a small machine, and there is one run only.
  cli *run = (cli *)calloc(1, sizeof *run);
  if (run == NULL || !cli_words_init(run)) {
    fputs("doorstep: out of memory\n", stderr);
    return ds_code_exit(DS_MEMORY);
  }
  ds_arena_init(&run->arena, CLI_ARENA_BYTES_MAX);
  cli_refuse_dumps();
  cli_catch_signals(&run->progress);
  ds_error err = {.code = DS_OK};
  ds_code code = cli_parse(run, argc, argv, &err);
  if (code == DS_OK)
    code = cli_check_output(run, &err);
  if (code == DS_OK)
    code = run_command(run, &err);
  cli_progress_end(run);
  code = flush_results(run, code, &err);
  // DS_NO without a message is an answer that was shown already.
  if (code != DS_OK && !run->pipe_closed && (code != DS_NO || err.message[0] != '\0'))
    cli_report(run, code, &err);
  const bool pipe_closed = run->pipe_closed;
  ds_ask_free(run->ask);
  ds_arena_done(&run->words);
  ds_arena_done(&run->arena);
  cli_words_done(run);
  free(run);
  if (pipe_closed) {
    // The shell is to see what it sees of any program whose reader has gone away.
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
  }
  return ds_code_exit(code);
}
