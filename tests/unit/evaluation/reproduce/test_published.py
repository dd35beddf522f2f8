"""Published figures are entered with their source, and set beside what was measured."""

from __future__ import annotations

import re

import pytest

from geofix.evaluation.metrics import Share
from geofix.evaluation.report.written import markdown_table
from geofix.evaluation.reproduce.against_published import (
    beside_table,
    compare_rows,
    measured_shares,
    told,
)
from geofix.evaluation.reproduce.published import PublishedRow, published
from geofix.evaluation.reproduce.sets import SETS
from geofix.evaluation.run.result import Result
from geofix.tools.statistics import SCALES_KM


def _row(set_name: str, label: str, kind: str, source: str) -> PublishedRow:
    (found,) = [
        row
        for row in published().of_set(set_name)
        if (row.label, row.kind) == (label, kind) and source in row.source.link
    ]
    return found


def test_every_row_can_be_traced_and_is_possible() -> None:
    rows = published().rows
    assert len({(row.set, row.label, row.kind, row.source.link) for row in rows}) == len(rows)
    for row in rows:
        assert row.set in SETS and row.table
        assert row.method is None or row.method in published().papers
        assert re.fullmatch(r"https://\S+", row.source.link) and "2026-11-30" in row.source.read
        shares = [share for share in row.shares.values() if share is not None]
        # Who is right within 1 km is right within 25 km.
        assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] < 1, row
    for paper in published().papers.values():
        assert set(paper.sets) <= set(SETS) and set(paper.options) <= set(SETS)
        assert list(paper.setup) == ["encoder", "gallery", "model", "neighbours", "answers"]


def test_the_rows_are_those_of_the_papers() -> None:
    own = _row("im2gps3k", "Img2Loc (GPT-4V)", "original", "2403.19584")
    assert list(own.shares.values()) == pytest.approx([0.171, 0.4514, 0.5787, 0.7291, 0.8468])
    again = _row("im2gps3k", "Img2Loc (GPT-4V)", "rerun", "2405.14702")
    assert list(again.shares.values()) == pytest.approx([0.1534, 0.3983, 0.5359, 0.697, 0.8278])
    g3 = _row("yfcc4k", "G3 (GPT-4V)", "original", "2405.14702")
    assert list(g3.shares.values()) == pytest.approx([0.2399, 0.3589, 0.4698, 0.6426, 0.7815])
    assert _row("im2gps", "GeoCLIP", "rerun", "2503.16423").shares[1.0] is None


def _shares(*values: tuple[float, float, float]) -> dict[float, Share]:
    return {km: Share(*value, photos=100) for km, value in zip(SCALES_KM, values, strict=True)}


def test_a_published_share_is_inside_the_interval_or_not() -> None:
    row = _row("im2gps3k", "Img2Loc (GPT-4V)", "original", "2403.19584")
    here = _shares(
        (0.18, 0.16, 0.20), (0.40, 0.38, 0.42), (0.60, 0.59, 0.61), (0.7292, 0.72914, 0.74),
        (0.80, 0.70, 0.90),
    )  # fmt: skip
    (compared,) = compare_rows(here, [row])
    verdicts = [one.verdict for one in compared.at.values()]
    # 72.91 was rounded, and may be 72.914.
    assert verdicts == ["inside", "lower here", "higher here", "inside", "inside"]
    assert compared.at[25.0].difference == pytest.approx(0.40 - 0.4514)
    assert "3 of 5 published shares of Img2Loc (GPT-4V)" in told([compared])[0]
    table = markdown_table(beside_table("T", "img2loc, m", here, [compared]))
    assert "| 17.1: +0.9, inside | 45.14: -5.1, lower here | 57.87: +2.1, higher here |" in table
    assert "| img2loc, m | measured here | 18.0 (16.0-20.0) |" in table


def test_a_share_that_was_not_published_is_not_compared() -> None:
    row = _row("im2gps", "GeoCLIP", "rerun", "2503.16423")
    here = _shares(*[(0.5, 0.4, 0.99)] * 5)
    (compared,) = compare_rows(here, [row])
    assert compared.at[1.0].verdict == "not published" and compared.published == 4
    assert "| - | 41.8" in markdown_table(beside_table("T", "geoclip", here, [compared]))


def test_who_does_not_answer_is_wrong_and_one_place_is_one_witness() -> None:
    def result(number: int, error_km: float | None, group: str) -> Result:
        return Result(
            photo=str(number),
            status="abstained" if error_km is None else "located",
            truth_latitude=1.0,
            truth_longitude=2.0,
            group=group,
            error_km=error_km,
            seconds=1.0,
        )

    apart = [result(at, 0.5 if at % 2 else None, f"place {at}") for at in range(40)]
    alike = [result(at, 0.5 if at < 20 else None, "ab"[at < 20]) for at in range(40)]
    one, other = (measured_shares(some)[1.0] for some in (apart, alike))
    assert one.value == other.value == 0.5
    assert other.high - other.low > 2 * (one.high - one.low)
