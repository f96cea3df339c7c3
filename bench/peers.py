# SPDX-License-Identifier: Apache-2.0
"""The peers: the SQL by which DuckDB and ClickHouse import the same file and answer the same
question, and how it is run.

Both hold two sorted tables: `text`, whose customers are texts as in the file, and `number`, whose
customers are small whole numbers. Touchpoints are enums; `arrival` is the row's place in the
file. Every formulation answers: from, to, occurrences, cases, mean, least, greatest, median, p90.
"""
import json
import os

import measure

TABLES = ("text", "number")

DUCKDB_PAIRS = """
with pairs as (
  select customer, event as f, lead(event) over one as t,
         epoch_ms(lead(time) over one) - epoch_ms(time) as gap
  from {table} window one as (partition by customer order by time, arrival))"""
DUCKDB = {
    "window, count(distinct)": DUCKDB_PAIRS + """
select f::varchar, t::varchar, n, c, mean, least, greatest, q[1], q[2] from (
  select f, t, count(*) as n, count(distinct customer) as c, avg(gap) as mean,
         min(gap) as least, max(gap) as greatest, quantile_cont(gap, [0.5, 0.9]) as q
  from pairs where t is not null group by f, t)""",
    "window, cases apart": DUCKDB_PAIRS + """,
times as (
  select f, t, count(*) as n, avg(gap) as mean, min(gap) as least, max(gap) as greatest,
         quantile_cont(gap, [0.5, 0.9]) as q
  from pairs where t is not null group by f, t),
cases as (
  select f, t, count(*) as c
  from (select distinct customer, f, t from pairs where t is not null) group by f, t)
select f::varchar, t::varchar, n, c, mean, least, greatest, q[1], q[2]
from times join cases using (f, t)""",
}

# In ClickHouse a pair of touchpoints is one number, k.
CLICKHOUSE_TIMES = """count() as n, {cases} as c, avg(g) as mean, min(g) as least,
  max(g) as greatest, quantilesExactInclusive(0.5, 0.9)(g) as q"""
CLICKHOUSE_SHOW = """
select cast(intDiv(k, 256) as {events}), cast(k % 256 as {events}), n, c, mean, least, greatest,
  q[1], q[2] from ("""
CLICKHOUSE_ARRAYS = CLICKHOUSE_SHOW + "select k, " + CLICKHOUSE_TIMES.replace(
    "{cases}", "sum(u = 1)") + """ from (
  select arrayMap((a, b) -> a * 256 + b, arrayPopBack(es), arrayPopFront(es)) as ks,
         arrayPopFront(arrayDifference(ts)) as gs, arrayEnumerateUniq(ks) as us
  from (
    select groupArray(toUInt16(event)) as es, groupArray(toUnixTimestamp64Milli(time)) as ts
    from (select customer, event, time from bench.{table} order by customer, time, arrival)
    group by customer{in_order}))
array join ks as k, gs as g, us as u group by k)"""
CLICKHOUSE = {
    "window": CLICKHOUSE_SHOW + "select k, " + CLICKHOUSE_TIMES.replace(
        "{cases}", "uniqExact(customer)") + """ from (
  select customer, lagInFrame(customer) over one as before,
         toUInt16(event) + 256 * lagInFrame(toUInt16(event)) over one as k,
         toUnixTimestamp64Milli(time) - lagInFrame(toUnixTimestamp64Milli(time)) over one as g,
         row_number() over one as row
  from bench.{table} window one as (
    order by customer, time, arrival rows between 1 preceding and current row))
where before = customer and row > 1 group by k)""",
    "arrays": CLICKHOUSE_ARRAYS.replace("{in_order}", ""),
    "arrays, grouped in order": CLICKHOUSE_ARRAYS.replace(
        "{in_order}", " settings optimize_aggregation_in_order = 1"),
}


def edges_of_rows(rows):
    """Rows as texts -> {(from, to): (n, cases, mean, min, max, median, p90)}."""
    return {(row[0], row[1]): (int(row[2]), int(row[3])) + tuple(float(x) for x in row[4:9])
            for row in rows}


def difference(ours, theirs):
    """What differs between two answers, in words; "" when they agree to the millisecond."""
    if ours.keys() != theirs.keys():
        return f"{len(ours.keys() ^ theirs.keys())} edges stand in one answer only"
    wrong = 0
    for key, mine in ours.items():
        other = theirs[key]
        exact = mine[0:2] == other[0:2] and mine[3:5] == other[3:5]
        mean = abs(mine[2] - other[2]) <= 1e-9 * max(1.0, abs(mine[2]))
        wrong += not (exact and mean and abs(mine[5] - other[5]) <= 0.5
                      and abs(mine[6] - other[6]) <= 0.5)
    return f"{wrong} of {len(ours)} edges differ" if wrong else ""


