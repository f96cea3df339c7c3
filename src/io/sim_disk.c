// SPDX-License-Identifier: Apache-2.0
#include "io/sim_disk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR_BYTES 512u
#define NAMES_MAX (1u << 24)

typedef enum op_kind { OP_WRITE, OP_TRUNCATE, OP_LINK, OP_UNLINK, OP_RENAME } op_kind;

// One pending operation. `node` is the file written or the directory changed, `target` what LINK
// and RENAME bind to `name`; RENAME takes `from` away.
struct ds_sim_op {
  ds_sim_op *next;
  op_kind kind;
  ds_sim_node *node;
  ds_sim_node *target;
  uint32_t name;
  uint32_t from;
  uint64_t offset; // of WRITE; the new length of TRUNCATE
  size_t size;
  uint8_t data[];
};

uint64_t ds_sim_random(uint64_t *state) {
  *state += 0x9E3779B97F4A7C15u;
  uint64_t mixed = *state;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
  return mixed ^ (mixed >> 31);
}

// A number below `count`; its tiny bias does not matter here.
static uint64_t random_below(ds_sim_disk *disk, uint64_t count) {
  return ds_sim_random(&disk->random) % count;
}

static ds_sim_node *new_node(bool is_dir) {
  ds_sim_node *node = calloc(1, sizeof(*node));
  if (node == NULL)
    return NULL;
  node->refs = 1;
  node->is_dir = is_dir;
  return node;
}

void ds_sim_node_ref(ds_sim_node *node) {
  assert(node->refs > 0);
  node->refs++;
}

static void clear_entries(ds_sim_entries *entries) {
  for (size_t i = 0; i < entries->count; i++)
    ds_sim_node_unref(entries->entry[i].node);
  entries->count = 0;
}

void ds_sim_node_unref(ds_sim_node *node) {
  if (node == NULL)
    return;
  assert(node->refs > 0);
  if (--node->refs > 0)
    return;
  clear_entries(&node->now_entries);
  clear_entries(&node->disk_entries);
  free(node->now_entries.entry);
  free(node->disk_entries.entry);
  free(node->now.data);
  free(node->disk.data);
  free(node);
}

bool ds_sim_disk_init(ds_sim_disk *disk, uint64_t seed) {
  *disk = (ds_sim_disk){.root = new_node(true), .random = seed};
  ds_names_init(&disk->names, NAMES_MAX);
  return disk->root != NULL;
}

static void free_op(ds_sim_disk *disk, ds_sim_op *op) {
  assert(disk->pending > 0);
  disk->pending--;
  ds_sim_node_unref(op->node);
  ds_sim_node_unref(op->target);
  free(op);
}

void ds_sim_disk_done(ds_sim_disk *disk) {
  while (disk->first != NULL) {
    ds_sim_op *next = disk->first->next;
    free_op(disk, disk->first);
    disk->first = next;
  }
  ds_sim_node_unref(disk->root);
  ds_names_done(&disk->names);
  disk->root = NULL;
}

static bool reserve_bytes(ds_sim_bytes *bytes, size_t size) {
  if (size <= bytes->capacity)
    return true;
  const size_t capacity = size + size / 2;
  uint8_t *data = capacity < size ? NULL : realloc(bytes->data, capacity);
  if (data == NULL)
    return false;
  bytes->data = data;
  bytes->capacity = capacity;
  return true;
}

static void set_size(ds_sim_bytes *bytes, size_t size) {
  assert(size <= bytes->capacity);
  if (size > bytes->size)
    memset(bytes->data + bytes->size, 0, size - bytes->size);
  bytes->size = size;
}

static void put_bytes(ds_sim_bytes *bytes, size_t offset, const uint8_t *data, size_t size) {
  if (size == 0)
    return;
  if (offset + size > bytes->size)
    set_size(bytes, offset + size);
  memcpy(bytes->data + offset, data, size);
}

static bool reserve_entries(ds_sim_entries *entries, size_t count) {
  if (count <= entries->capacity)
    return true;
  const size_t capacity = count * 2;
  ds_sim_entry *entry = realloc(entries->entry, capacity * sizeof(*entry));
  if (entry == NULL)
    return false;
  entries->entry = entry;
  entries->capacity = capacity;
  return true;
}

