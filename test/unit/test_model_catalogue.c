// SPDX-License-Identifier: Apache-2.0
// The touchpoint catalogue: complete rows, unambiguous names, every status leads to a touchpoint.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>

#include "model/catalogue_tables.h"

static const char *canonical(const char *name) {
  static char text[256];
  const ds_str found = ds_catalogue_canonical(NULL, ds_str_of(name));
  snprintf(text, sizeof text, "%.*s", DS_STR(found));
  return text;
}

static void test_rows_are_complete(void **state) {
  (void)state;
  assert_true(ds_touchpoints_count > 75);
  ds_stage last = DS_STAGE_ORDER;
  for (uint32_t i = 0; i < ds_touchpoints_count; i++) {
    const ds_touchpoint *row = &ds_touchpoints[i];
    assert_true(row->stage < DS_STAGES_COUNT);
    assert_true(row->owner > DS_OWNER_NONE && row->owner < DS_OWNERS_COUNT);
    assert_true(row->actor > DS_ACTOR_NONE && row->actor < DS_ACTORS_COUNT);
    assert_true(row->channel[0] != '\0' && row->meaning[0] != '\0');
    assert_true(row->expected_count > 0);
    for (uint32_t k = 0; k < row->expected_count; k++)
      assert_true(row->expected[k].type > DS_TYPE_NULL && row->expected[k].type < DS_TYPES_COUNT);
    // In stage order, "any" at the end.
    assert_true(row->stage == DS_STAGE_ANY || (last != DS_STAGE_ANY && row->stage >= last));
    last = row->stage;
    assert_ptr_equal(ds_catalogue_find(NULL, ds_str_of(row->name)), row);
  }
}

static void test_names_are_sorted_and_distinct(void **state) {
  (void)state;
  const ds_catalogue *shipped = ds_catalogue_shipped();
  assert_int_equal(shipped->rows_count, ds_touchpoints_count);
  for (uint32_t i = 0; i < shipped->names_count; i++) {
    if (i != 0)
      assert_true(strcmp(shipped->names[i - 1].key, shipped->names[i].key) < 0);
    assert_true(shipped->names[i].touchpoint < ds_touchpoints_count);
    // A key is normal already, so it finds its own row.
    assert_ptr_equal(ds_catalogue_find(shipped, ds_str_of(shipped->names[i].key)),
                     &ds_touchpoints[shipped->names[i].touchpoint]);
  }
}

