"""The figures of runs, and what changed between two, worked out by hand."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from geofix.agent.errors import GeofixError
from geofix.evaluation.report.comparison import compare, with_peer
from geofix.evaluation.report.scorecard import score_results
from geofix.evaluation.report.tables import comparison_table, tables_of
from geofix.evaluation.report.written import MOST_REASONS, not_as_asked
from geofix.evaluation.run.result import Result


def result_of(photo: str, error_km: float | None, **changes: Any) -> Result:
    """Return a result in Lund whose peers are 100 km off; without an error geofix abstained."""
    values = {
        "photo": photo,
        "status": "abstained" if error_km is None else "located",
        "truth_latitude": 55.7,
        "truth_longitude": 13.2,
        "country_code": "SE",
        "latitude": None if error_km is None else 55.7,
        "longitude": None if error_km is None else 13.2,
        "error_km": error_km,
        "first_km": 50.0 if error_km is None else error_km,
        "peers_km": {"nearest": 100.0, "density": 100.0},
        "candidate_errors_km": [50.0 if error_km is None else error_km],
        "neighbour_errors_km": [100.0, 0.5],
        "radii_km": {"0.5": 1.0, "0.9": 10.0},
        "confidence": {"city": 0.8},
        "seconds": 0.2,
    }
    return Result(**{**values, **changes})


RUN = [
    result_of("a", 0.4),
    result_of("b", 20.0),
    result_of("c", None),
    result_of("d", None, status="failed", first_km=None, candidate_errors_km=[]),
    result_of("food", None, must_reject="food", truth_latitude=None, peers_km={}),
    result_of("sky", 1.0, must_reject="sky", truth_latitude=None, peers_km={}),
]


def test_abstentions_and_failures_are_wrong_and_told_apart() -> None:
    card = score_results(RUN)
    ours, first, nearest, _, oracle = card.methods
    assert (ours.name, nearest.name, oracle.name) == ("geofix", "nearest photo", "oracle")
    assert ours.accuracy[25.0].value == 0.5 and ours.accuracy[25.0].photos == 4
    assert first.accuracy[200.0].value == 0.75
    assert nearest.accuracy[25.0].value == 0 and oracle.accuracy[1.0].value == 1.0
    assert ours.median_km == 20.0 and card.failed == 1
    assert card.answered.value == 0.5
    assert card.among_answered[1.0].value == 0.5
    assert (card.among_abstained[200.0].value, card.among_abstained[200.0].photos) == (1.0, 1)


def test_the_gap_is_between_the_nearest_photo_and_the_oracle() -> None:
    ours, *_ = score_results(RUN).methods
    assert ours.gap_closed[25.0] == pytest.approx(0.5)
    assert ours.gap_closed[1.0] == pytest.approx(0.25)
    assert math.isnan(ours.gap_closed[200.0])


def test_what_shows_no_place_is_right_when_it_is_not_placed() -> None:
    rejected = score_results(RUN).rejected
    assert rejected["all"].value == 0.5
    assert (rejected["food"].value, rejected["sky"].value) == (1.0, 0.0)


def test_promises_are_held_against_answers_alone() -> None:
    card = score_results(RUN)
    assert card.coverage["0.9"][0].value == 0.5 and card.coverage["0.9"][1] == 10.0
    assert card.calibration_error == {"city": pytest.approx(0.2)}
    assert [(place.name, place.photos) for place in card.continents] == [("Europe", 4)]


def test_a_truth_known_to_a_city_has_no_smaller_median() -> None:
    card = score_results([result_of("a", 0.0, accuracy_km=25.0)])
    assert card.methods[0].median_km == 25.0
    assert 0.01 not in card.methods[0].accuracy


def test_two_runs_differ_by_the_photos_they_differ_on() -> None:
    better = [result_of("a", 0.4), result_of("b", 0.4), result_of("c", 0.4), result_of("x", 0.4)]
    told = compare(better, RUN, ("better", "base"), seed=1)
    assert told.photos == 3
    assert told.accuracy[1.0].difference.value == pytest.approx(2 / 3)
    assert (told.accuracy[1.0].test.only_a, told.accuracy[1.0].test.only_b) == (2, 0)
    assert told.accuracy[1.0].test.p_value == 0.5
    assert told.answered.value == pytest.approx(1 / 3)
    with pytest.raises(GeofixError, match="no photo in common"):
        compare([result_of("z", 1.0)], RUN, ("other", "base"), seed=1)


def test_a_peer_answers_what_it_said_in_the_run() -> None:
    peer = with_peer(RUN[:2], "density")
    assert [one.error_km for one in peer] == [100.0, 100.0]
    assert [one.status for one in with_peer(RUN[:1], "model")] == ["abstained"]


def test_a_result_is_the_same_after_its_columns() -> None:
    for result in RUN:
        columns = json.loads(json.dumps(result.columns()))
        assert Result.of_columns(columns) == result
    assert tables_of(score_results([]))[0].title == "Time and cost"


def test_the_models_own_word_is_compared_whatever_was_made_of_it() -> None:
    """The answers are the same; only what the model said differs."""

    def run(words: list[float | None]) -> list[Result]:
        return [
            result_of(photo, 1.0, peers_km={"nearest": 9.0, "model": word})
            for photo, word in zip("abcd", words, strict=True)
        ]

    told = compare(run([1.0, 2.0, 3.0, None]), run([1.0, 90.0, 90.0, 1.0]), ("a", "b"), seed=1)
    assert told.accuracy[25.0].difference.value == 0
    at = told.model[25.0]
    assert (at.test.only_a, at.test.only_b) == (2, 1)
    assert at.difference.value == pytest.approx(0.25)
    assert any(row[0] == "the model's own word" for row in comparison_table(told).rows)
    without = compare(RUN, RUN, ("a", "b"), seed=1)
    assert without.model == {}
    assert all(row[0] != "the model's own word" for row in comparison_table(without).rows)


def test_answers_are_called_by_the_method_that_was_followed() -> None:
    names = [method.name for method in score_results(RUN, "img2loc, positives=5").methods]
    assert names[:2] == ["img2loc, positives=5", "img2loc, positives=5, first candidate"]


def test_how_answers_differ_from_what_was_asked_for_is_counted() -> None:
    without = "verify: GeoCLIP is not configured"
    run = [result_of(str(n), 1.0, degraded=[without, f"draft: {n} failed"]) for n in range(6)]
    lines = list(not_as_asked(run))
    assert lines[0] == f"Not as asked, 6 of 6 answers: {without}"
    assert len(lines) == MOST_REASONS + 1 and lines[-1].startswith("There are 2 further")
    assert not any(without in line for line in not_as_asked(run, "draft"))
    assert list(not_as_asked(RUN)) == []
