// SPDX-License-Identifier: Apache-2.0
// The form of a simulated event, whatever is simulated: touchpoint, times, which order, parcel and
// ticket, who is named, properties. Names stand in tables, so that text and rows are written by one
// path each. May use base/.
#ifndef DS_INGEST_SIMULATE_EVENT_H
#define DS_INGEST_SIMULATE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

// Canonical touchpoints, those of a shop first; the last six are of a subscription alone.
typedef enum ds_sim_touchpoint {
  DS_SIM_ORDER_PLACED, DS_SIM_PAYMENT_FAILED, DS_SIM_PAYMENT_APPROVED,
  DS_SIM_CONFIRMATION_SENT, DS_SIM_CONFIRMATION_OPENED, DS_SIM_CONFIRMATION_CLICKED,
  DS_SIM_ORDER_CANCELLED, DS_SIM_LABEL_CREATED, DS_SIM_CARRIER_COLLECTED,
  DS_SIM_SHIPMENT_IN_TRANSIT, DS_SIM_SHIPMENT_DELAYED, DS_SIM_TRACKING_PAGE_VIEWED,
  DS_SIM_OUT_FOR_DELIVERY, DS_SIM_DELIVERY_ATTEMPT_FAILED, DS_SIM_DELIVERED,
  DS_SIM_NOTIFICATION_SENT, DS_SIM_NOTIFICATION_OPENED, DS_SIM_NOTIFICATION_CLICKED,
  DS_SIM_TICKET_OPENED, DS_SIM_FIRST_RESPONSE, DS_SIM_TICKET_RESOLVED, DS_SIM_TICKET_REOPENED,
  DS_SIM_CSAT_SUBMITTED, DS_SIM_REVIEW_REQUESTED, DS_SIM_REVIEW_REQUEST_OPENED,
  DS_SIM_REVIEW_SUBMITTED, DS_SIM_RETURN_REQUESTED, DS_SIM_RETURN_LABEL_ISSUED,
  DS_SIM_RETURN_RECEIVED, DS_SIM_REFUND_ISSUED, DS_SIM_EXCHANGE_ISSUED,
  DS_SIM_PRODUCT_ACTIVATED, DS_SIM_LOGIN, DS_SIM_FEATURE_USED, DS_SIM_NPS_SUBMITTED,
  DS_SIM_SUBSCRIPTION_RENEWED, DS_SIM_SUBSCRIPTION_CANCELLED,
  DS_SIM_TOUCHPOINTS
} ds_sim_touchpoint;

// Case keys.
typedef enum ds_sim_key {
  DS_SIM_ORDER_ID, DS_SIM_PARCEL_ID, DS_SIM_TICKET_ID, DS_SIM_RETURN_ID, DS_SIM_SUBSCRIPTION_ID,
  DS_SIM_KEYS
} ds_sim_key;

// Properties.
typedef enum ds_sim_property {
  DS_SIM_VALUE, DS_SIM_CURRENCY, DS_SIM_ITEMS, DS_SIM_CATEGORY, DS_SIM_STATE, DS_SIM_COUNTRY,
  DS_SIM_LANE, DS_SIM_SERVICE, DS_SIM_CARRIER, DS_SIM_PROMISE_FROM, DS_SIM_PROMISE_UNTIL,
  DS_SIM_NEW_EDD, DS_SIM_ORDER_SEQ, DS_SIM_GIFT_WRAP, DS_SIM_DELAY_NOTICE, DS_SIM_REVIEW_REQUEST,
  DS_SIM_OFFER, DS_SIM_CHANNEL, DS_SIM_METHOD, DS_SIM_REASON, DS_SIM_ATTEMPT_NO,
  DS_SIM_SHIPMENT_STATUS, DS_SIM_ORDER_STATE, DS_SIM_TICKET_KIND, DS_SIM_RULE_ID, DS_SIM_PURPOSE,
  DS_SIM_MACHINE_OPEN, DS_SIM_STARS, DS_SIM_SCORE, DS_SIM_LANG, DS_SIM_TEXT, DS_SIM_AMOUNT,
  DS_SIM_BY, DS_SIM_PLAN, DS_SIM_SEATS, DS_SIM_FEATURE, DS_SIM_TERM,
  DS_SIM_PROPERTIES
} ds_sim_property;

