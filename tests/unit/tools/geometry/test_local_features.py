"""Local features: found alike every time, bounded, none in watermarks, the same from bytes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from geofix.tools.errors import PhotoError
from geofix.tools.geometry.local_features import (
    IGNORED_STRIP,
    LONGER_SIDE_PX,
    MOST_FEATURES,
    LocalFeatures,
    local_features,
)
from geofix.tools.photo.read import read_photo
from geofix.tools.photo.samples import sample_path


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return read_photo(sample_path("outdoor/montmartre_far.jpg")).pixels


def with_text_below(photo: Image.Image, share: float) -> Image.Image:
    marked = photo.copy()
    draw, top = ImageDraw.Draw(marked), round(photo.height * (1 - share))
    draw.rectangle((0, top, photo.width, photo.height), fill=(0, 0, 0))
    for at in range(0, photo.width, 20):
        draw.text((at, top + 2), "KM/H", fill=(255, 255, 255))
    return marked


def test_a_photo_has_as_many_as_are_kept_strongest_scaled_and_inside(photo: Image.Image) -> None:
    found = local_features(photo)
    assert 500 < len(found.points) == len(found.descriptors) <= MOST_FEATURES
    assert max(found.width, found.height) == LONGER_SIDE_PX < max(photo.size)
    assert (found.points_px() <= (found.width, found.height)).all()
    fewer = local_features(photo, most=100)
    assert len(fewer.points) == 100
    np.testing.assert_array_equal(fewer.points, found.points[:100])


def test_the_same_photo_has_the_same_features(photo: Image.Image) -> None:
    first, again = local_features(photo), local_features(photo.copy())
    np.testing.assert_array_equal(first.points, again.points)
    np.testing.assert_array_equal(first.descriptors, again.descriptors)


def test_rootsift_has_unit_length(photo: Image.Image) -> None:
    unit = local_features(photo).unit()
    assert unit.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1.0, atol=1e-5)


def test_bytes_hold_all_of_it(photo: Image.Image) -> None:
    found = local_features(photo)
    data = found.to_bytes()
    assert len(data) == 132 * len(found.points)
    again = LocalFeatures.from_bytes(data, found.width, found.height)
    np.testing.assert_array_equal(again.points, found.points)
    np.testing.assert_array_equal(again.descriptors, found.descriptors)
    with pytest.raises(ValueError, match="bytes are not a multiple of a feature's 132"):
        LocalFeatures.from_bytes(data[1:], 640, 480)


def test_a_strip_of_text_at_the_bottom_has_no_features(photo: Image.Image) -> None:
    marked = with_text_below(photo, IGNORED_STRIP)
    below = (1 - IGNORED_STRIP) * local_features(marked).height
    assert (local_features(marked, ignored_strip=0).points_px()[:, 1] > below + 1).any()
    assert (local_features(marked).points_px()[:, 1] <= below + 1).all()


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_pictures_of_any_mode_are_looked_at(photo: Image.Image, mode: str) -> None:
    assert len(local_features(photo.convert(mode)).points) > 100


def test_a_blank_picture_has_none() -> None:
    none = local_features(Image.new("RGB", (640, 480), (90, 90, 90)))
    assert none.points.shape == (0, 2)
    assert none.unit().shape == (0, 128)
    again = LocalFeatures.from_bytes(none.to_bytes(), none.width, none.height)
    assert again.descriptors.shape == (0, 128)


@pytest.mark.parametrize("size", [(31, 200), (2048, 90), (1, 1)])
def test_a_picture_too_small_or_too_narrow_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(PhotoError, match=f"{size[0]} x {size[1]} pixels is too small or too narr"):
        local_features(Image.new("RGB", size))


def test_a_small_picture_keeps_its_size(photo: Image.Image) -> None:
    small = photo.resize((200, 150))
    assert (local_features(small).width, local_features(small).height) == (200, 150)
