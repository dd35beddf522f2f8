"""Fits a scorer: an L2-regularised logistic regression over the features of candidates.

A candidate is an example, and whether it is right its label. Candidates of one photo are no
independent examples, nor are photos of one place: the strength of the regularisation is chosen by
cross-validation that keeps places whole. A feature whose weight comes out against sense (less
probable for more agreement) stands in for something else in the training data, and is left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofix.agent.verify.scorer import Scorer

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Inverse regularisation that is tried, scikit-learn's C."""

FOLDS = 5

FEWEST_RIGHT = 20
"""Fewer right candidates, or wrong ones, fit no scorer."""


@dataclass(frozen=True, slots=True)
class Example:
    """One candidate of one photo."""

    parts: Mapping[str, float]
    """Its features."""
    label: float
    """How right it is, 0 to 1."""
    group: str
    """The photo's place."""


class TooFewError(ValueError):
    """There is too little to fit on."""


def fit_scorer(
    examples: Sequence[Example],
    *,
    name: str,
    trained_on: str,
    photos: int,
    signs: Mapping[str, int] | None = None,
    without: Sequence[str] = (),
    strength: float | None = None,
) -> Scorer:
    """Fit a scorer.

    Args:
        examples: Candidates of many photos.
        name: What the trail calls the scorer.
        trained_on: For people: on what.
        photos: How many the candidates are of.
        signs: By feature the sign that sense demands of its weight; others may have either.
        without: Features to leave out, for ablation.
        strength: Inverse regularisation; found by cross-validation by default.

    Raises:
        TooFewError: There are too few right or wrong candidates, or too few places.
    """
    labels = np.array([example.label for example in examples])
    groups = np.array([example.group for example in examples])
    _check(labels, groups)
    names = [key for key in examples[0].parts if key not in without]
    values = np.array([[example.parts[key] for key in names] for example in examples])
    means, scales = values.mean(axis=0), values.std(axis=0)
    kept = [at for at in range(len(names)) if scales[at] > 1e-9]
    standard = (values - means) / np.where(scales > 1e-9, scales, 1.0)
    _check_features(kept)
    strength = strength or _strength(standard[:, kept], labels, groups)
    while True:
        _check_features(kept)
        weights, intercept = _fitted(standard[:, kept], labels, strength)
        odd = _against_sense([names[at] for at in kept], weights, signs or {})
        if odd is None:
            break
        kept.pop(odd)
    used = [names[at] for at in kept]
    fitted = {
        "coefficients": dict(zip(used, _rounded(weights), strict=True)),
        "means": dict(zip(used, _rounded(means[kept]), strict=True)),
        "scales": dict(zip(used, _rounded(scales[kept]), strict=True)),
        "intercept": round(float(intercept), 6),
    }
    digest = hashlib.sha256(json.dumps(fitted, sort_keys=True).encode()).hexdigest()
    return Scorer.model_validate(
        {"name": name, "trained_on": trained_on, "photos": photos, "digest": digest, **fitted}
    )


def _check(labels: NDArray[np.float64], groups: NDArray[np.str_]) -> None:
    right, wrong = int((labels > 0.5).sum()), int((labels <= 0.5).sum())
    if min(right, wrong) < FEWEST_RIGHT:
        raise TooFewError(
            f"{right!r} candidates are right and {wrong!r} wrong; a scorer needs {FEWEST_RIGHT} of"
            " each: add photos"
        )
    if len(np.unique(groups)) < FOLDS:
        raise TooFewError(
            f"the photos are of {len(np.unique(groups))!r} places; a scorer needs {FOLDS}"
        )


def _check_features(kept: Sequence[int]) -> None:
    if not kept:
        raise TooFewError("no feature tells right candidates from wrong ones: add other photos")


def _strength(
    values: NDArray[np.float64], labels: NDArray[np.float64], groups: NDArray[np.str_]
) -> float:
    """Return the strength with the least log loss on places it was not fitted on."""
    from sklearn.model_selection import GroupKFold  # noqa: PLC0415 - a second

    losses = {strength: 0.0 for strength in STRENGTHS}
    for fit, held in GroupKFold(FOLDS).split(values, groups=groups):
        for strength in STRENGTHS:
            weights, intercept = _fitted(values[fit], labels[fit], strength)
            said = 1 / (1 + np.exp(-(intercept + values[held] @ weights)))
            said = np.clip(said, 1e-9, 1 - 1e-9)
            loss = labels[held] * np.log(said) + (1 - labels[held]) * np.log(1 - said)
            losses[strength] -= float(loss.sum())
    return min(losses, key=lambda strength: losses[strength])


def _fitted(
    values: NDArray[np.float64], labels: NDArray[np.float64], strength: float
) -> tuple[NDArray[np.float64], float]:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - as above

    # A label between 0 and 1 is that much of an example of either kind.
    both = np.vstack([values, values])
    is_right = np.repeat([1, 0], len(labels))
    share = np.concatenate([labels, 1 - labels])
    counted = share > 0
    model = LogisticRegression(C=strength, max_iter=2_000)
    model.fit(both[counted], is_right[counted], sample_weight=share[counted])
    return np.asarray(model.coef_[0], float), float(model.intercept_[0])


def _against_sense(
    names: Sequence[str], weights: NDArray[np.float64], signs: Mapping[str, int]
) -> int | None:
    """Return the feature whose weight is farthest on the wrong side; none where none is."""
    wrong = [weight * signs.get(name, 0) for name, weight in zip(names, weights, strict=True)]
    worst = int(np.argmin(wrong))
    return worst if wrong[worst] < 0 else None


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 6) for value in values]
