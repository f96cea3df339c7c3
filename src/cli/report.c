// SPDX-License-Identifier: Apache-2.0
// Words to the user: errors, remarks, progress. All on stderr.
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/cli.h"
#include "render/render.h"

#define TEXT_BYTES_MAX ((size_t)1 << 20)
// Room for any message of an error.
#define TEXT_BYTES_KEPT ((size_t)16 << 10)

static const char unsaid[] = "out of memory for a remark\n";

bool cli_words_init(cli *run) {
  ds_buf_init(&run->said, TEXT_BYTES_MAX);
  ds_buf_init(&run->shown, TEXT_BYTES_MAX);
  return ds_buf_reserve(&run->said, TEXT_BYTES_KEPT) != NULL &&
         ds_buf_reserve(&run->shown, TEXT_BYTES_KEPT) != NULL;
}

void cli_words_done(cli *run) {
  ds_buf_done(&run->said);
  ds_buf_done(&run->shown);
}

// Writes lines to stderr. What comes from data in them must not rule the terminal.
static void put_lines(cli *run, const char *text) {
  for (bool more = true; more;) {
    const uint32_t size = (uint32_t)strcspn(text, "\n");
    ds_buf_reset(&run->shown);
    ds_text_clean((ds_str){text, size}, &run->shown);
    ds_buf_u8(&run->shown, '\n');
    if (run->shown.failed)
      fputs(unsaid, stderr);
    else
      fwrite(run->shown.data, 1, run->shown.size, stderr);
    more = text[size] != '\0';
    text += size + more;
  }
}

// The expression that an error's position speaks of, or NULL.
static const char *expression_of(const cli *run, const ds_error *err) {
  if (run->text != NULL)
    return run->text;
  if (run->question == NULL && run->command == NULL)
    return NULL;
  // A command has options as a question has.
  const ds_question command = run->question != NULL
                                  ? *run->question
                                  : (ds_question){.options = run->command->options,
                                                  .options_count = run->command->options_count};
  const ds_option *option = NULL;
  const char *text = NULL;
  return ds_ask_blame(&command, run->values, run->values_count, err, &option, &text) ? text : NULL;
}

// The character `count` characters on from `text`, before `end`.
static const char *characters_on(const char *text, const char *end, uint32_t count) {
  while (count > 0 && text < end) {
    text++;
    while (text < end && ((unsigned char)*text & 0xc0) == 0x80)
      text++;
    count--;
  }
  return text;
}

static uint32_t characters(const char *from, const char *to) {
  uint32_t count = 0;
  for (; from < to; from++)
    count += ((unsigned char)*from & 0xc0) != 0x80;
  return count;
}

// Shows line `line` of the expression and a caret under its character `column`; of a long line what
// stands around it.
static void print_caret(const char *text, uint32_t line, uint32_t column) {
  for (uint32_t i = 1; i < line && text != NULL; i++) {
    text = strchr(text, '\n');
    text = text != NULL ? text + 1 : NULL;
  }
  if (text == NULL || *text == '\0')
    return;
  const uint32_t room = cli_columns() - 4;
  const char *end = text + strcspn(text, "\n");
  const char *at = characters_on(text, end, column - 1);
  const char *start = characters(text, end) <= room || column <= room / 2
                          ? text
                          : characters_on(text, end, column - 1 - room / 2);
  const char *stop = characters_on(start, end, room);
  const uint32_t width = ds_str_columns((ds_str){start, (uint32_t)(at - start)});
  fprintf(stderr, "  %.*s\n  %*s^\n", (int)(stop - start), start, (int)width, "");
}

// The same of a line of a file that people wrote, as far as it can be read again.
static void print_file_caret(const ds_error *err) {
  char *text = NULL;
  size_t size = 0;
  if (err->column == 0 || ds_io_read_file(ds_io_posix(), err->file, DS_SEGMENTS_BYTES_MAX, &text,
                                          &size, NULL) != DS_OK)
    return;
  ds_buf line;
  ds_buf_init(&line, 4 * DS_SEGMENTS_BYTES_MAX);
  const char *at = text;
  for (uint32_t i = 1; i < err->line && at != NULL; i++) {
    at = strchr(at, '\n');
    at = at == NULL ? NULL : at + 1;
  }
  if (at != NULL)
    ds_text_clean((ds_str){at, (uint32_t)strcspn(at, "\r\n")}, &line);
  free(text);
  if (ds_buf_check(&line, "a line", NULL) == DS_OK)
    print_caret(ds_buf_cstr(&line), 1, err->column);
  ds_buf_done(&line);
}

