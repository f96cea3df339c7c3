// SPDX-License-Identifier: Apache-2.0
// See variants_filter.h.
#include "question/variants_filter.h"

#include <stdlib.h>

#include "question/common.h"
#include "question/sql.h"
#include "question/variants_rows.h"

// Ranks first .. last.
typedef struct rank_range {
  uint32_t first;
  uint32_t last;
} rank_range;

enum { RANGES_MAX = 256 };

typedef struct rank_ranges {
  rank_range range[RANGES_MAX];
  uint32_t count;
} rank_ranges;

static bool read_rank(ds_str text, uint32_t *ret_rank) {
  uint64_t rank = 0;
  if (!ds_str_to_u64(text, &rank) || rank == 0 || rank >= UINT32_MAX)
    return false;
  *ret_rank = (uint32_t)rank;
  return true;
}

// "3" or "5-8".
static bool read_range(ds_str text, rank_range *range) {
  const char *dash = memchr(text.data, '-', text.size);
  const uint32_t size = dash == NULL ? text.size : (uint32_t)(dash - text.data);
  if (!read_rank((ds_str){text.data, size}, &range->first))
    return false;
  range->last = range->first;
  return dash == NULL || (read_rank((ds_str){dash + 1, text.size - size - 1}, &range->last) &&
                          range->first <= range->last);
}

static ds_code read_ranks(const char *text, rank_ranges *ranks, ds_error *err) {
  ranks->count = 0;
  for (const char *at = text; at != NULL;) {
    const char *comma = strchr(at, ',');
    const size_t size = comma == NULL ? strlen(at) : (size_t)(comma - at);
    if (ranks->count == RANGES_MAX)
      return ds_fail(err, DS_LIMIT, "--variant takes at most %d ranks and ranges", RANGES_MAX);
    if (!read_range((ds_str){at, (uint32_t)size}, &ranks->range[ranks->count++]))
      return ds_fail(err, DS_USAGE, "--variant %.100s: expected ranks from 1, as in 1 or 1,3,5-8",
                     text);
    at = comma == NULL ? NULL : comma + 1;
  }
  return DS_OK;
}

static bool holds(const rank_ranges *ranks, uint32_t rank) {
  bool held = ranks->count == 0;
  for (uint32_t r = 0; r < ranks->count && !held; r++)
    held = ranks->range[r].first <= rank && rank <= ranks->range[r].last;
  return held;
}

static uint32_t last_rank(const rank_ranges *ranks) {
  uint32_t last = 0;
  for (uint32_t r = 0; r < ranks->count; r++)
    last = ranks->range[r].last > last ? ranks->range[r].last : last;
  return last;
}

// The nodes of a block, in `room` unless they are its touchpoints.
static ds_code nodes_of(const variants_filter *filter, const ds_block *block, uint16_t *room,
                        const uint16_t **ret_node, ds_error *err) {
  const ds_recode *recode = &filter->nodes->recode;
  *ret_node = recode->run == NULL ? block->touchpoint : room;
  return recode->run == NULL ? DS_OK : recode->run(recode->context, block, room, err);
}

// The codes of a journey behind one another, VARIANTS_SLACK bytes of room behind them.
static uint32_t pack(const variants_filter *filter, const ds_block *block, const uint16_t *node,
                     uint32_t j, uint8_t *codes) {
  uint32_t used = 0;
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
    const uint16_t code = node[e];
    if (filter->collapse && e > block->offset[j] && code == node[e - 1])
      continue;
    codes[used++] = (uint8_t)code;
    if (filter->width == 2)
      codes[used++] = (uint8_t)(code >> 8);
  }
  return used;
}

static void mark_journeys(const variants_filter *filter, const ds_block *block,
                          const uint16_t *node, uint8_t *codes, uint64_t *keep) {
  for (uint32_t j = 0; j < block->journeys; j++) {
    variants_key key = {codes, pack(filter, block, node, j, codes), 0, 0};
    memset(codes + key.size, 0, VARIANTS_SLACK);
    key.hash = variants_hash(&key);
    if (ds_variants_table_find(&filter->table, &key) == 0)
      continue;
    for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++)
      keep[e / 64] |= 1ull << (e % 64);
  }
}

static ds_code mark(const void *context, const ds_block *block, uint64_t *keep, ds_error *err) {
  const variants_filter *filter = context;
  uint8_t *codes = malloc((size_t)block->events * filter->width + VARIANTS_SLACK);
  uint16_t *room = malloc(block->events * sizeof *room);
  const uint16_t *node = NULL;
  ds_code code = codes != NULL && room != NULL
                     ? nodes_of(filter, block, room, &node, err)
                     : ds_fail(err, DS_MEMORY, "out of memory for variants: give more --memory");
  if (code == DS_OK)
    mark_journeys(filter, block, node, codes, keep);
  free(codes);
  free(room);
  return code;
}

// The chosen ones of the rows, as a table of their own.
static ds_code take(variants_filter *filter, const variants_rows *rows, const rank_ranges *ranks,
                    uint64_t *ret_cases, ds_error *err) {
  for (uint32_t r = 0; r < rows->rows; r++) {
    const variants_record *record = rows->row[r].record;
    if (!holds(ranks, r + 1))
      continue;
    variants_key key = {(const uint8_t *)record->word, record->size, 0, 0};
    key.hash = variants_hash(&key);
    TRY(ds_variants_table_reserve(&filter->table, 1, record->size, err));
    (void)ds_variants_table_put(&filter->table, &key);
    *ret_cases += rows->row[r].cases;
  }
  return DS_OK;
}

