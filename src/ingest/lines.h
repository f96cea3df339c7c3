// SPDX-License-Identifier: Apache-2.0
// Rows out of a text file in which every line is a record and every delimiter separates two values:
// no quotes, no carriage returns. Most files are so, and splitting them costs a fraction of what
// DuckDB's reader takes, which has to be ready for the others. May use base/, ingest/{source,rows}.
#ifndef DS_INGEST_LINES_H
#define DS_INGEST_LINES_H

#include "ingest/rows.h"

// Whether the file is of that kind, and the plan wants nothing but its columns as they are.
bool ds_lines_can(const ds_source *file, const ds_plan *plan);

// Passes the file's rows to the job's taker; *ret_rows is how many came. An empty value is none, an
// empty line no record. Records with too few or too many values, and lines longer than 2 MiB, go to
// job->refused, by their number among all records; the taker sees the others only, numbered without
// them. (All as DuckDB's reader does it, but that one counts empty lines now and then.)
DS_CHECKED ds_code ds_lines_run(const ds_rows_job *job, uint64_t *ret_rows, ds_error *err);

#endif