static ds_sim_entry *find_entry(const ds_sim_entries *entries, uint32_t name) {
  for (size_t i = 0; i < entries->count; i++) {
    if (entries->entry[i].name == name)
      return &entries->entry[i];
  }
  return NULL;
}

static void set_entry(ds_sim_entries *entries, uint32_t name, ds_sim_node *node) {
  ds_sim_node_ref(node);
  ds_sim_entry *entry = find_entry(entries, name);
  if (entry != NULL) {
    ds_sim_node_unref(entry->node);
    entry->node = node;
    return;
  }
  assert(entries->count < entries->capacity);
  entries->entry[entries->count++] = (ds_sim_entry){name, node};
}

static void remove_entry(ds_sim_entries *entries, uint32_t name) {
  ds_sim_entry *entry = find_entry(entries, name);
  if (entry == NULL)
    return;
  ds_sim_node_unref(entry->node);
  *entry = entries->entry[--entries->count];
}

// The next component from *at on, skipping slashes and "."; empty at the end.
static ds_str next_component(const char **at) {
  for (;;) {
    while (**at == '/')
      (*at)++;
    const size_t size = strcspn(*at, "/");
    const ds_str component = {*at, (uint32_t)size};
    *at += size;
    if (size != 1 || component.data[0] != '.')
      return component;
  }
}

ds_sim_place ds_sim_find(const ds_sim_disk *disk, const char *path, bool durable) {
  ds_sim_place place = {.dir = NULL, .node = disk->root};
  for (ds_str name = next_component(&path); name.size > 0; name = next_component(&path)) {
    place.dir = place.node != NULL && place.node->is_dir ? place.node : NULL;
    place.node = NULL;
    place.name = name;
    const uint32_t index = ds_names_find(&disk->names, name);
    if (place.dir == NULL || index == DS_NONE)
      continue;
    const ds_sim_entry *entry =
        find_entry(durable ? &place.dir->disk_entries : &place.dir->now_entries, index);
    place.node = entry == NULL ? NULL : entry->node;
  }
  return place;
}

// A new operation, not yet in the list, that refers to `node`; NULL without memory.
static ds_sim_op *new_op(op_kind kind, ds_sim_node *node, size_t size) {
  ds_sim_op *op = size > SIZE_MAX - sizeof(*op) ? NULL : calloc(1, sizeof(*op) + size);
  if (op == NULL)
    return NULL;
  ds_sim_node_ref(node);
  op->kind = kind;
  op->node = node;
  op->size = size;
  return op;
}

static void drop_new_op(ds_sim_op *op) {
  if (op == NULL)
    return;
  ds_sim_node_unref(op->node);
  ds_sim_node_unref(op->target);
  free(op);
}

static void append_op(ds_sim_disk *disk, ds_sim_op *op) {
  ds_sim_op **last = &disk->first;
  while (*last != NULL)
    last = &(*last)->next;
  *last = op;
  disk->pending++;
}

// Does an operation whole, on either image.
static void apply(const ds_sim_op *op, ds_sim_bytes *bytes, ds_sim_entries *entries) {
  switch (op->kind) {
  case OP_WRITE:
    put_bytes(bytes, (size_t)op->offset, op->data, op->size);
    break;
  case OP_TRUNCATE:
    set_size(bytes, (size_t)op->offset);
    break;
  case OP_LINK:
    set_entry(entries, op->name, op->target);
    break;
  case OP_UNLINK:
    remove_entry(entries, op->name);
    break;
  case OP_RENAME:
    remove_entry(entries, op->from);
    set_entry(entries, op->name, op->target);
    break;
  }
}

static void apply_now(ds_sim_disk *disk, ds_sim_op *op) {
  apply(op, &op->node->now, &op->node->now_entries);
  append_op(disk, op);
}

static void apply_disk(const ds_sim_op *op) {
  apply(op, &op->node->disk, &op->node->disk_entries);
}

static bool reserve_file(ds_sim_node *file, uint64_t size) {
  return size <= SIZE_MAX / 2 && reserve_bytes(&file->now, (size_t)size) &&
         reserve_bytes(&file->disk, (size_t)size);
}

