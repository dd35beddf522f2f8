"""Real files into the gallery: what goes in, what is left out, and what a kill costs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import IFDRational
from sqlalchemy import text

from geofix.agent.errors import GalleryError, SourceError
from geofix.agent.services import Services
from geofix.tools.ingestion import BATCH, IngestionReport, ingest_source, rejected_lines
from geofix.tools.sources import FolderSource, Rejected, TableSource
from tests.fakes import ColorEncoder
from tests.files import GPS, as_nobody, gps_of, open_folder, save_photo

REPOSITORY = Path(__file__).parents[3]
SEOUL = (37.5, 127.0)

Ingester = Callable[..., IngestionReport]


class CountingEncoder(ColorEncoder):
    """Also counts the photos it is given."""

    def __init__(self) -> None:
        self.embedded = 0

    def embed(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        self.embedded += len(images)
        return super().embed(images)


@pytest.fixture
def counting() -> CountingEncoder:
    return CountingEncoder()


@pytest.fixture
def ingest(services: Services, counting: CountingEncoder) -> Ingester:
    """Ingest a folder or a table; every photo has to be counted once, in progress and report."""

    def run(source: Path | FolderSource | TableSource, gallery: str = "mine") -> IngestionReport:
        if isinstance(source, Path):
            source = FolderSource(source) if source.is_dir() else TableSource(source)
        done: list[int] = []
        report = ingest_source(source, gallery, services.ingest, counting, advance=done.append)
        kept = report.added + report.updated + report.unchanged
        assert kept + len(report.rejected) == len(source) == sum(done)
        assert len(list(rejected_lines(report))) == len(report.rejected)
        return report

    return run


def stored(services: Services, *columns: str) -> list[Any]:
    statement = f"select {', '.join(columns)} from photos order by external_id"
    with services.engine.connect() as connection:
        rows = connection.execute(text(statement)).all()
    return [row[0] if len(columns) == 1 else tuple(row) for row in rows]


def orphans(services: Services) -> tuple[int, int]:
    """Return how many photos there are, and how many of them have no vector."""
    with services.engine.connect() as connection:
        photos, vectors = connection.execute(
            text("select (select count(*) from photos), (select count(*) from embeddings)")
        ).one()
    return photos, photos - vectors


def test_a_folder_goes_in_with_place_country_time_and_hash(
    ingest: Ingester, services: Services, tmp_path: Path
) -> None:
    save_photo(tmp_path / "2019 été" / "한강.JPG", SEOUL)
    report = ingest(tmp_path)
    assert (report.added, report.rejected) == (1, [])
    (row,) = stored(
        services, "external_id", "source", "latitude", "longitude", "country", "location"
    )
    path = tmp_path / "2019 été" / "한강.JPG"
    assert row == ("2019 été/한강.JPG", str(tmp_path), *SEOUL, "KR", str(path))


def broken_link(path: Path) -> None:
    path.symlink_to(path.with_name("gone.jpg"))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: save_photo(path), "it says no place: its EXIF has no GPS position"),
        (lambda path: save_photo(path, (0, 0)), "EXIF GPS is exactly 0, 0: taken for unset"),
        (lambda path: save_photo(path, (91, 2)), "latitude is 91 degrees, above 90"),
        (
            lambda path: save_photo(
                path, gps={**gps_of(1, 2), GPS.GPSLatitude: (IFDRational(0, 0),) * 3}
            ),
            "latitude is NaN",
        ),
        (lambda path: path.write_text("not a picture"), "is not a picture"),
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
    assert line.startswith("left out")
    assert str(tmp_path / "bad.jpg") in line and reason in line and "\n" not in line
    assert stored(services, "external_id") == ["good.jpg"]


def test_an_unreadable_file_is_left_out(ingest: Ingester, services: Services) -> None:
    with open_folder() as folder:
        save_photo(folder / "good.jpg", SEOUL)
        save_photo(folder / "closed.jpg", SEOUL).chmod(0)
        # The way to the database is not opened as nobody.
        services.ingest.known("mine", "any", "any")
        with as_nobody():
            report = ingest(folder)
    (line,) = rejected_lines(report)
    assert "closed.jpg" in line and "may not be read" in line
    assert report.added == 1


def test_a_file_that_is_deleted_meanwhile_is_left_out(ingest: Ingester, tmp_path: Path) -> None:
    save_photo(tmp_path / "a.jpg", SEOUL)
    save_photo(tmp_path / "b.jpg", SEOUL, color=(0, 9, 0))
    source = FolderSource(tmp_path)
    (tmp_path / "a.jpg").unlink()
    report = ingest(source)
    assert report.added == 1
    assert "a.jpg' does not exist" in report.rejected[0].reason


def test_a_second_run_embeds_nothing(
    ingest: Ingester, counting: CountingEncoder, services: Services, tmp_path: Path
) -> None:
    for number in range(5):
        save_photo(tmp_path / f"{number}.jpg", SEOUL, color=(40 * number, 0, 0))
    assert ingest(tmp_path).added == counting.embedded == 5
    before = stored(services, "id", "external_id", "sha256")
    again = ingest(tmp_path)
    assert (again.added, again.updated, again.unchanged) == (0, 0, 5)
    assert counting.embedded == 5
    assert stored(services, "id", "external_id", "sha256") == before


def test_a_changed_picture_is_brought_up_to_date(
    ingest: Ingester, services: Services, tmp_path: Path
) -> None:
    save_photo(tmp_path / "a.jpg", SEOUL)
    save_photo(tmp_path / "b.jpg", SEOUL, color=(0, 200, 0))
    ingest(tmp_path)
    (kept,) = stored(services, "id")[:1]
    save_photo(tmp_path / "a.jpg", (48.85, 2.35), color=(0, 0, 200))
    report = ingest(tmp_path)
    assert (report.added, report.updated, report.unchanged) == (0, 1, 1)
    assert stored(services, "id", "latitude", "country")[0] == (kept, 48.85, "FR")
    assert orphans(services) == (2, 0)


def test_the_same_picture_under_two_names_goes_in_once(
    ingest: Ingester, counting: CountingEncoder, tmp_path: Path
) -> None:
    save_photo(tmp_path / "a.jpg", SEOUL)
    save_photo(tmp_path / "copy" / "a (1).jpg", SEOUL)
    for _ in range(2):
        report = ingest(tmp_path)
        twin = Rejected(str(tmp_path / "copy" / "a (1).jpg"), "the same picture as 'a.jpg'")
        assert report.rejected == [twin]
    assert counting.embedded == 1


def test_pictures_that_change_names_lose_no_photo(
    ingest: Ingester, services: Services, tmp_path: Path
) -> None:
    red, blue = (200, 0, 0), (0, 0, 200)
    save_photo(tmp_path / "a.jpg", SEOUL, color=red)
    ingest(tmp_path)
    save_photo(tmp_path / "a.jpg", SEOUL, color=blue)
    save_photo(tmp_path / "b.jpg", SEOUL, color=red)
    report = ingest(tmp_path)
    assert (report.added, report.updated, report.rejected) == (1, 1, [])
    assert len(set(stored(services, "sha256"))) == 2


def test_a_table_brings_its_own_places_and_ids(
    ingest: Ingester, services: Services, tmp_path: Path
) -> None:
    elsewhere = save_photo(tmp_path / "elsewhere" / "b.jpg", color=(0, 0, 200))
    save_photo(tmp_path / "tables" / "sub" / "a, 1.jpg", (1, 2))
    (tmp_path / "tables" / "photos.csv").write_text(
        "path;latitude;longitude;id;author;licence;captured at\n"
        f'"sub/a, 1.jpg";48,85;2,35;x;Ann;CC0-1.0;2024-05-01\n{elsewhere};37,5;127;y;;;\n'
        "sub/gone.jpg;1;1;z;;;\nsub/a, 1.jpg;91;2;w;;;\nsub/a, 1.jpg;1;2;x;;;\n",
        encoding="utf-8",
    )
    report = ingest(tmp_path / "tables" / "photos.csv")
    assert report.added == 2
    rows = stored(services, "external_id", "latitude", "country", "author", "licence")
    assert rows == [("x", 48.85, "FR", "Ann", "CC0-1.0"), ("y", 37.5, "KR", None, None)]
    gone, off, twice = rejected_lines(report)
    assert "gone.jpg' does not exist" in gone
    assert off.startswith("left out photos.csv line 5: latitude 91.0")
    assert twice == "left out photos.csv line 6: line 2 has the id 'x' already"


@pytest.mark.parametrize(
    ("before", "after", "column", "value"),
    [
        ("48.85,2.35,,,,", "35.6,139.7,,,,", "country", "JP"),
        ("48.85,2.35,,,,", "48.85,2.35,CC0-1.0,,,", "licence", "CC0-1.0"),
        ("48.85,2.35,CC0-1.0,,,", "48.85,2.35,,,,", "licence", None),
        ("48.85,2.35,,Ann,,", "48.85,2.35,,Bo,,", "author", "Bo"),
        ("48.85,2.35,,,0.1,", "48.85,2.35,,,25,", "accuracy_km", 25),
        ("48.85,2.35,,,,", "48.85,2.35,,,,2024-05-01", "extract(year from captured_at)", 2024),
    ],
)
def test_a_corrected_row_of_a_table_is_brought_up_to_date(
    ingest: Ingester,
    services: Services,
    tmp_path: Path,
    before: str,
    after: str,
    column: str,
    value: object,
) -> None:
    table = tmp_path / "photos.csv"
    header = "path,latitude,longitude,licence,author,accuracy_km,date\n"
    save_photo(tmp_path / "a.jpg")
    table.write_text(f"{header}a.jpg,{before}\n")
    assert ingest(table).added == 1
    assert ingest(table).unchanged == 1
    table.write_text(f"{header}a.jpg,{after}\n")
    assert ingest(table).updated == 1
    assert stored(services, column) == [value]
    assert ingest(table).unchanged == 1


def test_more_than_one_batch_goes_in_whole(
    ingest: Ingester, services: Services, tmp_path: Path
) -> None:
    for number in range(BATCH + 3):
        save_photo(tmp_path / f"{number}.jpg", SEOUL, color=(6 * number, 0, 0))
    assert ingest(tmp_path).added == BATCH + 3
    assert orphans(services) == (BATCH + 3, 0)


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


KILLED = """
import os, signal, sys
from itertools import count
from pathlib import Path

