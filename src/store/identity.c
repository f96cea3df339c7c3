// SPDX-License-Identifier: Apache-2.0
// Pairs and claims -> sets of subjects. Pairs are grouped by what they
// would join if all were followed; only within such a group, mostly a handful, the order matters.
#include "store/identity.h"

#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/search.h"
#include "store/identity_stars.h"

// What was said last of a pair: a is the stronger one.
typedef struct pair {
  uint32_t a, b;
  int64_t received_ms;
  uint64_t arrival;
  identity_what what;
} pair;

struct identity_links {
  identity_work *work;
  pair *pairs;
  uint32_t count, capacity;
  ds_map64 by_nodes;
};

static ds_code no_memory(ds_error *err) { return ds_identity_no_memory(err); }

// Below 0 when a is the stronger one, as ds_subject_compare has it.
static int stronger(const identity_node *a, const identity_node *b) {
  if (a->rank != b->rank)
    return a->rank < b->rank ? -1 : 1;
  return ds_str_compare(a->text, b->text);
}

ds_code ds_identity_node_of(identity_work *work, ds_str text, uint32_t *ret_node, ds_error *err) {
  const uint64_t hash = ds_subject_hash(text);
  uint32_t *first = ds_map64_put(&work->by_hash, hash);
  if (first == NULL || !ds_identity_grow(&work->nodes, work->nodes_count, &work->nodes_capacity,
                                         sizeof *work->nodes) ||
      work->nodes_count > work->memory_bytes / (2 * sizeof *work->nodes))
    return no_memory(err);
  for (uint32_t n = *first; n != DS_NONE; n = work->nodes[n].next)
    if (ds_str_equal(work->nodes[n].text, text)) {
      *ret_node = n;
      return DS_OK;
    }
  const ds_str kind = ds_subject_kind(text);
  work->nodes[work->nodes_count] =
      (identity_node){.hash = hash, .text = text, .next = *first, .number = DS_NONE,
                      .rank = (uint8_t)ds_identifier_rank(kind),
                      .class_of = (uint8_t)ds_identifier_class_of(kind)};
  *first = *ret_node = work->nodes_count++;
  return DS_OK;
}

// --- pairs

// Whether `fact` is to be believed rather than what was said before: what somebody told before what
// was seen, then the later one.
static bool outdoes(const identity_fact *fact, const pair *before) {
  const bool told = fact->what != IDENTITY_SEEN, told_before = before->what != IDENTITY_SEEN;
  if (told != told_before)
    return told;
  if (fact->received_ms != before->received_ms)
    return fact->received_ms > before->received_ms;
  if (fact->arrival != before->arrival)
    return fact->arrival > before->arrival;
  return fact->what < before->what;
}

ds_code ds_identity_note(identity_links *links, uint32_t a, uint32_t b, const identity_fact *fact,
                      ds_error *err) {
  const identity_node *nodes = links->work->nodes;
  if (a == b)
    return DS_OK;
  if (stronger(&nodes[a], &nodes[b]) > 0) {
    const uint32_t swapped = a;
    a = b;
    b = swapped;
  }
  uint32_t *at = ds_map64_put(&links->by_nodes, (uint64_t)a << 32 | b);
  if (at == NULL ||
      !ds_identity_grow(&links->pairs, links->count, &links->capacity, sizeof *links->pairs))
    return no_memory(err);
  const bool met = *at != DS_NONE;
  if (!met)
    *at = links->count++;
  if (!met || outdoes(fact, &links->pairs[*at]))
    links->pairs[*at] = (pair){a, b, fact->received_ms, fact->arrival, fact->what};
  return DS_OK;
}

// --- sets

static uint32_t root_of(identity_node *nodes, uint32_t n) {
  while (nodes[n].parent != n) {
    nodes[n].parent = nodes[nodes[n].parent].parent;
    n = nodes[n].parent;
  }
  return n;
}

static void sets_reset(identity_work *work) {
  for (uint32_t n = 0; n < work->nodes_count; n++) {
    identity_node *node = &work->nodes[n];
    node->parent = node->top = n;
    node->size = node->class_of != DS_IDENTIFIER_OBJECT;
    node->member = DS_NONE;
  }
}

