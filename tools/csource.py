# SPDX-License-Identifier: Apache-2.0
"""Just enough of C for tools/tidy: comments and strings blanked, declarations at file scope."""
import re
from collections import namedtuple

# `kind`: function (with a body), prototype, variable, type (struct, enum or union with a body),
# forward (without), typedef, assert. `line` and `end` count from 1. `text` is blanked code.
Item = namedtuple("Item", "kind line end text")

COMMENT_OR_STRING = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.M)
ATTRIBUTE = re.compile(r"__attribute__\s*\(\(.*?\)\)(?!\))|\b_?[Aa]lign[A-Za-z]*\s*\([^)]*\)", re.S)
BODY = re.compile(r"\{[^{}]*\}")


def _spaces(match):
    return re.sub(r"[^\n]", " ", match.group())


def without_comments(text):
    """`text` with every comment turned into spaces."""
    return COMMENT_OR_STRING.sub(
        lambda match: _spaces(match) if match.group().startswith("/") else match.group(), text)


def blank(text):
    """`text` with comments and the insides of strings turned into spaces: code only."""
    return COMMENT_OR_STRING.sub(_spaces, text)


def _without_bodies(text):
    count = 1
    while count:
        text, count = BODY.subn(" ", text)
    return text


def _kind(text):
    words = ATTRIBUTE.sub(" ", text)
    if re.match(r"\s*(_Static_assert|static_assert)\b", words):
        return "assert"
    if re.match(r"\s*typedef\b", words):
        return "typedef"
    flat = re.sub(r"\[[^\]]*\]", " ", _without_bodies(words)).split("=")[0]
    if re.match(r"\s*(struct|enum|union|class)\b\s*\w*\s*;?\s*$", flat):
        return "type" if "{" in text else "forward"
    call = re.search(r"\(\s*(\*?)", flat)
    return "prototype" if call and not call.group(1) else "variable"


def is_mutable(text):
    """Whether a variable's declaration leaves anything of it open to change."""
    head = re.sub(r"\[[^\]]*\]", " ", _without_bodies(ATTRIBUTE.sub(" ", text)))
    head = head.split("=")[0]
    if "constexpr" in head:
        return False
    return "const" not in re.findall(r"\w+", head.rpartition("*")[2])


def items(code):
    """The declarations at file scope of blanked `code`."""
    code = DIRECTIVE.sub(_spaces, code)
    found = []
    start = depth = paren = position = 0

    def add(end, kind=None):
        text = code[start:end]
        first = start + len(text) - len(text.lstrip())
        if text.strip(" \n;"):
            found.append(Item(kind or _kind(text), code.count("\n", 0, first) + 1,
                              code.count("\n", 0, end) + 1, text.strip()))

    token = re.compile(r"[{}();]")
    while match := token.search(code, position):
        position, mark = match.end(), match.group()
        if mark in "()":
            paren += 1 if mark == "(" else -1
        elif mark == "{" and depth == 0 and paren <= 0:
            head = ATTRIBUTE.sub(" ", code[start:match.start()]).strip()
            if head == "extern" or head.startswith("namespace"):
                start = position
            elif head.endswith(")") and "=" not in head:
                position = _function_end(code, match.start())
                add(position, "function")
                start, paren = position, 0
            else:
                depth = 1
        elif mark == "{":
            depth += 1
        elif mark == "}":
            # A brace in the first column closes all, whatever #if has done to the count.
            depth = 0 if code[match.start() - 1:match.start()] == "\n" else max(0, depth - 1)
            if depth == 0 and not code[start:match.start()].strip():
                start = position
        elif depth == 0 and paren <= 0:
            add(position)
            start, paren = position, 0
    return found


def _function_end(code, brace):
    """One past the closing brace: on the same line, else the next one in the first column."""
    line_end = code.find("\n", brace)
    line = code[brace:line_end if line_end >= 0 else len(code)]
    if line.count("{") == line.count("}"):
        return brace + line.rindex("}") + 1
    end = code.find("\n}", brace)
    return end + 2 if end >= 0 else len(code)
