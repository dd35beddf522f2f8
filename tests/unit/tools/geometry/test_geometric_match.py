"""Geometry between two pictures: planted, unrelated, flat, still, degenerate."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from geofix.tools.geometry import verification
from geofix.tools.geometry.local_features import LocalFeatures, local_features
from geofix.tools.geometry.verification import log10_false_alarms, match, matched, verified
from geofix.tools.photo.read import read_photo
from geofix.tools.photo.samples import sample_path


def sample(name: str) -> Image.Image:
    return read_photo(sample_path(name)).pixels


@pytest.fixture(scope="module")
def near() -> Image.Image:
    return sample("outdoor/montmartre_close.jpg")


@pytest.fixture(scope="module")
def elsewhere() -> Image.Image:
    return sample("false_positive/chartres.jpg")


def turned(photo: Image.Image) -> Image.Image:
    """The photo as a camera sees it that turned: every point moved by one homography."""
    pixels = np.asarray(photo)
    height, width = pixels.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    moved = corners * (0.8, 0.85) + [[90, 60], [60, 20], [20, 90], [70, 30]]
    plane = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    return Image.fromarray(cv2.warpPerspective(pixels, plane, (width, height)))


def scene(count: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points of a deep scene in two views, pixels `[count, 2]` each."""
    rng = np.random.default_rng(seed)
    points = rng.uniform((-3, -2, 4), (3, 2, 12), (count, 3))
    turn = cv2.Rodrigues(np.array([0.02, 0.12, 0.01]))[0]
    second = points @ turn.T + (0.9, 0.1, 0.3)
    return tuple(view[:, :2] / view[:, 2:] * 400 + (320, 240) for view in (points, second))


def features_at(points: NDArray[np.float64]) -> LocalFeatures:
    steps = np.rint(points.clip(0, 1000) * 64).astype(np.uint16)
    return LocalFeatures(steps, np.zeros((len(points), 128), dtype=np.uint8), 640, 480)


def paired(count: int) -> NDArray[np.intp]:
    return np.repeat(np.arange(count), 2).reshape(count, 2)


def logo(photo: Image.Image) -> Image.Image:
    """The photo, at one size, with what one camera writes low into all of its pictures."""
    marked = photo.resize((640, 480))
    draw = ImageDraw.Draw(marked)
    draw.rectangle((0, 380, 640, 440), fill=(0, 0, 0))
    rng = np.random.default_rng(0)
    for left, top, wide, high in rng.integers((0, 382, 4, 4), (620, 430, 25, 14), (120, 4)):
        shade = int(rng.integers(60, 255))
        draw.ellipse((left, top, left + wide, top + high), fill=(shade, shade, 255 - shade))
    return marked


def test_a_turned_camera_is_a_homography(near: Image.Image) -> None:
    found = match(local_features(near), local_features(turned(near)))
    assert found.model == "homography"
    assert found.inliers > 100
    assert found.inlier_share > 0.7
    assert found.coverage > 0.6


def test_a_deep_scene_is_a_fundamental_matrix() -> None:
    first, second = scene(80)
    wrong = np.random.default_rng(1).uniform((0, 0), (640, 480), (40, 2))
    second[80 - len(wrong) :] = wrong
    found = verified(features_at(first), features_at(second), paired(80))
    assert found.model == "fundamental"
    assert 38 <= found.inliers <= 50
    assert found.matches == 80
    assert found.inlier_share == found.inliers / 80


def test_two_photos_of_one_room_match_and_those_of_other_places_do_not(
    elsewhere: Image.Image,
) -> None:
    query = local_features(sample("sphereglue/barbershop-00000000.jpg"))
    same = match(query, local_features(sample("sphereglue/barbershop-00000001.jpg")))
    assert same.inliers > 100
    assert same.model == "fundamental"
    other = match(query, local_features(elsewhere))
    assert (other.inliers, other.model, other.inlier_share, other.coverage) == (0, "none", 0, 0)


def test_random_matches_are_no_geometry() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        first, second = rng.uniform((0, 0), (640, 480), (2, 60, 2))
        found = verified(features_at(first), features_at(second), paired(60))
        assert (found.model, found.inliers, found.matches) == ("none", 0, 60)


def test_what_a_camera_writes_into_its_pictures_is_no_match(
    near: Image.Image, elsewhere: Image.Image
) -> None:
    first, second = local_features(logo(near)), local_features(logo(elsewhere))
    on_the_logo = (first.points_px()[:, 1] > 380).sum()
    assert on_the_logo > 50
    assert match(first, second).model == "none"
    pairs = matched(first, second)
    moved = np.hypot(*(first.points_px()[pairs[:, 0]] - second.points_px()[pairs[:, 1]]).T)
    assert (moved >= 3).all()


def test_a_copy_of_the_photo_stands_still_and_matches(near: Image.Image) -> None:
    features = local_features(near)
    found = match(features, features)
    assert found.inliers > 0.95 * found.matches > 400
    assert found.model == "homography"


def test_the_same_pictures_give_the_same_answer(near: Image.Image) -> None:
    first, second = local_features(near), local_features(turned(near))
    once = match(first, second)
    cv2.setRNGSeed(12345)
    assert match(first, second) == once


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_too_few_matches_are_none(count: int) -> None:
    first, second = scene(count)
    found = verified(features_at(first), features_at(second), paired(count))
    assert (found.model, found.inliers, found.matches) == ("none", 0, count)


def test_a_blank_picture_matches_nothing(near: Image.Image) -> None:
    blank = local_features(Image.new("RGB", (640, 480)))
    for pair in ((blank, local_features(near)), (local_features(near), blank), (blank, blank)):
        assert match(*pair).matches == 0


def test_points_in_one_place_or_line_are_no_geometry() -> None:
    line = np.linspace((10, 10), (600, 400), 30)
    for points in (np.full((30, 2), 99.0), line):
        shifted = points + np.random.default_rng(0).uniform(0, 200, (30, 2))
        assert verified(features_at(points), features_at(shifted), paired(30)).inliers == 0


def test_each_pair_of_points_is_matched_once(near: Image.Image) -> None:
    first, second = local_features(near), local_features(turned(near))
    pairs = matched(first, second)
    # SIFT gives a point one feature for each direction its gradients have.
    assert len(np.unique(first.points, axis=0)) < len(first.points)
    both = np.concatenate([first.points[pairs[:, 0]], second.points[pairs[:, 1]]], axis=1)
    assert len(np.unique(both, axis=0)) == len(both) > 100


def test_false_alarms_fall_with_inliers_and_rise_with_matches() -> None:
    few, many = (log10_false_alarms(k, 60, 7, 0.008) for k in (12, 30))
    assert many < few < log10_false_alarms(12, 100, 7, 0.008)
    assert log10_false_alarms(7, 60, 7, 0.008) == 0.0


def test_a_plane_of_few_points_beside_no_deep_scene_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seven points of a plane are no chance, and fewer than a geometry is believed with."""
    masks = {"homography": np.arange(10) < 7, "fundamental": np.zeros(10, np.bool_)}
    monkeypatch.setattr(verification, "_agreeing", lambda first, second, model: masks[model])
    first, second = scene(10)
    found = verified(features_at(first), features_at(second), paired(10))
    assert (found.inliers, found.model) == (0, "none")
