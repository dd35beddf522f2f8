"""What papers have published: their figures, each with its source, and the set-up behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from geofix.tools.statistics import SCALES_KM

DATA = Path(__file__).with_name("published.json")
"""A figure is entered only if it was seen in the source that it names."""

Kind = Literal["original", "rerun", "copied"]

KINDS: dict[Kind, str] = {
    "original": "run by the authors of the method",
    "rerun": "run by the authors of another paper",
    "copied": "quoted by the source from elsewhere",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where figures were read."""

    title: str
    authors: str
    year: int
    link: str
    read: str
    """In which form it was read, and when."""


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """One row of a published table."""

    set: str
    """A key of `sets.SETS`."""
    method: str | None
    """The method of ours that does what the row's does; none if there is none."""
    label: str
    kind: Kind
    shares: Mapping[float, float | None]
    """Share of photos within each distance in km, 0 to 1; none where the table has no figure."""
    source: Source
    table: str
    """Where in the source."""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class PaperRun:
    """How a method was run in its paper; what the paper is, `agent/methods/table.py` says."""

    sets: tuple[str, ...]
    """Keys of `sets.SETS` that its paper measured, the main one first."""
    setup: Mapping[str, str]
    """What was used for what: `encoder`, `gallery`, `model`, `neighbours`, `answers`."""
    options: Mapping[str, Mapping[str, Any]]
    """Fields of `Context` that its paper had otherwise on a set, by set."""
    unread: str | None
    """What of it could not be read."""


@dataclass(frozen=True, slots=True)
class Published:
    """All of it."""

    rows: tuple[PublishedRow, ...]
    papers: Mapping[str, PaperRun]
    """By method."""

    def of_set(self, name: str) -> list[PublishedRow]:
        """Return the rows of a set, in the order of the file."""
        return [row for row in self.rows if row.set == name]


@cache
def published() -> Published:
    """Return what is entered.

    Raises:
        ValueError: The file is damaged.
    """
    held = json.loads(DATA.read_text(encoding="utf-8"))
    sources = {name: _source(told) for name, told in held["sources"].items()}
    return Published(
        rows=tuple(_row(told, sources) for told in held["rows"]),
        papers={name: _paper(told) for name, told in held["papers"].items()},
    )


def _source(told: Mapping[str, Any]) -> Source:
    return Source(**{name: told[name] for name in Source.__slots__})


def _paper(told: Mapping[str, Any]) -> PaperRun:
    return PaperRun(
        sets=tuple(told["sets"]),
        setup=told["setup"],
        options=told.get("options", {}),
        unread=told.get("unread"),
    )


def _row(told: Mapping[str, Any], sources: Mapping[str, Source]) -> PublishedRow:
    if told["kind"] not in KINDS:
        raise ValueError(f"the kind {told['kind']!r} is none of {', '.join(KINDS)}")
    percent = dict(zip(SCALES_KM, told["shares"], strict=True))
    return PublishedRow(
        set=told["set"],
        method=told["method"],
        label=told["label"],
        kind=told["kind"],
        shares={km: None if one is None else one / 100 for km, one in percent.items()},
        source=sources[told["source"]],
        table=told["table"],
        note=told.get("note"),
    )
