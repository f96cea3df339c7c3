// SPDX-License-Identifier: Apache-2.0
#include "ingest/simulate_event.h"

#include <assert.h>
#include <string.h>

#include "ingest/simulate_dice.h"
#include "ingest/simulate_parameters.h"

enum { SHOP = DS_SIM_SHOP, SAAS = DS_SIM_SAAS, BOTH = SHOP | SAAS };

const char *const ds_sim_touchpoint_names[DS_SIM_TOUCHPOINTS] = {
    "order_placed", "payment_failed", "payment_approved", "confirmation_email_sent",
    "confirmation_email_opened", "confirmation_email_clicked", "order_cancelled", "label_created",
    "carrier_collected", "shipment_in_transit", "shipment_delayed", "tracking_page_viewed",
    "out_for_delivery", "delivery_attempt_failed", "delivered", "notification_sent",
    "notification_opened", "notification_clicked", "support_ticket_opened",
    "support_first_response", "support_ticket_resolved", "support_ticket_reopened",
    "csat_submitted", "review_requested", "review_request_opened", "review_submitted",
    "return_requested", "return_label_issued", "return_received", "refund_issued",
    "exchange_issued", "product_activated", "login", "feature_used", "nps_submitted",
    "subscription_renewed", "subscription_cancelled",
};

const ds_sim_key_row ds_sim_keys[DS_SIM_KEYS] = {
    {"order_id", 'O', 1, SHOP},   {"parcel_id", 'P', 4, SHOP}, {"ticket_id", 'T', 32, BOTH},
    {"return_id", 'R', 1, SHOP}, {"subscription_id", 'S', 1, SAAS},
};

const ds_sim_property_row ds_sim_properties[DS_SIM_PROPERTIES] = {
    {"value", DS_SIM_CENTS, BOTH},
    {"currency", DS_SIM_WORD, BOTH},
    {"items", DS_SIM_NUMBER, SHOP},
    {"category", DS_SIM_WORD, SHOP},
    {"state", DS_SIM_WORD, SHOP},
    {"country", DS_SIM_WORD, SHOP},
    {"lane", DS_SIM_WORD, SHOP},
    {"service", DS_SIM_WORD, SHOP},
    {"carrier", DS_SIM_WORD, SHOP},
    {"promise_from", DS_SIM_DATE, SHOP},
    {"promise_until", DS_SIM_DATE, SHOP},
    {"new_edd", DS_SIM_DATE, SHOP},
    {"order_seq", DS_SIM_NUMBER, SHOP},
    {"gift_wrap", DS_SIM_BOOL, SHOP},
    {"delay_notice", DS_SIM_WORD, SHOP},
    {"review_request", DS_SIM_WORD, SHOP},
    {"offer", DS_SIM_WORD, SHOP},
    {"channel", DS_SIM_WORD, BOTH},
    {"method", DS_SIM_WORD, BOTH},
    {"reason", DS_SIM_WORD, BOTH},
    {"attempt_no", DS_SIM_NUMBER, SHOP},
    {"shipment_status", DS_SIM_WORD, SHOP},
    {"order_state", DS_SIM_WORD, SHOP},
    {"kind", DS_SIM_WORD, BOTH},
    {"rule_id", DS_SIM_WORD, SHOP},
    {"purpose", DS_SIM_WORD, SHOP},
    {"machine_open", DS_SIM_BOOL, SHOP},
    {"stars", DS_SIM_NUMBER, SHOP},
    {"score", DS_SIM_NUMBER, BOTH},
    {"lang", DS_SIM_WORD, SHOP},
    {"text", DS_SIM_PHRASE, SHOP},
    {"amount", DS_SIM_CENTS, BOTH},
    {"by", DS_SIM_WORD, SHOP},
    {"plan", DS_SIM_WORD, SAAS},
    {"seats", DS_SIM_NUMBER, SAAS},
    {"feature", DS_SIM_WORD, SAAS},
    {"term", DS_SIM_WORD, SAAS},
};

