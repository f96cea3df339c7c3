// SPDX-License-Identifier: Apache-2.0
#include "store/erased.h"

#include <stdlib.h>

#include "base/limits.h"
#include "store/subjects.h"

static bool is_to_go(const void *context, ds_str subject) {
  const ds_erased *erased = context;
  return ds_vault_is_to_go(erased->vault, subject, erased->done);
}

ds_dropped ds_erased_dropped(const ds_erased *erased) { return (ds_dropped){is_to_go, erased}; }

// --- looking

// So many subjects are asked about at a time.
enum { ASKED_MAX = 256 };

// Texts that facts name: each of a run of facts, with none of another text between.
typedef struct named_runs {
  ds_str text[ASKED_MAX];
  uint32_t first[ASKED_MAX], last[ASKED_MAX]; // events
  uint32_t count;
} named_runs;

// A part being looked through.
typedef struct search {
  const ds_erased *erased;
  const ds_erased_where *where;
  ds_block_reader *reader;
  ds_place place;
  ds_link_names links; // in the part's own codes
  bool has_links;
  bool *in_block; // blocks with something; may be NULL
  uint16_t with;
  uint64_t touchpoints[DS_TOUCHPOINTS_MAX / 64]; // of the facts
  ds_erased_found *found;
} search;

static bool concerns(const ds_erased_where *where, const ds_block_zone *zone) {
  for (uint32_t p = zone->customer_first >> DS_ORDINAL_BITS;
       p <= zone->customer_last >> DS_ORDINAL_BITS; p++)
    if (where->is_in[p])
      return true;
  return false;
}

static bool has_links(const search *in, uint32_t block) {
  for (uint32_t t = 0; in->has_links && t < DS_LINK_TOUCHPOINTS; t++)
    if (in->links.touchpoint[t] != DS_NONE &&
        ds_part_has_touchpoint(in->place.part, block, in->links.touchpoint[t]))
      return true;
  return false;
}

static uint32_t find_to_go(const search *in, const ds_str *subjects, uint32_t count,
                           bool *ret_is_to_go) {
  return ds_vault_find_to_go(in->erased->vault, subjects, count, in->erased->done, ret_is_to_go);
}

// Counts the events of those erased among a block's journeys in the partitions searched.
static void search_subjects(search *in, const ds_block *block) {
  bool is_to_go[ASKED_MAX];
  for (uint32_t j = 0; j < block->journeys;) {
    if (!in->where->is_in[block->customer[j] >> DS_ORDINAL_BITS]) {
      j++;
      continue;
    }
    uint32_t count = 1;
    while (count < ASKED_MAX && j + count < block->journeys &&
           in->where->is_in[block->customer[j + count] >> DS_ORDINAL_BITS])
      count++;
    const uint32_t found = find_to_go(in, block->subject + j, count, is_to_go);
    for (uint32_t i = 0; found > 0 && i < count; i++)
      if (is_to_go[i])
        in->found->events += block->offset[j + i + 1] - block->offset[j + i];
    in->found->subjects += count;
    j += count;
  }
}

// Whether an event is of somebody whose events were counted.
static bool is_of_erased(const search *in, const ds_block *block, uint32_t event) {
  const uint32_t j = ds_first_at_least(block->offset, 0, block->journeys + 1, event + 1) - 1;
  return in->where->is_in[block->customer[j] >> DS_ORDINAL_BITS] &&
         is_to_go(in->erased, block->subject[j]);
}

static bool is_fact(const search *in, const ds_block *block, uint32_t event) {
  const uint16_t touchpoint = block->touchpoint[event];
  return (in->touchpoints[touchpoint / 64] >> (touchpoint % 64) & 1) != 0 &&
         (block->property[0].present[event / 64] >> (event % 64) & 1) != 0;
}

static void search_runs(search *in, const ds_block *block, named_runs *runs) {
  bool is_to_go[ASKED_MAX];
  const uint32_t found = find_to_go(in, runs->text, runs->count, is_to_go);
  for (uint32_t i = 0; found > 0 && i < runs->count; i++)
    for (uint32_t e = runs->first[i]; is_to_go[i] && e <= runs->last[i]; e++)
      in->found->facts += is_fact(in, block, e) && !is_of_erased(in, block, e);
  runs->count = 0;
}

// Counts the facts of others that name somebody erased.
static void search_facts(search *in, const ds_block *block) {
  const ds_property_column *with = &block->property[0];
  if (with->type != DS_TYPE_STRING)
    return;
  named_runs runs = {.count = 0};
  const uint32_t words = (block->offset[block->journeys] + 63) / 64;
  for (uint32_t w = 0; w < words; w++) {
    for (uint64_t rest = with->present[w]; rest != 0; rest &= rest - 1) {
      const uint32_t e = w * 64 + (uint32_t)__builtin_ctzll(rest);
      if (!is_fact(in, block, e))
        continue;
      if (runs.count == 0 || !ds_str_equal(runs.text[runs.count - 1], with->text[e])) {
        if (runs.count == ASKED_MAX)
          search_runs(in, block, &runs);
        runs.text[runs.count] = with->text[e];
        runs.first[runs.count++] = e;
      }
      runs.last[runs.count - 1] = e;
    }
  }
  search_runs(in, block, &runs);
}