static void report_json(cli *run, ds_code code, const ds_error *err) {
  ds_buf_reset(&run->shown);
  ds_json json = ds_json_to(&run->shown, false);
  ds_json_begin_object(&json);
  ds_json_key(&json, "code");
  ds_json_text(&json, ds_str_of(ds_code_name(code)));
  ds_json_key(&json, "exit");
  ds_json_i64(&json, ds_code_exit(code));
  ds_json_key(&json, "message");
  ds_json_text(&json, ds_str_of(err->message));
  if (err->file[0] != '\0') {
    ds_json_key(&json, "file");
    ds_json_text(&json, ds_str_of(err->file));
  }
  if (err->line > 0 || err->column > 0) {
    ds_json_key(&json, "line");
    ds_json_u64(&json, err->line);
    ds_json_key(&json, "column");
    ds_json_u64(&json, err->column);
  }
  ds_json_end_object(&json);
  fprintf(stderr, "%s\n", ds_buf_cstr(&run->shown));
}

void cli_report(cli *run, ds_code code, const ds_error *err) {
  ds_error shown = *err;
  if (shown.message[0] == '\0')
    snprintf(shown.message, sizeof shown.message, "%s", ds_code_meaning(code));
  if (run->saved[0] != '\0')
    (void)ds_fail_in(&shown, code, "%s", run->saved);
  if (run->json_errors) {
    report_json(run, code, &shown);
    return;
  }
  fputs("doorstep: ", stderr);
  put_lines(run, shown.message);
  if (shown.file[0] != '\0') {
    print_file_caret(&shown);
    return;
  }
  const bool placed = code == DS_EXPRESSION || code == DS_UNSUPPORTED || code == DS_LIMIT;
  const char *expression = placed ? expression_of(run, err) : NULL;
  if (expression != NULL && shown.column > 0)
    print_caret(expression, shown.line > 0 ? shown.line : 1, shown.column);
}

void cli_say(cli *run, const char *format, ...) {
  if (run->quiet)
    return;
  cli_progress_end(run);
  ds_buf_reset(&run->said);
  va_list args;
  va_start(args, format);
  ds_buf_vprintf(&run->said, format, args);
  va_end(args);
  if (run->said.failed)
    fputs(unsaid, stderr);
  else
    put_lines(run, ds_buf_cstr(&run->said));
}

static void draw(void *context, const char *phase, uint64_t done, uint64_t total,
                 const char *unit) {
  cli *run = (cli *)context;
  char done_text[32];
  char line[160];
  if (strcmp(unit, "bytes") == 0)
    ds_human_bytes(done_text, done);
  else
    ds_human_count(done_text, done);
  int size = snprintf(line, sizeof line, "%s: %s%s%s", phase, done_text,
                      strcmp(unit, "bytes") == 0 ? "" : " ",
                      strcmp(unit, "bytes") == 0 ? "" : unit);
  if (total > 0 && size > 0 && (size_t)size < sizeof line)
    size += snprintf(line + size, sizeof line - (size_t)size, " (%.0f %%)",
                     100.0 * (double)(done < total ? done : total) / (double)total);
  fprintf(stderr, "\r%.*s\033[K", (int)cli_columns() - 1, line);
  fflush(stderr);
  run->progress_columns = (uint32_t)size;
}

void cli_progress_start(cli *run) {
  run->progress.context = run;
  run->progress.report = !run->quiet && isatty(STDERR_FILENO) ? draw : NULL;
}

void cli_progress_end(cli *run) {
  if (run->progress_columns > 0)
    fputs("\r\033[K", stderr);
  run->progress_columns = 0;
}
