from __future__ import annotations

import base64
import hashlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from geofix.agent.errors import PhotoError, TrailError
from geofix.agent.run.intake import read_in, resolve, take_in
from geofix.db.runs import QueryPhoto, QueryPhotos
from tests.files import exif_of, gps_of, save_photo


class Kept(QueryPhotos):
    """Keeps photos in a dict."""

    def __init__(self) -> None:
        self.photos: dict[str, QueryPhoto] = {}

    def keep(self, photo: QueryPhoto) -> None:
        self.photos[photo.sha256] = photo

    def find(self, sha256: str) -> QueryPhoto:
        if sha256 not in self.photos:
            raise TrailError(f"no photo with sha256 {sha256!r} is stored")
        return self.photos[sha256]


@pytest.fixture
def kept() -> Kept:
    return Kept()


def data_url(data: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def test_what_is_kept_has_the_files_hash_and_none_of_its_metadata(
    kept: Kept, tmp_path: Path
) -> None:
    path = save_photo(tmp_path / "a.jpg", (-33.0, 151.0))
    photo = take_in(path, kept)
    assert kept.photos == {photo.sha256: photo}
    assert photo.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert photo.claim is not None and photo.claim["latitude"] == -33
    with Image.open(BytesIO(photo.jpeg)) as stored:
        assert (stored.size, dict(stored.getexif())) == ((64, 48), {})


def test_reading_keeps_nothing(kept: Kept, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.jpg")
    assert read_in(path) == read_in(path.read_bytes())
    with pytest.raises(PhotoError):
        take_in(b"no picture", kept)
    assert kept.photos == {}


def test_a_data_url_is_a_photo(kept: Kept, tmp_path: Path) -> None:
    data = save_photo(tmp_path / "a.jpg").read_bytes()
    photo = resolve(data_url(data), kept)
    assert resolve("sha256:" + photo.sha256, kept) == photo
    assert photo.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("data:image/jpeg;base64,AAA", "is not valid base64"),
        ("data:image/jpeg;base64,AA AA", "is not valid base64"),
        ("data:image/jpeg;base64,caf\xe9", "is not valid base64"),
        ("data:image/jpeg;base64,", "is empty"),
        (data_url(b"no picture"), "is not a readable image"),
        ("data:image/jpeg,AAAA", "must be 'sha256:"),
        ("data:image/jpeg;base64", "must be 'sha256:"),
        ("http://127.0.0.1/a.jpg", "must be 'sha256:"),
        ("", "must be 'sha256:"),
        ("sha256:", "is not a valid reference"),
        ("sha256:" + "A" * 64, "is not a valid reference"),
        ("sha256:" + "a" * 63 + "\0", "is not a valid reference"),
    ],
)
def test_what_is_no_photo_is_refused_and_not_kept(kept: Kept, reference: str, reason: str) -> None:
    with pytest.raises(PhotoError, match=reason):
        resolve(reference, kept)
    assert kept.photos == {}


def test_a_path_is_refused_even_of_a_photo(kept: Kept, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.jpg")
    for reference in (str(path), f"file://{path}", "a.jpg"):
        with pytest.raises(PhotoError, match=r"must be 'sha256:.* use `locate`"):
            resolve(reference, kept)
    assert kept.photos == {}


def test_an_unknown_hash_is_told_apart_from_a_wrong_one(kept: Kept) -> None:
    with pytest.raises(TrailError, match="aaaa"):
        resolve("sha256:" + "a" * 64, kept)


def test_a_long_reference_is_not_repeated_whole(kept: Kept) -> None:
    with pytest.raises(PhotoError) as raised:
        resolve("data:image/png;base64," + "?" * 100_000, kept)
    assert len(str(raised.value)) < 300


def test_a_forged_place_is_kept_apart_from_the_pixels(kept: Kept) -> None:
    honest, forged = BytesIO(), BytesIO()
    pixels = Image.effect_noise((64, 64), 50).convert("RGB")
    pixels.save(honest, "PNG")
    pixels.save(forged, "PNG", exif=exif_of(gps_of(1, 2)))
    first, second = read_in(honest.getvalue()), read_in(forged.getvalue())
    assert first.jpeg == second.jpeg
    assert first.claim is None and second.claim is not None
