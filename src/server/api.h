// SPDX-License-Identifier: Apache-2.0
// Handlers of routes.h beside those of questions: what can be asked, and what texts mean. May use
// everything below floor 9, and server/.
#ifndef DS_SERVER_API_H
#define DS_SERVER_API_H

#include "server/routes.h"

// --- api_describe.c: the question table, the store's names, the language's words
ds_code ds_answer_questions(ds_call *call, ds_reply *reply, ds_error *err);
ds_code ds_answer_store(ds_call *call, ds_reply *reply, ds_error *err);
ds_code ds_answer_language(ds_call *call, ds_reply *reply, ds_error *err);

// --- openapi.c: the API described
ds_code ds_answer_openapi(ds_call *call, ds_reply *reply, ds_error *err);

// --- api_text.c: an expression and what it means; SQL, which only reads
ds_code ds_answer_explain(ds_call *call, ds_reply *reply, ds_error *err);
ds_code ds_answer_sql(ds_call *call, ds_reply *reply, ds_error *err);

#endif
