#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the server costs: bench/serve.py PROGRAM BENCH_SERVE [STORE] > bench/results/serve.md.

Kept answers by many connections at once; questions asked anew; both while an import runs. Times
are those of whoever else is on the machine, too; the server's CPU time for each request is not.
"""
import http.client
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

MAP = "/v1/questions/map?case=order_id"
TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")


class Server:
    """A server over a store."""

    def __init__(self, program, store):
        self.process = subprocess.Popen([program, "--store", store, "serve", "--listen",
                                         "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
        self.address = self.process.stderr.readline().strip().removeprefix("listening on http://")

    def cpu_us(self):
        """The processor time that it has taken."""
        text = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = text.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * TICK_US

    def end(self):
        """Ends it."""
        self.process.terminate()
        self.process.wait()


def load(bench, server, connections, seconds, target):
    """(answers a second, p50 us, p99 us, the server's CPU us for each)."""
    before = server.cpu_us()
    out = subprocess.run([bench, server.address, str(connections), str(seconds), target],
                         capture_output=True, text=True, check=True).stdout.split()
    rate, half, most, other = float(out[0]), int(out[1]), int(out[2]), int(out[4])
    assert other == 0, f"{other} answers were not 200"
    return rate, half, most, (server.cpu_us() - before) / (rate * seconds)


def row(name, connections, figures):
    rate, half, most, cpu = figures
    print(f"| {name} | {connections} | {rate:,.0f} | {half / 1000:.2f} | {most / 1000:.1f} | "
          f"{cpu:.1f} |", flush=True)


def anew(server, question, times):
    """Medians in ms of a question asked anew, each time with another limit: wall, server's CPU."""
    connection = http.client.HTTPConnection(server.address)
    walls, before = [], server.cpu_us()
    for i in range(times):
        begin = time.perf_counter()
        connection.request("GET", f"{question}limit={1000 + i}")
        answer = connection.getresponse()
        answer.read()
        walls.append((time.perf_counter() - begin) * 1000)
        assert answer.status == 200
    return statistics.median(walls), (server.cpu_us() - before) / times / 1000


def beside_an_import(program, bench, server, store, csv):
    """Kept answers while an import writes to the store."""
    row("`map`, kept", 4, load(bench, server, 4, 2, MAP))
    with subprocess.Popen([program, "--store", store, "import", csv, "-q"],
                          stdout=subprocess.DEVNULL) as running:
        time.sleep(0.3)
        figures = load(bench, server, 4, 2, MAP)
        assert running.poll() is None, "the import ended before the measurement"
        row("`map`, kept, while an import runs", 4, figures)


def main():
    program, bench = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        store, tiny, csv = f"{folder}/s", f"{folder}/tiny", f"{folder}/more.csv"
        for path, orders in ((store, "20k"), (tiny, "10")):
            subprocess.run([program, "simulate", "--orders", orders, "--into", path, "-q"],
                           check=True)
        subprocess.run([program, "simulate", "--orders", "500k", "--seed", "2", "-o", csv, "-q"],
                       check=True)
        server, small = Server(program, store), Server(program, tiny)
        print("| what | connections | answers/s | p50 ms | p99 ms | server's CPU us each |")
        print("|---|---|---|---|---|---|")
        for connections in (1, 16, 64, 256):
            row("`map`, kept, 29 KB", connections, load(bench, server, connections, 2, MAP))
        row("`map` of 1 row, kept, 3 KB", 64, load(bench, server, 64, 2, MAP + "&limit=1"))
        beside_an_import(program, bench, server, store, csv)
        wall, cpu = anew(small, "/v1/questions/trend?", 300)
        print(f"\n`trend` of a store of 10 orders, asked anew, one after the other: {wall:.2f} ms "
              f"at p50 to the client (Python's part included), {cpu:.2f} ms of the server's CPU.")
        server.end()
        small.end()


if __name__ == "__main__":
    main()
