// SPDX-License-Identifier: Apache-2.0
// What a file is: the first bytes say how it is packed, the first text which kind of log it is; its
// name must agree, because people trust names.
#include <stdio.h>
#include <stdlib.h>

#include "ingest/source.h"

enum { HEAD_BYTES = 64 << 10 };

// What a file begins with when it is no text.
typedef struct magic {
  const char *bytes;
  size_t size;
  const char *what;
} magic;

static bool starts_with(const uint8_t *data, size_t size, const magic *sign) {
  return size >= sign->size && memcmp(data, sign->bytes, sign->size) == 0;
}

static bool name_ends(const char *name, const char *end) {
  const size_t size = strlen(name);
  const size_t tail = strlen(end);
  return size >= tail && ds_str_equal_nocase(ds_str_of(name + size - tail), ds_str_of(end));
}

// The same behind what tells the compression.
static bool name_means(const ds_source *file, const char *end) {
  static const char *const packed[] = {"", ".gz", ".zst"};
  char whole[32];
  snprintf(whole, sizeof whole, "%s%s", end, packed[file->squeeze]);
  return name_ends(file->name, whole);
}

static ds_code squeeze_find(ds_source *file, const uint8_t *head, size_t size, ds_error *err) {
  static const magic gzip = {"\x1f\x8b", 2, "gzip"};
  static const magic zstd = {"\x28\xb5\x2f\xfd", 4, "zstd"};
  const bool is_gzip = starts_with(head, size, &gzip);
  const bool is_zstd = starts_with(head, size, &zstd);
  file->squeeze = is_gzip ? DS_SQUEEZE_GZIP : is_zstd ? DS_SQUEEZE_ZSTD : DS_SQUEEZE_NONE;
  if (name_ends(file->name, ".gz") != is_gzip)
    return ds_fail(err, DS_INPUT, is_gzip ? "%s holds gzip data, unlike its name: rename it to .gz"
                                          : "%s holds no gzip data, unlike its name", file->name);
  if (name_ends(file->name, ".zst") != is_zstd)
    return ds_fail(err, DS_INPUT, is_zstd ? "%s holds zstd data, unlike its name: rename it to .zst"
                                          : "%s holds no zstd data, unlike its name", file->name);
  return DS_OK;
}

// The first text of a file, unpacked.
typedef struct opening {
  char text[HEAD_BYTES + 1];
  size_t size;
} opening;

static ds_code opening_feed(void *context, const uint8_t *data, size_t size, ds_error *err) {
  opening *o = context;
  const size_t room = HEAD_BYTES - o->size;
  memcpy(o->text + o->size, data, size < room ? size : room);
  o->size += size < room ? size : room;
  return o->size == HEAD_BYTES ? ds_fail(err, DS_NO, "enough") : DS_OK;
}

// Of XML the outermost element is looked for: past the declaration and comments.
static const char *xml_element(const char *text) {
  while (strncmp(text, "<?", 2) == 0 || strncmp(text, "<!--", 4) == 0) {
    const char *end = text[1] == '!' ? strstr(text, "-->") : strchr(text, '>');
    if (end == NULL)
      return text;
    text = end + (end[0] == '-' ? 3 : 1);
    text += strspn(text, " \t\r\n");
  }
  return text;
}

static ds_code xml_find(ds_source *file, const char *text, ds_error *err) {
  const char *element = xml_element(text);
  const size_t size = strcspn(element + 1, " \t\r\n/>");
  // Both kinds of logs have the same outermost element: what lies in it tells them apart.
  static const char *const ocel[] = {"<object-types", "<event-types", "<objects", "<events"};
  file->kind = DS_SOURCE_XES;
  for (size_t i = 0; i < sizeof ocel / sizeof *ocel; i++)
    if (strstr(element, ocel[i]) != NULL && !name_means(file, ".xes"))
      file->kind = DS_SOURCE_OCEL_XML;
  if (name_means(file, ".xmlocel"))
    file->kind = DS_SOURCE_OCEL_XML;
  if (element[1] == '!') // the parser will say what it thinks of that
    return DS_OK;
  if (size != 3 || memcmp(element + 1, "log", 3) != 0)
    return ds_fail(err, DS_INPUT, "%s is XML but no XES or OCEL log: its outermost element is "
                   "<%.*s>", file->name, (int)(size < 64 ? size : 64), element + 1);
  return DS_OK;
}