static ds_code search_block(search *in, uint32_t b, ds_error *err) {
  const bool links = has_links(in, b);
  const ds_type text = DS_TYPE_STRING;
  const ds_columns columns = {.want = DS_WANT_SUBJECT | DS_WANT_TOUCHPOINT,
                              .properties_count = 1,
                              .properties = &in->with,
                              .property_types = &text,
                              .touchpoints = in->touchpoints};
  ds_block block;
  if (links)
    TRY(ds_part_read_block(&in->place, b, &columns, in->reader, &block, err));
  else if (concerns(in->where, ds_part_zone(in->place.part, b)))
    TRY(ds_part_block_ids(in->place.part, b, DS_WANT_SUBJECT, in->reader, &block, err));
  else
    return DS_OK;
  const uint64_t before = in->found->events + in->found->facts;
  search_subjects(in, &block);
  if (links)
    search_facts(in, &block);
  if (in->in_block != NULL)
    in->in_block[b] = in->found->events + in->found->facts > before;
  return DS_OK;
}

static ds_code search_part(search *in, ds_part *part, ds_space *space, ds_arena *arena,
                           ds_error *err) {
  TRY(ds_place_init(&in->place, part, space, arena, err));
  // A space of one part alone has the part's own codes.
  in->has_links = ds_link_names_find(space, &in->links);
  in->with = in->has_links ? (uint16_t)in->links.with : 0;
  for (uint32_t t = 0; in->has_links && t < DS_LINK_TOUCHPOINTS; t++)
    if (in->links.touchpoint[t] != DS_NONE)
      in->touchpoints[in->links.touchpoint[t] / 64] |= 1ull << (in->links.touchpoint[t] % 64);
  for (uint32_t b = 0; b < ds_part_get_info(part)->blocks; b++)
    TRY(search_block(in, b, err));
  return DS_OK;
}

ds_code ds_erased_find(const ds_erased *erased, ds_part *part, const ds_erased_where *where,
                       ds_block_reader *reader, ds_erased_found *found, bool *in_block,
                       ds_error *err) {
  search in = {.erased = erased, .where = where, .reader = reader, .in_block = in_block,
               .found = found};
  ds_space space;
  ds_arena arena;
  ds_space_init(&space);
  ds_arena_init(&arena, (size_t)1 << 24);
  const ds_code code = search_part(&in, part, &space, &arena, err);
  ds_space_done(&space);
  ds_arena_done(&arena);
  return code;
}

// --- hiding

// The vault as it is now: what a reader has open may be older.
static ds_code open_now(const ds_store *store, ds_vault **ret_vault, ds_error *err) {
  const ds_vault_options options = {.io = store->io,
                                    .directory = store->path,
                                    .key_file = store->options.key_file,
                                    .fingerprint = store->view.manifest.vault};
  ds_error found = {.message = ""};
  const ds_code code = ds_vault_open(&options, ret_vault, &found);
  if (code == DS_MISSING)
    return ds_fail(err, code, "somebody was erased, and cannot be left out without the keys: "
                   "%.200s", found.message);
  return code == DS_OK ? DS_OK : ds_fail(err, code, "%s", found.message);
}

// By the vault's files, as any process that reads finds them.
static ds_code pending_on_disk(const ds_store *store, ds_erased *erased, ds_error *err) {
  uint32_t count = 0;
  ds_error unsure = {.message = ""};
  const ds_code code = ds_vault_count_erased(store->io, store->path, &count, &unsure);
  if (code != DS_OK && code != DS_CORRUPT)
    return ds_fail(err, code, "%s", unsure.message);
  // Until MANIFEST names keys, a file of them that cannot be read is one that is being made.
  if (code == DS_OK ? count <= erased->done : !ds_store_has_vault(store))
    return DS_OK;
  TRY(open_now(store, &erased->own, err));
  if (ds_vault_erased_count(erased->own) > erased->done)
    erased->vault = erased->own;
  return DS_OK;
}

ds_code ds_erased_pending(const ds_store *store, ds_erased *ret_erased, ds_error *err) {
  *ret_erased = (ds_erased){.done = store->view.manifest.erased};
  const bool knows = store->options.write && store->vault != NULL;
  if (!knows || store->failed) {
    // After a failure, too: keys destroyed by a commit that was told as failed may be gone for all.
    ds_error why = {.message = ""};
    const ds_code code = pending_on_disk(store, ret_erased, &why);
    if (code == DS_OK)
      return DS_OK;
    if (code != DS_BUSY || !knows)
      return ds_fail(err, code, "%s", why.message);
    // They will be rolled back to what this process knows.
  }
  if (ds_vault_erased_count(store->vault) > ret_erased->done)
    ret_erased->vault = store->vault;
  return DS_OK;
}

