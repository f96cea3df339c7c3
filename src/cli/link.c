// SPDX-License-Identifier: Apache-2.0
// Saying who is whom: link and unlink.
#include "cli/cli.h"
#include "ingest/link.h"

// "customer_id=C17 (34 events of 3 identifiers)".
static const char *side_text(const ds_link_side *side, char out[512]) {
  char events[32], identifiers[32];
  const int shown = side->customer.size < 200 ? (int)side->customer.size : 200;
  snprintf(out, 512, "%.*s (%s event%s of %s identifier%s)", shown, side->customer.data,
           ds_human_count(events, side->events), side->events == 1 ? "" : "s",
           ds_human_count(identifiers, side->identifiers), side->identifiers == 1 ? "" : "s");
  return out;
}

static ds_code tell(cli *run, bool linked, ds_link_outcome *ret_outcome, ds_error *err) {
  ds_store *store = NULL;
  TRY(cli_open_store(run, true, false, &store, err));
  const ds_code code =
      ds_link_tell(store, ds_str_of(run->arguments[0]), ds_str_of(run->arguments[1]), linked,
                   &run->arena, ret_outcome, err);
  ds_store_close(store);
  return code;
}

ds_code cli_run_link(cli *run, ds_error *err) {
  ds_link_outcome outcome;
  char a[512], b[512];
  TRY(tell(run, true, &outcome, err));
  side_text(&outcome.a, a);
  side_text(&outcome.b, b);
  if (!outcome.one_now)
    return ds_fail(err, DS_NO, "the link is kept, but not followed: it would join two persons "
                   "through an object, or more identifiers than one customer may have; they stay "
                   "%s and %s", a, b);
  if (!outcome.told)
    cli_say(run, "linked already: one customer, %s", a);
  else if (outcome.one_before)
    cli_say(run, "linked; they were one customer already: %s", a);
  else
    cli_say(run, "linked: one customer now, %s", a);
  return DS_OK;
}

ds_code cli_run_unlink(cli *run, ds_error *err) {
  ds_link_outcome outcome;
  char a[512], b[512];
  TRY(tell(run, false, &outcome, err));
  side_text(&outcome.a, a);
  side_text(&outcome.b, b);
  if (outcome.one_now)
    return ds_fail(err, DS_NO, "%s: one customer still, %s, by other links or because an event "
                   "carries the object", outcome.told ? "the link is taken back" : "no such link",
                   a);
  if (!outcome.told)
    cli_say(run, "not linked: two customers, %s and %s", a, b);
  else
    cli_say(run, "unlinked: two customers%s, %s and %s", outcome.one_before ? " now" : "", a, b);
  return DS_OK;
}
