"""Published sets are read in the forms in which they circulate, and their defects are told."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from geofix.evaluation.reproduce import truth_table
from geofix.evaluation.reproduce.pictures import SMALL_BYTES
from geofix.evaluation.reproduce.sets import OpenedSet, open_set
from geofix.evaluation.reproduce.truth_table import author_of
from geofix.tools.errors import SourceError
from geofix.tools.sources.picture_files import FilePicture, ZipPicture
from tests.files import save_photo
from tests.stand_in_set import ANN, BOB, CLOSE, FAR, GONE, MISSING, NOWHERE, PARIS, write_stand_in


def test_what_is_wrong_with_a_copy_is_found_told_and_left_out(tmp_path: Path) -> None:
    opened = open_set("im2gps3k", write_stand_in(tmp_path / "im2gps3k"))
    assert [photo.id for photo in opened.photos] == [CLOSE, FAR]
    assert {photo.truth for photo in opened.photos} == {PARIS}
    assert {photo.author for photo in opened.photos} == {ANN}
    assert opened.table.exchanged
    assert opened.missing == (MISSING,) and opened.placeholders == GONE
    told = "\n".join(opened.notes)
    assert "are exchanged" in told and "published with 2,997" in told
    for left_out in (MISSING, *GONE):
        assert left_out in told
    assert len(opened.table.left_out) == 1 and "0, 0" in opened.table.left_out[0]
    assert NOWHERE not in opened.sizes


def _small_set(folder: Path, table: str, text: str, *names: str) -> OpenedSet:
    for at, name in enumerate(names):
        save_photo(folder / name, color=(at * 40, 90, 90))
    (folder / table).parent.mkdir(parents=True, exist_ok=True)
    (folder / table).write_text(text)
    return open_set(_SET_OF[Path(table).name], folder)


_SET_OF = {
    "im2gps_places365.csv": "im2gps",
    "im2gps3k.csv": "im2gps3k",
    "yfcc4k.csv": "yfcc4k",
    "gws15k_aug_2.csv": "gws15k",
    "ours.csv": "gws15k",
    "test.csv": "osv5m",
}

NAMED = "Ankara_00003_601190107_9f05b2251e_1292_8504005@N07.jpg"


@pytest.mark.parametrize(
    ("table", "text", "pictures", "told"),
    [
        (  # GeoEstimation's IM2GPS, where AUTHOR holds other parts of the name
            "meta/im2gps_places365.csv",
            f"IMG_ID,AUTHOR,LAT,LON,S3\n{NAMED},9f05b2251e_1292_8504005@N07,39.9,132.8,2\n",
            (f"img/{NAMED}",),
            (NAMED, 39.9, 132.8, "8504005@N07", None),
        ),
        (  # GeoCLIP
            "im2gps3k.csv",
            "IMG_FILE,LAT,LON\na.jpg,-33.8,151.2\n",
            ("im2gps3ktest/a.jpg", "seg/a.png"),
            ("a.jpg", -33.8, 151.2, None, None),
        ),
        (  # YFCC4k with all of YFCC100M's columns
            "yfcc4k.csv",
            "RecordNumber,name,Secret,OwnerNSID,Username,lon,lat\n"
            "1,8868110013.jpg,6ae9,55289779@N00,x,-79.3,43.6\n",
            ("images/7b/a4/8868110013.jpg",),
            ("8868110013.jpg", 43.6, -79.3, "55289779@N00", None),
        ),
        (  # PIGEON
            "gws15k_aug_2.csv",
            ",image,country,lat,lng\n0,p1.jpg,FR,48.1,2.0\n",
            ("cropped/p1.jpg",),
            ("p1.jpg", 48.1, 2.0, None, None),
        ),
        (  # a list of one's own, with semicolons
            "ours.csv",
            "id;latitude;longitude\np1;48.1;2.0\n",
            ("p1.jpg",),
            ("p1", 48.1, 2.0, None, None),
        ),
        (  # OSV-5M
            "test.csv",
            "id,latitude,longitude,thumb,sequence,creator_username,creator_id\n"
            "3859149887465501,-43.8,-176.6,,s1,roadroid,1.0\n",
            ("images/test/00/3859149887465501.jpg", "images/train/00/3859149887465501.jpg"),
            ("3859149887465501", -43.8, -176.6, "roadroid", "s1"),
        ),
    ],
)
def test_each_form_is_read(
    tmp_path: Path,
    table: str,
    text: str,
    pictures: tuple[str, ...],
    told: tuple[object, ...],
) -> None:
    opened = _small_set(tmp_path, table, text, *pictures)
    (photo,) = opened.photos
    assert (photo.id, photo.latitude, photo.longitude, photo.author, photo.sequence) == told
    assert photo.picture.read() == (tmp_path / pictures[0]).read_bytes()
    assert not opened.table.exchanged


def test_pictures_stay_in_their_zip_and_a_file_goes_before_it(tmp_path: Path) -> None:
    first = save_photo(tmp_path / "a.jpg")
    second = save_photo(tmp_path / "b.jpg", color=(9, 9, 9))
    data = first.read_bytes()
    with zipfile.ZipFile(tmp_path / "00.zip", "w") as archive:
        archive.write(first, "00/a.jpg")
        archive.writestr("00/b.jpg", b"not this one")
    first.unlink()
    text = "IMG_ID,LAT,LON\na.jpg,1.0,100.0\nb.jpg,2.0,100.0\n"
    opened = _small_set(tmp_path, "im2gps3k.csv", text)
    assert [type(photo.picture) for photo in opened.photos] == [ZipPicture, FilePicture]
    assert opened.photos[0].picture.read() == data
    assert opened.photos[1].picture.read() == second.read_bytes()


def test_a_photo_that_its_author_uploaded_twice_is_no_notice(tmp_path: Path) -> None:
    large = save_photo(tmp_path / "large.jpg").read_bytes() + bytes(SMALL_BYTES)
    twice = [f"{number}_x_1_{ANN}.jpg" for number in (11, 22)]
    of_two = [f"{number}_y_1_{author}.jpg" for number, author in ((33, ANN), (44, BOB))]
    small = [f"{number}_z_1_{BOB}.jpg" for number in (55, 66)]
    for name in twice:
        (tmp_path / name).write_bytes(large)
    for name in of_two:
        (tmp_path / name).write_bytes(large + b"of two authors")
    for name in small:
        save_photo(tmp_path / name)
    rows = "".join(f"{name},48.1,100.0\n" for name in (*twice, *of_two, *small))
    opened = _small_set(tmp_path, "im2gps3k.csv", f"IMG_ID,LAT,LON\n{rows}")
    assert [photo.id for photo in opened.photos] == twice
    assert opened.placeholders == (*of_two, *small)


def test_order_that_cannot_be_checked_is_told(tmp_path: Path) -> None:
    text = "IMG_ID,LAT,LON\na.jpg,48.1,2.0\n"
    opened = _small_set(tmp_path, "im2gps3k.csv", text, "a.jpg")
    assert any("could not be checked" in note for note in opened.notes)
    both = "IMG_ID,LAT,LON\na.jpg,48.1,122.0\nb.jpg,99.0,1.0\n"
    opened = _small_set(tmp_path, "im2gps3k.csv", both, "a.jpg", "b.jpg")
    assert not opened.table.exchanged and len(opened.table.left_out) == 1


def test_what_is_looked_for_and_what_is_there_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceError, match=r"no folder.*IM2GPS3k: table https"):
        open_set("im2gps3k", tmp_path / "nothing")
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SourceError, match=r"im2gps3k_places365\.csv.*contains notes\.csv.*--table"):
        open_set("im2gps3k", tmp_path)
    with pytest.raises(SourceError, match=r"one of latitudes.*its columns are 'a', 'b'"):
        open_set("im2gps3k", tmp_path, tmp_path / "notes.csv")
    table = tmp_path / "im2gps3k.csv"
    table.write_text("IMG_ID,LAT,LON\na.jpg,48.1,2.0\n")
    with pytest.raises(SourceError, match=r"none of the 1 photos.*contains 0 pictures"):
        open_set("im2gps3k", tmp_path)
    for folder in ("x", "y"):
        save_photo(tmp_path / folder / "a.jpg")
    with pytest.raises(SourceError, match="there 2 times"):
        open_set("im2gps3k", tmp_path)
    monkeypatch.setattr(truth_table, "MOST_ROWS", 0)
    with pytest.raises(SourceError, match="more than 0 rows"):
        open_set("im2gps3k", tmp_path)
    monkeypatch.setattr(truth_table, "MOST_BYTES", 3)
    with pytest.raises(SourceError, match="at most 3 are read"):
        open_set("im2gps3k", tmp_path)


def test_an_author_is_flickrs_id_where_there_is_one() -> None:
    assert author_of("9f05_1292_8504005@N07", NAMED) == "8504005@N07"
    assert author_of("", NAMED) == "8504005@N07"
    assert author_of("roadroid", "385.jpg") == "roadroid"
    assert author_of("", "385.jpg") is None
