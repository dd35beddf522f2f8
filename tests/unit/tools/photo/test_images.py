"""Whole photos: what is kept of them, put upright, and JPEG out and in."""

from __future__ import annotations

import hashlib
import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from geofix.tools.errors import PhotoError
from geofix.tools.photo.read import MAX_SIDE, Photo, from_jpeg, read_photo, to_jpeg
from tests.unit.tools.pictures import difference, encoded, gradient

Orientation = ExifTags.Base.Orientation


def test_a_photo_keeps_its_identity_and_loses_its_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Canon"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(gradient(), "JPEG", exif=exif, icc_profile=profile, comment="a secret")
    path = tmp_path / "Москва 東京.jpg"
    path.write_bytes(data)
    photo = read_photo(path)
    assert photo.sha256 == hashlib.sha256(data).hexdigest()
    assert (photo.width, photo.height, photo.format) == (64, 48, "JPEG")
    assert photo.claim is not None
    assert photo.claim.camera == "Canon"
    assert photo.pixels.mode == "RGB"
    assert photo.pixels.info == {}
    assert dict(photo.pixels.getexif()) == {}
    assert photo.notes == ()
    assert difference(photo.pixels, gradient()) < 3


def test_path_text_and_bytes_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(gradient(), "PNG"))
    by_path, by_text, by_bytes = map(read_photo, (path, str(path), path.read_bytes()))
    assert by_path.sha256 == by_text.sha256 == by_bytes.sha256
    assert by_path.pixels.tobytes() == by_text.pixels.tobytes() == by_bytes.pixels.tobytes()


def test_a_large_photo_is_shrunk_and_its_size_remembered() -> None:
    photo = read_photo(encoded(gradient(3000, 1500), "JPEG"))
    assert (photo.width, photo.height) == (3000, 1500)
    assert photo.pixels.size == (MAX_SIDE, MAX_SIDE // 2)
    assert difference(photo.pixels, gradient(MAX_SIDE, MAX_SIDE // 2)) < 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_put_upright(orientation: int, kind: str) -> None:
    # The inverse of each turn, so that the file holds the photo as a tilted camera stores it.
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = gradient()
    if orientation in stored:
        image = image.transpose(stored[orientation])
    exif = Image.Exif()
    exif[Orientation] = orientation
    photo = read_photo(encoded(image, kind, exif=exif))
    assert (photo.width, photo.height) == (64, 48)
    assert difference(photo.pixels, gradient()) < 4


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_heic_and_avif_are_read_and_put_upright(kind: str, orientation: int) -> None:
    from pillow_heif import register_heif_opener  # noqa: PLC0415 (only to write the file)

    register_heif_opener()
    exif = Image.Exif()
    exif[Orientation] = orientation
    image = gradient() if orientation == 1 else gradient().transpose(Image.Transpose.ROTATE_90)
    photo = read_photo(encoded(image, kind, exif=exif.tobytes(), quality=90))
    assert (photo.format, photo.width, photo.height) == (kind, 64, 48)
    assert difference(photo.pixels, gradient()) < 6


@pytest.mark.parametrize("value", [0, 9, 60000])
def test_an_odd_orientation_counts_as_none(value: int) -> None:
    exif = Image.Exif()
    exif[Orientation] = value
    photo = read_photo(encoded(gradient(), "JPEG", exif=exif))
    assert (photo.width, photo.height) == (64, 48)


def test_corrupt_exif_leaves_the_photo_and_warns_nobody() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Canon" * 20
    exif[ExifTags.IFD.GPSInfo] = {2: (1.0, 2.0, 3.0)}
    whole = exif.tobytes()
    for cut in range(8, len(whole), 5):
        photo = read_photo(encoded(gradient(), "JPEG", exif=whole[:cut]))
        assert photo.pixels.size == (64, 48)


def test_a_tiff_that_lies_about_a_tag_is_read_and_warns_nobody() -> None:
    data = bytearray(encoded(gradient(), "TIFF", tiffinfo={270: "a description" * 9}))
    tag = data.index(struct.pack("<HH", 270, 2))
    data[tag + 4 : tag + 8] = struct.pack("<I", 10**6)
    assert read_photo(bytes(data)).pixels.tobytes() == gradient().tobytes()


def test_notes_on_gps_reach_the_photo() -> None:
    exif = Image.Exif()
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (95.0, 0.0, 0.0), 3: "E", 4: (2.0, 0.0, 0.0)}
    photo = read_photo(encoded(gradient(), "JPEG", exif=exif))
    assert photo.claim is None
    assert photo.notes == ("EXIF GPS is unreadable: latitude is 95 degrees, above 90",)


def test_to_jpeg_writes_no_metadata() -> None:
    image = gradient()
    image.info = {"comment": b"secret", "icc_profile": b"secret", "exif": b"Exif\0\0secret"}
    data = to_jpeg(image)
    assert b"secret" not in data
    assert b"Exif" not in data
    with Image.open(BytesIO(data)) as again:
        assert set(again.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_quality_matters() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (100, 100, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    assert len(to_jpeg(image, quality=30)) < len(to_jpeg(image)) / 2


def test_from_jpeg_gives_the_pixels_back() -> None:
    small = gradient(20, 10)
    assert difference(from_jpeg(to_jpeg(small, quality=95)), small) < 4


def test_from_jpeg_refuses_what_is_damaged() -> None:
    data = to_jpeg(gradient(300, 200))
    with pytest.raises(PhotoError, match="truncated"):
        from_jpeg(data[: len(data) // 2])


def test_a_photo_is_immutable() -> None:
    photo = read_photo(encoded(gradient(), "PNG"))
    with pytest.raises(AttributeError):
        photo.width = 1  # type: ignore[misc]
    assert isinstance(photo, Photo)
