// SPDX-License-Identifier: Apache-2.0
// Tests of the tests: bugs of durability that a build may switch on (-Dseeded_bugs=true), one at a
// time, to see that the sweeps of docs/durability.md find it. In any other build DS_SEEDED is false
// and nothing is left of it. Uses nothing.
#ifndef DS_BASE_SEEDED_H
#define DS_BASE_SEEDED_H

// The bugs and what they do wrong: read by test/seeded/run.
#define DS_SEEDED_BUGS(BUG)                                                          \
  BUG(ACKNOWLEDGE_BEFORE_SYNC, "a batch is acknowledged before the log is synced")   \
  BUG(NEW_LOG_NOT_NAMED, "the directory is not synced after a log was made")         \
  BUG(MANIFEST_NOT_NAMED, "the directory is not synced after MANIFEST was replaced") \
  BUG(MANIFEST_NOT_SYNCED, "MANIFEST is renamed before its content is on disk")      \
  BUG(PART_NOT_SYNCED, "a part is not synced")                                       \
  BUG(RECORD_UNCHECKED, "a record's checksum is not compared")                       \
  BUG(TORN_END_KEPT, "a log's torn end is written behind")                           \
  BUG(OLD_LOG_EARLY, "the old log goes before MANIFEST is on disk")                  \
  BUG(MANIFEST_IN_PLACE, "MANIFEST is overwritten in place")                         \
  BUG(SYNC_RETRIED, "a failed sync is tried again and believed")

#ifdef DS_WITH_SEEDED_BUGS
#include <stdbool.h>

// Whether the environment's DS_SEEDED_BUG names this bug.
bool ds_seeded(const char *name);
#define DS_SEEDED(name) ds_seeded(#name)
#else
#define DS_SEEDED(name) 0
#endif

#endif
