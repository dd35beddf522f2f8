"""Pictures of candidates: shown where the user allows it and they are still what they were."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image

from geofix.agent.errors import PhotoError
from geofix.agent.services import Services
from geofix.db.load.ingest import GeotaggedPhoto, Ingest
from geofix.db.stores import PictureFiles, StoredPicture
from geofix.tools.encoders import Encoder
from geofix.tools.photo.exemplars import read_exemplar
from geofix.tools.photo.read import read_photo
from geofix.tools.photo.samples import sample_path
from tests.integration.scripted_model import said

FAR = "outdoor/montmartre_far.jpg"


def pictures_of(body: dict[str, Any]) -> list[Image.Image]:
    blocks = [part for part in body["messages"][1]["content"] if part["type"] == "image_url"]
    datas = [base64.b64decode(block["image_url"]["url"].split(",")[1]) for block in blocks]
    return [Image.open(BytesIO(data)) for data in datas]


def words_of(body: dict[str, Any]) -> list[str]:
    return [part["text"] for part in body["messages"][1]["content"] if part["type"] == "text"]


def test_none_goes_along_unless_asked(lab: Any) -> None:
    opened = lab(said())
    fix, _ = opened.locate()
    assert len(pictures_of(opened.server.received[0].body)) == 1
    assert fix.degraded == []


def test_the_candidates_best_photo_goes_along_numbered_and_bare(lab: Any) -> None:
    opened = lab(said())
    fix, step = opened.locate(exemplars=1, image_px=512)
    (request,) = opened.server.received
    assert words_of(request.body)[1] == "Image 2 shows candidate 1."
    photo, exemplar = pictures_of(request.body)
    expected = read_photo(sample_path(FAR)).pixels
    assert max(photo.size) == max(exemplar.size) == 512
    assert exemplar.width / exemplar.height == pytest.approx(
        expected.width / expected.height, rel=0.01
    )
    assert not exemplar.getexif()
    assert "montmartre" not in request.text
    sent = [b for b in step.detail["prompts"][0][1]["content"] if b["type"] == "image"]
    assert len({block["sha256"] for block in sent}) == 2
    assert fix.degraded == []


def test_a_picture_that_is_not_kept_is_said_and_the_others_keep_their_numbers(lab: Any) -> None:
    opened = lab(said())
    fix, _ = opened.locate(exemplars=8)
    words = words_of(opened.server.received[0].body)[1:-2]
    shown = [int(text.rstrip(".").rpartition(" ")[2]) for text in words]
    assert [text.split(" shows")[0] for text in words] == [
        f"Image {number}" for number in range(2, len(words) + 2)
    ]
    missing = [reason for reason in fix.degraded if reason.code == "picture_not_shown"]
    assert len(missing) == 8 - len(shown) > 0
    assert "the gallery does not know where this photo's file is" in missing[0].text


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A photo in a folder of the user's own, with all a file can tell."""
    path = tmp_path / "Paris_by_Anna.jpg"
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Anna"
    read_photo(sample_path(FAR)).pixels.save(path, exif=exif)
    return path


def stored(services: Services, encoder: Encoder, path: Path) -> StoredPicture:
    photo = GeotaggedPhoto(
        source="mine",
        external_id=path.name,
        latitude=48.8867,
        longitude=2.3431,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        location=str(path),
    )
    vectors = encoder.embed([read_photo(path).pixels])
    Ingest(services.engine).add("mine", encoder.name, [photo], vectors)
    found = PictureFiles(services.engine).find(list(range(100)))
    (only,) = found.values()
    return only


def test_a_folders_picture_is_read_again_without_its_metadata(
    services: Services, encoder: Encoder, kept: Path
) -> None:
    pixels = read_exemplar(stored(services, encoder, kept))
    assert pixels.info == {}
    assert pixels.size == read_photo(kept).pixels.size


def test_a_picture_that_changed_or_is_gone_is_not_shown(
    services: Services, encoder: Encoder, kept: Path
) -> None:
    known = stored(services, encoder, kept)
    shutil.copy(sample_path(), kept)
    with pytest.raises(PhotoError, match="its file has changed"):
        read_exemplar(known)
    kept.unlink()
    with pytest.raises(PhotoError, match="not on this machine, or is inside an archive"):
        read_exemplar(known)


def test_a_gallery_from_elsewhere_cannot_name_a_file_to_be_sent(kept: Path) -> None:
    for sha256 in (None, "00" * 32):
        named = StoredPicture("evil", "x", sha256, str(kept))
        with pytest.raises(PhotoError):
            read_exemplar(named)


def test_the_trail_has_no_picture_in_it(lab: Any) -> None:
    opened = lab(said())
    _, step = opened.locate(exemplars=1)
    assert len(json.dumps(step.detail["prompts"])) < 20_000
