"""Files, galleries and vectors that do not go in, and the reason given."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL.TiffImagePlugin import IFDRational

from geofix.agent.errors import GalleryError, SourceError
from geofix.agent.services import Services
from geofix.tools.ingestion import ingest_source, rejected_lines
from geofix.tools.sources import FolderSource
from tests.files import GPS, SEOUL, as_nobody, gps_of, open_folder, save_photo
from tests.integration.tools.conftest import CountingEncoder, Ingester
from tests.integration.tools.stored import orphans, stored


def broken_link(path: Path) -> None:
    path.symlink_to(path.with_name("gone.jpg"))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: save_photo(path), "it has no place: its EXIF has no GPS position"),
        (lambda path: save_photo(path, (0, 0)), "EXIF GPS is exactly 0, 0"),
        (lambda path: save_photo(path, (91, 2)), "latitude is 91 degrees, above 90"),
        (
            lambda path: save_photo(
                path, gps={**gps_of(1, 2), GPS.GPSLatitude: (IFDRational(0, 0),) * 3}
            ),
            "latitude is NaN",
        ),
        (lambda path: path.write_text("not a readable image"), "is not a readable image"),
        (lambda path: path.touch(), "is empty"),
        (lambda path: path.write_bytes(save_photo(path, SEOUL).read_bytes()[:500]), "damaged"),
        (broken_link, "does not exist"),
        (os.mkfifo, "is a pipe or device"),
    ],
    ids=["no GPS", "0,0", "91", "NaN", "text", "empty", "truncated", "broken link", "pipe"],
)
def test_a_photo_that_cannot_go_in_is_left_out_with_the_reason(
    ingest: Ingester,
    services: Services,
    tmp_path: Path,
    make: Callable[[Path], object],
    reason: str,
) -> None:
    save_photo(tmp_path / "good.jpg", SEOUL)
    make(tmp_path / "bad.jpg")
    report = ingest(tmp_path)
    (line,) = rejected_lines(report)
    assert line.startswith("rejected")
    assert str(tmp_path / "bad.jpg") in line and reason in line and "\n" not in line
    assert stored(services, "external_id") == ["good.jpg"]


def test_an_unreadable_file_is_left_out(ingest: Ingester, services: Services) -> None:
    with open_folder() as folder:
        save_photo(folder / "good.jpg", SEOUL)
        save_photo(folder / "closed.jpg", SEOUL).chmod(0)
        # The way to the database is not opened as nobody.
        services.ingest.known("mine", "any", "any", ["any"])
        with as_nobody():
            report = ingest(folder)
    (line,) = rejected_lines(report)
    assert "closed.jpg" in line and "have no permission to read" in line
    assert report.added == 1


def test_a_file_that_is_deleted_meanwhile_is_left_out(ingest: Ingester, tmp_path: Path) -> None:
    save_photo(tmp_path / "a.jpg", SEOUL)
    save_photo(tmp_path / "b.jpg", SEOUL, color=(0, 9, 0))
    source = FolderSource(tmp_path)
    (tmp_path / "a.jpg").unlink()
    report = ingest(source)
    assert report.added == 1
    assert "a.jpg' does not exist" in report.first_rejects[0].reason


@pytest.mark.parametrize("name", ["", " ", "a\nb", "caf\udce9"])
def test_an_unusable_name_of_a_gallery_is_refused(
    ingest: Ingester, services: Services, tmp_path: Path, name: str
) -> None:
    save_photo(tmp_path / "a.jpg", SEOUL)
    with pytest.raises(SourceError, match="name"):
        ingest(tmp_path, name)
    assert stored(services, "id") == []


def test_a_batch_of_unusable_vectors_is_not_stored(
    services: Services, counting: CountingEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photo(tmp_path / "a.jpg", SEOUL)
    monkeypatch.setattr(counting, "embed", lambda images: np.full((1, 3), np.nan, np.float32))
    with pytest.raises(GalleryError, match="not finite"):
        ingest_source(FolderSource(tmp_path), "mine", services.ingest, counting)
    assert orphans(services) == (0, 0)
