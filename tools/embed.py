#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns files into C: embed.py --group NAME --output embedded_NAME.c FILE...

Writes embedded_NAME.c and, beside it, embedded_NAME.h, which declares a table sorted by name:

    const ds_embedded_file ds_embedded_NAME[];      { name, bytes, size }
    const size_t ds_embedded_NAME_count;

`bytes` is followed by a zero byte that `size` does not count, so text can be used as a C string.
"""
import argparse
import pathlib

HEADER = """\
// Made by tools/embed.py; the sources are the files themselves.
#ifndef DS_EMBEDDED_{upper}_H
#define DS_EMBEDDED_{upper}_H
#include <stddef.h>

#ifndef DS_EMBEDDED_FILE
#define DS_EMBEDDED_FILE
// A file that was compiled into the program; `bytes[size]` is zero.
typedef struct ds_embedded_file {{
  const char *name; // the file's name without its folder
  const unsigned char *bytes;
  size_t size;
}} ds_embedded_file;
#endif

// Sorted by name, in bytes.
extern const ds_embedded_file ds_embedded_{group}[];
extern const size_t ds_embedded_{group}_count;

#endif
"""


def c_bytes(data):
    """The bytes as the inside of a C array, sixteen a line, with the closing zero."""
    data += b"\0"
    rows = (data[i:i + 16] for i in range(0, len(data), 16))
    return "\n".join("    " + "".join(f"{byte}," for byte in row) for row in rows)


def c_source(group, header, paths):
    """The C file for `paths`."""
    paths = sorted(paths, key=lambda path: path.name.encode())
    text = [f'// Made by tools/embed.py.\n#include "{header}"\n']
    for i, path in enumerate(paths):
        rows = c_bytes(path.read_bytes())
        text.append(f"static const unsigned char file_{i}[] = {{\n{rows}\n}};")
    text.append(f"\nconst ds_embedded_file ds_embedded_{group}[] = {{")
    for i, path in enumerate(paths):
        text.append(f'    {{"{path.name}", file_{i}, sizeof file_{i} - 1}},')
    text.append(f"}};\n\nconst size_t ds_embedded_{group}_count = {len(paths)};\n")
    return "\n".join(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--group", required=True, help="the table's name: ds_embedded_GROUP")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="the C file to write")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    header = args.output.with_suffix(".h")
    header.write_text(HEADER.format(group=args.group, upper=args.group.upper()))
    args.output.write_text(c_source(args.group, header.name, args.files))


if __name__ == "__main__":
    main()
