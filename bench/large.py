#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Questions to a thousand million events, as the table of bench/results/large.md:
bench/large.py PROGRAM [--work FOLDER] [--orders N] [--runs N] [--keep].

The store has the basic columns (customer, event, time, value) and is made unless it is there: 11
GB, in some minutes. Of each question first the time with no page of the store in memory, then the
least and the median of further runs.
"""
import argparse
import pathlib
import statistics
import sys

sys.dont_write_bytecode = True
import funnels  # noqa: E402 (after the switch above)
import measure  # noqa: E402 (after the switch above)

QUESTIONS = {"funnel": ["funnel", *funnels.COMMON, "--within", "7d"],
             "variants": ["variants"],
             "process": ["process"]}


def row(given, store, words):
    """Cold wall seconds and bytes read; warm wall least and median, CPU least, peak bytes."""
    command = [given.program, "--store", store, *words, "-q", "--threads", "2"]
    measure.forget(store)
    cold = measure.run(command)
    warm = [measure.run(command) for _ in range(given.runs)]
    return (f"{cold['wall_s']:.1f} s, {cold['read'] / 1e9:.1f} GB | "
            f"{min(run['wall_s'] for run in warm):.2f} s | "
            f"{statistics.median(run['wall_s'] for run in warm):.2f} s | "
            f"{min(run['cpu_s'] for run in warm):.2f} s | "
            f"{max(run['rss'] for run in warm) / 1e9:.2f} GB")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/tmp/bench-large"))
    parser.add_argument("--orders", type=int, default=66000000, help="about 15 events each")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", action="store_true", help="leave the store for the next time")
    given = parser.parse_args()
    given.program = given.program.resolve()
    given.work.mkdir(parents=True, exist_ok=True)
    store = given.work / f"{given.orders}.store"
    if not store.exists():
        made = measure.run([given.program, "simulate", "--orders", str(given.orders), "--columns",
                            "basic", "--into", store, "-q"])
        measure.say(f"made in {made['wall_s']:.0f} s, {made['cpu_s']:.0f} s of CPU")
    print("| question | cold, read | warm: least | median | CPU, least | peak |\n"
          "|---|---|---|---|---|---|")
    for name, words in QUESTIONS.items():
        print(f"| `{name}` | {row(given, store, words)} |", flush=True)
    if not given.keep:
        measure.remove(store)


main()