// Names that promise a kind of text, without what tells the compression.
static bool named(const ds_source *file, const char *const *ends) {
  for (; *ends != NULL; ends++)
    if (name_means(file, *ends))
      return true;
  return false;
}

// One object with these members is an event log; any other is a record.
static ds_code json_find(ds_source *file, const char *text, ds_error *err) {
  static const char *const ocel[] = {"\"objectTypes\"", "\"eventTypes\""};
  if (text[0] == '{' && strstr(text, "\"ocel:events\"") != NULL)
    return ds_fail(err, DS_UNSUPPORTED, "%s is a log of OCEL 1.0: write it as OCEL 2.0",
                   file->name);
  file->kind = DS_SOURCE_JSON;
  for (size_t i = 0; i < sizeof ocel / sizeof *ocel; i++)
    if (text[0] == '{' && strstr(text, ocel[i]) != NULL)
      file->kind = DS_SOURCE_OCEL_JSON;
  if (name_means(file, ".jsonocel"))
    file->kind = DS_SOURCE_OCEL_JSON;
  return DS_OK;
}

static ds_code text_find(ds_source *file, const char *text, ds_error *err) {
  static const char *const xml[] = {".xes", ".xml", ".xmlocel", NULL};
  static const char *const json[] = {".json", ".ndjson", ".jsonl", ".jsonocel", NULL};
  static const char *const tables[] = {".csv", ".tsv", ".txt", NULL};
  if (memcmp(text, "\xEF\xBB\xBF", 3) == 0)
    text += 3;
  text += strspn(text, " \t\r\n");
  const bool is_xml = text[0] == '<' && !named(file, tables);
  const bool is_json = (text[0] == '{' || text[0] == '[') && !named(file, tables);
  if (named(file, xml) && !is_xml)
    return ds_fail(err, DS_INPUT, "%s holds no XML, unlike its name", file->name);
  if (named(file, json) && !is_json)
    return ds_fail(err, DS_INPUT, "%s holds no JSON, unlike its name", file->name);
  if (is_json)
    TRY(json_find(file, text, err));
  return is_xml ? xml_find(file, text, err) : DS_OK;
}

static ds_code opening_find(ds_io *io, ds_source *file, ds_error *err) {
  opening *o = calloc(1, sizeof *o);
  if (o == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading %s", file->name);
  ds_code code = ds_source_read(io, file, opening_feed, NULL, o, NULL, err);
  if (code == DS_OK || code == DS_NO)
    code = text_find(file, o->text, err);
  free(o);
  return code;
}

ds_code ds_source_find_kind(ds_io *io, ds_source *file, const uint8_t *head, size_t size,
                            ds_error *err) {
  static const magic parquet = {"PAR1", 4, "Parquet"};
  static const magic others[] = {
      {"PK\x03\x04", 4, "a zip archive or a spreadsheet: export it as CSV"},
      {"\xd0\xcf\x11\xe0", 4, "an old spreadsheet: export it as CSV"},
      {"BZh", 3, "bzip2: unpack it first"},
      {"\xfd" "7zXZ", 5, "xz: unpack it first"},
      {"%PDF", 4, "a PDF"},
  };
  if (size == 0)
    return ds_fail(err, DS_INPUT, "%s is empty", file->name);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (starts_with(head, size, &others[i]))
      return ds_fail(err, DS_INPUT, "%s is %s", file->name, others[i].what);
  static const magic sqlite = {"SQLite format 3", 15, "SQLite"};
  file->kind = DS_SOURCE_OCEL_SQLITE;
  if (starts_with(head, size, &sqlite))
    return DS_OK;
  if (name_ends(file->name, ".sqlite") || name_ends(file->name, ".sqlite3"))
    return ds_fail(err, DS_INPUT, "%s holds no SQLite database, unlike its name", file->name);
  TRY(squeeze_find(file, head, size, err));
  const bool is_parquet = starts_with(head, size, &parquet);
  file->kind = is_parquet ? DS_SOURCE_PARQUET : DS_SOURCE_TEXT;
  const bool named_parquet = name_ends(file->name, ".parquet") || name_ends(file->name, ".pq");
  if (named_parquet != is_parquet)
    return ds_fail(err, DS_INPUT, is_parquet
                                      ? "%s holds Parquet data, unlike its name: rename it"
                                      : "%s holds no Parquet data, unlike its name", file->name);
  return is_parquet ? DS_OK : opening_find(io, file, err);
}
