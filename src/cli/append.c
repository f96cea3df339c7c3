// SPDX-License-Identifier: Apache-2.0
// The command `append`: NDJSON from stdin into the log. What has arrived is committed when no more
// is waiting; after LINES_MAX lines it is written while further lines are read. "ack N" says that
// the first N lines are durable.
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ingest/append.h"

enum {
  LINES_MAX = 1 << 14,
  READ_BYTES = 1 << 20,
  // A line past this is longer than any event may be: its rest is thrown away unread.
  LINE_BYTES_MAX = (int)DS_EVENT_BYTES_MAX + 1,
};

// What has been read and not yet handed on: the begin of a line.
typedef struct feed {
  cli *run;
  ds_appender *appender;
  char *data; // READ_BYTES + LINE_BYTES_MAX + 1
  size_t size;
  bool skipping; // inside the rest of a line that is too long
  uint64_t submitted, acknowledged; // lines
  uint64_t shown; // rejected lines shown
} feed;

static void show_rejected(void *context, uint64_t line, uint32_t column, const char *reason) {
  enum { SHOWN_MAX = 20 };
  feed *in = (feed *)context;
  if (in->shown++ < SHOWN_MAX)
    cli_say(in->run, "line %llu, column %u: %s", (unsigned long long)line, column, reason);
  else if (in->shown == SHOWN_MAX + 1)
    cli_say(in->run, "more lines were rejected; the count follows");
}

static ds_code acknowledge(feed *in, uint64_t lines, ds_error *err) {
  if (lines == in->acknowledged)
    return DS_OK;
  in->acknowledged = lines;
  char text[48];
  const int size = snprintf(text, sizeof text, "ack %llu\n", (unsigned long long)lines);
  TRY(cli_write(in->run, text, (size_t)size, err));
  if (fflush(stdout) == 0)
    return DS_OK;
  in->run->pipe_closed = errno == EPIPE;
  return ds_fail(err, DS_IO, "the acknowledgement could not be written");
}

static ds_code commit(feed *in, ds_error *err) {
  uint64_t lines = 0;
  TRY(ds_appender_commit(in->appender, &lines, err));
  in->submitted = lines;
  return acknowledge(in, lines, err);
}

static ds_code submit(feed *in, uint64_t lines, ds_error *err) {
  TRY(ds_appender_submit(in->appender, err));
  in->submitted = lines;
  return DS_OK;
}

// Hands the whole lines on and keeps the begin of the next.
static ds_code take_lines(feed *in, ds_error *err) {
  size_t end = in->size;
  while (end > 0 && in->data[end - 1] != '\n')
    end--;
  if (end > 0)
    TRY(ds_appender_lines(in->appender, in->data, end, err));
  memmove(in->data, in->data + end, in->size - end);
  in->size -= end;
  if (in->size < LINE_BYTES_MAX)
    return DS_OK;
  // What is left of a line that is too long is long enough to be rejected for it.
  in->skipping = true;
  in->data[LINE_BYTES_MAX] = '\n';
  in->size = 0;
  return ds_appender_lines(in->appender, in->data, LINE_BYTES_MAX + 1, err);
}

// Adds what was read at data[size], leaving out the rest of a line that was too long.
static void add_bytes(feed *in, size_t count) {
  char *start = in->data + in->size;
  if (in->skipping) {
    const char *newline = (const char *)memchr(start, '\n', count);
    if (newline == NULL)
      return;
    in->skipping = false;
    const size_t skipped = (size_t)(newline + 1 - start);
    memmove(start, start + skipped, count - skipped);
    count -= skipped;
  }
  in->size += count;
}

// Whether a read would find something (or the end) at once.
static bool is_input_waiting(void) {
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  return poll(&input, 1, 0) != 0;
}

// One read. *ret_end at the end of the input or when the user stops the program.
static ds_code read_some(feed *in, bool *ret_end, ds_error *err) {
  const ssize_t count = read(STDIN_FILENO, in->data + in->size, READ_BYTES);
  if (count < 0 && errno != EINTR && errno != EAGAIN)
    return ds_fail(err, DS_IO, "stdin could not be read: %s", strerror(errno));
  *ret_end = count == 0 || ds_progress_stopped(&in->run->progress);
  if (count > 0)
    add_bytes(in, (size_t)count);
  return DS_OK;
}

