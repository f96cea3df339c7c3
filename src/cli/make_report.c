// SPDX-License-Identifier: Apache-2.0
// report: one HTML file of a board, with the dashboard's script and style and all answers in it.
#include <assert.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "cli/cli.h"
#include "cli/embedded_dashboard.h"
#include "ingest/boards.h"
#include "render/report.h"

#define REPORT_BYTES_MAX ((size_t)512 << 20)

// The largest piece of memory that glibc may be told to keep.
#define KEPT_PIECE_BYTES (32 << 20)

// What every tile of the report is asked with.
static const char *const shared[] = {"case", "where", "cases", "from", "to", "range", "as-of",
                                     "known-at"};
enum { SHARED = sizeof shared / sizeof *shared };

static ds_str dashboard_file(const char *name) {
  for (size_t f = 0; f < ds_embedded_dashboard_count; f++)
    if (strcmp(ds_embedded_dashboard[f].name, name) == 0)
      return (ds_str){(const char *)ds_embedded_dashboard[f].bytes,
                      (uint32_t)ds_embedded_dashboard[f].size};
  assert(false);
  return (ds_str){"", 0};
}

static ds_code find_board(cli *run, const ds_board **ret_board, ds_error *err) {
  ds_board_list list;
  const char *name = run->arguments_count > 0 ? run->arguments[0] : ds_report_preset(run->ask);
  TRY(ds_boards_load(run->ask->io, run->ask->path, &run->ask->settings.boards, &run->arena, &list,
                     err));
  *ret_board = ds_board_find(&list, name);
  return *ret_board != NULL ? DS_OK : cli_unknown_board(&list, name, err);
}

// A word as a POSIX shell reads it.
static void put_word(ds_buf *out, const char *text) {
  if (*text != '\0' && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789_@%+=:,./-") == strlen(text)) {
    ds_buf_text(out, text);
    return;
  }
  ds_buf_u8(out, '\'');
  for (; *text != '\0'; text++)
    ds_buf_text(out, *text == '\'' ? "'\\''" : (char[]){*text, '\0'});
  ds_buf_u8(out, '\'');
}

// The command line that makes the report again, without where the store lies.
static ds_code command_of(cli *run, const ds_board *board, const ds_option_set *more,
                          const char **ret_command, ds_error *err) {
  ds_buf text;
  ds_buf_init(&text, 1u << 20);
  ds_buf_printf(&text, "doorstep report %s", board->name);
  for (uint32_t i = 0; i < more->count; i++) {
    ds_buf_printf(&text, " --%s ", more->values[i].name);
    put_word(&text, more->values[i].text);
  }
  if (cli_value(run, "title") != NULL) {
    ds_buf_text(&text, " --title ");
    put_word(&text, cli_value(run, "title"));
  }
  if (cli_flag(run, "personal"))
    ds_buf_text(&text, " --personal");
  ds_buf_text(&text, " -o report.html");
  const ds_code code = ds_buf_check(&text, "the command", err);
  *ret_command = ds_buf_keep(&text, &run->arena);
  ds_buf_done(&text);
  TRY(code);
  return *ret_command != NULL ? DS_OK : ds_fail(err, DS_MEMORY, "out of memory");
}

static void tell_failed(void *context, const char *title, const ds_error *why) {
  cli *run = context;
  cli_progress_end(run);
  cli_say(run, "warning: %s: %s", title, why->message);
}

static ds_code show(cli *run, const ds_report *report, ds_report_outcome *ret_outcome,
                    ds_error *err) {
  ds_buf page;
  ds_buf_init(&page, REPORT_BYTES_MAX);
  cli_progress_start(run);
  ds_code code = ds_report_make(report, &page, ret_outcome, err);
  cli_progress_end(run);
  if (code == DS_OK)
    code = cli_show_text(run, &page, err);
  ds_buf_done(&page);
  return code;
}

static ds_code make(cli *run, ds_error *err) {
  ds_option_value values[SHARED];
  ds_option_set more = {.values = values, .count = 0};
  const ds_board *board = NULL;
  ds_report_outcome outcome;
  for (uint32_t i = 0; i < SHARED; i++)
    if (cli_value(run, shared[i]) != NULL)
      values[more.count++] = (ds_option_value){shared[i], cli_value(run, shared[i])};
  TRY(find_board(run, &board, err));
  ds_report report = {.ask = run->ask,
                      .board = board,
                      .title = cli_value(run, "title"),
                      .more = more,
                      .people = cli_flag(run, "personal"),
                      .script = dashboard_file("app.js"),
                      .style = dashboard_file("app.css"),
                      .progress = &run->progress,
                      .failed = tell_failed,
                      .context = run};
  TRY(command_of(run, board, &more, &report.command, err));
  TRY(show(run, &report, &outcome, err));
  return outcome.failed == 0
             ? DS_OK
             : ds_fail(err, outcome.first, "%u of %u tiles have no answer; the report says which",
                       outcome.failed, outcome.tiles);
}

// What one question gives back the next takes again: were it handed to the system in between, each
// page would be cleared anew.
static void keep_memory(void) {
#if defined(__GLIBC__)
  (void)mallopt(M_MMAP_THRESHOLD, KEPT_PIECE_BYTES);
  (void)mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}

ds_code cli_run_report(cli *run, ds_error *err) {
  if (cli_value(run, "output") == NULL && isatty(STDOUT_FILENO))
    return ds_fail(err, DS_USAGE, "a report is a page for a browser: say where it goes, as in "
                   "doorstep report -o report.html");
  keep_memory();
  TRY(cli_open_ask(run, err));
  return make(run, err);
}
