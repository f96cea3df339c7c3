// SPDX-License-Identifier: Apache-2.0
// How long events are kept: rules by touchpoint, given by the store's settings. What is past its
// period goes when the parts are rewritten, in one commit. Without a rule nothing ever goes.
#include <assert.h>

#include "store/state.h"

#define DAY_MS ((int64_t)86400000)

// This share of the shortest period passes before retention is applied again by itself, so that an
// event is rewritten for it no more often.
#define SLACK 8

// Facts about who is who say nothing of what happened when: only a rule of their own removes them.
static bool is_identity_fact(ds_str touchpoint) {
  static const char prefix[] = "identity_";
  return touchpoint.size >= sizeof prefix - 1 &&
         memcmp(touchpoint.data, prefix, sizeof prefix - 1) == 0;
}

// The period of a touchpoint in milliseconds; 0 = for ever.
static int64_t period_of(const ds_retention *retention, ds_str touchpoint) {
  int64_t period_ms = 0;
  for (uint32_t i = 0; i < retention->count; i++) {
    const ds_retention_rule *rule = &retention->rules[i];
    if (rule->touchpoint != NULL && ds_str_equal(touchpoint, ds_str_of(rule->touchpoint)))
      return rule->period_ms;
    if (rule->touchpoint == NULL && !is_identity_fact(touchpoint))
      period_ms = rule->period_ms;
  }
  return period_ms;
}

static int64_t before_ms(const void *context, ds_str touchpoint) {
  const ds_retention_clock *clock = context;
  const int64_t period_ms = period_of(clock->retention, touchpoint);
  return period_ms == 0 ? INT64_MIN : clock->now_ms - period_ms;
}

void ds_retention_expiry(ds_retention_clock *clock, ds_expiry *ret_expiry) {
  *ret_expiry = (ds_expiry){before_ms, clock};
}

// The shortest period of all rules; 0 = there is none.
static int64_t shortest(const ds_retention *retention) {
  int64_t period_ms = 0;
  for (uint32_t i = 0; i < retention->count; i++) {
    const int64_t own = retention->rules[i].period_ms;
    period_ms = own != 0 && (period_ms == 0 || own < period_ms) ? own : period_ms;
  }
  return period_ms;
}

// Whether some part has an event of this touchpoint's name and of a time before its period.
static bool part_may_expire(const ds_part *part, const ds_retention_clock *clock) {
  const ds_names *touchpoints = &ds_part_space(part)->touchpoints;
  for (uint32_t t = 0; t < touchpoints->count; t++) {
    if (ds_part_get_info(part)->time_min_ms < before_ms(clock, touchpoints->text[t]))
      return true;
  }
  return false;
}

bool ds_retention_has_expired(const ds_store *store, int64_t now_ms) {
  const ds_retention_clock clock = {&store->retention, now_ms};
  bool expired = false;
  for (uint32_t i = 0; i < store->view.parts_count && store->retention.count > 0; i++)
    expired = expired || part_may_expire(store->view.parts[i], &clock);
  return expired;
}

bool ds_retention_is_due(const ds_store *store, int64_t now_ms) {
  const int64_t slack_ms = shortest(&store->retention) / SLACK;
  if (store->retention.count == 0 ||
      now_ms - store->view.manifest.retention.applied_ms < (slack_ms < DAY_MS ? DAY_MS : slack_ms))
    return false;
  return ds_retention_has_expired(store, now_ms);
}

ds_code ds_store_set_retention(ds_store *store, const ds_retention *retention, ds_error *err) {
  ds_arena_reset(&store->retention_arena);
  store->retention = (ds_retention){.count = 0};
  ds_retention_rule *rules =
      ds_arena_array(&store->retention_arena, (size_t)retention->count + 1, sizeof *rules);
  if (rules == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the periods of retention");
  for (uint32_t i = 0; i < retention->count; i++) {
    const ds_retention_rule *rule = &retention->rules[i];
    assert(rule->period_ms >= 0);
    rules[i] = *rule;
    if (rule->touchpoint == NULL)
      continue;
    rules[i].touchpoint =
        ds_arena_text(&store->retention_arena, rule->touchpoint, strlen(rule->touchpoint));
    if (rules[i].touchpoint == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for the periods of retention");
  }
  store->retention = (ds_retention){rules, retention->count};
  return DS_OK;
}
