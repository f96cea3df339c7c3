// SPDX-License-Identifier: Apache-2.0
// Holding an answer against what SQL says. For tests only; failures go through cmocka.
#ifndef DS_TEST_UNIT_ORACLE_H
#define DS_TEST_UNIT_ORACLE_H

#include "ingest/duck.h"
#include "question/question.h"
#include "sql/session.h"
#include "unit/question_world.h"

// The table of that name; fails the test when there is none.
const ds_table *oracle_table(const ds_result *result, const char *name);

// Fails the test unless the table has exactly the rows of `expected`, which the first `keys`
// columns tell apart: texts, numbers that agree to 1e-11 of their size, or null.
void oracle_compare(const ds_table *table, const ds_duck_texts *expected, uint32_t keys);

// The world's events as the table `events` of `duck`: customer, time, arrival, touchpoint,
// order_id, color, value.
void oracle_fill(ds_duck *duck, const qw_world *world);

// A question, and its tables in the order of its statements: how many columns tell rows apart, and
// what is selected of each statement.
enum { ORACLE_TABLES_MAX = 4 };
typedef struct oracle_question {
  const char *question;
  const char *tables[ORACLE_TABLES_MAX];
  uint32_t keys[ORACLE_TABLES_MAX];
  const char *select;
} oracle_question;

// Every question of the question table, in its order.
extern const oracle_question oracle_questions[];
extern const uint32_t oracle_questions_count;

// Fails the test unless the answer is what the question's own SQL text says over the table `events`
// of `duck`. Texts live in the request's arena. Returns how many rows were compared.
uint32_t oracle_check(const oracle_question *what, const ds_request *request,
                      const ds_result *result, ds_duck *duck);

// The same for statements in `sql`, which is written over.
uint32_t oracle_check_sql(const oracle_question *what, const ds_request *request,
                          const ds_result *result, ds_buf *sql, ds_duck *duck);

// `doorstep sql` over a snapshot, whose tables are those that the texts of questions name. The
// caller closes.
typedef struct oracle_session {
  ds_sql *sql;
  ds_duck *duck; // of the session
  ds_arena arena;
  ds_plan plan; // everything
  ds_schema schema;
} oracle_session;

// Opens one that may write the file `writes_to` (NULL: none).
void oracle_session_open(oracle_session *session, const ds_snapshot *snapshot, uint32_t threads,
                         const char *writes_to, ds_progress *progress);
void oracle_session_close(oracle_session *session);

#endif
