"""The exact answers are exact, and recall counts what was found of them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.gallery import truth
from benchmarks.gallery.centring import answer, spread
from benchmarks.gallery.regions import circles_of
from benchmarks.gallery.sets import VectorSet
from benchmarks.gallery.tables import Table, ratio, written
from benchmarks.gallery.timing import timed
from benchmarks.gallery.truth import exact, mean_of, recall
from benchmarks.vectors import make
from geofix.tools.geo.distance import haversine_km


@pytest.mark.parametrize("block", [7, 10, 50, 1_000])
@pytest.mark.parametrize("subtract", [False, True])
def test_blocks_give_what_sorting_everything_gives(
    block: int, subtract: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    vectors = (rng.standard_normal((50, 8)) + 1).astype(np.float16)
    queries = rng.standard_normal((3, 8)).astype(np.float32)
    monkeypatch.setattr(truth, "BLOCK", block)
    mean = mean_of(vectors) if subtract else None
    found = exact(queries, vectors, mean, 12)

    moved = vectors.astype(np.float64) - (vectors.mean(0, dtype=np.float64) if subtract else 0)
    asked = queries - (vectors.mean(0, dtype=np.float64) if subtract else 0)
    cosines = (asked @ moved.T) / np.linalg.norm(moved, axis=1)
    assert np.array_equal(found.nearest, np.argsort(-cosines, axis=1)[:, :12])
    assert np.array_equal(found.dissimilar, np.argsort(cosines, axis=1)[:, :12])


@pytest.mark.parametrize(
    ("answers", "right", "share"),
    [
        ([[1, 2, 3, 4]], [[4, 3, 2, 1]], 1.0),
        ([[1, 2, 3, 9]], [[1, 2, 3, 4]], 0.75),
        ([[1, 2], [7, 8]], [[1, 2], [3, 4]], 0.5),
        # Of three that exist two were found; what is not there cannot be asked for.
        ([[1, 2]], [[1, 2, 3]], 2 / 3),
        ([[], [1]], [[], [1]], 1.0),
        # The same row twice is one row.
        ([[1, 1]], [[1, 2]], 0.5),
    ],
)
def test_recall(answers: list[list[int]], right: list[list[int]], share: float) -> None:
    assert recall(answers, right) == pytest.approx(share)


def test_recall_wants_an_answer_for_each_truth() -> None:
    with pytest.raises(ValueError, match="zip"):
        recall([[1]], [[1], [2]])


def test_rows_with_the_same_vector_are_as_good_as_each_other() -> None:
    alike = np.array([0, 0, 2, 0, 4])
    assert recall([[1, 2]], [[0, 2]]) == 0.5
    assert recall([[1, 2]], [[0, 2]], alike) == 1.0
    # Of three that are alike two are asked for: two are to be found, whichever.
    assert recall([[3, 4]], [[0, 1]], alike) == 0.5
    assert recall([[3, 1]], [[0, 1]], alike) == 1.0
    # One found twice is still one.
    assert recall([[3, 3]], [[0, 1]], alike) == 0.5


def test_the_truth_knows_its_ends_and_the_first_queries() -> None:
    drawn = make(300, 16, queries=4)
    found = drawn.truth(None, 5, 200)
    assert found.nearest.max() < 200
    assert found.recall("nearest", found.nearest[:2]) == 1.0
    assert found.recall("dissimilar", found.nearest) < 0.2


def test_spread_counts_rows_and_their_share() -> None:
    same, other = np.zeros((10, 16), np.int64), np.arange(160).reshape(10, 16)
    assert spread(same) == (1, 1.0)
    assert spread(other) == (160, 50 / 160)


def test_a_row_is_no_answer_to_itself() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((40, 8)).astype(np.float16)
    places = np.zeros((40, 2))
    asked = VectorSet("all", vectors, places, vectors.astype(np.float32), places, True)
    nearest = answer(asked, None).nearest
    assert nearest.shape == (40, 16)
    assert not (nearest == np.arange(40)[:, None]).any()


@pytest.mark.parametrize("where", ["own place", "elsewhere"])
def test_a_circle_holds_the_share_it_is_said_to_hold(where: str) -> None:
    made = make(3_000, 16, queries=5)
    for circle in circles_of(made, 5, 0.01, where):
        area = circle.area
        assert area.latitude is not None and area.longitude is not None
        away_km = haversine_km(area.latitude, area.longitude, made.latitude, made.longitude)
        assert area.radius_km is not None
        assert np.array_equal(np.flatnonzero(away_km <= area.radius_km), circle.inside)
        assert len(circle.inside) == 30
        own = area.latitude == made.query_latitude[circle.query]
        assert own == (where == "own place")


def test_rows_at_one_place_are_on_the_same_side_of_a_circle() -> None:
    drawn = make(3_000, 16, queries=5)
    drawn.latitude[:] = drawn.latitude.round(-1)
    drawn.longitude[:] = drawn.longitude.round(-1)
    for circle in circles_of(drawn, 5, 0.01, "own place"):
        area = circle.area
        assert area.latitude is not None and area.longitude is not None
        away_km = haversine_km(area.latitude, area.longitude, drawn.latitude, drawn.longitude)
        assert len(circle.inside) >= 30
        # No row lies on the circle itself, where rounding would decide.
        assert area.radius_km is not None
        assert np.abs(away_km - area.radius_km).min() > 1


def test_every_question_is_timed_and_the_warm_up_is_not() -> None:
    asked: list[int] = []

    def ask(question: int) -> int:
        asked.append(question)
        return -question

    found = timed([1, 2, 3], ask, warm_up=2)
    assert asked == [1, 2, 1, 2, 3]
    assert found.answers == [-1, -2, -3]
    assert len(found.took_ms) == 3
    assert 0 <= found.median_ms <= found.p95_ms


def test_tables_are_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("Title", ["a", "b"])
    table.add("x", 0.5)
    assert capsys.readouterr().out == "  x | 0.5\n"
    assert table.markdown() == "### Title\n\n| a | b |\n| --- | --- |\n| x | 0.5 |\n"


@pytest.mark.parametrize(
    ("cell", "shown"),
    [(1234567, "1,234,567"), (45678.9, "45,679"), (12.34, "12.3"), (0.98765, "0.988"), (None, "")],
)
def test_figures_have_the_digits_that_count(cell: float | None, shown: str) -> None:
    assert written(cell) == shown


def test_a_ratio_says_how_many_times_the_peer() -> None:
    assert ratio(35_000, 50_000) == "x0.7"
