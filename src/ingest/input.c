// SPDX-License-Identifier: Apache-2.0
#include "ingest/input.h"

#include "base/map.h"
#include "ingest/personal.h"
#include "ingest/plan.h"
#include "ingest/source_json.h"
#include "model/time.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { SAMPLE_CELLS = 1 << 20 };

// DuckDB takes * ? [ in a path for a pattern; in brackets they are themselves.
static void path_sql(const char *path, ds_buf *out) {
  ds_buf_u8(out, '\'');
  for (const char *c = path; *c != '\0'; c++) {
    if (strchr("*?[", *c) != NULL)
      ds_buf_printf(out, "[%c]", *c);
    else if (*c == '\'')
      ds_buf_text(out, "''");
    else
      ds_buf_u8(out, (uint8_t)*c);
  }
  ds_buf_u8(out, '\'');
}

static void compression_sql(const ds_source *file, ds_buf *out) {
  static const char *const squeezes[] = {"uncompressed", "gzip", "zstd"};
  ds_buf_printf(out, ", compression='%s'", squeezes[file->squeeze]);
}

static void text_sql(const ds_source *file, const ds_input_column *columns, uint32_t number,
                     ds_buf *out) {
  ds_buf_text(out, ", auto_detect=false, header=true, quote='\"', escape='\"', delim=");
  ds_sql_literal(out, (ds_str){&file->delimiter, 1});
  compression_sql(file, out);
  if (file->encoding == DS_ENCODING_LATIN1)
    ds_buf_text(out, ", encoding='latin-1'");
  if (file->mixed_lines)
    ds_buf_text(out, ", strict_mode=false");
  ds_buf_text(out, ", columns={");
  for (uint32_t i = 0; i < file->columns_count; i++) {
    ds_buf_text(out, i == 0 ? "" : ", ");
    ds_sql_literal(out, file->columns[i]);
    ds_buf_text(out, ": ");
    ds_sql_literal(out, columns == NULL ? ds_str_of("VARCHAR") : columns[i].duck_type);
  }
  ds_buf_printf(out, "}, store_rejects=true, rejects_table='reject_%u', rejects_scan='scan_%u'"
                ", rejects_limit=0", number, number);
}

static void json_sql(const ds_source *file, const ds_input_column *columns, ds_buf *out) {
  compression_sql(file, out);
  ds_json_options_sql(file, columns, out);
}

void ds_input_sql(const ds_source *file, const ds_input_column *columns, uint32_t number,
                  ds_buf *out) {
  static const char *const readers[] = {
      [DS_SOURCE_TEXT] = "read_csv(", [DS_SOURCE_JSON] = "read_json(",
      [DS_SOURCE_PARQUET] = "read_parquet(",
  };
  if (file->kind == DS_SOURCE_JSON) {
    ds_buf_text(out, "(select ");
    ds_json_columns_sql(file, out);
    ds_buf_text(out, " from ");
  }
  ds_buf_text(out, readers[file->kind]);
  path_sql(file->path, out);
  if (file->kind == DS_SOURCE_TEXT)
    text_sql(file, columns, number, out);
  if (file->kind == DS_SOURCE_JSON)
    json_sql(file, columns, out);
  ds_buf_text(out, file->kind == DS_SOURCE_JSON ? "))" : ", hive_partitioning=false)");
}

// Times as people write them, other than ISO 8601. The same digits with day and month exchanged
// stand two apart.
static const char *const time_formats[] = {
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d",
};
static const char *const clock_formats[] = {"", " %H:%M:%S", " %H:%M", "T%H:%M:%S"};

enum {
  DAYS = sizeof time_formats / sizeof *time_formats,
  CLOCKS = sizeof clock_formats / sizeof *clock_formats,
};

static bool number_take(const char **at, const char *end, int digits_max, int low, int high) {
  int value = 0;
  int digits = 0;
  while (*at < end && digits < digits_max && **at >= '0' && **at <= '9') {
    value = value * 10 + (**at - '0');
    (*at)++;
    digits++;
  }
  return digits > 0 && value >= low && value <= high;
}

// Whether the text reads in a strptime form of the few letters used above.
static bool format_take(const char **at, const char *end, const char *format) {
  for (; *format != '\0'; format++) {
    if (*format != '%') {
      if (*at == end || **at != *format)
        return false;
      (*at)++;
      continue;
    }
    format++;
    const bool ok = *format == 'Y'   ? number_take(at, end, 4, 1000, 9999)
                    : *format == 'd' ? number_take(at, end, 2, 1, 31)
                    : *format == 'm' ? number_take(at, end, 2, 1, 12)
                    : *format == 'H' ? number_take(at, end, 2, 0, 23)
                                     : number_take(at, end, 2, 0, 59);
    if (!ok)
      return false;
  }
  return true;
}

static bool format_fits(ds_str text, const char *day, const char *clock) {
  const char *at = text.data;
  const char *end = text.data + text.size;
  return format_take(&at, end, day) && format_take(&at, end, clock) && at == end;
}

