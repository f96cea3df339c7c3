// SPDX-License-Identifier: Apache-2.0
// The kernel of the variants: one pass over blocks that counts the sequences of touchpoints and
// keeps, per case, its variant and its duration. All threads fill one set of tables, for most
// variants of a large store are of one case, and a table per thread would hold, and the merging
// copy, nearly all of them again. May use base/ to scan/. Invariant: what is said of a variant does
// not depend on the order of blocks; its place and number do, and are never shown.
#ifndef DS_QUESTION_VARIANTS_KERNEL_H
#define DS_QUESTION_VARIANTS_KERNEL_H

#include <pthread.h>

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
  uint32_t place[VARIANTS_CHUNK]; // of the variant: part << VARIANTS_PLACE_BITS | place in there
  int64_t duration_ms[VARIANTS_CHUNK];
} variants_chunk;

// The values of the outcome among a variant's events.
typedef struct variants_outcome {
  ds_dd sum;
  uint64_t count;
} variants_outcome;

// The variants whose hash names this part.
typedef struct variants_part {
  pthread_mutex_t mutex; // held by who adds
  variants_table table;
  variants_outcome *outcome; // by number, where one is asked for
  uint32_t capacity;         // of these
} variants_part;

// All variants. A place and its part make 32 bits.
enum { VARIANTS_PARTS = 1 << (32 - VARIANTS_PLACE_BITS) };
typedef struct variants_shared {
  variants_part part[VARIANTS_PARTS];
} variants_shared;

// An empty set; gives its memory back.
void ds_variants_shared_init(variants_shared *shared);
void ds_variants_shared_done(variants_shared *shared);

// What the kernel is asked to do; read-only while it runs, but for `shared`.
typedef struct variants_context {
  uint32_t touchpoints; // up to 256 a code takes one byte, else two
  bool collapse;
  bool by_gaps; // durations are sums of gaps, though times are there
  bool has_outcome;
  ds_property_ref outcome;
  const ds_breakdown *by; // NULL: one group
  size_t kept_bytes_max;  // of kept cases, per state
  variants_shared *shared; // who asks makes it and gives it back
  // A further pass: cases of the variants in `shared` go to `refine`, by the row of their variant.
  const ds_refine *refine;
} variants_context;

// One thread's state, or the merged one.
typedef struct variants_state {
  const variants_context *context;
  variants_chunk *kept;
  size_t kept_bytes;
  bool dropped; // some cases are no longer kept
  uint64_t events;
  ds_refine_counts refined;
  uint8_t *codes; // of the block
  void *sum;       // of a batch's gaps
  uint32_t *begin; // of its journeys, in bytes, and the end of the last
  uint32_t *hash;
  uint32_t *group;
  uint32_t *order; // its journeys, by part
  int64_t *duration_ms;
  uint32_t turn; // the part that the last block began with
  uint32_t events_capacity;
  uint32_t journeys_capacity;
} variants_state;

// The row of the kernel table.
extern const ds_kernel ds_variants_kernel;

// The part of a hash: by its lower bits, for slots go by the upper ones.
static inline uint32_t variants_part_of(uint32_t hash) { return hash % VARIANTS_PARTS; }

// Bytes of one code; code i of a record.
static inline uint32_t variants_width(const variants_context *context) {
  return context->touchpoints <= 256 ? 1 : 2;
}

static inline uint32_t variants_code(const variants_record *record, uint32_t width, uint32_t i) {
  const uint8_t *at = (const uint8_t *)record->word + (size_t)i * width;
  return width == 1 ? *at : at[0] | (uint32_t)at[1] << 8;
}

#endif
