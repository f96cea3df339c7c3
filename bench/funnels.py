# SPDX-License-Identifier: Apache-2.0
"""Funnels of four steps within 7 days, sequences, and eight conditions at once: how fast per core,
and how many times as fast as the peers in the same run.

The peers count the same where they can: a ratio is then printed only when the answers agree. For
what ClickHouse has no word for, its windowFunnel of the same steps stands as the nearest.
"""
import os

import measure
import peers
from measure import spread
from questions import MILLION, RUNS, events_of, start_up

WINDOW_MS = 7 * 86400000
COMMON = ["order_placed", "carrier_collected", "delivered", "review_submitted"]
RARE = ["csat_submitted", "order_placed", "delivered", "review_submitted"]
CLOSE = ["order_placed", "payment_approved", "confirmation_email_sent", "label_created"]
# Name -> steps, options, target in M events/s, least ratios, whether answers must agree.
FUNNELS = {
    "common": (COMMON, [], 400, {"DuckDB": 100, "ClickHouse": 15}, True),
    "rare": (RARE, [], 2000, {"DuckDB": 100, "ClickHouse": 15}, True),
    "strict": (CLOSE, ["--order", "strict"], None, {"ClickHouse": 8}, False),
    "any order": (COMMON, ["--order", "any"], None, {"ClickHouse": 8}, False),
    "with an exclusion": (COMMON, ["--without", "support_ticket_opened:1-3"], None,
                          {"ClickHouse": 8}, False),
}
SEQUENCE = "sequence(order_placed then delivered within 7d then review_submitted within 7d)"
SEQUENCE_MATCH = (f"select toString(countIf(held)) from (select sequenceMatch("
                  f"'(?1)(?t<={WINDOW_MS})(?2)(?t<={WINDOW_MS})(?3)')"
                  f"(toUInt64(toUnixTimestamp64Milli(time)), event = 'order_placed', "
                  f"event = 'delivered', event = 'review_submitted') as held "
                  f"from bench.{{table}} group by customer{{setting}})")
# ClickHouse's retention() looks at no order of time: of each customer who meets the first
# condition, which of the others hold of some event. As a segment: did(first) and did(other).
RETENTION = ["order_placed", "delivered", "review_submitted", "return_requested",
             "support_ticket_opened", "notification_opened", "confirmation_email_clicked",
             "csat_submitted"]
# What is asked without steps, and the least ratio to ClickHouse.
OTHERS = {"sequence": 8, "retention of 8 conditions": 10}
IN_ORDER = " settings optimize_aggregation_in_order = 1"


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
    setting = IN_ORDER if in_order else ""
    return (f"select {counts} from (select windowFunnel({WINDOW_MS})"
            f"(toUInt64(toUnixTimestamp64Milli(time)), {conditions}) as level "
            f"from bench.{{table}} group by customer{setting})")


def retention_sql(in_order):
    conditions = ", ".join(f"event = '{event}'" for event in RETENTION)
    counts = ", ".join(f"toString(sum(r[{at}]))" for at in range(1, len(RETENTION) + 1))
    return (f"select {counts} from (select retention({conditions}) as r from bench.{{table}} "
            f"group by customer{IN_ORDER if in_order else ''})")


def segments_of(name):
    if name == "sequence":
        return [SEQUENCE]
    first = f"did({RETENTION[0]})"
    return [first] + [f"{first} and did({event})" for event in RETENTION[1:]]


def ask(bench, store, name, threads):
    if name in OTHERS:
        return bench.doorstep("--store", store, "segment", *segments_of(name), "--threads",
                              threads, "--format", "json")
    steps, options = FUNNELS[name][:2]
    return bench.doorstep("--store", store, "funnel", *steps, "--within", "7d", "--threads",
                          threads, "--format", "json", *options)


def answer_of(run, name):
    if name in OTHERS:
        return [row["members"] for row in measure.answer_rows(run["out"], "segments")]
    return [row["reached"] for row in measure.answer_rows(run["out"], "steps")]


