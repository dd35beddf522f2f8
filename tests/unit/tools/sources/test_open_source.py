from __future__ import annotations

from pathlib import Path

import pytest

from geofix.tools.errors import SourceError
from geofix.tools.sources import SOURCE_KINDS, FolderSource, TableSource, open_source
from tests.files import as_nobody, open_folder


def test_a_folder_and_a_table_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "photos.csv").write_text("path,lat,lon\na.jpg,1,2\n")
    assert isinstance(open_source(tmp_path), FolderSource)
    assert isinstance(open_source(tmp_path / "photos.csv", name="mine"), TableSource)


def test_the_help_names_every_kind() -> None:
    help_ = (Path(__file__).parents[4] / "docs" / "cli.md").read_text()
    assert all(kind.name in help_.split("--kind")[1][:300] for kind in SOURCE_KINDS)


def test_a_kind_is_taken_at_its_word(tmp_path: Path) -> None:
    (tmp_path / "photos.data").write_text("path,lat,lon\na.jpg,1,2\n")
    assert isinstance(open_source(tmp_path / "photos.data", kind="csv"), TableSource)
    with pytest.raises(
        SourceError, match=r"'zip' is not a kind of source; the kinds are folder: .* vectors:"
    ):
        open_source(tmp_path, kind="zip")
    with pytest.raises(SourceError, match=r"does not contain train\.csv"):
        open_source(tmp_path, kind="osv5m")


def test_what_a_kind_does_not_take_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    with pytest.raises(
        SourceError, match="--split is only for osv5m, and this source is read as 'folder'"
    ):
        open_source(tmp_path, split="train")
    with pytest.raises(SourceError, match="--table is only for mp16, vectors"):
        open_source(tmp_path, table=tmp_path / "t.csv")
    with pytest.raises(SourceError, match="--column is only for"):
        open_source(tmp_path, columns={"latitude": "y"})


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nosuch.* does not exist"):
        open_source(tmp_path / "nosuch")


def test_what_lies_behind_a_closed_folder_is_an_error_on_purpose() -> None:
    with open_folder() as folder:
        (folder / "closed").mkdir(mode=0)
        with as_nobody(), pytest.raises(SourceError, match=r"closed/photos\.csv"):
            open_source(folder / "closed" / "photos.csv")
