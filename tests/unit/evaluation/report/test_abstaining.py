"""What abstaining costs, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from geofix.evaluation.report.abstaining import Abstained, first_score
from geofix.evaluation.report.plots import plot_risk, plots_of
from geofix.evaluation.report.scorecard import score_results
from geofix.evaluation.report.tables import tables_of
from geofix.evaluation.run.result import Result
from tests.unit.evaluation.report.test_scorecard import result_of


def scored(photo: str, score: float, first_km: float, rule: str | None, **changes: Any) -> Result:
    """Return a result whose first candidate has a score; abstained by a rule, or answered."""
    error_km = None if rule else first_km
    candidates = [{"score": 0.99, "vetoed": {"code": "in_sea"}}, {"score": score, "vetoed": None}]
    fields = {"first_km": first_km, "candidates": candidates, "abstained_for": rule, **changes}
    return result_of(photo, error_km, **fields)


RUN = [
    scored("a", 0.9, 1.0, None),
    scored("b", 0.8, 20.0, "unlike_gallery"),
    scored("c", 0.7, 900.0, "unlike_gallery"),
    scored("d", 0.6, 24.0, None),
    scored("e", 0.5, 3.0, "ambiguous"),
    scored("f", 0.4, 900.0, None),
    scored("coarse", 0.3, 1.0, "ambiguous", accuracy_km=100.0),
    scored("older", 0.2, 900.0, "").model_copy(update={"status": "abstained", "error_km": None}),
    result_of(
        "food", None, must_reject="food", truth_latitude=None, abstained_for="no_place_shown"
    ),
]


def test_each_rule_is_told_by_what_it_withholds_and_saves() -> None:
    card = score_results(RUN)
    assert card.abstentions == (
        Abstained("unlike_gallery", right=1, wrong=1, no_place=0),
        Abstained("ambiguous", right=1, wrong=0, no_place=0),
        Abstained("no_place_shown", right=0, wrong=0, no_place=1),
        Abstained("not recorded", right=0, wrong=1, no_place=0),
    )
    assert (card.wrongly_abstained.value, card.wrongly_abstained.photos) == (0.5, 4)


def test_the_risk_is_told_by_tenths_of_what_the_first_candidates_score() -> None:
    rows = score_results(RUN).risk
    assert [round(row.coverage, 2) for row in rows] == [0.14, 0.29, 0.43, 0.57, 0.71, 0.86, 1.0]
    assert [row.threshold for row in rows] == [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.2]
    assert [row.right.value for row in rows][:3] == [1.0, 1.0, pytest.approx(2 / 3)]
    assert first_score(result_of("none", None)) == float("-inf")


def test_the_tables_and_the_page_show_it() -> None:
    titles = {table.title.split(":")[0]: table for table in tables_of(score_results(RUN))}
    assert titles["The price of abstaining"].rows[-1][0] == "% of right ones withheld"
    assert titles["Selective risk"].rows[0][:2] == ("14", "0.90")
    assert "Selective risk" in plots_of(RUN)
    axes = plot_risk(RUN).axes[0]
    curve, ours = axes.lines
    assert list(curve.get_ydata())[:3] == [0.0, 0.0, pytest.approx(1 / 3)]
    assert (ours.get_xdata()[0], ours.get_ydata()[0]) == (3 / 7, 1 / 3)
    assert plot_risk(RUN[:1]) is None
