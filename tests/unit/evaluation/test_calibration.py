"""Promises are fitted and measured on places apart, and kept."""

from __future__ import annotations

import numpy as np
import pytest

from geofix.evaluation.calibration import Answer, fit_promises, parted
from geofix.tools.errors import SourceError


def answers(count: int, places: int, seed: int = 0) -> list[Answer]:
    """Answers whose one signal says how far off they are, but for a log-normal factor."""
    rng = np.random.default_rng(seed)
    hard = rng.uniform(-1, 3.5, count)
    errors = 10 ** (hard + rng.normal(0, 0.5, count))
    return [
        Answer({"hard": float(one)}, float(min(error, 20_000)), f"place {at % places}")
        for at, (one, error) in enumerate(zip(hard, errors, strict=True))
    ]


def test_no_place_is_in_two_parts_and_none_is_lost() -> None:
    some = answers(500, 60)
    parts = parted(some, seed=3)
    groups = [{answer.group for answer in part} for part in parts]
    assert not groups[0] & groups[1] and not groups[1] & groups[2] and not groups[0] & groups[2]
    assert sum(map(len, parts)) == 500
    assert [len(part) / 500 for part in parts] == pytest.approx([0.4, 0.4, 0.2], abs=0.03)
    assert parted(some, seed=3) == parts != parted(some, seed=4)


def test_coverage_is_as_promised_on_places_held_out() -> None:
    _, kept = fit_promises(answers(6000, 600))
    for level, share in kept.coverage.items():
        assert share.value == pytest.approx(level, abs=0.03)
    assert max(kept.calibration_error.values()) < 0.06
    radii = list(kept.median_km.values())
    assert radii == sorted(radii)


def test_too_few_answers_or_places_are_refused() -> None:
    with pytest.raises(SourceError, match="149 answers of 60 places are too few"):
        fit_promises(answers(149, 60))
    with pytest.raises(SourceError, match="400 answers of 8 places are too few"):
        fit_promises(answers(400, 8))
