// SPDX-License-Identifier: Apache-2.0
// The simulated machine's files and directories, each in two images: `now`, what calls see, and
// `disk`, what power loss keeps; between them one list of pending operations in the order they were
// made. A write survives whole, as a prefix, by sectors kept, lost or garbage, or as mere length;
// garbage stays within the written bytes, so that a neighbour in the same sector is safe. Pending
// operations survive in any subset. May use base/ only; the caller (io_sim.c) locks.
// Invariants: the images of a node have room for any mix of its pending operations, so that losing
// and keeping takes no memory; a node lives while an entry, an operation or a handle refers to it.
#ifndef DS_IO_SIM_DISK_H
#define DS_IO_SIM_DISK_H

#include "base/map.h"
#include "io/io.h"

// The bytes of a file in one image.
typedef struct ds_sim_bytes {
  uint8_t *data;
  size_t size;
  size_t capacity;
} ds_sim_bytes;

typedef struct ds_sim_node ds_sim_node;

// A name in a directory; `name` is an index of ds_sim_disk.names.
typedef struct ds_sim_entry {
  uint32_t name;
  ds_sim_node *node;
} ds_sim_entry;

// The entries of a directory in one image.
typedef struct ds_sim_entries {
  ds_sim_entry *entry;
  size_t count;
  size_t capacity;
} ds_sim_entries;

// A file or directory.
struct ds_sim_node {
  uint32_t refs;
  bool is_dir;
  const void *holder; // the handle that holds the lock, or NULL
  ds_sim_bytes now;
  ds_sim_bytes disk;
  ds_sim_entries now_entries;
  ds_sim_entries disk_entries;
};

typedef struct ds_sim_op ds_sim_op;

// Caller's memory.
typedef struct ds_sim_disk {
  ds_sim_node *root;
  ds_sim_op *first;
  size_t pending;
  uint64_t random;
  ds_names names;
} ds_sim_disk;

// Where a path leads: `dir` is NULL when the folder is missing (or for the root itself), `node`
// when the name is; `name` is the last component, a view into the path.
typedef struct ds_sim_place {
  ds_sim_node *dir;
  ds_sim_node *node;
  ds_str name;
} ds_sim_place;

// The next number of a deterministic sequence (splitmix64).
uint64_t ds_sim_random(uint64_t *state);

// An empty disk with a root directory; false without memory. Done takes a disk never made.
bool ds_sim_disk_init(ds_sim_disk *disk, uint64_t seed);
void ds_sim_disk_done(ds_sim_disk *disk);

// Counts one more or one less reference; the last one frees.
void ds_sim_node_ref(ds_sim_node *node);
void ds_sim_node_unref(ds_sim_node *node);

// Looks a path up in the `now` image, or in the `disk` image.
ds_sim_place ds_sim_find(const ds_sim_disk *disk, const char *path, bool durable);

// Operations on the `now` image, remembered as pending. DS_OK or DS_MEMORY, then nothing is done.
ds_code ds_sim_write(ds_sim_disk *disk, ds_sim_node *file, uint64_t offset, const void *data,
                     size_t size);
ds_code ds_sim_truncate(ds_sim_disk *disk, ds_sim_node *file, uint64_t size);
ds_code ds_sim_create(ds_sim_disk *disk, const ds_sim_place *place, bool is_dir,
                      ds_sim_node **ret_node);
ds_code ds_sim_link(ds_sim_disk *disk, ds_sim_node *node, const ds_sim_place *place);
ds_code ds_sim_unlink(ds_sim_disk *disk, const ds_sim_place *place);
ds_code ds_sim_rename(ds_sim_disk *disk, const ds_sim_place *from, const ds_sim_place *to);

// Brings the pending operations of a file or directory to the disk image; or, as a failed sync
// does, drops them: all in half of the cases, else some survive. The `now` image still shows them.
void ds_sim_sync(ds_sim_disk *disk, const ds_sim_node *node);
void ds_sim_sync_failed(ds_sim_disk *disk, const ds_sim_node *node);

// Decides about all that is pending, then makes `now` equal to `disk` and drops locks.
void ds_sim_lose(ds_sim_disk *disk, ds_loss loss);

#endif