static void note(const variants_filter *filter, const variants_total *total, uint64_t kept,
                 ds_result *result) {
  char variants[32], all[32], cases[32], share[32];
  ds_result_note(result, false, "Chosen by their variant: %s of %s variants, %s cases (%s).",
                 ds_human_count(variants, filter->table.count),
                 ds_human_count(all, total->variants), ds_human_count(cases, kept),
                 ds_human_share(share, total->cases == 0 ? 0 : (double)kept /
                                                                   (double)total->cases));
}

// What the variants' own kernel counted becomes the choice.
static ds_code choose(const ds_request *request, variants_state *state, double coverage,
                      variants_filter *filter, ds_result *result, ds_error *err) {
  rank_ranges ranks = {.count = 0};
  variants_rows rows;
  uint64_t kept = 0;
  const char *text = ds_option_get(&request->options, "variant");
  if (text != NULL)
    TRY(read_ranks(text, &ranks, err));
  const uint32_t last = last_rank(&ranks);
  const variants_choice most = {text == NULL ? UINT32_MAX : last, coverage};
  TRY(ds_variants_choose(state, filter->nodes->names, &most, request->arena, &rows, err));
  if (last > rows.rows)
    return ds_fail(err, DS_USAGE, "--variant %u is past the last variant, %u", last, rows.rows);
  TRY(take(filter, &rows, &ranks, &kept, err));
  note(filter, rows.total, kept, result);
  return DS_OK;
}

ds_code ds_variants_filter_add(const ds_request *request, double coverage,
                               const ds_nodes *nodes, variants_filter *filter, ds_plan *plan,
                               ds_result *result, ds_error *err) {
  const ds_option_set *options = &request->options;
  if ((coverage >= 1 && ds_option_get(options, "variant") == NULL) ||
      request->snapshot->events == 0)
    return DS_OK;
  variants_shared shared;
  const variants_context context = {.shared = &shared,
                                    .touchpoints = nodes->names->count,
                                    .collapse = ds_option_flag(options, "collapse"),
                                    .kept_bytes_max = sizeof(variants_chunk)};
  *filter = (variants_filter){.width = variants_width(&context), .collapse = context.collapse,
                              .nodes = nodes};
  ds_plan counting = *plan;
  counting.columns.want = DS_WANT_TOUCHPOINT | DS_WANT_TIME;
  void *memory = NULL;
  ds_variants_shared_init(&shared);
  ds_code code = ds_scan(request->snapshot, &counting, &ds_variants_kernel, &context,
                         request->arena, &memory, err);
  if (code == DS_OK) {
    code = choose(request, memory, coverage, filter, result, err);
    ds_variants_kernel.done(memory);
  }
  ds_variants_shared_done(&shared);
  filter->choice = (ds_choice){mark, filter};
  plan->choice = &filter->choice;
  return code;
}

void ds_variants_filter_done(variants_filter *filter) { ds_variants_table_done(&filter->table); }

static void put_ranks(const rank_ranges *ranks, ds_buf *out) {
  for (uint32_t r = 0; r < ranks->count; r++)
    ds_buf_printf(out, "%srank BETWEEN %u AND %u", r == 0 ? " AND (" : " OR ",
                  ranks->range[r].first, ranks->range[r].last);
  ds_buf_text(out, ranks->count > 0 ? ")" : "");
}

ds_code ds_variants_filter_sql(const ds_request *request, double coverage, ds_buf *out,
                               const char **source, ds_error *err) {
  const char *text = ds_option_get(&request->options, "variant");
  rank_ranges ranks = {.count = 0};
  if (coverage >= 1 && text == NULL)
    return DS_OK;
  if (text != NULL)
    TRY(read_ranks(text, &ranks, err));
  ds_buf_text(out, ", routes AS (SELECT customer, of_case, list(touchpoint ORDER BY time, arrival)"
                   " AS route FROM (SELECT *, lag(touchpoint) OVER (PARTITION BY customer, "
                   "of_case ORDER BY time, arrival) AS previous FROM ");
  ds_buf_printf(out, "%s)", *source);
  ds_buf_text(out, ds_option_flag(&request->options, "collapse")
                       ? " WHERE previous IS DISTINCT FROM touchpoint" : "");
  ds_buf_text(out, " GROUP BY customer, of_case), ranked AS (SELECT route, row_number() OVER "
                   "(ORDER BY n DESC, route) AS rank, sum(n) OVER (ORDER BY n DESC, route) - n AS "
                   "before, sum(n) OVER () AS every FROM (SELECT route, count(*) AS n FROM routes "
                   "GROUP BY route)), told AS (SELECT * FROM ");
  ds_buf_printf(out, "%s WHERE (customer, of_case) IN ", *source);
  ds_buf_text(out, "(SELECT (customer, of_case) FROM routes JOIN ranked USING (route) WHERE ");
  ds_buf_printf(out, "before < %.17g::DOUBLE * every", coverage);
  put_ranks(&ranks, out);
  ds_buf_text(out, "))");
  *source = "told";
  return DS_OK;
}