// Joins two sets; the lower number of a node becomes the root, which no answer shows.
static void join(identity_work *work, uint32_t a, uint32_t b) {
  identity_node *nodes = work->nodes;
  assert(nodes[a].parent == a && nodes[b].parent == b && a != b);
  const uint32_t root = nodes[a].size >= nodes[b].size ? a : b, other = root == a ? b : a;
  if (stronger(&nodes[nodes[other].top], &nodes[nodes[root].top]) < 0)
    nodes[root].top = nodes[other].top;
  nodes[root].size += nodes[other].size;
  nodes[other].parent = root;
}

static bool same_kind(const identity_node *a, const identity_node *b) {
  return ds_str_equal(ds_subject_kind(a->text), ds_subject_kind(b->text));
}

// Whether following the pair would join what no such pair may join.
static bool contradicts(const identity_work *work, const pair *link, uint32_t a, uint32_t b) {
  const identity_node *nodes = work->nodes;
  const identity_node *top_a = &nodes[nodes[a].top], *top_b = &nodes[nodes[b].top];
  if (top_a->class_of != DS_IDENTIFIER_PERSON || top_b->class_of != DS_IDENTIFIER_PERSON)
    return false;
  const ds_identifier_class weaker = nodes[link->b].class_of;
  if (link->what == IDENTITY_TOLD)
    return weaker == DS_IDENTIFIER_OBJECT; // which names nobody
  return weaker != DS_IDENTIFIER_PERSON || same_kind(top_a, top_b);
}

static void follow(identity_work *work, const pair *link) {
  identity_node *nodes = work->nodes;
  const uint32_t a = root_of(nodes, link->a), b = root_of(nodes, link->b);
  if (a == b)
    return;
  if (contradicts(work, link, a, b)) {
    work->stats.contradictions++;
  } else if (nodes[a].size + nodes[b].size > DS_CUSTOMER_SUBJECTS_MAX) {
    work->stats.beyond++;
  } else {
    join(work, a, b);
    nodes[link->b].owned = nodes[link->b].class_of == DS_IDENTIFIER_OBJECT;
  }
}

// What qsort's function cannot be told otherwise.
typedef struct ordered_pair {
  const pair *link;
  const identity_node *a, *b;
} ordered_pair;

static int by_strength(const void *left, const void *right) {
  const ordered_pair *x = left, *y = right;
  if (x->link->what != y->link->what)
    return x->link->what == IDENTITY_TOLD ? -1 : 1;
  if (x->b->rank != y->b->rank)
    return x->b->rank < y->b->rank ? -1 : 1;
  if (x->a->rank != y->a->rank)
    return x->a->rank < y->a->rank ? -1 : 1;
  const int stronger = ds_str_compare(x->a->text, y->a->text);
  return stronger != 0 ? stronger : ds_str_compare(x->b->text, y->b->text);
}

// Pairs that hold, grouped by the set that all of them together would make: first[root] ..
// first[root + 1] of `grouped`.
static void group_pairs(const identity_links *links, ordered_pair *grouped, uint32_t *first) {
  identity_work *work = links->work;
  identity_node *nodes = work->nodes;
  for (uint32_t i = 0; i < links->count; i++) {
    const pair *link = &links->pairs[i];
    const uint32_t a = root_of(nodes, link->a), b = root_of(nodes, link->b);
    if (link->what != IDENTITY_UNTOLD && a != b)
      nodes[a < b ? b : a].parent = a < b ? a : b;
  }
  for (uint32_t i = 0; i < links->count; i++)
    if (links->pairs[i].what != IDENTITY_UNTOLD)
      first[root_of(nodes, links->pairs[i].a) + 1]++;
  for (uint32_t n = 0; n < work->nodes_count; n++)
    first[n + 1] += first[n];
  // Filled from the end of each group, so that first[] ends as the groups' beginnings.
  for (uint32_t i = 0; i < links->count; i++) {
    const pair *link = &links->pairs[i];
    if (link->what != IDENTITY_UNTOLD)
      grouped[--first[root_of(nodes, link->a) + 1]] =
          (ordered_pair){link, &nodes[link->a], &nodes[link->b]};
  }
}

