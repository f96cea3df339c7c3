// SPDX-License-Identifier: Apache-2.0
// Checking the whole store: what lies on disk is read again, as if it were opened now.
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "store/backup.h"
#include "store/state.h"

enum { CATALOG_LINE_BYTES = 512 };

typedef struct check_work {
  ds_store *store;
  void (*each)(void *context, const char *line);
  void *context;
  ds_progress *progress;
  uint64_t problems;
  uint64_t part;      // the one being checked
  ds_map64 subjects;  // customer -> half of its subject's hash
  ds_map64 customers; // subject's hash -> customer
  ds_view view;
  ds_log logs[DS_LOGS_MAX]; // of the manifest; those without a file could not be opened
  ds_block_reader *reader;
} check_work;

static void problem(check_work *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void problem(check_work *check, const char *format, ...) {
  char line[768];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(line, sizeof line, format, args);
  va_end(args);
  check->problems++;
  check->each(check->context, line);
}

static void part_problem(void *context, uint32_t block, const char *what) {
  check_work *check = context;
  problem(check, "part %06" PRIu64 ", block %" PRIu32 ": %s", check->part, block, what);
}

// A problem of the store's data is a line; of the machine, an error.
static ds_code note_damage(check_work *check, ds_code code, const ds_error *found, ds_error *err) {
  if (code == DS_CORRUPT || code == DS_MISSING || code == DS_VERSION) {
    problem(check, "%s", found->message);
    return DS_OK;
  }
  return code == DS_OK ? DS_OK : ds_fail(err, code, "%s", found->message);
}

// The set of an entry: true when it was absent or the same before.
static ds_code put_once(ds_map64 *map, uint64_t key, uint32_t value, bool *ret_same,
                        ds_error *err) {
  uint32_t *slot = ds_map64_put(map, key);
  if (slot == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the check");
  *ret_same = *slot == DS_NONE || *slot == value;
  if (*slot == DS_NONE)
    *slot = value;
  return DS_OK;
}

// One subject has one number in all parts, and one number stands for one subject.
static ds_code check_journey(check_work *check, const ds_block *block, uint32_t journey,
                             ds_error *err) {
  const uint64_t hash = ds_subject_hash(block->subject[journey]);
  const uint32_t customer = block->customer[journey];
  bool same_subject = true;
  bool same_customer = true;
  TRY(put_once(&check->subjects, customer, (uint32_t)hash & 0x7FFFFFFFu, &same_subject, err));
  TRY(put_once(&check->customers, hash, customer, &same_customer, err));
  if (!same_subject || !same_customer || customer >> 24 != ds_subject_partition(hash))
    problem(check, "part %06" PRIu64 ": customer %" PRIu32 " has another subject elsewhere",
            check->part, customer);
  return DS_OK;
}

static ds_code check_subjects(check_work *check, ds_part *part, ds_error *err) {
  const ds_place place = {.part = part};
  const ds_columns columns = {.want = DS_WANT_SUBJECT};
  for (uint32_t b = 0; b < ds_part_get_info(part)->blocks; b++) {
    ds_block block;
    ds_error found;
    const ds_code code = ds_part_read_block(&place, b, &columns, check->reader, &block, &found);
    if (code == DS_CORRUPT) // Told by ds_part_check already.
      continue;
    TRY(note_damage(check, code, &found, err));
    for (uint32_t j = 0; j < block.journeys; j++)
      TRY(check_journey(check, &block, j, err));
  }
  return DS_OK;
}

static ds_code check_parts(check_work *check, ds_error *err) {
  ds_error found;
  for (uint32_t i = 0; i < check->view.parts_count; i++) {
    if (ds_progress_stopped(check->progress))
      return ds_fail(err, DS_INTERRUPTED, "stopped");
    if (check->progress != NULL && check->progress->report != NULL)
      check->progress->report(check->progress->context, "checking", i, check->view.parts_count,
                              "parts");
    check->part = check->view.manifest.parts[i].info.number;
    const ds_code code = ds_part_check(check->view.parts[i], part_problem, check, &found);
    TRY(note_damage(check, code, &found, err));
    TRY(check_subjects(check, check->view.parts[i], err));
  }
  return DS_OK;
}

static ds_code read_record(void *context, uint64_t seq, const uint8_t *payload, uint32_t size,
                           ds_error *err) {
  ds_tail *tail = context;
  (void)seq;
  ds_reader in = ds_reader_of(payload, size);
  if (ds_read_u8(&in) != DS_LOG_BATCH)
    return DS_OK;
  // Each record is decoded for itself: the tail of a log that is sealed late may be large.
  ds_tail_done(tail);
  ds_tail_init(tail);
  return ds_tail_add_batch(tail, &in, err);
}

static ds_code scan_log(check_work *check, ds_log *log, ds_error *found) {
  ds_tail tail;
  ds_tail_init(&tail);
  const ds_code code = ds_log_scan(log, read_record, &tail, found);
  ds_tail_done(&tail);
  // Beside a writer the end may be a record in the making.
  if (code == DS_OK && log->torn && check->store->options.write)
    problem(check, "log %06" PRIu64 " has a torn end at byte %" PRIu64, log->number, log->end);
  return code;
}

// Opens all logs it can; tells of the first that it cannot.
static ds_code open_logs(check_work *check, ds_error *found) {
  const ds_manifest *manifest = &check->view.manifest;
  ds_code code = DS_OK;
  for (uint32_t i = 0; i < manifest->logs_count; i++) {
    const ds_manifest_log *at = &manifest->logs[i];
    char path[DS_PATH_BYTES_MAX];
    ds_error unheard;
    ds_store_file(check->store->path, "log", at->number, path);
    const ds_code opened = ds_log_open(check->store->io, path, at->number, at->first_seq, false,
                                       &check->logs[i], code == DS_OK ? found : &unheard);
    code = code == DS_OK ? opened : code;
  }
  return code;
}

static ds_code check_logs(check_work *check, ds_error *err) {
  for (uint32_t i = 0; i < check->view.manifest.logs_count; i++) {
    ds_error found;
    if (check->logs[i].file != NULL) // Else told already.
      TRY(note_damage(check, scan_log(check, &check->logs[i], &found), &found, err));
  }
  return DS_OK;
}

static void close_files(check_work *check) {
  for (uint32_t i = 0; i < DS_LOGS_MAX; i++)
    ds_log_close(&check->logs[i]);
  ds_view_done(&check->view);
  ds_manifest_init(&check->view.manifest);
}

// Opens all that MANIFEST names. Beside a writer it may be replaced, and files be removed, before
// they are open: then once more.
static ds_code open_files(check_work *check, ds_error *err) {
  const ds_store *store = check->store;
  for (int i = 1;; i++) {
    ds_error lost[2];
    const ds_code loaded =
        ds_manifest_load(store->io, store->path, &check->view.manifest, &lost[0]);
    if (loaded != DS_OK)
      return note_damage(check, loaded, &lost[0], err);
    const ds_code logs = open_logs(check, &lost[0]);
    const ds_code parts =
        ds_view_open_parts(store->io, store->path, &check->view, NULL, &lost[1]);
    if ((logs == DS_OK && parts == DS_OK) || store->options.write || i == DS_READ_TRIES) {
      TRY(note_damage(check, parts, &lost[1], err));
      return note_damage(check, logs, &lost[0], err);
    }
    close_files(check);
  }
}

static ds_code check_file_name(void *context, const char *name, ds_error *err) {
  check_work *check = context;
  (void)err;
  const char *dot = strchr(name, '.');
  uint64_t number = 0;
  const bool known = dot != NULL &&
                     ds_str_to_u64((ds_str){name, (uint32_t)(dot - name)}, &number) &&
                     ((strcmp(dot, ".part") == 0 &&
                       ds_manifest_part_index(&check->view.manifest, number) != DS_NONE) ||
                      (strcmp(dot, ".log") == 0 &&
                       ds_manifest_has_log(&check->view.manifest, number)));
  if (!known)
    problem(check, "%s belongs to nothing: the next command that writes removes it", name);
  return DS_OK;
}

// A reader cannot tell an orphan from a file in the making, nor who has jobs.
static ds_code check_orphans(check_work *check, ds_error *err) {
  static const char *const kinds[] = {"log", "part"};
  if (!check->store->options.write || check->store->importing || ds_store_has_jobs(check->store))
    return DS_OK;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    char path[DS_PATH_BYTES_MAX + 8];
    (void)snprintf(path, sizeof path, "%s/%s", check->store->path, kinds[i]);
    TRY(check->store->io->ops->list(check->store->io, path, check_file_name, check, err));
  }
  return DS_OK;
}

static void catalog_problem(void *context, const char *line) {
  check_work *check = context;
  problem(check, "%s", line);
}

static void note_line(void *context, const char *line) {
  (void)snprintf(context, CATALOG_LINE_BYTES, "%s", line);
}

// Looks at the catalog as a reader; `line` says what is wrong, or is empty.
static ds_code look_at_catalog(const check_work *check, char line[CATALOG_LINE_BYTES],
                               ds_error *err) {
  const ds_store *store = check->store;
  ds_catalog *catalog;
  ds_error found;
  ds_code code = ds_catalog_open(store->io, store->path, false, &catalog, &found);
  line[0] = '\0';
  if (code == DS_OK) {
    code = ds_catalog_check(catalog, &check->view.manifest, true, note_line, line, &found);
    ds_catalog_close(catalog);
  }
  // The next to write makes one that is missing, half made, or another version's.
  if (code == DS_OK || code == DS_MISSING || code == DS_BUSY || code == DS_VERSION)
    return DS_OK;
  if (code != DS_CORRUPT)
    return ds_fail(err, code, "%s", found.message);
  note_line(line, found.message);
  return DS_OK;
}

static ds_code check_catalog(check_work *check, ds_error *err) {
  const ds_store *store = check->store;
  if (store->catalog != NULL)
    return ds_catalog_check(store->catalog, &check->view.manifest, false, catalog_problem, check,
                            err);
  // A writer may make it anew while its files are opened one after another; damage stays.
  char line[CATALOG_LINE_BYTES];
  for (int i = 1;; i++) {
    TRY(look_at_catalog(check, line, err));
    if (line[0] == '\0')
      return DS_OK;
    if (i == DS_READ_TRIES)
      break;
    store->io->ops->sleep_us(store->io, 10000);
  }
  problem(check, "%s", line);
  return DS_OK;
}

static void vault_problem(void *context, const char *line) {
  problem(context, "%s", line);
}

// Keys that are not there are damage, but in a backup, which has none.
static ds_code check_vault(check_work *check, ds_error *err) {
  if (!ds_store_has_vault(check->store))
    return DS_OK;
  bool backup = false;
  ds_vault *vault;
  ds_error found;
  TRY(ds_is_backup(check->store->io, check->store->path, &backup, err));
  const ds_code code = ds_store_vault(check->store, &vault, &found);
  if (backup && code == DS_MISSING)
    return DS_OK;
  if (code != DS_OK)
    return note_damage(check, code, &found, err);
  return ds_vault_check(vault, vault_problem, check, err);
}

static ds_code check_all(check_work *check, ds_error *err) {
  TRY(open_files(check, err));
  if (check->view.manifest.checksum == 0) // There is none: told.
    return DS_OK;
  TRY(check_parts(check, err));
  TRY(check_logs(check, err));
  TRY(check_orphans(check, err));
  TRY(check_vault(check, err));
  return check_catalog(check, err);
}

ds_code ds_store_check(ds_store *store, void (*each)(void *context, const char *line),
                       void *context, ds_progress *progress, ds_error *err) {
  check_work check = {.store = store, .each = each, .context = context, .progress = progress};
  ds_manifest_init(&check.view.manifest);
  ds_map64_init(&check.subjects);
  ds_map64_init(&check.customers);
  check.reader = ds_block_reader_new();
  ds_code code = DS_OK;
  if (check.reader == NULL)
    code = ds_fail(err, DS_MEMORY, "out of memory for the check");
  if (code == DS_OK)
    code = check_all(&check, err);
  ds_block_reader_free(check.reader);
  close_files(&check);
  ds_map64_done(&check.subjects);
  ds_map64_done(&check.customers);
  if (code == DS_OK && check.problems > 0)
    return ds_fail(err, DS_NO, "the check found %" PRIu64 " problem%s", check.problems,
                   check.problems == 1 ? "" : "s");
  return code;
}
