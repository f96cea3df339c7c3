// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "io/io.h"
#include "io/sim_disk.h"
#include "io/sim_share.h"

#define CLOCK_START_MS 1700000000000

// Behind the opaque ds_file. A handle that was open at power loss stays allocated until its owner
// closes it, but leads nowhere (node == NULL).
typedef struct sim_file {
  struct sim_file *next;
  ds_sim_node *node;
  ds_sim_memory *memory; // that it shares, or NULL
  int flags;
  char name[];
} sim_file;

// The failure that is to come: `code` at operation `at` and, if persistent, ever after.
typedef struct sim_failure {
  bool armed;
  bool persistent;
  uint64_t at;
  ds_code code;
} sim_failure;

// The mutex makes every call one step, so that code under test may use threads; its runs are then
// repeatable only as far as its own order of calls is.
struct ds_io_sim {
  ds_io io;
  pthread_mutex_t mutex;
  ds_sim_disk disk;
  sim_file *files;
  ds_sim_shares shares;
  uint64_t operations;
  sim_failure failure;
  sim_failure crash;
  bool stopped;
  uint64_t noise;   // decides about short writes
  uint64_t entropy; // answers `random`
  int64_t ticks;
};

static ds_io_sim *sim_lock(ds_io *io) {
  ds_io_sim *sim = (ds_io_sim *)io;
  pthread_mutex_lock(&sim->mutex);
  return sim;
}

static ds_code sim_unlock(ds_io_sim *sim, ds_code code) {
  pthread_mutex_unlock(&sim->mutex);
  return code;
}

static ds_code fail_stopped(ds_error *err) {
  return ds_fail(err, DS_IO, "the simulated machine has stopped");
}

static ds_code fail_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory in the simulated machine");
}

static ds_code check_alive(const ds_io_sim *sim, const sim_file *file, int flag, ds_error *err) {
  if (sim->stopped)
    return fail_stopped(err);
  if (file != NULL && file->node == NULL)
    return ds_fail(err, DS_IO, "%s was opened before the power loss", file->name);
  if (file != NULL && (file->flags & flag) != flag)
    return ds_fail(err, DS_IO, "%s is not open for that", file->name);
  return DS_OK;
}

static bool is_due(const sim_failure *failure, uint64_t operation) {
  return failure->armed &&
         (operation == failure->at || (failure->persistent && operation > failure->at));
}

// The one gate that every mutating call passes: it may stop the machine or fail. After a failure,
// sim->stopped tells which.
static ds_code pass_gate(ds_io_sim *sim, ds_error *err) {
  if (sim->stopped)
    return fail_stopped(err);
  const uint64_t operation = sim->operations++;
  if (is_due(&sim->crash, operation)) {
    sim->stopped = true;
    return fail_stopped(err);
  }
  if (!is_due(&sim->failure, operation))
    return DS_OK;
  if (sim->failure.code == DS_FULL)
    return ds_fail(err, DS_FULL, "the simulated disk is full");
  return ds_fail(err, sim->failure.code, "simulated input/output error");
}

