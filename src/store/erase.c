// SPDX-License-Identifier: Apache-2.0
#include "store/erase.h"

#include <assert.h>
#include <stdlib.h>

#include "store/erased.h"

// What the store is to be rid of.
static ds_erased pending(const ds_store *store) {
  return (ds_erased){.vault = store->vault, .done = store->view.manifest.erased};
}

// Rewrites part `index` without what was erased.
static ds_code clean_part(ds_store *store, uint32_t index, ds_progress *progress, ds_error *err) {
  const uint64_t number = store->view.manifest.parts[index].info.number;
  const ds_erased erased = pending(store);
  const ds_dropped dropped = ds_erased_dropped(&erased);
  ds_rewritten rewritten = {.count = 0};
  const ds_rewrite_options how = {.dropped = &dropped, .progress = progress};
  ds_code code = ds_store_rewrite(store, &index, 1, &how, &rewritten, err);
  if (code == DS_OK)
    code = ds_store_note_write(
        store, ds_store_replace_parts(store, &number, 1, &rewritten, false, 0, err));
  free(rewritten.infos);
  return code;
}

// Cleans every part that holds something; they are found anew each time, for their order changes.
static ds_code clean_parts(ds_store *store, const ds_erased_where *where, ds_block_reader *reader,
                           ds_progress *progress, ds_erasure *erasure, ds_error *err) {
  const ds_erased erased = pending(store);
  for (uint32_t i = 0; i < store->view.parts_count;) {
    ds_erased_found found = {0};
    const uint32_t before = store->view.parts_count;
    TRY(ds_erased_find(&erased, store->view.parts[i], where, reader, &found, NULL, err));
    if (found.events + found.facts > 0) {
      TRY(clean_part(store, i, progress, err));
      erasure->events += found.events;
      erasure->facts += found.facts;
      erasure->parts_rewritten++;
    }
    i += 1 + store->view.parts_count - before; // none, one or several took its place
  }
  return DS_OK;
}

// Reads all parts again: the proof.
static ds_code check_parts(ds_store *store, const ds_erased_where *where, ds_block_reader *reader,
                           ds_erasure *erasure, ds_error *err) {
  ds_erased_found found = {0};
  const ds_erased erased = pending(store);
  for (uint32_t i = 0; i < store->view.parts_count; i++)
    TRY(ds_erased_find(&erased, store->view.parts[i], where, reader, &found, NULL, err));
  erasure->parts_checked = store->view.parts_count;
  erasure->subjects_checked = found.subjects;
  erasure->events_left = found.events;
  erasure->facts_left = found.facts;
  return DS_OK;
}

// Says in MANIFEST that all erasures so far are done.
static ds_code note_done(ds_store *store, ds_error *err) {
  ds_manifest *manifest = &store->view.manifest;
  manifest->erased = ds_vault_erased_count(store->vault);
  TRY(ds_manifest_save(store->io, store->path, manifest, err));
  return ds_catalog_update(store->catalog, manifest, store->view.parts, err);
}

