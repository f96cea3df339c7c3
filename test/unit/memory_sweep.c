// SPDX-License-Identifier: Apache-2.0
#include "memory_sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "long_run.h"
#include "memory_faults.h"

#define NO_FAILURE UINT64_MAX
enum { CASES_USUAL = 150 };

// Fails with the first line that differs.
static void compare(const memory_case *of, uint64_t n, bool persistent, const ds_buf *found,
                    const ds_buf *expected) {
  const size_t least = found->size < expected->size ? found->size : expected->size;
  size_t at = 0, line = 0;
  for (; at < least && found->data[at] == expected->data[at]; at++)
    if (found->data[at] == '\n')
      line = at + 1;
  if (at < least || found->size != expected->size)
    fail_msg("%s, allocation %ju%s, byte %zu: %.200s\n--- instead of: %.200s", of->name,
             (uintmax_t)n, persistent ? " and later" : "", at,
             found->size == 0 ? "" : (const char *)found->data + line,
             expected->size == 0 ? "" : (const char *)expected->data + line);
}

// One case; returns how many allocations were asked for.
static uint64_t run(const memory_case *of, uint64_t n, bool persistent, const ds_buf *expected) {
  ds_error err = {.message = ""};
  ds_buf out;
  ds_buf_init(&out, (size_t)64 << 20);
  ds_buf_reserve(&out, expected->size); // the test's own
  memory_faults_arm(n, persistent);
  const ds_code code = of->run(of->context, &out, &err);
  bool failed;
  const uint64_t asked = memory_faults_disarm(&failed);
  if (code != DS_OK && (code != DS_MEMORY || !failed))
    fail_msg("%s, allocation %ju%s: %s: %s", of->name, (uintmax_t)n,
             persistent ? " and later" : "", ds_code_name(code), err.message);
  if (code == DS_MEMORY && strstr(err.message, "memory") == NULL)
    fail_msg("%s, allocation %ju%s, is not told as want of memory: %s", of->name, (uintmax_t)n,
             persistent ? " and later" : "", err.message);
  (void)ds_buf_cstr(&out);
  if (code == DS_OK)
    compare(of, n, persistent, &out, expected);
  ds_buf_done(&out);
  if (of->settle != NULL)
    of->settle(of->context, code);
  return asked;
}

void memory_sweep(const memory_case *of, uint32_t cases) {
  ds_error err = {.message = ""};
  ds_buf expected;
  ds_buf_init(&expected, (size_t)64 << 20);
  if (of->run(of->context, &expected, &err) != DS_OK)
    fail_msg("%s: %s", of->name, err.message);
  if (of->settle != NULL)
    of->settle(of->context, DS_OK);
  (void)ds_buf_cstr(&expected);
  const uint64_t all = run(of, NO_FAILURE, false, &expected);
  assert_true(all > 0 && expected.size > 0);
  // An odd stride meets both kinds of failure.
  const uint64_t stride = long_run_stride(all * 2 / cases | 1);
  for (uint64_t i = 0; i < all * 2; i += stride)
    (void)run(of, i / 2, i % 2 == 1, &expected);
  ds_buf_done(&expected);
}

void memory_sweep_test(void **state) { memory_sweep(*state, CASES_USUAL); }
