// SPDX-License-Identifier: Apache-2.0
// See scan.h. Units are handed out to threads; each thread has its own readers, buffers and kernel
// state. The usual unit is one block, given to the kernel as it was decoded; only overlapping
// places, filters, case keys and periods make blocks anew. Gaps are decoded when nothing changes
// the journeys, and otherwise made from times at the end.
#include "scan/scan.h"

#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/pool.h"
#include "scan/derive.h"
#include "scan/join.h"
#include "scan/merge.h"
#include "scan/property_types.h"
#include "scan/stages.h"
#include "store/customer.h"

// Slots of joined customers that one job puts together.
#define JOB_SLOTS 4096u

// Leading blocks of one merged unit: many enough that blocks of other places are rarely decoded
// twice, few enough to share the work out.
enum { CHAIN_BLOCKS = 4, SAMPLE_UNITS_MIN = 16 };

// The share of the work units that tell what a stashed event takes.
enum { PROBE_SHARE = 16 };

// One thread's part of a scan.
typedef struct worker {
  struct scan_job *scan;
  ds_block_reader *reader;
  ds_merger *merger; // made when first needed
  ds_evaluator *where;
  ds_case_evaluator *cases;
  ds_stash stash; // made when somebody is joined
  ds_joiner joiner;
  ds_stage_room select;
  ds_derive_room derived;
  ds_stage_room regroup;
  ds_stage_room chosen;
  ds_stage_room period;
  ds_stage_room choice;
  int64_t *gap_ms;
  uint32_t gap_capacity;
  uint16_t *node;
  uint32_t node_capacity;
  ds_arena own;    // of all but the first worker
  ds_arena *arena; // the first works in the caller's, where the merged state stays
  void *state;
  bool state_made;
} worker;

typedef struct scan_job {
  const ds_snapshot *snapshot;
  const ds_plan *plan;
  const ds_kernel *kernel;
  const void *context;
  const ds_identity *identity; // NULL: no journey is taken out of a block
  bool separate;               // only hidden ones are
  ds_slots wanted;             // of the pass in hand
  bool streams;                // in the pass in hand
  ds_stashed *where;
  const ds_stash **stashes;
  ds_units units;
  ds_sides sides;
  ds_columns plain;  // of whole blocks that no stage touches
  ds_columns staged; // of all others: with what stages need, without gaps
  ds_columns taken;  // of blocks that joined journeys are taken out of
  ds_columns joined; // of these: what is left behind the filter, with what puts them in order
  ds_columns kept;   // behind the filter: without the properties that it alone read
  uint32_t properties_kept;
  uint32_t key_at;   // of the case key among the columns
  bool has_stages; // that touch every block, unlike the cut, which may leave one as it is
  uint32_t stride;
  uint32_t jobs;
  uint32_t job_first;          // of those that run
  worker *workers;
  uint32_t threads;
  uint64_t events_all;
  atomic_uint_fast64_t events_done;
} scan_job;

static bool has_period(const ds_plan *plan) { return plan->has_from || plan->has_to; }

