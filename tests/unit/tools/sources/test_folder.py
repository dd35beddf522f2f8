from __future__ import annotations

import os
from pathlib import Path

import pytest

from geofix.tools.errors import SourceError
from geofix.tools.sources import FolderSource, Rejected, SourcePhoto
from tests.files import as_nobody, open_folder


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def ids(source: FolderSource) -> list[str]:
    photos = [item for item in source if isinstance(item, SourcePhoto)]
    assert len(photos) == source.total()
    return [photo.external_id for photo in photos]


def test_photos_are_found_in_nested_folders_in_a_steady_order(tmp_path: Path) -> None:
    touch(
        tmp_path / "b.jpg",
        tmp_path / "a" / "deep" / "IMG_1.JPG",
        tmp_path / "a" / "Übersicht (1).HEIC",
        tmp_path / "2019 été" / "日本.png",
        tmp_path / "notes.txt",
        tmp_path / "movie.mp4",
        tmp_path / "jpg",
    )
    found = ids(FolderSource(tmp_path))
    assert found == ["2019 été/日本.png", "a/deep/IMG_1.JPG", "a/Übersicht (1).HEIC", "b.jpg"]
    assert ids(FolderSource(tmp_path)) == found


def test_hidden_files_and_folders_are_no_photos(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "._a.jpg", tmp_path / ".thumbnails" / "b.jpg")
    assert ids(FolderSource(tmp_path)) == ["a.jpg"]


def test_a_folder_called_like_a_photo_is_looked_into(tmp_path: Path) -> None:
    touch(tmp_path / "trip.jpg" / "a.jpg")
    assert ids(FolderSource(tmp_path)) == ["trip.jpg/a.jpg"]


def test_links_to_photos_count_and_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere" / "a.jpg", tmp_path / "mine" / "b.jpg")
    (tmp_path / "mine" / "loop").symlink_to(tmp_path / "mine")
    (tmp_path / "mine" / "more.jpg").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "mine" / "linked.jpg").symlink_to(tmp_path / "elsewhere" / "a.jpg")
    (tmp_path / "mine" / "broken.jpg").symlink_to(tmp_path / "gone.jpg")
    # A broken link is given too, so that reading it says what is wrong with it.
    assert ids(FolderSource(tmp_path / "mine")) == ["b.jpg", "broken.jpg", "linked.jpg"]


def test_the_name_is_the_folders_and_a_mark_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "photos" / "a.jpg")
    monkeypatch.chdir(tmp_path / "photos")
    name = FolderSource(Path(".")).name
    assert name.startswith("photos-")
    assert str(tmp_path) not in name
    assert FolderSource(tmp_path / "photos").name == name
    touch(tmp_path / "elsewhere" / "photos" / "a.jpg")
    assert FolderSource(tmp_path / "elsewhere" / "photos").name != name
    assert FolderSource(Path("."), name="trip").name == "trip"


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "caf\udce9"])
def test_an_unusable_name_is_refused(tmp_path: Path, name: str) -> None:
    touch(tmp_path / "a.jpg")
    with pytest.raises(SourceError, match="name"):
        FolderSource(tmp_path, name=name)


def test_a_name_that_is_not_utf_8_is_one_line_of_the_report(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / os.fsdecode(b"caf\xe9.jpg"))
    source = FolderSource(tmp_path)
    rejected = [item for item in source if isinstance(item, Rejected)]
    assert [item.reason for item in rejected] == ["its name is not UTF-8; rename it"]
    assert len(list(source)) == source.total() == 2


def test_a_folder_that_may_not_be_read_is_one_line_of_the_report() -> None:
    with open_folder() as folder:
        touch(folder / "a.jpg", folder / "closed" / "b.jpg")
        (folder / "closed").chmod(0)
        with as_nobody():
            source = FolderSource(folder)
            items = list(source)
        assert len(items) == source.total() == 2
        rejected = [item for item in items if isinstance(item, Rejected)]
        assert rejected == [
            Rejected(str(folder / "closed"), "the folder cannot be read: Permission denied")
        ]


def test_a_folder_that_cannot_be_read_at_all_says_so() -> None:
    with open_folder() as folder:
        closed = folder / "closed"
        touch(closed / "a.jpg")
        closed.chmod(0)
        with as_nobody(), pytest.raises(SourceError, match="Permission denied"):
            FolderSource(closed)


def test_what_is_no_folder_of_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nosuch.* does not exist"):
        FolderSource(tmp_path / "nosuch")
    touch(tmp_path / "notes.txt")
    with pytest.raises(SourceError, match=r"contains no photo \(.*\.jpg"):
        FolderSource(tmp_path)