class Peer:
    """One engine: its tables in the work directory, its version, its formulations."""

    def __init__(self, name, command, folder, formulations):
        self.name = name
        self.command = command
        self.folder = folder
        self.formulations = formulations
        self.version = ""
        self.events = []

    def run(self, script, database):
        """Runs [(name, sql)] in one process -> (rows of output by name, process)."""
        path = os.path.join(self.folder, self.name.lower() + ".sql")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"-- {name}\n{sql.strip()}\n" for name, sql in script)
        process = measure.run(self.command + [database, path])
        lines = [json.loads(line) for line in process["out"].splitlines()]
        self.version = lines[0]["version"]
        return lines[1:], process

    def database(self):
        return os.path.join(self.folder, self.name.lower() + ".database")

    def threads(self, count):
        word = "threads" if self.name == "DuckDB" else "max_threads"
        return ("setting", f"set {word} = {count}")

    def sql(self, formulation, table):
        enum = "Enum8(" + ", ".join(f"'{e}' = {i}" for i, e in enumerate(self.events)) + ")"
        return self.formulations[formulation].format(table=table, events=enum)

    def answer(self, chosen):
        """Runs [(threads, table, formulation)], each twice -> {choice: (wall, cpu, edges)}."""
        found = {}
        for choice in chosen:
            threads, table, formulation = choice
            sql = self.sql(formulation, table)
            script = [self.threads(threads), ("first", sql), ("second", sql)]
            lines, _ = self.run(script, self.database())
            found[choice] = (min(line["wall_s"] for line in lines[1:]),
                             min(line["cpu_s"] for line in lines[1:]),
                             edges_of_rows(lines[-1]["rows"]))
        return found

    def all_choices(self, threads):
        return [(t, table, formulation) for t in threads for table in TABLES
                for formulation in self.formulations]


def duckdb(program, library, folder):
    return Peer("DuckDB", [program, library], folder, DUCKDB)


def clickhouse(node, script, modules, folder):
    return Peer("ClickHouse", [node, script, modules], folder, CLICKHOUSE)


def duckdb_convert(peer, csv, parquet):
    """Writes the CSV's rows as Parquet, in their order."""
    peer.run([("convert", f"copy (select * from read_csv('{csv}')) to '{parquet}' "
               "(format parquet)")], ":memory:")


def duckdb_import(peer, source, threads):
    """A sorted table on disk from a file -> (seconds of its statements, peak bytes)."""
    database = os.path.join(peer.folder, "import.database")
    measure.remove(database)
    os.sync()
    script = [peer.threads(threads),
              ("import", f"create table e as select * from '{source}' order by customer, time"),
              ("checkpoint", "checkpoint")]
    lines, process = peer.run(script, database)
    measure.remove(database)
    return sum(line["wall_s"] for line in lines[1:]), process["rss"]


def duckdb_tables(peer, parquet, export):
    """Makes the tables questions run on, and a Parquet file of them for ClickHouse."""
    measure.remove(peer.database())
    rows = f"read_parquet('{parquet}', file_row_number = true)"
    lines, _ = peer.run([
        ("enum", f"create type touchpoint as enum (select distinct event from '{parquet}' "
         "order by event)"),
        ("text", "create table text as select customer, event::touchpoint as event, "
         f"time::timestamp as time, value, file_row_number as arrival from {rows} "
         "order by customer, time, arrival"),
        ("number", "create table number as select (dense_rank() over (order by customer))"
         "::uinteger as customer, event, time, value, arrival from text "
         "order by customer, time, arrival"),
        ("checkpoint", "checkpoint"),
        ("export", "copy (select text.customer, number.customer as number, text.event::varchar "
         "as event, epoch_ms(text.time) as ms, text.value, text.arrival "
         f"from text positional join number) to '{export}' (format parquet)"),
        ("events", "select distinct event::varchar from text order by 1"),
    ], peer.database())
    peer.events = [row[0] for row in lines[-1]["rows"]]


def clickhouse_tables(peer, export, events):
    """The same tables in ClickHouse, as MergeTree in its own order, merged into one part."""
    peer.events = events
    measure.remove(peer.database())
    enum = "Enum8(" + ", ".join(f"'{e}' = {i}" for i, e in enumerate(events)) + ")"
    script = [("database", "create database bench engine = Atomic")]
    for table, kind, column in (("text", "String", "customer"), ("number", "UInt32", "number")):
        script += [
            ("create", f"create table bench.{table} (customer {kind}, event {enum}, "
             "time DateTime64(3, 'UTC'), value Nullable(Float64), arrival UInt64) "
             "engine = MergeTree order by (customer, time, arrival)"),
            ("fill", f"insert into bench.{table} select {column}, event, "
             f"fromUnixTimestamp64Milli(ms, 'UTC'), value, arrival from file('{export}')"),
            ("merge", f"optimize table bench.{table} final"),
        ]
    peer.run(script, peer.database())
