// SPDX-License-Identifier: Apache-2.0
// A file of identifiers, and whose they are; or of identifiers, or cases, with an instant each.
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "ingest/lists.h"
#include "ingest/seal.h"
#include "model/identifier.h"
#include "scan/subjects.h"
#include "store/identity.h"

// A file being read.
typedef struct reader {
  ds_store *store;
  const char *name; // of the file, without folders
  ds_sealer sealer;
  ds_arena line_arena;  // of one identifier
  ds_arena *arena;
  ds_names wanted;      // subjects as the store has them
  uint32_t *line;       // of each, the first
  uint32_t line_capacity;
  const ds_names *kinds;
  char delimiter;       // '\0': a line is one identifier
  uint32_t column;
  ds_str kind;
  ds_list_read read;
  ds_instants *instants; // of rows with a time each; NULL: of a list
  uint32_t time_column;
  uint32_t rows_capacity;
  ds_error *err;
} reader;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for a list of identifiers");
}

static ds_str trimmed(ds_str text) {
  while (text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1]) != NULL)
    text.size--;
  while (text.size > 0 && (*text.data == ' ' || *text.data == '\t')) {
    text.data++;
    text.size--;
  }
  return text;
}

// One value of a line, from byte *at on; quotes are taken off, and doubled ones within made one, in
// place. false: the quotes are never closed.
static bool next_value(char *line, uint32_t size, char delimiter, uint32_t *at, ds_str *ret_value) {
  uint32_t from = *at, to = 0;
  if (from < size && line[from] == '"') {
    char *out = line + from;
    for (from++; from < size && (line[from] != '"' || (from + 1 < size && line[from + 1] == '"'));
         from++) {
      from += line[from] == '"';
      out[to++] = line[from];
    }
    if (from >= size)
      return false;
    *ret_value = (ds_str){out, to};
    for (from++; from < size && line[from] != delimiter; from++)
      ;
  } else {
    while (from < size && (delimiter == '\0' || line[from] != delimiter))
      from++;
    *ret_value = trimmed((ds_str){line + *at, from - *at});
  }
  *at = from + 1;
  return true;
}

static bool is_kind(const reader *in, ds_str kind) {
  return kind.size > 0 &&
         (ds_identifier_is_listed(kind) || ds_names_find(in->kinds, kind) != DS_NONE);
}

// Whether a column of this name holds identifiers.
static bool names_kind(const reader *in, ds_str name) {
  return is_kind(in, name) || ds_str_equal(name, ds_str_of("email")) ||
         ds_str_equal(name, ds_str_of("phone"));
}

static bool is_wanted_column(const reader *in, const ds_list_file *file, ds_str name) {
  return file->column != NULL ? ds_str_equal(name, ds_str_of(file->column)) : names_kind(in, name);
}

// What the column of instants is called.
static bool names_time(ds_str name) {
  static const char *const names[] = {"time", "at", "timestamp", "event_timestamp"};
  bool any = false;
  for (uint32_t n = 0; n < sizeof names / sizeof *names; n++)
    any |= ds_str_equal(name, ds_str_of(names[n]));
  return any;
}

// Of several columns of instants the first counts.
static void note_time(reader *in, ds_str name, uint32_t column) {
  if (in->instants != NULL && in->time_column == DS_NONE && names_time(name))
    in->time_column = column;
}

// The first line of a table: which column holds the identifiers. *ret_head is false when it is no
// line of names but an identifier.
static ds_code read_head(reader *in, const ds_list_file *file, char *line, uint32_t size,
                         bool *ret_head) {
  uint32_t columns = 0, found = 0;
  char delimiter = '\0';
  for (const char *d = ",;\t"; *d != '\0' && delimiter == '\0'; d++)
    delimiter = memchr(line, *d, size) != NULL ? *d : '\0';
  for (uint32_t at = 0; at < size; columns++) {
    ds_str name;
    if (!next_value(line, size, delimiter, &at, &name))
      return ds_fail(in->err, DS_INPUT, "%.200s line 1: a quote is never closed", in->name);
    note_time(in, name, columns);
    if (!is_wanted_column(in, file, name))
      continue;
    found++;
    in->column = columns;
    if (file->kind == NULL && names_kind(in, name))
      in->kind = (ds_str){ds_arena_text(in->arena, name.data, name.size), name.size};
  }
  *ret_head = found > 0 || delimiter != '\0';
  if (found == 1)
    in->delimiter = delimiter == '\0' ? '\t' : delimiter; // of one column there is none
  else if (file->column != NULL)
    return ds_fail(in->err, DS_INPUT, "%.200s line 1: %s column is called '%.60s'", in->name,
                   found == 0 ? "no" : "more than one", file->column);
  else if (*ret_head || in->instants != NULL)
    return ds_fail(in->err, DS_INPUT, "%.200s line 1: %s is called like a kind of identifier%s",
                   in->name, found == 0 ? "no column" : "more than one column",
                   in->instants == NULL ? ": say --column NAME" : ", as customer_id is");
  if (in->instants != NULL && in->time_column == DS_NONE)
    return ds_fail(in->err, DS_INPUT, "%.200s line 1: no column is called time, at, timestamp or "
                   "event_timestamp", in->name);
  return in->kind.data == NULL ? no_memory(in->err) : DS_OK;
}