// What the values of a column have been so far; each flag falls at the first value against it.
typedef struct look {
  uint64_t values;
  uint64_t instants; // ISO times, or numbers
  bool number, whole, boolean, iso, date, zoned_any;
  bool formats[DAYS][CLOCKS];
  uint64_t personal;
  bool distinct;
  bool no_memory; // to tell that
  ds_map64 seen;
} look;

static void look_number(look *l, ds_str text) {
  double number;
  if (!ds_str_to_double(text, &number)) {
    l->number = false;
    return;
  }
  l->instants++;
  // "007" is a code, not a number, and so is what a double cannot hold exactly.
  const uint32_t digit = text.data[0] == '-' || text.data[0] == '+' ? 1 : 0;
  if (text.size > digit + 1 && text.data[digit] == '0' && text.data[digit + 1] >= '0' &&
      text.data[digit + 1] <= '9')
    l->number = false;
  int64_t whole;
  if (!ds_str_to_i64(text, &whole))
    l->whole = false;
  if (number >= 9007199254740992.0 || number <= -9007199254740992.0)
    l->number = false;
}

static void look_time(look *l, ds_str text) {
  int64_t ms;
  bool local;
  bool date_only;
  if (ds_time_parse(text, &ms, &local, &date_only)) {
    l->instants++;
    l->date &= date_only;
    l->zoned_any |= !local;
  } else {
    l->iso = false;
  }
  for (size_t d = 0; d < DAYS; d++)
    for (size_t c = 0; c < CLOCKS; c++)
      if (l->formats[d][c] && !format_fits(text, time_formats[d], clock_formats[c]))
        l->formats[d][c] = false;
}

static void look_value(look *l, ds_str text) {
  l->values++;
  look_number(l, text);
  look_time(l, text);
  ds_value value;
  if (l->boolean && !ds_value_parse(text, DS_TYPE_BOOL, &value))
    l->boolean = false;
  l->personal += ds_personal_value(text);
  if (l->distinct) {
    uint32_t *seen = ds_map64_put(&l->seen, XXH3_64bits(text.data, text.size));
    l->no_memory |= seen == NULL;
    l->distinct = seen != NULL && *seen == DS_NONE;
    if (seen != NULL)
      *seen = 1;
  }
}

// The form that all values fit; when day and month can be exchanged, nobody can know.
static void look_format(const look *l, ds_input_column *column, ds_arena *arena) {
  for (size_t d = 0; d < DAYS; d++)
    for (size_t c = 0; c < CLOCKS; c++) {
      if (!l->formats[d][c] || column->time_format != NULL)
        continue;
      char format[32];
      const size_t day = strlen(time_formats[d]);
      memcpy(format, time_formats[d], day);
      memcpy(format + day, clock_formats[c], strlen(clock_formats[c]) + 1);
      column->day_or_month = d < 6 && l->formats[d ^ 1][c];
      column->time_format = ds_arena_text(arena, format, strlen(format));
      column->type = c == 0 ? DS_TYPE_DATE : DS_TYPE_TIME;
      column->duck_type = ds_str_of("VARCHAR");
    }
}

static bool name_is_id(ds_str name) {
  return name.size >= 3 && (memcmp(name.data + name.size - 3, "_id", 3) == 0 ||
                            memcmp(name.data + name.size - 3, "_ID", 3) == 0);
}

static void look_decide(const look *l, ds_input_column *column, ds_arena *arena) {
  column->distinct = l->distinct;
  column->mostly_time = l->values > 0 && l->instants * 2 >= l->values;
  // A tenth of the values is enough to call a column personal: the others may be typed in badly.
  column->personal = ds_personal_name(column->name) || l->personal * 10 > l->values;
  column->type = DS_TYPE_STRING;
  column->duck_type = ds_str_of("VARCHAR");
  if (l->values == 0) {
    column->type = DS_TYPE_NULL;
  } else if (l->number && !name_is_id(column->name)) {
    column->type = DS_TYPE_NUMBER;
    column->whole = l->whole;
    column->duck_type = ds_str_of(l->whole ? "BIGINT" : "DOUBLE");
  } else if (l->boolean) {
    column->type = DS_TYPE_BOOL;
    column->duck_type = ds_str_of("BOOLEAN");
  } else if (l->iso) {
    column->type = l->date ? DS_TYPE_DATE : DS_TYPE_TIME;
    column->zoned = l->zoned_any;
    column->duck_type = ds_str_of(l->date        ? "DATE"
                                  : l->zoned_any ? "TIMESTAMP WITH TIME ZONE"
                                                 : "TIMESTAMP");
  } else {
    look_format(l, column, arena);
  }
}

