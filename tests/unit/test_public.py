"""What `import geofix` gives, and what it costs."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import geofix
from geofix.agent import errors

ROOT = Path(__file__).parents[2]
SOURCE = Path(geofix.__file__).read_text(encoding="utf-8")
WITHOUT_HOME = {"__version__", *geofix.SUBMODULES}
"""Public names that are no attribute of another module."""


def names_for_type_checkers() -> dict[str, str]:
    """Return the modules that names come from in the block `if TYPE_CHECKING`."""
    (block,) = (node for node in ast.parse(SOURCE).body if isinstance(node, ast.If))
    return {
        alias.name: node.module or ""
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    } | {
        node.target.id: "geofix"
        for node in block.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def test_the_list_the_lazy_table_and_the_type_checkers_block_agree() -> None:
    assert len(geofix.__all__) == len(set(geofix.__all__))
    assert geofix._HOMES | dict.fromkeys(WITHOUT_HOME, "geofix") == names_for_type_checkers()
    assert set(geofix.__all__) == geofix._HOMES.keys() | WITHOUT_HOME
    assert set(geofix.__all__) <= set(dir(geofix))
    for name, home in geofix._HOMES.items():
        assert getattr(geofix, name) is vars(import_module(home))[name]


def test_every_error_is_public() -> None:
    assert geofix.errors.__all__ == errors.__all__
    for name in errors.__all__:
        assert getattr(geofix, name) is getattr(geofix.errors, name) is getattr(errors, name)


def test_what_hosts_use_is_public() -> None:
    public = import_module("geofix.langgraph")
    assert public.__all__ == sorted(public.__all__)
    made_here = {name for name in vars(public) if not name.startswith("_")}
    assert made_here == {*public.__all__, "annotations"}


def test_imports_load_no_more_than_they_need() -> None:
    code = (
        "import sys\n"
        "def refuse(*names):\n"
        "    loaded = sys.modules.keys() & set(names)\n"
        "    if loaded: sys.exit(repr(loaded))\n"
        "import geofix, geofix.errors\n"
        "refuse('langgraph', 'numpy', 'pydantic', 'sqlalchemy', 'torch')\n"
        "assert not hasattr(geofix, 'nothing')\n"
        "import geofix.agent.cli.app\n"
        "geofix.locate\n"
        "refuse('langchain_community', 'sklearn', 'torch', 'transformers')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_folder_of_ours_is_in_the_wheel() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "setuptools"
    ]
    folders = {
        ".".join((package, *path.parent.relative_to(ROOT / top).parts))
        for package, top in told["package-dir"].items()
        for path in (ROOT / top).rglob("*.py")
    }
    assert sorted(folders) == told["packages"]
