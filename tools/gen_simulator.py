#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies the sizes of the simulation from the code's own table into docs/simulator.md.

    gen_simulator.py --docs    write them, between the page's markers
    gen_simulator.py --check   exit 1 when the page is stale
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "src" / "ingest" / "simulate_parameters.inc.h"
PAGE = ROOT / "docs" / "simulator.md"
UNITS = {"PERCENT": " %", "PERMILLE": " %", "DAYS": " d", "HOURS": " h", "MINUTES": " min",
         "USD": " USD", "TIMES": "", "WEIGHT": ""}
ROW = re.compile(r"SIZES?\((\w+), (\w+), (\w+),(.*?)\)\n", re.S)


def text_of(row):
    """The meaning: the row's string, which may be split over lines."""
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', row)).replace('\\"', '"')


def size_of(unit, row):
    numbers = re.findall(r"\d+", re.sub(r'"(?:[^"\\]|\\.)*"', "", row))
    if unit == "PERMILLE":
        numbers = [f"{int(number) / 10:g}" for number in numbers]
    return ", ".join(numbers) + UNITS[unit]


def sections():
    """(kinds, title, rows) in the order of the file."""
    source = DATA.read_text(encoding="utf-8").split("\n\n", 1)[1]
    for block in source.split("\n\n"):
        title = re.match(r"((?:// .*\n)+)", block).group(1)
        title = re.sub(r"\s*// ", " ", title).strip().rstrip(".")
        rows = [(kind, name, size_of(unit, rest), text_of(rest))
                for kind, name, unit, rest in ROW.findall(block + "\n")]
        if len(rows) != len(re.findall(r"^SIZES?\(", block, re.M)):
            sys.exit(f"{DATA.name}: a row of '{title}' cannot be read")
        yield title, rows


def table():
    out = []
    for title, rows in sections():
        out += [f"### {title}", "", "| size of | is | meaning |", "|---|---|---|"]
        out += [f"| `{kind.lower()}.{name.lower()}` | {size} | {meaning} |"
                for kind, name, size, meaning in rows]
        out.append("")
    return "\n".join(out)


def main():
    if sys.argv[1:] not in (["--docs"], ["--check"]):
        sys.exit(__doc__)
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split("<!-- sizes: generated -->\n")
    fresh = before + "<!-- sizes: generated -->\n" + table() + "<!-- sizes: end -->\n" + \
        rest.split("<!-- sizes: end -->\n")[1]
    if sys.argv[1] == "--docs":
        PAGE.write_text(fresh, encoding="utf-8")
    elif fresh != page:
        sys.exit("docs/simulator.md is stale: run tools/gen_simulator.py --docs")


if __name__ == "__main__":
    main()
