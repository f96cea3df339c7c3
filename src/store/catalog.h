// SPDX-License-Identifier: Apache-2.0
// The catalog: a small SQLite file that shows what the manifest and the parts say, for queries.
// Today all of it is a projection: it is redone from the manifest when it is missing, damaged,
// behind or ahead (I14), and nothing is lost with it. May use base/, io/, manifest.h, SQLite.
// Used by one thread.
//
// Tables: position (one row: the manifest it shows), imports, import_files, names (kind, name, in
// how many parts). Commits sync fully, because a log is unlinked only after the catalog has what
// it held. SQLite opens the file by itself for now; a store on a simulated machine keeps its
// catalog in memory.
#ifndef DS_STORE_CATALOG_H
#define DS_STORE_CATALOG_H

#include "store/manifest.h"

typedef struct ds_catalog ds_catalog;

// Opens or makes <directory>/catalog.sqlite; a file that is no catalog is replaced. `io` that is
// not ds_io_posix(): in memory. The caller closes.
DS_CHECKED ds_code ds_catalog_open(ds_io *io, const char *directory, ds_catalog **ret_catalog,
                                   ds_error *err);

// NULL is fine.
void ds_catalog_close(ds_catalog *catalog);

// Makes the catalog show this manifest and its parts, durably on return. Writes nothing when it
// does already (I6).
DS_CHECKED ds_code ds_catalog_update(ds_catalog *catalog, const ds_manifest *manifest,
                                     ds_part *const *parts, ds_error *err);

// Calls `each` with one line per difference between catalog and manifest, or damage found by
// SQLite.
DS_CHECKED ds_code ds_catalog_check(ds_catalog *catalog, const ds_manifest *manifest,
                                    void (*each)(void *context, const char *line), void *context,
                                    ds_error *err);

#endif
