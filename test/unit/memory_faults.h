// SPDX-License-Identifier: Apache-2.0
// Makes one allocation of the code under test fail: by its number, so that a case is made again by
// that number alone. All tests are linked with --wrap for the functions below, so that calls from
// our own code pass here; those that libraries make among themselves do not, but for SQLite, which
// is told to allocate here. Also asked are pthread_create and zstd, which allocate for us.
#ifndef DS_TEST_MEMORY_FAULTS_H
#define DS_TEST_MEMORY_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

// Before anything else in main: SQLite is told once.
void memory_faults_install(void);

// From now on allocations are counted from 0; number `n` fails, or, if persistent, it and all
// later ones.
void memory_faults_arm(uint64_t n, bool persistent);

// Stops that. Returns how many were asked for; *ret_failed (may be NULL): whether any was refused.
uint64_t memory_faults_disarm(bool *ret_failed);

// What a test allocates for itself between these on its thread is neither counted nor refused.
void memory_faults_pause(void);
void memory_faults_resume(void);

#endif
