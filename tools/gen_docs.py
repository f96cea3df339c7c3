#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/cli.md from the program's own tables; --check compares only.

The program is build/doorstep or $DOORSTEP. Without it --check has nothing to say.
"""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = pathlib.Path(os.environ.get("DOORSTEP", ROOT / "build" / "doorstep"))
PAGE = ROOT / "docs" / "cli.md"


def main():
    check = "--check" in sys.argv
    if not PROGRAM.exists():
        print("not checked: the program is not built")
        return 0 if check else 1
    page = subprocess.run([PROGRAM, "help", "--markdown"], capture_output=True,
                                    text=True, check=True).stdout
    if not check:
        PAGE.write_text(page)
    elif not PAGE.exists() or PAGE.read_text() != page:
        print("docs/cli.md differs: run tools/gen_docs.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
