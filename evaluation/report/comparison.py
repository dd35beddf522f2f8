"""Two runs over the same photos, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from geofix.agent.errors import GeofixError
from geofix.evaluation.metrics import Difference, McNemar, geoscore, mcnemar, paired_bootstrap
from geofix.evaluation.report.scorecard import thresholds_of
from geofix.evaluation.run.result import Result, or_wrong
from geofix.evaluation.run.splits import witnesses_of

MODEL = "model"
"""In `Result.peers_km`: the place that the model was surest of in its first round."""


@dataclass(frozen=True, slots=True)
class At:
    """What changed within one distance."""

    difference: Difference
    """Difference in accuracy, this run less the base, by a bootstrap over places and sequences."""
    test: McNemar
    """`only_a` is this run."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run against its base, over the photos both have."""

    label: str
    base: str
    photos: int
    accuracy: dict[float, At]
    """Test of the answers by distance in km, abstentions counted as wrong."""
    first: dict[float, At]
    """Test of the first candidates, answered or not."""
    model: dict[float, At]
    """Test of the model's own word; empty unless a model was asked in both."""
    geoscore: Difference
    answered: Difference


def compare(
    run: Sequence[Result], base: Sequence[Result], labels: tuple[str, str], *, seed: int
) -> Comparison:
    """Compare two runs over the photos both have.

    Args:
        run: Results of one.
        base: Results of the other.
        labels: What they are called, in this order.
        seed: Of the bootstrap.

    Raises:
        GeofixError: They have no photo with a place in common.
    """
    pairs = _paired(run, base)
    if not pairs:
        raise GeofixError(
            f"the runs {labels[0]!r} and {labels[1]!r} have no photo in common; compare runs over"
            " the same data set"
        )
    groups = np.array(witnesses_of([ours for ours, _ in pairs]))
    answers = [(ours.counted_km, theirs.counted_km) for ours, theirs in pairs]
    firsts = [(or_wrong(ours.first_km), or_wrong(theirs.first_km)) for ours, theirs in pairs]
    scores = [geoscore([one[side] for one in answers]) for side in (0, 1)]
    located = [[pair[side].status == "located" for pair in pairs] for side in (0, 1)]
    known = np.array([ours.accuracy_km for ours, _ in pairs])
    thresholds = thresholds_of([ours for ours, _ in pairs])
    return Comparison(
        *labels,
        photos=len(pairs),
        accuracy={km: _at(answers, km, known, groups, seed) for km in thresholds},
        first={km: _at(firsts, km, known, groups, seed) for km in thresholds},
        model=_of_the_model(pairs, thresholds, known, groups, seed),
        geoscore=paired_bootstrap(*scores, seed=seed, groups=groups),
        answered=paired_bootstrap(*located, seed=seed, groups=groups),
    )


def _of_the_model(
    pairs: Sequence[tuple[Result, Result]],
    thresholds: Sequence[float],
    known: np.ndarray[tuple[int], np.dtype[np.float64]],
    groups: np.ndarray[tuple[int], np.dtype[np.int64]],
    seed: int,
) -> dict[float, At]:
    """Compare where the model says that photos were taken, whatever was made of it.

    A photo for which it named no place counts as wrong.
    """
    if not all(any(MODEL in pair[side].peers_km for pair in pairs) for side in (0, 1)):
        return {}
    words = [
        (or_wrong(ours.peers_km.get(MODEL)), or_wrong(theirs.peers_km.get(MODEL)))
        for ours, theirs in pairs
    ]
    return {km: _at(words, km, known, groups, seed) for km in thresholds}


def with_peer(results: Sequence[Result], peer: str) -> list[Result]:
    """Return the run in which a peer had answered, without another search.

    Args:
        results: Of the base.
        peer: A key of `Result.peers_km`.
    """
    answers: list[Result] = []
    for result in results:
        error_km = result.peers_km.get(peer)
        changed: Mapping[str, object] = {
            "status": "located" if error_km is not None else "abstained",
            "error_km": error_km,
            "first_km": error_km,
        }
        answers.append(result.model_copy(update=changed))
    return answers


def _paired(run: Sequence[Result], base: Sequence[Result]) -> list[tuple[Result, Result]]:
    theirs = {result.photo: result for result in base if result.has_truth}
    return [(ours, theirs[ours.photo]) for ours in run if ours.photo in theirs]


def _at(
    errors: Sequence[tuple[float, float]],
    km: float,
    known: np.ndarray[tuple[int], np.dtype[np.float64]],
    groups: np.ndarray[tuple[int], np.dtype[np.int64]],
    seed: int,
) -> At:
    counted = known <= km
    right = np.array(errors)[counted] <= km
    return At(
        difference=paired_bootstrap(right[:, 0], right[:, 1], seed=seed, groups=groups[counted]),
        test=mcnemar(right[:, 0], right[:, 1], groups[counted]),
    )
