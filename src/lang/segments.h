// SPDX-License-Identifier: Apache-2.0
// Named conditions on customers, read from lines `name: condition`: the library that ships with the
// program (segments.yaml), and texts of the same form. May use base/, model/.
#ifndef DS_LANG_SEGMENTS_H
#define DS_LANG_SEGMENTS_H

#include "base/arena.h"
#include "lang/schema.h"

// Reads such a text. '#' begins a line that says nothing; a line that begins with a blank goes on
// with the condition above. The conditions are not read yet. `file` is what errors call the text,
// NULL for the shipped one; it must outlive the segments. DS_INPUT with file and line for a line
// that has no name and condition, or a name twice; DS_LIMIT past DS_SEGMENTS_MAX. In `arena`.
DS_CHECKED ds_code ds_segments_read(ds_str text, const char *file, ds_arena *arena,
                                    const ds_segment **ret_segments, uint32_t *ret_count,
                                    ds_error *err);

// Those that ship with the program.
DS_CHECKED ds_code ds_segments_shipped(ds_arena *arena, const ds_segment **ret_segments,
                                       uint32_t *ret_count, ds_error *err);

// The shipped ones and those of the text: one of a shipped name stands in its place, the others
// behind them.
DS_CHECKED ds_code ds_segments_with(ds_str text, const char *file, ds_arena *arena,
                                    const ds_segment **ret_segments, uint32_t *ret_count,
                                    ds_error *err);

#endif
