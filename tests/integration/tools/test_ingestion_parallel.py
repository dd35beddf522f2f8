"""Loads with worker processes against loads without, and pictures that meet on the way."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geofix.agent.services import Services
from geofix.tools.encoders import Encoder
from geofix.tools.ingestion import ingest_source
from geofix.tools.sources import FolderSource, Rejected
from tests.deadly_picture import DeadlySource
from tests.files import SEOUL, exif_of, gps_of, save_photo
from tests.integration.tools.conftest import CountingEncoder, Ingester
from tests.integration.tools.stored import orphans, stored, vectors_of

REPOSITORY = Path(__file__).parents[3]


def textured(folder: Path, count: int) -> None:
    """Save photos larger than encoders look at, each with a pattern of its own."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        photo = Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC)
        photo.save(folder / f"{number:02}.jpg", exif=exif_of(gps_of(10.0 + number, 20.0)))


def test_worker_processes_change_no_vector(
    services: Services, encoder: Encoder, tmp_path: Path
) -> None:
    textured(tmp_path / "photos", 9)
    (tmp_path / "photos" / "05.jpg").write_text("not a readable image")
    source = FolderSource(tmp_path / "photos", name="photos")
    reports = [
        ingest_source(source, gallery, services.ingest, encoder, workers=workers, batch_size=4)
        for gallery, workers in (("one", 1), ("two", 2))
    ]
    assert [(report.added, report.rejected) for report in reports] == [(8, 1)] * 2
    assert reports[0].first_rejects == reports[1].first_rejects
    one, two = (vectors_of(services, gallery) for gallery in ("one", "two"))
    assert list(one) == list(two) == sorted(one)
    assert all(np.array_equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("apart", [1, 7])
def test_a_picture_that_is_on_the_way_already_goes_in_once(
    ingest: Ingester, services: Services, tmp_path: Path, workers: int, apart: int
) -> None:
    for number in range(apart + 3):
        save_photo(tmp_path / f"{number}.jpg", SEOUL, color=(20 * number, 0, 0))
    (tmp_path / f"{apart}.jpg").write_bytes((tmp_path / "0.jpg").read_bytes())
    report = ingest(tmp_path, workers=workers, batch_size=2)
    assert report.first_rejects == [
        Rejected(str(tmp_path / f"{apart}.jpg"), "the same picture as '0.jpg'")
    ]
    assert len(set(stored(services, "sha256"))) == report.added == apart + 2


def test_the_same_picture_in_two_collections_of_a_gallery_goes_in_once(
    ingest: Ingester, services: Services, tmp_path: Path
) -> None:
    save_photo(tmp_path / "a" / "x.jpg", SEOUL)
    save_photo(tmp_path / "b" / "y.jpg", SEOUL)
    ingest(FolderSource(tmp_path / "a", name="a"))
    report = ingest(FolderSource(tmp_path / "b", name="b"))
    (rejected,) = report.first_rejects
    assert rejected.reason == "the same picture as 'x.jpg' of 'a'"
    assert ingest(FolderSource(tmp_path / "b", name="b"), "another").added == 1


def test_two_photos_that_change_places_are_both_brought_up_to_date(
    ingest: Ingester, services: Services, tmp_path: Path
) -> None:
    red, blue = (save_photo(tmp_path / f"{n}.jpg", SEOUL, color=(0, 0, 99 * n)) for n in (1, 2))
    ingest(tmp_path)
    one, two = stored(services, "sha256")
    before = red.read_bytes()
    red.write_bytes(blue.read_bytes())
    blue.write_bytes(before)
    assert ingest(tmp_path).updated == 2
    assert stored(services, "sha256") == [two, one]


@pytest.mark.parametrize("workers", [1, 2])
def test_new_terms_of_a_photo_do_not_embed_it_again(
    ingest: Ingester, counting: CountingEncoder, services: Services, tmp_path: Path, workers: int
) -> None:
    save_photo(tmp_path / "a.jpg", SEOUL)
    save_photo(tmp_path / "b.jpg", SEOUL, color=(0, 200, 0))
    table = tmp_path / "photos.csv"
    table.write_text("path,latitude,longitude,author\na.jpg,1,2,Ann\nb.jpg,3,4,Ann\n")
    ingest(table)
    vectors = vectors_of(services, "mine")
    table.write_text("path,latitude,longitude,author\na.jpg,48.85,2.35,Bo\nb.jpg,3,4,Ann\n")
    report = ingest(table, workers=workers)
    assert (report.updated, report.unchanged, counting.embedded) == (1, 1, 2)
    assert stored(services, "author", "latitude", "country") == [
        ("Bo", 48.85, "FR"),
        ("Ann", 3.0, None),
    ]
    again = vectors_of(services, "mine")
    assert all(np.array_equal(vectors[name], again[name]) for name in vectors)


def test_a_killed_worker_is_told_and_loses_no_photo(
    ingest: Ingester, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(REPOSITORY), *sys.path])
    for number in range(6):
        save_photo(tmp_path / f"{number}.jpg", SEOUL, color=(40 * number, 0, 0))
    report = ingest(DeadlySource(tmp_path, deadly="3.jpg"), workers=2, batch_size=2)
    assert (report.added, report.rejected, report.workers_lost) == (5, 1, 2)
    assert "died twice" in report.first_rejects[0].reason
    assert orphans(services) == (5, 0)
