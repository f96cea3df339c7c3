#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What facts of identity cost a question, as the table of bench/results/identity.md:
bench/identity.py PROGRAM [--work FOLDER] [--small] [--facts N].

Stores of 10 million customers with one event each, of whom so many are seen with a second
identifier. It has no event of its own (lone), or one, so that the two are one customer (joining).
"""
import argparse
import pathlib
import statistics
import sys

sys.dont_write_bytecode = True
import measure  # noqa: E402 (after the switch above)

TURNS = 3
FACTS = (0, 100000, 2000000, 10000000)
CHUNK = 100000
QUESTIONS = ("process", "timeline C77", "timeline L78")


def write(path, customers, facts, joining):
    """Customers C0, C1, ...; the first `facts` of them are seen with L0, L1, ..."""
    with open(path, "w", encoding="utf-8") as out:
        out.write("customer_id,event,time,loyalty_id\n")
        for first in range(0, customers, CHUNK):
            numbers = range(first, min(first + CHUNK, customers))
            out.write("".join(f"C{n},order_placed,{1700000000 + n % 9999999}000,"
                              f"{f'L{n}' if n < facts else ''}\n" for n in numbers))
        for first in range(0, facts if joining else 0, CHUNK):
            numbers = range(first, min(first + CHUNK, facts))
            out.write("".join(f",store_visit,{1710000000 + n % 9999999}000,L{n}\n"
                              for n in numbers))


def store_of(given, facts, joining):
    """Makes the store unless it is there."""
    name = f"{given.customers}-{facts}-{'joining' if joining else 'lone'}"
    store, rows = given.work / f"{name}.store", given.work / f"{name}.csv"
    if not store.exists():
        measure.say(f"makes {store.name}")
        write(rows, given.customers, facts, joining)
        measure.run([given.program, "--store", store, "import", rows, "-q"])
        measure.remove(rows)
    return store


def cost(given, store, question):
    """Medians of some runs: wall and CPU seconds, peak bytes."""
    runs = [measure.run([given.program, "--store", store, *question.split(), "-q"])
            for _ in range(TURNS)]
    return [statistics.median(run[key] for run in runs) for key in ("wall_s", "cpu_s", "rss")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/tmp/bench-identity"))
    parser.add_argument("--small", action="store_true", help="a hundredth of everything")
    parser.add_argument("--facts", type=int, help="one of the stores' numbers of facts alone")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    scale = 100 if given.small else 1
    given.program = given.program.resolve()
    given.customers = 10000000 // scale
    print("| facts | of them joining | question | wall s | CPU s | peak MB |\n"
          "|---|---|---|---|---|---|")
    for facts in FACTS if given.facts is None else (given.facts,):
        for joining in (False, True) if facts > 0 else (False,):
            store = store_of(given, facts // scale, joining)
            for question in QUESTIONS[:3 if facts > 0 else 2]:
                wall, cpu, peak = cost(given, store, question)
                print(f"| {facts // scale:,} | {'all' if joining else 'none'} | `{question}` | "
                      f"{wall:.2f} | {cpu:.2f} | {peak / 1e6:.0f} |", flush=True)


main()
