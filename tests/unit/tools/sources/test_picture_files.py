from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest

from geofix.tools.errors import PhotoError
from geofix.tools.sources import FilePicture, MemoryPicture, Picture, TarPicture
from geofix.tools.sources import picture_files as module
from geofix.tools.sources.joined import tar_pictures, zip_pictures
from tests.unit.tools.sources.archives import jpeg, tar, zipped


def every_kind(folder: Path, data: bytes) -> list[Picture]:
    (folder / "a.jpg").write_bytes(data)
    members = {"x/first.jpg": b"first", "x/a.jpg": data}
    tarred = list(tar_pictures(tar(folder / "a.tar", members)))[1][1]
    stored = list(zip_pictures(zipped(folder / "a.zip", members)))[1][1]
    packed = zipped(folder / "b.zip", members, zipfile.ZIP_DEFLATED)
    deflated = list(zip_pictures(packed))[1][1]
    memory = MemoryPicture("a.tar.gz!x/a.jpg", data)
    return [FilePicture(folder / "a.jpg"), tarred, stored, deflated, memory]


def test_every_kind_of_picture_is_read_in_another_process_as_here(tmp_path: Path) -> None:
    data = jpeg()
    for picture in every_kind(tmp_path, data):
        copy = pickle.loads(pickle.dumps(picture))
        assert copy == picture and copy.read() == data
        assert copy.location.endswith(("a.jpg", "!x/a.jpg"))


def test_a_picture_above_the_limit_is_refused_before_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = every_kind(tmp_path, jpeg())
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    for picture in pictures:
        with pytest.raises(PhotoError, match="more than 100 bytes"):
            picture.read()


def test_an_archive_that_is_gone_or_cut_short_says_so(tmp_path: Path) -> None:
    _, tarred, stored, deflated, _ = every_kind(tmp_path, jpeg())
    for name in ("a.tar", "a.zip", "b.zip"):
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[:700])
    for picture in (tarred, stored, deflated):
        with pytest.raises(PhotoError, match="truncated"):
            picture.read()
    (tmp_path / "a.tar").unlink()
    with pytest.raises(PhotoError, match=r"a\.tar!x/a\.jpg.*No such file"):
        tarred.read()


def test_bytes_that_are_not_what_the_zip_announced_are_refused(tmp_path: Path) -> None:
    _, _, stored, deflated, _ = every_kind(tmp_path, jpeg())
    for name in ("a.zip", "b.zip"):
        data = bytearray((tmp_path / name).read_bytes())
        data[200:260] = bytes(60)
        (tmp_path / name).write_bytes(data)
    for picture in (stored, deflated):
        with pytest.raises(PhotoError, match="cannot be read"):
            picture.read()


def test_a_header_with_an_extra_field_is_stepped_over(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("a.jpg")
    # As `zip` of Unix writes the time into it.
    member.extra = b"UT\x05\x00\x01abcd"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, jpeg())
    ((_, picture),) = zip_pictures(tmp_path / "a.zip")
    assert picture.read() == jpeg()


def test_a_missing_file_is_a_photo_error(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="does not exist"):
        FilePicture(tmp_path / "no.jpg").read()
    with pytest.raises(PhotoError, match="No such file"):
        TarPicture(tmp_path / "no.tar", 0, 1, "a.jpg").read()
