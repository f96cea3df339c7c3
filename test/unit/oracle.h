// SPDX-License-Identifier: Apache-2.0
// Holding an answer against what SQL says. For tests only; failures go through cmocka.
#ifndef DS_TEST_UNIT_ORACLE_H
#define DS_TEST_UNIT_ORACLE_H

#include "ingest/duck.h"
#include "model/result.h"

// The table of that name; fails the test when there is none.
const ds_table *oracle_table(const ds_result *result, const char *name);

// Fails the test unless the table has exactly the rows of `expected`, which the first `keys`
// columns tell apart: texts, numbers that agree to 1e-11 of their size, or null.
void oracle_compare(const ds_table *table, const ds_duck_texts *expected, uint32_t keys);

#endif
