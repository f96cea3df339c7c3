// SPDX-License-Identifier: Apache-2.0
// Files of definitions that the program itself writes into a store's folder: boards.yaml, the
// boards saved from the dashboard, and api-keys, who may ask the server. One is text, as people
// write it, and is replaced whole at one instant, under a lock of its own beside the writer's:
// nobody waits for an import to save a board. Decisions 45, 46. May use base/, io/.
//
// Invariants, in the words of docs/durability.md:
//   I2  a change that returned DS_OK is on disk.
//   I4  a change is there whole or not at all.
//   I8  what a change that was cut short has left goes when a writer opens the store.
#ifndef DS_STORE_DEFINITIONS_H
#define DS_STORE_DEFINITIONS_H

#include "base/buf.h"
#include "base/str.h"
#include "io/io.h"

#define DS_BOARDS_FILE "boards.yaml"
#define DS_API_KEYS_FILE "api-keys"

// Reads such a `file` of the store in `folder`: a text to be freed, "" when there is no such file.
DS_CHECKED ds_code ds_definitions_read(ds_io *io, const char *folder, const char *file,
                                       char **ret_text, size_t *ret_size, ds_error *err);

// Changes it: `edit` writes the new text, made of the old one, into `out`; its failure leaves the
// file as it was. Two that change it at once come one after the other. DS_BUSY when another holds
// it for longer than seconds; DS_USAGE in a backup, DS_MISSING where no store is.
DS_CHECKED ds_code ds_definitions_change(ds_io *io, const char *folder, const char *file,
                                         ds_code (*edit)(void *context, ds_str old, ds_buf *out,
                                                         ds_error *err),
                                         void *context, ds_error *err);

// Removes what a change that was cut short has left; for who opens the store to write.
DS_CHECKED ds_code ds_definitions_tidy(ds_io *io, const char *folder, ds_error *err);

#endif
