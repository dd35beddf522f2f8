"""Write what is made from the code: parts of the documents and the list of all messages.

make docs; a test says when that is due.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from typer.testing import CliRunner

from geofix.agent.answer import Code
from geofix.agent.cli.app import app
from geofix.agent.fix import fix_schema
from geofix.agent.langgraph_server import graph
from geofix.agent.methods.table import METHODS, Method

ROOT = Path(__file__).parent.parent

PRODUCT = ("geofix", "agent", "tools", "db", "evaluation", "migrations")

NOT_FOR_PEOPLE = re.compile(
    r"(alter|analyze|begin|copy|create|delete|drop|from|grant|insert|join|lock|merge|notify|"
    r"order|select|set|truncate|update|where|with|CREATE|SELECT|SET) .*"
    r"([(={]|\b(as|by|exists|extension|into|join|local|null|recursive|schema|session|table)\b)"
    r"|[<#^\\]|\[\^|\(\?|([A-Z]{2} )+",
    re.DOTALL,
)
"""How a string begins that is for Postgres, a page or a regular expression."""


def mermaid() -> str:
    """Return the graph's own drawing as a Markdown block."""
    drawn = graph.get_graph().draw_mermaid()
    # The header sets curve and colors, which GitHub's dark mode makes unreadable.
    body = re.sub(r"^---.*?---\n", "", drawn, flags=re.DOTALL)
    lines = [line for line in body.splitlines() if "classDef" not in line]
    return (
        "```mermaid\n" + "\n".join(lines).replace(":::first", "").replace(":::last", "") + "\n```"
    )


