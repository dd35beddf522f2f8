"""The photo against pictures of the gallery: which are read, what is kept, what is said."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geofix.agent.services import Services
from geofix.agent.state import Hit
from geofix.agent.verify import observe
from geofix.agent.verify.observe import geometric_matches
from geofix.db.load.ingest import GeotaggedPhoto, Ingest
from geofix.db.runs import QueryPhoto
from geofix.db.stores import PictureFiles
from geofix.tools.geometry.local_features import METHOD
from geofix.tools.photo.read import read_photo, to_jpeg
from geofix.tools.photo.samples import sample_path

ROOM, SAME_ROOM = (f"sphereglue/barbershop-0000000{number}.jpg" for number in (0, 1))
CHURCH = "false_positive/chartres.jpg"


@pytest.fixture
def photo(services: Services) -> str:
    return asked_about(services, read_photo(sample_path(ROOM)).pixels)


def asked_about(services: Services, pixels: Image.Image) -> str:
    """Keep a photo as one that is asked about; return its hash."""
    jpeg = to_jpeg(pixels)
    sha256 = hashlib.sha256(jpeg).hexdigest()
    services.queries.keep(QueryPhoto(sha256, jpeg, *pixels.size, "JPEG", None, []))
    return sha256


def hits_of(services: Services, *photos: GeotaggedPhoto) -> list[Hit]:
    """Put photos into a gallery and return them as a search would, in this order."""
    vectors = np.ones((len(photos), 3), dtype=np.float32)
    Ingest(services.engine).add("mine", "e", list(photos), vectors)
    known = PictureFiles(services.engine).find(list(range(1000)))
    ids = {stored.external_id: photo_id for photo_id, stored in known.items()}
    return [
        Hit(
            photo_id=ids[photo.external_id],
            latitude=photo.latitude,
            longitude=photo.longitude,
            similarity=1.0,
            gallery="mine",
            source=photo.source,
            external_id=photo.external_id,
        )
        for photo in photos
    ]


def kept(folder: Path, sample: str) -> GeotaggedPhoto:
    """A photo in a folder of the user's own."""
    path = folder / Path(sample).name
    path.write_bytes(sample_path(sample).read_bytes())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return GeotaggedPhoto("mine", path.name, 48.0, 2.0, sha256=sha256, location=str(path))


def test_the_same_room_is_found_and_a_church_is_not(
    services: Services, photo: str, tmp_path: Path
) -> None:
    church, room = hits = hits_of(services, kept(tmp_path, CHURCH), kept(tmp_path, SAME_ROOM))
    matches, notes = geometric_matches(photo, hits, services, pictures=16)
    assert notes == []
    assert list(matches) == [church.photo_id, room.photo_id]
    assert matches[church.photo_id].model == "none"
    assert matches[room.photo_id].inliers > 100


def test_features_are_found_once_and_outlive_the_file(
    services: Services, photo: str, tmp_path: Path
) -> None:
    stored = kept(tmp_path, SAME_ROOM)
    hits = hits_of(services, stored)
    first, _ = geometric_matches(photo, hits, services, pictures=16)
    assert set(services.features.find([str(stored.sha256)], METHOD)) == {stored.sha256}
    Path(str(stored.location)).unlink()
    again, notes = geometric_matches(photo, hits, services, pictures=16)
    assert again == first
    assert notes == []


def test_the_features_of_the_photo_asked_about_are_kept(
    services: Services, photo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hits = hits_of(services, kept(tmp_path, SAME_ROOM))
    first, _ = geometric_matches(photo, hits, services, pictures=16)
    # Blank pixels would match nothing, were they looked at.
    monkeypatch.setattr(observe, "from_jpeg", lambda jpeg: Image.new("RGB", (640, 480)))
    again, _ = geometric_matches(photo, hits, services, pictures=16)
    assert again == first


def test_only_the_first_that_have_a_picture_are_compared(
    services: Services, photo: str, tmp_path: Path
) -> None:
    nowhere = GeotaggedPhoto("web", "nowhere", 1.0, 1.0, sha256="00" * 32)
    hits = hits_of(services, nowhere, kept(tmp_path, CHURCH), kept(tmp_path, SAME_ROOM))
    matches, notes = geometric_matches(photo, hits, services, pictures=1)
    assert list(matches) == [hits[1].photo_id]
    assert notes == []
    both, notes = geometric_matches(photo, hits, services, pictures=3)
    assert list(both) == [hits[1].photo_id, hits[2].photo_id]
    assert notes == []


def test_what_cannot_be_compared_is_counted_by_reason(
    services: Services, photo: str, tmp_path: Path
) -> None:
    changed = kept(tmp_path, CHURCH)
    narrow = tmp_path / "narrow.png"
    Image.new("RGB", (1500, 60)).save(narrow)
    digest = hashlib.sha256(narrow.read_bytes()).hexdigest()
    hits = hits_of(
        services,
        GeotaggedPhoto("web", "1", 1.0, 1.0, sha256="00" * 32),
        GeotaggedPhoto("web", "2", 1.0, 1.0, sha256="11" * 32),
        changed,
        GeotaggedPhoto("mine", "narrow", 1.0, 1.0, sha256=digest, location=str(narrow)),
        GeotaggedPhoto("web", "3", 1.0, 1.0),
    )
    Path(str(changed.location)).write_bytes(sample_path(ROOM).read_bytes())
    gone = hits[0].model_copy(update={"photo_id": 999_999})
    matches, (note,) = geometric_matches(photo, [*hits, gone], services, pictures=16)
    assert matches == {}
    assert note.startswith(
        "geometry: 3 of 6 pictures could not be compared (1: the photo was removed; 1: "
    )
    assert "its file has changed since it was ingested" in note
    assert "1500 x 60" in note
    assert "does not know" not in note


def test_a_photo_that_cannot_be_compared_is_said(services: Services, tmp_path: Path) -> None:
    hits = hits_of(services, kept(tmp_path, CHURCH))
    strip = asked_about(services, Image.new("RGB", (2000, 40)))
    matches, notes = geometric_matches(strip, hits, services, pictures=16)
    assert matches == {}
    assert (
        "the photo could not be compared with any picture: a picture of 2000 x 40 pixels"
        in notes[0]
    )


def test_nothing_is_read_where_none_are_asked_for(services: Services, photo: str) -> None:
    assert geometric_matches(photo, [], services, pictures=16) == ({}, [])
    hits = hits_of(services, GeotaggedPhoto("web", "1", 1.0, 1.0))
    assert geometric_matches(photo, hits, services, pictures=0) == ({}, [])
