#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Installs manual pages and shell completion, which the program writes from its own tables.

install_manuals.py PROGRAM MANDIR DATADIR, run by `meson install`; honours DESTDIR.
"""
import os
import pathlib
import subprocess
import sys


def say(program, *words):
    return subprocess.run([program, "help", *words], capture_output=True, text=True,
                          check=True).stdout


def main():
    program, *folders = sys.argv[1:]
    destination = os.environ.get("DESTDIR", "")
    man, data = [pathlib.Path(destination + folder) for folder in folders]
    files = {man / "man1" / "doorstep.1": say(program, "--man")}
    for name in say(program, "--names").split():
        files[man / "man1" / f"doorstep-{name}.1"] = say(program, "--man", name)
    for shell, place in (("bash", "bash-completion/completions/doorstep"),
                         ("zsh", "zsh/site-functions/_doorstep"),
                         ("fish", "fish/vendor_completions.d/doorstep.fish")):
        files[data / place] = say(program, "--completion", shell)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    print(f"Installing {len(files)} manual pages and completions")


if __name__ == "__main__":
    main()
