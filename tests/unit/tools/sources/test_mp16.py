from __future__ import annotations

from pathlib import Path

import pytest

from geofix.tools.errors import SourceError
from geofix.tools.sources import JoinedSource, open_mp16, open_source
from geofix.tools.sources.mp16 import file_name
from tests.unit.tools.sources.archives import jpeg, photos, rejected, tar, width_of

HEADER = "IMG_ID,AUTHOR,LAT,LON,S3_Label,S16_Label,S365_Label,Prob_indoor,country\n"
NESTED, FLAT = "7b/a4/8868110013.jpg", "7b_a4_8868110013.jpg"


def table(path: Path, *ids: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = (f"{photo},9@N01,{at + 10},{at + 20},1,2,3,0.5,France\n" for at, photo in enumerate(ids))
    path.write_text(HEADER + "".join(rows))
    return path


@pytest.mark.parametrize("photo", [NESTED, FLAT])
@pytest.mark.parametrize("where", ["nested", "flat", "tar", "nested tar"])
def test_a_photo_is_found_however_it_is_stored(tmp_path: Path, photo: str, where: str) -> None:
    stored = {"a/" + NESTED: jpeg(71)} if "nested" in where else {"./images/" + FLAT: jpeg(71)}
    if "tar" in where:
        tar(tmp_path / "mp-16-images.tar", stored)
    for name, data in stored.items() if "tar" not in where else ():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(data)
    table(tmp_path / "metadata/MP16_Pro_places365.csv", photo, "00/01/5.jpg")
    source = open_source(tmp_path)
    assert isinstance(source, JoinedSource)
    (found,) = photos(source)
    assert (found.external_id, found.latitude, found.longitude) == (photo, 10.0, 20.0)
    assert (found.author, found.licence) == ("9@N01", None)
    assert found.attribution == "Flickr, https://www.flickr.com/photos/9@N01/8868110013"
    assert width_of(found.picture) == 71
    assert [item.reason[:6] for item in rejected(source)] == ["1 rows"]


def test_a_test_set_of_the_same_make_is_read(tmp_path: Path) -> None:
    photo = "1000269685_e60e9cdfb4_1125_78841376@N00.jpg"
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / photo).write_bytes(jpeg())
    made = table(tmp_path / "mine.csv", photo)
    (found,) = photos(open_mp16(tmp_path, table=made))
    assert found.attribution == "Flickr, https://www.flickr.com/photos/9@N01/1000269685"


def test_what_is_missing_or_cannot_be_read_at_any_place_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"contains none of MP16_Pro_places365\.csv"):
        open_mp16(tmp_path)
    table(tmp_path / "mp16_places365.csv", NESTED)
    tar(tmp_path / "mp16_rgb_images.tgz", {FLAT: b""}, "w:gz")
    with pytest.raises(SourceError, match=r"mp16_rgb_images\.tgz' is a compressed tar; unpack it"):
        open_mp16(tmp_path)
    (tmp_path / "mp16_rgb_images.tgz").rename(tmp_path / "broken.tar")
    with pytest.raises(SourceError, match=r"broken\.tar' cannot be read"):
        open_mp16(tmp_path)
    (tmp_path / "broken.tar").rename(tmp_path / "mp-16-images00")
    with pytest.raises(SourceError, match=r"a tar in 1 pieces; join them"):
        open_mp16(tmp_path)


@pytest.mark.parametrize("name", [NESTED, FLAT, "x/y/" + NESTED, "./images/" + FLAT])
def test_all_spellings_of_one_photo_are_one(name: str) -> None:
    assert file_name(name) == FLAT
    assert file_name("x/1000_e6_1125_7@N00.jpg") == "1000_e6_1125_7@N00.jpg"
