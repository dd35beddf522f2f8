"""`geofix gallery ingest` of tables with names of their own, and of vectors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.files import save_photo
from tests.integration.cli.conftest import Geofix


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table in foreign words, whose third photo lies nowhere."""
    for number in range(3):
        save_photo(tmp_path / f"{number}.jpg", color=(250, 80 * number, 0))
    path = tmp_path / "fotos.txt"
    path.write_text("Datei,Breite,Laenge\n0.jpg,48.1,11.5\n1.jpg,48.2,11.6\n2.jpg,191,11\n")
    return path


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.npy"
    np.save(path, np.vstack([np.eye(4), np.full((1, 4), np.nan)]).astype(np.float32))
    rows = "".join(f"p{row},{48 + row},2.5,Ann\n" for row in range(5))
    path.with_suffix(".csv").write_text("photo,lat,lon,author\n" + rows)
    return path


def test_a_table_is_read_by_its_own_names_in_processes_and_what_is_left_out_is_in_a_file(
    geofix: Geofix, database_url: str, table: Path
) -> None:
    rejects = table.with_name("rejects.jsonl")
    names = (
        "--column",
        "path=Datei",
        "--column",
        "latitude=Breite",
        "--column",
        "longitude=Laenge",
    )
    args = ("gallery", "ingest", table, "--kind", "csv", *names, "--workers", "2")
    done = geofix(*args, "--rejects", rejects, url=database_url)
    assert done.code == 6
    left_out, last = done.out.splitlines()
    assert left_out.startswith("rejected fotos.txt line 4: latitude 191.0")
    assert last == "gallery 'mine': 2 added, 0 updated, 0 unchanged, 1 rejected; 3 read in all"
    (line,) = map(json.loads, rejects.read_text().splitlines())
    assert line["item"] == "fotos.txt line 4" and "latitude 191.0" in line["reason"]
    again = geofix(*args, url=database_url)
    assert again.out.splitlines()[-1].startswith(
        "gallery 'mine': 0 added, 0 updated, 2 unchanged, 1 rejected; 3 read in all"
    )


def test_more_left_out_than_are_shown_are_said_to_be_in_the_file(
    geofix: Geofix, database_url: str, tmp_path: Path
) -> None:
    save_photo(tmp_path / "photos" / "good.jpg", (37.5, 127.0))
    for number in range(23):
        save_photo(tmp_path / "photos" / f"nowhere-{number:02}.jpg")
    rejects = tmp_path / "rejects.jsonl"
    args = ("gallery", "ingest", tmp_path / "photos")
    done = geofix(*args, "--rejects", rejects, url=database_url)
    lines = done.out.splitlines()
    assert len(lines) == 22 and len(rejects.read_text().splitlines()) == 23
    assert lines[20] == f"and 3 more, see {str(rejects)!r}"
    without = geofix(*args, url=database_url).out.splitlines()
    assert without[20] == "and 3 more; `--rejects FILE` writes all of them to a file"


def test_vectors_go_in_under_their_encoders_name_and_are_not_of_ours(
    geofix: Geofix, database_url: str, vectors: Path
) -> None:
    args = ("gallery", "ingest", vectors, "--column", "id=photo", "--embedded-by", "other-v1")
    done = geofix(*args, url=database_url)
    assert done.code == 6
    left_out, last = done.out.splitlines()
    assert "p4" in left_out or "line 6" in left_out
    assert "vector is missing or not finite" in left_out
    assert last == "gallery 'mine': 4 added, 0 updated, 0 unchanged, 1 rejected; 5 read in all"
    listed = geofix("gallery", "list", url=database_url).out
    assert listed.splitlines()[1].split()[:4] == ["mine", "4", "1", "other-v1"]
    refused = geofix("locate", url=database_url)
    assert refused.code == 5
    assert "was embedded with 'other-v1'" in refused.said


def test_vectors_of_another_dimension_need_another_name(
    geofix: Geofix, database_url: str, vectors: Path
) -> None:
    args = ("gallery", "ingest", vectors, "--column", "id=photo", "--embedded-by", "other-v1")
    geofix(*args, url=database_url)
    np.save(vectors, np.ones((5, 6), np.float32))
    done = geofix(*args, "--name", "more", url=database_url)
    assert (done.code, done.out) == (5, "")
    assert "vectors of 6 dimensions, but its stored vectors have 4; give" in done.said


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--column", "latitude"), 4, "the column 'latitude' is not written as OURS=THEIRS"),
        (("--column", "=LAT"), 4, "the column '=LAT' is not written as OURS=THEIRS"),
        (("--column", "latitude="), 4, "is not written as OURS=THEIRS, such as latitude=LAT"),
        (("--column", "breadth=lat"), 4, "'breadth'"),
        (
            ("--column", "id=nosuch"),
            4,
            "has no column 'nosuch', which --column names for 'id'; its columns are 'photo'",
        ),
        (("--column", "id=photo", "--column", "id=lat"), 4, "'id' is given twice"),
        (("--kind", "photos"), 4, "'photos' is not a kind of source; the kinds are folder: "),
        (("--kind", "folder"), 4, "vectors.npy"),
        (("--split", "test"), 4, "--split is only for osv5m, and this source is read as 'vectors'"),
        (("--column", "id=photo", "--workers", "2"), 4, "leave out --workers and --ray"),
        (("--column", "id=photo", "--rejects", "no/such/f"), 2, "cannot write 'no/such/f'"),
        (("--workers", "-1"), 2, "--workers"),
    ],
)
def test_what_does_not_fit_is_one_line_and_leaves_nothing(
    geofix: Geofix, database_url: str, vectors: Path, args: tuple[str, ...], code: int, words: str
) -> None:
    done = geofix("gallery", "ingest", vectors, *args, url=database_url)
    assert (done.code, done.out) == (code, "")
    assert words in done.said
    assert "no gallery yet" in geofix("gallery", "list", url=database_url).out


def test_photos_take_no_encoders_name(geofix: Geofix, database_url: str, tmp_path: Path) -> None:
    save_photo(tmp_path / "photos" / "a.jpg", (37.5, 127.0))
    done = geofix(
        "gallery", "ingest", tmp_path / "photos", "--embedded-by", "clip", url=database_url
    )
    assert (done.code, done.out) == (4, "")
    assert (
        "'clip' can be given only for vectors. geofix embeds photos itself; set GEOFIX_ENCODER"
        in done.said
    )
