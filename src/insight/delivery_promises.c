// SPDX-License-Identifier: Apache-2.0
// The promise workbench: in how many days one would have kept a promise 80, 90 and 95 times of 100.
// Of each group the share that had arrived so many calendar days after the order is estimated by
// Kaplan and Meier, open parcels as long as they were seen, with DELIVERY_LEARNT_MIN more that
// arrive as those of the parent do: the group without its last dimension, up to all. A group of
// fewer arrivals than that takes its parent's estimate as it is.
#include <assert.h>
#include <stdlib.h>

#include "insight/delivery.h"
#include "question/quantile.h"
#include "question/survival.h"

static const uint32_t levels[DELIVERY_LEVELS] = {80, 90, 95};

// How near a share must be to a level to count as it: shares are products of many.
static const double NEAR = 1e-9;

// A group of some level: 0 is all, level d tells the first d dimensions apart.
typedef struct node {
  uint64_t key;
  uint32_t level;
  uint32_t parent;
  uint32_t lender; // whose estimate it is
  delivery_days came, waiting, promised;
  uint64_t count[DELIVERY_COUNTS];
  double *stay; // after day d, the share that has not arrived
  uint32_t days;
} node;

typedef struct tree {
  node *node;
  uint32_t count;
  ds_map64 at[DELIVERY_DIMENSIONS_MAX + 1]; // by level: the node of a key
} tree;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for promises: give more --memory");
}

// The key of the group of a level that holds a group.
static uint64_t key_at(uint64_t key, uint32_t level) {
  return level >= DELIVERY_DIMENSIONS_MAX ? key : key & ~0ull << (48 - 16 * level);
}

static void tree_done(tree *all) {
  for (uint32_t n = 0; n < all->count; n++) {
    free(all->node[n].came.count);
    free(all->node[n].waiting.count);
    free(all->node[n].promised.count);
    free(all->node[n].stay);
  }
  for (uint32_t level = 0; level <= DELIVERY_DIMENSIONS_MAX; level++)
    ds_map64_done(&all->at[level]);
  free(all->node);
}

static bool days_sum(delivery_days *into, const delivery_days *from) {
  if (from->size > into->size) {
    uint64_t *grown = realloc(into->count, from->size * sizeof *grown);
    if (grown == NULL)
      return false;
    for (uint32_t d = into->size; d < from->size; d++)
      grown[d] = 0;
    *into = (delivery_days){grown, from->size};
  }
  for (uint32_t d = 0; d < from->size; d++)
    into->count[d] += from->count[d];
  return true;
}

// Adds a group's counts to the node of a level, which is made when it is new.
static ds_code node_add(tree *all, uint32_t level, uint32_t parent, uint64_t key,
                        const delivery_cell *cell, uint32_t *ret_node, ds_error *err) {
  uint32_t *at = ds_map64_put(&all->at[level], key_at(key, level));
  if (at == NULL)
    return no_memory(err);
  if (*at == DS_NONE) {
    all->node[all->count] = (node){.key = key_at(key, level), .level = level, .parent = parent};
    *at = all->count++;
  }
  node *of = &all->node[*at];
  *ret_node = *at;
  for (uint32_t c = 0; c < DELIVERY_COUNTS; c++)
    of->count[c] += cell->count[c];
  return days_sum(&of->came, &cell->arrived) && days_sum(&of->waiting, &cell->open) &&
                 days_sum(&of->promised, &cell->promised)
             ? DS_OK
             : no_memory(err);
}

static ds_code tree_make(const delivery_asked *asked, const delivery_state *state, tree *all,
                         ds_error *err) {
  const uint32_t most = state->groups.count * (asked->dimensions + 1u);
  all->node = calloc(most + 1u, sizeof *all->node);
  if (all->node == NULL)
    return no_memory(err);
  for (uint32_t g = 0; g < state->groups.count; g++) {
    uint32_t at = DS_NONE;
    for (uint32_t level = 0; level <= asked->dimensions; level++)
      TRY(node_add(all, level, at, state->groups.key[g], &state->cell[g], &at, err));
  }
  return DS_OK;
}

static uint64_t at_day(const delivery_days *days, uint32_t d) {
  return d < days->size ? days->count[d] : 0;
}

// The parent's share that has not arrived after day d - 1; before the first day it is all.
static double stay_before(const node *parent, uint32_t d) {
  if (d == 0 || parent->days == 0)
    return 1;
  return parent->stay[d <= parent->days ? d - 1 : parent->days - 1];
}

// The estimate of a node whose parent (NULL: it has none) has one.
static ds_code node_estimate(node *of, const node *parent, ds_error *err) {
  const double weight = parent == NULL ? 0 : DELIVERY_LEARNT_MIN;
  of->days = of->came.size > of->waiting.size ? of->came.size : of->waiting.size;
  of->days = parent != NULL && parent->days > of->days ? parent->days : of->days;
  of->stay = malloc((of->days + 1u) * sizeof *of->stay);
  if (of->stay == NULL)
    return no_memory(err);
  ds_survival at =
      ds_survival_begin((double)(of->count[DELIVERY_CAME] + of->count[DELIVERY_WAITING] +
                                 of->count[DELIVERY_NEVER]) + weight);
  for (uint32_t d = 0; d < of->days; d++) {
    const double lent =
        parent == NULL ? 0 : weight * (stay_before(parent, d) - stay_before(parent, d + 1));
    ds_survival_step(&at, (double)at_day(&of->came, d) + lent, (double)at_day(&of->waiting, d));
    of->stay[d] = at.stay;
  }
  return DS_OK;
}