static ds_code feed_all(feed *in, ds_error *err) {
  bool end = false;
  while (!end) {
    const uint64_t lines = ds_appender_stats(in->appender).lines;
    uint64_t settled = 0;
    if (lines > in->acknowledged && !is_input_waiting())
      TRY(commit(in, err));
    else if (lines - in->submitted >= LINES_MAX)
      TRY(submit(in, lines, err));
    TRY(ds_appender_settled(in->appender, &settled, err));
    TRY(acknowledge(in, settled, err));
    TRY(read_some(in, &end, err));
    TRY(take_lines(in, err));
  }
  const bool stopped = ds_progress_stopped(&in->run->progress);
  if (in->size > 0 && !stopped) {
    in->data[in->size] = '\n';
    TRY(ds_appender_lines(in->appender, in->data, in->size + 1, err));
  }
  TRY(commit(in, err));
  return stopped ? ds_fail(err, DS_INTERRUPTED, "stopped; what was acknowledged is kept")
                 : DS_OK;
}

// How many names that the catalogue does not know have been shown.
typedef struct unknown_names {
  cli *run;
  uint32_t count;
} unknown_names;

static void show_unknown(void *context, const char *name, const char *nearest) {
  enum { SHOWN_MAX = 20 };
  unknown_names *names = (unknown_names *)context;
  if (names->count++ < SHOWN_MAX)
    cli_say(names->run, "`%s` is not in the catalogue: its events are kept under that name%s%s%s",
            name, nearest == NULL ? "" : "; did you mean `", nearest == NULL ? "" : nearest,
            nearest == NULL ? "" : "`?");
  else if (names->count == SHOWN_MAX + 1)
    cli_say(names->run, "more names are not in the catalogue");
}

static void summarise(feed *in) {
  const ds_append_stats stats = ds_appender_stats(in->appender);
  char events[32];
  char duplicates[32];
  char rejected[32];
  char sealed[32];
  char dropped[32];
  cli_say(in->run, "appended: %s; duplicates: %s; lines rejected: %s; personal values sealed: "
          "%s%s%s",
          ds_human_count(events, stats.events), ds_human_count(duplicates, stats.duplicates),
          ds_human_count(rejected, stats.rejected), ds_human_count(sealed, stats.sealed),
          stats.personal_dropped > 0 ? "; left out: " : "",
          stats.personal_dropped > 0 ? ds_human_count(dropped, stats.personal_dropped) : "");
  unknown_names names = {.run = in->run};
  ds_appender_unknown(in->appender, show_unknown, &names);
}

// Seals and merges what is due: beside the appends it was begun, here it is ended.
static ds_code finish(cli *run, ds_store *store, ds_error *err) {
  cli_progress_start(run);
  const ds_code code = ds_store_finish(store, &run->progress, err);
  cli_progress_end(run);
  const ds_error *trouble = ds_store_trouble(store);
  if (trouble->code != DS_OK)
    cli_say_unmerged(run, trouble);
  return code;
}

ds_code cli_run_append(cli *run, ds_error *err) {
  ds_store *store = NULL;
  TRY(cli_open_store(run, true, true, &store, err));
  feed in = {.run = run, .data = (char *)malloc(READ_BYTES + LINE_BYTES_MAX + 1)};
  ds_code code = in.data != NULL ? DS_OK : ds_fail(err, DS_MEMORY, "out of memory");
  if (code == DS_OK)
    code = ds_appender_new(store, show_rejected, &in, &in.appender, err);
  if (code == DS_OK) {
    if (isatty(STDIN_FILENO))
      cli_say(run, "reading events from the keyboard, one JSON object a line; Ctrl-D ends");
    code = feed_all(&in, err);
    summarise(&in);
  }
  // The store is ours again.
  ds_appender_free(in.appender);
  if (code == DS_OK)
    code = finish(run, store, err);
  free(in.data);
  ds_store_close(store);
  return code;
}
