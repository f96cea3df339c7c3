// SPDX-License-Identifier: Apache-2.0
// The text form of the manifest; manifest.h describes it line by line.
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/checksum.h"
#include "store/manifest.h"

enum { FIELDS_MAX = 16, END_BYTES = 4 + 16 + 1 };

static void print_text(ds_buf *out, const char *text) {
  ds_buf_u8(out, '\t');
  for (; *text != '\0'; text++) {
    if (*text == '\t')
      ds_buf_text(out, "\\t");
    else if (*text == '\n')
      ds_buf_text(out, "\\n");
    else if (*text == '\r')
      ds_buf_text(out, "\\r");
    else if (*text == '\\')
      ds_buf_text(out, "\\\\");
    else
      ds_buf_u8(out, (uint8_t)*text);
  }
}

static void print_import(const ds_import_info *info, ds_buf *out) {
  ds_buf_printf(out, "import\t%" PRIu32 "\t%" PRId64, info->id, info->when_ms);
  print_text(out, info->mapping);
  print_text(out, info->files);
  ds_buf_printf(out,
                "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64
                "\t%d\n",
                info->fingerprint, info->rows, info->events, info->duplicates, info->rejected,
                info->personal_sealed, info->undone ? 1 : 0);
}

static void print_part(const ds_manifest_part *part, ds_buf *out) {
  const ds_part_info *info = &part->info;
  ds_buf_printf(out,
                "part\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu32 "\t%" PRIu32
                "\t%" PRIu32 "\t%" PRIu32 "\t%" PRId64 "\t%" PRId64 "\t%" PRIu32 "\n",
                info->number, info->bytes, info->checksum, info->events, info->customers,
                info->blocks, info->customer_first, info->customer_last, info->time_min_ms,
                info->time_max_ms, part->import);
}

static void print_work(const ds_manifest *manifest, ds_buf *out) {
  const ds_manifest_work *work = &manifest->work;
  const ds_manifest_retention *retention = &manifest->retention;
  if (work->sealed_events != 0 || work->compactions != 0)
    ds_buf_printf(out,
                  "work\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n",
                  work->sealed_events, work->sealed_bytes, work->compacted_events,
                  work->compacted_bytes, work->compactions);
  if (retention->applied_ms != 0)
    ds_buf_printf(out, "retention\t%" PRId64 "\t%" PRIu64 "\t%" PRIu64 "\n",
                  retention->applied_ms, retention->removed_last, retention->removed);
}

ds_code ds_manifest_print(const ds_manifest *manifest, ds_buf *out, uint64_t *ret_checksum,
                          ds_error *err) {
  ds_buf_printf(out, "doorstep-manifest\t%u\t%u\nstore\t%" PRIu64 "\n", manifest->format,
                manifest->format, manifest->store);
  if (manifest->vault != 0)
    ds_buf_printf(out, "vault\t%" PRIu64 "\t%" PRIu32 "\n", manifest->vault, manifest->erased);
  ds_buf_printf(out,
                "state\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu32 "\t%" PRIu64
                "\n",
                manifest->generation, manifest->next_part, manifest->next_log,
                manifest->next_arrival, manifest->next_import, manifest->sealed_seq);
  for (uint32_t i = 0; i < manifest->logs_count; i++)
    ds_buf_printf(out, "log\t%" PRIu64 "\t%" PRIu64 "\n", manifest->logs[i].number,
                  manifest->logs[i].first_seq);
  print_work(manifest, out);
  for (uint32_t i = 0; i < manifest->types_count; i++) {
    ds_buf_text(out, "type");
    print_text(out, manifest->types[i].touchpoint);
    print_text(out, manifest->types[i].property);
    ds_buf_printf(out, "\t%s\n", ds_type_name(manifest->types[i].type));
  }
  for (uint32_t i = 0; i < manifest->parts_count; i++)
    print_part(&manifest->parts[i], out);
  for (uint32_t i = 0; i < manifest->imports_count; i++)
    print_import(&manifest->imports[i], out);
  TRY(ds_buf_check(out, "the manifest", err));
  *ret_checksum = ds_checksum(out->data, out->size);
  ds_buf_printf(out, "end\t%016" PRIx64 "\n", *ret_checksum);
  return ds_buf_check(out, "the manifest", err);
}

