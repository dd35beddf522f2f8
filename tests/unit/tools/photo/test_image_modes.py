"""Pixels of every kind, several frames, and color profiles, all to RGB."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageCms

from geofix.tools.photo.read import read_photo
from tests.unit.tools.pictures import difference, encoded, gradient


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(kind: str) -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None, :].repeat(40, 0)
    photo = read_photo(encoded(Image.fromarray(ramp), kind))
    assert photo.notes == ("16-bit pixels were scaled to 8 bits",)
    row = np.asarray(photo.pixels)[20, :, 0]
    assert np.abs(row - np.linspace(0, 255, 64)).max() <= 1


def test_floating_point_pixels_are_stretched() -> None:
    ramp = np.linspace(-1, 1, 64, dtype=np.float32)[None, :].repeat(40, 0)
    photo = read_photo(encoded(Image.fromarray(ramp), "TIFF"))
    assert photo.notes == ("F pixels from -1 to 1 were scaled to 8 bits",)
    assert np.asarray(photo.pixels)[20, :, 1].tolist()[::63] == [0, 255]


def test_cmyk_becomes_rgb() -> None:
    photo = read_photo(encoded(gradient().convert("CMYK"), "JPEG", quality=95))
    assert difference(photo.pixels, gradient()) < 5


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_placed_on_white(mode: str) -> None:
    image = Image.new(mode, (64, 48), (10, 20, 30, 0) if mode == "RGBA" else (10, 0))
    image.paste((10, 20, 30, 255) if mode == "RGBA" else (10, 255), (0, 0, 32, 48))
    photo = read_photo(encoded(image, "PNG"))
    assert photo.notes == ("transparent pixels were placed on white",)
    assert photo.pixels.getpixel((50, 20)) == (255, 255, 255)
    assert photo.pixels.getpixel((10, 20)) == ((10, 20, 30) if mode == "RGBA" else (10, 10, 10))


def test_an_opaque_alpha_channel_is_no_news() -> None:
    assert read_photo(encoded(gradient().convert("RGBA"), "PNG")).notes == ()


@pytest.mark.parametrize("transparency", [0, b"\x00\xff\x80"])
def test_a_palette_with_transparency_is_placed_on_white(transparency: int | bytes) -> None:
    image = Image.new("P", (64, 48), 0)
    image.putpalette([200, 0, 0, 0, 200, 0])
    image.paste(1, (0, 0, 32, 48))
    photo = read_photo(encoded(image, "PNG", transparency=transparency))
    assert photo.pixels.getpixel((50, 20)) == (255, 255, 255)
    assert photo.pixels.getpixel((10, 20)) == (0, 200, 0)


def test_one_bit_pixels_become_black_and_white() -> None:
    image = Image.new("1", (64, 48), 0)
    image.paste(1, (0, 0, 32, 48))
    photo = read_photo(encoded(image, "PNG"))
    assert [photo.pixels.getpixel((x, 9)) for x in (5, 60)] == [(255, 255, 255), (0, 0, 0)]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_is_used(kind: str) -> None:
    frames = [Image.new("RGB", (64, 48), color) for color in ("red", "lime", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=40)
    photo = read_photo(data)
    assert photo.notes == ("animated: only the first of 3 frames was used",)
    red, green, blue = np.asarray(photo.pixels)[24, 32].tolist()
    assert red > 230
    assert max(green, blue) < 25


def test_a_telephone_jpeg_with_a_second_picture_inside_is_a_jpeg() -> None:
    data = encoded(gradient(), "MPO", save_all=True, append_images=[gradient(32, 32)])
    photo = read_photo(data)
    assert (photo.format, photo.width, photo.notes) == ("JPEG", 64, ())


def test_the_first_page_of_a_tiff_is_used() -> None:
    data = encoded(gradient(), "TIFF", save_all=True, append_images=[gradient(32, 32)])
    photo = read_photo(data)
    assert photo.width == 64
    assert photo.notes == ("TIFF with several images: only the first of 2 frames was used",)


def swapped_profile() -> bytes:
    """An sRGB profile with the colorants of red and blue exchanged: impossible to overlook."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


def test_an_embedded_profile_is_applied() -> None:
    red = Image.new("RGB", (64, 48), (255, 0, 0))
    photo = read_photo(encoded(red, "PNG", icc_profile=swapped_profile()))
    assert photo.pixels.getpixel((5, 5)) == pytest.approx((0, 0, 255), abs=3)
    assert photo.notes == ()


@pytest.mark.parametrize("profile", [b"not a profile", swapped_profile()[:200]])
def test_a_broken_profile_is_noted_and_ignored(profile: bytes) -> None:
    photo = read_photo(encoded(gradient(), "PNG", icc_profile=profile))
    assert difference(photo.pixels, gradient()) == 0
    assert len(photo.notes) == 1
    assert photo.notes[0].startswith("the color profile was ignored")


def test_a_profile_for_other_colors_is_noted_and_ignored() -> None:
    photo = read_photo(encoded(gradient().convert("L"), "PNG", icc_profile=swapped_profile()))
    assert photo.notes[0].startswith("the color profile was ignored")
    assert difference(photo.pixels, gradient().convert("L").convert("RGB")) == 0
