// SPDX-License-Identifier: Apache-2.0
// Which files an import reads and how: options, the mapping's text, inspection, and what DuckDB's
// reader would not take.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ingest/importer.h"
#include "ingest/lines.h"

enum { MAPPING_BYTES_MAX = 1 << 20, OPTION_BYTES_MAX = 64 };

// Values go into SQL, so they are words.
static bool is_word(const char *text) {
  const size_t size = strlen(text);
  if (size == 0 || size > OPTION_BYTES_MAX)
    return false;
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  return strspn(text, letters) == size && strstr(text, "--") == NULL;
}

static ds_code option_unknown(const ds_importer *importer, const char *name, ds_error *err) {
  const char *names[64] = {"encoding", "time_format", "source"};
  size_t count = 3;
  for (uint32_t i = 0; i < importer->mapping.options_count && count < 64; i++)
    names[count++] = importer->mapping.options[i].name;
  const char *nearest = ds_str_nearest(ds_str_of(name), names, count);
  return ds_fail(err, DS_USAGE, "--option %.64s: no such option%s%s", name,
                 nearest == NULL ? "" : ": did you mean ", nearest == NULL ? "" : nearest);
}

static ds_code option_encoding(ds_importer *importer, const char *value, ds_error *err) {
  if (ds_str_equal_nocase(ds_str_of(value), ds_str_of("utf-8"))) {
    importer->encoding = DS_ENCODING_UTF8;
  } else if (ds_str_equal_nocase(ds_str_of(value), ds_str_of("latin-1"))) {
    importer->encoding = DS_ENCODING_LATIN1;
  } else {
    return ds_fail(err, DS_USAGE, "--option encoding is utf-8 or latin-1, not %.32s", value);
  }
  return DS_OK;
}

static bool is_mapping_option(const ds_importer *importer, const char *name) {
  for (uint32_t i = 0; i < importer->mapping.options_count; i++)
    if (strcmp(importer->mapping.options[i].name, name) == 0)
      return true;
  return false;
}

ds_code ds_importer_options(ds_importer *importer, ds_error *err) {
  if (importer->mapping.name != NULL)
    importer->source_name = importer->mapping.name;
  importer->source_given = importer->mapping.name != NULL;
  for (uint32_t i = 0; i < importer->options->options_count; i++) {
    const ds_pair *option = &importer->options->options[i];
    if (is_mapping_option(importer, option->name)) {
      if (!is_word(option->value))
        return ds_fail(err, DS_USAGE, "--option %.64s: a word or number is wanted", option->name);
    } else if (strcmp(option->name, "encoding") == 0) {
      TRY(option_encoding(importer, option->value, err));
    } else if (strcmp(option->name, "time_format") == 0) {
      importer->time_format = option->value;
    } else if (strcmp(option->name, "source") == 0) {
      if (!is_word(option->value))
        return ds_fail(err, DS_USAGE, "--option source: a word is wanted");
      importer->source_name = option->value;
      importer->source_given = true;
    } else {
      return option_unknown(importer, option->name, err);
    }
  }
  return DS_OK;
}

const char *ds_importer_option(const ds_importer *importer, ds_str name) {
  for (uint32_t i = 0; i < importer->options->options_count; i++)
    if (ds_str_equal(ds_str_of(importer->options->options[i].name), name))
      return importer->options->options[i].value;
  for (uint32_t i = 0; i < importer->mapping.options_count; i++)
    if (ds_str_equal(ds_str_of(importer->mapping.options[i].name), name))
      return importer->mapping.options[i].standard;
  return NULL;
}

static bool is_yaml_path(const char *name) {
  const size_t size = strlen(name);
  return strchr(name, '/') != NULL || (size > 5 && strcmp(name + size - 5, ".yaml") == 0) ||
         (size > 4 && strcmp(name + size - 4, ".yml") == 0);
}

