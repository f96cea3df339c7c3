// SPDX-License-Identifier: Apache-2.0
// People: subject export, subject erase, subject unsuppress, subject list.
#include <unistd.h>

#include "cli/cli.h"
#include "ingest/subject.h"
#include "model/identifier.h"
#include "store/erase.h"

// Finds the person in the store and calls `then` with all that is known.
static ds_code with_person(cli *run, bool write,
                           ds_code (*then)(cli *run, ds_store *store, const ds_snapshot *snapshot,
                                           const ds_person *person, ds_error *err),
                           ds_error *err) {
  ds_store *store = NULL;
  ds_snapshot *snapshot = NULL;
  ds_person person;
  TRY(cli_open_store(run, write, false, &store, err));
  const char *name = run->arguments[1];
  ds_code code = ds_store_snapshot(store, &snapshot, err);
  if (code == DS_OK)
    code = ds_person_name(store, name, &run->arena, &name, err);
  if (code == DS_OK)
    code = ds_person_find(snapshot, ds_str_of(name), &run->arena, &person, err);
  if (code == DS_OK)
    code = then(run, store, snapshot, &person, err);
  ds_snapshot_free(snapshot);
  ds_store_close(store);
  return code;
}

static ds_code export_person(cli *run, ds_store *store, const ds_snapshot *snapshot,
                             const ds_person *person, ds_error *err) {
  ds_vault *vault = NULL;
  uint64_t events = 0;
  char count[32];
  ds_buf text;
  if (ds_store_has_vault(store))
    TRY(ds_store_vault(store, &vault, err));
  ds_buf_init(&text, (size_t)2 << 30);
  ds_code code = ds_person_json(snapshot, person, vault, &text, &events, err);
  if (code == DS_OK)
    code = cli_show_text(run, &text, err);
  ds_buf_done(&text);
  if (code == DS_OK && cli_value(run, "output") != NULL)
    cli_say(run, "it holds %s event%s, and all that is personal in clear",
            ds_human_count(count, events), events == 1 ? "" : "s");
  return code;
}

// Whether the user, asked on the terminal, types "yes".
static bool is_confirmed(const ds_person *person) {
  char answer[16] = "";
  fprintf(stderr, "erase this customer, known by %u identifier%s, for ever? (yes/no) ",
          person->count, person->count == 1 ? "" : "s");
  return fgets(answer, sizeof answer, stdin) != NULL && strcmp(answer, "yes\n") == 0;
}

static const ds_column proof_columns[] = {
    {"identifiers", DS_CELL_COUNT, "identifiers", "of the customer, whose keys were destroyed",
     false},
    {"events_removed", DS_CELL_COUNT, "events", "of erased people, removed from the store", false},
    {"links_removed", DS_CELL_COUNT, "events",
     "about who is whom, of other people, that named them", false},
    {"parts_rewritten", DS_CELL_COUNT, "parts", "that held them; their files are gone", false},
    {"logs_sealed", DS_CELL_COUNT, "logs", "that were made parts first; their files are gone",
     false},
    {"parts_checked", DS_CELL_COUNT, "parts", "read again afterwards", false},
    {"identifiers_checked", DS_CELL_COUNT, "identifiers",
     "met in them, where the customer's would stand", false},
    {"events_left", DS_CELL_COUNT, "events", "of erased people, found by that", false},
    {"links_left", DS_CELL_COUNT, "events", "about who is whom that name them, found by that",
     false},
    {"keys", DS_CELL_TEXT, "", "whether any of the customer's keys can still be derived", false},
};

