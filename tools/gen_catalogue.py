#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the C tables and the manual page of the touchpoint catalogue from touchpoints.tsv.

    gen_catalogue.py DATA.tsv OUTPUT.c   write the tables (run by the build)
    gen_catalogue.py --docs              write docs/touchpoints.md
    gen_catalogue.py --check             exit 1 when docs/touchpoints.md is stale
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "src" / "model" / "touchpoints.tsv"
DOCS = ROOT / "docs" / "touchpoints.md"
STAGES = ["any", "order", "fulfilment", "transit", "last_mile", "delivery", "use", "feedback",
          "returns", "loyalty"]
OWNERS = ["ecommerce", "warehouse", "carrier_desk", "support", "marketing", "finance", "product"]
ACTORS = ["customer", "company", "carrier", "system"]
TYPES = ["number", "string", "bool", "time", "date", "duration"]
COLUMNS = {"touchpoints": 7, "answers": 2, "aliases": 3, "statuses": 4}


def normal(name):
    """The form under which names are compared; catalogue.c does the same."""
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    name = re.sub(r"([A-Z])([A-Z][a-z])", r"\1_\2", name)
    name = re.sub(r"[ _.:/-]+", "_", name).strip("_").lower()
    return name.removeprefix("post_purchase_")


def read(path):
    """The rows of each section, padded to its number of columns."""
    sections = {name: [] for name in COLUMNS}
    section = None
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            section = line.strip("[]")
            continue
        cells = line.split("\t")
        if len(cells) > COLUMNS[section]:
            sys.exit(f"{path.name}:{number}: too many columns")
        sections[section].append(cells + [""] * (COLUMNS[section] - len(cells)))
    return sections


def require(condition, what):
    if not condition:
        sys.exit(f"touchpoints.tsv: {what}")


def check(sections):
    """Refuses what would make a table ambiguous; returns {normal name: touchpoint}."""
    names = {}
    for name, stage, owner, actor, _, properties, meaning in sections["touchpoints"]:
        require(name == normal(name) and name not in names, f"{name}: not normal, or twice")
        require(stage in STAGES and owner in OWNERS and actor in ACTORS, f"{name}: unknown word")
        require(meaning, f"{name}: no meaning")
        for expected in properties.split():
            require(expected.partition(":")[2] in TYPES, f"{name}: {expected}: unknown type")
        names[name] = name
    known = set(names)
    asked = set()
    for name, answers in sections["answers"]:
        require(name in known and name not in asked, f"answers: {name}: no touchpoint, or twice")
        require(answers and name not in answers.split() and known.issuperset(answers.split()),
                f"answers: {name}: no such answer")
        asked.add(name)
    require(len(asked) <= 16, "answers: more than 16 rows (DS_ASKS_MAX)")
    for alias, touchpoint, _ in sections["aliases"]:
        require(touchpoint in known, f"{alias}: no such touchpoint {touchpoint}")
        require(normal(alias) not in names, f"{alias}: ambiguous or needless")
        names[normal(alias)] = touchpoint
    seen = set()
    for taxonomy, status, touchpoint, _ in sections["statuses"]:
        require(touchpoint in known, f"{taxonomy} {status}: no such touchpoint {touchpoint}")
        require((taxonomy, status.lower()) not in seen, f"{taxonomy} {status}: twice")
        seen.add((taxonomy, status.lower()))
    return names


