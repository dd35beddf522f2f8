"""A copy is laid over its original by one scale and one shift; another view of a scene is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from geofix.tools.geometry.copies import Alignment, align
from geofix.tools.geometry.local_features import LocalFeatures, local_features
from geofix.tools.photo.read import read_photo
from geofix.tools.photo.samples import sample_path
from tests.files import scikit_learn_photo

CHINA = read_photo(scikit_learn_photo("china.jpg")).pixels
ORIGINAL = local_features(CHINA)


def seen(image: Image.Image) -> LocalFeatures:
    return local_features(image)


def warped(corners: list[tuple[float, float]]) -> LocalFeatures:
    """Return the picture with its corners moved, as by a camera that turned or went aside."""
    wide, high = CHINA.size
    before = np.array([(0, 0), (wide, 0), (wide, high), (0, high)], np.float32)
    moved = before + np.array(corners, np.float32)
    across = cv2.getPerspectiveTransform(before, moved)
    return seen(Image.fromarray(cv2.warpPerspective(np.asarray(CHINA), across, (wide, high))))


def test_smaller_cropped_brighter_or_gray_it_is_a_copy() -> None:
    wide, high = CHINA.size
    changed = [
        CHINA.resize((wide // 2, high // 2)),
        CHINA.crop((wide // 8, high // 10, wide, high)),
        CHINA.point(lambda value: min(255, int(1.2 * value))),
        CHINA.convert("L").convert("RGB"),
    ]
    for image in changed:
        laid = align(seen(image), ORIGINAL)
        assert laid.is_copy, laid


def test_a_picture_taken_from_elsewhere_is_no_copy() -> None:
    turned = seen(CHINA.rotate(2.0, resample=Image.Resampling.BICUBIC))
    aside = warped([(0, 0), (-60, 25), (-60, -25), (0, 0)])
    for other in (turned, aside):
        laid = align(other, ORIGINAL)
        assert laid.matches > 100 and not laid.is_copy, laid


def test_two_halves_that_move_apart_are_no_copy() -> None:
    wide, high = CHINA.size
    both = CHINA.copy()
    both.paste(CHINA.crop((0, 0, wide // 2, high)), (-12, 0))
    assert not align(seen(both), ORIGINAL).is_copy


def test_other_pictures_and_empty_ones_are_none() -> None:
    close, far = (
        seen(read_photo(sample_path(f"outdoor/montmartre_{name}.jpg")).pixels)
        for name in ("close", "far")
    )
    assert not align(close, far).is_copy
    blank = seen(Image.new("RGB", (64, 64)))
    assert align(blank, ORIGINAL) == Alignment(0, 0, 0.0, 0.0)
    assert not align(ORIGINAL, blank).is_copy


@pytest.mark.parametrize(
    "change",
    [{"matches": 49, "agreeing": 49}, {"agreeing": 74}, {"coverage": 0.4}, {"turn_degrees": 0.6}],
)
def test_every_part_of_the_criterion_counts(change: dict[str, Any]) -> None:
    laid = Alignment(matches=100, agreeing=75, coverage=0.5, turn_degrees=0.5)
    assert laid.is_copy
    assert not replace(laid, **change).is_copy
