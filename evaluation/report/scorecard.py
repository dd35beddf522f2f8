"""All figures of one run, from its results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from geofix.evaluation.metrics import (
    STREET_KM,
    Share,
    accuracy,
    coverage,
    gap_closed,
    geoscore,
    median_km,
    oracle_at_k,
    share_by_place,
)
from geofix.evaluation.report.abstaining import (
    Abstained,
    RiskRow,
    abstentions,
    risk_rows,
    wrongly_abstained,
)
from geofix.evaluation.run.result import Result, or_wrong
from geofix.evaluation.run.splits import witnesses_of
from geofix.tools.geo.continents import AT_SEA, continent_of
from geofix.tools.statistics import SCALES, SCALES_KM
from geofix.tools.statistics.reliability import expected_calibration_error

NEAREST = "nearest photo"
PEERS = {"nearest": NEAREST, "density": "kernel density", "model": "the model's own word"}
ORACLE = "oracle"
"""The nearest to the truth of all candidates, and of all similar photos."""


@dataclass(frozen=True, slots=True)
class Method:
    """How one way to answer did over all photos with a place."""

    name: str
    accuracy: dict[float, Share]
    """Share of photos by distance in km."""
    median_km: float
    """No error counts as less than its truth's accuracy: a city's center is nobody's place."""
    geoscore: float
    gap_closed: dict[float, float]
    """Share of the way from the nearest photo to the oracle, by distance; NaN without a gap."""


@dataclass(frozen=True, slots=True)
class AreaScore:
    """Score of geofix in one country or continent; abstentions are wrong."""

    name: str
    photos: int
    accuracy: dict[float, Share]
    median_km: float


@dataclass(frozen=True, slots=True)
class Scorecard:
    """All figures of one run."""

    photos: int
    failed: int
    methods: tuple[Method, ...]
    answered: Share
    """Share of photos that show a place."""
    among_answered: dict[float, Share]
    among_abstained: dict[float, Share]
    """Accuracy of the first candidates where geofix abstained: what the abstentions cost."""
    wrongly_abstained: Share
    """Share without an answer of the photos whose first candidate is right at 25 km."""
    abstentions: tuple[Abstained, ...]
    """What each rule of abstaining withheld and saved."""
    risk: tuple[RiskRow, ...]
    """What is right at 25 km if only the surest photos are answered."""
    rejected: dict[str, Share]
    """Abstentions of photos that show no place, by what they show, and `all`."""
    continents: tuple[AreaScore, ...]
    countries: tuple[AreaScore, ...]
    coverage: dict[str, tuple[Share, float]]
    """Share of truths inside the radius, and the median radius in km, by level."""
    calibration_error: dict[str, float]
    """Calibration error of answered photos by scale."""
    seconds: tuple[float, float]
    """Median and 95th percentile a photo."""
    node_ms: dict[str, float]
    """Mean of each node, in the order of the run."""
    cost_usd: float | None
    """Cost of all photos; none where a price or a count is not known."""
    excluded: dict[str, float]
    """Leaks left out, mean a photo, by kind."""


def thresholds_of(results: Sequence[Result]) -> tuple[float, ...]:
    """Return the distances to state accuracy at, finer ones where locations are known to them."""
    known = [result.accuracy_km for result in results if result.has_truth]
    fine = tuple(km for km in STREET_KM if any(accuracy_km <= km for accuracy_km in known))
    return (*fine, *SCALES_KM)


def score_results(results: Sequence[Result], method: str = "geofix") -> Scorecard:
    """Return the figures of a run.

    Args:
        results: One a photo.
        method: Whose method was followed; the answers are called by it.
    """
    placed = [result for result in results if result.has_truth]
    answered = [result for result in placed if result.status == "located"]
    unanswered = [result for result in placed if result.status == "abstained"]
    thresholds = thresholds_of(results)
    # Of the whole run: a country with one place has one witness.
    told_by = dict(zip((result.photo for result in results), witnesses_of(results), strict=True))
    costs = [result.cost_usd for result in results]
    seconds = [result.seconds for result in results] or [float("nan")]
    return Scorecard(
        photos=len(results),
        failed=sum(result.status == "failed" for result in results),
        methods=_methods(placed, thresholds, told_by, method),
        answered=share_by_place(
            [result.status == "located" for result in placed],
            [told_by[result.photo] for result in placed],
        ),
        among_answered=_accuracy(answered, thresholds, told_by, lambda one: one.counted_km),
        among_abstained=_accuracy(
            unanswered, thresholds, told_by, lambda one: or_wrong(one.first_km)
        ),
        wrongly_abstained=wrongly_abstained(results, told_by),
        abstentions=abstentions(results),
        risk=risk_rows(results, told_by),
        rejected=_rejected(results, told_by),
        continents=_places(placed, thresholds, told_by, lambda one: continent_of(one.country_code)),
        countries=_places(placed, thresholds, told_by, lambda one: one.country_code or AT_SEA),
        coverage=coverage(
            [result.counted_km for result in answered],
            [result.radii_km for result in answered],
            [told_by[result.photo] for result in answered],
        ),
        calibration_error=_calibration(answered, told_by),
        seconds=(float(np.median(seconds)), float(np.quantile(seconds, 0.95))),
        node_ms=_node_ms(results),
        cost_usd=None if None in costs else sum(cost or 0.0 for cost in costs),
        excluded=_excluded(results),
    )


