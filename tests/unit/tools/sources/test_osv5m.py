from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from geofix.tools.errors import SourceError
from geofix.tools.sources import JoinedSource, ZipPicture, open_osv5m, open_source
from tests.unit.tools.sources.archives import jpeg, photos, rejected, width_of, zipped

HEADER = (
    "id,latitude,longitude,thumb_original_url,country,sequence,captured_at,lon_bin,lat_bin,cell,"
    "region,sub-region,city,land_cover,quadtree_10_5000,creator_username,creator_id\n"
)


def row(photo: int, latitude: float = 48.5, author: str = "ann") -> str:
    return (
        f'{photo},{latitude},2.25,https://x,FR,abc,1534763130123,1.0,2.0,"(0, 8)",Île-de-France,,'
        f"Paris,4.0,77,{author},1113.0\n"
    )


def published(folder: Path) -> Path:
    (folder / "train.csv").write_text(HEADER + row(11) + row(12, author="") + row(13) + row(14, 99))
    (folder / "test.csv").write_text(HEADER + row(21))
    zipped(folder / "images/train/00.zip", {"00/11.jpg": jpeg(71)})
    zipped(folder / "images/train/01.zip", {"01/12.jpg": jpeg(72)}, zipfile.ZIP_DEFLATED)
    zipped(folder / "images/test/00.zip", {"00/21.jpg": jpeg(91)})
    return folder


def test_it_is_read_as_published(tmp_path: Path) -> None:
    source = open_source(published(tmp_path))
    assert isinstance(source, JoinedSource)
    first, second = photos(source)
    assert isinstance(first.picture, ZipPicture)
    assert first.picture.location == str(tmp_path / "images/train/00.zip!00/11.jpg")
    assert [width_of(photo.picture) for photo in (first, second)] == [71, 72]
    assert (first.external_id, first.author, first.licence) == ("11", "ann", "CC-BY-SA-4.0")
    assert first.attribution == "Mapillary, ann, https://www.mapillary.com/app/?pKey=11"
    assert second.attribution == "Mapillary, https://www.mapillary.com/app/?pKey=12"
    assert first.captured_at == datetime(2018, 8, 20, 11, 5, 30, 123_000, tzinfo=UTC)
    assert source.total() == 2


def test_what_has_no_partner_is_one_line(tmp_path: Path) -> None:
    published(tmp_path)
    zipped(tmp_path / "images/train/02.zip", {"02/99.jpg": b"", "02/98.jpg": b""})
    reasons = [item.reason for item in rejected(open_osv5m(tmp_path))]
    assert len(reasons) == 3
    assert reasons[0].startswith("latitude 99.0 is not between")
    assert reasons[1].startswith("1 rows have no photo in")
    assert reasons[2].startswith("2 photos have no usable row in 'train.csv'")


def test_unpacked_folders_do_as_well(tmp_path: Path) -> None:
    published(tmp_path)
    for archive in (tmp_path / "images/train").glob("*.zip"):
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(archive.parent)
        archive.unlink()
    assert [width_of(photo.picture) for photo in photos(open_osv5m(tmp_path))] == [71, 72]


def test_a_zip_beside_what_was_unpacked_from_it_counts_once(tmp_path: Path) -> None:
    published(tmp_path)
    with zipfile.ZipFile(tmp_path / "images/train/00.zip") as opened:
        opened.extractall(tmp_path / "images/train")
    source = open_osv5m(tmp_path)
    assert source.total() == len(photos(source)) == 2


def test_the_splits_are_told_apart(tmp_path: Path) -> None:
    published(tmp_path)
    test = open_source(tmp_path, split="test")
    assert isinstance(test, JoinedSource)
    assert [photo.external_id for photo in photos(test)] == ["21"]
    assert test.name.split("-")[-2] == "test" != open_osv5m(tmp_path).name.split("-")[-2]
    with pytest.raises(SourceError, match="no split 'val'; its splits are train, test"):
        open_osv5m(tmp_path, split="val")
    (tmp_path / "test.csv").unlink()
    with pytest.raises(SourceError, match=r"does not contain test\.csv"):
        open_osv5m(tmp_path, split="test")


def test_damaged_and_missing_archives_are_named(tmp_path: Path) -> None:
    published(tmp_path)
    archive = tmp_path / "images/train/01.zip"
    archive.write_bytes(archive.read_bytes()[:300])
    with pytest.raises(SourceError, match=r"01\.zip' cannot be read \(File is not a zip file\)"):
        open_osv5m(tmp_path)
    for path in (tmp_path / "images/train").iterdir():
        path.unlink()
    with pytest.raises(SourceError, match="contains no photo, zip or tar"):
        open_osv5m(tmp_path)
