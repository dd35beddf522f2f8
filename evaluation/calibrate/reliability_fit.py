"""Fit the confidence per scale: logistic regression, then isotonic on photos it has not seen.

Photos of one place are often right or wrong together, so every place has the same weight, whatever
the number of its photos, and shares are counted by place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geofix.tools.statistics import SCALES
from geofix.tools.statistics.reliability import ScaleConfidence, ScaleCurve

ISOTONIC_FROM = 500
"""With fewer places the logistic model's own probabilities are kept: steps would be their noise
(docs/architecture.md, calibration)."""

AS_SAID: tuple[float, ...] = (0.0, 1.0)

FOLDS = 5

RIDGE = 1.0
"""Inverse strength of the L2 penalty on standardised signals."""

Floats = NDArray[np.float64]


def fit_confidence(
    signals: Sequence[Mapping[str, float]],
    errors_km: ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    scales_km: Mapping[str, float] = SCALES,
) -> ScaleConfidence:
    """Fit the probability of being right at each scale.

    Args:
        signals: Of each answered photo, `[n]`, all with the same names.
        errors_km: Distance from answer to truth `[n]`.
        groups: Place or sequence of each photo `[n]`, none where each has its own. Every group
            has the same weight, and its photos stay together when the models are tried on photos
            they have not seen.
        scales_km: Name and radius of each scale, finest first.

    Raises:
        ValueError: There is no photo, counts are unlike, or a number is not finite.
    """
    errors = np.asarray(errors_km, dtype=float)
    if not len(signals) or errors.shape != (len(signals),):
        raise ValueError(
            f"{len(signals)} photos' signals and errors {errors.shape!r} cannot be paired"
        )
    names = sorted(signals[0])
    values = np.array([[one[name] for name in names] for one in signals], dtype=float)
    if not (np.isfinite(values).all() and np.isfinite(errors).all()):
        raise ValueError("a signal or an error is not finite; leave that photo out")
    means, deviations = values.mean(axis=0), values.std(axis=0)
    deviations = np.where(deviations > 0, deviations, 1.0)
    standard = (values - means) / deviations
    if groups is not None and len(groups) != len(errors):
        raise ValueError(f"{len(errors)} errors and {len(groups)} groups cannot be paired")
    kept = np.arange(len(errors)) if groups is None else np.unique(groups, return_inverse=True)[1]
    return ScaleConfidence(
        means=dict(zip(names, means.tolist(), strict=True)),
        deviations=dict(zip(names, deviations.tolist(), strict=True)),
        curves=tuple(
            ScaleCurve(name=name, scale_km=km, **_curve(names, standard, errors <= km, kept))
            for name, km in scales_km.items()
        ),
    )


def _curve(
    names: Sequence[str],
    values: Floats,
    right: NDArray[np.bool_],
    groups: NDArray[np.intp],
) -> dict[str, Any]:
    """Return what a `ScaleCurve` holds besides its name."""
    photos = np.bincount(groups)
    places = len(photos)
    weights = 1 / photos[groups]
    folds = min(FOLDS, places)
    if min(len(np.unique(groups[right])), len(np.unique(groups[~right]))) < FOLDS:
        # As good as always or never right: Laplace's rule of succession, whatever the signals.
        share = (float(weights[right].sum()) + 1) / (places + 2)
        return {
            "intercept": float(np.log(share / (1 - share))),
            "coefficients": {},
            "said": AS_SAID,
            "true": (share, share),
        }
    model = _logistic().fit(values, right, sample_weight=weights)
    stepped = places >= ISOTONIC_FROM
    said, true = _steps(values, right, groups, folds) if stepped else (AS_SAID, AS_SAID)
    return {
        "intercept": float(model.intercept_[0]),
        "coefficients": dict(zip(names, model.coef_[0].tolist(), strict=True)),
        "said": said,
        "true": true,
    }


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - a second, fitting only

    return LogisticRegression(C=RIDGE, max_iter=1000)


def _steps(
    values: Floats, right: NDArray[np.bool_], groups: NDArray[np.intp], folds: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the isotonic regression of rightness on probabilities for photos not fitted on."""
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - see `_logistic`
    from sklearn.model_selection import GroupKFold, cross_val_predict  # noqa: PLC0415

    photos = np.bincount(groups)
    weights = 1 / photos[groups]
    said = cross_val_predict(
        _logistic(),
        values,
        right,
        groups=groups,
        cv=GroupKFold(folds),
        method="predict_proba",
        params={"sample_weight": weights},
    )[:, 1]
    # No share of some places makes the next one certain.
    margin = 1 / (len(photos) + 2)
    fitted = IsotonicRegression(y_min=margin, y_max=1 - margin).fit(said, right, weights)
    return tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist())