// The subject that a text names, as the store has it; empty: nobody can have it.
static ds_code subject_of(reader *in, ds_str text, ds_str *ret_subject) {
  const ds_str own = ds_subject_kind(text);
  const bool has_kind = is_kind(in, own) && own.size + 1 < text.size;
  const ds_str kind = has_kind ? own : in->kind;
  const uint32_t skip = has_kind ? own.size + 1 : 0;
  ds_identifier identifier, named;
  bool tells = false;
  ds_arena_reset(&in->line_arena);
  *ret_subject = (ds_str){"", 0};
  if (has_kind && text.data[skip] == '#') { // a hash stands for itself
    *ret_subject = text;
    return DS_OK;
  }
  const ds_identifier_fate fate = ds_identifier_make(
      &in->line_arena, kind, (ds_str){text.data + skip, text.size - skip}, &identifier);
  if (fate == DS_IDENTIFIER_NO_MEMORY)
    return no_memory(in->err);
  if (fate != DS_IDENTIFIER_KEPT || (identifier.personal && !ds_store_has_vault(in->store)))
    return DS_OK;
  TRY(ds_sealer_identifier(&in->sealer, &identifier, &named, &tells, in->err));
  if (tells || !identifier.personal || ds_identifier_is_nobody(&identifier)) {
    *ret_subject = tells ? named.subject : *ret_subject;
    return DS_OK;
  }
  // What joins nobody, as a number without its country, is who it is where it stands alone.
  ds_error erased = {.code = DS_OK};
  TRY(ds_sealer_subject(&in->sealer, identifier.subject, &named.subject, in->err));
  const ds_code code = ds_sealer_check(&in->sealer, named.subject, &erased);
  if (code == DS_OK)
    *ret_subject = named.subject;
  return code == DS_OK || code == DS_NO ? DS_OK : ds_fail(in->err, code, "%s", erased.message);
}

// Keeps the first lines, in order.
static void note_unknown(ds_list_read *read, uint32_t line) {
  enum { SHOWN = sizeof read->unknown_lines / sizeof *read->unknown_lines };
  uint32_t at = read->unknown < SHOWN ? (uint32_t)read->unknown : SHOWN;
  read->unknown++;
  for (; at > 0 && read->unknown_lines[at - 1] > line; at--)
    if (at < SHOWN)
      read->unknown_lines[at] = read->unknown_lines[at - 1];
  if (at < SHOWN)
    read->unknown_lines[at] = line;
}

static ds_code take(reader *in, ds_str text, uint32_t line) {
  ds_str subject;
  uint32_t index = 0;
  const uint32_t before = in->wanted.count;
  if (text.size == 0)
    return DS_OK;
  in->read.given++;
  TRY(subject_of(in, text, &subject));
  if (subject.size == 0) {
    note_unknown(&in->read, line);
    return DS_OK;
  }
  if (before == DS_LIST_MEMBERS_MAX)
    return ds_fail(in->err, DS_LIMIT, "%.200s line %u: at most %u identifiers", in->name, line,
                   DS_LIST_MEMBERS_MAX);
  TRY(ds_names_add(&in->wanted, subject, &index, in->err));
  in->read.repeated += index < before;
  if (index < before)
    return DS_OK;
  if (index == in->line_capacity) {
    uint32_t *moved = realloc(in->line, (2u * index + 1024u) * sizeof *moved);
    if (moved == NULL)
      return no_memory(in->err);
    in->line = moved;
    in->line_capacity = 2 * index + 1024;
  }
  in->line[index] = line;
  return DS_OK;
}

