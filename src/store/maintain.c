// SPDX-License-Identifier: Apache-2.0
// Jobs: what takes long is done beside the owner of the store, over tails and parts that never
// change, into new files. The owner alone starts jobs and commits what they made, whenever it calls
// ds_store_maintain. A job that fails has removed its files; the store works on, and tells. Whoever
// appends waits for a commit, so what it needs the job has ready, and what a job held (parts, tails
// and the files that are unlinked) is given back beside the owner, too.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/levels.h"
#include "store/state.h"

// How often one who waits for a job looks at it.
#define WAIT_US 5000u

struct ds_store_job {
  ds_job_kind kind;
  // What it works on; parts are held until the job ends.
  ds_rewrite_options options;
  char path[DS_PATH_BYTES_MAX]; // of the store
  char directory[DS_PATH_BYTES_MAX + 8];
  ds_part_ref **refs;
  ds_part **parts;
  uint64_t *numbers;
  uint32_t parts_count;
  const ds_tail *tails[DS_LOGS_MAX];
  uint32_t tails_count;
  bool retention;
  ds_retention_clock clock;
  ds_expiry expiry;
  ds_progress progress;
  // What came of it.
  ds_rewritten made;
  ds_part_ref **ready;      // the parts made, open, so that the commit need not
  ds_part_filters *filters; // and their filters
  uint32_t ready_count;
  size_t filters_bytes; // that may be made
  ds_frozen left[DS_LOGS_MAX - 1];
  uint32_t left_count;
  ds_code code;
  ds_error err;
  ds_task *task;  // NULL: it was done when it was started
  uint32_t delay; // calls of ds_store_maintain until it is committed
};

static void job_free(ds_store_job *job) {
  if (job == NULL)
    return;
  for (uint32_t i = 0; i < job->parts_count; i++)
    ds_part_ref_drop(job->refs[i]);
  for (uint32_t i = 0; i < job->ready_count; i++) {
    ds_part_ref_drop(job->ready[i]);
    ds_part_filters_done(&job->filters[i]);
  }
  for (uint32_t i = 0; i < job->left_count; i++)
    ds_frozen_done(&job->left[i]);
  free(job->ready);
  free(job->filters);
  free(job->refs);
  free(job->parts);
  free(job->numbers);
  free(job->made.infos);
  free(job);
}

// A job over the store's parts from index `first` on.
static ds_code job_new(ds_store *store, ds_job_kind kind, uint32_t first, ds_store_job **ret_job,
                       ds_error *err) {
  const uint32_t count = store->view.parts_count - first;
  ds_store_job *job = calloc(1, sizeof *job);
  if (job != NULL) {
    job->refs = calloc((size_t)count + 1, sizeof *job->refs);
    job->parts = calloc((size_t)count + 1, sizeof *job->parts);
    job->numbers = calloc((size_t)count + 1, sizeof *job->numbers);
  }
  if (job == NULL || job->refs == NULL || job->parts == NULL || job->numbers == NULL) {
    job_free(job);
    return ds_fail(err, DS_MEMORY, "out of memory for a job of the store");
  }
  for (uint32_t i = 0; i < count; i++) {
    job->refs[i] = ds_part_ref_hold(store->view.refs[first + i]);
    job->parts[i] = job->refs[i]->part;
    job->numbers[i] = store->view.manifest.parts[first + i].info.number;
    job->parts_count = i + 1;
  }
  job->kind = kind;
  job->filters_bytes = store->known == NULL ? 0 : ds_known_filters_max(store->known);
  atomic_init(&job->progress.stop, 0);
  memcpy(job->path, store->path, sizeof job->path);
  (void)snprintf(job->directory, sizeof job->directory, "%s/part", store->path);
  job->options = (ds_rewrite_options){.io = store->io,
                                      .directory = job->directory,
                                      .next = &store->next_part,
                                      .parts = job->parts,
                                      .parts_count = job->parts_count,
                                      .sparse = first > 0,
                                      .threads = 1,
                                      .progress = &job->progress,
                                      .paused = &store->paused};
  job->delay = store->options.background ? 0 : store->options.job_delay;
  *ret_job = job;
  return DS_OK;
}

// Opens the parts that were made and makes their filters. What cannot be had is left to the owner.
static void job_make_ready(ds_store_job *job) {
  job->ready = calloc((size_t)job->made.count + 1, sizeof *job->ready);
  job->filters = calloc((size_t)job->made.count + 1, sizeof *job->filters);
  if (job->ready == NULL || job->filters == NULL)
    return;
  ds_code code = DS_OK;
  for (uint32_t i = 0; i < job->made.count && code == DS_OK; i++) {
    ds_error unheard;
    code = ds_part_ref_open(job->options.io, job->path, &job->made.infos[i], &job->ready[i],
                            &unheard);
    if (code != DS_OK)
      break;
    job->ready_count = i + 1;
    if (job->filters_bytes > 0)
      job->filters[i] = ds_part_filters_make(job->ready[i]->part, &job->filters_bytes);
  }
}