from sqlalchemy import event

from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.tools import ingestion
from geofix.tools.sources import FolderSource
from tests.fakes import ColorEncoder

def die():
    os.kill(os.getpid(), signal.SIGKILL)

url, folder, moment = sys.argv[1:]
batches = count(1)

class Poisoned(ColorEncoder):
    batch = 0

    def embed(self, images):
        self.batch = next(batches)
        if moment == "embedding" and self.batch == 2:
            die()
        return super().embed(images)

ingestion.BATCH = 2
encoder = Poisoned()
with Services(Settings(database_url=url)) as services:
    @event.listens_for(services.engine, "before_cursor_execute")
    def watch(connection, cursor, statement, *rest):
        if moment == "storing" and encoder.batch == 2 and "into embeddings" in statement:
            die()

    ingestion.ingest_source(FolderSource(Path(folder)), "mine", services.ingest, encoder)
"""


@pytest.mark.parametrize("moment", ["embedding", "storing"])
def test_killed_and_started_again_nothing_is_there_twice_and_nothing_is_lost(
    ingest: Ingester,
    counting: CountingEncoder,
    services: Services,
    database_url: str,
    tmp_path: Path,
    moment: str,
) -> None:
    for number in range(5):
        save_photo(tmp_path / f"{number}.jpg", SEOUL, color=(40 * number, 0, 0))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, database_url, str(tmp_path), moment],
        check=False,
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    # The first batch of two is there whole, the second, in the middle of which it died, not at all.
    assert orphans(services) == (2, 0)
    report = ingest(tmp_path)
    assert (report.added, report.unchanged) == (3, 2)
    assert counting.embedded == 3
    assert stored(services, "external_id") == [f"{number}.jpg" for number in range(5)]
    assert orphans(services) == (5, 0)


def test_a_load_cut_off_before_its_end_is_centred_by_the_next_run(
    ingest: Ingester, services: Services, counting: CountingEncoder, tmp_path: Path
) -> None:
    def centrings() -> int:
        with services.engine.connect() as connection:
            return int(connection.execute(text("select count(*) from centrings")).scalar_one())

    for number in range(40):
        save_photo(tmp_path / f"{number}.jpg", SEOUL, color=(6 * number, 255 - number, 0))
    ingest(tmp_path)
    full = centrings()
    with services.engine.begin() as connection:
        connection.execute(text("delete from centrings"))
    assert ingest(tmp_path).unchanged == 40
    assert centrings() == full
