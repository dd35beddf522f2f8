"""Sets what was measured beside what papers have published."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from geofix.evaluation.metrics import Share, accuracy
from geofix.evaluation.report.tables import ReportTable, share, within
from geofix.evaluation.reproduce.published import KINDS, PublishedRow
from geofix.evaluation.run.result import Result
from geofix.evaluation.run.splits import witnesses_of
from geofix.tools.statistics import SCALES_KM

Verdict = Literal["inside", "higher here", "lower here", "not published"]
"""Where a published share lies: inside the 95 % interval of the one measured here, below it, above
it, or nowhere."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One published share against the one measured here."""

    published: float | None
    difference: float | None
    """Measured less published, 0 to 1."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One published row against what was measured."""

    row: PublishedRow
    at: Mapping[float, Compared]
    """By distance in km."""

    @property
    def inside(self) -> int:
        """How many published shares lie inside the interval."""
        return sum(one.verdict == "inside" for one in self.at.values())

    @property
    def published(self) -> int:
        """How many shares were published."""
        return sum(one.published is not None for one in self.at.values())


def measured_shares(results: Sequence[Result]) -> dict[float, Share]:
    """Return the share of photos placed within each of the field's distances.

    A photo without an answer is wrong. Photos within one degree count as one place, as in all
    evaluations: photos of one walk are no independent witnesses.
    """
    placed = [result for result in results if result.has_truth]
    return accuracy(
        [result.counted_km for result in placed], SCALES_KM, places=witnesses_of(placed)
    )


def compare_rows(shares: Mapping[float, Share], rows: Sequence[PublishedRow]) -> list[ComparedRow]:
    """Compare what was measured with each published row."""
    return [
        ComparedRow(row, {km: _compared(shares[km], row.shares[km]) for km in SCALES_KM})
        for row in rows
    ]


def _compared(here: Share, published: float | None) -> Compared:
    if published is None or math.isnan(here.value):
        return Compared(published, None, "not published")
    # Published figures are rounded; one on the very end of the interval is inside.
    rounding = 0.5e-4
    apart = here.value - published
    if here.low - rounding <= published <= here.high + rounding:
        return Compared(published, apart, "inside")
    return Compared(published, apart, "higher here" if apart > 0 else "lower here")


def beside_table(
    title: str, label: str, shares: Mapping[float, Share], compared: Sequence[ComparedRow]
) -> ReportTable:
    """Return the measured row above the published ones of the same method."""
    measured = (label, "measured here", *(share(shares[km]) for km in SCALES_KM), "")
    rows = [measured]
    for one in compared:
        cells = [_cell(one.at[km]) for km in SCALES_KM]
        rows.append((one.row.label, one.row.kind, *cells, cited(one.row)))
    head = ("% within (95 %)", "kind", *map(within, SCALES_KM), "source")
    return ReportTable(title, head, tuple(rows))


def others_table(title: str, rows: Sequence[PublishedRow]) -> ReportTable:
    """Return published rows of other methods, as they stand."""
    cells = [
        (row.label, row.kind, *(_percent(row.shares[km]) for km in SCALES_KM), cited(row))
        for row in rows
    ]
    head = ("% within", "kind", *map(within, SCALES_KM), "source")
    return ReportTable(title, head, tuple(cells))


def told(compared: Sequence[ComparedRow]) -> list[str]:
    """Return what the comparison comes to, a sentence a row."""
    return [
        f"{one.inside} of {one.published} published shares of {one.row.label} ({one.row.kind},"
        f" {cited(one.row)}) lie inside the 95 % interval measured here."
        for one in compared
        if one.published
    ]


def kinds_told() -> str:
    """Return what the kinds of rows mean."""
    return "; ".join(f"{kind}: {meaning}" for kind, meaning in KINDS.items()) + "."


def cited(row: PublishedRow) -> str:
    """Return where a row was read."""
    return f"{row.source.link}, {row.table}"


def _cell(one: Compared) -> str:
    if one.published is None:
        return "-"
    if one.difference is None:
        return _percent(one.published)
    return f"{_percent(one.published)}: {one.difference * 100:+.1f}, {one.verdict}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:.2f}".rstrip("0").rstrip(".")
