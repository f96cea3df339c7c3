// SPDX-License-Identifier: Apache-2.0
// Every size of the simulation: the one table that the code draws from, the tests count back, and
// tools/gen_simulate.py copies into docs/simulator.md. SIZE(kind, name, unit, size, meaning) is a
// number, SIZES(kind, name, unit, meaning, sizes...) a list; to be included with both defined.
// Uses nothing. Units: PERCENT, PERMILLE, DAYS, HOURS, MINUTES, USD, TIMES (a number), WEIGHT
// (relative).

// Customers and orders.
SIZES(SHOP, STATE_SHARE, PERCENT, "customers from NY, CA, TX, AK (US), SP, RJ, AM (BR)",
      26, 20, 15, 4, 20, 10, 5)
SIZES(SHOP, STATE_DAYS, DAYS, "on the way, beyond the carrier's own days, by state",
      0, 2, 1, 4, 0, 1, 4)
SIZES(SHOP, WEEKDAY, WEIGHT, "orders from Sunday to Saturday", 95, 115, 110, 105, 100, 95, 80)
SIZES(SHOP, SEASON, WEIGHT, "first orders in January, February to October, November, December",
      80, 100, 160, 140)
SIZES(SHOP, ORDER_HOUR, WEIGHT, "orders by hour of the day (UTC)",
      12, 6, 4, 3, 3, 5, 12, 25, 40, 52, 58, 60, 60, 56, 54, 54, 56, 58, 62, 70, 78, 74, 54, 30)
SIZE(SHOP, VALUE_LOW, USD, 15, "the least an order is worth")
SIZE(SHOP, VALUE_MEAN, USD, 60, "mean of the exponential amount above that")
SIZE(SHOP, APP, PERCENT, 40, "orders and tracking views in the app, the others on the web")
SIZES(SHOP, CATEGORY, PERCENT, "orders of fashion, electronics, home", 45, 25, 30)
SIZE(SHOP, CANCELLED, PERCENT, 2, "orders cancelled and refunded before they are packed")
SIZE(SHOP, PAYMENT_FAILS, PERCENT, 4, "orders whose first payment fails; a retry succeeds")
SIZE(SHOP, PAYMENT_SLOW, PERCENT, 15, "payments that take up to 10 h instead of 95 s")
SIZES(SHOP, PARCELS, PERCENT, "orders of one, two, three parcels", 88, 10, 2)

// Another order.
SIZE(SHOP, REPEAT, PERCENT, 38, "another order follows")
SIZE(SHOP, REPEAT_LATE, PERCENT, 18, "points less after an order that came late")
SIZE(SHOP, REPEAT_HIGH_VALUE, PERCENT, 16, "points more after an order of high value")
SIZE(SHOP, REPEAT_OFFER, PERCENT, 8, "points more when the offer was sent (known lift)")
SIZE(SHOP, REPEAT_WAIT, DAYS, 7, "from delivery to the next order at least")
SIZE(SHOP, REPEAT_MEAN, DAYS, 70, "mean of the exponential time beyond that")

// The planted confounder, and the planted null driver.
SIZE(SHOP, HIGH_VALUE, USD, 100, "from here an order is of high value")
SIZE(SHOP, EXPRESS, PERCENT, 10, "orders of low value sent by express service")
SIZE(SHOP, EXPRESS_HIGH_VALUE, PERCENT, 40, "orders of high value sent by express service")
SIZE(SHOP, EXPRESS_DAYS, DAYS, 1, "promised and taken less by express; it changes nothing else")
SIZE(SHOP, GIFT_WRAP, PERCENT, 30, "orders with gift wrap, which changes nothing at all")

// Carriers and promises.
SIZES(SHOP, CARRIER_NEAR, PERCENT, "near orders with northpost, parcelgo, swiftship", 50, 40, 10)
SIZES(SHOP, CARRIER_FAR, PERCENT, "far orders with northpost, parcelgo, swiftship", 45, 40, 15)
SIZES(SHOP, CARRIER_REMOTE, PERCENT, "remote orders with northpost, parcelgo, swiftship",
      15, 15, 70)
SIZES(SHOP, CARRIER_DAYS, DAYS, "of the carriers themselves", 3, 4, 2)
SIZE(SHOP, HANDLING, DAYS, 3, "promised for handling, beyond the days on the way")
SIZE(SHOP, DELIVERY_LEAST, DAYS, 4, "no parcel is delivered sooner after the order's day")
SIZES(SHOP, LATE_NEAR, PERCENT, "near parcels that come late, by carrier", 5, 9, 3)
SIZES(SHOP, LATE_FAR, PERCENT, "far parcels that come late, by carrier", 8, 14, 5)
SIZES(SHOP, LATE_REMOTE, PERCENT, "remote parcels that come late, by carrier", 24, 30, 18)
SIZE(SHOP, LATE_WEEKEND, PERCENT, 150, "of that chance for Friday's and Saturday's orders with "
     "parcelgo")
