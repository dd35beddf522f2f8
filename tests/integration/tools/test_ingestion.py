"""Real files into the gallery: what goes in, and what a second run changes."""

from __future__ import annotations

from pathlib import Path

from geofix.agent.services import Services
from geofix.tools.ingestion import BATCH
from geofix.tools.sources import Rejected
from geofix.tools.sources.protocol import name_of
from tests.files import SEOUL, save_photo
from tests.integration.tools.conftest import CountingEncoder, Ingester
from tests.integration.tools.stored import orphans, stored


def test_a_folder_goes_in_with_place_country_time_and_hash(
    ingest: Ingester, services: Services, tmp_path: Path
) -> None:
    save_photo(tmp_path / "2019 été" / "한강.JPG", SEOUL)
    report = ingest(tmp_path)
    assert (report.added, report.rejected) == (1, 0)
    (row,) = stored(
        services, "external_id", "source", "latitude", "longitude", "country", "location"
    )
    path = tmp_path / "2019 été" / "한강.JPG"
    assert row == ("2019 été/한강.JPG", name_of(tmp_path), *SEOUL, "KR", str(path))


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
        assert report.first_rejects == [twin]
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
    assert (report.added, report.updated, report.rejected) == (1, 1, 0)
    assert len(set(stored(services, "sha256"))) == 2


def test_more_than_one_batch_goes_in_whole(
    ingest: Ingester, services: Services, tmp_path: Path
) -> None:
    for number in range(BATCH + 3):
        save_photo(tmp_path / f"{number}.jpg", SEOUL, color=(6 * number, 0, 0))
    assert ingest(tmp_path).added == BATCH + 3
    assert orphans(services) == (BATCH + 3, 0)
