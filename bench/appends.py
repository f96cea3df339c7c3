# SPDX-License-Identifier: Apache-2.0
"""Durable appends: what the disk allows, threads that hand batches to one writer, appends beside a
compaction, and the memory that finding duplicates takes."""
import json
import os
import shutil

import measure
from measure import say

MILLION = 1e6
SECONDS = 3
WRITERS = (1, 4, 16)
BATCHES = (1, 100, 1000)
# What four writers of batches of 100 hand over at once, about.
GROUP_BYTES = 48 << 10


class Appends:
    """The program that appends, and the stores that it does so into."""

    def __init__(self, bench):
        self.bench = bench
        self.program = str(bench.options.build / "bench" / "bench_append")
        self.full = bench.path("append-full.store")
        self.store = bench.path("append.store")

    def run(self, *words):
        return json.loads(measure.run([self.program] + [str(word) for word in words])["out"])

    def anew(self, full):
        """An empty place, or a copy of the full store, with nothing left to be written."""
        measure.remove(self.store)
        if full:
            shutil.copytree(self.full, self.store)
        os.sync()

    def doorstep(self, *words):
        return self.bench.doorstep("--store", self.full, *words)


def measure_floor(appends):
    for size, what in ((4096, "4 KiB"), (GROUP_BYTES, "48 KiB")):
        found = [appends.run("--floor", appends.bench.path("floor"), size, 1)
                 for _ in range(appends.bench.options.rounds)]
        appends.bench.add("append", f"floor: writes of {what} with a sync each",
                          [f["syncs_per_s"] for f in found], "syncs/s", None,
                          f"p99 {max(f['p99_us'] for f in found)} us")


def measure_rate(appends, full, writers, batch, rounds):
    """One row of events a second, one of the acknowledgement's 99th percentile."""
    found = []
    for _ in range(rounds):
        appends.anew(full)
        found.append(appends.run(appends.store, writers, batch, SECONDS))
    where = "20 M events" if full else "an empty store"
    name = f"append into {where}, {writers} writers of {batch}"
    target = ("at least", 0.5) if (writers, batch) == (4, 100) else None
    notes = [f"{f['cpu_ns_per_event']} ns of CPU an event" for f in found[-1:]]
    notes += [f"p50 {f['p50_us'] / 1000:.2f} ms, p99 {f['p99_us'] / 1000:.2f} ms"
              for f in found[-1:]]
    notes += [f"{f['log_bytes_per_event']:.0f} bytes of log an event"
              for f in found[-1:] if f["log_bytes_per_event"]]
    appends.bench.add("append", name, [f["events_per_s"] / MILLION for f in found],
                      "M events/s", target, ", ".join(notes))


def measure_beside(appends):
    """20,000 events a second while the whole store is compacted."""
    appends.anew(True)
    appends.bench.doorstep("simulate", "--orders", 450000, "--seed", 2, "--into", appends.store)
    os.sync()
    last = appends.run(appends.store, 4, 100, 30, 5, 20000, 2)
    note = (f"p50 {last['p50_us'] / 1000:.2f} ms, max {last['max_us'] / 1000:.0f} ms; tables and "
            "filters made before; the first 2 s not counted: max "
            f"{last['warm_max_us'] / 1000:.0f} ms; "
            f"{last['compacted_events'] / MILLION:.1f} M events compacted meanwhile, "
            f"{'more under way' if last['compacting_at_end'] else 'none left'}")
    appends.bench.add("append", "20,000 events/s while compacting: p99 of the acknowledgement",
                      last["p99_us"] / 1000, "ms", ("at most", 20), note)


def measure_memory(appends):
    appends.anew(True)
    found = appends.run("--load", appends.store)
    add = appends.bench.add
    subjects = found["subjects"]
    add("append", f"table of {subjects / MILLION:.2f} M subjects: made in",
        found["first_new_s"] - found["new_s"], "s", None,
        f"{found['table_bytes'] / subjects:.1f} bytes a subject")
    add("append", "filters of 20 M events: made in", found["first_known_s"] - found["known_s"],
        "s", None, f"{found['filter_bytes'] / 20e6:.2f} bytes an event; "
        f"{found['blocks_read']} blocks read besides")


def measure_append(bench):
    appends = Appends(bench)
    measure.remove(appends.full)
    say("simulating a store of 20 M events")
    bench.simulate(1315000, "--into", appends.full)
    measure_floor(appends)
    # First what has a target.
    for full in (False, True):
        measure_rate(appends, full, 4, 100, bench.options.rounds)
    measure_beside(appends)
    measure_memory(appends)
    for full in (False, True):
        for writers in WRITERS:
            for batch in BATCHES:
                if (writers, batch) != (4, 100):
                    measure_rate(appends, full, writers, batch, 1)
    measure.remove(appends.store)
    measure.remove(appends.full)