static bool reserve_dir(const ds_sim_disk *disk, ds_sim_node *dir) {
  const size_t now = dir->now_entries.count;
  const size_t durable = dir->disk_entries.count;
  const size_t count = (now > durable ? now : durable) + disk->pending + 2;
  return reserve_entries(&dir->now_entries, count) && reserve_entries(&dir->disk_entries, count);
}

ds_code ds_sim_write(ds_sim_disk *disk, ds_sim_node *file, uint64_t offset, const void *data,
                     size_t size) {
  assert(!file->is_dir);
  if (size == 0)
    return DS_OK;
  if (offset > UINT64_MAX - size || !reserve_file(file, offset + size))
    return DS_MEMORY;
  ds_sim_op *op = new_op(OP_WRITE, file, size);
  if (op == NULL)
    return DS_MEMORY;
  op->offset = offset;
  memcpy(op->data, data, size);
  apply_now(disk, op);
  return DS_OK;
}

ds_code ds_sim_truncate(ds_sim_disk *disk, ds_sim_node *file, uint64_t size) {
  assert(!file->is_dir);
  ds_sim_op *op = reserve_file(file, size) ? new_op(OP_TRUNCATE, file, 0) : NULL;
  if (op == NULL)
    return DS_MEMORY;
  op->offset = size;
  apply_now(disk, op);
  return DS_OK;
}

// A new directory operation that binds the name of `place`, or NULL without memory.
static ds_sim_op *new_dir_op(ds_sim_disk *disk, op_kind kind, const ds_sim_place *place,
                             ds_sim_node *target) {
  assert(place->dir != NULL && place->dir->is_dir);
  uint32_t name;
  if (!reserve_dir(disk, place->dir) ||
      ds_names_add(&disk->names, place->name, &name, NULL) != DS_OK)
    return NULL;
  ds_sim_op *op = new_op(kind, place->dir, 0);
  if (op == NULL)
    return NULL;
  op->name = name;
  op->target = target;
  if (target != NULL)
    ds_sim_node_ref(target);
  return op;
}

ds_code ds_sim_create(ds_sim_disk *disk, const ds_sim_place *place, bool is_dir,
                      ds_sim_node **ret_node) {
  assert(place->node == NULL);
  ds_sim_node *node = new_node(is_dir);
  ds_sim_op *op = node == NULL ? NULL : new_dir_op(disk, OP_LINK, place, node);
  if (op != NULL) {
    apply_now(disk, op);
    *ret_node = node;
  }
  ds_sim_node_unref(node);
  return op == NULL ? DS_MEMORY : DS_OK;
}

ds_code ds_sim_link(ds_sim_disk *disk, ds_sim_node *node, const ds_sim_place *place) {
  assert(place->node == NULL && !node->is_dir);
  ds_sim_op *op = new_dir_op(disk, OP_LINK, place, node);
  if (op == NULL)
    return DS_MEMORY;
  apply_now(disk, op);
  return DS_OK;
}

ds_code ds_sim_unlink(ds_sim_disk *disk, const ds_sim_place *place) {
  assert(place->node != NULL);
  ds_sim_op *op = new_dir_op(disk, OP_UNLINK, place, NULL);
  if (op == NULL)
    return DS_MEMORY;
  apply_now(disk, op);
  return DS_OK;
}

// Inside one directory a rename is one change. Between two it is a change of each, and either may
// be lost alone.
ds_code ds_sim_rename(ds_sim_disk *disk, const ds_sim_place *from, const ds_sim_place *to) {
  assert(from->node != NULL);
  if (from->node == to->node)
    return DS_OK;
  const bool same_dir = from->dir == to->dir;
  ds_sim_op *op = new_dir_op(disk, same_dir ? OP_RENAME : OP_LINK, to, from->node);
  ds_sim_op *unlink = same_dir ? NULL : new_dir_op(disk, OP_UNLINK, from, NULL);
  if (op == NULL || (!same_dir && unlink == NULL)) {
    drop_new_op(op);
    drop_new_op(unlink);
    return DS_MEMORY;
  }
  op->from = ds_names_find(&disk->names, from->name);
  apply_now(disk, op);
  if (unlink != NULL)
    apply_now(disk, unlink);
  return DS_OK;
}

