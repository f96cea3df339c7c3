# SPDX-License-Identifier: Apache-2.0
"""Variants and journey map: how fast per core, and variants beside the peers in the same run;
what a filter adds; a file asked without a store.

The peers answer the same question: each sequence's cases, median and 90th percentile of the
time from first to last event, the twenty most frequent. A ratio is printed only when the
answers agree.
"""
import os

import measure
import peers
from measure import spread

MILLION = 1e6
RUNS = 7
LISTED = 20
TARGETS = {"variants": 450, "map": 80}
RATIOS = {"DuckDB": 50, "ClickHouse": 20}
FILTERS = {"value > 100 and channel = 'web'": ("at most", 1.2),
           "value > 0 or value is null": None}  # keeps every event
FILE_BYTES = 10e6

DUCKDB = {
    "lists": """
select array_to_string(v, ' > '), n::varchar, q[1]::varchar, q[2]::varchar from (
  select v, count(*) as n, quantile_cont(d, [0.5, 0.9]) as q from (
    select list(event order by time, arrival) as v,
           epoch_ms(max(time)) - epoch_ms(min(time)) as d from {table} group by customer)
  group by v order by n desc limit {listed})""",
    "texts": """
select v, n::varchar, q[1]::varchar, q[2]::varchar from (
  select v, count(*) as n, quantile_cont(d, [0.5, 0.9]) as q from (
    select string_agg(event::varchar, ' > ' order by time, arrival) as v,
           epoch_ms(max(time)) - epoch_ms(min(time)) as d from {table} group by customer)
  group by v order by n desc limit {listed})""",
}
CLICKHOUSE_INNER = """
    select groupArray(event) as v, toUnixTimestamp64Milli(max(time)) -
           toUnixTimestamp64Milli(min(time)) as d
    from (select customer, event, time from bench.{table} order by customer, time, arrival)
    group by customer"""
CLICKHOUSE_OUTER = """
select arrayStringConcat(arrayMap(x -> toString(x), v), ' > '), toString(n), toString(q[1]),
       toString(q[2]) from (
  select v, count() as n, quantilesExactInclusive(0.5, 0.9)(d) as q from ({inner})
  group by v order by n desc limit {listed})"""
CLICKHOUSE = {
    "arrays": CLICKHOUSE_OUTER.replace("{inner}", CLICKHOUSE_INNER),
    "arrays, grouped in order": CLICKHOUSE_OUTER.replace(
        "{inner}", CLICKHOUSE_INNER + " settings optimize_aggregation_in_order = 1"),
}


def ask(bench, store, question, threads, *more):
    return bench.doorstep("--store", store, question, "--threads", threads, "--limit", LISTED,
                          "--format", "json", *more)


def events_of(bench, store):
    status = bench.doorstep("--store", store, "status", "--format", "json")["out"]
    return measure.answer_rows(status, "store")[0]["events"]


def start_up(bench, question):
    """CPU and wall seconds of the question on a store of next to nothing."""
    store = bench.path("small.store")
    if not os.path.exists(store):
        bench.simulate(100, "--into", store)
    runs = [ask(bench, store, question, 1) for _ in range(RUNS)]
    return (spread([run["cpu_s"] for run in runs])["median"],
            spread([run["wall_s"] for run in runs])["median"])


def variants_of(rows):
    """Rows of text, cases, median, p90 -> what is sure: the last count may stop amid equals."""
    rows = [(row[0], int(row[1]), float(row[2]), float(row[3])) for row in rows]
    least = min((row[1] for row in rows), default=0)
    return {row[0]: row[1:] for row in rows if row[1] > least}


def our_variants(run):
    return variants_of([(" > ".join(row["touchpoints"]), row["cases"], row["median_ms"],
                         row["p90_ms"]) for row in measure.answer_rows(run["out"], "variants")])


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(
        mine[0] == theirs[key][0] and all(abs(a - b) <= 0.5 for a, b in zip(mine, theirs[key]))
        for key, mine in ours.items())


def best_of(bench, peer, choices, threads, answer):
    """(wall, cpu, choice) of the peer's fastest right choice, a pair of table and formulation;
    None when there is none. One that the peer cannot bear is left out, and told."""
    best = None
    for table, name in choices:
        sql = peer.questions[name].format(table=table, listed=LISTED)
        try:
            lines, _ = peer.run([peer.threads(threads), ("first", sql), ("second", sql)],
                                peer.database())
        except measure.Failed as failed:
            measure.say(f"customers as {table}, {name}: {failed}")
            continue
        if not same(answer, variants_of(lines[-1]["rows"])):
            continue
        wall = min(line["wall_s"] for line in lines[1:])
        cpu = min(line["cpu_s"] for line in lines[1:])
        if best is None or wall < best[0]:
            best = (wall, cpu, (table, name))
    return best


