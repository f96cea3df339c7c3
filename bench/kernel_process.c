// SPDX-License-Identifier: Apache-2.0
// Nanoseconds per event of the process kernel alone, on made-up blocks that lie in memory:
// kernel_process [touchpoints] [events per case].
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "question/process_kernel.h"

enum { BLOCKS = 1, PASSES = 32, EVENTS = 65536, ROUNDS = 12 };

static uint64_t next_random(uint64_t *state) {
  *state += 0x9e3779b97f4a7c15u;
  uint64_t z = *state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// A case moves mostly to the next touchpoint; gaps spread over many orders of magnitude.
static void fill(ds_block *block, uint32_t touchpoints, uint32_t length, uint64_t *seed) {
  block->events = EVENTS;
  block->offset = malloc((EVENTS + 1) * sizeof *block->offset);
  block->touchpoint = malloc(EVENTS * sizeof *block->touchpoint);
  block->gap_ms = malloc(EVENTS * sizeof *block->gap_ms);
  uint32_t left = 0, at = 0;
  for (uint32_t i = 0; i < EVENTS; i++) {
    const uint64_t r = next_random(seed);
    if (left == 0) {
      block->offset[block->journeys++] = i;
      left = 1 + (uint32_t)(r % (2 * length - 1));
      at = 0;
      block->gap_ms[i] = 0;
    } else {
      at = (r >> 20) % 4 == 0 ? (uint32_t)((r >> 32) % touchpoints) : (at + 1) % touchpoints;
      const uint64_t step = next_random(seed);
      block->gap_ms[i] = (int64_t)((step >> 16) % (1000ull << (step % 20)));
    }
    block->touchpoint[i] = (uint16_t)at;
    left--;
  }
  block->offset[block->journeys] = EVENTS;
}

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double run(const ds_block *blocks, const process_context *context) {
  process_state *state = calloc(1, sizeof *state);
  ds_arena arena;
  ds_arena_init(&arena, 1u << 30);
  ds_error err;
  if (ds_process_kernel.init(state, context, &arena, &err) != DS_OK)
    exit(1);
  const double start = now_ns();
  for (uint32_t b = 0; b < PASSES * BLOCKS; b++)
    if (ds_process_kernel.add_block(state, &blocks[b % BLOCKS], &err) != DS_OK)
      exit(1);
  const double end = now_ns();
  ds_process_kernel.done(state);
  free(state);
  ds_arena_done(&arena);
  return (end - start) / ((double)PASSES * BLOCKS * EVENTS);
}

int main(int argc, char **argv) {
  const uint32_t touchpoints = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 16;
  const uint32_t length = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 10;
  ds_block blocks[BLOCKS] = {0};
  uint64_t seed = 1;
  for (uint32_t b = 0; b < BLOCKS; b++)
    fill(&blocks[b], touchpoints, length, &seed);
  const process_shape shape = ds_process_shape_of(touchpoints, 1);
  const uint32_t windows_count = (touchpoints + 1) * touchpoints;
  process_window *windows = calloc(windows_count, sizeof *windows);
  for (uint32_t w = 0; w < windows_count; w++) {
    const bool start = w >= touchpoints * touchpoints;
    windows[w] = (process_window){w, {300000, 50000000}, {400000, 80000000}};
    if (start)
      windows[w] = (process_window){.key = w};
  }
  static const char *const names[] = {"basic", "cases", "all", "all, keeping every gap"};
  for (uint32_t level = 0; level < 4; level++) {
    process_context context = {.shape = shape, .level = level < 3 ? level : PROCESS_ALL,
                               .windows = windows, .kept_bytes_max = 1u << 29,
                               .windows_count = level < 3 ? windows_count : 0};
    double best = 1e9;
    for (uint32_t round = 0; round < ROUNDS; round++) {
      const double ns = run(blocks, &context);
      best = ns < best ? ns : best;
    }
    printf("%-24s %.2f ns/event  %.0f M events/s\n", names[level], best, 1e3 / best);
  }
  free(windows);
  return 0;
}