// Each sector that the write touches is kept, lost, or left as garbage.
static void apply_sectors(ds_sim_disk *disk, ds_sim_op *op) {
  ds_sim_bytes *bytes = &op->node->disk;
  for (size_t done = 0; done < op->size;) {
    const size_t at = (size_t)op->offset + done;
    const size_t room = SECTOR_BYTES - at % SECTOR_BYTES;
    const size_t size = room < op->size - done ? room : op->size - done;
    const uint64_t fate = random_below(disk, 3);
    for (size_t i = 0; fate == 2 && i < size; i++)
      op->data[done + i] = (uint8_t)ds_sim_random(&disk->random);
    if (fate != 0)
      put_bytes(bytes, at, op->data + done, size);
    done += size;
  }
}

static void apply_prefix(ds_sim_disk *disk, const ds_sim_op *op) {
  put_bytes(&op->node->disk, (size_t)op->offset, op->data, (size_t)random_below(disk, op->size));
}

// One of the fates that an operation can have at power loss.
static void apply_some(ds_sim_disk *disk, ds_sim_op *op) {
  const size_t end = (size_t)op->offset + op->size;
  switch (random_below(disk, op->kind == OP_WRITE ? 6 : 2)) {
  case 0:
    break;
  case 1:
    apply_disk(op);
    break;
  case 2:
    apply_prefix(disk, op);
    break;
  case 3: // The length grows without the data.
    if (end > op->node->disk.size)
      set_size(&op->node->disk, end);
    break;
  default:
    apply_sectors(disk, op);
    break;
  }
}

void ds_sim_sync(ds_sim_disk *disk, const ds_sim_node *node) {
  for (ds_sim_op **at = &disk->first; *at != NULL;) {
    ds_sim_op *op = *at;
    if (op->node != node) {
      at = &op->next;
      continue;
    }
    *at = op->next;
    apply_disk(op);
    free_op(disk, op);
  }
}

void ds_sim_sync_failed(ds_sim_disk *disk, const ds_sim_node *node) {
  const bool drop_all = random_below(disk, 2) == 0;
  for (ds_sim_op **at = &disk->first; *at != NULL;) {
    ds_sim_op *op = *at;
    if (op->node != node) {
      at = &op->next;
      continue;
    }
    *at = op->next;
    if (!drop_all)
      apply_some(disk, op);
    free_op(disk, op);
  }
}

// After power loss only the disk image counts. Its memory was reserved when the operations were
// made, so this cannot fail.
static void show_disk(ds_sim_node *node) {
  node->holder = NULL;
  assert(node->disk.size <= node->now.capacity);
  if (node->disk.size > 0)
    memcpy(node->now.data, node->disk.data, node->disk.size);
  node->now.size = node->disk.size;
  clear_entries(&node->now_entries);
  for (size_t i = 0; i < node->disk_entries.count; i++) {
    const ds_sim_entry entry = node->disk_entries.entry[i];
    set_entry(&node->now_entries, entry.name, entry.node);
    show_disk(entry.node);
  }
}

// How many operations of the list stay whole before the torn one. The torn one is most often the
// last of all, where real machines are caught.
static size_t whole_before_torn(ds_sim_disk *disk) {
  if (disk->pending == 0)
    return 0;
  return random_below(disk, 2) == 0 ? disk->pending - 1 : random_below(disk, disk->pending);
}

void ds_sim_lose(ds_sim_disk *disk, ds_loss loss) {
  const size_t whole = loss == DS_LOSS_PREFIX_TORN ? whole_before_torn(disk) : 0;
  for (size_t i = 0; disk->first != NULL; i++) {
    ds_sim_op *op = disk->first;
    if (loss == DS_LOSS_NONE || i < whole)
      apply_disk(op);
    else if (loss == DS_LOSS_RANDOM)
      apply_some(disk, op);
    else if (loss == DS_LOSS_PREFIX_TORN && i == whole && op->kind == OP_WRITE)
      apply_prefix(disk, op);
    disk->first = op->next;
    free_op(disk, op);
  }
  assert(disk->pending == 0);
  show_disk(disk->root);
}
