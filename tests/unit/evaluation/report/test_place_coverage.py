"""Simulated calibrations by place cover what they say, and by photo they do not."""

from __future__ import annotations

import pytest

from benchmarks.page.sections import WAYS, Design, covered, places_told

UNEVEN = Design("uneven", (45,) * 4 + (5,) * 36)
"""Half of the photos are of four of 40 places."""


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_by_place_new_places_are_covered_as_promised(share: float) -> None:
    for level, found in covered(UNEVEN, share, WAYS["by place"], 150).items():
        # Three standard errors of the mean of 150 calibrations.
        assert found.mean() > level - 3 * found.std() / 150**0.5


def test_by_photo_they_are_not() -> None:
    by_photo, by_place = (
        covered(UNEVEN, 1.0, WAYS[way], 150)[0.95] for way in ("by photo", "by place")
    )
    assert by_photo.mean() < 0.93 < by_place.mean()
    assert (by_photo < 0.9).mean() > 2 * (by_place < 0.9).mean()


def test_the_section_tells_every_way_at_every_level() -> None:
    told = places_told(calibrations=2)
    assert told.startswith("## What a promise rests on: places")
    for way in WAYS:
        assert f"Counted {way}" in told
    assert told.count("| 9 x 17 |") == 9
