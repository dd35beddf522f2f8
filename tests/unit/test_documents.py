"""The documents say what is so: what is made is fresh, what they tell to run exists."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
import typer.main
from langgraph_cli.config import validate_config_file

from geofix.agent.cli.app import app
from geofix.agent.langgraph_server import graph
from geofix.agent.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def write_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_docs", ROOT / "scripts" / "write_docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_made_from_the_code_is_fresh(write_docs: ModuleType) -> None:
    for path, text in write_docs.documents().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run `make docs`"


def test_the_drawing_shows_every_edge(write_docs: ModuleType) -> None:
    for edge in ("verify -.-> refine", "refine --> retrieve", "review -.-> settle"):
        assert edge in README


def told(word: str) -> list[list[str]]:
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", README, flags=re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    inline = re.findall(rf"`({word} [^`]+)`", README)
    told = [line for line in (*lines, *inline) if line.startswith(f"{word} ")]
    assert told
    return [shlex.split(line, comments=True) for line in told]


def test_every_example_is_shown() -> None:
    page = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
    for path in (ROOT / "examples").glob("*.py"):
        assert path.read_text(encoding="utf-8").strip() in page
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.parametrize("words", told("make"), ids=" ".join)
def test_the_make_targets_the_readme_tells_to_run_exist(words: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    asked = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    assert asked and set(asked) <= set(targets)


@pytest.mark.parametrize("words", told("geofix"), ids=" ".join)
def test_the_commands_the_readme_tells_to_run_parse(words: list[str]) -> None:
    command = typer.main.get_command(app)
    rest = words[1:]
    context = None
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest[0]]  # type: ignore[attr-defined]
        rest = rest[1:]
    context = command.make_context("geofix", list(rest), resilient_parsing=False)
    assert not context.args


def test_every_setting_is_in_the_example_and_none_beside() -> None:
    text = (ROOT / ".env.example").read_text()
    listed = set(re.findall(r"^# ([A-Z_]+)=", text, flags=re.MULTILINE))
    assert listed == {f"GEOFIX_{name.upper()}" for name in Settings.model_fields}


def test_langgraph_json_names_a_bare_graph_and_our_checkpointer() -> None:
    config = json.loads((ROOT / "langgraph.json").read_text())
    validate_config_file(ROOT / "langgraph.json")
    # Settings come from where geofix always takes them.
    assert "env" not in config
    for target in (config["graphs"]["geofix"]["path"], config["checkpointer"]["path"]):
        path, _, name = target.partition(":")
        spec = importlib.util.spec_from_file_location(name, ROOT / path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert callable(getattr(getattr(module, name), "invoke", getattr(module, name)))
    # `langgraph dev` refuses a graph that brings a checkpointer of its own.
    assert graph.checkpointer is None


def test_files_keep_to_their_size() -> None:
    lengths = [
        len(path.read_text(encoding="utf-8").splitlines())
        for folder in ("geofix", "agent", "tools", "db", "evaluation", "migrations")
        for path in (ROOT / folder).rglob("*.py")
    ]
    assert max(lengths) <= 400
    assert sum(length <= 60 for length in lengths) < len(lengths) / 4


def test_folders_keep_to_their_size() -> None:
    for folder in ("agent", "tools", "db", "evaluation"):
        for path in [ROOT / folder, *(ROOT / folder).rglob("*/")]:
            assert len(list(path.glob("*.py"))) <= 16, path


DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_documents_name_exist(path: Path) -> None:
    own = ("geofix", "agent", "tools", "db", "evaluation", "migrations")
    folders = (*own, "benchmarks", "examples", "scripts", "tests")
    there = [f"/{file.relative_to(ROOT)}" for one in folders for file in (ROOT / one).rglob("*.py")]
    for name in re.findall(r"(?<![\w/.])[\w/]+\.py\b", path.read_text(encoding="utf-8")):
        assert any(file.endswith(f"/{name}") for file in there), name
