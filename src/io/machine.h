// SPDX-License-Identifier: Apache-2.0
// How much memory the machine lets this process have: what it was built with, or less, where a
// control group (a container, a service) or the process's own limit says so. May use base/ only.
#ifndef DS_IO_MACHINE_H
#define DS_IO_MACHINE_H

#include <stddef.h>
#include <stdint.h>

// The budget of whoever names none, in bytes: a quarter of that memory, at least 128 MiB.
size_t ds_machine_budget(void);

// The least limit, in bytes, that the control groups of this process state (memory.max of version
// 2, memory.limit_in_bytes of version 1, those above them, too; see cgroups(7)); UINT64_MAX without
// any. They are read below `root`, "" but for tests.
uint64_t ds_machine_group_limit(const char *root);

#endif
