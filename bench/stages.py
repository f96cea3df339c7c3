# SPDX-License-Identifier: Apache-2.0
"""What is measured, one function per part of the table. Each adds rows to bench.rows."""
import json
import os

import measure
import peers
from measure import say, spread

MILLION = 1e6
MIB = 1024.0 * 1024.0
LEVELS = (("basic", "counts, mean, min, max", 400), ("cases", "and cases", 280),
          ("all", "and exact median and p90 (default)", 130))
# The ratios the default level is to reach, at equal threads.
RATIOS = {"DuckDB": 50, "ClickHouse": 10}
# A question takes a fraction of a second: more runs than of the long work.
QUESTION_RUNS = 7
SPINE = ("customer", "journey_events", "start_s", "gap_s", "millis", "touchpoint")
DISK_GROUPS = (
    ("customer + time + touchpoint", lambda name: name in SPINE),
    ("ids", lambda name: name == "id"),
    ("received", lambda name: name == "received"),
    ("keys (order_id, ...)", lambda name: name.startswith("key")),
    ("properties", lambda name: name.startswith("property")),
    ("subject dictionary", lambda name: name.startswith("subject")),
    ("arrival, source, import", lambda name: name in ("arrival", "source", "import")),
)


class Bench:
    """The data, the programs, and what was found."""

    def __init__(self, root, options, modules):
        self.options = options
        self.rows = []
        self.formulations = []
        self.failures = []
        self.commit = ""
        self.facts = {}
        self.load = round(os.getloadavg()[0], 1)
        self.program = str(options.build / "doorstep")
        self.opener = str(options.build / "bench" / "bench_open")
        self.duckdb = peers.duckdb(str(options.build / "bench" / "bench_peer_duckdb"),
                                   str(options.build / "libduckdb.so"), str(options.work))
        self.clickhouse = None
        if modules is not None:
            self.clickhouse = peers.clickhouse(
                "node", str(root / "bench" / "peer_clickhouse.mjs"), str(modules),
                str(options.work))
        self.csv, self.parquet = self.path("events.csv"), self.path("events.parquet")
        self.events = 0

    def path(self, name):
        return str(self.options.work / name)

    def add(self, part, work, values, unit, target=None, note=""):
        """One row: `target` is ("at least" | "at most", number) or None."""
        reached = spread(values if isinstance(values, list) else [values])
        self.rows.append({"part": part, "work": work, "unit": unit, "reached": reached,
                          "target": target, "note": note})
        say(f"{work}: {reached['median']:.4g} {unit}")

    def refuse(self, part, work, unit, target, why):
        self.rows.append({"part": part, "work": work, "unit": unit, "reached": None,
                          "target": target, "note": why})
        say(f"{work}: no figure, {why}")

    def doorstep(self, *words):
        return measure.run([self.program] + [str(word) for word in words])

    def simulate(self, orders, *words):
        return self.doorstep("simulate", "--orders", orders, "--seed", 1, *words)

    def make_data(self):
        if not {"import", "map", "questions", "funnel"} & set(self.options.only.split(",")):
            return
        say("simulating the events")
        if not os.path.exists(self.parquet):
            self.simulate(self.options.orders, "-o", self.csv, "--force", "--columns", "basic")
            peers.duckdb_convert(self.duckdb, self.csv, self.parquet)
        self.facts["csv_bytes"] = os.path.getsize(self.csv)
        self.facts["parquet_bytes"] = os.path.getsize(self.parquet)


def import_once(bench, source, store, threads=2):
    measure.remove(store)
    os.sync()
    return bench.doorstep("--store", store, "import", source, "--threads", threads)


def status_of(bench, store, table):
    out = bench.doorstep("--store", store, "status", "--format", "json")["out"]
    return measure.answer_rows(out, table)


def measure_import(bench):
    for kind, source, target in (("Parquet", bench.parquet, 3.0), ("CSV", bench.csv, 2.2)):
        store = bench.path(kind + ".store")
        ours, theirs = [], []
        for _ in range(bench.options.rounds):
            ours.append(import_once(bench, source, store))
            theirs.append(peers.duckdb_import(bench.duckdb, source, 2))
        overview = status_of(bench, store, "store")[0]
        bench.events = overview["events"]
        bench.facts.update(events=overview["events"], customers=overview["customers"])
        part, name = "import", f"import {kind}"
        bench.add(part, f"{name}, 2 threads",
                  [bench.events / run["wall_s"] / MILLION for run in ours], "M events/s",
                  ("at least", target))
        bench.add(part, f"{name}: peak memory", [run["rss"] / MIB for run in ours], "MiB",
                  ("at most", 768))
        bench.add(part, f"{name}: times as fast as DuckDB",
                  [their[0] / run["wall_s"] for run, their in zip(ours, theirs)], "x",
                  ("at least", 2.5), "DuckDB's start-up not counted, Doorstep's is")
        bench.add(part, f"DuckDB, {kind} to its sorted table",
                  [bench.events / their[0] / MILLION for their in theirs], "M events/s", None,
                  f"peak memory {max(their[1] for their in theirs) / MIB:.0f} MiB")
    measure_import_large(bench)