// Removes what the vault says, from partitions `where`, and proves it.
static ds_code remove_erased(ds_store *store, const ds_erased_where *where, ds_progress *progress,
                             ds_erasure *erasure, ds_error *err) {
  TRY(ds_store_end_jobs(store, err));
  erasure->logs_sealed = store->frozen_count + (store->tail.count > 0);
  TRY(ds_store_seal(store, err));
  assert(store->tail.count == 0 && store->frozen_count == 0);
  ds_block_reader *reader = ds_block_reader_new();
  if (reader == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while erasing");
  ds_code code = clean_parts(store, where, reader, progress, erasure, err);
  if (code == DS_OK)
    code = check_parts(store, where, reader, erasure, err);
  ds_block_reader_free(reader);
  TRY(code);
  if (erasure->events_left + erasure->facts_left > 0)
    return ds_fail(err, DS_CORRUPT, "events of erased people are still there");
  return ds_store_note_write(store, note_done(store, err));
}

// Whether no subject's key can be derived.
static ds_code prove_keys(ds_vault *vault, const ds_str *subjects, uint32_t count, bool *ret_gone,
                          ds_error *err) {
  *ret_gone = true;
  ds_buf out;
  ds_buf_init(&out, 1 << 10);
  ds_code code = DS_OK;
  for (uint32_t i = 0; i < count && code == DS_OK; i++) {
    const ds_vault_place place = {subjects[i], ds_str_of("proof"), ds_str_of("proof")};
    const ds_value value = {.type = DS_TYPE_BOOL, .i = 1};
    ds_value sealed;
    ds_error refused = {.code = DS_OK};
    const ds_code tried = ds_vault_seal(vault, &place, &value, &out, &sealed, &refused);
    if (tried != DS_OK && tried != DS_NO)
      code = ds_fail(err, tried, "%s", refused.message);
    *ret_gone = *ret_gone && tried == DS_NO && ds_vault_is_erased(vault, subjects[i]);
  }
  ds_buf_done(&out);
  return code;
}

ds_code ds_store_erase(ds_store *store, const ds_str *subjects, uint32_t count,
                       ds_progress *progress, ds_erasure *ret_erasure, ds_error *err) {
  TRY(ds_store_check_writable(store, err));
  ds_vault *vault;
  ds_erased_where where = {{false}};
  ds_erasure erasure = {.subjects = count};
  TRY(ds_store_vault(store, &vault, err));
  for (uint32_t i = 0; i < count; i++)
    where.is_in[ds_subject_partition(ds_subject_hash(subjects[i]))] = true;
  // From here on the erasure will be finished, by whomever.
  TRY(ds_store_note_write(store, ds_vault_erase(vault, subjects, count,
                                                store->io->ops->now_ms(store->io), err)));
  ds_error why = {.message = ""};
  const ds_code code = remove_erased(store, &where, progress, &erasure, &why);
  if (code != DS_OK)
    return ds_fail(err, code, "%.300s; the person is erased all the same: the keys are destroyed, "
                   "and the next command that writes removes the events", why.message);
  TRY(prove_keys(vault, subjects, count, &erasure.keys_gone, err));
  *ret_erasure = erasure;
  return DS_OK;
}

ds_code ds_store_unsuppress(ds_store *store, ds_str subject, ds_str reason, ds_error *err) {
  TRY(ds_store_check_writable(store, err));
  ds_vault *vault = NULL;
  if (ds_store_erasures_done(store) == 0)
    return ds_fail(err, DS_NO, "nobody was erased from this store");
  TRY(ds_store_vault(store, &vault, err));
  // Opening to write has done them, unless the keys were not there then.
  if (ds_vault_erased_count(vault) > store->view.manifest.erased)
    return ds_fail(err, DS_BUSY, "an erasure is not done yet: try again");
  const int64_t when_ms = store->io->ops->now_ms(store->io);
  const ds_code code = ds_vault_readmit(vault, subject, when_ms, reason, err);
  return code == DS_NO || code == DS_LIMIT ? code : ds_store_note_write(store, code);
}

ds_code ds_store_replay_erasures(ds_store *store, ds_progress *progress, ds_erasure *ret_erasure,
                                 ds_error *err) {
  ds_erasure erasure = {.keys_gone = true};
  if (ds_store_has_erasures(store)) {
    ds_vault *vault;
    ds_erased_where all;
    memset(all.is_in, true, sizeof all.is_in);
    TRY(ds_store_vault(store, &vault, err));
    if (ds_vault_erased_count(vault) > store->view.manifest.erased) {
      TRY(ds_store_note_write(store, ds_vault_settle(vault, err)));
      TRY(remove_erased(store, &all, progress, &erasure, err));
    }
  }
  *ret_erasure = erasure;
  return DS_OK;
}
