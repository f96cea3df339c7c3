// SPDX-License-Identifier: Apache-2.0
// Sweep 3 of docs/durability.md over anything that gives an answer: allocation number n fails, once
// or from then on, for every n or one in so many. The answer is DS_MEMORY or, to the byte, the one
// that enough memory gives. Checks end the test by cmocka's asserts.
#ifndef DS_TEST_MEMORY_SWEEP_H
#define DS_TEST_MEMORY_SWEEP_H

#include "base/buf.h"

// What is swept; a row of a test's table.
typedef struct memory_case {
  const char *name;
  // Does it, and appends the answer. What it needs beforehand it does between memory_faults_pause
  // and memory_faults_resume.
  ds_code (*run)(const void *context, ds_buf *out, ds_error *err);
  // Looks at what is left behind, with memory enough; NULL: nothing is.
  void (*settle)(const void *context, ds_code code);
  const void *context;
} memory_case;

// Sweeps one in so many of its cases, about `cases` of them; all with DS_STRESS=1.
void memory_sweep(const memory_case *of, uint32_t cases);

// The same as a test of cmocka, whose state is the memory_case.
void memory_sweep_test(void **state);

#endif
