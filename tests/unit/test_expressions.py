"""No regular expression of ours may backtrack: a long text must not hold the process.

Every expression in the source is found by its syntax tree and run against texts made to hurt it, in
a process whose CPU time is bounded: `re` holds the interpreter, so nothing inside could stop it.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("agent", "benchmarks", "db", "evaluation", "migrations", "scripts", "tools")
CALLS = ("compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer")

RUN = r"""
import json, re, resource, sys, time
from re import _parser as parser

N, TAILS = 20_000, ("\x01", "x")
PUMPS = (" ", "1", "a", "A", "{", "'", '"', "-", "/", ".", "\n", "a ", "A1", "1 ", "{1..", "-a")

def one(of, name, value):
    # One character of a set, or a short text that a part of the expression matches.
    if name == "LITERAL":
        return chr(value)
    kinds = [str(kind) for kind, _ in value] if name == "IN" else []
    for char in "1aA .-_/'x\"{}\n":
        if name == "ANY" or (name == "NOT_LITERAL" and ord(char) != value):
            return char
        if name == "IN" and holds(value, char):
            return char
    return "x"

def holds(items, char):
    negated, inside = False, False
    for kind, value in items:
        kind = str(kind)
        if kind == "NEGATE":
            negated = True
        elif kind == "LITERAL":
            inside |= ord(char) == value
        elif kind == "RANGE":
            inside |= value[0] <= ord(char) <= value[1]
        elif kind == "CATEGORY":
            letter = str(value).replace("CATEGORY_", "")
            plain = letter.removeprefix("NOT_")
            is_one = {"DIGIT": char.isdigit(), "SPACE": char.isspace()}.get(
                plain, char.isalnum() or char == "_"
            )
            inside |= is_one != letter.startswith("NOT_")
    return inside != negated

def sample(tree, optional):
    return "".join(part(str(op), value, optional) for op, value in tree)

def part(name, value, optional):
    if name.endswith("REPEAT"):
        least, most, body = value
        return sample(body, optional) * max(least, min(optional, int(most)))
    if name in ("SUBPATTERN", "ATOMIC_GROUP"):
        return sample(value[-1] if name == "SUBPATTERN" else value, optional)
    if name == "BRANCH":
        return sample(value[1][0], optional)
    if name in ("AT", "ASSERT", "ASSERT_NOT", "GROUPREF"):
        return ""
    return one(value, name, value)

def evil(tree, before, optional):
    # What leads to each repetition, and then the repetition itself, many times.
    for op, value in tree:
        name = str(op)
        if name.endswith("REPEAT"):
            if int(value[1]) > 20:
                yield before, sample(value[2], optional) or "x"
            yield from evil(value[2], before, optional)
        elif name == "SUBPATTERN":
            yield from evil(value[-1], before, optional)
        elif name == "ATOMIC_GROUP":
            yield from evil(value, before, optional)
        elif name == "BRANCH":
            for branch in value[1]:
                yield from evil(branch, before, optional)
        before += part(name, value, optional)

def attacks(pattern, flags):
    plain = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    made = [("", pump) for pump in PUMPS]
    for optional in (0, 1):
        made += evil(parser.parse(plain, flags), "", optional)
    for before, pump in dict.fromkeys(made):
        for tail in TAILS:
            text = before + pump * (N // len(pump)) + tail
            yield text.encode("latin-1", "replace") if isinstance(pattern, bytes) else text

for line in sys.stdin:
    asked = json.loads(line)
    pattern = asked["pattern"].encode("latin-1") if asked["is_bytes"] else asked["pattern"]
    compiled = re.compile(pattern, asked["flags"])
    print(asked["where"], flush=True)
    used = int(time.process_time()) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used + asked["seconds"], resource.RLIM_INFINITY))
    for text in attacks(pattern, asked["flags"]):
        for way in asked["ways"]:
            found = getattr(compiled, way)(text)
            if way == "finditer":
                any(False for _ in found)
print("done", flush=True)
"""


@dataclass(frozen=True)
class Expression:
    where: str
    pattern: str
    flags: int
    ways: tuple[str, ...]
    is_bytes: bool = False


def expressions() -> list[Expression]:
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return [found for path in files for found in of_file(path)]


def of_file(path: Path) -> Iterator[Expression]:
    source = path.read_text()
    tree = ast.parse(source)
    names = {
        node.targets[0].id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        assert not (isinstance(node, ast.ImportFrom) and node.module == "re"), f"{where}: import re"
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        of = node.func.value
        if not (isinstance(of, ast.Name) and of.id == "re" and node.func.attr in CALLS):
            continue
        written = text_of(node.args[0], names)
        given = [k.value for k in node.keywords if k.arg == "flags"] or node.args[1:2]
        is_compiled = node.func.attr == "compile"
        flags = flags_of(given[0]) if given and (is_compiled or node.keywords) else 0
        named = next((name for name, value in names.items() if value is node), None)
        ways = used_as(source, named) if is_compiled else [node.func.attr]
        yield Expression(
            where,
            written.decode("latin-1") if isinstance(written, bytes) else written,
            flags,
            tuple(sorted({"search" if "sub" in way else way for way in ways})),
            isinstance(written, bytes),
        )


def text_of(node: ast.expr, names: dict[str, ast.expr]) -> str | bytes:
    """Return what an expression is written as; a variable that is set elsewhere is a word."""
    if isinstance(node, ast.Constant):
        assert isinstance(node.value, str | bytes)
        return node.value
    if isinstance(node, ast.Name):
        value = names.get(node.id)
        return text_of(value, names) if isinstance(value, ast.Constant | ast.JoinedStr) else "word"
    if isinstance(node, ast.FormattedValue):
        return text_of(node.value, names)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "re.escape":
        return "word"
    assert isinstance(node, ast.JoinedStr), ast.dump(node)
    return "".join(str(text_of(value, names)) for value in node.values)


def flags_of(node: ast.expr) -> int:
    if isinstance(node, ast.BinOp):
        return flags_of(node.left) | flags_of(node.right)
    assert isinstance(node, ast.Attribute), ast.dump(node)
    return int(getattr(re, node.attr))


def used_as(source: str, name: str | None) -> list[str]:
    ways = [way for way in CALLS if name and f"{name}.{way}(" in source]
    # Used from another file: in either way.
    return ways or ["search", "fullmatch"]


def run(some: list[Expression], seconds: int) -> str:
    """Return the last expression that was begun; `done` where all came to an end."""
    asked = "".join(json.dumps({**asdict(one), "seconds": seconds}) + "\n" for one in some)
    done = subprocess.run(
        [sys.executable, "-c", RUN], input=asked, capture_output=True, text=True, check=False
    )
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()[-1]


def test_no_expression_backtracks() -> None:
    found = expressions()
    assert len(found) > 20
    assert {"tools/geo/degrees.py", "db/plain_text.py"} <= {
        one.where.partition(":")[0] for one in found
    }
    assert run(found, seconds=2) == "done"


def test_one_that_backtracks_is_found() -> None:
    bad = Expression("bad", r"\d+\s*(?:deg)?\s*(?:N)?", 0, ("fullmatch",))
    assert run([bad], seconds=1) == "bad"
