"""Files that are refused, and the limits beside those that are not."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from geofix.tools.errors import PhotoError
from geofix.tools.photo import read as images
from geofix.tools.photo.read import MAX_PIXELS, MAX_SIDE, read_photo
from tests.unit.tools.pictures import encoded, gradient


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


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "does not exist; check the path"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_text("Dear diary, " * 50), "is not a readable image"),
        (lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n"), "is not a readable image"),
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
    assert "have no permission to read" in refusal(path)


def test_a_permission_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "a.png"
    path.write_bytes(encoded(gradient(), "PNG"))
    monkeypatch.setattr(Path, "open", refuse)
    assert "have no permission to read" in refusal(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF"])
@pytest.mark.parametrize("kept", [0.2, 0.6, 0.95])
def test_a_cut_file_is_refused(kind: str, kept: float) -> None:
    from pillow_heif import register_heif_opener  # noqa: PLC0415 (only to write the file)

    register_heif_opener()
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    text = refusal(data[: int(len(data) * kept)])
    assert "damaged" in text or "not a readable image" in text


def test_a_cut_progressive_jpeg_is_refused() -> None:
    data = encoded(gradient(300, 200), "JPEG", progressive=True)
    assert "truncated" in refusal(data[: len(data) // 2])


def test_a_host_that_fills_cut_files_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encoded(gradient(300, 200), "JPEG")
    assert "LOAD_TRUNCATED_IMAGES is on" in read_photo(data[: len(data) // 2]).notes[0]


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
    assert "has more than 1,000 bytes" in refusal(path)


def test_a_heic_without_pillow_heif_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys  # noqa: PLC0415 (used here alone)

    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    text = refusal(b"\x00\x00\x00\x18ftypheic" + b"\0" * 100)
    assert "install pillow-heif" in text


def test_a_tiff_whose_next_page_is_cut_off_is_refused() -> None:
    data = bytearray(encoded(gradient(), "TIFF"))
    (directory,) = struct.unpack("<I", data[4:8])
    (entries,) = struct.unpack("<H", data[directory : directory + 2])
    following = directory + 2 + 12 * entries
    data[following : following + 4] = struct.pack("<I", len(data) - 1)
    assert "damaged or truncated" in refusal(bytes(data))