const char *const ds_sim_words[W_COUNT] = {
    "", "USD", "fashion", "electronics", "home", "NY", "CA", "TX", "AK", "SP", "RJ", "AM", "US",
    "BR", "near", "far", "remote", "standard", "express", "northpost", "parcelgo", "swiftship",
    "treatment", "holdout", "web", "app", "email", "chat", "phone", "card", "paypal", "pix",
    "consignee_not_home", "carrier_capacity_exceeded", "weather_delay", "card_refused", "wismo",
    "change_address", "cancel_request", "billing", "product_question", "return_question",
    "damaged", "not_received", "size", "changed_mind", "not_as_described",
    "out_of_stock", "in_transit", "out_for_delivery", "processing", "delivered", "inquiry",
    "complaint", "issue_report", "delay_notice", "offer", "service", "marketing", "customer",
    "retailer", "en", "pt", "solo", "team", "company", "bug", "how_to", "payment", "not_used",
    "too_expensive", "reports", "export", "search", "dark_mode", "month",
};

void ds_sim_put(ds_sim_event *event, ds_sim_property property, uint32_t value) {
  assert(event->values_count < DS_SIM_VALUES_MAX);
  event->values[event->values_count++] = (ds_sim_value){(uint8_t)property, value};
}

uint32_t ds_sim_get(const ds_sim_event *event, ds_sim_property property) {
  for (uint32_t i = 0; i < event->values_count; i++)
    if (event->values[i].property == property)
      return event->values[i].value;
  return 0;
}

// Two digits a step: most of the bytes of keys are digits.
char *ds_sim_put_number(char *at, uint64_t number) {
  static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                              "25262728293031323334353637383940414243444546474849"
                              "50515253545556575859606162636465666768697071727374"
                              "75767778798081828384858687888990919293949596979899";
  char digits[20];
  char *start = digits + sizeof digits;
  for (; number >= 100; number /= 100) {
    start -= 2;
    memcpy(start, pairs + number % 100 * 2, 2);
  }
  if (number >= 10) {
    start -= 2;
    memcpy(start, pairs + number * 2, 2);
  } else {
    *--start = (char)('0' + number);
  }
  const size_t size = (size_t)(digits + sizeof digits - start);
  memcpy(at, start, size);
  return at + size;
}

static char *put_identifier(char *at, char letter, uint64_t number) {
  *at++ = letter;
  return ds_sim_put_number(at, number);
}

char *ds_sim_put_customer(char *at, uint64_t customer) {
  return put_identifier(at, 'C', customer);
}

char *ds_sim_put_key(char *at, uint64_t customer, const ds_sim_event *event, ds_sim_key key) {
  const ds_sim_key_row *row = &ds_sim_keys[key];
  const uint64_t order = customer * DS_SIM_CASES_MAX + event->order;
  return put_identifier(at, row->letter, order * row->times + event->keys[key] - 1u);
}

// Traits of a customer or of a pair of customers, without a draw from the dice: a fixed share of
// the numbers has them.
static bool has_trait(uint64_t number, uint64_t trait, int32_t per_10000) {
  return (int64_t)(ds_dice_mix(number * 8 + trait) % 10000) < per_10000;
}

enum { TRAIT_MEMBER = 1, TRAIT_SHARED_DEVICE, TRAIT_SHARED_EMAIL, TRAIT_PLACEHOLDER };

char *ds_sim_put_device(char *at, uint64_t customer, const ds_sim_event *event) {
  const bool shared =
      event->device == 0 && has_trait(customer / 2, TRAIT_SHARED_DEVICE, FEED_SHARED_DEVICE);
  const uint64_t owner = shared ? customer & ~(uint64_t)1 : customer;
  return put_identifier(at, 'A', owner * 4 + event->device);
}

bool ds_sim_is_member(uint64_t customer) {
  return has_trait(customer, TRAIT_MEMBER, FEED_MEMBERS);
}

char *ds_sim_put_loyalty(char *at, uint64_t customer) {
  return put_identifier(at, 'L', customer);
}

char *ds_sim_put_email(char *at, uint64_t customer) {
  static const char placeholder[] = "noreply";
  static const char domain[] = "@example.com";
  if (has_trait(customer, TRAIT_PLACEHOLDER, FEED_PLACEHOLDER_EMAIL)) {
    memcpy(at, placeholder, sizeof placeholder - 1);
    at += sizeof placeholder - 1;
  } else {
    const bool shared = has_trait(customer / 2, TRAIT_SHARED_EMAIL, FEED_SHARED_EMAIL);
    at = put_identifier(at, 'c', shared ? customer & ~(uint64_t)1 : customer);
  }
  memcpy(at, domain, sizeof domain - 1);
  return at + sizeof domain - 1;
}
