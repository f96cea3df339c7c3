#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/cli.md and docs/openapi.yaml from the program's own tables; --check compares only.

The program is build/doorstep or $DOORSTEP. Without it --check has nothing to say.
"""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = pathlib.Path(os.environ.get("DOORSTEP", ROOT / "build" / "doorstep"))
PAGES = {"docs/cli.md": "--markdown", "docs/openapi.yaml": "--openapi"}


def main():
    check = "--check" in sys.argv
    differ = False
    if not PROGRAM.exists():
        print("not checked: the program is not built")
        return 0 if check else 1
    for name, option in PAGES.items():
        page = ROOT / name
        text = subprocess.run([PROGRAM, "help", option], capture_output=True, text=True,
                              check=True).stdout
        if not check:
            page.write_text(text)
        elif not page.exists() or page.read_text() != text:
            print(f"{name} differs: run tools/gen_docs.py")
            differ = True
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
