// SPDX-License-Identifier: Apache-2.0
// Simple event predicates of the first slice: comparisons of a name with a literal, joined by
// `and`: `touchpoint = 'delivered' and value > 100 and coupon is not null`. Three-valued logic: a
// comparison with null is unknown, and unknown is not met. Evaluated over a whole block into a
// bitmap. May use base/, model/.
#ifndef DS_LANG_FILTER_H
#define DS_LANG_FILTER_H

#include "base/arena.h"
#include "model/block.h"

typedef struct ds_filter ds_filter;

// Reads `text`. Operators = != < <= > >= , `in (…)`, `is [not] null`; literals 42, 3.5, 'text',
// true, false, date '…', time '…', 90d; names: touchpoint, source, time, a case key, a property
// of `space`. DS_EXPRESSION with the position and what to write instead; a name that no event
// carries gets a "did you mean". Lives in `arena`.
DS_CHECKED ds_code ds_filter_parse(ds_str text, const ds_space *space, ds_arena *arena,
                                   const ds_filter **ret_filter, ds_error *err);

// Checks every literal against the types that the events' values of its property have:
// types[code] is bits 1 << ds_type. DS_EXPRESSION with the literal's position and what to write
// instead; a property of no known type passes.
DS_CHECKED ds_code ds_filter_check(const ds_filter *filter, const uint8_t *types, ds_error *err);

// Which columns the filter reads, added to `columns` (arrays grow in `arena`, without repeats).
// Order of properties and keys already there is kept.
DS_CHECKED ds_code ds_filter_columns(const ds_filter *filter, ds_columns *columns, ds_arena *arena,
                                     ds_error *err);

// Sets bit e of `keep` (events bits, LSB first, cleared by the callee first) for each event that
// meets it. `block` was decoded with `columns`.
void ds_filter_block(const ds_filter *filter, const ds_columns *columns, const ds_block *block,
                     uint64_t *keep);

// The same predicate as SQL text (DuckDB) over columns named like the names.
DS_CHECKED ds_code ds_filter_sql(const ds_filter *filter, ds_buf *out, ds_error *err);

#endif
