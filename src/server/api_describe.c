// SPDX-License-Identifier: Apache-2.0
// What can be asked, as ask/describe.h writes it.
#include "ask/describe.h"
#include "server/api.h"

static ds_code finish(ds_reply *reply, ds_error *err) {
  reply->type = "application/json";
  ds_buf_u8(&reply->body, '\n');
  return ds_buf_check(&reply->body, "the answer", err);
}

ds_code ds_answer_questions(ds_call *call, ds_reply *reply, ds_error *err) {
  ds_json json = ds_json_to(&reply->body, false);
  (void)call;
  ds_describe_questions(&json);
  return finish(reply, err);
}

ds_code ds_answer_language(ds_call *call, ds_reply *reply, ds_error *err) {
  ds_json json = ds_json_to(&reply->body, false);
  (void)call;
  ds_describe_language(&json);
  return finish(reply, err);
}

ds_code ds_answer_store(ds_call *call, ds_reply *reply, ds_error *err) {
  ds_json json = ds_json_to(&reply->body, false);
  char identity[DS_ASK_IDENTITY_BYTES];
  ds_ask_identity(call->ask, call->ask->io->ops->now_ms(call->ask->io), identity);
  TRY(ds_describe_store(call->ask, identity, call->memory_bytes, call->progress, &json, err));
  return finish(reply, err);
}