// One row with its instant. Of an identifier that nobody can have only the line is kept.
static ds_code take_instant(reader *in, ds_str text, ds_str time, uint32_t line) {
  ds_instants *to = in->instants;
  ds_instant row = {.line = line};
  ds_str who = text;
  bool local = false, date_only = false;
  if (!ds_time_parse(time, &row.time_ms, &local, &date_only))
    return ds_fail(in->err, DS_INPUT, "%.200s line %u: '%.*s' is no time; write 2024-06-01 or "
                   "2024-06-01T10:00:00Z", in->name, line, time.size < 60 ? (int)time.size : 60,
                   time.data);
  if (text.size == 0)
    return ds_fail(in->err, DS_INPUT, "%.200s line %u: it names nobody", in->name, line);
  if (!to->of_cases)
    TRY(subject_of(in, text, &who));
  if (who.size == 0) {
    to->unknown_line = to->unknown++ == 0 ? line : to->unknown_line;
    return DS_OK;
  }
  if (to->count == DS_LIST_MEMBERS_MAX)
    return ds_fail(in->err, DS_LIMIT, "%.200s line %u: at most %u rows", in->name, line,
                   DS_LIST_MEMBERS_MAX);
  TRY(ds_names_add(&to->who, who, &row.who, in->err));
  if (to->count == in->rows_capacity) {
    const uint32_t capacity = in->rows_capacity * 2 + 1024;
    ds_instant *moved = realloc(to->row, capacity * sizeof *moved);
    if (moved == NULL)
      return no_memory(in->err);
    to->row = moved;
    in->rows_capacity = capacity;
  }
  to->row[to->count++] = row;
  return DS_OK;
}

static ds_code take_line(reader *in, char *line, uint32_t size, uint32_t number) {
  ds_str value = {"", 0}, who = {"", 0}, time = {"", 0};
  const uint32_t last = in->instants != NULL && in->time_column > in->column ? in->time_column
                                                                             : in->column;
  uint32_t at = 0, column = 0;
  if (trimmed((ds_str){line, size}).size == 0)
    return DS_OK;
  if (size > DS_TEXT_BYTES_MAX)
    return ds_fail(in->err, DS_LIMIT, "%.200s line %u: a line has at most %u bytes", in->name,
                   number, DS_TEXT_BYTES_MAX);
  for (; column <= last && at <= size; column++) {
    if (!next_value(line, size, in->delimiter, &at, &value))
      return ds_fail(in->err, DS_INPUT, "%.200s line %u: a quote is never closed", in->name,
                     number);
    who = column == in->column ? value : who;
    time = column == in->time_column ? value : time;
  }
  if (column <= last)
    return ds_fail(in->err, DS_INPUT, "%.200s line %u: it has %u value%s, and column %u holds the "
                   "%s", in->name, number, column, column == 1 ? "" : "s", last + 1,
                   last == in->column ? "identifiers" : "instants");
  return in->instants == NULL ? take(in, who, number) : take_instant(in, who, time, number);
}

static ds_code read_lines(reader *in, const ds_list_file *file, char *text, size_t size) {
  const bool marked = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
  char *at = text + (marked ? 3 : 0), *end = text + size;
  for (uint32_t number = 1; at < end; number++) {
    char *stop = memchr(at, '\n', (size_t)(end - at));
    const size_t bytes = (size_t)((stop == NULL ? end : stop) - at);
    uint32_t length = bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
    bool head = false;
    if (length > 0 && at[length - 1] == '\r')
      length--;
    if (number == 1 && length <= DS_TEXT_BYTES_MAX)
      TRY(read_head(in, file, at, length, &head));
    if (!head)
      TRY(take_line(in, at, length, number));
    at = stop == NULL ? end : stop + 1;
  }
  return DS_OK;
}

// --- whose they are

static ds_code take_customers(reader *in, const uint32_t *customer) {
  for (uint32_t i = 0; i < in->wanted.count; i++) {
    if (customer[i] == DS_NONE) {
      note_unknown(&in->read, in->line[i]);
      continue;
    }
    in->read.customers_count += !ds_customers_has(&in->read.customers, customer[i]);
    if (!ds_customers_add(&in->read.customers, customer[i], in->arena))
      return no_memory(in->err);
  }
  return DS_OK;
}

static ds_code find_all(reader *in, const ds_snapshot *snapshot, ds_progress *progress) {
  uint32_t *customer = ds_arena_array(in->arena, in->wanted.count + 1u, sizeof *customer);
  if (customer == NULL)
    return no_memory(in->err);
  TRY(ds_subjects_customers(snapshot, &in->wanted, ds_store_get_options(in->store)->memory_bytes,
                            progress, customer, in->err));
  return take_customers(in, customer);
}

// --- the file

static ds_code add_kinds(const ds_snapshot *snapshot, ds_names *kinds, ds_error *err) {
  uint32_t index = 0;
  for (uint32_t p = 0; p < snapshot->places_count; p++) {
    const ds_names *own = ds_part_kinds(snapshot->places[p].part);
    for (uint32_t k = 0; k < own->count; k++)
      TRY(ds_names_add(kinds, own->text[k], &index, err));
  }
  for (uint32_t k = 0; snapshot->identity != NULL && k < snapshot->identity->kinds.count; k++)
    TRY(ds_names_add(kinds, snapshot->identity->kinds.text[k], &index, err));
  return DS_OK;
}

