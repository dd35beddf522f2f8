from __future__ import annotations

import pickle
import re
from pathlib import Path

from geofix.agent import errors
from geofix.agent.errors import GeofixError

ROOT = Path(__file__).parents[3]

CODES = {
    "DatabaseError": "database_failed",
    "EncoderError": "encoder_unusable",
    "GalleryError": "gallery_unusable",
    "GeofixError": "geofix_error",
    "ModelError": "model_unusable",
    "AlreadyDecided": "already_decided",
    "OptionError": "option_invalid",
    "RunBusy": "run_busy",
    "PhotoError": "photo_unreadable",
    "RegionError": "region_invalid",
    "ServerError": "server_failed",
    "SettingError": "setting_invalid",
    "SourceError": "source_unreadable",
    "TrailError": "run_unusable",
}
"""Programs of others compare with these: a code is never renamed."""

INTERNAL = {"CallFailed", "_StillStartingError"}
"""Classes of the tree that no caller sees; they have the code of their parent."""

ABOUT_WHAT_WAS_GIVEN = {
    "AlreadyDecided",
    "RunBusy",
    "OptionError",
    "PhotoError",
    "RegionError",
    "TrailError",
}


def classes_of_the_tree() -> set[str]:
    """Return the name of every class in our sources that is a GeofixError, at whatever depth."""
    classes = [
        (name, set(re.findall(r"\w+", bases)))
        for folder in ("geofix", "agent", "tools", "db", "evaluation")
        for path in (ROOT / folder).rglob("*.py")
        for name, bases in re.findall(r"class (\w+)\((.+)\):", path.read_text(encoding="utf-8"))
    ]
    tree = {"GeofixError"}
    while more := {name for name, bases in classes if bases & tree} - tree:
        tree |= more
    return tree


def test_every_error_has_a_code_of_its_own_and_keeps_it() -> None:
    assert {name: vars(getattr(errors, name))["code"] for name in errors.__all__} == CODES
    assert len(set(CODES.values())) == len(CODES)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", code) for code in CODES.values())
    assert classes_of_the_tree() == CODES.keys() | INTERNAL


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    assert errors.__all__ == sorted(errors.__all__)
    drawn = re.findall(r"^ {4}(\W*)(\w+)( \(\*\))? +([a-z]+_[a-z_]+) ", errors.__doc__ or "", re.M)
    parents: list[str] = []
    for indent, name, value_error, code in drawn:
        error = getattr(errors, name)
        del parents[len(indent) // 4 :]
        assert issubclass(error, (GeofixError, *(getattr(errors, parent) for parent in parents)))
        assert code == error.code
        assert bool(value_error) == issubclass(error, ValueError) == (name in ABOUT_WHAT_WAS_GIVEN)
        parents.append(name)
    assert sorted(name for _, name, _, _ in drawn) == errors.__all__


def test_an_error_comes_back_from_another_process_as_it_was() -> None:
    for name in errors.__all__:
        error = getattr(errors, name)("the photo 'x' is missing; check the path")
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.code) == (type(error), str(error), error.code)