ds_code ds_input_judge(const ds_duck_texts *sample, uint32_t index, bool text,
                       ds_input_column *column, ds_arena *arena, ds_error *err) {
  look l = {.number = true, .whole = true, .boolean = true, .iso = true, .date = true,
            .distinct = true};
  memset(l.formats, 1, sizeof l.formats);
  ds_map64_init(&l.seen);
  for (uint32_t row = 0; row < sample->rows; row++) {
    const ds_str value = sample->cell[(size_t)row * sample->columns + index];
    if (value.data != NULL && value.size > 0)
      look_value(&l, value);
  }
  ds_map64_done(&l.seen);
  const ds_str declared = column->duck_type;
  look_decide(&l, column, arena);
  // A look cut short would take a column for another: an id for a property, a day for a month.
  if (l.no_memory || arena->refused)
    return ds_fail(err, DS_MEMORY, "out of memory reading files");
  if (text)
    return DS_OK;
  // Parquet says its types itself; only its texts may still be times.
  column->duck_type = declared;
  const ds_type type = ds_plan_type(declared);
  if (type != DS_TYPE_STRING || (column->type != DS_TYPE_TIME && column->type != DS_TYPE_DATE)) {
    column->type = type;
    column->time_format = NULL;
    column->day_or_month = false;
  }
  column->whole = type == DS_TYPE_NUMBER;
  return DS_OK;
}

// Parquet's columns by their declared types, text's by their header.
static ds_code columns_list(ds_duck *duck, const ds_source *file, const char *reader,
                            ds_arena *arena, ds_input *input, ds_error *err) {
  if (file->kind == DS_SOURCE_TEXT) {
    input->columns_count = file->columns_count;
    input->columns = ds_arena_array(arena, file->columns_count, sizeof *input->columns);
    for (uint32_t i = 0; input->columns != NULL && i < file->columns_count; i++)
      input->columns[i].name = file->columns[i];
  } else {
    ds_buf sql;
    ds_buf_init(&sql, 1 << 20);
    ds_buf_printf(&sql, "select column_name, column_type from (describe select * from %s)",
                  reader);
    ds_duck_texts columns = {0};
    ds_code code = ds_buf_check(&sql, "a query", err);
    if (code == DS_OK)
      code = ds_duck_query(duck, ds_buf_cstr(&sql), arena, &columns, err);
    ds_buf_done(&sql);
    if (code != DS_OK)
      return ds_fail_in(err, code, "%s", file->name);
    input->columns_count = columns.rows;
    input->columns = ds_arena_array(arena, columns.rows + 1, sizeof *input->columns);
    for (uint32_t i = 0; input->columns != NULL && i < columns.rows; i++) {
      input->columns[i].name = columns.cell[2 * i];
      input->columns[i].duck_type = columns.cell[2 * i + 1];
    }
  }
  return input->columns == NULL ? ds_fail(err, DS_MEMORY, "out of memory reading files") : DS_OK;
}

// Fetches the sample; its rejects are of no interest, the import itself will meet them again.
static ds_code sample_take(ds_duck *duck, const char *reader, uint32_t columns, ds_arena *arena,
                           ds_duck_texts *ret_sample, ds_error *err) {
  const uint32_t rows =
      columns * DS_SAMPLE_ROWS > SAMPLE_CELLS ? SAMPLE_CELLS / columns : DS_SAMPLE_ROWS;
  ds_buf sql;
  ds_buf_init(&sql, 1 << 20);
  ds_buf_printf(&sql, "select left(columns(*)::varchar, 256) from (select * from %s limit %u)",
                reader, rows);
  ds_code code = ds_buf_check(&sql, "a query", err);
  if (code == DS_OK)
    code = ds_duck_query(duck, ds_buf_cstr(&sql), arena, ret_sample, err);
  ds_buf_done(&sql);
  return code;
}

ds_code ds_input_look(ds_duck *duck, ds_io *io, const ds_source *file, ds_arena *arena,
                      ds_input *ret_input, ds_error *err) {
  enum { SAMPLE_NUMBER = 9999 };
  ds_input input = {.file = file};
  ds_arena scratch;
  ds_arena_init(&scratch, 512 << 20);
  ds_buf reader;
  ds_buf_init(&reader, 1 << 20);
  ds_input_sql(file, NULL, SAMPLE_NUMBER, &reader);
  ds_code code = ds_buf_check(&reader, "a query", err);
  if (code == DS_OK)
    code = columns_list(duck, file, ds_buf_cstr(&reader), arena, &input, err);
  ds_duck_texts sample = {0};
  if (code == DS_OK) {
    code = sample_take(duck, ds_buf_cstr(&reader), input.columns_count, &scratch, &sample, err);
    // DuckDB names the wrong record when quotes go wrong.
    bool mixed;
    if (code != DS_OK && file->kind == DS_SOURCE_TEXT &&
        ds_source_check_quotes(io, file, &mixed, err) == DS_OK)
      code = ds_fail_in(err, code, "%s", file->name);
  }
  for (uint32_t i = 0; code == DS_OK && i < input.columns_count; i++)
    code = ds_input_judge(&sample, i, file->kind == DS_SOURCE_TEXT, &input.columns[i], arena, err);
  input.sampled = sample.rows;
  ds_buf_done(&reader);
  ds_arena_done(&scratch);
  if (code == DS_OK) {
    TRY(ds_duck_run(duck, "drop table if exists reject_9999", err));
    TRY(ds_duck_run(duck, "drop table if exists scan_9999", err));
    *ret_input = input;
  }
  return code;
}
