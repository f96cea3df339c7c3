# SPDX-License-Identifier: Apache-2.0
"""What each rule of tools/tidy must find, and what it must leave alone."""

LONG = "static void f(void) {\n" + "  g();\n" * 69 + "}\n"
OF_70 = "static void f(void) {\n" + "  g();\n" * 68 + "}\n"
SPLIT = "static void f(void) {\n#if A\n  if (a) {\n#else\n  if (b) {\n#endif\n  }\n}\n"
SPDX = "SPDX-License-Identifier: Apache-2.0\n"
PARAGRAPH = "// " + SPDX + "// What this header is for and what it may use.\n"

# Rule -> what is tried, the files (a text alone is src/scan/a.c), the number of findings.
ROWS = {
    "line-length": [
        ("101 columns", "x" * 101, 1),
        ("100 columns, counted in characters", "é" * 100, 0),
    ],
    "function-length": [
        ("71 lines", LONG, 1),
        ("70 lines", OF_70, 0),
        ("two functions after unbalanced #if", SPLIT + LONG + SPLIT + LONG, 2),
        ("braces in strings and comments",
         'static void h(void) {\n  p("{"); // {\n}\n'
         + OF_70, 0),
        ("a long table is no function", "const int t[] = {\n" + "1,\n" * 90 + "};\n", 0),
        ("many lines of one-line functions", "int f(void) { return 1; }\n" * 90, 0),
    ],
    "file-length": [
        ("1001 lines", "\n" * 1001, 1),
        ("1000 lines", "\n" * 1000, 0),
    ],
    "blanks": [
        ("a tab", "\tint a;\n", 1),
        ("a space at the end", "int a; \nint b;\n", 1),
        ("an empty line", "int a;\n\nint b;\n", 0),
    ],
    "invariant": [
        ("one of two is cited by none, a third is unknown",
         {"docs/durability.md": "| I1 | a |\n| I2 | b |\n", "test/unit/a.c": "// I1\n// I3\n"}, 2),
        ("both cited, as a span",
         {"docs/durability.md": "| I1 | a |\n| I2 | b |\n", "test/unit/a.c": "// (I1-I2)\n"}, 0),
    ],
    "licence": [
        ("none", "int a;\n", 1),
        ("two", "// " + SPDX + "// " + SPDX, 1),
        ("another", "// SPDX-License-Identifier: MIT\n", 1),
        ("one", "// " + SPDX, 0),
        ("one in a script", {"tools/a": "#!/bin/sh\n# " + SPDX}, 0),
    ],
    "banned-call": [
        ("strcpy", "void f(void) { strcpy(a, b); }\n", 1),
        ("strcpy in a test", {"test/unit/test_a.c": "void f(void) { strcpy(a, b); }\n"}, 1),
        ("snprintf, strtoll", "void f(void) { snprintf(a, 1, b); strtoll(a, b, 10); }\n", 0),
        ("localtime but not localtime_r",
         "void f(void) { localtime(&t); localtime_r(&t, &x); }\n", 1),
        ("in a comment or a string", 'const char *const a = "exit(1)"; // abort()\n', 0),
        ("printing", "void f(void) { printf(a); fputs(a, stderr); perror(a); }\n", 3),
        ("printing in cli", {"src/cli/a.c": "void f(void) { fputs(a, stderr); exit(1); }\n"}, 0),
        ("environment", "void f(void) { getenv(a); }\n", 1),
        ("environment in cli", {"src/cli/a.c": "void f(void) { getenv(a); setenv(b); }\n"}, 1),
        ("the operating system", "void f(void) { fd = open(a, 0); time(NULL); }\n", 2),
        ("the operating system in io", {"src/io/a.c": "void f(void) { open(a, 0); }\n"}, 0),
        ("members of the same name", "void f(void) { io->read(a); io.open(a); }\n", 0),
    ],
    "floor": [
        ("upwards", '#include "question/map.h"\n', 1),
        ("downwards and within", '#include "scan/a.h"\n#include "base/error.h"\n', 0),
        ("question and ingest",
         {"src/question/a.c": '#include "ingest/a.h"\n',
          "src/ingest/a.c": '#include "question/a.h"\n'}, 2),
        ("base may not use io, io may use base",
         {"src/base/a.c": '#include "io/io.h"\n',
          "src/io/a.c": '#include "base/error.h"\n'}, 1),
        ("a path that is not from src", '#include "../base/error.h"\n', 1),
        ("a folder without a floor", {"src/odd/a.c": "\n"}, 1),
        ("the public header",
         {"include/doorstep.h": "",
          "src/cli/a.c": '#include "doorstep.h"\n'}, 0),
    ],
    "mutable-variable": [
        ("static int", "static int count;\n", 1),
        ("an array of pointers", "static const char *names[] = {\"a\"};\n", 1),
        ("the same, const", "static const char *const names[] = {\"a\"};\n", 0),
        ("a table of structs", "static const struct {\n  int a;\n} t[] = {{1}};\n", 0),
        ("thread-local", "static _Thread_local int depth = 0;\n", 1),
        ("a function pointer", "static int (*hook)(int);\n", 1),
        ("within a function", "int f(void) {\n  static int calls;\n  return 1;\n}\n", 1),
        ("const within a function", "int f(void) {\n  static const int a[] = {1};\n}\n", 0),
        ("prototypes, types, locals",
         "static int f(int);\nstruct a {\n  int b;\n};\n"
         "typedef int c;\nstatic_assert(1);\nint g(void) {\n  int d = 1;\n  return d;\n}\n", 0),
        ("in cli", {"src/cli/a.c": "static volatile int stopped;\n"}, 0),
    ],
    "undocumented": [
        ("a prototype", {"src/scan/a.h": PARAGRAPH + "\nint ds_f(void);\n"}, 1),
        ("a documented one", {"src/scan/a.h": "// Does.\nint ds_f(void);\n"}, 0),
        ("one comment for a run",
         {"src/scan/a.h": "// Do.\nint ds_f(void);\nint ds_g(int\n"
           "         a);\nint ds_h(void);\n\nint ds_i(void);\n"}, 1),
        ("struct, enum, typedef",
         {"src/scan/a.h": "struct ds_a {\n  int b;\n};\n\nenum "
           "ds_c { D };\n\ntypedef int ds_e;\n"}, 3),
        ("an opaque type, a comment at the end of the line",
         {"src/scan/a.h": "typedef struct ds_a ds_a;\n\nint ds_f(void); // does\n"}, 0),
        ("static functions and forward declarations are free",
         {"src/scan/a.h": "struct ds_a;\nstatic inline int f(void) { return 1; }\n"}, 0),
        ("the public header knows no runs",
         {"include/doorstep.h": "// Do.\nint ds_f(void);\nint ds_g(void);\n"}, 1),
        ("a public macro", {"include/doorstep.h": "#ifndef A_H\n#define A_H\n#define B 1\n"}, 1),
    ],
    "header-paragraph": [
        ("none", {"src/scan/a.h": "// " + SPDX + "#ifndef A\n"}, 1),
        ("one", {"src/scan/a.h": PARAGRAPH}, 0),
    ],
    "dead-file": [
        ("not built", {"src/scan/a.c": "", "src/scan/meson.build": "sources += files()\n"}, 1),
        ("built", {"src/scan/a.c": "", "src/scan/meson.build": "sources += files('a.c')\n"}, 0),
        ("never included", {"src/scan/a.h": ""}, 1),
        ("included by a test",
         {"src/scan/a.h": "",
          "test/unit/test_a.c": '#include "scan/a.h"\n'}, 0),
    ],
}

# For the rules that look at the world outside.
SYMBOLS = "0000 T ds_map\n0000 T stray\n0000 W _ZN8simdjson\n0000 t local\n"
GENERATORS = {
    "tools/gen_stale.py": "import sys\nsys.exit('--check' in sys.argv)\n",
    "tools/gen_fresh.py": "import sys\nassert '--check' in sys.argv\n",
    "tools/gen_other.py": "raise SystemExit('makes nothing that is committed')\n",
}


def cases():
    """(rule, title, {path: text}, findings expected) of every row."""
    for rule, rows in ROWS.items():
        for title, files, expected in rows:
            files = files if isinstance(files, dict) else {"src/scan/a.c": files}
            yield rule, title, files, expected
