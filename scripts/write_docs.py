"""Write the parts of the documents that are made from the code; a test checks that they are fresh.

make docs
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from typer.testing import CliRunner

from geofix.agent.cli.app import app
from geofix.agent.langgraph_server import graph

ROOT = Path(__file__).parent.parent


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


def sample() -> str:
    """Return what `geofix locate` prints for the sample photo, the run's id apart."""
    shown = subprocess.run(
        [sys.executable, "-m", "geofix.agent.cli", "locate"],
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return sample_block(shown)


def sample_block(shown: str) -> str:
    """Return the output as a Markdown block, with `RUN` for the run's id."""
    text = re.sub(r"geofix trail \S+", "geofix trail RUN", shown)
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    return f"```console\n$ make locate\n{lines}\n```"


def replaced(text: str, name: str, block: str) -> str:
    """Return `text` with what stands between the markers of `name` replaced by `block`."""
    pattern = rf"(<!-- made by `make docs`: {name} -->\n).*?(<!-- end -->)"
    return re.sub(pattern, lambda found: f"{found[1]}{block}\n{found[2]}", text, flags=re.DOTALL)


def documents() -> dict[Path, str]:
    """Return every document that holds made parts, as it should be."""
    readme, architecture = ROOT / "README.md", ROOT / "docs" / "architecture.md"
    return {
        readme: replaced(readme.read_text(encoding="utf-8"), "graph", mermaid()),
        architecture: replaced(architecture.read_text(encoding="utf-8"), "graph", mermaid()),
        ROOT / "docs" / "cli.md": command_line(),
    }


def main() -> None:
    """Write them, the sample output with them."""
    made = documents()
    made[ROOT / "README.md"] = replaced(made[ROOT / "README.md"], "sample", sample())
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