// Words of the properties that are texts; 0 is no word.
typedef enum ds_sim_word {
  W_NONE, W_USD, W_FASHION, W_ELECTRONICS, W_HOME, W_NY, W_CA, W_TX, W_AK, W_SP, W_RJ, W_AM, W_US,
  W_BR, W_NEAR, W_FAR, W_REMOTE, W_STANDARD, W_EXPRESS, W_NORTHPOST, W_PARCELGO, W_SWIFTSHIP,
  W_TREATMENT, W_HOLDOUT, W_WEB, W_APP, W_EMAIL, W_CHAT, W_PHONE, W_CARD, W_PAYPAL, W_PIX,
  W_CONSIGNEE_NOT_HOME, W_CARRIER_CAPACITY_EXCEEDED, W_WEATHER_DELAY, W_CARD_REFUSED, W_WISMO,
  W_CHANGE_ADDRESS, W_CANCEL_REQUEST, W_BILLING, W_PRODUCT_QUESTION, W_RETURN_QUESTION, W_DAMAGED,
  W_NOT_RECEIVED, W_SIZE, W_CHANGED_MIND, W_NOT_AS_DESCRIBED, W_OUT_OF_STOCK,
  W_IN_TRANSIT, W_OUT_FOR_DELIVERY, W_PROCESSING, W_DELIVERED, W_INQUIRY, W_COMPLAINT,
  W_ISSUE_REPORT, W_DELAY_NOTICE, W_OFFER, W_SERVICE, W_MARKETING, W_CUSTOMER, W_RETAILER, W_EN,
  W_PT, W_SOLO, W_TEAM, W_COMPANY, W_BUG, W_HOW_TO, W_PAYMENT, W_NOT_USED, W_TOO_EXPENSIVE,
  W_REPORTS, W_EXPORT, W_SEARCH, W_DARK_MODE, W_MONTH,
  W_COUNT
} ds_sim_word;

// Identifiers beside the customer's number.
typedef enum ds_sim_identifier {
  DS_SIM_EMAIL = 1,
  DS_SIM_DEVICE = 2,
  DS_SIM_LOYALTY = 4,
  DS_SIM_NO_ACCOUNT = 8, // the device stands alone: not signed in
} ds_sim_identifier;

// How a property's value is to be read.
typedef enum ds_sim_form {
  DS_SIM_CENTS, DS_SIM_NUMBER, DS_SIM_DATE, DS_SIM_BOOL, DS_SIM_WORD, DS_SIM_PHRASE,
} ds_sim_form;

// Limits of every simulation.
enum {
  DS_SIM_CASES_MAX = 16,              // orders or subscriptions of one customer
  DS_SIM_CUSTOMER_EVENTS_MAX = 4096,  // of one customer, with duplicates
  DS_SIM_VALUES_MAX = 16,             // properties of one event
  DS_SIM_REVIEW_BYTES_MAX = 256,      // of a review's text
};

// One property.
typedef struct ds_sim_value {
  uint8_t property;
  uint32_t value; // cents, number, days since 1970, 0 or 1, word, or phrases, by the form
} ds_sim_value;

// One event.
typedef struct ds_sim_event {
  int64_t time_ms;
  int64_t received_ms;
  uint32_t number;            // within the customer, from 1: its id; a duplicate has the same
  uint8_t touchpoint;
  uint8_t order;              // order or subscription of the customer, from 0
  uint8_t keys[DS_SIM_KEYS];  // 0 = none; else which one of the order, from 1
  uint8_t identifiers;        // ds_sim_identifier
  uint8_t device;             // 0..2
  uint8_t values_count;
  bool duplicate;
  ds_sim_value values[DS_SIM_VALUES_MAX];
} ds_sim_event;

// What is simulated; tables tell by a mask which rows are of which.
typedef enum ds_sim_kind { DS_SIM_SHOP = 1, DS_SIM_SAAS = 2 } ds_sim_kind;

// A case key: its name, and how its values are made: of parcel i of order o, letter and
// o * times + i - 1.
typedef struct ds_sim_key_row {
  const char *name;
  char letter;
  uint8_t times;
  uint8_t kinds;
} ds_sim_key_row;

// A property's name and form.
typedef struct ds_sim_property_row {
  const char *name;
  uint8_t form;
  uint8_t kinds;
} ds_sim_property_row;

// The names behind the numbers.
extern const char *const ds_sim_touchpoint_names[DS_SIM_TOUCHPOINTS];
extern const ds_sim_key_row ds_sim_keys[DS_SIM_KEYS];
extern const ds_sim_property_row ds_sim_properties[DS_SIM_PROPERTIES];
extern const char *const ds_sim_words[W_COUNT];

// Adds a property.
void ds_sim_put(ds_sim_event *event, ds_sim_property property, uint32_t value);

// The value of a property, 0 when the event has none such.
uint32_t ds_sim_get(const ds_sim_event *event, ds_sim_property property);

// Texts of identifiers; each returns the end of what it wrote (at most 32 bytes): "C17",
// "O272", "A68", "L17", "c17@example.com".
char *ds_sim_put_customer(char *at, uint64_t customer);
char *ds_sim_put_key(char *at, uint64_t customer, const ds_sim_event *event, ds_sim_key key);
char *ds_sim_put_device(char *at, uint64_t customer, const ds_sim_event *event);
char *ds_sim_put_loyalty(char *at, uint64_t customer);
char *ds_sim_put_email(char *at, uint64_t customer);

// Who has a loyalty number: by the customer's number alone.
bool ds_sim_is_member(uint64_t customer);

// Decimal digits.
char *ds_sim_put_number(char *at, uint64_t number);

#endif