SIZE(SHOP, LATE_PEAK, PERCENT, 160, "of that chance for orders from 20 November to 31 December")
SIZE(SHOP, LATE_MORE, PERCENT, 50, "chance of one day more, from one day late on (8 at most)")
SIZE(SHOP, DELAY_TOLD, PERCENT, 70, "late parcels announced as delayed the evening before")
SIZES(SHOP, ATTEMPT_FAILS, PERCENT, "parcels whose first delivery attempt fails, by carrier",
      6, 11, 3)
SIZES(SHOP, HUBS, PERCENT, "parcels scanned at no, one, two hubs on the way", 70, 20, 10)

// Tracking views.
SIZES(SHOP, VIEWS, PERCENT, "orders with 0, 1, 2, 3 visits of the tracking page", 45, 35, 14, 6)
SIZE(SHOP, VIEWS_LATE, PERCENT, 70, "chance of one visit more for each day late")
SIZE(SHOP, LOOK_AGAIN, PERCENT, 30, "visits followed by another view within four minutes")
SIZE(SHOP, VIEWS_WAITING, PERCENT, 60, "visits of late orders on the promised day or later")
SIZES(SHOP, VIEW_HOUR, WEIGHT, "visits by hour of the day (UTC)",
      1, 0, 0, 0, 0, 0, 2, 6, 8, 8, 8, 8, 10, 8, 8, 8, 10, 14, 30, 46, 50, 44, 24, 7)
SIZE(SHOP, VIEWS_NOT_SIGNED_IN, PERCENT, 15, "views known by device and parcel only")

// Tickets.
SIZE(SHOP, TICKET_PROCESSING, PERMILLE, 15, "orders with a ticket before they are shipped")
SIZES(SHOP, REASON_PROCESSING, PERCENT, "of these: change_address, cancel_request, billing",
      40, 25, 35)
SIZE(SHOP, WISMO, PERMILLE, 12, "orders in time with a ticket \"where is my order?\" (wismo)")
SIZE(SHOP, WISMO_LATE, PERCENT, 34, "the same of late orders")
SIZE(SHOP, WISMO_NOTICED, PERCENT, 17, "the same of late orders when a delay notice was sent "
     "(known lift)")
SIZE(SHOP, TICKET_DELIVERED, PERCENT, 3, "orders with a ticket after delivery, unless one was "
     "opened before")
SIZES(SHOP, REASON_DELIVERED, PERCENT, "of these: product_question, return_question, damaged, "
      "not_received", 40, 30, 20, 10)
SIZES(SHOP, TICKET_CHANNEL, PERCENT, "tickets by email, chat, phone", 50, 30, 20)
SIZES(SHOP, RESPONSE_MEAN, MINUTES, "mean of the exponential time to the first response, by "
      "channel, beyond one minute", 360, 10, 3)
SIZE(SHOP, RESOLVE_MEAN, HOURS, 10, "mean of the exponential time from there to the solution, "
     "beyond 10 min")
SIZE(SHOP, REOPENED, PERCENT, 8, "tickets reopened")
SIZE(SHOP, SLOW, HOURS, 4, "a first response after more than that is slow")
SIZE(SHOP, CSAT, PERCENT, 35, "tickets answered with a satisfaction score")
SIZES(SHOP, CSAT_FAST, PERCENT, "scores 1 to 5 after a response that was not slow",
      3, 4, 10, 30, 53)
SIZES(SHOP, CSAT_SLOW, PERCENT, "scores 1 to 5 after a slow response", 22, 22, 22, 20, 14)

// Reviews.
SIZE(SHOP, REVIEW, PERCENT, 14, "delivered orders with a review")
SIZE(SHOP, REVIEW_ASKED, PERCENT, 12, "points more when a review was asked for (known lift)")
SIZE(SHOP, REVIEW_LATE, PERCENT, 8, "points more when the order came late")
SIZES(SHOP, STARS, PERCENT, "1 to 5 stars for an order in time", 4, 3, 8, 25, 60)
SIZES(SHOP, STARS_LATE, PERCENT, "1 to 5 stars for an order 1 or 2 days late",
      18, 17, 22, 23, 20)
SIZES(SHOP, STARS_VERY_LATE, PERCENT, "1 to 5 stars for an order 3 or more days late",
      55, 20, 12, 8, 5)
SIZE(SHOP, STARS_SLOW, PERCENT, 70, "reviews that lose one star after a slow first response")
SIZE(SHOP, TEXT, PERCENT, 39, "reviews of 3 or more stars with a text")
SIZE(SHOP, TEXT_LOW, PERCENT, 77, "reviews of 1 or 2 stars with a text")
SIZE(SHOP, TEXT_TWO, PERCENT, 50, "texts of two sentences")
SIZE(SHOP, TEXT_PLAIN, PERCENT, 30, "Portuguese texts typed without accents")

// E-mail.
SIZE(SHOP, MACHINE_OPENS, PERCENT, 40, "customers whose mail program opens every e-mail by itself "
     "within a minute")