// One line, cut into fields; `line` is 1-based.
typedef struct fields {
  ds_str field[FIELDS_MAX];
  uint32_t count;
  uint32_t line;
  ds_error *err;
  uint32_t seen; // bits: kinds of lines so far
} fields;

static ds_code bad_line(const fields *in) {
  return ds_fail_at(in->err, DS_CORRUPT, in->line, 0,
                    "MANIFEST, line %" PRIu32 ", is damaged: restore a backup", in->line);
}

static void split_line(ds_str line, fields *out) {
  out->count = 0;
  uint32_t start = 0;
  for (uint32_t i = 0; i <= line.size; i++) {
    if (i < line.size && line.data[i] != '\t')
      continue;
    if (out->count < FIELDS_MAX)
      out->field[out->count] = (ds_str){line.data + start, i - start};
    out->count++;
    start = i + 1;
  }
}

static bool field_u64(const fields *in, uint32_t index, uint64_t *ret_value) {
  return index < in->count && ds_str_to_u64(in->field[index], ret_value);
}

static bool field_u32(const fields *in, uint32_t index, uint32_t *ret_value) {
  uint64_t value;
  if (!field_u64(in, index, &value) || value > UINT32_MAX)
    return false;
  *ret_value = (uint32_t)value;
  return true;
}

static bool field_i64(const fields *in, uint32_t index, int64_t *ret_value) {
  return index < in->count && ds_str_to_i64(in->field[index], ret_value);
}

// The text of a field without its escapes, in the arena; NULL when it is malformed.
static char *field_text(const fields *in, uint32_t index, ds_arena *arena) {
  if (index >= in->count)
    return NULL;
  const ds_str field = in->field[index];
  char *text = ds_arena_alloc(arena, (size_t)field.size + 1);
  if (text == NULL)
    return NULL;
  uint32_t size = 0;
  for (uint32_t i = 0; i < field.size; i++) {
    char c = field.data[i];
    if (c == '\0')
      return NULL;
    if (c == '\\') {
      i++;
      const char *const from = "tnr\\";
      const char *const to = "\t\n\r\\";
      const char *at = i < field.size && field.data[i] != '\0' ? strchr(from, field.data[i]) : NULL;
      if (at == NULL)
        return NULL;
      c = to[at - from];
    }
    text[size++] = c;
  }
  text[size] = '\0';
  return text;
}

static ds_code parse_store(const fields *in, ds_manifest *manifest) {
  if (in->count != 2 || !field_u64(in, 1, &manifest->store))
    return bad_line(in);
  return DS_OK;
}

static ds_code parse_vault(const fields *in, ds_manifest *manifest) {
  if (in->count != 3 || !field_u64(in, 1, &manifest->vault) ||
      manifest->vault == 0 || !field_u32(in, 2, &manifest->erased))
    return bad_line(in);
  return DS_OK;
}

static ds_code parse_state(const fields *in, ds_manifest *manifest) {
  if (in->count != 7 || !field_u64(in, 1, &manifest->generation) ||
      !field_u64(in, 2, &manifest->next_part) || !field_u64(in, 3, &manifest->next_log) ||
      !field_u64(in, 4, &manifest->next_arrival) || !field_u32(in, 5, &manifest->next_import) ||
      !field_u64(in, 6, &manifest->sealed_seq))
    return bad_line(in);
  return DS_OK;
}

static ds_code parse_log(const fields *in, ds_manifest *manifest) {
  ds_manifest_log log;
  if (in->count != 3 || manifest->logs_count == DS_LOGS_MAX || !field_u64(in, 1, &log.number) ||
      !field_u64(in, 2, &log.first_seq) || log.number == 0 || log.number >= manifest->next_log ||
      log.first_seq == 0)
    return bad_line(in);
  if (manifest->logs_count == 0) {
    if (log.first_seq - 1 > manifest->sealed_seq)
      return bad_line(in);
  } else {
    const ds_manifest_log *before = &manifest->logs[manifest->logs_count - 1];
    if (log.number <= before->number || log.first_seq <= before->first_seq)
      return bad_line(in);
  }
  manifest->logs[manifest->logs_count++] = log;
  return DS_OK;
}