ds_code ds_importer_mapping(ds_importer *importer, ds_error *err) {
  const char *name = importer->options->mapping;
  char names[256];
  if (!is_yaml_path(name)) {
    if (!ds_mapping_shipped(name, &importer->mapping_text))
      return ds_fail(err, DS_USAGE, "no mapping is called %.64s (shipped: %s); for a file of your "
                     "own give its path, ending in .yaml", name, ds_mapping_shipped_names(names));
    return ds_mapping_read(importer->mapping_text, name, &importer->plans, &importer->mapping,
                           err);
  }
  char *text = NULL;
  size_t size = 0;
  const ds_code code =
      ds_io_read_file(importer->io, name, MAPPING_BYTES_MAX, &text, &size, err);
  if (code == DS_MEMORY)
    return code;
  if (code != DS_OK)
    return ds_fail(err, DS_INPUT, code == DS_MISSING ? "no such mapping file: %s"
                                                     : "the mapping %s cannot be read", name);
  const char *copy = ds_arena_text(&importer->plans, text, size);
  free(text);
  if (copy == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading a mapping");
  importer->mapping_text = (ds_str){copy, (uint32_t)size};
  const char *slash = strrchr(name, '/');
  return ds_mapping_read(importer->mapping_text, slash == NULL ? name : slash + 1,
                         &importer->plans, &importer->mapping, err);
}

static ds_code any_entry(void *context, const char *name, ds_error *err) {
  (void)context;
  (void)name;
  (void)err;
  return DS_OK;
}

// Whether a file is there; a mapping's files may also lie there compressed. What cannot be opened
// for another reason is not taken for missing: an optional file would be left out.
static ds_code exists(const ds_importer *importer, const char *path, bool *ret_exists,
                      ds_error *err) {
  ds_file *file;
  ds_error why;
  const ds_code code = importer->io->ops->open(importer->io, path, DS_OPEN_READ, &file, &why);
  if (code == DS_OK)
    importer->io->ops->close(importer->io, file);
  *ret_exists = code == DS_OK;
  return code == DS_OK || code == DS_MISSING ? DS_OK : ds_fail(err, code, "%s", why.message);
}

// One file of the mapping below `folder`; an optional one may be absent (path "").
static ds_code mapping_file(ds_importer *importer, const char *folder, ds_mapping_file *file,
                            ds_error *err) {
  static const char *const ends[] = {"", ".gz", ".zst"};
  char path[DS_PATH_BYTES_MAX];
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    const int size = snprintf(path, sizeof path, "%s/%s%s", folder, file->file, ends[i]);
    if (size < 0 || size >= (int)sizeof path)
      return ds_fail(err, DS_LIMIT, "the path of %s is too long", file->file);
    bool is_there = false;
    TRY(exists(importer, path, &is_there, err));
    if (is_there)
      return ds_source_expand(importer->io, &importer->plans, path, &importer->files,
                              &importer->files_count, err);
  }
  if (!file->optional)
    return ds_fail(err, DS_INPUT, "no such file: %s/%s, which mapping %s reads", folder,
                   file->file, importer->mapping.name);
  file->file = "";
  return DS_OK;
}

static ds_code mapping_files(ds_importer *importer, ds_error *err) {
  const ds_import_options *options = importer->options;
  ds_error why;
  bool is_there = false;
  if (options->files_count == 1 && importer->mapping.files_count == 1)
    TRY(exists(importer, options->files[0], &is_there, err));
  if (is_there &&
      importer->io->ops->list(importer->io, options->files[0], any_entry, NULL, &why) != DS_OK)
    return ds_source_expand(importer->io, &importer->plans, options->files[0], &importer->files,
                            &importer->files_count, err);
  if (options->files_count != 1)
    return ds_fail(err, DS_USAGE, "with --mapping %s name the folder that holds its files",
                   importer->mapping.name);
  if (importer->io->ops->list(importer->io, options->files[0], any_entry, NULL, &why) != DS_OK)
    return ds_fail(err, DS_INPUT, "%s is no folder that can be read: mapping %s reads several "
                   "files from one", options->files[0], importer->mapping.name);
  for (uint32_t i = 0; i < importer->mapping.files_count; i++)
    TRY(mapping_file(importer, options->files[0], &importer->mapping.files[i], err));
  return DS_OK;
}

static ds_code delimiter_of(const char *text, char *ret_delimiter, ds_error *err) {
  *ret_delimiter = '\0';
  if (text == NULL)
    return DS_OK;
  if (strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0)
    text = "\t";
  if (strlen(text) != 1 || strchr("\"\r\n", text[0]) != NULL || (unsigned char)text[0] >= 0x80)
    return ds_fail(err, DS_USAGE, "--delimiter is one character, or tab");
  *ret_delimiter = text[0];
  return DS_OK;
}

// Whether it was said how columns become events: then JSON is a table, whatever its records are.
static bool columns_named(const ds_importer *importer) {
  const ds_import_options *options = importer->options;
  return importer->mapping.name != NULL || options->customer_column != NULL ||
         options->time_column != NULL || options->event_column != NULL ||
         options->renames_count > 0 || importer->time_format != NULL;
}

ds_code ds_importer_files(ds_importer *importer, ds_error *err) {
  const ds_import_options *options = importer->options;
  char delimiter;
  TRY(delimiter_of(options->delimiter, &delimiter, err));
  if (importer->mapping.name != NULL)
    TRY(mapping_files(importer, err));
  for (uint32_t i = 0; importer->mapping.name == NULL && i < options->files_count; i++)
    TRY(ds_source_expand(importer->io, &importer->plans, options->files[i], &importer->files,
                         &importer->files_count, err));
  for (uint32_t i = 0; i < importer->files_count; i++) {
    importer->files[i].delimiter = delimiter;
    importer->files[i].encoding = (ds_source_encoding)importer->encoding;
    importer->files[i].as_columns = columns_named(importer);
    TRY(ds_source_inspect(importer->io, &importer->files[i], &importer->plans, options->progress,
                          err));
  }
  return DS_OK;
}

