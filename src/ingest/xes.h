// SPDX-License-Identifier: Apache-2.0
// Event logs in XES (IEEE 1849), plain and compressed, as rows: one per event, one column per
// attribute. A trace's attributes stand on each of its events as "case:NAME"; an attribute inside
// another is "outer.inner" to depth 3, lists and what lies deeper are JSON text. Attributes of the
// log and the defaults of <global> are no events and are passed over. May use base/, io/,
// ingest/{xml,rows,input}.
#ifndef DS_INGEST_XES_H
#define DS_INGEST_XES_H

#include "ingest/rows.h"

// Reads the first events and tells the columns; the log may hold more (input.open). Looks further
// for the `wanted` ones that were not among them, whatever their case. DS_INPUT with file and line
// when it is no XES.
DS_CHECKED ds_code ds_xes_look(ds_io *io, const ds_source *file, const ds_str *wanted,
                               uint32_t wanted_count, ds_arena *arena, ds_input *ret_input,
                               ds_error *err);

// Reads the whole log. *ret_rows events came, *ret_empty traces held none.
DS_CHECKED ds_code ds_xes_run(const ds_rows_job *job, uint64_t *ret_rows, uint64_t *ret_empty,
                              ds_error *err);

#endif
