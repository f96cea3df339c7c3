# SPDX-License-Identifier: Apache-2.0
"""Running programs and measuring them: wall and CPU seconds, peak memory, medians."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import time


class Failed(Exception):
    """A program that was to be measured did not end well."""


def run(command, cwd=None):
    """Runs a program to its end: {"wall_s", "cpu_s", "rss", "read", "out"}; rss, the peak of its
    memory, and read, from the disk and not from memory, in bytes."""
    environment = dict(os.environ, DOORSTEP_STORE="")
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, env=environment) as child:
        # What goes to stderr is a few lines, so the pipe does not fill while stdout is read.
        out = child.stdout.read()
        err = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        words = err.decode(errors="replace").strip().splitlines()
        name = os.path.basename(str(command[0]))
        raise Failed(f"{name} ended with {child.returncode}: {' / '.join(words[-3:])}")
    return {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime,
            "rss": usage.ru_maxrss * 1024, "read": usage.ru_inblock * 512, "out": out.decode()}


def spread(values):
    """{"median", "min", "max", "runs"} of some numbers."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values),
            "runs": len(values)}


def remove(path):
    """Removes a file or a folder, if there."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.unlink(path)


def forget(folder):
    """Asks the kernel to drop the cached pages of all files below a folder."""
    os.sync()
    for where, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(os.path.join(where, name), os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def say(text):
    """A line of progress."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def answer_rows(text, table):
    """The rows of one table of a Result in JSON."""
    return json.loads(text)["tables"][table]
