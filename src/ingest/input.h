// SPDX-License-Identifier: Apache-2.0
// A file as a relation: how DuckDB is told to read it, and what its columns hold. For text every
// column is looked at in a sample, because neither names nor DuckDB's guesses can be trusted with
// offsets, leading zeros or day-month order. May use base/, model/, ingest/{duck,source,personal}.
#ifndef DS_INGEST_INPUT_H
#define DS_INGEST_INPUT_H

#include "ingest/duck.h"
#include "ingest/source.h"
#include "model/value.h"

// What a column's sampled values are. `duck_type` is DuckDB's name of the type in which the column
// is best read: "BIGINT", "TIMESTAMP WITH TIME ZONE", "VARCHAR", …
typedef struct ds_input_column {
  ds_str name;
  ds_type type;            // STRING when mixed, NULL when the sample holds nothing
  bool whole;              // NUMBER: all are integers
  bool mostly_time;        // at least half are ISO times or numbers: good for the time column
  bool zoned;              // TIME: some say their zone
  bool personal;           // by name or by values
  bool distinct;           // no value occurs twice in the sample
  bool day_or_month;       // times whose day and month cannot be told apart
  const char *time_format; // strptime form of TIME or DATE that is not ISO 8601, or NULL
  ds_str duck_type;
} ds_input_column;

// A file and its columns; lives in the arena given to ds_input_look.
typedef struct ds_input {
  const ds_source *file;
  ds_input_column *columns;
  uint32_t columns_count;
  uint64_t sampled; // rows looked at
  bool open;        // more columns may turn up while the file is read
} ds_input;

// The rows that a column's nature is judged by.
enum { DS_SAMPLE_ROWS = 4096 };

// Judges column `index` of a sample by its values. With `text` they alone say the type; else the
// column's duck_type does, and only what is text there may still be a time. DS_MEMORY, also when
// the arena has refused something before.
DS_CHECKED ds_code ds_input_judge(const ds_duck_texts *sample, uint32_t index, bool text,
                                  ds_input_column *column, ds_arena *arena, ds_error *err);

// Looks at the columns of an inspected file.
DS_CHECKED ds_code ds_input_look(ds_duck *duck, ds_io *io, const ds_source *file, ds_arena *arena,
                                 ds_input *ret_input, ds_error *err);

// Appends the call that reads the file: read_csv(…), read_parquet(…) or a select from
// read_json(…). Columns are read as the duck_type of `columns`; when that is NULL, those of text as
// VARCHAR, those of JSON as what was found. Text's rejected rows go to the tables reject_<number>
// and scan_<number>.
void ds_input_sql(const ds_source *file, const ds_input_column *columns, uint32_t number,
                  ds_buf *out);

#endif
