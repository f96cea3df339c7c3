#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Event logs against others who read them: the process map of XES files equals the one that a few
lines over Python's own XML reader give, the one of the same log as CSV, and PM4Py's, where that can
be imported (DOORSTEP_PYTHON names the interpreter to ask for it)."""
import collections
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as tree

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("DOORSTEP", str(ROOT / "build" / "doorstep"))
LOGS = ROOT.parent / "shared" / "data" / "eventlogs"
PYTHON = os.environ.get("DOORSTEP_PYTHON", sys.executable)
# Prints [[from, to, count]…], [[start, count]…], [[end, count]…] of PM4Py's map as JSON.
PM4PY = """
import json, sys, pm4py
frame = pm4py.read_xes(sys.argv[1])
edges, starts, ends = pm4py.discover_dfg(frame)
print("DFG" + json.dumps([[[*pair, int(n)] for pair, n in edges.items()],
      [[a, int(n)] for a, n in starts.items()], [[a, int(n)] for a, n in ends.items()]]))
"""


def program(*arguments):
    run = subprocess.run([PROGRAM, "--quiet", *map(str, arguments)], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{arguments}: {run.stderr}")
    return run.stdout


def tables_of(file, case=None):
    """The map's tables: (nodes, edges), each a list of rows."""
    with tempfile.TemporaryDirectory() as folder:
        program("--store", folder + "/s", "import", file)
        more = ["--case", case] if case else []
        answer = json.loads(program("--store", folder + "/s", "process", "--format", "json", *more))
    return answer["tables"]["nodes"], answer["tables"]["edges"]


def counted(tables):
    nodes, edges = tables
    return ({(e["from"], e["to"]): e["occurrences"] for e in edges},
            {n["touchpoint"]: n["starts"] for n in nodes if n["starts"]},
            {n["touchpoint"]: n["ends"] for n in nodes if n["ends"]})


def by_hand(file):
    """The map by Python's own XML reader; times are compared as instants, ties by order."""
    from datetime import datetime
    edges, starts, ends = (collections.Counter() for _ in range(3))
    space = "{http://www.xes-standard.org/}"
    for trace in tree.parse(gzip.open(file)).getroot().findall(space + "trace"):
        events = []
        for event in trace.findall(space + "event"):
            value = {item.get("key"): item.get("value") for item in event}
            events.append((datetime.fromisoformat(value["time:timestamp"]), value["concept:name"]))
        names = [name for _, name in sorted(events, key=lambda pair: pair[0])]
        edges.update(zip(names, names[1:]))
        starts.update(names[:1])
        ends.update(names[-1:])
    return dict(edges), dict(starts), dict(ends)


def pm4py_of(file):
    run = subprocess.run([PYTHON, "-c", PM4PY, str(file)], capture_output=True, text=True)
    line = next((row for row in run.stdout.splitlines() if row.startswith("DFG")), None)
    if line is None:
        return None
    edges, starts, ends = json.loads(line[3:])
    return {(a, b): n for a, b, n in edges}, dict(starts), dict(ends)


def report(name, same, reason="the maps differ"):
    print(f"ok {name}" if same else f"not ok {name} {reason}")


def main():
    if not LOGS.is_dir():
        print("skip xes the shared data is absent")
        return
    for log in ("helpdesk", "receipt"):
        file = LOGS / f"{log}.xes.gz"
        mine = counted(tables_of(file))
        report(f"xes-{log}-by-hand", mine == by_hand(file))
        peer = pm4py_of(file)
        if peer is None:
            print(f"skip xes-{log}-pm4py PM4Py cannot be imported")
        else:
            report(f"xes-{log}-pm4py", mine == peer)
    for case in (None, "case_id"):
        xes, csv = (tables_of(LOGS / f"helpdesk.{kind}.gz", case) for kind in ("xes", "csv"))
        report(f"xes-helpdesk-csv-{case or 'customer'}", xes == csv)


main()