static void job_run(void *context) {
  ds_store_job *job = context;
  if (job->kind == DS_JOB_COMPACT)
    job->code = ds_rewrite(&job->options, &job->made, &job->err);
  else
    job->code = ds_store_build_tails(job->options.io, job->directory, job->options.next,
                                     job->tails, job->tails_count, job->parts, job->parts_count,
                                     &job->made, &job->err);
  if (job->code == DS_OK)
    job_make_ready(job);
}

static ds_code job_start(ds_store *store, ds_store_job *job, ds_error *err) {
  if (store->options.background) {
    const bool humble = job->kind == DS_JOB_COMPACT;
    const ds_code code = ds_task_start(job_run, job, humble, &job->task, err);
    if (code != DS_OK) {
      job_free(job);
      return code;
    }
  } else {
    job_run(job);
  }
  store->jobs[job->kind] = job;
  return DS_OK;
}

static bool job_is_done(const ds_store_job *job) {
  return job->task == NULL || ds_task_is_done(job->task);
}

bool ds_store_has_jobs(const ds_store *store) {
  return store->jobs[DS_JOB_SEAL] != NULL || store->jobs[DS_JOB_COMPACT] != NULL;
}

static ds_code commit_made(ds_store *store, const ds_store_job *job, ds_error *err) {
  if (job->kind == DS_JOB_SEAL)
    return ds_store_commit_seal(store, &job->made, job->tails_count, err);
  return ds_store_replace_parts(store, job->numbers, job->parts_count, &job->made, job->retention,
                                job->clock.now_ms, err);
}

static ds_code commit_job(ds_store *store, ds_store_job *job, ds_error *err) {
  for (uint32_t i = 0; i < job->ready_count && store->known != NULL; i++)
    ds_known_offer(store->known, &job->filters[i]);
  store->view.ready = job->ready;
  store->view.ready_count = job->ready_count;
  const ds_code code = commit_made(store, job, err);
  store->view.ready = NULL;
  store->view.ready_count = 0;
  memcpy(job->left, store->left, sizeof job->left);
  job->left_count = store->left_count;
  store->left_count = 0;
  return code;
}

static void job_leave(void *job) { job_free(job); }

// Gives back what a job held, files that were unlinked meanwhile among it: large ones take long.
static void let_go(ds_store *store, ds_store_job *job) {
  ds_task_end(store->leaving);
  store->leaving = NULL;
  ds_error unheard;
  if (!store->options.background ||
      ds_task_start(job_leave, job, false, &store->leaving, &unheard) != DS_OK)
    job_free(job);
}

// Takes a job that has ended out, and commits what it made. Its own failure is noted and does no
// harm; one of the commit is a failed write of the store.
static ds_code finish_job(ds_store *store, ds_job_kind kind, ds_error *err) {
  ds_store_job *job = store->jobs[kind];
  store->jobs[kind] = NULL;
  ds_task_end(job->task);
  ds_code code = DS_OK;
  if (job->code != DS_OK) {
    if (job->code != DS_INTERRUPTED)
      store->trouble = job->err;
    store->trouble.code = job->code == DS_INTERRUPTED ? store->trouble.code : job->code;
    store->hold_jobs[kind] = job->code != DS_INTERRUPTED;
  } else if (store->failed) {
    ds_rewritten_drop(store->io, job->directory, &job->made);
  } else {
    code = ds_store_note_write(store, commit_job(store, job, err));
  }
  let_go(store, job);
  return code;
}

ds_code ds_store_end_job(ds_store *store, ds_job_kind kind, ds_error *err) {
  const ds_store_job *job = store->jobs[kind];
  if (job == NULL)
    return DS_OK;
  TRY(finish_job(store, kind, err));
  if (!store->hold_jobs[kind])
    return DS_OK;
  store->hold_jobs[kind] = false;
  return ds_fail(err, store->trouble.code, "%s", store->trouble.message);
}

ds_code ds_store_end_seal(ds_store *store, ds_error *err) {
  ds_error why = {.message = ""};
  const ds_code ended = ds_store_end_job(store, DS_JOB_SEAL, &why);
  return ended != DS_OK && store->failed ? ds_fail(err, ended, "%s", why.message) : DS_OK;
}

ds_code ds_store_end_jobs(ds_store *store, ds_error *err) {
  if (store->jobs[DS_JOB_COMPACT] != NULL)
    atomic_store(&store->jobs[DS_JOB_COMPACT]->progress.stop, 1);
  ds_code code = DS_OK;
  for (int kind = 0; kind < DS_JOBS_COUNT; kind++) {
    if (store->jobs[kind] == NULL)
      continue;
    const ds_code ended = finish_job(store, (ds_job_kind)kind, code == DS_OK ? err : NULL);
    code = code == DS_OK ? ended : code;
  }
  return code;
}

static ds_code start_seal(ds_store *store, ds_error *err) {
  if (store->jobs[DS_JOB_SEAL] != NULL || store->frozen_count == 0 ||
      store->hold_jobs[DS_JOB_SEAL])
    return DS_OK;
  ds_store_job *job;
  TRY(job_new(store, DS_JOB_SEAL, 0, &job, err));
  for (uint32_t i = 0; i < store->frozen_count; i++)
    job->tails[job->tails_count++] = &store->frozen[i].tail;
  return job_start(store, job, err);
}

