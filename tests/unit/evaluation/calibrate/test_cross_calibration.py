"""Every answer is held out once, of places that nothing was fitted on."""

from __future__ import annotations

import pytest

from geofix.evaluation.calibrate.promises import cross_kept
from geofix.tools.errors import SourceError
from tests.unit.evaluation.calibrate.test_calibration import answers


def test_promises_are_kept_where_they_can_be_and_the_error_of_few_photos_is_told() -> None:
    kept = cross_kept(answers(1500, 300))
    assert (kept.answers, kept.places) == (1500, 300)
    for level, share in kept.coverage.items():
        assert share.value == pytest.approx(level, abs=0.03)
    for scale, error in kept.calibration_error.items():
        alone, together = kept.error_by_chance[scale]
        assert 0 < alone < error + 0.02 and alone < together


def test_too_few_places_are_refused() -> None:
    with pytest.raises(SourceError, match="39 places are too few"):
        cross_kept(answers(400, 39))
