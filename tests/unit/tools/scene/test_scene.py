"""What a photo shows, by the classes of a network and by its texture."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from geofix.tools.encoders.efficientnet_lite0 import EfficientNetLite0Encoder
from geofix.tools.photo.read import read_photo
from geofix.tools.photo.samples import sample_path
from geofix.tools.scene.classify import GROUPS, group_shares, read_scene, texture

STREET_SIGN, PIZZA, TABBY, LIBRARY, WEB_SITE, CHURCH = 919, 963, 281, 624, 916, 497

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)).filter(
    ImageFilter.GaussianBlur(1)
)


def said(**seen: float) -> NDArray[np.float32]:
    """The logits of a network that sees so much of some classes, and little of the others."""
    logits = np.zeros(1000, np.float32)
    for name, strength in seen.items():
        logits[globals()[name.upper()]] = strength
    return logits


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        ({"street_sign": 12.0}, "outdoors"),
        ({"pizza": 12.0}, "food"),
        ({"tabby": 12.0}, "animals"),
        ({"library": 12.0}, "indoors"),
        ({"web_site": 12.0}, "screens and paper"),
        ({"street_sign": 10.0, "library": 10.0}, "outdoors"),
        ({"street_sign": 9.5, "library": 10.0}, "indoors"),
        ({"street_sign": 10.0, "pizza": 10.0}, "food"),
        # A church says nothing of whether one stands in it or before it.
        ({"church": 12.0}, "outdoors"),
        ({"church": 10.0, "library": 8.5}, "indoors"),
        ({"church": 10.0, "library": 8.5, "street_sign": 8.5}, "outdoors"),
    ],
)
def test_what_most_classes_stand_for_is_the_kind(seen: dict[str, float], kind: str) -> None:
    scene = read_scene(NOISE, said(**seen))
    assert scene.kind == kind
    assert sum(scene.shares.values()) == pytest.approx(1.0)


def test_one_color_is_drawn_whatever_the_network_sees() -> None:
    poster = Image.new("RGB", (300, 200), "white")
    poster.paste("black", (100, 50, 200, 150))
    scene = read_scene(poster, said(street_sign=12.0))
    assert scene.kind == "drawn"
    assert scene.flatness > 0.9


def test_nothing_with_an_edge_is_sky() -> None:
    slope = np.linspace(0, 250, 300)[None, :, None] + np.linspace(0, 4, 200)[:, None, None]
    sky = Image.fromarray(np.repeat(slope, 3, axis=2).astype(np.uint8)).resize((300, 200))
    noisy = np.asarray(sky, np.int16) + np.random.default_rng(0).integers(-3, 4, (200, 300, 3))
    scene = read_scene(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)), said(street_sign=12.0))
    assert scene.kind == "sky"


def test_the_groups_are_disjoint_and_classes() -> None:
    assert all(not one & other for one, other in combinations(GROUPS.values(), 2))
    assert set().union(*GROUPS.values()) < set(range(1000))


def test_logits_however_large_give_shares() -> None:
    shares = group_shares(np.full(1000, 1e4, np.float32))
    assert shares["animals"] == pytest.approx(0.398)


def test_texture_is_of_a_small_copy_so_that_size_does_not_matter() -> None:
    photo = read_photo(sample_path()).pixels
    small = photo.resize((320, 320 * photo.height // photo.width), Image.Resampling.BOX)
    assert texture(photo) == pytest.approx(texture(small), abs=0.02)


def test_photos_of_buildings_show_a_place_and_a_blank_page_does_not() -> None:
    photo, blank = read_photo(sample_path()).pixels, Image.new("L", (640, 480), 255)
    montmartre, nothing = EfficientNetLite0Encoder().logits([photo, blank])
    assert read_scene(photo, montmartre).kind == "outdoors"
    assert read_scene(blank, nothing).kind == "drawn"