static ds_code read_rows(reader *in, const ds_list_file *file) {
  char *text = NULL;
  size_t size = 0;
  ds_error why = {.message = ""};
  ds_code code = ds_io_read_file(ds_io_posix(), file->path, DS_LIST_BYTES_MAX, &text, &size, &why);
  if (code == DS_LIMIT)
    return ds_fail(in->err, code, "%.200s is larger than %u MiB", in->name,
                   DS_LIST_BYTES_MAX >> 20);
  if (code != DS_OK)
    return ds_fail(in->err, code == DS_MISSING ? DS_INPUT : code, "%s", why.message);
  code = read_lines(in, file, text, size);
  free(text);
  return code;
}

static ds_code read_text(reader *in, const ds_list_file *file, const ds_snapshot *snapshot,
                         ds_progress *progress) {
  ds_code code = read_rows(in, file);
  if (code == DS_OK)
    code = find_all(in, snapshot, progress);
  if (code == DS_OK && in->read.given == 0)
    code = ds_fail(in->err, DS_INPUT, "%.200s holds no identifier", in->name);
  else if (code == DS_OK && in->read.customers_count == 0)
    code = ds_fail(in->err, DS_INPUT, "%.200s: no customer has any of its %llu identifiers, taken "
                   "for %.*s: say --kind KIND, or write kind=text", in->name,
                   (unsigned long long)in->read.given, DS_STR(in->kind));
  return code;
}

// How a file is read, once all that this needs is there.
typedef ds_code (*file_reading)(reader *in, const ds_list_file *file, const ds_snapshot *snapshot,
                                ds_progress *progress);

static ds_code file_read(ds_store *store, const ds_list_file *file, ds_arena *arena, reader *in,
                         file_reading reading, ds_progress *progress, ds_error *err) {
  const char *slash = strrchr(file->path, '/');
  ds_snapshot *snapshot = NULL;
  ds_names kinds;
  TRY(ds_store_snapshot(store, &snapshot, err));
  ds_names_init(&kinds, UINT32_MAX - 1);
  in->store = store;
  in->name = slash == NULL ? file->path : slash + 1;
  in->arena = arena;
  in->kinds = &kinds;
  in->err = err;
  in->kind = ds_str_of(file->kind == NULL ? "customer_id" : file->kind);
  in->time_column = DS_NONE;
  ds_names_init(&in->wanted, DS_LIST_MEMBERS_MAX);
  ds_arena_init(&in->line_arena, (size_t)4 * DS_TEXT_BYTES_MAX);
  ds_sealer_init(&in->sealer, store, NULL);
  ds_code code = add_kinds(snapshot, &kinds, err);
  if (code == DS_OK)
    code = reading(in, file, snapshot, progress);
  ds_sealer_done(&in->sealer);
  ds_arena_done(&in->line_arena);
  ds_names_done(&in->wanted);
  free(in->line);
  ds_names_done(&kinds);
  ds_snapshot_free(snapshot);
  return code;
}

ds_code ds_list_file_read(ds_store *store, const ds_list_file *file, ds_arena *arena,
                          ds_list_read *ret_read, ds_progress *progress, ds_error *err) {
  reader in = {.column = 0};
  TRY(file_read(store, file, arena, &in, read_text, progress, err));
  *ret_read = in.read;
  return DS_OK;
}

static ds_code read_instants(reader *in, const ds_list_file *file, const ds_snapshot *snapshot,
                             ds_progress *progress) {
  (void)snapshot;
  (void)progress;
  TRY(read_rows(in, file));
  return in->instants->count > 0 || in->instants->unknown > 0
             ? DS_OK
             : ds_fail(in->err, DS_INPUT, "%.200s has no row", in->name);
}

ds_code ds_instants_read(ds_store *store, const char *path, const char *case_key,
                         ds_arena *arena, ds_instants *ret_instants, ds_error *err) {
  const char *slash = strrchr(path, '/');
  ds_instants to = {.name = slash == NULL ? path : slash + 1, .of_cases = case_key != NULL};
  const ds_list_file file = {.path = path, .column = case_key};
  reader in = {.instants = &to};
  ds_names_init(&to.who, DS_LIST_MEMBERS_MAX);
  const ds_code code = file_read(store, &file, arena, &in, read_instants, NULL, err);
  if (code == DS_OK)
    *ret_instants = to;
  else
    ds_instants_done(&to);
  return code;
}

void ds_instants_done(ds_instants *instants) {
  if (instants == NULL)
    return;
  ds_names_done(&instants->who);
  free(instants->row);
  instants->row = NULL;
  instants->count = 0;
}