// What --where reads, and of which touchpoints: of the others no event stays.
static ds_code where_columns(scan_job *scan, ds_arena *arena, ds_error *err) {
  const uint32_t count = scan->snapshot->space.touchpoints.count;
  uint64_t *touchpoints = ds_arena_array(arena, count / 64u + 1, sizeof *touchpoints);
  if (touchpoints == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
  for (uint32_t t = 0; t < count; t++)
    if (ds_expression_can_mean(scan->plan->where, (uint16_t)t))
      touchpoints[t / 64] |= 1ull << (t % 64);
  scan->staged.touchpoints = touchpoints;
  return ds_expression_columns(scan->plan->where, &scan->staged, arena, err);
}

// The case key's column, added unless the plan has it.
static ds_code case_column(scan_job *scan, ds_arena *arena, ds_error *err) {
  const ds_plan *plan = scan->plan;
  scan->staged.key_texts |= plan->want_case_text;
  while (scan->key_at < scan->staged.keys_count &&
         scan->staged.keys[scan->key_at] != plan->case_key)
    scan->key_at++;
  if (scan->key_at < scan->staged.keys_count)
    return DS_OK;
  uint16_t *keys = ds_arena_array(arena, scan->key_at + 1u, sizeof *keys);
  if (keys == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
  if (scan->key_at > 0)
    memcpy(keys, scan->staged.keys, scan->key_at * sizeof *keys);
  keys[scan->key_at] = plan->case_key;
  scan->staged.keys = keys;
  scan->staged.keys_count = scan->key_at + 1;
  return DS_OK;
}

// What virtual events are derived from; an expression's types of properties may be set already.
static ds_code derived_columns(scan_job *scan, ds_arena *arena, ds_error *err) {
  TRY(ds_property_types_set(scan->snapshot, &scan->staged, arena, err));
  return ds_derive_columns(scan->plan->derive, &scan->staged, arena, err);
}

// The plan's columns and, for stages, those that they read. Arrays grow in the arena, the order of
// the plan's own columns is kept.
static ds_code columns_make(scan_job *scan, ds_arena *arena, ds_error *err) {
  const ds_plan *plan = scan->plan;
  scan->plain = plan->columns;
  scan->staged = plan->columns;
  if ((plan->columns.want & (DS_WANT_GAP | DS_WANT_TIME_LATER)) != 0 || has_period(plan) ||
      plan->attach_nearest)
    scan->staged.want |= DS_WANT_TIME;
  TRY(ds_property_types_set(scan->snapshot, &scan->staged, arena, err));
  if (plan->cases != NULL)
    TRY(ds_case_program_columns(plan->cases, &scan->staged, arena, err));
  if (plan->hidden != NULL)
    scan->staged.want |= DS_WANT_TOUCHPOINT;
  if (plan->choice != NULL)
    scan->staged.want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT;
  if (plan->recode != NULL)
    scan->staged.want |= DS_WANT_TOUCHPOINT;
  if (plan->derive != NULL)
    TRY(derived_columns(scan, arena, err));
  scan->properties_kept = scan->staged.properties_count;
  scan->plain.property_types = scan->staged.property_types;
  if (plan->where != NULL)
    TRY(where_columns(scan, arena, err));
  if (plan->has_case)
    TRY(case_column(scan, arena, err));
  if (scan->snapshot->cut.has_time)
    scan->staged.want |= DS_WANT_TIME;
  if (scan->snapshot->cut.has_received)
    scan->staged.want |= DS_WANT_TIME | DS_WANT_RECEIVED;
  scan->staged.want &= ~(uint32_t)(DS_WANT_GAP | DS_WANT_TIME_LATER);
  scan->taken = scan->staged;
  scan->taken.want |= DS_WANT_TIME | DS_WANT_ARRIVAL;
  scan->kept = scan->staged;
  scan->joined = scan->taken;
  scan->kept.properties_count = scan->joined.properties_count = scan->properties_kept;
  scan->has_stages = plan->where != NULL || plan->has_case || plan->cases != NULL ||
                     plan->choice != NULL || plan->recode != NULL || plan->worktime != NULL ||
                     has_period(plan) || plan->derive != NULL || scan->snapshot->cut.has_received;
  return DS_OK;
}

static ds_code worker_init(worker *self, scan_job *scan, ds_arena *arena, size_t arena_bytes,
                           ds_error *err) {
  self->scan = scan;
  ds_arena_init(&self->own, arena_bytes);
  self->arena = arena != NULL ? arena : &self->own;
  self->reader = ds_block_reader_new();
  self->state = ds_arena_alloc(self->arena, scan->kernel->state_size);
  if (self->reader == NULL || self->state == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a scan");
  if (scan->plan->where != NULL)
    TRY(ds_evaluator_new(scan->plan->where, &scan->staged, &self->where, err));
  if (scan->plan->cases != NULL)
    TRY(ds_case_evaluator_new(scan->plan->cases, &scan->staged, &self->cases, err));
  if (scan->identity != NULL) {
    TRY(ds_stash_init(&self->stash, &scan->joined, err));
    TRY(ds_assembly_init(&self->joiner.assembly, &scan->joined, false, err));
  }
  TRY(ds_stage_init(&self->select, &scan->kept, err));
  if (scan->plan->derive != NULL)
    TRY(ds_derive_init(&self->derived, scan->plan->derive, &scan->kept, err));
  TRY(ds_stage_init(&self->regroup, &scan->kept, err));
  TRY(ds_stage_init(&self->chosen, &scan->kept, err));
  TRY(ds_stage_init(&self->period, &scan->kept, err));
  TRY(ds_stage_init(&self->choice, &scan->kept, err));
  self->state_made = true;
  return scan->kernel->init(self->state, scan->context, self->arena, err);
}

static void worker_done(worker *self) {
  if (self->state_made && self->scan->kernel->done != NULL)
    self->scan->kernel->done(self->state);
  ds_block_reader_free(self->reader);
  ds_merger_free(self->merger);
  ds_evaluator_free(self->where);
  ds_case_evaluator_free(self->cases);
  ds_stash_done(&self->stash);
  ds_assembly_done(&self->joiner.assembly);
  free(self->joiner.cursors);
  ds_stage_done(&self->select);
  ds_derive_done(&self->derived);
  ds_stage_done(&self->regroup);
  ds_stage_done(&self->chosen);
  ds_stage_done(&self->period);
  ds_stage_done(&self->choice);
  free(self->gap_ms);
  free(self->node);
  ds_arena_done(&self->own);
}

// Gaps of the finished journeys; the block is copied as a view to carry them.
static ds_code gaps_make(worker *self, const ds_block *block, ds_block *view, ds_error *err) {
  *view = *block;
  if ((self->scan->plan->columns.want & DS_WANT_GAP) == 0)
    return DS_OK;
  if (self->gap_capacity < block->events) {
    free(self->gap_ms);
    self->gap_ms = malloc(block->events * sizeof *self->gap_ms);
    self->gap_capacity = self->gap_ms == NULL ? 0 : block->events;
    if (self->gap_ms == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for a block of events");
  }
  const int64_t *restrict time = block->time_ms;
  int64_t *restrict gap = self->gap_ms;
  const ds_worktime *worktime = self->scan->plan->worktime;
  for (uint32_t e = 1; worktime == NULL && e < block->events; e++)
    gap[e] = time[e] - time[e - 1];
  int64_t before = 0;
  for (uint32_t e = 0; worktime != NULL && e < block->events; e++) {
    const int64_t at = ds_worktime_at(worktime, time[e]);
    gap[e] = at - before;
    before = at;
  }
  for (uint32_t j = 0; j < block->journeys; j++)
    gap[block->offset[j]] = 0;
  view->gap_ms = gap;
  return DS_OK;
}

// Nodes of the finished block.
static ds_code nodes_make(worker *self, ds_block *view, ds_error *err) {
  const ds_recode *recode = self->scan->plan->recode;
  view->node = view->touchpoint;
  if (recode == NULL)
    return DS_OK;
  if (self->node_capacity < view->events) {
    free(self->node);
    self->node = malloc(view->events * sizeof *self->node);
    self->node_capacity = self->node == NULL ? 0 : view->events;
    if (self->node == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for a block of events");
  }
  TRY(recode->run(recode->context, view, self->node, err));
  view->node = self->node;
  return DS_OK;
}

// The bits of the events that the cut and --where leave; NULL: neither is there.
static ds_code events_select(worker *self, const ds_block *block, uint64_t **ret_keep,
                             ds_error *err) {
  const ds_cut *cut = &self->scan->snapshot->cut;
  *ret_keep = NULL;
  if (self->where == NULL && !cut->has_time && !cut->has_received)
    return DS_OK;
  return ds_stage_select(&self->select, cut, self->where, block, ret_keep, err);
}

// A block, of which the events marked stay (NULL: all), through the stages into the kernel.
static ds_code stages_run(worker *self, const ds_block *block, const uint64_t *keep,
                          ds_error *err) {
  const scan_job *scan = self->scan;
  const ds_plan *plan = scan->plan;
  // To cut into cases is to copy, and then what does not stay is left out.
  if (keep != NULL && (plan->derive != NULL || !plan->has_case))
    TRY(ds_stage_compact(&self->select, block, &block, err));
  if (plan->derive != NULL && block->events > 0)
    TRY(ds_stage_derive(&self->derived, block, &block, err));
  if (plan->has_case && block->events > 0)
    TRY(ds_stage_regroup(&self->regroup,
                         &(ds_regrouping){scan->key_at, plan->derive != NULL ? NULL : keep,
                                          plan->attach_nearest, plan->keys_linked,
                                          plan->want_case_text},
                         block, &block, err));
  if (plan->cases != NULL && block->events > 0)
    TRY(ds_stage_cases(&self->chosen, plan, self->cases, block, &block, err));
  if (has_period(plan) && block->events > 0)
    TRY(ds_stage_period(&self->period, plan, block, &block, err));
  if (plan->choice != NULL && block->events > 0)
    TRY(ds_stage_choice(&self->choice, plan->choice, block, &block, err));
  if (block->events == 0)
    return DS_OK;
  assert(block->offset[0] == 0 && block->offset[block->journeys] == block->events);
  ds_block view;
  TRY(gaps_make(self, block, &view, err));
  // Keys that virtual events alone were made from are not the kernel's.
  if (plan->derive != NULL && view.keys_count > plan->columns.keys_count)
    view.keys_count = plan->columns.keys_count;
  TRY(nodes_make(self, &view, err));
  return scan->kernel->add_block(self->state, &view, err);
}

// Customers that were put together, of events that stay.
static ds_code joined_run(void *context, const ds_block *block, ds_error *err) {
  return stages_run(context, block, NULL, err);
}

// Takes the journeys of joined customers out of a block, which lies at `at` or, NULL, has times and
// arrivals already: out of the events that stay, or, `keep` NULL, out of the block itself.
static ds_code joined_take(worker *self, const ds_unit_block *at, ds_block *block, uint64_t *keep,
                           ds_error *err) {
  const scan_job *scan = self->scan;
  ds_stash *stash = &self->stash;
  TRY(ds_stash_find(stash, scan->identity, scan->separate, block, err));
  ds_block ordered = *block;
  if (at != NULL && stash->taken_count > 0)
    TRY(ds_part_read_order(&scan->snapshot->places[at->place], at->block, stash->taken,
                           stash->taken_count, self->reader, &ordered, err));
  TRY(ds_stash_take(stash, scan->identity, scan->wanted, &ordered, keep, err));
  // Of a block that is read again nothing but these journeys is wanted.
  if (!scan->streams)
    return DS_OK;
  if (keep == NULL)
    return ds_stash_omit(stash, block, err);
  ds_stash_unmark(stash, block, keep);
  return DS_OK;
}

// Whether subjects of the range are joined.
static bool is_joined(const scan_job *scan, uint32_t first, uint32_t last) {
  if (scan->identity == NULL)
    return false;
  const uint32_t at = ds_identity_from(scan->identity, first);
  return at < scan->identity->count && scan->identity->subject[at] <= last;
}

static const ds_block_zone *zone_of(const scan_job *scan, const ds_unit_block *at) {
  return ds_part_zone(scan->snapshot->places[at->place].part, at->block);
}

// Whether no event of the unit can be seen and lie in the period: then no case in it is selected
// either.
static bool outside_period(const scan_job *scan, const ds_unit *unit) {
  const ds_plan *plan = scan->plan;
  const ds_cut *cut = &scan->snapshot->cut;
  // Virtual events lie behind the real ones.
  if (plan->derive != NULL)
    return false;
  for (uint32_t b = unit->blocks_first; b < unit->blocks_last; b++) {
    const ds_block_zone *zone = zone_of(scan, &scan->units.blocks[b]);
    if ((!plan->has_from || zone->time_max_ms >= plan->from_ms) &&
        (!plan->has_to || zone->time_min_ms < plan->to_ms) &&
        (!cut->has_time || zone->time_min_ms <= cut->time_ms))
      return false;
  }
  return true;
}

// Whether the block has an event of a touchpoint that is needed.
static bool has_needed(const scan_job *scan, const ds_unit_block *at) {
  const ds_place *place = &scan->snapshot->places[at->place];
  const uint32_t touchpoints = ds_part_space(place->part)->touchpoints.count;
  for (uint32_t t = 0; t < touchpoints; t++) {
    const uint32_t code = place->touchpoint[t];
    if ((scan->plan->needed[code / 64] >> (code % 64) & 1) != 0 &&
        ds_part_has_touchpoint(place->part, at->block, t))
      return true;
  }
  return false;
}

// Whether no event of the unit is of a touchpoint that is needed.
static bool without_needed(const scan_job *scan, const ds_unit *unit) {
  if (scan->plan->needed == NULL || scan->plan->derive != NULL)
    return false;
  for (uint32_t b = unit->blocks_first; b < unit->blocks_last; b++)
    if (has_needed(scan, &scan->units.blocks[b]))
      return false;
  return true;
}

// Whether nothing of the unit is wanted. A joined customer may have events elsewhere in the period.
static bool outside(const scan_job *scan, const ds_unit *unit) {
  if (is_joined(scan, unit->customer_first, unit->customer_last))
    return false;
  return !scan->streams || outside_period(scan, unit) || without_needed(scan, unit);
}

// The journeys of several blocks, put together in a block that is made anew for the next ones.
static ds_code merged(void *context, const ds_block *block, ds_error *err) {
  worker *self = context;
  ds_block rest = *block;
  uint64_t *keep = NULL;
  TRY(events_select(self, block, &keep, err));
  if (self->scan->identity != NULL)
    TRY(joined_take(self, NULL, &rest, keep, err));
  return self->scan->streams && rest.events > 0 ? stages_run(self, &rest, keep, err) : DS_OK;
}

static ds_code merger_get(worker *self, ds_error *err) {
  const scan_job *scan = self->scan;
  if (self->merger != NULL)
    return DS_OK;
  return ds_merger_new(scan->snapshot, &scan->taken, &scan->sides, &self->merger, err);
}

// The leading block goes by as it is, but for customers who have events elsewhere.
static ds_code run_lead(worker *self, const ds_unit *unit, ds_error *err) {
  const scan_job *scan = self->scan;
  const ds_unit_block *at = &scan->units.blocks[unit->lead];
  const ds_place *place = &scan->snapshot->places[at->place];
  const bool joined = is_joined(scan, unit->customer_first, unit->customer_last);
  const bool shared = unit->blocks_last - unit->blocks_first > 1;
  const ds_cut *cut = &scan->snapshot->cut;
  const bool staged = scan->has_stages ||
                      (cut->has_time && zone_of(scan, at)->time_max_ms > cut->time_ms);
  ds_columns columns = staged ? scan->staged : scan->plain;
  // Who is put together with others is put together by time.
  if ((shared || joined) && (columns.want & DS_WANT_TIME_LATER) != 0)
    columns.want ^= DS_WANT_TIME | DS_WANT_TIME_LATER;
  // The order of single journeys can be read as long as none was taken out.
  if (shared && joined)
    columns.want |= DS_WANT_TIME | DS_WANT_ARRIVAL;
  ds_block block;
  TRY(ds_part_read_block(place, at->block, &columns, self->reader, &block, err));
  assert(block.events == ds_part_zone(place->part, at->block)->events);
  if (shared) {
    TRY(merger_get(self, err));
    TRY(ds_merger_take(self->merger, &scan->units, unit, self->reader, &block, DS_BLOCK_EVENTS,
                       merged, self, err));
  }
  uint64_t *keep = NULL;
  if (staged)
    TRY(events_select(self, &block, &keep, err));
  if (joined && block.journeys > 0)
    TRY(joined_take(self, at, &block, keep, err));
  if (!scan->streams || block.journeys == 0)
    return DS_OK;
  if (staged)
    return stages_run(self, &block, keep, err);
  block.node = block.touchpoint;
  return scan->kernel->add_block(self->state, &block, err);
}

static ds_code run_merged(worker *self, const ds_unit *unit, ds_error *err) {
  const scan_job *scan = self->scan;
  TRY(merger_get(self, err));
  return ds_merger_run(self->merger, &scan->units, unit, DS_BLOCK_EVENTS, merged, self, err);
}

static void report(scan_job *scan, uint32_t thread, const ds_unit *unit) {
  ds_progress *progress = scan->plan->progress;
  uint64_t events = 0;
  for (uint32_t b = unit->blocks_first; b < unit->blocks_last; b++) {
    const ds_unit_block *at = &scan->units.blocks[b];
    events += ds_part_zone(scan->snapshot->places[at->place].part, at->block)->events;
  }
  uint64_t done = atomic_fetch_add(&scan->events_done, events) + events;
  if (done > scan->events_all)
    done = scan->events_all;
  // One thread alone reports, and rarely: about every million events.
  if (thread == 0 && progress != NULL && progress->report != NULL &&
      (done - events) >> 20 != done >> 20)
    progress->report(progress->context, "reading", done, scan->events_all, "events");
}

// A sample takes one unit of each run of `stride`, at a place that does not repeat.
static uint32_t unit_of(const scan_job *scan, uint32_t job) {
  if (scan->stride <= 1)
    return job;
  const uint32_t shift = (job * 2654435761u >> 16) % scan->stride;
  const uint64_t unit = (uint64_t)job * scan->stride + shift;
  return unit < scan->units.count ? (uint32_t)unit : scan->units.count - 1;
}

static ds_code run_unit(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  scan_job *scan = context;
  assert(thread < scan->threads && scan->job_first + job < scan->jobs);
  worker *self = &scan->workers[thread];
  const ds_unit *unit = &scan->units.units[unit_of(scan, scan->job_first + job)];
  if (!outside(scan, unit))
    TRY(unit->lead != DS_NONE ? run_lead(self, unit, err) : run_merged(self, unit, err));
  report(scan, thread, unit);
  return DS_OK;
}

// Folds all states into the first, which becomes the caller's.
static ds_code states_merge(scan_job *scan, void **ret_state, ds_error *err) {
  for (uint32_t t = 1; t < scan->threads; t++)
    TRY(scan->kernel->merge(scan->workers[0].state, scan->workers[t].state, err));
  *ret_state = scan->workers[0].state;
  scan->workers[0].state_made = false;
  return DS_OK;
}

// Bytes that an event of a side block takes, about. Of a text and of a key it is their places and,
// as few events have one, a share of them.
static uint64_t event_bytes(const ds_columns *columns) {
  uint64_t bytes = 64 + 24ull * columns->keys_count;
  for (uint32_t p = 0; p < columns->properties_count; p++) {
    const ds_type type = columns->property_types == NULL ? DS_TYPE_STRING
                                                         : columns->property_types[p];
    bytes += ds_type_is_bytes(type) ? 20 : type == DS_TYPE_NULL ? 1 : 9;
  }
  return bytes * 5 / 4;
}

// The most that the wanted properties of one event take: those that some touchpoint comes with.
static ds_code values_bytes(const scan_job *scan, uint64_t *ret_bytes, ds_error *err) {
  const uint32_t touchpoints = scan->snapshot->space.touchpoints.count;
  const ds_columns *columns = &scan->joined;
  uint64_t most = 0;
  uint64_t *bytes = calloc(touchpoints + 1u, sizeof *bytes);
  uint8_t *wanted = calloc(scan->snapshot->space.properties.count + 1u, 1);
  for (uint32_t p = 0; wanted != NULL && p < columns->properties_count; p++)
    wanted[columns->properties[p]] = 1;
  for (uint32_t i = 0; bytes != NULL && wanted != NULL && i < scan->snapshot->places_count; i++) {
    const ds_place *place = &scan->snapshot->places[i];
    uint32_t column = 0;
    ds_property_use use;
    memset(bytes, 0, touchpoints * sizeof *bytes);
    while (ds_part_next_property(place->part, &column, &use)) {
      uint64_t *of = &bytes[place->touchpoint[use.touchpoint]];
      if (wanted[place->property[use.property]] != 0)
        *of += ds_type_is_bytes(use.type) ? sizeof(ds_str) + 16 : sizeof(int64_t);
      most = *of > most ? *of : most;
    }
  }
  const bool made = bytes != NULL && wanted != NULL;
  free(bytes);
  free(wanted);
  *ret_bytes = most;
  return made ? DS_OK : ds_fail(err, DS_MEMORY, "out of memory for a scan");
}

// Bytes that a stashed event takes, with a quarter more that arrays grow by: before anything is
// stashed the most that it can be, but for long texts.
static ds_code stashed_bytes(const scan_job *scan, uint64_t *ret_bytes, ds_error *err) {
  TRY(values_bytes(scan, ret_bytes, err));
  *ret_bytes = (*ret_bytes + 64 + 24ull * scan->joined.keys_count +
                scan->joined.properties_count / 4) * 5 / 4;
  return DS_OK;
}

// The same when some have been stashed, with an eighth more, because customers differ.
static uint64_t stashed_bytes_seen(const scan_job *scan, uint64_t estimate) {
  uint64_t bytes = 0, events = 0;
  for (uint32_t t = 0; t < scan->threads; t++) {
    bytes += ds_assembly_bytes(&scan->workers[t].stash.kept);
    events += scan->workers[t].stash.kept.block.events;
  }
  return events == 0 ? estimate : (bytes / events + 8) * 9 / 8;
}

// The slots of the next pass, from `first` on: as many whole customers as the budget holds, but at
// least one.
static ds_slots next_slots(const scan_job *scan, uint32_t first, uint64_t each,
                           size_t budget_bytes) {
  const ds_identity *identity = scan->identity;
  const uint32_t all = identity->count - identity->hidden;
  ds_slots slots = {first, first};
  uint64_t bytes = 0;
  while (slots.end < all) {
    const uint32_t customer = identity->customer[identity->order[slots.end]];
    uint32_t end = slots.end;
    for (; end < all && identity->customer[identity->order[end]] == customer; end++)
      bytes += identity->events[identity->order[end]] * each;
    if (bytes > budget_bytes && slots.end > first)
      break;
    slots.end = end;
  }
  return slots;
}

static ds_code run_joined(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  scan_job *scan = context;
  worker *self = &scan->workers[thread];
  const uint32_t first = scan->wanted.first + job * JOB_SLOTS;
  const uint32_t left = scan->wanted.end - first;
  return ds_joiner_run(&self->joiner,
                       (ds_slots){first, first + (left < JOB_SLOTS ? left : JOB_SLOTS)}, err);
}

// Puts together what the pass has stashed.
static ds_code join_stashed(scan_job *scan, const atomic_int *stop, ds_error *err) {
  const uint32_t count = scan->wanted.end - scan->wanted.first;
  free(scan->where);
  free(scan->stashes);
  scan->where = malloc(count * sizeof *scan->where);
  scan->stashes = malloc(scan->threads * sizeof *scan->stashes);
  if (scan->where == NULL || scan->stashes == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a scan");
  for (uint32_t t = 0; t < scan->threads; t++) {
    worker *self = &scan->workers[t];
    scan->stashes[t] = &self->stash;
    self->joiner.identity = scan->identity;
    self->joiner.stashes = scan->stashes;
    self->joiner.wanted = scan->wanted;
    self->joiner.where = scan->where;
    self->joiner.block_events = DS_BLOCK_EVENTS;
    self->joiner.each = joined_run;
    self->joiner.context = self;
  }
  ds_stash_locate(scan->stashes, scan->threads, scan->wanted, scan->where);
  TRY(ds_parallel(scan->threads, (count + JOB_SLOTS - 1) / JOB_SLOTS, run_joined, scan, stop,
                  err));
  for (uint32_t t = 0; t < scan->threads; t++)
    ds_stash_reset(&scan->workers[t].stash);
  return DS_OK;
}

static ds_code run_units(scan_job *scan, uint32_t first, uint32_t end, const atomic_int *stop,
                         ds_error *err) {
  scan->job_first = first;
  return ds_parallel(scan->threads, end - first, run_unit, scan, stop, err);
}

// The slots of the first pass, and the units that are done then: the first ones stash of more
// customers than there may be room for, and tell how many there is room for.
static ds_code first_slots(scan_job *scan, size_t budget_bytes, const atomic_int *stop,
                           uint32_t *ret_done, uint64_t *ret_each, ds_error *err) {
  uint64_t each = 0;
  TRY(stashed_bytes(scan, &each, err));
  scan->wanted = next_slots(scan, 0, each, budget_bytes * PROBE_SHARE);
  *ret_done = scan->jobs / PROBE_SHARE;
  TRY(run_units(scan, 0, *ret_done, stop, err));
  *ret_each = stashed_bytes_seen(scan, each);
  const ds_slots fitting = next_slots(scan, 0, *ret_each, budget_bytes);
  const bool all = fitting.end >= scan->wanted.end;
  for (uint32_t t = 0; all && *ret_done > 0 && t < scan->threads; t++)
    ds_assembly_foresee(&scan->workers[t].stash.kept, PROBE_SHARE);
  if (!all)
    scan->wanted = fitting;
  return DS_OK;
}

// The blocks as they stream by, and the joined customers: as many as the memory budget holds at
// first, the others in further passes over the blocks that they stand in.
static ds_code passes_run(scan_job *scan, size_t budget_bytes, ds_error *err) {
  const atomic_int *stop = scan->plan->progress == NULL ? NULL : &scan->plan->progress->stop;
  const bool joins = scan->identity != NULL && !scan->separate;
  const uint32_t end = joins ? scan->identity->count - scan->identity->hidden : 0;
  uint32_t done = 0;
  uint64_t each = 0;
  scan->streams = true;
  if (joins)
    TRY(first_slots(scan, budget_bytes, stop, &done, &each, err));
  for (;; done = 0) {
    TRY(run_units(scan, done, scan->jobs, stop, err));
    each = stashed_bytes_seen(scan, each);
    if (scan->wanted.end > scan->wanted.first)
      TRY(join_stashed(scan, stop, err));
    if (scan->wanted.end == end)
      return DS_OK;
    scan->streams = false;
    scan->wanted = next_slots(scan, scan->wanted.end, each, budget_bytes);
  }
}

// What the scan must know of joined customers. Of a sample they are separate: what is left of a
// customer's subjects would be no journey.
static void identity_set(scan_job *scan) {
  const ds_identity *identity = scan->snapshot->identity;
  scan->separate = scan->plan->separate || scan->stride > 1;
  if (identity != NULL && (scan->separate ? identity->hidden : identity->count) > 0)
    scan->identity = identity;
}

// The subjects of the customer wanted, the strongest first; none when it is hidden.
static ds_code customer_subjects(const scan_job *scan, ds_arena *arena, uint32_t **ret_numbers,
                                 uint32_t *ret_count, ds_error *err) {
  const ds_identity *identity = scan->identity;
  const uint32_t customer = scan->plan->customer;
  ds_slots slots = {0, 0};
  if (identity != NULL && !scan->separate)
    slots = ds_join_slots(identity, customer);
  const uint32_t joined = slots.end - slots.first;
  uint32_t *numbers = ds_arena_array(arena, joined + 1u, sizeof *numbers);
  if (numbers == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a scan");
  for (uint32_t s = 0; s < joined; s++)
    numbers[s] = identity->subject[identity->order[slots.first + s]];
  if (joined == 0)
    numbers[0] = customer;
  *ret_numbers = numbers;
  *ret_count = joined > 0 ? joined : ds_identity_customer(identity, customer) != DS_NONE;
  return DS_OK;
}

// Of one customer nothing but its own journeys is read and put together.
static ds_code run_customer(scan_job *scan, ds_arena *arena, ds_error *err) {
  ds_customer_reader *reader = NULL;
  uint32_t *numbers = NULL, count = 0;
  ds_block block;
  TRY(customer_subjects(scan, arena, &numbers, &count, err));
  if (count == 0)
    return DS_OK;
  TRY(ds_customer_reader_new(scan->snapshot, &scan->staged, 0, &reader, err));
  uint64_t *keep = NULL;
  ds_code code = ds_customer_read(reader, numbers, count, &block, err);
  if (code == DS_OK && block.events > 0)
    code = events_select(&scan->workers[0], &block, &keep, err);
  if (code == DS_OK && block.events > 0)
    code = stages_run(&scan->workers[0], &block, keep, err);
  ds_customer_reader_free(reader);
  return code;
}

// Cuts the customers into units, and decodes what many of them share, in at most side_bytes.
static ds_code units_make(scan_job *scan, size_t side_bytes, ds_error *err) {
  const ds_progress *progress = scan->plan->progress;
  TRY(ds_units_cut(scan->snapshot, CHAIN_BLOCKS, side_bytes / event_bytes(&scan->taken),
                   &scan->units, err));
  return ds_sides_load(scan->snapshot, &scan->units, &scan->taken, scan->threads, progress,
                       &scan->sides, err);
}

static ds_code scan_run(scan_job *scan, ds_arena *arena, void **ret_state, ds_error *err) {
  identity_set(scan);
  TRY(columns_make(scan, arena, err));
  if (!scan->plan->has_customer)
    TRY(units_make(scan, (arena->limit_bytes - arena->used_bytes) / 8, err));
  scan->jobs = scan->units.count;
  if (scan->stride > 1) {
    const uint32_t sampled = (scan->units.count + scan->stride - 1) / scan->stride;
    scan->jobs = sampled > SAMPLE_UNITS_MIN ? sampled : SAMPLE_UNITS_MIN;
    if (scan->jobs >= scan->units.count)
      scan->jobs = scan->units.count;
    scan->stride = scan->jobs == 0 ? 1 : scan->units.count / scan->jobs;
  }
  if (scan->threads > scan->jobs)
    scan->threads = scan->jobs == 0 ? 1 : scan->jobs;
  scan->workers = calloc(scan->threads, sizeof *scan->workers);
  if (scan->workers == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a scan");
  const size_t room = (arena->limit_bytes - arena->used_bytes) / (scan->threads + 1u);
  for (uint32_t t = 0; t < scan->threads; t++)
    TRY(worker_init(&scan->workers[t], scan, t == 0 ? arena : NULL, room, err));
  TRY(scan->plan->has_customer
          ? run_customer(scan, arena, err)
          : passes_run(scan, (arena->limit_bytes - arena->used_bytes) / 4, err));
  return states_merge(scan, ret_state, err);
}

ds_code ds_scan_sample(const ds_snapshot *snapshot, const ds_plan *plan, uint32_t stride,
                       const ds_kernel *kernel, const void *context, ds_arena *arena,
                       void **ret_state, ds_error *err) {
  assert(stride > 0);
  const uint32_t threads = plan->threads == 0 ? 1 : plan->threads;
  scan_job scan = {.snapshot = snapshot, .plan = plan, .kernel = kernel, .context = context,
               .stride = stride, .events_all = snapshot->events,
               .threads = threads < DS_THREADS_MAX ? threads : DS_THREADS_MAX};
  const ds_code code = scan_run(&scan, arena, ret_state, err);
  for (uint32_t t = 0; scan.workers != NULL && t < scan.threads; t++)
    if (scan.workers[t].scan != NULL)
      worker_done(&scan.workers[t]);
  free(scan.workers);
  free(scan.where);
  free(scan.stashes);
  ds_sides_done(&scan.sides);
  ds_units_done(&scan.units);
  return code;
}

ds_code ds_scan(const ds_snapshot *snapshot, const ds_plan *plan, const ds_kernel *kernel,
                const void *context, ds_arena *arena, void **ret_state, ds_error *err) {
  return ds_scan_sample(snapshot, plan, 1, kernel, context, arena, ret_state, err);
}
