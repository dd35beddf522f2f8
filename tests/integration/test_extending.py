"""The code of docs/extending.md runs: each section's blocks in order, in a module of their own."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from geofix.tools.models import providers

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
FIXTURES = ("database_url", "starter_url", "tmp_path")
"""What the code may use by name, without saying where it comes from."""


def sections() -> dict[str, list[str]]:
    """Return the blocks of Python code by heading."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {
        title: re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
        for title, text in zip(parts[::2], parts[1::2], strict=True)
    }


SECTIONS = sections()


def test_every_section_shows_code() -> None:
    assert len(SECTIONS) == 6
    assert all(SECTIONS.values())


@pytest.mark.parametrize("title", SECTIONS)
def test_the_code_of_a_section_runs(
    title: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = SECTIONS[title]
    module = ModuleType("extending")
    monkeypatch.setitem(sys.modules, "extending", module)
    known = set(providers.PROVIDERS)
    request.addfinalizer(
        lambda: [providers._PROVIDERS.pop(name) for name in providers.PROVIDERS.keys() - known]
    )
    for name in FIXTURES:
        if any(re.search(rf"\b{name}\b", block) for block in blocks):
            setattr(module, name, request.getfixturevalue(name))
    for number, block in enumerate(blocks, start=1):
        code = compile(block, f"{PAGE.name}, {title!r}, block {number}", "exec", dont_inherit=True)
        exec(code, module.__dict__)
