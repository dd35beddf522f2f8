from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, ImageFile

from geofix.tools import images
from geofix.tools.errors import PhotoError
from geofix.tools.images import MAX_PIXELS, MAX_SIDE, Photo, from_jpeg, read_photo, to_jpeg

Orientation = ExifTags.Base.Orientation


def gradient(width: int = 64, height: int = 48) -> Image.Image:
    """Red grows to the right, green downwards: no two corners alike."""
    red = np.linspace(0, 255, width)[None, :].repeat(height, 0)
    green = np.linspace(0, 255, height)[:, None].repeat(width, 1)
    return Image.fromarray(np.stack([red, green, np.full_like(red, 90)], 2).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def difference(a: Image.Image, b: Image.Image) -> float:
    assert a.size == b.size
    return float(np.abs(np.asarray(a, dtype=float) - np.asarray(b, dtype=float)).mean())


def refusal(source: Path | str | bytes) -> str:
    with pytest.raises(PhotoError) as caught:
        read_photo(source)
    return str(caught.value)


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99))


# What comes out


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
    photo = read_photo(encoded(gradient(5000, 2500), "JPEG"))
    assert (photo.width, photo.height) == (5000, 2500)
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


# Modes


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(kind: str) -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None, :].repeat(40, 0)
    photo = read_photo(encoded(Image.fromarray(ramp), kind))
    assert photo.notes == ("16-bit: scaled to 8 bits",)
    row = np.asarray(photo.pixels)[20, :, 0]
    assert np.abs(row - np.linspace(0, 255, 64)).max() <= 1


def test_floating_point_pixels_are_stretched() -> None:
    ramp = np.linspace(-1, 1, 64, dtype=np.float32)[None, :].repeat(40, 0)
    photo = read_photo(encoded(Image.fromarray(ramp), "TIFF"))
    assert photo.notes == ("F pixels: the range -1 to 1 scaled to 8 bits",)
    assert np.asarray(photo.pixels)[20, :, 1].tolist()[::63] == [0, 255]


def test_cmyk_becomes_rgb() -> None:
    photo = read_photo(encoded(gradient().convert("CMYK"), "JPEG", quality=95))
    assert difference(photo.pixels, gradient()) < 5


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_placed_on_white(mode: str) -> None:
    image = Image.new(mode, (64, 48), (10, 20, 30, 0) if mode == "RGBA" else (10, 0))
    image.paste((10, 20, 30, 255) if mode == "RGBA" else (10, 255), (0, 0, 32, 48))
    photo = read_photo(encoded(image, "PNG"))
    assert photo.notes == ("transparent: placed on white",)
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
    assert photo.notes == ("animated: the first of 3 frames was used",)
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
    assert photo.notes == ("TIFF of several pictures: the first of 2 frames was used",)


# Color profiles


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
    assert photo.notes[0].startswith("the color profile is ignored")


def test_a_profile_for_other_colors_is_noted_and_ignored() -> None:
    photo = read_photo(encoded(gradient().convert("L"), "PNG", icc_profile=swapped_profile()))
    assert photo.notes[0].startswith("the color profile is ignored")
    assert difference(photo.pixels, gradient().convert("L").convert("RGB")) == 0


# Refusals


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "does not exist; check the path"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_text("Dear diary, " * 50), "is not a picture"),
        (lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n"), "is not a picture"),
        (lambda path: os.mkfifo(path), "is a pipe or device"),
        (lambda path: path.symlink_to(path), "cannot be read"),
        (lambda path: path.symlink_to("/dev/zero"), "is a pipe or device"),
    ],
)
def test_what_is_no_photo_is_refused(
    tmp_path: Path, make: Callable[[Path], object], reason: str
) -> None:
    path = tmp_path / "photo.jpg"
    make(path)
    text = refusal(path)
    assert repr(str(path)) in text
    assert reason in text


def test_impossible_paths_are_refused() -> None:
    assert "cannot be read" in refusal("a\0b")
    assert "cannot be read" in refusal("a" * 5000)
    assert "is empty" in refusal(b"")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_photo_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(gradient(), "PNG"))
    path.chmod(0)
    assert "may not be read" in refusal(path)


