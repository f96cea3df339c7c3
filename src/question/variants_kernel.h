// SPDX-License-Identifier: Apache-2.0
// The kernel of the variants: one pass over blocks that numbers the sequences of touchpoints and
// keeps, per case, its variant and its duration. Counting is left to the end, so that a case costs
// no write to what stands far apart in memory. May use base/ to scan/. Invariant: what the merged
// state says of a variant does not depend on the order of blocks or merges; its number does, and
// is never shown.
#ifndef DS_QUESTION_VARIANTS_KERNEL_H
#define DS_QUESTION_VARIANTS_KERNEL_H

#include "base/sum.h"
#include "question/breakdown.h"
#include "question/property.h"
#include "question/refine.h"
#include "question/variants_table.h"

enum { VARIANTS_CHUNK = 170 * 1024 }; // cases kept: just below 2 MiB, see base/large.h

// Cases as they came, in no order.
typedef struct variants_chunk {
  struct variants_chunk *next;
  uint32_t used;
  uint32_t number[VARIANTS_CHUNK]; // of the variant
  int64_t duration_ms[VARIANTS_CHUNK];
} variants_chunk;

// The values of the outcome among a variant's events.
typedef struct variants_outcome {
  ds_dd sum;
  uint64_t count;
} variants_outcome;

// What the kernel is asked to do; read-only while it runs.
typedef struct variants_context {
  uint32_t touchpoints; // up to 256 a code takes one byte, else two
  bool collapse;
  bool by_gaps; // durations are sums of gaps, though times are there
  bool has_outcome;
  ds_property_ref outcome;
  const ds_breakdown *by; // NULL: one group
  size_t kept_bytes_max;  // of kept cases, per state
  // A further pass: cases of the variants of `table` go to `refine`, by the row of their variant.
  const variants_table *table;
  const uint32_t *row;
  const ds_refine *refine;
} variants_context;

// One thread's state, or the merged one.
typedef struct variants_state {
  const variants_context *context;
  variants_table table;
  uint64_t *cases; // by number, of cases no longer kept; capacity entries or none yet
  variants_outcome *outcome;
  uint32_t capacity;
  variants_chunk *kept;
  size_t kept_bytes;
  bool dropped; // some cases are no longer kept
  uint64_t events;
  ds_refine_counts refined;
  uint8_t *codes; // of the block
  void *sum;      // of a batch's gaps
  uint32_t *begin; // of its journeys, in bytes, and the end of the last
  uint32_t *hash;
  uint32_t *group;
  uint32_t events_capacity;
  uint32_t journeys_capacity;
} variants_state;

// The row of the kernel table.
extern const ds_kernel ds_variants_kernel;

// Counts the kept cases into cases[], once; they stay kept.
DS_CHECKED ds_code ds_variants_count(variants_state *state, ds_error *err);

// Bytes of one code; code i of a record.
static inline uint32_t variants_width(const variants_context *context) {
  return context->touchpoints <= 256 ? 1 : 2;
}

static inline uint32_t variants_code(const variants_record *record, uint32_t width, uint32_t i) {
  const uint8_t *at = (const uint8_t *)record->word + (size_t)i * width;
  return width == 1 ? *at : at[0] | (uint32_t)at[1] << 8;
}

#endif