SIZE(SHOP, OPENS, PERCENT, 45, "e-mails opened by a person")
SIZE(SHOP, CLICKS, PERCENT, 25, "of these with a click")

// Experiments: customers are assigned once; order_placed tells the arm.
SIZE(SHOP, HOLDOUT_NOTICE, PERCENT, 20, "customers held out from the delay notice")
SIZE(SHOP, HOLDOUT_REVIEW, PERCENT, 10, "customers held out from being asked for a review")
SIZE(SHOP, HOLDOUT_OFFER, PERCENT, 50, "customers held out from the offer 3 days after delivery")

// Returns.
SIZES(SHOP, RETURNED, PERCENT, "delivered orders sent back: fashion, electronics, home",
      18, 7, 5)
SIZE(SHOP, RETURNED_LATE, PERCENT, 5, "points more when the order came late")
SIZES(SHOP, RETURN_REASON, PERCENT, "returns for size, changed_mind, damaged, not_as_described",
      45, 25, 10, 20)
SIZE(SHOP, EXCHANGED, PERCENT, 15, "returns ended by an exchange, the others by a refund")
SIZE(SHOP, REFUND_MEAN, DAYS, 2, "mean of the exponential time from the parcel's return to the "
     "refund, beyond 12 h")

// How the events come in.
SIZE(FEED, SCAN_POLL, MINUTES, 15, "carriers are asked for their scans")
SIZE(FEED, LATE, PERCENT, 2, "carriers' scans, and features used, received 1 to 48 h late")
SIZE(FEED, DUPLICATE, PERMILLE, 5, "events received twice under the same id, up to a day apart")

// Who is who.
SIZES(FEED, DEVICES, PERCENT, "visits from the customer's first, second, third device",
      70, 22, 8)
SIZE(FEED, MEMBERS, PERCENT, 30, "customers with a loyalty_id")
SIZE(FEED, SHARED_DEVICE, PERCENT, 3, "pairs of customers (2 k and 2 k + 1) whose first device is "
     "the same")
SIZE(FEED, SHARED_EMAIL, PERCENT, 1, "pairs of customers with one e-mail address")
SIZE(FEED, PLACEHOLDER_EMAIL, PERMILLE, 5, "customers whose e-mail address is "
     "noreply@example.com")

// Subscriptions.
SIZES(SAAS, PLAN, PERCENT, "accounts on the plans solo, team, company", 50, 35, 15)
SIZES(SAAS, PRICE, USD, "a month, by plan", 12, 60, 300)
SIZES(SAAS, SEATS, TIMES, "of an account, by plan", 1, 6, 30)
SIZE(SAAS, ACTIVATED, PERCENT, 75, "accounts that activate the product, after 2 days in the mean")
SIZE(SAAS, COMES_BACK, PERCENT, 10, "accounts that subscribe again after they left, once")
SIZE(SAAS, EXPORT, PERCENT, 35, "accounts that use the feature export, in each active month")
SIZES(SAAS, REPORTS, PERCENT, "months in which reports are used, by plan", 20, 60, 85)
SIZE(SAAS, DARK_MODE, PERCENT, 50, "accounts in dark_mode, which changes nothing at all")
SIZE(SAAS, IDLE, PERCENT, 15, "active accounts that become idle in a month")
SIZE(SAAS, AWAKE, PERCENT, 30, "idle accounts that become active again in a month")
SIZES(SAAS, LOGINS, TIMES, "in an active month, mean by plan (an idle month has one at most)",
      5, 9, 14)
SIZES(SAAS, CHURN, PERCENT, "active accounts that leave at a renewal, by plan", 5, 3, 2)
SIZE(SAAS, CHURN_IDLE, PERCENT, 20, "points more after an idle month")
SIZE(SAAS, CHURN_SLOW, PERCENT, 10, "points more after a month with a slow first response")
SIZE(SAAS, CHURN_EXPORT, PERCENT, 50, "of that chance for accounts that use export")
SIZE(SAAS, TICKET, PERCENT, 8, "months with a ticket")
SIZES(SAAS, REASON_ACTIVE, PERCENT, "tickets of active accounts: bug, how_to, billing",
      50, 40, 10)
SIZES(SAAS, REASON_IDLE, PERCENT, "tickets of idle accounts: bug, how_to, billing", 20, 20, 60)
SIZE(SAAS, PAYMENT_FAILS, PERCENT, 3, "renewals whose payment fails")
SIZE(SAAS, PAYMENT_LOST, PERCENT, 30, "of these that end the subscription (reason payment)")
SIZE(SAAS, NPS, PERCENT, 20, "quarters with an answer to the NPS survey")
SIZES(SAAS, NPS_ACTIVE, PERCENT, "active accounts answering 0 to 6, 7 or 8, 9 or 10", 15, 30, 55)
SIZES(SAAS, NPS_IDLE, PERCENT, "idle accounts answering 0 to 6, 7 or 8, 9 or 10", 60, 30, 10)