// Estimates all nodes; those of a level stand behind one of the level above that holds them.
static ds_code tree_estimate(tree *all, ds_error *err) {
  for (uint32_t n = 0; n < all->count; n++) {
    node *of = &all->node[n];
    assert(of->level == 0 || of->parent < n);
    of->lender = n;
    if (of->count[DELIVERY_CAME] < DELIVERY_LEARNT_MIN) {
      of->lender = of->level == 0 ? DS_NONE : all->node[of->parent].lender;
      continue;
    }
    const uint32_t lender = of->level == 0 ? DS_NONE : all->node[of->parent].lender;
    TRY(node_estimate(of, lender == DS_NONE ? NULL : &all->node[lender], err));
  }
  return DS_OK;
}

// The days within which a share of at least `level` percent arrives; false when it never does.
static bool days_of(const node *of, uint32_t level, uint32_t *ret_days, double *ret_share) {
  for (uint32_t d = 0; d < of->days && d < DELIVERY_DAYS_MAX; d++)
    if (1 - of->stay[d] >= level / 100.0 - NEAR) {
      *ret_days = d;
      *ret_share = 1 - of->stay[d];
      return true;
    }
  return false;
}

// Groups of --by in their order, all before its parts, the most parcels first; equal ones by their
// keys' values, which the caller has put in order.
typedef struct order_of {
  const tree *all;
  const uint32_t *rank; // of a leaf among those of equal counts
} order_of;

static int by_parcels(const void *a, const void *b, void *context) {
  const order_of *order = context;
  const uint32_t m = *(const uint32_t *)a, n = *(const uint32_t *)b;
  const node *x = &order->all->node[m], *y = &order->all->node[n];
  if (delivery_key_by(x->key) != delivery_key_by(y->key))
    return delivery_key_by(x->key) < delivery_key_by(y->key) ? -1 : 1;
  if (x->level != y->level)
    return x->level < y->level ? -1 : 1;
  const uint64_t p = x->count[DELIVERY_CAME], q = y->count[DELIVERY_CAME];
  if (p != q)
    return p > q ? -1 : 1;
  return (order->rank[m] > order->rank[n]) - (order->rank[m] < order->rank[n]);
}

// The names of a group and of the one whose estimate it has: left alone when there is none.
static ds_code put_names(const delivery_found *found, const tree *all, const node *of,
                         ds_cell *group, ds_cell *from, ds_result *result, ds_error *err) {
  const node *const nodes[] = {of, of->lender == DS_NONE ? NULL : &all->node[of->lender]};
  ds_cell *const cells[] = {group, from};
  ds_code code = DS_OK;
  for (uint32_t n = 0; code == DS_OK && n < 2; n++) {
    ds_buf name;
    if (nodes[n] == NULL)
      continue;
    ds_buf_init(&name, 1u << 12);
    ds_delivery_group_name(found->asked, &found->state->groups, nodes[n]->key, nodes[n]->level,
                           &name);
    code = ds_buf_check(&name, "the name of a group", err);
    *cells[n] = ds_cell_text(result, (ds_str){(const char *)name.data, (uint32_t)name.size});
    ds_buf_done(&name);
  }
  return code;
}

static ds_code put_node(const delivery_found *found, const tree *all, const node *of,
                        ds_table *table, ds_result *result, ds_error *err) {
  const node *by = of->lender == DS_NONE ? NULL : &all->node[of->lender];
  for (uint32_t l = 0; l < DELIVERY_LEVELS; l++) {
    ds_cell *cell = ds_delivery_row(found->asked, delivery_key_by(of->key), result, table);
    double promised = 0, share = 0;
    uint32_t days = 0;
    ds_cell from;
    if (cell == NULL)
      return no_memory(err);
    TRY(put_names(found, all, of, &cell[0], &from, result, err));
    cell[1] = ds_cell_i64((int64_t)of->count[DELIVERY_CAME]);
    cell[2] = ds_cell_i64((int64_t)of->count[DELIVERY_WAITING]);
    cell[3] = ds_cell_i64((int64_t)of->count[DELIVERY_NEVER]);
    if (ds_delivery_days_quantile(&of->promised, 1, 2, &promised))
      cell[4] = ds_cell_double(promised);
    cell[5] = ds_cell_double(levels[l] / 100.0);
    if (by == NULL || !days_of(by, levels[l], &days, &share))
      continue;
    cell[6] = ds_cell_i64(days);
    cell[7] = ds_cell_double(share);
    cell[8] = from;
  }
  return DS_OK;
}