ds_code ds_store_find_due(const ds_store *store, bool retention, uint32_t *ret_first,
                          ds_error *err) {
  *ret_first = retention && store->view.parts_count > 0 ? 0 : DS_NONE;
  if (retention)
    return DS_OK;
  ds_run *runs = calloc((size_t)store->view.parts_count + 1, sizeof *runs);
  if (runs == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a job of the store");
  const uint32_t count = ds_levels_runs(&store->view.manifest, runs);
  uint32_t run;
  if (ds_levels_due(runs, count, &run))
    *ret_first = runs[run].first;
  free(runs);
  return DS_OK;
}

static ds_code start_compact(ds_store *store, ds_error *err) {
  if (store->jobs[DS_JOB_COMPACT] != NULL || !store->options.compact ||
      store->hold_jobs[DS_JOB_COMPACT] || atomic_load(&store->paused))
    return DS_OK;
  const int64_t now_ms = store->io->ops->now_ms(store->io);
  const bool retention = ds_retention_is_due(store, now_ms);
  uint32_t first;
  TRY(ds_store_find_due(store, retention, &first, err));
  if (first == DS_NONE)
    return DS_OK;
  ds_store_job *job;
  TRY(job_new(store, DS_JOB_COMPACT, first, &job, err));
  job->retention = retention;
  job->clock = (ds_retention_clock){&store->retention, now_ms};
  if (retention) {
    ds_retention_expiry(&job->clock, &job->expiry);
    job->options.expiry = &job->expiry;
  }
  return job_start(store, job, err);
}

void ds_store_start_jobs(ds_store *store) {
  // Short of memory for starting a job: another call will find some.
  ds_error found = {.code = DS_OK};
  if (start_seal(store, &found) != DS_OK || start_compact(store, &found) != DS_OK)
    store->trouble = found;
}

bool ds_store_upkeep_is_due(const ds_store *store, uint64_t log_end) {
  bool due = log_end > store->options.log_bytes;
  for (int kind = 0; kind < DS_JOBS_COUNT && !due; kind++)
    due = store->jobs[kind] != NULL && job_is_done(store->jobs[kind]);
  return due;
}

// Commits the jobs that have ended.
static ds_code reap(ds_store *store, ds_error *err) {
  for (int kind = 0; kind < DS_JOBS_COUNT; kind++) {
    ds_store_job *job = store->jobs[kind];
    if (job == NULL || !job_is_done(job))
      continue;
    if (job->delay > 0)
      job->delay--;
    else
      TRY(finish_job(store, (ds_job_kind)kind, err));
  }
  return DS_OK;
}

// A further log, when the last is full: past bytes_max. With all logs in use it has to wait for the
// seal.
static ds_code rotate_full(ds_store *store, uint64_t bytes_max, ds_error *err) {
  if (store->log.end <= bytes_max)
    return DS_OK;
  if (store->view.manifest.logs_count == DS_LOGS_MAX)
    TRY(ds_store_end_seal(store, err));
  if (store->view.manifest.logs_count == DS_LOGS_MAX) {
    store->hold_jobs[DS_JOB_SEAL] = false;
    TRY(start_seal(store, err));
    TRY(ds_store_end_job(store, DS_JOB_SEAL, err));
  }
  TRY(ds_store_note_write(store, ds_store_rotate(store, err)));
  // New rows, new try.
  store->hold_jobs[DS_JOB_SEAL] = store->hold_jobs[DS_JOB_COMPACT] = false;
  return DS_OK;
}

ds_code ds_store_maintain(ds_store *store, ds_error *err) {
  TRY(ds_store_check_writable(store, err));
  TRY(reap(store, err));
  TRY(rotate_full(store, store->options.log_bytes, err));
  ds_store_start_jobs(store);
  // Done at once, and to be committed at once.
  return store->options.background || store->options.job_delay > 0 ? DS_OK : reap(store, err);
}

ds_code ds_store_finish(ds_store *store, ds_progress *progress, ds_error *err) {
  TRY(ds_store_maintain(store, err));
  // To whom do its rows belong? Every process that asks afterwards would have to find out anew.
  if (store->tail.count > 0 && store->options.log_bytes > DS_LOG_BYTES_LEFT) {
    TRY(rotate_full(store, DS_LOG_BYTES_LEFT, err));
    TRY(ds_store_maintain(store, err));
  }
  while (ds_store_has_jobs(store)) {
    if (ds_progress_stopped(progress))
      return ds_store_end_jobs(store, err);
    bool done = false;
    for (int kind = 0; kind < DS_JOBS_COUNT; kind++)
      done = done || (store->jobs[kind] != NULL && job_is_done(store->jobs[kind]));
    if (!done)
      store->io->ops->sleep_us(store->io, WAIT_US);
    else
      TRY(ds_store_maintain(store, err));
  }
  return DS_OK;
}

void ds_store_pause(ds_store *store, bool paused) { atomic_store(&store->paused, paused); }

const ds_error *ds_store_trouble(const ds_store *store) { return &store->trouble; }
