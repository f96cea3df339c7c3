#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures reading an XES event log, beside PM4Py where an interpreter that has it is named.

  bench/event_logs.py [--events 1m] [--rounds 3] [--python PYTHON]

The log is like helpdesk's: cases of about five events, a dozen attributes each. Both read the same
.xes.gz; the CPU seconds count, because wall time on a shared machine says little.
"""
import argparse
import gzip
import pathlib
import random
import sys
import tempfile

sys.dont_write_bytecode = True
import measure  # noqa: E402 (after the switch above)

ROOT = pathlib.Path(__file__).resolve().parent.parent
STEPS = ["Assign seriousness", "Take in charge ticket", "Wait", "Resolve ticket", "Closed"]
ATTRIBUTES = ["seriousness", "customer", "product", "responsible_section", "seriousness_2",
              "service_level", "service_type", "support_section", "workgroup"]
PM4PY = "import sys, pm4py; print('ROWS', len(pm4py.read_xes(sys.argv[1])))"


def write_log(path, events):
    """Writes the log; returns the bytes of its XML."""
    rnd = random.Random(1)
    size = written = case = 0
    with gzip.open(path, "wt", compresslevel=1) as out:
        size += out.write('<?xml version="1.0" encoding="utf-8"?>\n<log xes.version="1849-2016" '
                          'xmlns="http://www.xes-standard.org/">\n')
        while written < events:
            case += 1
            text = f'\t<trace>\n\t\t<string key="concept:name" value="Case {case}"/>\n'
            minute = rnd.randrange(1000000)
            for step in STEPS[:rnd.randrange(3, 6)]:
                minute += rnd.randrange(3000)
                day, rest = divmod(minute, 1440)
                text += ('\t\t<event>\n'
                         f'\t\t\t<string key="concept:name" value="{step}"/>\n'
                         f'\t\t\t<string key="org:resource" value="Value {rnd.randrange(20)}"/>\n'
                         '\t\t\t<date key="time:timestamp" value="'
                         f'{2011 + day // 336}-{day // 28 % 12 + 1:02}-{day % 28 + 1:02}'
                         f'T{rest // 60:02}:{rest % 60:02}:17+00:00"/>\n')
                for name in ATTRIBUTES:
                    value = rnd.randrange(9)
                    text += f'\t\t\t<string key="{name}" value="Value {value}"/>\n'
                text += "\t\t</event>\n"
                written += 1
            size += out.write(text + "\t</trace>\n")
        size += out.write("</log>\n")
    return size, written


def count(text):
    scale = {"k": 1000, "m": 1000000}.get(text[-1].lower(), 1)
    return int(text[:-1] if scale > 1 else text) * scale


def main():
    read = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    read.add_argument("--events", type=count, default=1000000)
    read.add_argument("--rounds", type=int, default=3)
    read.add_argument("--python", help="an interpreter that can import pm4py")
    given = read.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = folder + "/log.xes.gz"
        size, events = write_log(log, given.events)
        print(f"{events:,} events, {size / 1e6:.0f} MB of XML")
        program = [str(ROOT / "build" / "doorstep"), "--store"]
        mine = [measure.run([*program, f"{folder}/s{i}", "-q", "import", log])
                for i in range(given.rounds)]
        best = min(mine, key=lambda run: run["wall_s"])
        cpu = min(run["cpu_s"] for run in mine)
        print(f"doorstep import: wall {best['wall_s']:.2f} s, {size / best['wall_s'] / 1e6:.0f} "
              f"MB/s of XML; CPU {cpu:.2f} s; {best['rss'] / 1048576:.0f} MiB")
        if given.python is None:
            print("pm4py: skipped (--python names an interpreter that has it)")
            return
        peer = measure.run([given.python, "-c", PM4PY, log])
        if f"ROWS {events}" not in peer["out"]:
            sys.exit("PM4Py reads another number of events")
        print(f"pm4py.read_xes:  wall {peer['wall_s']:.2f} s; CPU {peer['cpu_s']:.2f} s; "
              f"{peer['rss'] / 1048576:.0f} MiB")
        print(f"ratio: {peer['cpu_s'] / cpu:.0f} x by CPU, "
              f"{peer['wall_s'] / best['wall_s']:.0f} x by wall")


main()