def measure_import_large(bench):
    """Peak memory must not grow with the file."""
    if bench.options.large == 0:
        return
    csv, store = bench.path("large.csv"), bench.path("large-csv.store")
    bench.simulate(bench.options.large, "-o", csv, "--force", "--columns", "basic")
    run = import_once(bench, csv, store)
    events = status_of(bench, store, "store")[0]["events"]
    name = f"import CSV of {events / MILLION:.0f} M events"
    note = f"a file of {os.path.getsize(csv) / 1e9:.1f} GB"
    bench.add("import", f"{name}: peak memory", run["rss"] / MIB, "MiB", ("at most", 768), note)
    bench.add("import", name, events / run["wall_s"] / MILLION, "M events/s", None, note)
    measure.remove(csv)
    measure.remove(store)


def process(bench, store, level, threads):
    run = bench.doorstep("--store", store, "process", "--columns", level, "--threads", threads,
                         "--format", "json")
    rows = measure.answer_rows(run["out"], "edges")
    run["edges"] = {
        (row["from"], row["to"]): (
            row["occurrences"], row.get("cases", 0), row["mean_ms"], row["min_ms"],
            row["max_ms"], row.get("median_ms", 0.0), row.get("p90_ms", 0.0)) for row in rows}
    return run


def start_up(bench):
    """CPU and wall seconds of the question on a store of next to nothing."""
    store = bench.path("small.store")
    measure.remove(store)
    bench.simulate(100, "--into", store)
    runs = [process(bench, store, "all", 1) for _ in range(QUESTION_RUNS)]
    return (spread([run["cpu_s"] for run in runs])["median"],
            spread([run["wall_s"] for run in runs])["median"])


def make_tables(bench):
    say("making the peers' tables")
    export = bench.path("export.parquet")
    peers.duckdb_tables(bench.duckdb, bench.parquet, export)
    if bench.clickhouse is not None:
        peers.clickhouse_tables(bench.clickhouse, export, bench.duckdb.events)
    measure.remove(export)


def measure_map(bench):
    store = bench.path("Parquet.store")
    if not os.path.exists(store):
        import_once(bench, bench.parquet, store)
    bench.events = status_of(bench, store, "store")[0]["events"]
    if not os.path.exists(bench.path("CSV.store")):
        import_once(bench, bench.csv, bench.path("CSV.store"))
    answer = process(bench, store, "all", 1)["edges"]
    bench.facts.update(events=bench.events, edges=len(answer))
    for other in (process(bench, bench.path("CSV.store"), "all", 2)["edges"],
                  process(bench, store, "all", 2)["edges"]):
        if peers.difference(answer, other) != "":
            raise measure.Failed("one thread and two, or CSV and Parquet, answer differently")
    idle = start_up(bench)
    bench.facts["start_up_cpu_ms"] = idle[0] * 1e3
    bench.facts["start_up_wall_ms"] = idle[1] * 1e3
    for level, words, target in LEVELS:
        runs = [process(bench, store, level, 1) for _ in range(QUESTION_RUNS)]
        if any(edge[0] != answer[key][0] or edge[2:5] != answer[key][2:5]
               for key, edge in runs[0]["edges"].items()):
            raise measure.Failed(f"--columns {level} counts otherwise than the default")
        bench.add("map", f"process map: {words}, per core",
                  [bench.events / (run["cpu_s"] - idle[0]) / MILLION for run in runs],
                  "M events/s", ("at least", target), "CPU seconds of 1 thread less start-up")
    runs = [process(bench, store, "all", 2) for _ in range(QUESTION_RUNS)]
    bench.add("map", "process map: default, wall, 2 threads",
              [bench.events / run["wall_s"] / MILLION for run in runs], "M events/s", None,
              "start-up included")
    bench.add("map", "process map: default, peak memory", [run["rss"] / MIB for run in runs],
              "MiB")
    make_tables(bench)
    compare(bench, store, answer, idle)


def try_formulations(bench, peer, answer):
    """The two cheapest right formulations per number of threads. CPU seconds decide, because a
    single run's wall tells more of what else the machine did."""
    found = peer.answer(peer.all_choices((1, 2)))
    right = {1: [], 2: []}
    for choice, (wall, cpu, edges) in found.items():
        wrong = peers.difference(answer, edges)
        bench.formulations.append({
            "peer": peer.name, "threads": choice[0], "customers": choice[1],
            "formulation": choice[2], "wall_s": wall, "cpu_s": cpu, "differs": wrong})
        if wrong == "":
            right[choice[0]].append((cpu, choice))
    return {threads: [choice for _, choice in sorted(some)[:2]]
            for threads, some in right.items()}


