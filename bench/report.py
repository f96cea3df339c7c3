# SPDX-License-Identifier: Apache-2.0
"""The result files: one table as Markdown, the same and more as JSON. Nothing in them names a
path or a person."""
import datetime
import json
import os
import platform
import subprocess


def line_of(path, field):
    """The value of the first line "field : value" of a file, or ""."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name.strip() == field:
                return value.strip()
    return ""


def machine():
    memory = int(line_of("/proc/meminfo", "MemTotal").split()[0]) / 1024 / 1024
    return {"processor": line_of("/proc/cpuinfo", "model name") or platform.machine(),
            "cores": len(os.sched_getaffinity(0)), "memory_gib": round(memory, 1),
            "kernel": platform.release(), "architecture": platform.machine()}


def git(root, *words):
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True,
                          check=False).stdout.strip()


def commit(root):
    changed = git(root, "status", "--porcelain", "--untracked-files=no", "--", "src", "include")
    return git(root, "rev-parse", "--short=12", "HEAD") + (" with changes" if changed else "")


def build_options(folder):
    """The compiler and the options that decide speed, as Meson knows them."""
    out = subprocess.run(["meson", "introspect", folder, "--buildoptions"], capture_output=True,
                         text=True, check=True).stdout
    options = {option["name"]: option["value"] for option in json.loads(out)}
    commands = json.loads((folder / "compile_commands.json").read_text(encoding="utf-8"))
    words = [word for word in commands[0]["command"].split() if word != "ccache"]
    version = subprocess.run([words[0], "--version"], capture_output=True, text=True, check=True)
    return {"compiler": version.stdout.splitlines()[0],
            "optimization": str(options["optimization"]), "asserts": options["b_ndebug"] != "true",
            "sanitizers": options["b_sanitize"]}


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def verdict(row):
    """met, missed by how much, or how it is when there is no target."""
    if row["target"] is None:
        return "reported"
    if row["reached"] is None:
        return "not measured"
    kind, target = row["target"]
    reached = row["reached"]["median"]
    off = (target - reached if kind == "at least" else reached - target) / target
    return "met" if off <= 0 else f"missed by {off * 100:.1f} %"


def table(rows):
    lines = ["| work | target | reached: median (min–max) | runs | |",
             "|---|---|---|---|---|"]
    for row in rows:
        target = "" if row["target"] is None else f"{row['target'][0]} {row['target'][1]:g}"
        found = row["reached"]
        reached = "–" if found is None else f"{number(found['median'])} {row['unit']}"
        if found is not None and found["runs"] > 1:
            reached += f" ({number(found['min'])}–{number(found['max'])})"
        note = f"; {row['note']}" if row["note"] else ""
        runs = "" if found is None else found["runs"]
        lines.append(f"| {row['work']} | {target} | {reached} | {runs} | {row['verdict']}{note} |")
    return lines


def formulations(bench):
    if not bench.formulations:
        return []
    lines = ["", "The process map as the peers answer it, each formulation once in advance; the "
             "two that cost the least CPU and agree are run in every round, and the faster of "
             "them is compared with above.", "",
             "| engine | threads | customers as | formulation | wall, s | CPU, s | |",
             "|---|---|---|---|---|---|---|"]
    for row in bench.formulations:
        lines.append(f"| {row['peer']} | {row['threads']} | {row['customers']} | "
                     f"{row['formulation']} | {row['wall_s']:.2f} | {row['cpu_s']:.2f} | "
                     f"{'agrees' if row['differs'] == '' else row['differs']} |")
    return lines


def head(result):
    m, b = result["machine"], result["build"]
    lines = [f"# Speeds, {result['date']}", "",
             f"Commit {result['commit']}; {m['processor']}, {m['cores']} cores, "
             f"{m['memory_gib']} GiB, Linux {m['kernel']} {m['architecture']}; {b['compiler']}, "
             f"optimization {b['optimization']}, asserts {'on' if b['asserts'] else 'off'}. "
             f"Load in the minute before the start: {result['load']}.", "",
             "Peers: " + "; ".join(f"{k} {v}" for k, v in result["peers"].items()) + ".", ""]
    facts = result["facts"]
    if "events" in facts:
        lines.append(f"Data: {facts['events']:,} simulated events at whole seconds, four columns "
                     f"(customer, event, time, value), CSV {facts['csv_bytes'] / 1e6:.0f} MB, "
                     f"Parquet {facts['parquet_bytes'] / 1e6:.0f} MB.")
    if "edges" in facts:
        lines.append(f"The process map has {facts['edges']} edges; occurrences, cases, mean, min, "
                     "max, median and p90 of every edge were compared with the peers'. Start-up: "
                     f"{facts['start_up_cpu_ms']:.0f} ms of CPU, {facts['start_up_wall_ms']:.0f} "
                     "ms of wall. Files are in the page cache.")
    return lines + [""]


def write(root, options, bench):
    now = datetime.datetime.now(datetime.timezone.utc)
    for row in bench.rows:
        row["verdict"] = verdict(row)
    result = {
        "date": now.strftime("%Y-%m-%d %H:%M UTC"), "commit": bench.commit, "machine": machine(),
        "build": build_options(options.build), "load": bench.load,
        "peers": {p.name: p.version for p in (bench.duckdb, bench.clickhouse)
                  if p is not None and p.version},
        "orders": options.orders, "rounds": options.rounds, "facts": bench.facts,
        "rows": bench.rows, "formulations": bench.formulations, "failures": bench.failures,
    }
    page = head(result) + table(bench.rows) + formulations(bench)
    page += [f"\nNot measured: {failure}." for failure in bench.failures]
    if options.notes is not None:
        page += ["", options.notes.read_text(encoding="utf-8").strip()]
    name = options.name or now.strftime("%Y-%m-%d")
    (options.out / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n",
                                              encoding="utf-8")
    (options.out / f"{name}.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    print("\n".join(page))
