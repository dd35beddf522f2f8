"""Tables of photos into the gallery."""

from __future__ import annotations

from pathlib import Path

import pytest

from geofix.agent.services import Services
from geofix.tools.ingestion import rejected_lines
from tests.files import save_photo
from tests.integration.tools.conftest import Ingester
from tests.integration.tools.stored import stored


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
    assert off.startswith("rejected photos.csv line 5: latitude 91.0")
    assert twice == "rejected photos.csv line 6: an earlier row has the same id 'x'"


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
