#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Event logs against others who read them: process map, start and end activities and variants of
XES files equal those that a few lines over Python's own XML reader give, those of the same log as
CSV, and PM4Py's, where that can be imported: by $DOORSTEP_PYTHON, else by the interpreter that
`make stress` makes in build/pm4py, else by this one."""
import collections
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as tree
from datetime import datetime

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("DOORSTEP", str(ROOT / "build" / "doorstep"))
LOGS = ROOT.parent / "shared" / "data" / "eventlogs"
INSTALLED = ROOT / "build" / "pm4py" / "bin" / "python"
PYTHON = os.environ.get("DOORSTEP_PYTHON", str(INSTALLED) if INSTALLED.exists() else sys.executable)
# What is compared, in this order.
PARTS = ("map", "starts", "ends", "variants")
# Prints PARTS as JSON, each [[sequence, count]...]. get_variants takes a case's events as they
# stand, whatever their times, so they must stand in order: it is given the frame as read, where
# sorting by the clock alone would mix the cases.
PM4PY = """
import json, sys, pm4py
frame = pm4py.read_xes(sys.argv[1], show_progress_bar=False)
edges, starts, ends = pm4py.discover_dfg(frame)
parts = [edges, {(a,): n for a, n in starts.items()}, {(a,): n for a, n in ends.items()},
         pm4py.get_variants(frame)]
print("PARTS" + json.dumps([[[list(key), int(n)] for key, n in part.items()] for part in parts]))
"""


def program(*arguments):
    run = subprocess.run([PROGRAM, "--quiet", *map(str, arguments)], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{arguments}: {run.stderr}")
    return run.stdout


def answers_of(file, case=None):
    """PARTS as the program says them, each {sequence: count}."""
    more = ["--format", "json"] + (["--case", case] if case else [])
    with tempfile.TemporaryDirectory() as folder:
        program("--store", folder + "/s", "import", file)
        process, variants = (json.loads(program("--store", folder + "/s", question, *more))
                             for question in ("process", "variants"))
    nodes = process["tables"]["nodes"]
    return [{(e["from"], e["to"]): e["occurrences"] for e in process["tables"]["edges"]},
            {(n["touchpoint"],): n["starts"] for n in nodes if n["starts"]},
            {(n["touchpoint"],): n["ends"] for n in nodes if n["ends"]},
            {tuple(v["touchpoints"]): v["cases"] for v in variants["tables"]["variants"]}]


def by_hand(file):
    """PARTS by Python's own XML reader; times are compared as instants, ties by order."""
    edges, starts, ends, variants = (collections.Counter() for _ in PARTS)
    space = "{http://www.xes-standard.org/}"
    for trace in tree.parse(gzip.open(file)).getroot().findall(space + "trace"):
        events = []
        for event in trace.findall(space + "event"):
            value = {item.get("key"): item.get("value") for item in event}
            events.append((datetime.fromisoformat(value["time:timestamp"]), value["concept:name"]))
        names = tuple(name for _, name in sorted(events, key=lambda pair: pair[0]))
        edges.update(zip(names, names[1:]))
        starts.update([names[:1]])
        ends.update([names[-1:]])
        variants.update([names])
    return [edges, starts, ends, variants]


def pm4py_of(file):
    """PARTS by PM4Py, or None when it cannot be imported."""
    if subprocess.run([PYTHON, "-c", "import pm4py"], capture_output=True).returncode != 0:
        return None
    run = subprocess.run([PYTHON, "-c", PM4PY, str(file)], capture_output=True, text=True)
    line = next((row for row in run.stdout.splitlines() if row.startswith("PARTS")), None)
    if line is None:
        sys.exit(f"PM4Py cannot read {file}: {run.stderr[-400:]}")
    return [{tuple(key): n for key, n in part} for part in json.loads(line[5:])]


def compare(name, mine, theirs):
    for part, here, there in zip(PARTS, mine, theirs):
        wrong = sorted(key for key in {*here, *there} if here.get(key) != there.get(key))
        print(f"ok {name} {part}" if here and not wrong else
              f"not ok {name} {part} {len(wrong)} of {len(there)} differ: {wrong[:1]}")


def main():
    if not LOGS.is_dir():
        print("skip xes the shared data is absent")
        return
    for log in ("helpdesk", "receipt"):
        file = LOGS / f"{log}.xes.gz"
        mine = answers_of(file)
        compare(f"xes-{log}-by-hand", mine, by_hand(file))
        peer = pm4py_of(file)
        if peer is None:
            print(f"skip xes-{log}-pm4py PM4Py cannot be imported; make stress installs it")
        else:
            compare(f"xes-{log}-pm4py", mine, peer)
    for case in (None, "case_id"):
        xes, csv = (answers_of(LOGS / f"helpdesk.{kind}.gz", case) for kind in ("xes", "csv"))
        compare(f"xes-helpdesk-csv-{case or 'customer'}", xes, csv)


main()
