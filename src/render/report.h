// SPDX-License-Identifier: Apache-2.0
// A report: the questions of a board asked, and their answers in one HTML file (page.h) that the
// dashboard's own script shows. The answers in it are the bytes of --format json. docs/report.md.
// May use what stands below floor 8, and render/.
//
// Of one store, board, instant and program the file has always the same bytes.
#ifndef DS_RENDER_REPORT_H
#define DS_RENDER_REPORT_H

#include "ask/board.h"
#include "ask/describe.h"

// What a report is made of.
typedef struct ds_report {
  const ds_ask *ask;
  const ds_board *board;
  const char *title;    // NULL: the board's
  const char *command;  // the command line that makes it again
  ds_option_set more;   // options for every tile that takes them: case, from, to, ...
  bool people;          // tiles that list people are answered, too; what is sealed stays sealed
  ds_str script, style; // of the dashboard
  ds_progress *progress;
  // Told of each tile that has no answer. The report is made all the same, and says so.
  void (*failed)(void *context, const char *title, const ds_error *why);
  void *context;
} ds_report;

// What came of it.
typedef struct ds_report_outcome {
  uint32_t tiles, failed;
  ds_code first; // of the first tile that failed, else DS_OK
} ds_report_outcome;

// The board that a report of this store shows when none is named: `overview` when orders have a
// case key, else `basic`.
const char *ds_report_preset(const ds_ask *ask);

// Makes it. DS_USAGE when an option of `more` is wrong; DS_INTERRUPTED; DS_MEMORY, DS_LIMIT.
DS_CHECKED ds_code ds_report_make(const ds_report *report, ds_buf *out,
                                  ds_report_outcome *ret_outcome, ds_error *err);

#endif
