"""The photo asked about is in a gallery itself: it is told, and nothing else changes."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from geofix import Agent
from geofix.agent.context import Context
from geofix.agent.services import Services
from geofix.agent.verify.known_photos import known_photos
from geofix.db.load.ingest import GeotaggedPhoto
from geofix.evaluation.run.leaks import LeakFreeGallery
from geofix.tools.photo.samples import sample_path
from tests.integration.agent.test_refinement import ASKED, FIJI, island, red_photo
from tests.integration.scripted_model import said
from tests.unit.agent.hits import BERLIN, PARIS, hit, retrieval

__all__ = ["island", "red_photo"]

FAR = "outdoor/montmartre_far.jpg"
LA_PAZ = (-16.49997, -68.14999)


def saved_again(path: Path, share: float = 1.0, crop: float = 0.0, quality: int = 60) -> bytes:
    """Return a photo's file made smaller, cropped on each side and compressed more."""
    image = Image.open(path).convert("RGB")
    wide, high = image.size
    image = image.crop(
        (int(crop * wide), int(crop * high), int(wide - crop * wide), int(high - crop * high))
    )
    image = image.resize((round(share * image.width), round(share * image.height)))
    image.save(data := BytesIO(), "JPEG", quality=quality)
    return data.getvalue()


def test_the_very_file_is_told_apart_and_changes_nothing(island: Agent, red_photo: Path) -> None:
    before = island.locate(red_photo, **ASKED)
    assert before.known_photos == []
    sha256 = hashlib.sha256(red_photo.read_bytes()).hexdigest()
    itself = GeotaggedPhoto("press", "red.png", *LA_PAZ, sha256=sha256)
    services = island.services
    services.ingest.add("mine", "color", [itself], np.array([[1, 0, 0]], dtype=np.float32))
    after = island.locate(red_photo, run_id="again", **ASKED)
    (known,) = after.known_photos
    assert (known.kind, known.gallery, known.source, known.photo) == (
        "exact", "mine", "press", "red.png",
    )  # fmt: skip
    assert (known.latitude, known.longitude) == LA_PAZ
    assert known.distance_m is not None and known.distance_m > 5e6
    assert "This exact file is in a gallery at -16.49997, -68.14999." in after.to_text()
    assert "red.png" not in after.to_text() and "mine" not in after.to_text()
    # One photo more moves the mean of all vectors, and with it the similarities, by a little.
    assert (after.position, after.status) == (before.position, before.status)
    assert [one.photo for one in after.evidence] == [one.photo for one in before.evidence]
    steps = services.trail.read("again").steps
    assert LA_PAZ[0] not in [hit["latitude"] for hit in steps[1].detail["positives"]]
    others = island.locate(red_photo, galleries=("test",), **ASKED)
    assert others.known_photos == []


def test_a_run_that_waits_tells_it_too(island: Agent, red_photo: Path) -> None:
    sha256 = hashlib.sha256(red_photo.read_bytes()).hexdigest()
    itself = GeotaggedPhoto("press", "red.png", *FIJI, sha256=sha256)
    vector = np.array([[1, 0, 0]], dtype=np.float32)
    island.services.ingest.add("mine", "color", [itself], vector)
    fix = island.locate(red_photo, pause="every_round", **ASKED)
    assert fix.status == "waiting"
    assert [one.kind for one in fix.known_photos] == ["exact"]
    assert fix.known_photos[0].distance_m is None


def test_where_the_file_is_does_not_reach_a_model(lab: Any) -> None:
    opened = lab(said())
    (known,) = opened.agent.locate(sample_path(FAR)).known_photos
    assert (known.kind, known.photo) == ("exact", FAR)
    (request,) = opened.server.received
    assert "image_url" in request.text and "Candidates" in request.text
    assert f"{known.latitude:.3f}" not in request.text


@pytest.mark.parametrize(
    "copy",
    [
        {"quality": 30},
        {"share": 0.5},
        {"crop": 0.05, "share": 0.7},
    ],
)
def test_a_copy_saved_again_looks_like_one_and_is_a_similar_photo_as_before(
    shared_agent: Agent, copy: dict[str, float]
) -> None:
    fix = shared_agent.locate(saved_again(sample_path(FAR), **copy))  # type: ignore[arg-type]
    (known,) = fix.known_photos
    assert (known.kind, known.gallery, known.photo) == ("near_copy", "starter", FAR)
    assert FAR in [one.photo for one in fix.evidence]
    assert "What looks like a copy of this photo is in a gallery at 48.8" in fix.to_text()


def test_another_photo_of_the_place_is_no_copy(shared_agent: Agent) -> None:
    # 0.80 alike, and both of Sacre-Coeur: from close by, and from far.
    fix = shared_agent.locate(sample_path())
    assert FAR in [one.photo for one in fix.evidence]
    assert fix.known_photos == []


@pytest.mark.parametrize(
    ("similarity", "twice", "vectors", "known"),
    [
        (0.99, False, "centred", ["near_copy"]),
        (0.97, False, "centred", []),
        (0.99, True, "centred", []),
        (0.99, False, "raw", []),
    ],
)
def test_without_pictures_one_photo_of_nearly_the_same_vector_looks_like_a_copy(
    services: Services, similarity: float, twice: bool, vectors: Any, known: list[str]
) -> None:
    centred = None if vectors == "raw" else 1
    hits = [hit(PARIS, similarity, photo_id=1), hit(BERLIN, 0.7, photo_id=3)]
    hits += [hit(PARIS, 0.985, photo_id=2)] if twice else []
    found = retrieval(hits).model_copy(update={"centring_version": centred})
    for pictures in (0, 16):
        context = Context(geometry_pictures=pictures)
        told = known_photos("a" * 64, [found], context, services)
        assert [one.kind for one in told] == known


def test_an_evaluation_asks_as_if_no_gallery_had_the_photo(services: Services) -> None:
    photo = GeotaggedPhoto("press", "1", 1.0, 2.0, sha256="a" * 64)
    services.ingest.add("g", "e", [photo], np.array([[1, 0]], dtype=np.float32))
    assert len(services.gallery.copies("a" * 64, (), 3)) == 1
    assert LeakFreeGallery(services.engine, ("hash",)).copies("a" * 64, (), 3) == []