// What every promise of so many days would have kept, until nothing more arrives.
static ds_code put_curve(const delivery_found *found, const tree *all, const node *of,
                         ds_table *table, ds_result *result, ds_error *err) {
  const node *by = of->lender == DS_NONE ? NULL : &all->node[of->lender];
  uint32_t end = by == NULL ? 0 : by->days < DELIVERY_DAYS_MAX ? by->days : DELIVERY_DAYS_MAX;
  while (end > 1 && by->stay[end - 2] - by->stay[end - 1] <= NEAR)
    end--;
  for (uint32_t d = 0; d < end; d++) {
    ds_cell *cell = ds_delivery_row(found->asked, delivery_key_by(of->key), result, table);
    if (cell == NULL)
      return no_memory(err);
    TRY(put_names(found, all, of, &cell[0], &cell[3], result, err));
    cell[1] = ds_cell_double(d);
    cell[2] = ds_cell_double(1 - by->stay[d]);
  }
  return DS_OK;
}

static ds_table *curve_table(const delivery_found *found, ds_result *result) {
  static const ds_column columns[] = {
      {"group", DS_CELL_LIST, "", "what the parcels have in common", false},
      {"days", DS_CELL_NUMBER, "days", "a promise of so many, from the order's day", false},
      {"would_be_kept", DS_CELL_SHARE, "", "share that such a promise would have kept", false},
      {"from", DS_CELL_LIST, "", "the group it was learnt from: this, or one that holds it", true},
  };
  ds_table *table = ds_delivery_table(found->asked, result, "curve",
                                      "How often each promise would be kept", columns, 4);
  if (table != NULL)
    table->bar = "would_be_kept";
  return table;
}

static ds_code put_tree(const delivery_found *found, const tree *all, ds_table *table,
                        ds_result *result, ds_error *err) {
  const delivery_asked *asked = found->asked;
  const delivery_state *state = found->state;
  uint32_t *shown = ds_arena_array(result->arena, all->count + 1u, sizeof *shown);
  uint32_t *rank = ds_arena_array(result->arena, all->count + 1u, sizeof *rank);
  uint32_t count = 0;
  if (shown == NULL || rank == NULL)
    return no_memory(err);
  for (uint32_t n = 0; n < all->count; n++)
    if (all->node[n].level == 0 ||
        (all->node[n].level == asked->dimensions && all->node[n].count[DELIVERY_CAME] > 0))
      shown[count++] = n;
  for (uint32_t g = 0; g < state->groups.count; g++)
    rank[ds_map64_get(&all->at[asked->dimensions], state->groups.key[g])] = found->rank[g];
  qsort_r(shown, count, sizeof *shown, by_parcels, &(order_of){all, rank});
  for (uint32_t i = 0; i < count; i++)
    TRY(put_node(found, all, &all->node[shown[i]], table, result, err));
  ds_table *curve = asked->has_curve ? curve_table(found, result) : NULL;
  if (asked->has_curve && curve == NULL)
    return no_memory(err);
  for (uint32_t i = 0; curve != NULL && i < count; i++)
    TRY(put_curve(found, all, &all->node[shown[i]], curve, result, err));
  return DS_OK;
}

ds_code ds_delivery_put_promises(const delivery_found *found, ds_result *result, ds_error *err) {
  static const ds_column columns[] = {
      {"group", DS_CELL_LIST, "", "what the parcels have in common", false},
      {"deliveries", DS_CELL_COUNT, "parcels", "that arrived, of orders whose day is known", false},
      {"open", DS_CELL_COUNT, "parcels", "still open after a whole day: they count as long as seen",
       true},
      {"lost", DS_CELL_COUNT, "parcels", "lost or sent back: no promise would have been kept",
       true},
      {"promised_days", DS_CELL_NUMBER, "days", "median of what was promised, from the order's day",
       false},
      {"level", DS_CELL_SHARE, "", "how often the promise is to be kept", false},
      {"days", DS_CELL_COUNT, "days", "to promise for that, from the order's day", false},
      {"would_be_kept", DS_CELL_SHARE, "", "share that such a promise would have kept", false},
      {"from", DS_CELL_LIST, "", "the group it was learnt from: this, or one that holds it", false},
  };
  static const char *const keys[] = {"group", "deliveries", "promised_days", NULL};
  static const ds_pivot pivot = {
      .title = "The promise, in days from the order, that would have been kept so often",
      .keys = keys, .across = "level", .figure = "days"};
  ds_table *table = ds_delivery_table(found->asked, result, "promises",
                                      "Promises that would be kept", columns, 9);
  if (table == NULL)
    return no_memory(err);
  table->pivot = &pivot;
  tree all = {0};
  for (uint32_t level = 0; level <= DELIVERY_DIMENSIONS_MAX; level++)
    ds_map64_init(&all.at[level]);
  ds_code code = tree_make(found->asked, found->state, &all, err);
  if (code == DS_OK)
    code = tree_estimate(&all, err);
  if (code == DS_OK)
    code = put_tree(found, &all, table, result, err);
  tree_done(&all);
  return code;
}