static ds_code follow_pairs(const identity_links *links, ds_error *err) {
  identity_work *work = links->work;
  ordered_pair *grouped = malloc(((size_t)links->count + 1) * sizeof *grouped);
  uint32_t *first = calloc((size_t)work->nodes_count + 2, sizeof *first);
  const bool good = grouped != NULL && first != NULL;
  sets_reset(work);
  if (good) {
    group_pairs(links, grouped, first);
    sets_reset(work);
  }
  uint32_t total = 0;
  for (uint32_t i = 0; i < links->count; i++)
    total += links->pairs[i].what != IDENTITY_UNTOLD;
  work->stats.links += total;
  for (uint32_t n = 0; good && n < work->nodes_count; n++) {
    const uint32_t begin = first[n + 1], end = n + 1 < work->nodes_count ? first[n + 2] : total;
    if (end - begin > 1)
      qsort(grouped + begin, end - begin, sizeof *grouped, by_strength);
    for (uint32_t i = begin; i < end; i++)
      follow(work, grouped[i].link);
  }
  free(grouped);
  free(first);
  return good ? DS_OK : no_memory(err);
}

// --- objects

typedef struct ordered_claim {
  const identity_claim *claim;
  const identity_node *object, *claimant;
} ordered_claim;

// Objects by strength, of each the claims of persons and devices before those of objects, then the
// earliest first.
static int by_object(const void *left, const void *right) {
  const ordered_claim *x = left, *y = right;
  if (x->object != y->object)
    return stronger(x->object, y->object);
  const bool object_x = x->claimant->class_of == DS_IDENTIFIER_OBJECT;
  const bool object_y = y->claimant->class_of == DS_IDENTIFIER_OBJECT;
  if (object_x != object_y)
    return object_x ? 1 : -1;
  if (x->claim->time_ms != y->claim->time_ms)
    return x->claim->time_ms < y->claim->time_ms ? -1 : 1;
  return ds_str_compare(x->claimant->text, y->claimant->text);
}

// One object and its claims, the best first.
static void give_object(identity_work *work, const ordered_claim *claims, uint32_t count) {
  identity_node *nodes = work->nodes;
  const uint32_t object = claims[0].claim->object;
  const bool by_objects = claims[0].claimant->class_of == DS_IDENTIFIER_OBJECT;
  if (nodes[object].number == DS_NONE || nodes[object].owned ||
      (by_objects && claims[0].claimant->rank >= nodes[object].rank))
    return;
  const uint32_t owner = root_of(nodes, claims[0].claim->claimant);
  for (uint32_t c = 1; c < count; c++) {
    const identity_node *claimant = claims[c].claimant;
    if ((claimant->class_of == DS_IDENTIFIER_OBJECT) == by_objects &&
        root_of(nodes, claims[c].claim->claimant) != owner) {
      work->stats.contradictions++;
      break;
    }
  }
  const uint32_t own = root_of(nodes, object);
  if (own == owner)
    return;
  join(work, own, owner);
  work->stats.objects++;
}

static ds_code give_objects(identity_work *work, ds_error *err) {
  ordered_claim *claims = malloc(((size_t)work->claims_count + 1) * sizeof *claims);
  if (claims == NULL)
    return no_memory(err);
  for (uint32_t c = 0; c < work->claims_count; c++)
    claims[c] = (ordered_claim){&work->claims[c], &work->nodes[work->claims[c].object],
                                &work->nodes[work->claims[c].claimant]};
  qsort(claims, work->claims_count, sizeof *claims, by_object);
  for (uint32_t c = 0; c < work->claims_count;) {
    uint32_t end = c + 1;
    while (end < work->claims_count && claims[end].object == claims[c].object)
      end++;
    give_object(work, claims + c, end - c);
    c = end;
  }
  free(claims);
  return DS_OK;
}

// --- the result

// Merges two lists of members, each the strongest first.
static uint32_t merge_members(identity_node *nodes, uint32_t a, uint32_t b) {
  uint32_t first = DS_NONE;
  uint32_t *last = &first;
  while (a != DS_NONE && b != DS_NONE) {
    uint32_t *const lesser = stronger(&nodes[b], &nodes[a]) < 0 ? &b : &a;
    *last = *lesser;
    last = &nodes[*lesser].member;
    *lesser = *last;
  }
  *last = a != DS_NONE ? a : b;
  return first;
}

// Sorts a list of members: runs of 1, 2, 4, ... are merged as soon as there are two of a size.
static uint32_t sort_members(identity_node *nodes, uint32_t first) {
  uint32_t run[32], runs = 0;
  while (first != DS_NONE) {
    uint32_t one = first, r = 0;
    first = nodes[one].member;
    nodes[one].member = DS_NONE;
    for (; r < runs && run[r] != DS_NONE; r++) {
      one = merge_members(nodes, run[r], one);
      run[r] = DS_NONE;
    }
    if (r == runs)
      runs++;
    assert(runs <= 32);
    run[r] = one;
  }
  uint32_t all = DS_NONE;
  for (uint32_t r = 0; r < runs; r++)
    all = merge_members(nodes, run[r], all);
  return all;
}

