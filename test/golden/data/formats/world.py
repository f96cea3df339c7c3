#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""world.py SEED: events with awkward texts, numbers and ids, as `append` takes them."""
import json
import random
import sys

TEXTS = ["", "  lead", "trail ", "[", "[1]", "{}", "null", "0", "1e5", "2024-01-01", "true", "a\nb",
         "a\r\nb", "\u00e9", "<&>'\"", "\\", "x" * 300, "\u65e5\u672c", "a,b;c", "=1+1", "'"]
NUMBERS = [0, -0.0, 1, -1, 0.1, 1e-300, 1.7976931348623157e308, 123456789.123456789, -2.5e-7]
KINDS = ["customer_id", "user_id"]
CUSTOMERS = ["1", "2", "a=b", " x", "\u00e9", "[q]"]
NAMES = ["order_placed", "delivered", 'weird <&" name', "\u00fc"]
CASES = ["1", "[x", 'a"b', ["1", "2"], ["\u00e9", ",", "[z]"], "{}"]


def main():
    rnd = random.Random(int(sys.argv[1]))
    for number in range(200):
        event = {"id": str(number), "event": rnd.choice(NAMES),
                 "time": f"2024-0{rnd.randint(1, 9)}-1{rnd.randint(0, 9)}T10:{rnd.randint(10, 59)}"
                         f":00{rnd.choice(['', '.5', '.123'])}Z",
                 "customer": {rnd.choice(KINDS): rnd.choice(CUSTOMERS)}, "properties": {}}
        for name, values in (("s1", TEXTS), ("s2", TEXTS), ("n1", NUMBERS), ("n2", NUMBERS),
                             ("b", [True, False])):
            if rnd.random() < 0.6:
                event["properties"][name] = rnd.choice(values)
        for key in ("order_id", "parcel_id", "ticket_id"):
            if rnd.random() < 0.5:
                event[key] = rnd.choice(CASES)
        print(json.dumps(event))


main()
