"""Simulated evidence is as strong as published."""

from __future__ import annotations

import numpy as np
import pytest

from geofix.evaluation.worlds.asking import drafted_km


def test_drafts_are_as_far_off_as_published_and_farther_for_hard_photos() -> None:
    rng = np.random.default_rng(0)
    hard = rng.random(20_000)
    off = drafted_km(hard, rng)
    for km, share in ((1, 0.032), (25, 0.166), (200, 0.28), (750, 0.421), (2500, 0.53)):
        assert np.mean(off <= km) == pytest.approx(share, abs=0.012)
    assert np.median(off[hard < 0.2]) < np.median(off[hard > 0.8]) / 5