static ds_code show_proof(cli *run, const ds_erasure *erasure, ds_error *err) {
  ds_result result;
  ds_result_init(&result, &run->arena, "subject erase");
  ds_table *table = ds_result_table(&result, "proof", "Erased", proof_columns,
                                    sizeof proof_columns / sizeof *proof_columns);
  ds_cell *row = table == NULL ? NULL : ds_table_row(&result, table);
  if (row == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  row[0] = ds_cell_i64(erasure->subjects);
  row[1] = ds_cell_i64((int64_t)erasure->events);
  row[2] = ds_cell_i64((int64_t)erasure->facts);
  row[3] = ds_cell_i64(erasure->parts_rewritten);
  row[4] = ds_cell_i64(erasure->logs_sealed);
  row[5] = ds_cell_i64(erasure->parts_checked);
  row[6] = ds_cell_i64((int64_t)erasure->subjects_checked);
  row[7] = ds_cell_i64((int64_t)erasure->events_left);
  row[8] = ds_cell_i64((int64_t)erasure->facts_left);
  row[9] = ds_cell_text(&result, ds_str_of(erasure->keys_gone ? "destroyed" : "still there"));
  ds_result_note(&result, false,
                 "No question has shown the customer since the keys were destroyed, which came "
                 "first.");
  ds_result_note(&result, true,
                 "Backups made before still hold the events, and copies of keys.sqlite still open "
                 "them: destroy such copies within 30 days. A backup that is restored is rid of "
                 "the events again once it has this store's keys.sqlite.");
  return cli_show(run, &result, err);
}

static ds_code erase_person(cli *run, ds_store *store, const ds_snapshot *snapshot,
                            const ds_person *person, ds_error *err) {
  (void)snapshot;
  ds_erasure erasure;
  if (!cli_flag(run, "yes")) {
    if (!isatty(STDIN_FILENO))
      return ds_fail(err, DS_USAGE, "erasing cannot be taken back: say --yes");
    if (!is_confirmed(person))
      return ds_fail(err, DS_NO, "nothing was erased");
  }
  cli_progress_start(run);
  const ds_code code =
      ds_store_erase(store, person->subject, person->count, &run->progress, &erasure, err);
  cli_progress_end(run);
  return code == DS_OK ? show_proof(run, &erasure, err) : code;
}

// The whole identifier: who was erased is known by nothing but a keyed hash of it.
static ds_code whole_name(cli *run, ds_store *store, const char *name, const char **ret_name,
                          ds_error *err) {
  TRY(ds_person_name(store, name, &run->arena, &name, err));
  if (!ds_subject_is_sound(ds_str_of(name)))
    return ds_fail(err, DS_USAGE, "name the identifier's kind, as in customer_id=C17: a store does "
                   "not know any more which kinds somebody erased had");
  *ret_name = name;
  return DS_OK;
}

static ds_code unsuppress(cli *run, ds_error *err) {
  ds_store *store = NULL;
  const char *name = NULL;
  const char *reason = cli_value(run, "reason");
  TRY(cli_open_store(run, true, false, &store, err));
  ds_code code = whole_name(run, store, run->arguments[1], &name, err);
  if (code == DS_OK)
    code = ds_store_unsuppress(store, ds_str_of(name), ds_str_of(reason == NULL ? "" : reason),
                               err);
  ds_store_close(store);
  if (code == DS_OK)
    cli_say(run, "events of this identifier are taken in again; what was erased stays erased");
  return code;
}

static const ds_column erasure_columns[] = {
    {"erased", DS_CELL_TIME, "", "when the keys were destroyed, which came first", false},
    {"state", DS_CELL_TEXT, "", "erased: kept out; returned: taken in again since", false},
    {"identifier", DS_CELL_TEXT, "", "its keyed hash, all that the store knows of it", false},
    {"keys", DS_CELL_TEXT, "", "whether the key of what was erased can still be derived", false},
    {"returned", DS_CELL_TIME, "", "when it was taken in again", false},
    {"reason", DS_CELL_TEXT, "", "why, as it was given then", false},
};

// The table of erasures being filled.
typedef struct erasure_list {
  ds_result *result;
  ds_table *table;
} erasure_list;

static void list_erasure(void *context, const ds_vault_erasure *erasure) {
  static const char *const keys[] = {[DS_VAULT_KEY_DESTROYED] = "destroyed",
                                     [DS_VAULT_KEY_THERE] = "still there",
                                     [DS_VAULT_KEY_UNTOLD] = "name the identifier to see"};
  const erasure_list *list = context;
  char hash[2 * sizeof erasure->hash + 1];
  ds_cell *row = ds_table_row(list->result, list->table);
  if (row == NULL)
    return; // The arena tells.
  for (size_t i = 0; i < sizeof erasure->hash; i++)
    (void)snprintf(hash + 2 * i, 3, "%02x", erasure->hash[i]);
  row[0] = ds_cell_i64(erasure->erased_ms);
  row[1] = ds_cell_text(list->result, ds_str_of(erasure->is_returned ? "returned" : "erased"));
  row[2] = ds_cell_text(list->result, ds_str_of(hash));
  row[3] = ds_cell_text(list->result, ds_str_of(keys[erasure->key]));
  row[4] = erasure->is_returned ? ds_cell_i64(erasure->returned_ms) : ds_cell_null();
  row[5] = erasure->reason.size == 0 ? ds_cell_null()
                                     : ds_cell_text(list->result, erasure->reason);
}

// Says whether the files of this store are rid of them.
static void note_done(ds_result *result, uint32_t there, uint32_t done) {
  if (there <= done)
    ds_result_note(result, false, "The files of this store hold no event of what was erased.");
  else
    ds_result_note(result, true,
                   "The files of this store still hold events of what was erased: no question "
                   "shows them, and the next command that writes removes them.");
}

static ds_code fill_list(cli *run, ds_store *store, erasure_list *list, ds_error *err) {
  ds_vault *vault = NULL;
  const char *name = NULL;
  ds_str subject;
  TRY(ds_store_vault(store, &vault, err));
  if (run->arguments_count > 1) {
    TRY(whole_name(run, store, run->arguments[1], &name, err));
    subject = ds_str_of(name);
  }
  TRY(ds_vault_list(vault, name == NULL ? NULL : &subject, list_erasure, list, err));
  if (name != NULL && list->table->rows_count == 0)
    return ds_fail(err, DS_NO, "this identifier was not erased from this store");
  note_done(list->result, ds_vault_erased_count(vault), ds_store_erasures_done(store));
  return DS_OK;
}

static ds_code list_erasures(cli *run, ds_error *err) {
  ds_store *store = NULL;
  ds_result *result = (ds_result *)ds_arena_alloc(&run->arena, sizeof *result);
  if (result == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  ds_result_init(result, &run->arena, "subject list");
  result->definition = "Who was erased from this store, an identifier a row. Nothing here names "
                       "anybody; doorstep subject list ID looks for one identifier.";
  erasure_list list = {result, ds_result_table(result, "erasures", "Erasures", erasure_columns,
                                               sizeof erasure_columns / sizeof *erasure_columns)};
  if (list.table == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  list.table->beneath = "reason";
  TRY(cli_open_store(run, false, false, &store, err));
  ds_code code = DS_OK;
  if (ds_store_has_erasures(store))
    code = fill_list(run, store, &list, err);
  else if (run->arguments_count > 1)
    code = ds_fail(err, DS_NO, "nobody was erased from this store");
  ds_store_close(store);
  TRY(code);
  return run->arena.refused ? ds_fail(err, DS_MEMORY, "out of memory") : cli_show(run, result, err);
}

static ds_code run_export(cli *run, ds_error *err) {
  return with_person(run, false, export_person, err);
}

static ds_code run_erase(cli *run, ds_error *err) {
  return with_person(run, true, erase_person, err);
}

ds_code cli_run_subject(cli *run, ds_error *err) {
  static const struct {
    const char *name;
    ds_code (*run)(cli *run, ds_error *err);
    uint32_t arguments; // at least, with the name
  } verbs[] = {
      {"export", run_export, 2},
      {"erase", run_erase, 2},
      {"unsuppress", unsuppress, 2},
      {"list", list_erasures, 1},
  };
  const char *what = run->arguments[0];
  for (size_t v = 0; v < sizeof verbs / sizeof *verbs; v++) {
    if (strcmp(what, verbs[v].name) != 0)
      continue;
    if (run->arguments_count < verbs[v].arguments)
      return ds_fail(err, DS_USAGE, "subject %s: name somebody, as in customer_id=C17", what);
    return verbs[v].run(run, err);
  }
  return ds_fail(err, DS_USAGE, "subject %.60s: say export, erase, unsuppress or list", what);
}