static void test_other_spellings(void **state) {
  (void)state;
  static const char *const pairs[][2] = {
      {"post_purchase_review_submitted", "review_submitted"},
      {"Order Completed", "order_placed"},
      {"Order Placed", "order_placed"},
      {"orderPlaced", "order_placed"},
      {"OrderPlaced", "order_placed"},
      {"ORDER-PLACED", "order_placed"},
      {"order.placed", "order_placed"},
      {"NPSSubmitted", "nps_submitted"},
      {"Order Refunded", "refund_issued"},
      {"Order Cancelled", "order_cancelled"},
      {"order_canceled", "order_cancelled"},
      {"Order Updated", "order_changed"},
      {"Product Reviewed", "review_submitted"},
      {"shipped", "carrier_collected"},
      {"delivered", "delivered"},
      {"post_purchase_order_delivered", "delivered"},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    assert_string_equal(canonical(pairs[i][0]), pairs[i][1]);
}

static void test_unknown_names_are_kept(void **state) {
  (void)state;
  static const char *const names[] = {"Loyalty Card Swiped", "", "_", "post_purchase_", "é"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    assert_string_equal(canonical(names[i]), names[i]);
  char long_name[1000];
  memset(long_name, 'A', sizeof long_name);
  assert_null(ds_catalogue_find(NULL, (ds_str){long_name, sizeof long_name}));
  assert_null(ds_catalogue_find(NULL, (ds_str){"delivered\0x", 11}));
  memset(long_name, 'B', sizeof long_name);
  for (uint32_t i = 0; i < 255; i += 2)
    long_name[i] = 'b';
  assert_null(ds_catalogue_find(NULL, (ds_str){long_name, 255}));
}

static void test_nearest(void **state) {
  (void)state;
  assert_string_equal(ds_catalogue_nearest(NULL, ds_str_of("order_plced")), "order_placed");
  assert_string_equal(ds_catalogue_nearest(NULL, ds_str_of("Deliverd")), "delivered");
  assert_null(ds_catalogue_nearest(NULL, ds_str_of("zzzzzzzzzzzzzz")));
  assert_null(ds_catalogue_nearest(NULL, ds_str_of("")));
}

static void test_statuses_lead_to_touchpoints(void **state) {
  (void)state;
  for (uint32_t i = 0; i < ds_status_maps_count; i++) {
    const ds_status_map *row = &ds_status_maps[i];
    const ds_touchpoint *touchpoint = ds_catalogue_find(NULL, ds_str_of(row->touchpoint));
    assert_non_null(touchpoint);
    assert_string_equal(touchpoint->name, row->touchpoint);
    assert_ptr_equal(ds_catalogue_status(ds_str_of(row->taxonomy), ds_str_of(row->status)), row);
  }
}

static void assert_status(const char *taxonomy, const char *status, const char *touchpoint,
                          const char *reason) {
  const ds_status_map *row = ds_catalogue_status(ds_str_of(taxonomy), ds_str_of(status));
  assert_non_null(row);
  assert_string_equal(row->touchpoint, touchpoint);
  assert_string_equal(row->reason, reason);
}

static void test_statuses(void **state) {
  (void)state;
  assert_status("aftership", "InTransit_002", "carrier_collected", "");
  assert_status("AfterShip", "exception_016", "shipment_on_hold", "unknown");
  assert_status("aftership", "Exception_003", "delivery_attempt_failed", "consignee_refused");
  assert_status("aftership", "Delivered_005", "delivered", "neighbour");
  assert_status("aftership", "InTransit_011", "shipment_in_transit", "");
  assert_status("easypost", "failure", "delivery_attempt_failed", "");
  assert_status("karrio", "ready_for_pickup", "available_for_pickup", "");
  assert_status("shippo", "transit/package_held", "shipment_on_hold", "");
  assert_status("shippo", "TRANSIT/package_sorted_twice", "shipment_in_transit", "");
  assert_status("sorted", "carrier_refused_to_collect", "collection_failed", "");
  assert_status("schema.org", "https://schema.org/OrderDelivered", "delivered", "");
  assert_status("epcis", "https://ref.gs1.org/cbv/BizStep-void_shipping", "shipment_cancelled", "");
  assert_status("epcis", "urn:epcglobal:cbv:bizstep:picking", "order_picked", "");
  assert_status("epcis", "receiving/rma", "return_received", "");
  assert_status("olist", "canceled", "order_cancelled", "");
  assert_null(ds_catalogue_status(ds_str_of("aftership"), ds_str_of("Nonsense")));
  assert_null(ds_catalogue_status(ds_str_of("nobody"), ds_str_of("Delivered")));
  assert_null(ds_catalogue_status(ds_str_of("aftership"), ds_str_of("")));
}

static void test_words(void **state) {
  (void)state;
  ds_stage stage;
  ds_owner owner;
  ds_actor actor;
  for (unsigned i = 0; i < DS_STAGES_COUNT; i++)
    assert_true(ds_stage_of_name(ds_str_of(ds_stage_name((ds_stage)i)), &stage) && stage == i);
  for (unsigned i = 1; i < DS_OWNERS_COUNT; i++)
    assert_true(ds_owner_of_name(ds_str_of(ds_owner_name((ds_owner)i)), &owner) && owner == i);
  for (unsigned i = 1; i < DS_ACTORS_COUNT; i++)
    assert_true(ds_actor_of_name(ds_str_of(ds_actor_name((ds_actor)i)), &actor) && actor == i);
  assert_false(ds_stage_of_name(ds_str_of("orders"), &stage));
  assert_false(ds_owner_of_name(ds_str_of(""), &owner));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows_are_complete),
      cmocka_unit_test(test_names_are_sorted_and_distinct),
      cmocka_unit_test(test_other_spellings),
      cmocka_unit_test(test_unknown_names_are_kept),
      cmocka_unit_test(test_nearest),
      cmocka_unit_test(test_statuses_lead_to_touchpoints),
      cmocka_unit_test(test_statuses),
      cmocka_unit_test(test_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
