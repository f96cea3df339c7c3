#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what appending does to a store: a week of it beside a fresh import of the same events,
a store that grew by appends alone, and questions beside a compaction.

  bench/upkeep.py [--orders 1.3m] [--rounds 5] [--work FOLDER]

The events are simulated; the last seven days of them are appended hour by hour, each hour by a
process of its own. Answers must agree before anything is timed.
"""
import argparse
import csv
import datetime
import itertools
import json
import pathlib
import shutil
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True
import measure  # noqa: E402 (after the switch above)

ROOT = pathlib.Path(__file__).resolve().parent.parent
QUESTIONS = ("process", "map")


def count(text):
    scale = {"k": 1000, "m": 1000000}.get(text[-1].lower(), 1)
    return int(float(text[:-1] if scale > 1 else text) * scale)


class Bench:
    def __init__(self, given):
        self.given = given
        self.work = given.work
        self.program = str(given.program)
        self.work.mkdir(parents=True, exist_ok=True)

    def doorstep(self, store, *words, text=None):
        done = subprocess.run([self.program, "--store", str(self.work / store), "-q", *words],
                              input=text, stdout=subprocess.PIPE, check=True)
        return done.stdout

    def status(self, store):
        tables = json.loads(self.doorstep(store, "status", "--format", "json"))["tables"]
        return tables["upkeep"][0], tables.get("runs", [])

    def copy(self, store, to):
        measure.remove(self.work / to)
        shutil.copytree(self.work / store, self.work / to)

    def split(self):
        """all.csv, base.csv and the hours of the last week, as NDJSON."""
        whole, base = self.work / "all.csv", self.work / "base.csv"
        self.doorstep("none", "simulate", "--columns", "basic", "--orders",
                      str(self.given.orders), "-o", str(whole), "--force")
        with open(whole, encoding="utf-8") as file:
            file.readline()
            last = max(line.split(",")[2] for line in file)
        first = (datetime.datetime.strptime(last, "%Y-%m-%dT%H:%M:%SZ") -
                 datetime.timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
        hours = {}
        with open(whole, encoding="utf-8") as file, open(base, "w", encoding="utf-8") as out:
            out.write(file.readline())
            for line in file:
                if line.split(",")[2] < first:
                    out.write(line)
                    continue
                hours.setdefault(line.split(",")[2][:13], []).append(line)
        return [as_ndjson(hours[hour]) for hour in sorted(hours)]

    def answers(self, store):
        return [self.doorstep(store, name, "--format", "csv") for name in QUESTIONS]

    def read(self, stores):
        """Medians of wall and CPU seconds, the stores taking turns."""
        taken = {(store, name): [] for store in stores for name in QUESTIONS}
        for _ in range(self.given.rounds):
            for store, name in taken:
                taken[store, name].append(measure.run(
                    [self.program, "--store", str(self.work / store), "-q", name]))
        return {key: (statistics.median(one["wall_s"] for one in runs),
                      statistics.median(one["cpu_s"] for one in runs))
                for key, runs in taken.items()}


def as_ndjson(lines):
    out = []
    for customer, event, time, value in sorted(csv.reader(lines), key=lambda row: row[2]):
        one = {"customer": customer, "event": event, "time": time}
        if value:
            one["value"] = float(value)
        out.append(json.dumps(one))
    return ("\n".join(out) + "\n").encode()


def week(bench, hours):
    bench.doorstep("base", "import", str(bench.work / "base.csv"))
    bench.doorstep("fresh", "import", str(bench.work / "all.csv"))
    bench.copy("base", "log")
    for hour in hours:
        bench.doorstep("log", "append", text=hour)
    bench.copy("log", "sealed")
    bench.doorstep("sealed", "seal")
    bench.copy("sealed", "compact")
    bench.doorstep("compact", "compact")
    stores = ["fresh", "log", "sealed", "compact"]
    if any(bench.answers(store) != bench.answers("fresh") for store in stores[1:]):
        sys.exit("the stores answer differently")
    print(f"week: {sum(hour.count(10) for hour in hours):,} events in {len(hours)} processes; "
          f"written {bench.status('sealed')[0]['written']:.3f}")
    taken = bench.read(stores)
    for (store, name), (wall, cpu) in taken.items():
        print(f"{store:8} {name:8} wall {wall:.2f} s ({wall / taken['fresh', name][0]:.2f} x)  "
              f"CPU {cpu:.2f} s ({cpu / taken['fresh', name][1]:.2f} x)")


def growth(bench):
    """All events in order of time, 200,000 by a process."""
    with subprocess.Popen(["sort", "-t,", "-k3,3", str(bench.work / "all.csv")], text=True,
                          stdout=subprocess.PIPE, env={"LC_ALL": "C"}) as ordered:
        while lines := list(itertools.islice(ordered.stdout, 200000)):
            lines = [line for line in lines if not line.startswith("customer,")]
            bench.doorstep("grown", "append", text=as_ndjson(lines))
    bench.doorstep("grown", "seal")
    upkeep, runs = bench.status("grown")
    print(f"growth: written {upkeep['written']:.2f}; {upkeep['compactions']} compactions; "
          f"runs {[run['events'] for run in runs]}")
    for (store, name), (wall, cpu) in bench.read(["fresh", "grown"]).items():
        print(f"{store:8} {name:8} wall {wall:.2f} s  CPU {cpu:.2f} s")


def beside(bench):
    """Questions in the base while another process merges it with as many events again."""
    bench.copy("base", "merging")
    other = bench.work / "other.csv"
    bench.doorstep("none", "simulate", "--columns", "basic", "--seed", "2", "--orders",
                   str(bench.given.orders // 2), "-o", str(other), "--force")
    bench.doorstep("merging", "import", str(other))
    one = b'{"customer":"C1","event":"delivered","time":"2030-01-01T00:00:00Z"}\n'
    bench.doorstep("merging", "append", "--no-compact", text=one)
    names = {name: [bench.program, "--store", str(bench.work / "merging"), "-q", name]
             for name in QUESTIONS}
    quiet = {name: statistics.median(measure.run(command)["wall_s"] for _ in range(5))
             for name, command in names.items()}
    busy = {name: [] for name in names}
    with subprocess.Popen([bench.program, "--store", str(bench.work / "merging"), "-q", "append"],
                          stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as writer:
        writer.stdin.write(one)
        writer.stdin.close()
        while writer.poll() is None:
            for name, command in names.items():
                taken = measure.run(command)["wall_s"]
                if writer.poll() is None:
                    busy[name].append(taken)
    for name, taken in busy.items():
        if taken:
            print(f"beside a compaction: {name} {statistics.median(taken):.2f} s, quiet "
                  f"{quiet[name]:.2f} s: {statistics.median(taken) / quiet[name]:.2f} x "
                  f"({len(taken)} runs)")


def main():
    read = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    read.add_argument("--orders", type=count, default=1315000, help="about 15 events each")
    read.add_argument("--rounds", type=int, default=5)
    read.add_argument("--program", type=pathlib.Path, default=ROOT / "build" / "doorstep")
    read.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "bench" / "upkeep")
    read.add_argument("--only", default="week,growth,beside")
    given = read.parse_args()
    measure.remove(given.work)
    bench = Bench(given)
    hours = bench.split()
    week(bench, hours)
    if "growth" in given.only:
        growth(bench)
    if "beside" in given.only:
        beside(bench)
    measure.remove(given.work)


main()
