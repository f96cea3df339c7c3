// SPDX-License-Identifier: Apache-2.0
// The inner loops of the three levels, named by TILE_OF(level), for the
// instructions of TILE_TARGET: included once per instruction set.
#define TILE_NAME TILE_OF(basic)
#define TILE_CASES 0
#define TILE_WINDOWS 0
#include "question/process_kernel.inc.h"
#undef TILE_NAME
#undef TILE_CASES
#undef TILE_WINDOWS

#define TILE_NAME TILE_OF(cases)
#define TILE_CASES 1
#define TILE_WINDOWS 0
#include "question/process_kernel.inc.h"
#undef TILE_NAME
#undef TILE_CASES
#undef TILE_WINDOWS

#define TILE_NAME TILE_OF(all)
#define TILE_CASES 1
#define TILE_WINDOWS 1
#include "question/process_kernel.inc.h"
#undef TILE_NAME
#undef TILE_CASES
#undef TILE_WINDOWS
