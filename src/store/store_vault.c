// SPDX-License-Identifier: Apache-2.0
// The store's vault: opened at first need, made by a writer, and named by MANIFEST before any
// record needs it (V1).
#include "store/state.h"

static ds_code name_vault(ds_store *store, ds_error *err) {
  ds_manifest *manifest = &store->view.manifest;
  manifest->vault = ds_vault_fingerprint(store->vault);
  TRY(ds_manifest_save(store->io, store->path, manifest, err));
  return ds_catalog_update(store->catalog, manifest, store->view.parts, err);
}

ds_code ds_store_vault(ds_store *store, ds_vault **ret_vault, ds_error *err) {
  if (store->vault == NULL) {
    const ds_vault_options options = {.io = store->io,
                                      .directory = store->path,
                                      .key_file = store->options.key_file,
                                      .fingerprint = store->view.manifest.vault,
                                      .write = store->options.write && !store->failed};
    if (!options.write && !ds_store_has_erasures(store))
      return ds_fail(err, DS_MISSING, "this store has no vault: it holds nothing personal");
    TRY(ds_vault_open(&options, &store->vault, err));
  }
  if (store->view.manifest.vault == 0 && store->options.write && !store->failed)
    TRY(ds_store_note_write(store, name_vault(store, err)));
  *ret_vault = store->vault;
  return DS_OK;
}

ds_code ds_store_open_vault(const ds_store *store, ds_vault **ret_vault, ds_error *err) {
  const ds_vault_options options = {.io = store->io,
                                    .directory = store->path,
                                    .key_file = store->options.key_file,
                                    .fingerprint = store->view.manifest.vault};
  *ret_vault = NULL;
  return ds_store_has_vault(store) ? ds_vault_open(&options, ret_vault, err) : DS_OK;
}

bool ds_store_has_vault(const ds_store *store) {
  return store->view.manifest.vault != 0;
}

bool ds_store_has_erasures(const ds_store *store) {
  uint32_t count = 0;
  ds_error unsure;
  return ds_store_has_vault(store) ||
         (ds_vault_count_erased(store->io, store->path, &count, &unsure) == DS_OK && count > 0);
}

uint32_t ds_store_erasures_done(const ds_store *store) { return store->view.manifest.erased; }