void ds_erased_done(ds_erased *erased) { ds_vault_close(erased->own); }

// Some blocks of a part without what is about the erased, in memory; NULL when nothing is left.
static ds_code make_rest(const ds_store *store, const ds_erased *erased, const ds_part *whole,
                         const bool *in_block, ds_part_ref **ret_ref, ds_error *err) {
  const ds_part_info *info = ds_part_get_info(whole);
  const ds_dropped dropped = ds_erased_dropped(erased);
  ds_rewritten rest = {.count = 0};
  ds_part *source, *opened;
  TRY(ds_part_choose(whole, in_block, &source, err));
  const ds_rewrite_options options = {
      .io = store->io,
      .parts = &source,
      .parts_count = 1,
      .sparse = info->events / info->blocks <= DS_BLOCK_EVENTS_SPARSE,
      .dropped = &dropped,
      .threads = 1};
  const ds_code code = ds_rewrite(&options, &rest, err);
  ds_part_free(source);
  TRY(code);
  free(rest.infos);
  *ret_ref = NULL;
  if (rest.image == NULL)
    return DS_OK;
  TRY(ds_part_open_memory(rest.image, rest.image_size, &opened, err));
  *ret_ref = ds_part_ref_new(opened);
  return *ret_ref == NULL ? ds_fail(err, DS_MEMORY, "out of memory for a part") : DS_OK;
}

// Blocks of a part as they are, in a part of their own.
static ds_code make_kept(const ds_part *whole, const bool *kept, ds_part_ref **ret_ref,
                         ds_error *err) {
  ds_part *part;
  TRY(ds_part_choose(whole, kept, &part, err));
  *ret_ref = ds_part_ref_new(part);
  return *ret_ref == NULL ? ds_fail(err, DS_MEMORY, "out of memory for a part") : DS_OK;
}

// Takes a part apart: blocks that are as they should be, and the rest of the others.
static ds_code divide(const ds_store *store, const ds_erased *erased, const ds_part *whole,
                      bool *in_block, ds_erased_shown *shown, ds_error *err) {
  const uint32_t blocks = ds_part_get_info(whole)->blocks;
  ds_part_ref *rest = NULL;
  uint32_t kept = 0;
  TRY(make_rest(store, erased, whole, in_block, &rest, err));
  if (rest != NULL)
    shown->ref[shown->count++] = rest;
  for (uint32_t b = 0; b < blocks; b++) {
    in_block[b] = !in_block[b];
    kept += in_block[b];
  }
  if (kept == 0)
    return DS_OK;
  TRY(make_kept(whole, in_block, &shown->ref[shown->count], err));
  shown->count++;
  return DS_OK;
}

static ds_code look_and_divide(const ds_store *store, const ds_erased *erased, ds_part_ref *ref,
                               bool *in_block, ds_block_reader *reader, ds_erased_shown *shown,
                               ds_error *err) {
  ds_erased_found found = {0};
  ds_erased_where all;
  memset(all.is_in, true, sizeof all.is_in);
  TRY(ds_erased_find(erased, ref->part, &all, reader, &found, in_block, err));
  if (found.events + found.facts > 0)
    return divide(store, erased, ref->part, in_block, shown, err);
  shown->ref[shown->count++] = ds_part_ref_hold(ref);
  return DS_OK;
}

ds_code ds_erased_hide(const ds_store *store, const ds_erased *erased, ds_part_ref *ref,
                       ds_erased_shown *ret_shown, ds_error *err) {
  *ret_shown = (ds_erased_shown){.count = 0};
  if (erased->vault == NULL) {
    ret_shown->ref[ret_shown->count++] = ds_part_ref_hold(ref);
    return DS_OK;
  }
  bool *in_block = calloc(ds_part_get_info(ref->part)->blocks, sizeof *in_block);
  ds_block_reader *reader = ds_block_reader_new();
  ds_code code = DS_OK;
  if (in_block == NULL || reader == NULL)
    code = ds_fail(err, DS_MEMORY, "out of memory for a snapshot");
  else
    code = look_and_divide(store, erased, ref, in_block, reader, ret_shown, err);
  ds_block_reader_free(reader);
  free(in_block);
  if (code != DS_OK)
    ds_erased_shown_drop(ret_shown);
  return code;
}

void ds_erased_shown_drop(ds_erased_shown *shown) {
  for (uint32_t i = 0; i < shown->count; i++)
    ds_part_ref_drop(shown->ref[i]);
  shown->count = 0;
}
