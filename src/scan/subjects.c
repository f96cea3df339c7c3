// SPDX-License-Identifier: Apache-2.0
// See subjects.h.
#include "scan/subjects.h"

#include "store/identity.h"

typedef struct match_context {
  const ds_names *subjects;
  const ds_identity *identity;
  uint32_t *customer;
} match_context;

typedef struct match_state {
  const match_context *context;
} match_state;

static ds_code match_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  ((match_state *)memory)->context = context;
  return DS_OK;
}

static ds_code match_add(void *memory, const ds_block *block, ds_error *err) {
  (void)err;
  const match_context *to = ((match_state *)memory)->context;
  for (uint32_t j = 0; j < block->journeys; j++) {
    const uint32_t index = ds_names_find(to->subjects, block->subject[j]);
    if (index != DS_NONE)
      to->customer[index] = ds_identity_customer(to->identity, block->customer[j]);
  }
  return DS_OK;
}

static ds_code match_merge(void *into, void *from, ds_error *err) {
  (void)into;
  (void)from;
  (void)err;
  return DS_OK;
}

static const ds_kernel kernel = {"match",   sizeof(match_state), match_init,
                                 match_add, match_merge,         NULL};

ds_code ds_subjects_customers(const ds_snapshot *snapshot, const ds_names *subjects,
                              size_t memory_bytes, ds_progress *progress, uint32_t *customer,
                              ds_error *err) {
  const match_context to = {subjects, snapshot->identity, customer};
  const ds_plan plan = {.columns = {.want = DS_WANT_SUBJECT}, .threads = 1, .separate = true,
                        .progress = progress};
  void *memory = NULL;
  ds_arena arena;
  for (uint32_t i = 0; i < subjects->count; i++)
    customer[i] = DS_NONE;
  ds_arena_init(&arena, memory_bytes);
  ds_code code = ds_scan(snapshot, &plan, &kernel, &to, &arena, &memory, err);
  ds_arena_done(&arena);
  for (uint32_t i = 0; code == DS_OK && snapshot->identity != NULL && i < subjects->count; i++) {
    if (customer[i] == DS_NONE)
      code = ds_snapshot_find(snapshot, subjects->text[i], &customer[i], err);
    if (code == DS_OK && i % 1024 == 0 && ds_progress_stopped(progress))
      code = ds_fail(err, DS_INTERRUPTED, "stopped while it looked for customers");
  }
  return code;
}
