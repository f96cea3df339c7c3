#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/exit-status.md from the list of errors in src/base/error.h; --check compares only."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "base" / "error.h"
PAGE = ROOT / "docs" / "exit-status.md"
HEAD = """\
# Exit statuses

Made by `tools/gen_exit_status.py` from `src/base/error.h`; do not edit.

Results go to stdout, everything else to stderr. The name in the second column is what
`--json-errors` writes as `code`, and what the HTTP API answers with the status in the third.

| exit status | error | HTTP status | meaning |
|---|---|---|---|
"""


def page():
    rows = re.findall(r'^\s*X\((\w+), (\d+), (\d+), "([^"]*)"\)', SOURCE.read_text(), re.M)
    assert rows, "no list of errors found"
    rows.sort(key=lambda row: int(row[1]))
    return HEAD + "".join(f"| {status} | `{name.lower()}` | {http} | {meaning} |\n"
                          for name, status, http, meaning in rows)


def main():
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text() != page():
            sys.exit(f"{PAGE.relative_to(ROOT)} is not what {SOURCE.name} says; "
                     "run tools/gen_exit_status.py")
    else:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page())


if __name__ == "__main__":
    main()
