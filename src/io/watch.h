// SPDX-License-Identifier: Apache-2.0
// Whether anything has been written, made, renamed or removed in some folders, told by the kernel
// for less than a microsecond, so that who serves many need not read files at each request. It may
// say yes when nothing has changed, and says so always where it cannot know. May use base/ only.
#ifndef DS_IO_WATCH_H
#define DS_IO_WATCH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ds_watch ds_watch;

// Watches folders, not what lies below them. NULL when they cannot be watched (memory, the
// system's limits, no such folder): which ds_watch_stirred takes. The caller frees it.
ds_watch *ds_watch_new(const char *const *folders, uint32_t count);
void ds_watch_free(ds_watch *watch); // NULL is fine

// Whether there was anything since the last call; at first, and of NULL, there was. A change that
// was made through a file's descriptor on this machine before the call is told by it; one through
// mapped memory or on another machine is not.
bool ds_watch_stirred(ds_watch *watch);

#endif