def compare(bench, store, answer, idle):
    bench.duckdb.questions = DUCKDB
    everyone = [bench.duckdb]
    if bench.clickhouse is not None:
        bench.clickhouse.questions = CLICKHOUSE
        everyone.append(bench.clickhouse)
    for threads in (1, 2):
        for peer in everyone:
            ours, theirs = [], []
            # The first round finds the peer's best, the others repeat it.
            choices = [(table, name) for name in peer.questions for table in peers.TABLES]
            for _ in range(bench.options.rounds):
                runs = [ask(bench, store, "variants", threads) for _ in range(RUNS)]
                ours.append(spread([run["wall_s"] - idle[1] for run in runs])["median"])
                theirs.append(best_of(bench, peer, choices, threads, answer))
                choices = [best[2] for best in theirs[-1:] if best is not None]
            work = f"variants: times as fast as {peer.name}, {threads} thread" + \
                "s" * (threads > 1)
            target = ("at least", RATIOS[peer.name])
            if None in theirs:
                bench.refuse("questions", work, "x", target, "no formulation agrees")
                continue
            table, name = theirs[-1][2]
            bench.add("questions", work,
                      [their[0] / our for our, their in zip(ours, theirs)], "x", target,
                      f"wall {theirs[-1][0]:.2f} s against {ours[-1]:.3f} s; no start-up; "
                      f"customers as {table}, {name}")


def measure_filters(bench):
    """The whole shop, with every property."""
    store = bench.path("whole.store")
    if not os.path.exists(store):
        bench.simulate(bench.options.orders, "--into", store)
    events = events_of(bench, store)
    idle = start_up(bench, "map")
    runs = [ask(bench, store, "map", 1) for _ in range(RUNS)]
    bench.add("questions", "map of the whole shop with satisfaction, per core",
              [events / (run["cpu_s"] - idle[0]) / MILLION for run in runs], "M events/s", None,
              f"{events / MILLION:.1f} M events with ids, keys and properties")
    for question in ("process", "map"):
        for where, target in FILTERS.items():
            added = []
            for _ in range(RUNS):
                plain = ask(bench, store, question, 1)["cpu_s"]
                added.append((ask(bench, store, question, 1, "--where", where)["cpu_s"] - plain) /
                             events * 1e9)
            bench.add("questions", f"{question}: `--where \"{where}\"` adds", added, "ns/event",
                      target, "CPU with it less CPU without, in turns; whole shop")
    measure.remove(store)


def measure_file(bench):
    """The first question about a file of ten megabytes, nothing cached."""
    path = bench.path("file.csv")
    with open(bench.csv, "rb") as whole, open(path, "wb") as part:
        text = whole.read(int(FILE_BYTES))
        part.write(text[:text.rindex(b"\n") + 1])
    runs = []
    for _ in range(RUNS):
        cache = bench.path("cache")
        measure.remove(cache)
        os.environ["XDG_CACHE_HOME"] = str(cache)
        runs.append(bench.doorstep("map", "--data", path)["wall_s"])
    bench.add("questions", "map --data of a CSV of 10 MB, the first time", runs, "s",
              ("at most", 1), f"{text.count(10) / 1000:.0f} k events; start-up included")
    measure.remove(path)


def measure_questions(bench):
    store = bench.path("Parquet.store")
    if not os.path.exists(store):
        bench.doorstep("--store", store, "import", bench.parquet)
    events = events_of(bench, store)
    answers = {}
    for question, target in TARGETS.items():
        idle = start_up(bench, question)
        runs = [ask(bench, store, question, 1) for _ in range(RUNS)]
        answers[question] = (runs[0], idle)
        bench.add("questions", f"{question}, per core",
                  [events / (run["cpu_s"] - idle[0]) / MILLION for run in runs], "M events/s",
                  ("at least", target), "CPU seconds of 1 thread less start-up")
    if not os.path.exists(bench.duckdb.database()):
        export = bench.path("export.parquet")
        peers.duckdb_tables(bench.duckdb, bench.parquet, export)
        if bench.clickhouse is not None:
            peers.clickhouse_tables(bench.clickhouse, export, bench.duckdb.events)
        measure.remove(export)
    run, idle = answers["variants"]
    compare(bench, store, our_variants(run), idle)
    measure_filters(bench)
    measure_file(bench)