def text(value):
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def tables(sections, names):
    """The C source."""
    rows = sorted(sections["touchpoints"], key=lambda row: STAGES.index(row[1]) or len(STAGES))
    number = {row[0]: i for i, row in enumerate(rows)}
    answers = {name: given.split() for name, given in sections["answers"]}
    out = ["// SPDX-License-Identifier: Apache-2.0",
           "// Made by tools/gen_catalogue.py from src/model/touchpoints.tsv.",
           '#include "model/catalogue_tables.h"', ""]
    for row in rows:
        expected = [pair.split(":") for pair in row[5].split()]
        out.append(f"static const ds_expected expected_{row[0]}[] = {{")
        out += [f"    {{{text(name)}, DS_TYPE_{type_.upper()}}}," for name, type_ in expected]
        out.append("};")
    out += [f"static const char *const answers_{name}[] = {{{', '.join(map(text, given))}}};"
            for name, given in answers.items()]
    out += ["", "const ds_touchpoint ds_touchpoints[] = {"]
    for name, stage, owner, actor, channel, properties, meaning in rows:
        asks = f"answers_{name}, {len(answers[name])}" if name in answers else "NULL, 0"
        out.append(f"    {{{text(name)}, DS_STAGE_{stage.upper()}, DS_OWNER_{owner.upper()},\n"
                   f"     DS_ACTOR_{actor.upper()}, {text(channel)}, expected_{name},\n"
                   f"     {len(properties.split())}, {text(meaning)}, {asks}}},")
    out += ["};", f"const uint32_t ds_touchpoints_count = {len(rows)};", "",
            "static const ds_catalogue_name names[] = {"]
    out += [f"    {{{text(name)}, {number[names[name]]}, false}}," for name in sorted(names)]
    out += ["};", "", "const ds_catalogue ds_catalogue_table = {",
            "    .rows = ds_touchpoints,", "    .names = names,",
            f"    .rows_count = {len(rows)},", f"    .names_count = {len(names)},", "};", "",
            "const ds_status_map ds_status_maps[] = {"]
    statuses = sorted(sections["statuses"], key=lambda row: (row[0], row[1].lower()))
    out += [f"    {{{', '.join(map(text, row))}}}," for row in statuses]
    out += ["};", f"const uint32_t ds_status_maps_count = {len(statuses)};", ""]
    return "\n".join(out)


def words(name):
    return name.replace("_", " ")


def touchpoint_pages(sections):
    """One table of touchpoints per stage."""
    out = []
    for stage in STAGES[1:] + STAGES[:1]:
        title = "At any stage" if stage == "any" else words(stage).capitalize()
        out += [f"## {title}", "",
                "| touchpoint | meaning | owner | actor | channel | properties |",
                "|---|---|---|---|---|---|"]
        for name, of, owner, actor, channel, properties, meaning in sections["touchpoints"]:
            if of == stage:
                expected = ", ".join(p.replace(":", " (") + ")" for p in properties.split())
                out.append(f"| `{name}` | {meaning} | {words(owner)} | {actor} | {channel} "
                           f"| {expected} |")
        out.append("")
    return out


def manual(sections):
    """The text of docs/touchpoints.md."""
    out = ["# Touchpoints", "",
           "The names that Doorstep knows from the start; a store adds or changes some in its "
           "[settings](settings.md). An event of any other name is kept under its own name. "
           "A touchpoint has one stage, one owner (who can change it) and one actor "
           "(who acts). Generated by `tools/gen_catalogue.py` from `src/model/touchpoints.tsv`.",
           ""] + touchpoint_pages(sections)
    out += ["## What asks, and what answers it", "",
            "The journey map tells how many journeys have an answer, and how soon it comes "
            "([map.md](map.md)). The answer is the next such event of the same case.", "",
            "| touchpoint | answered by |", "|---|---|"]
    out += [f"| `{name}` | {', '.join(f'`{each}`' for each in given.split())} |"
            for name, given in sections["answers"]]
    out += ["", "## Other names", "",
            "Case, spaces, `-`, `_` and camel case do not matter (`Order Placed`, `orderPlaced`), "
            "and a leading `post_purchase_` is dropped. Beyond that:", "",
            "| name | touchpoint | known from |", "|---|---|---|"]
    out += [f"| {name} | `{touchpoint}` | {origin} |"
            for name, touchpoint, origin in sections["aliases"]]
    out += ["", "## Statuses of other systems", "",
            "A sub-status that is not listed counts as its prefix: `Exception_016` as `Exception`. "
            "The last column is the value of `how` (for `delivered`) or `reason` that the status "
            "implies.", "", "| system | status | touchpoint | how or reason |", "|---|---|---|---|"]
    out += [f"| {taxonomy} | `{status}` | `{touchpoint}` | {reason} |"
            for taxonomy, status, touchpoint, reason in sections["statuses"]]
    return "\n".join(out) + "\n"


def main():
    arguments = sys.argv[1:]
    if arguments in (["--docs"], ["--check"]):
        sections = read(DATA)
        check(sections)
        page = manual(sections)
        if arguments == ["--docs"]:
            DOCS.write_text(page, encoding="utf-8")
        elif not DOCS.exists() or DOCS.read_text(encoding="utf-8") != page:
            sys.exit("docs/touchpoints.md is stale: run tools/gen_catalogue.py --docs")
        return
    if len(arguments) != 2:
        sys.exit(__doc__)
    sections = read(pathlib.Path(arguments[0]))
    names = check(sections)
    pathlib.Path(arguments[1]).write_text(tables(sections, names), encoding="utf-8")


if __name__ == "__main__":
    main()
