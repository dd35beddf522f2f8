"""Simulated answers whose errors and signals have one cause: how hard each photo is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geofix.tools.geo.distance import EARTH_RADIUS_KM

Floats = NDArray[np.float64]


def answers(count: int, seed: int) -> tuple[list[dict[str, float]], Floats]:
    """Return signals and errors in km: right, right to the region, or anywhere, mixed."""
    draw = np.random.default_rng(seed)
    hard = draw.normal(0, 1, count)
    likely, near = _squashed(0.3 - 1.8 * hard), _squashed(1.2 - 1.6 * hard)
    lot = draw.random(count)
    errors = np.where(
        lot < likely,
        10 ** draw.normal(-0.7, 0.5, count),
        np.where(
            lot < near,
            10 ** draw.normal(1.8, 0.5, count),
            EARTH_RADIUS_KM * np.arccos(1 - 1.2 * draw.random(count)),
        ),
    )
    noise = draw.normal(0, 0.7, (3, count))
    columns = {
        "log_odds": -1.5 * hard + noise[0],
        "lead": -hard + noise[1],
        "noise": noise[2],
    }
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, map(float, row), strict=True)) for row in rows], errors


def _squashed(value: Floats) -> Floats:
    squashed: Floats = 1 / (1 + np.exp(-value))
    return squashed