static const char *last_component(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

static ds_code fail_missing(const char *path, ds_error *err) {
  return ds_fail(err, DS_MISSING, "cannot find %s: no such file", last_component(path));
}

// The node to open, created when the flags ask for it.
static ds_code find_or_create(ds_io_sim *sim, const char *path, int flags, ds_sim_node **ret_node,
                              ds_error *err) {
  const ds_sim_place place = ds_sim_find(&sim->disk, path, false);
  const bool exclusive = (flags & DS_OPEN_EXCLUSIVE) != 0;
  if (place.node != NULL && place.node->is_dir)
    return ds_fail(err, DS_IO, "cannot open %s: it is a directory", last_component(path));
  if (place.node != NULL && exclusive)
    return ds_fail(err, DS_IO, "cannot open %s: it exists already", last_component(path));
  if (place.node != NULL) {
    *ret_node = place.node;
    return DS_OK;
  }
  if (place.dir == NULL || (!exclusive && (flags & DS_OPEN_CREATE) == 0))
    return fail_missing(path, err);
  TRY(pass_gate(sim, err));
  const ds_code code = ds_sim_create(&sim->disk, &place, false, ret_node);
  return code == DS_OK ? DS_OK : fail_memory(err);
}

static ds_code open_locked(ds_io_sim *sim, const char *path, int flags, ds_file **ret_file,
                           ds_error *err) {
  assert((flags & (DS_OPEN_READ | DS_OPEN_WRITE)) != 0);
  TRY(check_alive(sim, NULL, 0, err));
  const char *name = last_component(path);
  sim_file *file = malloc(sizeof(*file) + strlen(name) + 1);
  if (file == NULL)
    return fail_memory(err);
  const ds_code code = find_or_create(sim, path, flags, &file->node, err);
  if (code != DS_OK) {
    free(file);
    return code;
  }
  ds_sim_node_ref(file->node);
  file->memory = NULL;
  file->flags = flags;
  memcpy(file->name, name, strlen(name) + 1);
  file->next = sim->files;
  sim->files = file;
  *ret_file = (ds_file *)file;
  return DS_OK;
}

static ds_code sim_open(ds_io *io, const char *path, int flags, ds_file **ret_file,
                        ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  return sim_unlock(sim, open_locked(sim, path, flags, ret_file, err));
}

static void release(ds_io_sim *sim, sim_file *file) {
  if (file->node != NULL && file->node->holder == file)
    file->node->holder = NULL;
  ds_sim_ranges_drop(&sim->shares, file);
  ds_sim_node_unref(file->node);
  file->node = NULL;
}

static void sim_close(ds_io *io, ds_file *handle) {
  if (handle == NULL)
    return;
  ds_io_sim *sim = sim_lock(io);
  sim_file *file = (sim_file *)handle;
  sim_file **at = &sim->files;
  while (*at != NULL && *at != file)
    at = &(*at)->next;
  assert(*at == file);
  *at = file->next;
  release(sim, file);
  ds_sim_memory_drop(&sim->shares, file->memory);
  free(file);
  (void)sim_unlock(sim, DS_OK);
}

static ds_code read_locked(ds_io_sim *sim, const sim_file *file, uint64_t offset, void *data,
                           size_t size, ds_error *err) {
  TRY(check_alive(sim, file, DS_OPEN_READ, err));
  const ds_sim_bytes *bytes = &file->node->now;
  if (size > bytes->size || offset > bytes->size - size)
    return ds_fail(err, DS_IO, "cannot read %s: it ends at byte %zu, before byte %llu", file->name,
                   bytes->size, (unsigned long long)(offset + size));
  if (size > 0)
    memcpy(data, bytes->data + offset, size);
  return DS_OK;
}

static ds_code sim_read_at(ds_io *io, ds_file *file, uint64_t offset, void *data, size_t size,
                           ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  return sim_unlock(sim, read_locked(sim, (sim_file *)file, offset, data, size, err));
}

static ds_code write_locked(ds_io_sim *sim, const sim_file *file, uint64_t offset,
                            const void *data, size_t size, ds_error *err) {
  TRY(check_alive(sim, file, DS_OPEN_WRITE, err));
  const ds_code code = pass_gate(sim, err);
  if (code == DS_OK) {
    const ds_code written = ds_sim_write(&sim->disk, file->node, offset, data, size);
    return written == DS_OK ? DS_OK : fail_memory(err);
  }
  // A full disk or a bad sector is often met in the midst of a write.
  if (!sim->stopped && size > 0 && ds_sim_random(&sim->noise) % 2 == 0) {
    const size_t part = (size_t)(ds_sim_random(&sim->noise) % size);
    (void)ds_sim_write(&sim->disk, file->node, offset, data, part);
  }
  return code;
}

static ds_code sim_write_at(ds_io *io, ds_file *file, uint64_t offset, const void *data,
                            size_t size, ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  return sim_unlock(sim, write_locked(sim, (sim_file *)file, offset, data, size, err));
}

static ds_code sim_size(ds_io *io, ds_file *handle, uint64_t *ret_bytes, ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  const sim_file *file = (sim_file *)handle;
  const ds_code code = check_alive(sim, file, 0, err);
  if (code == DS_OK)
    *ret_bytes = file->node->now.size;
  return sim_unlock(sim, code);
}

static ds_code truncate_locked(ds_io_sim *sim, const sim_file *file, uint64_t size,
                               ds_error *err) {
  TRY(check_alive(sim, file, DS_OPEN_WRITE, err));
  TRY(pass_gate(sim, err));
  return ds_sim_truncate(&sim->disk, file->node, size) == DS_OK ? DS_OK : fail_memory(err);
}

static ds_code sim_truncate(ds_io *io, ds_file *file, uint64_t size, ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  return sim_unlock(sim, truncate_locked(sim, (sim_file *)file, size, err));
}

// A sync that fails has lost the dirty pages; one that the machine did not reach has not.
static ds_code sync_node(ds_io_sim *sim, const ds_sim_node *node, ds_error *err) {
  const ds_code code = pass_gate(sim, err);
  if (code == DS_OK)
    ds_sim_sync(&sim->disk, node);
  else if (!sim->stopped)
    ds_sim_sync_failed(&sim->disk, node);
  return code;
}

static ds_code sim_sync(ds_io *io, ds_file *handle, ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  const sim_file *file = (sim_file *)handle;
  ds_code code = check_alive(sim, file, 0, err);
  if (code == DS_OK)
    code = sync_node(sim, file->node, err);
  return sim_unlock(sim, code);
}

static ds_code rename_locked(ds_io_sim *sim, const char *from, const char *to, ds_error *err) {
  TRY(pass_gate(sim, err));
  const ds_sim_place source = ds_sim_find(&sim->disk, from, false);
  const ds_sim_place goal = ds_sim_find(&sim->disk, to, false);
  if (source.node == NULL)
    return fail_missing(from, err);
  if (goal.dir == NULL)
    return fail_missing(to, err);
  if (source.dir == NULL || (goal.node != NULL && goal.node->is_dir) ||
      (source.node->is_dir && (source.dir != goal.dir || goal.node != NULL)))
    return ds_fail(err, DS_IO, "cannot rename %s to %s", last_component(from), last_component(to));
  return ds_sim_rename(&sim->disk, &source, &goal) == DS_OK ? DS_OK : fail_memory(err);
}

static ds_code sim_rename(ds_io *io, const char *from, const char *to, ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  return sim_unlock(sim, rename_locked(sim, from, to, err));
}

static ds_code link_locked(ds_io_sim *sim, const char *from, const char *to, ds_error *err) {
  TRY(pass_gate(sim, err));
  const ds_sim_place source = ds_sim_find(&sim->disk, from, false);
  const ds_sim_place goal = ds_sim_find(&sim->disk, to, false);
  if (source.node == NULL)
    return fail_missing(from, err);
  if (goal.dir == NULL)
    return fail_missing(to, err);
  if (source.node->is_dir || goal.node != NULL)
    return ds_fail(err, DS_IO, "cannot link %s to %s", last_component(from), last_component(to));
  return ds_sim_link(&sim->disk, source.node, &goal) == DS_OK ? DS_OK : fail_memory(err);
}

static ds_code sim_link(ds_io *io, const char *from, const char *to, ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  return sim_unlock(sim, link_locked(sim, from, to, err));
}

static ds_code unlink_locked(ds_io_sim *sim, const char *path, ds_error *err) {
  TRY(pass_gate(sim, err));
  const ds_sim_place place = ds_sim_find(&sim->disk, path, false);
  if (place.node == NULL)
    return fail_missing(path, err);
  if (place.node->is_dir)
    return ds_fail(err, DS_IO, "cannot remove %s: it is a directory", last_component(path));
  return ds_sim_unlink(&sim->disk, &place) == DS_OK ? DS_OK : fail_memory(err);
}

static ds_code sim_unlink(ds_io *io, const char *path, ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  return sim_unlock(sim, unlink_locked(sim, path, err));
}

// The directory that a path names.
static ds_code find_dir(const ds_io_sim *sim, const char *path, const ds_sim_node **ret_dir,
                        ds_error *err) {
  TRY(check_alive(sim, NULL, 0, err));
  const ds_sim_place place = ds_sim_find(&sim->disk, path, false);
  if (place.node == NULL)
    return fail_missing(path, err);
  if (!place.node->is_dir)
    return ds_fail(err, DS_IO, "%s is not a directory", last_component(path));
  *ret_dir = place.node;
  return DS_OK;
}

static ds_code sim_sync_dir(ds_io *io, const char *path, ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  const ds_sim_node *dir = NULL;
  ds_code code = find_dir(sim, path, &dir, err);
  if (code == DS_OK)
    code = sync_node(sim, dir, err);
  return sim_unlock(sim, code);
}

static ds_code mkdir_locked(ds_io_sim *sim, const char *path, ds_error *err) {
  TRY(check_alive(sim, NULL, 0, err));
  const ds_sim_place place = ds_sim_find(&sim->disk, path, false);
  if (place.node != NULL && place.node->is_dir)
    return DS_OK;
  if (place.node != NULL)
    return ds_fail(err, DS_IO, "cannot make the directory %s: it exists already",
                   last_component(path));
  if (place.dir == NULL)
    return fail_missing(path, err);
  TRY(pass_gate(sim, err));
  ds_sim_node *node;
  const ds_code code = ds_sim_create(&sim->disk, &place, true, &node);
  return code == DS_OK ? DS_OK : fail_memory(err);
}

static ds_code sim_mkdir(ds_io *io, const char *path, ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  return sim_unlock(sim, mkdir_locked(sim, path, err));
}

// The names of a directory, to be freed by the caller; their texts live as long as the machine.
static ds_code names_locked(const ds_io_sim *sim, const char *path, const char ***ret_names,
                            size_t *ret_count, ds_error *err) {
  const ds_sim_node *dir = NULL;
  TRY(find_dir(sim, path, &dir, err));
  const size_t count = dir->now_entries.count;
  const char **names = malloc((count + 1) * sizeof(*names));
  if (names == NULL)
    return fail_memory(err);
  for (size_t i = 0; i < count; i++)
    names[i] = ds_names_text(&sim->disk.names, dir->now_entries.entry[i].name);
  *ret_names = names;
  *ret_count = count;
  return DS_OK;
}

// `each` is called without the mutex, because it may well remove the file that it is told of.
static ds_code sim_list(ds_io *io, const char *path,
                        ds_code (*each)(void *context, const char *name, ds_error *err),
                        void *context, ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  const char **names = NULL;
  size_t count = 0;
  ds_code code = sim_unlock(sim, names_locked(sim, path, &names, &count, err));
  for (size_t i = 0; i < count && code == DS_OK; i++)
    code = each(context, names[i], err);
  free(names);
  return code;
}

static ds_code sim_lock_file(ds_io *io, ds_file *handle, ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  const sim_file *file = (sim_file *)handle;
  ds_code code = check_alive(sim, file, 0, err);
  if (code == DS_OK && file->node->holder != NULL && file->node->holder != file)
    code = ds_fail(err, DS_BUSY, "%s is held by another process", file->name);
  if (code == DS_OK)
    file->node->holder = file;
  return sim_unlock(sim, code);
}

static ds_code sim_hold(ds_io *io, ds_file *handle, uint64_t offset, uint64_t size, ds_hold how,
                        ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  const sim_file *file = (sim_file *)handle;
  const int flag = how == DS_HOLD_EXCLUSIVE ? DS_OPEN_WRITE : 0;
  ds_code code = check_alive(sim, file, flag, err);
  if (code == DS_OK) {
    const ds_sim_range range = {.node = file->node, .handle = file, .offset = offset,
                                .size = size, .how = how};
    code = ds_sim_ranges_hold(&sim->shares, &range);
  }
  if (code == DS_BUSY)
    code = ds_fail(err, DS_BUSY, "%s is in use by another process", file->name);
  else if (code == DS_MEMORY)
    code = fail_memory(err);
  return sim_unlock(sim, code);
}

static ds_code sim_is_held(ds_io *io, ds_file *handle, uint64_t offset, uint64_t size,
                           bool *ret_held, ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  const sim_file *file = (sim_file *)handle;
  const ds_code code = check_alive(sim, file, 0, err);
  if (code == DS_OK) {
    const ds_sim_range range = {.node = file->node, .handle = file, .offset = offset,
                                .size = size, .how = DS_HOLD_SHARED};
    *ret_held = ds_sim_ranges_clash(&sim->shares, &range);
  }
  return sim_unlock(sim, code);
}

static ds_code sim_share(ds_io *io, ds_file *handle, uint32_t region, uint32_t size, bool make,
                         void **ret_memory, ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  sim_file *file = (sim_file *)handle;
  ds_code code = check_alive(sim, file, DS_OPEN_READ | DS_OPEN_WRITE, err);
  if (code == DS_OK && file->memory == NULL)
    file->memory = ds_sim_memory_take(&sim->shares, file->node);
  if (code == DS_OK &&
      (file->memory == NULL || !ds_sim_memory_region(file->memory, region, size, make, ret_memory)))
    code = fail_memory(err);
  return sim_unlock(sim, code);
}

static int64_t next_tick(ds_io *io) {
  ds_io_sim *sim = sim_lock(io);
  const int64_t tick = ++sim->ticks;
  (void)sim_unlock(sim, DS_OK);
  return tick;
}

static int64_t sim_now_ms(ds_io *io) {
  return CLOCK_START_MS + next_tick(io);
}

static int64_t sim_monotonic_ns(ds_io *io) {
  return next_tick(io) * 1000000;
}

// Nobody else lives in this world: only its clock goes on.
static void sim_sleep_us(ds_io *io, uint32_t microseconds) {
  ds_io_sim *sim = sim_lock(io);
  sim->ticks += 1 + microseconds / 1000;
  (void)sim_unlock(sim, DS_OK);
}

static ds_code sim_random(ds_io *io, void *data, size_t size, ds_error *err) {
  ds_io_sim *sim = sim_lock(io);
  const ds_code code = check_alive(sim, NULL, 0, err);
  for (size_t i = 0; code == DS_OK && i < size; i++)
    ((uint8_t *)data)[i] = (uint8_t)ds_sim_random(&sim->entropy);
  return sim_unlock(sim, code);
}

static const ds_io_ops sim_ops = {
    .open = sim_open,
    .close = sim_close,
    .read_at = sim_read_at,
    .write_at = sim_write_at,
    .size = sim_size,
    .truncate = sim_truncate,
    .sync = sim_sync,
    .rename = sim_rename,
    .link = sim_link,
    .unlink = sim_unlink,
    .sync_dir = sim_sync_dir,
    .mkdir = sim_mkdir,
    .list = sim_list,
    .lock = sim_lock_file,
    .hold = sim_hold,
    .is_held = sim_is_held,
    .share = sim_share,
    .now_ms = sim_now_ms,
    .monotonic_ns = sim_monotonic_ns,
    .sleep_us = sim_sleep_us,
    .random = sim_random,
};

ds_io_sim *ds_io_sim_new(uint64_t seed) {
  ds_io_sim *sim = calloc(1, sizeof(*sim));
  if (sim == NULL)
    return NULL;
  sim->io.ops = &sim_ops;
  sim->noise = seed ^ 0x5EED0001u;
  sim->entropy = seed ^ 0x5EED0002u;
  if (!ds_sim_disk_init(&sim->disk, seed)) {
    free(sim);
    return NULL;
  }
  pthread_mutex_init(&sim->mutex, NULL);
  return sim;
}

void ds_io_sim_free(ds_io_sim *sim) {
  if (sim == NULL)
    return;
  while (sim->files != NULL) {
    sim_file *next = sim->files->next;
    release(sim, sim->files);
    ds_sim_memory_drop(&sim->shares, sim->files->memory);
    free(sim->files);
    sim->files = next;
  }
  ds_sim_disk_done(&sim->disk);
  pthread_mutex_destroy(&sim->mutex);
  free(sim);
}

ds_io *ds_io_sim_io(ds_io_sim *sim) {
  return &sim->io;
}

void ds_io_sim_fail_at(ds_io_sim *sim, uint64_t operation, ds_code code, bool persistent) {
  assert(code == DS_IO || code == DS_FULL);
  sim->failure = (sim_failure){true, persistent, sim->operations + operation, code};
}

void ds_io_sim_crash_at(ds_io_sim *sim, uint64_t operation) {
  sim->crash = (sim_failure){true, false, sim->operations + operation, DS_IO};
}

void ds_io_sim_power_loss(ds_io_sim *sim, ds_loss loss) {
  pthread_mutex_lock(&sim->mutex);
  for (sim_file *file = sim->files; file != NULL; file = file->next)
    release(sim, file);
  ds_sim_memories_forget(&sim->shares);
  ds_sim_lose(&sim->disk, loss);
  sim->stopped = false;
  sim->failure.armed = false;
  sim->crash.armed = false;
  pthread_mutex_unlock(&sim->mutex);
}

uint64_t ds_io_sim_operations(const ds_io_sim *sim) {
  return sim->operations;
}

uint32_t ds_io_sim_open_files(const ds_io_sim *sim) {
  uint32_t count = 0;
  for (const sim_file *file = sim->files; file != NULL; file = file->next)
    count += file->node != NULL;
  return count;
}

ds_code ds_io_sim_flip(ds_io_sim *sim, const char *path, uint64_t bit, ds_error *err) {
  const ds_sim_place place = ds_sim_find(&sim->disk, path, true);
  if (place.node == NULL || place.node->is_dir)
    return fail_missing(path, err);
  const uint64_t at = bit / 8;
  const uint8_t mask = (uint8_t)(1u << (bit % 8));
  if (at >= place.node->disk.size)
    return ds_fail(err, DS_LIMIT, "%s has no bit %llu", last_component(path),
                   (unsigned long long)bit);
  place.node->disk.data[at] ^= mask;
  // What was read from the disk before is read again, as after a fresh start of the machine.
  if (at < place.node->now.size)
    place.node->now.data[at] ^= mask;
  return DS_OK;
}
