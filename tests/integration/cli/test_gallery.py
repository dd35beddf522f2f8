"""`geofix gallery`: photos of one's own, through the same door as everybody's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from geofix.tools.photo.samples import sample_path
from tests.files import exif_of, gps_of, save_photo
from tests.integration.cli.conftest import Geofix


def test_own_photos_go_in_are_listed_found_and_removed(
    geofix: Geofix, database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    save_photo(folder / "a.jpg", (37.5, 127.0))
    Image.open(sample_path()).resize((400, 300)).save(
        folder / "here.png", exif=exif_of(gps_of(48.8867, 2.3431))
    )
    added = geofix("gallery", "ingest", folder, url=database_url)
    assert added.code == 0
    assert (
        added.out == "gallery 'mine': 2 added, 0 updated, 0 unchanged, 0 rejected; 2 read in all\n"
    )
    again = geofix("gallery", "ingest", folder, url=database_url)
    assert (
        again.out == "gallery 'mine': 0 added, 0 updated, 2 unchanged, 0 rejected; 2 read in all\n"
    )
    listed = geofix("gallery", "list", url=database_url).out
    assert listed.splitlines()[1].split()[:3] == ["mine", "2", "2"]
    found = json.loads(
        geofix("locate", "--gallery", "mine", "--json", url=database_url).out or "null"
    )
    assert found["candidates"][0]["label"].endswith("France")
    removed = geofix("gallery", "remove", "mine", url=database_url)
    assert removed.out == "removed the gallery 'mine' and its 2 photos\n"
    assert "no gallery yet" in geofix("gallery", "list", url=database_url).out


def test_every_photo_left_out_is_a_line_and_the_exit_code_says_so(
    geofix: Geofix, database_url: str, tmp_path: Path
) -> None:
    save_photo(tmp_path / "photos" / "good.jpg", (37.5, 127.0))
    save_photo(tmp_path / "photos" / "no place.jpg")
    (tmp_path / "photos" / "text [bold].jpg").write_text("not a readable image")
    done = geofix("gallery", "ingest", tmp_path / "photos", url=database_url)
    assert done.code == 6
    first, second, last = done.out.splitlines()
    assert first.startswith("rejected") and "no place.jpg" in first and "no GPS" in first
    assert second.startswith("rejected") and "text [bold].jpg" in second
    assert last == "gallery 'mine': 1 added, 0 updated, 0 unchanged, 2 rejected; 3 read in all"


def test_a_table_goes_in_under_a_name(geofix: Geofix, database_url: str, tmp_path: Path) -> None:
    save_photo(tmp_path / "a.jpg")
    table = tmp_path / "photos.csv"
    table.write_text("path,latitude,longitude,licence\na.jpg,35.6,139.7,CC-BY-4.0\na.jpg,91,0,\n")
    done = geofix(
        "gallery", "ingest", table, "--gallery", "Straße [1]", "--name", "trip", url=database_url
    )
    assert done.code == 6
    assert done.out.splitlines()[0].startswith("rejected photos.csv line 3: latitude 91.0")
    listed = geofix("gallery", "list", url=database_url).out
    assert "Straße [1]" in listed and "CC-BY-4.0" in listed


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("ingest", "nosuch"), "'nosuch' does not exist"),
        (("ingest", "notes.csv"), "has no column 'path'; its columns are 'place', 'lat'"),
        (("ingest", "empty"), "contains no photo"),
        (("add", "nosuch"), "geofix ships no gallery 'nosuch'; the one it ships is 'starter'"),
    ],
)
def test_what_cannot_be_put_in_is_one_line(
    geofix: Geofix, database_url: str, tmp_path: Path, args: tuple[str, ...], words: str
) -> None:
    (tmp_path / "empty").mkdir()
    save_photo(tmp_path / "full" / "a.jpg", (1, 2))
    (tmp_path / "notes.csv").write_text("place,lat\nhere,1\n")
    done = geofix("gallery", *args, url=database_url)
    assert (done.code, done.out) == (4, "")
    error = done.err.splitlines()[-1]
    assert error.startswith("geofix: ") and words in error
    assert "no gallery yet" in geofix("gallery", "list", url=database_url).out


@pytest.mark.parametrize(
    ("option", "name", "words"),
    [("--gallery", "", "the name '' is blank"), ("--name", "\t", r"the name '\t' is blank")],
)
def test_a_name_that_cannot_be_used_is_a_wrong_command_line(
    geofix: Geofix, tmp_path: Path, option: str, name: str, words: str
) -> None:
    save_photo(tmp_path / "full" / "a.jpg", (1, 2))
    done = geofix("gallery", "ingest", "full", option, name)
    assert (done.code, done.out) == (2, "")
    assert words in done.said


def test_an_unknown_gallery_cannot_be_removed(geofix: Geofix, starter_url: str) -> None:
    done = geofix("gallery", "remove", "nosuch", url=starter_url)
    assert (done.code, done.out) == (5, "")
    assert "no gallery 'nosuch'; the galleries are: 'starter'" in done.err


def test_the_starter_gallery_is_added_once(geofix: Geofix, database_url: str) -> None:
    first = geofix("gallery", "add", url=database_url)
    assert first.code == 0 and not first.out.startswith("0 ")
    assert geofix("gallery", "add", "starter", url=database_url).out.startswith("added 0 photos")