static ds_code parse_work(const fields *in, ds_manifest *manifest) {
  ds_manifest_work *work = &manifest->work;
  if (in->count != 6 || !field_u64(in, 1, &work->sealed_events) ||
      !field_u64(in, 2, &work->sealed_bytes) || !field_u64(in, 3, &work->compacted_events) ||
      !field_u64(in, 4, &work->compacted_bytes) || !field_u64(in, 5, &work->compactions))
    return bad_line(in);
  return DS_OK;
}

static ds_code parse_retention(const fields *in, ds_manifest *manifest) {
  ds_manifest_retention *retention = &manifest->retention;
  if (in->count != 4 || !field_i64(in, 1, &retention->applied_ms) ||
      !field_u64(in, 2, &retention->removed_last) || !field_u64(in, 3, &retention->removed))
    return bad_line(in);
  return DS_OK;
}

static ds_code parse_type(const fields *in, ds_manifest *manifest) {
  ds_type type;
  const char *touchpoint = field_text(in, 1, &manifest->arena);
  const char *property = field_text(in, 2, &manifest->arena);
  if (in->count != 4 || touchpoint == NULL || property == NULL ||
      !ds_type_of_name(in->field[3], &type))
    return bad_line(in);
  return ds_manifest_add_type(manifest, touchpoint, property, type, in->err);
}

static ds_code parse_part(const fields *in, ds_manifest *manifest) {
  ds_part_info info;
  uint32_t import;
  if (in->count != 12 || !field_u64(in, 1, &info.number) || !field_u64(in, 2, &info.bytes) ||
      !field_u64(in, 3, &info.checksum) || !field_u64(in, 4, &info.events) ||
      !field_u32(in, 5, &info.customers) || !field_u32(in, 6, &info.blocks) ||
      !field_u32(in, 7, &info.customer_first) || !field_u32(in, 8, &info.customer_last) ||
      !field_i64(in, 9, &info.time_min_ms) || !field_i64(in, 10, &info.time_max_ms) ||
      !field_u32(in, 11, &import))
    return bad_line(in);
  if (info.number == 0 || info.number >= manifest->next_part ||
      info.customer_first > info.customer_last || info.time_min_ms > info.time_max_ms ||
      ds_manifest_part_index(manifest, info.number) != DS_NONE)
    return bad_line(in);
  return ds_manifest_add_part(manifest, &info, import, in->err);
}

static ds_code parse_import(const fields *in, ds_manifest *manifest) {
  ds_import_info info = {0};
  uint32_t undone;
  info.mapping = field_text(in, 3, &manifest->arena);
  info.files = field_text(in, 4, &manifest->arena);
  if (in->count != 12 || !field_u32(in, 1, &info.id) || !field_i64(in, 2, &info.when_ms) ||
      info.mapping == NULL || info.files == NULL || !field_u64(in, 5, &info.fingerprint) ||
      !field_u64(in, 6, &info.rows) || !field_u64(in, 7, &info.events) ||
      !field_u64(in, 8, &info.duplicates) || !field_u64(in, 9, &info.rejected) ||
      !field_u64(in, 10, &info.personal_sealed) || !field_u32(in, 11, &undone) || undone > 1)
    return bad_line(in);
  const uint32_t before =
      manifest->imports_count == 0 ? 0 : manifest->imports[manifest->imports_count - 1].id;
  if (info.id <= before || info.id >= manifest->next_import)
    return bad_line(in);
  info.undone = undone == 1;
  return ds_manifest_add_import(manifest, &info, in->err);
}

