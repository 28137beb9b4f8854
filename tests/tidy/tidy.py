#!/usr/bin/env python3
"""Checks the house rules as far as text can: python3 tests/tidy/tidy.py [ROOT]. Status 1 if one is broken.

Rules: banned words, includes by level, file lengths, Beast's WebSocket outside tests, shapes of co_await that
g++ 12.2 miscompiles, a README of at most 40 lines for each module, a comment for everything in a .proto that has a
name, and constants that an interface names but no code has. allow.txt beside this file lists exceptions, one a line:
RULE PATH, and the reason after a '#'.
"""
import re
import sys
from pathlib import Path

CODE_FOLDERS = ("src", "adapter", "examples", "tests")
FILE_LINES_MAX = 600
README_LINES_MAX = 40

# Folder to level; the longest match counts. tests/ may include anything.
LEVELS = {
    "src/base": 0,
    "src/ws": 1, "src/transcript": 1, "src/transform": 1,
    "src/agreement": 2, "src/proof": 2,
    "src/replica": 3, "src/sim": 3,
    "examples": 3,
    "src/engine": 4, "src/adapter_client": 4, "adapter": 4,
    "src/tools": 5,
}

# Put together here, so that this file does not break its own rule.
UNFINISHED = "|".join(("FIX" + "ME", "TO" + "DO", "XX" + "X", "HA" + "CK"))
BANNED = {
    "sleep": re.compile(r"\bsleep_for\b|\bsleep_until\b"),
    "randomness": re.compile(r"\brandom_device\b"),
    "clock": re.compile(r"::now\("),
}
UNFINISHED_WORK = re.compile(r"\b(?:" + UNFINISHED + r")\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')
LINE_COMMENT = re.compile(r"//[^\n]*")
CO_AWAIT = re.compile(r"\bco_await\b")
PROTO_STRING_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.S)
PROTO_STATEMENT = re.compile(r"\s*([^;{}]*)(?:\{\s*\}|[;{}])")
# What has a name: the blocks, rpcs, and all that ends in a number but `option` and its like.
PROTO_NAMED = re.compile(r"(?:message|enum|service|rpc|oneof|extend)\b|"
                         r"(?!(?:option|syntax|edition|import|package|reserved|extensions)\b)[^=]+=\s*-?\d")
PROTO_OWN_COMMENT = re.compile(r"//.*\w")
CONSTANT = re.compile(r"\bk[A-Z]\w+")
CAPTURE = re.compile(r"[(,]\s*\[[^\]\s][^\]]*\]\s*[({]|[(,]\s*\[[^\]\s][^\]]*\]\s*(?:mutable|->)")


class Finding:
    def __init__(self, rule, path, line, message):
        self.rule, self.path, self.line, self.message = rule, path, line, message

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


def level_of(path):
    """The level of a path from the root, or None where the rule does not reach."""
    best = max((f for f in LEVELS if path == f or path.startswith(f + "/")), key=len, default=None)
    return None if best is None else LEVELS[best]


