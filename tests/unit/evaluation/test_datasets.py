"""Folders and tables as sets of photos with their truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from geofix.agent.errors import SourceError
from geofix.evaluation.datasets import open_dataset
from geofix.tools.statistics import PLACE_KM

OPEN = """file,source,external_id,latitude,longitude,truth,place,author
a.jpg,OpenSfM,data/lund/1.jpg,55.7,13.19,exact,Lund,ann
b.jpg,SPECS,77,9.07,7.39,city,Abuja,
c.jpg,exif-samples,78,9.07,7.39,exif,,
"""


def table(folder: Path, text: str, name: str = "photos.csv") -> Path:
    (folder / name).write_text(text)
    return folder


def test_the_layout_of_the_open_set_is_known(tmp_path: Path) -> None:
    dataset = open_dataset(str(table(tmp_path, OPEN)))
    lund, abuja = dataset.photos
    assert (lund.id, lund.group, lund.author) == ("data/lund/1.jpg", "Lund", "ann")
    assert lund.sequence == "OpenSfM data/lund" and lund.accuracy_km == 0
    assert abuja.accuracy_km == PLACE_KM and abuja.sequence is None
    assert len(dataset.left_out) == 1 and "EXIF" in dataset.left_out[0]


def test_a_row_without_a_place_says_what_it_shows_or_is_left_out(tmp_path: Path) -> None:
    rows = "path,lat,lon,kind,sequence\na.jpg,,,food,\nb.jpg,,,,\nc.jpg,91,1,,\nd.jpg,1,2,,walk\n"
    dataset = open_dataset(str(table(tmp_path, rows) / "photos.csv"))
    food, placed = dataset.photos
    assert food.must_reject == "food" and food.truth is None
    assert placed.truth == (1.0, 2.0) and placed.must_reject is None
    assert (placed.group, placed.sequence) == ("1, 2", "walk")
    assert len(dataset.left_out) == 2


def test_columns_are_mapped_as_for_a_gallery(tmp_path: Path) -> None:
    folder = table(tmp_path, "Datei,Breite,Laenge\na.jpg,48.1,11.5\n")
    names = {"path": "Datei", "latitude": "Breite", "longitude": "Laenge"}
    (photo,) = open_dataset(str(folder), names).photos
    assert photo.truth == (48.1, 11.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "empty"), ("path,lat,lon\na.jpg,1,2\na.jpg,3,4\n", "twice"), ("x,y\n1,2\n", "path")],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        open_dataset(str(table(tmp_path, text)))


def test_what_is_not_there_is_refused_with_what_could_be(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="world:street"):
        open_dataset(str(tmp_path / "nothing"))
    with pytest.raises(SourceError, match="moon"):
        open_dataset("world:moon")
