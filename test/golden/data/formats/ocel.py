#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes an OCEL 2.0 log in JSON again as XML and as SQLite: ocel.py LOG.jsonocel NAME."""
import json
import sqlite3
import sys
from xml.sax.saxutils import escape, quoteattr


def attributes(thing):
    lines = [f'<attribute name={quoteattr(a["name"])}'
             + (f' time={quoteattr(a["time"])}' if "time" in a else "")
             + f'>{escape(str(a["value"]))}</attribute>' for a in thing.get("attributes", [])]
    lines = ["<attributes>", *lines, "</attributes><objects>"]
    for r in thing.get("relationships", []):
        lines.append(f'<relationship object-id={quoteattr(r["objectId"])} '
                     f'qualifier={quoteattr(r.get("qualifier", ""))}/>')
    return "".join(lines) + "</objects>"


def as_xml(log, path):
    with open(path, "w") as out:
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n<log>\n')
        for kind in ("object", "event"):
            out.write(f"<{kind}-types>")
            for t in log[kind + "Types"]:
                out.write(f'<{kind}-type name={quoteattr(t["name"])}><attributes>')
                for a in t["attributes"]:
                    out.write(f'<attribute name={quoteattr(a["name"])} type="{a["type"]}"/>')
                out.write(f"</attributes></{kind}-type>")
            out.write(f"</{kind}-types>\n")
        for kind in ("object", "event"):
            out.write(f"<{kind}s>\n")
            for t in log[kind + "s"]:
                time = f' time={quoteattr(t["time"])}' if "time" in t else ""
                out.write(f'<{kind} id={quoteattr(t["id"])} type={quoteattr(t["type"])}{time}>'
                          f"{attributes(t)}</{kind}>\n")
            out.write(f"</{kind}s>\n")
        out.write("</log>\n")


SQL_TYPES = {"string": "TEXT", "time": "TIMESTAMP", "integer": "INTEGER", "float": "REAL",
             "boolean": "BOOLEAN"}


def as_sqlite(log, path):
    db = sqlite3.connect(path)
    for kind in ("object", "event"):
        db.execute(f"create table {kind} (ocel_id text primary key, ocel_type text)")
        db.execute(f"create table {kind}_map_type (ocel_type text, ocel_type_map text)")
        for number, t in enumerate(log[kind + "Types"]):
            db.execute(f"insert into {kind}_map_type values (?, ?)", (t["name"], f"T{number}"))
            columns = [f'"{a["name"]}" {SQL_TYPES[a["type"]]}' for a in t["attributes"]]
            changed = ["ocel_changed_field text"] if kind == "object" else []
            db.execute(f"create table {kind}_T{number} (" + ", ".join(
                ["ocel_id text", "ocel_time timestamp", *changed, *columns]) + ")")
    tables = {kind: {t["name"]: f"{kind}_T{n}" for n, t in enumerate(log[kind + "Types"])}
              for kind in ("object", "event")}
    db.execute("create table event_object (ocel_event_id, ocel_object_id, ocel_qualifier)")
    db.execute("create table object_object (ocel_source_id, ocel_target_id, ocel_qualifier)")

    def insert(table, row):
        names = ", ".join(f'"{name}"' for name in row)
        db.execute(f"insert into {table} ({names}) values ({', '.join('?' * len(row))})",
                   list(row.values()))

    for o in log["objects"]:
        insert("object", {"ocel_id": o["id"], "ocel_type": o["type"]})
        first = {a["name"]: a["value"] for a in o.get("attributes", []) if a["time"] < "1971"}
        row = {"ocel_id": o["id"], "ocel_time": "1970-01-01 00:00:00"}
        insert(tables["object"][o["type"]], row | first)
        for a in o.get("attributes", []):
            if a["time"] >= "1971":
                insert(tables["object"][o["type"]],
                       {"ocel_id": o["id"], "ocel_time": a["time"],
                        "ocel_changed_field": a["name"], a["name"]: a["value"]})
        for r in o.get("relationships", []):
            insert("object_object", {"ocel_source_id": o["id"], "ocel_target_id": r["objectId"],
                                     "ocel_qualifier": r.get("qualifier", "")})
    for e in log["events"]:
        insert("event", {"ocel_id": e["id"], "ocel_type": e["type"]})
        row = {"ocel_id": e["id"], "ocel_time": e["time"]}
        row |= {a["name"]: a["value"] for a in e.get("attributes", [])}
        insert(tables["event"][e["type"]], row)
        for r in e.get("relationships", []):
            insert("event_object", {"ocel_event_id": e["id"], "ocel_object_id": r["objectId"],
                                    "ocel_qualifier": r.get("qualifier", "")})
    db.commit()


def main():
    with open(sys.argv[1]) as file:
        log = json.load(file)
    as_xml(log, sys.argv[2] + ".xmlocel")
    as_sqlite(log, sys.argv[2] + ".sqlite")


main()
