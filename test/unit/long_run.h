// SPDX-License-Identifier: Apache-2.0
// How much of a test runs: `make test` takes a share of many, `make stress` all.
#ifndef DS_TEST_LONG_RUN_H
#define DS_TEST_LONG_RUN_H

#include <stdbool.h>
#include <stdint.h>

// Whether this run takes tests at full size (DS_STRESS=1).
bool long_run(void);

// A test takes one in so many of its cases: `usual`, or every one when the run is long.
uint64_t long_run_stride(uint64_t usual);

#endif
