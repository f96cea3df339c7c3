#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the vault costs: bench/vault.py PROGRAM BENCH_VAULT [ROWS] > bench/results/vault.md.

The same events with and without two personal columns: imported, and asked a question that does not
read them, in turns; then a value sealed and opened by itself.
"""
import os
import pathlib
import random
import resource
import statistics
import subprocess
import sys
import tempfile

TURNS = 15


def write(path, rows, personal):
    """Events of rows/10 customers, in the order in which they happen."""
    dice = random.Random(7)
    with open(path, "w") as out:
        out.write("customer,event,time,order_id" + (",email,full_name\n" if personal else "\n"))
        for i in range(rows):
            who = dice.randrange(rows // 10)
            what = dice.choice(("order_placed", "payment_approved", "delivered"))
            out.write(f"C{who},{what},{1700000000000 + i * 1000},O{who}-{i % 7}")
            out.write(f",person{who}@example.com,Person Number {who}\n" if personal else "\n")


def seconds(*command):
    """The processor's seconds, of all threads: others count less than by the clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    program, bench = sys.argv[1:3]
    rows = int(sys.argv[3]) if len(sys.argv) > 3 else 2000000
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write("plain.csv", rows, False)
        write("personal.csv", rows, True)
        imports = {"plain": [], "personal": []}
        for turn in range(3):
            for name, times in imports.items():
                store = f"{name}{turn}.store"
                times.append(seconds(program, "--store", store, "import", name + ".csv", "-q"))
        times = {"plain": [], "personal": []}
        for _ in range(TURNS):
            for name, of in times.items():
                of.append(seconds(program, "--store", name + "0.store", "process", "-q"))
        exports = {(): [], ("--personal",): []}
        for _ in range(3):
            for options, of in exports.items():
                of.append(seconds(program, "--store", "personal0.store", "export", "-q", "--format",
                                  "csv", *options))
        size = {name: sum(f.stat().st_size for f in pathlib.Path(name + "0.store/part").iterdir())
                for name in times}
        os.mkdir("keys")
        single = subprocess.run([bench, "keys"], check=True, capture_output=True, text=True).stdout
    took = {name: min(of) for name, of in imports.items()}
    per_value = (took["personal"] - took["plain"]) / (2 * rows) * 1e9
    print("# The vault: what it costs\n")
    print(f"Made by `bench/vault.py`. {rows:,} events of {rows // 10:,} customers, with and "
          "without two personal properties each. Processor time of all threads together.\n")
    print("| | without | with | |\n|---|---|---|---|")
    print(f"| import, best of 3 | {took['plain']:.2f} s | {took['personal']:.2f} s | "
          f"{per_value:.0f} ns a value, reading and storing it included |")
    median = {name: statistics.median(of) for name, of in times.items()}
    print(f"| `process`, which does not read them, median of {TURNS} in turns | "
          f"{median['plain'] * 1e3:.1f} ms | {median['personal'] * 1e3:.1f} ms | "
          f"{(median['personal'] / median['plain'] - 1) * 100:+.1f} %; fastest "
          f"{min(times['plain']) * 1e3:.1f} and {min(times['personal']) * 1e3:.1f} ms |")
    plain, clear = (min(of) for of in exports.values())
    print(f"| `export` without and with `--personal`, best of 3 | {plain:.2f} s | {clear:.2f} s | "
          f"{(clear - plain) / (2 * rows) * 1e9:.0f} ns a value, reading and writing it included |")
    print(f"| parts | {size['plain'] / 2**20:.1f} MiB | {size['personal'] / 2**20:.1f} MiB | "
          f"{(size['personal'] - size['plain']) / (2 * rows):.0f} bytes a value |\n")
    print("| one value of 23 bytes | ns |\n|---|---|")
    for line in single.splitlines():
        what, ns = line.split("\t")
        print(f"| {what} | {ns} |")


main()
