"""Rounds of the same questions are compared with each other round by round."""

from __future__ import annotations

import numpy as np

from benchmarks.gallery.timing import Timed
from benchmarks.gallery.truth import Truth
from benchmarks.rounds import beside, compared
from geofix.db.search import Found, How, Neighbour

TRUTH = Truth(nearest=np.array([[1, 2]]), dissimilar=np.array([[8, 9]]))


def found(*rows: int) -> Found:
    neighbours = tuple(
        Neighbour(row, 1.0, 0.0, 0.0, 0.0, None, "g", "s", str(row), None, None, None)
        for row in rows
    )
    return Found(neighbours, (How("here", "exact", 10),))


def rounds(*medians_ms: float, rows: tuple[int, ...] = (1, 2)) -> list[Timed[Found]]:
    return [Timed([found(*rows)], [median]) for median in medians_ms]


def test_a_ratio_is_that_of_the_round_and_not_of_all_medians() -> None:
    # The second round was slow for both; the medians of all rounds are 20 and 30.
    ours, theirs = rounds(10, 100, 20), rounds(20, 200, 30)
    assert beside(ours, theirs) == "x0.5, quicker in 3 of 3"
    assert beside(theirs, ours) == "x2, quicker in 0 of 3"
    assert beside(ours, rounds(5, 200, 40)) == "x0.5, quicker in 2 of 3"
    assert beside(ours, ours) == "x1, quicker in 0 of 3"


def test_the_table_shows_medians_and_the_least_recall() -> None:
    other = [*rounds(30, 20), *rounds(70, rows=(1, 7))]
    table = compared("t", {"a": rounds(10, 40, 20), "b": other}, "nearest", TRUTH, ["a"])
    first, second = table.rows
    assert first == ("a", "exact", 20.0, "10.0 to 40.0", 20.0, 1.0, None)
    assert second == (
        "b", "exact", 30.0, "20.0 to 70.0", 30.0, 0.5, "x3, quicker in 1 of 3",
    )  # fmt: skip
    assert [*table.head][-1] == "median, of a's"


def test_each_end_has_its_own_truth() -> None:
    asked = {"a": rounds(10, rows=(8, 1))}
    for end, share in (("nearest", 0.5), ("dissimilar", 0.5)):
        assert compared("t", asked, end, TRUTH, []).rows[0][5] == share
    assert compared("t", {"a": rounds(1)}, "dissimilar", TRUTH, []).rows[0][5] == 0.0