static ds_code parse_line(fields *in, ds_manifest *manifest) {
  // A line of the store's own comes once: what follows was checked against it.
  static const struct {
    const char *name;
    bool once;
    ds_code (*parse)(const fields *in, ds_manifest *manifest);
  } kinds[] = {{"store", true, parse_store},
               {"vault", true, parse_vault},
               {"state", true, parse_state},
               {"log", false, parse_log},
               {"work", true, parse_work},
               {"retention", true, parse_retention},
               {"type", false, parse_type},
               {"part", false, parse_part},
               {"import", false, parse_import}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (!ds_str_equal(in->field[0], ds_str_of(kinds[i].name)))
      continue;
    const bool again = kinds[i].once && (in->seen >> i & 1) != 0;
    in->seen |= 1u << i;
    return again ? bad_line(in) : kinds[i].parse(in, manifest);
  }
  // A later format may add lines that this one may skip; it says so by its reader version.
  return manifest->format > DS_MANIFEST_FORMAT ? DS_OK : bad_line(in);
}

static ds_code parse_first_line(const fields *in, ds_manifest *manifest) {
  uint32_t reader;
  if (in->count < 3 || !ds_str_equal(in->field[0], ds_str_of("doorstep-manifest")) ||
      !field_u32(in, 1, &manifest->format) || !field_u32(in, 2, &reader))
    return bad_line(in);
  if (reader > DS_MANIFEST_FORMAT)
    return ds_fail(in->err, DS_VERSION,
                   "this store was written by a newer doorstep (format %" PRIu32
                   ", this program reads %u): upgrade the program",
                   manifest->format, DS_MANIFEST_FORMAT);
  if (manifest->format < DS_MANIFEST_FORMAT)
    return ds_fail(in->err, DS_VERSION,
                   "this store was written by a doorstep before its first release (format %" PRIu32
                   "): import its files into a new one",
                   manifest->format);
  return DS_OK;
}

// Compares the last line with what stands before it, whose size is returned.
static ds_code check_end(const char *text, size_t size, size_t *ret_body, uint64_t *ret_checksum,
                         ds_error *err) {
  char end[END_BYTES + 1];
  if (size > END_BYTES && size <= DS_MANIFEST_BYTES_MAX) {
    const size_t body = size - END_BYTES;
    const uint64_t checksum = ds_checksum(text, body);
    (void)snprintf(end, sizeof end, "end\t%016" PRIx64 "\n", checksum);
    if (text[body - 1] == '\n' && memcmp(text + body, end, END_BYTES) == 0) {
      *ret_body = body;
      *ret_checksum = checksum;
      return DS_OK;
    }
  }
  return ds_fail(err, DS_CORRUPT, "MANIFEST is damaged (its checksum differs): restore a backup");
}

static ds_code parse_lines(const char *text, size_t size, ds_manifest *manifest, ds_error *err) {
  fields in = {.err = err};
  size_t start = 0;
  for (size_t i = 0; i < size; i++) {
    if (text[i] != '\n')
      continue;
    in.line++;
    split_line((ds_str){text + start, (uint32_t)(i - start)}, &in);
    TRY(in.line == 1 ? parse_first_line(&in, manifest) : parse_line(&in, manifest));
    start = i + 1;
  }
  assert(start == size);
  if (manifest->logs_count == 0 || manifest->store == 0)
    return bad_line(&in);
  return DS_OK;
}

ds_code ds_manifest_parse(const char *text, size_t size, ds_manifest *ret_manifest,
                          ds_error *err) {
  size_t body = 0;
  uint64_t checksum = 0;
  TRY(check_end(text, size, &body, &checksum, err));
  ds_manifest manifest;
  ds_manifest_init(&manifest);
  manifest.checksum = checksum;
  manifest.logs_count = 0;
  ds_code code = parse_lines(text, body, &manifest, err);
  if (code == DS_CORRUPT && manifest.arena.refused)
    code = ds_fail(err, DS_MEMORY, "out of memory for MANIFEST");
  if (code != DS_OK) {
    ds_manifest_done(&manifest);
    return code;
  }
  *ret_manifest = manifest;
  return DS_OK;
}
