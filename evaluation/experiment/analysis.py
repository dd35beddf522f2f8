"""Compares every cell with the one that has no negatives, and tells what was shown in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import Literal, get_args

from geofix.evaluation.experiment.design import Cell
from geofix.evaluation.metrics import Share, accuracy, holm
from geofix.evaluation.report.comparison import MODEL, At, compare
from geofix.evaluation.run.result import Result, or_wrong
from geofix.evaluation.run.splits import witnesses_of
from geofix.tools.geo.distance import haversine_km
from geofix.tools.statistics import PLACE_KM

Outcome = Literal["model", "answers"]
"""What is right or wrong: the model's own word, or the answer."""


@dataclass(frozen=True)
class CellRun:
    """One model's results in one cell."""

    model: str
    cell: Cell
    evaluation: str
    results: Sequence[Result]
    silent: Sequence[str] = ()
    """Photos of which the model's server said nothing."""

    def errors_km(self, outcome: Outcome) -> list[float]:
        """Return how far off it was for each photo; infinite where no place was named."""
        if outcome == "answers":
            return [result.counted_km for result in self.results]
        return [or_wrong(result.peers_km.get(MODEL)) for result in self.results]

    def right(self, outcome: Outcome, within_km: Sequence[float]) -> dict[float, Share]:
        """Return the share of photos that it was right about, by distance."""
        return accuracy(
            self.errors_km(outcome),
            within_km,
            [result.accuracy_km for result in self.results],
            witnesses_of(self.results),
        )


@dataclass(frozen=True, slots=True)
class CellTest:
    """A cell against the one without negatives."""

    model: str
    cell: Cell
    outcome: Outcome
    km: float
    at: At
    adjusted_p: float
    """By Holm, over all tests of the outcome; NaN of the control, which is none of them."""


@dataclass(frozen=True, slots=True)
class ShownNegatives:
    """The negatives of a cell, as they were really shown."""

    mean: float
    """A photo."""
    fewer: int
    """Photos with fewer than asked for."""
    photos: int
    mean_km: float
    """Mean distance from the truth, each photo's negatives by their mean; NaN without any."""
    median_km: float
    """Of all negatives."""
    beside: float
    """Share of them that lie within 25 km of the truth: they speak against the right place."""


def tests_of(runs: Sequence[CellRun], within_km: Sequence[float], seed: int) -> list[CellTest]:
    """Return every cell against the one without negatives, with p-values corrected by Holm.

    The words of the model are one family of tests and the answers another, each over all models,
    cells and distances.

    Args:
        runs: By model and cell.
        within_km: Distances; where the truth is not known that exactly there is no test.
        seed: Of the bootstrap.
    """
    tests = list(_tests(runs, within_km, seed))
    families = [[one for one in tests if one.outcome == of] for of in get_args(Outcome)]
    return [one for family in families for one in _corrected(family)]


def _tests(runs: Sequence[CellRun], within_km: Sequence[float], seed: int) -> Iterator[CellTest]:
    base: dict[str, CellRun] = {}
    for run in runs:
        if run.cell.strategy is None and not run.cell.control:
            base[run.model] = run
            continue
        against = base[run.model]
        labels = run.cell.label, against.cell.label
        compared = compare(run.results, against.results, labels, seed=seed)
        outcomes: dict[Outcome, dict[float, At]] = {
            "model": compared.model,
            "answers": compared.accuracy,
        }
        for outcome, at in outcomes.items():
            for km in within_km:
                if km in at and at[km].difference.photos:
                    yield CellTest(run.model, run.cell, outcome, km, at[km], math.nan)


def _corrected(tests: Sequence[CellTest]) -> list[CellTest]:
    family = [one for one in tests if not one.cell.control]
    adjusted = iter(holm([one.at.test.p_value for one in family]))
    return [one if one.cell.control else replace(one, adjusted_p=next(adjusted)) for one in tests]


def shown_negatives(run: CellRun) -> ShownNegatives:
    """Return how many negatives a cell showed, and how far from the truth they lay."""
    numbers: list[int] = []
    means_km: list[float] = []
    all_km: list[float] = []
    for result in run.results:
        negatives = result.retrievals[0]["negatives"] if result.retrievals else []
        numbers.append(len(negatives))
        if not negatives or result.truth_latitude is None or result.truth_longitude is None:
            continue
        off_km: list[float] = haversine_km(
            result.truth_latitude,
            result.truth_longitude,
            [hit["latitude"] for hit in negatives],
            [hit["longitude"] for hit in negatives],
        ).tolist()
        means_km.append(fmean(off_km))
        all_km += off_km
    return ShownNegatives(
        mean=fmean(numbers) if numbers else 0.0,
        fewer=sum(number < run.cell.number for number in numbers),
        photos=len(numbers),
        mean_km=fmean(means_km) if means_km else math.nan,
        median_km=median(all_km) if all_km else math.nan,
        beside=fmean(km <= PLACE_KM for km in all_km) if all_km else math.nan,
    )


def other_positives(runs: Sequence[CellRun]) -> int:
    """Return for how many photos a cell had other similar photos than the one without negatives.

    There should be none: only the negatives are to differ.
    """
    first: dict[str, list[int]] = {}
    others: set[str] = set()
    for run in runs:
        for result in run.results:
            positives = result.retrievals[0]["positives"] if result.retrievals else []
            ids = [hit["photo_id"] for hit in positives]
            if first.setdefault(result.photo, ids) != ids:
                others.add(result.photo)
    return len(others)