def best_of(peer, formulations, threads, answer):
    """Wall seconds of the peer's fastest right formulation (any, when `answer` is None), and its
    name; None without one."""
    best = None
    for (table, name), sql in formulations.items():
        script = [peer.threads(threads), ("first", sql), ("second", sql)]
        try:
            lines, _ = peer.run(script, peer.database())
        except measure.Failed as failed:
            measure.say(f"customers as {table}, {name}: {failed}")
            continue
        if answer is not None and [int(count) for count in lines[-1]["rows"][0]] != answer:
            measure.say(f"{peer.name} says {lines[-1]['rows'][0]}, not {answer}")
            continue
        wall = min(line["wall_s"] for line in lines[1:])
        if best is None or wall < best[0]:
            best = (wall, (table, name))
    return best


def formulations_of(peer, name):
    if name == "sequence":
        texts = {"sequenceMatch": SEQUENCE_MATCH.replace("{setting}", ""),
                 "sequenceMatch, grouped in order": SEQUENCE_MATCH.replace("{setting}", IN_ORDER)}
    elif name in OTHERS:
        texts = {"retention": retention_sql(False),
                 "retention, grouped in order": retention_sql(True)}
    elif peer.name == "DuckDB":
        texts = {"windows": duckdb_sql(FUNNELS[name][0])}
    else:
        texts = {"windowFunnel": clickhouse_sql(FUNNELS[name][0], False),
                 "windowFunnel, grouped in order": clickhouse_sql(FUNNELS[name][0], True)}
    return {(table, key): sql.format(table=table)
            for table in peers.TABLES for key, sql in texts.items()}


def compare_peer(bench, store, name, idle, peer, least, agrees, threads):
    ratios, theirs = [], None
    formulations = formulations_of(peer, name)
    for _ in range(bench.options.rounds):
        runs = [ask(bench, store, name, threads) for _ in range(RUNS)]
        ours = spread([run["wall_s"] - idle[1] for run in runs])["median"]
        theirs = best_of(peer, formulations, threads, answer_of(runs[0], name) if agrees else None)
        if theirs is None:
            break
        # The first round finds the peer's best, the others repeat it.
        formulations = {theirs[1]: formulations[theirs[1]]}
        ratios.append(theirs[0] / ours)
    work = f"{'' if name in OTHERS else 'funnel, '}{name}: times as fast as {peer.name}, " \
        f"{threads} thread" + "s" * (threads > 1)
    if theirs is None:
        bench.refuse("funnel", work, "x", ("at least", least), "no formulation agrees")
        return
    bench.add("funnel", work, ratios, "x", ("at least", least),
              f"wall {theirs[0]:.2f} s against {ours:.3f} s; no start-up; customers as "
              f"{theirs[1][0]}, {theirs[1][1]}{'' if agrees else ', which counts other chains'}")


def compare(bench, store, name, idle, ratios, agrees):
    for threads in (1, 2):
        for peer in (bench.duckdb, bench.clickhouse):
            if peer is not None and peer.name in ratios:
                compare_peer(bench, store, name, idle, peer, ratios[peer.name], agrees, threads)


def measure_funnels(bench):
    store = bench.path("Parquet.store")
    if not os.path.exists(store):
        bench.doorstep("--store", store, "import", bench.parquet)
    events = events_of(bench, store)
    idle = start_up(bench, "variants")
    for name, target in ([(name, row[2]) for name, row in FUNNELS.items()] +
                         [(name, None) for name in OTHERS]):
        runs = [ask(bench, store, name, 1) for _ in range(RUNS)]
        bench.add("funnel", f"{'' if name in OTHERS else 'funnel, '}{name}, per core",
                  [events / (run["cpu_s"] - idle[0]) / MILLION for run in runs], "M events/s",
                  None if target is None else ("at least", target),
                  "CPU seconds of 1 thread less start-up")
    if not os.path.exists(bench.duckdb.database()):
        export = bench.path("export.parquet")
        peers.duckdb_tables(bench.duckdb, bench.parquet, export)
        if bench.clickhouse is not None:
            peers.clickhouse_tables(bench.clickhouse, export, bench.duckdb.events)
        measure.remove(export)
    for name, (_, _, _, ratios, agrees) in FUNNELS.items():
        compare(bench, store, name, idle, ratios, agrees)
    for name, least in OTHERS.items():
        compare(bench, store, name, idle, {"ClickHouse": least}, True)