ds_code ds_importer_lines_run(ds_importer *importer, const ds_import_step *step,
                              uint32_t threads, uint64_t *ret_rows, ds_error *err) {
  const size_t before = importer->quarantine.count;
  ds_quarantine refused;
  ds_quarantine_init(&refused);
  const ds_rows_job job = {
      .io = importer->io, .file = &importer->files[step->file], .plan = step->plan,
      .threads = threads, .take = ds_encoder_take, .take_context = importer->encoder,
      .refused = &refused, .strict = importer->options->strict,
      .progress = importer->options->progress,
  };
  ds_code code = ds_lines_run(&job, ret_rows, err);
  uint64_t *records = malloc((refused.count + 1) * sizeof *records);
  if (code == DS_OK && records == NULL)
    code = ds_fail(err, DS_MEMORY, "out of memory listing rejected rows");
  for (size_t i = 0; code == DS_OK && i < refused.count; i++)
    records[i] = refused.list[i].record;
  if (code == DS_OK)
    ds_quarantine_shift(&importer->quarantine, before, records, refused.count);
  for (size_t i = 0; code == DS_OK && i < refused.count; i++)
    code = ds_quarantine_add(&importer->quarantine, &refused.list[i], 1, err);
  *ret_rows += refused.events;
  free(records);
  ds_quarantine_done(&refused);
  return code;
}

static ds_reason reject_reason(ds_str type) {
  static const struct {
    const char *type;
    ds_reason reason;
  } reasons[] = {
      {"CAST", DS_REASON_CAST},
      {"MISSING COLUMNS", DS_REASON_FEW_COLUMNS},
      {"TOO MANY COLUMNS", DS_REASON_MANY_COLUMNS},
      {"UNQUOTED VALUE", DS_REASON_QUOTE},
      {"LINE SIZE OVER MAXIMUM", DS_REASON_LONG_LINE},
      {"INVALID ENCODING", DS_REASON_ENCODING},
      {"INVALID STATE", DS_REASON_QUOTE},
  };
  for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
    if (ds_str_equal(type, ds_str_of(reasons[i].type)))
      return reasons[i].reason;
  return DS_REASON_CAST;
}

// After a broken quote DuckDB skips good rows without a word, so the file cannot be taken.
static ds_code quote_fail(ds_importer *importer, const ds_source *file, uint64_t record,
                          ds_error *err) {
  bool mixed;
  TRY(ds_source_check_quotes(importer->io, file, &mixed, err));
  return ds_fail(err, DS_INPUT, "%s record %" PRIu64 ": a quoted value is not closed", file->name,
                 record);
}

static ds_code rejects_read(ds_importer *importer, uint32_t file, ds_duck_texts *ret_rows,
                            ds_error *err) {
  char sql[512];
  ds_duck_texts count;
  snprintf(sql, sizeof sql, "select count(distinct line)::varchar from reject_%u", file);
  TRY(ds_duck_query(importer->duck, sql, &importer->plans, &count, err));
  uint64_t rows = 0;
  (void)ds_str_to_u64(count.cell[0], &rows);
  if (rows > DS_REFUSALS_MAX)
    return ds_fail(err, DS_INPUT, "%s: %" PRIu64 " records cannot be read: is the delimiter right? "
                   "Say --delimiter", importer->files[file].name, rows);
  snprintf(sql, sizeof sql,
           "select (line - 1)::varchar, coalesce(min(column_name), ''), "
           "min(error_type::varchar) from reject_%u group by line order by line", file);
  return ds_duck_query(importer->duck, sql, &importer->plans, ret_rows, err);
}

ds_code ds_importer_rejects(ds_importer *importer, uint32_t file, size_t from, ds_error *err) {
  const ds_source *source = &importer->files[file];
  ds_duck_texts rows;
  if (source->kind != DS_SOURCE_TEXT)
    return DS_OK;
  TRY(rejects_read(importer, file, &rows, err));
  uint64_t *records = ds_arena_array(&importer->plans, rows.rows + 1, sizeof *records);
  if (records == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory listing rejected rows");
  for (uint32_t i = 0; i < rows.rows; i++)
    (void)ds_str_to_u64(rows.cell[3 * i], &records[i]);
  if (from != SIZE_MAX)
    ds_quarantine_shift(&importer->quarantine, from, records, rows.rows);
  for (uint32_t i = 0; i < rows.rows; i++) {
    const ds_refusal refusal = {.record = records[i], .source = source->name,
                                .column = rows.cell[3 * i + 1].data,
                                .reason = reject_reason(rows.cell[3 * i + 2])};
    if (refusal.reason == DS_REASON_QUOTE)
      return quote_fail(importer, source, records[i], err);
    if (importer->options->strict)
      return ds_fail(err, DS_INPUT, "%s record %" PRIu64 ": %s", source->name, records[i],
                     ds_reason_words(refusal.reason));
    TRY(ds_quarantine_add(&importer->quarantine, &refusal, 1, err));
  }
  importer->rows += rows.rows;
  return DS_OK;
}