def paths(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give the words that name every command, groups before what is in them."""
    yield path
    # Typer brings a click of its own, so the class of a group cannot be asked for.
    for name, child in getattr(command, "commands", {}).items():
        yield from paths(child, (*path, name))


def command_line() -> str:
    """Return docs/cli.md: what every command says of itself."""
    runner = CliRunner(env={"COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1"})
    parts = ["# The command line\n\nMade by `make docs` from the code.\n"]
    for path in paths(typer.main.get_command(app)):
        shown = runner.invoke(app, [*path, "--help"], prog_name="geofix").output
        text = "\n".join(line.rstrip() for line in shown.strip().splitlines())
        parts.append(f"## {' '.join(('geofix', *path))}\n\n```\n{text}\n```\n")
    return "\n".join(parts)


def schema_text() -> str:
    """Return docs/schema/fix-1.json."""
    return json.dumps(fix_schema(), indent=2, ensure_ascii=False) + "\n"


def answer_fields() -> str:
    """Return a table of every part of an answer, the answer itself first."""
    schema = fix_schema()
    tables = []
    for name, part in {"Fix": schema, **schema["$defs"]}.items():
        rows = [
            f"| `{field}` | {type_of(value)} | {in_a_row(value['description'])} |"
            for field, value in part["properties"].items()
        ]
        head = f"### {name}\n\n{part['description']}\n\n| field | type | meaning |\n|---|---|---|"
        tables.append("\n".join([head, *rows]))
    return "\n\n".join(tables)


def type_of(part: dict[str, Any]) -> str:
    """Return the type of a field in words."""
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in part:
        # A list of values that later versions may make longer, and any other text.
        known = [one for one in part["anyOf"] if "enum" not in one]
        return " or ".join(map(type_of, known))
    if "const" in part or "enum" in part:
        values = [part["const"]] if "const" in part else part["enum"]
        return " or ".join(f"`{value}`" for value in values)
    if part["type"] == "array":
        return f"list of {type_of(part['items'])}"
    return str(part["type"])


def in_a_row(text: str) -> str:
    """Return a text that fits into a row of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def answer_codes() -> str:
    """Return a table of all codes for every place where they stand."""
    titles = {
        "abstention": "Why there is no answer (`abstention`, and `reasons` while a run waits)",
        "reason": "What speaks for the answer or against one (`reasons`)",
        "exclusion": "Why a candidate cannot be the answer (`candidates[].excluded`)",
        "warning": "What was not done as asked, or limits the answer (`warnings`)",
    }
    tables = []
    for use, title in titles.items():
        rows = [f"| `{code}` | {code.meaning} |" for code in Code if code.use == use]
        tables.append("\n".join([f"### {title}\n", "| code | meaning |\n|---|---|", *rows]))
    return "\n\n".join(tables)


def sample(*options: str) -> str:
    """Return what `geofix locate` prints for the sample photo."""
    return subprocess.run(
        [sys.executable, "-m", "geofix.agent.cli", "locate", *options],
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def sample_block(shown: str) -> str:
    """Return the output as a Markdown block, with `RUN` for the run's id."""
    text = re.sub(r"geofix trail \S+", "geofix trail RUN", shown)
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    return f"```console\n$ make locate\n{lines}\n```"


def json_block(shown: str) -> str:
    """Return an answer's JSON as a Markdown block, without what differs from run to run."""
    answer = json.loads(shown) | {"run": "RUN", "thread": "THREAD"}
    answer["usage"]["seconds"] = 0.5
    return f"```json\n{json.dumps(answer, indent=2, ensure_ascii=False)}\n```"


def replaced(text: str, name: str, block: str) -> str:
    """Return `text` with what stands between the markers of `name` replaced by `block`."""
    pattern = rf"(<!-- made by `make docs`: {name} -->\n).*?(<!-- end -->)"
    return re.sub(pattern, lambda found: f"{found[1]}{block}\n{found[2]}", text, flags=re.DOTALL)


def with_examples(text: str) -> str:
    """Return a document with the programs of `examples/` between the markers that name them."""
    for path in sorted((ROOT / "examples").glob("*.py")):
        code = path.read_text(encoding="utf-8").strip()
        name = re.escape(path.relative_to(ROOT).as_posix())
        text = replaced(text, name, f"```python\n{code}\n```")
    return text


def literals(node: ast.AST) -> Iterator[str]:
    """Give the strings of a syntax tree, docstrings apart; an f-string with its expressions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Constant):
            if isinstance(child.value, str) and not isinstance(node, ast.Expr):
                yield child.value
        elif isinstance(child, ast.JoinedStr):
            yield "".join(
                str(part.value)
                if isinstance(part, ast.Constant)
                else f"{{{ast.unparse(part.value)}}}"
                for part in child.values
                if isinstance(part, ast.Constant | ast.FormattedValue)
            )
        else:
            yield from literals(child)


def messages() -> str:
    """Return tests/data/messages.txt: what the product says to people, one string a line, by file.

    That is every string literal of two words or more, but docstrings, prompts, SQL and HTML; the
    help of commands, which is docstrings, is in docs/cli.md.
    """
    parts = []
    for path in sorted(file for folder in PRODUCT for file in (ROOT / folder).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        found = {
            " ".join(text.split())
            for text in literals(ast.parse(path.read_text(encoding="utf-8")))
            if " " in text.strip() and not NOT_FOR_PEOPLE.match(text.strip())
        }
        if found:
            parts.append("\n".join([f"# {name}", *sorted(found), ""]))
    return "\n".join(parts)


def methods() -> str:
    """Return a section for every method: its paper, its options, and what differs."""
    return "\n\n".join(_method(name, method) for name, method in METHODS.items())


def _method(name: str, method: Method) -> str:
    parts = [f"## {name}\n\n{method.summary}"]
    if method.paper is not None:
        paper = method.paper
        parts.append(f"{paper.authors}: [{paper.title}]({paper.link}), {paper.year}.")
    sections = (
        ("What the paper says" if method.paper else "What it does", method.says),
        ("What it leaves open, and what stands here", method.assumed),
        ("What is different here", method.changed),
    )
    for title, lines in sections:
        if lines:
            parts.append("\n".join([f"**{title}**\n", *(f"- {line}" for line in lines)]))
    if method.options:
        options = ", ".join(f"`{option}={value}`" for option, value in method.options.items())
        parts.append(f"**Options:** {options}.")
    needs = "a chat model (`GEOFIX_MODEL`)" if method.asks_model else "no chat model"
    embeds = f" Photos are embedded with {method.encoder}." if method.encoder else ""
    parts.append(f"**Needs** {needs}.{embeds} **Its row** in `geofix eval`: `{method.row}`.")
    return "\n\n".join(parts)


def documents() -> dict[Path, str]:
    """Return every document that holds made parts, as it should be."""
    readme, architecture = ROOT / "README.md", ROOT / "docs" / "architecture.md"
    embedding = ROOT / "docs" / "embedding.md"
    answer = ROOT / "docs" / "answer.md"
    described_methods = ROOT / "docs" / "methods.md"
    described = replaced(answer.read_text(encoding="utf-8"), "fields", answer_fields())
    return {
        answer: replaced(described, "codes", answer_codes()),
        ROOT / "docs" / "schema" / "fix-1.json": schema_text(),
        readme: replaced(readme.read_text(encoding="utf-8"), "graph", mermaid()),
        architecture: replaced(architecture.read_text(encoding="utf-8"), "graph", mermaid()),
        described_methods: replaced(
            described_methods.read_text(encoding="utf-8"), "methods", methods()
        ),
        embedding: with_examples(embedding.read_text(encoding="utf-8")),
        ROOT / "docs" / "cli.md": command_line(),
        ROOT / "tests" / "data" / "messages.txt": messages(),
    }


def main() -> None:
    """Write them, the sample outputs with them."""
    made = documents()
    readme, answer = ROOT / "README.md", ROOT / "docs" / "answer.md"
    made[readme] = replaced(made[readme], "sample", sample_block(sample()))
    made[answer] = replaced(made[answer], "sample", json_block(sample("--json")))
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
