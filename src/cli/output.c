// SPDX-License-Identifier: Apache-2.0
// Where results go: stdout, or a file that appears only when it is whole.
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "render/render.h"

// A rendered result is at most this long.
#define RENDERED_BYTES_MAX ((size_t)2 << 30)
// Of each table on a terminal; --limit asks for more or less, a pipe or file gets all.
#define TERMINAL_ROWS_MAX 40u

uint32_t cli_columns(void) {
  enum { COLUMNS_MIN = 40, COLUMNS_MAX = 1000, COLUMNS_USUAL = 80 };
  uint64_t columns = 0;
  struct winsize window;
  const char *text = getenv("COLUMNS");
  if (text == NULL || !ds_str_to_u64(ds_str_of(text), &columns)) {
    columns = COLUMNS_USUAL;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0)
      columns = window.ws_col;
  }
  return (uint32_t)(columns < COLUMNS_MIN ? COLUMNS_MIN
                    : columns > COLUMNS_MAX ? COLUMNS_MAX : columns);
}

ds_code cli_write(cli *run, const void *data, size_t size, ds_error *err) {
  if (run->pipe_closed)
    return ds_fail(err, DS_IO, "the reader has gone away");
  if (fwrite(data, 1, size, stdout) == size)
    return DS_OK;
  run->pipe_closed = errno == EPIPE;
  return ds_fail(err, errno == ENOSPC ? DS_FULL : DS_IO, "the result could not be written: %s",
                 strerror(errno));
}

static ds_code file_error(const cli_file *file, ds_error *err) {
  const ds_code code = errno == ENOSPC || errno == EDQUOT ? DS_FULL : DS_IO;
  return ds_fail(err, code, "%.300s: %s", file->path, strerror(errno));
}

// Whether a path may be written to. *ret_special: a pipe or a device.
static ds_code check_target(const cli *run, const char *path, bool *ret_special, ds_error *err) {
  struct stat info;
  const bool exists = stat(path, &info) == 0;
  *ret_special = exists && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
  if (exists && S_ISREG(info.st_mode) && !run->force)
    return ds_fail(err, DS_USAGE, "%.200s exists already; --force replaces it", path);
  return DS_OK;
}

ds_code cli_check_output(const cli *run, ds_error *err) {
  const char *output = cli_value(run, "output");
  bool special;
  return output == NULL || run->help ? DS_OK : check_target(run, output, &special, err);
}

ds_code cli_file_open(cli *run, const char *path, cli_file *ret_file, ds_error *err) {
  cli_file file = {.stream = NULL};
  if (path[0] == '\0' || strlen(path) >= sizeof file.path)
    return ds_fail(err, DS_USAGE, "--output: the name is empty or too long");
  snprintf(file.path, sizeof file.path, "%s", path);
  struct stat info;
  if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
    return ds_fail(err, DS_USAGE, "--output: %.200s is a folder", path);
  bool special;
  TRY(check_target(run, path, &special, err));
  // A pipe or a device cannot be renamed onto: it is written as it is.
  if (special)
    file.temporary[0] = '\0';
  else
    snprintf(file.temporary, sizeof file.temporary, "%s.%ld.tmp", path, (long)getpid());
  file.stream = fopen(file.temporary[0] != '\0' ? file.temporary : file.path, "wbe");
  if (file.stream == NULL)
    return file_error(&file, err);
  *ret_file = file;
  return DS_OK;
}

ds_code cli_file_write(cli_file *file, const void *data, size_t size, ds_error *err) {
  return fwrite(data, 1, size, file->stream) == size ? DS_OK : file_error(file, err);
}

ds_code cli_file_finish(cli_file *file, ds_error *err) {
  FILE *stream = file->stream;
  file->stream = NULL;
  const bool flushed = fflush(stream) == 0;
  const int flush_errno = errno;
  const bool closed = fclose(stream) == 0;
  if (!flushed)
    errno = flush_errno;
  if (flushed && closed &&
      (file->temporary[0] == '\0' || rename(file->temporary, file->path) == 0)) {
    file->temporary[0] = '\0';
    return DS_OK;
  }
  const ds_code code = file_error(file, err);
  cli_file_abandon(file);
  return code;
}

void cli_file_abandon(cli_file *file) {
  if (file->stream != NULL)
    fclose(file->stream);
  file->stream = NULL;
  if (file->temporary[0] != '\0')
    unlink(file->temporary);
  file->temporary[0] = '\0';
}

ds_code cli_sink_write(void *context, const void *data, size_t size, ds_error *err) {
  cli_sink *to = (cli_sink *)context;
  return to->file.stream != NULL ? cli_file_write(&to->file, data, size, err)
                                 : cli_write(to->run, data, size, err);
}

static ds_code choose_format(const cli *run, const ds_format **ret_format, ds_error *err) {
  const char *name = cli_value(run, "format");
  const char *output = cli_value(run, "output");
  const ds_format *format = NULL;
  if (name != NULL)
    format = ds_format_of_name(ds_str_of(name));
  else if (output != NULL)
    format = ds_format_of_file(ds_str_of(output));
  else
    format = ds_format_of_name(ds_str_of("table"));
  if (format == NULL && name == NULL)
    return ds_fail(err, DS_USAGE,
                   "the name %.200s does not tell the format; add --format "
                   "table|csv|json|svg|layout",
                   output != NULL ? output : "");
  if (format == NULL)
    return ds_fail(err, DS_USAGE, "there is no format '%.100s' for this", name);
  *ret_format = format;
  return DS_OK;
}

ds_code cli_show_text(cli *run, const ds_buf *text, ds_error *err) {
  const char *output = cli_value(run, "output");
  if (output == NULL)
    return cli_write(run, text->data, text->size, err);
  cli_file file;
  TRY(cli_file_open(run, output, &file, err));
  ds_code code = cli_file_write(&file, text->data, text->size, err);
  if (code == DS_OK)
    code = cli_file_finish(&file, err);
  else
    cli_file_abandon(&file);
  if (code == DS_OK)
    cli_say(run, "wrote %s", output);
  return code;
}

// What a reader of the figures must know goes beside them when their format has no place for it.
void cli_say_notes(cli *run, const ds_result *result) {
  for (uint32_t n = 0; n < result->notes_count; n++)
    cli_say(run, "%s: %s", result->notes[n].warning ? "warning" : "note", result->notes[n].text);
}

ds_code cli_show(cli *run, const ds_result *result, ds_error *err) {
  const ds_format *format = NULL;
  TRY(choose_format(run, &format, err));
  const bool terminal = cli_value(run, "output") == NULL && isatty(STDOUT_FILENO);
  const ds_render_options options = {
      .columns = cli_columns(),
      .rows_max = terminal && cli_value(run, "limit") == NULL ? TERMINAL_ROWS_MAX : 0,
      .short_lists = terminal,
      .color = terminal && getenv("NO_COLOR") == NULL,
      .table = cli_value(run, "table"),
  };
  ds_buf text;
  ds_buf_init(&text, RENDERED_BYTES_MAX);
  cli_progress_end(run);
  ds_code code = format->render(result, &options, &text, err);
  if (code == DS_OK)
    code = ds_buf_check(&text, "the rendered result", err);
  if (code == DS_OK)
    code = cli_show_text(run, &text, err);
  if (code == DS_OK && !format->has_notes)
    cli_say_notes(run, result);
  ds_buf_done(&text);
  return code;
}
