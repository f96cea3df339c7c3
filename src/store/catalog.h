// SPDX-License-Identifier: Apache-2.0
// The catalog: a small SQLite file that shows what the manifest and the parts say, for queries.
// Today all of it is a projection: it is redone from the manifest when it is missing, damaged,
// behind or ahead (I14), and nothing is lost with it. May use base/, io/, manifest.h, sqlite_vfs.h.
// Used by one thread.
//
// Tables: position (one row: the manifest it shows), imports, import_files, names (kind, name, in
// how many parts). Who reads it compares position with the manifest: it may be behind. A commit is
// on disk only once the catalog is closed; one that was not closed is made anew by the next writer.
#ifndef DS_STORE_CATALOG_H
#define DS_STORE_CATALOG_H

#include "store/manifest.h"

typedef struct ds_catalog ds_catalog;

// Opens <directory>/catalog.sqlite; to write: makes it when it is missing, damaged, of another
// version or was not closed. To read, those are DS_MISSING, DS_CORRUPT, DS_VERSION, or nothing to
// care about, and DS_BUSY means that a writer is making it. The caller closes.
DS_CHECKED ds_code ds_catalog_open(ds_io *io, const char *directory, bool write,
                                   ds_catalog **ret_catalog, ds_error *err);

// NULL is fine.
void ds_catalog_close(ds_catalog *catalog);

// Makes the catalog, open to write, show this manifest and its parts. Writes nothing when it does
// already (I6).
DS_CHECKED ds_code ds_catalog_update(ds_catalog *catalog, const ds_manifest *manifest,
                                     ds_part *const *parts, ds_error *err);

// Calls `each` with one line per difference between catalog and manifest, or damage found by
// SQLite. `beside_writer`: it may show another manifest.
DS_CHECKED ds_code ds_catalog_check(ds_catalog *catalog, const ds_manifest *manifest,
                                    bool beside_writer,
                                    void (*each)(void *context, const char *line), void *context,
                                    ds_error *err);

#endif
