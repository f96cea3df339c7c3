#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The three forms of the OCEL 2.0 example give the same answers, and those are the ones that a few
lines over the JSON give: per object type, every object's events and changes in order of time."""
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from datetime import datetime

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("DOORSTEP", str(ROOT / "build" / "doorstep"))
LOGS = ROOT.parent / "shared" / "data" / "ocel"
CUSTOMER = "Purchase Order"


def program(*arguments):
    run = subprocess.run([PROGRAM, "--quiet", *map(str, arguments)], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{arguments}: {run.stderr}")
    return run.stdout


def answers_of(file, types, folder):
    """What `process` says of the log, per case key and by an attribute."""
    store = f"{folder}/{file.suffix[1:]}"
    # Only the JSON says its zone; the other two are an hour apart from it, as in Rome.
    program("--store", store, "import", file, "--customer", CUSTOMER, "--time-zone", "Europe/Rome")
    asked = [["--case", name.replace(" ", "_")] for name in types] + [[]]
    asked.append(["--by", "Invoice.is_blocked"])
    return [json.loads(program("--store", store, "process", "--format", "json", *more))
            for more in asked]


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def sequences(log, of_type):
    """Every object of a type with its events and changes, by time, changes behind events."""
    events = []
    for number, event in enumerate(log["events"]):
        for relation in event["relationships"]:
            events.append((relation["objectId"], instant(event["time"]), 0, number,
                           event["type"]))
    for thing in log["objects"]:
        times = {a["time"] for a in thing.get("attributes", []) if a["time"] > "1971"}
        events += [(thing["id"], instant(time), 1, 0, thing["type"] + " changed")
                   for time in times]
    kinds = {thing["id"]: thing["type"] for thing in log["objects"]}
    cases = collections.defaultdict(list)
    for thing, *_, name in sorted(set(events)):
        if kinds[thing] == of_type:
            cases[thing].append(name)
    return cases.values()


def by_hand(log, of_type):
    edges = collections.Counter()
    for names in sequences(log, of_type):
        edges.update(zip(names, names[1:]))
    return dict(edges)


def main():
    if not LOGS.is_dir():
        print("skip ocel the shared data is absent")
        return
    files = sorted(LOGS.glob("ocel20_example.*"))
    with open(LOGS / "ocel20_example.jsonocel") as file:
        log = json.load(file)
    types = [kind["name"] for kind in log["objectTypes"]]
    with tempfile.TemporaryDirectory() as folder:
        answers = {file.suffix: answers_of(file, types, folder) for file in files}
    for suffix, answer in answers.items():
        same = answer == answers[".jsonocel"]
        print(f"ok ocel{suffix}" if same else f"not ok ocel{suffix} differs from the JSON")
    for name, answer in zip(types, answers[".jsonocel"]):
        found = {(e["from"], e["to"]): e["occurrences"] for e in answer["tables"]["edges"]}
        same = found == by_hand(log, name)
        print(f"ok ocel {name}" if same else f"not ok ocel {name} differs from the count by hand")


main()