def test_a_permission_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "a.png"
    path.write_bytes(encoded(gradient(), "PNG"))
    monkeypatch.setattr(Path, "open", refuse)
    assert "may not be read" in refusal(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF"])
@pytest.mark.parametrize("kept", [0.2, 0.6, 0.95])
def test_a_cut_file_is_refused(kind: str, kept: float) -> None:
    from pillow_heif import register_heif_opener  # noqa: PLC0415 (only to write the file)

    register_heif_opener()
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    text = refusal(data[: int(len(data) * kept)])
    assert "damaged" in text or "not a picture" in text


def test_a_cut_progressive_jpeg_is_refused() -> None:
    data = encoded(gradient(300, 200), "JPEG", progressive=True)
    assert "cut short" in refusal(data[: len(data) // 2])


def test_a_host_that_fills_cut_files_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encoded(gradient(300, 200), "JPEG")
    assert "fill what a cut file lacks" in read_photo(data[: len(data) // 2]).notes[0]


@pytest.mark.parametrize(
    ("width", "height"),
    [
        (10_001, 12_000),  # above our limit, where Pillow would only warn
        (60_000, 60_000),  # where Pillow raises
    ],
)
def test_a_bomb_is_refused_before_it_is_decoded(width: int, height: int) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    text = refusal(png_header(width, height))
    assert f"{MAX_PIXELS:,}" in text
    assert limit == Image.MAX_IMAGE_PIXELS


def test_above_the_limit_of_pillow_and_below_ours_is_decoded() -> None:
    assert Image.MAX_IMAGE_PIXELS is not None
    assert Image.MAX_IMAGE_PIXELS < 9_500 * 9_500 < MAX_PIXELS
    photo = read_photo(encoded(Image.new("L", (9_500, 9_500), 7), "PNG"))
    assert photo.pixels.size == (MAX_SIDE, MAX_SIDE)


@pytest.mark.parametrize("size", [(1, 1), (31, 500), (500, 31), (9000, 100)])
def test_too_small_or_too_narrow_is_refused(size: tuple[int, int]) -> None:
    text = refusal(encoded(Image.new("RGB", size), "PNG"))
    assert f"{size[0]} x {size[1]}" in text


def test_the_smallest_allowed_photo_is_read() -> None:
    assert read_photo(encoded(Image.new("RGB", (32, 32)), "PNG")).pixels.size == (32, 32)


def test_a_file_above_the_limit_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 1000)
    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.truncate(10**12)  # sparse: reading it whole would end the test run
    assert "is above 1,000 bytes" in refusal(path)


def test_a_heic_without_pillow_heif_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys  # noqa: PLC0415 (used here alone)

    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    text = refusal(b"\x00\x00\x00\x18ftypheic" + b"\0" * 100)
    assert "install pillow-heif" in text


# EXIF on the way through


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


def test_a_tiff_whose_next_page_is_cut_off_is_refused() -> None:
    data = bytearray(encoded(gradient(), "TIFF"))
    (directory,) = struct.unpack("<I", data[4:8])
    (entries,) = struct.unpack("<H", data[directory : directory + 2])
    following = directory + 2 + 12 * entries
    data[following : following + 4] = struct.pack("<I", len(data) - 1)
    assert "damaged or cut short" in refusal(bytes(data))


def test_notes_on_gps_reach_the_photo() -> None:
    exif = Image.Exif()
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (95.0, 0.0, 0.0), 3: "E", 4: (2.0, 0.0, 0.0)}
    photo = read_photo(encoded(gradient(), "JPEG", exif=exif))
    assert photo.claim is None
    assert photo.notes == ("EXIF GPS is unreadable: latitude is 95 degrees, above 90",)


# JPEG out and in


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
    with pytest.raises(PhotoError, match="cut short"):
        from_jpeg(data[: len(data) // 2])


def test_a_photo_is_immutable() -> None:
    photo = read_photo(encoded(gradient(), "PNG"))
    with pytest.raises(AttributeError):
        photo.width = 1  # type: ignore[misc]
    assert isinstance(photo, Photo)
