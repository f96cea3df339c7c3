// SPDX-License-Identifier: Apache-2.0
// A store's settings, doorstep.yaml in its folder, written by people: the time zone, rows of the
// touchpoint catalogue, how long events are kept, working hours, when parcels are stalled, dated
// notes; and segments.yaml beside it. Every key is described in docs/settings.md. Errors name the
// file, the line and the key, and the nearest name there is. May use base/, io/, model/, lang/,
// store/, ingest/.
#ifndef DS_INGEST_SETTINGS_H
#define DS_INGEST_SETTINGS_H

#include "base/arena.h"
#include "ingest/boards.h"
#include "ingest/saved.h"
#include "io/io.h"
#include "lang/schema.h"
#include "model/annotation.h"
#include "model/catalogue.h"
#include "model/tracking.h"
#include "model/worktime.h"
#include "store/store.h"

// What holds for a store. Lives in the arena it was read into.
typedef struct ds_settings {
  const char *time_zone; // a zone that the system has; "UTC" when none is said
  const ds_catalogue *catalogue;
  ds_retention retention; // no rules when none is said
  ds_tracking_limits tracking;
  ds_work_calendars calendars;
  ds_saved_list saved;    // questions
  ds_board_list boards;
  const ds_annotation *annotations; // by day
  uint32_t annotations_count;
} ds_settings;

// Reads doorstep.yaml in `folder`; without such a file the defaults hold. DS_INPUT with line and
// key, DS_LIMIT when the file is too large; errors of `io`.
DS_CHECKED ds_code ds_settings_read(ds_io *io, const char *folder, ds_arena *arena,
                                    ds_settings *ret_settings, ds_error *err);

// The same from a text; `io` finds the time zones.
DS_CHECKED ds_code ds_settings_parse(ds_io *io, ds_str text, ds_arena *arena,
                                     ds_settings *ret_settings, ds_error *err);

// The segments that ship with the program and those of a file: `path`, or with NULL segments.yaml
// in `folder`, which need not be there. DS_INPUT with file and line, DS_LIMIT, DS_MISSING.
DS_CHECKED ds_code ds_settings_segments(ds_io *io, const char *folder, const char *path,
                                        ds_arena *arena, const ds_segment **ret_segments,
                                        uint32_t *ret_count, ds_error *err);

// Writes a doorstep.yaml, unless there is one: of comments only, which shows every key; or one that
// says the time zone.
DS_CHECKED ds_code ds_settings_write_example(ds_io *io, const char *folder, ds_error *err);
DS_CHECKED ds_code ds_settings_write_zone(ds_io *io, const char *folder, const char *zone,
                                          ds_error *err);

#endif
