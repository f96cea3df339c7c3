# SPDX-License-Identifier: Apache-2.0
"""Funnels of four steps within 7 days: how fast per core when nearly all customers hold the first
step and when few do, and how many times as fast as the peers in the same run.

The peers count the same: how many customers reach each step. A ratio is printed only when the
answers agree.
"""
import os

import measure
import peers
from measure import spread
from questions import MILLION, RUNS, events_of, start_up

WINDOW_MS = 7 * 86400000
# Name -> steps, options, target in M events/s.
FUNNELS = {
    "common": (["order_placed", "carrier_collected", "delivered", "review_submitted"], [], 400),
    "rare": (["csat_submitted", "order_placed", "delivered", "review_submitted"], [], 2000),
    "strict": (["order_placed", "payment_approved", "confirmation_email_sent", "label_created"],
               ["--order", "strict"], None),
    "any order": (["order_placed", "carrier_collected", "delivered", "review_submitted"],
                  ["--order", "any"], None),
    "with an exclusion": (["order_placed", "carrier_collected", "delivered", "review_submitted"],
                          ["--without", "support_ticket_opened:1-3"], None),
}
RATIOS = {"DuckDB": 100, "ClickHouse": 15}


def duckdb_sql(steps):
    """The latest start of a chain that reached each event, step by step."""
    text = (f"with c1 as (select customer, event, epoch_ms(time) as ms, case when event = "
            f"'{steps[0]}' then epoch_ms(time) end as k1 from {{table}})")
    for at, step in enumerate(steps[1:], 2):
        text += (f", c{at} as (select * exclude (p), case when event = '{step}' and ms - p <= "
                 f"{WINDOW_MS} then p end as k{at} from (select *, max(k{at - 1}) over "
                 f"(partition by customer order by ms) as p from c{at - 1}))")
    counts = ", ".join(f"count(*) filter (k{at} is not null)::varchar"
                       for at in range(1, len(steps) + 1))
    marks = ", ".join(f"max(k{at}) as k{at}" for at in range(1, len(steps) + 1))
    return f"{text} select {counts} from (select {marks} from c{len(steps)} group by customer)"


def clickhouse_sql(steps, in_order):
    conditions = ", ".join(f"event = '{step}'" for step in steps)
    counts = ", ".join(f"toString(countIf(level >= {at}))" for at in range(1, len(steps) + 1))
    setting = " settings optimize_aggregation_in_order = 1" if in_order else ""
    return (f"select {counts} from (select windowFunnel({WINDOW_MS})"
            f"(toUInt64(toUnixTimestamp64Milli(time)), {conditions}) as level "
            f"from bench.{{table}} group by customer{setting})")


def ask(bench, store, name, threads):
    steps, options, _ = FUNNELS[name]
    return bench.doorstep("--store", store, "funnel", *steps, "--within", "7d", "--threads",
                          threads, "--format", "json", *options)


def reached(run):
    return [row["reached"] for row in measure.answer_rows(run["out"], "steps")]


def best_of(peer, formulations, threads, answer):
    """Wall seconds of the peer's fastest right formulation, and its name; None without one."""
    best = None
    for (table, name), sql in formulations.items():
        script = [peer.threads(threads), ("first", sql), ("second", sql)]
        try:
            lines, _ = peer.run(script, peer.database())
        except measure.Failed as failed:
            measure.say(f"customers as {table}, {name}: {failed}")
            continue
        if [int(count) for count in lines[-1]["rows"][0]] != answer:
            measure.say(f"{peer.name} says {lines[-1]['rows'][0]}, not {answer}")
            continue
        wall = min(line["wall_s"] for line in lines[1:])
        if best is None or wall < best[0]:
            best = (wall, (table, name))
    return best


def formulations_of(peer, name):
    steps = FUNNELS[name][0]
    texts = ({"windows": duckdb_sql(steps)} if peer.name == "DuckDB" else
             {"windowFunnel": clickhouse_sql(steps, False),
              "windowFunnel, grouped in order": clickhouse_sql(steps, True)})
    return {(table, key): sql.format(table=table)
            for table in peers.TABLES for key, sql in texts.items()}


def compare(bench, store, name, idle):
    everyone = [peer for peer in (bench.duckdb, bench.clickhouse) if peer is not None]
    for threads in (1, 2):
        for peer in everyone:
            ratios, theirs = [], None
            formulations = formulations_of(peer, name)
            for _ in range(bench.options.rounds):
                runs = [ask(bench, store, name, threads) for _ in range(RUNS)]
                ours = spread([run["wall_s"] - idle[1] for run in runs])["median"]
                theirs = best_of(peer, formulations, threads, reached(runs[0]))
                if theirs is None:
                    break
                # The first round finds the peer's best, the others repeat it.
                formulations = {theirs[1]: formulations[theirs[1]]}
                ratios.append(theirs[0] / ours)
            work = f"funnel, {name}: times as fast as {peer.name}, {threads} thread" + \
                "s" * (threads > 1)
            target = ("at least", RATIOS[peer.name])
            if theirs is None:
                bench.refuse("funnel", work, "x", target, "no formulation agrees")
                continue
            bench.add("funnel", work, ratios, "x", target,
                      f"wall {theirs[0]:.2f} s against {ours:.3f} s; no start-up; customers as "
                      f"{theirs[1][0]}, {theirs[1][1]}")


def measure_funnels(bench):
    store = bench.path("Parquet.store")
    if not os.path.exists(store):
        bench.doorstep("--store", store, "import", bench.parquet)
    events = events_of(bench, store)
    idle = start_up(bench, "variants")
    for name, (_, _, target) in FUNNELS.items():
        runs = [ask(bench, store, name, 1) for _ in range(RUNS)]
        bench.add("funnel", f"funnel, {name}, per core",
                  [events / (run["cpu_s"] - idle[0]) / MILLION for run in runs], "M events/s",
                  None if target is None else ("at least", target),
                  "CPU seconds of 1 thread less start-up")
    if not os.path.exists(bench.duckdb.database()):
        export = bench.path("export.parquet")
        peers.duckdb_tables(bench.duckdb, bench.parquet, export)
        if bench.clickhouse is not None:
            peers.clickhouse_tables(bench.clickhouse, export, bench.duckdb.events)
        measure.remove(export)
    for name in ("common", "rare"):
        compare(bench, store, name, idle)
