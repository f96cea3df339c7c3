// SPDX-License-Identifier: Apache-2.0
// A file of identifiers, and whose they are. Most identifiers are subjects with events of their own
// and are found in one pass over these; the others, which facts of identity name, one by one.
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "ingest/lists.h"
#include "ingest/seal.h"
#include "model/identifier.h"
#include "scan/scan.h"
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
  else if (*ret_head)
    return ds_fail(in->err, DS_INPUT, "%.200s line 1: %s is called like a kind of identifier: say "
                   "--column NAME", in->name, found == 0 ? "no column" : "more than one column");
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
  if (tells)
    *ret_subject = named.subject;
  return DS_OK;
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

static ds_code take_line(reader *in, char *line, uint32_t size, uint32_t number) {
  ds_str value = {"", 0};
  uint32_t at = 0, column = 0;
  if (trimmed((ds_str){line, size}).size == 0)
    return DS_OK;
  if (size > DS_TEXT_BYTES_MAX)
    return ds_fail(in->err, DS_LIMIT, "%.200s line %u: a line has at most %u bytes", in->name,
                   number, DS_TEXT_BYTES_MAX);
  for (; column <= in->column && at <= size; column++)
    if (!next_value(line, size, in->delimiter, &at, &value))
      return ds_fail(in->err, DS_INPUT, "%.200s line %u: a quote is never closed", in->name,
                     number);
  if (column <= in->column)
    return ds_fail(in->err, DS_INPUT, "%.200s line %u: it has %u value%s, and column %u holds the "
                   "identifiers", in->name, number, column, column == 1 ? "" : "s",
                   in->column + 1);
  return take(in, value, number);
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

typedef struct match_context {
  const ds_names *wanted;
  uint64_t *found; // bits; one thread sets them
  const ds_identity *identity;
  ds_arena *arena;
  ds_list_read *read;
} match_context;

typedef struct match_state {
  const match_context *context;
} match_state;

static ds_code match_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  ((match_state *)memory)->context = context;
  return DS_OK;
}

static ds_code take_customer(const match_context *to, uint32_t index, uint32_t customer,
                             ds_error *err) {
  if (customer == DS_NONE)
    return DS_OK;
  to->found[index / 64] |= 1ull << (index % 64);
  to->read->customers_count += !ds_customers_has(&to->read->customers, customer);
  return ds_customers_add(&to->read->customers, customer, to->arena) ? DS_OK : no_memory(err);
}

static ds_code match_add(void *memory, const ds_block *block, ds_error *err) {
  const match_context *to = ((match_state *)memory)->context;
  for (uint32_t j = 0; j < block->journeys; j++) {
    const uint32_t index = ds_names_find(to->wanted, block->subject[j]);
    if (index != DS_NONE)
      TRY(take_customer(to, index, ds_identity_customer(to->identity, block->customer[j]), err));
  }
  return DS_OK;
}

static ds_code match_merge(void *into, void *from, ds_error *err) {
  (void)into;
  (void)from;
  (void)err;
  return DS_OK;
}

static const ds_kernel kernel = {"match",   sizeof(match_state), match_init,
                                 match_add, match_merge,         NULL};

static bool is_found(const match_context *in, uint32_t index) {
  return (in->found[index / 64] >> (index % 64) & 1) != 0;
}

static ds_code find_all(reader *in, const ds_snapshot *snapshot, ds_progress *progress) {
  match_context to = {.wanted = &in->wanted, .identity = snapshot->identity, .arena = in->arena,
                      .read = &in->read,
                      .found = ds_arena_array(in->arena, in->wanted.count / 64u + 1,
                                              sizeof *to.found)};
  const ds_plan plan = {.columns = {.want = DS_WANT_SUBJECT}, .threads = 1, .separate = true,
                        .progress = progress};
  void *memory = NULL;
  ds_arena arena;
  if (to.found == NULL)
    return no_memory(in->err);
  ds_arena_init(&arena, ds_store_get_options(in->store)->memory_bytes);
  ds_code code = ds_scan(snapshot, &plan, &kernel, &to, &arena, &memory, in->err);
  ds_arena_done(&arena);
  for (uint32_t i = 0; code == DS_OK && i < in->wanted.count; i++) {
    uint32_t customer = DS_NONE;
    if (!is_found(&to, i) && snapshot->identity != NULL)
      code = ds_snapshot_find(snapshot, in->wanted.text[i], &customer, in->err);
    if (code == DS_OK)
      code = take_customer(&to, i, customer, in->err);
    if (code == DS_OK && !is_found(&to, i))
      note_unknown(&in->read, in->line[i]);
    if (code == DS_OK && i % 1024 == 0 && ds_progress_stopped(progress))
      code = ds_fail(in->err, DS_INTERRUPTED, "stopped: no list was saved");
  }
  return code;
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

static ds_code read_text(reader *in, const ds_list_file *file, const ds_snapshot *snapshot,
                         ds_progress *progress) {
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

ds_code ds_list_file_read(ds_store *store, const ds_list_file *file, ds_arena *arena,
                          ds_list_read *ret_read, ds_progress *progress, ds_error *err) {
  const char *slash = strrchr(file->path, '/');
  ds_snapshot *snapshot = NULL;
  ds_names kinds;
  TRY(ds_store_snapshot(store, &snapshot, err));
  ds_names_init(&kinds, UINT32_MAX - 1);
  reader in = {.store = store, .name = slash == NULL ? file->path : slash + 1, .arena = arena,
               .kinds = &kinds, .err = err,
               .kind = ds_str_of(file->kind == NULL ? "customer_id" : file->kind)};
  ds_names_init(&in.wanted, DS_LIST_MEMBERS_MAX);
  ds_arena_init(&in.line_arena, (size_t)4 * DS_TEXT_BYTES_MAX);
  ds_sealer_init(&in.sealer, store, NULL);
  ds_code code = add_kinds(snapshot, &kinds, err);
  if (code == DS_OK)
    code = read_text(&in, file, snapshot, progress);
  if (code == DS_OK)
    *ret_read = in.read;
  ds_sealer_done(&in.sealer);
  ds_arena_done(&in.line_arena);
  ds_names_done(&in.wanted);
  free(in.line);
  ds_names_done(&kinds);
  ds_snapshot_free(snapshot);
  return code;
}