def compare(bench, store, answer, idle):
    """Alternates Doorstep and the peers at equal threads; the peer's faster formulation counts."""
    everyone = [peer for peer in (bench.duckdb, bench.clickhouse) if peer is not None]
    best = {peer.name: try_formulations(bench, peer, answer) for peer in everyone}
    ours = {1: [], 2: []}
    theirs = {(peer.name, threads): [] for peer in everyone for threads in (1, 2)}
    for _ in range(bench.options.rounds):
        for threads in (1, 2):
            runs = [process(bench, store, "all", threads) for _ in range(QUESTION_RUNS)]
            ours[threads].append({
                "wall": spread([run["wall_s"] - idle[1] for run in runs])["median"],
                "cpu": spread([run["cpu_s"] - idle[0] for run in runs])["median"]})
            for peer in everyone:
                found = peer.answer(best[peer.name][threads])
                if found:
                    choice = min(found, key=lambda c: found[c][0])
                    theirs[peer.name, threads].append({
                        "wall": found[choice][0], "cpu": min(f[1] for f in found.values()),
                        "choice": f"customers as {choice[1]}, {choice[2]}"})
    for (name, threads), runs in theirs.items():
        add_ratio(bench, name, threads, ours[threads], runs)


def add_ratio(bench, name, threads, ours, theirs):
    work = f"process map: default, times as fast as {name}, {threads} thread" + "s" * (threads > 1)
    target = ("at least", RATIOS[name])
    if not theirs:
        bench.refuse("map", work, "x", target, "the answers differ")
        return
    seconds = {(who, clock): spread([run[clock] for run in runs])["median"]
               for who, runs in (("our", ours), ("their", theirs)) for clock in ("wall", "cpu")}
    bench.add("map", work, [their["wall"] / our["wall"] for our, their in zip(ours, theirs)], "x",
              target, f"wall {seconds['their', 'wall']:.2f} s against "
              f"{seconds['our', 'wall']:.3f} s; CPU {seconds['their', 'cpu']:.2f} s against "
              f"{seconds['our', 'cpu']:.3f} s, "
              f"{seconds['their', 'cpu'] / seconds['our', 'cpu']:.1f} x; no start-up; "
              f"{theirs[-1]['choice']}")


def measure_disk(bench):
    orders = min(bench.options.orders, 500000)
    for words, name, target in (("whole seconds", "seconds", 3.2), ("milliseconds", "ms", 4.5)):
        store = bench.path(name + ".store")
        measure.remove(store)
        flags = ["--milliseconds"] if name == "ms" else []
        bench.simulate(orders, "--into", store, *flags)
        overview = status_of(bench, store, "store")[0]
        columns = {row["column"]: row["bytes"] for row in status_of(bench, store, "columns")}
        events, rest = overview["events"], overview["bytes"]
        for group, belongs in DISK_GROUPS:
            size = sum(bytes_ for column, bytes_ in columns.items() if belongs(column))
            rest -= size
            bench.add("disk", f"on disk, {words}: {group}", size / events, "bytes/event",
                      ("at most", target) if group == DISK_GROUPS[0][0] else None)
        bench.add("disk", f"on disk, {words}: footers and all else", rest / events, "bytes/event")
        bench.add("disk", f"on disk, {words}: the whole part files", overview["bytes"] / events,
                  "bytes/event", None, f"{events / MILLION:.1f} M events of the whole shop")
        measure.remove(store)


def measure_simulate(bench):
    store = bench.path("simulated.store")
    runs = []
    for _ in range(bench.options.rounds):
        measure.remove(store)
        os.sync()
        runs.append(bench.simulate(bench.options.orders, "--into", store, "--threads", 2))
    events = status_of(bench, store, "store")[0]["events"]
    measure.remove(store)
    bench.add("simulate", "simulate into a store, 2 threads",
              [events / run["wall_s"] / MILLION for run in runs], "M events/s", ("at least", 3.0),
              f"{events / MILLION:.1f} M events with ids, keys and properties")
    bench.add("simulate", "simulate into a store: peak memory",
              [run["rss"] / MIB for run in runs], "MiB")


def measure_open(bench):
    if bench.options.large == 0:
        return
    store = bench.path("large.store")
    measure.remove(store)
    say("simulating the large store")
    bench.simulate(bench.options.large, "--into", store)
    for cache in ("cold", "warm"):
        found = []
        for _ in range(max(3, bench.options.rounds)):
            if cache == "cold":
                measure.forget(store)
            found.append(json.loads(measure.run([bench.opener, store])["out"]))
        events = found[0]["events"] / MILLION
        name = f"open a store of {events:.0f} M events, files {cache}"
        note = f"{found[0]['parts']} parts"
        bench.add("open", f"{name}: seconds", [f["open_s"] + f["snapshot_s"] for f in found],
                  "s", ("at most", 1.0), note)
        bench.add("open", f"{name}: resident", [f["rss"] / MIB for f in found], "MiB",
                  ("at most", 200), note)
    measure.remove(store)