// Lists the members of each set that have an event, the strongest first; it becomes the set's top,
// DS_NONE when there is none. Sets of several get a row.
static ds_code list_members(identity_work *work, identity_spread *sets, ds_error *err) {
  identity_node *nodes = work->nodes;
  for (uint32_t n = 0; n < work->nodes_count; n++)
    nodes[n].top = DS_NONE;
  for (uint32_t n = 0; n < work->nodes_count; n++) {
    identity_node *root = &nodes[root_of(nodes, n)];
    if (nodes[n].number == DS_NONE)
      continue;
    nodes[n].member = root->top;
    root->top = n;
  }
  for (uint32_t n = 0; n < work->nodes_count; n++) {
    if (nodes[n].parent != n || nodes[n].top == DS_NONE ||
        nodes[nodes[n].top].member == DS_NONE)
      continue;
    nodes[n].top = sort_members(nodes, nodes[n].top);
    const identity_row row = {nodes[nodes[n].top].number, nodes[n].top, 0};
    ds_buf *to = ds_identity_spread_at(sets, 0, ds_identity_group(work, row.number));
    ds_buf_append(to, &row, sizeof row);
    if (to->failed)
      return no_memory(err);
  }
  return DS_OK;
}

// Identifiers that no event has as its subject, of customers who have one.
static ds_code fill_names(identity_work *work, ds_arena *arena, ds_identity *identity,
                          ds_error *err) {
  const identity_node *nodes = work->nodes;
  uint32_t count = 0;
  for (uint32_t n = 0; n < work->nodes_count; n++)
    count += nodes[n].number == DS_NONE && nodes[root_of(work->nodes, n)].top != DS_NONE;
  uint32_t *customer = ds_arena_array(arena, (size_t)count + 1, sizeof *customer);
  if (customer == NULL)
    return no_memory(err);
  for (uint32_t n = 0; n < work->nodes_count; n++) {
    const uint32_t top = nodes[root_of(work->nodes, n)].top;
    uint32_t index = 0;
    if (nodes[n].number != DS_NONE || top == DS_NONE)
      continue;
    TRY(ds_names_add(&identity->names, nodes[n].text, &index, err));
    customer[index] = nodes[top].number;
    if (identity->kinds.count < DS_KINDS_LISTED_MAX)
      TRY(ds_names_add(&identity->kinds, ds_subject_kind(nodes[n].text), &index, err));
  }
  identity->names_customer = customer;
  return DS_OK;
}

static ds_code finish(identity_work *work, ds_arena *arena, ds_identity *identity, ds_error *err) {
  identity_spread sets;
  ds_code code = ds_identity_spread_init(&sets, work) ? DS_OK : no_memory(err);
  if (code == DS_OK)
    code = list_members(work, &sets, err);
  if (code == DS_OK)
    code = ds_identity_seat_all(work, &sets, arena, identity, err);
  ds_identity_spread_done(&sets);
  TRY(code);
  TRY(fill_names(work, arena, identity, err));
  return ds_identity_stars_take(work->stars, arena, identity, err);
}

static ds_code make(identity_work *work, identity_links *links, ds_arena *texts, ds_arena *arena,
                    const ds_identity **ret_identity, ds_error *err) {
  TRY(ds_identity_read(work, links, texts, err));
  if (work->nodes_count == 0 && !work->facts.any)
    return DS_OK;
  TRY(follow_pairs(links, err));
  TRY(give_objects(work, err));
  ds_identity *identity = ds_arena_alloc(arena, sizeof *identity);
  if (identity == NULL)
    return no_memory(err);
  ds_names_init(&identity->names, UINT32_MAX - 1);
  ds_names_init(&identity->kinds, DS_KINDS_LISTED_MAX);
  identity->threads = work->threads;
  const ds_code code = finish(work, arena, identity, err);
  identity->stats = work->stats;
  if (code == DS_OK)
    *ret_identity = identity;
  else
    ds_identity_done(identity);
  return code;
}