def errors_of(results: Sequence[Result], method: str = "geofix") -> dict[str, list[float]]:
    """Return the errors of every way to answer, for photos with a place, in order.

    Args:
        results: Of one run.
        method: Whose method was followed.
    """
    placed = [result for result in results if result.has_truth]
    told = {
        method: [result.counted_km for result in placed],
        f"{method}, first candidate": [or_wrong(result.first_km) for result in placed],
    }
    for key, name in PEERS.items():
        if any(key in result.peers_km for result in placed):
            told[name] = [or_wrong(result.peers_km.get(key)) for result in placed]
    found = [[*one.candidate_errors_km, *one.neighbour_errors_km] for one in placed]
    return {**told, ORACLE: oracle_at_k(found)}


def _methods(
    placed: Sequence[Result],
    thresholds: Sequence[float],
    told_by: Mapping[str, int],
    method: str,
) -> tuple[Method, ...]:
    errors = errors_of(placed, method)
    known = [result.accuracy_km for result in placed]
    places = [told_by[result.photo] for result in placed]
    shares = {name: accuracy(each, thresholds, known, places) for name, each in errors.items()}
    return tuple(
        Method(
            name=name,
            accuracy=shares[name],
            median_km=median_km(np.maximum(each, known)),
            geoscore=float(geoscore(each).mean()) if each else float("nan"),
            gap_closed={
                km: gap_closed(
                    shares[NEAREST][km].value, shares[name][km].value, shares[ORACLE][km].value
                )
                for km in (thresholds if NEAREST in shares else ())
            },
        )
        for name, each in errors.items()
    )


def _accuracy(
    results: Sequence[Result],
    thresholds: Sequence[float],
    told_by: Mapping[str, int],
    error: Callable[[Result], float],
) -> dict[float, Share]:
    known = [result.accuracy_km for result in results]
    errors = [error(result) for result in results]
    return accuracy(errors, thresholds, known, [told_by[result.photo] for result in results])


def _rejected(results: Sequence[Result], told_by: Mapping[str, int]) -> dict[str, Share]:
    by_kind: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        if result.must_reject is not None:
            for kind in ("all", result.must_reject):
                by_kind[kind].append(result)
    return {
        kind: share_by_place(
            [one.status == "abstained" for one in some], [told_by[one.photo] for one in some]
        )
        for kind, some in by_kind.items()
    }


def _places(
    placed: Sequence[Result],
    thresholds: Sequence[float],
    told_by: Mapping[str, int],
    name: Callable[[Result], str],
) -> tuple[AreaScore, ...]:
    members: dict[str, list[Result]] = defaultdict(list)
    for result in placed:
        members[name(result)].append(result)
    places = [
        AreaScore(
            name=one,
            photos=len(some),
            accuracy=_accuracy(some, thresholds, told_by, lambda result: result.counted_km),
            median_km=median_km([result.drawn_km for result in some]),
        )
        for one, some in members.items()
    ]
    return tuple(sorted(places, key=lambda place: (-place.photos, place.name)))


def _calibration(answered: Sequence[Result], told_by: Mapping[str, int]) -> dict[str, float]:
    told = {}
    for scale, km in SCALES.items():
        pairs = [
            (result.confidence[scale], result.counted_km <= km, told_by[result.photo])
            for result in answered
            if scale in result.confidence and result.accuracy_km <= km
        ]
        if pairs:
            said, right, places = zip(*pairs, strict=True)
            told[scale] = expected_calibration_error(said, right, places=places)
    return told


def _node_ms(results: Sequence[Result]) -> dict[str, float]:
    names = list(dict.fromkeys(name for result in results for name in result.node_ms))
    asked = [result for result in results if result.node_ms]
    return {
        name: float(np.mean([result.node_ms.get(name, 0.0) for result in asked])) for name in names
    }


def _excluded(results: Sequence[Result]) -> dict[str, float]:
    kinds = sorted({kind for result in results for kind in result.excluded})
    return {
        kind: float(np.mean([result.excluded.get(kind, 0) for result in results])) for kind in kinds
    }
