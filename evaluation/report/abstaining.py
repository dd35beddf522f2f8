"""What abstaining costs: what each rule withholds and saves, and the risk that is left.

A photo is wrongly abstained from if its first candidate is right. The yardstick of the curve is
Panagiotopoulos et al., "Leveraging Selective Prediction for Reliable Image Geolocation" (arXiv
2111.11952, 2021), where abstaining lifts the share that is right at city scale from 27.8 to 70.5 %.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from geofix.evaluation.metrics import RiskPoint, Share, selective_risk, share_by_place
from geofix.evaluation.run.result import Result, or_wrong
from geofix.tools.statistics import PLACE_KM

COVERAGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of photos answered at which the risk is told."""

NOT_KEPT = "not recorded"
"""Why a run of an earlier version abstained."""


@dataclass(frozen=True, slots=True)
class Abstained:
    """What one rule did: photos that it abstained from, by what the first candidate was."""

    rule: str
    """The code of the abstention."""
    right: int
    """Answers at city scale that it withheld."""
    wrong: int
    """Wrong answers that it saved."""
    no_place: int
    """Photos that show no place."""


@dataclass(frozen=True, slots=True)
class RiskRow:
    """The first candidates of the photos that are surest, as if only those were answered."""

    coverage: float
    """Share of photos with a place that are answered."""
    threshold: float
    """The lowest score of a first candidate among them."""
    right: Share
    """Share of them within 25 km."""


def first_score(result: Result) -> float:
    """Return the score of the first candidate that is not vetoed; -inf where there is none."""
    scores = [float(one["score"]) for one in result.candidates if one.get("vetoed") is None]
    return scores[0] if scores else -np.inf


def _told(results: Sequence[Result]) -> list[Result]:
    """Return the results that can be right or wrong at city scale."""
    return [one for one in results if one.has_truth and one.accuracy_km <= PLACE_KM]


def first_is_right(result: Result) -> bool:
    """Say whether the first candidate lies within 25 km of the truth."""
    return or_wrong(result.first_km) <= PLACE_KM


def abstentions(results: Sequence[Result]) -> tuple[Abstained, ...]:
    """Return what each rule withheld and saved, the most frequent first."""
    counts: dict[str, Counter[str]] = {}
    for one in [*_told(results), *(one for one in results if one.must_reject is not None)]:
        if one.status == "abstained":
            kind = "no_place" if one.must_reject else "right" if first_is_right(one) else "wrong"
            counts.setdefault(one.abstained_for or NOT_KEPT, Counter())[kind] += 1
    rows = [
        Abstained(rule, kinds["right"], kinds["wrong"], kinds["no_place"])
        for rule, kinds in counts.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.right - row.wrong - row.no_place, row.rule)))


def wrongly_abstained(results: Sequence[Result], told_by: Mapping[str, int]) -> Share:
    """Return the share of photos without an answer among those whose first candidate is right.

    Args:
        results: Of one run.
        told_by: Which place each photo is a witness of, by photo.
    """
    right = [one for one in _told(results) if first_is_right(one)]
    return share_by_place(
        [one.status == "abstained" for one in right], [told_by[one.photo] for one in right]
    )


def risk_points(results: Sequence[Result]) -> list[RiskPoint]:
    """Return the selective risk of the first candidates by their score, for the plot."""
    told = _told(results)
    return selective_risk([first_score(one) for one in told], [first_is_right(one) for one in told])


def risk_rows(results: Sequence[Result], told_by: Mapping[str, int]) -> tuple[RiskRow, ...]:
    """Return the selective risk at every tenth of coverage that scores can give.

    Args:
        results: Of one run.
        told_by: Which place each photo is a witness of, by photo.
    """
    points, told = risk_points(results), _told(results)
    rows: list[RiskRow] = []
    for least in COVERAGES:
        point = next((one for one in points if one.coverage >= least - 1e-9), None)
        if point is None or (rows and rows[-1].threshold == point.threshold):
            continue
        sure = [one for one in told if first_score(one) >= point.threshold]
        right = share_by_place(
            [first_is_right(one) for one in sure], [told_by[one.photo] for one in sure]
        )
        rows.append(RiskRow(point.coverage, point.threshold, right))
    return tuple(rows)