// As many groups as let blocks, which may lie across several, be decoded twice each at most.
static uint32_t group_shift_of(const ds_snapshot *snapshot) {
  enum { BLOCK_COST = 1024 }; // of a block, in events
  for (uint32_t shift = 0;; shift++) {
    uint64_t once = 0, all = 0;
    for (uint32_t p = 0; p < snapshot->places_count; p++)
      for (uint32_t b = 0; b < ds_part_get_info(snapshot->places[p].part)->blocks; b++) {
        const ds_block_zone *zone = ds_part_zone(snapshot->places[p].part, b);
        const uint64_t cost = zone->events + BLOCK_COST;
        once += cost;
        all += cost * (1 + (zone->customer_last >> DS_ORDINAL_BITS >> shift) -
                       (zone->customer_first >> DS_ORDINAL_BITS >> shift));
      }
    if (all <= 2 * once)
      return shift;
  }
}

ds_code ds_identity_make(const ds_snapshot *snapshot, uint32_t threads, ds_arena *arena,
                         const ds_identity **ret_identity, ds_error *err) {
  threads = threads == 0 ? 1 : threads < DS_THREADS_MAX ? threads : DS_THREADS_MAX;
  identity_work work = {.snapshot = snapshot, .threads = threads,
                        .memory_bytes = arena->limit_bytes,
                        .group_shift = group_shift_of(snapshot)};
  identity_links links = {.work = &work};
  ds_arena texts[DS_THREADS_MAX];
  ds_identity_facts_init(&work.facts, snapshot);
  ds_map64_init(&work.by_hash);
  ds_map64_init(&links.by_nodes);
  for (uint32_t t = 0; t < threads; t++)
    ds_arena_init(&texts[t], arena->limit_bytes);
  *ret_identity = NULL;
  const ds_code code = make(&work, &links, texts, arena, ret_identity, err);
  for (uint32_t t = 0; t < threads; t++)
    ds_arena_done(&texts[t]);
  ds_identity_stars_free(work.stars);
  ds_map64_done(&work.by_hash);
  ds_map64_done(&links.by_nodes);
  free(work.nodes);
  free(work.claims);
  free(links.pairs);
  return code;
}

void ds_identity_done(const ds_identity *identity) {
  if (identity == NULL)
    return;
  ds_names_done((ds_names *)(uintptr_t)&identity->names);
  ds_names_done((ds_names *)(uintptr_t)&identity->kinds);
  for (uint32_t g = 0; identity->leaves != NULL && g < identity->leaves_groups; g++)
    ds_id_filter_done(&identity->leaves[g]);
  free(identity->leaves);
}

ds_code ds_identity_said(const ds_snapshot *snapshot, ds_str a, ds_str b, ds_said *ret_said,
                         ds_error *err) {
  static const ds_said said[] = {[IDENTITY_SEEN] = DS_SAID_SEEN,
                                 [IDENTITY_UNTOLD] = DS_SAID_UNTOLD,
                                 [IDENTITY_TOLD] = DS_SAID_TOLD};
  identity_work work = {.snapshot = snapshot, .threads = 1,
                        .memory_bytes = snapshot->arena.limit_bytes};
  identity_links links = {.work = &work};
  ds_arena texts;
  ds_identity_facts_init(&work.facts, snapshot);
  uint32_t nodes[2] = {0, 0};
  ds_map64_init(&work.by_hash);
  ds_map64_init(&links.by_nodes);
  ds_arena_init(&texts, work.memory_bytes);
  ds_code code = ds_identity_node_of(&work, a, &nodes[0], err);
  if (code == DS_OK)
    code = ds_identity_node_of(&work, b, &nodes[1], err);
  if (code == DS_OK)
    code = ds_identity_read_pair(&work, nodes, &links, &texts, err);
  *ret_said = links.count == 0 ? DS_SAID_NOTHING : said[links.pairs[0].what];
  ds_arena_done(&texts);
  ds_map64_done(&work.by_hash);
  ds_map64_done(&links.by_nodes);
  free(work.nodes);
  free(links.pairs);
  return code;
}

// --- asking

uint32_t ds_identity_from(const ds_identity *identity, uint64_t number) {
  return ds_first_at_least(identity->subject, 0, identity->count, number);
}

uint32_t ds_identity_customer(const ds_identity *identity, uint32_t number) {
  if (identity == NULL)
    return number;
  const uint32_t at = ds_identity_from(identity, number);
  return at < identity->count && identity->subject[at] == number ? identity->customer[at] : number;
}