def without_comments(text):
    """Comments and string contents blanked, every newline kept: line numbers stay right."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
    return LINE_COMMENT.sub("", STRING.sub('""', text))


def expression_after(text, start):
    """From `start` to the `;` that ends the expression, or to the bracket that encloses it."""
    depth = 0
    for end in range(start, len(text)):
        c = text[end]
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        if depth < 0 or (c == ";" and depth == 0):
            return text[start:end]
    return text[start:]


def check_words(path, raw, code):
    for number, line in enumerate(raw.splitlines(), 1):
        if UNFINISHED_WORK.search(line):
            yield Finding("unfinished", path, number, "finish it, or file an issue and remove the marker")
    for number, line in enumerate(code.splitlines(), 1):
        for rule, pattern in BANNED.items():
            if pattern.search(line):
                yield Finding(rule, path, number, "take time and randomness as arguments; wait for events")


def check_includes(path, raw):
    own = level_of(path)
    in_tests = path.startswith("tests/")
    for number, line in enumerate(raw.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        name = match.group(2)
        if name.startswith("boost/beast/websocket") and not in_tests:
            yield Finding("beast-websocket", path, number, "only tests may include Beast's WebSocket")
        if match.group(1) == "<" or in_tests or own is None:
            continue
        target = f"src/{name}" if level_of(f"src/{name}") is not None else name
        if target.startswith("tests/"):
            yield Finding("level", path, number, "only tests may include tests")
        other = level_of(target)
        if other is not None and other > own:
            yield Finding("level", path, number, f"level {own} may not include {name} of level {other}")


def check_coroutines(path, code):
    for match in CO_AWAIT.finditer(code):
        number = code.count("\n", 0, match.start()) + 1
        expression = expression_after(code, match.end())
        if CAPTURE.search(expression):
            yield Finding("coroutine", path, number, "name the capturing lambda before co_await (g++ 12.2)")
        if re.match(r"\s*\([^;]*\?[^;]*:", expression):
            yield Finding("coroutine", path, number, "no ?: inside co_await (g++ 12.2); decide first")
        if re.search(r"[(,]\s*(?:[A-Z]\w*(?:::\w+)*)?\s*\{\s*\.", expression):
            yield Finding("coroutine", path, number, "name the aggregate before co_await (g++ 12.2)")


def check_proto(path, raw):
    """A comment counts in the line above what begins its line, and behind what ends its line."""
    code = PROTO_STRING_OR_COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), raw)
    for match in PROTO_STATEMENT.finditer(code):
        if not PROTO_NAMED.match(match.group(1)):
            continue
        begin, end = match.start(1), match.end()
        line_begin = code.rfind("\n", 0, begin) + 1
        line_end = (code + "\n").index("\n", end)
        above = raw[:line_begin].splitlines()[-1:] if not code[line_begin:begin].strip() else []
        behind = [raw[end:line_end]] if not code[end:line_end].strip() else []
        if not any(PROTO_OWN_COMMENT.match(text.strip()) for text in above + behind):
            number = code.count("\n", 0, begin) + 1
            yield Finding("proto-comment", path, number,
                          "say directly above or behind what it means, its unit and limit")


def check_constants(path, raw, known):
    """`known`: constants of the code. What an interface says of its limits must be findable there."""
    for number, line in enumerate(raw.splitlines(), 1):
        for name in CONSTANT.findall(line):
            if name not in known:
                yield Finding("constant", path, number, f"no code has {name}; name what the limit comes from now")


def check_length(path, raw):
    lines = raw.count("\n")
    if lines > FILE_LINES_MAX:
        yield Finding("length", path, lines, f"more than {FILE_LINES_MAX} lines; split it by subject")


def modules(root):
    """Folders of the level table that exist, the parts of src/engine each for itself."""
    for folder in sorted(LEVELS):
        path = root / folder
        if folder == "src/engine" and path.is_dir():
            yield from sorted(p for p in path.iterdir() if p.is_dir())
        elif path.is_dir():
            yield path


def check_readmes(root):
    for module in modules(root):
        readme = module / "README.md"
        name = str(readme.relative_to(root))
        if not readme.is_file():
            yield Finding("readme", name, 1, "each module has a README")
        elif readme.read_text().count("\n") > README_LINES_MAX:
            yield Finding("readme", name, 1, f"at most {README_LINES_MAX} lines")


def sources(root):
    for folder in CODE_FOLDERS:
        for suffix in (".h", ".cc", ".py"):
            yield from sorted((root / folder).rglob("*" + suffix))


def allowed(root):
    """Pairs (rule, path); a path that ends in '/' stands for everything below it."""
    file = root / "tests/tidy/allow.txt"
    lines = file.read_text().splitlines() if file.is_file() else []
    return [tuple(line.split("#")[0].split()) for line in lines if line.split("#")[0].strip()]


def check(root):
    """All findings below `root` that are not allowed."""
    found = list(check_readmes(root))
    constants = set()
    for file in sources(root):
        path = str(file.relative_to(root))
        raw = file.read_text(errors="replace")
        found += check_length(path, raw)
        if file.suffix == ".py":
            found += check_words(path, raw, "")
            continue
        code = without_comments(raw)
        constants.update(CONSTANT.findall(code))
        found += check_words(path, raw, code)
        found += check_includes(path, raw)
        found += check_coroutines(path, code)
    for file in sorted(f for f in (root / "proto").rglob("*") if f.suffix in (".proto", ".did")):
        path = str(file.relative_to(root))
        raw = file.read_text(errors="replace")
        found += check_length(path, raw)
        found += check_words(path, raw, "")
        found += check_constants(path, raw, constants)
        if file.suffix == ".proto":
            found += check_proto(path, raw)
    exceptions = allowed(root)

    def is_allowed(finding):
        return any(finding.rule == rule and (finding.path == path or
                                             (path.endswith("/") and finding.path.startswith(path)))
                   for rule, path in exceptions)

    return [finding for finding in found if not is_allowed(finding)]


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    findings = check(root)
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} broken rules in {root}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
